//! What the verifier says of a whole design, as the pictures of a report.

use super::outside::Outside;
use crate::model;
use seglab_policy::{Design, Family, Pivot, UnitId};
use seglab_verify::{Exchange, Grouping};
use std::collections::BTreeMap;

/// Why the pivot model `exploitable` may say little.
const NOTHING_TO_EXPLOIT: &str = "no unit declares a vulnerability or a login, so there is nothing to exploit";

/// How many rows of a surface are kept in a report.
const ROWS_MAX: usize = 500;

/// Entries and exits of every unit, replicas under their owner, the most exposed first.
pub fn surface(design: &Design, view: &str, of: &[seglab_verify::Surface]) -> model::Surface {
    let units = design.units().len() as u64;
    let mut held =
        model::Surface { view: view.to_owned(), pairs: units * units.saturating_sub(1), ..model::Surface::default() };
    let outside = Outside::new(design);
    // Who is outside on one side: named sources, and addresses in a few words.
    let words = |side: &Exchange| {
        let addresses = (!side.addresses.is_empty()).then(|| outside.words(&side.addresses));
        side.sources.iter().cloned().chain(addresses).collect::<Vec<_>>().join(", ")
    };
    for surface in of {
        let count = surface.units.len() as u64;
        held.pairs_allowed += count * surface.entries.units as u64;
        held.entered += if words(&surface.entries).is_empty() { 0 } else { count };
        held.leaving += if words(&surface.exits).is_empty() { 0 } else { count };
        let mut owners: BTreeMap<&str, u64> = BTreeMap::new();
        for &unit in &surface.units {
            *owners.entry(design.unit(unit).display_name()).or_default() += 1;
        }
        held.rows.extend(owners.into_iter().map(|(unit, units)| model::SurfaceRow {
            unit: unit.to_owned(),
            units,
            entries: surface.entries.units as u64,
            entries_external: words(&surface.entries),
            exits: surface.exits.units as u64,
            exits_external: words(&surface.exits),
        }));
    }
    held.rows.sort_by(|a, b| (b.entries + b.exits, &a.unit).cmp(&(a.entries + a.exits, &b.unit)));
    held.rows.truncate(ROWS_MAX);
    held
}

/// Which segment may open connections to which.
pub fn segment_matrix(view: &str, of: &seglab_verify::SegmentMatrix) -> model::SegmentMatrix {
    let name = |name: &String| if name.is_empty() { "(none)".to_owned() } else { name.clone() };
    let segment =
        |(one, &units): (&String, &usize)| model::MatrixSegment { name: name(one), units: Some(units as u64) };
    let cell = |cell: &seglab_verify::Cell| model::Cell {
        pairs: cell.pairs,
        allowed: cell.connected,
        unknown: cell.uncertain,
        connections: cell.some.display(&Family::ALL, &seglab_verify::HeaderSet::empty()).to_string(),
    };
    model::SegmentMatrix {
        view: view.to_owned(),
        grouping: match of.grouping {
            Grouping::Declared => "as declared",
            Grouping::Namespace => "by namespace",
            Grouping::Zone => "by zone",
            Grouping::App => "by the label app",
            Grouping::Owner => "by owner",
        }
        .to_owned(),
        segments: of.names.iter().zip(&of.sizes).map(segment).collect(),
        cells: of.cells.iter().map(|row| row.iter().map(cell).collect()).collect(),
    }
}

/// How far one owned unit leads.
pub fn blast_radius(design: &Design, of: &seglab_verify::BlastRadius) -> model::BlastRadius {
    let exploits = design.units().iter().any(|unit| !unit.vulnerabilities.is_empty() || !unit.logins.is_empty());
    let worst = |unit: UnitId| model::UnitRadius { unit: design.unit(unit).name.clone(), size: of.max() as u64 };
    model::BlastRadius {
        pivot: of.attack.pivot.to_string(),
        view: of.attack.view.to_string(),
        trust: of.attack.trust.to_string(),
        hubs_trusted: of.without_trusted,
        population: of.population as u64,
        sizes: of.histogram().into_iter().map(|(size, units)| (size as u64, units as u64)).collect(),
        worst: of.worst.into_iter().map(worst).collect(),
        caveat: (of.attack.pivot == Pivot::Exploitable && !exploits).then(|| NOTHING_TO_EXPLOIT.to_owned()),
    }
}
