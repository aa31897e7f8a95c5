//! Which targets an attacker tries, in which order, from which of its units. What an attempt is, and what comes of it, is
//! the same for all: a strategy takes visits of the scan away, or adds some.

use seglab_policy::{Strategy, UnitId};

use crate::kernel::statistics::Fate;
use crate::kernel::{Agenda, Duration, ScheduleError, Technique, Time};

use super::super::purpose::PACE;
use super::super::replica::{Impact, TraceAction};
use super::super::scan::Visit;
use super::{Attack, Event, State};

/// The number of a visit that no scan makes: the first one to a critical unit. Those of scans are below.
pub(super) const AIMED: u32 = u32::MAX;

impl Attack<'_> {
    /// False for an attacker who has what it wants.
    pub(super) fn goes_on(&self) -> bool {
        self.board.offence.strategy != Strategy::Targeted
            || self.replica.critical.iter().any(|settled| settled.fate != Fate::Event)
    }

    /// True if the owned unit with this number makes this visit.
    pub(super) fn makes(&mut self, number: u32, visit: Visit, now: Time) -> bool {
        let target = self.owned.get(number as usize).and_then(|owned| {
            let reach = self.board.network.reach(owned.unit)?;
            Some((owned.unit, *reach.targets.get(visit.target as usize)?))
        });
        let Some((unit, target)) = target else { return false };
        match self.board.offence.strategy {
            Strategy::Worm | Strategy::Targeted | Strategy::Ransomware { .. } => true,
            Strategy::RandomWalk => number == self.front,
            Strategy::LowAndSlow => {
                // As many visits as a unit has, times the units: to keep one in so many leaves a Poisson process.
                let name = self.board.network.name(unit);
                let mut draw = self.board.draws.at(PACE, name, target.name, Technique::NONE, visit.number);
                draw.uniform() * f64::from(self.active) < 1.0
            }
            Strategy::Insider => self.board.network.takes_any(target.unit, self.keys.held_at(now)),
        }
    }

    /// The position of the unit that was taken last, of those at work.
    pub(super) fn find_front(&mut self) {
        while self.front > 0 && self.at_work(self.front).is_none() {
            self.front -= 1;
        }
    }

    /// From a unit that it has taken the attacker tries the critical units, one after the other at the rate of its scan.
    pub(super) fn aim(&mut self, number: u32, at: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let board = self.board;
        let owned = self.at_work(number).filter(|_| self.goes_on());
        let (Some(owned), Some(&goal)) = (owned, board.critical.get(at as usize)) else { return Ok(()) };
        let unit = owned.unit;
        if let Some(reach) = board.network.reach(unit) {
            for (_, target) in reach.of(goal) {
                if self.is_wanted(unit, target.unit, agenda.now()) {
                    self.try_target(unit, number, reach, target, AIMED, agenda)?;
                }
            }
        }
        agenda.schedule_in(board.offence.pause, Event::Aim { owned: number, at: at + 1 })
    }

    /// Strikes, if it has units enough.
    pub(super) fn strike_if_enough(&mut self, agenda: &mut Agenda<Event>) {
        if let Strategy::Ransomware { units: Some(units), .. } = self.board.offence.strategy
            && self.active >= units
        {
            self.strike(agenda);
        }
    }

    /// Makes all units that it has useless: the end of the attack.
    pub(super) fn strike(&mut self, agenda: &mut Agenda<Event>) {
        let now = agenda.now();
        if self.over.is_some() || self.active == 0 {
            return;
        }
        let struck: Vec<UnitId> = (0u32..)
            .zip(&self.owned)
            .filter_map(|(number, owned)| (self.state(owned.unit) == State::Owned(number)).then_some(owned.unit))
            .collect();
        for &unit in &struck {
            self.outages.push((unit, now));
            self.note(now, TraceAction::Encrypted { unit });
        }
        self.replica.impact = Some(Impact { at: now, units: self.active });
        self.over = Some(now);
        agenda.stop();
        self.look_at_compass(agenda);
    }

    /// When the strike comes, if its time is set.
    pub(super) fn schedule_strike(&self, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        match self.board.offence.strategy {
            Strategy::Ransomware { after_ns: Some(after), .. } => {
                agenda.schedule_in(Duration::from_nanos(after), Event::Strike)
            }
            _ => Ok(()),
        }
    }
}
