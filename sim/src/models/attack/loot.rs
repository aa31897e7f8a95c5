//! What an attacker does with what it has: controllers that distribute policy, and data that leaves.
//!
//! Whoever has all of a controller makes void the points that it distributes policy to, everywhere, once and for all.
//!
//! Data of a critical unit goes the way back on which the attacker came, from unit to unit, to the first one that policy lets
//! send it to the internet; that is looked for once, when all of the unit is taken. It has left after an exponential time,
//! unless one of the units on its way is quarantined by then.

use seglab_policy::{Assume, Connection, Endpoint, Header, Side, UnitId};

use crate::kernel::statistics::Fate;
use crate::kernel::{Agenda, Duration, Name, ScheduleError};

use super::super::purpose::{ALERT, EXFILTRATE, EXFILTRATION};
use super::super::replica::{Settled, TraceAction};
use super::super::technique;
use super::{Attack, Event, State};

impl Attack<'_> {
    /// Makes void what an owned unit distributes policy to, if it is a controller.
    pub(super) fn take_controller(&mut self, unit: UnitId, agenda: &Agenda<Event>) {
        let design = self.board.network.design;
        if !self.board.offence.conduct.takes_controllers {
            return;
        }
        let name = design.unit(unit).name.as_str();
        let before = self.void_points.len();
        let served = design.point_ids().filter(|point| design.point(*point).controller.as_deref() == Some(name));
        self.void_points.extend(served);
        if self.void_points.len() > before {
            self.void_points.sort_unstable();
            self.note(agenda.now(), TraceAction::TookController { unit });
        }
    }

    /// Looks for a way out for what lies on a critical unit.
    pub(super) fn exfiltrate(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let (board, State::Owned(first)) = (self.board, self.state(unit)) else { return Ok(()) };
        let Some(exfiltration) = board.offence.conduct.exfiltration else { return Ok(()) };
        let header = Header::to_port(exfiltration.protocol, exfiltration.port);
        let mut at = Some(first);
        while let Some(number) = at {
            let Some(owned) = self.at_work(number) else { return Ok(()) };
            let (sender, by) = (owned.unit, owned.by);
            if self.sends(sender, header, agenda)? {
                let name = board.network.name(unit);
                let mut draw = board.draws.at(EXFILTRATION, name, Name::NONE, EXFILTRATE, 0);
                let delay = draw.exponential(Duration::from_nanos(exfiltration.mean_ns));
                return agenda.schedule_in(delay, Event::Exfiltrated { owned: first, through: number });
            }
            at = by;
        }
        Ok(())
    }

    /// True if policy lets a unit send to some address on the internet; what is denied may raise an alert.
    fn sends(&mut self, unit: UnitId, header: Header, agenda: &mut Agenda<Event>) -> Result<bool, ScheduleError> {
        let board = self.board;
        let assume = Assume { owned: Some(Side::Source), ..self.assume(unit, false, agenda.now()) };
        let mut denied = false;
        for (interface, _) in (0u16..).zip(&board.network.design.unit(unit).interfaces) {
            for &destination in board.offence.outside.iter().filter(|end| matches!(end, Endpoint::External(_))) {
                let wanted = Connection { source: Endpoint::Unit { unit, interface }, destination, header };
                let (connection, passage) = self.open(wanted, assume, agenda.now());
                denied |= passage.is_reportable();
                let works = passage.is_allowed();
                let technique = technique::EXFILTRATE;
                self.note(
                    agenda.now(),
                    TraceAction::Attempt { by: unit, connection, assume, passage, works, technique },
                );
                if works {
                    return Ok(true);
                }
            }
        }
        let mut alerts = board.draws.at(ALERT, board.network.name(unit), Name::NONE, EXFILTRATE, 0);
        if denied && alerts.bernoulli(board.defence.denied_alert) {
            self.replica.alerts.denials += 1;
            self.alert(unit, agenda)?;
        }
        Ok(false)
    }

    /// What lies on a unit has left, if all that carry it are still the attacker's.
    pub(super) fn exfiltrated(&mut self, first: u32, through: u32, agenda: &Agenda<Event>) {
        let mut at = Some(first);
        while let Some(number) = at {
            let Some(owned) = self.at_work(number) else { return };
            at = owned.by.filter(|_| number != through);
        }
        let Some(unit) = self.at_work(first).map(|owned| owned.unit) else { return };
        if let Ok(position) = self.board.critical.binary_search(&unit)
            && let Some(settled) = self.replica.exfiltrated.get_mut(position)
        {
            *settled = Settled { at: agenda.now(), fate: Fate::Event };
            self.note(agenda.now(), TraceAction::Exfiltrated { unit });
        }
    }
}
