//! The segment matrix: which segments can connect to which, for one picture of a design.

use crate::classes::ClassId;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::matrix::Matrix;
use crate::reach::Verifier;
use seglab_policy::{Assume, NAMESPACE_PREFIX, Unit, UnitId, View};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the rows and columns of a segment matrix are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grouping {
    /// The segments that the design declares.
    Declared,
    /// Kubernetes namespaces.
    Namespace,
    /// Zones of the units' first interfaces.
    Zone,
    /// The label `app`.
    App,
    /// Owners of replicas, and units that have none.
    Owner,
}

/// How many of the pairs of different units of two segments can connect, and on what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Pairs of different units.
    pub pairs: u64,
    /// Pairs between which something certainly passes.
    pub connected: u64,
    /// Pairs between which it is not known whether more passes.
    pub uncertain: u64,
    /// The headers that some pair passes.
    pub some: HeaderSet,
    /// The headers that every pair passes.
    pub every: HeaderSet,
}

/// Which segments can connect to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentMatrix {
    /// What the segments are.
    pub grouping: Grouping,
    /// The names of the segments; units of none are last, under an empty name, if there are any.
    pub names: Vec<String>,
    /// The number of units of each segment; a unit may be of several declared ones.
    pub sizes: Vec<usize>,
    /// A row for each source segment, with a cell for each destination segment.
    pub cells: Vec<Vec<Cell>>,
}

/// A segment's name, and the number of its units in each class.
type Members = (String, BTreeMap<ClassId, usize>);

/// The most segments that a default grouping may have: a picture with more says nothing.
const SEGMENTS_MAX: usize = 40;

impl Verifier<'_> {
    /// The matrix of the declared segments; without any, of the first grouping that tells units apart and is small
    /// enough to look at: namespaces, zones, the label `app`, owners.
    pub fn segment_matrix(&mut self, view: View, assume: Assume) -> SegmentMatrix {
        let (grouping, segments) = self.segments();
        let matrix = self.engine.matrix(assume);
        let cells = segments
            .iter()
            .map(|(_, from)| segments.iter().map(|(_, to)| self.cell(from, to, view, &matrix)).collect())
            .collect();
        let sizes = segments.iter().map(|(_, classes)| classes.values().sum()).collect();
        SegmentMatrix { grouping, names: segments.into_iter().map(|(name, _)| name).collect(), sizes, cells }
    }

    /// Segments with the number of their units in each class.
    fn segments(&self) -> (Grouping, Vec<Members>) {
        let design = self.engine.design;
        if !design.segments().is_empty() {
            let members = |segment: &seglab_policy::Segment| {
                let classes = self.selected(&segment.selector);
                classes.map(|class| (class, self.engine.classes.members(class).len())).collect()
            };
            let mut all: Vec<Members> =
                design.segments().iter().map(|segment| (segment.name.clone(), members(segment))).collect();
            let none: BTreeMap<ClassId, usize> = self
                .engine
                .classes
                .ids()
                .filter(|class| !all.iter().any(|(_, classes)| classes.contains_key(class)))
                .map(|class| (class, self.engine.classes.members(class).len()))
                .collect();
            if !none.is_empty() {
                all.push((String::new(), none));
            }
            return (Grouping::Declared, all);
        }
        let grouping = self.grouping();
        (grouping, self.grouped(grouping))
    }

    /// What units are grouped by: declared segments; else what tells units apart and is small enough to look at.
    pub(crate) fn grouping(&self) -> Grouping {
        if !self.engine.design.segments().is_empty() {
            return Grouping::Declared;
        }
        let groupings = [Grouping::Namespace, Grouping::Zone, Grouping::App, Grouping::Owner];
        let counted = groupings.map(|grouping| {
            let names: BTreeSet<Option<String>> = self.names_of_units(grouping).into_iter().collect();
            (grouping, names.len())
        });
        let fits = |(_, groups): &&(Grouping, usize)| (2..=SEGMENTS_MAX).contains(groups);
        // Where none fits, the coarsest will do.
        let coarsest = counted.iter().min_by_key(|(_, groups)| *groups);
        counted.iter().find(fits).or(coarsest).map_or(Grouping::Owner, |(grouping, _)| *grouping)
    }

    /// The name of each unit's group.
    pub(crate) fn names_of_units(&self, grouping: Grouping) -> Vec<Option<String>> {
        let namespace = format!("{NAMESPACE_PREFIX}kubernetes.io/metadata.name");
        let units = self.engine.design.units().iter();
        units.map(|unit| name_in(unit, grouping, &namespace).map(str::to_owned)).collect()
    }

    fn grouped(&self, grouping: Grouping) -> Vec<Members> {
        let design = self.engine.design;
        let mut groups: BTreeMap<Option<&str>, BTreeMap<ClassId, usize>> = BTreeMap::new();
        let namespace = format!("{NAMESPACE_PREFIX}kubernetes.io/metadata.name");
        for (id, unit) in design.unit_ids().zip(design.units()) {
            let name = name_in(unit, grouping, &namespace);
            *groups.entry(name).or_default().entry(self.class(id)).or_default() += 1;
        }
        let unnamed = groups.remove(&None);
        let named = groups.into_iter().map(|(name, classes)| (name.unwrap_or_default().to_owned(), classes));
        named.chain(unnamed.map(|classes| (String::new(), classes))).collect()
    }

    fn class(&self, unit: UnitId) -> ClassId {
        self.engine.classes.of(unit)
    }

    fn cell(
        &mut self,
        from: &BTreeMap<ClassId, usize>,
        to: &BTreeMap<ClassId, usize>,
        view: View,
        matrix: &Rc<Matrix>,
    ) -> Cell {
        let engine = &mut self.engine;
        let mut cell = Cell::default();
        let (mut some, mut every) = (HeaderId::EMPTY, None);
        for (&source, &sources) in from {
            for (&destination, &destinations) in to {
                // A declared segment has whole classes, so two segments share all units of a class or none; a default
                // one may have some of them, and shares no unit with another.
                let all = engine.classes.members(source).len();
                let whole = sources == all && destinations == all;
                let same = source == destination && (std::ptr::eq(from, to) || whole);
                let pairs = sources as u64 * destinations as u64 - if same { sources as u64 } else { 0 };
                if pairs == 0 {
                    continue;
                }
                let endpoints = engine.endpoints_of(source);
                let (onto, counts) = engine.endpoints_of_listening(destination, view);
                let (certain, possible) = engine.arriving(&endpoints, &onto, counts, matrix);
                cell.pairs += pairs;
                cell.connected += if certain == HeaderId::EMPTY { 0 } else { pairs };
                cell.uncertain += if certain == possible { 0 } else { pairs };
                some = engine.sets.union(some, certain);
                every = Some(every.map_or(certain, |every| engine.sets.intersection(every, certain)));
            }
        }
        cell.some = engine.sets.get(some).clone();
        cell.every = engine.sets.get(every.unwrap_or_default()).clone();
        cell
    }
}

/// The name of a unit's group, if it has one.
fn name_in<'u>(unit: &'u Unit, grouping: Grouping, namespace: &str) -> Option<&'u str> {
    match grouping {
        Grouping::Declared => None,
        Grouping::Namespace => unit.labels.get(namespace).map(String::as_str),
        Grouping::Zone => unit.interfaces.first().and_then(|interface| interface.place.zone.as_deref()),
        Grouping::App => unit.labels.get("app").map(String::as_str),
        Grouping::Owner => Some(unit.display_name()),
    }
}
