//! Numbers of one set looked for in many.

use super::{FANOUT_BITS, LEAF_BITS, LEAF_WORDS, Pool, SetId, word_of};
use fixedbitset::FixedBitSet;

/// Looks for numbers of a fixed set in many sets: in no shared part twice that has none, and in no part at all where
/// there are none to be had.
pub(crate) struct Hits<'p> {
    pool: &'p Pool,
    /// The wanted numbers, leaf by leaf.
    wanted: Vec<[u64; LEAF_WORDS]>,
    /// How many leaves before each have wanted numbers.
    before: Vec<u32>,
    barren: FixedBitSet,
}

impl<'p> Hits<'p> {
    pub(crate) fn new(pool: &'p Pool, wanted: &FixedBitSet) -> Self {
        let leaves = wanted.len().div_ceil(1 << LEAF_BITS);
        let leaf = |at: usize| std::array::from_fn(|word| word_of(wanted, (at << LEAF_BITS) + word * 64));
        let wanted: Vec<[u64; LEAF_WORDS]> = (0..leaves).map(leaf).collect();
        let mut before = Vec::with_capacity(leaves + 1);
        before.push(0);
        let mut count = 0;
        before.extend(wanted.iter().map(|leaf| {
            count += u32::from(*leaf != [0; LEAF_WORDS]);
            count
        }));
        Self { pool, wanted, before, barren: FixedBitSet::with_capacity(pool.nodes().0) }
    }

    /// The first wanted number of the set, ascending, of which `accept` says yes.
    pub(crate) fn find(&mut self, set: SetId, accept: &mut impl FnMut(usize) -> bool) -> Option<usize> {
        self.look(set.0, self.pool.height, 0, accept).0
    }

    /// False if it is known that the set has no wanted number.
    pub(crate) fn may_have(&self, set: SetId) -> bool {
        set != SetId::EMPTY && !self.barren.contains(set.0 as usize)
    }

    /// True if some number is wanted that a node of a level may have, which begins at a leaf.
    fn is_wanted(&self, level: u32, leaf: usize) -> bool {
        let last = self.before.len() - 1;
        let end = (leaf + (1 << (FANOUT_BITS * level))).min(last);
        self.before.get(leaf.min(last)) < self.before.get(end)
    }

    /// What was found, and whether there was anything wanted.
    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn look(
        &mut self,
        node: u32,
        level: u32,
        leaf: usize,
        accept: &mut impl FnMut(usize) -> bool,
    ) -> (Option<usize>, bool) {
        if node == 0 || !self.is_wanted(level, leaf) {
            return (None, false);
        }
        let mut any = false;
        if level == 0 {
            let (base, words) = &self.pool.leaves.values[Pool::position(node)];
            for ((first, word), wanted) in (*base as usize..).step_by(64).zip(words).zip(&self.wanted[leaf]) {
                let mut rest = word & wanted;
                while rest != 0 {
                    let number = first + rest.trailing_zeros() as usize;
                    any = true;
                    if accept(number) {
                        return (Some(number), true);
                    }
                    rest &= rest - 1;
                }
            }
        } else if !self.barren.contains(node as usize) {
            for (at, child) in self.pool.branches.values[node as usize].into_iter().enumerate() {
                let leaf = leaf + (at << (FANOUT_BITS * (level - 1)));
                let (found, wanted) = self.look(child, level - 1, leaf, accept);
                any |= wanted;
                if found.is_some() {
                    return (found, true);
                }
            }
            self.barren.set(node as usize, !any);
        }
        (None, any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const BOUND: usize = 9000;

    proptest! {
        #[test]
        fn the_first_wanted_number_that_is_accepted_is_found(
            sets in prop::collection::vec(prop::collection::btree_set(0..BOUND, 0..300), 1..6),
            wanted in prop::collection::btree_set(0..BOUND, 0..40),
            end in 0..BOUND + 1,
            refused in 1..4usize,
        ) {
            let wanted: BTreeSet<usize> = wanted.into_iter().filter(|&number| number < end).collect();
            let mut bits = FixedBitSet::with_capacity(end);
            wanted.iter().for_each(|&number| bits.insert(number));
            let mut pool = Pool::new(BOUND);
            let ids: Vec<SetId> = sets
                .iter()
                .map(|set| pool.changed(SetId::EMPTY, &set.iter().map(|&n| (n as u32, true)).collect::<Vec<_>>()))
                .collect();
            let mut hits = Hits::new(&pool, &bits);
            for (set, id) in sets.iter().zip(ids) {
                let accepted = |number: usize| number.is_multiple_of(refused);
                let expected = set.intersection(&wanted).copied().find(|&number| accepted(number));
                prop_assert_eq!(hits.find(id, &mut |number| accepted(number)), expected);
                prop_assert_eq!(hits.find(id, &mut |_| true), set.intersection(&wanted).next().copied());
                prop_assert!(hits.may_have(id) || set.is_disjoint(&wanted));
            }
        }
    }
}
