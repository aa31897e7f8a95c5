//! `allowed` and needs: connections that certainly arrive, with their answers.

use crate::certificate::{Choice, End};
use crate::check::Checker;
use crate::design::{Action, Peer, Service};
use crate::judge::{Asks, Assume, EGRESS, FORWARD, INGRESS, LeftOut, Owned};
use crate::refusal::Obligation;
use crate::sets::{Bits, EVERYTHING, ICMP, OTHER, Rect, Region, disjoint, universe};
use crate::world::Check;

/// First source port from which a need must work.
const FIRST_SOURCE_PORT: u32 = 1024;

/// Who is meant by a side of the claim.
struct Side {
    /// One of them is enough.
    one: bool,
    surely: Bits,
    maybe: Bits,
}

impl Checker<'_, '_> {
    pub(crate) fn allowed(&self, from: usize, to: usize, services: usize) -> Check<()> {
        let (from, to) = (self.side(from)?, self.side(to)?);
        if !from.one && !to.one {
            return self.works(&from.maybe, &to.maybe, services);
        }
        let mut chosen = Bits::none(self.world.bound);
        for choice in &self.certificate.choices {
            let (inner, outer) = if choice.is_source { (&from, &to) } else { (&to, &from) };
            let units = self.units(&choice.units)?;
            let end = self.end(choice)?;
            let only_end_counts = inner.one && (!outer.one || units.within(&outer.surely));
            let meant = only_end_counts && end.within(&inner.surely) && !end.meets(&units);
            let other = meant && units.minus(&self.partners(&end)).is_empty();
            self.require(Obligation::Choice, other, || self.name(&end))?;
            if choice.is_source {
                self.works(&end, &units, services)?;
            } else {
                self.works(&units, &end, services)?;
            }
            chosen = chosen.or(&units);
        }
        let outer = if from.one { &to } else { &from };
        let enough = match from.one && to.one {
            true => !chosen.is_empty() || !self.pair_exists(&from.maybe, &to.maybe),
            false => outer.maybe.within(&chosen),
        };
        self.require(Obligation::Chosen, enough, || self.name(&outer.maybe.minus(&chosen)))
    }

    fn side(&self, peer: usize) -> Check<Side> {
        let world = self.world;
        let one = matches!(world.design.peers.get(peer), Some(Peer::Addresses(..)));
        let ends = if one { world.interfaces.or(&world.outside) } else { world.interfaces.clone() };
        let meant = world.peer(peer)?;
        let of = |bits: &Bits| world.whole(&bits.and(&ends));
        Ok(Side { one, surely: of(&meant.surely), maybe: of(&meant.maybe) })
    }

    fn end(&self, choice: &Choice) -> Check<Bits> {
        match choice.end {
            End::Unit(unit) => self.units(&vec![(unit, unit)]),
            End::External(address) => Ok(Bits::of(self.world.bound, self.world.cell(address))),
        }
    }

    /// The interfaces that form pairs with an end: those to which it is not somebody's address.
    fn partners(&self, end: &Bits) -> Bits {
        if !end.meets(&self.world.outside) {
            return self.world.interfaces.clone();
        }
        let spaces = self.world.spaces().iter().filter(|space| end.within(&space.live));
        let all = spaces.fold(Bits::none(self.world.bound), |all, space| all.or(&space.here));
        self.world.whole(&all)
    }

    /// True if some unit of one side has another end on the other.
    fn pair_exists(&self, from: &Bits, to: &Bits) -> bool {
        let one_way = |a: &Bits, b: &Bits| {
            let ends = a.and(&self.world.outside);
            ends.iter().any(|end| self.partners(&Bits::of(self.world.bound, [end])).meets(b))
        };
        let units =
            Region { from: from.and(&self.world.interfaces), to: to.and(&self.world.interfaces), headers: vec![] };
        self.apart(&units) || one_way(from, to) || one_way(to, from)
    }

    /// Requires that every header of the services that has to work between the ends does.
    fn works(&self, from: &Bits, to: &Bits, services: usize) -> Check<()> {
        let fails = |region: &Region| self.require(Obligation::Works, !self.apart(region), || self.connection(region));
        let region = |from: &Bits, to: &Bits| Region { from: from.clone(), to: to.clone(), headers: Vec::new() };
        for service in self.world.design.services.get(services).into_iter().flatten() {
            if let Service::Named(protocol, name) = service {
                let served = self.world.named_service(*protocol, name);
                let have = served.iter().filter_map(|served| served.at.as_ref());
                let have = have.fold(Bits::none(self.world.bound), |all, at| all.or(at));
                fails(&region(from, &to.and(&self.world.interfaces).minus(&have)))?;
            }
        }
        let (sources, destinations) = (self.by_families(from, to), self.by_families(to, from));
        for (of_source, from) in &sources {
            for (of_destination, to) in &destinations {
                let common = [of_source.0 && of_destination.0, of_source.1 && of_destination.1];
                let either = if common == [false, false] { [true, true] } else { common };
                let mut unanswered = Bits::none(self.world.bound);
                let mut needed = Vec::new();
                for served in self.world.served(services)? {
                    let to = served.at.as_ref().map_or_else(|| to.clone(), |at| to.and(at));
                    let of = |families| crate::sets::meet(&ephemeral(families), &served.headers);
                    if !of([true, true]).is_empty() {
                        unanswered = unanswered.or(&to);
                    }
                    needed.push(Region { from: from.clone(), to, headers: of(either) });
                }
                needed.retain(|region| !region.is_empty());
                for region in &needed {
                    unanswered = unanswered.minus(&region.to);
                }
                fails(&region(from, &unanswered))?;
                for left in self.failing(needed, false)? {
                    self.fails_for_kin_too(&left)?;
                }
            }
        }
        Ok(())
    }

    /// Ends by the families in which they form pairs with the other side, each unit by its first interface.
    fn by_families(&self, ends: &Bits, others: &Bits) -> Vec<((bool, bool), Bits)> {
        let world = self.world;
        let partners = match others.meets(&world.outside) {
            true => {
                let spaces = world.spaces().iter().filter(|space| others.within(&space.live));
                spaces.fold(world.outside.clone(), |all, space| all.or(&space.here))
            }
            false => world.interfaces.or(&world.outside),
        };
        let [four, six] = world.family.each_ref().map(|of| self.firsts(&ends.and(&partners).and(of)));
        let (only_four, only_six) = (four.minus(&six), six.minus(&four));
        let all = [((true, true), four.and(&six)), ((true, false), only_four), ((false, true), only_six)];
        all.into_iter().filter(|(_, ends)| !ends.is_empty()).collect()
    }

    /// The first interface of each unit; external endpoints as they are.
    fn firsts(&self, ends: &Bits) -> Bits {
        let first = |end: usize| {
            let unit = self.world.unit_of.get(end);
            unit.and_then(|unit| self.world.first.get(*unit).copied()).unwrap_or(end)
        };
        Bits::of(self.world.bound, ends.iter().map(first))
    }

    /// The interfaces in one position of units that are given by their first; and the first of those without.
    fn in_position(&self, firsts: &Bits, position: usize) -> (Bits, Bits) {
        let (mut here, mut without) = (Bits::none(self.world.bound), Bits::none(self.world.bound));
        for first in firsts.iter() {
            let unit = |end: usize| self.world.unit_of.get(end);
            let at = first + position;
            if position == 0 || (unit(at).is_some() && unit(at) == unit(first)) {
                here.insert(at);
            } else {
                without.insert(first);
            }
        }
        (here, without)
    }

    /// What of some regions, given by first interfaces, works between none of the interfaces of its ends.
    fn failing(&self, mut regions: Vec<Region>, kin: bool) -> Check<Vec<Region>> {
        let (mut from, mut to) = (0, 0);
        while !regions.is_empty() {
            let mut left = Vec::new();
            let (mut some_from, mut some_to) = (false, false);
            for region in &regions {
                self.world.spend(region.from.words() * 64)?;
                let (source, no_source) = self.in_position(&region.from, from);
                let (destination, no_destination) = self.in_position(&region.to, to);
                some_from |= !source.is_empty();
                some_to |= !destination.is_empty();
                left.push(Region { from: no_source, ..region.clone() });
                left.push(Region { from: self.firsts(&source), to: no_destination, headers: region.headers.clone() });
                let here = Region { from: source, to: destination, headers: region.headers.clone() };
                for stopped in self.stopped(here, kin)? {
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
    fn stopped(&self, region: Region, kin: bool) -> Check<Vec<Region>> {
        let world = self.world;
        if region.is_empty() {
            return Ok(Vec::new());
        }
        let as_if_enforced = self.certificate.as_if_enforced;
        let assume = Assume {
            as_if_enforced,
            trust: 0,
            owned: Owned::Nobody,
            host_owned: false,
            kin,
            left_out: LeftOut::Nothing,
        };
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
        let answer = |region: &Region, back| Region {
            from: region.to.clone(),
            to: region.from.clone(),
            headers: region.headers.iter().flat_map(|rect| answers(*rect, back)).collect(),
        };
        let mut answered: Vec<Region> = carried.iter().map(|region| answer(region, false)).collect();
        answered.retain(|region| !region.is_empty());
        for (at, point) in world.design.points.iter().enumerate() {
            let stateful = world.design.books.get(point.book).is_some_and(|book| book.stateful);
            for direction in [EGRESS, FORWARD, INGRESS] {
                if world.stands(at, direction, assume) {
                    let asks = Asks { direction, outcome: Action::Deny, left_out: LeftOut::Nothing };
                    world.at_point(at, asks, &carried, &mut stopped, false)?;
                    let mut unanswered = Vec::new();
                    if !stateful {
                        world.at_point(at, asks, &answered, &mut unanswered, false)?;
                    }
                    stopped.extend(unanswered.iter().map(|region| answer(region, true)));
                }
            }
        }
        Ok(stopped)
    }

    /// Requires of what fails that it is between units and their own hosts, and works where points spare those.
    fn fails_for_kin_too(&self, region: &Region) -> Check<()> {
        for from in region.from.iter() {
            for to in region.to.iter() {
                let (source, destination) = (self.world.unit_of.get(from), self.world.unit_of.get(to));
                let one = |end| Bits::of(self.world.bound, [end]);
                let pair = Region { from: one(from), to: one(to), headers: region.headers.clone() };
                let is_kin = source.zip(destination).is_some_and(|(source, destination)| {
                    let host = |unit: usize| self.world.host_of.get(unit).copied().flatten();
                    host(*source) == Some(*destination) || host(*destination) == Some(*source)
                });
                let works = !self.apart(&pair) || (is_kin && self.failing(vec![pair.clone()], true)?.is_empty());
                self.require(Obligation::Works, works, || self.connection(&pair))?;
            }
        }
        Ok(())
    }
}

/// The headers of families that have to work: from ephemeral ports, and all that have no ports.
fn ephemeral(families: [bool; 2]) -> Vec<Rect> {
    let wanted = [0, 1].into_iter().zip(families).filter(|(_, wanted)| *wanted);
    let mut all = disjoint(wanted.flat_map(|(family, _)| universe(family)));
    for rect in all.iter_mut().filter(|rect| rect.x.0 < ICMP[0]) {
        rect.y.0 = FIRST_SOURCE_PORT;
    }
    all
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
