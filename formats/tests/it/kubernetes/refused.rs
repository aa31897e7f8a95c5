//! Bad input: every error with its line and what to do, and the same input without the mistake accepted.

use super::data::{file, print_rejected, reading};
use seglab_formats::kubernetes::{Options, read};
use seglab_formats::{File, MAX_FILE_BYTES};

/// Manifests with nothing wrong in them, and no surprise.
pub(crate) const SOUND: &str = include_str!("sound.yaml");

/// Each mistake: its name, what is replaced in the sound manifests, and by what.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("YAML that is not closed", "policyTypes: [Ingress, Egress]", "policyTypes: [Ingress, Egress"),
    ("a tab", "  podSelector:\n    matchLabels: {app: web}", "\tpodSelector:\n    matchLabels: {app: web}"),
    ("a template", "  name: web-policy", "  name: {{ .Values.name }}"),
    ("a key twice", "  policyTypes: [Ingress, Egress]", "  policyTypes: [Ingress]\n  policyTypes: [Egress]"),
    ("an alias without an anchor", "policyTypes: [Ingress, Egress]", "policyTypes: *types"),
    ("an alias inside itself", "policyTypes: [Ingress, Egress]", "policyTypes: &types [*types]"),
    ("a tag", "- protocol: TCP", "- protocol: !vault TCP"),
    ("a list as a key", "- protocol: TCP", "- ? [protocol]\n      : TCP"),
    ("a merge of a word", "- protocol: TCP", "- <<: TCP"),
    ("`form` for `from`", "  - from:", "  - form:"),
    ("a field of nothing", "  policyTypes: [Ingress, Egress]", "  policyTypes: [Ingress, Egress]\n  zone: dmz"),
    ("a field beside spec", "spec:\n  podSelector:\n    matchLabels: {app: web}", "spce:\n  podSelector: {}"),
    ("a field of metadata", "  namespace: shop # of the policy", "  namspace: shop"),
    ("an unknown version", "apiVersion: networking.k8s.io/v1", "apiVersion: networking.k8s.io/v2"),
    ("a removed version", "apiVersion: networking.k8s.io/v1", "apiVersion: extensions/v1beta1"),
    ("a port of 70000", "port: 8000", "port: 70000"),
    ("a port of 0", "port: 8000", "port: 0"),
    ("a port in quotes", "port: http", "port: \"80\""),
    ("a port that is a list", "port: http", "port: [80, 443]"),
    ("endPort below port", "endPort: 8080", "endPort: 7999"),
    ("endPort of 70000", "endPort: 8080", "endPort: 70000"),
    ("endPort with a named port", "port: http", "port: http\n      endPort: 90"),
    ("endPort without a port", "port: http", "endPort: 90"),
    ("an invalid CIDR", "cidr: 10.0.0.0/8", "cidr: 10.0.0.0/33"),
    ("an address that is no CIDR", "cidr: 10.0.0.0/8", "cidr: 10.0.0.0"),
    ("an exception outside its range", "except: [10.1.0.0/16]", "except: [10.1.0.0/16, 11.0.0.0/16]"),
    ("an exception of the whole range", "except: [10.1.0.0/16]", "except: [10.0.0.0/8]"),
    ("an exception of the other family", "except: [10.1.0.0/16]", "except: [\"fd00::/8\"]"),
    ("a protocol in small letters", "- protocol: TCP", "- protocol: tcp"),
    ("a type of policy in small letters", "policyTypes: [Ingress, Egress]", "policyTypes: [ingress]"),
    ("a peer that says nothing", "    - podSelector: {matchLabels: {app: web}}", "    - {}"),
    ("a peer that says two things", "    - ipBlock:\n", "    - podSelector: {}\n      ipBlock:\n"),
    ("an operator that does not exist", "operator: In", "operator: Equals"),
    ("an operator without values", "operator: In, values: [a, b]", "operator: In"),
    ("an operator with values", "operator: In", "operator: Exists"),
    ("an expression without a key", "key: team, ", ""),
    ("a number as a label", "    matchLabels: {app: web}\n  policy", "    matchLabels: {app: 1.10}\n  policy"),
    ("a truth value as a label", "    matchLabels: {app: web}\n  policy", "    matchLabels: {app: on}\n  policy"),
    ("a truth value as a pod's label", "labels: {app: web, tier: front}", "labels: {app: web, tier: no}"),
    ("a policy without spec", "spec:\n  podSelector:\n    matchLabels: {app: web}\n", "---\n"),
    ("no name", "  name: web-policy\n", ""),
    ("no kind", "kind: NetworkPolicy\n", ""),
    ("no version", "apiVersion: networking.k8s.io/v1\n", ""),
    (
        "two of one name",
        "{port: 80, targetPort: http}]}",
        "{port: 80}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}",
    ),
    (
        "a namespace with two values",
        "{name: shop, labels: {team: a}}",
        "{name: shop, labels: {team: b}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}",
    ),
    ("a namespace of another name", "labels: {team: a}", "labels: {team: a, kubernetes.io/metadata.name: b}"),
    ("replicas below zero", "replicas: 2", "replicas: -2"),
    ("replicas in words", "replicas: 2", "replicas: two"),
    ("a container port of 70000", "containerPort: 8080", "containerPort: 70000"),
    ("a service port of 70000", "targetPort: http", "targetPort: 70000"),
    ("a priority of 1001", "priority: 10 # admin", "priority: 1001"),
    ("no priority", "  priority: 10 # admin\n", ""),
    ("an action that does not exist", "action: Pass", "action: Skip"),
    (
        "a subject of two things",
        "    namespaces: {matchLabels: {team: a}} # subject",
        "    namespaces: {}\n    pods: {podSelector: {}}",
    ),
    ("a subject of nothing", "    namespaces: {matchLabels: {team: a}} # subject", "    {}"),
    ("an admin rule without peers", "    to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]", "    to: []"),
    ("an admin rule that names no peers", "    to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]\n", ""),
    ("an admin peer of nothing", "to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]", "to: [{}]"),
    (
        "an admin peer of two things",
        "to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]",
        "to: [{networks: [10.0.0.0/8], pods: {}}]",
    ),
    ("an admin peer misspelt", "to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]", "to: [{network: [10.0.0.0/8]}]"),
    (
        "`from` in an egress rule",
        "    to: [{networks: [10.0.0.0/8, \"fd00::/8\"]}]",
        "    from: [{pods: {}}]\n    to: [{pods: {}}]",
    ),
    ("an admin port of two things", "portNumber: {protocol: UDP, port: 53}", "portNumber: {port: 53}, namedPort: dns"),
    ("an admin port range upside down", "start: 8000, end: 9000", "start: 9000, end: 8000"),
    ("an admin network that is none", "10.0.0.0/8, \"fd00::/8\"", "intranet"),
    ("a baseline of another name", "name: default", "name: mine"),
    ("a baseline with a priority", "spec: # baseline", "spec:\n  priority: 1"),
];

#[test]
fn the_sound_manifests_are_accepted_without_a_word() {
    assert_eq!(reading(&file(SOUND)).diagnostics, []);
}

#[test]
fn every_mistake_is_refused_with_its_line() {
    let mut text = String::new();
    for (name, sound, mistake) in MISTAKES {
        assert_eq!(SOUND.matches(sound).count(), 1, "{name}: `{sound}`");
        let rejected = read(&file(&SOUND.replace(sound, mistake)), &Options::default()).expect_err(name);
        let errors: Vec<_> = rejected.errors().cloned().collect();
        assert!(!errors.is_empty(), "{name}");
        text += &format!("# {name}\n{}\n\n", super::data::print(&errors, |_| "m.yaml".to_owned()));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn errors_of_all_files_are_reported_together() {
    let bad = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let files = [
        bad("a.yaml", &SOUND.replace("port: 8000", "port: 70000").replace("cidr: 10.0.0.0/8", "cidr: ten")),
        bad("b.json", "{\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"metadata\": {\"name\": 7}, }"),
        bad("c.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {}\n"),
        bad("d.yaml", "kind: [\n"),
    ];
    let rejected = read(&files, &Options::default()).expect_err("errors");
    insta::assert_snapshot!(print_rejected(&rejected));
}

#[test]
fn input_without_objects_is_refused() {
    for files in [vec![], file(""), file("---\n---\n"), file("# nothing\n"), file("a: 1\n")] {
        let rejected = read(&files, &Options::default()).expect_err("nothing to read");
        assert_eq!(rejected.errors().map(|error| error.code).collect::<Vec<_>>(), ["nothing-to-read"]);
    }
}

#[test]
fn a_file_of_200_mb_is_refused_at_once() {
    let line = "apiVersion: v1\n";
    let text = line.repeat((200 << 20) / line.len());
    let rejected = read(&file(&text), &Options::default()).expect_err("a large file");
    insta::assert_snapshot!(print_rejected(&rejected), @r"
    error[file-too-large] m.yaml:1:1: the file has 199 MiB, more than the 64 that are read
      help: split it, or leave out what is no policy
    ");
    const { assert!(MAX_FILE_BYTES < 200 << 20) };
}

#[test]
fn aliases_cannot_fill_the_memory() {
    // Ten to the power of nine values in ten lines, and a tower of 300 lists.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut tower = "b0: &b0 [x]\n".to_owned();
    for level in 1..9 {
        let before = format!("*a{},", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{before}]\n");
    }
    for level in 1..300 {
        tower += &format!("b{level}: &b{level} [*b{}]\n", level - 1);
    }
    let deep = format!("{}x{}", "[".repeat(300), "]".repeat(300));
    let blocks: String = (0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let codes = |text: &str| {
        let rejected = read(&file(text), &Options::default()).expect_err("too much");
        rejected.errors().map(|error| error.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&bomb), ["too-many-values"]);
    assert_eq!(codes(&tower), ["too-deep"]);
    assert_eq!(codes(&deep), ["invalid-yaml"]);
    assert_eq!(codes(&blocks), ["invalid-yaml"]);
}
