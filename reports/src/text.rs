//! A verification for the terminal and the log: what it rests on first, the verdict in the last line.

use crate::heading;
use crate::model::{
    Assumption, Decider, DecidingRule, Heading, Hop, NeedStatus, Property, Severity, Verdict, Verification,
};
use crate::table::table;
use crate::words;
use std::fmt::Write;

/// How text may be decorated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Not at all.
    #[default]
    Never,
    /// With ANSI escapes; for terminals.
    Ansi,
}

/// How many diagnostics of one code are listed.
const EXAMPLES: usize = 5;

/// Writes a verification as text. Control characters in names are shown as escapes.
///
/// ```
/// use seglab_reports::{Colour, Verification, text};
/// let printed = text(&Verification::default(), Colour::Never);
/// assert!(printed.ends_with("No property is declared, so nothing is proved.\n"));
/// ```
pub fn text(of: &Verification, colour: Colour) -> String {
    let mut out = String::new();
    provenance(&mut out, of);
    basis(&mut out, of);
    diagnostics(&mut out, of, colour);
    properties(&mut out, of, colour);
    needs(&mut out, of);
    gate(&mut out, of);
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "{}", words::headline(of));
    out
}

/// Writes some verdicts of a verification, by the positions of properties and of needs, and where the whole stands now:
/// what somebody sees who watches a design being edited.
///
/// ```
/// use seglab_reports::{Colour, Verification, verdicts_text};
/// let printed = verdicts_text(&Verification::default(), &[], &[], Colour::Never);
/// assert_eq!(printed, "No property is declared, so nothing is proved.\n");
/// ```
pub fn verdicts_text(of: &Verification, of_properties: &[usize], of_needs: &[usize], colour: Colour) -> String {
    let mut some = of.clone();
    some.properties = of_properties.iter().filter_map(|&at| of.properties.get(at).cloned()).collect();
    some.needs = of_needs.iter().filter_map(|&at| of.needs.get(at).cloned()).collect();
    let mut out = String::new();
    properties(&mut out, &some, colour);
    let works: Vec<_> = some.needs.iter().filter(|need| need.status == NeedStatus::Works).collect();
    if !works.is_empty() {
        out.push_str("needed flows that work now\n");
        for need in works {
            let _ = writeln!(out, "  {}", words::printable(&need.name()));
        }
        out.push('\n');
    }
    needs(&mut out, &some);
    let _ = writeln!(out, "{}", words::headline(of));
    out
}

fn gate(out: &mut String, of: &Verification) {
    let Some(gate) = &of.gate else { return };
    out.push_str("gate\n");
    for line in words::gate(gate) {
        let _ = writeln!(out, "  {}", words::printable(&line));
    }
    out.push('\n');
}

fn provenance(out: &mut String, of: &Verification) {
    let _ = writeln!(out, "{}\n", heading::line(&Heading::from(of)));
}

fn basis(out: &mut String, of: &Verification) {
    out.push_str("scope\n");
    let facts = words::scope_facts(&of.scope);
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, fact) in facts {
        let _ = writeln!(out, "  {:width$}  {}", name.to_lowercase(), words::printable(&fact));
    }
    section(out, "assumptions", of.assumptions.iter().flat_map(assumption));
    if !of.trusted.is_empty() {
        section(
            out,
            "trusted, never owned in the figures that say so",
            of.trusted.iter().map(|one| {
                let expires = words::until(one);
                let units = words::count(one.count, "unit", "units");
                format!("{} ({units}): {} (owner {}{expires})", one.units, one.reason, one.owner)
            }),
        );
    }
    section(out, "not modelled", of.unmodelled.iter().map(words::unmodelled));
    if !of.ignored.is_empty() {
        section(
            out,
            "left out on purpose",
            of.ignored.iter().map(|one| {
                format!("{} {}: {} ({})", words::number(one.count), one.kind, one.reason, words::ignored_by(one))
            }),
        );
    }
    section(out, "outside every model", of.not_covered.iter().cloned());
    out.push('\n');
}

/// An assumption, and under it what hangs on it.
fn assumption(of: &Assumption) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", of.id, of.text)];
    if let Some(choice) = &of.choice {
        lines.push(format!("  {}", words::choice(choice)));
        lines.extend(choice.changes.iter().map(|change| format!("    {}", words::changed_verdict(change))));
    }
    lines
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    let _ = writeln!(out, "\n{title}");
    if lines.is_empty() {
        out.push_str("  none\n");
    }
    for line in lines {
        let _ = writeln!(out, "  {}", words::printable(&line));
    }
}

fn diagnostics(out: &mut String, of: &Verification, colour: Colour) {
    if of.diagnostics.is_empty() {
        return;
    }
    out.push_str("diagnostics\n");
    for group in of.diagnostic_groups() {
        let severity = match group.severity {
            Severity::Error => paint(colour, RED, "error"),
            Severity::Warning => paint(colour, YELLOW, "warning"),
            Severity::Note => "note".to_owned(),
        };
        let _ = writeln!(out, "  {severity}: {} ({})", words::printable(group.code), group.times());
        for diagnostic in group.diagnostics.iter().take(EXAMPLES) {
            let place = diagnostic.location.as_ref().map_or_else(String::new, |place| format!("{place}: "));
            let _ = writeln!(out, "    {}", words::printable(&format!("{place}{}", diagnostic.message)));
        }
        if group.diagnostics.len() > EXAMPLES {
            let _ = writeln!(out, "    … and {} more", group.diagnostics.len() - EXAMPLES);
        }
        if let Some(help) = group.common_help() {
            let _ = writeln!(out, "    help: {}", words::printable(help));
        }
    }
    out.push('\n');
}

fn properties(out: &mut String, of: &Verification, colour: Colour) {
    if of.properties.is_empty() {
        return;
    }
    out.push_str("properties\n");
    let rows: Vec<[String; 4]> = of
        .properties
        .iter()
        .map(|property| {
            [property.verdict.to_string(), property.id.clone(), property.kind.clone(), claim_of(property)]
                .map(|cell| words::printable(&cell))
        })
        .collect();
    out.push_str(&paint_verdicts(&table(2, ["verdict", "id", "kind", "claim"], &rows), colour));
    out.push('\n');
    for property in of.worst_first().into_iter().filter(|property| property.verdict != Verdict::Holds) {
        explain(out, property, colour);
    }
}

/// The claim, with what to know of one that holds of nothing.
fn claim_of(property: &Property) -> String {
    if property.vacuous { format!("{} (it speaks of nothing)", property.claim) } else { property.claim.clone() }
}

/// Colours the verdict that opens each line of the table, after lining up, for escapes have no width.
fn paint_verdicts(table: &str, colour: Colour) -> String {
    let mut out = String::new();
    for line in table.lines() {
        let painted = [(Verdict::Violated, RED), (Verdict::Unknown, YELLOW), (Verdict::Holds, GREEN)].iter().find_map(
            |(verdict, code)| {
                let name = verdict.to_string();
                let rest = line.strip_prefix("  ")?.strip_prefix(&name)?;
                Some(format!("  {}{rest}", paint(colour, code, &name)))
            },
        );
        out.push_str(painted.as_deref().unwrap_or(line));
        out.push('\n');
    }
    out
}

fn explain(out: &mut String, property: &Property, colour: Colour) {
    let code = if property.verdict == Verdict::Violated { RED } else { YELLOW };
    let verdict = paint(colour, code, &property.verdict.to_string());
    let _ = writeln!(out, "{verdict}: {}", words::printable(&property.id));
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(out, "  {name:9} {}", words::printable(value));
    };
    line("claim", &property.claim);
    if let Some(place) = &property.location {
        line("stated at", &place.to_string());
    }
    line("asked", &words::question(property));
    line("over", &words::population(&property.population));
    line("judged by", &words::judges(property));
    if let Some(doubt) = &property.doubt {
        let construct = doubt.construct.as_ref().map_or_else(String::new, |one| format!(": {one}"));
        let place = doubt.location.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
        line("because", &format!("{}{construct}{place}", doubt.reason));
    }
    for finding in words::findings(&property.findings) {
        line("finding", &finding);
    }
    if let Some(counterexample) = &property.counterexample {
        line("but", &counterexample.summary);
        for (position, hop) in (1..).zip(&counterexample.hops) {
            out.push_str(&self::hop(position, hop));
        }
    }
    out.push('\n');
}

/// Writes one connection with the judgement of every point on its path: what `explain` prints.
pub fn hop_text(of: &Hop) -> String {
    let numbered = hop(1, of);
    let lines = numbered.lines().enumerate().map(|(position, line)| match position {
        0 => line.trim_start_matches("  1. ").to_owned(),
        _ => line.strip_prefix("   ").unwrap_or(line).to_owned(),
    });
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Writes rules by object and place on one line: `NetworkPolicy shop/db (db.yaml:12:9)`.
pub fn rules_text(of: &[DecidingRule]) -> String {
    words::printable(&words::deciding_rules(of))
}

pub(crate) fn hop(position: usize, of: &Hop) -> String {
    let gain = of.gain.as_ref().map_or_else(String::new, |gain| format!(", {gain}"));
    let mut out = format!("  {position}. {}\n", words::printable(&format!("{}: {}{gain}", words::hop(of), of.outcome)));
    for decider in &of.deciders {
        let _ = writeln!(out, "     {}", words::printable(&decider_line(decider)));
        for line in words::decider_details(decider) {
            let _ = writeln!(out, "       {}", words::printable(&line));
        }
    }
    if let Some(remark) = &of.remark {
        let _ = writeln!(out, "     {}", words::printable(remark));
    }
    out
}

pub(crate) fn decider_line(of: &Decider) -> String {
    let place = of.location.as_ref().map_or_else(String::new, |place| format!("{place}: "));
    let stamp = words::decider_stamp(of);
    let stamp = if stamp.is_empty() { stamp } else { format!(" ({stamp})") };
    format!("{place}{} {}: {}{stamp}", words::decider_place(of), words::decider_outcome(of), words::decider_why(of))
}

fn needs(out: &mut String, of: &Verification) {
    let failing: Vec<_> = of.needs.iter().filter(|need| need.status != NeedStatus::Works).collect();
    if failing.is_empty() {
        return;
    }
    out.push_str("needed flows that do not work\n");
    for need in failing {
        let place = need.location.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
        let pairs = match need.status {
            NeedStatus::Broken => {
                format!(", not for all of its {}", words::count(need.pairs, "pair", "pairs"))
            }
            NeedStatus::Works | NeedStatus::Unknown => String::new(),
        };
        let line = format!("{}: {}{pairs}{place}", need.status, need.name());
        let _ = writeln!(out, "  {}", words::printable(&line));
        if let Some(doubt) = &need.doubt {
            let _ = writeln!(out, "     because {}", words::printable(&doubt.reason));
        }
        for finding in words::findings(&need.findings) {
            let _ = writeln!(out, "     {}", words::printable(&finding));
        }
        if let Some(witness) = &need.witness {
            out.push_str(&hop(1, witness));
        }
    }
    out.push('\n');
}

pub(crate) const RED: &str = "31;1";
pub(crate) const YELLOW: &str = "33;1";
const GREEN: &str = "32";

pub(crate) fn paint(colour: Colour, code: &str, text: &str) -> String {
    match colour {
        Colour::Never => text.to_owned(),
        Colour::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
    }
}
