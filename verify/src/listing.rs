//! The rows of `reach`: every two ends between which something passes.
//!
//! Owners whose replicas are of the same classes have the same rows but for their names, so rows are worked out for
//! each such *kind* of owner and written out for each owner.

use crate::classes::ClassId;
use crate::intern::HeaderId;
use crate::matrix::Matrix;
use crate::reach::{End, Pair, Row, Verifier};
use crate::vocabulary::Interner;
use seglab_policy::{AddressSet, Assume, Family, View};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// The classes of an owner's replicas with the number of replicas in each, ascending.
type Kind = Vec<(ClassId, usize)>;

/// External ranges with what passes between them and an owner.
type Ranges = Rc<Vec<(IpAddr, IpAddr, Pair)>>;

/// How many pairs of kinds are remembered before the memory is emptied. [pairs]
const REMEMBERED_MAX: usize = 16_000_000;

/// A listing under way.
pub(crate) struct Listing<'a> {
    /// Names with their kinds, by name.
    owners: Vec<(&'a str, u32)>,
    kinds: Vec<Kind>,
    matrix: Rc<Matrix>,
    assume: Assume,
    view: View,
    /// For each kind, what passes to each kind, and to where outside.
    passing: BTreeMap<u32, Rc<Vec<Pair>>>,
    leaving: BTreeMap<u32, Ranges>,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(verifier: &mut Verifier<'a>, assume: Assume, view: View) -> Self {
        let design = verifier.engine.design;
        let mut counts: BTreeMap<&str, BTreeMap<ClassId, usize>> = BTreeMap::new();
        for (id, unit) in design.unit_ids().zip(design.units()) {
            *counts.entry(unit.display_name()).or_default().entry(verifier.engine.classes.of(id)).or_default() += 1;
        }
        let mut kinds: Interner<Kind> = Interner::new();
        let owners =
            counts.into_iter().map(|(name, classes)| (name, kinds.intern(classes.into_iter().collect()))).collect();
        let matrix = verifier.engine.matrix(assume);
        let kinds = kinds.values().to_vec();
        Self { owners, kinds, matrix, assume, view, passing: BTreeMap::new(), leaving: BTreeMap::new() }
    }

    /// The number of parts: one for each owner as a source, one for the outside, one for each named source.
    pub(crate) fn parts(&self, verifier: &Verifier<'_>) -> usize {
        self.owners.len() + 1 + verifier.engine.classes.endpoints.whole_sources().count()
    }

    /// The rows of a part.
    pub(crate) fn part(&mut self, verifier: &mut Verifier<'_>, part: usize) -> Vec<Row> {
        let Some(&(name, kind)) = self.owners.get(part) else {
            let source = part.checked_sub(self.owners.len() + 1);
            let class = source.and_then(|source| verifier.engine.classes.endpoints.whole_sources().nth(source));
            return match class {
                None => self.opened_outside(verifier),
                Some(class) => self.opened_by_source(verifier, class),
            };
        };
        let mut rows = Vec::new();
        let passing = self.passing(verifier, kind);
        for &(other, other_kind) in &self.owners {
            let pair = match other == name {
                true => self.within(verifier, kind),
                false => passing.get(other_kind as usize).copied().unwrap_or_default(),
            };
            rows.extend(row(verifier, || (End::Units(name.to_owned()), End::Units(other.to_owned())), pair));
        }
        for &(first, last, pair) in self.leaving(verifier, kind).iter() {
            rows.extend(row(verifier, || (End::Units(name.to_owned()), End::External(first, last)), pair));
        }
        rows
    }

    fn kind(&self, kind: u32) -> &[(ClassId, usize)] {
        self.kinds.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// What passes from a kind of owner to each kind.
    fn passing(&mut self, verifier: &mut Verifier<'_>, kind: u32) -> Rc<Vec<Pair>> {
        if let Some(known) = self.passing.get(&kind) {
            return Rc::clone(known);
        }
        let mut pairs = Vec::with_capacity(self.kinds.len());
        for to in &self.kinds {
            let mut all = Pair::default();
            for &(from, _) in self.kind(kind) {
                let from = verifier.engine.endpoints_of(from);
                let pair = self.onto(verifier, &from, to);
                all = verifier.engine.join(all, pair);
            }
            pairs.push(all);
        }
        let pairs = Rc::new(pairs);
        if (self.passing.len() + 1) * self.kinds.len() > REMEMBERED_MAX {
            self.passing.clear();
        }
        self.passing.insert(kind, Rc::clone(&pairs));
        pairs
    }

    /// What passes between different replicas of one owner.
    fn within(&self, verifier: &mut Verifier<'_>, kind: u32) -> Pair {
        let mut all = Pair::default();
        for &(from, _) in self.kind(kind) {
            for &(to, count) in self.kind(kind) {
                if from != to || count > 1 {
                    let from = verifier.engine.endpoints_of(from);
                    let pair = self.onto(verifier, &from, &[(to, count)]);
                    all = verifier.engine.join(all, pair);
                }
            }
        }
        all
    }

    fn leaving(&mut self, verifier: &mut Verifier<'_>, kind: u32) -> Ranges {
        if let Some(known) = self.leaving.get(&kind) {
            return Rc::clone(known);
        }
        let mut merged: BTreeMap<Pair, Vec<u32>> = BTreeMap::new();
        for external in verifier.engine.classes.endpoints.externals() {
            let mut all = Pair::default();
            for &(from, _) in self.kind(kind) {
                let from = verifier.engine.endpoints_of(from);
                let pair = verifier.engine.pair(&from, &[external], None, &self.matrix, self.assume);
                all = verifier.engine.join(all, pair);
            }
            merged.entry(all).or_default().push(external);
        }
        let ranges = Rc::new(ranges(verifier, merged));
        self.leaving.insert(kind, Rc::clone(&ranges));
        ranges
    }

    fn opened_outside(&self, verifier: &mut Verifier<'_>) -> Vec<Row> {
        let mut entering: Vec<Vec<(IpAddr, IpAddr, Pair)>> = Vec::with_capacity(self.kinds.len());
        for kind in &self.kinds {
            let mut merged: BTreeMap<Pair, Vec<u32>> = BTreeMap::new();
            for external in verifier.engine.classes.endpoints.externals() {
                let pair = self.onto(verifier, &[external], kind);
                merged.entry(pair).or_default().push(external);
            }
            entering.push(ranges(verifier, merged));
        }
        let mut rows = Vec::new();
        for &(name, kind) in &self.owners {
            for &(first, last, pair) in entering.get(kind as usize).into_iter().flatten() {
                rows.extend(row(verifier, || (End::External(first, last), End::Units(name.to_owned())), pair));
            }
        }
        rows.sort_by(|a, b| (&a.source, &a.destination).cmp(&(&b.source, &b.destination)));
        rows
    }

    fn opened_by_source(&self, verifier: &mut Verifier<'_>, class: u32) -> Vec<Row> {
        let Some(source) = verifier.engine.source_name(class) else { return Vec::new() };
        let classes = verifier.engine.classes.endpoints.of_source(class);
        let pairs: Vec<Pair> = self.kinds.iter().map(|kind| self.onto(verifier, &classes, kind)).collect();
        let mut rows = Vec::new();
        for &(name, kind) in &self.owners {
            let pair = pairs.get(kind as usize).copied().unwrap_or_default();
            rows.extend(row(verifier, || (End::Source(source.clone()), End::Units(name.to_owned())), pair));
        }
        rows
    }

    /// What passes from endpoint classes to replicas.
    fn onto(&self, verifier: &mut Verifier<'_>, from: &[u32], to: &[(ClassId, usize)]) -> Pair {
        let mut all = Pair::default();
        for &(class, _) in to {
            let (endpoints, counts) = verifier.engine.endpoints_of_listening(class, self.view);
            let pair = verifier.engine.pair(from, &endpoints, counts, &self.matrix, self.assume);
            all = verifier.engine.join(all, pair);
        }
        all
    }
}

/// The addresses of external classes as ranges, ascending, each with what passes; classes with nothing left out.
fn ranges(verifier: &Verifier<'_>, merged: BTreeMap<Pair, Vec<u32>>) -> Vec<(IpAddr, IpAddr, Pair)> {
    let endpoints = &verifier.engine.classes.endpoints;
    let mut all = Vec::new();
    for (pair, externals) in merged.into_iter().filter(|(pair, _)| pair.possible != HeaderId::EMPTY) {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for external in externals {
            let addresses = endpoints.addresses(external);
            v4.extend_from_slice(addresses.v4.ranges());
            v6.extend_from_slice(addresses.v6.ranges());
        }
        let addresses = AddressSet {
            v4: seglab_policy::IntervalSet::from_ranges(v4),
            v6: seglab_policy::IntervalSet::from_ranges(v6),
        };
        all.extend(addresses.ranges().map(|(first, last)| (first, last, pair)));
    }
    all.sort_unstable();
    all
}

/// A row, if anything passes or may pass.
fn row(verifier: &mut Verifier<'_>, ends: impl FnOnce() -> (End, End), pair: Pair) -> Option<Row> {
    if pair.possible == HeaderId::EMPTY {
        return None;
    }
    let (source, destination) = ends();
    let sets = &mut verifier.engine.sets;
    let unknown = sets.difference(pair.possible, pair.certain);
    let families = Family::ALL.into_iter().zip(pair.families).filter(|(_, common)| *common);
    Some(Row {
        source,
        destination,
        allowed: sets.get(pair.certain).clone(),
        one_way: sets.get(pair.one_way).clone(),
        unknown: sets.get(unknown).clone(),
        families: families.map(|(family, _)| family).collect(),
    })
}
