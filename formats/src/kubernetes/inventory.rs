//! Everything that was found in the files, and the design that it adds up to.

use super::expectation::expectations;
use super::index::Index;
use super::ingress::{self, Backend};
use super::kinds::{Kind, Treatment, treatment};
use super::lint;
use super::manifest::{Manifest, key, list, objects, unknown_version};
use super::namespace::Namespaces;
use super::policy::{Policy, PolicyTier};
use super::selector::{in_namespace, questions};
use super::service::{self, Service};
use super::workload::{self, Circumstances, Workload};
use super::{Options, admin_policy, assumption, network_policy, rulebook};
use crate::File;
use crate::yaml::documents;
use seglab_policy::{
    Assumption, Choice, Covers, Diagnostic, Draft, ExternalSource, Family, Ignored, Provenance, RulebookId, Selector,
    SourceId, Span, TierId, Unmodelled,
};
use std::collections::{BTreeMap, BTreeSet};

/// What was found.
#[derive(Default)]
pub(super) struct Inventory {
    seen: BTreeMap<(String, String, String), Span>,
    objects: usize,
    namespaces: Namespaces,
    workloads: Vec<Workload>,
    /// The least number of replicas of what an autoscaler scales, by namespace, kind and name.
    scalings: BTreeMap<(String, String, String), u32>,
    services: Vec<Service>,
    backends: Vec<Backend>,
    policies: Vec<Policy>,
    /// Which generation of administrators' policies: the kind of the first one of each, with its place.
    generations: BTreeMap<bool, (String, Provenance)>,
    unmodelled: Vec<Unmodelled>,
    assumptions: BTreeSet<Assumption>,
    /// How many objects were left out, by kind and reason.
    ignored: BTreeMap<(String, String), u64>,
}

impl Inventory {
    /// True if no object was found.
    pub(super) fn is_empty(&self) -> bool {
        self.objects == 0
    }

    /// Reads a file.
    pub(super) fn read(&mut self, file: &File, source: SourceId, options: &Options, report: &mut Vec<Diagnostic>) {
        for document in documents(&file.text, source) {
            match document {
                Ok(document) => {
                    for manifest in objects(&document, report) {
                        self.objects += 1;
                        self.add(&manifest, options, report);
                    }
                }
                Err(diagnostic) => report.push(diagnostic),
            }
        }
    }

    fn add(&mut self, manifest: &Manifest<'_>, options: &Options, report: &mut Vec<Diagnostic>) {
        let kind = match treatment(manifest.api_version, manifest.kind) {
            Treatment::Read(kind) => kind,
            Treatment::Harmless => {
                self.leave_out(manifest.kind, "changes no connection".to_owned());
                return;
            }
            Treatment::Assume(id, text) => {
                self.assumptions.insert(assumption(id, text));
                self.leave_out(manifest.kind, format!("assumed: {text}"));
                return;
            }
            Treatment::UnknownVersion(known) => {
                report.push(unknown_version(manifest, known));
                return;
            }
            Treatment::Unknown => {
                self.add_unknown(manifest, options, report);
                return;
            }
        };
        if kind == Kind::Namespace {
            self.namespaces.add(manifest, report);
            return;
        }
        if let Some(first) = self.seen.insert(key(manifest, kind), manifest.span()) {
            let message = format!("`{}` is there twice", manifest.title());
            report.push(
                Diagnostic::error("duplicate-object", message, Some(manifest.span()))
                    .with_related("the first of the two", Some(first))
                    .with_help("remove one of the two, or give it another name or namespace"),
            );
            return;
        }
        match kind {
            Kind::Namespace => {}
            Kind::Workload(shape) => self.workloads.extend(workload::read(manifest, shape, report)),
            Kind::Autoscaler => self.scalings.extend(workload::read_autoscaler(manifest, report)),
            Kind::Service => self.services.extend(service::read(manifest, report)),
            Kind::Ingress => self.backends.extend(ingress::read_ingress(manifest, report)),
            Kind::Route => self.backends.extend(ingress::read_route(manifest, report)),
            Kind::NetworkPolicy => self.policies.extend(network_policy::read(manifest, options, report)),
            Kind::AdminNetworkPolicy | Kind::BaselineAdminNetworkPolicy | Kind::ClusterNetworkPolicy => {
                let newer = kind == Kind::ClusterNetworkPolicy;
                let first = (manifest.kind.to_owned(), manifest.provenance(manifest.span()));
                self.generations.entry(newer).or_insert(first);
                self.policies.extend(admin_policy::read(manifest, kind, report));
            }
        }
    }

    /// An object of a kind that is not modelled: it touches its namespace's units, or, if it names none and may be
    /// cluster-wide, everything.
    fn add_unknown(&mut self, manifest: &Manifest<'_>, options: &Options, report: &mut Vec<Diagnostic>) {
        if let Some(ignore) = options.ignore.iter().find(|ignore| ignore.kind == manifest.kind) {
            self.leave_out(manifest.kind, ignore.reason.clone());
            return;
        }
        let (touches, where_) = match manifest.written_namespace {
            Some(namespace) => (in_namespace(namespace), format!("the pods of the namespace `{namespace}`")),
            None => (Selector::Everything, "every unit".to_owned()),
        };
        let what = manifest.title().trim_end().to_owned();
        let message =
            format!("`{what}` ({}) is not modelled: verdicts about {where_} are unknown", manifest.api_version);
        report.push(Diagnostic::warning("unmodelled-kind", message, Some(manifest.span())).with_help(format!(
            "if it changes no connection, say so in a lab file: `ignore: [{{kind: {}, reason: …}}]`",
            manifest.kind
        )));
        let provenance = manifest.provenance(manifest.span());
        self.unmodelled.push(Unmodelled { what, touches, provenance });
    }

    fn leave_out(&mut self, kind: &str, reason: String) {
        *self.ignored.entry((kind.to_owned(), reason)).or_default() += 1;
    }

    /// The design.
    pub(super) fn into_draft(mut self, options: &Options, report: &mut Vec<Diagnostic>) -> Draft {
        self.mixed_generations(report);
        let host_network: Vec<String> =
            self.workloads.iter().filter(|workload| workload.host_network).map(Workload::owner).collect();
        let external_sources: Vec<ExternalSource> =
            ingress::controller(&self.backends, &self.services, report).into_iter().collect();
        let mut asked = BTreeSet::new();
        for policy in &self.policies {
            questions(&policy.subject, &mut asked);
            policy.peers.iter().for_each(|(selector, _)| questions(selector, &mut asked));
        }
        let entries = external_sources.iter().flat_map(|source| &source.entries);
        entries.for_each(|entry| questions(&entry.to, &mut asked));
        let circumstances = Circumstances {
            namespaces: &self.namespaces,
            scalings: &self.scalings,
            questions: &asked,
            space: &options.space,
            pod_addresses: &options.pod_addresses,
        };
        let units = workload::units(std::mem::take(&mut self.workloads), &circumstances, report);
        let input = lint::Input {
            policies: &self.policies,
            services: &self.services,
            namespaces: &self.namespaces,
            units: Index::new(&units),
        };
        report.extend(lint::surprises(&input));
        self.assume(options, !units.is_empty(), &host_network);
        let choices: Vec<Choice> = self.choice(options).into_iter().collect();
        let rulebook = rulebook::rulebook(self.policies);
        Draft {
            name: "kubernetes".to_owned(),
            properties: expectations(&self.services, &external_sources, &rulebook),
            units,
            external_sources,
            rulebooks: vec![rulebook],
            points: vec![rulebook::point(RulebookId(0))],
            assumptions: self.assumptions.into_iter().collect(),
            choices,
            unmodelled: self.unmodelled,
            ignored: self.ignored.into_iter().map(ignored).collect(),
            ..Draft::default()
        }
    }

    /// `v1alpha1` and its successor are two APIs that no one implementation takes together, and nothing says in which
    /// order their policies would go.
    fn mixed_generations(&mut self, report: &mut Vec<Diagnostic>) {
        let (Some((old, _)), Some((new, provenance))) = (self.generations.get(&false), self.generations.get(&true))
        else {
            return;
        };
        let message =
            format!("there are both {old} and {new}, and nothing says which goes first: every verdict is unknown");
        report.push(
            Diagnostic::warning("mixed-admin-policies", message, provenance.span)
                .with_help(format!("convert {old} to ClusterNetworkPolicy")),
        );
        let what = format!("the order of {old} and {new}");
        self.unmodelled.push(Unmodelled { what, touches: Selector::Everything, provenance: provenance.clone() });
    }

    /// Whom address ranges speak of is for the network plug-in to say.
    fn choice(&self, options: &Options) -> Option<Choice> {
        let covers = options.ip_block_covers;
        let other = match covers {
            Covers::External => Covers::All,
            Covers::All => Covers::External,
        };
        self.policies.iter().any(|policy| policy.tier == PolicyTier::Namespaced).then(|| Choice {
            assumption: ip_blocks(covers),
            otherwise: ip_blocks(other).text,
            covers,
            tiers: vec![TierId { rulebook: RulebookId(0), tier: rulebook::NETWORK_POLICY }],
        })
    }

    fn assume(&mut self, options: &Options, any_units: bool, host_network: &[String]) {
        let mut assume = |id: &str, text: String| self.assumptions.insert(assumption(id, text));
        if any_units {
            let (id, text) = pod_addresses(options);
            assume(id, text);
            assume(
                "plugin-enforces",
                "the cluster's network plug-in enforces every kind of policy that was read".to_owned(),
            );
        }
        if !host_network.is_empty() {
            let names = list(host_network.iter().map(String::as_str));
            assume("host-network", format!("pods on the network of their node count as ordinary pods: {names}"));
        }
        if self.policies.iter().any(|policy| policy.tier == PolicyTier::Namespaced) {
            let Assumption { id, text } = ip_blocks(options.ip_block_covers);
            assume(&id, text);
        }
        for ignore in &options.ignore {
            if let Some(count) = self.ignored.get(&(ignore.kind.clone(), ignore.reason.clone())) {
                let objects = seglab_policy::count(*count, "object", "objects");
                let text = format!("{objects} of the kind {} may be left out: {}", ignore.kind, ignore.reason);
                assume(&format!("ignored-{}", ignore.kind), text);
            }
        }
    }
}

/// Whom the address ranges of NetworkPolicy speak of, and how a lab file says so.
fn ip_blocks(covers: Covers) -> Assumption {
    let (whom, value) = match covers {
        Covers::External => ("addresses outside the cluster only", "external"),
        Covers::All => ("all addresses, those of pods included", "all"),
    };
    assumption("ip-block-covers", format!("address ranges of NetworkPolicy speak of {whom} (`ip-blocks: {value}`)"))
}

/// What is taken to be known of pods' addresses.
fn pod_addresses(options: &Options) -> (&'static str, String) {
    if options.pod_addresses.is_empty() {
        let text = "pods have addresses of IPv4 and of IPv6, and which is not known: an address range matches a pod only \
                    if it is all of a family (`pod-addresses` in a lab file gives their range)";
        return ("pod-addresses-unknown", text.to_owned());
    }
    let [v4, v6] = Family::ALL.map(|family| match options.pod_addresses.get(&family) {
        Some(range) => format!("one of {family} within {range}"),
        None => format!("one of {family} that is not known"),
    });
    let text = format!(
        "pods have two addresses, {v4} and {v6}: an address range matches a pod only if it holds all of the range that \
         the address is within, or is all of a family"
    );
    ("pod-addresses-within", text)
}

fn ignored(((kind, reason), count): ((String, String), u64)) -> Ignored {
    Ignored { kind, count, provenance: Provenance { reason: Some(reason), ..Provenance::default() } }
}
