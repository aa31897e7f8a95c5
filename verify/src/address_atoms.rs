//! The address space, cut wherever some rule or question cuts it.
//!
//! Two addresses that are in the same address sets are in one *atom*: nothing tells them apart by address alone.

use crate::vocabulary::Interner;
use seglab_policy::{AddressSet, Bounded, Family, IntervalSet};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The atoms of both families.
#[derive(Debug)]
pub(crate) struct AddressAtoms {
    v4: Line<u32>,
    v6: Line<u128>,
    /// Family, and the sets that hold the atom, ascending.
    atoms: Interner<(Family, Vec<u32>)>,
}

/// One family's addresses as consecutive pieces, each in one atom.
#[derive(Debug)]
struct Line<T> {
    /// The first address of each piece, ascending from the smallest address on.
    starts: Vec<T>,
    atoms: Vec<u32>,
}

impl AddressAtoms {
    pub(crate) fn new(sets: &[&AddressSet]) -> Self {
        let mut atoms = Interner::new();
        let v4: Vec<&IntervalSet<u32>> = sets.iter().map(|set| &set.v4).collect();
        let v6: Vec<&IntervalSet<u128>> = sets.iter().map(|set| &set.v6).collect();
        let v4 = Line::new(Family::V4, &v4, &mut atoms);
        let v6 = Line::new(Family::V6, &v6, &mut atoms);
        Self { v4, v6, atoms }
    }

    /// The number of atoms.
    pub(crate) fn len(&self) -> usize {
        self.atoms.len()
    }

    /// The family of an atom and the sets that hold it.
    #[expect(clippy::indexing_slicing, reason = "atoms are numbered as they are made")]
    pub(crate) fn holders(&self, atom: u32) -> (Family, &[u32]) {
        let (family, holders) = &self.atoms.values()[atom as usize];
        (*family, holders)
    }

    /// The atom of an address.
    pub(crate) fn atom_of(&self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(address) => self.v4.atom_of(address.to_bits()),
            IpAddr::V6(address) => self.v6.atom_of(address.to_bits()),
        }
    }

    /// The sets that hold every address of a non-empty set of one family.
    pub(crate) fn holders_of_all(&self, addresses: &AddressSet) -> Vec<u32> {
        let pieces = self.v4.touched(&addresses.v4).chain(self.v6.touched(&addresses.v6));
        let mut common: Option<BTreeSet<u32>> = None;
        for atom in pieces {
            let (_, holders) = self.holders(atom);
            match &mut common {
                None => common = Some(holders.iter().copied().collect()),
                Some(common) => common.retain(|set| holders.binary_search(set).is_ok()),
            }
        }
        common.unwrap_or_default().into_iter().collect()
    }

    /// The addresses of every atom, by atom.
    pub(crate) fn addresses(&self) -> Vec<AddressSet> {
        let mut v4: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.len()];
        let mut v6: Vec<Vec<(u128, u128)>> = vec![Vec::new(); self.len()];
        self.v4.collect(&mut v4);
        self.v6.collect(&mut v6);
        v4.into_iter()
            .zip(v6)
            .map(|(v4, v6)| AddressSet { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) })
            .collect()
    }
}

impl<T: Bounded> Line<T> {
    fn new(family: Family, sets: &[&IntervalSet<T>], atoms: &mut Interner<(Family, Vec<u32>)>) -> Self {
        // At each address where something changes, the sets that end just before it and those that begin.
        let mut changes: BTreeMap<T, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        changes.entry(T::MIN).or_default();
        for (id, set) in (0u32..).zip(sets) {
            for &(first, last) in set.ranges() {
                changes.entry(first).or_default().1.push(id);
                if let Some(after) = last.successor() {
                    changes.entry(after).or_default().0.push(id);
                }
            }
        }
        let mut open = BTreeSet::new();
        let mut line = Self { starts: Vec::with_capacity(changes.len()), atoms: Vec::with_capacity(changes.len()) };
        for (start, (ending, beginning)) in changes {
            ending.iter().for_each(|id| {
                open.remove(id);
            });
            open.extend(beginning);
            line.starts.push(start);
            line.atoms.push(atoms.intern((family, open.iter().copied().collect())));
        }
        line
    }

    fn piece_of(&self, address: T) -> usize {
        self.starts.partition_point(|&start| start <= address).saturating_sub(1)
    }

    fn atom_of(&self, address: T) -> u32 {
        self.atoms.get(self.piece_of(address)).copied().unwrap_or(u32::MAX)
    }

    fn touched<'a>(&'a self, set: &'a IntervalSet<T>) -> impl Iterator<Item = u32> + 'a {
        set.ranges().iter().flat_map(|&(first, last)| {
            self.atoms.get(self.piece_of(first)..=self.piece_of(last)).unwrap_or_default().iter().copied()
        })
    }

    fn collect(&self, into: &mut [Vec<(T, T)>]) {
        for (at, (&start, &atom)) in self.starts.iter().zip(&self.atoms).enumerate() {
            let last = self.starts.get(at + 1).and_then(|next| next.predecessor()).unwrap_or(T::MAX);
            if let Some(ranges) = into.get_mut(atom as usize) {
                ranges.push((start, last));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_where_sets_begin_and_end() {
        let net = |text: &str| AddressSet::from_net(text.parse().unwrap());
        let (wide, narrow, other) = (net("10.0.0.0/8"), net("10.1.0.0/16"), net("2001:db8::/32"));
        let atoms = AddressAtoms::new(&[&wide, &narrow, &other]);
        let holders = |text: &str| atoms.holders(atoms.atom_of(text.parse().unwrap())).1.to_vec();
        assert_eq!(holders("9.255.255.255"), Vec::<u32>::new());
        assert_eq!(holders("10.0.255.255"), [0]);
        assert_eq!(holders("10.1.0.0"), [0, 1]);
        assert_eq!(holders("10.2.0.0"), [0]);
        assert_eq!(holders("2001:db8::1"), [2]);
        assert_eq!(atoms.holders_of_all(&net("10.1.2.0/24")), [0, 1]);
        assert_eq!(atoms.holders_of_all(&net("10.0.0.0/15")), [0]);
        assert_eq!(atoms.holders_of_all(&net("8.0.0.0/6")), Vec::<u32>::new());
        let everything = atoms.addresses().iter().fold(AddressSet::empty(), |all, atom| {
            assert!(all.intersection(atom).is_empty(), "atoms overlap");
            all.union(atom)
        });
        assert_eq!(everything, AddressSet::full());
        let outside = &atoms.addresses()[atoms.atom_of("8.8.8.8".parse().unwrap()) as usize];
        assert_eq!(outside.to_string(), "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255");
    }
}
