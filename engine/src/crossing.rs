//! Which enforcement points a connection meets, from facts compiled per endpoint.
//!
//! Points at units are grouped into *coverages*, one for every set of points that some unit has; points on links are
//! found by the places that they stand between or around. So a connection finds the points on its path without
//! looking at any other.

use crate::column::Column;
use crate::label_index::LabelIndex;
use crate::partition::{Partition, classes_of};
use seglab_policy::{Assume, Design, Direction, Directions, EnforcementPoint, Level, Place, Placement, Side, Trust};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The levels of places, in the order in which [`Station::places`] holds them.
const LEVELS: [Level; 3] = [Level::Site, Level::Zone, Level::Subnet];
const SIDES: [Option<Side>; 3] = [None, Some(Side::Source), Some(Side::Destination)];

/// The points of a design, found by where they stand.
#[derive(Clone, Debug)]
pub(crate) struct Crossings {
    points: Column<Point>,
    /// The points at units, by coverage; the first is that of endpoints without any.
    coverages: Column<[Vec<u32>; 2]>,
    /// For each level the points between any two of its places.
    between: [Vec<u32>; 3],
    /// For each level the points around its places, by place.
    around: [Column<Vec<u32>>; 3],
    place_names: [BTreeMap<String, u32>; 3],
    any_exempts_host: bool,
    any_stateless: bool,
}

/// A compiled enforcement point.
#[derive(Clone, Debug)]
struct Point {
    rulebook: u32,
    directions: Directions,
    stateful: bool,
    exempts_host: bool,
    /// One bit for each assumption and side: whether the point's judgement counts.
    stands: u128,
}

/// What points see of an endpoint: at which points it stands, and in which places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Station {
    /// The points at its unit.
    pub(crate) coverage: u32,
    /// Site, zone and subnet, numbered from 1 each; 0 for none.
    pub(crate) places: [u32; 3],
}

/// What a path is judged under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) assume: Assume,
    /// The connection is the reply to the one that the assumptions speak of.
    pub(crate) reply: bool,
    /// One end runs on the other.
    pub(crate) host_and_guest: bool,
}

/// A point that is met on a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met {
    pub(crate) point: u32,
    /// The end of the path that it stands at; `None` in between.
    pub(crate) side: Option<Side>,
    pub(crate) rulebook: u32,
    pub(crate) direction: Direction,
}

impl Crossings {
    /// Compiles the points of a design; returns the coverage of each unit, too.
    pub(crate) fn new(design: &Design, labels: &LabelIndex<'_>) -> (Self, Column<u32>) {
        let place_names = LEVELS.map(|level| place_names(design, level));
        let mut crossings = Self {
            points: design.points().iter().map(|point| Point::new(design, point)).collect(),
            coverages: vec![[Vec::new(), Vec::new()]].into(),
            between: Default::default(),
            around: [0, 1, 2].map(|_| Column::default()),
            place_names,
            any_exempts_host: design.points().iter().any(|point| point.exempts_host),
            any_stateless: false,
        };
        crossings.any_stateless = crossings.points.iter().any(|point| !point.stateful);
        for (around, names) in crossings.around.iter_mut().zip(&crossings.place_names) {
            *around = Column::filled(Vec::new(), names.len() + 1);
        }
        let mut covered: Vec<(u32, Rc<[u32]>)> = Vec::new();
        for (at, point) in (0u32..).zip(design.points()) {
            match &point.placement {
                Placement::Units(selector) => covered.push((at, labels.select(selector))),
                Placement::Between(level) if point.directions.forward => {
                    if let Some(between) = crossings.between.get_mut(index(*level)) {
                        between.push(at);
                    }
                }
                Placement::Between(_) => {}
                Placement::Around(level, name) => {
                    let place = crossings.place_names.get(index(*level)).and_then(|names| names.get(name)).copied();
                    if let (Some(around), Some(place)) = (crossings.around.get_mut(index(*level)), place) {
                        around[place].push(at);
                    }
                }
            }
        }
        let coverage_of = crossings.cover(design, &covered);
        (crossings, coverage_of)
    }

    /// Notes the points at units, each with the units that it stands at; returns the coverage of each unit.
    fn cover(&mut self, design: &Design, covered: &[(u32, Rc<[u32]>)]) -> Column<u32> {
        let mut partition = Partition::new(design.units().len());
        covered.iter().for_each(|(_, units)| partition.split(units));
        let mut points: Column<[Vec<u32>; 2]> = Column::filled(Default::default(), partition.len());
        let class_of = partition.into_classes();
        for (at, units) in covered {
            let directions = self.points[*at].directions;
            for class in classes_of(&class_of, units) {
                let [egress, ingress] = &mut points[class];
                if directions.egress {
                    egress.push(*at);
                }
                if directions.ingress {
                    ingress.push(*at);
                }
            }
        }
        let mut known: BTreeMap<[Vec<u32>; 2], u32> = BTreeMap::from([(Default::default(), 0)]);
        let coverages = &mut self.coverages;
        let of_class: Column<u32> = points
            .into_iter()
            .map(|points| *known.entry(points).or_insert_with_key(|points| coverages.push(points.clone())))
            .collect();
        class_of.iter().map(|&class| of_class[class]).collect()
    }

    /// The coverage of a unit with these points, ascending; `None` if there is no such unit yet.
    pub(crate) fn coverage_of(&self, points: &[u32]) -> Option<u32> {
        let of = |wanted: fn(Directions) -> bool| -> Vec<u32> {
            points.iter().copied().filter(|&at| wanted(self.points[at].directions)).collect()
        };
        let wanted = [of(|directions| directions.egress), of(|directions| directions.ingress)];
        (0u32..).zip(self.coverages.iter()).find(|(_, coverage)| **coverage == wanted).map(|(at, _)| at)
    }

    /// The numbers of a place.
    pub(crate) fn places(&self, place: &Place) -> [u32; 3] {
        let mut numbers = [0; 3];
        for ((number, level), names) in numbers.iter_mut().zip(LEVELS).zip(&self.place_names) {
            *number = level.of(place).and_then(|name| names.get(name)).copied().unwrap_or(0);
        }
        numbers
    }

    /// True if the answer may depend on whether one end of a connection runs on the other.
    #[inline]
    pub(crate) fn minds_hosts(&self) -> bool {
        self.any_exempts_host
    }

    /// True if some point judges replies.
    #[inline]
    pub(crate) fn minds_replies(&self) -> bool {
        self.any_stateless
    }

    /// True if some point that stands under an assumption judges replies.
    pub(crate) fn judges_replies(&self, assume: Assume) -> bool {
        let judges =
            |point: &Point| !point.stateful && SIDES.iter().any(|&side| point.stands & stands_bit(assume, side) != 0);
        self.points.iter().any(judges)
    }

    /// Asks `visit` for every standing point on the path until it says stop.
    #[inline]
    pub(crate) fn walk(
        &self,
        from: Station,
        to: Station,
        circumstances: Circumstances,
        mut visit: impl FnMut(Met) -> std::ops::ControlFlow<()>,
    ) -> std::ops::ControlFlow<()> {
        let Circumstances { assume, reply, host_and_guest } = circumstances;
        let mut meet = |points: &[u32], direction: Direction, side: Option<Side>| {
            let bit = stands_bit(assume, if reply { side.map(opposite) } else { side });
            for &at in points {
                let point = &self.points[at];
                let judges = point.directions.contains(direction)
                    && point.stands & bit != 0
                    && !(host_and_guest && point.exempts_host)
                    && !(reply && point.stateful);
                if judges {
                    visit(Met { point: at, side, rulebook: point.rulebook, direction })?;
                }
            }
            std::ops::ControlFlow::Continue(())
        };
        meet(&self.coverages[from.coverage][0], Direction::Egress, Some(Side::Source))?;
        let links = self.between.iter().zip(&self.around).zip(from.places.into_iter().zip(to.places));
        for ((between, around), (from, to)) in links.filter(|(_, (from, to))| from != to) {
            meet(between, Direction::Forward, None)?;
            for direction in [Direction::Egress, Direction::Forward] {
                meet(&around[from], direction, None)?;
            }
            for direction in [Direction::Forward, Direction::Ingress] {
                meet(&around[to], direction, None)?;
            }
        }
        meet(&self.coverages[to.coverage][1], Direction::Ingress, Some(Side::Destination))
    }

    /// The rulebooks that points ask, each with the directions in which they can be asked.
    pub(crate) fn asked(&self) -> BTreeMap<u32, Directions> {
        let mut asked: BTreeMap<u32, Directions> = BTreeMap::new();
        let mut ask = |at: u32, directions: Directions| {
            let point = &self.points[at];
            let possible = point.directions.intersection(directions);
            let all = asked.entry(point.rulebook).or_default();
            all.egress |= possible.egress;
            all.forward |= possible.forward;
            all.ingress |= possible.ingress;
        };
        for [egress, ingress] in self.coverages.iter() {
            egress.iter().for_each(|&at| ask(at, Directions::only(Direction::Egress)));
            ingress.iter().for_each(|&at| ask(at, Directions::only(Direction::Ingress)));
        }
        self.between.iter().flatten().for_each(|&at| ask(at, Directions::only(Direction::Forward)));
        self.around.iter().flat_map(Column::iter).flatten().for_each(|&at| ask(at, Directions::ALL));
        asked
    }

    /// The bytes that the points take.
    pub(crate) fn bytes(&self) -> usize {
        let listed: usize = self.coverages.iter().flatten().map(Vec::len).sum::<usize>()
            + self.around.iter().flat_map(Column::iter).map(Vec::len).sum::<usize>();
        self.points.bytes() + self.coverages.bytes() + listed * size_of::<u32>()
    }
}

impl Point {
    fn new(design: &Design, point: &EnforcementPoint) -> Self {
        let stands = every_assumption()
            .flat_map(|assume| SIDES.map(|side| (assume, side)))
            .filter(|&(assume, side)| assume.stands(point, side))
            .fold(0, |stands, (assume, side)| stands | stands_bit(assume, side));
        Self {
            rulebook: point.rulebook.0,
            directions: point.directions,
            stateful: design.rulebook(point.rulebook).stateful,
            exempts_host: point.exempts_host,
            stands,
        }
    }
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Source => Side::Destination,
        Side::Destination => Side::Source,
    }
}

fn index(level: Level) -> usize {
    match level {
        Level::Site => 0,
        Level::Zone => 1,
        Level::Subnet => 2,
    }
}

/// The places of a level that points tell apart, numbered from 1: all that interfaces stand in if a point stands
/// between any two of them, else those that have a point around them.
fn place_names(design: &Design, level: Level) -> BTreeMap<String, u32> {
    let between = design.points().iter().any(|point| point.placement == Placement::Between(level));
    let units = if between { design.units() } else { &[] };
    let interfaces = units.iter().flat_map(|unit| &unit.interfaces);
    let stood_in = interfaces.filter_map(|interface| level.of(&interface.place));
    let surrounded = design.points().iter().filter_map(|point| match &point.placement {
        Placement::Around(of, name) if *of == level => Some(name.as_str()),
        _ => None,
    });
    let mut names: Vec<&str> = stood_in.chain(surrounded).collect();
    // Neighbours mostly stand in one place.
    names.dedup();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).zip(1..).collect()
}

fn every_assumption() -> impl Iterator<Item = Assume> {
    let trusts = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid];
    [false, true].into_iter().flat_map(move |as_if_enforced| {
        trusts.into_iter().flat_map(move |trust| {
            SIDES.into_iter().flat_map(move |owned| {
                [false, true].map(|host_owned| Assume { as_if_enforced, trust, owned, host_owned })
            })
        })
    })
}

/// The bit of [`Point::stands`] for a point at `side`: two by three by three by two assumptions, three sides.
#[inline]
fn stands_bit(assume: Assume, side: Option<Side>) -> u128 {
    let of_side = |side: Option<Side>| match side {
        None => 0u32,
        Some(Side::Source) => 1,
        Some(Side::Destination) => 2,
    };
    let trust = match assume.trust {
        Trust::Intact => 0,
        Trust::OwnAgentVoid => 1,
        Trust::ControllerVoid => 2,
    };
    let modes = u32::from(assume.as_if_enforced) * 2 + u32::from(assume.host_owned);
    1 << (((modes * 3 + trust) * 3 + of_side(assume.owned)) * 3 + of_side(side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assumption_and_side_has_a_bit_of_its_own() {
        let bits = every_assumption().flat_map(|assume| SIDES.map(|side| stands_bit(assume, side)));
        let all: std::collections::BTreeSet<u128> = bits.collect();
        assert_eq!(all.len(), 108);
    }
}
