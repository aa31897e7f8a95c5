//! One layer: the rules of a filter that are alike in breadth, as a table of pairs of their own.

use super::super::merge::{Apart, Merged};
use super::super::pair_table::{Choice, Label, Labelled, PairTable, Room};
use super::super::rows::Rows;
use super::super::verdicts::numbered;
use super::own_label::OwnLabel;
use super::plan::{Draft, DraftSide};
use super::ranking::Ranked;
use super::runs::Runs;
use crate::column::{Column, id, ids};
use crate::coverage::Coverage;
use crate::engine::Limits;
use crate::partition::Partition;
use crate::rule_list::RuleLists;
use rustc_hash::FxHashMap;

/// What some rules say: from labels of the filter and a service class to the run of the first rule that matches.
#[derive(Clone, Debug)]
pub(in super::super) struct Layer {
    /// Where the layer's own labels of sources and of destinations are.
    pub(in super::super) labels: [OwnLabel; 2],
    pub(in super::super) pairs: PairTable,
    pub(in super::super) runs: Runs,
    pub(super) exceptions: usize,
}

/// A layer whose labels have no place yet.
pub(super) struct Unplaced {
    /// The layer's own labels of each class of the filter, of sources and of destinations.
    pub(super) labels: [Vec<Label>; 2],
    pairs: PairTable,
    runs: Runs,
    exceptions: usize,
}

impl Unplaced {
    /// The layer with its labels where they are found.
    pub(super) fn placed(self, labels: [OwnLabel; 2]) -> Layer {
        let Self { pairs, runs, exceptions, .. } = self;
        Layer { labels, pairs, runs, exceptions }
    }

    /// Builds a layer; `otherwise` is the run of what none of its rules match. The bytes that it would take at least where
    /// those are too many.
    pub(super) fn new(draft: &Draft, coverage: &mut Coverage, otherwise: u32, limits: Limits) -> Result<Self, usize> {
        let services = ServiceSide::new(&draft.rules, coverage);
        let mut profiles = ProfileSet::new(&services, otherwise);
        let rows = rows(draft, &mut profiles, limits.memory_bytes)?;
        let one_group = draft.sides.each_ref().map(|side| Column::filled(0, side.len));
        let apart = [(); 2].map(|()| Column::filled(Apart { external: true, touched: false }, 1));
        let merged = Merged::new(&rows, one_group.each_ref(), apart.each_ref());
        drop(rows);
        let mut used: Vec<u32> =
            merged.usual.iter().copied().chain(merged.exceptions.iter().map(|&(_, _, told)| told)).collect();
        used.sort_unstable();
        used.dedup();
        let labelled = Labelled::new(&merged, &numbered(&used), Choice::within(limits, Room::None))?;
        let of_filter = |side: &DraftSide, labels: &Column<Label>| {
            side.class_of.iter().map(|&class| labels[class]).collect::<Vec<Label>>()
        };
        let [from, to] = &draft.sides;
        let of_used = used.iter().map(|&profile| profiles.profile(profile));
        Ok(Self {
            labels: [of_filter(from, &labelled.sources), of_filter(to, &labelled.destinations)],
            exceptions: merged.exceptions.len(),
            pairs: labelled.table,
            runs: Runs::new(of_used, &services.class_of, otherwise),
        })
    }
}

impl Layer {
    /// The run of the first rule that matches.
    #[inline]
    pub(super) fn run(&self, source: Label, destination: Label, class: u32) -> u32 {
        self.runs.of(self.profile(source, destination), class)
    }

    /// The profile of a pair of the filter's labels.
    #[inline]
    pub(super) fn profile(&self, source: Label, destination: Label) -> u32 {
        let [sources, destinations] = &self.labels;
        self.pairs.profile(sources.of(source), destinations.of(destination))
    }

    /// The bytes of each table that a run is found in, in the order of the reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        let labels = self.labels.iter().map(OwnLabel::bytes).filter(|&bytes| bytes > 0);
        labels.chain(self.pairs.reads()).chain(self.runs.reads()).collect()
    }

    /// The bytes that the layer takes.
    pub(super) fn bytes(&self) -> usize {
        let labels: usize = self.labels.iter().map(OwnLabel::bytes).sum();
        labels + self.pairs.bytes() + self.runs.reads().iter().sum::<usize>()
    }
}

/// The service classes that the rules of a layer tell apart.
struct ServiceSide {
    /// The layer's class of each class of the filter.
    class_of: Column<u32>,
    len: usize,
    /// The layer's classes of each list of services.
    lists: FxHashMap<u32, Vec<u32>>,
}

impl ServiceSide {
    fn new(rules: &[Ranked], coverage: &mut Coverage) -> Self {
        let mut partition = Partition::new(coverage.classes());
        let mut lists: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for rule in rules {
            lists.entry(rule.services).or_insert_with(|| {
                let covered = coverage.of(rule.services, 0);
                let words = coverage.covered_words(covered).map(|word| (word, coverage.word(covered, word)));
                let of_word = |(word, bits): (usize, u64)| {
                    (0..64).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| id(word * 64) + bit)
                };
                let classes: Vec<u32> = words.flat_map(of_word).collect();
                partition.split(&classes);
                classes
            });
        }
        let len = partition.len();
        let class_of = partition.into_classes();
        for classes in lists.values_mut() {
            *classes = crate::partition::classes_of(&class_of, classes);
        }
        Self { class_of, len, lists }
    }
}

/// Profiles of runs, each once; told apart by all of their runs.
struct ProfileSet<'a> {
    services: &'a ServiceSide,
    otherwise: u32,
    profiles: Column<Vec<u32>>,
    known: FxHashMap<Vec<u32>, u32>,
}

impl<'a> ProfileSet<'a> {
    /// The profile of what no rule matches is the first one.
    fn new(services: &'a ServiceSide, otherwise: u32) -> Self {
        let mut profiles = Self { services, otherwise, profiles: Column::default(), known: FxHashMap::default() };
        profiles.number(std::iter::empty());
        profiles
    }

    /// The number of the profile of rules that match, the last of them first.
    fn number<'r>(&mut self, rules: impl Iterator<Item = &'r Ranked>) -> u32 {
        let mut runs = Column::filled(self.otherwise, self.services.len);
        for rule in rules {
            // What comes earlier is written over what comes later.
            self.services.lists.get(&rule.services).into_iter().flatten().for_each(|&class| runs[class] = rule.run);
        }
        let runs = runs.as_slice().to_vec();
        if let Some(&known) = self.known.get(&runs) {
            return known;
        }
        let profile = self.profiles.push(runs.clone());
        self.known.insert(runs, profile);
        profile
    }

    /// The bytes that the profiles take before they are packed.
    fn bytes(&self) -> usize {
        self.profiles.len() * self.services.len * size_of::<u32>()
    }

    fn profile(&self, profile: u32) -> &[u32] {
        self.profiles.lookup(profile).map_or(&[], Vec::as_slice)
    }
}

/// What each class of sources is told of each class of destinations.
fn rows(draft: &Draft, profiles: &mut ProfileSet<'_>, memory_bytes: usize) -> Result<Rows, usize> {
    let [sources, destinations] = &draft.sides;
    let everybody = [sources, destinations].map(|side| Vec::from_iter(ids(side.len)));
    let [all_sources, all_destinations] = &everybody;
    let mut of_source: Column<Vec<(u32, &[u32])>> = Column::filled(Vec::new(), sources.len);
    for (at, rule) in (0u32..).zip(&draft.rules) {
        let [from, to] = rule.peers;
        let to = destinations.peers.get(&to).unwrap_or(all_destinations);
        sources.peers.get(&from).unwrap_or(all_sources).iter().for_each(|&source| of_source[source].push((at, to)));
    }
    let mut lists: RuleLists<u32> = RuleLists::default();
    // What no rule matches comes first.
    let mut profile_of: Vec<u32> = vec![0];
    let mut row = Column::filled(0u32, destinations.len);
    let mut exceptions = Vec::with_capacity(sources.len);
    for rules in of_source {
        let mut touched = Vec::new();
        for (at, to) in rules {
            for &destination in to {
                if row[destination] == 0 {
                    touched.push(destination);
                }
                row[destination] = lists.extend(row[destination], at);
            }
        }
        touched.sort_unstable();
        let told = |destination: u32| {
            let list = std::mem::take(&mut row[destination]);
            (destination, told(list, &lists, draft, profiles, &mut profile_of))
        };
        exceptions.push(touched.into_iter().map(told).filter(|&(_, profile)| profile != 0).collect());
        if profiles.bytes() > memory_bytes {
            return Err(profiles.bytes());
        }
    }
    Ok(Rows { usual: vec![0].into(), width: 1, exceptions })
}

/// The profile of a list of rules.
fn told(
    list: u32,
    lists: &RuleLists<u32>,
    draft: &Draft,
    profiles: &mut ProfileSet<'_>,
    profile_of: &mut Vec<u32>,
) -> u32 {
    const UNKNOWN: u32 = u32::MAX;
    if profile_of.len() <= list as usize {
        profile_of.resize(list as usize + 1, UNKNOWN);
    }
    match profile_of.get_mut(list as usize) {
        Some(known) if *known != UNKNOWN => *known,
        Some(known) => {
            let rules = lists.entries(list).filter_map(|at| draft.rules.get(at as usize));
            *known = profiles.number(rules);
            *known
        }
        None => 0,
    }
}
