//! Random choices from one seed.

/// A stream of choices: SplitMix64 (Steele, Lea, Flood, 2014), one word a choice. One seed gives the same choices on
/// every machine and with every version of the crates that property tests run on.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    state: u64,
}

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(super) fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        // The remainder's bias is below 2^-50 for the bounds in use.
        let remainder = self.word().checked_rem(bound as u64).unwrap_or(0);
        usize::try_from(remainder).unwrap_or(0)
    }

    /// A number from `first` to `last`.
    pub(super) fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True in `percent` of a hundred draws.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the values.
    #[expect(clippy::indexing_slicing, reason = "the arrays of choices are not empty")]
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        choices[self.below(N)]
    }

    /// One of the values; `None` if there is none.
    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len())).cloned()
    }

    /// `least` to `most` values.
    pub(super) fn list<T>(&mut self, least: usize, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.between(least, most)).map(|_| one(self)).collect()
    }

    /// The value in `percent` of a hundred draws.
    pub(super) fn maybe<T>(&mut self, percent: usize, one: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(percent).then(|| one(self))
    }
}
