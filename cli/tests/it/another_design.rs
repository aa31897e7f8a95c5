//! `within` and `equal`: a design held against another, as the owner of a gate meets it.

use crate::program::{folder, seglab, write};

const APPROVED: &str = "\
seglab: 1
name: approved
units:
  - {name: web, labels: {app: web}, listens: [tcp/443]}
  - {name: db, labels: {app: db}, listens: [tcp/5432]}
segments: {web: app=web, db: app=db}
policy:
  - allow: {from: internet, to: web, service: tcp/443}
  - allow: {from: web, to: db, service: tcp/5432}
properties:
  - within: {design: nowhere.yaml}
";

fn lab(rules: &str) -> String {
    let claims = "properties:\n  - within: {id: approved, design: plans/approved.yaml}\n";
    let (before, _) = APPROVED.split_once("policy:").expect("a policy");
    format!("{before}policy:\n{rules}{claims}").replace("name: approved", "name: shop")
}

const WEB: &str = "  - allow: {from: internet, to: web, service: tcp/443}\n";
const SSH: &str = "  - allow: {from: web, to: db, service: tcp/22}\n";

#[test]
fn no_more_than_was_approved() {
    let at = folder(&[("seglab.yaml", &lab(WEB)), ("plans/approved.yaml", APPROVED)]);
    let at = at.path();
    // What the plan claims, it claims elsewhere: its own files need not be there.
    let json = seglab(at, &["verify", ".", "--format", "json"]).json(0);
    let paths: Vec<&str> =
        json["inputs"].as_array().expect("inputs").iter().filter_map(|one| one["path"].as_str()).collect();
    assert_eq!(paths, ["seglab.yaml", "plans/approved.yaml"]);

    write(at, "seglab.yaml", &lab(&format!("{WEB}{SSH}")));
    let json = seglab(at, &["verify", ".", "--format", "json"]).json(1);
    let property = &json["properties"][0];
    assert_eq!(property["findings"][0]["on"], "gained: TCP 22");
    assert_eq!((&property["findings"][0]["from"], &property["findings"][0]["to"]), (&"web".into(), &"db".into()));
    let summary = property["counterexample"]["summary"].as_str().expect("a summary");
    assert!(
        summary.starts_with("web -> db tcp/22 is allowed here") && summary.contains("is denied in plans/approved.yaml"),
        "{summary}"
    );
    let hops = property["counterexample"]["hops"].as_array().expect("hops");
    assert_eq!(hops.len(), 1);

    // The baseline knows it by path and groups: another version of the plan, one more rule there, changes nothing.
    seglab(at, &["verify", ".", "--write-baseline", "base.json"]).ends(0);
    write(at, "plans/approved.yaml", &APPROVED.replace("tcp/5432}\nprop", "tcp/5433}\nprop"));
    seglab(at, &["verify", ".", "--baseline", "base.json"]).ends(0);
    // A repair takes the rule away.
    let repaired = seglab(at, &["repair", "."]).ends(1);
    assert!(repaired.contains("-  - allow: {from: web, to: db, service: tcp/22}"), "{repaired}");
}

#[test]
fn a_plan_that_cannot_be_read_is_said_where_it_is_named() {
    let at = folder(&[("seglab.yaml", &lab(WEB))]);
    let run = seglab(at.path(), &["verify", "."]);
    let said = run.err.clone();
    run.ends(2);
    assert!(said.contains("plans/approved.yaml` does not exist") && said.contains("seglab.yaml:10:"), "{said}");
    // What is wrong in it is wrong there.
    write(at.path(), "plans/approved.yaml", &APPROVED.replace("app=db", "app=="));
    let run = seglab(at.path(), &["verify", "."]);
    let said = run.err.clone();
    run.ends(2);
    assert!(said.contains("plans/approved.yaml:6:"), "{said}");
    assert!(!at.path().join("c").exists());
    write(at.path(), "plans/approved.yaml", APPROVED);
    seglab(at.path(), &["verify", "."]).ends(0);
}

/// The certificate binds both designs: the other's normal form stands in the claim.
#[test]
fn what_is_within_a_plan_is_proved_by_a_certificate() {
    let at = folder(&[("seglab.yaml", &lab(WEB)), ("plans/approved.yaml", APPROVED)]);
    let at = at.path();
    seglab(at, &["verify", ".", "--certificates", "c"]).ends(0);
    let check = ["check", ".", "--certificates", "c"];
    let checked = seglab(at, &check).ends(0);
    assert!(checked.contains("1 accepted, 0 refused"), "{checked}");
    write(at, "plans/approved.yaml", &APPROVED.replace("tcp/5432}\nprop", "tcp/5433}\nprop"));
    let checked = seglab(at, &check).ends(1);
    assert!(checked.contains("REFUSED: normal-form.txt is not what the sources say now"), "{checked}");
}
