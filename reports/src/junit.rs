//! JUnit XML, for the test pages of CI systems: one test case per property, one per need.

use crate::model::{Finding, Hop, Location, Need, NeedStatus, Property, Verdict, Verification};
use crate::words;
use quick_junit::{NonSuccessKind, Property as Fact, Report as Junit, TestCase, TestCaseStatus, TestSuite};
use std::fmt::Write;

/// Writes properties and needs as two test suites. A violation is a failure with the counterexample as its text; what is
/// undecided is an error, for it is not a pass.
pub fn junit(of: &Verification) -> String {
    let mut junit = Junit::new(xml(&format!("{} verify {}", of.tool.name, of.design)));
    let mut properties = TestSuite::new("properties");
    for (name, value) in facts(of) {
        properties.add_property(Fact::new(xml(&name), xml(&value)));
    }
    properties.add_test_cases(of.properties.iter().map(|property| property_case(&of.design, property)));
    junit.add_test_suite(properties);
    let mut needs = TestSuite::new("needs");
    needs.add_test_cases(of.needs.iter().map(|need| need_case(&of.design, need)));
    junit.add_test_suite(needs);
    // Writing into memory cannot fail.
    junit.to_string().unwrap_or_default()
}

/// What the results rest on, for those who see nothing but this file.
fn facts(of: &Verification) -> Vec<(String, String)> {
    let mut facts = vec![("tool".to_owned(), format!("{} {}", of.tool.name, of.tool.version))];
    facts.extend(of.tool.z3_version.iter().map(|version| ("z3".to_owned(), version.clone())));
    facts.extend(of.seed.map(|seed| ("seed".to_owned(), seed.to_string())));
    facts.extend(words::scope_facts(&of.scope).into_iter().map(|(name, fact)| (format!("scope: {name}"), fact)));
    facts.extend(of.assumptions.iter().map(|one| (format!("assumption: {}", one.id), words::assumption(one))));
    facts.extend(of.unmodelled.iter().map(|one| ("not modelled".to_owned(), one.what.clone())));
    facts.extend(of.today.iter().map(|today| ("today".to_owned(), today.clone())));
    facts.extend(of.gate.iter().flat_map(words::gate).map(|line| ("gate".to_owned(), line)));
    facts.extend(of.inputs.iter().map(|one| (format!("sha256: {}", one.path), one.sha256.clone())));
    facts
}

fn property_case(design: &str, of: &Property) -> TestCase {
    let status = match of.verdict {
        Verdict::Holds => TestCaseStatus::success(),
        // What the gate lets pass is neither a success nor a failure.
        _ if passes(&of.findings) => skipped(of.verdict.to_string().as_str(), &of.findings),
        Verdict::Violated => {
            let summary = of.counterexample.as_ref().map_or(of.claim.as_str(), |one| one.summary.as_str());
            let place = of.counterexample.as_ref().and_then(|one| one.place()).or(of.location.as_ref());
            let mut text = about(of);
            for (position, hop) in (1..).zip(of.counterexample.iter().flat_map(|one| &one.hops)) {
                text.push_str(&hop_text(position, hop));
            }
            failed(NonSuccessKind::Failure, "violated", &with_place(summary, place), &text)
        }
        Verdict::Unknown => {
            let reason = of.doubt.as_ref().map_or("no reason was given", |doubt| doubt.reason.as_str());
            let place = of.doubt.as_ref().and_then(|doubt| doubt.location.as_ref());
            failed(NonSuccessKind::Error, "unknown", &with_place(reason, place), &about(of))
        }
    };
    let mut case = TestCase::new(xml(&of.id), status);
    case.set_classname(xml(&format!("{design}.{}", of.kind)));
    case
}

fn passes(findings: &[Finding]) -> bool {
    !findings.is_empty() && findings.iter().all(|one| one.state.passes())
}

fn skipped(class: &str, findings: &[Finding]) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    let lines: Vec<String> = words::findings(findings).iter().map(|line| xml(line)).collect();
    status.set_type(class).set_message(lines.join("; "));
    status
}

fn about(of: &Property) -> String {
    let mut text = format!(
        "claim: {}\nasked: {}\nover: {}\njudged by: {}\n",
        of.claim,
        words::question(of),
        words::population(&of.population),
        words::judges(of)
    );
    for finding in words::findings(&of.findings) {
        let _ = writeln!(text, "finding: {finding}");
    }
    for sentence in &of.does_not_show {
        let _ = writeln!(text, "does not show: {sentence}");
    }
    text
}

fn need_case(design: &str, of: &Need) -> TestCase {
    let status = match of.status {
        NeedStatus::Works => TestCaseStatus::success(),
        _ if passes(&of.findings) => skipped(of.status.to_string().as_str(), &of.findings),
        NeedStatus::Broken => {
            let place = of.witness.as_ref().and_then(Hop::place).or(of.location.as_ref());
            let message = format!("does not work for all of its {}", words::count(of.pairs, "pair", "pairs"));
            let text = of.witness.as_ref().map_or_else(String::new, |hop| hop_text(1, hop));
            failed(NonSuccessKind::Failure, "broken", &with_place(&message, place), &text)
        }
        NeedStatus::Unknown => {
            let reason = of.doubt.as_ref().map_or("no reason was given", |doubt| doubt.reason.as_str());
            let place = of.doubt.as_ref().and_then(|doubt| doubt.location.as_ref()).or(of.location.as_ref());
            failed(NonSuccessKind::Error, "unknown", &with_place(reason, place), "")
        }
    };
    let mut case = TestCase::new(xml(&of.name()), status);
    case.set_classname(xml(&format!("{design}.need")));
    case
}

fn failed(kind: NonSuccessKind, class: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(class).set_message(xml(message));
    if !text.is_empty() {
        let lines: Vec<String> = text.lines().map(xml).collect();
        status.set_description(lines.join("\n"));
    }
    status
}

/// One line that XML can hold: what it cannot is shown as escapes.
fn xml(text: &str) -> String {
    words::printable(text)
}

fn with_place(message: &str, place: Option<&Location>) -> String {
    place.map_or_else(|| message.to_owned(), |place| format!("{place}: {message}"))
}

fn hop_text(position: usize, of: &Hop) -> String {
    let mut text = format!("{position}. {}: {}\n", words::hop(of), of.outcome);
    for decider in &of.deciders {
        let (place, why) = (words::decider_place(decider), words::decider_why(decider));
        let _ = writeln!(
            text,
            "   {}",
            with_place(&format!("{place} {}: {why}", words::decider_outcome(decider)), decider.location.as_ref(),)
        );
    }
    text
}
