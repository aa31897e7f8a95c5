//! Surface and comparisons for the terminal.

use crate::model::{Comparison, Surface};
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
