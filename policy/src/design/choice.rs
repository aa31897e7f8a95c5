//! Choices: what the definition of a policy leaves to whoever enforces it.
//!
//! Kubernetes does not say whether an address range speaks of pods, and network plug-ins differ. A reader decides one
//! way, says so in an assumption, and notes the choice here; [`Design::otherwise`] is the design as the other way has
//! it, so that a verifier can say which verdicts hang on it.
//!
//! Units, rules and points keep their ids from one design to the other.
//!
//! Choices are no part of what a design means, and the [normal form](crate::normal_form) does not hold them: it is the
//! design as it was decided.

use super::{Assumption, Design, Draft, RuleId};
use crate::address::{AddressSet, Family};
use crate::rule::{Covers, Peer, Rule};
use crate::tier::RulebookId;
use crate::unit::Address;
use std::collections::BTreeSet;

/// The place of a tier: rulebook, position in the rulebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierId {
    /// The rulebook.
    pub rulebook: RulebookId,
    /// The position of the tier in the rulebook.
    pub tier: u32,
}

/// Whom the address peers of some tiers speak of, where that is for the implementation to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// How it was decided, as it stands among the design's assumptions.
    pub assumption: Assumption,
    /// The sentence that would stand there, had it been decided the other way.
    pub otherwise: String,
    /// What all of the address peers cover, as it was decided.
    pub covers: Covers,
    /// The tiers whose address peers it is about: of allow rules only, so that the one way allows all that the other does.
    pub tiers: Vec<TierId>,
}

impl Choice {
    /// True if the rule has an address peer that the choice is about.
    fn is_about(&self, id: RuleId, rule: &Rule) -> bool {
        self.tiers.contains(&TierId { rulebook: id.rulebook, tier: id.tier }) && self.ranges(rule).next().is_some()
    }

    fn ranges<'a>(&self, rule: &'a Rule) -> impl Iterator<Item = &'a AddressSet> {
        let chosen = self.covers;
        [&rule.from, &rule.to].into_iter().filter_map(move |peer| match peer {
            Peer::Addresses { set, covers } if *covers == chosen => Some(set),
            _ => None,
        })
    }
}

impl Design {
    /// What was left open by the policy and decided by a reader.
    pub fn choices(&self) -> &[Choice] {
        &self.draft.choices
    }

    /// The rules that a choice changes: those whose ranges hold an address that a unit has or may have, or all
    /// addresses of a family. Of any other rule both ways say the same.
    pub fn rules_changed_by(&self, choice: &Choice) -> Vec<RuleId> {
        let inside = Inside::of(self);
        let changed = self.rules().filter(|(id, rule)| choice.is_about(*id, rule));
        changed.filter(|(_, rule)| choice.ranges(rule).any(|set| inside.meets(set))).map(|(id, _)| id).collect()
    }

    /// The design with a choice decided the other way; `None` if that changes no rule.
    pub fn otherwise(&self, choice: &Choice) -> Option<Design> {
        if self.rules_changed_by(choice).is_empty() {
            return None;
        }
        // INVARIANT: only what address peers cover and the words about it change; nothing that `Design::new` checks.
        let mut other = self.clone();
        other.draft.decide_otherwise(choice);
        Some(other)
    }
}

impl Draft {
    fn decide_otherwise(&mut self, choice: &Choice) {
        let other = match choice.covers {
            Covers::All => Covers::External,
            Covers::External => Covers::All,
        };
        for at in &choice.tiers {
            let book = self.rulebooks.get_mut(at.rulebook.0 as usize);
            let Some(tier) = book.and_then(|book| book.tiers.get_mut(at.tier as usize)) else { continue };
            for peer in tier.rules.iter_mut().flat_map(|rule| [&mut rule.from, &mut rule.to]) {
                if let Peer::Addresses { covers, .. } = peer
                    && *covers == choice.covers
                {
                    *covers = other;
                }
            }
        }
        let assumption = Assumption { id: choice.assumption.id.clone(), text: choice.otherwise.clone() };
        for stated in self.assumptions.iter_mut().filter(|stated| **stated == choice.assumption) {
            stated.clone_from(&assumption);
        }
        for held in self.choices.iter_mut().filter(|held| *held == choice) {
            held.otherwise.clone_from(&choice.assumption.text);
            held.assumption.clone_from(&assumption);
            held.covers = other;
        }
    }
}

/// Where the addresses of units lie.
struct Inside {
    known: AddressSet,
    /// The ranges that addresses are drawn within.
    drawn: BTreeSet<ipnet::IpNet>,
    /// The families that units have interfaces of, and all of them if there are named sources.
    families: BTreeSet<Family>,
}

impl Inside {
    fn of(design: &Design) -> Self {
        let mut inside = Inside { known: AddressSet::empty(), drawn: BTreeSet::new(), families: BTreeSet::new() };
        for known in design.inventory.addresses.values() {
            inside.known = inside.known.union(known);
        }
        for interface in design.units().iter().flat_map(|unit| &unit.interfaces) {
            inside.families.insert(interface.family());
            if let Address::Within(net) = interface.address {
                inside.drawn.insert(net);
            }
        }
        if !design.external_sources().is_empty() {
            inside.families.extend(Family::ALL);
        }
        inside
    }

    /// True if a range that covers units too matches one, possibly.
    fn meets(&self, set: &AddressSet) -> bool {
        self.families.iter().any(|&family| set.covers_family(family))
            || !self.known.intersection(set).is_empty()
            || self.drawn.iter().any(|&net| set.is_superset(&AddressSet::from_net(net)))
    }
}
