//! Classes that go along with edits: units that come and go, and units that leave their class.

use super::{ClassId, Classes, Signature};
use crate::endpoint_class::address_truth;
use crate::selector_index::names_units;
use fixedbitset::FixedBitSet;
use seglab_policy::{Design, Interface, Peer, Selector, Unit, UnitId};

impl Classes {
    /// Calls units what they are called now, of so many in all. Those that have gone leave their classes, which this
    /// returns; those that have come are of none. Units stay in the order in which they are.
    pub(crate) fn renumber(&mut self, now: &[Option<UnitId>], units: usize) -> Vec<ClassId> {
        let mut class_of = vec![ClassId(u32::MAX); units];
        let mut left = Vec::new();
        for (&class, now) in self.class_of.iter().zip(now) {
            match now.and_then(|now| class_of.get_mut(now.index())) {
                Some(slot) => *slot = class,
                None => left.push(class),
            }
        }
        self.class_of = class_of;
        let current = |unit: &UnitId| now.get(unit.index()).copied().flatten();
        for members in &mut self.members {
            members.retain_mut(|unit| current(unit).map(|now| *unit = now).is_some());
        }
        self.index.renumber(now, units);
        self.endpoints.renumber(now, units);
        left.sort_unstable();
        left.dedup();
        left
    }

    /// The class of a unit, unless it is of none.
    pub(crate) fn known(&self, unit: UnitId) -> Option<ClassId> {
        self.class_of.get(unit.index()).copied().filter(|class| class.index() < self.members.len())
    }

    /// Takes a unit out of its class, if it is of one.
    pub(crate) fn leave(&mut self, unit: UnitId) -> Option<ClassId> {
        let class = self.known(unit)?;
        self.members.get_mut(class.index())?.retain(|known| *known != unit);
        *self.class_of.get_mut(unit.index())? = ClassId(u32::MAX);
        Some(class)
    }

    /// The class from whose units nothing tells a unit apart that stands at these endpoint classes, if there is one.
    /// Hosts are like nobody.
    pub(crate) fn alike(
        &self,
        unit: UnitId,
        ends: &[u32],
        (design, hosts): (&Design, &FixedBitSet),
    ) -> Option<ClassId> {
        if hosts.contains(unit.index()) {
            return None;
        }
        let group = self.index.group_of_unit(unit);
        let facts = Signature::of_facts(design.unit(unit));
        let mut of_group = self.by_group.get(group as usize)?.iter().copied();
        of_group.find(|&class| {
            let Some(&other) = self.members(class).first() else { return false };
            self.endpoints.of_unit(other) == ends
                && design.host_of(other) == design.host_of(unit)
                && Signature::of_facts(design.unit(other)) == facts
                && self.asked_alike(design.unit(other), design.unit(unit))
                && !hosts.contains(other.index())
        })
    }

    /// True if the address sets of questions say the same of the interfaces of two units.
    fn asked_alike(&self, one: &Unit, other: &Unit) -> bool {
        let looked_at = |set: u32| self.words.on_units.contains(&set);
        let truth = |interface: &Interface| address_truth(interface, &self.words, &self.atoms, looked_at);
        one.interfaces.len() == other.interfaces.len()
            && one.interfaces.iter().zip(&other.interfaces).all(|(a, b)| truth(a) == truth(b))
    }

    /// Puts a unit that is of no class into one.
    pub(crate) fn join(&mut self, unit: UnitId, class: ClassId) {
        if let Some(members) = self.members.get_mut(class.index()) {
            let at = members.partition_point(|known| *known < unit);
            members.insert(at, unit);
        }
        self.class_of.get_mut(unit.index()).into_iter().for_each(|known| *known = class);
    }

    /// Makes a class of a unit that is of none, by the number of a disbanded one or by one that is vacant; `None` if
    /// none is.
    pub(crate) fn found(&mut self, unit: UnitId, home: Option<ClassId>) -> Option<ClassId> {
        let group = self.by_group.get_mut(self.index.group_of_unit(unit) as usize)?;
        let class = match home {
            Some(home) => home,
            None => self.vacant.pop_first()?,
        };
        let at = group.partition_point(|known| *known < class);
        group.insert(at, class);
        self.join(unit, class);
        Some(class)
    }

    /// Takes a class that has lost its units out of the group that they were of; its number is taken still.
    pub(crate) fn disband(&mut self, class: ClassId) {
        self.by_group.iter_mut().for_each(|classes| classes.retain(|known| *known != class));
    }

    /// Leaves the number of a disbanded class vacant.
    pub(crate) fn vacate(&mut self, class: ClassId) {
        self.vacant.insert(class);
    }

    /// Takes a unit out of the group of its labels, if it is of one.
    pub(crate) fn leave_group(&mut self, unit: UnitId) {
        self.index.leave(unit);
    }

    /// Gives a unit that is of no group one by the labels and names that it has: that of others if there are any.
    pub(crate) fn place(&mut self, unit: UnitId, design: &Design) {
        match self.index.group_alike(unit, &self.naming(), design) {
            Some(group) => self.index.assign(unit, group),
            None => {
                self.index.regroup(&[unit], self.words.selectors.values(), design);
                self.by_group.push(Vec::new());
            }
        }
    }

    /// True if selectors that speak of names say the same of units that have the same labels. Those that have had other
    /// labels may have been of one class all the same: what names tell apart, labels may have made alike.
    pub(crate) fn named_alike(&self, units: &[UnitId], design: &Design) -> bool {
        let Some((&first, others)) = units.split_first() else { return true };
        let alike = |selector: &Selector, unit: UnitId| {
            selector.matches(design.unit(unit)) == selector.matches(design.unit(first))
        };
        others.is_empty() || self.naming().iter().all(|selector| others.iter().all(|&unit| alike(selector, unit)))
    }

    /// The selectors that speak of units by name.
    fn naming(&self) -> Vec<&Selector> {
        let of_peers = self.words.peers.values().iter().filter_map(|peer| match &**peer {
            Peer::Units(selector) => Some(selector),
            _ => None,
        });
        let all = self.words.selectors.values().iter().map(|selector| &**selector).chain(of_peers);
        all.filter(|selector| names_units(selector)).collect()
    }

    /// Sorts the units of a class by the labels that they have now; `ends` are their endpoint classes, and nobody
    /// else's.
    pub(crate) fn regroup(&mut self, class: ClassId, ends: &[u32], design: &Design) {
        let before = self.index.group_of_unit(self.representative(class)) as usize;
        let units = self.members.get(class.index()).map_or(&[][..], Vec::as_slice);
        let group = self.index.regroup(units, self.words.selectors.values(), design);
        self.by_group.get_mut(before).into_iter().for_each(|classes| classes.retain(|known| *known != class));
        self.by_group.push(vec![class]);
        if let Some(&unit) = units.first() {
            self.endpoints.enter(ends, group, design.unit(unit));
        }
    }
}
