//! Simulated time: whole nanoseconds since the start of a replica.
//!
//! Whole numbers, because sums of floating-point times depend on the order of adding, and because two events that are
//! meant to coincide must do so exactly. A [`Time`] is an instant and a [`Duration`] is the distance between two, so
//! that adding two instants does not compile. 64 bits hold 584 years.
//!
//! Sums saturate: [`Time::MAX`] means "after everything", and a delay that reaches beyond it stays there. No horizon is
//! that late, so such an event never happens. Where that would hide a mistake, there are checked forms.
//!
//! ```
//! use seglab_sim::kernel::{Duration, Time};
//! let scan = Duration::from_millis(2_500);
//! let found = Time::START.saturating_add(Duration::from_hours(3)).saturating_add(scan);
//! assert_eq!(found.since(Time::START), Duration::from_nanos(10_802_500_000_000));
//! assert_eq!(scan.to_string(), "2 s 500 ms");
//! assert_eq!(Duration::from_minutes(192).to_string(), "3 h 12 min");
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// An instant: nanoseconds since the start of the replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

/// The distance between two instants \[ns\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(u64);

/// A number of seconds that is no duration.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum DurationError {
    /// Below zero, or not a number.
    #[error("`{0}` seconds is no duration, give a number that is zero or above")]
    NotPositive(f64),
    /// More than 64 bits of nanoseconds hold.
    #[error("`{0}` seconds is too long, give at most 584 years")]
    TooLong(f64),
}

impl Time {
    /// The start of the replica.
    pub const START: Self = Self(0);
    /// After everything: no event that is scheduled here ever happens within a horizon before it.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `ns` nanoseconds after the start.
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, rounded to the precision of a float; for printing and plotting, not for reckoning.
    pub fn as_secs_f64(self) -> f64 {
        self.since(Self::START).as_secs_f64()
    }

    /// The instant `delay` later, or [`Time::MAX`] where that lies beyond it.
    #[must_use]
    pub const fn saturating_add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay.0))
    }

    /// The instant `delay` later, or `None` where that lies beyond [`Time::MAX`].
    pub fn checked_add(self, delay: Duration) -> Option<Self> {
        self.0.checked_add(delay.0).map(Self)
    }

    /// How long after `earlier` this instant is; zero if it is before it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// How long after `earlier` this instant is, or `None` if it is before it.
    pub fn checked_since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration)
    }
}

impl Duration {
    /// No time at all. An event with this delay still happens after every event already scheduled for this instant.
    pub const ZERO: Self = Self(0);
    /// The longest duration.
    pub const MAX: Self = Self(u64::MAX);

    /// `ns` nanoseconds.
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// `us` microseconds, at most [`Duration::MAX`].
    pub const fn from_micros(us: u64) -> Self {
        Self(us.saturating_mul(MICROSECOND))
    }

    /// `ms` milliseconds, at most [`Duration::MAX`].
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(MILLISECOND))
    }

    /// `s` seconds, at most [`Duration::MAX`].
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(SECOND))
    }

    /// `min` minutes, at most [`Duration::MAX`].
    pub const fn from_minutes(min: u64) -> Self {
        Self(min.saturating_mul(MINUTE))
    }

    /// `h` hours, at most [`Duration::MAX`].
    pub const fn from_hours(h: u64) -> Self {
        Self(h.saturating_mul(HOUR))
    }

    /// `d` days of 24 hours, at most [`Duration::MAX`].
    pub const fn from_days(d: u64) -> Self {
        Self(d.saturating_mul(DAY))
    }

    /// The duration nearest to `seconds`.
    ///
    /// # Errors
    /// Below zero, not a number, or longer than [`Duration::MAX`].
    ///
    /// ```
    /// use seglab_sim::kernel::Duration;
    /// assert_eq!(Duration::from_secs_f64(0.25), Ok(Duration::from_millis(250)));
    /// assert!(Duration::from_secs_f64(-1.0).is_err());
    /// ```
    pub fn from_secs_f64(seconds: f64) -> Result<Self, DurationError> {
        if seconds.is_nan() || seconds < 0.0 {
            return Err(DurationError::NotPositive(seconds));
        }
        let ns = seconds * SECOND as f64;
        // 2^64 as a float is exact, and is the first value that does not fit.
        if ns >= u64::MAX as f64 {
            return Err(DurationError::TooLong(seconds));
        }
        Ok(Self::saturating_from_nanos_f64(ns))
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds, rounded to the precision of a float; for printing and plotting, not for reckoning.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// True for no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The instant this long after the start of the replica.
    pub const fn after_start(self) -> Time {
        Time(self.0)
    }

    /// The sum, at most [`Duration::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This duration `times` over, at most [`Duration::MAX`].
    #[must_use]
    pub const fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }

    /// The sum, or `None` where it is beyond [`Duration::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The duration nearest to a number of nanoseconds: zero for less than zero, [`Duration::MAX`] for more than that.
    pub(crate) fn saturating_from_nanos_f64(ns: f64) -> Self {
        // Rust's float-to-integer conversion saturates, and takes NaN to zero, on every platform.
        Self(libm::round(ns) as u64)
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_nanos(duration.0)
    }
}

impl TryFrom<std::time::Duration> for Duration {
    type Error = DurationError;

    fn try_from(duration: std::time::Duration) -> Result<Self, DurationError> {
        let ns = duration.as_nanos();
        u64::try_from(ns).map(Self).map_err(|_| DurationError::TooLong(duration.as_secs_f64()))
    }
}

/// Prints for people: the largest unit that occurs and the one below it, rounded to the nearest.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((coarse, fine)) = units_for(self.0) else {
            return write!(f, "{} ns", self.0);
        };
        let rounded = rounded_to(self.0, fine.1);
        // Rounding may carry into a unit that did not occur before: 59 min 59.9 s is 1 h.
        let (coarse, fine) = units_for(rounded).unwrap_or((coarse, fine));
        let rest = rounded % coarse.1 / fine.1;
        write!(f, "{} {}", rounded / coarse.1, coarse.0)?;
        if rest > 0 { write!(f, " {rest} {}", fine.0) } else { Ok(()) }
    }
}

/// Prints the time since the start of the replica, for people.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.since(Self::START).fmt(f)
    }
}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A unit's symbol, and its length \[ns\].
type Unit = (&'static str, u64);

const UNITS: [Unit; 7] =
    [("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", SECOND), ("ms", MILLISECOND), ("µs", MICROSECOND), ("ns", 1)];

/// The largest unit that fits into `ns`, and the next smaller one; `None` where that largest one is the smallest.
fn units_for(ns: u64) -> Option<(Unit, Unit)> {
    let coarser = UNITS.iter();
    let finer = UNITS.iter().skip(1);
    coarser.zip(finer).find(|(coarse, _)| coarse.1 <= ns).map(|(coarse, fine)| (*coarse, *fine))
}

/// The multiple of `unit` that is nearest to `ns`, halves upward; the one below it where that one is out of range.
fn rounded_to(ns: u64, unit: u64) -> u64 {
    let below = ns - ns % unit;
    if ns % unit >= unit.div_ceil(2) { below.checked_add(unit).unwrap_or(below) } else { below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_two_units() {
        for (ns, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (1_001, "1 µs 1 ns"),
            (1_500_000, "1 ms 500 µs"),
            (59 * SECOND + 999_999_999, "1 min"),
            (3 * HOUR + 12 * MINUTE + 29 * SECOND, "3 h 12 min"),
            (3 * HOUR + 12 * MINUTE + 30 * SECOND, "3 h 13 min"),
            (23 * HOUR + 59 * MINUTE + 45 * SECOND, "1 d"),
            (400 * DAY + HOUR, "400 d 1 h"),
            (u64::MAX, "213503 d 23 h"),
        ] {
            // 999 ns and below have no finer unit, so the table's first rows are exact.
            assert_eq!(Duration::from_nanos(ns).to_string(), expected, "{ns} ns");
        }
    }

    #[test]
    fn sums_stay_in_range() {
        let late = Time::from_nanos(u64::MAX - 1);
        assert_eq!(late.saturating_add(Duration::from_nanos(5)), Time::MAX);
        assert_eq!(late.checked_add(Duration::from_nanos(5)), None);
        assert_eq!(late.checked_add(Duration::from_nanos(1)), Some(Time::MAX));
        assert_eq!(Time::START.checked_since(late), None);
        assert_eq!(Time::START.since(late), Duration::ZERO);
        assert_eq!(Duration::from_days(u64::MAX), Duration::MAX);
        assert_eq!(Duration::from_secs(2).saturating_sub(Duration::from_secs(3)), Duration::ZERO);
    }

    #[test]
    fn seconds_convert_both_ways() {
        assert_eq!(Duration::from_secs_f64(1.5e-9), Ok(Duration::from_nanos(2)));
        assert_eq!(Duration::from_secs_f64(0.0), Ok(Duration::ZERO));
        assert!(matches!(Duration::from_secs_f64(f64::NAN), Err(DurationError::NotPositive(_))));
        assert!(matches!(Duration::from_secs_f64(f64::INFINITY), Err(DurationError::TooLong(_))));
        assert!(matches!(Duration::from_secs_f64(2e10), Err(DurationError::TooLong(_))));
        let hour = std::time::Duration::from_secs(3_600);
        assert_eq!(Duration::try_from(hour), Ok(Duration::from_hours(1)));
        assert_eq!(std::time::Duration::from(Duration::from_hours(1)), hour);
        assert!(Duration::try_from(std::time::Duration::MAX).is_err());
        assert_eq!(Duration::from_millis(250).as_secs_f64(), 0.25);
    }
}
