//! Units that come, go, or are not what they were: which class each is of now.
//!
//! A unit that nothing tells apart from others joins their class. Any other founds one, by a number that was kept vacant.
//! Its interfaces join endpoint classes in the same way; one that none is like is made from a *template*: an endpoint
//! class where the same points stand, in the same space and place, with the same address as far as rules can see. It is
//! split off and relabelled, so that only cells are evaluated of rules that match the one and not the other. Where no
//! template is to be found everything starts anew. Classes and endpoint classes that nobody is of any more become
//! vacant.

use super::{AMENDED_MAX, EDITED_MAX, Engine, Paths, Rehoused};
use crate::classes::{ClassId, Classes};
use crate::endpoint_class::EndpointClass;
use crate::header_set::HeaderSet;
use crate::judge::Dirty;
use fixedbitset::FixedBitSet;
use seglab_policy::{Design, Placement, Scope, Selector, UnitId};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;

/// So many groups of labels may come until it is time to count anew.
const GROUPS_MAX: usize = 4096;

/// What is known of units whose classes are to be found.
#[derive(Debug, Default)]
pub(crate) struct Movers {
    /// The units that have come, and those that are not what they were.
    pub(crate) units: BTreeSet<UnitId>,
    /// Those of them that have the labels and the names that they had.
    pub(crate) labelled_alike: BTreeSet<UnitId>,
    /// The classes that have lost units which have gone.
    pub(crate) left: Vec<ClassId>,
    /// Addresses that have become a unit's, or have ceased to be.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Movers {
    /// True if nobody moves.
    pub(crate) fn are_none(&self) -> bool {
        self.units.is_empty() && self.left.is_empty()
    }
}

impl Engine<'_> {
    /// Finds the classes of units that have come or are not what they were. `None`, and the engine is of no use any
    /// more, if there is no telling.
    pub(crate) fn rehouse(&mut self, movers: Movers) -> Option<Rehoused> {
        let Movers { mut units, mut labelled_alike, left, addresses } = movers;
        if self.classes.endpoints.opens_or_closes(&addresses, self.design, &self.classes.atoms)
            || self.classes.index.groups() > self.groups_first + GROUPS_MAX
        {
            return None;
        }
        let hosts = hosts_of(self.design);
        for host in self.new_hosts(&units) {
            units.insert(host);
            labelled_alike.insert(host);
        }
        let mut moving = Rehoused { resized: left.into_iter().collect(), ..Rehoused::default() };
        let mut homes: Vec<(UnitId, Option<ClassId>)> = Vec::new();
        for &unit in &units {
            let home = self.classes.leave(unit);
            // Its labels are what they are now, and those of its group are not.
            if !labelled_alike.contains(&unit) {
                self.classes.leave_group(unit);
            }
            moving.resized.extend(home);
            homes.push((unit, home));
        }
        let is_empty = |classes: &Classes, class: ClassId| classes.members(class).is_empty();
        let mut empty: BTreeSet<ClassId> =
            moving.resized.iter().copied().filter(|&class| is_empty(&self.classes, class)).collect();
        empty.iter().for_each(|&class| self.classes.disband(class));
        for (unit, home) in homes {
            if !labelled_alike.contains(&unit) {
                self.classes.place(unit, self.design);
            }
            let ends = self.ends_for(unit, hosts.contains(unit.index()), &mut moving)?;
            let alike = self.classes.alike(unit, &ends, (self.design, &hosts));
            self.classes.endpoints.stand(unit, ends);
            match alike {
                Some(class) => {
                    self.classes.join(unit, class);
                    moving.resized.insert(class);
                }
                None => {
                    let home = home.filter(|home| empty.remove(home));
                    let class = self.classes.found(unit, home)?;
                    moving.founded.insert(class);
                    self.describe(class);
                }
            }
        }
        for class in empty {
            self.classes.vacate(class);
            moving.vacated.insert(class);
            self.describe(class);
        }
        self.vacate_ends(&mut moving)?;
        self.note(&units, &mut moving);
        Some(moving)
    }

    /// The units that have become hosts of others and were taken for one that hosts nobody.
    fn new_hosts(&self, units: &BTreeSet<UnitId>) -> Vec<UnitId> {
        let hosts: BTreeSet<UnitId> = units.iter().filter_map(|&unit| self.design.host_of(unit)).collect();
        let is_new = |host: &UnitId| {
            let endpoints = &self.classes.endpoints;
            let is_known = |&end: &u32| endpoints.get(end).host_itself == Some(*host);
            let alone = self.classes.known(*host).is_some_and(|class| self.classes.members(class).len() == 1);
            !(alone && (!self.classes.words.hosts_matter || endpoints.of_unit(*host).iter().all(is_known)))
        };
        hosts.into_iter().filter(|host| !units.contains(host)).filter(is_new).collect()
    }

    /// Works out what is kept of a class.
    fn describe(&mut self, class: ClassId) {
        let (ends, heard) = match self.classes.members(class).first() {
            Some(_) => (super::endpoints_of(&self.classes, class), listened_by(self.design, &self.classes, class)),
            None => Default::default(),
        };
        let heard = self.sets.intern(heard);
        self.endpoints.get_mut(class.index()).into_iter().for_each(|known| *known = ends.clone().into());
        self.listened.get_mut(class.index()).into_iter().for_each(|known| *known = heard);
    }

    /// The endpoint classes of a unit's interfaces, made where there are none.
    fn ends_for(&mut self, unit: UnitId, is_host: bool, moving: &mut Rehoused) -> Option<Vec<u32>> {
        let group = self.classes.index.group_of_unit(unit);
        let design = self.design;
        let mut ends = Vec::new();
        for interface in &design.unit(unit).interfaces {
            let Classes { endpoints, words, atoms, .. } = &mut self.classes;
            let seen = endpoints.seen((unit, interface), group, is_host, design, (words, atoms))?;
            ends.push(match endpoints.alike(&seen) {
                Some(end) => end,
                None => self.make_end(unit, &seen, moving)?,
            });
        }
        Some(ends)
    }

    /// Makes an endpoint class of which this is seen, at interfaces of a unit.
    fn make_end(&mut self, unit: UnitId, seen: &EndpointClass, moving: &mut Rehoused) -> Option<u32> {
        let design = self.design;
        let id = |selector: &Selector| self.classes.words.selectors.id(selector);
        let says = |selector: &Selector| Some((id(selector)?, selector.matches(design.unit(unit))));
        let decisive = decisive(design).map(says).collect::<Option<Vec<(u32, bool)>>>()?;
        let known = (&self.classes.index, design);
        let template = self.classes.endpoints.template(seen, &design.unit(unit).labels, &decisive, known)?;
        let end = self.split(template, &[])?;
        let before = self.classes.endpoints.get(end).clone();
        self.alike.vacate(end, self.classes.endpoints.nobody()?);
        self.classes.endpoints.retouch(end, seen);
        self.alike.split(self.classes.endpoints.get(end), template, end);
        let group = self.classes.index.group_of_unit(unit);
        self.classes.endpoints.enter(&[end], group, design.unit(unit));
        if (before.host, before.host_itself) != (seen.host, seen.host_itself) {
            self.forget_near(&before, end)?;
        }
        let names = before.ports != seen.ports;
        if names && !self.keeps_entries(end) {
            return None;
        }
        let peers = self.judgements.relabel(&self.classes, &[end], design.unit(unit));
        self.evaluate(&[end], &peers, names)?;
        moving.made.push((end, template));
        Some(end)
    }

    /// Forgets what is known of the connections of an endpoint class with hosts and guests, those of another and its own.
    fn forget_near(&mut self, before: &EndpointClass, end: u32) -> Option<()> {
        let mut near = self.alike.near(before);
        near.extend(self.alike.host_and_guests(self, end));
        near.push(end);
        self.forget(&Dirty { products: vec![(near.clone(), near)] })
    }

    /// Evaluates the cells anew between endpoint classes and whoever rules speak of with peers that match them and did
    /// not, or do not and did; and with named ports, where the names of theirs have changed.
    pub(super) fn evaluate(&mut self, ends: &[u32], peers: &[u32], names: bool) -> Option<Dirty> {
        let (all, amended) = (self.classes.endpoints.len(), self.amended());
        let (mut cells, mut touched) = (0, Dirty::default());
        for judge in &mut self.judges {
            let mut dirty = judge.touched(ends, peers, all, &self.judgements);
            if names {
                let named = ends.iter().map(|&end| judge.touched_by_name(end, all, &self.judgements));
                dirty.products.extend(named.flat_map(|named| named.products));
            }
            cells += dirty.pairs();
            if cells > EDITED_MAX || amended + cells > AMENDED_MAX {
                return None;
            }
            judge.evaluate(&self.classes, &dirty, &mut self.judgements, &mut self.sets);
            touched.products.extend(dirty.products);
        }
        self.forget(&touched)?;
        Some(touched)
    }

    /// Leaves endpoint classes vacant that no interface is of any more.
    fn vacate_ends(&mut self, moving: &mut Rehoused) -> Option<()> {
        let occupied = self.classes.endpoints.occupied();
        let units = u32::try_from(self.classes.endpoints.units()).unwrap_or(u32::MAX);
        let is_deserted = |end: &u32| !occupied.contains(*end as usize) && self.classes.endpoints.group(*end).is_some();
        let deserted: Vec<u32> = (0..units).filter(is_deserted).collect();
        let nobody = self.classes.endpoints.nobody()?;
        for end in deserted {
            self.forget(&self.acquainted(end))?;
            self.alike.vacate(end, nobody);
            self.classes.endpoints.vacate(end, nobody);
            self.judgements.vacate(end);
            self.judges.iter_mut().for_each(|judge| judge.vacate(end, nobody));
            self.paths.vacate(end);
            for matrix in self.matrices.values_mut() {
                Rc::get_mut(matrix)?.split(nobody, end);
            }
            for crossing in self.returning.values_mut() {
                Rc::get_mut(crossing)?.split(nobody, end);
            }
            moving.deserted.push(end);
        }
        Some(())
    }

    /// Takes note of whom connections of units that have moved are with, and of who hosts the classes that have changed.
    fn note(&self, units: &BTreeSet<UnitId>, moving: &mut Rehoused) {
        let all: Vec<u32> = (0u32..).take(self.classes.endpoints.len()).collect();
        let ends: BTreeSet<u32> =
            units.iter().flat_map(|&unit| self.classes.endpoints.of_unit(unit)).copied().collect();
        let ends: Vec<u32> = ends.into_iter().collect();
        if !ends.is_empty() {
            moving.dirty.products = vec![(ends.clone(), all.clone()), (all, ends)];
        }
        let host = |class: &ClassId| {
            let host = self.design.host_of(self.classes.representative(*class));
            Some((*class, self.classes.of(host?)))
        };
        moving.hosts = moving.founded.iter().filter_map(host).collect();
    }

    /// True if named sources may open to an endpoint class what they could open to the one that it was made from.
    fn keeps_entries(&mut self, end: u32) -> bool {
        self.classes.endpoints.sources().all(|source| {
            let carried = Paths::entry(self.design, &self.classes, source, end).unwrap_or_default();
            self.paths.opened(source, end) == self.sets.intern(carried)
        })
    }
}

/// The selectors that decide where points stand, what tiers are about, what paths there are and what is not modelled.
pub(super) fn decisive(design: &Design) -> impl Iterator<Item = &Selector> {
    let placements = design.points().iter().filter_map(|point| match &point.placement {
        Placement::Units(selector) => Some(selector),
        Placement::Between(_) | Placement::Around(..) => None,
    });
    let tiers = design.rulebooks().iter().flat_map(|book| &book.tiers);
    let scopes = tiers.filter_map(|tier| match &tier.scope {
        Scope::Units { egress, ingress } => Some(egress.iter().chain(ingress)),
        Scope::Everything => None,
    });
    let entries = design.external_sources().iter().flat_map(|source| &source.entries).map(|entry| &entry.to);
    let touched = design.unmodelled().iter().map(|what| &what.touches);
    placements.chain(scopes.flatten()).chain(entries).chain(touched)
}

/// The units that host others.
fn hosts_of(design: &Design) -> FixedBitSet {
    let mut hosts = FixedBitSet::with_capacity(design.units().len());
    hosts.extend(design.unit_ids().filter_map(|unit| design.host_of(unit)).map(UnitId::index));
    hosts
}

/// The headers that the units of a class listen to.
pub(super) fn listened_by(design: &Design, classes: &Classes, class: ClassId) -> HeaderSet {
    let unit = classes.members(class).first().map(|&unit| design.unit(unit));
    unit.map_or_else(HeaderSet::empty, |unit| HeaderSet::of_listeners(&unit.listeners))
}
