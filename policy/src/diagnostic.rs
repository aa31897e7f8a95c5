//! What readers have to say about their input, beyond the design itself.

use crate::source::Span;
use std::fmt;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant: every result is shown under it.
    Warning,
    /// The input cannot be read: there is no result.
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

/// Another place that a diagnostic speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Related {
    /// What stands there: `the first of the two`.
    pub what: String,
    /// The place.
    pub span: Span,
}

/// Things of one kind, as many as there are in the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Among {
    /// How many there are.
    pub count: u64,
    /// Their kind: `NetworkPolicy`.
    pub kind: String,
}

/// A sentence about a place in the input, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// A stable name of its kind, to group and to ignore by: `opens-all-egress`.
    pub code: &'static str,
    /// What is wrong: lower case, no final period, the user's input in backticks.
    pub message: String,
    /// The place.
    pub span: Option<Span>,
    /// The other places that it speaks of.
    pub related: Vec<Related>,
    /// Of what it is said, and how many of them there are, said of or not.
    pub among: Option<Box<Among>>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A sentence at a place.
    fn new(severity: Severity, code: &'static str, message: impl Into<String>, span: Option<Span>) -> Self {
        Self { severity, code, message: message.into(), span, related: Vec::new(), among: None, help: None }
    }

    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>, span: Option<Span>) -> Self {
        Self::new(Severity::Error, code, message, span)
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, message: impl Into<String>, span: Option<Span>) -> Self {
        Self::new(Severity::Warning, code, message, span)
    }

    /// A note at a place.
    pub fn note(code: &'static str, message: impl Into<String>, span: Option<Span>) -> Self {
        Self::new(Severity::Note, code, message, span)
    }

    /// The same with another place that it speaks of, if it is known.
    #[must_use]
    pub fn with_related(mut self, what: impl Into<String>, span: Option<Span>) -> Self {
        self.related.extend(span.map(|span| Related { what: what.into(), span }));
        self
    }

    /// The same, said of one of so many things of a kind.
    #[must_use]
    pub fn with_among(mut self, count: usize, kind: impl Into<String>) -> Self {
        self.among = Some(Box::new(Among { count: count as u64, kind: kind.into() }));
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
