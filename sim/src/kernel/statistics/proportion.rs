//! How likely something is: the share of replicas in which it happened.

use serde::Serialize;

use super::{Confidence, Interval, beta_quantile, normal_quantile};

/// How often something happened, of how many times it could have.
///
/// Two intervals, for two questions:
/// - [`wilson`](Self::wilson) covers the truth in about the stated share of cases, for small and large proportions alike
///   (E. B. Wilson, "Probable inference", 1927; recommended by Brown, Cai and DasGupta, "Interval estimation for a
///   binomial proportion", 2001). It is what plots and comparisons use.
/// - [`clopper_pearson`](Self::clopper_pearson) covers it in *at least* that share (C. J. Clopper and E. S. Pearson,
///   1934). It is wider, and is what a claim such as "never seen in 10,000 replicas" must be made with.
///
/// ```
/// use seglab_sim::kernel::statistics::{Confidence, Proportion};
/// let mut breached = Proportion::default();
/// for replica in 0..100 { breached.record(replica % 50 == 0) }
/// assert_eq!(breached.estimate(), Some(0.02));
/// let interval = breached.wilson(Confidence::P95);
/// assert!(interval.low > 0.005 && interval.high < 0.0701);
///
/// let never = Proportion::new(0, 10_000).unwrap();
/// assert!(never.upper_bound(Confidence::P95) < 3.0 / 10_000.0, "the rule of three");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proportion {
    // INVARIANT: `events <= trials`.
    events: u64,
    trials: u64,
}

impl Proportion {
    /// `events` of `trials`; `None` if there are more events than trials.
    pub fn new(events: u64, trials: u64) -> Option<Self> {
        (events <= trials).then_some(Self { events, trials })
    }

    /// Counts one more trial.
    pub fn record(&mut self, happened: bool) {
        self.trials += 1;
        self.events += u64::from(happened);
    }

    /// Adds the trials of another.
    pub fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.trials += other.trials;
    }

    /// How often it happened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How often it could have happened.
    pub fn trials(&self) -> u64 {
        self.trials
    }

    /// The share; `None` without trials.
    pub fn estimate(&self) -> Option<f64> {
        (self.trials > 0).then(|| self.events as f64 / self.trials as f64)
    }

    /// Wilson's score interval. Without trials, everything is possible.
    pub fn wilson(&self, confidence: Confidence) -> Interval {
        let Some(share) = self.estimate() else {
            return Interval { low: 0.0, high: 1.0 };
        };
        let n = self.trials as f64;
        let z = normal_quantile(1.0 - confidence.tail());
        let scale = 1.0 + z * z / n;
        let centre = (share + z * z / (2.0 * n)) / scale;
        let half_width = z / scale * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        // At the ends the formula gives 0 and 1 but for rounding.
        let low = if self.events == 0 { 0.0 } else { centre - half_width };
        let high = if self.events == self.trials { 1.0 } else { centre + half_width };
        Interval { low, high }
    }

    /// The exact interval of Clopper and Pearson. Without trials, everything is possible.
    pub fn clopper_pearson(&self, confidence: Confidence) -> Interval {
        Interval { low: self.exact_low(confidence.tail()), high: self.exact_high(confidence.tail()) }
    }

    /// The exact one-sided upper bound: with this confidence, the truth is not above it.
    pub fn upper_bound(&self, confidence: Confidence) -> f64 {
        self.exact_high(1.0 - confidence.get())
    }

    /// The share at which this many events or more have the probability `tail`.
    fn exact_low(&self, tail: f64) -> f64 {
        if self.events == 0 {
            return 0.0;
        }
        beta_quantile(tail, self.events as f64, (self.trials - self.events) as f64 + 1.0)
    }

    /// The share at which this many events or fewer have the probability `tail`.
    fn exact_high(&self, tail: f64) -> f64 {
        if self.events == self.trials {
            return 1.0;
        }
        beta_quantile(1.0 - tail, self.events as f64 + 1.0, (self.trials - self.events) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(interval: Interval, low: f64, high: f64) {
        assert!((interval.low - low).abs() < 5e-5 && (interval.high - high).abs() < 5e-5, "{interval:?}");
    }

    #[test]
    fn intervals_of_the_literature() {
        // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I.
        let newcombe = Proportion::new(81, 263).unwrap();
        close(newcombe.wilson(Confidence::P95), 0.2553, 0.3662);
        close(newcombe.clopper_pearson(Confidence::P95), 0.2527, 0.3676);
        let small = Proportion::new(1, 29).unwrap();
        close(small.wilson(Confidence::P95), 0.0061, 0.1718);
        close(small.clopper_pearson(Confidence::P95), 0.0009, 0.1776);
        let none = Proportion::new(0, 20).unwrap();
        close(none.wilson(Confidence::P95), 0.0, 0.1611);
        close(none.clopper_pearson(Confidence::P95), 0.0, 0.1684);
    }

    #[test]
    fn no_event_and_nothing_but_events() {
        let never = Proportion::new(0, 100).unwrap();
        // The closed form: (1 - p)^100 = 0.05.
        assert!((never.upper_bound(Confidence::P95) - (1.0 - libm::pow(0.05, 0.01))).abs() < 1e-12);
        let always = Proportion::new(100, 100).unwrap();
        assert_eq!(always.upper_bound(Confidence::P95), 1.0);
        assert_eq!(always.wilson(Confidence::P95).high, 1.0);
        assert_eq!(Proportion::default().wilson(Confidence::P95), Interval { low: 0.0, high: 1.0 });
        assert_eq!(Proportion::default().clopper_pearson(Confidence::P95), Interval { low: 0.0, high: 1.0 });
        assert_eq!(Proportion::new(2, 1), None);
    }
}
