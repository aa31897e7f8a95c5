//! Grounds: what two groups are told before rules about few are heard, and what those change.
//!
//! The points that a connection meets follow from where its two ends stand; a connection that some point surely
//! denies is denied, one that some point may deny is unknown. What points say is worked out once for every different
//! combination of tables and rules, for 64 service classes at a time.

use super::group::{Group, Token};
use super::side::Stand;
use super::verdicts::{DENIED, UNKNOWN, VerdictSet, Verdicts};
use crate::blueprint::{Blueprint, RulePeers, slot};
use crate::column::Column;
use crate::coverage::Coverage;
use crate::crossing::{Circumstances, Crossings, Met, Station};
use crate::rule_list::RuleLists;
use crate::tier_plan::{Matched, RulePlan};
use rustc_hash::{FxHashMap, FxHashSet};
use seglab_policy::Assume;
use std::ops::ControlFlow;
use std::sync::Arc;

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

/// When a rule of a table is asked: by tier, by priority, and then in the order in which rules came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RulePlace {
    pub(super) tier: u32,
    pub(super) priority: i64,
    pub(super) sequence: u64,
}

/// Which tables a connection between two stands asks.
pub(super) struct About {
    pub(super) crossings: Arc<Crossings>,
    pub(super) linked: Arc<FxHashSet<(u32, u32)>>,
    pub(super) assume: Assume,
    /// A rulebook and a direction that are asked instead of the points on a path.
    pub(super) only: Option<(u32, seglab_policy::Direction)>,
}

/// Works out grounds, and profiles on them.
pub(super) struct Grounds {
    pub(super) blueprints: Column<Blueprint>,
    /// Rules that match everybody.
    everywhere: Vec<Heard>,
    crossings: Arc<Crossings>,
    /// The table of each rulebook and direction.
    table_of: Column<u32>,
    linked: Arc<FxHashSet<(u32, u32)>>,
    pub(super) coverage: Coverage,
    assume: Assume,
    /// The table that is asked between any two groups, where paths and points are not.
    only: Option<u32>,
    asked: Column<Vec<u32>>,
    known_asked: FxHashMap<Vec<u32>, u32>,
    between: FxHashMap<(Station, Station, bool), u32>,
    grounds: Column<Ground>,
    known: FxHashMap<Ground, u32>,
    profiles: FxHashMap<(u32, u32), u32>,
    /// For rules about few the profiles that they make of grounds, for as long as rules stay what they are.
    remembered: FxHashMap<Vec<Heard>, Vec<(u32, u32)>>,
    /// The rules about many on grounds, each with what its services cover.
    covered_on: FxHashMap<u32, Arc<[(Heard, u32)]>>,
    /// For each table where each of its rules is asked; nothing where rules stand in their plans in that order.
    pub(super) places: Column<Column<RulePlace>>,
    /// Rules of tables, each with its table, that nothing asks any more and that came after the tables were compiled.
    pub(super) vacant_rules: Vec<(u32, u32)>,
    pub(super) verdicts: VerdictSet,
    denied: u32,
    unknown: u32,
}

impl Grounds {
    pub(super) fn new(
        blueprints: Column<Blueprint>,
        everywhere: Vec<Heard>,
        table_of: Column<u32>,
        coverage: Coverage,
        about: About,
    ) -> Self {
        let About { crossings, linked, assume, only } = about;
        let only = only.map(|(rulebook, direction)| table_of[slot(rulebook, direction)]);
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
            only,
            asked: Column::default(),
            known_asked: FxHashMap::default(),
            between: FxHashMap::default(),
            grounds: Column::default(),
            known: FxHashMap::default(),
            profiles: FxHashMap::default(),
            remembered: FxHashMap::default(),
            covered_on: FxHashMap::default(),
            places: Column::default(),
            vacant_rules: Vec::new(),
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
        if self.only.is_some() {
            return None;
        }
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
        match self.only {
            Some(only) => tables.push(only),
            None => {
                let _ = self.crossings.walk(from, to, there, |Met { rulebook, direction, .. }| {
                    tables.push(self.table_of[slot(rulebook, direction)]);
                    ControlFlow::Continue(())
                });
            }
        }
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
                let words: Vec<usize> = (0..self.coverage.words()).collect();
                let services = |one: &Heard| self.services_of(*one);
                let services: Vec<u32> = heard.iter().map(services).collect();
                let covered = |(one, list): (Heard, u32)| (one, self.coverage.of(list, names));
                let heard: Vec<(Heard, u32)> = heard.into_iter().zip(services).map(covered).collect();
                let (allowed, unknown) = self.judge(tables, &heard, &out_of_scope, &words).into_iter().unzip();
                self.verdicts.intern(Verdicts::alike(allowed, unknown, self.coverage.classes()))
            }
        };
        self.profiles.insert((ground, list), profile);
        profile
    }

    /// The profile of a pair on a ground, where these rules about few match it as well, as [`Grounds::profile`]; only what
    /// their services cover is judged again.
    pub(super) fn profile_with(&mut self, ground: u32, narrow: &[Heard]) -> u32 {
        let base = self.profile(ground, 0, &RuleLists::default());
        if narrow.is_empty() {
            return base;
        }
        let known = self.remembered.get(narrow).and_then(|known| known.iter().find(|(of, _)| *of == ground));
        if let Some(&(_, known)) = known {
            return known;
        }
        let Ground::Asked { names, .. } = self.grounds[ground] else { return base };
        let narrow_covered = narrow.iter().map(|&one| (one, self.coverage.of(self.services_of(one), names)));
        let narrow_covered: Vec<(Heard, u32)> = narrow_covered.collect();
        let words = self.words_of(&narrow_covered);
        let profile = self.judge_again(ground, base, narrow_covered, &words);
        self.remembered.entry(narrow.to_vec()).or_default().push((ground, profile));
        profile
    }

    /// The profile of a ground, as [`Grounds::profile`]; only what the services of those rules cover is judged again that
    /// are heard on one of it and another ground, and not on both.
    pub(super) fn profile_like(&mut self, ground: u32, other: u32) -> u32 {
        let lists = RuleLists::default();
        let is_alike = match (&self.grounds[ground], &self.grounds[other]) {
            (
                Ground::Asked { tables, names, out_of_scope, .. },
                Ground::Asked { tables: tables_there, names: names_there, out_of_scope: out_there, .. },
            ) => (tables, names, out_of_scope) == (tables_there, names_there, out_there),
            _ => false,
        };
        if !is_alike || self.profiles.contains_key(&(ground, 0)) {
            return self.profile(ground, 0, &lists);
        }
        let base = self.profile(other, 0, &lists);
        let [here, there] = [ground, other].map(|ground| self.covered_on(ground));
        let only = |a: &[(Heard, u32)], b: &[(Heard, u32)]| -> Vec<(Heard, u32)> {
            a.iter().filter(|one| b.binary_search(one).is_err()).copied().collect()
        };
        let differing = [only(&here, &there), only(&there, &here)].concat();
        let words = self.words_of(&differing);
        let profile = self.judge_again(ground, base, Vec::new(), &words);
        self.profiles.insert((ground, 0), profile);
        profile
    }

    /// The words of service classes that rules cover, ascending.
    fn words_of(&self, heard: &[(Heard, u32)]) -> Vec<usize> {
        let mut words: Vec<usize> =
            heard.iter().flat_map(|&(_, covered)| self.coverage.covered_words(covered)).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// A profile with these words judged again, on a ground and by these rules about few.
    fn judge_again(&mut self, ground: u32, base: u32, mut heard: Vec<(Heard, u32)>, words: &[usize]) -> u32 {
        // Of the rules about many only those count whose services are among these.
        let of_ground = self.covered_on(ground);
        let matters = |covered: u32| words.iter().any(|&word| self.coverage.word(covered, word) != 0);
        heard.extend(of_ground.iter().filter(|&&(_, covered)| matters(covered)));
        heard.sort_unstable();
        heard.dedup();
        let Some(Verdicts::Alike { allowed, unknown }) = self.verdicts.get(base) else { return base };
        let (mut allowed, mut unknown) = (allowed.to_vec(), unknown.to_vec());
        let Ground::Asked { tables, out_of_scope, .. } = &self.grounds[ground] else { return base };
        for (word, (allow, doubt)) in words.iter().zip(self.judge(*tables, &heard, out_of_scope, words)) {
            for (words, bits) in [(&mut allowed, allow), (&mut unknown, doubt)] {
                words.get_mut(*word).into_iter().for_each(|held| *held = bits);
            }
        }
        self.verdicts.intern(Verdicts::alike(allowed, unknown, self.coverage.classes()))
    }

    /// The rules about many on a ground, each with what its services cover there.
    fn covered_on(&mut self, ground: u32) -> Arc<[(Heard, u32)]> {
        if let Some(known) = self.covered_on.get(&ground) {
            return known.clone();
        }
        let Ground::Asked { names, heard, .. } = &self.grounds[ground] else { return Arc::default() };
        let (names, heard) = (*names, heard.clone());
        let covered = heard.into_iter().map(|one| (one, self.coverage.of(self.services_of(one), names)));
        let covered: Arc<[(Heard, u32)]> = covered.collect::<Vec<_>>().into();
        self.covered_on.insert(ground, covered.clone());
        covered
    }

    /// True if the answer may depend on whether one end of a connection runs on the other.
    pub(super) fn minds_hosts(&self) -> bool {
        self.crossings.minds_hosts()
    }

    /// The coverage of a unit with these points, if there is one.
    pub(super) fn coverage_of(&self, points: &[u32]) -> Option<u32> {
        self.crossings.coverage_of(points)
    }

    /// Adds a rule to a table; returns its position there.
    pub(super) fn add_rule(&mut self, table: u32, plan: RulePlan, peers: RulePeers, place: RulePlace) -> u32 {
        let blueprint = &mut self.blueprints[table];
        let vacant = self.vacant_rules.iter().position(|&(of, _)| of == table);
        if let Some((_, rule)) = vacant.map(|at| self.vacant_rules.swap_remove(at)) {
            let at = rule as usize;
            blueprint.plan.rules.get_mut(at).into_iter().for_each(|held| *held = plan.clone());
            blueprint.rules.get_mut(at).into_iter().for_each(|held| *held = peers.clone());
            self.places[table][rule] = place;
            return rule;
        }
        blueprint.plan.rules.push(plan);
        blueprint.rules.push(peers);
        self.places[table].push(place)
    }

    /// The rules that a table was compiled with.
    pub(super) fn compiled_rules(&self, table: u32) -> u32 {
        self.blueprints[table].plan.tiers.last().map_or(0, |tier| tier.rules.end)
    }

    /// Forgets what rules added up to that may be others from here on.
    pub(super) fn forget(&mut self) {
        self.remembered.clear();
    }

    fn services_of(&self, heard: Heard) -> u32 {
        let blueprint = &self.blueprints[heard.table];
        blueprint.rules.get(heard.matched.rule as usize).map_or(0, |peers| peers.services)
    }

    /// What some words of service classes are told by rules that match, each with what its services cover: those that are
    /// allowed, and those of which it is not known.
    fn judge(
        &self,
        tables: u32,
        heard: &[(Heard, u32)],
        out_of_scope: &[(u32, u32)],
        words: &[usize],
    ) -> Vec<(u64, u64)> {
        let mut told = vec![(0u64, 0u64); words.len()];
        for &table in &self.asked[tables] {
            let first = heard.partition_point(|(one, _)| one.table < table);
            let of_table = heard.get(first..).unwrap_or_default().iter().take_while(|(one, _)| one.table == table);
            let mut matched: Vec<Matched> = of_table.clone().map(|(one, _)| one.matched).collect();
            let of_table = heard.get(first..first + matched.len()).unwrap_or_default();
            let blueprint = &self.blueprints[table];
            let places = self.places.lookup(table);
            if let Some(places) = places {
                matched.sort_unstable_by_key(|entry| places[entry.rule]);
            }
            let in_scope = |tier| !out_of_scope.contains(&(table, tier));
            for (&word, (denied, doubted)) in words.iter().zip(&mut told) {
                let services = |rule: u32| {
                    let at = of_table.partition_point(|(one, _)| one.matched.rule < rule);
                    of_table.get(at).map_or(0, |&(_, covered)| self.coverage.word(covered, word))
                };
                let outcome = match places {
                    None => blueprint.plan.judge(&matched, in_scope, services),
                    Some(places) => {
                        let of_tier = |tier: u32, _: &_| {
                            let first = matched.partition_point(|entry| places[entry.rule].tier < tier);
                            let last = matched.partition_point(|entry| places[entry.rule].tier <= tier);
                            matched.get(first..last).unwrap_or_default()
                        };
                        blueprint.plan.judge_by_tier(of_tier, in_scope, services)
                    }
                };
                *denied |= outcome.deny & !outcome.allow;
                *doubted |= outcome.deny & outcome.allow;
            }
        }
        told.into_iter().map(|(denied, doubted)| (!denied & !doubted, !denied & doubted)).collect()
    }
}
