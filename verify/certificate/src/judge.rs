//! What enforcement points may let through, or may stop, of a region: every connection of it at once.
//!
//! A rulebook is followed as it is defined, but with regions in place of connections: each rule takes the part that it
//! may match, without the part that a rule which goes before it and says otherwise surely matches. What remains after
//! the last rule goes where the tier sends it. So the outcome that is asked about is possible for exactly the
//! connections of the regions that come out.

use crate::design::{Action, Kind, Order, Placement, Rule, Tier};
use crate::fields::Selector;
use crate::refusal::Refusal;
use crate::sets::{Bits, EVERYTHING, Region};
use crate::world::{Check, Served, WORDS_MAX, World};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub(crate) const EGRESS: usize = 0;
pub(crate) const FORWARD: usize = 1;
pub(crate) const INGRESS: usize = 2;

/// Which end of a connection an attacker owns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owned {
    Nobody,
    Source,
    Destination,
}

/// A rule, by the positions of its rulebook, of its tier in that, and of itself in that.
pub(crate) type RuleAt = (usize, usize, usize);

/// Rules that are taken to match nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    Nothing,
    Allows,
    One(RuleAt),
}

/// What is assumed of the enforcement.
#[derive(Clone, Copy)]
pub(crate) struct Assume {
    pub(crate) left_out: LeftOut,
    pub(crate) as_if_enforced: bool,
    pub(crate) trust: usize,
    pub(crate) owned: Owned,
    pub(crate) host_owned: bool,
    /// The connections are between a unit and its own host.
    pub(crate) kin: bool,
}

/// What a rulebook is asked: whether an outcome is possible in a direction, some rules aside.
#[derive(Clone, Copy)]
pub(crate) struct Asks {
    pub(crate) direction: usize,
    pub(crate) outcome: Action,
    pub(crate) left_out: LeftOut,
}

/// So many endpoints are looked up one by one.
const FEW: usize = 64;

/// The peers that may mean an endpoint, and the rules that name a peer on either side.
pub(crate) struct Index {
    peers_of: Vec<Bits>,
    rules_of: [BTreeMap<usize, Vec<usize>>; 2],
}

/// Part of all pairs of endpoints: a point judges all of it, or nothing.
pub(crate) struct Part {
    from: Bits,
    to: Bits,
    judged: bool,
}

impl World<'_> {
    /// What some points, asked in turn, may let through of regions.
    pub(crate) fn let_through(
        &self,
        mut regions: Vec<Region>,
        points: &[(usize, usize)],
        assume: Assume,
    ) -> Check<Vec<Region>> {
        for &(point, direction) in points {
            if regions.is_empty() || !self.stands(point, direction, assume) {
                continue;
            }
            let mut left = Vec::new();
            let asks = Asks { direction, outcome: Action::Allow, left_out: assume.left_out };
            self.at_point(point, asks, &regions, &mut left, true)?;
            self.bounded(&left)?;
            regions = left;
        }
        Ok(regions)
    }

    /// True if a point judges a direction, enforces, and nothing that it depends on is void.
    pub(crate) fn stands(&self, point: usize, direction: usize, assume: Assume) -> bool {
        let Some(point) = self.design.points.get(point) else { return false };
        let side = match (&point.placement, direction) {
            (Placement::Units(_), EGRESS) => Owned::Source,
            (Placement::Units(_), _) => Owned::Destination,
            _ => Owned::Nobody,
        };
        let at_owned = side != Owned::Nobody && side == assume.owned;
        let void = match point.kind {
            Kind::Agent => at_owned && (assume.trust >= 1 || assume.host_owned),
            Kind::Host => at_owned && assume.host_owned,
            Kind::Other => false,
        };
        point.directions.get(direction) == Some(&true)
            && (assume.as_if_enforced || point.enforces)
            && !(assume.trust >= 2 && point.has_controller)
            && !void
            && !(assume.kin && point.exempts_host)
    }

    /// What a point may do to regions with the outcome that is asked about; with `unjudged`, also what it never sees.
    pub(crate) fn at_point(
        &self,
        point: usize,
        asks: Asks,
        regions: &[Region],
        out: &mut Vec<Region>,
        unjudged: bool,
    ) -> Check<()> {
        let Some(book) = self.design.points.get(point).map(|point| point.book) else { return Ok(()) };
        for part in self.parts(point, asks.direction).iter() {
            for region in regions {
                self.spend(part.from.words())?;
                let Some(met) = region.meet(&part.from, &part.to, &[EVERYTHING]) else { continue };
                if part.judged {
                    self.at_book(book, asks, met, out)?;
                } else if unjudged {
                    out.push(met);
                }
            }
        }
        Ok(())
    }

    /// All pairs of endpoints, cut into those that a point judges and those that it does not.
    fn parts(&self, point: usize, direction: usize) -> Rc<Vec<Part>> {
        let known = self.parts.borrow().get(&(point, direction)).cloned();
        known.unwrap_or_else(|| {
            let parts = Rc::new(self.cut(point, direction));
            self.parts.borrow_mut().insert((point, direction), Rc::clone(&parts));
            parts
        })
    }

    fn cut(&self, point: usize, direction: usize) -> Vec<Part> {
        let all = self.all();
        let part = |from: &Bits, to: &Bits, judged| Part { from: from.clone(), to: to.clone(), judged };
        let place = |level: usize, at: usize| self.interface(at).and_then(|one| one.place.get(level)?.as_deref());
        let placed = |level, name: Option<&str>| Bits::of(all.iter().filter(|at| place(level, *at) == name));
        match (self.design.points.get(point).map(|point| &point.placement), direction) {
            (Some(Placement::Units(selector)), EGRESS | INGRESS) => {
                let here = self.selected_units(std::slice::from_ref(selector));
                let elsewhere = all.minus(&here);
                match direction {
                    EGRESS => vec![part(&here, &all, true), part(&elsewhere, &all, false)],
                    _ => vec![part(&all, &here, true), part(&all, &elsewhere, false)],
                }
            }
            (Some(Placement::Between(level)), FORWARD) => {
                let names: BTreeSet<Option<&str>> = all.iter().map(|at| place(*level, at)).collect();
                let of = |name| {
                    let here = placed(*level, name);
                    [part(&here, &all.minus(&here), true), part(&here, &here, false)]
                };
                names.into_iter().flat_map(of).collect()
            }
            (Some(Placement::Around(level, name)), direction) => {
                let inside = placed(*level, Some(name));
                let outside = all.minus(&inside);
                vec![
                    part(&inside, &outside, direction != INGRESS),
                    part(&outside, &inside, direction != EGRESS),
                    part(&inside, &inside, false),
                    part(&outside, &outside, false),
                ]
            }
            _ => vec![part(&all, &all, false)],
        }
    }

    fn at_book(&self, book: usize, asks: Asks, region: Region, out: &mut Vec<Region>) -> Check<()> {
        let number = book;
        let book = self.design.books.get(book).ok_or(Refusal::TooMuch)?;
        let mut asked = vec![region];
        for at in 0..book.tiers.len() {
            let mut passed = Vec::new();
            for region in asked {
                let Some(region) = self.scoped((number, at), asks.direction, region, &mut passed) else { continue };
                self.at_tier((number, at), asks, region, out, &mut passed)?;
            }
            asked = passed;
        }
        self.obligations.set(self.obligations.get() + 1);
        if book.default == asks.outcome {
            out.extend(asked);
        }
        Ok(())
    }

    /// What of a region is in scope of a tier, and what is not.
    fn scoped(
        &self,
        tier: (usize, usize),
        direction: usize,
        region: Region,
        outside: &mut Vec<Region>,
    ) -> Option<Region> {
        let scope = self.design.books.get(tier.0).and_then(|book| book.tiers.get(tier.1)?.scope.as_ref());
        let Some(selectors) = scope else { return Some(region) };
        let [egress, ingress] = &*self.scope(tier, selectors);
        let (from, to) = match direction {
            EGRESS => (egress.clone(), region.to.clone()),
            FORWARD => (Bits::none(), Bits::none()),
            _ => (region.from.clone(), ingress.clone()),
        };
        let inside = region.meet(&from, &to, &[EVERYTHING]);
        region.minus(&from, &to, &[EVERYTHING], outside);
        inside
    }

    /// True if a rule decides the one connection of a region for sure when its rulebook is asked in a direction.
    pub(crate) fn decides(&self, rule: RuleAt, direction: usize, region: &Region) -> Check<bool> {
        let (book, tier, at) = rule;
        let asks = |outcome| Asks { direction, outcome, left_out: LeftOut::Nothing };
        for before in 0..tier {
            let Some(region) = self.scoped((book, before), direction, region.clone(), &mut Vec::new()) else {
                continue;
            };
            let mut ended = Vec::new();
            for outcome in [Action::Allow, Action::Deny] {
                self.at_tier((book, before), asks(outcome), region.clone(), &mut ended, &mut Vec::new())?;
            }
            if !ended.is_empty() {
                return Ok(false);
            }
        }
        let here = self.design.books.get(book).and_then(|book| book.tiers.get(tier)).ok_or(Refusal::TooMuch)?;
        if self.scoped((book, tier), direction, region.clone(), &mut Vec::new()).is_none() {
            return Ok(false);
        }
        let (mut decides, mut preceded) = (false, false);
        let rules = self.touching((book, tier), here, asks(Action::Allow), region)?;
        let Some(own) = here.rules.get(at) else { return Ok(false) };
        for (position, rule) in rules {
            let (from, to) = (self.peer(rule.from)?, self.peer(rule.to)?);
            for served in self.served(rule.services)? {
                let met = |from, to| region.meet(from, &narrowed(to, served), &served.headers).is_some();
                match position == at {
                    true => decides |= met(&from.surely, &to.surely),
                    false => {
                        let before = may_go_before(here.order, (position, rule), (at, own));
                        preceded |= before && met(&from.maybe, &to.maybe);
                    }
                }
            }
        }
        Ok(decides && !preceded)
    }

    /// What a rule may match of connections, when its rulebook is asked in a direction.
    pub(crate) fn matched(&self, rule: RuleAt, direction: usize, ways: &[Region]) -> Check<Vec<Region>> {
        let tier = (rule.0, rule.1);
        let held = self.design.books.get(tier.0).and_then(|book| book.tiers.get(tier.1)?.rules.get(rule.2));
        let rule = held.ok_or(Refusal::TooMuch)?;
        let (from, to) = (&self.peer(rule.from)?.maybe, &self.peer(rule.to)?.maybe);
        let mut matched = Vec::new();
        for served in self.served(rule.services)? {
            for way in ways {
                self.spend(from.words())?;
                let met = way.meet(from, &narrowed(to, served), &served.headers);
                matched.extend(met.and_then(|met| self.scoped(tier, direction, met, &mut Vec::new())));
            }
        }
        Ok(matched)
    }

    /// What of regions a point judges in a direction, where two rules of equal rank and of different objects do
    /// different things, and it matters for what the point does.
    pub(crate) fn tied(&self, point: usize, direction: usize, regions: &[Region]) -> Check<Vec<Region>> {
        let Some(book) = self.design.points.get(point).map(|point| point.book) else { return Ok(Vec::new()) };
        let tiers = self.design.books.get(book).map_or(&[][..], |book| &book.tiers);
        let ties = |tier: &Tier| tier.order == Order::UndefinedTies;
        let mut asked = Vec::new();
        for part in self.parts(point, direction).iter().filter(|part| part.judged && tiers.iter().any(ties)) {
            self.spend(part.from.words() * regions.len() as u64)?;
            asked.extend(regions.iter().filter_map(|region| region.meet(&part.from, &part.to, &[EVERYTHING])));
        }
        let asks = |outcome| Asks { direction, outcome, left_out: LeftOut::Nothing };
        let mut tied = Vec::new();
        for (at, tier) in tiers.iter().enumerate() {
            let mut passed = Vec::new();
            for region in asked {
                let Some(region) = self.scoped((book, at), direction, region, &mut passed) else { continue };
                let rules = if ties(tier) {
                    self.touching((book, at), tier, asks(Action::Allow), &region)?
                } else {
                    Vec::new()
                };
                for (position, first) in rules.iter().enumerate() {
                    for second in rules.iter().skip(position + 1).filter(|second| disagree(first.1, second.1)) {
                        self.spend(1)?;
                        for part in self.deciding(tier.order, &region, *first, &rules)? {
                            tied.extend(self.deciding(tier.order, &part, *second, &rules)?);
                        }
                    }
                }
                self.at_tier((book, at), asks(Action::Allow), region, &mut Vec::new(), &mut passed)?;
            }
            self.bounded(&passed)?;
            asked = passed;
        }
        // It does not matter where the rulebook does the same all the same.
        for outcome in [Action::Allow, Action::Deny] {
            let mut either = Vec::new();
            for region in tied {
                self.at_book(book, asks(outcome), region, &mut either)?;
            }
            self.bounded(&either)?;
            tied = either;
        }
        Ok(tied)
    }

    /// The interfaces in scope of a tier in egress and in ingress.
    fn scope(&self, tier: (usize, usize), selectors: &[Vec<Selector>; 2]) -> Rc<[Bits; 2]> {
        let known = self.scopes.borrow().get(&tier).cloned();
        known.unwrap_or_else(|| {
            let scope = Rc::new(selectors.each_ref().map(|selectors| self.selected_units(selectors)));
            self.scopes.borrow_mut().insert(tier, Rc::clone(&scope));
            scope
        })
    }

    fn at_tier(
        &self,
        number: (usize, usize),
        asks: Asks,
        region: Region,
        out: &mut Vec<Region>,
        passed: &mut Vec<Region>,
    ) -> Check<()> {
        let tier = self.design.books.get(number.0).and_then(|book| book.tiers.get(number.1)).ok_or(Refusal::TooMuch)?;
        let Asks { outcome, .. } = asks;
        let rules = self.touching(number, tier, asks, &region)?;
        for action in [outcome, Action::Pass] {
            // Only what says otherwise is in the way of a rule, and in most tiers that is little.
            let others: Vec<(usize, &Rule)> = rules.iter().copied().filter(|(_, rule)| rule.action != action).collect();
            for &(at, rule) in rules.iter().filter(|(_, rule)| rule.action == action) {
                let left = self.deciding(tier.order, &region, (at, rule), &others)?;
                if action == outcome { &mut *out } else { &mut *passed }.extend(left);
            }
        }
        if tier.otherwise == outcome || tier.otherwise == Action::Pass {
            let mut left = vec![region];
            for (_, rule) in &rules {
                if left.is_empty() {
                    break;
                }
                left = self.without(left, rule)?;
            }
            if tier.otherwise == outcome { out } else { passed }.extend(left);
        }
        Ok(())
    }

    /// The part of a region that a rule may decide.
    fn deciding(
        &self,
        order: Order,
        region: &Region,
        (at, rule): (usize, &Rule),
        others: &[(usize, &Rule)],
    ) -> Check<Vec<Region>> {
        let (from, to) = (&self.peer(rule.from)?.maybe, &self.peer(rule.to)?.maybe);
        let mut left = Vec::new();
        for served in self.served(rule.services)? {
            left.extend(region.meet(from, &narrowed(to, served), &served.headers));
        }
        for &(before, other) in others {
            if left.is_empty() {
                break;
            }
            self.spend(from.words())?;
            let surely = (&self.peer(other.from)?.surely, &self.peer(other.to)?.surely);
            let meets = surely.0.meets(from) && surely.1.meets(to);
            if meets && goes_before(order, (before, other), (at, rule)) {
                left = self.without(left, other)?;
            }
        }
        Ok(left)
    }

    /// The rules that are asked in a direction and may match some connection of a region, headers aside.
    fn touching<'t>(
        &self,
        number: (usize, usize),
        tier: &'t Tier,
        asks: Asks,
        region: &Region,
    ) -> Check<Vec<(usize, &'t Rule)>> {
        let mut touching = Vec::new();
        let candidates = self.candidates(number, region)?.unwrap_or_else(|| Bits::of(0..tier.rules.len()));
        for (at, rule) in candidates.iter().filter_map(|at| Some((at, tier.rules.get(at)?))) {
            self.obligations.set(self.obligations.get() + 1);
            let left_out = match asks.left_out {
                LeftOut::Nothing => false,
                LeftOut::Allows => rule.action == Action::Allow,
                LeftOut::One(one) => one == (number.0, number.1, at),
            };
            if rule.directions.get(asks.direction) == Some(&true)
                && !left_out
                && self.meets(rule.from, &region.from)?
                && self.meets(rule.to, &region.to)?
            {
                touching.push((at, rule));
            }
        }
        Ok(touching)
    }

    /// The rules of a tier that name endpoints of a region on each side where few are asked about: no others can match.
    fn candidates(&self, tier: (usize, usize), region: &Region) -> Check<Option<Bits>> {
        let few = |set: &&Bits| set.iter().take(FEW + 1).count() <= FEW;
        let index = self.index(tier)?;
        let mut candidates: Option<Bits> = None;
        for (rules_of, ends) in index.rules_of.iter().zip([&region.from, &region.to]).filter(|(_, ends)| few(ends)) {
            let peers = ends.iter().filter_map(|end| index.peers_of.get(end));
            let peers = peers.fold(Bits::none(), |all, peers| all.or(peers));
            let naming = Bits::of(peers.iter().filter_map(|peer| rules_of.get(&peer)).flatten().copied());
            self.spend(FEW as u64 * peers.words() + naming.words())?;
            candidates = Some(candidates.map_or_else(|| naming.clone(), |others| others.and(&naming)));
        }
        Ok(candidates)
    }

    /// Who is named where in a tier, worked out once.
    fn index(&self, tier: (usize, usize)) -> Check<Rc<Index>> {
        if let Some(known) = self.indices.borrow().get(&tier) {
            return Ok(Rc::clone(known));
        }
        let rules = self.design.books.get(tier.0).and_then(|book| book.tiers.get(tier.1)).map(|tier| &tier.rules);
        let mut index = Index { peers_of: vec![Bits::none(); self.bound], rules_of: Default::default() };
        for (at, rule) in rules.into_iter().flatten().enumerate() {
            let [from, to] = &mut index.rules_of;
            from.entry(rule.from).or_default().push(at);
            to.entry(rule.to).or_default().push(at);
        }
        let peers: BTreeSet<usize> = index.rules_of.iter().flat_map(BTreeMap::keys).copied().collect();
        let mut held = 0;
        for peer in peers {
            for endpoint in self.peer(peer)?.maybe.iter() {
                held += 1;
                if held > WORDS_MAX {
                    return Err(Refusal::TooMuch);
                }
                index.peers_of.get_mut(endpoint).into_iter().for_each(|peers| peers.insert(peer));
            }
        }
        let index = Rc::new(index);
        self.indices.borrow_mut().insert(tier, Rc::clone(&index));
        Ok(index)
    }

    fn meets(&self, peer: usize, set: &Bits) -> Check<bool> {
        let maybe = &self.peer(peer)?.maybe;
        self.spend(set.words().min(maybe.words()))?;
        Ok(maybe.meets(set))
    }

    /// Regions without what a rule surely matches.
    fn without(&self, regions: Vec<Region>, rule: &Rule) -> Check<Vec<Region>> {
        let (from, to) = (&self.peer(rule.from)?.surely, &self.peer(rule.to)?.surely);
        let mut regions = regions;
        for served in self.served(rule.services)? {
            let to = narrowed(to, served);
            let mut left = Vec::new();
            for region in regions {
                self.spend(from.words() * 4 + region.headers.len() as u64 * 8)?;
                region.minus(from, &to, &served.headers, &mut left);
            }
            self.bounded(&left)?;
            regions = left;
        }
        Ok(regions)
    }
}

fn narrowed(to: &Bits, served: &Served) -> Bits {
    served.at.as_ref().map_or_else(|| to.clone(), |at| to.and(at))
}

/// Whether a rule that surely matches keeps another from deciding.
fn goes_before(order: Order, first: (usize, &Rule), second: (usize, &Rule)) -> bool {
    match order {
        Order::FirstMatch => first.0 < second.0,
        Order::UndefinedTies => {
            let (a, b) = (first.1, second.1);
            a.priority < b.priority || (a.priority == b.priority && a.object == b.object && first.0 < second.0)
        }
        Order::Strongest => first.1.action < second.1.action,
    }
}

/// Whether a rule that matches may keep another from deciding.
fn may_go_before(order: Order, first: (usize, &Rule), second: (usize, &Rule)) -> bool {
    let (a, b) = (first.1, second.1);
    goes_before(order, first, second)
        || (order == Order::UndefinedTies && a.priority == b.priority && a.object != b.object)
}

/// Rules of equal rank of which nobody knows which goes first, and that do different things.
fn disagree(a: &Rule, b: &Rule) -> bool {
    a.priority == b.priority && a.object != b.object && a.action != b.action
}
