//! What the verifier says of a design's claims, and Z3's second opinion on it.

use seglab_policy::Design;
use seglab_verify::cross_check::{Agreement, Effort, Open, cross_check};
use seglab_verify::{Counterexample, Report, Settings, Settled, verify};
use std::fmt::Write;

/// The settled claims of a design, none of which is unknown.
pub(crate) fn settled(design: &Design) -> Report {
    let report = verify(design, &Settings::default()).unwrap();
    let names = design.properties().iter().map(|property| property.id.clone());
    let names = names.chain(design.needs().iter().map(|need| format!("{} -> {}", need.from, need.to)));
    for (name, outcome) in names.zip(report.properties.iter().chain(&report.needs)) {
        assert!(!matches!(outcome.verdict, Settled::Unknown(_)), "{}, {name}: {:?}", design.name(), outcome.verdict);
    }
    report
}

/// The section of `expected.txt` on the properties: each with its kind and verdict, and the steps that refute it.
pub(crate) fn properties(design: &Design, report: &Report) -> String {
    let mut out = "\n# properties\n".to_owned();
    for (property, outcome) in design.properties().iter().zip(&report.properties) {
        let (verdict, hops) = match &outcome.verdict {
            Settled::Holds => ("holds".to_owned(), &[][..]),
            Settled::Violated(Counterexample::Reached(hops)) => ("violated".to_owned(), &hops[..]),
            Settled::Violated(Counterexample::TooMany { start, units, excess, hops, .. }) => {
                let start = &design.unit(*start).name;
                (
                    format!(
                        "violated, from {start} {units} units of at most {}",
                        excess.at_most.most(design.units().len())
                    ),
                    &hops[..],
                )
            }
            other => panic!("{}: {other:?}", property.id),
        };
        let _ = writeln!(out, "{} ({}): {verdict}", property.id, property.claim.kind());
        hops.iter().for_each(|hop| out.push_str(&format!("  {}\n", hop.describe(design))));
    }
    out
}

/// Has Z3 confirm every verdict. It is not asked about needs for which one address of many is enough; the number of
/// the others.
pub(crate) fn confirm(design: &Design, report: &Report) -> usize {
    let effort = Effort { sets_max: usize::MAX, steps_max: usize::MAX, ..Effort::default() };
    let opinion = cross_check(design, &Settings::default(), report, effort)
        .unwrap_or_else(|wrong| panic!("{}: {wrong}", design.name()));
    let (of_many, asked): (Vec<&Agreement>, Vec<&Agreement>) =
        opinion.needs.iter().partition(|agreement| agreement.open == [Open::OneIsEnough]);
    for agreement in opinion.properties.iter().chain(asked.iter().copied()) {
        assert!(agreement.is_complete() && agreement.confirmed > 0, "{}: {opinion:?}", design.name());
    }
    opinion.properties.len() + opinion.needs.len() - of_many.len()
}
