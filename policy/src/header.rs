//! The header fields of a connection that rules may look at.

use crate::address::Family;
use std::fmt;

/// A transport protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Transmission Control Protocol, number 6.
    Tcp,
    /// User Datagram Protocol, number 17.
    Udp,
    /// Stream Control Transmission Protocol, number 132.
    Sctp,
}

impl Transport {
    /// The three transports, in the order in which output lists them.
    pub const ALL: [Transport; 3] = [Transport::Tcp, Transport::Udp, Transport::Sctp];

    /// The protocol's IANA number.
    pub fn number(self) -> u8 {
        match self {
            Transport::Tcp => 6,
            Transport::Udp => 17,
            Transport::Sctp => 132,
        }
    }

    /// The name in lower case: `tcp`, `udp`, `sctp`.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Sctp => "sctp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// ICMP's number in IPv4.
pub const ICMP_V4: u8 = 1;
/// ICMP's number in IPv6.
pub const ICMP_V6: u8 = 58;

/// What a connection's first packet says beyond its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Header {
    /// A transport protocol with its ports.
    Transport {
        /// The protocol.
        protocol: Transport,
        /// The port of whoever opens the connection.
        source_port: u16,
        /// The port at the destination.
        destination_port: u16,
    },
    /// An ICMP message; which ICMP follows from the family of the addresses.
    Icmp {
        /// Message type.
        kind: u8,
        /// Message code.
        code: u8,
    },
    /// Any other IP protocol, by its number: never 1, 6, 17, 58 or 132.
    Other(u8),
}

impl Header {
    /// A transport header with the ephemeral source port 49152, for callers to whom the source port is all one.
    pub fn to_port(protocol: Transport, destination_port: u16) -> Self {
        Header::Transport { protocol, source_port: 49152, destination_port }
    }

    /// The header of the packet that answers this one; `None` where the protocol has no answer
    /// (ICMP messages that are not requests, protocols without ports).
    pub fn reply(self, family: Family) -> Option<Self> {
        match self {
            Header::Transport { protocol, source_port, destination_port } => {
                Some(Header::Transport { protocol, source_port: destination_port, destination_port: source_port })
            }
            Header::Icmp { kind, code } => icmp_reply(family, kind).map(|kind| Header::Icmp { kind, code }),
            Header::Other(_) => None,
        }
    }
}

/// The type that answers an ICMP request: echo, timestamp, information and address mask of RFC 792 and RFC 950,
/// echo of RFC 4443.
pub fn icmp_reply(family: Family, kind: u8) -> Option<u8> {
    match (family, kind) {
        (Family::V4, 8) => Some(0),
        (Family::V4, 13) => Some(14),
        (Family::V4, 15) => Some(16),
        (Family::V4, 17) => Some(18),
        (Family::V6, 128) => Some(129),
        _ => None,
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Header::Transport { protocol, destination_port, .. } => write!(f, "{protocol}/{destination_port}"),
            Header::Icmp { kind, code } => write!(f, "icmp/{kind}/{code}"),
            Header::Other(number) => write!(f, "proto/{number}"),
        }
    }
}
