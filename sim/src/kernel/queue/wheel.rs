//! Where events wait that are not due soon: buckets by the highest digit in which their time is another than the base's.
//!
//! A time is a number of eleven digits of six bits. An event stands in the bucket of the highest digit in which its time
//! differs from the *base*, a time not after any event's: in the 64 buckets of that digit's *level*, at the digit's value.
//! This is a radix heap (R. K. Ahuja, K. Mehlhorn, J. B. Orlin and R. E. Tarjan, "Faster algorithms for the shortest path
//! problem", JACM 37, 1990, §4) with several buckets to a level, which are found by bitmaps.
//!
//! - To put an event in takes a comparison of bits, whatever the number of events.
//! - The first bucket of the lowest level that has any holds the earliest events. If they fit into one block, that block is
//!   given away as it is; otherwise its first instant becomes the base, and they go to lower levels, at most ten times.
//! - Events of one time are always in one bucket, because their digits are the same. Buckets are queues, so that events
//!   of one time stay in the order in which they came, without a number that says so.
//!
//! Buckets are lists of blocks of one size, which come from a stock and go back to it. Memory is therefore what the most
//! pending events took, and a block for each bucket in use.

use std::cmp::Reverse;

use super::{Entry, Time};

const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
/// Events of a block.
pub(super) const BLOCK: usize = 64;
/// A bucket of at most so many blocks becomes the front without going through lower levels: it would fill a few
/// of their 64 buckets with next to nothing in each, which takes longer than to sort it.
const FRONT_BLOCKS: usize = 6;
/// Blocks that a bucket's list may have room for while it is empty.
const LIST_KEPT: usize = 64;

/// Pending events after the front.
#[derive(Clone, Debug)]
pub(super) struct Wheel<E> {
    // INVARIANT: no event here is before the base.
    base: u64,
    /// By level, then slot.
    // INVARIANT: an event stands at the level and slot that `place` gives for the base.
    buckets: Vec<Bucket<E>>,
    /// For each level the slots that are not empty, as bits.
    slots: [u64; LEVELS],
    /// The levels that are not empty, as bits.
    levels: u32,
    /// Empty blocks.
    spare: Vec<Vec<Entry<E>>>,
    /// How often an event was placed.
    #[cfg(test)]
    pub(super) placements: u64,
}

/// Events in the order in which they came.
#[derive(Clone, Debug)]
struct Bucket<E> {
    full: Vec<Vec<Entry<E>>>,
    /// The block that is being filled; it has no room until the first event comes.
    open: Vec<Entry<E>>,
}

impl<E> Wheel<E> {
    pub(super) fn new() -> Self {
        let buckets = std::iter::repeat_with(|| Bucket { full: Vec::new(), open: Vec::new() });
        Self {
            base: 0,
            buckets: buckets.take(LEVELS * SLOTS).collect(),
            slots: [0; LEVELS],
            levels: 0,
            spare: Vec::new(),
            #[cfg(test)]
            placements: 0,
        }
    }

    /// Adds an event that is not before the base.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry<E>) {
        #[cfg(test)]
        {
            self.placements += 1;
        }
        let (level, slot) = place(entry.at.as_nanos(), self.base);
        self.levels |= 1 << level;
        if let Some(slots) = self.slots.get_mut(level as usize) {
            *slots |= 1 << slot;
        }
        if let Some(bucket) = self.buckets.get_mut(index(level, slot)) {
            bucket.push(entry, &mut self.spare);
        }
    }

    /// Puts the earliest events into `front`, which has to be empty, the latest first and those of one time in the
    /// reverse order of their coming. Every event up to the time that is returned is among them; `None`, and nothing done,
    /// if there is none up to `until`.
    pub(super) fn refill_until(&mut self, until: Time, front: &mut Vec<Entry<E>>) -> Option<u64> {
        loop {
            let (level, slot) = self.first()?;
            let (first, last) = span(self.base, level, slot);
            if last > until.as_nanos() && !self.has_any_until(until, level, slot) {
                return None;
            }
            let mut bucket = self.take(level, slot);
            self.base = first;
            if bucket.full.is_empty() {
                std::mem::swap(front, &mut bucket.open);
            } else if level == 0 || bucket.full.len() < FRONT_BLOCKS {
                for block in &mut bucket.full {
                    front.append(block);
                }
                front.append(&mut bucket.open);
            } else {
                let emptied = self.scatter(bucket, |_| true);
                self.put_back(level, slot, emptied);
                continue;
            }
            for block in bucket.full.drain(..).chain(std::iter::once(std::mem::take(&mut bucket.open))) {
                stock(&mut self.spare, block);
            }
            self.put_back(level, slot, bucket);
            front.reverse();
            // The sort is stable.
            front.sort_by_key(|entry| Reverse(entry.at));
            return Some(last);
        }
    }

    /// Moves the base to the time of the `earliest` event that there is or will be; nothing may be pending in the wheel up
    /// to the end of the last refill.
    ///
    /// Within that refill's span nothing moves. Before it, where an event comes that is earlier than all that the refill
    /// took, everything is placed anew.
    pub(super) fn rebase(&mut self, earliest: u64) {
        let is_back = earliest < self.base;
        self.base = earliest;
        if is_back {
            let buckets: Vec<Bucket<E>> =
                self.in_use().into_iter().map(|(level, slot)| self.take(level, slot)).collect();
            for bucket in buckets {
                self.scatter(bucket, |_| true);
            }
        }
    }

    /// The first event after which nothing is earlier, among those that `is_wanted`.
    pub(super) fn earliest(&self, is_wanted: impl Fn(&Entry<E>) -> bool) -> Option<&Entry<E>> {
        let entries = |(level, slot)| self.buckets.get(index(level, slot)).into_iter().flat_map(Bucket::entries);
        let first_of = |bucket| entries(bucket).filter(|entry| is_wanted(entry)).min_by_key(|entry| entry.at);
        self.in_use().into_iter().find_map(first_of)
    }

    /// Takes out what is not wanted; everything else stays where it is.
    pub(super) fn retain(&mut self, mut is_wanted: impl FnMut(&Entry<E>) -> bool) {
        for (level, slot) in self.in_use() {
            let bucket = self.take(level, slot);
            self.scatter(bucket, &mut is_wanted);
        }
    }

    /// Puts the events of a bucket that are wanted where the base has them now.
    fn scatter(&mut self, mut bucket: Bucket<E>, mut is_wanted: impl FnMut(&Entry<E>) -> bool) -> Bucket<E> {
        let open = std::mem::take(&mut bucket.open);
        for mut block in bucket.full.drain(..).chain(std::iter::once(open)) {
            for entry in block.drain(..).filter(&mut is_wanted) {
                self.push(entry);
            }
            stock(&mut self.spare, block);
        }
        bucket
    }

    /// The buckets that are not empty, the earliest first.
    fn in_use(&self) -> Vec<(u32, u32)> {
        (0u32..).zip(&self.slots).flat_map(|(level, slots)| bits(*slots).map(move |slot| (level, slot))).collect()
    }

    /// The bucket of the earliest events.
    fn first(&self) -> Option<(u32, u32)> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros();
        Some((level, self.slots.get(level as usize)?.trailing_zeros()))
    }

    /// True if an event of a bucket is not after `until`.
    fn has_any_until(&self, until: Time, level: u32, slot: u32) -> bool {
        self.buckets.get(index(level, slot)).is_some_and(|bucket| bucket.entries().any(|entry| entry.at <= until))
    }

    /// Empties a bucket.
    fn take(&mut self, level: u32, slot: u32) -> Bucket<E> {
        if let Some(slots) = self.slots.get_mut(level as usize) {
            *slots &= !(1 << slot);
            if *slots == 0 {
                self.levels &= !(1 << level);
            }
        }
        let empty = Bucket { full: Vec::new(), open: Vec::new() };
        match self.buckets.get_mut(index(level, slot)) {
            Some(bucket) => std::mem::replace(bucket, empty),
            None => empty,
        }
    }

    /// Gives an empty bucket its list of blocks back, so that it need not grow again.
    fn put_back(&mut self, level: u32, slot: u32, emptied: Bucket<E>) {
        if let Some(bucket) = self.buckets.get_mut(index(level, slot))
            && emptied.full.capacity() <= LIST_KEPT
        {
            bucket.full = emptied.full;
        }
    }

    /// The room that blocks take \[events\].
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        let blocks = self.buckets.iter().flat_map(|bucket| bucket.full.iter().chain(std::iter::once(&bucket.open)));
        blocks.chain(&self.spare).map(Vec::capacity).sum()
    }
}

impl<E> Bucket<E> {
    #[inline]
    fn push(&mut self, entry: Entry<E>, spare: &mut Vec<Vec<Entry<E>>>) {
        if self.open.len() == self.open.capacity() {
            self.grow(spare);
        }
        self.open.push(entry);
    }

    /// Gives the bucket an empty block to fill.
    fn grow(&mut self, spare: &mut Vec<Vec<Entry<E>>>) {
        let block = spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
        let full = std::mem::replace(&mut self.open, block);
        if full.capacity() > 0 {
            self.full.push(full);
        }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<E>> {
        self.full.iter().flatten().chain(&self.open)
    }
}

/// Keeps an empty block for later, if it is one.
pub(super) fn stock<E>(spare: &mut Vec<Vec<Entry<E>>>, block: Vec<Entry<E>>) {
    if (1..=2 * BLOCK).contains(&block.capacity()) {
        spare.push(block);
    }
}

/// The level and slot of a time.
#[inline]
fn place(at: u64, base: u64) -> (u32, u32) {
    // The base itself differs from itself in no digit, and stands with those that differ in the lowest.
    let level = ((at ^ base) | 1).ilog2() / DIGIT_BITS;
    (level, (at >> (level * DIGIT_BITS)) as u32 % SLOTS as u32)
}

#[inline]
fn index(level: u32, slot: u32) -> usize {
    level as usize * SLOTS + slot as usize
}

/// The first and the last time that a bucket is for.
fn span(base: u64, level: u32, slot: u32) -> (u64, u64) {
    let shift = level * DIGIT_BITS;
    let below = (1u64 << shift) - 1;
    // The highest level has fewer bits above its digit than a digit has.
    let above = u64::MAX.checked_shl(shift + DIGIT_BITS).unwrap_or_default();
    let first = base & above | u64::from(slot) << shift;
    (first, first | below)
}

/// The positions of ones, ascending.
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let at = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(at)
    })
}
