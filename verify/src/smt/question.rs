//! Questions: which connections are looked for.

use super::Outcome;
use super::ends::End;
use super::facts::{Fact, Ports, Vocabulary};
use super::term::{Truth, all, any, constant};
use seglab_policy::{AddressSet, Endpoint, IntervalSet, Peer, Service, Transport, Unit, UnitId};
use std::collections::BTreeSet;

/// A description of connections; [`Encoding::find`](super::Encoding::find) looks for one.
///
/// Only connections between endpoints that exist count: of one family, at most one of them external, and external
/// addresses being no unit's.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Who opens it.
    pub from: Ends,
    /// To whom.
    pub to: Ends,
    /// Its service is one of these.
    pub services: Vec<Service>,
    /// It is none of these; where it only may be one, it is not if the question is asked `surely`.
    pub unless: Vec<Listed>,
    /// Its source port, where its protocol has ports, is one of these.
    pub source_ports: IntervalSet<u16>,
    /// At which ports of the destination it arrives.
    pub doors: Doors,
    /// It leaves the unit that opens it.
    pub leaves: bool,
    /// What becomes of it is one of these.
    pub wanted: Vec<Outcome>,
    /// The same becomes of it between every two interfaces of its ends that are of one family; if there are no such
    /// two, it may be between two of different families.
    pub everywhere: bool,
    /// Its ends are surely those that are described; otherwise they may be.
    pub surely: bool,
}

impl Question {
    /// Any connection at all that comes to one of these ends.
    pub fn any(wanted: impl Into<Vec<Outcome>>) -> Self {
        Self {
            from: Ends::Any,
            to: Ends::Any,
            services: vec![Service::Any],
            unless: Vec::new(),
            source_ports: IntervalSet::full(),
            doors: Doors::Any,
            leaves: false,
            wanted: wanted.into(),
            everywhere: false,
            surely: false,
        }
    }

    /// The same between these ends.
    #[must_use]
    pub fn between(self, from: Ends, to: Ends) -> Self {
        Self { from, to, ..self }
    }
}

/// Connections that fare otherwise in another design.
#[derive(Clone, Debug, PartialEq)]
pub struct Apart {
    /// Their services.
    pub services: Vec<Service>,
    /// What becomes of them here: one of these.
    pub here: Vec<Outcome>,
    /// What becomes of them there: one of these.
    pub there: Vec<Outcome>,
}

/// Connections between sets of endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Who opens them.
    pub from: Ends,
    /// To whom.
    pub to: Ends,
    /// On which services.
    pub services: Vec<Service>,
}

/// A set of endpoints.
#[derive(Clone, Debug, PartialEq)]
pub enum Ends {
    /// Every endpoint.
    Any,
    /// Units.
    Units(BTreeSet<UnitId>),
    /// External addresses.
    External(AddressSet),
    /// Named external sources, every one.
    Sources,
    /// One endpoint.
    At(Endpoint),
    /// Whom a peer speaks of. It speaks of single interfaces where it goes by address.
    Peer(Peer),
    /// Endpoints of every one of these.
    AllOf(Vec<Ends>),
    /// Endpoints of at least one of these.
    AnyOf(Vec<Ends>),
    /// Endpoints that are not these.
    Not(Box<Ends>),
}

impl Ends {
    /// Every unit.
    pub fn every_unit() -> Self {
        Ends::Not(Box::new(Ends::AnyOf(vec![Ends::External(AddressSet::full()), Ends::Sources])))
    }

    /// These without the others.
    #[must_use]
    pub fn except(self, others: Ends) -> Self {
        Ends::AllOf(vec![self, Ends::Not(Box::new(others))])
    }

    /// The peers that the set is made of.
    pub(super) fn peers(&self) -> Box<dyn Iterator<Item = &Peer> + '_> {
        match self {
            Ends::Any | Ends::Units(_) | Ends::External(_) | Ends::Sources | Ends::At(_) => {
                Box::new(std::iter::empty())
            }
            Ends::Peer(peer) => Box::new(std::iter::once(peer)),
            Ends::AllOf(parts) | Ends::AnyOf(parts) => Box::new(parts.iter().flat_map(Ends::peers)),
            Ends::Not(inner) => inner.peers(),
        }
    }

    /// The end is in the set.
    pub(super) fn hold(&self, end: &End, vocabulary: &Vocabulary<'_>) -> Truth {
        let parts = |parts: &[Ends]| -> (Vec<_>, Vec<_>) {
            parts.iter().map(|part| part.hold(end, vocabulary)).map(|truth| (truth.surely, truth.perhaps)).unzip()
        };
        match self {
            Ends::Any => Truth::known(constant(true)),
            Ends::Units(units) => Truth::known(end.one_of(units.iter().map(|unit| u128::from(unit.0)))),
            Ends::External(set) => Truth::known(end.is_address(set)),
            Ends::Sources => Truth::known(end.is_source()),
            Ends::At(Endpoint::External(address)) => Truth::known(end.is_address(&AddressSet::single(*address))),
            Ends::At(endpoint) => Truth::known(
                vocabulary.row_of(*endpoint).map_or_else(|| constant(false), |row| end.is(&Fact::Row, row)),
            ),
            Ends::Peer(peer) => end.is_peer(peer, vocabulary),
            Ends::AllOf(ends) => {
                let (surely, perhaps) = parts(ends);
                Truth { surely: all(surely), perhaps: all(perhaps) }
            }
            Ends::AnyOf(ends) => {
                let (surely, perhaps) = parts(ends);
                Truth { surely: any(surely), perhaps: any(perhaps) }
            }
            Ends::Not(inner) => {
                let inner = inner.hold(end, vocabulary);
                Truth { surely: inner.perhaps.not(), perhaps: inner.surely.not() }
            }
        }
    }
}

/// The ports at which a connection has to arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doors {
    /// Any port, and protocols without ports.
    Any,
    /// Ports that the destination, a unit, listens on.
    Listening,
    /// Ports at which the destination, a unit, has a vulnerability, or takes one of these credentials.
    Exploitable {
        /// The credentials that are held.
        held: BTreeSet<String>,
        /// Only ports that it listens on, too.
        listening: bool,
    },
}

impl Doors {
    /// The ports of a unit.
    pub(super) fn of(&self, unit: &Unit) -> Ports {
        let listeners = || unit.listeners.iter().map(|open| (open.protocol, open.first, open.last));
        match self {
            Doors::Any => Ports::new(),
            Doors::Listening => ports(listeners()),
            Doors::Exploitable { held, listening } => {
                let weak =
                    unit.vulnerabilities.iter().map(|weakness| (weakness.protocol, weakness.port, weakness.port));
                let logins = unit.logins.iter().filter(|login| held.contains(&login.credential));
                let mut open = ports(weak.chain(logins.map(|login| (login.protocol, login.port, login.port))));
                if *listening {
                    let listened = ports(listeners());
                    for (protocol, set) in &mut open {
                        *set = listened.get(protocol).map_or_else(IntervalSet::empty, |heard| set.intersection(heard));
                    }
                    open.retain(|_, set| !set.is_empty());
                }
                open
            }
        }
    }
}

fn ports(ranges: impl Iterator<Item = (Transport, u16, u16)>) -> Ports {
    let mut ports = Ports::new();
    for (protocol, first, last) in ranges {
        let set = ports.entry(protocol).or_insert_with(IntervalSet::empty);
        *set = set.union(&IntervalSet::from_ranges([(first, last)]));
    }
    ports
}
