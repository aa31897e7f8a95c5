//! Random draws that are addressed by what they decide.
//!
//! An ordinary generator is a tape: who reads first gets the first number. Add one unit to a design, and everyone reads
//! other numbers; two designs then differ by chance where they do not differ in fact. Here a draw has an *address*:
//!
//! | field | bits | says |
//! | --- | --- | --- |
//! | seed | 64 | which experiment |
//! | [branch](Branch) | 64 | which clone of a replica, when rare events are split |
//! | replica | 32 | which possible course of events |
//! | source, target | 64 each | who decides about whom, by [stable name](Name) |
//! | [purpose](Purpose) | 16 | what is decided: does the exploit succeed, how long does the scan take … |
//! | [technique](Technique) | 16 | by which means |
//! | attempt | 32 | for the how-manieth time |
//! | word | 32 | position within this one decision |
//!
//! The address *is* the counter and key of [Philox4x64-10](super::philox_4x64_10), field by field and without hashing,
//! so different addresses never share a block, and the order of asking is of no account. The design is not in the
//! address: that makes comparisons paired (common random numbers).
//!
//! Values come from draws by *inversion*, one draw per value and monotone: a larger uniform number gives a later event.
//! That keeps paired designs close to each other, where rejection would consume a number of draws that depends on the
//! parameters.
//!
//! # Limits
//! - Decisions that a model gives the same address are the same decision. Count attempts, or give another purpose.
//! - After 2^32 blocks of four words a draw repeats itself; one decision needs a few words.
//!
//! ```
//! use seglab_sim::kernel::{Draws, Name, Probability, Purpose, Technique};
//! const SUCCEEDS: Purpose = Purpose::new(1);
//! const EXPLOIT: Technique = Technique::new(1);
//! let (web, db) = (Name::new("web"), Name::new("db"));
//! let draws = Draws::new(42, 0);
//!
//! let first = draws.at(SUCCEEDS, web, db, EXPLOIT, 0).uniform();
//! let second = draws.at(SUCCEEDS, web, db, EXPLOIT, 1).uniform();
//! assert_ne!(first, second);
//! assert_eq!(first, draws.at(SUCCEEDS, web, db, EXPLOIT, 0).uniform(), "asked again, answered the same");
//!
//! let half = Probability::new(0.5)?;
//! assert_eq!(draws.at(SUCCEEDS, web, db, EXPLOIT, 0).bernoulli(half), first < 0.5);
//! # Ok::<(), seglab_sim::kernel::ProbabilityError>(())
//! ```

use std::convert::Infallible;

use rand_core::TryRng;

use super::name::siphash_2_4;
use super::{Duration, Name, Probability, philox_4x64_10};

/// What is decided. A model lists its purposes as constants; their numbers must not change between releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(u16);

/// By which means. A model numbers its techniques; their numbers must not change between releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Technique(u16);

/// Tells clones of one replica apart, from the moment at which they split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(u64);

/// All draws of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    seed: u64,
    branch: Branch,
    replica: u32,
}

/// The draw at one address: the random words that one decision may use, from the first on.
#[derive(Clone, Debug)]
pub struct Draw {
    counter: [u64; 4],
    key: [u64; 2],
    block: [u64; 4],
    /// Position in `block` of the word to give next; 4 if the block is used up or not yet made.
    next: usize,
}

impl Purpose {
    /// The purpose with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }
}

impl Technique {
    /// For a decision to which no technique belongs.
    pub const NONE: Self = Self(0);

    /// The technique with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }
}

impl Branch {
    /// The replica before it is split.
    pub const ROOT: Self = Self(0);

    /// The branch of the clone with this number. Hashed, for the tree of clones may be deep; among a million clones two
    /// meet with a probability of 3e-8.
    #[must_use]
    pub fn of_clone(self, clone: u32) -> Self {
        let mut bytes = [0; 12];
        let (parent, number) = bytes.split_at_mut(8);
        parent.copy_from_slice(&self.0.to_le_bytes());
        number.copy_from_slice(&clone.to_le_bytes());
        Self(siphash_2_4(&bytes))
    }
}

impl Draws {
    /// The draws of a replica that was not split.
    pub const fn new(seed: u64, replica: u32) -> Self {
        Self { seed, branch: Branch::ROOT, replica }
    }

    /// The draws of a clone of this replica: other than all draws of the replica itself, and of its other clones.
    #[must_use]
    pub const fn in_branch(self, branch: Branch) -> Self {
        Self { branch, ..self }
    }

    /// The draws of the replica before it was split: for what is asked for anew each time, and was decided from the start.
    #[must_use]
    pub const fn of_root(self) -> Self {
        self.in_branch(Branch::ROOT)
    }

    /// The seed.
    pub const fn seed(self) -> u64 {
        self.seed
    }

    /// The replica.
    pub const fn replica(self) -> u32 {
        self.replica
    }

    /// The branch.
    pub const fn branch(self) -> Branch {
        self.branch
    }

    /// The draw that decides for `purpose` about `source` and `target`, by `technique`, the `attempt`th time.
    #[inline]
    pub fn at(self, purpose: Purpose, source: Name, target: Name, technique: Technique, attempt: u32) -> Draw {
        let kind = u64::from(purpose.0) << 16 | u64::from(technique.0);
        // The lower half of the first word counts the blocks of this draw.
        let counter =
            [u64::from(attempt) << 32, source.as_u64(), target.as_u64(), u64::from(self.replica) << 32 | kind];
        Draw { counter, key: [self.seed, self.branch.0], block: [0; 4], next: 4 }
    }
}

impl Draw {
    /// The next 64 random bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        if self.next >= self.block.len() {
            self.block = philox_4x64_10(self.counter, self.key);
            let [first, ..] = &mut self.counter;
            let used = (*first as u32).wrapping_add(1);
            *first = *first & !u64::from(u32::MAX) | u64::from(used);
            self.next = 0;
        }
        let word = self.block.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        word
    }

    /// A number in \[0, 1), one of 2^53 evenly spaced ones.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.word() >> 11) as f64 * STEP
    }

    /// True with the probability `p`. For the same draw, a larger `p` never turns true to false.
    #[inline]
    pub fn bernoulli(&mut self, p: Probability) -> bool {
        self.uniform() < p.get()
    }

    /// A duration of the exponential distribution with this mean \[ns\], rounded to the nearest nanosecond.
    ///
    /// At most 36.7 means: what is longer has a probability of 1e-16.
    #[inline]
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        // 1 - u is in (0, 1], where the logarithm is finite; log1p loses nothing for small u.
        let means = -libm::log1p(-self.uniform());
        Duration::saturating_from_nanos_f64(means * mean.as_nanos() as f64)
    }

    /// One of the numbers below `n`, evenly but for a bias of at most n / 2^64; `None` where there is none.
    #[inline]
    pub fn choose(&mut self, n: usize) -> Option<usize> {
        if n == 0 {
            return None;
        }
        // The high half of a product with n is below n.
        Some(((u128::from(self.word()) * n as u128) >> 64) as usize)
    }
}

/// Draws are generators of the `rand` crates too, for what they offer beyond inversion. The limit is the same.
impl TryRng for Draw {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        rand_core::utils::fill_bytes_via_next_word(destination, || Ok(self.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::Rng;

    const PURPOSE: Purpose = Purpose::new(7);

    fn draw(attempt: u32) -> Draw {
        Draws::new(1, 2).at(PURPOSE, Name::new("a"), Name::new("b"), Technique::new(3), attempt)
    }

    /// One field after the other at its largest, all others zero: each sets bits of its own, and together nearly all.
    #[test]
    fn fields_do_not_overlap() {
        let at = |seed, replica, branch, [source, target]: [u64; 2], purpose, technique, attempt| {
            let draws = Draws { seed, branch: Branch(branch), replica };
            let (source, target) = (Name::from_u64(source), Name::from_u64(target));
            let draw = draws.at(Purpose(purpose), source, target, Technique(technique), attempt);
            [draw.key, [draw.counter[0], draw.counter[1]], [draw.counter[2], draw.counter[3]]].concat()
        };
        let fields = [
            at(u64::MAX, 0, 0, [0, 0], 0, 0, 0),
            at(0, u32::MAX, 0, [0, 0], 0, 0, 0),
            at(0, 0, u64::MAX, [0, 0], 0, 0, 0),
            at(0, 0, 0, [u64::MAX, 0], 0, 0, 0),
            at(0, 0, 0, [0, u64::MAX], 0, 0, 0),
            at(0, 0, 0, [0, 0], u16::MAX, 0, 0),
            at(0, 0, 0, [0, 0], 0, u16::MAX, 0),
            at(0, 0, 0, [0, 0], 0, 0, u32::MAX),
        ];
        let ones: u32 = fields.iter().flatten().map(|word| word.count_ones()).sum();
        let mut union = [0u64; 6];
        for field in &fields {
            union.iter_mut().zip(field).for_each(|(all, word)| *all |= word);
        }
        assert_eq!(union.iter().map(|word| word.count_ones()).sum::<u32>(), ones, "two fields share a bit");
        assert_eq!(ones, 384 - 32, "the block number has the rest");
    }

    #[test]
    fn words_run_through_block_after_block() {
        let mut one = draw(0);
        let words: Vec<u64> = (0..12).map(|_| one.word()).collect();
        let mut distinct = words.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 12);
        // The fifth word is the first of the block that the counter names next.
        let [first, second, third, fourth] = draw(0).counter;
        assert_eq!(words[4], philox_4x64_10([first + 1, second, third, fourth], draw(0).key)[0]);
    }

    #[test]
    fn the_last_block_does_not_run_into_the_next_attempt() {
        let mut late = draw(5);
        late.counter[0] |= u64::from(u32::MAX);
        let words: Vec<u64> = (0..8).map(|_| late.word()).collect();
        assert_eq!(words[4], draw(5).word());
    }

    #[test]
    fn bytes_and_words_are_the_same_stream() {
        let mut bytes = [0; 16];
        draw(0).fill_bytes(&mut bytes);
        let mut words = draw(0);
        assert_eq!(bytes[..8], words.next_u64().to_le_bytes());
        assert_eq!(bytes[8..], words.next_u64().to_le_bytes());
        assert_eq!(u64::from(draw(0).next_u32()), draw(0).word() >> 32);
    }

    #[test]
    fn choosing_among_none_and_one() {
        assert_eq!(draw(0).choose(0), None);
        assert_eq!(draw(0).choose(1), Some(0));
    }

    #[test]
    fn an_exponential_is_never_infinite() {
        let mut longest = draw(0);
        longest.block = [u64::MAX; 4];
        longest.next = 0;
        let duration = longest.exponential(Duration::from_secs(1));
        assert!(duration > Duration::from_secs(36) && duration < Duration::from_secs(37), "{duration}");
        assert_eq!(draw(0).exponential(Duration::ZERO), Duration::ZERO);
        longest.next = 0;
        assert_eq!(longest.exponential(Duration::MAX), Duration::MAX);
    }
}
