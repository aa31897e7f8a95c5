//! What a reader has to say about one file, each with its place.

use super::at::{At, Text};
use crate::text::TextError;
use seglab_policy::{Diagnostic, Severity, SourceId, Span};

/// The diagnostics of one file, as they are found.
pub(super) struct Notes<'a> {
    source: SourceId,
    text: &'a str,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(source: SourceId, text: &'a str) -> Self {
        Self { source, text, diagnostics: Vec::new() }
    }

    /// The place of a value.
    pub(super) fn span<T>(&self, at: &At<T>) -> Span {
        Span { source: self.source, line: at.line, column: at.column }
    }

    /// An error at a value, with what to do.
    pub(super) fn error<T>(&mut self, code: &'static str, at: &At<T>, message: impl Into<String>, help: &str) {
        let span = self.span(at);
        self.diagnostics.push(Diagnostic::error(code, message, Some(span)).with_help(help));
    }

    /// A warning at a value, with what to do.
    pub(super) fn warning<T>(&mut self, code: &'static str, at: &At<T>, message: impl Into<String>, help: &str) {
        let span = self.span(at);
        self.diagnostics.push(Diagnostic::warning(code, message, Some(span)).with_help(help));
    }

    /// What a parser read from a text; its error is noted at the characters that it is about.
    pub(super) fn parsed<T>(&mut self, text: &Text, result: Result<T, TextError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let start = self.span(text);
                let skipped = self.characters_before(text);
                let at = |range: std::ops::Range<usize>| {
                    let further = skipped.map_or(0, |skipped| skipped + u32::try_from(range.start).unwrap_or(0));
                    Span { column: start.column + further, ..start }
                };
                let mut diagnostic = Diagnostic::error("invalid-value", error.message, Some(at(error.range)));
                if let Some((what, range)) = error.related {
                    diagnostic = diagnostic.with_related(what, Some(at(range)));
                }
                diagnostic.help = error.help;
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    /// How many characters of a scalar come before its text: 1 for a quote. `None` where the text does not stand in
    /// the file as it is, because of escapes or line breaks.
    fn characters_before(&self, text: &Text) -> Option<u32> {
        let raw = self.text.get(text.offset?..)?;
        if raw.starts_with(&text.value) {
            return Some(0);
        }
        raw.strip_prefix(['"', '\'']).filter(|raw| raw.starts_with(&text.value)).map(|_| 1)
    }

    /// True if there is no way past what was found.
    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}
