//! Designs side by side: what each lets an attacker take, against the work that it breaks.

use super::frame::{Axis, Frame};
use super::label::{Block, Pen, free_place, shorten, width, write};
use super::{Area, BODY, DrawResult, Failure, INK, MUTED, Plot, SMALL, colour, figure};
use crate::model::{Comparison, DesignOutcome};
use crate::words;
use plotters::prelude::*;

const WIDTH: u32 = 1600;
const HEIGHT: u32 = 900;

/// Draws one point per design: broken needs across, median blast radius upward, with a whisker to the largest one.
/// Lower left is better.
///
/// `None` without designs.
pub fn comparison_plot(comparison: &Comparison) -> Option<Plot> {
    if comparison.designs.is_empty() {
        return None;
    }
    let sentences: Vec<String> = comparison
        .designs
        .iter()
        .map(|one| {
            format!(
                "{}: median blast radius {}, largest {}, {} of {} needed flows broken.",
                one.design,
                words::percent(one.share(one.blast_radius_median)),
                words::percent(one.share(one.blast_radius_max)),
                words::number(one.needs_broken),
                words::number(one.needs),
            )
        })
        .collect();
    let caption = format!(
        "Each design by the needed flows that it breaks and the share of units that one owned unit leads to (pivot {}, \
         {} view, trust {}): a mark at the median, a whisker to the largest. Lower left is better.",
        comparison.pivot, comparison.view, comparison.trust,
    );
    let title = "Designs compared: blast radius against broken needs";
    figure("comparison", title, (&caption, &sentences.join(" ")), (WIDTH, HEIGHT), |area| draw(area, comparison))
}

fn draw(area: &Area<'_>, comparison: &Comparison) -> DrawResult {
    let broken = comparison.designs.iter().map(|one| one.needs_broken).max().unwrap_or_default();
    let mut x =
        Axis::round("needed flows that the design breaks", broken as f64, 1.0, |value| words::number(value as u64));
    // Room on the right, so that the label of the last design has a place beside it.
    x.end *= 1.6;
    let y = Axis { title: "blast radius, share of all units".to_owned(), end: 1.0, step: 0.25, format: words::percent };
    let frame = Frame { left: 150, top: 100, right: WIDTH as i32 - 60, bottom: HEIGHT as i32 - 120, x, y };
    frame.draw(area)?;
    let inside = Block { left: frame.left, top: frame.top, right: frame.right, bottom: frame.bottom - 4 };
    let marks = marks(&frame, comparison);
    let better = (frame.left + 24, frame.bottom - 24);
    write(area, "↙ better", better, Pen::new(SMALL, MUTED))?;
    let mut taken = vec![Block { left: better.0, top: better.1 - 16, right: better.0 + 110, bottom: better.1 + 16 }];
    for mark in &marks {
        taken.push(Block::around(mark.median, 16));
        taken.push(Block {
            left: mark.largest.0 - 12,
            top: mark.largest.1,
            right: mark.largest.0 + 12,
            bottom: mark.median.1,
        });
    }
    // From the right: of marks that stand side by side, the last has the free side.
    for (position, (mark, one)) in marks.iter().zip(&comparison.designs).enumerate().rev() {
        mark.draw(area, position)?;
        let place = label(area, one, mark, &taken, inside)?;
        taken.push(place);
    }
    Ok(())
}

/// Writes name and figures of a design beside its mark, with a line to it where something else stands between.
fn label(area: &Area<'_>, one: &DesignOutcome, mark: &Mark, taken: &[Block], inside: Block) -> Result<Block, Failure> {
    const NAME: Pen = Pen::new(BODY, INK).bold();
    const FIGURES: Pen = Pen::new(SMALL, MUTED);
    let name = shorten(&one.design, 30);
    let figures = format!(
        "{} median, {} largest",
        words::percent(one.share(one.blast_radius_median)),
        words::percent(one.share(one.blast_radius_max))
    );
    let wide = width(&name, NAME).max(width(&figures, FIGURES));
    let place = free_place(mark.median, (wide, 66), taken, inside);
    let beside = (place.top + place.bottom) / 2 - mark.median.1;
    let near = if place.left > mark.median.0 { place.left - 8 } else { place.right + 8 };
    if beside.abs() > 20 || (near - mark.median.0).abs() > 60 {
        let line = vec![(near, (place.top + place.bottom) / 2), mark.median];
        area.draw(&PathElement::new(line, MUTED.stroke_width(2)))?;
    }
    write(area, &name, (place.left, place.top + 18), NAME)?;
    write(area, &figures, (place.left, place.top + 48), FIGURES)?;
    Ok(place)
}

struct Mark {
    median: (i32, i32),
    largest: (i32, i32),
}

/// Where the marks stand. Designs that break equally many needs stand beside each other, lest their whiskers coincide.
fn marks(frame: &Frame, comparison: &Comparison) -> Vec<Mark> {
    let mut before = std::collections::BTreeMap::new();
    comparison
        .designs
        .iter()
        .map(|one| {
            let place: &mut i32 = before.entry(one.needs_broken).or_default();
            let beside = 22 + 44 * *place;
            *place += 1;
            let at = |size: u64| {
                let (x, y) = frame.at(one.needs_broken as f64, one.share(size));
                (x + beside, y)
            };
            Mark { median: at(one.blast_radius_median), largest: at(one.blast_radius_max) }
        })
        .collect()
}

impl Mark {
    fn draw(&self, area: &Area<'_>, position: usize) -> DrawResult {
        let colour = colour(position);
        area.draw(&PathElement::new(vec![self.median, self.largest], colour.stroke_width(4)))?;
        let (x, y) = self.largest;
        area.draw(&PathElement::new(vec![(x - 10, y), (x + 10, y)], colour.stroke_width(4)))?;
        let (x, y) = self.median;
        match position % 3 {
            0 => area.draw(&Circle::new((x, y), 14, colour.filled())),
            1 => area.draw(&Rectangle::new([(x - 12, y - 12), (x + 12, y + 12)], colour.filled())),
            _ => area.draw(&Polygon::new(vec![(x, y - 17), (x + 16, y + 11), (x - 16, y + 11)], colour.filled())),
        }
    }
}
