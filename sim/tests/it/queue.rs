//! The event queue: against a standard heap under every script, and in an order of ties that is drawn.

use std::collections::BTreeSet;

use proptest::prelude::*;
use seglab_sim::kernel::{Draws, EventQueue, Name, Purpose, Technique, Ties, Time};

use crate::queue_script::{Met, play};

proptest! {
    #[test]
    fn agrees_with_a_heap(script in prop::collection::vec(any::<u8>(), 0..600)) {
        play(&script);
    }
}

/// Tens of thousands of scripts; `SEGLAB_SCRIPTS` says how many. Together they reach every answer.
#[test]
fn agrees_with_a_heap_under_many_scripts() {
    let scripts = std::env::var("SEGLAB_SCRIPTS").map_or(20_000, |count| count.parse().unwrap());
    let mut total = Met::default();
    for number in 0..scripts {
        let mut draw = Draws::new(7, number).at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, 0);
        let length = draw.choose(250).unwrap();
        let mut script: Vec<u8> = (0..length).map(|_| draw.word() as u8).collect();
        // Half of the scripts have room without end.
        script.insert(0, if number % 2 == 0 { 0 } else { draw.word() as u8 });
        let met = play(&script);
        total.full += met.full;
        total.past += met.past;
        total.cancelled += met.cancelled;
        total.missed += met.missed;
        total.popped += met.popped;
        total.held_back += met.held_back;
        total.simultaneous += met.simultaneous;
        total.far += met.far;
    }
    let Met { full, past, cancelled, missed, popped, held_back, simultaneous, far } = total;
    let least = [full, past, cancelled, missed, popped, held_back, simultaneous, far].into_iter().min();
    assert!(least >= Some(scripts / 100), "{total:?}");
}

fn shuffled(replica: u32) -> Ties {
    Ties::Shuffled(Draws::new(3, replica))
}

/// The events of a queue, each instant's in the order in which they left.
fn order(ties: Ties, scheduled: impl IntoIterator<Item = (u64, u32)>) -> Vec<(u64, u32)> {
    let mut queue = EventQueue::with_limit(usize::MAX).with_ties(ties);
    for (at, event) in scheduled {
        queue.schedule(Time::from_nanos(at), event).unwrap();
    }
    std::iter::from_fn(|| queue.pop()).map(|(at, event)| (at.as_nanos(), event)).collect()
}

#[test]
fn shuffled_ties_keep_times_and_lose_nothing() {
    let scheduled: Vec<(u64, u32)> = (0..2_000).map(|event| (u64::from(event % 37) * 1_000, event)).collect();
    let plain = order(Ties::Scheduled, scheduled.iter().copied());
    let other = order(shuffled(0), scheduled.iter().copied());
    assert_eq!(other, order(shuffled(0), scheduled.iter().copied()), "the same seed gives the same order");
    assert_ne!(other, plain);
    assert_ne!(other, order(shuffled(1), scheduled.iter().copied()));
    assert!(other.is_sorted_by_key(|(at, _)| *at));
    let events = |order: &[(u64, u32)]| order.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(events(&other), events(&plain));
}

/// Every order of four simultaneous events is as likely as any other: chi-squared of 23 degrees, 49.7 has a chance of 0.1 %.
#[test]
fn every_order_of_ties_is_equally_likely() {
    let mut counts = std::collections::BTreeMap::new();
    for replica in 0..24_000 {
        let order: Vec<u32> =
            order(shuffled(replica), (0..4).map(|event| (9, event))).iter().map(|(_, e)| *e).collect();
        *counts.entry(order).or_insert(0u32) += 1;
    }
    assert_eq!(counts.len(), 24);
    let chi_squared: f64 = counts.values().map(|&count| (f64::from(count) - 1_000.0).powi(2) / 1_000.0).sum();
    assert!(chi_squared < 49.7, "{chi_squared}");
}

/// What is scheduled for the present takes part at once, in the front and in the lane.
#[test]
fn events_of_zero_delay_are_shuffled_among_those_that_wait() {
    let mut before = 0;
    for replica in 0..1_000 {
        let mut queue = EventQueue::with_limit(9).with_ties(shuffled(replica));
        queue.schedule(Time::from_nanos(5), "first").unwrap();
        queue.schedule(Time::from_nanos(5), "second").unwrap();
        let (_, first) = queue.pop().unwrap();
        queue.schedule(Time::from_nanos(5), "late").unwrap();
        assert_ne!(first, "late");
        before += u32::from(queue.pop().unwrap().1 == "late");
        assert!(queue.pop().is_some() && queue.pop().is_none());
    }
    assert!((400..600).contains(&before), "{before}");
}
