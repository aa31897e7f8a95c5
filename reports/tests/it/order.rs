//! What results rest on stands before any result.

use crate::fixture::{report, verification};
use seglab_reports::*;

#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let found = text[from..].find(part);
        from += found.unwrap_or_else(|| panic!("`{part}` does not follow what precedes it")) + part.len();
    }
}

#[test]
fn scope_assumptions_and_unmodelled_come_before_results() {
    let basis =
        ["60 units", "match an address range only if", "CiliumNetworkPolicy shop/edge", "escape from a container"];
    let result = "cards-isolated";
    let after = |text: &str, heading: &str| text[text.find(heading).unwrap()..].to_owned();
    let mut parts = basis.to_vec();
    parts.push(result);
    in_order(&after(&markdown(&report()), "## Scope"), &parts);
    in_order(&text(&verification(), Colour::Never), &parts);
    // The page opens with the verdict in one line; then the basis.
    let page = html(&report());
    let parts: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    in_order(&after(&page, "id=\"scope\"").to_lowercase(), &parts);
    in_order(
        &page,
        &["properties are violated", "id=\"scope\"", "id=\"properties\"", "id=\"diagnostics\"", "id=\"inputs\""],
    );
}

#[test]
fn the_last_line_of_text_is_the_verdict() {
    let printed = text(&verification(), Colour::Never);
    let last = printed.lines().last().unwrap();
    assert_eq!(last, "2 of 4 properties are violated; 1 is undecided; 1 of 3 needed flows is broken.");
}

#[test]
fn the_auditor_finds_claim_scope_population_and_limits_of_each_property() {
    let page = html(&report());
    for property in &verification().properties {
        let start = page.find(&format!("<code>{}</code></h3>", property.id)).unwrap();
        let card = &page[start..start + page[start..].find("</article>").unwrap()];
        for term in ["Asked", "Over", "Judged by", "Claimed at", "Does not show"] {
            assert!(card.contains(&format!("<dt>{term}</dt>")), "{}: {term}", property.id);
        }
    }
}

#[test]
fn the_ci_owner_is_told_the_line_in_the_banner() {
    let page = html(&report());
    let banner = &page[page.find("class=\"banner violated\"").unwrap()..page.find("class=\"tiles\"").unwrap()];
    assert!(banner.contains("<code>policies/card db.yaml:22</code>"), "{banner}");
}
