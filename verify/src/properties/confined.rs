//! Claims that confine connections to a list: `exposed`, `egress-only-to`, `only`, and where no rule allows anything
//! `default-deny`.
//!
//! They are one claim: every connection that is meant, and that can be opened, is listed. It is violated by a
//! connection that certainly arrives, is certainly meant and not possibly listed; it is unknown for one that possibly
//! arrives, is possibly meant and not certainly listed.

use super::stray::{Ends, Search, Stray};
use super::{Counterexample, Outcome, Population, Settled, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Hop, Means, VerifyError, a_plain_address};
use crate::endpoint_class::{Match, address_truth};
use crate::intern::HeaderId;
use crate::lateral::Attack;
use crate::reach::Verifier;
use fixedbitset::FixedBitSet;
use seglab_policy::{
    AddressSet, Assume, Claim, Connection, Covers, Direction, Endpoint, Peer, Selector, Service, Side, UnitId,
};
use std::rc::Rc;

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

/// Every end: the interfaces of each class of units, external addresses, named sources.
#[derive(Debug)]
pub(crate) struct EveryEnd {
    pub(super) ends: Vec<End>,
    /// Their positions, by endpoint class.
    at: Vec<Vec<usize>>,
}

impl EveryEnd {
    /// The positions of the ends at an endpoint class, ascending.
    pub(super) fn at(&self, class: u32) -> &[usize] {
        self.at.get(class as usize).map_or(&[], Vec::as_slice)
    }
}

/// One side of the connections, with the classes of units that it selects, if it is of units.
#[derive(Clone, Debug)]
pub(super) struct Selection<'c> {
    who: Who<'c>,
    classes: FixedBitSet,
}

impl Selection<'_> {
    /// True if every endpoint is one of those that it speaks of.
    pub(super) fn is_of_anyone(&self) -> bool {
        matches!(self.who, Who::Anyone | Who::Peer(Peer::Anyone))
    }
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

    /// What leaves units, or reaches them; `None` of what passes by them.
    pub(super) fn in_direction(direction: Direction, units: &'c Selector) -> Option<Self> {
        match direction {
            Direction::Egress => Some(Between::every(Who::Units(units), Who::Anyone)),
            Direction::Ingress => Some(Between::every(Who::Anyone, Who::Units(units))),
            Direction::Forward => None,
        }
    }
}

/// Connections that are meant, and a list that they are confined to.
#[derive(Clone, Debug)]
pub(super) struct Confined<'c> {
    pub(super) meant: Between<'c>,
    pub(super) listed: Vec<Between<'c>>,
}

impl<'c> Confined<'c> {
    /// What a claim confines to which list; `None` of a claim that confines nothing, and of `default-deny`, which is
    /// asked of another design.
    pub(super) fn of(claim: &'c Claim) -> Option<Self> {
        Some(match claim {
            Claim::Exposed { external, inbound, only, services } => {
                let (every, outside) = (Who::Units(&Selector::Everything), Who::Outside(external));
                let (from, to) = if *inbound { (outside, every) } else { (every, outside) };
                let (listed_from, listed_to) =
                    if *inbound { (Who::Anyone, Who::Units(only)) } else { (Who::Units(only), Who::Anyone) };
                let listed = vec![Between { from: listed_from, to: listed_to, services }];
                Confined { meant: Between::every(from, to), listed }
            }
            Claim::EgressOnlyTo { from, to, services } => {
                let listed = vec![Between { from: Who::Anyone, to: Who::Peer(to), services }];
                Confined { meant: Between::every(Who::Units(from), Who::Anyone), listed }
            }
            Claim::Only { flows, among } => {
                let who = among.as_ref().map_or(Who::Anyone, Who::Units);
                let listed = flows.iter().map(|flow| Between {
                    from: Who::Peer(&flow.from),
                    to: Who::Peer(&flow.to),
                    services: &flow.services,
                });
                Confined { meant: Between::every(who, who), listed: listed.collect() }
            }
            _ => return None,
        })
    }
}

/// An endpoint, by class: one interface of the units of a class, external addresses or a named source.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The endpoint class.
    pub(super) class: u32,
    /// The class of the unit, and the position of the interface.
    pub(super) unit: Option<(ClassId, u16)>,
}

impl Verifier<'_> {
    /// `exposed`, `egress-only-to` and `only`: whether every connection that is meant is listed.
    pub(super) fn settle_confined(&mut self, id: &str, attack: Attack, claim: &Claim) -> Result<Outcome, VerifyError> {
        let confined = Confined::of(claim).ok_or_else(|| Flaw::NoPath.into_error(id))?;
        let verdict = self.confined(id, attack, &confined)?;
        let (from, to) = match claim {
            Claim::Exposed { only, .. } => (only, &Selector::Everything),
            Claim::EgressOnlyTo { from, .. } => (from, &Selector::Everything),
            Claim::Only { among: Some(among), .. } => (among, among),
            _ => (&Selector::Everything, &Selector::Everything),
        };
        let units = |selector: &Selector| self.count(self.selected(selector));
        Ok(Outcome { verdict, population: Population { from: units(from), to: units(to) } })
    }

    /// Whether every connection that is meant, and that can be opened, is listed.
    pub(super) fn confined(
        &mut self,
        id: &str,
        attack: Attack,
        confined: &Confined<'_>,
    ) -> Result<Settled, VerifyError> {
        let mut ends = Ends::new(self, confined);
        let assume = attack.assume(Side::Source, false);
        for doubtful in [false, true] {
            let Some(Stray { from, to, headers, certain }) = Search::new(self, &mut ends, attack, doubtful).first()
            else {
                continue;
            };
            let hop =
                self.shown((from, None), (to, None), headers, assume, !certain).map_err(|flaw| flaw.into_error(id))?;
            return Ok(match doubtful {
                true => unsure(vec![hop]),
                false => Settled::Violated(Counterexample::Reached(vec![hop])),
            });
        }
        Ok(Settled::Holds)
    }

    /// A connection between two ends, replayed; of these units, where they are named.
    pub(super) fn shown(
        &self,
        from: (End, Option<UnitId>),
        to: (End, Option<UnitId>),
        headers: HeaderId,
        assume: Assume,
        doubtful: bool,
    ) -> Result<Hop, Flaw> {
        let family = self.engine.classes.endpoints.get(from.0.class).family;
        let ends = self.concrete(from, to);
        let header = self.engine.sets.get(headers).witness(family);
        let ((source, destination), header) = ends.zip(header).ok_or(Flaw::NoPath)?;
        let connection = Connection { source, destination, header };
        let evaluation = self.check(&connection, assume, doubtful)?;
        Ok(Hop::Connection { connection, assume, evaluation, means: Means::Reach })
    }

    /// Endpoints that stand for two ends: of different units.
    pub(super) fn concrete(
        &self,
        (from, own): (End, Option<UnitId>),
        (to, other): (End, Option<UnitId>),
    ) -> Option<(Endpoint, Endpoint)> {
        let classes = &self.engine.classes;
        let source_unit = own.or_else(|| from.unit.map(|(class, _)| classes.representative(class)));
        let destination_unit = match (other, to.unit) {
            (Some(other), _) => Some(other),
            (None, Some((class, _))) => {
                Some(classes.members(class).iter().copied().find(|&unit| Some(unit) != source_unit)?)
            }
            (None, None) => None,
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

    /// Every end, listed once.
    pub(super) fn every_end(&mut self) -> Rc<EveryEnd> {
        if let Some(known) = &self.every_end {
            return Rc::clone(known);
        }
        let ends = self.ends();
        let mut at: Vec<Vec<usize>> = vec![Vec::new(); self.engine.classes.endpoints.len()];
        for (position, end) in ends.iter().enumerate() {
            at.get_mut(end.class as usize).into_iter().for_each(|at| at.push(position));
        }
        Rc::clone(self.every_end.insert(Rc::new(EveryEnd { ends, at })))
    }

    fn ends(&self) -> Vec<End> {
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

    /// One side of the claim, with the classes of units that it selects.
    pub(super) fn selection<'c>(&self, who: Who<'c>) -> Selection<'c> {
        let classes: Vec<ClassId> = match who {
            Who::Units(selector) | Who::Peer(Peer::Units(selector)) => self.selected(selector).collect(),
            _ => Vec::new(),
        };
        Selection { who, classes: classes.into_iter().map(ClassId::index).collect() }
    }

    /// Whether an end is one of those that a side of the claim speaks of.
    pub(super) fn is(&self, end: End, side: &Selection<'_>) -> Option<Match> {
        if let (Who::Units(_) | Who::Peer(Peer::Units(_)), Some((class, _))) = (side.who, end.unit) {
            return side.classes.contains(class.index()).then_some(Match::Yes);
        }
        let (classes, design) = (&self.engine.classes, self.engine.design);
        let endpoints = &classes.endpoints;
        let family = endpoints.get(end.class).family;
        let source = || design.external_source(self.engine.source_id(end.class)?);
        let address_in = |set: &AddressSet| {
            endpoints.addresses(end.class).ranges().next().is_some_and(|(first, _)| set.contains(first))
        };
        let certainly = |is: bool| is.then_some(Match::Yes);
        match (side.who, end.unit) {
            (Who::Anyone | Who::Peer(Peer::Anyone), _) => Some(Match::Yes),
            (Who::Peer(Peer::Unmodelled(_)), _) => Some(Match::Maybe),
            (Who::Peer(Peer::Units(selector)), _) => {
                certainly(source().is_some_and(|source| selector.matches_source(source)))
            }
            (Who::Units(_), _) | (Who::Outside(_), Some(_)) => None,
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
}
