//! Random connections, aimed at where the rules of a design change their minds.

use super::draw::Draw;
use super::features::Feature;
use super::inventory::{PORTS, outside, transport};
use super::target::{End, Target};
use crate::{
    Address, AddressSet, Assume, Connection, Design, Endpoint, ExternalSourceId, Family, Header, Interface,
    IntervalSet, Peer, Rule, Service, Side, Transport, Trust, Unit, UnitId,
};
use std::net::IpAddr;

/// A connection of the design. Two in three are aimed at a rule: ends that its peers select, addresses and ports on
/// and beside the ends of its ranges. The others are from anywhere to anywhere, from named sources outside to what
/// they enter, or between a unit and its host.
pub(super) fn connection(draw: &mut Draw, design: &Design) -> Connection {
    let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
    let aim = if draw.chance(70) { draw.of(&rules) } else { None };
    let sources = design.external_sources().len();
    let guests: Vec<UnitId> = design.unit_ids().filter(|&id| design.host_of(id).is_some()).collect();
    let mut source = match draw.below(20) {
        0..=2 if sources > 0 => Endpoint::Source(ExternalSourceId(u32::try_from(draw.below(sources)).unwrap_or(0))),
        _ => end(draw, design, aim.map(|rule| &rule.from)),
    };
    let mut destination = end(draw, design, aim.map(|rule| &rule.to));
    if let (true, Some(guest)) = (draw.chance(14), draw.of(&guests)) {
        let host = design.host_of(guest).unwrap_or(guest);
        let ends = (at_unit(draw, design, guest), at_unit(draw, design, host));
        (source, destination) = if draw.chance(50) { ends } else { (ends.1, ends.0) };
    }
    if source.unit().is_none() && destination.unit().is_none() {
        destination = any_unit(draw, design);
    }
    (source, destination) = of_one_family(draw, design, source, destination);
    let family = [source, destination].into_iter().find_map(|end| family_of(design, end)).unwrap_or(Family::V4);
    let unit = destination.unit().map(|id| design.unit(id));
    let entered = match source {
        Endpoint::Source(id) => design.external_source(id).and_then(|source| {
            let services: Vec<Service> = source.entries.iter().flat_map(|entry| entry.services.clone()).collect();
            if draw.chance(50) { draw.of(&services) } else { None }
        }),
        _ => None,
    };
    let service = entered.or_else(|| aim.and_then(|rule| draw.of(&rule.services)));
    Connection { source, destination, header: header(draw, family, service.as_ref(), unit) }
}

/// The connection that a design's rules are about, in one of four draws with its ends the other way round or another
/// port.
pub(super) fn targeted(draw: &mut Draw, design: &Design, names: &[String], target: &Target) -> Option<Connection> {
    let resolved = |end: &End| match (end.unit, end.named, end.address) {
        (Some((unit, interface)), _, _) => {
            let unit = design.unit_named(names.get(unit)?)?;
            Some(Endpoint::Unit { unit, interface: u16::try_from(interface).ok()? })
        }
        (_, Some(source), _) => Some(Endpoint::Source(ExternalSourceId(u32::try_from(source).ok()?))),
        (_, _, Some(Address::Known(address))) => Some(Endpoint::External(address)),
        _ => None,
    };
    let (mut source, mut destination) = (resolved(&target.source)?, resolved(&target.destination)?);
    if target.source.named.is_none() && draw.chance(8) {
        std::mem::swap(&mut source, &mut destination);
    }
    let header = match target.header {
        Header::Transport { protocol, source_port, destination_port } => Header::Transport {
            protocol: if draw.chance(15) { transport(draw) } else { protocol },
            source_port: if draw.chance(40) { draw.pick([49152, 1024, 1023, 443, 80]) } else { source_port },
            destination_port: match draw.below(6) {
                0 => destination_port.saturating_add(1),
                1 => destination_port.saturating_sub(1),
                _ => destination_port,
            },
        },
        Header::Icmp { kind, code } => Header::Icmp {
            kind: if draw.chance(20) { draw.pick([8, 128, 3]) } else { kind },
            code: if draw.chance(30) { draw.pick([0, 1]) } else { code },
        },
        Header::Other(number) => Header::Other(if draw.chance(15) { 51 } else { number }),
    };
    Some(Connection { source, destination, header })
}

/// What is assumed of an attacker: nobody, an owned source, or an owned destination; mostly what the wished features
/// cannot matter without.
pub(super) fn assume(draw: &mut Draw, wishes: &[Feature]) -> Assume {
    let wished = |feature| wishes.contains(&feature);
    let trust = draw.pick([Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid]);
    let nobody = !wished(Feature::Kinds) && draw.chance(25);
    let owned = draw.pick([Side::Source, Side::Source, Side::Destination]);
    Assume {
        as_if_enforced: !wished(Feature::Modes) && draw.chance(15),
        trust: if wished(Feature::Controllers) { Trust::ControllerVoid } else { trust },
        owned: if nobody { None } else { Some(owned) },
        host_owned: draw.chance(if wished(Feature::Kinds) { 50 } else { 30 }),
    }
}

fn family_of(design: &Design, end: Endpoint) -> Option<Family> {
    match end {
        Endpoint::External(address) => Some(Family::of(address)),
        end => design.interface(end).map(Interface::family),
    }
}

/// Mostly replaces an end of the other family: few connections should fail for that alone.
fn of_one_family(draw: &mut Draw, design: &Design, source: Endpoint, destination: Endpoint) -> (Endpoint, Endpoint) {
    let (Some(wanted), Some(found)) = (family_of(design, destination), family_of(design, source)) else {
        return (source, destination);
    };
    if wanted == found || draw.chance(5) {
        return (source, destination);
    }
    let turned = |draw: &mut Draw, end: Endpoint, family: Family| match end {
        Endpoint::External(_) => Some(Endpoint::External(outside(draw, family))),
        Endpoint::Unit { unit, .. } => {
            let of_family: Vec<Endpoint> =
                interfaces(design, unit).filter(|&end| family_of(design, end) == Some(family)).collect();
            draw.of(&of_family)
        }
        Endpoint::Source(_) => None,
    };
    if let Some(source) = turned(draw, source, wanted) {
        return (source, destination);
    }
    if let Some(destination) = turned(draw, destination, found) {
        return (source, destination);
    }
    let others: Vec<Endpoint> = design
        .unit_ids()
        .flat_map(|unit| interfaces(design, unit))
        .filter(|&end| family_of(design, end) == Some(found))
        .collect();
    (source, draw.of(&others).unwrap_or(destination))
}

fn interfaces(design: &Design, unit: UnitId) -> impl Iterator<Item = Endpoint> {
    let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap_or(u16::MAX);
    (0..count).map(move |interface| Endpoint::Unit { unit, interface })
}

fn at_unit(draw: &mut Draw, design: &Design, unit: UnitId) -> Endpoint {
    let interface = u16::try_from(draw.below(design.unit(unit).interfaces.len())).unwrap_or(0);
    Endpoint::Unit { unit, interface }
}

fn any_unit(draw: &mut Draw, design: &Design) -> Endpoint {
    let unit = UnitId(u32::try_from(draw.below(design.units().len())).unwrap_or(0));
    at_unit(draw, design, unit)
}

/// An end that the peer is about, or one that it only just is not.
fn end(draw: &mut Draw, design: &Design, peer: Option<&Peer>) -> Endpoint {
    match peer {
        Some(Peer::Units(selector)) if draw.chance(75) => {
            let selected: Vec<UnitId> = design.select(selector).collect();
            match draw.of(&selected) {
                Some(unit) => at_unit(draw, design, unit),
                None => any_unit(draw, design),
            }
        }
        Some(Peer::Addresses { set, .. }) => {
            if draw.chance(45) {
                Endpoint::External(beside(draw, set))
            } else {
                any_unit(draw, design)
            }
        }
        _ if draw.chance(12) => {
            let family = if draw.chance(50) { Family::V4 } else { Family::V6 };
            Endpoint::External(outside(draw, family))
        }
        _ => any_unit(draw, design),
    }
}

/// The first or last address of one of the set's ranges, or a neighbour of it.
fn beside(draw: &mut Draw, set: &AddressSet) -> IpAddr {
    let ranges: Vec<(IpAddr, IpAddr)> = set.ranges().collect();
    let Some((first, last)) = draw.of(&ranges) else { return outside(draw, Family::V4) };
    let edge = if draw.chance(50) { first } else { last };
    match (edge, draw.below(3)) {
        (IpAddr::V4(edge), 0) => IpAddr::V4(edge.to_bits().saturating_sub(1).into()),
        (IpAddr::V4(edge), 1) => IpAddr::V4(edge.to_bits().saturating_add(1).into()),
        (IpAddr::V6(edge), 0) => IpAddr::V6(edge.to_bits().saturating_sub(1).into()),
        (IpAddr::V6(edge), 1) => IpAddr::V6(edge.to_bits().saturating_add(1).into()),
        (edge, _) => edge,
    }
}

/// A port of the set, or a neighbour of one of its ends.
fn port(draw: &mut Draw, set: &IntervalSet<u16>) -> u16 {
    if set.is_full() {
        return draw.pick([80, 81, 443, 8080, 1023, 1024, 0, u16::MAX]);
    }
    let Some((first, last)) = draw.of(set.ranges()) else { return draw.pick(PORTS) };
    let edge = if draw.chance(50) { first } else { last };
    match draw.below(6) {
        0 => edge.saturating_sub(1),
        1 => edge.saturating_add(1),
        2 => first.midpoint(last),
        _ => edge,
    }
}

fn header(draw: &mut Draw, family: Family, service: Option<&Service>, destination: Option<&Unit>) -> Header {
    let protocol = |draw: &mut Draw, wanted: Transport| if draw.chance(80) { wanted } else { transport(draw) };
    match service {
        Some(Service::Ports { protocol: wanted, ports, source_ports }) => Header::Transport {
            protocol: protocol(draw, *wanted),
            source_port: port(draw, source_ports),
            destination_port: port(draw, ports),
        },
        Some(Service::NamedPort { name, .. }) if destination.is_some_and(|unit| unit.named_ports(name).count() > 0) => {
            let named: Vec<(Transport, u16)> =
                destination.into_iter().flat_map(|unit| unit.named_ports(name)).collect();
            let (wanted, port) = draw.of(&named).unwrap_or((Transport::Tcp, 80));
            Header::to_port(protocol(draw, wanted), port)
        }
        Some(Service::Icmp { kind, code, .. }) => {
            let mut number = |wanted: Option<u8>, others: [u8; 3]| match wanted {
                Some(wanted) if draw.chance(70) => wanted,
                _ => draw.pick(others),
            };
            Header::Icmp { kind: number(*kind, [8, 128, 3]), code: number(*code, [0, 1, 2]) }
        }
        Some(Service::Protocol(number)) => Header::Other(if draw.chance(70) { *number } else { 47 }),
        _ => match draw.below(10) {
            0..=5 => Header::Transport {
                protocol: transport(draw),
                source_port: draw.pick([49152, 1024, 1023, 80]),
                destination_port: draw.pick(PORTS),
            },
            6..=7 => Header::Icmp { kind: if family == Family::V4 { 8 } else { 128 }, code: draw.pick([0, 1]) },
            _ => Header::Other(draw.pick([47, 50, 51])),
        },
    }
}
