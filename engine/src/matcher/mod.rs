//! The matcher: a design under one assumption, compiled to what a point on the wire reads for every packet.
//!
//! The [`Engine`](crate::Engine) answers under every assumption and walks the points of a path for each connection. A
//! matcher puts the points in series once, when it compiles, and keeps what they add up to:
//!
//! 1. An address finds two classes, one as a source and one as a destination, in a trie as deep as the ranges need.
//! 2. Protocol and ports find a service class.
//! 3. A pair of classes finds a *profile*, a verdict for every service class: in a dense table, or as the usual answer of
//!    two groups with a hash table of exceptions, whichever is predicted to be better within the memory allowed. A filter
//!    whose rules would single out too many pairs has several smaller tables, [layers](PairForm::Layered), which are joined
//!    to a dense one where their classes are few.
//!
//! Classes are merged by verdict: two sources are one class exactly when no destination and no service tells them apart
//! from among those of a group, whichever rules say so. A packet takes about ten reads, however many rules there are.
//! What classes cannot settle (an address that several units have, addresses of one unit, a host and its guest where a
//! point exempts them) is settled by looking at whose the addresses are. Where tables would not fit, the matcher asks an
//! engine instead, and says so.
//!
//! ```
//! use seglab_engine::{Decision, Limits, Matcher, Packet};
//! use seglab_policy::{Address, Assume, Design, Draft, Header, Interface, Transport, Unit};
//! let unit = |name: &str, address: &str| Unit {
//!     name: name.to_owned(),
//!     interfaces: vec![Interface::new(Address::Known(address.parse().expect("an address")))],
//!     ..Unit::default()
//! };
//! let draft = Draft { units: vec![unit("db", "10.0.0.2"), unit("web", "10.0.0.1")], ..Draft::default() };
//! let design = Design::new(draft).expect("no contradictions");
//! let matcher = Matcher::compile(&design, Assume::business(), Limits::default())?;
//! let space = matcher.space("default").expect("units stand in it");
//! let packet = Packet::v4([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), Header::to_port(Transport::Tcp, 5432));
//! assert!(matches!(matcher.decide_v4(space, &packet), Decision::Allowed(_))); // no point, no denial
//! # Ok::<(), seglab_engine::CompileError>(())
//! ```

mod address_table;
mod answers;
mod batch;
mod compile;
mod directory;
mod doubled;
mod exception_rows;
mod explain;
mod ground;
mod group;
mod header_table;
mod layers;
mod ledger;
mod live;
mod merge;
mod numbers;
mod packet;
mod pair_table;
mod part;
mod policy;
mod rows;
mod side;
mod tables;
#[cfg(target_arch = "x86_64")]
mod vector;
mod verdicts;

pub use explain::Explanation;
pub use ledger::Why as Recompiled;
pub use live::{Applied, LiveMatcher, Snapshot};
pub use packet::{InterfaceId, Packet, PacketV4, PacketV6, UnitPacket};
pub use pair_table::PairForm;
pub use policy::{LiveRule, Update, UpdateError};
pub use tables::Untabled;

use crate::column::id;
use crate::engine::{Decision, Engine};
use crate::population::number;
use directory::{Directory, End};
use packet::HeaderFields;
use seglab_policy::{Assume, Connection, Direction, Endpoint, Family, Reply, UnitId};
use std::collections::BTreeMap;
use std::sync::Arc;
use tables::Tables;
use verdicts::{ALLOWED, Code, UNKNOWN};

/// A design under one assumption, compiled for packets. Deciding changes nothing in it.
#[derive(Clone, Debug)]
pub struct Matcher {
    assume: Assume,
    /// The rulebook and the direction that are asked, where paths and points are not.
    only: Option<(u32, Direction)>,
    spaces: Arc<BTreeMap<String, u32>>,
    families: [Option<FamilyMatcher>; 2],
    /// Where some family has no tables.
    engine: Option<Arc<Engine>>,
}

/// An address space, in which addresses are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(u32);

/// How one address family is laid out, and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The family.
    pub family: Family,
    /// The form of the table of pairs; why there is none, and an engine is asked.
    pub form: Result<PairForm, Untabled>,
    /// Classes of sources that no verdict tells apart.
    pub source_classes: usize,
    /// Classes of destinations that no verdict tells apart.
    pub destination_classes: usize,
    /// Pairs of classes that are told something else than their groups.
    pub exceptions: usize,
    /// Classes of headers that no rule tells apart.
    pub service_classes: usize,
    /// The memory of tables, tries and profiles. \[bytes\]
    pub memory_bytes: usize,
}

/// The endpoints of a family, and their tables if they have any.
#[derive(Clone, Debug)]
struct FamilyMatcher {
    directory: Arc<Directory>,
    tables: Result<Tables, Untabled>,
}

impl Matcher {
    /// How each address family of the design is laid out.
    pub fn layouts(&self) -> impl Iterator<Item = Layout> {
        self.families.iter().flatten().map(|family| {
            let directory = family.directory.bytes();
            let empty = Layout {
                family: family.directory.family,
                form: Err(Untabled::Groups),
                source_classes: 0,
                destination_classes: 0,
                exceptions: 0,
                service_classes: 0,
                memory_bytes: directory,
            };
            match &family.tables {
                Err(why) => Layout { form: Err(*why), ..empty },
                Ok(tables) => Layout {
                    form: Ok(tables.answers.form()),
                    source_classes: tables.classes[0],
                    destination_classes: tables.classes[1],
                    exceptions: tables.exceptions,
                    service_classes: tables.service_classes,
                    memory_bytes: directory + tables.bytes(),
                    ..empty
                },
            }
        })
    }

    /// What deciding a packet between IPv4 addresses reads, one entry a read: the bytes of the table that is read. None
    /// where an engine is asked. \[bytes\]
    pub fn reads_v4(&self, space: SpaceId) -> Vec<usize> {
        let [family, _] = &self.families;
        let tables = family.as_ref().and_then(|family| family.tables.as_ref().ok());
        tables.map_or_else(Vec::new, |tables| tables.reads(space.0))
    }

    /// As [`Matcher::reads_v4`], of a packet between known interfaces.
    pub fn reads_between(&self) -> Vec<usize> {
        let [family, _] = &self.families;
        let tables = family.as_ref().and_then(|family| family.tables.as_ref().ok());
        tables.map_or_else(Vec::new, Tables::reads_between)
    }

    /// The memory of everything that decides. \[bytes\]
    pub fn memory_bytes(&self) -> usize {
        let engine = self.engine.as_ref().map_or(0, |engine| engine.footprint().memory_bytes);
        engine + self.layouts().map(|layout| layout.memory_bytes).sum::<usize>()
    }

    /// The address space of a name; `None` if no unit stands in it.
    pub fn space(&self, name: &str) -> Option<SpaceId> {
        self.spaces.get(name).copied().map(SpaceId)
    }

    /// An interface of a unit, by its position there; `None` if there is no such interface.
    pub fn interface(&self, unit: UnitId, interface: u16) -> Option<InterfaceId> {
        self.families.iter().flatten().find_map(|family| {
            let found = family.directory.interface(unit, interface)?;
            Some(InterfaceId::new(family.directory.family, found))
        })
    }

    /// Whether a packet between IPv4 addresses, seen in a space, may open its connection.
    pub fn decide_v4(&self, space: SpaceId, packet: &PacketV4) -> Decision {
        let [Some(family), _] = &self.families else { return Decision::Denied };
        self.decide_in(family, space, (packet.source.into(), packet.destination.into()), packet.fields())
    }

    /// Whether a packet between IPv6 addresses, seen in a space, may open its connection.
    pub fn decide_v6(&self, space: SpaceId, packet: &PacketV6) -> Decision {
        let [_, Some(family)] = &self.families else { return Decision::Denied };
        self.decide_in(family, space, (packet.source, packet.destination), packet.fields())
    }

    /// Whether a connection may be opened, whoever its ends are; `None` for a named external source, which has no
    /// address that a packet could carry.
    pub fn decide(&self, connection: &Connection) -> Option<Decision> {
        let end = |end: Endpoint| match end {
            Endpoint::Unit { unit, interface } => {
                let found = self.interface(unit, interface)?;
                Some((found.family(), End::Interface(id(found.position()))))
            }
            Endpoint::External(address) => Some((Family::of(address), End::External(number(address)))),
            Endpoint::Source(_) => None,
        };
        let ((family, from), (other, to)) = (end(connection.source)?, end(connection.destination)?);
        let Some(held) = self.family(family).filter(|_| family == other) else { return Some(Decision::Denied) };
        Some(self.decide_ends(held, from, to, HeaderFields::new(connection.header, family)))
    }

    /// Whether a packet between two interfaces may open its connection.
    pub fn decide_between(&self, packet: &UnitPacket) -> Decision {
        let [from, to] = [packet.source, packet.destination];
        if from.family() != to.family() {
            return Decision::Denied;
        }
        let Some(family) = self.family(from.family()) else { return Decision::Denied };
        let fields = packet.fields();
        if let Ok(tables) = &family.tables
            && from != to
        {
            let [sources, destinations] = &tables.interfaces;
            let code = tables.code(sources.at(from.position()), destinations.at(to.position()), fields);
            if !tables::is_open(code) {
                return decision(code, fields.has_reply(from.family()));
            }
        }
        let end = |interface: InterfaceId| End::Interface(id(interface.position()));
        self.decide_ends(family, end(from), end(to), fields)
    }

    fn decide_in(&self, family: &FamilyMatcher, space: SpaceId, ends: (u128, u128), fields: HeaderFields) -> Decision {
        if let Ok(tables) = &family.tables
            && ends.0 != ends.1
        {
            let [source, _] = tables.address_labels(space.0, ends.0);
            let [_, destination] = tables.address_labels(space.0, ends.1);
            let code = tables.code(source, destination, fields);
            if !tables::is_open(code) {
                return decision(code, fields.has_reply(family.directory.family));
            }
        }
        self.decide_slowly(family, space, ends, fields)
    }

    /// Whether a packet may open its connection, by all that is known of who has its addresses. Where several have
    /// one, and what they are told differs, it is unknown.
    fn decide_slowly(
        &self,
        family: &FamilyMatcher,
        space: SpaceId,
        ends: (u128, u128),
        fields: HeaderFields,
    ) -> Decision {
        let (from, to) = (family.directory.ends(space.0, ends.0), family.directory.ends(space.0, ends.1));
        let pairs = from.iter().flat_map(|&from| to.iter().map(move |&to| (from, to)));
        let mut decisions = pairs.map(|(from, to)| self.decide_ends(family, from, to, fields));
        let first = decisions.next().unwrap_or(Decision::Denied);
        if decisions.all(|decision| decision == first) { first } else { Decision::Unknown }
    }

    fn decide_ends(&self, family: &FamilyMatcher, from: End, to: End, fields: HeaderFields) -> Decision {
        let directory = &family.directory;
        match (&family.tables, &self.engine) {
            (Ok(tables), _) => {
                let code = tables.between(directory, from, to, tables.headers.class(fields));
                decision(code, fields.has_reply(directory.family))
            }
            (Err(_), Some(engine)) => {
                let header = fields.header(directory.family);
                if let (Some((rulebook, direction)), End::External(from), End::External(to)) = (self.only, from, to) {
                    let outcomes = engine.judge_at(rulebook, direction, (directory.family, from, to), header);
                    return match (outcomes.allow, outcomes.deny) {
                        (true, false) => decision(ALLOWED, fields.has_reply(directory.family)),
                        (true, true) => Decision::Unknown,
                        _ => Decision::Denied,
                    };
                }
                let connection =
                    Connection { source: directory.endpoint(from), destination: directory.endpoint(to), header };
                engine.decide(&connection, self.assume)
            }
            // INVARIANT: a family without tables comes with an engine.
            (Err(_), None) => Decision::Unknown,
        }
    }

    fn family(&self, family: Family) -> Option<&FamilyMatcher> {
        let [v4, v6] = &self.families;
        match family {
            Family::V4 => v4.as_ref(),
            Family::V6 => v6.as_ref(),
        }
    }
}

/// The decision that a code stands for.
#[inline]
fn decision(code: Code, has_reply: bool) -> Decision {
    match (code, has_reply) {
        (ALLOWED, true) => Decision::Allowed(Reply::Passes),
        (ALLOWED, false) => Decision::Allowed(Reply::None),
        (UNKNOWN, _) => Decision::Unknown,
        _ => Decision::Denied,
    }
}
