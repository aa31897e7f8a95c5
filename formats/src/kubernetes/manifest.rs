//! From documents to objects: lists are opened, and every object knows its kind, namespace, name and place.

use super::kinds::{Kind, Treatment, treatment};
use crate::yaml::{Node, UnknownKey, closest, from_node};
use seglab_policy::{Diagnostic, Provenance, Span};
use serde::de::DeserializeOwned;

/// The namespace of objects that name none, as `kubectl` has it.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// An object, not yet read further.
#[derive(Clone, Copy)]
pub(super) struct Manifest<'a> {
    /// The API group and version, `apps/v1`.
    pub(super) api_version: &'a str,
    /// The kind.
    pub(super) kind: &'a str,
    /// The namespace as written.
    pub(super) written_namespace: Option<&'a str>,
    /// The name.
    pub(super) name: &'a str,
    /// The object.
    pub(super) node: &'a Node,
}

impl<'a> Manifest<'a> {
    /// The namespace; [`DEFAULT_NAMESPACE`] if none is written.
    pub(super) fn namespace(&self) -> &'a str {
        self.written_namespace.unwrap_or(DEFAULT_NAMESPACE)
    }

    /// Kind, namespace and name: `NetworkPolicy shop/web`, or without a namespace `AdminNetworkPolicy web`.
    pub(super) fn title(&self) -> String {
        let namespaced = match treatment(self.api_version, self.kind) {
            Treatment::Read(kind) => kind.is_namespaced(),
            _ => self.written_namespace.is_some(),
        };
        if namespaced {
            format!("{} {}/{}", self.kind, self.namespace(), self.name)
        } else {
            format!("{} {}", self.kind, self.name)
        }
    }

    /// The place to point at for the object as a whole: its name.
    pub(super) fn span(&self) -> Span {
        self.node.nearest(&["metadata", "name"]).span
    }

    /// The provenance of something that is written at `span` in the object.
    pub(super) fn provenance(&self, span: Span) -> Provenance {
        Provenance { object: Some(self.title()), ..Provenance::at(span) }
    }

    /// Reads a part of the object as a value of type `T` and skips what the type does not know. What does not fit is
    /// reported, and there is no value.
    pub(super) fn read<T: DeserializeOwned>(&self, node: &Node, report: &mut Vec<Diagnostic>) -> Option<T> {
        self.read_with_unknown(node, report).map(|(value, _)| value)
    }

    /// As [`Manifest::read`], but keys that the type does not know are errors: a policy is never half read.
    pub(super) fn read_strictly<T: DeserializeOwned>(&self, node: &Node, report: &mut Vec<Diagnostic>) -> Option<T> {
        let (value, unknown) = self.read_with_unknown(node, report)?;
        self.refuse(&unknown, report);
        Some(value)
    }

    /// As [`Manifest::read`], and lists the keys that the type does not know.
    pub(super) fn read_with_unknown<T: DeserializeOwned>(
        &self,
        node: &Node,
        report: &mut Vec<Diagnostic>,
    ) -> Option<(T, Vec<UnknownKey>)> {
        match from_node(node) {
            Ok(read) => Some(read),
            Err(mismatch) => {
                let message = format!("in `{}`, {mismatch}", self.title());
                let help = "correct it; the API server would refuse it, too";
                report.push(Diagnostic::error("invalid-value", message, mismatch.span).with_help(help));
                None
            }
        }
    }

    /// Reports keys that nothing knows.
    pub(super) fn refuse(&self, unknown: &[UnknownKey], report: &mut Vec<Diagnostic>) {
        for UnknownKey { key, known } in unknown {
            let message = format!("in `{}`, `{}` is no field here", self.title(), key.text);
            let help = match closest(&key.text, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "remove it".to_owned(),
                None => format!("the fields here are {}", list(known.iter().copied())),
            };
            report.push(Diagnostic::error("unknown-field", message, Some(key.span)).with_help(help));
        }
    }

    /// Checks what every policy object has in common: no fields beside metadata and spec, metadata that is known, and
    /// no word that Kubernetes, which follows YAML 1.1, reads as a truth value where texts belong.
    pub(super) fn check_policy_frame(&self, report: &mut Vec<Diagnostic>) {
        const FRAME: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
        let unknown: Vec<UnknownKey> = self
            .node
            .entries()
            .iter()
            .filter(|entry| !FRAME.contains(&&*entry.key.text))
            .map(|entry| UnknownKey { key: entry.key.clone(), known: &["metadata", "spec"] })
            .collect();
        self.refuse(&unknown, report);
        let metadata = self.node.nearest(&["metadata"]);
        self.read_strictly::<k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta>(metadata, report);
        if let Some(spec) = self.node.get("spec") {
            self.refuse_yaml11_booleans(spec, report);
        } else {
            let message = format!("`{}` has no `spec`", self.title());
            report.push(
                Diagnostic::error("invalid-value", message, Some(self.span()))
                    .with_help("write what it allows, or remove it"),
            );
        }
    }

    /// Reports words without quotes that Kubernetes reads as truth values, at and below `node`.
    pub(super) fn refuse_yaml11_booleans(&self, node: &Node, report: &mut Vec<Diagnostic>) {
        if let crate::yaml::Value::Scalar(scalar) = &node.value
            && scalar.is_yaml11_bool()
        {
            let message =
                format!("Kubernetes reads `{}` without quotes as a truth value, not as a text", scalar.text());
            report.push(
                Diagnostic::error("truth-value", message, Some(node.span))
                    .with_help(format!("write \"{}\"", scalar.text())),
            );
        }
        for below in node.items().iter().chain(node.entries().iter().map(|entry| &entry.value)) {
            self.refuse_yaml11_booleans(below, report);
        }
    }
}

/// Words in backticks, joined for a sentence.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The objects of a document, those inside lists included, in their order.
pub(super) fn objects<'a>(document: &'a Node, report: &mut Vec<Diagnostic>) -> Vec<Manifest<'a>> {
    let mut found = Vec::new();
    if !document.is_null() {
        collect(document, None, &mut found, report);
    }
    found
}

fn collect<'a>(
    node: &'a Node,
    inherited: Option<(&'a str, &'a str)>,
    found: &mut Vec<Manifest<'a>>,
    report: &mut Vec<Diagnostic>,
) {
    let word = |key| node.get(key).filter(|value| !value.is_null()).and_then(Node::text);
    let api_version = word("apiVersion").or(inherited.map(|(version, _)| version));
    let kind = word("kind").or(inherited.map(|(_, kind)| kind));
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        if !is_of_the_gate(node) {
            report.push(not_an_object(node, kind.is_none()));
        }
        return;
    };
    if let (Some(item_kind), Some(items)) = (kind.strip_suffix("List"), node.get("items")) {
        // `List` holds objects of any kind, which name theirs; `PodList` and its like may leave it to their name.
        let inherited = (!item_kind.is_empty()).then_some((api_version, item_kind));
        for item in items.items() {
            collect(item, inherited, found, report);
        }
        return;
    }
    let metadata = node.nearest(&["metadata"]);
    let word = |key| metadata.get(key).filter(|value| !value.is_null()).and_then(Node::text);
    let Some(name) = word("name").or(word("generateName")) else {
        if matches!(treatment(api_version, kind), Treatment::Read(_) | Treatment::UnknownVersion(_)) {
            let message = format!("a {kind} has no name");
            report.push(
                Diagnostic::error("missing-name", message, Some(metadata.span))
                    .with_help("add `name` under `metadata`"),
            );
            return;
        }
        found.push(Manifest { api_version, kind, written_namespace: word("namespace"), name: "", node });
        return;
    };
    found.push(Manifest { api_version, kind, written_namespace: word("namespace"), name, node });
}

/// True of a baseline and of a file of waivers, which stand beside the manifests that they are of.
fn is_of_the_gate(node: &Node) -> bool {
    let schema = node.get("schema").and_then(Node::text);
    let is_lab_file = ["units", "sources", "policy"].iter().any(|key| node.get(key).is_some());
    schema.is_some_and(|schema| schema.starts_with("seglab/"))
        || (node.get("seglab").is_some() && node.get("waivers").is_some() && !is_lab_file)
}

/// What to say of a document that is no object: one that looks like an object with something missing is an error, any
/// other (values of a chart, a result of a tool) stands beside manifests and is skipped under a warning.
fn not_an_object(node: &Node, without_kind: bool) -> Diagnostic {
    let has = |key: &str| node.get(key).is_some();
    if has("apiVersion") || has("kind") || has("metadata") {
        let missing = if without_kind { "kind" } else { "apiVersion" };
        let message = format!("the object has no `{missing}`");
        return Diagnostic::error("not-an-object", message, Some(node.span)).with_help(format!("add `{missing}`"));
    }
    Diagnostic::warning("not-a-manifest", "this is no Kubernetes object and is skipped", Some(node.span))
        .with_help("leave the file out if it is not meant to be read")
}

/// The diagnostic for a kind in a version that is not read.
pub(super) fn unknown_version(manifest: &Manifest<'_>, known: &[&str]) -> Diagnostic {
    let place = manifest.node.get("apiVersion").map_or(manifest.node.span, |value| value.span);
    let message = format!("`{}` is no known version of {}", manifest.api_version, manifest.kind);
    Diagnostic::error("unknown-version", message, Some(place))
        .with_help(format!("the known ones are {}", list(known.iter().copied())))
}

/// The kind of an object that is read, for the index of objects seen.
pub(super) fn key(manifest: &Manifest<'_>, kind: Kind) -> (String, String, String) {
    let namespace = if kind.is_namespaced() { manifest.namespace() } else { "" };
    (manifest.kind.to_owned(), namespace.to_owned(), manifest.name.to_owned())
}
