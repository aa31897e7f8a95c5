//! A campaign for the terminal: what was played, what became of each design, and how the others differ from the first.

use crate::model::{Incidence, QuantileCurve, Simulation};
use crate::{calibration_text, checks_text, collect, design_difference_text, load_text, traffic_text, words};
use seglab_sim::kernel::statistics::Estimate;
use seglab_sim::models::CampaignResult;
use std::fmt::Write;

/// Writes what befell each design, and how the others differ from the first.
pub fn campaign_text(of: &CampaignResult) -> String {
    let scope = &of.scope;
    let mut out = words::played(scope.replicas.into(), scope.horizon.as_nanos(), &scope.pivot, &scope.trust);
    out.push('\n');
    // Writing to a string cannot fail, here and below.
    if let Some(asked) = collect::precision(scope) {
        let _ = writeln!(out, "{}", words::precision(asked));
    }
    out.push_str(&calibration_text(&collect::calibration(&scope.calibration)));
    for design in &of.designs {
        let units = words::count(design.units.into(), "unit", "units");
        let _ = writeln!(out, "\n{}: {units}", words::printable(&design.design));
        match collect::simulation(scope, design) {
            Some(simulation) => attack_text(&mut out, &simulation),
            None => out.push_str("  no attacker is declared: traffic only\n"),
        }
        out.push_str(&traffic_text(&collect::traffic_of(design)));
        out.extend(design.enforcement_load.as_ref().map(load_text));
    }
    out.extend(collect::differences(of).iter().map(design_difference_text));
    out
}

fn attack_text(out: &mut String, of: &Simulation) {
    let _ = writeln!(out, "  attacker `{}`", words::printable(&of.attacker));
    let mut line = |what: &str, fact: &str| {
        let _ = writeln!(out, "    {:<18} {}", words::printable(what), words::printable(fact));
    };
    let edge = |of: &QuantileCurve| {
        (words::percent(of.quantile), words::quantity(of.values.last().copied().unwrap_or_default()))
    };
    let band = of.band().map_or_else(String::new, |(low, high)| {
        let ((from, least), (to, most)) = (edge(low), edge(high));
        format!(", {from} to {to}: {least} to {most}")
    });
    line("units owned", &format!("median {}{band}", words::owned_at_end(of)));
    let (attempts, denied) = (words::quantity(of.attempts.p50), words::percent(of.denied_share));
    line("attempts", &format!("median {attempts}, {denied} denied"));
    let is_never = |one: &&Incidence| one.chance.is_some_and(|chance| chance.value <= 0.0);
    for one in of.critical.iter().filter(|one| !is_never(one)) {
        let owned = one.chance.map(|chance| words::happened(&chance, one.median_ns(&of.times_ns)));
        line(&one.unit, &format!("owned {}", owned.unwrap_or_else(|| words::percent(one.owned_at_end()))));
        if let Some(exfiltrated) = &one.exfiltrated {
            line("", &format!("its data leaves {}", words::happened(exfiltrated, one.exfiltrated_half_ns)));
        }
    }
    let spared: Vec<&Incidence> = of.critical.iter().filter(is_never).collect();
    if let Some(Estimate { interval, .. }) = spared.first().and_then(|one| one.chance) {
        let names: Vec<&str> = spared.iter().map(|one| one.unit.as_str()).collect();
        let most = words::percent(interval.high);
        line("never owned", &format!("{} (each in at most {most}, 95% bound)", names.join(", ")));
    }
    match of.detection.chance() {
        Some(noticed) if of.monitored => {
            line("noticed", &words::happened(&noticed, of.detection.p50_ns));
            line("alerts", &format!("median {}", words::quantity(of.alerts.p50)));
        }
        _ => out.push_str("    no monitor is declared: nobody notices, nothing is quarantined\n"),
    }
    for remark in words::befell(of) {
        let _ = writeln!(out, "    {}", words::printable(&remark));
    }
    out.push_str(&checks_text(&of.checks));
}
