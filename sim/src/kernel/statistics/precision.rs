//! When enough replicas were run: sequential stopping at a stated precision.
//!
//! How many replicas a given precision takes depends on the answer. So a campaign looks at its interval now and then, and
//! stops when that is narrow enough. Whoever looks after every replica stops at a lucky moment, and the interval covers the
//! truth less often than it says. Two things keep that small, and a test of 1,000 campaigns each measures what is left:
//! the looks are few, each after a fifth more replicas than the last; and the interval is Clopper and Pearson's, which
//! covers more than it has to.
//!
//! ```
//! use seglab_sim::kernel::statistics::{Precision, Proportion};
//! let precision = Precision::new(0.05)?;
//! assert!(!precision.is_met(&Proportion::new(50, 100).expect("a share")));
//! assert!(precision.is_met(&Proportion::new(250, 500).expect("a share")));
//! assert_eq!(precision.looks(300).collect::<Vec<_>>(), [100, 120, 144, 173, 208, 250, 300]);
//! # Ok::<(), seglab_sim::kernel::statistics::PrecisionError>(())
//! ```

use serde::Serialize;

use super::{Confidence, Proportion};

/// The half-width that the 95 % interval of a proportion is to have at most.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Precision(f64);

/// A number that is no precision.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("`{0}` is no precision of a chance, give a number from 0.0001 up to and below 0.5")]
pub struct PrecisionError(f64);

/// Before so many replicas nobody looks.
const FIRST_LOOK: u32 = 100;
/// A hundredth of a percent takes 100 million replicas.
const FINEST: f64 = 1e-4;

impl Precision {
    /// The precision of an interval that is `half_width` to each side.
    ///
    /// # Errors
    /// The half-width is below 0.0001, not below 0.5, or not a number.
    pub fn new(half_width: f64) -> Result<Self, PrecisionError> {
        if (FINEST..0.5).contains(&half_width) { Ok(Self(half_width)) } else { Err(PrecisionError(half_width)) }
    }

    /// The half-width.
    pub const fn half_width(self) -> f64 {
        self.0
    }

    /// True if the interval of this proportion is narrow enough.
    pub fn is_met(self, proportion: &Proportion) -> bool {
        let interval = proportion.clopper_pearson(Confidence::P95);
        (interval.high - interval.low) / 2.0 <= self.0
    }

    /// After how many replicas to look, ascending; the last time after `most`.
    pub fn looks(self, most: u32) -> impl Iterator<Item = u32> {
        let first = FIRST_LOOK.min(most);
        std::iter::successors(Some(first), move |&last| {
            (last < most).then(|| last.saturating_add(last.div_ceil(5)).min(most))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_precision() {
        for half_width in [0.0, -0.1, 0.5, 1e-5, f64::NAN] {
            assert!(Precision::new(half_width).is_err(), "{half_width}");
        }
        assert_eq!(Precision::new(0.01).map(Precision::half_width), Ok(0.01));
    }

    #[test]
    fn looks_end_at_the_most() {
        let precision = Precision(0.01);
        for most in [1, 99, 100, 101, 5_000, u32::MAX] {
            let looks: Vec<u32> = precision.looks(most).collect();
            assert_eq!(looks.last(), Some(&most));
            assert!(looks.is_sorted_by(|a, b| a < b), "{looks:?}");
        }
    }
}
