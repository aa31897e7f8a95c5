//! Exit codes: what a pipeline learns without reading anything.

use crate::designs::{PODS, UNMODELLED};
use crate::program::{Run, folder, seglab, write};

const CLOSED: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
";

fn verify(files: &[(&str, &str)]) -> Run {
    seglab(folder(files).path(), &["verify", ".", "--format", "json"])
}

#[test]
fn holds_violated_wrong_undecided() {
    let closed = [("pods.yaml", PODS), ("closed.yaml", CLOSED)];
    assert_eq!(verify(&closed).json(0)["verdict"], "holds");
    assert_eq!(verify(&closed[..1]).json(1)["verdict"], "violated");
    verify(&[("pods.yaml", "kind: {")]).ends(2);
    let document = verify(&[closed[0], closed[1], ("cilium.yaml", UNMODELLED)]).json(3);
    assert_eq!(document["verdict"], "unknown");
    let unmodelled = document["unmodelled"].as_array().expect("a list");
    assert_eq!(unmodelled.len(), 1);
    assert!(unmodelled[0].to_string().contains("CiliumNetworkPolicy"), "{document:#}");
}

#[test]
fn an_ignored_kind_touches_nothing() {
    let lab = "seglab: 1\nsources: [{kubernetes: manifests}]\nproperties:\n  - isolated: {from: internet, to: app=db, hops: 1}\n";
    let ignoring = format!("{lab}ignore:\n  - {{kind: CiliumNetworkPolicy, reason: it is empty, owner: me}}\n");
    let files = |lab| [("seglab.yaml", lab), ("manifests/a.yaml", PODS), ("manifests/b.yaml", UNMODELLED)];
    assert_eq!(verify(&files(lab)).json(3)["verdict"], "unknown");
    let document = verify(&files(&ignoring)).json(0);
    let said = document["assumptions"].as_array().expect("a list").iter().map(|one| one["text"].to_string());
    assert!(said.into_iter().any(|text| text.contains("CiliumNetworkPolicy") && text.contains("it is empty")));
}

/// A broken need is a violation too, and outweighs what is undecided.
#[test]
fn a_broken_need_is_red() {
    let lab = "seglab: 1\nunits: [{name: a}, {name: b}]\npolicy: []\nneeds:\n  - {from: a, to: b, service: tcp/1}\n";
    let at = folder(&[("seglab.yaml", lab)]);
    let out = seglab(at.path(), &["verify", "."]).ends(1);
    assert!(out.contains("seglab.yaml:5"), "{out}");
    write(at.path(), "seglab.yaml", &lab.replace("policy: []", "policy: [{allow: {from: a, to: b}}]"));
    seglab(at.path(), &["verify", "."]).ends(0);
}
