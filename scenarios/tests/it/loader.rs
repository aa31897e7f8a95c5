//! What the loader takes for what.

use seglab_policy::{Assume, Connection, Endpoint, Header, Transport, UnitId};
use seglab_scenarios::load;
use seglab_scenarios::loader::Options;
use std::fs;
use std::path::Path;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web}]}\n";
const LAB: &str = "seglab: 1\nunits: [{name: a}, {name: b}]\npolicy: [{allow: {from: a, to: b}}]\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The names of the units, and the paths of the sources below the folder.
fn loaded(folder: &Path, name: &str) -> (Vec<String>, Vec<String>) {
    let root = folder.to_str().unwrap();
    let path = if name.is_empty() { root.to_owned() } else { format!("{root}/{name}") };
    let loaded = load(&path, &Options::default()).unwrap_or_else(|error| panic!("{:?}", error.diagnostics));
    let design = loaded.design;
    let sources: Vec<String> = design
        .sources()
        .iter()
        .map(|one| one.path.strip_prefix(root).unwrap().trim_start_matches('/').to_owned())
        .collect();
    for source in design.sources() {
        assert!(loaded.texts.contains_key(&source.path), "{} has no text", source.path);
    }
    (design.units().iter().map(|unit| unit.name.clone()).collect(), sources)
}

#[test]
fn a_lab_file_by_its_path_and_by_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "seglab.yaml", LAB);
    for name in ["seglab.yaml", "", "/"] {
        assert_eq!(loaded(folder.path(), name), (vec!["a".into(), "b".into()], vec!["seglab.yaml".into()]), "{name}");
    }
}

#[test]
fn a_folder_of_manifests_with_everything_below_it_in_order() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b/pod.yml", &POD.replace("web", "b"));
    write(folder.path(), "a.yaml", &POD.replace("web", "a"));
    write(
        folder.path(),
        "b/a/pod.json",
        r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "c"}, "spec": {"containers": [{"name": "c"}]}}"#,
    );
    write(folder.path(), "README.md", "seglab: 1");
    write(folder.path(), ".git/x.yaml", "not: [read");
    let (units, sources) = loaded(folder.path(), "");
    assert_eq!(units, ["default/a[Pod]", "default/b[Pod]", "default/c[Pod]"]);
    assert_eq!(sources, ["a.yaml", "b/a/pod.json", "b/pod.yml"]);
    assert_eq!(loaded(folder.path(), "a.yaml").0, ["default/a[Pod]"]);
}

#[test]
fn a_lab_file_beside_its_manifests() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "pod.yaml", POD);
    write(folder.path(), "more/unit.csv", "name\nextra\n");
    write(folder.path(), "more/part.yaml", "seglab: 1\nunits: unit.csv\n");
    write(folder.path(), "seglab.yaml", "seglab: 1\nsources: [{kubernetes: .}, {lab: more/part.yaml}]\nneeds: [{from: extra, to: default/web, service: tcp/1}]\n".replace("default/web", "\"default/web[Pod]\"").as_str());
    let (units, sources) = loaded(folder.path(), "");
    assert_eq!(units, ["default/web[Pod]", "extra"]);
    // The lab file first, then its parts in their order: `kubernetes: .` leaves lab files out.
    assert_eq!(sources, ["seglab.yaml", "pod.yaml", "more/part.yaml", "more/unit.csv"]);
}

#[test]
fn folders_of_manifests_are_one_cluster() {
    let at = tempfile::tempdir().unwrap();
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: shut}\n\
                  spec: {podSelector: {}, policyTypes: [Ingress]}\n";
    write(at.path(), "apps/pods.yaml", POD);
    write(at.path(), "policies/shut.yaml", policy);
    let lab =
        |first: &str, second: &str| format!("seglab: 1\nsources:\n  - kubernetes: {first}\n  - kubernetes: {second}\n");
    let path = at.path().join("seglab.yaml");
    let load = || load(&path.display().to_string(), &Options::default());
    write(at.path(), "seglab.yaml", &lab("apps/", "policies/"));
    let design = load().unwrap().design;
    let connection = Connection {
        source: Endpoint::External("203.0.113.9".parse().unwrap()),
        destination: Endpoint::Unit { unit: UnitId(0), interface: 0 },
        header: Header::to_port(Transport::Tcp, 80),
    };
    assert!(!design.evaluate(&connection, Assume::business()).verdict.is_allowed(), "the policy is about the pod");

    let (one, two) = ("{path: apps/, ip-blocks: all}", "{path: policies/, ip-blocks: external}");
    write(at.path(), "seglab.yaml", &lab(one, two));
    let error = load().unwrap_err();
    assert_eq!(error.diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(), ["contradiction"]);
    assert_eq!(error.diagnostics[0].span.map(|span| span.line), Some(4));
}

#[test]
fn standard_input_is_either() {
    let from = |text: &str| {
        let options = Options { standard_input: Some(text.into()), ..Options::default() };
        load("-", &options).unwrap().design
    };
    assert_eq!(from(LAB).units()[0].name, "a");
    assert_eq!(from(&format!("---\n{POD}---\n{}", POD.replace("web", "db"))).units().len(), 2);
    assert_eq!(from(LAB).sources()[0].path, "-");
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let options = Options { standard_input: Some(LAB.into()), ..Options::default() };
    let design = load("-", &options).unwrap().design;
    // As `sha256sum` says.
    let expected = "4a5f";
    let written = seglab_policy::Hex(&design.sources()[0].sha256).to_string();
    assert_eq!((written.len(), &written[..4]), (64, expected));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_above_is_followed_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "sub/pod.yaml", POD);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/up")).unwrap();
    assert_eq!(loaded(folder.path(), "").1, ["sub/pod.yaml"]);
}
