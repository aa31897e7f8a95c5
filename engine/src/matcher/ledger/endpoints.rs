//! Units that carry other labels or have other addresses, and peers that rules name for the first time.

use super::super::address_table::Relabelled;
use super::side::Class;
use super::*;
use crate::crossing::Station;
use crate::population::{number, ranges};
use seglab_policy::{Address, AddressSet, Covers, Unit};
use std::collections::BTreeSet;

/// The units as they are, found by their labels.
#[derive(Debug)]
pub(in super::super) struct Units {
    units: Vec<Unit>,
    by_label: FxHashMap<String, FxHashMap<String, BTreeSet<u32>>>,
}

impl Units {
    pub(in super::super) fn new(units: Vec<Unit>) -> Self {
        let mut by_label: FxHashMap<String, FxHashMap<String, BTreeSet<u32>>> = FxHashMap::default();
        for (at, unit) in (0u32..).zip(&units) {
            for (key, value) in &unit.labels {
                let values = match by_label.get_mut(key) {
                    Some(values) => values,
                    None => by_label.entry(key.clone()).or_default(),
                };
                match values.get_mut(value) {
                    Some(units) => _ = units.insert(at),
                    None => _ = values.insert(value.clone(), BTreeSet::from([at])),
                }
            }
        }
        Self { units, by_label }
    }

    pub(in super::super) fn all(&self) -> &[Unit] {
        &self.units
    }

    pub(in super::super) fn get(&self, unit: UnitId) -> Option<&Unit> {
        self.units.get(unit.index())
    }

    pub(in super::super) fn get_mut(&mut self, unit: UnitId) -> Option<&mut Unit> {
        self.units.get_mut(unit.index())
    }

    /// Gives a unit other labels; returns those that it had.
    pub(in super::super) fn relabel(&mut self, unit: UnitId, labels: seglab_policy::Labels) -> seglab_policy::Labels {
        let Some(held) = self.units.get_mut(unit.index()) else { return labels };
        let new = labels;
        for (key, value) in held.labels.iter().filter(|(key, value)| new.get(*key) != Some(value)) {
            if let Some(units) = self.by_label.get_mut(key).and_then(|values| values.get_mut(value)) {
                units.remove(&unit.0);
            }
        }
        for (key, value) in new.iter().filter(|(key, value)| held.labels.get(*key) != Some(value)) {
            self.by_label.entry(key.clone()).or_default().entry(value.clone()).or_default().insert(unit.0);
        }
        std::mem::replace(&mut held.labels, new)
    }

    /// The units that a selector selects, ascending.
    fn select(&self, selector: &Selector) -> Vec<u32> {
        let is_it = |unit: &u32| self.units.get(*unit as usize).is_some_and(|unit| selector.matches(unit));
        match self.candidates(selector) {
            Some(few) => few.iter().copied().filter(is_it).collect(),
            None => (0..id(self.units.len())).filter(is_it).collect(),
        }
    }

    /// Few units, at least those that the selector selects, where a label says so.
    fn candidates(&self, selector: &Selector) -> Option<&BTreeSet<u32>> {
        static NOBODY: BTreeSet<u32> = BTreeSet::new();
        let found =
            |(key, value): (&str, &str)| self.by_label.get(key).and_then(|values| values.get(value)).unwrap_or(&NOBODY);
        required(selector).into_iter().map(found).min_by_key(|units| units.len())
    }
}

/// Labels that everybody carries whom the selector selects.
fn required(selector: &Selector) -> Vec<(&str, &str)> {
    match selector {
        Selector::In { key, values } => match values.as_slice() {
            [value] => vec![(key, value)],
            _ => Vec::new(),
        },
        Selector::All(parts) => parts.iter().flat_map(required).collect(),
        _ => Vec::new(),
    }
}

/// Peers of units by a label that whoever they select carries.
#[derive(Debug, Default)]
pub(super) struct SelectorIndex {
    by_label: FxHashMap<String, FxHashMap<String, Vec<u32>>>,
    /// Those that select by something else.
    others: Vec<u32>,
}

impl SelectorIndex {
    fn add(&mut self, peer: u32, selector: &Selector, units: &Units) {
        let rarest = required(selector).into_iter().min_by_key(|(key, value)| {
            units.by_label.get(*key).and_then(|values| values.get(*value)).map_or(0, BTreeSet::len)
        });
        match rarest {
            Some((key, value)) => {
                self.by_label.entry(key.to_owned()).or_default().entry(value.to_owned()).or_default().push(peer);
            }
            None => self.others.push(peer),
        }
    }

    /// Peers, among them all that select the unit.
    fn candidates<'a>(&'a self, unit: &'a Unit) -> impl Iterator<Item = u32> + 'a {
        let of_labels = unit.labels.iter().filter_map(|(key, value)| self.by_label.get(key)?.get(value));
        of_labels.flatten().chain(&self.others).copied()
    }
}

/// The endpoints of each unit, of which there are so many.
pub(super) fn of_units(interfaces: &[(UnitId, u16)], units: usize) -> Vec<std::ops::Range<u32>> {
    let mut next = 0usize;
    (0..id(units))
        .map(|unit| {
            let first = next;
            while interfaces.get(next).is_some_and(|&(of, _)| of.0 == unit) {
                next += 1;
            }
            id(first)..id(next)
        })
        .collect()
}

/// The address of each of so many endpoints that is an interface and has a known one.
pub(super) fn known_addresses(interfaces: &[(UnitId, u16)], units: &Units, endpoints: usize) -> Column<Option<u128>> {
    let address = |&(unit, at): &(UnitId, u16)| match units.get(unit)?.interfaces.get(usize::from(at))?.address {
        Address::Known(address) => Some(number(address)),
        Address::Within(_) | Address::Unknown(_) => None,
    };
    let mut addresses: Vec<Option<u128>> = interfaces.iter().map(address).collect();
    addresses.resize(endpoints, None);
    addresses.into()
}

impl Ledger {
    /// The number of a peer, whose classes on a side are known from here on.
    pub(super) fn peer_on(&mut self, side: usize, peer: &Peer, units: &Units) -> Result<u32, Why> {
        let at = match self.known_peers.get(peer) {
            Some(&known) => known,
            None => {
                let at = self.peers.push(peer.clone());
                self.known_peers.insert(peer.clone(), at);
                self.gathering.add_peer();
                self.sides.0.iter_mut().for_each(SideLedger::add_peer);
                if let (Some(index), Peer::Units(selector)) = (&mut self.by_label, peer) {
                    index.add(at, selector, units);
                }
                at
            }
        };
        if self.sides[side].matched[at].is_some() {
            return Ok(at);
        }
        let (certain, possible) = match peer {
            Peer::Anyone => return Ok(self.everybody(side, at, true)),
            Peer::Unmodelled(_) => return Ok(self.everybody(side, at, false)),
            Peer::Addresses { set, covers: Covers::All } if set.covers_family(self.family) => {
                return Ok(self.everybody(side, at, true));
            }
            Peer::Units(selector) => {
                let selected = units.select(selector).into_iter();
                let endpoints = selected.filter_map(|unit| self.of_unit.get(unit as usize).cloned()).flatten();
                (endpoints.collect(), Vec::new())
            }
            Peer::Addresses { set, covers } => self.within(set, *covers, units),
        };
        for (old, new) in self.sides[side].attach(at, certain, possible) {
            self.relate_as(side, old, new);
        }
        Ok(at)
    }

    fn everybody(&mut self, side: usize, peer: u32, certain: bool) -> u32 {
        self.sides[side].matched[peer] = Some(Peers::Everybody { certain });
        peer
    }

    /// The endpoints that an address set matches, for certain and possibly.
    fn within(&mut self, set: &AddressSet, covers: Covers, units: &Units) -> (Vec<u32>, Vec<u32>) {
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        let sets = ranges(set, self.family);
        for &(first, last) in &sets {
            self.cut_atom(first);
            last.checked_add(1).into_iter().for_each(|next| self.cut_atom(next));
            certain.extend(self.atoms.range(first..=last).map(|(_, &atom)| atom));
        }
        if covers == Covers::All {
            for (endpoint, &(unit, at)) in (0u32..).zip(&self.interfaces) {
                let Some(interface) = units.get(unit).and_then(|unit| unit.interfaces.get(usize::from(at))) else {
                    continue;
                };
                let is_in = |low: u128, high: u128| sets.iter().any(|&(first, last)| first <= low && high <= last);
                match interface.address {
                    Address::Known(address) if is_in(number(address), number(address)) => {
                        if interface.shared {
                            possible.push(endpoint)
                        } else {
                            certain.push(endpoint)
                        }
                    }
                    Address::Within(net) if is_in(number(net.network()), number(net.broadcast())) => {
                        certain.push(endpoint);
                    }
                    _ => {}
                }
            }
        }
        (certain, possible)
    }

    /// Makes an external range start at an address.
    fn cut_atom(&mut self, first: u128) {
        let Some((&before, &atom)) = self.atoms.range(..=first).next_back() else { return };
        if before == first || self.family == Family::V4 && first > u32::MAX.into() {
            return;
        }
        let new = id(self.sides[0].class_of.len());
        self.sides.0.iter_mut().for_each(|side| side.add_atom(atom));
        self.addresses.push(None);
        self.atoms.insert(first, new);
        self.first_of_atom.insert(new, first);
    }

    /// The last address of the external range that starts at one.
    pub(super) fn last_of_atom(&self, first: u128) -> u128 {
        let next = first.checked_add(1).and_then(|next| self.atoms.range(next..).next());
        let end = if self.family == Family::V4 { u32::MAX.into() } else { u128::MAX };
        next.map_or(end, |(&next, _)| next - 1)
    }

    /// Finds the classes of a unit's endpoints by its labels, which have changed, and the points that are at it now.
    pub(in super::super) fn relabel(&mut self, unit: UnitId, units: &Units, points: &[u32]) -> Result<(), Why> {
        (0..2).try_for_each(|side| self.rejoin_labels(side))?;
        let coverage = self.grounds.coverage_of(points).ok_or(Why::Points)?;
        if self.by_label.is_none() {
            let mut index = SelectorIndex::default();
            for (peer, held) in (0u32..).zip(self.peers.iter()) {
                if let Peer::Units(selector) = held {
                    index.add(peer, selector, units);
                }
            }
            self.by_label = Some(index);
        }
        let (Some(held), Some(endpoints)) = (units.get(unit), self.of_unit.get(unit.index()).cloned()) else {
            return Ok(());
        };
        let Some(index) = &self.by_label else { return Ok(()) };
        let mut selecting: Vec<u32> = index.candidates(held).collect();
        selecting.retain(|&peer| matches!(&self.peers[peer], Peer::Units(selector) if selector.matches(held)));
        let matches_scope = |selectors: &Vec<Selector>| selectors.iter().any(|selector| selector.matches(held));
        let scopes: Vec<u32> =
            (0u32..).zip(&self.scopes).filter(|(_, one)| matches_scope(one)).map(|(at, _)| at).collect();
        for endpoint in endpoints {
            for side in 0..2 {
                let here = &self.sides[side];
                let class = &here.classes[here.class_of[endpoint]];
                let by_address = class.peers.iter().filter(|(peer, _)| !matches!(self.peers[*peer], Peer::Units(_)));
                let on_side = selecting.iter().filter(|&&peer| here.matched[peer].is_some());
                let peers = by_address.copied().chain(on_side.map(|&peer| (peer, true))).collect();
                let scopes = scopes.iter().filter(|scope| here.scopes.contains(scope)).copied().collect();
                let station = Station { coverage, ..class.stand.station };
                let stand = Stand { station, ..class.stand };
                self.reclass(side, endpoint, stand, peers, scopes)?;
            }
            self.settle_kin(endpoint)?;
        }
        Ok(())
    }

    /// Puts an endpoint into the class of what matches it.
    fn reclass(
        &mut self,
        side: usize,
        endpoint: u32,
        stand: Stand,
        mut peers: Vec<(u32, bool)>,
        scopes: Vec<u32>,
    ) -> Result<(), Why> {
        peers.sort_unstable();
        peers.dedup();
        let old = self.sides[side].class_of[endpoint];
        let before = self.sides[side].classes[old].clone();
        if before.stand == stand && before.peers == peers && before.scopes == scopes {
            return Ok(());
        }
        let new = match self.sides[side].class_with(&stand, &peers, &scopes) {
            Some(known) => {
                self.sides[side].move_endpoint(endpoint, known);
                known
            }
            None => {
                let here = &mut self.sides[side];
                let new = if before.members == [endpoint] {
                    old
                } else {
                    here.enter(Class { members: Vec::new(), weight: 0, ..before.clone() })
                };
                if new != old {
                    here.move_endpoint(endpoint, new);
                    self.relate_as(side, old, new);
                }
                // It begins as what it was, and is told apart from that.
                let changed = self.sides[side].change_class(new, Class { stand, peers, scopes, ..before });
                self.settle_class(side, new, &changed)?;
                new
            }
        };
        if self.sides[side].classes[new].label != self.sides[side].classes[old].label {
            self.show_label(side, endpoint)?;
        }
        Ok(())
    }

    /// Relates the classes of an endpoint to those of the ones that it is related to.
    fn settle_kin(&mut self, endpoint: u32) -> Result<(), Why> {
        for (other, guest) in self.kin.get(&endpoint).cloned().unwrap_or_default() {
            for (from, to) in [(endpoint, other), (other, endpoint)] {
                let pair = (self.sides[0].class_of[from], self.sides[1].class_of[to]);
                if self.relate(pair.0, pair.1, guest) {
                    self.settle_pairs(&[pair.0], &[pair.1])?;
                }
            }
        }
        Ok(())
    }

    /// Gives an interface another address, which no unit has.
    pub(in super::super) fn move_interface(&mut self, unit: UnitId, at: u16, to: u128) -> Result<(), Why> {
        let Some(endpoint) = self.directory.interface(unit, at) else { return Ok(()) };
        let Some(from) = self.addresses.lookup(endpoint).copied().flatten() else { return Err(Why::Addresses) };
        if self.directory.spaces() > 1 {
            return Err(Why::Addresses);
        }
        let directory = std::sync::Arc::make_mut(&mut self.directory);
        directory.rebind(endpoint, from, to);
        self.addresses[endpoint] = Some(to);
        let outside = self.shown.external(from);
        for (side, label) in outside.into_iter().enumerate() {
            self.shown.put_address(0, Relabelled { first: from, last: from, side, label })?;
        }
        let Some((_, &atom)) = self.atoms.range(..=to).next_back() else { return Ok(()) };
        for side in 0..2 {
            let here = &self.sides[side];
            let of_atom = here.classes[here.class_of[atom]].peers.iter();
            let covers_units = |peer: u32| matches!(self.peers[peer], Peer::Addresses { covers: Covers::All, .. });
            let by_address = of_atom.filter(|&&(peer, _)| covers_units(peer)).copied();
            let class = &here.classes[here.class_of[endpoint]];
            let by_label = class.peers.iter().filter(|(peer, _)| matches!(self.peers[*peer], Peer::Units(_))).copied();
            let (peers, scopes, stand) = (by_address.chain(by_label).collect(), class.scopes.clone(), class.stand);
            self.reclass(side, endpoint, stand, peers, scopes)?;
            self.show_label(side, endpoint)?;
        }
        self.settle_kin(endpoint)
    }
}
