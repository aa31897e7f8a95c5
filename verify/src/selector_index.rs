//! The truth of every selector for every unit, without asking each selector about each unit.
//!
//! Selectors look at few keys and name few values. Units that agree on those are one *group*, and an index from keys
//! and values to groups answers each selector by a handful of bit-set operations.

use crate::partition::Partition;
use crate::vocabulary::Interner;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{Design, Labels, Selector, UnitId};
use std::collections::{BTreeMap, BTreeSet};

/// Selectors' truth by group.
#[derive(Debug)]
pub(crate) struct SelectorIndex {
    group_of_unit: Vec<u32>,
    group_of_source: Vec<u32>,
    groups: usize,
    /// For each selector, in the order in which they were given, the groups that satisfy it.
    truths: Vec<FixedBitSet>,
}

/// The keys, values and names that selectors mention.
#[derive(Default)]
struct Mentioned<'a> {
    values: BTreeMap<&'a str, BTreeSet<&'a str>>,
    names: BTreeSet<&'a str>,
}

/// What selectors can see of a unit: mentioned keys, each with its value where that is mentioned, and mentioned names.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Projection<'a> {
    labels: Vec<(&'a str, Option<&'a str>)>,
    names: [Option<&'a str>; 2],
}

impl SelectorIndex {
    pub(crate) fn new(design: &Design, selectors: &[&Selector]) -> Self {
        let mut mentioned = Mentioned::default();
        selectors.iter().for_each(|selector| mentioned.read(selector));
        let mut projections: Interner<Projection<'_>> = Interner::new();
        let group_of_unit = design
            .units()
            .iter()
            .map(|unit| projections.intern(mentioned.project(&unit.name, unit.owner.as_deref(), &unit.labels)))
            .collect();
        let group_of_source = design
            .external_sources()
            .iter()
            .map(|source| projections.intern(mentioned.project(&source.name, None, &source.labels)))
            .collect();
        let postings = Postings::new(projections.values());
        let truths = selectors.iter().map(|selector| postings.truth(selector)).collect();
        Self { group_of_unit, group_of_source, groups: projections.len(), truths }
    }

    /// The number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// The group of a unit.
    pub(crate) fn group_of_unit(&self, unit: UnitId) -> u32 {
        self.group_of_unit.get(unit.index()).copied().unwrap_or(u32::MAX)
    }

    /// The group of an external source, by its position.
    pub(crate) fn group_of_source(&self, source: usize) -> u32 {
        self.group_of_source.get(source).copied().unwrap_or(u32::MAX)
    }

    /// The groups that satisfy a selector, by its position.
    #[expect(clippy::indexing_slicing, reason = "positions are those of the vocabulary that the index was made from")]
    pub(crate) fn truth(&self, selector: u32) -> &FixedBitSet {
        &self.truths[selector as usize]
    }

    /// The groups that satisfy at least one of some selectors, by their positions.
    pub(crate) fn any(&self, selectors: &[u32]) -> FixedBitSet {
        let mut any = FixedBitSet::with_capacity(self.groups);
        selectors.iter().for_each(|&selector| any.union_with(self.truth(selector)));
        any
    }

    /// The groups, told apart by the first `selectors` selectors only.
    pub(crate) fn partition(&self, selectors: usize) -> Partition {
        let mut partition = Partition::one_block(self.groups);
        self.truths.iter().take(selectors).for_each(|truth| partition.refine(truth));
        partition
    }
}

impl<'a> Mentioned<'a> {
    fn read(&mut self, selector: &'a Selector) {
        match selector {
            Selector::Everything => {}
            Selector::Named(name) => {
                self.names.insert(name);
            }
            Selector::In { key, values } | Selector::NotIn { key, values } => {
                self.values.entry(key).or_default().extend(values.iter().map(String::as_str));
            }
            Selector::Exists(key) | Selector::Absent(key) => {
                self.values.entry(key).or_default();
            }
            Selector::All(parts) | Selector::AnyOf(parts) => parts.iter().for_each(|part| self.read(part)),
            Selector::Not(inner) => self.read(inner),
        }
    }

    fn project(&self, name: &str, owner: Option<&str>, labels: &Labels) -> Projection<'a> {
        let seen = labels.iter().filter_map(|(key, value)| {
            let (key, values) = self.values.get_key_value(key.as_str())?;
            Some((*key, values.get(value.as_str()).copied()))
        });
        let named = |name: &str| self.names.get(name).copied();
        Projection { labels: seen.collect(), names: [named(name), owner.and_then(named)] }
    }
}

/// The groups that carry a key, a value, or a name.
struct Postings<'a> {
    all: FixedBitSet,
    keys: FxHashMap<&'a str, FixedBitSet>,
    values: FxHashMap<(&'a str, &'a str), FixedBitSet>,
    names: FxHashMap<&'a str, FixedBitSet>,
}

impl<'a> Postings<'a> {
    fn new(groups: &[Projection<'a>]) -> Self {
        let none = FixedBitSet::with_capacity(groups.len());
        let mut all = none.clone();
        all.insert_range(..);
        let mut postings =
            Self { all, keys: FxHashMap::default(), values: FxHashMap::default(), names: FxHashMap::default() };
        for (at, group) in groups.iter().enumerate() {
            for &(key, value) in &group.labels {
                postings.keys.entry(key).or_insert_with(|| none.clone()).insert(at);
                if let Some(value) = value {
                    postings.values.entry((key, value)).or_insert_with(|| none.clone()).insert(at);
                }
            }
            for name in group.names.into_iter().flatten() {
                postings.names.entry(name).or_insert_with(|| none.clone()).insert(at);
            }
        }
        postings
    }

    fn none(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.all.len())
    }

    fn complement(&self, mut set: FixedBitSet) -> FixedBitSet {
        set.toggle_range(..);
        set
    }

    fn with_values(&self, key: &str, values: &[String]) -> FixedBitSet {
        let mut set = self.none();
        for value in values {
            if let Some(posting) = self.values.get(&(key, value.as_str())) {
                set.union_with(posting);
            }
        }
        set
    }

    fn with_key(&self, key: &str) -> FixedBitSet {
        self.keys.get(key).cloned().unwrap_or_else(|| self.none())
    }

    fn truth(&self, selector: &Selector) -> FixedBitSet {
        match selector {
            Selector::Everything => self.all.clone(),
            Selector::Named(name) => self.names.get(name.as_str()).cloned().unwrap_or_else(|| self.none()),
            Selector::In { key, values } => self.with_values(key, values),
            Selector::NotIn { key, values } => self.complement(self.with_values(key, values)),
            Selector::Exists(key) => self.with_key(key),
            Selector::Absent(key) => self.complement(self.with_key(key)),
            Selector::All(parts) => parts.iter().fold(self.all.clone(), |mut set, part| {
                set.intersect_with(&self.truth(part));
                set
            }),
            Selector::AnyOf(parts) => parts.iter().fold(self.none(), |mut set, part| {
                set.union_with(&self.truth(part));
                set
            }),
            Selector::Not(inner) => self.complement(self.truth(inner)),
        }
    }
}
