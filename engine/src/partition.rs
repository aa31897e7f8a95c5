//! Partition refinement: classes of things that no set of a family of sets tells apart.
//!
//! Splitting by every set in turn compares the whole vector of memberships exactly, in time linear in the sizes of
//! the sets (Paige and Tarjan, *Three partition refinement algorithms*, 1987, section 1).

use crate::column::{Column, id, ids};
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// A partition of the numbers below a length into classes, numbered from 0.
pub(crate) struct Partition {
    class_of: Column<u32>,
    sizes: Column<u32>,
    /// How many members of the set at hand a class has; zero between splits.
    hits: Column<u32>,
    /// Where the members of the set at hand go, by the class that they were in.
    moved: Column<u32>,
}

impl Partition {
    /// One class of everything.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            class_of: Column::filled(0, len),
            sizes: vec![id(len)].into(),
            hits: vec![0].into(),
            moved: vec![0].into(),
        }
    }

    /// Separates the members of a set from the rest; each member is listed once.
    pub(crate) fn split(&mut self, members: &[u32]) {
        let mut touched = Vec::new();
        for &member in members {
            let class = self.class_of[member];
            if self.hits[class] == 0 {
                touched.push(class);
            }
            self.hits[class] += 1;
        }
        for &class in &touched {
            let hits = std::mem::take(&mut self.hits[class]);
            self.moved[class] = class;
            if hits < self.sizes[class] {
                self.sizes[class] -= hits;
                self.moved[class] = self.sizes.push(hits);
                self.hits.push(0);
                self.moved.push(0);
            }
        }
        for &member in members {
            self.class_of[member] = self.moved[self.class_of[member]];
        }
    }

    /// Separates what has different keys.
    pub(crate) fn split_by<K: Eq + Hash>(&mut self, key: impl Fn(u32) -> K) {
        let mut known: FxHashMap<K, u32> = FxHashMap::default();
        let mut groups: Column<Vec<u32>> = Column::default();
        for member in ids(self.class_of.len()) {
            let group = *known.entry(key(member)).or_insert_with(|| groups.push(Vec::new()));
            groups[group].push(member);
        }
        for members in groups.iter().skip(1) {
            self.split(members);
        }
    }

    /// The number of classes.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// The class of each number.
    pub(crate) fn into_classes(self) -> Column<u32> {
        self.class_of
    }
}

/// The classes that the members of a set lie in, ascending; the set must be a union of classes.
pub(crate) fn classes_of(class_of: &Column<u32>, members: &[u32]) -> Vec<u32> {
    let mut classes: Vec<u32> = members.iter().map(|&member| class_of[member]).collect();
    // Neighbours are mostly of one class.
    classes.dedup();
    classes.sort_unstable();
    classes.dedup();
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn classes_are_what_no_set_tells_apart(sets in prop::collection::vec(prop::collection::btree_set(0u32..40, 0..40), 0..8)) {
            let mut partition = Partition::new(40);
            for set in &sets {
                partition.split(&set.iter().copied().collect::<Vec<_>>());
            }
            partition.split_by(|member| member % 3);
            let len = partition.len();
            let class_of = partition.into_classes();
            let vector = |member: u32| (sets.iter().map(|set| set.contains(&member)).collect::<Vec<_>>(), member % 3);
            for a in 0..40 {
                for b in 0..40 {
                    prop_assert_eq!(class_of[a] == class_of[b], vector(a) == vector(b));
                }
            }
            prop_assert_eq!(class_of.iter().collect::<std::collections::BTreeSet<_>>().len(), len);
        }
    }
}
