//! Which units a selector selects, answered from an index instead of unit by unit.

use crate::column::id;
use fixedbitset::FixedBitSet;
use seglab_policy::{Selector, Unit};
use std::collections::BTreeMap;

/// Units by label, name and owner.
pub(crate) struct LabelIndex<'a> {
    units: usize,
    keys: BTreeMap<&'a str, Key<'a>>,
    names: BTreeMap<&'a str, Vec<usize>>,
}

/// The units that carry one label key.
#[derive(Default)]
struct Key<'a> {
    units: Vec<usize>,
    values: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> LabelIndex<'a> {
    /// Indexes the units of a design.
    pub(crate) fn new(units: &'a [Unit]) -> Self {
        let mut index = Self { units: units.len(), keys: BTreeMap::new(), names: BTreeMap::new() };
        for (at, unit) in units.iter().enumerate() {
            for (key, value) in &unit.labels {
                let key = index.keys.entry(key).or_default();
                key.units.push(at);
                key.values.entry(value).or_default().push(at);
            }
            for name in std::iter::once(&unit.name).chain(&unit.owner) {
                index.names.entry(name).or_default().push(at);
            }
        }
        index
    }

    /// The units that `selector` selects.
    pub(crate) fn select(&self, selector: &Selector) -> FixedBitSet {
        match selector {
            Selector::Everything => self.everything(),
            Selector::Named(name) => self.of(self.names.get(name.as_str()).into_iter().flatten()),
            Selector::In { key, values } => self.with_values(key, values),
            Selector::NotIn { key, values } => self.complement(self.with_values(key, values)),
            Selector::Exists(key) => self.with_key(key),
            Selector::Absent(key) => self.complement(self.with_key(key)),
            Selector::All(parts) => {
                parts.iter().map(|part| self.select(part)).fold(self.everything(), |mut all, part| {
                    all.intersect_with(&part);
                    all
                })
            }
            Selector::AnyOf(parts) => parts.iter().map(|part| self.select(part)).fold(self.of([]), |mut any, part| {
                any.union_with(&part);
                any
            }),
            Selector::Not(inner) => self.complement(self.select(inner)),
        }
    }

    /// The positions of the units that `selector` selects, ascending.
    pub(crate) fn positions(&self, selector: &Selector) -> Vec<u32> {
        self.select(selector).ones().map(id).collect()
    }

    fn of<'u>(&self, units: impl IntoIterator<Item = &'u usize>) -> FixedBitSet {
        let mut set = FixedBitSet::with_capacity(self.units);
        set.extend(units.into_iter().copied());
        set
    }

    fn everything(&self) -> FixedBitSet {
        self.complement(self.of([]))
    }

    fn complement(&self, mut set: FixedBitSet) -> FixedBitSet {
        set.toggle_range(..);
        set
    }

    fn with_key(&self, key: &str) -> FixedBitSet {
        self.of(self.keys.get(key).into_iter().flat_map(|key| &key.units))
    }

    fn with_values(&self, key: &str, values: &[String]) -> FixedBitSet {
        let key = self.keys.get(key);
        self.of(values.iter().filter_map(|value| key?.values.get(value.as_str())).flatten())
    }
}
