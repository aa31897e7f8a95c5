//! Claims that cannot both be true: what a need asks for, and an isolation forbids.
//!
//! One of the two is red whatever the policy says. Nobody finds that out from the policy, so it is said.

use crate::header_set::HeaderSet;
use seglab_policy::{AddressSet, Claim, Design, Peer, Service, UnitId};

/// A connection that has to work and must not be possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The position of the property that forbids it.
    pub forbids: usize,
    /// What asks for it: the position of a need, or of a property of the kind `allowed`.
    pub asks: Asking,
}

/// Who asks for connections to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// The need at this position.
    Need(usize),
    /// The property at this position.
    Property(usize),
}

/// The contradictions between `isolated` and what has to work: each connection that is both asked for and forbidden
/// makes one. Peers other than units and external addresses are not compared.
pub fn contradictions(design: &Design) -> Vec<Contradiction> {
    let needs =
        design.needs().iter().enumerate().map(|(at, need)| (Asking::Need(at), &need.from, &need.to, &need.services));
    let allowed = design.properties().iter().enumerate().filter_map(|(at, property)| match &property.claim {
        Claim::Allowed { from, to, services } => Some((Asking::Property(at), from, to, services)),
        _ => None,
    });
    let asked: Vec<_> = needs.chain(allowed).collect();
    let mut found = Vec::new();
    for (forbids, property) in design.properties().iter().enumerate() {
        let Claim::Isolated { from, to, services } = &property.claim else { continue };
        for &(asks, source, target, wanted) in &asked {
            if clash(design, (from, to, services), (source, target, wanted)) {
                found.push(Contradiction { forbids, asks });
            }
        }
    }
    found
}

/// True if some connection that must work is one that must not be possible.
fn clash(
    design: &Design,
    (from, to, services): (&Peer, &Peer, &[Service]),
    (source, target, wanted): (&Peer, &Peer, &[Service]),
) -> bool {
    let shared = |unit: Option<UnitId>| {
        let listeners = unit.map_or(&[][..], |unit| &design.unit(unit).listeners);
        let forbidden = HeaderSet::of_services(services, listeners);
        !forbidden.intersection(&HeaderSet::of_services(wanted, listeners)).is_empty()
    };
    let sources: Vec<UnitId> = both(design, from, source);
    let targets: Vec<UnitId> = match from {
        Peer::Units(own) => {
            both(design, to, target).into_iter().filter(|&unit| !own.matches(design.unit(unit))).collect()
        }
        _ => both(design, to, target),
    };
    let from_outside = covers(from, source);
    let to_outside = covers(to, target);
    let between = targets.iter().any(|&to| shared(Some(to)) && sources.iter().any(|&from| from != to));
    between
        || (from_outside && targets.iter().any(|&to| shared(Some(to))))
        || (to_outside && !sources.is_empty() && shared(None))
}

/// The units that both peers select.
fn both(design: &Design, a: &Peer, b: &Peer) -> Vec<UnitId> {
    let is = |peer: &Peer, unit: UnitId| match peer {
        Peer::Anyone => true,
        Peer::Units(selector) => selector.matches(design.unit(unit)),
        Peer::Addresses { .. } | Peer::Unmodelled(_) => false,
    };
    design.unit_ids().filter(|&unit| is(a, unit) && is(b, unit)).collect()
}

/// True if every address that a need may choose from is one that is meant: of addresses one that works is enough.
fn covers(meant: &Peer, chosen: &Peer) -> bool {
    let addresses = |peer: &Peer| match peer {
        Peer::Addresses { set, .. } => Some(set.clone()),
        Peer::Anyone => Some(AddressSet::full()),
        Peer::Units(_) | Peer::Unmodelled(_) => None,
    };
    let Peer::Addresses { set, .. } = chosen else { return false };
    !set.is_empty() && addresses(meant).is_some_and(|meant| meant.is_superset(set))
}
