//! From trees to typed values, by serde, without losing the places.
//!
//! An error carries the place and the path of the value that does not fit. A key that the type does not know is not
//! an error here: serde skips its value, and this deserializer notes the key, where it stands and what the type
//! would have known, so that the reader decides.

use super::node::{Entry, Key, Node, Value};
use super::scalar::{Resolved, Scalar};
use seglab_policy::Span;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::cell::RefCell;
use std::fmt;

/// A value that is not what the type takes.
#[derive(Clone, Debug)]
pub(crate) struct Mismatch {
    /// What is wrong, without the path.
    pub(crate) message: String,
    /// The place of the value.
    pub(crate) span: Option<Span>,
    /// The keys and positions that lead to the value, `spec.ports[0]`; empty for the root.
    pub(crate) path: String,
}

/// A key that the type does not know.
#[derive(Clone, Debug)]
pub(crate) struct UnknownKey {
    /// The key.
    pub(crate) key: Key,
    /// The keys that the type knows in its place.
    pub(crate) known: &'static [&'static str],
}

/// Reads a value of type `T`, and lists the keys that the type does not know.
///
/// A value that is absent (`null`) is an empty list or mapping where the type takes one.
///
/// # Errors
/// The first value that the type does not take.
pub(crate) fn from_node<T: de::DeserializeOwned>(node: &Node) -> Result<(T, Vec<UnknownKey>), Mismatch> {
    let unknown = RefCell::new(Vec::new());
    let value = T::deserialize(At { node, unknown: &unknown, entry: None })
        .map_err(|mismatch| Mismatch { span: mismatch.span.or(Some(node.span)), ..mismatch })?;
    Ok((value, unknown.into_inner()))
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "`{path}`: {}", self.message),
        }
    }
}

impl std::error::Error for Mismatch {}

impl Mismatch {
    /// The same, seen from the mapping or list that the value stands in.
    fn below(mut self, step: &str, span: Span) -> Self {
        self.span = self.span.or(Some(span));
        if !self.path.is_empty() && !self.path.starts_with('[') {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, step);
        self
    }
}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Mismatch { message: message.to_string(), span: None, path: String::new() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("found {}, expected {}", describe(found), expectation(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("found {}, expected {}", describe(found), expectation(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the key `{field}` is missing"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        Self::custom(format_args!("found `{variant}`, expected {}", names.join(" or ")))
    }
}

/// What was found, in the user's words.
fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("`{value}`"),
        Unexpected::Signed(value) => format!("`{value}`"),
        Unexpected::Float(value) => format!("`{value}`"),
        Unexpected::Char(value) => format!("`{value}`"),
        Unexpected::Str(value) | Unexpected::Other(value) => format!("`{value}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        other => other.to_string(),
    }
}

/// What was expected, in the user's words: names of types say nothing to them.
fn expectation(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a number from 0 on".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "IntOrString" => "a number or a name".to_owned(),
        "Quantity" => "a quantity".to_owned(),
        "a string" => "a text (numbers and truth values go in quotes)".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        word if word.starts_with("struct ") => "a mapping".to_owned(),
        word if word.starts_with(|c: char| c.is_ascii_uppercase()) && !word.contains(' ') => "a mapping".to_owned(),
        _ => text,
    }
}

/// A node to read, and the entry that it is the value of.
#[derive(Clone, Copy)]
struct At<'a> {
    node: &'a Node,
    unknown: &'a RefCell<Vec<UnknownKey>>,
    entry: Option<(&'a Key, &'static [&'static str])>,
}

impl<'a> At<'a> {
    fn with(self, node: &'a Node) -> Self {
        At { node, entry: None, ..self }
    }

    fn scalar<'de, V: Visitor<'de>>(scalar: &Scalar, visitor: V) -> Result<V::Value, Mismatch> {
        match scalar.resolve() {
            Resolved::Null => visitor.visit_unit(),
            Resolved::Bool(value) => visitor.visit_bool(value),
            Resolved::Negative(value) => visitor.visit_i64(value),
            Resolved::Number(value) => visitor.visit_u64(value),
            Resolved::Float(value) => visitor.visit_f64(value),
            Resolved::Text(text) => visitor.visit_str(text),
        }
    }

    fn sequence<'de, V: Visitor<'de>>(self, items: &'a [Node], visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_seq(Items { at: self, items: items.iter().enumerate() })
    }

    fn mapping<'de, V: Visitor<'de>>(
        self,
        entries: &'a [Entry],
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Entries { at: self, known, entries: entries.iter(), value: None })
    }
}

impl<'de> de::Deserializer<'de> for At<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let node = self.node;
        match &node.value {
            Value::Scalar(scalar) => Self::scalar(scalar, visitor),
            Value::Sequence(items) => self.sequence(items, visitor),
            Value::Mapping(entries) => self.mapping(entries, &[], visitor),
        }
        .map_err(|mismatch| Mismatch { span: mismatch.span.or(Some(node.span)), ..mismatch })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.node.is_null() { self.sequence(&[], visitor) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.node.is_null() { self.mapping(&[], &[], visitor) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Mapping(entries) => self.mapping(entries, fields, visitor),
            Value::Scalar(scalar) if scalar.is_null() => self.mapping(&[], fields, visitor),
            Value::Scalar(_) => self.deserialize_any(visitor),
            // serde would take a list for the fields in their order; nobody writes that on purpose.
            Value::Sequence(_) => Err(de::Error::invalid_type(Unexpected::Seq, &"a mapping")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Scalar(scalar) if scalar.is_null() => Err(de::Error::invalid_type(Unexpected::Unit, &"a string")),
            // The number as it is written, not as it is understood: `1.10` is no `1.1`.
            Value::Scalar(scalar) if !matches!(scalar.resolve(), Resolved::Text(_)) => {
                Err(de::Error::invalid_type(Unexpected::Other(scalar.text()), &"a string"))
            }
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => self.deserialize_any(visitor),
        }
        .map_err(|mismatch: Mismatch| Mismatch { span: mismatch.span.or(Some(self.node.span)), ..mismatch })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let found = match &self.node.value {
            Value::Scalar(scalar) if !scalar.is_null() => {
                return visitor.visit_enum(StrDeserializer::new(scalar.text()));
            }
            Value::Mapping(entries) => match entries.as_slice() {
                [entry] => return visitor.visit_enum(Variant { at: self, entry }),
                _ => "a mapping of other than one key",
            },
            Value::Scalar(_) => "nothing",
            Value::Sequence(_) => "a list",
        };
        let names: Vec<String> = variants.iter().map(|name| format!("`{name}`")).collect();
        Err(de::Error::custom(format_args!("found {found}, expected {}", names.join(" or "))))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if let Some((key, known)) = self.entry {
            self.unknown.borrow_mut().push(UnknownKey { key: key.clone(), known });
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier
    }
}

/// The items of a list.
struct Items<'a> {
    at: At<'a>,
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some((position, node)) = self.items.next() else { return Ok(None) };
        let value = seed.deserialize(self.at.with(node));
        value.map(Some).map_err(|mismatch| mismatch.below(&format!("[{position}]"), node.span))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a mapping.
struct Entries<'a> {
    at: At<'a>,
    known: &'static [&'static str],
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let key: Result<K::Value, Mismatch> = seed.deserialize(StrDeserializer::new(&entry.key.text));
        key.map(Some).map_err(|mismatch| mismatch.below(&entry.key.text, entry.key.span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("a value is asked for before its key"));
        };
        let at = At { entry: Some((&entry.key, self.known)), ..self.at.with(&entry.value) };
        seed.deserialize(at).map_err(|mismatch| mismatch.below(&entry.key.text, entry.value.span))
    }
}

/// An enum written as a mapping of one key.
struct Variant<'a> {
    at: At<'a>,
    entry: &'a Entry,
}

impl<'de, 'a> de::EnumAccess<'de> for Variant<'a> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mismatch> {
        let name: Result<V::Value, Mismatch> = seed.deserialize(StrDeserializer::new(&self.entry.key.text));
        let name =
            name.map_err(|mismatch| Mismatch { span: mismatch.span.or(Some(self.entry.key.span)), ..mismatch })?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        if self.entry.value.is_null() {
            return Ok(());
        }
        let mismatch: Mismatch = de::Error::custom("takes no value");
        Err(mismatch.below(&self.entry.key.text, self.entry.value.span))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mismatch> {
        let value = seed.deserialize(self.at.with(&self.entry.value));
        value.map_err(|mismatch| mismatch.below(&self.entry.key.text, self.entry.value.span))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Mismatch> {
        let value = de::Deserializer::deserialize_seq(self.at.with(&self.entry.value), visitor);
        value.map_err(|mismatch| mismatch.below(&self.entry.key.text, self.entry.value.span))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let value = de::Deserializer::deserialize_struct(self.at.with(&self.entry.value), "", fields, visitor);
        value.map_err(|mismatch| mismatch.below(&self.entry.key.text, self.entry.value.span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::documents;
    use seglab_policy::SourceId;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    struct Rule {
        from: String,
        #[serde(default)]
        ports: Vec<u16>,
        #[serde(default)]
        labels: BTreeMap<String, String>,
        action: Option<Action>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Action {
        Allow,
        Limit { at: u32 },
    }

    fn read(text: &str) -> Result<(Rule, Vec<UnknownKey>), Mismatch> {
        let document = documents(text, SourceId(0)).next().expect("a document").expect("valid YAML");
        from_node(&document)
    }

    fn refused(text: &str) -> String {
        let mismatch = read(text).expect_err("a mismatch");
        let span = mismatch.span.expect("a place");
        format!("{}:{}: {mismatch}", span.line, span.column)
    }

    #[test]
    fn values_are_read_and_unknown_keys_are_listed_with_their_place() {
        let (rule, unknown) = read("from: a\nports: [80, 443]\nlabels: {x: \"1\"}\naction: allow\n  \n").unwrap();
        let labels = BTreeMap::from([("x".to_owned(), "1".to_owned())]);
        assert_eq!(rule, Rule { from: "a".into(), ports: vec![80, 443], labels, action: Some(Action::Allow) });
        assert!(unknown.is_empty());

        let (rule, unknown) = read("from: a\nprots: {deep: [1]}\nports:\naction: {limit: {at: 3}}").unwrap();
        assert_eq!(rule.action, Some(Action::Limit { at: 3 }));
        assert!(rule.ports.is_empty());
        let [UnknownKey { key, known }] = unknown.as_slice() else { panic!("{unknown:?}") };
        assert_eq!((&*key.text, key.span.line, key.span.column), ("prots", 2, 1));
        assert_eq!(*known, ["from", "ports", "labels", "action"]);
    }

    #[test]
    fn mismatches_name_path_and_place() {
        let cases = [
            ("ports: []", "1:1: the key `from` is missing"),
            ("from: 1.10", "1:7: `from`: found `1.10`, expected a text (numbers and truth values go in quotes)"),
            ("from: a\nports: [80, x]", "2:13: `ports[1]`: found `x`, expected a number from 0 on"),
            ("from: a\nports: [70000]", "2:9: `ports[0]`: found `70000`, expected a number from 0 on"),
            ("from: a\nports: 80", "2:8: `ports`: found `80`, expected a list"),
            (
                "from: a\nlabels: {x: true}",
                "2:13: `labels.x`: found `true`, expected a text (numbers and truth values go in quotes)",
            ),
            ("from: a\naction: drop", "2:9: `action`: found `drop`, expected `allow` or `limit`"),
            ("from: a\naction: {limit: {at: -1}}", "2:22: `action.limit.at`: found `-1`, expected a number from 0 on"),
            ("from: a\naction: {allow: 1}", "2:17: `action.allow`: takes no value"),
            ("- from: a", "1:1: found a list, expected a mapping"),
        ];
        for (text, expected) in cases {
            assert_eq!(refused(text), expected, "{text}");
        }
    }
}
