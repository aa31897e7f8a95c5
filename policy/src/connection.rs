//! Endpoints and the connections between them.

use crate::design::Design;
use crate::header::Header;
use crate::selector::{Labels, Selector};
use crate::service::Service;
use crate::source::Provenance;
use crate::unit::UnitId;
use std::fmt;
use std::net::IpAddr;

/// The position of a source in [`Design::external_sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalSourceId(pub u32);

/// A named source outside the design whose address is not known but whose paths are, such as the ingress controller
/// of a cluster: it opens the listed connections and no others, is never a destination and never a pivot.
///
/// Selectors see it as a unit with its labels, for that is what it is to the cluster that it runs in.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalSource {
    /// The name, unique in a design: `{ingress-controller}`.
    pub name: String,
    /// The labels that are known of it.
    pub labels: Labels,
    /// What it has paths to.
    pub entries: Vec<Entry>,
}

/// A path from an [`ExternalSource`] to units.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The units.
    pub to: Selector,
    /// The services of theirs that the path carries.
    pub services: Vec<Service>,
    /// Where the path is declared.
    pub provenance: Provenance,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An interface of a unit.
    Unit {
        /// The unit.
        unit: UnitId,
        /// The position of the interface in [`Unit::interfaces`](crate::Unit::interfaces).
        interface: u16,
    },
    /// An address that is no unit's.
    External(IpAddr),
    /// A named source outside the design; never a destination.
    Source(ExternalSourceId),
}

impl Endpoint {
    /// The unit, where the endpoint is one.
    pub fn unit(self) -> Option<UnitId> {
        match self {
            Endpoint::Unit { unit, .. } => Some(unit),
            Endpoint::External(_) | Endpoint::Source(_) => None,
        }
    }
}

/// A connection that somebody may want to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    /// Who opens it.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// Protocol and ports.
    pub header: Header,
}

impl Connection {
    /// The connection with the names of its endpoints, to print: `web -> db tcp/5432`.
    pub fn display<'a>(&'a self, design: &'a Design) -> impl fmt::Display + 'a {
        struct Named<'a>(&'a Connection, &'a Design);
        impl fmt::Display for Named<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let name = |end| self.1.endpoint_name(end);
                write!(f, "{} -> {} {}", name(self.0.source), name(self.0.destination), self.0.header)
            }
        }
        Named(self, design)
    }
}
