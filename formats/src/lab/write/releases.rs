//! Releases and how their rules are approved, as a lab file has them.

use super::{Map, list, need, rule, scalar};
use crate::text::write_duration;
use seglab_policy::{Approval, Release, Rule, Rulebook, RulebookId};

/// One entry of the section.
pub(super) fn release(of: &Release, books: &[Rulebook]) -> String {
    let mut map = Map::default();
    map.put("name", scalar(&of.name)).put("at", scalar(&write_duration(of.at_ns)));
    map.put_if(!of.needs.is_empty(), "needs", list(of.needs.iter().map(need)));
    map.put_if(!of.ends.is_empty(), "ends", list(of.ends.iter().map(|name| scalar(name))));
    let mut policies = Map::default();
    for (id, book) in (0u32..).map(RulebookId).zip(books) {
        let rules: Vec<&Rule> = of.adds.iter().filter(|one| one.rulebook == id).map(|one| &one.rule).collect();
        policies.put_if(!rules.is_empty(), &scalar(&book.name), list(rules.into_iter().map(item)));
    }
    map.put_if(!of.adds.is_empty(), "policies", policies.done());
    map.put_if(!of.retires.is_empty(), "retires", list(of.retires.iter().map(|name| scalar(name))));
    map.done()
}

/// A rule as an item of a list in flow style.
fn item(of: &Rule) -> String {
    let written = rule(of);
    if written.starts_with('{') { written } else { format!("{{{written}}}") }
}

pub(super) fn approval(of: &Approval) -> String {
    let mut map = Map::default();
    map.put("reviewers", of.reviewers.to_string()).put("review", scalar(&write_duration(of.review_mean_ns)));
    map.put_if(of.holds, "hold", "true");
    map.done()
}
