//! One value of each replica, all of them kept.

use serde::Serialize;

use super::{Confidence, Estimate, mean_estimate, rank};

/// Values in replica order, such as the number of compromised units at the horizon.
///
/// ```
/// use seglab_sim::kernel::statistics::{Confidence, Samples};
/// let compromised: Samples = [1, 1, 2, 14, 3].into_iter().collect();
/// assert_eq!(compromised.quantile(0.5), Some(2));
/// assert_eq!(compromised.quantile(1.0), Some(14));
/// let mean = compromised.mean(Confidence::P95).unwrap();
/// assert_eq!(mean.value, 4.2);
/// assert!(mean.interval.contains(4.2));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Samples {
    values: Vec<u64>,
}

impl Samples {
    /// Adds the value of the next replica.
    pub fn record(&mut self, value: u64) {
        self.values.push(value);
    }

    /// Adds the values of the replicas that follow.
    pub fn merge(&mut self, later: &Self) {
        self.values.extend_from_slice(&later.values);
    }

    /// The values in replica order.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// The smallest value that a share `q` of the values does not exceed: always one of them. `None` without values, or
    /// if `q` is not in \[0, 1\].
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let index = rank(q, self.values.len() as u64)? as usize - 1;
        let mut values = self.values.clone();
        let (_, value, _) = values.select_nth_unstable(index);
        Some(*value)
    }

    /// The mean, with Student's interval; `None` for fewer than two values.
    pub fn mean(&self, confidence: Confidence) -> Option<Estimate> {
        mean_estimate(self.values.iter().map(|value| i128::from(*value)), confidence)
    }
}

impl FromIterator<u64> for Samples {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        Self { values: values.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_of_nothing() {
        let mut samples = Samples::default();
        assert_eq!(samples.quantile(0.5), None);
        assert_eq!(samples.mean(Confidence::P95), None);
        samples.record(3);
        assert_eq!(samples.quantile(0.0), Some(3));
        assert_eq!(samples.mean(Confidence::P95), None, "one value knows nothing of chance");
    }

    /// Mean 5.5, standard deviation 3.0277, t of 9 degrees 2.2622.
    #[test]
    fn a_textbook_interval() {
        let samples: Samples = (1..=10).collect();
        let mean = samples.mean(Confidence::P95).unwrap();
        assert_eq!(mean.value, 5.5);
        assert!((mean.interval.low - 3.334_149).abs() < 1e-5 && (mean.interval.high - 7.665_851).abs() < 1e-5);
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let samples: Samples = [u64::MAX; 3].into_iter().collect();
        assert_eq!(samples.mean(Confidence::P95).unwrap().value, u64::MAX as f64);
    }
}
