//! Near misses: the rule that would have decided otherwise, if only it had matched.
//!
//! For whoever asks why a connection is denied, the next question is what to change; mostly there is a rule that nearly
//! fits. For an allowed one it is the deny that was meant to stop it.

use crate::connection::Connection;
use crate::design::{Design, RuleId};
use crate::evaluate::Match;
use crate::rule::Action;
use crate::verdict::{Judgement, Outcomes};

/// How many rules are tried, nearest first: where a certain deny overrides, none of thousands would do.
const TRIED_MAX: usize = 256;

/// A rule that would have made a point decide otherwise, and why it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The rule.
    pub rule: RuleId,
    /// The connection comes from somebody else than the rule speaks of.
    pub source: bool,
    /// It goes to somebody else.
    pub destination: bool,
    /// It is of another service.
    pub service: bool,
}

impl NearMiss {
    /// How many parts of the rule do not match: 1 to 3.
    pub fn parts(&self) -> usize {
        usize::from(self.source) + usize::from(self.destination) + usize::from(self.service)
    }
}

impl Design {
    /// The rule of a judging point that would surely have turned its decision round, had it matched: the one of which the
    /// fewest parts do not match, the first of several; `None` where none of the nearest rules would, or where the
    /// decision is unknown.
    ///
    /// `connection` is the judged one: of a reply, the reply.
    pub fn near_miss(&self, judgement: &Judgement, connection: &Connection) -> Option<NearMiss> {
        let turned = Outcomes { allow: judgement.outcomes.deny, deny: judgement.outcomes.allow };
        if turned.allow == turned.deny {
            return None;
        }
        let wanted = if turned.allow { Action::Allow } else { Action::Deny };
        let rulebook = self.point(judgement.point).rulebook;
        let mut misses: Vec<NearMiss> = (0..)
            .zip(&self.rulebook(rulebook).tiers)
            .flat_map(|(tier, rules)| {
                (0..).zip(&rules.rules).map(move |(rule, of)| (RuleId { rulebook, tier, rule }, of))
            })
            .filter(|(_, rule)| rule.directions.contains(judgement.direction))
            // A pass turns a decision round where a later tier or the default would have had it otherwise.
            .filter(|(_, rule)| rule.action == wanted || rule.action == Action::Pass)
            .map(|(id, rule)| {
                let parts = self.parts_matched(rule, connection);
                let [source, destination, service] =
                    [parts.source, parts.destination, parts.service].map(|part| part != Match::Yes);
                NearMiss { rule: id, source, destination, service }
            })
            .filter(|miss| miss.parts() > 0)
            .collect();
        misses.sort_by_key(NearMiss::parts);
        misses
            .into_iter()
            .take(TRIED_MAX)
            .find(|miss| self.judge_as_if(rulebook, judgement.direction, connection, Some(miss.rule)).0 == turned)
    }
}
