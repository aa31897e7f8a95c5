//! The machine-readable forms, each under the name and version of its schema.

use crate::model::{Difference, Report, Verification};
use serde::{Deserialize, Serialize};

/// The schema of a report.
pub const REPORT_SCHEMA: &str = "seglab/report/v1";

/// The schema of a verification.
pub const VERIFY_SCHEMA: &str = "seglab/verify/v1";

/// The schema of a difference.
pub const DIFF_SCHEMA: &str = "seglab/diff/v1";

/// A document that could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON of this shape.
    #[error("the document is not a report: {0}")]
    Shape(#[from] serde_json::Error),
    /// Another schema.
    #[error("the schema is `{found}`, expected `{expected}`")]
    Schema {
        /// What the document says.
        found: String,
        /// What was asked for.
        expected: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
struct Document<T> {
    schema: String,
    #[serde(flatten)]
    body: T,
}

/// Writes a report as `seglab/report/v1`.
pub fn report_json(report: &Report) -> String {
    write(REPORT_SCHEMA, report)
}

/// Writes a verification as `seglab/verify/v1`.
pub fn verify_json(verification: &Verification) -> String {
    write(VERIFY_SCHEMA, verification)
}

/// Writes a difference as `seglab/diff/v1`.
pub fn difference_json(difference: &Difference) -> String {
    write(DIFF_SCHEMA, difference)
}

/// Reads what [`report_json`] wrote.
///
/// # Errors
/// If the text is not a report of this version.
pub fn read_report(text: &str) -> Result<Report, ReadError> {
    let document: Document<Report> = serde_json::from_str(text)?;
    if document.schema == REPORT_SCHEMA {
        Ok(document.body)
    } else {
        Err(ReadError::Schema { found: document.schema, expected: REPORT_SCHEMA })
    }
}

fn write<T: Serialize>(schema: &str, body: &T) -> String {
    // The types hold strings, numbers and lists only; a number that is not finite becomes null. Nothing can fail.
    let mut text = serde_json::to_string_pretty(&Document { schema: schema.to_owned(), body }).unwrap_or_default();
    text.push('\n');
    text
}
