//! What a pair of classes is told, for every service class: profiles, each once.

use super::doubled::Replayed;
use crate::column::{Column, id};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A verdict on one service class, as profiles hold it. Two bits suffice.
pub(super) type Code = u32;
pub(super) const DENIED: Code = 0;
pub(super) const ALLOWED: Code = 1;
pub(super) const UNKNOWN: Code = 2;
/// The classes of the two ends do not settle it: whose the addresses are does.
pub(super) const ASK: Code = 3;

/// Verdicts on every service class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Verdicts {
    /// The same code for every pair of members: words of 64 service classes.
    Alike {
        /// Those that are allowed.
        allowed: Box<[u64]>,
        /// Those of which it is not known.
        unknown: Box<[u64]>,
    },
    /// Another profile where one end runs on the other, and everything is allowed inside one unit.
    ByRelation {
        /// Between units that do not run on each other.
        strangers: u32,
        /// Between a host and its guest.
        host_and_guest: u32,
    },
    /// An address that several endpoints have.
    Ambiguous,
}

impl Verdicts {
    /// The profile of these words; what stands past the last of `classes` service classes says nothing.
    pub(super) fn alike(mut allowed: Vec<u64>, mut unknown: Vec<u64>, classes: usize) -> Self {
        for words in [&mut allowed, &mut unknown] {
            if let Some(last) = words.last_mut().filter(|_| !classes.is_multiple_of(64)) {
                *last &= (1 << (classes % 64)) - 1;
            }
        }
        Verdicts::Alike { allowed: allowed.into(), unknown: unknown.into() }
    }
}

/// Profiles by number, equal ones once; told apart by all of their bits.
#[derive(Default)]
pub(super) struct VerdictSet {
    profiles: Column<Verdicts>,
    known: FxHashMap<Verdicts, u32>,
}

impl VerdictSet {
    /// The number of a profile.
    pub(super) fn intern(&mut self, verdicts: Verdicts) -> u32 {
        if let Some(&known) = self.known.get(&verdicts) {
            return known;
        }
        let profile = self.profiles.push(verdicts.clone());
        self.known.insert(verdicts, profile);
        profile
    }

    /// The profile of a number.
    pub(super) fn get(&self, profile: u32) -> Option<&Verdicts> {
        self.profiles.lookup(profile)
    }

    /// How many profiles there are.
    pub(super) fn len(&self) -> usize {
        self.profiles.len()
    }

    /// The number of the profile with one code for every one of `classes` service classes.
    pub(super) fn constant(&mut self, code: Code, classes: usize) -> u32 {
        let all = |yes: bool| vec![if yes { u64::MAX } else { 0 }; classes.div_ceil(64)];
        let verdicts = Verdicts::alike(all(code == ALLOWED), all(code == UNKNOWN), classes);
        self.intern(verdicts)
    }

    /// The profiles that the numbers in `used` stand for, renumbered in the order of `used`.
    pub(super) fn pack(&self, used: &[u32], classes: usize) -> Profiles {
        let kept = || used.iter().filter_map(|&profile| self.profiles.lookup(profile));
        let plain = |one: &Verdicts| matches!(one, Verdicts::Alike { unknown, .. } if unknown.iter().all(|&w| w == 0));
        let width = if kept().all(plain) { 1 } else { 2 };
        // A table of one bit a class, or of two: the classes of a 32-bit word are its 32 or its 16 neighbours.
        let per_word = 32 / width;
        let stride = classes.div_ceil(per_word).max(1);
        let mut bits = Vec::with_capacity(used.len() * stride);
        for verdicts in kept() {
            pack_one(verdicts, width, stride, &mut bits);
        }
        let number = numbered(used);
        let relations = (0u32..).zip(kept()).filter_map(|(at, verdicts)| match verdicts {
            Verdicts::ByRelation { strangers, host_and_guest } => {
                let packed = |profile: &u32| number.get(profile).copied().unwrap_or(u32::MAX);
                Some((at, (packed(strangers), packed(host_and_guest))))
            }
            _ => None,
        });
        Profiles {
            width: id(width),
            shift: per_word.trailing_zeros(),
            stride: id(stride),
            relations: relations.collect(),
            bits,
        }
    }

    /// Adds the profiles that those in `used` refer to.
    pub(super) fn close(&self, used: &mut Vec<u32>) {
        let referred: Vec<u32> = used
            .iter()
            .filter_map(|&profile| match self.profiles.lookup(profile)? {
                Verdicts::ByRelation { strangers, host_and_guest } => Some([*strangers, *host_and_guest]),
                _ => None,
            })
            .flatten()
            .collect();
        for profile in referred {
            if !used.contains(&profile) {
                used.push(profile);
            }
        }
    }
}

/// Adds the words of a profile, of so many bits a service class.
fn pack_one(verdicts: &Verdicts, width: usize, stride: usize, bits: &mut Vec<u32>) {
    let half = |words: &[u64], at: usize| words.get(at / 2).map_or(0, |word| (word >> (at % 2 * 32)) as u32);
    match verdicts {
        Verdicts::Alike { allowed, .. } if width == 1 => bits.extend((0..stride).map(|at| half(allowed, at))),
        Verdicts::Alike { allowed, unknown } => {
            let spread_at =
                |words: &[u64], at: usize| spread(words.get(at / 4).map_or(0, |word| word >> (at % 4 * 16)));
            bits.extend((0..stride).map(|at| spread_at(allowed, at) | spread_at(unknown, at) << 1));
        }
        Verdicts::ByRelation { .. } | Verdicts::Ambiguous => bits.extend(std::iter::repeat_n(u32::MAX, stride)),
    }
}

/// The lowest sixteen bits, each at twice its place (Warren, *Hacker's Delight*, section 7-2: the inner perfect shuffle).
fn spread(bits: u64) -> u32 {
    let mut spread = bits as u32 & 0xFFFF;
    for (shift, mask) in [(8, 0x00FF_00FF), (4, 0x0F0F_0F0F), (2, 0x3333_3333), (1, 0x5555_5555)] {
        spread = (spread | spread << shift) & mask;
    }
    spread
}

/// Packed profiles, to be asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Profiles {
    /// Bits a service class.
    pub(super) width: u32,
    /// The binary logarithm of the service classes of a word.
    pub(super) shift: u32,
    /// Words a profile.
    pub(super) stride: u32,
    pub(super) bits: Vec<u32>,
    /// Of profiles that go by relation: those between strangers, and between host and guest.
    relations: FxHashMap<u32, (u32, u32)>,
}

/// The number of each profile in the order of a list, its first one where it stands there several times.
pub(super) fn numbered(used: &[u32]) -> FxHashMap<u32, u32> {
    let mut numbers = FxHashMap::default();
    for (&profile, number) in used.iter().zip(0..) {
        numbers.entry(profile).or_insert(number);
    }
    numbers
}

impl Profiles {
    /// The word of a profile that holds a service class, and how far to shift it down.
    #[inline]
    pub(super) fn place(&self, profile: u32, class: u32) -> (usize, u32) {
        let word = profile.wrapping_mul(self.stride).wrapping_add(class.wrapping_shr(self.shift));
        (word as usize, class.wrapping_mul(self.width) & 31)
    }

    /// What a profile says of a service class.
    #[inline]
    pub(super) fn code(&self, profile: u32, class: u32) -> Code {
        let (word, shift) = self.place(profile, class);
        self.bits.get(word).map_or(DENIED, |bits| bits.wrapping_shr(shift) & self.mask())
    }

    /// The bits of one code.
    #[inline]
    pub(super) fn mask(&self) -> u32 {
        if self.width == 1 { 1 } else { 3 }
    }

    /// For a profile that goes by relation, those between strangers and between host and guest.
    pub(super) fn by_relation(&self, profile: u32) -> Option<(u32, u32)> {
        self.relations.get(&profile).copied()
    }

    /// The words of a profile as they stand here; `None` if they need more bits a class than there are.
    pub(super) fn packed(&self, verdicts: &Verdicts) -> Option<Vec<u32>> {
        if let (1, Verdicts::Alike { unknown, .. }) = (self.width, verdicts)
            && unknown.iter().any(|&word| word != 0)
        {
            return None;
        }
        if self.width == 1 && !matches!(verdicts, Verdicts::Alike { .. }) {
            return None;
        }
        let mut bits = Vec::with_capacity(self.stride as usize);
        pack_one(verdicts, self.width as usize, self.stride as usize, &mut bits);
        Some(bits)
    }

    /// The number of profiles.
    pub(super) fn len(&self) -> usize {
        self.bits.len() / (self.stride as usize).max(1)
    }

    /// The bytes that the profiles take.
    pub(super) fn bytes(&self) -> usize {
        self.bits.len() * size_of::<u32>()
    }
}

/// A profile that is put at a number: its words, and of one that goes by relation those between strangers and between
/// host and guest.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub(super) number: u32,
    pub(super) words: Arc<[u32]>,
    pub(super) by_relation: Option<(u32, u32)>,
}

impl Replayed for Profiles {
    type Write = Numbered;

    fn make(&mut self, write: &Numbered) {
        let first = write.number as usize * self.stride as usize;
        let end = first + write.words.len();
        if self.bits.len() < end {
            self.bits.resize(end, 0);
        }
        if let Some(held) = self.bits.get_mut(first..end) {
            held.copy_from_slice(&write.words);
        }
        // The number may have been another profile's.
        match write.by_relation {
            Some(relation) => _ = self.relations.insert(write.number, relation),
            None => _ = self.relations.remove(&write.number),
        }
    }
}
