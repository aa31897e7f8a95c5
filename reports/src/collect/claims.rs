//! Claims about connections, surfaces and rules, as sentences; and what a verdict on them leaves open.

use super::{on, services};
use crate::model;
use seglab_policy::{AtMost, Claim, Design, Direction, Directions, Flow, Property, RuleId, Statistic, Trust, View};
use seglab_verify::{Excess, Idle, IdleRule, Population};

/// How many of a list's flows a sentence tells.
const FLOWS: usize = 8;

/// What of the blast radii of units is bounded, and by what: `at most 3 units, that one included`.
pub(super) fn bound(at_most: AtMost, of: Statistic) -> String {
    let bound = match at_most {
        AtMost::Units(1) if of == Statistic::Max => "no unit but that one".to_owned(),
        AtMost::Units(1) => "at most 1 unit, that one included".to_owned(),
        AtMost::Units(units) => format!("at most {units} units, that one included"),
        AtMost::Share(_) => format!("at most {at_most} of all units"),
        AtMost::Criticality(weight) => format!("units of a criticality of at most {weight} together"),
    };
    match of {
        Statistic::Max => bound,
        Statistic::Mean => format!("in the mean {bound}"),
        Statistic::Percentile(per_mille) => {
            format!("{bound}, for {} % of those units", f64::from(per_mille) / 10.0)
        }
    }
}

/// How a bound on blast radii is exceeded, with the value to three places and never rounded down to the bound.
pub(super) fn excess(of: &Excess, start: &str, units: usize, all: usize) -> String {
    let weighed = matches!(of.at_most, AtMost::Criticality(_));
    let most = match of.at_most {
        AtMost::Criticality(weight) => format!("a criticality of {weight}"),
        AtMost::Units(_) | AtMost::Share(_) => of.at_most.most(all).to_string(),
    };
    let gets = match weighed {
        true => format!("whoever owns {start} gets {units} of {all} units"),
        false => format!("whoever owns {start} gets {units} of {all} units; {most} are allowed"),
    };
    match of.of {
        Statistic::Max if weighed => format!("{gets}, of a criticality of {} together; {most} is allowed", of.sum),
        Statistic::Max => gets,
        Statistic::Mean => {
            let (sum, count) = (u128::from(of.sum), of.count.max(1) as u128);
            let thousandths = (sum * 1000).div_ceil(count);
            format!(
                "the mean of {} blast radii is {}.{:03}, more than {}; {start} takes {units} of {all} units",
                of.count,
                thousandths / 1000,
                thousandths % 1000,
                of.at_most
            )
        }
        Statistic::Percentile(_) => {
            format!("the {} of the blast radii is {}, more than {}: that of {start}", of.of, of.sum, of.at_most)
        }
    }
}

/// Claims that are not about attacks, as sentences.
pub(super) fn sentence(of: &Claim) -> String {
    match of {
        Claim::EgressOnlyTo { from, to, services } => {
            format!("units of {from} open connections to {to}{} only", on(services))
        }
        Claim::Only { flows, among } => {
            let among = among.as_ref().map_or_else(String::new, |among| format!(" between units of {among}"));
            match flows.as_slice() {
                [] => format!("no connection{among} is possible"),
                flows => format!("no connection{among} is possible but {}", listed(flows)),
            }
        }
        Claim::Within { reference } => {
            format!("no connection is possible that {} does not allow", reference.path)
        }
        Claim::Equal { reference } => format!("the same connections are possible as in {}", reference.path),
        Claim::DefaultDeny { units, directions } => {
            let verb = match both(*directions) {
                (true, false) => "reaches",
                (false, true) => "leaves",
                _ => "reaches or leaves",
            };
            format!("no connection {verb} a unit of {units} unless a rule allows it")
        }
        Claim::Surface { units, entries_max, exits_max } => {
            let entries = entries_max.map(|most| format!("at most {most} others can connect to a unit of {units}"));
            let exits = exits_max.map(|most| format!("a unit of {units} can connect to at most {most} others"));
            [entries, exits].into_iter().flatten().collect::<Vec<_>>().join(", and ")
        }
        Claim::NoShadowedRules { rulebook } => {
            format!("no rule{} is hidden by rules that go before it", of_rulebook(rulebook))
        }
        Claim::NoRedundantRules { rulebook } => {
            format!("no rule{} can be taken away without a change to some verdict", of_rulebook(rulebook))
        }
        Claim::NoUndefinedOrder { rulebook } => {
            format!("no verdict depends on an order of rules{} that is not defined", of_rulebook(rulebook))
        }
        attack => attack.kind().to_owned(),
    }
}

fn of_rulebook(rulebook: &Option<String>) -> String {
    rulebook.as_ref().map_or_else(String::new, |name| format!(" of {name}"))
}

/// A rule that does nothing, and why: `allow a -> b tcp/80 (web.yaml:12) never decides: ...`.
pub(super) fn idle(design: &Design, of: &IdleRule) -> String {
    let rule = ruled(design, of.rule);
    match &of.why {
        Idle::Shadowed(by) => {
            let more = by.len().saturating_sub(SHOWN);
            let mut shown: Vec<String> = by.iter().take(SHOWN).map(|&id| ruled(design, id)).collect();
            shown.extend((more > 0).then(|| format!("{more} more")));
            let by = if shown.is_empty() { "the defaults of earlier tiers".to_owned() } else { shown.join(", ") };
            format!("{rule} never decides: {by} before it")
        }
        Idle::NeverAsked => format!("{rule} is never asked: no point carries it in its direction"),
        Idle::MatchesNothing => format!("{rule} matches no connection of the design"),
        Idle::ChangesNothing => format!("{rule} changes no verdict"),
    }
}

/// How many rules a sentence names.
const SHOWN: usize = 3;

/// A rule with its place.
pub(super) fn ruled(design: &Design, id: RuleId) -> String {
    let Some((_, rule)) = design.rule(id) else { return String::new() };
    let sentence = format!("{} {} -> {} {}", rule.action, rule.from, rule.to, services(&rule.services));
    match rule.provenance.span {
        Some(span) => format!("`{sentence}` ({})", design.location(span)),
        None => format!("`{sentence}`"),
    }
}

fn both(directions: Directions) -> (bool, bool) {
    (directions.contains(Direction::Ingress), directions.contains(Direction::Egress))
}

fn listed(flows: &[Flow]) -> String {
    let one = |flow: &Flow| format!("{} to {} on {}", flow.from, flow.to, services(&flow.services));
    let mut told: Vec<String> = flows.iter().take(FLOWS).map(one).collect();
    if let Some(more) = flows.len().checked_sub(FLOWS).filter(|more| *more > 0) {
        told.push(format!("{more} more"));
    }
    told.join("; ")
}

/// What a claim that is not about attacks ranges over, in words.
pub(super) fn population(claim: &Claim, of: Population) -> Option<model::Population> {
    let (count, what) = match claim {
        Claim::EgressOnlyTo { .. } => (of.from, "units, each with everybody that it can connect to"),
        Claim::Only { .. } => (of.from, "units, each with everybody that it can connect to"),
        Claim::Within { .. } | Claim::Equal { .. } => {
            (of.from, "units, each with everybody that it can connect to, here and there")
        }
        Claim::DefaultDeny { .. } => (of.from, "units, each with everybody else"),
        Claim::Surface { .. } => (of.from, "units, each by itself"),
        Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. } => {
            (of.from, "rules")
        }
        _ => return None,
    };
    Some(model::Population { count: count as u64, of: what.to_owned() })
}

/// What a verdict on a claim about single connections leaves open.
pub(super) fn does_not_show(of: &Property) -> Vec<String> {
    let mut open = match &of.claim {
        Claim::Within { .. } | Claim::Equal { .. } => {
            vec!["whether what the other design allows is right, and who is there in one of the two only".to_owned()]
        }
        Claim::DefaultDeny { .. } => vec!["whether what the rules allow is right".to_owned()],
        Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. } => {
            vec!["what the rules would do to units and addresses that the design does not have".to_owned()]
        }
        Claim::Surface { .. } => vec!["what lies behind those others, and on how many ports they connect".to_owned()],
        _ => vec!["what lies behind the units that can be reached: ways over more than one connection".to_owned()],
    };
    if of.view == View::Service {
        open.push("ports that policy lets through and where nothing is declared to listen".to_owned());
    }
    if !of.claim.asks().trust {
        return open;
    }
    match of.trust {
        Trust::Intact => open.push("what follows if the agent of an owned unit is switched off".to_owned()),
        Trust::OwnAgentVoid => {
            open.push("what follows if a controller falls (trust controller-void asks that)".to_owned())
        }
        Trust::ControllerVoid => {}
    }
    open
}
