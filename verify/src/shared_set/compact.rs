//! A pool without the sets that nobody has any more.

use super::{Pool, SetId};
use rustc_hash::FxHashMap;

/// Takes sets over into a new pool, shared parts once.
pub(crate) struct Compact<'p> {
    before: &'p Pool,
    after: Pool,
    known: FxHashMap<(u32, u32), u32>,
}

impl<'p> Compact<'p> {
    /// A new pool for the sets of a pool.
    pub(crate) fn new(before: &'p Pool) -> Self {
        Self { before, after: Pool { height: before.height, ..Pool::new(0) }, known: FxHashMap::default() }
    }

    /// The set in the new pool.
    pub(crate) fn take(&mut self, set: SetId) -> SetId {
        SetId(self.node(set.0, self.before.height))
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn node(&mut self, node: u32, level: u32) -> u32 {
        if node == 0 {
            return 0;
        }
        if let Some(&known) = self.known.get(&(node, level)) {
            return known;
        }
        let taken = if level == 0 {
            let (base, words) = self.before.leaves.values[Pool::position(node)];
            self.after.leaf(base, words)
        } else {
            let children = self.before.children(node).map(|child| self.node(child, level - 1));
            self.after.branches.intern(children)
        };
        self.known.insert((node, level), taken);
        taken
    }

    /// The new pool.
    pub(crate) fn finish(self) -> Pool {
        self.after
    }
}
