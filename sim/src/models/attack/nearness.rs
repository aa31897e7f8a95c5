//! How near an attack is to its goal, for a search for rare ones: see [`splitting`](crate::kernel::splitting).
//!
//! The goal is the first critical unit or, for ransomware, the strike. The more units are still between, the further; of two
//! attacks that lack as many, the one with more time left is nearer. What this says costs or spares effort, and biases
//! nothing.

use seglab_policy::{Privilege, Strategy};

use crate::kernel::splitting::Splits;
use crate::kernel::statistics::Fate;
use crate::kernel::{Agenda, Duration};

use super::super::plan::Distance;
use super::{Attack, Event, State};

/// What a unit that is still to be taken makes an attack further.
const STEP: f64 = 0.1;

/// Tells how near an attack is to its goal.
pub(in super::super) enum Compass {
    /// Ransomware: by the units that it has.
    Strike,
    /// The critical units: by how many units are between.
    Critical {
        distance: Distance,
        /// About how long it takes to take a unit.
        step: Duration,
    },
}

impl Attack<'_> {
    /// Sees how near the attack has come.
    pub(super) fn look_at_compass(&mut self, agenda: &Agenda<Event>) {
        let near = match self.board.compass {
            None => return,
            Some(Compass::Strike) => match (self.replica.impact, self.board.offence.strategy) {
                (Some(_), _) => 1.0,
                (None, Strategy::Ransomware { units: Some(units), .. }) => {
                    f64::from(self.active) / f64::from(units).max(f64::from(self.active) + 1.0)
                }
                (None, _) => 0.0,
            },
            Some(Compass::Critical { .. }) if self.replica.critical.iter().any(|one| one.fate == Fate::Event) => 1.0,
            Some(Compass::Critical { distance, step }) => {
                let now = agenda.now();
                let at_work = (0u32..).zip(&self.owned);
                let at_work = at_work.filter(|(number, owned)| self.state(owned.unit) == State::Owned(*number));
                let held = at_work.map(|(_, owned)| {
                    (owned.unit, if self.has_root(owned.unit) { Privilege::Root } else { Privilege::User })
                });
                let held: Vec<_> = held.collect();
                let keys = (0u32..).zip(self.keys.held_at(now)).filter_map(|(number, held)| held.then_some(number));
                let Some(left) = distance.left(held.into_iter(), keys) else { return };
                let left = left.max(1);
                let steps_of_time = agenda.horizon().since(now).as_secs_f64() / step.as_secs_f64().max(1e-9);
                libm::pow(STEP, f64::from(left)) * in_time(left, steps_of_time)
            }
        };
        self.nearness = self.nearness.max(near);
    }
}

/// The chance that so many steps, each of an exponential time with the mean 1, are made within a time (Erlang's distribution).
fn in_time(steps: u32, time: f64) -> f64 {
    let (mut term, mut fewer) = (libm::exp(-time), 0.0);
    for made in 1..=steps {
        fewer += term;
        term *= time / f64::from(made);
    }
    (1.0 - fewer).clamp(f64::MIN_POSITIVE, 1.0)
}

impl Splits for Attack<'_> {
    fn nearness(&self) -> f64 {
        self.nearness
    }

    fn become_clone(&mut self, number: u32) {
        let draws = self.board.draws;
        self.board.draws = draws.in_branch(draws.branch().of_clone(number));
    }
}
