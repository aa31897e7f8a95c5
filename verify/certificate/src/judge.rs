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

/// What is assumed of the enforcement.
#[derive(Clone, Copy)]
pub(crate) struct Assume {
    pub(crate) as_if_enforced: bool,
    pub(crate) trust: usize,
    pub(crate) owned: Owned,
    pub(crate) host_owned: bool,
    /// The connections are between a unit and its own host.
    pub(crate) kin: bool,
}

/// So many endpoints are looked up one by one.
const FEW: usize = 64;

/// The peers that may mean an endpoint, and the rules that name a peer on either side.
pub(crate) struct Index {
    peers_of: Vec<Vec<usize>>,
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
            self.at_point(point, direction, &regions, Action::Allow, &mut left, true)?;
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
        direction: usize,
        regions: &[Region],
        outcome: Action,
        out: &mut Vec<Region>,
        unjudged: bool,
    ) -> Check<()> {
        let Some(book) = self.design.points.get(point).map(|point| point.book) else { return Ok(()) };
        for part in self.parts(point, direction).iter() {
            for region in regions {
                self.spend(part.from.words())?;
                let Some(met) = region.meet(&part.from, &part.to, &[EVERYTHING]) else { continue };
                if part.judged {
                    self.at_book(book, direction, met, outcome, out)?;
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
        let placed =
            |level, name: Option<&str>| Bits::of(self.bound, all.iter().filter(|at| place(level, *at) == name));
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

    fn at_book(
        &self,
        book: usize,
        direction: usize,
        region: Region,
        outcome: Action,
        out: &mut Vec<Region>,
    ) -> Check<()> {
        let number = book;
        let book = self.design.books.get(book).ok_or(Refusal::TooMuch)?;
        let mut asked = vec![region];
        for (at, tier) in book.tiers.iter().enumerate() {
            let mut passed = Vec::new();
            for region in asked {
                let region = match &tier.scope {
                    None => region,
                    Some(selectors) => {
                        let [egress, ingress] = &*self.scope((number, at), selectors);
                        let (from, to) = match direction {
                            EGRESS => (egress.clone(), region.to.clone()),
                            FORWARD => (Bits::none(self.bound), Bits::none(self.bound)),
                            _ => (region.from.clone(), ingress.clone()),
                        };
                        let inside = region.meet(&from, &to, &[EVERYTHING]);
                        region.minus(&from, &to, &[EVERYTHING], &mut passed);
                        let Some(inside) = inside else { continue };
                        inside
                    }
                };
                self.at_tier((number, at), direction, region, outcome, out, &mut passed)?;
            }
            asked = passed;
        }
        self.obligations.set(self.obligations.get() + 1);
        if book.default == outcome {
            out.extend(asked);
        }
        Ok(())
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
        direction: usize,
        region: Region,
        outcome: Action,
        out: &mut Vec<Region>,
        passed: &mut Vec<Region>,
    ) -> Check<()> {
        let tier = self.design.books.get(number.0).and_then(|book| book.tiers.get(number.1)).ok_or(Refusal::TooMuch)?;
        let rules = self.touching(number, tier, direction, &region)?;
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
            self.spend(1)?;
            if goes_before(order, (before, other), (at, rule)) {
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
        direction: usize,
        region: &Region,
    ) -> Check<Vec<(usize, &'t Rule)>> {
        let (from, to) = (region.from.sparse(), region.to.sparse());
        let mut known: [Vec<Option<bool>>; 2] =
            [vec![None; self.design.peers.len()], vec![None; self.design.peers.len()]];
        let mut touching = Vec::new();
        // Where few endpoints are asked about, only rules that name one of them can match.
        let few = |set: &Bits| set.iter().take(FEW + 1).count() <= FEW;
        let candidates: Vec<usize> = match (few(&region.from), few(&region.to)) {
            (true, _) => self.rules_naming(number, 0, &region.from)?,
            (false, true) => self.rules_naming(number, 1, &region.to)?,
            (false, false) => (0..tier.rules.len()).collect(),
        };
        self.spend(candidates.len() as u64 + self.design.peers.len() as u64 / 8)?;
        self.obligations.set(self.obligations.get() + candidates.len() as u64);
        for (at, rule) in candidates.into_iter().filter_map(|at| Some((at, tier.rules.get(at)?))) {
            let [known_from, known_to] = &mut known;
            if rule.directions.get(direction) == Some(&true)
                && self.meets(rule.from, &from, known_from)?
                && self.meets(rule.to, &to, known_to)?
            {
                touching.push((at, rule));
            }
        }
        Ok(touching)
    }

    /// The rules of a tier that may mean one of some endpoints on a side (0: from, 1: to), ascending.
    fn rules_naming(&self, tier: (usize, usize), side: usize, endpoints: &Bits) -> Check<Vec<usize>> {
        let index = self.index(tier)?;
        let peers: BTreeSet<usize> =
            endpoints.iter().filter_map(|at| index.peers_of.get(at)).flatten().copied().collect();
        let by_peer = index.rules_of.get(side);
        let mut rules: Vec<usize> = peers.iter().filter_map(|peer| by_peer?.get(peer)).flatten().copied().collect();
        rules.sort_unstable();
        self.spend(rules.len() as u64)?;
        Ok(rules)
    }

    /// Who is named where in a tier, worked out once.
    fn index(&self, tier: (usize, usize)) -> Check<Rc<Index>> {
        if let Some(known) = self.indices.borrow().get(&tier) {
            return Ok(Rc::clone(known));
        }
        let rules = self.design.books.get(tier.0).and_then(|book| book.tiers.get(tier.1)).map(|tier| &tier.rules);
        let mut index = Index { peers_of: vec![Vec::new(); self.bound], rules_of: Default::default() };
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
                index.peers_of.get_mut(endpoint).into_iter().for_each(|peers| peers.push(peer));
            }
        }
        let index = Rc::new(index);
        self.indices.borrow_mut().insert(tier, Rc::clone(&index));
        Ok(index)
    }

    fn meets(&self, peer: usize, set: &[(usize, u64)], known: &mut [Option<bool>]) -> Check<bool> {
        let slot = known.get_mut(peer).ok_or(Refusal::TooMuch)?;
        if slot.is_none() {
            self.spend(set.len() as u64)?;
            *slot = Some(self.peer(peer)?.maybe.meets_sparse(set));
        }
        Ok(*slot == Some(true))
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
