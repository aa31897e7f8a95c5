//! Which segment may open connections to which, as a heat map.

use super::label::{Pen, shorten, write};
use super::{Area, BODY, DrawResult, GRID, INK, MUTED, Plot, SMALL, figure};
use crate::model::{Cell, SegmentMatrix};
use crate::words;
use plotters::prelude::*;

/// More rows than this cannot be read; the data keeps them all.
const SEGMENTS_MAX: usize = 24;
const WIDTH: i32 = 1600;
const LABEL: i32 = 380;
const LABEL_CHARACTERS: usize = 24;
const LEGEND: i32 = 110;
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
    let cell = (WIDTH - LABEL - 40) / i32::try_from(shown.len()).ok().filter(|&count| count > 0)?;
    let cell = cell.min(104);
    let height = LABEL + cell * shown.len() as i32 + LEGEND;
    let mut description = format!(
        "From each row to each column, {}: the share of ordered pairs between which some connection is allowed \
         ({} view).",
        matrix.grouping, matrix.view
    );
    if shown.len() < matrix.segments.len() {
        description.push_str(&format!(
            " The {} largest of {} segments are shown; the data holds all.",
            shown.len(),
            matrix.segments.len()
        ));
    }
    figure("segment-matrix", "Segment matrix", &description, (WIDTH as u32, height.unsigned_abs()), |area| {
        heads(area, matrix, &shown, cell)?;
        for (down, &row) in (0..).zip(&shown) {
            for (across, &column) in (0..).zip(&shown) {
                if let Some(held) = matrix.cell(row, column) {
                    draw_cell(area, held, (LABEL + across * cell, LABEL + down * cell), cell)?;
                }
            }
        }
        legend(area, LABEL + cell * shown.len() as i32 + 60)
    })
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

fn heads(area: &Area<'_>, matrix: &SegmentMatrix, shown: &[usize], cell: i32) -> DrawResult {
    write(area, "from ↓  to →", (LABEL - 20, LABEL - 26), Pen::new(SMALL, MUTED).right())?;
    let size = BODY.min(f64::from(cell) * 0.62);
    for (place, segment) in (0..).zip(shown.iter().filter_map(|&position| matrix.segments.get(position))) {
        let units = segment.units.map_or_else(String::new, |units| format!(" ({})", words::number(units)));
        let name = format!("{}{units}", shorten(&segment.name, LABEL_CHARACTERS));
        let middle = LABEL + place * cell + cell / 2;
        write(area, &name, (LABEL - 16, middle), Pen::new(size, INK).right())?;
        write(area, &name, (middle, LABEL - 16), Pen::new(size, INK).upward())?;
    }
    Ok(())
}

fn draw_cell(area: &Area<'_>, held: &Cell, (x, y): (i32, i32), cell: i32) -> DrawResult {
    let inner = [(x + 2, y + 2), (x + cell - 2, y + cell - 2)];
    let Some(share) = held.share() else {
        // No pair, as between a single unit and itself.
        return area.draw(&Rectangle::new(inner, GRID.stroke_width(2)));
    };
    area.draw(&Rectangle::new(inner, shade(share).filled()))?;
    let middle = (x + cell / 2, y + cell / 2);
    let size = SMALL.min(f64::from(cell) * 0.30);
    if held.unknown > 0 {
        area.draw(&Rectangle::new(inner, UNKNOWN.stroke_width(5)))?;
    }
    let text = match (held.unknown > 0, held.allowed) {
        (true, 0) => "?".to_owned(),
        (true, _) => format!("{}?", words::percent(share)),
        (false, 0) => "–".to_owned(),
        (false, _) => words::percent(share),
    };
    let colour = if held.allowed == 0 && held.unknown == 0 {
        FAINT
    } else if share > 0.45 {
        ON_DARK
    } else {
        ON_LIGHT
    };
    write(area, &text, middle, Pen::new(size, colour).centre())
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
    let mut x = LABEL;
    for (share, text) in [(0.0, "none"), (0.01, ">0%"), (0.25, "25%"), (0.5, "50%"), (0.75, "75%"), (1.0, "all")] {
        area.draw(&Rectangle::new([(x, y - 16), (x + 32, y + 16)], shade(share).filled()))?;
        write(area, text, (x + 42, y), pen)?;
        x += 130;
    }
    write(area, "of pairs allowed", (x, y), pen)?;
    area.draw(&Rectangle::new([(x + 230, y - 16), (x + 262, y + 16)], UNKNOWN.stroke_width(5)))?;
    write(area, "some unknown", (x + 276, y), pen)
}
