//! The event queue against a standard heap, under any script: bytes say what is done. The fuzz target `event_queue` runs
//! the same file.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use seglab_sim::kernel::{EventQueue, Handle, ScheduleError, Time};

/// How often each case of interest was met.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Met {
    pub(crate) full: u32,
    pub(crate) past: u32,
    pub(crate) cancelled: u32,
    pub(crate) missed: u32,
    pub(crate) popped: u32,
    pub(crate) held_back: u32,
    pub(crate) simultaneous: u32,
    pub(crate) far: u32,
}

/// Plays a script on both queues, compares every answer, and counts what was met.
///
/// # Panics
/// Where the queues differ.
pub(crate) fn play(script: &[u8]) -> Met {
    let mut bytes = script.iter().copied();
    let limit = match bytes.next() {
        Some(limit @ 1..64) => usize::from(limit),
        _ => usize::MAX,
    };
    let mut stage = Stage {
        queue: EventQueue::with_limit(limit),
        heap: Heap { limit, ..Heap::default() },
        handles: Vec::new(),
        latest: 0,
        met: Met::default(),
    };
    while let Some(operation) = bytes.next() {
        let mut next = || u64::from(bytes.next().unwrap_or_default());
        let now = stage.queue.now().as_nanos();
        match operation % 16 {
            0 => stage.schedule(now, operation >= 128),
            1 => stage.schedule(now.saturating_add(next()), operation >= 128),
            // Over all scales, with the same times again and again.
            2..=4 => {
                let delay = next() >> 4 << (next() % 64);
                stage.schedule(now.saturating_add(delay), operation >= 128);
            }
            5 => stage.schedule(stage.latest, operation >= 128),
            6 => stage.schedule(next() << (next() % 64), false),
            7 => stage.schedule(u64::MAX - next(), operation >= 128),
            // A burst within a span that may be much shorter than what lies before the next event.
            8 => {
                let (count, stride, span) = (next(), next(), 1 + (next() << (next() % 16)));
                for event in 0..count {
                    stage.schedule(now.saturating_add(event * stride % span), operation >= 128);
                }
            }
            9 | 10 => stage.cancel(next() << 8 | next()),
            11 => {
                let count = next();
                (0..count).for_each(|back| stage.cancel(back));
            }
            12 => {
                let last = now.saturating_add(next() << (next() % 64));
                stage.pop_until(last);
            }
            13 => {
                let count = next();
                (0..count).for_each(|_| stage.pop_until(u64::MAX));
            }
            _ => stage.pop_until(u64::MAX),
        }
        stage.compare();
    }
    while !stage.queue.is_empty() {
        stage.pop_until(u64::MAX);
    }
    stage.compare();
    stage.met
}

struct Stage {
    queue: EventQueue<u64>,
    heap: Heap,
    /// With the number of the event that each is for.
    handles: Vec<(Handle, u64)>,
    /// The time asked for last.
    latest: u64,
    met: Met,
}

impl Stage {
    fn schedule(&mut self, at: u64, cancellable: bool) {
        let (number, time) = (self.heap.scheduled, Time::from_nanos(at));
        let expected = self.heap.schedule(at);
        if cancellable {
            let answer = self.queue.schedule_cancellable(time, number);
            assert_eq!(answer.map(drop), expected);
            self.handles.extend(answer.ok().map(|handle| (handle, number)));
        } else {
            assert_eq!(self.queue.schedule(time, number), expected);
        }
        self.latest = at;
        self.met.full += u32::from(matches!(expected, Err(ScheduleError::Full { .. })));
        self.met.past += u32::from(matches!(expected, Err(ScheduleError::Past { .. })));
        self.met.far += u32::from(expected.is_ok() && at >> 48 > 0);
    }

    /// Cancels the event scheduled so many before the last one, pending or not.
    fn cancel(&mut self, back: u64) {
        let Some(last) = self.handles.len().checked_sub(1) else { return };
        let (handle, number) = self.handles[last - (back as usize).min(last)];
        let was_pending = self.queue.cancel(handle);
        assert_eq!(was_pending, self.heap.pending.remove(&number));
        self.met.cancelled += u32::from(was_pending);
        self.met.missed += u32::from(!was_pending);
    }

    fn pop_until(&mut self, last: u64) {
        let (before, pending) = (self.heap.now, !self.heap.pending.is_empty());
        let popped = self.queue.pop_until(Time::from_nanos(last));
        assert_eq!(popped.map(|(at, number)| (at.as_nanos(), number)), self.heap.pop_until(last));
        self.met.popped += u32::from(popped.is_some());
        self.met.held_back += u32::from(popped.is_none() && pending);
        self.met.simultaneous += u32::from(popped.is_some_and(|(at, _)| at.as_nanos() == before));
    }

    fn compare(&mut self) {
        assert_eq!(self.queue.len(), self.heap.pending.len());
        assert_eq!(self.queue.is_empty(), self.heap.pending.is_empty());
        assert_eq!(self.queue.now().as_nanos(), self.heap.now);
        assert_eq!(self.queue.peek_time().map(Time::as_nanos), self.heap.peek().map(|(at, _)| at));
    }
}

/// The standard heap, ordered by time and number; what was cancelled is skipped.
#[derive(Default)]
struct Heap {
    keys: BinaryHeap<Reverse<(u64, u64)>>,
    pending: BTreeSet<u64>,
    scheduled: u64,
    now: u64,
    limit: usize,
}

impl Heap {
    fn schedule(&mut self, at: u64) -> Result<(), ScheduleError> {
        if at < self.now {
            return Err(ScheduleError::Past { at: Time::from_nanos(at), now: Time::from_nanos(self.now) });
        }
        if self.pending.len() >= self.limit.min(1 << 30) {
            return Err(ScheduleError::Full { limit: self.limit.min(1 << 30) });
        }
        self.keys.push(Reverse((at, self.scheduled)));
        self.pending.insert(self.scheduled);
        self.scheduled += 1;
        Ok(())
    }

    fn peek(&mut self) -> Option<(u64, u64)> {
        while let Some(&Reverse((at, number))) = self.keys.peek() {
            if self.pending.contains(&number) {
                return Some((at, number));
            }
            self.keys.pop();
        }
        None
    }

    fn pop_until(&mut self, last: u64) -> Option<(u64, u64)> {
        let (at, number) = self.peek().filter(|(at, _)| *at <= last)?;
        self.keys.pop();
        self.pending.remove(&number);
        self.now = at;
        Some((at, number))
    }
}
