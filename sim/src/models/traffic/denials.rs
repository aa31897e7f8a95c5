//! Flows of needs that points deny or report: what raises alarms about units that nobody attacks.
//!
//! A monitor that hears of denials hears of these, too. Their rate follows from needs and policy alone, so that nothing has
//! to be played: a unit's flows come at the rates of its needs and of the requests that it answers, a share of them goes
//! where they are denied, and of each denial, retries included, an alert is raised with the monitor's probability. Bursts,
//! days and fixed times count by their mean rates, ports by the lowest of a range. Flows from or to outside raise no alarm,
//! for there is no unit to look at, or no one port to judge.

use seglab_policy::{Assume, Connection, Header, Service, Transport, Unit, UnitId};

use super::super::enforcement::Enforcement;
use super::{Demand, Traffic, ends, service_header};
use crate::kernel::Probability;

/// A need of more pairs of units is judged by some of each source's destinations.
const PAIRS_MAX: usize = 1 << 20;
/// So many of them, evenly apart.
const LOOKED_AT: usize = 64;

impl Traffic<'_> {
    /// How often each unit's own flows raise an alert, where each denial does with the probability `alert` \[per second\].
    pub(in super::super) fn denials(&self, enforcement: &Enforcement, alert: Probability) -> Vec<f64> {
        let mut rates = vec![0.0; self.design.units().len()];
        if alert == Probability::ZERO || !enforcement.in_force(None, None).reports() {
            return rates;
        }
        let answered = self.requests();
        for (number, demand) in (0u32..).zip(&self.needs).filter(|(_, demand)| demand.begins.is_none()) {
            let attempts = f64::from(demand.need.patience.retries) + 1.0;
            let heard = 1.0 - libm::pow(1.0 - alert.get(), attempts);
            let is_large = demand.from.units.len().saturating_mul(demand.to.units.len()) > PAIRS_MAX;
            let step = if is_large { demand.to.units.len().div_ceil(LOOKED_AT) } else { 1 };
            for &source in &demand.from.units {
                let of_unit = answered.range((source, None)..).take_while(|((unit, _), _)| *unit == source);
                let waited = of_unit.filter(|((unit, pool), _)| self.waits_of(*unit, *pool).contains(&number));
                let rate = demand.need.arrivals.mean_rate_per_second() + waited.map(|(_, rate)| rate).sum::<f64>();
                if let Some(sum) = rates.get_mut(source.index()).filter(|_| rate > 0.0) {
                    *sum += rate * heard * self.denied(enforcement, demand, source, step);
                }
            }
        }
        rates
    }

    /// The share of a unit's flows of a need that points deny or report.
    fn denied(&self, enforcement: &Enforcement, demand: &Demand<'_>, source: UnitId, step: usize) -> f64 {
        let units = &demand.to.units;
        let others = || units.iter().filter(|unit| **unit != source || units.len() == 1);
        let (mut looked_at, mut denied) = (0u64, 0.0);
        for &server in others().step_by(step) {
            let headers = headers(&demand.need.services, self.design.unit(server));
            let ways = ends::ways(self.design, source, server);
            let connections = ways.iter().flat_map(|&(source, destination)| {
                headers.iter().map(move |&header| Connection { source, destination, header })
            });
            let is_heard = |connection: &Connection| {
                enforcement.declared().passage(connection, Assume::business()).is_reportable()
            };
            let all = (ways.len() * headers.len()).max(1) as f64;
            denied += connections.filter(is_heard).count() as f64 / all;
            looked_at += 1;
        }
        // Where a need has destinations outside, too, every other flow goes there.
        let inside = if demand.to.addresses.is_empty() { 1.0 } else { 0.5 };
        inside * denied / looked_at.max(1) as f64
    }
}

/// A header of each of the services, as a unit offers them.
fn headers(services: &[Service], server: &Unit) -> Vec<Header> {
    let of = |service: &Service| match service {
        Service::Ports { .. } => service_header(service),
        Service::Any => server.listeners.first().map_or(Some(Header::to_port(Transport::Tcp, 1)), |listener| {
            Some(Header::to_port(listener.protocol, listener.first))
        }),
        Service::NamedPort { protocol, name } => server
            .named_ports(name)
            .find(|(declared, _)| protocol.is_none_or(|protocol| protocol == *declared))
            .map(|(protocol, port)| Header::to_port(protocol, port)),
        Service::Icmp { kind, code, .. } => {
            Some(Header::Icmp { kind: kind.unwrap_or(8), code: code.unwrap_or_default() })
        }
        Service::Protocol(number) => Some(Header::Other(*number)),
    };
    services.iter().filter_map(of).collect()
}
