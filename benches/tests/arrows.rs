//! The arrows between crates, and inside them: what imports what, read from Cargo's metadata and from the sources.
//!
//! The judges are evidence for each other only as long as they share nothing but the model, so an import that joins
//! them is a defect even if everything still works. A new arrow fails here until somebody writes it into the tables
//! below, and the reason into ARCHITECTURE.md.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What each crate may depend on, of the workspace.
const CRATES: [(&str, &[&str]); 10] = [
    ("policy", &[]),
    ("engine", &["policy"]),
    ("formats", &["policy"]),
    ("sim", &["policy", "engine"]),
    ("verify", &["policy"]),
    // Nothing at all: not even a crate from elsewhere.
    ("certificate", &[]),
    ("scenarios", &["policy", "formats"]),
    ("reports", &["policy", "sim", "verify"]),
    ("cli", &["policy", "engine", "formats", "sim", "verify", "certificate", "scenarios", "reports"]),
    ("benches", &["policy", "engine", "formats", "sim", "verify", "certificate", "scenarios", "reports"]),
];

/// What tests may depend on beyond that.
const TESTS: [(&str, &[&str]); 4] =
    [("policy", &["policy"]), ("scenarios", &["verify"]), ("reports", &["formats", "scenarios"]), ("cli", &[])];

/// Folders inside a crate that import nothing of the rest of it but what is listed, and of the workspace's other
/// crates what is listed.
const FOLDERS: [(&str, &[&str], &[&str]); 2] =
    [("verify/src/smt", &["smt"], &["seglab_policy"]), ("sim/src/kernel", &["kernel"], &[])];

/// Where a crate stands: in the folder of its name, the checker inside that of the verifier, whose certificates it
/// checks.
fn folder(name: &str) -> PathBuf {
    if name == "certificate" { root().join("verify/certificate") } else { root().join(name) }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn named<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<BTreeSet<&'a str>> {
    table.iter().find(|(of, _)| *of == name).map(|(_, list)| list.iter().copied().collect())
}

#[test]
fn crates_depend_on_what_they_may() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap().strip_prefix("seglab-").unwrap();
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        assert_eq!(folder, self::folder(name), "a crate is called as its folder, with `seglab-` before it");
        if name == "certificate" {
            let dependencies = package["dependencies"].as_array().unwrap();
            assert!(dependencies.is_empty(), "the checker depends on nothing: {dependencies:?}");
        }
        let allowed = named(&CRATES, name).unwrap_or_else(|| panic!("`{name}` is not in the table"));
        let in_tests = named(&TESTS, name).unwrap_or_default();
        for dependency in package["dependencies"].as_array().unwrap() {
            let Some(on) = dependency["name"].as_str().unwrap().strip_prefix("seglab-") else { continue };
            let is_test = dependency["kind"] == "dev";
            assert!(
                allowed.contains(on) || (is_test && in_tests.contains(on)),
                "`{name}` depends on `{on}`{}",
                if is_test { " in its tests" } else { "" }
            );
        }
        seen.insert(name.to_owned());
    }
    assert_eq!(seen.len(), CRATES.len(), "the table lists crates that do not exist: {seen:?}");
}

#[test]
fn sources_import_what_they_may() {
    for (name, allowed) in CRATES {
        let mut files = Vec::new();
        sources(&folder(name).join("src"), &mut files);
        assert!(!files.is_empty(), "`{name}` has no sources");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for import in other_crates(&text) {
                let on = import.strip_prefix("seglab_").unwrap();
                // A crate's own name stands in its examples and in its binary.
                assert!(on == name || allowed.contains(&on), "{} imports `{import}`", file.display());
            }
        }
    }
}

#[test]
fn folders_import_what_they_may() {
    for (folder, modules, crates) in FOLDERS {
        let mut files = Vec::new();
        sources(&root().join(folder), &mut files);
        assert!(!files.is_empty(), "`{folder}` has no sources");
        let (_, inside) = folder.split_once("/src/").unwrap();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let path = file.strip_prefix(root().join(folder)).unwrap();
            let module = module_of(inside, path);
            for (top, line) in own_modules(&text, &module) {
                assert!(modules.contains(&top.as_str()), "{}:{line} imports `crate::{top}`", file.display());
            }
            for import in other_crates(&text) {
                assert!(crates.contains(&import.as_str()), "{} imports `{import}`", file.display());
            }
        }
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The module that a file is: `smt/path.rs` is `[smt, path]`, `smt/mod.rs` is `[smt]`.
fn module_of(folder: &str, path: &Path) -> Vec<String> {
    let mut module = vec![folder.to_owned()];
    module.extend(path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()));
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// Identifiers and punctuation of a source, with the line of each: comments, strings and the file's own tests left out.
fn tokens(text: &str) -> Vec<(String, usize)> {
    let mut tokens: Vec<(String, usize)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        let mut word = String::new();
        let mut quoted = false;
        for c in code.chars().chain([' ']) {
            if c == '"' {
                quoted = !quoted;
            }
            if !quoted && (c.is_alphanumeric() || c == '_') {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                tokens.push((std::mem::take(&mut word), at + 1));
            }
            if !quoted && !c.is_whitespace() && c != '"' {
                tokens.push((c.to_string(), at + 1));
            }
        }
    }
    tokens
}

fn other_crates(text: &str) -> BTreeSet<String> {
    tokens(text).into_iter().map(|(word, _)| word).filter(|word| word.starts_with("seglab_")).collect()
}

/// The top-level modules of its own crate that a file of `module` names by paths from `crate`, `super` or `self`, each
/// with a line.
fn own_modules(text: &str, module: &[String]) -> BTreeMap<String, usize> {
    let tokens = tokens(text);
    let mut tops = BTreeMap::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut base: Vec<String> = match tokens[at].0.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => module.to_vec(),
            _ => {
                at += 1;
                continue;
            }
        };
        // `self.field` and `&self` are no paths; `pub(crate)` and `pub(super)` import nothing.
        while at < tokens.len() && matches!(tokens[at].0.as_str(), "crate" | "self" | "super") {
            if tokens[at].0 == "super" {
                base.pop();
            }
            at += 1;
            if !is_path_separator(&tokens, at) {
                break;
            }
            at += 2;
        }
        if !(at >= 2 && is_path_separator(&tokens, at - 2)) {
            continue;
        }
        if !base.is_empty() {
            tops.entry(base[0].clone()).or_insert(tokens[at].1);
            continue;
        }
        for (top, line) in heads(&tokens, at) {
            tops.entry(top).or_insert(line);
        }
    }
    tops
}

fn is_path_separator(tokens: &[(String, usize)], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.0 == ":") && tokens.get(at + 1).is_some_and(|token| token.0 == ":")
}

/// The first names of what follows a `crate::`: one, or those of a group in braces.
fn heads(tokens: &[(String, usize)], at: usize) -> Vec<(String, usize)> {
    if tokens[at].0 != "{" {
        return vec![tokens[at].clone()];
    }
    let mut heads = Vec::new();
    let (mut depth, mut is_head) = (0, false);
    for token in &tokens[at..] {
        match token.0.as_str() {
            "{" => {
                depth += 1;
                is_head = depth == 1;
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            "," => is_head = depth == 1,
            _ if is_head => {
                heads.push(token.clone());
                is_head = false;
            }
            _ => {}
        }
    }
    heads
}

#[test]
fn forbidden_imports_are_found() {
    let smt = ["smt".to_owned(), "judge".to_owned()];
    let found = |text: &str| own_modules(text, &smt).into_keys().collect::<Vec<_>>();
    assert_eq!(found("use crate::classes::Class;"), ["classes"]);
    assert_eq!(found("use crate::{smt::term, reach::{Reach, direct}, judge};"), ["judge", "reach", "smt"]);
    assert_eq!(found("use super::super::reach;"), ["reach"]);
    assert_eq!(found("fn f() -> crate::direct::Direct {"), ["direct"]);
    assert_eq!(found("use super::term::Term;\npub(crate) fn f(&self) { self.reach.x() }"), ["smt"]);
    assert_eq!(found("use super::term; // crate::classes\n#[cfg(test)]\nmod tests { use crate::reach; }"), ["smt"]);
    assert_eq!(found("let text = \"crate::classes\";"), [""; 0]);
    assert_eq!(
        Vec::from_iter(other_crates("use seglab_engine::Engine;\nuse seglab_policy as p;")),
        ["seglab_engine", "seglab_policy"]
    );
    assert_eq!(module_of("smt", Path::new("mod.rs")), ["smt"]);
    assert_eq!(module_of("smt", Path::new("solve/limits.rs")), ["smt", "solve", "limits"]);
}
