//! Profiles: what a table says between two classes of endpoints, for every service class.
//!
//! Pairs whose verdicts are equal share one profile, whichever rules brought the verdicts about. Profiles are told
//! apart by their bits, compared exactly.

use crate::column::{Column, id};
use crate::coverage::Coverage;
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
pub(crate) struct ProfileMaker {
    coverage: Coverage,
    profiles: Profiles,
    known: FxHashMap<Vec<[u64; 2]>, u32>,
    bytes_max: usize,
}

impl ProfileMaker {
    /// An empty set of profiles, which may grow to `bytes_max`.
    pub(crate) fn new(coverage: Coverage, bytes_max: usize) -> Self {
        let profiles = Profiles { words: id(coverage.words()), bits: Column::default() };
        Self { coverage, profiles, known: FxHashMap::default(), bytes_max }
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
            matched.iter().map(|entry| (entry.rule, self.coverage.of(services_of(entry.rule), names))).collect();
        let bits: Vec<[u64; 2]> = (0..self.profiles.words as usize)
            .map(|word| {
                let services = |rule: u32| covered.get(&rule).map_or(0, |&at| self.coverage.word(at, word));
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
}
