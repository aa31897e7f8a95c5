//! Input that is not a design: a clear error with its place, never a panic, never half of a result.

use seglab_policy::Severity;
use seglab_scenarios::loader::Options;
use seglab_scenarios::{LoadError, load};
use std::fs;
use std::path::Path;

/// The errors as `place: message`, with the temporary folder left out.
fn errors(folder: &Path, path: &str) -> Vec<String> {
    let root = folder.to_str().unwrap();
    let path = if path.is_empty() { root.to_owned() } else { format!("{root}/{path}") };
    said(load(&path, &Options::default()).unwrap_err(), root)
}

fn said(error: LoadError, root: &str) -> Vec<String> {
    let of_errors = error.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let told: Vec<String> = of_errors
        .map(|one| {
            assert!(one.help.is_some(), "no help: {}", one.message);
            let place = one.span.map_or(String::new(), |span| {
                format!("{}:{}:{}: ", error.sources[span.source.0 as usize].path, span.line, span.column)
            });
            format!("{place}{}", one.message).replace(&format!("{root}/"), "").replace(root, "FOLDER")
        })
        .collect();
    assert!(!told.is_empty());
    told
}

/// The errors of one file of this name.
fn check(name: &str, text: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    assert_eq!(errors(folder.path(), name), expected, "{text}");
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec:\n  podSelector: {{}}\n{spec}"
    )
}

#[test]
fn yaml_that_is_broken() {
    check(
        "seglab.yaml",
        "seglab: 1\nunits: [{name: a}\nname: x\n",
        &["seglab.yaml:3:5: illegal placement of ':' indicator"],
    );
    check(
        "seglab.yaml",
        "seglab: 1\nunits:\n\t- {name: a}\n",
        &["seglab.yaml:3:1: a tab indents the line, which YAML forbids"],
    );
    let told = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("p.yaml"), text).unwrap();
        errors(folder.path(), "p.yaml").remove(0)
    };
    assert!(told("kind: [a\n").starts_with("p.yaml:"), "{}", told("kind: [a\n"));
    assert!(told("kind: Pod\nspec:\n\ta: 1\n").starts_with("p.yaml:3:"));
}

#[test]
fn policies_with_a_slip() {
    let place = |spec: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("p.yaml"), policy(spec)).unwrap();
        let told = errors(folder.path(), "p.yaml");
        assert!(told[0].starts_with(expected), "{told:?}");
    };
    place("  ingress: [{form: []}]\n", "p.yaml:6:14: ");
    place("  ingress: [{ports: [{port: 70000}]}]\n", "p.yaml:6:");
    place("  ingress: [{ports: [{port: 80, endPort: 79}]}]\n", "p.yaml:6:");
    place("  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/40}}]}]\n", "p.yaml:6:");
    place("  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}]}]\n", "p.yaml:6:");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), policy("").replace("io/v1", "io/v3")).unwrap();
    assert!(errors(folder.path(), "p.yaml")[0].starts_with("p.yaml:1:"));
}

#[test]
fn units_that_clash() {
    check(
        "seglab.yaml",
        "seglab: 1\nunits:\n  - {name: a, addresses: [10.0.0.1]}\n  - {name: a}\n  - {name: b, addresses: [10.0.0.1]}\n",
        &[
            "seglab.yaml:4:5: two units are called `a`",
            "seglab.yaml:5:5: `b` and `a` both have the address 10.0.0.1 in the address space `default`",
        ],
    );
    check(
        "seglab.yaml",
        "seglab: 1\nunits: [{name: a, host: b}, {name: b, host: a}, {name: c, host: d}]\n",
        &[
            "seglab.yaml:2:49: no unit is called `d`",
            "seglab.yaml:2:9: the unit `a` runs on itself, through its hosts",
            "seglab.yaml:2:29: the unit `b` runs on itself, through its hosts",
        ],
    );
    // Sharing that is declared is no clash, and neither are addresses in two spaces.
    let folder = tempfile::tempdir().unwrap();
    let text = "seglab: 1\nunits:\n  - {name: a, addresses: [10.0.0.1], shared: true}\n  - {name: b, addresses: [10.0.0.1], shared: true}\n  - {name: c, addresses: [10.0.0.1], space: other}\nenforcement: []\n";
    fs::write(folder.path().join("seglab.yaml"), text).unwrap();
    assert!(load(folder.path().to_str().unwrap(), &Options::default()).is_ok());
}

#[test]
fn names_that_nothing_has() {
    check(
        "seglab.yaml",
        "seglab: 1\nunits: [{name: web}]\nproperties:\n  - isolated: {from: web, to: database}\n",
        &["seglab.yaml:4:31: no segment or unit is called `database`"],
    );
    let cycle = "seglab: 1\nunits: [{name: a}, {name: b}]\nneeds:\n  - {from: a, to: b, service: tcp/1, synchronous: true}\n  - {from: b, to: a, service: tcp/1, synchronous: true}\n";
    check("seglab.yaml", cycle, &["seglab.yaml:4:5: synchronous needs wait for each other: `a` → `b` → `a`"]);
}

#[test]
fn a_selector_that_selects_nothing_warns() {
    let folder = tempfile::tempdir().unwrap();
    let text = "seglab: 1\nunits: [{name: web}]\npolicy:\n  - allow: {from: any, to: app=web}\n";
    fs::write(folder.path().join("seglab.yaml"), text).unwrap();
    let loaded = load(folder.path().to_str().unwrap(), &Options::default()).unwrap();
    assert_eq!(loaded.diagnostics[0].message, "`app=web` selects 0 of 1 unit");
}

#[test]
fn folders_and_files_that_hold_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        errors(folder.path(), ""),
        ["the folder `FOLDER` holds no file that ends in `.yaml`, `.yml` or `.json`",]
    );
    assert_eq!(errors(folder.path(), "none.yaml"), ["`none.yaml` does not exist"]);
    fs::write(folder.path().join("empty.yaml"), "").unwrap();
    assert_eq!(errors(folder.path(), "empty.yaml"), ["there are no Kubernetes objects in the input"]);
    fs::write(folder.path().join("latin.yaml"), b"a: 1\nb: \xe9\n").unwrap();
    assert_eq!(errors(folder.path(), "latin.yaml"), ["`latin.yaml` is not text in UTF-8: line 2 holds other bytes"]);
    let options = Options { standard_input: Some(b" \n".to_vec()), ..Options::default() };
    assert_eq!(said(load("-", &options).unwrap_err(), "/none"), ["standard input is empty"]);
}

#[test]
fn a_file_of_200_mb_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // A hole in a file has a size and takes no room.
    fs::File::create(folder.path().join("big.yaml")).unwrap().set_len(200_000_000).unwrap();
    assert_eq!(errors(folder.path(), "big.yaml"), ["`big.yaml` is too large: files of up to 64 MiB are read"]);
    assert_eq!(errors(folder.path(), ""), ["`big.yaml` is too large: files of up to 64 MiB are read"]);
}

#[test]
fn lab_files_in_a_folder_without_a_main_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flat.yaml"), "seglab: 1\n").unwrap();
    assert_eq!(
        errors(folder.path(), ""),
        ["the folder `FOLDER` holds lab files, and none of them is called `seglab.yaml`"]
    );
}

#[test]
fn parts_that_are_missing_or_go_in_circles() {
    check(
        "seglab.yaml",
        "seglab: 1\nsources:\n  - kubernetes: manifests/\n",
        &["seglab.yaml:3:17: `manifests` does not exist"],
    );
    check("seglab.yaml", "seglab: 1\nunits: units.csv\n", &["seglab.yaml:2:8: `units.csv` does not exist"]);
    check(
        "seglab.yaml",
        "seglab: 1\nsources:\n  - lab: ./seglab.yaml\n",
        &["seglab.yaml:3:10: the lab file `seglab.yaml` is made of itself"],
    );
    check("seglab.yaml", "seglab: 1\nsources: [{kubernetes: .}]\n", &["seglab.yaml:2:24: `FOLDER` holds no manifests"]);
    // An error in a part stands in the part.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("part.yaml"), "seglab: 1\nunits: [{nmae: a}]\n").unwrap();
    fs::write(folder.path().join("seglab.yaml"), "seglab: 1\nsources: [{lab: part.yaml}]\n").unwrap();
    assert_eq!(errors(folder.path(), ""), ["part.yaml:2:10: unknown key `nmae`"]);
}
