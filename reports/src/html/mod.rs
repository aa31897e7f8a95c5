//! One page for people: self-contained, readable without script, on paper and on dark screens.
//!
//! The order is fixed: what the page rests on in brief (scope, assumptions, what was not modelled), the verdict in one
//! line, what it rests on in full, then claims one by one, then pictures and diagnostics, and the inputs with their hashes
//! at the end.

mod basis;
mod campaign;
mod claims;
mod enforcement;
mod markup;
mod pictures;

use crate::model::{Report, Verdict, Verification};
use crate::words;
use markup::{Html, words_column};

const STYLE: &str = include_str!("style.css");

/// Writes a report as one HTML page that loads nothing from anywhere.
pub fn html(report: &Report) -> String {
    let of = &report.verification;
    let sections = sections(report);
    let mut main = Html::default();
    main.push(masthead(of));
    main.push(basis::tiles(report));
    main.push(contents(&sections));
    for section in &sections {
        let heading = format!("<h2 id=\"{}\">{}</h2>\n{}", section.id, Html::text(section.title), section.body);
        main.push(Html::element("section", "", heading));
    }
    main.push(footer(of));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Segmentation audit: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{main}</main>\n</body>\n</html>\n",
        Html::text(&of.design)
    )
}

struct Section {
    id: &'static str,
    title: &'static str,
    body: Html,
}

fn sections(report: &Report) -> Vec<Section> {
    let of = &report.verification;
    let sections = [
        ("scope", "Scope", basis::scope(of)),
        ("assumptions", "Assumptions", basis::assumptions(of)),
        ("not-modelled", "What was not modelled", basis::unmodelled(of)),
        ("properties", "Properties", claims::properties(of)),
        ("needs", "Needed flows", claims::needs(of)),
        ("comparison", "Designs compared", pictures::comparison(report)),
        ("blast-radii", "What one owned unit leads to", pictures::blast_radius(report)),
        ("segments", "Who may connect to whom", pictures::segments(report)),
        ("surface", "Surface", pictures::surface(report)),
        ("simulation", "Simulated attacks", campaign::simulations(report)),
        ("sensitivity", "What this hangs on", campaign::sensitivity(report)),
        ("traffic", "Traffic", campaign::traffic(report)),
        ("enforcement", "What enforcing takes", enforcement::loads(report)),
        ("calibration", "Calibration", enforcement::calibration(report)),
        ("diagnostics", "Diagnostics", claims::diagnostics(of)),
        ("inputs", "Inputs and how to repeat this", inputs(report)),
    ];
    let sections = sections.into_iter().filter(|(_, _, body)| !body.is_empty());
    sections.map(|(id, title, body)| Section { id, title, body }).collect()
}

fn masthead(of: &Verification) -> Html {
    let (class, mark) = match of.verdict {
        Verdict::Violated => ("violated", "✗ "),
        Verdict::Unknown => ("unknown", "? "),
        // Nothing was claimed: that is no pass.
        Verdict::Holds if of.properties.is_empty() => ("note", ""),
        Verdict::Holds => ("holds", "✓ "),
    };
    let mut banner = Html::element("p", "big", Html::text(&format!("{mark}{}", words::headline(of))));
    let worst = of.worst_first().into_iter().find(|one| one.verdict == Verdict::Violated);
    if let Some((property, counterexample)) = worst.and_then(|one| Some((one, one.counterexample.as_ref()?))) {
        let place = counterexample.place().map_or_else(Html::default, |place| {
            Html::concat([Html::text(" Look at "), Html::code(&place.to_string()), Html::text(".")])
        });
        let text = format!("{}: {}.", property.id, counterexample.summary);
        banner.push(Html::element("p", "", Html::concat([markup::rich(&text), place])));
    }
    let kicker = format!("{} · segmentation audit", of.tool.name);
    Html::element(
        "header",
        "",
        Html::concat([
            Html::element("p", "kicker", Html::text(&kicker)),
            Html::element("h1", "", Html::text(&of.design)),
            basis::in_brief(of),
            Html::markup(format!("<div class=\"banner {class}\" role=\"status\">{banner}</div>")),
        ]),
    )
}

fn contents(sections: &[Section]) -> Html {
    let items =
        sections.iter().map(|one| Html::markup(format!("<a href=\"#{}\">{}</a>", one.id, Html::text(one.title))));
    Html::markup(format!("<nav aria-label=\"Contents\">{}</nav>", Html::list("", items)))
}

fn inputs(report: &Report) -> Html {
    let of = &report.verification;
    let mut body = Html::default();
    let mut tool = vec![format!("{} {}", of.tool.name, of.tool.version)];
    tool.extend(words::z3(&of.tool));
    let mut facts = vec![("Tool", Html::text(&tool.join(", ")))];
    facts.push((
        "Seed",
        Html::text(&of.seed.map_or_else(|| "none: nothing is random".to_owned(), |seed| seed.to_string())),
    ));
    facts.extend(of.today.iter().map(|today| ("Today", Html::text(today))));
    facts.extend(of.command.iter().map(|command| ("Command", Html::code(command))));
    body.push(markup::facts(facts));
    let inputs = words::all_inputs(of, report.comparison.as_ref());
    let rows = inputs.map(|one| [Html::code(&one.path), Html::code(&one.sha256)]);
    body.push(markup::table("Files that were read", [words_column("file"), words_column("SHA-256")], rows));
    body
}

fn footer(of: &Verification) -> Html {
    let text = format!(
        "Made by {} {}. The same inputs, seed and version give the same bytes. The data behind this page is in \
         report.json.",
        of.tool.name, of.tool.version
    );
    Html::element("footer", "", Html::text(&text))
}
