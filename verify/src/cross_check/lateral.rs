//! Claims about attacks: `isolated`, `only-through` and `blast-radius`, by inductive sets.
//!
//! The class engine says which units may be in an attacker's hands after so many connections. Taken as plain sets of
//! units, that is an inductive invariant, and Z3 looks for what would break it. Nothing of how the sets were found is
//! believed.

use super::replay::{ends_astray, shown, starts_astray, touched};
use super::{Disagreement, Open, Plan, every_outcome};
use crate::classes::ClassId;
use crate::endpoint_class::Match;
use crate::lateral::{Attack, Origin};
use crate::members::Members;
use crate::properties::Settled;
use crate::smt::{Doors, Ends, Outcome, Question};
use crate::spread::{Limits, Spread};
use fixedbitset::FixedBitSet;
use seglab_policy::{
    AtMost, Claim, Covers, Endpoint, Family, Peer, Pivot, Selector, Service, Side, Statistic, UnitId, View,
};
use std::collections::BTreeSet;

/// Units in an attacker's hands, after no connection, one, and so on. The last set is closed if there is no bound.
struct Invariant {
    sets: Vec<BTreeSet<UnitId>>,
    bounded: bool,
}

/// An attack, and which of its steps count.
#[derive(Clone, Copy)]
struct Steps<'s> {
    attack: Attack,
    hops_max: Option<u32>,
    /// Whatever may happen counts; otherwise only what surely does.
    doubtful: bool,
    /// Units that are never taken.
    avoid: &'s BTreeSet<UnitId>,
}

impl Steps<'_> {
    fn wanted(&self) -> &'static [Outcome] {
        if self.doubtful { &Outcome::NOT_DENIED } else { &Outcome::ALLOWED }
    }

    fn question(&self, from: Ends, to: Ends) -> Question {
        Question { leaves: true, surely: !self.doubtful, ..Question::any(self.wanted()) }.between(from, to)
    }

    fn counts(&self, matched: Match) -> bool {
        self.doubtful || matched == Match::Yes
    }
}

/// Where attacks start.
struct Starts {
    origins: Vec<Origin>,
    /// The external ones among them.
    outside: Ends,
    /// All of them, as the claim has them.
    described: Ends,
}

impl Plan<'_> {
    pub(super) fn attack(
        &mut self,
        attack: Attack,
        hops_max: Option<u32>,
        claim: &Claim,
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        let doubtful = match verdict {
            Settled::Violated(_) => return self.path(attack, claim, verdict),
            Settled::Holds => true,
            Settled::Unknown(_) => false,
        };
        let avoid = match claim {
            Claim::OnlyThrough { via, .. } => self.selected(via),
            Claim::BlastRadius { .. } if self.settings.honour_trusted => {
                self.design.trusted().iter().flat_map(|hub| self.selected(&hub.units)).collect()
            }
            _ => BTreeSet::new(),
        };
        let steps = Steps { attack, hops_max, doubtful, avoid: &avoid };
        match claim {
            Claim::Isolated { from, to, services } => {
                let target = self.meant(to).except(self.meant(from));
                self.unreached(&steps, from, &target, services, None)?;
            }
            Claim::OnlyThrough { from, to, services, .. } => self.avoided(&steps, from, to, services)?,
            Claim::BlastRadius { from, at_most, of } => self.bounded(&steps, from, *at_most, *of)?,
            _ => {}
        }
        self.path(attack, claim, verdict)
    }

    /// The steps that the verdict shows lead from where the claim says to where it says.
    fn path(&mut self, attack: Attack, claim: &Claim, verdict: &Settled) -> Result<(), Box<Disagreement>> {
        let Some((hops, _)) = shown(verdict) else { return Ok(()) };
        let (ends, avoid) = match claim {
            Claim::Isolated { from, to, .. } => {
                let from = self.meant(from);
                (Some((from.clone(), self.meant(to).except(from))), BTreeSet::new())
            }
            Claim::OnlyThrough { from, to, via, .. } => (Some((self.meant(from), self.meant(to))), self.selected(via)),
            _ => (None, BTreeSet::new()),
        };
        self.carried_on(attack, hops, ends.is_some())?;
        let (Some((from, to)), Some(first), Some(last)) = (ends, hops.first(), hops.last()) else {
            return self.evidence(verdict);
        };
        if let Some(unit) = touched(hops).into_iter().find(|unit| avoid.contains(unit)) {
            let found = format!("it touches {}", self.design.unit(unit).name);
            return Err(self.contradiction("a path past the waypoint", found, None));
        }
        let surely = matches!(verdict, Settled::Unknown(_));
        for (about, (from, to)) in
            [("where a path starts", starts_astray(first, &from)), ("where a path ends", ends_astray(last, &to))]
        {
            let question = Question { surely, ..Question::any(every_outcome()) }.between(from, to);
            self.expect_nothing(about, attack.assume(Side::Source, false), question);
        }
        self.evidence(verdict)
    }

    /// Without the units of the waypoint nothing is reached. That an end reaches itself refutes nothing, so a start
    /// that is a target too, and alone of its kind, is left out where it is asked about.
    fn avoided(
        &mut self,
        steps: &Steps<'_>,
        from: &Peer,
        to: &Peer,
        services: &[Service],
    ) -> Result<(), Box<Disagreement>> {
        let starts = self.starts(steps, from, None).origins;
        let Members { classes, externals, .. } = self.verifier.members(to);
        let units = classes.into_iter().map(|(class, matched)| (Origin::Unit(class, false), matched));
        let addresses = externals.into_iter().map(|(external, matched)| (Origin::External(external), matched));
        let alone: Vec<Origin> = units
            .chain(addresses)
            .filter(|(end, matched)| steps.counts(*matched) && starts.contains(end) && self.verifier.is_alone(*end))
            .map(|(end, _)| end)
            .collect();
        let aside = alone.iter().map(|end| self.end(*end)).chain([Ends::Units(steps.avoid.clone())]);
        let others = self.meant(to).except(Ends::AnyOf(aside.collect()));
        self.unreached(steps, from, &others, services, None)?;
        self.within_effort(alone.len());
        for end in alone.into_iter().take(self.effort.sets_max) {
            self.unreached(steps, from, &self.end(end), services, Some(end))?;
        }
        Ok(())
    }

    /// No attack from `from`, `without` aside, reaches the target by one of the services.
    fn unreached(
        &mut self,
        steps: &Steps<'_>,
        from: &Peer,
        target: &Ends,
        services: &[Service],
        without: Option<Origin>,
    ) -> Result<(), Box<Disagreement>> {
        let starts = self.starts(steps, from, without);
        // Credentials that one start finds open doors to another's attack, so each start has a set of its own.
        let groups: Vec<Vec<Origin>> = match steps.attack.pivot {
            Pivot::Exploitable => starts.origins.chunks(1).map(<[Origin]>::to_vec).collect(),
            Pivot::Any | Pivot::Service | Pivot::EitherWay => vec![starts.origins.clone()],
        };
        self.within_effort(groups.len());
        let single = groups.len() == 1;
        for group in groups.into_iter().take(self.effort.sets_max) {
            let invariant = self.invariant(steps, &group);
            let from_outside = group.iter().any(|origin| !matches!(origin, Origin::Unit(..)));
            let outside = if single { starts.outside.clone() } else { self.outside(&group) };
            let outside = from_outside.then_some(&outside);
            if single && let Some(first) = invariant.sets.first() {
                let inside = Ends::AnyOf(vec![Ends::Units(first.clone()), Ends::Units(steps.avoid.clone())]);
                let missing = starts.described.clone().except(inside);
                let missing = Ends::AllOf(vec![Ends::every_unit(), missing]);
                let question =
                    Question { leaves: false, wanted: every_outcome(), ..steps.question(missing, Ends::Any) };
                let assume = steps.attack.assume(Side::Source, false);
                self.expect_nothing("a start outside of the units in reach", assume, question);
            }
            self.inductive(steps, &invariant, outside)?;
            self.safe(steps, &invariant, outside, target, services);
        }
        Ok(())
    }

    /// What the units of `from` take with them is within the bound.
    fn bounded(
        &mut self,
        steps: &Steps<'_>,
        from: &Selector,
        at_most: AtMost,
        of: Statistic,
    ) -> Result<(), Box<Disagreement>> {
        let from = self.selected(from);
        let mut invariants: Vec<(usize, Vec<BTreeSet<UnitId>>, bool)> = Vec::new();
        let mut amounts: Vec<u64> = Vec::new();
        for class in self.verifier.classes().ids() {
            let members: BTreeSet<UnitId> = self.verifier.classes().members(class).iter().copied().collect();
            let first = members.iter().find(|unit| from.contains(unit) && !steps.avoid.contains(unit));
            let Some(&start) = first else { continue };
            let invariant = self.invariant(steps, &[Origin::Unit(class, false)]);
            let taken = self.taken(steps, &[Origin::Unit(class, false)], steps.hops_max);
            let units = taken.len() + usize::from(!taken.contains(&start));
            for unit in members.iter().filter(|unit| from.contains(unit) && !steps.avoid.contains(unit)) {
                let fallen = taken.iter().chain(Some(unit).filter(|unit| !taken.contains(unit)));
                amounts.push(match at_most {
                    AtMost::Units(_) | AtMost::Share(_) => fallen.count() as u64,
                    AtMost::Criticality(_) => fallen.map(|&unit| u64::from(self.design.unit(unit).criticality)).sum(),
                });
            }
            if !invariants.iter().any(|(_, sets, _)| *sets == invariant.sets) {
                invariants.push((units, invariant.sets, invariant.bounded));
            }
        }
        amounts.sort_unstable();
        let population = self.design.units().len();
        let within = match of.position(amounts.len()) {
            Some(at) => at_most.admits_mean(amounts.get(at).copied().unwrap_or(0), 1, population),
            None => at_most.admits_mean(amounts.iter().sum(), amounts.len(), population),
        };
        if !within {
            let found = format!("the {of} of {amounts:?} is more than {at_most}");
            return Err(self.contradiction("the size of a blast radius", found, None));
        }
        invariants.sort_by_key(|(units, _, _)| std::cmp::Reverse(*units));
        self.within_effort(invariants.len());
        for (_, sets, bounded) in invariants.into_iter().take(self.effort.sets_max) {
            self.inductive(steps, &Invariant { sets, bounded }, None)?;
        }
        Ok(())
    }

    /// No step leaves the sets: neither a connection that takes a unit, nor a host that takes its guests with it.
    fn inductive(
        &mut self,
        steps: &Steps<'_>,
        invariant: &Invariant,
        outside: Option<&Ends>,
    ) -> Result<(), Box<Disagreement>> {
        for set in &invariant.sets {
            let fallen = |unit: &UnitId| self.design.host_of(*unit).is_some_and(|host| set.contains(&host));
            let missing =
                self.design.unit_ids().find(|unit| fallen(unit) && !set.contains(unit) && !steps.avoid.contains(unit));
            if let Some(unit) = missing {
                let name = self.design.unit(unit).name.clone();
                return Err(self.contradiction("what falls with its host", format!("{name} does not"), None));
            }
        }
        for (at, set) in invariant.sets.iter().enumerate() {
            let next = match (invariant.bounded, invariant.sets.get(at + 1)) {
                (_, Some(next)) => next,
                (false, None) => set,
                (true, None) => continue,
            };
            let inside = Ends::AnyOf(vec![Ends::Units(next.clone()), Ends::Units(steps.avoid.clone())]);
            let beyond = Ends::every_unit().except(inside);
            let doors = self.carrying(steps, set);
            for (from, host_owned) in self.owners(set, outside) {
                let assume = steps.attack.assume(Side::Source, host_owned);
                let question = Question { doors: doors.clone(), ..steps.question(from.clone(), beyond.clone()) };
                self.expect_nothing("a step out of the units in reach", assume, question);
                if steps.attack.pivot == Pivot::EitherWay {
                    let assume = steps.attack.assume(Side::Destination, host_owned);
                    let question = steps.question(beyond.clone(), from);
                    self.expect_nothing("a client outside of the units in reach", assume, question);
                }
            }
        }
        Ok(())
    }

    /// No connection from inside the last set but one, or the closed set, reaches the target.
    fn safe(
        &mut self,
        steps: &Steps<'_>,
        invariant: &Invariant,
        outside: Option<&Ends>,
        target: &Ends,
        services: &[Service],
    ) {
        if steps.hops_max == Some(0) {
            return;
        }
        let last = if invariant.bounded { invariant.sets.iter().rev().nth(1) } else { invariant.sets.last() };
        let Some(set) = last else { return };
        let units = Ends::AllOf(vec![target.clone(), Ends::every_unit()]);
        let externals = target.clone().except(Ends::AnyOf(vec![Ends::every_unit(), Ends::Sources]));
        let listening = if steps.attack.view == View::Service { Doors::Listening } else { Doors::Any };
        for (from, host_owned) in self.owners(set, outside) {
            let assume = steps.attack.assume(Side::Source, host_owned);
            for (to, doors) in [(units.clone(), listening.clone()), (externals.clone(), Doors::Any)] {
                let services = services.to_vec();
                let question = Question { services, doors, ..steps.question(from.clone(), to) };
                self.expect_nothing("a connection into the target", assume, question);
            }
            if steps.attack.pivot == Pivot::EitherWay {
                let assume = steps.attack.assume(Side::Destination, host_owned);
                for client in [units.clone(), externals.clone()] {
                    let question = Question { services: services.to_vec(), ..steps.question(client, from.clone()) };
                    self.expect_nothing("a client that is a target", assume, question);
                }
            }
        }
        let Some(owned) = invariant.sets.last() else { return };
        let guests = self.design.unit_ids().filter(|unit| {
            owned.contains(unit) && self.design.host_of(*unit).is_some_and(|host| owned.contains(&host))
        });
        let fallen = Ends::AllOf(vec![target.clone(), Ends::Units(guests.collect())]);
        let question = Question { leaves: false, wanted: every_outcome(), ..steps.question(fallen, Ends::Any) };
        let assume = steps.attack.assume(Side::Source, false);
        self.expect_nothing("a target that falls with its host", assume, question);
    }

    /// Who opens connections from inside a set, and whether the host is owned too.
    fn owners(&self, set: &BTreeSet<UnitId>, outside: Option<&Ends>) -> Vec<(Ends, bool)> {
        let (hosted, plain): (BTreeSet<UnitId>, BTreeSet<UnitId>) =
            set.iter().partition(|unit| self.design.host_of(**unit).is_some_and(|host| set.contains(&host)));
        // A unit can be owned before its host is, so whatever a host's point stops counts for both.
        let mut owners = vec![(Ends::Units(plain), false)];
        if !hosted.is_empty() {
            owners.push((Ends::Units(hosted), true));
        }
        owners.extend(outside.map(|outside| (outside.clone(), false)));
        owners.retain(|(ends, _)| *ends != Ends::Units(BTreeSet::new()));
        owners
    }

    /// The ports at which an attack is carried on from inside a set.
    fn carrying(&self, steps: &Steps<'_>, set: &BTreeSet<UnitId>) -> Doors {
        let listening = steps.attack.view == View::Service;
        match steps.attack.pivot {
            Pivot::Service => Doors::Listening,
            Pivot::Any | Pivot::EitherWay if listening => Doors::Listening,
            Pivot::Any | Pivot::EitherWay => Doors::Any,
            Pivot::Exploitable => {
                let held = set.iter().flat_map(|unit| self.design.unit(*unit).credentials.iter().cloned()).collect();
                Doors::Exploitable { held, listening }
            }
        }
    }

    /// The sets of units in an attacker's hands, by the class engine's account.
    fn invariant(&mut self, steps: &Steps<'_>, starts: &[Origin]) -> Invariant {
        let members: BTreeSet<UnitId> = starts
            .iter()
            .filter_map(|origin| match origin {
                Origin::Unit(class, _) => Some(*class),
                Origin::External(_) | Origin::Source(_) => None,
            })
            .flat_map(|class| self.verifier.classes().members(class).iter().copied())
            .collect();
        let hops: Vec<Option<u32>> = steps.hops_max.map_or_else(|| vec![None], |most| (0..=most).map(Some).collect());
        let with_starts = |mut set: BTreeSet<UnitId>| {
            set.extend(&members);
            set
        };
        let sets = hops.into_iter().map(|hops| with_starts(self.taken(steps, starts, hops))).collect();
        Invariant { sets, bounded: steps.hops_max.is_some() }
    }

    /// The units that the class engine says are taken, starts aside unless they are taken again.
    fn taken(&mut self, steps: &Steps<'_>, starts: &[Origin], hops_max: Option<u32>) -> BTreeSet<UnitId> {
        let graph = self.verifier.graph(steps.attack);
        let classes = self.verifier.classes();
        let mut avoid = FixedBitSet::with_capacity(classes.len());
        steps.avoid.iter().for_each(|unit| avoid.insert(classes.of(*unit).index()));
        let limits = Limits { avoid: Some(&avoid), connections_max: hops_max, doubtful: steps.doubtful };
        let spread = Spread::new(&graph, starts.to_vec(), limits);
        let taken = spread.classes.ones().filter_map(|class| u32::try_from(class).ok());
        taken.flat_map(|class| classes.members(ClassId(class)).iter().copied()).collect()
    }

    fn starts(&self, steps: &Steps<'_>, from: &Peer, without: Option<Origin>) -> Starts {
        let Members { classes, externals, sources } = self.verifier.members(from);
        let avoided =
            |class: ClassId| self.verifier.classes().members(class).iter().any(|unit| steps.avoid.contains(unit));
        let counted = |all: Vec<(u32, Match)>| all.into_iter().filter(|(_, matched)| steps.counts(*matched));
        let units = classes.into_iter().filter(|(class, matched)| steps.counts(*matched) && !avoided(*class));
        let origins = units
            .map(|(class, _)| Origin::Unit(class, false))
            .chain(counted(externals).map(|(external, _)| Origin::External(external)))
            .chain(counted(sources).map(|(source, _)| Origin::Source(source)))
            .filter(|origin| Some(*origin) != without)
            .collect();
        let described = self.meant(from).except(Ends::AnyOf(without.map(|end| self.end(end)).into_iter().collect()));
        let outside = described.clone().except(Ends::every_unit());
        Starts { origins, outside, described }
    }

    /// Leaves open the sets that are more than are to be checked.
    fn within_effort(&mut self, sets: usize) {
        if let Some(more) = sets.checked_sub(self.effort.sets_max).filter(|more| *more > 0) {
            self.leave_open(Open::MoreSets(more));
        }
    }

    /// The external ones among the starts.
    fn outside(&self, starts: &[Origin]) -> Ends {
        let outside = starts.iter().filter(|origin| !matches!(origin, Origin::Unit(..)));
        Ends::AnyOf(outside.map(|origin| self.end(*origin)).collect())
    }

    /// Where an attack starts, as a set of endpoints.
    fn end(&self, origin: Origin) -> Ends {
        let classes = self.verifier.classes();
        match origin {
            Origin::Unit(class, _) => Ends::Units(classes.members(class).iter().copied().collect()),
            Origin::External(external) => Ends::External(classes.endpoints.addresses(external).clone()),
            Origin::Source(source) => match self.verifier.engine.source_id(source) {
                Some(id) => Ends::At(Endpoint::Source(id)),
                None => Ends::AnyOf(Vec::new()),
            },
        }
    }

    /// Whom a side of a claim means. An attacker owns whole units, so where the side goes by address a unit is meant
    /// with all of its interfaces.
    fn meant(&self, peer: &Peer) -> Ends {
        let Peer::Addresses { covers: Covers::All, set } = peer else { return Ends::Peer(peer.clone()) };
        let units = |least: Match| -> BTreeSet<UnitId> {
            let members = self.verifier.members(peer).classes.into_iter().filter(|(_, matched)| *matched >= least);
            members.flat_map(|(class, _)| self.verifier.classes().members(class).iter().copied()).collect()
        };
        let (surely, perhaps) = (units(Match::Yes), units(Match::Maybe));
        let doubtful = Ends::AllOf(vec![Ends::Units(perhaps), Ends::Peer(Peer::Unmodelled(String::new()))]);
        let outside = Ends::Peer(peer.clone()).except(Ends::AnyOf(vec![Ends::every_unit(), Ends::Sources]));
        // A named external source has some address, of whichever family: the whole of either may hold it.
        let whole = Family::ALL.into_iter().any(|family| set.covers_family(family));
        let sources = if whole { Ends::Sources } else { Ends::AnyOf(Vec::new()) };
        Ends::AnyOf(vec![Ends::Units(surely), doubtful, outside, sources])
    }

    fn selected(&self, selector: &Selector) -> BTreeSet<UnitId> {
        self.design.select(selector).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::Effort;
    use crate::properties::Settings;
    use seglab_policy::Trust;
    use seglab_policy::arbitrary::design_of;

    /// What Z3 says of the sets of one class's attack, after `change` has been made to the last of them.
    fn second_opinion(
        seed: u64,
        attack: Attack,
        hops_max: Option<u32>,
        change: impl FnOnce(&mut BTreeSet<UnitId>, &BTreeSet<UnitId>) -> bool,
    ) -> Option<bool> {
        let design = design_of(seed);
        let mut plan = Plan::new(&design, Settings::default(), Effort::default());
        plan.begin("attack".to_owned(), &Settled::Holds);
        let avoid = BTreeSet::new();
        let steps = Steps { attack, hops_max, doubtful: true, avoid: &avoid };
        let class = plan.verifier.classes().ids().next().unwrap();
        let starts: BTreeSet<UnitId> = plan.verifier.classes().members(class).iter().copied().collect();
        let mut invariant = plan.invariant(&steps, &[Origin::Unit(class, false)]);
        if !change(invariant.sets.last_mut().unwrap(), &starts) {
            return None;
        }
        Some(plan.inductive(&steps, &invariant, None).is_ok() && plan.ask().is_ok())
    }

    #[test]
    fn sets_are_confirmed_as_they_are_and_contradicted_without_any_one_unit() {
        let mut contradicted = [0; Pivot::ALL.len()];
        for seed in 0..30 {
            for (pivot, count) in Pivot::ALL.into_iter().zip(&mut contradicted) {
                let attack = Attack { pivot, trust: Trust::OwnAgentVoid, ..Attack::default() };
                for hops_max in [None, Some(1)] {
                    let as_it_is = second_opinion(seed, attack, hops_max, |_, _| true);
                    assert_eq!(as_it_is, Some(true), "seed {seed}, {attack:?}, {hops_max:?}");
                    // Every unit but the starts was taken from inside the set, so none can be missing.
                    let smaller = second_opinion(seed, attack, hops_max, |set, starts| {
                        let taken = set.difference(starts).last().copied();
                        taken.is_some_and(|unit| set.remove(&unit))
                    });
                    assert_ne!(smaller, Some(true), "seed {seed}, {attack:?}, {hops_max:?}");
                    *count += usize::from(smaller == Some(false));
                }
            }
        }
        assert!(contradicted.iter().all(|&count| count >= 8), "{contradicted:?}");
    }
}
