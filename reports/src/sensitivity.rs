//! What a comparison hangs on: its words.

use crate::model::{Sensitivity, VariedDesign, change_name};
use crate::words;
use std::fmt::Write;

/// Writes how each change moves what designs lose, and whether it makes the better one the worse one.
pub fn sensitivity_text(of: &Sensitivity) -> String {
    let mut out = String::from(
        "\nwhat this hangs on: mean units owned (95% interval), and what share of the first design's that is\n",
    );
    // Writing to a string cannot fail, here and below.
    let _ = write!(out, "  {:<34}", "one change at a time");
    for design in &of.declared {
        let _ = write!(out, " {:>30}", words::printable(&design.design));
    }
    out.push('\n');
    for (change, designs) in rows(of) {
        let _ = write!(out, "  {change:<34}");
        for design in designs {
            let flips = if design.flips { " flips" } else { "" };
            let cell = format!("{} {:.2}{flips}", mean(design), design.ratio);
            let _ = write!(out, " {cell:>30}");
        }
        out.push('\n');
    }
    out.push_str(match of.flips().next() {
        None => "  under no change is a design certainly better than the first that is certainly worse as declared, or the reverse\n",
        Some(_) => "  `flips`: certainly on the other side of the first design than as declared\n",
    });
    out
}

/// Every change, first that there is none, with what befell each design.
pub(crate) fn rows(of: &Sensitivity) -> impl Iterator<Item = (String, &[VariedDesign])> {
    let declared = std::iter::once(("as declared".to_owned(), of.declared.as_slice()));
    let changed =
        of.outcomes().map(|(parameter, outcome)| (change_name(parameter, outcome), outcome.designs.as_slice()));
    declared.chain(changed)
}

/// Mean units owned with the interval.
pub(crate) fn mean(of: &VariedDesign) -> String {
    let (mean, interval) = (of.compromised.value, of.compromised.interval);
    format!("{mean:.1} ({:.1} to {:.1})", interval.low, interval.high)
}

/// Where the ranking of designs flips, change by change, in a sentence.
pub(crate) fn flips(of: &Sensitivity) -> String {
    let first = of.declared.first().map(|one| one.design.as_str()).unwrap_or_default();
    let flips: Vec<String> =
        of.flips().map(|(change, design)| format!("{design} against {first} at {change}")).collect();
    match flips.is_empty() {
        true if of.declared.len() > 1 => format!(
            "Under no change is a design certainly better than {first} that is certainly worse as declared, or the reverse."
        ),
        true => String::new(),
        false => format!("The ranking certainly flips: {}.", flips.join("; ")),
    }
}
