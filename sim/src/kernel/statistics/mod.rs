//! Statistics of many replicas that merge exactly, and say how sure they are.
//!
//! Everything here is counted in whole numbers or kept as the observations themselves, in replica order. Merging the
//! statistics of replicas 0–49 with those of 50–99 therefore gives the bytes of 0–99, however the replicas are cut into
//! chunks. Floating point comes in at the very end, when a statistic is printed.
//!
//! | statistic | keeps | answers |
//! | --- | --- | --- |
//! | [`Proportion`] | two counters | how likely? With an interval that is right for rare events, too |
//! | [`Histogram`] | counters of nearly equal values | quantiles of millions of values, to a stated precision |
//! | [`Samples`] | every value | exact quantiles and the mean, of one value a replica |
//! | [`PairedSamples`] | every pair of values | the difference that a design makes under the same chance |
//! | [`Incidence`] | every replica's fate | how likely by when, where something else may come first |
//! | [`Precision`] | a half-width | are these replicas enough? |
//!
//! An [`Interval`] speaks about chance only: how far the number may be from what infinitely many replicas would give.
//! It knows nothing of how wrong the model's parameters are.

mod histogram;
mod incidence;
mod paired;
mod precision;
mod proportion;
mod ratio;
mod samples;
mod special;

use serde::{Deserialize, Serialize};

pub use histogram::{Histogram, HistogramError};
pub use incidence::{Fate, Incidence, IncidenceCurve, Step};
pub use paired::PairedSamples;
pub use precision::{Precision, PrecisionError};
pub use proportion::Proportion;
pub use ratio::ratio_of_means;
pub use samples::Samples;
pub use special::{beta_quantile, normal_quantile, regularized_beta, student_t_quantile};

/// The probability with which an interval covers the true value, between 0 and 1, both excluded.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Confidence(f64);

/// A number that is no confidence.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("`{0}` is no confidence, give a number above 0 and below 1, such as 0.95")]
pub struct ConfidenceError(f64);

/// A range of values that covers the true one with some [`Confidence`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A value, and how far chance may have put it off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The interval around it.
    pub interval: Interval,
}

impl Confidence {
    /// 95 %: what the reports use.
    pub const P95: Self = Self(0.95);
    /// 99 %.
    pub const P99: Self = Self(0.99);

    /// The confidence `level`.
    ///
    /// # Errors
    /// `level` is not above 0, not below 1, or not a number.
    pub fn new(level: f64) -> Result<Self, ConfidenceError> {
        if level > 0.0 && level < 1.0 { Ok(Self(level)) } else { Err(ConfidenceError(level)) }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The probability left over on each side of a two-sided interval.
    fn tail(self) -> f64 {
        (1.0 - self.0) / 2.0
    }
}

impl Interval {
    /// True if the value lies within, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The mean of values and its Student interval, which is exact for normal values and good for means of many others.
/// `None` for fewer than two values: one value knows nothing of chance.
fn mean_estimate(values: impl ExactSizeIterator<Item = i128> + Clone, confidence: Confidence) -> Option<Estimate> {
    let n = values.len();
    if n < 2 {
        return None;
    }
    let mean = values.clone().sum::<i128>() as f64 / n as f64;
    Some(around(mean, values.map(|value| value as f64), confidence))
}

/// The same of values that are no integers, such as one of each of some independent repetitions.
pub fn mean(values: &[f64], confidence: Confidence) -> Option<Estimate> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.len() >= 2).then(|| around(mean, values.iter().copied(), confidence))
}

/// Student's interval around the mean of at least two values.
fn around(mean: f64, values: impl ExactSizeIterator<Item = f64>, confidence: Confidence) -> Estimate {
    let n = values.len();
    let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
    let standard_error = (squares / (n - 1) as f64 / n as f64).sqrt();
    let half_width = student_t_quantile(1.0 - confidence.tail(), (n - 1) as f64) * standard_error;
    Estimate { value: mean, interval: Interval { low: mean - half_width, high: mean + half_width } }
}

/// The rank, from 1 to `n`, of the value that a share `q` of `n` values does not exceed: the inverse of the empirical
/// distribution function (type 1 of Hyndman and Fan, 1996). `None` if there is no value, or `q` is no share.
fn rank(q: f64, n: u64) -> Option<u64> {
    if n == 0 || !(0.0..=1.0).contains(&q) {
        return None;
    }
    // 0.07 * 100 is a little above 7 in floating point, but is meant to be 7.
    let exact = q * n as f64;
    let nearest = libm::round(exact);
    let meant = if (exact - nearest).abs() <= 1e-12 * exact { nearest } else { libm::ceil(exact) };
    Some((meant as u64).clamp(1, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_meant_not_rounded_up() {
        for (q, n, expected) in [
            (0.0, 10, Some(1)),
            (0.5, 10, Some(5)),
            (0.5, 11, Some(6)),
            (0.07, 100, Some(7)),
            (0.29, 100, Some(29)),
            (1.0, 3, Some(3)),
            (0.999, 3, Some(3)),
            (0.5, 0, None),
            (1.1, 3, None),
            (f64::NAN, 3, None),
        ] {
            assert_eq!(rank(q, n), expected, "{q} of {n}");
        }
    }

    #[test]
    fn numbers_that_are_no_confidence() {
        for level in [0.0, 1.0, 95.0, f64::NAN] {
            assert!(Confidence::new(level).is_err(), "{level}");
        }
        assert_eq!(Confidence::new(0.95), Ok(Confidence::P95));
    }
}
