//! `blast-radius`: no unit's loss takes more than so many others with it.

use super::{Counterexample, Outcome, Population, Settled, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Hop, Replay, VerifyError};
use crate::lateral::{Attack, Graph, Origin};
use crate::reach::Verifier;
use crate::spread::{By, Limits, Spread};
use fixedbitset::FixedBitSet;
use seglab_policy::{AtMost, Pivot, Property, Selector};

impl Verifier<'_> {
    pub(super) fn bounded_blast_radius(
        &mut self,
        property: &Property,
        attack: Attack,
        from: &Selector,
        at_most: AtMost,
        without_trusted: bool,
    ) -> Result<Outcome, VerifyError> {
        let trusted = without_trusted.then(|| self.trusted_classes());
        let avoid = trusted.as_ref();
        let all = self.engine.design.units().len();
        let at_most = at_most.units(all);
        let from: Vec<ClassId> =
            self.selected(from).filter(|class| !avoid.is_some_and(|avoid| avoid.contains(class.index()))).collect();
        let population = Population { from: self.count(from.iter().copied()), to: all };
        let graph = self.graph(attack);
        let mut verdict = Settled::Holds;
        for &doubtful in graph.doubts() {
            let limits = Limits { avoid, connections_max: property.hops_max, doubtful };
            let sizes = self.sizes(&graph, &from, limits);
            // The worst is shown, the first of them if there are several.
            let worst = from.iter().zip(sizes).max_by_key(|(class, size)| (*size, std::cmp::Reverse(**class)));
            let Some((&class, units)) = worst.filter(|(_, size)| *size > at_most) else { continue };
            let spread = Spread::new(&graph, vec![Origin::Unit(class, false)], limits);
            let hops =
                self.hops_into(&graph, &spread, at_most, doubtful).map_err(|flaw| flaw.into_error(&property.id))?;
            verdict = if doubtful {
                unsure(hops)
            } else {
                let start = self.engine.classes.representative(class);
                Settled::Violated(Counterexample::TooMany { start, units, at_most, hops })
            };
            break;
        }
        Ok(Outcome { verdict, population })
    }

    /// Steps that take more than `at_most` units, one into each class.
    fn hops_into(&mut self, graph: &Graph, spread: &Spread, at_most: usize, doubtful: bool) -> Result<Vec<Hop>, Flaw> {
        let mut replay = Replay::new(self, graph, spread, doubtful);
        replay.own(By::Start(0))?;
        let mut counted = FixedBitSet::with_capacity(graph.classes);
        let mut units = 1;
        for (taken, _, _) in &spread.taken {
            if units > at_most {
                break;
            }
            replay.own(By::Taken(*taken))?;
            if !counted.put(taken.class.index()) {
                let start = spread.starts.contains(&Origin::Unit(taken.class, false));
                units += graph.size(taken.class) - usize::from(start);
            }
        }
        Ok(replay.into_hops())
    }

    /// The size of the closure of a unit of each class, without the trusted if they are what `limits` avoids.
    pub(crate) fn sizes(&mut self, graph: &Graph, from: &[ClassId], limits: Limits<'_>) -> Vec<usize> {
        if graph.attack.pivot != Pivot::Exploitable && limits.connections_max.is_none() {
            let closures = self.closures(graph.attack, limits.avoid.is_some(), limits.doubtful);
            return from.iter().map(|&class| closures.units(class)).collect();
        }
        let size = |&class: &ClassId| Spread::new(graph, vec![Origin::Unit(class, false)], limits).units(graph);
        from.iter().map(size).collect()
    }
}
