//! What rules that match add up to: tiers in their orders, for 64 service classes at a time.
//!
//! A word holds one bit for each of 64 service classes, or a single bit for one header. Every operation of the
//! reference evaluator on "this connection" becomes one on words, so one pass over the rules that match a pair of
//! endpoints judges 64 kinds of connection between them.

use seglab_policy::{Action, Order};
use std::ops::Range;

/// How a rulebook combines its rules in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    /// The tiers that can be in scope, in their order.
    pub(crate) tiers: Vec<TierPlan>,
    /// The rules of all tiers, tier after tier, each in the order in which it is asked.
    pub(crate) rules: Vec<RulePlan>,
    /// What happens after the last tier.
    pub(crate) default_allow: bool,
}

/// How one tier combines its rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TierPlan {
    pub(crate) order: Order,
    pub(crate) otherwise: Action,
    /// The positions of its rules in [`Plan::rules`].
    pub(crate) rules: Range<u32>,
}

/// What a rule brings to its tier, beyond whom it matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulePlan {
    pub(crate) action: Action,
    pub(crate) priority: i64,
    /// The object that it is written in, as a number; rules of one object are in a defined order.
    pub(crate) object: u32,
}

/// A rule that matches a pair of endpoints, or may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Matched {
    /// Its position in [`Plan::rules`].
    pub(crate) rule: u32,
    /// False if it is not known whether it matches.
    pub(crate) certain: bool,
}

/// The outcomes that are possible, one bit per service class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutcomeBits {
    pub(crate) allow: u64,
    pub(crate) deny: u64,
}

/// What a tier may say, one bit per service class.
#[derive(Clone, Copy, Default)]
struct Said {
    allow: u64,
    deny: u64,
    pass: u64,
}

impl Said {
    fn add(&mut self, action: Action, bits: u64) {
        match action {
            Action::Allow => self.allow |= bits,
            Action::Deny => self.deny |= bits,
            Action::Pass => self.pass |= bits,
        }
    }
}

impl Plan {
    /// Judges the service classes of a word by the rules that match, in ascending order; `services` says which of the
    /// word's classes a rule is for.
    pub(crate) fn judge(
        &self,
        matched: &[Matched],
        in_scope: impl Fn(u32) -> bool,
        services: impl Fn(u32) -> u64,
    ) -> OutcomeBits {
        let of_tier = |_, tier: &TierPlan| {
            let first = matched.partition_point(|entry| entry.rule < tier.rules.start);
            let last = matched.partition_point(|entry| entry.rule < tier.rules.end);
            matched.get(first..last).unwrap_or_default()
        };
        self.judge_by_tier(of_tier, in_scope, services)
    }

    /// As [`Plan::judge`], by the rules that match of each tier, in the order in which they are asked.
    pub(crate) fn judge_by_tier<'m>(
        &self,
        of_tier: impl Fn(u32, &TierPlan) -> &'m [Matched],
        in_scope: impl Fn(u32) -> bool,
        services: impl Fn(u32) -> u64,
    ) -> OutcomeBits {
        let mut live = u64::MAX;
        let mut outcome = OutcomeBits::default();
        for (at, tier) in (0u32..).zip(&self.tiers) {
            if !in_scope(at) {
                continue;
            }
            let said = self.judge_tier(tier, of_tier(at, tier), &services);
            outcome.allow |= live & said.allow;
            outcome.deny |= live & said.deny;
            live &= said.pass;
            if live == 0 {
                return outcome;
            }
        }
        if self.default_allow {
            outcome.allow |= live
        } else {
            outcome.deny |= live
        }
        outcome
    }

    fn judge_tier(&self, tier: &TierPlan, matched: &[Matched], services: &impl Fn(u32) -> u64) -> Said {
        let mut said = Said::default();
        let open = match tier.order {
            Order::FirstMatch => self.first_match(matched.iter(), services, &mut said, u64::MAX),
            Order::FirstMatchUndefinedTies => self.undefined_ties(matched, services, &mut said),
            Order::DenyOverrides | Order::AllowUnion => self.strongest(matched, services, &mut said),
        };
        said.add(tier.otherwise, open);
        said
    }

    /// Rules in their order: a certain match closes its classes, a possible one leaves them open.
    fn first_match<'a>(
        &self,
        matched: impl Iterator<Item = &'a Matched>,
        services: &impl Fn(u32) -> u64,
        said: &mut Said,
        mut open: u64,
    ) -> u64 {
        for entry in matched {
            let bits = services(entry.rule) & open;
            said.add(self.rule(entry.rule).action, bits);
            if entry.certain {
                open &= !bits;
            }
        }
        open
    }

    /// As [`Plan::first_match`], but among rules of one priority each object's are asked on their own.
    fn undefined_ties(&self, matched: &[Matched], services: &impl Fn(u32) -> u64, said: &mut Said) -> u64 {
        let mut open = u64::MAX;
        for level in matched.chunk_by(|a, b| self.rule(a.rule).priority == self.rule(b.rule).priority) {
            let object = |entry: &Matched| self.rule(entry.rule).object;
            let mut objects: Vec<u32> = level.iter().map(object).collect();
            objects.sort_unstable();
            objects.dedup();
            open = objects.into_iter().fold(open, |still_open, of| {
                still_open & self.first_match(level.iter().filter(|entry| object(entry) == of), services, said, open)
            });
        }
        open
    }

    /// Deny before allow before pass.
    fn strongest(&self, matched: &[Matched], services: &impl Fn(u32) -> u64, said: &mut Said) -> u64 {
        let mut open = u64::MAX;
        for action in [Action::Deny, Action::Allow, Action::Pass] {
            let mut certain = 0;
            for entry in matched.iter().filter(|entry| self.rule(entry.rule).action == action) {
                let bits = services(entry.rule);
                said.add(action, bits & open);
                if entry.certain {
                    certain |= bits;
                }
            }
            open &= !certain;
        }
        open
    }

    #[expect(clippy::indexing_slicing, reason = "matches are made of positions in the plan that they are judged by")]
    fn rule(&self, at: u32) -> &RulePlan {
        &self.rules[at as usize]
    }
}
