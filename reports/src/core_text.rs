//! What a verdict on one connection rests on, for terminals.

use crate::model::{Core, Cores, Outcome};
use crate::words;
use seglab_policy::count;

/// Writes the fewest rules and defaults that keep a connection's verdict, and the fewest without which it turns, a line each.
pub fn cores_text(of: &Cores) -> String {
    let allowed = of.outcome == Outcome::Allowed;
    if of.against.as_ref() == Some(&of.enough) && of.enough.least {
        let (turns, parts) = (if allowed { "stops" } else { "opens" }, parts(&of.enough));
        let line =
            format!("rests on {}, whatever becomes of the others, and {turns} without: {parts}", size(&of.enough));
        return format!("  {}\n", words::printable(&line));
    }
    let enough = match (parts(&of.enough).as_str(), allowed) {
        ("", true) => "rests on no rule: with none at all it would be allowed too".to_owned(),
        ("", false) => "rests on no rule and no default: nothing that is taken away changes it".to_owned(),
        (parts, _) => {
            let size = size(&of.enough);
            format!("rests on {size}, whatever becomes of the others: {parts}")
        }
    };
    let against = match (&of.against, allowed) {
        (Some(core), true) => format!("stops without {}: {}", size(core), parts(core)),
        (Some(core), false) => format!("opens without {}: {}", size(core), parts(core)),
        (None, true) => "stops by no removal of rules: what is left lets it through".to_owned(),
        (None, false) => "opens by no removal of rules and defaults".to_owned(),
    };
    [enough, against].map(|line| format!("  {}\n", words::printable(&line))).concat()
}

/// `at the least 1 rule and 1 default`; `3 rules, and 2 or more are needed (why)`.
fn size(of: &Core) -> String {
    let rules = (!of.rules.is_empty()).then(|| count(of.rules.len() as u64, "rule", "rules"));
    let defaults = (!of.defaults.is_empty()).then(|| count(of.defaults.len() as u64, "default", "defaults"));
    let both = rules.into_iter().chain(defaults).collect::<Vec<_>>().join(" and ");
    match &of.stopped {
        None => both,
        Some(why) => format!("{both} (at least {} needed; {why})", of.at_least),
    }
}

fn parts(of: &Core) -> String {
    let rules = words::deciding_rules(&of.rules);
    let rules = (!rules.is_empty()).then_some(rules);
    rules.into_iter().chain(of.defaults.iter().cloned()).collect::<Vec<_>>().join(", ")
}
