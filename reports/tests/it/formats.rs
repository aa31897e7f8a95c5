//! Snapshots, and what each format's readers insist on.

use crate::fixture::{report, verification};
use seglab_reports::*;

#[test]
fn text_is_as_approved() {
    insta::assert_snapshot!(text(&verification(), Colour::Never));
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let plain = text(&verification(), Colour::Never);
    let mut coloured = text(&verification(), Colour::Ansi);
    assert_ne!(plain, coloured);
    for code in ["\u{1b}[31;1m", "\u{1b}[33;1m", "\u{1b}[32m", "\u{1b}[0m"] {
        assert!(coloured.contains(code), "{code:?} is never used");
        coloured = coloured.replace(code, "");
    }
    assert_eq!(plain, coloured);
}

#[test]
fn markdown_is_as_approved() {
    insta::assert_snapshot!(markdown(&report()));
}

#[test]
fn verify_markdown_is_as_approved() {
    insta::assert_snapshot!(verify_markdown(&verification()));
}

#[test]
fn html_is_as_approved() {
    insta::assert_snapshot!(html(&report()));
}

#[test]
fn sarif_is_as_approved() {
    insta::assert_snapshot!(sarif(&verification()));
}

#[test]
fn junit_is_as_approved() {
    insta::assert_snapshot!(junit(&verification()));
}

#[test]
fn json_is_as_approved() {
    insta::assert_snapshot!(report_json(&report()));
}

#[test]
fn verify_json_has_the_promised_fields() {
    let value: serde_json::Value = serde_json::from_str(&verify_json(&verification())).unwrap();
    assert_eq!(value["schema"], VERIFY_SCHEMA);
    assert_eq!(value["verdict"], "violated");
    assert_eq!(value["assumptions"].as_array().unwrap().len(), 2);
    assert_eq!(value["unmodelled"].as_array().unwrap().len(), 1);
    let property = &value["properties"][1];
    for field in ["id", "kind", "verdict", "view", "pivot", "trust", "counterexample"] {
        assert!(!property[field].is_null(), "{field} is missing");
    }
    assert_eq!(value["properties"][0]["certificate"], "certificates/shop-isolated.json");
}

#[test]
fn json_reads_back_to_the_same_report() {
    assert_eq!(read_report(&report_json(&report())).unwrap(), report());
    let other = report_json(&report()).replace(REPORT_SCHEMA, "seglab/report/v9");
    let error = read_report(&other).unwrap_err().to_string();
    assert_eq!(error, "the schema is `seglab/report/v9`, expected `seglab/report/v1`");
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let log: serde_sarif::sarif::Sarif = serde_json::from_str(&sarif(&verification())).unwrap();
    let run = &log.runs[0];
    let rules = run.tool.driver.rules.as_ref().unwrap();
    let results = run.results.as_ref().unwrap();
    // Two violations, one undecided property, two needs, eight diagnostics.
    assert_eq!(results.len(), 13);
    let mut fingerprints = std::collections::BTreeSet::new();
    for result in results {
        let rule = &rules[usize::try_from(result.rule_index.unwrap()).unwrap()];
        assert_eq!(Some(&rule.id), result.rule_id.as_ref());
        assert!(!rule.help.as_ref().unwrap().text.is_empty());
        let place = result.locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
        let uri = place.artifact_location.as_ref().unwrap().uri.as_ref().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains(' '), "{uri}");
        let region = place.region.as_ref().unwrap();
        assert!(region.start_line.unwrap() >= 1 && region.start_column.unwrap() >= 1);
        fingerprints.insert(result.partial_fingerprints.clone().unwrap());
    }
    assert_eq!(fingerprints.len(), results.len(), "two findings are taken for one");
    let cards = results.iter().find(|one| one.message.text.as_ref().unwrap().contains("cards-isolated")).unwrap();
    let place = cards.locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
    assert_eq!(place.artifact_location.as_ref().unwrap().uri.as_deref(), Some("policies/card%20db.yaml"));
    assert_eq!(place.region.as_ref().unwrap().start_line, Some(22));
    let steps = &cards.code_flows.as_ref().unwrap()[0].thread_flows[0].locations;
    assert_eq!(steps.iter().filter(|step| step.nesting_level == Some(0)).count(), 2, "one step per hop");
}

#[test]
fn fingerprints_do_not_change_when_lines_move() {
    let keys = |verification: &Verification| -> Vec<_> {
        let log: serde_sarif::sarif::Sarif = serde_json::from_str(&sarif(verification)).unwrap();
        log.runs[0].results.as_ref().unwrap().iter().map(|one| one.partial_fingerprints.clone()).collect()
    };
    let text = verify_json(&verification()).replace("\"line\": ", "\"line\": 1");
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document.as_object_mut().unwrap().remove("schema");
    let moved: Verification = serde_json::from_value(document).unwrap();
    assert_ne!(moved, verification());
    assert_eq!(keys(&moved), keys(&verification()));
}

#[test]
fn junit_counts_failures_and_errors() {
    let parsed = quick_junit::Report::deserialize_from_str(&junit(&verification())).unwrap();
    let of = |suite: usize| {
        (parsed.test_suites[suite].tests, parsed.test_suites[suite].failures, parsed.test_suites[suite].errors)
    };
    assert_eq!(of(0), (4, 2, 1));
    assert_eq!(of(1), (3, 1, 1));
}

#[test]
fn the_bundle_is_the_same_bytes_every_time() {
    let files = bundle(&report());
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let expected = [
        "report.html",
        "report.md",
        "report.json",
        "report.sarif",
        "report.junit.xml",
        "comparison.svg",
        "tornado.svg",
        "blast-radius.svg",
        "segment-matrix.svg",
        "compromise-phishing.svg",
    ];
    assert_eq!(names, expected);
    assert_eq!(files, bundle(&report()));
}

#[test]
fn an_empty_report_is_no_pass() {
    for file in bundle(&Report::default()) {
        let text = String::from_utf8(file.bytes).unwrap();
        assert!(!text.contains("✓") && !text.contains("All "), "{} calls nothing a pass", file.name);
    }
    assert!(html(&Report::default()).contains("nothing is proved"));
}

#[test]
fn tables_for_the_terminal_are_as_approved() {
    let report = report();
    let parts = [
        surface_text(report.surface.as_ref().unwrap()),
        comparison_text(report.comparison.as_ref().unwrap()),
        traffic_text(&report.traffic[0]),
        design_difference_text(&report.differences[0]),
        sensitivity_text(report.sensitivity.as_ref().unwrap()),
        hop_text(&report.verification.properties[1].counterexample.as_ref().unwrap().hops[0]),
    ];
    insta::assert_snapshot!(parts.join("\n"));
}

/// The number that moves most stands first, whatever order it comes in, and where the ranking flips is named.
#[test]
fn a_tornado_is_sorted_by_what_moves_most() {
    let mut sensitivity = crate::fixture::sensitivity();
    sensitivity.ranges.reverse();
    let plot = tornado_plot(&sensitivity).unwrap();
    let place =
        |name: &str| plot.svg.find(&format!("\n{name}\n")).unwrap_or_else(|| panic!("no {name}:\n{}", plot.svg));
    let order = ["response", "exploit-probability"].map(place);
    assert!(order.is_sorted(), "{order:?}");
    assert!(plot.svg.contains("8 h, flips"));
    assert!(
        plot.caption.ends_with("The ranking certainly flips: zones behind an appliance against flat at response 8 h.")
    );
    // Of one design there is no ratio: how many units it loses.
    let alone = |of: &mut Vec<VariedDesign>| of.truncate(1);
    alone(&mut sensitivity.declared);
    let ranges = sensitivity.ranges.iter_mut().flat_map(|range| &mut range.ends);
    sensitivity.detection.iter_mut().chain(ranges).for_each(|outcome| alone(&mut outcome.designs));
    let plot = tornado_plot(&sensitivity).unwrap();
    assert!(plot.svg.contains("units owned, mean of all replicas") && !plot.svg.contains("as bad as the first"));
    assert!(plot.description.contains("flat: 50.00 as declared. exploit-probability: 12.00 at 0.1 and 58.00 at 0.9."));
    assert_eq!(tornado_plot(&Sensitivity::default()), None);
}
