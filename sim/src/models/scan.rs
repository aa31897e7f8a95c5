//! How an owned unit finds targets: a scan that knows nothing of the policy.
//!
//! An owned unit tries one address after the other, drawn evenly from a fixed number of addresses, at the attacker's
//! rate. Most addresses of a network are nobody's; those attempts meet no one and are left out, which leaves, for every
//! interface that the unit can address, an independent Poisson process of *visits* with the rate of the scan divided by
//! the number of addresses. That number is a setting. Were it the number of units, adding a unit would slow down the
//! attack on all others and change every draw.
//!
//! # Stable and lazy
//! The visits of one unit to one interface are drawn window by window of the time since the unit was taken, each at an
//! address of its own: (who visits, whom, which window). So the visits between two units are the same whoever else is
//! there, whatever the policy, and later by exactly as much as the visitor was taken later.
//!
//! A window is a quarter of the mean time between two visits. To open one costs a draw for each interface that is not
//! yet taken, in three of four cases to learn that it is not visited; the visits themselves are kept until the next
//! window opens. A unit therefore holds at most a quarter of a visit for each interface, has one event pending, and costs
//! time in proportion to its attempts, or nothing after it is quarantined. The length of the window is part of the draws'
//! addresses and never changes.

use crate::kernel::{Draws, Duration, Name, Technique, Time};

use super::network::Target;
use super::poisson;
use super::purpose::VISIT;

/// The fastest scan \[attempts per second\].
pub(super) const RATE_MAX: f64 = 1e6;

/// The expected visits to one interface in one window.
const VISITS_PER_WINDOW: f64 = 0.25;

/// The number of a visit is that of its window and its own in it; so many fit.
const VISITS_MAX: u32 = 16;
const WINDOWS_MAX: f64 = (u32::MAX / VISITS_MAX) as f64;

/// The timing of an attacker's scans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    window: Duration,
    mean: f64,
    none: f64,
}

/// One attempt to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Visit {
    pub(super) at: Time,
    /// The position of the target in the reach of the visitor.
    pub(super) target: u32,
    /// Counts the visits of this visitor to this target; numbers are skipped.
    pub(super) number: u32,
}

impl Scan {
    /// That of an attacker who does not scan: no window holds a visit.
    pub(super) const NEVER: Self = Self { window: Duration::MAX, mean: 0.0, none: 1.0 };

    /// The scan at `rate` attempts a second over `addresses`; `None` if it is too slow or too fast for the horizon.
    pub(super) fn new(rate: f64, addresses: u32, horizon: Duration) -> Option<Self> {
        if !(rate > 0.0 && rate <= RATE_MAX) {
            return None;
        }
        let seconds_between_visits = f64::from(addresses) / rate;
        let window_ns = (seconds_between_visits * VISITS_PER_WINDOW * 1e9).max(1.0);
        let window = Duration::saturating_from_nanos_f64(window_ns);
        // The mean belongs to the window as it was rounded.
        let mean = window.as_secs_f64() / seconds_between_visits;
        let windows = horizon.as_secs_f64() / window.as_secs_f64();
        (windows < WINDOWS_MAX).then(|| Self { window, mean, none: libm::exp(-mean) })
    }

    /// How often one interface is visited \[per second\].
    pub(super) fn visits_per_second(&self) -> f64 {
        self.mean / self.window.as_secs_f64()
    }

    /// When the window with this number opens, for a unit taken at `taken`.
    pub(super) fn opens(&self, taken: Time, window: u32) -> Time {
        taken.saturating_add(self.window.saturating_mul(u64::from(window)))
    }

    /// The window in which an instant lies, for a unit taken at `taken`.
    pub(super) fn window_at(&self, taken: Time, at: Time) -> u32 {
        u32::try_from(at.since(taken).as_nanos() / self.window.as_nanos().max(1)).unwrap_or(u32::MAX)
    }

    /// The visits of one window up to a horizon, in descending order, to those `targets` that are wanted.
    pub(super) fn visits(
        &self,
        draws: Draws,
        visitor: Name,
        (opens, horizon): (Time, Time),
        window: u32,
        targets: impl Iterator<Item = (u32, Target)>,
    ) -> Vec<Visit> {
        let mut visits = Vec::new();
        for (position, target) in targets {
            let mut draw = draws.at(VISIT, visitor, target.name, Technique::NONE, window);
            let share = draw.uniform();
            if share < self.none {
                continue;
            }
            for number in 0..poisson::count(share, self.mean, self.none, VISITS_MAX) {
                // Given their number, the times of a Poisson process are even and independent.
                let offset = Duration::saturating_from_nanos_f64(draw.uniform() * self.window.as_nanos() as f64);
                let at = opens.saturating_add(offset);
                if at <= horizon {
                    visits.push(Visit { at, target: position, number: window * VISITS_MAX + number });
                }
            }
        }
        visits.sort_unstable_by(|a, b| b.cmp(a));
        visits
    }
}
