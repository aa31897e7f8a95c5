//! Claims one by one: properties, needs, and what the readers found.

use super::basis::sentence;
use super::markup::{Html, facts, number_column, rich, table, words_column};
use crate::model::{Decider, Hop, Location, Need, NeedStatus, Property, Severity, Verdict, Verification};
use crate::words;

/// How many diagnostics of one code are listed.
const LISTED: usize = 50;

pub(super) fn properties(of: &Verification) -> Html {
    let mut body = Html::default();
    if of.properties.is_empty() {
        body.push(Html::element("p", "", "None is declared, so nothing is claimed and nothing is proved."));
        return body;
    }
    let columns = [words_column("property"), words_column("verdict"), words_column("claim"), words_column("over")];
    let worst_first = of.worst_first();
    let rows = worst_first.iter().map(|one| {
        [Html::code(&one.id), verdict(one.verdict), rich(&one.claim), Html::text(&words::population(&one.population))]
    });
    body.push(table("Every property, the worst first", columns, rows));
    for property in worst_first {
        body.push(self::property(property));
    }
    if let Some(gate) = &of.gate {
        let lines = words::gate(gate);
        let lines = lines.iter().map(|line| Html::element("li", "", Html::text(line)));
        body.push(Html::element("h3", "", "Gate"));
        body.push(Html::element("ul", "", Html::concat(lines)));
    }
    body
}

fn verdict(of: Verdict) -> Html {
    match of {
        Verdict::Holds => Html::element("span", "chip holds", "✓ holds"),
        Verdict::Violated => Html::element("span", "chip violated", "✗ violated"),
        Verdict::Unknown => Html::element("span", "chip unknown", "? unknown"),
    }
}

fn property(of: &Property) -> Html {
    let mut body = Html::default();
    body.push(Html::element("h3", "", Html::concat([verdict(of.verdict), Html::code(&of.id)])));
    body.push(Html::element("p", "claim", rich(&of.claim)));
    let mut rows = vec![
        ("Asked", Html::text(&words::question(of))),
        ("Over", Html::text(&words::population(&of.population))),
        ("Judged by", Html::text(&words::judges(of))),
    ];
    rows.extend(of.location.as_ref().map(|place| ("Claimed at", Html::code(&place.to_string()))));
    rows.extend(of.certificate.as_ref().map(|file| ("Certificate", Html::code(file))));
    if let Some(doubt) = &of.doubt {
        let construct = doubt.construct.as_ref().map_or_else(String::new, |one| format!(": {one}"));
        let reason = rich(&format!("{}{construct}", doubt.reason));
        rows.push(("Undecided because", Html::concat([reason, place(doubt.location.as_ref())])));
    }
    if !of.does_not_show.is_empty() {
        let sentences = of.does_not_show.iter().map(|one| Html::element("div", "", sentence(one)));
        rows.push(("Does not show", Html::concat(sentences)));
    }
    let findings = words::findings(&of.findings);
    if !findings.is_empty() {
        let lines = findings.iter().map(|one| Html::element("div", "", Html::text(one)));
        rows.push(("Findings", Html::concat(lines)));
    }
    body.push(facts(rows));
    if let Some(counterexample) = &of.counterexample {
        let lead = Html::concat([Html::element("strong", "", "Counterexample: "), rich(&counterexample.summary)]);
        body.push(Html::element("p", "", lead));
        body.push(path(&counterexample.hops));
        if let Some(reached) = counterexample.reached {
            let more = if reached > counterexample.reached_examples.len() as u64 { ", …" } else { "" };
            let text = format!(
                "{} in the end: {}{more}",
                words::count(reached, "unit falls", "units fall"),
                words::list_or_none(&counterexample.reached_examples)
            );
            body.push(Html::element("p", "muted", Html::text(&text)));
        }
    }
    Html::element("article", "", body)
}

fn path(hops: &[Hop]) -> Html {
    let items = (1..).zip(hops).map(|(position, hop)| Html::element("li", "", self::hop(position, hop)));
    Html::element("ol", "path", Html::concat(items))
}

fn hop(position: usize, of: &Hop) -> Html {
    let gain = of.gain.as_ref().map_or_else(String::new, |gain| format!(", {gain}"));
    let mut body = Html::concat([
        Html::markup(format!("<span class=\"step\">{position}</span>")),
        Html::code(&words::hop(of)),
        Html::text(&format!(" is {}{gain}", of.outcome)),
    ]);
    let mut notes: Vec<Html> = of.deciders.iter().map(decision).collect();
    notes.extend(of.remark.as_ref().map(|remark| rich(remark)));
    if !notes.is_empty() {
        body.push(Html::list("", notes));
    }
    body
}

fn decision(of: &Decider) -> Html {
    let stamp = words::decider_stamp(of);
    let stamp = if stamp.is_empty() { stamp } else { format!(" · {stamp}") };
    Html::concat([
        Html::text(&format!("{} ", words::decider_place(of))),
        Html::element("strong", "", words::decider_outcome(of)),
        Html::text(": "),
        rich(&words::decider_why(of)),
        place(of.location.as_ref()),
        Html::element("span", "muted", Html::text(&stamp)),
    ])
}

fn place(of: Option<&Location>) -> Html {
    of.map_or_else(Html::default, |place| Html::concat([Html::text(" "), Html::code(&place.to_string())]))
}

pub(super) fn needs(of: &Verification) -> Html {
    let mut body = Html::default();
    if of.needs.is_empty() {
        body.push(Html::element(
            "p",
            "",
            "None is declared: whether this design lets the business work is not checked.",
        ));
        return body;
    }
    let columns = [words_column("flow"), words_column("status"), number_column("pairs"), words_column("declared at")];
    let mut needs: Vec<&Need> = of.needs.iter().collect();
    needs.sort_by_key(|need| std::cmp::Reverse(need.status));
    let rows = needs.iter().map(|one| {
        let pairs = words::number(one.pairs);
        [Html::code(&one.name()), status(one.status), Html::text(&pairs), place(one.location.as_ref())]
    });
    body.push(table("Flows that the business needs, broken ones first", columns, rows));
    for need in needs.into_iter().filter(|need| need.status != NeedStatus::Works) {
        let mut detail = Html::element("h3", "", Html::concat([status(need.status), Html::code(&need.name())]));
        if let Some(doubt) = &need.doubt {
            detail.push(Html::element("p", "", Html::concat([rich(&doubt.reason), place(doubt.location.as_ref())])));
        }
        if let Some(witness) = &need.witness {
            detail.push(path(std::slice::from_ref(witness)));
        }
        body.push(Html::element("article", "", detail));
    }
    body
}

fn status(of: NeedStatus) -> Html {
    match of {
        NeedStatus::Works => Html::element("span", "chip works", "✓ works"),
        NeedStatus::Broken => Html::element("span", "chip broken", "✗ broken"),
        NeedStatus::Unknown => Html::element("span", "chip unknown", "? unknown"),
    }
}

pub(super) fn diagnostics(of: &Verification) -> Html {
    let mut body = Html::default();
    if of.diagnostics.is_empty() {
        body.push(Html::element("p", "", "The readers found nothing to remark on."));
    }
    for group in of.diagnostic_groups() {
        let (class, mark) = match group.severity {
            Severity::Error => ("error", "✗ error"),
            Severity::Warning => ("warning", "! warning"),
            Severity::Note => ("note", "note"),
        };
        let chip = Html::element("span", &format!("chip {class}"), mark);
        let times = Html::element("span", "muted", format!("× {}", group.times()));
        let mut detail = Html::element("h3", "", Html::concat([chip, Html::code(group.code), times]));
        let common = group.common_help();
        if let Some(help) = common {
            detail.push(Html::element("p", "", Html::concat([Html::text("To do: "), rich(help), Html::text(".")])));
        }
        let mut items: Vec<Html> = group
            .diagnostics
            .iter()
            .take(LISTED)
            .map(|one| {
                let place = one.location.as_ref().map_or_else(Html::default, |place| {
                    Html::concat([Html::code(&place.to_string()), Html::text(" ")])
                });
                let own = one.help.as_deref().filter(|_| common.is_none());
                let help = own.map_or_else(Html::default, |help| Html::concat([Html::text(" — "), rich(help)]));
                Html::concat([place, rich(&one.message), help])
            })
            .collect();
        if group.diagnostics.len() > LISTED {
            items.push(Html::text(&format!("and {} more, in report.json", group.diagnostics.len() - LISTED)));
        }
        detail.push(Html::list("plain", items));
        body.push(Html::element("article", "", detail));
    }
    body
}
