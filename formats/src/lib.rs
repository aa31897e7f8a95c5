//! Readers of other people's formats: the only crate that knows their schemas.
//!
//! A reader takes files in memory ([`File`]) and gives a [`Reading`]: the [`Draft`] of a design, and what there is to
//! say about the input. It does no I/O. Whatever a reader cannot model becomes an entry of [`Draft::unmodelled`], an
//! assumption or a diagnostic, each with its file and line; nothing is dropped in silence. Input with an error in it
//! is never half read: the reader then gives [`Rejected`], with every error that it found.

pub mod classbench;
pub mod flow_records;
pub mod kubernetes;
pub mod lab;
pub mod nasim;
pub mod patch;
pub mod text;
mod yaml;

pub use yaml::MAX_FILE_BYTES;

use seglab_policy::{Diagnostic, Draft, Severity, Source};
use sha2::{Digest, Sha256};

/// A file in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path as the user gave it, with `/` between its parts; `-` for standard input.
    pub path: String,
    /// What the file holds.
    pub text: String,
}

impl File {
    /// The file's path and hash: an entry of [`Draft::sources`].
    pub fn source(&self) -> Source {
        Source { path: self.path.clone(), sha256: Sha256::digest(&self.text).into() }
    }
}

/// What a reader made of its input.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The design as far as the input describes it; every span refers to [`Draft::sources`].
    pub draft: Draft,
    /// Warnings and notes, in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
}

/// Input that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// At least one error, and the warnings and notes found beside it, in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that the spans refer to.
    pub sources: Vec<Source>,
}

impl Rejected {
    /// The diagnostics that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// The sources that stand for files, in their order.
fn sources(files: &[File]) -> Vec<Source> {
    files.iter().map(File::source).collect()
}
