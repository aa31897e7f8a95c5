//! What attackers gain and lose: closures that differ, end by end, and the path that makes the difference.
//!
//! Closures are worked out per class in each design, as shared sets. They become sets of ends of the common refinement,
//! each shared part once, so that what differs is a difference of sets; sources with the same closures are compared
//! once. A change is shown by a path in the design that has it, and by the first of its
//! hops that the other design does not allow by any header: that hop is what the change of policy was.

use crate::closure::Closures;
use crate::counterexample::{Flaw, Goal, Hop, Means, Replay, Target, VerifyError};
use crate::difference::State;
use crate::difference::block::{Block, EndId, Rows};
use crate::difference::refinement::{Both, Refinement};
use crate::difference::witness::{Judged, Place, endpoints, judge};
use crate::header_set::HeaderSet;
use crate::lateral::{Attack, Graph, Origin};
use crate::reach::Verifier;
use crate::shared_set::{Pool, SetId, Transfer};
use crate::spread::{By, Limits, Spread};
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Connection, Design, Endpoint, Family, Header, Pivot, UnitId, View};
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

/// Every way in which a state can change, doubt that stays included.
const TRANSITIONS: [(State, State); 7] = [
    (State::Denied, State::Allowed),
    (State::Allowed, State::Denied),
    (State::Denied, State::Unknown),
    (State::Allowed, State::Unknown),
    (State::Unknown, State::Denied),
    (State::Unknown, State::Allowed),
    (State::Unknown, State::Unknown),
];

/// What an attack certainly gets hold of, and what it possibly does: sets of ends.
type Reached = Both<SetId>;

/// How far attacks get in one design.
struct Side {
    graph: Rc<Graph>,
    hops_max: Option<u32>,
    /// For pivot models under which closures are unions: those of every class, certain and possible.
    closures: Option<Both<Rc<Closures>>>,
    /// For each class, and then for each class of external addresses, the ends that they are cut into.
    onto: Vec<Vec<u32>>,
}

impl Side {
    fn new(
        verifier: &mut Verifier<'_>,
        refinement: &Refinement<'_>,
        side: usize,
        (attack, hops_max): (Attack, Option<u32>),
    ) -> Self {
        let graph = verifier.graph(attack);
        let unions = attack.pivot != Pivot::Exploitable && hops_max.is_none();
        let closures = unions.then(|| [false, true].map(|doubtful| verifier.closures(attack, false, doubtful)));
        let mut onto = vec![Vec::new(); graph.login_bit(0)];
        for end in 0..u32::try_from(refinement.destinations()).unwrap_or(u32::MAX) {
            let bit = match target(refinement, side, end) {
                Some(Target::Class(class)) => class.index(),
                Some(Target::External(external)) => graph.external_bit(external),
                None => continue,
            };
            onto.get_mut(bit).into_iter().for_each(|ends: &mut Vec<u32>| ends.push(end));
        }
        Self { graph, hops_max, closures, onto }
    }

    fn reaching(&self) -> Reaching<'_> {
        let closed = self.closures.as_ref().map(|both| both.each_ref().map(|one| (&**one, one.transfer(&self.onto))));
        Reaching { side: self, closed }
    }
}

/// Says how far attacks get, in ends.
struct Reaching<'s> {
    side: &'s Side,
    closed: Option<Both<(&'s Closures, Transfer<'s>)>>,
}

impl Reaching<'_> {
    /// What an attack from an origin gets hold of.
    fn from(&mut self, origin: Origin, ends: &mut Pool) -> Reached {
        let certain = self.reading(origin, false, ends);
        // Where nothing is doubtful the two readings are one.
        let is_doubtful = self.side.graph.doubts().contains(&true);
        [certain, if is_doubtful { self.reading(origin, true, ends) } else { certain }]
    }

    fn reading(&mut self, origin: Origin, doubtful: bool, ends: &mut Pool) -> SetId {
        match &mut self.closed {
            Some([certain, possible]) => {
                let (closures, transfer) = if doubtful { possible } else { certain };
                transfer.set(closures.taken(origin), ends)
            }
            None => self.spread(origin, doubtful, ends),
        }
    }

    /// Step by step, where closures are no unions.
    fn spread(&mut self, origin: Origin, doubtful: bool, ends: &mut Pool) -> SetId {
        let Side { graph, hops_max, onto, .. } = self.side;
        let limits = Limits { avoid: None, connections_max: *hops_max, doubtful };
        let spread = Spread::new(graph, vec![origin], limits);
        let outside = spread.outside.ones().map(|external| graph.classes + external);
        let bits = spread.classes.ones().chain(outside).filter_map(|bit| onto.get(bit));
        let mut taken: Vec<(u32, bool)> = bits.flatten().map(|&end| (end, true)).collect();
        taken.sort_unstable();
        ends.changed(SetId::EMPTY, &taken)
    }
}

/// Everything that differs laterally, in no particular order.
pub(super) fn changes(
    [old, new]: Both<&mut Verifier<'_>>,
    refinement: &Refinement<'_>,
    attack: Attack,
    hops_max: Option<u32>,
) -> Vec<LateralChange> {
    let sides = [Side::new(old, refinement, 0, (attack, hops_max)), Side::new(new, refinement, 1, (attack, hops_max))];
    let mut reaching = sides.each_ref().map(Side::reaching);
    let mut rows = Rows::new(refinement);
    // Between two ends outside there is nothing to compare.
    let outside: Vec<(u32, bool)> = (0..u32::try_from(refinement.destinations()).unwrap_or(u32::MAX))
        .skip(refinement.units.len())
        .map(|end| (end, true))
        .collect();
    let outside = rows.pool.changed(SetId::EMPTY, &outside);
    let mut known: FxHashMap<Both<Reached>, Rc<[(u32, SetId)]>> = FxHashMap::default();
    for from in 0..u32::try_from(refinement.len()).unwrap_or(u32::MAX) {
        let mut reached = [[SetId::EMPTY; 2]; 2];
        for (at, (reaching, reached)) in reaching.iter_mut().zip(&mut reached).enumerate() {
            if let Some(origin) = origin(refinement, at, from) {
                *reached = reaching.from(origin, &mut rows.pool);
            }
        }
        if !matches!(refinement.id(from), EndId::Units(_)) {
            reached = reached.map(|both| both.map(|set| rows.pool.minus(set, outside)));
        }
        let pool = &mut rows.pool;
        let differs = Rc::clone(known.entry(reached).or_insert_with(|| differing(pool, reached)));
        differs.iter().for_each(|&(way, to)| rows.add(from, way, to));
    }
    let blocks = rows.blocks(refinement).into_iter().filter_map(|(way, block)| {
        let &(was, is) = TRANSITIONS.get(way as usize)?;
        Some(LateralChange { was, is, block })
    });
    blocks.collect()
}

/// What differs between what attacks from one end get hold of in two designs, by position among [`TRANSITIONS`].
fn differing(ends: &mut Pool, reached: Both<Reached>) -> Rc<[(u32, SetId)]> {
    let [old, new] = reached;
    if old == new && old[0] == old[1] {
        return Rc::from([]);
    }
    let mut of = |state: State, other: State| {
        let ([certain, possible], [other_certain, other_possible]) = (old, new);
        let mut in_state = |state: State, certain: SetId, possible: SetId| match state {
            State::Unknown => ends.minus(possible, certain),
            _ => certain,
        };
        let (before, after) = (in_state(state, certain, possible), in_state(other, other_certain, other_possible));
        match (state, other) {
            (State::Denied, _) => ends.minus(after, possible),
            (_, State::Denied) => ends.minus(before, other_possible),
            _ => ends.intersection(before, after),
        }
    };
    let ways = (0u32..).zip(TRANSITIONS).map(|(way, (was, is))| (way, of(was, is)));
    ways.filter(|(_, set)| *set != SetId::EMPTY).collect()
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
