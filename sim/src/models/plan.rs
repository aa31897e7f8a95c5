//! The attacker's best plans: the fewest actions, the least cost, the least expected cost and time to each critical unit.
//!
//! A campaign says what attackers do who know nothing; this says what the best of them does, who knows everything and
//! still has to do it. It is an exact optimum of a search, not an estimate: chance decides how often an action has to be
//! tried, never what is tried next, for an attempt that fails leaves everything as it was. What a plan costs in expectation
//! is therefore the sum of cost / probability over its actions, and no adaptive attacker does better.
//!
//! # What counts as an action
//! - *Scan*: an owned unit finds whom it can use ([`Finds`](seglab_policy::Finds)). An attacker outside knows what is open
//!   to the outside, and one who starts on a unit has to scan first.
//! - *Exploit* of a vulnerability, *login* with a credential, or what else the pivot model takes for a way in: through a
//!   connection that the enforcement lets through, at a unit that is known.
//! - *Find credentials* on an owned unit; where they are of use is then known, too. So a chain of n units between a foothold
//!   and a goal in which each holds the credential of the next takes 2(n + 1) actions: find, log in, n + 1 times.
//! - *Escalate* from an account to all of a unit. A critical unit is taken when all of it is.
//!
//! Who owns a host owns its units, which is no action. An action costs 1 and takes the attacker's time and probability
//! where the design's [`Tradecraft`](seglab_policy::Tradecraft) says nothing else; a scan takes as long as the sweep of so
//! many addresses at the attacker's rate. Without an attacker there are no times.
//!
//! # How
//! Enforcement is asked by the rule engine who can open which connection; the attack becomes a planning task
//! without deletions (`task`), solved by A\* with landmark cuts (`search`, `bound`). Every connection of a plan is then
//! held to the reference evaluator. Where the effort is spent before the best plan is known, the answer is the best one
//! found with what any costs at least; connections whose verdict is unknown are in no plan and lower that bound.

mod arena;
mod bits;
mod bound;
mod distance;
mod doors;
mod moves;
mod play;
mod search;
mod steps;
mod task;

pub use super::technique::Technique;
pub use arena::{Arena, ArenaState};
pub(super) use distance::Distance;
pub(super) use doors::outside;
pub use play::Played;
pub use steps::{Deed, Plan, Step};

use std::num::NonZeroU32;

use seglab_engine::CompileError;
use seglab_policy::{Attacker, Design, Effort, Pivot, Privilege, Trust, UnitId};

use crate::kernel::NameCollision;

use super::AttackerChoice;
use super::enforcement::Enforcement;
use super::network::Network;
use bits::Bits;
use bound::Weight;
use doors::{Actor, Doors, Trial};
use moves::Moves;
use search::{Found, search};
use steps::Teller;

/// What makes a plan good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Objective {
    /// The number of its actions.
    FewestActions,
    /// What its actions cost, if each works at once.
    LeastCost,
    /// What its actions cost in expectation, each tried until it works.
    ExpectedCost,
    /// How long they take in expectation, one after the other. \[ns\]
    ExpectedTime,
}

impl Objective {
    /// The four, in this order.
    pub const ALL: [Objective; 4] =
        [Objective::FewestActions, Objective::LeastCost, Objective::ExpectedCost, Objective::ExpectedTime];

    /// What an action adds.
    fn of(self, effort: &Effort) -> Option<f64> {
        match self {
            Objective::FewestActions => Some(1.0),
            Objective::LeastCost => Some(effort.cost),
            Objective::ExpectedCost => Some(effort.cost / effort.success_probability),
            Objective::ExpectedTime => effort.mean_ns.map(|mean| mean as f64 / effort.success_probability),
        }
    }

    /// How fine weights are: a billionth of a cost, a nanosecond.
    fn grain(self) -> f64 {
        match self {
            Objective::ExpectedTime => 1.0,
            Objective::FewestActions | Objective::LeastCost | Objective::ExpectedCost => 1e9,
        }
    }
}

/// Below these many bits weights count actions: of plans that are equally good, the shorter is better.
const COUNT_BITS: u32 = 20;
/// The heaviest action, so that sums fit.
const HEAVIEST: f64 = 1e27;

/// Where an attacker starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the foothold of the attacker, or outside if there is none.
    #[default]
    AsDeclared,
    /// Outside: at whichever address of the internet is best.
    Outside,
    /// On whichever of these units is best.
    Units(Vec<UnitId>),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Whose probabilities and times count, and whose foothold.
    pub attacker: AttackerChoice,
    /// Where the attacker starts.
    pub start: Start,
    /// The goals; empty for the critical units.
    pub goals: Vec<UnitId>,
    /// What it takes to own the next unit.
    pub pivot: Pivot,
    /// What still enforces at units that the attacker owns.
    pub trust: Trust,
    /// Every declared point enforces, whatever its mode.
    pub as_if_enforced: bool,
    /// The number of addresses that a scan sweeps.
    pub scanned_addresses: NonZeroU32,
    /// What the search for one plan may take at most \[looks at an operation\].
    pub effort_max: u64,
}

impl Default for Settings {
    /// The first attacker from its foothold to the critical units, `exploitable`, `own-agent-void`.
    fn default() -> Self {
        Self {
            attacker: AttackerChoice::First,
            start: Start::AsDeclared,
            goals: Vec::new(),
            pivot: Pivot::Exploitable,
            trust: Trust::OwnAgentVoid,
            as_if_enforced: false,
            scanned_addresses: NonZeroU32::MIN.saturating_add(super::Settings::SCANNED_ADDRESSES_MIN - 1),
            effort_max: 200_000_000,
        }
    }
}

/// Why there are no plans.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to take.
    #[error("the design has no critical unit: mark units with `critical`, or name goals")]
    NoGoal,
    /// A name that no attacker has.
    #[error("the design declares no attacker `{0}`: correct the name, or declare it")]
    UnknownAttacker(String),
    /// The attacker has nowhere to start from.
    #[error("no unit is the foothold of the attacker `{0}`: correct its selector")]
    EmptyFoothold(String),
    /// An action takes what none can.
    #[error("{what} has a probability of {} and costs {}: give a probability above 0, to 1, and a cost from 0 on", effort.success_probability, effort.cost)]
    Unsound {
        /// The action.
        what: String,
        /// What it takes.
        effort: Effort,
    },
    /// More than can be looked at.
    #[error(
        "{pairs} pairs of a unit and a way in are more than the {limit} that are looked at: ask about a smaller design"
    )]
    TooLarge {
        /// How many there are.
        pairs: u64,
        /// How many are looked at.
        limit: u64,
    },
    /// The rule engine cannot take the design.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Two units whose draws would be the same.
    #[error(transparent)]
    Names(#[from] NameCollision),
    /// The rule engine and the reference evaluator differ: a defect.
    #[error("the reference evaluator does not allow `{connection}`, which the rule engine does: please report this")]
    Disagreement {
        /// The connection.
        connection: String,
    },
    /// A plan with a step that nobody can take: a defect.
    #[error("a plan has a step that nobody who is owned by then can take: please report this")]
    NoWayThrough,
}

/// What a plan is to take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// One unit.
    Unit(UnitId),
    /// All of them, in one attack.
    All(Vec<UnitId>),
}

/// The best plan by one objective, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Solution {
    /// It cannot be asked for: not every action's time is known.
    NotAsked,
    /// Nothing leads to the goal.
    Unreachable,
    /// Nothing that is certainly allowed leads to the goal; with what may be allowed it takes at least this.
    Undecided {
        /// What a plan takes at least.
        least: f64,
    },
    /// A plan.
    Found {
        /// The plan.
        plan: Plan,
        /// What it takes.
        value: f64,
        /// What any plan takes at least: `value` if this is the best.
        least: f64,
    },
}

/// The best plans to one goal.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalPlans {
    /// The goal.
    pub goal: Goal,
    /// What was found for each of [`Objective::ALL`].
    pub solutions: Vec<(Objective, Solution)>,
}

/// The best plans of an attacker in a design.
#[derive(Clone, Debug, PartialEq)]
pub struct Plans {
    /// The attacker whose numbers count; `None` where only the design's own do.
    pub attacker: Option<String>,
    /// The units that the attacker may start from; empty for one outside.
    pub footholds: Vec<UnitId>,
    /// Plans to each goal, and last to all of them if there are several.
    pub goals: Vec<GoalPlans>,
    /// How many pairs of a unit and a way into another have an unknown verdict; no plan uses them.
    pub undecided: u64,
}

/// Finds the best plans.
///
/// # Errors
/// [`PlanError`] if there is nothing to ask, or the design cannot be compiled.
pub fn plans(design: &Design, settings: &Settings) -> Result<Plans, PlanError> {
    let attacker = attacker(design, &settings.attacker)?;
    let footholds = footholds(design, attacker, &settings.start)?;
    let mut critical = settings.goals.clone();
    if critical.is_empty() {
        critical = design.unit_ids().filter(|unit| design.unit(*unit).criticality > 0).collect();
    }
    if critical.is_empty() {
        return Err(PlanError::NoGoal);
    }
    let (network, enforcement) = (Network::new(design, settings.pivot)?, Enforcement::new(design)?);
    let trial = Trial::new(design, &enforcement, settings);
    let sure = Attack::new(design, &network, &trial, attacker, settings, false)?;
    let perhaps = match sure.doors.undecided {
        0 => None,
        _ => Some(Attack::new(design, &network, &trial, attacker, settings, true)?),
    };
    let mut goals: Vec<Goal> = critical.iter().copied().map(Goal::Unit).collect();
    if critical.len() > 1 {
        goals.push(Goal::All(critical));
    }
    let solve = |goal: Goal| {
        let solve = |objective| {
            let best = sure.best(&goal, objective, &footholds, settings.effort_max);
            let bound = match &perhaps {
                Some(perhaps) => perhaps.best(&goal, objective, &footholds, settings.effort_max).least(objective),
                None => best.least(objective),
            };
            Ok((objective, sure.solution(best, objective, &trial, bound)?))
        };
        let solutions = Objective::ALL.into_iter().map(solve).collect::<Result<_, PlanError>>()?;
        Ok(GoalPlans { goal, solutions })
    };
    let goals = goals.into_iter().map(solve).collect::<Result<_, PlanError>>()?;
    let attacker = attacker.map(|attacker| attacker.name.clone());
    Ok(Plans { attacker, footholds, goals, undecided: sure.doors.undecided })
}

fn attacker<'a>(design: &'a Design, choice: &AttackerChoice) -> Result<Option<&'a Attacker>, PlanError> {
    match choice {
        AttackerChoice::Nobody => Ok(None),
        AttackerChoice::First => Ok(design.attackers().first()),
        AttackerChoice::Named(name) => match design.attackers().iter().find(|attacker| attacker.name == *name) {
            Some(attacker) => Ok(Some(attacker)),
            None => Err(PlanError::UnknownAttacker(name.clone())),
        },
    }
}

fn footholds(design: &Design, attacker: Option<&Attacker>, start: &Start) -> Result<Vec<UnitId>, PlanError> {
    match (start, attacker) {
        (Start::Units(units), _) => Ok(units.clone()),
        (Start::Outside, _) | (Start::AsDeclared, None) => Ok(Vec::new()),
        (Start::AsDeclared, Some(attacker)) => {
            let units: Vec<UnitId> = design.select(&attacker.foothold).collect();
            if units.is_empty() { Err(PlanError::EmptyFoothold(attacker.name.clone())) } else { Ok(units) }
        }
    }
}

/// A design, compiled for an attacker.
struct Attack<'a> {
    design: &'a Design,
    doors: Doors,
    moves: Moves,
}

/// The best that was found.
enum Best {
    NotAsked,
    Nothing,
    Plan { foothold: Option<UnitId>, actions: Vec<u32>, least: Weight },
}

impl Best {
    /// What any plan takes at least, counts of actions left out.
    fn least(&self, objective: Objective) -> Option<f64> {
        match self {
            Best::NotAsked | Best::Nothing => None,
            Best::Plan { least, .. } => Some((least >> COUNT_BITS) as f64 / objective.grain()),
        }
    }
}

impl<'a> Attack<'a> {
    fn new(
        design: &'a Design,
        network: &Network<'a>,
        trial: &Trial<'_>,
        attacker: Option<&Attacker>,
        settings: &Settings,
        optimistic: bool,
    ) -> Result<Self, PlanError> {
        let doors = Doors::new(network, trial, optimistic)?;
        let moves = Moves::new(design, &doors, attacker, settings)?;
        Ok(Self { design, doors, moves })
    }

    /// The state of an attacker who has done nothing yet.
    fn start(&self, foothold: Option<UnitId>) -> Bits {
        let facts = self.moves.facts;
        let mut state = Bits::new(facts.count());
        let group = self.doors.group_of.get(&Actor::Outside).copied().unwrap_or_default();
        let first = match foothold {
            Some(unit) => facts.held(unit, Privilege::Root),
            None => {
                // What is open to the outside, or leads there, can be looked up.
                let finds = self.doors.groups.get(group as usize).map(|group| group.finds.as_slice());
                let known = finds.unwrap_or_default().iter().map(|&unit| facts.known(unit));
                known.chain([facts.group(group)]).collect()
            }
        };
        self.moves.task.establish(&mut state, first);
        self.moves.task.establish(&mut state, self.moves.stolen.iter().copied());
        state
    }

    /// The weight of every operation; `None` if something is not known of one.
    fn weights(&self, objective: Objective) -> Option<Vec<Weight>> {
        let weigh = |what: &Option<(moves::Move, Effort)>| match what {
            None => Some(0),
            Some((_, effort)) => {
                let grains = (objective.of(effort)? * objective.grain()).round().min(HEAVIEST);
                Some((grains as Weight) << COUNT_BITS | 1)
            }
        };
        self.moves.moves.iter().map(weigh).collect()
    }

    fn best(&self, goal: &Goal, objective: Objective, footholds: &[UnitId], effort_max: u64) -> Best {
        let Some(weights) = self.weights(objective) else { return Best::NotAsked };
        let facts = self.moves.facts;
        let goal: Vec<u32> = match goal {
            Goal::Unit(unit) => vec![facts.root(*unit)],
            Goal::All(units) => units.iter().map(|unit| facts.root(*unit)).collect(),
        };
        let starts: Vec<Option<UnitId>> = match footholds {
            [] => vec![None],
            units => units.iter().copied().map(Some).collect(),
        };
        let mut effort = effort_max;
        let mut best: Option<(Weight, Option<UnitId>, Vec<u32>)> = None;
        let mut bound = Weight::MAX;
        for foothold in starts {
            let found = search(&self.moves.task, &weights, &self.start(foothold), &goal, &mut effort);
            let Found::Plan { actions, weight, least } = found else { continue };
            bound = bound.min(least);
            if best.as_ref().is_none_or(|(known, ..)| weight < *known) {
                best = Some((weight, foothold, actions));
            }
        }
        match best {
            None => Best::Nothing,
            Some((_, foothold, actions)) => Best::Plan { foothold, actions, least: bound },
        }
    }

    /// Tells what was found; `bound` is what any plan takes at least, with all that may be allowed.
    fn solution(
        &self,
        best: Best,
        objective: Objective,
        trial: &Trial<'_>,
        bound: Option<f64>,
    ) -> Result<Solution, PlanError> {
        match (best, bound) {
            (Best::NotAsked, _) => Ok(Solution::NotAsked),
            (Best::Nothing, None) => Ok(Solution::Unreachable),
            (Best::Nothing, Some(least)) => Ok(Solution::Undecided { least }),
            (Best::Plan { foothold, actions, .. }, bound) => {
                let teller = Teller { design: self.design, doors: &self.doors, moves: &self.moves, trial };
                let plan = teller.tell(foothold, &self.start(foothold), &actions)?;
                let Some(value) = plan.value(objective) else { return Ok(Solution::NotAsked) };
                // Weights are rounded to grains, one for each action.
                let rounding = plan.steps.len() as f64 / objective.grain();
                let least = bound.filter(|least| *least + rounding < value).unwrap_or(value);
                Ok(Solution::Found { plan, value, least })
            }
        }
    }
}
