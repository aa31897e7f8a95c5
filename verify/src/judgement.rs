//! What a list of rules says of every header at once, in the order and by the tiers of its rulebook.
//!
//! This follows the reference evaluator step by step, with sets of headers in the place of one.

use crate::endpoint_class::Match;
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use seglab_policy::{Action, Order, Rulebook};

/// The headers that a judgement may let through, and those that it may stop. Where a header is in both, it is not
/// known which happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Judgement {
    pub(crate) may_allow: HeaderId,
    pub(crate) may_deny: HeaderId,
}

/// What a rule does to a header that it matches, whatever its place among rules of the same effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Effect {
    pub(crate) tier: u32,
    pub(crate) services: HeaderId,
    pub(crate) action: Action,
    pub(crate) matched: Match,
    /// Priority and object where ties inside a priority are undefined; else nothing.
    pub(crate) priority: i64,
    pub(crate) object: u32,
}

impl Judgement {
    /// Judges every header at once, as the reference evaluator judges one: by the effects of the rules that match, in
    /// the rules' order, in the tiers that are in scope.
    pub(crate) fn new(book: &Rulebook, in_scope: &[bool], effects: &[Effect], sets: &mut HeaderSets) -> Self {
        let mut live = sets.intern(HeaderSet::full());
        let mut judged = Judgement { may_allow: HeaderId::EMPTY, may_deny: HeaderId::EMPTY };
        for (at, (tier, in_scope)) in (0u32..).zip(book.tiers.iter().zip(in_scope)) {
            if !in_scope {
                continue;
            }
            let of_tier: Vec<Effect> = effects.iter().filter(|effect| effect.tier == at).copied().collect();
            let mut may = Actions::default();
            let open = match tier.order {
                Order::FirstMatch => first_match(&of_tier, live, &mut may, sets),
                Order::FirstMatchUndefinedTies => undefined_ties(&of_tier, live, &mut may, sets),
                Order::DenyOverrides | Order::AllowUnion => strongest(&of_tier, live, &mut may, sets),
            };
            may.add(tier.otherwise, open, sets);
            judged.may_allow = sets.union(judged.may_allow, may.allow);
            judged.may_deny = sets.union(judged.may_deny, may.deny);
            live = may.pass;
        }
        let rest = if book.default_allow { &mut judged.may_allow } else { &mut judged.may_deny };
        *rest = sets.union(*rest, live);
        judged
    }
}

/// The headers for which each action is possible.
#[derive(Default)]
struct Actions {
    allow: HeaderId,
    deny: HeaderId,
    pass: HeaderId,
}

impl Actions {
    fn add(&mut self, action: Action, headers: HeaderId, sets: &mut HeaderSets) {
        let to = match action {
            Action::Allow => &mut self.allow,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        };
        *to = sets.union(*to, headers);
    }
}

/// Rules in their order; returns the headers that possibly no rule decides.
fn first_match<'e>(
    effects: impl IntoIterator<Item = &'e Effect>,
    mut open: HeaderId,
    may: &mut Actions,
    sets: &mut HeaderSets,
) -> HeaderId {
    for effect in effects {
        let hit = sets.intersection(open, effect.services);
        may.add(effect.action, hit, sets);
        if effect.matched == Match::Yes {
            open = sets.difference(open, hit);
        }
    }
    open
}

/// As [`first_match`], but inside a priority each object's rules are asked on their own and any object may win.
fn undefined_ties(effects: &[Effect], mut open: HeaderId, may: &mut Actions, sets: &mut HeaderSets) -> HeaderId {
    for level in effects.chunk_by(|a, b| a.priority == b.priority) {
        let mut objects: Vec<u32> = level.iter().map(|effect| effect.object).collect();
        objects.sort_unstable();
        objects.dedup();
        let mut left = open;
        for object in objects {
            let of_object = level.iter().filter(|effect| effect.object == object);
            let undecided = first_match(of_object, open, may, sets);
            left = sets.intersection(left, undecided);
        }
        open = left;
    }
    open
}

/// Deny before allow before pass.
fn strongest(effects: &[Effect], mut open: HeaderId, may: &mut Actions, sets: &mut HeaderSets) -> HeaderId {
    for action in [Action::Deny, Action::Allow, Action::Pass] {
        let (mut hit, mut certain) = (HeaderId::EMPTY, HeaderId::EMPTY);
        for effect in effects.iter().filter(|effect| effect.action == action) {
            hit = sets.union(hit, effect.services);
            if effect.matched == Match::Yes {
                certain = sets.union(certain, effect.services);
            }
        }
        let hit = sets.intersection(open, hit);
        may.add(action, hit, sets);
        open = sets.difference(open, certain);
    }
    open
}
