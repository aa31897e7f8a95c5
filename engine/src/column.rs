//! Vectors that are indexed by the dense ids that their maker handed out.

use std::ops::{Index, IndexMut};

/// A vector whose indices are ids.
///
/// Ids never leave the engine: whoever makes a column hands out the ids that are good for it, and ids of endpoints,
/// which do come from outside, are looked up with [`Column::lookup`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Column<T>(Vec<T>);

impl<T> Column<T> {
    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The entry of an id that may be of another design.
    pub(crate) fn lookup(&self, id: u32) -> Option<&T> {
        self.0.get(id as usize)
    }

    /// Adds an entry and returns its id.
    pub(crate) fn push(&mut self, entry: T) -> u32 {
        let at = id(self.0.len());
        self.0.push(entry);
        at
    }

    /// The entries in the order of their ids.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The entries as a slice, in the order of their ids.
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The bytes that the entries take, what they own elsewhere not counted.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<T>()
    }
}

impl<T: Clone> Column<T> {
    /// `len` times the same entry.
    pub(crate) fn filled(entry: T, len: usize) -> Self {
        Self(vec![entry; len])
    }
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<Vec<T>> for Column<T> {
    fn from(entries: Vec<T>) -> Self {
        Self(entries)
    }
}

impl<T> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T> IntoIterator for Column<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> Index<u32> for Column<T> {
    type Output = T;

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "ids are handed out by the maker of the column")]
    fn index(&self, id: u32) -> &T {
        &self.0[id as usize]
    }
}

impl<T> IndexMut<u32> for Column<T> {
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "ids are handed out by the maker of the column")]
    fn index_mut(&mut self, id: u32) -> &mut T {
        &mut self.0[id as usize]
    }
}

/// A position as an id.
///
/// [`Engine::compile`](crate::Engine::compile) refuses designs with more than 2^31 endpoints or rules, so no position
/// is ever cut off.
#[inline]
pub(crate) fn id(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The ids of `len` entries.
pub(crate) fn ids(len: usize) -> std::ops::Range<u32> {
    0..id(len)
}
