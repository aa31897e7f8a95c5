//! Whether some path carries a connection: address spaces, routes, gateways, and who is external.

use super::ends::End;
use super::facts::{Fact, Vocabulary, interfaces};
use super::packet::Packet;
use super::term::{all, any};
use seglab_policy::{Address, Design, ExternalSourceId};
use z3::ast::Bool;

/// How a packet can come to its destination.
pub(super) struct Path {
    /// The two ends are such as a connection has: never between two externals, never to a named external source, and
    /// an external address is no unit's where the other end stands.
    pub(super) are_endpoints: Bool,
    /// Some path that is modelled carries the packet.
    pub(super) carried: Bool,
}

impl Path {
    pub(super) fn new(packet: &Packet<'_>, design: &Design, vocabulary: &Vocabulary<'_>) -> Self {
        let (source, destination) = (packet.source, packet.destination);
        // Each kind of connection, and what carries it.
        let between_units = all([source.is_unit(), destination.is_unit()]);
        let inward =
            all([source.is_external(), destination.is_unit(), is_nobodys(source, destination, design, vocabulary)]);
        let outward =
            all([source.is_unit(), destination.is_external(), is_nobodys(destination, source, design, vocabulary)]);
        let from_source = all([source.is_source(), destination.is_unit()]);
        let carried = any([
            all([between_units.clone(), same_network(packet, design, vocabulary)]),
            all([inward.clone(), destination.is(&Fact::Inbound, 1)]),
            all([outward.clone(), source.is(&Fact::Outbound, 1)]),
            all([from_source.clone(), entered(packet, design, vocabulary)]),
        ]);
        let are_endpoints = any([between_units, inward, outward, from_source]);
        Self { are_endpoints, carried: all([packet.one_family(), carried]) }
    }
}

/// The two units stand in one address space, or in two with a route between them.
fn same_network(packet: &Packet<'_>, design: &Design, vocabulary: &Vocabulary<'_>) -> Bool {
    let (source, destination) = (packet.source, packet.destination);
    let routed = design.routes().iter().flat_map(|(a, b)| [(a, b), (b, a)]).filter_map(|(from, to)| {
        let (from, to) = (vocabulary.space(from)?, vocabulary.space(to)?);
        Some(all([source.is(&Fact::Space, from), destination.is(&Fact::Space, to)]))
    });
    any(std::iter::once(source.same(destination, &Fact::Space)).chain(routed))
}

/// The external end's address is that of no unit in the address space of the other end, nor in one that it has a
/// route to.
fn is_nobodys(external: &End, other: &End, design: &Design, vocabulary: &Vocabulary<'_>) -> Bool {
    all(vocabulary.spaces().map(|(space, number)| {
        let near = |name: &str| {
            let route = |(a, b): &(String, String)| (a == space && b == name) || (b == space && a == name);
            name == space || design.routes().iter().any(route)
        };
        let known = interfaces(design).filter(|(_, interface)| near(&interface.space));
        let known = known.filter_map(|(_, interface)| match interface.address {
            Address::Known(address) => Some(address),
            Address::Within(_) | Address::Unknown(_) => None,
        });
        let somebodys = external.is_address(&known.collect());
        any([other.is(&Fact::Space, number).not(), somebodys.not()])
    }))
}

/// The named external source has an entry that leads there.
fn entered(packet: &Packet<'_>, design: &Design, vocabulary: &Vocabulary<'_>) -> Bool {
    any((0..).map(ExternalSourceId).zip(design.external_sources()).flat_map(|(id, source)| {
        let row = vocabulary.source_row(id);
        source.entries.iter().map(move |entry| {
            all([
                packet.source.is(&Fact::Row, row),
                packet.destination.unit_selected(&entry.to, vocabulary),
                packet.is_of(&entry.services, vocabulary),
            ])
        })
    }))
}
