//! Designs that several tests look at.

use crate::program::{folder, workspace};
use tempfile::TempDir;

/// The marketing site of the catalogue, in a folder of its own.
pub(crate) fn site() -> TempDir {
    folder(&[("seglab.yaml", &site_text())])
}

pub(crate) fn site_text() -> String {
    std::fs::read_to_string(workspace().join("scenarios/catalogue/marketing-site/seglab.yaml")).expect("the catalogue")
}

/// The site with a unit that no path leads to: it is in an address space of its own.
pub(crate) fn site_and_a_hermit() -> String {
    site_text().replace(
        "\nsegments:",
        "  - {name: a-hermit, space: hermitage, addresses: [10.0.1.5], listens: [tcp/443], critical: 9}\n\nsegments:",
    )
}

pub(crate) const PODS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: db, ports: [{containerPort: 5432}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 5432}]
";

/// A policy of a kind that is not read, in the namespace of [`PODS`].
pub(crate) const UNMODELLED: &str = "\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: more, namespace: shop}
spec: {endpointSelector: {}}
";
