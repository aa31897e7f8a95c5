//! `paths`: the attacker's best plans, of lab files and of NASim scenarios.

use crate::designs::{PODS, site};
use crate::program::{body, folder, public, seglab};

#[test]
fn a_plan_is_told_step_by_step() {
    let at = site();
    let text = seglab(at.path(), &["paths", "."]).ends(0);
    assert!(
        text.contains("the attacker through-the-site starts on web; pivot exploitable, trust own-agent-void"),
        "{text}"
    );
    let plan = text.split("mail-db, by expected-cost, from web\n").nth(1).expect("a plan");
    let steps: Vec<&str> = plan.split("\n\n").next().unwrap().lines().collect();
    assert!(steps[0].starts_with("  1. T1552     web finds mail-db-password (cost 1"), "{text}");
    assert!(
        steps[1].starts_with("  2. T1078     web logs in to mail-db with mail-db-password (cost 1, works 90"),
        "{text}"
    );
    assert_eq!(steps[2].trim(), "web -> mail-db tcp/5432");
    assert!(steps[3].contains("seglab.yaml:") && steps[3].contains("allow"), "{text}");
    assert!(text.contains("payroll: nothing leads there"), "{text}");
}

#[test]
fn json_has_the_four_numbers_and_the_plans() {
    let at = site();
    let document = seglab(at.path(), &["paths", ".", "--to", "mail-db", "--format", "json"]).json(0);
    assert_eq!(document["schema"], "seglab/paths/v1");
    let goal = &document["goals"][0];
    assert_eq!(goal["units"][0], "mail-db");
    assert_eq!((&goal["fewest_actions"], &goal["least_cost"]), (&2.0.into(), &2.0.into()));
    let expected = goal["expected_cost"].as_f64().unwrap();
    assert!((expected - (1.0 + 1.0 / 0.9)).abs() < 1e-12);
    let seconds = goal["expected_time_ns"].as_f64().unwrap() / 1e9;
    assert!((seconds - 60.0 / 0.9).abs() < 1e-6);
    assert_eq!(goal["optimal"], true);
    let step = &goal["plans"][0]["steps"][1];
    assert_eq!((&step["technique"], &step["with"]), (&"T1078".into(), &"mail-db-password".into()));
    assert_eq!(step["connection"]["outcome"], "allowed");
    // From outside the vulnerability of the site has to be used first.
    let outside = ["paths", ".", "--from", "internet", "--to", "mail-db", "--format", "json"];
    let document = seglab(at.path(), &outside).json(0);
    let steps = document["goals"][0]["plans"][0]["steps"].as_array().unwrap().clone();
    assert_eq!(steps[0]["technique"], "T1190");
    assert!(steps[0]["by"].is_null() && steps[0]["takes"][0] == "web");
    assert_eq!(document["goals"][0]["fewest_actions"], 3.0);
}

#[test]
fn markdown_has_a_table_and_the_steps() {
    let at = site();
    let text = seglab(at.path(), &["paths", ".", "--format", "markdown", "--objective", "fewest-actions"]).ends(0);
    assert!(text.starts_with("# Best attack plans: marketing site\n"), "{text}");
    assert!(text.contains("| mail-db | 2 | 2 | 2.1111 | 1.1 min |"), "{text}");
    assert!(
        text.contains("## mail-db\n") && text.contains("1. web finds mail-db-password (T1552 Unsecured Credentials"),
        "{text}"
    );
}

/// Three credentials, of which each place holds two: two places are enough, and what is easily seen is that one is needed.
#[test]
fn too_little_effort_gives_a_bound() {
    let lab = "seglab: 1
units:
  - {name: base}
  - {name: first, host: base, credentials: [a, b]}
  - {name: second, host: base, credentials: [b, c]}
  - {name: third, host: base, credentials: [a, c]}
  - {name: ta, labels: {role: t}, listens: [tcp/22], logins: [{credential: a, service: tcp/22}], critical: 1}
  - {name: tb, labels: {role: t}, listens: [tcp/22], logins: [{credential: b, service: tcp/22}], critical: 1}
  - {name: tc, labels: {role: t}, listens: [tcp/22], logins: [{credential: c, service: tcp/22}], critical: 1}
policy:
  - allow: {from: base, to: role=t, service: tcp/22}
attackers: [{foothold: base}]
";
    let at = folder(&[("seglab.yaml", lab)]);
    let all = |document: &serde_json::Value| document["goals"][3].clone();
    let exact = all(&seglab(at.path(), &["paths", ".", "--format", "json"]).json(0));
    assert_eq!((&exact["fewest_actions"], &exact["optimal"]), (&5.0.into(), &true.into()));
    let bounded = all(&seglab(at.path(), &["paths", ".", "--effort", "1", "--format", "json"]).json(3));
    assert_eq!((&bounded["fewest_actions"], &bounded["optimal"]), (&5.0.into(), &false.into()));
    assert_eq!(bounded["at_least"]["fewest_actions"], 4.0);
    let text = seglab(at.path(), &["paths", ".", "--effort", "1"]).ends(3);
    assert!(text.contains("4 to 5"), "{text}");
}

/// A scenario is a design for every command, and what `explain` says of a connection is what the plan went by.
#[test]
fn scenarios_are_designs() {
    let Some(data) = public("nasim") else { return };
    let tiny = data.join("tiny.yaml");
    let tiny = tiny.to_str().unwrap();
    let at = folder(&[]);
    let text = seglab(at.path(), &["paths", tiny, "--objective", "fewest-actions"]).ends(0);
    let numbers = text.lines().find(|line| line.starts_with("all 2")).expect("a row").split_whitespace();
    assert_eq!(numbers.collect::<Vec<_>>(), ["all", "2", "6", "6", "6.75", "–"]);
    let told =
        seglab(at.path(), &["explain", tiny, "--from", "host-1-0", "--to", "host-2-0", "--port", "tcp/22"]).ends(0);
    assert!(body(&told).starts_with("host-1-0 -> host-2-0 tcp/22: denied\n"), "{told}");
    let told =
        seglab(at.path(), &["explain", tiny, "--from", "host-3-0", "--to", "host-2-0", "--port", "tcp/22"]).ends(0);
    assert!(body(&told).starts_with("host-3-0 -> host-2-0 tcp/22: allowed\n"), "{told}");
    seglab(at.path(), &["verify", tiny, "--cross-check", "always"]).ends(0);
    seglab(at.path(), &["reach", tiny, "--lateral", "exploitable"]).ends(0);
    seglab(at.path(), &["surface", tiny]).ends(0);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let at = site();
    for (arguments, said) in [
        (&["paths", ".", "--attacker", "nobody"][..], "declares no attacker `nobody`"),
        (&["paths", ".", "--to", "app=nothing"], "selects no unit"),
        (&["paths", ".", "--from", "app="], "`--from app=`"),
        (&["paths", ".", "--effort", "0"], "--effort"),
    ] {
        let run = seglab(at.path(), arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}\n{}", run.out);
        assert!(run.err.contains(said) && run.out.is_empty(), "{}", run.err);
    }
    let pods = folder(&[("pods.yaml", PODS)]);
    let run = seglab(pods.path(), &["paths", "."]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("the design has no critical unit"), "{}", run.err);
    // A scenario with a mistake in it is refused with its place.
    let broken = "subnets: [1]\ntopology: [[1, 1], [1, 1]]\nsensitive_hosts: {}\nexploits:\n  e: {prob: 2}\n";
    let at = folder(&[("broken.yaml", broken)]);
    let run = seglab(at.path(), &["paths", "broken.yaml"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.err.contains("--> broken.yaml:5:13\n") && run.err.contains("the probability of `e` is 2"),
        "{}",
        run.err
    );
}
