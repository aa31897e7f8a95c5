//! What probability theory says of the designs under `scenarios/closed-forms/`, and what simulating them gives.
//!
//! Each closed form is computed here from numbers, and shares nothing with the models but the meaning of the lab file. A
//! campaign's mean is held to it within 4 standard errors, which are of theory, too. A test that is too vague would pass
//! whatever it is held to: so the number of replicas follows from the power against a rate that is off, and the same
//! campaign with that rate has to fail. `SEGLAB_SOAK=1` (`make soak`) turns from 10 % off to 2 % off, 25 times the
//! replicas, and adds the deviates of 200 seeds.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod approval;
mod coverage;
mod defence;
mod loads;
mod random_graph;
mod rare;
mod tradecraft;

use seglab_policy::{Arrivals, Design, Draft};
use seglab_scenarios::load;
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::Fate;
use seglab_sim::models::{AttackerChoice, Campaign, Replica, Settings, TrafficMode};
use std::num::NonZeroUsize;

/// A number that every replica gives, and its distribution.
struct Case {
    file: &'static str,
    /// What is measured of a replica.
    measured: fn(&Replica) -> f64,
    /// Mean and variance of it, where something is off by a factor.
    moments: fn(f64) -> Moments,
    /// What is off: how fast scans are, where nothing else is said.
    off: fn(&mut Draft, f64),
    horizon: Duration,
}

impl Case {
    fn of(file: &'static str, measured: fn(&Replica) -> f64, moments: fn(f64) -> Moments) -> Self {
        Self { file, measured, moments, off: scans, horizon: Duration::from_days(365) }
    }
}

/// All scans are faster by a factor.
fn scans(draft: &mut Draft, factor: f64) {
    draft.attackers.iter_mut().for_each(|attacker| attacker.scan_rate_per_second *= factor);
}

#[derive(Clone, Copy, Debug)]
struct Moments {
    mean: f64,
    variance: f64,
}

/// How often two units meet in `scenarios/closed-forms/` but for `outbreak.yaml`. [per second]
const MEETINGS: f64 = 1e-3;

/// Seconds until the first critical unit fell.
fn time_to_crown(replica: &Replica) -> f64 {
    let first = replica.first_critical().unwrap();
    assert_eq!(first.fate, Fate::Event, "the horizon is long enough");
    first.at.as_secs_f64()
}

/// Seconds until the last unit fell that does.
fn time_to_last(replica: &Replica) -> f64 {
    replica.course.last().unwrap().at.as_secs_f64()
}

/// The moments of a sum of independent exponential times.
fn sum_of(rates: impl Iterator<Item = f64>) -> Moments {
    rates.fold(Moments { mean: 0.0, variance: 0.0 }, |sum, rate| Moments {
        mean: sum.mean + 1.0 / rate,
        variance: sum.variance + 1.0 / (rate * rate),
    })
}

fn chain() -> Case {
    Case::of("chain.yaml", time_to_crown, |factor| sum_of((0..5).map(|_| 0.5 * factor * MEETINGS)))
}

/// 1 if the first critical unit was taken.
fn is_taken(replica: &Replica) -> f64 {
    f64::from(u8::from(replica.first_critical().unwrap().fate == Fate::Event))
}

/// The moments of what happens with a probability.
fn bernoulli(mean: f64) -> Moments {
    Moments { mean, variance: mean * (1.0 - mean) }
}

fn race() -> Case {
    Case::of("race.yaml", is_taken, |factor| {
        let rate = 0.6 * factor * MEETINGS;
        bernoulli(power(rate / (rate + 1.0 / 2500.0), 4))
    })
}

fn worm() -> Case {
    let measured = |replica: &Replica| {
        assert_eq!(replica.compromised(), 40);
        time_to_last(replica)
    };
    Case::of("worm.yaml", measured, |factor| {
        sum_of((1..40).map(|k| f64::from(k * (40 - k)) * 0.25 * factor * MEETINGS))
    })
}

fn outbreak() -> Case {
    Case::of("outbreak.yaml", |replica| replica.compromised() as f64, outbreak_moments)
}

/// The final size of a Markovian SIR epidemic by its jump chain (N. T. J. Bailey, "The total size of a general
/// stochastic epidemic", Biometrika 40, 1953): `chance[s][i]` of ever having s clean and i owned units.
fn outbreak_moments(factor: f64) -> Moments {
    const UNITS: usize = 30;
    let (pair, removal) = (0.25 * factor * 2.5e-4, 1e-3);
    let mut chance = vec![vec![0.0; UNITS + 2]; UNITS];
    chance[UNITS - 1][1] = 1.0;
    let (mut mean, mut square) = (0.0, 0.0);
    for clean in (0..UNITS).rev() {
        let falls = clean as f64 * pair / (clean as f64 * pair + removal);
        for owned in (1..=UNITS - clean).rev() {
            let here = chance[clean][owned];
            chance[clean][owned - 1] += here * (1.0 - falls);
            if clean > 0 {
                chance[clean - 1][owned + 1] += here * falls;
            }
        }
        let size = (UNITS - clean) as f64;
        mean += chance[clean][0] * size;
        square += chance[clean][0] * size * size;
    }
    Moments { mean, variance: square - mean * mean }
}

fn sweep() -> Case {
    let measured = |replica: &Replica| {
        assert_eq!(replica.compromised(), 11);
        time_to_last(replica)
    };
    Case::of("sweep.yaml", measured, |factor| sum_of((1..=10).map(|left| f64::from(left) * 0.5 * factor * MEETINGS)))
}

fn maze() -> Case {
    Case::of("maze.yaml", time_to_crown, maze_moments)
}

/// First-step analysis over the sets of owned units: entry 1, web 2, mail 4, vault 8. With the rates out of a set, T = X + T'
/// where X is exponential and T' the time from the set that comes next.
fn maze_moments(factor: f64) -> Moments {
    let meetings = factor * MEETINGS / 2.0;
    let edges = [(1, 2), (1, 4), (2, 8), (4, 8), (8, 4)];
    let mut moments = [(0.0, 0.0); 16];
    for owned in (1..16usize).rev().filter(|owned| owned & 1 == 1) {
        let mut ways: Vec<(f64, (f64, f64))> = edges
            .iter()
            .filter(|(from, to)| owned & from > 0 && owned & to == 0)
            .map(|(_, to)| (0.5 * meetings, moments[owned | to]))
            .collect();
        // The key is in the vault, and only mail may knock at the crown.
        if owned & 12 == 12 {
            ways.push((0.8 * meetings, (0.0, 0.0)));
        }
        let out: f64 = ways.iter().map(|(rate, _)| rate).sum();
        let next = |of: fn(&(f64, f64)) -> f64| ways.iter().map(|(rate, then)| rate / out * of(then)).sum::<f64>();
        let (first, second) = (next(|then| then.0), next(|then| then.1));
        moments[owned] = (1.0 / out + first, 2.0 / (out * out) + 2.0 * first / out + second);
    }
    let (mean, square) = moments[1];
    Moments { mean, variance: square - mean * mean }
}

/// A number that every replica gives, and its mean, which theory knows; its variance it does not.
struct Queue {
    file: &'static str,
    /// What is measured of a replica.
    measured: fn(&Replica) -> f64,
    mean: f64,
    /// What is off by a factor.
    off: fn(&mut Draft, f64),
    settings: Settings,
}

impl Queue {
    /// Of requests, all of which are followed.
    fn of(file: &'static str, measured: fn(&Replica) -> f64, mean: f64) -> Self {
        let settings = Settings {
            horizon: WATCHED,
            attacker: AttackerChoice::Nobody,
            traffic: TrafficMode::EveryRequest,
            calibration: Some(seglab_formats::lab::calibration::defaults().unwrap()),
            ..Settings::default()
        };
        Self { file, measured, mean, off: requests, settings }
    }
}

/// Requests come more often by a factor.
fn requests(draft: &mut Draft, factor: f64) {
    for need in &mut draft.needs {
        if let Arrivals::Even { rate_per_second } = &mut need.arrivals {
            *rate_per_second *= factor;
        }
    }
}

/// How many requests users of `scenarios/closed-forms/` make in [`WATCHED`]: ten a second.
const REQUESTS: f64 = 1_000.0;
const WATCHED: Duration = Duration::from_secs(100);

/// The sojourn times of all requests that were made, per request that is expected. By Campbell's formula its mean is that of
/// one sojourn in the stationary state, whatever the number of requests. [seconds]
fn sojourn(replica: &Replica) -> f64 {
    replica.latencies[0].sum_ns as f64 / 1e9 / REQUESTS
}

fn queues() -> [Queue; 9] {
    let lost = |replica: &Replica| {
        let flows = replica.needs[0];
        assert_eq!(flows.delivered + flows.queue_full, flows.tried);
        flows.queue_full as f64 / REQUESTS
    };
    let dropped = |replica: &Replica| {
        let flows = replica.needs[0];
        assert_eq!(flows.delivered + flows.table_full, flows.tried);
        flows.table_full as f64 / REQUESTS
    };
    // The first two moments of a lognormal time whose median is 50 ms and whose sigma is 0.8.
    let (first, second) = (0.05 * libm::exp(0.32), 0.05 * 0.05 * libm::exp(4.0 * 0.32));
    // Erlang's second formula at 2.1 erlangs and three servers.
    let busy = power(2.1, 3) / 6.0 / (1.0 - 0.7);
    let waits = busy / (1.0 + 2.1 + 2.1 * 2.1 / 2.0 + busy);
    [
        Queue::of("mm1.yaml", sojourn, 0.07 / 0.3),
        Queue::of("md1.yaml", sojourn, 0.07 + 0.7 * 0.07 / 0.6),
        Queue::of("mg1.yaml", sojourn, first + 10.0 * second / (2.0 * (1.0 - 10.0 * first))),
        Queue::of("mmc.yaml", sojourn, 0.21 + waits * 0.21 / 0.9),
        Queue::of("loss.yaml", lost, 0.3 * power(0.7, 5) / (1.0 - power(0.7, 6))),
        Queue::of("erlang-b.yaml", lost, loads::erlang_b(loads::erlangs(), 8)),
        Queue::of("appliance-queue.yaml", sojourn, 0.07 + 0.7 * 0.07 / 0.6),
        Queue::of("appliance-table.yaml", dropped, loads::erlang_b(7.0, 8)),
        Queue::of("tandem.yaml", sojourn, 0.07 / 0.3 + 0.05 / 0.5),
    ]
}

/// What is measured of each replica, where something is off by a factor.
fn observed(queue: &Queue, factor: f64, replicas: u32, seed: u64) -> Vec<f64> {
    let mut draft = lab(queue.file).to_draft();
    (queue.off)(&mut draft, factor);
    let settings = Settings { replicas, seed, threads: NonZeroUsize::new(2).unwrap(), ..queue.settings.clone() };
    let result = Campaign::run(&[&Design::new(draft).unwrap()], &settings).unwrap();
    result.designs[0].replicas.iter().map(queue.measured).collect()
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn check_queue(queue: &Queue) {
    let off = if soaks() { 0.02 } else { 0.1 };
    let known = queue.mean;
    // What theory does not say is how far replicas lie apart. A campaign of its own says so, of both rates.
    let pilot = |factor| {
        let values = observed(queue, factor, 2_000, 90);
        let mean = mean_of(&values);
        (mean, values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 1_999.0)
    };
    let ((_, variance), (other, other_variance)) = (pilot(1.0), pilot(1.0 + off));
    let deviates = 1.1 * (4.0 + 2.33);
    let replicas = deviates * deviates * variance.max(other_variance) / power(known - other, 2);
    let replicas = (replicas.ceil() as u32).max(50);
    let deviate = |factor, replicas, seed| {
        (mean_of(&observed(queue, factor, replicas, seed)) - known) / (variance / f64::from(replicas)).sqrt()
    };
    let (right, wrong) = (deviate(1.0, replicas, 1), deviate(1.0 + off, replicas, 1));
    println!(
        "| `{}` | {known:.6} | {replicas} | {right:+.2} | {wrong:+.2} with rates {} % off |",
        queue.file,
        off * 100.0
    );
    assert!(right.abs() < 4.0, "{}: {right} standard errors from {known}", queue.file);
    assert!(wrong.abs() > 4.0, "{}: rates that are {off} off go unnoticed: {wrong}", queue.file);
    if soaks() {
        are_standard_normal(queue.file, |seed| deviate(1.0, 500, seed));
    }
}

fn power(base: f64, times: u32) -> f64 {
    (0..times).map(|_| base).product()
}

fn lab(file: &str) -> Design {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/closed-forms/");
    load(&format!("{path}{file}"), &Default::default()).unwrap().design
}

fn design(case: &Case, factor: f64) -> Design {
    let mut draft = lab(case.file).to_draft();
    (case.off)(&mut draft, factor);
    Design::new(draft).unwrap()
}

/// How far the mean of a campaign is from its closed form, in standard errors.
fn deviate(case: &Case, factor: f64, replicas: u32, seed: u64) -> f64 {
    let settings = Settings {
        replicas,
        seed,
        horizon: case.horizon,
        threads: NonZeroUsize::new(2).unwrap(),
        flows_per_need: 0,
        ..Settings::default()
    };
    let result = Campaign::run(&[&design(case, factor)], &settings).unwrap();
    let mean = result.designs[0].replicas.iter().map(case.measured).sum::<f64>() / f64::from(replicas);
    let known = (case.moments)(1.0);
    (mean - known.mean) / (known.variance / f64::from(replicas)).sqrt()
}

fn soaks() -> bool {
    std::env::var_os("SEGLAB_SOAK").is_some()
}

fn check(case: &Case) {
    check_against(case, if soaks() { 0.02 } else { 0.1 });
}

/// As [`holds`]; a soak looks at the deviates of many seeds, too.
fn check_against(case: &Case, off: f64) {
    holds(case, off);
    if soaks() {
        are_standard_normal(case.file, |seed| deviate(case, 1.0, 1_000, seed));
    }
}

/// Holds a case to its closed form, and sees it fail where something is larger by the share `off`.
fn holds(case: &Case, off: f64) {
    let (known, other) = ((case.moments)(1.0), (case.moments)(1.0 + off));
    // 4 standard errors to be seen, 2.33 more to be seen in 99 of 100 campaigns, and a tenth for what is approximate.
    let deviates = 1.1 * (4.0 + 2.33);
    let replicas = deviates * deviates * known.variance.max(other.variance) / power(known.mean - other.mean, 2);
    let replicas = replicas.ceil() as u32;
    let (right, wrong) = (deviate(case, 1.0, replicas, 1), deviate(case, 1.0 + off, replicas, 1));
    println!(
        "| `{}` | {:.6} | {replicas} | {right:+.2} | {wrong:+.2} with rates {} % off |",
        case.file,
        known.mean,
        off * 100.0
    );
    assert!(right.abs() < 4.0, "{}: {right} standard errors from {known:?}", case.file);
    assert!(wrong.abs() > 4.0, "{}: rates that are {off} off go unnoticed: {wrong}", case.file);
}

/// The deviates of 200 seeds by mean, variance and the statistic of Kolmogorov and Smirnov, each at about one in 10,000.
fn are_standard_normal(file: &str, deviate: impl Fn(u64) -> f64) {
    const SEEDS: u32 = 200;
    let mut deviates: Vec<f64> = (0..SEEDS).map(|seed| deviate(100 + u64::from(seed))).collect();
    deviates.sort_by(f64::total_cmp);
    let count = f64::from(SEEDS);
    let mean = deviates.iter().sum::<f64>() / count;
    let variance = deviates.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / (count - 1.0);
    let farthest = (0..SEEDS).zip(&deviates).map(|(rank, z)| {
        let normal = normal_share(*z);
        (normal - f64::from(rank) / count).abs().max((normal - f64::from(rank + 1) / count).abs())
    });
    let farthest = farthest.fold(0.0, f64::max);
    println!("| `{}` | {SEEDS} seeds | mean {mean:+.3} | variance {variance:.3} | KS {farthest:.3} |", file);
    assert!(mean.abs() < 4.0 / count.sqrt(), "{}: mean {mean}", file);
    assert!((0.63..1.47).contains(&variance), "{}: variance {variance}", file);
    assert!(farthest < 2.2 / count.sqrt(), "{}: KS {farthest}", file);
}

/// The distribution function of the standard normal, by bisection of its quantile function.
fn normal_share(z: f64) -> f64 {
    let (mut low, mut high) = (1e-15, 1.0 - 1e-15);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if seglab_sim::kernel::statistics::normal_quantile(middle) < z { low = middle } else { high = middle }
    }
    low
}

#[test]
fn queues_are_those_of_the_textbooks() {
    queues().iter().for_each(check_queue);
}

#[test]
fn the_time_through_a_chain_is_erlang() {
    check(&chain());
}

#[test]
fn a_chain_races_quarantine() {
    check(&race());
}

#[test]
fn a_worm_takes_the_complete_graph() {
    check(&worm());
}

#[test]
fn an_outbreak_ends_as_large_as_its_jump_chain_says() {
    check(&outbreak());
}

#[test]
fn a_sweep_finds_the_last_one() {
    check(&sweep());
}

#[test]
fn a_crown_behind_a_key_is_hit_when_its_chain_is_absorbed() {
    check(&maze());
}

/// The moments of the cases against others that are known: the jump chain where nothing is ever quarantined or nobody ever
/// falls, and the maze against the sum of its shortest way.
#[test]
fn closed_forms_have_the_limits_they_should() {
    let slow = outbreak_moments(1e-9);
    assert!((slow.mean - 1.0).abs() < 1e-6 && slow.variance < 1e-6, "{slow:?}");
    let fast = outbreak_moments(1e9);
    assert!((fast.mean - 30.0).abs() < 1e-6 && fast.variance < 1e-3, "{fast:?}");
    let shortest = sum_of([0.5, 0.5, 0.8].iter().map(|p| p * MEETINGS / 2.0));
    let maze = maze_moments(1.0);
    // Two ways in are faster than one, and the crown takes both mail and vault.
    assert!(maze.mean > 0.75 * shortest.mean && maze.mean < 1.25 * shortest.mean, "{maze:?} {shortest:?}");
    assert!((maze_moments(2.0).mean * 2.0 / maze.mean - 1.0).abs() < 1e-12);
}

/// As `worm.yaml`, forty thousand strong. Long, and seen only where it is 10 % off, for a replica draws for every pair of units.
#[test]
fn a_worm_takes_forty_thousand_units() {
    if !soaks() {
        println!("left to `make soak`");
        return;
    }
    const UNITS: u32 = 40_000;
    // 65.536 attempts a second at 65,536 addresses: two units meet once in 1,000 s, and a quarter of the attempts works.
    let case = Case {
        // Twice the time that it takes: visits after it are not kept.
        horizon: Duration::from_secs(5),
        ..Case::of(
            "pandemic.yaml",
            |replica| {
                assert_eq!(replica.compromised(), u64::from(UNITS));
                time_to_last(replica)
            },
            |factor| {
                let pair = 0.25 * factor * MEETINGS;
                sum_of((1..UNITS).map(|owned| f64::from(owned) * f64::from(UNITS - owned) * pair))
            },
        )
    };
    holds(&case, 0.1);
}
