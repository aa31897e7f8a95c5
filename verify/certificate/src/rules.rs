//! Claims about rules: a connection for each shows what it does, and no verdict waits for an order of equal ranks.

use crate::arrival::{answering, turned};
use crate::certificate::{Header, Place, Witness};
use crate::check::Checker;
use crate::design::{Action, Placement};
use crate::judge::{Asks, Assume, EGRESS, FORWARD, INGRESS, LeftOut, Owned, RuleAt};
use crate::refusal::{Obligation, Refusal};
use crate::sets::{Bits, EVERYTHING, ICMP, OTHER, Rect, Region, universe};
use crate::world::{Check, to_ports};
use std::collections::BTreeMap;

impl Checker<'_, '_> {
    /// Each rule decides the connection that is named for it, or matches none at all.
    pub(crate) fn no_shadowed_rules(&self, rulebook: Option<&str>) -> Check<()> {
        let named = self.named();
        let mut ways: [Option<Vec<Region>>; 2] = [None, None];
        for rule in self.rules_of(rulebook) {
            if let Some(witness) = named.get(&rule) {
                let decides = self.is_decided(witness)?;
                self.require(Obligation::Decides, decides, || shown(rule))?;
                continue;
            }
            let stateful = self.world.design.books.get(rule.0).is_some_and(|book| book.stateful);
            let known = ways.get_mut(usize::from(stateful)).ok_or(Refusal::TooMuch)?;
            let ways = match known {
                Some(ways) => ways,
                None => known.insert(self.ways(stateful)?),
            };
            for direction in [EGRESS, FORWARD, INGRESS].into_iter().filter(|at| self.is_asked(rule, *at)) {
                let matched = self.world.matched(rule, direction, ways)?;
                let idle = !matched.iter().any(|region| self.apart(region));
                self.require(Obligation::Idle, idle, || shown(rule))?;
            }
        }
        Ok(())
    }

    /// Without it, the connection that is named for a rule has another verdict.
    pub(crate) fn no_redundant_rules(&self, rulebook: Option<&str>) -> Check<()> {
        let named = self.named();
        for rule in self.rules_of(rulebook) {
            let changes = match named.get(&rule) {
                Some(witness) => self.changes(witness)?,
                None => false,
            };
            self.require(Obligation::Changes, changes, || shown(rule))?;
        }
        Ok(())
    }

    /// Whatever two rules of equal rank disagree on, and a rulebook with them, the points of the certificate stop.
    pub(crate) fn no_undefined_order(&self, rulebook: Option<&str>) -> Check<()> {
        let (world, assume) = (self.world, self.assume(Owned::Source, false));
        for (at, point) in world.design.points.iter().enumerate() {
            let book = world.design.books.get(point.book);
            let meant = book.is_some_and(|book| rulebook.is_none_or(|name| book.name == name));
            for direction in [EGRESS, FORWARD, INGRESS].into_iter().filter(|_| meant) {
                if !world.stands(at, direction, assume) {
                    continue;
                }
                let tied = world.tied(at, direction, world.paths()?)?;
                let kin = self.kin(&tied);
                let of_kin = Assume { kin: true, ..assume };
                let mut left = Vec::new();
                if world.stands(at, direction, of_kin) {
                    left = world.let_through(kin, &self.by, of_kin)?;
                    left.extend(world.let_through(tied, &self.by, assume)?);
                } else {
                    // The point does not judge what is between units and their hosts.
                    let others = kin.iter().fold(tied, |tied, kin| {
                        let mut others = Vec::new();
                        tied.into_iter()
                            .for_each(|region| region.minus(&kin.from, &kin.to, &[EVERYTHING], &mut others));
                        others
                    });
                    left.extend(world.let_through(others, &self.by, assume)?);
                }
                let left = left.into_iter().find(|region| self.apart(region));
                self.require(Obligation::Ordered, left.is_none(), || self.shown(&left))?;
            }
        }
        Ok(())
    }

    fn named(&self) -> BTreeMap<RuleAt, &Witness> {
        self.certificate.witnesses.iter().map(|witness| (witness.rule, witness)).collect()
    }

    fn rules_of(&self, rulebook: Option<&str>) -> Vec<RuleAt> {
        let books = self.world.design.books.iter().enumerate();
        let books = books.filter(|(_, book)| rulebook.is_none_or(|name| book.name == name));
        let tiers = books.flat_map(|(at, book)| (0..).zip(&book.tiers).map(move |(tier, held)| (at, tier, held)));
        tiers.flat_map(|(book, tier, held)| (0..held.rules.len()).map(move |rule| (book, tier, rule))).collect()
    }

    /// True if some point asks a rule in a direction.
    fn is_asked(&self, rule: RuleAt, direction: usize) -> bool {
        let meets = |placement: &Placement| match placement {
            Placement::Units(_) => direction != FORWARD,
            Placement::Between(_) => direction == FORWARD,
            Placement::Around(..) => true,
        };
        let held = self.world.design.books.get(rule.0).and_then(|book| book.tiers.get(rule.1)?.rules.get(rule.2));
        held.is_some_and(|rule| rule.directions.get(direction) == Some(&true))
            && self.world.design.points.iter().any(|point| {
                point.book == rule.0 && point.directions.get(direction) == Some(&true) && meets(&point.placement)
            })
    }

    /// What paths carry; where a rulebook keeps no state, answers to that, too.
    fn ways(&self, stateful: bool) -> Check<Vec<Region>> {
        let paths = self.world.paths()?;
        let back = |path: &Region| {
            let six = self.world.family.get(1).is_some_and(|six| path.from.meets(six));
            Region { from: path.to.clone(), to: path.from.clone(), headers: universe(usize::from(six)) }
        };
        Ok(paths.iter().cloned().chain(paths.iter().filter(|_| !stateful).map(back)).collect())
    }

    fn is_decided(&self, witness: &Witness) -> Check<bool> {
        let stateful = self.world.design.books.get(witness.rule.0).is_some_and(|book| book.stateful);
        let Some((one, direction)) = self.one(witness).zip(witness.direction) else { return Ok(false) };
        let carried = self.carried(&one) || (!stateful && self.answers_something(&one));
        let asked = carried && self.is_asked(witness.rule, direction);
        Ok(asked && self.world.decides(witness.rule, direction, &one)?)
    }

    /// The one connection of a witness; `None` if its ends are the same or do not exist.
    fn one(&self, witness: &Witness) -> Option<Region> {
        let world = self.world;
        let family = |place: Place| match place {
            Place::Interface(unit, at) => Some(world.design.units.get(unit)?.interfaces.get(at)?.family),
            Place::External(address) => Some(address.0),
            Place::Source(_) => None,
        };
        let family = family(witness.from).or_else(|| family(witness.to))?;
        let end = |place: Place| match place {
            Place::Interface(unit, at) => {
                world.design.units.get(unit)?.interfaces.get(at)?;
                world.first.get(unit).map(|first| first + at)
            }
            Place::External(address) => world.cell(address),
            Place::Source(at) => world.design.sources.get(at).map(|_| world.named_at() + 2 * at + family),
        };
        let set = |place| end(place).map(|end| Bits::of([end]));
        let rect = match witness.header {
            Header::Ports(protocol, to, from) => {
                Rect { y: (from.into(), from.into()), ..to_ports(protocol, to.into(), to.into()) }
            }
            Header::Icmp(kind, code) => {
                let x = ICMP.get(family)? + u32::from(kind);
                Rect { x: (x, x), y: (code.into(), code.into()) }
            }
            Header::Other(number) => Rect { x: (OTHER + u32::from(number), OTHER + u32::from(number)), y: (0, 0) },
        };
        let one = Region { from: set(witness.from)?, to: set(witness.to)?, headers: vec![rect] };
        self.apart(&one).then_some(one)
    }

    fn carried(&self, one: &Region) -> bool {
        self.world
            .paths()
            .is_ok_and(|paths| paths.iter().any(|path| path.meet(&one.from, &one.to, &one.headers).is_some()))
    }

    fn answers_something(&self, one: &Region) -> bool {
        let back = |path: &Region| path.meet(&one.to, &one.from, &[EVERYTHING]).is_some();
        self.world.paths().is_ok_and(|paths| paths.iter().any(back))
    }

    /// True if a connection that nothing unmodelled touches has another verdict without the rule.
    fn changes(&self, witness: &Witness) -> Check<bool> {
        let Some(one) = self.one(witness).filter(|one| self.carried(one)) else { return Ok(false) };
        if self.unmodelled().iter().any(|(_, touched)| touched.meets(&one.from) || touched.meets(&one.to)) {
            return Ok(false);
        }
        let unit = |ends: &Bits| self.world.units(ends).into_iter().next();
        let host = |unit: Option<usize>| self.world.host_of.get(unit?).copied().flatten();
        let (source, destination) = (unit(&one.from), unit(&one.to));
        let kin =
            (source.is_some() && host(destination) == source) || (destination.is_some() && host(source) == destination);
        let assume = Assume { kin, ..self.assume(Owned::Source, false) };
        let left_out = LeftOut::One(witness.rule);
        let with = self.outcomes(&one, assume, false)?;
        if with != self.outcomes(&one, Assume { left_out, ..assume }, false)? {
            return Ok(true);
        }
        let answer = turned(&one, false);
        let [certain, _] = with;
        if !certain || answer.is_empty() {
            return Ok(false);
        }
        let assume = answering(assume);
        Ok(self.outcomes(&answer, assume, true)? != self.outcomes(&answer, Assume { left_out, ..assume }, true)?)
    }

    /// Whether a connection, or an answer, passes all points for sure, and whether it possibly does.
    fn outcomes(&self, one: &Region, assume: Assume, is_answer: bool) -> Check<[bool; 2]> {
        let (world, mut stopped, mut points) = (self.world, Vec::new(), Vec::new());
        for (at, point) in world.design.points.iter().enumerate() {
            let stateful = world.design.remembers(point);
            for direction in [EGRESS, FORWARD, INGRESS].into_iter().filter(|_| !(is_answer && stateful)) {
                if world.stands(at, direction, assume) {
                    let asks = Asks { direction, outcome: Action::Deny, left_out: assume.left_out };
                    world.at_point(at, asks, std::slice::from_ref(one), &mut stopped, false)?;
                    points.push((at, direction));
                }
            }
        }
        let passes = world.let_through(vec![one.clone()], &points, assume)?;
        Ok([stopped.is_empty(), !passes.is_empty()])
    }
}

fn shown((book, tier, rule): RuleAt) -> String {
    format!("rule {rule} of tier {tier} of rulebook {book}")
}
