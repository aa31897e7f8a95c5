//! Plans as Markdown, for tickets and job summaries.

use super::{asked, name, numbers, says, takes, undecided, without_plan};
use crate::markdown::{Page, code, decision, escape};
use crate::model::AttackPaths;
use crate::words;

/// Writes plans; those to each goal that are the best by `objective`.
pub fn paths_markdown(of: &AttackPaths, objective: &str) -> String {
    let mut page = Page::default();
    page.line(&format!("# Best attack plans: {}\n", escape(&of.heading.design)));
    page.line(&format!(
        "{}. {} {}\n",
        escape(&asked(of)),
        escape(&of.heading.tool.name),
        escape(&of.heading.tool.version)
    ));
    if let Some(undecided) = undecided(of) {
        page.line(&format!("{undecided}.\n"));
    }
    page.line("| goal | fewest actions | least cost | expected cost | expected time |");
    page.line("| --- | ---: | ---: | ---: | ---: |");
    for goal in &of.goals {
        page.line(&format!("| {} | {} |", escape(&name(goal)), numbers(goal).join(" | ")));
    }
    for goal in &of.goals {
        page.heading(2, &escape(&name(goal)));
        let Some(plan) = goal.plan(objective) else {
            page.line(&format!("No plan: {}.", without_plan(goal, objective)));
            continue;
        };
        let from = plan.foothold.as_deref().unwrap_or("outside");
        page.line(&format!("By {objective}, from {}:\n", code(from)));
        for (position, step) in (1u32..).zip(&plan.steps) {
            let technique = format!("{} {}", step.technique, step.technique_name);
            page.line(&format!(
                "{position}. {} ({}; {})",
                escape(&says(step)),
                escape(&technique),
                escape(&takes(step))
            ));
            let Some(hop) = &step.connection else { continue };
            page.line(&format!("   - {}", code(&words::hop(hop))));
            for decider in hop.deciders.iter().filter(|decider| decider.stands) {
                page.line(&format!("   - {}", decision(decider)));
            }
            if let Some(remark) = &hop.remark {
                page.line(&format!("   - {}", escape(remark)));
            }
        }
    }
    page.heading(2, "Assumptions");
    let assumptions = of.heading.assumptions.iter();
    page.list(assumptions.map(|one| format!("{} ({})", escape(&one.text), code(&one.id))), "None.");
    page.heading(2, "Not modelled");
    let unmodelled = of.heading.unmodelled.iter().map(|one| escape(&words::unmodelled(one)));
    page.list(unmodelled, "Everything that was read is modelled.");
    page.text
}
