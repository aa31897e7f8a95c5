//! The event queue against a sorted list, under every sequence of operations.

use proptest::prelude::*;
use seglab_sim::kernel::{EventQueue, Handle, ScheduleError, Time};

/// The obvious queue: all pending events in a list, sorted whenever one is taken.
#[derive(Default)]
struct NaiveQueue {
    /// Time, sequence.
    pending: Vec<(Time, u64)>,
    scheduled: u64,
    now: Time,
    limit: usize,
}

impl NaiveQueue {
    fn schedule(&mut self, at: Time) -> Result<u64, ScheduleError> {
        if at < self.now {
            return Err(ScheduleError::Past { at, now: self.now });
        }
        if self.pending.len() >= self.limit {
            return Err(ScheduleError::Full { limit: self.limit });
        }
        self.pending.push((at, self.scheduled));
        self.scheduled += 1;
        Ok(self.scheduled - 1)
    }

    fn cancel(&mut self, sequence: u64) -> Option<u64> {
        let index = self.pending.iter().position(|(_, other)| *other == sequence)?;
        Some(self.pending.remove(index).1)
    }

    fn pop(&mut self) -> Option<(Time, u64)> {
        self.pending.sort_unstable();
        (!self.pending.is_empty()).then(|| self.pending.remove(0)).inspect(|(at, _)| self.now = *at)
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Schedule(When),
    /// The event scheduled as this share of all so far, pending or not.
    Cancel(prop::sample::Index),
    Pop,
}

#[derive(Clone, Debug)]
enum When {
    /// At the present plus this many nanoseconds.
    After(u64),
    /// At this time, which may be past.
    At(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => Just(Operation::Schedule(When::After(0))),
        6 => (0u64..20).prop_map(|delay| Operation::Schedule(When::After(delay))),
        2 => any::<u64>().prop_map(|delay| Operation::Schedule(When::After(delay))),
        1 => (0u64..200).prop_map(|at| Operation::Schedule(When::At(at))),
        6 => any::<prop::sample::Index>().prop_map(Operation::Cancel),
        6 => Just(Operation::Pop),
    ]
}

/// Runs both queues through the operations, compares every answer, and counts what was met.
fn check(operations: &[Operation], limit: usize) -> Result<Met, TestCaseError> {
    let mut queue = EventQueue::with_limit(limit);
    let mut naive = NaiveQueue { limit, ..NaiveQueue::default() };
    let mut handles: Vec<Handle> = Vec::new();
    let mut met = Met::default();
    for operation in operations {
        match operation {
            Operation::Schedule(when) => {
                let at = match when {
                    When::After(delay) => queue.now().as_nanos().saturating_add(*delay),
                    When::At(at) => *at,
                };
                let at = Time::from_nanos(at);
                let answer = queue.schedule(at, handles.len() as u64);
                let expected = naive.schedule(at);
                prop_assert_eq!(answer.map(|_| ()), expected.map(|_| ()));
                handles.extend(answer);
                met.full += u32::from(matches!(answer, Err(ScheduleError::Full { .. })));
                met.past += u32::from(matches!(answer, Err(ScheduleError::Past { .. })));
            }
            Operation::Cancel(index) if !handles.is_empty() => {
                let index = index.index(handles.len());
                let cancelled = queue.cancel(handles[index]);
                prop_assert_eq!(cancelled, naive.cancel(index as u64));
                met.cancelled += u32::from(cancelled.is_some());
                met.missed += u32::from(cancelled.is_none());
            }
            Operation::Cancel(_) => {}
            Operation::Pop => {
                let popped = queue.pop();
                prop_assert_eq!(popped, naive.pop());
                met.popped += u32::from(popped.is_some());
            }
        }
        prop_assert_eq!(queue.len(), naive.pending.len());
        prop_assert_eq!(queue.is_empty(), naive.pending.is_empty());
        prop_assert_eq!(queue.peek_time(), naive.pending.iter().min().map(|(at, _)| *at));
        prop_assert_eq!(queue.now(), naive.now);
    }
    loop {
        let popped = queue.pop();
        prop_assert_eq!(popped, naive.pop());
        if popped.is_none() {
            return Ok(met);
        }
    }
}

/// How often each case of interest was met.
#[derive(Clone, Copy, Default, Debug)]
struct Met {
    full: u32,
    past: u32,
    cancelled: u32,
    missed: u32,
    popped: u32,
}

proptest! {
    #[test]
    fn agrees_with_a_sorted_list(
        operations in prop::collection::vec(operation(), 0..400),
        limit in prop_oneof![Just(usize::MAX), 1usize..30],
    ) {
        check(&operations, limit)?;
    }
}

/// The property above is worth something only if its cases reach every answer.
#[test]
fn the_generated_cases_reach_every_answer() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut total = Met::default();
    for _ in 0..50 {
        let operations = prop::collection::vec(operation(), 400).new_tree(&mut runner).unwrap().current();
        let met = check(&operations, 20).unwrap();
        total.full += met.full;
        total.past += met.past;
        total.cancelled += met.cancelled;
        total.missed += met.missed;
        total.popped += met.popped;
    }
    let least = [total.full, total.past, total.cancelled, total.missed, total.popped].into_iter().min();
    assert!(least >= Some(100), "{total:?}");
}
