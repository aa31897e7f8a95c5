//! From plans to the data of a report.

use super::{heading, hop};
use crate::model::{AtLeast, AttackGoal, AttackPaths, AttackPlan, AttackStep, Tool};
use seglab_policy::{Design, Privilege, UnitId};
use seglab_sim::models::plan::{Deed, Goal, GoalPlans, Objective, Plan, Plans, Settings, Solution, Step};

/// The name of an objective, as the command line has it.
pub fn objective_name(objective: Objective) -> &'static str {
    match objective {
        Objective::FewestActions => "fewest-actions",
        Objective::LeastCost => "least-cost",
        Objective::ExpectedCost => "expected-cost",
        Objective::ExpectedTime => "expected-time",
    }
}

/// Plans as data; every connection is judged once more, by the reference evaluator.
pub fn paths(design: &Design, tool: Tool, settings: &Settings, plans: &Plans) -> AttackPaths {
    AttackPaths {
        heading: heading(design, tool, None),
        attacker: plans.attacker.clone(),
        footholds: names(design, &plans.footholds),
        pivot: settings.pivot.to_string(),
        trust: settings.trust.to_string(),
        as_if_enforced: settings.as_if_enforced,
        undecided: plans.undecided,
        goals: plans.goals.iter().map(|goal| of_goal(design, goal)).collect(),
    }
}

fn names(design: &Design, units: &[UnitId]) -> Vec<String> {
    units.iter().map(|unit| design.unit(*unit).name.clone()).collect()
}

fn of_goal(design: &Design, goal: &GoalPlans) -> AttackGoal {
    let solution = |objective| goal.solutions.iter().find(|(of, _)| *of == objective).map(|(_, solution)| solution);
    let value = |objective| match solution(objective) {
        Some(Solution::Found { value, .. }) => Some(*value),
        _ => None,
    };
    let least = |objective| match solution(objective) {
        Some(Solution::Found { least, .. } | Solution::Undecided { least }) => Some(*least),
        _ => None,
    };
    let is_settled = |solution: &Solution| match solution {
        Solution::NotAsked | Solution::Unreachable => true,
        Solution::Undecided { .. } => false,
        Solution::Found { value, least, .. } => value == least,
    };
    let mut plans: Vec<(&Plan, Vec<String>)> = Vec::new();
    for (objective, solution) in &goal.solutions {
        let Solution::Found { plan, .. } = solution else { continue };
        let name = objective_name(*objective).to_owned();
        match plans.iter_mut().find(|(known, _)| *known == plan) {
            Some((_, best_by)) => best_by.push(name),
            None => plans.push((plan, vec![name])),
        }
    }
    AttackGoal {
        units: match &goal.goal {
            Goal::Unit(unit) => names(design, &[*unit]),
            Goal::All(units) => names(design, units),
        },
        fewest_actions: value(Objective::FewestActions),
        least_cost: value(Objective::LeastCost),
        expected_cost: value(Objective::ExpectedCost),
        expected_time_ns: value(Objective::ExpectedTime),
        at_least: AtLeast {
            fewest_actions: least(Objective::FewestActions),
            least_cost: least(Objective::LeastCost),
            expected_cost: least(Objective::ExpectedCost),
            expected_time_ns: least(Objective::ExpectedTime),
        },
        optimal: goal.solutions.iter().all(|(_, solution)| is_settled(solution)),
        plans: plans.into_iter().map(|(plan, best_by)| of_plan(design, plan, best_by)).collect(),
    }
}

fn of_plan(design: &Design, plan: &Plan, best_by: Vec<String>) -> AttackPlan {
    AttackPlan {
        best_by,
        foothold: plan.foothold.map(|unit| design.unit(unit).name.clone()),
        cost: plan.value(Objective::LeastCost).unwrap_or_default(),
        expected_cost: plan.value(Objective::ExpectedCost).unwrap_or_default(),
        expected_time_ns: plan.value(Objective::ExpectedTime),
        steps: plan.steps.iter().map(|step| of_step(design, step)).collect(),
    }
}

fn of_step(design: &Design, step: &Step) -> AttackStep {
    let (action, says) = said(design, step);
    AttackStep {
        by: step.by.map(|unit| design.unit(unit).name.clone()),
        action: action.to_owned(),
        says,
        with: match &step.deed {
            Deed::Exploit { vulnerability: with, .. }
            | Deed::Login { credential: with, .. }
            | Deed::Escalate { name: with } => Some(with.clone()),
            Deed::Scan { .. } | Deed::Connect { .. } | Deed::Lure { .. } | Deed::FindCredentials { .. } => None,
        },
        target: step.deed.unit().map(|unit| design.unit(unit).name.clone()),
        technique: step.technique.id.to_owned(),
        technique_name: step.technique.name.to_owned(),
        cost: step.effort.cost,
        probability: step.effort.success_probability,
        time_ns: step.effort.mean_ns,
        connection: step
            .connection
            .map(|(connection, assume)| hop(design, &connection, &design.evaluate(&connection, assume))),
        takes: names(design, &step.takes),
    }
}

/// What is done in a step: its kind, and words.
fn said(design: &Design, step: &Step) -> (&'static str, String) {
    /// So many units are named.
    const NAMED: usize = 6;
    let name = |unit: UnitId| design.unit(unit).name.as_str();
    match &step.deed {
        Deed::Scan { finds } => {
            let shown: Vec<&str> = finds.iter().take(NAMED).map(|unit| name(*unit)).collect();
            let more = finds.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            ("scan", format!("looks around, finds {}{more}", shown.join(", ")))
        }
        Deed::Exploit { unit, vulnerability, gives } => {
            let gives = match gives {
                Privilege::User => ", for an account",
                Privilege::Root => "",
            };
            ("exploit", format!("exploits {vulnerability} on {}{gives}", name(*unit)))
        }
        Deed::Login { unit, credential } => ("login", format!("logs in to {} with {credential}", name(*unit))),
        Deed::Connect { unit } => ("connect", format!("connects to {}", name(*unit))),
        Deed::Lure { unit } => ("lure", format!("takes {}, which connects to it", name(*unit))),
        Deed::FindCredentials { credentials } => ("find-credentials", format!("finds {}", credentials.join(", "))),
        Deed::Escalate { name } => ("escalate", format!("takes all of the unit by {name}")),
    }
}
