//! Attempts of which nothing can come but an alert: at targets that are no [prospects](super::prospects).
//!
//! The visits of a scan to all of them together are one Poisson process, and each is noticed if it is denied with the same
//! probability, whatever it tries: so those that would be noticed, and those that would not, are two processes apart. The
//! first are played one by one, for alerts change what happens. The others change nothing, and are gone through at the end.
//! Either draws its target evenly from the whole reach, and drops what is a prospect, or is wanted no more at that instant.

use seglab_policy::{Pivot, UnitId};

use crate::kernel::statistics::Fate;
use crate::kernel::{Agenda, Draw, Duration, Name, Probability, ScheduleError, Technique, Time};

use super::super::network::Reach;
use super::super::purpose::{NOTICED, PROBE, UNNOTICED};
use super::super::replica::TraceAction;
use super::super::technique;
use super::attempt::Tried;
use super::strategy::AIMED;
use super::{Attack, Board, Event};

/// Positions in a reach.
pub(super) enum Positions<'a> {
    All(u32),
    Some(&'a [u32]),
}

impl<'a> Positions<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::All(count) => *count as usize,
            Self::Some(positions) => positions.len(),
        }
    }

    fn get(&self, at: usize) -> Option<u32> {
        match self {
            Self::All(count) => u32::try_from(at).ok().filter(|at| at < count),
            Self::Some(positions) => positions.get(at).copied(),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        (0..self.len()).filter_map(move |at| self.get(at))
    }
}

impl<'a> Board<'a> {
    /// The targets of which anything can come, be it an alert.
    pub(super) fn probed_among(self, reach: &'a Reach) -> Positions<'a> {
        let denials_matter = self.defence.denied_alert > Probability::ZERO && self.enforcement.reports();
        if denials_matter { Positions::All(reach.targets.len() as u32) } else { Positions::Some(&reach.can_fall) }
    }
}

impl Attack<'_> {
    /// Schedules the next probe of an owned unit that raises an alert if it is denied.
    pub(super) fn schedule_probe(&self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(owned) = self.owned.get(number as usize) else { return Ok(()) };
        let Some(mean) = self.between_probes(owned.unit, self.board.defence.denied_alert.get()) else { return Ok(()) };
        let gap = self.probe_draw(owned.unit, NOTICED, owned.probes).exponential(mean);
        let at = agenda.now().saturating_add(gap);
        if at <= agenda.horizon() { agenda.schedule_at(at, Event::Probe { owned: number }) } else { Ok(()) }
    }

    /// A probe that raises an alert if it is denied.
    pub(super) fn probe(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        if self.at_work(number).is_none() || !self.goes_on() {
            return Ok(());
        }
        let Some(owned) = self.owned.get_mut(number as usize) else { return Ok(()) };
        let (unit, probe) = (owned.unit, owned.probes);
        owned.probes += 1;
        let mut draw = self.probe_draw(unit, NOTICED, probe);
        // The first word was that of the time.
        draw.word();
        if let Some(tried) = self.probed(number, unit, draw, agenda.now()) {
            let (passage, _) = self.attempt(tried, agenda)?;
            if passage.is_reportable() {
                self.replica.alerts.denials += 1;
                self.alert(unit, agenda)?;
            }
        }
        self.schedule_probe(number, agenda)
    }

    /// Goes through the probes of all units that nobody noticed.
    pub(super) fn count_unnoticed(&mut self, horizon: Time) {
        let ends = self.ends().unwrap_or(Time::MAX).min(horizon);
        for number in 0..self.owned.len() as u32 {
            let Some(owned) = self.owned.get(number as usize) else { return };
            let (unit, mut at) = (owned.unit, owned.taken);
            let ends = owned.quarantined.map_or(ends, |quarantined| quarantined.min(ends));
            let ends = self.wanted_until(unit).map_or(ends, |wanted| wanted.min(ends));
            let unnoticed = 1.0 - self.board.defence.denied_alert.get();
            let Some(mean) = self.between_probes(unit, unnoticed) else { continue };
            for probe in 0..u32::MAX {
                let mut draw = self.probe_draw(unit, UNNOTICED, probe);
                at = at.saturating_add(draw.exponential(mean));
                if at > ends {
                    break;
                }
                if let Some(tried) = self.probed(number, unit, draw, at) {
                    let assume = self.assume(unit, tried.lure, at);
                    let (connection, passage) = self.open(tried.connection(), assume, at);
                    let technique = technique::SCAN_SERVICES;
                    self.note(
                        at,
                        TraceAction::Attempt { by: unit, connection, assume, passage, works: false, technique },
                    );
                }
            }
        }
        // What happened at these instants is known last.
        if let Some(trace) = &mut self.trace {
            trace.sort_by_key(|entry| entry.at);
        }
    }

    /// When the last target that a unit could probe was wanted no more; `None` if one still is.
    fn wanted_until(&self, unit: UnitId) -> Option<Time> {
        let reach = self.board.network.reach(unit)?;
        let free = self.free_prospects(unit)?;
        let mut until = Time::START;
        for position in self.board.probed_among(reach).iter().filter(|position| free.binary_search(position).is_err()) {
            let target = reach.targets.get(position as usize)?.unit;
            if target != unit {
                let owned = self.ever_owned(target)?;
                until = until.max([owned.rooted, owned.quarantined].into_iter().flatten().min()?);
            }
        }
        Some(until)
    }

    /// When the attack came to its end, or had what it wanted.
    fn ends(&self) -> Option<Time> {
        if self.goes_on() {
            return self.over;
        }
        let critical = self.replica.critical.iter().filter(|settled| settled.fate == Fate::Event);
        let satisfied = critical.map(|settled| settled.at).max();
        [self.over, satisfied].into_iter().flatten().min()
    }

    /// The mean time between two probes of a unit, of which a share counts, at the whole of its reach; `None` if there are none.
    fn between_probes(&self, unit: UnitId, share: f64) -> Option<Duration> {
        self.free_prospects(unit)?;
        let targets = self.board.probed_among(self.board.network.reach(unit)?).len();
        let per_second = self.board.offence.scan.visits_per_second() * targets as f64 * share;
        (per_second > 0.0).then(|| Duration::saturating_from_nanos_f64(1e9 / per_second))
    }

    fn probe_draw(&self, unit: UnitId, noticed: Technique, probe: u32) -> Draw {
        self.board.draws.at(PROBE, self.board.network.name(unit), Name::NONE, noticed, probe)
    }

    /// What a probe tries at an instant, by the rest of its draw; `None` if it is none.
    fn probed(&self, by: u32, unit: UnitId, mut draw: Draw, at: Time) -> Option<Tried> {
        let board = self.board;
        let reach = board.network.reach(unit)?;
        let among = board.probed_among(reach);
        let position = among.get(draw.choose(among.len())?)?;
        let target = *reach.targets.get(position as usize)?;
        let is_prospect = self.is_prospect(self.owned.get(by as usize)?, position, at);
        if is_prospect || !self.is_wanted(unit, target.unit, at) {
            return None;
        }
        let header = *reach.headers.get(draw.choose(reach.headers.len())?)?;
        let interface = match board.network.design.unit(unit).interfaces.len() {
            1 => 0,
            _ => {
                let interfaces: Vec<u16> = board.network.interfaces_towards(unit, target).collect();
                *interfaces.get(draw.choose(interfaces.len())?)?
            }
        };
        let lure = board.offence.pivot == Pivot::EitherWay && draw.choose(2)? == 1;
        Some(Tried { unit, by, interface, target, header, lure, number: AIMED })
    }
}
