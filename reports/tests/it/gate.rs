//! What the gate lets pass, in every format.

use crate::fixture::verification;
use seglab_reports::gate::{Baseline, Pass, apply};
use seglab_reports::*;

const SEGMENTS: &str = "segments";

fn finding(from: &str, to: &str, service: &str) -> Finding {
    Finding {
        fingerprint: format!("{from}/{to}"),
        from: from.into(),
        to: to.into(),
        on: service.into(),
        services: vec![service.into()],
        count: 2,
        verdict: Verdict::Violated,
        ..Finding::default()
    }
}

fn waiver(from: &str, state: WaiverState) -> Waiver {
    Waiver {
        of: "dev-apart".into(),
        from: Some(from.into()),
        owner: "ann".into(),
        reason: "until the <move>".into(),
        expires: if state == WaiverState::Expired { "2026-10-31" } else { "2026-12-31" }.into(),
        state,
        location: Some(Location { path: "waivers.yaml".into(), line: 3, column: 5 }),
        ..Waiver::default()
    }
}

/// One violated property with these findings.
fn violated(findings: Vec<Finding>) -> Verification {
    let property = Property {
        id: "dev-apart".into(),
        kind: "only".into(),
        claim: "what is listed is all".into(),
        verdict: Verdict::Violated,
        findings,
        ..Property::default()
    };
    let Verification { design, tool, inputs, scope, .. } = verification();
    let verdict = Verdict::Violated;
    Verification { design, tool, inputs, scope, verdict, properties: vec![property], ..Verification::default() }
}

/// A baseline with two findings, one of which is fixed; a waiver that counts, one that has expired, one of nothing.
fn gated() -> Verification {
    let before =
        Baseline::of(&violated(vec![finding("web", "db", "TCP 5432"), finding("old", "db", "TCP 1")]), SEGMENTS);
    let mut now = violated(vec![
        finding("web", "db", "TCP 5432"),
        finding("dev", "db", "TCP 22"),
        finding("lab", "db", "TCP 23"),
        finding("ops", "db", "TCP 22"),
    ]);
    now.today = Some("2026-11-22".into());
    let waivers = [("ops", WaiverState::Active), ("lab", WaiverState::Expired), ("gone", WaiverState::Active)];
    let waivers = waivers.map(|(from, state)| (waiver(from, state), false)).to_vec();
    apply(&mut now, Pass { waivers, baseline: Some(&(before, "base.json".into())), grouping: SEGMENTS });
    now
}

#[test]
fn each_format_shows_the_gate_as_approved() {
    let of = gated();
    insta::assert_snapshot!("gate_text", text(&of, Colour::Never));
    insta::assert_snapshot!("gate_markdown", verify_markdown(&of));
    insta::assert_snapshot!("gate_junit", junit(&of));
    insta::assert_snapshot!("gate_sarif", sarif(&of));
    let page = html(&Report { verification: of, ..Report::default() });
    for part in [
        "fixed: dev-apart: old -&gt; db on TCP 1",
        "waived ops -&gt; db",
        "has EXPIRED",
        "until the &lt;move&gt;",
        "2026-11-22",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_gate_changes_no_verdict() {
    let of = gated();
    let gate = of.gate.as_ref().unwrap();
    assert_eq!(
        (of.verdict, of.properties[0].verdict, gate.verdict),
        (Verdict::Violated, Verdict::Violated, Verdict::Violated)
    );
    assert_eq!((gate.open, gate.known, gate.waived), (2, 1, 1));
    let mut calm = violated(vec![finding("web", "db", "TCP 5432")]);
    let before = (Baseline::of(&calm, SEGMENTS), "base.json".to_owned());
    apply(&mut calm, Pass { waivers: Vec::new(), baseline: Some(&before), grouping: SEGMENTS });
    assert_eq!((calm.verdict, calm.gate.unwrap().verdict), (Verdict::Violated, Verdict::Holds));
}

#[test]
fn a_baseline_has_nothing_that_is_waived_or_undecided() {
    let mut of = violated(vec![finding("ops", "db", "TCP 22"), finding("web", "db", "TCP 1")]);
    let undecided = Finding { verdict: Verdict::Unknown, ..finding("dev", "db", "TCP 2") };
    of.properties[0].findings.push(undecided);
    let waivers = vec![(waiver("ops", WaiverState::Active), false)];
    apply(&mut of, Pass { waivers, baseline: None, grouping: SEGMENTS });
    let baseline = Baseline::of(&of, SEGMENTS);
    assert_eq!(baseline.findings.iter().map(|one| one.from.as_str()).collect::<Vec<_>>(), ["web"]);
    let read = Baseline::read(&baseline.to_json(), "base.json", &of.design).unwrap();
    assert_eq!(read, baseline);
}

#[test]
fn a_baseline_is_tightened_and_never_widened() {
    let before = Baseline::of(&violated(vec![finding("a", "db", "TCP 1-9"), finding("b", "db", "TCP 1")]), SEGMENTS);
    let narrower = finding("a", "db", "TCP 2-3");
    let wider = finding("b", "db", "TCP 1-2");
    let now = Baseline::of(&violated(vec![narrower.clone(), wider, finding("c", "db", "TCP 1")]), SEGMENTS);
    let tight = before.tightened(&now);
    let services: Vec<_> = tight.findings.iter().map(|one| (one.from.as_str(), one.services.join(";"))).collect();
    assert_eq!(services, [("a", "TCP 2-3".to_owned()), ("b", "TCP 1".to_owned())]);
}
