//! Kubernetes: manifests in, a design out.
//!
//! Read are every kind of workload, namespaces, services, ingresses (and OpenShift's routes), and the policies
//! `NetworkPolicy`, `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` and `ClusterNetworkPolicy`; each alone, in
//! documents of one file, or in lists, as YAML or JSON. Kinds of a list that change no connection are skipped; of any
//! other kind the verdicts that it may touch are unknown, unless [`Options::ignore`] names it.
//!
//! The design has one enforcement point, at every pod, with one rulebook of three tiers: what administrators say
//! first, `NetworkPolicy`, and what administrators say last.
//!
//! ```
//! use seglab_formats::{File, kubernetes};
//! let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web}]}\n";
//! let files = [File { path: "web.yaml".into(), text: text.into() }];
//! let reading = kubernetes::read(&files, &kubernetes::Options::default()).unwrap();
//! assert_eq!(reading.draft.units[0].name, "default/web[Pod]");
//!
//! let policy = "apiVersion: networking.k8s.io/v2\nkind: NetworkPolicy\nmetadata: {name: web}\n";
//! let files = [File { path: "policy.yaml".into(), text: policy.into() }];
//! assert!(kubernetes::read(&files, &kubernetes::Options::default()).is_err());
//! ```

mod admin_policy;
mod admin_schema;
mod expectation;
mod index;
mod ingress;
mod inventory;
mod kinds;
mod lint;
mod manifest;
mod namespace;
mod network_policy;
pub(crate) mod patch;
mod policy;
mod port;
mod rulebook;
mod selector;
mod service;
mod workload;

use crate::{File, Reading, Rejected, sources};
pub(crate) use expectation::EXPECTATIONS;
use inventory::Inventory;
use ipnet::IpNet;
use seglab_policy::{Assumption, Covers, DEFAULT_SPACE, Diagnostic, Draft, Family, Severity, SourceId};
use std::collections::BTreeMap;

/// What a reader of manifests is told beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whom the address ranges (`ipBlock`) of `NetworkPolicy` speak of. The API says that they *should* be external
    /// addresses, and leaves pods inside them to the network plug-in: some match pods by their addresses, some never do.
    /// The design notes the [choice](seglab_policy::Choice).
    pub ip_block_covers: Covers,
    /// The ranges that pods' addresses are drawn within. Those of pods on the network of their node, and of a family
    /// that has none here, are unknown.
    pub pod_addresses: BTreeMap<Family, IpNet>,
    /// Kinds that are not modelled and are not to make verdicts unknown.
    pub ignore: Vec<Ignore>,
    /// The address space of the cluster's pods.
    pub space: String,
}

/// A kind that is not modelled and is left out all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// The kind.
    pub kind: String,
    /// Why it may be left out.
    pub reason: String,
}

impl Default for Options {
    /// Ranges of external addresses, pods' addresses unknown, nothing ignored, the default address space.
    fn default() -> Self {
        Self {
            ip_block_covers: Covers::External,
            pod_addresses: BTreeMap::new(),
            ignore: Vec::new(),
            space: DEFAULT_SPACE.to_owned(),
        }
    }
}

/// Reads manifests.
///
/// # Errors
/// Every error in every file: invalid YAML, an object that the API server would refuse where that matters here, a
/// field or a version of a policy that is not known.
pub fn read(files: &[File], options: &Options) -> Result<Reading, Rejected> {
    let sources = sources(files);
    let mut report = Vec::new();
    let mut inventory = Inventory::default();
    for (number, file) in (0..).zip(files) {
        inventory.read(file, SourceId(number), options, &mut report);
    }
    if inventory.is_empty() && !report.iter().any(is_error) {
        report.push(
            Diagnostic::error("nothing-to-read", "there are no Kubernetes objects in the input", None)
                .with_help("name a folder or file with manifests"),
        );
    }
    let draft = inventory.into_draft(options, &mut report);
    // INVARIANT: in the order of files and lines, what has no place first.
    report.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
    report.dedup();
    if report.iter().any(is_error) {
        return Err(Rejected { diagnostics: report, sources });
    }
    Ok(Reading { draft: Draft { sources, ..draft }, diagnostics: report })
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

fn assumption(id: &str, text: impl Into<String>) -> Assumption {
    Assumption { id: id.to_owned(), text: text.into() }
}
