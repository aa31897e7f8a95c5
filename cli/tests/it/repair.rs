//! `seglab repair`: what it shows is a patch, and with the patch applied everything holds.

use crate::designs::{PODS, UNMODELLED, site_text};
use crate::program::{Run, folder, seglab, seglab_reading, workspace, write};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A rule of the marketing site that opens more than anybody wanted.
const TOO_WIDE: &str = "  - allow: {from: site, to: any, service: tcp/443, reason: updates}  # of every kind\n";

/// The site with the rule after its first.
fn opened_site() -> TempDir {
    let text = site_text();
    let (before, after) = text.split_once("  - allow: {from: app=web,").expect("the second rule");
    folder(&[("seglab.yaml", &format!("{before}{TOO_WIDE}  - allow: {{from: app=web,{after}"))])
}

fn repair(at: &Path, arguments: &[&str]) -> Run {
    seglab(at, &[&["repair"], arguments].concat())
}

/// What stands between the heading and what the search took, which depends on the version of Z3.
fn answer(out: &str) -> String {
    let (_, body) = out.split_once("\n\n").expect("a heading");
    let (body, spent) = body.trim_end().rsplit_once("\n\n").expect("what it took");
    assert!(spent.contains("of Z3's resource units"), "{spent}");
    let lines = body.lines().map(|line| if line.starts_with("a repair of") { "a repair" } else { line });
    let lines = lines.filter(|line| !line.contains("connections changed"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Applies a patch as its users do.
#[track_caller]
fn apply(at: &Path, file: &str) {
    let output = Command::new("git").current_dir(at).args(["apply", "--verbose", file]).output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Repairs a design, applies the patch that was written, and verifies; the repair as JSON.
#[track_caller]
fn repaired(at: &Path, design: &str) -> Value {
    seglab(at, &["verify", design]).ends(1);
    let document = repair(at, &[design, "--format", "json", "-o", "repair.patch"]).json(1);
    assert_eq!(document["schema"], "seglab/repair/v1");
    assert_eq!(document["finding"], "repaired");
    assert_eq!(document["repair"]["least"], true);
    assert_eq!(
        document["repair"]["patch"],
        std::fs::read_to_string(at.join("repair.patch")).expect("a patch").as_str()
    );
    apply(at, "repair.patch");
    seglab(at, &["verify", design, "--format", "json"]).ends(0);
    assert_eq!(repair(at, &[design, "--format", "json"]).json(0)["finding"], "nothing");
    document
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            std::fs::copy(&entry, &target).expect("a copy");
        }
    }
}

#[test]
fn a_rule_too_many_goes() {
    let at = opened_site();
    let document = repaired(at.path(), "seglab.yaml");
    let edits = document["repair"]["edits"].as_array().unwrap();
    assert_eq!(edits.len(), 1, "{edits:?}");
    let line = 1 + line_of(&site_with_rule(), "of every kind");
    assert_eq!(edits[0]["location"]["line"], line, "{edits:?}");
    assert_eq!(edits[0]["location"]["path"], "seglab.yaml");
    assert_eq!(edits[0]["kind"], "remove");
    // Only its line changes.
    assert_eq!(std::fs::read_to_string(at.path().join("seglab.yaml")).unwrap(), site_text());
}

fn site_with_rule() -> String {
    let at = opened_site();
    std::fs::read_to_string(at.path().join("seglab.yaml")).unwrap()
}

/// The position of the line that holds a word, from 0.
fn line_of(text: &str, word: &str) -> usize {
    text.lines().position(|line| line.contains(word)).expect("a line")
}

#[test]
fn the_online_shop_is_closed() {
    let at = tempfile::tempdir().unwrap();
    copy(&workspace().join("scenarios/catalogue/online-shop"), at.path());
    let document = repaired(at.path(), "seglab.yaml");
    let edits = document["repair"]["edits"].as_array().unwrap();
    assert_eq!(edits.len(), 1, "{edits:?}");
    assert_eq!(edits[0]["object"], "NetworkPolicy shop/reviews");
    assert_eq!(edits[0]["location"]["path"], "manifests/policies.yaml");
    assert!(document["repair"]["patch"].as_str().unwrap().starts_with("--- a/manifests/policies.yaml\n"));
}

/// What the namespace of [`PODS`] is to be, and is not: its database takes connections from everybody, and the web
/// servers may not open what they need.
const CLUSTER: &str = "\
seglab: 1
sources: [{kubernetes: manifests/}]
needs: [{from: app=web, to: app=db, service: tcp/5432}]
properties:
  - exposed: {id: no-way-out, to: external, only: none}
  - default-deny: {id: the-web-takes-nothing-by-default, units: app=web, directions: ingress}
";

#[test]
fn a_cluster_gets_the_policies_that_it_lacks() {
    let at = folder(&[("seglab.yaml", CLUSTER), ("manifests/pods.yaml", PODS)]);
    let document = repaired(at.path(), ".");
    let edits = document["repair"]["edits"].as_array().unwrap();
    let kinds: Vec<&str> = edits.iter().map(|edit| edit["kind"].as_str().unwrap()).collect();
    assert!(kinds.iter().all(|kind| matches!(*kind, "isolate" | "add")) && !kinds.is_empty(), "{edits:?}");
    let text = std::fs::read_to_string(at.path().join("manifests/pods.yaml")).unwrap();
    assert!(text.starts_with(PODS) && text.contains("name: repair-1\n"), "{text}");
}

#[test]
fn a_need_that_nothing_allows_is_allowed() {
    let text = site_text()
        .replace("  - allow: {from: workstation, to: payroll,", "  # gone: {from: workstation, to: payroll,");
    let at = folder(&[("seglab.yaml", &text)]);
    let document = repaired(at.path(), "seglab.yaml");
    assert_eq!(document["repair"]["edits"][0]["kind"], "add");
    assert_eq!(document["repair"]["changes"][0]["kind"], "gained");
}

#[test]
fn text_shows_the_edit_what_it_changes_and_the_patch() {
    let at = opened_site();
    let out = repair(at.path(), &["seglab.yaml"]).ends(1);
    insta::assert_snapshot!(answer(&out));
    let written = repair(at.path(), &["seglab.yaml", "-o", "fix.patch"]).ends(1);
    assert!(written.contains("the patch, read back and verified, is fix.patch"), "{written}");
}

#[test]
fn a_whole_design_has_nothing_to_repair() {
    let at = folder(&[("seglab.yaml", &site_text())]);
    let out = repair(at.path(), &["seglab.yaml", "-o", "none.patch"]).ends(0);
    assert!(out.contains("nothing to repair: every property holds and every need works"), "{out}");
    assert!(!at.path().join("none.patch").exists());
}

#[test]
fn standard_input_is_patched_too() {
    let text = site_with_rule();
    let at = tempfile::tempdir().unwrap();
    let out = seglab_reading(at.path(), &["repair", "-"], &text).ends(1);
    assert!(out.contains("--- a/-\n+++ b/-\n") && out.contains("read back and verified"), "{out}");
}

#[test]
fn contradictory_claims_are_named() {
    let needs = "needs:\n";
    let text = site_text().replace(needs, &format!("{needs}  - {{from: app=web, to: payroll, service: tcp/443}}\n"));
    let at = folder(&[("seglab.yaml", &text)]);
    let document = repair(at.path(), &["seglab.yaml", "--format", "json"]).json(1);
    assert_eq!(document["finding"], "contradiction");
    let names: Vec<&str> =
        document["contradiction"].as_array().unwrap().iter().map(|claim| claim["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"app=web -> payroll tcp/443"), "{names:?}");
    assert_eq!(names.len(), 2, "{names:?}");
}

/// What nothing stands in the way of cannot be repaired by rules, and that is no contradiction of several claims.
#[test]
fn a_claim_that_no_rule_can_make_hold_is_told() {
    let text = "seglab: 1\nunits:\n  - {name: a, addresses: [10.0.0.1]}\n  - {name: b, addresses: [10.0.0.2]}\n\
                properties: [{isolated: {from: a, to: b}}]\n";
    let at = folder(&[("seglab.yaml", text)]);
    let out = repair(at.path(), &["seglab.yaml"]).ends(1);
    assert!(out.contains("cannot hold whatever the rules say, where enforcement stands as it does"), "{out}");
}

#[test]
fn a_solver_limit_of_almost_nothing_is_told() {
    // Two edits are needed, so that Z3 has to choose.
    let needed = "  - allow: {from: workstation, to: payroll,";
    let text = site_with_rule().replace(needed, &needed.replace("- allow:", "# gone:"));
    let at = folder(&[("seglab.yaml", &text)]);
    let document = repaired(at.path(), "seglab.yaml");
    assert_eq!(document["repair"]["edits"].as_array().unwrap().len(), 2);
    write(at.path(), "seglab.yaml", &text);
    let out = repair(at.path(), &["seglab.yaml", "--rlimit", "1"]).ends(3);
    assert!(out.contains("Z3 reached its limit of 1 resource units; raise it"), "{out}");
    assert!(out.contains("undecided") && out.contains("at least 1"), "{out}");
    // It is the same limit on every machine.
    assert_eq!(repair(at.path(), &["seglab.yaml", "--rlimit", "1"]).ends(3), out);
    let none = repair(at.path(), &["seglab.yaml", "--rlimit", "0"]);
    assert_eq!(none.code, Some(2), "{}", none.err);
}

#[test]
fn what_is_not_modelled_stays_unknown() {
    let at = folder(&[("seglab.yaml", CLUSTER), ("manifests/pods.yaml", PODS), ("manifests/more.yaml", UNMODELLED)]);
    let out = repair(at.path(), &["."]).ends(3);
    assert!(out.contains("not repaired: unknown whatever the rules say"), "{out}");
}

#[test]
fn claims_about_rules_are_not_repaired_and_said_not_to_be() {
    let claim = "  - no-shadowed-rules: {id: no-rule-hides-another}\n";
    let shadowed =
        "  - deny: {from: payroll, to: workstation}\n  - allow: {from: payroll, to: workstation, service: tcp/22}\n";
    let text = site_text()
        .replace("policy:\n", &format!("policy:\n{shadowed}"))
        .replace("properties:\n", &format!("properties:\n{claim}"));
    let at = folder(&[("seglab.yaml", &text)]);
    let out = repair(at.path(), &["seglab.yaml"]).ends(1);
    assert!(out.contains("property no-rule-hides-another: violated"), "{out}");
}

#[test]
fn rules_of_kinds_that_are_not_edited_are_named_in_words() {
    let admin = "\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: open}
spec:
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - {name: all, action: Allow, from: [{namespaces: {}}]}
  egress:
    - {name: all, action: Allow, to: [{namespaces: {}}]}
";
    let claims = "\
seglab: 1
sources: [{kubernetes: manifests/}]
properties:
  - isolated: {id: few-reach-the-database, from: app=job, to: app=db, hops: 1}
";
    let job = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: job, namespace: shop, labels: {app: job}}\nspec: {containers: [{name: job}]}\n";
    let at = folder(&[
        ("seglab.yaml", claims),
        ("manifests/pods.yaml", &format!("{PODS}{job}")),
        ("manifests/admin.yaml", admin),
    ]);
    let out = repair(at.path(), &["."]).ends(1);
    assert!(out.contains("of AdminNetworkPolicy open (manifests/admin.yaml:8)"), "{out}");
    assert!(out.contains("no patch: an edit is not written as a change of a text"), "{out}");
    write(at.path(), "manifests/admin.yaml", &admin.replace("Allow", "Pass"));
    seglab(at.path(), &["verify", "."]).ends(0);
}
