//! Every request, event by event: it is opened, waits for a server, is worked on, calls others, and is answered or given up.
//!
//! # What a request goes through
//! A source opens one by its need's [arrivals](super::arrivals). It is judged at that instant. One that is dropped costs
//! its time-out, or 127 s where it has none (what Linux takes to give up six repeated SYNs); one that is rejected fails at
//! once. One that crosses [appliances](super::appliances) waits there, or is dropped. One that arrives waits for a free server in the order of arrival, and is refused where no place is free. When its
//! own work is done, the unit opens one request for each of its synchronous needs, one after the other, and answers when
//! the last of them is answered, or the first has failed for good. A network takes no time.
//!
//! Who gives up an attempt tries again at once if it may. What was given up is not told so: it is worked on like any other.
//! Requests opened by the horizon are followed to their end, so that every one of them is served or failed.
//!
//! # Draws
//! Everything about one attempt is drawn at one address: the source, the way of needs by which it came about, the number of
//! the source's request, the number of the attempt. So no attempt's luck depends on another's, or on the order of events.

use std::collections::VecDeque;

use seglab_policy::{Standing, UnitId};

use crate::kernel::statistics::Histogram;
use crate::kernel::{Agenda, Draw, Draws, Duration, Model, Name, ScheduleError, Technique, Time};

use super::super::enforcement::InForce;
use super::super::purpose::{APPLIANCE, REQUEST, STATE};
use super::super::replica::{Flows, Latency, StationUse};
use super::appliances::Device;
use super::arrivals::Pace;
use super::ends::End;
use super::{Arrival, Outcome, Traffic};

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Event {
    /// A source opens its next request.
    Open { source: u32 },
    /// A call is tried again.
    Again { call: Ref },
    /// The connection of a call is through so many of the appliances on its way.
    Through { call: Ref, passed: u32 },
    /// The work on a call is done.
    Done { call: Ref },
    /// Whoever waits for a call has waited long enough.
    GivenUp { call: Ref },
}

/// A call, and which of those that were held in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Ref {
    at: u32,
    turn: u32,
}

/// What a time-out does where a need has none: six SYNs repeated after 1, 2, 4 … 64 s.
pub(super) const SILENCE: Duration = Duration::from_secs(127);
/// A latency is known to so many digits.
const DIGITS: u8 = 3;

/// One source of one need.
struct Source {
    demand: u32,
    unit: Option<UnitId>,
    name: Name,
    pace: Pace,
    number: u32,
}

/// One attempt at a request.
#[derive(Clone, Copy)]
struct Call {
    turn: u32,
    phase: Phase,
    demand: u32,
    /// Who waits for it.
    caller: Caller,
    /// The call that this one waits for.
    waits_for: Option<Ref>,
    /// The unit that makes it, where it is one's.
    from: Option<UnitId>,
    /// The unit that answers it.
    server: Option<UnitId>,
    pool: Option<u32>,
    /// The position of the next of the unit's synchronous needs.
    next: u32,
    attempt: u16,
    /// Its source, and the way by which it came about.
    origin: Name,
    way: Name,
    number: u32,
    /// When the first attempt was opened.
    opened: Time,
    /// How long its own work takes.
    work: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No call.
    Free,
    /// It never arrived, and nobody says so.
    Lost(Outcome),
    Queued,
    Worked,
    /// Its own work is done.
    Calling,
}

#[derive(Clone, Copy)]
enum Caller {
    /// The source itself: a request that somebody made.
    Source,
    /// Another call.
    Call(Ref),
    /// Nobody any more, or nobody from the start.
    Nobody,
}

/// The servers of one unit at work.
struct Desk {
    busy: u32,
    queue: VecDeque<u32>,
    /// Until when the sums below are up to date.
    since: Time,
    busy_ns: u64,
    waiting_ns: u64,
    requests: u64,
    refused: u64,
}

/// One replica's requests.
pub(in super::super) struct Requests<'a> {
    traffic: &'a Traffic<'a>,
    enforcement: InForce<'a>,
    draws: Draws,
    horizon: Time,
    /// When each unit was quarantined.
    quarantined: Vec<Time>,
    sources: Vec<Source>,
    calls: Vec<Call>,
    free: Vec<u32>,
    desks: Vec<Desk>,
    /// The appliances at work.
    devices: Vec<Device>,
    flows: Vec<Flows>,
    /// `None` for a number of digits that histograms do not have: never.
    latencies: Vec<Option<Histogram>>,
}

impl<'a> Requests<'a> {
    pub(in super::super) fn new(
        traffic: &'a Traffic<'a>,
        enforcement: InForce<'a>,
        draws: Draws,
        horizon: Time,
        quarantines: &[(UnitId, Time)],
    ) -> Self {
        let mut quarantined = vec![Time::MAX; traffic.design.units().len()];
        for (unit, at) in quarantines {
            if let Some(held) = quarantined.get_mut(unit.index()) {
                *held = *at;
            }
        }
        let desk = |_| Desk {
            busy: 0,
            queue: VecDeque::new(),
            since: Time::START,
            busy_ns: 0,
            waiting_ns: 0,
            requests: 0,
            refused: 0,
        };
        Self {
            traffic,
            enforcement,
            draws,
            horizon,
            quarantined,
            sources: Vec::new(),
            calls: Vec::new(),
            free: Vec::new(),
            desks: traffic.pools.pools.iter().map(desk).collect(),
            devices: traffic
                .appliances
                .iter()
                .map(|one| one.start(&mut draws.at(APPLIANCE, one.name, Name::NONE, Technique::NONE, 0)))
                .collect(),
            flows: vec![Flows::default(); traffic.needs.len()],
            latencies: traffic.needs.iter().map(|_| Histogram::new(DIGITS).ok()).collect(),
        }
    }

    /// Fills the servers as if it had always been going on, and schedules the first request of every source.
    pub(in super::super) fn begin(&mut self, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        for pool in 0..self.desks.len() as u32 {
            self.fill(pool, agenda)?;
        }
        for (number, demand) in (0..).zip(&self.traffic.needs) {
            let units = demand.from.units.iter().copied().map(Some);
            for unit in units.chain((!demand.from.addresses.is_empty()).then_some(None)) {
                if demand.is_never() {
                    continue;
                }
                let name = unit.map_or(demand.name, |unit| self.traffic.unit_name(unit).within(demand.name));
                let (pace, from) = Pace::start(&demand.need.arrivals, self.draws, name);
                self.sources.push(Source { demand: number, unit, name, pace, number: 0 });
                let at = self.sources.len() as u32 - 1;
                let mut draw = self.draws.at(REQUEST, name, Name::NONE, Technique::NONE, u32::MAX);
                self.schedule_source(at, from, &mut draw, agenda)?;
            }
        }
        Ok(())
    }

    /// What came of it.
    pub(in super::super) fn finish(self) -> (Vec<Flows>, Vec<Latency>, Vec<StationUse>) {
        let mut stations = vec![StationUse::default(); self.traffic.design.stations().len()];
        for (desk, pool) in self.desks.iter().zip(&self.traffic.pools.pools) {
            let Some(station) = stations.get_mut(pool.station as usize) else { continue };
            // What has happened since the last change, up to the horizon.
            let rest = self.horizon.since(desk.since).as_nanos();
            station.busy_ns += desk.busy_ns + rest * u64::from(desk.busy);
            station.waiting_ns += desk.waiting_ns + rest * desk.queue.len() as u64;
            station.requests += desk.requests;
            station.refused += desk.refused;
        }
        let latency = |histogram: &Histogram| Latency {
            sum_ns: u64::try_from(histogram.sum()).unwrap_or(u64::MAX),
            p50_ns: histogram.quantile(0.5).unwrap_or_default(),
            p99_ns: histogram.quantile(0.99).unwrap_or_default(),
        };
        (
            self.flows,
            self.latencies.iter().map(|held| held.as_ref().map(latency).unwrap_or_default()).collect(),
            stations,
        )
    }

    /// The state of a pool at the start. What those who are there need further on they will call for; what calls them has
    /// been left out.
    fn fill(&mut self, pool: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(held) = self.traffic.pools.get(pool) else { return Ok(()) };
        let mut draw = self.draws.at(STATE, held.name, Name::NONE, Technique::NONE, 0);
        let ghost = |number: u32, work: Duration, next: u32| Call {
            turn: 0,
            phase: Phase::Queued,
            demand: 0,
            caller: Caller::Nobody,
            waits_for: None,
            from: None,
            server: Some(held.unit),
            pool: Some(pool),
            next,
            attempt: 0,
            origin: held.name,
            way: held.name,
            number,
            opened: Time::START,
            work,
        };
        if held.is_known_by_its_work() {
            let work = held.backlog(&mut draw);
            if !work.is_zero() {
                // Nobody knows how many requests the work is of, so it calls for nothing.
                let at = self.hold(ghost(0, work, u32::MAX));
                self.admit(at, pool, agenda)?;
            }
            return Ok(());
        }
        let present = held.law.as_ref().map_or(0, |law| law.number(draw.uniform()));
        for number in 0..u32::try_from(present).unwrap_or(u32::MAX) {
            let mut draw = self.draws.at(STATE, held.name, Name::NONE, Technique::NONE, number.saturating_add(1));
            let at = self.hold(ghost(number, held.takes.sample(&mut draw), 0));
            self.admit(at, pool, agenda)?;
        }
        Ok(())
    }

    /// Schedules a source's next request, if there is one by the horizon.
    fn schedule_source(
        &mut self,
        at: u32,
        from: Time,
        draw: &mut Draw,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        let Some(source) = self.sources.get_mut(at as usize) else { return Ok(()) };
        let Some(demand) = self.traffic.needs.get(source.demand as usize) else { return Ok(()) };
        let next = source.pace.next(&demand.need.arrivals, from, source.number, draw, self.draws, source.name);
        if next <= self.horizon { agenda.schedule_at(next, Event::Open { source: at }) } else { Ok(()) }
    }

    /// True if a need is there at an instant.
    fn is_there(&self, demand: u32, now: Time) -> bool {
        self.traffic.needs.get(demand as usize).is_some_and(|demand| demand.is_there(self.enforcement.at(now)))
    }

    fn open(&mut self, at: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let now = agenda.now();
        let Some(source) = self.sources.get_mut(at as usize) else { return Ok(()) };
        let (demand, unit, origin, number) = (source.demand, source.unit, source.name, source.number);
        source.number += 1;
        let mut draw = self.draws.at(REQUEST, origin, Name::NONE, Technique::NONE, number);
        self.schedule_source(at, now, &mut draw, agenda)?;
        if !self.is_there(demand, now) {
            return Ok(());
        }
        if let Some(flows) = self.flows.get_mut(demand as usize) {
            flows.tried += 1;
        }
        let call = Call {
            turn: 0,
            phase: Phase::Queued,
            demand,
            caller: Caller::Source,
            waits_for: None,
            from: unit,
            server: None,
            pool: None,
            next: 0,
            attempt: 0,
            origin,
            way: Name::NONE,
            number,
            opened: now,
            work: Duration::ZERO,
        };
        let call = self.hold(call);
        self.attempt(call, &mut draw, agenda)
    }

    /// Puts a call into a place of its own.
    fn hold(&mut self, mut call: Call) -> Ref {
        match self.free.pop() {
            Some(at) => {
                if let Some(held) = self.calls.get_mut(at as usize) {
                    call.turn = held.turn;
                    *held = call;
                }
                Ref { at, turn: call.turn }
            }
            None => {
                call.turn = 0;
                self.calls.push(call);
                Ref { at: self.calls.len() as u32 - 1, turn: 0 }
            }
        }
    }

    /// The call, if it is still there.
    fn call(&mut self, of: Ref) -> Option<&mut Call> {
        self.calls.get_mut(of.at as usize).filter(|call| call.turn == of.turn && call.phase != Phase::Free)
    }

    /// Takes a call out.
    fn release(&mut self, of: Ref) {
        if let Some(call) = self.call(of) {
            call.phase = Phase::Free;
            call.turn = call.turn.wrapping_add(1);
            self.free.push(of.at);
        }
    }

    /// Opens the connection of one attempt.
    fn attempt(&mut self, of: Ref, draw: &mut Draw, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let now = agenda.now();
        let traffic = self.traffic;
        let Some(&mut Call { demand: number, from, .. }) = self.call(of) else { return Ok(()) };
        let Some(demand) = traffic.needs.get(number as usize) else { return Ok(()) };
        let source = from.map_or(End::External(&demand.from.addresses), End::Unit);
        let arrival = traffic.arrive(self.enforcement.at(now), demand, source, draw, |unit| {
            self.quarantined.get(unit.index()).is_some_and(|at| *at <= now)
        });
        let timeout = demand.need.patience.timeout_ns.map(Duration::from_nanos);
        match arrival {
            Arrival::Lost(outcome) => {
                if let Some(call) = self.call(of) {
                    call.phase = Phase::Lost(outcome);
                }
                agenda.schedule_in(timeout.unwrap_or(SILENCE), Event::GivenUp { call: of })
            }
            Arrival::Failed(outcome) => self.settle(of, outcome, agenda),
            Arrival::Delivered { server, pool } => {
                let takes = pool.and_then(|pool| traffic.pools.get(pool)).map(|pool| pool.takes.sample(draw));
                if let Some(call) = self.call(of) {
                    (call.server, call.pool, call.work) = (server, pool, takes.unwrap_or_default());
                }
                if let Some(timeout) = timeout {
                    agenda.schedule_in(timeout, Event::GivenUp { call: of })?;
                }
                self.pass(of, 0, agenda)
            }
        }
    }

    /// The connection of a call comes to the next appliance on its way, or to where it goes.
    fn pass(&mut self, of: Ref, passed: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let (now, traffic) = (agenda.now(), self.traffic);
        let Some(&mut Call { from, server, pool, demand, .. }) = self.call(of) else { return Ok(()) };
        let on_its_way = traffic.appliances.between(from, server);
        for (passed, &at) in (passed + 1..).zip(on_its_way.iter().skip(passed as usize)) {
            let Some(appliance) = traffic.appliances.get(at) else { continue };
            if self.enforcement.at(now).standing(appliance.point, None) == Standing::Missing {
                continue;
            }
            let Some(device) = self.devices.get_mut(at as usize) else { continue };
            if let Some(takes) = device.enter(appliance, now) {
                return agenda.schedule_in(takes, Event::Through { call: of, passed });
            }
            if let Some(call) = self.call(of) {
                call.phase = Phase::Lost(Outcome::TableFull);
            }
            // Where there is a time-out it is on its way already.
            return match traffic.needs.get(demand as usize).and_then(|demand| demand.need.patience.timeout_ns) {
                Some(_) => Ok(()),
                None => agenda.schedule_in(SILENCE, Event::GivenUp { call: of }),
            };
        }
        match pool {
            Some(pool) => self.admit(of, pool, agenda),
            None => self.proceed(of, agenda),
        }
    }

    /// A call finds a server, a place to wait, or neither.
    fn admit(&mut self, of: Ref, pool: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let (now, horizon) = (agenda.now(), self.horizon);
        let Some(kind) = self.traffic.pools.get(pool) else { return Ok(()) };
        let Some(desk) = self.desks.get_mut(pool as usize) else { return Ok(()) };
        desk.keep(now, horizon);
        desk.requests += 1;
        if desk.busy < kind.servers {
            desk.busy += 1;
            let Some(call) = self.call(of) else { return Ok(()) };
            call.phase = Phase::Worked;
            let work = call.work;
            return agenda.schedule_in(work, Event::Done { call: of });
        }
        if desk.queue.len() < kind.room as usize {
            desk.queue.push_back(of.at);
            return Ok(());
        }
        desk.refused += 1;
        self.settle(of, Outcome::QueueFull, agenda)
    }

    /// A server of a pool is free again, and turns to the next call.
    fn turn_to_next(&mut self, pool: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let (now, horizon) = (agenda.now(), self.horizon);
        let Some(desk) = self.desks.get_mut(pool as usize) else { return Ok(()) };
        desk.keep(now, horizon);
        let Some(next) = desk.queue.pop_front() else {
            desk.busy -= 1;
            return Ok(());
        };
        // A call stays in its place as long as it waits, given up or not.
        let Some(call) = self.calls.get_mut(next as usize) else { return Ok(()) };
        call.phase = Phase::Worked;
        let (work, call) = (call.work, Ref { at: next, turn: call.turn });
        agenda.schedule_in(work, Event::Done { call })
    }

    fn done(&mut self, of: Ref, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(call) = self.call(of) else { return Ok(()) };
        if let Some(pool) = call.pool
            && self.traffic.pools.get(pool).is_some_and(|pool| !pool.blocking)
        {
            self.turn_to_next(pool, agenda)?;
        }
        self.proceed(of, agenda)
    }

    /// Makes the next call that the answer waits for, or answers.
    fn proceed(&mut self, of: Ref, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let traffic = self.traffic;
        let (enforcement, now) = (self.enforcement, agenda.now());
        let Some(call) = self.call(of) else { return Ok(()) };
        call.phase = Phase::Calling;
        let waits = call.server.map_or(&[][..], |server| traffic.waits_of(server, call.pool));
        let is_there = |demand: &u32| {
            traffic.needs.get(*demand as usize).is_some_and(|demand| demand.is_there(enforcement.at(now)))
        };
        let mut left = waits.iter().skip(call.next as usize).zip(call.next..);
        let Some((&demand, position)) = left.find(|(demand, _)| is_there(demand)) else {
            return self.settle(of, Outcome::Delivered, agenda);
        };
        call.next = position + 1;
        let need = traffic.needs.get(demand as usize).map_or(Name::NONE, |demand| demand.name);
        let child = Call {
            turn: 0,
            phase: Phase::Queued,
            demand,
            caller: Caller::Call(of),
            waits_for: None,
            from: call.server,
            server: None,
            pool: None,
            next: 0,
            attempt: 0,
            way: need.within(call.way),
            opened: agenda.now(),
            work: Duration::ZERO,
            ..*call
        };
        let child = self.hold(child);
        self.start(child, agenda)
    }

    /// Makes an attempt of a call that is no source's first.
    fn start(&mut self, of: Ref, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(&mut Call { caller, origin, way, number, attempt, .. }) = self.call(of) else { return Ok(()) };
        if let Caller::Call(parent) = caller
            && let Some(parent) = self.call(parent)
        {
            parent.waits_for = Some(of);
        }
        let mut draw = self.draws.at(REQUEST, origin, way, Technique::new(attempt), number);
        self.attempt(of, &mut draw, agenda)
    }

    /// A call is answered or has failed: its server is free, and who waits for it learns of it.
    fn settle(&mut self, of: Ref, outcome: Outcome, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(&mut call) = self.call(of) else { return Ok(()) };
        self.release(of);
        if call.phase == Phase::Calling
            && let Some(pool) = call.pool
            && self.traffic.pools.get(pool).is_some_and(|pool| pool.blocking)
        {
            self.turn_to_next(pool, agenda)?;
        }
        self.report(call, outcome, agenda)
    }

    /// Tells who waits for a call what came of it, or tries again.
    fn report(&mut self, call: Call, outcome: Outcome, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        if matches!(call.caller, Caller::Nobody) {
            return Ok(());
        }
        let retries = self.traffic.needs.get(call.demand as usize).map_or(0, |demand| demand.need.patience.retries);
        if outcome != Outcome::Delivered && u32::from(call.attempt) < retries {
            let again = Call {
                phase: Phase::Queued,
                waits_for: None,
                server: None,
                pool: None,
                next: 0,
                attempt: call.attempt + 1,
                ..call
            };
            let again = self.hold(again);
            // An event of its own, for what fails at once is tried again at once, however often.
            return agenda.schedule_in(Duration::ZERO, Event::Again { call: again });
        }
        match call.caller {
            Caller::Source => {
                if let Some(flows) = self.flows.get_mut(call.demand as usize) {
                    flows.count(outcome);
                }
                if outcome == Outcome::Delivered
                    && let Some(latency) = self.latencies.get_mut(call.demand as usize).and_then(Option::as_mut)
                {
                    let ns = agenda.now().since(call.opened).as_nanos().min(Histogram::VALUE_MAX);
                    // What is above the largest value was just brought below it.
                    let _ = latency.record(ns);
                }
                Ok(())
            }
            Caller::Call(parent) => {
                if let Some(waiting) = self.call(parent) {
                    waiting.waits_for = None;
                }
                match outcome {
                    Outcome::Delivered => self.proceed(parent, agenda),
                    failed => self.settle(parent, failed.further_on(), agenda),
                }
            }
            Caller::Nobody => Ok(()),
        }
    }

    /// Whoever waits for a call waits no longer. The call goes on without them.
    fn give_up(&mut self, of: Ref, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(&mut call) = self.call(of) else { return Ok(()) };
        if matches!(call.caller, Caller::Nobody) {
            return Ok(());
        }
        let outcome = match call.phase {
            Phase::Lost(outcome) => {
                self.release(of);
                outcome
            }
            _ => {
                if let Some(call) = self.call(of) {
                    call.caller = Caller::Nobody;
                }
                self.what_holds_up(of)
            }
        };
        self.report(call, outcome, agenda)
    }

    /// Why a call is not answered yet: what it waits for never arrived, or there is much to do.
    fn what_holds_up(&mut self, of: Ref) -> Outcome {
        let mut at = of;
        while let Some(next) = self.call(at).and_then(|call| call.waits_for) {
            at = next;
        }
        match self.call(at).map(|call| call.phase) {
            Some(Phase::Lost(outcome)) => outcome.further_on(),
            _ => Outcome::TooSlow,
        }
    }
}

impl Desk {
    /// Brings the sums up to date, which end with the horizon.
    #[inline]
    fn keep(&mut self, now: Time, horizon: Time) {
        let until = now.min(horizon);
        let ns = until.since(self.since).as_nanos();
        self.busy_ns += ns * u64::from(self.busy);
        self.waiting_ns += ns * self.queue.len() as u64;
        self.since = until;
    }
}

impl Model for Requests<'_> {
    type Event = Event;
    type Error = ScheduleError;

    fn handle(&mut self, event: Event, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        match event {
            Event::Open { source } => self.open(source, agenda),
            Event::Again { call } => self.start(call, agenda),
            Event::Through { call, passed } => self.pass(call, passed, agenda),
            Event::Done { call } => self.done(call, agenda),
            Event::GivenUp { call } => self.give_up(call, agenda),
        }
    }
}
