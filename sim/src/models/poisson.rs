//! Poisson counts by inversion: one uniform number, and a larger one never gives a smaller count.

/// The largest mean that [`count`] takes: beyond it the probability of zero leaves the range of floats.
pub(super) const MEAN_MAX: f64 = 500.0;

/// The count at the share `u` of the Poisson distribution whose probability of zero is `none`, at most `most`.
///
/// The caller keeps `none = exp(-mean)`, which costs more than the rest.
pub(super) fn count(u: f64, mean: f64, none: f64, most: u32) -> u32 {
    let (mut term, mut below, mut count) = (none, none, 0);
    while u >= below && count < most {
        count += 1;
        term *= mean / f64::from(count);
        below += term;
        // Far in the tail the sum stops growing before it reaches the largest `u`.
        if term == 0.0 {
            break;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Draws, Name, Purpose, Technique};

    #[test]
    fn mean_and_variance_are_the_mean() {
        for mean in [0.125, 3.0, 200.0, MEAN_MAX] {
            let none = libm::exp(-mean);
            let n = 20_000;
            let counts: Vec<f64> = (0..n)
                .map(|i| {
                    let mut draw = Draws::new(5, 0).at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, i);
                    f64::from(count(draw.uniform(), mean, none, 10_000))
                })
                .collect();
            let average = counts.iter().sum::<f64>() / f64::from(n);
            let variance = counts.iter().map(|c| (c - average) * (c - average)).sum::<f64>() / f64::from(n);
            let sigma = (mean / f64::from(n)).sqrt();
            assert!((average - mean).abs() < 4.0 * sigma, "mean {average} of {mean}");
            assert!((variance / mean - 1.0).abs() < 0.06, "variance {variance} of {mean}");
        }
    }

    #[test]
    fn ends() {
        assert_eq!(count(0.0, 2.0, libm::exp(-2.0), 99), 0);
        assert_eq!(count(1.0 - 1e-16, 2.0, libm::exp(-2.0), 5), 5, "never above the most");
        assert!(count(1.0 - 1e-16, 2.0, libm::exp(-2.0), 1_000) < 200);
    }
}
