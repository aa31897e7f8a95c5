//! Lists of rules, each once, as chains: a list is known by the list that it extends and the rule that it adds.
//!
//! Pairs of classes whose rules are the same get the same number, whoever singles them out, without a list being
//! copied or compared.

use crate::column::Column;
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Lists of entries. Those of one list are added in one order, so equal lists are equal numbers; 0 is the empty list.
pub(crate) struct RuleLists<T> {
    extended: Column<(u32, T)>,
    known: FxHashMap<(u32, T), u32>,
}

impl<T> Default for RuleLists<T> {
    fn default() -> Self {
        Self { extended: Column::default(), known: FxHashMap::default() }
    }
}

impl<T: Copy + Eq + Hash> RuleLists<T> {
    /// The list with one more entry.
    pub(crate) fn extend(&mut self, list: u32, entry: T) -> u32 {
        *self.known.entry((list, entry)).or_insert_with(|| self.extended.push((list, entry)) + 1)
    }

    /// The entries of a list, the last first.
    pub(crate) fn entries(&self, mut list: u32) -> impl Iterator<Item = T> {
        std::iter::from_fn(move || {
            let (shorter, entry) = *self.extended.lookup(list.checked_sub(1)?)?;
            list = shorter;
            Some(entry)
        })
    }
}
