//! What is at work and out in turn, exponentially long each: points and controllers. A replica begins as if that had always been
//! going on.

use crate::kernel::{Draw, Duration, Probability, Time};

/// The most outages of one thing that a replica expects.
const OUTAGES_MAX: f64 = 100_000.0;

/// How often something is out, and for how long.
pub(super) struct Outages {
    every: Duration,
    repair: Duration,
    /// The chance to be out, at any time.
    out: Probability,
}

/// When something is out in one replica.
pub(super) struct History {
    out_at_start: bool,
    /// When that changes, ascending.
    changes: Vec<Time>,
}

impl Outages {
    /// # Errors
    /// What is wrong with the times, or that there are more outages than are simulated.
    pub(super) fn new(every_ns: u64, repair_ns: u64, horizon: Duration) -> Result<Self, &'static str> {
        let (every, repair) = (every_ns as f64, repair_ns as f64);
        if horizon.as_nanos() as f64 / (every + repair) > OUTAGES_MAX {
            return Err("fails more often than is simulated: give a longer mean time between failures");
        }
        let out = Probability::new(repair / (every + repair)).map_err(|_| "fails in a way that there cannot be")?;
        Ok(Self { every: Duration::from_nanos(every_ns), repair: Duration::from_nanos(repair_ns), out })
    }

    /// One history until the horizon, of numbered draws.
    pub(super) fn history(&self, horizon: Time, draw: impl Fn(u32) -> Draw) -> History {
        let out_at_start = draw(0).bernoulli(self.out);
        let (mut out, mut now, mut changes) = (out_at_start, Time::START, Vec::new());
        for number in 1.. {
            let mean = if out { self.repair } else { self.every };
            now = now.saturating_add(draw(number).exponential(mean));
            if now > horizon {
                break;
            }
            changes.push(now);
            out = !out;
        }
        History { out_at_start, changes }
    }
}

impl History {
    /// True if it is out at an instant.
    pub(super) fn is_out(&self, at: Time) -> bool {
        self.out_at_start ^ (self.changes.partition_point(|change| *change <= at) % 2 == 1)
    }

    /// The first instant from then on at which it is at work; [`Time::MAX`] if that is not by the horizon.
    pub(super) fn at_work_from(&self, at: Time) -> Time {
        if !self.is_out(at) {
            return at;
        }
        let next = self.changes.partition_point(|change| *change <= at);
        self.changes.get(next).copied().unwrap_or(Time::MAX)
    }
}
