//! The rules of a rulebook that are asked in a direction, and what lists of them come to.

use super::Judgements;
use crate::classes::Classes;
use crate::endpoint_class::{EndpointClasses, Match, PeerMatches};
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use crate::judgement::{Effect, Judgement};
use crate::vocabulary::Interner;
use rustc_hash::FxHashMap;
use seglab_policy::{Action, Direction, Order, Rule, Rulebook, Service, Tier, Transport};

/// A rule that is asked in the direction.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) tier: u32,
    /// The position in the tier.
    pub(super) position: u32,
    /// Its peers, by number.
    pub(super) from: u32,
    pub(super) to: u32,
    /// The headers of its services; of named ports those of none.
    pub(super) services: HeaderId,
    /// Its services that go by the name of a port.
    pub(super) named: Vec<(Option<Transport>, String)>,
    pub(super) action: Action,
    /// Priority and object where ties inside a priority are undefined; else nothing.
    pub(super) priority: i64,
    pub(super) object: u32,
    /// It makes exceptions.
    pub(super) is_narrow: bool,
}

/// A rule, by position, and what it does.
pub(super) type Met = (u32, u32);

/// The rules that are asked in a direction, and what lists of them come to.
#[derive(Debug)]
pub(super) struct Rules {
    /// The rulebook without its rules.
    pub(super) frame: Rulebook,
    pub(super) direction: Direction,
    pub(super) asked: Vec<Asked>,
    /// The objects that rules of undefined order belong to.
    pub(super) objects: Interner<Option<String>>,
    /// The rules that have a peer as their source.
    pub(super) by_source: Vec<Vec<u32>>,
    /// The peers that match every source; they are in no signature.
    pub(super) everybody: Vec<(u32, Match)>,
    /// The tiers in scope.
    pub(super) scopes: Vec<Vec<bool>>,
    pub(super) effects: Interner<Effect>,
    /// The judgements of lists of effects: the scope first, then the effects in order.
    pub(super) known: FxHashMap<Vec<u32>, u32>,
    /// The headers of rules that name ports, by rule and by what the destination declares.
    pub(super) resolved: FxHashMap<(u32, u32), HeaderId>,
}

impl Rules {
    /// The rules of a rulebook; which tiers are in scope is filled in by the caller.
    pub(super) fn new(
        classes: &Classes,
        book: &Rulebook,
        direction: Direction,
        peers: &[PeerMatches],
        sets: &mut HeaderSets,
    ) -> Self {
        let frame = |tier: &Tier| Tier {
            name: tier.name.clone(),
            order: tier.order,
            scope: tier.scope.clone(),
            otherwise: tier.otherwise,
            rules: Vec::new(),
        };
        let mut rules = Self {
            frame: Rulebook {
                name: book.name.clone(),
                tiers: book.tiers.iter().map(frame).collect(),
                default_allow: book.default_allow,
                stateful: book.stateful,
            },
            direction,
            asked: Vec::new(),
            objects: Interner::new(),
            by_source: Vec::new(),
            everybody: Vec::new(),
            scopes: Vec::new(),
            effects: Interner::new(),
            known: FxHashMap::default(),
            resolved: FxHashMap::default(),
        };
        for (tier, held) in (0u32..).zip(&book.tiers) {
            for (position, rule) in (0u32..).zip(&held.rules).filter(|(_, rule)| rule.directions.contains(direction)) {
                let asked = rules.ask(classes, (tier, position), rule, sets);
                rules.asked.push(asked);
            }
        }
        rules.index(peers);
        rules
    }

    /// A rule as it is asked, by its tier and its position there.
    pub(super) fn ask(&mut self, classes: &Classes, at: (u32, u32), rule: &Rule, sets: &mut HeaderSets) -> Asked {
        let (tier, position) = at;
        let peer = |peer| classes.words.peers.id(peer).unwrap_or(u32::MAX);
        let named = |service: &Service| match service {
            Service::NamedPort { protocol, name } => Some((*protocol, name.clone())),
            _ => None,
        };
        let has_ties =
            self.frame.tiers.get(tier as usize).is_some_and(|tier| tier.order == Order::FirstMatchUndefinedTies);
        let rank = has_ties.then(|| (rule.priority, self.objects.intern(rule.provenance.object.clone())));
        let (priority, object) = rank.unwrap_or_default();
        Asked {
            tier,
            position,
            from: peer(&rule.from),
            to: peer(&rule.to),
            services: sets.intern(HeaderSet::of_services(&rule.services, &[])),
            named: rule.services.iter().filter_map(named).collect(),
            action: rule.action,
            priority,
            object,
            is_narrow: false,
        }
    }

    /// Finds the rules of each peer, once the rules are there.
    pub(super) fn index(&mut self, peers: &[PeerMatches]) {
        self.by_source.iter_mut().for_each(Vec::clear);
        self.by_source.resize(peers.len(), Vec::new());
        for (at, asked) in (0u32..).zip(&self.asked) {
            self.by_source.get_mut(asked.from as usize).into_iter().for_each(|rules| rules.push(at));
        }
        let used = (0u32..).zip(&self.by_source).zip(peers).filter(|((_, rules), _)| !rules.is_empty());
        self.everybody = used
            .filter_map(|((peer, _), matches)| match matches {
                PeerMatches::All(matched) => Some((peer, *matched)),
                PeerMatches::Some(_) => None,
            })
            .collect();
        // Which rule is which is another matter now.
        self.resolved.clear();
    }

    /// The rules of a kind whose source side these peers are, in their order, with the certainty of the match.
    pub(super) fn matching(&self, peers: &[(u32, Match)], narrow: bool) -> Vec<(u32, Match)> {
        let of_kind = |at: u32| self.asked.get(at as usize).is_some_and(|one| one.is_narrow == narrow);
        let mut matching = self.all_matching(peers);
        matching.retain(|&(at, _)| of_kind(at));
        matching
    }

    /// The rules whose source side these peers are, in their order, with the certainty of the match.
    pub(super) fn all_matching(&self, peers: &[(u32, Match)]) -> Vec<(u32, Match)> {
        let of_peer = |&(peer, matched): &(u32, Match)| {
            self.by_source.get(peer as usize).into_iter().flatten().map(move |&at| (at, matched))
        };
        let mut matching: Vec<(u32, Match)> = peers.iter().chain(&self.everybody).flat_map(of_peer).collect();
        matching.sort_unstable();
        matching
    }

    /// What a rule does where it matches with this certainty and the destination has these named ports.
    pub(super) fn effect(
        &mut self,
        endpoints: &EndpointClasses,
        at: u32,
        matched: Match,
        ports: u32,
        sets: &mut HeaderSets,
    ) -> u32 {
        let services = self.services(endpoints, at, ports, sets);
        let Some(asked) = self.asked.get(at as usize) else { return u32::MAX };
        let Asked { tier, action, priority, object, .. } = *asked;
        self.effects.intern(Effect { tier, services, action, matched, priority, object })
    }

    /// The headers of a rule at destinations with these named ports.
    fn services(&mut self, endpoints: &EndpointClasses, at: u32, ports: u32, sets: &mut HeaderSets) -> HeaderId {
        let Some(asked) = self.asked.get(at as usize) else { return HeaderId::EMPTY };
        if asked.named.is_empty() {
            return asked.services;
        }
        if let Some(&known) = self.resolved.get(&(at, ports)) {
            return known;
        }
        let declared = endpoints.named_ports(ports);
        let named = asked.named.iter().fold(HeaderSet::empty(), |set, (protocol, name)| {
            declared
                .iter()
                .filter(|(declared, used, _)| declared == name && protocol.is_none_or(|protocol| protocol == *used))
                .fold(set, |set, (_, used, port)| set.union(&HeaderSet::to_port(*used, *port)))
        });
        let named = sets.intern(named);
        let resolved = sets.union(asked.services, named);
        self.resolved.insert((at, ports), resolved);
        resolved
    }

    /// Writes the list of effects of a cell: in the rules' order, and where a tier's order does not matter, each once.
    pub(super) fn list(&self, scope: Option<u32>, shared: &[Met], own: &[Met], key: &mut Vec<u32>) {
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
        let tier = tier.and_then(|tier| self.frame.tiers.get(tier as usize));
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

    pub(super) fn judgement(&mut self, key: &[u32], judgements: &mut Judgements, sets: &mut HeaderSets) -> u32 {
        if let Some(&known) = self.known.get(key) {
            return known;
        }
        let (scope, effects) = key.split_first().map_or((u32::MAX, &[][..]), |(&scope, effects)| (scope, effects));
        let in_scope = self.scopes.get(scope as usize).map_or(&[][..], Vec::as_slice);
        let effects: Vec<Effect> =
            effects.iter().filter_map(|&id| self.effects.values().get(id as usize).copied()).collect();
        let judged = judgements.kept.intern(Judgement::new(&self.frame, in_scope, &effects, sets));
        self.known.insert(key.to_vec(), judged);
        judged
    }
}
