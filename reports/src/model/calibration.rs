//! Numbers about the world outside a design, outcomes held against them, and what enforcing takes by them.

use seglab_sim::models::EnforcementLoad;
use serde::{Deserialize, Serialize};

/// A number of the calibration that was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibratedValue {
    /// Its name.
    pub name: String,
    /// The number with its unit, as a calibration file has it: `29min`.
    pub value: String,
    /// `input` or `check`.
    pub role: String,
    /// Who says so.
    pub source: String,
    /// The day of the source, or on which it was read.
    pub date: String,
}

/// An outcome of a simulated attack beside one that was observed elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutcomeCheck {
    /// The name of the check.
    pub name: String,
    /// What was observed: `29min`.
    pub observed: String,
    /// The share of replicas in which it happened. [0 to 1]
    pub share: f64,
    /// The median over these. \[ns\]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated_ns: Option<u64>,
    /// How many times the observed one that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

/// What enforcing a design takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DesignLoad {
    /// The design.
    pub design: String,
    /// What it takes.
    pub load: EnforcementLoad,
}
