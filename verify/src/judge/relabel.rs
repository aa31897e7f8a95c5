//! Endpoint classes whose units have other labels than before, or other ports by names; and those that nobody is of any
//! more.
//!
//! Peers match other endpoint classes then, or rules other ports. The cells between such an endpoint class and whoever
//! stands on the other side of such a rule are evaluated anew; parts and groups stay, for they only say where a cell is
//! kept.

use super::amend::Amendments;
use super::{Dirty, Judge, Judgements};
use crate::classes::Classes;
use crate::intern::HeaderSets;
use seglab_policy::{Peer, Unit};
use std::collections::BTreeSet;

impl Amendments {
    /// Amends the cells of an endpoint class as those of another are.
    fn copy(&mut self, from: u32, to: u32) {
        let destinations: Vec<u32> = self.from(from).collect();
        let sources: Vec<u32> = self.to(from).collect();
        for destination in destinations {
            self.cell(from, destination).into_iter().for_each(|cell| self.insert(to, destination, cell));
        }
        for source in sources {
            self.cell(source, from).into_iter().for_each(|cell| self.insert(source, to, cell));
        }
        self.cell(from, from).into_iter().for_each(|cell| self.insert(to, to, cell));
    }

    /// Amends no cell of an endpoint class.
    fn remove(&mut self, end: u32) {
        for destination in self.by_source.remove(&end).into_iter().flatten() {
            self.cells.remove(&(end, destination));
            if let Some(sources) = self.by_destination.get_mut(&destination) {
                sources.remove(&end);
            }
        }
        for source in self.by_destination.remove(&end).into_iter().flatten() {
            self.cells.remove(&(source, end));
            if let Some(destinations) = self.by_source.get_mut(&source) {
                destinations.remove(&end);
            }
        }
    }
}

impl Judgements {
    /// Matches an endpoint class as another is matched.
    pub(crate) fn split(&mut self, class: u32, other: u32) {
        self.peers.iter_mut().for_each(|matches| matches.copy(class, other));
        self.relabelled.set(other as usize, self.relabelled.contains(class as usize));
    }

    /// Matches an endpoint class by no peer but those that match everybody.
    pub(crate) fn vacate(&mut self, end: u32) {
        self.peers.iter_mut().for_each(|matches| matches.forget(end));
        self.relabelled.set(end as usize, false);
    }

    /// Matches endpoint classes by the labels that a unit has, which stands for all of theirs: the peers that match them
    /// and did not, or do not and did, ascending.
    pub(crate) fn relabel(&mut self, classes: &Classes, ends: &[u32], unit: &Unit) -> Vec<u32> {
        let mut changed = Vec::new();
        for ((at, matches), peer) in (0u32..).zip(&mut self.peers).zip(classes.words.peers.values()) {
            if let Peer::Units(selector) = &**peer {
                let is_matched = selector.matches(unit);
                let turned = ends.iter().filter(|&&end| matches.set(end, is_matched)).count();
                changed.extend((turned > 0).then_some(at));
            }
        }
        ends.iter().for_each(|&end| self.relabelled.insert(end as usize));
        changed
    }
}

impl Judge {
    /// Judges an endpoint class that was vacant as another.
    pub(crate) fn split(&mut self, class: u32, other: u32) {
        self.sources.join(other, class);
        self.destinations.join(other, class);
        self.amendments.copy(class, other);
    }

    /// Takes an endpoint class for one that is vacant as another.
    pub(crate) fn vacate(&mut self, end: u32, nobody: u32) {
        self.amendments.remove(end);
        self.sources.join(end, nobody);
        self.destinations.join(end, nobody);
    }

    /// Between whom connections may fare differently since an endpoint class has other ports by names.
    pub(crate) fn touched_by_name(&self, end: u32, all: usize, judgements: &Judgements) -> Dirty {
        let meets = |peer: u32| judgements.matching(peer, end).is_some();
        let named = self.rules.asked.iter().filter(|asked| !asked.named.is_empty() && meets(asked.to));
        let peers: BTreeSet<u32> = named.map(|asked| asked.from).collect();
        let from: BTreeSet<u32> = peers.iter().flat_map(|&peer| judgements.classes_of(peer, all)).collect();
        let is_some = !from.is_empty();
        Dirty { products: is_some.then(|| (from.into_iter().collect(), vec![end])).into_iter().collect() }
    }

    /// Between whom connections may fare differently since some peers match endpoint classes that they did not, or do
    /// not match those that they did; there are so many endpoint classes in all.
    pub(crate) fn touched(&self, ends: &[u32], peers: &[u32], all: usize, judgements: &Judgements) -> Dirty {
        let is_changed = |peer: u32| peers.binary_search(&peer).is_ok();
        let mut far: [BTreeSet<u32>; 2] = Default::default();
        for asked in &self.rules.asked {
            let [to, from] = &mut far;
            if is_changed(asked.from) {
                to.insert(asked.to);
            }
            if is_changed(asked.to) {
                from.insert(asked.from);
            }
        }
        let classes = |peers: &BTreeSet<u32>| -> Vec<u32> {
            let met: BTreeSet<u32> = peers.iter().flat_map(|&peer| judgements.classes_of(peer, all)).collect();
            met.into_iter().collect()
        };
        let [to, from] = far.each_ref().map(classes);
        let products = [(ends.to_vec(), to), (from, ends.to_vec())];
        let is_some = |(from, to): &(Vec<u32>, Vec<u32>)| !from.is_empty() && !to.is_empty();
        Dirty { products: products.into_iter().filter(is_some).collect() }
    }

    /// Evaluates these cells anew, by the rules as they are.
    pub(crate) fn evaluate(
        &mut self,
        classes: &Classes,
        dirty: &Dirty,
        judgements: &mut Judgements,
        sets: &mut HeaderSets,
    ) {
        let later = self.later(judgements);
        for (sources, destinations) in &dirty.products {
            self.amend_product(classes, (sources, destinations), &later, judgements, sets);
        }
    }
}
