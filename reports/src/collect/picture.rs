//! What the verifier says of a whole design, as the pictures of a report.

use crate::model;
use seglab_policy::{AddressSet, Design, Family, UnitId};
use seglab_verify::{Exchange, Grouping};
use std::collections::BTreeMap;

/// How many rows of a surface are kept in a report.
const ROWS_MAX: usize = 500;

/// Entries and exits of every unit, replicas under their owner, the most exposed first.
pub fn surface(design: &Design, view: &str, of: &[seglab_verify::Surface]) -> model::Surface {
    let units = design.units().len() as u64;
    let mut held =
        model::Surface { view: view.to_owned(), pairs: units * units.saturating_sub(1), ..model::Surface::default() };
    for surface in of {
        let count = surface.units.len() as u64;
        held.pairs_allowed += count * surface.entries.units as u64;
        held.entered += if outside(&surface.entries).is_empty() { 0 } else { count };
        held.leaving += if outside(&surface.exits).is_empty() { 0 } else { count };
        let mut owners: BTreeMap<&str, u64> = BTreeMap::new();
        for &unit in &surface.units {
            *owners.entry(design.unit(unit).display_name()).or_default() += 1;
        }
        held.rows.extend(owners.into_iter().map(|(unit, units)| model::SurfaceRow {
            unit: unit.to_owned(),
            units,
            entries: surface.entries.units as u64,
            entries_external: outside(&surface.entries),
            exits: surface.exits.units as u64,
            exits_external: outside(&surface.exits),
        }));
    }
    held.rows.sort_by(|a, b| (b.entries + b.exits, &a.unit).cmp(&(a.entries + a.exits, &b.unit)));
    held.rows.truncate(ROWS_MAX);
    held
}

/// Who is outside on one side of a surface: named sources, and addresses in a few words.
fn outside(side: &Exchange) -> String {
    let mut parts = side.sources.clone();
    if !side.addresses.is_empty() {
        parts.push(addresses(&side.addresses));
    }
    parts.join(", ")
}

/// A set of addresses in a few words.
fn addresses(set: &AddressSet) -> String {
    /// More ranges than this are counted, not listed.
    const LISTED_MAX: usize = 3;
    let internet = AddressSet::internet();
    // Known addresses of units are cut out of every external range; what is left of the internet is still the internet.
    let whole = |family: Family| {
        let of_family = internet.intersection(&AddressSet::family(family));
        let missing = of_family.difference(set);
        missing.ranges().count() <= 64
            && !of_family.intersection(set).is_empty()
            && missing.ranges().all(|(a, b)| a == b)
    };
    match (whole(Family::V4), whole(Family::V6)) {
        (true, true) => "the internet".to_owned(),
        (true, false) => "the IPv4 internet".to_owned(),
        (false, true) => "the IPv6 internet".to_owned(),
        (false, false) => {
            let ranges: Vec<String> = set.ranges().take(LISTED_MAX).map(|(a, b)| range(a, b)).collect();
            let more = set.ranges().count().saturating_sub(LISTED_MAX);
            if more == 0 { ranges.join(", ") } else { format!("{} and {more} more ranges", ranges.join(", ")) }
        }
    }
}

fn range(first: std::net::IpAddr, last: std::net::IpAddr) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
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
    let worst = |unit: UnitId| model::UnitRadius { unit: design.unit(unit).name.clone(), size: of.max() as u64 };
    model::BlastRadius {
        pivot: of.attack.pivot.to_string(),
        view: of.attack.view.to_string(),
        trust: of.attack.trust.to_string(),
        hubs_trusted: of.without_trusted,
        population: of.population as u64,
        sizes: of.histogram().into_iter().map(|(size, units)| (size as u64, units as u64)).collect(),
        worst: of.worst.into_iter().map(worst).collect(),
    }
}
