//! How an attacker gets in.

use seglab_policy::{Assume, Connection, Endpoint, Side, UnitId, WayIn};

use crate::kernel::{Agenda, Name, ScheduleError, Technique};

use super::super::purpose::FOOTHOLD;
use super::super::replica::TraceAction;
use super::super::technique;
use super::{Attack, Event, Privilege};

impl Attack<'_> {
    /// The attacker takes the foothold, if there is a way.
    pub(super) fn enter(&mut self, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let design = self.board.network.design;
        let (first, connection) = match self.board.offence.conduct.way_in {
            WayIn::Unit | WayIn::SupplyChain => {
                match self.board.offence.footholds.iter().min_by_key(|unit| self.run(**unit)) {
                    Some(&unit) => (unit, None),
                    None => return Ok(()),
                }
            }
            WayIn::ExposedService => match self.exposed(agenda) {
                Some((unit, connection)) => (unit, Some(connection)),
                None => return Ok(()),
            },
        };
        self.replica.foothold = Some(design.unit(first).name.clone());
        let mut taken = vec![first];
        match self.board.offence.conduct.way_in {
            WayIn::Unit => {}
            WayIn::ExposedService => {
                let entered = TraceAction::Entered { unit: first, connection, technique: technique::EXPLOIT_PUBLIC };
                self.note(agenda.now(), entered);
            }
            WayIn::SupplyChain => {
                let image = design.unit(first).image.as_ref();
                let others = self.board.offence.footholds.iter().copied();
                let others = others
                    .filter(|&unit| unit != first && image.is_some() && design.unit(unit).image.as_ref() == image);
                taken.extend(others);
                self.note(agenda.now(), TraceAction::Entered { unit: first, connection, technique: technique::UPDATE });
            }
        }
        taken.into_iter().try_for_each(|unit| self.take(unit, None, Privilege::Root, agenda))
    }

    /// The place of a candidate in a race in which every one runs for itself, so that another candidate changes nothing
    /// unless it wins.
    fn run(&self, unit: UnitId) -> u64 {
        self.board.draws.at(FOOTHOLD, self.board.network.name(unit), Name::NONE, Technique::NONE, 0).word()
    }

    /// The first in that race of those that somebody on the internet can take at this instant, and by which connection.
    fn exposed(&mut self, agenda: &Agenda<Event>) -> Option<(UnitId, Connection)> {
        let mut candidates = self.board.offence.footholds.clone();
        candidates.sort_by_cached_key(|unit| self.run(*unit));
        candidates.into_iter().find_map(|unit| Some((unit, self.way_from_outside(unit, agenda)?)))
    }

    fn way_from_outside(&mut self, unit: UnitId, agenda: &Agenda<Event>) -> Option<Connection> {
        let board = self.board;
        let (now, reach) = (board.enforcement.at(agenda.now()), board.network.reach(unit)?);
        let trust = board.offence.trust;
        let assume = Assume { as_if_enforced: false, trust, owned: Some(Side::Source), host_owned: false };
        for &header in &reach.headers {
            if self.ways(unit, header, false, agenda.now()).is_empty() {
                continue;
            }
            for (interface, _) in (0u16..).zip(&board.network.design.unit(unit).interfaces) {
                let destination = Endpoint::Unit { unit, interface };
                for &source in &board.offence.outside {
                    let (connection, passage) = now.attempt(Connection { source, destination, header }, assume);
                    if passage.is_allowed() {
                        return Some(connection);
                    }
                }
            }
        }
        None
    }
}
