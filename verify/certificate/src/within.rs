//! `within` and `equal`: what may connect in one design, held against what certainly can in another.
//!
//! Units are matched by name, external addresses by value: both designs are cut where an address set of either begins
//! or ends. Of the interfaces that a unit has in a family any will do.

use crate::arrival::{Means, answering, answers_to, turned};
use crate::check::Checker;
use crate::crossing::Counted;
use crate::design::Design;
use crate::judge::{Assume, Owned};
use crate::refusal::Obligation;
use crate::sets::{Bits, EVERYTHING, Rect, Region};
use crate::world::{Check, World};
use std::collections::{BTreeMap, BTreeSet};

/// Every header of TCP.
const TCP: [Rect; 1] = [Rect { x: (0, 0xFFFF), y: (0, 0xFFFF) }];

/// The endpoints of one design in another.
struct Mates {
    /// By endpoint: the first interface of the unit that goes by the same name, the same cell, the same source.
    of: Vec<Option<usize>>,
    /// Interfaces with cells that to one of the designs are, for them, all somebody's address: no pairs.
    held: Vec<(Bits, Bits)>,
}

impl Checker<'_, '_> {
    /// Nothing is possible that is not in another design; with `equal`, nor the other way round, and answers fare alike.
    pub(crate) fn within(&self, other: &Design, equal: bool) -> Check<()> {
        let design = self.world.design;
        let (this, that) = (World::beside(design, other)?, World::beside(other, design)?);
        let (here, there) = (self.in_world(&this), self.in_world(&that));
        let (onto, back) = (Mates::new(&this, &that)?, Mates::new(&that, &this)?);
        let arriving = here.possible()?;
        here.contained(&arriving, &there, &onto, (&[], Obligation::Gained))?;
        if equal {
            let before = there.possible()?;
            there.contained(&before, &here, &back, (&[], Obligation::Lost))?;
            if [design, other].iter().any(|design| design.books.iter().any(|book| !book.stateful)) {
                here.contained(&here.answerable(&arriving)?, &there, &onto, (&TCP, Obligation::Answered))?;
                there.contained(&there.answerable(&before)?, &here, &back, (&TCP, Obligation::Answered))?;
            }
        }
        let obligations = this.obligations.get() + that.obligations.get();
        self.world.obligations.set(self.world.obligations.get() + obligations);
        Ok(())
    }

    /// Every connection that may be possible, be it by something that is not modelled.
    fn possible(&self) -> Check<Vec<Region>> {
        let (all, seen) = (self.world.all(), self.every_header());
        let mut ways = self.crossings([&all, &all], Counted::all(&seen), self.assume(Owned::Source, false))?;
        ways.extend(self.unmodelled_ways([&all, &all], Counted::all(&seen))?.into_iter().map(|(_, way)| way));
        Ok(ways)
    }

    /// What of regions is TCP, and may be answered.
    fn answerable(&self, regions: &[Region]) -> Check<Vec<Region>> {
        let world = self.world;
        let stateless = |(at, _): &&(usize, usize)| {
            world.design.points.get(*at).is_some_and(|point| !world.design.remembers(point))
        };
        let points: Vec<(usize, usize)> = self.by.iter().filter(stateless).copied().collect();
        let assume = answering(self.assume(Owned::Source, false));
        let mut answered = Vec::new();
        for (asked, assume) in [(&self.kin(regions)[..], Assume { kin: true, ..assume }), (regions, assume)] {
            answered.extend(world.let_through(answers_to(asked, &TCP), &points, assume)?);
        }
        Ok(answered.iter().map(|region| turned(region, true)).collect())
    }

    /// Requires that regions of this design certainly arrive in another, with answers to some of the headers.
    fn contained(
        &self,
        regions: &[Region],
        there: &Checker<'_, '_>,
        mates: &Mates,
        (answered, obligation): (&[Rect], Obligation),
    ) -> Check<()> {
        let (all, heard) = (there.world.all(), there.every_header());
        let assume = there.assume(Owned::Source, false);
        for (here, over) in self.world.family.iter().zip(&there.world.family) {
            let means = Means { over, assume, answered };
            for region in regions.iter().filter_map(|region| region.meet(here, here, &[EVERYTHING])) {
                for region in self.compared(region, mates)? {
                    let moved = self.moved(&region, mates)?;
                    self.require(obligation, moved.is_some(), || self.connection(&region))?;
                    let mut unheard: Vec<Region> = moved.into_iter().collect();
                    let moved = unheard.clone();
                    for heard in &heard {
                        let (at, mut left) = (heard.at.as_ref().unwrap_or(&all), Vec::new());
                        there.world.spend(unheard.iter().map(|region| region.to.words()).sum())?;
                        unheard.into_iter().for_each(|region| region.minus(&all, at, &heard.headers, &mut left));
                        there.world.bounded(&left)?;
                        unheard = left;
                    }
                    let deaf = unheard.iter().find(|region| there.apart(region));
                    there.require(obligation, deaf.is_none(), || there.shown(&deaf.cloned()))?;
                    there.arrives(moved, means, obligation)?;
                }
            }
        }
        Ok(())
    }

    /// A region without what is no pair in both designs.
    fn compared(&self, region: Region, mates: &Mates) -> Check<Vec<Region>> {
        let mut regions = vec![region];
        for (interfaces, cells) in &mates.held {
            let mut left = Vec::new();
            for region in regions {
                self.world.spend(region.from.words())?;
                let mut once = Vec::new();
                region.minus(interfaces, cells, &[EVERYTHING], &mut once);
                once.into_iter().for_each(|region| region.minus(cells, interfaces, &[EVERYTHING], &mut left));
            }
            self.world.bounded(&left)?;
            regions = left;
        }
        Ok(regions)
    }

    /// A region with the ends that it has in the other design; `None` if some end of a connection has none.
    fn moved(&self, region: &Region, mates: &Mates) -> Check<Option<Region>> {
        let (mut sides, mut complete) = (Vec::new(), true);
        for (ends, others) in [(&region.from, &region.to), (&region.to, &region.from)] {
            self.world.spend(ends.words() * 64)?;
            let (mut moved, mut lone) = (Bits::none(), Bits::none());
            for end in ends.iter() {
                match mates.of.get(end).copied().flatten() {
                    Some(mate) => moved.insert(mate),
                    None => lone.insert(end),
                }
            }
            complete &= lone.is_empty() || !self.apart(&Region { from: lone, to: others.clone(), headers: Vec::new() });
            sides.push(moved);
        }
        let to = sides.pop().unwrap_or_default();
        let from = sides.pop().unwrap_or_default();
        Ok(complete.then(|| Region { from, to, headers: region.headers.clone() }))
    }
}

impl Mates {
    fn new(here: &World<'_>, there: &World<'_>) -> Check<Self> {
        let names: BTreeMap<&str, usize> = there.design.units.iter().map(|unit| unit.name.as_str()).zip(0..).collect();
        let sources = there.design.sources.iter().map(|source| source.name.as_str());
        let sources: BTreeMap<&str, usize> = sources.zip((there.named_at()..).step_by(2)).collect();
        let namesake = |unit: &usize| {
            let at = *names.get(here.design.units.get(*unit)?.name.as_str())?;
            (!there.design.units.get(at)?.interfaces.is_empty()).then_some(at)
        };
        let units = here.unit_of.iter().map(|unit| namesake(unit).and_then(|at| there.first.get(at).copied()));
        let cells = (there.unit_of.len()..there.named_at()).map(Some);
        let named = here.design.sources.iter().flat_map(|source| {
            let at = sources.get(source.name.as_str()).copied();
            [at, at.map(|at| at + 1)]
        });
        let of = units.chain(cells).chain(named).collect();
        Ok(Mates { of, held: held(here, there, namesake)? })
    }
}

/// Interfaces with the cells of which every address is somebody's to them, or to all interfaces of their namesakes, or
/// of everybody if these have none of that family.
fn held(here: &World<'_>, there: &World<'_>, namesake: impl Fn(&usize) -> Option<usize>) -> Check<Vec<(Bits, Bits)>> {
    let spaces = [here.by_space(), there.by_space()];
    let space_of = |side: usize, end: usize| spaces.get(side).and_then(|of| of.get(end)).copied().unwrap_or(0);
    let everybody: [BTreeSet<usize>; 2] = there
        .family
        .each_ref()
        .map(|of_family| of_family.and(&there.interfaces).iter().map(|end| space_of(1, end)).collect());
    // Interfaces by family, space, and the spaces that their namesakes have interfaces of that family in, or anybody if
    // these have none.
    let mut alike: BTreeMap<(usize, usize, BTreeSet<usize>), Vec<usize>> = BTreeMap::new();
    for (end, unit) in here.unit_of.iter().enumerate() {
        let family = usize::from(here.interface(end).is_some_and(|interface| interface.family == 1));
        let theirs = namesake(unit).map_or(0..0, |mate| there.endpoints(mate));
        let theirs = theirs.filter(|end| there.interface(*end).is_some_and(|interface| interface.family == family));
        let seeing: BTreeSet<usize> = theirs.map(|end| space_of(1, end)).collect();
        let anybody = || everybody.get(family).cloned().unwrap_or_default();
        let seeing = if seeing.is_empty() { anybody() } else { seeing };
        alike.entry((family, space_of(0, end), seeing)).or_default().push(end);
    }
    let mut held = Vec::new();
    for ((family, space, seeing), ends) in alike {
        here.spend((here.unit_of.len() + there.unit_of.len()) as u64)?;
        let known = |world: &World<'_>, space: usize| -> BTreeSet<_> {
            world
                .spaces()
                .get(space)
                .into_iter()
                .flat_map(|space| world.known_of(&space.near).collect::<Vec<_>>())
                .collect()
        };
        let all = seeing.into_iter().map(|space| known(there, space)).reduce(|all, more| &all & &more);
        let taken = &known(here, space) | &all.unwrap_or_default();
        let Some(of_family) = here.family.get(family) else { continue };
        let cells = here.outside.and(of_family).minus(&here.cells_beyond(taken.into_iter()));
        if !cells.is_empty() {
            held.push((Bits::of(ends), cells));
        }
    }
    Ok(held)
}
