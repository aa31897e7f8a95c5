//! Draws how the class engine's cost grows with the design, from the table that the example `scale` prints.
//!
//! `scale company … | tee -a TABLE`, then `growth FILE.svg < TABLE`. Both axes are logarithmic: a straight line is a
//! power of the number of units, and its slope is the exponent, which is printed for time and memory.

#![allow(missing_docs, clippy::disallowed_methods, clippy::print_stdout)]

use plotters::prelude::*;
use std::error::Error;
use std::io::Read as _;

/// What a company of so many units takes.
struct Measured {
    units: f64,
    /// [s] on the processor
    time: f64,
    /// [MB] at the peak
    memory: f64,
}

/// The row of a company, of a line of the table.
fn row(line: &str) -> Option<Measured> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [topology, units, _rules, _classes, _endpoint_classes, _phases, time, memory, ..] = cells.as_slice() else {
        return None;
    };
    let first = |cell: &str| cell.split(' ').next()?.parse::<f64>().ok();
    let found = Measured { units: first(units)?, time: first(time)? / 1000.0, memory: first(memory)? };
    (*topology == "company").then_some(found)
}

/// The exponent of a power law: the slope of the least squares line through the logarithms.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let logarithms: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logarithms.len() as f64;
    let mean_x = logarithms.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logarithms.iter().map(|(_, y)| y).sum::<f64>() / count;
    let rise: f64 = logarithms.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let run: f64 = logarithms.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    rise / run
}

/// A decade's number as people say it: `10 s`, `1,000`.
fn decade(value: f64) -> String {
    if value < 1.0 { format!("{value}") } else { seglab_policy::number(value.round() as u64) }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which file to draw into? growth FILE.svg < TABLE")?;
    let mut table = String::new();
    std::io::stdin().read_to_string(&mut table)?;
    let rows: Vec<Measured> = table.lines().filter_map(row).collect();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Err("no row of a company".into()) };
    let time: Vec<(f64, f64)> = rows.iter().map(|row| (row.units, row.time)).collect();
    let memory: Vec<(f64, f64)> = rows.iter().map(|row| (row.units, row.memory)).collect();
    let (of_time, of_memory) = (exponent(&time), exponent(&memory));

    let root = SVGBackend::new(&path, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let charts = root.split_evenly((1, 2));
    let range = first.units * 0.8..last.units * 1.25;
    let drawn = [
        (&time, format!("time: units to the power of {of_time:.2}"), "seconds on the processor", RGBColor(31, 90, 166)),
        (&memory, format!("memory: units to the power of {of_memory:.2}"), "MB at the peak", RGBColor(176, 74, 29)),
    ];
    for (area, (points, title, what, colour)) in charts.iter().zip(&drawn) {
        let least = points.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
        let most = points.iter().map(|(_, y)| *y).fold(0.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(62)
            .build_cartesian_2d(range.clone().log_scale(), (least * 0.6..most * 1.6).log_scale())?;
        chart
            .configure_mesh()
            .x_desc("units; a rule for every four")
            .y_desc(*what)
            .x_labels(5)
            .y_labels(6)
            .x_label_formatter(&|value| decade(*value))
            .y_label_formatter(&|value| decade(*value))
            .light_line_style(WHITE)
            .draw()?;
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
    }
    root.present()?;
    println!("time grows with the units to the power of {of_time:.2}, memory to the power of {of_memory:.2}: {path}");
    Ok(())
}
