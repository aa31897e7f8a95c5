//! Units whose labels are not what they were.
//!
//! Labels decide which peers of rules match a unit. Where nothing else looks at those that have changed, a unit stays of
//! its class, and the class keeps its place: only cells between its endpoint classes and whoever rules with such peers
//! speak of are evaluated anew. Endpoint classes that other units are of, too, are split first.

use super::{AMENDED_MAX, Crossing, EDITED_MAX, Engine, Paths, endpoints_of};
use crate::classes::ClassId;
use crate::judge::Dirty;
use seglab_policy::{Placement, Selector, UnitId};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What became of classes whose units were relabelled.
#[derive(Debug, Default)]
pub(crate) struct Relabelled {
    /// Between whom connections may fare differently.
    pub(crate) dirty: Dirty,
    /// The endpoint classes that classes of units have left, each with the one that they are of now.
    pub(crate) moves: Vec<(ClassId, u32, u32)>,
}

impl Engine<'_> {
    /// Takes over units that have other labels than before. `None`, and the engine is of no use any more, if more than
    /// rules between units hangs on them, or if they are not alike any more in their class.
    pub(crate) fn relabel(&mut self, units: &[UnitId]) -> Option<Relabelled> {
        let (mut relabelled, mut cells) = (Relabelled::default(), 0);
        let classes: BTreeSet<ClassId> = units.iter().map(|&unit| self.classes.of(unit)).collect();
        for class in classes {
            let members = self.classes.members(class).to_vec();
            let labels = |unit: &UnitId| &self.design.unit(*unit).labels;
            let first = members.first()?;
            let all_are = members.iter().all(|unit| units.contains(unit) && labels(unit) == labels(first));
            if !all_are || self.decides_more(class, *first) {
                return None;
            }
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
            let unit = self.design.unit(*first);
            let peers = self.judgements.relabel(&self.classes, &ends, unit);
            let amended = self.amended();
            for judge in &mut self.judges {
                let dirty = judge.touched(&ends, &peers, self.classes.endpoints.len(), &self.judgements);
                cells += dirty.pairs();
                if cells > EDITED_MAX || amended + cells > AMENDED_MAX {
                    return None;
                }
                judge.evaluate(&self.classes, &dirty, &mut self.judgements, &mut self.sets);
                relabelled.dirty.products.extend(dirty.products);
            }
        }
        relabelled.dirty.products.sort_unstable();
        relabelled.dirty.products.dedup();
        self.forget(&relabelled.dirty)?;
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
        let placements = design.points().iter().filter_map(|point| match &point.placement {
            Placement::Units(selector) => Some(selector),
            Placement::Between(_) | Placement::Around(..) => None,
        });
        let tiers = design.rulebooks().iter().flat_map(|book| &book.tiers);
        let scopes = tiers.filter_map(|tier| match &tier.scope {
            seglab_policy::Scope::Units { egress, ingress } => Some(egress.iter().chain(ingress)),
            seglab_policy::Scope::Everything => None,
        });
        let entries = design.external_sources().iter().flat_map(|source| &source.entries).map(|entry| &entry.to);
        let touched = design.unmodelled().iter().map(|what| &what.touches);
        placements.chain(scopes.flatten()).chain(entries).chain(touched).any(has_turned)
    }

    /// Moves units from an endpoint class to a vacant one that is alike in everything; `None` if there is none.
    fn split(&mut self, end: u32, units: &[UnitId]) -> Option<u32> {
        // Who has something with the one has it with the other.
        let (mut from, mut to): (Vec<u32>, Vec<u32>) = (vec![end], vec![end]);
        for judge in &self.judges {
            to.extend(judge.apart_from(end));
            from.extend(judge.apart_to(end));
        }
        let near = self.alike.host_and_guests(self, end);
        from.extend(&near);
        to.extend(&near);
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
        self.forget(&Dirty { products: vec![(from, Vec::new()), (Vec::new(), to)] })?;
        Some(other)
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

impl Paths {
    /// Leads to and from an endpoint class that was vacant as to and from another.
    fn split(&mut self, sources: std::ops::Range<u32>, end: u32, other: u32) {
        let touched = self.touched(end);
        self.touched.get_mut(other as usize).into_iter().for_each(|known| *known = touched);
        for source in sources {
            if let Some(&carried) = self.entries.get(&(source, end)) {
                self.entries.insert((source, other), carried);
            }
        }
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
