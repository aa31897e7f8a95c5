//! Services: names for groups of pods, and the ports behind which theirs stand.

use super::manifest::Manifest;
use super::port;
use super::selector::{in_namespace, pods};
use k8s_openapi::api::core::v1::ServiceSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use seglab_policy::{Diagnostic, Selector, Span, Transport};

/// A service that has been read.
pub(super) struct Service {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Its name in the file.
    pub(super) span: Span,
    /// The pods behind it; `None` for one that leads elsewhere.
    pub(super) selector: Option<Selector>,
    /// It is published outside of the cluster.
    pub(super) published: bool,
    /// Its ports.
    pub(super) ports: Vec<ServicePort>,
}

/// A port of a service.
pub(super) struct ServicePort {
    /// Its name.
    pub(super) name: Option<String>,
    /// Its number.
    pub(super) number: u16,
    /// Its protocol.
    pub(super) protocol: Transport,
    /// The port of the pods that it leads to.
    pub(super) target: Target,
}

/// A port of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// By number.
    Number(u16),
    /// By the name that the pods give it.
    Name(String),
}

impl ServicePort {
    /// The port of the pods, as a service of policies.
    pub(super) fn at_pods(&self) -> seglab_policy::Service {
        match &self.target {
            Target::Number(number) => seglab_policy::Service::ports(self.protocol, *number, *number),
            Target::Name(name) => {
                seglab_policy::Service::NamedPort { protocol: Some(self.protocol), name: name.clone() }
            }
        }
    }
}

/// Reads a service; whatever is wrong with it is reported.
pub(super) fn read(manifest: &Manifest<'_>, report: &mut Vec<Diagnostic>) -> Option<Service> {
    let node = manifest.node.nearest(&["spec"]);
    let spec: ServiceSpec = manifest.read(node, report)?;
    let external = spec.type_.as_deref() == Some("ExternalName");
    let published = matches!(spec.type_.as_deref(), Some("LoadBalancer" | "NodePort"))
        || spec.external_ips.as_ref().is_some_and(|addresses| !addresses.is_empty());
    let labels = spec.selector.unwrap_or_default();
    let selector = (!labels.is_empty() && !external).then(|| {
        let parts = labels.into_iter().map(|(key, value)| Selector::label(key, value)).collect();
        pods(in_namespace(manifest.namespace()), Selector::All(parts))
    });
    let mut ports = Vec::new();
    for (position, given) in spec.ports.unwrap_or_default().into_iter().enumerate() {
        let node = node.item("ports", position);
        let protocol = port::protocol(manifest, given.protocol.as_deref(), node, report);
        let number = port::port(manifest, given.port, node.nearest(&["port"]), report);
        let (Some(protocol), Some(number)) = (protocol, number) else { continue };
        let target = match given.target_port {
            // Zero and nothing are the same to the API server: the port of the pods has the service's number.
            None | Some(IntOrString::Int(0)) => Target::Number(number),
            Some(IntOrString::Int(target)) => {
                let Some(target) = port::port(manifest, target, node.nearest(&["targetPort"]), report) else {
                    continue;
                };
                Target::Number(target)
            }
            Some(IntOrString::String(name)) => name.parse().map_or_else(|_| Target::Name(name), Target::Number),
        };
        ports.push(ServicePort { name: given.name, number, protocol, target });
    }
    Some(Service {
        namespace: manifest.namespace().to_owned(),
        name: manifest.name.to_owned(),
        span: manifest.span(),
        selector,
        published,
        ports,
    })
}
