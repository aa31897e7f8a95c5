//! Findings as results: one for each two groups of units.

use super::{bag, code_flow, finding, related, rule};
use crate::model::{Finding, FindingState, Location, Need, Property, Verdict, WaiverState};
use crate::words;
use rule::Rules;
use serde_json::json;
use serde_sarif::sarif::{Result as Held, ResultLevel, Suppression};
use std::collections::BTreeMap;

/// What SARIF calls what the baseline has.
pub(super) const KNOWN: &str = "unchanged";

/// What the results of one property, or of one need, share.
struct Claimed<'a> {
    /// Its name in a sentence.
    about: String,
    kind: &'a str,
    /// Of what violates it.
    level: ResultLevel,
    /// Where it is written.
    location: Option<&'a Location>,
    /// Where a result stands that has no other place.
    fallback: Option<&'a Location>,
    rules: &'a Rules,
    /// What else is told of it.
    entries: Vec<(&'static str, serde_json::Value)>,
}

/// Those of a property.
pub(super) fn of_property(of: &Property, rules: &Rules, fallback: Option<&Location>) -> Vec<Held> {
    let entries = vec![
        ("property", json!(of.id)),
        ("view", json!(of.view)),
        ("pivot", json!(of.pivot)),
        ("trust", json!(of.trust)),
        ("claim", json!(of.claim)),
    ];
    let (about, level) = (format!("`{}`", of.id), ResultLevel::Error);
    let location = of.location.as_ref();
    Claimed { about, kind: &of.kind, level, location, fallback, rules, entries }.results(&of.findings)
}

/// Those of a need.
pub(super) fn of_need(of: &Need, rules: &Rules, fallback: Option<&Location>) -> Vec<Held> {
    let (about, level) = (format!("the needed flow {}", of.name()), ResultLevel::Warning);
    let (location, entries) = (of.location.as_ref(), vec![("need", json!(of.name()))]);
    Claimed { about, kind: rule::NEED, level, location, fallback, rules, entries }.results(&of.findings)
}

impl Claimed<'_> {
    fn results(&self, findings: &[Finding]) -> Vec<Held> {
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        sorted.sort_by_key(|one| one.state);
        sorted.into_iter().map(|one| result(one, self)).collect()
    }
}

fn result(of: &Finding, claimed: &Claimed<'_>) -> Held {
    let shown = of.counterexample.as_ref();
    let summary = shown.map_or_else(String::new, |one| format!(": {}", one.summary));
    let undecided = of.verdict == Verdict::Unknown;
    let what = if undecided { "is undecided, which is not a pass" } else { "is violated" };
    let text = format!("{} {what}{summary}. {}.", claimed.about, words::finding(of));
    let level = if undecided { ResultLevel::Warning } else { claimed.level };
    let place = shown.and_then(|one| one.place()).or(claimed.location).or(claimed.fallback);
    let mut held = finding(claimed.rules, claimed.kind, level, &text, place);
    let hops = shown.map_or(&[][..], |one| &one.hops);
    related(&mut held, claimed.location, hops);
    held.code_flows = (!hops.is_empty()).then(|| vec![code_flow(&text, hops)]);
    // The second name is the one that code scanning goes by. Made by it from the line, it would change when the line
    // does, and all findings of one rule would be one.
    let fingerprint = of.fingerprint.clone();
    let by_line = format!("{fingerprint}:1");
    held.partial_fingerprints =
        Some(BTreeMap::from([("seglab/v1".to_owned(), fingerprint), ("primaryLocationLineHash".to_owned(), by_line)]));
    held.baseline_state = match of.state {
        FindingState::New => Some(json!("new")),
        FindingState::Known => Some(json!(KNOWN)),
        FindingState::Open | FindingState::Waived => None,
    };
    held.suppressions = of.waiver.as_ref().filter(|waiver| waiver.state == WaiverState::Active).map(|waiver| {
        let kind = if waiver.in_design { "inSource" } else { "external" };
        let mut held = Suppression::builder().kind(json!(kind)).build();
        held.status = Some(json!("accepted"));
        held.justification = Some(format!("{} ({}, until {})", waiver.reason, waiver.owner, waiver.expires));
        vec![held]
    });
    let own = [
        ("verdict", json!(of.verdict)),
        ("state", json!(of.state)),
        ("from", json!(of.from)),
        ("to", json!(of.to)),
        ("on", json!(of.on)),
        ("count", json!(of.count)),
    ];
    let mut properties = bag(own);
    properties.additional_properties.extend(
        claimed
            .entries
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    held.properties = Some(properties);
    held
}
