//! Which kinds of objects are read, which do no harm, and in which versions.

/// A kind that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A namespace.
    Namespace,
    /// A workload, with how its pods are found in it.
    Workload(Workload),
    /// A service.
    Service,
    /// An ingress.
    Ingress,
    /// OpenShift's route.
    Route,
    /// Something that changes the number of replicas.
    Autoscaler,
    /// `NetworkPolicy`.
    NetworkPolicy,
    /// `AdminNetworkPolicy`.
    AdminNetworkPolicy,
    /// `BaselineAdminNetworkPolicy`.
    BaselineAdminNetworkPolicy,
    /// `ClusterNetworkPolicy`.
    ClusterNetworkPolicy,
}

impl Kind {
    /// True for objects that live in a namespace.
    pub(super) fn is_namespaced(self) -> bool {
        !matches!(
            self,
            Kind::Namespace | Kind::AdminNetworkPolicy | Kind::BaselineAdminNetworkPolicy | Kind::ClusterNetworkPolicy
        )
    }
}

/// How a workload says how many pods it has, and where it describes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workload {
    /// It is one pod.
    Pod,
    /// `spec.replicas` of `spec.template`.
    Replicas,
    /// One on every fitting node, and how many nodes there are is not known.
    PerNode,
    /// `spec.parallelism` of `spec.template`.
    Job,
    /// Jobs from `spec.jobTemplate`.
    CronJob,
}

/// What to do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Read it.
    Read(Kind),
    /// Skip it: it changes no connection.
    Harmless,
    /// Skip it under an assumption, of this name and text.
    Assume(&'static str, &'static str),
    /// It is of a kind that is read, in a version that is not: these are.
    UnknownVersion(&'static [&'static str]),
    /// Nothing is known of it.
    Unknown,
}

const APPS: &[&str] = &["apps/v1", "apps/v1beta2", "apps/v1beta1", "extensions/v1beta1"];
const CORE: &[&str] = &["v1"];
const NETWORKING: &[&str] = &["networking.k8s.io/v1"];
const ADMIN: &[&str] = &["policy.networking.k8s.io/v1alpha1"];
const CLUSTER: &[&str] = &["policy.networking.k8s.io/v1alpha2", "policy.networking.k8s.io/v1beta1"];

/// The kinds that are read, with the versions in which they are. Of a workload only labels, counts, ports and images
/// are read, which have stood in the same places in all of these versions.
const READ: &[(&str, Kind, &[&str])] = &[
    ("Namespace", Kind::Namespace, CORE),
    ("Pod", Kind::Workload(Workload::Pod), CORE),
    ("ReplicationController", Kind::Workload(Workload::Replicas), CORE),
    ("Deployment", Kind::Workload(Workload::Replicas), APPS),
    ("ReplicaSet", Kind::Workload(Workload::Replicas), APPS),
    ("StatefulSet", Kind::Workload(Workload::Replicas), APPS),
    ("DaemonSet", Kind::Workload(Workload::PerNode), APPS),
    ("Job", Kind::Workload(Workload::Job), &["batch/v1"]),
    ("CronJob", Kind::Workload(Workload::CronJob), &["batch/v1", "batch/v1beta1"]),
    ("Service", Kind::Service, CORE),
    ("Ingress", Kind::Ingress, NETWORKING),
    ("Route", Kind::Route, &["route.openshift.io/v1"]),
    (
        "HorizontalPodAutoscaler",
        Kind::Autoscaler,
        &["autoscaling/v2", "autoscaling/v1", "autoscaling/v2beta2", "autoscaling/v2beta1"],
    ),
    ("NetworkPolicy", Kind::NetworkPolicy, NETWORKING),
    ("AdminNetworkPolicy", Kind::AdminNetworkPolicy, ADMIN),
    ("BaselineAdminNetworkPolicy", Kind::BaselineAdminNetworkPolicy, ADMIN),
    ("ClusterNetworkPolicy", Kind::ClusterNetworkPolicy, CLUSTER),
];

/// Kinds that change no connection, by API group.
const HARMLESS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Binding",
            "ComponentStatus",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "PodTemplate",
            "ResourceQuota",
            "Secret",
            "ServiceAccount",
        ],
    ),
    ("apps", &["ControllerRevision"]),
    (
        "admissionregistration.k8s.io",
        &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration"],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("autoscaling.k8s.io", &["VerticalPodAutoscaler"]),
    ("cert-manager.io", &["Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"]),
    ("certificates.k8s.io", &["CertificateSigningRequest"]),
    ("coordination.k8s.io", &["Lease"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("events.k8s.io", &["Event"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("monitoring.coreos.com", &["PodMonitor", "PrometheusRule", "ServiceMonitor"]),
    ("networking.k8s.io", &["IngressClass"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodDisruptionBudget", "PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("security.openshift.io", &["SecurityContextConstraints"]),
    ("storage.k8s.io", &["CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"]),
];

/// Kinds that are skipped under an assumption, by API group.
const ASSUMED: &[(&str, &str, &str, &str)] = &[
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "pods-as-written",
        "pods run as they are written: no admission webhook changes their labels or ports",
    ),
    (
        "kustomize.config.k8s.io",
        "Kustomization",
        "kustomization-not-applied",
        "files beside a kustomization are taken as they are written; pipe in the output of `kustomize build` to have \
         it applied",
    ),
];

/// What to do with an object of this API version and kind.
pub(super) fn treatment(api_version: &str, kind: &str) -> Treatment {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if let Some((_, known, versions)) = READ.iter().find(|(name, ..)| *name == kind) {
        if versions.contains(&api_version) {
            return Treatment::Read(*known);
        }
        if !is_third_party(group, versions) {
            return Treatment::UnknownVersion(versions);
        }
    }
    if HARMLESS.iter().any(|(of, kinds)| *of == group && kinds.contains(&kind)) {
        return Treatment::Harmless;
    }
    match ASSUMED.iter().find(|(of, name, ..)| *of == group && *name == kind) {
        Some((_, _, id, text)) => Treatment::Assume(id, text),
        None => Treatment::Unknown,
    }
}

/// True if the group belongs to somebody who may well use the name of a known kind for something else, as Calico does
/// with `projectcalico.org/v3` and Knative with `serving.knative.dev/v1`.
fn is_third_party(group: &str, versions: &[&str]) -> bool {
    let own = versions.iter().any(|version| version.split_once('/').is_some_and(|(own, _)| own == group));
    group.contains('.') && !group.ends_with(".k8s.io") && !own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_group_and_version() {
        let cases = [
            ("networking.k8s.io/v1", "NetworkPolicy", Treatment::Read(Kind::NetworkPolicy)),
            ("networking.k8s.io/v2", "NetworkPolicy", Treatment::UnknownVersion(NETWORKING)),
            ("extensions/v1beta1", "NetworkPolicy", Treatment::UnknownVersion(NETWORKING)),
            ("v1", "NetworkPolicy", Treatment::UnknownVersion(NETWORKING)),
            ("projectcalico.org/v3", "NetworkPolicy", Treatment::Unknown),
            ("serving.knative.dev/v1", "Service", Treatment::Unknown),
            ("policy.networking.k8s.io/v1alpha2", "AdminNetworkPolicy", Treatment::UnknownVersion(ADMIN)),
            ("policy.networking.k8s.io/v1beta1", "ClusterNetworkPolicy", Treatment::Read(Kind::ClusterNetworkPolicy)),
            ("route.openshift.io/v2", "Route", Treatment::UnknownVersion(&["route.openshift.io/v1"])),
            ("v1", "ConfigMap", Treatment::Harmless),
            ("example.com/v1", "ConfigMap", Treatment::Unknown),
            ("cilium.io/v2", "CiliumNetworkPolicy", Treatment::Unknown),
        ];
        for (version, kind, expected) in cases {
            assert_eq!(treatment(version, kind), expected, "{version} {kind}");
        }
    }
}
