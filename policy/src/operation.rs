//! How an enforcement point runs, beside what it enforces: where it is in place, and how it fails.
//!
//! No verdict rests on any of this: verification takes a point to be at work wherever it is declared. So the normal form
//! leaves it out. Simulations draw it.

use std::fmt;

/// How a point runs.
///
/// # Gaps
/// A point is in place at a unit with the probability [`coverage`](Self::coverage), for good or not at all. Gaps have three
/// causes, each with a share of them: an image on which it does not run, a site at which nobody has rolled it out, and the
/// unit itself. The coverage is the product of three chances, coverage^share each, so that every unit has the same one,
/// whatever the shares are; what strikes an image or a site strikes all of its units. A unit without an image, or without
/// a site, has that share for itself.
///
/// ```
/// use seglab_policy::Operation;
/// let half = Operation { coverage: 0.5, gaps_by_image: 0.3, gaps_by_site: 0.2, ..Operation::default() };
/// assert!(half.is_sound());
/// assert!(!Operation { gaps_by_site: 0.8, ..half }.is_sound());
/// assert!(Operation::default().is_always_at_work());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operation {
    /// The chance that the point is in place at one of its units. [0 to 1]
    pub coverage: f64,
    /// The share of gaps that strike all units of an image. [0 to 1]
    pub gaps_by_image: f64,
    /// The share of gaps that strike all units of a site. [0 to 1, both together at most 1]
    pub gaps_by_site: f64,
    /// How it fails where it is in place; `None` if it never does.
    pub failures: Option<Failures>,
    /// The mean time, exponentially distributed, until the point knows of a unit that has [moved](crate::Movement), and a
    /// cloud point stands at it, or has the rules of a [release](crate::Release); 0 for at once. \[ns\]
    pub update_mean_ns: u64,
    /// How many changes its API takes, one after the other in their order; `None` for any number at once. [per second]
    pub updates_per_second: Option<f64>,
}

/// How a point fails and is repaired, at each of its units for itself; a point on links is one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// What becomes of connections meanwhile.
    pub mode: FailureMode,
    /// The mean time from a repair to the next failure, exponentially distributed; above zero. \[ns\]
    pub every_ns: u64,
    /// The mean time from a failure to its repair, exponentially distributed. \[ns\]
    pub repair_ns: u64,
}

/// What becomes of connections at a point that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureMode {
    /// They pass unjudged.
    Open,
    /// None passes, as far as the point enforces.
    Closed,
}

/// Whether a declared point does its work where a connection meets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is in place and judges.
    #[default]
    InPlace,
    /// It is not there, or has failed open: connections pass it unjudged.
    Missing,
    /// It has failed closed: it denies whatever it would judge.
    Closed,
}

impl fmt::Display for FailureMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureMode::Open => "open",
            FailureMode::Closed => "closed",
        })
    }
}

impl Default for Operation {
    /// In place everywhere, never failing, and informed at once.
    fn default() -> Self {
        Self {
            coverage: 1.0,
            gaps_by_image: 0.0,
            gaps_by_site: 0.0,
            failures: None,
            update_mean_ns: 0,
            updates_per_second: None,
        }
    }
}

impl Operation {
    /// True for numbers that a point can run by.
    pub fn is_sound(&self) -> bool {
        let shares = [self.coverage, self.gaps_by_image, self.gaps_by_site];
        shares.into_iter().all(|share| (0.0..=1.0).contains(&share))
            && self.gaps_by_image + self.gaps_by_site <= 1.0
            && self.failures.is_none_or(|failures| failures.every_ns > 0)
    }

    /// True if the point is in place everywhere and never fails.
    pub fn is_always_at_work(&self) -> bool {
        self.is_sound() && self.coverage >= 1.0 && self.failures.is_none()
    }
}
