//! Merging by verdict: sources that are told the same of every destination become one class, and destinations of which
//! every source is told the same.
//!
//! Which rules brought the answers about does not matter. Rows and columns are compared entry by entry; their hashes
//! only find whom to compare with.

use super::rows::Rows;
use crate::column::{Column, id, ids};
use rustc_hash::FxHashMap;

/// Classes by verdict, and what their pairs are told.
pub(super) struct Merged {
    /// The class by verdict of each class of sources, and of each class of destinations.
    pub(super) sources: Axis,
    pub(super) destinations: Axis,
    /// The profile of two groups: row after row of destinations' groups.
    pub(super) usual: Vec<u32>,
    /// What other pairs of classes are told, destination after destination.
    pub(super) exceptions: Vec<(u32, u32, u32)>,
    /// The group by verdict of each group that went in, of sources and of destinations.
    pub(super) bands: [Column<u32>; 2],
}

/// The classes by verdict of one side.
#[derive(Default)]
pub(super) struct Axis {
    /// By the class that went in.
    pub(super) class_of: Column<u32>,
    /// The group of each class by verdict.
    pub(super) group_of: Column<u32>,
    pub(super) groups: usize,
    /// How many of the groups, the first ones, are units'.
    pub(super) inside: usize,
}

/// What keeps groups apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Apart {
    pub(super) external: bool,
    pub(super) touched: bool,
}

impl Merged {
    /// Merges; `groups_of` are the groups of the classes of sources and of destinations, `apart` says of the groups
    /// which stay apart whatever they are told.
    pub(super) fn new(rows: &Rows, groups_of: [&Column<u32>; 2], apart: [&Column<Apart>; 2]) -> Self {
        let row_of = |group: u32| (0..rows.width).map(move |to| rows.usual[group * rows.width + to]);
        let inside_first = |apart: &Column<Apart>| {
            let mut groups = Vec::from_iter(ids(apart.len()));
            groups.sort_by_key(|&group| apart[group].external);
            groups
        };
        let row = |group: u32| (apart[0][group], Vec::from_iter(row_of(group)));
        let (row_groups, rows_first) = dedupe(&inside_first(apart[0]), row);
        let column = |to: u32| {
            let told = rows_first.iter().map(|&group| rows.usual[group * rows.width + to]);
            (apart[1][to].external, Vec::from_iter(told))
        };
        let (column_groups, columns_first) = dedupe(&inside_first(apart[1]), column);
        let inside =
            |first: &[u32], apart: &Column<Apart>| first.iter().filter(|&&group| !apart[group].external).count();
        let usual = rows_first
            .iter()
            .flat_map(|&from| columns_first.iter().map(move |&to| rows.usual[from * rows.width + to]))
            .collect();
        let none = Vec::new();
        let exceptions_of = |source: u32| rows.exceptions.get(source as usize).unwrap_or(&none).as_slice();
        let group_of_source = |source: u32| row_groups[groups_of[0][source]];
        let (sources, sources_first) =
            dedupe(&Vec::from_iter(ids(groups_of[0].len())), |source| (group_of_source(source), exceptions_of(source)));
        let mut columns: Vec<Vec<(u32, u32)>> = vec![Vec::new(); groups_of[1].len()];
        for (class, &source) in (0u32..).zip(&sources_first) {
            for &(destination, profile) in exceptions_of(source) {
                if let Some(column) = columns.get_mut(destination as usize) {
                    column.push((class, profile));
                }
            }
        }
        let column_of = |destination: u32| columns.get(destination as usize).unwrap_or(&none).as_slice();
        let group_of_destination = |destination: u32| column_groups[groups_of[1][destination]];
        let (destinations, destinations_first) =
            dedupe(&Vec::from_iter(ids(groups_of[1].len())), |to| (group_of_destination(to), column_of(to)));
        let mut exceptions: Vec<(u32, u32, u32)> = Vec::new();
        for (class, &destination) in (0u32..).zip(&destinations_first) {
            exceptions.extend(column_of(destination).iter().map(|&(source, profile)| (source, class, profile)));
        }
        Self {
            sources: Axis {
                class_of: sources,
                group_of: sources_first.iter().map(|&source| group_of_source(source)).collect(),
                groups: rows_first.len(),
                inside: inside(&rows_first, apart[0]),
            },
            destinations: Axis {
                class_of: destinations,
                group_of: destinations_first.iter().map(|&to| group_of_destination(to)).collect(),
                groups: columns_first.len(),
                inside: inside(&columns_first, apart[1]),
            },
            usual,
            exceptions,
            bands: [row_groups, column_groups],
        }
    }
}

impl Merged {
    /// Adds a class to both sides, of whom every pair is told `profile`; returns them as if they had gone in.
    pub(super) fn add_class(&mut self, profile: u32) -> [u32; 2] {
        let (height, width) = (self.sources.groups, self.destinations.groups);
        let mut usual = Vec::with_capacity((height + 1) * (width + 1));
        for row in 0..height {
            usual.extend(self.usual.iter().skip(row * width).take(width));
            usual.push(profile);
        }
        usual.resize((height + 1) * (width + 1), profile);
        self.usual = usual;
        [&mut self.sources, &mut self.destinations].map(|axis| {
            let class = axis.group_of.push(id(axis.groups));
            axis.groups += 1;
            axis.class_of.push(class)
        })
    }
}

/// Numbers the different keys in the order in which they come; returns the number of each member, and the first member
/// of each number.
fn dedupe<K: std::hash::Hash + Eq>(members: &[u32], key: impl Fn(u32) -> K) -> (Column<u32>, Vec<u32>) {
    let mut known: FxHashMap<K, u32> = FxHashMap::default();
    let mut first = Vec::new();
    let mut numbers = Column::filled(0, members.len());
    for &member in members {
        numbers[member] = *known.entry(key(member)).or_insert_with(|| {
            first.push(member);
            id(first.len() - 1)
        });
    }
    (numbers, first)
}
