//! Where enforcement points are in place, and when they fail: drawn anew in every replica.
//!
//! What is drawn is addressed by point and unit, image or site, so it can be asked at any instant and in any order, and a
//! point of the same name has the same luck in every design. A larger coverage fills gaps and opens none.

use std::cell::RefCell;
use std::collections::BTreeMap;

use seglab_policy::{Design, FailureMode, Failures, PointId, Standing, UnitId};

use crate::kernel::{Draws, Duration, Name, Probability, Technique, Time};

use super::CampaignError;
use super::outages::{History, Outages};
use super::purpose::{AT_IMAGE, AT_SITE, AT_UNIT, COVERAGE, FAILURE};

/// How the points of a design run.
pub(super) struct Operations {
    /// By point; `None` for one that is always at work.
    points: Vec<Option<Point>>,
    /// By unit.
    units: Vec<Names>,
    horizon: Time,
}

/// One point that is not always at work.
struct Point {
    name: Name,
    /// The chances that no image, no site and nothing of its own keeps it from a unit.
    by_image: Probability,
    by_site: Probability,
    by_unit: Probability,
    failures: Option<Failing>,
}

struct Failing {
    mode: FailureMode,
    outages: Outages,
}

/// What draws call a unit, and what it shares its luck with.
#[derive(Clone, Copy)]
struct Names {
    unit: Name,
    image: Option<Name>,
    site: Option<Name>,
}

/// How the points of a design run in one replica.
pub(super) struct Running<'a> {
    operations: &'a Operations,
    draws: Draws,
    /// By point and unit, what was asked for so far.
    histories: RefCell<BTreeMap<(PointId, Option<UnitId>), History>>,
}

impl Operations {
    /// Those of a design; `None` if every point is always at work.
    pub(super) fn new(design: &Design, horizon: Duration) -> Result<Option<Self>, CampaignError> {
        if design.points().iter().all(|point| point.operation.is_always_at_work()) {
            return Ok(None);
        }
        let points = design.points().iter().map(|point| {
            let given = point.operation;
            if given.is_always_at_work() {
                return Ok(None);
            }
            let wrong = |problem: &'static str| CampaignError::Operation {
                design: design.name().to_owned(),
                point: point.name.clone(),
                problem,
            };
            if !given.is_sound() {
                return Err(wrong("has a coverage, shares of gaps or a time between failures that there cannot be"));
            }
            let chance = |share: f64| {
                let chance = libm::pow(given.coverage, share);
                Probability::new(chance).map_err(|_| wrong("has a coverage that there cannot be"))
            };
            let failing = |failures: Failures| -> Result<Failing, CampaignError> {
                let outages = Outages::new(failures.every_ns, failures.repair_ns, horizon).map_err(wrong)?;
                Ok(Failing { mode: failures.mode, outages })
            };
            Ok(Some(Point {
                name: Name::new(&point.name),
                by_image: chance(given.gaps_by_image)?,
                by_site: chance(given.gaps_by_site)?,
                by_unit: chance((1.0 - given.gaps_by_image - given.gaps_by_site).max(0.0))?,
                failures: given.failures.map(failing).transpose()?,
            }))
        });
        let units = design.units().iter().map(|unit| Names {
            unit: Name::new(&unit.name),
            image: unit.image.as_deref().map(Name::new),
            site: unit.interfaces.iter().find_map(|interface| interface.place.site.as_deref()).map(Name::new),
        });
        let (points, units) = (points.collect::<Result<_, _>>()?, units.collect());
        Ok(Some(Self { points, units, horizon: horizon.after_start() }))
    }

    /// How they run in the replica of these draws.
    pub(super) fn in_replica(&self, draws: Draws) -> Running<'_> {
        Running { operations: self, draws, histories: RefCell::default() }
    }
}

impl Running<'_> {
    /// Whether a point does its work at an instant: at a unit or, on links, without one.
    pub(super) fn standing(&self, id: PointId, unit: Option<UnitId>, at: Time) -> Standing {
        let Some(Some(point)) = self.operations.points.get(id.0 as usize) else { return Standing::InPlace };
        let names = unit.and_then(|unit| self.operations.units.get(unit.index())).copied();
        if names.is_some_and(|names| !self.is_covered(point, names)) {
            return Standing::Missing;
        }
        match &point.failures {
            Some(failing) if self.has_failed(point, failing, (id, unit), at) => match failing.mode {
                FailureMode::Open => Standing::Missing,
                FailureMode::Closed => Standing::Closed,
            },
            _ => Standing::InPlace,
        }
    }

    fn is_covered(&self, point: &Point, of: Names) -> bool {
        // Who has no image, or no site, has that share of the gaps for itself.
        let causes = [
            (AT_UNIT, of.unit, point.by_unit),
            (AT_IMAGE, of.image.unwrap_or(of.unit), point.by_image),
            (AT_SITE, of.site.unwrap_or(of.unit), point.by_site),
        ];
        causes.into_iter().zip([true, of.image.is_some(), of.site.is_some()]).all(|((cause, name, chance), shared)| {
            // An image of a unit's name is not the unit.
            let attempt = u32::from(!shared);
            self.draws.at(COVERAGE, point.name, name, cause, attempt).bernoulli(chance)
        })
    }

    fn has_failed(&self, point: &Point, failing: &Failing, key: (PointId, Option<UnitId>), at: Time) -> bool {
        let mut histories = self.histories.borrow_mut();
        let history = histories.entry(key).or_insert_with(|| {
            let unit = key.1.and_then(|unit| self.operations.units.get(unit.index()));
            let name = unit.map_or(Name::NONE, |names| names.unit);
            let draw = |number| self.draws.at(FAILURE, point.name, name, Technique::NONE, number);
            failing.outages.history(self.operations.horizon, draw)
        });
        history.is_out(at)
    }
}
