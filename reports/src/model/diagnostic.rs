//! What readers say about their input, and where.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A place in an input; line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// The path as the user gave it; `-` for standard input.
    pub path: String,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// The input cannot be read.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// A sentence about a place in the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// The stable name of its kind: `opens-all-egress`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Of what it is said, all of them counted: `13 NetworkPolicy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Diagnostics of one code and severity.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagnosticGroup<'a> {
    /// How much they matter.
    pub severity: Severity,
    /// Their code.
    pub code: &'a str,
    /// Them, in the order in which they were found. Never empty.
    pub diagnostics: Vec<&'a Diagnostic>,
}

impl DiagnosticGroup<'_> {
    /// How many there are, and of how many if all of them are said of things of one kind: `12 of 13 NetworkPolicy`.
    pub fn times(&self) -> String {
        let count = self.diagnostics.len();
        let among = self.diagnostics.first().and_then(|first| first.among.as_deref());
        match among.filter(|_| self.diagnostics.iter().all(|one| one.among.as_deref() == among)) {
            Some(among) => format!("{count} of {among}"),
            None => count.to_string(),
        }
    }

    /// What to do, if all of them say the same.
    pub fn common_help(&self) -> Option<&str> {
        let first = self.diagnostics.first()?.help.as_deref();
        self.diagnostics.iter().all(|one| one.help.as_deref() == first).then_some(first).flatten()
    }
}

/// Groups diagnostics by code: the gravest first, then the most frequent, then by code.
pub(super) fn group(diagnostics: &[Diagnostic]) -> Vec<DiagnosticGroup<'_>> {
    let mut groups: BTreeMap<(Severity, &str), Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in diagnostics {
        groups.entry((diagnostic.severity, &diagnostic.code)).or_default().push(diagnostic);
    }
    let mut groups: Vec<_> = groups
        .into_iter()
        .map(|((severity, code), diagnostics)| DiagnosticGroup { severity, code, diagnostics })
        .collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.severity), std::cmp::Reverse(group.diagnostics.len())));
    groups
}
