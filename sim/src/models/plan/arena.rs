//! An attack, action by action, for whoever chooses the actions: a learning agent, or a bench.

use seglab_policy::{Design, Privilege, UnitId};

use crate::kernel::{Draw, Probability};

use super::super::enforcement::Enforcement;
use super::super::network::Network;
use super::bits::Bits;
use super::doors::Trial;
use super::moves::Move;
use super::{Attack, PlanError, Settings, attacker, footholds};

/// A design in which actions are taken one by one, each of which may fail or be impossible.
pub struct Arena {
    task: super::task::Task,
    /// The operation of each action, its chance, and what an attempt costs.
    actions: Vec<(u32, Probability, f64)>,
    names: Vec<(UnitId, String)>,
    start: Bits,
    goal: Vec<u32>,
}

/// The state of an attack in an [`Arena`].
#[derive(Clone, Debug, PartialEq)]
pub struct ArenaState {
    facts: Bits,
    /// What attempts have cost so far.
    pub cost: f64,
}

impl Arena {
    /// Compiles a design; the attacker starts at the first foothold, or outside.
    ///
    /// # Errors
    /// As [`plans`](super::plans).
    pub fn new(design: &Design, settings: &Settings) -> Result<Self, PlanError> {
        let attacker = attacker(design, &settings.attacker)?;
        let foothold = footholds(design, attacker, &settings.start)?.first().copied();
        let (network, enforcement) = (Network::new(design, settings.pivot)?, Enforcement::new(design)?);
        let trial = Trial::new(design, &enforcement, settings);
        let attack = Attack::new(design, &network, &trial, attacker, settings, false)?;
        let start = attack.start(foothold);
        let critical = design.unit_ids().filter(|unit| design.unit(*unit).criticality > 0);
        let goal = critical.flat_map(|unit| attack.moves.facts.held(unit, Privilege::Root)).collect();
        let (mut actions, mut names) = (Vec::new(), Vec::new());
        for (number, held) in (0u32..).zip(&attack.moves.moves) {
            let Some((what, effort)) = held else { continue };
            let Ok(probability) = Probability::new(effort.success_probability) else { continue };
            let door = |door: u32| attack.doors.doors.get(door as usize).map(|door| door.unit);
            let on: Vec<UnitId> = match what {
                Move::Scan { group } => {
                    let of = attack.doors.group_of.iter().filter(|(_, of)| *of == group);
                    let units = of.filter_map(|(actor, _)| actor.unit());
                    units.collect()
                }
                Move::Exploit { door: at, .. }
                | Move::Login { door: at, .. }
                | Move::Connect { door: at }
                | Move::Lure { door: at } => door(*at).into_iter().collect(),
                Move::FindCredentials { unit } | Move::Escalate { unit, .. } => vec![*unit],
            };
            for unit in on {
                actions.push((number, probability, effort.cost));
                names.push((unit, what.name().to_owned()));
            }
        }
        Ok(Self { task: attack.moves.task, actions, names, start, goal })
    }

    /// The state before the first action.
    pub fn start(&self) -> ArenaState {
        ArenaState { facts: self.start.clone(), cost: 0.0 }
    }

    /// The actions, each with the unit that it is about and its name: the vulnerability, credential or escalation, `scan`,
    /// or `find-credentials`.
    pub fn actions(&self) -> &[(UnitId, String)] {
        &self.names
    }

    /// Tries an action: true if it was possible and worked. One that is impossible, or fails, costs the same.
    pub fn attempt(&self, state: &mut ArenaState, action: usize, draw: &mut Draw) -> bool {
        let Some(&(number, probability, cost)) = self.actions.get(action) else { return false };
        let Some(operation) = self.task.operation(number) else { return false };
        state.cost += cost;
        let possible = operation.needs.iter().all(|&need| state.facts.has(need));
        let works = possible && draw.bernoulli(probability);
        if works {
            self.task.establish(&mut state.facts, operation.brings.iter().copied());
        }
        works
    }

    /// True if every critical unit is owned.
    pub fn is_won(&self, state: &ArenaState) -> bool {
        self.goal.iter().all(|&fact| state.facts.has(fact))
    }
}
