//! What the words of a lab file's selectors mean, and which units selectors select.

use crate::text::{Vocabulary, suggestion};
use seglab_policy::{ExternalSource, NAMESPACE_KEY, Selector, Unit};
use std::collections::{BTreeMap, BTreeSet};

/// The names that selectors may use.
pub(super) struct Names {
    /// Units, owners, external sources.
    units: BTreeSet<String>,
    segments: BTreeMap<String, Selector>,
    /// `namespace=shop` speaks of Kubernetes namespaces, for no unit has a label `namespace`.
    namespace_is_kubernetes: bool,
}

impl Names {
    pub(super) fn new<'a>(units: &[Unit], sources: impl IntoIterator<Item = &'a str>) -> Self {
        let named = units.iter().flat_map(|unit| unit.owner.iter().chain([&unit.name])).cloned();
        Self {
            units: named.chain(sources.into_iter().map(str::to_owned)).collect(),
            segments: BTreeMap::new(),
            namespace_is_kubernetes: !units.iter().any(|unit| unit.labels.contains_key("namespace")),
        }
    }

    /// True if a unit, an owner or an external source has the name.
    pub(super) fn is_unit(&self, name: &str) -> bool {
        self.units.contains(name)
    }

    /// True if a segment has the name.
    pub(super) fn is_segment(&self, name: &str) -> bool {
        self.segments.contains_key(name)
    }

    /// Adds a segment; later selectors may use its name.
    pub(super) fn add_segment(&mut self, name: &str, selector: Selector) {
        self.segments.insert(name.to_owned(), selector);
    }
}

impl Vocabulary for Names {
    fn name(&self, name: &str) -> Result<Selector, (String, Option<String>)> {
        if self.units.contains(name) {
            return Ok(Selector::Named(name.to_owned()));
        }
        self.segments.get(name).cloned().ok_or_else(|| {
            let known = self.segments.keys().chain(&self.units).map(String::as_str);
            let help =
                suggestion(name, known).unwrap_or_else(|| "declare it, or select by label: `key=value`".to_owned());
            (format!("no segment or unit is called `{name}`"), Some(help))
        })
    }

    fn key(&self, key: String) -> String {
        if key == "namespace" && self.namespace_is_kubernetes {
            return NAMESPACE_KEY.to_owned();
        }
        key
    }
}

/// Units by label, to find quickly what a selector selects.
pub(super) struct UnitIndex<'a> {
    units: &'a [Unit],
    sources: &'a [ExternalSource],
    by_label: BTreeMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> UnitIndex<'a> {
    pub(super) fn new(units: &'a [Unit], sources: &'a [ExternalSource]) -> Self {
        let mut by_label: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (at, unit) in units.iter().enumerate() {
            for (key, value) in &unit.labels {
                by_label.entry((key, value)).or_default().push(at);
            }
        }
        Self { units, sources, by_label }
    }

    pub(super) fn units(&self) -> &'a [Unit] {
        self.units
    }

    /// The positions of the selected units, ascending.
    pub(super) fn select(&self, selector: &Selector) -> Vec<usize> {
        self.candidates(selector).filter(|&at| self.matches(selector, at)).collect()
    }

    /// True if neither a unit nor an external source is selected.
    pub(super) fn selects_nothing(&self, selector: &Selector) -> bool {
        !self.candidates(selector).any(|at| self.matches(selector, at))
            && !self.sources.iter().any(|source| selector.matches_source(source))
    }

    fn matches(&self, selector: &Selector, at: usize) -> bool {
        self.units.get(at).is_some_and(|unit| selector.matches(unit))
    }

    /// Units outside of which the selector selects nothing: those of its rarest label, where it asks for one.
    fn candidates(&self, selector: &Selector) -> Box<dyn Iterator<Item = usize>> {
        let parts = match selector {
            Selector::All(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        let of_label = |part: &Selector| match part {
            Selector::In { key, values } => {
                let mut found: Vec<usize> = values
                    .iter()
                    .filter_map(|value| self.by_label.get(&(key.as_str(), value.as_str())))
                    .flatten()
                    .copied()
                    .collect();
                found.sort_unstable();
                found.dedup();
                Some(found)
            }
            _ => None,
        };
        match parts.iter().filter_map(of_label).min_by_key(Vec::len) {
            Some(found) => Box::new(found.into_iter()),
            None => Box::new(0..self.units.len()),
        }
    }
}
