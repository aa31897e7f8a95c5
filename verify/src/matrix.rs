//! Direct reachability under one assumption, for every two endpoint classes and every header at once.
//!
//! Endpoint classes that are alike to all but the rules about few classes are one *kind*. What arrives between two
//! kinds is worked out once; an endpoint class has *exceptions*, the others for which something else holds. There are
//! about as many of them as the rules about few classes speak of, instead of one cell for every two classes.

use crate::direct::{Arrives, Crossing, Engine};
use crate::endpoint_class::{EndpointClass, EndpointKind};
use crate::intern::HeaderId;
use crate::vocabulary::Interner;
use fixedbitset::FixedBitSet;
use seglab_policy::{Assume, Family, UnitId};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// Endpoint classes with what arrives between them and some other.
type Exceptions = Box<[(u32, Arrives)]>;

/// Direct reachability under one assumption. Filled in as it is asked; ask the [`Engine`].
///
/// Kinds and what is common to them are where exceptions are counted from, and nothing more: an endpoint class that is
/// no longer like the others of its kind has exceptions.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) crossing: Crossing,
    pub(crate) sources: Kinds,
    pub(crate) destinations: Kinds,
    /// By kind of sources: what arrives at each kind of destinations.
    common: Vec<OnceCell<Box<[Arrives]>>>,
    from: Vec<OnceCell<Exceptions>>,
    to: Vec<OnceCell<Exceptions>>,
}

/// Endpoint classes by kind.
#[derive(Debug)]
pub(crate) struct Kinds {
    of: Vec<u32>,
    /// The classes of each kind, ascending.
    pub(crate) members: Vec<Vec<u32>>,
}

impl Kinds {
    fn new<T: Clone + Eq + std::hash::Hash>(signatures: impl Iterator<Item = T>) -> Self {
        let mut kinds: Interner<T> = Interner::new();
        let mut members: Vec<Vec<u32>> = Vec::new();
        let of: Vec<u32> = signatures.map(|signature| kinds.intern(signature)).collect();
        for (class, &kind) in (0u32..).zip(&of) {
            match members.get_mut(kind as usize) {
                Some(members) => members.push(class),
                None => members.push(vec![class]),
            }
        }
        Self { of, members }
    }

    /// The kind of an endpoint class.
    #[expect(clippy::indexing_slicing, reason = "every class that may be asked about has a kind")]
    pub(crate) fn of(&self, class: u32) -> u32 {
        self.of[class as usize]
    }

    /// Puts an endpoint class into the kind of another.
    fn join(&mut self, class: u32, other: u32) {
        let (from, to) = (self.of(class), self.of(other));
        self.members.get_mut(from as usize).into_iter().for_each(|members| members.retain(|known| *known != class));
        if let Some(members) = self.members.get_mut(to as usize) {
            let at = members.partition_point(|known| *known < class);
            members.insert(at, class);
        }
        self.of.get_mut(class as usize).into_iter().for_each(|kind| *kind = to);
    }

    /// The number of kinds.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}

/// What decides between endpoint classes under every assumption, aside from rules about few and from hosts.
#[derive(Debug, Default)]
pub(crate) struct Alike {
    sources: Vec<u32>,
    destinations: Vec<u32>,
    /// Endpoint classes of hosts, and of what runs on each, where connections between the two are judged apart.
    hosts: BTreeMap<UnitId, (Vec<u32>, Vec<u32>)>,
}

/// Everything but rules about few, and hosts, that paths, points and rules see of one end of a connection.
// INVARIANT: whatever `Paths` and `Crossing` read of an endpoint class is here, or in `Alike::hosts`.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Seen {
    family: Family,
    /// The atom of an external class does not matter; the spaces in which it is external do.
    kind: Option<EndpointKind>,
    open_in: Vec<bool>,
    space: u32,
    has_path: bool,
    touched: bool,
    place: u32,
    /// What named sources may open there.
    entries: Vec<HeaderId>,
    /// The group of each judge.
    groups: Vec<u32>,
}

impl Alike {
    pub(crate) fn new(engine: &Engine<'_>) -> Self {
        let endpoints = &engine.classes.endpoints;
        let count = |classes: usize| 0..u32::try_from(classes).unwrap_or(u32::MAX);
        let seen = |class: u32, as_source: bool| {
            let end = endpoints.get(class);
            let group = |judge: &crate::judge::Judge| {
                let side = if as_source { &judge.sources } else { &judge.destinations };
                side.group_of(side.part(class))
            };
            let is_external = matches!(end.kind, EndpointKind::External(_));
            Seen {
                family: end.family,
                kind: (!is_external).then_some(end.kind),
                open_in: if is_external { endpoints.open_in(class) } else { Vec::new() },
                space: end.space,
                has_path: if as_source { end.outbound } else { end.inbound },
                touched: engine.paths.touched(class),
                place: end.place,
                entries: if as_source { Vec::new() } else { engine.paths.entries_to(endpoints, class) },
                groups: engine.judges.iter().map(group).collect(),
            }
        };
        let mut hosts: BTreeMap<UnitId, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        for class in count(endpoints.units()) {
            let end = endpoints.get(class);
            if let Some(host) = end.host_itself {
                hosts.entry(host).or_default().0.push(class);
            }
            if let Some(host) = end.host {
                hosts.entry(host).or_default().1.push(class);
            }
        }
        Self {
            sources: Kinds::new(count(endpoints.len()).map(|class| seen(class, true))).of,
            destinations: Kinds::new(count(endpoints.destinations()).map(|class| seen(class, false))).of,
            hosts,
        }
    }

    /// Takes an endpoint class that was vacant for what another is, as which it is seen.
    pub(crate) fn split(&mut self, seen: &EndpointClass, class: u32, other: u32) {
        for alike in [&mut self.sources, &mut self.destinations] {
            let known = alike.get(class as usize).copied();
            alike.get_mut(other as usize).zip(known).into_iter().for_each(|(slot, known)| *slot = known);
        }
        if let Some(host) = seen.host_itself {
            self.hosts.entry(host).or_default().0.push(other);
        }
        if let Some(host) = seen.host {
            self.hosts.entry(host).or_default().1.push(other);
        }
    }

    /// Takes an endpoint class for one that is vacant as another.
    pub(crate) fn vacate(&mut self, class: u32, nobody: u32) {
        for alike in [&mut self.sources, &mut self.destinations] {
            let vacant = alike.get(nobody as usize).copied();
            alike.get_mut(class as usize).zip(vacant).into_iter().for_each(|(slot, vacant)| *slot = vacant);
        }
        for (hosts, guests) in self.hosts.values_mut() {
            hosts.retain(|known| *known != class);
            guests.retain(|known| *known != class);
        }
    }

    /// Calls units what they are called now.
    pub(crate) fn renumber(&mut self, now: &[Option<UnitId>]) {
        let current = |unit: UnitId| now.get(unit.index()).copied().flatten();
        let hosts = std::mem::take(&mut self.hosts).into_iter();
        self.hosts = hosts.filter_map(|(host, ends)| Some((current(host)?, ends))).collect();
    }

    /// The other ends of connections between an endpoint class and its host or its guests.
    pub(crate) fn host_and_guests(&self, engine: &Engine<'_>, class: u32) -> Vec<u32> {
        self.near(engine.classes.endpoints.get(class))
    }

    /// The endpoint classes of the host and of the guests of whoever stands at an endpoint class as it is seen.
    pub(crate) fn near(&self, end: &EndpointClass) -> Vec<u32> {
        let hosts = end.host.and_then(|host| self.hosts.get(&host)).map(|(hosts, _)| hosts);
        let guests = end.host_itself.and_then(|host| self.hosts.get(&host)).map(|(_, guests)| guests);
        hosts.into_iter().chain(guests).flatten().copied().collect()
    }
}

impl Matrix {
    pub(crate) fn new(engine: &Engine<'_>, assume: Assume) -> Self {
        let crossing = Crossing::new(engine, assume, false);
        let kinds = |alike: &[u32], stacks: &[u32]| Kinds::new(alike.iter().copied().zip(stacks.iter().copied()));
        let sources = kinds(&engine.alike.sources, &crossing.at_source);
        let destinations = kinds(&engine.alike.destinations, &crossing.at_destination);
        Self {
            common: vec![OnceCell::new(); sources.len()],
            from: vec![OnceCell::new(); sources.of.len()],
            to: vec![OnceCell::new(); destinations.of.len()],
            crossing,
            sources,
            destinations,
        }
    }
}

impl Matrix {
    /// Holds of an endpoint class that was vacant what holds of another; what is known of exceptions has to be forgotten
    /// wherever the other is among them.
    pub(crate) fn split(&mut self, class: u32, other: u32) {
        self.crossing.split(class, other);
        self.sources.join(other, class);
        self.destinations.join(other, class);
        for rows in [&mut self.from, &mut self.to] {
            rows.get_mut(other as usize).into_iter().for_each(|row| drop(row.take()));
        }
    }

    /// Forgets what is not common to kinds between endpoint classes whose rules were edited.
    pub(crate) fn forget(&mut self, sources: &FixedBitSet, destinations: &FixedBitSet) {
        let clear = |rows: &mut [OnceCell<Exceptions>], classes: &FixedBitSet| {
            classes.ones().for_each(|class| rows.get_mut(class).into_iter().for_each(|row| drop(row.take())));
        };
        clear(&mut self.from, sources);
        clear(&mut self.to, destinations);
    }
}

impl Engine<'_> {
    /// What arrives from one endpoint class at another; nothing where no connection of that kind exists.
    ///
    /// For two different units of the classes; what a unit sends itself passes no point.
    pub(crate) fn arrives(&mut self, matrix: &Matrix, source: u32, destination: u32) -> Arrives {
        if destination as usize >= self.classes.endpoints.destinations() {
            return Arrives::NEVER;
        }
        let exceptions = self.exceptions_from(matrix, source);
        let at = exceptions.binary_search_by_key(&destination, |(destination, _)| *destination);
        match at.ok().and_then(|at| exceptions.get(at)) {
            Some(&(_, arrives)) => arrives,
            None => self.common(matrix, matrix.sources.of(source), matrix.destinations.of(destination)),
        }
    }

    /// What arrives between two kinds.
    pub(crate) fn common(&mut self, matrix: &Matrix, from: u32, to: u32) -> Arrives {
        self.common_from(matrix, from).get(to as usize).copied().unwrap_or(Arrives::NEVER)
    }

    /// What arrives from one kind at every other.
    pub(crate) fn common_from<'m>(&mut self, matrix: &'m Matrix, from: u32) -> &'m [Arrives] {
        let first = |kinds: &Kinds, kind: u32| kinds.members.get(kind as usize).and_then(|kind| kind.first()).copied();
        let Some(cell) = matrix.common.get(from as usize) else { return &[] };
        if let Some(known) = cell.get() {
            return known;
        }
        let Some(source) = first(&matrix.sources, from) else { return &[] };
        let to = 0..u32::try_from(matrix.destinations.len()).unwrap_or(u32::MAX);
        // A kind that everybody has left stays empty.
        let arrives = |engine: &mut Self, to| match first(&matrix.destinations, to) {
            Some(to) => engine.passing(&matrix.crossing, source, to, false),
            None => Arrives::NEVER,
        };
        let row: Box<[Arrives]> = to.map(|to| arrives(self, to)).collect();
        cell.get_or_init(|| row)
    }

    /// The destinations, ascending, for which something else arrives from a source than is common to their kinds.
    pub(crate) fn exceptions_from<'m>(&mut self, matrix: &'m Matrix, source: u32) -> &'m [(u32, Arrives)] {
        let Some(cell) = matrix.from.get(source as usize) else { return &[] };
        if let Some(known) = cell.get() {
            return known;
        }
        let end = u32::try_from(self.classes.endpoints.destinations()).unwrap_or(u32::MAX);
        let mut others = self.alike.host_and_guests(self, source);
        for judge in matrix.crossing.judges_from(source).filter_map(|judge| self.judges.get(judge as usize)) {
            others.extend(judge.apart_from(source).filter(|&other| other < end));
        }
        others.sort_unstable();
        others.dedup();
        let kind = matrix.sources.of(source);
        let mut exceptions = Vec::new();
        for other in others {
            let arrives = self.passing(&matrix.crossing, source, other, true);
            if arrives != self.common(matrix, kind, matrix.destinations.of(other)) {
                exceptions.push((other, arrives));
            }
        }
        cell.get_or_init(|| exceptions.into())
    }

    /// The sources, ascending, from which something else arrives at a destination than is common to their kinds.
    pub(crate) fn exceptions_to<'m>(&mut self, matrix: &'m Matrix, destination: u32) -> &'m [(u32, Arrives)] {
        let Some(cell) = matrix.to.get(destination as usize) else { return &[] };
        if let Some(known) = cell.get() {
            return known;
        }
        let mut others = self.alike.host_and_guests(self, destination);
        for judge in matrix.crossing.judges_to(destination).filter_map(|judge| self.judges.get(judge as usize)) {
            others.extend(judge.apart_to(destination));
        }
        others.sort_unstable();
        others.dedup();
        let kind = matrix.destinations.of(destination);
        let mut exceptions = Vec::new();
        for other in others {
            let arrives = self.passing(&matrix.crossing, other, destination, true);
            if arrives != self.common(matrix, matrix.sources.of(other), kind) {
                exceptions.push((other, arrives));
            }
        }
        cell.get_or_init(|| exceptions.into())
    }
}
