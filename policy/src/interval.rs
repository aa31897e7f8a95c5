//! Sets of whole numbers as sorted, disjoint, maximal ranges.
//!
//! Addresses, ports, and ICMP types are all ranges of whole numbers, and so are the sets that rules cut out of them.
//! One canonical form makes equality of sets equality of values: two [`IntervalSet`]s hold the same numbers exactly
//! when they compare equal.
//!
//! ```
//! use seglab_policy::IntervalSet;
//! let web = IntervalSet::from_ranges([(80u16, 80), (443, 443)]);
//! let low = IntervalSet::from_ranges([(0u16, 1023)]);
//! assert_eq!(web.intersection(&low), web);
//! assert!(web.union(&IntervalSet::from_ranges([(81, 442)])).contains(300));
//! ```

use std::fmt::Debug;

/// A number that ranges are made of: unsigned, with a smallest and a largest value.
pub trait Bounded: Copy + Ord + Debug + Send + Sync + 'static {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// The next larger value, or `None` at [`Bounded::MAX`].
    fn successor(self) -> Option<Self>;
    /// The next smaller value, or `None` at [`Bounded::MIN`].
    fn predecessor(self) -> Option<Self>;
}

macro_rules! bounded {
    ($($t:ty),*) => {$(
        impl Bounded for $t {
            const MIN: Self = <$t>::MIN;
            const MAX: Self = <$t>::MAX;
            fn successor(self) -> Option<Self> { self.checked_add(1) }
            fn predecessor(self) -> Option<Self> { self.checked_sub(1) }
        }
    )*};
}
bounded!(u8, u16, u32, u128);

/// A set of numbers, kept as inclusive ranges `(first, last)`.
// INVARIANT: ranges are ascending, `first <= last`, and between two neighbours at least one number is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntervalSet<T> {
    ranges: Vec<(T, T)>,
}

impl<T: Bounded> Default for IntervalSet<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Bounded> IntervalSet<T> {
    /// The set of no numbers.
    pub const fn empty() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The set of all numbers of the type.
    pub fn full() -> Self {
        Self { ranges: vec![(T::MIN, T::MAX)] }
    }

    /// The set of one number.
    pub fn single(value: T) -> Self {
        Self { ranges: vec![(value, value)] }
    }

    /// The union of inclusive ranges in any order; a range whose first is above its last is empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut given: Vec<(T, T)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        given.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(given.len());
        for (first, last) in given {
            match merged.last_mut() {
                Some(open) if open.1.successor().is_none_or(|next| first <= next) => open.1 = open.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self { ranges: merged }
    }

    /// The ranges `(first, last)`, ascending, both ends inclusive.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.ranges
    }

    /// True for the set of no numbers.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// True for the set of all numbers of the type.
    pub fn is_full(&self) -> bool {
        self.ranges == [(T::MIN, T::MAX)]
    }

    /// The smallest number in the set.
    pub fn first(&self) -> Option<T> {
        self.ranges.first().map(|range| range.0)
    }

    /// True if `value` is in the set; takes time logarithmic in the number of ranges.
    pub fn contains(&self, value: T) -> bool {
        let after = self.ranges.partition_point(|range| range.0 <= value);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|range| value <= range.1)
    }

    /// True if every number of `other` is in this set.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// True if no number is in both sets.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).is_empty()
    }

    /// The numbers in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        Self::from_ranges(self.ranges.iter().chain(&other.ranges).copied())
    }

    /// The numbers in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut ours, mut theirs) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                ranges.push((first, last));
            }
            if a.1 < b.1 {
                ours.next();
            } else {
                theirs.next();
            }
        }
        Self { ranges }
    }

    /// The numbers of the type that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut open = Some(T::MIN);
        for &(first, last) in &self.ranges {
            if let (Some(from), Some(to)) = (open, first.predecessor())
                && from <= to
            {
                ranges.push((from, to));
            }
            open = last.successor();
        }
        if let Some(from) = open {
            ranges.push((from, T::MAX));
        }
        Self { ranges }
    }

    /// The numbers in this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if other.is_empty() || self.is_empty() {
            return self.clone();
        }
        self.intersection(&other.complement())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set() -> impl Strategy<Value = (IntervalSet<u8>, Vec<bool>)> {
        prop::collection::vec((any::<u8>(), any::<u8>()), 0..6).prop_map(|ranges| {
            let members = (0..=255u8).map(|n| ranges.iter().any(|&(a, b)| a <= n && n <= b)).collect();
            (IntervalSet::from_ranges(ranges), members)
        })
    }

    proptest! {
        #[test]
        fn operations_agree_with_membership((a, in_a) in set(), (b, in_b) in set()) {
            for n in 0..=255u8 {
                let (x, y) = (in_a[usize::from(n)], in_b[usize::from(n)]);
                prop_assert_eq!(a.contains(n), x);
                prop_assert_eq!(a.union(&b).contains(n), x || y);
                prop_assert_eq!(a.intersection(&b).contains(n), x && y);
                prop_assert_eq!(a.difference(&b).contains(n), x && !y);
                prop_assert_eq!(a.complement().contains(n), !x);
            }
            prop_assert_eq!(a.complement().complement(), a.clone());
            prop_assert_eq!(a.is_superset(&b), (0..=255u8).all(|n| a.contains(n) || !b.contains(n)));
            prop_assert_eq!(IntervalSet::from_ranges(a.ranges().iter().copied()), a);
        }
    }
}
