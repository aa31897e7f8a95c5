//! A symbolic connection: two ends and a header; and what services say of it.

use super::ends::End;
use super::facts::{Fact, Vocabulary};
use super::term::{all, any, constant, contains, literal};
use seglab_policy::{Connection, Endpoint, Family, Header, IntervalSet, Service, Transport};
use z3::ast::{BV, Bool};

/// Numbers of protocols in the Internet Protocol's header.
const ICMP: [(Family, u8); 2] = [(Family::V4, 1), (Family::V6, 58)];

/// The ICMP requests that have an answer, with its type: RFC 792 (echo, timestamp, information), RFC 950 (address
/// mask), RFC 4443 (echo of IPv6).
const ICMP_ANSWERS: [(Family, u8, u8); 5] =
    [(Family::V4, 8, 0), (Family::V4, 13, 14), (Family::V4, 15, 16), (Family::V4, 17, 18), (Family::V6, 128, 129)];

/// The header fields of a packet.
#[derive(Clone, Debug)]
pub(super) struct HeaderTerms {
    /// The protocol's number. [8 bits]
    pub(super) protocol: BV,
    /// [16 bits]
    pub(super) source_port: BV,
    /// [16 bits]
    pub(super) destination_port: BV,
    /// ICMP type. [8 bits]
    pub(super) kind: BV,
    /// ICMP code. [8 bits]
    pub(super) code: BV,
}

impl HeaderTerms {
    /// Variables for the header of the packet that opens a connection.
    pub(super) fn variables() -> Self {
        Self {
            protocol: BV::new_const("protocol", 8),
            source_port: BV::new_const("source port", 16),
            destination_port: BV::new_const("destination port", 16),
            kind: BV::new_const("icmp type", 8),
            code: BV::new_const("icmp code", 8),
        }
    }

    fn is_protocol(&self, number: u8) -> Bool {
        self.protocol.eq(literal(number.into(), 8))
    }

    fn is_transport(&self) -> Bool {
        any(Transport::ALL.map(|transport| self.is_protocol(transport.number())))
    }

    /// The header is this one, of an ICMP of `family`.
    pub(super) fn pinned(&self, header: Header, family: Family) -> Bool {
        let byte = |term: &BV, value: u8| term.eq(literal(value.into(), 8));
        let port = |term: &BV, value: u16| term.eq(literal(value.into(), 16));
        match header {
            Header::Transport { protocol, source_port, destination_port } => all([
                self.is_protocol(protocol.number()),
                port(&self.source_port, source_port),
                port(&self.destination_port, destination_port),
            ]),
            Header::Icmp { kind, code } => {
                let number = ICMP.iter().find(|(of, _)| *of == family).map_or(0, |(_, number)| *number);
                all([self.is_protocol(number), byte(&self.kind, kind), byte(&self.code, code)])
            }
            Header::Other(number) => self.is_protocol(number),
        }
    }
}

/// A packet as the points on its way see it: that which opens a connection, or that which answers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) source: &'a End,
    pub(super) destination: &'a End,
    pub(super) header: &'a HeaderTerms,
    /// True if it answers: its source is whom the connection was opened to.
    pub(super) reply: bool,
}

impl Packet<'_> {
    /// The addresses are of `family`; those of a named external source are of whichever the other end has.
    fn of_family(&self, family: Family) -> Bool {
        let destination = all([self.destination.is_source().not(), self.destination.of_family(family)]);
        any([destination, all([self.destination.is_source(), self.source.of_family(family)])])
    }

    /// ICMP stands in packets of its own family only.
    pub(super) fn well_formed(&self) -> Bool {
        all(ICMP.map(|(family, number)| any([self.header.is_protocol(number).not(), self.of_family(family)])))
    }

    /// Both ends are of one family.
    pub(super) fn one_family(&self) -> Bool {
        self.source.v6.iff(&self.destination.v6)
    }

    /// One of the services is that of the packet.
    pub(super) fn is_of(&self, services: &[Service], vocabulary: &Vocabulary<'_>) -> Bool {
        any(services.iter().map(|service| self.is_of_one(service, vocabulary)))
    }

    fn is_of_one(&self, service: &Service, vocabulary: &Vocabulary<'_>) -> Bool {
        let header = self.header;
        match service {
            Service::Any => constant(true),
            Service::Ports { protocol, ports, source_ports } => all([
                header.is_protocol(protocol.number()),
                contains(&header.destination_port, ports),
                contains(&header.source_port, source_ports),
            ]),
            Service::NamedPort { protocol, name } => {
                let transports = Transport::ALL.into_iter().filter(|one| protocol.is_none_or(|wanted| wanted == *one));
                any(transports.map(|transport| {
                    let port = &header.destination_port;
                    let declared = self.destination.declares(name, transport, port, vocabulary);
                    all([header.is_protocol(transport.number()), declared])
                }))
            }
            Service::Icmp { family, kind, code } => {
                let number = ICMP.iter().find(|(of, _)| of == family).map_or(0, |(_, number)| *number);
                let field = |term: &BV, wanted: &Option<u8>| {
                    wanted.map_or_else(|| constant(true), |wanted| term.eq(literal(wanted.into(), 8)))
                };
                all([header.is_protocol(number), field(&header.kind, kind), field(&header.code, code)])
            }
            // Protocols with a form of their own are never written by their number.
            Service::Protocol(number) if has_own_form(*number) => constant(false),
            Service::Protocol(number) => header.is_protocol(*number),
        }
    }

    /// The packet's source port is one of these, if it has ports.
    pub(super) fn leaves_port(&self, ports: &IntervalSet<u16>) -> Bool {
        any([self.header.is_transport().not(), contains(&self.header.source_port, ports)])
    }

    /// The packet arrives at one of the doors of its destination.
    pub(super) fn through_door(&self, doors: usize, vocabulary: &Vocabulary<'_>) -> Bool {
        let (protocol, port) = (&self.header.protocol, &self.header.destination_port);
        self.destination.has_door(doors, protocol, port, vocabulary)
    }

    /// Whether the packet has an answer, and the answer's header.
    pub(super) fn answer(&self) -> (Bool, HeaderTerms) {
        let header = self.header;
        let mut kind = literal(0, 8);
        let mut answered = Vec::new();
        for (family, request, answer) in ICMP_ANSWERS {
            let number = ICMP.iter().find(|(of, _)| *of == family).map_or(0, |(_, number)| *number);
            let this = all([header.is_protocol(number), header.kind.eq(literal(request.into(), 8))]);
            kind = this.ite(&literal(answer.into(), 8), &kind);
            answered.push(this);
        }
        let exists = any([header.is_transport(), any(answered)]);
        let answer = HeaderTerms {
            source_port: header.destination_port.clone(),
            destination_port: header.source_port.clone(),
            kind,
            ..header.clone()
        };
        (exists, answer)
    }

    /// Both ends are one and the same unit.
    pub(super) fn stays_inside(&self) -> Bool {
        all([self.source.is_unit(), self.destination.is_unit(), self.source.same(self.destination, &Fact::Unit)])
    }

    /// One end runs on the other.
    pub(super) fn host_and_guest(&self) -> Bool {
        let (source, destination) = (self.source, self.destination);
        let runs_on = |guest: &End, host: &End| guest.linked(&Fact::Host, host, &Fact::Unit);
        let related = any([runs_on(source, destination), runs_on(destination, source)]);
        all([source.is_unit(), destination.is_unit(), related])
    }
}

/// True for the numbers of protocols that have a form of their own: ICMP, TCP, UDP, ICMPv6, SCTP.
pub(super) fn has_own_form(number: u8) -> bool {
    let transport = Transport::ALL.into_iter().any(|transport| transport.number() == number);
    transport || ICMP.iter().any(|(_, icmp)| *icmp == number)
}

/// The header that values of the variables stand for.
pub(super) fn header_of(protocol: u8, source_port: u16, destination_port: u16, kind: u8, code: u8) -> Header {
    if let Some(protocol) = Transport::ALL.into_iter().find(|transport| transport.number() == protocol) {
        return Header::Transport { protocol, source_port, destination_port };
    }
    if ICMP.iter().any(|(_, number)| *number == protocol) {
        return Header::Icmp { kind, code };
    }
    Header::Other(protocol)
}

/// The family in which a connection's header is to be read: that of its destination, or of its source.
pub(super) fn family_of(connection: &Connection, family: impl Fn(Endpoint) -> Option<Family>) -> Family {
    family(connection.destination).or_else(|| family(connection.source)).unwrap_or(Family::V4)
}
