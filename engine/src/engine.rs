//! The engine: a design compiled, and its decisions.

use crate::column::{Column, id};
use crate::crossing::{Circumstances, Crossings, Met};
use crate::family::{Facts, FamilyEngine, Ground};
use crate::label_index::LabelIndex;
use crate::population::Population;
use crate::table::Form;
use rustc_hash::FxHashSet;
use seglab_policy::{
    AddressSet, Assume, Connection, Design, Direction, Endpoint, Family, Header, Outcomes, Peer, PointId, Reply, Rule,
    RulebookId, Side, Standing, UnitId, Verdict,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// What an engine may take. Where the fastest form of a table takes more, the next one is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The memory of the tables and profiles of one address family; past it there is no engine. \[bytes\]
    pub memory_bytes: usize,
    /// The pairs of classes of a dense table.
    pub dense_pairs: usize,
    /// The pairs of groups of classes of a hashed table.
    pub group_pairs: usize,
    /// How often the rules of a dense or hashed table may single out a pair of classes.
    pub singled_out: usize,
}

impl Default for Limits {
    /// 1 GiB, and tables that take seconds to build at most.
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, dense_pairs: 1 << 23, group_pairs: 1 << 22, singled_out: 1 << 26 }
    }
}

/// The most endpoints, and the most rules, that are numbered.
const NUMBERED_MAX: usize = 1 << 31;

/// Whether a connection may be opened: the kind of the reference evaluator's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It arrives; whether its answer comes back is another question.
    Allowed(Reply),
    /// It does not arrive.
    Denied,
    /// It depends on what is not known.
    Unknown,
}

impl Decision {
    /// What the reference evaluator says of a connection at one rulebook, wherever its ends are: what a
    /// [`Matcher`](crate::Matcher) of that rulebook decides.
    pub fn at_rulebook(design: &Design, rulebook: RulebookId, direction: Direction, connection: &Connection) -> Self {
        let (outcomes, _) = design.judge_at(rulebook, direction, connection);
        let family = design.family_of(connection).unwrap_or(Family::V4);
        let reply = if connection.header.reply(family).is_some() { Reply::Passes } else { Reply::None };
        match (outcomes.allow, outcomes.deny) {
            (true, false) => Decision::Allowed(reply),
            (true, true) => Decision::Unknown,
            (false, _) => Decision::Denied,
        }
    }
}

impl From<Verdict> for Decision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allowed(reply) => Decision::Allowed(reply),
            Verdict::Denied(_) => Decision::Denied,
            Verdict::Unknown(_) => Decision::Unknown,
        }
    }
}

/// Why a design cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// More things of a kind than can be numbered.
    #[error("the design has {count} {kind}, more than the {most} that an engine can number")]
    TooMany {
        /// What kind of thing, in the plural.
        kind: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// The smallest form of the tables takes more memory than it may.
    #[error("the tables need {} bytes or more, and {} were allowed; allow more memory",
        count_of(*.needed_bytes), count_of(*.budget_bytes))]
    OverBudget {
        /// What has to be allowed at least. \[bytes\]
        needed_bytes: usize,
        /// What was allowed. \[bytes\]
        budget_bytes: usize,
    },
    /// There is no such rulebook.
    #[error("the design has no rulebook {}; name one that it has", .rulebook.0)]
    NoRulebook {
        /// The rulebook.
        rulebook: RulebookId,
    },
}

/// A number of bytes as people read it.
fn count_of(bytes: usize) -> String {
    seglab_policy::number(bytes as u64)
}

/// What an engine is made of, to report beside its speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The memory of tables, profiles and lookups. \[bytes\]
    pub memory_bytes: usize,
    /// Classes of endpoints that nothing tells apart, both families together.
    pub identities: usize,
    /// Classes of headers that no rule tells apart, both families together.
    pub service_classes: usize,
    /// Different answers between two identities, both families together.
    pub profiles: usize,
    /// Tables with a profile for every pair of classes.
    pub tables_dense: usize,
    /// Tables with a profile for every pair that some rule singles out.
    pub tables_hashed: usize,
    /// Tables without profiles, that merge the rules of both classes for each connection.
    pub tables_listed: usize,
}

/// A compiled design. Deciding changes nothing in it, so any number of threads may ask one engine.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Where the interfaces of each unit start in `interfaces`; one entry more than there are units.
    first_interface: Column<u32>,
    interfaces: Column<Slot>,
    hosts: Column<Option<UnitId>>,
    families: [Option<FamilyEngine>; 2],
    crossings: Crossings,
    /// The known addresses of each space: what is not external there.
    known: Column<AddressSet>,
    linked: FxHashSet<(u32, u32)>,
}

/// Endpoints that nothing in the design tells apart: see [`Engine::class_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointClass(Slot);

/// An interface: its family and its identity there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Slot {
    family: Family,
    identity: u32,
}

/// The two ends of a connection, such as a connection can have.
struct Path<'a> {
    family: &'a FamilyEngine,
    from: u32,
    to: u32,
    /// Some path that is modelled carries it.
    carried: bool,
}

impl Engine {
    /// Compiles a design within the default [`Limits`].
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(design: &Design) -> Result<Self, CompileError> {
        Self::compile_within(design, Limits::default())
    }

    /// Compiles a design. Tables that would pass a limit list their rules instead, which is slower to ask.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile_within(design: &Design, limits: Limits) -> Result<Self, CompileError> {
        check_size(design)?;
        let labels = LabelIndex::new(design.units());
        let (crossings, coverage_of) = Crossings::new(design, &labels);
        let spaces = spaces(design);
        let touched = touched(design, &labels);
        let mut identity_of: BTreeMap<(UnitId, u16), Slot> = BTreeMap::new();
        let mut compile = |family: Family| {
            let population = Population::new(design, &labels, family, address_sets(design));
            // Without units there is still what a filter says of addresses.
            if population.interfaces().is_empty() && (!design.units().is_empty() || design.rules().next().is_none()) {
                return Ok(None);
            }
            let facts = population.interfaces().iter().map(|&(unit, interface)| {
                let endpoint = design.interface(Endpoint::Unit { unit, interface });
                endpoint.map_or_else(Facts::default, |interface| {
                    let coverage = coverage_of[unit.0];
                    Facts {
                        station: crate::crossing::Station { coverage, places: crossings.places(&interface.place) },
                        space: spaces.get(interface.space.as_str()).copied().unwrap_or(0),
                        inbound: interface.inbound,
                        outbound: interface.outbound,
                        touched: touched.contains(unit.index()),
                        names: 0,
                    }
                })
            });
            let ground = Ground {
                population: &population,
                family,
                units: design.units(),
                rulebooks: design.rulebooks(),
                sources: design.external_sources(),
                crossings: &crossings,
                facts: facts.collect(),
                limits,
            };
            let (engine, identities) = FamilyEngine::compile(ground)?;
            let slots = identities.iter().map(|&identity| Slot { family, identity });
            identity_of.extend(population.interfaces().iter().copied().zip(slots));
            Ok(Some(engine))
        };
        let families = [compile(Family::V4)?, compile(Family::V6)?];
        let mut first_interface: Column<u32> = vec![0].into();
        let mut interfaces: Column<Slot> = Column::default();
        for (unit, held) in design.unit_ids().zip(design.units()) {
            let slots = (0u16..).zip(&held.interfaces).filter_map(|(at, _)| identity_of.get(&(unit, at)));
            for &slot in slots {
                interfaces.push(slot);
            }
            first_interface.push(id(interfaces.len()));
        }
        Ok(Self {
            first_interface,
            interfaces,
            hosts: design.unit_ids().map(|unit| design.host_of(unit)).collect(),
            families,
            crossings,
            known: spaces.keys().map(|space| design.known_addresses(space).cloned().unwrap_or_default()).collect(),
            linked: linked(design, &spaces),
        })
    }

    /// The class of a unit's endpoint; `None` if the design does not have it. What is decided of a connection between two units
    /// follows from the classes of its ends, unless one of them runs on the other.
    pub fn class_of(&self, endpoint: Endpoint) -> Option<EndpointClass> {
        self.slot(endpoint).map(EndpointClass)
    }

    /// Whether a connection may be opened. Endpoints that the design does not have open nothing.
    pub fn decide(&self, connection: &Connection, assume: Assume) -> Decision {
        self.decide_where(connection, assume, |_, _| Standing::InPlace)
    }

    /// Whether a connection may be opened where not every point does its work: `standing` says so of a point at a unit, or
    /// between places, where it is asked without a unit.
    ///
    /// It is what [`Engine::decide`] says of the design in which a point that is missing at units is not placed there, and
    /// in which another one of its kind, mode and directions that denies everything takes its place where it is closed.
    pub fn decide_where(
        &self,
        connection: &Connection,
        assume: Assume,
        standing: impl Fn(PointId, Option<UnitId>) -> Standing,
    ) -> Decision {
        let Some(path) = self.path(connection) else { return Decision::Denied };
        let facts = [path.family.facts(path.from), path.family.facts(path.to)];
        // What is not modelled may open a path that is missing, too.
        if facts.into_iter().any(|facts| facts.touched) {
            return Decision::Unknown;
        }
        if !path.carried {
            return Decision::Denied;
        }
        let ends = (connection.source.unit(), connection.destination.unit());
        let reply = connection.header.reply(path.family.family());
        let unjudged = if reply.is_some() { Reply::Passes } else { Reply::None };
        if ends.0.is_some() && ends.0 == ends.1 {
            return Decision::Allowed(unjudged);
        }
        let host_and_guest = self.crossings.minds_hosts() && self.host_and_guest(ends);
        let there = Circumstances { assume, reply: false, host_and_guest };
        let at_ends = |ends: (Option<UnitId>, Option<UnitId>)| {
            let standing = &standing;
            move |met: &Met| {
                let unit = match met.side {
                    Some(Side::Source) => ends.0,
                    Some(Side::Destination) => ends.1,
                    None => None,
                };
                standing(PointId(met.point), unit)
            }
        };
        match (self.judge(&path, connection.header, there, at_ends(ends)), reply) {
            (Judged::Denied, _) => Decision::Denied,
            (Judged::Unknown, _) => Decision::Unknown,
            (Judged::Allowed, Some(header)) if self.crossings.minds_replies() => {
                let back = Path { from: path.to, to: path.from, ..path };
                match self.judge(&back, header, Circumstances { reply: true, ..there }, at_ends((ends.1, ends.0))) {
                    Judged::Allowed => Decision::Allowed(Reply::Passes),
                    Judged::Denied => Decision::Allowed(Reply::Blocked),
                    Judged::Unknown => Decision::Allowed(Reply::Unknown),
                }
            }
            (Judged::Allowed, _) => Decision::Allowed(unjudged),
        }
    }

    /// What a rulebook says in one direction of a connection between external addresses, whatever path leads from one to
    /// the other; nothing where no point asks it.
    pub(crate) fn judge_at(
        &self,
        rulebook: u32,
        direction: Direction,
        (family, from, to): (Family, u128, u128),
        header: Header,
    ) -> Outcomes {
        let Some(held) = self.family(family) else { return Outcomes::default() };
        let ends = (held.external_number(from), held.external_number(to));
        match held.table(rulebook, direction) {
            u32::MAX => Outcomes::default(),
            table => held.outcomes(table, ends, (header, held.classify(header))),
        }
    }

    /// What the engine is made of.
    pub fn footprint(&self) -> Footprint {
        let mut footprint = Footprint {
            memory_bytes: self.crossings.bytes()
                + self.interfaces.bytes()
                + self.first_interface.bytes()
                + self.hosts.bytes()
                + self
                    .known
                    .iter()
                    .map(|known| size_of_val(known.v4.ranges()) + size_of_val(known.v6.ranges()))
                    .sum::<usize>(),
            ..Footprint::default()
        };
        for family in self.families.iter().flatten() {
            footprint.memory_bytes += family.bytes();
            footprint.identities += family.identities();
            footprint.service_classes += family.service_classes().unwrap_or(0);
            footprint.profiles += family.profiles();
            for table in family.tables() {
                match table.form {
                    Form::Dense { .. } => footprint.tables_dense += 1,
                    Form::Hashed(_) => footprint.tables_hashed += 1,
                    Form::Listed(_) => footprint.tables_listed += 1,
                }
            }
        }
        footprint
    }

    /// The identities of both ends, and whether a path carries the connection; `None` if there is no such connection.
    fn path(&self, connection: &Connection) -> Option<Path<'_>> {
        match (connection.source, connection.destination) {
            (source @ Endpoint::Unit { .. }, destination @ Endpoint::Unit { .. }) => {
                let (from, to) = (self.slot(source)?, self.slot(destination)?);
                let family = self.family(from.family)?;
                if from.family != to.family {
                    return None;
                }
                let (a, b) = (family.facts(from.identity).space, family.facts(to.identity).space);
                let carried = a == b || self.linked.contains(&(a, b));
                Some(Path { family, from: from.identity, to: to.identity, carried })
            }
            (Endpoint::External(address), unit @ Endpoint::Unit { .. }) => {
                let (family, to, from) = self.external_path(unit, address)?;
                Some(Path { family, from, to, carried: family.facts(to).inbound })
            }
            (unit @ Endpoint::Unit { .. }, Endpoint::External(address)) => {
                let (family, from, to) = self.external_path(unit, address)?;
                Some(Path { family, from, to, carried: family.facts(from).outbound })
            }
            (Endpoint::Source(source), unit @ Endpoint::Unit { .. }) => {
                let to = self.slot(unit)?;
                let family = self.family(to.family)?;
                let (from, carried) = family.source(source.0, to.identity, connection.header)?;
                Some(Path { family, from, to: to.identity, carried })
            }
            _ => None,
        }
    }

    /// The identities of a unit's endpoint and of an external address, if that is no unit's and of the same family.
    fn external_path(&self, unit: Endpoint, address: std::net::IpAddr) -> Option<(&FamilyEngine, u32, u32)> {
        let slot = self.slot(unit)?;
        let family = self.family(slot.family)?;
        let space = family.facts(slot.identity).space;
        let is_external = Family::of(address) == slot.family && !self.known[space].contains(address);
        is_external.then(|| (family, slot.identity, family.external(address)))
    }

    #[inline]
    fn slot(&self, endpoint: Endpoint) -> Option<Slot> {
        let Endpoint::Unit { unit, interface } = endpoint else { return None };
        let first = *self.first_interface.lookup(unit.0)?;
        let end = *self.first_interface.lookup(unit.0.checked_add(1)?)?;
        let at = first + u32::from(interface);
        (at < end).then(|| self.interfaces[at])
    }

    #[inline]
    fn family(&self, family: Family) -> Option<&FamilyEngine> {
        let [v4, v6] = &self.families;
        match family {
            Family::V4 => v4.as_ref(),
            Family::V6 => v6.as_ref(),
        }
    }

    fn host_and_guest(&self, ends: (Option<UnitId>, Option<UnitId>)) -> bool {
        let runs_on = |guest: UnitId, host: UnitId| self.hosts.lookup(guest.0).is_some_and(|&of| of == Some(host));
        ends.0.zip(ends.1).is_some_and(|(a, b)| runs_on(a, b) || runs_on(b, a))
    }

    /// Asks the points on the path, up to one that surely denies.
    #[inline]
    fn judge(
        &self,
        path: &Path<'_>,
        header: Header,
        circumstances: Circumstances,
        standing: impl Fn(&Met) -> Standing,
    ) -> Judged {
        let class = path.family.classify(header);
        let stations = [path.from, path.to].map(|identity| path.family.facts(identity).station);
        let mut judged = Judged::Allowed;
        // Points that carry one policy ask one table, which answers the same again.
        let (mut last, mut last_but_one) = (u32::MAX, u32::MAX);
        let stopped = self.crossings.walk(stations[0], stations[1], circumstances, |met| {
            match standing(&met) {
                Standing::InPlace => {}
                Standing::Missing => return ControlFlow::Continue(()),
                Standing::Closed => return ControlFlow::Break(()),
            }
            let table = path.family.table(met.rulebook, met.direction);
            if table == last || table == last_but_one {
                return ControlFlow::Continue(());
            }
            (last, last_but_one) = (table, last);
            let outcomes = path.family.outcomes(table, (path.from, path.to), (header, class));
            match (outcomes.deny, outcomes.allow) {
                (true, false) => return ControlFlow::Break(()),
                (true, true) => judged = Judged::Unknown,
                (false, _) => {}
            }
            ControlFlow::Continue(())
        });
        if stopped.is_break() { Judged::Denied } else { judged }
    }
}

/// What the points on a path add up to.
enum Judged {
    Allowed,
    Denied,
    Unknown,
}

/// Refuses designs with more of something than can be numbered.
pub(crate) fn check_size(design: &Design) -> Result<(), CompileError> {
    let endpoints: usize = design.units().iter().map(|unit| unit.interfaces.len()).sum();
    check_count("interfaces", endpoints)?;
    check_count("rules", design.rules().count())?;
    check_count("address ranges", address_sets(design).map(|set| set.ranges().count()).sum())
}

fn check_count(kind: &'static str, count: usize) -> Result<(), CompileError> {
    if count > NUMBERED_MAX { Err(CompileError::TooMany { kind, count, most: NUMBERED_MAX }) } else { Ok(()) }
}

/// The address sets that rules use.
pub(crate) fn address_sets(design: &Design) -> impl Iterator<Item = &AddressSet> {
    design.rules().flat_map(|(_, Rule { from, to, .. })| [from, to]).filter_map(|peer| match peer {
        Peer::Addresses { set, .. } => Some(set),
        _ => None,
    })
}

/// The address spaces of a design, numbered in the order of their names.
pub(crate) fn spaces(design: &Design) -> BTreeMap<&str, u32> {
    let interfaces = design.units().iter().flat_map(|unit| &unit.interfaces);
    let mut spaces: Vec<&str> = interfaces.map(|interface| interface.space.as_str()).collect();
    // Neighbours mostly stand in one space.
    spaces.dedup();
    spaces.sort_unstable();
    spaces.dedup();
    spaces.into_iter().zip(0..).collect()
}

/// The pairs of spaces between which there is a route, both ways.
pub(crate) fn linked(design: &Design, spaces: &BTreeMap<&str, u32>) -> FxHashSet<(u32, u32)> {
    let number = |space: &String| spaces.get(space.as_str()).copied();
    let routes = design.routes().iter().filter_map(|(a, b)| number(a).zip(number(b)));
    routes.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}

/// The units that something touches which is not modelled.
pub(crate) fn touched(design: &Design, labels: &LabelIndex<'_>) -> fixedbitset::FixedBitSet {
    let mut touched = fixedbitset::FixedBitSet::with_capacity(design.units().len());
    for what in design.unmodelled() {
        touched.extend(labels.select(&what.touches).iter().map(|&unit| unit as usize));
    }
    touched
}
