//! Strategies that draw from a seed and shrink by taking parts away.

use super::Case;
use crate::{
    Connection, Design, Draft, Endpoint, ExternalSourceId, Mode, Peer, Provenance, Rule, Scope, Service, Tier, UnitId,
};
use proptest::prelude::Rng;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::fmt::Debug;

/// A strategy of whatever a function makes of a random seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeded<T>(pub(super) fn(u64) -> T);

impl<T: Simpler> Strategy for Seeded<T> {
    type Tree = Shrinking<T>;
    type Value = T;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Shrinking::new(self.0(runner.rng().next_u64())))
    }
}

/// A value with parts to take away.
pub(super) trait Simpler: Clone + Debug + PartialEq {
    /// The value with one part less, for every part; large parts first.
    fn simpler(&self) -> Vec<Self>;
}

/// The search for a simpler value that fails, too: greedy, part by part, until no part can go.
pub(super) struct Shrinking<T> {
    current: T,
    /// What `current` was made from, which is known to fail.
    failing: Option<T>,
    /// What is left to try; made when shrinking begins, and anew after each success.
    candidates: Option<Vec<T>>,
    at: usize,
    /// True if something went since the first part was tried.
    progress: bool,
}

impl<T: Simpler> Shrinking<T> {
    fn new(current: T) -> Self {
        Self { current, failing: None, candidates: None, at: 0, progress: false }
    }

    fn try_next(&mut self) -> bool {
        loop {
            let candidates = self.candidates.get_or_insert_with(|| self.current.simpler());
            if let Some(candidate) = candidates.get(self.at) {
                self.failing = Some(std::mem::replace(&mut self.current, candidate.clone()));
                return true;
            }
            if !std::mem::take(&mut self.progress) {
                return false;
            }
            self.at = 0;
        }
    }
}

impl<T: Simpler> ValueTree for Shrinking<T> {
    type Value = T;

    fn current(&self) -> T {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.failing.take().is_some() {
            // The part that was taken away is not needed; the next one has moved into its place.
            self.progress = true;
            self.candidates = None;
        }
        self.try_next()
    }

    fn complicate(&mut self) -> bool {
        let Some(failing) = self.failing.take() else { return false };
        self.current = failing;
        self.at += 1;
        self.try_next()
    }
}

impl Simpler for Design {
    fn simpler(&self) -> Vec<Self> {
        simpler_drafts(&self.to_draft()).into_iter().filter_map(|draft| Design::new(draft).ok()).collect()
    }
}

impl Simpler for Case {
    fn simpler(&self) -> Vec<Self> {
        let mut simpler: Vec<Case> = self
            .design
            .simpler()
            .into_iter()
            .filter_map(|design| {
                let moved = |end| moved_end(&self.design, end, &design);
                let (source, destination) = (moved(self.connection.source)?, moved(self.connection.destination)?);
                let connection = Connection { source, destination, header: self.connection.header };
                Some(Case { connection, assume: self.assume, design })
            })
            .collect();
        let assume = crate::Assume::business();
        if self.assume != assume {
            simpler.push(Case { assume, ..self.clone() });
        }
        simpler
    }
}

/// The end of a connection in a design that has fewer parts; `None` if the end is one of those that went.
fn moved_end(from: &Design, end: Endpoint, to: &Design) -> Option<Endpoint> {
    match end {
        Endpoint::External(address) => Some(Endpoint::External(address)),
        Endpoint::Source(id) => {
            let source = from.external_source(id)?;
            let at = to.external_sources().iter().position(|other| other.name == source.name)?;
            Some(Endpoint::Source(ExternalSourceId(u32::try_from(at).ok()?)))
        }
        Endpoint::Unit { unit, .. } => {
            let id: UnitId = to.unit_named(&from.unit(unit).name)?;
            let at = to.unit(id).interfaces.iter().position(|interface| Some(interface) == from.interface(end))?;
            Some(Endpoint::Unit { unit: id, interface: u16::try_from(at).ok()? })
        }
    }
}

fn simpler_drafts(draft: &Draft) -> Vec<Draft> {
    let mut simpler = Simplified { from: draft, drafts: Vec::new() };
    simpler.with(|draft| {
        draft.segments.clear();
        draft.stations.clear();
        draft.needs.clear();
        draft.properties.clear();
        draft.trusted.clear();
        draft.attackers.clear();
        draft.monitor = None;
        draft.assumptions.clear();
    });
    simpler.without_each(|draft| Some(&mut draft.points));
    simpler.without_each(|draft| Some(&mut draft.units));
    simpler.without_each(|draft| Some(&mut draft.properties));
    simpler.without_each(|draft| Some(&mut draft.stations));
    simpler.without_each(|draft| Some(&mut draft.needs));
    simpler.without_each(|draft| Some(&mut draft.attackers));
    simpler.without_each(|draft| Some(&mut draft.trusted));
    simpler.without_each(|draft| Some(&mut draft.segments));
    simpler.without_each(|draft| Some(&mut draft.unmodelled));
    simpler.without_each(|draft| Some(&mut draft.external_sources));
    simpler.without_each(|draft| Some(&mut draft.routes));
    simpler.rules();
    simpler.points();
    simpler.units();
    simpler.drafts
}

fn tier_of(draft: &mut Draft, book: usize, tier: usize) -> Option<&mut Tier> {
    draft.rulebooks.get_mut(book)?.tiers.get_mut(tier)
}

/// Drafts that differ from one by a part.
struct Simplified<'a> {
    from: &'a Draft,
    drafts: Vec<Draft>,
}

impl Simplified<'_> {
    /// One more draft, unless the change changes nothing.
    fn with(&mut self, change: impl FnOnce(&mut Draft)) {
        let mut draft = self.from.clone();
        change(&mut draft);
        if draft != *self.from {
            self.drafts.push(draft);
        }
    }

    /// A draft without the element, for every element of a list.
    fn without_each<T>(&mut self, list: impl Fn(&mut Draft) -> Option<&mut Vec<T>>) {
        let length = list(&mut self.from.clone()).map_or(0, |list| list.len());
        for at in 0..length {
            self.with(|draft| {
                if let Some(list) = list(draft) {
                    list.remove(at);
                }
            });
        }
    }

    fn rules(&mut self) {
        let shape: Vec<Vec<usize>> =
            self.from.rulebooks.iter().map(|book| book.tiers.iter().map(|tier| tier.rules.len()).collect()).collect();
        for (book, tiers) in shape.iter().enumerate() {
            self.without_each(|draft| Some(&mut draft.rulebooks.get_mut(book)?.tiers));
            for (tier, rules) in tiers.iter().enumerate() {
                self.without_each(|draft| Some(&mut tier_of(draft, book, tier)?.rules));
                self.change(|draft| tier_of(draft, book, tier), |tier| tier.scope = Scope::Everything);
                for at in 0..*rules {
                    self.rule(|draft| tier_of(draft, book, tier)?.rules.get_mut(at));
                }
            }
        }
    }

    fn rule(&mut self, rule: impl Fn(&mut Draft) -> Option<&mut Rule>) {
        self.without_each(|draft| Some(&mut rule(draft)?.services));
        self.change(&rule, |rule| rule.services = vec![Service::Any]);
        self.change(&rule, |rule| rule.from = Peer::Anyone);
        self.change(&rule, |rule| rule.to = Peer::Anyone);
        self.change(&rule, |rule| rule.provenance = Provenance::default());
    }

    fn points(&mut self) {
        for at in 0..self.from.points.len() {
            self.change(|draft| draft.points.get_mut(at), |point| point.mode = Mode::Enforce);
            self.change(|draft| draft.points.get_mut(at), |point| point.controller = None);
        }
    }

    fn units(&mut self) {
        for at in 0..self.from.units.len() {
            self.without_each(|draft| Some(&mut draft.units.get_mut(at)?.interfaces));
            self.without_each(|draft| Some(&mut draft.units.get_mut(at)?.listeners));
            self.without_each(|draft| Some(&mut draft.units.get_mut(at)?.vulnerabilities));
            self.without_each(|draft| Some(&mut draft.units.get_mut(at)?.logins));
            self.without_each(|draft| Some(&mut draft.units.get_mut(at)?.credentials));
            self.change(|draft| draft.units.get_mut(at), |unit| unit.host = None);
            self.change(|draft| draft.units.get_mut(at), |unit| unit.labels.clear());
            self.change(|draft| draft.units.get_mut(at), |unit| unit.provenance = Provenance::default());
        }
    }

    fn change<T>(&mut self, part: impl Fn(&mut Draft) -> Option<&mut T>, change: impl FnOnce(&mut T)) {
        self.with(|draft| {
            if let Some(part) = part(draft) {
                change(part);
            }
        });
    }
}
