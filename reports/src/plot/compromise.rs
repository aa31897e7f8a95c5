//! Units that an attacker owns over time, design by design.

use super::frame::{Axis, Frame};
use super::label::{Pen, shorten, spread, width, write};
use super::{Area, DrawResult, INK, MUTED, Plot, SMALL, colour, figure, line_width};
use crate::model::{QuantileCurve, Simulation};
use crate::words;
use plotters::prelude::*;

const WIDTH: u32 = 1600;
const HEIGHT: u32 = 860;
const LABEL_CHARACTERS: usize = 26;
const NAME: Pen = Pen::new(SMALL, INK).bold();

/// Draws the campaigns of one attacker: the median over replicas as a line, lowest to highest quantile as a band.
///
/// `None` if the attacker has no campaign with a median.
pub fn compromise_plot(simulations: &[Simulation], attacker: &str) -> Option<Plot> {
    let drawn: Vec<&Simulation> = simulations
        .iter()
        .filter(|one| one.attacker == attacker && one.curve(0.5).is_some() && !one.times_ns.is_empty())
        .collect();
    let first = drawn.first()?;
    let ends: Vec<String> = drawn.iter().map(|one| format!("{}: {}", one.design, words::owned_at_end(one))).collect();
    let middle = first.band().map_or(0.0, |(low, high)| high.quantile - low.quantile);
    let caption = format!(
        "Units owned by the attacker {attacker} over {} (pivot {}, trust {}): the median of {} as a line, the middle {} \
         of them as a band.",
        words::duration(first.horizon_ns),
        first.pivot,
        first.trust,
        words::count(first.replicas, "replica", "replicas"),
        words::percent(middle),
    );
    let numbers = format!("Median at the end: {}.", ends.join("; "));
    let id = format!("compromise-{}", slug(attacker));
    let title = format!("Compromise over time: {attacker}");
    figure(&id, &title, (&caption, &numbers), (WIDTH, HEIGHT), |area| draw(area, &drawn))
}

fn draw(area: &Area<'_>, drawn: &[&Simulation]) -> DrawResult {
    let label = |one: &Simulation| shorten(&one.design, LABEL_CHARACTERS);
    let room = drawn.iter().map(|one| width(&label(one), NAME)).max().unwrap_or_default();
    let horizon = drawn.iter().map(|one| one.horizon_ns).max().unwrap_or(1);
    let (unit_ns, unit) = time_unit(horizon);
    let most = drawn.iter().flat_map(|one| &one.compromised).flat_map(|curve| &curve.values).copied();
    let frame = Frame {
        left: 110,
        top: 90,
        right: WIDTH as i32 - room - 60,
        bottom: HEIGHT as i32 - 110,
        x: time_axis(horizon as f64 / unit_ns, unit),
        y: Axis::round("units owned", most.fold(1.0, f64::max), 1.0, |value| words::number(value as u64)),
    };
    frame.draw(area)?;
    let points = |one: &Simulation, curve: Option<&QuantileCurve>| -> Vec<(i32, i32)> {
        let values = curve.map_or(&[][..], |curve| &curve.values);
        one.times_ns.iter().zip(values).map(|(&time, &value)| frame.at(time as f64 / unit_ns, value)).collect()
    };
    for (position, one) in drawn.iter().enumerate() {
        let (low, high) = one.band().unzip();
        let mut band = stairs(&points(one, low));
        band.extend(stairs(&points(one, high)).into_iter().rev());
        area.draw(&Polygon::new(band, colour(position).mix(0.14)))?;
    }
    let mut ends = Vec::new();
    for (position, one) in drawn.iter().enumerate() {
        let line = stairs(&points(one, one.curve(0.5)));
        ends.push(line.last().copied().unwrap_or((frame.right, frame.bottom)));
        let stroke = line_width(position, drawn.len());
        area.draw(&PathElement::new(line, colour(position).stroke_width(stroke)))?;
    }
    let heights: Vec<i32> = ends.iter().map(|&(_, y)| y).collect();
    let heights = spread(&heights, 34, frame.top, frame.bottom);
    for (position, ((one, &end), y)) in drawn.iter().zip(&ends).zip(heights).enumerate() {
        area.draw(&PathElement::new(vec![end, (frame.right + 30, y)], MUTED.stroke_width(2)))?;
        write(area, &label(one), (frame.right + 38, y), Pen { colour: colour(position), ..NAME })?;
    }
    Ok(())
}

/// The line of a quantity that keeps its value until the next instant.
fn stairs(points: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let mut line: Vec<(i32, i32)> = points.first().copied().into_iter().collect();
    for (before, after) in points.iter().zip(points.iter().skip(1)) {
        line.extend([(after.0, before.1), *after]);
    }
    line.dedup();
    line
}

/// The unit of time in which a horizon is at least 2, and its name.
fn time_unit(horizon_ns: u64) -> (f64, &'static str) {
    let units = [(86_400e9, "days"), (3_600e9, "hours"), (60e9, "minutes"), (1e9, "seconds"), (1e6, "milliseconds")];
    units.into_iter().find(|(unit, _)| horizon_ns as f64 >= 2.0 * unit).unwrap_or((1.0, "nanoseconds"))
}

/// An axis that ends at the horizon, with ticks that suit clocks where the unit has them.
fn time_axis(end: f64, unit: &str) -> Axis {
    let title = format!("time since the foothold [{unit}]");
    let steps: &[f64] = match unit {
        "hours" => &[1.0, 2.0, 4.0, 6.0, 8.0, 12.0],
        "minutes" | "seconds" => &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0],
        _ => &[],
    };
    match steps.iter().find(|&&step| end / step <= 8.0) {
        Some(&step) => Axis { title, end, step, format: words::quantity },
        None => Axis { end, ..Axis::round(title, end, 1.0, words::quantity) },
    }
}

/// A name fit for a file and an identifier.
fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
