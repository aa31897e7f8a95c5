//! All files of an audit report.

use crate::model::Report;
use crate::plot::plots;
use crate::{html, json, junit, markdown, sarif};

/// A file of a report: its name inside the report's folder, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// The name, with `/` between its parts.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Writes every format of a report: one page for people, text for wikis, data for machines, and the plots on their own.
pub fn bundle(report: &Report) -> Vec<ReportFile> {
    let file = |name: &str, text: String| ReportFile { name: name.to_owned(), bytes: text.into_bytes() };
    let mut files = vec![
        file("report.html", html::html(report)),
        file("report.md", markdown::markdown(report)),
        file("report.json", json::report_json(report)),
        file("report.sarif", sarif::sarif(&report.verification)),
        file("report.junit.xml", junit::junit(&report.verification)),
    ];
    files.extend(plots(report).into_iter().map(|plot| file(&plot.file_name(), plot.svg)));
    files
}
