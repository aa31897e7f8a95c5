//! Units by their labels, so that asking which ones a selector selects does not look at all of them.

use seglab_policy::{Selector, Unit};
use std::collections::BTreeMap;

/// The units of a design, by label.
pub(super) struct Index<'a> {
    units: &'a [Unit],
    by_label: BTreeMap<(&'a str, &'a str), Vec<&'a Unit>>,
}

impl<'a> Index<'a> {
    /// The index of `units`.
    pub(super) fn new(units: &'a [Unit]) -> Self {
        let mut by_label: BTreeMap<(&str, &str), Vec<&Unit>> = BTreeMap::new();
        for unit in units {
            for (key, value) in &unit.labels {
                by_label.entry((key, value)).or_default().push(unit);
            }
        }
        Self { units, by_label }
    }

    /// Every unit.
    pub(super) fn units(&self) -> &'a [Unit] {
        self.units
    }

    /// True if the selector selects a unit.
    pub(super) fn selects_any(&self, selector: &Selector) -> bool {
        self.selected(selector).next().is_some()
    }

    /// The units that the selector selects.
    pub(super) fn selected<'s>(&'s self, selector: &'s Selector) -> impl Iterator<Item = &'a Unit> + 's {
        let candidates = self.candidates(selector);
        let all = if candidates.is_none() { self.units } else { &[] };
        candidates.into_iter().flatten().flatten().copied().chain(all).filter(|unit| selector.matches(unit))
    }

    /// Lists of units that hold every unit that the selector selects, as few as one label can tell; `None` if none
    /// can.
    fn candidates<'s>(&'s self, selector: &'s Selector) -> Option<Vec<&'s Vec<&'a Unit>>> {
        match selector {
            Selector::In { key, values } => {
                Some(values.iter().filter_map(|value| self.by_label.get(&(key.as_str(), value.as_str()))).collect())
            }
            Selector::All(parts) => parts
                .iter()
                .filter_map(|part| self.candidates(part))
                .min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_answers_as_a_look_at_every_unit_does() {
        let unit = |name: &str, labels: &[(&str, &str)]| Unit {
            name: name.into(),
            labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            ..Unit::default()
        };
        let units =
            [unit("1", &[("a", "x"), ("b", "y")]), unit("2", &[("a", "x")]), unit("3", &[("a", "z")]), unit("4", &[])];
        let index = Index::new(&units);
        let either = Selector::In { key: "a".into(), values: vec!["x".into(), "z".into()] };
        let not_x = Selector::NotIn { key: "a".into(), values: vec!["x".into()] };
        let (a, b) = (Selector::label("a", "x"), Selector::label("b", "y"));
        for selector in [
            Selector::Everything,
            Selector::nothing(),
            a.clone(),
            either.clone(),
            not_x.clone(),
            Selector::Exists("b".into()),
            Selector::All(vec![a, b.clone()]),
            Selector::All(vec![either, not_x.clone()]),
            Selector::All(vec![not_x, Selector::Absent("a".into())]),
            Selector::AnyOf(vec![b.clone(), Selector::label("a", "z")]),
            Selector::Not(Box::new(b)),
            Selector::label("a", "none"),
        ] {
            let mut found: Vec<&str> = index.selected(&selector).map(|unit| unit.name.as_str()).collect();
            found.sort_unstable();
            let all: Vec<&str> =
                units.iter().filter(|unit| selector.matches(unit)).map(|unit| unit.name.as_str()).collect();
            assert_eq!(found, all, "{selector}");
            assert_eq!(index.selects_any(&selector), !all.is_empty(), "{selector}");
        }
    }
}
