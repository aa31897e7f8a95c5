//! From text to trees.

use super::node::{Entry, Key, Node, Value};
use super::scalar::Scalar;
use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};
use seglab_policy::{Diagnostic, SourceId, Span};
use std::collections::BTreeMap;

/// The most that a file may hold. \[bytes\]
///
/// Whoever reads files from a disk should look at their size first and not read a larger one at all.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// The most values that a document may hold, aliases written out.
const MAX_NODES: usize = 4_000_000;

/// The most levels of lists and mappings in each other, aliases written out.
const MAX_DEPTH: usize = 200;

/// The documents of a text, in their order; after an error there are no more.
pub(crate) fn documents(text: &str, source: SourceId) -> impl Iterator<Item = Result<Node, Diagnostic>> {
    let too_large = (text.len() > MAX_FILE_BYTES).then(|| {
        let message =
            format!("the file has {} MiB, more than the {} that are read", text.len() >> 20, MAX_FILE_BYTES >> 20);
        let start = Span { source, line: 1, column: 1 };
        Err(Diagnostic::error("file-too-large", message, Some(start))
            .with_help("split it, or leave out what is no policy"))
    });
    let text = if too_large.is_some() { "" } else { text };
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    too_large.into_iter().chain(Documents { text, source, parser, failed: false })
}

/// An iterator over the documents of a text.
struct Documents<'a> {
    text: &'a str,
    source: SourceId,
    parser: Parser<'a, StrInput<'a>>,
    failed: bool,
}

impl Iterator for Documents<'_> {
    type Item = Result<Node, Diagnostic>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let mut builder = Builder::new(self.source);
        loop {
            let step = match self.parser.next_event()? {
                Ok((Event::StreamEnd, _)) => return None,
                Ok((event, span)) => builder.event(event, &span),
                Err(error) => Err(self.explain(&error)),
            };
            match step {
                Ok(None) => {}
                Ok(Some(document)) => return Some(Ok(document)),
                Err(diagnostic) => {
                    self.failed = true;
                    return Some(Err(self.hint_at_templates(diagnostic)));
                }
            }
        }
    }
}

impl Documents<'_> {
    /// What to say of text that is not YAML.
    fn explain(&self, error: &ScanError) -> Diagnostic {
        let place = mark(self.source, error.marker());
        if let Some(tab) = tab_indent(self.text, place) {
            return tab;
        }
        Diagnostic::error("invalid-yaml", format!("invalid YAML: {}", error.info()), Some(place))
            .with_help("correct the line, or the lines before it that it belongs to")
    }

    /// An error on a line with the marks of a template is most likely the template's.
    fn hint_at_templates(&self, diagnostic: Diagnostic) -> Diagnostic {
        let line = diagnostic.span.and_then(|span| self.text.lines().nth(span.line.saturating_sub(1) as usize));
        match line {
            Some(line) if line.contains("{{") => {
                diagnostic.with_help("this looks like a template: render it first, such as by `helm template`")
            }
            _ => diagnostic,
        }
    }
}

/// What to say of text that is not YAML if a tab indents the line that is not.
pub(crate) fn tab_indent(text: &str, place: Span) -> Option<Diagnostic> {
    let line = text.lines().nth(place.line.saturating_sub(1) as usize)?;
    let tab = line.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t')?;
    let place = Span { column: u32::try_from(tab + 1).unwrap_or(u32::MAX), ..place };
    let said = Diagnostic::error("tab-indent", "a tab indents the line, which YAML forbids", Some(place));
    Some(said.with_help("indent with spaces"))
}

fn mark(source: SourceId, marker: &granit_parser::Marker) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span { source, line: number(marker.line()), column: number(marker.col().saturating_add(1)) }
}

/// A list or mapping that is not complete yet.
struct Open {
    anchor: usize,
    span: Span,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<Key>, merges: Vec<Node> },
}

/// Builds one document from events.
struct Builder {
    source: SourceId,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    fn new(source: SourceId) -> Self {
        Self { source, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None }
    }

    /// Takes one event; gives the document once it is complete.
    fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) -> Result<Option<Node>, Diagnostic> {
        let span = mark(self.source, &span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = match tag.as_deref() {
                    None => style == ScalarStyle::Plain,
                    Some(tag) => tagged_plain(tag, span)?,
                };
                self.complete(Node { span, value: Value::Scalar(Scalar::new(text, plain)) }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "seq", span)?;
                self.open.push(Open { anchor, span, content: Content::Sequence(Vec::new()) });
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "map", span)?;
                let content = Content::Mapping { entries: Vec::new(), key: None, merges: Vec::new() };
                self.open.push(Open { anchor, span, content });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let value = match open.content {
                        Content::Sequence(items) => Value::Sequence(items),
                        Content::Mapping { entries, merges, .. } => Value::Mapping(merge(entries, merges)?),
                    };
                    self.complete(Node { span: open.span, value }, open.anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let Some((nodes, depth)) = self.anchors.get(&anchor).map(size) else {
                    let message = "the alias stands inside the value that it refers to";
                    return Err(Diagnostic::error("alias-cycle", message, Some(span)).with_help("write the value out"));
                };
                if self.open.len() + depth > MAX_DEPTH {
                    let message = format!("aliases nest values in more than {MAX_DEPTH} levels");
                    return Err(Diagnostic::error("too-deep", message, Some(span)).with_help("write the values out"));
                }
                self.count(nodes, span)?;
                if let Some(target) = self.anchors.get(&anchor) {
                    self.place(target.clone())?;
                }
            }
            Event::DocumentEnd => return Ok(self.root.take()),
            _ => {}
        }
        Ok(None)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the document has more than {MAX_NODES} values, aliases written out");
        Err(Diagnostic::error("too-many-values", message, Some(span)).with_help("split it into documents or files"))
    }

    /// A node is complete: remembers it for aliases and puts it where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.count(1, node.span)?;
        if anchor != 0 {
            let (nodes, _) = size(&node);
            self.count(nodes, node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Diagnostic> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key, merges } => match key.take() {
                None => match node.value {
                    Value::Scalar(scalar) => *key = Some(Key { text: scalar.text().into(), span: node.span }),
                    Value::Sequence(_) | Value::Mapping(_) => {
                        let message = "a list or mapping stands where a key belongs";
                        return Err(Diagnostic::error("invalid-key", message, Some(node.span))
                            .with_help("use a word as the key"));
                    }
                },
                Some(key) if &*key.text == "<<" => merges.push(node),
                Some(key) => entries.push(Entry { key, value: node }),
            },
        }
        Ok(())
    }
}

/// Checks that no key occurs twice and adds the entries of `<<` (YAML 1.1's merge key): a key written in the mapping
/// wins over a merged one, an earlier merged one over a later.
fn merge(mut entries: Vec<Entry>, merges: Vec<Node>) -> Result<Vec<Entry>, Diagnostic> {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for Entry { key, .. } in &entries {
        if let Some(first) = seen.insert(&key.text, key.span) {
            let message = format!("the key `{}` is there twice, first on line {}", key.text, first.line);
            return Err(Diagnostic::error("duplicate-key", message, Some(key.span)).with_help("remove one of the two"));
        }
    }
    let mut known: std::collections::BTreeSet<Box<str>> = entries.iter().map(|entry| entry.key.text.clone()).collect();
    for node in merges {
        let span = node.span;
        let sources = match node.value {
            Value::Mapping(_) => vec![node],
            Value::Sequence(items) => items,
            Value::Scalar(_) => Vec::new(),
        };
        if sources.is_empty() || !sources.iter().all(|source| matches!(source.value, Value::Mapping(_))) {
            return Err(Diagnostic::error("invalid-merge", "`<<` takes a mapping or a list of mappings", Some(span))
                .with_help("refer to a mapping, as in `<<: *base`"));
        }
        for source in sources {
            if let Value::Mapping(merged) = source.value {
                entries.extend(merged.into_iter().filter(|entry| known.insert(entry.key.text.clone())));
            }
        }
    }
    Ok(entries)
}

/// The number of nodes of a tree, and its levels.
fn size(node: &Node) -> (usize, usize) {
    let add = |(nodes, depth): (usize, usize), below: &Node| {
        let (more, deep) = size(below);
        (nodes + more, depth.max(deep))
    };
    let (nodes, depth) = match &node.value {
        Value::Scalar(_) => return (1, 0),
        Value::Sequence(items) => items.iter().fold((1, 0), add),
        Value::Mapping(entries) => entries.iter().map(|entry| &entry.value).fold((1, 0), add),
    };
    (nodes, depth + 1)
}

/// Whether a scalar with an explicit tag is read as if it were plain; tags that are not of the core schema are
/// refused, for nothing here knows what they mean.
fn tagged_plain(tag: &Tag, span: Span) -> Result<bool, Diagnostic> {
    match tag.core_suffix() {
        Some("str") => Ok(false),
        Some("int" | "float" | "bool" | "null") => Ok(true),
        _ if tag.original() == "!" => Ok(false),
        _ => Err(unknown_tag(tag, span)),
    }
}

fn refuse_tag(tag: Option<&Tag>, expected: &str, span: Span) -> Result<(), Diagnostic> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) && tag.original() != "!" => Err(unknown_tag(tag, span)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, span: Span) -> Diagnostic {
    Diagnostic::error("unknown-tag", format!("the tag `{}` has no meaning here", tag.original()), Some(span))
        .with_help("remove it, or render the file with the tool that knows it")
}
