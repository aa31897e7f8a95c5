//! Label selectors.

use super::manifest::Manifest;
use crate::yaml::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use seglab_policy::{Diagnostic, NAMESPACE_PREFIX, Selector};
use std::collections::BTreeSet;

/// The label that every namespace carries with its own name.
pub(super) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The key under which the units of a namespace carry its label `key`.
pub(super) fn namespace_key(key: &str) -> String {
    format!("{NAMESPACE_PREFIX}{key}")
}

/// Every pod of the cluster. In a design that has other units, too, no selector of Kubernetes may select those.
pub(super) fn every_pod() -> Selector {
    Selector::Exists(namespace_key(NAMESPACE_NAME))
}

/// Every pod of a namespace.
pub(super) fn in_namespace(namespace: &str) -> Selector {
    Selector::label(namespace_key(NAMESPACE_NAME), namespace)
}

/// Pods by the labels of their namespaces and their own.
pub(super) fn pods(namespaces: Selector, pods: Selector) -> Selector {
    let mut parts = Vec::new();
    for part in [namespaces, pods] {
        match part {
            Selector::Everything => {}
            Selector::All(inner) => parts.extend(inner),
            other => parts.push(other),
        }
    }
    if !parts.iter().any(names_namespace) {
        parts.insert(0, every_pod());
    }
    match <[Selector; 1]>::try_from(parts) {
        Ok([single]) => single,
        Err(parts) => Selector::All(parts),
    }
}

/// True if only pods satisfy the selector: it asks for a label that a namespace gives.
fn names_namespace(selector: &Selector) -> bool {
    match selector {
        Selector::In { key, .. } | Selector::Exists(key) => key.starts_with(NAMESPACE_PREFIX),
        _ => false,
    }
}

/// A label selector over labels whose keys stand under `prefix`. What does not fit is reported.
pub(super) fn label_selector(
    manifest: &Manifest<'_>,
    selector: &LabelSelector,
    node: &Node,
    prefix: &str,
    report: &mut Vec<Diagnostic>,
) -> Selector {
    let mut parts: Vec<Selector> = selector
        .match_labels
        .iter()
        .flatten()
        .map(|(key, value)| Selector::label(format!("{prefix}{key}"), value.clone()))
        .collect();
    for (position, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        let place = node.item("matchExpressions", position);
        match expression(requirement, prefix) {
            Ok(part) => parts.push(part),
            Err((message, help)) => {
                let message = format!("in `{}`, {message}", manifest.title());
                report.push(Diagnostic::error("invalid-selector", message, Some(place.span)).with_help(help));
            }
        }
    }
    match <[Selector; 1]>::try_from(parts) {
        Ok([single]) => single,
        Err(parts) if parts.is_empty() => Selector::Everything,
        Err(parts) => Selector::All(parts),
    }
}

fn expression(requirement: &LabelSelectorRequirement, prefix: &str) -> Result<Selector, (String, &'static str)> {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let values: BTreeSet<String> = values.iter().flatten().cloned().collect();
    let values: Vec<String> = values.into_iter().collect();
    let full = format!("{prefix}{key}");
    if key.is_empty() {
        return Err(("an expression has no key".to_owned(), "add `key`"));
    }
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            Err((format!("the operator `{operator}` of `{key}` has no values"), "add `values`, or use `Exists`"))
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            Err((format!("the operator `{operator}` of `{key}` takes no values"), "remove `values`, or use `In`"))
        }
        "In" => Ok(Selector::In { key: full, values }),
        "NotIn" => Ok(Selector::NotIn { key: full, values }),
        "Exists" => Ok(Selector::Exists(full)),
        "DoesNotExist" => Ok(Selector::Absent(full)),
        other => Err((
            format!("`{other}` is no operator of a selector"),
            "the operators are `In`, `NotIn`, `Exists` and `DoesNotExist`",
        )),
    }
}

/// Adds what a selector asks of labels, each question alone.
pub(super) fn questions<'a>(selector: &'a Selector, found: &mut BTreeSet<&'a Selector>) {
    match selector {
        Selector::Everything => {}
        Selector::All(parts) | Selector::AnyOf(parts) => parts.iter().for_each(|part| questions(part, found)),
        Selector::Not(inner) => questions(inner, found),
        Selector::Named(_)
        | Selector::In { .. }
        | Selector::NotIn { .. }
        | Selector::Exists(_)
        | Selector::Absent(_) => {
            found.insert(selector);
        }
    }
}

/// The label key that a single question is about.
pub(super) fn key(question: &Selector) -> Option<&str> {
    match question {
        Selector::In { key, .. } | Selector::NotIn { key, .. } | Selector::Exists(key) | Selector::Absent(key) => {
            Some(key)
        }
        _ => None,
    }
}
