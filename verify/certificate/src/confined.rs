//! Claims about single connections: that they are confined to a list, and how many a unit has.

use crate::check::Checker;
use crate::crossing::Counted;
use crate::design::claim::Who;
use crate::fields::Selector;
use crate::judge::{Assume, LeftOut, Owned};
use crate::refusal::Obligation;
use crate::sets::{Bits, EVERYTHING, Region};
use crate::world::{Check, Served};
use std::collections::{BTreeMap, BTreeSet};

impl Checker<'_, '_> {
    /// Every connection that may be meant and may be possible is surely listed.
    pub(crate) fn confined(
        &self,
        meant: &[(Who, Who)],
        listed: &[(Who, Who, usize)],
        without_allows: bool,
    ) -> Check<()> {
        let world = self.world;
        let mut spared = Vec::new();
        for (from, to, services) in listed {
            let (from, to) = (world.who(*from)?.surely, world.who(*to)?.surely);
            for served in world.served(*services)? {
                let to = served.at.as_ref().map_or_else(|| to.clone(), |at| to.and(at));
                spared.push(Region { from: from.clone(), to, headers: served.headers.clone() });
            }
        }
        spared.retain(|region| !region.is_empty());
        let seen = self.every_header();
        let counted = Counted { served: &seen, listed: &spared };
        let left_out = if without_allows { LeftOut::Allows } else { LeftOut::Nothing };
        let assume = Assume { left_out, ..self.assume(Owned::Source, false) };
        for (from, to) in meant {
            let (from, to) = (world.who(*from)?.maybe, world.who(*to)?.maybe);
            let crossing = self.crossing([&from, &to], counted, assume)?;
            self.require(Obligation::Confined, crossing.is_none(), || self.shown(&crossing))?;
        }
        Ok(())
    }

    /// No unit may connect with more others than so many.
    pub(crate) fn surface(&self, units: &Selector, entries: Option<u64>, exits: Option<u64>) -> Check<()> {
        let (units, all) = (self.world.selected_units(std::slice::from_ref(units)), self.world.all());
        for (ends, own, most) in [([&all, &units], 1, entries), ([&units, &all], 0, exits)] {
            let Some(most) = most else { continue };
            let seen = self.every_header();
            let mut ways = self.crossings(ends, Counted::all(&seen), self.assume(Owned::Source, false))?;
            ways.extend(self.unmodelled_ways(ends, Counted::all(&seen))?.into_iter().map(|(_, way)| way));
            let sides: Vec<[&Bits; 2]> =
                ways.iter().map(|way| if own == 0 { [&way.from, &way.to] } else { [&way.to, &way.from] }).collect();
            // Units that have the same ways have the same others.
            let mut ways_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (at, [here, _]) in sides.iter().enumerate() {
                let here = self.world.units(here);
                self.world.spend(here.len() as u64)?;
                here.into_iter().for_each(|unit| ways_of.entry(unit).or_default().push(at));
            }
            let mut alike: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
            ways_of.into_iter().for_each(|(unit, ways)| alike.entry(ways).or_default().push(unit));
            for (ways, units) in alike {
                self.world.spend(all.words().saturating_mul(ways.len() as u64))?;
                let others = ways.iter().filter_map(|way| sides.get(*way));
                let others = others.fold(Bits::none(), |others, [_, there]| others.or(there));
                let (count, others) = (self.parties(&others), self.world.units(&others));
                let over = units.iter().find(|unit| count - u64::from(others.contains(unit)) > most);
                let name = || over.and_then(|unit| self.world.design.units.get(*unit)).map(|unit| unit.name.clone());
                self.require(Obligation::Surface, over.is_none(), || name().unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// Units and named sources one by one, and all external addresses as one.
    fn parties(&self, ends: &Bits) -> u64 {
        let named_at = self.world.named_at();
        let named: BTreeSet<usize> = ends.and(&self.world.named).iter().map(|end| (end - named_at) / 2).collect();
        let outside = u64::from(ends.meets(&self.world.outside));
        (self.world.units(ends).len() + named.len()) as u64 + outside
    }

    pub(crate) fn every_header(&self) -> Vec<Served> {
        self.seen(&[Served { at: None, headers: vec![EVERYTHING] }])
    }
}
