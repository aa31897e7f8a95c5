//! Which pairs of ends differ directly, without comparing every two.
//!
//! Each design's [matrix](crate::matrix) knows what is common to kinds of endpoint classes, and the exceptions. Ends
//! that both designs count to the same kinds make a row of one set for each way in which something differs; a source's
//! own row is changed where either design has an exception for it. So what is compared one by one is what rules about
//! few speak of, and the kinds.
//!
//! Where a design judges replies, these depend on more than the kinds of the two ends, and every two are compared. So
//! are addresses that are some units' in one address space and outside in another, once for each way of being so.

use super::direct::{Side, Table, cells};
use crate::difference::block::Rows;
use crate::difference::refinement::{Both, Refinement};
use crate::direct::Arrives;
use crate::intern::HeaderId;
use crate::shared_set::SetId;
use crate::vocabulary::Interner;
use fixedbitset::FixedBitSet;
use seglab_policy::Family;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What differs from a source: by way, the destinations.
type Row = Rc<[(u32, SetId)]>;

/// What makes addresses that are held in some space differ alike: their classes, the spaces, and the family.
type Holding = (Both<u32>, Both<FixedBitSet>, Family);

/// Fills the rows with every pair of ends that differs.
pub(super) fn fill(sides: &mut Both<Side<'_, '_>>, refinement: &Refinement<'_>, table: &mut Table, rows: &mut Rows) {
    let ends = |count: usize| 0..u32::try_from(count).unwrap_or(u32::MAX);
    if sides.iter().any(|side| side.verifier.engine.stateless) {
        for from in ends(refinement.len()) {
            let until =
                if from < first_outside(refinement) { refinement.destinations() } else { refinement.units.len() };
            let row = one_by_one(sides, refinement, from, ends(until), table, rows);
            row.iter().for_each(|&(way, to)| rows.add(from, way, to));
        }
        return;
    }
    let held = held(refinement);
    let kinds = Kinds::new(sides, refinement, &held);
    let mut fill = Fill { sides, refinement, table, rows, kinds, held, common: BTreeMap::new() };
    let mut of_held: BTreeMap<usize, Row> = BTreeMap::new();
    for from in ends(refinement.len()) {
        let row = match fill.held.group_of(from) {
            None => fill.row(from),
            Some(group) => {
                let made =
                    || one_by_one(fill.sides, refinement, from, 0..first_outside(refinement), fill.table, fill.rows);
                Rc::clone(of_held.entry(group).or_insert_with(made))
            }
        };
        row.iter().for_each(|&(way, to)| fill.rows.add(from, way, to));
    }
}

/// The first end that is no unit's.
fn first_outside(refinement: &Refinement<'_>) -> u32 {
    u32::try_from(refinement.units.len()).unwrap_or(u32::MAX)
}

/// A source's row by comparing every two ends.
fn one_by_one(
    sides: &mut Both<Side<'_, '_>>,
    refinement: &Refinement<'_>,
    from: u32,
    to: std::ops::Range<u32>,
    table: &mut Table,
    rows: &mut Rows,
) -> Row {
    let mut changes: BTreeMap<u32, Vec<(u32, bool)>> = BTreeMap::new();
    for to in to {
        let Some(both) = cells(sides, refinement, from as usize, to as usize, table) else { continue };
        let list = table.list(both);
        for &way in table.ways(list) {
            changes.entry(way).or_default().push((to, true));
        }
    }
    changes.into_iter().map(|(way, to)| (way, rows.pool.changed(SetId::EMPTY, &to))).collect()
}

/// External addresses that are some units' in an address space, put together where nothing tells them apart.
struct Held {
    /// By end of addresses.
    group_of: Vec<Option<usize>>,
    /// The ends of each group.
    groups: Vec<Vec<u32>>,
    first: u32,
}

fn held(refinement: &Refinement<'_>) -> Held {
    let first = first_outside(refinement);
    let mut known: Interner<Holding> = Interner::new();
    let mut held = Held { group_of: Vec::with_capacity(refinement.addresses.len()), groups: Vec::new(), first };
    for (at, end) in (first..).zip(&refinement.addresses) {
        if end.held.iter().all(FixedBitSet::is_clear) {
            held.group_of.push(None);
            continue;
        }
        let group = known.intern((end.class, end.held.clone(), end.family)) as usize;
        held.group_of.push(Some(group));
        match held.groups.get_mut(group) {
            Some(group) => group.push(at),
            None => held.groups.push(vec![at]),
        }
    }
    held
}

impl Held {
    fn group_of(&self, end: u32) -> Option<usize> {
        self.group_of.get(end.checked_sub(self.first)? as usize).copied().flatten()
    }
}

/// The kinds of an end's endpoint classes; `None` for an end that the design lacks.
type KindsOf = Option<Vec<u32>>;

/// The same of a destination, with the headers that count there.
type Counted = (KindsOf, Option<HeaderId>);

/// Ends that both designs count to the same kinds.
struct Kinds {
    /// By number of kinds of sources; true for units, and likewise of destinations.
    sources: Interner<(Both<KindsOf>, bool)>,
    /// By number of kinds of destinations.
    destinations: Interner<(Both<Counted>, bool)>,
    of_sources: Vec<u32>,
    of_destinations: Vec<u32>,
    /// The ends of each kind of destinations, ascending, without those that are held.
    members: Vec<Vec<(u32, bool)>>,
    /// Of each design, the ends at each endpoint class, as destinations.
    at: Both<Vec<Vec<u32>>>,
}

impl Kinds {
    fn new(sides: &Both<Side<'_, '_>>, refinement: &Refinement<'_>, held: &Held) -> Self {
        let units = refinement.units.len();
        let kinds = |side: &Side<'_, '_>, end: usize, as_source: bool| -> KindsOf {
            let classes = side.endpoints.get(end)?.as_deref()?.iter();
            let kinds = if as_source { &side.matrix.sources } else { &side.matrix.destinations };
            Some(classes.map(|&class| kinds.of(class)).collect())
        };
        let mut made = Self {
            sources: Interner::new(),
            destinations: Interner::new(),
            of_sources: Vec::with_capacity(refinement.len()),
            of_destinations: Vec::with_capacity(refinement.destinations()),
            members: Vec::new(),
            at: sides.each_ref().map(|side| vec![Vec::new(); side.verifier.engine.classes.endpoints.len()]),
        };
        for end in 0..refinement.len() {
            let of_end = sides.each_ref().map(|side| kinds(side, end, true));
            made.of_sources.push(made.sources.intern((of_end, end < units)));
        }
        for (end, at) in (0..refinement.destinations()).zip(0u32..) {
            let of_end = sides.each_ref().map(|side| {
                let counts = side.counts.get(end).copied().flatten();
                (kinds(side, end, false), counts)
            });
            let kind = made.destinations.intern((of_end, end < units));
            made.of_destinations.push(kind);
            if made.members.len() <= kind as usize {
                made.members.push(Vec::new());
            }
            if held.group_of(at).is_some() {
                continue;
            }
            made.members.get_mut(kind as usize).into_iter().for_each(|members| members.push((at, true)));
            for (side, ends_at) in sides.iter().zip(&mut made.at) {
                for &class in side.endpoints.get(end).and_then(Option::as_deref).unwrap_or_default() {
                    ends_at.get_mut(class as usize).into_iter().for_each(|ends| ends.push(at));
                }
            }
        }
        made
    }
}

/// What differs between a kind of sources and every kind of destinations.
struct Common {
    /// By number of kinds of destinations, the number of the list of ways.
    lists: Vec<u32>,
    row: Row,
}

struct Fill<'f, 'r, 'a, 'b> {
    sides: &'f mut Both<Side<'r, 'a>>,
    refinement: &'f Refinement<'b>,
    table: &'f mut Table,
    rows: &'f mut Rows,
    kinds: Kinds,
    held: Held,
    common: BTreeMap<u32, Rc<Common>>,
}

impl Fill<'_, '_, '_, '_> {
    /// The row of a source that is no address which somebody holds.
    fn row(&mut self, from: u32) -> Row {
        let kind = self.kinds.of_sources.get(from as usize).copied().unwrap_or(0);
        let common = match self.common.get(&kind) {
            Some(known) => Rc::clone(known),
            None => {
                let made = Rc::new(self.common(kind));
                self.common.insert(kind, Rc::clone(&made));
                made
            }
        };
        let mut changes: BTreeMap<u32, Vec<(u32, bool)>> = BTreeMap::new();
        for to in self.excepted(from) {
            let Some(both) = cells(self.sides, self.refinement, from as usize, to as usize, self.table) else {
                continue;
            };
            let list = self.table.list(both);
            let kind = self.kinds.of_destinations.get(to as usize).copied().unwrap_or(0);
            let usual = common.lists.get(kind as usize).copied().unwrap_or(0);
            if list == usual {
                continue;
            }
            let (ways, usual) = (self.table.ways(list), self.table.ways(usual));
            for &way in usual.iter().filter(|way| !ways.contains(way)) {
                changes.entry(way).or_default().push((to, false));
            }
            for &way in ways.iter().filter(|way| !usual.contains(way)) {
                changes.entry(way).or_default().push((to, true));
            }
        }
        if from < self.held.first {
            for ends in &self.held.groups {
                let Some(&to) = ends.first() else { continue };
                let Some(both) = cells(self.sides, self.refinement, from as usize, to as usize, self.table) else {
                    continue;
                };
                let list = self.table.list(both);
                for &way in self.table.ways(list) {
                    changes.entry(way).or_default().extend(ends.iter().map(|&to| (to, true)));
                }
            }
        }
        if changes.is_empty() {
            return Rc::clone(&common.row);
        }
        let mut row: BTreeMap<u32, SetId> = common.row.iter().copied().collect();
        for (way, mut to) in changes {
            to.sort_unstable();
            let set = row.entry(way).or_default();
            *set = self.rows.pool.changed(*set, &to);
        }
        row.into_iter().collect()
    }

    /// The destinations for which either design knows something else from a source than what is common to its kind.
    fn excepted(&mut self, from: u32) -> Vec<u32> {
        let mut ends = Vec::new();
        for (side, at) in self.sides.iter_mut().zip(&self.kinds.at) {
            let Some(Some(classes)) = side.endpoints.get(from as usize) else { continue };
            for &class in classes.iter() {
                for (to, _) in side.verifier.engine.exceptions_from(&side.matrix, class) {
                    ends.extend(at.get(*to as usize).into_iter().flatten());
                }
            }
        }
        if from >= self.held.first {
            ends.retain(|&to| to < self.held.first);
        }
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    fn common(&mut self, kind: u32) -> Common {
        let Some((from, outward)) = self.kinds.sources.values().get(kind as usize).cloned() else {
            return Common { lists: Vec::new(), row: Rc::from([]) };
        };
        let mut lists = Vec::with_capacity(self.kinds.destinations.len());
        let mut ways: BTreeMap<u32, Vec<(u32, bool)>> = BTreeMap::new();
        for (to, is_unit) in self.kinds.destinations.values() {
            if !outward && !is_unit {
                lists.push(0);
                continue;
            }
            let mut both = [0, 0];
            for ((side, cell), (from, (to, counts))) in self.sides.iter_mut().zip(&mut both).zip(from.iter().zip(to)) {
                if let (Some(from), Some(to)) = (from, to) {
                    *cell = common_cell(side, from, to, *counts, self.table);
                }
            }
            let list = self.table.list(both);
            for &way in self.table.ways(list) {
                let members = self.kinds.members.get(lists.len()).into_iter().flatten();
                ways.entry(way).or_default().extend(members);
            }
            lists.push(list);
        }
        let row = ways.into_iter().map(|(way, mut to)| {
            to.sort_unstable();
            (way, self.rows.pool.changed(SetId::EMPTY, &to))
        });
        Common { lists, row: row.collect() }
    }
}

/// The cell that is common to kinds, over whatever ways there are.
fn common_cell(side: &mut Side<'_, '_>, from: &[u32], to: &[u32], counts: Option<HeaderId>, table: &mut Table) -> u32 {
    let matrix = Rc::clone(&side.matrix);
    let mut cells = Vec::with_capacity(from.len() * to.len());
    for &source in from {
        let first = matrix.sources.members.get(source as usize).and_then(|members| members.first());
        let Some(&first) = first else { continue };
        let family = side.verifier.engine.classes.endpoints.get(first).family;
        for &destination in to {
            let arrives: Arrives = side.verifier.engine.common(&matrix, source, destination);
            cells.push(side.unanswered(arrives, counts, family, table));
        }
    }
    table.join(&cells)
}
