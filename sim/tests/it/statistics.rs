//! Statistics: chunks merge to the whole, estimators agree with counting, intervals cover the truth.

use proptest::prelude::*;
use seglab_sim::kernel::statistics::{
    Confidence, Fate, Histogram, Incidence, PairedSamples, Precision, Proportion, Samples, normal_quantile,
    ratio_of_means,
};
use seglab_sim::kernel::{Draws, Duration, Name, Probability, Purpose, Technique, Time};

/// All statistics of one chunk of replicas.
#[derive(Clone, Debug, PartialEq)]
struct All {
    proportion: Proportion,
    histogram: Histogram,
    samples: Samples,
    paired: PairedSamples,
    incidence: Incidence,
}

impl All {
    fn of(replicas: &[(u64, u64, Fate)]) -> Self {
        let mut all = Self {
            proportion: Proportion::default(),
            histogram: Histogram::new(2).unwrap(),
            samples: Samples::default(),
            paired: PairedSamples::default(),
            incidence: Incidence::default(),
        };
        for (first, second, fate) in replicas {
            all.proportion.record(*fate == Fate::Event);
            all.histogram.record(*first).unwrap();
            all.samples.record(*first);
            all.paired.record(*first, *second);
            all.incidence.record(Time::from_nanos(*second), *fate);
        }
        all
    }

    fn merged(mut self, later: &Self) -> Self {
        self.proportion.merge(&later.proportion);
        self.histogram.merge(&later.histogram).unwrap();
        self.samples.merge(&later.samples);
        self.paired.merge(&later.paired);
        self.incidence.merge(&later.incidence);
        self
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Event), Just(Fate::Competitor), Just(Fate::Censored)]
}

fn replicas() -> impl Strategy<Value = Vec<(u64, u64, Fate)>> {
    prop::collection::vec((0..Histogram::VALUE_MAX, 0u64..50, fate()), 0..60)
}

proptest! {
    #[test]
    fn chunks_merge_to_the_whole_in_any_grouping(replicas in replicas(), cuts in any::<[prop::sample::Index; 2]>()) {
        let mut cuts = cuts.map(|cut| cut.index(replicas.len() + 1));
        cuts.sort_unstable();
        let [a, b, c] = [&replicas[..cuts[0]], &replicas[cuts[0]..cuts[1]], &replicas[cuts[1]..]].map(All::of);
        let whole = All::of(&replicas);
        prop_assert_eq!(&a.clone().merged(&b).merged(&c), &whole);
        prop_assert_eq!(&a.merged(&b.merged(&c)), &whole);
    }

    /// With everyone watched up to the same horizon, the Aalen–Johansen estimate is a count.
    #[test]
    fn incidence_without_early_censoring_is_a_share(
        times in prop::collection::vec((0u64..40, any::<bool>()), 1..80),
        at in 0u64..45,
        horizon in 20u64..40,
    ) {
        let mut incidence = Incidence::default();
        for (time, event) in &times {
            let fate = if *time > horizon { Fate::Censored } else if *event { Fate::Event } else { Fate::Competitor };
            incidence.record(Time::from_nanos(*time.min(&horizon)), fate);
        }
        let at = at.min(horizon);
        let share = times.iter().filter(|(time, event)| *time <= at && *event).count();
        let curve = incidence.curve();
        prop_assert!((curve.at(Time::from_nanos(at)) - share as f64 / times.len() as f64).abs() < 1e-12);
        prop_assert_eq!(curve.proportion_at(Time::from_nanos(at)), Proportion::new(share as u64, times.len() as u64));
    }

    /// Against the definition: event, competitor and undecided share the probability among them, and only censoring
    /// takes mass away from the steps.
    #[test]
    fn incidence_is_a_distribution(replicas in replicas()) {
        let curve = All::of(&replicas).incidence.curve();
        let mut undecided = 1.0;
        let (mut event, mut competitor) = (0.0, 0.0);
        for step in curve.steps() {
            prop_assert!(step.incidence >= event && step.competitor_incidence >= competitor);
            undecided *= 1.0 - (step.events + step.competitors) as f64 / step.at_risk as f64;
            (event, competitor) = (step.incidence, step.competitor_incidence);
            prop_assert!((event + competitor + undecided - 1.0).abs() < 1e-9);
        }
        prop_assert!(curve.steps().windows(2).all(|pair| pair[0].at < pair[1].at && pair[0].at_risk > pair[1].at_risk));
    }

    /// The restricted mean of uncensored data is the mean of times cut off at the horizon, competitors never seeing it.
    #[test]
    fn restricted_mean_is_a_mean(times in prop::collection::vec((0u64..1_000_000, any::<bool>()), 1..60), horizon in 0u64..1_000_000) {
        let mut incidence = Incidence::default();
        for (time, event) in &times {
            incidence.record(Time::from_nanos(*time), if *event { Fate::Event } else { Fate::Competitor });
        }
        let sum: u64 = times.iter().map(|(time, event)| if *event { *time.min(&horizon) } else { horizon }).sum();
        let mean = incidence.curve().restricted_mean(Time::from_nanos(horizon));
        prop_assert!((mean.as_nanos() as f64 - sum as f64 / times.len() as f64).abs() < 0.51);
    }

    #[test]
    fn quantiles_are_those_of_a_sorted_list(values in prop::collection::vec(0u64..1_000_000, 1..200), percent in 0u32..=100) {
        let q = f64::from(percent) / 100.0;
        let samples: Samples = values.iter().copied().collect();
        let mut histogram = Histogram::new(3).unwrap();
        for value in &values {
            histogram.record(*value).unwrap();
        }
        let mut sorted = values.clone();
        sorted.sort_unstable();
        // In whole numbers: the smallest rank k with 100 k ≥ percent · n.
        let rank = (percent as usize * values.len()).div_ceil(100).max(1);
        let expected = sorted[rank - 1];
        prop_assert_eq!(samples.quantile(q), Some(expected));
        let rough = histogram.quantile(q).unwrap();
        prop_assert!(rough >= expected && rough - expected <= expected / 1_000, "{} against {}", rough, expected);
    }
}

/// The share of 1,000 campaigns of 2,000 replicas whose interval covers the true probability.
fn coverage(p: f64, interval: impl Fn(&Proportion) -> (f64, f64)) -> f64 {
    let chance = Probability::new(p).unwrap();
    let mut covered = 0u32;
    for campaign in 0..1_000 {
        let mut proportion = Proportion::default();
        for replica in 0..2_000 {
            let draws = Draws::new(77 + campaign, replica);
            let mut draw = draws.at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, 0);
            proportion.record(draw.bernoulli(chance));
        }
        let (low, high) = interval(&proportion);
        covered += u32::from(low <= p && p <= high);
    }
    f64::from(covered) / 1_000.0
}

#[test]
fn intervals_of_proportions_cover_the_truth() {
    for p in [0.01, 0.3] {
        let wilson = coverage(p, |proportion| {
            let interval = proportion.wilson(Confidence::P95);
            (interval.low, interval.high)
        });
        assert!((0.93..=0.975).contains(&wilson), "Wilson at {p}: {wilson}");
    }
    let exact = coverage(0.01, |proportion| {
        let interval = proportion.clopper_pearson(Confidence::P95);
        (interval.low, interval.high)
    });
    assert!(exact >= 0.94, "Clopper and Pearson: {exact}");
}

#[test]
fn intervals_of_means_cover_the_truth() {
    let mean = Duration::from_micros(10);
    let mut covered = 0u32;
    for campaign in 0..1_000 {
        let sample = |replica| {
            let draws = Draws::new(3_000 + campaign, replica);
            draws.at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, 0).exponential(mean).as_nanos()
        };
        let samples: Samples = (0..200).map(sample).collect();
        covered += u32::from(samples.mean(Confidence::P95).unwrap().interval.contains(mean.as_nanos() as f64));
    }
    assert!((925..=975).contains(&covered), "{covered} of 1,000");
}

/// A thousand pairs of twenty repetitions, half of whose chance they share, each of them a product of shares as splitting has
/// it: nearly lognormal, and the wider the more levels there are. Intervals that are a fifth narrower would not pass, nor would
/// those that overlook that they are paired.
#[test]
fn intervals_of_ratios_cover_the_truth() {
    let known = 0.031;
    for sigma in [0.1, 0.4, 0.8] {
        let (mut covered, mut narrow) = (0u32, 0u32);
        for campaign in 0..1_000 {
            let repetition = |number| {
                let draws = Draws::new(9_000 + campaign, number);
                let [shared, own, others] = [1, 2, 3].map(|purpose| {
                    let draw = draws.at(Purpose::new(purpose), Name::NONE, Name::NONE, Technique::NONE, 0).uniform();
                    normal_quantile(draw + 0.5 / (1u64 << 53) as f64)
                });
                let value = |own: f64| libm::exp(sigma * (shared + own) / 2f64.sqrt());
                (known * value(own), value(others))
            };
            let (values, others): (Vec<f64>, Vec<f64>) = (0..20).map(repetition).unzip();
            let ratio = ratio_of_means(&values, &others, Confidence::P95).unwrap();
            covered += u32::from(ratio.interval.contains(known));
            let (half_width, off) = (libm::log(ratio.interval.high / ratio.value), libm::log(known / ratio.value));
            narrow += u32::from(off.abs() <= 0.8 * half_width);
        }
        println!("sigma {sigma}: {covered} of 1000 cover, {narrow} if a fifth narrower");
        assert!(narrow < 920, "sigma {sigma}: {narrow} of 1000 cover that are too narrow");
        assert!((920..=975).contains(&covered), "sigma {sigma}: {covered} of 1000 cover");
    }
}

/// A thousand campaigns that each stop as soon as their interval is narrow enough: at least 93 % of the intervals cover the
/// truth, and no campaign runs much longer than it has to.
#[test]
fn intervals_cover_although_they_say_when_to_stop() {
    for (number, (truth, half_width)) in
        (0..).zip([(0.01, 0.005), (0.01, 0.01), (0.05, 0.02), (0.1, 0.02), (0.3, 0.05), (0.5, 0.05), (0.999, 0.01)])
    {
        let precision = Precision::new(half_width).unwrap();
        let probability = Probability::new(truth).unwrap();
        let (mut covered, mut replicas) = (0u32, 0u64);
        for campaign in 0..1_000 {
            let draws = Draws::new(number, campaign);
            let mut happened = Proportion::default();
            for look in precision.looks(1_000_000) {
                for replica in happened.trials() as u32..look {
                    let mut draw = draws.at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, replica);
                    happened.record(draw.bernoulli(probability));
                }
                if precision.is_met(&happened) {
                    break;
                }
            }
            assert!(precision.is_met(&happened), "no campaign needs a million");
            covered += u32::from(happened.clopper_pearson(Confidence::P95).contains(truth));
            replicas += happened.trials();
        }
        let normal = truth * (1.0 - truth) * (1.96 / half_width) * (1.96 / half_width);
        let mean = replicas as f64 / 1_000.0;
        println!("p {truth}, ±{half_width}: {covered} of 1000 cover, {mean:.0} replicas; {normal:.0} known beforehand");
        assert!(covered >= 930, "p {truth}, half-width {half_width}: {covered} of 1000 cover");
        // A look too many is a fifth; Clopper and Pearson's interval is wider by about one event to each side.
        assert!(mean < 1.3 * normal + 4.0 / half_width + 100.0, "p {truth}, half-width {half_width}: {mean}");
    }
}
