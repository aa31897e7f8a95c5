//! The lab file: what it reads to, what it refuses and where, and the way back.

mod calibration;
mod controllers;
mod errors;
mod load;
mod moves;
mod operation;
mod read;
mod releases;
mod schema;
mod tradecraft;
mod written;

use seglab_formats::{File, Reading, Rejected, lab};
use seglab_policy::Diagnostic;

/// Reads a lab file that is made of nothing else.
fn read(text: &str) -> Result<Reading, Rejected> {
    lab::merge(&lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() })?, Vec::new())
}

/// Reads a lab file that must be right, with or without warnings.
fn reading(text: &str) -> Reading {
    read(text).unwrap_or_else(|rejected| panic!("{}", shown(&rejected.diagnostics, text)))
}

/// Diagnostics with the line that each is about and a caret under its column.
fn shown(diagnostics: &[Diagnostic], text: &str) -> String {
    let mut out = String::new();
    for one in diagnostics {
        let place = one.span.map_or(String::new(), |span| format!(" {}:{}", span.line, span.column));
        out.push_str(&format!("{}[{}]{place}: {}\n", one.severity, one.code, one.message));
        let marked = |span: seglab_policy::Span| {
            let line = text.lines().nth(span.line as usize - 1).unwrap_or_default();
            format!("  {line}\n  {}^\n", " ".repeat(span.column as usize - 1))
        };
        out.extend(one.span.map(marked));
        for related in &one.related {
            out.push_str(&format!("  {}:{}: {}\n", related.span.line, related.span.column, related.what));
            out.push_str(&marked(related.span));
        }
        if let Some(help) = &one.help {
            out.push_str(&format!("  help: {help}\n"));
        }
    }
    out
}
