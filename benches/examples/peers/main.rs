//! What seglab decides a second beside DPDK's `rte_acl`, in one run: the same rules, the same packets, turn by turn.
//!
//! `peers FOLDER [SET …] [--company RULES …]` takes rule sets of five fields as they are, and generated label policies as
//! whoever installs them in a filter of five fields has to write them out. Every packet is decided by both; one that is
//! told differently ends the run. What is written in FOLDER for the peer is left there, for other peers to read.

mod acl;
mod lines;

use acl::Acl;
use lines::{Line, Subject};
use seglab_benches::on_processor_ns;
use seglab_engine::{Decision, Layout, Matcher, PacketV4, PairForm, SpaceId};
use std::hint::black_box;
use std::path::PathBuf;

/// Packets of a trace, and of a batch of either.
const PACKETS: usize = 1 << 16;
const BATCH: usize = 1 << 8;
/// How often both take their turn, and how often a trace is decided in a turn.
const ROUNDS: usize = 3;
const PASSES: usize = 20;

#[expect(clippy::print_stdout, clippy::expect_used, reason = "a tool that prints what it measures")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (folder, subjects) = words.split_first().expect("a folder to work in");
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder).expect("a folder that can be written to");
    let mut subjects = subjects.splitn(2, |word| word == "--company");
    let sets = subjects.next().unwrap_or_default();
    let companies = subjects.next().unwrap_or_default();
    println!("| rules | lines | seglab's table | build \\[ms\\] | seglab \\[M/s\\] | rte_acl \\[M/s\\] | ratio |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: |");
    for (kind, subjects) in [("sets of five fields", sets), ("label policies", companies)] {
        let mut logarithms = Vec::new();
        let mut least = f64::INFINITY;
        for word in subjects {
            let subject = match word.parse() {
                Ok(rules) => Subject::company(rules, PACKETS),
                Err(_) => Subject::rule_set(word, PACKETS),
            };
            let (row, ratio) = row(&folder, &subject);
            println!("{row}");
            if let Some(ratio) = ratio {
                logarithms.push(libm::log(ratio));
                least = least.min(ratio);
            }
        }
        if !logarithms.is_empty() {
            let mean = libm::exp(logarithms.iter().sum::<f64>() / logarithms.len() as f64);
            println!("| **{kind}: geometric mean, least** | | | | | | **{mean:.1}, {least:.1}** |");
        }
    }
}

/// A row of the table, and the ratio if the peer took the rules.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn row(folder: &std::path::Path, subject: &Subject) -> (String, Option<f64>) {
    let start = std::time::Instant::now();
    let before = on_processor_ns(start);
    let matcher = subject.compile();
    let build = on_processor_ns(start) - before;
    let space = matcher.space("default").expect("packets are seen in it");
    let acl = Acl::new(folder, subject);
    let mut decisions = vec![Decision::Unknown; subject.packets.len()];
    decide(&matcher, space, &subject.packets, &mut decisions);
    let layout = matcher.layouts().next().expect("packets are of IPv4");
    let head = format!("| {} | {} | {} | {:.0}", subject.name, subject.lines.len(), form(&layout), build as f64 / 1e6);
    let Some(told) = acl.decide() else { return (format!("{head} | | does not build | |"), None) };
    compare(subject, &decisions, &told);
    write_verdicts(folder, subject, &decisions);
    let (mut own, mut other) = (0f64, 0f64);
    for _ in 0..ROUNDS {
        other = other.max(acl.rate(PASSES).expect("what built once builds again"));
        let start = std::time::Instant::now();
        for _ in 0..PASSES {
            decide(&matcher, space, black_box(&subject.packets), &mut decisions);
        }
        own = own.max((PASSES * subject.packets.len()) as f64 / start.elapsed().as_secs_f64());
    }
    let ratio = own / other;
    (format!("{head} | {:.1} | {:.1} | {ratio:.1} |", own / 1e6, other / 1e6), Some(ratio))
}

fn decide(matcher: &Matcher, space: SpaceId, packets: &[PacketV4], decisions: &mut [Decision]) {
    for (packets, decisions) in packets.chunks(BATCH).zip(decisions.chunks_mut(BATCH)) {
        matcher.decide_batch_v4(space, packets, decisions);
    }
}

/// Ends the run if a packet is told differently by the line that the peer found, or by no line where it found none.
fn compare(subject: &Subject, decisions: &[Decision], told: &[Option<usize>]) {
    assert_eq!(decisions.len(), told.len(), "{}: the peer decides every packet", subject.name);
    for ((packet, decision), line) in subject.packets.iter().zip(decisions).zip(told) {
        let line = line.and_then(|at| subject.lines.get(at));
        let allows = line.is_some_and(Line::allows);
        assert_eq!(matches!(decision, Decision::Allowed(_)), allows, "{}: {packet:x?} {line:x?}", subject.name);
    }
}

/// Leaves what every line does, and what every packet is told, beside rules and packets: a digit each, 1 for allowed.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn write_verdicts(folder: &std::path::Path, subject: &Subject, decisions: &[Decision]) {
    let digits = |all: &mut dyn Iterator<Item = bool>| all.map(|one| if one { '1' } else { '0' }).collect::<String>();
    let lines = digits(&mut subject.lines.iter().map(Line::allows));
    let packets = digits(&mut decisions.iter().map(|decision| matches!(decision, Decision::Allowed(_))));
    let file = folder.join(format!("{}.verdicts", subject.file()));
    std::fs::write(file, format!("{lines}\n{packets}\n")).expect("a folder that can be written to");
}

fn form(layout: &Layout) -> String {
    match layout.form {
        Ok(PairForm::Dense) => "dense".to_owned(),
        Ok(PairForm::Hashed) => "hashed".to_owned(),
        Ok(PairForm::Layered(layers)) => format!("{layers} layers"),
        Err(why) => format!("none: {why}"),
    }
}
