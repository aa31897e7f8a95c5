//! The event queue: what happens next.
//!
//! Events leave in a *total order*: by time, and by the order of scheduling where times are equal. Without the second
//! part, the order of simultaneous events would be an accident of the data structure, and replacing that structure
//! would change results.
//!
//! - **Zero delay** is allowed: the event comes after everything that is already scheduled for this instant.
//! - **The past is closed**: an event cannot be scheduled before the last one taken out. A monotone queue is what lets
//!   faster structures than a heap stand behind the same interface.
//! - **Cancelling** takes the [`Handle`] that scheduling gave. A handle is good once: for an event that already happened
//!   or was cancelled it finds nothing, even where its place was given to another event.
//! - **Bounded**: at most `limit` events are pending. A model that schedules more than it handles is told so, instead of
//!   filling the memory.
//!
//! Inside is a binary heap of keys beside a slab of events. Cancelling empties the event's place and leaves its key in
//! the heap; stale keys are swept out as soon as they outnumber the live ones, so that memory stays proportional to what
//! is pending and cancelling costs amortised logarithmic time.
//!
//! ```
//! use seglab_sim::kernel::{EventQueue, Time};
//! let mut queue = EventQueue::with_limit(10);
//! let alarm = queue.schedule(Time::from_nanos(5), "alarm")?;
//! queue.schedule(Time::from_nanos(5), "backup")?;
//! queue.schedule(Time::from_nanos(2), "scan")?;
//! assert_eq!(queue.pop(), Some((Time::from_nanos(2), "scan")));
//! assert_eq!(queue.cancel(alarm), Some("alarm"));
//! assert_eq!(queue.cancel(alarm), None);
//! assert_eq!(queue.pop(), Some((Time::from_nanos(5), "backup")));
//! assert!(queue.schedule(Time::from_nanos(4), "too late").is_err());
//! # Ok::<(), seglab_sim::kernel::ScheduleError>(())
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Time;

/// Pending events, ordered by time and then by the order of scheduling.
#[derive(Debug)]
pub struct EventQueue<E> {
    /// Keys of pending events, and stale keys of cancelled ones.
    // INVARIANT: every pending event has exactly one key here, and the first key is not stale.
    keys: BinaryHeap<Reverse<Key>>,
    /// Events by place; free places are listed in `free`.
    places: Vec<Place<E>>,
    free: Vec<u32>,
    /// The time of the last event taken out.
    now: Time,
    /// The sequence of the next event to be scheduled. It gives at most one per event, and 2^64 of them take centuries.
    next_sequence: u64,
    limit: usize,
}

/// Names one scheduled event, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    sequence: u64,
    place: u32,
}

/// Why an event was not scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The event's time is before the present.
    #[error("an event for {at} was scheduled at {now}, but the past is closed: give it a time from now on")]
    Past {
        /// The time asked for.
        at: Time,
        /// The present.
        now: Time,
    },
    /// As many events are pending as the queue may hold.
    #[error("{limit} events are pending, which is the limit: raise it, or look for a model that schedules without end")]
    Full {
        /// The most events that may be pending.
        limit: usize,
    },
}

impl<E> EventQueue<E> {
    /// An empty queue that holds at most `limit` events, and never more than 2^32.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            keys: BinaryHeap::new(),
            places: Vec::new(),
            free: Vec::new(),
            now: Time::START,
            next_sequence: 0,
            limit: limit.min(u32::MAX as usize),
        }
    }

    /// Adds an event at the time `at`, after all events already scheduled for that time.
    ///
    /// # Errors
    /// `at` is before the last event taken out, or the queue is full. Nothing is changed then.
    pub fn schedule(&mut self, at: Time, event: E) -> Result<Handle, ScheduleError> {
        if at < self.now {
            return Err(ScheduleError::Past { at, now: self.now });
        }
        if self.len() >= self.limit {
            return Err(ScheduleError::Full { limit: self.limit });
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let place = self.occupy(Place { sequence, event: Some(event) })?;
        self.keys.push(Reverse(Key { at, sequence, place }));
        Ok(Handle { sequence, place })
    }

    /// Takes out a pending event before it happens; `None` if it already happened or was cancelled.
    pub fn cancel(&mut self, handle: Handle) -> Option<E> {
        let event = self.vacate(handle.place, handle.sequence)?;
        if self.keys.len() > 2 * self.len() + SWEEP_FROM {
            let places = &self.places;
            self.keys.retain(|Reverse(key)| is_pending(places, key));
        } else {
            self.drop_stale_keys();
        }
        Some(event)
    }

    /// Takes out the next event, which becomes the present; `None` if nothing is pending.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Reverse(key) = self.keys.pop()?;
        let event = self.vacate(key.place, key.sequence)?;
        self.now = key.at;
        self.drop_stale_keys();
        Some((key.at, event))
    }

    /// The time of the next event; `None` if nothing is pending.
    pub fn peek_time(&self) -> Option<Time> {
        self.keys.peek().map(|Reverse(key)| key.at)
    }

    /// The present: the time of the last event taken out.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The number of pending events.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// True if nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an event into a free place, or into a new one.
    fn occupy(&mut self, occupant: Place<E>) -> Result<u32, ScheduleError> {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.places.get_mut(index as usize)
        {
            *place = occupant;
            return Ok(index);
        }
        let index = u32::try_from(self.places.len()).map_err(|_| ScheduleError::Full { limit: self.limit })?;
        self.places.push(occupant);
        Ok(index)
    }

    /// Takes the event out of its place, if it is still there.
    fn vacate(&mut self, index: u32, sequence: u64) -> Option<E> {
        let place = self.places.get_mut(index as usize).filter(|place| place.sequence == sequence)?;
        let event = place.event.take()?;
        self.free.push(index);
        Some(event)
    }

    /// Removes keys from the front until one of a pending event is first.
    fn drop_stale_keys(&mut self) {
        while let Some(Reverse(key)) = self.keys.peek()
            && !is_pending(&self.places, key)
        {
            self.keys.pop();
        }
    }
}

/// Stale keys up to this number are left alone, so that small queues are not swept at every turn.
const SWEEP_FROM: usize = 64;

/// What the heap orders: time, then sequence. No two keys have the same sequence, so `place` never decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: Time,
    sequence: u64,
    place: u32,
}

/// Holds one event, and the sequence of the last event that was put here.
#[derive(Debug)]
struct Place<E> {
    sequence: u64,
    event: Option<E>,
}

/// True if the key's event is still in its place: sequences are never given twice.
fn is_pending<E>(places: &[Place<E>], key: &Key) -> bool {
    places.get(key.place as usize).is_some_and(|place| place.sequence == key.sequence && place.event.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_and_scheduling_without_end_keeps_memory_bounded() {
        let mut queue = EventQueue::with_limit(4);
        queue.schedule(Time::from_nanos(0), 0).unwrap();
        for turn in 1..10_000 {
            let handle = queue.schedule(Time::from_nanos(turn), turn).unwrap();
            assert_eq!(queue.cancel(handle), Some(turn));
            assert!(queue.keys.len() <= 2 * queue.len() + SWEEP_FROM + 1, "stale keys were not swept");
        }
        assert_eq!(queue.places.len(), 2);
    }

    #[test]
    fn a_handle_does_not_reach_the_next_event_in_its_place() {
        let mut queue = EventQueue::with_limit(4);
        let first = queue.schedule(Time::from_nanos(1), 'a').unwrap();
        assert_eq!(queue.pop(), Some((Time::from_nanos(1), 'a')));
        let second = queue.schedule(Time::from_nanos(2), 'b').unwrap();
        assert_eq!(first.place, second.place);
        assert_eq!(queue.cancel(first), None);
        assert_eq!(queue.cancel(second), Some('b'));
        assert_eq!(queue.peek_time(), None);
    }

    #[test]
    fn a_full_queue_says_so_and_takes_events_again_later() {
        let mut queue = EventQueue::with_limit(1);
        queue.schedule(Time::from_nanos(1), ()).unwrap();
        assert_eq!(queue.schedule(Time::from_nanos(1), ()), Err(ScheduleError::Full { limit: 1 }));
        queue.pop();
        assert!(queue.schedule(Time::from_nanos(1), ()).is_ok(), "zero delay");
        queue.pop();
        let past = ScheduleError::Past { at: Time::START, now: Time::from_nanos(1) };
        assert_eq!(queue.schedule(Time::START, ()), Err(past));
    }
}
