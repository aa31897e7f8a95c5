//! Queueing theory for what enforces: a table of connections that can be full, and one server that always takes equally long.

/// The share of arrivals that find all places taken (M/G/K/K), for a load of so many places on average: Erlang's first formula,
/// which hangs on the mean of how long a place is held and on nothing else of it.
///
/// 1/B is the sum of K (K - 1) … (K - j + 1) / load^j over j from 0 to K: all terms are positive, so nothing cancels, and all
/// but the order of √K of them are too small to matter, or the sum so large that the share is zero for a float.
pub(super) fn refused_share(load: f64, places: u64) -> f64 {
    if load <= 0.0 {
        return 0.0;
    }
    let (mut term, mut sum) = (1.0, 1.0);
    for left in (1..=places).rev() {
        let factor = left as f64 / load;
        term *= factor;
        sum += term;
        if sum.is_infinite() || (factor < 1.0 && term < sum * f64::EPSILON * 1e-3) {
            break;
        }
    }
    1.0 / sum
}

/// Nearer to saturation than this the waiting time is exponential for all that floats can tell.
const SATURATION: f64 = 1e-5;
/// So many arrivals during one service are as good as impossible below saturation.
const ARRIVALS_MAX: usize = 48;

/// What a share of arrivals do not wait longer than, at one server that takes equally long for each (M/D/1), for its load
/// (below 1) and a share up to 0.999. In times of service; `None` where there is more to do than can be done.
///
/// Crommelin's alternating sum (C. D. Crommelin, "Delay probability formulae when the holding times are constant", 1932)
/// cancels where waits are long. Its form by Franx (G. J. Franx, "A simple solution for the M/D/c waiting time distribution",
/// Operations Research Letters 29, 2001) has positive terms only: with Q(n) the probability that at most n wait,
/// P(W ≤ k - u) = e^(-load u) Σ Q(k - 1 - j) (load u)^j / j! for 0 ≤ u < 1, over j from 0 to k - 1. How many are there comes from
/// the balance over the cut between n and n + 1 (V. Ramaswami, "A stable recursion for the steady state vector in Markov
/// chains of M/G/1 type", 1988), which is a sum of positive terms, too.
pub(super) fn waiting_quantile(load: f64, share: f64) -> Option<f64> {
    if load.is_nan() || load >= 1.0 {
        return None;
    }
    if share <= 1.0 - load {
        return Some(0.0);
    }
    if 1.0 - load < SATURATION {
        return Some(-libm::log1p(-share) * load / (2.0 * (1.0 - load)));
    }
    let waiting = Waiting::up_to(load, share);
    // At k whole services the probability is Q(k - 1): the quantile is in the last one.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if waiting.at_most(middle) >= share { low = middle } else { high = middle }
    }
    Some(waiting.at_most.len() as f64 - low)
}

/// How many wait.
struct Waiting {
    load: f64,
    /// The probability that at most so many do, up to the first that reaches a share.
    at_most: Vec<f64>,
}

impl Waiting {
    fn up_to(load: f64, share: f64) -> Self {
        let more_than = arrivals_above(load);
        let empty = 1.0 - load;
        // The probabilities of 1, 2, … being there, and of none or one: nobody waits.
        let mut there: Vec<f64> = Vec::new();
        let mut at_most: Vec<f64> = Vec::new();
        let mut sum = empty;
        while sum < share || at_most.is_empty() {
            let n = there.len();
            let from_empty = empty * more_than.get(n).copied().unwrap_or_default();
            let recent = there.iter().rev().zip(more_than.iter().skip(1));
            let next = (from_empty + recent.map(|(p, more)| p * more).sum::<f64>()) * libm::exp(load);
            // A float that does not grow any more never reaches the share.
            if next <= 0.0 || sum + next == sum {
                break;
            }
            there.push(next);
            sum += next;
            at_most.push(sum);
        }
        Self { load, at_most }
    }

    /// The probability of a wait of at most as many services as `at_most` has entries, less `u`.
    fn at_most(&self, u: f64) -> f64 {
        let mut term = libm::exp(-self.load * u);
        let mut sum = 0.0;
        for (j, held) in (0u32..).zip(self.at_most.iter().rev().take(ARRIVALS_MAX)) {
            sum += term * held;
            term *= self.load * u / f64::from(j + 1);
        }
        sum
    }
}

/// The probabilities of more than 0, 1, 2 … arrivals during one service.
fn arrivals_above(load: f64) -> Vec<f64> {
    let mut exactly = vec![libm::exp(-load)];
    for n in 1..2 * ARRIVALS_MAX as u32 {
        exactly.push(exactly.last().copied().unwrap_or_default() * load / f64::from(n));
    }
    // From the smallest on.
    let mut sum = 0.0;
    let mut above: Vec<f64> = Vec::with_capacity(exactly.len());
    for probability in exactly.into_iter().rev() {
        above.push(sum);
        sum += probability;
    }
    above.reverse();
    above.truncate(ARRIVALS_MAX);
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Erlang's recursion, place by place.
    fn by_recursion(load: f64, places: u32) -> f64 {
        (1..=places).fold(1.0, |refused, place| load * refused / (f64::from(place) + load * refused))
    }

    #[test]
    fn a_full_table_refuses_what_erlang_says() {
        for (load, places) in
            [(0.01, 1), (1.0, 1), (10.0, 10), (5.0, 30), (30.0, 5), (100.0, 100), (1_000.0, 1_020), (9e4, 100)]
        {
            let (found, known) = (refused_share(load, u64::from(places)), by_recursion(load, places));
            assert!((found / known - 1.0).abs() < 1e-10, "{load} {places}: {found} {known}");
        }
        // Tables: B(10, 10).
        assert!((refused_share(10.0, 10) - 0.214_582_343_1).abs() < 1e-9);
        // As many places as load, in the limit of large ones: √(2 / (π load)).
        let limit = (2.0 / (std::f64::consts::PI * 1e8)).sqrt();
        assert!((refused_share(1e8, 100_000_000) / limit - 1.0).abs() < 1e-3);
        assert_eq!(refused_share(1.0, 700_000), 0.0);
        assert_eq!((refused_share(0.0, 5), refused_share(2.0, 0)), (0.0, 1.0));
    }

    /// Crommelin's sum as it stands, for waits that are short enough.
    fn by_crommelin(load: f64, wait: f64) -> f64 {
        let (mut sum, mut factorial) = (0.0, 1.0);
        for k in 0..=(wait as u32) {
            let left = wait - f64::from(k);
            factorial *= f64::from(k.max(1));
            sum += libm::pow(-load * left, f64::from(k)) / factorial * libm::exp(load * left);
        }
        (1.0 - load) * sum
    }

    #[test]
    fn waits_are_those_of_crommelin() {
        for load in [0.05, 0.3, 0.5, 0.7, 0.9] {
            for share in [0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 0.999] {
                let wait = waiting_quantile(load, share).unwrap();
                if wait == 0.0 {
                    assert!(share <= 1.0 - load);
                } else if wait < 12.0 {
                    let known = by_crommelin(load, wait);
                    assert!((known - share).abs() < 1e-9, "{load} {share}: {wait} {known}");
                }
            }
        }
    }

    /// By Pollaczek and Khinchine the mean is load / 2 (1 - load): here the integral over the quantiles.
    #[test]
    fn waits_have_the_mean_of_pollaczek_and_khinchine() {
        for load in [0.2, 0.7, 0.95] {
            let steps = 4_000u32;
            let shares = (0..steps).map(|at| (f64::from(at) + 0.5) / f64::from(steps));
            let mean = shares.map(|share| waiting_quantile(load, share).unwrap()).sum::<f64>() / f64::from(steps);
            let known = load / (2.0 * (1.0 - load));
            assert!((mean / known - 1.0).abs() < 0.01, "{load}: {mean} {known}");
        }
    }

    #[test]
    fn near_saturation_waits_are_exponential_and_beyond_it_there_are_none() {
        let (just_before, just_after) = (1.0 - 1.001 * SATURATION, 1.0 - 0.999 * SATURATION);
        let [before, after] = [just_before, just_after].map(|load| waiting_quantile(load, 0.99).unwrap());
        assert!((before / after - 1.0).abs() < 0.005, "{before} {after}");
        assert_eq!(waiting_quantile(1.0, 0.5), None);
        assert_eq!(waiting_quantile(f64::NAN, 0.5), None);
        assert_eq!(waiting_quantile(0.0, 0.99), Some(0.0));
    }
}
