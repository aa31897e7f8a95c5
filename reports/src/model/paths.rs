//! The attacker's best plans.

use super::{Heading, Hop};
use serde::{Deserialize, Serialize};

/// The attacker's best plans to each goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackPaths {
    /// The design, what made this, from which bytes, and what it rests on.
    #[serde(flatten)]
    pub heading: Heading,
    /// The attacker whose probabilities and times count; `None` where only the design's own do.
    pub attacker: Option<String>,
    /// The units that the attacker may start from; empty for one outside.
    pub footholds: Vec<String>,
    /// The pivot model.
    pub pivot: String,
    /// What still enforces at owned units.
    pub trust: String,
    /// Points enforce whatever their mode.
    pub as_if_enforced: bool,
    /// How many pairs of a unit and a way into another have an unknown verdict; no plan uses them.
    pub undecided: u64,
    /// The goals, the set of all of them last.
    pub goals: Vec<AttackGoal>,
}

/// The best plans to one goal. A number that is absent has no plan; see [`AttackGoal::at_least`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackGoal {
    /// The units to take.
    pub units: Vec<String>,
    /// The fewest actions.
    pub fewest_actions: Option<f64>,
    /// The least cost, if each action works at once.
    pub least_cost: Option<f64>,
    /// The least expected cost, each action tried until it works.
    pub expected_cost: Option<f64>,
    /// The least expected time, one action after the other. \[ns\]
    pub expected_time_ns: Option<f64>,
    /// What any plan takes at least: the same number where the plan is the best, a smaller one where that is not known,
    /// and none where nothing leads to the goal.
    pub at_least: AtLeast,
    /// True if every number is that of the best plan, or of none that exists.
    pub optimal: bool,
    /// The plans, each with what it is the best by.
    pub plans: Vec<AttackPlan>,
}

/// What any plan takes at least.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AtLeast {
    /// Actions.
    pub fewest_actions: Option<f64>,
    /// Cost.
    pub least_cost: Option<f64>,
    /// Expected cost.
    pub expected_cost: Option<f64>,
    /// Expected time. \[ns\]
    pub expected_time_ns: Option<f64>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackPlan {
    /// By what it is the best that was found: `fewest-actions`, `least-cost`, `expected-cost`, `expected-time`.
    pub best_by: Vec<String>,
    /// The unit that is owned at first; `None` from outside.
    pub foothold: Option<String>,
    /// What its actions cost, if each works at once.
    pub cost: f64,
    /// What they cost in expectation.
    pub expected_cost: f64,
    /// How long they take in expectation. \[ns\]
    pub expected_time_ns: Option<f64>,
    /// The steps.
    pub steps: Vec<AttackStep>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackStep {
    /// The owned unit that it is done from; `None` from outside.
    pub by: Option<String>,
    /// `scan`, `exploit`, `login`, `connect`, `lure`, `find-credentials`, `escalate`.
    pub action: String,
    /// What is done, in words: `exploits e_ssh on host-1-0, for an account`.
    pub says: String,
    /// The vulnerability, credential or escalation that it goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// The unit that is to be taken by a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The technique's id in MITRE ATT&CK.
    pub technique: String,
    /// Its name there.
    pub technique_name: String,
    /// What an attempt costs.
    pub cost: f64,
    /// The chance that an attempt works.
    pub probability: f64,
    /// The mean time of an attempt. \[ns\]
    pub time_ns: Option<u64>,
    /// The connection, and what every point on its path said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Hop>,
    /// The units that are owned by it and were not before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<String>,
}

impl AttackGoal {
    /// The number and its bound by an objective's name.
    pub fn by(&self, objective: &str) -> (Option<f64>, Option<f64>) {
        let least = &self.at_least;
        match objective {
            "fewest-actions" => (self.fewest_actions, least.fewest_actions),
            "least-cost" => (self.least_cost, least.least_cost),
            "expected-time" => (self.expected_time_ns, least.expected_time_ns),
            _ => (self.expected_cost, least.expected_cost),
        }
    }

    /// The plan that is the best by an objective's name.
    pub fn plan(&self, objective: &str) -> Option<&AttackPlan> {
        self.plans.iter().find(|plan| plan.best_by.iter().any(|best| best == objective))
    }
}
