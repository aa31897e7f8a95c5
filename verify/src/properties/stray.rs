//! The first connection that is meant, can be opened and is not listed.
//!
//! Ends that nothing here tells apart are asked about together, by what is common to their kinds; one by one only where
//! the exceptions of an end say that something else arrives.

mod pairs;

pub(super) use pairs::StrayPairs;

use super::confined::{Confined, End, EveryEnd, Selection, Who};
use crate::classes::ClassId;
use crate::direct::Arrives;
use crate::endpoint_class::Match;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::lateral::Attack;
use crate::matrix::Matrix;
use crate::reach::Verifier;
use crate::vocabulary::Interner;
use rustc_hash::{FxHashMap, FxHashSet};
use seglab_policy::{Listener, Service, Side, View};
use std::rc::Rc;

/// How ends match the sides of what is meant and then of each entry of the list, each once: chains of matches.
#[derive(Debug)]
struct Sides {
    /// Of each chain: the one before its last match, and that match.
    chains: Vec<(u32, Option<Match>)>,
    /// Of each chain, the longer ones.
    longer: Vec<[Option<u32>; 3]>,
}

impl Sides {
    /// The chain of no match.
    const NOTHING: u32 = 0;

    fn new() -> Self {
        Self { chains: vec![(Self::NOTHING, None)], longer: vec![[None; 3]] }
    }

    #[expect(clippy::indexing_slicing, reason = "chains are numbered by the table that they index")]
    fn longer(&mut self, before: u32, matched: Option<Match>) -> u32 {
        let which = match matched {
            None => 0,
            Some(Match::Maybe) => 1,
            Some(Match::Yes) => 2,
        };
        if let Some(known) = self.longer[before as usize][which] {
            return known;
        }
        let number = u32::try_from(self.chains.len()).unwrap_or(u32::MAX);
        self.longer[before as usize][which] = Some(number);
        self.chains.push((before, matched));
        self.longer.push([None; 3]);
        number
    }

    /// The matches of a chain, that of what is meant first.
    fn matches(&self, mut chain: u32) -> Vec<Option<Match>> {
        let mut matches = Vec::new();
        while let Some(&(before, matched)) = self.chains.get(chain as usize).filter(|_| chain != Self::NOTHING) {
            matches.push(matched);
            chain = before;
        }
        matches.reverse();
        matches
    }
}

/// The headers between two ends that are listed, and whether connections between them are meant.
#[derive(Clone, Copy, Debug)]
struct Listed {
    meant: Option<Match>,
    certainly: HeaderId,
    possibly: HeaderId,
}

/// The ends of a verification with what the claim says of them.
pub(super) struct Ends<'c> {
    confined: &'c Confined<'c>,
    every: Rc<EveryEnd>,
    /// By end, the number of its sides as a source, and as a destination.
    as_source: Vec<u32>,
    as_destination: Vec<u32>,
    sources: Sides,
    destinations: Sides,
    /// By end, the number of its listeners, where the list names ports.
    named: Vec<u32>,
    listeners: Interner<Vec<Listener>>,
    /// By sides, and by the listeners of the destination.
    known: FxHashMap<(u32, u32, u32), Listed>,
}

impl<'c> Ends<'c> {
    /// Every end, with how it matches the sides of the claim.
    pub(super) fn new(verifier: &mut Verifier<'_>, confined: &'c Confined<'c>) -> Self {
        let every = verifier.every_end();
        let (all, verifier) = (&every.ends, &*verifier);
        let entries = || std::iter::once(&confined.meant).chain(&confined.listed);
        let (mut sources, mut destinations) = (Sides::new(), Sides::new());
        let mut services = confined.listed.iter().flat_map(|entry| entry.services);
        let names_ports = services.any(|service| matches!(service, Service::NamedPort { .. }));
        let mut listeners = Interner::new();
        let from: Vec<Selection<'_>> = entries().map(|entry| verifier.selection(entry.from)).collect();
        let to: Vec<Selection<'_>> = entries().map(|entry| verifier.selection(entry.to)).collect();
        let as_source = sides_of(verifier, all, &from, &mut sources);
        let as_destination = sides_of(verifier, all, &to, &mut destinations);
        let none = listeners.intern(Vec::new());
        let heard = |end: &End| {
            let Some((class, _)) = end.unit else { return none };
            let unit = verifier.engine.classes.representative(class);
            listeners.intern(verifier.engine.design.unit(unit).listeners.clone())
        };
        let named = if names_ports { all.iter().map(heard).collect() } else { vec![none; all.len()] };
        let known = FxHashMap::default();
        Self { confined, every, as_source, as_destination, sources, destinations, named, listeners, known }
    }

    /// The positions of the ends on one side of what is meant.
    fn meant(&self, as_source: bool, doubtful: bool) -> Vec<usize> {
        let (sides, of) = match as_source {
            true => (&self.sources, &self.as_source),
            false => (&self.destinations, &self.as_destination),
        };
        let chains = 0..u32::try_from(sides.chains.len()).unwrap_or(u32::MAX);
        let is_meant: Vec<bool> =
            chains.map(|chain| counts(sides.matches(chain).first().copied().flatten(), doubtful)).collect();
        let meant = of.iter().enumerate().filter(|(_, chain)| is_meant.get(**chain as usize) == Some(&true));
        meant.map(|(at, _)| at).collect()
    }
}

/// For each end, the number of how it matches the selections.
fn sides_of(verifier: &Verifier<'_>, ends: &[End], selections: &[Selection<'_>], sides: &mut Sides) -> Vec<u32> {
    let mut of = vec![Sides::NOTHING; ends.len()];
    for selection in selections {
        // Whoever is meant without regard to who it is need not be looked at.
        let always = selection.is_of_anyone().then_some(Match::Yes);
        for (chain, &end) in of.iter_mut().zip(ends) {
            *chain = sides.longer(*chain, always.or_else(|| verifier.is(end, selection)));
        }
    }
    of
}

/// True if such a match is to be reckoned with.
fn counts(matched: Option<Match>, doubtful: bool) -> bool {
    matched.is_some_and(|matched| doubtful || matched == Match::Yes)
}

/// A connection that is not listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) headers: HeaderId,
    /// True if it certainly arrives: then only the list is in doubt, if anything is.
    pub(super) certain: bool,
}

/// All of an end that decides which connections of its are listed, aside from exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Alike {
    kind: u32,
    sides: u32,
    /// Of a destination: its listeners where the list names ports, and the headers that count there.
    named: u32,
    seen: Option<HeaderId>,
}

/// Ends that are alike, by position, ascending.
struct Group {
    alike: Alike,
    ends: Vec<usize>,
}

/// Looks for connections that are not listed: ordered by the side that units stand on alone, if one is.
pub(super) struct Search<'s, 'v, 'c> {
    verifier: &'s mut Verifier<'v>,
    ends: &'s mut Ends<'c>,
    matrix: Rc<Matrix>,
    view: View,
    /// Also what only possibly arrives, is possibly meant or possibly not listed.
    doubtful: bool,
    /// Sources are gone through, and asked for destinations; else the other way round.
    by_source: bool,
    /// The other ends.
    groups: Vec<Group>,
}

impl<'s, 'v, 'c> Search<'s, 'v, 'c> {
    pub(super) fn new(verifier: &'s mut Verifier<'v>, ends: &'s mut Ends<'c>, attack: Attack, doubtful: bool) -> Self {
        let meant = &ends.confined.meant;
        let by_source = matches!(meant.from, Who::Units(_)) || !matches!(meant.to, Who::Units(_));
        let matrix = verifier.engine.matrix(attack.assume(Side::Source, false));
        let (view, groups) = (attack.view, Vec::new());
        let mut search = Self { verifier, ends, matrix, view, doubtful, by_source, groups };
        let destinations = search.verifier.engine.classes.endpoints.destinations();
        let mut numbers: FxHashMap<Alike, usize> = FxHashMap::default();
        let mut last = None;
        for position in search.ends.meant(!by_source, doubtful) {
            let Some(&end) = search.ends.every.ends.get(position) else { continue };
            if by_source && end.class as usize >= destinations {
                continue;
            }
            let alike = search.alike(position, end, !by_source);
            // Neighbours are mostly alike.
            let number = match last {
                Some((known, number)) if known == alike => number,
                _ => *numbers.entry(alike).or_insert(search.groups.len()),
            };
            last = Some((alike, number));
            match search.groups.get_mut(number) {
                Some(group) => group.ends.push(position),
                None => search.groups.push(Group { alike, ends: vec![position] }),
            }
        }
        search
    }

    /// The first connection that is not listed.
    pub(super) fn first(mut self) -> Option<Stray> {
        let destinations = self.verifier.engine.classes.endpoints.destinations();
        let mut suspects: FxHashMap<Alike, Rc<[usize]>> = FxHashMap::default();
        let mut clean: FxHashSet<(u32, Alike)> = FxHashSet::default();
        for position in self.ends.meant(self.by_source, self.doubtful) {
            let Some(&end) = self.ends.every.ends.get(position) else { continue };
            if !self.by_source && end.class as usize >= destinations {
                continue;
            }
            let alike = self.alike(position, end, self.by_source);
            let suspects = match suspects.get(&alike) {
                Some(known) => Rc::clone(known),
                None => {
                    let found: Rc<[usize]> = self.suspects(position, alike).into();
                    suspects.insert(alike, Rc::clone(&found));
                    found
                }
            };
            if suspects.is_empty() && clean.contains(&(end.class, alike)) {
                continue;
            }
            let usual = self.usual(end, &suspects);
            let (exception, is_clean) = self.exception(position, end);
            let Some(other) = usual.into_iter().chain(exception).min() else {
                clean.extend(is_clean.then_some((end.class, alike)));
                continue;
            };
            return self.between(position, other);
        }
        None
    }

    fn alike(&mut self, position: usize, end: End, as_source: bool) -> Alike {
        let at = |numbers: &[u32]| numbers.get(position).copied().unwrap_or(u32::MAX);
        if as_source {
            let kind = self.matrix.sources.of(end.class);
            return Alike { kind, sides: at(&self.ends.as_source), named: u32::MAX, seen: None };
        }
        let kind = self.matrix.destinations.of(end.class);
        let listened =
            |(class, _): (ClassId, u16)| self.verifier.engine.listened.get(class.index()).copied().unwrap_or_default();
        let seen = end.unit.filter(|_| self.view == View::Service).map(listened);
        Alike { kind, sides: at(&self.ends.as_destination), named: at(&self.ends.named), seen }
    }

    /// The positions of a source and a destination: of an end that is gone through, and of another.
    fn pair(&self, position: usize, other: usize) -> (usize, usize) {
        if self.by_source { (position, other) } else { (other, position) }
    }

    /// The groups of other ends to which something that is not listed goes by what is common to their kinds.
    fn suspects(&mut self, position: usize, alike: Alike) -> Vec<usize> {
        let mut suspects = Vec::new();
        for number in 0..self.groups.len() {
            let Some((kind, other)) =
                self.groups.get(number).and_then(|group| Some((group.alike.kind, *group.ends.first()?)))
            else {
                continue;
            };
            let (from, to) = if self.by_source { (alike.kind, kind) } else { (kind, alike.kind) };
            let arrives = self.verifier.engine.common(&self.matrix, from, to);
            if self.not_listed(self.pair(position, other), arrives).is_some() {
                suspects.push(number);
            }
        }
        suspects
    }

    /// The first other end of the suspected groups for which no exception holds.
    fn usual(&mut self, end: End, suspects: &[usize]) -> Option<usize> {
        if suspects.is_empty() {
            return None;
        }
        let matrix = Rc::clone(&self.matrix);
        let exceptions = self.exceptions(&matrix, end);
        let groups = suspects.iter().filter_map(|&number| self.groups.get(number));
        let first = |group: &Group| {
            let is_usual = |position: &usize| {
                self.ends.every.ends.get(*position).is_some_and(|&other| {
                    let apart = exceptions.binary_search_by_key(&other.class, |(class, _)| *class).is_ok();
                    !apart && !self.is_itself(end, other)
                })
            };
            group.ends.iter().copied().find(is_usual)
        };
        groups.filter_map(first).min()
    }

    /// The first other end to which something that is not listed goes by an exception; and whether there is none,
    /// whichever unit of its class the end belongs to.
    fn exception(&mut self, position: usize, end: End) -> (Option<usize>, bool) {
        let matrix = Rc::clone(&self.matrix);
        let every = Rc::clone(&self.ends.every);
        let (mut first, mut is_clean): (Option<usize>, bool) = (None, true);
        for &(class, arrives) in self.exceptions(&matrix, end) {
            for &other in every.at(class) {
                if self.not_listed(self.pair(position, other), arrives).is_none() {
                    continue;
                }
                is_clean = false;
                let itself = self.ends.every.ends.get(other).is_some_and(|&other| self.is_itself(end, other));
                if !itself && first.is_none_or(|first| other < first) {
                    first = Some(other);
                }
            }
        }
        (first, is_clean)
    }

    fn exceptions<'m>(&mut self, matrix: &'m Matrix, end: End) -> &'m [(u32, Arrives)] {
        match self.by_source {
            true => self.verifier.engine.exceptions_from(matrix, end.class),
            false => self.verifier.engine.exceptions_to(matrix, end.class),
        }
    }

    /// True of two interfaces that only one unit has: what it sends itself is nobody's business.
    fn is_itself(&self, end: End, other: End) -> bool {
        matches!((end.unit, other.unit), (Some((class, _)), Some((other, _)))
            if class == other && self.verifier.engine.classes.members(class).len() == 1)
    }

    fn between(&mut self, position: usize, other: usize) -> Option<Stray> {
        let pair = self.pair(position, other);
        let (from, to) = (*self.ends.every.ends.get(pair.0)?, *self.ends.every.ends.get(pair.1)?);
        let arrives = self.verifier.engine.arrives(&self.matrix, from.class, to.class);
        let (headers, certain) = self.not_listed(pair, arrives)?;
        Some(Stray { from, to, headers, certain })
    }

    /// The headers between a source and a destination that are meant and not listed, if there are any, and whether
    /// they certainly arrive.
    fn not_listed(&mut self, (from, to): (usize, usize), arrives: Arrives) -> Option<(HeaderId, bool)> {
        let arriving = if self.doubtful { arrives.possible } else { arrives.certain };
        if arriving == HeaderId::EMPTY {
            return None;
        }
        let listed = self.listed(from, to).filter(|listed| counts(listed.meant, self.doubtful))?;
        let spared = if self.doubtful { listed.certainly } else { listed.possibly };
        let class = self.ends.every.ends.get(to).and_then(|end| end.unit).map(|(class, _)| class);
        let engine = &mut self.verifier.engine;
        let seen = class.filter(|_| self.view == View::Service);
        let seen = seen.and_then(|class| engine.listened.get(class.index()).copied());
        let counted = seen.map_or(arriving, |seen| engine.sets.intersection(arriving, seen));
        let stray = engine.sets.difference(counted, spared);
        // Where only the list is in doubt, a connection that certainly arrives shows it best.
        let certain = engine.sets.intersection(stray, arrives.certain);
        match (stray, certain) {
            (HeaderId::EMPTY, _) => None,
            (_, HeaderId::EMPTY) => Some((stray, false)),
            _ => Some((certain, true)),
        }
    }

    /// What the claim says of connections between two ends.
    fn listed(&mut self, from: usize, to: usize) -> Option<Listed> {
        let ends = &mut *self.ends;
        let (source, destination) = (*ends.as_source.get(from)?, *ends.as_destination.get(to)?);
        let named = *ends.named.get(to)?;
        if let Some(&known) = ends.known.get(&(source, destination, named)) {
            return Some(known);
        }
        let sides = ends.sources.matches(source).into_iter().zip(ends.destinations.matches(destination));
        let mut both = sides.map(|(from, to)| from.zip(to).map(|(a, b)| a.min(b)));
        let sets = &mut self.verifier.engine.sets;
        let mut listed = Listed { meant: both.next().flatten(), certainly: HeaderId::EMPTY, possibly: HeaderId::EMPTY };
        let listeners = ends.listeners.values().get(named as usize)?;
        for (entry, matched) in ends.confined.listed.iter().zip(both) {
            let Some(matched) = matched else { continue };
            let headers = sets.intern(HeaderSet::of_services(entry.services, listeners));
            listed.possibly = sets.union(listed.possibly, headers);
            if matched == Match::Yes {
                listed.certainly = sets.union(listed.certainly, headers);
            }
        }
        ends.known.insert((source, destination, named), listed);
        Some(listed)
    }
}
