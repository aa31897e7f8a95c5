//! Doors: the connections through which units can be taken, and who can open which.
//!
//! A door is a service of a unit that lets an attacker in under the pivot model or, where clients fall too, a client. Who
//! opens it is an *actor*: an owned unit, one whose host is owned as well (a host's points are void then), or somebody
//! outside. Actors for whom the same doors open, and who find the same units, are one *group*.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use seglab_policy::{
    AddressSet, Assume, Connection, Covers, Design, Endpoint, ExternalSourceId, Finds, Header, Peer, Pivot, Service,
    Side, UnitId,
};

use super::super::Passage;
use super::super::attack::without_tampering;
use super::super::enforcement::Enforcement;
use super::super::network::Network;
use super::bits::Bits;
use super::{PlanError, Settings};

/// The most pairs of an actor and a door that are looked at.
const PAIRS_MAX: u64 = 400_000_000;

/// Who opens connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Actor {
    /// Somebody at a globally routable address, or behind a named external source.
    Outside,
    /// An owned unit.
    /// `tampers`: what it holds of the unit is enough to make the unit's own agent void.
    Unit { unit: UnitId, host_owned: bool, tampers: bool },
}

/// A way to take a unit by a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Door {
    /// The unit that falls.
    pub(super) unit: UnitId,
    /// It falls as a client, by a connection of its own to the actor.
    pub(super) is_client: bool,
    /// Any of these will do.
    pub(super) headers: Vec<Header>,
}

/// What some actors have in common.
pub(super) struct Group {
    /// The doors that open, by number.
    pub(super) opens: Vec<u32>,
    /// The units that a scan finds.
    pub(super) finds: Vec<UnitId>,
}

/// Who can open which door.
pub(super) struct Doors {
    pub(super) doors: Vec<Door>,
    pub(super) groups: Vec<Group>,
    /// The group of every actor.
    pub(super) group_of: BTreeMap<Actor, u32>,
    /// How many pairs of an actor and a door are undecided.
    pub(super) undecided: u64,
}

/// Whether a door opens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opens {
    Yes,
    Perhaps,
    No,
}

/// The design as doors are tried in it.
pub(super) struct Trial<'a> {
    design: &'a Design,
    enforcement: &'a Enforcement,
    settings: &'a Settings,
    /// Endpoints outside that rules may tell apart.
    outside: Vec<Endpoint>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(design: &'a Design, enforcement: &'a Enforcement, settings: &'a Settings) -> Self {
        Self { design, enforcement, settings, outside: outside(design) }
    }

    /// What is assumed of the enforcement when an actor opens a door.
    pub(super) fn assume(&self, actor: Actor, is_client: bool) -> Assume {
        Assume {
            as_if_enforced: self.settings.as_if_enforced,
            trust: match actor {
                Actor::Unit { tampers: false, .. } => without_tampering(self.settings.trust),
                Actor::Unit { tampers: true, .. } | Actor::Outside => self.settings.trust,
            },
            owned: Some(if is_client { Side::Destination } else { Side::Source }),
            host_owned: matches!(actor, Actor::Unit { host_owned: true, .. }),
        }
    }

    /// The first connection by which an actor opens a door, and what becomes of it.
    pub(super) fn connection(&self, actor: Actor, door: &Door) -> Option<(Connection, Passage)> {
        let assume = self.assume(actor, door.is_client);
        let mut undecided = None;
        for near in self.endpoints(actor) {
            for far in interfaces(self.design, door.unit) {
                for &header in &door.headers {
                    let (source, destination) = if door.is_client { (far, near) } else { (near, far) };
                    let wanted = Connection { source, destination, header };
                    match self.enforcement.declared().attempt(wanted, assume) {
                        (connection, passage) if passage.is_allowed() => return Some((connection, passage)),
                        (connection, Passage::Unknown) => undecided = Some((connection, Passage::Unknown)),
                        _ => {}
                    }
                }
            }
        }
        undecided
    }

    fn opens(&self, actor: Actor, door: &Door) -> Opens {
        match self.connection(actor, door) {
            Some((_, Passage::Unknown)) => Opens::Perhaps,
            Some(_) => Opens::Yes,
            None => Opens::No,
        }
    }

    fn endpoints(&self, actor: Actor) -> Vec<Endpoint> {
        match actor {
            Actor::Outside => self.outside.clone(),
            Actor::Unit { unit, .. } => interfaces(self.design, unit).collect(),
        }
    }

    /// The units to which a path leads from an actor, whatever enforcement says.
    fn routed(&self, actor: Actor) -> Vec<UnitId> {
        let design = self.design;
        let leads = |to: &UnitId| {
            design.unit(*to).interfaces.iter().any(|there| match actor {
                Actor::Outside => there.inbound,
                Actor::Unit { unit, .. } => design
                    .unit(unit)
                    .interfaces
                    .iter()
                    .any(|here| here.family() == there.family() && design.spaces_linked(&here.space, &there.space)),
            })
        };
        design.unit_ids().filter(leads).collect()
    }
}

fn interfaces(design: &Design, unit: UnitId) -> impl Iterator<Item = Endpoint> + use<> {
    let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap_or(u16::MAX);
    (0..count).map(move |interface| Endpoint::Unit { unit, interface })
}

/// One address of every part of the internet that rules or units' addresses tell apart, and every named source.
pub(in super::super) fn outside(design: &Design) -> Vec<Endpoint> {
    let internet = AddressSet::internet();
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    let mut cut = |set: &AddressSet| {
        for &(first, last) in set.v4.ranges() {
            addresses.insert(IpAddr::V4(first.into()));
            addresses.extend(last.checked_add(1).map(|next| IpAddr::V4(next.into())));
        }
        for &(first, last) in set.v6.ranges() {
            addresses.insert(IpAddr::V6(first.into()));
            addresses.extend(last.checked_add(1).map(|next| IpAddr::V6(next.into())));
        }
    };
    cut(&internet);
    for (_, rule) in design.rules() {
        for peer in [&rule.from, &rule.to] {
            if let Peer::Addresses { set, covers: Covers::All | Covers::External } = peer {
                cut(set);
            }
        }
    }
    for interface in design.units().iter().flat_map(|unit| &unit.interfaces) {
        if let seglab_policy::Address::Known(address) = interface.address {
            cut(&AddressSet::single(address));
        }
    }
    let addresses = addresses.into_iter().filter(|address| internet.contains(*address)).map(Endpoint::External);
    let sources = (0..).zip(design.external_sources()).map(|(number, _)| Endpoint::Source(ExternalSourceId(number)));
    sources.chain(addresses).collect()
}

/// The same headers, and those that named sources carry and no rule tells apart: what units try is cut where rules are.
fn carried(design: &Design, mut known: BTreeSet<Header>) -> BTreeSet<Header> {
    let (mut kinds, mut codes) = (BTreeSet::new(), BTreeSet::new());
    for header in &known {
        if let Header::Icmp { kind, code } = *header {
            kinds.insert(kind);
            codes.insert(code);
        }
    }
    let entries = design.external_sources().iter().flat_map(|source| &source.entries);
    for service in entries.flat_map(|entry| &entry.services) {
        match service {
            Service::Ports { protocol, ports, .. } => {
                known.extend(ports.ranges().iter().map(|&(first, _)| Header::to_port(*protocol, first)));
            }
            Service::Icmp { kind, code, .. } => {
                kinds.extend(*kind);
                codes.extend(*code);
            }
            Service::Protocol(number) => {
                known.insert(Header::Other(*number));
            }
            Service::Any | Service::NamedPort { .. } => {}
        }
    }
    known.extend(kinds.iter().flat_map(|&kind| codes.iter().map(move |&code| Header::Icmp { kind, code })));
    known
}

/// The doors of a design under a pivot model.
fn doors(network: &Network<'_>, pivot: Pivot) -> Vec<Door> {
    let design = network.design;
    let mut tried: Vec<Header> = Vec::new();
    if pivot != Pivot::Exploitable {
        let known: BTreeSet<Header> = design
            .unit_ids()
            .filter_map(|unit| network.reach(unit))
            .flat_map(|reach| reach.headers.iter().copied())
            .collect();
        tried.extend(carried(design, known));
    }
    let mut doors = BTreeSet::new();
    for id in design.unit_ids() {
        let unit = design.unit(id);
        match pivot {
            Pivot::Exploitable => {
                let weak = unit.vulnerabilities.iter().map(|weak| (weak.protocol, weak.port));
                let logins = unit.logins.iter().map(|login| (login.protocol, login.port));
                let headers = weak.chain(logins).map(|(protocol, port)| Header::to_port(protocol, port));
                let listened = headers.filter(|header| unit.listens_to(*header));
                doors.extend(listened.map(|header| Door { unit: id, is_client: false, headers: vec![header] }));
            }
            Pivot::Service => {
                let headers: Vec<Header> = tried.iter().copied().filter(|header| unit.listens_to(*header)).collect();
                doors.insert(Door { unit: id, is_client: false, headers });
            }
            Pivot::Any | Pivot::EitherWay => {
                doors.insert(Door { unit: id, is_client: false, headers: tried.clone() });
                if pivot == Pivot::EitherWay {
                    doors.insert(Door { unit: id, is_client: true, headers: tried.clone() });
                }
            }
        }
    }
    doors.into_iter().filter(|door| !door.headers.is_empty()).collect()
}

impl Doors {
    /// Tries every door from everywhere. Doors that may open or not do so only if `optimistic`.
    pub(super) fn new(network: &Network<'_>, trial: &Trial<'_>, optimistic: bool) -> Result<Self, PlanError> {
        let design = network.design;
        let doors = doors(network, trial.settings.pivot);
        let mut actors = vec![Actor::Outside];
        for unit in design.unit_ids() {
            let needs_root = design.tradecraft().needs_root.tampering;
            for host_owned in [false, true].into_iter().take(1 + usize::from(design.host_of(unit).is_some())) {
                let tampers = [true, false].into_iter().take(1 + usize::from(needs_root));
                actors.extend(tampers.map(|tampers| Actor::Unit { unit, host_owned, tampers }));
            }
        }
        let pairs = actors.len() as u64 * doors.len() as u64;
        if pairs > PAIRS_MAX {
            return Err(PlanError::TooLarge { pairs, limit: PAIRS_MAX });
        }
        let mut undecided = 0;
        let mut numbers: BTreeMap<(Bits, Vec<UnitId>), u32> = BTreeMap::new();
        let mut group_of = BTreeMap::new();
        for actor in actors {
            let mut opens = Bits::new(doors.len());
            let mut found = BTreeSet::new();
            for (number, door) in (0u32..).zip(&doors) {
                let unit = match actor {
                    Actor::Outside => None,
                    Actor::Unit { unit, .. } => Some(unit),
                };
                if unit == Some(door.unit) {
                    continue;
                }
                let opened = trial.opens(actor, door);
                undecided += u64::from(opened == Opens::Perhaps);
                if opened == Opens::Yes || optimistic && opened == Opens::Perhaps {
                    opens.insert(number);
                    if !door.is_client {
                        found.insert(door.unit);
                    }
                }
            }
            let finds = match design.tradecraft().finds {
                Finds::Answering => found.into_iter().collect(),
                Finds::Routed => trial.routed(actor),
            };
            let next = numbers.len() as u32;
            group_of.insert(actor, *numbers.entry((opens, finds)).or_insert(next));
        }
        let mut groups: Vec<(u32, Group)> = numbers
            .into_iter()
            .map(|((opens, finds), number)| (number, Group { opens: opens.iter().collect(), finds }))
            .collect();
        groups.sort_by_key(|(number, _)| *number);
        Ok(Self { doors, groups: groups.into_iter().map(|(_, group)| group).collect(), group_of, undecided })
    }
}
