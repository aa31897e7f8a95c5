//! Units whose labels are not what they were.
//!
//! Labels decide which peers of rules match a unit. Where nothing else looks at those that have changed, a unit stays of
//! its class, and the class keeps its place: only cells between its endpoint classes and whoever rules with such peers
//! speak of are evaluated anew. Endpoint classes that other units are of, too, are split first.

use super::membership::decisive;
use super::{Crossing, Engine, endpoints_of};
use crate::classes::ClassId;
use crate::judge::Dirty;
use seglab_policy::{Selector, UnitId};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What became of classes whose units have come, gone or changed.
#[derive(Debug, Default)]
pub(crate) struct Rehoused {
    /// Connections that units which have come or changed are part of.
    pub(crate) dirty: Dirty,
    /// Classes that are of other units than before, or of units that are not what they were.
    pub(crate) founded: BTreeSet<ClassId>,
    /// Classes that nobody is of any more.
    pub(crate) vacated: BTreeSet<ClassId>,
    /// Classes that have more or fewer units than before, at least for a while.
    pub(crate) resized: BTreeSet<ClassId>,
    /// The founded classes that are hosted, with the classes of their hosts.
    pub(crate) hosts: Vec<(ClassId, ClassId)>,
    /// Endpoint classes that were made, each with the one that it was made from, in this order.
    pub(crate) made: Vec<(u32, u32)>,
    /// Endpoint classes that nobody is of any more.
    pub(crate) deserted: Vec<u32>,
}

impl Rehoused {
    /// True if a class has other units than before, and others that it had before too.
    pub(crate) fn mixes(&self) -> bool {
        let is_mixed = |class: &ClassId| !self.vacated.contains(class) && !self.founded.contains(class);
        self.resized.iter().any(is_mixed)
    }

    /// True if nobody has moved.
    pub(crate) fn is_none(&self) -> bool {
        self.resized.is_empty() && self.founded.is_empty()
    }
}

/// What became of classes whose units were relabelled.
#[derive(Debug, Default)]
pub(crate) struct Relabelled {
    /// Between whom connections may fare differently.
    pub(crate) dirty: Dirty,
    /// The endpoint classes that classes of units have left, each with the one that they are of now.
    pub(crate) moves: Vec<(ClassId, u32, u32)>,
}

impl Engine<'_> {
    /// True if units that have other labels than before can stay of their class: they are all of it, alike still, and
    /// nothing but rules looks at the labels that have changed.
    pub(crate) fn stay_alike(&self, class: ClassId, relabelled: &BTreeSet<UnitId>) -> bool {
        let members = self.classes.members(class);
        let labels = |unit: &UnitId| &self.design.unit(*unit).labels;
        let Some(first) = members.first() else { return false };
        members.iter().all(|unit| relabelled.contains(unit) && labels(unit) == labels(first))
            && self.classes.named_alike(members, self.design)
            && !self.decides_more(class, *first)
    }

    /// Takes over classes whose units have other labels than before and [stay alike](Engine::stay_alike). `None`, and the
    /// engine is of no use any more, if starting anew is less work.
    pub(crate) fn relabel(&mut self, classes: &BTreeSet<ClassId>) -> Option<Relabelled> {
        let mut relabelled = Relabelled::default();
        for &class in classes {
            let members = self.classes.members(class).to_vec();
            let first = members.first()?;
            for end in self.endpoints_of(class).iter().copied() {
                let is_of = |unit: UnitId| self.classes.endpoints.of_unit(unit).contains(&end);
                if self.design.unit_ids().any(|unit| is_of(unit) && self.classes.of(unit) != class) {
                    let other = self.split(end, &members)?;
                    relabelled.moves.push((class, end, other));
                }
            }
            let ends = endpoints_of(&self.classes, class);
            if let Some(known) = self.endpoints.get_mut(class.index()) {
                *known = ends.clone().into();
            }
            self.classes.regroup(class, &ends, self.design);
            let peers = self.judgements.relabel(&self.classes, &ends, self.design.unit(*first));
            relabelled.dirty.products.extend(self.evaluate(&ends, &peers, false)?.products);
        }
        relabelled.dirty.products.sort_unstable();
        relabelled.dirty.products.dedup();
        Some(relabelled)
    }

    /// True if labels that have changed decide where points stand, what tiers are about, what paths there are or what is
    /// not modelled, for the units of a class that a unit stands for.
    fn decides_more(&self, class: ClassId, unit: UnitId) -> bool {
        let (design, group) = (self.design, self.classes.index.group_of_unit(self.classes.representative(class)));
        let has_turned = |selector: &Selector| {
            let before = self.classes.words.selectors.id(selector);
            before.is_none_or(|id| self.classes.index.holds(id, group as usize) != selector.matches(design.unit(unit)))
        };
        decisive(design).any(has_turned)
    }

    /// Moves units from an endpoint class to a vacant one that is alike in everything; `None` if there is none.
    pub(super) fn split(&mut self, end: u32, units: &[UnitId]) -> Option<u32> {
        // Who has something with the one has it with the other.
        let acquainted = self.acquainted(end);
        let other = self.classes.endpoints.split(end, units)?;
        self.judgements.split(end, other);
        self.judges.iter_mut().for_each(|judge| judge.split(end, other));
        self.paths.split(self.classes.endpoints.sources(), end, other);
        self.alike.split(self.classes.endpoints.get(end), end, other);
        for matrix in self.matrices.values_mut() {
            Rc::get_mut(matrix)?.split(end, other);
        }
        for crossing in self.returning.values_mut() {
            Rc::get_mut(crossing)?.split(end, other);
        }
        self.forget(&acquainted)?;
        Some(other)
    }

    /// Whoever has exceptions with an endpoint class, as sources and as destinations, itself among them.
    pub(super) fn acquainted(&self, end: u32) -> Dirty {
        let (mut from, mut to): (Vec<u32>, Vec<u32>) = (vec![end], vec![end]);
        for judge in &self.judges {
            to.extend(judge.apart_from(end));
            from.extend(judge.apart_to(end));
        }
        let near = self.alike.host_and_guests(self, end);
        from.extend(&near);
        to.extend(&near);
        Dirty { products: vec![(from, Vec::new()), (Vec::new(), to)] }
    }

    /// Forgets what is known of the exceptions of endpoint classes; `None` if somebody looks at them.
    pub(super) fn forget(&mut self, dirty: &Dirty) -> Option<()> {
        let endpoints = self.classes.endpoints.len();
        let (sources, destinations) = (dirty.side(true, endpoints), dirty.side(false, endpoints));
        for matrix in self.matrices.values_mut() {
            Rc::get_mut(matrix)?.forget(&sources, &destinations);
        }
        Some(())
    }
}

impl Crossing {
    /// Judges at an endpoint class that was vacant as at another.
    pub(crate) fn split(&mut self, end: u32, other: u32) {
        for stacks in [&mut self.at_source, &mut self.at_destination] {
            let stack = stacks.get(end as usize).copied().unwrap_or(0);
            stacks.get_mut(other as usize).into_iter().for_each(|known| *known = stack);
        }
    }
}
