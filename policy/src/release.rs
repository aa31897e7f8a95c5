//! Releases: applications that change on a date, and the rules that are written for them.
//!
//! No verdict rests on this: a proof is about the design before any release. So the normal form leaves it out. Simulations
//! play it.

use crate::flow::Need;
use crate::rule::Rule;
use crate::source::Provenance;
use crate::tier::{Rulebook, RulebookId};

/// An application changes: needs begin and end, rules come and go.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The name, unique in a design.
    pub name: String,
    /// Its date: when it is to go ahead, after the start. \[ns\]
    pub at_ns: u64,
    /// The needs that begin with it.
    pub needs: Vec<Need>,
    /// The [names](Need::name) of those that end.
    pub ends: Vec<String>,
    /// The rules that are written for it.
    pub adds: Vec<Addition>,
    /// The [objects](Provenance::object) whose rules go with it: those that are declared, and those of earlier releases.
    pub retires: Vec<String>,
    /// Where it is written.
    pub provenance: Provenance,
}

/// A rule that is added to a rulebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The rulebook; it has one tier.
    pub rulebook: RulebookId,
    /// The rule.
    pub rule: Rule,
}

/// How rules that are written come into force: as requests that wait, in their order, until somebody has reviewed them.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// How many people review requests; at least 1.
    pub reviewers: u32,
    /// The mean time that one request takes one of them, exponentially distributed; above zero. \[ns\]
    pub review_mean_ns: u64,
    /// A release waits until its rules are in force; otherwise it goes ahead, and breaks until then.
    pub holds: bool,
    /// Where it is written.
    pub provenance: Provenance,
}

impl Release {
    /// Takes the rules that go with the release out of a rulebook; how many there were.
    pub fn retire_from(&self, book: &mut Rulebook) -> usize {
        let mut retired = 0;
        for tier in &mut book.tiers {
            let before = tier.rules.len();
            tier.rules.retain(|rule| !rule.provenance.object.as_ref().is_some_and(|of| self.retires.contains(of)));
            retired += before - tier.rules.len();
        }
        retired
    }

    /// Puts the rules that are written for the release into the rulebook of this id.
    pub fn add_to(&self, id: RulebookId, book: &mut Rulebook) {
        let added = self.adds.iter().filter(|addition| addition.rulebook == id);
        if let Some(tier) = book.tiers.first_mut() {
            tier.rules.extend(added.map(|addition| addition.rule.clone()));
        }
    }
}
