//! `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` and `ClusterNetworkPolicy`: first-match rules of the cluster's
//! administrators, before and after those of namespaces.

use super::admin_schema::{
    AdminAction, AdminEgressRule, AdminIngressRule, AdminPort, AdminSpec, BaselineSpec, ClusterAction,
    ClusterEgressRule, ClusterIngressRule, ClusterPort, ClusterProtocol, ClusterSpec, ClusterTier, EGRESS_PEERS,
    EgressPeer, INGRESS_PEERS, IngressPeer, NamespacedPod, Subject,
};
use super::kinds::Kind;
use super::manifest::{Manifest, list};
use super::network_policy::all_ports;
use super::policy::{Policy, PolicyTier, RuleEntry};
use super::port;
use super::selector::{label_selector, pods};
use crate::yaml::{Node, UnknownKey, closest};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use seglab_policy::{
    Action, AddressSet, Covers, Diagnostic, Direction, NAMESPACE_PREFIX, Peer, Provenance, Selector, Service, Span,
    Transport,
};
use serde::de::DeserializeOwned;

/// The largest priority that the schema admits.
const PRIORITY_MAX: i32 = 1000;

/// Reads a policy of one of the three kinds; whatever is wrong with it is reported.
pub(super) fn read(manifest: &Manifest<'_>, kind: Kind, report: &mut Vec<Diagnostic>) -> Option<Policy> {
    manifest.check_policy_frame(report);
    let node = manifest.node.get("spec")?;
    let mut reader = Reader { manifest, node, report };
    match kind {
        Kind::AdminNetworkPolicy => {
            let spec: AdminSpec = reader.spec()?;
            let rules = reader.admin_rules(spec.ingress, spec.egress);
            reader.policy(PolicyTier::Admin, Some(spec.priority), &spec.subject, rules)
        }
        Kind::BaselineAdminNetworkPolicy => {
            let spec: BaselineSpec = reader.spec()?;
            reader.check_singleton();
            let rules = reader.admin_rules(spec.ingress, spec.egress);
            reader.policy(PolicyTier::Baseline, None, &spec.subject, rules)
        }
        _ => {
            let spec: ClusterSpec = reader.spec()?;
            let tier = match spec.tier {
                ClusterTier::Admin => PolicyTier::Admin,
                ClusterTier::Baseline => PolicyTier::Baseline,
            };
            let rules = reader.cluster_rules(spec.ingress, spec.egress);
            reader.policy(tier, Some(spec.priority), &spec.subject, rules)
        }
    }
}

struct Reader<'a> {
    manifest: &'a Manifest<'a>,
    node: &'a Node,
    report: &'a mut Vec<Diagnostic>,
}

/// What a rule of either version comes to.
struct ReadRule {
    direction: Direction,
    name: Option<String>,
    action: Action,
    peers: Vec<(Peer, Span)>,
    services: Vec<Service>,
    ports: Vec<(String, Option<Transport>, Span)>,
}

impl Reader<'_> {
    /// The specification. A peer may be of a kind that is newer than this reader, whose verdicts are then unknown;
    /// any other key that is not known is an error.
    fn spec<T: DeserializeOwned>(&mut self) -> Option<T> {
        let (spec, unknown) = self.manifest.read_with_unknown(self.node, self.report)?;
        let slips: Vec<UnknownKey> = unknown.into_iter().filter(|key| !is_new_peer(key)).collect();
        self.manifest.refuse(&slips, self.report);
        Some(spec)
    }

    /// There is one baseline policy in a cluster, and it has this name.
    fn check_singleton(&mut self) {
        if self.manifest.name != "default" {
            let message = format!("a {} is called `{}`", self.manifest.kind, self.manifest.name);
            self.error("invalid-name", message, self.manifest.span(), "call it `default`; a cluster has one");
        }
    }

    fn error(&mut self, code: &'static str, message: String, span: Span, help: &str) {
        self.report.push(Diagnostic::error(code, message, Some(span)).with_help(help));
    }

    fn policy(
        &mut self,
        tier: PolicyTier,
        priority: Option<i32>,
        subject: &Subject,
        rules: Vec<ReadRule>,
    ) -> Option<Policy> {
        if let Some(given) = priority.filter(|given| !(0..=PRIORITY_MAX).contains(given)) {
            let span = self.node.nearest(&["priority"]).span;
            let message = format!("in `{}`, `{given}` is no priority", self.manifest.title());
            self.error(
                "invalid-priority",
                message,
                span,
                "priorities are numbers from 0 to 1000; the smaller goes first",
            );
        }
        let node = self.node.nearest(&["subject"]);
        let selector = match (&subject.namespaces, &subject.pods) {
            (Some(namespaces), None) => self.namespaces(namespaces, node.nearest(&["namespaces"])),
            (None, Some(chosen)) => self.pods(chosen, node.nearest(&["pods"])),
            _ => {
                let message = format!("the subject of `{}` has to be one of two things", self.manifest.title());
                self.error("invalid-subject", message, node.span, "write either `namespaces` or `pods`");
                return None;
            }
        };
        let mut policy = Policy::new(self.manifest, tier, None, selector, node.span);
        for rule in rules {
            policy.add(RuleEntry {
                direction: rule.direction,
                action: rule.action,
                priority: i64::from(priority.unwrap_or_default()),
                peers: rule.peers,
                services: rule.services,
                ports: rule.ports,
                provenance: Provenance {
                    object: Some(self.manifest.title()),
                    reason: rule.name,
                    ..Provenance::default()
                },
            });
        }
        Some(policy)
    }

    fn admin_rules(&mut self, ingress: Vec<AdminIngressRule>, egress: Vec<AdminEgressRule>) -> Vec<ReadRule> {
        let action = |action| match action {
            AdminAction::Allow => Action::Allow,
            AdminAction::Deny => Action::Deny,
            AdminAction::Pass => Action::Pass,
        };
        let mut rules = Vec::new();
        for (position, rule) in ingress.into_iter().enumerate() {
            let node = self.node.item("ingress", position);
            let peers = self.ingress_peers(&rule.from, node);
            let ports = self.admin_ports(rule.ports.as_deref().unwrap_or_default(), node);
            rules.extend(ReadRule::new(Direction::Ingress, rule.name, action(rule.action), peers, ports));
        }
        for (position, rule) in egress.into_iter().enumerate() {
            let node = self.node.item("egress", position);
            let peers = self.egress_peers(&rule.to, node);
            let ports = self.admin_ports(rule.ports.as_deref().unwrap_or_default(), node);
            rules.extend(ReadRule::new(Direction::Egress, rule.name, action(rule.action), peers, ports));
        }
        rules
    }

    fn cluster_rules(&mut self, ingress: Vec<ClusterIngressRule>, egress: Vec<ClusterEgressRule>) -> Vec<ReadRule> {
        let action = |action| match action {
            ClusterAction::Accept => Action::Allow,
            ClusterAction::Deny => Action::Deny,
            ClusterAction::Pass => Action::Pass,
        };
        let mut rules = Vec::new();
        for (position, rule) in ingress.into_iter().enumerate() {
            let node = self.node.item("ingress", position);
            let peers = self.ingress_peers(&rule.from, node);
            let ports = self.cluster_ports(rule.protocols.as_deref().unwrap_or_default(), node);
            rules.extend(ReadRule::new(Direction::Ingress, rule.name, action(rule.action), peers, ports));
        }
        for (position, rule) in egress.into_iter().enumerate() {
            let node = self.node.item("egress", position);
            let peers = self.egress_peers(&rule.to, node);
            let ports = self.cluster_ports(rule.protocols.as_deref().unwrap_or_default(), node);
            rules.extend(ReadRule::new(Direction::Egress, rule.name, action(rule.action), peers, ports));
        }
        rules
    }

    fn ingress_peers(&mut self, from: &[IngressPeer], rule: &Node) -> Vec<(Peer, Span)> {
        self.require_peers(from.is_empty(), rule, "from");
        let mut peers = Vec::new();
        for (position, IngressPeer { namespaces, pods }) in from.iter().enumerate() {
            let node = rule.item("from", position);
            let known = EgressPeer {
                namespaces: namespaces.clone(),
                pods: pods.clone(),
                nodes: None,
                networks: None,
                domain_names: None,
            };
            peers.extend(self.peer(&known, node, INGRESS_PEERS).into_iter().map(|peer| (peer, node.span)));
        }
        peers
    }

    fn egress_peers(&mut self, to: &[EgressPeer], rule: &Node) -> Vec<(Peer, Span)> {
        self.require_peers(to.is_empty(), rule, "to");
        let mut peers = Vec::new();
        for (position, peer) in to.iter().enumerate() {
            let node = rule.item("to", position);
            peers.extend(self.peer(peer, node, EGRESS_PEERS).into_iter().map(|peer| (peer, node.span)));
        }
        peers
    }

    fn require_peers(&mut self, missing: bool, rule: &Node, side: &str) {
        if missing {
            let message = format!("in `{}`, a rule names nobody under `{side}`", self.manifest.title());
            let help = "name at least one peer, such as `namespaces: {}` for every pod";
            self.error("empty-peer", message, rule.nearest(&[side]).span, help);
        }
    }

    /// One peer. A kind of peer that is known to exist and not modelled, or not known at all, makes the verdicts that
    /// it touches unknown.
    fn peer(&mut self, peer: &EgressPeer, node: &Node, known: &[&str]) -> Option<Peer> {
        let written = node.entries().iter().filter(|entry| !entry.value.is_null());
        let written: Vec<&str> = written.map(|entry| &*entry.key.text).collect();
        if written.iter().any(|key| !known.contains(key) && closest(key, known.iter().copied()).is_some()) {
            // A slip, which has been reported as an unknown field.
            return None;
        }
        let [kind] = written.as_slice() else {
            let message = format!("in `{}`, a peer has to be one thing", self.manifest.title());
            let help = format!("write exactly one of {}", list(known.iter().copied()));
            self.error(if written.is_empty() { "empty-peer" } else { "ambiguous-peer" }, message, node.span, &help);
            return None;
        };
        if let Some(namespaces) = &peer.namespaces {
            return Some(Peer::Units(self.namespaces(namespaces, node.nearest(&["namespaces"]))));
        }
        if let Some(chosen) = &peer.pods {
            return Some(Peer::Units(self.pods(chosen, node.nearest(&["pods"]))));
        }
        if let Some(networks) = &peer.networks {
            let mut set = AddressSet::empty();
            for (position, network) in networks.iter().enumerate() {
                let place = node.item("networks", position);
                set = set.union(&AddressSet::from_net(port::net(self.manifest, network, place, self.report)?));
            }
            return Some(Peer::Addresses { set, covers: Covers::All });
        }
        let what = match (&peer.nodes, &peer.domain_names) {
            (Some(_), _) => "nodes".to_owned(),
            (_, Some(names)) => format!("domainNames {}", names.join(", ")),
            (None, None) => (*kind).to_owned(),
        };
        let message = format!("in `{}`, peers by `{kind}` are not modelled", self.manifest.title());
        self.report
            .push(Diagnostic::warning("unmodelled-peer", message, Some(node.span)).with_help(
                "verdicts that the rule touches are unknown; use `networks` or `pods` to have them decided",
            ));
        Some(Peer::Unmodelled(what))
    }

    fn namespaces(&mut self, selector: &LabelSelector, node: &Node) -> Selector {
        let namespaces = label_selector(self.manifest, selector, node, NAMESPACE_PREFIX, self.report);
        pods(namespaces, Selector::Everything)
    }

    fn pods(&mut self, chosen: &NamespacedPod, node: &Node) -> Selector {
        let of = &chosen.namespace_selector;
        let namespaces =
            label_selector(self.manifest, of, node.nearest(&["namespaceSelector"]), NAMESPACE_PREFIX, self.report);
        let own = label_selector(self.manifest, &chosen.pod_selector, node.nearest(&["podSelector"]), "", self.report);
        pods(namespaces, own)
    }

    fn admin_ports(&mut self, ports: &[AdminPort], rule: &Node) -> ReadPorts {
        let mut read = ReadPorts::default();
        for (position, AdminPort { port_number, named_port, port_range }) in ports.iter().enumerate() {
            let node = rule.item("ports", position);
            match (port_number, named_port, port_range) {
                (Some(number), None, None) => {
                    let node = node.nearest(&["portNumber"]);
                    let protocol = port::protocol(self.manifest, number.protocol.as_deref(), node, self.report);
                    let port = port::port(self.manifest, number.port, node.nearest(&["port"]), self.report);
                    read.services
                        .extend(protocol.zip(port).map(|(protocol, port)| Service::ports(protocol, port, port)));
                }
                (None, Some(name), None) => read.named(name, node.nearest(&["namedPort"])),
                (None, None, Some(range)) => {
                    let node = node.nearest(&["portRange"]);
                    let protocol = port::protocol(self.manifest, range.protocol.as_deref(), node, self.report);
                    read.services
                        .extend(protocol.and_then(|protocol| self.range(protocol, range.start, range.end, node)));
                }
                _ => {
                    let help = "write exactly one of `portNumber`, `namedPort` and `portRange`";
                    self.one_thing("a port", node, help);
                }
            }
        }
        read.or_any(ports.is_empty())
    }

    fn cluster_ports(&mut self, protocols: &[ClusterProtocol], rule: &Node) -> ReadPorts {
        let mut read = ReadPorts::default();
        for (position, ClusterProtocol { tcp, udp, sctp, destination_named_port }) in protocols.iter().enumerate() {
            let node = rule.item("protocols", position);
            let given = [(Transport::Tcp, tcp), (Transport::Udp, udp), (Transport::Sctp, sctp)];
            let mut given = given.into_iter().filter_map(|(protocol, ports)| Some((protocol, ports.as_ref()?)));
            match (given.next(), given.next(), destination_named_port) {
                (Some((protocol, ports)), None, None) => {
                    let node = node.nearest(&[protocol.name(), "destinationPort"]);
                    read.services.extend(match &ports.destination_port {
                        None => Some(all_ports(protocol)),
                        Some(port) => self.cluster_port(protocol, port, node),
                    });
                }
                (None, None, Some(name)) => read.named(name, node.nearest(&["destinationNamedPort"])),
                _ => {
                    let help = "write exactly one of `tcp`, `udp`, `sctp` and `destinationNamedPort`";
                    self.one_thing("a protocol", node, help);
                }
            }
        }
        read.or_any(protocols.is_empty())
    }

    fn cluster_port(&mut self, protocol: Transport, port: &ClusterPort, node: &Node) -> Option<Service> {
        match (port.number, &port.range) {
            (Some(number), None) => {
                let port = port::port(self.manifest, number, node.nearest(&["number"]), self.report)?;
                Some(Service::ports(protocol, port, port))
            }
            (None, Some(range)) => self.range(protocol, range.start, range.end, node.nearest(&["range"])),
            _ => {
                self.one_thing("a port", node, "write exactly one of `number` and `range`");
                None
            }
        }
    }

    fn range(&mut self, protocol: Transport, start: i32, end: i32, node: &Node) -> Option<Service> {
        let start = port::port(self.manifest, start, node.nearest(&["start"]), self.report)?;
        let end = port::port(self.manifest, end, node.nearest(&["end"]), self.report)?;
        let (start, end) = port::range(self.manifest, start, end, node.nearest(&["end"]), self.report)?;
        Some(Service::ports(protocol, start, end))
    }

    fn one_thing(&mut self, what: &str, node: &Node, help: &str) {
        let message = format!("in `{}`, {what} has to be one thing", self.manifest.title());
        self.error("ambiguous-port", message, node.span, help);
    }
}

impl ReadRule {
    /// The rule, unless an error left nothing of its peers or ports.
    fn new(
        direction: Direction,
        name: Option<String>,
        action: Action,
        peers: Vec<(Peer, Span)>,
        ports: ReadPorts,
    ) -> Option<Self> {
        let ReadPorts { services, names } = ports;
        let whole = !peers.is_empty() && !services.is_empty();
        whole.then_some(Self { direction, name, action, peers, services, ports: names })
    }
}

/// The ports of a rule.
#[derive(Default)]
struct ReadPorts {
    services: Vec<Service>,
    names: Vec<(String, Option<Transport>, Span)>,
}

impl ReadPorts {
    fn named(&mut self, name: &str, node: &Node) {
        self.services.push(Service::NamedPort { protocol: None, name: name.to_owned() });
        self.names.push((name.to_owned(), None, node.span));
    }

    /// Everything, if no ports are written.
    fn or_any(mut self, none_written: bool) -> Self {
        if none_written {
            self.services.push(Service::Any);
        }
        self
    }
}

/// True for a key that stands where the kind of a peer does and is no slip for one that is known.
fn is_new_peer(unknown: &UnknownKey) -> bool {
    let of_peer = unknown.known == INGRESS_PEERS || unknown.known == EGRESS_PEERS;
    of_peer && closest(&unknown.key.text, unknown.known.iter().copied()).is_none()
}
