//! The texts that people write inside the fields of a lab file and on the command line: selectors, peers, services,
//! durations, rates and shares.
//!
//! Each parser reads what the `Display` of its type writes, and gives the same value back. A [`TextError`] carries the
//! characters that it is about, so that whoever knows where the text stands can point into it.

mod lexer;
mod peer;
mod quantity;
mod selector;
mod service;

pub use peer::{address_set, peer};
pub use quantity::{amount, at_most, duration_ns, rate_per_second, statistic, write_duration, write_rate};
pub use selector::{AnyName, Vocabulary, selector};
pub use service::{ports, service, transport_ports};

use std::ops::Range;

/// What is wrong with a text, and where inside it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TextError {
    /// What is wrong: lower case, no final period, the user's input in backticks.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The characters that it is about, counted from 0.
    pub range: Range<usize>,
    /// Other characters that it speaks of, and what stands there.
    pub related: Option<(&'static str, Range<usize>)>,
}

impl TextError {
    /// An error about some characters of the text.
    pub fn new(message: impl Into<String>, range: Range<usize>) -> Self {
        Self { message: message.into(), help: None, range, related: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with other characters that it speaks of.
    #[must_use]
    pub fn with_related(mut self, what: &'static str, range: Range<usize>) -> Self {
        self.related = Some((what, range));
        self
    }

    /// The same about a text that begins `by` characters further on.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        let shift = |range: Range<usize>| range.start + by..range.end + by;
        self.range = shift(self.range);
        self.related = self.related.map(|(what, range)| (what, shift(range)));
        self
    }
}

pub(crate) use crate::yaml::closest as nearest;

/// A sentence that offers the nearest candidate, or else lists all of them where they are few.
pub fn suggestion<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    /// More names than this help nobody.
    const LISTED_MAX: usize = 16;
    if let Some(near) = nearest(word, candidates.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = candidates.into_iter().take(LISTED_MAX + 1).map(|name| format!("`{name}`")).collect();
    (!all.is_empty() && all.len() <= LISTED_MAX).then(|| format!("known here: {}", all.join(", ")))
}

#[cfg(test)]
mod tests;
