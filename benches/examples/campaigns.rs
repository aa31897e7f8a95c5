//! How many replicas a minute the program plays on a large design, flat and segmented, with everything on: scans,
//! credentials, exploits that are there or not, escalations, patches, alerts, and analysts with false alarms.
//!
//! `campaigns SEGLAB FOLDER UNITS RULES FLAT SEGMENTED` writes both designs into a folder and runs `SEGLAB simulate` for so many
//! replicas of each, on all cores and with no traffic; for 0 replicas not at all. Prints one line of a Markdown table for
//! each: what it was, how long replicas took, what they did in that time, how far the attacker got, and how many bytes a
//! unit two replicas take beyond a run in which nothing happens.

use seglab_benches::{Size, company};
use seglab_policy::{
    Defence, Design, Effort, Escalation, Exploit, Patching, Privilege, Provenance, Selector, Tradecraft, Triage,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

const MINUTE_NS: u64 = 60_000_000_000;
const DAY_NS: u64 = 24 * 60 * MINUTE_NS;

/// A company in which everything that an attack can meet is on.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn everything(size: Size, segmented: bool) -> Design {
    let mut draft = company(size).to_draft();
    let weak: BTreeSet<String> =
        draft.units.iter().flat_map(|unit| &unit.vulnerabilities).map(|weak| weak.name.clone()).collect();
    let effort = |mean_ns| Effort { cost: 1.0, success_probability: 0.5, mean_ns: Some(mean_ns) };
    draft.tradecraft = Tradecraft {
        exploits: weak
            .into_iter()
            .map(|vulnerability| Exploit {
                vulnerability,
                gives: Privilege::User,
                present_probability: 0.5,
                effort: effort(20 * MINUTE_NS),
                provenance: Provenance::default(),
            })
            .collect(),
        escalations: vec![Escalation {
            name: "kernel".to_owned(),
            on: Selector::Everything,
            present_probability: 0.8,
            effort: effort(10 * MINUTE_NS),
            provenance: Provenance::default(),
        }],
        ..draft.tradecraft
    };
    let monitor = draft.monitor.as_mut().expect("generated designs have a monitor");
    monitor.defence = Defence {
        triage: Some(Triage {
            analysts: 8,
            mean_ns: 15 * MINUTE_NS,
            missed_probability: 0.1,
            false_alarms_per_second: 0.001 / 86_400.0,
        }),
        spares_established: false,
        patching: Some(Patching { probability: 0.9, mean_ns: 14 * DAY_NS }),
        rotation_mean_ns: Some(30 * DAY_NS),
    };
    draft.properties.clear();
    draft.needs.clear();
    if !segmented {
        draft.points.clear();
        draft.rulebooks.clear();
    }
    draft.name = if segmented { "segmented" } else { "flat" }.to_owned();
    Design::new(draft).expect("it holds together")
}

/// Runs the program; its result and its timings.
#[expect(clippy::expect_used, reason = "a tool that measures")]
fn simulate(seglab: &str, design: &Path, replicas: &str, horizon: &str) -> (Value, Value) {
    let timings = design.with_extension("timings.json");
    let output = Command::new(seglab)
        .arg("simulate")
        .arg(design)
        .args(["--replicas", replicas, "--horizon", horizon, "--traffic", "off", "--format", "json", "--timings"])
        .arg(&timings)
        .stderr(Stdio::inherit())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "the program fails");
    let read = |text: &[u8]| serde_json::from_slice(text).expect("JSON");
    (read(&output.stdout), read(&std::fs::read(&timings).expect("timings")))
}

#[expect(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a tool that prints what it measures")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [seglab, folder, units, rules, flat, segmented] = words.as_slice() else {
        panic!("give the program, a folder, and the numbers of units, rules and replicas of both")
    };
    let number = |text: &String| text.parse::<u32>().expect("a number");
    let size = Size { units: number(units), rules: number(rules) };
    std::fs::create_dir_all(folder).expect("a folder");
    for (is_segmented, replicas) in [(false, flat), (true, segmented)] {
        if number(replicas) == 0 {
            continue;
        }
        let design = everything(size, is_segmented);
        let path = Path::new(folder).join(format!("{}.yaml", design.name()));
        std::fs::write(&path, seglab_formats::lab::write(&design)).expect("a file");
        // What the design itself takes: one replica in which nothing has time to happen.
        let (_, empty) = simulate(seglab, &path, "1", "1ns");
        let (_, pair) = simulate(seglab, &path, "2", "7d");
        let (result, timings) = simulate(seglab, &path, replicas, "7d");
        let of = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let seconds = (of(&timings, "/phases_ns/run") - of(&empty, "/phases_ns/run")) / 1e9;
        // Results are kept replica by replica, so memory is that of two under way at a time.
        let memory = of(&pair, "/peak_memory_bytes") - of(&empty, "/peak_memory_bytes");
        let (events, made) = (of(&result, "/designs/0/events"), of(&result, "/designs/0/attempts/made"));
        let compromised = result.pointer("/designs/0/replicas").and_then(Value::as_array).map(|replicas| {
            let mut owned: Vec<u64> = replicas
                .iter()
                .filter_map(|one| one.pointer("/course")?.as_array()?.last()?.pointer("/compromised")?.as_u64())
                .collect();
            owned.sort_unstable();
            owned.get(owned.len() / 2).copied().unwrap_or_default()
        });
        println!(
            "| {} | {units} | {rules} | {replicas} | {:.1} | {:.0} | {:.2} M | {:.2} M | {} | {:.0} |",
            design.name(),
            seconds,
            f64::from(number(replicas)) * 60.0 / seconds,
            events / seconds / 1e6,
            made / seconds / 1e6,
            compromised.unwrap_or_default(),
            memory / f64::from(size.units),
        );
    }
}
