//! The surface of a unit: who can connect to it, and to whom it can connect.
//!
//! Entries and exits are counted in both views: what policy lets through, and of that what also meets a listener.
//! Nobody is taken to be owned: this is the surface before an attack.

use crate::classes::ClassId;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::reach::Verifier;
use seglab_policy::{AddressSet, Assume, Family, UnitId, View};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One side of a unit's surface: everything that can connect to it, or that it can connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Other units, by number.
    pub units: usize,
    /// External addresses, addresses of units inside their ranges not meant.
    pub addresses: AddressSet,
    /// Named external sources; as exits none.
    pub sources: Vec<String>,
    /// The headers that at least one of the former certainly passes on.
    pub headers: HeaderSet,
    /// The headers that at least one of the former passes on, or not, by what is not known.
    pub unknown: HeaderSet,
}

impl Exchange {
    /// True if nothing certainly connects.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The headers in the form of `reach`; nothing for none.
    pub fn connections(&self, families: &[Family]) -> String {
        self.headers.display(families, &HeaderSet::empty()).to_string()
    }
}

/// The surface of the units of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    /// The units that have it, ascending.
    pub units: Vec<UnitId>,
    /// Who can connect to each of them.
    pub entries: Exchange,
    /// To whom each of them can connect.
    pub exits: Exchange,
}

/// The endpoint classes of a unit, and the headers that count there; `None` for all.
type Ends = (Rc<[u32]>, Option<HeaderId>);

impl Verifier<'_> {
    /// The surfaces of all units, those of one class together, in the order of their first units.
    pub fn surface(&mut self, view: View, as_if_enforced: bool) -> Vec<Surface> {
        let assume = Assume { as_if_enforced, ..Assume::business() };
        // Classes of the same endpoint classes have one surface, whatever else tells them apart.
        let mut units: BTreeMap<Ends, usize> = BTreeMap::new();
        let classes: Vec<(ClassId, Ends)> =
            self.engine.classes.ids().map(|class| (class, self.engine.endpoints_of_listening(class, view))).collect();
        for (class, ends) in &classes {
            *units.entry(ends.clone()).or_default() += self.engine.classes.members(*class).len();
        }
        let sides: BTreeMap<&Ends, [Exchange; 2]> = units
            .keys()
            .map(|ends| (ends, [true, false].map(|entries| self.side(ends, &units, assume, entries))))
            .collect();
        let surface = |(class, ends): &(ClassId, Ends)| {
            let [entries, exits] = sides.get(ends).cloned().unwrap_or_default();
            Surface { units: self.engine.classes.members(*class).to_vec(), entries, exits }
        };
        classes.iter().map(surface).collect()
    }

    fn side(&mut self, own: &Ends, all: &BTreeMap<Ends, usize>, assume: Assume, entries: bool) -> Exchange {
        let matrix = self.engine.matrix(assume);
        let engine = &mut self.engine;
        let mut side = Exchange::default();
        let (mut certain, mut possible) = (HeaderId::EMPTY, HeaderId::EMPTY);
        for (other, &units) in all {
            // Nobody is their own neighbour.
            let units = units - usize::from(other == own);
            if units == 0 {
                continue;
            }
            let ((from, _), (to, counts)) = if entries { (other, own) } else { (own, other) };
            let (sure, maybe) = engine.arriving(from, to, *counts, &matrix);
            side.units += if sure == HeaderId::EMPTY { 0 } else { units };
            certain = engine.sets.union(certain, sure);
            possible = engine.sets.union(possible, maybe);
        }
        let (own, counts) = own;
        let outside: Vec<u32> = match entries {
            true => engine.classes.endpoints.externals().chain(engine.classes.endpoints.sources()).collect(),
            false => engine.classes.endpoints.externals().collect(),
        };
        for other in outside {
            let (sure, maybe) = match entries {
                true => engine.arriving(&[other], own, *counts, &matrix),
                false => engine.arriving(own, &[other], None, &matrix),
            };
            certain = engine.sets.union(certain, sure);
            possible = engine.sets.union(possible, maybe);
            if sure != HeaderId::EMPTY {
                side.addresses = side.addresses.union(engine.classes.endpoints.addresses(other));
                side.sources.extend(engine.source_name(other));
            }
        }
        side.sources.dedup();
        let unknown = engine.sets.difference(possible, certain);
        side.headers = engine.sets.get(certain).clone();
        side.unknown = engine.sets.get(unknown).clone();
        side
    }
}
