//! What may cross from some ends to others: connections that a path carries and no named point certainly stops.

use crate::check::Checker;
use crate::judge::{Assume, LeftOut, Owned};
use crate::refusal::Refusal;
use crate::sets::{Bits, EVERYTHING, Rect, Region, disjoint, meet};
use crate::world::{Check, Served, to_ports};
use std::collections::{BTreeMap, BTreeSet};

/// So many lists of headers are looked at before rules are.
const FEW: usize = 8;

/// The connections that count: of these headers, and not among those.
#[derive(Clone, Copy)]
pub(crate) struct Counted<'c> {
    pub(crate) served: &'c [Served],
    pub(crate) listed: &'c [Region],
}

impl<'c> Counted<'c> {
    pub(crate) fn all(served: &'c [Served]) -> Self {
        Counted { served, listed: &[] }
    }
}

impl Checker<'_, '_> {
    /// A connection that the points of the certificate may let through, from some ends to other ends, of the headers
    /// that count and on no list. Refused if something that is not modelled touches one, or could open a path to one.
    pub(crate) fn crossing(&self, ends: [&Bits; 2], counted: Counted<'_>, assume: Assume) -> Check<Option<Region>> {
        if let Some((what, _)) = self.unmodelled_ways(ends, counted)?.into_iter().next() {
            return Err(Refusal::Unmodelled { what: what.to_owned() });
        }
        Ok(self.crossings(ends, counted, assume)?.into_iter().next())
    }

    /// Every connection that the points of the certificate may let through, from some ends to other ends.
    pub(crate) fn crossings(&self, ends: [&Bits; 2], counted: Counted<'_>, assume: Assume) -> Check<Vec<Region>> {
        let world = self.world;
        let stands = |(at, direction): &&(usize, usize)| world.stands(*at, *direction, assume);
        let points: Vec<(usize, usize)> = self.by.iter().filter(stands).copied().collect();
        let (first, others) = points.split_at(points.len().min(1));
        let asked = self.on_paths(world.paths()?, ends)?;
        let spared = |(at, _): &(usize, usize)| world.design.points.get(*at).is_some_and(|point| point.exempts_host);
        let kin = if points.iter().any(spared) { self.kin(&asked) } else { Vec::new() };
        let mut crossings = Vec::new();
        for (asked, assume) in [(kin, Assume { kin: true, ..assume }), (asked, assume)] {
            // There may be as many lists of headers as units, and long lists of what may be: then they are looked at
            // where the first point has left something.
            let few = counted.served.len() <= FEW && counted.listed.is_empty();
            let asked = if few { self.narrowed(asked, counted)? } else { asked };
            let left = world.let_through(asked, first, assume)?;
            let left = if few { left } else { self.narrowed(left, counted)? };
            crossings.extend(world.let_through(left, others, assume)?);
        }
        crossings.retain(|region| self.apart(region));
        Ok(crossings)
    }

    /// What connections something that is not modelled touches, or could open a path to.
    pub(crate) fn unmodelled_ways(&self, [from, to]: [&Bits; 2], counted: Counted<'_>) -> Check<Vec<(&str, Region)>> {
        let mut ways = Vec::new();
        for (what, touched) in self.unmodelled() {
            for ends in [[&from.and(&touched), to], [from, &to.and(&touched)]] {
                let conceivable = self.narrowed(self.on_paths(self.world.conceivable(), ends)?, counted)?;
                ways.extend(conceivable.into_iter().filter(|region| self.apart(region)).map(|region| (what, region)));
            }
        }
        Ok(ways)
    }

    /// The connections that paths carry from some ends to others.
    fn on_paths(&self, paths: &[Region], [from, to]: [&Bits; 2]) -> Check<Vec<Region>> {
        self.world.spend(paths.len() as u64 * from.words())?;
        Ok(paths.iter().filter_map(|path| path.meet(from, to, &[EVERYTHING])).collect())
    }

    /// What of regions is of the headers that count, and not listed.
    fn narrowed(&self, regions: Vec<Region>, counted: Counted<'_>) -> Check<Vec<Region>> {
        let all = self.world.all();
        let mut narrowed = Vec::new();
        for region in regions {
            for served in counted.served {
                self.world.spend(region.to.words())?;
                if served.at.as_ref().is_none_or(|at| at.meets(&region.to)) {
                    narrowed.extend(region.meet(&all, served.at.as_ref().unwrap_or(&all), &served.headers));
                }
            }
            self.world.bounded(&narrowed)?;
        }
        for listed in counted.listed {
            let mut left = Vec::new();
            for region in narrowed {
                self.world.spend(region.from.words() + region.headers.len() as u64)?;
                region.minus(&listed.from, &listed.to, &listed.headers, &mut left);
            }
            self.world.bounded(&left)?;
            narrowed = left;
        }
        Ok(narrowed)
    }

    /// The connections of regions between units and their own hosts.
    pub(crate) fn kin(&self, regions: &[Region]) -> Vec<Region> {
        let mut kin = Vec::new();
        for (host, guests) in &self.world.guests_of {
            let (host, guests) = (self.world.of_units([*host]), self.world.of_units(guests.iter().copied()));
            kin.extend(regions.iter().filter_map(|region| region.meet(&host, &guests, &[EVERYTHING])));
            kin.extend(regions.iter().filter_map(|region| region.meet(&guests, &host, &[EVERYTHING])));
        }
        kin
    }

    /// Headers, where destinations listen if that is the view. External endpoints listen to everything.
    pub(crate) fn seen(&self, served: &[Served]) -> Vec<Served> {
        let mut seen = Vec::new();
        let mut everywhere = self.by_headers(listens);
        everywhere.push(Served { at: Some(self.world.outside.clone()), headers: vec![EVERYTHING] });
        if !self.claimed.listening {
            everywhere = vec![Served { at: None, headers: vec![EVERYTHING] }];
        }
        for (asked, heard) in served.iter().flat_map(|asked| everywhere.iter().map(move |heard| (asked, heard))) {
            let at = match (&asked.at, &heard.at) {
                (Some(asked), Some(heard)) => Some(asked.and(heard)),
                (Some(at), None) | (None, Some(at)) => Some(at.clone()),
                (None, None) => None,
            };
            let headers = if heard.headers == [EVERYTHING] {
                asked.headers.clone()
            } else {
                meet(&asked.headers, &heard.headers)
            };
            seen.push(Served { at, headers });
        }
        seen
    }

    /// Units by the headers that something gives them.
    pub(crate) fn by_headers(&self, of: impl Fn(&crate::design::Unit) -> Vec<Rect>) -> Vec<Served> {
        let mut by: BTreeMap<Vec<Rect>, Vec<usize>> = BTreeMap::new();
        for (at, unit) in (0..).zip(&self.world.design.units) {
            by.entry(of(unit)).or_default().push(at);
        }
        let served = |(headers, units): (_, Vec<usize>)| Served { at: Some(self.world.of_units(units)), headers };
        by.into_iter().map(served).filter(|served| !served.headers.is_empty()).collect()
    }

    pub(crate) fn assume(&self, owned: Owned, host_owned: bool) -> Assume {
        let (as_if_enforced, trust) = (self.certificate.as_if_enforced, self.claimed.trust);
        Assume { as_if_enforced, trust, owned, host_owned, kin: false, left_out: LeftOut::Nothing }
    }

    pub(crate) fn shown(&self, region: &Option<Region>) -> String {
        region.as_ref().map_or_else(String::new, |region| self.connection(region))
    }
}

/// What a unit listens to.
pub(crate) fn listens(unit: &crate::design::Unit) -> Vec<Rect> {
    let listeners: BTreeSet<Rect> =
        unit.listeners.iter().map(|(protocol, first, last, _)| to_ports(*protocol, *first, *last)).collect();
    disjoint(listeners)
}
