//! Reading the YAML of a lab file into its document, and saying what is wrong with it.

use crate::text::suggestion;
use seglab_policy::{Diagnostic, SourceId, Span};
use serde::de::DeserializeOwned;
use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

/// Reads a document.
pub(super) fn document<T: DeserializeOwned>(text: &str, source: SourceId) -> Result<T, Diagnostic> {
    // The limits keep nested aliases from filling the memory; a design of 100,000 units stays well below them.
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_events: 50_000_000,
            max_nodes: 25_000_000,
            max_total_scalar_bytes: 512 * 1024 * 1024,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| diagnostic(error.without_snippet(), text, source))
}

fn diagnostic(error: &Error, text: &str, source: SourceId) -> Diagnostic {
    let span = error.location().filter(|place| place.line() > 0).map(|place| Span {
        source,
        line: u32::try_from(place.line()).unwrap_or(u32::MAX),
        column: u32::try_from(place.column()).unwrap_or(u32::MAX),
    });
    let (code, message, help) = words(error);
    if code == "invalid-yaml"
        && let Some(tab) = span.and_then(|span| crate::yaml::tab_indent(text, span))
    {
        return tab;
    }
    let diagnostic = Diagnostic::error(code, message, span);
    match help {
        Some(help) => diagnostic.with_help(help),
        None => diagnostic,
    }
}

/// What to do about a value of the wrong shape.
pub(super) const SHAPE: &str = "`seglab schema` prints what a lab file may hold";

fn words(error: &Error) -> (&'static str, String, Option<String>) {
    let shape = || Some(SHAPE.to_owned());
    match error {
        Error::SerdeUnknownField { field, .. } if field.ends_with(')') => {
            let help = "inside `{...}` a comma ends the value: put it into quotes, as in `to: \"app in (a, b)\"`";
            ("unknown-key", format!("unknown key `{field}`"), Some(help.to_owned()))
        }
        Error::SerdeUnknownField { field, expected, .. } => (
            "unknown-key",
            format!("unknown key `{field}`"),
            suggestion(field, expected.iter().copied()).or_else(shape),
        ),
        Error::SerdeUnknownVariant { variant, expected, .. } => (
            "unknown-key",
            format!("unknown kind `{variant}`"),
            suggestion(variant, expected.iter().copied()).or_else(shape),
        ),
        Error::SerdeMissingField { field, .. } => {
            ("missing-key", format!("the key `{field}` is missing"), Some(format!("add `{field}: ...`")))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let name = key.as_ref().map(|key| format!(" `{key}`")).unwrap_or_default();
            ("duplicate-key", format!("the key{name} is given twice"), Some("remove one of them".to_owned()))
        }
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            ("invalid-value", format!("expected {expected}, found {}", plain(unexpected)), Some(SHAPE.to_owned()))
        }
        Error::SerdeInvalidValue { unexpected, expected, .. } => {
            ("invalid-value", format!("expected {expected}, found {}", plain(unexpected)), Some(SHAPE.to_owned()))
        }
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            let message = "a list item has more than one kind".to_owned();
            ("invalid-value", message, Some("give each kind an item of its own: `- kind: {...}`".to_owned()))
        }
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            ("invalid-value", "expected a kind and what it holds".to_owned(), Some("write `- kind: {...}`".to_owned()))
        }
        Error::MultipleDocuments { .. } => (
            "invalid-yaml",
            "a lab file is a single document".to_owned(),
            Some("move what follows `---` to a file of its own and list it under `sources`".to_owned()),
        ),
        other => {
            let message = lowercase(&UserMessageFormatter.format_message(other));
            let message = message.replace("mapping start", "a mapping").replace("sequence start", "a list");
            // The library names the type that it wanted.
            if message.starts_with("invalid u") {
                let message = "expected a whole number that is not below zero".to_owned();
                return ("invalid-value", message, Some(SHAPE.to_owned()));
            }
            let help = match () {
                () if message.starts_with("expected") || message.starts_with("null") => SHAPE,
                () => "look for a bracket, a quote or a space that is missing here or on the line above",
            };
            let help = Some(help.to_owned());
            ("invalid-yaml", message, help)
        }
    }
}

/// A sentence of the YAML library in the form of ours: lower case, no final period.
fn lowercase(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut letters = message.chars();
    match letters.next() {
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}

/// What serde calls a value, in the words of YAML.
fn plain(unexpected: &str) -> String {
    unexpected.replace("sequence", "a list").replace("map", "a mapping").replace("unit value", "nothing")
}
