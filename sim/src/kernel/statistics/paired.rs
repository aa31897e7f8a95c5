//! The difference that a design makes, replica by replica under the same chance.

use serde::Serialize;

use super::{Confidence, Estimate, mean_estimate};

/// Pairs of values in replica order: what two designs gave under the same draws.
///
/// Because draws are addressed by what they decide, replica 17 of one design and replica 17 of the other share all chance
/// that the designs do not touch. It cancels in the difference, whose interval is then much narrower than that of two
/// independent campaigns, and is exactly zero for a design against itself.
///
/// ```
/// use seglab_sim::kernel::statistics::{Confidence, PairedSamples};
/// let mut compromised = PairedSamples::default();
/// for replica in 0..100 { compromised.record(40 + replica % 7, 10 + replica % 7) }
/// let change = compromised.mean_difference(Confidence::P95).unwrap();
/// assert_eq!((change.value, change.interval.low, change.interval.high), (-30.0, -30.0, -30.0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PairedSamples {
    pairs: Vec<(u64, u64)>,
}

impl PairedSamples {
    /// Adds what the first and the second design gave in the next replica.
    pub fn record(&mut self, first: u64, second: u64) {
        self.pairs.push((first, second));
    }

    /// Adds the pairs of the replicas that follow.
    pub fn merge(&mut self, later: &Self) {
        self.pairs.extend_from_slice(&later.pairs);
    }

    /// The pairs in replica order.
    pub fn pairs(&self) -> &[(u64, u64)] {
        &self.pairs
    }

    /// The mean of second minus first, with Student's interval of the differences; `None` for fewer than two pairs.
    pub fn mean_difference(&self, confidence: Confidence) -> Option<Estimate> {
        let differences = self.pairs.iter().map(|(first, second)| i128::from(*second) - i128::from(*first));
        mean_estimate(differences, confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_design_against_itself_differs_by_nothing() {
        let mut pairs = PairedSamples::default();
        for value in [0, 5, u64::MAX] {
            pairs.record(value, value);
        }
        let difference = pairs.mean_difference(Confidence::P99).unwrap();
        assert_eq!((difference.value, difference.interval.low, difference.interval.high), (0.0, 0.0, 0.0));
    }

    /// Differences 1, 2, 3, 4: mean 2.5, standard error 0.6455, t of 3 degrees 3.1824.
    #[test]
    fn a_textbook_interval() {
        let mut pairs = PairedSamples::default();
        for (first, second) in [(10, 11), (10, 12), (5, 8), (0, 4)] {
            pairs.record(first, second);
        }
        let difference = pairs.mean_difference(Confidence::P95).unwrap();
        assert_eq!(difference.value, 2.5);
        assert!((difference.interval.low - 0.445_739_7).abs() < 1e-6, "{difference:?}");
    }
}
