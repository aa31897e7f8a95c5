//! The credentials that an attacker has, and how long they are of use.
//!
//! As long as the attacker holds a unit on which a credential lies it has the present one, however often it is changed.
//! When the last such unit is quarantined, the credential is of use until the next change. Changes come evenly, so that the
//! time to the next one is exponential, whenever one begins to wait for it.

use seglab_policy::UnitId;

use crate::kernel::{Agenda, Name, ScheduleError, Technique, Time};

use super::super::purpose::ROTATION;
use super::super::replica::TraceAction;
use super::{Attack, Event};

/// The credentials of an attacker, by number.
#[derive(Clone)]
pub(super) struct Keys {
    held: Vec<bool>,
    /// Those that it had at some time, in the order of finding them.
    known: Vec<u32>,
    /// On how many units at work each was found.
    places: Vec<u32>,
    /// Those that will be of no use from some time on.
    ending: Vec<(u32, Time)>,
    /// How often each was lost sight of.
    losses: Vec<u32>,
}

impl Keys {
    pub(super) fn new(credentials: usize) -> Self {
        Self {
            held: vec![false; credentials],
            known: Vec::new(),
            places: vec![0; credentials],
            ending: Vec::new(),
            losses: vec![0; credentials],
        }
    }

    /// A credential is found somewhere; true for the first time.
    pub(super) fn find(&mut self, credential: u32) -> bool {
        let at = credential as usize;
        if let (Some(held), Some(places)) = (self.held.get_mut(at), self.places.get_mut(at)) {
            *held = true;
            *places += 1;
            self.ending.retain(|(one, _)| *one != credential);
        }
        let is_new = !self.known.contains(&credential);
        if is_new {
            self.known.push(credential);
        }
        is_new
    }

    /// The credentials that the attacker had at some time.
    pub(super) fn known(&self) -> &[u32] {
        &self.known
    }

    /// Which credentials are of use at an instant; instants come in their order.
    pub(super) fn held_at(&mut self, now: Time) -> &[bool] {
        let held = &mut self.held;
        self.ending.retain(|(credential, ends)| {
            if let Some(held) = held.get_mut(*credential as usize).filter(|_| *ends <= now) {
                *held = false;
            }
            *ends > now
        });
        &self.held
    }
}

impl Attack<'_> {
    /// The credentials that lie on a unit are the attacker's.
    pub(super) fn find_credentials(&mut self, unit: UnitId, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let yields = self.board.network.yields(unit);
        if !yields.is_empty() {
            self.note(agenda.now(), TraceAction::FoundCredentials { unit });
        }
        for &credential in yields {
            if self.keys.find(credential) {
                self.open_services(credential, agenda)?;
            }
        }
        Ok(())
    }

    /// A unit is no longer a place where credentials are found.
    pub(super) fn lose_credentials(&mut self, unit: UnitId, now: Time) {
        let network = self.board.network;
        if self.has_root(unit) || !self.board.offence.craft.needs_root.credentials {
            network.yields(unit).iter().for_each(|&credential| self.lose_sight_of(credential, now));
        }
    }

    /// One place fewer; after the last one a credential is of use until it is changed.
    pub(super) fn lose_sight_of(&mut self, credential: u32, now: Time) {
        let Some(places) = self.keys.places.get_mut(credential as usize) else { return };
        *places = places.saturating_sub(1);
        if *places > 0 {
            return;
        }
        if let Some(mean) = self.board.defence.rotation {
            let Some(losses) = self.keys.losses.get_mut(credential as usize) else { return };
            *losses += 1;
            let name = self.board.network.credential_name(credential);
            let mut draw = self.board.draws.at(ROTATION, name, Name::NONE, Technique::NONE, *losses);
            self.keys.ending.push((credential, now.saturating_add(draw.exponential(mean))));
        }
    }
}
