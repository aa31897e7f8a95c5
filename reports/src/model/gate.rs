//! What a gate makes of a verification: all that violates it, what of that is put up with, by whom and until when.

use super::{Counterexample, Location, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a finding closes the gate; what does comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// It does, and nothing is known of it from before.
    #[default]
    Open,
    /// It does: the baseline does not have it, or has less of it.
    New,
    /// It does not: the baseline has it.
    Known,
    /// It does not: somebody answers for it.
    Waived,
}

impl FindingState {
    /// True if the gate lets it pass.
    pub fn passes(self) -> bool {
        matches!(self, FindingState::Known | FindingState::Waived)
    }
}

impl fmt::Display for FindingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FindingState::Open => "open",
            FindingState::New => "new",
            FindingState::Known => "known",
            FindingState::Waived => "waived",
        })
    }
}

/// What violates a claim, or leaves it undecided, from one group of units to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What stays the same while lines, order, and numbers of units change. \[32 hexadecimal digits\]
    pub fingerprint: String,
    /// The group that it starts in.
    pub from: String,
    /// The group that it ends in.
    pub to: String,
    /// What tells it from others between the same groups: what can be used, or the rule.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on: String,
    /// What can be used, as ranges: `TCP 80`, `UDP 5000-5100`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// The external addresses that take part, as ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// How many pairs of units, units or rules.
    pub count: u64,
    /// True if there may be more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// `violated` or `unknown`: what is true of it, whoever puts up with it.
    pub verdict: Verdict,
    /// Whether it closes the gate.
    pub state: FindingState,
    /// The waiver of it, one that has expired too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waiver>,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<Counterexample>,
}

/// What became of a waiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaiverState {
    /// It counts.
    #[default]
    Active,
    /// Its last day is over: what it was for closes the gate again.
    Expired,
}

/// Somebody's word that a finding is put up with until a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The property's id, or the need's name.
    pub of: String,
    /// Only what starts in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only what ends in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// True if it is for what is undecided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: String,
    /// Whether it counts.
    pub state: WaiverState,
    /// How many findings it is for; one for none should be removed.
    pub findings: u64,
    /// True if it stands in the design's own files.
    pub in_design: bool,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// What a baseline remembers of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineEntry {
    /// The finding's fingerprint.
    pub fingerprint: String,
    /// The property's id, or the need's name: for people.
    pub property: String,
    /// For people.
    pub from: String,
    /// For people.
    pub to: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on: String,
    /// What could be used: more is new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// The external addresses that took part: more are new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// How many pairs it was: for people.
    pub count: u64,
}

/// What a baseline was good for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineUse {
    /// The file.
    pub path: String,
    /// What it groups units by, and what the design is grouped by now that this is not possible any more: most of
    /// what is found is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regrouped: Option<[String; 2]>,
    /// How many findings it has.
    pub findings: u64,
    /// Those of them that are no longer found.
    pub fixed: Vec<BaselineEntry>,
}

/// What a gate makes of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The verdict with known and waived findings let pass; the verdict of each property stays what it is.
    pub verdict: Verdict,
    /// Findings that close the gate.
    pub open: u64,
    /// Of those, undecided ones.
    pub undecided: u64,
    /// Findings that the baseline has.
    pub known: u64,
    /// Findings that somebody answers for.
    pub waived: u64,
    /// The baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineUse>,
    /// Every waiver, those that are for nothing too.
    pub waivers: Vec<Waiver>,
}
