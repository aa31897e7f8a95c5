//! Label policies of generated companies: every pair of classes is told for every service what the rules say, read one by one.
//!
//! The classes are worked out here, by asking every peer of every rule whom it matches, and share no line with the compiler's
//! or with the reference evaluator: a class is all endpoints that the same peers match. Two of each stand for it, the first
//! and the last. `SEGLAB_CELLS` asks for so many cells, of a larger company.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test fails by panicking")]

use seglab_benches::{Size, company};
use seglab_engine::{Decision, Limits, Matcher, Packet, PacketV4};
use seglab_policy::{
    Action, Address, Assume, Covers, Design, EnforcementPoint, Family, Header, Peer, PointKind, Rule, RulebookId,
    Service, Transport,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// The rules that a company's agents enforce, at every unit.
fn label_policy(size: Size) -> Design {
    let mut draft = company(size).to_draft();
    let agents = draft.points.iter().find(|point| point.kind == PointKind::Agent).unwrap().rulebook;
    draft.rulebooks = vec![draft.rulebooks[agents.0 as usize].clone()];
    draft.points = vec![EnforcementPoint::ideal("hosts", RulebookId(0))];
    (draft.properties, draft.needs, draft.waivers) = Default::default();
    Design::new(draft).unwrap()
}

/// An endpoint by its IPv4 address, with its unit if it is one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    address: u32,
    unit: Option<usize>,
}

/// Which of the peers match an endpoint.
fn matched(design: &Design, peers: &[&Peer], end: End) -> Vec<bool> {
    let address = IpAddr::from(Ipv4Addr::from(end.address));
    let matches = |peer: &&Peer| match peer {
        Peer::Anyone => true,
        Peer::Units(selector) => end.unit.is_some_and(|unit| selector.matches(&design.units()[unit])),
        Peer::Addresses { set, covers } => set.contains(address) && (*covers == Covers::All || end.unit.is_none()),
        Peer::Unmodelled(_) => unreachable!("a company has no such peers"),
    };
    peers.iter().map(matches).collect()
}

/// The first and the last endpoint of every class, by the peers that match it.
fn classes(design: &Design, peers: &[&Peer]) -> Vec<(Vec<bool>, [End; 2])> {
    let mut units = BTreeMap::new();
    for (unit, held) in design.units().iter().enumerate() {
        for interface in &held.interfaces {
            if let Address::Known(IpAddr::V4(address)) = interface.address {
                units.insert(address.to_bits(), unit);
            }
        }
    }
    // Addresses that are no unit's, one at and one beside every end of a range that some peer speaks of.
    let mut outside = BTreeSet::from([0x0808_0808u32]);
    for peer in peers {
        let Peer::Addresses { set, .. } = peer else { continue };
        for (first, last) in set.ranges() {
            if let (IpAddr::V4(first), IpAddr::V4(last)) = (first, last) {
                let (first, last) = (first.to_bits(), last.to_bits());
                outside.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
            }
        }
    }
    let outside = outside.into_iter().filter(|address| !units.contains_key(address));
    let ends = units.iter().map(|(&address, &unit)| End { address, unit: Some(unit) });
    let mut known: BTreeMap<(Vec<bool>, bool), [End; 2]> = BTreeMap::new();
    for end in ends.chain(outside.map(|address| End { address, unit: None })) {
        let key = (matched(design, peers, end), end.unit.is_some());
        known.entry(key).or_insert([end; 2])[1] = end;
    }
    known.into_iter().map(|((matched, _), ends)| (matched, ends)).collect()
}

/// A header of every range of ports that services tell apart, and of everything else.
fn atoms(design: &Design) -> Vec<Header> {
    let mut ports: BTreeMap<Transport, BTreeSet<u16>> =
        Transport::ALL.into_iter().map(|transport| (transport, BTreeSet::from([0]))).collect();
    let mut kinds = BTreeSet::from([8, 77]);
    for service in design.rules().flat_map(|(_, rule)| &rule.services) {
        match service {
            Service::Ports { protocol, ports: of, .. } => {
                let edges = of.ranges().iter().flat_map(|&(first, last)| [Some(first), last.checked_add(1)]);
                ports.entry(*protocol).or_default().extend(edges.flatten());
            }
            Service::Icmp { kind, .. } => kinds.extend(*kind),
            _ => {}
        }
    }
    let transport = |(protocol, ports): (Transport, BTreeSet<u16>)| {
        ports.into_iter().map(move |port| Header::Transport { protocol, source_port: 50_000, destination_port: port })
    };
    let messages = kinds.into_iter().map(|kind| Header::Icmp { kind, code: 0 });
    ports.into_iter().flat_map(transport).chain(messages).chain([Header::Other(50)]).collect()
}

fn is_of(service: &Service, header: Header) -> bool {
    match (service, header) {
        (Service::Any, _) => true,
        (Service::Ports { protocol, ports, .. }, Header::Transport { protocol: of, destination_port, .. }) => {
            *protocol == of && ports.contains(destination_port)
        }
        (Service::Icmp { family: Family::V4, kind, .. }, Header::Icmp { kind: of, .. }) => {
            kind.is_none_or(|kind| kind == of)
        }
        _ => false,
    }
}

/// A denial that matches wins; else something that allows; else it is denied.
fn allows(rules: &[&Rule], header: Header) -> bool {
    let matches = |action| {
        rules.iter().any(|rule| rule.action == action && rule.services.iter().any(|service| is_of(service, header)))
    };
    !matches(Action::Deny) && matches(Action::Allow)
}

#[test]
fn every_pair_of_classes_is_told_for_every_service_what_its_rules_say() {
    let cells_max: usize = std::env::var("SEGLAB_CELLS").map_or(1_000_000, |count| count.parse().unwrap());
    let long = cells_max > 1_000_000;
    let size = if long { Size { units: 2000, rules: 400 } } else { Size { units: 300, rules: 80 } };
    let design = label_policy(size);
    let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
    let peers: Vec<&Peer> =
        rules.iter().flat_map(|rule| [&rule.from, &rule.to]).collect::<BTreeSet<_>>().into_iter().collect();
    let place = |peer: &Peer| peers.binary_search(&peer).unwrap();
    let places: Vec<[usize; 2]> = rules.iter().map(|rule| [place(&rule.from), place(&rule.to)]).collect();
    let (classes, atoms) = (classes(&design, &peers), atoms(&design));
    let matcher = Matcher::compile(&design, Assume::business(), Limits::default()).unwrap();
    let space = matcher.space("default").unwrap();
    let pairs = classes.len() * classes.len();
    // All pairs, or so many of them, the same number apart.
    let step = (pairs * atoms.len()).div_ceil(cells_max).max(1);
    let (mut cells, mut told) = (0usize, [0usize; 2]);
    for pair in (0..pairs).step_by(step) {
        let ((from_peers, from), (to_peers, to)) = (&classes[pair / classes.len()], &classes[pair % classes.len()]);
        let matching = rules.iter().zip(&places).filter(|(_, [from, to])| from_peers[*from] && to_peers[*to]);
        let matching: Vec<&Rule> = matching.map(|(rule, _)| *rule).collect();
        for (from, to) in [(from[0], to[1]), (from[1], to[0])] {
            // A unit and itself are no matter of rules, and no path leads from outside to outside.
            if from.unit == to.unit {
                continue;
            }
            let packet = |&header: &Header| Packet::v4(from.address.into(), to.address.into(), header);
            let packets: Vec<PacketV4> = atoms.iter().map(packet).collect();
            let mut decisions = vec![Decision::Unknown; packets.len()];
            matcher.decide_batch_v4(space, &packets, &mut decisions);
            for (&header, decision) in atoms.iter().zip(decisions) {
                let wanted = allows(&matching, header);
                assert_eq!(matches!(decision, Decision::Allowed(_)), wanted, "{from:x?} to {to:x?}: {header:?}");
                assert_ne!(decision, Decision::Unknown, "{from:x?} to {to:x?}: {header:?}");
                told[usize::from(wanted)] += 1;
                cells += 1;
            }
        }
    }
    println!("{} classes, {} services, {cells} cells of {}, {told:?}", classes.len(), atoms.len(), pairs * atoms.len());
    assert!(cells > 300_000 && told.iter().all(|&count| count > 1000), "{cells} {told:?}");
}
