//! The rules of a filter in one order: of those that match a packet, the first one decides.
//!
//! What decides is known by its *run*: rules of one action that follow each other are one run, for it does not matter
//! which of them matches. Runs are numbered in their order, and the odd ones allow.

use super::super::side::{Matched as Peer, Side};
use crate::blueprint::Blueprint;
use crate::column::Column;
use seglab_policy::{Action, Order};

/// The rules of a filter in the order in which they are asked.
pub(in super::super) struct Ranking {
    pub(super) rules: Vec<Ranked>,
    /// The run of packets that no rule matches: the last one.
    pub(super) otherwise: u32,
}

/// A rule with its run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranked {
    /// The peers of sources and of destinations.
    pub(super) peers: [u32; 2],
    pub(super) services: u32,
    pub(super) run: u32,
}

impl Ranking {
    /// The order of the rules of a filter; `None` where no single one says what its tiers say: rules pass on to a later
    /// tier, ties are undefined, tiers have a scope, or it is not certain whom a rule matches.
    pub(in super::super) fn new(blueprint: &Blueprint, sides: [&Side; 2]) -> Option<Self> {
        let plan = &blueprint.plan;
        let default = if plan.default_allow { Action::Allow } else { Action::Deny };
        let mut ranking = Self { rules: Vec::new(), otherwise: 0 };
        let mut last = default;
        for (at, (tier, scope)) in plan.tiers.iter().zip(&blueprint.scopes).enumerate() {
            if scope.is_some() || tier.order == Order::FirstMatchUndefinedTies {
                return None;
            }
            let of_tier = tier.rules.start as usize..tier.rules.end as usize;
            let mut rules: Vec<_> =
                plan.rules.get(of_tier.clone())?.iter().zip(blueprint.rules.get(of_tier)?).collect();
            if tier.order != Order::FirstMatch {
                rules.sort_by_key(|(rule, _)| match rule.action {
                    Action::Deny => 0,
                    Action::Allow => 1,
                    Action::Pass => 2,
                });
            }
            let is_last = at + 1 == plan.tiers.len();
            if !is_last && rules.iter().any(|(rule, _)| rule.action == Action::Pass) {
                return None;
            }
            for (rule, peers) in rules {
                let run = ranking.run_of(if rule.action == Action::Pass { default } else { rule.action });
                ranking.rules.push(Ranked { peers: [peers.from, peers.to], services: peers.services, run });
            }
            if tier.otherwise != Action::Pass {
                // No packet comes to the tiers behind this one.
                last = tier.otherwise;
                break;
            }
        }
        ranking.run_of(last);
        ranking.is_certain(sides).then_some(ranking)
    }

    /// How often the rules single out a pair of classes.
    pub(in super::super) fn singled_out(&self, sides: [&Side; 2]) -> usize {
        let pairs = |rule: &Ranked| {
            let counts = rule.peers.iter().zip(sides).map(|(&peer, side)| side.peers[peer].count(side.len()));
            counts.fold(1, usize::saturating_mul)
        };
        self.rules.iter().map(pairs).fold(0, usize::saturating_add)
    }

    /// The run of a rule of an action behind those so far.
    fn run_of(&mut self, action: Action) -> u32 {
        let allows = u32::from(action == Action::Allow);
        self.otherwise += (self.otherwise & 1) ^ allows;
        self.otherwise
    }

    /// True if every rule matches whom it matches for certain.
    fn is_certain(&self, sides: [&Side; 2]) -> bool {
        (0..2).zip(sides).all(|(at, side): (usize, _)| {
            let mut seen = Column::filled(false, side.peers.len());
            self.rules.iter().filter_map(|rule| rule.peers.get(at)).all(|&peer| {
                std::mem::replace(&mut seen[peer], true)
                    || match &side.peers[peer] {
                        Peer::Everybody { certain } => *certain,
                        Peer::Classes(classes) => classes.iter().all(|&(_, certain)| certain),
                    }
            })
        })
    }
}
