//! The directory: whose an address is, and how two endpoints are related.
//!
//! A packet is seen in an address space. An address there is that of a unit of the space, else of a unit of the spaces
//! that it has routes to, else external. Several units may have it; then what they are told has to agree.

use crate::column::{Column, id};
use crate::population::Population;
use rustc_hash::FxHashSet;
use seglab_policy::{AddressSet, Design, Endpoint, Family, UnitId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// An interface of a unit, by its position among those of the family.
    Interface(u32),
    /// An address that is no unit's.
    External(u128),
}

/// How two ends are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// They are one unit's.
    Same,
    /// One runs on the other.
    HostAndGuest,
    Strangers,
}

/// The interfaces of one family, and whose addresses are whose.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) family: Family,
    /// Unit and position of each interface, and its space.
    interfaces: Column<(UnitId, u16, u32)>,
    hosts: Arc<Hosts>,
    /// Any two ends have a connection, and it does not matter how they are related: a filter is asked.
    of_filter: bool,
    /// The known addresses of each space: what is not external there.
    known: Column<AddressSet>,
    linked: FxHashSet<(u32, u32)>,
    /// For each space the interfaces that have known addresses there, by address.
    by_address: Column<Holders>,
}

/// The unit that each unit runs on.
#[derive(Debug)]
pub(super) struct Hosts(Column<u32>);

/// What is no unit.
const NO_UNIT: u32 = u32::MAX;

impl Hosts {
    pub(super) fn new(design: &Design) -> Self {
        let hosts: Column<u32> =
            design.unit_ids().map(|unit| design.host_of(unit).map_or(NO_UNIT, |host| host.0)).collect();
        // Where nothing runs on anything, nothing is kept.
        Self(if hosts.iter().all(|&host| host == NO_UNIT) { Column::default() } else { hosts })
    }

    fn of(&self, unit: UnitId) -> Option<UnitId> {
        self.0.lookup(unit.0).copied().filter(|&host| host != NO_UNIT).map(UnitId)
    }
}

/// Interfaces by address, ascending.
#[derive(Clone, Debug)]
enum Holders {
    V4(Vec<(u32, u32)>),
    V6(Vec<(u128, u32)>),
}

impl Holders {
    fn new(family: Family, all: Vec<(u128, u32)>) -> Self {
        match family {
            Family::V4 => {
                Self::V4(all.into_iter().map(|(a, one)| (u32::try_from(a).unwrap_or(u32::MAX), one)).collect())
            }
            Family::V6 => Self::V6(all),
        }
    }

    /// Gives an interface another address.
    fn rebind(&mut self, interface: u32, from: u128, to: u128) {
        match self {
            Self::V4(all) => {
                let [from, to] = [from, to].map(|address| u32::try_from(address).unwrap_or(u32::MAX));
                all.retain(|&entry| entry != (from, interface));
                all.insert(all.partition_point(|&entry| entry < (to, interface)), (to, interface));
            }
            Self::V6(all) => {
                all.retain(|&entry| entry != (from, interface));
                all.insert(all.partition_point(|&entry| entry < (to, interface)), (to, interface));
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::V4(all) => all.len(),
            Self::V6(all) => all.len(),
        }
    }

    /// The address and the interface at a position.
    fn at(&self, position: usize) -> Option<(u128, u32)> {
        match self {
            Self::V4(all) => all.get(position).map(|&(address, interface)| (address.into(), interface)),
            Self::V6(all) => all.get(position).copied(),
        }
    }

    /// The position of the first address that is not before this one.
    fn position(&self, address: u128) -> usize {
        match self {
            Self::V4(all) => all.partition_point(|entry| u128::from(entry.0) < address),
            Self::V6(all) => all.partition_point(|entry| entry.0 < address),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::V4(all) => size_of_val(all.as_slice()),
            Self::V6(all) => size_of_val(all.as_slice()),
        }
    }
}

impl Directory {
    pub(super) fn new(
        design: &Design,
        population: &Population<'_>,
        family: Family,
        spaces: &BTreeMap<&str, u32>,
        space_of: impl Fn(u32) -> u32,
        linked: &FxHashSet<(u32, u32)>,
        hosts: &Arc<Hosts>,
    ) -> Self {
        let mut interfaces: Column<(UnitId, u16, u32)> = Column::default();
        let mut own: Column<Vec<(u128, u32)>> = Column::filled(Vec::new(), spaces.len());
        for (interface, &(unit, at)) in (0u32..).zip(population.interfaces()) {
            interfaces.push((unit, at, space_of(interface)));
        }
        for (address, interface) in population.known() {
            own[interfaces[interface].2].push((address, interface));
        }
        let by_address = (0..id(spaces.len())).map(|space| {
            let mut all = own[space].clone();
            let routes = (0..id(spaces.len())).filter(|&other| linked.contains(&(space, other)) && other != space);
            let mut beyond: Vec<(u128, u32)> = routes.flat_map(|other| own[other].iter().copied()).collect();
            // Nearer units go before farther ones.
            beyond.retain(|entry| all.binary_search_by_key(&entry.0, |own| own.0).is_err());
            if !beyond.is_empty() {
                all.extend(beyond);
                all.sort_unstable();
            }
            Holders::new(family, all)
        });
        Self {
            family,
            by_address: by_address.collect(),
            interfaces,
            hosts: hosts.clone(),
            of_filter: false,
            known: spaces.keys().map(|space| design.known_addresses(space).cloned().unwrap_or_default()).collect(),
            linked: linked.clone(),
        }
    }

    /// The same for a filter, to which any two ends are strangers that may connect.
    pub(super) fn of_filter(mut self) -> Self {
        self.of_filter = true;
        self
    }

    /// The ends that have an address in a space.
    pub(super) fn ends(&self, space: u32, address: u128) -> Vec<End> {
        let all = self.by_address.lookup(space).into_iter().flat_map(|all| {
            let first = all.position(address);
            (first..all.len()).map_while(|position| all.at(position))
        });
        let holders = all.take_while(|&(held, _)| held == address);
        let holders: Vec<End> = holders.map(|(_, interface)| End::Interface(interface)).collect();
        if holders.is_empty() { vec![End::External(address)] } else { holders }
    }

    /// The addresses that are units' in a space, ascending, each with the interface that has it; with none where
    /// several have it, or where its space knows other addresses than this one.
    pub(super) fn addresses(&self, space: u32) -> impl Iterator<Item = (u128, Option<u32>)> {
        let mut all =
            self.by_address.lookup(space).into_iter().flat_map(|all| (0..all.len()).map_while(|at| all.at(at)));
        let mut next = all.next();
        std::iter::from_fn(move || {
            let (address, interface) = next?;
            next = all.next();
            let (_, _, of) = self.interfaces[interface];
            let like_here = of == space || self.known[of] == self.known[space];
            let mut holder = Some(interface).filter(|_| like_here);
            while next.is_some_and(|(other, _)| other == address) {
                holder = None;
                next = all.next();
            }
            Some((address, holder))
        })
    }

    /// The number of spaces.
    pub(super) fn spaces(&self) -> usize {
        self.by_address.len()
    }

    /// The spaces in which an address is seen as that of an interface, and of no other one.
    pub(super) fn spaces_of(&self, interface: u32, address: u128) -> Vec<u32> {
        let (_, _, of) = self.interfaces[interface];
        let is_holder = |space: &u32| {
            let here = &self.by_address[*space];
            let first = here.position(address);
            let holders = (first..here.len()).map_while(|at| here.at(at)).take_while(|&(held, _)| held == address);
            let like_here = of == *space || self.known[of] == self.known[*space];
            like_here && holders.map(|(_, one)| one).eq([interface])
        };
        (0..id(self.by_address.len())).filter(is_holder).collect()
    }

    /// The addresses of units in a range, each once; `None` if there are more than so many.
    pub(super) fn addresses_within(&self, space: u32, (first, last): (u128, u128), most: usize) -> Option<Vec<u128>> {
        let here = &self.by_address[space];
        let start = here.position(first);
        let inside = (start..here.len()).map_while(|at| here.at(at)).map(|(address, _)| address);
        let mut addresses: Vec<u128> = inside.take_while(|&address| address <= last).take(most + 1).collect();
        addresses.dedup();
        (addresses.len() <= most).then_some(addresses)
    }

    /// Gives an interface another address than it has, where there is one space only.
    pub(super) fn rebind(&mut self, interface: u32, from: u128, to: u128) {
        let (_, _, space) = self.interfaces[interface];
        self.by_address[space].rebind(interface, from, to);
        let known = &mut self.known[space];
        let single = |address: u128| match self.family {
            Family::V4 => AddressSet::single(std::net::Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(0)).into()),
            Family::V6 => AddressSet::single(std::net::Ipv6Addr::from_bits(address).into()),
        };
        *known = known.difference(&single(from)).union(&single(to));
    }

    /// True if a connection may be between two ends: not between two families, nor with an external end whose address
    /// is known where the other one is.
    pub(super) fn are_ends(&self, from: End, to: End) -> bool {
        let known = |interface: u32, address: u128| {
            let set = &self.known[self.interfaces[interface].2];
            match self.family {
                Family::V4 => u32::try_from(address).is_ok_and(|address| set.v4.contains(address)),
                Family::V6 => set.v6.contains(address),
            }
        };
        match (from, to) {
            _ if self.of_filter => true,
            (End::External(_), End::External(_)) => false,
            (End::External(address), End::Interface(interface))
            | (End::Interface(interface), End::External(address)) => !known(interface, address),
            (End::Interface(_), End::Interface(_)) => true,
        }
    }

    /// How two ends are related; ends between which no route leads are strangers.
    pub(super) fn relation(&self, from: End, to: End) -> Relation {
        let (End::Interface(from), End::Interface(to)) = (from, to) else { return Relation::Strangers };
        let ((a, _, space_a), (b, _, space_b)) = (self.interfaces[from], self.interfaces[to]);
        if self.of_filter || space_a != space_b && !self.linked.contains(&(space_a, space_b)) {
            return Relation::Strangers;
        }
        let runs_on = |guest: UnitId, host: UnitId| self.hosts.of(guest) == Some(host);
        match a == b {
            true => Relation::Same,
            false if runs_on(a, b) || runs_on(b, a) => Relation::HostAndGuest,
            false => Relation::Strangers,
        }
    }

    /// The number of interfaces.
    pub(super) fn interfaces(&self) -> usize {
        self.interfaces.len()
    }

    /// The endpoint that an end is.
    pub(super) fn endpoint(&self, end: End) -> Endpoint {
        match end {
            End::Interface(interface) => {
                let (unit, at, _) = self.interfaces[interface];
                Endpoint::Unit { unit, interface: at }
            }
            End::External(address) => Endpoint::External(match self.family {
                Family::V4 => std::net::Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(0)).into(),
                Family::V6 => std::net::Ipv6Addr::from_bits(address).into(),
            }),
        }
    }

    /// The interface of a unit at a position, among those of the family.
    pub(super) fn interface(&self, unit: UnitId, at: u16) -> Option<u32> {
        let key = |entry: &(UnitId, u16, u32)| (entry.0, entry.1);
        self.interfaces.as_slice().binary_search_by_key(&(unit, at), key).ok().map(id)
    }

    /// Different interfaces of one unit, and where `minds_hosts` those of hosts with those of their guests, both ways.
    pub(super) fn related(&self, minds_hosts: bool) -> Vec<(u32, u32, Relation)> {
        let mut related = Vec::new();
        if self.of_filter {
            return related;
        }
        let mut first = 0;
        for own in self.interfaces.as_slice().chunk_by(|a, b| a.0 == b.0) {
            let own_ids = first..first + id(own.len());
            first = own_ids.end;
            for a in own_ids.clone() {
                related.extend(own_ids.clone().filter(|&b| a != b).map(|b| (a, b, Relation::Same)));
                let host = own.first().and_then(|&(unit, _, _)| self.hosts.of(unit));
                for b in host.filter(|_| minds_hosts).into_iter().flat_map(|host| self.of_unit(host)) {
                    related.extend([(a, b, Relation::HostAndGuest), (b, a, Relation::HostAndGuest)]);
                }
            }
        }
        related
    }

    /// The interfaces of a unit.
    fn of_unit(&self, unit: UnitId) -> std::ops::Range<u32> {
        let position = |wanted: UnitId| id(self.interfaces.as_slice().partition_point(|entry| entry.0 < wanted));
        position(unit)..position(UnitId(unit.0.saturating_add(1)))
    }

    /// The bytes that the directory takes.
    pub(super) fn bytes(&self) -> usize {
        let addresses: usize = self.by_address.iter().map(Holders::bytes).sum();
        let known = |set: &AddressSet| size_of_val(set.v4.ranges()) + size_of_val(set.v6.ranges());
        // What both families share is counted once.
        let hosts = self.hosts.0.bytes() / Arc::strong_count(&self.hosts);
        self.interfaces.bytes() + hosts + addresses + self.known.iter().map(known).sum::<usize>()
    }
}
