//! An invariant proved anew: initiation, consecution and safety, each a quantifier-free question over bit-vectors that
//! has to have no answer.

use super::closure::{Closure, Entry};
use super::world::World;
use super::{Invariant, Region, route};
use crate::smt::ends::End;
use crate::smt::facts::Fact;
use crate::smt::solve::{model_of, solver};
use crate::smt::term::{all, any, constant};
use crate::smt::{GaveUp, Limits};
use seglab_policy::{Side, UnitId};
use z3::ast::Bool;

/// The invariant that a closure found, if Z3 finds nothing against it.
///
/// # Errors
/// [`GaveUp`] if a question is not decided, or is answered: then the invariant is none, which is a defect of the tool.
pub(super) fn proved(world: &World<'_>, closure: &Closure<'_, '_>, limits: Limits) -> Result<Invariant, GaveUp> {
    let obligations = Obligations { world, closure };
    let named = [
        ("initiation", obligations.initiation()),
        ("consecution", obligations.consecution()),
        ("safety", obligations.safety()),
    ];
    let questions = closure.questions + named.len();
    for (name, refuted) in named {
        let solver = solver(limits);
        solver.assert(all([world.common(), refuted]));
        if model_of(&solver, limits)?.is_some() {
            return Err(GaveUp::Other(format!("its own invariant fails at {name}; please report this")));
        }
    }
    let mut invariant = Invariant { questions, ..Invariant::default() };
    for entry in &closure.entries {
        // Entries come in the order of their rounds.
        match &entry.region {
            Region::Unit(unit) => drop(invariant.units.entry(*unit).or_insert(entry.round)),
            Region::Newcomers(cube) => {
                let traits = route::traits(cube, &world.vocabulary, world.design);
                invariant.newcomers.entry(traits).or_insert(entry.round);
            }
            Region::Outside => {}
        }
    }
    Ok(invariant)
}

struct Obligations<'p, 'w, 'a> {
    world: &'p World<'a>,
    closure: &'p Closure<'w, 'a>,
}

impl Obligations<'_, '_, '_> {
    /// An attack starts at a unit that is not in the invariant.
    fn initiation(&self) -> Bool {
        let end = &self.world.source;
        let starts = self.world.starts(end, self.closure.doubtful);
        all([end.is_unit(), starts, self.owned(end, Some(0)).not()])
    }

    /// Whoever is in the invariant takes a unit that is not.
    fn consecution(&self) -> Bool {
        let hops_max = self.world.question.hops_max;
        // With so many connections behind, nobody takes anything any more that could matter.
        let last = hops_max.map(|most| if self.world.hosts.is_empty() { most.saturating_sub(1) } else { most });
        let bounds: Vec<(Option<u32>, Option<u32>)> = match last {
            None => vec![(None, None)],
            Some(last) => (0..last).map(|round| (Some(round), Some(round + 1))).collect(),
        };
        let steps = bounds.iter().flat_map(|&(before, after)| {
            self.world.owners().map(move |owner| {
                let (_, other) = self.world.ends(owner.0);
                let takes = self.world.takes(owner, self.closure.doubtful);
                all([self.owns(owner, before), takes, self.owned(other, after).not()])
            })
        });
        let falls = bounds.iter().map(|&(_, after)| {
            let end = &self.world.source;
            all([self.host_owned(end, after), self.owned(end, after).not()])
        });
        any(steps.chain(falls))
    }

    /// Whoever is in the invariant reaches a target, or a target falls with its host.
    fn safety(&self) -> Bool {
        let hops_max = self.world.question.hops_max;
        if hops_max == Some(0) {
            return constant(false);
        }
        let before = hops_max.map(|most| most.saturating_sub(1));
        let reached = self.world.owners().map(|owner| {
            let (_, other) = self.world.ends(owner.0);
            let target = self.world.is_target(other, self.closure.doubtful);
            all([self.owns(owner, before), self.world.reaches(owner, self.closure.doubtful), target])
        });
        let end = &self.world.source;
        let fallen = all([self.host_owned(end, hops_max), self.world.is_target(end, self.closure.doubtful)]);
        any(reached.chain([fallen]))
    }

    /// The end on the owned side is owned after so many connections, with its host or without.
    fn owns(&self, (owned, host_owned): (Side, bool), most: Option<u32>) -> Bool {
        let (end, _) = self.world.ends(owned);
        if host_owned {
            return self.host_owned(end, most);
        }
        let outside = match owned {
            Side::Source => self.world.inside(&Region::Outside, end, self.closure.doubtful),
            Side::Destination => constant(false),
        };
        any([self.owned(end, most), outside])
    }

    /// The end is a unit in the invariant.
    fn owned(&self, end: &End, most: Option<u32>) -> Bool {
        let within = self.within(most).filter(|entry| entry.region != Region::Outside);
        any(within.map(|entry| self.world.inside(&entry.region, end, self.closure.doubtful)))
    }

    /// The end is a unit whose host is in the invariant.
    fn host_owned(&self, end: &End, most: Option<u32>) -> Bool {
        let hosts: Vec<UnitId> = self
            .within(most)
            .filter_map(|entry| match &entry.region {
                Region::Unit(unit) if self.world.hosts.contains(unit) => Some(*unit),
                _ => None,
            })
            .collect();
        all([end.is_unit(), any(hosts.into_iter().map(|host| end.is(&Fact::Host, u128::from(host.0))))])
    }

    fn within(&self, most: Option<u32>) -> impl Iterator<Item = &Entry> {
        self.closure.entries.iter().filter(move |entry| most.is_none_or(|most| entry.round <= most))
    }
}
