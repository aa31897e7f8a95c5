//! Needed connections that do not work, by groups.

use super::{Side, Works};
use crate::classes::ClassId;
use crate::counterexample::Flaw;
use crate::groups::{Groups, Party};
use crate::properties::{Finding, On};
use crate::reach::Verifier;
use seglab_policy::{Assume, Peer, Service};
use std::collections::BTreeMap;

/// How many pairs of classes are counted beyond those that tell whether two groups have a broken pair at all.
const COUNTED_MAX: usize = 1 << 20;

/// What is broken, or may be, between two groups.
struct Broken {
    count: u64,
    at_least: bool,
    works: Works,
}

impl Verifier<'_> {
    /// The needed connections that do not work, group by group.
    pub(in crate::properties) fn not_allowed(
        &mut self,
        (from, to, services): (&Peer, &Peer, &[Service]),
        as_if_enforced: bool,
        groups: &Groups,
    ) -> Result<Vec<Finding>, Flaw> {
        let assume = Assume { as_if_enforced, ..Assume::business() };
        let (sources, destinations) = (self.asked(from), self.asked(to));
        let outer_is_source = !sources.one_is_enough || destinations.one_is_enough;
        let (outer, inner) = if outer_is_source { (&sources, &destinations) } else { (&destinations, &sources) };
        let mut found: BTreeMap<(Option<u32>, Option<u32>), Broken> = BTreeMap::new();
        let mut needed = super::Needed::new();
        let mut left = COUNTED_MAX;
        let turned = |(own, other): (Option<u32>, Option<u32>)| {
            if outer_is_source { (own, other) } else { (other, own) }
        };
        for &(side, matched) in &outer.sides {
            if inner.one_is_enough {
                let pair = |other: Side| if outer_is_source { (side, other) } else { (other, side) };
                let works = self.with_inner(inner, &pair, services, &mut needed, assume);
                let Some(mut works) = works.or_else(|| self.nobody(side, outer, inner)) else { continue };
                if matched == super::Match::Maybe {
                    works = super::in_doubt(works, outer.one_is_enough);
                }
                let whom = inner.sides.first().map(|(inner, _)| *inner);
                let whom = whom.and_then(|whom| self.group_of_side(groups, whom));
                for (group, units) in shares(groups, side) {
                    add(&mut found, turned((group, whom)), units, &works);
                }
                continue;
            }
            for &(other, other_matched) in &inner.sides {
                let pairs = products(groups, side, other);
                let known = |pair: &(Option<u32>, Option<u32>, u64)| {
                    found.get(&turned((pair.0, pair.1))).is_some_and(|broken| matches!(broken.works, Works::No(_)))
                };
                if left == 0 && pairs.iter().all(known) {
                    for &(own, inner, _) in &pairs {
                        found.get_mut(&turned((own, inner))).into_iter().for_each(|broken| broken.at_least = true);
                    }
                    continue;
                }
                left = left.saturating_sub(1);
                let (source, destination) = if outer_is_source { (side, other) } else { (other, side) };
                if self.surely_works(source, destination, services, &mut needed, assume) {
                    continue;
                }
                let Some(mut works) = self.works(source, destination, services, assume) else { continue };
                if [matched, other_matched].contains(&super::Match::Maybe) {
                    works = super::in_doubt(works, false);
                }
                for (own, inner, count) in pairs {
                    add(&mut found, turned((own, inner)), count, &works);
                }
            }
        }
        let one_of_all = outer.one_is_enough;
        self.findings_of_pairs(found, groups, one_of_all, assume)
    }

    /// What was found, as findings; where one end of all is enough, all that was found is one.
    fn findings_of_pairs(
        &self,
        found: BTreeMap<(Option<u32>, Option<u32>), Broken>,
        groups: &Groups,
        one_of_all: bool,
        assume: Assume,
    ) -> Result<Vec<Finding>, Flaw> {
        let party = |group: Option<u32>| group.map_or(Party::Everyone, |group| groups.party(group));
        let shown = if one_of_all { 1 } else { found.len() };
        let of_broken = |((from, to), Broken { count, at_least, works })| {
            let (from, to) = if one_of_all { (None, None) } else { (from, to) };
            let verdict = self.shown_works(works, assume)?;
            Ok(Finding { from: party(from), to: party(to), on: On::Anything, count, at_least, verdict })
        };
        found.into_iter().take(shown).map(of_broken).collect()
    }

    fn group_of_side(&self, groups: &Groups, side: Side) -> Option<u32> {
        match side {
            Side::External(external) => Some(self.group_of_external(groups, external)),
            Side::Units(class) => groups.of(class).first().map(|(group, _)| *group),
        }
    }
}

fn shares(groups: &Groups, side: Side) -> Vec<(Option<u32>, u64)> {
    match side {
        Side::Units(class) => groups.of(class).iter().map(|&(group, units)| (Some(group), units)).collect(),
        Side::External(_) => vec![(None, 1)],
    }
}

/// The pairs of different units of two sides, by their groups.
fn products(groups: &Groups, side: Side, other: Side) -> Vec<(Option<u32>, Option<u32>, u64)> {
    let class = |side: Side| -> Option<ClassId> {
        match side {
            Side::Units(class) => Some(class),
            Side::External(_) => None,
        }
    };
    let same = class(side).is_some() && class(side) == class(other);
    let mut products = Vec::new();
    for (own, units) in shares(groups, side) {
        for (inner, others) in shares(groups, other) {
            let itself = if same && own == inner { units } else { 0 };
            products.push((own, inner, units * others - itself));
        }
    }
    products.retain(|(_, _, pairs)| *pairs > 0);
    products
}

fn add(
    found: &mut BTreeMap<(Option<u32>, Option<u32>), Broken>,
    groups: (Option<u32>, Option<u32>),
    count: u64,
    works: &Works,
) {
    let doubtful = match works {
        Works::Yes => return,
        Works::No(_) => false,
        Works::Unknown(_) => true,
    };
    let fresh = || Broken { count, at_least: false, works: works.clone() };
    match found.get_mut(&groups) {
        None => {
            found.insert(groups, fresh());
        }
        Some(known) => match (&known.works, doubtful) {
            (Works::Unknown(_), false) => *known = fresh(),
            (Works::Unknown(_), true) | (_, false) => known.count += count,
            (_, true) => {}
        },
    }
}
