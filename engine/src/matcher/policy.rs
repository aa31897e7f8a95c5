//! A policy that changes: its rules and units as they are, known by handles that stay while others come and go.

use super::ledger::Units;
use seglab_policy::{
    Action, Address, Design, DesignError, Draft, Family, Labels, Order, Placement, Rule, TierId, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A rule of a policy that changes. Those of the design that it began with are numbered in their order there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LiveRule(pub u32);

/// One change of a policy.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// Adds a rule to a tier, behind its others; where rules are asked one after the other, behind those of its priority.
    Add {
        /// The tier.
        tier: TierId,
        /// The rule.
        rule: Box<Rule>,
    },
    /// Takes a rule away.
    Remove(LiveRule),
    /// Puts another rule in the place of one.
    Change {
        /// The rule that goes.
        rule: LiveRule,
        /// The one that comes.
        to: Box<Rule>,
    },
    /// Gives a unit other labels. Rules that go by labels follow it.
    Relabel {
        /// The unit.
        unit: UnitId,
        /// All of its labels.
        labels: Labels,
    },
    /// Gives an interface of a unit another address. Who is not told goes by the old one.
    Move {
        /// The unit.
        unit: UnitId,
        /// The position of the interface.
        interface: u16,
        /// The new address.
        to: IpAddr,
    },
}

/// Why an update is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UpdateError {
    /// There is no such tier.
    #[error("there is no tier {} in rulebook {}; name one of the design", .0.tier, .0.rulebook.0)]
    NoTier(TierId),
    /// There is no such rule, or there is no more.
    #[error("there is no rule {} any more; ask for the rules that there are", .0.0)]
    NoRule(LiveRule),
    /// There is no such unit, or it has no such interface.
    #[error("there is no interface {interface} of unit {}; name one of the design", unit.0)]
    NoInterface {
        /// The unit.
        unit: UnitId,
        /// The position of the interface.
        interface: u16,
    },
    /// A tier whose order combines allow rules only was given another.
    #[error("the tier takes the union of allow rules and is given a rule that says {0}; give it an allow rule")]
    NotAnAllow(Action),
    /// The address is another unit's, and not both say that they share it.
    #[error("the address {0} is another unit's; move that one first, or declare it shared")]
    Taken(IpAddr),
    /// The address is not of the family of the interface.
    #[error("the address {0} is not of the interface's family; name one that is")]
    OtherFamily(IpAddr),
    /// The policy does not hold together any more.
    #[error("the changed policy does not hold together; take the change back")]
    Design(Vec<DesignError>),
    /// The changed policy cannot be compiled.
    #[error(transparent)]
    Compile(#[from] crate::engine::CompileError),
}

/// The policy of a live matcher.
#[derive(Debug)]
pub(super) struct Policy {
    /// The design without its units and its rules.
    frame: Draft,
    pub(super) units: Units,
    rules: BTreeMap<LiveRule, Kept>,
    next: u32,
    next_sequence: u64,
    /// Who has an address.
    holders: BTreeMap<IpAddr, Vec<(UnitId, u16)>>,
}

/// A rule that is in force.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) rule: Rule,
    pub(super) tier: TierId,
    /// The order in which rules came.
    pub(super) sequence: u64,
}

impl Policy {
    pub(super) fn new(design: &Design) -> Self {
        let mut frame = design.to_draft();
        let units = std::mem::take(&mut frame.units);
        let mut rules = Vec::new();
        for (id, _) in design.rules() {
            rules.push(TierId { rulebook: id.rulebook, tier: id.tier });
        }
        let mut taken = Vec::new();
        for tier in frame.rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
            taken.append(&mut tier.rules);
        }
        let kept = |(at, (tier, rule))| (LiveRule(at), Kept { rule, tier, sequence: at.into() });
        let rules: BTreeMap<LiveRule, Kept> = (0u32..).zip(rules.into_iter().zip(taken)).map(kept).collect();
        let next = crate::column::id(rules.len());
        let mut holders: BTreeMap<IpAddr, Vec<(UnitId, u16)>> = BTreeMap::new();
        for (unit, held) in (0..).map(UnitId).zip(&units) {
            for (at, interface) in (0u16..).zip(&held.interfaces) {
                if let Address::Known(address) = interface.address {
                    holders.entry(address).or_default().push((unit, at));
                }
            }
        }
        Self { frame, units: Units::new(units), next_sequence: next.into(), next, rules, holders }
    }

    /// The policy as a design.
    pub(super) fn design(&self) -> Result<Design, Vec<DesignError>> {
        let mut draft = self.frame.clone();
        draft.units = self.units.all().to_vec();
        for kept in self.in_order() {
            let book = draft.rulebooks.get_mut(kept.tier.rulebook.0 as usize);
            if let Some(tier) = book.and_then(|book| book.tiers.get_mut(kept.tier.tier as usize)) {
                tier.rules.push(kept.rule.clone());
            }
        }
        Design::new(draft)
    }

    /// The rules in the order in which they came.
    fn in_order(&self) -> Vec<&Kept> {
        let mut kept: Vec<&Kept> = self.rules.values().collect();
        kept.sort_by_key(|kept| kept.sequence);
        kept
    }

    /// The rules that there are, in the order in which the design has them.
    pub(super) fn rules(&self) -> Vec<LiveRule> {
        let key = |(&rule, kept): (&LiveRule, &Kept)| {
            let ordered = matches!(self.order(kept.tier)?, Order::FirstMatch | Order::FirstMatchUndefinedTies);
            let priority = if ordered { kept.rule.priority } else { 0 };
            Some(((kept.tier, priority, kept.sequence), rule))
        };
        let mut rules: Vec<_> = self.rules.iter().filter_map(key).collect();
        rules.sort_unstable();
        rules.into_iter().map(|(_, rule)| rule).collect()
    }

    pub(super) fn get(&self, rule: LiveRule) -> Option<&Kept> {
        self.rules.get(&rule)
    }

    /// How the rules of a tier combine.
    pub(super) fn order(&self, tier: TierId) -> Option<Order> {
        let book = self.frame.rulebooks.get(tier.rulebook.0 as usize)?;
        book.tiers.get(tier.tier as usize).map(|tier| tier.order)
    }

    /// Holds updates against the policy, all of them before the first is made.
    pub(super) fn check(&self, updates: &[Update]) -> Result<(), UpdateError> {
        let mut gone: BTreeSet<LiveRule> = BTreeSet::new();
        let mut moved: BTreeMap<(UnitId, u16), IpAddr> = BTreeMap::new();
        let held = |rule: LiveRule, gone: &BTreeSet<LiveRule>| {
            self.get(rule).filter(|_| !gone.contains(&rule)).ok_or(UpdateError::NoRule(rule))
        };
        for update in updates {
            match update {
                Update::Add { tier, rule } => self.check_rule(*tier, rule)?,
                Update::Remove(rule) => {
                    held(*rule, &gone)?;
                    gone.insert(*rule);
                }
                Update::Change { rule, to } => self.check_rule(held(*rule, &gone)?.tier, to)?,
                Update::Relabel { unit, .. } => {
                    self.units.get(*unit).ok_or(UpdateError::NoInterface { unit: *unit, interface: 0 })?;
                }
                Update::Move { unit, interface, to } => {
                    self.check_move((*unit, *interface), *to, &moved)?;
                    moved.insert((*unit, *interface), *to);
                }
            }
        }
        Ok(())
    }

    fn check_rule(&self, tier: TierId, rule: &Rule) -> Result<(), UpdateError> {
        match (self.order(tier).ok_or(UpdateError::NoTier(tier))?, rule.action) {
            (Order::AllowUnion, action) if action != Action::Allow => Err(UpdateError::NotAnAllow(action)),
            _ => Ok(()),
        }
    }

    fn check_move(
        &self,
        at: (UnitId, u16),
        to: IpAddr,
        moved: &BTreeMap<(UnitId, u16), IpAddr>,
    ) -> Result<(), UpdateError> {
        let interface = |(unit, at): (UnitId, u16)| self.units.get(unit)?.interfaces.get(usize::from(at));
        let held = interface(at).ok_or(UpdateError::NoInterface { unit: at.0, interface: at.1 })?;
        if held.family() != Family::of(to) {
            return Err(UpdateError::OtherFamily(to));
        }
        let there = self.holders.get(&to).into_iter().flatten().filter(|other| !moved.contains_key(other));
        let coming = moved.iter().filter(|(_, address)| **address == to).map(|(other, _)| other);
        let clashes = |other: &(UnitId, u16)| {
            let other_held = interface(*other);
            *other != at && other_held.is_some_and(|one| one.space == held.space && !(one.shared && held.shared))
        };
        if there.chain(coming).any(clashes) { Err(UpdateError::Taken(to)) } else { Ok(()) }
    }

    /// Adds a rule.
    pub(super) fn add(&mut self, tier: TierId, rule: Rule) -> LiveRule {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let at = LiveRule(self.next);
        self.next += 1;
        self.rules.insert(at, Kept { rule, tier, sequence });
        at
    }

    /// Puts another rule, or none, in the place of one.
    pub(super) fn replace(&mut self, rule: LiveRule, to: Option<Rule>) {
        match to {
            Some(to) => self.rules.get_mut(&rule).into_iter().for_each(|kept| kept.rule = to.clone()),
            None => _ = self.rules.remove(&rule),
        }
    }

    /// Gives a unit other labels; `None` if what is not modelled touches it by those, or ceases to, else the points at it.
    pub(super) fn relabel(&mut self, unit: UnitId, labels: Labels) -> Option<Vec<u32>> {
        let before = self.touches(unit);
        self.units.relabel(unit, labels);
        (before == self.touches(unit)).then(|| self.points_at(unit))
    }

    fn touches(&self, unit: UnitId) -> Vec<bool> {
        let held = self.units.get(unit);
        self.frame.unmodelled.iter().map(|what| held.is_some_and(|held| what.touches.matches(held))).collect()
    }

    /// The points at a unit, ascending.
    fn points_at(&self, unit: UnitId) -> Vec<u32> {
        let Some(held) = self.units.get(unit) else { return Vec::new() };
        let is_at = |placement: &Placement| match placement {
            Placement::Units(selector) => selector.matches(held),
            Placement::Between(_) | Placement::Around(..) => false,
        };
        (0u32..).zip(&self.frame.points).filter(|(_, point)| is_at(&point.placement)).map(|(at, _)| at).collect()
    }

    /// Gives an interface another address; true if it had one that nobody else has or had.
    pub(super) fn rebind(&mut self, unit: UnitId, at: u16, to: IpAddr) -> bool {
        let held = self.units.get_mut(unit).and_then(|unit| unit.interfaces.get_mut(usize::from(at)));
        let Some(interface) = held else { return false };
        let before = std::mem::replace(&mut interface.address, Address::Known(to));
        let mut alone = !interface.shared;
        if let Address::Known(before) = before
            && let Some(holders) = self.holders.get_mut(&before)
        {
            holders.retain(|&holder| holder != (unit, at));
            alone &= holders.is_empty();
        }
        let holders = self.holders.entry(to).or_default();
        alone &= holders.is_empty();
        holders.push((unit, at));
        alone
    }
}
