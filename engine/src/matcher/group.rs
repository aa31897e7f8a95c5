//! Groups: classes of one side of which broad rules, scopes and places say the same.

use super::part::{Part, Placed};
use super::side::{Matched as Peer, Side, Stand};
use crate::blueprint::{Blueprint, ScopeSide};
use crate::column::{Column, ids};
use rustc_hash::FxHashMap;

/// Something that broad rules and scopes say of a class on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Token {
    /// A rule matches it, if the other side is inside the gate, or whatever it is.
    Rule { table: u32, rule: u32, certain: bool, gate: Option<u32> },
    /// It is inside a peer that is the gate of rules noted on the other side.
    Inside { gate: u32, certain: bool },
    /// It is in a scope.
    Scope { units: u32 },
}

/// Groups of one side.
pub(super) struct Groups {
    pub(super) of_class: Column<u32>,
    pub(super) groups: Column<Group>,
}

/// Classes of which the same is said.
pub(super) struct Group {
    pub(super) stand: Stand,
    /// Ascending.
    pub(super) tokens: Vec<Token>,
}

impl Group {
    /// Whether the group is inside a peer, if it is, for certain.
    pub(super) fn inside(&self, gate: u32) -> Option<bool> {
        let has = |certain| self.tokens.binary_search(&Token::Inside { gate, certain }).is_ok();
        if has(true) { Some(true) } else { has(false).then_some(false) }
    }

    /// True if the group is in a scope.
    pub(super) fn in_scope(&self, units: u32) -> bool {
        self.tokens.binary_search(&Token::Scope { units }).is_ok()
    }
}

impl Groups {
    /// Groups the classes of a side.
    pub(super) fn new(side: ScopeSide, classes: &Side, placed: &[Placed], blueprints: &Column<Blueprint>) -> Self {
        let mut tokens: Column<Vec<Token>> = Column::filled(Vec::new(), classes.len());
        let mut note = |peer: u32, token: &dyn Fn(bool) -> Token| match &classes.peers[peer] {
            Peer::Everybody { certain } => ids(classes.len()).for_each(|class| tokens[class].push(token(*certain))),
            Peer::Classes(members) => {
                members.iter().for_each(|&(class, certain)| tokens[class].push(token(certain)));
            }
        };
        let mut gates = Vec::new();
        for rule in placed {
            let (peer, other) = match side {
                ScopeSide::Source => (rule.from, rule.to),
                ScopeSide::Destination => (rule.to, rule.from),
            };
            match (rule.part, side) {
                (Part::AtSource { gate }, ScopeSide::Source)
                | (Part::AtDestination { gate }, ScopeSide::Destination) => {
                    let (table, rule) = (rule.table, rule.stands_for);
                    note(peer, &|certain| Token::Rule { table, rule, certain, gate });
                    debug_assert!(gate.is_none_or(|gate| gate == other));
                }
                (Part::AtSource { gate: Some(gate) }, ScopeSide::Destination)
                | (Part::AtDestination { gate: Some(gate) }, ScopeSide::Source) => gates.push(gate),
                _ => {}
            }
        }
        gates.sort_unstable();
        gates.dedup();
        gates.into_iter().for_each(|gate| note(gate, &|certain| Token::Inside { gate, certain }));
        let scopes = blueprints.iter().flat_map(|blueprint| blueprint.scopes.iter().flatten());
        let mut units: Vec<u32> = scopes.filter(|scope| scope.side == side).map(|scope| scope.units).collect();
        units.sort_unstable();
        units.dedup();
        for units in units {
            classes.scopes[units].iter().for_each(|&class| tokens[class].push(Token::Scope { units }));
        }
        let mut known: FxHashMap<(Stand, Vec<Token>), u32> = FxHashMap::default();
        let mut groups = Groups { of_class: Column::default(), groups: Column::default() };
        for (class, mut tokens) in (0u32..).zip(tokens) {
            tokens.sort_unstable();
            tokens.dedup();
            let group = *known.entry((classes.stands[class], tokens)).or_insert_with_key(|(stand, tokens)| {
                groups.groups.push(Group { stand: *stand, tokens: tokens.clone() })
            });
            groups.of_class.push(group);
        }
        groups
    }

    /// The number of groups.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }
}
