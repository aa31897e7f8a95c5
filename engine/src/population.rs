//! The endpoints of one address family, numbered: interfaces of units, external addresses, named external sources.
//!
//! External addresses are too many to number one by one, so they stand as *atoms*: ranges that no address set of the
//! design cuts. An address is looked up by binary search among the first addresses of the atoms.

use crate::column::id;
use crate::label_index::LabelIndex;
use seglab_policy::{Address, AddressSet, Covers, Design, Family, Peer, Selector, UnitId};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

/// The endpoints of one family, in the order interfaces, atoms, external sources.
pub(crate) struct Population<'a> {
    design: &'a Design,
    family: Family,
    labels: &'a LabelIndex<'a>,
    /// Unit and interface of each endpoint that is a unit's.
    interfaces: Vec<(UnitId, u16)>,
    /// The endpoints of each unit.
    of_unit: Vec<Range<u32>>,
    /// The first address of each atom.
    atoms: Vec<u128>,
    /// Endpoints whose address is known, by address; true if it is shared.
    known: Vec<(u128, u32, bool)>,
    /// Endpoints whose address lies within a range.
    within: BTreeMap<(u128, u128), Vec<u32>>,
}

/// What a peer matches.
#[derive(Clone, Debug)]
pub(crate) enum Matches {
    /// Every endpoint of the family; or every one possibly, if it is not certain.
    Everything {
        /// False for a peer that is not modelled.
        certain: bool,
    },
    /// These.
    Some(Members),
}

impl Matches {
    /// True if no endpoint is matched.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Matches::Some(members) if members.certain.is_empty() && members.possible.is_empty())
    }
}

/// Endpoints that a peer matches, ascending, or their classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// Those that it certainly matches.
    pub(crate) certain: Vec<u32>,
    /// Those of which it is not known.
    pub(crate) possible: Vec<u32>,
}

impl<'a> Population<'a> {
    /// Numbers the endpoints of a family; `sets` are all the address sets that will be asked for.
    pub(crate) fn new<'s>(
        design: &'a Design,
        labels: &'a LabelIndex<'a>,
        family: Family,
        sets: impl Iterator<Item = &'s AddressSet>,
    ) -> Self {
        let mut population = Self {
            design,
            family,
            labels,
            interfaces: Vec::new(),
            of_unit: Vec::new(),
            atoms: vec![0],
            known: Vec::new(),
            within: BTreeMap::new(),
        };
        for (unit, held) in design.unit_ids().zip(design.units()) {
            let first = id(population.interfaces.len());
            for (at, interface) in (0u16..).zip(&held.interfaces).filter(|(_, one)| one.family() == family) {
                let endpoint = id(population.interfaces.len());
                population.interfaces.push((unit, at));
                match interface.address {
                    Address::Known(address) => population.known.push((number(address), endpoint, interface.shared)),
                    Address::Within(net) => {
                        let range = (number(net.network()), number(net.broadcast()));
                        population.within.entry(range).or_default().push(endpoint);
                    }
                    Address::Unknown(_) => {}
                }
            }
            population.of_unit.push(first..id(population.interfaces.len()));
        }
        population.known.sort_unstable();
        for (first, last) in sets.flat_map(|set| ranges(set, family)) {
            population.atoms.push(first);
            population.atoms.extend(last.checked_add(1));
        }
        population.atoms.sort_unstable();
        population.atoms.dedup();
        population.atoms.retain(|&first| first <= last_address(family));
        population
    }

    /// The number of endpoints.
    pub(crate) fn len(&self) -> usize {
        self.interfaces.len() + self.atoms.len() + self.design.external_sources().len()
    }

    /// Unit and interface of the endpoints that are units', from endpoint 0 on.
    pub(crate) fn interfaces(&self) -> &[(UnitId, u16)] {
        &self.interfaces
    }

    /// The endpoints whose address is known, by address, and among those of one address in their order.
    pub(crate) fn known(&self) -> impl Iterator<Item = (u128, u32)> {
        self.known.iter().map(|&(address, endpoint, _)| (address, endpoint))
    }

    /// The first addresses of the atoms, ascending.
    pub(crate) fn atoms(&self) -> &[u128] {
        &self.atoms
    }

    /// The endpoint that the first atom is.
    pub(crate) fn first_atom(&self) -> u32 {
        id(self.interfaces.len())
    }

    /// The endpoint that the first external source is.
    pub(crate) fn first_source(&self) -> u32 {
        id(self.interfaces.len() + self.atoms.len())
    }

    /// The endpoints of the units that a selector selects, ascending.
    pub(crate) fn of_units(&self, selector: &Selector) -> Vec<u32> {
        let selected = self.labels.select(selector);
        selected.iter().filter_map(|&unit| self.of_unit.get(unit as usize)).cloned().flatten().collect()
    }

    /// What a peer matches.
    pub(crate) fn matches(&self, peer: &Peer) -> Matches {
        match peer {
            Peer::Anyone => Matches::Everything { certain: true },
            Peer::Unmodelled(_) => Matches::Everything { certain: false },
            Peer::Addresses { set, covers: Covers::All } if set.covers_family(self.family) => {
                Matches::Everything { certain: true }
            }
            Peer::Units(selector) => {
                let mut certain = self.of_units(selector);
                let sources = (self.first_source()..).zip(self.design.external_sources());
                certain.extend(sources.filter(|(_, one)| selector.matches_source(one)).map(|(endpoint, _)| endpoint));
                Matches::Some(Members { certain, possible: Vec::new() })
            }
            Peer::Addresses { set, covers } => {
                let mut members = match covers {
                    Covers::All => self.interfaces_within(set),
                    Covers::External => Members::default(),
                };
                members.certain.extend(self.atoms_within(set));
                Matches::Some(members)
            }
        }
    }

    fn atoms_within(&self, set: &AddressSet) -> impl Iterator<Item = u32> {
        let position = |address: u128| id(self.atoms.partition_point(|&first| first < address));
        let first_atom = self.first_atom();
        let end = id(self.atoms.len());
        ranges(set, self.family)
            .into_iter()
            .flat_map(move |(first, last)| position(first)..last.checked_add(1).map_or(end, position))
            .map(move |atom| first_atom + atom)
    }

    fn interfaces_within(&self, set: &AddressSet) -> Members {
        let mut members = Members::default();
        let ranges = ranges(set, self.family);
        for &(first, last) in &ranges {
            let from = self.known.partition_point(|entry| entry.0 < first);
            let inside = self.known.iter().skip(from).take_while(|entry| entry.0 <= last);
            for &(_, endpoint, shared) in inside {
                if shared { members.possible.push(endpoint) } else { members.certain.push(endpoint) }
            }
        }
        for (&(low, high), endpoints) in &self.within {
            // Ranges are disjoint with gaps between them, so a block inside the set is inside one range.
            if ranges.iter().any(|&(first, last)| first <= low && high <= last) {
                members.certain.extend(endpoints);
            }
        }
        members.certain.sort_unstable();
        members.possible.sort_unstable();
        members
    }
}

/// An address as a number.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn last_address(family: Family) -> u128 {
    match family {
        Family::V4 => u32::MAX.into(),
        Family::V6 => u128::MAX,
    }
}

/// The ranges of a set's addresses of one family, as numbers.
pub(crate) fn ranges(set: &AddressSet, family: Family) -> Vec<(u128, u128)> {
    match family {
        Family::V4 => set.v4.ranges().iter().map(|&(first, last)| (first.into(), last.into())).collect(),
        Family::V6 => set.v6.ranges().to_vec(),
    }
}
