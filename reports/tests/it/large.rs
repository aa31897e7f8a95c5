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

/// A property with so many findings, each with an attack of so many hops.
fn violated(findings: usize, hops: usize) -> Verification {
    let place = Location { path: "policies/a.yaml".into(), line: 7, column: 3 };
    let hop = Hop {
        source: "web".into(),
        destination: "db".into(),
        service: "tcp/5432".into(),
        outcome: Outcome::Allowed,
        deciders: vec![Decider { point: "agents".into(), stands: true, location: Some(place), ..Decider::default() }],
        ..Hop::default()
    };
    let finding = |at: usize| Finding {
        fingerprint: format!("{at:032x}"),
        from: format!("segment-{at}"),
        to: "pci".into(),
        count: at as u64 + 1,
        verdict: Verdict::Violated,
        // The first ones are known: what is new must not be what is left out.
        state: if at < findings / 2 { FindingState::Known } else { FindingState::New },
        counterexample: Some(Counterexample {
            summary: "x".into(),
            hops: vec![hop.clone(); hops],
            ..Counterexample::default()
        }),
        ..Finding::default()
    };
    let property = Property {
        id: "apart".into(),
        kind: "isolated".into(),
        verdict: Verdict::Violated,
        findings: (0..findings).map(finding).collect(),
        ..Property::default()
    };
    Verification {
        design: "large".into(),
        verdict: Verdict::Violated,
        properties: vec![property],
        ..Verification::default()
    }
}

#[test]
fn sarif_stays_within_the_limits_of_code_scanning() {
    for (findings, hops) in [(20_000, 1), (2_000, 40), (3, 2_000)] {
        let text = sarif(&violated(findings, hops));
        assert!(text.len() < 10_000_000, "{findings} findings: {} bytes", text.len());
        let log: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
        let run = &log.runs[0];
        let results = run.results.as_ref().unwrap();
        assert!(!results.is_empty() && results.len() <= 5_000);
        assert_eq!(results[0].baseline_state, Some("new".into()));
        let left_out = run.properties.as_ref().unwrap().additional_properties.get("resultsLeftOut");
        let left_out = left_out.map_or(0, |number| number.as_u64().unwrap());
        assert_eq!(left_out + results.len() as u64, findings as u64);
        assert_eq!(text.contains("left out, to stay within the limits"), left_out > 0);
        for result in results {
            assert!(result.related_locations.as_ref().unwrap().len() <= 100);
            assert!(result.code_flows.as_ref().unwrap()[0].thread_flows[0].locations.len() <= 1_000);
        }
    }
}

#[test]
fn long_lists_of_findings_are_cut_in_pages_and_whole_in_data() {
    let of = violated(300, 1);
    assert!(text(&of, Colour::Never).contains("and 280 more"));
    let data: serde_json::Value = serde_json::from_str(&verify_json(&of)).unwrap();
    assert_eq!(data["properties"][0]["findings"].as_array().unwrap().len(), 300);
}
