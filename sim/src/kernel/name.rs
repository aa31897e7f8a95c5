//! Stable names: what a random draw calls the things it decides about.
//!
//! A draw must not depend on the number that a unit happens to have in a list, for that changes when another unit is
//! added. It depends on the unit's name, which the person who wrote the design gave it. Names are hashed once, when a
//! model is built, and travel as 64 bits.
//!
//! The hash is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) under the key zero, of the
//! UTF-8 bytes: the same on every platform and in every release.
//!
//! Two names with one hash would draw the same chance. Among 40,000 names that has a probability of 4e-11;
//! [`Name::all_distinct`] makes it an error rather than an assumption.
//!
//! ```
//! use seglab_sim::kernel::Name;
//! assert_eq!(Name::new("web"), Name::new("web"));
//! assert_ne!(Name::new("web"), Name::new("db"));
//! let flow = Name::of_parts(["web", "db", "tcp/5432"]);
//! assert_ne!(flow, Name::of_parts(["web", "dbt", "cp/5432"]), "parts do not run into each other");
//! let names = Name::all_distinct(["web", "db"])?;
//! assert_eq!(names[1], Name::new("db"));
//! # Ok::<(), seglab_sim::kernel::NameCollision>(())
//! ```

use serde::Serialize;

/// A hashed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name(u64);

/// Two names whose draws would be the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameCollision {
    /// One name was given to two things.
    #[error("the name `{0}` is given twice, so both would draw the same chance: rename one")]
    Same(String),
    /// Two names have one hash, by an accident of about one in 10^10.
    #[error("the names `{0}` and `{1}` have the same hash, so both would draw the same chance: rename one")]
    Hash(String, String),
}

impl Name {
    /// For a decision that has no source or no target.
    pub const NONE: Self = Self(0);

    /// The name of one thing.
    pub fn new(text: &str) -> Self {
        Self(siphash_2_4(text.as_bytes()))
    }

    /// The name of something that is told apart by several texts, such as a flow by its source, target and service.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            // The length in front keeps `ab, c` apart from `a, bc`.
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Self(siphash_2_4(&bytes))
    }

    /// The names of several things, in their order.
    ///
    /// # Errors
    /// Two of the texts are equal, or have the same hash.
    pub fn all_distinct<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, NameCollision> {
        let texts: Vec<&str> = texts.into_iter().collect();
        let names: Vec<Self> = texts.iter().map(|text| Self::new(text)).collect();
        let mut sorted: Vec<(Self, &str)> = names.iter().copied().zip(texts).collect();
        sorted.sort_unstable();
        for (one, next) in sorted.iter().zip(sorted.iter().skip(1)) {
            if one.1 == next.1 {
                return Err(NameCollision::Same(one.1.to_owned()));
            }
            if one.0 == next.0 {
                return Err(NameCollision::Hash(one.1.to_owned(), next.1.to_owned()));
            }
        }
        Ok(names)
    }

    /// The name of something inside this: the order counts, and so does how things are nested.
    ///
    /// Mixed as SplitMix64 mixes (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014), for models
    /// make such names while they run; among a million of them two meet with a probability of 3e-8.
    #[inline]
    #[must_use]
    pub const fn within(self, outer: Self) -> Self {
        let mut mixed = outer.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.0) ^ 0x6a09_e667_f3bc_c909;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(mixed ^ (mixed >> 31))
    }

    /// The name with this hash, whatever text may have it.
    #[cfg(test)]
    pub(super) const fn from_u64(hash: u64) -> Self {
        Self(hash)
    }

    /// The hash.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// SipHash with two rounds for each word and four at the end, under the key zero.
pub(super) fn siphash_2_4(bytes: &[u8]) -> u64 {
    let mut state = SipState::new(0, 0);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in chunks.by_ref() {
        state.absorb(little_endian(chunk));
    }
    // The last word is what is left over, with the length modulo 256 as its highest byte.
    state.absorb(little_endian(chunks.remainder()) | (bytes.len() as u64) << 56);
    state.finish()
}

/// Up to eight bytes as a number, the first one lowest.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The four words of SipHash's state (§2.1 of its paper).
struct SipState {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl SipState {
    fn new(k0: u64, k1: u64) -> Self {
        // The constants spell "somepseudorandomlygeneratedbytes".
        Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        }
    }

    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.round();
        self.v0 ^= word;
    }

    fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the paper's appendix A: key 00 01 … 0f, input 00 01 … 0e.
    #[test]
    fn the_papers_example() {
        let mut state = SipState::new(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        state.absorb(0x0706_0504_0302_0100);
        state.absorb(0x0f0e_0d0c_0b0a_0908);
        assert_eq!(state.finish(), 0xa129_ca61_49be_45e5);
    }

    /// The standard library's deprecated hasher is SipHash-2-4 too: an implementation by other hands.
    #[test]
    #[allow(deprecated)]
    fn agrees_with_the_standard_library_at_every_length() {
        use std::hash::{Hasher, SipHasher};
        let bytes: Vec<u8> = (0..=255).map(|i: u8| i.wrapping_mul(37)).collect();
        for length in 0..=bytes.len() {
            let mut hasher = SipHasher::new();
            hasher.write(&bytes[..length]);
            assert_eq!(siphash_2_4(&bytes[..length]), hasher.finish(), "length {length}");
        }
    }

    #[test]
    fn names_never_change() {
        // Written down once: if this fails, every stored result of an earlier release stops being reproducible.
        assert_eq!(Name::new("").as_u64(), 0x1e92_4b9d_7377_00d7);
    }

    #[test]
    fn what_is_inside_has_a_name_of_its_own() {
        let (a, b, c) = (Name::new("a"), Name::new("b"), Name::new("c"));
        let names = [a, b, a.within(b), b.within(a), a.within(b).within(c), a.within(b.within(c)), a.within(a)];
        let mut distinct = names.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }

    #[test]
    fn a_name_given_twice_is_an_error() {
        assert_eq!(Name::all_distinct(["a", "b", "a"]), Err(NameCollision::Same("a".to_owned())));
    }
}
