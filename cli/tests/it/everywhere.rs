//! What holds for every command.

use crate::designs::{PODS, site, site_text};
use crate::program::{bytes, command, folder, seglab, seglab_reading};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::process::Stdio;

#[test]
fn schema_is_json() {
    let schema = seglab(folder(&[]).path(), &["schema"]).json(0);
    for key in ["seglab", "units", "policy", "properties", "needs", "attackers"] {
        assert!(!schema["properties"][key].is_null(), "`{key}` is not in the schema");
    }
}

#[test]
fn timings_of_every_command() {
    let at = site();
    let commands: [&[&str]; 7] = [
        &["verify", "seglab.yaml"],
        &["reach", "seglab.yaml"],
        &["surface", "seglab.yaml"],
        &["explain", "seglab.yaml", "--from", "web", "--to", "mail-db", "--port", "tcp/5432"],
        &["simulate", "seglab.yaml", "--replicas", "2"],
        &["bench", "seglab.yaml", "--connections", "100"],
        &["report", "seglab.yaml", "-o", "out", "--replicas", "2"],
    ];
    for arguments in commands {
        seglab(at.path(), &[arguments, &["--timings", "timings.json"]].concat()).ends(0);
        let document: Value = serde_json::from_slice(&bytes(at.path(), "timings.json")).unwrap();
        assert_eq!(document["schema"], "seglab/timings/v1", "{arguments:?}");
        assert!(document["phases_ns"]["parse"].as_u64() > Some(0), "{arguments:?}");
        assert_eq!(document["counts"]["units"], 4, "{arguments:?}");
        assert_eq!(document["counts"]["rules"], 5, "{arguments:?}");
        if cfg!(target_os = "linux") {
            assert!(document["peak_memory_bytes"].as_u64() > Some(1 << 20), "{arguments:?}");
        }
    }
}

/// Every JSON document says which version of seglab read which bytes.
#[test]
fn json_names_its_version_and_inputs() {
    let at = site();
    let hash = Sha256::digest(site_text()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let commands: [&[&str]; 7] = [
        &["reach", "seglab.yaml"],
        &["reach", "seglab.yaml", "--lateral"],
        &["surface", "seglab.yaml"],
        &["explain", "seglab.yaml", "--from", "web", "--to", "mail-db", "--port", "tcp/5432"],
        &["simulate", "seglab.yaml", "--replicas", "2"],
        &["bench", "seglab.yaml", "--connections", "100"],
        &["verify", "seglab.yaml"],
    ];
    for arguments in commands {
        let document = seglab(at.path(), &[arguments, &["--format", "json"]].concat()).json(0);
        let version = if arguments[0] == "verify" { &document["tool"]["version"] } else { &document["version"] };
        assert_eq!(version, env!("CARGO_PKG_VERSION"), "{arguments:?}");
        assert_eq!(document["inputs"][0]["path"], "seglab.yaml", "{arguments:?}");
        assert_eq!(document["inputs"][0]["sha256"], hash.as_str(), "{arguments:?}");
    }
}

/// Each command's help names its options, and what it is for.
#[test]
fn help_names_the_options() {
    let at = folder(&[]);
    let campaign = ["--replicas", "--seed", "--horizon", "--threads"];
    let commands: [(&str, &[&str]); 11] = [
        ("init", &["<FOLDER>", "--output"]),
        ("reach", &["<DESIGN>", "--format", "--lateral", "--from", "--to", "--view", "--trust", "--as-if-enforced"]),
        ("surface", &["<DESIGN>", "--against", "--format", "--as-if-enforced"]),
        ("explain", &["<DESIGN>", "--from", "--to", "--port", "--trust", "--format", "--as-if-enforced"]),
        ("verify", &["<DESIGN>", "--format", "--output", "--cross-check", "--as-if-enforced"]),
        ("simulate", &campaign),
        ("compare", &campaign),
        ("bench", &["--connections", "--seed", "--format"]),
        ("report", &["--against", "--output", "--replicas"]),
        ("generate", &["--units", "--rules", "--seed", "--to", "--output"]),
        ("schema", &[]),
    ];
    let overview = seglab(at.path(), &["--help"]).ends(0);
    for (name, options) in commands {
        assert!(overview.contains(&format!("\n  {name} ")), "`{name}` is not in the overview");
        let help = seglab(at.path(), &[name, "--help"]).ends(0);
        for option in options.iter().chain(&["--timings", "--quiet"]) {
            assert!(help.contains(option), "`seglab {name} --help` does not name `{option}`:\n{help}");
        }
    }
    assert!(overview.contains("Exit codes: 0"), "{overview}");
    assert!(seglab(at.path(), &["--version"]).ends(0).starts_with("seglab "));
}

/// `seglab reach . | head -1`: a reader who has seen enough is no failure, and nobody's panic.
#[test]
fn a_closed_pipe_is_no_failure() {
    let at = folder(&[]);
    seglab(at.path(), &["generate", "--units", "300", "--rules", "60", "-o", "big"]).ends(0);
    let mut child = command(at.path(), &["reach", "big", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // More is written than a pipe holds, and all but the first byte of it has no reader.
    child.stdout.take().expect("a pipe").read_exact(&mut [0]).expect("a byte");
    let output = child.wait_with_output().expect("the binary ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// `--quiet` keeps warnings about the input from standard error; without it they are there.
#[test]
fn quiet_is_quiet() {
    let at = folder(&[("shop.yaml", &PODS.replace("policyTypes: [Ingress, Egress]", "egress: [{}]"))]);
    assert!(seglab(at.path(), &["reach", "."]).err.contains("[opens-all-egress]"));
    assert_eq!(seglab(at.path(), &["reach", ".", "--quiet"]).err, "");
    assert_eq!(seglab_reading(at.path(), &["reach", "-", "--quiet"], PODS).err, "");
}
