//! Namespaces and their labels.

use super::manifest::Manifest;
use super::selector::NAMESPACE_NAME;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use seglab_policy::{Diagnostic, Labels, Span};
use std::collections::BTreeMap;

/// The annotation by which namespaces asked for isolation before `NetworkPolicy` was stable, in Kubernetes 1.3 to 1.6.
const OBSOLETE_ISOLATION: &str = "net.beta.kubernetes.io/network-policy";

/// The namespaces that were read, by name.
#[derive(Default)]
pub(super) struct Namespaces(BTreeMap<String, Namespace>);

struct Namespace {
    labels: Labels,
    span: Span,
}

impl Namespaces {
    /// Adds a namespace. One that is described twice (by a cluster's administrators and again by an application) has
    /// the labels of both.
    pub(super) fn add(&mut self, manifest: &Manifest<'_>, report: &mut Vec<Diagnostic>) {
        let node = manifest.node.nearest(&["metadata"]);
        let Some(metadata) = manifest.read::<ObjectMeta>(node, report) else { return };
        if let Some(labels) = node.get("labels") {
            manifest.refuse_yaml11_booleans(labels, report);
        }
        warn_of_obsolete_isolation(manifest, report);
        let span = manifest.span();
        let namespace = self
            .0
            .entry(manifest.name.to_owned())
            .or_insert_with(|| Namespace { labels: automatic(manifest.name), span });
        for (key, value) in metadata.labels.into_iter().flatten() {
            let before = namespace.labels.insert(key.clone(), value.clone());
            if before.as_ref().is_some_and(|before| *before != value) {
                let message = format!("the namespace `{}` has two values for the label `{key}`", manifest.name);
                let place = node.nearest(&["labels", &key]).span;
                let help = match namespace.span == span {
                    true => format!("Kubernetes sets it to `{}`; remove it", before.unwrap_or_default()),
                    false => format!("it is `{}` elsewhere; make them agree", before.unwrap_or_default()),
                };
                report.push(Diagnostic::error("namespace-labels", message, Some(place)).with_help(help));
            }
        }
    }

    /// The labels of a namespace: of one that was not read, only the automatic one with its name.
    pub(super) fn labels(&self, name: &str) -> Labels {
        self.0.get(name).map_or_else(|| automatic(name), |namespace| namespace.labels.clone())
    }

    /// True if an object describes the namespace.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Where the namespace is described.
    pub(super) fn span(&self, name: &str) -> Option<Span> {
        self.0.get(name).map(|namespace| namespace.span)
    }
}

fn automatic(name: &str) -> Labels {
    Labels::from([(NAMESPACE_NAME.to_owned(), name.to_owned())])
}

fn warn_of_obsolete_isolation(manifest: &Manifest<'_>, report: &mut Vec<Diagnostic>) {
    let annotations = manifest.node.nearest(&["metadata", "annotations"]);
    if let Some(entry) = annotations.entries().iter().find(|entry| &*entry.key.text == OBSOLETE_ISOLATION) {
        let message = format!(
            "the annotation `{OBSOLETE_ISOLATION}` isolates nothing: no Kubernetes since 1.7 looks at it, and the pods \
             of the namespace `{}` are open wherever no policy selects them",
            manifest.name
        );
        report.push(Diagnostic::warning("obsolete-isolation-annotation", message, Some(entry.key.span)).with_help(
            "write a NetworkPolicy with `podSelector: {}` and `policyTypes: [Ingress]` instead of the annotation",
        ));
    }
}
