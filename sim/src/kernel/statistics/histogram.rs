//! Quantiles of very many values, in bounded memory.

use hdrhistogram::Histogram as HdrHistogram;

use super::rank;

/// Counts values to a number of significant decimal digits, as latencies are counted.
///
/// A value is known to that many digits, however large; the number of values, their sum and therefore their mean are
/// exact. Memory depends on the largest value and not on how many there are: 50 kB for hours in nanoseconds at two
/// digits. Merging adds counters, so that the order of merging is of no account.
///
/// ```
/// use seglab_sim::kernel::statistics::Histogram;
/// let mut latency_ns = Histogram::new(3)?;
/// for i in 1..=1_000 { latency_ns.record(i * 1_000)? }
/// let p99 = latency_ns.quantile(0.99).unwrap();
/// assert!((990_000..991_000).contains(&p99));
/// assert_eq!(latency_ns.mean(), Some(500_500.0));
/// # Ok::<(), seglab_sim::kernel::statistics::HistogramError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    counts: HdrHistogram<u64>,
    sum: u128,
}

/// Why values were not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistogramError {
    /// Histograms keep from 0 to 5 digits.
    #[error("`{0}` significant digits were asked for, give 0 to 5")]
    Digits(u8),
    /// The value is above what a histogram can hold.
    #[error("`{0}` is too large to be counted, give values up to {max}", max = Histogram::VALUE_MAX)]
    TooLarge(u64),
    /// Two histograms of different precision have no common one.
    #[error("a histogram of {0} significant digits cannot take one of {1}: give both the same")]
    Precision(u8, u8),
}

impl Histogram {
    /// The largest value that can be counted.
    pub const VALUE_MAX: u64 = u64::MAX / 4;

    /// An empty histogram that knows values to this many significant decimal digits.
    ///
    /// # Errors
    /// More than 5 digits.
    pub fn new(digits: u8) -> Result<Self, HistogramError> {
        let counts = HdrHistogram::new(digits).map_err(|_| HistogramError::Digits(digits))?;
        Ok(Self { counts, sum: 0 })
    }

    /// Counts one value.
    ///
    /// # Errors
    /// The value is above [`Histogram::VALUE_MAX`].
    pub fn record(&mut self, value: u64) -> Result<(), HistogramError> {
        if value > Self::VALUE_MAX {
            return Err(HistogramError::TooLarge(value));
        }
        self.counts.record(value).map_err(|_| HistogramError::TooLarge(value))?;
        self.sum += u128::from(value);
        Ok(())
    }

    /// Adds the values of another histogram.
    ///
    /// # Errors
    /// The other one has another number of digits.
    pub fn merge(&mut self, other: &Self) -> Result<(), HistogramError> {
        if self.counts.sigfig() != other.counts.sigfig() {
            return Err(HistogramError::Precision(self.counts.sigfig(), other.counts.sigfig()));
        }
        self.counts.add(&other.counts).map_err(|_| HistogramError::TooLarge(other.counts.max()))?;
        self.sum += other.sum;
        Ok(())
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// The exact sum of the values.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum as f64 / self.count() as f64)
    }

    /// The value that a share `q` of the values does not exceed, rounded up to the histogram's precision; `None` without
    /// values, or if `q` is not in \[0, 1\].
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let rank = rank(q, self.count())?;
        let mut below = 0;
        for step in self.counts.iter_recorded() {
            below += step.count_at_value();
            if below >= rank {
                return Some(self.counts.highest_equivalent(step.value_iterated_to()));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_to_their_digits() {
        for value in [0, 1, 7, 999, 123_456, 86_400_000_000_000, Histogram::VALUE_MAX] {
            let mut histogram = Histogram::new(3).unwrap();
            histogram.record(value).unwrap();
            let quantile = histogram.quantile(0.5).unwrap();
            assert!(quantile >= value && quantile - value <= value / 1_000, "{value}: {quantile}");
            assert_eq!(histogram.sum(), u128::from(value));
        }
    }

    #[test]
    fn what_cannot_be_counted_is_an_error_and_changes_nothing() {
        assert_eq!(Histogram::new(6), Err(HistogramError::Digits(6)));
        let mut histogram = Histogram::new(2).unwrap();
        assert_eq!(histogram.record(u64::MAX), Err(HistogramError::TooLarge(u64::MAX)));
        assert_eq!(histogram.merge(&Histogram::new(3).unwrap()), Err(HistogramError::Precision(2, 3)));
        assert_eq!((histogram.count(), histogram.mean(), histogram.quantile(0.5)), (0, None, None));
    }
}
