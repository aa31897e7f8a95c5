//! Units that exceed a bound: on their blast radii, or on their surfaces.

use super::{Finding, On};
use crate::classes::ClassId;
use crate::counterexample::Flaw;
use crate::groups::{Groups, Party};
use crate::lateral::{Attack, Origin};
use crate::properties::blast_radius::{Bounds, Fall, weight_of};
use crate::properties::{Counterexample, Excess, Face, Settled, unsure};
use crate::reach::Verifier;
use crate::spread::{Limits, Spread};
use seglab_policy::{Claim, Pivot, Property, UnitId};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many steps, or neighbours, show that a unit exceeds a bound. The counterexample of the verdict has more; as
/// many for each group would cost more than all verdicts.
const STEPS_MAX: usize = 50;

/// What exceeds a bound in one group: how many units, by how much at most, and the class of one that does.
type Worst = BTreeMap<u32, (u64, (u64, Reverse<ClassId>))>;

impl Verifier<'_> {
    /// The units whose blast radius exceeds a bound, group by group.
    pub(super) fn too_large(
        &mut self,
        property: &Property,
        attack: Attack,
        without_trusted: bool,
        groups: &Groups,
    ) -> Result<Vec<Finding>, Flaw> {
        let Claim::BlastRadius { from, at_most, of } = &property.claim else { return Ok(Vec::new()) };
        let trusted = without_trusted.then(|| self.trusted_classes());
        let avoid = trusted.as_ref();
        let all = self.engine.design.units().len();
        let from: Vec<ClassId> =
            self.selected(from).filter(|class| !avoid.is_some_and(|avoid| avoid.contains(class.index()))).collect();
        let graph = self.graph(attack);
        let weights = self.weights(*at_most);
        let (mut findings, mut known) = (Vec::new(), Worst::new());
        for &doubtful in graph.doubts() {
            let limits = Limits { avoid, connections_max: property.hops_max, doubtful };
            let amounts = self.amounts(&graph, &from, limits, weights.as_deref());
            let exceeding = from.iter().copied().zip(amounts);
            let worst = worst(groups, exceeding.filter(|(_, amount)| !at_most.admits_mean(*amount, 1, all)));
            for (&group, &(count, (amount, Reverse(class)))) in worst.iter().filter(|(at, _)| !known.contains_key(at)) {
                let spread = Spread::new(&graph, vec![Origin::Unit(class, false)], limits);
                let weight = |class: ClassId| weights.as_ref().map_or(1, |weights| weight_of(weights, class));
                let start = self.unit_in(groups, group, class);
                let bounds = Bounds { most: at_most.most(all), steps_max: STEPS_MAX, limits };
                let Fall { left_out, hops } = self.fall(&graph, &spread, &weight, bounds, Some(start))?;
                let excess = Excess { of: *of, at_most: *at_most, sum: amount, count: 1 };
                let units = spread.units(&graph);
                let verdict = match doubtful {
                    true => unsure(hops),
                    false => Settled::Violated(Counterexample::TooMany { start, units, excess, left_out, hops }),
                };
                findings.push(of_group(groups, group, On::Anything, count, verdict));
            }
            known.extend(worst);
        }
        Ok(findings)
    }

    /// The units with too many entries or exits, group by group.
    pub(super) fn too_exposed(
        &mut self,
        property: &Property,
        attack: Attack,
        groups: &Groups,
    ) -> Result<Vec<Finding>, Flaw> {
        let Claim::Surface { units, entries_max, exits_max } = &property.claim else { return Ok(Vec::new()) };
        let classes: Vec<ClassId> = self.selected(units).collect();
        let graph = self.graph(Attack { pivot: Pivot::Any, ..attack });
        let mut findings = Vec::new();
        for (entries, most) in [(true, *entries_max), (false, *exits_max)] {
            let Some(most) = most else { continue };
            let mut known = Worst::new();
            for &doubtful in graph.doubts() {
                let degrees = self.degrees(&graph, doubtful);
                let of_classes = if entries { &degrees.entries } else { &degrees.exits };
                let counted = |class: ClassId| of_classes.get(class.index()).map_or(0, |&others| others as u64);
                let counted = classes.iter().map(|&class| (class, counted(class)));
                let worst = worst(groups, counted.filter(|(_, others)| *others > u64::from(most)));
                let fresh = worst.iter().filter(|(at, _)| !known.contains_key(at));
                for (&group, &(count, (others, Reverse(class)))) in fresh {
                    let unit = self.unit_in(groups, group, class);
                    let face = Face { unit, entries, attack, doubtful };
                    let parties = self.parties(face);
                    let at_most = most as usize;
                    let hops = self.exchanges(face, &parties, STEPS_MAX.min(at_most + 1))?;
                    let others = usize::try_from(others).unwrap_or(usize::MAX);
                    let verdict = match doubtful {
                        true => unsure(hops),
                        false => Settled::Violated(Counterexample::TooExposed { unit, entries, others, at_most, hops }),
                    };
                    findings.push(of_group(groups, group, On::Surface(entries), count, verdict));
                }
                known.extend(worst);
            }
        }
        Ok(findings)
    }

    /// A unit of a class that is in the group.
    pub(super) fn unit_in(&self, groups: &Groups, group: u32, class: ClassId) -> UnitId {
        let found = self.engine.classes.members(class).iter().copied().find(|&unit| groups.holds(group, unit));
        found.unwrap_or_else(|| self.engine.classes.representative(class))
    }
}

/// What exceeds a bound, by group; the first of the worst classes stands for it.
fn worst(groups: &Groups, exceeding: impl Iterator<Item = (ClassId, u64)>) -> Worst {
    let mut worst = Worst::new();
    for (class, amount) in exceeding {
        for &(group, units) in groups.of(class) {
            let known = worst.entry(group).or_insert((0, (amount, Reverse(class))));
            known.0 += units;
            known.1 = known.1.max((amount, Reverse(class)));
        }
    }
    worst
}

fn of_group(groups: &Groups, group: u32, on: On, count: u64, verdict: Settled) -> Finding {
    Finding { from: groups.party(group), to: Party::Everyone, on, count, at_least: false, verdict }
}
