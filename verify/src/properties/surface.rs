//! `surface`: no unit has more entries, or exits, than so many.
//!
//! Counted are other units, one by one, named external sources, and all external addresses together as one.

use super::{Counterexample, Outcome, Population, Settled, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Hop, Means, VerifyError, a_plain_address};
use crate::header_set::HeaderSet;
use crate::lateral::{Attack, Graph, Origin};
use crate::reach::Verifier;
use crate::shared_set::Sums;
use rustc_hash::FxHashMap;
use seglab_policy::{Connection, Endpoint, Header, Pivot, Selector, Side, UnitId, View};
use std::rc::Rc;

/// Bounds on the entries and exits of units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) entries_max: Option<u32>,
    pub(super) exits_max: Option<u32>,
}

/// Who connects to a unit, or to whom it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// The other units of a class.
    Units(ClassId),
    /// A named external source, by its first endpoint class.
    Source(u32),
    /// External addresses, by the first endpoint class of those that connect.
    External(u32),
}

/// What surface is asked about: of which unit, and which side of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    pub(crate) unit: UnitId,
    /// True: who can connect to the unit. False: to whom it can.
    pub(crate) entries: bool,
    pub(crate) attack: Attack,
    /// Whoever possibly connects counts, too.
    pub(crate) doubtful: bool,
}

/// How many connect to a unit of each class, and to how many it connects.
#[derive(Debug)]
pub(crate) struct Degrees {
    pub(super) entries: Vec<usize>,
    pub(super) exits: Vec<usize>,
}

impl Verifier<'_> {
    pub(super) fn bounded_surface(
        &mut self,
        id: &str,
        attack: Attack,
        units: &Selector,
        bounds: Bounds,
    ) -> Result<Outcome, VerifyError> {
        let classes: Vec<ClassId> = self.selected(units).collect();
        let population = Population { from: self.count(classes.clone()), to: self.engine.design.units().len() };
        let graph = self.graph(Attack { pivot: Pivot::Any, ..attack });
        for &doubtful in graph.doubts() {
            let degrees = self.degrees(&graph, doubtful);
            let Degrees { entries, exits } = &*degrees;
            for &class in &classes {
                for (is_entry, counted, most) in [(true, entries, bounds.entries_max), (false, exits, bounds.exits_max)]
                {
                    let Some(most) = most.map(|most| most as usize) else { continue };
                    let others = counted.get(class.index()).copied().unwrap_or(0);
                    if others <= most {
                        continue;
                    }
                    let unit = self.engine.classes.representative(class);
                    let face = Face { unit, entries: is_entry, attack, doubtful };
                    let parties = self.parties(face);
                    // One more than may be is enough to see.
                    let hops = self.exchanges(face, &parties, most + 1).map_err(|flaw| flaw.into_error(id))?;
                    let verdict = match doubtful {
                        true => unsure(hops),
                        false => Settled::Violated(Counterexample::TooExposed {
                            unit,
                            entries: is_entry,
                            others,
                            at_most: most,
                            hops,
                        }),
                    };
                    return Ok(Outcome { verdict, population });
                }
            }
        }
        Ok(Outcome { verdict: Settled::Holds, population })
    }

    pub(super) fn degrees(&mut self, graph: &Graph, doubtful: bool) -> Rc<Degrees> {
        let degrees = self.degrees.entry((graph.attack, doubtful));
        Rc::clone(
            degrees.or_insert_with(|| {
                Rc::new(Degrees { entries: entries(graph, doubtful), exits: exits(graph, doubtful) })
            }),
        )
    }

    /// The endpoints on the other side of a unit's surface: units, named sources, and whether external addresses are
    /// among them.
    pub(crate) fn others(&mut self, face: Face) -> (Vec<Endpoint>, bool) {
        let parties = self.parties(face);
        let mut others = Vec::new();
        for party in &parties {
            match party {
                Party::Units(class) => {
                    let members = self.engine.classes.members(*class).iter();
                    let members = members.filter(|&&unit| unit != face.unit);
                    others.extend(members.map(|&unit| Endpoint::Unit { unit, interface: 0 }));
                }
                Party::Source(class) => others.extend(self.engine.source_id(*class).map(Endpoint::Source)),
                Party::External(_) => {}
            }
        }
        (others, parties.iter().any(|party| matches!(party, Party::External(_))))
    }

    pub(super) fn parties(&mut self, face: Face) -> Vec<Party> {
        let Face { unit, entries, attack, doubtful } = face;
        let own = self.engine.classes.of(unit);
        let matrix = self.engine.matrix(attack.assume(Side::Source, false));
        let engine = &mut self.engine;
        let (endpoints, counts) = engine.endpoints_of_listening(own, attack.view);
        let mut parties = Vec::new();
        let opens = |(certain, possible): (bool, bool)| if doubtful { possible } else { certain };
        for other in engine.classes.ids() {
            if engine.classes.members(other) == [unit] {
                continue;
            }
            let (theirs, their_counts) = engine.endpoints_of_listening(other, attack.view);
            let open = match entries {
                true => engine.opens(&theirs, &endpoints, counts, &matrix),
                false => engine.opens(&endpoints, &theirs, their_counts, &matrix),
            };
            if opens(open) {
                parties.push(Party::Units(other));
            }
        }
        if entries {
            for source in engine.classes.endpoints.whole_sources() {
                let classes = engine.classes.endpoints.of_source(source);
                if opens(engine.opens(&classes, &endpoints, counts, &matrix)) {
                    parties.push(Party::Source(source));
                }
            }
        }
        for external in engine.classes.endpoints.externals() {
            let open = match entries {
                true => engine.opens(&[external], &endpoints, counts, &matrix),
                false => engine.opens(&endpoints, &[external], None, &matrix),
            };
            if opens(open) {
                parties.push(Party::External(external));
                break;
            }
        }
        parties
    }

    /// One connection with each of the first so many, replayed.
    pub(super) fn exchanges(&mut self, face: Face, parties: &[Party], most: usize) -> Result<Vec<Hop>, Flaw> {
        let mut hops = Vec::new();
        for &party in parties {
            let others: Vec<Option<UnitId>> = match party {
                Party::Units(class) => {
                    let members = self.engine.classes.members(class).iter().copied();
                    members.filter(|&member| member != face.unit).map(Some).collect()
                }
                Party::Source(_) | Party::External(_) => vec![None],
            };
            for other in others.into_iter().take(most - hops.len()) {
                hops.push(self.exchange(face, party, other)?);
            }
        }
        Ok(hops)
    }

    fn exchange(&mut self, face: Face, party: Party, other: Option<UnitId>) -> Result<Hop, Flaw> {
        let design = self.engine.design;
        let interfaces = |unit: UnitId| {
            let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap_or(u16::MAX);
            (0..count).map(move |interface| Endpoint::Unit { unit, interface })
        };
        let mut pairs = Vec::new();
        for own in interfaces(face.unit) {
            match (party, other) {
                (_, Some(unit)) => pairs.extend(interfaces(unit).map(|other| (own, other))),
                (Party::External(class), None) => {
                    let Some(interface) = design.interface(own) else { continue };
                    let all = self.engine.classes.endpoints.addresses(class);
                    let known = design.known_addresses(&interface.space);
                    let free = known.map_or_else(|| all.clone(), |known| all.difference(known));
                    pairs.extend(a_plain_address(&free).map(|address| (own, Endpoint::External(address))));
                }
                (Party::Source(class) | Party::Units(ClassId(class)), None) => {
                    pairs.extend(self.engine.source_id(class).map(|source| (own, Endpoint::Source(source))));
                }
            }
        }
        let assume = face.attack.assume(Side::Source, false);
        for doubtful in [false, true].into_iter().filter(|doubtful| !doubtful || face.doubtful) {
            for &(own, other) in &pairs {
                let (source, destination) = if face.entries { (other, own) } else { (own, other) };
                let probe = Connection { source, destination, header: Header::Other(0) };
                let Some(family) = design.family_of(&probe) else { continue };
                let direct = self.direct(source, destination, assume);
                let arrives = if doubtful { direct.unknown } else { direct.allowed };
                let counted = match (face.attack.view, destination.unit()) {
                    (View::Service, Some(unit)) => {
                        arrives.intersection(&HeaderSet::of_listeners(&design.unit(unit).listeners))
                    }
                    _ => arrives,
                };
                let Some(header) = counted.intersection(&HeaderSet::of_family(family)).witness(family) else {
                    continue;
                };
                let connection = Connection { source, destination, header };
                let evaluation = self.check(&connection, assume, doubtful)?;
                return Ok(Hop::Connection { connection, assume, evaluation, means: Means::Reach });
            }
        }
        Err(Flaw::NoPath)
    }
}

/// For every class, how many connect to one of its units.
fn entries(graph: &Graph, doubtful: bool) -> Vec<usize> {
    let of_units = graph.steps_of_units(doubtful).zip(graph.sizes.iter().copied());
    let units = graph.pool.times(of_units);
    let outside = (0u32..).take(graph.externals).map(|at| Origin::External(graph.first_external + at));
    let outside = graph.pool.times(outside.map(|origin| (graph.steps(origin).get(doubtful), 1)));
    let sources = graph.sources().map(|source| (graph.steps(Origin::Source(source)).get(doubtful), 1));
    let sources = graph.pool.times(sources);
    let times = |of: &FxHashMap<usize, usize>, class: usize| of.get(&class).copied().unwrap_or(0);
    let count = |(class, steps)| {
        // Nobody is their own neighbour.
        times(&units, class) - usize::from(graph.pool.contains(steps, class))
            + times(&sources, class)
            + usize::from(outside.contains_key(&class))
    };
    graph.steps_of_units(doubtful).enumerate().map(count).collect()
}

/// For every class, to how many one of its units connects.
fn exits(graph: &Graph, doubtful: bool) -> Vec<usize> {
    let mut units = Sums::new(&graph.pool, &graph.sizes);
    let mut externals = vec![0; graph.classes];
    externals.resize(graph.classes + graph.externals, 1);
    let mut outside = Sums::new(&graph.pool, &externals);
    let count = |(class, steps)| {
        units.of(steps) - usize::from(graph.pool.contains(steps, class)) + usize::from(outside.of(steps) > 0)
    };
    graph.steps_of_units(doubtful).enumerate().map(count).collect()
}
