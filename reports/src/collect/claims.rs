//! Claims about connections, surfaces and rules, as sentences; and what a verdict on them leaves open.

use super::{on, services};
use crate::model;
use seglab_policy::{AtMost, Claim, Direction, Directions, Flow, Property, Statistic, Trust, View};
use seglab_verify::{Excess, Population};

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
        attack => attack.kind().to_owned(),
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
        Claim::DefaultDeny { .. } => (of.from, "units, each with everybody else"),
        Claim::Surface { .. } => (of.from, "units, each by itself"),
        _ => return None,
    };
    Some(model::Population { count: count as u64, of: what.to_owned() })
}

/// What a verdict on a claim about single connections leaves open.
pub(super) fn does_not_show(of: &Property) -> Vec<String> {
    let mut open = match &of.claim {
        Claim::DefaultDeny { .. } => vec!["whether what the rules allow is right".to_owned()],
        Claim::Surface { .. } => vec!["what lies behind those others, and on how many ports they connect".to_owned()],
        _ => vec!["what lies behind the units that can be reached: ways over more than one connection".to_owned()],
    };
    if of.view == View::Service {
        open.push("ports that policy lets through and where nothing is declared to listen".to_owned());
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
