//! Who can open which connections to whom: the answers that `seglab reach` prints.
//!
//! [`Verifier`] sorts a design into classes once and answers any number of questions about it. [`Verifier::direct`]
//! answers for two endpoints; [`Verifier::reach`] lists every pair, replicas under their owner and external addresses
//! as ranges.

use crate::classes::{ClassId, Classes};
use crate::closure::Closures;
use crate::direct::Engine;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::lateral::{Attack, Graph};
use crate::listing::Listing;
use crate::matrix::Matrix;
use crate::properties::{Degrees, EveryEnd};
use crate::session::Amending;
use seglab_policy::{Assume, Connection, Design, Endpoint, Family, View};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// Answers questions about one design, exactly, from its classes.
#[derive(Debug)]
pub struct Verifier<'a> {
    pub(crate) engine: Engine<'a>,
    pub(crate) graphs: BTreeMap<Attack, Rc<Graph>>,
    /// By attack, without the trusted or with them, and reading of what is doubtful.
    pub(crate) closures: BTreeMap<(Attack, bool, bool), Rc<Closures>>,
    pub(crate) every_end: Option<Rc<EveryEnd>>,
    /// By attack and reading of what is doubtful.
    pub(crate) degrees: BTreeMap<(Attack, bool), Rc<Degrees>>,
    /// What it takes to go along with edits; `None` for one that answers about one design only.
    pub(crate) amending: Option<Amending>,
}

/// What may pass from one endpoint to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Direct {
    /// Headers that certainly arrive.
    pub allowed: HeaderSet,
    /// Headers of which it is not known whether they arrive.
    pub unknown: HeaderSet,
    /// Of those that certainly arrive, the ones whose answer is stopped by a stateless point.
    pub reply_blocked: HeaderSet,
    /// Of those that certainly arrive, the ones of which it is not known whether their answer is stopped.
    pub reply_unknown: HeaderSet,
}

/// One end of a row of [`Verifier::reach`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A unit, or the replicas of one owner.
    Units(String),
    /// The external addresses in a range; addresses of units inside it are not meant.
    External(IpAddr, IpAddr),
    /// A named source outside the design.
    Source(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Units(name) | End::Source(name) => f.write_str(name),
            End::External(first, last) if first == last => write!(f, "{first}"),
            End::External(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

/// The connections from one end to another. Where replicas differ, what at least one of them can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who opens them.
    pub source: End,
    /// To whom.
    pub destination: End,
    /// The headers that certainly arrive.
    pub allowed: HeaderSet,
    /// Of those, the TCP connections whose reply does not come back.
    pub one_way: HeaderSet,
    /// The headers of which it is not known whether they arrive.
    pub unknown: HeaderSet,
    /// The address families that the two ends have in common.
    pub families: Vec<Family>,
}

impl Row {
    /// The allowed connections as `reach --format csv` prints them: `TCP 80,443;UDP 53`.
    pub fn connections(&self) -> String {
        self.allowed.display(&self.families, &self.one_way).to_string()
    }

    /// The connections of which it is not known whether they arrive, in the same form; nothing for none.
    pub fn unknown_connections(&self) -> String {
        self.unknown.display(&self.families, &HeaderSet::empty()).to_string()
    }
}

/// What arrives between two ends, the interfaces of units taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) certain: HeaderId,
    pub(crate) possible: HeaderId,
    pub(crate) one_way: HeaderId,
    pub(crate) families: [bool; 2],
}

impl<'a> Verifier<'a> {
    /// Sorts the design into classes and compiles its rulebooks.
    pub fn new(design: &'a Design) -> Self {
        Self {
            engine: Engine::new(design, Classes::new(design)),
            graphs: BTreeMap::new(),
            closures: BTreeMap::new(),
            amending: None,
            every_end: None,
            degrees: BTreeMap::new(),
        }
    }

    /// The design.
    pub fn design(&self) -> &'a Design {
        self.engine.design
    }

    /// The classes of its units.
    pub fn classes(&self) -> &Classes {
        &self.engine.classes
    }

    /// What may pass from one endpoint to another under an assumption.
    pub fn direct(&mut self, source: Endpoint, destination: Endpoint, assume: Assume) -> Direct {
        if source.unit().is_some() && source.unit() == destination.unit() {
            return self.to_itself(source, destination);
        }
        let Some((from, to)) = self.endpoint_classes(source, destination) else { return Direct::default() };
        let matrix = self.engine.matrix(assume);
        let arrives = self.engine.arrives(&matrix, from, to);
        let answers = self.engine.answers(from, to, arrives.certain, assume);
        let sets = &mut self.engine.sets;
        let unknown = sets.difference(arrives.possible, arrives.certain);
        Direct {
            allowed: sets.get(arrives.certain).clone(),
            unknown: sets.get(unknown).clone(),
            reply_blocked: sets.get(answers.blocked).clone(),
            reply_unknown: sets.get(answers.unknown).clone(),
        }
    }

    /// A unit passes no point on the way to itself.
    fn to_itself(&self, source: Endpoint, destination: Endpoint) -> Direct {
        let design = self.engine.design;
        let probe = Connection { source, destination, header: seglab_policy::Header::Other(0) };
        let Some(family) = design.family_of(&probe) else { return Direct::default() };
        let every = HeaderSet::of_family(family);
        let touched = source
            .unit()
            .is_some_and(|unit| design.unmodelled().iter().any(|what| what.touches.matches(design.unit(unit))));
        match design.missing_path(&probe) {
            Some(reason) if !(touched && reason.may_be_opened()) => Direct::default(),
            _ if touched => Direct { unknown: every, ..Direct::default() },
            _ => Direct { allowed: every, ..Direct::default() },
        }
    }

    /// The classes of two endpoints between which connections of some kind exist.
    pub(crate) fn endpoint_classes(&self, source: Endpoint, destination: Endpoint) -> Option<(u32, u32)> {
        let design = self.engine.design;
        let Classes { endpoints, atoms, .. } = &self.engine.classes;
        let family = match destination {
            Endpoint::External(address) => Family::of(address),
            destination => design.interface(destination)?.family(),
        };
        // An address of a unit is not external to whoever could reach that unit.
        for (external, unit) in [(source, destination), (destination, source)] {
            if let (Endpoint::External(address), Some(interface)) = (external, design.interface(unit))
                && design.known_addresses(&interface.space).is_some_and(|known| known.contains(address))
            {
                return None;
            }
        }
        endpoints.of(source, atoms, family).zip(endpoints.of(destination, atoms, family))
    }

    /// Every pair of ends between which something arrives, or may arrive, in the order of their names: units, then
    /// external ranges, then named sources. Pairs are of different units: that a unit reaches itself goes without
    /// saying.
    pub fn reach(&mut self, assume: Assume, view: View) -> impl Iterator<Item = Row> + use<'_, 'a> {
        let mut listing = Listing::new(self, assume, view);
        (0..listing.parts(self)).flat_map(move |part| listing.part(self, part))
    }
}

impl Engine<'_> {
    /// The endpoint classes of a class's units, each once.
    #[expect(clippy::indexing_slicing, reason = "every class has an entry")]
    pub(crate) fn endpoints_of(&self, class: ClassId) -> Rc<[u32]> {
        Rc::clone(&self.endpoints[class.index()])
    }

    /// As [`Engine::endpoints_of`], with the headers that count there in a view; `None` for all.
    pub(crate) fn endpoints_of_listening(&self, class: ClassId, view: View) -> (Rc<[u32]>, Option<HeaderId>) {
        let counts = match view {
            View::Policy => None,
            View::Service => self.listened.get(class.index()).copied(),
        };
        (self.endpoints_of(class), counts)
    }

    /// The name of the external source that an endpoint class stands for.
    pub(crate) fn source_name(&self, class: u32) -> Option<String> {
        self.design.external_source(self.source_id(class)?).map(|source| source.name.clone())
    }

    /// The headers that count and certainly pass between some of the endpoint classes, and those that possibly do.
    pub(crate) fn arriving(
        &mut self,
        from: &[u32],
        to: &[u32],
        counts: Option<HeaderId>,
        matrix: &Matrix,
    ) -> (HeaderId, HeaderId) {
        let (mut certain, mut possible) = (HeaderId::EMPTY, HeaderId::EMPTY);
        for &source in from {
            for &destination in to {
                let arrives = self.arrives(matrix, source, destination);
                let counted = |set, sets: &mut crate::intern::HeaderSets| match counts {
                    Some(counts) => sets.intersection(set, counts),
                    None => set,
                };
                let (sure, maybe) =
                    (counted(arrives.certain, &mut self.sets), counted(arrives.possible, &mut self.sets));
                certain = self.sets.union(certain, sure);
                possible = self.sets.union(possible, maybe);
            }
        }
        (certain, possible)
    }

    /// What arrives between two ends by any of their endpoint classes, of the headers that count.
    pub(crate) fn pair(
        &mut self,
        from: &[u32],
        to: &[u32],
        counts: Option<HeaderId>,
        matrix: &Matrix,
        assume: Assume,
    ) -> Pair {
        let mut all = Pair::default();
        for &source in from {
            for &destination in to {
                let arrives = self.arrives(matrix, source, destination);
                if arrives.possible == HeaderId::EMPTY {
                    continue;
                }
                let restrict = |set: HeaderId, sets: &mut crate::intern::HeaderSets| match counts {
                    Some(counts) => sets.intersection(set, counts),
                    None => set,
                };
                let certain = restrict(arrives.certain, &mut self.sets);
                let possible = restrict(arrives.possible, &mut self.sets);
                let one_way = self.one_way(source, destination, certain, assume);
                let mut families = [false; 2];
                let family = self.classes.endpoints.get(source).family;
                for (known, common) in Family::ALL.into_iter().zip(&mut families) {
                    *common = known == family;
                }
                all = self.join(all, Pair { certain, possible, one_way, families });
            }
        }
        all
    }

    /// What arrives by either of two ways. A header is one-way only if it is so on every way that it can take.
    pub(crate) fn join(&mut self, a: Pair, b: Pair) -> Pair {
        let sets = &mut self.sets;
        let certain = sets.union(a.certain, b.certain);
        let (answered_a, answered_b) = (sets.difference(a.certain, a.one_way), sets.difference(b.certain, b.one_way));
        let answered = sets.union(answered_a, answered_b);
        let stopped = sets.union(a.one_way, b.one_way);
        let ([a4, a6], [b4, b6]) = (a.families, b.families);
        Pair {
            certain,
            possible: sets.union(a.possible, b.possible),
            one_way: sets.difference(stopped, answered),
            families: [a4 || b4, a6 || b6],
        }
    }
}
