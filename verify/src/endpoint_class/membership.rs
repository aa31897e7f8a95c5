//! Classes of endpoints as units come, go and move: the class that an interface belongs to, if there is one like it;
//! one that it may be made from; and classes that nobody is of any more.

use super::later::forget_match;
use super::{EndpointClass, EndpointClasses, EndpointKind, PlaceSeen, address_truth, named_ports};
use crate::address_atoms::AddressAtoms;
use crate::selector_index::SelectorIndex;
use crate::vocabulary::Vocabulary;
use fixedbitset::FixedBitSet;
use seglab_policy::{Design, Interface, Labels, UnitId};
use std::net::IpAddr;

/// So many classes that are nearest by labels are asked whether a new one may be made from them.
const TEMPLATES_MAX: usize = 64;

impl EndpointClasses {
    /// Calls units what they are called now, of so many in all.
    pub(crate) fn renumber(&mut self, now: &[Option<UnitId>], units: usize) {
        let current = |unit: UnitId| now.get(unit.index()).copied().flatten();
        let mut of_unit = vec![Vec::new(); units];
        for (ends, now) in std::mem::take(&mut self.of_unit).into_iter().zip(now) {
            if let Some(slot) = now.and_then(|now| of_unit.get_mut(now.index())) {
                *slot = ends;
            }
        }
        self.of_unit = of_unit;
        // Nobody has the number of a host that has gone, and it may become somebody else's.
        let gone = UnitId(u32::MAX);
        for class in &mut self.classes {
            for host in [&mut class.host, &mut class.host_itself].into_iter().flatten() {
                *host = current(*host).unwrap_or(gone);
            }
        }
    }

    /// What the policy can see of an interface of a unit of a group, which hosts others or not; `None` if classes know
    /// no such space, place or address.
    pub(crate) fn seen(
        &mut self,
        (unit, interface): (UnitId, &Interface),
        group: u32,
        is_host: bool,
        design: &Design,
        (words, atoms): (&Vocabulary, &AddressAtoms),
    ) -> Option<EndpointClass> {
        let in_rules = |set: u32| words.on_units_in_rules.contains(&set);
        let truth = address_truth(interface, words, atoms, in_rules);
        let space = self.spaces.iter().position(|space| *space == interface.space)?;
        Some(EndpointClass {
            kind: EndpointKind::Unit,
            family: interface.family(),
            block: self.block_of(group),
            truth: self.truths.id(&truth)?,
            space: u32::try_from(space).ok()?,
            inbound: interface.inbound,
            outbound: interface.outbound,
            place: self.places.id(&PlaceSeen::of(Some(interface), words))?,
            ports: self.ports.intern(named_ports(design.unit(unit), words)),
            host: words.hosts_matter.then(|| design.host_of(unit)).flatten(),
            host_itself: (words.hosts_matter && is_host).then_some(unit),
        })
    }

    /// The class of endpoints of which exactly this is seen.
    pub(crate) fn alike(&self, seen: &EndpointClass) -> Option<u32> {
        let of_block = self.by_block.get(seen.block as usize)?;
        of_block.iter().copied().find(|&class| self.get(class) == seen)
    }

    /// A class from which one may be made of which this is seen: only block, ports and hosts differ, and all of these
    /// selectors say of it what they are to say. The nearest by labels.
    pub(crate) fn template(
        &self,
        seen: &EndpointClass,
        labels: &Labels,
        decisive: &[(u32, bool)],
        (index, design): (&SelectorIndex, &Design),
    ) -> Option<u32> {
        let is_like = |class: &u32| {
            let EndpointClass { block, ports, host, host_itself, .. } = *self.get(*class);
            *self.get(*class) == EndpointClass { block, ports, host, host_itself, ..seen.clone() }
        };
        let nearness = |class: u32| {
            let known = &self.get(class);
            let group = self.group(class)?;
            let same = match index.first_unit(group) {
                Some(unit) => {
                    let theirs = &design.unit(unit).labels;
                    labels.iter().filter(|(key, value)| theirs.get(*key) == Some(*value)).count()
                }
                None => 0,
            };
            let near = (known.block == seen.block, same, known.ports == seen.ports, known.host == seen.host);
            Some((near, std::cmp::Reverse(class), group))
        };
        let mut candidates: Vec<_> = (0..self.units).filter(is_like).filter_map(nearness).collect();
        if candidates.len() > TEMPLATES_MAX {
            let at = candidates.len() - TEMPLATES_MAX;
            candidates.select_nth_unstable(at);
            candidates.drain(..at);
        }
        candidates.sort_unstable();
        let says = |group: usize| decisive.iter().all(|&(selector, says)| index.holds(selector, group) == says);
        let fits = candidates.into_iter().rev().find(|(_, _, group)| says(*group));
        fits.map(|(_, std::cmp::Reverse(class), _)| class)
    }

    /// Lets a class be seen as this, after it was taken for another of which the same is seen but for block, ports and
    /// hosts. Its block stays.
    pub(crate) fn retouch(&mut self, class: u32, seen: &EndpointClass) {
        if let Some(known) = self.classes.get_mut(class as usize) {
            *known = EndpointClass { block: known.block, ..seen.clone() };
        }
    }

    /// Takes note of where the interfaces of a unit stand.
    pub(crate) fn stand(&mut self, unit: UnitId, ends: Vec<u32>) {
        if let Some(known) = self.of_unit.get_mut(unit.index()) {
            *known = ends;
        }
    }

    /// The classes that some interface is of.
    pub(crate) fn occupied(&self) -> FixedBitSet {
        let mut occupied = FixedBitSet::with_capacity(self.classes.len());
        occupied.extend(self.of_unit.iter().flatten().map(|&class| class as usize));
        occupied
    }

    /// A class that is vacant and stays so, for what vacant classes have in common.
    pub(crate) fn nobody(&self) -> Option<u32> {
        self.vacant.first().copied()
    }

    /// Leaves a class vacant.
    pub(crate) fn vacate(&mut self, class: u32, nobody: u32) {
        let at = class as usize;
        let Some(vacant) = self.classes.get(nobody as usize).cloned() else { return };
        let Some(known) = self.classes.get_mut(at) else { return };
        let before = std::mem::replace(known, vacant);
        self.by_block
            .get_mut(before.block as usize)
            .into_iter()
            .for_each(|known| known.retain(|known| *known != class));
        self.group.get_mut(at).into_iter().for_each(|group| *group = None);
        self.by_set.iter_mut().for_each(|matches| forget_match(matches, class));
        self.learned.values_mut().for_each(|matches| matches.forget(class));
        self.vacant.push(class);
    }

    /// True if the addresses of a space that are no unit's are of other classes than before, since these addresses have
    /// become a unit's or ceased to be.
    pub(crate) fn opens_or_closes(&self, addresses: &[IpAddr], design: &Design, atoms: &AddressAtoms) -> bool {
        let [space] = &self.spaces[..] else { return !addresses.is_empty() };
        let Some(known) = design.known_addresses(space) else { return true };
        addresses.iter().any(|&address| {
            let atom = atoms.atom_of(address) as usize;
            let Some(all) = self.atom_addresses.get(atom) else { return true };
            let before = self.reachable.first().and_then(|row| row.get(atom)).copied();
            before != Some(!known.is_superset(all))
        })
    }
}
