//! What a report rests on: key figures, scope, assumptions, what was not modelled.

use super::markup::{Html, facts, number_column, rich, table, words_column};
use crate::model::{Assumption, NeedStatus, Report, Severity, Verdict, Verification};
use crate::words;

/// The few figures that stand under the verdict.
pub(super) fn tiles(report: &Report) -> Html {
    let of = &report.verification;
    let mut tiles = Vec::new();
    let mut tile = |figure: String, text: String| {
        tiles.push(Html::concat([
            Html::element("strong", "", Html::text(&figure)),
            Html::element("span", "", Html::text(&text)),
        ]));
    };
    let properties = of.properties.len() as u64;
    if properties > 0 {
        let holds = of.count(Verdict::Holds) as u64;
        tile(format!("{} of {}", words::number(holds), words::number(properties)), "properties proved".to_owned());
    }
    if !of.needs.is_empty() {
        let broken = of.needs_with(NeedStatus::Broken) as u64;
        let total = words::number(of.needs.len() as u64);
        tile(format!("{} of {total}", words::number(broken)), "needed flows broken".to_owned());
    }
    if let Some(lead) = words::lead_blast_radius(report)
        && let (Some(max), Some(median)) = (lead.max(), lead.median())
    {
        let text = format!(
            "units fall at most when one is owned, {} at the median (pivot {})",
            words::number(median),
            lead.pivot
        );
        tile(format!("{} of {}", words::number(max), words::number(lead.population)), text);
    }
    let warnings = of.diagnostics.iter().filter(|one| one.severity >= Severity::Warning).count() as u64;
    tile(words::number(warnings), if warnings == 1 { "warning" } else { "warnings" }.to_owned());
    Html::list("tiles", tiles)
}

/// What the verdict rests on, in few lines that lead to all there is to say.
pub(super) fn in_brief(of: &Verification) -> Html {
    let ids = ["scope", "assumptions", "not-modelled"];
    let rows = words::basis_in_brief(of).into_iter().zip(ids).map(|((name, lines), id)| {
        let lines = Html::concat(lines.iter().map(|line| Html::element("dd", "", rich(line))));
        Html::markup(format!("<dt><a href=\"#{id}\">{}</a></dt>{lines}", Html::text(name)))
    });
    Html::element("dl", "brief", Html::concat(rows))
}

pub(super) fn scope(of: &Verification) -> Html {
    facts(words::scope_facts(&of.scope).into_iter().map(|(name, fact)| (name, Html::text(&fact))))
}

pub(super) fn assumptions(of: &Verification) -> Html {
    let mut body = Html::element("p", "", "Nobody has checked these; every result below rests on them.");
    if of.assumptions.is_empty() {
        body = Html::element("p", "", "None was made.");
    } else {
        let columns = [words_column("assumption"), words_column("name")];
        let rows = of.assumptions.iter().map(|one| [assumption(one), Html::code(&one.id)]);
        body.push(table("Assumptions", columns, rows));
    }
    if !of.trusted.is_empty() {
        let columns = [
            words_column("trusted units"),
            number_column("units"),
            words_column("reason"),
            words_column("owner"),
            words_column("until"),
        ];
        let rows = of.trusted.iter().map(|one| {
            [
                Html::code(&one.units),
                Html::text(&words::number(one.count)),
                Html::text(&one.reason),
                Html::text(&one.owner),
                Html::text(&match &one.expires {
                    Some(day) if one.expired => format!("{day}: expired, does not count"),
                    Some(day) => day.clone(),
                    None => "no end".to_owned(),
                }),
            ]
        });
        body.push(table("Units taken as impossible to own, in the figures that say so", columns, rows));
    }
    body
}

/// An assumption, and under it what hangs on it.
fn assumption(of: &Assumption) -> Html {
    let mut body = rich(&of.text);
    if let Some(choice) = &of.choice {
        body.push(Html::element("p", "muted", rich(&words::choice(choice))));
        if !choice.changes.is_empty() {
            body.push(Html::list("plain", choice.changes.iter().map(|one| rich(&words::changed_verdict(one)))));
        }
    }
    body
}

pub(super) fn unmodelled(of: &Verification) -> Html {
    let mut body = Html::default();
    if of.unmodelled.is_empty() {
        body.push(Html::element("p", "", "Everything that was read is modelled."));
    } else {
        let columns = [words_column("what"), words_column("place"), number_column("units touched")];
        let rows = of.unmodelled.iter().map(|one| {
            let place = one.location.as_ref().map_or_else(Html::default, |place| Html::code(&place.to_string()));
            [rich(&one.what), place, Html::text(&words::number(one.units))]
        });
        body.push(table(
            "Read and not modelled: the verdicts that it touches are unknown, never a pass",
            columns,
            rows,
        ));
    }
    if !of.ignored.is_empty() {
        let columns =
            [words_column("kind"), number_column("objects"), words_column("reason"), words_column("who says so")];
        let rows = of.ignored.iter().map(|one| {
            [
                Html::text(&one.kind),
                Html::text(&words::number(one.count)),
                Html::text(&one.reason),
                Html::text(&words::ignored_by(one)),
            ]
        });
        body.push(table("Left out on purpose", columns, rows));
    }
    if !of.not_covered.is_empty() {
        body.push(Html::element("p", "", "Outside every model of this tool:"));
        body.push(Html::list("plain", of.not_covered.iter().map(|one| sentence(one))));
    }
    body
}

/// A sentence that this tool wrote in lower case and without a period, made one for the page. Never for what may begin
/// with an identifier: `web-1` stays `web-1`.
pub(super) fn sentence(text: &str) -> Html {
    let mut letters = text.chars();
    let text: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    rich(&if text.ends_with(['.', '!', '?']) || text.is_empty() { text } else { format!("{text}.") })
}
