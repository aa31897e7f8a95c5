//! Baselines: the findings of a day, so that a gate fails on what comes after.

use super::extent;
use crate::collect;
use crate::model::{BaselineEntry, Finding, FindingState, Verdict, Verification};
use serde::{Deserialize, Serialize};

/// The schema of a baseline.
pub const BASELINE_SCHEMA: &str = "seglab/baseline/v1";

/// The findings of a design that were there before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema: String,
    /// The name of the design.
    pub design: String,
    /// What units were grouped by, so that they still are: `segments`, `namespaces`.
    pub grouping: String,
    /// The findings, by property, group and fingerprint.
    pub findings: Vec<BaselineEntry>,
}

/// A baseline that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not JSON of this shape.
    #[error("the baseline `{path}` cannot be read: {error}")]
    Shape {
        /// The file.
        path: String,
        /// Where it goes wrong.
        error: serde_json::Error,
    },
    /// Another schema.
    #[error("the schema of the baseline `{path}` is `{found}`, expected `{BASELINE_SCHEMA}`")]
    Schema {
        /// The file.
        path: String,
        /// What it says.
        found: String,
    },
    /// It groups units by what nobody knows.
    #[error("the baseline `{path}` groups units by `{found}`, expected one of {}", grouping_names())]
    Grouping {
        /// The file.
        path: String,
        /// What it says.
        found: String,
    },
    /// It is of another design.
    #[error("the baseline `{path}` is of the design `{theirs}`, and this one is called `{ours}`")]
    OtherDesign {
        /// The file.
        path: String,
        /// The design that it is of.
        theirs: String,
        /// The design at hand.
        ours: String,
    },
}

impl BaselineError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            BaselineError::Shape { .. } | BaselineError::Schema { .. } | BaselineError::Grouping { .. } => {
                "take it from version control, or write a new one with `--write-baseline FILE` and look at what is in it"
            }
            BaselineError::OtherDesign { .. } => {
                "give the baseline of this design, or write one with `--write-baseline FILE`; if the design was \
                 renamed, change `design` in the file"
            }
        }
    }
}

impl Baseline {
    /// Reads what [`Baseline::to_json`] wrote, for the design of this name.
    ///
    /// # Errors
    /// If the text is no baseline, or one of another design.
    pub fn read(text: &str, path: &str, design: &str) -> Result<Self, BaselineError> {
        let path = path.to_owned();
        let read: Self = match serde_json::from_str(text) {
            Ok(read) => read,
            Err(error) => return Err(BaselineError::Shape { path, error }),
        };
        if read.schema != BASELINE_SCHEMA {
            return Err(BaselineError::Schema { path, found: read.schema });
        }
        if collect::grouping_named(&read.grouping).is_none() {
            return Err(BaselineError::Grouping { path, found: read.grouping });
        }
        if read.design != design {
            return Err(BaselineError::OtherDesign { path, theirs: read.design, ours: design.to_owned() });
        }
        Ok(read)
    }

    /// What a verification finds and nobody has waived. What is undecided is not in it.
    pub fn of(verification: &Verification, grouping: &str) -> Self {
        let of_properties = verification.properties.iter().map(|one| (one.id.clone(), &one.findings));
        let of_needs = verification.needs.iter().map(|one| (one.name(), &one.findings));
        let all = of_properties.chain(of_needs);
        let all = all.flat_map(|(name, findings)| findings.iter().map(move |finding| (name.clone(), finding)));
        let kept = all.filter(|(_, one)| one.verdict == Verdict::Violated && one.state != FindingState::Waived);
        let mut findings: Vec<BaselineEntry> = kept.map(|(name, finding)| entry(name, finding)).collect();
        findings.sort_by(|a, b| {
            (&a.property, &a.from, &a.to, &a.fingerprint).cmp(&(&b.property, &b.from, &b.to, &b.fingerprint))
        });
        findings.dedup_by(|a, b| a.fingerprint == b.fingerprint);
        let (schema, design) = (BASELINE_SCHEMA.to_owned(), verification.design.clone());
        Self { schema, design, grouping: grouping.to_owned(), findings }
    }

    /// The baseline without what is no longer found, and with no more of the rest than is: never with anything that is
    /// new.
    #[must_use]
    pub fn tightened(&self, now: &Self) -> Self {
        let found = |one: &BaselineEntry| now.findings.iter().find(|now| now.fingerprint == one.fingerprint);
        let smaller = |one: &BaselineEntry| {
            let now = found(one)?;
            let fits = within(&now.services, &now.addresses, one);
            Some(if fits { now.clone() } else { one.clone() })
        };
        Self { findings: self.findings.iter().filter_map(smaller).collect(), ..self.clone() }
    }

    /// The baseline as `seglab/baseline/v1`.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// True if the finding was there before, with all that it is of.
    pub(super) fn has(&self, finding: &Finding) -> bool {
        let mut same = self.findings.iter().filter(|entry| entry.fingerprint == finding.fingerprint);
        same.any(|entry| within(&finding.services, &finding.addresses, entry))
    }
}

fn grouping_names() -> String {
    collect::GROUPINGS.map(|one| format!("`{}`", collect::grouping_name(one))).join(", ")
}

fn within(services: &[String], addresses: &[String], entry: &BaselineEntry) -> bool {
    extent::services_within(services, &entry.services) && extent::addresses_within(addresses, &entry.addresses)
}

fn entry(property: String, of: &Finding) -> BaselineEntry {
    BaselineEntry {
        fingerprint: of.fingerprint.clone(),
        property,
        from: of.from.clone(),
        to: of.to.clone(),
        on: of.on.clone(),
        services: of.services.clone(),
        addresses: of.addresses.clone(),
        count: of.count,
    }
}
