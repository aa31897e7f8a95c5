//! Findings with their fingerprints.
//!
//! A fingerprint is of the claim, in the words of the normal form, and of the groups that violate it. Segments stand in
//! it by name, so that a unit that is added to one changes nothing; the id of the property, lines, the order of things,
//! counts and hashes are not in it.

use super::{claims, connection, difference, proof};
use crate::gate::extent;
use crate::model::{self, Verdict};
use seglab_policy::{Claim, Design, Draft, Need, Property, Provenance, Reference, Selector, normal_form};
use seglab_verify::{Finding, Findings, Grouping, On, Settled};
use sha2::{Digest, Sha256};

/// Digits of a fingerprint.
const DIGITS: usize = 32;

/// Adds what was found to the properties and needs of a verification.
pub fn findings(of: &mut model::Verification, design: &Design, found: &Findings) {
    for ((held, property), found) in of.properties.iter_mut().zip(design.properties()).zip(&found.properties) {
        let claim = claim_of(design, property);
        held.findings = found.iter().map(|one| finding(design, &claim, one)).collect();
    }
    for ((held, need), found) in of.needs.iter_mut().zip(design.needs()).zip(&found.needs) {
        let Need { from, to, services, .. } = need;
        let claim = Claim::Allowed { from: from.clone(), to: to.clone(), services: services.clone() };
        let claim = format!("need {}", claim_of(design, &Property::new("", claim)));
        held.findings = found.iter().map(|one| finding(design, &claim, one)).collect();
    }
}

/// All that units may be grouped by.
pub const GROUPINGS: [Grouping; 5] =
    [Grouping::Declared, Grouping::Namespace, Grouping::Zone, Grouping::App, Grouping::Owner];

/// The name of a grouping, as a baseline has it.
pub fn grouping_name(of: Grouping) -> &'static str {
    match of {
        Grouping::Declared => "segments",
        Grouping::Namespace => "namespaces",
        Grouping::Zone => "zones",
        Grouping::App => "the label app",
        Grouping::Owner => "owners",
    }
}

/// The grouping of this name.
pub fn grouping_named(name: &str) -> Option<Grouping> {
    GROUPINGS.into_iter().find(|grouping| grouping_name(*grouping) == name)
}

fn finding(design: &Design, claim: &str, of: &Finding) -> model::Finding {
    let (on, services, addresses, stable) = match &of.on {
        On::Anything => (String::new(), Vec::new(), Vec::new(), String::new()),
        On::Headers(headers, addresses) => {
            (headers.to_string(), extent::services(headers), extent::addresses(addresses), String::new())
        }
        On::Changed(kind, headers, addresses) => {
            let kind = difference::kind(*kind).to_string();
            let on = format!("{kind}: {headers}");
            (on, extent::services(headers), extent::addresses(addresses), kind)
        }
        On::Surface(entries) => {
            let on = if *entries { "entries" } else { "exits" };
            (on.to_owned(), Vec::new(), Vec::new(), on.to_owned())
        }
        On::Rules(rules) => {
            let shown: Vec<String> = rules.iter().map(|&rule| claims::ruled(design, rule)).collect();
            let mut stable: Vec<String> = rules
                .iter()
                .filter_map(|&id| {
                    let (tier, rule) = design.rule(id)?;
                    let book = &design.rulebook(id.rulebook).name;
                    let object = rule.provenance.object.as_deref().unwrap_or_default();
                    Some(format!("{book}\n{}\n{object}\n{}", tier.name, connection::sentence(design, rule)))
                })
                .collect();
            stable.sort_unstable();
            (shown.join("; "), Vec::new(), Vec::new(), stable.join("\n"))
        }
    };
    let (from, to) = (of.from.to_string(), of.to.to_string());
    let (verdict, counterexample) = match &of.verdict {
        Settled::Violated(refuted) => (Verdict::Violated, Some(proof::counterexample(design, refuted))),
        Settled::Unknown(unsure) => (Verdict::Unknown, proof::perhaps(design, unsure)),
        Settled::Holds => (Verdict::Holds, None),
    };
    // What is undecided may stand beside what is violated, and who knew of the one has not known of the other.
    let undecided = if verdict == Verdict::Unknown { "\nundecided" } else { "" };
    let text = format!("seglab/fingerprint/v1\n{claim}\n{from:?} {to:?}\n{stable}{undecided}");
    let mut fingerprint = seglab_policy::Hex(&Sha256::digest(text).into()).to_string();
    fingerprint.truncate(DIGITS);
    let state = model::FindingState::default();
    let (count, at_least) = (of.count, of.at_least);
    model::Finding {
        fingerprint,
        from,
        to,
        on,
        services,
        addresses,
        count,
        at_least,
        verdict,
        state,
        waiver: None,
        counterexample,
    }
}

/// A claim with the question that it is asked under, and with segments by name.
fn claim_of(design: &Design, property: &Property) -> String {
    let mut named = Property { id: String::new(), provenance: Provenance::default(), ..property.clone() };
    let mut segments: Vec<(&Selector, String)> =
        design.segments().iter().map(|one| (&one.selector, format!("segment {}", one.name))).collect();
    segments.sort_by(|a, b| a.1.cmp(&b.1));
    if let Claim::Within { reference } | Claim::Equal { reference } = &mut named.claim {
        // By its path: another version of the same design is what the findings are about.
        if let Ok(bare) = Reference::new(reference.path.clone(), Draft::default()) {
            *reference = bare;
        }
    }
    named.claim.for_each_selector(&mut |selector| name_segments(selector, &segments));
    normal_form::property(&named)
}

fn name_segments(selector: &mut Selector, segments: &[(&Selector, String)]) {
    if let Some((_, name)) = segments.iter().find(|(known, _)| *known == selector) {
        *selector = Selector::Named(name.clone());
        return;
    }
    match selector {
        Selector::All(parts) | Selector::AnyOf(parts) => {
            parts.iter_mut().for_each(|part| name_segments(part, segments));
        }
        Selector::Not(inner) => name_segments(inner, segments),
        _ => {}
    }
}
