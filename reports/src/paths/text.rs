//! Plans for the terminal: the numbers of every goal, then the plan to each by one objective.

use super::{asked, name, numbers, says, takes, undecided, without_plan};
use crate::model::{AttackPaths, AttackStep};
use crate::table::table;
use crate::{heading_text, text, words};
use std::fmt::Write as _;

/// Writes plans; those to each goal that are the best by `objective`.
pub fn paths_text(of: &AttackPaths, objective: &str) -> String {
    let mut out = heading_text(std::slice::from_ref(&of.heading));
    let _ = writeln!(out, "\n{}", words::printable(&asked(of)));
    if let Some(undecided) = undecided(of) {
        let _ = writeln!(out, "{undecided}");
    }
    let rows: Vec<[String; 5]> = of
        .goals
        .iter()
        .map(|goal| {
            let [actions, cost, expected, time] = numbers(goal);
            [words::printable(&name(goal)), actions, cost, expected, time]
        })
        .collect();
    out.push('\n');
    out.push_str(&table(0, ["goal", "fewest actions", "least cost", "expected cost", "expected time"], &rows));
    for goal in &of.goals {
        let goal_name = words::printable(&name(goal));
        let Some(plan) = goal.plan(objective) else {
            let _ = writeln!(out, "\n{goal_name}: {}", without_plan(goal, objective));
            continue;
        };
        let from = plan.foothold.as_deref().unwrap_or("outside");
        let _ = writeln!(out, "\n{goal_name}, by {objective}, from {}", words::printable(from));
        for (position, step) in (1u32..).zip(&plan.steps) {
            self::step(&mut out, position, step);
        }
    }
    out
}

fn step(out: &mut String, position: u32, of: &AttackStep) {
    let line = format!("{position:>3}. {:<9} {} ({})", of.technique, says(of), takes(of));
    let _ = writeln!(out, "{}", words::printable(&line));
    let Some(hop) = &of.connection else { return };
    let _ = writeln!(out, "               {}", words::printable(&words::hop(hop)));
    for decider in hop.deciders.iter().filter(|decider| decider.stands) {
        let _ = writeln!(out, "               {}", words::printable(&text::decider_line(decider)));
    }
    if let Some(remark) = &hop.remark {
        let _ = writeln!(out, "               {}", words::printable(remark));
    }
}
