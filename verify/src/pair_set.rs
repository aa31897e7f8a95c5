//! Sets of pairs of small numbers, such as (destination port, source port) or (ICMP type, ICMP code).
//!
//! A set is kept as spans of the first number, each with the set of second numbers that go with it. Adjacent spans
//! with the same second numbers are one span, so a set has exactly one form and equality of sets is equality of
//! values.

use seglab_policy::{Bounded, IntervalSet};

/// A set of pairs.
// INVARIANT: spans are ascending and disjoint, none is empty, and two that touch have different seconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairSet<T> {
    spans: Vec<Span<T>>,
}

/// The pairs whose first number lies in a range, and whose second is one of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span<T> {
    /// The smallest first number.
    pub first: T,
    /// The largest first number.
    pub last: T,
    /// The second numbers; `None` for all of them, which is by far the most frequent.
    // INVARIANT: neither empty nor full where it is `Some`.
    pub seconds: Option<IntervalSet<T>>,
}

impl<T: Bounded> Default for PairSet<T> {
    fn default() -> Self {
        Self::empty()
    }
}

/// Second numbers while sets are combined.
#[derive(Clone, Copy)]
enum Seconds<'a, T> {
    None,
    Some(&'a IntervalSet<T>),
    All,
}

impl<T: Bounded> Seconds<'_, T> {
    fn to_set(self) -> IntervalSet<T> {
        match self {
            Seconds::None => IntervalSet::empty(),
            Seconds::Some(set) => set.clone(),
            Seconds::All => IntervalSet::full(),
        }
    }
}

/// How two sets are combined.
#[derive(Clone, Copy)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl Operation {
    fn apply<T: Bounded>(self, ours: Seconds<'_, T>, theirs: Seconds<'_, T>) -> IntervalSet<T> {
        match (self, ours, theirs) {
            (Operation::Union, Seconds::All, _) | (Operation::Union, _, Seconds::All) => IntervalSet::full(),
            (Operation::Union, Seconds::None, other) | (Operation::Union, other, Seconds::None) => other.to_set(),
            (Operation::Union, Seconds::Some(a), Seconds::Some(b)) => a.union(b),
            (Operation::Intersection, Seconds::None, _) | (Operation::Intersection, _, Seconds::None) => {
                IntervalSet::empty()
            }
            (Operation::Intersection, Seconds::All, other) | (Operation::Intersection, other, Seconds::All) => {
                other.to_set()
            }
            (Operation::Intersection, Seconds::Some(a), Seconds::Some(b)) => a.intersection(b),
            (Operation::Difference, Seconds::None, _) | (Operation::Difference, _, Seconds::All) => {
                IntervalSet::empty()
            }
            (Operation::Difference, ours, Seconds::None) => ours.to_set(),
            (Operation::Difference, Seconds::All, Seconds::Some(b)) => b.complement(),
            (Operation::Difference, Seconds::Some(a), Seconds::Some(b)) => a.difference(b),
        }
    }
}

impl<T: Bounded> PairSet<T> {
    /// No pair.
    pub const fn empty() -> Self {
        Self { spans: Vec::new() }
    }

    /// Every pair.
    pub fn full() -> Self {
        Self { spans: vec![Span { first: T::MIN, last: T::MAX, seconds: None }] }
    }

    /// The pairs of one of `firsts` with one of `seconds`.
    pub fn product(firsts: &IntervalSet<T>, seconds: &IntervalSet<T>) -> Self {
        if seconds.is_empty() {
            return Self::empty();
        }
        let seconds = (!seconds.is_full()).then_some(seconds);
        let spans =
            firsts.ranges().iter().map(|&(first, last)| Span { first, last, seconds: seconds.cloned() }).collect();
        Self { spans }
    }

    /// The spans, ascending.
    pub fn spans(&self) -> &[Span<T>] {
        &self.spans
    }

    /// True for the set of no pair.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// True for the set of all pairs.
    pub fn is_full(&self) -> bool {
        matches!(self.spans.as_slice(), [Span { first, last, seconds: None }] if *first == T::MIN && *last == T::MAX)
    }

    /// True if the pair is in the set.
    pub fn contains(&self, first: T, second: T) -> bool {
        let after = self.spans.partition_point(|span| span.first <= first);
        after.checked_sub(1).and_then(|at| self.spans.get(at)).is_some_and(|span| {
            first <= span.last && span.seconds.as_ref().is_none_or(|seconds| seconds.contains(second))
        })
    }

    /// The pairs in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (_, true) => self.clone(),
            (true, _) => other.clone(),
            _ => self.combine(other, Operation::Union),
        }
    }

    /// The pairs in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_full() {
            return other.clone();
        }
        if other.is_full() {
            return self.clone();
        }
        self.combine(other, Operation::Intersection)
    }

    /// The pairs of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        self.combine(other, Operation::Difference)
    }

    /// The pairs with their numbers exchanged.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let full = IntervalSet::full();
        self.spans.iter().fold(Self::empty(), |done, span| {
            let firsts = IntervalSet::from_ranges([(span.first, span.last)]);
            done.union(&Self::product(span.seconds.as_ref().unwrap_or(&full), &firsts))
        })
    }

    /// Cuts the first numbers where either set changes, and combines the seconds piece by piece.
    fn combine(&self, other: &Self, operation: Operation) -> Self {
        let mut cuts: Vec<T> = Vec::with_capacity(2 * (self.spans.len() + other.spans.len()) + 1);
        cuts.push(T::MIN);
        for span in self.spans.iter().chain(&other.spans) {
            cuts.push(span.first);
            cuts.extend(span.last.successor());
        }
        cuts.sort_unstable();
        cuts.dedup();
        let mut spans: Vec<Span<T>> = Vec::new();
        let (mut ours, mut theirs) = (Cursor::new(&self.spans), Cursor::new(&other.spans));
        for (at, &first) in cuts.iter().enumerate() {
            let last = cuts.get(at + 1).and_then(|next| next.predecessor()).unwrap_or(T::MAX);
            let seconds = operation.apply(ours.seconds(first), theirs.seconds(first));
            if seconds.is_empty() {
                continue;
            }
            let seconds = (!seconds.is_full()).then_some(seconds);
            match spans.last_mut() {
                Some(open) if open.last.successor() == Some(first) && open.seconds == seconds => open.last = last,
                _ => spans.push(Span { first, last, seconds }),
            }
        }
        Self { spans }
    }
}

/// Walks over spans with ascending questions.
struct Cursor<'a, T> {
    rest: &'a [Span<T>],
}

impl<'a, T: Bounded> Cursor<'a, T> {
    fn new(rest: &'a [Span<T>]) -> Self {
        Self { rest }
    }

    fn seconds(&mut self, first: T) -> Seconds<'a, T> {
        while let [span, rest @ ..] = self.rest {
            if first <= span.last {
                return match &span.seconds {
                    _ if first < span.first => Seconds::None,
                    Some(seconds) => Seconds::Some(seconds),
                    None => Seconds::All,
                };
            }
            self.rest = rest;
        }
        Seconds::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Rectangle = ((u8, u8), (u8, u8));

    fn rectangles() -> impl Strategy<Value = Vec<Rectangle>> {
        let corner = prop_oneof![Just(0u8), Just(1), Just(3), Just(4), Just(7), Just(254), Just(255), any::<u8>()];
        prop::collection::vec(((corner.clone(), corner.clone()), (corner.clone(), corner)), 0..5)
    }

    fn set(rectangles: &[Rectangle]) -> PairSet<u8> {
        rectangles.iter().fold(PairSet::empty(), |set, &(a, b)| {
            set.union(&PairSet::product(&IntervalSet::from_ranges([a]), &IntervalSet::from_ranges([b])))
        })
    }

    fn member(rectangles: &[Rectangle], first: u8, second: u8) -> bool {
        rectangles.iter().any(|(a, b)| a.0 <= first && first <= a.1 && b.0 <= second && second <= b.1)
    }

    proptest! {
        #[test]
        fn operations_agree_with_membership(ours in rectangles(), theirs in rectangles()) {
            let (a, b) = (set(&ours), set(&theirs));
            for first in 0..=255u8 {
                for second in [0u8, 1, 2, 3, 4, 5, 7, 8, 128, 253, 254, 255] {
                    let (x, y) = (member(&ours, first, second), member(&theirs, first, second));
                    prop_assert_eq!(a.contains(first, second), x);
                    prop_assert_eq!(a.union(&b).contains(first, second), x || y);
                    prop_assert_eq!(a.intersection(&b).contains(first, second), x && y);
                    prop_assert_eq!(a.difference(&b).contains(first, second), x && !y);
                    prop_assert_eq!(a.transpose().contains(second, first), x);
                }
            }
        }

        #[test]
        fn a_set_has_one_form(rectangles in rectangles()) {
            let forwards = set(&rectangles);
            let backwards: Vec<Rectangle> = rectangles.iter().rev().copied().collect();
            prop_assert_eq!(&forwards, &set(&backwards));
            prop_assert_eq!(&forwards.transpose().transpose(), &forwards);
            let full = PairSet::full();
            prop_assert_eq!(&full.difference(&full.difference(&forwards)), &forwards);
            prop_assert_eq!(&forwards.union(&full), &full);
        }
    }
}
