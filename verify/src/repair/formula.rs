//! Boolean formulas over candidate edits: what has to be chosen for a connection to arrive, or to be stopped.

use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The number of a candidate edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CandidateId(pub(super) u32);

/// A formula. Equal parts may be shared: walks remember what they have seen.
#[derive(Clone, Debug)]
pub(super) struct Formula(Rc<Node>);

/// What a formula is made of. Constants stand alone, never inside another.
#[derive(Debug)]
pub(super) enum Node {
    Constant(bool),
    /// True if the candidate is chosen.
    Chosen(CandidateId),
    Not(Formula),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

impl Formula {
    pub(super) fn constant(value: bool) -> Self {
        Self(Rc::new(Node::Constant(value)))
    }

    pub(super) fn chosen(candidate: CandidateId) -> Self {
        Self(Rc::new(Node::Chosen(candidate)))
    }

    pub(super) fn node(&self) -> &Node {
        &self.0
    }

    /// An address that equal shared parts have in common.
    pub(super) fn key(&self) -> *const Node {
        Rc::as_ptr(&self.0)
    }

    pub(super) fn not(&self) -> Self {
        match self.node() {
            Node::Constant(value) => Self::constant(!value),
            Node::Not(inner) => inner.clone(),
            _ => Self(Rc::new(Node::Not(self.clone()))),
        }
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Formula>) -> Self {
        Self::joined(parts, true)
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Formula>) -> Self {
        Self::joined(parts, false)
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        Self::all([self.clone(), other.clone()])
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        Self::any([self.clone(), other.clone()])
    }

    /// All of the parts, or any: `neutral` parts change nothing, and one that is the opposite decides.
    fn joined(parts: impl IntoIterator<Item = Formula>, neutral: bool) -> Self {
        let mut kept: Vec<Formula> = Vec::new();
        for part in parts {
            match part.node() {
                Node::Constant(value) if *value == neutral => {}
                Node::Constant(_) => return part,
                _ => kept.push(part),
            }
        }
        match <[Formula; 1]>::try_from(kept) {
            Ok([single]) => single,
            Err(kept) if kept.is_empty() => Self::constant(neutral),
            Err(kept) => Self(Rc::new(if neutral { Node::All(kept) } else { Node::Any(kept) })),
        }
    }

    /// The value, if it does not depend on any edit.
    pub(super) fn fixed(&self) -> Option<bool> {
        match self.node() {
            Node::Constant(value) => Some(*value),
            _ => None,
        }
    }

    /// The value if exactly these candidates are chosen.
    pub(super) fn holds(&self, chosen: &BTreeSet<CandidateId>) -> bool {
        self.value(&|candidate| chosen.contains(&candidate), &mut FxHashMap::default())
    }

    fn value(&self, chosen: &dyn Fn(CandidateId) -> bool, known: &mut FxHashMap<*const Node, bool>) -> bool {
        if let Some(&value) = known.get(&self.key()) {
            return value;
        }
        let value = match self.node() {
            Node::Constant(value) => *value,
            Node::Chosen(candidate) => chosen(*candidate),
            Node::Not(inner) => !inner.value(chosen, known),
            Node::All(parts) => parts.iter().all(|part| part.value(chosen, known)),
            Node::Any(parts) => parts.iter().any(|part| part.value(chosen, known)),
        };
        known.insert(self.key(), value);
        value
    }

    /// The candidates that it speaks of.
    pub(super) fn candidates(&self) -> BTreeSet<CandidateId> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut pending = vec![self];
        while let Some(formula) = pending.pop() {
            if !seen.insert(formula.key()) {
                continue;
            }
            match formula.node() {
                Node::Constant(_) => {}
                Node::Chosen(candidate) => {
                    found.insert(*candidate);
                }
                Node::Not(inner) => pending.push(inner),
                Node::All(parts) | Node::Any(parts) => pending.extend(parts),
            }
        }
        found
    }
}
