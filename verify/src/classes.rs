//! Behavioural classes: units that nothing tells apart.
//!
//! Two units are of one class when every selector of rules, scopes, placements, paths from external sources, of what
//! is not modelled, and of properties, needs, trusted units and footholds says the same of both; when their
//! interfaces are alike to the policy and to every address range asked about; and when they listen on the same
//! services under the same names, hold and accept the same credentials, have the same vulnerabilities and
//! criticality, and stand in the same relation to hosts: guests of different hosts are of different classes, and a
//! host is a class of its own, for who owns it owns *its* guests.
//!
//! Whatever holds of one pair of different units holds of every pair of different units of the same two classes. The
//! pair of a unit with itself is another matter: it passes no point, inside a class or not.
//!
//! ```
//! use seglab_policy::{Design, Draft, Interface, Address, Family, Unit};
//! use seglab_verify::Classes;
//! let unit = |name: &str| Unit {
//!     name: name.into(),
//!     interfaces: vec![Interface::new(Address::Unknown(Family::V4))],
//!     ..Unit::default()
//! };
//! let design = Design::new(Draft { units: vec![unit("a"), unit("b")], ..Draft::default() }).unwrap();
//! assert_eq!(Classes::new(&design).len(), 1);
//! ```

mod later;

use crate::address_atoms::AddressAtoms;
use crate::endpoint_class::{EndpointClasses, Match, PeerMatches, address_truth};
use crate::selector_index::SelectorIndex;
use crate::vocabulary::{Interner, Vocabulary};
use seglab_policy::{AddressSet, Covers, Design, Listener, Login, Peer, Selector, Unit, UnitId, Vulnerability};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The position of a class in [`Classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

impl ClassId {
    /// The position as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The behavioural classes of a design's units, in the order of their first members.
#[derive(Debug)]
pub struct Classes {
    pub(crate) words: Vocabulary,
    pub(crate) index: SelectorIndex,
    pub(crate) atoms: AddressAtoms,
    pub(crate) endpoints: EndpointClasses,
    class_of: Vec<ClassId>,
    /// Empty for numbers that are vacant.
    members: Vec<Vec<UnitId>>,
    /// Numbers that no class has, kept for units that come or leave their class.
    vacant: BTreeSet<ClassId>,
    /// The classes whose first unit is of a group.
    by_group: Vec<Vec<ClassId>>,
}

/// Where classes go along with edits, so many classes and endpoint classes are kept vacant for units that come, or
/// leave theirs.
const VACANT_MIN: usize = 4;
const VACANT_MAX: usize = 1024;

/// Everything by which units are told apart.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Signature<'a> {
    block: u32,
    /// Of each interface, its endpoint class and what the address ranges of questions say of it.
    interfaces: Vec<(u32, u32)>,
    listeners: Vec<&'a Listener>,
    credentials: Vec<&'a str>,
    logins: Vec<&'a Login>,
    vulnerabilities: Vec<&'a Vulnerability>,
    criticality: u32,
    host: Option<UnitId>,
    host_itself: Option<UnitId>,
}

impl Classes {
    /// Sorts the units of a design into classes.
    pub fn new(design: &Design) -> Self {
        Self::sorted(design, false)
    }

    /// Sorts units into classes; `by_every_label` also by labels that no selector looks at, so that the classes hold
    /// for selectors that are still to come.
    pub(crate) fn sorted(design: &Design, by_every_label: bool) -> Self {
        let words = Vocabulary::new(design);
        let index = SelectorIndex::new(design, words.selectors.values(), by_every_label);
        // An address that is a unit's in one address space may be external in another.
        let held: Vec<&AddressSet> = match spaces_of(design) {
            spaces if spaces.len() > 1 => spaces.iter().filter_map(|space| design.known_addresses(space)).collect(),
            _ => Vec::new(),
        };
        let sets: Vec<&AddressSet> = words.address_sets.values().iter().map(Rc::as_ref).chain(held).collect();
        let atoms = AddressAtoms::new(&sets);
        let vacant = if by_every_label { (design.units().len() / 8).clamp(VACANT_MIN, VACANT_MAX) } else { 0 };
        let endpoints = EndpointClasses::new(design, &words, &index, &atoms, vacant);
        let blocks = index.partition(words.selectors.len());
        let hosts: BTreeSet<UnitId> = design.unit_ids().filter_map(|unit| design.host_of(unit)).collect();
        let mut truths: Interner<Vec<(u32, Match)>> = Interner::new();
        let mut signatures: Interner<Signature<'_>> = Interner::new();
        let mut class_of = Vec::with_capacity(design.units().len());
        let mut members: Vec<Vec<UnitId>> = Vec::new();
        for (id, unit) in design.unit_ids().zip(design.units()) {
            let interfaces = unit.interfaces.iter().zip(endpoints.of_unit(id)).map(|(interface, &class)| {
                let truth = address_truth(interface, &words, &atoms, |set| words.on_units.contains(&set));
                (class, truths.intern(truth))
            });
            let signature = Signature {
                block: blocks.block_of(index.group_of_unit(id)),
                interfaces: interfaces.collect(),
                host: design.host_of(id),
                host_itself: hosts.contains(&id).then_some(id),
                ..Signature::of_facts(unit)
            };
            let class = ClassId(signatures.intern(signature));
            class_of.push(class);
            match members.get_mut(class.index()) {
                Some(members) => members.push(id),
                None => members.push(vec![id]),
            }
        }
        let mut by_group: Vec<Vec<ClassId>> = vec![Vec::new(); index.groups()];
        for (class, members) in (0u32..).map(ClassId).zip(&members) {
            let group = members.first().and_then(|&first| by_group.get_mut(index.group_of_unit(first) as usize));
            group.into_iter().for_each(|group| group.push(class));
        }
        let occupied = u32::try_from(members.len()).unwrap_or(u32::MAX);
        members.resize(members.len() + vacant, Vec::new());
        let vacant = (occupied..).take(vacant).map(ClassId).collect();
        Self { words, index, atoms, endpoints, class_of, members, vacant, by_group }
    }

    /// The number of classes.
    pub fn len(&self) -> usize {
        self.members.len() - self.vacant.len()
    }

    /// True if the design has no units.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes, ascending.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = ClassId> + use<> {
        let occupied: Vec<ClassId> = self.numbers().filter(|class| !self.members(*class).is_empty()).collect();
        occupied.into_iter()
    }

    /// The numbers that classes have or may get, ascending: tables by class have an entry for each.
    pub(crate) fn numbers(&self) -> impl ExactSizeIterator<Item = ClassId> + use<> {
        (0..u32::try_from(self.members.len()).unwrap_or(u32::MAX)).map(ClassId)
    }

    /// The class of a unit.
    ///
    /// # Panics
    /// If the unit is of another, larger design.
    #[expect(clippy::indexing_slicing, reason = "ids are made by the design that the classes are of")]
    pub fn of(&self, unit: UnitId) -> ClassId {
        self.class_of[unit.index()]
    }

    /// The units of a class, ascending; at least one, unless the number is vacant.
    ///
    /// # Panics
    /// If the class is of another design.
    #[expect(clippy::indexing_slicing, reason = "ids are made by the classes that they index")]
    pub fn members(&self, class: ClassId) -> &[UnitId] {
        &self.members[class.index()]
    }

    /// The first unit of a class, which stands for all of them.
    pub fn representative(&self, class: ClassId) -> UnitId {
        self.members(class).first().copied().unwrap_or(UnitId(u32::MAX))
    }

    /// The number of classes of endpoints: interfaces, external addresses and named sources that the policy treats
    /// alike.
    pub fn endpoint_classes(&self) -> usize {
        self.endpoints.len() - self.endpoints.vacant()
    }

    /// The endpoint classes that a peer of a rule matches which was not met before; `None` if it tells endpoints apart
    /// that are of one class.
    pub(crate) fn learn(&mut self, peer: &Peer, design: &Design) -> Option<PeerMatches> {
        let matches = match peer {
            Peer::Anyone | Peer::Unmodelled(_) => self.endpoints.matched(peer, &self.words, &self.index),
            Peer::Units(selector) => {
                self.endpoints.selected_by(selector, &self.index.truth_of(selector, design)?, design)
            }
            Peer::Addresses { set, covers: Covers::External } => self.endpoints.external_in(set)?,
            Peer::Addresses { set, covers: Covers::All } => {
                let id = self.words.address_sets.id(set).filter(|id| self.words.on_units_in_rules.contains(id));
                id.map(|_| self.endpoints.matched(peer, &self.words, &self.index))?
            }
        };
        self.words.peers.keep(peer);
        self.endpoints.remember(peer, matches.clone());
        Some(matches)
    }

    /// The classes whose units a selector of the design selects, ascending.
    pub(crate) fn selected(&self, selector: &Selector, design: &Design) -> Vec<ClassId> {
        let Some(id) = self.words.selectors.id(selector) else {
            return self.ids().filter(|&class| selector.matches(design.unit(self.representative(class)))).collect();
        };
        let groups = self.index.truth(id).iter();
        let mut selected: Vec<ClassId> =
            groups.filter_map(|&group| self.by_group.get(group as usize)).flatten().copied().collect();
        selected.sort_unstable();
        selected
    }
}

fn spaces_of(design: &Design) -> BTreeSet<&str> {
    design.units().iter().flat_map(|unit| &unit.interfaces).map(|interface| interface.space.as_str()).collect()
}

impl<'a> Signature<'a> {
    /// The signature with what a unit says of itself; where it stands is filled in by the caller.
    fn of_facts(unit: &'a Unit) -> Self {
        let mut signature = Self {
            block: 0,
            interfaces: Vec::new(),
            listeners: unit.listeners.iter().collect(),
            credentials: unit.credentials.iter().map(String::as_str).collect(),
            logins: unit.logins.iter().collect(),
            vulnerabilities: unit.vulnerabilities.iter().collect(),
            criticality: unit.criticality,
            host: None,
            host_itself: None,
        };
        signature.listeners.sort_unstable();
        signature.listeners.dedup();
        signature.credentials.sort_unstable();
        signature.credentials.dedup();
        signature.logins.sort_unstable();
        signature.logins.dedup();
        signature.vulnerabilities.sort_unstable();
        signature.vulnerabilities.dedup();
        signature
    }
}
