//! Direct reachability between endpoint classes: which headers certainly pass, and which possibly do.
//!
//! A connection meets the points at its source, those on the way and those at its destination; it certainly arrives
//! if none of them may stop it, and possibly if all of them may let it through. A [`Matrix`] holds both sets for every
//! two endpoint classes under one [`Assume`].

use crate::classes::{ClassId, Classes};
use crate::endpoint_class::EndpointKind;
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use crate::judge::{Judge, Judgements};
use crate::vocabulary::Interner;
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Design, Direction, EnforcementPoint, Family, Placement, RulebookId, Side, Transport};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The headers that certainly arrive, and those that possibly do: a superset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Arrives {
    pub(crate) certain: HeaderId,
    pub(crate) possible: HeaderId,
}

impl Arrives {
    const NEVER: Arrives = Arrives { certain: HeaderId::EMPTY, possible: HeaderId::EMPTY };
}

/// What the answers to arriving connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    /// Headers whose answer certainly is stopped.
    pub(crate) blocked: HeaderId,
    /// Headers of which nobody knows whether the answer is stopped.
    pub(crate) unknown: HeaderId,
}

/// Direct reachability under one assumption.
#[derive(Debug)]
pub(crate) struct Matrix {
    kept: Vec<Arrives>,
    /// From classes of units to every destination, then from the others to units.
    cells: Vec<u32>,
    units: usize,
    destinations: usize,
}

impl Matrix {
    /// What arrives from one endpoint class at another; nothing where no connection of that kind exists.
    ///
    /// For two different units of the classes; what a unit sends itself passes no point.
    pub(crate) fn arrives(&self, source: u32, destination: u32) -> Arrives {
        let (source, destination) = (source as usize, destination as usize);
        let at = if source < self.units {
            (destination < self.destinations).then(|| source * self.destinations + destination)
        } else {
            (destination < self.units)
                .then(|| self.units * self.destinations + (source - self.units) * self.units + destination)
        };
        let id = at.and_then(|at| self.cells.get(at)).copied().unwrap_or(0);
        self.kept.get(id as usize).copied().unwrap_or(Arrives::NEVER)
    }
}

/// A rulebook that judges in a direction, and whether it leaves connections with hosts unjudged.
type Judging = (RulebookId, Direction, bool);

/// Answers questions of direct reachability about one design, and remembers what it worked out.
#[derive(Debug)]
pub(crate) struct Engine<'a> {
    pub(crate) design: &'a Design,
    pub(crate) classes: Classes<'a>,
    pub(crate) sets: HeaderSets,
    judgements: Judgements,
    judges: BTreeMap<(RulebookId, Direction), Judge>,
    matrices: BTreeMap<Assume, Rc<Matrix>>,
    /// Whether some point judges replies.
    pub(crate) stateless: bool,
    /// The points that judge replies.
    returning: BTreeMap<Assume, Rc<Crossing>>,
    replies: Series,
    /// Answers to what arrives, by what of the replies gets back.
    answers: FxHashMap<(HeaderId, Arrives), Answers>,
    /// The endpoint classes of each class of units, each once.
    pub(crate) endpoints: Vec<Rc<[u32]>>,
    /// The headers that the units of each class listen to.
    pub(crate) listened: Vec<HeaderId>,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(design: &'a Design) -> Self {
        let classes = Classes::new(design);
        let mut sets = HeaderSets::new();
        let mut judgements = Judgements::new(&classes);
        let mut judges = BTreeMap::new();
        for point in design.points() {
            for direction in point.directions.iter().filter(|&direction| may_meet(&point.placement, direction)) {
                judges.entry((point.rulebook, direction)).or_insert_with(|| {
                    let book = design.rulebook(point.rulebook);
                    Judge::new(&classes, book, direction, &mut judgements, &mut sets)
                });
            }
        }
        let stateless = design.points().iter().any(|point| !design.rulebook(point.rulebook).stateful);
        let listened = classes
            .ids()
            .map(|class| {
                let unit = design.unit(classes.representative(class));
                sets.intern(HeaderSet::of_listeners(&unit.listeners))
            })
            .collect();
        let endpoints = classes.ids().map(|class| endpoints_of(&classes, class).into()).collect();
        Self {
            design,
            classes,
            sets,
            judgements,
            judges,
            matrices: BTreeMap::new(),
            stateless,
            returning: BTreeMap::new(),
            replies: Series::default(),
            answers: FxHashMap::default(),
            endpoints,
            listened,
        }
    }

    /// Direct reachability under an assumption.
    pub(crate) fn matrix(&mut self, assume: Assume) -> Rc<Matrix> {
        if let Some(known) = self.matrices.get(&assume) {
            return Rc::clone(known);
        }
        let matrix = Rc::new(self.build(assume));
        self.matrices.insert(assume, Rc::clone(&matrix));
        matrix
    }

    fn build(&mut self, assume: Assume) -> Matrix {
        let crossing = Crossing::new(self.design, &self.classes, assume, false);
        let endpoints = &self.classes.endpoints;
        let (units, destinations, all) = (endpoints.units(), endpoints.destinations(), endpoints.len());
        let mut kept = Interner::new();
        kept.intern(Arrives::NEVER);
        let mut cells = Vec::with_capacity(units * destinations + (all - units) * units);
        let paths = Paths::new(self.design, &self.classes, &mut self.sets);
        let mut series = Series::default();
        let index = |count: usize| 0..u32::try_from(count).unwrap_or(u32::MAX);
        for source in index(all) {
            let to = if (source as usize) < units { destinations } else { units };
            let leaving = leaving(&self.judges, &crossing, source);
            for destination in index(to) {
                // Most pairs of a design that denies by default end here.
                let stopped = leaving.iter().any(|judge| self.judgements.stops_all(judge.cell(source, destination)));
                if stopped && !paths.touched(source) && !paths.touched(destination) {
                    cells.push(0);
                    continue;
                }
                let mut arrives = paths.arrives(&self.classes, source, destination);
                // Nothing is certain of what is touched, whatever points say.
                if arrives.certain != HeaderId::EMPTY {
                    for (book, direction) in crossing.met(&self.classes, source, destination) {
                        let Some(judge) = self.judges.get(&(book, direction)) else { continue };
                        let cell = judge.cell(source, destination);
                        arrives = series.pass(arrives, cell, &self.judgements, &mut self.sets);
                    }
                }
                cells.push(kept.intern(arrives));
            }
        }
        Matrix { kept: kept.values().to_vec(), cells, units, destinations }
    }

    /// What becomes of the answers to what certainly arrives from one endpoint class at another.
    pub(crate) fn answers(&mut self, source: u32, destination: u32, certain: HeaderId, assume: Assume) -> Answers {
        if !self.stateless || certain == HeaderId::EMPTY {
            return Answers { blocked: HeaderId::EMPTY, unknown: HeaderId::EMPTY };
        }
        let crossing = self
            .returning
            .entry(assume)
            .or_insert_with(|| Rc::new(Crossing::new(self.design, &self.classes, assume, true)));
        let full = self.sets.intern(HeaderSet::full());
        let mut returns = Arrives { certain: full, possible: full };
        for (book, direction) in crossing.met(&self.classes, destination, source) {
            let Some(judge) = self.judges.get(&(book, direction)) else { continue };
            let cell = judge.cell(destination, source);
            returns = self.replies.pass(returns, cell, &self.judgements, &mut self.sets);
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
fn endpoints_of(classes: &Classes<'_>, class: ClassId) -> Vec<u32> {
    let mut endpoints = classes.endpoints.of_unit(classes.representative(class)).to_vec();
    endpoints.sort_unstable();
    endpoints.dedup();
    endpoints
}

/// What judges whatever leaves a class, to wherever it goes.
fn leaving<'j>(
    judges: &'j BTreeMap<(RulebookId, Direction), Judge>,
    crossing: &Crossing,
    source: u32,
) -> Vec<&'j Judge> {
    let judging = crossing.at(&crossing.at_source, source).iter();
    let always = judging.filter(|(_, _, exempts_host)| !exempts_host);
    always.filter_map(|(book, direction, _)| judges.get(&(*book, *direction))).collect()
}

fn may_meet(placement: &Placement, direction: Direction) -> bool {
    match placement {
        Placement::Units(_) => direction != Direction::Forward,
        Placement::Between(_) => direction == Direction::Forward,
        Placement::Around(..) => true,
    }
}

/// What paths carry between endpoint classes, before any point judges.
struct Paths {
    families: [HeaderId; 2],
    /// Whether something that is not modelled touches a class.
    touched: Vec<bool>,
    /// Of named external sources, by (source class, destination class).
    entries: FxHashMap<(u32, u32), HeaderId>,
}

impl Paths {
    fn new(design: &Design, classes: &Classes<'_>, sets: &mut HeaderSets) -> Self {
        let endpoints = &classes.endpoints;
        let selected = |selector: &seglab_policy::Selector, class: u32| {
            let id = classes.words.selectors.id(selector);
            id.is_some_and(|id| endpoints.selected(&classes.index, id, class))
        };
        let is_unit = |class: u32| (class as usize) < endpoints.units();
        let touched = (0..u32::try_from(endpoints.len()).unwrap_or(u32::MAX))
            .map(|class| is_unit(class) && design.unmodelled().iter().any(|what| selected(&what.touches, class)))
            .collect();
        let mut entries = FxHashMap::default();
        for source in endpoints.sources() {
            let EndpointKind::Source(id) = endpoints.get(source).kind else { continue };
            let Some(external) = design.external_source(id) else { continue };
            for class in (0..u32::try_from(endpoints.units()).unwrap_or(u32::MAX))
                .filter(|&class| endpoints.get(class).family == endpoints.get(source).family)
            {
                let ports = endpoints.named_ports(endpoints.get(class).ports);
                let carried = external
                    .entries
                    .iter()
                    .filter(|entry| selected(&entry.to, class))
                    .fold(HeaderSet::empty(), |set, entry| set.union(&resolved(&entry.services, ports)))
                    .intersection(&HeaderSet::of_family(endpoints.get(source).family));
                if !carried.is_empty() {
                    entries.insert((source, class), sets.intern(carried));
                }
            }
        }
        Self { families: Family::ALL.map(|family| sets.intern(HeaderSet::of_family(family))), touched, entries }
    }

    fn touched(&self, class: u32) -> bool {
        self.touched.get(class as usize).copied().unwrap_or(false)
    }

    /// The headers of which some path certainly carries every one, and those of which one possibly does: where
    /// something that is not modelled touches an end it may open whatever path is missing, so long as there can be
    /// such a connection at all.
    fn arrives(&self, classes: &Classes<'_>, source: u32, destination: u32) -> Arrives {
        let endpoints = &classes.endpoints;
        let (from, to) = (endpoints.get(source), endpoints.get(destination));
        if from.family != to.family {
            return Arrives::NEVER;
        }
        let [v4, v6] = self.families;
        let every = match from.family {
            Family::V4 => v4,
            Family::V6 => v6,
        };
        let whole = |carried: bool| if carried { every } else { HeaderId::EMPTY };
        let (exists, carried) = match (from.kind, to.kind) {
            (EndpointKind::Unit, EndpointKind::Unit) => (true, whole(endpoints.spaces_linked(from.space, to.space))),
            (EndpointKind::Unit, EndpointKind::External(_)) => {
                (endpoints.external_in_space(destination, from.space), whole(from.outbound))
            }
            (EndpointKind::External(_), EndpointKind::Unit) => {
                (endpoints.external_in_space(source, to.space), whole(to.inbound))
            }
            (EndpointKind::Source(_), EndpointKind::Unit) => {
                (true, self.entries.get(&(source, destination)).copied().unwrap_or(HeaderId::EMPTY))
            }
            _ => (false, HeaderId::EMPTY),
        };
        match (exists, self.touched(source) || self.touched(destination)) {
            (false, _) => Arrives::NEVER,
            (true, true) => Arrives { certain: HeaderId::EMPTY, possible: every },
            (true, false) => Arrives { certain: carried, possible: carried },
        }
    }
}

/// The headers of services where the destination declares these named ports.
fn resolved(services: &[seglab_policy::Service], ports: &[(String, Transport, u16)]) -> HeaderSet {
    let listeners: Vec<seglab_policy::Listener> = ports
        .iter()
        .map(|(name, protocol, port)| seglab_policy::Listener {
            name: Some(name.clone()),
            ..seglab_policy::Listener::port(*protocol, *port)
        })
        .collect();
    HeaderSet::of_services(services, &listeners)
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
struct Crossing {
    /// Stacks of what judges at a unit as the source, and as the destination.
    stacks: Vec<Vec<Judging>>,
    at_source: Vec<u32>,
    at_destination: Vec<u32>,
    /// What judges between two places.
    between: Vec<Vec<Judging>>,
    places: usize,
}

impl Crossing {
    /// The points that stand under `assume`. For replies only the stateless ones count, and the ends of the
    /// connection are the other way round: the attacker who owns its source owns the reply's destination.
    fn new(design: &Design, classes: &Classes<'_>, assume: Assume, reply: bool) -> Self {
        let endpoints = &classes.endpoints;
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
                        let judging = (point.rulebook, direction, point.exempts_host);
                        Some((judging, classes.words.selectors.id(selector)?))
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
                directions.map(move |direction| (point.rulebook, direction, point.exempts_host))
            });
            between.push(strictest(met.collect()));
        }
        Self { stacks: stacks.values().to_vec(), at_source, at_destination, between, places }
    }

    /// What judges at a class, as the source or as the destination.
    fn at(&self, stacks: &[u32], class: u32) -> &[Judging] {
        let id = stacks.get(class as usize).copied().unwrap_or(0);
        self.stacks.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// What judges a connection between two classes.
    fn met<'c>(
        &'c self,
        classes: &'c Classes<'_>,
        source: u32,
        destination: u32,
    ) -> impl Iterator<Item = (RulebookId, Direction)> + 'c {
        let endpoints = &classes.endpoints;
        let (from, to) = (endpoints.get(source), endpoints.get(destination));
        let host_and_guest =
            (from.host.is_some() && from.host == to.host_itself) || (to.host.is_some() && to.host == from.host_itself);
        let way =
            self.between.get(from.place as usize * self.places + to.place as usize).map_or(&[][..], Vec::as_slice);
        let (out, into) = (self.at(&self.at_source, source), self.at(&self.at_destination, destination));
        out.iter()
            .chain(way)
            .chain(into)
            .filter(move |(_, _, exempts_host)| !(host_and_guest && *exempts_host))
            .map(|&(book, direction, _)| (book, direction))
    }
}

/// Each rulebook once per direction, and with an exemption only if every point that carries it has it: a second
/// judgement by the same rules changes nothing.
fn strictest(mut judging: Vec<Judging>) -> Vec<Judging> {
    judging.sort_unstable();
    judging.dedup_by_key(|(book, direction, _)| (*book, *direction));
    judging
}

fn on_the_way(classes: &Classes<'_>, placement: &Placement, direction: Direction, from: u32, to: u32) -> bool {
    let endpoints = &classes.endpoints;
    let Some((from, to)) = endpoints.place(from).zip(endpoints.place(to)) else { return false };
    match placement {
        Placement::Units(_) => false,
        Placement::Between(level) => {
            let at = classes.words.levels.iter().position(|known| known == level);
            direction == Direction::Forward && at.is_some_and(|at| from.names.get(at) != to.names.get(at))
        }
        Placement::Around(level, name) => {
            let at = classes.words.edges.iter().position(|known| *known == (*level, name.as_str()));
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
