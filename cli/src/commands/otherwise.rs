//! What a result would be if a choice that a reader made were made the other way.

use super::Context;
use seglab_policy::{Choice, Design};
use serde::Serialize;
use std::io::Write;

/// What differs in a result, of one kind or another, the other way of a choice.
#[derive(Debug, Serialize)]
pub(crate) struct Otherwise<T> {
    /// The name of the assumption that states the choice.
    assumption: String,
    /// The other way, as a sentence.
    otherwise: String,
    /// What differs.
    differences: Vec<T>,
}

impl<T> Otherwise<T> {
    /// Compares a result with that of the design as each of its choices has it the other way; those that change nothing
    /// are left out.
    pub(crate) fn of(design: &Design, mut differences: impl FnMut(&Design) -> Vec<T>) -> Vec<Self> {
        let ways = design.choices().iter().filter_map(|choice| Some((choice, design.otherwise(choice)?)));
        let compared = ways.map(|(choice, other)| Self::new(choice, differences(&other)));
        compared.filter(|held| !held.differences.is_empty()).collect()
    }

    fn new(choice: &Choice, differences: Vec<T>) -> Self {
        let (assumption, otherwise) = (choice.assumption.id.clone(), choice.otherwise.clone());
        Self { assumption, otherwise, differences }
    }

    /// The sentence that the other way would be stated by.
    pub(crate) fn sentence(&self) -> &str {
        &self.otherwise
    }

    /// What differs.
    pub(crate) fn differences(&self) -> &[T] {
        &self.differences
    }
}

impl Context {
    /// Says on standard error how much of a result hangs on choices, beside formats that have no place for it.
    pub(crate) fn note_choices<T>(&self, all: &[Otherwise<T>], one: &str, many: &str) {
        for held in all.iter().filter(|_| !self.quiet) {
            let count = held.differences.len();
            let (what, differ) = if count == 1 { (one, "differs") } else { (many, "differ") };
            let text = format!(
                "note: {count} {what} {differ} if {} [{}]\n  = help: `--format json` lists what differs\n",
                held.otherwise, held.assumption
            );
            // Nothing can be done about a standard error that is closed.
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    }
}
