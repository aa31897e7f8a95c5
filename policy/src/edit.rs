//! Edits: single changes to the rules of a design, such as repairs are made of.
//!
//! An edit names a rule or a tier of the design that it was made for, and says what becomes of it. Several edits are
//! applied together by [`Design::edited`], which leaves the ids of that design behind: rules that follow a removed one
//! have other ids in the result.

use crate::design::{Design, DesignError, RuleId, TierId};
use crate::rule::{Direction, Peer, Rule};
use crate::selector::Selector;
use crate::service::Service;
use crate::tier::{Order, Scope, Tier};
use std::collections::BTreeMap;

/// One change to the rules of a design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Takes a rule away.
    Remove(RuleId),
    /// Makes a rule match less: what it matched and every restriction matches, too.
    Narrow {
        /// The rule.
        rule: RuleId,
        /// What it is restricted to.
        to: Vec<Restriction>,
    },
    /// Adds a rule.
    ///
    /// In a tier that takes units into scope one by one and the union of allow rules, the subject of the rule is taken
    /// into scope in the rule's directions, as a Kubernetes policy does with whom it selects.
    Add {
        /// The tier.
        tier: TierId,
        /// The rule.
        rule: Box<Rule>,
        /// In a first-match tier, whether it stands after all others instead of before them.
        last: bool,
    },
    /// Takes units into the scope of a tier, so that it denies what none of its rules allows them.
    Isolate {
        /// The tier.
        tier: TierId,
        /// Where the units are subjects.
        direction: Direction,
        /// The units.
        units: Selector,
    },
}

/// What a narrowed rule has to match, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restriction {
    /// The source.
    From(Peer),
    /// The destination.
    To(Peer),
    /// One of these services.
    Services(Vec<Service>),
}

impl Edit {
    /// The rule that it changes or takes away.
    pub fn rule(&self) -> Option<RuleId> {
        match self {
            Edit::Remove(rule) | Edit::Narrow { rule, .. } => Some(*rule),
            Edit::Add { .. } | Edit::Isolate { .. } => None,
        }
    }

    /// The tier that it changes.
    pub fn tier(&self) -> TierId {
        match self {
            Edit::Remove(rule) | Edit::Narrow { rule, .. } => TierId { rulebook: rule.rulebook, tier: rule.tier },
            Edit::Add { tier, .. } | Edit::Isolate { tier, .. } => *tier,
        }
    }
}

/// Why edits cannot be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EditError {
    /// An edit names a rule or a tier that the design does not have.
    #[error("an edit is about a rule or a tier of another design")]
    OfAnotherDesign,
    /// No rule says what a rule and its restrictions have in common.
    #[error("no single rule says what is left of a rule under its restrictions")]
    NotARule,
    /// The result is no design.
    #[error("the edited design does not hold together")]
    Design(Vec<DesignError>),
}

impl Peer {
    /// The peer that matches what both match; `None` if no single peer does.
    pub fn intersection(&self, other: &Peer) -> Option<Peer> {
        Some(match (self, other) {
            (Peer::Anyone, peer) | (peer, Peer::Anyone) => peer.clone(),
            (a, b) if a == b => a.clone(),
            (Peer::Units(a), Peer::Units(b)) => Peer::Units(both(a, b)),
            (Peer::Addresses { set: a, covers: x }, Peer::Addresses { set: b, covers: y }) => {
                // INVARIANT: `External` is the greater of the two and matches fewer endpoints.
                Peer::Addresses { set: a.intersection(b), covers: (*x).max(*y) }
            }
            _ => return None,
        })
    }
}

/// The selector of what two select, its parts side by side.
fn both(a: &Selector, b: &Selector) -> Selector {
    let mut parts: Vec<Selector> = Vec::new();
    for one in [a, b] {
        let more = match one {
            Selector::Everything => &[][..],
            Selector::All(inner) => inner,
            other => std::slice::from_ref(other),
        };
        more.iter().for_each(|part| {
            if !parts.contains(part) {
                parts.push(part.clone());
            }
        });
    }
    match <[Selector; 1]>::try_from(parts) {
        Ok([single]) => single,
        Err(parts) if parts.is_empty() => Selector::Everything,
        Err(parts) => Selector::All(parts),
    }
}

impl Service {
    /// The service of what is of both: `Some(None)` if nothing is, and `None` if no single service says it, as of a port
    /// by name and one by number.
    pub fn intersection(&self, other: &Service) -> Option<Option<Service>> {
        let either = |a: Option<u8>, b: Option<u8>| match (a, b) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.or(b)),
        };
        Some(match (self, other) {
            (Service::Any, one) | (one, Service::Any) => Some(one.clone()),
            (a, b) if a == b => Some(a.clone()),
            (
                Service::Ports { protocol, ports, source_ports },
                Service::Ports { protocol: of, ports: others, source_ports: other_sources },
            ) => {
                let (ports, sources) = (ports.intersection(others), source_ports.intersection(other_sources));
                let some = protocol == of && !ports.is_empty() && !sources.is_empty();
                some.then_some(Service::Ports { protocol: *protocol, ports, source_ports: sources })
            }
            (
                Service::Icmp { family, kind, code },
                Service::Icmp { family: of, kind: other_kind, code: other_code },
            ) => {
                let (kind, code) = (either(*kind, *other_kind), either(*code, *other_code));
                match (kind, code) {
                    (Some(kind), Some(code)) if family == of => Some(Service::Icmp { family: *family, kind, code }),
                    _ => None,
                }
            }
            (Service::NamedPort { .. }, Service::Ports { .. } | Service::NamedPort { .. })
            | (Service::Ports { .. }, Service::NamedPort { .. }) => return None,
            _ => None,
        })
    }

    /// The services of what is of one of either; `None` if no list says it.
    pub fn intersection_of(some: &[Service], others: &[Service]) -> Option<Vec<Service>> {
        let mut left = Vec::new();
        for one in some {
            if others.contains(one) {
                left.push(one.clone());
                continue;
            }
            for other in others {
                left.extend(one.intersection(other)?);
            }
        }
        left.dedup();
        Some(left)
    }
}

impl Rule {
    /// The rule under restrictions; `None` if no single rule says it. One that matches nothing any more has no services.
    pub fn narrowed(&self, to: &[Restriction]) -> Option<Rule> {
        let mut rule = self.clone();
        for restriction in to {
            match restriction {
                Restriction::From(peer) => rule.from = rule.from.intersection(peer)?,
                Restriction::To(peer) => rule.to = rule.to.intersection(peer)?,
                Restriction::Services(list) => rule.services = Service::intersection_of(&rule.services, list)?,
            }
        }
        Some(rule)
    }

    /// The units that the rule is about in one direction; `None` if that side is not one of units.
    pub fn subject(&self, direction: Direction) -> Option<&Selector> {
        let side = if direction == Direction::Egress { &self.from } else { &self.to };
        match side {
            Peer::Units(selector) => Some(selector),
            Peer::Anyone | Peer::Addresses { .. } | Peer::Unmodelled(_) => None,
        }
    }
}

impl Tier {
    /// True if the tier takes units into scope one by one and whoever is in scope may do only what some rule allows, as
    /// that of Kubernetes' NetworkPolicy does.
    pub fn isolates(&self) -> bool {
        self.order == Order::AllowUnion && matches!(self.scope, Scope::Units { .. })
    }

    fn isolate(&mut self, direction: Direction, units: &Selector) {
        let Scope::Units { egress, ingress } = &mut self.scope else { return };
        let list = match direction {
            Direction::Egress => egress,
            Direction::Ingress => ingress,
            Direction::Forward => return,
        };
        if !list.contains(units) {
            list.push(units.clone());
        }
    }
}

impl Design {
    /// The design with some edits, those of one tier in their order.
    ///
    /// # Errors
    /// [`EditError`] if an edit is about another design, or the result cannot be said by rules.
    pub fn edited(&self, edits: &[Edit]) -> Result<Design, EditError> {
        let mut draft = self.to_draft();
        let mut by_tier: BTreeMap<TierId, Vec<&Edit>> = BTreeMap::new();
        edits.iter().for_each(|edit| by_tier.entry(edit.tier()).or_default().push(edit));
        for (at, edits) in by_tier {
            let book = draft.rulebooks.get_mut(at.rulebook.0 as usize);
            let tier = book.and_then(|book| book.tiers.get_mut(at.tier as usize)).ok_or(EditError::OfAnotherDesign)?;
            edit_tier(tier, &edits)?;
        }
        Design::new(draft).map_err(EditError::Design)
    }
}

fn edit_tier(tier: &mut Tier, edits: &[&Edit]) -> Result<(), EditError> {
    let mut removed = Vec::new();
    let mut added = Vec::new();
    for edit in edits {
        match edit {
            Edit::Remove(id) => {
                tier.rules.get(id.rule as usize).ok_or(EditError::OfAnotherDesign)?;
                removed.push(id.rule as usize);
            }
            Edit::Narrow { rule: id, to } => {
                let rule = tier.rules.get_mut(id.rule as usize).ok_or(EditError::OfAnotherDesign)?;
                *rule = rule.narrowed(to).ok_or(EditError::NotARule)?;
            }
            Edit::Add { rule, last, .. } => added.push((rule.as_ref().clone(), *last)),
            Edit::Isolate { direction, units, .. } => tier.isolate(*direction, units),
        }
    }
    let mut position = 0;
    tier.rules.retain(|_| {
        position += 1;
        !removed.contains(&(position - 1))
    });
    if tier.isolates() {
        for (rule, _) in &added {
            let subjects = rule.directions.iter().filter_map(|at| Some((at, rule.subject(at)?.clone())));
            let subjects: Vec<(Direction, Selector)> = subjects.collect();
            subjects.iter().for_each(|(direction, units)| tier.isolate(*direction, units));
        }
    }
    if matches!(tier.order, Order::FirstMatch | Order::FirstMatchUndefinedTies) {
        // Sorting keeps rules of one priority in their order, so that these stay the first.
        let priorities = || tier.rules.iter().map(|rule| rule.priority);
        let (first, last) = (priorities().min().unwrap_or(0), priorities().max().unwrap_or(0));
        added.iter_mut().for_each(|(rule, at_end)| rule.priority = if *at_end { last } else { first });
        let (back, front): (Vec<_>, Vec<_>) = added.into_iter().partition(|(_, at_end)| *at_end);
        tier.rules.splice(0..0, front.into_iter().map(|(rule, _)| rule));
        tier.rules.extend(back.into_iter().map(|(rule, _)| rule));
    } else {
        tier.rules.extend(added.into_iter().map(|(rule, _)| rule));
    }
    Ok(())
}
