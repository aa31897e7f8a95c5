//! The business' own flows: which of them a design or a quarantine breaks, and how long the others take.
//!
//! Every source of a need opens connections by the need's [arrivals](seglab_policy::Arrivals). They go to a destination, a
//! service and a port that are drawn evenly from those of the need, from a source port between 1024 and 65535. External
//! addresses are one source together, and each flow draws one of them. `any` is the units and the internet, one as
//! often as the other. Where the destination has synchronous needs of its own, it opens one flow of each before it answers,
//! and answers only if all of them work. Those flows are part of the first one and count in no need of their own.
//!
//! Needs of releases are opened from when their release goes ahead, and those that end with one until then.
//!
//! Traffic does not influence the attack. It is therefore drawn after it, against the times at which units were quarantined.
//!
//! Two modes say the same, one dearly and one cheaply, and a test holds them to each other:
//! - [`requests`] follows every request, event by event;
//! - [`sample`] looks at some of them, each at the time of its use, and takes the load of servers from rates.

mod appliances;
mod arrivals;
mod denials;
mod ends;
pub(super) mod load;
mod requests;
mod sample;
mod stations;

pub(super) use requests::Requests;

use std::collections::BTreeMap;

use seglab_engine::Decision;
use seglab_policy::{
    Arrivals, Assume, Connection, Design, Need, Refusal, Service, Standing, Station, Transport, UnitId,
};

use crate::kernel::{Draw, Name};

use super::enforcement::{Enforcement, Instant};
use super::replica::Flows;
use super::{CampaignError, Settings, TrafficMode};
use appliances::Appliances;
use ends::{End, Ends, attach, header};
use stations::Pools;

/// The needs of a design, ready to be drawn from.
pub(super) struct Traffic<'a> {
    design: &'a Design,
    needs: Vec<Demand<'a>>,
    /// Stable names of units.
    names: Vec<Name>,
    /// For each unit the synchronous needs that it opens flows of, by position.
    waits_for: Vec<Vec<u32>>,
    /// The same for each pool, with those that are for its station only.
    waits_of_pool: Vec<Vec<u32>>,
    pools: Pools,
    appliances: Appliances,
    rejects: bool,
}

/// One need.
pub(super) struct Demand<'a> {
    need: &'a Need,
    name: Name,
    from: Ends,
    to: Ends,
    /// The position of the release that it begins with, if it is not there from the start.
    pub(super) begins: Option<usize>,
    /// Those of the releases that it ends with.
    ends: Vec<usize>,
    /// What becomes of a flow from each of its units to each, where nothing else is to be drawn.
    links: Option<Vec<Link>>,
    /// The flows of a replica, in expectation.
    pub(super) flows: f64,
    /// Those of them that are sampled.
    pub(super) sampled: f64,
}

/// What becomes of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Quarantined,
    Denied,
    /// For policy that is late.
    Stale,
    Upstream,
    QueueFull,
    TableFull,
    TooSlow,
    Unknown,
}

/// What becomes of a connection that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// It does not arrive, and nobody says so.
    Lost(Outcome),
    /// It does not arrive, and its source knows at once.
    Failed(Outcome),
    /// It arrives: at a unit, or outside.
    Delivered { server: Option<UnitId>, pool: Option<u32> },
}

/// What becomes of a flow between two units while neither is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Lost,
    Failed,
    Unknown,
    Delivered(Option<u32>),
    /// It depends on ports or interfaces.
    Varies,
}

/// So many pairs of units of one need are looked up once.
const LINKS_MAX: usize = 1 << 20;

impl<'a> Traffic<'a> {
    /// The needs of a design.
    pub(super) fn new(
        design: &'a Design,
        enforcement: &Enforcement,
        settings: &Settings,
    ) -> Result<Self, CampaignError> {
        let mut occurrences: BTreeMap<String, u32> = BTreeMap::new();
        let mut needs = Vec::new();
        let releases = design.releases();
        let begun = releases
            .iter()
            .enumerate()
            .flat_map(|(at, release)| release.needs.iter().map(move |need| (Some(at), need)));
        for (begins, need) in design.needs().iter().map(|need| (None, need)).chain(begun) {
            check(need)?;
            let called = need.name();
            let ends = releases.iter().enumerate().filter(|(_, release)| release.ends.contains(&called));
            let ends = ends.map(|(at, _)| at).collect();
            let services: Vec<String> = need.services.iter().map(Service::to_string).collect();
            let text = format!("{} -> {} {}", need.from, need.to, services.join(","));
            let before = occurrences.entry(text.clone()).or_default();
            let name = Name::of_parts([text.as_str(), &before.to_string()]);
            *before += 1;
            let (from, to) = (Ends::new(design, &need.from), Ends::new(design, &need.to));
            let sources = from.units.len() + usize::from(!from.addresses.is_empty());
            let flows = arrivals::expected(&need.arrivals, settings.horizon) * sources as f64;
            let sampled = flows.min(f64::from(settings.flows_per_need));
            needs.push(Demand { need, name, from, to, begins, ends, links: None, flows, sampled });
        }
        let rejects = design.points().iter().any(|point| point.refusal == Refusal::Reject);
        let names = design.units().iter().map(|unit| Name::new(&unit.name)).collect();
        let pools = Pools::new(design)?;
        let (waits_for, waits_of_pool) = waits(design, &needs, &pools);
        let appliances = Appliances::default();
        let mut traffic = Self { design, needs, names, waits_for, waits_of_pool, pools, appliances, rejects };
        if let Some(cycle) = traffic.cycle() {
            return Err(CampaignError::SynchronousCycle { design: design.name().to_owned(), cycle });
        }
        if let Some(calibration) = settings.calibration.as_ref().filter(|_| settings.flows_per_need > 0) {
            traffic.appliances = Appliances::new(&traffic, calibration);
        }
        // Some flows of needs that take no time are judged one by one; to look up all pairs would cost more.
        if settings.flows_per_need == 0 || (traffic.pools.is_empty() && settings.traffic == TrafficMode::Sampled) {
            return Ok(traffic);
        }
        let links: Vec<_> = traffic.needs.iter().map(|demand| traffic.links(enforcement, demand)).collect();
        traffic.needs.iter_mut().zip(links).for_each(|(demand, links)| demand.links = links);
        if !traffic.pools.is_empty() {
            let rates = traffic.rates();
            traffic.pools.load(&rates);
        }
        Ok(traffic)
    }

    /// The needs, in the order of the design.
    pub(super) fn needs(&self) -> &[Demand<'a>] {
        &self.needs
    }

    /// True if some connections take time on their way, or in units.
    pub(super) fn takes_time(&self) -> bool {
        !(self.pools.is_empty() && self.appliances.is_empty())
    }

    /// Each station, the number of its units, and the largest share of its time that one of them is asked to work by rates.
    pub(super) fn stations(&self) -> Vec<(&Station, u32, f64)> {
        let mut stations: Vec<(&Station, u32, f64)> =
            self.design.stations().iter().map(|station| (station, 0, 0.0)).collect();
        for pool in &self.pools.pools {
            if let Some((_, units, load)) = stations.get_mut(pool.station as usize) {
                *units += 1;
                *load = load.max(pool.rate * pool.takes.mean().as_secs_f64() / f64::from(pool.servers));
            }
        }
        stations
    }

    fn unit_name(&self, unit: UnitId) -> Name {
        self.names.get(unit.index()).copied().unwrap_or(Name::NONE)
    }

    /// The synchronous needs that a unit has when it answers at one of its pools, or elsewhere.
    fn waits_of(&self, server: UnitId, pool: Option<u32>) -> &[u32] {
        let waits = match pool {
            Some(pool) => self.waits_of_pool.get(pool as usize),
            None => self.waits_for.get(server.index()),
        };
        waits.map_or(&[], Vec::as_slice)
    }

    /// Where a flow goes that a source opens, and whether it gets there.
    fn arrive(
        &self,
        now: Instant<'_>,
        demand: &Demand<'_>,
        source: End<'_>,
        draw: &mut Draw,
        is_quarantined: impl Fn(UnitId) -> bool,
    ) -> Arrival {
        if !(demand.from.is_modelled && demand.to.is_modelled) {
            return Arrival::Failed(Outcome::Unknown);
        }
        if let (Some(links), Some(from)) = (&demand.links, source.unit())
            && now.is_declared()
            && let Some((at, server)) = demand.to.other_unit(from, draw)
            && let Ok(row) = demand.from.units.binary_search(&from)
        {
            let link = links.get(row * demand.to.units.len() + at).copied().unwrap_or(Link::Varies);
            let arrival = match link {
                Link::Varies => None,
                _ if is_quarantined(from) || is_quarantined(server) => Some(Arrival::Lost(Outcome::Quarantined)),
                Link::Lost => Some(Arrival::Lost(Outcome::Denied)),
                Link::Failed => Some(Arrival::Failed(Outcome::Denied)),
                Link::Unknown => Some(Arrival::Failed(Outcome::Unknown)),
                Link::Delivered(pool) => Some(Arrival::Delivered { server: Some(server), pool }),
            };
            return arrival
                .unwrap_or_else(|| self.arrive_at(now, demand, source, End::Unit(server), draw, is_quarantined));
        }
        let destination = demand.to.draw(draw, source.unit());
        self.arrive_at(now, demand, source, destination, draw, is_quarantined)
    }

    /// Whether a flow gets to where it goes, by interfaces and ports that are drawn.
    fn arrive_at(
        &self,
        now: Instant<'_>,
        demand: &Demand<'_>,
        source: End<'_>,
        destination: End<'_>,
        draw: &mut Draw,
        is_quarantined: impl Fn(UnitId) -> bool,
    ) -> Arrival {
        let Some((source, destination)) = attach(self.design, source, destination, draw) else {
            return Arrival::Lost(Outcome::Denied);
        };
        let header = header(self.design, &demand.need.services, destination, draw);
        if source.unit().is_some_and(&is_quarantined) || destination.unit().is_some_and(&is_quarantined) {
            return Arrival::Lost(Outcome::Quarantined);
        }
        // No header: the service has a name that the destination does not know.
        let Some(header) = header else { return Arrival::Failed(Outcome::Denied) };
        self.judge(now, &Connection { source, destination, header })
    }

    fn judge(&self, now: Instant<'_>, connection: &Connection) -> Arrival {
        match now.flow(connection) {
            Decision::Denied => {
                let stale = now.is_by_staleness(connection, Assume::business());
                let outcome = if stale { Outcome::Stale } else { Outcome::Denied };
                if self.is_rejected(now, connection) { Arrival::Failed(outcome) } else { Arrival::Lost(outcome) }
            }
            Decision::Unknown => Arrival::Failed(Outcome::Unknown),
            Decision::Allowed(_) => {
                let server = connection.destination.unit();
                let pool = server.and_then(|server| self.pools.at(server, connection.header));
                Arrival::Delivered { server, pool }
            }
        }
    }

    /// True if what denies a connection says so. The reference evaluator knows which points it meets.
    fn is_rejected(&self, now: Instant<'_>, connection: &Connection) -> bool {
        if !self.rejects {
            return false;
        }
        // What policy lets through and whose reply is stopped is never answered.
        let judgements = now.evaluate(self.design, connection).judgements;
        for judgement in judgements.iter().filter(|judgement| judgement.stands && !judgement.reply) {
            match now.standing(judgement.point, judgement.at) {
                Standing::Missing => {}
                // What has failed says nothing.
                Standing::Closed => return false,
                Standing::InPlace if judgement.outcomes.deny && !judgement.outcomes.allow => {
                    return self.design.point(judgement.point).refusal == Refusal::Reject;
                }
                Standing::InPlace => {}
            }
        }
        false
    }

    /// What becomes of the flows of a need from each of its units to each, if nothing else decides about it.
    fn links(&self, enforcement: &Enforcement, demand: &Demand<'_>) -> Option<Vec<Link>> {
        let [Service::Ports { protocol, ports, source_ports }] = demand.need.services.as_slice() else { return None };
        let [(first, last)] = ports.ranges() else { return None };
        let (from, to) = (&demand.from, &demand.to);
        let is_plain = first == last && source_ports.ranges() == [(0, u16::MAX)] && to.addresses.is_empty();
        let pairs = from.units.len() * to.units.len();
        if !is_plain || pairs == 0 || pairs > LINKS_MAX || enforcement.looks_at_source_ports() {
            return None;
        }
        let mut links = Vec::with_capacity(pairs);
        for &source in &from.units {
            links.extend(to.units.iter().map(|&server| self.link(enforcement, source, server, (*protocol, *first))));
        }
        Some(links)
    }

    /// What becomes of flows between two units, if it is the same on all ways.
    fn link(
        &self,
        enforcement: &Enforcement,
        source: UnitId,
        server: UnitId,
        (protocol, destination_port): (Transport, u16),
    ) -> Link {
        let header = seglab_policy::Header::to_port(protocol, destination_port);
        let arrivals = ends::ways(self.design, source, server).into_iter().map(|(source, destination)| {
            match self.judge(enforcement.declared(), &Connection { source, destination, header }) {
                Arrival::Lost(_) => Link::Lost,
                Arrival::Failed(Outcome::Unknown) => Link::Unknown,
                Arrival::Failed(_) => Link::Failed,
                Arrival::Delivered { pool, .. } => Link::Delivered(pool),
            }
        });
        arrivals.reduce(|one, other| if one == other { one } else { Link::Varies }).unwrap_or(Link::Lost)
    }

    /// How many requests reach each pool a second.
    fn rates(&self) -> Vec<f64> {
        let mut rates = vec![0.0; self.pools.pools.len()];
        for ((_, pool), rate) in self.requests() {
            if let Some(sum) = pool.and_then(|pool| rates.get_mut(pool as usize)) {
                *sum += rate;
            }
        }
        rates
    }

    /// How many requests reach each unit a second before any release, at a pool or elsewhere, if none is quarantined, refused or
    /// given up: those that sources open, and those that answering makes of them.
    fn requests(&self) -> BTreeMap<(UnitId, Option<u32>), f64> {
        let mut requests: BTreeMap<(UnitId, Option<u32>), f64> = BTreeMap::new();
        // What reaches a unit, at a pool or elsewhere, as one wave of calls after the other.
        let mut wave: BTreeMap<(UnitId, Option<u32>), f64> = BTreeMap::new();
        for demand in self.needs.iter().filter(|demand| demand.begins.is_none()) {
            let rate = demand.need.arrivals.mean_rate_per_second();
            for &source in &demand.from.units {
                self.spread(demand, Some(source), rate, &mut wave);
            }
            if !demand.from.addresses.is_empty() {
                self.spread(demand, None, rate, &mut wave);
            }
        }
        // No more waves than units, for no unit waits for itself.
        for _ in 0..=self.design.units().len() {
            let mut next = BTreeMap::new();
            for ((unit, pool), rate) in wave {
                *requests.entry((unit, pool)).or_default() += rate;
                for &number in self.waits_of(unit, pool) {
                    if let Some(demand) = self.needs.get(number as usize).filter(|demand| demand.begins.is_none()) {
                        self.spread(demand, Some(unit), rate, &mut next);
                    }
                }
            }
            wave = next;
        }
        requests
    }

    /// Adds the rate of a source to where its flows go. Flows of external sources, and of several ports, count as if all
    /// that the need names were allowed.
    fn spread(
        &self,
        demand: &Demand<'_>,
        source: Option<UnitId>,
        rate: f64,
        wave: &mut BTreeMap<(UnitId, Option<u32>), f64>,
    ) {
        if rate <= 0.0 {
            return;
        }
        let row = source.and_then(|unit| demand.from.units.binary_search(&unit).ok());
        let all = demand.to.units.len();
        let own = source.filter(|_| all > 1);
        let others = all - usize::from(own.is_some_and(|unit| demand.to.units.binary_search(&unit).is_ok()));
        let share = rate / others as f64 / if demand.to.addresses.is_empty() { 1.0 } else { 2.0 };
        for (at, &unit) in demand.to.units.iter().enumerate().filter(|(_, unit)| Some(**unit) != own) {
            let link = row.and_then(|row| demand.links.as_ref()?.get(row * all + at).copied());
            let pool = match link {
                Some(Link::Lost | Link::Failed | Link::Unknown) => continue,
                Some(Link::Delivered(pool)) => pool,
                Some(Link::Varies) | None => {
                    demand.need.services.iter().find_map(|service| self.pools.at(unit, service_header(service)?))
                }
            };
            *wave.entry((unit, pool)).or_default() += share;
        }
    }

    /// The units that a unit may have to wait for.
    fn waited_for(&self, unit: UnitId) -> impl Iterator<Item = UnitId> {
        let synchronous = self.needs.iter().filter(|demand| demand.need.synchronous);
        let needs = synchronous.filter(move |demand| demand.from.units.binary_search(&unit).is_ok());
        // A unit's flow to itself is not a wait for another.
        needs.flat_map(|demand| &demand.to.units).copied().filter(move |other| *other != unit)
    }

    /// Units that wait for each other in a circle, by a depth-first search; `None` if there are none.
    fn cycle(&self) -> Option<Vec<String>> {
        let mut left = vec![false; self.design.units().len()];
        for start in self.design.unit_ids() {
            if left.get(start.index()).is_none_or(|left| *left) {
                continue;
            }
            let mut path = vec![(start, self.waited_for(start).collect::<Vec<_>>())];
            let mut entered = std::collections::BTreeSet::from([start]);
            while let Some((unit, next)) = path.last_mut() {
                let unit = *unit;
                let Some(other) = next.pop() else {
                    path.pop();
                    entered.remove(&unit);
                    if let Some(left) = left.get_mut(unit.index()) {
                        *left = true;
                    }
                    continue;
                };
                if entered.contains(&other) {
                    let circle = path.iter().map(|(unit, _)| *unit).skip_while(|unit| *unit != other);
                    return Some(circle.map(|unit| self.design.unit(unit).name.clone()).collect());
                }
                if !left.get(other.index()).is_none_or(|left| *left) {
                    entered.insert(other);
                    path.push((other, self.waited_for(other).collect()));
                }
            }
        }
        None
    }
}

/// The synchronous needs of each unit, and of each pool.
fn waits(design: &Design, needs: &[Demand<'_>], pools: &Pools) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let mut of_unit: Vec<Vec<u32>> = vec![Vec::new(); design.units().len()];
    let mut all: Vec<Vec<u32>> = vec![Vec::new(); design.units().len()];
    for (number, demand) in (0..).zip(needs).filter(|(_, demand)| demand.need.synchronous) {
        for unit in &demand.from.units {
            let lists = [all.get_mut(unit.index()), of_unit.get_mut(unit.index())];
            let lists = lists.into_iter().flatten().take(if demand.need.answering.is_some() { 1 } else { 2 });
            lists.for_each(|list| list.push(number));
        }
    }
    let of_pool = pools.pools.iter().map(|pool| {
        let station = design.stations().get(pool.station as usize).map(|station| station.name.as_str());
        let mine = |number: &u32| {
            let answering = needs.get(*number as usize).and_then(|demand| demand.need.answering.as_deref());
            answering.is_none() || answering == station
        };
        all.get(pool.unit.index()).into_iter().flatten().copied().filter(mine).collect()
    });
    (of_unit, of_pool.collect())
}

/// A header that a service has, if it has one.
fn service_header(service: &Service) -> Option<seglab_policy::Header> {
    match service {
        Service::Ports { protocol, ports, .. } => {
            ports.ranges().first().map(|(first, _)| seglab_policy::Header::to_port(*protocol, *first))
        }
        Service::Any | Service::NamedPort { .. } | Service::Icmp { .. } | Service::Protocol(_) => None,
    }
}

/// Refuses arrivals that no simulation can play.
fn check(need: &Need) -> Result<(), CampaignError> {
    let (from, to) = (need.from.to_string(), need.to.to_string());
    let rate = need.arrivals.mean_rate_per_second();
    let is_playable = match need.arrivals {
        Arrivals::Even { .. } => rate.is_finite() && rate >= 0.0,
        Arrivals::Periodic { every_ns, .. } => every_ns > 0,
        Arrivals::Bursts { length_ns, pause_ns, .. } => rate.is_finite() && rate > 0.0 && length_ns > 0 && pause_ns > 0,
        Arrivals::Daily { swing, .. } => rate.is_finite() && rate > 0.0 && (0.0..=1.0).contains(&swing),
    };
    if is_playable { Ok(()) } else { Err(CampaignError::NeedRate { from, to, rate }) }
}

impl Outcome {
    /// What it is to whoever waited for the one that it befell.
    fn further_on(self) -> Self {
        match self {
            Self::Denied | Self::Stale | Self::Quarantined | Self::Upstream => Self::Upstream,
            other => other,
        }
    }
}

impl Flows {
    /// Counts what became of a flow that was tried.
    fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Quarantined => &mut self.quarantined,
            Outcome::Denied => &mut self.denied,
            Outcome::Stale => &mut self.stale,
            Outcome::Upstream => &mut self.upstream,
            Outcome::QueueFull => &mut self.queue_full,
            Outcome::TableFull => &mut self.table_full,
            Outcome::TooSlow => &mut self.too_slow,
            Outcome::Unknown => &mut self.unknown,
        } += 1;
    }
}

impl Demand<'_> {
    /// The need.
    pub(super) fn need(&self) -> &Need {
        self.need
    }

    /// True if the need is there: its release has gone ahead, and none that it ends with.
    fn is_there(&self, now: Instant<'_>) -> bool {
        self.begins.is_none_or(|release| now.is_live(release)) && !self.ends.iter().any(|release| now.is_live(*release))
    }

    /// True if no source ever opens a flow of its own accord.
    fn is_never(&self) -> bool {
        self.need.arrivals.mean_rate_per_second() <= 0.0
    }
}
