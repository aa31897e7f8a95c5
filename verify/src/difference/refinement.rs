//! The common refinement of two designs: ends that neither design tells apart.
//!
//! Units are one end if both designs put them into the same classes and they have one [`Standing`]; external addresses
//! if both designs treat them alike and they are, from everywhere, either some unit's or nobody's. What holds of one
//! pair of different units of two ends holds of every pair of them, in both designs, so comparing ends compares
//! everything, and their number does not grow with that of the units.

use crate::address_atoms::AddressAtoms;
use crate::classes::ClassId;
use crate::difference::population::{Population, Standing};
use crate::reach::Verifier;
use crate::vocabulary::Interner;
use fixedbitset::FixedBitSet;
use seglab_policy::{AddressSet, Design, Family, View};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Old before new, wherever something is there once for each design.
pub(super) type Both<T> = [T; 2];

/// Units that are alike in each design that has them.
#[derive(Clone, Debug)]
pub(super) struct UnitEnd {
    /// A class of theirs; `None` where the design lacks them.
    pub(super) class: Both<Option<ClassId>>,
    pub(super) standing: Standing,
    /// Positions in [`Population::mates`], ascending; at least one.
    pub(super) mates: Vec<usize>,
}

/// External addresses that neither design tells apart.
#[derive(Clone, Debug)]
pub(super) struct AddressEnd {
    pub(super) addresses: AddressSet,
    pub(super) family: Family,
    /// Their endpoint class.
    pub(super) class: Both<u32>,
    /// The spaces, by [`Spaces`], in which they are addresses of units.
    pub(super) held: Both<FixedBitSet>,
}

/// A named source outside the designs.
#[derive(Clone, Debug)]
pub(super) struct SourceEnd {
    pub(super) name: String,
    /// Its first endpoint class; `None` where the design lacks it.
    pub(super) class: Both<Option<u32>>,
}

impl SourceEnd {
    pub(super) fn standing(&self) -> Standing {
        match self.class {
            [None, _] => Standing::Added,
            [_, None] => Standing::Removed,
            _ => Standing::Unchanged,
        }
    }
}

/// The address spaces of a design.
#[derive(Debug)]
pub(super) struct Spaces<'a> {
    names: Vec<&'a str>,
    /// The space of each endpoint class of units.
    of_class: Vec<usize>,
    /// The spaces that interfaces of each family stand in.
    of_family: Both<FixedBitSet>,
}

impl<'a> Spaces<'a> {
    fn new(verifier: &Verifier<'a>) -> Self {
        let design = verifier.design();
        let endpoints = &verifier.classes().endpoints;
        let all: BTreeSet<&str> =
            design.units().iter().flat_map(|unit| &unit.interfaces).map(|at| at.space.as_str()).collect();
        let names: Vec<&str> = all.into_iter().collect();
        let mut of_class = vec![0; endpoints.units()];
        let none = FixedBitSet::with_capacity(names.len());
        let mut of_family = [none.clone(), none];
        for (id, unit) in design.unit_ids().zip(design.units()) {
            for (interface, &class) in unit.interfaces.iter().zip(endpoints.of_unit(id)) {
                let space = names.binary_search(&interface.space.as_str()).unwrap_or(0);
                if let Some(slot) = of_class.get_mut(class as usize) {
                    *slot = space;
                }
                pick_mut(&mut of_family, interface.family()).insert(space);
            }
        }
        Self { names, of_class, of_family }
    }

    /// The space of an endpoint class of units.
    pub(super) fn of(&self, class: u32) -> usize {
        self.of_class.get(class as usize).copied().unwrap_or(0)
    }

    /// True if addresses that units hold in these spaces are outside as seen from some interface of a family.
    pub(super) fn outside_somewhere(&self, held: &FixedBitSet, family: Family) -> bool {
        let spaces = pick(&self.of_family, family);
        spaces.is_clear() || !spaces.is_subset(held)
    }
}

/// The one of two things that is a family's.
pub(super) fn pick<T>([v4, v6]: &[T; 2], family: Family) -> &T {
    match family {
        Family::V4 => v4,
        Family::V6 => v6,
    }
}

fn pick_mut<T>([v4, v6]: &mut [T; 2], family: Family) -> &mut T {
    match family {
        Family::V4 => v4,
        Family::V6 => v6,
    }
}

/// The ends of two designs.
#[derive(Debug)]
pub(super) struct Refinement<'a> {
    pub(super) units: Vec<UnitEnd>,
    pub(super) addresses: Vec<AddressEnd>,
    pub(super) sources: Vec<SourceEnd>,
    pub(super) spaces: Both<Spaces<'a>>,
}

/// What makes units alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alike {
    /// Everything that an attack may depend on: their class.
    Laterally,
    /// What the policy sees of them; in the service view also what they listen to. Fewer ends than classes.
    Directly(View),
}

impl<'a> Refinement<'a> {
    pub(super) fn new(verifiers: Both<&Verifier<'a>>, population: &Population, alike: Alike) -> Self {
        let spaces = verifiers.map(Spaces::new);
        Self {
            units: unit_ends(verifiers, population, alike),
            addresses: address_ends(verifiers, &spaces),
            sources: source_ends(verifiers),
            spaces,
        }
    }
}

fn unit_ends(verifiers: Both<&Verifier<'_>>, population: &Population, alike: Alike) -> Vec<UnitEnd> {
    let groups = verifiers.map(|verifier| groups(verifier, alike));
    let mut ends: BTreeMap<(Both<Option<u32>>, Standing), UnitEnd> = BTreeMap::new();
    for (at, mate) in population.mates.iter().enumerate() {
        let mut class = [None; 2];
        let mut group = [None; 2];
        for (side, (verifier, unit)) in verifiers.into_iter().zip([mate.old, mate.new]).enumerate() {
            let of = unit.map(|unit| verifier.classes().of(unit));
            if let (Some(class), Some(group), Some(groups)) =
                (class.get_mut(side), group.get_mut(side), groups.get(side))
            {
                *class = of;
                *group = of.and_then(|class| groups.get(class.index())).copied();
            }
        }
        let standing = mate.standing;
        ends.entry((group, standing)).or_insert_with(|| UnitEnd { class, standing, mates: Vec::new() }).mates.push(at);
    }
    ends.into_values().collect()
}

/// For each class the number of those that are alike.
fn groups(verifier: &Verifier<'_>, alike: Alike) -> Vec<u32> {
    let classes = verifier.classes().ids();
    match alike {
        Alike::Laterally => classes.map(|ClassId(class)| class).collect(),
        Alike::Directly(view) => {
            let mut known = Interner::new();
            classes.map(|class| known.intern(verifier.engine.endpoints_of_listening(class, view))).collect()
        }
    }
}

/// Cuts the addresses wherever a class of either design begins or ends, and where units' addresses do.
fn address_ends(verifiers: Both<&Verifier<'_>>, spaces: &Both<Spaces<'_>>) -> Vec<AddressEnd> {
    let mut sets: Vec<AddressSet> = Vec::new();
    // Of each design, where its classes and where its spaces begin among the sets.
    let mut begin: Both<(usize, usize)> = [(0, 0); 2];
    for ((verifier, spaces), begin) in verifiers.into_iter().zip(spaces).zip(&mut begin) {
        let endpoints = &verifier.classes().endpoints;
        begin.0 = sets.len();
        sets.extend(endpoints.externals().map(|class| endpoints.addresses(class).clone()));
        begin.1 = sets.len();
        sets.extend(spaces.names.iter().map(|space| known(verifier.design(), space)));
    }
    let atoms = AddressAtoms::new(&sets.iter().collect::<Vec<_>>());
    let addresses = atoms.addresses();
    let mut ends = Vec::new();
    for (at, addresses) in (0u32..).zip(addresses) {
        let (family, holders) = atoms.holders(at);
        let read = |side: usize| -> Option<(u32, FixedBitSet)> {
            let (classes, held_from) = *begin.get(side)?;
            let first = verifiers.get(side)?.classes().endpoints.externals().start;
            let names = spaces.get(side)?.names.len();
            let mut held = FixedBitSet::with_capacity(names);
            let mut class = None;
            for holder in holders.iter().map(|&holder| holder as usize) {
                if (classes..held_from).contains(&holder) {
                    class = u32::try_from(holder - classes).ok().map(|at| first + at);
                } else if (held_from..held_from + names).contains(&holder) {
                    held.insert(holder - held_from);
                }
            }
            Some((class?, held))
        };
        let (Some((old, held_old)), Some((new, held_new))) = (read(0), read(1)) else { continue };
        let [spaces_old, spaces_new] = spaces;
        // Addresses that are units' as seen from everywhere are no end of anything.
        if spaces_old.outside_somewhere(&held_old, family) && spaces_new.outside_somewhere(&held_new, family) {
            ends.push(AddressEnd { addresses, family, class: [old, new], held: [held_old, held_new] });
        }
    }
    ends
}

fn known(design: &Design, space: &str) -> AddressSet {
    design.known_addresses(space).cloned().unwrap_or_default()
}

fn source_ends([old, new]: Both<&Verifier<'_>>) -> Vec<SourceEnd> {
    let mut names: BTreeMap<String, Both<Option<u32>>> = BTreeMap::new();
    for (side, verifier) in [old, new].into_iter().enumerate() {
        for class in verifier.classes().endpoints.whole_sources() {
            let Some(name) = verifier.engine.source_name(class) else { continue };
            if let Some(slot) = names.entry(name).or_default().get_mut(side) {
                *slot = Some(class);
            }
        }
    }
    names.into_iter().map(|(name, class)| SourceEnd { name, class }).collect()
}

impl AddressEnd {
    /// One of a set of addresses, that readers recognise: not the first of the range if there is another.
    pub(super) fn example(&self, among: &AddressSet) -> Option<IpAddr> {
        crate::counterexample::a_plain_address(&self.addresses.intersection(among))
    }
}
