//! Replicas on threads: the same reduction, whoever was done first.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use seglab_sim::kernel::{Draws, Name, Purpose, Technique, run_replicas};

/// A replica whose work differs a lot from one number to the next, so that threads overtake each other.
fn replica(seed: u64, number: u32) -> f64 {
    let mut draw = Draws::new(seed, number).at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, 0);
    let steps = draw.choose(2_000).unwrap_or_default();
    (0..steps).map(|_| draw.uniform()).sum()
}

/// What is reduced: the numbers in their order, a floating-point sum that depends on it, and the error.
fn campaign(seed: u64, count: u32, threads: usize, fails_at: Option<u32>) -> (Vec<u32>, u64, Result<(), u32>) {
    let mut numbers = Vec::new();
    let mut sum = 0.1;
    let run = |number| if Some(number) == fails_at { Err(number) } else { Ok(replica(seed, number)) };
    let result = run_replicas(0..count, NonZeroUsize::new(threads).unwrap(), run, |number, value| {
        numbers.push(number);
        sum = sum / 3.0 + value;
    });
    (numbers, sum.to_bits(), result)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn one_thread_and_several_give_the_same(
        seed in any::<u64>(),
        count in 0u32..300,
        fails_at in prop::option::weighted(0.3, 0u32..300),
        threads in 2usize..6,
    ) {
        let alone = campaign(seed, count, 1, fails_at);
        prop_assert_eq!(&alone, &campaign(seed, count, threads, fails_at));
        let reduced = fails_at.map_or(count, |number| number.min(count));
        prop_assert_eq!(alone.0, (0..reduced).collect::<Vec<_>>());
        prop_assert_eq!(alone.2.is_err(), fails_at.is_some_and(|number| number < count));
    }
}

/// The sum above does depend on the order, so that comparing it says something.
#[test]
fn the_compared_sum_depends_on_the_order() {
    let reduce = |order: [f64; 3]| order.iter().fold(0.1, |sum, value| sum / 3.0 + value);
    assert_ne!(reduce([1.0, 2.0, 3.0]), reduce([2.0, 1.0, 3.0]));
}
