//! Closures after steps have gone for which there is no other way.
//!
//! Whoever is lost to somebody stands behind a step that has gone, and is not reached from where that step started:
//! mostly that is the end of the step and hardly anybody else. Everybody who is not *at stake* in this sense is still
//! reached from wherever they were. So closures stay but for those at stake, and of these it is enough to ask who takes
//! a step to them: from a class, they are reached if somebody in its closure does.

use super::Closures;
use crate::classes::ClassId;
use crate::lateral::{Graph, Origin};
use crate::shared_set::{Masks, Pool, SetId};
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// As many as a mask has bits.
pub(super) const AT_STAKE_MAX: usize = 64;

/// Those at stake by position in a mask, and who takes a step to them.
struct Stake<'g> {
    graph: &'g Graph,
    avoid: Option<&'g FixedBitSet>,
    doubtful: bool,
    /// The bits of classes and external ones, ascending.
    bits: Vec<usize>,
    /// The masks of steps.
    of_steps: FxHashMap<SetId, u64>,
}

impl<'g> Stake<'g> {
    /// To whom of those at stake a set of steps leads.
    fn among(&mut self, pool: &Pool, set: SetId) -> u64 {
        let bits = &self.bits;
        *self.of_steps.entry(set).or_insert_with(|| mask_of(pool, set, bits))
    }

    fn steps(&mut self, origin: Origin) -> u64 {
        let graph = self.graph;
        self.among(&graph.pool, graph.steps(origin).get(self.doubtful))
    }

    /// To whom an owner of the class takes a step, on guests of the class too.
    fn of_class(&mut self, class: ClassId) -> u64 {
        let mut mask = self.steps(Origin::Unit(class, false));
        let mut hosts = vec![class];
        let mut seen: BTreeSet<ClassId> = BTreeSet::new();
        while let Some(host) = hosts.pop() {
            for &guest in self.graph.guests(host) {
                if self.avoid.is_some_and(|avoid| avoid.contains(guest.index())) || !seen.insert(guest) {
                    continue;
                }
                let own = self.bits.binary_search(&guest.index()).map_or(0, |at| 1 << at);
                mask |= own | self.steps(Origin::Unit(guest, true));
                hosts.push(guest);
            }
        }
        mask
    }
}

/// Which of some numbers, ascending, are in a set.
fn mask_of(pool: &Pool, set: SetId, numbers: &[usize]) -> u64 {
    let members = numbers.iter().enumerate().filter(|(_, number)| pool.contains(set, **number));
    members.fold(0, |mask, (at, _)| mask | 1 << at)
}

impl Closures {
    /// Takes those at stake, classes and external ones by bit, out of the closures from which they are no longer reached
    /// by the steps of a graph. Nobody else may have been lost, and nobody may have been won.
    pub(super) fn shrink(
        &mut self,
        graph: &Graph,
        at_stake: &BTreeSet<usize>,
        (avoid, doubtful): (Option<&FixedBitSet>, bool),
    ) {
        let bits: Vec<usize> = at_stake.iter().copied().take(AT_STAKE_MAX).collect();
        let mut stake = Stake { graph, avoid, doubtful, bits, of_steps: FxHashMap::default() };
        let classes = u32::try_from(self.classes).unwrap_or(u32::MAX);
        let own: Vec<u64> = (0..classes).map(|class| stake.of_class(ClassId(class))).collect();
        let outside: Vec<u64> =
            (0u32..).take(graph.externals).map(|at| stake.steps(Origin::External(graph.first_external + at))).collect();
        let sources: Vec<(u32, u64)> =
            graph.sources().map(|source| (source, stake.steps(Origin::Source(source)))).collect();
        // Those at stake count as steps away only where they are still reached.
        let mut certain = own.clone();
        for &bit in &stake.bits {
            certain.get_mut(bit).into_iter().for_each(|mask| *mask = 0);
        }
        let mut lost = Lost { bits: &stake.bits, own: &own, known: FxHashMap::default(), less: FxHashMap::default() };
        let mut masks = Masks::new(&self.pool, &certain);
        for set in self.sets() {
            let had = mask_of(&self.pool, set, lost.bits);
            if had != 0 {
                let leads_to = masks.of(&self.pool, set);
                lost.known.insert(set, (had, leads_to));
            }
        }
        let taken = std::mem::take(&mut self.taken);
        let masks = own.iter().chain(&outside).copied();
        self.taken = taken
            .into_iter()
            .zip(masks)
            .enumerate()
            .map(|(at, (set, mask))| {
                let missing = lost.from(set, mask);
                if missing == 0 {
                    return set;
                }
                if let Some(units) = self.units.get_mut(at).filter(|_| at < self.classes) {
                    *units -= lost.units(missing, at, graph);
                }
                lost.without(&mut self.pool, set, missing)
            })
            .collect();
        for (source, mask) in sources {
            if let Some(set) = self.sources.get_mut(&source) {
                let missing = lost.from(*set, mask);
                *set = lost.without(&mut self.pool, *set, missing);
            }
        }
    }
}

/// Who is lost from closures.
struct Lost<'s> {
    bits: &'s [usize],
    /// By class, to whom of those at stake its owner takes a step.
    own: &'s [u64],
    /// Of each closure with somebody at stake: who that is, and to whom the others in it take steps.
    known: FxHashMap<SetId, (u64, u64)>,
    /// Closures without somebody.
    less: FxHashMap<(SetId, u64), SetId>,
}

impl Lost<'_> {
    /// Who of a closure is lost from where such steps start.
    fn from(&self, set: SetId, own: u64) -> u64 {
        let Some(&(had, leads_to)) = self.known.get(&set) else { return 0 };
        let mut reached = (own | leads_to) & had;
        loop {
            let further =
                self.ones(reached).filter_map(|bit| self.own.get(bit)).fold(reached, |all, own| all | own) & had;
            if further == reached {
                return had & !reached;
            }
            reached = further;
        }
    }

    fn ones(&self, mask: u64) -> impl Iterator<Item = usize> {
        self.bits.iter().enumerate().filter(move |(at, _)| mask >> at & 1 == 1).map(|(_, &bit)| bit)
    }

    /// By how many units a closure of a class shrinks; one unit of the class itself is in it anyway.
    fn units(&self, missing: u64, class: usize, graph: &Graph) -> usize {
        let size = |bit: usize| graph.sizes.get(bit).copied().unwrap_or(0);
        // Of a class that is vacant now there is none.
        self.ones(missing).map(|bit| size(bit).saturating_sub(usize::from(bit == class))).sum()
    }

    fn without(&mut self, pool: &mut Pool, set: SetId, missing: u64) -> SetId {
        if missing == 0 {
            return set;
        }
        if let Some(&known) = self.less.get(&(set, missing)) {
            return known;
        }
        let changes: Vec<(u32, bool)> =
            self.ones(missing).filter_map(|bit| Some((u32::try_from(bit).ok()?, false))).collect();
        let less = pool.changed(set, &changes);
        self.less.insert((set, missing), less);
        less
    }
}
