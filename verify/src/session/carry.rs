//! Which outcomes stay when rules are edited.
//!
//! An outcome stays if nothing that it rests on can have changed: attacks take the same steps from everywhere, and
//! connections between the ends that it is about fare as before. A counterexample stays if none of its connections is
//! touched by an edited rule: what it showed, it shows still. Everything else is settled anew.

use super::Earlier;
use super::amended::{Amended, renumber};
use super::edits::{Edits, same_property};
use crate::classes::ClassId;
use crate::counterexample::{Hop, VerifyError};
use crate::direct::Rehoused;
use crate::judge::Dirty;
use crate::lateral::Attack;
use crate::members::Members;
use crate::properties::{
    Counterexample, Ground, Outcome, Population, Report, Settings, Settled, Uncertainty, last_step,
};
use crate::reach::Verifier;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{
    Action, Claim, Connection, Design, Doubt, Endpoint, Peer, Pivot, Property, Selector, Service, Statistic,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The endpoint classes that peers stand for, once they have been asked for.
type Ends = FxHashMap<Peer, Rc<FixedBitSet>>;

/// What is remembered of questions, so long as the classes stay.
#[derive(Debug, Default)]
pub(super) struct Memory {
    ends: Ends,
    /// Those whom peers of claims about paths stand for.
    members: FxHashMap<Peer, Rc<Members>>,
    /// By property, where attacks get that reach no target.
    grounds: BTreeMap<String, Ground>,
}

impl Memory {
    /// Those whom a peer stands for.
    fn members(&mut self, verifier: &Verifier<'_>, peer: &Peer) -> Rc<Members> {
        if let Some(known) = self.members.get(peer) {
            return Rc::clone(known);
        }
        let members = Rc::new(verifier.members(peer));
        self.members.insert(peer.clone(), Rc::clone(&members));
        members
    }

    /// Forgets whom peers stand for.
    fn forget_peers(&mut self) {
        self.ends.clear();
        self.members.clear();
    }

    /// Forgets that attacks got to classes that are others now.
    fn forget_classes(&mut self, rehoused: &Rehoused) {
        for taken in self.grounds.values_mut().flatten().flatten() {
            for class in rehoused.founded.union(&rehoused.vacated) {
                taken.plain.set(class.index(), false);
                taken.hosted.set(class.index(), false);
            }
        }
    }

    /// Takes note of where attacks get that do not refute a property which was settled.
    pub(super) fn settled(
        &mut self,
        verifier: &mut Verifier<'_>,
        property: &Property,
        outcome: &Outcome,
        settings: &Settings,
    ) {
        let ground = match &property.claim {
            Claim::Isolated { from, to, .. } | Claim::OnlyThrough { from, to, .. }
                if outcome.verdict == Settled::Holds =>
            {
                let (from, to) = (self.members(verifier, from), self.members(verifier, to));
                verifier.ground(property, Attack::of(property, settings), [&from, &to])
            }
            _ => None,
        };
        match ground {
            Some(ground) => drop(self.grounds.insert(property.id.clone(), ground)),
            None => drop(self.grounds.remove(&property.id)),
        }
    }
}

/// What is carried over from the last version of a design.
pub(super) struct Carry<'c> {
    pub(super) edits: Edits<'c>,
    pub(super) amended: Amended,
    pub(super) settings: Settings,
    /// Where the outcomes of the last version are found.
    pub(super) earlier: &'c Earlier,
    pub(super) asked_before: &'c [Property],
}

/// A step of settling that can fail.
type Carried = Option<Outcome>;

impl Carry<'_> {
    /// The outcomes of the design at hand, and how many of them were settled anew.
    pub(super) fn report(
        &self,
        verifier: &mut Verifier<'_>,
        memory: &mut Memory,
        before: Report,
    ) -> Result<(Report, usize), VerifyError> {
        let design = verifier.engine.design;
        if self.edits.roster.len() > 0 {
            memory.forget_peers();
            memory.forget_classes(&self.amended.rehoused);
        }
        let mut settled = 0;
        let [mut of_properties, mut of_needs]: [Vec<Option<Outcome>>; 2] =
            [before.properties, before.needs].map(|outcomes| outcomes.into_iter().map(Some).collect());
        let take = |outcomes: &mut Vec<Option<Outcome>>, at: usize| outcomes.get_mut(at).and_then(Option::take);
        let mut properties = Vec::with_capacity(design.properties().len());
        for (property, earlier) in design.properties().iter().zip(&self.earlier.properties) {
            let asked = earlier.and_then(|at| self.asked_before.get(at)).filter(|one| same_property(one, property));
            let known = earlier.filter(|_| asked.is_some()).and_then(|at| take(&mut of_properties, at));
            let carried = match known {
                Some(known) => self.property(verifier, memory, property, known)?.map(|outcome| Outcome {
                    population: population_now(design, &property.claim, outcome.population),
                    ..outcome
                }),
                None => None,
            };
            settled += usize::from(carried.is_none());
            properties.push(match carried {
                Some(outcome) => outcome,
                None => {
                    let outcome = verifier.settle(property, &self.settings)?;
                    memory.settled(verifier, property, &outcome, &self.settings);
                    outcome
                }
            });
        }
        let mut needs = Vec::with_capacity(design.needs().len());
        for (need, earlier) in design.needs().iter().zip(&self.earlier.needs) {
            let known = earlier.and_then(|at| take(&mut of_needs, at));
            let asked = (&need.from, &need.to, &need.services[..]);
            let carried = known.and_then(|known| self.flow(verifier, memory, asked, known));
            settled += usize::from(carried.is_none());
            needs.push(match carried {
                Some(outcome) => outcome,
                None => verifier.settle_need(need, &self.settings)?,
            });
        }
        Ok((Report { properties, needs, classes: verifier.classes().len() }, settled))
    }

    /// The outcome of a property if it stays.
    fn property(
        &self,
        verifier: &mut Verifier<'_>,
        memory: &mut Memory,
        property: &Property,
        known: Outcome,
    ) -> Result<Carried, VerifyError> {
        if self.edits.are_none() {
            return Ok(Some(known));
        }
        let (attack, moves) = (Attack::of(property, &self.settings), self.edits.roster.moves());
        if self.turns_trust(verifier.engine.design, property) {
            return Ok(None);
        }
        // Whoever takes too many takes too many still, whoever else is asked about.
        if let (Claim::BlastRadius { from, of: Statistic::Max, .. }, true) = (&property.claim, moves) {
            return self.blast_radius(verifier, property, (attack, from), known);
        }
        if !matches!(property.claim, Claim::Allowed { .. }) && self.asks_otherwise(property) {
            return Ok(None);
        }
        Ok(match &property.claim {
            Claim::Isolated { from, to, services } | Claim::OnlyThrough { from, to, services, .. } => {
                self.path(verifier, memory, (property, attack), (from, to, services), known)
            }
            // How many there are counts, too.
            Claim::BlastRadius { .. } | Claim::Surface { .. } if moves => None,
            Claim::BlastRadius { from, of, .. } => {
                if *of == Statistic::Max && !self.stays(attack) {
                    return self.blast_radius(verifier, property, (attack, from), known);
                }
                self.existing(verifier, known, self.stays(attack))
            }
            Claim::Allowed { from, to, services } => self.flow(verifier, memory, (from, to, services), known),
            Claim::Exposed { .. } => {
                let outside = outside(verifier);
                let everybody = all(verifier);
                let stays = !self.meet(&outside, &everybody);
                self.existing(verifier, known, stays)
            }
            Claim::EgressOnlyTo { from, .. } => {
                let from = ends_of(verifier, &mut memory.ends, &Peer::Units(from.clone()));
                let stays = !self.meet(&from, &all(verifier));
                self.existing(verifier, known, stays)
            }
            Claim::Only { .. } => self.existing(verifier, known, false),
            Claim::Surface { units, .. } => {
                let units = ends_of(verifier, &mut memory.ends, &Peer::Units(units.clone()));
                let everybody = all(verifier);
                let met = self.meet(&units, &everybody);
                self.existing(verifier, known, !met)
            }
            // What allow rules say is not looked at.
            Claim::DefaultDeny { .. } => {
                let mut touched = self.edits.came.iter().chain(&self.edits.gone);
                let stays = self.edits.roster.len() == 0 && touched.all(|rule| rule.action == Action::Allow);
                self.existing(verifier, known, stays)
            }
            // These look at rules themselves, or at another design.
            Claim::Within { .. }
            | Claim::Equal { .. }
            | Claim::NoShadowedRules { .. }
            | Claim::NoRedundantRules { .. }
            | Claim::NoUndefinedOrder { .. }
            | Claim::IsolatedEver { .. } => None,
        })
    }

    /// The outcome of a claim about paths if it stays.
    fn path(
        &self,
        verifier: &mut Verifier<'_>,
        memory: &mut Memory,
        (property, attack): (&Property, Attack),
        (from, to, services): (&Peer, &Peer, &[Service]),
        known: Outcome,
    ) -> Carried {
        let last = Attack { pivot: last_step(attack.pivot), ..attack };
        let steps_stay = self.stays(attack) && self.stays(last);
        let every = services.iter().any(|service| matches!(service, Service::Any));
        let ends_stay = every
            || (attack.pivot != Pivot::EitherWay
                && !self.amended.dirty.meets(&all(verifier), &ends_of(verifier, &mut memory.ends, to)));
        if !(steps_stay && ends_stay) && known.verdict == Settled::Holds {
            let ground = memory.grounds.remove(&property.id);
            let sides = (memory.members(verifier, from), memory.members(verifier, to));
            let still = ground.and_then(|ground| {
                let known = (&ground, &self.amended.dirty, &self.amended.rehoused.founded);
                verifier.still_holds(property, attack, [&sides.0, &sides.1], known)
            });
            let holds = still.is_some();
            memory.grounds.extend(still.map(|ground| (property.id.clone(), ground)));
            return holds.then_some(known);
        }
        self.existing(verifier, known, steps_stay && ends_stay)
    }

    /// True if a property speaks of other units than before.
    fn asks_otherwise(&self, property: &Property) -> bool {
        property.claim.peers().into_iter().any(|peer| self.edits.roster.turn_peer(peer))
            || property.claim.selectors().into_iter().any(|selector| self.edits.roster.turn(selector))
    }

    /// True if others are out of a blast radius than before, for trust counts.
    fn turns_trust(&self, design: &Design, property: &Property) -> bool {
        let trusts = self.settings.honour_trusted && matches!(property.claim, Claim::BlastRadius { .. });
        trusts && self.edits.turn_trust(design)
    }

    /// True if an attack takes the same steps as before from everywhere.
    fn stays(&self, attack: Attack) -> bool {
        self.amended.moved.get(&attack).is_none_or(|moved| *moved == 0)
    }

    /// True if connections between two sides may fare differently, either way.
    fn meet(&self, one: &FixedBitSet, other: &FixedBitSet) -> bool {
        self.amended.dirty.meets(one, other) || self.amended.dirty.meets(other, one)
    }

    /// The outcome of a claim that one counterexample refutes, whatever else there is: it stays if `all_stays`, and if
    /// nothing that it shows is touched. Where something is touched, what was shown has to be shown anew.
    fn existing(&self, verifier: &Verifier<'_>, known: Outcome, all_stays: bool) -> Carried {
        let refutes = match &known.verdict {
            Settled::Violated(
                Counterexample::Reached(_) | Counterexample::ByDefault(_) | Counterexample::Broken { .. },
            ) => true,
            Settled::Violated(_) | Settled::Holds | Settled::Unknown(_) => false,
        };
        let mut outcome = known;
        (all_stays || refutes).then_some(())?;
        self.is_shown(verifier, &mut outcome.verdict).then_some(outcome)
    }

    /// The outcome of a bound on the largest blast radius, if the one that exceeds it still does.
    fn blast_radius(
        &self,
        verifier: &mut Verifier<'_>,
        property: &Property,
        (attack, from): (Attack, &Selector),
        known: Outcome,
    ) -> Result<Carried, VerifyError> {
        let start = match &known.verdict {
            Settled::Violated(Counterexample::TooMany { start, .. }) => self.edits.roster.unit(*start),
            _ => None,
        };
        let Some(unit) = start else { return Ok(None) };
        let (starts, population) = verifier.radius_of(from, &self.settings);
        if starts.binary_search(&verifier.engine.classes.of(unit)).is_err() {
            return Ok(None);
        }
        let mut outcome = Outcome { population, ..known };
        // How many fall by the steps that are shown hangs on who is of their classes.
        let is_shown = self.is_shown(verifier, &mut outcome.verdict) && !self.amended.rehoused.mixes();
        let Settled::Violated(Counterexample::TooMany { start, units, excess, left_out, hops }) = &mut outcome.verdict
        else {
            return Ok(None);
        };
        *start = unit;
        let Some(taken) = verifier.exceeds(property, attack, (unit, *excess), &self.settings, is_shown)? else {
            return Ok(None);
        };
        match taken.fall {
            Some(anew) => (*left_out, *hops) = (anew.left_out, anew.hops),
            None if *left_out > 0 => *left_out = (taken.units + *left_out).saturating_sub(*units),
            None => {}
        }
        (*units, *excess) = (taken.units, taken.excess);
        Ok(Some(outcome))
    }

    /// The outcome of a claim that connections from one peer to another work, if it stays.
    fn flow(
        &self,
        verifier: &mut Verifier<'_>,
        memory: &mut Memory,
        (from, to, services): (&Peer, &Peer, &[Service]),
        known: Outcome,
    ) -> Carried {
        if self.edits.are_none() {
            return Some(known);
        }
        // Between units every pair has to work, so one that does not refutes the claim.
        let by_pairs = matches!((from, to), (Peer::Units(_) | Peer::Anyone, Peer::Units(_) | Peer::Anyone));
        let turns = self.edits.roster.turn_peer(from) || self.edits.roster.turn_peer(to);
        // Whom labels have put out of the claim it does not speak of any more, whatever shows that they are broken.
        if turns && (!by_pairs || self.edits.roster.turn_by_labels(from) || self.edits.roster.turn_by_labels(to)) {
            return None;
        }
        let sides = (ends_of(verifier, &mut memory.ends, from), ends_of(verifier, &mut memory.ends, to));
        let meet = |dirty: &Dirty| {
            dirty.meets(&sides.0, &sides.1) || (verifier.engine.stateless && dirty.meets(&sides.1, &sides.0))
        };
        if !turns {
            let stays = !meet(&self.amended.dirty);
            return (stays || by_pairs).then(|| self.existing(verifier, known, stays))?;
        }
        let outcome = Outcome { population: verifier.population_of(from, to), ..known };
        if outcome.verdict == Settled::Holds && !meet(&self.amended.edited) {
            // All pairs of others work still: those of units that are not what they were are asked about.
            let roster = &self.edits.roster;
            let moved = roster.came.iter().chain(&roster.changed).chain(&roster.relabelled);
            let classes: BTreeSet<ClassId> = moved.map(|&unit| verifier.engine.classes.of(unit)).collect();
            let works = verifier.still_works((from, to), services, self.settings.as_if_enforced, &classes);
            return works.then_some(outcome);
        }
        self.existing(verifier, outcome, false)
    }

    /// True if everything that a verdict shows is as it was, or still shows the same; rules that it names are put where
    /// they are now.
    fn is_shown(&self, verifier: &Verifier<'_>, verdict: &mut Settled) -> bool {
        if self.edits.roster.verdict(verdict).is_none() {
            return false;
        }
        match verdict {
            Settled::Holds => true,
            Settled::Unknown(unsure) => {
                let doubt = match &mut unsure.doubt {
                    Uncertainty::Policy(Doubt::Rule(id)) => self.edits.place(*id).map(|now| *id = now).is_some(),
                    Uncertainty::Policy(Doubt::Unmodelled(_)) | Uncertainty::Membership => true,
                    Uncertainty::Newcomers(_) | Uncertainty::Reference => false,
                };
                doubt && self.are_untouched(verifier, &mut unsure.hops)
            }
            Settled::Violated(counterexample) => match counterexample {
                Counterexample::Reached(hops)
                | Counterexample::TooMany { hops, .. }
                | Counterexample::TooExposed { hops, .. } => self.are_taken(verifier, hops),
                // These stand in another design.
                Counterexample::ByDefault(hops) => self.are_untouched(verifier, hops),
                Counterexample::Broken { connection, evaluation } => {
                    let mut between = interfaces(verifier, connection);
                    between.all(|connection| verifier.is_untouched(&self.amended, &connection))
                        && (!self.edits.move_rules() || renumber(evaluation, &self.edits))
                }
                Counterexample::NoSuchPort { .. }
                | Counterexample::OtherFamily { .. }
                | Counterexample::NoSuchAddress { .. } => true,
                Counterexample::Rules(_)
                | Counterexample::UndefinedOrder { .. }
                | Counterexample::Extended(_)
                | Counterexample::Differs(_) => false,
            },
        }
    }

    /// True if every hop can still be taken. What the reference evaluator says of those that are touched is asked anew.
    fn are_taken(&self, verifier: &Verifier<'_>, hops: &mut [Hop]) -> bool {
        let moves = self.edits.move_rules();
        hops.iter_mut().all(|hop| match hop {
            Hop::Host { .. } => true,
            Hop::Connection { connection, assume, evaluation, .. } => {
                if !verifier.is_untouched(&self.amended, connection) {
                    *evaluation = verifier.evaluate(connection, *assume);
                    return evaluation.verdict.is_allowed();
                }
                !moves || renumber(evaluation, &self.edits)
            }
        })
    }

    fn are_untouched(&self, verifier: &Verifier<'_>, hops: &mut [Hop]) -> bool {
        let moves = self.edits.move_rules();
        hops.iter_mut().all(|hop| match hop {
            Hop::Host { .. } => true,
            Hop::Connection { connection, evaluation, .. } => {
                verifier.is_untouched(&self.amended, connection) && (!moves || renumber(evaluation, &self.edits))
            }
        })
    }
}

/// Of how many units a claim speaks of which no unit differs that it names: some speak of all units.
fn population_now(design: &Design, claim: &Claim, known: Population) -> Population {
    let all = design.units().len();
    match claim {
        Claim::Exposed { .. } | Claim::EgressOnlyTo { .. } | Claim::DefaultDeny { .. } | Claim::Surface { .. } => {
            Population { to: all, ..known }
        }
        Claim::BlastRadius { .. } => Population { to: all, ..known },
        Claim::Only { among: None, .. } => Population { from: all, to: all },
        _ => known,
    }
}

/// A connection and the same between the other interfaces of its units, of which any one would do.
fn interfaces(verifier: &Verifier<'_>, shown: &Connection) -> impl Iterator<Item = Connection> {
    let all = |endpoint: Endpoint| match endpoint {
        Endpoint::Unit { unit, .. } => {
            let count = verifier.engine.design.unit(unit).interfaces.len();
            (0u16..).take(count).map(|interface| Endpoint::Unit { unit, interface }).collect()
        }
        Endpoint::External(_) | Endpoint::Source(_) => vec![endpoint],
    };
    let (sources, destinations, header) = (all(shown.source), all(shown.destination), shown.header);
    let pairs =
        sources.into_iter().flat_map(move |source| destinations.clone().into_iter().map(move |to| (source, to)));
    pairs.map(move |(source, destination)| Connection { source, destination, header })
}

/// The endpoint classes that a peer stands for.
fn ends_of(verifier: &Verifier<'_>, ends: &mut Ends, peer: &Peer) -> Rc<FixedBitSet> {
    if let Some(known) = ends.get(peer) {
        return Rc::clone(known);
    }
    let endpoints = &verifier.engine.classes.endpoints;
    let mut set = FixedBitSet::with_capacity(endpoints.len());
    let Members { classes, externals, sources } = verifier.members(peer);
    for (class, _) in classes {
        set.extend(verifier.engine.endpoints_of(class).iter().map(|&endpoint| endpoint as usize));
    }
    set.extend(externals.iter().map(|(external, _)| *external as usize));
    set.extend(sources.iter().flat_map(|(source, _)| endpoints.of_source(*source)).map(|class| class as usize));
    let set = Rc::new(set);
    ends.insert(peer.clone(), Rc::clone(&set));
    set
}

/// Every endpoint class.
fn all(verifier: &Verifier<'_>) -> FixedBitSet {
    let mut all = FixedBitSet::with_capacity(verifier.engine.classes.endpoints.len());
    all.insert_range(..);
    all
}

/// The endpoint classes outside of the design.
fn outside(verifier: &Verifier<'_>) -> FixedBitSet {
    let endpoints = &verifier.engine.classes.endpoints;
    let mut outside = FixedBitSet::with_capacity(endpoints.len());
    outside.insert_range(endpoints.units()..endpoints.len());
    outside
}
