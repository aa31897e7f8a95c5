//! Claims about rules: what a rule that is said to do nothing would change.

use super::{Disagreement, Open, Plan, Unlike};
use crate::lateral::Attack;
use crate::properties::{Counterexample, Idle, Settled};
use crate::smt::{Encoding, SmtAnswer};
use seglab_policy::{Claim, Design, Directions, Property, RuleId, Side};

impl Plan<'_> {
    /// Checks that a rule without which nothing changes changes nothing, and that any other changes something. Two
    /// verdicts on one symbolic connection are compared; which rule of a rulebook decides is no question of that kind.
    pub(super) fn rules(
        &mut self,
        property: &Property,
        attack: Attack,
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        match (&property.claim, verdict) {
            (Claim::NoRedundantRules { .. }, Settled::Violated(Counterexample::Rules(idle))) => {
                for rule in idle.iter().take(self.effort.sets_max) {
                    self.without(rule.rule, attack, false)?;
                }
                self.leave_more(idle.len());
            }
            (Claim::NoRedundantRules { rulebook }, Settled::Holds) => {
                let of =
                    |id: &RuleId| rulebook.as_ref().is_none_or(|name| self.design.rulebook(id.rulebook).name == *name);
                let rules: Vec<RuleId> = self.design.rules().map(|(id, _)| id).filter(of).collect();
                for &rule in rules.iter().take(self.effort.sets_max) {
                    self.without(rule, attack, true)?;
                }
                self.leave_more(rules.len());
            }
            (Claim::NoShadowedRules { .. }, Settled::Violated(Counterexample::Rules(idle))) => {
                // What never decides can be taken away.
                for rule in idle.iter().filter(|rule| matches!(rule.why, Idle::Shadowed(_))).take(self.effort.sets_max)
                {
                    self.without(rule.rule, attack, false)?;
                }
                self.leave_more(idle.len());
            }
            (Claim::NoUndefinedOrder { .. }, Settled::Violated(_)) => self.each_alone(verdict),
            _ => self.leave_open(Open::Rulings),
        }
        Ok(())
    }

    fn leave_more(&mut self, rules: usize) {
        if let Some(more) = rules.checked_sub(self.effort.sets_max).filter(|more| *more > 0) {
            self.leave_open(Open::MoreSets(more));
        }
    }

    fn without(&mut self, rule: RuleId, attack: Attack, changes: bool) -> Result<(), Box<Disagreement>> {
        let without = never_asked(self.design, rule);
        let encoding = Encoding::new(self.design, attack.assume(Side::Source, false)).with_limits(self.effort.limits);
        let unlike = match (encoding.differ(&without), changes) {
            (SmtAnswer::None, false) | (SmtAnswer::Found(_), true) => None,
            (SmtAnswer::GaveUp(reason), _) => Some(Unlike::GaveUp(reason)),
            (SmtAnswer::Found(connection), false) => Some(Unlike::Found(connection, "depends on the rule")),
            (SmtAnswer::None, true) => {
                let found = format!("nothing depends on the rule {rule:?}");
                return Err(self.contradiction("what changes without a rule", found, None));
            }
        };
        match unlike {
            None => self.confirm(),
            Some(Unlike::GaveUp(reason)) => self.leave_open(Open::GaveUp(reason)),
            Some(Unlike::Found(connection, what)) => {
                let found = format!("{} {what}", connection.display(self.design));
                return Err(self.contradiction("what changes without a rule", found, Some(connection)));
            }
        }
        Ok(())
    }
}

/// The design with a rule that keeps its place and is asked in no direction.
#[expect(clippy::expect_used, reason = "what a rule matches is nothing that the parts of a design could contradict")]
fn never_asked(design: &Design, id: RuleId) -> Design {
    let mut draft = design.to_draft();
    let tier = draft.rulebooks.get_mut(id.rulebook.0 as usize).and_then(|book| book.tiers.get_mut(id.tier as usize));
    if let Some(rule) = tier.and_then(|tier| tier.rules.get_mut(id.rule as usize)) {
        rule.directions = Directions::default();
    }
    Design::new(draft).expect("a design whose rules match less is a design")
}
