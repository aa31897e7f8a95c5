//! Where in a text the values of a YAML document stand, to the byte: what a change of the text needs to know.
//!
//! [`documents`](super::documents) tells where values begin and reads aliases out; this keeps where they end, and what
//! is written in place of what is meant.

use granit_parser::{Event, Parser};
use std::ops::Range;

/// A value as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Its bytes, without what stands before the first and behind the last of it; empty for nothing.
    pub(crate) bytes: Range<usize>,
    /// Line and column of its beginning, from 1.
    pub(crate) place: (u32, u32),
    /// What it is.
    pub(crate) shape: Shape,
}

/// What is written.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A word or a text, as it is meant.
    Scalar(String),
    /// A list.
    Sequence(Vec<Layout>),
    /// Keys and values.
    Mapping(Vec<(Layout, Layout)>),
    /// A reference to a value that is written elsewhere.
    Alias,
}

impl Layout {
    /// The documents of a text; `None` if it is not YAML.
    pub(crate) fn documents(text: &str) -> Option<Vec<Layout>> {
        let mut parser = Parser::new_from_str(text);
        let mut documents = Vec::new();
        let mut builder = Builder { text, open: Vec::new() };
        while let Some(step) = parser.next_event() {
            let (event, span) = step.ok()?;
            if let Some(document) = builder.event(event, &span)? {
                documents.push(document);
            }
        }
        Some(documents)
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Layout> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The key of that name, itself.
    pub(crate) fn key(&self, key: &str) -> Option<&Layout> {
        self.entries().iter().map(|(name, _)| name).find(|name| name.text() == Some(key))
    }

    /// The keys and values of a mapping.
    pub(crate) fn entries(&self) -> &[(Layout, Layout)] {
        match &self.shape {
            Shape::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> &[Layout] {
        match &self.shape {
            Shape::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// True for a list or mapping in brackets.
    pub(crate) fn is_flow(&self, text: &str) -> bool {
        let collection = matches!(self.shape, Shape::Sequence(_) | Shape::Mapping(_));
        collection && text.get(self.bytes.clone()).is_some_and(|own| own.starts_with(['[', '{']))
    }

    /// True if nothing in it is written elsewhere.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.shape {
            Shape::Scalar(_) => true,
            Shape::Alias => false,
            Shape::Sequence(items) => items.iter().all(Layout::is_whole),
            Shape::Mapping(entries) => {
                entries.iter().all(|(key, value)| key.text() != Some("<<") && key.is_whole() && value.is_whole())
            }
        }
    }

    /// The list item that begins at a place, with everything that it is inside of, from the outermost on.
    pub(crate) fn path_to_item(&self, place: (u32, u32)) -> Option<Vec<&Layout>> {
        let mut path = Vec::new();
        self.descend(place, &mut path).then_some(path)
    }

    fn descend<'l>(&'l self, place: (u32, u32), path: &mut Vec<&'l Layout>) -> bool {
        path.push(self);
        let found = match &self.shape {
            Shape::Sequence(items) => items.iter().any(|item| {
                if item.place == place {
                    path.push(item);
                    return true;
                }
                item.descend(place, path)
            }),
            Shape::Mapping(entries) => entries.iter().any(|(_, value)| value.descend(place, path)),
            Shape::Scalar(_) | Shape::Alias => false,
        };
        if !found {
            path.pop();
        }
        found
    }
}

/// A list or mapping that is not complete yet; of a mapping keys and values in turn.
struct Open {
    start: usize,
    place: (u32, u32),
    is_mapping: bool,
    parts: Vec<Layout>,
}

struct Builder<'t> {
    text: &'t str,
    open: Vec<Open>,
}

impl Builder<'_> {
    /// Takes one event; `Some(Some(..))` once a document is complete, `None` if places are not known.
    fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) -> Option<Option<Layout>> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let place = (number(span.start.line()), number(span.start.col().saturating_add(1)));
        let (start, end) = (span.start.byte_offset()?, span.end.byte_offset()?);
        let done = match event {
            Event::Scalar(text, ..) => {
                let end = self.trimmed(start, end);
                Layout { bytes: start..end, place, shape: Shape::Scalar(text.into_owned()) }
            }
            Event::Alias(_) => Layout { bytes: start..end, place, shape: Shape::Alias },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let is_mapping = matches!(event, Event::MappingStart(..));
                self.open.push(Open { start, place, is_mapping, parts: Vec::new() });
                return Some(None);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let flow = self.text.get(open.start..).is_some_and(|own| own.starts_with(['[', '{']));
                let shape = if open.is_mapping { pairs(open.parts) } else { Shape::Sequence(open.parts) };
                let end = if flow { end } else { last(&shape).max(open.start) };
                Layout { bytes: open.start..end, place: open.place, shape }
            }
            _ => return Some(None),
        };
        match self.open.last_mut() {
            Some(open) => {
                open.parts.push(done);
                Some(None)
            }
            None => Some(Some(done)),
        }
    }

    /// The end of a scalar without the blanks and line ends behind it. Nothing ends where it starts.
    fn trimmed(&self, start: usize, end: usize) -> usize {
        let own = self.text.get(start..end).unwrap_or_default();
        start + own.trim_end().len()
    }
}

/// The end of the last thing that stands in a list or mapping without brackets.
fn last(shape: &Shape) -> usize {
    let ends: Vec<usize> = match shape {
        Shape::Sequence(items) => {
            items.iter().filter(|item| !item.bytes.is_empty()).map(|item| item.bytes.end).collect()
        }
        Shape::Mapping(entries) => entries.iter().map(|(key, value)| key.bytes.end.max(value.bytes.end)).collect(),
        Shape::Scalar(_) | Shape::Alias => Vec::new(),
    };
    ends.into_iter().max().unwrap_or(0)
}

fn pairs(parts: Vec<Layout>) -> Shape {
    let mut entries = Vec::with_capacity(parts.len() / 2);
    let mut parts = parts.into_iter();
    while let (Some(key), Some(mut value)) = (parts.next(), parts.next()) {
        if value.bytes.is_empty() && value.text().is_some() {
            // Nothing stands right behind the colon, wherever the parser had got to.
            value.bytes = key.bytes.end + 1..key.bytes.end + 1;
        }
        entries.push((key, value));
    }
    Shape::Mapping(entries)
}
