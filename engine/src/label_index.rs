//! Which units a selector selects, answered from an index instead of unit by unit.

use crate::column::{Column, ids};
use rustc_hash::FxHashMap;
use seglab_policy::{Selector, Unit};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// Units by label, name and owner.
pub(crate) struct LabelIndex<'a> {
    units: &'a [Unit],
    keys: FxHashMap<&'a str, Key<'a>>,
    /// Names in their order, made when the first selector asks for one.
    names: OnceCell<Vec<Named>>,
    /// What was selected before, for each address family asks for the same.
    selected: RefCell<FxHashMap<Selector, Rc<[u32]>>>,
}

/// A unit by its name, or by that of its owner.
#[derive(Clone, Copy)]
struct Named {
    unit: u32,
    of_owner: bool,
}

/// The units that carry one label key.
struct Key<'a> {
    units: Vec<u32>,
    /// The position of each value in `lists`.
    values: FxHashMap<&'a str, u32>,
    /// The units that carry each value.
    lists: Column<Vec<u32>>,
    /// The position in `lists` of what each unit carries; [`NOTHING`] where it lacks the key.
    value_of: Column<u32>,
    /// The value that was met last, for neighbours mostly carry the same.
    last: Option<(&'a str, u32)>,
}

/// What a unit carries that lacks a key.
const NOTHING: u32 = u32::MAX;

impl<'a> Key<'a> {
    fn new(units: usize) -> Self {
        Self {
            units: Vec::new(),
            values: FxHashMap::default(),
            lists: Column::default(),
            value_of: Column::filled(NOTHING, units),
            last: None,
        }
    }

    fn push(&mut self, unit: u32, value: &'a str) {
        self.units.push(unit);
        let list = match self.last {
            Some((last, list)) if last == value => list,
            _ => {
                let lists = &mut self.lists;
                *self.values.entry(value).or_insert_with(|| lists.push(Vec::new()))
            }
        };
        self.last = Some((value, list));
        self.lists[list].push(unit);
        self.value_of[unit] = list;
    }

    fn of(&self, value: &str) -> &[u32] {
        self.values.get(value).map_or(&[], |&list| self.lists[list].as_slice())
    }
}

/// A selector with its words looked up.
enum Test<'i> {
    Always,
    /// One of these, ascending.
    OneOf(Vec<u32>),
    /// The key is carried with this value.
    Is(&'i Key<'i>, u32),
    /// The key is carried with one of the values.
    In(&'i Key<'i>, Vec<u32>),
    Has(&'i Key<'i>),
    All(Vec<Test<'i>>),
    Any(Vec<Test<'i>>),
    Not(Box<Test<'i>>),
}

impl Test<'_> {
    fn holds(&self, unit: u32) -> bool {
        match self {
            Test::Always => true,
            Test::OneOf(units) => units.binary_search(&unit).is_ok(),
            Test::Is(key, value) => key.value_of[unit] == *value,
            Test::In(key, values) => values.contains(&key.value_of[unit]),
            Test::Has(key) => key.value_of[unit] != NOTHING,
            Test::All(parts) => parts.iter().all(|part| part.holds(unit)),
            Test::Any(parts) => parts.iter().any(|part| part.holds(unit)),
            Test::Not(inner) => !inner.holds(unit),
        }
    }
}

impl<'a> LabelIndex<'a> {
    /// Indexes the units of a design.
    pub(crate) fn new(units: &'a [Unit]) -> Self {
        let mut keys: FxHashMap<&str, Key<'_>> = FxHashMap::default();
        for (at, unit) in (0u32..).zip(units) {
            for (key, value) in &unit.labels {
                keys.entry(key).or_insert_with(|| Key::new(units.len())).push(at, value);
            }
        }
        Self { units, keys, names: OnceCell::new(), selected: RefCell::default() }
    }

    /// The positions of the units that `selector` selects, ascending.
    pub(crate) fn select(&self, selector: &Selector) -> Rc<[u32]> {
        if let Some(known) = self.selected.borrow().get(selector) {
            return known.clone();
        }
        let selected: Rc<[u32]> = match selector {
            Selector::In { key, values } if values.len() == 1 => self.with_one_of(key, values).into(),
            Selector::Exists(key) => self.keys.get(key.as_str()).map_or(&[][..], |key| &key.units).into(),
            Selector::Named(name) => self.named(name).into(),
            selector => {
                let test = self.test(selector);
                match self.candidates(selector) {
                    Some(few) => few.iter().copied().filter(|&unit| test.holds(unit)).collect(),
                    None => ids(self.units.len()).filter(|&unit| test.holds(unit)).collect(),
                }
            }
        };
        self.selected.borrow_mut().insert(selector.clone(), selected.clone());
        selected
    }

    /// Few units, at least those that the selector selects; `None` where there is no such list.
    fn candidates(&self, selector: &Selector) -> Option<&[u32]> {
        match selector {
            Selector::In { key, values } if values.len() == 1 => Some(self.with_one_of(key, values)),
            Selector::Exists(key) => self.keys.get(key.as_str()).map(|key| key.units.as_slice()),
            Selector::All(parts) => {
                let of_parts = parts.iter().filter_map(|part| self.candidates(part));
                of_parts.min_by_key(|units| units.len())
            }
            _ => None,
        }
    }

    fn test(&self, selector: &Selector) -> Test<'_> {
        let key = |key: &str| self.keys.get(key);
        let values_in = |name: &str, values: &[String]| match key(name) {
            Some(key) => {
                let values = values.iter().filter_map(|value| key.values.get(value.as_str()).copied());
                match values.collect::<Vec<_>>().as_slice() {
                    [value] => Test::Is(key, *value),
                    values => Test::In(key, values.to_vec()),
                }
            }
            None => Test::Any(Vec::new()),
        };
        let has = |name: &str| key(name).map_or(Test::Any(Vec::new()), Test::Has);
        match selector {
            Selector::Everything => Test::Always,
            Selector::Named(name) => Test::OneOf(self.named(name)),
            Selector::In { key, values } => values_in(key, values),
            Selector::NotIn { key, values } => Test::Not(Box::new(values_in(key, values))),
            Selector::Exists(key) => has(key),
            Selector::Absent(key) => Test::Not(Box::new(has(key))),
            Selector::All(parts) => Test::All(parts.iter().map(|part| self.test(part)).collect()),
            Selector::AnyOf(parts) => Test::Any(parts.iter().map(|part| self.test(part)).collect()),
            Selector::Not(inner) => Test::Not(Box::new(self.test(inner))),
        }
    }

    fn named(&self, name: &str) -> Vec<u32> {
        let name_of = |entry: &Named| {
            let unit = self.units.get(entry.unit as usize);
            unit.and_then(|unit| if entry.of_owner { unit.owner.as_deref() } else { Some(unit.name.as_str()) })
        };
        let names = self.names.get_or_init(|| {
            let entries = (0u32..).zip(self.units).flat_map(|(unit, held)| {
                let owner = held.owner.as_ref().filter(|owner| **owner != held.name);
                let owner = owner.map(|_| Named { unit, of_owner: true });
                [Named { unit, of_owner: false }].into_iter().chain(owner)
            });
            let mut names: Vec<Named> = entries.collect();
            names.sort_by_key(name_of);
            names
        });
        let first = names.partition_point(|entry| name_of(entry) < Some(name));
        let holders = names.iter().skip(first).take_while(|entry| name_of(entry) == Some(name));
        let mut named: Vec<u32> = holders.map(|entry| entry.unit).collect();
        named.sort_unstable();
        named
    }

    fn with_one_of(&self, key: &str, values: &[String]) -> &[u32] {
        self.keys.get(key).zip(values.first()).map_or(&[], |(key, value)| key.of(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seglab_policy::arbitrary::design_of;

    #[test]
    fn the_index_selects_what_selectors_match() {
        for seed in 0..300 {
            let design = design_of(seed);
            let index = LabelIndex::new(design.units());
            let peers = design.rules().flat_map(|(_, rule)| [&rule.from, &rule.to]);
            let selectors = peers.filter_map(|peer| match peer {
                seglab_policy::Peer::Units(selector) => Some(selector),
                _ => None,
            });
            for selector in selectors {
                for wrapped in
                    [selector.clone(), Selector::AnyOf(vec![Selector::Not(selector.clone().into()), selector.clone()])]
                {
                    let matching = design.units().iter().map(|unit| wrapped.matches(unit));
                    let wanted: Vec<u32> = (0u32..).zip(matching).filter(|(_, yes)| *yes).map(|(at, _)| at).collect();
                    assert_eq!(index.select(&wrapped).as_ref(), wanted, "seed {seed}: {wrapped}");
                }
            }
        }
    }
}
