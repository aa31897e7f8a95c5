//! Which segment may open connections to which, as a heat map.

use super::label::{Pen, shorten, width, write};
use super::{Area, BODY, DrawResult, GRID, INK, MUTED, Plot, SMALL, figure};
use crate::model::{Cell, SegmentMatrix};
use crate::words;
use plotters::prelude::*;

/// More rows than this cannot be read; the data keeps them all.
const SEGMENTS_MAX: usize = 24;
const WIDTH: i32 = 1600;
const LABEL_CHARACTERS: usize = 24;
const LEGEND: i32 = 120;
/// From this width on, a cell has room for what is allowed in it.
const ROOMY: i32 = 150;
/// From nothing to everything; lightness alone tells the steps apart.
const LOW: RGBColor = RGBColor(0xe7, 0xf0, 0xf8);
const HIGH: RGBColor = RGBColor(0x08, 0x3c, 0x6e);
const NOTHING: RGBColor = RGBColor(0xf6, 0xf8, 0xfa);
const UNKNOWN: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
/// Text on cells, whose colours stay on dark screens: not the frame's colours, which change there.
const ON_LIGHT: RGBColor = RGBColor(0x10, 0x14, 0x18);
const ON_DARK: RGBColor = RGBColor(0xfe, 0xfe, 0xfe);
const FAINT: RGBColor = RGBColor(0x8c, 0x95, 0x9f);

/// Draws the matrix: rows open connections to columns; a cell's depth is the share of pairs that may.
///
/// `None` without segments.
pub fn segment_matrix_plot(matrix: &SegmentMatrix) -> Option<Plot> {
    let shown = shown(matrix);
    let grid = Grid::new(matrix, &shown)?;
    let height = grid.top + grid.high * shown.len() as i32 + LEGEND;
    let mut caption = format!(
        "From each row to each column, {}: the share of ordered pairs between which some connection is allowed \
         ({} view).",
        matrix.grouping, matrix.view
    );
    if shown.len() < matrix.segments.len() {
        caption.push_str(&format!(
            " The {} largest of {} segments are shown; the data holds all.",
            shown.len(),
            matrix.segments.len()
        ));
    }
    let allowed = matrix.cells.iter().flatten().filter(|cell| cell.allowed > 0).count() as u64;
    let cells = matrix.cells.iter().flatten().filter(|cell| cell.pairs > 0).count() as u64;
    let numbers = format!("{} of {} allow something.", words::number(allowed), words::count(cells, "cell", "cells"));
    figure("segment-matrix", "Segment matrix", (&caption, &numbers), (WIDTH as u32, height.unsigned_abs()), |area| {
        heads(area, &grid)?;
        for (down, &row) in (0..).zip(&shown) {
            for (across, &column) in (0..).zip(&shown) {
                if let Some(held) = matrix.cell(row, column) {
                    let corner = (grid.left + across * grid.wide, grid.top + down * grid.high);
                    draw_cell(area, held, corner, (grid.wide, grid.high))?;
                }
            }
        }
        legend(area, grid.top + grid.high * shown.len() as i32 + 66)
    })
}

/// Where cells and labels stand. [pixels]
struct Grid {
    names: Vec<String>,
    pen: Pen,
    left: i32,
    top: i32,
    wide: i32,
    high: i32,
    /// Column labels stand upright, for they are wider than the columns.
    upright: bool,
}

impl Grid {
    fn new(matrix: &SegmentMatrix, shown: &[usize]) -> Option<Self> {
        let names: Vec<String> = shown
            .iter()
            .filter_map(|&position| matrix.segments.get(position))
            .map(|segment| {
                let units = segment.units.map_or_else(String::new, |units| format!(" ({})", words::number(units)));
                format!("{}{units}", shorten(&segment.name, LABEL_CHARACTERS))
            })
            .collect();
        let pen = Pen::new(if names.len() > 16 { SMALL - 2.0 } else { BODY }, INK);
        let longest = names.iter().map(|name| width(name, pen)).max()?;
        let left = (longest + 50).max(180);
        let wide = ((WIDTH - left - 40) / i32::try_from(names.len()).ok()?).min(250);
        let upright = longest > wide - 10;
        let top = if upright { longest + 40 } else { 90 };
        Some(Grid { names, pen, left, top, wide, high: wide.min(84), upright })
    }
}

/// The segments that are drawn: all, or external addresses and those with the most units; in their order.
fn shown(matrix: &SegmentMatrix) -> Vec<usize> {
    let mut order: Vec<usize> = (0..matrix.segments.len()).collect();
    let size = |position: usize| matrix.segments.get(position).map_or(0, |one| one.units.unwrap_or(u64::MAX));
    order.sort_by_key(|&position| std::cmp::Reverse(size(position)));
    order.truncate(SEGMENTS_MAX);
    order.sort_unstable();
    order
}

fn heads(area: &Area<'_>, grid: &Grid) -> DrawResult {
    write(area, "from ↓  to →", (grid.left - 16, grid.top - 28), Pen::new(SMALL, MUTED).right())?;
    for (place, name) in (0..).zip(&grid.names) {
        write(area, name, (grid.left - 16, grid.top + place * grid.high + grid.high / 2), grid.pen.right())?;
        let middle = grid.left + place * grid.wide + grid.wide / 2;
        let pen = if grid.upright { grid.pen.upward() } else { grid.pen.centre() };
        write(area, name, (middle, grid.top - if grid.upright { 16 } else { 28 }), pen)?;
    }
    Ok(())
}

fn draw_cell(area: &Area<'_>, held: &Cell, (x, y): (i32, i32), (wide, high): (i32, i32)) -> DrawResult {
    let inner = [(x + 2, y + 2), (x + wide - 2, y + high - 2)];
    let Some(share) = held.share() else {
        // No pair, as between a single unit and itself.
        return outline(area, inner, GRID, 2);
    };
    area.draw(&Rectangle::new(inner, shade(share).filled()))?;
    if held.unknown > 0 {
        outline(area, [(x + 5, y + 5), (x + wide - 5, y + high - 5)], UNKNOWN, 6)?;
    }
    // There is no room for all digits of a small share.
    let shown = if share < 0.001 { "<0.1%".to_owned() } else { words::percent(share) };
    let text = match (held.unknown > 0, held.allowed) {
        (true, 0) => "?".to_owned(),
        // The edge says that some are unknown; the mark has no room beside the share in a small cell.
        (true, _) if wide < ROOMY => shown,
        (true, _) => format!("{shown} ?"),
        (false, 0) => "–".to_owned(),
        (false, _) => shown,
    };
    let colour = if held.allowed == 0 && held.unknown == 0 {
        FAINT
    } else if share > 0.55 {
        ON_DARK
    } else {
        ON_LIGHT
    };
    let pen = Pen::new(SMALL.min(f64::from(wide) * 0.30), colour).centre();
    let middle = (x + wide / 2, y + high / 2);
    if wide < ROOMY || held.connections.is_empty() {
        return write(area, &text, middle, pen);
    }
    write(area, &text, (middle.0, middle.1 - 15), pen.bold())?;
    let small = Pen { size: 18.0, ..pen };
    let characters = (f64::from(wide - 24) / (small.size * 0.6)) as usize;
    write(area, &shorten(&held.connections, characters), (middle.0, middle.1 + 17), small)
}

/// A rectangle's edge; the library draws that of its own rectangles one pixel wide.
fn outline(area: &Area<'_>, [from, to]: [(i32, i32); 2], colour: RGBColor, stroke: u32) -> DrawResult {
    let corners = vec![from, (to.0, from.1), to, (from.0, to.1), from, (from.0 + 1, from.1)];
    area.draw(&PathElement::new(corners, colour.stroke_width(stroke)))
}

fn shade(share: f64) -> RGBColor {
    if share <= 0.0 {
        return NOTHING;
    }
    let mix = |low: u8, high: u8| (f64::from(low) + (f64::from(high) - f64::from(low)) * share).round() as u8;
    RGBColor(mix(LOW.0, HIGH.0), mix(LOW.1, HIGH.1), mix(LOW.2, HIGH.2))
}

fn legend(area: &Area<'_>, y: i32) -> DrawResult {
    let pen = Pen::new(SMALL, MUTED);
    write(area, "share of pairs allowed", (40, y), pen)?;
    let mut x = 330;
    for (share, text) in [(0.0, "none"), (0.01, ">0%"), (0.25, "25%"), (0.5, "50%"), (0.75, "75%"), (1.0, "100%")] {
        let block = [(x, y - 16), (x + 32, y + 16)];
        area.draw(&Rectangle::new(block, shade(share).filled()))?;
        outline(area, block, GRID, 2)?;
        write(area, text, (x + 44, y), pen)?;
        x += 136;
    }
    outline(area, [(x + 40, y - 14), (x + 68, y + 14)], UNKNOWN, 6)?;
    write(area, "some pairs unknown", (x + 84, y), pen)
}
