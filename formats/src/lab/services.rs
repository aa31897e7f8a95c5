//! Services: what answers on units' ports, how fast, and what it calls.

use super::at::{At, TextOr};
use super::document::{CallDoc, ServiceDoc, TakesDoc};
use super::reader::Reader;
use crate::text::{suggestion, transport_ports};
use seglab_policy::{
    Arrivals, Need, Patience, Peer, Provenance, RESERVED_WORDS, Selector, Service, Station, Takes, Transport,
};
use std::collections::BTreeMap;

/// Beyond this spread of a lognormal time a number is a slip of the pen: one in 40 values is a factor of 3e8 above the
/// median.
const SIGMA_MAX: f64 = 10.0;

impl Reader<'_> {
    /// The services of a file; from then on selectors may use their names. `taken` are services that there are already.
    pub(super) fn stations(&mut self, docs: &[At<ServiceDoc>], taken: &[Station]) -> Vec<Station> {
        for station in taken {
            self.names.add_segment(&station.name, station.on.clone());
        }
        let stations: Vec<(&At<ServiceDoc>, Station)> =
            docs.iter().filter_map(|doc| Some((doc, self.station(doc)?))).collect();
        // Units that answer on one port in two ways would have two answers.
        let mut answered: BTreeMap<(usize, Transport, u16), String> = BTreeMap::new();
        for station in taken {
            for unit in self.index.select(&station.on) {
                answered.insert((unit, station.protocol, station.port), station.name.clone());
            }
        }
        for (doc, station) in &stations {
            for unit in self.index.select(&station.on) {
                let port = (unit, station.protocol, station.port);
                let Some(other) = answered.insert(port, station.name.clone()) else { continue };
                let name = self.index.units().get(unit).map(|unit| unit.name.clone()).unwrap_or_default();
                let (new, port) = (&station.name, &doc.value.port.value);
                let message = format!("both `{other}` and `{new}` answer on {port} of `{name}`");
                self.notes.error("duplicate-name", *doc, message, "correct the units or the port of one of them");
                break;
            }
        }
        stations.into_iter().map(|(_, station)| station).collect()
    }

    fn station(&mut self, doc: &At<ServiceDoc>) -> Option<Station> {
        let given = &doc.value;
        let on = self.selector(&given.on);
        let port = self.notes.parsed(&given.port, transport_ports(&given.port.value));
        let takes = self.takes(given.takes.as_ref());
        let servers = given.servers.as_ref().map_or(1, |servers| servers.value);
        if let Some(at) = given.servers.as_ref().filter(|_| servers == 0) {
            self.notes.error(
                "invalid-value",
                at,
                "`0` servers answer nobody",
                "give at least 1, or remove the service",
            );
            return None;
        }
        let (protocol, first, last) = port?;
        if first != last {
            let help = "write a service for each port, such as `port: tcp/443`";
            self.notes.error("invalid-value", &given.port, "a service answers on one port", help);
            return None;
        }
        let on = on?;
        self.name_service(doc, &on)?;
        self.warn_if_deaf(doc, &on, protocol, first);
        Some(Station {
            name: given.name.value.clone(),
            on,
            protocol,
            port: first,
            servers,
            queue: given.queue.as_ref().map(|queue| queue.value),
            takes: takes?,
            blocking: given.blocking,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    /// Lets selectors use the service's name, which has to mean one thing.
    fn name_service(&mut self, doc: &At<ServiceDoc>, on: &Selector) -> Option<()> {
        let name = &doc.value.name;
        let taken = if RESERVED_WORDS.contains(&name.value.as_str()) {
            Some("selectors read the word otherwise")
        } else if self.names.is_segment(&name.value) {
            Some("a segment or service is called so already")
        } else if self.names.is_unit(&name.value) && *on != Selector::Named(name.value.clone()) {
            Some("a unit is called so, and it is not what the service is on")
        } else {
            None
        };
        if let Some(why) = taken {
            let message = format!("a service cannot be called `{}`: {why}", name.value);
            self.notes.error("invalid-value", name, message, "choose another name");
            return None;
        }
        self.names.add_segment(&name.value, on.clone());
        Some(())
    }

    /// A service on a port on which its unit does not listen is probably meant to be elsewhere.
    fn warn_if_deaf(&mut self, doc: &At<ServiceDoc>, on: &Selector, protocol: Transport, port: u16) {
        let units = self.index.units();
        let deaf = self.index.select(on).into_iter().filter_map(|at| units.get(at)).find(|unit| {
            !unit.listeners.is_empty() && !unit.listeners.iter().any(|listener| listener.accepts(protocol, port))
        });
        if let Some(unit) = deaf {
            let message = format!("`{}` does not listen on {}", unit.name, doc.value.port.value);
            let help = "correct the port or the units, or add it to what the unit `listens` on";
            self.notes.warning("not-listening", &doc.value.port, message, help);
        }
    }

    fn takes(&mut self, given: Option<&At<TextOr<TakesDoc>>>) -> Option<Takes> {
        let Some(at) = given else { return Some(Takes::Exactly { ns: 0 }) };
        let doc = match &at.value {
            TextOr::Text(text) => {
                return Some(Takes::Exactly { ns: self.duration(&at.with(text.clone()))? });
            }
            TextOr::More(doc) => doc,
        };
        match (&doc.mean, &doc.median, &doc.sigma, &doc.least, &doc.tail) {
            (Some(mean), None, None, None, None) => Some(Takes::Exponential { mean_ns: self.time_above_zero(mean)? }),
            (None, Some(median), Some(sigma), None, None) => {
                let median_ns = self.time_above_zero(median);
                if !(0.0..=SIGMA_MAX).contains(&sigma.value) {
                    let message = format!("`{}` is no spread of a lognormal time", sigma.value);
                    self.notes.error("invalid-value", sigma, message, "give a sigma from 0 to 10");
                    return None;
                }
                Some(Takes::Lognormal { median_ns: median_ns?, sigma: sigma.value })
            }
            (None, None, None, Some(least), Some(tail)) => {
                let least_ns = self.time_above_zero(least);
                if !(tail.value.is_finite() && tail.value > 1.0) {
                    let message = format!("`{}` is no tail of a time with a mean", tail.value);
                    self.notes.error("invalid-value", tail, message, "give a tail above 1, such as 1.5");
                    return None;
                }
                Some(Takes::Pareto { least_ns: least_ns?, tail: tail.value })
            }
            _ => {
                let help = "write `20ms`, `{mean: 20ms}`, `{median: 20ms, sigma: 0.8}` or `{least: 5ms, tail: 1.5}`";
                self.notes.error("invalid-value", at, "this is no distribution of times", help);
                None
            }
        }
    }

    /// The needs of services for each other: each request makes them, and waits.
    pub(super) fn calls(&mut self, docs: &[At<ServiceDoc>], stations: &[Station]) -> Vec<Need> {
        let mut needs = Vec::new();
        for doc in docs {
            let Some(caller) = stations.iter().find(|station| station.name == doc.value.name.value) else { continue };
            needs.extend(doc.value.needs.iter().filter_map(|call| self.call(caller, call, stations)));
        }
        needs
    }

    fn call(&mut self, caller: &Station, given: &At<TextOr<CallDoc>>, stations: &[Station]) -> Option<Need> {
        let (name, patience) = match &given.value {
            TextOr::Text(name) => (given.with(name.clone()), Patience::default()),
            TextOr::More(doc) => (doc.service.clone(), self.patience(&doc.timeout, &doc.retries)?),
        };
        let Some(called) = stations.iter().find(|station| station.name == name.value) else {
            let known = stations.iter().map(|station| station.name.as_str());
            let help = suggestion(&name.value, known)
                .unwrap_or_else(|| "declare it under `services`, or write a need with `synchronous: true`".to_owned());
            self.notes.error("unknown-name", &name, format!("no service is called `{}`", name.value), &help);
            return None;
        };
        Some(Need {
            from: Peer::Units(caller.on.clone()),
            to: Peer::Units(called.on.clone()),
            services: vec![Service::ports(called.protocol, called.port, called.port)],
            arrivals: Arrivals::NEVER,
            synchronous: true,
            answering: Some(caller.name.clone()),
            patience,
            provenance: Provenance::at(self.notes.span(given)),
        })
    }
}
