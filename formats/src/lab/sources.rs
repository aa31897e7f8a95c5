//! What else a lab file is made of, and how it says that is to be read.

use super::at::{ListOrFile, Text, TextOr, Texts};
use super::document::{Document, KubernetesDoc, SourceDoc};
use super::notes::Notes;
use crate::kubernetes;
use crate::text::TextError;
use ipnet::IpNet;
use seglab_policy::{Address, Covers, Family, Span};
use std::collections::BTreeMap;

/// What a part of a lab file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A file or folder of Kubernetes manifests.
    Kubernetes,
    /// Another lab file.
    Lab,
    /// Units as CSV: [`units_csv`](super::units_csv) reads it.
    Units,
}

/// A file or folder that a lab file is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// The path as it is written, relative to the lab file.
    pub path: String,
    /// Where it is named; the lab file is the source 0.
    pub span: Span,
    /// Of manifests: whom the address ranges of `NetworkPolicy` speak of, if the lab file says so.
    ip_blocks: Option<Covers>,
    /// Of manifests: the ranges that pods' addresses are drawn within.
    pod_addresses: BTreeMap<Family, IpNet>,
}

impl Part {
    /// How to read the part's manifests: as the lab file says, and where it says nothing as `otherwise` does.
    pub fn kubernetes(&self, otherwise: &kubernetes::Options) -> kubernetes::Options {
        let mut options = otherwise.clone();
        options.ip_block_covers = self.ip_blocks.unwrap_or(options.ip_block_covers);
        options.pod_addresses.extend(&self.pod_addresses);
        options
    }

    fn new(kind: PartKind, path: &Text, notes: &Notes<'_>) -> Self {
        let (path, span) = (path.value.clone(), notes.span(path));
        Part { kind, path, span, ip_blocks: None, pod_addresses: BTreeMap::new() }
    }
}

/// The parts in the order in which [`merge`](super::merge) wants their readings.
pub(super) fn parts(document: &Document, notes: &mut Notes<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for source in &document.sources {
        parts.push(match &source.value {
            SourceDoc::Kubernetes(manifests) => match &manifests.value {
                TextOr::Text(path) => Part::new(PartKind::Kubernetes, &manifests.with(path.clone()), notes),
                TextOr::More(more) => manifests_part(more, &parts, notes),
            },
            SourceDoc::Lab(path) => Part::new(PartKind::Lab, path, notes),
        });
    }
    if let Some(units) = &document.units
        && let ListOrFile::File(path) = &units.value
    {
        parts.push(Part::new(PartKind::Units, &units.with(path.clone()), notes));
    }
    parts
}

/// All manifests of a lab file are of one cluster, so what one source says of it no other may say otherwise.
fn manifests_part(doc: &KubernetesDoc, earlier: &[Part], notes: &mut Notes<'_>) -> Part {
    let part = Part::new(PartKind::Kubernetes, &doc.path, notes);
    let ip_blocks = doc.ip_blocks.as_ref().and_then(|text| notes.parsed(text, covers(&text.value)));
    let pod_addresses = pod_addresses(doc.pod_addresses.as_ref(), notes);
    let help = "say it once: all `kubernetes` sources of a lab file are one cluster";
    if let Some(text) = &doc.ip_blocks
        && earlier.iter().any(|one| one.ip_blocks.is_some_and(|said| Some(said) != ip_blocks))
    {
        notes.error("contradiction", text, "an earlier source says another `ip-blocks`", help);
    }
    let differs = |one: &Part| {
        pod_addresses.iter().any(|(family, range)| one.pod_addresses.get(family).is_some_and(|said| said != range))
    };
    if earlier.iter().any(differs) {
        notes.error("contradiction", &doc.path, "an earlier source says other `pod-addresses`", help);
    }
    Part { ip_blocks, pod_addresses, ..part }
}

fn covers(text: &str) -> Result<Covers, TextError> {
    match text {
        "external" => Ok(Covers::External),
        "all" => Ok(Covers::All),
        other => Err(TextError::new(format!("`{other}` is not whom `ipBlock` speaks of"), 0..other.chars().count())
            .with_help(
                "write `external` if the network plug-in never matches pods by it, or `all` if it matches pods by their \
                 addresses too",
            )),
    }
}

fn pod_addresses(given: Option<&Texts>, notes: &mut Notes<'_>) -> BTreeMap<Family, IpNet> {
    let mut ranges = BTreeMap::new();
    for text in given.iter().flat_map(|given| given.iter()) {
        let Some(range) = notes.parsed(text, net(&text.value)) else { continue };
        let family = Address::Within(range).family();
        if ranges.insert(family, range).is_some() {
            let message = format!("`{}` is the second range of {family}", text.value);
            notes.error(
                "invalid-value",
                text,
                message,
                "give one range for each family, one that holds both if need be",
            );
        }
    }
    ranges
}

fn net(text: &str) -> Result<IpNet, TextError> {
    text.parse().map_err(|_| {
        TextError::new(format!("`{text}` is not a CIDR block"), 0..text.chars().count())
            .with_help("write the range that the cluster draws its pods' addresses within, such as `10.244.0.0/16`")
    })
}
