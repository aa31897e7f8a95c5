//! Designs larger than a figure or a page can show.

use seglab_reports::*;

fn matrix(segments: usize) -> SegmentMatrix {
    let segment = |position: usize| MatrixSegment {
        name: format!("application-{position}-of-the-company"),
        // External addresses stand last, and the later segments are the larger ones.
        units: (position + 1 < segments).then_some(10 + position as u64),
    };
    let cell = |row: usize, column: usize| {
        let allowed = if (row * 7 + column * 3).is_multiple_of(5) { (row as u64 * 13) % 101 } else { 0 };
        Cell { pairs: 100, allowed: allowed.min(100), unknown: u64::from((row + column) % 17 == 3), ..Cell::default() }
    };
    SegmentMatrix {
        view: "policy".into(),
        grouping: "units by the label app".into(),
        segments: (0..segments).map(segment).collect(),
        cells: (0..segments).map(|row| (0..segments).map(|column| cell(row, column)).collect()).collect(),
    }
}

#[test]
fn a_large_matrix_shows_the_largest_segments_and_says_so() {
    let plot = segment_matrix_plot(&matrix(60)).unwrap();
    assert!(plot.caption.contains("The 24 largest of 60 segments are shown"), "{}", plot.caption);
    // The label of each shown segment stands once at its row and once at its column.
    assert_eq!(plot.svg.matches("application-").count(), 48);
}

#[test]
fn the_data_of_a_large_matrix_is_complete() {
    let report = Report { segments: Some(matrix(60)), ..Report::default() };
    assert_eq!(read_report(&report_json(&report)).unwrap().segments.unwrap().cells.len(), 60);
    assert!(html(&report).contains("all are in report.json"));
}

#[test]
fn forty_thousand_units_make_a_small_figure() {
    let sizes: Vec<(u64, u64)> = (1..=40_000).map(|size| (size, 1)).collect();
    let radius = BlastRadius { pivot: "any".into(), population: 40_000, sizes, ..BlastRadius::default() };
    assert_eq!((radius.median(), radius.max()), (Some(20_000), Some(40_000)));
    let plot = blast_radius_plot(&[radius]).unwrap();
    assert!(plot.svg.len() < 60_000, "{} bytes", plot.svg.len());
}
