//! Joined layers: what all layers together tell each pair of classes, as one table of pairs.
//!
//! The first rule of all layers decides, so a pair of classes and the runs that its profiles in the layers have say all
//! there is to say. Where classes are few enough to ask every pair beforehand, one table answers as the layers would, at a
//! fraction of the reads; classes that are told the same are one there.

use super::super::pair_table::{Dense, Label, PairTable};
use super::super::verdicts::{Profiles, VerdictSet, Verdicts};
use super::Layers;
use crate::column::{Column, id, ids};
use crate::engine::Limits;
use rustc_hash::FxHashMap;

/// The pairs of classes that are asked beforehand, at most: some hundred milliseconds.
const PAIRS_MAX: usize = 5 << 20;
/// The different verdicts, at most: sixteen bits number them.
const VERDICTS_MAX: usize = 1 << 16;
/// The runs that are written out, at most.
const RUNS_MAX: usize = 1 << 24;
/// The combinations of profiles that are remembered, at most.
const KNOWN_MAX: usize = 1 << 18;
/// The bits that number the profiles of a layer.
const PROFILE_BITS: usize = 21;

/// One table in the place of all layers.
pub(in super::super) struct Joined {
    pub(in super::super) pairs: PairTable,
    pub(in super::super) profiles: Profiles,
    /// The label of each class of the filter, of sources and of destinations.
    pub(in super::super) labels: [Column<Label>; 2],
    /// How many labels there are of each side.
    pub(in super::super) classes: [usize; 2],
    /// The pairs of labels that are told something else than most are.
    pub(in super::super) exceptions: usize,
}

impl Joined {
    /// Joins layers, for classes with these labels and so many service classes; `None` where that would be too much.
    pub(in super::super) fn new(
        layers: &Layers,
        labels: [&Column<Label>; 2],
        service_classes: usize,
        limits: Limits,
    ) -> Option<Self> {
        let pairs_max = limits.dense_pairs.min(PAIRS_MAX).min(limits.memory_bytes / size_of::<u32>());
        if labels.iter().map(|side| side.len()).fold(1, usize::saturating_mul) > pairs_max {
            return None;
        }
        let mut judged = Judged::new(layers, service_classes, limits.memory_bytes)?;
        let told = judged.all_pairs(labels)?;
        let (of_source, rows) = alike(&told, labels[1].len());
        let height = id(rows.len());
        let columns: Vec<u32> = ids(labels[1].len())
            .flat_map(|to| rows.iter().map(move |row| (row, to)))
            .map(|(row, to)| row.get(to as usize).copied().unwrap_or_default())
            .collect();
        let (of_destination, columns) = alike(&columns, rows.len());
        let profiles: Vec<u32> = ids(rows.len())
            .flat_map(|row| columns.iter().map(move |column| column.get(row as usize).copied()))
            .flatten()
            .collect();
        let width = id(columns.len());
        let exceptions = profiles.len() - most_common(&profiles);
        Some(Self {
            pairs: PairTable::Dense(Dense { width, profiles: profiles.into() }),
            profiles: judged.verdicts.pack(&Vec::from_iter(ids(judged.verdicts.len())), service_classes),
            labels: [of_source, of_destination],
            classes: [height as usize, width as usize],
            exceptions,
        })
    }
}

/// What combinations of profiles, one of each layer, are told.
struct Judged<'a> {
    layers: &'a Layers,
    /// For each layer the runs of its profiles, one service class of the filter after the other.
    runs: Vec<Vec<u32>>,
    service_classes: usize,
    /// The verdicts of combinations met before, by their profiles side by side.
    known: FxHashMap<u128, u32>,
    verdicts: VerdictSet,
    /// How many different verdicts there may be.
    verdicts_max: usize,
    /// The first run of each service class.
    first: Vec<u32>,
}

impl<'a> Judged<'a> {
    /// `None` if profiles are too many.
    fn new(layers: &'a Layers, service_classes: usize, memory_bytes: usize) -> Option<Self> {
        let profiles = layers.layers.iter().map(|layer| layer.runs.profiles());
        let cells = profiles.clone().sum::<usize>().saturating_mul(service_classes);
        let fit = profiles.max().unwrap_or(0) <= 1 << PROFILE_BITS;
        if layers.len() * PROFILE_BITS > u128::BITS as usize || !fit || cells > RUNS_MAX {
            return None;
        }
        let runs = layers.layers.iter().map(|layer| {
            let of_profile = |profile: u32| ids(service_classes).map(move |class| layer.runs.of(profile, class));
            ids(layer.runs.profiles()).flat_map(of_profile).collect()
        });
        Some(Self {
            layers,
            runs: runs.collect(),
            service_classes,
            known: FxHashMap::default(),
            verdicts: VerdictSet::default(),
            // Each is two bits of every service class.
            verdicts_max: VERDICTS_MAX.min(memory_bytes / (16 * service_classes.div_ceil(64).max(1))),
            first: Vec::new(),
        })
    }

    /// What every pair is told, source after source; `None` if too many are told different things.
    fn all_pairs(&mut self, [sources, destinations]: [&Column<Label>; 2]) -> Option<Vec<u32>> {
        let layers = self.layers;
        let mut told = Vec::with_capacity(sources.len() * destinations.len());
        // Neighbours mostly meet the same profiles.
        let mut last: Option<(u128, u32)> = None;
        for &source in sources.iter() {
            for &destination in destinations.iter() {
                let profiles = layers.layers.iter().map(|layer| layer.profile(source, destination));
                let key = profiles.fold(0u128, |key, profile| key << PROFILE_BITS | u128::from(profile));
                let verdict = match last {
                    Some((known, verdict)) if known == key => verdict,
                    _ => self.verdict(key),
                };
                last = Some((key, verdict));
                told.push(verdict);
            }
            if self.verdicts.len() > self.verdicts_max {
                return None;
            }
        }
        Some(told)
    }

    fn verdict(&mut self, key: u128) -> u32 {
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        self.first.clear();
        self.first.resize(self.service_classes, self.layers.otherwise);
        let shifts = (0..self.runs.len()).rev().map(|behind| behind * PROFILE_BITS);
        for (runs, shift) in self.runs.iter().zip(shifts) {
            let profile = (key >> shift) as usize & ((1 << PROFILE_BITS) - 1);
            let of_profile = runs.get(profile * self.service_classes..).unwrap_or_default();
            self.first.iter_mut().zip(of_profile).for_each(|(first, &run)| *first = run.min(*first));
        }
        let word = |runs: &[u32]| runs.iter().rev().fold(0u64, |word, run| word << 1 | u64::from(run & 1));
        let allowed: Vec<u64> = self.first.chunks(64).map(word).collect();
        let unknown = vec![0; allowed.len()];
        let verdict = self.verdicts.intern(Verdicts::alike(allowed, unknown, self.service_classes));
        if self.known.len() < KNOWN_MAX {
            self.known.insert(key, verdict);
        }
        verdict
    }
}

/// The number of each row among rows that are alike, and a row for each number.
fn alike(cells: &[u32], width: usize) -> (Column<u32>, Vec<&[u32]>) {
    let mut known: FxHashMap<&[u32], u32> = FxHashMap::default();
    let mut rows = Vec::new();
    let numbers = cells.chunks(width.max(1)).map(|row| {
        *known.entry(row).or_insert_with(|| {
            rows.push(row);
            id(rows.len() - 1)
        })
    });
    (numbers.collect(), rows)
}

/// How often the number stands there that stands there most often.
fn most_common(numbers: &[u32]) -> usize {
    let mut counts = Column::filled(0, numbers.iter().max().map_or(0, |&most| most as usize + 1));
    numbers.iter().for_each(|&number| counts[number] += 1);
    counts.iter().copied().max().unwrap_or(0)
}
