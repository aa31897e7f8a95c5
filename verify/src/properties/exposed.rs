//! `exposed`: only these units, on these services, connect with the outside.

use super::{Counterexample, Outcome, Population, Settled, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Goal, Replay, Target, VerifyError};
use crate::header_set::HeaderSet;
use crate::lateral::{Attack, Origin};
use crate::reach::Verifier;
use crate::spread::{By, Limits, Spread};
use seglab_policy::{AddressSet, Pivot, Property, Selector, Service, Side};

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
        let outside = self.outside(external, inbound);
        let matrix = self.engine.matrix(attack.assume(Side::Source, false));
        let all: Vec<ClassId> = self.engine.classes.ids().collect();
        let spared: Vec<ClassId> = self.selected(only).collect();
        let mut verdict = Settled::Holds;
        'doubt: for doubtful in [false, true] {
            for &class in &all {
                let forbidden = self.forbidden(class, spared.binary_search(&class).is_ok(), services, attack, inbound);
                let counts = self.engine.sets.intern(forbidden.clone());
                let units = self.engine.endpoints_of(class);
                for &(endpoint, origin) in &outside {
                    let (certain, possible) = match inbound {
                        true => self.engine.opens(&[endpoint], &units, Some(counts), &matrix),
                        false => self.engine.opens(&units, &[endpoint], Some(counts), &matrix),
                    };
                    if !(if doubtful { possible } else { certain }) {
                        continue;
                    }
                    let (start, target) = match inbound {
                        true => (origin, Target::Class(class)),
                        false => (Origin::Unit(class, false), Target::External(endpoint)),
                    };
                    // One connection, and that is the whole attack.
                    let graph = self.graph(Attack { pivot: Pivot::Any, ..attack });
                    let limits = Limits { avoid: None, connections_max: Some(0), doubtful };
                    let spread = Spread::new(&graph, vec![start], limits);
                    let mut replay = Replay::new(self, &graph, &spread, doubtful);
                    replay
                        .reach(Goal { by: By::Start(0), target }, &|_| forbidden.clone())
                        .map_err(|flaw| flaw.into_error(&property.id))?;
                    let hops = replay.into_hops();
                    verdict = match doubtful {
                        true => unsure(hops),
                        false => Settled::Violated(Counterexample::Reached(hops)),
                    };
                    break 'doubt;
                }
            }
        }
        let population = Population { from: self.count(spared), to: self.count(all) };
        Ok(Outcome { verdict, population })
    }

    /// The endpoint classes of the addresses, and inbound those of named sources that may have any address.
    fn outside(&self, external: &AddressSet, inbound: bool) -> Vec<(u32, Origin)> {
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
        addresses.chain(sources).collect()
    }

    /// The headers that a unit of the class must not exchange with the outside.
    fn forbidden(
        &mut self,
        class: ClassId,
        spared: bool,
        services: &[Service],
        attack: Attack,
        inbound: bool,
    ) -> HeaderSet {
        let unit = self.engine.design.unit(self.engine.classes.representative(class));
        let listeners = if inbound { &unit.listeners[..] } else { &[] };
        let spared = if spared { HeaderSet::of_services(services, listeners) } else { HeaderSet::empty() };
        let forbidden = HeaderSet::full().difference(&spared);
        if !inbound {
            return forbidden;
        }
        let seen = self.engine.seen(&forbidden, class, attack.view);
        self.engine.sets.get(seen).clone()
    }
}
