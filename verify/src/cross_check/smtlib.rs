//! What verdicts that hold rest on, in SMT-LIB 2, for solvers that share nothing with this tool.
//!
//! A verdict that holds comes to questions of the form *is there a connection that …?* whose answer is no. Each becomes
//! a script of its own, in quantifier-free logic over bit-vectors, that a solver answers with `unsat`. The formulas are
//! written from rules, labels and addresses as the design has them, without classes; sets of units in reach stand in
//! them as plain data. Whatever of a verdict is no such question (that sets of units are small enough, that hosts are
//! followed, that a rule matters) is not in the scripts, and what is missing is listed.

use super::{Disagreement, Effort, Open, Plan, What};
use crate::properties::{Report, Settings, Settled, without_allows};
use crate::smt::Encoding;
use seglab_policy::{Claim, Design};

/// A question whose answer has to be no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What is looked for, and must not be found.
    pub about: &'static str,
    /// In SMT-LIB 2: `unsat` if the verdict is right.
    pub text: String,
}

/// The scripts of one claim that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// In a fixed order.
    pub scripts: Vec<Script>,
    /// What the verdict rests on beside them, and is not in them.
    pub open: Vec<Open>,
}

/// The scripts of every property, and of every need, that holds: in the order of the design, `None` for what does not.
///
/// # Errors
/// A [`Disagreement`] if sets of units do not follow hosts, or are too large: a defect of the tool.
#[expect(clippy::type_complexity, reason = "properties and needs, each with an optional answer")]
pub fn smtlib(
    design: &Design,
    settings: &Settings,
    report: &Report,
) -> Result<(Vec<Option<Scripts>>, Vec<Option<Scripts>>), Box<Disagreement>> {
    let mut plan = Plan::new(design, *settings, Effort { sets_max: usize::MAX, ..Effort::default() });
    let mut holds = Vec::new();
    for (property, outcome) in design.properties().iter().zip(&report.properties) {
        plan.begin(property.id.clone(), &outcome.verdict);
        holds.push(outcome.verdict == Settled::Holds);
        match property.claim {
            _ if outcome.verdict != Settled::Holds => {}
            // That a connection exists is no question that is answered by no.
            Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. } => {
                plan.leave_open(Open::Rulings);
            }
            _ => plan.property(property, &outcome.verdict)?,
        }
    }
    for (at, (need, outcome)) in design.needs().iter().zip(&report.needs).enumerate() {
        plan.begin(format!("need {at}"), &outcome.verdict);
        holds.push(outcome.verdict == Settled::Holds);
        if outcome.verdict == Settled::Holds {
            plan.allowed(&need.from, &need.to, &need.services, &outcome.verdict)?;
        }
    }
    let Plan { claims, expected, .. } = plan;
    let mut all: Vec<Option<Scripts>> = claims
        .into_iter()
        .zip(&holds)
        .map(|(claimed, holds)| holds.then(|| Scripts { scripts: Vec::new(), open: claimed.agreement.open }))
        .collect();
    let bare = expected.iter().any(|expected| expected.bare).then(|| without_allows(design));
    for expected in &expected {
        let (What::Nothing(question), Some(Some(scripts))) = (&expected.what, all.get_mut(expected.claim)) else {
            continue;
        };
        let asked = bare.as_ref().filter(|_| expected.bare).unwrap_or(design);
        let formulas = Encoding::new(asked, expected.assume).to_smtlib(question);
        // The solver's own remarks are left out: what a script says must not depend on who wrote it.
        let formulas = formulas.lines().filter(|line| !line.starts_with(';') && !line.starts_with("(set-info"));
        let body: Vec<&str> = formulas.collect();
        let (logic, status) = ("(set-logic QF_BV)", "(set-info :status unsat)");
        let text = format!("; {}\n{logic}\n{status}\n{}\n", expected.about, body.join("\n"));
        scripts.scripts.push(Script { about: expected.about, text });
    }
    let needs = all.split_off(design.properties().len());
    Ok((all, needs))
}
