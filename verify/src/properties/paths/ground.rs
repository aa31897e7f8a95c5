//! Paths that were not found, after a few steps have changed.
//!
//! That no path leads to a target is known by where attacks get: the *ground*, and that nobody on it opens a target by
//! a header that counts. If attacks get nowhere else than before, or to units that have just come, only connections that
//! may fare differently have to be looked at again: all connections of such units are among these.

use super::Search;
use crate::classes::ClassId;
use crate::counterexample::Target;
use crate::judge::Dirty;
use crate::lateral::{Attack, Origin};
use crate::members::Members;
use crate::properties::last_step;
use crate::reach::Verifier;
use crate::spread::Reached;
use fixedbitset::FixedBitSet;
use seglab_policy::{Pivot, Property};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Where attacks get that reach no target, by reading of what is doubtful. `None` where the closures show that they get
/// nowhere near one.
pub(crate) type Ground = [Option<Reached>; 2];

/// True if nobody is taken who was not before, the units of these classes aside.
fn is_within(taken: &Reached, before: &Reached, but: &BTreeSet<ClassId>) -> bool {
    let is_new = |(taken, before): (&FixedBitSet, &FixedBitSet)| {
        taken.difference(before).any(|class| !u32::try_from(class).is_ok_and(|class| but.contains(&ClassId(class))))
    };
    ![(&taken.plain, &before.plain), (&taken.hosted, &before.hosted)].into_iter().any(is_new)
}

/// The classes that are taken, with their hosts left alone and with them owned.
fn origins(taken: &Reached) -> impl Iterator<Item = Origin> {
    let of = |set: &FixedBitSet, hosted: bool| {
        let classes: Vec<u32> = set.ones().filter_map(|class| u32::try_from(class).ok()).collect();
        classes.into_iter().map(move |class| Origin::Unit(ClassId(class), hosted))
    };
    of(&taken.plain, false).chain(of(&taken.hosted, true))
}

impl Verifier<'_> {
    /// The ground of a claim that holds, with those whom its two sides stand for; `None` where it is not known how to go
    /// on from there.
    pub(crate) fn ground(&mut self, property: &Property, attack: Attack, ends: [&Members; 2]) -> Option<Ground> {
        self.held_ground(property, attack, ends, None)
    }

    /// The ground of a claim that held on a known ground, if it still holds for certain; `dirty` are the connections
    /// that may fare differently, all those of the units of classes that have `come` among them.
    pub(crate) fn still_holds(
        &mut self,
        property: &Property,
        attack: Attack,
        ends: [&Members; 2],
        known: (&Ground, &Dirty, &BTreeSet<ClassId>),
    ) -> Option<Ground> {
        self.held_ground(property, attack, ends, Some(known))
    }

    fn held_ground(
        &mut self,
        property: &Property,
        attack: Attack,
        [from, to]: [&Members; 2],
        known: Option<(&Ground, &Dirty, &BTreeSet<ClassId>)>,
    ) -> Option<Ground> {
        if property.hops_max.is_some() || matches!(attack.pivot, Pivot::Exploitable | Pivot::EitherWay) {
            return None;
        }
        let mut ground: Ground = [None, None];
        let mut asked: Option<(Vec<Origin>, FixedBitSet)> = None;
        for (reading, doubtful) in [false, true].into_iter().enumerate() {
            let search = self.search_between(property, attack, [from, to], doubtful)?;
            if search.starts.is_empty() || search.targets.is_clear() {
                continue;
            }
            let (graph, last) = (self.graph(attack), Attack { pivot: last_step(attack.pivot), ..attack });
            if self.is_out_of_reach(&search, last) {
                continue;
            }
            // Where nothing is doubtful the second reading says what the first did.
            let is_doubtful = [attack, last].into_iter().any(|attack| self.graph(attack).doubts().contains(&true));
            if let (true, false, [Some(taken), _]) = (doubtful, is_doubtful, &ground)
                && asked.as_ref() == Some(&(search.starts.clone(), search.targets.clone()))
            {
                ground = [Some(taken.clone()), Some(taken.clone())];
                continue;
            }
            if self.runs(&search, &graph).iter().any(|run| !run.alone.is_clear()) {
                return None;
            }
            let taken = Reached::from(&graph, &search.starts, search.avoid.as_ref(), doubtful);
            if let Some((known, dirty, come)) = known {
                let before = known.get(reading)?.as_ref()?;
                if !is_within(&taken, before, come) || self.opens_a_target(&search, &taken, dirty) {
                    return None;
                }
            }
            if let Some(slot) = ground.get_mut(reading) {
                *slot = Some(taken);
            }
            asked = Some((search.starts, search.targets));
        }
        Some(ground)
    }

    /// Whether a target is opened by a connection that may fare differently.
    fn opens_a_target(&mut self, search: &Search<'_>, taken: &Reached, dirty: &Dirty) -> bool {
        let externals = self.engine.classes.endpoints.externals();
        let classes = u32::try_from(self.engine.classes.numbers().len()).unwrap_or(u32::MAX);
        let mut targets: Vec<(Target, Rc<[u32]>)> = Vec::new();
        for bit in search.targets.ones().filter_map(|bit| u32::try_from(bit).ok()) {
            targets.push(match bit.checked_sub(classes) {
                None => (Target::Class(ClassId(bit)), self.engine.endpoints_of(ClassId(bit))),
                Some(at) => (Target::External(externals.start + at), [externals.start + at].into()),
            });
        }
        let ends = |origin: Origin| match origin {
            Origin::Unit(class, _) => self.engine.endpoints_of(class),
            Origin::External(external) => [external].into(),
            Origin::Source(source) => self.engine.classes.endpoints.of_source(source).into(),
        };
        let origins = search.starts.iter().copied().chain(origins(taken));
        let origins: Vec<(Origin, Rc<[u32]>)> = origins.map(|origin| (origin, ends(origin))).collect();
        let is_in = |ends: &[u32], side: &[u32]| ends.iter().any(|end| side.binary_search(end).is_ok());
        dirty.products.iter().any(|(sources, destinations)| {
            let mut targets = targets.iter().filter(|(_, ends)| is_in(ends, destinations)).peekable();
            if targets.peek().is_none() {
                return false;
            }
            let targets: Vec<Target> = targets.map(|(target, _)| *target).collect();
            let mut origins = origins.iter().filter(|(_, ends)| is_in(ends, sources));
            origins.any(|(origin, _)| targets.iter().any(|&target| self.counts(search, *origin, target)))
        })
    }
}
