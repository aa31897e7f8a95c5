//! Checks: what an attack took in replicas beside what was observed elsewhere. Nothing is computed from them.
//!
//! - Breakout: from the first unit taken to the second.
//! - Dwell: from the first unit taken to the first alert.
//! - Doubling: from two units taken to four, from four to eight and so on; of a replica the median of those that it got to.
//!
//! Each is a median over the replicas in which it happened, and how many those are is said beside it: an attack that is
//! stopped before its second unit has no breakout time.

use seglab_policy::{Check, Part, Quantity};
use serde::{Deserialize, Serialize};

use crate::kernel::Time;
use crate::kernel::statistics::{Fate, Samples};

use super::replica::Replica;
use super::result::DesignResult;

/// A simulated outcome beside the observed one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// What was observed elsewhere.
    pub observed: Quantity,
    /// The share of replicas in which it happened. [0 to 1]
    pub share: f64,
    /// The median over these; `None` if there are none. \[ns\]
    pub simulated_ns: Option<u64>,
    /// How many times the observed one that is.
    pub ratio: Option<f64>,
}

/// The checks of a design that was attacked, of those that are given.
pub(super) fn checks(design: &DesignResult, calibration: &[Quantity]) -> Vec<CheckResult> {
    if design.attacker.is_none() {
        return Vec::new();
    }
    let result = |observed: &Quantity| {
        let Part::Check(check) = observed.part() else { return None };
        // Without a monitor nobody ever notices.
        if check == Check::DwellTime && !design.monitored {
            return None;
        }
        let times: Samples = design.replicas.iter().filter_map(|replica| time_ns(check, replica)).collect();
        let simulated_ns = times.quantile(0.5);
        Some(CheckResult {
            observed: observed.clone(),
            share: times.values().len() as f64 / design.replicas.len().max(1) as f64,
            simulated_ns,
            ratio: simulated_ns.map(|ns| observed.ratio(ns as f64 / 1e9)),
        })
    };
    calibration.iter().filter_map(result).collect()
}

/// How long it took in one replica, if it happened. \[ns\]
fn time_ns(check: Check, replica: &Replica) -> Option<u64> {
    match check {
        Check::BreakoutTime => taken(replica, 2).map(Time::as_nanos),
        Check::DwellTime => {
            Some(replica.detection).filter(|settled| settled.fate == Fate::Event).map(|settled| settled.at.as_nanos())
        }
        Check::WormDoubling => {
            let mut doublings = Samples::default();
            let (mut units, mut from) = (2u32, taken(replica, 2)?);
            while let Some(to) = units.checked_mul(2).and_then(|twice| taken(replica, twice)) {
                doublings.record(to.since(from).as_nanos());
                (units, from) = (units * 2, to);
            }
            doublings.quantile(0.5)
        }
    }
}

/// When so many units were taken.
fn taken(replica: &Replica, units: u32) -> Option<Time> {
    replica.course.iter().find(|step| step.compromised >= units).map(|step| step.at)
}

#[cfg(test)]
mod tests {
    use super::super::replica::{Course, Settled};
    use super::*;

    fn replica(taken_at: &[u64], detected: Option<u64>) -> Replica {
        let at = Time::from_nanos;
        Replica {
            course: (1u32..)
                .zip(taken_at)
                .map(|(units, &ns)| Course { at: at(ns), compromised: units, quarantined: 0 })
                .collect(),
            detection: detected.map_or_else(Settled::default, |ns| Settled { at: at(ns), fate: Fate::Event }),
            ..Replica::default()
        }
    }

    #[test]
    fn times_are_from_the_first_unit_on() {
        let of = |replica: &Replica| Check::ALL.map(|check| time_ns(check, replica));
        assert_eq!(of(&replica(&[0], None)), [None, None, None]);
        assert_eq!(of(&replica(&[0, 30, 40], Some(35))), [Some(30), Some(35), None]);
        // From two to four 20, from four to eight 4.
        let eight = replica(&[0, 30, 40, 50, 51, 52, 53, 54], None);
        assert_eq!(of(&eight), [Some(30), None, Some(4)]);
        let sixteen: Vec<u64> =
            [0, 30, 40, 50, 51, 52, 53, 54].into_iter().chain((0..8).map(|more| 60 + more)).collect();
        assert_eq!(of(&replica(&sixteen, None))[2], Some(13), "the median of 20, 4 and 13");
    }
}
