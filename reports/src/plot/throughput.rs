//! What an engine decides a second, beside what the memory of the machine could.

use super::frame::{Axis, Frame};
use super::label::{Pen, width, write};
use super::{Area, DrawResult, INK, MUTED, Plot, SMALL, colour, figure};
use crate::words;
use plotters::prelude::*;

const WIDTH: u32 = 1600;
const TOP: i32 = 110;
const ROW: i32 = 64;

/// A measured rate, and the bound that it is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Throughput {
    /// What was decided: `uniform, by address`.
    pub name: String,
    /// Decisions a second.
    pub decisions_per_second: u64,
    /// The decisions a second that the reads of one allow, where they are known.
    pub roofline_per_second: Option<u64>,
}

/// Draws a bar for each rate, and a mark where its roofline is. `None` without rates.
pub fn throughput_plot(design: &str, rates: &[Throughput]) -> Option<Plot> {
    if rates.is_empty() {
        return None;
    }
    let sentence = |one: &Throughput| {
        let bound = one.roofline_per_second.map_or_else(String::new, |bound| format!(" of {}", words::number(bound)));
        format!("{}: {}{bound}.", one.name, words::number(one.decisions_per_second))
    };
    let sentences: Vec<String> = rates.iter().map(sentence).collect();
    let caption = format!(
        "Decisions a second for the policy of {design}: a bar for each kind of traffic, and a mark where reading the tables \
         alone would end. It is the bound of a good implementation, not what a product does: that moves packets, too."
    );
    let height = TOP + ROW * i32::try_from(rates.len()).unwrap_or(i32::MAX / ROW - TOP) + 130;
    figure(
        "throughput",
        "Decisions a second, and what memory allows",
        (&caption, &sentences.join(" ")),
        (WIDTH, height.unsigned_abs()),
        |area| draw(area, rates, height),
    )
}

fn draw(area: &Area<'_>, rates: &[Throughput], height: i32) -> DrawResult {
    const NAME: Pen = Pen::new(SMALL, INK);
    const FIGURE: Pen = Pen::new(SMALL, MUTED);
    let room = rates.iter().map(|one| width(&one.name, NAME)).max().unwrap_or_default();
    let most = rates.iter().flat_map(|one| [Some(one.decisions_per_second), one.roofline_per_second]).flatten().max();
    let millions = |value: f64| words::number((value / 1e6) as u64);
    let x = Axis::round("million decisions a second", most.unwrap_or_default() as f64 * 1.15, 1e6, millions);
    let y = Axis { title: String::new(), end: 1.0, step: 2.0, format: |_| String::new() };
    let frame = Frame { left: room + 60, top: TOP, right: WIDTH as i32 - 60, bottom: height - 120, x, y };
    frame.draw(area)?;
    write(area, "bar: decided; mark: where reading the tables alone would end", (frame.left, TOP - 40), FIGURE)?;
    for (at, one) in (0..).zip(rates) {
        let middle = TOP + ROW * at + ROW / 2;
        let end = frame.at(one.decisions_per_second as f64, 0.0).0;
        let bar = [(frame.left, middle - 18), (end, middle + 18)];
        area.draw(&Rectangle::new(bar, colour(0).filled()))?;
        write(area, &one.name, (frame.left - 20, middle), NAME.right())?;
        let mut after = end;
        if let Some(bound) = one.roofline_per_second {
            let (mark, _) = frame.at(bound as f64, 0.0);
            area.draw(&PathElement::new(vec![(mark, middle - 26), (mark, middle + 26)], colour(1).stroke_width(6)))?;
            after = after.max(mark);
        }
        let bound = one.roofline_per_second.map_or_else(String::new, |bound| format!(" of {}", figure_of(bound)));
        let figure = format!("{}{bound}", figure_of(one.decisions_per_second));
        write(area, &figure, (after + 14, middle), FIGURE)?;
    }
    Ok(())
}

/// A rate in millions, with a decimal where it is small.
fn figure_of(rate: u64) -> String {
    let millions = rate as f64 / 1e6;
    if millions < 10.0 { format!("{millions:.1}") } else { format!("{millions:.0}") }
}
