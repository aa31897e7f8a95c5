//! Times the exact difference of two policies, direct and lateral: a generated company before and after so many of its
//! rules were edited.
//!
//! `cargo run --release -p seglab-benches --example diff -- 40000 10000 100`
//!
//! Prints one line of a Markdown table. Milliseconds are time on the processor, as in the example `scale`; parsing is not
//! among them, classes and rules of both designs are.

#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::expect_used)]

use seglab_benches::edits::{Dice, edited};
use seglab_benches::{Size, company, on_processor_ns};
use seglab_policy::{Assume, Pivot, Trust, View};
use seglab_verify::difference::Difference;
use seglab_verify::{Attack, Verifier};
use std::time::Instant;

/// How many changes of each kind of question are shown with a witness or a path.
const SHOWN: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u32| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (units, rules, edits) = (number(0, 5000), number(1, 1000), number(2, 100));
    let old = company(Size { units, rules });
    let (mut new, mut dice) = (old.clone(), Dice::new(u64::from(number(3, 1))));
    for _ in 0..edits {
        new = edited(&new, &mut dice).0;
    }
    let start = Instant::now();
    let (mut last, mut total, mut phases) = (on_processor_ns(start), 0, Vec::new());
    let mut phase = |name: &str, counts: bool| {
        let now = on_processor_ns(start);
        phases.push(format!("{name} {}", (now - last) / 1_000_000));
        total += if counts { now - last } else { 0 };
        last = now;
    };
    let verifiers = [Verifier::new(&old), Verifier::new(&new)];
    phase("classes and rules", true);
    let [before, after] = verifiers;
    let mut difference = Difference::new(before, after);
    phase("units matched", true);
    let assume = Assume::attack(Trust::Intact);
    let direct = difference.direct(assume, View::Policy);
    phase("direct", true);
    let attack = Attack { pivot: Pivot::Any, ..Attack::default() };
    let lateral = difference.lateral(attack, None);
    phase("lateral", true);
    for change in direct.iter().take(SHOWN) {
        difference.witness(change, assume, View::Policy).expect("witnesses are confirmed");
    }
    for change in lateral.iter().take(SHOWN) {
        difference.path(change, attack, None).expect("paths are confirmed");
    }
    phase("witnesses", false);
    let pairs = |pairs: &mut dyn Iterator<Item = u64>| pairs.fold(0u64, u64::saturating_add);
    println!(
        "| {units} | {rules} | {edits} | {} | {} | {} blocks of {} pairs | {} blocks of {} pairs |",
        phases.join(", "),
        total / 1_000_000,
        direct.len(),
        pairs(&mut direct.iter().map(|change| change.block.pairs)),
        lateral.len(),
        pairs(&mut lateral.iter().map(|change| change.block.pairs)),
    );
}
