//! Whom an `ipBlock` speaks of: how a lab file says so, and what is told of the other way.

use crate::program::{Run, bytes, folder, seglab, write};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

/// `db` takes connections from a range in which pods' addresses lie, `log` from one in which they do not.
const MANIFESTS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: log, namespace: shop, labels: {app: log}}
spec: {containers: []}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
    - from: [{ipBlock: {cidr: 10.0.0.0/8}}]
      ports: [{port: 5432}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: log, namespace: shop}
spec:
  podSelector: {matchLabels: {app: log}}
  ingress:
    - from: [{ipBlock: {cidr: 172.16.0.0/12}}]
";

fn lab(options: &str) -> String {
    format!(
        "seglab: 1\nname: shop\nsources:\n  - kubernetes: {{path: m, pod-addresses: 10.244.0.0/16{options}}}\n\
         properties:\n  - isolated: {{id: db-is-out-of-reach, from: app=web, to: app=db}}\n  \
         - isolated: {{id: log-is-out-of-reach, from: app=web, to: app=log}}\n\
         needs:\n  - {{from: app=web, to: app=db, service: tcp/5432}}\n"
    )
}

fn shop(options: &str) -> TempDir {
    folder(&[("m/all.yaml", MANIFESTS), ("seglab.yaml", &lab(options))])
}

fn verify(at: &TempDir, more: &[&str]) -> Run {
    let mut arguments = vec!["verify", "seglab.yaml"];
    arguments.extend(more);
    seglab(at.path(), &arguments)
}

/// The part of a text from one line to the next empty one.
fn part<'a>(text: &'a str, from: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no `{from}` in\n{text}"));
    text[start..].split("\n\n").next().expect("a part")
}

fn choice(document: &Value) -> Value {
    let all = document["assumptions"].as_array().expect("a list");
    all.iter().find(|one| one["id"] == "ip-block-covers").expect("an assumption")["choice"].clone()
}

#[test]
fn verdicts_that_hang_on_it_are_listed() {
    let at = shop("");
    assert_snapshot!("verify_external", part(&verify(&at, &[]).ends(1), "assumptions"));
    write(at.path(), "seglab.yaml", &lab(", ip-blocks: all"));
    assert_snapshot!("verify_all", part(&verify(&at, &[]).ends(1), "assumptions"));
}

#[test]
fn every_format_lists_them() {
    let at = shop("");
    let document = choice(&verify(&at, &["--format", "json"]).json(1));
    let deciding = json!([{
        "rule": "allow external 10.0.0.0-10.255.255.255 -> namespace=shop and app=db tcp/5432",
        "object": "NetworkPolicy shop/db",
        "location": {"path": "m/all.yaml", "line": 22, "column": 14},
    }]);
    let connection = "shop/web[Pod] -> shop/db[Pod] tcp/5432";
    let change = |kind: &str, name: &str, verdict: &str, otherwise: &str| {
        json!({"kind": kind, "name": name, "verdict": verdict, "otherwise": otherwise, "connection": connection,
               "deciding": deciding})
    };
    let expected = [
        change("property", "db-is-out-of-reach", "holds", "violated"),
        change("need", "app=web -> app=db tcp/5432", "broken", "works"),
    ];
    assert_eq!(document["changes"], json!(expected));
    for format in ["sarif", "junit", "markdown"] {
        let text = verify(&at, &["--format", format]).ends(1).replace('\\', "").replace("&gt;", ">");
        for word in ["2 verdicts differ if", "holds -> violated", "broken -> works", "m/all.yaml:22"] {
            assert!(text.contains(word), "{format}: no `{word}` in\n{text}");
        }
    }
    seglab(at.path(), &["report", "seglab.yaml", "-o", "out"]).ends(1);
    let page = String::from_utf8(bytes(at.path(), "out/report.html")).expect("text");
    let page = page.replace("<span class=\"arrow\">-&gt;</span>", "->");
    for word in ["2 verdicts differ if", "db-is-out-of-reach: holds -> violated", "m/all.yaml:22"] {
        assert!(page.contains(word), "no `{word}`");
    }
}

#[test]
fn that_none_hangs_on_it_is_said() {
    let at = shop("");
    let none = lab("").replace("10.244.0.0/16", "192.168.0.0/16");
    write(at.path(), "seglab.yaml", &none);
    let document = verify(&at, &["--format", "json"]).json(1);
    assert_eq!(choice(&document)["changes"], json!([]));
    for (arguments, code) in [(["verify", "seglab.yaml"], 1), (["verify", "m"], 1)] {
        let out = seglab(at.path(), &arguments).ends(code);
        assert!(part(&out, "assumptions").contains("\n    no verdict depends on it\n"), "{out}");
    }
    let reach = seglab(at.path(), &["reach", "seglab.yaml"]);
    assert!(!reach.err.contains("ip-block-covers"), "{}", reach.err);
}

#[test]
fn reach_tells_the_rows_that_differ() {
    for (options, connections) in [("", "TCP 5432"), (", ip-blocks: all", "")] {
        let at = shop(options);
        let document = seglab(at.path(), &["reach", "seglab.yaml", "--format", "json"]).json(0);
        let rows: Vec<_> = ["log", "web"]
            .map(|from| json!({"source": format!("shop/{from}[Pod]"), "destination": "shop/db[Pod]", "connections": connections}))
            .into();
        assert_eq!(document["choices"][0]["differences"], json!(rows), "{document:#}");
        let text = seglab(at.path(), &["reach", "seglab.yaml"]);
        assert!(text.err.starts_with("note: 2 rows differ if address ranges of NetworkPolicy"), "{}", text.err);
        let quiet = seglab(at.path(), &["reach", "seglab.yaml", "--quiet"]);
        assert_eq!((quiet.err.as_str(), quiet.out), ("", text.ends(0)));
        // One hop more is one unit more.
        let lateral = seglab(at.path(), &["reach", "seglab.yaml", "--lateral", "any", "--format", "json"]).json(0);
        let units: Vec<_> = lateral["choices"][0]["differences"].as_array().expect("a list").iter().collect();
        assert_eq!(units.len(), 2, "{lateral:#}");
    }
}

#[test]
fn explain_names_the_other_verdict_where_it_differs() {
    let at = shop("");
    let explain = |to: &str, more: &[&str]| {
        let mut arguments = vec!["explain", "seglab.yaml", "--from", "shop/web", "--to", to, "--port", "tcp/5432"];
        arguments.extend(more);
        seglab(at.path(), &arguments)
    };
    let out = explain("shop/db", &[]).ends(0);
    assert!(out.contains(": denied\n"), "{out}");
    let line = "\n  allowed if address ranges of NetworkPolicy speak of all addresses, those of pods included \
                (`ip-blocks: all`), decided by NetworkPolicy shop/db (m/all.yaml:22)\n";
    assert!(out.contains(line), "{out}");
    assert_eq!(explain("shop/db", &["--format", "json"]).json(0)["choices"][0]["differences"][0]["outcome"], "allowed");
    assert!(!explain("shop/log", &[]).ends(0).contains(" if address ranges"));
    assert_eq!(explain("shop/log", &["--format", "json"]).json(0)["choices"], Value::Null);
}

#[test]
fn a_wrong_value_is_an_error_at_its_place() {
    let at = shop(", ip-blocks: everything");
    let run = verify(&at, &[]);
    assert_snapshot!("wrong_value", run.err);
    run.ends(2);
}

/// What `init` writes says which way it is, and means what no lab file means.
#[test]
fn init_writes_the_choice_and_how_to_make_it() {
    let at = folder(&[("m/all.yaml", MANIFESTS)]);
    seglab(at.path(), &["init", "m"]).ends(0);
    let text = String::from_utf8(bytes(at.path(), "m/seglab.yaml")).expect("text");
    assert!(text.contains("\n      ip-blocks: external\n"), "{text}");
    let known = text.replace("# pod-addresses:", "pod-addresses:");
    assert_ne!(known, text);
    write(at.path(), "m/seglab.yaml", &known);
    let document = seglab(at.path(), &["reach", "m", "--format", "json"]).json(0);
    assert_eq!(document["choices"][0]["differences"].as_array().map(Vec::len), Some(2), "{document:#}");
}
