//! `blast-radius`: what falls with a unit stays within a bound.

use super::{Counterexample, Excess, Outcome, Population, Settings, Settled, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Hop, Replay, VerifyError};
use crate::lateral::{Attack, Graph, Origin};
use crate::reach::Verifier;
use crate::spread::{By, Limits, Spread, Taken};
use fixedbitset::FixedBitSet;
use seglab_policy::{AtMost, Pivot, Property, Selector, Statistic, UnitId};

impl Verifier<'_> {
    pub(super) fn bounded_blast_radius(
        &mut self,
        property: &Property,
        attack: Attack,
        from: &Selector,
        (at_most, of): (AtMost, Statistic),
        settings: &Settings,
    ) -> Result<Outcome, VerifyError> {
        let trusted = settings.honour_trusted.then(|| self.trusted_classes());
        let avoid = trusted.as_ref();
        let all = self.engine.design.units().len();
        let (from, population) = self.radius_of(from, settings);
        let graph = self.graph(attack);
        let weights = self.weights(at_most);
        let mut verdict = Settled::Holds;
        for &doubtful in graph.doubts() {
            let limits = Limits { avoid, connections_max: property.hops_max, doubtful };
            let amounts = self.amounts(&graph, &from, limits, weights.as_deref());
            let amounts: Vec<Amount> = from
                .iter()
                .zip(amounts)
                .map(|(&class, amount)| Amount { amount, class, units: graph.size(class) })
                .collect();
            let Some((class, excess)) = excess(&amounts, at_most, of, all) else { continue };
            let spread = Spread::new(&graph, vec![Origin::Unit(class, false)], limits);
            let weight = |class: ClassId| weights.as_ref().map_or(1, |weights| weight_of(weights, class));
            let bounds = Bounds { most: at_most.most(all), steps_max: settings.steps_shown_max, limits };
            let Fall { left_out, hops } =
                self.fall(&graph, &spread, &weight, bounds, None).map_err(|flaw| flaw.into_error(&property.id))?;
            verdict = if doubtful {
                unsure(hops)
            } else {
                let start = self.engine.classes.representative(class);
                let units = spread.units(&graph);
                Settled::Violated(Counterexample::TooMany { start, units, excess, left_out, hops })
            };
            break;
        }
        Ok(Outcome { verdict, population })
    }

    /// The classes of units whose blast radius is asked about, and of how many units that is.
    pub(crate) fn radius_of(&self, from: &Selector, settings: &Settings) -> (Vec<ClassId>, Population) {
        let trusted = settings.honour_trusted.then(|| self.trusted_classes());
        let is_trusted = |class: &ClassId| trusted.as_ref().is_some_and(|trusted| trusted.contains(class.index()));
        let from: Vec<ClassId> = self.selected(from).filter(|class| !is_trusted(class)).collect();
        let population = Population { from: self.count(from.iter().copied()), to: self.engine.design.units().len() };
        (from, population)
    }

    /// What certainly falls with a unit that exceeded a bound on the largest blast radius; `None` if it no longer does.
    /// How it falls is worked out unless it `is_shown` already.
    pub(crate) fn exceeds(
        &mut self,
        property: &Property,
        attack: Attack,
        (start, excess): (UnitId, Excess),
        settings: &Settings,
        is_shown: bool,
    ) -> Result<Option<Exceeding>, VerifyError> {
        let trusted = settings.honour_trusted.then(|| self.trusted_classes());
        let limits = Limits { avoid: trusted.as_ref(), connections_max: property.hops_max, doubtful: false };
        let (graph, weights) = (self.graph(attack), self.weights(excess.at_most));
        let (class, all) = (self.engine.classes.of(start), self.engine.design.units().len());
        let amounts = self.amounts(&graph, &[class], limits, weights.as_deref());
        let sum = amounts.first().copied().unwrap_or(0);
        if excess.at_most.admits_mean(sum, 1, all) {
            return Ok(None);
        }
        let units = self.sizes(&graph, &[class], limits).first().copied().unwrap_or(0);
        let mut exceeding = Exceeding { units, excess: Excess { sum, ..excess }, fall: None };
        if !is_shown {
            let spread = Spread::new(&graph, vec![Origin::Unit(class, false)], limits);
            let weight = |class: ClassId| weights.as_ref().map_or(1, |weights| weight_of(weights, class));
            let bounds = Bounds { most: excess.at_most.most(all), steps_max: settings.steps_shown_max, limits };
            let fall = self.fall(&graph, &spread, &weight, bounds, None);
            exceeding.fall = Some(fall.map_err(|flaw| flaw.into_error(&property.id))?);
        }
        Ok(Some(exceeding))
    }

    /// What a unit of each class counts for; `None` where each counts for one.
    pub(crate) fn weights(&self, at_most: AtMost) -> Option<Vec<u64>> {
        let classes = &self.engine.classes;
        let weight = |&unit: &UnitId| u64::from(self.engine.design.unit(unit).criticality);
        let criticality = |class| classes.members(class).first().map_or(0, weight);
        match at_most {
            AtMost::Units(_) | AtMost::Share(_) => None,
            AtMost::Criticality(_) => Some(classes.numbers().map(criticality).collect()),
        }
    }

    /// Steps that take more than the bound, one into each class, from this start or from the unit that stands for it; the
    /// first of them where there are more than can be shown.
    pub(super) fn fall(
        &mut self,
        graph: &Graph,
        spread: &Spread,
        weight: &dyn Fn(ClassId) -> u64,
        Bounds { most, steps_max, limits }: Bounds<'_>,
        from: Option<UnitId>,
    ) -> Result<Fall, Flaw> {
        let replay = Replay::new(self, graph, spread, limits.doubtful);
        let mut replay = replay.between((from, None), (None, None));
        replay.own(By::Start(0))?;
        let mut counted = FixedBitSet::with_capacity(graph.classes);
        let start = spread.starts.iter().find_map(|start| match start {
            Origin::Unit(class, _) => Some(*class),
            Origin::External(_) | Origin::Source(_) => None,
        });
        let (mut weighed, mut shown) = (start.map_or(0, weight), usize::from(start.is_some()));
        let mut is_cut = false;
        for (taken, _, _) in &spread.taken {
            if weighed > most {
                break;
            }
            if replay.hops_made() >= steps_max {
                is_cut = true;
                break;
            }
            replay.own(By::Taken(*taken))?;
            if !counted.put(taken.class.index()) {
                let units = graph.size(taken.class) - usize::from(start == Some(taken.class));
                weighed += weight(taken.class) * units as u64;
                shown += units;
            }
        }
        if limits.doubtful && is_cut {
            show_doubt(&mut replay, graph, spread, limits)?;
        }
        let left_out = if is_cut { spread.units(graph).saturating_sub(shown) } else { 0 };
        Ok(Fall { left_out, hops: replay.into_hops() })
    }

    /// What falls with a unit of each class, by what a unit of each class counts for.
    pub(super) fn amounts(
        &mut self,
        graph: &Graph,
        from: &[ClassId],
        limits: Limits<'_>,
        weights: Option<&[u64]>,
    ) -> Vec<u64> {
        let Some(weights) = weights else {
            return self.sizes(graph, from, limits).into_iter().map(|units| units as u64).collect();
        };
        if closes(graph, limits) {
            let closures = self.closures(graph.attack, limits.avoid.is_some(), limits.doubtful);
            return closures.weigh(graph, from, weights);
        }
        let amount = |&start: &ClassId| -> u64 {
            let taken = Spread::new(graph, vec![Origin::Unit(start, false)], limits).classes;
            let of_class = |class: usize| {
                let units = graph.sizes.get(class).copied().unwrap_or(0);
                weights.get(class).copied().unwrap_or(0) * units as u64
            };
            taken.ones().map(of_class).sum::<u64>()
                + if taken.contains(start.index()) { 0 } else { weight_of(weights, start) }
        };
        from.iter().map(amount).collect()
    }

    /// The size of the closure of a unit of each class, without the trusted if they are what `limits` avoids.
    pub(crate) fn sizes(&mut self, graph: &Graph, from: &[ClassId], limits: Limits<'_>) -> Vec<usize> {
        if closes(graph, limits) {
            let closures = self.closures(graph.attack, limits.avoid.is_some(), limits.doubtful);
            return from.iter().map(|&class| closures.units(class)).collect();
        }
        let size = |&class: &ClassId| Spread::new(graph, vec![Origin::Unit(class, false)], limits).units(graph);
        from.iter().map(size).collect()
    }
}

/// How a unit exceeds a bound on the largest blast radius.
pub(crate) struct Exceeding {
    pub(crate) units: usize,
    pub(crate) excess: Excess,
    /// How it falls, if that was asked for.
    pub(crate) fall: Option<Fall>,
}

/// Steps into units that fall, and how many more fall by steps that are left out.
pub(crate) struct Fall {
    pub(crate) left_out: usize,
    pub(crate) hops: Vec<Hop>,
}

/// Adds steps until one is in doubt, for that is what the verdict rests on: first into whoever does not certainly fall.
fn show_doubt(replay: &mut Replay<'_, '_>, graph: &Graph, spread: &Spread, limits: Limits<'_>) -> Result<(), Flaw> {
    let certain = Spread::new(graph, spread.starts.clone(), Limits { doubtful: false, ..limits });
    let falls = |taken: &Taken| certain.classes.contains(taken.class.index());
    let all = || spread.taken.iter().map(|(taken, _, _)| taken);
    let mut looked_at = 0;
    for taken in all().filter(|taken| !falls(taken)).chain(all()) {
        if replay.is_in_doubt_after(looked_at) {
            break;
        }
        looked_at = replay.hops_made();
        replay.own(By::Taken(*taken))?;
    }
    Ok(())
}

/// How much of a spread is to be shown: more than this falls, by not many more steps than these.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'l> {
    pub(super) most: u64,
    pub(super) steps_max: usize,
    pub(super) limits: Limits<'l>,
}

/// What the loss of a unit of a class takes with it.
#[derive(Clone, Copy, Debug)]
struct Amount {
    amount: u64,
    class: ClassId,
    /// How many units the class has.
    units: usize,
}

/// How a bound is exceeded, and the class of a unit that shows it: the worst, or the one at the percentile, the first
/// of them if there are several.
fn excess(amounts: &[Amount], at_most: AtMost, of: Statistic, population: usize) -> Option<(ClassId, Excess)> {
    let count: usize = amounts.iter().map(|one| one.units).sum();
    if of == Statistic::Mean {
        let sum = amounts.iter().map(|one| one.amount * one.units as u64).sum();
        let worst = amounts.iter().max_by_key(|one| (one.amount, std::cmp::Reverse(one.class)))?;
        let within = at_most.admits_mean(sum, count, population);
        return (!within).then_some((worst.class, Excess { of, at_most, sum, count }));
    }
    let mut sorted = amounts.to_vec();
    sorted.sort_unstable_by_key(|one| (one.amount, one.class));
    let mut left = of.position(count)?;
    let at = sorted.iter().find(|one| {
        let here = left < one.units;
        left = left.saturating_sub(one.units);
        here
    })?;
    let first = sorted.iter().find(|one| one.amount == at.amount)?;
    let within = at_most.admits_mean(at.amount, 1, population);
    (!within).then_some((first.class, Excess { of, at_most, sum: at.amount, count: 1 }))
}

pub(super) fn weight_of(weights: &[u64], class: ClassId) -> u64 {
    weights.get(class.index()).copied().unwrap_or(0)
}

/// True if all closures can be had at once.
fn closes(graph: &Graph, limits: Limits<'_>) -> bool {
    graph.attack.pivot != Pivot::Exploitable && limits.connections_max.is_none()
}
