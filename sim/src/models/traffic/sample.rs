//! Some of the flows, each looked at when it is used.
//!
//! A week of ten flows a second from sixty units is 360 million flows, which nobody has to watch one by one to learn
//! which share of them breaks. Thinning a Poisson process leaves a Poisson process: each flow is kept with one and the
//! same probability, such that a need has an expected number of sampled flows in a replica, or all of them where it has
//! fewer. So shares are unbiased, and [`NeedResult::one_in`](super::super::NeedResult::one_in) says how many flows each
//! sampled one stands for. Given their number, the times of a Poisson process are even and independent.
//!
//! Each finds the servers on its way in the state that their load gives (see [`super::stations`]), independently. That is
//! exact where the laws of the servers are and nobody gives up; time-outs and retries do not add to the load.

use seglab_policy::{Standing, UnitId};

use crate::kernel::{Draw, Draws, Duration, Name, Technique, Time};

use super::super::enforcement::InForce;
use super::super::purpose::{FLOW, FLOW_COUNT};
use super::super::replica::{Flows, Latency};
use super::super::{CampaignError, poisson};
use super::ends::End;
use super::requests::SILENCE;
use super::{Arrival, Demand, Outcome, Traffic, arrivals};

/// The most flows that one flow may wait for.
const TREE_MAX: u32 = 1_000;

/// The flows of one replica, while they are drawn.
struct Run<'a> {
    traffic: &'a Traffic<'a>,
    enforcement: InForce<'a>,
    /// When each unit was quarantined.
    quarantined: Vec<(UnitId, Time)>,
}

impl Traffic<'_> {
    /// Draws the flows of one replica, need by need.
    pub(in super::super) fn sample(
        &self,
        enforcement: InForce<'_>,
        draws: Draws,
        horizon: Duration,
        quarantines: &[(UnitId, Time)],
    ) -> Result<(Vec<Flows>, Vec<Latency>), CampaignError> {
        let mut quarantined = quarantines.to_vec();
        quarantined.sort_unstable();
        let run = Run { traffic: self, enforcement, quarantined };
        let mut results = Vec::with_capacity(self.needs.len());
        let mut latencies = Vec::with_capacity(self.needs.len());
        for demand in &self.needs {
            let mut flows = Flows::default();
            let mut served: Vec<u64> = Vec::new();
            let share = draws.at(FLOW_COUNT, demand.name, Name::NONE, Technique::NONE, 0).uniform();
            let count = poisson::count(share, demand.sampled, libm::exp(-demand.sampled), u32::MAX);
            for number in 0..count {
                let mut draw = draws.at(FLOW, demand.name, Name::NONE, Technique::NONE, number);
                let at = arrivals::time_at(&demand.need.arrivals, draw.uniform(), horizon);
                if !demand.is_there(enforcement.at(at)) {
                    continue;
                }
                let mut budget = TREE_MAX;
                let Some((outcome, took)) = run.flow(demand, None, at, &mut draw, &mut budget) else {
                    let design = self.design.name().to_owned();
                    return Err(CampaignError::FlowTree { design, most: TREE_MAX });
                };
                flows.tried += 1;
                flows.count(outcome);
                if outcome == Outcome::Delivered {
                    served.push(took.as_nanos());
                }
            }
            results.push(flows);
            latencies.push(Latency::of(served));
        }
        Ok((results, latencies))
    }
}

impl Run<'_> {
    /// One flow of a need, from a unit or from any of the need's sources: what becomes of it, and after how long; `None` if
    /// it waits for too many others.
    fn flow(
        &self,
        demand: &Demand<'_>,
        from: Option<UnitId>,
        at: Time,
        draw: &mut Draw,
        budget: &mut u32,
    ) -> Option<(Outcome, Duration)> {
        let source = match from {
            Some(unit) => End::Unit(unit),
            None if demand.from.is_modelled => demand.from.draw(draw, None),
            None => End::Nobody,
        };
        let mut spent = Duration::ZERO;
        let mut attempt = 0;
        loop {
            let (outcome, took) = self.attempt(demand, source, at, draw, budget)?;
            let timeout = demand.need.patience.timeout_ns.map(Duration::from_nanos);
            let (outcome, took) = match timeout {
                Some(timeout) if took > timeout => {
                    (if outcome == Outcome::Delivered { Outcome::TooSlow } else { outcome }, timeout)
                }
                _ => (outcome, took),
            };
            spent = spent.saturating_add(took);
            if outcome == Outcome::Delivered || attempt == demand.need.patience.retries {
                return Some((outcome, spent));
            }
            attempt += 1;
        }
    }

    fn attempt(
        &self,
        demand: &Demand<'_>,
        source: End<'_>,
        at: Time,
        draw: &mut Draw,
        budget: &mut u32,
    ) -> Option<(Outcome, Duration)> {
        *budget = budget.checked_sub(1)?;
        let is_quarantined = |unit: UnitId| match self.quarantined.binary_search_by_key(&unit, |(unit, _)| *unit) {
            Ok(found) => self.quarantined.get(found).is_some_and(|(_, quarantined)| *quarantined <= at),
            Err(_) => false,
        };
        let (server, pool) = match self.traffic.arrive(self.enforcement.at(at), demand, source, draw, is_quarantined) {
            Arrival::Lost(outcome) => {
                return Some((outcome, demand.need.patience.timeout_ns.map_or(SILENCE, Duration::from_nanos)));
            }
            Arrival::Failed(outcome) => return Some((outcome, Duration::ZERO)),
            Arrival::Delivered { server, pool } => (server, pool),
        };
        let mut took = Duration::ZERO;
        for &at_link in self.traffic.appliances.between(source.unit(), server) {
            let Some(appliance) = self.traffic.appliances.get(at_link) else { continue };
            if self.enforcement.at(at).standing(appliance.point, None) == Standing::Missing {
                continue;
            }
            match appliance.sample(draw) {
                Some(through) => took = took.saturating_add(through),
                None => {
                    let silence = demand.need.patience.timeout_ns.map_or(SILENCE, Duration::from_nanos);
                    return Some((Outcome::TableFull, silence));
                }
            }
        }
        let Some(server) = server else { return Some((Outcome::Delivered, took)) };
        if let Some(pool) = pool.and_then(|pool| self.traffic.pools.get(pool)) {
            match pool.wait(draw) {
                Some(wait) => took = took.saturating_add(wait).saturating_add(pool.takes.sample(draw)),
                None => return Some((Outcome::QueueFull, took)),
            }
        }
        for &number in self.traffic.waits_of(server, pool) {
            let Some(waited) = self.traffic.needs.get(number as usize) else { continue };
            if !waited.is_there(self.enforcement.at(at)) {
                continue;
            }
            let (outcome, further) = self.flow(waited, Some(server), at, draw, budget)?;
            took = took.saturating_add(further);
            if outcome != Outcome::Delivered {
                return Some((outcome.further_on(), took));
            }
        }
        Some((Outcome::Delivered, took))
    }
}
