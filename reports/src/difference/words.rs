//! The sentences about differences that all writers share.

use crate::model::{
    Assumption, Change, ChangeKind, ChangedUnits, ComparedDesign, Difference, DifferenceSection, Hop, Party,
};
use crate::words::{asked, count, number};

/// The whole difference in one sentence.
pub(super) fn headline(of: &Difference) -> String {
    let counted = ChangeKind::ALL.map(|kind| (kind, of.count(kind)));
    let mut parts: Vec<String> = counted
        .into_iter()
        .filter(|(_, changes)| *changes > 0)
        .map(|(kind, changes)| format!("{} {kind}", number(changes)))
        .collect();
    if parts.is_empty() {
        parts.push("nothing that may connect or be owned differs".to_owned());
    }
    if !of.population.is_empty() {
        parts.push("the population differs".to_owned());
    }
    let mut sentence = parts.join("; ");
    if let Some(first) = sentence.get(..1).map(str::to_uppercase) {
        sentence.replace_range(..1, &first);
    }
    format!("{sentence}.")
}

/// A design with its size: `shop (2 inputs, 12 units, 9 rules)`.
pub(super) fn design(of: &ComparedDesign) -> String {
    let inputs = count(of.heading.inputs.len() as u64, "input", "inputs");
    let commit = of.commit.as_ref().map_or_else(String::new, |commit| format!("commit {commit}, "));
    let (units, rules) = (count(of.units, "unit", "units"), count(of.rules, "rule", "rules"));
    format!("{} ({commit}{inputs}, {units}, {rules})", of.heading.design)
}

/// The assumptions of both designs, each with those of whom it is: `both`, `old`, `new`.
pub(super) fn assumptions(of: &Difference) -> Vec<(&'static str, &Assumption)> {
    let (old, new) = (&of.old.heading.assumptions, &of.new.heading.assumptions);
    let of_old = old.iter().map(|one| (if new.contains(one) { "both" } else { "old" }, one));
    let of_new = new.iter().filter(|one| !old.contains(one)).map(|one| ("new", one));
    of_old.chain(of_new).collect()
}

/// The question that a section answers: `direct connections: policy view, trust intact`.
pub(super) fn question(of: &DifferenceSection) -> String {
    let mut how = asked(&of.view, of.pivot.as_deref(), &of.trust, of.hops_max);
    if of.as_if_enforced {
        how.push_str(", every point as if it enforced");
    }
    let what = if of.pivot.is_some() { "lateral movement" } else { "direct connections" };
    format!("{what}: {how}")
}

/// The counts of a section: `2 gained (14 pairs), 1 lost (3 pairs)`.
pub(super) fn counts(of: &DifferenceSection) -> String {
    let parts: Vec<String> = of
        .counts
        .iter()
        .map(|one| format!("{} {} ({})", number(one.changes), one.kind, count(one.pairs, "pair", "pairs")))
        .collect();
    if parts.is_empty() { "nothing differs".to_owned() } else { parts.join(", ") }
}

/// Units of one owner with their number.
pub(super) fn units(of: &ChangedUnits) -> String {
    if of.units > 1 { format!("{} × {}", of.name, number(of.units)) } else { of.name.clone() }
}

/// A party with the number of its units, where there are several.
pub(super) fn party(of: &Party) -> String {
    if of.units > 1 { format!("{} ({} units)", of.name, number(of.units)) } else { of.name.clone() }
}

/// What a change is about: connections or, laterally, the states.
pub(super) fn what(of: &Change) -> String {
    let families = if of.families.is_empty() { String::new() } else { format!(" over {}", of.families.join(" and ")) };
    of.connections.as_ref().map_or_else(String::new, |connections| format!("{connections}{families}"))
}

/// How many pairs a change is about.
pub(super) fn pairs(of: &Change) -> String {
    if of.from.units > 0 && of.to.units > 0 {
        count(of.pairs, "pair of units", "pairs of units")
    } else {
        count(of.pairs, "unit", "units")
    }
}

/// Whether policy changed, or who is there.
pub(super) fn cause(of: &Change) -> String {
    let passed = of.path.as_ref().map_or(&[][..], |path| &path.passes);
    match (of.touches.as_slice(), passed) {
        ([], []) => "only policy changed".to_owned(),
        ([], passed) => format!("the path passes what is not as it was: {}", passed.join(", ")),
        (touches, _) => touches.join(", "),
    }
}

/// The witness, and what becomes of it: `web -> db tcp/80: denied before, allowed now`.
pub(super) fn witness(of: &Change) -> Option<String> {
    let hop = of.after.as_ref().or(of.before.as_ref())?;
    let outcome = |hop: Option<&Hop>| hop.map_or_else(|| "absent".to_owned(), |hop| hop.outcome.to_string());
    let (before, after) = match of.path {
        None => (of.was.clone(), of.is.clone()),
        Some(_) => (outcome(of.before.as_ref()), outcome(of.after.as_ref())),
    };
    Some(format!("{}: {before} before, {after} now", crate::words::hop(hop)))
}

/// What else is to be said: of the change, and of its witness in each design.
pub(super) fn remarks(of: &Change) -> Vec<String> {
    let hops = [("old", &of.before), ("new", &of.after)];
    let said = hops.into_iter().filter_map(|(design, hop)| {
        let remark = hop.as_ref()?.remark.as_ref()?;
        Some(format!("{design}: {remark}"))
    });
    of.remark.iter().cloned().chain(said).collect()
}
