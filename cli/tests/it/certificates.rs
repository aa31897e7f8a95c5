//! `verify --certificates` and `check`.

use crate::designs::site;
use crate::program::{bytes, folder, listing, seglab, write};
use std::path::Path;

const VERIFY: [&str; 4] = ["verify", "seglab.yaml", "--certificates", "proofs"];
const CHECK: [&str; 4] = ["check", "seglab.yaml", "--certificates", "proofs"];

fn text(at: &Path, path: &str) -> String {
    String::from_utf8(bytes(at, path)).unwrap()
}

#[test]
fn what_holds_is_certified_and_accepted() {
    let at = site();
    let document = seglab(at.path(), &[&VERIFY[..], &["--format", "json"]].concat()).json(0);
    let properties = document["properties"].as_array().unwrap();
    assert!(properties.len() >= 2, "{properties:?}");
    for property in properties {
        let file = property["certificate"].as_str().unwrap();
        assert!(text(at.path(), file).starts_with("seglab-certificate 1\n"), "{file}");
    }
    let listed = listing(at.path());
    assert!(!listed.iter().any(|path| path.contains(".part")), "{listed:?}");
    let needs = document["needs"].as_array().unwrap().len();
    let out = seglab(at.path(), &CHECK).ends(0);
    assert!(out.contains(&format!("{} accepted, 0 refused", properties.len() + needs)), "{out}");
    assert!(out.contains("5 of 5 rules, drawn with seed 1"), "{out}");
    // Each rule stands beside its line.
    assert!(out.contains("seglab.yaml:"), "{out}");
    assert_eq!(seglab(at.path(), &CHECK).ends(0), out);
    // The same bytes again, and nothing else.
    let before: Vec<Vec<u8>> =
        listed.iter().filter(|path| path.contains('/')).map(|path| bytes(at.path(), path)).collect();
    seglab(at.path(), &VERIFY).ends(0);
    assert_eq!(listing(at.path()), listed);
    let after: Vec<Vec<u8>> =
        listed.iter().filter(|path| path.contains('/')).map(|path| bytes(at.path(), path)).collect();
    assert_eq!(before, after);
}

#[test]
fn what_was_changed_is_refused() {
    let spoiled = |path: &str, from: &str, to: &str| {
        let at = site();
        seglab(at.path(), &VERIFY).ends(0);
        let before = text(at.path(), path);
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after, "{path} has no `{from}`");
        write(at.path(), path, &after);
        seglab(at.path(), &CHECK)
    };
    let certificate = spoiled("proofs/property-0.certificate", "layer ", "layer 0").ends(1);
    assert!(certificate.contains("REFUSED: property-0.certificate"), "{certificate}");
    // A design of which the folder is not: a rule more, or a comment.
    for (from, to) in [("\nproperties:", "\n# a comment\nproperties:"), ("tcp/5432", "tcp/5433")] {
        let design = spoiled("seglab.yaml", from, to).ends(1);
        assert!(design.contains("REFUSED: normal-form.txt is not what the sources say now"), "{design}");
    }
    let normal_form = spoiled("proofs/normal-form.txt", "allow", "deny").ends(1);
    assert!(normal_form.contains("REFUSED: normal-form.txt"), "{normal_form}");
    let manifest = spoiled("proofs/manifest.txt", "certificate ", "certificate 0").ends(1);
    assert!(manifest.contains("digest"), "{manifest}");
    let cut = spoiled("proofs/manifest.txt", "\nend ", "\nend 1");
    assert_eq!(cut.code, Some(2));
    assert!(cut.err.contains("is no manifest"), "{}", cut.err);
}

/// A certificate that is listed properly and proves another question.
#[test]
fn the_question_is_part_of_what_is_checked() {
    let at = site();
    seglab(at.path(), &[&VERIFY[..], &["--as-if-enforced"]].concat()).ends(0);
    let out = seglab(at.path(), &CHECK).ends(1);
    assert!(out.contains("it answers another question"), "{out}");
    seglab(at.path(), &[&CHECK[..], &["--as-if-enforced"]].concat()).ends(0);
}

/// A certificate under the name of another claim.
#[test]
fn a_certificate_stands_for_its_own_claim() {
    let at = site();
    seglab(at.path(), &VERIFY).ends(0);
    let (first, second) = ("proofs/property-0.certificate", "proofs/property-1.certificate");
    let (one, other) = (text(at.path(), first), text(at.path(), second));
    write(at.path(), first, &other);
    write(at.path(), second, &one);
    let manifest = text(at.path(), "proofs/manifest.txt");
    let (one, other) = ("property-0.certificate", "property-1.certificate");
    let swapped = manifest.replace(one, "x").replace(other, one).replace('x', other);
    write(at.path(), "proofs/manifest.txt", &swapped);
    let out = seglab(at.path(), &CHECK);
    assert_ne!(out.code, Some(0), "{}", out.out);
}

#[test]
fn a_folder_without_certificates_is_an_error_of_usage() {
    let at = folder(&[("seglab.yaml", "seglab: 1\nunits: [{name: a}]\npolicy: []\n")]);
    let run = seglab(at.path(), &CHECK);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("cannot read `proofs/manifest.txt`") && run.err.contains("help:"), "{}", run.err);
}

/// What is violated has no certificate, and one of an earlier run does not stay.
#[test]
fn what_no_longer_holds_loses_its_certificate() {
    let at = site();
    seglab(at.path(), &VERIFY).ends(0);
    let open = text(at.path(), "seglab.yaml").replacen(
        "\npolicy:",
        "\npolicy:\n  - allow: {from: any, to: any, service: any}",
        1,
    );
    write(at.path(), "seglab.yaml", &open);
    let document = seglab(at.path(), &[&VERIFY[..], &["--format", "json"]].concat()).json(1);
    let listed = listing(at.path());
    for (position, property) in document["properties"].as_array().unwrap().iter().enumerate() {
        let file = format!("proofs/property-{position}.certificate");
        assert_eq!(property["verdict"] == "holds", listed.contains(&file), "{file} in {listed:?}");
    }
    let out = seglab(at.path(), &CHECK).ends(0);
    assert!(out.contains("no certificate: property"), "{out}");
}

/// Scripts have stable names and bytes, and one that nothing stands behind any more does not stay.
#[test]
fn what_holds_is_written_for_other_solvers() {
    let at = site();
    write(at.path(), "smt/property-99-0.smt2", "(check-sat)");
    write(at.path(), "smt/notes.smt2", "mine");
    let verify = ["verify", "seglab.yaml", "--smtlib", "smt"];
    seglab(at.path(), &verify).ends(0);
    let listed = listing(at.path());
    assert!(listed.iter().any(|path| path == "smt/property-0-0.smt2"), "{listed:?}");
    assert!(listed.iter().any(|path| path == "smt/notes.smt2"), "{listed:?}");
    assert!(!listed.iter().any(|path| path.contains("property-99") || path.contains(".part")), "{listed:?}");
    let script = text(at.path(), "smt/property-0-0.smt2");
    assert!(script.contains("(set-logic QF_BV)") && script.ends_with("(check-sat)\n"), "{script}");
    // What no script says is listed.
    assert!(listed.iter().any(|path| path == "smt/not-in-the-scripts.txt"), "{listed:?}");
    seglab(at.path(), &verify).ends(0);
    assert_eq!(listing(at.path()), listed);
    assert_eq!(text(at.path(), "smt/property-0-0.smt2"), script);
}
