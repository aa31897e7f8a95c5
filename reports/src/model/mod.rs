//! An audit report as data: what every writer reads, and what `seglab/report/v1` serialises.
//!
//! The types hold text, numbers and places only, so that a report can be kept, compared and rendered again without the
//! design that it came from. Nothing here is computed from anything else: where two writers need the same sentence
//! or the same statistic, it is a method.

mod calibration;
mod campaign;
mod core;
mod diagnostic;
mod difference;
mod gate;
mod heading;
mod paths;
mod picture;
mod proof;
mod scope;
mod sensitivity;
mod traffic;

pub use self::core::{Core, Cores};
pub use calibration::{CalibratedValue, DesignLoad, OutcomeCheck};
pub(crate) use campaign::estimate;
pub use campaign::{
    Comparison, DesignDifference, DesignOutcome, Incidence, MeasuredDifference, PrecisionAsked, QuantileCurve,
    Quantiles, Simulation, Strike, Times, Triage,
};
pub use diagnostic::{Diagnostic, DiagnosticGroup, Location, Severity};
pub use difference::{
    Change, ChangeKind, ChangePath, ChangedFacet, ChangedUnits, ComparedDesign, Difference, DifferenceSection,
    KindCount, Party, PartyMember, PopulationChanges, RenamedUnit, Responsible, Which,
};
pub use gate::{BaselineEntry, BaselineUse, Finding, FindingState, Gate, Waiver, WaiverState};
pub use heading::Heading;
pub use paths::{AtLeast, AttackGoal, AttackPaths, AttackPlan, AttackStep};
pub use picture::{BlastRadius, Cell, MatrixSegment, SegmentMatrix, Surface, SurfaceRow, UnitRadius};
pub use proof::{
    AddedUnit, Counterexample, Decider, Doubt, Earlier, Hop, NearMiss, Need, NeedStatus, Outcome, Population, Property,
    Verdict,
};
pub use scope::{
    Assumption, ChangedVerdict, Choice, DecidingRule, Ignored, Input, ObjectCount, PointCount, Scope, Tool, Trusted,
    Unmodelled,
};
pub(crate) use sensitivity::change_name;
pub use sensitivity::{Sensitivity, VariedDesign, VariedOutcome, VariedRange};
pub use traffic::{NeedTraffic, Traffic};

use serde::{Deserialize, Serialize};

/// What a verification rests on and what it found: the part of a report that `verify` prints alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// The name of the design.
    pub design: String,
    /// What made the report.
    pub tool: Tool,
    /// The command that makes it again, without paths that only one machine has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The seed of everything random; `None` where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The day on which last days were looked at; `None` where nothing has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<String>,
    /// The files that were read.
    pub inputs: Vec<Input>,
    /// How far the results reach.
    pub scope: Scope,
    /// What they rest on and nobody has checked.
    pub assumptions: Vec<Assumption>,
    /// Units that are assumed out of attackers' reach.
    pub trusted: Vec<Trusted>,
    /// What was read and is not modelled.
    pub unmodelled: Vec<Unmodelled>,
    /// Kinds that were left out on purpose.
    pub ignored: Vec<Ignored>,
    /// What no model of this tool covers, sentence by sentence.
    pub not_covered: Vec<String>,
    /// The worst verdict of all properties.
    pub verdict: Verdict,
    /// The claims.
    pub properties: Vec<Property>,
    /// The flows that the business needs.
    pub needs: Vec<Need>,
    /// What a gate makes of it, where there is a baseline or a waiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// What the readers found.
    pub diagnostics: Vec<Diagnostic>,
}

impl Verification {
    /// The number of properties with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.properties.iter().filter(|property| property.verdict == verdict).count()
    }

    /// The number of needs with this status.
    pub fn needs_with(&self, status: NeedStatus) -> usize {
        self.needs.iter().filter(|need| need.status == status).count()
    }

    /// The properties, worst first, otherwise in the order in which they are written.
    pub fn worst_first(&self) -> Vec<&Property> {
        let mut properties: Vec<&Property> = self.properties.iter().collect();
        properties.sort_by_key(|property| std::cmp::Reverse(property.verdict));
        properties
    }

    /// Diagnostics of one code and severity together: the gravest first, then the most frequent.
    pub fn diagnostic_groups(&self) -> Vec<DiagnosticGroup<'_>> {
        diagnostic::group(&self.diagnostics)
    }
}

/// Everything that is known of a design, as one audit report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Scope, assumptions, properties, needs and diagnostics.
    #[serde(flatten)]
    pub verification: Verification,
    /// What can enter and leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// Which segment may open connections to which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<SegmentMatrix>,
    /// How far one owned unit leads, by pivot model, with and without trusted hubs.
    pub blast_radius: Vec<BlastRadius>,
    /// What an attacker did, by design and attacker.
    pub simulations: Vec<Simulation>,
    /// What the business' traffic met, by design.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<Traffic>,
    /// Every other design against the first, under the same chance events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<DesignDifference>,
    /// What that hangs on, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// What enforcing takes, by design.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enforcement: Vec<DesignLoad>,
    /// The numbers of the calibration that simulations and loads used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<CalibratedValue>,
    /// Several designs side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}
