//! Packets: what a point on the wire sees of a connection that is being opened.

use seglab_policy::{Family, Header, ICMP_V4, ICMP_V6, Transport, icmp_reply};

/// The first packet of a connection, with addresses as big-endian numbers, [`PacketV4`] or [`PacketV6`], or with
/// the interfaces that have them, [`UnitPacket`].
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
    /// Makes packets as long as their fields, without padding.
    zeros: [u8; 3],
}

/// An interface of a unit, found once and asked about often.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct InterfaceId(u32);

/// The bit of an interface that says that it is one of IPv6.
const OF_V6: u32 = 1 << 31;

impl InterfaceId {
    /// The interface at a position among those of a family.
    pub(super) fn new(family: Family, position: u32) -> Self {
        Self(if family == Family::V6 { position | OF_V6 } else { position })
    }

    /// The family of its address.
    #[inline]
    pub fn family(self) -> Family {
        if self.0 & OF_V6 == 0 { Family::V4 } else { Family::V6 }
    }

    /// Its position among those of its family.
    #[inline]
    pub(super) fn position(self) -> usize {
        (self.0 & !OF_V6) as usize
    }
}

impl std::fmt::Debug for InterfaceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InterfaceId({:?}, {})", self.family(), self.position())
    }
}

/// A packet between IPv4 addresses.
pub type PacketV4 = Packet<u32>;
/// A packet between IPv6 addresses.
pub type PacketV6 = Packet<u128>;
/// A packet between known interfaces.
pub type UnitPacket = Packet<InterfaceId>;

impl Packet<InterfaceId> {
    /// A packet of a header between interfaces.
    pub fn between(from: InterfaceId, to: InterfaceId, header: Header) -> Self {
        HeaderFields::new(header, from.family()).packet(from, to)
    }
}

impl Packet<u32> {
    /// A packet of a header between IPv4 addresses.
    pub fn v4(source: std::net::Ipv4Addr, destination: std::net::Ipv4Addr, header: Header) -> Self {
        let ports = HeaderFields::new(header, Family::V4);
        ports.packet(source.to_bits(), destination.to_bits())
    }

    /// The packet that answers this one; `None` where the protocol has no answer.
    pub fn reply(&self) -> Option<Self> {
        let header = self.fields().header(Family::V4).reply(Family::V4)?;
        Some(HeaderFields::new(header, Family::V4).packet(self.destination, self.source))
    }

    /// The packet that this one answers; `None` where it answers none.
    pub fn answered(&self) -> Option<Self> {
        match self.fields().header(Family::V4) {
            Header::Icmp { kind, code } => {
                let request = (0..=u8::MAX).find(|&request| icmp_reply(Family::V4, request) == Some(kind))?;
                let fields = HeaderFields::new(Header::Icmp { kind: request, code }, Family::V4);
                Some(fields.packet(self.destination, self.source))
            }
            // Ports are exchanged on the way back as on the way there.
            _ => self.reply(),
        }
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
                match family {
                    Family::V4 => ICMP_V4_REPLIES.checked_shr(kind.into()).is_some_and(|bits| bits & 1 != 0),
                    Family::V6 => icmp_reply(family, kind).is_some(),
                }
            }
            _ => false,
        }
    }

    fn packet<A>(self, source: A, destination: A) -> Packet<A> {
        let Self { source_port, destination_port, protocol } = self;
        Packet { source, destination, source_port, destination_port, protocol, zeros: [0; 3] }
    }
}

/// A bit for each kind of ICMP message that something answers.
pub(super) const ICMP_V4_REPLIES: u32 = 1 << 8 | 1 << 13 | 1 << 15 | 1 << 17;

/// The number of a family's ICMP.
fn icmp_number(family: Family) -> u8 {
    match family {
        Family::V4 => ICMP_V4,
        Family::V6 => ICMP_V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_is_what_the_policy_says() {
        for family in Family::ALL {
            for kind in 0..=255 {
                let fields = HeaderFields::new(Header::Icmp { kind, code: 3 }, family);
                assert_eq!(fields.has_reply(family), icmp_reply(family, kind).is_some(), "{family:?} {kind}");
            }
        }
    }
}
