//! When one source opens connections: from one to the next by inversion, and at which share of the horizon a sampled one.

use seglab_policy::Arrivals;

use crate::kernel::{Draw, Draws, Duration, Name, Technique, Time};

use super::super::purpose::BURST;

/// How far the arrivals of one source have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// When the present burst ends, where there are bursts.
    burst_end: Time,
    bursts: u32,
}

const DAY_NS: f64 = 86_400e9;

impl Pace {
    /// Before the first arrival, and from when on the time to it is counted: stationary, in a burst or between two.
    pub(super) fn start(arrivals: &Arrivals, draws: Draws, source: Name) -> (Self, Time) {
        let mut pace = Self { burst_end: Time::MAX, bursts: 0 };
        let Arrivals::Bursts { length_ns, pause_ns, .. } = *arrivals else { return (pace, Time::START) };
        let mut draw = pace.draw(draws, source);
        let in_burst = draw.uniform() < length_ns as f64 / (length_ns as f64 + pause_ns as f64);
        // What is left of an exponential time is as long as a new one.
        let pause = if in_burst { Duration::ZERO } else { draw.exponential(Duration::from_nanos(pause_ns)) };
        let begins = pause.after_start();
        pace.burst_end = begins.saturating_add(draw.exponential(Duration::from_nanos(length_ns)));
        (pace, begins)
    }

    fn draw(&mut self, draws: Draws, source: Name) -> Draw {
        let draw = draws.at(BURST, source, Name::NONE, Technique::NONE, self.bursts);
        self.bursts = self.bursts.wrapping_add(1);
        draw
    }

    /// The first arrival after `now`; takes one word of the draw, or none where there is no choice.
    pub(super) fn next(
        &mut self,
        arrivals: &Arrivals,
        now: Time,
        number: u32,
        draw: &mut Draw,
        draws: Draws,
        source: Name,
    ) -> Time {
        match *arrivals {
            Arrivals::Even { rate_per_second } => now.saturating_add(draw.exponential(mean_gap(rate_per_second))),
            Arrivals::Periodic { every_ns, first_ns } => {
                Time::from_nanos(first_ns).saturating_add(Duration::from_nanos(every_ns).saturating_mul(number.into()))
            }
            Arrivals::Daily { rate_per_second, swing, peak_ns } => {
                let means = draw.exponential(Duration::from_secs(1)).as_secs_f64();
                now.saturating_add(daily_wait(now, means * 1e9 / rate_per_second, swing, peak_ns))
            }
            Arrivals::Bursts { rate_per_second, length_ns, pause_ns } => {
                let mut rest = draw.exponential(mean_gap(rate_per_second));
                let mut from = now;
                loop {
                    let left = self.burst_end.since(from);
                    if rest <= left || self.burst_end == Time::MAX {
                        return from.saturating_add(rest);
                    }
                    rest = rest.saturating_sub(left);
                    let mut draw = self.draw(draws, source);
                    from = self.burst_end.saturating_add(draw.exponential(Duration::from_nanos(pause_ns)));
                    self.burst_end = from.saturating_add(draw.exponential(Duration::from_nanos(length_ns)));
                }
            }
        }
    }
}

/// How many connections one source opens within the horizon, on average.
pub(super) fn expected(arrivals: &Arrivals, horizon: Duration) -> f64 {
    match *arrivals {
        Arrivals::Periodic { every_ns, first_ns } => periods(every_ns, first_ns, horizon) as f64,
        Arrivals::Daily { rate_per_second, swing, peak_ns } => {
            rate_per_second * daily_mass(horizon.as_nanos() as f64, swing, peak_ns) / 1e9
        }
        Arrivals::Even { .. } | Arrivals::Bursts { .. } => arrivals.mean_rate_per_second() * horizon.as_secs_f64(),
    }
}

/// When the connection at the share `share` of all those within the horizon is opened, they being as likely as each other.
pub(super) fn time_at(arrivals: &Arrivals, share: f64, horizon: Duration) -> Time {
    let horizon_ns = horizon.as_nanos() as f64;
    match *arrivals {
        Arrivals::Periodic { every_ns, first_ns } => {
            let number = libm::floor(share * periods(every_ns, first_ns, horizon) as f64) as u64;
            Time::from_nanos(first_ns).saturating_add(Duration::from_nanos(every_ns).saturating_mul(number))
        }
        Arrivals::Daily { swing, peak_ns, .. } => {
            let mass = share * daily_mass(horizon_ns, swing, peak_ns);
            daily_wait(Time::START, mass, swing, peak_ns).after_start()
        }
        Arrivals::Even { .. } | Arrivals::Bursts { .. } => {
            Duration::saturating_from_nanos_f64(share * horizon_ns).after_start()
        }
    }
}

fn mean_gap(rate_per_second: f64) -> Duration {
    Duration::saturating_from_nanos_f64(1e9 / rate_per_second)
}

/// How many of the times `first`, `first + every` … are within the horizon.
fn periods(every_ns: u64, first_ns: u64, horizon: Duration) -> u64 {
    match horizon.as_nanos().checked_sub(first_ns) {
        Some(rest) => rest.checked_div(every_ns).map_or(1, |more| more.saturating_add(1)),
        None => 0,
    }
}

/// The integral from the start of 1 + swing cos(2π (t − peak) / day). \[ns\]
fn daily_mass(ns: f64, swing: f64, peak_ns: u64) -> f64 {
    let turn = std::f64::consts::TAU / DAY_NS;
    // The sines of a year of days lose nothing that shows if whole days are left out first.
    let of = |ns: f64| libm::sin(turn * libm::fmod(ns, DAY_NS));
    let peak = libm::fmod(peak_ns as f64, DAY_NS);
    ns + swing / turn * (of(ns - peak) - of(-peak))
}

/// How long after `now` the integral has grown by `mass`: Newton's method, kept inside an interval that is halved where it
/// leaves it.
fn daily_wait(now: Time, mass: f64, swing: f64, peak_ns: u64) -> Duration {
    let from = now.as_nanos() as f64;
    let done = daily_mass(from, swing, peak_ns);
    let (mut low, mut high) = ((mass - swing * DAY_NS).max(0.0), mass + swing * DAY_NS);
    let mut wait = mass;
    for _ in 0..100 {
        let over = daily_mass(from + wait, swing, peak_ns) - done - mass;
        if over.abs() < 0.5 || high - low < 0.5 {
            break;
        }
        if over > 0.0 {
            high = wait
        } else {
            low = wait
        }
        let turn = std::f64::consts::TAU / DAY_NS;
        let rate = 1.0 + swing * libm::cos(turn * libm::fmod(from + wait - peak_ns as f64, DAY_NS));
        let step = wait - over / rate;
        wait = if step > low && step < high { step } else { f64::midpoint(low, high) };
    }
    Duration::saturating_from_nanos_f64(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Purpose;

    const DAY: Duration = Duration::from_days(1);

    /// The times at which one source opens connections within the horizon, by replica.
    fn times(arrivals: &Arrivals, horizon: Duration, replica: u32) -> Vec<Time> {
        let (draws, source) = (Draws::new(11, replica), Name::new("a"));
        let (mut pace, mut now) = Pace::start(arrivals, draws, source);
        let mut times = Vec::new();
        loop {
            let number = times.len() as u32;
            let mut draw = draws.at(Purpose::new(1), source, Name::NONE, Technique::NONE, number);
            now = pace.next(arrivals, now, number, &mut draw, draws, source);
            if now > horizon.after_start() {
                return times;
            }
            times.push(now);
        }
    }

    /// The mean number, and that before the horizon's first quarter, are as the sampled times have them.
    #[test]
    fn one_by_one_and_at_once_agree() {
        let quarter = DAY.as_nanos() / 4;
        let hour = 3_600_000_000_000;
        for arrivals in [
            Arrivals::Even { rate_per_second: 0.001 },
            Arrivals::Bursts { rate_per_second: 0.01, length_ns: hour, pause_ns: 9 * hour },
            Arrivals::Daily { rate_per_second: 0.001, swing: 1.0, peak_ns: 3 * hour },
            Arrivals::Daily { rate_per_second: 0.001, swing: 0.5, peak_ns: 40 * hour },
            Arrivals::Periodic { every_ns: 5 * hour, first_ns: 2 * hour },
        ] {
            let replicas = 2_000;
            let runs: Vec<Vec<Time>> = (0..replicas).map(|replica| times(&arrivals, DAY, replica)).collect();
            let mean = |of: &dyn Fn(&Vec<Time>) -> usize| {
                let counts: Vec<f64> = runs.iter().map(|run| of(run) as f64).collect();
                let mean = counts.iter().sum::<f64>() / f64::from(replicas);
                let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / f64::from(replicas - 1);
                (mean, (variance / f64::from(replicas)).sqrt())
            };
            let (all, error) = mean(&|run| run.len());
            let known = expected(&arrivals, DAY);
            assert!((all - known).abs() <= 4.0 * error + 1e-9, "{arrivals:?}: {all} ± {error} of {known}");
            let (early, error) = mean(&|run| run.iter().filter(|at| at.as_nanos() < quarter).count());
            let grid = 100_000;
            let before = (0..grid)
                .filter(|at| time_at(&arrivals, (f64::from(*at) + 0.5) / f64::from(grid), DAY).as_nanos() < quarter)
                .count();
            let known = known * before as f64 / f64::from(grid);
            assert!((early - known).abs() <= 4.0 * error + 1e-3, "{arrivals:?}: {early} ± {error} of {known}");
        }
    }

    #[test]
    fn no_mass_is_no_wait_and_a_day_is_a_day() {
        let peak = 50_000_000_000_000;
        assert!(daily_wait(Time::from_nanos(77), 0.0, 0.9, peak) <= Duration::from_nanos(1));
        let wait = daily_wait(Time::from_nanos(1 << 50), DAY_NS, 1.0, peak);
        assert!(wait.as_nanos().abs_diff(DAY.as_nanos()) < 10, "{wait}");
    }
}
