//! Audit reports: what a design was asked, what was answered, and what the answers rest on.
//!
//! A [`Report`] is plain data. Every writer is a pure function from it to text, so the same report gives the same
//! bytes on every machine: [`report_json`], [`markdown`], [`html`], [`sarif`], [`junit`] and [`text`];
//! [`bundle`] returns all files of an audit report. The part of it that `verify` prints alone is a [`Verification`].
//!
//! Scope, assumptions and what was not modelled stand before any result, in every format that has an order.
//!
//! This is the only crate that knows HTML, SARIF, JUnit, Parquet and plots. It does no I/O.

mod bundle;
mod campaign_text;
pub mod collect;
mod core_text;
mod difference;
mod enforcement;
pub mod gate;
mod heading;
mod html;
mod json;
mod junit;
mod markdown;
mod model;
mod paths;
mod plot;
mod replica_rows;
mod sarif;
mod sensitivity;
mod table;
mod text;
mod text_tables;
mod traffic;
mod words;

pub use bundle::{ReportFile, bundle};
pub use campaign_text::campaign_text;
pub use core_text::cores_text;
pub use difference::{difference_markdown, difference_text};
pub use enforcement::calibration_text;
use enforcement::{checks_text, load_text};
pub use heading::heading_text;
pub use html::html;
pub use json::{
    DIFF_SCHEMA, REPORT_SCHEMA, ReadError, VERIFY_SCHEMA, difference_json, read_report, report_json, verify_json,
};
pub use junit::junit;
pub use markdown::{markdown, verify_markdown};
pub use model::*;
pub use paths::{paths_markdown, paths_text};
pub use plot::{
    Plot, Throughput, blast_radius_plot, comparison_plot, compromise_plot, plots, segment_matrix_plot, throughput_plot,
    tornado_plot,
};
pub use replica_rows::{RowsError, replica_rows};
pub use sarif::sarif;
pub use sensitivity::sensitivity_text;
pub use text::{Colour, hop_text, rules_text, text, verdicts_text};
pub use text_tables::{comparison_text, surface_text};
pub use traffic::{design_difference_text, traffic_text};
