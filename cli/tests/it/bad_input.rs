//! Input that is no design: a clear error with its place and what to do, exit code 2, and nothing left behind.

use crate::program::{Run, bytes, folder, listing, seglab, seglab_reading, seglab_within, write};
use std::time::Duration;

/// A policy with `spec` under its pods' selector.
fn policy(spec: &str) -> String {
    let head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec:\n";
    format!("{head}  podSelector: {{}}\n{spec}")
}

/// A lab file of two units and whatever else.
fn lab(rest: &str) -> String {
    format!(
        "seglab: 1\nunits:\n  - {{name: web, addresses: [10.0.0.1]}}\n  - {{name: db, addresses: [10.0.0.2]}}\n{rest}"
    )
}

/// Every command that reads a design refuses this file: the message and its place are on standard error, with what to
/// do, and neither standard output nor the folder holds anything of a result.
#[track_caller]
fn check(name: &str, text: &str, place: &str, message: &str) {
    let at = folder(&[(name, text), ("kept/result", "of another run\n")]);
    let before = listing(at.path());
    let commands: [&[&str]; 7] = [
        &["verify", name, "-o", "kept/result"],
        &["verify", name, "-o", "new/result", "--format", "sarif", "--timings", "new/timings.json"],
        &["report", name, "-o", "new"],
        &["reach", name, "--format", "csv"],
        &["compare", name, name, "--plot", "new.svg"],
        &["explain", name, "--from", "web", "--to", "db", "--port", "tcp/1"],
        &["simulate", name],
    ];
    for arguments in commands {
        refused(&seglab(at.path(), arguments), &format!("--> {name}:{place}\n"), message);
        assert_eq!(listing(at.path()), before, "{arguments:?} left something behind");
    }
    assert_eq!(bytes(at.path(), "kept/result"), b"of another run\n");
    refused(&seglab_reading(at.path(), &["verify", "-"], text), &format!("--> -:{place}\n"), message);
}

/// The other place that the refusal of this file speaks of, and the line that is shown under it.
#[track_caller]
fn also(name: &str, text: &str, place: &str, line: &str) {
    let at = folder(&[(name, text)]);
    let err = seglab(at.path(), &["verify", name]).err;
    let (_, shown) =
        err.split_once(&format!("::: {name}:{place}\n")).unwrap_or_else(|| panic!("no `{place}` in\n{err}"));
    let number = place.split(':').next().expect("a line");
    assert!(shown.contains(&format!("{number} | {line}")), "no `{line}` in\n{err}");
}

#[track_caller]
fn refused(run: &Run, place: &str, message: &str) {
    let Run { code, out, err } = run;
    assert_eq!(*code, Some(2), "\n{out}\n{err}");
    assert_eq!(out, "");
    assert!(err.starts_with("error: ") && err.contains("= help: "), "{err}");
    assert!(err.contains(place), "no `{place}` in\n{err}");
    assert!(err.contains(message), "no `{message}` in\n{err}");
    assert!(!err.contains("panicked") && !err.contains("seglab_"), "{err}");
}

#[test]
fn invalid_yaml() {
    check("p.yaml", &policy("  ingress: [\n"), "6:12", "invalid YAML");
    check("seglab.yaml", &lab("policy: []\n").replace("0.2]}", "0.2"), "5:7", "[invalid-yaml]");
}

#[test]
fn a_tab() {
    check("p.yaml", &policy("\tpolicyTypes: [Ingress]\n"), "6:1", "a tab indents the line");
    check("seglab.yaml", &lab("policy:\n\t- allow: {from: web, to: db}\n"), "6:1", "a tab indents the line");
}

#[test]
fn form_for_from() {
    let text = policy("  ingress:\n    - form: [{podSelector: {matchLabels: {app: web}}}]\n");
    check("p.yaml", &text, "7:7", "`form`");
    check("seglab.yaml", &lab("policy:\n  - allow: {form: web, to: db}\n"), "6:13", "`form`");
}

#[test]
fn unknown_versions() {
    check("p.yaml", &policy("").replace("io/v1", "io/v9"), "1:13", "`networking.k8s.io/v9`");
    check("seglab.yaml", &lab("").replace("seglab: 1", "seglab: 9"), "1:9", "version 9 of the lab file");
}

#[test]
fn ports_out_of_range() {
    check("p.yaml", &policy("  ingress: [{ports: [{port: 70000}]}]\n"), "6:29", "`70000`");
    check("seglab.yaml", &lab("policy:\n  - allow: {from: web, to: db, service: tcp/70000}\n"), "6:45", "`70000`");
}

#[test]
fn port_ranges_the_wrong_way_round() {
    check(
        "p.yaml",
        &policy("  ingress: [{ports: [{port: 90, endPort: 80}]}]\n"),
        "6:42",
        "the last port `80` is below the first, `90`",
    );
    check(
        "seglab.yaml",
        &lab("policy:\n  - allow: {from: web, to: db, service: tcp/90-80}\n"),
        "6:45",
        "the last port of `90-80` is below the first",
    );
}

#[test]
fn invalid_address_ranges() {
    let text = policy("  ingress:\n    - from: [{ipBlock: {cidr: 10.0.0.0/33}}]\n");
    check("p.yaml", &text, "7:31", "`10.0.0.0/33`");
    check("seglab.yaml", &lab("policy:\n  - allow: {from: 10.0.0.0/33, to: db}\n"), "6:19", "`10.0.0.0/33`");
}

#[test]
fn exceptions_outside_their_range() {
    let text = policy("  ingress:\n    - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]\n");
    check("p.yaml", &text, "7:52", "the exception `11.0.0.0/16` is not a part of `10.0.0.0/8`");
    also("p.yaml", &text, "7:31: what it is taken from", "    - from: [{ipBlock: {cidr: 10.0.0.0/8");
    let text = lab("policy:\n  - allow: {from: 10.0.0.0/8 except 11.0.0.0/16, to: db}\n");
    check("seglab.yaml", &text, "6:37", "the exception `11.0.0.0/16` is not a part of `10.0.0.0/8`");
    also("seglab.yaml", &text, "6:19: what it is taken from", "  - allow: {from: 10.0.0.0/8");
}

#[test]
fn two_units_with_one_id() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: []}\n";
    check("p.yaml", &format!("{pod}---\n{pod}"), "8:18", "`Pod shop/web` is there twice");
    also("p.yaml", &format!("{pod}---\n{pod}"), "3:18: the first of the two", "metadata: {name: web");
    let twice = lab("").replace("name: db", "name: web");
    check("seglab.yaml", &twice, "4:5", "two units are called `web`");
    also("seglab.yaml", &twice, "3:5: the first of the two", "  - {name: web, addresses: [10.0.0.1]}");
}

#[test]
fn two_units_with_one_address() {
    let twice = lab("").replace("10.0.0.2", "10.0.0.1");
    check("seglab.yaml", &twice, "4:5", "`db` and `web` both have the address 10.0.0.1");
    also("seglab.yaml", &twice, "3:5: the first of the two", "  - {name: web, addresses: [10.0.0.1]}");
    // Declared, or in different address spaces, it is no contradiction.
    for (from, to) in [
        ("addresses: [10.0.0.1]", "interfaces: [{address: 10.0.0.1, shared: true}]"),
        ("name: db,", "name: db, space: other,"),
    ] {
        let at = folder(&[("seglab.yaml", &twice.replace(from, to))]);
        seglab(at.path(), &["verify", "."]).ends(0);
    }
}

/// Numbers that there cannot be, and what a simulation would need and is not there.
#[test]
fn what_cannot_be_simulated() {
    for (line, place, message) in [
        ("attackers: [{foothold: web, scan-rate: 0/s}]", "5:40", "the rate `0/s` is not above zero"),
        ("needs: [{from: web, to: db, service: tcp/1, rate: -2/h}]", "5:51", "the rate `-2/h` is not above zero"),
        ("attackers: [{foothold: web, exploit: {probability: 1.5, mean: 1s}}]", "5:52", "`1.5` is not a probability"),
        ("monitor: {denied-alerts: -0.1, response: 1h}", "5:26", "`-0.1` is not a probability"),
        (
            "tradecraft: {exploits: [{vulnerability: hole, present: 1.2, probability: 1, mean: 1s}]}",
            "5:56",
            "the chance to be present is 1.2",
        ),
        ("enforcement: [{agent: {on: all, coverage: 2}}]", "5:43", "`2` is not a probability"),
        ("attackers: [{foothold: app=attic}]", "5:24", "the foothold `app=attic` selects no unit"),
        ("attackers: [{foothold: attic}]", "5:24", "no segment or unit is called `attic`"),
        (
            "services: [{name: shop, on: web, port: tcp/443, takes: 1ms, needs: [store]}]",
            "5:69",
            "no service is called `store`",
        ),
    ] {
        check("seglab.yaml", &lab(&format!("{line}\n")), place, message);
    }
}

#[test]
fn a_property_without_its_target() {
    check("seglab.yaml", &lab("properties:\n  - isolated: {from: web, to: bd}\n"), "6:31", "`bd`");
    check("seglab.yaml", &lab("properties:\n  - isolated: {from: web}\n"), "6:16", "the key `to` is missing");
}

#[test]
fn synchronous_requests_in_a_circle() {
    let need = |from, to| format!("  - {{from: {from}, to: {to}, service: tcp/1, synchronous: true}}\n");
    let text = lab(&format!("needs:\n{}{}", need("web", "db"), need("db", "web")));
    check("seglab.yaml", &text, "6:5", "synchronous needs wait for each other");
}

/// Errors without a line: no file is read that one could stand in.
#[test]
fn nothing_to_read() {
    let at = folder(&[("empty/README", "no manifests here"), ("blank.yaml", "")]);
    let before = listing(at.path());
    for (path, message) in [
        ("empty", "the folder `empty` holds no file that ends in `.yaml`, `.yml` or `.json`"),
        ("blank.yaml", "there are no Kubernetes objects in the input"),
        ("absent", "`absent` does not exist"),
    ] {
        refused(&seglab(at.path(), &["verify", path, "-o", "out"]), "", message);
        refused(&seglab(at.path(), &["report", path, "-o", "out"]), "", message);
        assert_eq!(listing(at.path()), before);
    }
    refused(&seglab_reading(at.path(), &["verify", "-"], ""), "", "standard input is empty");
}

/// A file of 200 MB is refused by its size, alone and in a folder, before it is read.
#[test]
fn a_huge_file() {
    let at = folder(&[("big/ok.yaml", &policy(""))]);
    let huge = std::fs::File::create(at.path().join("big/huge.yaml")).unwrap();
    huge.set_len(200 << 20).unwrap();
    for path in ["big", "big/huge.yaml"] {
        let run = seglab_within(Duration::from_secs(2), at.path(), &["report", path, "-o", "out"]);
        refused(&run, "", "`big/huge.yaml` is too large");
    }
    assert_eq!(listing(at.path()), ["big", "big/huge.yaml", "big/ok.yaml"]);
}

/// A selector that selects nothing is probably a mistake, and may be meant: a warning that counts.
#[test]
fn a_selector_that_selects_nothing() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {containers: []}\n";
    let policies = policy("  ingress: []\n").replace("{}", "{matchLabels: {app: wbe}}");
    let two = format!("{pod}---\n{policies}---\n{}", policies.replace("name: p", "name: q"));
    // Nothing isolates the pod, so the claims that are made without a lab file are violated as well.
    warned("p.yaml", &two, 1, "selects-nothing", &[10, 17]);
    let rules = "policy:\n  - allow: {from: app=wbe, to: db}\n  - deny: {from: web, to: app=bd}\n";
    warned("seglab.yaml", &lab(rules), 0, "selects-nothing", &[6, 7]);
}

#[track_caller]
fn warned(name: &str, text: &str, exit: i32, code: &str, lines: &[u64]) {
    let at = folder(&[(name, text)]);
    let run = seglab(at.path(), &["verify", name, "--format", "json"]);
    let document = run.json(exit);
    let found = document["diagnostics"].as_array().expect("a list").iter().filter(|one| one["code"] == code);
    let found: Vec<_> = found.collect();
    assert!(found.iter().all(|one| one["severity"] == "warning"));
    let at_lines: Vec<u64> = found.iter().map(|one| one["location"]["line"].as_u64().unwrap()).collect();
    assert_eq!(at_lines, lines);
    let out = seglab(at.path(), &["verify", name]).ends(exit);
    assert!(out.contains(&format!("warning: {code} ({})", lines.len())), "{out}");
    let reach = seglab(at.path(), &["reach", name]);
    assert!(reach.err.matches(&format!("[{code}]")).count() == lines.len(), "{}", reach.err);
    assert!(reach.err.contains(&format!("--> {name}:{}:", lines[0])), "{}", reach.err);
    reach.ends(0);
}

/// What cannot be written is an error of its own, and no part of a result stays.
#[test]
fn results_that_cannot_be_written() {
    let at = folder(&[("p.yaml", &policy("")), ("file", "in the way\n")]);
    write(at.path(), "p.yaml", &format!("{}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\n", policy("")));
    let before = listing(at.path());
    for arguments in [
        ["verify", "p.yaml", "-o", "file/result"],
        ["report", "p.yaml", "-o", "file"],
        ["verify", "p.yaml", "--timings", "file/timings.json"],
        // Folders that were made for it are gone as well.
        ["verify", "p.yaml", "-o", &format!("new/deep/{}", "x".repeat(300))],
    ] {
        let run = seglab(at.path(), &arguments);
        assert_eq!(run.code, Some(2), "{}", run.err);
        let place = if arguments.iter().any(|argument| argument.starts_with("new")) { "new/deep/" } else { "file" };
        let words = format!("error: cannot write `{place}");
        assert!(run.err.starts_with(&words) && run.err.contains("= help: "), "{}", run.err);
        assert_eq!(listing(at.path()), before);
    }
    assert_eq!(bytes(at.path(), "file"), b"in the way\n");
}

/// A device or a pipe is written to, never replaced by a file; a link keeps pointing at its file.
#[cfg(unix)]
#[test]
fn results_go_where_a_path_leads() {
    let at = folder(&[("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"), ("kept/file", "old\n")]);
    std::os::unix::fs::symlink("kept/file", at.path().join("link")).expect("a link");
    let piped = seglab(at.path(), &["verify", "pod.yaml", "-o", "/dev/stdout"]);
    assert!(piped.ends(1).contains("design pod"));
    seglab(at.path(), &["verify", "pod.yaml", "-o", "link"]).ends(1);
    assert!(at.path().join("link").is_symlink());
    assert!(String::from_utf8_lossy(&bytes(at.path(), "kept/file")).contains("design pod"));
}

/// A wrong command line says what is right.
#[test]
fn wrong_command_lines() {
    let at = folder(&[("seglab.yaml", &lab("policy: []\n"))]);
    let cases: [(&[&str], &str); 15] = [
        (&[], "Usage: seglab"),
        (&["prove", "."], "unrecognized subcommand 'prove'"),
        (&["verify", ".", "--frmat", "json"], "--format"),
        (&["simulate", ".", "--replicas", "0"], "--replicas"),
        (&["simulate", ".", "--horizon", "soon"], "`--horizon soon`"),
        (
            &["simulate", ".", "--horizon", "0s"],
            "`--horizon 0s`: nothing happens in no time\n   = help: write a duration",
        ),
        (&["compare", ".", ".", "--tornado", "x.svg"], "--sensitivity"),
        (&["report", ".", "-o", "out", "--vary", "response=1h..2h"], "--sensitivity"),
        (&["report", ".", "-o", "out", "--sensitivity"], "not every design has an attacker"),
        (&["simulate", ".", "--precision", "0"], "`0` is no precision"),
        (&["simulate", ".", "--precision", "0.1"], "no chance to be precise about"),
        (&["explain", ".", "--from", "wbe", "--to", "db", "--port", "tcp/1"], "`--from wbe` is no unit"),
        (&["explain", ".", "--from", "web", "--to", "db", "--port", "tcp/70000"], "`--port tcp/70000`"),
        (&["reach", ".", "--from", "app in web"], "`--from app in web`"),
        (&["generate", "--units", "5", "--rules", "10", "-o", "out"], "20"),
    ];
    for (arguments, message) in cases {
        let run = seglab(at.path(), arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}\n{}", run.err);
        assert!(run.err.contains(message), "{arguments:?}: no `{message}` in\n{}", run.err);
        assert_eq!(run.out, "");
    }
    assert_eq!(listing(at.path()), ["seglab.yaml"]);
}
