//! What a rulebook says in one direction, for every two endpoint classes and every header at once.
//!
//! Rules are looked at from their peers' side. A rule about few classes on both sides, such as most are, makes a few
//! *exceptions*: its cells, one for each two [parts](Side). The rules about many decide what is *common* to all other
//! cells of two groups of parts; a design's policy has few of those. Most cells meet the same few lists of rules over
//! and over; a list is evaluated once, over sets of headers.

use crate::classes::Classes;
use crate::endpoint_class::{EndpointClasses, EndpointKind, Match, PeerMatches};
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use crate::judgement::{Effect, Judgement};
use crate::side::Side;
use crate::vocabulary::Interner;
use rustc_hash::FxHashMap;
use seglab_policy::{Direction, Order, Rule, Rulebook, Scope, Selector, Service};
use std::rc::Rc;

/// A rule that matches more pairs of endpoint classes than this is about many, and so is one that matches more than a
/// quarter as many pairs as there are endpoint classes: small designs have rules of both kinds, too.
const NARROW_MAX: usize = 4096;

/// Judgements, kept once each, and the peers of rules.
#[derive(Debug)]
pub(crate) struct Judgements {
    kept: Interner<Judgement>,
    peers: Vec<PeerMatches>,
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
}

impl Judgements {
    pub(crate) fn new(classes: &Classes<'_>) -> Self {
        let words = &classes.words;
        let matched = |peer: &&seglab_policy::Peer| classes.endpoints.matched(peer, words, &classes.index);
        Self { kept: Interner::new(), peers: words.peers.values().iter().map(matched).collect() }
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
        classes: &Classes<'_>,
        rulebook: &Rulebook,
        direction: Direction,
        judgements: &mut Judgements,
        sets: &mut HeaderSets,
    ) -> Self {
        let mut fill = Fill::new(classes, rulebook, direction, &judgements.peers, sets);
        let common = fill.common(judgements, sets);
        let exceptions = fill.exceptions(&common, judgements, sets);
        let (sources, destinations) = (fill.sources, fill.destinations);
        let mut excepted = vec![Vec::new(); destinations.parts.len()];
        for (from, exceptions) in (0u32..).zip(&exceptions) {
            for &(to, _) in exceptions {
                if let Some(excepted) = excepted.get_mut(to as usize) {
                    excepted.push(from);
                }
            }
        }
        Judge { sources, destinations, common, exceptions, excepted }
    }

    /// The number of the judgement on connections from one endpoint class to another.
    pub(crate) fn cell(&self, source: u32, destination: u32) -> u32 {
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
        exceptions.flat_map(|(to, _)| self.destinations.members.get(*to as usize).into_iter().flatten().copied())
    }

    /// The endpoint classes as sources for a destination for which something else than the common may hold.
    pub(crate) fn apart_to(&self, destination: u32) -> impl Iterator<Item = u32> {
        let excepted = self.excepted.get(self.destinations.part(destination) as usize).into_iter().flatten();
        excepted.flat_map(|from| self.sources.members.get(*from as usize).into_iter().flatten().copied())
    }
}

/// A rule that is asked in the direction.
struct Asked<'a> {
    tier: u32,
    rule: &'a Rule,
    /// Its peers, by number.
    from: u32,
    to: u32,
    /// The headers of its services; of named ports those of none.
    services: HeaderId,
    names_ports: bool,
    object: u32,
    order: Order,
    /// It makes exceptions.
    is_narrow: bool,
}

/// A rule, by position, and what it does.
type Met = (u32, u32);

/// Makes a judge.
struct Fill<'a> {
    book: &'a Rulebook,
    rules: Vec<Asked<'a>>,
    sources: Side,
    destinations: Side,
    /// The tiers in scope.
    scopes: Vec<Vec<bool>>,
    endpoints: &'a EndpointClasses,
    /// The rules that have a peer as their source.
    by_source: Vec<Vec<u32>>,
    /// The peers that match every source; they are in no signature.
    everybody: Vec<(u32, Match)>,
    effects: Interner<Effect>,
    /// The judgements of lists of effects: the scope first, then the effects in order.
    known: FxHashMap<Vec<u32>, u32>,
    /// The headers of rules that name ports, by rule and by what the destination declares.
    resolved: FxHashMap<(u32, u32), HeaderId>,
}

impl<'a> Fill<'a> {
    fn new(
        classes: &'a Classes<'_>,
        book: &'a Rulebook,
        direction: Direction,
        peers: &[PeerMatches],
        sets: &mut HeaderSets,
    ) -> Self {
        let mut rules = asked(classes, book, direction, sets);
        let names_ports = rules.iter().any(|asked| asked.names_ports);
        let mut scopes: Interner<Vec<bool>> = Interner::new();
        let in_scope = scopes_of(classes, book, direction);
        let of_class: Vec<u32> = (0..u32::try_from(classes.endpoints.len()).unwrap_or(u32::MAX))
            .map(|class| {
                let in_tier = |tier: &Vec<bool>| tier.get(class as usize).copied().unwrap_or(false);
                scopes.intern(in_scope.iter().map(in_tier).collect())
            })
            .collect();
        let scope = |class: u32| of_class.get(class as usize).copied();
        let by_egress = direction == Direction::Egress;
        let mut sources = Side::new(classes, &numbers(&rules, |asked| asked.from), peers, |class| {
            (scope(class).filter(|_| by_egress), 0)
        });
        let ports = |class| if names_ports { classes.endpoints.get(class).ports } else { 0 };
        let mut destinations = Side::new(classes, &numbers(&rules, |asked| asked.to), peers, |class| {
            (scope(class).filter(|_| !by_egress), ports(class))
        });
        let narrow_max = NARROW_MAX.min(classes.endpoints.len() / 4);
        let mut by_source = vec![Vec::new(); peers.len()];
        for (at, asked) in (0u32..).zip(&mut rules) {
            asked.is_narrow =
                sources.classes_matched(asked.from) * destinations.classes_matched(asked.to) <= narrow_max;
            if let Some(rules) = by_source.get_mut(asked.from as usize) {
                rules.push(at);
            }
        }
        let everybody = |peer: u32| match peers.get(peer as usize)? {
            PeerMatches::All(matched) => Some((peer, *matched)),
            PeerMatches::Some(_) => None,
        };
        let everybody = numbers(&rules, |asked| asked.from).into_iter().filter_map(everybody).collect();
        let broad = || rules.iter().filter(|asked| !asked.is_narrow);
        let ports_matter = broad().any(|asked| asked.names_ports);
        sources.group(&numbers(broad(), |asked| asked.from), false, peers);
        destinations.group(&numbers(broad(), |asked| asked.to), ports_matter, peers);
        Self {
            book,
            rules,
            sources,
            destinations,
            scopes: scopes.values().to_vec(),
            endpoints: &classes.endpoints,
            by_source,
            everybody,
            effects: Interner::new(),
            known: FxHashMap::default(),
            resolved: FxHashMap::default(),
        }
    }

    /// The rules of a kind whose source side these peers are, in their order, with the certainty of the match.
    fn matching(&self, peers: &[(u32, Match)], narrow: bool) -> Vec<(u32, Match)> {
        let of_peer = |&(peer, matched): &(u32, Match)| {
            let rules = self.by_source.get(peer as usize).into_iter().flatten();
            let of_kind = move |at: &&u32| self.rules.get(**at as usize).is_some_and(|one| one.is_narrow == narrow);
            rules.filter(of_kind).map(move |&at| (at, matched))
        };
        let mut matching: Vec<(u32, Match)> = peers.iter().chain(&self.everybody).flat_map(of_peer).collect();
        matching.sort_unstable();
        matching
    }

    /// The judgements that are common to groups.
    fn common(&mut self, judgements: &mut Judgements, sets: &mut HeaderSets) -> Vec<u32> {
        let columns = self.destinations.groups.len();
        let mut cells = Vec::with_capacity(self.sources.groups.len() * columns);
        let mut met: Vec<Vec<Met>> = vec![Vec::new(); columns];
        let mut key = Vec::new();
        for from in 0..self.sources.groups.len() {
            let Some((peers, scope, _)) = self.sources.groups.get(from).cloned() else { continue };
            for (at, from) in self.matching(&peers, false) {
                let Some(to) = self.rules.get(at as usize).map(|asked| asked.to) else { continue };
                for place in 0..self.destinations.groups_matched(to).len() {
                    let Some(&(group, to)) = self.destinations.groups_matched(to).get(place) else { continue };
                    let ports = self.destinations.groups.get(group as usize).map_or(0, |group| group.2);
                    let effect = self.effect(at, from.min(to), ports, sets);
                    met.get_mut(group as usize).into_iter().for_each(|met| met.push((at, effect)));
                }
            }
            for (to, met) in met.iter_mut().enumerate() {
                let scope = scope.or_else(|| self.destinations.groups.get(to).and_then(|group| group.1));
                self.list(scope, met, &[], &mut key);
                cells.push(self.judgement(&key, judgements, sets));
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
                self.list(scope, &shared, &own, &mut key);
                let judged = self.judgement(&key, judgements, sets);
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
        for (at, from) in self.matching(peers, true) {
            let Some(to) = self.rules.get(at as usize).map(|asked| asked.to) else { continue };
            for place in 0..self.destinations.parts_matched(to).len() {
                let Some(&(part, to)) = self.destinations.parts_matched(to).get(place) else { continue };
                let ports = self.destinations.parts.get(part as usize).map_or(0, |part| part.2);
                met.push((part, (at, self.effect(at, from.min(to), ports, sets))));
            }
        }
        met.sort_unstable();
    }

    /// The broad rules that meet between two groups.
    fn broad(&mut self, groups: (u32, u32), sets: &mut HeaderSets) -> Vec<Met> {
        let Some((peers, _, _)) = self.sources.groups.get(groups.0 as usize) else { return Vec::new() };
        let ports = self.destinations.groups.get(groups.1 as usize).map_or(0, |group| group.2);
        let mut met = Vec::new();
        for (at, from) in self.matching(peers, false) {
            let Some(asked) = self.rules.get(at as usize) else { continue };
            let matched = self.destinations.groups_matched(asked.to);
            let to = matched.binary_search_by_key(&groups.1, |(group, _)| *group).ok().and_then(|at| matched.get(at));
            if let Some(&(_, to)) = to {
                met.push((at, self.effect(at, from.min(to), ports, sets)));
            }
        }
        met
    }

    /// What a rule does where it matches with this certainty and the destination has these named ports.
    fn effect(&mut self, at: u32, matched: Match, ports: u32, sets: &mut HeaderSets) -> u32 {
        let services = self.services(at, ports, sets);
        let Some(asked) = self.rules.get(at as usize) else { return u32::MAX };
        let (priority, object) = match asked.order {
            Order::FirstMatchUndefinedTies => (asked.rule.priority, asked.object),
            Order::FirstMatch | Order::DenyOverrides | Order::AllowUnion => (0, 0),
        };
        self.effects.intern(Effect { tier: asked.tier, services, action: asked.rule.action, matched, priority, object })
    }

    /// The headers of a rule at destinations with these named ports.
    fn services(&mut self, at: u32, ports: u32, sets: &mut HeaderSets) -> HeaderId {
        let Some(asked) = self.rules.get(at as usize) else { return HeaderId::EMPTY };
        if !asked.names_ports {
            return asked.services;
        }
        if let Some(&known) = self.resolved.get(&(at, ports)) {
            return known;
        }
        let declared = self.endpoints.named_ports(ports);
        let named = asked.rule.services.iter().fold(HeaderSet::empty(), |set, service| match service {
            Service::NamedPort { protocol, name } => declared
                .iter()
                .filter(|(declared, used, _)| declared == name && protocol.is_none_or(|protocol| protocol == *used))
                .fold(set, |set, (_, used, port)| set.union(&HeaderSet::to_port(*used, *port))),
            _ => set,
        });
        let named = sets.intern(named);
        let resolved = sets.union(asked.services, named);
        self.resolved.insert((at, ports), resolved);
        resolved
    }

    /// Writes the list of effects of a cell: in the rules' order, and where a tier's order does not matter, each once.
    fn list(&self, scope: Option<u32>, shared: &[Met], own: &[Met], key: &mut Vec<u32>) {
        key.clear();
        key.push(scope.unwrap_or(u32::MAX));
        let (mut left, mut right) = (shared, own);
        let mut run: (usize, Option<u32>) = (1, None);
        loop {
            let (_, effect) = match (left, right) {
                ([a, rest @ ..], [b, ..]) if a.0 <= b.0 => {
                    left = rest;
                    *a
                }
                (_, [b, rest @ ..]) => {
                    right = rest;
                    *b
                }
                ([a, rest @ ..], []) => {
                    left = rest;
                    *a
                }
                ([], []) => break,
            };
            let tier = self.effects.values().get(effect as usize).map(|effect| effect.tier);
            if tier != run.1 {
                self.close_run(run, key);
                run = (key.len(), tier);
            }
            key.push(effect);
        }
        self.close_run(run, key);
    }

    fn close_run(&self, (start, tier): (usize, Option<u32>), key: &mut Vec<u32>) {
        let tier = tier.and_then(|tier| self.book.tiers.get(tier as usize));
        let unordered = tier.is_some_and(|tier| matches!(tier.order, Order::DenyOverrides | Order::AllowUnion));
        if unordered && let Some(run) = key.get_mut(start..) {
            run.sort_unstable();
            let mut last = None;
            let mut at = 0;
            key.retain(|&effect| {
                let repeated = at >= start && last.replace(effect) == Some(effect);
                at += 1;
                !repeated
            });
        }
    }

    fn judgement(&mut self, key: &[u32], judgements: &mut Judgements, sets: &mut HeaderSets) -> u32 {
        if let Some(&known) = self.known.get(key) {
            return known;
        }
        let (scope, effects) = key.split_first().map_or((u32::MAX, &[][..]), |(&scope, effects)| (scope, effects));
        let in_scope = self.scopes.get(scope as usize).map_or(&[][..], Vec::as_slice);
        let effects: Vec<Effect> =
            effects.iter().filter_map(|&id| self.effects.values().get(id as usize).copied()).collect();
        let judged = judgements.kept.intern(Judgement::new(self.book, in_scope, &effects, sets));
        self.known.insert(key.to_vec(), judged);
        judged
    }
}

/// The numbers of peers, ascending, each once.
fn numbers<'a, 'r>(rules: impl IntoIterator<Item = &'r Asked<'a>>, of: impl Fn(&Asked<'a>) -> u32) -> Vec<u32>
where
    'a: 'r,
{
    let mut numbers: Vec<u32> = rules.into_iter().map(of).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn asked<'a>(classes: &Classes<'_>, book: &'a Rulebook, direction: Direction, sets: &mut HeaderSets) -> Vec<Asked<'a>> {
    let mut objects: Interner<&Option<String>> = Interner::new();
    let mut asked = Vec::new();
    let peer = |peer| classes.words.peers.id(peer).unwrap_or(u32::MAX);
    for (tier, held) in (0u32..).zip(&book.tiers) {
        for rule in held.rules.iter().filter(|rule| rule.directions.contains(direction)) {
            asked.push(Asked {
                tier,
                rule,
                from: peer(&rule.from),
                to: peer(&rule.to),
                services: sets.intern(HeaderSet::of_services(&rule.services, &[])),
                names_ports: rule.services.iter().any(|service| matches!(service, Service::NamedPort { .. })),
                object: objects.intern(&rule.provenance.object),
                order: held.order,
                is_narrow: false,
            });
        }
    }
    asked
}

/// For each tier and class, whether the class as the subject of the direction is in the tier's scope.
fn scopes_of(classes: &Classes<'_>, book: &Rulebook, direction: Direction) -> Vec<Vec<bool>> {
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
