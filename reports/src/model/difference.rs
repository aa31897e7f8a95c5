//! What differs between two designs: who is there, what may connect, what an attacker may own.

use super::diagnostic::Location;
use super::heading::Heading;
use super::proof::{Decider, Hop};
use super::scope::Tool;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The semantic difference of two designs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// What made it.
    pub tool: Tool,
    /// The command that makes it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The design before the change.
    pub old: ComparedDesign,
    /// The design after it.
    pub new: ComparedDesign,
    /// Who came, went and changed.
    pub population: PopulationChanges,
    /// What differs, question by question: direct connections first.
    pub sections: Vec<DifferenceSection>,
}

impl Difference {
    /// The number of changes of a kind, in all sections.
    pub fn count(&self, kind: ChangeKind) -> u64 {
        self.sections.iter().map(|section| section.count(kind)).sum()
    }
}

/// One of the designs that are compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparedDesign {
    /// Its name, and what it was read from.
    #[serde(flatten)]
    pub heading: Heading,
    /// The commit that it was read from, where it is a revision of a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Units.
    pub units: u64,
    /// Rules.
    pub rules: u64,
}

/// Who came, went and changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationChanges {
    /// Units of the new design only, replicas under their owner.
    pub added: Vec<ChangedUnits>,
    /// Units of the old design only.
    pub removed: Vec<ChangedUnits>,
    /// Units of both of which something differs.
    pub changed: Vec<ChangedUnits>,
    /// Removed and added units that are alike in everything but the name.
    pub renamed: Vec<RenamedUnit>,
    /// Named sources outside the design, of the new one only.
    pub sources_added: Vec<String>,
    /// Named sources of the old design only.
    pub sources_removed: Vec<String>,
}

impl PopulationChanges {
    /// True if nobody came, went or changed.
    pub fn is_empty(&self) -> bool {
        let units = self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty();
        units && self.sources_added.is_empty() && self.sources_removed.is_empty()
    }
}

/// Units of one owner to which the same happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedUnits {
    /// The unit, or the owner of several replicas.
    pub name: String,
    /// How many units.
    pub units: u64,
    /// What differs; empty for units that came or went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<ChangedFacet>,
    /// Where the first of them is written: in the new design, or in the old one if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Something that a unit has, before and after: only what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangedFacet {
    /// `labels`, `interfaces`, `listeners`, …
    pub what: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// A unit that probably has a new name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenamedUnit {
    /// The name in the old design.
    pub before: String,
    /// The name in the new one.
    pub after: String,
}

/// What kind of difference it is. Unknown is never equal: neither before, nor after, nor both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Not possible before, possible now.
    Gained,
    /// Possible before, not possible now.
    Lost,
    /// It arrives in both designs, and what becomes of the reply differs.
    Reply,
    /// Known before, unknown now.
    BecameUnknown,
    /// Unknown before, known now.
    NoLongerUnknown,
    /// Unknown in both designs.
    StillUnknown,
}

impl ChangeKind {
    /// Every kind, in the order in which changes are listed.
    pub const ALL: [ChangeKind; 6] = [
        ChangeKind::Gained,
        ChangeKind::Lost,
        ChangeKind::Reply,
        ChangeKind::BecameUnknown,
        ChangeKind::NoLongerUnknown,
        ChangeKind::StillUnknown,
    ];
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ChangeKind::Gained => "gained",
            ChangeKind::Lost => "lost",
            ChangeKind::Reply => "reply changed",
            ChangeKind::BecameUnknown => "became unknown",
            ChangeKind::NoLongerUnknown => "no longer unknown",
            ChangeKind::StillUnknown => "unknown before and after",
        })
    }
}

/// How many changes of a kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// The kind.
    pub kind: ChangeKind,
    /// Changes, those that are not listed included.
    pub changes: u64,
    /// Pairs of units (where one side is outside, units on the other), summed over the changes: a pair that gains two
    /// things by two changes counts twice.
    pub pairs: u64,
}

/// Everything that differs under one question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceSection {
    /// `direct` or `lateral`.
    pub relation: String,
    /// `policy` or `service`.
    pub view: String,
    /// What carries an attacker on; `None` for direct connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pivot: Option<String>,
    /// Which enforcement still stands.
    pub trust: String,
    /// The most connections in a row; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u32>,
    /// True if points were judged as if all of them enforced.
    pub as_if_enforced: bool,
    /// How many changes there are, by kind; kinds without any are left out.
    pub counts: Vec<KindCount>,
    /// Changes by which, since one of the designs does not know, something may be gained.
    pub undecided_gains: u64,
    /// Changes by which something may be lost.
    pub undecided_losses: u64,
    /// The changes, by kind, largest first.
    pub changes: Vec<Change>,
    /// How many more there are, which are counted above and not listed.
    pub unlisted: u64,
}

impl DifferenceSection {
    /// The number of changes of a kind.
    pub fn count(&self, kind: ChangeKind) -> u64 {
        self.counts.iter().filter(|count| count.kind == kind).map(|count| count.changes).sum()
    }
}

/// Some units, addresses or sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// What they have in common that nobody else has (an owner, a segment, labels), or the first few of them.
    pub name: String,
    /// How many units; 0 for what is outside.
    pub units: u64,
    /// The units, replicas under their owner with their number, up to a few dozen; empty for what is outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<PartyMember>,
    /// The external addresses, as `first-last`; empty for units and sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Workloads that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub members_unlisted: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A unit, or some replicas of an owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyMember {
    /// The unit, or the owner of several replicas.
    pub name: String,
    /// How many units.
    pub units: u64,
}

/// One of two designs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The design before the change.
    #[default]
    Old,
    /// The design after it.
    New,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Which::Old => "old",
            Which::New => "new",
        })
    }
}

/// A rule, or a default, that made the difference in one of the designs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responsible {
    /// In which design.
    pub design: Which,
    /// What it decided, and where it is written.
    #[serde(flatten)]
    pub decider: Decider,
}

/// Everything between two parties that differs in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What kind of difference it is.
    pub kind: ChangeKind,
    /// What it was: `denied`, `allowed`, `one-way`, `unknown`; laterally `out of reach`, `reached`, `unknown`.
    pub was: String,
    /// What it is.
    pub is: String,
    /// Who opens connections, or attacks.
    pub from: Party,
    /// To whom, or whom.
    pub to: Party,
    /// Which connections, in the form of `reach`; `None` for lateral changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<String>,
    /// Over which address families, where the parties have more of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,
    /// Pairs of different units; where one side is outside, the units on the other.
    pub pairs: u64,
    /// Ends that are not what they were: `destination added`. Empty if only the policy changed.
    pub touches: Vec<String>,
    /// What made the difference: the rules and defaults by which the designs differ about the witness.
    pub responsible: Vec<Responsible>,
    /// What is to be said where no rule made the difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// The witness in the old design: the connection, or the step of the path that it stops. `None` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Hop>,
    /// The witness in the new design.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Hop>,
    /// For lateral changes: an attack from one of the former to one of the latter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<ChangePath>,
}

/// An attack that one design allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePath {
    /// In which design.
    pub design: Which,
    /// Step by step.
    pub hops: Vec<Hop>,
    /// The position of the first step that the other design does not allow, counted from 1; `None` where it is unknown
    /// in both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<u64>,
    /// Units on the way that are not what they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<String>,
}
