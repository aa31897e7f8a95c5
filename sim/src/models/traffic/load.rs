//! What enforcing takes at the rates of needs: processors and memory of agents, the queue and the table of appliances.
//!
//! Nothing is played. Rates are those at which sources open connections and, where units wait for others before they answer,
//! those at which answering makes more of them; connections that are denied count like any other, and every point is at work
//! wherever it is declared. Connections of an appliance come evenly (Poisson). A new one takes as long as the appliance's rate
//! allows, one after the other (M/D/1), and a place in its table for the life of a connection (M/G/K/K). An agent sees the
//! connections of its unit, and holds all rules of its rulebook. Units are where their first interface is.
//!
//! Agents and appliances that are off take nothing. Only appliances on links are spoken of, each as one device.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use seglab_policy::{
    AddressSet, Calibration, Connection, Design, Endpoint, Header, Input, Mode, Place, Placement, PointId, PointKind,
    Transport, UnitId,
};
use serde::{Deserialize, Serialize};

use super::super::queueing;
use super::{Demand, Traffic};

/// What enforcing takes by the rates of needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnforcementLoad {
    /// All agents; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<AgentsLoad>,
    /// Each appliance on links, in the order of the design.
    pub appliances: Vec<ApplianceLoad>,
    /// The numbers that the design says of its points, in place of the calibration's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<GivenLoad>,
}

/// What all agents take together, and what those of the most loaded unit do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentsLoad {
    /// Units with an agent that is not off.
    pub units: u32,
    /// New connections that agents see, one with an agent at both ends twice. [connections per second]
    pub connections_per_second: f64,
    /// Processor cores.
    pub cpu_cores: f64,
    /// Memory. \[bytes\]
    pub memory_bytes: f64,
    /// The unit whose agents take most of a processor; of several the first by name.
    pub most_loaded: UnitLoad,
}

/// What the agents of one unit take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitLoad {
    /// The unit.
    pub unit: String,
    /// New connections of the unit. [connections per second]
    pub connections_per_second: f64,
    /// Processor cores.
    pub cpu_cores: f64,
    /// Memory. \[bytes\]
    pub memory_bytes: f64,
}

/// What one appliance has to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApplianceLoad {
    /// The point.
    pub point: String,
    /// New connections. [connections per second]
    pub connections_per_second: f64,
    /// The share of its time that it works on them; from 1 on there is more to do than can be done.
    pub utilisation: f64,
    /// The share of its table that would be taken if nothing was refused; above 1 there are more connections than places.
    pub table_share: f64,
    /// The share of connections that find the table full. [0 to 1]
    pub refused_share: f64,
    /// How long half of the new connections take through it at most; `None` where there is more to do than can be done. \[ns\]
    pub latency_ns_p50: Option<f64>,
    /// How long 99 % of them take. \[ns\]
    pub latency_ns_p99: Option<f64>,
}

/// A number that a design says of a point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GivenLoad {
    /// The point.
    pub point: String,
    /// The name of the number in a calibration.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Who says so; `None` where the design does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The numbers of a calibration that a load took, and those that the design gave.
#[derive(Default)]
struct Taken {
    inputs: BTreeSet<Input>,
    given: Vec<GivenLoad>,
}

/// The ends of a need's connections at one place: one of them, and how often they open connections as ones that the need also
/// leads to, and as others.
struct Sources {
    one: Endpoint,
    among: f64,
    apart: f64,
}

impl Traffic<'_> {
    /// What enforcing takes, and the numbers of the calibration that this rests on; `None` for a design without agents and
    /// appliances, or without needs.
    pub(in super::super) fn enforcement_load(
        &self,
        calibration: &Calibration,
    ) -> Option<(EnforcementLoad, BTreeSet<Input>)> {
        let design = self.design;
        let is_at_work = |id: &PointId, kind| design.point(*id).kind == kind && design.point(*id).mode != Mode::Off;
        let is_on_links = |id: &PointId| !matches!(design.point(*id).placement, Placement::Units(_));
        let agents: Vec<PointId> =
            design.point_ids().filter(|id| is_at_work(id, PointKind::Agent) && !is_on_links(id)).collect();
        let appliances: Vec<PointId> =
            design.point_ids().filter(|id| is_at_work(id, PointKind::Appliance) && is_on_links(id)).collect();
        if self.needs.is_empty() || (agents.is_empty() && appliances.is_empty()) {
            return None;
        }
        let opened = self.opened();
        let mut taken = Taken::default();
        let agents = self.agents_load(&agents, &opened, calibration, &mut taken);
        let crossing = self.crossing(&appliances, &opened);
        let appliances = appliances.iter().zip(crossing);
        let appliances =
            appliances.map(|(id, rate)| appliance_load(design, *id, rate, calibration, &mut taken)).collect();
        Some((EnforcementLoad { agents, appliances, given: taken.given }, taken.inputs))
    }

    /// How often each source of each need opens a connection; external addresses are one source. [per second]
    pub(super) fn opened(&self) -> Vec<BTreeMap<Option<UnitId>, f64>> {
        let mut opened: Vec<BTreeMap<Option<UnitId>, f64>> = vec![BTreeMap::new(); self.needs.len()];
        let somebody_waits = self.needs.iter().any(|demand| demand.need.synchronous);
        let mut wave: BTreeMap<(UnitId, Option<u32>), f64> = BTreeMap::new();
        for (demand, opened) in self.needs.iter().zip(&mut opened) {
            let rate = demand.need.arrivals.mean_rate_per_second();
            let outside = (!demand.from.addresses.is_empty()).then_some(None);
            for source in demand.from.units.iter().copied().map(Some).chain(outside).filter(|_| rate > 0.0) {
                opened.insert(source, rate);
                if somebody_waits {
                    self.spread(demand, source, rate, &mut wave);
                }
            }
        }
        // No more waves than units, for no unit waits for itself.
        for _ in 0..=self.design.units().len() {
            if wave.is_empty() {
                break;
            }
            let mut next = BTreeMap::new();
            for ((unit, pool), rate) in wave {
                for &number in self.waits_of(unit, pool) {
                    let (demand, opened) = (self.needs.get(number as usize), opened.get_mut(number as usize));
                    if let (Some(demand), Some(opened)) = (demand, opened) {
                        *opened.entry(Some(unit)).or_default() += rate;
                        self.spread(demand, Some(unit), rate, &mut next);
                    }
                }
            }
            wave = next;
        }
        opened
    }

    fn agents_load(
        &self,
        agents: &[PointId],
        opened: &[BTreeMap<Option<UnitId>, f64>],
        calibration: &Calibration,
        taken: &mut Taken,
    ) -> Option<AgentsLoad> {
        let design = self.design;
        let at_units = self.at_units(opened);
        let mut of_units: BTreeMap<UnitId, UnitLoad> = BTreeMap::new();
        for &id in agents {
            let point = design.point(id);
            let Placement::Units(on) = &point.placement else { continue };
            let mut of = |input| taken.number(design, id, input, calibration);
            let (cpu, connection_cpu) = (of(Input::AgentCpu), of(Input::AgentConnectionCpu));
            let (memory, life) = (of(Input::AgentMemory), of(Input::ConnectionLife));
            let (connection_memory, rule_memory) = (of(Input::AgentConnectionMemory), of(Input::AgentRuleMemory));
            let rules: usize = design.rulebook(point.rulebook).tiers.iter().map(|tier| tier.rules.len()).sum();
            for unit in design.select(on) {
                let rate = at_units.get(unit.index()).copied().unwrap_or_default();
                let load = of_units.entry(unit).or_default();
                load.connections_per_second = rate;
                load.cpu_cores += cpu + rate * connection_cpu;
                load.memory_bytes += memory + rate * life * connection_memory + rules as f64 * rule_memory;
            }
        }
        let mut all = AgentsLoad { units: u32::try_from(of_units.len()).unwrap_or(u32::MAX), ..AgentsLoad::default() };
        let mut most: Option<(UnitId, UnitLoad)> = None;
        for (unit, load) in of_units {
            all.connections_per_second += load.connections_per_second;
            all.cpu_cores += load.cpu_cores;
            all.memory_bytes += load.memory_bytes;
            if most.as_ref().is_none_or(|(_, most)| load.cpu_cores > most.cpu_cores) {
                most = Some((unit, load));
            }
        }
        let (unit, load) = most?;
        all.most_loaded = UnitLoad { unit: design.unit(unit).name.clone(), ..load };
        Some(all)
    }

    /// How many connections each unit opens and gets. [per second]
    fn at_units(&self, opened: &[BTreeMap<Option<UnitId>, f64>]) -> Vec<f64> {
        let mut rates = vec![0.0; self.design.units().len()];
        let mut add = |unit: UnitId, rate: f64| {
            if let Some(sum) = rates.get_mut(unit.index()) {
                *sum += rate;
            }
        };
        for (demand, opened) in self.needs.iter().zip(opened) {
            let (units, inside) = (&demand.to.units, 1.0 - outside_share(demand));
            let is_among = |unit: &UnitId| units.binary_search(unit).is_ok();
            let (mut among, mut apart) = (0.0, 0.0);
            for (source, rate) in opened {
                let own = source.filter(is_among);
                // What a unit opens to itself never leaves it.
                let leaves = if own.is_some() && units.len() == 1 { rate * (1.0 - inside) } else { *rate };
                source.iter().for_each(|unit| add(*unit, leaves));
                *(if own.is_some() { &mut among } else { &mut apart }) += rate;
            }
            let all = units.len() as f64;
            for unit in units {
                let own = opened.get(&Some(*unit)).copied().unwrap_or_default();
                let from_others = if all > 1.0 { (among - own) / (all - 1.0) } else { 0.0 };
                add(*unit, inside * (apart / all + from_others));
            }
        }
        rates
    }

    /// How many connections cross each of some points. [per second]
    pub(super) fn crossing(&self, points: &[PointId], opened: &[BTreeMap<Option<UnitId>, f64>]) -> Vec<f64> {
        let mut rates = vec![0.0; points.len()];
        if points.is_empty() {
            return rates;
        }
        let mut crossed: BTreeMap<(Option<Place>, Option<Place>), Vec<usize>> = BTreeMap::new();
        for (demand, opened) in self.needs.iter().zip(opened) {
            let sources = self.sources(demand, opened);
            let destinations = self.destinations(demand);
            let outside = outside_share(demand);
            let all = demand.to.units.len() as f64;
            for (from, source) in &sources {
                for (to, (end, count)) in &destinations {
                    let rate = match to {
                        None => outside * (source.apart + source.among),
                        Some(_) => {
                            let own = if from == to { 1.0 } else { 0.0 };
                            let among = if all > 1.0 { source.among * (count - own) / (all - 1.0) } else { 0.0 };
                            (1.0 - outside) * (source.apart * count / all + among)
                        }
                    };
                    if rate <= 0.0 {
                        continue;
                    }
                    let met = crossed.entry((from.clone(), to.clone())).or_insert_with(|| {
                        let header = Header::to_port(Transport::Tcp, 1);
                        let connection = Connection { source: source.one, destination: *end, header };
                        let met = self.design.crossings(&connection);
                        (0..points.len())
                            .filter(|at| met.iter().any(|(point, ..)| Some(point) == points.get(*at)))
                            .collect()
                    });
                    for at in met {
                        if let Some(sum) = rates.get_mut(*at) {
                            *sum += rate;
                        }
                    }
                }
            }
        }
        rates
    }

    /// Who opens the connections of a need, place by place; outside is no place.
    fn sources(&self, demand: &Demand<'_>, opened: &BTreeMap<Option<UnitId>, f64>) -> BTreeMap<Option<Place>, Sources> {
        let mut sources: BTreeMap<Option<Place>, Sources> = BTreeMap::new();
        for (source, rate) in opened {
            let at = match source {
                Some(unit) => Some((Some(self.place(*unit)), Endpoint::Unit { unit: *unit, interface: 0 })),
                None => first(&demand.from.addresses).map(|address| (None, Endpoint::External(address))),
            };
            let Some((place, one)) = at else { continue };
            let held = sources.entry(place).or_insert(Sources { one, among: 0.0, apart: 0.0 });
            let is_among = source.is_some_and(|unit| demand.to.units.binary_search(&unit).is_ok());
            *(if is_among { &mut held.among } else { &mut held.apart }) += rate;
        }
        sources
    }

    /// To whom a need leads, place by place: one of them, and how many there are.
    fn destinations(&self, demand: &Demand<'_>) -> BTreeMap<Option<Place>, (Endpoint, f64)> {
        let mut destinations: BTreeMap<Option<Place>, (Endpoint, f64)> = BTreeMap::new();
        for &unit in &demand.to.units {
            let one = Endpoint::Unit { unit, interface: 0 };
            destinations.entry(Some(self.place(unit))).or_insert((one, 0.0)).1 += 1.0;
        }
        if let Some(address) = first(&demand.to.addresses) {
            destinations.insert(None, (Endpoint::External(address), 1.0));
        }
        destinations
    }

    /// Where a unit is.
    pub(super) fn place(&self, unit: UnitId) -> Place {
        self.design.unit(unit).interfaces.first().map(|interface| interface.place.clone()).unwrap_or_default()
    }
}

impl Taken {
    /// The number that holds at a point.
    fn number(&mut self, design: &Design, point: PointId, of: Input, calibration: &Calibration) -> f64 {
        let point = design.point(point);
        let value = point.load.input(of, calibration);
        if point.load.given.contains_key(&of) {
            self.given.push(GivenLoad {
                point: point.name.clone(),
                name: of.name().to_owned(),
                value,
                unit: of.measure().unit().to_owned(),
                source: point.load.source.clone(),
            });
        } else {
            self.inputs.insert(of);
        }
        value
    }
}

fn appliance_load(
    design: &Design,
    id: PointId,
    rate: f64,
    calibration: &Calibration,
    taken: &mut Taken,
) -> ApplianceLoad {
    let mut of = |input| taken.number(design, id, input, calibration);
    let (most, places) = (of(Input::ApplianceRate), of(Input::ApplianceTable));
    let (latency, life) = (of(Input::ApplianceLatency), of(Input::ConnectionLife));
    let utilisation = rate / most;
    let within = |share| queueing::waiting_quantile(utilisation, share).map(|waits| (latency + waits / most) * 1e9);
    ApplianceLoad {
        point: design.point(id).name.clone(),
        connections_per_second: rate,
        utilisation,
        table_share: rate * life / places,
        refused_share: queueing::refused_share(rate * life, places as u64),
        latency_ns_p50: within(0.5),
        latency_ns_p99: within(0.99),
    }
}

pub(super) fn first(set: &AddressSet) -> Option<IpAddr> {
    set.ranges().next().map(|(first, _)| first)
}

/// The share of a need's connections that leads outside.
fn outside_share(demand: &Demand<'_>) -> f64 {
    match (demand.to.units.is_empty(), demand.to.addresses.is_empty()) {
        (_, true) => 0.0,
        (true, false) => 1.0,
        (false, false) => 0.5,
    }
}
