//! What hangs on the choices that a reader made, beside the assumptions that state them.

use super::connection::sentence;
use super::proof::{status, verdict};
use super::{location, need};
use crate::model::{self, ChangedVerdict, DecidingRule};
use seglab_policy::{Choice, Design, RuleId};
use seglab_verify::choice::{Changed, Question};
use seglab_verify::{Outcome, Report};

/// Adds to an assumption which verdicts the other way changes: `changed` is what differs between `as_decided` and
/// `otherwise`.
pub fn choice(
    of: &mut model::Verification,
    design: &Design,
    choice: &Choice,
    changed: &[Changed],
    as_decided: &Report,
    otherwise: &Report,
) {
    let stated = &choice.assumption;
    let Some(stated) = of.assumptions.iter_mut().find(|one| one.id == stated.id && one.text == stated.text) else {
        return;
    };
    let changes = changed.iter().filter_map(|one| changed_verdict(design, one, as_decided, otherwise)).collect();
    stated.choice = Some(model::Choice { otherwise: choice.otherwise.clone(), changes });
}

/// Rules as a report names them.
pub fn deciding_rules(design: &Design, rules: &[RuleId]) -> Vec<DecidingRule> {
    let rules = rules.iter().filter_map(|&id| design.rule(id));
    rules
        .map(|(_, rule)| DecidingRule {
            rule: sentence(design, rule),
            object: rule.provenance.object.clone(),
            location: location(design, rule.provenance.span),
        })
        .collect()
}

fn changed_verdict(design: &Design, of: &Changed, as_decided: &Report, otherwise: &Report) -> Option<ChangedVerdict> {
    let both = |outcomes: fn(&Report) -> &[Outcome], at: usize| {
        Some((&outcomes(as_decided).get(at)?.verdict, &outcomes(otherwise).get(at)?.verdict))
    };
    let (kind, name, verdict, otherwise) = match of.question {
        Question::Property(at) => {
            let (one, two) = both(|report| &report.properties, at)?;
            ("property", design.properties().get(at)?.id.clone(), verdict(one).to_string(), verdict(two).to_string())
        }
        Question::Need(at) => {
            let (one, two) = both(|report| &report.needs, at)?;
            ("need", need(design, design.needs().get(at)?, 0).name(), status(one).to_string(), status(two).to_string())
        }
    };
    Some(ChangedVerdict {
        kind: kind.to_owned(),
        name,
        verdict,
        otherwise,
        connection: of.connection.map(|connection| connection.display(design).to_string()),
        deciding: deciding_rules(design, &of.deciding),
    })
}
