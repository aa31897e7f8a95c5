//! The attacker's best plans, from the files that people write: NASim scenarios, whose answers are known, chains, and what
//! a plan costs when it is played.
//!
//! Without the scenarios the tests say so and pass, unless `CI` is set.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

use seglab_formats::{File, lab};
use seglab_policy::Design;
use seglab_scenarios::load;
use seglab_sim::kernel::Draws;
use seglab_sim::models::plan::{Deed, Goal, GoalPlans, Objective, Plan, Plans, Settings, Solution, plans};
use std::fmt::Write as _;
use std::path::Path;

/// Fewest actions, least cost and expected cost of the best plan to all sensitive hosts.
const SCENARIOS: [(&str, [f64; 3]); 5] = [
    ("tiny", [6.0, 6.0, 6.75]),
    ("tiny-hard", [5.0, 8.0, 9.0 + 2.0 / 9.0]),
    ("small", [8.0, 14.0, 15.0 + 1.0 / 9.0]),
    ("small-linear", [12.0, 21.0, 23.0 + 1.0 / 3.0]),
    ("medium", [8.0, 15.0, 17.0 + 7.0 / 9.0]),
];

/// The scenario of this name, from `shared/data` beside the checkout or beside a folder that it is in; `None` if there is no
/// such folder and nobody insists.
fn scenario(name: &str) -> Option<Design> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(2);
    let found = above.map(|folder| folder.join("shared/data/nasim")).find(|folder| folder.is_dir());
    let Some(folder) = found else {
        assert!(std::env::var_os("CI").is_none(), "the public data `nasim` is absent");
        eprintln!("skipped: the public data `nasim` is absent");
        return None;
    };
    let path = folder.join(format!("{name}.yaml"));
    Some(load(path.to_str().unwrap(), &Default::default()).unwrap().design)
}

fn found(goal: &GoalPlans, objective: Objective) -> (&Plan, f64) {
    let (_, solution) = goal.solutions.iter().find(|(of, _)| *of == objective).unwrap();
    match solution {
        Solution::Found { plan, value, least } => {
            assert_eq!(value, least, "the best plan is known");
            (plan, *value)
        }
        other => panic!("{objective:?}: {other:?}"),
    }
}

fn everything(plans: &Plans) -> &GoalPlans {
    let last = plans.goals.last().unwrap();
    assert!(matches!(last.goal, Goal::All(_)));
    last
}

#[test]
fn scenarios_have_the_answers_that_are_known() {
    for (name, expected) in SCENARIOS {
        let Some(design) = scenario(name) else { continue };
        let plans = plans(&design, &Settings::default()).unwrap();
        assert_eq!(plans.undecided, 0);
        let all = everything(&plans);
        for (objective, expected) in Objective::ALL.into_iter().zip(expected) {
            let (plan, value) = found(all, objective);
            assert!((value - expected).abs() < 1e-9, "{name}, {objective:?}: {value}, not {expected}: {plan:#?}");
            assert_eq!(plan.foothold, None, "from the internet");
        }
        assert!(matches!(all.solutions[3], (Objective::ExpectedTime, Solution::NotAsked)), "the file has no times");
        // What takes all takes each, so no goal is dearer than all of them.
        for (goal, objective) in plans
            .goals
            .iter()
            .flat_map(|goal| Objective::ALL.map(|of| (goal, of)))
            .filter(|(_, of)| *of != Objective::ExpectedTime)
        {
            assert!(found(goal, objective).1 <= found(all, objective).1 + 1e-9);
        }
    }
}

#[test]
fn the_expected_cost_is_what_playing_the_plan_costs() {
    const REPLICAS: u32 = 20_000;
    for (name, expected) in SCENARIOS {
        let Some(design) = scenario(name) else { continue };
        let plans = plans(&design, &Settings::default()).unwrap();
        let (plan, _) = found(everything(&plans), Objective::ExpectedCost);
        let costs: Vec<f64> =
            (0..REPLICAS).map(|replica| plan.play(&design, Draws::new(7, replica)).unwrap().cost).collect();
        let mean = costs.iter().sum::<f64>() / f64::from(REPLICAS);
        // Of theory: the attempts at a step are geometric.
        let variance: f64 = plan
            .steps
            .iter()
            .map(|step| {
                let (cost, p) = (step.effort.cost, step.effort.success_probability);
                cost * cost * (1.0 - p) / (p * p)
            })
            .sum();
        let deviate = (mean - expected[2]) / (variance / f64::from(REPLICAS)).sqrt();
        assert!(deviate.abs() < 4.0, "{name}: {mean} for {}, {deviate} standard errors", expected[2]);
        // It is not so vague that a tenth more would pass.
        assert!((0.1 * expected[2]) / (variance / f64::from(REPLICAS)).sqrt() > 8.0, "{name}: too few replicas");
        assert_eq!(plan.play(&design, Draws::new(7, 3)).unwrap(), plan.play(&design, Draws::new(7, 3)).unwrap());
    }
}

fn lab_design(text: &str) -> Design {
    let file = lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() }).unwrap();
    Design::new(lab::merge(&file, Vec::new()).unwrap().draft).unwrap()
}

/// A foothold, n nodes and a goal, each holding the credential of the next.
fn chain(nodes: usize) -> Design {
    let mut text = "seglab: 1\nunits:\n".to_owned();
    let _ = writeln!(text, "  - {{name: u000, credentials: [key-1]}}");
    for at in 1..=nodes + 1 {
        let critical = if at == nodes + 1 { ", critical: 1" } else { "" };
        let _ = writeln!(
            text,
            "  - {{name: u{at:03}, listens: [tcp/22], logins: [{{credential: key-{at}, service: tcp/22}}], credentials: [key-{}]{critical}}}",
            at + 1
        );
    }
    text.push_str("policy:\n");
    for at in 1..=nodes + 1 {
        let _ = writeln!(text, "  - allow: {{from: u{:03}, to: u{at:03}, service: tcp/22}}", at - 1);
    }
    text.push_str("attackers: [{foothold: u000, login: {probability: 0.5, mean: 1min}}]\n");
    lab_design(&text)
}

#[test]
fn a_chain_of_n_nodes_takes_two_actions_a_hop() {
    for nodes in [0, 1, 2, 10, 100] {
        let design = chain(nodes);
        let plans = plans(&design, &Settings::default()).unwrap();
        let (plan, actions) = found(&plans.goals[0], Objective::FewestActions);
        assert_eq!(actions, 2.0 * (nodes as f64 + 1.0));
        for (at, pair) in plan.steps.chunks(2).enumerate() {
            assert!(matches!(pair[0].deed, Deed::FindCredentials { .. }), "hop {at}");
            assert!(matches!(pair[1].deed, Deed::Login { .. }) && pair[1].technique.id == "T1021.004", "hop {at}");
            assert_eq!(pair[1].by.map(|unit| unit.index()), Some(at));
        }
        // Every login works every second time and takes a minute an attempt.
        let hops = nodes as f64 + 1.0;
        assert_eq!(found(&plans.goals[0], Objective::ExpectedCost).1, 3.0 * hops);
        assert_eq!(found(&plans.goals[0], Objective::ExpectedTime).1, 120e9 * hops);
    }
}

#[test]
fn a_chain_of_weak_services_takes_as_many() {
    // A foothold, four nodes and a goal: the fourth hop reaches the goal's neighbour, and each hop is scanned for.
    let design =
        load(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/closed-forms/chain.yaml"), &Default::default());
    let plans = plans(&design.unwrap().design, &Settings::default()).unwrap();
    let (plan, actions) = found(&plans.goals[0], Objective::FewestActions);
    assert_eq!(actions, 2.0 * (4.0 + 1.0));
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.technique.id).collect();
    assert_eq!(ids[..4], ["T1046", "T1210", "T1046", "T1210"]);
}
