//! Calibration files: numbers about the world outside a design, each with its source and date.
//!
//! ```yaml
//! seglab-calibration: 1
//! values:
//!   agent-memory: {value: 250MB, role: input, source: our own measurement, date: 2026-10-01}
//! ```
//! A file gives some of the numbers; all others are those of [`DEFAULTS`], which are part of the program. Numbers are written
//! as a lab file has them.

use super::at::{Amount, At, Entries, Text};
use super::notes::Notes;
use super::waivers::date;
use super::yaml;
use crate::text::{amount, suggestion};
use crate::{File, Rejected};
use seglab_policy::{Calibration, Diagnostic, Part, Quantity, SourceId};
use serde::Deserialize;

/// The calibration that holds where none is given, as a file has it.
pub const DEFAULTS: &str = include_str!("calibration/defaults.yaml");

/// Where it is written what a calibration file may hold.
const FORM: &str = "write `NAME: {value: 29min, role: input, source: who says so, date: 2026-11-23}`";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    #[serde(rename = "seglab-calibration")]
    version: At<u32>,
    values: Entries<At<ValueDoc>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ValueDoc {
    value: Amount,
    role: Text,
    source: Text,
    date: Text,
}

/// The calibration that holds where none is given.
///
/// # Errors
/// What is wrong with [`DEFAULTS`]: nothing, as a test sees.
pub fn defaults() -> Result<Calibration, Rejected> {
    let file = File { path: "defaults.yaml".to_owned(), text: DEFAULTS.to_owned() };
    Calibration::new(quantities(&file)?).map_err(|part| {
        let error = Diagnostic::error("missing-key", format!("`{}` has no value", part.name()), None);
        Rejected { diagnostics: vec![error], sources: vec![file.source()] }
    })
}

/// The default calibration with the numbers of a file in place of its own.
///
/// ```
/// use seglab_formats::{File, lab::calibration};
/// use seglab_policy::Input;
/// let text = "
/// seglab-calibration: 1
/// values:
///   scan-rate: {value: 10/s, role: input, source: our red team, date: 2026-10-01}
/// ";
/// let read = |text: &str| calibration::read(&File { path: "ours.yaml".into(), text: text.into() });
/// assert_eq!(read(text).unwrap().input(Input::ScanRate), 10.0);
/// assert!(read(&text.replace("10/s", "10")).is_err());
/// ```
///
/// # Errors
/// Broken YAML, names that nothing has, numbers that are none or have the wrong unit, another role than a number has, no
/// source, days that there are not: each with its place.
pub fn read(file: &File) -> Result<Calibration, Rejected> {
    Ok(defaults()?.overridden(quantities(file)?))
}

fn quantities(file: &File) -> Result<Vec<Quantity>, Rejected> {
    let rejected = |diagnostics| Rejected { diagnostics, sources: vec![file.source()] };
    let document: Document = yaml::document(&file.text, SourceId(0)).map_err(|mut error| {
        // The help for shapes is about lab files.
        if error.help.as_deref() == Some(yaml::SHAPE) {
            error.help = Some(FORM.to_owned());
        }
        rejected(vec![error])
    })?;
    let mut notes = Notes::new(SourceId(0), &file.text);
    if document.version.value != 1 {
        let message = format!("version {} of calibration files is not known", document.version.value);
        let help = "write `seglab-calibration: 1`, or update seglab";
        notes.error("unknown-version", &document.version, message, help);
    }
    let mut given = Vec::new();
    for (name, doc) in &document.values.0 {
        let Some(part) = Part::named(&name.value) else {
            let known = Part::all().map(Part::name);
            let help = suggestion(&name.value, known.clone())
                .unwrap_or_else(|| format!("one of: {}", known.collect::<Vec<_>>().join(", ")));
            notes.error("unknown-name", name, format!("nothing is calibrated by `{}`", name.value), &help);
            continue;
        };
        given.extend(quantity(part, &doc.value, &mut notes));
    }
    if notes.has_errors() { Err(rejected(notes.diagnostics)) } else { Ok(given) }
}

fn quantity(part: Part, doc: &ValueDoc, notes: &mut Notes<'_>) -> Option<Quantity> {
    let ValueDoc { value: Amount(value), role, source, date: day } = doc;
    let number = notes.parsed(value, amount(&value.value, part.measure()));
    if role.value != part.role() {
        let message = format!("`{}` is no `{}`", part.name(), role.value);
        let why = match part {
            Part::Input(_) => "models reckon with it",
            Part::Check(_) => "results are only compared with it",
        };
        notes.error("invalid-value", role, message, &format!("write `role: {}`: {why}", part.role()));
    }
    if source.value.trim().is_empty() {
        let help = "say who measured it, or `assumption`";
        notes.error("invalid-value", source, format!("`{}` has no source", part.name()), help);
    }
    let day = date(day, notes);
    part.quantity(number?, source.value.clone(), day?)
}
