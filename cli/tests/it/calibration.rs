//! `--calibration`: what it changes, how it is printed, and how a bad file is refused.

use crate::program::{bytes, folder, seglab, sha256};
use serde_json::Value;
use tempfile::TempDir;

const DESIGN: &str = "\
seglab: 1
name: shop
units:
  - {name: laptop, labels: {app: laptop}, addresses: [10.0.0.1], zone: office}
  - {name: web, labels: {app: web}, addresses: [10.0.1.1], zone: servers, listens: [tcp/443], vulnerabilities: [{name: CVE-1, service: tcp/443}]}
  - {name: db, labels: {app: db}, addresses: [10.0.1.2], zone: servers, listens: [tcp/5432], critical: 1, vulnerabilities: [{name: CVE-2, service: tcp/5432}]}
policy:
  - allow: {from: app=laptop, to: app=web, service: tcp/443}
  - allow: {from: app=web, to: app=db, service: tcp/5432}
enforcement:
  - agent: {on: all}
  - appliance: {between: zone, load: {rate: 50000/s, source: data sheet}}
needs:
  - {from: app=laptop, to: app=web, service: tcp/443, rate: 100/s}
attackers:
  - {foothold: app=laptop, login: {probability: 0.9, mean: 1min}}
monitor: {response: 30min, sensor: {probability: 0.5, mean: 8h}}
";

const OURS: &str = "\
seglab-calibration: 1
values:
  scan-rate: {value: 20/s, role: input, source: our red team, date: 2026-10-01}
  breakout-time: {value: 48min, role: check, source: a report, date: 2025-02-27}
";

fn both() -> TempDir {
    folder(&[("shop.yaml", DESIGN), ("ours.yaml", OURS)])
}

const SHORT: [&str; 4] = ["--replicas", "30", "--horizon", "1d"];

fn json(at: &TempDir, arguments: &[&str]) -> Value {
    seglab(at.path(), &[arguments, &SHORT, &["--format", "json"]].concat()).json(0)
}

fn value<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    let list = document["scope"]["calibration"].as_array().expect("a list");
    list.iter().find(|one| one["name"] == name)
}

#[test]
fn what_is_given_holds_and_what_was_used_is_said() {
    let at = both();
    let usual = json(&at, &["simulate", "shop.yaml"]);
    let ours = json(&at, &["simulate", "shop.yaml", "--calibration", "ours.yaml"]);
    let rate = value(&ours, "scan-rate").expect("it was used");
    assert_eq!((rate["value"].as_f64(), rate["unit"].as_str()), (Some(20.0), Some("/s")));
    assert_eq!(
        (&rate["role"], &rate["source"], &rate["date"]),
        (&"input".into(), &"our red team".into(), &"2026-10-01".into())
    );
    assert_eq!(value(&usual, "scan-rate").unwrap()["source"], "assumption");
    // What the design says itself, and what nothing asks for, was not used.
    for unused in ["login-mean", "appliance-rate", "patch-median"] {
        assert!(value(&ours, unused).is_none(), "{unused}");
    }
    let owned = |document: &Value| document["designs"][0]["compromised"].clone();
    assert_ne!(owned(&usual), owned(&ours), "a faster scan takes more");
    let breakout = |document: &Value| document["designs"][0]["checks"][0].clone();
    assert_eq!(breakout(&ours)["observed"]["value"], 48.0 * 60.0);
    let ratio = breakout(&ours)["simulated_ns"].as_f64().unwrap() / (48.0 * 60e9);
    assert!((breakout(&ours)["ratio"].as_f64().unwrap() / ratio - 1.0).abs() < 1e-9);
    // The file is an input like any other.
    let inputs = ours["inputs"].as_array().unwrap();
    assert_eq!(inputs.last().unwrap()["sha256"], sha256(OURS));
    assert_eq!((inputs.len(), usual["inputs"].as_array().unwrap().len()), (2, 1));
    // A check is no input: another one changes nothing but what it is held against.
    let at = folder(&[("shop.yaml", DESIGN), ("ours.yaml", &OURS.replace("48min", "1min"))]);
    let other = json(&at, &["simulate", "shop.yaml", "--calibration", "ours.yaml"]);
    assert_eq!(other["designs"][0]["replicas"], ours["designs"][0]["replicas"]);
    assert_ne!(breakout(&other)["ratio"], breakout(&ours)["ratio"]);
}

#[test]
fn text_has_a_line_for_each_number_that_was_used() {
    let at = both();
    let arguments = ["simulate", "shop.yaml", "--calibration", "ours.yaml"];
    let text = seglab(at.path(), &[&arguments[..], &SHORT].concat()).ends(0);
    for line in [
        "calibration\n",
        "20/s    input  our red team, 2026-10-01\n",
        "48min   check  a report, 2025-02-27\n",
        "; observed 48min, ",
        "    agents on 3 units: 200 connections/s, ",
        "    most loaded, laptop: 100 connections/s, ",
        "    appliance appliance: 100 connections/s, busy 0.2%, table 1.7%, refused 0%; p50 50 µs, p99 50 µs\n",
        "    said of appliance: appliance-rate 50000/s (data sheet)\n",
        "connections come evenly (Poisson)",
        "tries endpoints at 20/s from each owned unit",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
    assert!(!text.contains("login-mean"), "{text}");
    let compared =
        seglab(at.path(), &[&["compare", "shop.yaml", "shop.yaml", "--calibration", "ours.yaml"][..], &SHORT].concat())
            .ends(0);
    assert_eq!((compared.matches("calibration\n").count(), compared.matches("observed 48min").count()), (1, 2));
}

#[test]
fn reports_have_tables_of_inputs_and_of_checks() {
    let at = both();
    let report = |design: &str| {
        let arguments = ["report", design, "-o", "out", "--calibration", "ours.yaml"];
        seglab(at.path(), &[&arguments[..], &SHORT].concat());
        let text = |name: &str| String::from_utf8(bytes(at.path(), &format!("out/{name}"))).unwrap();
        (text("report.html"), text("report.json"), text("report.md"))
    };
    let (html, data, markdown) = report("shop.yaml");
    for part in [
        "Inputs: what the design does not say itself",
        "Checks: what was observed elsewhere",
        "our red team",
        "ours.yaml",
    ] {
        assert!(html.contains(part), "no `{part}`");
    }
    assert!(html.contains("Appliances on links") && html.contains("Outcomes beside observed ones"));
    assert!(
        markdown.contains("## Calibration")
            && markdown.contains("| `scan-rate` | 20/s | input | our red team | 2026-10-01 |")
    );
    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["simulations"][0]["checks"][0]["observed"], "48min");
    assert_eq!(data["enforcement"][0]["load"]["appliances"][0]["point"], "appliance");
    // Where nobody attacks there are loads, and nothing to check.
    let quiet = DESIGN.split("attackers:").next().unwrap();
    std::fs::write(at.path().join("quiet.yaml"), quiet).unwrap();
    let (html, data, _) = report("quiet.yaml");
    let data: Value = serde_json::from_str(&data).unwrap();
    assert!(html.contains("Appliances on links") && !html.contains("Checks: what was observed"));
    assert!(
        data["enforcement"][0]["load"]["agents"]["units"] == 3 && data["simulations"].as_array().unwrap().is_empty()
    );
}

#[test]
fn chunks_remember_the_calibration() {
    let at = both();
    let ours = ["--calibration", "ours.yaml"];
    let whole = seglab(at.path(), &[&["simulate", "shop.yaml"][..], &SHORT, &ours].concat()).ends(0);
    for index in ["1", "2"] {
        let chunk = ["simulate", "shop.yaml", "--chunk", &format!("{index}/2"), "-o", index];
        seglab(at.path(), &[&chunk[..], &SHORT, &ours].concat()).ends(0);
    }
    assert_eq!(seglab(at.path(), &["reduce", "1", "2"]).ends(0), whole);
    seglab(at.path(), &[&["simulate", "shop.yaml", "--chunk", "2/2", "-o", "3"][..], &SHORT].concat()).ends(0);
    assert_eq!(seglab(at.path(), &["reduce", "1", "3"]).code, Some(2), "they are of other inputs");
}

#[test]
fn bad_files_are_refused_with_their_place() {
    for (good, bad, place, said) in [
        ("scan-rate", "scan-rat", "3:3", "did you mean `scan-rate`?"),
        ("20/s", "20", "3:22", "`20` is not a rate"),
        ("role: check", "role: input", "4:39", "write `role: check`"),
        ("2025-02-27", "yesterday", "", "`yesterday` is not a date"),
    ] {
        let at = folder(&[("shop.yaml", DESIGN), ("ours.yaml", &OURS.replacen(good, bad, 1))]);
        for command in [
            &["simulate", "shop.yaml"][..],
            &["compare", "shop.yaml", "shop.yaml"],
            &["report", "shop.yaml", "-o", "out"],
        ] {
            let run = seglab(at.path(), &[command, &["--calibration", "ours.yaml"]].concat());
            assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{bad}: {}", run.err);
            assert!(run.err.contains(&format!("--> ours.yaml:{place}")), "{bad}: {}", run.err);
            assert!(run.err.contains(said) && run.err.contains("= help: "), "{bad}: {}", run.err);
            assert!(!at.path().join("out").exists());
        }
    }
    let missing = seglab(both().path(), &["simulate", "shop.yaml", "--calibration", "none.yaml"]);
    assert!(missing.code == Some(2) && missing.err.contains("cannot read `none.yaml`"), "{}", missing.err);
}
