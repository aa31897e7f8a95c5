//! The gate as the owner of a pipeline meets it: baselines, waivers, days.

use crate::program::{folder, seglab, write};
use std::path::Path;

const LAB: &str = "\
seglab: 1
name: shop
units:
  - {name: web-1, labels: {app: web}, listens: [tcp/443]}
  - {name: web-2, labels: {app: web}, listens: [tcp/443]}
  - {name: dev, labels: {app: dev}}
  - {name: db, labels: {app: db}, listens: [tcp/5432]}
segments: {web: app=web, dev: app=dev, db: app=db}
policy:
  - allow: {from: web, to: db, service: tcp/5432}
properties:
  - only: {id: least, flows: [], trust: intact}
";

const DEV: &str = "  - allow: {from: dev, to: db, service: tcp/22}\n";

fn with_dev(lab: &str) -> String {
    lab.replace("properties:", &format!("{DEV}properties:"))
}

fn verify(at: &Path, more: &[&str]) -> crate::program::Run {
    let mut arguments = vec!["verify", "seglab.yaml", "--today", "2026-11-22"];
    arguments.extend(more);
    seglab(at, &arguments)
}

fn last(out: &str) -> &str {
    out.trim_end().lines().next_back().expect("a line")
}

/// The first result of a rule.
fn result_of<'s>(sarif: &'s serde_json::Value, rule: &str) -> &'s serde_json::Value {
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    results.iter().find(|one| one["ruleId"] == rule).expect("a result of the rule")
}

#[test]
fn red_baseline_green_new_fixed() {
    let at = folder(&[("seglab.yaml", LAB)]);
    let at = at.path();
    verify(at, &[]).ends(1);
    let out = verify(at, &["--write-baseline", "base.json"]).ends(0);
    assert!(last(&out).contains("violated; the gate is open, 1 known from the baseline"), "{out}");
    let json = verify(at, &["--baseline", "base.json", "--format", "json"]).json(0);
    assert_eq!(json["properties"][0]["verdict"], "violated", "the verdict stays true");
    assert_eq!(json["properties"][0]["findings"][0]["state"], "known");
    assert_eq!(json["properties"][0]["findings"][0]["count"], 2);
    assert_eq!(json["gate"]["verdict"], "holds");

    // Lines, ids, order, and one more web server change nothing.
    let moved = LAB
        .replace("id: least, ", "")
        .replace("  - {name: dev,", "  - {name: web-0, labels: {app: web}}\n\n  - {name: dev,");
    write(at, "seglab.yaml", &moved);
    verify(at, &["--baseline", "base.json"]).ends(0);

    // What is new is red, and it alone.
    write(at, "seglab.yaml", &with_dev(LAB));
    let json = verify(at, &["--baseline", "base.json", "--format", "json"]).json(1);
    let findings = json["properties"][0]["findings"].as_array().expect("a list");
    let states: Vec<_> = findings.iter().map(|one| (one["from"].as_str(), one["state"].as_str())).collect();
    assert_eq!(states, [(Some("dev"), Some("new")), (Some("web"), Some("known"))]);
    let sarif = verify(at, &["--baseline", "base.json", "--format", "sarif"]).json(1);
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let states: Vec<_> = results.iter().filter_map(|one| one["baselineState"].as_str()).collect();
    assert_eq!(states, ["new", "unchanged"]);
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 11, "the rule's line");

    // Tightening takes nothing new in.
    verify(at, &["--baseline", "base.json", "--write-baseline", "tight.json"]).ends(1);
    // More services between known segments are new, fewer are not.
    write(at, "seglab.yaml", &LAB.replace("tcp/5432}\nprop", "tcp/5430-5432}\nprop"));
    verify(at, &["--baseline", "base.json"]).ends(1);

    // What is fixed is reported, and can be taken out.
    write(at, "seglab.yaml", &LAB.replace("  - allow: {from: web, to: db, service: tcp/5432}\n", "  []\n"));
    let out = verify(at, &["--baseline", "base.json"]).ends(0);
    assert!(
        out.contains("fixed: least: web -> db on TCP 5432") && last(&out).contains("1 of the baseline fixed"),
        "{out}"
    );
    verify(at, &["--baseline", "base.json", "--write-baseline", "base.json"]).ends(0);
    write(at, "seglab.yaml", LAB);
    verify(at, &["--baseline", "base.json"]).ends(1);
}

const WAIVER: &str =
    "waivers:\n  - {property: least, from: web, to: db, owner: ann, reason: until the proxy, expires: 2026-12-31}\n";

#[test]
fn a_waiver_is_green_until_its_day() {
    let at = folder(&[("seglab.yaml", &format!("{LAB}{WAIVER}"))]);
    let at = at.path();
    let out = verify(at, &[]).ends(0);
    assert!(out.contains("today 2026-11-22") && out.contains("until the proxy"), "{out}");
    assert!(last(&out).contains("the gate is open, 1 waived"), "{out}");
    let day = |day: &str, format: &str| seglab(at, &["verify", "seglab.yaml", "--today", day, "--format", format]);
    day("2026-12-31", "text").ends(0);
    let out = day("2027-01-01", "text").ends(1);
    assert!(out.contains("waiver of least, web -> db until 2026-12-31, by ann: until the proxy: has EXPIRED"), "{out}");
    let sarif = day("2026-12-31", "sarif").json(0);
    let result = result_of(&sarif, "only");
    assert_eq!(result["suppressions"][0]["kind"], "inSource");
    assert!(result["suppressions"][0]["justification"].as_str().expect("a text").contains("ann"));
    let junit = day("2026-12-31", "junit").ends(0);
    assert!(junit.contains("<skipped") && !junit.contains("<failure"), "{junit}");
    let markdown = day("2026-12-31", "markdown").ends(0);
    assert!(markdown.contains("until the proxy"), "{markdown}");
    // It is for one pair of segments, and no other.
    write(at, "seglab.yaml", &with_dev(&format!("{LAB}{WAIVER}")));
    verify(at, &[]).ends(1);
}

#[test]
fn waivers_in_a_file_of_their_own() {
    let at = folder(&[("seglab.yaml", LAB), ("waivers.yaml", &format!("seglab: 1\n{WAIVER}"))]);
    let json = verify(at.path(), &["--waivers", "waivers.yaml", "--format", "json"]).json(0);
    assert_eq!(json["gate"]["waivers"][0]["location"]["path"], "waivers.yaml");
    assert!(json["inputs"].to_string().contains("waivers.yaml"));
    let sarif = verify(at.path(), &["--waivers", "waivers.yaml", "--format", "sarif"]).json(0);
    assert_eq!(result_of(&sarif, "only")["suppressions"][0]["kind"], "external");
    write(at.path(), "waivers.yaml", &format!("seglab: 1\n{}", WAIVER.replace("from: web", "from: elsewhere")));
    let out = verify(at.path(), &["--waivers", "waivers.yaml"]).ends(1);
    assert!(out.contains("matches nothing, remove it"), "{out}");
}

#[test]
fn what_is_undecided_passes_by_a_waiver_that_says_so_only() {
    let lab = LAB.replace("  - allow: {from: web, to: db, service: tcp/5432}\n", "  []\n")
        + "unmodelled: [{what: Widget x, touches: app=db}]\n";
    let at = folder(&[("seglab.yaml", &lab)]);
    verify(at.path(), &[]).ends(3);
    verify(at.path(), &["--write-baseline", "base.json"]).ends(3);
    verify(at.path(), &["--baseline", "base.json"]).ends(3);
    let waiver = "waivers:\n  - {property: least, owner: ann, reason: r, expires: 2026-12-31}\n";
    write(at.path(), "seglab.yaml", &format!("{lab}{waiver}"));
    verify(at.path(), &[]).ends(3);
    write(at.path(), "seglab.yaml", &format!("{lab}{}", waiver.replace("owner", "undecided: true, owner")));
    verify(at.path(), &[]).ends(0);
}

#[test]
fn what_is_violated_and_undecided_are_two_findings() {
    let units = "  - {name: db-2, labels: {app: db, old: yes}, listens: [tcp/5432]}\nsegments:";
    let lab = LAB.replace("segments:", units) + "unmodelled: [{what: Widget x, touches: old=yes}]\n";
    let at = folder(&[("seglab.yaml", &lab)]);
    verify(at.path(), &["--write-baseline", "base.json"]).ends(3);
    let json = verify(at.path(), &["--baseline", "base.json", "--format", "json"]).json(3);
    let findings = json["properties"][0]["findings"].as_array().expect("a list");
    let of_web: Vec<_> = findings.iter().filter(|one| one["from"] == "web" && one["to"] == "db").collect();
    let states: Vec<_> = of_web.iter().map(|one| (one["verdict"].as_str(), one["state"].as_str())).collect();
    assert_eq!(states, [(Some("violated"), Some("known")), (Some("unknown"), Some("new"))]);
    assert_ne!(of_web[0]["fingerprint"], of_web[1]["fingerprint"]);
}

#[test]
fn a_baseline_by_other_groups_is_told() {
    let at = folder(&[("seglab.yaml", LAB)]);
    let at = at.path();
    verify(at, &["--write-baseline", "base.json"]).ends(0);
    let bare = LAB.replace("segments: {web: app=web, dev: app=dev, db: app=db}\n", "");
    write(at, "seglab.yaml", &bare.replace("from: web, to: db", "from: app=web, to: app=db"));
    // Groups of the same names are taken for the same.
    let out = verify(at, &["--baseline", "base.json"]).ends(0);
    assert!(out.contains("it groups units by segments and the design by the label app now"), "{out}");
}

#[test]
fn a_baseline_of_like_name_finds_nothing_known() {
    let at = folder(&[("seglab.yaml", LAB)]);
    let at = at.path();
    verify(at, &["--write-baseline", "base.json"]).ends(0);
    write(
        at,
        "seglab.yaml",
        &LAB.replace("app: db}, listens", "app: store}, listens")
            .replace("db: app=db", "store: app=store")
            .replace("to: db", "to: store"),
    );
    let json = verify(at, &["--baseline", "base.json", "--format", "json"]).json(1);
    assert_eq!(json["gate"]["open"], 1);
    assert_eq!(json["gate"]["baseline"]["fixed"].as_array().expect("a list").len(), 1);
}

#[test]
fn what_closes_the_gate_comes_first_in_sarif() {
    let lab = LAB.replace("  - only:", "  - isolated: {id: a-new-one, from: dev, to: db}\n  - only:");
    let at = folder(&[("seglab.yaml", &lab)]);
    verify(at.path(), &["--write-baseline", "base.json"]).ends(0);
    // It is violated in a property after the one that is known, and in one of the same.
    let lab = with_dev(&lab).replace("  - isolated: {id: a-new-one, from: dev, to: db}\n", "");
    let lab = lab.replace("trust: intact}\n", "trust: intact}\n  - isolated: {id: a-new-one, from: dev, to: db}\n");
    write(at.path(), "seglab.yaml", &lab);
    let sarif = verify(at.path(), &["--baseline", "base.json", "--format", "sarif"]).json(1);
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let states: Vec<_> = results.iter().filter_map(|one| one["baselineState"].as_str()).collect();
    assert_eq!(states, ["new", "new", "unchanged"]);
}

#[test]
fn baseline_and_waivers_stand_beside_manifests() {
    let waiver = |property: &str| format!("  - {{property: {property}, owner: ann, reason: r, expires: 2026-12-31}}\n");
    let both = ["internet-reaches-only-what-is-published", "internet-egress-to-named-ranges-only"].map(waiver).concat();
    let waivers = format!("seglab: 1\nwaivers:\n{both}");
    let at = folder(&[("pods.yaml", crate::designs::PODS), ("waivers.yaml", &waivers)]);
    let of_folder = |more: &[&str]| seglab(at.path(), &[&["verify", ".", "--today", "2026-11-22"], more].concat());
    of_folder(&[]).ends(1);
    of_folder(&["--write-baseline", "base.json"]).ends(0);
    for more in [["--baseline", "base.json"], ["--waivers", "waivers.yaml"]] {
        let document = of_folder(&[&more[..], &["--format", "json"]].concat()).json(0);
        let diagnostics = document["diagnostics"].to_string();
        assert!(!diagnostics.contains("base.json") && !diagnostics.contains("waivers.yaml"), "{diagnostics}");
        let inputs = document["inputs"].as_array().expect("a list");
        assert_eq!(inputs.iter().filter(|one| one["path"] == more[1]).count(), 1, "{inputs:?}");
    }
}

#[test]
fn bad_input_is_told() {
    let at = folder(&[("seglab.yaml", LAB)]);
    let at = at.path();
    let refused = |more: &[&str], parts: &[&str]| {
        let run = verify(at, more);
        assert_eq!(run.code, Some(2), "{more:?}\n{}{}", run.out, run.err);
        assert!(parts.iter().all(|part| run.err.contains(part)), "{more:?}\n{}", run.err);
    };
    verify(at, &["--write-baseline", "base.json"]).ends(0);
    let text = std::fs::read_to_string(at.join("base.json")).expect("a baseline");
    write(at, "cut.json", &text[..text.len() / 2]);
    refused(&["--baseline", "cut.json"], &["cannot be read", "--write-baseline"]);
    write(at, "none.json", "no baseline");
    refused(&["--baseline", "none.json"], &["cannot be read"]);
    write(at, "other.json", &text.replace("\"shop\"", "\"bank\""));
    refused(&["--baseline", "other.json"], &["is of the design `bank`", "`shop`", "renamed"]);
    write(at, "schema.json", &text.replace("baseline/v1", "baseline/v9"));
    refused(&["--baseline", "schema.json"], &["seglab/baseline/v9"]);
    refused(&["--baseline", "absent.json"], &["absent.json"]);
    write(at, "grouped.json", &text.replace("\"segments\"", "\"colours\""));
    refused(&["--baseline", "grouped.json"], &["groups units by `colours`", "`segments`, `namespaces`"]);
    write(at, "deep.json", &"[".repeat(100_000));
    refused(&["--baseline", "deep.json"], &["cannot be read"]);
    let run = seglab(at, &["verify", "seglab.yaml", "--today", "2026-02-30"]);
    assert!(run.code == Some(2) && run.err.contains("`2026-02-30` is not a date"), "{}", run.err);
    write(at, "seglab.yaml", &format!("{LAB}{}", WAIVER.replace("property: least", "property: leest")));
    refused(&[], &["seglab.yaml:", "leest", "did you mean `least`?"]);
    for key in ["owner: ann, ", "reason: until the proxy, ", ", expires: 2026-12-31"] {
        write(at, "seglab.yaml", &format!("{LAB}{}", WAIVER.replace(key, "")));
        refused(&[], &["is missing", "seglab.yaml:"]);
    }
    for (day, said) in [("2026-02-30", "`2026-02-30` is not a date"), ("next year", "`next year` is not a date")] {
        write(at, "waivers.yaml", &format!("seglab: 1\n{}", WAIVER.replace("2026-12-31", day)));
        write(at, "seglab.yaml", LAB);
        refused(&["--waivers", "waivers.yaml"], &[said, "waivers.yaml:3:", "write it as `2027-01-31`"]);
    }
    write(at, "waivers.yaml", "seglab: 1\nwaivers: [{property: least, owner: a");
    refused(&["--waivers", "waivers.yaml"], &["waivers.yaml:"]);
    refused(&["--waivers", "absent.yaml"], &["cannot read the file of waivers `absent.yaml`"]);
}

#[test]
fn a_claim_about_nothing_says_so() {
    let lab = LAB.replace("  - only:", "  - isolated: {id: hollow, from: app=ghost, to: db}\n  - only:");
    let at = folder(&[("seglab.yaml", &lab)]);
    let json = verify(at.path(), &["--format", "json"]).json(1);
    assert_eq!(json["properties"][0]["verdict"], "holds");
    assert_eq!(json["properties"][0]["vacuous"], true);
    let out = verify(at.path(), &[]).ends(1);
    assert!(
        out.contains("(it speaks of nothing)") && out.contains("`hollow` holds because it speaks of nothing"),
        "{out}"
    );
}

#[test]
fn trust_that_has_expired_does_not_count() {
    let lab = format!("{LAB}trusted: [{{units: db, owner: ann, reason: r, expires: 2026-11-21}}]\n");
    let at = folder(&[("seglab.yaml", &lab)]);
    let out = verify(at.path(), &[]).ends(1);
    assert!(out.contains("EXPIRED on 2026-11-21: does not count"), "{out}");
    let out = seglab(at.path(), &["verify", "seglab.yaml", "--today", "2026-11-21"]).ends(1);
    assert!(out.contains("until 2026-11-21") && !out.contains("EXPIRED"), "{out}");
}

#[test]
fn claims_that_contradict_each_other_are_named() {
    let lab = LAB.replace("  - only:", "  - isolated: {id: apart, from: web, to: db}\n  - only:")
        + "needs: [{from: web, to: db, service: tcp/5432}]\n";
    let at = folder(&[("seglab.yaml", &lab)]);
    let hint = "`apart` forbids what the need app=web -> db tcp/5432 asks for";
    assert!(verify(at.path(), &[]).ends(1).contains(hint));
    // With the need broken instead, the other one is red.
    write(at.path(), "seglab.yaml", &lab.replace("  - allow: {from: web, to: db, service: tcp/5432}\n", "  []\n"));
    assert!(verify(at.path(), &[]).ends(1).contains(hint));
    write(at.path(), "seglab.yaml", &lab.replace("id: apart, from: web, to: db", "id: apart, from: web, to: dev"));
    assert!(!verify(at.path(), &[]).ends(1).contains("forbids what"));
}
