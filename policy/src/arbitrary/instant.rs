//! The design of an instant, in which some points do not do their work: what judges of such instants are held to.

use crate::{
    Design, DesignError, EnforcementPoint, Placement, PointId, Rulebook, RulebookId, Selector, Standing, UnitId,
};

/// A design in which points stand as `standing` says, at a unit or, for a point on links, without one: what is missing is
/// placed nowhere, and what is closed is another point that denies everything.
///
/// # Errors
/// None that designs have which hold together.
pub fn instant(
    design: &Design,
    standing: impl Fn(PointId, Option<UnitId>) -> Standing,
) -> Result<Design, Vec<DesignError>> {
    let mut draft = design.to_draft();
    let deny = |point: &EnforcementPoint, books: &mut Vec<Rulebook>| {
        let stateful = design.rulebook(point.rulebook).stateful;
        let id = RulebookId(u32::try_from(books.len()).unwrap_or(u32::MAX));
        let name = format!("closed {}", point.name);
        books.push(Rulebook { name, tiers: Vec::new(), default_allow: false, stateful });
        id
    };
    let mut closed = Vec::new();
    for (id, point) in design.point_ids().zip(&mut draft.points) {
        let Placement::Units(on) = &point.placement else {
            match standing(id, None) {
                Standing::InPlace => {}
                Standing::Missing => point.placement = Placement::Units(Selector::nothing()),
                Standing::Closed => point.rulebook = deny(point, &mut draft.rulebooks),
            }
            continue;
        };
        let units_that = |wanted: Standing| {
            let units = design.select(on).filter(|&unit| standing(id, Some(unit)) == wanted);
            let names: Vec<Selector> = units.map(|unit| Selector::Named(design.unit(unit).name.clone())).collect();
            if names.is_empty() { Selector::nothing() } else { Selector::AnyOf(names) }
        };
        let (in_place, shut) = (units_that(Standing::InPlace), units_that(Standing::Closed));
        if shut != Selector::nothing() {
            closed.push(EnforcementPoint {
                name: format!("closed {}", point.name),
                placement: Placement::Units(shut),
                rulebook: deny(point, &mut draft.rulebooks),
                ..point.clone()
            });
        }
        point.placement = Placement::Units(in_place);
    }
    draft.points.extend(closed);
    Design::new(draft)
}
