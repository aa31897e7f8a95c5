//! Paths that were not found, after a few steps have changed.
//!
//! That no path leads to a target is known by where attacks get: the *ground*, and that nobody on it opens a target by
//! a header that counts. If attacks get nowhere else than before, only connections that may fare differently have to
//! be looked at again.

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

/// Where attacks get that reach no target, by reading of what is doubtful. `None` where the closures show that they get
/// nowhere near one.
pub(crate) type Ground = [Option<Reached>; 2];

/// True if nobody is taken who was not before.
fn is_within(taken: &Reached, before: &Reached) -> bool {
    taken.plain.is_subset(&before.plain) && taken.hosted.is_subset(&before.hosted)
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
    /// that may fare differently.
    pub(crate) fn still_holds(
        &mut self,
        property: &Property,
        attack: Attack,
        ends: [&Members; 2],
        (known, dirty): (&Ground, &Dirty),
    ) -> Option<Ground> {
        self.held_ground(property, attack, ends, Some((known, dirty)))
    }

    fn held_ground(
        &mut self,
        property: &Property,
        attack: Attack,
        [from, to]: [&Members; 2],
        known: Option<(&Ground, &Dirty)>,
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
            if let Some((known, dirty)) = known {
                let before = known.get(reading)?.as_ref()?;
                if !is_within(&taken, before) || self.opens_a_target(&search, &taken, dirty) {
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
        let endpoints = self.engine.classes.endpoints.len();
        let (sources, destinations) = (dirty.side(true, endpoints), dirty.side(false, endpoints));
        let is_in = |ends: &[u32], side: &FixedBitSet| ends.iter().any(|&end| side.contains(end as usize));
        let externals = self.engine.classes.endpoints.externals();
        let mut targets: Vec<Target> = Vec::new();
        for bit in search.targets.ones().filter_map(|bit| u32::try_from(bit).ok()) {
            let classes = u32::try_from(self.engine.classes.len()).unwrap_or(u32::MAX);
            let (target, ends) = match bit.checked_sub(classes) {
                None => (Target::Class(ClassId(bit)), self.engine.endpoints_of(ClassId(bit))),
                Some(at) => (Target::External(externals.start + at), [externals.start + at].into()),
            };
            targets.extend(is_in(&ends, &destinations).then_some(target));
        }
        let mut origins: Vec<Origin> = search.starts.iter().copied().chain(origins(taken)).collect();
        origins.retain(|origin| match origin {
            Origin::Unit(class, _) => is_in(&self.engine.endpoints_of(*class), &sources),
            Origin::External(external) => is_in(&[*external], &sources),
            Origin::Source(source) => is_in(&self.engine.classes.endpoints.of_source(*source), &sources),
        });
        origins.iter().any(|&origin| targets.iter().any(|&target| self.counts(search, origin, target)))
    }
}
