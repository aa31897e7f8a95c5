//! Splitting a set of things into blocks that nothing seen so far tells apart.
//!
//! This is the refinement step of Paige and Tarjan's partition refinement (1987): a set of things splits every block
//! that it cuts. One step costs as much as the set has members.

/// A partition of the numbers below a bound into blocks.
#[derive(Debug)]
pub(crate) struct Partition {
    block_of: Vec<u32>,
    sizes: Vec<u32>,
    /// How many members of each block the splitting set has; zero between steps.
    hit: Vec<u32>,
}

impl Partition {
    /// All things in one block.
    pub(crate) fn one_block(things: usize) -> Self {
        let size = u32::try_from(things).unwrap_or(u32::MAX);
        Self { block_of: vec![0; things], sizes: vec![size], hit: vec![0] }
    }

    /// Every thing in a block of its own, of its own number.
    pub(crate) fn singletons(things: usize) -> Self {
        let block_of = (0u32..).take(things).collect();
        Self { block_of, sizes: vec![1; things], hit: vec![0; things] }
    }

    /// Splits every block that has members both inside and outside of `set`, which lists each thing once.
    #[expect(clippy::indexing_slicing, reason = "blocks are numbered as they are made; things are below the bound")]
    pub(crate) fn refine(&mut self, set: &[u32]) {
        let mut touched = Vec::new();
        for &thing in set {
            let block = self.block_of[thing as usize] as usize;
            if self.hit[block] == 0 {
                touched.push(block);
            }
            self.hit[block] += 1;
        }
        let mut part_of = rustc_hash::FxHashMap::default();
        for &block in &touched {
            if self.hit[block] < self.sizes[block] {
                let part = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
                part_of.insert(block, part);
                self.sizes.push(self.hit[block]);
                self.hit.push(0);
                self.sizes[block] -= self.hit[block];
            }
            self.hit[block] = 0;
        }
        if part_of.is_empty() {
            return;
        }
        for &thing in set {
            if let Some(&part) = part_of.get(&(self.block_of[thing as usize] as usize)) {
                self.block_of[thing as usize] = part;
            }
        }
    }

    /// The block of a thing.
    pub(crate) fn block_of(&self, thing: u32) -> u32 {
        self.block_of.get(thing as usize).copied().unwrap_or(u32::MAX)
    }

    /// The number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_are_what_no_set_tells_apart(sets in prop::collection::vec(prop::collection::vec(any::<bool>(), 12), 0..6)) {
            let mut partition = Partition::one_block(12);
            for set in &sets {
                let members: Vec<u32> = (0u32..).zip(set).filter(|(_, member)| **member).map(|(at, _)| at).collect();
                partition.refine(&members);
            }
            for a in 0..12u32 {
                for b in 0..12u32 {
                    let alike = sets.iter().all(|set| set[a as usize] == set[b as usize]);
                    prop_assert_eq!(partition.block_of(a) == partition.block_of(b), alike);
                }
                prop_assert!((partition.block_of(a) as usize) < partition.len());
            }
        }
    }
}
