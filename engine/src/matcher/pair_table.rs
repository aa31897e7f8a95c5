//! Pair tables: from class of source and class of destination to a profile.
//!
//! *Dense*: a profile for every pair, one read. *Hashed*: a profile for every pair of groups, and the pairs that are told
//! something else, row by row of sources; most traffic is told the usual, so a filter of a few bits a pair, small enough
//! for a near cache, is asked first (Putze, Sanders and Singler, *Cache-, hash- and space-efficient Bloom filters*, 2009,
//! section 3: all bits of a key in one word), and what it lets through is looked up exactly.

use super::doubled::Replayed;
use super::exception_rows::ExceptionRows;
use super::merge::{Axis, Merged};
use super::numbers::Numbers;
use crate::column::{Column, id, ids};
use crate::engine::Limits;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A class as addresses and interfaces carry it: what the form of the table needs to find pairs.
pub(super) type Label = u32;

/// Which form a pair table took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PairForm {
    /// A profile for every pair of classes.
    Dense,
    /// A profile for every pair of groups, and one for each pair that is an exception.
    Hashed,
    /// So many tables of pairs, each with some of the rules; the first rule of all of them decides.
    Layered(usize),
}

/// From two labels to a profile.
#[derive(Clone, Debug)]
pub(super) enum PairTable {
    Dense(Dense),
    Hashed(Hashed),
}

/// A profile for every pair, row after row of sources. Labels are classes.
#[derive(Clone, Debug, Default)]
pub(super) struct Dense {
    pub(super) width: u32,
    pub(super) profiles: Numbers,
}

/// The usual profiles, and the exceptions. A label is a bucket and, below it, a position in the bucket; a group has as
/// many buckets as its classes need.
#[derive(Clone, Debug, Default)]
pub(super) struct Hashed {
    pub(super) source_shift: u32,
    pub(super) destination_shift: u32,
    /// The buckets of destinations.
    pub(super) width: u32,
    pub(super) usual: Arc<Numbers>,
    /// The first labels of sources and of destinations that are no unit's.
    pub(super) outside: [Label; 2],
    /// The words of filter of exceptions between units, then those of others: what is asked together stands together.
    pub(super) filter: Arc<Filter>,
    /// Where the words of each start, and how many they are.
    pub(super) parts: [Part; 2],
    pub(super) exceptions: Arc<ExceptionRows>,
}

/// The words of a filter.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter(pub(super) Vec<u32>);

impl Replayed for Filter {
    /// A word, and the bits that are set in it.
    type Write = (usize, u32);

    fn make(&mut self, &(word, bits): &(usize, u32)) {
        self.0.get_mut(word).into_iter().for_each(|held| *held |= bits);
    }
}

/// Some of the words of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: u32,
    pub(super) words: u32,
}

/// A pair table with the labels of its classes.
pub(super) struct Labelled {
    pub(super) table: PairTable,
    pub(super) sources: Column<Label>,
    pub(super) destinations: Column<Label>,
    /// The group by verdict of each bucket of labels, of sources and of destinations; [`VACANT`] for none. Nothing where
    /// the table is dense.
    pub(super) buckets: [Vec<u32>; 2],
}

/// The group of a bucket that is kept for groups to come.
pub(super) const VACANT: u32 = u32::MAX;

/// Whether a table leaves room for what comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It stays as it is.
    None,
    /// Groups, labels, exceptions and profiles will be added.
    ForUpdates,
}

impl Room {
    /// Buckets that are kept for groups to come.
    fn buckets(self) -> usize {
        if self == Room::ForUpdates { 16 } else { 0 }
    }

    /// The fewest exceptions that a filter is made for.
    fn exceptions(self) -> usize {
        if self == Room::ForUpdates { 2048 } else { 0 }
    }
}

/// What the form of a table is chosen by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// The pairs of a dense table, at most.
    pub(super) dense_pairs: usize,
    /// A dense table that takes no more is taken, however small the other one is.
    pub(super) worthwhile_bytes: usize,
    pub(super) memory_bytes: usize,
    pub(super) room: Room,
}

impl Choice {
    /// Only what takes little more is worth more than the smallest table.
    pub(super) fn within(limits: Limits, room: Room) -> Self {
        let dense_pairs = if room == Room::None { limits.dense_pairs } else { 0 };
        Self { dense_pairs, worthwhile_bytes: 0, memory_bytes: limits.memory_bytes, room }
    }

    /// The table of a filter: whoever sends it packets sends those that its rules are about, so that most are exceptions
    /// from what is usual. A dense table in the second cache answers them at one pace.
    pub(super) fn of_filter(limits: Limits, room: Room) -> Self {
        Self { worthwhile_bytes: 2 << 20, ..Self::within(limits, room) }
    }
}

/// Bits of filter for an exception.
const FILTER_BITS: usize = 14;

impl Labelled {
    /// The table of the form that predicts to be fastest within the memory that there is; the bytes that the smallest form
    /// takes if none fits. Profiles are numbered by `packed`.
    pub(super) fn new(merged: &Merged, packed: &FxHashMap<u32, u32>, choice: Choice) -> Result<Self, usize> {
        let Choice { dense_pairs, worthwhile_bytes, memory_bytes, room } = choice;
        let (height, width) = (merged.sources.group_of.len(), merged.destinations.group_of.len());
        let dense_bytes = height.saturating_mul(width).saturating_mul(size_of::<u16>());
        let number = |profile: u32| packed.get(&profile).copied().unwrap_or(0);
        // Cells are found by 32-bit labels, whatever the caller allows.
        let cells_max = dense_pairs.min(1 << 31);
        let fits = packed.len() <= 1 << 16 && dense_bytes <= memory_bytes && height.saturating_mul(width) <= cells_max;
        let hashed_bytes = Hashed::predicted_bytes(merged);
        let worthwhile = worthwhile_bytes.max(hashed_bytes.saturating_mul(2));
        if fits && (dense_bytes <= worthwhile || hashed_bytes > memory_bytes) {
            return Ok(dense(merged, number));
        }
        if hashed_bytes > memory_bytes {
            return Err(hashed_bytes.min(dense_bytes));
        }
        let profiles = packed.values().max().map_or(0, |&last| last as usize + 1);
        hashed(merged, number, profiles, room).ok_or(usize::MAX)
    }
}

impl Labelled {
    /// The largest label that there is room for: where buckets are kept for groups to come, their labels fit.
    pub(super) fn largest(&self) -> Label {
        let buckets = self.buckets.iter().zip(self.table.shifts().unwrap_or_default());
        buckets.map(|(buckets, shift)| (id(buckets.len()) << shift).saturating_sub(1)).max().unwrap_or(0)
    }
}

fn dense(merged: &Merged, number: impl Fn(u32) -> u32) -> Labelled {
    let (sources, destinations) = (&merged.sources.group_of, &merged.destinations.group_of);
    let width = destinations.len();
    let mut profiles = Vec::with_capacity(sources.len() * width);
    for &from in sources.iter() {
        let row = merged.usual.get(from as usize * merged.destinations.groups..).unwrap_or_default();
        profiles.extend(destinations.iter().map(|&to| number(row.get(to as usize).copied().unwrap_or(0))));
    }
    for &(source, destination, profile) in &merged.exceptions {
        if let Some(cell) = profiles.get_mut(source as usize * width + destination as usize) {
            *cell = number(profile);
        }
    }
    Labelled {
        table: PairTable::Dense(Dense { width: id(width), profiles: profiles.into() }),
        sources: merged.sources.class_of.clone(),
        destinations: merged.destinations.class_of.clone(),
        buckets: Default::default(),
    }
}

fn hashed(merged: &Merged, number: impl Fn(u32) -> u32, profiles: usize, room: Room) -> Option<Labelled> {
    let (from, to) = (Buckets::new(&merged.sources, room)?, Buckets::new(&merged.destinations, room)?);
    let mut usual = Vec::with_capacity(from.groups.len() * to.groups.len());
    for &row in &from.groups {
        let row = merged.usual.get(row as usize * merged.destinations.groups..).unwrap_or_default();
        usual.extend(to.groups.iter().map(|&group| number(row.get(group as usize).copied().unwrap_or(0))));
    }
    let mut table = Hashed {
        source_shift: from.shift,
        destination_shift: to.shift,
        width: id(to.groups.len()),
        usual: Arc::new(usual.into()),
        outside: [from.outside, to.outside],
        exceptions: Arc::new(rows(merged, &from, &to, number, profiles)),
        ..Hashed::default()
    };
    let exceptions = merged.exceptions.iter();
    table.fill_filter(
        room,
        &exceptions.map(|&(source, to_class, _)| (from.labels[source], to.labels[to_class])).collect::<Vec<_>>(),
    );
    let of = |axis: &Axis, labels: &Column<Label>| axis.class_of.iter().map(|&class| labels[class]).collect();
    Some(Labelled {
        sources: of(&merged.sources, &from.labels),
        destinations: of(&merged.destinations, &to.labels),
        table: PairTable::Hashed(table),
        buckets: [from.groups, to.groups],
    })
}

/// Labels of one side: the classes of a group in as many buckets of one size as they need.
struct Buckets {
    shift: u32,
    /// The label of each class.
    labels: Column<Label>,
    /// The group of each bucket.
    groups: Vec<u32>,
    /// The first label that is no unit's.
    outside: Label,
}

impl Buckets {
    /// Buckets as large as labels may spread; `None` if labels take more bits than there are.
    fn new(axis: &Axis, room: Room) -> Option<Self> {
        let mut sizes = Column::filled(0u32, axis.groups);
        axis.group_of.iter().for_each(|&group| sizes[group] += 1);
        let buckets = |shift: u32| sizes.iter().map(move |size| u64::from(size.div_ceil(1 << shift)));
        let kept = room.buckets();
        let classes = axis.group_of.len() as u64;
        // Labels that fit 16 bits make for small tables of addresses.
        let most = (2 * classes + 4096).min(if classes <= 1 << 16 { 1 << 16 } else { u64::MAX });
        let shift = (0..24).rev().find(|&shift| (buckets(shift).sum::<u64>() + kept as u64) << shift <= most)?;
        let mut groups = Vec::new();
        let mut next: Column<Label> = Column::default();
        for (group, count) in ids(axis.groups).zip(buckets(shift)) {
            next.push(id(groups.len()) << shift);
            groups.extend((0..count).map(|_| group));
        }
        groups.extend(std::iter::repeat_n(VACANT, kept));
        u32::try_from((groups.len() as u64) << shift).ok()?;
        let outside = next.lookup(id(axis.inside)).copied().unwrap_or(u32::MAX);
        let label = |&group: &u32| {
            let label = next[group];
            next[group] += 1;
            label
        };
        Some(Self { shift, labels: axis.group_of.iter().map(label).collect(), groups, outside })
    }

    /// How many labels there are, those of no class among them.
    fn len(&self) -> usize {
        self.groups.len() << self.shift
    }
}

/// The exceptions as rows, for so many profiles.
fn rows(merged: &Merged, from: &Buckets, to: &Buckets, number: impl Fn(u32) -> u32, profiles: usize) -> ExceptionRows {
    let mut rows = ExceptionRows::new(from.len(), to.len(), profiles);
    let mut of_source: Column<Vec<(Label, u32)>> = Column::filled(Vec::new(), merged.sources.group_of.len());
    for &(source, destination, profile) in &merged.exceptions {
        of_source[source].push((to.labels[destination], number(profile)));
    }
    for (source, mut row) in (0u32..).zip(of_source) {
        row.sort_unstable_by_key(|&(destination, _)| destination);
        // INVARIANT: the width of rows is chosen for these labels and profiles.
        if let Some(row) = rows.encode(&row) {
            rows.make(&(from.labels[source], row));
        }
    }
    rows
}

impl PairTable {
    /// The profile of a pair.
    #[inline]
    pub(super) fn profile(&self, source: Label, destination: Label) -> u32 {
        match self {
            PairTable::Dense(dense) => dense.profile(source, destination),
            PairTable::Hashed(hashed) => hashed.profile(source, destination),
        }
    }

    /// The bytes of each table that finding the profile of a usual pair reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        match self {
            PairTable::Dense(dense) => vec![dense.profiles.bytes()],
            PairTable::Hashed(hashed) => {
                vec![size_of_val(hashed.filter.0.as_slice()), hashed.usual.bytes()]
            }
        }
    }

    /// The binary logarithms of the labels in a bucket, of sources and of destinations; `None` where there are no buckets.
    pub(super) fn shifts(&self) -> Option<[u32; 2]> {
        match self {
            PairTable::Dense(_) => None,
            PairTable::Hashed(hashed) => Some([hashed.source_shift, hashed.destination_shift]),
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
            PairTable::Dense(dense) => dense.profiles.bytes(),
            PairTable::Hashed(hashed) => {
                size_of_val(hashed.filter.0.as_slice()) + hashed.usual.bytes() + hashed.exceptions.bytes()
            }
        }
    }
}

impl Dense {
    #[inline]
    pub(super) fn profile(&self, source: Label, destination: Label) -> u32 {
        self.profiles.at(source.wrapping_mul(self.width).wrapping_add(destination) as usize)
    }
}

impl Hashed {
    /// The bytes that a table takes at most.
    fn predicted_bytes(merged: &Merged) -> usize {
        let exceptions = merged.exceptions.len();
        let labels = 2 * merged.sources.group_of.len() + 4096;
        exceptions * 2 * size_of::<u32>()
            + filter_words(exceptions) * size_of::<u32>()
            + (labels + merged.usual.len()) * size_of::<u32>()
    }

    /// Makes the filter of exceptions.
    pub(super) fn fill_filter(&mut self, room: Room, exceptions: &[(Label, Label)]) {
        let across = exceptions.iter().filter(|&&(source, destination)| self.part(source, destination) == 1).count();
        let words = [exceptions.len() - across, across].map(|count| filter_words(count.max(room.exceptions())));
        let [inside, outside] = words.map(id);
        self.parts = [Part { first: 0, words: inside }, Part { first: inside, words: outside }];
        let mut filter = Filter(vec![0; words.iter().sum()]);
        exceptions.iter().for_each(|&(source, destination)| filter.make(&self.sieve(source, destination)));
        self.filter = Arc::new(filter);
    }

    /// The part in which a pair is, if it is an exception.
    #[inline]
    fn part(&self, source: Label, destination: Label) -> usize {
        let [sources, destinations] = self.outside;
        usize::from((source >= sources) | (destination >= destinations))
    }

    /// The word of filter of a pair, and its bits there.
    #[inline]
    pub(super) fn sieve(&self, source: Label, destination: Label) -> (usize, u32) {
        let [inside, across] = self.parts;
        let part = if self.part(source, destination) == 0 { inside } else { across };
        let hash = hash(source, destination);
        let word = (u64::from(hash).wrapping_mul(part.words.into()) >> 32) as u32;
        let [a, b, c] = BIT_SHIFTS.map(|shift| 1u32.wrapping_shl(hash.wrapping_mul(BIT_FACTOR) >> shift));
        (word.wrapping_add(part.first) as usize, a | b | c)
    }

    /// The profile of a pair.
    #[inline]
    pub(super) fn profile(&self, source: Label, destination: Label) -> u32 {
        let (word, bits) = self.sieve(source, destination);
        let held = self.filter.0.get(word).copied().unwrap_or(0);
        let exception = if held & bits == bits { self.exception(source, destination) } else { None };
        exception.unwrap_or_else(|| self.usual_profile(source, destination))
    }

    /// The profile of the groups of a pair.
    #[inline]
    fn usual_profile(&self, source: Label, destination: Label) -> u32 {
        let row = source.wrapping_shr(self.source_shift).wrapping_mul(self.width);
        self.usual.at(row.wrapping_add(destination.wrapping_shr(self.destination_shift)) as usize)
    }

    /// What a pair is told, if that is not the usual.
    #[cold]
    pub(super) fn exception(&self, source: Label, destination: Label) -> Option<u32> {
        self.exceptions.find(source, destination)
    }
}

/// Words of filter for so many exceptions.
fn filter_words(exceptions: usize) -> usize {
    exceptions * FILTER_BITS / 32 + 1
}

/// What a pair is hashed with.
pub(super) const HASH_FACTORS: [u32; 3] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D];
/// How far a hash is shifted onto itself before the last factor.
pub(super) const HASH_FOLD: u32 = 15;
/// With what a hash is multiplied, and how far the product is shifted down, to find a key's bits in a word.
pub(super) const BIT_FACTOR: u32 = 0x27D4_EB2F;
pub(super) const BIT_SHIFTS: [u32; 3] = [27, 22, 17];

/// A linear combination of a pair, folded and multiplied: its upper bits find a word.
#[inline]
fn hash(source: Label, destination: Label) -> u32 {
    let [a, b, c] = HASH_FACTORS;
    let sum = source.wrapping_mul(a).wrapping_add(destination.wrapping_mul(b));
    (sum ^ sum >> HASH_FOLD).wrapping_mul(c)
}
