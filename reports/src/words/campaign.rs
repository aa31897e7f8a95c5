//! Sentences about campaigns.

use super::{count, duration, number, percent, quantity};
use crate::model::{Incidence, PrecisionAsked, Simulation};
use seglab_sim::kernel::statistics::{Estimate, Interval};

/// What was played.
pub(crate) fn played(replicas: u64, horizon_ns: u64, pivot: &str, trust: &str) -> String {
    let (replicas, horizon) = (count(replicas, "replica", "replicas"), duration(horizon_ns));
    format!("{replicas} of {horizon} each, pivot {pivot}, trust {trust}")
}

/// The median number of units owned at the end, of all.
pub(crate) fn owned_at_end(of: &Simulation) -> String {
    format!("{} of {}", quantity(of.median_at_end().unwrap_or_default()), number(of.population))
}

/// In how many replicas the attack was noticed.
pub(crate) fn detected(of: &Simulation) -> String {
    match of.detection.chance() {
        Some(chance) if of.monitored => percent(chance.value),
        _ => "no monitor".to_owned(),
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

/// The same in a sentence, with the time by which it had happened in half of all replicas.
pub(crate) fn happened(of: &Estimate, half_ns: Option<u64>) -> String {
    let (share, low, high) = (percent(of.value), percent(of.interval.low), percent(of.interval.high));
    if of.value <= 0.0 {
        return format!("in no replica (95% bound: {high})");
    }
    let half = half_ns.map_or_else(String::new, |ns| format!(", in half of all by {}", duration(ns)));
    format!("in {share} of replicas (95% interval {low} to {high}){half}")
}

/// Owned, quarantined first, owned in half of all replicas after, its data leaves.
pub(crate) fn critical_cells(of: &Incidence, times_ns: &[u64]) -> [String; 4] {
    [
        of.chance.as_ref().map_or_else(|| percent(of.owned_at_end()), chance),
        percent(of.quarantined_at_end()),
        of.median_ns(times_ns).map_or_else(|| "not by the end".to_owned(), duration),
        of.exfiltrated.as_ref().map_or_else(|| "–".to_owned(), chance),
    ]
}

/// What became of the precision that was asked for.
pub(crate) fn precision(of: PrecisionAsked) -> String {
    let known = format!("known to ±{} percentage points in every design", 100.0 * of.half_width);
    match of.met {
        true => format!("replicas stopped when the chance that a critical unit is owned was {known}"),
        false => format!("not enough replicas: the chance that a critical unit is owned is not {known}"),
    }
}

/// What else there is to know of an attack.
pub(crate) fn remarks(of: &Simulation) -> impl Iterator<Item = String> {
    of.precision.map(precision).into_iter().chain(befell(of))
}

/// What else befell a design.
pub(crate) fn befell(of: &Simulation) -> impl Iterator<Item = String> {
    let late = Some(of.attempts_by_late_policy).filter(|attempts| *attempts > 0);
    let late =
        late.map(|attempts| format!("policy that was late let {} through", count(attempts, "attempt", "attempts")));
    let strike = of.strike.map(|strike| {
        let units = count(strike.units_median, "unit", "units");
        format!("ransomware strikes {}, median {units}", happened(&strike.chance, None))
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
    [late, strike, triage].into_iter().flatten()
}
