//! The quantiles that intervals are made of, from the pinned mathematical library only.

use std::f64::consts::{PI, SQRT_2};

/// The value that a standard normal variable stays below with the probability `p`: −∞ at 0, ∞ at 1.
///
/// Starts from the rational approximation 26.2.23 of Abramowitz and Stegun, "Handbook of mathematical functions", which
/// is within 4.5e-4, and takes two steps of Halley's method on the error function; each triples the number of right
/// digits.
///
/// ```
/// use seglab_sim::kernel::statistics::normal_quantile;
/// assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-14);
/// assert_eq!(normal_quantile(0.5), 0.0);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    // The lower tail keeps its relative precision, the upper one is its mirror image.
    let tail = p.min(1.0 - p);
    if tail == 0.0 {
        return if p < 0.5 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if tail == 0.5 {
        return 0.0;
    }
    let t = (-2.0 * libm::log(tail)).sqrt();
    let above = 2.515517 + t * (0.802853 + t * 0.010328);
    let below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    let mut x = above / below - t;
    for _ in 0..2 {
        let excess = 0.5 * libm::erfc(-x / SQRT_2) - tail;
        let newton = excess * (2.0 * PI).sqrt() * libm::exp(x * x / 2.0);
        x -= newton / (1.0 + x * newton / 2.0);
    }
    if p < 0.5 { x } else { -x }
}

/// The regularised incomplete beta function I_x(a, b): the probability that a beta variable stays below `x`.
///
/// By the continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions, evaluated with Lentz's
/// method. Not a number unless `a` and `b` are above 0 and `x` is in \[0, 1\].
///
/// ```
/// use seglab_sim::kernel::statistics::regularized_beta;
/// assert!((regularized_beta(0.25, 1.0, 1.0) - 0.25).abs() < 1e-15);
/// assert!((regularized_beta(0.5, 2.0, 3.0) - 0.6875).abs() < 1e-15);
/// ```
pub fn regularized_beta(x: f64, a: f64, b: f64) -> f64 {
    let in_range = a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x);
    if !in_range {
        return f64::NAN;
    }
    if x == 0.0 || x == 1.0 {
        return x;
    }
    // The fraction converges fast on this side of the mean; the other side is the complement (8.17.4).
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - below_mean(1.0 - x, b, a);
    }
    below_mean(x, a, b)
}

/// The value that a beta variable stays below with the probability `p`, by bisection: it needs no start and cannot miss.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let in_range = a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&p);
    if !in_range {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return p;
    }
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle: f64 = (low + high) / 2.0;
        // Ends when no number is left in between: after 53 halvings for a value near 1, at most 1,100 for the smallest.
        if middle <= low || middle >= high {
            return middle;
        }
        if regularized_beta(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The value that a Student variable with `degrees` of freedom stays below with the probability `p`, from 0.5 up.
///
/// ```
/// use seglab_sim::kernel::statistics::student_t_quantile;
/// assert!((student_t_quantile(0.975, 9.0) - 2.262157162740992).abs() < 1e-9);
/// ```
pub fn student_t_quantile(p: f64, degrees: f64) -> f64 {
    // T² / (T² + ν) is beta distributed with parameters 1/2 and ν/2.
    let share = beta_quantile(2.0 * p - 1.0, 0.5, degrees / 2.0);
    (degrees * share / (1.0 - share)).sqrt()
}

/// I_x(a, b) for x below about the mean.
fn below_mean(x: f64, a: f64, b: f64) -> f64 {
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - log_beta) / a;
    front * fraction(x, a, b)
}

/// The continued fraction of 8.17.22, 1 / (1 + d₁ / (1 + d₂ / (1 + …))).
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    /// It takes about √max(a, b) terms: this is enough for 10^8 replicas.
    const TERMS_MAX: u32 = 100_000;
    let (mut numerator, mut denominator, mut value): (f64, f64, f64) = (1.0, 0.0, 1.0);
    for term in 1..=TERMS_MAX {
        let m = f64::from(term / 2);
        let d = if term % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        denominator = 1.0 / away_from_zero(1.0 + d * denominator);
        numerator = away_from_zero(1.0 + d / numerator);
        let factor = numerator * denominator;
        value *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    1.0 / value
}

/// A stand-in for a zero that is divided by, as Lentz's method wants it; it cancels one step later.
fn away_from_zero(value: f64) -> f64 {
    if value.abs() < 1e-300 { 1e-300 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_of_the_tables() {
        for (p, expected) in [
            (0.9, 1.281_551_565_544_600_4),
            (0.95, 1.644_853_626_951_472_2),
            (0.995, 2.575_829_303_548_900_4),
            (0.001, -3.090_232_306_167_813),
            (1e-10, -6.361_340_902_404_056),
        ] {
            assert!((normal_quantile(p) - expected).abs() < 1e-13, "{p}: {}", normal_quantile(p));
        }
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(-0.1).is_nan() && normal_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn normal_quantile_inverts_its_distribution_everywhere() {
        for step in 1..4_000 {
            let p = f64::from(step) / 4_000.0;
            let back = 0.5 * libm::erfc(-normal_quantile(p) / SQRT_2);
            assert!((back - p).abs() < 1e-15, "{p}: {back}");
        }
    }

    #[test]
    fn student_quantiles_of_the_tables() {
        for (p, degrees, expected) in [
            (0.975, 1.0, 12.706_204_736_432_095),
            (0.975, 4.0, 2.776_445_105_197_793),
            (0.995, 30.0, 2.749_995_653_567_231),
            (0.95, 120.0, 1.657_650_899_313_568_5),
        ] {
            let quantile = student_t_quantile(p, degrees);
            assert!((quantile - expected).abs() < 1e-6, "{p}, {degrees}: {quantile}");
        }
        // With many degrees of freedom it is the normal quantile.
        assert!((student_t_quantile(0.975, 1e7) - normal_quantile(0.975)).abs() < 1e-6);
        assert_eq!(student_t_quantile(0.5, 3.0), 0.0);
    }

    /// For whole parameters the beta distribution is a binomial tail: I_x(k, n−k+1) = P(Bin(n, x) ≥ k).
    #[test]
    fn beta_is_a_binomial_tail() {
        for (n, k, x) in [(10u32, 3u32, 0.2), (10, 10, 0.9), (50, 1, 0.01), (50, 25, 0.5), (50, 49, 0.7)] {
            let mut tail = 0.0;
            for i in k..=n {
                let mut choose = 1.0;
                for j in 0..i {
                    choose *= f64::from(n - j) / f64::from(j + 1);
                }
                tail += choose * libm::pow(x, f64::from(i)) * libm::pow(1.0 - x, f64::from(n - i));
            }
            let beta = regularized_beta(x, f64::from(k), f64::from(n - k + 1));
            assert!((beta - tail).abs() < 1e-12, "n {n}, k {k}, x {x}: {beta} against {tail}");
        }
    }

    #[test]
    fn beta_quantile_inverts_even_for_a_million_replicas() {
        for (p, a, b) in [(0.025, 1.0, 1e6), (0.975, 1e5, 9e5), (0.5, 0.5, 0.5), (0.975, 5e5, 5e5)] {
            let x = beta_quantile(p, a, b);
            assert!((regularized_beta(x, a, b) - p).abs() < 1e-8, "{p}, {a}, {b}: {x}");
        }
    }
}
