//! Labels and the predicates over them.

use crate::connection::ExternalSource;
use crate::unit::Unit;
use std::collections::BTreeMap;
use std::fmt;

/// The labels of a unit: key to value.
///
/// Kubernetes namespace labels stand among them under [`NAMESPACE_PREFIX`].
pub type Labels = BTreeMap<String, String>;

/// What a reader of Kubernetes puts before the key of a namespace's label to make it a label of the namespace's units.
/// A label key cannot hold a colon, so nothing collides.
pub const NAMESPACE_PREFIX: &str = "namespace:";

/// The key under which the units of a Kubernetes namespace carry its name.
pub const NAMESPACE_KEY: &str = "namespace:kubernetes.io/metadata.name";

/// A predicate over units. It selects units only: no external address satisfies any selector, [`Selector::Not`] and
/// [`Selector::Everything`] included. A named [`ExternalSource`] is to selectors the unit that it is somewhere else.
///
/// [`Selector::In`] and [`Selector::NotIn`] are Kubernetes' label-selector operators: `NotIn` holds for a unit that
/// lacks the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// Every unit.
    Everything,
    /// The unit of this name, or the replicas of the owner of this name.
    Named(String),
    /// Units that carry the key with one of the values.
    In {
        /// Label key.
        key: String,
        /// Accepted values, ascending.
        values: Vec<String>,
    },
    /// Units that lack the key, or carry it with none of the values.
    NotIn {
        /// Label key.
        key: String,
        /// Refused values, ascending.
        values: Vec<String>,
    },
    /// Units that carry the key.
    Exists(String),
    /// Units that lack the key.
    Absent(String),
    /// Units that satisfy every one; [`Selector::Everything`] if there is none.
    All(Vec<Selector>),
    /// Units that satisfy at least one; no unit if there is none.
    AnyOf(Vec<Selector>),
    /// Units that do not satisfy it.
    Not(Box<Selector>),
}

impl Selector {
    /// Units that carry `key` with exactly `value`.
    pub fn label(key: impl Into<String>, value: impl Into<String>) -> Self {
        Selector::In { key: key.into(), values: vec![value.into()] }
    }

    /// No unit.
    pub fn nothing() -> Self {
        Selector::AnyOf(Vec::new())
    }

    /// The selector of all other units, in one word where there is one.
    #[must_use]
    pub fn opposite(&self) -> Self {
        match self {
            Selector::Everything => Selector::nothing(),
            Selector::In { key, values } => Selector::NotIn { key: key.clone(), values: values.clone() },
            Selector::NotIn { key, values } => Selector::In { key: key.clone(), values: values.clone() },
            Selector::Exists(key) => Selector::Absent(key.clone()),
            Selector::Absent(key) => Selector::Exists(key.clone()),
            Selector::Not(inner) => inner.as_ref().clone(),
            other => Selector::Not(Box::new(other.clone())),
        }
    }

    /// True if `unit` satisfies the selector.
    pub fn matches(&self, unit: &Unit) -> bool {
        self.holds(&unit.name, unit.owner.as_deref(), &unit.labels)
    }

    /// True if a named external source satisfies the selector.
    pub fn matches_source(&self, source: &ExternalSource) -> bool {
        self.holds(&source.name, None, &source.labels)
    }

    fn holds(&self, name: &str, owner: Option<&str>, labels: &Labels) -> bool {
        match self {
            Selector::Everything => true,
            Selector::Named(wanted) => name == wanted || owner == Some(wanted),
            Selector::In { key, values } => labels.get(key).is_some_and(|value| values.contains(value)),
            Selector::NotIn { key, values } => labels.get(key).is_none_or(|value| !values.contains(value)),
            Selector::Exists(key) => labels.contains_key(key),
            Selector::Absent(key) => !labels.contains_key(key),
            Selector::All(parts) => parts.iter().all(|part| part.holds(name, owner, labels)),
            Selector::AnyOf(parts) => parts.iter().any(|part| part.holds(name, owner, labels)),
            Selector::Not(inner) => !inner.holds(name, owner, labels),
        }
    }

    /// How tightly the written form binds: `or` 0, `and` 1, everything else 2.
    fn binding(&self) -> u8 {
        match self {
            Selector::AnyOf(parts) if parts.len() > 1 => 0,
            Selector::All(parts) if parts.len() > 1 => 1,
            Selector::AnyOf(parts) | Selector::All(parts) => parts.first().map_or(2, Selector::binding),
            _ => 2,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, least: u8) -> fmt::Result {
        if self.binding() < least {
            f.write_str("(")?;
            self.write(f, 0)?;
            return f.write_str(")");
        }
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Selector], word: &str, empty: &str| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                part.write(f, if parts.len() > 1 { self.binding() + 1 } else { least })?;
            }
            if parts.is_empty() { f.write_str(empty) } else { Ok(()) }
        };
        match self {
            Selector::Everything => f.write_str("all"),
            Selector::Named(name) if looks_like_address(name) => write!(f, "{name:?}"),
            Selector::Named(name) => write!(f, "{}", Word(name)),
            Selector::In { key, values } => match values.as_slice() {
                [value] => write!(f, "{}={}", Word(key), Word(value)),
                values => write!(f, "{} in ({})", Word(key), Words(values)),
            },
            Selector::NotIn { key, values } => match values.as_slice() {
                [value] => write!(f, "{}!={}", Word(key), Word(value)),
                values => write!(f, "{} not in ({})", Word(key), Words(values)),
            },
            Selector::Exists(key) => write!(f, "has {}", Word(key)),
            Selector::Absent(key) => write!(f, "lacks {}", Word(key)),
            Selector::All(parts) => list(f, parts, "and", "all"),
            Selector::AnyOf(parts) => list(f, parts, "or", "none"),
            Selector::Not(inner) => {
                f.write_str("not ")?;
                inner.write(f, 2)
            }
        }
    }
}

/// Writes the form that the lab file reads: `app=web and env in (dev, test)`, `not (site=a or has pci)`.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// Words that the written form of selectors gives a meaning of its own.
pub const RESERVED_WORDS: [&str; 11] =
    ["all", "and", "any", "external", "has", "in", "internet", "lacks", "none", "not", "or"];

/// True if the written form reads an unquoted word as an address, a CIDR block or a range, so that a unit of such a
/// name must be quoted: `10.0.0.1`, `10.0.0.0/8`, `fe80::1-fe80::9`.
pub fn looks_like_address(word: &str) -> bool {
    let first = word.split(['/', '-']).next().unwrap_or_default();
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let hexadecimal = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    (first.contains('.') && first.chars().all(digits))
        || (first.matches(':').count() > 1 && first.chars().all(hexadecimal))
}

/// A key, value or name, quoted where the written form would read it otherwise.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@[]#{}*".contains(c);
        if !self.0.is_empty() && !RESERVED_WORDS.contains(&self.0) && self.0.chars().all(plain) {
            f.write_str(self.0)
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}

/// Words joined by commas.
struct Words<'a>(&'a [String]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", Word(word))?;
        }
        Ok(())
    }
}

/// A named selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// The name, unique in a design.
    pub name: String,
    /// The units of the segment.
    pub selector: Selector,
}
