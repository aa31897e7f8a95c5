//! Claims that confine connections to a list: `exposed`, `egress-only-to`, `only`, and where no rule allows anything
//! `default-deny`.
//!
//! They are one claim: every connection that is meant, and that can be opened, is listed. It is violated by a
//! connection that certainly arrives, is certainly meant and not possibly listed; it is unknown for one that possibly
//! arrives, is possibly meant and not certainly listed.

use super::{Counterexample, Outcome, Population, Settled, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Hop, Means, VerifyError, a_plain_address};
use crate::endpoint_class::{Match, address_truth};
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::lateral::Attack;
use crate::reach::Verifier;
use crate::vocabulary::Interner;
use rustc_hash::FxHashMap;
use seglab_policy::{AddressSet, Assume, Connection, Covers, Endpoint, Flow, Peer, Selector, Service, Side, UnitId};

/// One side of the connections that are meant, or listed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who<'c> {
    /// Every endpoint.
    Anyone,
    /// Units.
    Units(&'c Selector),
    /// External addresses, and named sources that may have any of them.
    Outside(&'c AddressSet),
    /// Whom a peer of a rule would match.
    Peer(&'c Peer),
}

/// Connections, by whom and to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between<'c> {
    pub(super) from: Who<'c>,
    pub(super) to: Who<'c>,
    pub(super) services: &'c [Service],
}

/// The services of connections of which the service does not matter.
const EVERY: &[Service] = &[Service::Any];

impl<'c> Between<'c> {
    pub(super) fn every(from: Who<'c>, to: Who<'c>) -> Self {
        Self { from, to, services: EVERY }
    }
}

/// Connections that are meant, and a list that they are confined to.
#[derive(Clone, Debug)]
pub(super) struct Confined<'c> {
    pub(super) meant: Between<'c>,
    pub(super) listed: Vec<Between<'c>>,
}

/// An endpoint, by class: one interface of the units of a class, external addresses or a named source.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The endpoint class.
    pub(super) class: u32,
    /// The class of the unit, and the position of the interface.
    unit: Option<(ClassId, u16)>,
}

/// How an end matches the sides of what is meant and of each entry of the list.
type Sides = Vec<Option<Match>>;

/// The headers between two ends that are listed, and whether connections between them are meant.
#[derive(Clone, Copy, Debug)]
struct Listed {
    meant: Option<Match>,
    certainly: HeaderId,
    possibly: HeaderId,
}

/// The ends of a verification with what the claim says of them.
struct Ends {
    all: Vec<End>,
    /// By end, the number of its sides as a source, and as a destination.
    as_source: Vec<u32>,
    as_destination: Vec<u32>,
    sources: Interner<Sides>,
    destinations: Interner<Sides>,
    /// By sides, and where services go by names of ports by destination.
    known: FxHashMap<(u32, u32, u32), Listed>,
    names_ports: bool,
}

impl Verifier<'_> {
    /// `exposed`: only these units, on these services, connect with the outside.
    pub(super) fn exposed(
        &mut self,
        id: &str,
        attack: Attack,
        (external, inbound): (&AddressSet, bool),
        (only, services): (&Selector, &[Service]),
    ) -> Result<Outcome, VerifyError> {
        let (every, outside) = (Who::Units(&Selector::Everything), Who::Outside(external));
        let (from, to) = if inbound { (outside, every) } else { (every, outside) };
        let (listed_from, listed_to) =
            if inbound { (Who::Anyone, Who::Units(only)) } else { (Who::Units(only), Who::Anyone) };
        let listed = vec![Between { from: listed_from, to: listed_to, services }];
        let verdict = self.confined(id, attack, &Confined { meant: Between::every(from, to), listed })?;
        let spared: Vec<ClassId> = self.selected(only).collect();
        let population = Population { from: self.count(spared), to: self.engine.design.units().len() };
        Ok(Outcome { verdict, population })
    }

    /// `egress-only-to`: units connect to nobody else.
    pub(super) fn egress_only_to(
        &mut self,
        id: &str,
        attack: Attack,
        from: &Selector,
        to: &Peer,
        services: &[Service],
    ) -> Result<Outcome, VerifyError> {
        let meant = Between::every(Who::Units(from), Who::Anyone);
        let listed = vec![Between { from: Who::Anyone, to: Who::Peer(to), services }];
        let verdict = self.confined(id, attack, &Confined { meant, listed })?;
        let units: Vec<ClassId> = self.selected(from).collect();
        let population = Population { from: self.count(units), to: self.engine.design.units().len() };
        Ok(Outcome { verdict, population })
    }

    /// `only`: what is listed is all that is possible.
    pub(super) fn only(
        &mut self,
        id: &str,
        attack: Attack,
        flows: &[Flow],
        among: Option<&Selector>,
    ) -> Result<Outcome, VerifyError> {
        let who = among.map_or(Who::Anyone, Who::Units);
        let listed = flows.iter().map(|flow| Between {
            from: Who::Peer(&flow.from),
            to: Who::Peer(&flow.to),
            services: &flow.services,
        });
        let confined = Confined { meant: Between::every(who, who), listed: listed.collect() };
        let verdict = self.confined(id, attack, &confined)?;
        let units: Vec<ClassId> = self.selected(among.unwrap_or(&Selector::Everything)).collect();
        let units = self.count(units);
        Ok(Outcome { verdict, population: Population { from: units, to: units } })
    }

    /// Whether every connection that is meant, and that can be opened, is listed.
    pub(super) fn confined(
        &mut self,
        id: &str,
        attack: Attack,
        confined: &Confined<'_>,
    ) -> Result<Settled, VerifyError> {
        let mut ends = self.ends(confined);
        for doubtful in [false, true] {
            let found = self.stray(&mut ends, attack, confined, doubtful);
            let hop = found.map_err(|flaw| flaw.into_error(id))?;
            let Some(hop) = hop else { continue };
            return Ok(match doubtful {
                true => unsure(vec![hop]),
                false => Settled::Violated(Counterexample::Reached(vec![hop])),
            });
        }
        Ok(Settled::Holds)
    }

    /// The first connection that is not listed: ordered by the side that units stand on alone, if one is.
    fn stray(
        &mut self,
        ends: &mut Ends,
        attack: Attack,
        confined: &Confined<'_>,
        doubtful: bool,
    ) -> Result<Option<Hop>, Flaw> {
        let assume = attack.assume(Side::Source, false);
        let matrix = self.engine.matrix(assume);
        let counts = |meant: Option<Match>| meant.is_some_and(|meant| doubtful || meant == Match::Yes);
        let meant = |sides: &Interner<Sides>, of: &[u32]| -> Vec<usize> {
            let is_meant = |at: &usize| {
                let sides = of.get(*at).and_then(|&id| sides.values().get(id as usize));
                counts(sides.and_then(|sides| sides.first().copied().flatten()))
            };
            (0..of.len()).filter(is_meant).collect()
        };
        let from = meant(&ends.sources, &ends.as_source);
        let to = meant(&ends.destinations, &ends.as_destination);
        let by_destination =
            !matches!(confined.meant.from, Who::Units(_)) && matches!(confined.meant.to, Who::Units(_));
        let (outer, inner) = if by_destination { (&to, &from) } else { (&from, &to) };
        for &first in outer {
            for &second in inner {
                let (source, destination) = if by_destination { (second, first) } else { (first, second) };
                let (Some(&from), Some(&to)) = (ends.all.get(source), ends.all.get(destination)) else { continue };
                let arrives = matrix.arrives(from.class, to.class);
                let arriving = if doubtful { arrives.possible } else { arrives.certain };
                if arriving == HeaderId::EMPTY || self.is_itself(from, to) {
                    continue;
                }
                let listed = self.listed(ends, confined, (source, destination));
                if !counts(listed.meant) {
                    continue;
                }
                let spared = if doubtful { listed.certainly } else { listed.possibly };
                let counted = match to.unit {
                    Some((class, _)) => {
                        let headers = self.engine.sets.get(arriving).clone();
                        self.engine.seen(&headers, class, attack.view)
                    }
                    None => arriving,
                };
                let stray = self.engine.sets.difference(counted, spared);
                if stray == HeaderId::EMPTY {
                    continue;
                }
                // Where only the list is in doubt, a connection that certainly arrives shows it best.
                let certain = self.engine.sets.intersection(stray, arrives.certain);
                let shown = if certain == HeaderId::EMPTY { stray } else { certain };
                return self.shown(from, to, shown, assume, certain == HeaderId::EMPTY).map(Some);
            }
        }
        Ok(None)
    }

    /// True of two interfaces that only one unit has: what it sends itself is nobody's business.
    fn is_itself(&self, from: End, to: End) -> bool {
        matches!((from.unit, to.unit), (Some((from, _)), Some((to, _)))
            if from == to && self.engine.classes.members(from).len() == 1)
    }

    /// A connection between two ends, replayed.
    fn shown(&self, from: End, to: End, headers: HeaderId, assume: Assume, doubtful: bool) -> Result<Hop, Flaw> {
        let family = self.engine.classes.endpoints.get(from.class).family;
        let ends = self.concrete(from, to);
        let header = self.engine.sets.get(headers).witness(family);
        let ((source, destination), header) = ends.zip(header).ok_or(Flaw::NoPath)?;
        let connection = Connection { source, destination, header };
        let evaluation = self.check(&connection, assume, doubtful)?;
        Ok(Hop::Connection { connection, assume, evaluation, means: Means::Reach })
    }

    /// Endpoints that stand for two ends: of different units.
    pub(super) fn concrete(&self, from: End, to: End) -> Option<(Endpoint, Endpoint)> {
        let classes = &self.engine.classes;
        let source_unit = from.unit.map(|(class, _)| classes.representative(class));
        let destination_unit = match to.unit {
            Some((class, _)) => Some(classes.members(class).iter().copied().find(|&unit| Some(unit) != source_unit)?),
            None => None,
        };
        let of_unit = |unit: Option<UnitId>, end: End| Some(Endpoint::Unit { unit: unit?, interface: end.unit?.1 });
        let (source, destination) = (of_unit(source_unit, from), of_unit(destination_unit, to));
        let outside = |end: End, other: Option<Endpoint>| {
            if let Some(source) = self.engine.source_id(end.class) {
                return Some(Endpoint::Source(source));
            }
            let space = &self.engine.design.interface(other?)?.space;
            let all = classes.endpoints.addresses(end.class);
            let known = self.engine.design.known_addresses(space);
            let free = known.map_or_else(|| all.clone(), |known| all.difference(known));
            a_plain_address(&free).map(Endpoint::External)
        };
        Some((source.or_else(|| outside(from, destination))?, destination.or_else(|| outside(to, source))?))
    }

    /// Every end: the interfaces of each class of units, external addresses, named sources.
    pub(super) fn every_end(&self) -> Vec<End> {
        let classes = &self.engine.classes;
        let of_unit = |class: ClassId| {
            let interfaces = classes.endpoints.of_unit(classes.representative(class));
            (0u16..).zip(interfaces).map(move |(at, &endpoint)| End { class: endpoint, unit: Some((class, at)) })
        };
        let outside = |class: u32| End { class, unit: None };
        // What is open to the internet says more than what is open to addresses that nobody has.
        let internet = AddressSet::internet();
        let public = |class: u32| {
            let mut ranges = classes.endpoints.addresses(class).ranges();
            ranges.next().is_some_and(|(first, _)| internet.contains(first))
        };
        let mut externals: Vec<u32> = classes.endpoints.externals().collect();
        externals.sort_by_key(|&class| !public(class));
        classes
            .ids()
            .flat_map(of_unit)
            .chain(externals.into_iter().map(outside))
            .chain(classes.endpoints.sources().map(outside))
            .collect()
    }

    /// Every end, with how it matches the sides of the claim.
    fn ends(&self, confined: &Confined<'_>) -> Ends {
        let all = self.every_end();
        let entries = || std::iter::once(&confined.meant).chain(&confined.listed);
        let (mut sources, mut destinations) = (Interner::new(), Interner::new());
        let (mut as_source, mut as_destination) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len()));
        for &end in &all {
            as_source.push(sources.intern(entries().map(|entry| self.is(end, entry.from)).collect()));
            as_destination.push(destinations.intern(entries().map(|entry| self.is(end, entry.to)).collect()));
        }
        let mut services = confined.listed.iter().flat_map(|entry| entry.services);
        let names_ports = services.any(|service| matches!(service, Service::NamedPort { .. }));
        Ends { all, as_source, as_destination, sources, destinations, known: FxHashMap::default(), names_ports }
    }

    /// Whether an end is one of those that a side of the claim speaks of.
    fn is(&self, end: End, who: Who<'_>) -> Option<Match> {
        let (classes, design) = (&self.engine.classes, self.engine.design);
        let endpoints = &classes.endpoints;
        let family = endpoints.get(end.class).family;
        let source = || design.external_source(self.engine.source_id(end.class)?);
        let address_in = |set: &AddressSet| {
            endpoints.addresses(end.class).ranges().next().is_some_and(|(first, _)| set.contains(first))
        };
        let certainly = |is: bool| is.then_some(Match::Yes);
        match (who, end.unit) {
            (Who::Anyone | Who::Peer(Peer::Anyone), _) => Some(Match::Yes),
            (Who::Peer(Peer::Unmodelled(_)), _) => Some(Match::Maybe),
            (Who::Units(selector) | Who::Peer(Peer::Units(selector)), Some((class, _))) => {
                certainly(classes.selected(selector, class, design))
            }
            (Who::Peer(Peer::Units(selector)), None) => {
                certainly(source().is_some_and(|source| selector.matches_source(source)))
            }
            (Who::Units(_), None) | (Who::Outside(_), Some(_)) => None,
            (Who::Outside(set), None) => {
                certainly(if source().is_some() { set.covers_family(family) } else { address_in(set) })
            }
            (Who::Peer(Peer::Addresses { set, covers }), None) => certainly(match source() {
                Some(_) => *covers == Covers::All && set.covers_family(family),
                None => address_in(set),
            }),
            (Who::Peer(Peer::Addresses { covers: Covers::External, .. }), Some(_)) => None,
            (Who::Peer(Peer::Addresses { set, covers: Covers::All }), Some((class, at))) => {
                let id = classes.words.address_sets.id(set)?;
                let interface = design.unit(classes.representative(class)).interfaces.get(usize::from(at))?;
                let truth = address_truth(interface, &classes.words, &classes.atoms, |known| known == id);
                truth.first().map(|(_, matched)| *matched)
            }
        }
    }

    /// What the claim says of connections between two ends, by their positions.
    fn listed(&mut self, ends: &mut Ends, confined: &Confined<'_>, (from, to): (usize, usize)) -> Listed {
        let nothing = Listed { meant: None, certainly: HeaderId::EMPTY, possibly: HeaderId::EMPTY };
        let (Some(&source), Some(&destination)) = (ends.as_source.get(from), ends.as_destination.get(to)) else {
            return nothing;
        };
        let unit = ends.all.get(to).and_then(|end| end.unit).map(|(class, _)| class);
        let named = unit.filter(|_| ends.names_ports).map_or(u32::MAX, |class| class.0);
        if let Some(&known) = ends.known.get(&(source, destination, named)) {
            return known;
        }
        let sides =
            ends.sources.values().get(source as usize).zip(ends.destinations.values().get(destination as usize));
        let Some((source_sides, destination_sides)) = sides else { return nothing };
        let both = source_sides.iter().zip(destination_sides).map(|(from, to)| from.zip(*to).map(|(a, b)| a.min(b)));
        let mut both = both.collect::<Vec<_>>().into_iter();
        let mut listed = Listed { meant: both.next().flatten(), ..nothing };
        let design = self.engine.design;
        let listeners = unit.map_or(&[][..], |class| &design.unit(self.engine.classes.representative(class)).listeners);
        for (entry, matched) in confined.listed.iter().zip(both) {
            let Some(matched) = matched else { continue };
            let headers = self.engine.sets.intern(HeaderSet::of_services(entry.services, listeners));
            listed.possibly = self.engine.sets.union(listed.possibly, headers);
            if matched == Match::Yes {
                listed.certainly = self.engine.sets.union(listed.certainly, headers);
            }
        }
        ends.known.insert((source, destination, named), listed);
        listed
    }
}
