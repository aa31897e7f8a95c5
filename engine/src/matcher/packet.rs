//! Packets: what a point on the wire sees of a connection that is being opened.

use seglab_policy::{Family, Header, ICMP_V4, ICMP_V6, Transport, icmp_reply};

/// The first packet of a connection, with addresses as big-endian numbers: [`PacketV4`] or [`PacketV6`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Packet<A> {
    /// Who sends it.
    pub source: A,
    /// To whom.
    pub destination: A,
    /// The port of the sender; 0 where the protocol has none.
    pub source_port: u16,
    /// The port of the receiver; of ICMP the type in the upper byte and the code in the lower one.
    pub destination_port: u16,
    /// The number of the protocol.
    pub protocol: u8,
}

/// A packet between IPv4 addresses.
pub type PacketV4 = Packet<u32>;
/// A packet between IPv6 addresses.
pub type PacketV6 = Packet<u128>;

impl Packet<u32> {
    /// A packet of a header between IPv4 addresses.
    pub fn v4(source: std::net::Ipv4Addr, destination: std::net::Ipv4Addr, header: Header) -> Self {
        let ports = HeaderFields::new(header, Family::V4);
        ports.packet(source.to_bits(), destination.to_bits())
    }
}

impl Packet<u128> {
    /// A packet of a header between IPv6 addresses.
    pub fn v6(source: std::net::Ipv6Addr, destination: std::net::Ipv6Addr, header: Header) -> Self {
        let ports = HeaderFields::new(header, Family::V6);
        ports.packet(source.to_bits(), destination.to_bits())
    }
}

impl<A: Copy> Packet<A> {
    /// What the packet says beyond its addresses.
    #[inline]
    pub(super) fn fields(&self) -> HeaderFields {
        let Self { source_port, destination_port, protocol, .. } = *self;
        HeaderFields { source_port, destination_port, protocol }
    }
}

/// A header as it stands in packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderFields {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) protocol: u8,
}

impl HeaderFields {
    pub(super) fn new(header: Header, family: Family) -> Self {
        match header {
            Header::Transport { protocol, source_port, destination_port } => {
                Self { source_port, destination_port, protocol: protocol.number() }
            }
            Header::Icmp { kind, code } => Self {
                source_port: 0,
                destination_port: u16::from_be_bytes([kind, code]),
                protocol: icmp_number(family),
            },
            Header::Other(protocol) => Self { source_port: 0, destination_port: 0, protocol },
        }
    }

    pub(super) fn header(self, family: Family) -> Header {
        let Self { source_port, destination_port, protocol: number } = self;
        match Transport::ALL.into_iter().find(|transport| transport.number() == number) {
            Some(protocol) => Header::Transport { protocol, source_port, destination_port },
            None if number == icmp_number(family) => {
                let [kind, code] = destination_port.to_be_bytes();
                Header::Icmp { kind, code }
            }
            None => Header::Other(number),
        }
    }

    /// True if something answers.
    #[inline]
    pub(super) fn has_reply(self, family: Family) -> bool {
        match self.protocol {
            6 | 17 | 132 => true,
            number if number == icmp_number(family) => {
                let [kind, _] = self.destination_port.to_be_bytes();
                icmp_reply(family, kind).is_some()
            }
            _ => false,
        }
    }

    fn packet<A>(self, source: A, destination: A) -> Packet<A> {
        let Self { source_port, destination_port, protocol } = self;
        Packet { source, destination, source_port, destination_port, protocol }
    }
}

/// The number of a family's ICMP.
fn icmp_number(family: Family) -> u8 {
    match family {
        Family::V4 => ICMP_V4,
        Family::V6 => ICMP_V6,
    }
}
