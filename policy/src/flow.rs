//! Flows, and needs: the flows that the business cannot do without.

use crate::rule::Peer;
use crate::service::Service;
use crate::source::Provenance;

/// Connections from somebody to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Who opens them.
    pub from: Peer,
    /// To whom.
    pub to: Peer,
    /// On which services.
    pub services: Vec<Service>,
}

/// A flow that must work: from every unit of `from` to every unit of `to`, on every one of its services, from every
/// source port 1024–65535, replies included. Where a peer is of addresses, any address of it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// Who opens the connections.
    pub from: Peer,
    /// To whom.
    pub to: Peer,
    /// On which services.
    pub services: Vec<Service>,
    /// How often one source opens one. [connections per second]
    pub rate_per_second: f64,
    /// The source waits for the answer before it answers its own callers.
    pub synchronous: bool,
    /// Where it is written.
    pub provenance: Provenance,
}
