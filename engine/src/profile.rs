//! Profiles: what a table says between two classes of endpoints, for every service class.
//!
//! Pairs whose verdicts are equal share one profile, whichever rules brought the verdicts about. Profiles are told
//! apart by their bits, compared exactly.

use crate::column::{Column, id, ids};
use crate::service::{Predicate, Resolved};
use crate::service_class::Classifier;
use crate::tier_plan::{Matched, Plan};
use rustc_hash::FxHashMap;
use seglab_policy::Outcomes;

/// Profiles that are asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    /// Words of 64 service classes in a profile.
    words: u32,
    /// Allow and deny bits, profile after profile.
    bits: Column<[u64; 2]>,
}

impl Profiles {
    /// What a profile says of a service class.
    #[inline]
    pub(crate) fn outcomes(&self, profile: u32, class: u32) -> Outcomes {
        let [allow, deny] = self.bits[profile * self.words + class / 64];
        let bit = 1 << (class % 64);
        Outcomes { allow: allow & bit != 0, deny: deny & bit != 0 }
    }

    /// The number of profiles.
    pub(crate) fn len(&self) -> usize {
        self.bits.len() / (self.words as usize).max(1)
    }

    /// The bytes that the profiles take.
    pub(crate) fn bytes(&self) -> usize {
        self.bits.bytes()
    }
}

/// Profiles that are being made.
pub(crate) struct ProfileMaker<'a> {
    classifier: &'a Classifier,
    lists: &'a Column<Vec<Predicate>>,
    names: &'a Column<Column<Resolved>>,
    profiles: Profiles,
    known: FxHashMap<Vec<[u64; 2]>, u32>,
    /// The service classes of each list of services, by list and names of the destination.
    covered: Column<Vec<u64>>,
    known_covered: FxHashMap<(u32, u32), u32>,
    has_names: Column<bool>,
    bytes_max: usize,
}

impl<'a> ProfileMaker<'a> {
    /// An empty set of profiles, which may grow to `bytes_max`.
    pub(crate) fn new(
        classifier: &'a Classifier,
        lists: &'a Column<Vec<Predicate>>,
        names: &'a Column<Column<Resolved>>,
        bytes_max: usize,
    ) -> Self {
        Self {
            classifier,
            lists,
            names,
            profiles: Profiles { words: id(classifier.len().div_ceil(64)), bits: Column::default() },
            known: FxHashMap::default(),
            covered: Column::default(),
            known_covered: FxHashMap::default(),
            has_names: lists.iter().map(|list| list.iter().any(|one| matches!(one, Predicate::Named(_)))).collect(),
            bytes_max,
        }
    }

    /// The profile of the rules that match a pair, in ascending order; `None` if there is no room for another.
    pub(crate) fn profile(
        &mut self,
        plan: &Plan,
        matched: &[Matched],
        in_scope: impl Fn(u32) -> bool,
        services_of: impl Fn(u32) -> u32,
        names: u32,
    ) -> Option<u32> {
        // The rules that match are few: their service classes are looked up once, not once a word.
        let covered: FxHashMap<u32, u32> =
            matched.iter().map(|entry| (entry.rule, self.covered(services_of(entry.rule), names))).collect();
        let bits: Vec<[u64; 2]> = ids(self.profiles.words as usize)
            .map(|word| {
                let services = |rule: u32| {
                    let covered = covered.get(&rule).map(|&at| &self.covered[at]);
                    covered.and_then(|words| words.get(word as usize)).copied().unwrap_or(0)
                };
                let outcome = plan.judge(matched, &in_scope, services);
                [outcome.allow, outcome.deny]
            })
            .collect();
        if let Some(&known) = self.known.get(&bits) {
            return Some(known);
        }
        if self.profiles.bytes() + bits.len() * size_of::<[u64; 2]>() > self.bytes_max {
            return None;
        }
        let profile = id(self.profiles.len());
        for &word in &bits {
            self.profiles.bits.push(word);
        }
        self.known.insert(bits, profile);
        Some(profile)
    }

    /// The bytes that the profiles take so far.
    pub(crate) fn bytes(&self) -> usize {
        self.profiles.bytes()
    }

    /// The profiles made.
    pub(crate) fn finish(self) -> Profiles {
        self.profiles
    }

    /// The position of the service classes of a list of services, at a destination with these names.
    fn covered(&mut self, list: u32, names: u32) -> u32 {
        let key = (list, if self.has_names[list] { names } else { 0 });
        if let Some(&known) = self.known_covered.get(&key) {
            return known;
        }
        let mut words = vec![0u64; self.profiles.words as usize];
        for predicate in &self.lists[list] {
            let classes = match predicate {
                Predicate::Named(name) => self.names[names][*name]
                    .iter()
                    .flat_map(|&(protocol, port)| self.classifier.classes_of(&Predicate::port(protocol, port)))
                    .collect(),
                predicate => self.classifier.classes_of(predicate),
            };
            for class in classes {
                if let Some(word) = words.get_mut(class as usize / 64) {
                    *word |= 1 << (class % 64);
                }
            }
        }
        let covered = self.covered.push(words);
        self.known_covered.insert(key, covered);
        covered
    }
}
