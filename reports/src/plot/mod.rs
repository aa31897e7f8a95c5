//! Plots as stand-alone SVG: no script, no font file, no request.
//!
//! Figures are drawn in light colours. Each carries a style sheet that exchanges the few colours of its frame where the
//! reader's screen is dark; colours that mean something stay, and are told apart by colour-blind readers (Okabe and
//! Ito's palette), by line style and by label. Coordinates are whole pixels of a canvas about twice as large as it is shown.

mod blast_radius;
mod comparison;
mod compromise;
mod frame;
mod label;
mod matrix;
mod throughput;
mod tornado;

pub use blast_radius::blast_radius_plot;
pub use comparison::comparison_plot;
pub use compromise::compromise_plot;
pub use matrix::segment_matrix_plot;
pub use throughput::{Throughput, throughput_plot};
pub use tornado::tornado_plot;

use crate::model::Report;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::collections::BTreeSet;
use std::io;

/// A drawn figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// Its name, unique in a report: `segment-matrix`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// What it shows in numbers, for those who do not see it.
    pub description: String,
    /// The SVG document.
    pub svg: String,
}

impl Plot {
    /// The name of its file in a report's folder.
    pub fn file_name(&self) -> String {
        format!("{}.svg", self.id)
    }
}

/// Every plot that a report has data for: the comparison of designs first.
pub fn plots(report: &Report) -> Vec<Plot> {
    let mut plots: Vec<Plot> = report.comparison.iter().filter_map(comparison_plot).collect();
    plots.extend(report.sensitivity.iter().filter_map(tornado_plot));
    plots.extend(blast_radius_plot(&report.blast_radius));
    plots.extend(report.segments.iter().filter_map(segment_matrix_plot));
    let attackers: BTreeSet<&str> = report.simulations.iter().map(|one| one.attacker.as_str()).collect();
    plots.extend(attackers.into_iter().filter_map(|attacker| compromise_plot(&report.simulations, attacker)));
    plots
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failure = DrawingAreaErrorKind<io::Error>;
type DrawResult = Result<(), Failure>;

/// Colours of the frame: the style sheet exchanges them on dark screens.
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const MUTED: RGBColor = RGBColor(0x59, 0x63, 0x6e);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);

/// Colours that mean something (Okabe and Ito), in the order in which they are given out; the dash tells them apart, too.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

const FONT: &str = "system-ui, sans-serif";
/// Type sizes. [pixels of the canvas; plotters' sizes are larger by 1.24]
const BODY: f64 = 25.0;
const SMALL: f64 = 22.0;

const STYLE: &str = "@media screen and (prefers-color-scheme: dark) {\
svg.plot [fill=\"#FFFFFF\"]{fill:#161b22}\
svg.plot [fill=\"#1F2328\"]{fill:#e6edf3}svg.plot [stroke=\"#1F2328\"]{stroke:#e6edf3}\
svg.plot [fill=\"#59636E\"]{fill:#9da7b1}svg.plot [stroke=\"#59636E\"]{stroke:#9da7b1}\
svg.plot [fill=\"#D8DEE4\"]{fill:#3d444d}svg.plot [stroke=\"#D8DEE4\"]{stroke:#3d444d}}";

fn colour(position: usize) -> RGBColor {
    PALETTE.get(position % PALETTE.len()).copied().unwrap_or(INK)
}

/// The width of the line at `position` of `count`: lines that coincide stay visible, for each is thinner than the one
/// below it.
fn line_width(position: usize, count: usize) -> u32 {
    [4, 7, 11, 15].get(count.saturating_sub(position + 1)).copied().unwrap_or(15)
}

/// Draws a figure. Drawing into memory cannot fail: `None` would mean a defect of the library that draws.
fn figure(
    id: &str,
    title: &str,
    (caption, numbers): (&str, &str),
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> DrawResult,
) -> Option<Plot> {
    let description = format!("{caption} {numbers}").trim().to_owned();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&PAPER).ok()?;
        draw(&area).ok()?;
        area.present().ok()?;
    }
    let body = svg.split_once(">\n").map(|(_, body)| body)?;
    let svg = format!(
        "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n\
         <style>{STYLE}</style>\n{body}",
        size.0,
        size.1,
        escape(title),
        escape(&description),
    );
    Some(Plot { id: id.to_owned(), title: title.to_owned(), caption: caption.to_owned(), description, svg })
}

/// Text as XML: what XML cannot hold, and what would reorder the text around it, is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|&c| !crate::words::is_hidden(c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
