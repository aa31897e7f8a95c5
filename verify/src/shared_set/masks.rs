//! Masks of the numbers of a set put together, each shared part once.

use super::{FANOUT_BITS, LEAF, LEAF_BITS, Pool, SetId};
use rustc_hash::FxHashMap;

/// What any number of a set bears: masks of which most are empty.
pub(crate) struct Masks<'m> {
    masks: &'m [u64],
    /// Of each leaf's range, the masks of all its numbers together; then of each branch's, level by level.
    ranges: Vec<Vec<u64>>,
    known: FxHashMap<u32, u64>,
}

impl<'m> Masks<'m> {
    /// Masks by number; beyond their end there are none.
    pub(crate) fn new(pool: &Pool, masks: &'m [u64]) -> Self {
        let all = |part: &[u64]| part.iter().fold(0, |all, mask| all | mask);
        let mut ranges: Vec<Vec<u64>> = vec![masks.chunks(1 << LEAF_BITS).map(all).collect()];
        for _ in 0..pool.height {
            let above = ranges.last().map_or_else(Vec::new, |last| last.chunks(1 << FANOUT_BITS).map(all).collect());
            ranges.push(above);
        }
        Self { masks, ranges, known: FxHashMap::default() }
    }

    /// The masks of the numbers of a set together.
    pub(crate) fn of(&mut self, pool: &Pool, set: SetId) -> u64 {
        self.part(pool, set.0, pool.height, 0)
    }

    /// The masks of the numbers of a node, which is at a position among those of its level.
    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn part(&mut self, pool: &Pool, node: u32, level: u32, at: usize) -> u64 {
        let range = self.ranges.get(level as usize).and_then(|level| level.get(at)).copied().unwrap_or(0);
        if node == 0 || range == 0 {
            return 0;
        }
        if let Some(&known) = self.known.get(&node) {
            return known;
        }
        let mut mask = 0;
        if node & LEAF != 0 {
            let mut from = 0;
            while let Some((number, offset)) = pool.next_in_leaf(node, from).filter(|_| mask != range) {
                mask |= self.masks.get(number).copied().unwrap_or(0);
                from = offset + 1;
            }
        } else {
            for (child, node) in pool.branches.values[node as usize].into_iter().enumerate() {
                if mask == range {
                    break;
                }
                mask |= self.part(pool, node, level - 1, (at << FANOUT_BITS) + child);
            }
        }
        self.known.insert(node, mask);
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUND: usize = 6000;

    proptest! {
        #[test]
        fn masks_are_those_of_the_numbers(
            sets in prop::collection::vec(prop::collection::btree_set(0..BOUND, 0..300), 1..6),
            borne in prop::collection::btree_map(0..BOUND, any::<u64>(), 0..60),
            end in 0..BOUND,
        ) {
            let masks: Vec<u64> = (0..end).map(|number| borne.get(&number).copied().unwrap_or(0)).collect();
            let mut pool = Pool::new(BOUND);
            let ids: Vec<SetId> = sets
                .iter()
                .map(|set| pool.changed(SetId::EMPTY, &set.iter().map(|&n| (n as u32, true)).collect::<Vec<_>>()))
                .collect();
            let mut all = Masks::new(&pool, &masks);
            for (set, id) in sets.iter().zip(ids) {
                let expected = set.iter().filter_map(|&number| masks.get(number)).fold(0, |all, mask| all | mask);
                prop_assert_eq!(all.of(&pool, id), expected);
            }
        }
    }
}
