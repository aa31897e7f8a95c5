//! Why a command has no result, and how that is told: what is wrong, where, and what to do.

use crate::exit::Exit;
use seglab_policy::{Diagnostic, Severity, Source, Span};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The input cannot be read as a design.
    #[error("the input has errors")]
    Input {
        /// What is wrong with it, and what else there is to say.
        diagnostics: Vec<Diagnostic>,
        /// The files that the diagnostics speak of.
        sources: Vec<Source>,
        /// Their texts by path.
        texts: BTreeMap<String, String>,
    },
    /// The command line asks for something that the design does not have.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
    /// A result cannot be written.
    #[error("cannot write `{}`: {error}", path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Two judges that must agree do not: a defect of seglab, never a verdict.
    #[error("internal error: {message}")]
    Disagreement {
        /// Who said what.
        message: String,
        /// The design and the question, saved to be sent with a report of the defect.
        reproduction: PathBuf,
    },
}

impl Failure {
    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Failure::Usage { message: message.into(), help: help.into() }
    }

    /// The code that the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Disagreement { .. } => Exit::Undecided,
            Failure::Input { .. } | Failure::Usage { .. } | Failure::Write { .. } => Exit::Input,
        }
    }

    /// The text for standard error.
    pub(crate) fn render(&self) -> String {
        match self {
            Failure::Input { diagnostics, sources, texts } => {
                // What has to be corrected comes first: the rest may follow from it.
                let mut diagnostics = diagnostics.clone();
                diagnostics.sort_by_key(|one| Reverse(one.severity));
                render_diagnostics(&diagnostics, sources, texts)
            }
            Failure::Usage { message, help } => format!("error: {message}\n   = help: {help}\n"),
            Failure::Write { .. } => {
                format!("error: {self}\n   = help: choose another place, or make room there\n")
            }
            Failure::Disagreement { reproduction, .. } => format!(
                "error: {self}\n   = help: this is a defect of seglab; please report it with the file `{}`\n",
                reproduction.display()
            ),
        }
    }
}

/// Renders diagnostics one under the other, each with its source line where it has one.
pub(crate) fn render_diagnostics(
    diagnostics: &[Diagnostic],
    sources: &[Source],
    texts: &BTreeMap<String, String>,
) -> String {
    let mut out = String::new();
    let mut open = OpenFile::default();
    for diagnostic in diagnostics {
        let _ = writeln!(out, "{}: {} [{}]", diagnostic.severity, diagnostic.message, diagnostic.code);
        let spans = diagnostic.span.into_iter().chain(diagnostic.related.iter().map(|one| one.span));
        let margin = spans.map(|span| span.line.to_string().len() + 1).max().unwrap_or(2);
        let mut show = |arrow: &str, span: Span, what: &str| {
            let Some(source) = sources.get(span.source.0 as usize) else { return };
            let _ = writeln!(out, "{:margin$}{arrow} {}:{}:{}{what}", "", source.path, span.line, span.column);
            if let Some(line) = open.line(&source.path, span.line, texts) {
                let caret = " ".repeat(span.column.saturating_sub(1) as usize);
                let width = margin - 1;
                let _ = writeln!(out, "{:margin$}|\n{:>width$} | {line}\n{:margin$}| {caret}^", "", span.line, "");
            }
        };
        if let Some(span) = diagnostic.span {
            show("-->", span, "");
        }
        for related in &diagnostic.related {
            show(":::", related.span, &format!(": {}", related.what));
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "{:margin$}= help: {help}", "");
        }
    }
    out
}

/// Renders diagnostics as [`render_diagnostics`] does; of many with one code the first, and where the others are.
pub(crate) fn render_folded(
    diagnostics: &[Diagnostic],
    sources: &[Source],
    texts: &BTreeMap<String, String>,
) -> String {
    /// So many of a code are all shown.
    const SHOWN_MAX: usize = 2;
    /// So many places are listed.
    const PLACES_MAX: usize = 12;
    let mut of_codes: Vec<(&str, Vec<Diagnostic>)> = Vec::new();
    for one in diagnostics {
        match of_codes.iter_mut().find(|(code, _)| *code == one.code) {
            Some((_, alike)) => alike.push(one.clone()),
            None => of_codes.push((one.code, vec![one.clone()])),
        }
    }
    let mut out = String::new();
    for (code, alike) in &of_codes {
        let shown = if alike.len() > SHOWN_MAX { 1 } else { alike.len() };
        let (shown, folded) = alike.split_at(shown);
        out += &render_diagnostics(shown, sources, texts);
        let Some(first) = folded.first() else { continue };
        let _ = writeln!(out, "{}: {} more like it [{code}]", first.severity, folded.len());
        for span in folded.iter().filter_map(|one| one.span).take(PLACES_MAX) {
            if let Some(source) = sources.get(span.source.0 as usize) {
                let _ = writeln!(out, "  --> {}:{}:{}", source.path, span.line, span.column);
            }
        }
        if folded.len() > PLACES_MAX {
            let _ = writeln!(out, "  and {} more places", folded.len() - PLACES_MAX);
        }
    }
    out
}

/// The lines of the file that was asked for last: diagnostics come file by file.
#[derive(Default)]
struct OpenFile<'a> {
    path: String,
    lines: Vec<&'a str>,
}

impl<'a> OpenFile<'a> {
    fn line(&mut self, path: &str, number: u32, texts: &'a BTreeMap<String, String>) -> Option<String> {
        /// A longer line (one-line JSON, say) is not shown.
        const WIDTH_MAX: usize = 200;
        if self.path != path {
            path.clone_into(&mut self.path);
            self.lines = texts.get(path)?.lines().collect();
        }
        let line = self.lines.get(number.checked_sub(1)? as usize)?;
        (line.chars().count() <= WIDTH_MAX).then(|| line.replace('\t', " "))
    }
}

/// What `--quiet` leaves of diagnostics: errors and warnings stay, notes go.
pub(crate) fn at_least(diagnostics: &[Diagnostic], least: Severity) -> Vec<Diagnostic> {
    diagnostics.iter().filter(|one| one.severity >= least).cloned().collect()
}
