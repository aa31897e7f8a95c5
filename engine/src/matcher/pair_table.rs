//! Pair tables: from class of source and class of destination to a profile.
//!
//! *Dense*: a profile for every pair, one read. *Hashed*: a profile for every pair of groups, and a hash table of the
//! pairs that are told something else; most traffic is told the usual, so a filter of a few bits a pair, small enough
//! for a near cache, is asked first (Putze, Sanders and Singler, *Cache-, hash- and space-efficient Bloom filters*, 2009,
//! section 3: all bits of a key in one word), and what it lets through is looked up exactly.

use super::merge::{Axis, Merged};
use crate::column::{Column, id, ids};
use rustc_hash::FxHashMap;

/// A class as addresses and interfaces carry it: what the form of the table needs to find pairs.
pub(super) type Label = u32;

/// Which form a pair table took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PairForm {
    /// A profile for every pair of classes.
    Dense,
    /// A profile for every pair of groups, and one for each pair that is an exception.
    Hashed,
}

/// From two labels to a profile.
#[derive(Clone, Debug)]
pub(super) enum PairTable {
    Dense(Dense),
    Hashed(Hashed),
}

/// A profile for every pair. A label of a source is where its row starts.
#[derive(Clone, Debug, Default)]
pub(super) struct Dense {
    pub(super) profiles: Vec<u16>,
}

/// The usual profiles, and the exceptions. A label is a group and, below it, a position in the group.
#[derive(Clone, Debug, Default)]
pub(super) struct Hashed {
    source_shift: u32,
    destination_shift: u32,
    width: u32,
    pub(super) usual: Vec<u32>,
    /// The first labels of sources and of destinations that are no unit's.
    outside: [Label; 2],
    /// The words of filter of exceptions between units, then those of others: what is asked together stands together.
    pub(super) filter: Vec<u64>,
    parts: [Exceptions; 2],
}

/// Some exceptions, by hash of their labels.
#[derive(Clone, Debug, Default)]
struct Exceptions {
    /// Where the words of filter start, and how far to shift a hash down to find one of them.
    filter_first: u32,
    filter_shift: u32,
    keys: Vec<u64>,
    profiles: Vec<u32>,
}

/// A pair table with the labels of its classes.
pub(super) struct Labelled {
    pub(super) table: PairTable,
    pub(super) sources: Column<Label>,
    pub(super) destinations: Column<Label>,
}

/// What no pair of labels is.
const NO_KEY: u64 = u64::MAX;
/// Bits of filter for an exception.
const FILTER_BITS: usize = 12;

impl Labelled {
    /// The table of the form that predicts to be fastest within `memory_bytes`; the bytes that the smallest form takes
    /// if none fits. Profiles are numbered by `packed`.
    pub(super) fn new(
        merged: &Merged,
        packed: &FxHashMap<u32, u32>,
        dense_pairs: usize,
        memory_bytes: usize,
    ) -> Result<Self, usize> {
        let (height, width) = (merged.sources.group_of.len(), merged.destinations.group_of.len());
        let dense_bytes = height.saturating_mul(width).saturating_mul(size_of::<u16>());
        let number = |profile: u32| packed.get(&profile).copied().unwrap_or(0);
        // Cells are found by 32-bit labels, whatever the caller allows.
        let cells_max = dense_pairs.min(1 << 31);
        let fits = packed.len() <= 1 << 16 && dense_bytes <= memory_bytes && height.saturating_mul(width) <= cells_max;
        let hashed_bytes = Hashed::predicted_bytes(merged);
        if fits && (dense_bytes <= hashed_bytes.saturating_mul(2) || hashed_bytes > memory_bytes) {
            return Ok(dense(merged, number));
        }
        if hashed_bytes > memory_bytes {
            return Err(hashed_bytes.min(dense_bytes));
        }
        hashed(merged, number).ok_or(usize::MAX)
    }
}

fn dense(merged: &Merged, number: impl Fn(u32) -> u32) -> Labelled {
    let (sources, destinations) = (&merged.sources.group_of, &merged.destinations.group_of);
    let width = destinations.len();
    let short = |profile: u32| u16::try_from(number(profile)).unwrap_or(u16::MAX);
    let mut profiles = Vec::with_capacity(sources.len() * width);
    for &from in sources.iter() {
        let row = merged.usual.get(from as usize * merged.destinations.groups..).unwrap_or_default();
        profiles.extend(destinations.iter().map(|&to| short(row.get(to as usize).copied().unwrap_or(0))));
    }
    for &(source, destination, profile) in &merged.exceptions {
        if let Some(cell) = profiles.get_mut(source as usize * width + destination as usize) {
            *cell = short(profile);
        }
    }
    Labelled {
        table: PairTable::Dense(Dense { profiles }),
        sources: merged.sources.class_of.iter().map(|&class| class * id(width)).collect(),
        destinations: merged.destinations.class_of.clone(),
    }
}

fn hashed(merged: &Merged, number: impl Fn(u32) -> u32) -> Option<Labelled> {
    let (sources, source_shift) = labels(&merged.sources)?;
    let (destinations, destination_shift) = labels(&merged.destinations)?;
    let outside = [merged.sources.inside << source_shift, merged.destinations.inside << destination_shift];
    let mut table = Hashed {
        source_shift,
        destination_shift,
        width: id(merged.destinations.groups),
        usual: merged.usual.iter().map(|&profile| number(profile)).collect(),
        outside: outside.map(id),
        ..Hashed::default()
    };
    let exceptions = merged.exceptions.iter();
    let labelled = exceptions.map(|&(from, to, profile)| (sources[from], destinations[to], number(profile)));
    table.fill(labelled.collect());
    let of = |axis: &Axis, labels: &Column<Label>| axis.class_of.iter().map(|&class| labels[class]).collect();
    Some(Labelled {
        sources: of(&merged.sources, &sources),
        destinations: of(&merged.destinations, &destinations),
        table: PairTable::Hashed(table),
    })
}

/// A label for each class: its group and its position there; `None` if that takes more bits than there are.
fn labels(axis: &Axis) -> Option<(Column<Label>, u32)> {
    let mut sizes = Column::filled(0u32, axis.groups);
    axis.group_of.iter().for_each(|&group| sizes[group] += 1);
    let most = sizes.iter().copied().max().unwrap_or(0);
    let shift = u32::BITS - most.leading_zeros();
    // Labels stay below the largest number, which is no class.
    if (axis.groups as u64) << shift >= u64::from(u32::MAX) {
        return None;
    }
    let mut next = Column::filled(0u32, axis.groups);
    let label = |class: u32| {
        let group = axis.group_of[class];
        let at = next[group];
        next[group] += 1;
        group << shift | at
    };
    Some((ids(axis.group_of.len()).map(label).collect(), shift))
}

impl PairTable {
    /// The profile of a pair.
    #[inline]
    pub(super) fn profile(&self, source: Label, destination: Label) -> u32 {
        match self {
            PairTable::Dense(dense) => {
                dense.profiles.get(source.wrapping_add(destination) as usize).copied().unwrap_or(0).into()
            }
            PairTable::Hashed(hashed) => hashed.profile(source, destination),
        }
    }

    /// The bytes of each table that finding the profile of a usual pair reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        match self {
            PairTable::Dense(dense) => vec![size_of_val(dense.profiles.as_slice())],
            PairTable::Hashed(hashed) => {
                vec![size_of_val(hashed.filter.as_slice()), size_of_val(hashed.usual.as_slice())]
            }
        }
    }

    /// The form of the table.
    pub(super) fn form(&self) -> PairForm {
        match self {
            PairTable::Dense(_) => PairForm::Dense,
            PairTable::Hashed(_) => PairForm::Hashed,
        }
    }

    /// The bytes that the table takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            PairTable::Dense(dense) => dense.profiles.len() * size_of::<u16>(),
            PairTable::Hashed(hashed) => hashed.bytes(),
        }
    }
}

impl Hashed {
    /// The bytes that a table takes at most.
    fn predicted_bytes(merged: &Merged) -> usize {
        let (slots, words) = Exceptions::room(merged.exceptions.len());
        slots * (size_of::<u64>() + size_of::<u32>()) + words * size_of::<u64>() + merged.usual.len() * size_of::<u32>()
    }

    fn bytes(&self) -> usize {
        let slots =
            self.parts.iter().map(|part| size_of_val(part.keys.as_slice()) + size_of_val(part.profiles.as_slice()));
        slots.sum::<usize>() + size_of_val(self.filter.as_slice()) + size_of_val(self.usual.as_slice())
    }

    fn fill(&mut self, exceptions: Vec<(Label, Label, u32)>) {
        for at in 0..self.parts.len() {
            let is_of = |one: &&(Label, Label, u32)| self.part(one.0, one.1) == at;
            let own = Vec::from_iter(exceptions.iter().filter(is_of).copied());
            let (slots, words) = Exceptions::room(own.len());
            let filter_first = self.filter.len();
            self.filter.resize(filter_first + words, 0);
            let mut part = Exceptions {
                filter_first: id(filter_first),
                filter_shift: u64::BITS - words.trailing_zeros(),
                keys: vec![NO_KEY; slots],
                profiles: vec![0; slots],
            };
            for (source, destination, profile) in own {
                let hash = hash(source, destination);
                if let Some(word) = self.filter.get_mut(part.word(hash)) {
                    *word |= filter_bits(hash);
                }
                part.insert(key(source, destination), hash, profile);
            }
            if let Some(place) = self.parts.get_mut(at) {
                *place = part;
            }
        }
    }

    /// The part in which a pair is, if it is an exception.
    #[inline]
    fn part(&self, source: Label, destination: Label) -> usize {
        let [sources, destinations] = self.outside;
        usize::from((source >= sources) | (destination >= destinations))
    }

    /// Where the word of filter of a pair is, its hash, and where its usual profile is.
    #[inline]
    pub(super) fn places(&self, source: Label, destination: Label) -> (usize, u64, usize) {
        let hash = hash(source, destination);
        let [inside, across] = &self.parts;
        let part = if self.part(source, destination) == 0 { inside } else { across };
        let group = (source >> self.source_shift).wrapping_mul(self.width);
        (part.word(hash), hash, group.wrapping_add(destination >> self.destination_shift) as usize)
    }

    /// The profile of a pair.
    #[inline]
    pub(super) fn profile(&self, source: Label, destination: Label) -> u32 {
        let (word, hash, usual) = self.places(source, destination);
        let bits = filter_bits(hash);
        let held = self.filter.get(word).copied().unwrap_or(0);
        let exception = if held & bits == bits { self.exception(source, destination, hash) } else { None };
        exception.unwrap_or_else(|| self.usual.get(usual).copied().unwrap_or(0))
    }

    /// What a pair is told, if that is not the usual.
    #[cold]
    fn exception(&self, source: Label, destination: Label, hash: u64) -> Option<u32> {
        self.parts.get(self.part(source, destination))?.find(key(source, destination), hash)
    }
}

impl Exceptions {
    /// Slots and words of filter for so many exceptions; powers of two.
    fn room(exceptions: usize) -> (usize, usize) {
        let slots = (exceptions * 4 / 3 + 1).next_power_of_two();
        (slots, (exceptions * FILTER_BITS / 64 + 2).next_power_of_two())
    }

    #[inline]
    fn word(&self, hash: u64) -> usize {
        (hash >> self.filter_shift) as usize + self.filter_first as usize
    }

    fn insert(&mut self, key: u64, hash: u64, profile: u32) {
        let at = self.slots(hash).find(|&at| self.keys.get(at).is_none_or(|&held| held == NO_KEY || held == key));
        if let Some(at) = at
            && let (Some(held), Some(value)) = (self.keys.get_mut(at), self.profiles.get_mut(at))
        {
            (*held, *value) = (key, profile);
        }
    }

    fn find(&self, key: u64, hash: u64) -> Option<u32> {
        for at in self.slots(hash) {
            let held = *self.keys.get(at)?;
            if held == key {
                return self.profiles.get(at).copied();
            }
            if held == NO_KEY {
                return None;
            }
        }
        None
    }

    /// The slots to look at, in their order; past the last one the first follows.
    #[inline]
    fn slots(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.keys.len().wrapping_sub(1);
        let first = (hash >> 18) as usize;
        (0..=mask).map(move |step| first.wrapping_add(step) & mask)
    }
}

#[inline]
fn key(source: Label, destination: Label) -> u64 {
    u64::from(source) << 32 | u64::from(destination)
}

/// The product of a pair with an odd constant, its two halves folded together.
#[inline]
fn hash(source: Label, destination: Label) -> u64 {
    let product = u128::from(key(source, destination)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product >> 64) as u64 ^ product as u64
}

/// The bits that a hash sets in its word of the filter.
#[inline]
pub(super) fn filter_bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63)
}
