//! Appliances that connections have to get through, where a design says how much they can do: one queue and one table each.
//!
//! A new connection takes a place in the table for as long as it is tracked, and is dropped where none is free. It waits for
//! its turn, one connection at a time, each for what the appliance's rate allows; then it is through, after as long as one
//! takes that comes alone. Connections that do not arrive anyway leave an appliance alone, and so do all while it has failed
//! open. Units are where their first interface is declared.
//!
//! # Stationary
//! A run starts with the number of connections in the table that Erlang's loss formula has (M/G/K/K), each with an even share
//! of its life left, and with the waiting work of M/D/1, both by the rates of needs, whatever is denied. That is exact for
//! connections that come evenly.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use seglab_policy::{
    Calibration, Connection, Design, Endpoint, Header, Input, Mode, Place, Placement, PointId, PointKind, Transport,
    UnitId,
};

use crate::kernel::{Draw, Duration, Name, Time};

use super::super::queueing;
use super::ends::Ends;
use super::stations::{Law, backlog};
use super::{Traffic, load};

/// An appliance on links of which the design says how much it can do.
pub(super) struct Appliance {
    pub(super) point: PointId,
    pub(super) name: Name,
    /// The work on one connection.
    takes: Duration,
    /// How long one takes that comes alone.
    latency: Duration,
    /// How long one is tracked.
    life: Duration,
    /// How many are.
    places: u64,
    /// How much of its time it works, by rates.
    load: f64,
    /// The share that finds the table full, by rates.
    refused: f64,
    /// How many are tracked, by rates; `None` where tables are too large for a law.
    tracked: Option<Law>,
    tracked_mean: f64,
}

/// All of them, and who meets which.
#[derive(Default)]
pub(super) struct Appliances {
    pub(super) appliances: Vec<Appliance>,
    /// Where each unit is, by number; [`OUTSIDE`] is no place.
    place_of: Vec<u32>,
    crossed: BTreeMap<(u32, u32), Vec<u32>>,
}

/// An appliance in one replica: its queue and its table.
pub(super) struct Device {
    /// When it has done all that has come so far.
    done: Time,
    /// When each tracked connection is let go of, in their order.
    forgotten: VecDeque<Time>,
}

const OUTSIDE: u32 = u32::MAX;

impl Appliances {
    /// The appliances of a design, with what rates say of them.
    pub(super) fn new(traffic: &Traffic<'_>, calibration: &Calibration) -> Self {
        let design = traffic.design;
        let is_limited = |id: &PointId| {
            let point = design.point(*id);
            let is_on_links = !matches!(point.placement, Placement::Units(_));
            point.kind == PointKind::Appliance && is_on_links && point.mode != Mode::Off && !point.load.given.is_empty()
        };
        let points: Vec<PointId> = design.point_ids().filter(is_limited).collect();
        if points.is_empty() {
            return Self::default();
        }
        let rates = traffic.crossing(&points, &traffic.opened());
        let appliances =
            points.iter().zip(rates).map(|(id, rate)| Appliance::new(design, *id, rate, calibration)).collect();
        let mut numbers: BTreeMap<Place, u32> = BTreeMap::new();
        let place_of = design.unit_ids().map(|unit| {
            let next = numbers.len() as u32;
            *numbers.entry(traffic.place(unit)).or_insert(next)
        });
        let mut appliances = Self { appliances, place_of: place_of.collect(), crossed: BTreeMap::new() };
        for demand in &traffic.needs {
            let ends = |ends: &Ends| {
                let mut at: BTreeMap<u32, Endpoint> = BTreeMap::new();
                for &unit in &ends.units {
                    let one = Endpoint::Unit { unit, interface: 0 };
                    at.entry(appliances.place(Some(unit))).or_insert(one);
                }
                at.extend(load::first(&ends.addresses).map(|address| (OUTSIDE, Endpoint::External(address))));
                at
            };
            let (from, to) = (ends(&demand.from), ends(&demand.to));
            for (source_place, source) in &from {
                for (place, destination) in &to {
                    let pair = (*source_place, *place);
                    if appliances.crossed.contains_key(&pair) {
                        continue;
                    }
                    let header = Header::to_port(Transport::Tcp, 1);
                    let connection = Connection { source: *source, destination: *destination, header };
                    let met: BTreeSet<PointId> =
                        design.crossings(&connection).into_iter().map(|(point, ..)| point).collect();
                    let crossed = (0u32..).zip(&points).filter(|(_, point)| met.contains(*point)).map(|(at, _)| at);
                    appliances.crossed.insert(pair, crossed.collect());
                }
            }
        }
        appliances
    }

    /// The appliances between two ends, in the order of the design; no unit is outside.
    pub(super) fn between(&self, from: Option<UnitId>, to: Option<UnitId>) -> &[u32] {
        if self.appliances.is_empty() {
            return &[];
        }
        self.crossed.get(&(self.place(from), self.place(to))).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.appliances.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Appliance> {
        self.appliances.iter()
    }

    pub(super) fn get(&self, appliance: u32) -> Option<&Appliance> {
        self.appliances.get(appliance as usize)
    }

    fn place(&self, unit: Option<UnitId>) -> u32 {
        unit.and_then(|unit| self.place_of.get(unit.index()).copied()).unwrap_or(OUTSIDE)
    }
}

impl Appliance {
    fn new(design: &Design, id: PointId, rate: f64, calibration: &Calibration) -> Self {
        let point = design.point(id);
        let of = |input| point.load.input(input, calibration);
        let seconds = |seconds: f64| Duration::saturating_from_nanos_f64(seconds * 1e9);
        let (most, places, life) = (of(Input::ApplianceRate), of(Input::ApplianceTable), of(Input::ConnectionLife));
        let tracked_mean = rate * life;
        Self {
            point: id,
            name: Name::of_parts([point.name.as_str(), "appliance"]),
            takes: seconds(1.0 / most),
            latency: seconds(of(Input::ApplianceLatency)),
            life: seconds(life),
            places: places as u64,
            load: rate / most,
            refused: queueing::refused_share(tracked_mean, places as u64),
            tracked: u32::try_from(places as u64).ok().and_then(|places| Law::new(tracked_mean, places, 0)),
            tracked_mean,
        }
    }

    /// The state that rates give.
    pub(super) fn start(&self, draw: &mut Draw) -> Device {
        let done = Time::START.saturating_add(self.work(draw));
        let tracked = match &self.tracked {
            Some(law) => law.number(draw.uniform()),
            None => (self.tracked_mean.round() as u64).min(self.places),
        };
        let life = self.life.as_nanos() as f64;
        let mut left: Vec<Time> = (0..tracked)
            .map(|_| Time::START.saturating_add(Duration::saturating_from_nanos_f64(draw.uniform() * life)))
            .collect();
        left.sort_unstable();
        Device { done, forgotten: left.into() }
    }

    /// How long a connection takes that finds the state which rates give; `None` if the table is full.
    pub(super) fn sample(&self, draw: &mut Draw) -> Option<Duration> {
        let is_refused = draw.uniform() < self.refused;
        (!is_refused).then(|| self.work(draw).saturating_add(self.latency))
    }

    /// The work that waits, by rates.
    fn work(&self, draw: &mut Draw) -> Duration {
        backlog(self.load, draw, |draw| {
            Duration::saturating_from_nanos_f64(draw.uniform() * self.takes.as_nanos() as f64)
        })
    }
}

impl Device {
    /// How long a connection takes that comes now; `None` if the table is full.
    pub(super) fn enter(&mut self, appliance: &Appliance, now: Time) -> Option<Duration> {
        while self.forgotten.front().is_some_and(|at| *at <= now) {
            self.forgotten.pop_front();
        }
        if self.forgotten.len() as u64 >= appliance.places {
            return None;
        }
        self.forgotten.push_back(now.saturating_add(appliance.life));
        let turn = self.done.max(now);
        self.done = turn.saturating_add(appliance.takes);
        Some(turn.since(now).saturating_add(appliance.latency))
    }
}
