//! What general policy engines decide a second beside seglab's matcher: the same label policies, the same connections, the
//! same answers, turn by turn.
//!
//! `seglab-peer-engines [RULES …]` generates a company of 40,000 units for each number of rules, and asks Cedar, a Rego
//! interpreter and Wirefilter, each with the policy written the way that suits it best ([`cedar`], [`rego`], [`filter`] say
//! how). Every decision of a peer is held to seglab's; one that differs ends the run. What a peer is handed of a connection
//! is made beforehand, as packets are for seglab.

mod cedar;
mod filter;
mod rego;
mod subject;

use seglab_engine::{Decision, Limits, Matcher, UnitPacket};
use seglab_policy::Assume;
use std::hint::black_box;
use std::time::Instant;
use subject::Subject;

/// Connections of a trace.
const CONNECTIONS: usize = 1 << 15;
/// How often all take their turn, and the time that a turn takes at least.
const ROUNDS: usize = 5;
const TURN_NS: u128 = 300_000_000;

/// A policy engine with a policy and connections, which it decides by their position.
trait Peer {
    fn allows(&mut self, at: usize) -> bool;
}

/// A peer's name, and how it takes a policy.
type Make = for<'s> fn(&'s Subject) -> Box<dyn Peer + 's>;

fn main() {
    let sizes: Vec<u32> = std::env::args().skip(1).map(|word| word.parse().expect("numbers of rules")).collect();
    let sizes = if sizes.is_empty() { vec![1000, 10_000] } else { sizes };
    println!(
        "| rules | engine | set up \\[ms\\] | decisions/s | seglab, one at a time \\[M/s\\] | ratio | in batches \\[M/s\\] | ratio |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let peers: [(&str, Make); 3] = [
        ("`wirefilter-engine` 0.6", |subject| Box::new(filter::Filters::new(subject))),
        ("`regorus` 0.14", |subject| Box::new(rego::Rego::new(subject))),
        ("`cedar-policy` 4.14", |subject| Box::new(cedar::Cedar::new(subject))),
    ];
    for rules in sizes {
        let subject = Subject::new(rules, CONNECTIONS);
        let matcher = Matcher::compile(subject.design(), Assume::business(), Limits::default()).expect("it fits");
        let packets = subject.packets(&matcher);
        let mut decisions = vec![Decision::Unknown; packets.len()];
        matcher.decide_batch_between(&packets, &mut decisions);
        for (name, make) in peers {
            println!("| {} | {name} |{}", subject.rules(), row(&subject, &matcher, &packets, &decisions, make));
        }
    }
}

/// Holds a peer to what seglab decided, and times both in turns: the rest of a row.
fn row(subject: &Subject, matcher: &Matcher, packets: &[UnitPacket], decisions: &[Decision], make: Make) -> String {
    let start = on_processor_ns();
    let mut peer = make(subject);
    let build = on_processor_ns() - start;
    // As many connections as a few turns have time for, and twice the least.
    let mut few = 0;
    let start = Instant::now();
    let mut told = [0usize; 2];
    for (at, decision) in decisions.iter().enumerate() {
        let wanted = matches!(decision, Decision::Allowed(_));
        assert_eq!(peer.allows(at), wanted, "{}", subject.connection(at).display(subject.design()));
        told[usize::from(wanted)] += 1;
        few = at + 1;
        if start.elapsed().as_nanos() > 4 * TURN_NS && few >= 512 {
            break;
        }
    }
    assert!(told.iter().all(|&count| count > few / 20), "few are allowed, or nearly all: {told:?}");
    let mut answers = vec![Decision::Unknown; packets.len()];
    let mut turns: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        turns[0].push(turn(few, || (0..few).for_each(|at| _ = black_box(peer.allows(black_box(at))))));
        turns[1].push(turn(few, || {
            packets.iter().take(few).for_each(|packet| _ = black_box(matcher.decide_between(black_box(packet))));
        }));
        turns[2].push(turn(packets.len(), || {
            for (packets, answers) in packets.chunks(256).zip(answers.chunks_mut(256)) {
                matcher.decide_batch_between(black_box(packets), answers);
            }
        }));
    }
    let [theirs, single, batched] = turns.map(|mut rates| {
        rates.sort_unstable_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    format!(
        " {:.0} | {} | {:.1} | {:.0} | {:.0} | {:.0} |",
        build as f64 / 1e6,
        seglab_policy::number(theirs as u64),
        single / 1e6,
        single / theirs,
        batched / 1e6,
        batched / theirs
    )
}

/// Decisions a second of this thread on its processor, over as many passes as a turn takes.
fn turn(decisions: usize, mut pass: impl FnMut()) -> f64 {
    let (clock, start) = (Instant::now(), on_processor_ns());
    let mut passes = 0;
    while passes == 0 || clock.elapsed().as_nanos() < TURN_NS {
        pass();
        passes += 1;
    }
    (decisions * passes) as f64 * 1e9 / (on_processor_ns() - start) as f64
}

/// Nanoseconds that this thread has run on a processor.
fn on_processor_ns() -> u128 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a system that counts");
    told.split_whitespace().next().and_then(|first| first.parse().ok()).expect("nanoseconds come first")
}
