//! What attackers gain and lose: closures that differ, end by end, and the path that makes the difference.
//!
//! Closures are worked out per class in each design and compared per end of the common refinement; sources with the
//! same closures are compared once. A change is shown by a path in the design that has it, and by the first of its
//! hops that the other design does not allow by any header: that hop is what the change of policy was.

use crate::classes::ClassId;
use crate::closure::Closures;
use crate::counterexample::{Flaw, Goal, Hop, Means, Replay, Target, VerifyError};
use crate::difference::State;
use crate::difference::block::{Block, EndId, Rows};
use crate::difference::refinement::{Both, Refinement};
use crate::difference::witness::{Judged, Place, endpoints, judge};
use crate::header_set::HeaderSet;
use crate::lateral::{Attack, Graph, Origin};
use crate::reach::Verifier;
use crate::spread::{By, Limits, Spread};
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Connection, Design, Endpoint, Family, Header, Pivot, UnitId, View};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// Attacks that succeed in one design and not in the other, or of which one knows and the other does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateralChange {
    /// Whether the destinations fell to (or, outside, were reached by) an owner of the sources in the old design:
    /// [`State::Denied`], [`State::Unknown`] or [`State::Allowed`].
    pub was: State,
    /// The same in the new one.
    pub is: State,
    /// From whom to whom.
    pub block: Block,
}

/// An attack that one design allows, or may allow, and where the other one stops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// True if it is an attack in the new design, false in the old one.
    pub in_new: bool,
    /// Step by step.
    pub hops: Vec<Hop>,
    /// The first step that the other design does not allow, or not as certainly, and why; `None` where it is unknown
    /// in both designs.
    pub stopped: Option<(usize, Obstacle)>,
}

/// Why a step of an attack is not possible in the other design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The connection is judged otherwise.
    Connection(Box<Judged>),
    /// A unit, or a source, of this name does not exist, or has no interface of the family.
    Absent(String),
    /// The unit does not run on that host.
    NotHosted,
    /// The connection arrives where it is good for nothing: nothing listens, no weakness, no login.
    Useless(Box<Judged>),
    /// Nobody owned before holds the credential.
    NoCredential(String),
}

/// Classes and external addresses that an attack gets hold of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reach {
    classes: FixedBitSet,
    /// By position of external endpoint classes.
    outside: FixedBitSet,
}

/// The closures of one design.
struct Side {
    graph: Rc<Graph>,
    hops_max: Option<u32>,
    /// For pivot models under which closures are unions: those of every class, certain and possible.
    closures: Option<Both<Closures>>,
    /// What follows from components, by component and doubt.
    of_component: FxHashMap<(u32, bool), u32>,
    /// What attacks get hold of, by number; the first is nothing.
    reaches: Vec<Reach>,
    numbers: FxHashMap<Reach, u32>,
    /// Sets of external addresses that single steps lead to, by number, and those of each origin.
    outsides: Vec<FixedBitSet>,
    outside_numbers: FxHashMap<FixedBitSet, u32>,
    outside_of: FxHashMap<(Origin, bool), u32>,
    /// The class of the host of each class.
    hosts: Vec<Option<ClassId>>,
}

impl Side {
    fn new(verifier: &mut Verifier<'_>, attack: Attack, hops_max: Option<u32>) -> Self {
        let graph = verifier.graph(attack);
        let unions = attack.pivot != Pivot::Exploitable && hops_max.is_none();
        let classes = &verifier.engine.classes;
        let host = |class| verifier.design().host_of(classes.representative(class)).map(|host| classes.of(host));
        let hosts = classes.ids().map(host).collect();
        let closures = unions.then(|| [false, true].map(|doubtful| Closures::new(&graph, None, doubtful)));
        let mut side = Self {
            graph,
            hops_max,
            closures,
            of_component: FxHashMap::default(),
            reaches: Vec::new(),
            numbers: FxHashMap::default(),
            outsides: Vec::new(),
            outside_numbers: FxHashMap::default(),
            outside_of: FxHashMap::default(),
            hosts,
        };
        let nothing = side.nothing();
        side.number(nothing);
        side
    }

    fn nothing(&self) -> Reach {
        Reach {
            classes: FixedBitSet::with_capacity(self.graph.classes),
            outside: FixedBitSet::with_capacity(self.graph.externals),
        }
    }

    fn number(&mut self, reach: Reach) -> u32 {
        if let Some(&known) = self.numbers.get(&reach) {
            return known;
        }
        let number = u32::try_from(self.reaches.len()).unwrap_or(u32::MAX);
        self.reaches.push(reach.clone());
        self.numbers.insert(reach, number);
        number
    }

    /// What an attack from an origin certainly gets hold of, and what it possibly does.
    fn reached(&mut self, origin: Origin) -> Both<u32> {
        [false, true].map(|doubtful| match (origin, self.closures.is_some()) {
            (Origin::Unit(class, _), true) => self.closed(class, doubtful),
            _ => self.spread(origin, doubtful),
        })
    }

    fn spread(&mut self, origin: Origin, doubtful: bool) -> u32 {
        let limits = Limits { avoid: None, connections_max: self.hops_max, doubtful };
        let spread = Spread::new(&self.graph, vec![origin], limits);
        let mut reach = Reach { classes: spread.classes.clone(), ..self.nothing() };
        for (by, depth, _) in spread.everybody() {
            if self.hops_max.is_none_or(|most| depth < most)
                && let Some(origin) = spread.origin(by)
            {
                self.add_outside(&mut reach, origin, doubtful);
            }
        }
        self.number(reach)
    }

    fn add_outside(&mut self, reach: &mut Reach, origin: Origin, doubtful: bool) {
        let number = self.outside(origin, doubtful);
        if let Some(outside) = self.outsides.get(number as usize) {
            reach.outside.union_with(outside);
        }
    }

    /// The external addresses that one step from an origin leads to, by number.
    fn outside(&mut self, origin: Origin, doubtful: bool) -> u32 {
        if let Some(&known) = self.outside_of.get(&(origin, doubtful)) {
            return known;
        }
        let graph = &self.graph;
        let steps = graph.steps(origin).get(doubtful);
        let mut outside = FixedBitSet::with_capacity(graph.externals);
        outside.extend((0..graph.externals).filter(|at| graph.pool.contains(steps, graph.classes + at)));
        let number = self.outside_numbers.get(&outside).copied().unwrap_or_else(|| {
            let number = u32::try_from(self.outsides.len()).unwrap_or(u32::MAX);
            self.outsides.push(outside.clone());
            self.outside_numbers.insert(outside, number);
            number
        });
        self.outside_of.insert((origin, doubtful), number);
        number
    }

    /// What follows from a unit of a class, from its component's closure.
    fn closed(&mut self, class: ClassId, doubtful: bool) -> u32 {
        let [certain, possible] = match &self.closures {
            Some(closures) => closures,
            None => return 0,
        };
        let closures = if doubtful { possible } else { certain };
        let component = closures.component(class);
        if let Some(&known) = self.of_component.get(&(component, doubtful)) {
            return known;
        }
        let mut reach = self.nothing();
        reach.classes.union_with(&closures.classes_taken(class));
        let mut owned = reach.classes.clone();
        owned.insert(class.index());
        // Most owners can reach one of a few sets of addresses.
        let mut outside = FixedBitSet::new();
        for owner in owned.ones().filter_map(|class| u32::try_from(class).ok()).map(ClassId) {
            // Whoever owns a host voids what it enforces at its guests, so these get further.
            let host = self.hosts.get(owner.index()).copied().flatten();
            let hosted = host.is_some_and(|host| owned.contains(host.index()));
            outside.grow_and_insert(self.outside(Origin::Unit(owner, hosted), doubtful) as usize);
        }
        for set in outside.ones().filter_map(|number| self.outsides.get(number)) {
            reach.outside.union_with(set);
        }
        let number = self.number(reach);
        self.of_component.insert((component, doubtful), number);
        number
    }

    /// What becomes of a class of units, or of external addresses, in what an attack certainly and possibly gets.
    fn state(&self, [certain, possible]: Both<u32>, target: Option<Target>) -> State {
        let within = |number: u32| {
            let reach = self.reaches.get(number as usize);
            reach.zip(target).is_some_and(|(reach, target)| match target {
                Target::Class(class) => reach.classes.contains(class.index()),
                Target::External(external) => reach.outside.contains((external - self.graph.first_external) as usize),
            })
        };
        match (within(certain), within(possible)) {
            (true, _) => State::Allowed,
            (false, true) => State::Unknown,
            (false, false) => State::Denied,
        }
    }
}

/// Everything that differs laterally, in no particular order.
pub(super) fn changes(
    [old, new]: Both<&mut Verifier<'_>>,
    refinement: &Refinement<'_>,
    attack: Attack,
    hops_max: Option<u32>,
) -> Vec<LateralChange> {
    /// Every way in which a state can change, doubt that stays included; numbers count from 1.
    const TRANSITIONS: [(State, State); 7] = [
        (State::Denied, State::Allowed),
        (State::Allowed, State::Denied),
        (State::Denied, State::Unknown),
        (State::Allowed, State::Unknown),
        (State::Unknown, State::Denied),
        (State::Unknown, State::Allowed),
        (State::Unknown, State::Unknown),
    ];
    let number = |old: State, new: State| TRANSITIONS.iter().position(|&(was, is)| (was, is) == (old, new));
    let mut sides = [Side::new(old, attack, hops_max), Side::new(new, attack, hops_max)];
    let ends = |count: usize| 0..u32::try_from(count).unwrap_or(u32::MAX);
    let targets: Vec<Both<Option<Target>>> =
        ends(refinement.destinations()).map(|to| [0, 1].map(|side| target(refinement, side, to))).collect();
    let units = refinement.units.len();
    let mut rows = Rows::default();
    // What differs, by what attacks from a source get hold of in both designs, and whether the source is a unit.
    type Row = Rc<[(u32, u32)]>;
    let mut known: BTreeMap<(Both<Both<u32>>, bool), Row> = BTreeMap::new();
    for from in ends(refinement.len()) {
        let mut reached = [[0; 2]; 2];
        for (at, (side, reached)) in sides.iter_mut().zip(&mut reached).enumerate() {
            if let Some(origin) = origin(refinement, at, from) {
                *reached = side.reached(origin);
            }
        }
        let outward = matches!(refinement.id(from), EndId::Units(_));
        let changed = known.entry((reached, outward)).or_insert_with(|| {
            let ([old_side, new_side], [old, new]) = (&sides, reached);
            let until = if outward { targets.len() } else { units };
            (0u32..)
                .zip(targets.iter().take(until))
                .filter_map(|(to, &[target_old, target_new])| {
                    let number = number(old_side.state(old, target_old), new_side.state(new, target_new))?;
                    Some((to, u32::try_from(number + 1).unwrap_or(u32::MAX)))
                })
                .collect()
        });
        rows.add(from, changed.to_vec());
    }
    let things =
        |number: u32| (number as usize).checked_sub(1).and_then(|at| TRANSITIONS.get(at..=at)).unwrap_or_default();
    let blocks = rows.blocks(refinement, things);
    blocks.into_iter().map(|((was, is), block)| LateralChange { was, is, block }).collect()
}

fn origin(refinement: &Refinement<'_>, side: usize, end: u32) -> Option<Origin> {
    match refinement.id(end) {
        EndId::Units(at) => {
            refinement.units.get(at)?.class.get(side).copied().flatten().map(|class| Origin::Unit(class, false))
        }
        EndId::Addresses(at) => refinement.addresses.get(at)?.class.get(side).copied().map(Origin::External),
        EndId::Source(at) => refinement.sources.get(at)?.class.get(side).copied().flatten().map(Origin::Source),
    }
}

fn target(refinement: &Refinement<'_>, side: usize, end: u32) -> Option<Target> {
    match refinement.id(end) {
        EndId::Units(at) => refinement.units.get(at)?.class.get(side).copied().flatten().map(Target::Class),
        EndId::Addresses(at) => refinement.addresses.get(at)?.class.get(side).copied().map(Target::External),
        EndId::Source(_) => None,
    }
}

/// An attack to make concrete: in which design, and from and to which units or addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Example {
    pub(super) side: usize,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) start: (Option<UnitId>, Option<IpAddr>),
    pub(super) target: (Option<UnitId>, Option<IpAddr>),
    /// Steps that are merely possible count.
    pub(super) doubtful: bool,
}

/// The steps of an attack, each connection confirmed by the reference evaluator.
pub(super) fn path(
    verifier: &mut Verifier<'_>,
    refinement: &Refinement<'_>,
    attack: Attack,
    hops_max: Option<u32>,
    example: Example,
) -> Result<Vec<Hop>, VerifyError> {
    let graph = verifier.graph(attack);
    let missing = || Flaw::NoPath.into_error("a lateral difference");
    let start = origin(refinement, example.side, example.from).ok_or_else(missing)?;
    let goal = target(refinement, example.side, example.to).ok_or_else(missing)?;
    let limits = Limits { avoid: None, connections_max: hops_max, doubtful: example.doubtful };
    let spread = Spread::new(&graph, vec![start], limits);
    let replay = Replay::new(verifier, &graph, &spread, example.doubtful);
    let mut replay = replay.between(example.start, example.target);
    let made = match goal {
        Target::Class(class) => {
            let taken = spread.taken.iter().find(|(taken, _, _)| taken.class == class);
            replay.own(By::Taken(taken.ok_or_else(missing)?.0))
        }
        Target::External(external) => {
            let bit = graph.external_bit(external);
            let last = spread.everybody().find(|&(by, depth, _)| {
                let steps = spread.origin(by).map(|origin| graph.steps(origin).get(example.doubtful));
                hops_max.is_none_or(|most| depth < most) && steps.is_some_and(|steps| graph.pool.contains(steps, bit))
            });
            let by = last.ok_or_else(missing)?.0;
            replay.reach(Goal { by, target: goal }, &|_| HeaderSet::full())
        }
    };
    made.map_err(|flaw| flaw.into_error("a lateral difference"))?;
    Ok(replay.into_hops())
}

/// The first step of an attack that the other design does not allow; with `certainly`, or not certainly.
pub(super) fn obstacle(
    other: &mut Verifier<'_>,
    side: usize,
    design: &Design,
    attack: Attack,
    hops: &[Hop],
    certainly: bool,
) -> Option<(usize, Obstacle)> {
    hops.iter().enumerate().find_map(|(at, hop)| {
        let obstacle = match hop {
            Hop::Host { host, guest } => host_obstacle(other.design(), design, *host, *guest),
            Hop::Connection { connection, assume, means, .. } => {
                let step = Step { side, design, attack, connection, assume: *assume, means, certainly };
                step.obstacle(other)
            }
        };
        obstacle.map(|obstacle| (at, obstacle))
    })
}

fn host_obstacle(other: &Design, design: &Design, host: UnitId, guest: UnitId) -> Option<Obstacle> {
    let name = |unit: UnitId| design.unit(unit).name.clone();
    let find = |unit: UnitId| other.unit_named(&design.unit(unit).name).ok_or_else(|| Obstacle::Absent(name(unit)));
    match (find(host), find(guest)) {
        (Err(absent), _) | (_, Err(absent)) => Some(absent),
        (Ok(host), Ok(guest)) => (other.host_of(guest) != Some(host)).then_some(Obstacle::NotHosted),
    }
}

/// A step over a connection, to be taken in the other design.
struct Step<'s> {
    /// The other design's side.
    side: usize,
    design: &'s Design,
    attack: Attack,
    connection: &'s Connection,
    assume: Assume,
    means: &'s Means,
    certainly: bool,
}

impl Step<'_> {
    fn obstacle(&self, other: &mut Verifier<'_>) -> Option<Obstacle> {
        let there = other.design();
        let family = self.design.family_of(self.connection);
        let ends = [self.connection.source, self.connection.destination];
        let [from, to] = ends.map(|end| self.place(there, end));
        let (from, to) = match (from, to) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(absent), _) | (_, Err(absent)) => return Some(absent),
        };
        if let Means::Login { credential, held_by } = self.means {
            let holder = there.unit_named(&self.design.unit(*held_by).name);
            if !holder.is_some_and(|unit| there.unit(unit).credentials.contains(credential)) {
                return Some(Obstacle::NoCredential(credential.clone()));
            }
        }
        // Any header and interface will do to take the step.
        let counts = self.counts(other);
        let mut arrives = false;
        for (source, destination) in endpoints(there, self.side, from, to, None) {
            let direct = other.direct(source, destination, self.assume);
            let probe = Connection { source, destination, header: Header::Other(0) };
            let Some(family) = there.family_of(&probe) else { continue };
            let counts = counts.intersection(&HeaderSet::of_family(family));
            let possible = direct.allowed.union(&direct.unknown);
            let passing = if self.certainly { &direct.allowed } else { &possible };
            if !passing.intersection(&counts).is_empty() {
                return None;
            }
            arrives |= !passing.is_empty();
        }
        let pairs = endpoints(there, self.side, from, to, family);
        let judged = judge(there, &pairs, self.connection.header, self.assume, View::Policy);
        let Some(judged) = judged else { return Some(Obstacle::Absent(self.lacking(family))) };
        let enough = if self.certainly { judged.state().arrives() } else { judged.state() != State::Denied };
        Some(match arrives && enough {
            true => Obstacle::Useless(Box::new(judged)),
            false => Obstacle::Connection(Box::new(judged)),
        })
    }

    /// The end that has no interface of the family there: the destination if it is a unit.
    fn lacking(&self, family: Option<Family>) -> String {
        let units = [self.connection.destination, self.connection.source].map(Endpoint::unit);
        let name = units.into_iter().flatten().next().map_or("", |unit| &self.design.unit(unit).name);
        family.map_or_else(|| name.to_owned(), |family| format!("{name} over {family}"))
    }

    fn place(&self, there: &Design, end: Endpoint) -> Result<Place, Obstacle> {
        let name = self.design.endpoint_name(end);
        let mut both = [None, None];
        match end {
            Endpoint::External(address) => Ok(Place::Address(address)),
            Endpoint::Unit { .. } => {
                let unit = there.unit_named(&name).ok_or(Obstacle::Absent(name))?;
                if let Some(slot) = both.get_mut(self.side) {
                    *slot = Some(unit);
                }
                Ok(Place::Unit(both))
            }
            Endpoint::Source(_) => {
                let found = (0u32..).zip(there.external_sources()).find(|(_, source)| source.name == name);
                let id = found.map(|(at, _)| seglab_policy::ExternalSourceId(at)).ok_or(Obstacle::Absent(name))?;
                Ok(Place::Source([Some(id), Some(id)]))
            }
        }
    }

    /// The headers by which the step is taken in the other design.
    fn counts(&self, other: &mut Verifier<'_>) -> HeaderSet {
        let full = HeaderSet::full();
        let Some(unit) = self.connection.destination.unit() else { return full };
        let Some(unit) = other.design().unit_named(&self.design.unit(unit).name) else { return full };
        if *self.means == Means::Client {
            return full;
        }
        let class = other.engine.classes.of(unit);
        let taken_by = other.engine.taken_by(class, self.attack);
        let mut counts = taken_by.map_or(full, |counts| other.engine.sets.get(counts).clone());
        if let Means::Login { credential, .. } = self.means {
            let logins = other.design().unit(unit).logins.iter().filter(|login| login.credential == *credential);
            let headers = logins
                .fold(HeaderSet::empty(), |set, login| set.union(&HeaderSet::to_port(login.protocol, login.port)));
            let seen = other.engine.seen(&headers, class, self.attack.view);
            counts = counts.union(other.engine.sets.get(seen));
        }
        counts
    }
}
