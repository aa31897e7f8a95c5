//! Figures, each with the table that holds its numbers.

use super::markup::{Html, number_column, table, words_column};
use crate::model::Report;
use crate::plot::{self, Plot};
use crate::words;

/// How many rows of a table are printed; the data holds all.
pub(super) const ROWS: usize = 60;

pub(super) fn figure(plot: &Plot) -> Html {
    let caption = Html::element("figcaption", "", Html::text(&plot.caption));
    Html::element("figure", "", Html::concat([Html::markup(plot.svg.clone()), caption]))
}

pub(super) fn capped(caption: &str, rows: usize) -> String {
    if rows > ROWS {
        format!("{caption} (the first {ROWS} of {}; all are in report.json)", words::number(rows as u64))
    } else {
        caption.to_owned()
    }
}

pub(super) fn comparison(report: &Report) -> Html {
    let Some(of) = &report.comparison else { return Html::default() };
    let mut body = Html::default();
    body.push(plot::comparison_plot(of).as_ref().map(figure).unwrap_or_default());
    let columns = [
        words_column("design"),
        number_column("blast radius, median"),
        number_column("largest"),
        number_column("needs broken"),
        number_column("holds"),
        number_column("violated"),
        number_column("unknown"),
        number_column("rules"),
        number_column("points"),
        number_column("owned in simulation"),
    ];
    let rows = of.designs.iter().map(|one| {
        let size = |size| format!("{} ({})", words::number(size), words::percent(one.share(size)));
        let owned = one.compromised_median.map_or_else(|| "–".to_owned(), words::quantity);
        [
            one.design.clone(),
            size(one.blast_radius_median),
            size(one.blast_radius_max),
            format!("{} of {}", words::number(one.needs_broken), words::number(one.needs)),
            words::number(one.holds),
            words::number(one.violated),
            words::number(one.unknown),
            words::number(one.rules),
            words::number(one.points),
            owned,
        ]
        .map(|cell| Html::text(&cell))
    });
    let caption = format!("Designs, under pivot {}, {} view, trust {}", of.pivot, of.view, of.trust);
    body.push(table(&caption, columns, rows));
    body.push(super::campaign::differences(report));
    body
}

pub(super) fn blast_radius(report: &Report) -> Html {
    if report.blast_radius.is_empty() {
        return Html::default();
    }
    let mut body = Html::default();
    body.push(Html::list("plain", report.blast_radius.iter().map(|one| Html::text(&words::blast_radius(one)))));
    body.push(plot::blast_radius_plot(&report.blast_radius).as_ref().map(figure).unwrap_or_default());
    if let Some(lead) = words::lead_blast_radius(report) {
        let columns = [words_column("unit"), number_column("units that fall"), number_column("share")];
        let rows = lead.worst.iter().take(ROWS).map(|one| {
            [
                Html::code(&one.unit),
                Html::text(&words::number(one.size)),
                Html::text(&words::percent(lead.share(one.size))),
            ]
        });
        let caption =
            format!("Where an attacker gets farthest (pivot {}, {} view, trust {})", lead.pivot, lead.view, lead.trust);
        body.push(table(&capped(&caption, lead.worst.len()), columns, rows));
    }
    body
}

pub(super) fn segments(report: &Report) -> Html {
    let Some(of) = &report.segments else { return Html::default() };
    let mut body = Html::default();
    body.push(plot::segment_matrix_plot(of).as_ref().map(figure).unwrap_or_default());
    let mut rows = Vec::new();
    for (row, from) in of.segments.iter().enumerate() {
        for (column, to) in of.segments.iter().enumerate() {
            let Some(cell) = of.cell(row, column).filter(|cell| cell.allowed > 0 || cell.unknown > 0) else { continue };
            let pairs = format!("{} of {}", words::number(cell.allowed), words::number(cell.pairs));
            rows.push([
                Html::text(&from.name),
                Html::text(&to.name),
                Html::text(&pairs),
                Html::text(&words::number(cell.unknown)),
                Html::code(&cell.connections),
            ]);
        }
    }
    let columns = [
        words_column("from"),
        words_column("to"),
        number_column("pairs allowed"),
        number_column("unknown"),
        words_column("connections"),
    ];
    let caption = capped("What each segment may open to another", rows.len());
    body.push(table(&caption, columns, rows.into_iter().take(ROWS)));
    body
}

pub(super) fn surface(report: &Report) -> Html {
    let Some(of) = &report.surface else { return Html::default() };
    let mut body = Html::default();
    body.push(Html::element("p", "", Html::text(&format!("{}.", words::surface(of)))));
    let columns = [
        words_column("unit"),
        number_column("entries from units"),
        words_column("entries from outside"),
        number_column("exits to units"),
        words_column("exits to outside"),
    ];
    let outside = |connections: &str| match connections {
        "" => Html::element("span", "muted", "none"),
        connections => Html::code(connections),
    };
    let rows = of.rows.iter().take(ROWS).map(|row| {
        let units = if row.units > 1 { format!(" × {}", words::number(row.units)) } else { String::new() };
        [
            Html::concat([Html::code(&row.unit), Html::text(&units)]),
            Html::text(&words::number(row.entries)),
            outside(&row.entries_external),
            Html::text(&words::number(row.exits)),
            outside(&row.exits_external),
        ]
    });
    body.push(table(&capped("Entries and exits, the most exposed first", of.rows.len()), columns, rows));
    body
}
