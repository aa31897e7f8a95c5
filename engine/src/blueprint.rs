//! Blueprints: the rules of one rulebook in one direction, reduced to numbers.
//!
//! What rules name in words (peers, scopes, lists of services) is interned: it gets a number, and equal words get one
//! number. Blueprints that are equal then build one table, as the egress and the ingress of a rulebook often are.

use crate::column::Column;
use crate::population::{Matches, Population};
use crate::service::{Predicate, Services};
use crate::tier_plan::{Plan, RulePlan, TierPlan};
use rustc_hash::FxHashMap;
use seglab_policy::{Direction, Directions, Family, Order, Peer, Rulebook, Selector, Tier};
use std::collections::BTreeMap;

/// The rules of one rulebook in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Blueprint {
    pub(crate) plan: Plan,
    /// For each rule of the plan, whom it matches.
    pub(crate) rules: Vec<RulePeers>,
    /// For each tier of the plan, the units that it speaks of; `None` for every connection.
    pub(crate) scopes: Vec<Option<ScopeUnits>>,
}

/// The peers and services of a rule, interned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulePeers {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) services: u32,
}

impl RulePeers {
    /// The peer on one side.
    pub(crate) fn peer(&self, side: ScopeSide) -> u32 {
        match side {
            ScopeSide::Source => self.from,
            ScopeSide::Destination => self.to,
        }
    }
}

/// The units on one side of connections that a tier speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ScopeUnits {
    pub(crate) side: ScopeSide,
    pub(crate) units: u32,
}

/// A side of a connection, as tables see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ScopeSide {
    Source,
    Destination,
}

impl ScopeSide {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            ScopeSide::Source => ScopeSide::Destination,
            ScopeSide::Destination => ScopeSide::Source,
        }
    }
}

/// What rules name, each once.
#[derive(Default)]
pub(crate) struct Interned {
    /// What each peer matches.
    pub(crate) peers: Column<Matches>,
    /// The units of each scope.
    pub(crate) scopes: Column<Vec<u32>>,
    /// Lists of services.
    pub(crate) services: Services,
}

impl Interned {
    /// True if a list of services has names of ports.
    pub(crate) fn has_names(&self, services: u32) -> bool {
        self.services.lists()[services].iter().any(|one| matches!(one, Predicate::Named(_)))
    }
}

/// Where the table of a rulebook and direction is noted.
#[inline]
pub(crate) fn slot(rulebook: u32, direction: Direction) -> u32 {
    3 * rulebook
        + match direction {
            Direction::Egress => 0,
            Direction::Forward => 1,
            Direction::Ingress => 2,
        }
}

/// True if a rulebook surely says the same in two directions: every rule is for both, and every tier speaks of all.
fn says_the_same(book: &Rulebook, one: Direction, other: Direction) -> bool {
    book.tiers.iter().all(|tier| {
        let both = |rule: &seglab_policy::Rule| rule.directions.contains(one) == rule.directions.contains(other);
        tier.scope.selectors(one).is_none() && tier.scope.selectors(other).is_none() && tier.rules.iter().all(both)
    })
}

/// Makes the blueprints of one family.
pub(crate) struct Drafter<'a> {
    population: &'a Population<'a>,
    family: Family,
    interned: Interned,
    known_peers: FxHashMap<&'a Peer, u32>,
    known_scopes: FxHashMap<&'a [Selector], u32>,
    /// Where what changes later has to be found again: every rulebook has blueprints of its own, with all of its rules
    /// and tiers.
    keeps_all: bool,
    /// For each blueprint the position of each of its rules among all rules of the design.
    positions: Vec<Vec<u32>>,
}

/// What a drafter knows beyond blueprints and what is interned.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) peers: FxHashMap<Peer, u32>,
    /// The selectors of each scope.
    pub(crate) scopes: Vec<Vec<Selector>>,
    /// For each blueprint the position of each of its rules among all rules of the design.
    pub(crate) positions: Vec<Vec<u32>>,
}

impl<'a> Drafter<'a> {
    /// A drafter that leaves out nothing and takes no two rulebooks for one.
    pub(crate) fn keeping_all(population: &'a Population<'a>, family: Family) -> Self {
        Self { keeps_all: true, ..Self::new(population, family) }
    }

    pub(crate) fn new(population: &'a Population<'a>, family: Family) -> Self {
        Self {
            keeps_all: false,
            positions: Vec::new(),
            population,
            family,
            interned: Interned::default(),
            known_peers: FxHashMap::default(),
            known_scopes: FxHashMap::default(),
        }
    }

    /// The blueprints of all rulebooks that are asked, each once, and which one each rulebook has in each direction.
    pub(crate) fn draft_all(
        &mut self,
        books: &'a [Rulebook],
        asked: &BTreeMap<u32, Directions>,
    ) -> (Column<Blueprint>, Column<u32>) {
        let mut table_of = Column::filled(u32::MAX, 3 * books.len());
        let mut blueprints: Column<Blueprint> = Column::default();
        let mut known: FxHashMap<Blueprint, u32> = FxHashMap::default();
        let rules = |book: &Rulebook| book.tiers.iter().map(|tier| tier.rules.len()).sum::<usize>();
        let mut next = 0;
        let first = |book| {
            next += crate::column::id(rules(book));
            next - crate::column::id(rules(book))
        };
        let firsts: Vec<u32> = books.iter().map(first).collect();
        for (&at, directions) in asked {
            let Some((book, &first)) = books.get(at as usize).zip(firsts.get(at as usize)) else { continue };
            let mut drafted: Vec<(Direction, u32)> = Vec::new();
            for direction in directions.iter() {
                let alike = drafted.iter().find(|&&(other, _)| says_the_same(book, other, direction));
                let table = alike.map_or_else(
                    || {
                        let (blueprint, positions) = self.draft(book, direction, first);
                        if self.keeps_all {
                            self.positions.push(positions);
                            return blueprints.push(blueprint);
                        }
                        *known.entry(blueprint).or_insert_with_key(|new| blueprints.push(new.clone()))
                    },
                    |&(_, table)| table,
                );
                drafted.push((direction, table));
                table_of[slot(at, direction)] = table;
            }
        }
        (blueprints, table_of)
    }

    /// The blueprint of a rulebook in one direction. Rules that can match nothing, and tiers that are never in scope,
    /// are left out.
    fn draft(&mut self, book: &'a Rulebook, direction: Direction, first: u32) -> (Blueprint, Vec<u32>) {
        let (mut first, mut positions) = (first, Vec::new());
        let plan = Plan { tiers: Vec::new(), rules: Vec::new(), default_allow: book.default_allow };
        let mut blueprint = Blueprint { plan, rules: Vec::new(), scopes: Vec::new() };
        for tier in &book.tiers {
            let scope = match tier.scope.selectors(direction) {
                None => None,
                Some(selectors) => {
                    let units = self.scope(selectors);
                    if self.interned.scopes[units].is_empty() && !self.keeps_all {
                        first += crate::column::id(tier.rules.len());
                        continue;
                    }
                    let side = match direction {
                        Direction::Egress => ScopeSide::Source,
                        Direction::Forward | Direction::Ingress => ScopeSide::Destination,
                    };
                    Some(ScopeUnits { side, units })
                }
            };
            self.draft_tier(tier, direction, first, &mut blueprint, &mut positions);
            blueprint.scopes.push(scope);
            first += crate::column::id(tier.rules.len());
        }
        (blueprint, positions)
    }

    /// What was interned.
    pub(crate) fn finish(self) -> Interned {
        self.interned
    }

    /// What was interned, and what else is known.
    pub(crate) fn finish_with_known(self) -> (Interned, Known) {
        let mut scopes = vec![Vec::new(); self.known_scopes.len()];
        for (selectors, scope) in self.known_scopes {
            if let Some(held) = scopes.get_mut(scope as usize) {
                *held = selectors.to_vec();
            }
        }
        let peers = self.known_peers.into_iter().map(|(peer, at)| (peer.clone(), at)).collect();
        (self.interned, Known { peers, scopes, positions: self.positions })
    }

    /// The lists of services, to add to.
    pub(crate) fn services(&mut self) -> &mut Services {
        &mut self.interned.services
    }

    fn draft_tier(
        &mut self,
        tier: &'a Tier,
        direction: Direction,
        position: u32,
        blueprint: &mut Blueprint,
        positions: &mut Vec<u32>,
    ) {
        let mut objects: FxHashMap<&Option<String>, u32> = FxHashMap::default();
        let first = crate::column::id(blueprint.rules.len());
        let rules = (position..).zip(&tier.rules);
        for (position, rule) in rules.filter(|(_, rule)| rule.directions.contains(direction)) {
            let Some(services) = self.interned.services.intern(&rule.services, self.family) else { continue };
            let (from, to) = (self.peer(&rule.from), self.peer(&rule.to));
            let nothing = |peer: u32| self.interned.peers[peer].is_nothing();
            if !self.keeps_all && (nothing(from) || nothing(to)) {
                continue;
            }
            // Where the order of rules is defined by position, what else it could be defined by makes no difference.
            let ties = tier.order == Order::FirstMatchUndefinedTies;
            let next = crate::column::id(objects.len());
            let object = if ties { *objects.entry(&rule.provenance.object).or_insert(next) } else { 0 };
            let priority = if ties { rule.priority } else { 0 };
            blueprint.plan.rules.push(RulePlan { action: rule.action, priority, object });
            blueprint.rules.push(RulePeers { from, to, services });
            positions.push(position);
        }
        let rules = first..crate::column::id(blueprint.rules.len());
        blueprint.plan.tiers.push(TierPlan { order: tier.order, otherwise: tier.otherwise, rules });
    }

    fn peer(&mut self, peer: &'a Peer) -> u32 {
        let (population, peers) = (self.population, &mut self.interned.peers);
        *self.known_peers.entry(peer).or_insert_with(|| peers.push(population.matches(peer)))
    }

    fn scope(&mut self, selectors: &'a [Selector]) -> u32 {
        let (population, scopes) = (self.population, &mut self.interned.scopes);
        *self.known_scopes.entry(selectors).or_insert_with(|| {
            let mut units: Vec<u32> = selectors.iter().flat_map(|selector| population.of_units(selector)).collect();
            units.sort_unstable();
            units.dedup();
            scopes.push(units)
        })
    }
}
