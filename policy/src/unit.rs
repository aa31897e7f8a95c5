//! Units, their interfaces, and the facts that decide what an attacker can do with one.

use crate::address::Family;
use crate::header::{Header, Transport};
use crate::selector::Labels;
use crate::source::Provenance;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// The position of a unit in [`Design::units`](crate::Design::units).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u32);

impl UnitId {
    /// The position as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The smallest isolated thing that computes: VM, container, pod, server, database, device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    /// The name, unique in a design. A replica of a Kubernetes workload is `namespace/name[Kind]#1`.
    pub name: String,
    /// Whom replicas are printed under, once for all of them: `namespace/name[Kind]`.
    pub owner: Option<String>,
    /// Labels.
    pub labels: Labels,
    /// Where the unit is attached; at least one.
    pub interfaces: Vec<Interface>,
    /// The services it listens on.
    pub listeners: Vec<Listener>,
    /// The unit that this one runs on: whoever owns the host owns this unit.
    pub host: Option<String>,
    /// How much its loss costs, 0 for a unit that is not critical. \[weight\]
    pub criticality: u32,
    /// The software image; replicas of an image share its vulnerabilities.
    pub image: Option<String>,
    /// Weaknesses through which it can be taken.
    pub vulnerabilities: Vec<Vulnerability>,
    /// Credentials that whoever owns the unit holds.
    pub credentials: Vec<String>,
    /// Credentials with which the unit can be taken.
    pub logins: Vec<Login>,
    /// Whether an agent can be installed on it.
    pub can_host_agent: bool,
    /// Where the unit is written.
    pub provenance: Provenance,
}

impl Unit {
    /// The name to print: the owner's where the unit is one of several replicas, else its own.
    pub fn display_name(&self) -> &str {
        self.owner.as_deref().unwrap_or(&self.name)
    }

    /// The ports that the unit declares under `name`, with their protocols.
    pub fn named_ports(&self, name: &str) -> impl Iterator<Item = (Transport, u16)> {
        self.listeners
            .iter()
            .filter(move |listener| listener.name.as_deref() == Some(name))
            .map(|listener| (listener.protocol, listener.first))
    }

    /// True if the unit listens where a connection with `header` arrives. ICMP and protocols without ports are
    /// answered by the host itself and never name a service, so they are not listened on.
    pub fn listens_to(&self, header: Header) -> bool {
        match header {
            Header::Transport { protocol, destination_port, .. } => {
                self.listeners.iter().any(|listener| listener.accepts(protocol, destination_port))
            }
            Header::Icmp { .. } | Header::Other(_) => false,
        }
    }
}

/// What is known of an interface's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// Exactly this one.
    Known(IpAddr),
    /// One of these, drawn by whoever attaches the unit.
    Within(IpNet),
    /// Of this family, nothing more.
    Unknown(Family),
}

impl Address {
    /// The family of the address.
    pub fn family(self) -> Family {
        match self {
            Address::Known(address) => Family::of(address),
            Address::Within(IpNet::V4(_)) => Family::V4,
            Address::Within(IpNet::V6(_)) => Family::V6,
            Address::Unknown(family) => family,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Known(address) => write!(f, "{address}"),
            Address::Within(net) => write!(f, "within {net}"),
            Address::Unknown(family) => write!(f, "unknown {family}"),
        }
    }
}

/// Where an interface stands; boundaries between places carry appliances. An absent level is a place of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The site: data center, office, cloud region.
    pub site: Option<String>,
    /// The zone: a part of a site between firewalls.
    pub zone: Option<String>,
    /// The subnet: units inside it reach each other without a router.
    pub subnet: Option<String>,
}

/// One address of a unit and the network that it stands in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface {
    /// The address.
    pub address: Address,
    /// Address space: VPC, VRF, cluster. Two units may have one address in different spaces.
    pub space: String,
    /// Site, zone and subnet.
    pub place: Place,
    /// Declared sharing of the address with other units of the space (host network, address translation).
    pub shared: bool,
    /// Some path carries connections from external endpoints to the interface.
    pub inbound: bool,
    /// Some path carries connections from the interface to external endpoints.
    pub outbound: bool,
}

impl Interface {
    /// An interface in the address space `default`, in no named place, with paths from and to external endpoints.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            space: DEFAULT_SPACE.to_owned(),
            place: Place::default(),
            shared: false,
            inbound: true,
            outbound: true,
        }
    }

    /// The family of the interface's address.
    pub fn family(&self) -> Family {
        self.address.family()
    }
}

/// The address space of whoever names none.
pub const DEFAULT_SPACE: &str = "default";

/// A service that a unit listens on: ports `first` to `last` of a protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listener {
    /// The protocol.
    pub protocol: Transport,
    /// First port.
    pub first: u16,
    /// Last port; the first again for a single one.
    pub last: u16,
    /// The name that rules may know it by; a named listener is a single port.
    pub name: Option<String>,
}

impl Listener {
    /// A single port without a name.
    pub fn port(protocol: Transport, port: u16) -> Self {
        Self { protocol, first: port, last: port, name: None }
    }

    /// True if connections to `port` of `protocol` reach the listener.
    pub fn accepts(&self, protocol: Transport, port: u16) -> bool {
        self.protocol == protocol && (self.first..=self.last).contains(&port)
    }
}

/// A weakness that lets whoever reaches a service take the unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vulnerability {
    /// Its name, such as a CVE id.
    pub name: String,
    /// The protocol of the service that has it.
    pub protocol: Transport,
    /// The port of the service that has it.
    pub port: u16,
}

/// A credential with which a service lets its holder take the unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login {
    /// The credential's name.
    pub credential: String,
    /// The protocol of the service that takes it.
    pub protocol: Transport,
    /// The port of the service that takes it.
    pub port: u16,
}
