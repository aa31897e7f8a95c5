//! What the numbers of sets stand for, put together: each shared part once.

use super::{Pool, SetId};

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
        self.join(set.0, self.pool.height, into, each)
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn join(&mut self, node: u32, level: u32, into: &mut Pool, each: &impl Fn(usize) -> SetId) -> SetId {
        if node == 0 {
            return SetId::EMPTY;
        }
        let known = if level == 0 { &self.leaves } else { &self.branches };
        if let Some(known) = known[Pool::position(node)] {
            return known;
        }
        let mut joined = SetId::EMPTY;
        if level == 0 {
            let mut from = 0;
            while let Some((number, offset)) = self.pool.next_in_leaf(node, from) {
                joined = into.union(joined, each(number));
                from = offset + 1;
            }
        } else {
            for child in self.pool.children(node) {
                let part = self.join(child, level - 1, into, each);
                joined = into.union(joined, part);
            }
        }
        let known = if level == 0 { &mut self.leaves } else { &mut self.branches };
        known[Pool::position(node)] = Some(joined);
        joined
    }
}
