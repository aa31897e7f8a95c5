//! Everything that an attacker may come to own, round by round: the units that exist, and cubes of those that do not.

use super::route::{self, Newcomer};
use super::world::World;
use super::{Cube, Region};
use crate::smt::ends::End;
use crate::smt::facts::{Fact, Facts};
use crate::smt::solve::{model_under, solver, spent};
use crate::smt::term::{all, any};
use crate::smt::{GaveUp, Limits};
use seglab_policy::{Header, Side, UnitId};
use std::collections::BTreeSet;
use std::ops::Range;
use z3::ast::Bool;
use z3::{Model, Solver};

/// How many questions a search may ask.
const QUESTIONS_MAX: usize = 200_000;

/// What a search ends with.
pub(super) enum Found {
    /// A target is reached; these units that do not exist yet are on the way.
    Reached(Vec<Newcomer>),
    /// Nothing more can be taken, and no target is reached.
    Closed,
}

/// A set of units that are owned from some round on.
pub(super) struct Entry {
    pub(super) region: Region,
    /// How many connections it takes to own them.
    pub(super) round: u32,
    /// Their host is owned, too.
    pub(super) host_owned: bool,
    pub(super) cause: Cause,
}

/// How units come to be owned.
pub(super) enum Cause {
    Start,
    Host(UnitId),
    Step(Box<Witness>),
}

/// A connection that takes a unit, or that reaches a target.
pub(super) struct Witness {
    pub(super) owned: Side,
    /// The entry that the owner is of.
    pub(super) by: usize,
    pub(super) owner: Facts,
    pub(super) other: Facts,
    pub(super) header: Header,
}

pub(super) struct Closure<'w, 'a> {
    pub(super) world: &'w World<'a>,
    pub(super) doubtful: bool,
    pub(super) entries: Vec<Entry>,
    solver: Solver,
    limits: Limits,
    spent: u32,
    pub(super) questions: usize,
    /// Holds the end that is taken, by which side is owned, outside of everything that is owned already.
    beyond: [(Side, Bool); 2],
    names: usize,
    owned: BTreeSet<UnitId>,
}

impl<'w, 'a> Closure<'w, 'a> {
    pub(super) fn new(world: &'w World<'a>, limits: Limits, doubtful: bool) -> Self {
        let solver = solver(limits);
        solver.assert(world.common());
        let beyond = [Side::Source, Side::Destination].map(|side| (side, Bool::new_const(format!("beyond {side:?}"))));
        let entries = Vec::new();
        let owned = BTreeSet::new();
        Self { world, doubtful, entries, solver, limits, spent: 0, questions: 0, beyond, names: 0, owned }
    }

    /// Takes what can be taken until a target is reached or nothing is left.
    pub(super) fn run(&mut self) -> Result<Found, GaveUp> {
        if self.world.question.hops_max == Some(0) {
            return Ok(Found::Closed);
        }
        self.begin()?;
        let hit = self.named(|world, owner, doubtful| {
            let (_, other) = world.ends(owner.0);
            all([world.reaches(owner, doubtful), world.is_target(other, doubtful)])
        });
        let step = self.named(World::takes);
        let mut first = 0;
        for round in 0.. {
            let frontier = first..self.entries.len();
            first = self.entries.len();
            if let Some(route) = self.fallen_target(frontier.clone())? {
                return Ok(Found::Reached(route));
            }
            if frontier.is_empty() || self.world.question.hops_max == Some(round) {
                break;
            }
            let last = self.world.question.hops_max == Some(round + 1);
            for (owner, from) in self.frontiers(frontier.clone()) {
                let hits = hit.iter().find(|(of, _)| *of == owner).map(|(_, name)| name.clone());
                let under: Vec<Bool> = hits.into_iter().chain([from.clone()]).collect();
                if let Some(witness) = self.witness(owner, frontier.clone(), &under)? {
                    return Ok(Found::Reached(route::newcomers(self, &witness)));
                }
                if last && self.world.hosts.is_empty() {
                    continue;
                }
                let steps: Vec<Bool> =
                    step.iter().filter(|(of, _)| *of == owner).map(|(_, name)| name.clone()).collect();
                let outside = self.beyond.iter().filter(|(side, _)| *side == owner.0).map(|(_, name)| name.clone());
                let under: Vec<Bool> = steps.into_iter().chain(outside).chain([from]).collect();
                while let Some(witness) = self.witness(owner, frontier.clone(), &under)? {
                    self.take(witness, owner, round + 1)?;
                }
            }
        }
        Ok(Found::Closed)
    }

    /// A name for each owner's formula.
    fn named(&mut self, formula: impl Fn(&World<'a>, (Side, bool), bool) -> Bool) -> Vec<((Side, bool), Bool)> {
        let owners: Vec<(Side, bool)> = self.world.owners().collect();
        owners
            .into_iter()
            .map(|owner| {
                let name = self.name();
                self.solver.assert(name.implies(formula(self.world, owner, self.doubtful)));
                (owner, name)
            })
            .collect()
    }

    fn name(&mut self) -> Bool {
        self.names += 1;
        Bool::new_const(format!("name {}", self.names))
    }

    /// The owners of a round: whoever owns the one side, with hosts that are owned or not, and a name for being one.
    fn frontiers(&mut self, frontier: Range<usize>) -> Vec<((Side, bool), Bool)> {
        let owners: Vec<(Side, bool)> = self.world.owners().collect();
        let mut frontiers = Vec::new();
        for owner in owners {
            let (end, _) = self.world.ends(owner.0);
            let of_round = self.entries.get(frontier.clone()).unwrap_or_default().iter();
            let regions: Vec<Bool> = of_round
                .filter(|entry| entry.host_owned == owner.1)
                // Nobody connects to whoever is outside to be taken by that.
                .filter(|entry| owner.0 == Side::Source || entry.region != Region::Outside)
                .map(|entry| self.world.inside(&entry.region, end, self.doubtful))
                .collect();
            if !regions.is_empty() {
                let name = self.name();
                self.solver.assert(name.implies(any(regions)));
                frontiers.push((owner, name));
            }
        }
        frontiers
    }

    /// The units that attacks start from, and the endpoints outside.
    fn begin(&mut self) -> Result<(), GaveUp> {
        self.add(Region::Outside, 0, false, Cause::Start);
        let world = self.world;
        let end = &world.source;
        let (start, unit) = (world.starts(end, self.doubtful), end.is_unit());
        let name = self.name();
        self.solver.assert(name.implies(all([start.clone(), unit])));
        let beyond = self.beyond.iter().filter(|(side, _)| *side == Side::Destination).map(|(_, name)| name.clone());
        let under: Vec<Bool> = beyond.chain([name]).collect();
        while let Some(model) = self.asked(&under)? {
            let facts = end.facts_in(&model);
            let region = match route::existing(&facts) {
                Some(unit) => Region::Unit(unit),
                None => Region::Newcomers(self.cube(&facts, end, &[], start.not())?),
            };
            self.add(region, 0, false, Cause::Start);
        }
        Ok(())
    }

    /// The unit that a witness takes is owned, and all that could be taken like it.
    fn take(&mut self, witness: Witness, owner: (Side, bool), round: u32) -> Result<(), GaveUp> {
        let (held, end) = self.world.ends(owner.0);
        let region = match route::existing(&witness.other) {
            Some(unit) => Region::Unit(unit),
            None => {
                // The owner, the header and where the newcomer is met are held; its atom is what is asked about.
                let mut pinned = vec![held.pinned(&witness.owner)];
                let where_met = witness.other.iter().filter(|(fact, _)| !World::is_atomic(fact));
                pinned.push(end.pinned(&where_met.map(|(fact, value)| (fact.clone(), *value)).collect()));
                let family = route::family_of(&witness.other);
                pinned.push(self.world.header.pinned(witness.header, family));
                let fails = self.world.takes(owner, self.doubtful).not();
                Region::Newcomers(self.cube(&witness.other, end, &pinned, fails)?)
            }
        };
        self.add(region, round, false, Cause::Step(Box::new(witness)));
        Ok(())
    }

    /// The parts of a newcomer's atom without which, all else being as it is, something might fail.
    fn cube(&mut self, facts: &Facts, end: &End, pinned: &[Bool], fails: Bool) -> Result<Cube, GaveUp> {
        let mut parts: Vec<(Bool, Fact, u128)> = Vec::new();
        self.solver.push();
        pinned.iter().for_each(|pin| self.solver.assert(pin));
        self.solver.assert(all([end.is_newcomer(), fails]));
        for (fact, &value) in facts.iter().filter(|(fact, _)| World::is_atomic(fact)) {
            let name = self.name();
            self.solver.assert(name.implies(end.is(fact, value)));
            parts.push((name, fact.clone(), value));
        }
        let needed = self.needed(parts);
        self.solver.pop(1);
        Ok(needed?.into_iter().map(|(_, fact, value)| (fact, value)).collect())
    }

    /// Leaves out what is not needed for a contradiction, one part after the other.
    fn needed(&mut self, mut parts: Vec<(Bool, Fact, u128)>) -> Result<Vec<(Bool, Fact, u128)>, GaveUp> {
        let names = |parts: &[(Bool, Fact, u128)]| parts.iter().map(|(name, _, _)| name.clone()).collect::<Vec<_>>();
        if self.asked(&names(&parts))?.is_some() {
            return Err(GaveUp::Other("a step that was found cannot be found again".to_owned()));
        }
        let core = self.solver.get_unsat_core();
        parts.retain(|(name, _, _)| core.contains(name));
        let mut at = 0;
        while at < parts.len() {
            let mut fewer = parts.clone();
            fewer.remove(at);
            match self.asked(&names(&fewer))? {
                None => parts = fewer,
                Some(_) => at += 1,
            }
        }
        Ok(parts)
    }

    /// Owns a region, and what falls with its units.
    fn add(&mut self, region: Region, round: u32, host_owned: bool, cause: Cause) {
        for (side, name) in &self.beyond {
            let (_, end) = self.world.ends(*side);
            let outside = self.world.inside(&region, end, self.doubtful).not();
            if region != Region::Outside {
                self.solver.assert(name.implies(outside));
            }
        }
        let host = match &region {
            Region::Unit(unit) if self.owned.insert(*unit) && self.world.hosts.contains(unit) => Some(*unit),
            _ => None,
        };
        self.entries.push(Entry { region, round, host_owned, cause });
        let Some(host) = host else { return };
        let design = self.world.design;
        for guest in design.unit_ids().filter(|unit| design.host_of(*unit) == Some(host)) {
            self.add(Region::Unit(guest), round, true, Cause::Host(host));
        }
        let on_it = Cube::from([(Fact::Host, u128::from(host.0))]);
        self.add(Region::Newcomers(on_it), round, true, Cause::Host(host));
    }

    /// A target that fell with its host in this round.
    fn fallen_target(&mut self, frontier: Range<usize>) -> Result<Option<Vec<Newcomer>>, GaveUp> {
        let world = self.world;
        let end = &world.source;
        for at in frontier {
            let Some(Entry { region, cause: Cause::Host(_), .. }) = self.entries.get(at) else { continue };
            let fallen = world.inside(region, end, self.doubtful);
            let name = self.name();
            self.solver.assert(name.implies(all([fallen, end.is_unit(), world.is_target(end, self.doubtful)])));
            if let Some(model) = self.asked(&[name])? {
                return Ok(Some(route::fallen(self, at, &end.facts_in(&model))));
            }
        }
        Ok(None)
    }

    /// A connection under these names, from an owner of this round.
    fn witness(
        &mut self,
        (owned, host_owned): (Side, bool),
        mut frontier: Range<usize>,
        under: &[Bool],
    ) -> Result<Option<Witness>, GaveUp> {
        let Some(model) = self.asked(under)? else { return Ok(None) };
        let (owner, other) = self.world.ends(owned);
        let (owner, other) = (owner.facts_in(&model), other.facts_in(&model));
        let header = self.world.header.in_model(&model);
        let header = header.ok_or_else(|| GaveUp::Other("its model is incomplete".to_owned()))?;
        let is_of = |entry: &Entry| entry.host_owned == host_owned && entry.region.holds(&owner);
        let by = frontier.find(|at| self.entries.get(*at).is_some_and(is_of));
        let by = by.ok_or_else(|| GaveUp::Other("it found an owner that is none".to_owned()))?;
        Ok(Some(Witness { owned, by, owner, other, header }))
    }

    fn asked(&mut self, under: &[Bool]) -> Result<Option<Model>, GaveUp> {
        if self.spent >= self.limits.resources {
            return Err(GaveUp::Resources(self.limits.resources));
        }
        if self.questions >= QUESTIONS_MAX {
            return Err(GaveUp::Other(format!("{QUESTIONS_MAX} questions did not settle it")));
        }
        self.questions += 1;
        let before = spent(&self.solver);
        let model = model_under(&self.solver, under, self.limits);
        self.spent = self.spent.saturating_add(spent(&self.solver).wrapping_sub(before));
        model
    }
}
