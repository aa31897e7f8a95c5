//! Classes of endpoints: interfaces, external addresses and named external sources that the policy treats alike.
//!
//! The policy decides a connection by its two endpoints and its header. Two interfaces are of one class when every
//! selector and address set of the policy says the same of them, the same points stand at them, they stand in the
//! same address space and (as far as points look) place, have paths from and to the outside alike, and give the same
//! ports to the names that rules use. External addresses are of one class when they are in one [atom](AddressAtoms).

mod later;
mod membership;

use crate::address_atoms::AddressAtoms;
use crate::selector_index::SelectorIndex;
use crate::vocabulary::{Interner, Vocabulary};
use rustc_hash::FxHashMap;
use seglab_policy::{
    Address, AddressSet, Covers, Design, Endpoint, ExternalSourceId, Family, Interface, Level, Peer, Transport, Unit,
    UnitId,
};
use std::net::IpAddr;

/// Whether a peer matches an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Match {
    /// Nobody knows.
    Maybe,
    /// It does.
    Yes,
}

/// The endpoints that a peer of a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PeerMatches {
    /// Every one.
    All(Match),
    /// These classes, ascending.
    Some(Vec<(u32, Match)>),
}

/// What kind of endpoint a class is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EndpointKind {
    /// Interfaces of units.
    Unit,
    /// External addresses of one atom.
    External(u32),
    /// A named external source, as it appears to destinations of one family.
    Source(ExternalSourceId),
}

/// What the policy can see of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EndpointClass {
    pub(crate) kind: EndpointKind,
    pub(crate) family: Family,
    /// The block of units that the policy's selectors do not tell apart.
    block: u32,
    /// What the address sets of rules say of the address.
    truth: u32,
    pub(crate) space: u32,
    pub(crate) inbound: bool,
    pub(crate) outbound: bool,
    /// The places that points look at.
    pub(crate) place: u32,
    /// The ports behind the names that rules use.
    pub(crate) ports: u32,
    /// The host, where connections with it are judged apart.
    pub(crate) host: Option<UnitId>,
    /// The unit itself, where it is a host and connections with its guests are judged apart.
    pub(crate) host_itself: Option<UnitId>,
}

/// What the policy's points can see of a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlaceSeen {
    /// The names at the levels between which points stand.
    pub(crate) names: Vec<Option<String>>,
    /// Whether it is inside the places around which points stand.
    pub(crate) inside: Vec<bool>,
}

/// The classes of endpoints of a design: units' first, then external addresses', then named sources'.
#[derive(Debug)]
pub(crate) struct EndpointClasses {
    classes: Vec<EndpointClass>,
    /// Classes of units that no interface is of.
    vacant: Vec<u32>,
    /// One group of each class of units or sources, to ask selectors about it.
    group: Vec<Option<u32>>,
    units: u32,
    externals: u32,
    of_unit: Vec<Vec<u32>>,
    of_atom: Vec<u32>,
    /// What classes of units say by number.
    spaces: Vec<String>,
    places: Interner<PlaceSeen>,
    ports: Interner<Vec<(String, Transport, u16)>>,
    truths: Interner<Vec<(u32, Match)>>,
    /// Classes of units that each address set of rules matches.
    by_set: Vec<Vec<(u32, Match)>>,
    /// Classes of external addresses that each address set holds.
    externals_by_set: Vec<Vec<u32>>,
    /// Classes of units by block.
    by_block: Vec<Vec<u32>>,
    /// The block that a group stands for, where it is the first of its block.
    block_of_first: Vec<Option<u32>>,
    atom_addresses: Vec<AddressSet>,
    /// By address space, the external addresses of each atom that are no unit's there.
    linked: Vec<Vec<bool>>,
    reachable: Vec<Vec<bool>>,
    /// What peers match that came after the classes.
    learned: FxHashMap<Peer, PeerMatches>,
}

impl EndpointClasses {
    /// The classes of a design, with so many more that are vacant.
    pub(crate) fn new(
        design: &Design,
        words: &Vocabulary,
        index: &SelectorIndex,
        atoms: &AddressAtoms,
        vacant: usize,
    ) -> Self {
        let mut build = Builder::new(design, words, index, atoms);
        let of_unit = build.add_units();
        build.add_vacant(vacant);
        let units = build.classes.len();
        let of_atom = build.add_externals();
        let externals = build.classes.len() - units;
        build.add_sources();
        build.finish(of_unit, units, of_atom, externals)
    }

    /// The number of classes of units' interfaces.
    pub(crate) fn units(&self) -> usize {
        self.units as usize
    }

    /// The number of classes that a connection can go to: units' and external addresses'.
    pub(crate) fn destinations(&self) -> usize {
        (self.units + self.externals) as usize
    }

    /// The number of classes that are vacant.
    pub(crate) fn vacant(&self) -> usize {
        self.vacant.len()
    }

    /// The number of classes.
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// The classes of external addresses.
    pub(crate) fn externals(&self) -> std::ops::Range<u32> {
        self.units..self.units + self.externals
    }

    /// The classes of named sources.
    pub(crate) fn sources(&self) -> std::ops::Range<u32> {
        self.units + self.externals..u32::try_from(self.classes.len()).unwrap_or(u32::MAX)
    }

    /// The first class of each named source, which stands for it as a whole.
    pub(crate) fn whole_sources(&self) -> impl Iterator<Item = u32> + use<> {
        self.sources().step_by(Family::ALL.len())
    }

    /// The classes of the source that a class is of, one for each family.
    pub(crate) fn of_source(&self, class: u32) -> Vec<u32> {
        self.sources().filter(|&other| self.get(other).kind == self.get(class).kind).collect()
    }

    #[expect(clippy::indexing_slicing, reason = "classes are numbered as they are made")]
    pub(crate) fn get(&self, class: u32) -> &EndpointClass {
        &self.classes[class as usize]
    }

    /// The classes of a unit's interfaces, in their order.
    pub(crate) fn of_unit(&self, unit: UnitId) -> &[u32] {
        self.of_unit.get(unit.index()).map_or(&[], Vec::as_slice)
    }

    /// The class of an endpoint; of a named source as it appears to `family`.
    pub(crate) fn of(&self, endpoint: Endpoint, atoms: &AddressAtoms, family: Family) -> Option<u32> {
        match endpoint {
            Endpoint::Unit { unit, interface } => self.of_unit(unit).get(usize::from(interface)).copied(),
            Endpoint::External(address) => self.of_atom.get(atoms.atom_of(address) as usize).copied(),
            Endpoint::Source(id) => self
                .sources()
                .find(|&class| self.get(class).kind == EndpointKind::Source(id) && self.get(class).family == family),
        }
    }

    pub(crate) fn place(&self, id: u32) -> Option<&PlaceSeen> {
        self.places.values().get(id as usize)
    }

    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// The ports behind the names that rules use, for a class's `ports`.
    pub(crate) fn named_ports(&self, id: u32) -> &[(String, Transport, u16)] {
        self.ports.values().get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// The group of units that stands for a class of units, or the source's own.
    pub(crate) fn group(&self, class: u32) -> Option<usize> {
        self.group.get(class as usize).copied().flatten().map(|group| group as usize)
    }

    /// True if a selector, by its position in the vocabulary, selects the units of a class or the source.
    pub(crate) fn selected(&self, index: &SelectorIndex, selector: u32, class: u32) -> bool {
        self.group(class).is_some_and(|group| index.holds(selector, group))
    }

    /// True if connections are carried between two address spaces.
    pub(crate) fn spaces_linked(&self, a: u32, b: u32) -> bool {
        self.linked.get(a as usize).and_then(|row| row.get(b as usize)).copied().unwrap_or(false)
    }

    /// True if some address of an external class is no unit's as seen from an address space.
    pub(crate) fn external_in_space(&self, external: u32, space: u32) -> bool {
        let at = external.checked_sub(self.units).map(|at| at as usize);
        let open = self.reachable.get(space as usize).zip(at).and_then(|(row, at)| row.get(at));
        open.copied().unwrap_or(false)
    }

    /// For every address space, whether some address of an external class is no unit's there.
    pub(crate) fn open_in(&self, external: u32) -> Vec<bool> {
        let spaces = 0..u32::try_from(self.reachable.len()).unwrap_or(u32::MAX);
        spaces.map(|space| self.external_in_space(external, space)).collect()
    }

    /// The addresses of an external class, those of units included.
    pub(crate) fn addresses(&self, external: u32) -> &AddressSet {
        const NONE: &AddressSet = &AddressSet::empty();
        match self.get(external).kind {
            EndpointKind::External(atom) => self.atom_addresses.get(atom as usize).unwrap_or(NONE),
            EndpointKind::Unit | EndpointKind::Source(_) => NONE,
        }
    }

    /// The classes that a peer of a rule matches.
    pub(crate) fn matched(&self, peer: &Peer, words: &Vocabulary, index: &SelectorIndex) -> PeerMatches {
        if let Some(learned) = self.learned.get(peer) {
            return learned.clone();
        }
        match peer {
            Peer::Anyone => PeerMatches::All(Match::Yes),
            Peer::Unmodelled(_) => PeerMatches::All(Match::Maybe),
            Peer::Units(selector) => {
                let Some(id) = words.selectors.id(selector) else { return PeerMatches::Some(Vec::new()) };
                let groups = index.truth(id).iter();
                let blocks = groups.filter_map(|&group| self.block_of_first.get(group as usize).copied().flatten());
                let units = blocks.flat_map(|block| self.by_block.get(block as usize).into_iter().flatten().copied());
                let sources = self.sources().filter(|&class| self.selected(index, id, class));
                let mut matched: Vec<(u32, Match)> = units.chain(sources).map(|class| (class, Match::Yes)).collect();
                matched.sort_unstable();
                PeerMatches::Some(matched)
            }
            Peer::Addresses { set, covers } => {
                let Some(id) = words.address_sets.id(set) else { return PeerMatches::Some(Vec::new()) };
                let units = match covers {
                    Covers::All => self.by_set.get(id as usize).map_or(&[][..], Vec::as_slice),
                    Covers::External => &[],
                };
                let externals = self.externals_by_set.get(id as usize).into_iter().flatten().copied();
                let sources =
                    self.sources().filter(|&class| *covers == Covers::All && set.covers_family(self.get(class).family));
                let others = externals.chain(sources).map(|class| (class, Match::Yes));
                PeerMatches::Some(units.iter().copied().chain(others).collect())
            }
        }
    }
}

/// Gathers the classes.
struct Builder<'a> {
    design: &'a Design,
    words: &'a Vocabulary,
    index: &'a SelectorIndex,
    atoms: &'a AddressAtoms,
    blocks: crate::partition::Partition,
    classes: Interner<EndpointClass>,
    group: Vec<Option<u32>>,
    spaces: Interner<&'a str>,
    places: Interner<PlaceSeen>,
    ports: Interner<Vec<(String, Transport, u16)>>,
    truths: Interner<Vec<(u32, Match)>>,
    hosts: std::collections::BTreeSet<UnitId>,
}

impl<'a> Builder<'a> {
    fn new(design: &'a Design, words: &'a Vocabulary, index: &'a SelectorIndex, atoms: &'a AddressAtoms) -> Self {
        let hosts = match words.hosts_matter {
            true => design.unit_ids().filter_map(|unit| design.host_of(unit)).collect(),
            false => std::collections::BTreeSet::new(),
        };
        Self {
            design,
            words,
            index,
            atoms,
            blocks: index.partition(words.policy_selectors),
            classes: Interner::new(),
            group: Vec::new(),
            spaces: Interner::new(),
            places: Interner::new(),
            ports: Interner::new(),
            truths: Interner::new(),
            hosts,
        }
    }

    fn intern(&mut self, class: EndpointClass, group: Option<u32>) -> u32 {
        let id = self.classes.intern(class);
        if id as usize == self.group.len() {
            self.group.push(group);
        }
        id
    }

    fn add_units(&mut self) -> Vec<Vec<u32>> {
        let design = self.design;
        let mut of_unit = Vec::with_capacity(design.units().len());
        for (id, unit) in design.unit_ids().zip(design.units()) {
            let group = self.index.group_of_unit(id);
            let ports = self.ports_of(unit);
            let host = self.words.hosts_matter.then(|| design.host_of(id)).flatten();
            let host_itself = self.hosts.contains(&id).then_some(id);
            let mut classes = Vec::with_capacity(unit.interfaces.len());
            for interface in &unit.interfaces {
                let truth =
                    address_truth(interface, self.words, self.atoms, |set| self.words.on_units_in_rules.contains(&set));
                let class = EndpointClass {
                    kind: EndpointKind::Unit,
                    family: interface.family(),
                    block: self.blocks.block_of(group),
                    truth: self.truths.intern(truth),
                    space: self.spaces.intern(&interface.space),
                    inbound: interface.inbound,
                    outbound: interface.outbound,
                    place: self.place_of(Some(interface)),
                    ports,
                    host,
                    host_itself,
                };
                classes.push(self.intern(class, Some(group)));
            }
            of_unit.push(classes);
        }
        of_unit
    }

    /// Adds classes that nothing is of, and that have no path to anybody.
    fn add_vacant(&mut self, count: usize) {
        for at in (0u32..).take(count) {
            let nowhere = self.outside(EndpointKind::Unit, Family::V4);
            self.intern(EndpointClass { block: u32::MAX - at, ..nowhere }, None);
        }
    }

    fn add_externals(&mut self) -> Vec<u32> {
        let atoms = u32::try_from(self.atoms.len()).unwrap_or(u32::MAX);
        (0..atoms)
            .map(|atom| {
                let (family, _) = self.atoms.holders(atom);
                let class = self.outside(EndpointKind::External(atom), family);
                self.intern(class, None)
            })
            .collect()
    }

    fn add_sources(&mut self) {
        for at in 0..self.design.external_sources().len() {
            let id = ExternalSourceId(u32::try_from(at).unwrap_or(u32::MAX));
            for family in Family::ALL {
                let class = self.outside(EndpointKind::Source(id), family);
                self.intern(class, Some(self.index.group_of_source(at)));
            }
        }
    }

    fn outside(&mut self, kind: EndpointKind, family: Family) -> EndpointClass {
        EndpointClass {
            kind,
            family,
            block: u32::MAX,
            truth: u32::MAX,
            space: u32::MAX,
            inbound: false,
            outbound: false,
            place: self.place_of(None),
            ports: self.ports.intern(Vec::new()),
            host: None,
            host_itself: None,
        }
    }

    fn ports_of(&mut self, unit: &Unit) -> u32 {
        self.ports.intern(named_ports(unit, self.words))
    }

    fn place_of(&mut self, interface: Option<&Interface>) -> u32 {
        self.places.intern(PlaceSeen::of(interface, self.words))
    }

    fn finish(self, of_unit: Vec<Vec<u32>>, units: usize, of_atom: Vec<u32>, externals: usize) -> EndpointClasses {
        let mut by_set = vec![Vec::new(); self.words.address_sets.len()];
        let mut by_block = vec![Vec::new(); self.blocks.len()];
        for (id, class) in (0u32..).zip(self.classes.values()).take(units) {
            for &(set, matched) in self.truths.values().get(class.truth as usize).into_iter().flatten() {
                if let Some(classes) = by_set.get_mut(set as usize) {
                    classes.push((id, matched));
                }
            }
            if let Some(classes) = by_block.get_mut(class.block as usize) {
                classes.push(id);
            }
        }
        let mut externals_by_set = vec![Vec::new(); self.words.address_sets.len()];
        for (atom, &class) in (0u32..).zip(&of_atom) {
            for &set in self.atoms.holders(atom).1 {
                if let Some(classes) = externals_by_set.get_mut(set as usize) {
                    classes.push(class);
                }
            }
        }
        let groups = self.group.iter().flatten().copied().max().map_or(0, |last| last as usize + 1);
        let mut first_of_block = vec![None; self.blocks.len()];
        for group in self.group.iter().take(units).flatten().copied() {
            if let Some(first) = first_of_block.get_mut(self.blocks.block_of(group) as usize) {
                let smallest: u32 = first.map_or(group, |known: u32| known.min(group));
                *first = Some(smallest);
            }
        }
        let mut block_of_first = vec![None; groups];
        for (block, first) in (0u32..).zip(first_of_block) {
            if let Some(slot) = first.and_then(|group: u32| block_of_first.get_mut(group as usize)) {
                *slot = Some(block);
            }
        }
        let atom_addresses = self.atoms.addresses();
        let names = self.spaces.values();
        let linked = names.iter().map(|a| names.iter().map(|b| self.design.spaces_linked(a, b)).collect()).collect();
        let reachable = names
            .iter()
            .map(|space| {
                let known = self.design.known_addresses(space);
                let open = |addresses: &AddressSet| known.is_none_or(|known| !known.is_superset(addresses));
                atom_addresses.iter().map(open).collect()
            })
            .collect();
        let is_vacant = |class: &EndpointClass| class.kind == EndpointKind::Unit && class.space == u32::MAX;
        let vacant = (0u32..).zip(self.classes.values()).filter(|(_, class)| is_vacant(class));
        EndpointClasses {
            vacant: vacant.map(|(class, _)| class).collect(),
            classes: self.classes.values().to_vec(),
            group: self.group,
            units: u32::try_from(units).unwrap_or(u32::MAX),
            externals: u32::try_from(externals).unwrap_or(u32::MAX),
            of_unit,
            of_atom,
            spaces: names.iter().map(|&space| space.to_owned()).collect(),
            places: self.places,
            ports: self.ports,
            truths: self.truths,
            by_set,
            externals_by_set,
            by_block,
            block_of_first,
            atom_addresses,
            linked,
            reachable,
            learned: FxHashMap::default(),
        }
    }
}

impl PlaceSeen {
    /// What is seen of the place of an interface, or of whoever stands at none.
    fn of(interface: Option<&Interface>, words: &Vocabulary) -> Self {
        let name = |level: Level| interface.and_then(|interface| level.of(&interface.place));
        let names = words.levels.iter().map(|&level| name(level).map(str::to_owned)).collect();
        let inside = words.edges.iter().map(|(level, edge)| name(*level) == Some(edge)).collect();
        Self { names, inside }
    }
}

/// The ports that a unit declares under names that rules use, ascending.
fn named_ports(unit: &Unit, words: &Vocabulary) -> Vec<(String, Transport, u16)> {
    let mut named: Vec<(String, Transport, u16)> = unit
        .listeners
        .iter()
        .filter_map(|listener| Some((listener.name.clone()?, listener.protocol, listener.first)))
        .filter(|(name, _, _)| words.port_names.contains(name.as_str()))
        .collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// What those address sets that `looked_at` accepts say of an interface, ascending by set.
pub(crate) fn address_truth(
    interface: &Interface,
    words: &Vocabulary,
    atoms: &AddressAtoms,
    looked_at: impl Fn(u32) -> bool,
) -> Vec<(u32, Match)> {
    let family = interface.family();
    let covers = |set: u32| words.address_sets.values().get(set as usize).is_some_and(|set| set.covers_family(family));
    let holders = match interface.address {
        Address::Known(address) => atoms.holders(atoms.atom_of(address)).1.to_vec(),
        Address::Within(net) => atoms.holders_of_all(&AddressSet::from_net(net)),
        Address::Unknown(Family::V4) => atoms.holders(atoms.atom_of(IpAddr::from([0, 0, 0, 0]))).1.to_vec(),
        Address::Unknown(Family::V6) => atoms.holders(atoms.atom_of(IpAddr::from([0u16; 8]))).1.to_vec(),
    };
    holders
        .into_iter()
        .filter(|&set| looked_at(set))
        .filter_map(|set| truth_in(interface, true, covers(set)).map(|matched| (set, matched)))
        .collect()
}

/// What an address set says of an interface, if it has the address and if it covers the whole family.
pub(crate) fn truth_in(interface: &Interface, is_in: bool, covers_family: bool) -> Option<Match> {
    match interface.address {
        _ if covers_family => Some(Match::Yes),
        Address::Unknown(_) => None,
        Address::Known(_) if is_in && interface.shared => Some(Match::Maybe),
        Address::Known(_) | Address::Within(_) => is_in.then_some(Match::Yes),
    }
}
