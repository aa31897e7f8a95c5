//! How many times as much one thing is as another, both known from repetitions under the same chance.

use super::{Confidence, Estimate, Interval, student_t_quantile};

/// The mean of `values` divided by that of `others`, with an interval. Both are in the order of repetitions, and those of one
/// position may share their chance: what they share cancels.
///
/// The standard error of the logarithm of the ratio is the jackknife's: how much the logarithm changes as each repetition is
/// left out in turn, of both. The interval is Student's around the logarithm, with one degree of freedom less than there are
/// repetitions, so that its ends are above 0 and the inverse ratio has the inverse interval. Miller, *The jackknife: a review*,
/// Biometrika 61 (1974); Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 11.
///
/// `None` for fewer than two repetitions or lists of unlike length, and where a mean is 0 or is so without one of the
/// repetitions: a logarithm is then as far off as one likes.
///
/// ```
/// use seglab_sim::kernel::statistics::{Confidence, ratio_of_means};
/// let (flat, zones) = ([0.4, 0.5, 0.3, 0.4], [0.11, 0.13, 0.07, 0.09]);
/// let ratio = ratio_of_means(&zones, &flat, Confidence::P95).unwrap();
/// assert_eq!(format!("{:.2}", ratio.value), "0.25");
/// assert!(ratio.interval.contains(0.25) && !ratio.interval.contains(0.33));
/// assert_eq!(ratio_of_means(&zones, &[0.0, 0.0, 0.0, 0.4], Confidence::P95), None);
/// ```
pub fn ratio_of_means(values: &[f64], others: &[f64], confidence: Confidence) -> Option<Estimate> {
    let n = values.len();
    if n < 2 || n != others.len() {
        return None;
    }
    let (sum, other_sum) = (values.iter().sum::<f64>(), others.iter().sum::<f64>());
    let mut logs = Vec::with_capacity(n);
    for (value, other) in values.iter().zip(others) {
        let (left, other_left) = (sum - value, other_sum - other);
        if !(left > 0.0 && other_left > 0.0) {
            return None;
        }
        logs.push(libm::log(left / other_left));
    }
    let mean = logs.iter().sum::<f64>() / n as f64;
    let squares: f64 = logs.iter().map(|log| (log - mean) * (log - mean)).sum();
    let standard_error = (squares * (n - 1) as f64 / n as f64).sqrt();
    let half_width = student_t_quantile(1.0 - confidence.tail(), (n - 1) as f64) * standard_error;
    let (value, factor) = (sum / other_sum, libm::exp(half_width));
    Some(Estimate { value, interval: Interval { low: value / factor, high: value * factor } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], others: &[f64], expected: [f64; 3]) {
        let ratio = ratio_of_means(values, others, Confidence::P95).unwrap();
        for (is, meant) in [ratio.value, ratio.interval.low, ratio.interval.high].into_iter().zip(expected) {
            assert!((is / meant - 1.0).abs() < 1e-6, "{ratio:?}, not {expected:?}");
        }
    }

    /// By hand: 2 + 2 over 1 + 3 is 1. Without either pair it is 2/3 or 2, whose logarithms are ln 3 apart, so that the standard
    /// error is half of that, 0.549306; t of 1 degree is 12.7062.
    #[test]
    fn two_repetitions_by_hand() {
        check(&[2.0, 2.0], &[1.0, 3.0], [1.0, 9.306_788e-4, 1_074.484_5]);
    }

    /// Computed by another program: standard error 0.0981403, t of 5 degrees 2.5705818.
    #[test]
    fn six_repetitions_and_the_inverse() {
        let (values, others) = ([0.2, 0.5, 0.4, 1.1, 0.9, 0.3], [1.0, 2.0, 3.0, 6.0, 4.0, 2.5]);
        let (value, low, high) = (0.183_783_784, 0.142_805_316, 0.236_521_161);
        check(&values, &others, [value, low, high]);
        check(&others, &values, [1.0 / value, 1.0 / high, 1.0 / low]);
    }

    #[test]
    fn what_is_shared_cancels() {
        let values = [1e-9, 4e-7, 3e-8];
        check(&values, &values, [1.0; 3]);
        check(&values, &values.map(|value| 8.0 * value), [0.125; 3]);
    }

    #[test]
    fn no_ratio_where_a_logarithm_has_no_end() {
        let some = [0.1, 0.2, 0.3];
        for none in [&[][..], &[0.1], &[0.1, 0.2], &[0.0; 3], &[0.0, 0.2, 0.0], &[0.1, f64::NAN, 0.2]] {
            assert_eq!(ratio_of_means(none, &some, Confidence::P95), None, "{none:?}");
            assert_eq!(ratio_of_means(&some, none, Confidence::P95), None, "{none:?}");
        }
        assert_eq!(ratio_of_means(&some[..1], &some[..1], Confidence::P95), None);
        assert!(ratio_of_means(&[0.0, 0.2, 0.1], &some, Confidence::P95).is_some());
    }
}
