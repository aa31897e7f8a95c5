//! Sentences about campaigns.

use super::{count, duration, percent};
use crate::model::Simulation;
use seglab_sim::kernel::statistics::{Estimate, Interval};

/// In how many replicas the attack was noticed.
pub(crate) fn detected(of: &Simulation) -> String {
    if of.monitored {
        percent(of.detection.happened as f64 / of.detection.replicas.max(1) as f64)
    } else {
        "no monitor".to_owned()
    }
}

/// When the first alert came: in a tenth, half and nine tenths of all replicas.
pub(crate) fn first_alert(of: &Simulation) -> String {
    let time = |time: Option<u64>| time.map_or_else(|| "never".to_owned(), duration);
    let of = &of.detection;
    format!("{}, {}, {}", time(of.p10_ns), time(of.p50_ns), time(of.p90_ns))
}

/// A chance with its 95% interval, or with the bound on that of something that never happened.
pub(crate) fn chance(of: &Estimate) -> String {
    let Interval { low, high } = of.interval;
    if of.value > 0.0 {
        format!("{} ({} to {})", percent(of.value), percent(low), percent(high))
    } else {
        format!("never (95% bound: {})", percent(high))
    }
}

/// What else there is to know of an attack.
pub(crate) fn remarks(of: &Simulation) -> impl Iterator<Item = String> {
    let precision = of.precision.map(|asked| {
        let known = format!("known to ±{} percentage points in every design", 100.0 * asked.half_width);
        match asked.met {
            true => format!("replicas stopped when the chance that a critical unit is owned was {known}"),
            false => format!("not enough replicas: the chance that a critical unit is owned is not {known}"),
        }
    });
    let late = Some(of.attempts_by_late_policy).filter(|attempts| *attempts > 0);
    let late =
        late.map(|attempts| format!("policy that was late let {} through", count(attempts, "attempt", "attempts")));
    let strike = of.strike.map(|strike| {
        let units = count(strike.units_median, "unit", "units");
        format!("ransomware strikes in {} of replicas, median {units}", chance(&strike.chance))
    });
    let triage = of.triage.map(|triage| {
        format!(
            "median {} for analysts; {} of cases are false alarms, {} are missed, looked at after {} on average",
            count(triage.cases_median, "case", "cases"),
            percent(triage.false_alarms_share),
            percent(triage.missed_share),
            duration(triage.waited_ns)
        )
    });
    [precision, late, strike, triage].into_iter().flatten()
}
