//! The people who look at alerts, one case after the other.
//!
//! The first alert about a unit opens a case; further ones join it while it is open. Cases wait in the order in which they
//! were opened until one of the analysts is free. Whoever looks at the case of an owned unit recognises it, or takes it for
//! a false alarm with some probability; then the next alert opens a case anew. What is recognised is answered by quarantine,
//! after the response time.
//!
//! # False alarms
//! About each unit they come at a rate of its own: that of the sensor, and that of the flows of the unit's needs which
//! points deny, thinned by the chance that a denial raises an alert. An alarm while a case is open adds nothing to it. The
//! time from the end of a case to the next alarm is exponential, whatever came in between. So one draw a case stands for
//! all alarms, and it is exact for alarms that come evenly.

use std::collections::VecDeque;

use seglab_policy::UnitId;

use crate::kernel::statistics::Fate;
use crate::kernel::{Agenda, Draw, Duration, Name, Probability, ScheduleError, Technique, Time};

use super::super::purpose::{ALARM, TRIAGE};
use super::super::replica::Settled;
use super::{Attack, Event, State};

/// Those who look at alerts, checked.
pub(in super::super) struct Desk {
    pub(in super::super) analysts: u32,
    pub(in super::super) mean: Duration,
    pub(in super::super) missed: Probability,
    /// How often the sensor raises an alarm about a unit for nothing \[per second\].
    pub(in super::super) false_alarms: f64,
    /// False alarms about each unit, for its own denied flows included.
    pub(in super::super) alarms: Vec<Alarms>,
}

/// How often an alarm is raised about a unit for nothing.
#[derive(Clone, Copy)]
pub(in super::super) struct Alarms {
    per_second: f64,
    /// What the first draw is below if the first alarm comes by the horizon: hardly ever, of most units.
    soon: f64,
}

impl Alarms {
    pub(in super::super) fn new(per_second: f64, horizon: Duration) -> Self {
        // A little more, for times are rounded.
        Self { per_second, soon: -libm::expm1(-per_second * (horizon.as_secs_f64() + 1e-6)) * (1.0 + 1e-9) }
    }
}

/// What lies on the desk.
#[derive(Clone, Default)]
pub(super) struct Cases {
    busy: u32,
    waiting: VecDeque<(UnitId, Time)>,
    /// For each unit; empty where nobody looks at alerts.
    files: Vec<File>,
}

#[derive(Clone, Copy)]
struct File {
    /// A case about the unit waits or is looked at.
    is_open: bool,
    /// The next false alarm about it is scheduled.
    is_armed: bool,
    cases: u32,
    alarms: u32,
}

impl Attack<'_> {
    /// Schedules the first false alarms.
    pub(super) fn open_desk(&mut self, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let design = self.board.network.design;
        if let Some(desk) = &self.board.defence.desk {
            // Of units of which there are none, nobody asks for the next one.
            let armed = File { is_open: false, is_armed: true, cases: 0, alarms: 1 };
            self.cases.files = vec![armed; design.units().len()];
            for (unit, alarms) in design.unit_ids().zip(&desk.alarms) {
                if self.alarm_draw(unit, 1).uniform() < alarms.soon {
                    self.schedule_alarm(unit, alarms.per_second, 1, agenda)?;
                }
            }
        }
        Ok(())
    }

    /// Schedules the next false alarm about a unit.
    fn arm(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let alarms = self.board.defence.desk.as_ref().and_then(|desk| desk.alarms.get(unit.index()).copied());
        let Some(alarms) = alarms.filter(|alarms| alarms.per_second > 0.0) else { return Ok(()) };
        let Some(file) = self.cases.files.get_mut(unit.index()).filter(|file| !file.is_armed) else { return Ok(()) };
        file.is_armed = true;
        file.alarms += 1;
        let number = file.alarms;
        self.schedule_alarm(unit, alarms.per_second, number, agenda)
    }

    fn schedule_alarm(
        &self,
        unit: UnitId,
        per_second: f64,
        number: u32,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        let mean = Duration::saturating_from_nanos_f64(1e9 / per_second);
        agenda.schedule_in(self.alarm_draw(unit, number).exponential(mean), Event::Alarm { unit })
    }

    fn alarm_draw(&self, unit: UnitId, number: u32) -> Draw {
        self.board.draws.at(ALARM, self.board.network.name(unit), Name::NONE, Technique::NONE, number)
    }

    /// A false alarm. About a unit that is dealt with already it is none.
    pub(super) fn alarm(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        if let Some(file) = self.cases.files.get_mut(unit.index()) {
            file.is_armed = false;
        }
        if self.is_dealt_with(unit) { Ok(()) } else { self.open_case(unit, agenda) }
    }

    /// True if a unit is quarantined, or is going to be.
    fn is_dealt_with(&self, unit: UnitId) -> bool {
        match self.state(unit) {
            State::Quarantined => true,
            State::Owned(number) => self.owned.get(number as usize).is_some_and(|owned| owned.alerted),
            State::Clean => false,
        }
    }

    /// Opens the case of a unit, unless it is open.
    pub(super) fn open_case(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(desk) = &self.board.defence.desk else { return Ok(()) };
        let Some(file) = self.cases.files.get_mut(unit.index()).filter(|file| !file.is_open) else { return Ok(()) };
        file.is_open = true;
        file.cases += 1;
        self.replica.triage.cases += 1;
        if self.cases.busy < desk.analysts {
            self.cases.busy += 1;
            self.look_at(unit, agenda)
        } else {
            self.cases.waiting.push_back((unit, agenda.now()));
            Ok(())
        }
    }

    /// An analyst begins with a case.
    fn look_at(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(desk) = &self.board.defence.desk else { return Ok(()) };
        let number = self.cases.files.get(unit.index()).map_or(0, |file| file.cases);
        let name = self.board.network.name(unit);
        let mut draw = self.board.draws.at(TRIAGE, name, Name::NONE, Technique::NONE, number);
        let delay = draw.exponential(desk.mean);
        let misses = draw.bernoulli(desk.missed);
        agenda.schedule_in(delay, Event::Looked { unit, misses })
    }

    /// An analyst is done with a case, and takes the next one.
    pub(super) fn looked(
        &mut self,
        unit: UnitId,
        misses: bool,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        let now = agenda.now();
        if let Some(file) = self.cases.files.get_mut(unit.index()) {
            file.is_open = false;
        }
        match self.state(unit) {
            State::Owned(number) => {
                if let Some(owned) = self.owned.get_mut(number as usize) {
                    owned.alerted = !misses;
                }
                if misses {
                    self.replica.triage.missed += 1;
                } else {
                    // A false alarm may be what they look at, and find somebody by.
                    if self.replica.detection.fate != Fate::Event {
                        self.replica.detection = Settled { at: now, fate: Fate::Event };
                    }
                    self.respond(unit, agenda)?;
                }
            }
            State::Clean | State::Quarantined => self.replica.triage.false_alarms += 1,
        }
        if !self.is_dealt_with(unit) {
            self.arm(unit, agenda)?;
        }
        match self.cases.waiting.pop_front() {
            Some((next, since)) => {
                self.replica.triage.waited_ns =
                    self.replica.triage.waited_ns.saturating_add(now.since(since).as_nanos());
                self.look_at(next, agenda)
            }
            None => {
                self.cases.busy -= 1;
                Ok(())
            }
        }
    }
}
