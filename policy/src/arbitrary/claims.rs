//! Random needs, properties, attackers, and what else stands beside the policy.

use super::draw::Draw;
use super::features::Feature;
use super::inventory::provenance;
use super::rules::{peer, selector, service};
use crate::{
    AddressSet, Arrivals, Assumption, AtMost, Attacker, Claim, Defence, Direction, Directions, Draft, Flow, Monitor,
    Need, Patience, Peer, Pivot, Property, Refusal, Segment, Selector, Service, Station, Statistic, Strategy, Takes,
    Transport, Trust, Trusted, Unmodelled, View,
};

/// Fills in everything that is asked of the design, and what it rests on.
pub(super) fn fill(draw: &mut Draw, draft: &mut Draft, wishes: &[Feature]) {
    draft.segments =
        (0..draw.below(3)).map(|at| Segment { name: format!("segment-{at}"), selector: selector(draw, 2) }).collect();
    draft.needs = draw.list(0, 2, need);
    // Of a stream of their own, so that a new kind of claim changes nothing else of a seed's design.
    let claims = &mut Draw::new(draw.word());
    let books: Vec<String> = draft.rulebooks.iter().map(|book| book.name.clone()).collect();
    draft.properties = (0..claims.below(6)).map(|at| property(claims, at, &books)).collect();
    draft.trusted = draw.list(0, 1, |draw| Trusted {
        units: selector(draw, 1),
        owner: "operations".to_owned(),
        reason: "hardened".to_owned(),
        expires: draw.maybe(50, |_| "2030-01-31".to_owned()),
        provenance: provenance(draw),
    });
    let attackers = draw.below(2);
    draft.attackers = (0..attackers).map(|at| attacker(draw, at)).collect();
    draft.monitor = draw.maybe(30, monitor);
    draft.assumptions = (0..draw.below(3))
        .map(|at| Assumption { id: format!("assumption-{at}"), text: "a sentence\nof two lines".to_owned() })
        .collect();
    let wished = wishes.contains(&Feature::UnmodelledConstructs);
    draft.unmodelled.extend(draw.maybe(if wished { 70 } else { 5 }, |draw| unmodelled(draw, None)));
    behaviour(claims, draft);
}

/// How requests come, what answers them, and how points deny: nothing that a verdict depends on.
fn behaviour(draw: &mut Draw, draft: &mut Draft) {
    for point in &mut draft.points {
        point.refusal = draw.pick([Refusal::Drop, Refusal::Reject]);
    }
    for need in &mut draft.needs {
        let rate_per_second = draw.pick([0.1, 1.0 / 3.0, 7.0]);
        need.arrivals = draw.pick([
            need.arrivals,
            Arrivals::Periodic { every_ns: 3_600_000_000_000, first_ns: 7 },
            Arrivals::Bursts { rate_per_second, length_ns: 1, pause_ns: 90_000_000_000 },
            Arrivals::Daily { rate_per_second, swing: 0.1, peak_ns: 1_000_000_000 },
        ]);
        need.patience = Patience { timeout_ns: draw.pick([None, Some(1_500_000_000)]), retries: draw.pick([0, 2]) };
    }
    draft.stations = (0..draw.below(3))
        .map(|at| Station {
            name: format!("service-{at}"),
            on: selector(draw, 1),
            protocol: draw.pick([Transport::Tcp, Transport::Udp]),
            // Each has a port of its own: two services on one port are refused.
            port: 8_000 + u16::try_from(at).unwrap_or_default(),
            servers: draw.pick([1, 8]),
            queue: draw.pick([None, Some(0), Some(100)]),
            takes: draw.pick([
                Takes::Exactly { ns: 0 },
                Takes::Exponential { mean_ns: 20_000_000 },
                Takes::Lognormal { median_ns: 3, sigma: 0.1 },
                Takes::Pareto { least_ns: 1_000, tail: 4.0 / 3.0 },
            ]),
            blocking: draw.chance(50),
            provenance: provenance(draw),
        })
        .collect();
    for need in &mut draft.needs {
        let station = draw.of(&draft.stations).map(|station| station.name.clone());
        need.answering = station.filter(|_| need.synchronous);
    }
}

/// A construct that is not modelled, and touches what is given, or anything.
pub(super) fn unmodelled(draw: &mut Draw, touches: Option<Selector>) -> Unmodelled {
    let anything = |draw: &mut Draw| if draw.chance(30) { Selector::Everything } else { selector(draw, 1) };
    Unmodelled {
        what: draw.pick(["CiliumNetworkPolicy shop/web", "VPCPeeringConnection"]).to_owned(),
        touches: touches.unwrap_or_else(|| anything(draw)),
        provenance: provenance(draw),
    }
}

fn services(draw: &mut Draw) -> Vec<Service> {
    if draw.chance(50) { vec![Service::Any] } else { draw.list(1, 2, service) }
}

/// A rate, a probability or a share whose decimal form is not exact in binary.
fn fraction(draw: &mut Draw) -> f64 {
    draw.pick([0.0, 0.1, 1.0 / 3.0, 0.5, 1.0, 1e-9])
}

fn duration_ns(draw: &mut Draw) -> u64 {
    draw.pick([0, 1, 60_000_000_000, u64::MAX])
}

fn need(draw: &mut Draw) -> Need {
    Need {
        from: peer(draw),
        to: peer(draw),
        services: services(draw),
        arrivals: Arrivals::Even { rate_per_second: fraction(draw) * 12.0 },
        synchronous: draw.chance(50),
        patience: Patience::default(),
        answering: None,
        provenance: provenance(draw),
    }
}

fn rulebook(draw: &mut Draw, books: &[String]) -> Option<String> {
    if draw.chance(50) { draw.of(books) } else { None }
}

fn claim(draw: &mut Draw, books: &[String]) -> Claim {
    let end = |draw: &mut Draw| if draw.chance(50) { Peer::Units(selector(draw, 1)) } else { peer(draw) };
    match draw.below(12) {
        0 => Claim::Isolated { from: end(draw), to: end(draw), services: services(draw) },
        1 => Claim::Allowed { from: end(draw), to: end(draw), services: services(draw) },
        2 => Claim::OnlyThrough { from: end(draw), to: end(draw), via: selector(draw, 1), services: services(draw) },
        3 => blast_radius(draw),
        4 => Claim::Exposed {
            external: draw.pick([true, false]).then(AddressSet::internet).unwrap_or_else(AddressSet::full),
            inbound: draw.chance(50),
            only: selector(draw, 1),
            services: services(draw),
        },
        5 => Claim::EgressOnlyTo { from: selector(draw, 1), to: end(draw), services: services(draw) },
        6 => {
            let flow = |draw: &mut Draw| {
                let anyone = |draw: &mut Draw| if draw.chance(30) { Peer::Anyone } else { peer(draw) };
                Flow { from: anyone(draw), to: anyone(draw), services: services(draw) }
            };
            Claim::Only { flows: draw.list(0, 3, flow), among: draw.maybe(60, |draw| selector(draw, 1)) }
        }
        7 => {
            let directions =
                [Directions::UNIT, Directions::only(Direction::Egress), Directions::only(Direction::Ingress)];
            Claim::DefaultDeny { units: selector(draw, 1), directions: draw.pick(directions) }
        }
        8 => {
            let (entries, exits) = (draw.pick([0, 1, 2, 3]), draw.pick([0, 1, 2, 3]));
            let (entries_max, exits_max) =
                draw.pick([(Some(entries), Some(exits)), (Some(entries), None), (None, Some(exits))]);
            Claim::Surface { units: selector(draw, 1), entries_max, exits_max }
        }
        9 => Claim::NoShadowedRules { rulebook: rulebook(draw, books) },
        10 => Claim::NoRedundantRules { rulebook: rulebook(draw, books) },
        _ => Claim::NoUndefinedOrder { rulebook: rulebook(draw, books) },
    }
}

fn blast_radius(draw: &mut Draw) -> Claim {
    let bounds = [
        AtMost::Units(2),
        AtMost::Units(5),
        AtMost::Share(333_333),
        AtMost::Share(1_000_000),
        AtMost::Criticality(0),
        AtMost::Criticality(7),
    ];
    let statistics =
        [Statistic::Max, Statistic::Max, Statistic::Mean, Statistic::Percentile(500), Statistic::Percentile(999)];
    Claim::BlastRadius { from: selector(draw, 1), at_most: draw.pick(bounds), of: draw.pick(statistics) }
}

fn property(draw: &mut Draw, at: usize, books: &[String]) -> Property {
    let mut property = Property::new(format!("property-{at}"), claim(draw, books));
    let asks = property.claim.asks();
    let (view, pivot) = (draw.pick([View::Policy, View::Service]), draw.pick(Pivot::ALL));
    let trust = draw.pick([Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid]);
    let hops_max = draw.maybe(40, |draw| draw.pick([1, 2, 3]));
    property.view = if asks.view { view } else { property.view };
    property.pivot = if asks.pivot { pivot } else { property.pivot };
    property.trust = if asks.trust { trust } else { property.trust };
    property.hops_max = hops_max.filter(|_| asks.hops);
    property.provenance = provenance(draw);
    property
}

fn attacker(draw: &mut Draw, at: usize) -> Attacker {
    Attacker {
        name: format!("attacker {at}"),
        foothold: selector(draw, 1),
        scan_rate_per_second: fraction(draw) * 7.0,
        exploit_probability: fraction(draw),
        exploit_mean_ns: duration_ns(draw),
        login_probability: fraction(draw),
        login_mean_ns: duration_ns(draw),
        credentials: Vec::new(),
        strategy: Strategy::default(),
        conduct: Default::default(),
        provenance: provenance(draw),
    }
}

fn monitor(draw: &mut Draw) -> Monitor {
    Monitor {
        denied_alert_probability: fraction(draw),
        sensor_probability: fraction(draw),
        sensor_mean_ns: duration_ns(draw),
        response_mean_ns: duration_ns(draw),
        defence: Defence::default(),
        provenance: provenance(draw),
    }
}
