//! Times the gate after one edited rule: from the edited design to every verdict, closures included, beside a
//! verifier that starts anew.
//!
//! `cargo run --release -p seglab-benches --example edit -- 40000 10000 200` edits one random rule of a generated
//! company 200 times in a row: one goes, one comes, or one has its services, its source, its destination or its
//! action exchanged for those of another.
//!
//! Prints one line of a Markdown table. Milliseconds are time on the processor, as in the example `scale`.

#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::print_stderr, clippy::expect_used)]

use seglab_benches::{Size, company, on_processor_ns};
use seglab_policy::{Action, Design, Rule};
use seglab_verify::{Session, Settings, Verifier};
use std::collections::BTreeMap;
use std::time::Instant;

/// Numbers that look random, always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }
}

const KINDS: [&str; 6] = ["gone", "come", "services", "source", "destination", "action"];

/// The design with one rule edited, and how.
fn edited(design: &Design, dice: &mut Dice) -> (Design, &'static str) {
    let kind = KINDS.get(dice.below(KINDS.len())).copied().unwrap_or("gone");
    let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
    let other = rules.get(dice.below(rules.len())).map(|rule| (*rule).clone()).expect("a company has rules");
    let third = rules.get(dice.below(rules.len())).map(|rule| (*rule).clone()).expect("a company has rules");
    let mut at = dice.below(rules.len());
    let mut rulebooks = design.rulebooks().to_vec();
    for tier in rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
        if at >= tier.rules.len() {
            at -= tier.rules.len();
            continue;
        }
        match (kind, tier.rules.get_mut(at)) {
            ("gone", _) => drop(tier.rules.remove(at)),
            ("come", _) => tier.rules.insert(at, Rule { to: third.to, ..other }),
            ("services", Some(rule)) => rule.services = other.services,
            ("source", Some(rule)) => rule.from = other.from,
            ("destination", Some(rule)) => rule.to = other.to,
            (_, Some(rule)) => {
                rule.action = if rule.action == Action::Allow { Action::Deny } else { Action::Allow };
            }
            (_, None) => {}
        }
        break;
    }
    (design.with_rulebooks(rulebooks).expect("the rules of one tier fit it"), kind)
}

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
    let (mut dice, mut spent, mut anew) = (Dice(u64::from(number(3, 1))), Vec::new(), 0);
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
