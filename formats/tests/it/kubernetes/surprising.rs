//! What is surprising in valid manifests: every warning with its line, and no warning without its cause.

use super::data::{file, print_reading, reading};
use super::refused::SOUND;
use seglab_formats::kubernetes::{Ignore, Options, read};
use seglab_policy::{Design, Diagnostic, Severity};

/// Each surprise: its name, what is replaced in the sound manifests, and by what.
const SURPRISES: &[(&str, &str, &str)] = &[
    ("all egress", "  - to:\n    - podSelector: {matchLabels: {app: web}}", "  - {}"),
    (
        "all egress, with peers of nothing",
        "  - to:\n    - podSelector: {matchLabels: {app: web}}",
        "  - to: []\n    ports:",
    ),
    (
        "all ingress",
        "  ingress:\n  - from:\n    - namespaceSelector",
        "  ingress:\n  - {}\n  - from:\n    - namespaceSelector",
    ),
    ("rules of a type that is not named", "policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]"),
    (
        "an annotation for isolation",
        "{name: shop, labels: {team: a}}",
        "{name: shop, labels: {team: a}, annotations: {net.beta.kubernetes.io/network-policy: '{}'}}",
    ),
    (
        "a subject that selects nothing",
        "    matchLabels: {app: web}\n  policy",
        "    matchLabels: {app: wbe}\n  policy",
    ),
    (
        "a peer that selects nothing",
        "    - podSelector: {matchLabels: {app: web}}",
        "    - podSelector: {matchLabels: {app: wbe}}",
    ),
    ("a namespace without pods", "  namespace: shop # of the policy", "  namespace: shpo"),
    ("a named port of nobody", "port: http\n", "port: metrics\n"),
    ("a named port of nobody in a deny", "  - action: Deny\n", "  - action: Deny\n    ports: [{namedPort: metrics}]\n"),
    ("a service of nobody", "spec: {selector: {app: web}", "spec: {selector: {app: wbe}"),
    (
        "a namespace that nobody described",
        "kind: Namespace\nmetadata: {name: shop,",
        "kind: Namespace\nmetadata: {name: other,",
    ),
    ("host bits", "cidr: 10.0.0.0/8", "cidr: 10.0.0.1/8"),
    (
        "a port without a number",
        "containerPort: 8080, name: http",
        "containerPort: 8080, name: http}, {containerport: 9090",
    ),
    ("no replicas", "replicas: 2", "replicas: 0"),
    ("too many replicas", "replicas: 2", "replicas: 1001"),
    ("a peer by domain", "to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]", "to: [{domainNames: [\"*.example.com\"]}]"),
    ("a peer by nodes", "to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]", "to: [{nodes: {}}]"),
    ("a peer of a kind to come", "from: [{namespaces: {}}]", "from: [{serviceAccounts: {}}]"),
];

/// Manifests that are surprising on their own.
const ALONE: &[(&str, &str)] = &[
    (
        "an empty list of egress rules",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n  podSelector: {}\n  egress: []\n",
    ),
    ("a namespace without policy", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n"),
    ("a daemon set", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: {template: {}}\n"),
    (
        "an unknown kind",
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a, namespace: shop}\nspec: {}\n",
    ),
    (
        "an unknown kind without a namespace",
        "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: a}\n",
    ),
    (
        "an unknown kind of a known name",
        "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: a, namespace: shop}\n",
    ),
    ("no manifest", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nreplicaCount: 3\n"),
    (
        "an ingress without a service",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n",
    ),
    (
        "an ingress to a port of nobody",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {rules: [{http: {paths: [{pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}, {pathType: Prefix, backend: {resource: {kind: Bucket, name: b}}}, {pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}\n",
    ),
    (
        "two generations",
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {name: default}\nspec: {subject: {namespaces: {}}}\n---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: a}\nspec: {tier: Admin, priority: 1, subject: {namespaces: {}}}\n",
    ),
    (
        "pods of one owner that differ",
        "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a-1, labels: {app: x}, ownerReferences: [{kind: ReplicaSet, name: a}]}\n- metadata: {name: a-2, labels: {app: z}, ownerReferences: [{kind: ReplicaSet, name: a}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {matchLabels: {app: x}}}\n",
    ),
];

#[test]
fn every_surprise_is_shown_with_its_line() {
    let mut text = String::new();
    for (name, sound, surprise) in SURPRISES {
        assert_eq!(SOUND.matches(sound).count(), 1, "{name}: `{sound}`");
        let reading = reading(&file(&SOUND.replace(sound, surprise)));
        assert!(!reading.diagnostics.is_empty(), "{name}");
        text += &format!("# {name}\n{}\n\n", print_reading(&reading));
    }
    for (name, manifests) in ALONE {
        let reading = reading(&file(manifests));
        assert!(!reading.diagnostics.is_empty(), "{name}");
        text += &format!("# {name}\n{}\n\n", print_reading(&reading));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_policy_that_says_it_allows_everything_is_no_surprise() {
    let open = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open}\n\
                spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n";
    assert_eq!(reading(&file(open)).diagnostics, []);
}

#[test]
fn an_unknown_kind_makes_unknown_what_it_may_touch_unless_it_is_ignored() {
    let text = format!(
        "{SOUND}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: other, namespace: elsewhere}}\n\
         spec: {{containers: []}}\n---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n\
         metadata: {{name: a, namespace: shop}}\n"
    );
    let touched = |draft: &seglab_policy::Draft| -> Vec<String> {
        let design = Design::new(draft.clone()).unwrap();
        let touches = |unit| design.unmodelled().iter().any(|what| what.touches.matches(design.unit(unit)));
        design.unit_ids().filter(|unit| touches(*unit)).map(|unit| design.unit(unit).name.clone()).collect()
    };
    let strict = reading(&file(&text));
    assert_eq!(touched(&strict.draft), ["shop/web[Deployment]#1", "shop/web[Deployment]#2"]);
    assert_eq!(strict.draft.unmodelled[0].what, "CiliumNetworkPolicy shop/a");

    let ignore = vec![Ignore { kind: "CiliumNetworkPolicy".into(), reason: "no Cilium here".into() }];
    let lax = read(&file(&text), &Options { ignore, ..Options::default() }).unwrap();
    assert_eq!(touched(&lax.draft), [""; 0]);
    let assumed = lax.draft.assumptions.iter().find(|one| one.id == "ignored-CiliumNetworkPolicy").unwrap();
    assert_eq!(assumed.text, "1 object of the kind CiliumNetworkPolicy may be left out: no Cilium here");
    let ignored = lax.draft.ignored.iter().find(|one| one.kind == "CiliumNetworkPolicy").unwrap();
    assert_eq!((ignored.count, ignored.provenance.reason.as_deref()), (1, Some("no Cilium here")));
}

#[test]
fn diagnostics_stand_in_the_order_of_files_and_lines() {
    let mut files =
        file(&SOUND.replace("port: http\n", "port: metrics\n").replace("cidr: 10.0.0.0/8", "cidr: 10.0.0.1/8"));
    files.extend(file("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n"));
    let reading = reading(&files);
    let spans: Vec<_> = reading.diagnostics.iter().map(|one: &Diagnostic| one.span).collect();
    assert!(spans.is_sorted() && spans.len() == 4, "{spans:?}");
    assert!(reading.diagnostics.iter().all(|one| one.severity < Severity::Error));
}
