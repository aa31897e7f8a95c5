//! The truth of every selector for every unit, without asking each selector about each unit.
//!
//! Selectors look at few keys and name few values. Units that agree on those are one *group*, and an index from keys
//! and values to groups answers each selector from the few groups that carry its rarest value.

use crate::partition::Partition;
use crate::vocabulary::Interner;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{Design, Labels, Selector, UnitId};
use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, BTreeSet};

/// Selectors' truth by group.
#[derive(Debug)]
pub(crate) struct SelectorIndex {
    group_of_unit: Vec<u32>,
    group_of_source: Vec<u32>,
    groups: usize,
    /// Groups are told apart by every label, whether a selector mentions it or not.
    by_every_label: bool,
    /// The first unit of each group; none if it is a source's alone.
    first_units: Vec<Option<UnitId>>,
    /// For each selector, in the order in which they were given, the groups that satisfy it, ascending.
    truths: Vec<Box<[u32]>>,
}

/// The keys, values and names that selectors mention.
#[derive(Default)]
struct Mentioned<'a> {
    values: BTreeMap<&'a str, BTreeSet<&'a str>>,
    names: BTreeSet<&'a str>,
}

/// What selectors can see of a unit: mentioned keys, each with its value where that is mentioned, and mentioned names.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Projection<'a> {
    labels: Vec<(&'a str, Option<&'a str>)>,
    names: [Option<&'a str>; 2],
}

impl SelectorIndex {
    /// The truth of selectors. Groups that are told apart `by_every_label` stay what they are whatever selectors come
    /// to ask about, so long as they name no unit.
    pub(crate) fn new<S: Borrow<Selector>>(design: &Design, selectors: &[S], by_every_label: bool) -> Self {
        let mut mentioned = Mentioned::default();
        selectors.iter().for_each(|selector| mentioned.read(selector.borrow()));
        if by_every_label {
            design.units().iter().for_each(|unit| mentioned.read_labels(&unit.labels));
            design.external_sources().iter().for_each(|source| mentioned.read_labels(&source.labels));
        }
        let mut projections: Interner<Projection<'_>> = Interner::new();
        let group_of_unit: Vec<u32> = design
            .units()
            .iter()
            .map(|unit| projections.intern(mentioned.project(&unit.name, unit.owner.as_deref(), &unit.labels)))
            .collect();
        let group_of_source = design
            .external_sources()
            .iter()
            .map(|source| projections.intern(mentioned.project(&source.name, None, &source.labels)))
            .collect();
        let postings = Postings::new(projections.values());
        let truths = selectors.iter().map(|selector| postings.truth(selector.borrow()).into()).collect();
        let groups = projections.len();
        let mut first_units = vec![None; groups];
        for (unit, &group) in design.unit_ids().zip(&group_of_unit).rev() {
            first_units.get_mut(group as usize).into_iter().for_each(|first| *first = Some(unit));
        }
        Self { group_of_unit, group_of_source, groups, by_every_label, first_units, truths }
    }

    /// For each group, whether a selector that is not among those given selects its units; `None` if that is not the
    /// same for all of a group.
    pub(crate) fn truth_of(&self, selector: &Selector, design: &Design) -> Option<FixedBitSet> {
        let mut truth = FixedBitSet::with_capacity(self.groups);
        let firsts = self.first_units.iter().enumerate().filter_map(|(group, first)| Some((group, (*first)?)));
        truth.extend(firsts.filter(|(_, unit)| selector.matches(design.unit(*unit))).map(|(group, _)| group));
        if self.by_every_label && !names_units(selector) {
            return Some(truth);
        }
        let is_alike =
            |unit: UnitId| truth.contains(self.group_of_unit(unit) as usize) == selector.matches(design.unit(unit));
        design.unit_ids().all(is_alike).then_some(truth)
    }

    /// Puts units that selectors see alike into a group of their own, by the labels that they have now; `selectors` are
    /// those of the truths.
    pub(crate) fn regroup<S: Borrow<Selector>>(&mut self, units: &[UnitId], selectors: &[S], design: &Design) -> u32 {
        let group = u32::try_from(self.groups).unwrap_or(u32::MAX);
        self.groups += 1;
        let first = units.first().copied();
        self.first_units.push(first);
        units.iter().for_each(|&unit| self.assign(unit, group));
        for (selector, truth) in selectors.iter().zip(&mut self.truths) {
            if first.is_some_and(|unit| selector.borrow().matches(design.unit(unit))) {
                let mut more = std::mem::take(truth).into_vec();
                more.push(group);
                *truth = more.into();
            }
        }
        group
    }

    /// Calls units what they are called now, of so many in all; those that have come are of no group.
    pub(crate) fn renumber(&mut self, now: &[Option<UnitId>], units: usize) {
        let mut group_of_unit = vec![u32::MAX; units];
        for (&group, now) in self.group_of_unit.iter().zip(now) {
            let slot = now.and_then(|now| group_of_unit.get_mut(now.index()));
            slot.into_iter().for_each(|slot| *slot = group);
        }
        self.group_of_unit = group_of_unit;
        self.first_units.iter_mut().for_each(|first| *first = None);
        for (unit, &group) in (0u32..).zip(&self.group_of_unit) {
            let first = self.first_units.get_mut(group as usize);
            first.into_iter().for_each(|first| *first = first.or(Some(UnitId(unit))));
        }
    }

    /// The group of other units that have the labels of a unit and are told by these selectors, which speak of names,
    /// what it is told.
    pub(crate) fn group_alike(&self, unit: UnitId, naming: &[&Selector], design: &Design) -> Option<u32> {
        let wanted = design.unit(unit);
        let is_alike = |first: UnitId| {
            let known = design.unit(first);
            first != unit
                && known.labels == wanted.labels
                && naming.iter().all(|selector| selector.matches(known) == selector.matches(wanted))
        };
        let mut groups = (0u32..).zip(&self.first_units);
        groups.find(|(_, first)| first.is_some_and(is_alike)).map(|(group, _)| group)
    }

    /// The first unit of a group, if it has one.
    pub(crate) fn first_unit(&self, group: usize) -> Option<UnitId> {
        self.first_units.get(group).copied().flatten()
    }

    /// Puts a unit into a group.
    pub(crate) fn assign(&mut self, unit: UnitId, group: u32) {
        self.leave(unit);
        self.group_of_unit.get_mut(unit.index()).into_iter().for_each(|known| *known = group);
        if let Some(first) = self.first_units.get_mut(group as usize) {
            *first = Some(first.map_or(unit, |known| known.min(unit)));
        }
    }

    /// Takes a unit out of its group, if it is of one.
    pub(crate) fn leave(&mut self, unit: UnitId) {
        let Some(known) = self.group_of_unit.get_mut(unit.index()) else { return };
        let left = std::mem::replace(known, u32::MAX);
        if let Some(first) = self.first_units.get_mut(left as usize) {
            let other = self.group_of_unit.iter().zip(0..).find(|(known, _)| **known == left);
            *first = other.map(|(_, unit)| UnitId(unit));
        }
    }

    /// The number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// The group of a unit.
    pub(crate) fn group_of_unit(&self, unit: UnitId) -> u32 {
        self.group_of_unit.get(unit.index()).copied().unwrap_or(u32::MAX)
    }

    /// The group of an external source, by its position.
    pub(crate) fn group_of_source(&self, source: usize) -> u32 {
        self.group_of_source.get(source).copied().unwrap_or(u32::MAX)
    }

    /// The groups that satisfy a selector, by its position, ascending.
    #[expect(clippy::indexing_slicing, reason = "positions are those of the vocabulary that the index was made from")]
    pub(crate) fn truth(&self, selector: u32) -> &[u32] {
        &self.truths[selector as usize]
    }

    /// True if a group satisfies a selector, by its position.
    pub(crate) fn holds(&self, selector: u32, group: usize) -> bool {
        u32::try_from(group).is_ok_and(|group| self.truth(selector).binary_search(&group).is_ok())
    }

    /// The groups that satisfy at least one of some selectors, by their positions.
    pub(crate) fn any(&self, selectors: &[u32]) -> FixedBitSet {
        let mut any = FixedBitSet::with_capacity(self.groups);
        selectors.iter().flat_map(|&selector| self.truth(selector)).for_each(|&group| any.insert(group as usize));
        any
    }

    /// The groups, told apart by the first `selectors` selectors only.
    pub(crate) fn partition(&self, selectors: usize) -> Partition {
        if self.by_every_label {
            return Partition::singletons(self.groups);
        }
        let mut partition = Partition::one_block(self.groups);
        self.truths.iter().take(selectors).for_each(|truth| partition.refine(truth));
        partition
    }
}

impl<'a> Mentioned<'a> {
    fn read(&mut self, selector: &'a Selector) {
        match selector {
            Selector::Everything => {}
            Selector::Named(name) => {
                self.names.insert(name);
            }
            Selector::In { key, values } | Selector::NotIn { key, values } => {
                self.values.entry(key).or_default().extend(values.iter().map(String::as_str));
            }
            Selector::Exists(key) | Selector::Absent(key) => {
                self.values.entry(key).or_default();
            }
            Selector::All(parts) | Selector::AnyOf(parts) => parts.iter().for_each(|part| self.read(part)),
            Selector::Not(inner) => self.read(inner),
        }
    }

    fn read_labels(&mut self, labels: &'a Labels) {
        for (key, value) in labels {
            self.values.entry(key).or_default().insert(value);
        }
    }

    fn project(&self, name: &str, owner: Option<&str>, labels: &Labels) -> Projection<'a> {
        let seen = labels.iter().filter_map(|(key, value)| {
            let (key, values) = self.values.get_key_value(key.as_str())?;
            Some((*key, values.get(value.as_str()).copied()))
        });
        let named = |name: &str| self.names.get(name).copied();
        Projection { labels: seen.collect(), names: [named(name), owner.and_then(named)] }
    }
}

/// True if a selector speaks of units by their names.
pub(crate) fn names_units(selector: &Selector) -> bool {
    match selector {
        Selector::Named(_) => true,
        Selector::All(parts) | Selector::AnyOf(parts) => parts.iter().any(names_units),
        Selector::Not(inner) => names_units(inner),
        Selector::Everything
        | Selector::In { .. }
        | Selector::NotIn { .. }
        | Selector::Exists(_)
        | Selector::Absent(_) => false,
    }
}

/// The groups that carry a key, a value, or a name, ascending.
struct Postings<'a> {
    all: Vec<u32>,
    keys: FxHashMap<&'a str, Vec<u32>>,
    values: FxHashMap<&'a str, FxHashMap<&'a str, Vec<u32>>>,
    names: FxHashMap<&'a str, Vec<u32>>,
}

impl<'a> Postings<'a> {
    fn new(groups: &[Projection<'a>]) -> Self {
        let mut keys: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        let mut values: FxHashMap<&str, FxHashMap<&str, Vec<u32>>> = FxHashMap::default();
        let mut names: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        for (at, group) in (0u32..).zip(groups) {
            for &(key, value) in &group.labels {
                keys.entry(key).or_default().push(at);
                if let Some(value) = value {
                    values.entry(key).or_default().entry(value).or_default().push(at);
                }
            }
            for name in group.names.into_iter().flatten() {
                let posting = names.entry(name).or_default();
                // A unit may have its owner's name.
                if posting.last() != Some(&at) {
                    posting.push(at);
                }
            }
        }
        Self { all: (0u32..).take(groups.len()).collect(), keys, values, names }
    }

    fn with_values(&self, key: &str, values: &[String]) -> Cow<'_, [u32]> {
        let Some(of_key) = self.values.get(key) else { return Cow::Borrowed(&[]) };
        let posting = |value: &String| of_key.get(value.as_str()).map_or(&[][..], Vec::as_slice);
        match values {
            [value] => Cow::Borrowed(posting(value)),
            _ => sorted(values.iter().flat_map(posting).copied().collect()),
        }
    }

    fn with_key(&self, key: &str) -> &[u32] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    fn complement(&self, set: &[u32]) -> Cow<'_, [u32]> {
        Cow::Owned(self.all.iter().copied().filter(|group| set.binary_search(group).is_err()).collect())
    }

    /// No fewer groups than satisfy a selector.
    fn most(&self, selector: &Selector) -> usize {
        let carrying = |key: &String, value: &String| self.values.get(key.as_str())?.get(value.as_str());
        match selector {
            Selector::Everything | Selector::NotIn { .. } | Selector::Absent(_) | Selector::Not(_) => self.all.len(),
            Selector::Named(name) => self.names.get(name.as_str()).map_or(0, Vec::len),
            Selector::In { key, values } => values.iter().filter_map(|value| carrying(key, value)).map(Vec::len).sum(),
            Selector::Exists(key) => self.with_key(key).len(),
            Selector::All(parts) => parts.iter().map(|part| self.most(part)).min().unwrap_or(self.all.len()),
            Selector::AnyOf(parts) => parts.iter().map(|part| self.most(part)).sum(),
        }
    }

    /// True if a group satisfies a selector.
    fn satisfies(&self, selector: &Selector, group: u32) -> bool {
        let carries = |key: &String, values: &[String]| {
            let of_key = self.values.get(key.as_str());
            of_key.is_some_and(|of_key| values.iter().any(|value| among(of_key.get(value.as_str()), group)))
        };
        match selector {
            Selector::Everything => true,
            Selector::Named(name) => among(self.names.get(name.as_str()), group),
            Selector::In { key, values } => carries(key, values),
            Selector::NotIn { key, values } => !carries(key, values),
            Selector::Exists(key) => among(self.keys.get(key.as_str()), group),
            Selector::Absent(key) => !among(self.keys.get(key.as_str()), group),
            Selector::All(parts) => parts.iter().all(|part| self.satisfies(part, group)),
            Selector::AnyOf(parts) => parts.iter().any(|part| self.satisfies(part, group)),
            Selector::Not(inner) => !self.satisfies(inner, group),
        }
    }

    /// The groups that satisfy a selector, ascending.
    fn truth(&self, selector: &Selector) -> Cow<'_, [u32]> {
        match selector {
            Selector::Everything => Cow::Borrowed(&self.all),
            Selector::Named(name) => Cow::Borrowed(self.names.get(name.as_str()).map_or(&[], Vec::as_slice)),
            Selector::In { key, values } => self.with_values(key, values),
            Selector::NotIn { key, values } => self.complement(&self.with_values(key, values)),
            Selector::Exists(key) => Cow::Borrowed(self.with_key(key)),
            Selector::Absent(key) => self.complement(self.with_key(key)),
            Selector::All(parts) => {
                // One part gives the candidates, the one with the fewest; the others only answer.
                let fewest = parts.iter().enumerate().min_by_key(|(_, part)| self.most(part));
                let Some((fewest, candidates)) = fewest else { return Cow::Borrowed(&self.all) };
                let others: Vec<&Selector> =
                    parts.iter().enumerate().filter(|(at, _)| *at != fewest).map(|(_, part)| part).collect();
                let in_all = |group: &u32| others.iter().all(|other| self.satisfies(other, *group));
                Cow::Owned(self.truth(candidates).iter().copied().filter(in_all).collect())
            }
            Selector::AnyOf(parts) => sorted(parts.iter().flat_map(|part| self.truth(part).into_owned()).collect()),
            Selector::Not(inner) => self.complement(&self.truth(inner)),
        }
    }
}

/// True if a group is among some, ascending.
fn among(groups: Option<&Vec<u32>>, group: u32) -> bool {
    groups.is_some_and(|groups| groups.binary_search(&group).is_ok())
}

/// The numbers in ascending order, each once.
fn sorted<'n>(mut numbers: Vec<u32>) -> Cow<'n, [u32]> {
    numbers.sort_unstable();
    numbers.dedup();
    Cow::Owned(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Vocabulary;
    use seglab_policy::arbitrary::design_of;

    #[test]
    fn truths_are_those_of_the_selectors() {
        let (mut satisfied, mut not) = (0, 0);
        for seed in 0..100 {
            let design = design_of(seed);
            let words = Vocabulary::new(&design);
            let plain: Vec<&Selector> = words.selectors.values().iter().map(Borrow::borrow).collect();
            let both: Vec<Selector> = plain
                .iter()
                .zip(plain.iter().rev())
                .map(|(&a, &b)| Selector::All(vec![a.clone(), Selector::Not(Box::new(b.clone()))]))
                .collect();
            let selectors: Vec<&Selector> = plain.iter().copied().chain(&both).collect();
            let index = SelectorIndex::new(&design, &selectors, seed % 2 == 1);
            for (at, selector) in (0u32..).zip(&selectors) {
                for unit in design.unit_ids() {
                    let holds = index.holds(at, index.group_of_unit(unit) as usize);
                    assert_eq!(holds, selector.matches(design.unit(unit)), "seed {seed}: {selector} and {unit:?}");
                    *if holds { &mut satisfied } else { &mut not } += 1;
                }
                let truth = index.truth_of(selector, &design).expect("a selector that is given cuts no group");
                for unit in design.unit_ids() {
                    let group = index.group_of_unit(unit);
                    assert_eq!(truth.contains(group as usize), index.holds(at, group as usize));
                }
            }
        }
        assert!(satisfied > 100 && not > 100);
    }
}
