//! A connection that fares otherwise in the design that this one is held against.

use super::connection;
use crate::model::{self, Outcome};
use seglab_policy::{Design, count};
use seglab_verify::Differs;
use seglab_verify::difference::{Judged, Kind};

/// The connection as it fares here; nothing where one of its ends is not here.
pub(super) fn hops(design: &Design, of: &Differs) -> Vec<model::Hop> {
    of.witness.after.iter().map(|judged| hop(design, judged)).collect()
}

/// What becomes of the connection here and there, and how many pairs differ in the same way.
pub(super) fn summary(design: &Design, of: &Differs) -> String {
    let other = &of.other;
    let here = of.witness.after.as_ref().map(|judged| (hop(design, judged), judged));
    let there = of.witness.before.as_ref().map(|judged| (hop(&other.design, judged), judged));
    let Some((shown, _)) = here.as_ref().or(there.as_ref()) else { return String::new() };
    let what = format!("{} -> {} {}", shown.source, shown.destination, shown.service);
    let fate = |of: &Option<(model::Hop, &Judged)>, path: Option<&str>| {
        let place = path.map_or_else(|| "here".to_owned(), |path| format!("in {path}"));
        match of {
            None => format!("has an end that does not exist {place}"),
            Some((hop, judged)) => format!("{} {place}{}", outcome(hop, judged), by(hop)),
        }
    };
    let alike = match of.pairs {
        1 => String::new(),
        pairs => format!("; {} differ like this", count(pairs, "pair", "pairs")),
    };
    let verb = if of.kind == Kind::Reply { "has replies that fare otherwise: it " } else { "" };
    format!("{what} {verb}{}, and {}{alike}", fate(&here, None), fate(&there, Some(&other.path)))
}

fn hop(design: &Design, judged: &Judged) -> model::Hop {
    connection::hop(design, &judged.connection, &judged.evaluation)
}

fn outcome(hop: &model::Hop, judged: &Judged) -> String {
    if judged.unheard { "is heard by nobody".to_owned() } else { format!("is {}", hop.outcome) }
}

/// Who decides: whoever stops it, else the last that lets it through.
fn by(hop: &model::Hop) -> String {
    let standing = || hop.deciders.iter().filter(|decider| decider.stands);
    let stops = standing().find(|decider| decider.outcome == Outcome::Denied);
    match stops.or_else(|| standing().rfind(|decider| !decider.reply)) {
        Some(decider) => {
            let place = decider.location.as_ref().map_or_else(String::new, |place| format!(", {place}"));
            format!(" ({} {}: {}{place})", decider.point, decider.direction, decider.why)
        }
        None => hop.remark.as_ref().map_or_else(String::new, |remark| format!(" ({remark})")),
    }
}
