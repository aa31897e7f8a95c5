//! What traffic met, and how two designs differ under the same chance events: their words.

use crate::model::{DesignDifference, NeedTraffic, Traffic};
use crate::words;
use seglab_policy::{count, number};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::{Estimate, Interval};
use seglab_sim::models::{Flows, ServiceResult};
use std::fmt::Write;

/// What there is to say where there is nothing to say.
pub(crate) const ALL_SERVED: &str = "Every request of every need was served, and nothing takes time.";

/// Writes what became of a design's traffic: how late releases were, the needs that policy breaks one by one, what an
/// attack costs the others together, and where something takes time, how long requests took and what servers had to do.
pub fn traffic_text(of: &Traffic) -> String {
    let mut out = String::new();
    if let Some(delays) = &of.delays {
        let (held_up, outlived) = (hours(delays.held_up_ns), hours(delays.outlived_ns));
        // Writing to a string cannot fail, here and below.
        let _ =
            writeln!(out, "  releases: held up for {held_up}; rules that no need is left for in force for {outlived}");
    }
    needs_text(&mut out, of);
    requests_text(&mut out, of);
    services_text(&mut out, of);
    out
}

/// Writes how a design differs from the first.
pub fn design_difference_text(of: &DesignDifference) -> String {
    let (first, second) = (words::printable(&of.first), words::printable(&of.second));
    let mut out = format!("\n{second} against {first}, same chance events, mean difference\n");
    for one in &of.measures {
        let Estimate { value, interval: Interval { low, high } } = one.estimate;
        let (what, unit) = (&one.what, &one.unit);
        let _ = writeln!(out, "  {what:<26} {value:>+10.2} {unit} (95% interval {low:+.2} to {high:+.2})");
    }
    out
}

fn needs_text(out: &mut String, of: &Traffic) {
    let _ = writeln!(out, "  needs: policy denies flows of {} of {}", of.denied().count(), of.needs.len());
    for need in of.denied() {
        let share = 100.0 * need.share(need.flows.denied);
        let _ = writeln!(out, "    {}: {share:.1}% denied", words::printable(&need.need));
    }
    for line in lost_words(of) {
        let _ = writeln!(out, "    {line}");
    }
}

/// What late policy and the attack cost all needs together.
pub(crate) fn lost_words(of: &Traffic) -> Vec<String> {
    let sum = |count: fn(&Flows) -> u64| of.needs.iter().map(|need| count(&need.flows)).sum::<u64>();
    let share = |count: u64| 100.0 * count as f64 / sum(|flows| flows.tried).max(1) as f64;
    let stale = sum(|flows| flows.stale);
    let (quarantine, upstream) = (sum(|flows| flows.quarantined), sum(|flows| flows.upstream));
    let mut lines = Vec::new();
    if stale > 0 {
        let interval = of.delays.map_or_else(String::new, |delays| {
            let Interval { low, high } = delays.denied_share.interval;
            format!(" (95% interval {:.1} to {:.1}%)", 100.0 * low.max(0.0), 100.0 * high)
        });
        lines.push(format!("of all needed flows {:.1}% are denied by policy that is late{interval}", share(stale)));
    }
    if quarantine + upstream > 0 {
        let lost = if of.struck { "in quarantine or struck" } else { "in quarantine" };
        let (quarantine, upstream) = (share(quarantine), share(upstream));
        lines.push(format!(
            "of all needed flows {quarantine:.1}% meet a unit {lost}, {upstream:.1}% wait for one in vain"
        ));
    }
    lines
}

fn requests_text(out: &mut String, of: &Traffic) {
    if !of.takes_time() {
        return;
    }
    out.push_str("  requests\n");
    for need in of.remarkable() {
        let [name, tried, served, lost, ..] = need_cells(need).map(|cell| words::printable(&cell));
        let lost = if lost.is_empty() { lost } else { format!(", {lost}") };
        let _ = writeln!(out, "    {name}: {tried}, {served} served{lost}");
        if let Some(latency) = need.latency {
            let _ = writeln!(out, "      served within     p50 {}; p99 {}", time(latency.p50_ns), time(latency.p99_ns));
        }
    }
}

fn services_text(out: &mut String, of: &Traffic) {
    if of.services.is_empty() {
        return;
    }
    out.push_str("  services\n");
    for service in &of.services {
        let [name, _, _, load, busy, waiting, refused] = service_cells(service).map(|cell| words::printable(&cell));
        let units = count(service.units.into(), "unit", "units");
        let servers = count(service.servers.into(), "server", "servers");
        let _ = write!(out, "    {name:<18} {units} with {servers}, load by rates {load}");
        if service.observed.is_some() {
            let _ = write!(out, "; occupied {busy}, {waiting} waiting, {refused} refused");
        }
        out.push('\n');
    }
}

/// Need, requests, share served, what became of the others, p50 and p99 of the served ones with their 95% intervals.
pub(crate) fn need_cells(of: &NeedTraffic) -> [String; 6] {
    let share = |count: u64| format!("{:.2}%", 100.0 * of.share(count));
    let lost: Vec<String> = of.losses().map(|(count, why)| format!("{} {why}", share(count))).collect();
    let [p50, p99] = match of.latency {
        Some(latency) => [latency.p50_ns, latency.p99_ns].map(short_time),
        None => ["–", "–"].map(str::to_owned),
    };
    [of.need.clone(), number(of.flows.tried), share(of.flows.delivered), lost.join(", "), p50, p99]
}

/// Service, units, servers of each, load by rates, and what was seen of it: occupied, waiting, refused.
pub(crate) fn service_cells(of: &ServiceResult) -> [String; 7] {
    let load = format!("{:.1}%", 100.0 * of.offered_load);
    let load = if of.offered_load >= 1.0 { format!("{load}: more than can be done") } else { load };
    let [busy, waiting, refused] = match &of.observed {
        Some(seen) => [
            format!("{:.1}%", 100.0 * seen.utilisation.value),
            format!("{:.2}", seen.waiting.value),
            format!("{:.2}%", 100.0 * seen.refused as f64 / seen.requests.max(1) as f64),
        ],
        None => ["–", "–", "–"].map(str::to_owned),
    };
    [of.service.clone(), number(of.units.into()), number(of.servers.into()), load, busy, waiting, refused]
}

/// A mean time in hours with its 95% interval.
pub(crate) fn hours(ns: Estimate) -> String {
    let of = |ns: f64| ns / 3.6e12;
    format!("{:.1} h (95% interval {:.1} to {:.1})", of(ns.value), of(ns.interval.low), of(ns.interval.high))
}

/// A time with its 95% interval.
fn time(ns: Estimate) -> String {
    let of = |ns: f64| Duration::from_nanos(ns.max(0.0).round() as u64);
    format!("{} (95% interval {} to {})", of(ns.value), of(ns.interval.low), of(ns.interval.high))
}

/// The same in short, for a cell whose table says what the interval is.
fn short_time(ns: Estimate) -> String {
    let of = |ns: f64| words::duration(ns.max(0.0).round() as u64);
    format!("{} ({} to {})", of(ns.value), of(ns.interval.low), of(ns.interval.high))
}
