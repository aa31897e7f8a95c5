//! What a report speaks of, and what it rests on.

use super::diagnostic::Location;
use serde::{Deserialize, Serialize};

/// What made a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of Z3 that the tool is linked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z3_version: Option<String>,
    /// True if Z3 was asked for a second opinion; what it said of each property stands there.
    #[serde(default)]
    pub z3_asked: bool,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The path as the user gave it.
    pub path: String,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
}

/// Enforcement points of one kind and mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointCount {
    /// `agent`, `host`, `appliance`, `cloud`.
    pub kind: String,
    /// `off`, `listen`, `alert`, `enforce`.
    pub mode: String,
    /// How many are declared.
    pub points: u64,
    /// How many units they cover.
    pub units: u64,
}

/// Objects of one kind that were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectCount {
    /// The kind: `NetworkPolicy`.
    pub kind: String,
    /// How many.
    pub count: u64,
}

/// How far the results reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Units.
    pub units: u64,
    /// Units that no enforcing point covers.
    pub uncovered_units: u64,
    /// The first few of them, by name.
    pub uncovered_examples: Vec<String>,
    /// Named sources outside the design.
    pub external_sources: Vec<String>,
    /// Enforcement points by kind and mode.
    pub points: Vec<PointCount>,
    /// Rules.
    pub rules: u64,
    /// Address spaces, by name.
    pub address_spaces: Vec<String>,
    /// Objects that were read, by kind.
    pub objects: Vec<ObjectCount>,
    /// True if points were judged as if all of them enforced, whatever their mode.
    pub as_if_enforced: bool,
}

/// A sentence that the results rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// Its stable name.
    pub id: String,
    /// The sentence.
    pub text: String,
    /// What follows if it is the other way round, where the policy leaves it to the implementation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// What hangs on an assumption that could have been made the other way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The other way, as a sentence.
    pub otherwise: String,
    /// The verdicts that it changes; where there is none, no verdict depends on the assumption.
    pub changes: Vec<ChangedVerdict>,
}

/// A verdict that depends on a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedVerdict {
    /// `property` or `need`.
    pub kind: String,
    /// The property's name, or the needed flow.
    pub name: String,
    /// The verdict under the assumption.
    pub verdict: String,
    /// The verdict the other way.
    pub otherwise: String,
    /// A connection on the way to the verdict that fares differently: `web -> db tcp/5432`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The rules that make the difference.
    pub deciding: Vec<DecidingRule>,
}

/// A rule that a verdict depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidingRule {
    /// The rule, as a lab file would say it.
    pub rule: String,
    /// The object that it is part of: `NetworkPolicy shop/web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Units that are assumed out of attackers' reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trusted {
    /// The selector.
    pub units: String,
    /// How many units it selects.
    pub count: u64,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The day after which it no longer holds, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// True if that day is over: then it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Something that was read and is not modelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmodelled {
    /// What it is.
    pub what: String,
    /// The selector of the units whose verdicts it may touch.
    pub touches: String,
    /// How many units that is.
    pub units: u64,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A kind of object that was left out on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// The kind.
    pub kind: String,
    /// How many objects of it.
    pub count: u64,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where a lab file says so; `None` for kinds that are known to change no connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}
