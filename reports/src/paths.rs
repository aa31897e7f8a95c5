//! The attacker's best plans, written for people.

mod markdown;
mod text;

pub use markdown::paths_markdown;
pub use text::paths_text;

use crate::model::{AttackGoal, AttackPaths, AttackStep};
use crate::words;

/// Objectives, as they are named on the command line.
const OBJECTIVES: [&str; 4] = ["fewest-actions", "least-cost", "expected-cost", "expected-time"];

/// Who attacks, and under which assumptions.
fn asked(of: &AttackPaths) -> String {
    let who = of.attacker.as_ref().map_or_else(|| "an attacker".to_owned(), |name| format!("the attacker {name}"));
    let start = match of.footholds.as_slice() {
        [] => "outside".to_owned(),
        [one] => format!("on {one}"),
        many => format!("on the best of {} units", words::number(many.len() as u64)),
    };
    let as_if = if of.as_if_enforced { ", as if enforced" } else { "" };
    format!("{who} starts {start}; pivot {}, trust {}{as_if}", of.pivot, of.trust)
}

fn undecided(of: &AttackPaths) -> Option<String> {
    let ways = words::count(of.undecided, "way between units is", "ways between units are");
    (of.undecided > 0).then(|| format!("{ways} undecided; no plan uses them, and bounds count them as open"))
}

fn name(of: &AttackGoal) -> String {
    match of.units.as_slice() {
        [one] => one.clone(),
        many => format!("all {}", words::number(many.len() as u64)),
    }
}

/// The four numbers of a goal.
fn numbers(of: &AttackGoal) -> [String; 4] {
    OBJECTIVES.map(|objective| {
        let shown = |value: f64| match objective {
            "expected-time" => words::duration(value as u64),
            _ => number(value),
        };
        match of.by(objective) {
            (Some(value), Some(least)) if least < value => format!("{} to {}", shown(least), shown(value)),
            (Some(value), _) => shown(value),
            (None, Some(least)) => format!("at least {}", shown(least)),
            (None, None) => "–".to_owned(),
        }
    })
}

/// A number with up to four decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    trimmed.to_owned()
}

/// Why there is no plan to a goal.
fn without_plan(of: &AttackGoal, objective: &str) -> &'static str {
    match (of.by(objective), of.plans.is_empty()) {
        ((None, Some(_)), _) => "no plan without what is undecided",
        ((None, None), false) => "not every action's time is known",
        _ => "nothing leads there",
    }
}

/// What a step takes, and what else falls by it.
fn takes(of: &AttackStep) -> String {
    let mut parts = vec![format!("cost {}", number(of.cost))];
    if of.probability < 1.0 {
        parts.push(format!("works {}", words::percent(of.probability)));
    }
    parts.extend(of.time_ns.filter(|time| *time > 0).map(|time| format!("{} an attempt", words::duration(time))));
    let others: Vec<&str> =
        of.takes.iter().filter(|unit| Some(*unit) != of.target.as_ref()).map(String::as_str).collect();
    if !others.is_empty() {
        parts.push(format!("with it {}", others.join(", ")));
    }
    parts.join(", ")
}

/// Who does what.
fn says(of: &AttackStep) -> String {
    format!("{} {}", of.by.as_deref().unwrap_or("somebody outside"), of.says)
}
