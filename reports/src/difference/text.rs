//! A difference for the terminal and the log: who is there first, then what may connect, the headline in the last line.

use super::words as said;
use crate::heading::heading_text;
use crate::model::{Change, ChangeKind, ChangedUnits, Difference, DifferenceSection};
use crate::text::{Colour, RED, YELLOW, decider_line, hop, paint};
use crate::words;
use std::fmt::Write;

/// Writes a difference as text. Control characters in names are shown as escapes.
///
/// ```
/// use seglab_reports::{Colour, Difference, difference_text};
/// let printed = difference_text(&Difference::default(), Colour::Never);
/// assert!(printed.ends_with("Nothing that may connect or be owned differs.\n"));
/// ```
pub fn difference_text(of: &Difference, colour: Colour) -> String {
    let mut out = String::new();
    out.push_str(&heading_text(&[of.old.heading.clone(), of.new.heading.clone()]));
    for (which, design) in [("old", &of.old), ("new", &of.new)] {
        line(&mut out, 0, &format!("{which}: {}", said::design(design)));
    }
    population(&mut out, of);
    for section in &of.sections {
        self::section(&mut out, section, colour);
    }
    let _ = writeln!(out, "\n{}", words::printable(&said::headline(of)));
    out
}

/// Writes a line, indented.
fn line(out: &mut String, indent: usize, text: &str) {
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "{:indent$}{}", "", words::printable(text).trim_end());
}

fn population(out: &mut String, of: &Difference) {
    out.push_str("\npopulation\n");
    let changes = &of.population;
    if changes.is_empty() {
        out.push_str("  the same in both designs\n");
    }
    let place = |of: &ChangedUnits| of.location.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
    for (what, units) in [("added", &changes.added), ("removed", &changes.removed)] {
        for one in units {
            line(out, 2, &format!("{what:8} {}{}", said::units(one), place(one)));
        }
    }
    for one in &changes.changed {
        line(out, 2, &format!("changed  {}{}", said::units(one), place(one)));
        for facet in &one.facets {
            line(out, 11, &format!("{}: {} -> {}", facet.what, facet.before, facet.after));
        }
    }
    for (what, sources) in [("added", &changes.sources_added), ("removed", &changes.sources_removed)] {
        for name in sources {
            line(out, 2, &format!("{what:8} external source {name}"));
        }
    }
    for one in &changes.renamed {
        line(out, 2, &format!("probably renamed: {} -> {}, alike in everything else", one.before, one.after));
    }
}

fn section(out: &mut String, of: &DifferenceSection, colour: Colour) {
    out.push('\n');
    line(out, 0, &said::question(of));
    line(out, 2, &said::counts(of));
    for change in &of.changes {
        self::change(out, change, colour);
    }
    if of.unlisted > 0 {
        line(out, 2, &format!("… and {} that are not listed", words::count(of.unlisted, "change", "changes")));
    }
}

fn change(out: &mut String, of: &Change, colour: Colour) {
    let kind = match of.kind {
        ChangeKind::Gained => paint(colour, RED, "gained"),
        ChangeKind::Lost => paint(colour, YELLOW, "lost"),
        kind => paint(colour, YELLOW, &kind.to_string()),
    };
    let what = said::what(of);
    let what = if what.is_empty() { what } else { format!(": {what}") };
    let parties = format!("{} -> {}{what}", said::party(&of.from), said::party(&of.to));
    let _ = writeln!(out, "\n  {kind}  {}", words::printable(&parties));
    line(out, 4, &format!("{}; {}", said::pairs(of), said::cause(of)));
    if let Some(path) = &of.path {
        line(out, 4, &format!("for example, in the {} design:", path.design));
        for (at, step) in (1..).zip(&path.hops) {
            // Who decides is said once, below, about the step that makes the difference.
            let bare = crate::model::Hop { deciders: Vec::new(), remark: None, ..step.clone() };
            for text in hop(at, &bare).lines() {
                line(out, 4, text);
            }
        }
    }
    if let Some(witness) = said::witness(of) {
        let step = of.path.as_ref().and_then(|path| path.stopped_at).map(|at| format!("step {at}: "));
        let intro = step.unwrap_or_else(|| "for example ".to_owned());
        line(out, 4, &format!("{intro}{witness}"));
    }
    for responsible in &of.responsible {
        line(out, 6, &format!("{}  {}", responsible.design, decider_line(&responsible.decider)));
    }
    for remark in said::remarks(of) {
        line(out, 6, &remark);
    }
}
