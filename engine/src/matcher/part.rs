//! The part that each rule plays: what it says of many pairs is noted once for groups of classes, what it says of few
//! is noted pair by pair.

use super::side::{Matched as Peer, Side};
use crate::blueprint::{Blueprint, RulePeers};
use crate::column::{Column, ids};
use rustc_hash::FxHashMap;
use seglab_policy::{Action, Order};

/// Rules that match more pairs of classes than this are broad.
pub(super) const BROAD_PAIRS: usize = 1024;

/// Where a rule is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// It matches every pair, for certain or possibly.
    Everywhere { certain: bool },
    /// At the sources that it matches, if the destination is matched by the peer, or whatever it is.
    AtSource { gate: Option<u32> },
    /// At the destinations that it matches, if the source is matched by the peer, or whatever it is.
    AtDestination { gate: Option<u32> },
    /// At every pair that it matches.
    Pairs,
}

/// A rule in a table, with the rule that stands for all that say the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) table: u32,
    pub(super) part: Part,
    /// Rules of tiers where order has no meaning are known by what they do: all that do the same are one.
    pub(super) stands_for: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Where every rule of every table is noted, table after table; rules that match more than `broad` pairs are broad.
pub(super) fn place(blueprints: &Column<Blueprint>, sources: &Side, destinations: &Side, broad: usize) -> Vec<Placed> {
    let mut placed = Vec::new();
    let mut known: FxHashMap<(u32, u32, Action, u32, Part), u32> = FxHashMap::default();
    for (table, blueprint) in ids(blueprints.len()).zip(blueprints.iter()) {
        for (at, tier) in (0u32..).zip(&blueprint.plan.tiers) {
            let unordered = matches!(tier.order, Order::DenyOverrides | Order::AllowUnion);
            for rule in tier.rules.clone() {
                let Some((peers, plan)) =
                    blueprint.rules.get(rule as usize).zip(blueprint.plan.rules.get(rule as usize))
                else {
                    continue;
                };
                let part = part(peers, sources, destinations, broad);
                let stands_for = match unordered {
                    true => *known.entry((table, at, plan.action, peers.services, part)).or_insert(rule),
                    false => rule,
                };
                placed.push(Placed { table, part, stands_for, from: peers.from, to: peers.to });
            }
        }
    }
    placed
}

fn part(peers: &RulePeers, sources: &Side, destinations: &Side, broad: usize) -> Part {
    let (from, to) = (&sources.peers[peers.from], &destinations.peers[peers.to]);
    let counts = (from.count(sources.len()), to.count(destinations.len()));
    match (from, to) {
        (Peer::Everybody { certain: a }, Peer::Everybody { certain: b }) => Part::Everywhere { certain: *a && *b },
        (_, Peer::Everybody { certain: true }) => Part::AtSource { gate: None },
        (Peer::Everybody { certain: true }, _) => Part::AtDestination { gate: None },
        (_, Peer::Everybody { .. }) => Part::AtSource { gate: Some(peers.to) },
        (Peer::Everybody { .. }, _) => Part::AtDestination { gate: Some(peers.from) },
        _ if counts.0.saturating_mul(counts.1) <= broad => Part::Pairs,
        _ if counts.0 >= counts.1 => Part::AtDestination { gate: Some(peers.from) },
        _ => Part::AtSource { gate: Some(peers.to) },
    }
}
