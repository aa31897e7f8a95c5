//! Calibration files: the defaults and their documentation, what is refused and where, and what lab files take from them.

use super::{reading, shown};
use seglab_formats::lab::{self, calibration};
use seglab_formats::{File, Rejected, text};
use seglab_policy::{Calibration, Check, Input, Part};
use std::collections::BTreeSet;

const TEXT: &str = "\
seglab-calibration: 1
values:
  scan-rate: {value: 10/min, role: input, source: our red team, date: 2026-10-01}
  exploit-probability: {value: 0.25, role: input, source: our red team, date: 2026-10-01}
  exploit-mean: {value: 1h30min, role: input, source: our red team, date: 2026-10-01}
  patch-median: {value: 7d, role: input, source: our tickets, date: 2026-10-01}
  agent-memory: {value: 120MB, role: input, source: our measurement, date: 2026-10-01}
  appliance-table: {value: 1.5M, role: input, source: data sheet, date: 2026-10-01}
  breakout-time: {value: 48min, role: check, source: 'a report, https://example.org/2025', date: 2025-02-27}
";

fn read(text: &str) -> Result<Calibration, Rejected> {
    calibration::read(&File { path: "ours.yaml".to_owned(), text: text.to_owned() })
}

#[test]
fn a_file_overrides_what_it_gives_and_nothing_else() {
    let (ours, defaults) = (read(TEXT).unwrap(), calibration::defaults().unwrap());
    assert_eq!(ours.input(Input::ScanRate), 10.0 / 60.0);
    assert_eq!(ours.input(Input::ExploitMean), 5_400.0);
    assert_eq!(ours.input(Input::AgentMemory), 120e6);
    assert_eq!(ours.input(Input::ApplianceTable), 1_500_000.0);
    let breakout = ours.quantity(Part::Check(Check::BreakoutTime));
    assert_eq!((breakout.to_string().as_str(), breakout.ratio(24.0 * 60.0)), ("48min", 0.5));
    assert_eq!(breakout.source(), "a report, https://example.org/2025");
    let same = Part::all().filter(|part| ours.quantity(*part) == defaults.quantity(*part)).count();
    assert_eq!(same, Part::all().count() - 7);
}

#[test]
fn what_is_written_is_read() {
    for calibration in [calibration::defaults().unwrap(), read(TEXT).unwrap()] {
        for part in Part::all() {
            let quantity = calibration.quantity(part);
            let again = text::amount(&quantity.to_string(), part.measure()).unwrap();
            assert!((quantity.ratio(again) - 1.0).abs() < 1e-12, "{}: {quantity}", part.name());
        }
    }
}

/// The table of the documentation is what the program has.
#[test]
fn the_documentation_lists_the_defaults() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/calibration.md")).unwrap();
    let rows: BTreeSet<&str> = document
        .lines()
        .filter(|line| line.starts_with("| `") && (line.contains("| input |") || line.contains("| check |")))
        .collect();
    let defaults = calibration::defaults().unwrap();
    let expected: Vec<String> = Part::all()
        .map(|part| {
            let of = defaults.quantity(part);
            format!("| `{}` | {of} | {} | {} | {} |", part.name(), part.role(), of.source(), of.date())
        })
        .collect();
    for row in &expected {
        assert!(rows.contains(row.as_str()), "docs/calibration.md has no row\n{row}");
    }
    assert_eq!(rows.len(), expected.len(), "docs/calibration.md has rows of nothing");
}

#[test]
fn files_that_mean_nothing_are_refused_where_they_do() {
    for (good, bad, place, said, help) in [
        ("scan-rate:", "scan-rates:", "3:3", "nothing is calibrated by `scan-rates`", "did you mean `scan-rate`?"),
        ("10/min", "10min", "3:22", "`10min` is not a rate", "write a rate as"),
        ("10/min", "0/min", "3:22", "the rate `0/min` is not above zero", ""),
        ("10/min", "-1/s", "3:22", "the rate `-1/s` is not above zero", ""),
        ("10/min", "inf/s", "3:22", "the rate `inf/s` is not above zero", ""),
        ("0.25", "1.5", "4:32", "`1.5` is no probability above zero", "write a number above 0, to 1"),
        ("0.25", "25%", "4:32", "`25%` is not a number that there can be", "write a number above 0, to 1"),
        ("0.25", "nan", "4:32", "`nan` is not a number", "write a number above 0, to 1"),
        ("1h30min", "120MB", "5:28", "`MB` is not a unit of time", "write `ms`"),
        ("1h30min", "0s", "5:25", "`0s` is not above zero", "write a number above zero"),
        ("120MB", "29min", "7:27", "`min` is not a unit of memory", "write a number and its unit: `120MB`"),
        ("120MB", "120", "7:25", "`120` has no unit", "write a number and its unit: `120MB`"),
        ("120MB", "0MB", "7:25", "`0MB` is not above zero", "write a number above zero"),
        ("1.5M", "1.5", "8:28", "`1.5` is not a number that there can be", "write a whole number"),
        ("1.5M", "200/s", "8:32", "`s` is not a multiple", "write a whole number"),
        (
            "role: check",
            "role: input",
            "9:39",
            "`breakout-time` is no `input`",
            "write `role: check`: results are only compared",
        ),
        ("7d, role: input", "7d, role: check", "6:35", "`patch-median` is no `check`", "models reckon with it"),
        ("our tickets", "''", "6:50", "`patch-median` has no source", "say who measured it, or `assumption`"),
        ("source: our tickets, ", "", "", "the key `source` is missing", "add `source: ...`"),
        ("2025-02-27", "2025-02-30", "", "`2025-02-30` is not a date", "write it as `2027-01-31`"),
        ("exploit-mean:", "scan-rate:", "", "the key `scan-rate` is given twice", "remove one of them"),
        ("seglab-calibration: 1", "seglab-calibration: 2", "1:21", "version 2 of calibration files is not known", ""),
        ("value: 7d", "vlaue: 7d", "", "unknown key `vlaue`", "did you mean `value`?"),
    ] {
        assert!(TEXT.contains(good), "{good}");
        let text = TEXT.replacen(good, bad, 1);
        let rejected = read(&text).expect_err(bad);
        let all = shown(&rejected.diagnostics, &text);
        let [error] = rejected.diagnostics.as_slice() else { panic!("{bad}: {all}") };
        let span = error.span.unwrap_or_else(|| panic!("{bad}: no place"));
        assert!(error.message.contains(said), "{bad}: {all}");
        assert!(place.is_empty() || format!("{}:{}", span.line, span.column) == place, "{bad}: {all}");
        assert!(error.help.as_deref().unwrap_or_default().contains(help), "{bad}: {all}");
    }
    assert!(read("seglab: 1\n").is_err() && read("").is_err());
}

fn attacked(text: &str, by: Option<&Calibration>) -> seglab_policy::Draft {
    let file = File { path: "seglab.yaml".to_owned(), text: text.to_owned() };
    let mut file = lab::parse(&file).unwrap();
    if let Some(by) = by {
        file.calibrate(by.clone());
    }
    lab::merge(&file, Vec::new()).unwrap().draft
}

#[test]
fn designs_take_what_they_do_not_say() {
    let text = "seglab: 1\nunits: [{name: web}]\nattackers:\n  - {foothold: web, login: {probability: 0.5, mean: 1s}}\nmonitor: {response: 1h, patching: {}}\n";
    let ours = read(TEXT).unwrap();
    let draft = attacked(text, Some(&ours));
    let attacker = &draft.attackers[0];
    assert_eq!((attacker.scan_rate_per_second, attacker.exploit_probability), (10.0 / 60.0, 0.25));
    assert_eq!((attacker.exploit_mean_ns, attacker.login_probability), (5_400_000_000_000, 0.5));
    let patching = draft.monitor.as_ref().unwrap().defence.patching.unwrap();
    // Half of an exponential time is below ln 2 of its mean.
    let mean = 7.0 * 86_400e9 / std::f64::consts::LN_2;
    assert!((patching.mean_ns as f64 - mean).abs() < 2.0 && patching.probability == 1.0, "{patching:?}");
    let used = [Input::ScanRate, Input::ExploitProbability, Input::ExploitMean, Input::PatchMedian];
    assert_eq!(draft.calibrated, used.into_iter().collect());
    let said: Vec<&str> = draft.assumptions.iter().map(|one| one.text.as_str()).collect();
    assert!(said.iter().any(|one| one.contains("10/min from each owned unit")), "{said:?}");
    assert!(said.iter().any(|one| one.contains("after 7d")), "{said:?}");
    // Whoever says everything takes nothing.
    let all = "seglab: 1\nunits: [{name: web}]\nattackers:\n  - {foothold: web, scan-rate: 1/s, exploit: {probability: 1.0, mean: 1s}, login: {probability: 0.5, mean: 1s}}\nmonitor: {response: 1h, patching: {probability: 0.5, mean: 1d}}\n";
    assert_eq!(attacked(all, Some(&ours)).calibrated, BTreeSet::new());
    // The defaults hold where no file is given.
    assert_eq!(attacked(text, None).attackers[0].scan_rate_per_second, 1.0);
    let half = text.replace("patching: {}", "patching: {probability: 0.5}");
    let patching = reading(&half).draft.monitor.unwrap().defence.patching.unwrap();
    assert_eq!(patching.probability, 0.5);
    assert!((patching.mean_ns as f64 - 55.0 * 86_400e9 / std::f64::consts::LN_2).abs() < 2.0);
}
