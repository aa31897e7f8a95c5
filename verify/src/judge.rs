//! What a rulebook says in one direction, for every two endpoint classes and every header at once.
//!
//! Rules are looked at from their peers' side. A rule about few classes on both sides, such as most are, makes a few
//! *exceptions*: its cells, one for each two [parts](Side). The rules about many decide what is *common* to all other
//! cells of two groups of parts; a design's policy has few of those. Most cells meet the same few lists of rules over
//! and over; a list is evaluated once, over sets of headers.
//!
//! When rules are edited, the cells between the endpoint classes that the edited rules match are evaluated anew, class
//! by class, and stand before everything else as [amendments](Amendments).

mod amend;
mod relabel;
mod rules;

use crate::classes::Classes;
use crate::endpoint_class::{EndpointClasses, EndpointKind, PeerMatches};
use crate::intern::HeaderSets;
use crate::judgement::Judgement;
use crate::side::Side;
use crate::vocabulary::Interner;
use amend::Amendments;
pub(crate) use amend::{Dirty, Edited, Kept};
use fixedbitset::FixedBitSet;
use rules::{Asked, Met, Rules};
use rustc_hash::FxHashMap;
use seglab_policy::{Direction, Rule, Rulebook, Scope, Selector};
use std::rc::Rc;

/// A rule that matches more pairs of endpoint classes than this is about many, and so is one that matches more than a
/// quarter as many pairs as there are endpoint classes: small designs have rules of both kinds, too.
const NARROW_MAX: usize = 4096;

/// Judgements, kept once each, and the peers of rules.
#[derive(Debug)]
pub(crate) struct Judgements {
    kept: Interner<Judgement>,
    peers: Vec<PeerMatches>,
    /// Endpoint classes that other peers match than those of their parts.
    relabelled: FixedBitSet,
}

/// A rulebook's judgements in one direction.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) sources: Side,
    pub(crate) destinations: Side,
    /// By group of sources and group of destinations.
    common: Vec<u32>,
    /// Of each part of the sources, the parts of the destinations where something else holds, and what; ascending.
    exceptions: Vec<Vec<(u32, u32)>>,
    /// The parts of the sources that have exceptions for each part of the destinations.
    excepted: Vec<Vec<u32>>,
    rules: Rules,
    amendments: Amendments,
}

impl Judgements {
    pub(crate) fn new(classes: &Classes) -> Self {
        let words = &classes.words;
        let matched = |peer: &Rc<seglab_policy::Peer>| classes.endpoints.matched(peer, words, &classes.index);
        let peers = words.peers.values().iter().map(matched).collect();
        Self { kept: Interner::new(), peers, relabelled: FixedBitSet::with_capacity(classes.endpoints.len()) }
    }

    /// A kept judgement.
    #[expect(clippy::indexing_slicing, reason = "numbers are made by the interner that they index")]
    pub(crate) fn get(&self, id: u32) -> Judgement {
        self.kept.values()[id as usize]
    }
}

impl Judge {
    /// True if a rulebook says the same in two directions, whatever it says.
    pub(crate) fn is_the_same(rulebook: &Rulebook, one: Direction, other: Direction) -> bool {
        let both = |rule: &Rule| rule.directions.contains(one) == rule.directions.contains(other);
        rulebook.tiers.iter().all(|tier| tier.scope == Scope::Everything && tier.rules.iter().all(both))
    }

    pub(crate) fn new(
        classes: &Classes,
        rulebook: &Rulebook,
        direction: Direction,
        judgements: &mut Judgements,
        sets: &mut HeaderSets,
    ) -> Self {
        let mut fill = Fill::new(classes, rulebook, direction, &judgements.peers, sets);
        let common = fill.common(judgements, sets);
        let exceptions = fill.exceptions(&common, judgements, sets);
        let Fill { sources, destinations, rules, .. } = fill;
        let mut excepted = vec![Vec::new(); destinations.parts.len()];
        for (from, exceptions) in (0u32..).zip(&exceptions) {
            for &(to, _) in exceptions {
                if let Some(excepted) = excepted.get_mut(to as usize) {
                    excepted.push(from);
                }
            }
        }
        let amendments = Amendments::default();
        Judge { sources, destinations, common, exceptions, excepted, rules, amendments }
    }

    /// The direction in which the rulebook is asked.
    pub(crate) fn direction(&self) -> Direction {
        self.rules.direction
    }

    /// The number of the judgement on connections from one endpoint class to another.
    pub(crate) fn cell(&self, source: u32, destination: u32) -> u32 {
        if let Some(amended) = self.amendments.cell(source, destination) {
            return amended;
        }
        let (from, to) = (self.sources.part(source), self.destinations.part(destination));
        let exceptions = self.exceptions.get(from as usize).map_or(&[][..], Vec::as_slice);
        let exception = exceptions.binary_search_by_key(&to, |(to, _)| *to).ok().and_then(|at| exceptions.get(at));
        exception.map_or_else(|| self.common(source, destination), |(_, cell)| *cell)
    }

    /// What is common to the cells of two endpoint classes' groups, whatever holds between the two themselves.
    #[expect(clippy::indexing_slicing, reason = "there is a cell for every two groups")]
    pub(crate) fn common(&self, source: u32, destination: u32) -> u32 {
        let from = self.sources.group_of(self.sources.part(source));
        let to = self.destinations.group_of(self.destinations.part(destination));
        self.common[from as usize * self.destinations.groups.len() + to as usize]
    }

    /// The endpoint classes as destinations of a source for which something else than the common may hold.
    pub(crate) fn apart_from(&self, source: u32) -> impl Iterator<Item = u32> {
        let exceptions = self.exceptions.get(self.sources.part(source) as usize).into_iter().flatten();
        let parts =
            exceptions.flat_map(|(to, _)| self.destinations.members.get(*to as usize).into_iter().flatten().copied());
        parts.chain(self.amendments.from(source))
    }

    /// The endpoint classes as sources for a destination for which something else than the common may hold.
    pub(crate) fn apart_to(&self, destination: u32) -> impl Iterator<Item = u32> {
        let excepted = self.excepted.get(self.destinations.part(destination) as usize).into_iter().flatten();
        let parts = excepted.flat_map(|from| self.sources.members.get(*from as usize).into_iter().flatten().copied());
        parts.chain(self.amendments.to(destination))
    }
}

/// Makes a judge.
struct Fill<'a> {
    endpoints: &'a EndpointClasses,
    sources: Side,
    destinations: Side,
    rules: Rules,
}

impl<'a> Fill<'a> {
    fn new(
        classes: &'a Classes,
        book: &Rulebook,
        direction: Direction,
        peers: &[PeerMatches],
        sets: &mut HeaderSets,
    ) -> Self {
        let mut scopes: Interner<Vec<bool>> = Interner::new();
        let in_scope = scopes_of(classes, book, direction);
        let of_class: Vec<u32> = (0..u32::try_from(classes.endpoints.len()).unwrap_or(u32::MAX))
            .map(|class| {
                let in_tier = |tier: &Vec<bool>| tier.get(class as usize).copied().unwrap_or(false);
                scopes.intern(in_scope.iter().map(in_tier).collect())
            })
            .collect();
        let mut rules = Rules::new(classes, book, direction, peers, sets);
        rules.scopes = scopes.values().to_vec();
        let names_ports = rules.asked.iter().any(|asked| !asked.named.is_empty());
        let scope = |class: u32| of_class.get(class as usize).copied();
        let by_egress = direction == Direction::Egress;
        let mut sources = Side::new(classes, &numbers(&rules.asked, |asked| asked.from), peers, |class| {
            (scope(class).filter(|_| by_egress), 0)
        });
        let ports = |class| if names_ports { classes.endpoints.get(class).ports } else { 0 };
        let mut destinations = Side::new(classes, &numbers(&rules.asked, |asked| asked.to), peers, |class| {
            (scope(class).filter(|_| !by_egress), ports(class))
        });
        let narrow_max = NARROW_MAX.min(classes.endpoint_classes() / 4);
        for asked in &mut rules.asked {
            asked.is_narrow =
                sources.classes_matched(asked.from) * destinations.classes_matched(asked.to) <= narrow_max;
        }
        let broad = || rules.asked.iter().filter(|asked| !asked.is_narrow);
        let ports_matter = broad().any(|asked| !asked.named.is_empty());
        sources.group(&numbers(broad(), |asked| asked.from), false, peers);
        destinations.group(&numbers(broad(), |asked| asked.to), ports_matter, peers);
        Self { endpoints: &classes.endpoints, sources, destinations, rules }
    }

    /// The judgements that are common to groups.
    fn common(&mut self, judgements: &mut Judgements, sets: &mut HeaderSets) -> Vec<u32> {
        let columns = self.destinations.groups.len();
        let mut cells = Vec::with_capacity(self.sources.groups.len() * columns);
        let mut met: Vec<Vec<Met>> = vec![Vec::new(); columns];
        let mut key = Vec::new();
        for from in 0..self.sources.groups.len() {
            let Some((peers, scope, _)) = self.sources.groups.get(from).cloned() else { continue };
            for (at, from) in self.rules.matching(&peers, false) {
                let Some(to) = self.rules.asked.get(at as usize).map(|asked| asked.to) else { continue };
                for place in 0..self.destinations.groups_matched(to).len() {
                    let Some(&(group, to)) = self.destinations.groups_matched(to).get(place) else { continue };
                    let ports = self.destinations.groups.get(group as usize).map_or(0, |group| group.2);
                    let effect = self.rules.effect(self.endpoints, at, from.min(to), ports, sets);
                    met.get_mut(group as usize).into_iter().for_each(|met| met.push((at, effect)));
                }
            }
            for (to, met) in met.iter_mut().enumerate() {
                let scope = scope.or_else(|| self.destinations.groups.get(to).and_then(|group| group.1));
                self.rules.list(scope, met, &[], &mut key);
                cells.push(self.rules.judgement(&key, judgements, sets));
                met.clear();
            }
        }
        cells
    }

    /// The judgements on parts that differ from what is common to their groups.
    fn exceptions(
        &mut self,
        common: &[u32],
        judgements: &mut Judgements,
        sets: &mut HeaderSets,
    ) -> Vec<Vec<(u32, u32)>> {
        let columns = self.destinations.groups.len();
        let mut of_groups: FxHashMap<(u32, u32), Rc<[Met]>> = FxHashMap::default();
        let (mut met, mut key): (Vec<(u32, Met)>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut exceptions = Vec::with_capacity(self.sources.parts.len());
        for from in 0..u32::try_from(self.sources.parts.len()).unwrap_or(u32::MAX) {
            let mut of_part = Vec::new();
            self.narrow(from, &mut met, sets);
            for cell in met.chunk_by(|a, b| a.0 == b.0) {
                let Some(&(to, _)) = cell.first() else { continue };
                let groups = (self.sources.group_of(from), self.destinations.group_of(to));
                let own: Vec<Met> = cell.iter().map(|(_, met)| *met).collect();
                let shared = match of_groups.get(&groups) {
                    Some(known) => Rc::clone(known),
                    None => {
                        let made: Rc<[Met]> = self.broad(groups, sets).into();
                        of_groups.insert(groups, Rc::clone(&made));
                        made
                    }
                };
                let scope_of = |side: &Side, part: u32| side.parts.get(part as usize).and_then(|part| part.1);
                let scope = scope_of(&self.sources, from).or_else(|| scope_of(&self.destinations, to));
                self.rules.list(scope, &shared, &own, &mut key);
                let judged = self.rules.judgement(&key, judgements, sets);
                if common.get(groups.0 as usize * columns + groups.1 as usize) != Some(&judged) {
                    of_part.push((to, judged));
                }
            }
            exceptions.push(of_part);
        }
        exceptions
    }

    /// The narrow rules that match sources of a part, with the parts of destinations that they match, ascending.
    fn narrow(&mut self, from: u32, met: &mut Vec<(u32, Met)>, sets: &mut HeaderSets) {
        met.clear();
        let Some((peers, _, _)) = self.sources.parts.get(from as usize) else { return };
        for (at, from) in self.rules.matching(peers, true) {
            let Some(to) = self.rules.asked.get(at as usize).map(|asked| asked.to) else { continue };
            for place in 0..self.destinations.parts_matched(to).len() {
                let Some(&(part, to)) = self.destinations.parts_matched(to).get(place) else { continue };
                let ports = self.destinations.parts.get(part as usize).map_or(0, |part| part.2);
                met.push((part, (at, self.rules.effect(self.endpoints, at, from.min(to), ports, sets))));
            }
        }
        met.sort_unstable();
    }

    /// The broad rules that meet between two groups.
    fn broad(&mut self, groups: (u32, u32), sets: &mut HeaderSets) -> Vec<Met> {
        let Some((peers, _, _)) = self.sources.groups.get(groups.0 as usize) else { return Vec::new() };
        let ports = self.destinations.groups.get(groups.1 as usize).map_or(0, |group| group.2);
        let mut met = Vec::new();
        for (at, from) in self.rules.matching(peers, false) {
            let Some(asked) = self.rules.asked.get(at as usize) else { continue };
            let matched = self.destinations.groups_matched(asked.to);
            let to = matched.binary_search_by_key(&groups.1, |(group, _)| *group).ok().and_then(|at| matched.get(at));
            if let Some(&(_, to)) = to {
                met.push((at, self.rules.effect(self.endpoints, at, from.min(to), ports, sets)));
            }
        }
        met
    }
}

/// The numbers of peers, ascending, each once.
fn numbers<'r>(rules: impl IntoIterator<Item = &'r Asked>, of: impl Fn(&Asked) -> u32) -> Vec<u32> {
    let mut numbers: Vec<u32> = rules.into_iter().map(of).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// For each tier and class, whether the class as the subject of the direction is in the tier's scope.
fn scopes_of(classes: &Classes, book: &Rulebook, direction: Direction) -> Vec<Vec<bool>> {
    let all = 0..u32::try_from(classes.endpoints.len()).unwrap_or(u32::MAX);
    let selected = |selectors: &[Selector]| {
        let ids: Vec<u32> = selectors.iter().filter_map(|selector| classes.words.selectors.id(selector)).collect();
        let truth = classes.index.any(&ids);
        let is_unit = |class: u32| classes.endpoints.get(class).kind == EndpointKind::Unit;
        let in_scope = |class| is_unit(class) && classes.endpoints.group(class).is_some_and(|at| truth.contains(at));
        all.clone().map(in_scope).collect()
    };
    let of_tier = |tier: &seglab_policy::Tier| {
        tier.scope.selectors(direction).map_or_else(|| vec![true; classes.endpoints.len()], selected)
    };
    book.tiers.iter().map(of_tier).collect()
}
