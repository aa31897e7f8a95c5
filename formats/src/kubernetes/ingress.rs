//! `Ingress` and OpenShift's `Route`: what the ingress controller opens connections to.
//!
//! The controller itself is rarely among the manifests. It is a named source outside the design that runs in some
//! namespace of the cluster; which one, and with which labels, is not known, so that a policy lets it in only by letting
//! in every namespace.

use super::manifest::Manifest;
use super::selector::{NAMESPACE_NAME, namespace_key};
use super::service::{Service, ServicePort, Target};
use k8s_openapi::api::networking::v1::{IngressBackend, IngressSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use seglab_policy::{Diagnostic, Entry, ExternalSource, Labels, Provenance};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The name of the source that ingress controllers are to the units.
pub(super) const INGRESS_CONTROLLER: &str = "{ingress-controller}";

/// A service that an ingress or route leads to.
pub(super) struct Backend {
    title: String,
    namespace: String,
    service: String,
    port: BackendPort,
    provenance: Provenance,
}

/// Which of the service's ports.
enum BackendPort {
    /// Every one.
    Any,
    /// The one of this number.
    Number(i32),
    /// The one of this name.
    Name(String),
    /// The one that leads to this port of the pods.
    Target(i32),
}

impl BackendPort {
    fn is(&self, port: &ServicePort) -> bool {
        match self {
            BackendPort::Any => true,
            BackendPort::Number(number) => i32::from(port.number) == *number,
            BackendPort::Name(name) => port.name.as_ref() == Some(name),
            BackendPort::Target(number) => match port.target {
                Target::Number(target) => i32::from(target) == *number,
                Target::Name(_) => i32::from(port.number) == *number,
            },
        }
    }
}

impl std::fmt::Display for BackendPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BackendPort::Any => f.write_str("a port"),
            BackendPort::Number(number) => write!(f, "the port `{number}`"),
            BackendPort::Name(name) => write!(f, "a port called `{name}`"),
            BackendPort::Target(number) => write!(f, "a port that leads to `{number}`"),
        }
    }
}

/// Reads the backends of an ingress.
pub(super) fn read_ingress(manifest: &Manifest<'_>, report: &mut Vec<Diagnostic>) -> Vec<Backend> {
    let node = manifest.node.nearest(&["spec"]);
    let Some(spec) = manifest.read::<IngressSpec>(node, report) else { return Vec::new() };
    let mut given: Vec<(IngressBackend, &crate::yaml::Node)> = Vec::new();
    given.extend(spec.default_backend.map(|backend| (backend, node.nearest(&["defaultBackend"]))));
    for (rule, declared) in spec.rules.into_iter().flatten().enumerate() {
        let node = node.item("rules", rule).nearest(&["http"]);
        let paths = declared.http.map(|http| http.paths).unwrap_or_default();
        for (path, declared) in paths.into_iter().enumerate() {
            given.push((declared.backend, node.item("paths", path).nearest(&["backend"])));
        }
    }
    let mut backends = Vec::new();
    for (backend, node) in given {
        let Some(service) = backend.service else {
            let message = format!("a backend of `{}` is no Service and is not followed", manifest.title());
            report.push(
                Diagnostic::warning("backend-not-followed", message, Some(node.span))
                    .with_help("point the backend at a Service if the ingress controller opens connections to it"),
            );
            continue;
        };
        let port = service.port.unwrap_or_default();
        let port = match (port.number, port.name) {
            (Some(number), _) => BackendPort::Number(number),
            (None, Some(name)) => BackendPort::Name(name),
            (None, None) => BackendPort::Any,
        };
        backends.push(Backend {
            title: manifest.title(),
            namespace: manifest.namespace().to_owned(),
            service: service.name,
            port,
            provenance: manifest.provenance(node.span),
        });
    }
    backends
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteSpec {
    to: RouteTarget,
    #[serde(default)]
    alternate_backends: Vec<RouteTarget>,
    port: Option<RoutePort>,
}

#[derive(Deserialize)]
struct RouteTarget {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoutePort {
    target_port: IntOrString,
}

/// Reads the backends of a route.
pub(super) fn read_route(manifest: &Manifest<'_>, report: &mut Vec<Diagnostic>) -> Vec<Backend> {
    let node = manifest.node.nearest(&["spec"]);
    let Some(spec) = manifest.read::<RouteSpec>(node, report) else { return Vec::new() };
    let to = (spec.to.name, node.nearest(&["to"]));
    let others = spec.alternate_backends.into_iter().enumerate();
    let others = others.map(|(position, target)| (target.name, node.item("alternateBackends", position)));
    std::iter::once(to)
        .chain(others)
        .map(|(service, node)| Backend {
            title: manifest.title(),
            namespace: manifest.namespace().to_owned(),
            service,
            port: match &spec.port {
                None => BackendPort::Any,
                Some(RoutePort { target_port: IntOrString::Int(number) }) => BackendPort::Target(*number),
                Some(RoutePort { target_port: IntOrString::String(name) }) => BackendPort::Name(name.clone()),
            },
            provenance: manifest.provenance(node.span),
        })
        .collect()
}

/// The ingress controller with its paths; `None` if nothing asks for one.
pub(super) fn controller(
    backends: &[Backend],
    services: &[Service],
    report: &mut Vec<Diagnostic>,
) -> Option<ExternalSource> {
    let by_name: BTreeMap<(&str, &str), &Service> =
        services.iter().map(|service| ((service.namespace.as_str(), service.name.as_str()), service)).collect();
    let mut entries = Vec::new();
    for backend in backends {
        let Backend { title, namespace, service, port, provenance } = backend;
        let found = by_name.get(&(namespace.as_str(), service.as_str()));
        let missing = |what: String| {
            Diagnostic::warning("backend-missing", format!("`{title}` leads to {what}"), provenance.span)
                .with_help("correct the backend, or read the manifest that has it, too")
        };
        let Some(found) = found else {
            report.push(missing(format!("the Service `{namespace}/{service}`, which does not exist")));
            continue;
        };
        let at_pods: Vec<_> =
            found.ports.iter().filter(|candidate| port.is(candidate)).map(ServicePort::at_pods).collect();
        if at_pods.is_empty() {
            report.push(missing(format!("{port} of the Service `{namespace}/{service}`, which it does not have")));
            continue;
        }
        match &found.selector {
            Some(selector) => {
                entries.push(Entry { to: selector.clone(), services: at_pods, provenance: provenance.clone() });
            }
            None => report.push(missing(format!("the Service `{namespace}/{service}`, which selects no pods"))),
        }
    }
    // The name is none that a namespace can have, so that selectors of single namespaces do not match it.
    let labels = Labels::from([(namespace_key(NAMESPACE_NAME), INGRESS_CONTROLLER.to_owned())]);
    (!entries.is_empty()).then(|| ExternalSource { name: INGRESS_CONTROLLER.to_owned(), labels, entries })
}
