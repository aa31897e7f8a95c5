//! Times the gate after one edited rule, one edited label, a unit more, a unit less and one listener exchanged: from the
//! edited design to every verdict, closures included, beside a verifier that starts anew.
//!
//! `cargo run --release -p seglab-benches --example edit -- 40000 10000 200` edits one random rule of a generated
//! company 200 times in a row: one goes, one comes, or one has its services, its source, its destination or its
//! action exchanged for those of another. Then one label of a random unit is exchanged for that of another as often, a
//! unit comes that is another of those that a random one is one of, a random unit goes, and a random unit listens on a
//! port more or less.
//!
//! Prints a line of a Markdown table for each. Milliseconds are time on the processor, as in the example `scale`.

#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::print_stderr, clippy::expect_used)]

use seglab_benches::edits::{Dice, edited, joined, left, listening, relabelled};
use seglab_benches::{Size, company, on_processor_ns};
use seglab_policy::Design;
use seglab_verify::{Changed, Session, Settings, Verifier};
use std::collections::BTreeMap;
use std::fmt;
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
    let mut dice = Dice::new(u64::from(number(3, 1)));
    let rules_edited = |design: &Design, dice: &mut Dice| {
        let (design, kind) = edited(design, dice);
        (design, kind.to_owned())
    };
    let fresh = format!("classes and closures {}, verdicts {}; session {}", ms(closed), ms(settled), ms(first));
    let kinds: [(&str, Edit<'_>); 5] = [
        ("a rule", &rules_edited),
        ("a label", &relabelled),
        ("a unit more", &joined),
        ("a unit less", &left),
        ("a listener", &listening),
    ];
    for (what, edit) in kinds {
        let mut series = Series::default();
        for at in 0..edits {
            let (next, kind) = edit(&design, &mut dice);
            design = next.clone();
            timed();
            let changed = session.replace(next).expect("counterexamples replay");
            series.add(&kind, timed(), &changed);
            if std::env::var_os("SEGLAB_EACH").is_some() {
                eprintln!("{at} {kind} {:?} {:?}", changed.touched, changed.verdicts);
            }
        }
        println!("| {units} | {rules} | {what} | {series} | {fresh} |");
    }
}

type Edit<'e> = &'e dyn Fn(&Design, &mut Dice) -> (Design, String);

/// How long edits took, and what they came to.
#[derive(Default)]
struct Series {
    /// What each took, by its kind. \[nanoseconds\]
    spent: Vec<(u128, String)>,
    anew: usize,
    turned: usize,
}

impl Series {
    fn add(&mut self, kind: &str, ns: u128, changed: &Changed) {
        self.spent.push((ns, kind.to_owned()));
        self.anew += usize::from(changed.touched.is_none());
        self.turned += changed.verdicts.len();
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut spent = self.spent.clone();
        spent.sort_unstable();
        let count = spent.len();
        let rank = |per_cent: usize| spent.get((count * per_cent).div_ceil(100).max(1) - 1).map_or(0, |(ns, _)| *ns);
        let mut slowest: BTreeMap<&str, u128> = BTreeMap::new();
        for (ns, kind) in &spent {
            slowest.insert(kind, *ns);
        }
        let slowest: Vec<String> = slowest.iter().map(|(kind, ns)| format!("{kind} {}", ns / 1_000_000)).collect();
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|per_cent| rank(per_cent) as f64 / 1e6);
        write!(
            f,
            "{count} | {p50:.1} | {p90:.1} | {p99:.1} | {max:.1} | {} anew, {} verdicts turned; slowest {}",
            self.anew,
            self.turned,
            slowest.join(", ")
        )
    }
}
