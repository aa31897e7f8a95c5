//! Random selectors, peers, services, rules, tiers, rulebooks and enforcement points.

use super::draw::Draw;
use super::inventory::{KEYS, PLACES, PORT_NAMES, PORTS, VALUES, block, family, pooled, provenance, transport};
use crate::{
    Action, AddressSet, Covers, Directions, Draft, EnforcementPoint, Family, IntervalSet, Level, Mode, Order, Peer,
    Placement, PointKind, Rule, Rulebook, RulebookId, Scope, Selector, Service, Tier,
};

/// Fills in rulebooks and the points that carry them.
pub(super) fn fill(draw: &mut Draw, draft: &mut Draft) {
    let books = draw.between(1, 2);
    draft.rulebooks = (0..books).map(|at| rulebook(draw, at)).collect();
    let points = draw.between(1, 3);
    draft.points = (0..points).map(|at| point(draw, at, books)).collect();
}

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

/// Addresses of both families: a range of the pool, with or without a hole, or a large range around it.
fn addresses(draw: &mut Draw) -> AddressSet {
    let range = |draw: &mut Draw, family: Family| {
        let first = draw.below(6);
        let span = draw.between(0, 7 - first);
        AddressSet::from_range(pooled(family, first), pooled(family, first + span))
    };
    match draw.below(10) {
        0 => AddressSet::full(),
        1 => AddressSet::internet(),
        2 => AddressSet::family(family(draw)),
        3..=5 => {
            let holes = AddressSet::from_net(block(draw, Family::V4)).union(&range(draw, Family::V6));
            AddressSet::full().difference(&holes)
        }
        6..=7 => {
            let hole = AddressSet::single(pooled(Family::V4, draw.between(1, 6)));
            range(draw, Family::V4).difference(&hole).union(&range(draw, Family::V6))
        }
        _ => range(draw, Family::V4).union(&range(draw, Family::V6)),
    }
}

pub(super) fn peer(draw: &mut Draw) -> Peer {
    match draw.below(20) {
        0..=4 => Peer::Anyone,
        5..=9 => Peer::Units(selector(draw, 2)),
        10..=15 => Peer::Addresses { set: addresses(draw), covers: Covers::All },
        16..=18 => Peer::Addresses { set: addresses(draw), covers: Covers::External },
        _ => Peer::Unmodelled("sameLabels env".to_owned()),
    }
}

fn ports(draw: &mut Draw) -> IntervalSet<u16> {
    let one = draw.pick(PORTS);
    match draw.below(5) {
        0 => IntervalSet::full(),
        1 => IntervalSet::single(one),
        2 => IntervalSet::from_ranges([(one, one.saturating_add(1)), (8080, 8081)]),
        3 => IntervalSet::from_ranges([(80, one.saturating_add(1))]),
        _ => IntervalSet::from_ranges([(one, u16::MAX)]),
    }
}

pub(super) fn service(draw: &mut Draw) -> Service {
    match draw.below(20) {
        0..=3 => Service::Any,
        4..=6 => Service::Ports { protocol: transport(draw), ports: ports(draw), source_ports: IntervalSet::full() },
        7..=10 => {
            let source_ports = match draw.below(3) {
                0 => IntervalSet::from_ranges([(1024, u16::MAX)]),
                1 => IntervalSet::from_ranges([(0, 1023)]),
                _ => IntervalSet::from_ranges([(80, 443)]),
            };
            Service::Ports { protocol: transport(draw), ports: ports(draw), source_ports }
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

fn directions(draw: &mut Draw) -> Directions {
    let mut directions = Directions { egress: draw.chance(70), forward: draw.chance(70), ingress: draw.chance(70) };
    if directions.iter().next().is_none() {
        directions.egress = true;
    }
    directions
}

fn rule(draw: &mut Draw, order: Order) -> Rule {
    let action = match (order, draw.below(10)) {
        (Order::AllowUnion, _) | (_, 0..=3) => Action::Allow,
        (_, 4..=7) => Action::Deny,
        _ => Action::Pass,
    };
    let services = if draw.chance(45) { vec![Service::Any] } else { draw.list(1, 3, service) };
    Rule {
        directions: directions(draw),
        from: peer(draw),
        to: peer(draw),
        services,
        action,
        priority: draw.pick([-1, 0, 0, 5]),
        provenance: provenance(draw),
    }
}

fn tier(draw: &mut Draw, at: usize) -> Tier {
    let order = draw.pick([Order::FirstMatch, Order::FirstMatchUndefinedTies, Order::DenyOverrides, Order::AllowUnion]);
    let scope = if draw.chance(50) {
        Scope::Everything
    } else {
        Scope::Units {
            egress: draw.list(0, 2, |draw| selector(draw, 1)),
            ingress: draw.list(0, 2, |draw| selector(draw, 1)),
        }
    };
    Tier {
        name: format!("tier {at}"),
        order,
        scope,
        otherwise: draw.pick([Action::Pass, Action::Pass, Action::Deny, Action::Allow]),
        rules: draw.list(1, 4, |draw| rule(draw, order)),
    }
}

fn rulebook(draw: &mut Draw, at: usize) -> Rulebook {
    let tiers = draw.between(1, 3);
    Rulebook {
        name: format!("book {at}"),
        tiers: (0..tiers).map(|at| tier(draw, at)).collect(),
        default_allow: draw.chance(50),
        stateful: draw.chance(50),
    }
}

fn point(draw: &mut Draw, at: usize, books: usize) -> EnforcementPoint {
    let level = draw.pick([Level::Site, Level::Zone, Level::Subnet]);
    let placement = match draw.below(5) {
        0 => Placement::Between(level),
        1 => Placement::Around(level, draw.pick(PLACES).to_owned()),
        2 => Placement::Units(Selector::Everything),
        _ => Placement::Units(selector(draw, 1)),
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
        mode: draw.pick([Mode::Enforce, Mode::Enforce, Mode::Enforce, Mode::Alert, Mode::Listen, Mode::Off]),
        rulebook: RulebookId(u32::try_from(draw.below(books)).unwrap_or(0)),
        exempts_host: draw.chance(40),
        controller: draw.maybe(35, |_| "controller".to_owned()),
        provenance: provenance(draw),
    }
}
