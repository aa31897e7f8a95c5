//! What campaigns say: attacks, the traffic meanwhile, and how designs differ under the same chance events.

use super::markup::{Column, Html, number_column, table, words_column};
use super::pictures::{ROWS, capped, figure};
use crate::model::{Report, Simulation};
use crate::sensitivity::{mean, rows};
use crate::traffic::{ALL_SERVED, hours, lost_words, need_cells, service_cells};
use crate::{plot, words};
use std::collections::BTreeSet;

pub(super) fn simulations(report: &Report) -> Html {
    let attackers: BTreeSet<&str> = report.simulations.iter().map(|one| one.attacker.as_str()).collect();
    let mut body = Html::default();
    for attacker in attackers {
        let held: Vec<&Simulation> = report.simulations.iter().filter(|one| one.attacker == attacker).collect();
        body.push(Html::element("h3", "", Html::text(attacker)));
        body.push(plot::compromise_plot(&report.simulations, attacker).as_ref().map(figure).unwrap_or_default());
        body.push(campaigns(&held));
        push_list(&mut body, &remarks(&held));
        if held.iter().any(|one| !one.critical.is_empty()) {
            body.push(critical(&held));
        }
        if held.iter().any(|one| !one.checks.is_empty()) {
            body.push(super::enforcement::checks(&held));
        }
    }
    body
}

/// What else there is to know of an attack, design by design.
fn remarks(held: &[&Simulation]) -> Vec<String> {
    held.iter().flat_map(|one| words::remarks(one).map(|remark| format!("{}: {remark}", one.design))).collect()
}

fn campaigns(held: &[&Simulation]) -> Html {
    let columns = [
        words_column("design"),
        number_column("owned at the end, median"),
        number_column("replicas detected"),
        number_column("first alert after (10%, half, 90% of replicas)"),
        number_column("alerts, median"),
        number_column("attempts, median"),
        number_column("denied"),
        number_column("needed flows broken"),
    ];
    let rows = held.iter().map(|one| {
        [
            one.design.clone(),
            words::owned_at_end(one),
            words::detected(one),
            words::first_alert(one),
            words::quantity(one.alerts.p50),
            words::quantity(one.attempts.p50),
            words::percent(one.denied_share),
            one.flows_broken_share.map_or_else(|| "–".to_owned(), words::percent),
        ]
        .map(|cell| Html::text(&cell))
    });
    let caption = held
        .first()
        .map(|one| format!("Campaigns: {}", words::played(one.replicas, one.horizon_ns, &one.pivot, &one.trust)));
    table(&caption.unwrap_or_default(), columns, rows)
}

fn critical(held: &[&Simulation]) -> Html {
    let columns = [
        words_column("critical unit"),
        words_column("design"),
        number_column("owned"),
        number_column("quarantine first"),
        number_column("neither by the end"),
        words_column("owned in half of all replicas after"),
        words_column("its data leaves"),
    ];
    let rows = held.iter().flat_map(|one| {
        one.critical.iter().map(move |unit| {
            let neither = words::percent((1.0 - unit.owned_at_end() - unit.quarantined_at_end()).max(0.0));
            let [owned, quarantined, half, leaves] =
                words::critical_cells(unit, &one.times_ns).map(|cell| Html::text(&cell));
            let (name, design) = (Html::code(&unit.unit), Html::text(&one.design));
            [name, design, owned, quarantined, Html::text(&neither), half, leaves]
        })
    });
    let caption = "Critical units over all replicas, quarantine being a competing risk; with 95% intervals";
    table(caption, columns, rows)
}

/// What became of the business' traffic, design by design.
pub(super) fn traffic(report: &Report) -> Html {
    let mut body = Html::default();
    let mut requests: Vec<[Html; 7]> = Vec::new();
    let mut services: Vec<[Html; 8]> = Vec::new();
    let mut late: Vec<[Html; 3]> = Vec::new();
    let mut lost: Vec<String> = Vec::new();
    for of in &report.traffic {
        let design = Html::text(&of.design);
        let cell = |text: &String| Html::text(text);
        for need in of.remarkable() {
            let [name, rest @ ..] = need_cells(need);
            let [tried, served, why, p50, p99] = rest.each_ref().map(cell);
            requests.push([Html::code(&name), design.clone(), tried, served, p50, p99, why]);
        }
        for service in &of.services {
            let [name, units, servers, load, busy, waiting, refused] = service_cells(service);
            let [units, servers, load, busy, waiting, refused] =
                [units, servers, load, busy, waiting, refused].each_ref().map(cell);
            services.push([Html::code(&name), design.clone(), units, servers, load, busy, waiting, refused]);
        }
        late.extend(
            of.delays.map(|of| [design, Html::text(&hours(of.held_up_ns)), Html::text(&hours(of.outlived_ns))]),
        );
        lost.extend(lost_words(of).into_iter().map(|line| format!("{}: {line}", of.design)));
    }
    if !report.traffic.is_empty() && requests.is_empty() && services.is_empty() {
        body.push(Html::element("p", "", ALL_SERVED));
    }
    push_list(&mut body, &lost);
    let columns = [
        words_column("need"),
        words_column("design"),
        number_column("requests"),
        number_column("served"),
        words_column("served within, p50"),
        words_column("p99"),
        words_column("not served"),
    ];
    push_table(
        &mut body,
        "Requests of needs that took time or were not all served; times with 95% intervals",
        columns,
        requests,
    );
    let columns = [
        words_column("service"),
        words_column("design"),
        number_column("units"),
        number_column("servers"),
        number_column("load by rates"),
        number_column("occupied"),
        number_column("waiting"),
        number_column("refused"),
    ];
    push_table(&mut body, "Services and what their servers had to do", columns, services);
    let columns = [
        words_column("design"),
        words_column("releases held up"),
        words_column("rules in force that no need is left for"),
    ];
    push_table(&mut body, "How late policy was for releases", columns, late);
    body
}

/// Every other design against the first.
pub(super) fn differences(report: &Report) -> Html {
    let rows = report.differences.iter().flat_map(|of| of.measures.iter().map(move |one| (of, one)));
    let rows: Vec<[Html; 4]> = rows
        .map(|(of, one)| {
            let (value, interval) = (one.estimate.value, one.estimate.interval);
            [
                Html::text(&of.second),
                Html::text(&one.what),
                Html::text(&format!("{value:+.2} {}", one.unit)),
                Html::text(&format!("{:+.2} to {:+.2}", interval.low, interval.high)),
            ]
        })
        .collect();
    let first = report.differences.first().map(|of| of.first.as_str()).unwrap_or_default();
    let columns = [
        words_column("design"),
        words_column("in simulation"),
        number_column("mean difference"),
        number_column("95% interval"),
    ];
    let mut body = Html::default();
    push_table(&mut body, &format!("Against {first}, replica by replica under the same chance events"), columns, rows);
    body
}

/// What results hang on: the same attack under one change after the other.
pub(super) fn sensitivity(report: &Report) -> Html {
    let Some(of) = &report.sensitivity else { return Html::default() };
    let mut body = Html::default();
    body.push(plot::tornado_plot(of).as_ref().map(figure).unwrap_or_default());
    let rows: Vec<[Html; 5]> = rows(of)
        .flat_map(|(change, designs)| designs.iter().map(move |design| (change.clone(), design)))
        .map(|(change, design)| {
            let flips = if design.flips { "flips" } else { "" };
            let cells = [change, design.design.clone(), mean(design), format!("{:.2}", design.ratio), flips.to_owned()];
            cells.map(|cell| Html::text(&cell))
        })
        .collect();
    let columns = [
        words_column("change"),
        words_column("design"),
        number_column("mean units owned (95% interval)"),
        number_column("share of the first design's"),
        words_column("against the first"),
    ];
    push_table(&mut body, "The same attack, one change at a time", columns, rows);
    body
}

/// A list, where there is something to put into it.
fn push_list(body: &mut Html, lines: &[String]) {
    if !lines.is_empty() {
        body.push(Html::list("plain", lines.iter().map(|line| Html::text(line))));
    }
}

/// A table, where there is something to put into it.
fn push_table<const N: usize>(body: &mut Html, caption: &str, columns: [Column; N], rows: Vec<[Html; N]>) {
    if !rows.is_empty() {
        body.push(table(&capped(caption, rows.len()), columns, rows.into_iter().take(ROWS)));
    }
}
