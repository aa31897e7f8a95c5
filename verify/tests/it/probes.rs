//! What is worth asking a naive judge about: headers and external addresses on both sides of every cut.

use seglab_policy::{Address, AddressSet, Claim, Design, Family, Header, Peer, Service, Transport};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Headers on both sides of every cut that some design makes.
pub(crate) fn headers(designs: &[&Design]) -> Vec<Header> {
    let mut ports: BTreeSet<u16> = [0, 1023, 1024, 49152, u16::MAX].into_iter().collect();
    let mut source_ports = ports.clone();
    let mut kinds: BTreeSet<u8> = [0, 8, 13, 77, 128].into_iter().collect();
    let mut codes: BTreeSet<u8> = [0, 77].into_iter().collect();
    let mut numbers: BTreeSet<u8> = [0, 77].into_iter().collect();
    let services: Vec<&Service> = designs.iter().flat_map(|design| services(design)).collect();
    for service in &services {
        match service {
            Service::Ports { ports: to, source_ports: from, .. } => {
                let around = |ranges: &[(u16, u16)]| -> Vec<u16> {
                    ranges.iter().flat_map(|&(a, b)| [a.saturating_sub(1), a, b, b.saturating_add(1)]).collect()
                };
                ports.extend(around(to.ranges()));
                source_ports.extend(around(from.ranges()));
            }
            Service::Icmp { kind, code, .. } => {
                kinds.extend(kind.iter());
                codes.extend(code.iter());
            }
            Service::Protocol(number) => {
                numbers.insert(*number);
            }
            Service::Any | Service::NamedPort { .. } => {}
        }
    }
    for unit in designs.iter().flat_map(|design| design.units()) {
        for listener in &unit.listeners {
            ports.extend([
                listener.first.saturating_sub(1),
                listener.first,
                listener.last,
                listener.last.saturating_add(1),
            ]);
        }
        ports.extend(unit.vulnerabilities.iter().map(|weak| weak.port));
        ports.extend(unit.logins.iter().map(|login| login.port));
    }
    // A stateless point judges replies, whose ports are the other way round; needs ask about those.
    let swapped = ports.clone();
    ports.extend(source_ports.iter());
    source_ports.extend(swapped);
    let mut all: Vec<Header> =
        numbers.into_iter().filter(|number| ![1, 6, 17, 58, 132].contains(number)).map(Header::Other).collect();
    for &kind in &kinds {
        all.extend(codes.iter().map(|&code| Header::Icmp { kind, code }));
    }
    for protocol in Transport::ALL {
        for &source_port in &source_ports {
            all.extend(ports.iter().map(|&destination_port| Header::Transport {
                protocol,
                source_port,
                destination_port,
            }));
        }
    }
    // Of headers that nothing in the designs tells apart, one is enough.
    let mut seen = BTreeSet::new();
    all.retain(|&header| {
        let [v4, v6] = Family::ALL.map(|family| (told_apart(designs, &services, family, header), header.reply(family)));
        let reply = |family, reply: Option<Header>| reply.map(|reply| told_apart(designs, &services, family, reply));
        let kind = std::mem::discriminant(&header);
        seen.insert((format!("{kind:?}"), reply(Family::V4, v4.1), reply(Family::V6, v6.1), v4.0, v6.0))
    });
    all
}

/// Everything that the designs could say of a header.
fn told_apart(designs: &[&Design], services: &[&Service], family: Family, header: Header) -> Vec<bool> {
    let mut told = Vec::new();
    if let Header::Transport { protocol, source_port, destination_port } = header {
        told.extend(Transport::ALL.map(|used| used == protocol));
        told.push(source_port < 1024);
        for unit in designs.iter().flat_map(|design| design.units()) {
            told.push(unit.listens_to(header));
            told.extend(
                unit.vulnerabilities.iter().map(|weak| (weak.protocol, weak.port) == (protocol, destination_port)),
            );
            told.extend(unit.logins.iter().map(|login| (login.protocol, login.port) == (protocol, destination_port)));
        }
    }
    for service in services {
        match service {
            Service::NamedPort { .. } => {
                let units = designs.iter().flat_map(|design| design.units());
                told.extend(units.map(|unit| service.matches(family, header, Some(unit))));
            }
            service => told.push(service.matches(family, header, None)),
        }
    }
    told
}

/// Every service that the design names.
fn services(design: &Design) -> Vec<&Service> {
    let claims = design.properties().iter().flat_map(|property| property.claim.services());
    design
        .rules()
        .flat_map(|(_, rule)| &rule.services)
        .chain(design.needs().iter().flat_map(|need| &need.services))
        .chain(
            design.external_sources().iter().flat_map(|source| source.entries.iter().flat_map(|entry| &entry.services)),
        )
        .chain(claims)
        .collect()
}

/// External addresses on both sides of every cut that some design makes.
pub(crate) fn addresses(designs: &[&Design]) -> Vec<IpAddr> {
    let mut all: BTreeSet<IpAddr> = ["0.0.0.0", "8.8.8.8", "255.255.255.255", "::", "2600::1", "ffff::1"]
        .into_iter()
        .map(|address| address.parse().unwrap())
        .collect();
    let mut sets: Vec<AddressSet> = Vec::new();
    let mut peer = |peer: &Peer| {
        if let Peer::Addresses { set, .. } = peer {
            sets.push(set.clone());
        }
    };
    for (_, rule) in designs.iter().flat_map(|design| design.rules()) {
        peer(&rule.from);
        peer(&rule.to);
    }
    for need in designs.iter().flat_map(|design| design.needs()) {
        peer(&need.from);
        peer(&need.to);
    }
    for property in designs.iter().flat_map(|design| design.properties()) {
        property.claim.peers().into_iter().for_each(&mut peer);
    }
    for property in designs.iter().flat_map(|design| design.properties()) {
        if let Claim::Exposed { external, .. } = &property.claim {
            sets.push(external.clone());
        }
    }
    let interfaces = || designs.iter().flat_map(|design| design.units()).flat_map(|unit| &unit.interfaces);
    let known = interfaces().filter_map(|interface| match interface.address {
        Address::Known(address) => Some((address, address)),
        _ => None,
    });
    let ranges: Vec<(IpAddr, IpAddr)> = sets.iter().flat_map(|set| set.ranges()).chain(known).collect();
    for (first, last) in ranges {
        all.extend([first, last, step(first, -1), step(last, 1)]);
        // A range may begin with addresses of units.
        all.extend((1..4).flat_map(|by| [step(first, by), step(last, -by)]));
    }
    // Of addresses that nothing in the designs tells apart, one is enough.
    let spaces: BTreeSet<&str> = interfaces().map(|interface| interface.space.as_str()).collect();
    let mut seen = BTreeSet::new();
    all.retain(|&address| {
        let inside: Vec<bool> = sets.iter().map(|set| set.contains(address)).collect();
        let known =
            |design: &&Design, space: &str| design.known_addresses(space).is_some_and(|known| known.contains(address));
        let held: Vec<bool> =
            spaces.iter().flat_map(|space| designs.iter().map(move |design| known(design, space))).collect();
        seen.insert((address.is_ipv4(), inside, held))
    });
    all.into_iter().collect()
}

fn step(address: IpAddr, by: i32) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_bits().wrapping_add_signed(by).to_be_bytes().into(),
        IpAddr::V6(address) => address.to_bits().wrapping_add_signed(by.into()).to_be_bytes().into(),
    }
}
