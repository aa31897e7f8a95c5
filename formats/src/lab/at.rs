//! Values with their places in the lab file, and the shapes that one field may take.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A value and where it is written; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) line: u32,
    pub(super) column: u32,
    /// The first byte in the file, where it is known.
    pub(super) offset: Option<usize>,
}

/// A scalar as text.
pub(super) type Text = At<String>;

impl<T> At<T> {
    /// Another value at the same place.
    pub(super) fn with<U>(&self, value: U) -> At<U> {
        At { value, line: self.line, column: self.column, offset: self.offset }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::deserialize(deserializer)?;
        let place = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let offset = referenced.span().byte_offset().and_then(|at| usize::try_from(at).ok());
        Ok(At { value, line: place(referenced.line()), column: place(referenced.column()), offset })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A scalar that is a number or has a unit: `0.02`, `200k`, `29min`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amount(pub(super) Text);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "number" }] })
    }
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Texts {
    /// `tcp/443`
    One(Text),
    /// `[tcp/443, udp/53]`, and where the list begins.
    Many(At<Vec<Text>>),
}

impl Texts {
    /// Each text.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Text> {
        match self {
            Texts::One(text) => std::slice::from_ref(text),
            Texts::Many(texts) => texts.value.as_slice(),
        }
        .iter()
    }

    /// Where it is written.
    pub(super) fn place(&self) -> At<()> {
        match self {
            Texts::One(text) => text.with(()),
            Texts::Many(texts) => texts.with(()),
        }
    }
}

enum OneOrMany {
    One(String),
    Many(Vec<Text>),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes;
        impl<'de> Visitor<'de> for Shapes {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(value.to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(items)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(Shapes)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = At::<OneOrMany>::deserialize(deserializer)?;
        let place = read.with(());
        Ok(match read.value {
            OneOrMany::One(text) => Texts::One(place.with(text)),
            OneOrMany::Many(texts) => Texts::Many(place.with(texts)),
        })
    }
}

impl JsonSchema for Texts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

/// The entries of a mapping, in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entries<T>(pub(super) Vec<(Text, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

/// A list of items, or one text that stands for it: `units: units.csv`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ListOrFile<T> {
    List(Vec<T>),
    File(String),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ListOrFile<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shapes<T> {
            type Value = ListOrFile<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or the path of a CSV file")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<ListOrFile<T>, E> {
                Ok(ListOrFile::File(path.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<ListOrFile<T>, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(items)).map(ListOrFile::List)
            }
        }
        deserializer.deserialize_any(Shapes(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for ListOrFile<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("File_or_list_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "array", "items": item }, { "type": "string" }] })
    }
}

/// A text, or a mapping that says more: `tcp/443`, `{port: tcp/8080, name: http}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextOr<T> {
    Text(String),
    More(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shapes<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a mapping")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(value.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOr<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(TextOr::More)
            }
        }
        deserializer.deserialize_any(Shapes(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for TextOr<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_or_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let more = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, more] })
    }
}

/// A list, or a mapping that says more: the rules of a rulebook, or its tiers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ListOr<L, T> {
    List(Vec<L>),
    More(T),
}

impl<'de, L: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for ListOr<L, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes<L, T>(PhantomData<(L, T)>);
        impl<'de, L: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for Shapes<L, T> {
            type Value = ListOr<L, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or a mapping")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<ListOr<L, T>, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(items)).map(ListOr::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ListOr<L, T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(ListOr::More)
            }
        }
        deserializer.deserialize_any(Shapes(PhantomData))
    }
}

impl<L: JsonSchema, T: JsonSchema> JsonSchema for ListOr<L, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}_or_list_of_{}", T::schema_name(), L::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<L>();
        let more = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "array", "items": item }, more] })
    }
}
