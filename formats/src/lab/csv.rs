//! Units from a CSV file: a header with the scalar keys of a unit, and one unit a line.

use super::at::{At, Entries, Text, TextOr};
use super::document::UnitDoc;
use super::notes::Notes;
use super::units::units;
use crate::text::suggestion;
use crate::{File, Reading, Rejected};
use seglab_policy::{Draft, SourceId};

/// The columns that a file may have.
const COLUMNS: [&str; 17] = [
    "name",
    "owner",
    "labels",
    "addresses",
    "space",
    "site",
    "zone",
    "subnet",
    "shared",
    "replicas",
    "listens",
    "host",
    "critical",
    "image",
    "credentials",
    "agent",
    "reachable",
];

/// Reads the units of a CSV file.
///
/// Cells with several values are split at spaces and semicolons; labels are written `key=value`. An empty cell is an
/// absent key.
///
/// # Errors
/// Every cell that cannot be read, with its line.
pub fn units_csv(file: &File) -> Result<Reading, Rejected> {
    let mut notes = Notes::new(SourceId(0), &file.text);
    let mut draft = Draft { sources: vec![file.source()], ..Draft::default() };
    draft.units = rows(&file.text, &mut notes).iter().flat_map(|row| units(row, &mut notes)).collect();
    if notes.has_errors() {
        return Err(Rejected { diagnostics: notes.diagnostics, sources: draft.sources });
    }
    Ok(Reading { draft, diagnostics: notes.diagnostics })
}

fn rows(text: &str, notes: &mut Notes<'_>) -> Vec<At<UnitDoc>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let start = At { value: (), line: 1, column: 1, offset: None };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            notes.error("invalid-csv", &start, broken(&error), "save the file as CSV in UTF-8");
            return Vec::new();
        }
    };
    for column in &header {
        if !COLUMNS.contains(&column) {
            let help = suggestion(column, COLUMNS).unwrap_or_else(|| format!("use {}", COLUMNS.join(", ")));
            notes.error("unknown-key", &start, format!("unknown column `{column}`"), &help);
        }
    }
    if !header.iter().any(|column| column == "name") {
        notes.error("missing-key", &start, "the column `name` is missing", "name the columns in the first line");
    }
    if notes.has_errors() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let position = record.position();
                let line = position.map_or(1, csv::Position::line);
                let offset = position.and_then(|position| usize::try_from(position.byte()).ok());
                let place = At { value: (), line: u32::try_from(line).unwrap_or(u32::MAX), column: 1, offset };
                let raw = offset.and_then(|offset| text.get(offset..)).and_then(|rest| rest.lines().next());
                rows.extend(row(&header, &record, &place, raw.unwrap_or_default(), notes));
            }
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                let place = At { value: (), line: u32::try_from(line).unwrap_or(u32::MAX), column: 1, offset: None };
                notes.error("invalid-csv", &place, broken(&error), "give every line as many cells as the first");
            }
        }
    }
    rows
}

fn row(
    header: &csv::StringRecord,
    record: &csv::StringRecord,
    line: &At<()>,
    raw: &str,
    notes: &mut Notes<'_>,
) -> Option<At<UnitDoc>> {
    let cell = |column: &str| -> Option<Text> {
        let at = header.iter().position(|name| name == column)?;
        let value = record.get(at).filter(|value| !value.is_empty())?;
        Some(place(line, raw, at, value).with(value.to_owned()))
    };
    let text = |column: &str| cell(column).map(|cell| cell.value);
    let list = |column: &str| cell(column).map(|cell| values(&cell)).unwrap_or_default();
    let mut labels = Vec::new();
    for label in list("labels") {
        let Some((key, value)) = label.value.split_once('=') else {
            notes.error("invalid-value", &label, format!("`{}` is not a label", label.value), "write `key=value`");
            return None;
        };
        labels.push((label.with(key.to_owned()), value.to_owned()));
    }
    Some(line.with(UnitDoc {
        name: cell("name").unwrap_or_else(|| line.with(String::new())),
        owner: text("owner"),
        labels: Entries(labels),
        addresses: list("addresses"),
        space: text("space"),
        site: text("site"),
        zone: text("zone"),
        subnet: text("subnet"),
        shared: truth(cell("shared"), notes)?,
        interfaces: None,
        replicas: number(cell("replicas"), notes)?,
        listens: list("listens").into_iter().map(|one| one.with(TextOr::Text(one.value.clone()))).collect(),
        host: text("host"),
        critical: number(cell("critical"), notes)?.map_or(0, |critical| critical.value),
        image: text("image"),
        vulnerabilities: Vec::new(),
        credentials: list("credentials").into_iter().map(|one| one.value).collect(),
        logins: Vec::new(),
        agent: truth(cell("agent"), notes)?,
        reachable: cell("reachable"),
    }))
}

/// Where a cell stands: its own column where no quotes move it about, else the line.
fn place(line: &At<()>, raw: &str, at: usize, value: &str) -> At<()> {
    if raw.contains('"') {
        return line.with(());
    }
    let before: usize = raw.split(',').take(at).map(|cell| cell.len() + 1).sum();
    let skipped = raw.get(before..).and_then(|cell| cell.find(value)).map_or(before, |spaces| before + spaces);
    let column = raw.get(..skipped).map_or(1, |before| before.chars().count() + 1);
    At {
        value: (),
        line: line.line,
        column: u32::try_from(column).unwrap_or(u32::MAX),
        offset: line.offset.map(|offset| offset + skipped),
    }
}

/// The values of a cell, each with its place.
fn values(cell: &Text) -> Vec<Text> {
    let mut values = Vec::new();
    let mut before = 0;
    for value in cell.value.split([' ', ';']) {
        if !value.is_empty() {
            let characters = cell.value.get(..before).map_or(0, |before| before.chars().count());
            values.push(At {
                value: value.to_owned(),
                line: cell.line,
                column: cell.column + u32::try_from(characters).unwrap_or(0),
                offset: cell.offset.map(|offset| offset + before),
            });
        }
        before += value.len() + 1;
    }
    values
}

/// A cell that is `true` or `false`; the outer `None` if it is neither.
fn truth(cell: Option<Text>, notes: &mut Notes<'_>) -> Option<Option<bool>> {
    let Some(cell) = cell else { return Some(None) };
    match cell.value.as_str() {
        "true" => Some(Some(true)),
        "false" => Some(Some(false)),
        other => {
            let message = format!("`{other}` is neither true nor false");
            notes.error("invalid-value", &cell, message, "write `true` or `false`, or leave the cell empty");
            None
        }
    }
}

/// A cell that is a number; the outer `None` if it is not.
fn number(cell: Option<Text>, notes: &mut Notes<'_>) -> Option<Option<At<u32>>> {
    let Some(cell) = cell else { return Some(None) };
    if let Ok(number) = cell.value.parse() {
        return Some(Some(cell.with(number)));
    }
    let message = format!("`{}` is not a whole number", cell.value);
    notes.error("invalid-value", &cell, message, "write a number from 0 to 4294967295, or leave the cell empty");
    None
}

fn broken(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} of {expected_len} cells")
        }
        _ => "the file is not CSV in UTF-8".to_owned(),
    }
}
