//! Times passes over traffic. Passes are short and interleaved, so that what disturbs a machine disturbs all alike, and
//! medians are told.

use super::traffic::Traffic;
use seglab_engine::{Decision, Matcher, Roofline};
use serde::Serialize;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::num::NonZero;
use std::sync::Barrier;
#[expect(clippy::disallowed_types, reason = "measuring is what this command is for")]
use std::time::Instant;

/// Packets of a pass: few enough to be seldom interrupted.
const PASS: usize = 4096;
/// How often each pass is made at least.
const ROUNDS: usize = 64;
/// Packets that are handed over together, from one at a time on.
const BATCHES: [usize; 5] = [1, 16, 64, 256, 1024];

/// Decisions a second, by the number of cores that decided.
pub(super) type ByCores = BTreeMap<u16, u64>;

/// What was measured of one kind of traffic.
#[derive(Serialize, Default)]
pub(super) struct Rates {
    /// By address; empty where addresses are not known.
    pub(super) by_address: ByCores,
    pub(super) by_unit: ByCores,
    pub(super) roofline_by_address: ByCores,
    pub(super) roofline_by_unit: ByCores,
}

/// How long batches of one size take.
#[derive(Serialize)]
pub(super) struct BatchTimes {
    pub(super) packets: usize,
    pub(super) decisions_per_second: u64,
    pub(super) batch_ns_p50: u64,
    pub(super) batch_ns_p99: u64,
    pub(super) batch_ns_p999: u64,
}

#[expect(clippy::disallowed_types, reason = "measuring is what this command is for")]
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = Instant::now();
    let result = work();
    (result, u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// The one of sorted times that `share` of them do not pass. \[ns\]
pub(super) fn quantile(sorted: &[u64], share: f64) -> u64 {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// The numbers of cores to measure with: one, and two where there are two.
pub(super) fn cores() -> Vec<u16> {
    let there = std::thread::available_parallelism().map_or(1, NonZero::get);
    (1..=2).filter(|&cores| usize::from(cores) <= there).collect()
}

/// The rates of one kind of traffic on so many cores, each of which decides all of it.
pub(super) fn rates(matcher: &Matcher, traffic: &Traffic, cores: u16, into: &mut Rates) {
    let reads = traffic.space.map_or_else(Vec::new, |space| matcher.reads_v4(space));
    let rooflines = [Roofline::new(&reads, PASS), Roofline::new(&matcher.reads_between(), PASS)];
    let start = Barrier::new(usize::from(cores));
    let medians: Vec<[u64; 4]> = std::thread::scope(|scope| {
        let work = || one_core(matcher, traffic, &rooflines, &start);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut put = |rates: fn(&mut Rates) -> &mut ByCores, at: usize, there: bool| {
        let per_core = medians.iter().filter_map(|medians| medians.get(at)).filter(|&&ns| ns > 0);
        // Picoseconds for each decision, on each core.
        let rate: u64 = per_core.map(|&ps| 1_000_000_000_000 / ps).sum();
        if there {
            rates(into).insert(cores, rate);
        }
    };
    put(|rates| &mut rates.by_address, 0, traffic.space.is_some() && !traffic.packets.is_empty());
    put(|rates| &mut rates.by_unit, 1, !traffic.between.is_empty());
    put(|rates| &mut rates.roofline_by_address, 2, !reads.is_empty() && !traffic.packets.is_empty());
    put(|rates| &mut rates.roofline_by_unit, 3, !matcher.reads_between().is_empty() && !traffic.between.is_empty());
}

/// The medians of passes by address, by unit, and of both rooflines. \[ps a decision\]
fn one_core(matcher: &Matcher, traffic: &Traffic, [of_address, of_unit]: &[Roofline; 2], start: &Barrier) -> [u64; 4] {
    let mut decisions = vec![Decision::Unknown; PASS];
    let mut passes: [Vec<u64>; 4] = Default::default();
    let chunks = traffic.between.len().max(traffic.packets.len()).div_ceil(PASS).max(1);
    start.wait();
    for round in 0..ROUNDS.div_ceil(chunks) * chunks {
        let at = round % chunks * PASS;
        let mut pass = |kind: usize, count: usize, work: &mut dyn FnMut()| {
            let ((), ns) = timed(work);
            if let Some(passes) = passes.get_mut(kind).filter(|_| count > 0) {
                passes.push((ns * 1000 / count as u64).max(1));
            }
        };
        let packets = traffic.packets.get(at..).unwrap_or_default();
        let packets = packets.get(..PASS).unwrap_or(packets);
        if let Some(space) = traffic.space {
            pass(0, packets.len(), &mut || matcher.decide_batch_v4(space, black_box(packets), &mut decisions));
        }
        let between = traffic.between.get(at..).unwrap_or_default();
        let between = between.get(..PASS).unwrap_or(between);
        pass(1, between.len(), &mut || matcher.decide_batch_between(black_box(between), &mut decisions));
        pass(2, PASS, &mut || of_address.pass());
        pass(3, PASS, &mut || of_unit.pass());
        black_box(&decisions);
    }
    passes.map(|mut passes| {
        passes.sort_unstable();
        quantile(&passes, 0.5)
    })
}

/// How long batches take, by their size: by address where addresses are known, else by unit.
pub(super) fn batches(matcher: &Matcher, traffic: &Traffic) -> Vec<BatchTimes> {
    let mut decisions = vec![Decision::Unknown; PASS];
    let by_address = traffic.space.filter(|_| !traffic.packets.is_empty());
    let most = if by_address.is_some() { traffic.packets.len() } else { traffic.between.len() };
    let sizes = BATCHES.into_iter().filter(|&size| size <= most);
    sizes
        .map(|size| {
            let mut times: Vec<u64> = match by_address {
                Some(space) => traffic
                    .packets
                    .chunks_exact(size)
                    .map(|batch| timed(|| matcher.decide_batch_v4(space, black_box(batch), &mut decisions)).1)
                    .collect(),
                None => traffic
                    .between
                    .chunks_exact(size)
                    .map(|batch| timed(|| matcher.decide_batch_between(black_box(batch), &mut decisions)).1)
                    .collect(),
            };
            times.sort_unstable();
            let p50 = quantile(&times, 0.5);
            BatchTimes {
                packets: size,
                decisions_per_second: size as u64 * 1_000_000_000 / p50.max(1),
                batch_ns_p50: p50,
                batch_ns_p99: quantile(&times, 0.99),
                batch_ns_p999: quantile(&times, 0.999),
            }
        })
        .collect()
}
