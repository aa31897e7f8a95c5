//! Random selectors, peers, services, rules, tiers, rulebooks and enforcement points, aimed at a [`Target`].

use super::draw::Draw;
use super::inventory::{KEYS, PLACES, PORT_NAMES, PORTS, VALUES, block, family, pooled, provenance, transport};
use super::target::{End, Target};
use crate::{
    Action, Address, AddressSet, Covers, Directions, Draft, EnforcementPoint, Family, Header, IntervalSet, Level, Load,
    Mode, Operation, Order, Peer, Placement, PointKind, Refusal, Rule, Rulebook, RulebookId, Scope, Selector, Service,
    Tier,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// Fills in rulebooks and the points that carry them.
pub(super) fn fill(draw: &mut Draw, draft: &mut Draft, target: &Target) {
    let books = draw.between(1, 2);
    draft.rulebooks = (0..books).map(|at| rulebook(draw, at, target)).collect();
    let points = draw.pick([1, 1, 2, 3]);
    draft.points = (0..points).map(|at| point(draw, at, books, target)).collect();
}

/// Any selector.
pub(super) fn selector(draw: &mut Draw, depth: usize) -> Selector {
    let values = |draw: &mut Draw| {
        let mut values: Vec<String> = draw.list(1, 2, |draw| draw.pick(VALUES).to_owned());
        values.sort();
        values.dedup();
        values
    };
    let key = |draw: &mut Draw| draw.pick(KEYS).to_owned();
    match draw.below(if depth == 0 { 10 } else { 14 }) {
        0 => Selector::Everything,
        1..=3 => Selector::In { key: key(draw), values: values(draw) },
        4..=5 => Selector::NotIn { key: key(draw), values: values(draw) },
        6 => Selector::Exists(key(draw)),
        7 => Selector::Absent(key(draw)),
        8..=9 => Selector::Named(draw.pick(["web", "db", "batch", "shop/api[Deployment]"]).to_owned()),
        10 => Selector::All(draw.list(0, 2, |draw| selector(draw, depth - 1))),
        11..=12 => Selector::AnyOf(draw.list(0, 3, |draw| selector(draw, depth - 1))),
        _ => Selector::Not(Box::new(selector(draw, depth - 1))),
    }
}

/// A selector that selects the end, or in one of four draws any.
pub(super) fn selector_of(draw: &mut Draw, end: &End, depth: usize) -> Selector {
    if draw.chance(28) {
        return selector(draw, depth.min(1));
    }
    let key = draw.pick(KEYS);
    let (mine, other) = (end.labels.get(key).cloned(), draw.pick(VALUES).to_owned());
    match (draw.below(if depth == 0 { 6 } else { 9 }), mine) {
        (0, _) => draw.of(&end.names).map_or(Selector::Everything, Selector::Named),
        (1, Some(_)) => Selector::Exists(key.to_owned()),
        (2, Some(value)) if value != other => Selector::NotIn { key: key.to_owned(), values: vec![other] },
        (3, Some(value)) if value < other => Selector::In { key: key.to_owned(), values: vec![value, other] },
        (0..=5, Some(value)) => Selector::label(key, value),
        (0..=2, None) => Selector::NotIn { key: key.to_owned(), values: vec![other] },
        (3..=5, None) => Selector::Absent(key.to_owned()),
        (6, _) => Selector::All(draw.list(1, 2, |draw| selector_of(draw, end, depth - 1))),
        (7, _) => {
            let others = selector(draw, depth - 1);
            Selector::AnyOf(vec![others, selector_of(draw, end, depth - 1)])
        }
        // What the end is not is mostly a label that it does not have.
        _ => Selector::Not(Box::new(Selector::Not(Box::new(selector_of(draw, end, depth - 1))))),
    }
}

/// Any addresses: a range of the pool, with or without a hole, or a large range around it.
fn addresses(draw: &mut Draw, near: usize) -> AddressSet {
    let range = |draw: &mut Draw, family: Family| {
        // Mostly around the address that is aimed at, sometimes just beside it.
        let (first, last) = match draw.below(5) {
            0 => (near + 1, near + 2),
            1 => (near, near),
            _ => (near.saturating_sub(draw.below(3)), near + draw.below(3)),
        };
        AddressSet::from_range(pooled(family, first.min(7)), pooled(family, last.min(7)))
    };
    let hole = |draw: &mut Draw, family: Family| {
        let at = if draw.chance(55) { near } else { near + 1 };
        match draw.below(3) {
            0 => AddressSet::from_net(block(draw, family)),
            _ => AddressSet::single(pooled(family, at)),
        }
    };
    match draw.below(12) {
        0 => AddressSet::full(),
        1 => AddressSet::internet(),
        2 => AddressSet::family(family(draw)),
        3..=5 => AddressSet::full().difference(&hole(draw, Family::V4).union(&hole(draw, Family::V6))),
        6..=7 => {
            let (v4, v6) = (hole(draw, Family::V4), hole(draw, Family::V6));
            let (first, last) = (near.saturating_sub(2), (near + 2).min(7));
            let all = |family| AddressSet::from_range(pooled(family, first), pooled(family, last));
            all(Family::V4).union(&all(Family::V6)).difference(&v4.union(&v6))
        }
        _ => range(draw, Family::V4).union(&range(draw, Family::V6)),
    }
}

/// The place of an address in the pool.
pub(super) fn place_in_pool(address: Option<Address>) -> usize {
    let low = match address {
        Some(Address::Known(IpAddr::V4(address))) => address.octets()[3],
        Some(Address::Known(IpAddr::V6(address))) => address.octets()[15],
        Some(Address::Within(IpNet::V4(net))) => net.network().octets()[3],
        Some(Address::Within(IpNet::V6(net))) => net.network().octets()[15],
        Some(Address::Unknown(_)) | None => 3,
    };
    usize::from(low % 8)
}

/// The addresses that a unit's are drawn from, or a part of them.
fn drawn_from(draw: &mut Draw, address: Option<Address>, near: usize) -> AddressSet {
    match address {
        Some(Address::Within(net)) if draw.chance(70) => AddressSet::from_net(net),
        _ => addresses(draw, near),
    }
}

/// A peer that has nothing to do with a target.
pub(super) fn peer(draw: &mut Draw) -> Peer {
    let near = draw.below(8);
    match draw.below(20) {
        0..=4 => Peer::Anyone,
        5..=11 => Peer::Units(selector(draw, 2)),
        12..=15 => Peer::Addresses { set: addresses(draw, near), covers: Covers::All },
        16..=18 => Peer::Addresses { set: addresses(draw, near), covers: Covers::External },
        _ => Peer::Unmodelled("sameLabels env".to_owned()),
    }
}

pub(super) fn peer_of(draw: &mut Draw, end: &End) -> Peer {
    let near = place_in_pool(end.address);
    let is_unit = end.unit.is_some() || end.named.is_some();
    match draw.below(32) {
        0..=8 => Peer::Anyone,
        9..=16 if is_unit || draw.chance(25) => Peer::Units(selector_of(draw, end, 2)),
        9..=21 => Peer::Addresses { set: drawn_from(draw, end.address, near), covers: Covers::All },
        22..=27 => Peer::Addresses { set: drawn_from(draw, end.address, near), covers: Covers::External },
        28..=29 => Peer::Unmodelled("sameLabels env".to_owned()),
        _ => peer(draw),
    }
}

/// Any service.
pub(super) fn service(draw: &mut Draw) -> Service {
    match draw.below(20) {
        0..=3 => Service::Any,
        4..=10 => {
            let near = draw.pick(PORTS);
            Service::Ports { protocol: transport(draw), ports: ports(draw, near), source_ports: source_ports(draw) }
        }
        11..=13 => Service::NamedPort { protocol: draw.maybe(50, transport), name: draw.pick(PORT_NAMES).to_owned() },
        14..=16 => Service::Icmp {
            family: family(draw),
            kind: draw.maybe(75, |draw| draw.pick([8, 128, 3])),
            code: draw.maybe(40, |draw| draw.pick([0, 1])),
        },
        _ => Service::Protocol(draw.pick([47, 50])),
    }
}

fn ports(draw: &mut Draw, near: u16) -> IntervalSet<u16> {
    let (below, above) = (near.saturating_sub(1), near.saturating_add(1));
    match draw.below(7) {
        0 => IntervalSet::full(),
        1 => IntervalSet::single(near),
        2 => IntervalSet::from_ranges([(above, u16::MAX)]),
        3 => IntervalSet::from_ranges([(0, below), (8443, 8443)]),
        4 => IntervalSet::from_ranges([(below, near)]),
        5 => IntervalSet::from_ranges([(22, 22), (below, above)]),
        _ => IntervalSet::from_ranges([(0, near)]),
    }
}

fn source_ports(draw: &mut Draw) -> IntervalSet<u16> {
    match draw.below(6) {
        0 => IntervalSet::from_ranges([(1024, u16::MAX)]),
        1..=2 => IntervalSet::from_ranges([(0, 1023)]),
        3 => IntervalSet::from_ranges([(80, 443)]),
        _ => IntervalSet::full(),
    }
}

/// A service that the target is of, or only just is not.
pub(super) fn service_of(draw: &mut Draw, target: &Target) -> Service {
    if draw.chance(12) {
        return service(draw);
    }
    match target.header {
        Header::Transport { protocol, destination_port, .. } => {
            let name = target
                .listeners
                .iter()
                .filter(|listener| listener.accepts(protocol, destination_port))
                .find_map(|listener| listener.name.clone());
            let wanted = if draw.chance(25) { transport(draw) } else { protocol };
            match name {
                Some(name) if draw.chance(65) => Service::NamedPort { protocol: draw.maybe(40, |_| wanted), name },
                _ => Service::Ports {
                    protocol: wanted,
                    ports: ports(draw, destination_port),
                    source_ports: source_ports(draw),
                },
            }
        }
        Header::Icmp { kind, code } => Service::Icmp {
            family: if draw.chance(90) { target.family } else { family(draw) },
            kind: draw.maybe(85, |draw| if draw.chance(60) { kind } else { draw.pick([8, 128, 3]) }),
            code: draw.maybe(60, |draw| if draw.chance(60) { code } else { draw.pick([0, 1]) }),
        },
        Header::Other(number) => Service::Protocol(if draw.chance(85) { number } else { 51 }),
    }
}

fn directions(draw: &mut Draw) -> Directions {
    let mut directions = Directions { egress: draw.chance(70), forward: draw.chance(75), ingress: draw.chance(70) };
    if directions.iter().next().is_none() {
        directions.egress = true;
    }
    directions
}

pub(super) fn rule(draw: &mut Draw, order: Order, target: &Target) -> Rule {
    let action = match (order, draw.below(20)) {
        (Order::AllowUnion, _) | (_, 0..=7) => Action::Allow,
        (_, 8..=14) => Action::Deny,
        _ => Action::Pass,
    };
    let services = if draw.chance(32) { vec![Service::Any] } else { draw.list(1, 2, |draw| service_of(draw, target)) };
    // Rules for replies, which stateless points ask, have the ends the other way round.
    let (from, to) = if draw.chance(94) {
        (peer_of(draw, &target.source), peer_of(draw, &target.destination))
    } else {
        (peer_of(draw, &target.destination), peer_of(draw, &target.source))
    };
    Rule {
        directions: if draw.chance(40) { Directions::ALL } else { directions(draw) },
        from,
        to,
        services,
        action,
        priority: draw.pick([-1, 0, 0, 5]),
        provenance: provenance(draw),
    }
}

fn tier(draw: &mut Draw, at: usize, target: &Target) -> Tier {
    let order = draw.pick([
        Order::FirstMatch,
        Order::FirstMatch,
        Order::FirstMatchUndefinedTies,
        Order::FirstMatchUndefinedTies,
        Order::DenyOverrides,
        Order::DenyOverrides,
        Order::AllowUnion,
    ]);
    let scope = if draw.chance(60) {
        Scope::Everything
    } else {
        Scope::Units {
            egress: draw.list(0, 2, |draw| selector_of(draw, &target.source, 1)),
            ingress: draw.list(0, 2, |draw| selector_of(draw, &target.destination, 1)),
        }
    };
    Tier {
        name: format!("tier {at}"),
        order,
        scope,
        otherwise: draw.pick([Action::Pass, Action::Pass, Action::Pass, Action::Deny, Action::Allow]),
        rules: draw.list(2, 5, |draw| rule(draw, order, target)),
    }
}

pub(super) fn rulebook(draw: &mut Draw, at: usize, target: &Target) -> Rulebook {
    let tiers = draw.between(1, 3);
    Rulebook {
        name: format!("book {at}"),
        tiers: (0..tiers).map(|at| tier(draw, at, target)).collect(),
        default_allow: draw.chance(45),
        stateful: draw.chance(45),
    }
}

pub(super) fn point(draw: &mut Draw, at: usize, books: usize, target: &Target) -> EnforcementPoint {
    let level = draw.pick([Level::Site, Level::Zone, Level::Subnet]);
    let inside = if draw.chance(50) { &target.source } else { &target.destination };
    let place = level.of(&inside.place).unwrap_or(PLACES[0]).to_owned();
    let placement = match draw.below(8) {
        0..=1 => Placement::Between(level),
        2..=3 => Placement::Around(level, place),
        4 => Placement::Units(Selector::Everything),
        _ => Placement::Units(selector_of(draw, inside, 1)),
    };
    let kind = match placement {
        Placement::Units(_) => draw.pick([PointKind::Agent, PointKind::Agent, PointKind::Host, PointKind::Cloud]),
        Placement::Between(_) | Placement::Around(..) => PointKind::Appliance,
    };
    EnforcementPoint {
        name: format!("point {at}"),
        kind,
        placement,
        directions: if draw.chance(50) { Directions::ALL } else { directions(draw) },
        mode: draw.pick([
            Mode::Enforce,
            Mode::Enforce,
            Mode::Enforce,
            Mode::Enforce,
            Mode::Alert,
            Mode::Listen,
            Mode::Off,
        ]),
        refusal: Refusal::Drop,
        rulebook: RulebookId(u32::try_from(draw.below(books)).unwrap_or(0)),
        exempts_host: draw.chance(45),
        controller: draw.maybe(35, |_| "controller".to_owned()),
        operation: Operation::default(),
        load: Load::default(),
        provenance: provenance(draw),
    }
}
