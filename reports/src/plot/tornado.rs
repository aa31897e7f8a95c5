//! What a comparison hangs on: one number at a time, the one first that moves most.

use super::frame::{Axis, Frame};
use super::label::{Pen, shorten, width, write};
use super::{Area, BODY, DrawResult, INK, MUTED, Plot, SMALL, colour, figure};
use crate::model::{Sensitivity, VariedDesign, VariedOutcome};
use crate::sensitivity::flips;
use plotters::prelude::*;
use plotters::style::RGBColor;

const WIDTH: u32 = 1600;
const TOP: i32 = 110;
const ROW: i32 = 76;
/// Half the height of a row's bars.
const BAR: i32 = 26;
/// Below the last row of a panel: the axis and its title.
const FOOT: i32 = 130;
const NAME: Pen = Pen::new(SMALL, INK);
const FIGURE: Pen = Pen::new(SMALL, MUTED);

/// One design against the first, or alone.
struct Panel<'a> {
    title: String,
    axis: &'static str,
    /// As declared.
    declared: f64,
    /// What is marked beside that: where a design is as bad as the first.
    even: Option<f64>,
    /// The widest first.
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'a str,
    bars: Vec<Bar<'a>>,
}

struct Bar<'a> {
    label: &'a str,
    value: f64,
    flips: bool,
}

/// Draws for each design but the first how its ratio to that moves with each number; of one design alone, how the mean number
/// of units owned does. `None` where nothing was changed.
pub fn tornado_plot(of: &Sensitivity) -> Option<Plot> {
    let panels = panels(of);
    if panels.iter().all(|panel| panel.rows.is_empty()) {
        return None;
    }
    let caption = format!(
        "One number changed at a time, the one first that moves most: the upper bar is the first end of its range, the lower bar \
         the second, each from what is so as declared. {}",
        flips(of)
    );
    let sentences: Vec<String> = panels.iter().flat_map(sentences).collect();
    let height = panels.iter().map(Panel::height).sum::<i32>();
    let size = (WIDTH, height.unsigned_abs());
    figure("tornado", "What this hangs on", (caption.trim(), &sentences.join(" ")), size, |area| {
        let mut top = 0;
        for panel in &panels {
            panel.draw(area, top)?;
            top += panel.height();
        }
        Ok(())
    })
}

fn panels(of: &Sensitivity) -> Vec<Panel<'_>> {
    let first = of.declared.first();
    let others = of.declared.len() > 1;
    let of_design = |(at, design): (usize, &VariedDesign)| {
        let value = |design: &VariedDesign| if others { design.ratio } else { design.compromised.value };
        let bar = |end: &'_ VariedOutcome| end.designs.get(at).map(|design| (value(design), design.flips));
        let mut rows: Vec<Row<'_>> = Vec::new();
        for outcome in &of.detection {
            let bars = bar(outcome).map(|(value, flips)| Bar { label: "", value, flips });
            rows.push(Row { name: &outcome.change, bars: bars.into_iter().collect() });
        }
        for range in &of.ranges {
            let bars = range
                .ends
                .iter()
                .filter_map(|end| bar(end).map(|(value, flips)| Bar { label: &end.change, value, flips }));
            rows.push(Row { name: &range.parameter, bars: bars.collect() });
        }
        let declared = value(design);
        rows.sort_by(|one, other| other.swing(declared).total_cmp(&one.swing(declared)));
        let title = match first.filter(|_| others) {
            Some(first) => format!("{} against {}", shorten(&design.design, 34), shorten(&first.design, 34)),
            None => shorten(&design.design, 70),
        };
        let axis =
            if others { "units owned, as a share of the first design's" } else { "units owned, mean of all replicas" };
        Panel { title, axis, declared, even: others.then_some(1.0), rows }
    };
    of.declared.iter().enumerate().skip(usize::from(others)).map(of_design).collect()
}

fn sentences<'a>(panel: &'a Panel<'_>) -> impl Iterator<Item = String> + 'a {
    let ends = |row: &Row<'_>| {
        let ends = row.bars.iter().map(|bar| {
            let flips = if bar.flips { ", flips" } else { "" };
            let label = if bar.label.is_empty() { String::new() } else { format!(" at {}", bar.label) };
            format!("{:.2}{label}{flips}", bar.value)
        });
        ends.collect::<Vec<_>>().join(" and ")
    };
    let declared = std::iter::once(format!("{}: {:.2} as declared.", panel.title, panel.declared));
    declared.chain(panel.rows.iter().map(move |row| format!("{}: {}.", row.name, ends(row))))
}

impl Row<'_> {
    /// From the lowest of its values and what is so as declared to the highest.
    fn swing(&self, declared: f64) -> f64 {
        let values = || self.bars.iter().map(|bar| bar.value).chain([declared]);
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    }
}

impl Panel<'_> {
    fn height(&self) -> i32 {
        TOP + ROW * i32::try_from(self.rows.len()).unwrap_or(i32::MAX / ROW / 8) + FOOT
    }

    fn draw(&self, area: &Area<'_>, top: i32) -> DrawResult {
        let room = self.rows.iter().map(|row| width(row.name, NAME)).max().unwrap_or_default();
        let most = self.rows.iter().flat_map(|row| &row.bars).map(|bar| bar.value).chain(self.even);
        // Room on either side, so that the label of the longest bar has a place beside it.
        let most = most.fold(self.declared, f64::max) * 1.15;
        let x = Axis::round(self.axis, most, 0.01, |value| format!("{}", (value * 100.0).round() / 100.0));
        let y = Axis { title: String::new(), end: 1.0, step: 2.0, format: |_| String::new() };
        let (left, bottom) = (room + 200, top + self.height() - FOOT);
        let frame = Frame { left, top: top + TOP, right: WIDTH as i32 - 120, bottom, x, y };
        frame.draw(area)?;
        write(area, &self.title, (30, top + 36), Pen::new(BODY, INK).bold())?;
        let at = |value: f64| frame.at(value, 0.0).0;
        if let Some(even) = self.even {
            let line = vec![(at(even), frame.top), (at(even), bottom)];
            area.draw(&PathElement::new(line, MUTED.stroke_width(2)))?;
            write(area, "as bad as the first", (at(even), frame.top - 22), FIGURE.centre())?;
        }
        for (number, row) in (0..).zip(&self.rows) {
            let middle = frame.top + ROW * number + ROW / 2;
            write(area, row.name, (room + 30, middle), NAME.right())?;
            for (position, bar) in row.bars.iter().enumerate() {
                let (above, below) = match (row.bars.len(), position) {
                    (1, _) => (middle - BAR / 2, middle + BAR / 2),
                    (_, 0) => (middle - BAR, middle),
                    _ => (middle, middle + BAR),
                };
                bar.draw(area, (at(self.declared), at(bar.value)), (above, below), colour(position))?;
            }
        }
        let line = vec![(at(self.declared), frame.top - 8), (at(self.declared), bottom)];
        area.draw(&PathElement::new(line, INK.stroke_width(4)))?;
        write(area, &format!("as declared: {:.2}", self.declared), (30, top + 76), FIGURE)
    }
}

impl Bar<'_> {
    /// Draws it from what is declared to its value, with its label beyond.
    fn draw(
        &self,
        area: &Area<'_>,
        (from, to): (i32, i32),
        (above, below): (i32, i32),
        colour: RGBColor,
    ) -> DrawResult {
        area.draw(&Rectangle::new([(from.min(to), above), (from.max(to), below)], colour.filled()))?;
        let flips = if self.flips { "flips" } else { "" };
        let label = [self.label, flips].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let pen = if self.flips { NAME.bold() } else { FIGURE };
        let middle = (above + below) / 2;
        match to < from {
            true => write(area, &label, (to - 12, middle), pen.right()),
            false => write(area, &label, (to + 12, middle), pen),
        }
    }
}
