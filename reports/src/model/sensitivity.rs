//! What a comparison hangs on.

use seglab_sim::kernel::statistics::Estimate;
use serde::{Deserialize, Serialize};

/// The same attack under one change after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// The designs as declared.
    pub declared: Vec<VariedDesign>,
    /// The same with less detection: `no detection`.
    pub detection: Vec<VariedOutcome>,
    /// The same with both ends of every range; the range first that moves some ratio most.
    pub ranges: Vec<VariedRange>,
}

/// What a range of one number comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VariedRange {
    /// The number: `scan-rate`.
    pub parameter: String,
    /// What its two ends come to, as they were given.
    pub ends: Vec<VariedOutcome>,
}

/// What one change comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VariedOutcome {
    /// The change, or the value of a number that is changed: `no detection`, `10 min`.
    pub change: String,
    /// The designs, in the order in which they were named.
    pub designs: Vec<VariedDesign>,
}

/// What befell one design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariedDesign {
    /// Its name.
    pub design: String,
    /// Units owned by the horizon, the mean over replicas with its 95% interval.
    pub compromised: Estimate,
    /// The same as a share of what the first design loses.
    pub ratio: f64,
    /// True if the design is certainly on the other side of the first one than as declared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flips: bool,
}

impl Sensitivity {
    /// Every change with the number that it is of, if it is of one: first less detection, then the ends of ranges.
    pub fn outcomes(&self) -> impl Iterator<Item = (Option<&str>, &VariedOutcome)> {
        let detection = self.detection.iter().map(|outcome| (None, outcome));
        let ranges = self.ranges.iter();
        detection.chain(ranges.flat_map(|range| range.ends.iter().map(|end| (Some(range.parameter.as_str()), end))))
    }

    /// The changes under which a design is certainly on the other side of the first one, with the design.
    pub fn flips(&self) -> impl Iterator<Item = (String, &str)> {
        self.outcomes().flat_map(|(parameter, outcome)| {
            let change = change_name(parameter, outcome);
            let flipped = outcome.designs.iter().filter(|design| design.flips);
            flipped.map(move |design| (change.clone(), design.design.as_str()))
        })
    }
}

/// A change as people say it: `scan-rate 2/s`.
pub(crate) fn change_name(parameter: Option<&str>, outcome: &VariedOutcome) -> String {
    match parameter {
        Some(parameter) => format!("{parameter} {}", outcome.change),
        None => outcome.change.clone(),
    }
}
