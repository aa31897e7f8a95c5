//! Closures after a few steps have changed.
//!
//! A step that has come lets whoever got to where it starts take all that follows from where it leads: closures grow
//! by one union, whatever the shape of the graph. A step that has gone changes nothing if what it led to is still
//! reached on another way, for every closure was closed under the other steps anyway. Where there is no other way the
//! closures are made anew.

use super::Closures;
use crate::classes::ClassId;
use crate::lateral::{Graph, Moved, Origin};
use crate::shared_set::{Hits, SetId, Sums};
use crate::spread::{Limits, Spreading};
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of changes of one origin's steps that are followed one by one; more are more work than closures made anew.
const KINDS_MAX: usize = 64;

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
        are_reached(graph, &gone, limits)
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
        let sets: BTreeSet<SetId> = self.taken.iter().chain(self.sources.values()).copied().collect();
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

/// True if each end of a step that has gone is still reached from where it started.
fn are_reached(graph: &Graph, gone: &[(Origin, Vec<u32>)], limits: Limits<'_>) -> bool {
    let mut known: BTreeSet<(SetId, &[u32])> = BTreeSet::new();
    let mut searches = 0;
    for (origin, ends) in gone {
        // Who has the same steps, and nothing but steps, reaches the same.
        let has_guests = matches!(origin, Origin::Unit(class, _) if !graph.guests(*class).is_empty());
        if !has_guests && !known.insert((graph.steps(*origin).get(limits.doubtful), ends)) {
            continue;
        }
        if are_reached_soon(graph, *origin, ends, limits) {
            continue;
        }
        searches += 1;
        if searches > KINDS_MAX {
            return false;
        }
        let (classes, externals): (Vec<u32>, Vec<u32>) = ends.iter().partition(|&&end| (end as usize) < graph.classes);
        let mut externals: BTreeSet<usize> = externals.into_iter().map(|external| external as usize).collect();
        let mut spreading = Spreading::new(graph, vec![*origin], limits);
        let mut seen = 0;
        loop {
            let spread = spreading.spread();
            if !externals.is_empty() {
                for from in spread.everybody().skip(seen).filter_map(|(by, _, _)| spread.origin(by)) {
                    let steps = graph.steps(from).get(limits.doubtful);
                    externals.retain(|&external| !graph.pool.contains(steps, external));
                }
                seen = spread.everybody().count();
            }
            if externals.is_empty() && classes.iter().all(|&class| spread.classes.contains(class as usize)) {
                break;
            }
            if !spreading.advance() {
                return false;
            }
        }
    }
    true
}

/// True if each end is reached by one step or two, which most are.
fn are_reached_soon(graph: &Graph, origin: Origin, ends: &[u32], limits: Limits<'_>) -> bool {
    let next = graph.pool.numbers(graph.steps(origin).get(limits.doubtful));
    let counts = |class: &usize| *class < graph.classes && !limits.avoid.is_some_and(|avoid| avoid.contains(*class));
    let steps = |class: usize| {
        let class = ClassId(u32::try_from(class).unwrap_or(u32::MAX));
        graph.steps(Origin::Unit(class, false)).get(limits.doubtful)
    };
    let mut missing: Vec<usize> = ends.iter().map(|&end| end as usize).collect();
    missing.retain(|end| next.binary_search(end).is_err());
    for class in next.iter().filter(|class| counts(class)) {
        if missing.is_empty() {
            break;
        }
        let after = steps(*class);
        missing.retain(|&end| !graph.pool.contains(after, end));
    }
    missing.is_empty()
}

fn hosts(graph: &Graph) -> Hosts {
    let classes = (0u32..).zip(&graph.guests);
    classes.flat_map(|(host, guests)| guests.iter().map(move |guest| (guest.0, host))).collect()
}
