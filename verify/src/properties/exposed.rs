//! `exposed`: only these units, on these services, connect with the outside.

use super::{Counterexample, Outcome, Population, Settled, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Goal, Replay, Target, VerifyError};
use crate::direct::Engine;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::lateral::{Attack, Origin};
use crate::matrix::Matrix;
use crate::reach::Verifier;
use crate::spread::{By, Limits, Spread};
use seglab_policy::{AddressSet, Listener, Pivot, Property, Selector, Service, Side};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The position of the first end outside that certainly meets a unit, and of the first that possibly does.
type Met = [Option<usize>; 2];

/// Endpoint classes outside of the design.
#[derive(Default)]
struct Outside {
    /// Ascending.
    ends: Vec<(u32, Origin)>,
    /// Their positions, by their kind.
    by_kind: BTreeMap<u32, Vec<usize>>,
}

impl Verifier<'_> {
    pub(super) fn exposed(
        &mut self,
        property: &Property,
        attack: Attack,
        external: &AddressSet,
        inbound: bool,
        only: &Selector,
        services: &[Service],
    ) -> Result<Outcome, VerifyError> {
        let matrix = self.engine.matrix(attack.assume(Side::Source, false));
        let outside = self.outside(external, inbound, &matrix);
        let all: Vec<ClassId> = self.engine.classes.ids().collect();
        let spared: Vec<ClassId> = self.selected(only).collect();
        let mut verdict = Settled::Holds;
        let mut known: BTreeMap<(Rc<[u32]>, HeaderId), Met> = BTreeMap::new();
        let mut forbidden: BTreeMap<(bool, &[Listener]), HeaderId> = BTreeMap::new();
        for (doubtful, &class) in
            [false, true].into_iter().flat_map(|doubtful| all.iter().map(move |at| (doubtful, at)))
        {
            let spared = spared.binary_search(&class).is_ok();
            let listeners = match inbound {
                true => &self.engine.design.unit(self.engine.classes.representative(class)).listeners[..],
                false => &[],
            };
            let counts = *forbidden
                .entry((spared, listeners))
                .or_insert_with(|| self.forbidden(class, spared, services, attack, inbound));
            let units = self.engine.endpoints_of(class);
            let met = *known
                .entry((Rc::clone(&units), counts))
                .or_insert_with(|| self.engine.first_met(&units, &outside, counts, inbound, &matrix));
            let [certain, possible] = met;
            let Some(&(endpoint, origin)) =
                (if doubtful { possible } else { certain }).and_then(|at| outside.ends.get(at))
            else {
                continue;
            };
            let (start, target) = match inbound {
                true => (origin, Target::Class(class)),
                false => (Origin::Unit(class, false), Target::External(endpoint)),
            };
            // One connection, and that is the whole attack.
            let graph = self.graph(Attack { pivot: Pivot::Any, ..attack });
            let limits = Limits { avoid: None, connections_max: Some(0), doubtful };
            let spread = Spread::new(&graph, vec![start], limits);
            let forbidden = self.engine.sets.get(counts).clone();
            let mut replay = Replay::new(self, &graph, &spread, doubtful);
            replay
                .reach(Goal { by: By::Start(0), target }, &|_| forbidden.clone())
                .map_err(|flaw| flaw.into_error(&property.id))?;
            let hops = replay.into_hops();
            verdict = match doubtful {
                true => unsure(hops),
                false => Settled::Violated(Counterexample::Reached(hops)),
            };
            break;
        }
        let population = Population { from: self.count(spared), to: self.count(all) };
        Ok(Outcome { verdict, population })
    }

    /// The endpoint classes of the addresses, and inbound those of named sources that may have any address.
    fn outside(&self, external: &AddressSet, inbound: bool, matrix: &Matrix) -> Outside {
        let endpoints = &self.engine.classes.endpoints;
        let within = |class: u32, set: &AddressSet| {
            endpoints.addresses(class).ranges().next().is_some_and(|(first, _)| set.contains(first))
        };
        let mut addresses: Vec<u32> = endpoints.externals().filter(|&class| within(class, external)).collect();
        // What is open to the internet says more than what is open to addresses that nobody has.
        let internet = AddressSet::internet();
        addresses.sort_by_key(|&class| !within(class, &internet));
        let addresses = addresses.into_iter().map(|class| (class, Origin::External(class)));
        let sources = endpoints
            .sources()
            .filter(|&class| inbound && external.covers_family(endpoints.get(class).family))
            .filter_map(|class| Some((class, Origin::Source(endpoints.of_source(class).first().copied()?))));
        let mut outside = Outside { ends: addresses.chain(sources).collect(), ..Outside::default() };
        for (at, &(end, _)) in outside.ends.iter().enumerate() {
            let kind = if inbound { matrix.sources.of(end) } else { matrix.destinations.of(end) };
            outside.by_kind.entry(kind).or_default().push(at);
        }
        outside
    }

    /// The headers that a unit of the class must not exchange with the outside.
    fn forbidden(
        &mut self,
        class: ClassId,
        spared: bool,
        services: &[Service],
        attack: Attack,
        inbound: bool,
    ) -> HeaderId {
        let unit = self.engine.design.unit(self.engine.classes.representative(class));
        let listeners = if inbound { &unit.listeners[..] } else { &[] };
        let spared = if spared { HeaderSet::of_services(services, listeners) } else { HeaderSet::empty() };
        let forbidden = HeaderSet::full().difference(&spared);
        match inbound {
            true => self.engine.seen(&forbidden, class, attack.view),
            false => self.engine.sets.intern(forbidden),
        }
    }
}

impl Engine<'_> {
    /// The position of the first end outside that certainly exchanges headers that count with one of some endpoint
    /// classes, and of the first that possibly does.
    fn first_met(&mut self, units: &[u32], outside: &Outside, counts: HeaderId, inbound: bool, matrix: &Matrix) -> Met {
        let mut first = [None; 2];
        let mut meet = |open: (bool, bool), at: usize| {
            for (first, open) in first.iter_mut().zip([open.0, open.1]) {
                if open && first.is_none_or(|known| at < known) {
                    *first = Some(at);
                }
            }
        };
        for &unit in units {
            let exceptions = match inbound {
                true => self.exceptions_to(matrix, unit),
                false => self.exceptions_from(matrix, unit),
            };
            let apart = |end: u32| exceptions.binary_search_by_key(&end, |(end, _)| *end).is_ok();
            for (&kind, positions) in &outside.by_kind {
                let arrives = match inbound {
                    true => self.common(matrix, kind, matrix.destinations.of(unit)),
                    false => self.common(matrix, matrix.sources.of(unit), kind),
                };
                let open = self.open(arrives, Some(counts));
                let usual = |at: &usize| outside.ends.get(*at).is_some_and(|(end, _)| !apart(*end));
                if let (true, Some(&at)) = (open.1, positions.iter().find(|at| usual(at))) {
                    meet(open, at);
                }
            }
            for &(end, arrives) in exceptions {
                if let Ok(at) = outside.ends.binary_search_by_key(&end, |(end, _)| *end) {
                    let open = self.open(arrives, Some(counts));
                    meet(open, at);
                }
            }
        }
        first
    }
}
