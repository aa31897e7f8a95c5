//! How far an attack is from its goal: how many units it has to take at least before it has one of them.
//!
//! Scans and searches for credentials count for nothing: the question is which units and accounts are between. It is
//! answered for points as they are declared, by the bound that a search for plans uses, so it knows about credentials.

use seglab_policy::{Attacker, Design, Privilege, UnitId};

use super::super::enforcement::Enforcement;
use super::super::network::Network;
use super::bits::Bits;
use super::bound::{Bounds, Weight};
use super::doors::{Doors, Trial};
use super::moves::{Facts, Move, Moves};
use super::task::{Operation, Task};
use super::{PlanError, Settings};

/// A design and its goals, made ready to be asked.
pub(in super::super) struct Distance {
    task: Task,
    weights: Vec<Weight>,
    facts: Facts,
    /// What comes with each credential, by its number in the network.
    credentials: Vec<Vec<u32>>,
    goal: u32,
}

impl Distance {
    /// Makes ready; there is at least one goal.
    pub(in super::super) fn new(
        network: &Network<'_>,
        enforcement: &Enforcement,
        attacker: &Attacker,
        goals: &[UnitId],
        settings: &Settings,
    ) -> Result<Self, PlanError> {
        let design: &Design = network.design;
        let trial = Trial::new(design, enforcement, settings);
        let doors = Doors::new(network, &trial, false)?;
        let Moves { task, facts, moves, mut found, .. } = Moves::new(design, &doors, Some(attacker), settings)?;
        let weigh = |what: &Option<(Move, _)>| match what {
            None | Some((Move::Scan { .. } | Move::FindCredentials { .. }, _)) => 0,
            Some(_) => 1,
        };
        let mut weights: Vec<Weight> = moves.iter().map(weigh).collect();
        let mut operations = task.operations;
        let goal = facts.count() as u32;
        for &unit in goals {
            operations.push(Operation { needs: vec![facts.root(unit)], brings: vec![goal], is_action: false });
            weights.push(0);
        }
        let credentials = network.credentials_by_number().map(|name| found.remove(name).unwrap_or_default()).collect();
        Ok(Self { task: Task::new(facts.count() + 1, operations), weights, facts, credentials, goal })
    }

    /// The fewest units and escalations that are still to be taken by an attacker who has these units and credentials; `None`
    /// if nothing leads to a goal.
    pub(in super::super) fn left(
        &self,
        units: impl Iterator<Item = (UnitId, Privilege)>,
        credentials: impl Iterator<Item = u32>,
    ) -> Option<u32> {
        let mut state = Bits::new(self.facts.count() + 1);
        let keys = credentials.filter_map(|number| self.credentials.get(number as usize)).flatten().copied();
        let held = units.flat_map(|(unit, privilege)| self.facts.held(unit, privilege));
        self.task.establish(&mut state, held.chain(keys).collect::<Vec<_>>());
        let goal = [self.goal];
        let mut effort = u64::MAX;
        let bound = Bounds::new(&self.task, &self.weights, &goal).lower(&state, &mut effort)?;
        Some(u32::try_from(bound.least).unwrap_or(u32::MAX))
    }
}
