//! Times the gate after one edited rule: from the edited design to every verdict, closures included, beside a
//! verifier that starts anew.
//!
//! `cargo run --release -p seglab-benches --example edit -- 40000 10000 200` edits one random rule of a generated
//! company 200 times in a row: one goes, one comes, or one has its services, its source, its destination or its
//! action exchanged for those of another.
//!
//! Prints one line of a Markdown table. Milliseconds are time on the processor, as in the example `scale`.

#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::print_stderr, clippy::expect_used)]

use seglab_benches::edits::{Dice, edited};
use seglab_benches::{Size, company, on_processor_ns};
use seglab_verify::{Session, Settings, Verifier};
use std::collections::BTreeMap;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u32| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (units, rules, edits) = (number(0, 5000), number(1, 1000), number(2, 100));
    let (settings, start) = (Settings::default(), Instant::now());
    let ms = |ns: u128| ns / 1_000_000;
    let mut design = company(Size { units, rules });
    let mut before = on_processor_ns(start);
    let mut timed = || {
        let now = on_processor_ns(start);
        now - std::mem::replace(&mut before, now)
    };
    // What closures take, as far as the properties ask for them, and what the verdicts take after that.
    let mut fresh = Verifier::new(&design);
    fresh.prepare(&settings);
    let closed = timed();
    fresh.settle_all(&settings).expect("counterexamples replay");
    let settled = timed();
    drop(fresh);
    let mut session = Session::new(design.clone(), settings).expect("counterexamples replay");
    let first = timed();
    let (mut dice, mut spent, mut anew) = (Dice::new(u64::from(number(3, 1))), Vec::new(), 0);
    let (mut slowest, mut turned): (BTreeMap<&str, u128>, usize) = (BTreeMap::new(), 0);
    for at in 0..edits {
        let (next, kind) = edited(&design, &mut dice);
        design = next.clone();
        timed();
        let changed = session.replace(next).expect("counterexamples replay");
        let ns = timed();
        if std::env::var_os("SEGLAB_EACH").is_some() {
            eprintln!("{at} {kind} {} us: {changed:?}", ns / 1000);
        }
        anew += u32::from(changed.touched.is_none());
        turned += changed.verdicts.len();
        let known = slowest.entry(kind).or_default();
        *known = ns.max(*known);
        spent.push(ns);
    }
    spent.sort_unstable();
    let rank = |per_cent: usize| spent.get((spent.len() * per_cent).div_ceil(100).max(1) - 1).copied().unwrap_or(0);
    let by_kind = slowest.iter().map(|(kind, ns)| format!("{kind} {}", ms(*ns)));
    println!(
        "| {units} | {rules} | {edits} | {:.1} | {:.1} | {} | {} of these {anew} anew, {turned} verdicts turned; slowest {} | classes and closures {}, verdicts {}; session {} |",
        rank(50) as f64 / 1e6,
        rank(99) as f64 / 1e6,
        ms(rank(100)),
        edits,
        by_kind.collect::<Vec<_>>().join(", "),
        ms(closed),
        ms(settled),
        ms(first),
    );
}
