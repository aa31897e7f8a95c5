//! Random small designs in which everything holds, and what breaks them: as people break them, by a rule too many, one
//! too wide, one gone, one that denies too much.

use super::Draws;
use crate::properties::{Settings, Settled, verify};
use seglab_policy::{
    Action, Address, AddressSet, AtMost, Claim, Design, Direction, Directions, Draft, EnforcementPoint, Flow,
    Interface, Listener, Need, Order, Peer, Pivot, PointKind, Property, Provenance, Rule, Rulebook, RulebookId, Scope,
    Selector, Service, Statistic, Tier, Transport, Trust, Unit, View,
};

/// How the policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Deny overrides, and what no rule allows is denied.
    Native,
    /// The first match decides, and what no rule matches is denied.
    FirstMatch,
    /// Rules allow what units in scope may do, at each end.
    Isolating,
    /// Deny overrides, and what no rule denies is allowed.
    Open,
}

pub(super) const DIALECTS: [Dialect; 4] = [Dialect::Native, Dialect::FirstMatch, Dialect::Isolating, Dialect::Open];

fn tcp(port: u16) -> Service {
    Service::ports(Transport::Tcp, port, port)
}

fn services(draws: &mut Draws) -> Vec<Service> {
    draws.of(&[vec![tcp(443)], vec![tcp(22)], vec![tcp(5432)], vec![tcp(443), tcp(22)], vec![Service::Any]])
}

fn selector(draws: &mut Draws) -> Selector {
    let app = |number: usize| Selector::label("app", format!("a{number}"));
    match draws.below(5) {
        0 => Selector::label("env", draws.of(&["prod", "dev"])),
        1 => Selector::NotIn { key: "env".to_owned(), values: vec!["prod".to_owned()] },
        _ => app(draws.below(5)),
    }
}

fn peer(draws: &mut Draws) -> Peer {
    if draws.chance(80) { Peer::Units(selector(draws)) } else { Peer::internet() }
}

fn unit(draws: &mut Draws, number: usize) -> Unit {
    let address = format!("10.0.0.{}", number + 1).parse().unwrap();
    let env = draws.of(&["prod", "dev"]);
    let labels = [("app", format!("a{}", number % 5)), ("env", env.to_owned())];
    Unit {
        name: format!("u{number}"),
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        interfaces: vec![Interface::new(Address::Known(address))],
        listeners: [443, 22, 5432].iter().map(|&port| Listener::port(Transport::Tcp, port)).collect(),
        can_host_agent: true,
        ..Unit::default()
    }
}

fn rule(action: Action, directions: Directions, from: Peer, to: Peer, services: Vec<Service>) -> Rule {
    Rule { directions, from, to, services, action, priority: 0, provenance: Provenance::default() }
}

/// The rules that allow something in a dialect.
fn allow(dialect: Dialect, from: &Peer, to: &Peer, services: &[Service]) -> Vec<Rule> {
    let rule = |directions| rule(Action::Allow, directions, from.clone(), to.clone(), services.to_vec());
    match dialect {
        Dialect::Isolating => [Direction::Egress, Direction::Ingress]
            .into_iter()
            .filter(|direction| rule(Directions::only(*direction)).subject(*direction).is_some())
            .map(|direction| rule(Directions::only(direction)))
            .collect(),
        _ => vec![rule(Directions::ALL)],
    }
}

fn need(draws: &mut Draws) -> Need {
    let (from, to) = if draws.chance(85) {
        (peer(draws), Peer::Units(selector(draws)))
    } else {
        (Peer::Units(selector(draws)), Peer::internet())
    };
    let services = draws.of(&[vec![tcp(443)], vec![tcp(22)], vec![tcp(5432)], vec![tcp(443), tcp(5432)]]);
    Need::new(from, to, services)
}

fn claim(draws: &mut Draws) -> Claim {
    let units = |draws: &mut Draws| Peer::Units(selector(draws));
    match draws.below(10) {
        0 | 1 => Claim::Isolated { from: peer(draws), to: units(draws), services: services(draws) },
        2 => {
            Claim::OnlyThrough { from: peer(draws), to: units(draws), via: selector(draws), services: services(draws) }
        }
        3 => {
            let of = draws.of(&[Statistic::Max, Statistic::Max, Statistic::Mean, Statistic::Percentile(500)]);
            Claim::BlastRadius { from: selector(draws), at_most: draws.of(&[AtMost::Units(2), AtMost::Units(4)]), of }
        }
        4 => Claim::Allowed { from: units(draws), to: units(draws), services: vec![tcp(443)] },
        5 => Claim::EgressOnlyTo { from: selector(draws), to: peer(draws), services: services(draws) },
        6 => Claim::DefaultDeny { units: selector(draws), directions: Directions::UNIT },
        7 => Claim::Surface { units: selector(draws), entries_max: Some(2), exits_max: draws.of(&[None, Some(2)]) },
        8 => {
            let flow = |draws: &mut Draws| Flow { from: peer(draws), to: units(draws), services: services(draws) };
            Claim::Only { flows: (0..3).map(|_| flow(draws)).collect(), among: Some(selector(draws)) }
        }
        _ => Claim::Exposed {
            external: AddressSet::internet(),
            inbound: draws.chance(60),
            only: selector(draws),
            services: services(draws),
        },
    }
}

fn property(draws: &mut Draws, at: usize) -> Property {
    Property {
        id: format!("p{at}"),
        claim: claim(draws),
        view: draws.of(&[View::Policy, View::Policy, View::Service]),
        pivot: draws.of(&[Pivot::Any, Pivot::Any, Pivot::Service, Pivot::EitherWay]),
        trust: draws.of(&[Trust::Intact, Trust::OwnAgentVoid]),
        hops_max: draws.of(&[None, None, Some(1), Some(2)]),
        provenance: Provenance::default(),
    }
}

fn policy(draws: &mut Draws, dialect: Dialect, needs: &[Need]) -> Rulebook {
    let mut rules: Vec<Rule> = Vec::new();
    if dialect == Dialect::Open {
        let deny = |draws: &mut Draws| {
            rule(Action::Deny, Directions::ALL, peer(draws), Peer::Units(selector(draws)), services(draws))
        };
        rules.extend((0..2 + draws.below(4)).map(|_| deny(draws)));
    } else {
        rules.extend(needs.iter().flat_map(|need| allow(dialect, &need.from, &need.to, &need.services)));
    }
    let every = vec![Selector::Everything];
    let scope = match dialect {
        Dialect::Isolating => Scope::Units { egress: every.clone(), ingress: every },
        _ => Scope::Everything,
    };
    let order = match dialect {
        Dialect::Native | Dialect::Open => Order::DenyOverrides,
        Dialect::FirstMatch => Order::FirstMatch,
        Dialect::Isolating => Order::AllowUnion,
    };
    let otherwise = if dialect == Dialect::Isolating { Action::Deny } else { Action::Pass };
    let tier = Tier { name: "rules".to_owned(), order, scope, otherwise, rules };
    let default_allow = matches!(dialect, Dialect::Open | Dialect::Isolating);
    Rulebook { name: "policy".to_owned(), tiers: vec![tier], default_allow, stateful: draws.chance(90) }
}

/// A design in which everything holds, with at least one need and one property.
fn green(draws: &mut Draws, dialect: Dialect) -> Option<Draft> {
    let count = 3 + draws.below(4);
    let mut draft = Draft { name: "random".to_owned(), ..Draft::default() };
    draft.units = (0..count).map(|number| unit(draws, number)).collect();
    draft.needs = (0..1 + draws.below(3)).map(|_| need(draws)).collect();
    draft.rulebooks = vec![policy(draws, dialect, &draft.needs)];
    let kind = draws.of(&[PointKind::Host, PointKind::Host, PointKind::Agent]);
    draft.points = vec![EnforcementPoint { kind, ..EnforcementPoint::ideal("point", RulebookId(0)) }];
    draft.properties = (0..8).map(|at| property(draws, at)).collect();
    let report = verify(&Design::new(draft.clone()).unwrap(), &Settings::default()).unwrap();
    let mut verdicts = report.properties.iter().map(|outcome| outcome.verdict == Settled::Holds);
    draft.properties.retain(|_| verdicts.next().unwrap());
    let mut works = report.needs.iter().map(|outcome| outcome.verdict == Settled::Holds);
    draft.needs.retain(|_| works.next().unwrap());
    draft.properties.truncate(4);
    (!draft.properties.is_empty() && !draft.needs.is_empty()).then_some(draft)
}

/// One thing that goes wrong.
fn spoil(draws: &mut Draws, dialect: Dialect, draft: &mut Draft) {
    let tier = &mut draft.rulebooks[0].tiers[0];
    let position = draws.below(tier.rules.len().max(1));
    match draws.below(if dialect == Dialect::Isolating { 4 } else { 5 }) {
        0 | 1 => {
            let wide = [Peer::Anyone, peer(draws), Peer::Units(Selector::Everything)];
            let (from, to) = (draws.of(&wide), Peer::Units(selector(draws)));
            let mut rules = allow(dialect, &from, &to, &services(draws));
            tier.rules.append(&mut rules);
        }
        2 => {
            let wide = draws.of(&[Peer::Anyone, Peer::Units(Selector::Everything)]);
            if let Some(rule) = tier.rules.get_mut(position) {
                match (dialect == Dialect::Isolating, rule.directions.egress, draws.chance(50)) {
                    (true, true, _) | (false, _, true) => rule.to = wide,
                    _ => rule.from = wide,
                }
                if draws.chance(50) {
                    rule.services = vec![Service::Any];
                }
            }
        }
        3 => {
            if position < tier.rules.len() {
                tier.rules.remove(position);
            }
        }
        _ => {
            let (from, to) = (peer(draws), Peer::Units(selector(draws)));
            tier.rules.insert(0, rule(Action::Deny, Directions::ALL, from, to, services(draws)));
        }
    }
    if let (Dialect::Isolating, Scope::Units { egress, .. }, true) = (dialect, &mut tier.scope, draws.chance(15)) {
        *egress = vec![Selector::label("env", "prod")];
    }
}

/// A broken design of a seed: something is violated, or a need does not work, and it was all well before.
pub(super) fn broken(seed: u64) -> (Dialect, Design) {
    let mut draws = Draws(seed);
    loop {
        let dialect = draws.of(&DIALECTS);
        let Some(mut draft) = green(&mut draws, dialect) else { continue };
        for _ in 0..1 + draws.below(3) {
            spoil(&mut draws, dialect, &mut draft);
        }
        let design = Design::new(draft).unwrap();
        let report = verify(&design, &Settings::default()).unwrap();
        let violated = |outcome: &crate::properties::Outcome| matches!(outcome.verdict, Settled::Violated(_));
        if report.properties.iter().chain(&report.needs).any(violated) {
            return (dialect, design);
        }
    }
}
