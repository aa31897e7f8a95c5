//! Direct reachability between endpoint classes: which headers certainly pass, and which possibly do.
//!
//! A connection meets the points at its source, those on the way and those at its destination; it certainly arrives
//! if none of them may stop it, and possibly if all of them may let it through. A [`Matrix`] holds both sets for every
//! two endpoint classes under one [`Assume`].

mod membership;
mod paths;
mod relabel;

use crate::classes::{ClassId, Classes};
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use crate::judge::{Dirty, Edited, Judge, Judgements, Kept};
use crate::matrix::{Alike, Matrix};
use crate::vocabulary::Interner;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Design, Direction, EnforcementPoint, Peer, Placement, RulebookId, Side, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub(crate) use membership::Movers;
pub(crate) use paths::Paths;
pub(crate) use relabel::{Rehoused, Relabelled};

/// The headers that certainly arrive, and those that possibly do: a superset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Arrives {
    pub(crate) certain: HeaderId,
    pub(crate) possible: HeaderId,
}

impl Arrives {
    /// Nothing does.
    pub(crate) const NEVER: Arrives = Arrives { certain: HeaderId::EMPTY, possible: HeaderId::EMPTY };
}

/// What the answers to arriving connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    /// Headers whose answer certainly is stopped.
    pub(crate) blocked: HeaderId,
    /// Headers of which nobody knows whether the answer is stopped.
    pub(crate) unknown: HeaderId,
}

/// More cells evaluated anew are more work than to compile the rules; more in all would take more room than they are worth.
const EDITED_MAX: usize = 1 << 17;
const AMENDED_MAX: usize = 1 << 19;

/// A judge, by number, and whether it leaves connections with hosts unjudged.
type Judging = (u32, bool);

/// Answers questions of direct reachability about one design, and remembers what it worked out.
#[derive(Debug)]
pub(crate) struct EngineOf<D> {
    pub(crate) design: D,
    pub(crate) classes: Classes,
    pub(crate) sets: HeaderSets,
    judgements: Judgements,
    /// The judges, and which of them judges for a rulebook in a direction.
    pub(crate) judges: Vec<Judge>,
    judging: BTreeMap<(RulebookId, Direction), u32>,
    pub(crate) paths: Paths,
    pub(crate) alike: Alike,
    matrices: BTreeMap<Assume, Rc<Matrix>>,
    /// Whether some point judges replies.
    pub(crate) stateless: bool,
    /// The points that judge replies.
    returning: BTreeMap<Assume, Rc<Crossing>>,
    series: Series,
    /// Answers to what arrives, by what of the replies gets back.
    answers: FxHashMap<(HeaderId, Arrives), Answers>,
    /// The endpoint classes of each class of units, each once.
    pub(crate) endpoints: Vec<Rc<[u32]>>,
    /// The headers that the units of each class listen to.
    pub(crate) listened: Vec<HeaderId>,
    /// How many groups of labels there were at first.
    groups_first: usize,
}

/// An engine that has its design at hand.
pub(crate) type Engine<'a> = EngineOf<&'a Design>;

impl<D> EngineOf<D> {
    /// The same with its design held in another way.
    pub(crate) fn holding<E>(self, design: E) -> EngineOf<E> {
        EngineOf {
            design,
            classes: self.classes,
            sets: self.sets,
            judgements: self.judgements,
            judges: self.judges,
            judging: self.judging,
            paths: self.paths,
            alike: self.alike,
            matrices: self.matrices,
            stateless: self.stateless,
            returning: self.returning,
            series: self.series,
            answers: self.answers,
            endpoints: self.endpoints,
            listened: self.listened,
            groups_first: self.groups_first,
        }
    }
}

impl<'a> Engine<'a> {
    pub(crate) fn new(design: &'a Design, classes: Classes) -> Self {
        let mut sets = HeaderSets::new();
        let mut judgements = Judgements::new(&classes);
        let (mut judges, mut judging): (Vec<Judge>, BTreeMap<(RulebookId, Direction), u32>) = Default::default();
        for point in design.points() {
            for direction in point.directions.iter().filter(|&direction| may_meet(&point.placement, direction)) {
                if judging.contains_key(&(point.rulebook, direction)) {
                    continue;
                }
                let book = design.rulebook(point.rulebook);
                let known = Direction::ALL.into_iter().filter(|&other| Judge::is_the_same(book, direction, other));
                let judge = known.filter_map(|other| judging.get(&(point.rulebook, other))).next().copied();
                let judge = judge.unwrap_or_else(|| {
                    judges.push(Judge::new(&classes, book, direction, &mut judgements, &mut sets));
                    u32::try_from(judges.len() - 1).unwrap_or(u32::MAX)
                });
                judging.insert((point.rulebook, direction), judge);
            }
        }
        let stateless = design.points().iter().any(|point| !design.rulebook(point.rulebook).stateful);
        let listened =
            classes.numbers().map(|class| sets.intern(membership::listened_by(design, &classes, class))).collect();
        let endpoints = classes.numbers().map(|class| endpoints_of(&classes, class).into()).collect();
        let groups_first = classes.index.groups();
        let paths = Paths::new(design, &classes, &mut sets);
        let mut engine = Self {
            design,
            classes,
            sets,
            judgements,
            judges,
            judging,
            paths,
            alike: Alike::default(),
            matrices: BTreeMap::new(),
            stateless,
            returning: BTreeMap::new(),
            series: Series::default(),
            answers: FxHashMap::default(),
            endpoints,
            listened,
            groups_first,
        };
        engine.alike = Alike::new(&engine);
        engine
    }

    /// Takes over rules that were edited, of which `kept` says what became by rulebook: the endpoint classes between
    /// which connections may fare differently. `None`, and nothing has changed, if starting anew is less work.
    ///
    /// Nothing but rules may have changed, and nothing of them that the classes do not know.
    pub(crate) fn amend(&mut self, kept: &BTreeMap<RulebookId, Kept>) -> Option<Dirty> {
        let mut edited: BTreeMap<u32, Edited> = BTreeMap::new();
        let mut dirty = Dirty::default();
        let (amended, mut cells) = (self.amended(), 0usize);
        for (&(id, direction), &at) in &self.judging {
            let Some(kept) = kept.get(&id) else { continue };
            let (book, judge) = (self.design.rulebook(id), self.judges.get_mut(at as usize)?);
            if direction != judge.direction() && !Judge::is_the_same(book, judge.direction(), direction) {
                return None;
            }
            if edited.contains_key(&at) {
                continue;
            }
            let of_judge = judge.edited(&self.classes, book, kept, &self.judgements, &mut self.sets);
            cells = cells.saturating_add(of_judge.dirty.pairs());
            if cells > EDITED_MAX || amended + cells > AMENDED_MAX {
                return None;
            }
            dirty.products.extend(of_judge.dirty.products.iter().cloned());
            edited.insert(at, of_judge);
        }
        for (at, edited) in edited {
            let judge = self.judges.get_mut(at as usize)?;
            judge.amend(&self.classes, edited, &mut self.judgements, &mut self.sets);
        }
        dirty.products.sort_unstable();
        dirty.products.dedup();
        self.forget(&dirty)?;
        Some(dirty)
    }

    /// How many cells are amended, for all judges.
    fn amended(&self) -> usize {
        self.judges.iter().map(Judge::amended).sum()
    }

    /// Takes note of the peers of rules that were not met before; false if they tell endpoints apart that the classes
    /// do not.
    pub(crate) fn learn(&mut self, peers: &[&Peer]) -> bool {
        for &peer in peers {
            if self.classes.words.peers.id(peer).is_some() {
                continue;
            }
            let Some(matches) = self.classes.learn(peer, self.design) else { return false };
            self.judgements.learn(matches);
        }
        true
    }

    /// Direct reachability under an assumption.
    pub(crate) fn matrix(&mut self, assume: Assume) -> Rc<Matrix> {
        if let Some(known) = self.matrices.get(&assume) {
            return Rc::clone(known);
        }
        let matrix = Rc::new(Matrix::new(self, assume));
        self.matrices.insert(assume, Rc::clone(&matrix));
        matrix
    }

    /// What arrives from one endpoint class at another: by the rules between the two (`exact`), or by what is common
    /// to their kinds.
    pub(crate) fn passing(&mut self, crossing: &Crossing, source: u32, destination: u32, exact: bool) -> Arrives {
        let mut arrives = self.paths.arrives(&self.classes, source, destination);
        // Nothing is certain of what is touched, whatever points say.
        if arrives.certain == HeaderId::EMPTY {
            return arrives;
        }
        for judge in crossing.met(&self.classes, source, destination, exact) {
            let Some(judge) = self.judges.get(judge as usize) else { continue };
            let cell = if exact { judge.cell(source, destination) } else { judge.common(source, destination) };
            arrives = self.series.pass(arrives, cell, &self.judgements, &mut self.sets);
            if arrives.possible == HeaderId::EMPTY {
                break;
            }
        }
        arrives
    }

    /// What becomes of the answers to what certainly arrives from one endpoint class at another.
    pub(crate) fn answers(&mut self, source: u32, destination: u32, certain: HeaderId, assume: Assume) -> Answers {
        if !self.stateless || certain == HeaderId::EMPTY {
            return Answers { blocked: HeaderId::EMPTY, unknown: HeaderId::EMPTY };
        }
        let crossing = match self.returning.get(&assume) {
            Some(known) => Rc::clone(known),
            None => {
                let made = Rc::new(Crossing::new(self, assume, true));
                self.returning.insert(assume, Rc::clone(&made));
                made
            }
        };
        let full = self.sets.intern(HeaderSet::full());
        let mut returns = Arrives { certain: full, possible: full };
        for judge in crossing.met(&self.classes, destination, source, true) {
            let Some(judge) = self.judges.get(judge as usize) else { continue };
            let cell = judge.cell(destination, source);
            returns = self.series.pass(returns, cell, &self.judgements, &mut self.sets);
        }
        if let Some(&known) = self.answers.get(&(certain, returns)) {
            return known;
        }
        let answered = self.sets.intern(HeaderSet::answered());
        let answered = self.sets.intersection(certain, answered);
        let [certainly, possibly] =
            [returns.certain, returns.possible].map(|replies| self.sets.get(replies).whose_replies());
        let (certainly, possibly) = (self.sets.intern(certainly), self.sets.intern(possibly));
        let blocked = self.sets.difference(answered, possibly);
        let unsure = self.sets.difference(answered, certainly);
        let answers = Answers { blocked, unknown: self.sets.difference(unsure, blocked) };
        self.answers.insert((certain, returns), answers);
        answers
    }

    /// The TCP headers that arrive and whose answer does not.
    pub(crate) fn one_way(&mut self, source: u32, destination: u32, certain: HeaderId, assume: Assume) -> HeaderId {
        let blocked = self.answers(source, destination, certain, assume).blocked;
        let tcp = self.sets.get(blocked).only_transport(Transport::Tcp);
        self.sets.intern(tcp)
    }
}

/// The endpoint classes of a class's units, each once.
fn endpoints_of(classes: &Classes, class: ClassId) -> Vec<u32> {
    let mut endpoints = classes.endpoints.of_unit(classes.representative(class)).to_vec();
    endpoints.sort_unstable();
    endpoints.dedup();
    endpoints
}

fn may_meet(placement: &Placement, direction: Direction) -> bool {
    match placement {
        Placement::Units(_) => direction != Direction::Forward,
        Placement::Between(_) => direction == Direction::Forward,
        Placement::Around(..) => true,
    }
}

/// Points in series: what a judgement leaves of what arrived until then.
#[derive(Debug, Default)]
struct Series {
    known: FxHashMap<(Arrives, u32), Arrives>,
}

impl Series {
    fn pass(&mut self, arrived: Arrives, cell: u32, judgements: &Judgements, sets: &mut HeaderSets) -> Arrives {
        if arrived.possible == HeaderId::EMPTY {
            return arrived;
        }
        *self.known.entry((arrived, cell)).or_insert_with(|| {
            let judged = judgements.get(cell);
            Arrives {
                certain: sets.difference(arrived.certain, judged.may_deny),
                possible: sets.intersection(arrived.possible, judged.may_allow),
            }
        })
    }
}

/// The points that count on the way between endpoint classes.
#[derive(Debug)]
pub(crate) struct Crossing {
    /// Stacks of what judges at a unit as the source, and as the destination.
    stacks: Vec<Vec<Judging>>,
    pub(crate) at_source: Vec<u32>,
    pub(crate) at_destination: Vec<u32>,
    /// What judges between two places.
    between: Vec<Vec<Judging>>,
    places: usize,
    /// What judges at some source or in between, and what judges at some destination or in between.
    out: BTreeSet<u32>,
    into: BTreeSet<u32>,
}

impl Crossing {
    /// The points that stand under `assume`. For replies only the stateless ones count, and the ends of the
    /// connection are the other way round: the attacker who owns its source owns the reply's destination.
    pub(crate) fn new(engine: &Engine<'_>, assume: Assume, reply: bool) -> Self {
        let (design, classes) = (engine.design, &engine.classes);
        let endpoints = &classes.endpoints;
        let judge = |point: &EnforcementPoint, direction: Direction| {
            let judge = engine.judging.get(&(point.rulebook, direction)).copied();
            judge.map(|judge| (judge, point.exempts_host))
        };
        let counts = |point: &EnforcementPoint| !reply || !design.rulebook(point.rulebook).stateful;
        let mut stacks: Interner<Vec<Judging>> = Interner::new();
        stacks.intern(Vec::new());
        let mut at = |direction: Direction, side: Side| -> Vec<u32> {
            let standing: Vec<(Judging, u32)> = design
                .points()
                .iter()
                .filter(|point| counts(point) && point.directions.contains(direction))
                .filter(|point| assume.stands(point, Some(side)))
                .filter_map(|point| match &point.placement {
                    Placement::Units(selector) => {
                        Some((judge(point, direction)?, classes.words.selectors.id(selector)?))
                    }
                    Placement::Between(_) | Placement::Around(..) => None,
                })
                .collect();
            (0..u32::try_from(endpoints.len()).unwrap_or(u32::MAX))
                .map(|class| {
                    if class as usize >= endpoints.units() {
                        return 0;
                    }
                    let met =
                        standing.iter().filter(|(_, selector)| endpoints.selected(&classes.index, *selector, class));
                    stacks.intern(strictest(met.map(|(judging, _)| *judging).collect()))
                })
                .collect()
        };
        let (first, second) = match reply {
            false => (Side::Source, Side::Destination),
            true => (Side::Destination, Side::Source),
        };
        let at_source = at(Direction::Egress, first);
        let at_destination = at(Direction::Ingress, second);
        let places = endpoints.places();
        let mut between = Vec::with_capacity(places * places);
        let ids = || 0..u32::try_from(places).unwrap_or(u32::MAX);
        for (from, to) in ids().flat_map(|from| ids().map(move |to| (from, to))) {
            let points = design.points().iter().filter(|point| counts(point) && assume.stands(point, None));
            let met = points.flat_map(|point| {
                let directions = point
                    .directions
                    .iter()
                    .filter(move |&direction| on_the_way(classes, &point.placement, direction, from, to));
                directions.filter_map(move |direction| judge(point, direction))
            });
            between.push(strictest(met.collect()));
        }
        let stacks = stacks.values().to_vec();
        let anywhere = |at: &[u32]| {
            let used: BTreeSet<u32> = at.iter().copied().collect();
            let used = used.into_iter().filter_map(|stack| stacks.get(stack as usize));
            used.chain(&between).flatten().map(|(judge, _)| *judge).collect()
        };
        let (out, into) = (anywhere(&at_source), anywhere(&at_destination));
        Self { stacks, at_source, at_destination, between, places, out, into }
    }

    /// What judges at a class, as the source or as the destination.
    fn at(&self, stacks: &[u32], class: u32) -> &[Judging] {
        let id = stacks.get(class as usize).copied().unwrap_or(0);
        self.stacks.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// What judges a connection between two classes, or (not `exact`) between two of their kinds that are not each
    /// other's hosts.
    pub(crate) fn met<'c>(
        &'c self,
        classes: &'c Classes,
        source: u32,
        destination: u32,
        exact: bool,
    ) -> impl Iterator<Item = u32> + use<'c> {
        let endpoints = &classes.endpoints;
        let (from, to) = (endpoints.get(source), endpoints.get(destination));
        let host_and_guest = exact
            && ((from.host.is_some() && from.host == to.host_itself)
                || (to.host.is_some() && to.host == from.host_itself));
        let way =
            self.between.get(from.place as usize * self.places + to.place as usize).map_or(&[][..], Vec::as_slice);
        let (out, into) = (self.at(&self.at_source, source), self.at(&self.at_destination, destination));
        out.iter()
            .chain(way)
            .chain(into)
            .filter(move |(_, exempts_host)| !(host_and_guest && *exempts_host))
            .map(|&(judge, _)| judge)
    }

    /// The classes, as the source or as the destination, at which the same judges stand; none unless the same stand
    /// at everybody else, too.
    pub(crate) fn alike(&self, other: &Self, as_source: bool) -> FixedBitSet {
        let (ours, theirs, far, their_far) = match as_source {
            true => (&self.at_source, &other.at_source, &self.at_destination, &other.at_destination),
            false => (&self.at_destination, &other.at_destination, &self.at_source, &other.at_source),
        };
        let stacks = |crossing: &Self, at: &[u32]| -> Vec<Vec<Judging>> {
            at.iter().filter_map(|&stack| crossing.stacks.get(stack as usize).cloned()).collect()
        };
        let mut alike = FixedBitSet::with_capacity(ours.len());
        if self.between == other.between && stacks(self, far) == stacks(other, their_far) {
            let same = stacks(self, ours).into_iter().zip(stacks(other, theirs)).enumerate();
            same.filter(|(_, (ours, theirs))| ours == theirs).for_each(|(class, _)| alike.insert(class));
        }
        alike
    }

    /// What may judge connections from a class, whoever they go to.
    pub(crate) fn judges_from(&self, source: u32) -> impl Iterator<Item = u32> {
        union(self.at(&self.at_source, source), &self.into)
    }

    /// What may judge connections to a class, whoever they come from.
    pub(crate) fn judges_to(&self, destination: u32) -> impl Iterator<Item = u32> {
        union(self.at(&self.at_destination, destination), &self.out)
    }
}

/// The judges in either list.
fn union(own: &[Judging], others: &BTreeSet<u32>) -> impl Iterator<Item = u32> {
    own.iter().map(|(judge, _)| *judge).filter(|judge| !others.contains(judge)).chain(others.iter().copied())
}

/// Each judge once, and with an exemption only if every point that it judges for has it: a second judgement by the
/// same rules changes nothing.
fn strictest(mut judging: Vec<Judging>) -> Vec<Judging> {
    judging.sort_unstable();
    judging.dedup_by_key(|(judge, _)| *judge);
    judging
}

fn on_the_way(classes: &Classes, placement: &Placement, direction: Direction, from: u32, to: u32) -> bool {
    let endpoints = &classes.endpoints;
    let Some((from, to)) = endpoints.place(from).zip(endpoints.place(to)) else { return false };
    match placement {
        Placement::Units(_) => false,
        Placement::Between(level) => {
            let at = classes.words.levels.iter().position(|known| known == level);
            direction == Direction::Forward && at.is_some_and(|at| from.names.get(at) != to.names.get(at))
        }
        Placement::Around(level, name) => {
            let at = classes.words.edges.iter().position(|(known, edge)| known == level && edge == name);
            let inside = |place: &crate::endpoint_class::PlaceSeen| {
                at.and_then(|at| place.inside.get(at)).copied().unwrap_or(false)
            };
            match direction {
                Direction::Egress => inside(from) && !inside(to),
                Direction::Forward => inside(from) != inside(to),
                Direction::Ingress => !inside(from) && inside(to),
            }
        }
    }
}
