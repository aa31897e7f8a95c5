//! What certainly arrives, and is answered: no point may stop it over some interface of either end.

use crate::check::Checker;
use crate::design::Action;
use crate::judge::{Asks, Assume, EGRESS, FORWARD, INGRESS, LeftOut, Owned};
use crate::refusal::Obligation;
use crate::sets::{Bits, EVERYTHING, ICMP, OTHER, Rect, Region, meet};
use crate::world::Check;

/// What it takes to arrive.
#[derive(Clone, Copy)]
pub(crate) struct Means<'m> {
    /// The endpoints over which it counts.
    pub(crate) over: &'m Bits,
    pub(crate) assume: Assume,
    /// The headers of which answers have to come back.
    pub(crate) answered: &'m [Rect],
}

impl Checker<'_, '_> {
    /// Requires that regions, given by first interfaces, arrive; between units and their own hosts points may spare
    /// what they would stop.
    pub(crate) fn arrives(&self, regions: Vec<Region>, means: Means<'_>, obligation: Obligation) -> Check<()> {
        for region in self.failing(regions, means)? {
            for from in region.from.iter() {
                for to in region.to.iter() {
                    let one = |end| Bits::of([end]);
                    let pair = Region { from: one(from), to: one(to), headers: region.headers.clone() };
                    let spared = Means { assume: Assume { kin: true, ..means.assume }, ..means };
                    let arrives = !self.apart(&pair)
                        || (self.are_kin(from, to) && self.failing(vec![pair.clone()], spared)?.is_empty());
                    self.require(obligation, arrives, || self.connection(&pair))?;
                }
            }
        }
        Ok(())
    }

    /// True if two interfaces are of a unit and of its host.
    fn are_kin(&self, a: usize, b: usize) -> bool {
        let unit = |end: usize| self.world.unit_of.get(end).copied();
        let host = |unit: usize| self.world.host_of.get(unit).copied().flatten();
        unit(a).zip(unit(b)).is_some_and(|(a, b)| host(a) == Some(b) || host(b) == Some(a))
    }

    /// The first interface of each unit; external endpoints as they are.
    pub(crate) fn firsts(&self, ends: &Bits) -> Bits {
        let first = |end: usize| {
            let unit = self.world.unit_of.get(end);
            unit.and_then(|unit| self.world.first.get(*unit).copied()).unwrap_or(end)
        };
        Bits::of(ends.iter().map(first))
    }

    /// The interfaces in one position of units that are given by their first, and the first of those without one that
    /// counts; and whether any has one in that position.
    fn in_position(&self, firsts: &Bits, position: usize, over: &Bits) -> (Bits, Bits, bool) {
        let (mut here, mut without) = (Bits::none(), Bits::none());
        let mut some = false;
        for first in firsts.iter() {
            let unit = |end: usize| self.world.unit_of.get(end);
            let at = first + position;
            let exists = position == 0 || (unit(at).is_some() && unit(at) == unit(first));
            some |= exists;
            if exists && over.contains(at) {
                here.insert(at);
            } else {
                without.insert(first);
            }
        }
        (here, without, some)
    }

    /// What of some regions, given by first interfaces, arrives between none of the interfaces of its ends.
    fn failing(&self, mut regions: Vec<Region>, means: Means<'_>) -> Check<Vec<Region>> {
        let (mut from, mut to) = (0, 0);
        while !regions.is_empty() {
            let mut left = Vec::new();
            let (mut some_from, mut some_to) = (false, false);
            for region in &regions {
                self.world.spend(region.from.words() * 64)?;
                let (source, no_source, exists_from) = self.in_position(&region.from, from, means.over);
                let (destination, no_destination, exists_to) = self.in_position(&region.to, to, means.over);
                some_from |= exists_from;
                some_to |= exists_to;
                left.push(Region { from: no_source, ..region.clone() });
                left.push(Region { from: self.firsts(&source), to: no_destination, headers: region.headers.clone() });
                let here = Region { from: source, to: destination, headers: region.headers.clone() };
                for stopped in self.stopped(here, means)? {
                    let (from, to) = (self.firsts(&stopped.from), self.firsts(&stopped.to));
                    left.push(Region { from, to, headers: stopped.headers });
                }
            }
            left.retain(|region| !region.is_empty() && self.apart(region));
            self.world.bounded(&left)?;
            (from, to) = match (some_from, some_to) {
                (_, true) => (from, to + 1),
                (true, false) if to > 0 => (from + 1, 0),
                _ => return Ok(left),
            };
            regions = left;
        }
        Ok(regions)
    }

    /// What of a region no path carries, some point may stop, or may stop the answers of.
    fn stopped(&self, region: Region, means: Means<'_>) -> Check<Vec<Region>> {
        let world = self.world;
        if region.is_empty() {
            return Ok(Vec::new());
        }
        let mut stopped = vec![region.clone()];
        let mut carried = Vec::new();
        for path in world.paths()? {
            let mut left = Vec::new();
            for region in stopped {
                world.spend(region.from.words() * 4)?;
                region.minus(&path.from, &path.to, &path.headers, &mut left);
            }
            world.bounded(&left)?;
            stopped = left;
            carried.extend(region.meet(&path.from, &path.to, &path.headers));
        }
        for (_, touched) in self.unmodelled() {
            let all = world.all();
            stopped.extend(region.meet(&touched, &all, &[EVERYTHING]));
            stopped.extend(region.meet(&all, &touched, &[EVERYTHING]));
        }
        let answered = answers_to(&carried, means.answered);
        let back = answering(means.assume);
        for (at, point) in world.design.points.iter().enumerate() {
            let stateful = world.design.remembers(point);
            for direction in [EGRESS, FORWARD, INGRESS] {
                let asks = Asks { direction, outcome: Action::Deny, left_out: LeftOut::Nothing };
                if world.stands(at, direction, means.assume) {
                    world.at_point(at, asks, &carried, &mut stopped, false)?;
                }
                if !stateful && world.stands(at, direction, back) {
                    let mut unanswered = Vec::new();
                    world.at_point(at, asks, &answered, &mut unanswered, false)?;
                    stopped.extend(unanswered.iter().map(|region| turned(region, true)));
                }
            }
        }
        Ok(stopped)
    }
}

/// The answers to what of some regions is of some headers.
pub(crate) fn answers_to(regions: &[Region], of: &[Rect]) -> Vec<Region> {
    let asked = |region: &Region| Region { headers: meet(&region.headers, of), ..region.clone() };
    let answers = regions.iter().map(|region| turned(&asked(region), false));
    answers.filter(|region| !region.is_empty()).collect()
}

/// The answers to the connections of a region; with `back`, what is answered by them.
pub(crate) fn turned(region: &Region, back: bool) -> Region {
    let headers = region.headers.iter().flat_map(|rect| answers(*rect, back)).collect();
    Region { from: region.to.clone(), to: region.from.clone(), headers }
}

/// What is assumed when answers are judged: who owned the source owns what they go to.
pub(crate) fn answering(assume: Assume) -> Assume {
    let owned = match assume.owned {
        Owned::Nobody => Owned::Nobody,
        Owned::Source => Owned::Destination,
        Owned::Destination => Owned::Source,
    };
    Assume { owned, ..assume }
}

/// The headers of the answers to some headers; with `back`, of what is answered by some headers.
pub(crate) fn answers(rect: Rect, back: bool) -> Vec<Rect> {
    let mut answers = Vec::new();
    for base in [0, 1 << 16, 2 << 16] {
        let (first, last) = (rect.x.0.max(base), rect.x.1.min(base + 0xFFFF));
        if first <= last {
            answers.push(Rect { x: (base + rect.y.0, base + rect.y.1.min(0xFFFF)), y: (first - base, last - base) });
        }
    }
    let kinds = [(0, 8, 0), (0, 13, 14), (0, 15, 16), (0, 17, 18), (1, 128, 129)];
    for (family, request, answer) in kinds {
        let base = if family == 0 { ICMP[0] } else { ICMP[1] };
        let (given, other) = if back { (answer, request) } else { (request, answer) };
        if rect.x.0 <= base + given && base + given <= rect.x.1 && rect.x.0 < OTHER {
            answers.push(Rect { x: (base + other, base + other), y: rect.y });
        }
    }
    answers
}
