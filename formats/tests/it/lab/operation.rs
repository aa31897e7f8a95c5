//! Where points are in place and how they fail: read, refused, and written back.

use super::read;
use seglab_formats::lab;
use seglab_policy::{Design, FailureMode, Failures, Operation};

const TEXT: &str = "\
seglab: 1
units:
  - {name: web, listens: [tcp/443]}
  - {name: db}
policy: []
enforcement:
  - agent: {on: web, coverage: 0.95, gaps: {by-image: 0.3, by-site: 0.1}, fails: {mode: open, every: 90d, repair: 4h}}
  - host: {on: db, coverage: 0.5}
  - appliance: {between: zone, fails: {mode: closed, every: 365d, repair: 1h}}
  - cloud: {on: all, update-delay: 10min, updates: 20/min}
";

const HOUR: u64 = 3_600_000_000_000;

#[test]
fn what_is_written_is_read() {
    let draft = read(TEXT).unwrap().draft;
    let found: Vec<Operation> = draft.points.iter().map(|point| point.operation).collect();
    let usual = Operation::default();
    let failures = |mode, every_ns, repair_ns| Some(Failures { mode, every_ns, repair_ns });
    let expected = [
        Operation {
            coverage: 0.95,
            gaps_by_image: 0.3,
            gaps_by_site: 0.1,
            failures: failures(FailureMode::Open, 90 * 24 * HOUR, 4 * HOUR),
            ..usual
        },
        Operation { coverage: 0.5, ..usual },
        Operation { failures: failures(FailureMode::Closed, 365 * 24 * HOUR, HOUR), ..usual },
        Operation { update_mean_ns: HOUR / 6, updates_per_second: Some(20.0 / 60.0), ..usual },
    ];
    assert_eq!(found, expected);
    let said = draft.assumptions.iter().filter(|assumption| assumption.id == "points-at-work");
    assert_eq!(said.count(), 1, "proofs say that they look at points as declared");
}

#[test]
fn what_is_read_is_written() {
    let design = Design::new(read(TEXT).unwrap().draft).unwrap();
    let again = read(&lab::write(&design)).unwrap().draft;
    let operations = |points: &[seglab_policy::EnforcementPoint]| -> Vec<Operation> {
        points.iter().map(|point| point.operation).collect()
    };
    assert_eq!(operations(&again.points), operations(design.points()));
    assert_eq!(again.assumptions, design.assumptions());
}

#[test]
fn points_that_cannot_run_so_are_refused() {
    for (good, bad, said) in [
        ("coverage: 0.95", "coverage: 1.5", "`1.5` is not a probability"),
        ("by-image: 0.3", "by-image: 0.95", "the shares of the gaps are more than all of them"),
        ("coverage: 0.5", "gaps: {by-site: 0.5}", "there are no gaps to have shares of"),
        ("{between: zone,", "{between: zone, coverage: 0.5,", "a point on links is there or not"),
        ("every: 90d", "every: 0s", "the point fails all the time"),
        ("updates: 20/min", "updates: 0/min", "the rate `0/min` is not above zero"),
        ("mode: open", "mode: ajar", "`ajar` is not a way to fail"),
    ] {
        let rejected = read(&TEXT.replace(good, bad)).unwrap_err();
        let error = rejected.errors().next().unwrap();
        assert_eq!(error.message, said);
        assert!(error.span.is_some() && error.help.is_some(), "{said}");
    }
}
