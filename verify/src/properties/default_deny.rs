//! `default-deny`: nothing passes that no rule allows.
//!
//! The question is put to a design of its own, in which every allow rule keeps its place and matches no service. What
//! still passes there, passes by default: by what a rulebook or a tier does where no rule decides, or because no point
//! stands on the way.

use super::confined::{Between, Confined};
use super::{Counterexample, Outcome, Population, Settings, Settled};
use crate::counterexample::VerifyError;
use crate::lateral::Attack;
use crate::reach::Verifier;
use seglab_policy::{Action, Design, Directions, Property, Selector};

/// The design without what its rules allow. Rules keep their positions, so its verdicts name rules of the original.
#[expect(clippy::expect_used, reason = "what a rule matches is nothing that the parts of a design could contradict")]
pub(crate) fn without_allows(design: &Design) -> Design {
    let mut draft = design.to_draft();
    let tiers = draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers);
    for rule in tiers.flat_map(|tier| &mut tier.rules).filter(|rule| rule.action == Action::Allow) {
        rule.services.clear();
    }
    Design::new(draft).expect("a design whose rules match less is a design")
}

impl Verifier<'_> {
    /// Settles the claim; the verifier is one of the design [`without_allows`].
    pub(super) fn default_deny(
        &mut self,
        property: &Property,
        settings: &Settings,
        units: &Selector,
        directions: Directions,
    ) -> Result<Outcome, VerifyError> {
        let attack = Attack::of(property, settings);
        let mut verdict = Settled::Holds;
        for direction in directions.iter() {
            let Some(meant) = Between::in_direction(direction, units) else { continue };
            let settled = self.confined(&property.id, attack, &Confined { meant, listed: Vec::new() })?;
            verdict = match (verdict, settled) {
                (_, Settled::Violated(Counterexample::Reached(hops))) => {
                    verdict = Settled::Violated(Counterexample::ByDefault(hops));
                    break;
                }
                (Settled::Holds, settled) => settled,
                (unknown, _) => unknown,
            };
        }
        let classes: Vec<_> = self.selected(units).collect();
        let population = Population { from: self.count(classes), to: self.engine.design.units().len() };
        Ok(Outcome { verdict, population })
    }
}
