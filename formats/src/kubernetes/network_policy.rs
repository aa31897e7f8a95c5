//! `NetworkPolicy`: who is isolated in which direction, and what is let through all the same.

use super::Options;
use super::manifest::Manifest;
use super::policy::{Policy, PolicyTier, RuleEntry};
use super::port;
use super::selector::{in_namespace, label_selector, pods};
use crate::yaml::Node;
use k8s_openapi::api::networking::v1::{NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use seglab_policy::{
    Action, Diagnostic, Direction, Directions, NAMESPACE_PREFIX, Peer, Provenance, Selector, Service, Span, Transport,
};

/// Reads a policy; whatever is wrong with it is reported.
pub(super) fn read(manifest: &Manifest<'_>, options: &Options, report: &mut Vec<Diagnostic>) -> Option<Policy> {
    manifest.check_policy_frame(report);
    let node = manifest.node.get("spec")?;
    let spec: NetworkPolicySpec = manifest.read_strictly(node, report)?;
    let own = spec.pod_selector.unwrap_or_default();
    let own_node = node.nearest(&["podSelector"]);
    let own = label_selector(manifest, &own, own_node, "", report);
    let by_label = own != Selector::Everything;
    let subject = pods(in_namespace(manifest.namespace()), own);
    let mut policy = Policy::new(manifest, PolicyTier::Namespaced, Some(manifest.namespace()), subject, own_node.span);
    let (ingress, egress) = (spec.ingress.unwrap_or_default(), spec.egress.unwrap_or_default());
    policy.isolates =
        isolates(manifest, spec.policy_types.as_deref().unwrap_or_default(), !egress.is_empty(), node, report);
    warn_of_rules_without_effect(manifest, policy.isolates, node, report);

    let reader = Reader { manifest, options };
    let ingress = ingress.into_iter().map(|rule| (Direction::Ingress, rule.from, rule.ports)).enumerate();
    let egress = egress.into_iter().map(|rule| (Direction::Egress, rule.to, rule.ports)).enumerate();
    let mut other_rules = false;
    for (position, (direction, peers, ports)) in ingress.chain(egress) {
        let (peers, ports) = (peers.unwrap_or_default(), ports.unwrap_or_default());
        let (list, side) = if direction == Direction::Egress { ("egress", "to") } else { ("ingress", "from") };
        let rule = node.item(list, position);
        let effective = policy.isolates.contains(direction);
        if !(peers.is_empty() && ports.is_empty()) {
            other_rules = true;
        } else if effective {
            policy.opens.push((direction, rule.span));
        }
        let entry = reader.entry(direction, &peers, &ports, rule, side, report);
        if effective {
            policy.add(entry);
        }
    }
    policy.restrictive = by_label || other_rules;
    Some(policy)
}

/// The directions in which a policy isolates, by default as the API server fills them in: ingress always, egress if
/// there is a rule for it.
fn isolates(
    manifest: &Manifest<'_>,
    types: &[String],
    has_egress_rules: bool,
    node: &Node,
    report: &mut Vec<Diagnostic>,
) -> Directions {
    let mut isolates = Directions::default();
    if types.is_empty() {
        return Directions { ingress: true, egress: has_egress_rules, forward: false };
    }
    for (position, name) in types.iter().enumerate() {
        match name.as_str() {
            "Ingress" => isolates.ingress = true,
            "Egress" => isolates.egress = true,
            other => {
                let place = node.item("policyTypes", position).span;
                let message = format!("in `{}`, `{other}` is no type of policy", manifest.title());
                report.push(
                    Diagnostic::error("invalid-policy-type", message, Some(place))
                        .with_help("the types are `Ingress` and `Egress`"),
                );
            }
        }
    }
    isolates
}

/// Rules in a direction that the policy does not isolate do nothing, and a written empty list of egress rules isolates
/// nothing unless the type says so.
fn warn_of_rules_without_effect(
    manifest: &Manifest<'_>,
    isolates: Directions,
    node: &Node,
    report: &mut Vec<Diagnostic>,
) {
    let lists = [(Direction::Ingress, "ingress", "Ingress"), (Direction::Egress, "egress", "Egress")];
    for (direction, key, name) in lists {
        let Some(list) = node.get(key).filter(|list| !list.is_null() && !isolates.contains(direction)) else {
            continue;
        };
        let message = if list.items().is_empty() {
            format!("`{}` does not restrict {key}: its empty list isolates nothing on its own", manifest.title())
        } else {
            format!("the {key} rules of `{}` have no effect", manifest.title())
        };
        report.push(
            Diagnostic::warning("rules-without-effect", message, Some(list.span))
                .with_help(format!("add `{name}` to `policyTypes`, or remove `{key}`")),
        );
    }
}

struct Reader<'a> {
    manifest: &'a Manifest<'a>,
    options: &'a Options,
}

impl Reader<'_> {
    fn entry(
        &self,
        direction: Direction,
        peers: &[NetworkPolicyPeer],
        ports: &[NetworkPolicyPort],
        rule: &Node,
        side: &str,
        report: &mut Vec<Diagnostic>,
    ) -> RuleEntry {
        let mut sides: Vec<(Peer, Span)> = Vec::new();
        for (position, peer) in peers.iter().enumerate() {
            let node = rule.item(side, position);
            sides.extend(self.peer(peer, node, report).map(|peer| (peer, node.span)));
        }
        if peers.is_empty() {
            sides.push((Peer::Anyone, rule.span));
        }
        let mut services = Vec::new();
        let mut names = Vec::new();
        for (position, port) in ports.iter().enumerate() {
            let node = rule.item("ports", position);
            let Some(service) = self.service(port, node, report) else { continue };
            if let Service::NamedPort { protocol, name } = &service {
                names.push((name.clone(), *protocol, node.nearest(&["port"]).span));
            }
            services.push(service);
        }
        if ports.is_empty() {
            services.push(Service::Any);
        }
        let provenance = Provenance { object: Some(self.manifest.title()), ..Provenance::default() };
        RuleEntry { direction, action: Action::Allow, priority: 0, peers: sides, services, ports: names, provenance }
    }

    fn peer(&self, peer: &NetworkPolicyPeer, node: &Node, report: &mut Vec<Diagnostic>) -> Option<Peer> {
        let NetworkPolicyPeer { ip_block, namespace_selector, pod_selector } = peer;
        if let Some(block) = ip_block {
            if namespace_selector.is_some() || pod_selector.is_some() {
                let message = format!("in `{}`, a peer has both `ipBlock` and a selector", self.manifest.title());
                report.push(
                    Diagnostic::error("ambiguous-peer", message, Some(node.span))
                        .with_help("make them two peers, each with its own `-`"),
                );
                return None;
            }
            let except = block.except.as_deref().unwrap_or_default();
            let set = port::net_without(self.manifest, &block.cidr, except, node.nearest(&["ipBlock"]), report)?;
            return Some(Peer::Addresses { set, covers: self.options.ip_block_covers });
        }
        if namespace_selector.is_none() && pod_selector.is_none() {
            let message = format!("in `{}`, a peer says nothing", self.manifest.title());
            report.push(Diagnostic::error("empty-peer", message, Some(node.span)).with_help(
                "add `podSelector`, `namespaceSelector` or `ipBlock`; to mean anybody, leave the list of peers out",
            ));
            return None;
        }
        let namespaces = match namespace_selector {
            None => in_namespace(self.manifest.namespace()),
            Some(selector) => {
                let node = node.nearest(&["namespaceSelector"]);
                label_selector(self.manifest, selector, node, NAMESPACE_PREFIX, report)
            }
        };
        let own = pod_selector.clone().unwrap_or_default();
        let own = label_selector(self.manifest, &own, node.nearest(&["podSelector"]), "", report);
        Some(Peer::Units(pods(namespaces, own)))
    }

    fn service(&self, port: &NetworkPolicyPort, node: &Node, report: &mut Vec<Diagnostic>) -> Option<Service> {
        let protocol = port::protocol(self.manifest, port.protocol.as_deref(), node, report)?;
        let end_node = node.nearest(&["endPort"]);
        let refuse = |what: &str, help: &'static str, report: &mut Vec<Diagnostic>| {
            let message = format!("in `{}`, `endPort` stands {what}", self.manifest.title());
            report.push(Diagnostic::error("invalid-end-port", message, Some(end_node.span)).with_help(help));
            None
        };
        match (&port.port, port.end_port) {
            (None, None) => Some(all_ports(protocol)),
            (None, Some(_)) => refuse("without `port`", "add the first port of the range as `port`", report),
            (Some(IntOrString::String(_)), Some(_)) => {
                refuse("beside a port by name", "write the first port as a number", report)
            }
            (Some(IntOrString::String(name)), None) => self.named(protocol, name, node, report),
            (Some(IntOrString::Int(first)), end) => {
                let first = port::port(self.manifest, *first, node.nearest(&["port"]), report)?;
                let last = match end {
                    None => first,
                    Some(last) => port::port(self.manifest, last, end_node, report)?,
                };
                let (first, last) = port::range(self.manifest, first, last, end_node, report)?;
                Some(Service::ports(protocol, first, last))
            }
        }
    }

    /// A port by name. A number in quotes is a slip that the API server refuses, for no port has such a name.
    fn named(&self, protocol: Transport, name: &str, node: &Node, report: &mut Vec<Diagnostic>) -> Option<Service> {
        if name.chars().any(|c| c.is_ascii_lowercase()) {
            return Some(Service::NamedPort { protocol: Some(protocol), name: name.to_owned() });
        }
        let message = format!("in `{}`, `{name}` is neither a number nor the name of a port", self.manifest.title());
        report.push(
            Diagnostic::error("invalid-port", message, Some(node.nearest(&["port"]).span))
                .with_help("write a number without quotes, or a name with at least one small letter"),
        );
        None
    }
}

/// All ports of a protocol.
pub(super) fn all_ports(protocol: Transport) -> Service {
    Service::ports(protocol, 0, u16::MAX)
}
