//! `simulate --chunk` and `reduce`: a campaign in pieces gives the bytes of a campaign in one.

use crate::designs::{site_and_a_hermit, site_text};
use crate::program::{Run, folder, seglab};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CAMPAIGN: [&str; 6] = ["--replicas", "41", "--horizon", "2d", "--seed", "7"];

fn chunk(at: &Path, design: &str, chunk: &str, file: &str, more: &[&str]) -> Run {
    seglab(at, &[&["simulate", design, "--chunk", chunk, "-o", file], &CAMPAIGN[..], more].concat())
}

/// A campaign in four chunks, `1.json` to `4.json`.
fn in_chunks() -> TempDir {
    let at = folder(&[("a.yaml", &site_text()), ("b.yaml", &site_and_a_hermit())]);
    for index in 1..=4 {
        let out = chunk(at.path(), "a.yaml", &format!("{index}/4"), &format!("{index}.json"), &[]).ends(0);
        assert_eq!(out, "", "the result is the file");
    }
    at
}

#[track_caller]
fn refused(at: &TempDir, files: &[&str], words: &[&str]) {
    let run = seglab(at.path(), &[&["reduce"], files].concat());
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
    assert!(words.iter().all(|word| run.err.contains(word)), "{words:?} in\n{}", run.err);
    assert!(run.err.contains("= help: "), "{}", run.err);
}

#[test]
fn chunks_together_are_the_bytes_of_one_machine() {
    let at = in_chunks();
    for format in ["text", "json"] {
        let alone = seglab(at.path(), &[&["simulate", "a.yaml", "--format", format], &CAMPAIGN[..]].concat()).ends(0);
        let reduced = |files: &[&str]| seglab(at.path(), &[&["reduce", "--format", format], files].concat()).ends(0);
        assert_eq!(reduced(&["1.json", "2.json", "3.json", "4.json"]), alone);
        assert_eq!(reduced(&["3.json", "1.json", "4.json", "2.json"]), alone, "in any order");
        assert!(alone.contains("41"), "{alone}");
    }
    // Played again, on more threads, after it was lost: the same bytes.
    let first = fs::read(at.path().join("2.json")).unwrap();
    chunk(at.path(), "a.yaml", "2/4", "2.json", &["--threads", "3"]).ends(0);
    assert_eq!(first, fs::read(at.path().join("2.json")).unwrap());
    // More chunks than replicas, so that some are empty.
    for index in 1..=50 {
        chunk(at.path(), "a.yaml", &format!("{index}/50"), &format!("small-{index}"), &[]).ends(0);
    }
    let files: Vec<String> = (1..=50).map(|index| format!("small-{index}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let alone = seglab(at.path(), &[&["simulate", "a.yaml"], &CAMPAIGN[..]].concat()).ends(0);
    assert_eq!(seglab(at.path(), &[&["reduce"], &files[..]].concat()).ends(0), alone);
}

#[test]
fn what_is_missing_doubled_or_of_another_campaign_is_refused() {
    let at = in_chunks();
    refused(&at, &["1.json", "4.json"], &["no part is of chunk 2/4, chunk 3/4", "simulate --chunk"]);
    refused(&at, &["1.json", "2.json", "1.json"], &["`1.json` and `1.json` are both chunk 1/4"]);
    chunk(at.path(), "b.yaml", "2/4", "other.json", &[]).ends(0);
    refused(&at, &["1.json", "other.json", "3.json", "4.json"], &["`1.json` and `other.json` are chunks of different"]);
    chunk(at.path(), "a.yaml", "2/4", "longer.json", &["--shuffle-ties"]).ends(0);
    let again = ["simulate", "a.yaml", "--chunk", "2/4", "-o", "seed.json", "--replicas", "41", "--horizon", "3d"];
    seglab(at.path(), &[&again[..], &["--seed", "7"]].concat()).ends(0);
    refused(&at, &["1.json", "seed.json"], &["chunks of different simulations"]);
    chunk(at.path(), "a.yaml", "2/5", "fifth.json", &[]).ends(0);
    refused(&at, &["1.json", "fifth.json"], &["`1.json` and `fifth.json` are chunks of different"]);
}

#[test]
fn what_is_no_chunk_is_refused() {
    let at = in_chunks();
    let whole = fs::read_to_string(at.path().join("2.json")).unwrap();
    let write = |name: &str, text: &str| fs::write(at.path().join(name), text).unwrap();
    write("cut.json", &whole[..whole.len() / 2]);
    refused(&at, &["1.json", "cut.json"], &["cut.json:1:", "no whole chunk"]);
    write("empty.json", "");
    refused(&at, &["empty.json"], &["empty.json:1:0", "no whole chunk"]);
    refused(&at, &["absent.json"], &["cannot read `absent.json`"]);
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(whole.contains(&version));
    write("old.json", &whole.replace(&version, "\"version\":\"0.0.1\""));
    refused(&at, &["1.json", "old.json"], &["`old.json` was played by seglab 0.0.1", "play them again"]);
    let simulated = seglab(at.path(), &[&["simulate", "a.yaml", "--format", "json"], &CAMPAIGN[..]].concat()).ends(0);
    write("simulated.json", &simulated);
    refused(&at, &["simulated.json"], &["`seglab/simulate/v1`, not `seglab/chunk/v1`"]);
    // A chunk that says it is another one does not have its replicas.
    assert!(whole.contains("\"index\":2"));
    write("renamed.json", &whole.replace("\"index\":2", "\"index\":3"));
    refused(&at, &["1.json", "renamed.json"], &["`renamed.json` does not have the replicas of its chunk"]);
}

#[test]
fn chunks_that_there_cannot_be_are_refused() {
    let at = folder(&[("a.yaml", &site_text())]);
    for (chunk_of, words) in
        [("0/4", "no chunk 0 of 4"), ("5/4", "no chunk 5 of 4"), ("4", "third of eight"), ("a/b", "`a` is no number")]
    {
        let run = chunk(at.path(), "a.yaml", chunk_of, "x.json", &[]);
        assert_eq!(run.code, Some(2));
        assert!(run.err.contains(words), "{words} in\n{}", run.err);
    }
    for more in [&["--precision", "0.1"][..], &["--format", "json"]] {
        assert_eq!(chunk(at.path(), "a.yaml", "1/2", "x.json", more).code, Some(2), "{more:?}");
    }
    assert_eq!(seglab(at.path(), &["simulate", "a.yaml", "--chunk", "1/2"]).code, Some(2), "where to?");
    assert_eq!(seglab(at.path(), &["simulate", "a.yaml", "-o", "x.json"]).code, Some(2), "which?");
    // A folder is no place for a file: nothing is left behind.
    fs::create_dir(at.path().join("taken")).unwrap();
    assert_eq!(chunk(at.path(), "a.yaml", "1/2", "taken", &[]).code, Some(2));
    let left: Vec<_> = fs::read_dir(at.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
