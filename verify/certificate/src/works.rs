//! `allowed` and needs: connections that certainly arrive, with their answers.

use crate::arrival::Means;
use crate::certificate::{Choice, End};
use crate::check::Checker;
use crate::design::{Peer, Service};
use crate::judge::{Assume, Owned};
use crate::refusal::Obligation;
use crate::sets::{Bits, EVERYTHING, ICMP, Rect, Region, disjoint, universe};
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
        let mut chosen = Bits::none();
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
            End::External(address) => Ok(Bits::of(self.world.cell(address))),
        }
    }

    /// The interfaces that form pairs with an end: those to which it is not somebody's address.
    fn partners(&self, end: &Bits) -> Bits {
        if !end.meets(&self.world.outside) {
            return self.world.interfaces.clone();
        }
        let spaces = self.world.spaces().iter().filter(|space| end.within(&space.live));
        let all = spaces.fold(Bits::none(), |all, space| all.or(&space.here));
        self.world.whole(&all)
    }

    /// True if some unit of one side has another end on the other.
    fn pair_exists(&self, from: &Bits, to: &Bits) -> bool {
        let one_way = |a: &Bits, b: &Bits| {
            let ends = a.and(&self.world.outside);
            ends.iter().any(|end| self.partners(&Bits::of([end])).meets(b))
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
                let have = have.fold(Bits::none(), |all, at| all.or(at));
                fails(&region(from, &to.and(&self.world.interfaces).minus(&have)))?;
            }
        }
        let (sources, destinations) = (self.by_families(from, to), self.by_families(to, from));
        for (of_source, from) in &sources {
            for (of_destination, to) in &destinations {
                let common = [of_source.0 && of_destination.0, of_source.1 && of_destination.1];
                let either = if common == [false, false] { [true, true] } else { common };
                let mut unanswered = Bits::none();
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
                let ends = self.world.all();
                let assume = Assume { trust: 0, ..self.assume(Owned::Nobody, false) };
                let means = Means { over: &ends, assume, answered: &[EVERYTHING] };
                self.arrives(needed, means, Obligation::Works)?;
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
