//! The ends of flows: who opens one, to whom, by which addresses and ports, each drawn evenly among those that a need has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use seglab_policy::{
    Address, AddressSet, Covers, Design, Endpoint, Family, Header, Interface, IntervalSet, Peer, Service, Transport,
    Unit, UnitId,
};

use crate::kernel::Draw;

const EPHEMERAL: (u16, u16) = (1024, u16::MAX);

/// One side of a need.
pub(super) struct Ends {
    pub(super) units: Vec<UnitId>,
    /// External addresses.
    pub(super) addresses: AddressSet,
    pub(super) is_modelled: bool,
}

/// Who is at one end of a flow, before it is known by which address.
#[derive(Clone, Copy)]
pub(super) enum End<'a> {
    Unit(UnitId),
    External(&'a AddressSet),
    Nobody,
}

impl End<'_> {
    pub(super) fn unit(&self) -> Option<UnitId> {
        match self {
            End::Unit(unit) => Some(*unit),
            End::External(_) | End::Nobody => None,
        }
    }
}

impl Ends {
    /// The units of a peer and its external addresses. A peer by address that covers units means the units with known
    /// addresses in it, if there are any; addresses that are units' are never external.
    pub(super) fn new(design: &Design, peer: &Peer) -> Self {
        let none = AddressSet::empty;
        let (units, addresses) = match peer {
            Peer::Anyone => (design.unit_ids().collect(), AddressSet::internet()),
            Peer::Units(selector) => (design.select(selector).collect(), none()),
            Peer::Addresses { set, covers: Covers::External } => (Vec::new(), set.clone()),
            Peer::Addresses { set, covers: Covers::All } => {
                let is_inside =
                    |interface: &Interface| matches!(interface.address, Address::Known(at) if set.contains(at));
                let inside = design.unit_ids().filter(|&unit| design.unit(unit).interfaces.iter().any(is_inside));
                let units: Vec<UnitId> = inside.collect();
                if units.is_empty() { (units, set.clone()) } else { (units, none()) }
            }
            Peer::Unmodelled(_) => (Vec::new(), none()),
        };
        let taken =
            design.units().iter().flat_map(|unit| &unit.interfaces).filter_map(|interface| {
                if let Address::Known(address) = interface.address { Some(address) } else { None }
            });
        let addresses = if addresses.is_empty() { addresses } else { addresses.difference(&taken.collect()) };
        Self { units, addresses, is_modelled: !matches!(peer, Peer::Unmodelled(_)) }
    }

    /// One of the units other than `from`, or that one if it is the only one, and its position. Takes a word of the draw where
    /// there is a choice.
    pub(super) fn other_unit(&self, from: UnitId, draw: &mut Draw) -> Option<(usize, UnitId)> {
        let own = self.units.binary_search(&from).ok().filter(|_| self.units.len() > 1);
        let others = self.units.len() - usize::from(own.is_some());
        let chosen = if others == 1 { 0 } else { draw.choose(others)? };
        let at = chosen + usize::from(own.is_some_and(|own| own <= chosen));
        self.units.get(at).map(|unit| (at, *unit))
    }

    /// One of the ends: a unit other than `apart_from` if there is one, or someone outside; either with even chance
    /// where the peer has both.
    pub(super) fn draw<'a>(&'a self, draw: &mut Draw, apart_from: Option<UnitId>) -> End<'a> {
        let position =
            apart_from.and_then(|unit| self.units.binary_search(&unit).ok()).filter(|_| self.units.len() > 1);
        let others = self.units.len() - usize::from(position.is_some());
        let chosen = draw.choose(others);
        let unit = chosen.and_then(|at| self.units.get(at + usize::from(position.is_some_and(|own| own <= at))));
        match unit {
            Some(_) if !self.addresses.is_empty() && draw.choose(2) == Some(0) => End::External(&self.addresses),
            Some(unit) => End::Unit(*unit),
            None if self.addresses.is_empty() => End::Nobody,
            None => End::External(&self.addresses),
        }
    }
}

/// The endpoints by which two ends reach each other, drawn among those that some path connects; among any where none
/// does. `None` if one end is nobody.
pub(super) fn attach(
    design: &Design,
    source: End<'_>,
    destination: End<'_>,
    draw: &mut Draw,
) -> Option<(Endpoint, Endpoint)> {
    let mut pairs: Vec<(Endpoint, Endpoint)> = Vec::new();
    match (source, destination) {
        (End::Unit(source), End::Unit(destination)) => pairs = ways(design, source, destination),
        (End::Unit(unit), End::External(set)) => {
            for from in interfaces(design, unit).filter(|(_, _, own)| own.outbound) {
                pairs.extend(address(set, from.2.family(), draw).map(|to| (end(from), Endpoint::External(to))));
            }
        }
        (End::External(set), End::Unit(unit)) => {
            for to in interfaces(design, unit).filter(|(_, _, own)| own.inbound) {
                pairs.extend(address(set, to.2.family(), draw).map(|from| (Endpoint::External(from), end(to))));
            }
        }
        _ => {}
    }
    draw.choose(pairs.len()).and_then(|at| pairs.get(at).copied())
}

/// The pairs of endpoints by which one unit reaches another, on some path; where none does, any pair.
pub(super) fn ways(design: &Design, source: UnitId, destination: UnitId) -> Vec<(Endpoint, Endpoint)> {
    let carried = |a: &Interface, b: &Interface| a.family() == b.family() && design.spaces_linked(&a.space, &b.space);
    let mut pairs = Vec::new();
    for from in interfaces(design, source) {
        let there = interfaces(design, destination).filter(|to| carried(from.2, to.2));
        pairs.extend(there.map(|to| (end(from), end(to))));
    }
    if pairs.is_empty() {
        pairs.extend(interfaces(design, source).next().map(end).zip(interfaces(design, destination).next().map(end)));
    }
    pairs
}

fn interfaces(design: &Design, unit: UnitId) -> impl Iterator<Item = (UnitId, u16, &Interface)> {
    (0u16..).zip(&design.unit(unit).interfaces).map(move |(at, own)| (unit, at, own))
}

fn end((unit, interface, _): (UnitId, u16, &Interface)) -> Endpoint {
    Endpoint::Unit { unit, interface }
}

/// A header of one of the services, towards this destination; `None` if the service does not exist there.
pub(super) fn header(design: &Design, services: &[Service], destination: Endpoint, draw: &mut Draw) -> Option<Header> {
    let unit = destination.unit().map(|unit| design.unit(unit));
    let service = draw.choose(services.len()).and_then(|at| services.get(at))?;
    let ephemeral = IntervalSet::from_ranges([EPHEMERAL]);
    let to = |protocol, destination_port, draw: &mut Draw| {
        let source_port = member(&ephemeral, draw).unwrap_or(EPHEMERAL.1);
        Header::Transport { protocol, source_port, destination_port }
    };
    match service {
        Service::Any => {
            let listeners = unit.map_or(&[][..], |unit: &Unit| &unit.listeners);
            let listener = draw.choose(listeners.len()).and_then(|at| listeners.get(at));
            let (protocol, first, last) =
                listener.map_or((Transport::Tcp, 1, u16::MAX), |l| (l.protocol, l.first, l.last));
            let port = member(&IntervalSet::from_ranges([(first, last)]), draw)?;
            Some(to(protocol, port, draw))
        }
        Service::Ports { protocol, ports, source_ports } => {
            let port = member(ports, draw)?;
            let allowed = source_ports.intersection(&ephemeral);
            // A service that is only spoken from ports below 1024 is spoken from those.
            let source_port = member(if allowed.is_empty() { source_ports } else { &allowed }, draw)?;
            Some(Header::Transport { protocol: *protocol, source_port, destination_port: port })
        }
        Service::NamedPort { protocol, name } => {
            let named: Vec<(Transport, u16)> = unit
                .into_iter()
                .flat_map(|unit| unit.named_ports(name))
                .filter(|(declared, _)| protocol.is_none_or(|protocol| protocol == *declared))
                .collect();
            let (protocol, port) = draw.choose(named.len()).and_then(|at| named.get(at).copied())?;
            Some(to(protocol, port, draw))
        }
        Service::Icmp { family, kind, code } => {
            let echo = if *family == Family::V4 { 8 } else { 128 };
            Some(Header::Icmp { kind: kind.unwrap_or(echo), code: code.unwrap_or(0) })
        }
        Service::Protocol(number) => Some(Header::Other(*number)),
    }
}

/// One of the ports of a set, evenly.
fn member(set: &IntervalSet<u16>, draw: &mut Draw) -> Option<u16> {
    let size = |&(first, last): &(u16, u16)| usize::from(last - first) + 1;
    let mut rest = draw.choose(set.ranges().iter().map(size).sum())?;
    for range in set.ranges() {
        match rest.checked_sub(size(range)) {
            Some(beyond) => rest = beyond,
            None => return range.0.checked_add(u16::try_from(rest).ok()?),
        }
    }
    None
}

/// One of the addresses of a set and a family, evenly.
fn address(set: &AddressSet, family: Family, draw: &mut Draw) -> Option<IpAddr> {
    // The remainder favours small numbers by the share of the set in 2^128, which shows in no set that is drawn from.
    let random = u128::from(draw.word()) << 64 | u128::from(draw.word());
    match family {
        Family::V4 => {
            let size = |&(first, last): &(u32, u32)| u128::from(last - first) + 1;
            let total: u128 = set.v4.ranges().iter().map(size).sum();
            let mut rest = random.checked_rem(total)?;
            for range in set.v4.ranges() {
                match rest.checked_sub(size(range)) {
                    Some(beyond) => rest = beyond,
                    None => return Some(Ipv4Addr::from_bits(range.0.checked_add(u32::try_from(rest).ok()?)?).into()),
                }
            }
            None
        }
        Family::V6 => {
            // The whole of IPv6 has 2^128 addresses, one more than fit; its last one is never drawn.
            let size = |&(first, last): &(u128, u128)| (last - first).saturating_add(1);
            let total = set.v6.ranges().iter().map(size).fold(0u128, u128::saturating_add);
            let mut rest = random.checked_rem(total)?;
            for range in set.v6.ranges() {
                match rest.checked_sub(size(range)) {
                    Some(beyond) => rest = beyond,
                    None => return Some(Ipv6Addr::from_bits(range.0.checked_add(rest)?).into()),
                }
            }
            None
        }
    }
}
