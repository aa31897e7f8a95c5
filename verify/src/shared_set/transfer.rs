//! The same sets over other numbers: two designs number their classes each in its own way, and sets of both can be
//! compared once they are sets of one pool.

use super::{Image, Pool, SetId};

/// Takes the sets of one pool over into another, each shared part once.
pub(crate) struct Transfer<'p> {
    image: Image<'p>,
    /// For each number of the pool, ascending, the numbers of the other pool that it stands for.
    onto: &'p [Vec<u32>],
}

impl<'p> Transfer<'p> {
    /// A transfer of sets whose number at each position stands for the numbers in `onto`; beyond its end for none.
    pub(crate) fn new(pool: &'p Pool, onto: &'p [Vec<u32>]) -> Self {
        Self { image: Image::new(pool), onto }
    }

    /// What a set is in the other pool, which has to be the same one every time.
    pub(crate) fn set(&mut self, set: SetId, into: &mut Pool) -> SetId {
        let onto = self.onto;
        self.image.of_leaves(set, into, &|numbers, into| {
            let stands_for = numbers.filter_map(|number| onto.get(number)).flatten();
            let mut numbers: Vec<(u32, bool)> = stands_for.map(|&number| (number, true)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            into.changed(SetId::EMPTY, &numbers)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const BOUND: usize = 3000;

    proptest! {
        #[test]
        fn sets_are_taken_over_number_by_number(
            sets in prop::collection::vec(prop::collection::btree_set(0..BOUND, 0..200), 1..5),
            (factor, step) in (1..BOUND, 1..4usize),
        ) {
            // Some numbers stand for none, for several, or for one that another stands for as well.
            let onto: Vec<Vec<u32>> = (0..BOUND)
                .map(|number| (0..number % 3).map(|at| ((number * factor + at * step) % BOUND) as u32).collect())
                .map(|mut numbers: Vec<u32>| {
                    numbers.sort_unstable();
                    numbers
                })
                .collect();
            let (mut from, mut into) = (Pool::new(BOUND), Pool::new(BOUND));
            let ids: Vec<SetId> = sets
                .iter()
                .map(|set| from.changed(SetId::EMPTY, &set.iter().map(|&n| (n as u32, true)).collect::<Vec<_>>()))
                .collect();
            let mut transfer = Transfer::new(&from, &onto);
            for (set, id) in sets.iter().zip(ids) {
                let expected: BTreeSet<usize> =
                    set.iter().flat_map(|&number| &onto[number]).map(|&number| number as usize).collect();
                let found = transfer.set(id, &mut into);
                prop_assert_eq!(into.numbers(found), expected.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
