//! Doubled tables: one copy is read while the other one is brought up to date, and the two change places.
//!
//! Readers find tables as plain and as close together as if nothing ever changed (left-right: Ramalhete and Correia,
//! *Left-Right: A Concurrency Control Technique with Wait-Free Population Oblivious Reads*, 2015). Every write is made
//! twice, once in each copy. Whoever writes waits for those who still read the copy from before the last one, but not for
//! long: a reader that keeps it costs a copy of the table. There is no second copy before the first write.

use std::sync::Arc;

/// A table that the same writes bring from one state to the next, wherever they are made.
pub(super) trait Replayed: Clone {
    /// One write.
    type Write;

    /// Makes a write.
    fn make(&mut self, write: &Self::Write);
}

/// Two copies of a table.
#[derive(Debug)]
pub(super) struct Doubled<T: Replayed> {
    shown: Arc<T>,
    /// What was shown before.
    before: Option<Arc<T>>,
    /// The writes by which `before` is behind what is shown.
    behind: Vec<T::Write>,
    /// What will be shown next, where it differs, and the writes by which it does.
    next: Option<T>,
    ahead: Vec<T::Write>,
}

/// How often a writer looks whether the last reader has gone.
const LOOKS_MAX: usize = 400;

impl<T: Replayed> Doubled<T> {
    /// A table that is shown and was not written yet.
    pub(super) fn new(shown: Arc<T>) -> Self {
        Self { shown, before: None, behind: Vec::new(), next: None, ahead: Vec::new() }
    }

    /// The table with every write so far.
    #[inline]
    pub(super) fn now(&self) -> &T {
        self.next.as_ref().unwrap_or(&self.shown)
    }

    /// Makes a write, which is seen by readers once it is published.
    pub(super) fn write(&mut self, write: T::Write) {
        if self.next.is_none() {
            self.next = Some(self.caught_up());
        }
        if let Some(next) = &mut self.next {
            next.make(&write);
            self.ahead.push(write);
        }
    }

    /// Shows what was written; returns what is shown.
    pub(super) fn publish(&mut self) -> Arc<T> {
        if let Some(next) = self.next.take() {
            self.before = Some(std::mem::replace(&mut self.shown, Arc::new(next)));
            std::mem::swap(&mut self.behind, &mut self.ahead);
            self.ahead.clear();
        }
        self.shown.clone()
    }

    /// A copy of what is shown that nobody reads.
    fn caught_up(&mut self) -> T {
        let free = self.before.take().and_then(wait_for);
        let Some(mut free) = free else {
            self.behind.clear();
            return T::clone(&self.shown);
        };
        self.behind.drain(..).for_each(|write| free.make(&write));
        free
    }
}

/// The table, as soon as nobody reads it any more; `None` if somebody keeps it.
fn wait_for<T>(mut table: Arc<T>) -> Option<T> {
    for look in 0..LOOKS_MAX {
        table = match Arc::try_unwrap(table) {
            Ok(free) => return Some(free),
            Err(held) => held,
        };
        // On a machine with few processors the reader may be waiting for this one.
        if look % 64 == 63 {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Cells(Vec<u32>);

    impl Replayed for Cells {
        type Write = (usize, u32);

        fn make(&mut self, &(at, value): &(usize, u32)) {
            self.0[at] = value;
        }
    }

    #[test]
    fn readers_keep_what_they_took_and_both_copies_get_every_write() {
        let mut doubled = Doubled::new(Arc::new(Cells(vec![0; 8])));
        let mut plain = Cells(vec![0; 8]);
        let mut kept: Vec<(Arc<Cells>, Cells)> = Vec::new();
        for step in 0..40u32 {
            for write in 0..step % 3 {
                let (at, value) = ((step * 5 + write) as usize % 8, step + write);
                doubled.write((at, value));
                plain.0[at] = value;
            }
            assert_eq!(*doubled.now(), plain);
            let shown = doubled.publish();
            assert_eq!(*shown, plain);
            // Some readers stay, most leave.
            if step % 7 == 0 {
                kept.push((shown, plain.clone()));
            }
        }
        assert!(kept.iter().all(|(shown, plain)| **shown == *plain));
    }
}
