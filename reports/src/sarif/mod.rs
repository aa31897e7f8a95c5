//! SARIF 2.1.0, for code scanning: every violation on the line of the rule that lets it happen.
//!
//! A violated property is an error at the last rule on the attacker's way, with the whole way as a code flow; the claim
//! itself and the other rules are related locations. An undecided property is a warning and not SARIF's `open`, for
//! viewers hide results that are not failures, and undecided is not a pass. What holds is no result.
//!
//! A property has a result for each of its findings: what one group of units does to another. What is known from the
//! baseline says so in `baselineState`, what is waived is suppressed by whom and why. What the baseline has and nobody
//! finds any more is no result, for code scanning would open an alert of it, but a property of the run.

mod finding;
mod limit;
mod place;
mod rule;

use crate::model::{Diagnostic, Hop, Location, Need, NeedStatus, Property, Severity, Verdict, Verification};
use crate::words;
use place::{artifact, at, message, point};
use rule::Rules;
use serde_json::json;
use serde_sarif::sarif::{
    Artifact, CodeFlow, Invocation, Notification, PropertyBag, Result as Finding, ResultLevel, Run, Sarif, ThreadFlow,
    ThreadFlowLocation, Tool, ToolComponent,
};
use std::collections::BTreeMap;

/// Related locations of a result.
const PLACES_MAX: usize = 100;

/// Steps of a code flow.
const STEPS_MAX: usize = 1000;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes violations, undecided properties, broken needs and diagnostics as one SARIF run.
pub fn sarif(of: &Verification) -> String {
    let rules = Rules::new(of);
    let mut run = Run::builder().tool(Tool::builder().driver(driver(of, &rules)).build()).build();
    let (results, left_out) = limit::within_limits(results(of, &rules));
    run.results = Some(results);
    run.invocations = Some(vec![invocation(of, left_out)]);
    run.artifacts = Some(of.inputs.iter().map(|input| hashed(&input.path, &input.sha256)).collect());
    run.column_kind = Some(json!("unicodeCodePoints"));
    run.properties = Some(bag([
        ("design", json!(of.design)),
        ("verdict", json!(of.verdict)),
        ("seed", json!(of.seed)),
        ("z3Version", json!(of.tool.z3_version)),
        ("scope", json!(of.scope)),
        ("assumptions", json!(of.assumptions)),
        ("unmodelled", json!(of.unmodelled)),
        ("notCovered", json!(of.not_covered)),
        ("gate", json!(of.gate)),
        ("today", json!(of.today)),
        ("resultsLeftOut", if left_out > 0 { json!(left_out) } else { serde_json::Value::Null }),
    ]));
    let mut log = Sarif::builder().runs(vec![run]).version(json!("2.1.0")).build();
    log.schema = Some(SCHEMA.to_owned());
    // The types hold strings, numbers and lists only: nothing can fail.
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn driver(of: &Verification, rules: &Rules) -> ToolComponent {
    let mut driver = ToolComponent::builder().name(of.tool.name.clone()).build();
    driver.version = Some(of.tool.version.clone());
    driver.semantic_version = Some(of.tool.version.clone());
    driver.rules = Some(rules.descriptors());
    driver
}

fn hashed(path: &str, sha256: &str) -> Artifact {
    let mut held = Artifact::builder().build();
    held.location = Some(artifact(path));
    held.hashes = Some(BTreeMap::from([("sha-256".to_owned(), sha256.to_owned())]));
    held
}

/// How the run went, with what it assumed and could not model as notifications.
fn invocation(of: &Verification, left_out: usize) -> Invocation {
    let mut held = Invocation::builder().execution_successful(true).build();
    held.command_line.clone_from(&of.command);
    let assumptions =
        of.assumptions.iter().map(|one| notification("note", &format!("{}: {}", one.id, words::assumption(one)), None));
    let unmodelled = of.unmodelled.iter().map(|one| {
        let units = words::count(one.units, "unit", "units");
        let text = format!("not modelled: {}; the verdicts of {units} that it touches are unknown", one.what);
        notification("warning", &text, one.location.as_ref())
    });
    let limits = (left_out > 0).then(|| {
        let results = words::count(left_out as u64, "result is", "results are");
        notification("warning", &format!("{results} left out, to stay within the limits of code scanning"), None)
    });
    held.tool_configuration_notifications = Some(limits.into_iter().chain(unmodelled).chain(assumptions).collect());
    held
}

fn notification(level: &str, text: &str, location: Option<&Location>) -> Notification {
    let mut held = Notification::builder().message(message(text)).build();
    held.level = Some(json!(level));
    held.locations = location.map(|location| vec![point(location, None)]);
    held
}

fn results(of: &Verification, rules: &Rules) -> Vec<Finding> {
    let fallback = of.inputs.first().map(|input| Location { path: input.path.clone(), line: 1, column: 1 });
    let properties = of.worst_first().into_iter().filter(|property| property.verdict != Verdict::Holds);
    let properties = properties.flat_map(|property| match property.findings.is_empty() {
        true => vec![self::property(property, rules, fallback.as_ref())],
        false => finding::of_property(property, rules, fallback.as_ref()),
    });
    let needs = of.needs.iter().filter(|need| need.status != NeedStatus::Works);
    let needs = needs.flat_map(|need| match need.findings.is_empty() {
        true => vec![self::need(need, rules, fallback.as_ref())],
        false => finding::of_need(need, rules, fallback.as_ref()),
    });
    let diagnostics = of.diagnostics.iter().map(|one| diagnostic(one, rules, fallback.as_ref()));
    let mut results: Vec<Finding> = properties.chain(needs).chain(diagnostics).collect();
    // What comes last may be left out, and must not be what closes the gate.
    results.sort_by_key(|one| one.suppressions.is_some() || one.baseline_state == Some(json!(finding::KNOWN)));
    results
}

fn property(of: &Property, rules: &Rules, fallback: Option<&Location>) -> Finding {
    let (level, text) = match of.verdict {
        Verdict::Violated => {
            let summary = of.counterexample.as_ref().map_or("no counterexample was kept", |one| one.summary.as_str());
            (ResultLevel::Error, format!("`{}` is violated: {summary}. The claim: {}.", of.id, of.claim))
        }
        Verdict::Unknown | Verdict::Holds => {
            let reason = of.doubt.as_ref().map_or("no reason was given", |doubt| doubt.reason.as_str());
            (
                ResultLevel::Warning,
                format!("`{}` is undecided, which is not a pass: {reason}. The claim: {}.", of.id, of.claim),
            )
        }
    };
    let place = match &of.counterexample {
        Some(counterexample) => counterexample.place(),
        None => of.doubt.as_ref().and_then(|doubt| doubt.location.as_ref()),
    };
    let mut held = finding(rules, &of.kind, level, &text, place.or(of.location.as_ref()).or(fallback));
    let hops = of.counterexample.as_ref().map_or(&[][..], |one| &one.hops);
    related(&mut held, of.location.as_ref(), hops);
    held.code_flows = (!hops.is_empty()).then(|| vec![code_flow(&text, hops)]);
    let ends = hops
        .first()
        .zip(hops.last())
        .map(|(first, last)| format!("/{}/{}/{}", first.source, last.destination, last.service));
    identify(&mut held, &format!("property/{}{}", of.id, ends.unwrap_or_default()));
    held.properties = Some(bag([
        ("property", json!(of.id)),
        ("verdict", json!(of.verdict)),
        ("view", json!(of.view)),
        ("pivot", json!(of.pivot)),
        ("trust", json!(of.trust)),
        ("population", json!(words::population(&of.population))),
        ("doesNotShow", json!(of.does_not_show)),
    ]));
    held
}

fn need(of: &Need, rules: &Rules, fallback: Option<&Location>) -> Finding {
    let text = match (of.status, &of.doubt) {
        (NeedStatus::Unknown, doubt) => {
            let reason = doubt.as_ref().map_or("no reason was given", |doubt| doubt.reason.as_str());
            format!("whether the needed flow {} works is undecided: {reason}.", of.name())
        }
        (NeedStatus::Broken | NeedStatus::Works, _) => {
            let pairs = words::count(of.pairs, "pair", "pairs");
            format!("the needed flow {} does not work for all of its {pairs}.", of.name())
        }
    };
    let hops = of.witness.as_slice();
    let place = hops.first().and_then(Hop::place).or(of.location.as_ref()).or(fallback);
    let mut held = finding(rules, rule::NEED, ResultLevel::Warning, &text, place);
    related(&mut held, of.location.as_ref(), hops);
    held.code_flows = (!hops.is_empty()).then(|| vec![code_flow(&text, hops)]);
    identify(&mut held, &format!("need/{}", of.name()));
    held
}

fn diagnostic(of: &Diagnostic, rules: &Rules, fallback: Option<&Location>) -> Finding {
    let level = match of.severity {
        Severity::Note => ResultLevel::Note,
        Severity::Warning => ResultLevel::Warning,
        Severity::Error => ResultLevel::Error,
    };
    let help = of.help.as_ref().map_or_else(String::new, |help| format!(" To do: {help}."));
    let text = format!("{}.{help}", of.message);
    let mut held = finding(rules, &of.code, level, &text, of.location.as_ref().or(fallback));
    let path = of.location.as_ref().map_or("", |location| location.path.as_str());
    identify(&mut held, &format!("diagnostic/{}/{path}/{}", of.code, of.message));
    held
}

fn finding(rules: &Rules, id: &str, level: ResultLevel, text: &str, place: Option<&Location>) -> Finding {
    let mut held = Finding::builder().message(message(text)).build();
    held.rule_id = Some(id.to_owned());
    held.rule_index = rules.index(id);
    held.level = Some(level);
    held.locations = place.map(|place| vec![point(place, None)]);
    held
}

/// Names the claim's own line, and every rule on the way.
fn related(held: &mut Finding, claim: Option<&Location>, hops: &[Hop]) {
    let claim = claim.map(|place| point(place, Some("it is claimed here")));
    let rules = hops.iter().flat_map(|hop| hop.deciders.iter().map(move |decider| (hop, decider)));
    let rules = rules.filter_map(|(hop, decider)| {
        let text = format!("{} for {}", words::decider_outcome(decider), words::hop(hop));
        decider.location.as_ref().map(|place| point(place, Some(&text)))
    });
    // Code scanning shows no more, and an attack of many steps would repeat itself.
    let mut places: Vec<_> = claim.into_iter().chain(rules).take(PLACES_MAX).collect();
    for (id, place) in (1..).zip(&mut places) {
        place.id = Some(id);
    }
    held.related_locations = (!places.is_empty()).then_some(places);
}

/// The attack, one step per judgement, hop by hop.
fn code_flow(text: &str, hops: &[Hop]) -> CodeFlow {
    let mut steps = Vec::new();
    for (position, hop) in (1..).zip(hops) {
        let title = format!("hop {position}: {}: {}", words::hop(hop), hop.outcome);
        steps.push(step(&title, hop.place(), 0));
        for decider in &hop.deciders {
            let (place, why) = (words::decider_place(decider), words::decider_why(decider));
            let text = format!("{place} {}: {why}", words::decider_outcome(decider));
            steps.push(step(&text, decider.location.as_ref(), 1));
        }
    }
    steps.truncate(STEPS_MAX);
    for (order, step) in (1..).zip(&mut steps) {
        step.execution_order = Some(order);
    }
    let mut flow = CodeFlow::builder().thread_flows(vec![ThreadFlow::builder().locations(steps).build()]).build();
    flow.message = Some(message(text));
    flow
}

fn step(text: &str, place: Option<&Location>, level: i64) -> ThreadFlowLocation {
    let mut held = ThreadFlowLocation::builder().build();
    held.location = Some(at(place, Some(text)));
    held.nesting_level = Some(level);
    held.importance = Some(json!(if level == 0 { "essential" } else { "important" }));
    held
}

/// Names what the finding is about and not the line that it is on, so that it stays the same finding when lines move.
fn identify(held: &mut Finding, key: &str) {
    held.partial_fingerprints = Some(BTreeMap::from([("seglab/v1".to_owned(), key.to_owned())]));
}

fn bag<const N: usize>(entries: [(&str, serde_json::Value); N]) -> PropertyBag {
    let entries = entries.into_iter().filter(|(_, value)| !value.is_null());
    let mut held = PropertyBag::builder().build();
    held.additional_properties = entries.map(|(name, value)| (name.to_owned(), value)).collect();
    held
}
