//! `simulate` and `compare`: the same bytes on any number of threads, and no difference where there is none.

use crate::designs::{PODS, site, site_and_a_hermit, site_text};
use crate::program::{Run, folder, seglab};
use serde_json::Value;
use tempfile::TempDir;

const SHORT: [&str; 4] = ["--replicas", "40", "--horizon", "2d"];

fn run(at: &TempDir, arguments: &[&str]) -> Run {
    seglab(at.path(), &[arguments, &SHORT].concat())
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let at = folder(&[("a.yaml", &site_text()), ("b.yaml", &site_and_a_hermit())]);
    for start in [&["simulate", "a.yaml"][..], &["compare", "a.yaml", "b.yaml"]] {
        for format in ["text", "json"] {
            let with = |threads| run(&at, &[start, &["--format", format, "--threads", threads]].concat()).ends(0);
            let one = with("1");
            assert_eq!(one, with("2"), "{start:?} {format}");
            assert_eq!(one, with("3"), "{start:?} {format}");
        }
    }
}

/// The seed decides, and something happens: an attacker who never gets anywhere would be the same under any seed.
#[test]
fn seeds_differ() {
    let at = site();
    let with = |seed| run(&at, &["simulate", ".", "--seed", seed, "--format", "json"]).json(0);
    let (one, two) = (with("1"), with("2"));
    assert_eq!(one["schema"], "seglab/simulate/v1");
    assert_ne!(one["designs"], two["designs"]);
    let text = run(&at, &["simulate", "."]).ends(0);
    assert!(text.contains("40 replicas of") && text.contains("(seed 1)"), "{text}");
    assert!(text.contains("attacker `through-the-site`") && text.contains("95 % interval"), "{text}");
}

/// A design against itself, and against itself plus a unit that no path leads to: difference 0 in every replica.
#[test]
fn no_change_is_no_difference() {
    let hermit = site_and_a_hermit();
    assert_ne!(hermit, site_text());
    let open = site_text().replace("policy:\n", "policy:\n  - allow: {from: any, to: any}\n");
    let at = folder(&[("a.yaml", &site_text()), ("hermit.yaml", &hermit), ("open.yaml", &open)]);
    let differences = |other: &str| {
        let document = run(&at, &["compare", "a.yaml", other, "--format", "json"]).json(0);
        assert_eq!(document["schema"], "seglab/compare/v1");
        let found = document["differences"].as_array().expect("a list").clone();
        assert_eq!(found.len(), 1);
        let pairs = found[0].as_object().expect("a difference").values().filter_map(Value::as_array);
        let pairs: Vec<(u64, u64)> = pairs
            .flatten()
            .map(|pair| (pair[0].as_u64().expect("a number"), pair[1].as_u64().expect("a number")))
            .collect();
        assert_eq!(pairs.len() % 40, 0);
        assert!(pairs.len() >= 6 * 40, "six measures of forty replicas");
        pairs
    };
    for same in ["a.yaml", "hermit.yaml"] {
        let pairs = differences(same);
        assert!(pairs.iter().all(|(first, second)| first == second), "{same}");
        assert!(pairs.iter().any(|(first, _)| *first > 1), "something happens in these replicas");
    }
    assert!(differences("open.yaml").iter().any(|(first, second)| first != second), "an open design is worse");
}

#[test]
fn without_an_attacker_there_is_traffic_only() {
    let at = folder(&[("pods.yaml", PODS)]);
    let out = run(&at, &["simulate", "."]).ends(0);
    assert!(out.contains("no attacker is declared: traffic only"), "{out}");
}
