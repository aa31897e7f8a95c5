//! Text in figures: style, width, and places where labels do not cover each other.

use super::{Area, DrawResult, FONT};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// How text is drawn.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub(super) size: f64,
    pub(super) colour: RGBColor,
    pub(super) across: HPos,
    pub(super) upward: bool,
    pub(super) bold: bool,
}

impl Pen {
    pub(super) const fn new(size: f64, colour: RGBColor) -> Self {
        Pen { size, colour, across: HPos::Left, upward: false, bold: false }
    }

    pub(super) const fn right(self) -> Self {
        Pen { across: HPos::Right, ..self }
    }

    pub(super) const fn centre(self) -> Self {
        Pen { across: HPos::Center, ..self }
    }

    pub(super) const fn upward(self) -> Self {
        Pen { upward: true, ..self }
    }

    pub(super) const fn bold(self) -> Self {
        Pen { bold: true, ..self }
    }
}

/// Writes text with its vertical centre at `at`.
pub(super) fn write(area: &Area<'_>, text: &str, at: (i32, i32), pen: Pen) -> DrawResult {
    let style = if pen.bold { FontStyle::Bold } else { FontStyle::Normal };
    let mut font = FontDesc::new(FontFamily::Name(FONT), pen.size * 1.24, style);
    if pen.upward {
        font = font.transform(FontTransform::Rotate270);
    }
    let shown: String = text.chars().filter(|&c| !crate::words::is_hidden(c)).collect();
    let style = TextStyle::from(font).color(&pen.colour).pos(Pos::new(pen.across, VPos::Center));
    area.draw_text(&shown, &style, at)
}

/// About how wide text is, on the generous side; nobody knows the reader's font.
pub(super) fn width(text: &str, pen: Pen) -> i32 {
    let em = if pen.bold { 0.66 } else { 0.6 };
    (text.chars().count() as f64 * pen.size * em).ceil() as i32
}

/// The text cut to a number of characters; what is cut is marked.
pub(super) fn shorten(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(characters.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Moves heights apart until neighbours are at least `gap` apart, inside `[top, bottom]`; keeps their order. Returns them in
/// the order given.
pub(super) fn spread(wanted: &[i32], gap: i32, top: i32, bottom: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&position| (wanted.get(position).copied(), position));
    let mut placed = wanted.to_vec();
    let mut floor = top;
    for &position in &order {
        if let Some(height) = placed.get_mut(position) {
            *height = (*height).max(floor);
            floor = *height + gap;
        }
    }
    let mut ceiling = bottom;
    for &position in order.iter().rev() {
        if let Some(height) = placed.get_mut(position) {
            *height = (*height).min(ceiling);
            ceiling = *height - gap;
        }
    }
    placed
}

/// A rectangle that labels may not cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Block {
    pub(super) fn around(at: (i32, i32), reach: i32) -> Self {
        Block { left: at.0 - reach, top: at.1 - reach, right: at.0 + reach, bottom: at.1 + reach }
    }

    fn overlap(self, other: Block) -> i64 {
        let across = (self.right.min(other.right) - self.left.max(other.left)).max(0);
        let down = (self.bottom.min(other.bottom) - self.top.max(other.top)).max(0);
        i64::from(across) * i64::from(down)
    }

    fn outside(self, other: Block) -> i64 {
        let area = |block: Block| i64::from(block.right - block.left) * i64::from(block.bottom - block.top);
        area(self) - self.overlap(other)
    }
}

/// The place for a label of this size beside a point: near it, inside, and clear of what is there.
pub(super) fn free_place(point: (i32, i32), size: (i32, i32), taken: &[Block], inside: Block) -> Block {
    const REACH: i32 = 34;
    let (wide, high) = size;
    let place = |down: i32, left: i32| {
        let top = point.1 - high / 2 + down * 12;
        Block { left, top, right: left + wide, bottom: top + high }
    };
    let places = (0..=40).flat_map(|step| [step, -step]).flat_map(|down| {
        [REACH, 100, 180].into_iter().flat_map(move |reach| {
            [(down, reach, place(down, point.0 + reach)), (down, reach, place(down, point.0 - reach - wide))]
        })
    });
    let cost = |&(down, reach, place): &(i32, i32, Block)| {
        let covered: i64 = taken.iter().map(|&block| place.overlap(block)).sum();
        100 * covered + 400 * place.outside(inside) + i64::from(down.abs() * 40 + reach * 3)
    };
    places.min_by_key(cost).map_or_else(|| place(0, point.0 + REACH), |(_, _, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        assert_eq!(spread(&[100, 100, 98], 10, 0, 200), [108, 118, 98]);
        assert_eq!(spread(&[200, 200], 10, 0, 200), [190, 200]);
        assert_eq!(spread(&[50, 10], 10, 0, 200), [50, 10]);
    }

    #[test]
    fn two_labels_at_one_point_do_not_overlap() {
        let inside = Block { left: 0, top: 0, right: 1000, bottom: 1000 };
        let first = free_place((500, 500), (100, 30), &[], inside);
        let second = free_place((500, 500), (100, 30), &[first], inside);
        assert_eq!(first.overlap(second), 0);
        let corner = free_place((995, 5), (100, 30), &[], inside);
        assert_eq!(corner.outside(inside), 0);
    }

    #[test]
    fn shortened_text_says_so() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
    }
}
