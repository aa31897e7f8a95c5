//! `seglab diff`: two designs, two formats, two revisions.

use crate::designs::{PODS, UNMODELLED, site, site_text};
use crate::program::{Run, command, folder, seglab, write};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The pods before and after somebody lets everything of the namespace reach the database, on another port.
fn opened() -> TempDir {
    let after = PODS.replace("from: [{podSelector: {matchLabels: {app: web}}}]", "from: [{podSelector: {}}]");
    let after = after.replace("ports: [{port: 5432}]", "ports: [{port: 5432}, {port: 22}]");
    assert_ne!(after, PODS);
    let job = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: nightly, namespace: shop}\nspec:\n  template:\n    metadata: {labels: {app: nightly}}\n    spec: {restartPolicy: Never, containers: [{name: job}]}\n";
    folder(&[("old/pods.yaml", &format!("{PODS}{job}")), ("new/pods.yaml", &format!("{after}{job}"))])
}

fn diff(at: &TempDir, arguments: &[&str]) -> Run {
    seglab(at.path(), &[&["diff"], arguments].concat())
}

/// The kinds of a section's changes, with from, to, connections and pairs.
fn changes(document: &Value, section: usize) -> Vec<String> {
    let changes = document["sections"][section]["changes"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |one: &Value| {
        let (from, to) = (text(&one["from"]["name"]), text(&one["to"]["name"]));
        format!("{} {from} -> {to} {} ({})", text(&one["kind"]), text(&one["connections"]), one["pairs"])
    };
    changes.iter().map(line).collect()
}

/// What follows the heading, which names versions that differ between machines and releases.
fn body(out: &str) -> &str {
    out.split_once("\nold: ").expect("the old design").1
}

#[test]
fn text_says_who_what_how_many_and_why() {
    let out = diff(&opened(), &["old", "new"]).ends(0);
    insta::assert_snapshot!(body(&out));
}

#[test]
fn lateral_text_shows_the_path_and_where_it_was_stopped() {
    let at = site();
    let after = site_text().replace("{from: workstation, to: payroll,", "{from: app=web, to: payroll,");
    assert_ne!(after, site_text());
    write(at.path(), "new.yaml", &after);
    let out = diff(&at, &["seglab.yaml", "new.yaml", "--lateral", "--trust", "intact"]).ends(0);
    insta::assert_snapshot!(body(&out));
}

#[test]
fn markdown_for_merge_requests() {
    let out = diff(&opened(), &["old", "new", "--format", "markdown", "--pivot", "any"]).ends(0);
    insta::assert_snapshot!(out.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn json_has_everything() {
    let document = diff(&opened(), &["old", "new", "--format", "json", "--pivot", "any,service"]).json(0);
    assert_eq!(document["schema"], "seglab/diff/v1");
    assert_eq!(document["tool"]["version"], env!("CARGO_PKG_VERSION"));
    for design in ["old", "new"] {
        assert_eq!(document[design]["inputs"][0]["sha256"].as_str().map(str::len), Some(64));
    }
    assert_eq!(
        changes(&document, 0),
        [
            "gained shop/web[Deployment] -> shop/db[Pod] TCP 22 (3)",
            "gained shop/nightly[Job] -> shop/db[Pod] TCP 22,5432 (1)",
        ]
    );
    let sections: Vec<(&Value, &Value)> = document["sections"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|section| (&section["relation"], &section["pivot"]))
        .collect();
    assert_eq!(
        sections,
        [(&"direct".into(), &Value::Null), (&"lateral".into(), &"any".into()), (&"lateral".into(), &"service".into())]
    );
    let first = &document["sections"][0]["changes"][0];
    assert_eq!(first["touches"], serde_json::json!([]));
    let responsible = first["responsible"].as_array().expect("a list");
    let said: Vec<(&str, &str)> = responsible
        .iter()
        .map(|one| (one["design"].as_str().expect("a text"), one["why"].as_str().expect("a text")))
        .collect();
    assert_eq!(responsible[0]["location"], serde_json::json!({"path": "new/pods.yaml", "line": 27, "column": 14}));
    assert_eq!(
        said,
        [
            ("new", "allow namespace=shop -> namespace=shop and app=db tcp/5432 or tcp/22"),
            ("old", "no rule of the tier matches: deny"),
        ]
    );
    assert_eq!((&first["before"]["outcome"], &first["after"]["outcome"]), (&"denied".into(), &"allowed".into()));
}

#[test]
fn exit_codes_for_the_gate() {
    let at = opened();
    for (fail_on, there, back) in [("gained", 1, 0), ("lost", 0, 1), ("any", 1, 1)] {
        diff(&at, &["old", "new", "--fail-on", fail_on]).ends(there);
        diff(&at, &["new", "old", "--fail-on", fail_on]).ends(back);
        diff(&at, &["old", "old", "--fail-on", fail_on]).ends(0);
    }
    diff(&at, &["old", "new"]).ends(0);
    // What is not listed counts.
    diff(&at, &["old", "new", "--fail-on", "gained", "--limit", "0"]).ends(1);
}

#[test]
fn what_is_unknown_is_undecided_and_never_equal() {
    let at = opened();
    write(at.path(), "unknown/pods.yaml", PODS);
    write(at.path(), "unknown/more.yaml", UNMODELLED);
    write(at.path(), "plain/pods.yaml", PODS);
    let document = diff(&at, &["plain", "unknown", "--format", "json"]).json(3);
    assert!(changes(&document, 0).iter().all(|change| change.starts_with("became-unknown ")), "{document:#}");
    assert!(document["new"]["unmodelled"][0]["what"].as_str().is_some_and(|what| what.contains("CiliumNetworkPolicy")));
    let document = diff(&at, &["unknown", "unknown", "--format", "json"]).json(3);
    assert!(changes(&document, 0).iter().all(|change| change.starts_with("still-unknown ")), "{document:#}");
    for fail_on in ["gained", "lost", "any"] {
        diff(&at, &["plain", "unknown", "--fail-on", fail_on]).ends(3);
    }
    let out = diff(&at, &["plain", "unknown"]).ends(3);
    assert!(out.contains("not modelled: CiliumNetworkPolicy shop/more (unknown/more.yaml:3)"), "{out}");
}

/// The same cluster as manifests and as a lab file of its own: other rules, other tiers, the same meaning.
#[test]
fn formats_may_differ() {
    let lab = "\
seglab: 1
units:
  - {name: 'shop/db[Pod]', labels: {app: db}, addresses: [10.0.0.9, 'fd00::9'], listens: [tcp/5432]}
  - {name: 'shop/web[Deployment]#1', owner: 'shop/web[Deployment]', labels: {app: web}, addresses: [10.0.0.1, 'fd00::1'], listens: [tcp/8080]}
  - {name: 'shop/web[Deployment]#2', owner: 'shop/web[Deployment]', labels: {app: web}, addresses: [10.0.0.2, 'fd00::2'], listens: [tcp/8080]}
  - {name: 'shop/web[Deployment]#3', owner: 'shop/web[Deployment]', labels: {app: web}, addresses: [10.0.0.3, 'fd00::3'], listens: [tcp/8080]}
policy:
  - allow: {from: app=web, to: app=db, service: tcp/5432}
  - allow: {from: app=web, to: app=web}
  - allow: {from: app=web, to: external}
  - allow: {from: external, to: app=web}
";
    let at = folder(&[("pods.yaml", PODS), ("lab/seglab.yaml", lab)]);
    let document = diff(&at, &["pods.yaml", "lab", "--format", "json"]).json(0);
    assert_eq!(changes(&document, 0), [""; 0], "{document:#}");
    write(at.path(), "lab/seglab.yaml", &lab.replace("service: tcp/5432", "service: tcp/5433"));
    let document = diff(&at, &["pods.yaml", "lab", "--format", "json"]).json(0);
    assert_eq!(
        changes(&document, 0),
        [
            "gained shop/web[Deployment] -> shop/db[Pod] TCP 5433 (3)",
            "lost shop/web[Deployment] -> shop/db[Pod] TCP 5432 (3)",
        ]
    );
}

#[test]
fn wrong_command_lines() {
    let at = opened();
    let refused = |arguments: &[&str], message: &str| {
        let run = diff(&at, arguments);
        assert!(run.err.contains(message), "no `{message}` in\n{}", run.err);
        assert_eq!(run.ends(2), "", "{arguments:?}");
    };
    refused(&["old"], "compares two designs, and one is named");
    refused(&["old", "new", "new"], "unexpected value 'new'");
    refused(&["old", "new", "--rev", "HEAD"], "`--rev` compares revisions of one folder");
    refused(&["old", "new", "--hops", "0"], "invalid value '0'");
    refused(&["old", "new", "--pivot", "nothing"], "invalid value 'nothing'");
    refused(&["old", "gone"], "`gone` does not exist");
    refused(&["-", "-"], "standard input is empty");
}

/// A repository with manifests in a folder; `None`, with a message, without git.
fn repository() -> Option<TempDir> {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("skipped: there is no git");
        return None;
    }
    let at = folder(&[("deploy/shop/pods.yaml", PODS), ("README", "nothing\n")]);
    git(at.path(), &["init", "--quiet", "--initial-branch", "main"]);
    commit(at.path());
    git(at.path(), &["tag", "first"]);
    Some(at)
}

fn git(at: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(at).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "somebody").env(format!("GIT_{who}_EMAIL"), "somebody@example.org");
    }
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn commit(at: &Path) {
    git(at, &["add", "--all"]);
    git(at, &["commit", "--quiet", "--message", "a change"]);
}

#[test]
fn revisions_of_a_folder() {
    let Some(at) = repository() else { return };
    let (pods, opened) = ("deploy/shop/pods.yaml", PODS.replace("port: 5432}]", "port: 22}]"));
    write(at.path(), pods, &opened);
    commit(at.path());
    // Neither the working tree nor the index counts, and neither is touched.
    write(at.path(), pods, "kind: {");
    write(at.path(), "deploy/shop/new.yaml", "not: [closed");
    let before = git(at.path(), &["status", "--porcelain=v2", "--branch"]);
    let gained = |range: &str, folder: &str| {
        let document = diff(&at, &[folder, "--rev", range, "--format", "json"]).json(0);
        assert_eq!(
            changes(&document, 0),
            [
                "gained shop/web[Deployment] -> shop/db[Pod] TCP 22 (3)",
                "lost shop/web[Deployment] -> shop/db[Pod] TCP 5432 (3)",
            ],
            "{range}"
        );
        document
    };
    for range in ["first..main", "HEAD~1..HEAD", "first..", "first...main"] {
        gained(range, "deploy/shop");
    }
    let document = gained("first..main", "deploy/shop");
    assert_eq!(document["old"]["inputs"][0]["path"], "first:deploy/shop/pods.yaml");
    assert_eq!(document["new"]["commit"], git(at.path(), &["rev-parse", "HEAD"]).trim());
    let responsible = document["sections"][0]["changes"][0]["responsible"][0]["location"]["path"].clone();
    assert_eq!(responsible, "main:deploy/shop/pods.yaml");
    gained("first..main", "deploy/shop/pods.yaml");
    gained("first..main", "./deploy/");
    gained("first..main", ".");
    let inside =
        command(&at.path().join("deploy"), &["diff", "shop", "--rev", "first..main"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&inside.stdout).contains("main:deploy/shop/pods.yaml:"));
    assert_eq!(git(at.path(), &["status", "--porcelain=v2", "--branch"]), before);
    // A folder that is gone now was there then.
    std::fs::remove_dir_all(at.path().join("deploy")).expect("a folder");
    gained("first..main", "deploy/shop");
}

/// One revision alone is compared with what is in the folder now, committed or not.
#[test]
fn a_revision_and_the_folder_as_it_is() {
    let Some(at) = repository() else { return };
    let out = diff(&at, &["deploy", "--rev", "first"]).ends(0);
    assert!(out.ends_with("Nothing that may connect or be owned differs.\n"), "{out}");
    write(at.path(), "deploy/shop/pods.yaml", &PODS.replace("replicas: 3", "replicas: 4"));
    let out = diff(&at, &["deploy", "--rev", "first"]).ends(0);
    assert!(out.contains("added    shop/web[Deployment] (deploy/shop/pods.yaml:"), "{out}");
    assert!(out.contains("source added") && out.contains("1 pair of units"), "{out}");
}

/// A lab file's sources are read from its own revision, wherever in the repository they are, links included.
#[test]
fn sources_are_of_the_same_revision() {
    let Some(at) = repository() else { return };
    write(at.path(), "lab/seglab.yaml", "seglab: 1\nsources: [{kubernetes: ../deploy/shop}]\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink("../deploy", at.path().join("lab/link")).expect("a link");
    commit(at.path());
    write(at.path(), "deploy/shop/pods.yaml", &PODS.replace("port: 5432}]", "port: 22}]"));
    commit(at.path());
    std::fs::remove_dir_all(at.path().join("deploy")).expect("a folder");
    let document = diff(&at, &["lab", "--rev", "HEAD~1..HEAD", "--format", "json"]).json(0);
    assert_eq!(document["sections"][0]["counts"].as_array().map(Vec::len), Some(2), "{document:#}");
    if cfg!(unix) {
        let linked = diff(&at, &["lab/link/shop", "--rev", "HEAD~1..HEAD", "--format", "json"]).json(0);
        assert_eq!(changes(&linked, 0), changes(&document, 0));
    }
}

#[test]
fn revisions_that_are_none() {
    let Some(at) = repository() else { return };
    let refused = |run: Run, message: &str| {
        assert!(run.err.contains(message) && run.err.contains("= help: "), "no `{message}` in\n{}", run.err);
        assert_eq!(run.ends(2), "");
    };
    refused(diff(&at, &["deploy", "--rev", "nothing..main"]), "`nothing` is no revision of the repository");
    refused(diff(&at, &["deploy", "--rev=--upload-pack=x"]), "`--upload-pack=x` is no revision of the repository");
    refused(diff(&at, &["elsewhere", "--rev", "first..main"]), "`first:elsewhere` does not exist");
    write(at.path(), "deploy/shop/pods.yaml", "kind: {");
    commit(at.path());
    refused(diff(&at, &["deploy", "--rev", "first..main"]), "--> main:deploy/shop/pods.yaml:1:");
    let bare = folder(&[("pods.yaml", PODS)]);
    let outside = |path: &str| {
        let mut command = command(bare.path(), &["diff", ".", "--rev", "first"]);
        let output = command.env("GIT_CEILING_DIRECTORIES", bare.path()).env("PATH", path).output().expect("it runs");
        Run {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    refused(outside(&std::env::var("PATH").expect("a path")), "`.` is in no git repository");
    refused(outside(""), "needs git, and there is none on the path");
}
