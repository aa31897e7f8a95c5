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
//! - When the last owned unit is quarantined, the attack is over.
//!
//! # What is not modelled
//! Established connections (quarantine cuts at once), false alarms, cleaning and patching, and the host of a quarantined
//! unit, which stays as it is.

mod path;

pub use path::{PathError, Step, follow};

use seglab_policy::{Assume, Connection, Endpoint, Header, Pivot, Side, Trust, UnitId};

use crate::kernel::statistics::Fate;
use crate::kernel::{Agenda, Draws, Duration, Model, Name, Probability, Purpose, ScheduleError, Technique, Time};

use super::enforcement::InForce;
use super::network::{Network, Reach, Target};
use super::purpose::{ALERT, CHOICE, CONNECT, EXPLOIT, FOOTHOLD, LOGIN, LURE, OUTCOME, RESPONSE, SENSOR};
use super::replica::{Course, Replica, Settled, TraceAction, TraceEntry};
use super::scan::{Scan, Visit};
use super::{Passage, Search};

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
}

/// An attacker, checked.
#[derive(Clone, Debug)]
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
}

/// Whether something works, and how long it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    pub(super) probability: Probability,
    pub(super) mean: Duration,
}

/// A monitor, checked, with what is off set to never.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defence {
    pub(super) denied_alert: Probability,
    pub(super) sensor: Chance,
    pub(super) response_mean: Duration,
}

/// The state of an attack.
pub(super) struct Attack<'a> {
    board: Board<'a>,
    units: Vec<State>,
    owned: Vec<Owned>,
    /// Credentials that the attacker has, by number.
    held: Vec<bool>,
    /// Owned units that are not quarantined.
    active: u32,
    quarantined: u32,
    /// When each unit was quarantined, in this order.
    quarantines: Vec<(UnitId, Time)>,
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

/// An owned unit at work.
struct Owned {
    unit: UnitId,
    taken: Time,
    alerted: bool,
    window: u32,
    /// The visits of the window that are still to come, the next one last.
    visits: Vec<Visit>,
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The next window of a unit's scan opens.
    Window { owned: u32 },
    /// The next visit of a unit's window is due.
    Visit { owned: u32 },
    /// An attempt that works is through.
    Taken { unit: UnitId, by: u32 },
    /// The sensor notices a unit.
    Noticed { unit: UnitId },
    /// The response to a unit's first alert is there.
    Quarantine { unit: UnitId },
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

impl Offence {
    /// The unit to start from: the first in a race in which every candidate runs for itself, so that another candidate
    /// changes nothing unless it wins.
    fn foothold(&self, network: &Network<'_>, draws: Draws) -> Option<UnitId> {
        let run = |unit: &UnitId| draws.at(FOOTHOLD, network.name(*unit), Name::NONE, Technique::NONE, 0).word();
        self.footholds.iter().copied().min_by_key(run)
    }
}

impl<'a> Attack<'a> {
    pub(super) fn new(board: Board<'a>, number: u32, traced: bool) -> Self {
        let critical = board.critical.iter().map(|_| Settled::default()).collect();
        Self {
            board,
            units: vec![State::Clean; board.network.design.units().len()],
            owned: Vec::new(),
            held: vec![false; board.network.credentials()],
            active: 0,
            quarantined: 0,
            quarantines: Vec::new(),
            replica: Replica { number, critical, ..Replica::default() },
            trace: traced.then(Vec::new),
        }
    }

    /// The attacker takes the foothold.
    pub(super) fn begin(&mut self, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(unit) = self.board.offence.foothold(self.board.network, self.board.draws) else { return Ok(()) };
        self.replica.foothold = Some(self.board.network.design.unit(unit).name.clone());
        self.take(unit, None, agenda)
    }

    /// The outcome at the end of the replica, and what was traced.
    pub(super) fn finish(mut self, horizon: Time) -> (Replica, Vec<(UnitId, Time)>, Vec<TraceEntry>) {
        let over = (self.active == 0).then(|| self.quarantines.last().map(|(_, at)| *at)).flatten();
        for settled in self.replica.critical.iter_mut().filter(|settled| settled.fate != Fate::Event) {
            *settled = match over {
                Some(at) => Settled { at, fate: Fate::Competitor },
                None => Settled { at: horizon, fate: Fate::Censored },
            };
        }
        if self.replica.detection.fate != Fate::Event {
            self.replica.detection = Settled { at: horizon, fate: Fate::Censored };
        }
        (self.replica, self.quarantines, self.trace.unwrap_or_default())
    }

    fn state(&self, unit: UnitId) -> State {
        self.units.get(unit.index()).copied().unwrap_or(State::Quarantined)
    }

    fn set_state(&mut self, unit: UnitId, state: State) {
        if let Some(held) = self.units.get_mut(unit.index()) {
            *held = state;
        }
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

    /// Takes a unit and all that runs on it.
    fn take(&mut self, unit: UnitId, by: Option<UnitId>, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let mut falling = vec![(unit, by)];
        while let Some((unit, by)) = falling.pop() {
            if self.state(unit) == State::Clean {
                self.own(unit, by, agenda)?;
            }
            // Guests of a unit that was owned before fell with it; this is for those of units that fall now.
            falling.extend(self.board.network.guests(unit).iter().rev().map(|&guest| (guest, Some(unit))));
        }
        self.step(agenda.now());
        Ok(())
    }

    fn own(&mut self, unit: UnitId, by: Option<UnitId>, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let now = agenda.now();
        let number = self.owned.len() as u32;
        self.set_state(unit, State::Owned(number));
        self.owned.push(Owned { unit, taken: now, alerted: false, window: 0, visits: Vec::new() });
        self.active += 1;
        for &credential in self.board.network.yields(unit) {
            if let Some(held) = self.held.get_mut(credential as usize) {
                *held = true;
            }
        }
        if let Ok(position) = self.board.critical.binary_search(&unit)
            && let Some(settled) = self.replica.critical.get_mut(position)
        {
            *settled = Settled { at: now, fate: Fate::Event };
        }
        self.note(now, TraceAction::Taken { unit, by });
        let who = [self.board.network.name(unit), Name::NONE];
        if let Some(delay) = self.board.defence.sensor.draw(self.board.draws, SENSOR, who, Technique::NONE, 0) {
            agenda.schedule_in(delay, Event::Noticed { unit })?;
        }
        agenda.schedule_in(Duration::ZERO, Event::Window { owned: number })
    }

    /// Writes down the numbers of this instant, once.
    fn step(&mut self, now: Time) {
        let (compromised, quarantined) = (self.owned.len() as u32, self.quarantined);
        let step = Course { at: now, compromised, quarantined };
        match self.replica.course.last_mut() {
            Some(last) if last.at == now => *last = step,
            _ => self.replica.course.push(step),
        }
    }

    /// Opens the window of a unit's scan, unless nothing is left for it to take.
    fn open_window(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let (board, now) = (self.board, agenda.now());
        let Some(owned) = self.at_work(number) else { return Ok(()) };
        let (unit, window) = (owned.unit, owned.window);
        let Some(reach) = board.network.reach(unit) else { return Ok(()) };
        let mut open = 0u32;
        let denials_matter = board.defence.denied_alert > Probability::ZERO && board.enforcement.reports();
        let targets = (0u32..).zip(&reach.targets).filter(|(_, target)| {
            self.state(target.unit) == State::Clean && (denials_matter || board.network.can_fall(target.unit))
        });
        let targets = targets.map(|(position, target)| (position, *target)).inspect(|_| open += 1);
        let visits = board.offence.scan.visits(board.draws, board.network.name(unit), now, window, targets);
        if open == 0 {
            return Ok(());
        }
        if let Some(owned) = self.owned.get_mut(number as usize) {
            owned.visits = visits;
        }
        self.schedule_next(number, agenda)
    }

    /// Schedules the next visit of the window, or the next window.
    fn schedule_next(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(owned) = self.owned.get_mut(number as usize) else { return Ok(()) };
        let (at, event) = match owned.visits.last() {
            Some(visit) => (visit.at, Event::Visit { owned: number }),
            None => {
                owned.window += 1;
                (self.board.offence.scan.opens(owned.taken, owned.window), Event::Window { owned: number })
            }
        };
        // Times of a window are rounded, and the next one may open a nanosecond before its last visit.
        let at = at.max(agenda.now());
        if at <= agenda.horizon() { agenda.schedule_at(at, event) } else { Ok(()) }
    }

    /// One unit tries one address.
    fn visit(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        if self.at_work(number).is_none() {
            return Ok(());
        }
        let board = self.board;
        let Some(owned) = self.owned.get_mut(number as usize) else { return Ok(()) };
        let Some(visit) = owned.visits.pop() else { return Ok(()) };
        let unit = owned.unit;
        let reach = board.network.reach(unit);
        if let Some((reach, target)) = reach.and_then(|reach| Some((reach, *reach.targets.get(visit.target as usize)?)))
            && self.state(target.unit) == State::Clean
        {
            self.try_target(unit, number, reach, target, visit.number, agenda)?;
        }
        self.schedule_next(number, agenda)
    }

    /// Tries what the search tells at one target: one service, or all.
    fn try_target(
        &mut self,
        unit: UnitId,
        by: u32,
        reach: &Reach,
        target: Target,
        number: u32,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        let board = self.board;
        let names = (board.network.name(unit), target.name);
        let directions: &[bool] = if board.offence.pivot == Pivot::EitherWay { &[false, true] } else { &[false] };
        let interfaces: Vec<u16> = board.network.interfaces_towards(unit, target).collect();
        let mut alerts = board.draws.at(ALERT, names.0, names.1, Technique::NONE, number);
        let mut attempt = |attack: &mut Self, interface: u16, header: Header, lure: bool| {
            let tried = Tried { unit, by, interface, target, header, lure, number };
            let (passage, _) = attack.attempt(tried, agenda)?;
            if passage.is_reportable() && alerts.bernoulli(board.defence.denied_alert) {
                attack.replica.alerts.denials += 1;
                attack.alert(unit, agenda)?;
            }
            Ok::<(), ScheduleError>(())
        };
        match board.offence.search {
            Search::OneService => {
                let mut draw = board.draws.at(CHOICE, names.0, names.1, Technique::NONE, number);
                let header = draw.choose(reach.headers.len()).and_then(|at| reach.headers.get(at));
                let interface = draw.choose(interfaces.len()).and_then(|at| interfaces.get(at));
                let direction = draw.choose(directions.len()).and_then(|at| directions.get(at));
                if let (Some(header), Some(interface), Some(lure)) = (header, interface, direction) {
                    attempt(self, *interface, *header, *lure)?;
                }
            }
            Search::EveryService => {
                for &interface in &interfaces {
                    for &header in &reach.headers {
                        for &lure in directions {
                            attempt(self, interface, header, lure)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Tries to open one connection; what becomes of it, and whether it works in the end if nothing comes between.
    fn attempt(&mut self, tried: Tried, agenda: &mut Agenda<Event>) -> Result<(Passage, bool), ScheduleError> {
        let board = self.board;
        let assume = self.assume(tried.unit, tried.lure);
        let now = board.enforcement.at(agenda.now());
        let (connection, passage) = now.attempt(tried.connection(), assume);
        self.replica.attempts.made += 1;
        match passage {
            Passage::Denied => self.replica.attempts.denied += 1,
            Passage::Unknown => self.replica.attempts.unknown += 1,
            Passage::Allowed | Passage::Reported => {
                self.replica.attempts.stale += u64::from(now.is_by_staleness(&connection, assume));
            }
        }
        let mut works = false;
        if passage.is_allowed() {
            let techniques = self.techniques(tried.target.unit, tried.header, tried.lure);
            self.replica.attempts.aimed += u64::from(techniques.iter().any(Option::is_some));
            for (technique, chance) in techniques.into_iter().flatten() {
                // The service is part of what is decided about, for one visit may try several.
                let service = Name::of_parts([
                    board.network.design.unit(tried.target.unit).name.as_str(),
                    &tried.target.interface.to_string(),
                    &tried.header.to_string(),
                ]);
                let who = [board.network.name(tried.unit), service];
                if let Some(delay) = chance.draw(board.draws, OUTCOME, who, technique, tried.number) {
                    works = true;
                    agenda.schedule_in(delay, Event::Taken { unit: tried.target.unit, by: tried.by })?;
                }
            }
            self.replica.attempts.successful += u64::from(works);
        }
        self.note(agenda.now(), TraceAction::Attempt { by: tried.unit, connection, assume, passage, works });
        Ok((passage, works))
    }

    /// The state of enforcement for connections of a unit at this instant.
    fn assume(&self, unit: UnitId, lure: bool) -> Assume {
        let host = self.board.network.design.host_of(unit);
        Assume {
            as_if_enforced: false,
            trust: self.board.offence.trust,
            owned: Some(if lure { Side::Destination } else { Side::Source }),
            // A host in quarantine was owned, and its points are as void as before.
            host_owned: host.is_some_and(|host| self.state(host) != State::Clean),
        }
    }

    /// What the attacker can do with a connection that arrives.
    fn techniques(&self, target: UnitId, header: Header, lure: bool) -> [Option<(Technique, Chance)>; 2] {
        let offence = self.board.offence;
        let network = self.board.network;
        let target = network.design.unit(target);
        match offence.pivot {
            Pivot::Exploitable => [
                network.is_exploitable(target, header).then_some((EXPLOIT, offence.exploit)),
                network.takes_login(target, header, &self.held).then_some((LOGIN, offence.login)),
            ],
            Pivot::Service => [target.listens_to(header).then_some((CONNECT, offence.exploit)), None],
            Pivot::Any | Pivot::EitherWay => {
                let technique = if lure { LURE } else { CONNECT };
                [Some((technique, offence.exploit)), None]
            }
        }
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
        let name = self.board.network.name(unit);
        let mut draw = self.board.draws.at(RESPONSE, name, Name::NONE, Technique::NONE, 0);
        agenda.schedule_in(draw.exponential(self.board.defence.response_mean), Event::Quarantine { unit })
    }

    fn quarantine(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) {
        let now = agenda.now();
        self.set_state(unit, State::Quarantined);
        self.active -= 1;
        self.quarantined += 1;
        self.quarantines.push((unit, now));
        self.note(now, TraceAction::Quarantined { unit });
        self.step(now);
        if self.active == 0 {
            agenda.stop();
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
            Event::Taken { unit, by } => match self.at_work(by).map(|owned| owned.unit) {
                Some(by) if self.state(unit) == State::Clean => self.take(unit, Some(by), agenda),
                _ => Ok(()),
            },
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

/// One connection that an owned unit tries to open, or a client to open to it.
#[derive(Clone, Copy)]
struct Tried {
    unit: UnitId,
    by: u32,
    interface: u16,
    target: Target,
    header: Header,
    lure: bool,
    number: u32,
}

impl Tried {
    fn connection(&self) -> Connection {
        let here = Endpoint::Unit { unit: self.unit, interface: self.interface };
        let there = Endpoint::Unit { unit: self.target.unit, interface: self.target.interface };
        let (source, destination) = if self.lure { (there, here) } else { (here, there) };
        Connection { source, destination, header: self.header }
    }
}
