//! The schema of `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` (`policy.networking.k8s.io/v1alpha1`) and
//! `ClusterNetworkPolicy` (`v1alpha2` and `v1beta1`), as the Network Policy API working group published it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;

/// `spec` of an `AdminNetworkPolicy`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminSpec {
    pub(super) priority: i32,
    pub(super) subject: Subject,
    #[serde(default)]
    pub(super) ingress: Vec<AdminIngressRule>,
    #[serde(default)]
    pub(super) egress: Vec<AdminEgressRule>,
}

/// `spec` of a `BaselineAdminNetworkPolicy`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BaselineSpec {
    pub(super) subject: Subject,
    #[serde(default)]
    pub(super) ingress: Vec<AdminIngressRule>,
    #[serde(default)]
    pub(super) egress: Vec<AdminEgressRule>,
}

/// `spec` of a `ClusterNetworkPolicy`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterSpec {
    pub(super) tier: ClusterTier,
    pub(super) priority: i32,
    pub(super) subject: Subject,
    #[serde(default)]
    pub(super) ingress: Vec<ClusterIngressRule>,
    #[serde(default)]
    pub(super) egress: Vec<ClusterEgressRule>,
}

/// The tier of a `ClusterNetworkPolicy`.
#[derive(Clone, Copy, Deserialize)]
pub(super) enum ClusterTier {
    Admin,
    Baseline,
}

/// Whom a policy applies to; exactly one of the two.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subject {
    pub(super) namespaces: Option<LabelSelector>,
    pub(super) pods: Option<NamespacedPod>,
}

/// Pods by namespace and by their own labels; a selector that is absent is an empty one, which selects all.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamespacedPod {
    #[serde(default)]
    pub(super) namespace_selector: LabelSelector,
    #[serde(default)]
    pub(super) pod_selector: LabelSelector,
}

/// The other side of an ingress rule; exactly one of the fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IngressPeer {
    pub(super) namespaces: Option<LabelSelector>,
    pub(super) pods: Option<NamespacedPod>,
}

/// The fields of [`IngressPeer`].
pub(super) const INGRESS_PEERS: &[&str] = &["namespaces", "pods"];

/// The other side of an egress rule; exactly one of the fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EgressPeer {
    pub(super) namespaces: Option<LabelSelector>,
    pub(super) pods: Option<NamespacedPod>,
    pub(super) nodes: Option<LabelSelector>,
    pub(super) networks: Option<Vec<String>>,
    pub(super) domain_names: Option<Vec<String>>,
}

/// The fields of [`EgressPeer`].
pub(super) const EGRESS_PEERS: &[&str] = &["namespaces", "pods", "nodes", "networks", "domainNames"];

/// What an `AdminNetworkPolicy` does.
#[derive(Clone, Copy, Deserialize)]
pub(super) enum AdminAction {
    Allow,
    Deny,
    Pass,
}

/// What a `ClusterNetworkPolicy` does; its drafts said `Allow` for what is now `Accept`.
#[derive(Clone, Copy, Deserialize)]
pub(super) enum ClusterAction {
    #[serde(alias = "Allow")]
    Accept,
    Deny,
    Pass,
}

/// An ingress rule of `v1alpha1`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminIngressRule {
    pub(super) name: Option<String>,
    pub(super) action: AdminAction,
    pub(super) from: Vec<IngressPeer>,
    pub(super) ports: Option<Vec<AdminPort>>,
}

/// An egress rule of `v1alpha1`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminEgressRule {
    pub(super) name: Option<String>,
    pub(super) action: AdminAction,
    pub(super) to: Vec<EgressPeer>,
    pub(super) ports: Option<Vec<AdminPort>>,
}

/// Ports of `v1alpha1`; exactly one of the fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminPort {
    pub(super) port_number: Option<PortNumber>,
    pub(super) named_port: Option<String>,
    pub(super) port_range: Option<ProtocolRange>,
}

/// A port of a protocol.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortNumber {
    pub(super) protocol: Option<String>,
    pub(super) port: i32,
}

/// Ports of a protocol.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProtocolRange {
    pub(super) protocol: Option<String>,
    pub(super) start: i32,
    pub(super) end: i32,
}

/// An ingress rule of `v1alpha2` and later.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterIngressRule {
    pub(super) name: Option<String>,
    pub(super) action: ClusterAction,
    pub(super) from: Vec<IngressPeer>,
    pub(super) protocols: Option<Vec<ClusterProtocol>>,
}

/// An egress rule of `v1alpha2` and later.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterEgressRule {
    pub(super) name: Option<String>,
    pub(super) action: ClusterAction,
    pub(super) to: Vec<EgressPeer>,
    pub(super) protocols: Option<Vec<ClusterProtocol>>,
}

/// Protocols and ports of `v1alpha2` and later; exactly one of the fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterProtocol {
    pub(super) tcp: Option<ClusterPorts>,
    pub(super) udp: Option<ClusterPorts>,
    pub(super) sctp: Option<ClusterPorts>,
    pub(super) destination_named_port: Option<String>,
}

/// Ports of a protocol; all of them where none are named.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterPorts {
    pub(super) destination_port: Option<ClusterPort>,
}

/// A port or a range of them; exactly one of the fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterPort {
    pub(super) number: Option<i32>,
    pub(super) range: Option<PortRange>,
}

/// Ports from `start` to `end`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortRange {
    pub(super) start: i32,
    pub(super) end: i32,
}
