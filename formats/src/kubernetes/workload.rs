//! Workloads and pods, and the units that they are.
//!
//! Every replica is a unit of its own. Their addresses are not known but for the range that a lab file may give: a
//! manifest describes what is to run, and the `status.podIP` of a dump is what some pod had once and no policy may rest
//! on, so it is deliberately not read. Every unit has an IPv4 and an IPv6 interface, for a policy that speaks of one family says nothing of the other.

use super::kinds::Workload as Shape;
use super::manifest::Manifest;
use super::namespace::Namespaces;
use super::port;
use super::selector::{key, namespace_key};
use crate::yaml::{Node, closest};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use seglab_policy::{
    Address, Diagnostic, Family, Interface, Labels, Listener, Provenance, Selector, Span, Transport, Unit,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The most replicas of one workload that become units.
const REPLICAS_MAX: u32 = 1000;

/// A workload or pod that has been read.
pub(super) struct Workload {
    /// Its kind.
    pub(super) kind: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Its name in the file.
    pub(super) span: Span,
    /// True if its pods use the network of their node.
    pub(super) host_network: bool,
    labels: Labels,
    replicas: Replicas,
    listeners: Vec<Listener>,
    image: Option<String>,
    provenance: Provenance,
    /// Kind and name of what controls it.
    controller: Option<(String, String)>,
    is_pod: bool,
}

/// How many pods a workload has.
#[derive(Clone, Copy)]
enum Replicas {
    Declared(u32),
    /// Not known, but at least this many.
    AtLeast(u32),
}

impl Workload {
    /// Namespace, name and kind: `shop/web[Deployment]`.
    pub(super) fn owner(&self) -> String {
        display(&self.namespace, &self.name, &self.kind)
    }
}

fn display(namespace: &str, name: &str, kind: &str) -> String {
    format!("{namespace}/{name}[{kind}]")
}

/// Reads a workload; whatever is wrong with it is reported.
pub(super) fn read(manifest: &Manifest<'_>, shape: Shape, report: &mut Vec<Diagnostic>) -> Option<Workload> {
    let metadata_node = manifest.node.nearest(&["metadata"]);
    let metadata: ObjectMeta = manifest.read(metadata_node, report)?;
    let spec_node = manifest.node.nearest(&["spec"]);
    let (labels, labels_node, pod, pod_node) = if shape == Shape::Pod {
        let pod: PodSpec = manifest.read(spec_node, report)?;
        (metadata.labels.clone(), metadata_node.get("labels"), pod, spec_node)
    } else {
        let path: &[&str] = match shape {
            Shape::CronJob => &["jobTemplate", "spec", "template"],
            _ => &["template"],
        };
        let node = spec_node.nearest(path);
        let template: PodTemplateSpec = manifest.read(node, report)?;
        let labels = template.metadata.and_then(|metadata| metadata.labels);
        let labels_node = node.get("metadata").and_then(|metadata| metadata.get("labels"));
        (labels, labels_node, template.spec.unwrap_or_default(), node.nearest(&["spec"]))
    };
    if let Some(node) = labels_node {
        manifest.refuse_yaml11_booleans(node, report);
    }
    let replicas = replicas(manifest, shape, spec_node, report)?;
    let owners = metadata.owner_references.unwrap_or_default();
    let controller = owners.iter().find(|owner| owner.controller == Some(true)).or(owners.first());
    let mut images: Vec<String> = pod.containers.iter().filter_map(|container| container.image.clone()).collect();
    images.dedup();
    Some(Workload {
        kind: manifest.kind.to_owned(),
        namespace: manifest.namespace().to_owned(),
        name: manifest.name.to_owned(),
        span: manifest.span(),
        host_network: pod.host_network == Some(true),
        labels: labels.into_iter().flatten().collect(),
        replicas,
        listeners: listeners(manifest, &pod, pod_node, report),
        image: (!images.is_empty()).then(|| images.join(", ")),
        provenance: manifest.provenance(manifest.span()),
        // A reference without a kind, which the API server would refuse, is taken to be to something like itself.
        controller: controller.map(|owner| {
            let kind = if owner.kind.is_empty() { manifest.kind } else { &owner.kind };
            (kind.to_owned(), owner.name.clone())
        }),
        is_pod: shape == Shape::Pod,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    replicas: Option<i32>,
    parallelism: Option<i32>,
    concurrency_policy: Option<String>,
}

/// How many pods there are; where the API has a default for a count that is not written, it is that.
fn replicas(manifest: &Manifest<'_>, shape: Shape, spec: &Node, report: &mut Vec<Diagnostic>) -> Option<Replicas> {
    let counts: Counts = manifest.read(spec, report)?;
    let mut count = |given: Option<i32>, node: &Node, key: &str| {
        let number = u32::try_from(given.unwrap_or(1));
        if number.is_err() {
            let message = format!("in `{}`, `{key}` is below zero", manifest.title());
            let place = node.nearest(&[key]).span;
            report.push(Diagnostic::error("invalid-value", message, Some(place)).with_help("write a number from 0 on"));
        }
        number.ok()
    };
    Some(match shape {
        Shape::Pod => Replicas::Declared(1),
        Shape::Replicas => Replicas::Declared(count(counts.replicas, spec, "replicas")?),
        Shape::PerNode => Replicas::AtLeast(2),
        Shape::Job => Replicas::Declared(count(counts.parallelism, spec, "parallelism")?),
        Shape::CronJob => {
            let job_node = spec.nearest(&["jobTemplate", "spec"]);
            let job: Counts = manifest.read(job_node, report)?;
            let at_once = u32::try_from(job.parallelism.unwrap_or(1)).unwrap_or(1);
            match counts.concurrency_policy.as_deref() {
                Some("Forbid" | "Replace") => Replicas::Declared(at_once),
                // Jobs may overlap, and how many do is not known.
                _ => Replicas::AtLeast(at_once.max(2)),
            }
        }
    })
}

/// The ports that containers declare. Init containers that go on running beside the others listen, too.
fn listeners(manifest: &Manifest<'_>, pod: &PodSpec, node: &Node, report: &mut Vec<Diagnostic>) -> Vec<Listener> {
    let running = |container: &Container| container.restart_policy.as_deref() == Some("Always");
    let sidecars = pod.init_containers.iter().flatten().enumerate().filter(|(_, container)| running(container));
    let sidecars = sidecars.map(|(position, container)| (node.item("initContainers", position), container));
    let containers = pod.containers.iter().enumerate();
    let containers = containers.map(|(position, container)| (node.item("containers", position), container));
    let mut found = Vec::new();
    for (node, container) in containers.chain(sidecars) {
        for (position, declared) in container.ports.iter().flatten().enumerate() {
            let node = node.item("ports", position);
            if node.get("containerPort").is_none() {
                report.push(port_without_number(manifest, node));
                continue;
            }
            let protocol = port::protocol(manifest, declared.protocol.as_deref(), node, report);
            let number = port::port(manifest, declared.container_port, node.nearest(&["containerPort"]), report);
            let (Some(protocol), Some(number)) = (protocol, number) else { continue };
            let listener = Listener { name: declared.name.clone(), ..Listener::port(protocol, number) };
            if !found.contains(&listener) {
                found.push(listener);
            }
        }
    }
    found
}

/// A port whose number is missing or misspelt, which only a lax API server takes: no policy finds it by its name.
fn port_without_number(manifest: &Manifest<'_>, node: &Node) -> Diagnostic {
    const NUMBER: &str = "containerPort";
    let slip = node.entries().iter().find(|entry| closest(&entry.key.text, [NUMBER]).is_some());
    let message = format!("`{}` declares a port without a number, and it is skipped", manifest.title());
    let help = match slip {
        Some(entry) => format!("`{}` is no field; did you mean `{NUMBER}`?", entry.key.text),
        None => format!("add `{NUMBER}`"),
    };
    let span = slip.map_or(node.span, |entry| entry.key.span);
    Diagnostic::warning("port-without-number", message, Some(span)).with_help(help)
}

/// Reads an autoscaler: namespace, kind and name of what it scales, whose count is then not known, and the least that
/// the count is.
pub(super) fn read_autoscaler(
    manifest: &Manifest<'_>,
    report: &mut Vec<Diagnostic>,
) -> Option<((String, String, String), u32)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        scale_target_ref: Target,
        min_replicas: Option<i32>,
    }
    #[derive(Deserialize)]
    struct Target {
        kind: String,
        name: String,
    }
    let spec: Spec = manifest.read(manifest.node.nearest(&["spec"]), report)?;
    let target = (manifest.namespace().to_owned(), spec.scale_target_ref.kind, spec.scale_target_ref.name);
    Some((target, u32::try_from(spec.min_replicas.unwrap_or(1)).unwrap_or(1).max(2)))
}

/// What workloads are turned into units by.
pub(super) struct Circumstances<'a> {
    /// The namespaces and their labels.
    pub(super) namespaces: &'a Namespaces,
    /// The least number of replicas of what is scaled, by namespace, kind and name.
    pub(super) scalings: &'a BTreeMap<(String, String, String), u32>,
    /// What policies and paths ask of labels.
    pub(super) questions: &'a BTreeSet<&'a Selector>,
    /// The address space of the cluster.
    pub(super) space: &'a str,
    /// The ranges that pods' addresses are drawn within.
    pub(super) pod_addresses: &'a BTreeMap<Family, IpNet>,
}

/// The units of the workloads.
///
/// What another workload of the input controls (the ReplicaSet of a Deployment, the pods of both in a dump) is
/// represented by that one. Pods whose controller is not in the input stand under its name, as replicas of it, unless
/// a policy could tell them apart.
pub(super) fn units(
    mut workloads: Vec<Workload>,
    circumstances: &Circumstances<'_>,
    report: &mut Vec<Diagnostic>,
) -> Vec<Unit> {
    workloads.sort_by(|a, b| (&a.namespace, &a.name, &a.kind).cmp(&(&b.namespace, &b.name, &b.kind)));
    let present: BTreeSet<(String, String, String)> = workloads
        .iter()
        .filter(|workload| !workload.is_pod)
        .map(|workload| (workload.namespace.clone(), workload.kind.clone(), workload.name.clone()))
        .collect();
    let mut units = Vec::new();
    let mut groups: BTreeMap<String, Vec<Workload>> = BTreeMap::new();
    for mut workload in workloads {
        let controller = workload.controller.clone().map(|(kind, name)| (workload.namespace.clone(), kind, name));
        if controller.as_ref().is_some_and(|controller| present.contains(controller)) {
            continue;
        }
        match controller {
            Some((namespace, kind, name)) if workload.is_pod => {
                groups.entry(display(&namespace, &name, &kind)).or_default().push(workload);
            }
            _ => {
                let key = (workload.namespace.clone(), workload.kind.clone(), workload.name.clone());
                if let Some(least) = circumstances.scalings.get(&key) {
                    workload.replicas = Replicas::AtLeast(*least);
                }
                replicate(&workload, circumstances, &mut units, report);
            }
        }
    }
    for (owner, pods) in groups {
        group(&owner, &pods, circumstances, &mut units, report);
    }
    units
}

/// Adds the units of one workload.
fn replicate(
    workload: &Workload,
    circumstances: &Circumstances<'_>,
    units: &mut Vec<Unit>,
    report: &mut Vec<Diagnostic>,
) {
    let owner = workload.owner();
    let (Replicas::Declared(count) | Replicas::AtLeast(count)) = workload.replicas;
    let note = |message: String| Diagnostic::note("replicas", message, Some(workload.span));
    match workload.replicas {
        Replicas::Declared(0) => report.push(
            note(format!("`{owner}` has 0 replicas and is no unit")).with_help("raise the count if it is to be judged"),
        ),
        Replicas::AtLeast(_) => report.push(
            note(format!("how many pods `{owner}` has is not known; {count} units stand for them"))
                .with_help("counts of units are lower bounds where this matters"),
        ),
        Replicas::Declared(count) if count > REPLICAS_MAX => report.push(
            Diagnostic::warning(
                "replicas-capped",
                format!("of the {count} replicas of `{owner}`, {REPLICAS_MAX} become units"),
                Some(workload.span),
            )
            .with_help("the others are like them; counts of units are lower bounds"),
        ),
        Replicas::Declared(_) => {}
    }
    let count = count.min(REPLICAS_MAX);
    for number in 1..=count {
        let alone = count == 1;
        let name = if alone { owner.clone() } else { format!("{owner}#{number}") };
        units.push(unit(workload, name, (!alone).then(|| owner.clone()), circumstances));
    }
}

/// Adds the units of pods that one controller, which is not in the input, has made.
fn group(
    owner: &str,
    pods: &[Workload],
    circumstances: &Circumstances<'_>,
    units: &mut Vec<Unit>,
    report: &mut Vec<Diagnostic>,
) {
    let alone: Vec<Unit> = pods.iter().map(|pod| unit(pod, pod.owner(), None, circumstances)).collect();
    let Some(first) = alone.first() else { return };
    let differing = differences(&alone, circumstances.questions);
    if !differing.is_empty() {
        let message = format!(
            "the pods of `{owner}` differ in {}, and a policy or path tells them apart by it: they are listed one by one",
            differing.into_iter().collect::<Vec<_>>().join(", ")
        );
        report.push(
            Diagnostic::warning("pods-of-one-owner-differ", message, first.provenance.span)
                .with_help("check whether they are meant to be told apart"),
        );
        units.extend(alone);
        return;
    }
    let single = alone.len() == 1;
    units.extend((1..).zip(alone).map(|(number, pod)| match single {
        true => Unit { name: owner.to_owned(), ..pod },
        false => Unit { name: format!("{owner}#{number}"), owner: Some(owner.to_owned()), ..pod },
    }));
}

/// By what policies tell pods apart: the answers to what they ask of labels, and the names of ports.
fn differences(pods: &[Unit], questions: &BTreeSet<&Selector>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some((first, others)) = pods.split_first() else { return found };
    let alike = |key: &str| others.iter().all(|pod| pod.labels.get(key) == first.labels.get(key));
    for question in questions.iter().filter(|question| !key(question).is_some_and(alike)) {
        if others.iter().any(|pod| question.matches(pod) != question.matches(first)) {
            found.extend(key(question).map(|key| format!("the label `{key}`")));
        }
    }
    let named = |pod: &Unit| -> BTreeSet<(Option<String>, Transport, u16)> {
        let named = pod.listeners.iter().filter(|listener| listener.name.is_some());
        named.map(|listener| (listener.name.clone(), listener.protocol, listener.first)).collect()
    };
    if others.iter().any(|pod| named(pod) != named(first)) {
        found.insert("the names of their ports".to_owned());
    }
    found
}

fn unit(workload: &Workload, name: String, owner: Option<String>, circumstances: &Circumstances<'_>) -> Unit {
    let namespace = circumstances.namespaces.labels(&workload.namespace);
    let namespace = namespace.into_iter().map(|(key, value)| (namespace_key(&key), value));
    let interface = |family| {
        let range = circumstances.pod_addresses.get(&family).filter(|_| !workload.host_network);
        let address = range.map_or(Address::Unknown(family), |&range| Address::Within(range));
        Interface { space: circumstances.space.to_owned(), ..Interface::new(address) }
    };
    Unit {
        name,
        owner,
        labels: workload.labels.clone().into_iter().chain(namespace).collect(),
        interfaces: Family::ALL.map(interface).into(),
        listeners: workload.listeners.clone(),
        image: workload.image.clone(),
        can_host_agent: true,
        provenance: workload.provenance.clone(),
        ..Unit::default()
    }
}
