//! `seglab bench`: how fast the rule engine decides this policy on this machine, every checked decision exact.

use super::{Context, to_json};
use crate::args::{self, TableFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::heading;
use crate::output;
use seglab_engine::{CompileError, Decision, Engine, Workload};
use seglab_policy::{Assume, Design, count, number};
use seglab_reports::{Heading, heading_text};
use serde::Serialize;
use std::collections::BTreeMap;
use std::hint::black_box;
#[expect(clippy::disallowed_types, reason = "measuring is what this command is for")]
use std::time::Instant;

/// Passes over the workload; the median is reported.
const PASSES: usize = 7;

/// The reference evaluator looks at every rule: so many looks are spent on checking decisions. [rule evaluations]
const CHECK_BUDGET: usize = 100_000_000;

#[derive(Serialize)]
struct Measured {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    units: usize,
    rules: usize,
    connections: usize,
    build_ns: u64,
    memory_bytes: usize,
    identities: usize,
    service_classes: usize,
    profiles: usize,
    decisions_per_second: DecisionsPerSecond,
    decision_ns_median: f64,
    decision_ns_fastest_pass: f64,
    decision_ns_slowest_pass: f64,
    allowed: usize,
    denied: usize,
    unknown: usize,
    checked: usize,
    mismatches: usize,
}

/// Decisions a second, by the number of cores that decided.
#[derive(Serialize)]
struct DecisionsPerSecond {
    by_unit: BTreeMap<u16, u64>,
}

pub(crate) fn run(args: &args::Bench, context: &mut Context) -> Result<Exit, Failure> {
    let loaded = context.load(&args.design.path)?;
    let design = &loaded.design;
    let assume = Assume { as_if_enforced: args.design.as_if_enforced, ..Assume::business() };
    let (built, build_ns) = timed(|| Engine::compile(design));
    let engine = built.map_err(|error: CompileError| Failure::usage(error.to_string(), "split the design"))?;
    let workload =
        context.timings.phase("workload", || Workload::generate(design, args.seed, args.connections as usize));
    let connections = workload.connections();
    if connections.is_empty() {
        return Err(Failure::usage("the design has no units to decide about", "bench a design with units"));
    }
    let mut passes: Vec<u64> = (0..PASSES)
        .map(|_| timed(|| connections.iter().for_each(|c| _ = black_box(engine.decide(c, assume)))).1)
        .collect();
    passes.sort_unstable();
    let decisions: Vec<Decision> = connections.iter().map(|c| engine.decide(c, assume)).collect();
    let count = |wanted: fn(&Decision) -> bool| decisions.iter().filter(|decision| wanted(decision)).count();
    let rules = design.rules().count();
    let checked = connections.len().min(CHECK_BUDGET / (rules * 2).max(1)).max(1);
    let mismatch = context.timings.phase("check", || {
        let pairs = connections.iter().zip(&decisions).take(checked);
        pairs.filter(|(c, said)| Decision::from(design.evaluate(c, assume).verdict) != **said).collect::<Vec<_>>()
    });
    if let Some((connection, said)) = mismatch.first() {
        let message = format!("the engine says {said:?} of {} and the evaluator does not", connection.display(design));
        return Err(context.disagreement(design, message, &format!("{connection:?} {assume:?}")));
    }
    let per_decision = |pass: Option<&u64>| pass.map_or(0.0, |&ns| ns as f64 / connections.len() as f64);
    let median = per_decision(passes.get(PASSES / 2));
    let footprint = engine.footprint();
    let measured = Measured {
        schema: "seglab/bench/v1",
        heading: heading(design, Some(args.seed)),
        units: design.units().len(),
        rules,
        connections: connections.len(),
        build_ns,
        memory_bytes: footprint.memory_bytes,
        identities: footprint.identities,
        service_classes: footprint.service_classes,
        profiles: footprint.profiles,
        decisions_per_second: DecisionsPerSecond { by_unit: BTreeMap::from([(1, (1e9 / median.max(0.01)) as u64)]) },
        decision_ns_median: median,
        decision_ns_fastest_pass: per_decision(passes.first()),
        decision_ns_slowest_pass: per_decision(passes.last()),
        allowed: count(|decision| matches!(decision, Decision::Allowed(_))),
        denied: count(|decision| *decision == Decision::Denied),
        unknown: count(|decision| *decision == Decision::Unknown),
        checked,
        mismatches: mismatch.len(),
    };
    context.timings.count("decisions", connections.len() * (PASSES + 1));
    output::print(&match args.format {
        TableFormat::Text => text(&measured),
        TableFormat::Json => to_json(&measured),
    })?;
    Ok(Exit::Holds)
}

#[expect(clippy::disallowed_types, reason = "measuring is what this command is for")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = Instant::now();
    let result = work();
    (result, u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

fn text(m: &Measured) -> String {
    let share = |part: usize| 100.0 * part as f64 / m.connections as f64;
    let sized = |value: usize, one: &str, many: &str| count(value as u64, one, many);
    format!(
        "{}\n{}, {}\n\
         \n  decisions a second    {:>12}      one core, median of {PASSES} passes over {}\
         \n  time per decision     {:>12.1} ns   passes from {:.1} to {:.1} ns\
         \n  build                 {:>12.2} ms   {}, {}, {}\
         \n  memory                {:>12.2} MB\
         \n  workload              {:.1}% allowed, {:.1}% denied, {:.1}% unknown\
         \n  checked               {} against the reference evaluator, {} differ\n\
         \nThis is what the rule engine alone can reach here: a product also moves the packets.\n",
        heading_text(std::slice::from_ref(&m.heading)),
        sized(m.units, "unit", "units"),
        sized(m.rules, "rule", "rules"),
        number(m.decisions_per_second.by_unit.get(&1).copied().unwrap_or_default()),
        sized(m.connections, "connection", "connections"),
        m.decision_ns_median,
        m.decision_ns_fastest_pass,
        m.decision_ns_slowest_pass,
        m.build_ns as f64 / 1e6,
        sized(m.identities, "identity", "identities"),
        sized(m.service_classes, "service class", "service classes"),
        sized(m.profiles, "profile", "profiles"),
        m.memory_bytes as f64 / 1e6,
        share(m.allowed),
        share(m.denied),
        share(m.unknown),
        sized(m.checked, "decision", "decisions"),
        m.mismatches,
    )
}

impl Context {
    /// Saves what two judges disagree about, to be sent with a report of the defect.
    pub(crate) fn disagreement(&self, design: &Design, message: String, question: &str) -> Failure {
        let reproduction = std::env::temp_dir().join(format!("seglab-disagreement-{}.txt", std::process::id()));
        let text = format!("# {message}\n# question: {question}\n{}", seglab_policy::normal_form::write(design));
        match output::write_file(&reproduction, text.as_bytes()) {
            Ok(()) => Failure::Disagreement { message, reproduction },
            Err(failure) => failure,
        }
    }
}
