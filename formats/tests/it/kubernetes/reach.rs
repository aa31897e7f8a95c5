//! Every allowed connection of a small design, by asking the reference evaluator about one of each kind.
//!
//! Ports and external addresses are cut wherever some rule, path or named port begins or ends; between two cuts nothing
//! tells them apart. What comes out is grouped as `reach` prints it: replicas under their owner, external addresses in
//! ranges.

use seglab_policy::{
    Address, AddressSet, Assume, Connection, Design, Endpoint, ExternalSourceId, Family, Header, Interface,
    IntervalSet, Peer, Service, Transport, UnitId, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ports of TCP, UDP and SCTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ports(pub(crate) [IntervalSet<u16>; 3]);

impl Ports {
    /// All ports of the three, 1 to 65535.
    pub(crate) fn all() -> Self {
        Ports(std::array::from_fn(|_| IntervalSet::from_ranges([(1, u16::MAX)])))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(IntervalSet::is_empty)
    }
}

/// Who opens connections to whom: units and named sources by name.
pub(crate) type Internal = BTreeMap<(String, String), Ports>;

/// External addresses that open connections to units (`true`) or take theirs (`false`).
pub(crate) type External = BTreeMap<(bool, String, Ports), AddressSet>;

/// Every allowed connection over IPv4.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) internal: Internal,
    pub(crate) external: External,
}

/// The representatives of ports: first and last of every piece.
fn port_pieces(design: &Design) -> Vec<(u16, u16)> {
    let mut starts = BTreeSet::from([1u32]);
    let mut cut = |first: u16, last: u16| starts.extend([u32::from(first), u32::from(last) + 1]);
    let services = design.rules().flat_map(|(_, rule)| &rule.services);
    let entries = design.external_sources().iter().flat_map(|source| &source.entries);
    for service in services.chain(entries.flat_map(|entry| &entry.services)) {
        if let Service::Ports { ports, .. } = service {
            ports.ranges().iter().for_each(|(first, last)| cut(*first, *last));
        }
    }
    for listener in design.units().iter().flat_map(|unit| &unit.listeners) {
        cut(listener.first, listener.last);
    }
    pieces(starts, 1, 65535).into_iter().map(|(first, last)| (first as u16, last as u16)).collect()
}

/// The pieces of the addresses of a family.
fn address_pieces(design: &Design, family: Family) -> Vec<(IpAddr, IpAddr)> {
    let (mut v4, mut v6) = (BTreeSet::from([0u64]), BTreeSet::from([0u128]));
    for (_, rule) in design.rules() {
        for peer in [&rule.from, &rule.to] {
            if let Peer::Addresses { set, .. } = peer {
                v4.extend(set.v4.ranges().iter().flat_map(|(a, b)| [u64::from(*a), u64::from(*b) + 1]));
                v6.extend(set.v6.ranges().iter().flat_map(|(a, b)| [Some(*a), b.checked_add(1)]).flatten());
            }
        }
    }
    match family {
        Family::V4 => {
            let starts: Vec<u64> = v4.into_iter().filter(|start| *start <= u64::from(u32::MAX)).collect();
            let ends = starts.iter().skip(1).map(|next| next - 1).chain([u64::from(u32::MAX)]);
            let address = |bits: u64| IpAddr::V4(Ipv4Addr::from(bits as u32));
            starts.iter().zip(ends).map(|(first, last)| (address(*first), address(last))).collect()
        }
        Family::V6 => {
            let starts: Vec<u128> = v6.into_iter().collect();
            let ends = starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
            let address = |bits: u128| IpAddr::V6(Ipv6Addr::from(bits));
            starts.iter().zip(ends).map(|(first, last)| (address(*first), address(last))).collect()
        }
    }
}

fn pieces(starts: BTreeSet<u32>, least: u32, most: u32) -> Vec<(u32, u32)> {
    let starts: Vec<u32> = starts.into_iter().filter(|start| (least..=most).contains(start)).collect();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([most]);
    starts.iter().copied().zip(ends).collect()
}

/// The endpoint of a unit in a family.
pub(crate) fn endpoint(design: &Design, unit: UnitId, family: Family) -> Endpoint {
    let fits = |interface: &Interface| interface.address == Address::Unknown(family);
    let interface = design.unit(unit).interfaces.iter().position(fits).expect("an interface of the family");
    Endpoint::Unit { unit, interface: interface as u16 }
}

/// Whether one connection is allowed; a test's design leaves none unknown.
pub(crate) fn allowed(design: &Design, source: Endpoint, destination: Endpoint, header: Header) -> bool {
    let connection = Connection { source, destination, header };
    match design.evaluate(&connection, Assume::business()).verdict {
        Verdict::Allowed(_) => true,
        Verdict::Denied(_) => false,
        Verdict::Unknown(doubt) => panic!("{} is unknown: {doubt:?}", connection.display(design)),
    }
}

fn ports_between(design: &Design, source: Endpoint, destination: Endpoint, pieces: &[(u16, u16)]) -> Ports {
    Ports(Transport::ALL.map(|protocol| {
        IntervalSet::from_ranges(
            pieces
                .iter()
                .copied()
                .filter(|(first, _)| allowed(design, source, destination, Header::to_port(protocol, *first))),
        )
    }))
}

/// Every allowed connection over a family. Connections between replicas of one owner are left out, as `expected.txt`
/// leaves them out; replicas of one owner have to agree with each other.
pub(crate) fn reach(design: &Design, family: Family) -> Reach {
    let pieces = port_pieces(design);
    let name = |unit: UnitId| design.unit(unit).display_name().to_owned();
    let mut reach = Reach::default();
    let mut pairs: BTreeMap<(String, String), Ports> = BTreeMap::new();
    for source in design.unit_ids() {
        for destination in design.unit_ids().filter(|destination| name(*destination) != name(source)) {
            let ports =
                ports_between(design, endpoint(design, source, family), endpoint(design, destination, family), &pieces);
            let pair = (name(source), name(destination));
            let before = pairs.insert(pair.clone(), ports.clone());
            assert!(before.is_none_or(|before| before == ports), "replicas disagree: {pair:?}");
        }
    }
    for (number, source) in (0..).zip(design.external_sources()) {
        for destination in design.unit_ids() {
            let ports = ports_between(
                design,
                Endpoint::Source(ExternalSourceId(number)),
                endpoint(design, destination, family),
                &pieces,
            );
            pairs.insert((source.name.clone(), name(destination)), ports);
        }
    }
    reach.internal = pairs.into_iter().filter(|(_, ports)| !ports.is_empty()).collect();
    for unit in design.unit_ids() {
        for (first, last) in address_pieces(design, family) {
            for inbound in [true, false] {
                let (inside, outside) = (endpoint(design, unit, family), Endpoint::External(first));
                let (source, destination) = if inbound { (outside, inside) } else { (inside, outside) };
                let ports = ports_between(design, source, destination, &pieces);
                if !ports.is_empty() {
                    let set = reach.external.entry((inbound, name(unit), ports)).or_default();
                    *set = set.union(&AddressSet::from_range(first, last));
                }
            }
        }
    }
    reach
}
