//! Candidate edits: all that a repair may choose from.
//!
//! The space is fixed by the design: every rule can go, or be restricted on a side or in its services to a word of the
//! [`Vocabulary`]; what a need asks for can be allowed; what a claim forbids can be denied where a tier has denials; and
//! where a tier takes units into scope one by one, more can be taken. It is written down only as far as the connections
//! that are looked at touch it, for an edit that touches none of them cannot be part of a least repair.

use super::additions;
use super::formula::CandidateId;
use super::vocabulary::{Vocabulary, extent, is_conjunction};
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{
    Action, AddressSet, Design, Direction, Directions, Edit, NAMESPACE_KEY, NAMESPACE_PREFIX, Peer, Restriction, Rule,
    RuleId, Selector, Service, Tier, TierId, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A single edit that a repair may contain, or a part of one: the restrictions of a rule count as one edit together.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) part: Part,
    /// About how many connections it changes: what decides between repairs of equally many edits before they are tried.
    pub(super) weight: u64,
    /// Restrictions of one rule that no single rule can be under at once.
    pub(super) excludes: Option<Excludes>,
}

/// What a candidate does.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Remove(RuleId),
    Restrict(RuleId, Restriction),
    /// Adds a rule, after all others of a first-match tier or before them.
    Add(TierId, Box<Rule>, bool),
    Isolate(TierId, Direction, Selector),
}

/// Who cannot be chosen together: any two of one rule's services, and units with addresses on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Excludes {
    Services(RuleId),
    Side { rule: RuleId, source: bool, units: bool },
}

/// Whom a side of a rule matches.
#[derive(PartialEq, Eq)]
enum Shape {
    Nothing,
    Units(Vec<UnitId>, Vec<usize>),
    Other(Peer),
}

/// The units and named sources of a selector.
pub(super) type Extent = (FixedBitSet, Vec<usize>);

/// The candidate edits of a design.
pub(super) struct Candidates<'a> {
    pub(super) design: &'a Design,
    pub(super) vocabulary: Vocabulary,
    known: Vec<Candidate>,
    of_rules: BTreeMap<RuleId, Rc<[CandidateId]>>,
    of_tiers: BTreeMap<TierId, Rc<[CandidateId]>>,
    extents: FxHashMap<Selector, Rc<Extent>>,
    /// Units are of Kubernetes namespaces.
    pub(super) has_namespaces: bool,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(design: &'a Design) -> Self {
        Self {
            design,
            vocabulary: Vocabulary::of(design),
            known: Vec::new(),
            of_rules: BTreeMap::new(),
            of_tiers: BTreeMap::new(),
            extents: FxHashMap::default(),
            has_namespaces: design.units().iter().any(|unit| unit.labels.contains_key(NAMESPACE_KEY)),
        }
    }

    /// How many were written down so far.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn get(&self, id: CandidateId) -> Option<&Candidate> {
        self.known.get(id.0 as usize)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = CandidateId> + use<> {
        (0..u32::try_from(self.known.len()).unwrap_or(u32::MAX)).map(CandidateId)
    }

    /// What can become of a rule: first that it goes, then each of its restrictions.
    pub(super) fn of_rule(&mut self, id: RuleId) -> Rc<[CandidateId]> {
        if let Some(known) = self.of_rules.get(&id) {
            return Rc::clone(known);
        }
        let made = self.make_of_rule(id);
        let ids = self.add(made);
        self.of_rules.insert(id, Rc::clone(&ids));
        ids
    }

    /// What can be added to a tier, in the order in which it is applied.
    pub(super) fn of_tier(&mut self, id: TierId) -> Rc<[CandidateId]> {
        if let Some(known) = self.of_tiers.get(&id) {
            return Rc::clone(known);
        }
        let tier =
            self.design.rulebooks().get(id.rulebook.0 as usize).and_then(|book| book.tiers.get(id.tier as usize));
        let made = tier.map(|tier| additions::of_tier(self, id, tier)).unwrap_or_default();
        let ids = self.add(made);
        self.of_tiers.insert(id, Rc::clone(&ids));
        ids
    }

    /// Writes the whole space down.
    pub(super) fn write_down_all(&mut self) {
        let design = self.design;
        design.rules().for_each(|(id, _)| {
            self.of_rule(id);
        });
        for (rulebook, book) in (0..).zip(design.rulebooks()) {
            for (tier, _) in (0..).zip(&book.tiers) {
                self.of_tier(TierId { rulebook: seglab_policy::RulebookId(rulebook), tier });
            }
        }
    }

    fn add(&mut self, made: Vec<Candidate>) -> Rc<[CandidateId]> {
        let first = self.known.len();
        self.known.extend(made);
        (first..self.known.len()).map(|at| CandidateId(u32::try_from(at).unwrap_or(u32::MAX))).collect()
    }

    /// The edits that chosen candidates add up to: a rule that goes is not narrowed, too.
    pub(super) fn edits(&self, chosen: &BTreeSet<CandidateId>) -> Vec<Edit> {
        let mut of_rules: BTreeMap<RuleId, Option<Vec<Restriction>>> = BTreeMap::new();
        let mut edits = Vec::new();
        for candidate in chosen.iter().filter_map(|&id| self.get(id)) {
            match &candidate.part {
                Part::Remove(rule) => {
                    of_rules.insert(*rule, None);
                }
                Part::Restrict(rule, to) => {
                    if let Some(list) = of_rules.entry(*rule).or_insert_with(|| Some(Vec::new())) {
                        list.push(to.clone());
                    }
                }
                Part::Add(tier, rule, last) => {
                    edits.push(Edit::Add { tier: *tier, rule: rule.clone(), last: *last });
                }
                Part::Isolate(tier, direction, units) => {
                    edits.push(Edit::Isolate { tier: *tier, direction: *direction, units: units.clone() });
                }
            }
        }
        let of_rules = of_rules.into_iter().map(|(rule, to)| match to.and_then(|to| self.needed_of(rule, to)) {
            None => Edit::Remove(rule),
            Some(to) => Edit::Narrow { rule, to },
        });
        of_rules.chain(edits).collect()
    }

    /// Those restrictions of a rule that leave less of it together with the others than without; `None` if they leave
    /// nothing, so that the rule may as well go.
    fn needed_of(&self, id: RuleId, mut to: Vec<Restriction>) -> Option<Vec<Restriction>> {
        let Some((_, rule)) = self.design.rule(id) else { return Some(to) };
        // What cannot be said is left as it is, to be refused.
        let Some(left) = rule.narrowed(&to) else { return Some(to) };
        let left = [self.shape(&left.from), self.shape(&left.to)];
        if left.contains(&Shape::Nothing) {
            return None;
        }
        let mut at = 0;
        while at < to.len() {
            let mut fewer = to.clone();
            let taken = fewer.remove(at);
            let same = |fewer: &Rule| [self.shape(&fewer.from), self.shape(&fewer.to)] == left;
            let is_needless =
                !matches!(taken, Restriction::Services(_)) && rule.narrowed(&fewer).is_some_and(|fewer| same(&fewer));
            if is_needless { to = fewer } else { at += 1 }
        }
        Some(to)
    }

    /// Whom a side of a rule matches.
    fn shape(&self, peer: &Peer) -> Shape {
        match peer {
            Peer::Units(selector) => match extent(self.design, selector) {
                (units, sources) if units.is_empty() && sources.is_empty() => Shape::Nothing,
                (units, sources) => Shape::Units(units, sources),
            },
            Peer::Addresses { set, .. } if set.is_empty() => Shape::Nothing,
            other => Shape::Other(other.clone()),
        }
    }

    /// The number of edits that chosen candidates add up to.
    pub(super) fn cost(&self, chosen: &BTreeSet<CandidateId>) -> usize {
        let units: BTreeSet<_> =
            chosen.iter().map(|&id| (self.rule_of(id), self.rule_of(id).is_none().then_some(id))).collect();
        units.len()
    }

    /// The rule that a candidate changes; `None` if it adds something.
    pub(super) fn rule_of(&self, id: CandidateId) -> Option<RuleId> {
        match &self.get(id)?.part {
            Part::Remove(rule) | Part::Restrict(rule, _) => Some(*rule),
            Part::Add(..) | Part::Isolate(..) => None,
        }
    }

    /// Whether choosing the candidate may stop connections, and whether it may let more through.
    pub(super) fn effects(&self, id: CandidateId) -> (bool, bool) {
        let Some(candidate) = self.get(id) else { return (true, true) };
        match &candidate.part {
            Part::Remove(rule) | Part::Restrict(rule, _) => {
                match self.design.rule(*rule).map(|(_, rule)| rule.action) {
                    Some(Action::Allow) => (true, false),
                    Some(Action::Deny) => (false, true),
                    Some(Action::Pass) | None => (true, true),
                }
            }
            Part::Add(tier, rule, _) => {
                let isolates = self.tier(*tier).is_some_and(Tier::isolates);
                (rule.action != Action::Allow || isolates, rule.action != Action::Deny)
            }
            Part::Isolate(..) => (true, false),
        }
    }

    pub(super) fn tier(&self, id: TierId) -> Option<&'a Tier> {
        self.design.rulebooks().get(id.rulebook.0 as usize)?.tiers.get(id.tier as usize)
    }

    fn make_of_rule(&mut self, id: RuleId) -> Vec<Candidate> {
        let Some((tier, rule)) = self.design.rule(id) else { return Vec::new() };
        let mut made = vec![Candidate { part: Part::Remove(id), weight: self.weight(rule), excludes: None }];
        // A policy that isolates is about its subject: a rule of it can be about fewer others, not about less of it.
        let only = |direction| tier.isolates() && rule.directions == Directions::only(direction);
        let keep_from = only(Direction::Egress);
        let keep_to = only(Direction::Ingress);
        for (source, kept) in [(true, keep_from), (false, keep_to)] {
            if !kept {
                self.restrict_side(id, rule, tier, source, &mut made);
            }
        }
        self.restrict_services(id, rule, tier, &mut made);
        made
    }

    /// The restrictions of one side, each of another effect.
    fn restrict_side(&mut self, id: RuleId, rule: &Rule, tier: &Tier, source: bool, made: &mut Vec<Candidate>) {
        let side = if source { &rule.from } else { &rule.to };
        let of_anyone = matches!(side, Peer::Anyone);
        let before = match side {
            Peer::Units(selector) => Some(self.extent(selector)),
            Peer::Anyone => None,
            Peer::Addresses { .. } => return self.restrict_addresses(id, rule, side, source, made),
            Peer::Unmodelled(_) => return,
        };
        let mut seen: BTreeSet<(Vec<usize>, Vec<usize>)> = BTreeSet::new();
        let words = self.vocabulary.selectors.clone();
        for word in words {
            let Some(word) = (if tier.isolates() { self.pods(&word) } else { Some(word) }) else { continue };
            let mut left = self.extent(&word).as_ref().clone();
            if let Some(before) = &before {
                left.0.intersect_with(&before.0);
                left.1.retain(|at| before.1.contains(at));
            }
            let is_empty = left.0.is_clear() && left.1.is_empty();
            let is_same = before.as_ref().is_some_and(|before| **before == left);
            if is_empty || is_same || !seen.insert((left.0.ones().collect(), left.1)) {
                continue;
            }
            let excludes = of_anyone.then_some(Excludes::Side { rule: id, source, units: true });
            self.restrict(id, rule, side_of(source, Peer::Units(word)), excludes, made);
        }
        if of_anyone {
            self.restrict_addresses(id, rule, side, source, made);
        }
    }

    fn restrict_addresses(&mut self, id: RuleId, rule: &Rule, side: &Peer, source: bool, made: &mut Vec<Candidate>) {
        let mut seen: BTreeSet<Peer> = BTreeSet::new();
        for word in self.vocabulary.addresses.clone() {
            let Some(left) = side.intersection(&word) else { continue };
            let is_empty = matches!(&left, Peer::Addresses { set, .. } if set.is_empty());
            if is_empty || left == *side || !seen.insert(left) {
                continue;
            }
            let excludes = Some(Excludes::Side { rule: id, source, units: false });
            self.restrict(id, rule, side_of(source, word), excludes, made);
        }
    }

    fn restrict_services(&mut self, id: RuleId, rule: &Rule, tier: &Tier, made: &mut Vec<Candidate>) {
        let mut lists: Vec<Vec<Service>> = Vec::new();
        if rule.services.len() > 1 {
            for one in &rule.services {
                lists.push(rule.services.iter().filter(|other| *other != one).cloned().collect());
                lists.push(vec![one.clone()]);
            }
        }
        lists.extend(self.vocabulary.services.iter().cloned());
        let mut seen: BTreeSet<Vec<Service>> = BTreeSet::new();
        for list in lists {
            let Some(left) = Service::intersection_of(&rule.services, &list) else { continue };
            let sayable = !tier.isolates() || left.iter().all(is_port);
            if left.is_empty() || left == rule.services || !sayable || !seen.insert(left) {
                continue;
            }
            self.restrict(id, rule, Restriction::Services(list), Some(Excludes::Services(id)), made);
        }
    }

    fn restrict(
        &mut self,
        id: RuleId,
        rule: &Rule,
        to: Restriction,
        excludes: Option<Excludes>,
        made: &mut Vec<Candidate>,
    ) {
        let Some(left) = rule.narrowed(std::slice::from_ref(&to)) else { return };
        let weight = self.weight(rule).saturating_sub(self.weight(&left)).max(1);
        made.push(Candidate { part: Part::Restrict(id, to), weight, excludes });
    }

    /// About how many connections a rule is about.
    pub(super) fn weight(&mut self, rule: &Rule) -> u64 {
        let services: u64 = rule.services.iter().map(breadth).sum();
        self.ends(&rule.from).saturating_mul(self.ends(&rule.to)).saturating_mul(services).max(1)
    }

    fn ends(&mut self, peer: &Peer) -> u64 {
        match peer {
            Peer::Anyone => self.design.units().len() as u64 + self.design.external_sources().len() as u64 + 1,
            Peer::Units(selector) => {
                let extent = self.extent(selector);
                (extent.0.count_ones(..) + extent.1.len()) as u64
            }
            Peer::Addresses { set, .. } => 1 + u64::from(*set == AddressSet::full()),
            Peer::Unmodelled(_) => 1,
        }
    }

    pub(super) fn extent(&mut self, selector: &Selector) -> Rc<Extent> {
        if let Some(known) = self.extents.get(selector) {
            return Rc::clone(known);
        }
        let (units, sources) = extent(self.design, selector);
        let mut bits = FixedBitSet::with_capacity(self.design.units().len());
        units.into_iter().for_each(|unit| bits.insert(unit.index()));
        let made = Rc::new((bits, sources));
        self.extents.insert(selector.clone(), Rc::clone(&made));
        made
    }

    /// The selector as one of a policy that selects pods by labels; `None` if such a policy cannot say it.
    pub(super) fn pods(&self, selector: &Selector) -> Option<Selector> {
        if !is_conjunction(selector) {
            return None;
        }
        if !self.has_namespaces || names_namespace(selector) {
            return Some(selector.clone());
        }
        let everywhere = Selector::Exists(NAMESPACE_KEY.to_owned());
        match Peer::Units(everywhere).intersection(&Peer::Units(selector.clone()))? {
            Peer::Units(selector) => Some(selector),
            _ => None,
        }
    }
}

/// True if the selector asks for a label of a namespace, so that only pods satisfy it.
pub(super) fn names_namespace(selector: &Selector) -> bool {
    match selector {
        Selector::In { key, .. } | Selector::Exists(key) => key.starts_with(NAMESPACE_PREFIX),
        Selector::All(parts) => parts.iter().any(names_namespace),
        _ => false,
    }
}

fn side_of(source: bool, peer: Peer) -> Restriction {
    if source { Restriction::From(peer) } else { Restriction::To(peer) }
}

/// True for what a policy that knows ports of transport protocols only can say.
pub(super) fn is_port(service: &Service) -> bool {
    match service {
        Service::Ports { source_ports, .. } => source_ports.is_full(),
        Service::NamedPort { protocol, .. } => protocol.is_some(),
        Service::Any | Service::Icmp { .. } | Service::Protocol(_) => false,
    }
}

/// How much a service is about, roughly: more for more ports.
fn breadth(service: &Service) -> u64 {
    match service {
        Service::Any => 16,
        Service::Ports { ports, .. } if ports.is_full() => 4,
        Service::Ports { ports, .. } => {
            let count: u64 = ports.ranges().iter().map(|(first, last)| u64::from(last - first) + 1).sum();
            if count > 1 { 2 } else { 1 }
        }
        Service::NamedPort { .. } | Service::Icmp { .. } | Service::Protocol(_) => 1,
    }
}
