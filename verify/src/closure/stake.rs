//! Who may be lost to somebody when steps have gone.
//!
//! Whoever is lost stands behind the end of a step that has gone, and is not reached on another way from where that step
//! started. Most of a design is one component that nearly every start steps into, so that ways are not searched from
//! every start but from *hubs*, classes that many starts still step to: whom a hub reaches, they reach. Starts for which
//! a hub leaves too much open are searched from themselves.

use super::Closures;
use super::shrink::AT_STAKE_MAX;
use crate::classes::ClassId;
use crate::lateral::{Graph, Origin};
use crate::shared_set::{SetId, Walk};
use crate::spread::Reached;
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};

/// More searches are more work than closures made anew.
const SEARCHES_MAX: usize = 8;

/// Where more than this are behind an end beyond a hub, the hub says too little of it.
const BEYOND_MAX: usize = 1024;

/// So many units behind an end are as soon looked after as it is found out whether it has to be.
const FEW: usize = 4;

/// Steps that origins have, and the ends, classes and external ones by bit, to which these do not lead any more.
pub(super) type Gone = BTreeMap<SetId, BTreeSet<u32>>;

/// Whom closures may have lost.
pub(super) struct Stakes<'c> {
    /// Closed under the steps that have gone, and under those that are there.
    pub(super) closures: &'c Closures,
    pub(super) graph: &'c Graph,
    pub(super) avoid: Option<&'c FixedBitSet>,
    pub(super) doubtful: bool,
}

/// The steps of a start, with the ends that it may not get to any more.
type Start = (SetId, Vec<usize>);

impl Stakes<'_> {
    /// Those at stake, classes and external ones by bit: the ends that are not reached from where the steps started, and
    /// who is not reached but stands behind such an end. Some who are still reached may be among them. `None` if there
    /// are too many of them, or too much to search.
    pub(super) fn found(&self, gone: &Gone) -> Option<BTreeSet<usize>> {
        let mut found = self.behind_few(gone);
        let is_open = |end: &usize| !self.has_few(*end) || !found.contains(end);
        let of_start = |(steps, ends): (&SetId, &BTreeSet<u32>)| -> Start {
            (*steps, ends.iter().map(|&end| end as usize).filter(is_open).collect())
        };
        let mut starts: Vec<Start> = gone.iter().map(of_start).filter(|(_, ends)| !ends.is_empty()).collect();
        let mut tried = BTreeSet::new();
        for _ in 0..SEARCHES_MAX {
            let Some((last, _)) = starts.last() else { break };
            match self.next_hub(&starts, &tried) {
                Some(hub) => {
                    tried.insert(hub);
                    let steps = self.graph.steps(Origin::Unit(hub, false)).get(self.doubtful);
                    let mut reached = self.reached(steps);
                    reached.insert(hub.index());
                    let mut beyond = Beyond { stakes: self, reached, known: BTreeMap::new() };
                    starts.retain(|start| {
                        !(self.graph.pool.contains(start.0, hub.index()) && beyond.settles(start, &mut found))
                    });
                }
                None => {
                    let mut beyond = Beyond { stakes: self, reached: self.reached(*last), known: BTreeMap::new() };
                    let start = starts.pop()?;
                    if !beyond.settles(&start, &mut found) {
                        return None;
                    }
                }
            }
        }
        (starts.is_empty() && found.len() <= AT_STAKE_MAX).then_some(found)
    }

    /// The ends with few behind them, and these; nobody if they are many.
    fn behind_few(&self, gone: &Gone) -> BTreeSet<usize> {
        let mut behind = BTreeSet::new();
        let ends: BTreeSet<u32> = gone.values().flatten().copied().collect();
        for end in ends.into_iter().map(|end| end as usize).filter(|&end| self.has_few(end)) {
            behind.insert(end);
            if let Some(taken) = self.taken(end) {
                behind.extend(self.closures.pool.numbers(taken));
            }
            if behind.len() > AT_STAKE_MAX {
                return BTreeSet::new();
            }
        }
        behind
    }

    fn has_few(&self, end: usize) -> bool {
        self.taken(end).is_none() || self.closures.units.get(end).is_some_and(|units| *units <= FEW)
    }

    /// Who is behind an end, itself aside; `None` for external ones.
    fn taken(&self, end: usize) -> Option<SetId> {
        self.closures.taken.get(end).copied().filter(|_| end < self.closures.classes)
    }

    /// The class from which the most starts reach the most; `None` if no two step to one that was not tried.
    fn next_hub(&self, starts: &[Start], tried: &BTreeSet<ClassId>) -> Option<ClassId> {
        let [(first, _), _, ..] = starts else { return None };
        let times = self.graph.pool.times(starts.iter().map(|(steps, _)| (*steps, 1)));
        let worth = |class: ClassId| {
            let times = times.get(&class.index()).copied().filter(|times| *times > 1)?;
            Some(times * self.closures.units(class))
        };
        let avoided = |class: ClassId| self.avoid.is_some_and(|avoid| avoid.contains(class.index()));
        let classes = self.graph.pool.numbers(*first).into_iter().filter(|&bit| bit < self.graph.classes);
        let free = classes.filter_map(|class| u32::try_from(class).ok()).map(ClassId);
        let worths = free
            .filter(|class| !avoided(*class) && !tried.contains(class))
            .filter_map(|class| Some((worth(class)?, std::cmp::Reverse(class))));
        worths.max().map(|(_, std::cmp::Reverse(class))| class)
    }

    /// The classes and external ones that are reached by some steps, by bit.
    fn reached(&self, steps: SetId) -> FixedBitSet {
        let Reached { plain, hosted, outside } = Reached::by(self.graph, steps, self.avoid, self.doubtful);
        let mut reached = FixedBitSet::with_capacity(self.graph.login_bit(0));
        reached.union_with(&plain);
        reached.union_with(&hosted);
        reached.extend(outside.ones().map(|external| self.graph.classes + external));
        reached
    }
}

/// Who stands behind ends and is not among those who are reached.
struct Beyond<'s, 'c> {
    stakes: &'s Stakes<'c>,
    reached: FixedBitSet,
    known: BTreeMap<usize, Option<Vec<usize>>>,
}

impl Beyond<'_, '_> {
    /// Adds whom a start that reaches these may have lost; false, and nothing is added, if they are too many.
    fn settles(&mut self, (steps, ends): &Start, found: &mut BTreeSet<usize>) -> bool {
        let mut more: BTreeSet<usize> = BTreeSet::new();
        for &end in ends {
            let stakes = self.stakes;
            let reached = &self.reached;
            let beyond = self.known.entry(end).or_insert_with(|| beyond(stakes, reached, end));
            let Some(beyond) = beyond else { return false };
            more.extend(beyond.iter().filter(|&&bit| !stakes.graph.pool.contains(*steps, bit)));
            if found.len() + more.len() > AT_STAKE_MAX {
                return false;
            }
        }
        found.extend(more);
        true
    }
}

/// An end and everybody behind it who is not reached: nobody if the end is, `None` if they are too many.
fn beyond(stakes: &Stakes<'_>, reached: &FixedBitSet, end: usize) -> Option<Vec<usize>> {
    if reached.contains(end) {
        return Some(Vec::new());
    }
    let mut beyond = vec![end];
    if let Some(taken) = stakes.taken(end) {
        let pool = &stakes.closures.pool;
        Walk::new(pool).numbers(taken, reached, &mut |bit| {
            if beyond.len() <= BEYOND_MAX {
                beyond.push(bit);
            }
        });
    }
    (beyond.len() <= BEYOND_MAX).then_some(beyond)
}
