//! Waivers: in the lab file, or in a file of their own for designs that have none.

use super::at::{At, Text};
use super::notes::Notes;
use super::{unknown_version, yaml};
use crate::{File, Rejected};
use schemars::JsonSchema;
use seglab_policy::{Date, NoDate, Provenance, SourceId, Waived, Waiver};
use serde::Deserialize;

/// Violations that somebody answers for until a day: the gate of `verify` lets them pass and shows them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WaiverDoc {
    /// The property that is waived: its id, as `verify` prints it.
    pub(super) property: Option<Text>,
    /// The need that is waived, in place of a property: its name, as `verify` prints it.
    pub(super) need: Option<Text>,
    /// Only what starts in this segment, as `verify` prints it; everything where it is absent.
    pub(super) from: Option<Text>,
    /// Only what ends in this segment.
    pub(super) to: Option<Text>,
    /// Waive what is undecided, in place of what is violated.
    #[serde(default)]
    pub(super) undecided: bool,
    /// Who answers for it.
    pub(super) owner: Text,
    /// Why it is put up with.
    pub(super) reason: Text,
    /// The last day on which it counts: `2027-01-31`.
    pub(super) expires: Text,
}

/// A file of waivers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WaiverFile {
    seglab: At<u32>,
    waivers: Vec<At<WaiverDoc>>,
}

/// Reads a file of waivers: `seglab: 1`, and `waivers:` as a lab file has them. Their places are in the source 0.
///
/// # Errors
/// YAML that is broken, unknown or missing keys and values that cannot be read, each with its line.
pub fn waivers(file: &File) -> Result<Vec<Waiver>, Rejected> {
    let reject = |diagnostics| Rejected { diagnostics, sources: vec![file.source()] };
    let document: WaiverFile =
        yaml::document(&file.text, SourceId(0)).map_err(|diagnostic| reject(vec![diagnostic]))?;
    if let Some(diagnostic) = unknown_version(&document.seglab) {
        return Err(reject(vec![diagnostic]));
    }
    let mut notes = Notes::new(SourceId(0), &file.text);
    let waivers = document.waivers.iter().filter_map(|doc| waiver(doc, &mut notes)).collect();
    if notes.has_errors() { Err(reject(notes.diagnostics)) } else { Ok(waivers) }
}

/// Reads one waiver; what is wrong with it is said.
pub(super) fn waiver(doc: &At<WaiverDoc>, notes: &mut Notes<'_>) -> Option<Waiver> {
    let given = &doc.value;
    let of = match (&given.property, &given.need) {
        (Some(id), None) => Some(Waived::Property(id.value.clone())),
        (None, Some(name)) => Some(Waived::Need(name.value.clone())),
        _ => {
            let help = "name what is waived: `property: ID` or `need: NAME`, as `seglab verify` prints it";
            notes.error("missing-key", doc, "a waiver is of exactly one `property` or `need`", help);
            None
        }
    };
    let mut said = |what: &str, text: &Text| {
        if text.value.trim().is_empty() {
            let help = "a waiver is somebody's word: say whose, and why";
            notes.error("invalid-value", text, format!("the waiver's `{what}` is empty"), help);
        }
    };
    said("owner", &given.owner);
    said("reason", &given.reason);
    let expires = date(&given.expires, notes);
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    Some(Waiver {
        of: of?,
        from: text(&given.from),
        to: text(&given.to),
        undecided: given.undecided,
        owner: given.owner.value.clone(),
        reason: given.reason.value.clone(),
        expires: expires?,
        provenance: Provenance::at(notes.span(doc)),
    })
}

/// Reads a day; what is wrong with it is said.
pub(super) fn date(given: &Text, notes: &mut Notes<'_>) -> Option<Date> {
    let read = given.value.parse();
    if let Err(NoDate { .. }) = &read {
        let message = format!("`{}` is not a date", given.value);
        notes.error("invalid-value", given, message, "write it as `2027-01-31`");
    }
    read.ok()
}
