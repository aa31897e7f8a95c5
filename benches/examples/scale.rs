//! Times the class engine: every pair of units on every header, and the closures of every pivot model but
//! `exploitable`, on a generated company or on designs whose every unit is a class of its own.
//!
//! `cargo run --release -p seglab-benches --example scale -- company 40000 10000`, or `digits 2000`, `chain 40000`
//!
//! `… -- properties 40000 10000 1000` times the verdicts on a thousand properties of a company instead.
//!
//! Prints one line of a Markdown table: what it was run on, classes, milliseconds on the processor by phase, peak
//! memory. Time on the processor is what a machine that does nothing else takes, and what it is compared by.

#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::expect_used)]

use seglab_benches::{Size, chain, company, company_with_properties, digits, on_processor_ns};
use seglab_policy::{Assume, Pivot, Trust};
use seglab_verify::{Attack, Settings, Settled, Verifier};
use std::collections::BTreeMap;
use std::time::Instant;

/// The milliseconds that the verdicts on so many properties take, those that hold, and what each kind took.
fn properties(size: Size, count: usize) {
    let design = company_with_properties(size, count);
    let start = Instant::now();
    let begin = on_processor_ns(start);
    let mut verifier = Verifier::new(&design);
    let made = on_processor_ns(start);
    let mut by_kind: BTreeMap<&str, (u128, u32, u32)> = BTreeMap::new();
    for property in design.properties() {
        let before = on_processor_ns(start);
        let outcome = verifier.settle(property, &Settings::default()).expect("counterexamples replay");
        let (spent, all, hold) = by_kind.entry(property.claim.kind()).or_default();
        *spent += on_processor_ns(start) - before;
        *all += 1;
        *hold += u32::from(outcome.verdict == Settled::Holds);
    }
    let ms = |ns: u128| ns / 1_000_000;
    let all = on_processor_ns(start) - begin;
    let kinds = by_kind.iter().map(|(kind, (ns, all, hold))| format!("{kind} {} ({hold} of {all} hold)", ms(*ns)));
    println!(
        "| {count} properties | {} | {} | {} ({:.1?} by the clock) | classes and rules {}, {} |",
        size.units,
        size.rules,
        ms(all),
        start.elapsed(),
        ms(made - begin),
        kinds.collect::<Vec<_>>().join(", ")
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u32| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(or);
    let topology = arguments.first().map_or("company", String::as_str);
    let (units, rules) = (number(1, 5000), number(2, 1000));
    if topology == "properties" {
        return properties(Size { units, rules }, number(3, 1000) as usize);
    }
    let design = match topology {
        "digits" => digits(units),
        "chain" => chain(units),
        _ => company(Size { units, rules }),
    };
    let rules = design.rules().count();
    let start = Instant::now();
    let mut last = on_processor_ns(start);
    let mut phases = Vec::new();
    let mut phase = |name: &str| {
        let now = on_processor_ns(start);
        phases.push(format!("{name} {}", (now - last) / 1_000_000));
        let spent = now - last;
        last = now;
        spent
    };
    let mut verifier = Verifier::new(&design);
    let mut total = phase("classes and rules");
    let census = verifier.census(Assume::attack(Trust::default()));
    total += phase("pairs");
    let attacks = [Pivot::Any, Pivot::Service, Pivot::EitherWay].map(|pivot| Attack { pivot, ..Attack::default() });
    verifier.close(&attacks.map(|attack| (attack, false)));
    let mut means = Vec::new();
    for attack in attacks {
        means.push(format!("{} {:.0}", attack.pivot, verifier.blast_radius(attack, false).mean()));
    }
    total += phase("closures");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    println!(
        "| {topology} | {units} | {rules} | {} | {} | {} | {} ({:.1?} by the clock) | {} MB | {} of {} pairs, {} header sets; mean radius {} |",
        verifier.classes().len(),
        verifier.classes().endpoint_classes(),
        phases.join(", "),
        total / 1_000_000,
        start.elapsed(),
        peak_kib.unwrap_or(0u64) / 1024,
        census.connected,
        census.pairs,
        census.header_sets,
        means.join(", "),
    );
}
