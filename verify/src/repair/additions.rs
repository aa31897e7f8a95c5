//! What can be added to a tier: what needs ask for, what claims forbid, and more units in its scope.

use super::candidates::{Candidate, Candidates, Part, is_port, names_namespace};
use seglab_policy::{
    Action, Claim, Covers, Direction, Directions, NAMESPACE_KEY, Order, Peer, Provenance, Rule, Scope, Selector,
    Service, Tier, TierId,
};
use std::collections::BTreeSet;

/// Everything that can be added to a tier, in the order in which it is applied: what needs ask for goes first.
pub(super) fn of_tier(candidates: &mut Candidates<'_>, id: TierId, tier: &Tier) -> Vec<Candidate> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut last: Vec<Rule> = Vec::new();
    match tier.order {
        // Nobody knows where a rule of another object would stand.
        Order::FirstMatchUndefinedTies => {}
        Order::AllowUnion if tier.isolates() => rules.extend(isolated_allows(candidates)),
        Order::AllowUnion => rules.extend(allows(candidates)),
        Order::DenyOverrides | Order::FirstMatch => {
            rules.extend(allows(candidates));
            rules.extend(denials(candidates));
            if tier.order == Order::FirstMatch {
                last.extend(last_denials(candidates));
            }
        }
    }
    let mut seen = BTreeSet::new();
    rules.retain(|rule| {
        let directions = (rule.directions.egress, rule.directions.ingress);
        seen.insert((rule.from.clone(), rule.to.clone(), rule.services.clone(), rule.action, directions))
    });
    let mut made: Vec<Candidate> = Vec::new();
    let placed = rules.into_iter().map(|rule| (rule, false)).chain(last.into_iter().map(|rule| (rule, true)));
    for (rule, last) in placed {
        let weight = candidates.weight(&rule);
        made.push(Candidate { part: Part::Add(id, Box::new(rule), last), weight, excludes: None });
    }
    if tier.isolates() {
        made.extend(isolations(candidates, id, tier));
    }
    made
}

/// What has to work: from whom, to whom, on which services.
fn needed(candidates: &Candidates<'_>) -> Vec<(Peer, Peer, Vec<Service>)> {
    let needs = candidates.design.needs().iter().map(|need| (&need.from, &need.to, &need.services));
    let claims = candidates.design.properties().iter().filter_map(|property| match &property.claim {
        Claim::Allowed { from, to, services } => Some((from, to, services)),
        _ => None,
    });
    needs.chain(claims).map(|(from, to, services)| (from.clone(), to.clone(), services.clone())).collect()
}

fn rule(action: Action, directions: Directions, from: Peer, to: Peer, services: Vec<Service>) -> Rule {
    Rule { directions, from, to, services, action, priority: 0, provenance: Provenance::default() }
}

fn allows(candidates: &Candidates<'_>) -> Vec<Rule> {
    let needed = needed(candidates).into_iter();
    needed.map(|(from, to, services)| rule(Action::Allow, Directions::ALL, from, to, services)).collect()
}

/// What needs ask for as policies that isolate whom they are about say it: once at each end.
fn isolated_allows(candidates: &Candidates<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (from, to, services) in needed(candidates) {
        let services = match services.contains(&Service::Any) {
            true => vec![Service::Any],
            false if services.iter().all(is_port) => services,
            false => continue,
        };
        for direction in [Direction::Egress, Direction::Ingress] {
            let (subject, other) = if direction == Direction::Egress { (&from, &to) } else { (&to, &from) };
            let (Some(subjects), Some(other)) = (subjects(candidates, subject), others(candidates, other)) else {
                continue;
            };
            for subject in subjects {
                let subject = Peer::Units(subject);
                let (from, to) = match direction {
                    Direction::Egress => (subject, other.clone()),
                    Direction::Forward | Direction::Ingress => (other.clone(), subject),
                };
                rules.push(rule(Action::Allow, Directions::only(direction), from, to, services.clone()));
            }
        }
    }
    rules
}

/// Whom policies that isolate would be about, one for each namespace; `None` if they cannot say it.
fn subjects(candidates: &Candidates<'_>, peer: &Peer) -> Option<Vec<Selector>> {
    let everyone = Selector::Everything;
    let selector = match peer {
        Peer::Units(selector) => selector,
        Peer::Anyone => &everyone,
        Peer::Addresses { .. } | Peer::Unmodelled(_) => return None,
    };
    let pods = candidates.pods(selector)?;
    if !candidates.has_namespaces || names_one_namespace(&pods) {
        return Some(vec![pods]);
    }
    let units = candidates.design.select(&pods).map(|unit| candidates.design.unit(unit));
    let namespaces: BTreeSet<&String> = units.filter_map(|unit| unit.labels.get(NAMESPACE_KEY)).collect();
    let own = |name: &String| {
        let inside = Selector::label(NAMESPACE_KEY, name.clone());
        let parts = std::iter::once(inside).chain(parts_of(selector).filter(|part| !names_namespace(part)).cloned());
        match parts.collect::<Vec<_>>() {
            parts if parts.len() == 1 => parts.into_iter().next().unwrap_or(Selector::Everything),
            parts => Selector::All(parts),
        }
    };
    Some(namespaces.into_iter().map(own).collect())
}

fn parts_of(selector: &Selector) -> impl Iterator<Item = &Selector> {
    match selector {
        Selector::All(parts) => parts.as_slice(),
        Selector::Everything => &[],
        other => std::slice::from_ref(other),
    }
    .iter()
}

/// True if the selector is of the pods of one namespace, by its name.
fn names_one_namespace(selector: &Selector) -> bool {
    parts_of(selector)
        .any(|part| matches!(part, Selector::In { key, values } if key == NAMESPACE_KEY && values.len() == 1))
}

/// The other side of a policy that isolates; `None` if it cannot say it.
fn others(candidates: &Candidates<'_>, peer: &Peer) -> Option<Peer> {
    match peer {
        Peer::Units(selector) => candidates.pods(selector).map(Peer::Units),
        Peer::Addresses { set, .. } => Some(Peer::Addresses { set: set.clone(), covers: Covers::External }),
        Peer::Anyone => Some(Peer::Anyone),
        Peer::Unmodelled(_) => None,
    }
}

/// What claims forbid, and what one side of a claim could be kept from.
fn denials(candidates: &Candidates<'_>) -> Vec<Rule> {
    let mut words: Vec<Peer> = vec![Peer::Anyone];
    words.extend(candidates.vocabulary.sides.iter().cloned().map(Peer::Units));
    words.extend(candidates.vocabulary.addresses.iter().cloned());
    let mut rules = Vec::new();
    let mut deny = |from: &Peer, to: &Peer, services: &[Service]| {
        let every = [Service::Any];
        for list in [services, &every[..]] {
            rules.push(rule(Action::Deny, Directions::ALL, from.clone(), to.clone(), list.to_vec()));
        }
    };
    let mut pairs = BTreeSet::new();
    for property in candidates.design.properties() {
        for (from, to, services) in forbidden(&property.claim) {
            deny(&from, &to, &services);
            pairs.insert((from, to));
        }
    }
    for (from, to) in pairs {
        for word in &words {
            deny(&from, word, &[Service::Any]);
            deny(word, &to, &[Service::Any]);
        }
    }
    rules
}

/// What claims forbid, denied unless some other rule says otherwise.
fn last_denials(candidates: &Candidates<'_>) -> Vec<Rule> {
    let claimed = candidates.design.properties().iter().flat_map(|property| forbidden(&property.claim));
    let mut pairs: BTreeSet<(Peer, Peer)> = claimed.map(|(from, to, _)| (from, to)).collect();
    pairs.insert((Peer::Anyone, Peer::Anyone));
    let every = || vec![Service::Any];
    pairs.into_iter().map(|(from, to)| rule(Action::Deny, Directions::ALL, from, to, every())).collect()
}

/// The connections that a claim forbids when it is broken by a single one, written as rules can.
fn forbidden(claim: &Claim) -> Vec<(Peer, Peer, Vec<Service>)> {
    let units = |selector: Selector| Peer::Units(selector);
    let except = |peer: &Peer, other: &Selector| peer.intersection(&units(other.opposite())).unwrap_or(peer.clone());
    match claim {
        Claim::Isolated { from, to, services } | Claim::IsolatedEver { from, to, services } => {
            let apart = match from {
                Peer::Units(from) => except(to, from),
                _ => to.clone(),
            };
            vec![(from.clone(), apart, services.clone()), (from.clone(), to.clone(), services.clone())]
        }
        Claim::OnlyThrough { from, to, via, services } => {
            vec![(except(from, via), to.clone(), services.clone()), (from.clone(), to.clone(), services.clone())]
        }
        Claim::BlastRadius { from, .. } => vec![(units(from.clone()), Peer::Anyone, vec![Service::Any])],
        Claim::Exposed { external, inbound, only, .. } => {
            let outside = Peer::Addresses { set: external.clone(), covers: Covers::External };
            let (others, only) = (units(only.opposite()), units(only.clone()));
            [others, only]
                .into_iter()
                .map(|side| match inbound {
                    true => (outside.clone(), side, vec![Service::Any]),
                    false => (side, outside.clone(), vec![Service::Any]),
                })
                .collect()
        }
        Claim::EgressOnlyTo { from, to, .. } => {
            let rest = match to {
                Peer::Units(to) => vec![units(to.opposite()), Peer::external()],
                Peer::Addresses { set, .. } => {
                    let outside = Peer::Addresses { set: set.complement(), covers: Covers::External };
                    vec![outside, units(Selector::Everything)]
                }
                Peer::Anyone | Peer::Unmodelled(_) => vec![Peer::Anyone],
            };
            rest.into_iter().map(|to| (units(from.clone()), to, vec![Service::Any])).collect()
        }
        Claim::DefaultDeny { units: of, .. } | Claim::Surface { units: of, .. } => vec![
            (Peer::Anyone, units(of.clone()), vec![Service::Any]),
            (units(of.clone()), Peer::Anyone, vec![Service::Any]),
        ],
        Claim::Allowed { .. }
        | Claim::Only { .. }
        | Claim::Within { .. }
        | Claim::Equal { .. }
        | Claim::NoShadowedRules { .. }
        | Claim::NoRedundantRules { .. }
        | Claim::NoUndefinedOrder { .. } => Vec::new(),
    }
}

/// More units in scope: those that claims speak of, whole namespaces, and whoever is in scope of the other direction.
fn isolations(candidates: &Candidates<'_>, id: TierId, tier: &Tier) -> Vec<Candidate> {
    let Scope::Units { egress, ingress } = &tier.scope else { return Vec::new() };
    let mut words: Vec<Selector> = Vec::new();
    let claimed = candidates.vocabulary.sides.iter().chain([&Selector::Everything]);
    for side in claimed {
        words.extend(subjects(candidates, &Peer::Units(side.clone())).unwrap_or_default());
    }
    words.extend(egress.iter().chain(ingress).cloned());
    let mut seen = BTreeSet::new();
    words.retain(|word| seen.insert(word.clone()));
    let mut made = Vec::new();
    for (direction, held) in [(Direction::Egress, egress), (Direction::Ingress, ingress)] {
        for word in words.iter().filter(|word| !held.contains(word)) {
            let weight = candidates.design.select(word).count() as u64 * candidates.design.units().len() as u64 * 16;
            let part = Part::Isolate(id, direction, word.clone());
            made.push(Candidate { part, weight: weight.max(1), excludes: None });
        }
    }
    made
}
