//! Closures after a few steps have changed.
//!
//! A step that has come lets whoever got to where it starts take all that follows from where it leads: closures grow
//! by one union, whatever the shape of the graph. A step that has gone changes nothing if what it led to is still
//! reached on another way, for every closure was closed under the other steps anyway. Where there is no other way
//! closures [shrink](super::shrink) by those who stood behind it; where these are many, they are made anew.

use super::stake::{Gone, Stakes};
use super::{Closures, Sums, weight};
use crate::classes::ClassId;
use crate::lateral::{Graph, Moved, Origin};
use crate::shared_set::{Compact, Hits, Pool, SetId};
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of changes of one origin's steps that are followed one by one; more are more work than closures made anew.
const KINDS_MAX: usize = 64;

/// Sets may take so many times the room that they took at first before closures are made anew.
const GROWTH_MAX: usize = 4;

/// Nodes that cost nothing to speak of.
const NODES_FREE: usize = 4096;

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
        // Whom one gets to by way of guests is another matter where some of these are out of reach.
        if avoid.is_some() && moved.iter().any(|moved| moved.with_guests) {
            return false;
        }
        let (mut came, mut gone): (Came, Gone) = Default::default();
        let is_hosted = |moved: &Moved| matches!(moved.origin, Origin::Unit(_, true));
        let hosts = if moved.iter().any(is_hosted) { hosts(graph) } else { Hosts::default() };
        let mut differences: FxHashMap<(SetId, SetId), [Vec<u32>; 2]> = FxHashMap::default();
        for Moved { origin, before, after, .. } in moved {
            // Nobody gets to a guest that is out of reach by owning its host.
            if let (Origin::Unit(class, true), Some(avoid)) = (origin, avoid)
                && avoid.contains(class.index())
            {
                continue;
            }
            let (before, after) = (before.get(doubtful), after.get(doubtful));
            let known = differences.entry((before, after));
            let [more, less] = known.or_insert_with(|| differing(graph, (before, after), avoid));
            if !more.is_empty() {
                let none = || (FixedBitSet::with_capacity(graph.classes), Vec::new());
                let (classes, others) = came.entry(more.clone()).or_insert_with(none);
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
                gone.entry(after).or_default().extend(less.iter().copied());
            }
        }
        if came.len() > KINDS_MAX {
            return false;
        }
        for (steps, from) in &came {
            self.extend(graph, steps, from);
        }
        match (Stakes { closures: &*self, graph, avoid, doubtful }).found(&gone) {
            Some(none) if none.is_empty() => {}
            Some(at_stake) => self.shrink(graph, &at_stake, (avoid, doubtful)),
            None => return false,
        }
        self.pool.trim();
        if self.pool.size() > GROWTH_MAX * (self.nodes_first + NODES_FREE) {
            self.compact();
        }
        self.pool.size() <= GROWTH_MAX * (self.nodes_first + NODES_FREE)
    }

    /// Keeps the sets that are closures, and no others.
    fn compact(&mut self) {
        let mut compact = Compact::new(&self.pool);
        for taken in self.taken.iter_mut().chain(self.sources.values_mut()) {
            *taken = compact.take(*taken);
        }
        self.pool = compact.finish();
    }

    /// Leaves nothing to those of classes that nobody is of any more, once nobody gets to them.
    pub(crate) fn vacate(&mut self, vacated: &BTreeSet<ClassId>) {
        for class in vacated {
            self.taken.get_mut(class.index()).into_iter().for_each(|taken| *taken = SetId::EMPTY);
        }
    }

    /// Takes over that classes have other numbers of units than before; first of all that has changed.
    pub(crate) fn resize(&mut self, graph: &Graph) {
        let mut sums = Sums::new(&self.pool, &graph.sizes);
        for (at, (units, taken)) in self.units.iter_mut().zip(&self.taken).enumerate() {
            *units = weight(&self.pool, &mut sums, (at, *taken), |_| 1);
        }
    }

    /// Every closure that there is, once.
    pub(super) fn sets(&self) -> Vec<SetId> {
        let mut sets: Vec<SetId> = self.taken.iter().chain(self.sources.values()).copied().collect();
        sets.sort_unstable();
        sets.dedup();
        sets
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
        let mut heavier: FxHashMap<(SetId, SetId), usize> = FxHashMap::default();
        for (at, taken) in self.taken.iter_mut().enumerate() {
            let of_own = at < self.classes && classes.contains(at);
            let grows = match (grown.get(taken), of_own) {
                (Some(&grown), _) => grown,
                (None, true) => self.pool.union(*taken, more),
                (None, false) => continue,
            };
            if grows == *taken {
                continue;
            }
            let before = std::mem::replace(taken, grows);
            let Some(units) = self.units.get_mut(at).filter(|_| at < self.classes) else { continue };
            *units += *heavier.entry((before, grows)).or_insert_with(|| grown_by(&self.pool, graph, before, grows));
            // One unit of the class itself was counted.
            *units -= usize::from(self.pool.contains(grows, at) && !self.pool.contains(before, at));
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
    }
}

/// The classes and external ones that are in the second set and not in the first, and those that are in the first and
/// not in the second.
fn differing(graph: &Graph, (before, after): (SetId, SetId), avoid: Option<&FixedBitSet>) -> [Vec<u32>; 2] {
    let (mut more, mut less) = (Vec::new(), Vec::new());
    graph.pool.differences(before, after, &mut |bit, is_new| {
        // Beyond them a set speaks of logins.
        let counts = bit < graph.classes + graph.externals && !avoid.is_some_and(|avoid| avoid.contains(bit));
        if let (true, Ok(bit)) = (counts, u32::try_from(bit)) {
            if is_new { &mut more } else { &mut less }.push(bit);
        }
    });
    [more, less]
}

/// The units in a set that are not in a smaller one.
fn grown_by(pool: &Pool, graph: &Graph, before: SetId, after: SetId) -> usize {
    let mut units = 0;
    pool.differences(before, after, &mut |bit, _| units += graph.sizes.get(bit).copied().unwrap_or(0));
    units
}

fn hosts(graph: &Graph) -> Hosts {
    let classes = (0u32..).zip(&graph.guests);
    classes.flat_map(|(host, guests)| guests.iter().map(move |guest| (guest.0, host))).collect()
}
