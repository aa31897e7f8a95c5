//! Two linear axes with round ticks, titles and a grid.

use super::label::{Pen, write};
use super::{Area, DrawResult, GRID, INK, MUTED, SMALL};
use plotters::prelude::*;

/// An axis from zero.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) title: String,
    /// The value at the far end.
    pub(super) end: f64,
    pub(super) step: f64,
    pub(super) format: fn(f64) -> String,
}

impl Axis {
    /// An axis from 0 to at least `end` whose ticks are 1, 2 or 5 times a power of ten apart, no finer than `finest`.
    pub(super) fn round(title: impl Into<String>, end: f64, finest: f64, format: fn(f64) -> String) -> Self {
        let end = if end > 0.0 { end } else { finest };
        let mut step = finest;
        let mut factors = [2.0, 2.5, 2.0].into_iter().cycle();
        while end / step > 6.5
            && let Some(factor) = factors.next()
        {
            step *= factor;
        }
        Axis { title: title.into(), end: (end / step - 1e-9).ceil().max(1.0) * step, step, format }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        (0..).map(|position| f64::from(position) * self.step).take_while(|&value| value <= self.end * 1.000_001)
    }
}

/// The rectangle that data is drawn into. [pixels]
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    /// Where a pair of values is drawn.
    pub(super) fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let across = f64::from(self.right - self.left) * (x / self.x.end).clamp(0.0, 1.0);
        let up = f64::from(self.bottom - self.top) * (y / self.y.end).clamp(0.0, 1.0);
        (self.left + across.round() as i32, self.bottom - up.round() as i32)
    }

    /// Draws grid, ticks and titles.
    pub(super) fn draw(&self, area: &Area<'_>) -> DrawResult {
        let tick = Pen::new(SMALL, MUTED);
        for value in self.y.ticks() {
            let (_, y) = self.at(0.0, value);
            area.draw(&PathElement::new(vec![(self.left, y), (self.right, y)], GRID.stroke_width(2)))?;
            write(area, &(self.y.format)(value), (self.left - 14, y), tick.right())?;
        }
        for value in self.x.ticks() {
            let (x, _) = self.at(value, 0.0);
            area.draw(&PathElement::new(vec![(x, self.bottom), (x, self.bottom + 8)], MUTED.stroke_width(2)))?;
            write(area, &(self.x.format)(value), (x, self.bottom + 30), tick.centre())?;
        }
        area.draw(&PathElement::new(vec![(self.left, self.bottom), (self.right, self.bottom)], MUTED.stroke_width(3)))?;
        let title = Pen::new(SMALL, INK).centre();
        write(area, &self.x.title, ((self.left + self.right) / 2, self.bottom + 72), title)?;
        // Titles of the vertical axis stand upright above it: nobody reads well with a tilted head.
        write(area, &self.y.title, (self.left - 60, self.top - 40), Pen::new(SMALL, INK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(end: f64, finest: f64) -> (f64, f64) {
        let axis = Axis::round("", end, finest, |value| value.to_string());
        (axis.end, axis.step)
    }

    #[test]
    fn axes_end_on_a_round_tick_at_or_after_the_data() {
        assert_eq!(ends(60.0, 1.0), (60.0, 10.0));
        assert_eq!(ends(61.0, 1.0), (70.0, 10.0));
        assert_eq!(ends(66.0, 1.0), (80.0, 20.0));
        assert_eq!(ends(3.0, 1.0), (3.0, 1.0));
        assert_eq!(ends(0.0, 1.0), (1.0, 1.0));
        assert_eq!(ends(40_000.0, 1.0), (40_000.0, 10_000.0));
    }
}
