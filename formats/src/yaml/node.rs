//! The tree of a document.

use super::scalar::Scalar;
use seglab_policy::Span;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it starts.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A single word or text, possibly empty.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order in which they are written. No key occurs twice.
    Mapping(Vec<Entry>),
}

/// A key of a mapping, with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: Key,
    /// The value.
    pub(crate) value: Node,
}

/// The key of an entry and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The key.
    pub(crate) text: Box<str>,
    /// Where it starts.
    pub(crate) span: Span,
}

impl Node {
    /// The value under `key`; `None` if the node is no mapping or has no such key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| &*entry.key.text == key).map(|entry| &entry.value)
    }

    /// The node that `path` leads to, or the last one on the way that exists: where to point at when something is
    /// wrong below.
    pub(crate) fn nearest(&self, path: &[&str]) -> &Node {
        let mut at = self;
        for key in path {
            match at.get(key) {
                Some(below) => at = below,
                None => break,
            }
        }
        at
    }

    /// The items of a sequence; none for any other node.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Scalar(_) | Value::Mapping(_) => &[],
        }
    }

    /// The item of this position under `key`, or the nearest node above that exists.
    pub(crate) fn item(&self, key: &str, position: usize) -> &Node {
        let list = self.nearest(&[key]);
        list.items().get(position).unwrap_or(list)
    }

    /// The entries of a mapping; none for any other node.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            Value::Scalar(_) | Value::Sequence(_) => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar.text()),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// True for an absent value: `null`, `~` or nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }
}
