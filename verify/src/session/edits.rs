//! What differs between two designs, as far as a verifier looks at them.
//!
//! Where something is written is no part of what it means: a line that is put into a file moves all that follows, and
//! that is no edit.

use super::roster::Roster;
use crate::judge::Kept;
use seglab_policy::{
    Design, EnforcementPoint, Need, Peer, Property, Rule, RuleId, Rulebook, RulebookId, Service, Tier, Unit,
};
use std::collections::BTreeMap;

/// How far apart a rule may have moved in its tier to be known again.
const WINDOW_MAX: usize = 256;

/// Two designs that differ in rules and units at most, and in what is asked.
#[derive(Debug)]
pub(crate) struct Edits<'d> {
    /// The units.
    pub(super) roster: Roster<'d>,
    /// By rulebook that was edited, what its rules were before.
    pub(super) kept: BTreeMap<RulebookId, Kept>,
    /// The rules that have come, and those that have gone.
    pub(super) came: Vec<&'d Rule>,
    pub(super) gone: Vec<&'d Rule>,
    /// By rulebook and tier, the positions that kept rules have now.
    moved: BTreeMap<(RulebookId, u32), Vec<Option<u32>>>,
}

impl<'d> Edits<'d> {
    /// The edits that lead from one design to another; `None` if more than rules, units and questions differs, or the
    /// units do that are many.
    pub(super) fn between(old: &'d Design, new: &'d Design) -> Option<Self> {
        let alike = all(old.trusted(), new.trusted(), |a, b| a.units == b.units) && same_enforcement(old, new);
        if !alike {
            return None;
        }
        let (roster, kept, moved) = (Roster::between(old, new)?, BTreeMap::new(), BTreeMap::new());
        let mut edits = Self { roster, kept, came: Vec::new(), gone: Vec::new(), moved };
        for (id, (before, after)) in (0..).map(RulebookId).zip(old.rulebooks().iter().zip(new.rulebooks())) {
            let tiers: Kept = before.tiers.iter().zip(&after.tiers).map(|(a, b)| matched(&a.rules, &b.rules)).collect();
            let is_whole = |(kept, before): (&Vec<Option<u32>>, &Tier)| {
                kept.len() == before.rules.len() && (0u32..).zip(kept).all(|(at, kept)| *kept == Some(at))
            };
            if tiers.iter().zip(&before.tiers).all(is_whole) {
                continue;
            }
            for (tier, (kept, (before, after))) in (0u32..).zip(tiers.iter().zip(before.tiers.iter().zip(&after.tiers)))
            {
                let mut now = vec![None; before.rules.len()];
                for (position, (rule, kept)) in (0u32..).zip(after.rules.iter().zip(kept)) {
                    match kept.and_then(|kept| now.get_mut(kept as usize)) {
                        Some(slot) => *slot = Some(position),
                        None => edits.came.push(rule),
                    }
                }
                edits.gone.extend(before.rules.iter().zip(&now).filter(|(_, now)| now.is_none()).map(|(rule, _)| rule));
                edits.moved.insert((id, tier), now);
            }
            edits.kept.insert(id, tiers);
        }
        Some(edits)
    }

    /// True if neither a rule differs nor a unit.
    pub(super) fn are_none(&self) -> bool {
        self.kept.is_empty() && self.roster.len() == 0
    }

    /// True if other units are trusted than before.
    pub(super) fn turn_trust(&self, design: &Design) -> bool {
        design.trusted().iter().any(|trusted| self.roster.turn(&trusted.units))
    }

    /// The peers of the rules that have come.
    pub(super) fn peers(&self) -> Vec<&'d Peer> {
        self.came.iter().flat_map(|rule| [&rule.from, &rule.to]).collect()
    }

    /// The names of ports that the rules speak of that have come.
    pub(super) fn port_names(&self) -> impl Iterator<Item = &'d str> {
        let services = self.came.iter().flat_map(|rule| &rule.services);
        services.filter_map(|service| match service {
            Service::NamedPort { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// The place of a rule now; `None` if it has gone.
    pub(super) fn place(&self, id: RuleId) -> Option<RuleId> {
        let Some(now) = self.moved.get(&(id.rulebook, id.tier)) else { return Some(id) };
        now.get(id.rule as usize).copied().flatten().map(|rule| RuleId { rule, ..id })
    }

    /// True if some rule stands in another place of its tier.
    pub(super) fn move_rules(&self) -> bool {
        let moved = |now: &Vec<Option<u32>>| (0u32..).zip(now).any(|(at, now)| now.is_some_and(|now| now != at));
        self.moved.values().any(moved)
    }
}

/// True if two properties ask the same.
pub(super) fn same_property(a: &Property, b: &Property) -> bool {
    let Property { id, claim, view, pivot, trust, hops_max, provenance: _ } = a;
    (id, claim, view, pivot, trust, hops_max) == (&b.id, &b.claim, &b.view, &b.pivot, &b.trust, &b.hops_max)
}

/// True if two needs ask the same.
pub(super) fn same_need(a: &Need, b: &Need) -> bool {
    (&a.from, &a.to, &a.services) == (&b.from, &b.to, &b.services)
}

fn all<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

/// True if everything but units and rules is the same that decides connections.
fn same_enforcement(old: &Design, new: &Design) -> bool {
    old.external_sources() == new.external_sources()
        && old.routes() == new.routes()
        && all(old.points(), new.points(), same_point)
        && all(old.unmodelled(), new.unmodelled(), |a, b| a.what == b.what && a.touches == b.touches)
        && all(old.rulebooks(), new.rulebooks(), same_frame)
}

/// True if everything but units is the same that decides connections.
pub(super) fn same_rules(old: &Design, new: &Design) -> bool {
    let same_tier = |a: &Tier, b: &Tier| all(&a.rules, &b.rules, same_rule);
    same_enforcement(old, new) && all(old.rulebooks(), new.rulebooks(), |a, b| all(&a.tiers, &b.tiers, same_tier))
}

/// True if two units are the same.
pub(super) fn same_unit(a: &Unit, b: &Unit) -> bool {
    same_but_labels(a, b) && a.labels == b.labels
}

/// True if nothing but the labels of two units differs.
pub(super) fn same_but_labels(a: &Unit, b: &Unit) -> bool {
    let Unit {
        name,
        owner,
        labels: _,
        interfaces,
        listeners,
        host,
        criticality,
        image: _,
        vulnerabilities,
        credentials,
        logins,
        can_host_agent: _,
        provenance: _,
    } = a;
    (name, owner, host, criticality) == (&b.name, &b.owner, &b.host, &b.criticality)
        && (interfaces, listeners) == (&b.interfaces, &b.listeners)
        && (vulnerabilities, credentials, logins) == (&b.vulnerabilities, &b.credentials, &b.logins)
}

fn same_point(a: &EnforcementPoint, b: &EnforcementPoint) -> bool {
    let EnforcementPoint {
        name: _,
        kind,
        placement,
        directions,
        mode,
        // How a point denies changes no verdict.
        refusal: _,
        rulebook,
        exempts_host,
        controller,
        // Where it is in place, and how it fails, is for simulations.
        operation: _,
        load: _,
        provenance: _,
    } = a;
    (kind, placement, directions, mode) == (&b.kind, &b.placement, &b.directions, &b.mode)
        && (rulebook, exempts_host, controller) == (&b.rulebook, &b.exempts_host, &b.controller)
}

fn same_frame(a: &Rulebook, b: &Rulebook) -> bool {
    let same_tier = |a: &Tier, b: &Tier| (a.order, a.otherwise, &a.scope) == (b.order, b.otherwise, &b.scope);
    (&a.name, a.default_allow, a.stateful) == (&b.name, b.default_allow, b.stateful)
        && all(&a.tiers, &b.tiers, same_tier)
}

fn same_rule(a: &Rule, b: &Rule) -> bool {
    let Rule { directions, from, to, services, action, priority, provenance } = a;
    (directions, action, priority, services) == (&b.directions, &b.action, &b.priority, &b.services)
        && provenance.object == b.provenance.object
        && (from, to) == (&b.from, &b.to)
}

/// For each new rule the position of the old rule that it is, ascending; `None` for rules that have come.
fn matched(old: &[Rule], new: &[Rule]) -> Vec<Option<u32>> {
    let mut matched = Vec::with_capacity(new.len());
    let mut next = 0;
    for (at, rule) in new.iter().enumerate() {
        if old.get(next).is_some_and(|known| same_rule(known, rule)) {
            matched.push(u32::try_from(next).ok());
            next += 1;
            continue;
        }
        // Either rules have gone before it, or it has come: it has, if the one that is due comes soon.
        let soon = |rule: &Rule, among: &[Rule]| among.iter().take(WINDOW_MAX).position(|one| same_rule(one, rule));
        let after = old.get(next..).and_then(|rest| soon(rule, rest));
        let due = old.get(next).and_then(|due| soon(due, new.get(at..).unwrap_or_default()));
        match (after, due) {
            (Some(skipped), due) if due.is_none_or(|due| skipped <= due) => {
                matched.push(u32::try_from(next + skipped).ok());
                next += skipped + 1;
            }
            _ => matched.push(None),
        }
    }
    matched
}
