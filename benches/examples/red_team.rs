//! A red team's times to the crown jewels of a hundred workloads, and what the same designs give over a box of parameters.
//!
//! The study (Bishop Fox for Illumio, *Efficacy of micro-segmentation*, 2020) found that a team took 300 % longer where
//! environments were apart than in a flat network, 450 % where applications were, and 950 % where tiers were. Nobody knows the
//! numbers of that team, so nothing is fitted: parameters are drawn evenly, rates and times by their logarithms, from ranges
//! that are declared here, and what is told is in which share of the draws each ratio comes out within a factor of 2.
//!
//! `red_team FOLDER DRAWS REPLICAS`; the folder is `scenarios/experiments/red-team`.

use seglab_policy::{Design, Strategy};
use seglab_scenarios::load;
use seglab_sim::kernel::{Draws, Duration, Name, Purpose, Technique};
use seglab_sim::models::{Campaign, Settings};
use std::num::NonZeroUsize;

/// What these draws are for; campaigns use small numbers.
const POINT: Purpose = Purpose::new(1001);
/// Each design, and how many times as long as in the flat one the team took.
const DESIGNS: [(&str, f64); 4] = [("flat", 1.0), ("environments", 4.0), ("ring-fenced", 5.5), ("tiers", 10.5)];
/// How many times as long as one unit takes replicas are watched, which is several times what the crown jewels take.
const STEPS: f64 = 30.0;

/// A point of the box.
struct Point {
    scan_rate_per_second: f64,
    exploit_probability: f64,
    exploit_mean_ns: f64,
    strategy: Strategy,
}

impl Point {
    fn draw(number: u32) -> Self {
        let mut draw = Draws::new(1, number).at(POINT, Name::NONE, Name::NONE, Technique::NONE, 0);
        let mut within = |low: f64, high: f64| low * libm::pow(high / low, draw.uniform());
        let (scan_rate_per_second, exploit_mean_ns) = (within(0.05, 20.0), within(60e9, 8.0 * 3600e9));
        let exploit_probability = 0.05 + 0.9 * draw.uniform();
        let strategy = if draw.uniform() < 0.5 { Strategy::RandomWalk } else { Strategy::Worm };
        Self { scan_rate_per_second, exploit_probability, exploit_mean_ns, strategy }
    }

    /// Until one unit that has one of three services is met, tried at it, and taken, [`STEPS`] times.
    fn horizon(&self) -> Duration {
        let visits = 3.0 * f64::from(Settings::SCANNED_ADDRESSES_MIN) / self.scan_rate_per_second;
        let step = visits / self.exploit_probability + self.exploit_mean_ns / 1e9;
        Duration::from_secs_f64(STEPS * step).unwrap_or(Duration::MAX)
    }

    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    fn of(&self, design: &Design) -> Design {
        let mut draft = design.to_draft();
        for attacker in &mut draft.attackers {
            attacker.scan_rate_per_second = self.scan_rate_per_second;
            attacker.exploit_probability = self.exploit_probability;
            attacker.exploit_mean_ns = self.exploit_mean_ns as u64;
            attacker.strategy = self.strategy;
        }
        Design::new(draft).expect("it holds together")
    }
}

#[expect(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a tool that prints what it measures")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, points, replicas] = words.as_slice() else {
        panic!("give a folder, and numbers of draws and replicas")
    };
    let points: u32 = points.parse().expect("a number");
    let replicas: u32 = replicas.parse().expect("a number");
    let designs = DESIGNS
        .map(|(name, _)| load(&format!("{folder}/{name}.yaml"), &Default::default()).expect("a lab file").design);
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut ratios: Vec<[f64; 4]> = Vec::new();
    for number in 0..points {
        let point = Point::draw(number);
        let horizon = point.horizon();
        let settings = Settings { replicas, horizon, flows_per_need: 0, threads, ..Settings::default() };
        let changed = designs.each_ref().map(|design| point.of(design));
        let result = Campaign::run(&changed.each_ref(), &settings).expect("it runs");
        let times: Vec<f64> = result
            .designs
            .iter()
            .map(|design| design.first_critical.curve().restricted_mean(horizon.after_start()).as_secs_f64())
            .collect();
        let flat = times.first().copied().unwrap_or(f64::NAN);
        ratios.push(std::array::from_fn(|at| times.get(at).copied().unwrap_or(f64::NAN) / flat));
    }
    let share = |holds: &dyn Fn(&[f64; 4]) -> bool| {
        100.0 * ratios.iter().filter(|ratios| holds(ratios)).count() as f64 / f64::from(points)
    };
    println!("| design | the study's ratio | 10 % | median | 90 % | within a factor of 2 |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (at, (name, known)) in DESIGNS.into_iter().enumerate().skip(1) {
        let mut found: Vec<f64> = ratios.iter().filter_map(|ratios| ratios.get(at).copied()).collect();
        found.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| found.get((share * (found.len() - 1) as f64) as usize).copied().unwrap_or(f64::NAN);
        let near = share(&|ratios| ratios.get(at).is_some_and(|ratio| (known / 2.0..=known * 2.0).contains(ratio)));
        println!(
            "| {name} | {known} | {:.2} | {:.2} | {:.2} | {near:.0} % |",
            quantile(0.1),
            quantile(0.5),
            quantile(0.9)
        );
    }
    println!(
        "\nAll three at once in {:.0} % of {points} draws; in the study's order in {:.0} %.",
        share(&|ratios| ratios
            .iter()
            .zip(DESIGNS)
            .all(|(ratio, (_, known))| (known / 2.0..=known * 2.0).contains(ratio))),
        share(&|ratios| ratios.is_sorted()),
    );
}
