//! What the numbers of sets stand for, put together: each shared part once.

use super::{LEAF, Pool, SetId};

/// The union of what numbers stand for, kept for every part of a set.
pub(crate) struct Image<'p> {
    pool: &'p Pool,
    branches: Vec<Option<SetId>>,
    leaves: Vec<Option<SetId>>,
}

impl<'p> Image<'p> {
    pub(crate) fn new(pool: &'p Pool) -> Self {
        let (branches, leaves) = pool.nodes();
        Self { pool, branches: vec![None; branches], leaves: vec![None; leaves] }
    }

    /// The union of what `each` says of the numbers of a set, in another pool; `each` says the same every time.
    pub(crate) fn of(&mut self, set: SetId, into: &mut Pool, each: &impl Fn(usize) -> SetId) -> SetId {
        self.of_leaves(set, into, &|numbers, into| {
            numbers.fold(SetId::EMPTY, |joined, number| into.union(joined, each(number)))
        })
    }

    /// The same where `leaf` says it of a few numbers at once.
    pub(super) fn of_leaves(
        &mut self,
        set: SetId,
        into: &mut Pool,
        leaf: &impl Fn(&mut dyn Iterator<Item = usize>, &mut Pool) -> SetId,
    ) -> SetId {
        self.join(set.0, into, leaf)
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn join(
        &mut self,
        node: u32,
        into: &mut Pool,
        leaf: &impl Fn(&mut dyn Iterator<Item = usize>, &mut Pool) -> SetId,
    ) -> SetId {
        if node == 0 {
            return SetId::EMPTY;
        }
        let (is_leaf, at) = (node & LEAF != 0, Pool::position(node));
        if let Some(known) = if is_leaf { self.leaves[at] } else { self.branches[at] } {
            return known;
        }
        let mut joined = SetId::EMPTY;
        if is_leaf {
            let (pool, mut from) = (self.pool, 0);
            let mut numbers = std::iter::from_fn(|| {
                let (number, offset) = pool.next_in_leaf(node, from)?;
                from = offset + 1;
                Some(number)
            });
            joined = leaf(&mut numbers, into);
        } else {
            for child in self.pool.children(node) {
                let part = self.join(child, into, leaf);
                joined = into.union(joined, part);
            }
        }
        let known = if is_leaf { &mut self.leaves } else { &mut self.branches };
        known[at] = Some(joined);
        joined
    }
}
