//! Markdown (GitHub's dialect), for wikis, merge requests and job summaries.

use crate::model::{
    Comparison, Decider, Hop, Location, NeedStatus, Property, Report, SegmentMatrix, Surface, Verdict, Verification,
};
use crate::plot::plots;
use crate::words;
use std::fmt::Write;

mod campaign;

/// How many rows of a table of units, and diagnostics of a code, are listed.
const ROWS: usize = 20;

/// Writes a whole report; its pictures are the files beside it.
pub fn markdown(report: &Report) -> String {
    let mut page = Page::default();
    page.opening(&report.verification, "Segmentation audit");
    page.results(&report.verification);
    page.pictures(report);
    page.diagnostics(&report.verification);
    page.appendix(&report.verification, report.comparison.as_ref());
    page.text
}

/// Writes a verification alone.
pub fn verify_markdown(of: &Verification) -> String {
    let mut page = Page::default();
    page.opening(of, "Verification");
    page.results(of);
    page.diagnostics(of);
    page.appendix(of, None);
    page.text
}

#[derive(Default)]
pub(crate) struct Page {
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(crate) fn heading(&mut self, level: usize, title: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "\n{} {title}\n", "#".repeat(level));
    }

    pub(crate) fn list(&mut self, lines: impl Iterator<Item = String>, otherwise: &str) {
        let mut empty = true;
        for line in lines {
            empty = false;
            self.line(&format!("- {line}"));
        }
        if empty {
            self.line(otherwise);
        }
    }

    /// A table; cells are Markdown already.
    pub(crate) fn table<const N: usize>(&mut self, header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
        self.line(&format!("| {} |", header.join(" | ")));
        self.line(&format!("|{}", " --- |".repeat(N)));
        for row in rows {
            self.line(&format!("| {} |", row.join(" | ")));
        }
    }

    fn opening(&mut self, of: &Verification, kind: &str) {
        self.line(&format!("# {kind}: {}\n", escape(&of.design)));
        for (name, lines) in words::basis_in_brief(of) {
            let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
            self.line(&format!("- {name}: {}", lines.join("; ")));
        }
        self.line(&format!("\n**{}**\n", escape(&words::headline(of))));
        let mut made = vec![format!("{} {}", of.tool.name, of.tool.version)];
        made.extend(words::z3(&of.tool));
        made.push(words::seed(of.seed));
        made.extend(of.today.as_ref().map(|today| format!("today {today}")));
        self.line(&escape(&made.join(", ")));
        self.heading(2, "Scope");
        let facts = words::scope_facts(&of.scope);
        self.table(["", ""], facts.into_iter().map(|(name, fact)| [name.to_owned(), escape(&fact)]));
        self.heading(2, "Assumptions");
        if of.assumptions.is_empty() {
            self.line("None.");
        }
        for one in &of.assumptions {
            self.line(&format!("- {} ({})", escape(&one.text), code(&one.id)));
            if let Some(choice) = &one.choice {
                self.line(&format!("  - {}", escape(&words::choice(choice))));
                for change in &choice.changes {
                    self.line(&format!("    - {}", escape(&words::changed_verdict(change))));
                }
            }
        }
        if !of.trusted.is_empty() {
            self.heading(2, "Trusted units");
            self.list(
                of.trusted.iter().map(|one| {
                    let expires = escape(&words::until(one));
                    let (owner, units) = (escape(&one.owner), words::count(one.count, "unit", "units"));
                    format!("{} ({units}): {} (owner {owner}{expires})", code(&one.units), escape(&one.reason))
                }),
                "None.",
            );
        }
        self.heading(2, "Not modelled");
        self.list(
            of.unmodelled.iter().map(|one| escape(&words::unmodelled(one))),
            "Everything that was read is modelled.",
        );
        if !of.ignored.is_empty() {
            self.line("\nLeft out on purpose:\n");
            self.list(
                of.ignored.iter().map(|one| {
                    let (kind, reason, by) = (escape(&one.kind), escape(&one.reason), escape(&words::ignored_by(one)));
                    format!("{} {kind}: {reason} ({by})", words::number(one.count))
                }),
                "None.",
            );
        }
        if !of.not_covered.is_empty() {
            self.line("\nOutside every model:\n");
            self.list(of.not_covered.iter().map(|one| escape(one)), "None.");
        }
    }

    fn results(&mut self, of: &Verification) {
        self.heading(2, "Properties");
        if of.properties.is_empty() {
            self.line("None is declared.");
        } else {
            self.table(
                ["verdict", "property", "claim", "over"],
                of.properties.iter().map(|one| {
                    [
                        verdict(one.verdict),
                        code(&one.id),
                        escape(&one.claim),
                        escape(&words::population(&one.population)),
                    ]
                }),
            );
        }
        for property in of.worst_first() {
            self.property(property);
        }
        if !of.needs.is_empty() {
            self.heading(2, "Needed flows");
            self.needs(of);
        }
        if let Some(gate) = &of.gate {
            self.heading(2, "Gate");
            self.list(words::gate(gate).iter().map(|line| escape(line)), "None.");
        }
    }

    fn property(&mut self, of: &Property) {
        self.heading(3, &format!("{} {}", escape(&of.id), of.verdict));
        self.line(&format!("{}\n", escape(&of.claim)));
        let mut facts = vec![
            format!("Asked: {}", escape(&words::question(of))),
            format!("Over: {}", escape(&words::population(&of.population))),
            format!("Judged by: {}", escape(&words::judges(of))),
        ];
        facts.extend(of.location.as_ref().map(|place| format!("Claimed at {}", code(&place.to_string()))));
        facts.extend(of.certificate.as_ref().map(|file| format!("Certificate: {}", code(file))));
        if let Some(doubt) = &of.doubt {
            let construct = doubt.construct.as_ref().map_or_else(String::new, |one| format!(": {}", escape(one)));
            facts.push(format!(
                "Undecided because {}{construct}{}",
                escape(&doubt.reason),
                place(doubt.location.as_ref())
            ));
        }
        facts.extend(of.does_not_show.iter().map(|one| format!("Does not show: {}", escape(one))));
        self.list(facts.into_iter(), "");
        let findings = words::findings(&of.findings);
        if !findings.is_empty() {
            self.line("\n**Findings:**\n");
            self.list(findings.iter().map(|one| escape(one)), "");
        }
        if let Some(counterexample) = &of.counterexample {
            self.line(&format!("\n**Counterexample:** {}\n", escape(&counterexample.summary)));
            for (position, hop) in (1..).zip(&counterexample.hops) {
                self.hop(position, hop);
            }
        }
    }

    fn hop(&mut self, position: usize, of: &Hop) {
        let gain = of.gain.as_ref().map_or_else(String::new, |gain| format!(", {}", escape(gain)));
        self.line(&format!("{position}. {} {}{gain}", code(&words::hop(of)), of.outcome));
        for decider in &of.deciders {
            self.line(&format!("   - {}", decision(decider)));
        }
        if let Some(remark) = &of.remark {
            self.line(&format!("   - {}", escape(remark)));
        }
    }

    fn needs(&mut self, of: &Verification) {
        self.table(
            ["status", "flow", "pairs", "declared at"],
            of.needs.iter().map(|one| {
                let status =
                    if one.status == NeedStatus::Works { "works".to_owned() } else { format!("**{}**", one.status) };
                let pairs = words::number(one.pairs);
                let declared = one.location.as_ref().map_or_else(String::new, |place| code(&place.to_string()));
                [status, code(&one.name()), pairs, declared]
            }),
        );
        for need in of.needs.iter().filter(|need| need.status != NeedStatus::Works) {
            let Some(witness) = &need.witness else { continue };
            self.line(&format!("\n{} {}:\n", code(&need.name()), need.status));
            self.hop(1, witness);
        }
    }

    fn pictures(&mut self, report: &Report) {
        if !report.blast_radius.is_empty() {
            self.heading(2, "Blast radius");
            self.list(report.blast_radius.iter().map(|one| escape(&words::blast_radius(one))), "");
        }
        if let Some(surface) = &report.surface {
            self.surface(surface);
        }
        if let Some(matrix) = &report.segments {
            self.matrix(matrix);
        }
        if let Some(comparison) = &report.comparison {
            self.comparison(comparison);
            self.differences(&report.differences);
        }
        if !report.simulations.is_empty() {
            self.simulations(&report.simulations);
        }
        if let Some(sensitivity) = &report.sensitivity {
            self.sensitivity(sensitivity);
        }
        if !report.traffic.is_empty() {
            self.traffic(&report.traffic);
        }
        self.enforcement(report);
        self.calibration(report);
        let plots = plots(report);
        if !plots.is_empty() {
            self.heading(2, "Plots");
            for plot in plots {
                self.line(&format!(
                    "![{}]({})\n\n{}\n",
                    escape(&plot.title),
                    plot.file_name(),
                    escape(&plot.description)
                ));
            }
        }
    }

    fn surface(&mut self, of: &Surface) {
        self.heading(2, "Surface");
        self.line(&format!("{}.\n", escape(&words::surface(of))));
        let header = ["unit", "entries from units", "entries from outside", "exits to units", "exits to outside"];
        self.table(
            header,
            of.rows.iter().take(ROWS).map(|row| {
                let units = if row.units > 1 { format!(" (×{})", words::number(row.units)) } else { String::new() };
                [
                    format!("{}{units}", escape(&row.unit)),
                    words::number(row.entries),
                    escape(&row.entries_external),
                    words::number(row.exits),
                    escape(&row.exits_external),
                ]
            }),
        );
        self.cut(of.rows.len());
    }

    fn cut(&mut self, rows: usize) {
        if rows > ROWS {
            self.line(&format!("\n{ROWS} of {} rows are shown; the JSON holds all.", words::number(rows as u64)));
        }
    }

    fn matrix(&mut self, of: &SegmentMatrix) {
        self.heading(2, "Segment matrix");
        self.line(&format!(
            "What each segment may open to another, {} ({} view).\n",
            escape(&of.grouping),
            escape(&of.view)
        ));
        let mut rows = Vec::new();
        for (row, from) in of.segments.iter().enumerate() {
            for (column, to) in of.segments.iter().enumerate() {
                let Some(cell) = of.cell(row, column).filter(|cell| cell.allowed > 0 || cell.unknown > 0) else {
                    continue;
                };
                let unknown =
                    if cell.unknown > 0 { format!(", {} unknown", words::number(cell.unknown)) } else { String::new() };
                let pairs = format!("{} of {}{unknown}", words::number(cell.allowed), words::number(cell.pairs));
                rows.push([escape(&from.name), escape(&to.name), pairs, escape(&cell.connections)]);
            }
        }
        let total = rows.len();
        self.table(["from", "to", "pairs", "connections"], rows.into_iter().take(ROWS));
        self.cut(total);
    }

    fn comparison(&mut self, of: &Comparison) {
        self.heading(2, "Designs compared");
        self.line(&format!("Pivot {}, {} view, trust {}.\n", escape(&of.pivot), escape(&of.view), escape(&of.trust)));
        let header =
            ["design", "units", "rules", "blast radius, median", "largest", "needs broken", "holds/violated/unknown"];
        self.table(
            header,
            of.designs.iter().map(|one| {
                let size = |size| format!("{} ({})", words::number(size), words::percent(one.share(size)));
                [
                    escape(&one.design),
                    words::number(one.units),
                    words::number(one.rules),
                    size(one.blast_radius_median),
                    size(one.blast_radius_max),
                    format!("{} of {}", words::number(one.needs_broken), words::number(one.needs)),
                    format!("{}/{}/{}", one.holds, one.violated, one.unknown),
                ]
            }),
        );
    }

    fn diagnostics(&mut self, of: &Verification) {
        self.heading(2, "Diagnostics");
        if of.diagnostics.is_empty() {
            self.line("None.");
        }
        for group in of.diagnostic_groups() {
            self.heading(3, &format!("{}: {} ({})", group.severity, code(group.code), escape(&group.times())));
            self.list(
                group.diagnostics.iter().take(ROWS).map(|one| {
                    let place = one
                        .location
                        .as_ref()
                        .map_or_else(String::new, |place| format!("{}: ", code(&place.to_string())));
                    format!("{place}{}", escape(&one.message))
                }),
                "",
            );
            self.cut(group.diagnostics.len());
            if let Some(help) = group.common_help() {
                self.line(&format!("\nTo do: {}", escape(help)));
            }
        }
    }

    fn appendix(&mut self, of: &Verification, comparison: Option<&Comparison>) {
        self.heading(2, "Inputs");
        if let Some(command) = &of.command {
            self.line(&format!("Made by {}\n", code(command)));
        }
        let inputs = words::all_inputs(of, comparison);
        self.table(["file", "SHA-256"], inputs.map(|one| [code(&one.path), code(&one.sha256)]));
    }
}

pub(crate) fn decision(of: &Decider) -> String {
    let stamp = words::decider_stamp(of);
    let stamp = if stamp.is_empty() { stamp } else { format!(" ({})", escape(&stamp)) };
    let (place, why) = (escape(&words::decider_place(of)), escape(&words::decider_why(of)));
    format!("{place} **{}**: {why}{}{stamp}", words::decider_outcome(of), self::place(of.location.as_ref()))
}

pub(crate) fn place(of: Option<&Location>) -> String {
    of.map_or_else(String::new, |place| format!(" ({})", code(&place.to_string())))
}

fn verdict(of: Verdict) -> String {
    match of {
        Verdict::Holds => "holds".to_owned(),
        Verdict::Violated => "**violated**".to_owned(),
        Verdict::Unknown => "**unknown**".to_owned(),
    }
}

/// Text that means nothing to Markdown or HTML, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in words::printable(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // A name that looks like a mention must not call anybody.
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out
}

/// Text as code. A backtick would end it and a pipe would end the cell: such text is escaped instead.
pub(crate) fn code(text: &str) -> String {
    let text = words::printable(text);
    if text.is_empty() || text.contains(['`', '|']) { escape(&text) } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_names_is_text() {
        assert_eq!(escape("<b>*x*|y_z`\n@a"), "&lt;b&gt;\\*x\\*\\|y\\_z\\`\\\\u{a}&#64;a");
        assert_eq!(code("a|b"), "a\\|b");
        assert_eq!(code("a -> b"), "`a -> b`");
    }
}
