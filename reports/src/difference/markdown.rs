//! A difference as Markdown, for merge requests and job summaries: the headline first, a table to see everything at
//! once, then each change with its witness.

use super::words as said;
use crate::markdown::{Page, code, decision, escape, place};
use crate::model::{Change, ChangedUnits, Difference, DifferenceSection};
use crate::words;

/// Writes a difference as Markdown.
pub fn difference_markdown(of: &Difference) -> String {
    let mut page = Page::default();
    page.line(&format!("# Difference: {} → {}\n", escape(&of.old.heading.design), escape(&of.new.heading.design)));
    page.line(&format!("**{}**\n", escape(&said::headline(of))));
    let designs = format!("Old: {}; new: {}.", said::design(&of.old), said::design(&of.new));
    page.line(&format!("{} {} {}", escape(&designs), escape(&of.tool.name), escape(&of.tool.version)));
    page.heading(2, "Population");
    population(&mut page, of);
    for section in &of.sections {
        self::section(&mut page, section);
    }
    page.heading(2, "Assumptions");
    page.list(
        said::assumptions(of)
            .into_iter()
            .map(|(design, one)| format!("{design}: {} ({})", escape(&one.text), code(&one.id))),
        "None.",
    );
    page.heading(2, "Not modelled");
    let unmodelled = [("old", &of.old.heading.unmodelled), ("new", &of.new.heading.unmodelled)];
    page.list(
        unmodelled.into_iter().flat_map(|(design, all)| {
            all.iter().map(move |one| {
                let units = words::count(one.units, "unit", "units");
                format!("{design}: {}{} touches {units}", escape(&one.what), place(one.location.as_ref()))
            })
        }),
        "Everything that was read is modelled.",
    );
    page.text
}

fn population(page: &mut Page, of: &Difference) {
    let changes = &of.population;
    let units = |what: &'static str, of: &ChangedUnits| {
        let facets: Vec<String> = of
            .facets
            .iter()
            .map(|facet| format!("{} {} → {}", facet.what, code(&facet.before), code(&facet.after)))
            .collect();
        let facets = if facets.is_empty() { String::new() } else { format!(": {}", facets.join("; ")) };
        format!("{what} {}{}{facets}", code(&said::units(of)), place(of.location.as_ref()))
    };
    let mut lines: Vec<String> = changes.added.iter().map(|one| units("added", one)).collect();
    lines.extend(changes.removed.iter().map(|one| units("removed", one)));
    lines.extend(changes.changed.iter().map(|one| units("changed", one)));
    lines.extend(changes.sources_added.iter().map(|name| format!("added external source {}", code(name))));
    lines.extend(changes.sources_removed.iter().map(|name| format!("removed external source {}", code(name))));
    lines.extend(changes.renamed.iter().map(|one| {
        format!("probably renamed: {} → {}, alike in everything else", code(&one.before), code(&one.after))
    }));
    page.list(lines.into_iter(), "The same in both designs.");
}

fn section(page: &mut Page, of: &DifferenceSection) {
    let question = said::question(of);
    let (_, asked) = question.split_once(": ").unwrap_or_default();
    page.heading(2, if of.pivot.is_none() { "Direct connections" } else { "Lateral movement" });
    page.line(&format!("{}: {}.", escape(asked), escape(&said::counts(of))));
    if of.changes.is_empty() {
        return;
    }
    page.line("");
    page.table(
        ["", "change", "from", "to", "connections", "pairs", "cause"],
        (1u64..).zip(&of.changes).map(|(at, change)| {
            [
                at.to_string(),
                change.kind.to_string(),
                escape(&said::party(&change.from)),
                escape(&said::party(&change.to)),
                escape(&said::what(change)),
                words::number(change.pairs),
                escape(&said::cause(change)),
            ]
        }),
    );
    if of.unlisted > 0 {
        page.line(&format!("\n… and {} that are not listed.", words::count(of.unlisted, "change", "changes")));
    }
    for (at, change) in (1u64..).zip(&of.changes) {
        self::change(page, at, change);
    }
}

fn change(page: &mut Page, at: u64, of: &Change) {
    page.line(&format!("\n**{at}. {}**: {} → {}\n", of.kind, escape(&of.from.name), escape(&of.to.name)));
    if let Some(path) = &of.path {
        page.line(&format!("An attack in the {} design:\n", path.design));
        for (position, hop) in (1u64..).zip(&path.hops) {
            let gain = hop.gain.as_ref().map_or_else(String::new, |gain| format!(", {}", escape(gain)));
            page.line(&format!("{position}. {} {}{gain}", code(&words::hop(hop)), hop.outcome));
        }
        page.line("");
    }
    if let Some(witness) = said::witness(of) {
        let step = of.path.as_ref().and_then(|path| path.stopped_at).map(|at| format!("Step {at}: "));
        page.line(&format!("{}{}\n", step.unwrap_or_else(|| "For example ".to_owned()), escape(&witness)));
    }
    let responsible = of.responsible.iter().map(|one| format!("{}: {}", one.design, decision(&one.decider)));
    let remarks = said::remarks(of).into_iter().map(|remark| escape(&remark));
    for line in responsible.chain(remarks) {
        page.line(&format!("- {line}"));
    }
}
