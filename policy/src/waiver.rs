//! Waivers: violations that somebody answers for, for a time.

use crate::date::Date;
use crate::source::Provenance;
use std::fmt;

/// What a waiver is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waived {
    /// The property of this id.
    Property(String),
    /// The need of this name, as reports print it: `app=web -> app=db tcp/5432`.
    Need(String),
}

impl Waived {
    /// The id or name.
    pub fn name(&self) -> &str {
        match self {
            Waived::Property(name) | Waived::Need(name) => name,
        }
    }
}

impl fmt::Display for Waived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waived::Property(id) => write!(f, "the property `{id}`"),
            Waived::Need(name) => write!(f, "the need `{name}`"),
        }
    }
}

/// Somebody's word that what violates a property, or leaves it undecided, is put up with until a day.
///
/// It changes no verdict: a waived violation is one, and is shown. What changes is whether a gate closes. Nothing is
/// judged by waivers, so the [normal form](crate::normal_form) leaves them out.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// What is waived.
    pub of: Waived,
    /// Only what starts in the segment, or group, of this name; everything where it is absent.
    pub from: Option<String>,
    /// Only what ends in the segment, or group, of this name.
    pub to: Option<String>,
    /// True: what is undecided is waived. False: what is violated.
    pub undecided: bool,
    /// Who answers for it.
    pub owner: String,
    /// Why it is put up with.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Date,
    /// Where it is written.
    pub provenance: Provenance,
}

impl Waiver {
    /// True once its last day is over.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires < today
    }
}
