//! Names stay names in every format.

use crate::fixture::{HOSTILE, hostile_report};
use seglab_reports::*;

#[test]
fn html_has_no_markup_of_an_input() {
    let page = html(&hostile_report());
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;"));
    assert!(!page.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'));
    well_formed(&page);
}

#[test]
fn html_loads_nothing() {
    let page = html(&hostile_report());
    for attribute in [" src=", "url(", "@import", "<link", "<iframe", "href=\"http"] {
        assert!(!page.contains(attribute), "{attribute}");
    }
}

/// Every element that is opened is closed in order, void elements aside.
fn well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = tag.split_once('>').unwrap().0;
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes something else");
        } else if !tag.ends_with('/') && !tag.starts_with('!') && !["meta", "br"].contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn ids_are_unique() {
    let page = html(&crate::fixture::report());
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
}

#[test]
fn plots_are_well_formed_and_named() {
    let mut plots = plots(&hostile_report());
    assert_eq!(plots.len(), 5);
    let rate = |name: &str, roofline_per_second| Throughput {
        name: name.to_owned(),
        decisions_per_second: 120_000_000,
        roofline_per_second,
    };
    let rates = [rate("uniform, by address", Some(200_000_000)), rate("<zipf>, by unit", None)];
    let plot = throughput_plot("a & b", &rates).unwrap();
    assert!(plot.description.contains("uniform, by address: 120,000,000 of 200,000,000."), "{}", plot.description);
    plots.push(plot);
    assert_eq!(throughput_plot("nothing", &[]), None);
    for plot in plots {
        well_formed(&plot.svg);
        assert!(plot.svg.contains("role=\"img\"") && plot.svg.contains("<title") && plot.svg.contains("<desc"));
        assert!(!plot.svg.contains("<script"));
    }
}

#[test]
fn markdown_keeps_tables_and_lines_whole() {
    let page = markdown(&hostile_report());
    assert!(!page.contains("<script"));
    assert!(!page.lines().any(|line| line.starts_with("# i")), "a name started a heading");
    let mut width = None;
    for line in page.lines() {
        if !line.starts_with('|') {
            width = None;
            continue;
        }
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(*width.get_or_insert(bars), bars, "{line}");
    }
}

#[test]
fn text_has_no_control_characters() {
    let printed = text(&hostile_report().verification, Colour::Never);
    assert!(!printed.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'));
}

#[test]
fn machine_formats_parse_and_keep_the_name() {
    let report = hostile_report();
    assert_eq!(read_report(&report_json(&report)).unwrap(), report);
    let log: serde_sarif::sarif::Sarif = serde_json::from_str(&sarif(&report.verification)).unwrap();
    assert_eq!(log.runs[0].tool.driver.name, HOSTILE);
    let xml = junit(&report.verification);
    assert!(!xml.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{fffe}'), "XML 1.0 cannot hold it");
    let parsed = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert!(parsed.test_suites[0].test_cases[0].name.as_str().contains("<script>alert('x')</script>"));
}
