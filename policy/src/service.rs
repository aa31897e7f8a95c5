//! Services: the protocols and ports that a rule, a need or a property speaks of.

use crate::address::Family;
use crate::header::{Header, ICMP_V4, ICMP_V6, Transport};
use crate::interval::IntervalSet;
use crate::unit::Unit;
use std::fmt;

/// A predicate over a connection's header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Every protocol and port.
    Any,
    /// A transport protocol with sets of ports.
    Ports {
        /// The protocol.
        protocol: Transport,
        /// Destination ports.
        ports: IntervalSet<u16>,
        /// Source ports; full where the dialect does not look at them.
        source_ports: IntervalSet<u16>,
    },
    /// A port by the name that the destination gives it; matches nothing where the name does not exist.
    NamedPort {
        /// The protocol, or `None` for whichever the destination declares.
        protocol: Option<Transport>,
        /// The name.
        name: String,
    },
    /// ICMP of one family.
    Icmp {
        /// IPv4's ICMP or IPv6's.
        family: Family,
        /// Message type; `None` for every type.
        kind: Option<u8>,
        /// Message code; `None` for every code.
        code: Option<u8>,
    },
    /// A protocol by its number: never 1, 6, 17, 58 or 132, which have forms of their own.
    Protocol(u8),
}

impl Service {
    /// Destination ports `first` to `last` of a protocol, from any source port.
    pub fn ports(protocol: Transport, first: u16, last: u16) -> Self {
        Service::Ports { protocol, ports: IntervalSet::from_ranges([(first, last)]), source_ports: IntervalSet::full() }
    }

    /// The service that a bare protocol number stands for, all of its ports or types.
    pub fn protocol(number: u8) -> Self {
        match number {
            ICMP_V4 => Service::Icmp { family: Family::V4, kind: None, code: None },
            ICMP_V6 => Service::Icmp { family: Family::V6, kind: None, code: None },
            6 => Service::ports(Transport::Tcp, 0, u16::MAX),
            17 => Service::ports(Transport::Udp, 0, u16::MAX),
            132 => Service::ports(Transport::Sctp, 0, u16::MAX),
            number => Service::Protocol(number),
        }
    }

    /// True if a connection of `family` with `header` to `destination` (`None`: not a unit) is of this service.
    pub fn matches(&self, family: Family, header: Header, destination: Option<&Unit>) -> bool {
        match (self, header) {
            (Service::Any, _) => true,
            (
                Service::Ports { protocol, ports, source_ports },
                Header::Transport { protocol: used, source_port, destination_port },
            ) => *protocol == used && ports.contains(destination_port) && source_ports.contains(source_port),
            (Service::NamedPort { protocol, name }, Header::Transport { protocol: used, destination_port, .. }) => {
                protocol.is_none_or(|protocol| protocol == used)
                    && destination.is_some_and(|unit| {
                        unit.named_ports(name).any(|(declared, port)| declared == used && port == destination_port)
                    })
            }
            (Service::Icmp { family: of, kind, code }, Header::Icmp { kind: used, code: used_code }) => {
                *of == family && kind.is_none_or(|kind| kind == used) && code.is_none_or(|code| code == used_code)
            }
            (Service::Protocol(number), Header::Other(used)) => *number == used,
            _ => false,
        }
    }
}

/// Writes ports as ranges joined by commas; every port as nothing.
pub(crate) fn write_ports(f: &mut impl fmt::Write, ports: &IntervalSet<u16>) -> fmt::Result {
    for (at, (first, last)) in ports.ranges().iter().enumerate() {
        if at > 0 {
            f.write_str(",")?;
        }
        if first == last { write!(f, "{first}")? } else { write!(f, "{first}-{last}")? }
    }
    Ok(())
}

/// Writes the form that the lab file reads: `any`, `tcp/443`, `udp/1000-2000,3000`, `tcp/443 from 1024-65535`,
/// `tcp/http`, `icmp/8/0`, `icmpv6`, `proto/50`.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Any => f.write_str("any"),
            Service::Ports { protocol, ports, source_ports } => {
                write!(f, "{protocol}")?;
                if !ports.is_full() {
                    f.write_str("/")?;
                    write_ports(f, ports)?;
                }
                if !source_ports.is_full() {
                    f.write_str(" from ")?;
                    write_ports(f, source_ports)?;
                }
                Ok(())
            }
            Service::NamedPort { protocol: Some(protocol), name } => write!(f, "{protocol}/{name}"),
            Service::NamedPort { protocol: None, name } => write!(f, "port/{name}"),
            Service::Icmp { family, kind, code } => {
                f.write_str(if *family == Family::V4 { "icmp" } else { "icmpv6" })?;
                match (kind, code) {
                    (None, None) => Ok(()),
                    (Some(kind), None) => write!(f, "/{kind}"),
                    (Some(kind), Some(code)) => write!(f, "/{kind}/{code}"),
                    (None, Some(code)) => write!(f, "/any/{code}"),
                }
            }
            Service::Protocol(number) => write!(f, "proto/{number}"),
        }
    }
}
