//! The event queue: what happens next.
//!
//! Events leave in a *total order*: by time, and by the order of scheduling where times are equal. Without the second
//! part, the order of simultaneous events would be an accident of the data structure, and replacing that structure
//! would change results.
//!
//! - **Zero delay** is allowed: the event comes after everything that is already scheduled for this instant.
//! - **The past is closed**: an event cannot be scheduled before the last one taken out.
//! - **Cancelling** takes the [`Handle`] that [`EventQueue::schedule_cancellable`] gave. A handle is good once: for an event
//!   that already happened or was cancelled it finds nothing.
//! - **Bounded**: at most `limit` events are pending. A model that schedules more than it handles is told so, instead of
//!   filling the memory.
//! - **Shuffled on request** ([`Ties::Shuffled`]): simultaneous events leave in an order that is drawn. A result that
//!   stays the same hangs on no such order.
//!
//! # Inside
//! Three places, each for what it is best at:
//! - the *front*, a short sorted list of all events up to some time: the next one is its last;
//! - the *wheel* with everything after that time, in buckets that grow with the distance from the present (see its
//!   module): when the front is empty, the next bucket becomes the front. What an event costs hardly depends on how many
//!   are pending;
//! - the *lane*, for events that are scheduled for the present instant: a plain queue.
//!
//! An event that is scheduled before the front's end is sorted into it. Where that would move too many, as in a burst of
//! events shortly after a lull, the front is *spilled*: it goes back to the wheel, which cuts a finer bucket.
//!
//! A cancelled event stays until its turn comes, and is left out then. Cancelled events are swept out as soon as they
//! outnumber the others, so that memory stays proportional to what is pending.
//!
//! ```
//! use seglab_sim::kernel::{EventQueue, Time};
//! let mut queue = EventQueue::with_limit(10);
//! let alarm = queue.schedule_cancellable(Time::from_nanos(5), "alarm")?;
//! queue.schedule(Time::from_nanos(5), "backup")?;
//! queue.schedule(Time::from_nanos(2), "scan")?;
//! assert_eq!(queue.pop(), Some((Time::from_nanos(2), "scan")));
//! assert!(queue.cancel(alarm));
//! assert!(!queue.cancel(alarm), "once is enough");
//! assert_eq!(queue.pop(), Some((Time::from_nanos(5), "backup")));
//! assert!(queue.schedule(Time::from_nanos(4), "too late").is_err());
//! # Ok::<(), seglab_sim::kernel::ScheduleError>(())
//! ```

mod tickets;
mod wheel;

use std::collections::VecDeque;

pub use tickets::Handle;

use tickets::{NO_TICKET, Tickets};
use wheel::Wheel;

use super::{Draw, Draws, Name, Purpose, Technique, Time};

/// Pending events, ordered by time and then by the order of scheduling.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    /// The events up to `front_end` that are not in the lane, the next one last.
    front: Vec<Entry<E>>,
    /// The last instant that the front is for.
    // INVARIANT: not before the present.
    front_end: u64,
    /// Events scheduled for the present during the present, the next one first. They come after those of the front.
    lane: VecDeque<Entry<E>>,
    /// The events after `front_end`.
    wheel: Wheel<E>,
    tickets: Tickets,
    /// Events in all places, cancelled ones included.
    held: usize,
    /// The time of the last event taken out.
    now: Time,
    limit: usize,
    /// Draws the order of simultaneous events, if they are shuffled.
    shuffle: Option<Draw>,
}

/// In which order simultaneous events leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// In the order in which they were scheduled.
    #[default]
    Scheduled,
    /// In an order that is drawn: each time, any of those that are pending for this instant is the next.
    Shuffled(Draws),
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

/// One event and its time.
#[derive(Clone, Debug)]
struct Entry<E> {
    at: Time,
    ticket: u32,
    event: E,
}

/// The most events that may be pending, cancelled ones apart.
const LIMIT_MAX: usize = 1 << 30;
/// Cancelled events up to this number are left alone, so that small queues are not swept at every turn.
const SWEEP_FROM: usize = 64;
/// How many events of the front may be moved to sort one in; beyond it the front is spilled.
const MOVED_MAX: usize = 64;
/// What the draws of the order of simultaneous events are for: no model's purpose.
const TIES: Purpose = Purpose::new(u16::MAX);

impl<E> EventQueue<E> {
    /// An empty queue that holds at most `limit` events, and never more than 2^30.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            front: Vec::new(),
            front_end: 0,
            lane: VecDeque::new(),
            wheel: Wheel::new(),
            tickets: Tickets::default(),
            held: 0,
            now: Time::START,
            limit: limit.min(LIMIT_MAX),
            shuffle: None,
        }
    }

    /// The same queue with this order of simultaneous events.
    #[must_use]
    pub fn with_ties(self, ties: Ties) -> Self {
        let shuffle = match ties {
            Ties::Scheduled => None,
            Ties::Shuffled(draws) => Some(draws.at(TIES, Name::NONE, Name::NONE, Technique::NONE, 0)),
        };
        Self { shuffle, ..self }
    }

    /// Adds an event at the time `at`, after all events already scheduled for that time.
    ///
    /// # Errors
    /// `at` is before the last event taken out, or the queue is full. Nothing is changed then.
    #[inline]
    pub fn schedule(&mut self, at: Time, event: E) -> Result<(), ScheduleError> {
        self.admit(at)?;
        self.put(Entry { at, ticket: NO_TICKET, event });
        Ok(())
    }

    /// The same for an event that may be cancelled.
    ///
    /// # Errors
    /// As [`EventQueue::schedule`].
    pub fn schedule_cancellable(&mut self, at: Time, event: E) -> Result<Handle, ScheduleError> {
        self.admit(at)?;
        let handle = self.tickets.issue();
        self.put(Entry { at, ticket: handle.ticket(), event });
        Ok(handle)
    }

    /// Cancels a pending event; false if it already happened or was cancelled.
    pub fn cancel(&mut self, handle: Handle) -> bool {
        let was_pending = self.tickets.strike(handle);
        if self.tickets.struck() > self.len() + SWEEP_FROM {
            self.sweep();
        }
        was_pending
    }

    /// Takes out the next event, which becomes the present; `None` if nothing is pending.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        self.pop_until(Time::MAX)
    }

    /// The same unless the next event is after `last`.
    #[inline]
    pub fn pop_until(&mut self, last: Time) -> Option<(Time, E)> {
        loop {
            let entry = self.take_until(last)?;
            self.held -= 1;
            if self.tickets.settle(entry.ticket) {
                self.now = entry.at;
                return Some((entry.at, entry.event));
            }
        }
    }

    /// The time of the next event; `None` if nothing is pending. Looks through a bucket of the wheel at worst.
    pub fn peek_time(&self) -> Option<Time> {
        let is_valid = |entry: &&Entry<E>| self.tickets.is_valid(entry.ticket);
        let near = self.front.iter().rev().find(is_valid).into_iter().chain(self.lane.iter().find(is_valid));
        let near = near.map(|entry| entry.at).min();
        near.or_else(|| self.wheel.earliest(|entry| is_valid(&entry)).map(|entry| entry.at))
    }

    /// The present: the time of the last event taken out.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The number of pending events.
    #[inline]
    pub fn len(&self) -> usize {
        self.held - self.tickets.struck()
    }

    /// True if nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether another event may be scheduled.
    #[inline]
    fn admit(&self, at: Time) -> Result<(), ScheduleError> {
        if at < self.now {
            return Err(ScheduleError::Past { at, now: self.now });
        }
        if self.len() >= self.limit {
            return Err(ScheduleError::Full { limit: self.limit });
        }
        Ok(())
    }

    /// Puts an event where its time belongs.
    #[inline]
    fn put(&mut self, entry: Entry<E>) {
        self.held += 1;
        if entry.at.as_nanos() > self.front_end {
            self.wheel.push(entry);
        } else if entry.at == self.now {
            self.lane.push_back(entry);
        } else {
            self.sort_in(entry);
        }
    }

    /// Puts an event into the front, after those of the same time.
    fn sort_in(&mut self, entry: Entry<E>) {
        let position = self.front.partition_point(|other| other.at > entry.at);
        if self.front.len() - position <= MOVED_MAX {
            self.front.insert(position, entry);
        } else {
            self.spill(entry);
        }
    }

    /// Puts the front back into the wheel, and one more event, and makes a shorter front.
    fn spill(&mut self, entry: Entry<E>) {
        // Nothing in the wheel is at or before the front's end: the earliest event is one of these.
        let earliest = self.front.last().map_or(entry.at, |next| next.at.min(entry.at));
        self.wheel.rebase(earliest.as_nanos());
        for other in std::mem::take(&mut self.front).into_iter().rev() {
            self.wheel.push(other);
        }
        self.wheel.push(entry);
        self.refill_until(Time::MAX);
    }

    /// Makes the wheel's earliest events the front, which has to be empty; false if there are none up to `last`.
    fn refill_until(&mut self, last: Time) -> bool {
        let end = self.wheel.refill_until(last, &mut self.front);
        self.front_end = end.unwrap_or(self.front_end);
        end.is_some()
    }

    /// Takes out the next event up to `last`, cancelled or not.
    #[inline]
    fn take_until(&mut self, last: Time) -> Option<Entry<E>> {
        if self.shuffle.is_some() {
            return self.take_any_until(last);
        }
        if !self.lane.is_empty() && self.front.last().is_none_or(|next| next.at > self.now) {
            return if self.now <= last { self.lane.pop_front() } else { None };
        }
        if self.front.is_empty() && !self.refill_until(last) {
            return None;
        }
        if self.front.last().is_some_and(|next| next.at <= last) { self.front.pop() } else { None }
    }

    /// Takes out any of the events of the next instant.
    fn take_any_until(&mut self, last: Time) -> Option<Entry<E>> {
        if self.lane.is_empty() && self.front.is_empty() && !self.refill_until(last) {
            return None;
        }
        let at = if self.lane.is_empty() { self.front.last()?.at } else { self.now };
        if at > last {
            return None;
        }
        // All of this instant are in the front or in the lane.
        let later = self.front.partition_point(|other| other.at > at);
        let in_front = self.front.len() - later;
        let chosen = self.shuffle.as_mut()?.choose(in_front + self.lane.len())?;
        match chosen.checked_sub(in_front) {
            Some(position) => self.lane.swap_remove_back(position),
            None => Some(self.front.swap_remove(later + chosen)),
        }
    }

    /// Takes cancelled events out of all places.
    fn sweep(&mut self) {
        let tickets = &mut self.tickets;
        let held = &mut self.held;
        let mut is_wanted = |entry: &Entry<E>| {
            let is_valid = tickets.is_valid(entry.ticket);
            if !is_valid {
                tickets.settle(entry.ticket);
                *held -= 1;
            }
            is_valid
        };
        self.front.retain(&mut is_wanted);
        self.lane.retain(&mut is_wanted);
        self.wheel.retain(&mut is_wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_and_scheduling_without_end_keeps_memory_bounded() {
        let mut queue = EventQueue::with_limit(4);
        queue.schedule(Time::from_nanos(0), 0).unwrap();
        for turn in 1..10_000 {
            let handle = queue.schedule_cancellable(Time::from_nanos(turn), turn).unwrap();
            assert!(queue.cancel(handle));
            assert!(queue.held <= 2 * queue.len() + SWEEP_FROM + 1, "cancelled events were not swept");
        }
        assert!(queue.tickets.count() <= SWEEP_FROM + 4);
        assert!(queue.wheel.room() <= 128 * wheel::BLOCK, "{}", queue.wheel.room());
    }

    #[test]
    fn memory_is_proportional_to_the_most_that_was_pending() {
        let mut queue = EventQueue::with_limit(usize::MAX);
        let mut draw = Draws::new(1, 0).at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, 0);
        for event in 0..20_000 {
            queue.schedule(Time::from_nanos(draw.word() >> 24), event).unwrap();
        }
        for _ in 0..200_000 {
            let (at, event) = queue.pop().unwrap();
            queue.schedule(Time::from_nanos(at.as_nanos() + (draw.word() >> 24)), event).unwrap();
        }
        // A block for each bucket that was ever in use, and twice the events.
        let bound = 2 * 20_000 + 11 * 64 * wheel::BLOCK;
        assert!(queue.wheel.room() <= bound, "{} of {bound}", queue.wheel.room());
    }

    #[test]
    fn a_handle_does_not_reach_the_next_event_with_its_ticket() {
        let mut queue = EventQueue::with_limit(4);
        let first = queue.schedule_cancellable(Time::from_nanos(1), 'a').unwrap();
        assert_eq!(queue.pop(), Some((Time::from_nanos(1), 'a')));
        let second = queue.schedule_cancellable(Time::from_nanos(2), 'b').unwrap();
        assert_eq!(first.ticket(), second.ticket());
        assert!(!queue.cancel(first));
        assert!(queue.cancel(second));
        assert_eq!(queue.peek_time(), None);
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn a_burst_shortly_after_a_lull_is_spilled() {
        let mut queue = EventQueue::with_limit(usize::MAX);
        let (start, gap) = (1u64 << 40, 1u64 << 30);
        for event in 0..20u64 {
            queue.schedule(Time::from_nanos(start + event * gap), event).unwrap();
        }
        assert_eq!(queue.pop(), Some((Time::from_nanos(start), 0)));
        assert!(queue.front_end > start + gap, "a lull makes a wide front");
        for event in 0..10_000u64 {
            queue.schedule(Time::from_nanos(start + 1 + event * 7919 % 10_000), 100 + event).unwrap();
            assert!(queue.front.len() <= MOVED_MAX + wheel::BLOCK, "the front grew to {}", queue.front.len());
        }
        // Every event finds its bucket once, and once more for each level that it comes down, however many spills there were.
        let placed = queue.wheel.placements;
        assert!(placed < 3 * 10_019, "10,019 events were placed {placed} times");
        let times: Vec<u64> = std::iter::from_fn(|| queue.pop()).map(|(at, _)| at.as_nanos()).collect();
        assert_eq!(times.len(), 10_019);
        assert!(times.is_sorted());
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
