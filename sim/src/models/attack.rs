//! The attack and the defence, event by event.
//!
//! # What happens
//! - At time zero the attacker owns one unit of the foothold, drawn anew in every replica. Whoever owns a unit has the
//!   credentials on it, and owns the units that run on it.
//! - Every owned unit [scans](super::scan). An attempt is judged by the enforcement of this instant; the attacker
//!   never asks the policy before. What is already owned is not tried again. Where denials raise no alerts, attempts at
//!   units that no connection could ever take have no effect of any kind; they are neither simulated nor counted.
//! - An attempt that arrives where the pivot model lets the attacker move on works with a probability, after an
//!   exponential time; credentials and vulnerabilities are tried apart from each other. `exploitable` is taken in the
//!   service view: a weakness of a port on which the unit does not listen lets nobody in. If the attacking unit is
//!   quarantined before that time is over, nothing comes of it.
//! - A denied attempt raises an alert with the monitor's probability. Apart from policy, a sensor notices an owned unit
//!   with a probability, after an exponential time. The first alert of a unit leads to its quarantine after an exponential
//!   response time. A quarantined unit neither attempts anything nor is reached; it stays so.
//! - A unit that moves to a host which is owned and at work is owned, too.
//! - When the last owned unit is quarantined, the attack is over.
//!
//! [`probes`] are attempts of which nothing can come but an alert: they are played only as far as they matter.
//!
//! Where the design says more, more happens: [`craft`] tells which weaknesses are there, and what they give; [`strategy`]
//! what the attacker tries first; [`triage`] who looks at alerts. Nothing of it draws anything where the design is silent.
//! - With an account (`user`) a unit is owned; what takes all of it (`root`) waits for an escalation, or for an exploit that
//!   gives it. A critical unit is taken when all of it is.
//! - A credential is of use as long as the attacker holds a place where it lies, and from then on until it is changed.
//! - Quarantine cuts established connections, or lets go on what was under way.
//!
//! # What is not modelled
//! Cleaning, and the host of a quarantined unit, which stays as it is.

mod attempt;
mod craft;
mod entry;
mod keys;
mod loot;
mod nearness;
mod path;
mod probes;
mod prospects;
mod strategy;
mod triage;

use std::collections::BTreeMap;

pub(super) use attempt::without_tampering;
pub(super) use craft::Craft;
pub(super) use nearness::Compass;
pub use path::{PathError, Step, follow};
pub(super) use prospects::Prospects;
pub(super) use triage::{Alarms, Desk};

use seglab_policy::{
    Conduct, Endpoint, EnforcementPoint, Pivot, Placement, PointId, PointKind, Privilege, Strategy, Trust, UnitId,
};

use crate::kernel::statistics::Fate;
use crate::kernel::{Agenda, Draws, Duration, Model, Name, Probability, Purpose, ScheduleError, Technique, Time};

use super::Search;
use super::enforcement::InForce;
use super::network::Network;
use super::purpose::{RESPONSE, SENSOR};
use super::replica::{Course, Replica, Settled, TraceAction, TraceEntry};
use super::scan::{Scan, Visit};
use keys::Keys;
use triage::Cases;

/// What one replica's attack is played with.
#[derive(Clone, Copy)]
pub(super) struct Board<'a> {
    pub(super) network: &'a Network<'a>,
    pub(super) enforcement: InForce<'a>,
    pub(super) offence: &'a Offence,
    pub(super) defence: &'a Defence,
    pub(super) draws: Draws,
    /// The critical units, by name.
    pub(super) critical: &'a [UnitId],
    /// By what is told how near the attack has come to its goal; `None` where nobody asks.
    pub(super) compass: Option<&'a Compass>,
    /// What units could ever take; `None` where every attempt is played.
    pub(super) prospects: Option<&'a Prospects>,
}

/// An attacker, checked.
pub(super) struct Offence {
    pub(super) name: String,
    /// Where it may start.
    pub(super) footholds: Vec<UnitId>,
    pub(super) scan: Scan,
    pub(super) exploit: Chance,
    pub(super) login: Chance,
    pub(super) pivot: Pivot,
    pub(super) trust: Trust,
    pub(super) search: Search,
    pub(super) strategy: Strategy,
    /// The mean time between two attempts of one unit.
    pub(super) pause: Duration,
    pub(super) craft: Craft,
    /// The credentials that it has before it begins, by number.
    pub(super) credentials: Vec<u32>,
    pub(super) conduct: Conduct,
    /// Endpoints on the internet that rules may tell apart; empty where they are of no use.
    pub(super) outside: Vec<Endpoint>,
}

/// Whether something works, and how long it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    pub(super) probability: Probability,
    pub(super) mean: Duration,
}

/// A monitor, checked, with what is off set to never.
pub(super) struct Defence {
    pub(super) denied_alert: Probability,
    pub(super) sensor: Chance,
    pub(super) response_mean: Duration,
    /// Who looks at alerts; `None` if every alert is answered.
    pub(super) desk: Option<Desk>,
    pub(super) spares_established: bool,
    /// The mean time between two changes of a credential.
    pub(super) rotation: Option<Duration>,
}

/// The state of an attack.
#[derive(Clone)]
pub(super) struct Attack<'a> {
    board: Board<'a>,
    /// For each unit its position in `owned`, or [`CLEAN`].
    numbers: Vec<u32>,
    owned: Vec<Owned>,
    keys: Keys,
    /// Owned units that are not quarantined.
    active: u32,
    /// The last of them that was taken, if only that one works.
    front: u32,
    /// Attempts that work and are not through.
    under_way: u32,
    quarantined: u32,
    /// When each unit stopped working for those who need it, in this order.
    outages: Vec<(UnitId, Time)>,
    /// When the attack came to its end.
    over: Option<Time>,
    cases: Cases,
    /// Points that are void everywhere, for their controller is the attacker's; ascending.
    void_points: Vec<PointId>,
    /// How near the goal it has been, where there is a compass.
    nearness: f64,
    replica: Replica,
    trace: Option<Vec<TraceEntry>>,
}

/// What became of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Clean,
    /// With its position in [`Attack::owned`].
    Owned(u32),
    Quarantined,
}

/// The number of a unit that was never owned.
const CLEAN: u32 = u32::MAX;

/// A unit that is or was owned.
#[derive(Clone)]
struct Owned {
    unit: UnitId,
    /// The owned unit from which it was taken, by number.
    by: Option<u32>,
    taken: Time,
    /// When all of it was.
    rooted: Option<Time>,
    quarantined: Option<Time>,
    alerted: bool,
    /// The windows that were opened.
    windows: u32,
    /// No window is to come, for nothing is left to take.
    is_idle: bool,
    /// The visits of the window that are still to come, the next one last.
    visits: Vec<Visit>,
    /// Probes that would be noticed, so far.
    probes: u32,
    /// Positions of targets that it could take beside those that all units of its kind could, and since when: its host and
    /// its guests since it was owned, what credentials open since the attacker had them. Empty where every visit is played.
    opened: BTreeMap<u32, Time>,
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The next window of a unit's scan opens.
    Window { owned: u32 },
    /// The next visit of a unit's window is due.
    Visit { owned: u32 },
    /// A visit is due to a target that was opened in the middle of a window.
    LateVisit { owned: u32, target: u32, visit: u32 },
    /// An owned unit probes a target that it can never take, and is noticed if that is denied.
    Probe { owned: u32 },
    /// An attempt that works is through.
    Taken { unit: UnitId, by: u32, gives: Privilege },
    /// An account on an owned unit becomes all of it.
    Climbed { owned: u32 },
    /// What lies on an owned critical unit has left it through another.
    Exfiltrated { owned: u32, through: u32 },
    /// An owned unit tries the critical unit at this position.
    Aim { owned: u32, at: u32 },
    /// Ransomware strikes.
    Strike,
    /// The sensor notices a unit.
    Noticed { unit: UnitId },
    /// The response to a unit's first alert is there.
    Quarantine { unit: UnitId },
    /// A unit has moved, perhaps to another host.
    Moved { unit: UnitId },
    /// An alarm is raised about a unit for nothing.
    Alarm { unit: UnitId },
    /// An analyst is done with a unit's case.
    Looked { unit: UnitId, misses: bool },
}

impl Chance {
    /// How long it takes, if it works.
    fn draw(
        self,
        draws: Draws,
        purpose: Purpose,
        who: [Name; 2],
        technique: Technique,
        attempt: u32,
    ) -> Option<Duration> {
        let mut draw = draws.at(purpose, who[0], who[1], technique, attempt);
        draw.bernoulli(self.probability).then(|| draw.exponential(self.mean))
    }
}

impl<'a> Attack<'a> {
    pub(super) fn new(board: Board<'a>, number: u32, traced: bool) -> Self {
        let critical = board.critical.iter().map(|_| Settled::default()).collect();
        Self {
            board,
            numbers: vec![CLEAN; board.network.design.units().len()],
            owned: Vec::new(),
            keys: Keys::new(board.network.credentials()),
            active: 0,
            front: 0,
            under_way: 0,
            quarantined: 0,
            outages: Vec::new(),
            over: None,
            cases: Cases::default(),
            void_points: Vec::new(),
            nearness: 0.0,
            replica: Replica { number, critical, ..Replica::default() },
            trace: traced.then(Vec::new),
        }
    }

    /// The attacker takes the foothold.
    pub(super) fn begin(&mut self, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        for &credential in &self.board.offence.credentials {
            self.keys.find(credential);
            self.lose_sight_of(credential, agenda.now());
        }
        self.open_desk(agenda)?;
        self.schedule_strike(agenda)?;
        for (at, unit) in self.board.enforcement.rehosted() {
            agenda.schedule_at(at, Event::Moved { unit })?;
        }
        if self.board.offence.conduct.exfiltration.is_some() {
            self.replica.exfiltrated = self.replica.critical.clone();
        }
        self.enter(agenda)
    }

    /// The outcome at the end of the replica, and what was traced.
    pub(super) fn finish(mut self, horizon: Time) -> (Replica, Vec<(UnitId, Time)>, Vec<TraceEntry>) {
        self.count_unnoticed(horizon);
        for settled in self.replica.critical.iter_mut().filter(|settled| settled.fate != Fate::Event) {
            *settled = match self.over {
                Some(at) => Settled { at, fate: Fate::Competitor },
                None => Settled { at: horizon, fate: Fate::Censored },
            };
        }
        for settled in self.replica.exfiltrated.iter_mut().filter(|settled| settled.fate != Fate::Event) {
            *settled = Settled { at: horizon, fate: Fate::Censored };
        }
        if self.replica.detection.fate != Fate::Event {
            self.replica.detection = Settled { at: horizon, fate: Fate::Censored };
        }
        (self.replica, self.outages, self.trace.unwrap_or_default())
    }

    fn state(&self, unit: UnitId) -> State {
        match self.numbers.get(unit.index()) {
            Some(&CLEAN) => State::Clean,
            Some(&number) if self.ever_owned(unit).is_some_and(|owned| owned.quarantined.is_none()) => {
                State::Owned(number)
            }
            _ => State::Quarantined,
        }
    }

    /// A unit as it was owned, if it ever was.
    fn ever_owned(&self, unit: UnitId) -> Option<&Owned> {
        self.owned.get(*self.numbers.get(unit.index())? as usize)
    }

    fn ever_owned_mut(&mut self, unit: UnitId) -> Option<&mut Owned> {
        self.owned.get_mut(*self.numbers.get(unit.index())? as usize)
    }

    /// The owned unit with this number, if it is still at work.
    fn at_work(&self, owned: u32) -> Option<&Owned> {
        let held = self.owned.get(owned as usize)?;
        (self.state(held.unit) == State::Owned(owned)).then_some(held)
    }

    fn note(&mut self, at: Time, action: TraceAction) {
        if let Some(trace) = &mut self.trace {
            trace.push(TraceEntry { at, action });
        }
    }

    /// Takes a unit and all that runs on it, with an account or all of it.
    fn take(
        &mut self,
        unit: UnitId,
        by: Option<UnitId>,
        gives: Privilege,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        let mut falling = vec![(unit, by)];
        while let Some((unit, by)) = falling.pop() {
            match self.state(unit) {
                State::Clean => self.own(unit, by, gives, agenda)?,
                State::Owned(_) if gives == Privilege::Root => self.climb(unit, true, agenda)?,
                State::Owned(_) | State::Quarantined => {}
            }
            // Guests of a unit that was owned before fell with it; this is for those of units that fall now.
            let guests = self.board.enforcement.at(agenda.now()).guests(self.board.network, unit);
            falling.extend(guests.into_iter().rev().map(|guest| (guest, Some(unit))));
        }
        self.step(agenda.now());
        self.strike_if_enough(agenda);
        self.look_at_compass(agenda);
        Ok(())
    }

    /// A unit that has come to run on an owned one falls.
    fn moved(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let now = self.board.enforcement.at(agenda.now());
        match now.host_of(self.board.network.design, unit) {
            Some(host) if matches!(self.state(host), State::Owned(_)) => {
                let gives = if self.has_root(host) { Privilege::Root } else { Privilege::User };
                self.take(unit, Some(host), gives, agenda)
            }
            _ => Ok(()),
        }
    }

    fn own(
        &mut self,
        unit: UnitId,
        by: Option<UnitId>,
        gives: Privilege,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        let now = agenda.now();
        let number = self.owned.len() as u32;
        if let Some(held) = self.numbers.get_mut(unit.index()) {
            *held = number;
        }
        let by_number = by.and_then(|by| match self.state(by) {
            State::Owned(number) => Some(number),
            State::Clean | State::Quarantined => None,
        });
        self.owned.push(Owned {
            unit,
            by: by_number,
            taken: now,
            rooted: None,
            quarantined: None,
            alerted: false,
            windows: 0,
            is_idle: false,
            visits: Vec::new(),
            probes: 0,
            opened: BTreeMap::new(),
        });
        self.active += 1;
        self.front = number;
        self.note(now, TraceAction::Taken { unit, by, gives });
        self.look_around(number, agenda)?;
        self.use_unit(unit, false, agenda)?;
        match gives {
            Privilege::Root => self.climb(unit, false, agenda)?,
            Privilege::User => {
                let name = self.board.network.name(unit);
                if let Some(delay) = self.board.offence.craft.escalation(unit, name, self.board.draws) {
                    agenda.schedule_in(delay, Event::Climbed { owned: number })?;
                }
            }
        }
        if self.board.offence.strategy == Strategy::Targeted {
            agenda.schedule_in(Duration::ZERO, Event::Aim { owned: number, at: 0 })?;
        }
        let who = [self.board.network.name(unit), Name::NONE];
        if let Some(delay) = self.board.defence.sensor.draw(self.board.draws, SENSOR, who, Technique::NONE, 0) {
            agenda.schedule_in(delay, Event::Noticed { unit })?;
        }
        self.schedule_probe(number, agenda)?;
        agenda.schedule_in(Duration::ZERO, Event::Window { owned: number })
    }

    /// All of a unit is the attacker's: at once, or later than an account on it.
    fn climb(&mut self, unit: UnitId, later: bool, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let now = agenda.now();
        let Some(owned) = self.ever_owned_mut(unit).filter(|owned| owned.rooted.is_none()) else { return Ok(()) };
        owned.rooted = Some(now);
        let critical = self.board.critical.binary_search(&unit);
        if let Ok(position) = critical
            && let Some(settled) = self.replica.critical.get_mut(position)
        {
            *settled = Settled { at: now, fate: Fate::Event };
        }
        if later {
            self.note(now, TraceAction::Escalated { unit });
        }
        self.use_unit(unit, true, agenda)?;
        self.take_controller(unit, agenda);
        if critical.is_ok() { self.exfiltrate(unit, agenda) } else { Ok(()) }
    }

    /// What can be done on an owned unit with an account, or with all of it.
    fn use_unit(&mut self, unit: UnitId, with_root: bool, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let needs_root = self.board.offence.craft.needs_root;
        if needs_root.tampering == with_root && self.trace.is_some() && self.has_agent(unit) {
            self.note(agenda.now(), TraceAction::Tampered { unit });
        }
        if needs_root.credentials == with_root { self.find_credentials(unit, agenda) } else { Ok(()) }
    }

    /// True if an agent stands at the unit, and owning the unit makes it void.
    fn has_agent(&self, unit: UnitId) -> bool {
        let design = self.board.network.design;
        let stands = |point: &EnforcementPoint| matches!(&point.placement, Placement::Units(on) if on.matches(design.unit(unit)));
        self.board.offence.trust >= Trust::OwnAgentVoid
            && design.points().iter().any(|point| point.kind == PointKind::Agent && stands(point))
    }

    fn has_root(&self, unit: UnitId) -> bool {
        self.ever_owned(unit).is_some_and(|owned| owned.rooted.is_some())
    }

    /// True if an owned unit has a reason to try another at an instant: it is clean, or only an account on it is owned.
    fn is_wanted(&self, by: UnitId, unit: UnitId, at: Time) -> bool {
        let Some(owned) = self.ever_owned(unit).filter(|owned| owned.taken <= at) else { return true };
        let later = |time: Option<Time>| time.is_none_or(|time| time > at);
        unit != by && later(owned.rooted) && later(owned.quarantined)
    }

    /// Writes down the numbers of this instant, once.
    fn step(&mut self, now: Time) {
        let (compromised, quarantined) = (self.owned.len() as u32, self.quarantined);
        let step = Course { at: now, compromised, quarantined };
        match self.replica.course.last_mut() {
            Some(last) if last.at == now => *last = step,
            Some(last) if (last.compromised, last.quarantined) == (compromised, quarantined) => {}
            _ => self.replica.course.push(step),
        }
    }

    /// Opens the window of a unit's scan, unless nothing is left for it to take.
    fn open_window(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let (board, now) = (self.board, agenda.now());
        let Some(owned) = self.at_work(number).filter(|_| self.goes_on()) else { return Ok(()) };
        let (unit, window) = (owned.unit, owned.windows);
        let Some(reach) = board.network.reach(unit) else { return Ok(()) };
        let mut open = 0u32;
        let positions: Box<dyn Iterator<Item = u32>> = match self.free_prospects(unit) {
            Some(free) => Box::new(free.iter().chain(owned.opened.keys()).copied()),
            None => Box::new(board.probed_among(reach).iter()),
        };
        let targets = positions.filter_map(|position| Some((position, *reach.targets.get(position as usize)?)));
        let targets = targets.filter(|(_, target)| self.is_wanted(unit, target.unit, now));
        let targets = targets.inspect(|_| open += 1);
        let visits =
            board.offence.scan.visits(board.draws, board.network.name(unit), (now, agenda.horizon()), window, targets);
        if let Some(owned) = self.owned.get_mut(number as usize) {
            owned.windows += 1;
            owned.visits = visits;
            owned.is_idle = open == 0;
        }
        if open == 0 {
            return Ok(());
        }
        self.schedule_next(number, agenda)
    }

    /// Schedules the next visit of the window, or the next window.
    fn schedule_next(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(owned) = self.owned.get(number as usize) else { return Ok(()) };
        let (at, event) = match owned.visits.last() {
            Some(visit) => (visit.at, Event::Visit { owned: number }),
            None => (self.board.offence.scan.opens(owned.taken, owned.windows), Event::Window { owned: number }),
        };
        // Times of a window are rounded, and the next one may open a nanosecond before its last visit.
        let at = at.max(agenda.now());
        if at <= agenda.horizon() { agenda.schedule_at(at, event) } else { Ok(()) }
    }

    /// The next visit of the window is due.
    fn visit(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        if self.at_work(number).is_none() || !self.goes_on() {
            return Ok(());
        }
        let Some(visit) = self.owned.get_mut(number as usize).and_then(|owned| owned.visits.pop()) else {
            return Ok(());
        };
        self.make(number, visit, agenda)?;
        self.schedule_next(number, agenda)
    }

    /// One unit tries one address.
    fn make(&mut self, number: u32, visit: Visit, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let board = self.board;
        let Some(owned) = self.at_work(number).filter(|_| self.goes_on()) else { return Ok(()) };
        let unit = owned.unit;
        let reach = board.network.reach(unit);
        if let Some((reach, target)) = reach.and_then(|reach| Some((reach, *reach.targets.get(visit.target as usize)?)))
            && self.is_wanted(unit, target.unit, agenda.now())
            && self.makes(number, visit, agenda.now())
        {
            self.try_target(unit, number, reach, target, visit.number, agenda)?;
        }
        Ok(())
    }

    /// A unit has given itself away.
    fn alert(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let now = agenda.now();
        if self.replica.detection.fate != Fate::Event {
            self.replica.detection = Settled { at: now, fate: Fate::Event };
        }
        self.note(now, TraceAction::Alert { unit });
        let State::Owned(number) = self.state(unit) else { return Ok(()) };
        let Some(owned) = self.owned.get_mut(number as usize) else { return Ok(()) };
        if std::mem::replace(&mut owned.alerted, true) {
            return Ok(());
        }
        if self.board.defence.desk.is_some() { self.open_case(unit, agenda) } else { self.respond(unit, agenda) }
    }

    /// An alert is answered.
    fn respond(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let name = self.board.network.name(unit);
        let mut draw = self.board.draws.at(RESPONSE, name, Name::NONE, Technique::NONE, 0);
        agenda.schedule_in(draw.exponential(self.board.defence.response_mean), Event::Quarantine { unit })
    }

    fn quarantine(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) {
        let now = agenda.now();
        if let Some(owned) = self.ever_owned_mut(unit) {
            owned.quarantined = Some(now);
        }
        self.active -= 1;
        self.quarantined += 1;
        self.outages.push((unit, now));
        self.find_front();
        self.lose_credentials(unit, now);
        self.note(now, TraceAction::Quarantined { unit });
        self.step(now);
        self.end_if_over(agenda);
    }

    /// Ends the attack when nobody is left to go on with it; who looks at alerts goes on looking at them.
    fn end_if_over(&mut self, agenda: &mut Agenda<Event>) {
        let goes_on = self.active > 0 || self.board.defence.spares_established && self.under_way > 0;
        if !goes_on && self.over.is_none() {
            self.over = Some(agenda.now());
            if self.board.defence.desk.is_none() {
                agenda.stop();
            }
        }
    }

    /// An attempt that works is through, unless quarantine cut it off.
    fn through(
        &mut self,
        unit: UnitId,
        by: u32,
        gives: Privilege,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        self.under_way -= 1;
        let spared = self.board.defence.spares_established;
        let carried = self.owned.get(by as usize).filter(|_| spared || self.at_work(by).is_some());
        let adds = match self.state(unit) {
            State::Clean => true,
            State::Owned(_) => gives == Privilege::Root && !self.has_root(unit),
            State::Quarantined => false,
        };
        match carried.map(|owned| owned.unit).filter(|_| adds) {
            Some(by) => self.take(unit, Some(by), gives, agenda),
            None => {
                self.end_if_over(agenda);
                Ok(())
            }
        }
    }
}

impl Model for Attack<'_> {
    type Event = Event;
    type Error = ScheduleError;

    fn handle(&mut self, event: Event, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        match event {
            Event::Window { owned } => self.open_window(owned, agenda),
            Event::Visit { owned } => self.visit(owned, agenda),
            Event::LateVisit { owned, target, visit } => {
                self.make(owned, Visit { at: agenda.now(), target, number: visit }, agenda)
            }
            Event::Probe { owned } => self.probe(owned, agenda),
            Event::Taken { unit, by, gives } => self.through(unit, by, gives, agenda),
            Event::Climbed { owned } => match self.at_work(owned).map(|owned| owned.unit) {
                Some(unit) => self.take(unit, None, Privilege::Root, agenda),
                None => Ok(()),
            },
            Event::Exfiltrated { owned, through } => {
                self.exfiltrated(owned, through, agenda);
                Ok(())
            }
            Event::Aim { owned, at } => self.aim(owned, at, agenda),
            Event::Strike => {
                self.strike(agenda);
                Ok(())
            }
            Event::Moved { unit } => self.moved(unit, agenda),
            Event::Alarm { unit } => self.alarm(unit, agenda),
            Event::Looked { unit, misses } => self.looked(unit, misses, agenda),
            Event::Noticed { unit } => {
                if !matches!(self.state(unit), State::Owned(_)) {
                    return Ok(());
                }
                self.replica.alerts.sensor += 1;
                self.alert(unit, agenda)
            }
            Event::Quarantine { unit } => {
                self.quarantine(unit, agenda);
                Ok(())
            }
        }
    }
}
