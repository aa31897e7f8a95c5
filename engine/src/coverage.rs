//! Which service classes a list of services covers, at a destination with certain names of ports.

use crate::column::Column;
use crate::service::{Predicate, Resolved};
use crate::service_class::Classifier;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The service classes of lists of services, each worked out once, as words of 64 classes.
pub(crate) struct Coverage {
    classifier: Arc<Classifier>,
    lists: Arc<Column<Vec<Predicate>>>,
    names: Arc<Column<Column<Resolved>>>,
    has_names: Column<bool>,
    covered: Column<Covered>,
    known: FxHashMap<(u32, u32), u32>,
}

/// The words of a list from the first to the last one that is not empty.
struct Covered {
    first: usize,
    words: Vec<u64>,
}

impl Coverage {
    /// Nothing worked out yet.
    pub(crate) fn new(
        classifier: Arc<Classifier>,
        lists: Arc<Column<Vec<Predicate>>>,
        names: Arc<Column<Column<Resolved>>>,
    ) -> Self {
        let named = |list: &Vec<Predicate>| list.iter().any(|one| matches!(one, Predicate::Named(_)));
        Self {
            has_names: lists.iter().map(named).collect(),
            classifier,
            lists,
            names,
            covered: Column::default(),
            known: FxHashMap::default(),
        }
    }

    /// True if what a predicate is about is made of service classes.
    pub(crate) fn is_made_of(&self, predicate: &Predicate) -> bool {
        self.classifier.is_made_of(predicate)
    }

    /// Adds a list of services.
    pub(crate) fn add_list(&mut self, list: Vec<Predicate>) -> u32 {
        self.has_names.push(list.iter().any(|one| matches!(one, Predicate::Named(_))));
        Arc::make_mut(&mut self.lists).push(list)
    }

    /// The number of service classes.
    pub(crate) fn classes(&self) -> usize {
        self.classifier.len()
    }

    /// The words that all service classes take.
    pub(crate) fn words(&self) -> usize {
        self.classifier.len().div_ceil(64)
    }

    /// The number of the classes of a list of services at a destination with these names, for [`Coverage::word`].
    pub(crate) fn of(&mut self, list: u32, names: u32) -> u32 {
        let key = (list, if self.has_names[list] { names } else { 0 });
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let mut classes: Vec<u32> = Vec::new();
        for predicate in &self.lists[list] {
            match predicate {
                Predicate::Named(name) => {
                    for &(protocol, port) in &self.names[names][*name] {
                        classes.extend(self.classifier.classes_of(&Predicate::port(protocol, port)));
                    }
                }
                predicate => classes.extend(self.classifier.classes_of(predicate)),
            }
        }
        let word_of = |class: Option<&u32>| class.map_or(0, |&class| class as usize / 64);
        let (first, last) = (word_of(classes.iter().min()), word_of(classes.iter().max()));
        let mut words = vec![0u64; if classes.is_empty() { 0 } else { last - first + 1 }];
        for class in classes {
            if let Some(word) = words.get_mut(class as usize / 64 - first) {
                *word |= 1 << (class % 64);
            }
        }
        let covered = self.covered.push(Covered { first, words });
        self.known.insert(key, covered);
        covered
    }

    /// The words of a covered list that are not empty.
    pub(crate) fn covered_words(&self, covered: u32) -> impl Iterator<Item = usize> {
        let covered = &self.covered[covered];
        let words = (covered.first..).zip(&covered.words);
        words.filter(|&(_, &word)| word != 0).map(|(at, _)| at)
    }

    /// 64 service classes of a covered list.
    #[inline]
    pub(crate) fn word(&self, covered: u32, word: usize) -> u64 {
        let covered = &self.covered[covered];
        covered.words.get(word.wrapping_sub(covered.first)).copied().unwrap_or(0)
    }
}
