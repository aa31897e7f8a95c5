//! Grounds: what two groups are told before rules about few are heard, and what those change.
//!
//! The points that a connection meets follow from where its two ends stand; a connection that some point surely
//! denies is denied, one that some point may deny is unknown. What points say is worked out once for every different
//! combination of tables and rules, for 64 service classes at a time.

use super::group::{Group, Token};
use super::side::Stand;
use super::verdicts::{DENIED, UNKNOWN, VerdictSet, Verdicts};
use crate::blueprint::Blueprint;
use crate::column::Column;
use crate::coverage::Coverage;
use crate::crossing::{Circumstances, Crossings, Station};
use crate::rule_list::RuleLists;
use crate::tier_plan::Matched;
use rustc_hash::{FxHashMap, FxHashSet};
use seglab_policy::Assume;
use std::ops::ControlFlow;

/// A rule of a table that matches a pair of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Heard {
    pub(super) table: u32,
    pub(super) matched: Matched,
}

/// What decides between two groups, rules about few aside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Ground {
    /// The same whatever rules say.
    Settled(u32),
    /// These tables are asked.
    Asked {
        /// The position of the tables in [`Grounds::asked`].
        tables: u32,
        names: u32,
        /// Broad rules that match, ascending.
        heard: Vec<Heard>,
        /// Tiers that leave the pair out, as (table, tier).
        out_of_scope: Vec<(u32, u32)>,
    },
}

/// Works out grounds, and profiles on them.
pub(super) struct Grounds<'a> {
    blueprints: &'a Column<Blueprint>,
    /// Rules that match everybody.
    everywhere: &'a [Heard],
    crossings: &'a Crossings,
    table_of: &'a dyn Fn(u32, seglab_policy::Direction) -> u32,
    linked: &'a FxHashSet<(u32, u32)>,
    coverage: Coverage<'a>,
    assume: Assume,
    asked: Column<Vec<u32>>,
    known_asked: FxHashMap<Vec<u32>, u32>,
    between: FxHashMap<(Station, Station, bool), u32>,
    grounds: Column<Ground>,
    known: FxHashMap<Ground, u32>,
    profiles: FxHashMap<(u32, u32), u32>,
    pub(super) verdicts: VerdictSet,
    denied: u32,
    unknown: u32,
}

impl<'a> Grounds<'a> {
    pub(super) fn new(
        blueprints: &'a Column<Blueprint>,
        everywhere: &'a [Heard],
        crossings: &'a Crossings,
        table_of: &'a dyn Fn(u32, seglab_policy::Direction) -> u32,
        linked: &'a FxHashSet<(u32, u32)>,
        coverage: Coverage<'a>,
        assume: Assume,
    ) -> Self {
        let mut verdicts = VerdictSet::default();
        let [denied, unknown] = [DENIED, UNKNOWN].map(|code| verdicts.constant(code, coverage.classes()));
        Self {
            blueprints,
            everywhere,
            crossings,
            table_of,
            linked,
            coverage,
            assume,
            asked: Column::default(),
            known_asked: FxHashMap::default(),
            between: FxHashMap::default(),
            grounds: Column::default(),
            known: FxHashMap::default(),
            profiles: FxHashMap::default(),
            verdicts,
            denied,
            unknown,
        }
    }

    /// The number of service classes.
    pub(super) fn service_classes(&self) -> usize {
        self.coverage.classes()
    }

    /// The ground of two groups, of hosts and guests if so asked.
    pub(super) fn of(&mut self, from: &Group, to: &Group, host_and_guest: bool) -> u32 {
        let ground = match self.settled(&from.stand, &to.stand) {
            Some(profile) => Ground::Settled(profile),
            None => self.asked_between(from, to, host_and_guest),
        };
        if let Some(&known) = self.known.get(&ground) {
            return known;
        }
        let at = self.grounds.push(ground.clone());
        self.known.insert(ground, at);
        at
    }

    /// What is told where no path leads, or where something touches an end that is not modelled.
    fn settled(&self, from: &Stand, to: &Stand) -> Option<u32> {
        let carried = match (from.external, to.external) {
            (true, true) => return Some(self.denied),
            (true, false) => to.outside,
            (false, true) => from.outside,
            (false, false) => from.space == to.space || self.linked.contains(&(from.space, to.space)),
        };
        // What is not modelled may open a path that is missing, too.
        if from.touched || to.touched {
            return Some(self.unknown);
        }
        (!carried).then_some(self.denied)
    }

    fn asked_between(&mut self, from: &Group, to: &Group, host_and_guest: bool) -> Ground {
        let tables = self.tables_between(from.stand.station, to.stand.station, host_and_guest);
        let asked = &self.asked[tables];
        let mut heard: Vec<Heard> = self.everywhere.iter().filter(|one| asked.contains(&one.table)).copied().collect();
        for (here, there) in [(from, to), (to, from)] {
            for token in &here.tokens {
                let Token::Rule { table, rule, certain, gate } = *token else { continue };
                let passes = gate.map_or(Some(true), |gate| there.inside(gate));
                if let Some(inside) = passes.filter(|_| asked.contains(&table)) {
                    heard.push(Heard { table, matched: Matched { rule, certain: certain && inside } });
                }
            }
        }
        heard.sort_unstable();
        heard.dedup();
        let mut out_of_scope = Vec::new();
        for &table in asked {
            for (tier, scope) in (0u32..).zip(&self.blueprints[table].scopes) {
                let Some(scope) = scope else { continue };
                let group = match scope.side {
                    crate::blueprint::ScopeSide::Source => from,
                    crate::blueprint::ScopeSide::Destination => to,
                };
                if !group.in_scope(scope.units) {
                    out_of_scope.push((table, tier));
                }
            }
        }
        Ground::Asked { tables, names: to.stand.names, heard, out_of_scope }
    }

    /// The tables that standing points ask between two places.
    fn tables_between(&mut self, from: Station, to: Station, host_and_guest: bool) -> u32 {
        let key = (from, to, host_and_guest);
        if let Some(&known) = self.between.get(&key) {
            return known;
        }
        let mut tables = Vec::new();
        let there = Circumstances { assume: self.assume, reply: false, host_and_guest };
        let _ = self.crossings.walk(from, to, there, |rulebook, direction| {
            tables.push((self.table_of)(rulebook, direction));
            ControlFlow::Continue(())
        });
        tables.sort_unstable();
        tables.dedup();
        let (asked, known_asked) = (&mut self.asked, &mut self.known_asked);
        let at = *known_asked.entry(tables).or_insert_with_key(|tables| asked.push(tables.clone()));
        self.between.insert(key, at);
        at
    }

    /// The profile of a pair on a ground, where a list of rules about few matches it as well.
    pub(super) fn profile(&mut self, ground: u32, list: u32, lists: &RuleLists<Heard>) -> u32 {
        if let Some(&known) = self.profiles.get(&(ground, list)) {
            return known;
        }
        let profile = match self.grounds[ground].clone() {
            Ground::Settled(profile) => profile,
            Ground::Asked { tables, names, mut heard, out_of_scope } => {
                heard.extend(lists.entries(list));
                heard.sort_unstable();
                heard.dedup();
                let verdicts = self.judge(tables, names, &heard, &out_of_scope);
                self.verdicts.intern(verdicts)
            }
        };
        self.profiles.insert((ground, list), profile);
        profile
    }

    fn judge(&mut self, tables: u32, names: u32, heard: &[Heard], out_of_scope: &[(u32, u32)]) -> Verdicts {
        let words = self.coverage.words();
        let mut denied = vec![0u64; words];
        let mut doubted = vec![0u64; words];
        for &table in &self.asked[tables] {
            let blueprint = &self.blueprints[table];
            let of_table =
                heard.chunk_by(|a, b| a.table == b.table).find(|chunk| chunk.iter().any(|h| h.table == table));
            let matched: Vec<Matched> = of_table.into_iter().flatten().map(|heard| heard.matched).collect();
            let services = |rule: u32| blueprint.rules.get(rule as usize).map_or(0, |peers| peers.services);
            let mut covered: FxHashMap<u32, u32> = FxHashMap::default();
            for entry in &matched {
                covered.insert(entry.rule, self.coverage.of(services(entry.rule), names));
            }
            let in_scope = |tier| !out_of_scope.contains(&(table, tier));
            for (word, (denied, doubted)) in denied.iter_mut().zip(&mut doubted).enumerate() {
                let coverage = &self.coverage;
                let services = |rule: u32| covered.get(&rule).map_or(0, |&at| coverage.word(at, word));
                let outcome = blueprint.plan.judge(&matched, in_scope, services);
                *denied |= outcome.deny & !outcome.allow;
                *doubted |= outcome.deny & outcome.allow;
            }
        }
        let allowed = denied.iter().zip(&doubted).map(|(denied, doubted)| !denied & !doubted).collect();
        let unknown = denied.iter().zip(&doubted).map(|(denied, doubted)| !denied & doubted).collect();
        Verdicts::alike(allowed, unknown, self.coverage.classes())
    }
}
