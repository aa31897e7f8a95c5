//! Header sets by number: each distinct set is kept once, and each operation on two sets is done once.
//!
//! A design of thousands of classes has millions of pairs of classes and a few hundred distinct sets of headers
//! between them. Numbers make comparing sets, and looking up what was already combined, as cheap as an integer.

use crate::header_set::HeaderSet;
use rustc_hash::FxHashMap;

/// The number of a header set. Zero is the empty set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HeaderId(u32);

impl HeaderId {
    pub(crate) const EMPTY: HeaderId = HeaderId(0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// The header sets that a verification meets.
#[derive(Debug)]
pub(crate) struct HeaderSets {
    sets: Vec<HeaderSet>,
    ids: FxHashMap<HeaderSet, HeaderId>,
    done: FxHashMap<(Operation, HeaderId, HeaderId), HeaderId>,
}

impl HeaderSets {
    pub(crate) fn new() -> Self {
        let mut sets = Self { sets: Vec::new(), ids: FxHashMap::default(), done: FxHashMap::default() };
        sets.intern(HeaderSet::empty());
        sets
    }

    pub(crate) fn intern(&mut self, set: HeaderSet) -> HeaderId {
        if let Some(&id) = self.ids.get(&set) {
            return id;
        }
        let id = HeaderId(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    #[expect(clippy::indexing_slicing, reason = "ids are made by the interner that they index")]
    pub(crate) fn get(&self, id: HeaderId) -> &HeaderSet {
        &self.sets[id.0 as usize]
    }

    pub(crate) fn union(&mut self, a: HeaderId, b: HeaderId) -> HeaderId {
        match (a, b) {
            (HeaderId::EMPTY, other) | (other, HeaderId::EMPTY) => other,
            (a, b) if a == b => a,
            (a, b) => self.operate(Operation::Union, a.min(b), a.max(b)),
        }
    }

    pub(crate) fn intersection(&mut self, a: HeaderId, b: HeaderId) -> HeaderId {
        match (a, b) {
            (HeaderId::EMPTY, _) | (_, HeaderId::EMPTY) => HeaderId::EMPTY,
            (a, b) if a == b => a,
            (a, b) => self.operate(Operation::Intersection, a.min(b), a.max(b)),
        }
    }

    pub(crate) fn difference(&mut self, a: HeaderId, b: HeaderId) -> HeaderId {
        match (a, b) {
            (a, HeaderId::EMPTY) => a,
            (HeaderId::EMPTY, _) => HeaderId::EMPTY,
            (a, b) if a == b => HeaderId::EMPTY,
            (a, b) => self.operate(Operation::Difference, a, b),
        }
    }

    pub(crate) fn intersect(&mut self, a: HeaderId, b: HeaderId) -> bool {
        self.intersection(a, b) != HeaderId::EMPTY
    }

    fn operate(&mut self, operation: Operation, a: HeaderId, b: HeaderId) -> HeaderId {
        if let Some(&id) = self.done.get(&(operation, a, b)) {
            return id;
        }
        let (ours, theirs) = (self.get(a), self.get(b));
        let set = match operation {
            Operation::Union => ours.union(theirs),
            Operation::Intersection => ours.intersection(theirs),
            Operation::Difference => ours.difference(theirs),
        };
        let id = self.intern(set);
        self.done.insert((operation, a, b), id);
        id
    }
}
