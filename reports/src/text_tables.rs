//! Surface, campaigns and comparisons for the terminal.

use crate::model::{Comparison, Simulation, Surface};
use crate::table::table;
use crate::words;

/// Writes entries and exits, unit by unit.
pub fn surface_text(of: &Surface) -> String {
    let mut out = format!("{}\n\n", words::printable(&words::surface(of)));
    let outside = |connections: &str| if connections.is_empty() { "none" } else { connections }.to_owned();
    let rows: Vec<[String; 5]> = of
        .rows
        .iter()
        .map(|row| {
            let units = if row.units > 1 { format!(" × {}", words::number(row.units)) } else { String::new() };
            [
                words::number(row.entries),
                words::number(row.exits),
                format!("{}{units}", row.unit),
                outside(&row.entries_external),
                outside(&row.exits_external),
            ]
            .map(|cell| words::printable(&cell))
        })
        .collect();
    out.push_str(&table(0, ["entries", "exits", "unit", "from outside", "to outside"], &rows));
    out
}

/// Writes campaigns, one line per attacker and design, then what befell critical units.
pub fn simulation_text(of: &[Simulation]) -> String {
    let rows: Vec<[String; 9]> = of
        .iter()
        .map(|one| {
            let owned = one.median_at_end().map_or_else(|| "–".to_owned(), words::quantity);
            [
                one.attacker.clone(),
                one.design.clone(),
                format!("{}, {}", one.pivot, one.trust),
                format!("{} × {}", words::number(one.replicas), words::duration(one.horizon_ns)),
                format!("{owned} of {}", words::number(one.population)),
                words::detected(one),
                words::first_alert(one),
                words::percent(one.denied_share),
                one.flows_broken_share.map_or_else(|| "–".to_owned(), words::percent),
            ]
            .map(|cell| words::printable(&cell))
        })
        .collect();
    let header = [
        "attacker",
        "design",
        "pivot, trust",
        "replicas",
        "owned (median)",
        "detected",
        "first alert (10%, half, 90%)",
        "denied",
        "needed flows broken",
    ];
    let mut out = table(0, header, &rows);
    let critical: Vec<[String; 6]> = of
        .iter()
        .flat_map(|one| one.critical.iter().map(move |unit| (one, unit)))
        .map(|(one, unit)| {
            let median = unit.median_ns(&one.times_ns).map_or_else(|| "not by the end".to_owned(), words::duration);
            [
                one.attacker.clone(),
                one.design.clone(),
                unit.unit.clone(),
                words::percent(unit.owned_at_end()),
                words::percent(unit.quarantined_at_end()),
                median,
            ]
            .map(|cell| words::printable(&cell))
        })
        .collect();
    if !critical.is_empty() {
        out.push_str("\ncritical units, quarantine being a competing risk\n");
        let header = ["attacker", "design", "unit", "owned", "quarantine first", "owned in half of replicas after"];
        out.push_str(&table(0, header, &critical));
    }
    out
}

/// Writes designs side by side.
pub fn comparison_text(of: &Comparison) -> String {
    let rows: Vec<[String; 7]> = of
        .designs
        .iter()
        .map(|one| {
            let size = |size| format!("{} ({})", words::number(size), words::percent(one.share(size)));
            [
                one.design.clone(),
                size(one.blast_radius_median),
                size(one.blast_radius_max),
                format!("{} of {}", words::number(one.needs_broken), words::number(one.needs)),
                format!("{}/{}/{}", one.holds, one.violated, one.unknown),
                words::number(one.rules),
                one.compromised_median.map_or_else(|| "–".to_owned(), words::quantity),
            ]
            .map(|cell| words::printable(&cell))
        })
        .collect();
    let header = [
        "design",
        "blast radius, median",
        "largest",
        "needs broken",
        "holds/violated/unknown",
        "rules",
        "owned in simulation (median)",
    ];
    let question = format!("pivot {}, {} view, trust {}", of.pivot, of.view, of.trust);
    format!("{}\n\n{}", words::printable(&question), table(0, header, &rows))
}
