//! What enforcing takes, checks, and the numbers that both rest on.

use super::basis::sentence;
use super::markup::{Html, number_column, table, words_column};
use crate::enforcement::{ASSUMED, CHECKED, agents_cells, appliance_cells, check_cells, given_words};
use crate::model::{Report, Simulation};

/// What enforcing takes, design by design.
pub(super) fn loads(report: &Report) -> Html {
    let mut body = Html::default();
    let of = &report.enforcement;
    let agents = of.iter().filter_map(|one| Some((&one.design, one.load.agents.as_ref()?)));
    let agents: Vec<[String; 5]> = agents
        .flat_map(|(design, agents)| {
            agents_cells(agents).map(|[what, rate, cpu, memory]| [what, design.clone(), rate, cpu, memory])
        })
        .collect();
    if !agents.is_empty() {
        let columns = [
            words_column("agents"),
            words_column("design"),
            number_column("connections/s"),
            number_column("cores"),
            number_column("memory"),
        ];
        body.push(table("Agents", columns, agents.into_iter().map(|row| row.map(|cell| Html::text(&cell)))));
    }
    let appliances: Vec<[String; 8]> = of
        .iter()
        .flat_map(|one| one.load.appliances.iter().map(move |appliance| (&one.design, appliance_cells(appliance))))
        .map(|(design, [point, rate, busy, table, refused, p50, p99])| {
            [point, design.clone(), rate, busy, table, refused, p50, p99]
        })
        .collect();
    if !appliances.is_empty() {
        let columns = [
            words_column("appliance"),
            words_column("design"),
            number_column("connections/s"),
            number_column("busy"),
            number_column("table"),
            number_column("refused, table full"),
            number_column("latency p50"),
            number_column("latency p99"),
        ];
        let rows = appliances.into_iter().map(|row| row.map(|cell| Html::text(&cell)));
        body.push(table("Appliances on links", columns, rows));
    }
    let given: Vec<String> = of.iter().flat_map(|one| &one.load.given).map(given_words).collect();
    if !given.is_empty() {
        body.push(Html::element("p", "", "The designs say themselves:"));
        body.push(Html::list("plain", given.iter().map(|one| Html::text(one))));
    }
    if !body.is_empty() {
        body.push(Html::element("p", "muted", sentence(ASSUMED)));
    }
    body
}

/// The inputs and the checks that were used, each with its source.
pub(super) fn calibration(report: &Report) -> Html {
    let mut body = Html::default();
    let parts = [
        ("input", "Inputs: what the design does not say itself and models reckon with"),
        ("check", "Checks: what was observed elsewhere, to hold results against"),
    ];
    for (role, caption) in parts {
        let of_role = report.calibration.iter().filter(|one| one.role == role);
        let rows: Vec<[Html; 4]> = of_role
            .map(|one| [Html::code(&one.name), Html::text(&one.value), Html::text(&one.source), Html::text(&one.date)])
            .collect();
        if !rows.is_empty() {
            let columns = [words_column("name"), number_column("value"), words_column("source"), words_column("date")];
            body.push(table(caption, columns, rows));
        }
    }
    body
}

/// Outcomes of one attacker beside those that were observed elsewhere.
pub(super) fn checks(held: &[&Simulation]) -> Html {
    let rows: Vec<[Html; 5]> = held
        .iter()
        .flat_map(|one| one.checks.iter().map(move |check| (&one.design, check_cells(check))))
        .map(|(design, [name, observed, simulated, ratio])| {
            [Html::code(&name), Html::text(design), Html::text(&simulated), Html::text(&observed), Html::text(&ratio)]
        })
        .collect();
    if rows.is_empty() {
        return Html::default();
    }
    let columns = [
        words_column("check"),
        words_column("design"),
        words_column("simulated"),
        number_column("observed"),
        number_column("ratio"),
    ];
    table(&format!("Outcomes beside observed ones: {CHECKED}"), columns, rows)
}
