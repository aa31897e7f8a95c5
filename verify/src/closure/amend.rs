//! Closures after a few steps have changed.
//!
//! A step that has come lets whoever got to where it starts take all that follows from where it leads: closures grow
//! by one union, whatever the shape of the graph. A step that has gone changes nothing if what it led to is still
//! reached on another way, for every closure was closed under the other steps anyway. Where there is no other way
//! closures [shrink](super::shrink) by those who stood behind it; where these are many, they are made anew.

use super::Closures;
use super::shrink::AT_STAKE_MAX;
use crate::classes::ClassId;
use crate::lateral::{Graph, Moved, Origin};
use crate::shared_set::{Hits, SetId, Sums};
use crate::spread::{Limits, Spread, Spreading};
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of changes of one origin's steps that are followed one by one; more are more work than closures made anew.
const KINDS_MAX: usize = 64;

/// Searches for other ways to the ends of steps that have gone; more are more work than closures made anew.
const SEARCHES_MAX: usize = 8;

/// So many units behind an end are as soon looked after as it is found out whether it has to be.
const FEW: usize = 4;

/// What has come, by the steps that have: from which classes, and from which ends outside.
type Came = BTreeMap<Vec<u32>, (FixedBitSet, Vec<Origin>)>;

/// The classes whose units host those of each class.
type Hosts = FxHashMap<u32, u32>;

impl Closures {
    /// Takes changed steps over; false, and the closures are of no use any more, if they have to be made anew.
    pub(crate) fn amend(
        &mut self,
        graph: &Graph,
        moved: &[Moved],
        avoid: Option<&FixedBitSet>,
        doubtful: bool,
    ) -> bool {
        let (mut came, mut gone): (Came, Vec<(Origin, Vec<u32>)>) = Default::default();
        let is_hosted = |moved: &Moved| matches!(moved.origin, Origin::Unit(_, true));
        let hosts = if moved.iter().any(is_hosted) { hosts(graph) } else { Hosts::default() };
        for Moved { origin, before, after } in moved {
            // Nobody gets to a guest that is out of reach by owning its host.
            if let (Origin::Unit(class, true), Some(avoid)) = (origin, avoid)
                && avoid.contains(class.index())
            {
                continue;
            }
            let (mut more, mut less) = (Vec::new(), Vec::new());
            graph.pool.differences(before.get(doubtful), after.get(doubtful), &mut |bit, is_new| {
                // Beyond them a set speaks of logins.
                let counts = bit < graph.classes + graph.externals && !avoid.is_some_and(|avoid| avoid.contains(bit));
                if let (true, Ok(bit)) = (counts, u32::try_from(bit)) {
                    if is_new { &mut more } else { &mut less }.push(bit);
                }
            });
            if !more.is_empty() {
                let none = || (FixedBitSet::with_capacity(graph.classes), Vec::new());
                let (classes, others) = came.entry(more).or_insert_with(none);
                match origin {
                    Origin::Unit(class, false) => classes.insert(class.index()),
                    // Whoever gets to the host gets to its guests, with the host owned.
                    Origin::Unit(class, true) => {
                        hosts.get(&class.0).into_iter().for_each(|&host| classes.insert(host as usize));
                    }
                    Origin::External(_) | Origin::Source(_) => others.push(*origin),
                }
            }
            if !less.is_empty() {
                gone.push((*origin, less));
            }
        }
        if came.len() > KINDS_MAX {
            return false;
        }
        for (steps, from) in &came {
            self.extend(graph, steps, from);
        }
        let limits = Limits { avoid, connections_max: None, doubtful };
        match self.at_stake(graph, &gone, limits) {
            Some(none) if none.is_empty() => true,
            Some(at_stake) => {
                self.shrink(graph, &at_stake, (avoid, doubtful));
                true
            }
            None => false,
        }
    }

    /// The classes and external ones, by bit, whom somebody may no longer reach because these steps have gone: the ends
    /// that are not reached from where the steps started, and who is not reached but stands behind such an end. `None`
    /// if there are too many of them, or too much to search.
    fn at_stake(&self, graph: &Graph, gone: &[(Origin, Vec<u32>)], limits: Limits<'_>) -> Option<BTreeSet<usize>> {
        let mut known: BTreeSet<(SetId, &[u32])> = BTreeSet::new();
        let (mut at_stake, mut searches) = (BTreeSet::new(), 0);
        for (origin, ends) in gone {
            // Who has the same steps, and nothing but steps, reaches the same.
            let has_guests = matches!(origin, Origin::Unit(class, _) if !graph.guests(*class).is_empty());
            if !has_guests && !known.insert((graph.steps(*origin).get(limits.doubtful), ends)) {
                continue;
            }
            let mut missing = not_reached_soon(graph, *origin, ends, limits);
            // Of an end with few behind it there is no need to know whether there is another way.
            missing.retain(|&end| {
                let few = end >= self.classes || self.units.get(end).is_some_and(|units| *units <= FEW);
                at_stake.extend(few.then(|| self.behind(end)).into_iter().flatten());
                !few
            });
            if missing.is_empty() && at_stake.len() <= AT_STAKE_MAX {
                continue;
            }
            searches += 1;
            if searches > SEARCHES_MAX || at_stake.len() + missing.len() > AT_STAKE_MAX {
                return None;
            }
            let reached = reached(graph, *origin, &missing, limits);
            for end in missing.into_iter().filter(|end| !reached.contains(*end)) {
                at_stake.extend(self.behind(end).into_iter().filter(|bit| !reached.contains(*bit)));
            }
        }
        (at_stake.len() <= AT_STAKE_MAX).then_some(at_stake)
    }

    /// Every closure that there is, once.
    pub(super) fn sets(&self) -> Vec<SetId> {
        let mut sets: Vec<SetId> = self.taken.iter().chain(self.sources.values()).copied().collect();
        sets.sort_unstable();
        sets.dedup();
        sets
    }

    /// A class or an external one, and everybody who is reached from there.
    fn behind(&self, bit: usize) -> Vec<usize> {
        let mut behind = vec![bit];
        if let Some(&taken) = self.taken.get(bit).filter(|_| bit < self.classes) {
            behind.extend(self.pool.numbers(taken));
        }
        behind
    }

    /// Adds steps from some classes, and from some ends outside.
    fn extend(&mut self, graph: &Graph, steps: &[u32], (classes, others): &(FixedBitSet, Vec<Origin>)) {
        let targets = steps.iter().filter(|&&step| (step as usize) < self.classes);
        let after: BTreeSet<SetId> = targets.filter_map(|&step| self.taken.get(step as usize).copied()).collect();
        let led_to = after.into_iter().fold(SetId::EMPTY, |all, one| self.pool.union(all, one));
        let own: Vec<(u32, bool)> = steps.iter().map(|&step| (step, true)).collect();
        let more = self.pool.changed(led_to, &own);
        // Whoever has all that already passes nothing on.
        let mut classes = classes.clone();
        let has_all = |class: &usize| {
            let taken = self.taken.get(*class).copied().unwrap_or_default();
            self.pool.union(taken, more) == taken
        };
        let idle: Vec<usize> = classes.ones().filter(has_all).collect();
        idle.into_iter().for_each(|class| classes.set(class, false));
        if classes.is_clear() && others.is_empty() {
            return;
        }
        // Everybody who gets to one of the classes gets all that follows.
        let sets = self.sets();
        let mut hits = Hits::new(&self.pool, &classes);
        let reaching: Vec<SetId> = sets.into_iter().filter(|&set| hits.find(set, &mut |_| true).is_some()).collect();
        let grown: FxHashMap<SetId, SetId> =
            reaching.into_iter().map(|set| (set, self.pool.union(set, more))).collect();
        let mut changed = Vec::new();
        for (at, taken) in self.taken.iter_mut().enumerate() {
            let of_own = at < self.classes && classes.contains(at);
            let grows = match (grown.get(taken), of_own) {
                (Some(&grown), _) => grown,
                (None, true) => self.pool.union(*taken, more),
                (None, false) => continue,
            };
            if grows != *taken {
                *taken = grows;
                changed.push(at);
            }
        }
        for taken in self.sources.values_mut() {
            *taken = grown.get(taken).copied().unwrap_or(*taken);
        }
        for origin in others {
            let taken = match origin {
                Origin::External(external) => {
                    self.taken.get_mut(self.classes + (external - self.first_external) as usize)
                }
                Origin::Source(source) => self.sources.get_mut(source),
                Origin::Unit(..) => None,
            };
            taken.into_iter().for_each(|taken| *taken = self.pool.union(*taken, more));
        }
        let mut sums = Sums::new(&self.pool, &graph.sizes);
        for class in changed.into_iter().filter(|&at| at < self.classes) {
            let taken = self.taken.get(class).copied().unwrap_or_default();
            let units = sums.of(taken) + usize::from(!self.pool.contains(taken, class));
            self.units.get_mut(class).into_iter().for_each(|known| *known = units);
        }
    }
}

/// The classes and external ones that are reached from an origin: all of them, unless these ends are among them.
fn reached(graph: &Graph, origin: Origin, ends: &[usize], limits: Limits<'_>) -> FixedBitSet {
    let mut spreading = Spreading::new(graph, vec![origin], limits);
    let is_reached = |spread: &Spread, end: usize| match end.checked_sub(graph.classes) {
        None => spread.classes.contains(end),
        Some(external) => spread.outside.contains(external),
    };
    while !ends.iter().all(|&end| is_reached(spreading.spread(), end)) && spreading.advance() {}
    let Spread { classes, outside, .. } = spreading.spread();
    let mut reached = FixedBitSet::with_capacity(graph.login_bit(0));
    reached.union_with(classes);
    reached.extend(outside.ones().map(|external| graph.classes + external));
    reached
}

/// The ends that are not reached by one step or two, which most are.
fn not_reached_soon(graph: &Graph, origin: Origin, ends: &[u32], limits: Limits<'_>) -> Vec<usize> {
    let next = graph.pool.numbers(graph.steps(origin).get(limits.doubtful));
    let counts = |class: &usize| *class < graph.classes && !limits.avoid.is_some_and(|avoid| avoid.contains(*class));
    let steps = |class: usize| {
        let class = ClassId(u32::try_from(class).unwrap_or(u32::MAX));
        graph.steps(Origin::Unit(class, false)).get(limits.doubtful)
    };
    let mut missing: Vec<usize> = ends.iter().map(|&end| end as usize).collect();
    missing.retain(|end| next.binary_search(end).is_err());
    let mut known: BTreeSet<SetId> = BTreeSet::new();
    for class in next.iter().filter(|class| counts(class)) {
        if missing.is_empty() {
            break;
        }
        let after = steps(*class);
        if known.insert(after) {
            missing.retain(|&end| !graph.pool.contains(after, end));
        }
    }
    missing
}

fn hosts(graph: &Graph) -> Hosts {
    let classes = (0u32..).zip(&graph.guests);
    classes.flat_map(|(host, guests)| guests.iter().map(move |guest| (guest.0, host))).collect()
}
