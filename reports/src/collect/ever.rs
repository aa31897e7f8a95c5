//! Claims about units that do not exist yet: what they assume, who judged them, and what was added to refute one.

use super::{connection, proof};
use crate::model::{self, AddedUnit};
use seglab_policy::{Claim, Design, Property, Unit};
use seglab_verify::{Counterexample, Extension, Population, Settled, Unsettled};

/// What is taken to be possible of units that do not exist yet, where some claim is about them.
pub(super) fn assumptions(design: &Design) -> Vec<model::Assumption> {
    if !design.properties().iter().any(is_about_newcomers) {
        return Vec::new();
    }
    let sentences = [
        (
            "new-units",
            "claims with `ever` are about the units that exist and any number of new ones: each label that a rule or the \
             claim mentions absent, of a mentioned value or of another, in a Kubernetes namespace that exists with the \
             namespace's labels; no name that a rule mentions, unless it is one more replica of an owner, with the labels \
             of one that exists; any place and address space, any address that no unit there has, or none that is known, \
             shared with nobody; paths to and from external addresses; any port under any name, listening anywhere; any \
             vulnerability, and every credential that is taken; on a unit that is a host already, or on none, and the \
             host of none",
        ),
        (
            "new-units-enforcement",
            "a point that is declared for a selector stands at the new units that it selects, one between places at all \
             that crosses them, in its declared mode; other new units have no point of their own",
        ),
    ];
    let assumption = |(id, text): (&str, &str)| model::Assumption {
        id: id.to_owned(),
        text: text.to_owned(),
        ..model::Assumption::default()
    };
    sentences.map(assumption).into()
}

pub(super) fn is_about_newcomers(of: &Property) -> bool {
    matches!(of.claim, Claim::IsolatedEver { .. })
}

/// What the claim ranges over.
pub(super) fn population(of: Population) -> model::Population {
    let pairs = of.from.max(1) * of.to.max(1);
    let word = if pairs == 1 { "ordered pair" } else { "ordered pairs" };
    model::Population { count: pairs as u64, of: format!("{word} of units that exist, and any number of new ones") }
}

/// Who judged.
pub(super) fn judges(of: &Settled) -> Vec<String> {
    let judges: &[&str] = match of {
        Settled::Holds => &["class reachability for what exists", "Z3 for new units, by an inductive invariant"],
        Settled::Violated(Counterexample::Extended(_)) => {
            &["Z3", "class reachability in the design with the new units"]
        }
        Settled::Violated(_) => &["class reachability for what exists"],
        Settled::Unknown(_) => &["class reachability for what exists", "Z3 for new units"],
    };
    judges.iter().map(|&judge| judge.to_owned()).collect()
}

/// An attack that becomes possible when units are added.
pub(super) fn counterexample(of: &Extension) -> model::Counterexample {
    let design = &of.design;
    let hops: Vec<model::Hop> = of.hops.iter().map(|hop| proof::hop(design, hop)).collect();
    let added: Vec<AddedUnit> = of.units.iter().map(|unit| added(design.unit(*unit))).collect();
    let told: Vec<String> = added.iter().map(AddedUnit::told).collect();
    let reached = match (hops.first(), hops.last()) {
        (Some(first), Some(last)) if hops.len() == 1 => {
            format!("{} reaches {} on {}", first.source, last.destination, last.service)
        }
        (Some(first), Some(last)) => {
            format!("{} reaches {} in {} steps", first.source, last.destination, hops.len())
        }
        _ => "an attack starts at what must not be reached".to_owned(),
    };
    let summary = format!("once there is {}, {reached}", told.join(" and "));
    model::Counterexample { summary, hops, added, ..model::Counterexample::default() }
}

fn added(of: &Unit) -> AddedUnit {
    let listens = of.listeners.iter().map(|listener| match &listener.name {
        Some(name) => format!("{}/{} as {name}", listener.protocol, listener.first),
        None => format!("{}/{}", listener.protocol, listener.first),
    });
    AddedUnit {
        name: of.name.clone(),
        labels: of.labels.clone(),
        owner: of.owner.clone(),
        host: of.host.clone(),
        interfaces: of.interfaces.iter().map(connection::interface).collect(),
        listens: listens.collect(),
    }
}

/// Why such a claim is not settled.
pub(super) fn doubt(of: Unsettled) -> model::Doubt {
    let reason = match of {
        Unsettled::Doubtful => {
            "new units may reach it by a connection that depends on what is not modelled, or not known".to_owned()
        }
        Unsettled::NotShown => "Z3 lets new units reach it, and no design was found that shows it".to_owned(),
        Unsettled::Resources(limit) => {
            format!("Z3 reached its limit of {limit} resource units before what new units may do was settled")
        }
        Unsettled::WallTime(ms) => {
            format!("Z3 reached its backstop of {ms} ms before what new units may do was settled")
        }
        Unsettled::Undecided => "Z3 did not decide what new units may do".to_owned(),
    };
    model::Doubt { reason, construct: None, location: None }
}
