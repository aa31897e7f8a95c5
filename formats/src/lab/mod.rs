//! The lab file, `seglab.yaml`: the form in which people write a design by hand.
//!
//! Reading takes three steps, for a lab file may be made of other files and this crate opens none: [`parse`] reads one
//! file, [`LabFile::sources`] names what else it is made of, and [`merge`] puts the readings of those together with it.
//! Other designs that its claims speak of are named by [`LabFile::compared`] and given to it by [`LabFile::compare`].
//! [`schema`] is the JSON Schema of the file, for editors. [`write()`] is the way back: a lab file for any design.
//!
//! ```
//! use seglab_formats::{File, lab};
//! let text = "
//! seglab: 1
//! units:
//!   - {name: web, labels: {app: web}, listens: [tcp/443]}
//!   - {name: db, labels: {app: db}, listens: [tcp/5432]}
//! policy:
//!   - allow: {from: app=web, to: app=db, service: tcp/5432}
//! properties:
//!   - isolated: {from: internet, to: db}
//! ";
//! let file = lab::parse(&File { path: "seglab.yaml".into(), text: text.into() }).unwrap();
//! assert!(file.sources().is_empty());
//! let reading = lab::merge(&file, Vec::new()).unwrap();
//! assert_eq!(reading.draft.units.len(), 2);
//! assert_eq!(reading.draft.assumptions[0].id, "ideal-enforcement");
//! ```

mod at;
pub mod calibration;
mod checks;
mod claims;
mod controllers;
mod csv;
mod document;
mod load;
mod merge;
mod moves;
mod names;
mod notes;
mod operation;
pub(crate) mod patch;
mod points;
mod properties;
mod property_document;
mod reader;
mod releases;
mod rules;
mod services;
mod sources;
mod tradecraft;
mod units;
mod waivers;
mod write;
mod yaml;

pub use csv::units_csv;
pub use merge::{merge, merge_part};
pub use sources::{Part, PartKind};
pub use waivers::waivers;
pub(crate) use write::scalar as yaml_scalar;
pub use write::write;

use crate::text::Vocabulary;
use crate::{File, Rejected};
use at::At;
use document::Document;
use notes::Notes;
use seglab_policy::{Calibration, Design, Diagnostic, Reference, Source, SourceId, Span};
use std::collections::BTreeMap;

/// The name of the rulebook that stands under `policy`.
pub const NATIVE_RULEBOOK: &str = "policy";

/// The name under which folders hold a lab file.
pub const FILE_NAME: &str = "seglab.yaml";

/// The words that selectors and peers may use about a design: its segments, units, owners and external sources.
pub fn vocabulary(design: &Design) -> impl Vocabulary + use<> {
    let sources = design.external_sources().iter().map(|source| source.name.as_str());
    let mut names = names::Names::new(design.units(), sources);
    for segment in design.segments() {
        names.add_segment(&segment.name, segment.selector.clone());
    }
    names
}

/// A lab file that has been read and not yet put together with what it is made of.
#[derive(Clone, Debug)]
pub struct LabFile {
    document: Document,
    parts: Vec<Part>,
    references: BTreeMap<String, Reference>,
    calibration: Calibration,
    source: Source,
    text: String,
}

/// Reads one lab file.
///
/// # Errors
/// YAML that is broken, and keys and values that a lab file does not have, each with its line.
pub fn parse(file: &File) -> Result<LabFile, Rejected> {
    let source = file.source();
    let reject = |diagnostic| Rejected { diagnostics: vec![diagnostic], sources: vec![source.clone()] };
    let document: Document = yaml::document(&file.text, SourceId(0)).map_err(reject)?;
    if let Some(diagnostic) = unknown_version(&document.seglab) {
        return Err(reject(diagnostic));
    }
    let mut notes = Notes::new(SourceId(0), &file.text);
    let parts = sources::parts(&document, &mut notes);
    if notes.has_errors() {
        return Err(Rejected { diagnostics: notes.diagnostics, sources: vec![source] });
    }
    let calibration = calibration::defaults()?;
    Ok(LabFile { document, parts, references: BTreeMap::new(), calibration, source, text: file.text.clone() })
}

/// What is wrong with the version of a lab file, or of a file of waivers.
fn unknown_version(version: &At<u32>) -> Option<Diagnostic> {
    let span = Span { source: SourceId(0), line: version.line, column: version.column };
    let message = format!("version {} of the lab file is not known", version.value);
    let error = Diagnostic::error("unknown-version", message, Some(span));
    (version.value != 1).then(|| error.with_help("write `seglab: 1`, or update seglab"))
}

/// The JSON Schema (draft 2020-12) of the lab file, for editors and other tools.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".to_owned(), "seglab lab file".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

impl LabFile {
    /// What else must be read for [`merge`], in the order in which it wants the readings.
    pub fn sources(&self) -> &[Part] {
        &self.parts
    }

    /// The designs that claims hold this one against: their paths as they are written, and where.
    pub fn compared(&self) -> impl Iterator<Item = (&str, Span)> {
        let named = self.document.properties.iter().filter_map(|doc| doc.value.reference());
        named.map(|path| (path.value.as_str(), Span { source: SourceId(0), line: path.line, column: path.column }))
    }

    /// Gives the file a design that its claims hold this one against, for [`merge`].
    pub fn compare(&mut self, with: Reference) {
        self.references.insert(with.path.clone(), with);
    }

    /// Gives the file the numbers that stand where it says none, in place of the [defaults](calibration::defaults).
    pub fn calibrate(&mut self, by: Calibration) {
        self.calibration = by;
    }

    /// Takes away what the file claims, so that no other design needs to be read.
    pub fn without_claims(mut self) -> Self {
        self.document.properties.clear();
        self
    }

    /// The file itself: its path and hash.
    pub fn source(&self) -> &Source {
        &self.source
    }
}

/// `base`, or if it is taken `base-2`, `base-3` and so on.
fn free_name(base: &str, taken: &[String]) -> String {
    let mut names = (1u32..).map(|number| if number == 1 { base.to_owned() } else { format!("{base}-{number}") });
    names.find(|name| !taken.contains(name)).unwrap_or_else(|| base.to_owned())
}
