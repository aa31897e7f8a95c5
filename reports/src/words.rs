//! The sentences and number formats that all writers share, so that no two of them tell the story differently.

use crate::model::{
    Assumption, BaselineEntry, BlastRadius, ChangedVerdict, Choice, Comparison, Decider, DecidingRule, Finding,
    FindingState, Gate, Hop, Ignored, Input, Location, NeedStatus, Outcome, Population, Property, Report, Scope,
    Surface, Tool, Trusted, Unmodelled, Verdict, Verification, Waiver, WaiverState,
};

mod campaign;

pub(crate) use campaign::{
    befell, critical_cells, detected, first_alert, happened, owned_at_end, played, precision, remarks,
};
pub(crate) use seglab_policy::{count, number};

/// A share in percent, to at most one decimal, or to the two digits that say something of one that is small; what is not
/// quite nothing or everything is not shown as such.
pub(crate) fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round();
    if share > 0.0 && share < 0.001 {
        let (mut decimals, mut shown) = (2, 1000.0 * share);
        while shown < 1.0 && decimals < 12 {
            decimals += 1;
            shown *= 10.0;
        }
        format!("{:.decimals$}%", 100.0 * share)
    } else if share < 1.0 && tenths >= 1000.0 {
        ">99.9%".to_owned()
    } else if (tenths % 10.0).abs() < f64::EPSILON {
        format!("{:.0}%", tenths / 10.0)
    } else {
        format!("{:.1}%", tenths / 10.0)
    }
}

/// A quantity that may be fractional, to one decimal.
pub(crate) fn quantity(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A time in the largest unit that leaves a number of at least one: `20 min`, `3.5 h`.
pub(crate) fn duration(ns: u64) -> String {
    const STEPS: [(f64, &str); 7] =
        [(86_400e9, "d"), (3_600e9, "h"), (60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
    let value = ns as f64;
    STEPS
        .iter()
        .find(|(step, _)| value >= *step)
        .map_or_else(|| "0 s".to_owned(), |(step, name)| format!("{} {name}", quantity(value / step)))
}

/// The verdict of a whole verification in one sentence.
pub(crate) fn headline(of: &Verification) -> String {
    let total = of.properties.len() as u64;
    let mut parts = Vec::new();
    if total == 0 {
        parts.push("No property is declared, so nothing is proved".to_owned());
    } else {
        let violated = of.count(Verdict::Violated) as u64;
        let unknown = of.count(Verdict::Unknown) as u64;
        if violated > 0 {
            parts.push(share_of(violated, total, "property", "properties", "violated"));
        }
        if unknown > 0 && violated > 0 {
            parts.push(format!("{} {} undecided", number(unknown), is_are(unknown)));
        } else if unknown > 0 {
            parts.push(share_of(unknown, total, "property", "properties", "undecided"));
        }
        if parts.is_empty() {
            parts.push(match total {
                1 => "The only property holds".to_owned(),
                2 => "Both properties hold".to_owned(),
                _ => format!("All {} properties hold", number(total)),
            });
        }
    }
    parts.extend(needs_sentence(of));
    parts.extend(of.gate.as_ref().map(gate_sentence));
    let text = parts.join("; ");
    let mut letters = text.chars();
    let text: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    format!("{text}.")
}

/// What the gate says, to end a headline with.
fn gate_sentence(of: &Gate) -> String {
    let findings = |number: u64| count(number, "finding", "findings");
    let verdict = match of.verdict {
        Verdict::Holds => "the gate is open".to_owned(),
        Verdict::Unknown => format!("the gate is closed by {}, undecided", findings(of.open)),
        Verdict::Violated => format!("the gate is closed by {}", findings(of.open)),
    };
    let mut parts = vec![verdict];
    if of.known > 0 || of.baseline.is_some() {
        parts.push(format!("{} known from the baseline", number(of.known)));
    }
    if of.waived > 0 || !of.waivers.is_empty() {
        parts.push(format!("{} waived", number(of.waived)));
    }
    let fixed = of.baseline.as_ref().map_or(0, |baseline| baseline.fixed.len() as u64);
    if fixed > 0 {
        parts.push(format!("{} of the baseline fixed", number(fixed)));
    }
    parts.join(", ")
}

/// What there is to say of the baseline and the waivers, line by line.
pub(crate) fn gate(of: &Gate) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(baseline) = &of.baseline {
        let findings = count(baseline.findings, "finding", "findings");
        lines.push(format!("baseline {}: {findings}, {} still there", baseline.path, number(of.known)));
        if let Some([before, now]) = &baseline.regrouped {
            lines.push(format!(
                "it groups units by {before} and the design by {now} now: look at what is new, and write it anew"
            ));
        }
        for fixed in &baseline.fixed {
            lines.push(format!("fixed: {}", entry(fixed)));
        }
        if !baseline.fixed.is_empty() {
            let path = &baseline.path;
            lines
                .push(format!("tighten it, or what is fixed may come back: --baseline {path} --write-baseline {path}"));
        }
    }
    lines.extend(of.waivers.iter().map(waiver));
    lines
}

fn entry(of: &BaselineEntry) -> String {
    let on = if of.on.is_empty() { String::new() } else { format!(" on {}", of.on) };
    format!("{}: {}{on}", of.property, whom(&of.from, &of.to))
}

fn whom(from: &str, to: &str) -> String {
    match (from, to) {
        ("(all)", "(all)") => "as a whole".to_owned(),
        (from, "(all)") => from.to_owned(),
        (from, to) => format!("{from} -> {to}"),
    }
}

/// A waiver with what became of it.
fn waiver(of: &Waiver) -> String {
    let (from, to) = (of.from.as_deref().unwrap_or("any"), of.to.as_deref().unwrap_or("any"));
    let whom = if of.from.is_none() && of.to.is_none() { String::new() } else { format!(", {from} -> {to}") };
    let place = of.location.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
    let state = match (of.state, of.findings) {
        (WaiverState::Active, 0) => ": matches nothing, remove it".to_owned(),
        (WaiverState::Expired, 0) => ": has expired and matches nothing, remove it".to_owned(),
        (WaiverState::Active, findings) => format!(": {}", count(findings, "finding", "findings")),
        (WaiverState::Expired, findings) => {
            format!(": has EXPIRED and counts no more for {}", count(findings, "finding", "findings"))
        }
    };
    let undecided = if of.undecided { ", undecided" } else { "" };
    let (owner, reason, day) = (&of.owner, &of.reason, &of.expires);
    format!("waiver of {}{whom}{undecided} until {day}, by {owner}: {reason}{state}{place}", of.of)
}

/// How many findings of a property are listed.
const LISTED: usize = 20;

/// The findings of a property or need, worst first, where there is more to say than that it is violated.
pub(crate) fn findings(of: &[Finding]) -> Vec<String> {
    let plain = |one: &Finding| one.state == FindingState::Open && one.waiver.is_none();
    if of.len() < 2 && of.iter().all(plain) {
        return Vec::new();
    }
    let mut sorted: Vec<&Finding> = of.iter().collect();
    sorted.sort_by_key(|one| one.state);
    let mut lines: Vec<String> =
        sorted.iter().take(LISTED).map(|one| format!("{} {}", one.state, finding(one))).collect();
    if let Some(more) = of.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines.push(format!("and {} more", number(more as u64)));
    }
    lines
}

/// Until when units are trusted.
pub(crate) fn until(of: &Trusted) -> String {
    match &of.expires {
        None => String::new(),
        Some(day) if of.expired => format!(", EXPIRED on {day}: does not count"),
        Some(day) => format!(", until {day}"),
    }
}

/// A finding on one line.
pub(crate) fn finding(of: &Finding) -> String {
    let on = if of.on.is_empty() { String::new() } else { format!(" on {}", of.on) };
    let least = if of.at_least { "at least " } else { "" };
    let waiver = of.waiver.as_ref().map_or_else(String::new, |waiver| {
        let expired = if waiver.state == WaiverState::Expired { "waiver expired" } else { "waived until" };
        format!(" ({expired} {}, {})", waiver.expires, waiver.owner)
    });
    let unknown = if of.verdict == Verdict::Unknown { ", undecided" } else { "" };
    let amount = match (of.from.as_str(), of.to.as_str()) {
        ("(all)", "(all)") => String::new(),
        (_, "(all)") => format!(": {least}{}", count(of.count, "unit", "units")),
        _ => format!(": {least}{}", count(of.count, "pair", "pairs")),
    };
    format!("{}{on}{amount}{unknown}{waiver}", whom(&of.from, &of.to))
}

fn needs_sentence(of: &Verification) -> Option<String> {
    let total = of.needs.len() as u64;
    let broken = of.needs_with(NeedStatus::Broken) as u64;
    let unknown = of.needs_with(NeedStatus::Unknown) as u64;
    match (total, broken, unknown) {
        (0, ..) => None,
        (1, 0, 0) => Some("the only needed flow works".to_owned()),
        (2, 0, 0) => Some("both needed flows work".to_owned()),
        (_, 0, 0) => Some(format!("all {} needed flows work", number(total))),
        (_, 0, _) => Some(share_of(unknown, total, "needed flow", "needed flows", "undecided")),
        _ => Some(share_of(broken, total, "needed flow", "needed flows", "broken")),
    }
}

/// `the only property is violated`, `2 of 7 properties are violated`.
fn share_of(part: u64, total: u64, one: &str, many: &str, what: &str) -> String {
    match total {
        1 => format!("the only {one} is {what}"),
        _ => format!("{} of {} {} {what}", number(part), count(total, one, many), is_are(part)),
    }
}

fn is_are(value: u64) -> &'static str {
    if value == 1 { "is" } else { "are" }
}

/// The question that a property was asked under: `policy view, pivot any, trust own-agent-void, any number of hops`.
pub(crate) fn question(of: &Property) -> String {
    asked(&of.view, of.pivot.as_deref(), &of.trust, of.hops_max)
}

/// How a question is asked: `actual view, pivot service, trust declared, any number of hops`. Hops count with a pivot.
pub(crate) fn asked(view: &str, pivot: Option<&str>, trust: &str, hops_max: Option<u32>) -> String {
    let mut parts = vec![format!("{view} view")];
    parts.extend(pivot.map(|pivot| format!("pivot {pivot}")));
    parts.push(format!("trust {trust}"));
    if pivot.is_some() {
        parts.push(match hops_max {
            Some(1) => "one hop".to_owned(),
            Some(hops) => format!("at most {hops} hops"),
            None => "any number of hops".to_owned(),
        });
    }
    parts.join(", ")
}

/// What a claim ranges over: `1,122 ordered pairs of units`.
pub(crate) fn population(of: &Population) -> String {
    format!("{} {}", number(of.count), of.of)
}

/// Who judged a property.
pub(crate) fn judges(of: &Property) -> String {
    if of.judges.is_empty() { "nobody".to_owned() } else { of.judges.join(" and ") }
}

/// A hop without its deciders: `web -> db tcp/5432`.
pub(crate) fn hop(of: &Hop) -> String {
    format!("{} -> {} {}", of.source, of.destination, of.service)
}

/// Where and what a decider is: `ingress at db, agent agents (enforce)`.
pub(crate) fn decider_place(of: &Decider) -> String {
    let at = of.at.as_ref().map_or_else(String::new, |unit| format!(" at {unit}"));
    let reply = if of.reply { "reply, " } else { "" };
    format!("{reply}{}{at}, {} {} ({})", of.direction, of.kind, of.point, of.mode)
}

/// What a decider said, and whether it counts.
pub(crate) fn decider_outcome(of: &Decider) -> &'static str {
    match (of.outcome, of.stands) {
        (Outcome::Allowed, true) => "allows",
        (Outcome::Denied, true) => "denies",
        (Outcome::Unknown, true) => "may deny",
        (Outcome::Allowed, false) => "would allow, does not count",
        (Outcome::Denied, false) => "would deny, does not count",
        (Outcome::Unknown, false) => "might deny, does not count",
    }
}

/// What made a decider say so: rule, tier, object.
pub(crate) fn decider_why(of: &Decider) -> String {
    let mut why = of.why.clone();
    match (&of.object, &of.tier) {
        (Some(object), _) => why = format!("{why} [{object}]"),
        (None, Some(tier)) => why = format!("{why} [tier {tier}]"),
        (None, None) => {}
    }
    why
}

/// What an explanation adds to a decider: the tiers before the one that decided, and the rule that nearly did otherwise.
pub(crate) fn decider_details(of: &Decider) -> Vec<String> {
    let place = |place: &Option<Location>| place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
    let earlier =
        of.earlier.iter().map(|one| format!("before, tier {}: {}{}", one.tier, place(&one.location), one.why));
    let near = of.near_miss.as_ref().map(|miss| {
        let (rule, unlike) = (&miss.rule, miss.unlike.join(" and "));
        format!("nearest rule otherwise: {}{rule} (another {unlike})", place(&miss.location))
    });
    earlier.chain(near).collect()
}

/// What a rule's writers say of it: `collects addresses; owner marketing; ticket NET-12`; empty for nothing.
pub(crate) fn decider_stamp(of: &Decider) -> String {
    let owner = of.owner.as_ref().map(|owner| format!("owner {owner}"));
    let ticket = of.ticket.as_ref().map(|ticket| format!("ticket {ticket}"));
    [of.reason.clone(), owner, ticket].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What hangs on an assumption that could have been made the other way, in one sentence.
pub(crate) fn choice(of: &Choice) -> String {
    match of.changes.len() as u64 {
        0 => "no verdict depends on it".to_owned(),
        changes => {
            let differ = if changes == 1 { "differs" } else { "differ" };
            format!("{} {differ} if {}", count(changes, "verdict", "verdicts"), of.otherwise)
        }
    }
}

/// A verdict that depends on a choice: both verdicts, the connection that shows it, and the rules that decide there.
pub(crate) fn changed_verdict(of: &ChangedVerdict) -> String {
    let connection = of.connection.as_ref().map_or_else(String::new, |connection| format!(": {connection}"));
    let rules = deciding_rules(&of.deciding);
    format!("{} {}: {} -> {}{connection}, decided by {rules}", of.kind, of.name, of.verdict, of.otherwise)
}

/// Rules by object and place: `NetworkPolicy shop/db (db.yaml:12)`.
pub(crate) fn deciding_rules(of: &[DecidingRule]) -> String {
    let names = of.iter().map(|one| {
        let name = one.object.as_ref().unwrap_or(&one.rule);
        one.location.as_ref().map_or_else(|| name.clone(), |place| format!("{name} ({place})"))
    });
    names.collect::<Vec<_>>().join(", ")
}

/// An assumption in one line, with what hangs on it.
pub(crate) fn assumption(of: &Assumption) -> String {
    let Some(held) = &of.choice else { return of.text.clone() };
    let changes: Vec<String> = held.changes.iter().map(changed_verdict).collect();
    let listed = if changes.is_empty() { String::new() } else { format!(": {}", changes.join("; ")) };
    format!("{}; {}{listed}", of.text, choice(held))
}

/// The facts that open a report, most important first: each a label and a sentence.
pub(crate) fn scope_facts(scope: &Scope) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Units", number(scope.units)), ("Covered by no enforcing point", uncovered(scope))];
    let points: Vec<String> = scope
        .points
        .iter()
        .map(|held| {
            let units = count(held.units, "unit", "units");
            let (one, many) = (format!("{} point", held.kind), format!("{} points", held.kind));
            format!("{} in mode {} over {units}", count(held.points, &one, &many), held.mode)
        })
        .collect();
    facts.push(("Enforcement points", if points.is_empty() { "none declared".to_owned() } else { points.join("; ") }));
    if scope.as_if_enforced {
        facts.push(("Modes", "ignored: every point is judged as if it enforced".to_owned()));
    }
    facts.push(("Rules", number(scope.rules)));
    facts.push(("Address spaces", list_or_none(&scope.address_spaces)));
    facts.push(("Named external sources", list_or_none(&scope.external_sources)));
    if !scope.objects.is_empty() {
        let objects: Vec<String> =
            scope.objects.iter().map(|held| format!("{} {}", number(held.count), held.kind)).collect();
        facts.push(("Objects with rules", objects.join(", ")));
    }
    facts
}

fn uncovered(scope: &Scope) -> String {
    if scope.uncovered_units == 0 {
        return "0 units".to_owned();
    }
    let more = scope.uncovered_units > scope.uncovered_examples.len() as u64;
    let examples = scope.uncovered_examples.join(", ");
    let examples = match (examples.is_empty(), more) {
        (true, _) => String::new(),
        (false, true) => format!(": {examples} and more"),
        (false, false) => format!(": {examples}"),
    };
    format!("{} of {}{examples}", number(scope.uncovered_units), count(scope.units, "unit", "units"))
}

/// What a report rests on, in few lines: scope, assumptions, what was not modelled, each with what there is to say.
pub(crate) fn basis_in_brief(of: &Verification) -> [(&'static str, Vec<String>); 3] {
    let scope = &of.scope;
    let covered = match scope.uncovered_units {
        0 => "every unit covered by an enforcing point".to_owned(),
        some => format!("{} of them covered by no enforcing point", number(some)),
    };
    let (units, rules) = (count(scope.units, "unit", "units"), count(scope.rules, "rule", "rules"));
    let assumptions: Vec<String> = of.assumptions.iter().map(|one| one.text.clone()).collect();
    let unmodelled: Vec<String> = of.unmodelled.iter().map(unmodelled).collect();
    [
        ("Scope", vec![format!("{units}, {covered}; {rules}")]),
        ("Assumptions", shortened(assumptions, "none")),
        ("Not modelled", shortened(unmodelled, "nothing: everything that was read is modelled")),
    ]
}

/// The first few lines, and how many more there are.
fn shortened(mut lines: Vec<String>, otherwise: &str) -> Vec<String> {
    const SHOWN: usize = 3;
    match lines.len() {
        0 => lines.push(otherwise.to_owned()),
        all if all > SHOWN + 1 => {
            lines.truncate(SHOWN);
            lines.push(format!("and {} more below", number((all - SHOWN) as u64)));
        }
        _ => {}
    }
    lines
}

/// Something that is not modelled, where it is written, and how many units it may touch.
pub(crate) fn unmodelled(of: &Unmodelled) -> String {
    let place = of.location.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
    format!("{}{place}: verdicts about {} are unknown where it matters", of.what, count(of.units, "unit", "units"))
}

/// Who says that a kind may be left out: an owner, a lab file, or this tool itself.
pub(crate) fn ignored_by(of: &Ignored) -> String {
    match (&of.owner, &of.location) {
        (Some(owner), Some(place)) => format!("{owner}, {place}"),
        (Some(owner), None) => owner.clone(),
        (None, Some(place)) => place.to_string(),
        (None, None) => "known to this tool".to_owned(),
    }
}

/// The version of Z3, and whether it was asked.
pub(crate) fn z3(of: &Tool) -> Option<String> {
    let asked = if of.z3_asked { "" } else { " (not asked)" };
    of.z3_version.as_ref().map(|version| format!("Z3 {version}{asked}"))
}

/// Every file that was read, those of the designs compared with included, each once.
pub(crate) fn all_inputs<'a>(
    of: &'a Verification,
    comparison: Option<&'a Comparison>,
) -> impl Iterator<Item = &'a Input> {
    let compared = comparison.into_iter().flat_map(|one| &one.designs).flat_map(|one| &one.inputs);
    let mut all: Vec<&Input> = Vec::new();
    for input in of.inputs.iter().chain(compared) {
        if !all.contains(&input) {
            all.push(input);
        }
    }
    all.into_iter()
}

/// The seed, or that there is none.
pub(crate) fn seed(of: Option<u64>) -> String {
    of.map_or_else(|| "no seed".to_owned(), |seed| format!("seed {seed}"))
}

/// How much may enter and leave, in one sentence without its period.
pub(crate) fn surface(of: &Surface) -> String {
    format!(
        "{} of {} may connect ({} view); external addresses reach {}; {} external addresses",
        number(of.pairs_allowed),
        count(of.pairs, "ordered pair of units", "ordered pairs of units"),
        of.view,
        count(of.entered, "unit", "units"),
        count(of.leaving, "unit reaches", "units reach"),
    )
}

/// Names joined by commas, or `none`.
pub(crate) fn list_or_none(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What one owned unit leads to, in one sentence.
pub(crate) fn blast_radius(of: &BlastRadius) -> String {
    let (Some(max), Some(median)) = (of.max(), of.median()) else {
        return format!("Pivot {}: no unit to start from.", of.pivot);
    };
    let hubs = if of.hubs_trusted { ", trusted hubs never owned" } else { "" };
    let caveat = of.caveat.as_deref().map_or_else(String::new, |caveat| format!("; {caveat}"));
    format!(
        "Pivot {}{hubs}: an attacker who owns one unit gets at most {} of {} ({}), {} at the median ({}){caveat}.",
        of.pivot,
        number(max),
        count(of.population, "unit", "units"),
        percent(of.share(max)),
        number(median),
        percent(of.share(median)),
    )
}

/// The distribution that stands for the report where only one number has room: pivot model `any` without trusted hubs, the
/// gate's default, or else the first.
pub(crate) fn lead_blast_radius(report: &Report) -> Option<&BlastRadius> {
    let default = report.blast_radius.iter().find(|one| one.pivot == "any" && !one.hubs_trusted);
    default.or_else(|| report.blast_radius.first())
}

/// A name made fit for one line of a terminal or log: control characters, which could hide or forge output, are shown as
/// escapes.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if is_hidden(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// True of control characters, of those that change the direction in which text is read, and of those that are no
/// characters (XML refuses them).
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_everything() {
        assert_eq!([0.0, 0.123_4, 0.5, 0.999_9, 1.0].map(percent), ["0%", "12.3%", "50%", ">99.9%", "100%"]);
        let small = [0.001, 0.000_949, 0.000_04, 6.66e-7];
        assert_eq!(small.map(percent), ["0.1%", "0.095%", "0.0040%", "0.000067%"]);
    }

    #[test]
    fn durations_take_the_largest_fitting_unit() {
        let shown: Vec<String> =
            [0, 1_500, 60_000_000_000, 12_600_000_000_000, 172_800_000_000_000].into_iter().map(duration).collect();
        assert_eq!(shown, ["0 s", "1.5 µs", "1 min", "3.5 h", "2 d"]);
    }

    #[test]
    fn escape_sequences_and_direction_overrides_are_shown() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
    }
}
