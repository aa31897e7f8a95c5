//! What holds for every command.

use crate::designs::{PODS, site, site_text};
use crate::program::{bytes, command, folder, seglab, seglab_reading, sha256, write};
use serde_json::Value;
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
    let commands: [&[&str]; 8] = [
        &["paths", "seglab.yaml"],
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

/// Every command that says something about a design, with the schema of its JSON.
const COMMANDS: [&[&str]; 9] = [
    &["paths", "seglab.yaml"],
    &["reach", "seglab.yaml"],
    &["reach", "seglab.yaml", "--lateral"],
    &["surface", "seglab.yaml"],
    &["explain", "seglab.yaml", "--from", "web", "--to", "mail-db", "--port", "tcp/5432"],
    &["simulate", "seglab.yaml", "--replicas", "2"],
    &["bench", "seglab.yaml", "--connections", "100"],
    &["verify", "seglab.yaml"],
    &["report", "seglab.yaml", "-o", "out", "--replicas", "2"],
];

/// Every JSON document says which version of seglab read which bytes, and what its results rest on.
#[test]
fn json_names_its_version_and_inputs() {
    let at = site();
    let assumed = format!("{}assumptions: [{{id: mine, text: nobody lies}}]\n", site_text());
    write(at.path(), "seglab.yaml", &assumed);
    for arguments in COMMANDS.into_iter().filter(|arguments| arguments[0] != "report") {
        let document = seglab(at.path(), &[arguments, &["--format", "json"]].concat()).json(0);
        assert_eq!(document["design"], "marketing site", "{arguments:?}");
        assert_eq!(document["tool"]["version"], env!("CARGO_PKG_VERSION"), "{arguments:?}");
        assert!(document["tool"]["z3_version"].is_string(), "{arguments:?}");
        assert_eq!(document["tool"]["z3_asked"], matches!(arguments[0], "verify" | "explain"), "{arguments:?}");
        assert_eq!(document["inputs"][0]["path"], "seglab.yaml", "{arguments:?}");
        assert_eq!(document["inputs"][0]["sha256"], sha256(&assumed).as_str(), "{arguments:?}");
        assert_eq!(document["assumptions"][0]["id"], "mine", "{arguments:?}");
        assert!(document["unmodelled"].is_array(), "{arguments:?}");
        let random = matches!(arguments[0], "simulate" | "bench");
        assert_eq!(document["seed"].as_u64(), random.then_some(1), "{arguments:?}");
    }
}

/// So does every text, in its first lines, and the assumptions head it.
#[test]
fn text_names_its_version_and_inputs() {
    let at = site();
    let assumed = format!("{}assumptions: [{{id: mine, text: nobody lies}}]\n", site_text());
    write(at.path(), "seglab.yaml", &assumed);
    for arguments in COMMANDS {
        let out = seglab(at.path(), arguments).ends(0);
        let first = out.lines().next().unwrap_or_default();
        let random = matches!(arguments[0], "simulate" | "bench" | "report");
        let parts: Vec<&str> = first.split(" · ").collect();
        let [design, tool, z3, seed, input] = parts.as_slice() else { panic!("{arguments:?}: {first}") };
        assert_eq!(*design, "design marketing site", "{arguments:?}");
        assert_eq!(*tool, format!("seglab {}", env!("CARGO_PKG_VERSION")), "{arguments:?}");
        let asked = matches!(arguments[0], "verify" | "report" | "explain");
        assert_eq!(z3.starts_with("Z3 ") && !z3.ends_with("(not asked)"), asked, "{arguments:?}: {first}");
        assert_eq!(*seed, if random { "seed 1" } else { "no seed" }, "{arguments:?}");
        assert_eq!(*input, format!("seglab.yaml SHA-256 {}", sha256(&assumed)), "{arguments:?}");
        if arguments[0] != "verify" {
            assert_eq!(out.lines().nth(1), Some("assumed: nobody lies (mine)"), "{arguments:?}");
        }
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

/// Of many warnings that say the same, one is shown whole, and the others by where they are.
#[test]
fn warnings_that_are_alike_are_folded() {
    let policy = |name: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\n\
             spec: {{podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [Ingress, Egress], egress: [{{}}]}}\n"
        )
    };
    let files: Vec<(String, String)> =
        (0..4).map(|n| (format!("open-{n}.yaml"), policy(&format!("open-{n}")))).collect();
    let mut all: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    all.push(("pods.yaml", PODS));
    let said = seglab(folder(&all).path(), &["reach", "."]).err;
    assert_eq!(said.matches("opens all egress").count(), 1, "{said}");
    assert!(said.contains("warning: 3 more like it [opens-all-egress]\n  --> open-1.yaml:4:"), "{said}");
    assert!(said.contains("\n  --> open-3.yaml:4:"), "{said}");
}
