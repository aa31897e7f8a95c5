//! How far an attacker gets from one owned unit, by pivot model.

use super::frame::{Axis, Frame};
use super::label::{Pen, write};
use super::{Area, BODY, DrawResult, INK, MUTED, Plot, SMALL, colour, figure, line_width};
use crate::model::BlastRadius;
use crate::words;
use plotters::prelude::*;

const WIDTH: u32 = 1600;
const PLOT_HEIGHT: i32 = 480;
const TOP: i32 = 130;
const LEGEND_ROW: i32 = 44;

/// Draws the distribution of blast radii: for each size, the share of units from which an attacker owns at least that
/// many. The area under a line is the mean. Distributions with trusted hubs stand in a panel of their own.
///
/// `None` without distributions.
pub fn blast_radius_plot(distributions: &[BlastRadius]) -> Option<Plot> {
    let drawn: Vec<&BlastRadius> = distributions.iter().filter(|one| one.starts() > 0).collect();
    let (hubs, open): (Vec<&BlastRadius>, Vec<&BlastRadius>) = drawn.iter().copied().partition(|one| one.hubs_trusted);
    let panels: Vec<(&str, Vec<&BlastRadius>)> =
        [("Any unit can be owned", open), ("Trusted hubs are never owned", hubs)]
            .into_iter()
            .filter(|(_, held)| !held.is_empty())
            .collect();
    let rows = panels.iter().map(|(_, held)| held.len()).max()?;
    let sentences: Vec<String> = drawn.iter().map(|one| words::blast_radius(one)).collect();
    let caption = "For each number of units, the share of starting units from which an attacker ends up owning at least that \
                   many. Lines that fall early are better; the area under a line is the mean.";
    let height = TOP + PLOT_HEIGHT + 130 + LEGEND_ROW * (rows as i32 + 1);
    figure(
        "blast-radius",
        "Blast radius by pivot model",
        (caption, &sentences.join(" ")),
        (WIDTH, height.unsigned_abs()),
        |area| {
            let wide = WIDTH as i32 / panels.len() as i32;
            (0..).zip(&panels).try_for_each(|(position, (title, held))| {
                panel(area, (position * wide, wide), (panels.len() > 1).then_some(*title), held)
            })
        },
    )
}

fn panel(area: &Area<'_>, (left, wide): (i32, i32), title: Option<&str>, held: &[&BlastRadius]) -> DrawResult {
    let population = held.iter().map(|one| one.population).max().unwrap_or(1);
    let frame = Frame {
        left: left + 110,
        top: TOP,
        right: left + wide - 50,
        bottom: TOP + PLOT_HEIGHT,
        x: Axis::round("units owned in the end, at least", population as f64, 1.0, |value| words::number(value as u64)),
        y: Axis { title: "share of starting units".to_owned(), end: 1.0, step: 0.25, format: words::percent },
    };
    frame.draw(area)?;
    if let Some(title) = title {
        write(area, title, (frame.left - 60, 36), Pen::new(BODY, INK).bold())?;
    }
    for (position, one) in held.iter().enumerate() {
        let stroke = line_width(position, held.len());
        area.draw(&PathElement::new(steps(&frame, one), colour(position).stroke_width(stroke)))?;
    }
    legend(area, &frame, held)
}

/// The line, from size zero on: it falls at each size by the share of starting units that have it.
fn steps(frame: &Frame, one: &BlastRadius) -> Vec<(i32, i32)> {
    let starts = one.starts().max(1) as f64;
    let mut left = one.starts();
    let mut line = vec![frame.at(0.0, 1.0)];
    for &(size, count) in &one.sizes {
        line.push(frame.at(size as f64, left as f64 / starts));
        left = left.saturating_sub(count);
        line.push(frame.at(size as f64, left as f64 / starts));
    }
    // Many sizes fall on one pixel.
    line.dedup();
    line
}

fn legend(area: &Area<'_>, frame: &Frame, held: &[&BlastRadius]) -> DrawResult {
    let columns = (frame.left + 180, frame.right - 190, frame.right);
    let mut y = frame.bottom + 130;
    let head = Pen::new(SMALL, MUTED);
    write(area, "pivot model", (frame.left, y), head)?;
    write(area, "median", (columns.1, y), head.right())?;
    write(area, "largest", (columns.2, y), head.right())?;
    for (position, one) in held.iter().enumerate() {
        y += LEGEND_ROW;
        let stroke = line_width(position, held.len());
        let line = vec![(frame.left, y), (frame.left + 60, y)];
        area.draw(&PathElement::new(line, colour(position).stroke_width(stroke)))?;
        write(area, &one.pivot, (frame.left + 80, y), Pen::new(SMALL, INK))?;
        let size = |size: Option<u64>| {
            let size = size.unwrap_or_default();
            format!("{} ({})", words::number(size), words::percent(one.share(size)))
        };
        write(area, &size(one.median()), (columns.1, y), Pen::new(SMALL, INK).right())?;
        write(area, &size(one.max()), (columns.2, y), Pen::new(SMALL, INK).right())?;
    }
    Ok(())
}
