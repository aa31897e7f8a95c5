//! A small language for designs, connections and verdicts.

use seglab_policy::*;

/// Judges every connection `(from, to, header)` with nobody owned and compares verdicts, written as [`verdict`]
/// writes them.
#[track_caller]
pub(crate) fn check(draft: Draft, cases: &[(&str, &str, &str, &str)]) {
    check_under(Assume::business(), draft, cases);
}

/// As [`check`], under other assumptions.
#[track_caller]
pub(crate) fn check_under(assume: Assume, draft: Draft, cases: &[(&str, &str, &str, &str)]) {
    let design = Design::new(draft).expect("the design holds together");
    for &(from, to, with, expected) in cases {
        let connection =
            Connection { source: endpoint(&design, from), destination: endpoint(&design, to), header: header(with) };
        let evaluation = design.evaluate(&connection, assume);
        assert_eq!(verdict(&design, &evaluation), expected, "{from} -> {to} {with}: {evaluation:#?}");
    }
}

/// `web`, `web.1` (its second interface), `8.8.8.8`, `{ingress}`.
pub(crate) fn endpoint(design: &Design, text: &str) -> Endpoint {
    if let Ok(address) = text.parse() {
        return Endpoint::External(address);
    }
    if let Some(at) = design.external_sources().iter().position(|source| source.name == text) {
        return Endpoint::Source(ExternalSourceId(at as u32));
    }
    let (name, interface) = text.split_once('.').map_or((text, 0), |(name, at)| (name, at.parse().unwrap()));
    Endpoint::Unit { unit: design.unit_named(name).unwrap_or_else(|| panic!("no unit `{name}`")), interface }
}

/// `tcp/80`, `tcp/80 from 1023`, `icmp/8/0`, `proto/50`.
pub(crate) fn header(text: &str) -> Header {
    let (service, source) = text.split_once(" from ").unwrap_or((text, "49152"));
    let parts: Vec<&str> = service.split('/').collect();
    let number = |at: usize| parts[at].parse::<u16>().unwrap();
    match parts[0] {
        "icmp" => Header::Icmp { kind: number(1) as u8, code: number(2) as u8 },
        "proto" => Header::Other(number(1) as u8),
        name => Header::Transport {
            protocol: Transport::ALL.into_iter().find(|transport| transport.name() == name).unwrap(),
            source_port: source.parse().unwrap(),
            destination_port: number(1),
        },
    }
}

/// `allowed`, `allowed without reply`, `one-way`, `reply unknown`, `no path: Space`, `denied: POINT DIRECTION WHY`,
/// `unknown: TIER/RULE`, `unknown: WHAT`.
pub(crate) fn verdict(design: &Design, evaluation: &Evaluation) -> String {
    match evaluation.verdict {
        Verdict::Allowed(Reply::Passes) => "allowed".to_owned(),
        Verdict::Allowed(Reply::None) => "allowed without reply".to_owned(),
        Verdict::Allowed(Reply::Blocked) => "one-way".to_owned(),
        Verdict::Allowed(Reply::Unknown) => "reply unknown".to_owned(),
        Verdict::Denied(Denial::NoPath(why)) => format!("no path: {why:?}"),
        Verdict::Denied(Denial::Point { point, direction, why }) => {
            let why = match why {
                Why::Rule(id) => format!("{}/{}", id.tier, id.rule),
                Why::Otherwise(tier) => format!("otherwise {tier}"),
                Why::Default => "default".to_owned(),
            };
            format!("denied: {} {direction} {why}", design.point(point).name)
        }
        Verdict::Unknown(Doubt::Rule(id)) => format!("unknown: {}/{}", id.tier, id.rule),
        Verdict::Unknown(Doubt::Unmodelled(at)) => format!("unknown: {}", design.unmodelled()[at as usize].what),
    }
}

/// A unit labelled `app=NAME` with a known address.
pub(crate) fn unit(name: &str, address: &str) -> Unit {
    unit_at(name, Address::Known(address.parse().unwrap()))
}

/// A unit labelled `app=NAME` with whatever is known of its address.
pub(crate) fn unit_at(name: &str, address: Address) -> Unit {
    Unit {
        name: name.to_owned(),
        labels: Labels::from([("app".to_owned(), name.to_owned())]),
        interfaces: vec![Interface::new(address)],
        can_host_agent: true,
        ..Unit::default()
    }
}

/// `web` (10.0.0.1), `db` (10.0.0.2) and `dev` (10.0.0.3) with one host point each, which carries `book`.
pub(crate) fn trio(book: Rulebook) -> Draft {
    guarded(vec![unit("web", "10.0.0.1"), unit("db", "10.0.0.2"), unit("dev", "10.0.0.3")], book)
}

/// Units with one host point each, which carries `book`.
pub(crate) fn guarded(units: Vec<Unit>, book: Rulebook) -> Draft {
    let points = vec![point("host", PointKind::Host, Placement::Units(Selector::Everything), 0)];
    Draft { units, rulebooks: vec![book], points, ..Draft::default() }
}

pub(crate) fn point(name: &str, kind: PointKind, placement: Placement, rulebook: u32) -> EnforcementPoint {
    EnforcementPoint {
        kind,
        placement,
        directions: Directions::ALL,
        ..EnforcementPoint::ideal(name, RulebookId(rulebook))
    }
}

/// A stateful rulebook of tiers, default deny.
pub(crate) fn book(tiers: Vec<Tier>) -> Rulebook {
    Rulebook { name: "book".to_owned(), tiers, default_allow: false, stateful: true }
}

/// A tier of one order in whose scope everything is, and that passes otherwise.
pub(crate) fn tier(order: Order, rules: Vec<Rule>) -> Tier {
    Tier { name: "tier".to_owned(), order, scope: Scope::Everything, otherwise: Action::Pass, rules }
}

/// A deny-overrides rulebook, default deny.
pub(crate) fn native(rules: Vec<Rule>) -> Rulebook {
    book(vec![tier(Order::DenyOverrides, rules)])
}

pub(crate) fn rule(action: Action, from: Peer, to: Peer, services: &[Service]) -> Rule {
    Rule {
        directions: Directions::ALL,
        from,
        to,
        services: services.to_vec(),
        action,
        priority: 0,
        provenance: Provenance::default(),
    }
}

pub(crate) fn allow(from: Peer, to: Peer, service: Service) -> Rule {
    rule(Action::Allow, from, to, &[service])
}

pub(crate) fn deny(from: Peer, to: Peer, service: Service) -> Rule {
    rule(Action::Deny, from, to, &[service])
}

/// Units labelled `app=NAME`.
pub(crate) fn app(name: &str) -> Peer {
    Peer::Units(Selector::label("app", name))
}

/// `10.0.0.0/24`, or `10.0.0.1-10.0.0.9`.
pub(crate) fn set(text: &str) -> AddressSet {
    match text.split_once('-') {
        Some((first, last)) => AddressSet::from_range(first.parse().unwrap(), last.parse().unwrap()),
        None => AddressSet::from_net(text.parse().unwrap()),
    }
}

pub(crate) fn all(text: &str) -> Peer {
    Peer::Addresses { set: set(text), covers: Covers::All }
}

pub(crate) fn external(text: &str) -> Peer {
    Peer::Addresses { set: set(text), covers: Covers::External }
}

pub(crate) fn tcp(port: u16) -> Service {
    Service::ports(Transport::Tcp, port, port)
}
