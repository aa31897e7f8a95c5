//! The roofline of a decision: the reads that it takes, and nothing else.
//!
//! However clever a decision is, it waits for the memory that it reads. The loop here reads tables of the same sizes, as
//! often, each at places drawn beforehand at random, so that no read waits for another and caches help as they help the
//! tables themselves. Williams, Waterman and Patterson, *Roofline: an insightful visual performance model*, 2009.

use std::hint::black_box;

/// Tables to read from, and where.
#[derive(Clone, Debug)]
pub struct Roofline {
    tables: Vec<(Vec<u32>, Vec<u32>)>,
}

impl Roofline {
    /// A table for each read, of as many bytes, and random places in it for `decisions` decisions.
    pub fn new(reads: &[usize], decisions: usize) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut random = move || {
            // xorshift64 (Marsaglia, Xorshift RNGs, 2003): places need not be more random than this.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let table = |&bytes: &usize| {
            let len = (bytes / size_of::<u32>()).max(1);
            let places = (0..decisions).map(|_| u32::try_from(random() % len as u64).unwrap_or(0)).collect();
            (vec![1; len], places)
        };
        Self { tables: reads.iter().map(table).collect() }
    }

    /// Makes the reads of every decision, table after table.
    pub fn pass(&self) {
        for (table, places) in &self.tables {
            let read = places.iter().map(|&at| table.get(at as usize).copied().unwrap_or(0));
            black_box(read.fold(0u32, u32::wrapping_add));
        }
    }
}
