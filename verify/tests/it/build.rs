//! Small designs by hand.

use seglab_policy::{
    Action, Address, Design, Directions, Draft, EnforcementPoint, Interface, Listener, Order, Peer, Placement,
    PointKind, Provenance, Rule, Rulebook, RulebookId, Scope, Selector, Service, Tier, Transport, Unit,
};

pub(crate) fn tcp(port: u16) -> Service {
    Service::ports(Transport::Tcp, port, port)
}

/// A unit with the label `app` of its own name, at an address, listening on TCP ports.
pub(crate) fn unit(name: &str, address: &str, ports: &[u16]) -> Unit {
    Unit {
        name: name.to_owned(),
        labels: [("app".to_owned(), name.to_owned())].into_iter().collect(),
        interfaces: vec![Interface::new(Address::Known(address.parse().unwrap()))],
        listeners: ports.iter().map(|&port| Listener::port(Transport::Tcp, port)).collect(),
        can_host_agent: true,
        ..Unit::default()
    }
}

pub(crate) fn app(name: &str) -> Selector {
    Selector::label("app", name)
}

pub(crate) fn peer(name: &str) -> Peer {
    Peer::Units(app(name))
}

pub(crate) fn rule(action: Action, from: Peer, to: Peer, services: Vec<Service>) -> Rule {
    Rule { directions: Directions::UNIT, from, to, services, action, priority: 0, provenance: Provenance::default() }
}

pub(crate) fn allow(from: &str, to: &str, port: u16) -> Rule {
    rule(Action::Allow, peer(from), peer(to), vec![tcp(port)])
}

pub(crate) fn point(name: &str, kind: PointKind, placement: Placement, directions: Directions) -> EnforcementPoint {
    EnforcementPoint { kind, placement, directions, ..EnforcementPoint::ideal(name, RulebookId(0)) }
}

/// Units under one native rulebook, enforced by an ideal point at every host.
pub(crate) fn draft(units: Vec<Unit>, rules: Vec<Rule>) -> Draft {
    let tier = Tier {
        name: "native".to_owned(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules,
    };
    Draft {
        name: "by hand".to_owned(),
        units,
        rulebooks: vec![Rulebook {
            name: "native".to_owned(),
            tiers: vec![tier],
            default_allow: false,
            stateful: true,
        }],
        points: vec![point("hosts", PointKind::Host, Placement::Units(Selector::Everything), Directions::UNIT)],
        ..Draft::default()
    }
}

pub(crate) fn design(draft: Draft) -> Design {
    Design::new(draft).unwrap()
}
