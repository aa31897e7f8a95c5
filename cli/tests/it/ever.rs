//! Claims about units that do not exist yet, from the lab file to the exit code.

use crate::program::{bytes, folder, seglab};
use serde_json::Value;

/// A shop whose only rule opens `scope=pci` to `app=web`, or to such of production only.
fn shop(rule_from: &str, more: &str) -> String {
    format!(
        "\
seglab: 1
name: shop
units:
  - {{name: dev, labels: {{env: dev}}, addresses: [10.0.0.1]}}
  - {{name: web, labels: {{env: prod, app: web}}, addresses: [10.0.0.2]}}
  - {{name: vault, labels: {{env: prod, scope: pci}}, addresses: [10.0.0.3]}}
policy:
  - allow: {{from: {rule_from}, to: scope=pci, service: tcp/5432}}
properties:
  - isolated: {{id: vault-is-safe, from: env=dev, to: scope=pci{more}}}
"
    )
}

const OPEN: &str = "app=web";
const GUARDED: &str = "app=web and env=prod";

fn verify(text: &str, code: i32, more: &[&str]) -> Value {
    let at = folder(&[("seglab.yaml", text)]);
    seglab(at.path(), &[&["verify", "seglab.yaml", "--format", "json"], more].concat()).json(code)
}

#[test]
fn a_new_unit_refutes_what_holds_of_those_that_exist() {
    assert_eq!(verify(&shop(OPEN, ""), 0, &[])["verdict"], "holds");
    let document = verify(&shop(OPEN, ", ever: true"), 1, &["--cross-check", "always"]);
    let property = &document["properties"][0];
    assert_eq!((&property["kind"], &property["verdict"]), (&"isolated-ever".into(), &"violated".into()));
    let added = &property["counterexample"]["added"][0];
    assert_eq!((&added["labels"]["env"], &added["labels"]["app"]), (&"dev".into(), &"web".into()), "{added:#}");
    let hop = &property["counterexample"]["hops"][0];
    assert_eq!((&hop["source"], &hop["outcome"]), (&added["name"], &"allowed".into()), "{hop:#}");
    assert_eq!(hop["deciders"][0]["location"]["line"], 8, "{hop:#}");
    let judges = property["judges"].as_array().unwrap();
    assert!(judges.iter().any(|judge| judge.as_str().unwrap().starts_with("Z3 (")), "replayed: {judges:?}");
    assert_eq!(document["tool"]["z3_asked"], true);
}

#[test]
fn a_proof_says_of_whom_it_speaks() {
    let document = verify(&shop(GUARDED, ", ever: true"), 0, &["--cross-check", "never"]);
    let property = &document["properties"][0];
    assert_eq!(property["verdict"], "holds");
    let population = property["population"]["of"].as_str().unwrap();
    assert!(population.ends_with("that exist, and any number of new ones"), "{population}");
    let assumed: Vec<&str> =
        document["assumptions"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
    for id in ["new-units", "new-units-enforcement", "ideal-enforcement"] {
        assert!(assumed.contains(&id), "{id} is missing of {assumed:?}");
    }
    assert_eq!(document["tool"]["z3_asked"], true, "it is Z3 that proves it");
}

#[test]
fn a_solver_limit_of_almost_nothing_leaves_it_unknown() {
    let document = verify(&shop(GUARDED, ", ever: true"), 3, &["--cross-check", "never", "--rlimit", "1"]);
    let property = &document["properties"][0];
    assert_eq!(property["verdict"], "unknown");
    let reason = property["doubt"]["reason"].as_str().unwrap();
    assert!(reason.contains("Z3") && reason.contains("limit"), "{reason}");
}

#[test]
fn every_format_shows_the_new_unit() {
    let at = folder(&[("seglab.yaml", &shop(OPEN, ", ever: true"))]);
    for format in ["text", "markdown", "junit", "sarif"] {
        let out = seglab(at.path(), &["verify", "seglab.yaml", "--format", format]).ends(1);
        assert!(out.contains("once there is"), "{format}: {out}");
        assert!(out.contains("whatever units are added"), "{format}: {out}");
    }
    seglab(at.path(), &["report", "seglab.yaml", "-o", "report"]).ends(1);
    let page = String::from_utf8(bytes(at.path(), "report/report.html")).unwrap();
    assert!(page.contains("once there is"), "the page names the new unit");
}

/// What may ever be owned is proved to whoever works out for themselves which units may come.
#[test]
fn its_certificate_is_accepted_and_that_of_another_design_is_not() {
    let at = folder(&[("seglab.yaml", &shop(GUARDED, ", ever: true"))]);
    seglab(at.path(), &["verify", "seglab.yaml", "--certificates", "proofs"]).ends(0);
    let checked = seglab(at.path(), &["check", "seglab.yaml", "--certificates", "proofs"]).ends(0);
    assert!(checked.contains("1 accepted, 0 refused"), "{checked}");
    let open = folder(&[("seglab.yaml", &shop(OPEN, ", ever: true"))]);
    let proofs = at.path().join("proofs");
    let refused = seglab(open.path(), &["check", "seglab.yaml", "--certificates", proofs.to_str().unwrap()]).ends(1);
    assert!(refused.contains("0 accepted"), "{refused}");
}

#[test]
fn only_isolated_is_asked_of_new_units() {
    let text = shop(GUARDED, "") + "  - allowed: {from: app=web, to: scope=pci, service: tcp/5432, ever: true}\n";
    let at = folder(&[("seglab.yaml", &text)]);
    let run = seglab(at.path(), &["verify", "seglab.yaml"]);
    assert!(
        run.err.contains("`ever` means nothing to `allowed`") && run.err.contains("seglab.yaml:11:"),
        "{}",
        run.err
    );
    run.ends(2);
    assert_eq!(verify(&shop(OPEN, ", ever: false"), 0, &[])["properties"][0]["kind"], "isolated");
}
