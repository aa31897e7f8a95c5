//! Tiers: rules with one evaluation order, and the rulebooks that enforcement points carry.

use crate::rule::{Action, Direction, Rule};
use crate::selector::Selector;
use std::fmt;

/// How the rules of a tier combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// The first match decides, by priority, then by position.
    FirstMatch,
    /// The first match decides, by priority; among rules of one priority the order is defined only inside one
    /// [object](crate::Provenance::object). Where it matters, what happens is unknown.
    FirstMatchUndefinedTies,
    /// A matching deny decides, else a matching allow, else a matching pass.
    DenyOverrides,
    /// A matching allow decides; the tier has no other rules.
    AllowUnion,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::FirstMatch => "first-match",
            Order::FirstMatchUndefinedTies => "first-match-undefined-ties",
            Order::DenyOverrides => "deny-overrides",
            Order::AllowUnion => "allow-union",
        })
    }
}

/// The connections that a tier speaks of, direction by direction. Out of scope a tier passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every connection.
    Everything,
    /// In egress those whose source, in ingress those whose destination, is a unit that one of the selectors
    /// selects; in `forward` none.
    Units {
        /// Selectors of sources.
        egress: Vec<Selector>,
        /// Selectors of destinations.
        ingress: Vec<Selector>,
    },
}

impl Scope {
    /// The selectors that put a unit in scope of a direction; `None` if every connection is in scope.
    pub fn selectors(&self, direction: Direction) -> Option<&[Selector]> {
        match (self, direction) {
            (Scope::Everything, _) => None,
            (Scope::Units { egress, .. }, Direction::Egress) => Some(egress),
            (Scope::Units { ingress, .. }, Direction::Ingress) => Some(ingress),
            (Scope::Units { .. }, Direction::Forward) => Some(&[]),
        }
    }
}

/// Rules with one evaluation order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The name, unique in its rulebook.
    pub name: String,
    /// How its rules combine.
    pub order: Order,
    /// Which connections it speaks of.
    pub scope: Scope,
    /// What happens in scope when no rule decides.
    pub otherwise: Action,
    /// The rules, in the order in which they are written.
    pub rules: Vec<Rule>,
}

/// The position of a rulebook in [`Design::rulebooks`](crate::Design::rulebooks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RulebookId(pub u32);

/// The ordered tiers that an enforcement point owns. Points that carry the same policy share one rulebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rulebook {
    /// The name, unique in a design.
    pub name: String,
    /// The tiers, in the order in which they judge.
    pub tiers: Vec<Tier>,
    /// True if what no tier decides is allowed.
    pub default_allow: bool,
    /// True if replies to allowed connections pass unjudged.
    pub stateful: bool,
}
