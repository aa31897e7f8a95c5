//! Which rule decides: rulebooks evaluated over sets of headers, each rule by itself.
//!
//! [`judge`](crate::judge) says what a rulebook does to connections between two endpoint classes and forgets by which
//! rule. Here every rule keeps its name: the headers that it possibly decides, those that it certainly does, and those
//! about which rules of equal rank disagree. Asked about pairs of classes one by one, for claims about rules.

use crate::classes::Classes;
use crate::endpoint_class::{EndpointKind, Match, PeerMatches};
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use seglab_policy::{Action, Direction, Listener, Order, Rule, RuleId, Rulebook, RulebookId};
use std::collections::BTreeMap;

/// A rulebook as it is asked in a direction.
#[derive(Debug)]
pub(crate) struct Book<'a> {
    book: &'a Rulebook,
    direction: Direction,
    rules: Vec<Ruled<'a>>,
    /// By endpoint class, the rules that match it as a source, and as a destination, ascending.
    from: Vec<Vec<(u32, Match)>>,
    to: Vec<Vec<(u32, Match)>>,
    /// By endpoint class as the subject, whether each tier is in scope.
    scopes: Vec<Vec<bool>>,
}

#[derive(Debug)]
struct Ruled<'a> {
    id: RuleId,
    rule: &'a Rule,
}

/// A rule that meets connections between two endpoint classes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) id: RuleId,
    pub(crate) matched: Match,
    pub(crate) headers: HeaderId,
    action: Action,
    priority: i64,
    /// The position of the first rule of the book that is of the same object.
    object: u32,
}

/// What becomes of connections between two endpoint classes, and by whom.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// For each hit, the headers that it possibly decides, and those that it certainly does.
    pub(crate) by: Vec<(HeaderId, HeaderId)>,
    pub(crate) may_allow: HeaderId,
    pub(crate) may_deny: HeaderId,
    pub(crate) disagree: Vec<Disagree>,
}

/// Two rules of equal rank of which either may go first, and that do different things.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disagree {
    pub(crate) rules: [RuleId; 2],
    /// Headers for which that certainly decides whether the rulebook lets them through.
    pub(crate) certainly: HeaderId,
    /// Headers for which it possibly does.
    pub(crate) possibly: HeaderId,
}

impl<'a> Book<'a> {
    pub(crate) fn new(classes: &Classes, id: RulebookId, book: &'a Rulebook, direction: Direction) -> Self {
        let endpoints = &classes.endpoints;
        let mut made = Self {
            book,
            direction,
            rules: Vec::new(),
            from: vec![Vec::new(); endpoints.len()],
            to: vec![Vec::new(); endpoints.len()],
            scopes: Vec::with_capacity(endpoints.len()),
        };
        for (tier, held) in (0u32..).zip(&book.tiers) {
            for (position, rule) in (0u32..).zip(&held.rules) {
                if !rule.directions.contains(direction) {
                    continue;
                }
                let at = u32::try_from(made.rules.len()).unwrap_or(u32::MAX);
                made.rules.push(Ruled { id: RuleId { rulebook: id, tier, rule: position }, rule });
                let matched = |peer| endpoints.matched(peer, &classes.words, &classes.index);
                spread(at, matched(&rule.from), &mut made.from);
                spread(at, matched(&rule.to), &mut made.to);
            }
        }
        for class in 0..u32::try_from(endpoints.len()).unwrap_or(u32::MAX) {
            let is_unit = endpoints.get(class).kind == EndpointKind::Unit;
            let in_scope = |selectors: &[seglab_policy::Selector]| {
                let selects = |selector| {
                    let id = classes.words.selectors.id(selector);
                    id.is_some_and(|id| endpoints.selected(&classes.index, id, class))
                };
                is_unit && selectors.iter().any(selects)
            };
            let scope = book.tiers.iter().map(|tier| tier.scope.selectors(direction).is_none_or(in_scope));
            made.scopes.push(scope.collect());
        }
        made
    }

    /// The rules of tiers in scope that meet connections from one endpoint class to another, whose units have these
    /// listeners, in the order in which the rulebook holds them.
    pub(crate) fn hits(
        &self,
        source: u32,
        destination: u32,
        listeners: &[Listener],
        sets: &mut HeaderSets,
    ) -> Vec<Hit> {
        let none = Vec::new();
        let from = self.from.get(source as usize).unwrap_or(&none);
        let to = self.to.get(destination as usize).unwrap_or(&none);
        let mut objects: BTreeMap<(u32, Option<&str>), u32> = BTreeMap::new();
        let mut hits = Vec::new();
        for &(at, from) in from {
            let Ok(found) = to.binary_search_by_key(&at, |(at, _)| *at) else { continue };
            let Some((Ruled { id, rule }, &(_, to))) = self.rules.get(at as usize).zip(to.get(found)) else { continue };
            if !self.in_scope((source, destination), id.tier as usize) {
                continue;
            }
            let headers = sets.intern(HeaderSet::of_services(&rule.services, listeners));
            let object = *objects.entry((id.tier, rule.provenance.object.as_deref())).or_insert(at);
            let (action, priority) = (rule.action, rule.priority);
            hits.push(Hit { id: *id, matched: from.min(to), headers, action, priority, object });
        }
        hits
    }

    /// Who decides, of the rules that meet connections between two endpoint classes.
    pub(crate) fn decide(&self, source: u32, destination: u32, hits: &[Hit], sets: &mut HeaderSets) -> Decided {
        let full = sets.intern(HeaderSet::full());
        self.decide_from(0, full, (source, destination), hits, sets)
    }

    fn in_scope(&self, (source, destination): (u32, u32), tier: usize) -> bool {
        let subject = if self.direction == Direction::Egress { source } else { destination };
        self.scopes.get(subject as usize).and_then(|scope| scope.get(tier)) == Some(&true)
    }

    /// The same from a tier on, for headers that certainly get there.
    fn decide_from(
        &self,
        first: usize,
        live: HeaderId,
        ends: (u32, u32),
        hits: &[Hit],
        sets: &mut HeaderSets,
    ) -> Decided {
        let mut decided = Decided { by: vec![(HeaderId::EMPTY, HeaderId::EMPTY); hits.len()], ..Decided::default() };
        let mut open = Open { possibly: live, certainly: live };
        for (at, tier) in self.book.tiers.iter().enumerate().skip(first).filter(|(at, _)| self.in_scope(ends, *at)) {
            let of_tier: Vec<usize> =
                (0..hits.len()).filter(|&hit| hits.get(hit).is_some_and(|hit| hit.id.tier as usize == at)).collect();
            let reaches = open;
            let mut pairs = Vec::new();
            match tier.order {
                Order::FirstMatch => open.in_order(hits, &of_tier, &mut decided.by, sets),
                Order::FirstMatchUndefinedTies => {
                    pairs = open.in_ties(hits, &of_tier, &mut decided.by, sets);
                }
                Order::DenyOverrides | Order::AllowUnion => open.by_strength(hits, &of_tier, &mut decided.by, sets),
            }
            if !pairs.is_empty() {
                let full = sets.intern(HeaderSet::full());
                let rest = self.decide_from(at + 1, full, ends, hits, sets);
                let certain = [sets.difference(full, rest.may_deny), sets.difference(full, rest.may_allow)];
                decided.disagree.extend(pairs.into_iter().map(|pair| pair.settled(certain, full, sets)));
            }
            let mut acts = Acts::default();
            for &hit in &of_tier {
                let (Some(hit), Some(&(possibly, _))) = (hits.get(hit), decided.by.get(hit)) else { continue };
                acts.add(hit.action, possibly, sets);
            }
            acts.add(tier.otherwise, open.possibly, sets);
            decided.may_allow = sets.union(decided.may_allow, acts.allow);
            decided.may_deny = sets.union(decided.may_deny, acts.deny);
            let ended = sets.union(acts.allow, acts.deny);
            open = Open { possibly: acts.pass, certainly: sets.difference(reaches.certainly, ended) };
        }
        let rest = if self.book.default_allow { &mut decided.may_allow } else { &mut decided.may_deny };
        *rest = sets.union(*rest, open.possibly);
        decided
    }
}

fn spread(rule: u32, matches: PeerMatches, over: &mut [Vec<(u32, Match)>]) {
    match matches {
        PeerMatches::All(matched) => over.iter_mut().for_each(|rules| rules.push((rule, matched))),
        PeerMatches::Some(classes) => {
            for (class, matched) in classes {
                if let Some(rules) = over.get_mut(class as usize) {
                    rules.push((rule, matched));
                }
            }
        }
    }
}

/// The headers for which each action is possible in a tier.
#[derive(Default)]
struct Acts {
    allow: HeaderId,
    deny: HeaderId,
    pass: HeaderId,
}

impl Acts {
    fn add(&mut self, action: Action, headers: HeaderId, sets: &mut HeaderSets) {
        let to = match action {
            Action::Allow => &mut self.allow,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        };
        *to = sets.union(*to, headers);
    }
}

/// Two rules that disagree, before the rest of the rulebook is known.
struct Pair {
    hits: [Hit; 2],
    certainly: HeaderId,
    possibly: HeaderId,
}

impl Pair {
    /// A pass does what the rest of the rulebook does: `certain` holds what that certainly allows, and denies.
    fn settled(self, certain: [HeaderId; 2], full: HeaderId, sets: &mut HeaderSets) -> Disagree {
        let [allows, denies] = certain;
        let does = |action: Action| match action {
            Action::Allow => [full, HeaderId::EMPTY],
            Action::Deny => [HeaderId::EMPTY, full],
            Action::Pass => [allows, denies],
        };
        let [first, second] = self.hits.map(|hit| does(hit.action));
        let [one_way, other_way] = [sets.intersection(first[0], second[1]), sets.intersection(first[1], second[0])];
        let apart = sets.union(one_way, other_way);
        Disagree {
            rules: self.hits.map(|hit| hit.id),
            certainly: sets.intersection(self.certainly, apart),
            possibly: self.possibly,
        }
    }
}

/// Headers that no rule has decided yet: possibly, and certainly.
#[derive(Clone, Copy)]
struct Open {
    possibly: HeaderId,
    certainly: HeaderId,
}

type By = [(HeaderId, HeaderId)];

impl Open {
    /// A rule takes what is open of its headers.
    fn take(&self, hit: &Hit, sets: &mut HeaderSets) -> (HeaderId, HeaderId) {
        let possibly = sets.intersection(self.possibly, hit.headers);
        let certainly = match hit.matched {
            Match::Yes => sets.intersection(self.certainly, hit.headers),
            Match::Maybe => HeaderId::EMPTY,
        };
        (possibly, certainly)
    }

    /// What a rule leaves open.
    fn leave(&mut self, hit: &Hit, sets: &mut HeaderSets) {
        self.certainly = sets.difference(self.certainly, hit.headers);
        if hit.matched == Match::Yes {
            self.possibly = sets.difference(self.possibly, hit.headers);
        }
    }

    fn in_order(&mut self, hits: &[Hit], of_tier: &[usize], by: &mut By, sets: &mut HeaderSets) {
        for &at in of_tier {
            let (Some(hit), Some(slot)) = (hits.get(at), by.get_mut(at)) else { continue };
            *slot = self.take(hit, sets);
            self.leave(hit, sets);
        }
    }

    /// Deny before allow before pass; rules of one action decide together.
    fn by_strength(&mut self, hits: &[Hit], of_tier: &[usize], by: &mut By, sets: &mut HeaderSets) {
        for action in [Action::Deny, Action::Allow, Action::Pass] {
            let reaches = *self;
            for &at in of_tier {
                let (Some(hit), Some(slot)) = (hits.get(at), by.get_mut(at)) else { continue };
                if hit.action == action {
                    *slot = reaches.take(hit, sets);
                    self.leave(hit, sets);
                }
            }
        }
    }

    /// Inside a priority each object's rules in their order, and any object may win.
    fn in_ties(&mut self, hits: &[Hit], of_tier: &[usize], by: &mut By, sets: &mut HeaderSets) -> Vec<Pair> {
        let priority = |at: &usize| hits.get(*at).map(|hit| hit.priority);
        let mut pairs = Vec::new();
        for level in of_tier.chunk_by(|a, b| priority(a) == priority(b)) {
            let reaches = *self;
            let mut objects: Vec<u32> = level.iter().filter_map(|&at| Some(hits.get(at)?.object)).collect();
            objects.sort_unstable();
            objects.dedup();
            for object in &objects {
                let own: Vec<usize> =
                    level.iter().copied().filter(|&at| hits.get(at).is_some_and(|hit| hit.object == *object)).collect();
                reaches.clone().in_order(hits, &own, by, sets);
            }
            let found: Vec<(usize, Hit, (HeaderId, HeaderId))> =
                level.iter().filter_map(|&at| Some((at, *hits.get(at)?, *by.get(at)?))).collect();
            for (position, (_, first, (first_possibly, first_certainly))) in found.iter().enumerate() {
                for (_, second, (second_possibly, second_certainly)) in found.iter().skip(position + 1) {
                    if first.object == second.object || first.action == second.action {
                        continue;
                    }
                    let possibly = sets.intersection(*first_possibly, *second_possibly);
                    if possibly != HeaderId::EMPTY {
                        let certainly = sets.intersection(*first_certainly, *second_certainly);
                        pairs.push(Pair { hits: [*first, *second], certainly, possibly });
                    }
                }
            }
            for (at, hit, _) in &found {
                for (_, other, _) in found.iter().filter(|(_, other, _)| other.object != hit.object) {
                    if let Some((_, certainly)) = by.get_mut(*at) {
                        *certainly = sets.difference(*certainly, other.headers);
                    }
                }
                self.leave(hit, sets);
            }
        }
        pairs
    }
}
