//! Claims about units that do not exist yet: Z3 gave the verdict, so what is left to a second opinion is what it shows.

use super::{Disagreement, Open, Plan, cross_check};
use crate::lateral::Attack;
use crate::properties::{Counterexample, Outcome, Population, Report, Settled};
use seglab_policy::Claim;

impl Plan<'_> {
    /// Plans the questions about a verdict; `ordinary` is the claim about the units that there are.
    pub(super) fn ever(
        &mut self,
        attack: Attack,
        hops_max: Option<u32>,
        ordinary: &Claim,
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        let Settled::Violated(refuted) = verdict else {
            self.leave_open(Open::Newcomers);
            return Ok(());
        };
        let Counterexample::Extended(extension) = refuted else {
            return self.attack(attack, hops_max, ordinary, verdict);
        };
        // The ordinary claim, in the design with the new units.
        let verdict = Settled::Violated(Counterexample::Reached(extension.hops.clone()));
        let outcome = Outcome { verdict, population: Population::default() };
        let report = Report { properties: vec![outcome], needs: Vec::new(), classes: 0 };
        let opinion = cross_check(&extension.design, &self.settings, &report, self.effort)?;
        if let Some(claimed) = self.claims.last_mut() {
            for agreement in opinion.properties {
                claimed.agreement.confirmed += agreement.confirmed;
                claimed.agreement.open.extend(agreement.open);
            }
        }
        Ok(())
    }
}
