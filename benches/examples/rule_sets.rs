//! What a filter of a rule set of five fields decides a second, what it takes and how it is built: a row for each file.
//!
//! `rule_sets FILE …` compiles each set and times batches of packets drawn near its rules, every field of a packet near
//! the same rule or, of every third packet, near one of its own. Every decision of the first packets is held to a scan of
//! the rules by the reference evaluator.

use seglab_benches::on_processor_ns;
use seglab_engine::{Decision, Limits, Matcher, PacketV4, PairForm, Workload};
use seglab_formats::File;
use seglab_formats::classbench::{Actions, read};
use seglab_policy::{Design, Direction, RulebookId, number};
use std::hint::black_box;

/// Packets of a trace, and of a pass.
const PACKETS: usize = 1 << 16;
const PASS: usize = 1 << 10;
const ROUNDS: usize = 4;
/// Rules that the reference evaluator may look at.
const CHECK_BUDGET: usize = 4_000_000;

#[expect(clippy::print_stdout, clippy::expect_used, reason = "a tool that prints what it measures")]
fn main() {
    println!("| set | rules | table | classes | exceptions | build \\[ms\\] | memory \\[MB\\] | \\[M/s\\] |");
    println!("| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |");
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).expect("a file of rules");
        let file = File { path: path.clone(), text };
        let design = Design::new(read(&file, Actions::Drawn).expect("rules").draft).expect("they hold together");
        println!("| {} | {}", path.rsplit('/').next().unwrap_or(&path), row(&design));
    }
}

#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn row(design: &Design) -> String {
    let start = std::time::Instant::now();
    let before = on_processor_ns(start);
    let filter = Matcher::compile_rulebook(design, RulebookId(0), Direction::Forward, Limits::default());
    let filter = match filter {
        Ok(filter) => filter,
        Err(error) => return format!("{} | {error} | | | | | |", number(design.rules().count() as u64)),
    };
    let build = on_processor_ns(start) - before;
    let rules = design.rules().count();
    let workload = Workload::between_addresses(design, 7, PACKETS);
    let packets: Vec<PacketV4> = workload.packets_v4(design, "default");
    let space = filter.space("default").expect("a filter sees one");
    let mut decisions = vec![Decision::Unknown; packets.len()];
    let mut passes = Vec::new();
    for _ in 0..ROUNDS {
        for (packets, decisions) in packets.chunks(PASS).zip(decisions.chunks_mut(PASS)) {
            let start = std::time::Instant::now();
            filter.decide_batch_v4(space, black_box(packets), decisions);
            passes.push(start.elapsed().as_nanos());
        }
    }
    passes.sort_unstable();
    let median = passes.get(passes.len() / 2).copied().unwrap_or(1);
    let few = CHECK_BUDGET / rules.max(1);
    for (connection, decision) in workload.connections().iter().zip(&decisions).take(few) {
        let wanted = Decision::at_rulebook(design, RulebookId(0), Direction::Forward, connection);
        assert_eq!(*decision, wanted, "{}", connection.display(design));
    }
    let layout = filter.layouts().next().expect("a filter has IPv4 addresses");
    let form = match layout.form {
        Ok(PairForm::Dense) => "dense".to_owned(),
        Ok(PairForm::Hashed) => "hashed".to_owned(),
        Ok(PairForm::Layered(layers)) => format!("{layers} layers"),
        Err(why) => format!("none: {why}"),
    };
    format!(
        "{} | {} | {} × {} | {} | {:.0} | {:.1} | {:.1} |",
        number(rules as u64),
        form,
        layout.source_classes,
        layout.destination_classes,
        number(layout.exceptions as u64),
        build as f64 / 1e6,
        filter.memory_bytes() as f64 / 1e6,
        PASS as f64 * 1e3 / median as f64
    )
}
