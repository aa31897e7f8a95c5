//! What is known still when everything is sorted anew.
//!
//! Many units that are others, and units of which nothing is known, make other classes. While rules, points and paths are what they
//! were, the reference evaluator says the same as before of connections between units that are; and whoever was found
//! to take too many units with it is asked first whether that is still so, in place of everybody.

use super::amended::Evaluations;
use super::carry::Memory;
use super::edits::{same_property, same_rules, same_unit};
use super::{Earlier, remembered};
use crate::counterexample::VerifyError;
use crate::lateral::Attack;
use crate::properties::{Counterexample, Outcome, Report, Settings, Settled};
use crate::reach::Verifier;
use seglab_policy::{Claim, Connection, Design, Endpoint, Evaluation, Property, Statistic, UnitId};
use std::collections::BTreeMap;

/// What was known of the last version of a design.
pub(super) struct Before<'b> {
    pub(super) design: &'b Design,
    pub(super) report: Report,
    pub(super) evaluations: Evaluations,
    pub(super) earlier: &'b Earlier,
}

/// Everything about a design, anew.
pub(super) fn settled_after<'d>(
    design: &'d Design,
    settings: &Settings,
    before: Before<'_>,
) -> Result<(Verifier<'d>, Report, Memory), VerifyError> {
    let kept = Kept::between(before.design, design);
    let mut verifier = Verifier::amendable(design);
    if let (Some(kept), Some(amending)) = (&kept, &verifier.amending) {
        let all = before.evaluations.into_iter();
        amending.evaluations.replace(all.filter_map(|(key, said)| kept.evaluation(key, said)).collect());
    }
    let known = |verifier: &mut Verifier<'_>, at: usize, property: &Property| {
        let earlier = before.earlier.properties.get(at).copied().flatten();
        let asked =
            earlier.and_then(|at| before.design.properties().get(at)).filter(|one| same_property(one, property));
        let outcome = earlier.filter(|_| asked.is_some()).and_then(|at| before.report.properties.get(at));
        match kept.as_ref().zip(outcome) {
            Some((kept, outcome)) => still_exceeds(verifier, property, outcome, kept, settings),
            None => Ok(None),
        }
    };
    let report = verifier.settle_all_but(settings, &known)?;
    let memory = remembered(&mut verifier, &report, settings);
    Ok((verifier, report, memory))
}

/// Where units are now that are what they were.
struct Kept(Vec<Option<UnitId>>);

impl Kept {
    /// Those of two designs; `None` if these differ in what else decides connections.
    fn between(old: &Design, new: &Design) -> Option<Self> {
        if !same_rules(old, new) {
            return None;
        }
        let names: BTreeMap<&str, UnitId> = new.unit_ids().map(|id| (new.unit(id).name.as_str(), id)).collect();
        let kept = old.units().iter().map(|unit| {
            let now = names.get(unit.name.as_str()).copied()?;
            same_unit(unit, new.unit(now)).then_some(now)
        });
        Some(Self(kept.collect()))
    }

    fn unit(&self, unit: UnitId) -> Option<UnitId> {
        self.0.get(unit.index()).copied().flatten()
    }

    /// What is said of a connection between kept units. What is external depends on all units.
    fn evaluation<A>(
        &self,
        (connection, assume): (Connection, A),
        said: Evaluation,
    ) -> Option<((Connection, A), Evaluation)> {
        let end = |end: Endpoint| match end {
            Endpoint::Unit { unit, interface } => Some(Endpoint::Unit { unit: self.unit(unit)?, interface }),
            Endpoint::External(_) | Endpoint::Source(_) => None,
        };
        let (source, destination) = (end(connection.source)?, end(connection.destination)?);
        let mut said = said;
        for judgement in &mut said.judgements {
            judgement.at = match judgement.at {
                Some(unit) => Some(self.unit(unit)?),
                None => None,
            };
        }
        Some(((Connection { source, destination, ..connection }, assume), said))
    }
}

/// The outcome of a bound on the largest blast radius if the one that exceeded it still does.
fn still_exceeds(
    verifier: &mut Verifier<'_>,
    property: &Property,
    known: &Outcome,
    kept: &Kept,
    settings: &Settings,
) -> Result<Option<Outcome>, VerifyError> {
    let (
        Claim::BlastRadius { from, of: Statistic::Max, .. },
        Settled::Violated(Counterexample::TooMany { start, excess, .. }),
    ) = (&property.claim, &known.verdict)
    else {
        return Ok(None);
    };
    let Some(start) = kept.unit(*start) else { return Ok(None) };
    let (starts, population) = verifier.radius_of(from, settings);
    if !starts.contains(&verifier.engine.classes.of(start)) {
        return Ok(None);
    }
    let attack = Attack::of(property, settings);
    let taken = verifier.exceeds(property, attack, (start, *excess), settings, false)?;
    Ok(taken.and_then(|taken| {
        let (fall, units, excess) = (taken.fall?, taken.units, taken.excess);
        let shown = Counterexample::TooMany { start, units, excess, left_out: fall.left_out, hops: fall.hops };
        Some(Outcome { verdict: Settled::Violated(shown), population })
    }))
}
