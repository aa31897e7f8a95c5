//! Plans as they are told: step by step, who does what to whom over which connection, and with what it takes.

use seglab_policy::{Assume, Connection, Design, Effort, Header, Privilege, UnitId};

use super::super::technique::{self, Technique};
use super::bits::Bits;
use super::doors::{Actor, Door, Doors, Trial};
use super::moves::{Move, Moves};
use super::{Objective, PlanError};

/// What an attacker does in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Looks for units, those that are new among them.
    Scan {
        /// Whom it finds that was not known.
        finds: Vec<UnitId>,
    },
    /// Uses a vulnerability of a unit.
    Exploit {
        /// The unit.
        unit: UnitId,
        /// The vulnerability.
        vulnerability: String,
        /// What it gives.
        gives: Privilege,
    },
    /// Logs in with a credential.
    Login {
        /// The unit.
        unit: UnitId,
        /// The credential.
        credential: String,
    },
    /// Takes a unit by a connection alone.
    Connect {
        /// The unit.
        unit: UnitId,
    },
    /// Takes a client that connects to it.
    Lure {
        /// The client.
        unit: UnitId,
    },
    /// Finds the credentials on an owned unit.
    FindCredentials {
        /// Their names.
        credentials: Vec<String>,
    },
    /// Makes an account on a unit all of it.
    Escalate {
        /// What it goes by.
        name: String,
    },
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The owned unit that it is done from; `None` from outside.
    pub by: Option<UnitId>,
    /// What is done.
    pub deed: Deed,
    /// The technique.
    pub technique: Technique,
    /// What an attempt takes.
    pub effort: Effort,
    /// The connection that it needs, if any, and what was assumed of the enforcement when it was judged.
    pub connection: Option<(Connection, Assume)>,
    /// The units that are owned by it and were not before: the one that it is about, and what runs on that.
    pub takes: Vec<UnitId>,
}

/// A plan: what an attacker does, in this order, each step until it works.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The unit that is owned at first; `None` for an attacker outside.
    pub foothold: Option<UnitId>,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// What the plan is worth by an objective: its actions, their cost if each works at once, the cost or the time
    /// \[ns\] to be expected with retries. `None` where times are not known.
    pub fn value(&self, objective: Objective) -> Option<f64> {
        self.steps.iter().map(|step| objective.of(&step.effort)).sum()
    }
}

/// Tells plans for one design.
pub(super) struct Teller<'a> {
    pub(super) design: &'a Design,
    pub(super) doors: &'a Doors,
    pub(super) moves: &'a Moves,
    pub(super) trial: &'a Trial<'a>,
}

impl Teller<'_> {
    /// The plan that takes actions in an order in which each is possible, from a state.
    ///
    /// # Errors
    /// [`PlanError::Disagreement`] if the reference evaluator does not allow a connection.
    pub(super) fn tell(&self, foothold: Option<UnitId>, start: &Bits, actions: &[u32]) -> Result<Plan, PlanError> {
        let mut state = start.clone();
        let mut owned: Vec<UnitId> = foothold.into_iter().collect();
        owned.extend(self.owned(&state).filter(|unit| Some(*unit) != foothold));
        let mut steps = Vec::new();
        for &number in actions {
            let Some((what, effort)) = self.moves.moves.get(number as usize).and_then(Option::as_ref) else { continue };
            let before = state.clone();
            let brings = self.moves.task.operation(number).map(|one| one.brings.clone()).unwrap_or_default();
            self.moves.task.establish(&mut state, brings);
            let mut step = self.step(what, *effort, &before, &owned)?;
            step.takes = self.owned(&state).filter(|unit| !owned.contains(unit)).collect();
            // The unit itself before what runs on it.
            let unit = step.deed.unit();
            step.takes.sort_by_key(|taken| (Some(*taken) != unit, *taken));
            owned.extend(&step.takes);
            steps.push(step);
        }
        Ok(Plan { foothold, steps })
    }

    fn owned<'s>(&'s self, state: &'s Bits) -> impl Iterator<Item = UnitId> + 's {
        self.design.unit_ids().filter(|unit| state.has(self.moves.facts.user(*unit)))
    }

    fn step(&self, what: &Move, effort: Effort, state: &Bits, owned: &[UnitId]) -> Result<Step, PlanError> {
        let bare = |by, deed, technique| Step { by, deed, technique, effort, connection: None, takes: Vec::new() };
        match what {
            Move::Scan { group } => {
                let by = self.actors(owned, state).find(|actor| self.doors.group_of.get(actor) == Some(group));
                let finds = self.doors.groups.get(*group as usize).map(|group| group.finds.as_slice());
                let finds = finds.unwrap_or_default().iter().copied();
                let finds = finds.filter(|unit| !state.has(self.moves.facts.known(*unit))).collect();
                Ok(bare(
                    by.and_then(Actor::unit),
                    Deed::Scan { finds },
                    technique::scan(self.design.tradecraft().finds),
                ))
            }
            Move::FindCredentials { unit } => {
                let credentials = self.design.unit(*unit).credentials.clone();
                Ok(bare(Some(*unit), Deed::FindCredentials { credentials }, technique::FIND_CREDENTIALS))
            }
            Move::Escalate { unit, name } => {
                Ok(bare(Some(*unit), Deed::Escalate { name: name.clone() }, technique::ESCALATE))
            }
            Move::Exploit { door, .. } | Move::Login { door, .. } | Move::Connect { door } | Move::Lure { door } => {
                let Some(held) = self.doors.doors.get(*door as usize) else { return Err(PlanError::NoWayThrough) };
                let (by, connection) = self.opened(*door, held, state, owned)?;
                let unit = held.unit;
                let deed = match what.clone() {
                    Move::Exploit { vulnerability, gives, .. } => Deed::Exploit { unit, vulnerability, gives },
                    Move::Login { credential, .. } => Deed::Login { unit, credential },
                    Move::Lure { .. } => Deed::Lure { unit },
                    _ => Deed::Connect { unit },
                };
                let technique = entry(&deed, by, connection.0.header);
                Ok(Step { connection: Some(connection), ..bare(by, deed, technique) })
            }
        }
    }

    /// Who of those that are there can act, in the order in which they came.
    fn actors<'s>(&'s self, owned: &'s [UnitId], state: &'s Bits) -> impl Iterator<Item = Actor> + 's {
        let outside = self.doors.group_of.get(&Actor::Outside).copied();
        let outside = outside.filter(|group| state.has(self.moves.facts.group(*group)));
        let inside = owned.iter().flat_map(move |&unit| {
            let host = self.design.host_of(unit);
            let tampers = |unit: UnitId| state.has(self.moves.facts.tampers(unit, self.design));
            let host_owned = host.is_some_and(tampers);
            let combined = [(false, false), (false, true), (true, false), (true, true)].into_iter();
            combined
                .filter(move |(host, own)| (host_owned || !host) && (tampers(unit) || !own))
                .map(move |(host_owned, tampers)| Actor::Unit { unit, host_owned, tampers })
        });
        outside.map(|_| Actor::Outside).into_iter().chain(inside)
    }

    /// Who opens a door, by which connection, which the reference evaluator has to allow.
    fn opened(
        &self,
        number: u32,
        door: &Door,
        state: &Bits,
        owned: &[UnitId],
    ) -> Result<(Option<UnitId>, (Connection, Assume)), PlanError> {
        let opens = |actor: &Actor| {
            let group = self.doors.group_of.get(actor).and_then(|group| self.doors.groups.get(*group as usize));
            actor.unit() != Some(door.unit) && group.is_some_and(|group| group.opens.binary_search(&number).is_ok())
        };
        let actor = self.actors(owned, state).find(opens).ok_or(PlanError::NoWayThrough)?;
        let (connection, _) = self.trial.connection(actor, door).ok_or(PlanError::NoWayThrough)?;
        let assume = self.trial.assume(actor, door.is_client);
        if !self.design.evaluate(&connection, assume).verdict.is_allowed() {
            return Err(PlanError::Disagreement { connection: connection.display(self.design).to_string() });
        }
        Ok((actor.unit(), (connection, assume)))
    }
}

impl Actor {
    /// The unit that acts; `None` outside.
    pub(super) fn unit(self) -> Option<UnitId> {
        match self {
            Actor::Outside => None,
            Actor::Unit { unit, .. } => Some(unit),
        }
    }
}

impl Deed {
    /// The unit that it takes, where it is another one than it is done from.
    pub fn unit(&self) -> Option<UnitId> {
        match self {
            Deed::Exploit { unit, .. } | Deed::Login { unit, .. } | Deed::Connect { unit } | Deed::Lure { unit } => {
                Some(*unit)
            }
            Deed::Scan { .. } | Deed::FindCredentials { .. } | Deed::Escalate { .. } => None,
        }
    }
}

/// The technique by which a unit is taken from an owned one, or from outside.
fn entry(deed: &Deed, by: Option<UnitId>, header: Header) -> Technique {
    match (deed, by) {
        (Deed::Lure { .. }, _) => technique::LURE,
        (Deed::Login { .. }, None) => technique::LOGIN_EXTERNAL,
        (Deed::Login { .. }, Some(_)) => technique::login(header),
        (_, None) => technique::EXPLOIT_PUBLIC,
        (_, Some(_)) => technique::EXPLOIT_REMOTE,
    }
}
