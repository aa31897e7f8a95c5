//! What the matcher decides a second, beside what the memory of this machine could: one row for each number of rules.
//!
//! `line_rate [UNITS [RULES …]]` compiles a generated company and times passes over uniform traffic: by address in
//! batches, by known interface, and a loop that only makes the reads that deciding by address takes, each at a random
//! place of a table as large as the one that is read (the roofline). Passes are short and interleaved, and the medians
//! shown, for machines are shared. Every decision by address is held to that by interface, some to the reference evaluator.

use seglab_benches::{Size, company, on_processor_ns};
use seglab_engine::{Decision, Limits, Matcher, Roofline, Workload};
use seglab_policy::{Assume, Connection, Design};
use std::hint::black_box;

/// Packets of a workload, and of a pass: short enough to be seldom interrupted.
const PACKETS: usize = 1 << 18;
const PASS: usize = 1 << 12;
/// How often every pass is made.
const ROUNDS: usize = 4;
/// Rules that the reference evaluator may look at.
const CHECK_BUDGET: usize = 40_000_000;

#[expect(clippy::print_stdout, clippy::expect_used, reason = "a tool that prints what it measures")]
fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).map(|word| word.parse().expect("numbers")).collect();
    let (units, rules) = numbers.split_first().map_or((40_000, &[][..]), |(units, rules)| (*units, rules));
    let rules = if rules.is_empty() { &[1000, 10_000, 100_000] } else { rules };
    println!(
        "| rules | classes | exceptions | form | build ms | memory MB | by address M/s | by unit M/s | roofline M/s | share |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for &rules in rules {
        println!("{}", row(&company(Size { units, rules }), rules));
    }
}

/// Compiles, times and checks; the row to print.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn row(design: &Design, rules: u32) -> String {
    let assume = Assume::business();
    let compile = || Matcher::compile(design, assume, Limits::default()).expect("the design fits");
    let matcher = compile();
    let mut builds: Vec<u128> = (0..3).map(|_| timed_on_processor(|| _ = black_box(compile()))).collect();
    let space = matcher.space("default").expect("generated units stand in it");
    let workload = Workload::uniform(design, 1, PACKETS);
    let packets = workload.packets_v4(design, "default");
    let connections = workload.packets_between(&matcher);
    let roofline = Roofline::new(&matcher.reads_v4(space), PASS);
    let mut decisions = [vec![Decision::Unknown; packets.len()], vec![Decision::Unknown; packets.len()]];
    let mut passes: [Vec<u128>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let [by_address, by_unit] = &mut decisions;
        let answers = by_address.chunks_mut(PASS).zip(by_unit.chunks_mut(PASS));
        for ((packets, connections), (by_address, by_unit)) in
            packets.chunks(PASS).zip(connections.chunks(PASS)).zip(answers)
        {
            passes[0].push(timed(|| matcher.decide_batch_v4(space, black_box(packets), by_address)));
            passes[1].push(timed(|| matcher.decide_batch_between(black_box(connections), by_unit)));
            passes[2].push(timed(|| roofline.pass()));
        }
    }
    let [by_address, by_unit] = &decisions;
    assert_eq!(by_address, by_unit, "by address and by unit are the same connections");
    check(design, assume, workload.connections(), by_address, rules as usize);
    let rates = passes.map(|mut passes| PASS as f64 * 1e3 / median(&mut passes) as f64);
    let layout = matcher.layouts().next().expect("units have IPv4 addresses");
    format!(
        "| {rules} | {} × {} | {} | {:?} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | {:.2} |",
        layout.source_classes,
        layout.destination_classes,
        layout.exceptions,
        layout.form,
        median(&mut builds) as f64 / 1e6,
        matcher.memory_bytes() as f64 / 1e6,
        rates[0],
        rates[1],
        rates[2],
        rates[0] / rates[2]
    )
}

/// Holds as many decisions to the reference evaluator as the budget allows.
fn check(design: &Design, assume: Assume, connections: &[Connection], decisions: &[Decision], rules: usize) {
    let few = (CHECK_BUDGET / (2 * rules).max(1)).min(connections.len());
    for (connection, decision) in connections.iter().zip(decisions).take(few) {
        let evaluated = Decision::from(design.evaluate(connection, assume).verdict);
        assert_eq!(*decision, evaluated, "{}", connection.display(design));
    }
}

/// Nanoseconds of a pass, short enough to be seldom interrupted.
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn timed(work: impl FnOnce()) -> u128 {
    let start = std::time::Instant::now();
    work();
    start.elapsed().as_nanos()
}

/// Nanoseconds on the processor, for what takes long enough to be interrupted.
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn timed_on_processor(work: impl FnOnce()) -> u128 {
    let start = std::time::Instant::now();
    let before = on_processor_ns(start);
    work();
    on_processor_ns(start) - before
}

fn median(passes: &mut [u128]) -> u128 {
    passes.sort_unstable();
    passes.get(passes.len() / 2).copied().unwrap_or_default()
}
