//! `isolated` of units that do not exist yet: an attack in this design, or in any that comes of it by adding units.
//!
//! What exists is settled as `isolated` is. What may be added is put to Z3, whose [invariants](crate::smt::Encoding::ever)
//! prove the claim for any number of new units. A violation is never Z3's word alone: the design with the new units is
//! built, the class engine settles the ordinary claim in it, and the reference evaluator replays every step.

use super::newcomers::extended;
use super::{Counterexample, Outcome, Settings, Settled, Uncertainty, Unsure};
use crate::counterexample::{Hop, VerifyError};
use crate::lateral::Attack;
use crate::reach::Verifier;
use crate::smt::{Encoding, EverAnswer, EverQuestion, GaveUp};
use seglab_policy::{Assume, Claim, Design, Peer, Property, Service, UnitId};
use std::sync::Arc;

/// An attack in a design to which units have been added.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// The design with the new units. Of its claims it has the one that is refuted; needs, attackers and the monitor are
    /// left out.
    pub design: Arc<Design>,
    /// The new units.
    pub units: Vec<UnitId>,
    /// The steps of the attack, in that design.
    pub hops: Vec<Hop>,
}

// INVARIANT: the design has no needs, attackers or monitor, which alone hold numbers that may differ from themselves.
impl Eq for Extension {}

/// Why a claim about units that do not exist yet is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// New units may reach the other side by steps that are not sure, and by no sure ones.
    Doubtful,
    /// New units reach the other side in the formulas, but no design was found that shows it.
    NotShown,
    /// Z3 reached its limit. [rlimit units]
    Resources(u32),
    /// Z3 reached its backstop. \[ms\]
    WallTime(u32),
    /// Z3 did not decide for another reason.
    Undecided,
}

impl Verifier<'_> {
    pub(super) fn isolated_ever(
        &mut self,
        property: &Property,
        settings: &Settings,
        from: &Peer,
        to: &Peer,
        services: &[Service],
    ) -> Result<Outcome, VerifyError> {
        let attack = Attack::of(property, settings);
        let outcome = self.stays_apart(property, attack)?;
        if let Settled::Violated(_) = outcome.verdict {
            return Ok(outcome);
        }
        let unsettled = match self.ever(property, settings, from, to, services) {
            // What is unknown of the units that exist stays unknown.
            EverAnswer::Proved(_) => return Ok(outcome),
            EverAnswer::Reached(newcomers) => {
                let ordinary = Claim::Isolated { from: from.clone(), to: to.clone(), services: services.to_vec() };
                let ordinary = Property { claim: ordinary, ..property.clone() };
                match extended(self.design(), &ordinary, &newcomers) {
                    Some((design, units)) => match replayed(&design, &ordinary, settings)? {
                        Some(hops) => {
                            let extension = Extension { design: Arc::new(design), units, hops };
                            let verdict = Settled::Violated(Counterexample::Extended(extension));
                            return Ok(Outcome { verdict, ..outcome });
                        }
                        None => Unsettled::NotShown,
                    },
                    None => Unsettled::NotShown,
                }
            }
            EverAnswer::Doubtful => Unsettled::Doubtful,
            EverAnswer::GaveUp(GaveUp::Resources(resources)) => Unsettled::Resources(resources),
            EverAnswer::GaveUp(GaveUp::WallTime(wall_ms)) => Unsettled::WallTime(wall_ms),
            EverAnswer::GaveUp(_) => Unsettled::Undecided,
        };
        let verdict = match outcome.verdict {
            // The doubt about what exists says more.
            Settled::Unknown(unsure) => Settled::Unknown(unsure),
            Settled::Holds | Settled::Violated(_) => {
                Settled::Unknown(Unsure { doubt: Uncertainty::Newcomers(unsettled), hops: Vec::new() })
            }
        };
        Ok(Outcome { verdict, ..outcome })
    }

    /// What Z3 says of the claim.
    pub(crate) fn ever(
        &self,
        property: &Property,
        settings: &Settings,
        from: &Peer,
        to: &Peer,
        services: &[Service],
    ) -> EverAnswer {
        let Attack { pivot, view, trust, as_if_enforced } = Attack::of(property, settings);
        let hops_max = property.hops_max;
        let question = EverQuestion { from, to, services, pivot, view, trust, as_if_enforced, hops_max };
        Encoding::new(self.design(), Assume::business()).with_limits(settings.limits).ever(&question)
    }
}

/// The steps of the attack that refutes the ordinary claim in the design; `None` if it is not refuted there.
fn replayed(design: &Design, property: &Property, settings: &Settings) -> Result<Option<Vec<Hop>>, VerifyError> {
    let settled = Verifier::new(design).settle(property, settings)?;
    Ok(match settled.verdict {
        Settled::Violated(Counterexample::Reached(hops)) => Some(hops),
        _ => None,
    })
}
