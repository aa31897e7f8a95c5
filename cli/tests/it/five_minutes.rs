//! What each of seglab's users does in the first five minutes, from end to end.

use crate::program::{
    Run, bytes, folder, listing, public, seglab, seglab_reading, seglab_within, sha256, workspace, write,
};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const WORKLOADS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart, image: 'cart:1', ports: [{containerPort: 7070}]}]}
";

/// The policies; the second opens all egress, in the line that [`RULE`] names.
const POLICIES: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  egress:
    - to: [{podSelector: {matchLabels: {app: cart}}}]
      ports: [{port: 7070}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 7070}]
  egress:
    - {}
";

const RULE: &str = "shop/policies.yaml:21";

/// The claim that the rule violates, of those that are made of manifests without a lab file.
const CLAIM: &str = "internet-egress-to-named-ranges-only";

fn shop() -> TempDir {
    folder(&[("shop/workloads.yaml", WORKLOADS), ("shop/policies.yaml", POLICIES)])
}

fn fixed() -> String {
    POLICIES.replace("  egress:\n    - {}\n", "  egress: []\n")
}

fn verify(at: &TempDir, format: &str) -> Run {
    seglab(at.path(), &["verify", "shop", "--format", format])
}

/// The owner of a pipeline: one command on a folder, red with the line named, green after the fix.
#[test]
fn ci_owner_sees_the_line_and_then_green() {
    let at = shop();
    let out = verify(&at, "text").ends(1);
    let counterexample = out.split(&format!("violated: {CLAIM}")).nth(1).expect("the violated claim is shown");
    assert!(counterexample.contains(RULE), "the line of the rule stands beside its claim:\n{out}");
    assert!(counterexample.contains("NetworkPolicy shop/cart"), "{out}");
    assert!(out.ends_with("1 of 2 properties is violated.\n"), "{out}");

    write(at.path(), "shop/policies.yaml", &fixed());
    let out = verify(&at, "text").ends(0);
    assert!(!out.contains("violated"), "{out}");
}

/// The same through a pipe: `helm template . | seglab verify -`.
#[test]
fn ci_owner_pipes_manifests() {
    let at = folder(&[]);
    let piped = |policies: &str| seglab_reading(at.path(), &["verify", "-"], &format!("{WORKLOADS}---\n{policies}"));
    let line = WORKLOADS.lines().count() + 1 + 21;
    let out = piped(POLICIES).ends(1);
    assert!(out.contains(&format!("-:{line}: egress at shop/cart[Deployment]")), "{out}");
    piped(&fixed()).ends(0);
    assert_eq!(listing(at.path()), Vec::<String>::new(), "nothing is written");
}

#[test]
fn ci_owner_reads_json() {
    let at = shop();
    let document = verify(&at, "json").json(1);
    assert_eq!(document["schema"], "seglab/verify/v1");
    assert_eq!(document["verdict"], "violated");
    let properties = document["properties"].as_array().expect("a list");
    let violated: Vec<_> = properties.iter().filter(|property| property["verdict"] == "violated").collect();
    assert_eq!(violated.len(), 1);
    for key in ["id", "kind", "verdict", "view", "pivot", "trust", "counterexample"] {
        assert!(!violated[0][key].is_null(), "`{key}` is missing");
    }
    let location = &violated[0]["counterexample"]["hops"][0]["deciders"][0]["location"];
    assert_eq!((location["path"].as_str(), location["line"].as_u64()), (Some("shop/policies.yaml"), Some(21)));
    write(at.path(), "shop/policies.yaml", &fixed());
    assert_eq!(verify(&at, "json").json(0)["verdict"], "holds");
}

/// SARIF annotates the line of a change, and JUnit shows in every pipeline.
#[test]
fn ci_owner_gets_sarif_and_junit() {
    let at = shop();
    let sarif = verify(&at, "sarif").json(1);
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let failed: Vec<_> = results.iter().filter(|one| one["level"] == "error").collect();
    assert_eq!(failed.len(), 1, "{results:#?}");
    assert_eq!(failed[0]["ruleId"], "exposed");
    assert!(failed[0]["message"].to_string().contains(CLAIM), "{}", failed[0]);
    let place = &failed[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "shop/policies.yaml");
    assert_eq!(place["region"]["startLine"], 21);

    let junit = |code| quick_junit::Report::deserialize_from_str(&verify(&at, "junit").ends(code)).expect("JUnit");
    let report = junit(1);
    assert_eq!((report.tests, report.failures, report.errors), (2, 1, 0));
    assert!(verify(&at, "markdown").ends(1).contains(&format!("| **violated** | `{CLAIM}` |")));

    write(at.path(), "shop/policies.yaml", &fixed());
    let report = junit(0);
    assert_eq!((report.tests, report.failures, report.errors), (2, 0, 0));
    let sarif = verify(&at, "sarif").json(0);
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(results.iter().all(|one| one["level"] != "error"), "{results:#?}");
    assert!(!verify(&at, "markdown").ends(0).contains("violated"));
}

/// Standard output and `-o FILE` hold the same bytes.
#[test]
fn ci_owner_writes_to_a_file() {
    let at = shop();
    for format in ["text", "json", "sarif", "junit", "markdown"] {
        let printed = verify(&at, format).ends(1);
        seglab(at.path(), &["verify", "shop", "--format", format, "-o", "out/result"]).ends(1);
        assert_eq!(String::from_utf8(bytes(at.path(), "out/result")).unwrap(), printed);
    }
    let mut found = listing(at.path());
    found.retain(|path| path.starts_with("out"));
    assert_eq!(found, ["out", "out/result"]);
}

/// The auditor: one page that says what is claimed, of what, how many were looked at, what it does not show, and from
/// which bytes; and a second run gives the same page.
#[test]
fn auditor_gets_one_page_twice() {
    let at = shop();
    let out = seglab(at.path(), &["report", "shop", "-o", "first"]).ends(1);
    seglab(at.path(), &["report", "shop", "-o", "second"]).ends(1);
    let names = |folder: &str| listing(&at.path().join(folder));
    assert_eq!(names("first"), names("second"));
    for name in names("first") {
        let [first, second] = ["first", "second"].map(|folder| bytes(&at.path().join(folder), &name));
        assert_eq!(first, second, "{name}");
    }
    for ending in ["html", "md", "json", "sarif", "xml"] {
        assert!(names("first").iter().any(|name| name.ends_with(ending)), "{ending}: {:?}", names("first"));
    }
    assert!(out.contains("opens-all-egress") && out.contains("one compromised unit can reach"), "{out}");
    assert!(out.contains("1 proved, 1 violated, 0 undecided"), "{out}");

    let page = String::from_utf8(bytes(at.path(), "first/report.html")).unwrap();
    for expected in [CLAIM, "no unit reaches internet", "3 units", RULE, "Assumptions", "Does not show", "<svg"] {
        assert!(page.contains(expected), "the page does not say `{expected}`");
    }
    for (path, text) in [("shop/workloads.yaml", WORKLOADS), ("shop/policies.yaml", POLICIES)] {
        assert!(page.contains(path) && page.contains(&sha256(text)), "{path} and its hash");
    }
    for foreign in ["<script src", "<link", "<img", "@import", "url(http"] {
        assert!(!page.contains(foreign), "the page loads something: {foreign}");
    }
    let position = |text: &str| page.find(text).unwrap_or_else(|| panic!("the page does not say `{text}`"));
    let brief = ["<dt><a href=\"#scope\">", "<dt><a href=\"#assumptions\">", "<dt><a href=\"#not-modelled\">"];
    let found = ["class=\"banner violated\"", "id=\"scope\"", "id=\"assumptions\"", "id=\"properties\""];
    let order: Vec<usize> = brief.into_iter().chain(found).map(position).collect();
    assert!(order.is_sorted(), "what was looked at and assumed comes before what was found");
    let markdown = String::from_utf8(bytes(at.path(), "first/report.md")).unwrap();
    let position = |text: &str| markdown.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{markdown}"));
    let order =
        ["\n- Scope: 3 units", "\n- Assumptions: ", "\n- Not modelled: ", "\n**1 of 2 properties is"].map(position);
    assert!(order.is_sorted(), "{markdown}");
}

/// The files of the four designs, and the names that the designs give themselves.
const FILES: [&str; 4] = ["flat", "perimeter", "zones", "microsegmented"];
const DESIGNS: [&str; 4] = ["flat", "perimeter only", "zones behind a firewall", "microsegmented"];

/// The architect: one picture of four designs, blast radius against broken needs.
#[test]
fn architect_compares_four_designs() {
    let at = folder(&[]);
    let company = workspace().join("scenarios/catalogue/three-tier-company");
    let paths = FILES.map(|name| company.join(format!("{name}.yaml")).to_string_lossy().into_owned());
    let mut arguments = vec!["compare"];
    arguments.extend(paths.iter().map(String::as_str));
    arguments.extend(["--replicas", "10", "--horizon", "1d", "--format", "json", "--plot", "four.svg"]);
    let document = seglab(at.path(), &arguments).json(0);
    let designs = document["comparison"]["designs"].as_array().expect("a list");
    let of = |name: &str| designs.iter().find(|one| one["design"] == name).unwrap_or_else(|| panic!("no `{name}`"));
    let median = |name| of(name)["blast_radius_median"].as_u64().unwrap();
    let broken = |name| of(name)["needs_broken"].as_u64().unwrap();
    // What scenarios/catalogue/three-tier-company/README.md says, computed anew.
    assert_eq!(DESIGNS.map(broken), [0, 0, 2, 2]);
    let [flat, perimeter, zones, microsegmented] = DESIGNS.map(median);
    assert_eq!((flat, perimeter), (60, 60));
    assert!(microsegmented < zones, "{designs:#?}");

    let picture = String::from_utf8(bytes(at.path(), "four.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
    for name in DESIGNS {
        assert!(picture.contains(name), "`{name}` is not in the picture");
    }
}

/// The public shops without a lab file: what is surprising in each is said, with numbers, in seconds.
#[test]
fn public_shops_are_seen_through() {
    for (name, surprise, times) in [
        ("online-boutique", "opens-all-egress", "12 of 13 NetworkPolicy"),
        ("sock-shop", "obsolete-isolation-annotation", "1"),
    ] {
        let Some(data) = public(name) else { return };
        let at = folder(&[]);
        let run = seglab_within(Duration::from_secs(10), at.path(), &["report", &data.to_string_lossy(), "-o", "out"]);
        let out = run.ends(1);
        assert!(out.contains(&format!("{surprise}: {times}\n")), "{out}");
        assert!(out.contains("one compromised unit can reach, pivot any: median"), "{out}");
        assert!(out.contains("there is nothing to exploit"), "{out}");
        assert!(text_of(at.path(), "out/report.html").contains(surprise));
    }
}

fn text_of(folder: &Path, path: &str) -> String {
    String::from_utf8(bytes(folder, path)).unwrap()
}
