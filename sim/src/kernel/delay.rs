//! Chances and delays as a person states them, checked once so that models need not.
//!
//! A [`Probability`] is between 0 and 1. A [`Delay`] is how long something takes: a fixed time, or a distribution of
//! times. Every delay is drawn by inversion from a single uniform number, so that the same draw under a longer delay is
//! a later time.
//!
//! ```
//! use seglab_sim::kernel::{Delay, Draws, Duration, Lognormal, Name, Probability, Purpose, Technique};
//! assert!(Probability::new(1.2).is_err());
//! let patch = Delay::Lognormal(Lognormal::new(Duration::from_days(30), 0.8)?);
//! let mut draw = Draws::new(1, 0).at(Purpose::new(1), Name::new("web"), Name::NONE, Technique::NONE, 0);
//! assert!(patch.sample(&mut draw) > Duration::ZERO);
//! assert!((patch.mean().as_secs_f64() / 86_400.0 - 41.3).abs() < 0.1);
//! # Ok::<(), seglab_sim::kernel::DelayError>(())
//! ```

use serde::Serialize;

use super::statistics::normal_quantile;
use super::{Draw, Duration};

/// A number between 0 and 1, both included.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Probability(f64);

/// A number that is no probability.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("`{0}` is no probability, give a number between 0 and 1")]
pub struct ProbabilityError(f64);

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Delay {
    /// Always the same.
    Constant(Duration),
    /// Memoryless: what has not happened yet is as far off as at the start.
    Exponential {
        /// The mean \[ns\].
        mean: Duration,
    },
    /// Evenly between two ends.
    Uniform {
        /// The shortest \[ns\].
        shortest: Duration,
        /// The longest \[ns\]; not below the shortest, else the shortest is always drawn.
        longest: Duration,
    },
    /// Many small factors multiplied: people's and repair times, file sizes.
    Lognormal(Lognormal),
    /// A tail that falls with a power: sizes of files and jobs, of which a few are most of the work.
    Pareto(Pareto),
}

/// A Pareto distribution of durations: one is longer than x with the probability (shortest / x)^tail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pareto {
    shortest: Duration,
    tail: f64,
}

/// A lognormal distribution of durations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lognormal {
    median: Duration,
    sigma: f64,
}

/// Parameters that make no delay.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum DelayError {
    /// The spread of a lognormal distribution is negative, not a number, or beyond all measure.
    #[error("`{0}` is no spread of a lognormal time, give a sigma between 0 and {MAX_SIGMA}")]
    Sigma(f64),
    /// The tail of a Pareto distribution is so heavy that it has no mean, or not a number.
    #[error("`{0}` is no tail of a time with a mean, give a number above 1")]
    Tail(f64),
}

/// At this spread one in 40 values is a factor of 3e8 above the median: beyond it a number is a slip of the pen.
const MAX_SIGMA: f64 = 10.0;

impl Probability {
    /// Never.
    pub const ZERO: Self = Self(0.0);
    /// Always.
    pub const ONE: Self = Self(1.0);

    /// The probability `p`.
    ///
    /// # Errors
    /// `p` is below 0, above 1, or not a number.
    pub fn new(p: f64) -> Result<Self, ProbabilityError> {
        if (0.0..=1.0).contains(&p) { Ok(Self(p)) } else { Err(ProbabilityError(p)) }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Lognormal {
    /// The distribution with this median, whose logarithm has the standard deviation `sigma`.
    ///
    /// # Errors
    /// `sigma` is negative, not a number, or above 10.
    pub fn new(median: Duration, sigma: f64) -> Result<Self, DelayError> {
        if (0.0..=MAX_SIGMA).contains(&sigma) { Ok(Self { median, sigma }) } else { Err(DelayError::Sigma(sigma)) }
    }

    /// The median \[ns\].
    pub const fn median(self) -> Duration {
        self.median
    }

    /// The standard deviation of the logarithm.
    pub const fn sigma(self) -> f64 {
        self.sigma
    }
}

impl Pareto {
    /// The distribution with this shortest time, whose tail falls with this power.
    ///
    /// # Errors
    /// `tail` is not above 1, infinite, or not a number.
    pub fn new(shortest: Duration, tail: f64) -> Result<Self, DelayError> {
        if tail.is_finite() && tail > 1.0 { Ok(Self { shortest, tail }) } else { Err(DelayError::Tail(tail)) }
    }

    /// The shortest \[ns\].
    pub const fn shortest(self) -> Duration {
        self.shortest
    }

    /// The power by which the tail falls.
    pub const fn tail(self) -> f64 {
        self.tail
    }
}

impl Delay {
    /// A delay of this distribution; takes one word of the draw, or none if there is no choice.
    pub fn sample(&self, draw: &mut Draw) -> Duration {
        match *self {
            Self::Constant(duration) => duration,
            Self::Exponential { mean } => draw.exponential(mean),
            Self::Uniform { shortest, longest } => {
                let width = longest.saturating_sub(shortest).as_nanos() as f64;
                shortest.saturating_add(Duration::saturating_from_nanos_f64(draw.uniform() * width))
            }
            Self::Lognormal(Lognormal { median, sigma }) => {
                // Half a step away from 0, where the quantile would be infinite.
                let centred = draw.uniform() + 0.5 / (1u64 << 53) as f64;
                let factor = libm::exp(sigma * normal_quantile(centred));
                Duration::saturating_from_nanos_f64(factor * median.as_nanos() as f64)
            }
            Self::Pareto(Pareto { shortest, tail }) => {
                // 1 - u is in (0, 1].
                let factor = libm::exp(-libm::log1p(-draw.uniform()) / tail);
                Duration::saturating_from_nanos_f64(factor * shortest.as_nanos() as f64)
            }
        }
    }

    /// The mean \[ns\], rounded to the precision of a float.
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Constant(duration) => duration,
            Self::Exponential { mean } => mean,
            Self::Uniform { shortest, longest } => {
                let half_width = longest.saturating_sub(shortest).as_nanos() / 2;
                shortest.saturating_add(Duration::from_nanos(half_width))
            }
            Self::Lognormal(Lognormal { median, sigma }) => {
                Duration::saturating_from_nanos_f64(median.as_nanos() as f64 * libm::exp(sigma * sigma / 2.0))
            }
            Self::Pareto(Pareto { shortest, tail }) => {
                Duration::saturating_from_nanos_f64(shortest.as_nanos() as f64 * tail / (tail - 1.0))
            }
        }
    }
}

impl From<Duration> for Delay {
    fn from(duration: Duration) -> Self {
        Self::Constant(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_probability() {
        for p in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(p).is_err(), "{p}");
        }
        assert_eq!(Probability::new(1.0), Ok(Probability::ONE));
        assert_eq!(Probability::new(0.0), Ok(Probability::ZERO));
        let message = Probability::new(1.2).unwrap_err().to_string();
        assert_eq!(message, "`1.2` is no probability, give a number between 0 and 1");
    }

    #[test]
    fn spreads_that_are_none() {
        for sigma in [-1.0, f64::NAN, 11.0] {
            assert!(Lognormal::new(Duration::from_secs(1), sigma).is_err(), "{sigma}");
        }
    }
}
