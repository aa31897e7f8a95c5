//! Which units an enforcement point covers.

use crate::model::PointCount;
use seglab_policy::{Design, EnforcementPoint, Mode, Placement, UnitId};
use std::collections::{BTreeMap, BTreeSet};

/// The units that a point stands at, or that stand in a place at whose edge it stands.
fn covered<'a>(design: &'a Design, point: &'a EnforcementPoint) -> impl Iterator<Item = UnitId> + 'a {
    design.unit_ids().filter(move |&id| {
        let unit = design.unit(id);
        let in_place = |wanted: Option<&str>, level: seglab_policy::Level| {
            unit.interfaces.iter().any(|interface| match (level.of(&interface.place), wanted) {
                (Some(place), Some(wanted)) => place == wanted,
                (place, None) => place.is_some(),
                (None, Some(_)) => false,
            })
        };
        match &point.placement {
            Placement::Units(selector) => selector.matches(unit),
            Placement::Between(level) => in_place(None, *level),
            Placement::Around(level, name) => in_place(Some(name), *level),
        }
    })
}

/// Units that no enforcing point covers, ascending. With `as_if_enforced`, every mode counts as enforcing.
pub(super) fn uncovered(design: &Design, as_if_enforced: bool) -> Vec<UnitId> {
    let enforcing = design.points().iter().filter(|point| as_if_enforced || point.mode == Mode::Enforce);
    let held: BTreeSet<UnitId> = enforcing.flat_map(|point| covered(design, point)).collect();
    design.unit_ids().filter(|unit| !held.contains(unit)).collect()
}

/// Points by kind and mode, with the number of units that they cover together.
pub(super) fn points(design: &Design) -> Vec<PointCount> {
    let mut groups: BTreeMap<_, (u64, BTreeSet<UnitId>)> = BTreeMap::new();
    for point in design.points() {
        let (points, units) = groups.entry((point.kind, point.mode)).or_default();
        *points += 1;
        units.extend(covered(design, point));
    }
    groups
        .into_iter()
        .map(|((kind, mode), (points, units))| PointCount {
            kind: kind.to_string(),
            mode: mode.to_string(),
            points,
            units: units.len() as u64,
        })
        .collect()
}
