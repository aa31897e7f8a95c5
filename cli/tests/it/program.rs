//! Running the built binary.

use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
#[expect(clippy::disallowed_types, reason = "how long a user waits is part of what is tested")]
use std::time::Instant;
use tempfile::TempDir;

/// How a run ended.
pub(crate) struct Run {
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Run {
    /// The standard output of a run that has to end with `code`.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "\n--- standard output\n{}\n--- standard error\n{}", self.out, self.err);
        self.out
    }

    /// The standard output as JSON.
    #[track_caller]
    pub(crate) fn json(self, code: i32) -> serde_json::Value {
        let out = self.ends(code);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}\n{out}"))
    }
}

/// The binary, to be run in a folder.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seglab"));
    command.current_dir(folder).args(arguments);
    command
}

/// Runs the binary in a folder, with nothing on its standard input.
pub(crate) fn seglab(folder: &Path, arguments: &[&str]) -> Run {
    let output = command(folder, arguments).stdin(Stdio::null()).output().expect("the binary runs");
    run(output)
}

/// The same, and it has to end within a time that a user is ready to wait.
#[track_caller]
#[expect(clippy::disallowed_types, reason = "how long a user waits is part of what is tested")]
pub(crate) fn seglab_within(limit: Duration, folder: &Path, arguments: &[&str]) -> Run {
    let start = Instant::now();
    let run = seglab(folder, arguments);
    let spent = start.elapsed();
    assert!(spent < limit, "{arguments:?} took {spent:?}");
    run
}

/// Runs the binary in a folder, with a text on its standard input.
pub(crate) fn seglab_reading(folder: &Path, arguments: &[&str], input: &str) -> Run {
    let mut child = command(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // The binary reads all of its input before it prints anything, so nothing can block here.
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("the binary reads");
    run(child.wait_with_output().expect("the binary ends"))
}

/// What stands under the heading of a text: its first lines, up to the first empty one.
#[track_caller]
pub(crate) fn body(out: &str) -> &str {
    let (heading, body) = out.split_once("\n\n").unwrap_or_else(|| panic!("no heading in\n{out}"));
    assert!(heading.contains("seglab ") && heading.contains("SHA-256"), "no heading in\n{out}");
    body
}

/// SHA-256 of a text, in hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run(output: std::process::Output) -> Run {
    let text = |bytes| String::from_utf8(bytes).expect("the binary writes UTF-8");
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder of its own with files in it, deleted when it is dropped.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

/// Writes a file, and the folders that lead to it.
pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

/// A file's bytes.
pub(crate) fn bytes(folder: &Path, path: &str) -> Vec<u8> {
    std::fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Everything in a folder and below it, as paths in their order.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).expect("a folder") {
            let path = entry.expect("an entry").path();
            found.push(path.strip_prefix(folder).expect("a path below").to_string_lossy().into_owned());
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The checkout.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Public data, `shared/data` beside the checkout or beside a folder that it is in; `None`, with a message, where it is
/// absent. In continuous integration that is a failure.
pub(crate) fn public(name: &str) -> Option<PathBuf> {
    let workspace = workspace();
    let beside = workspace.ancestors().skip(1).map(|folder| folder.join("shared/data").join(name));
    let found = beside.into_iter().find(|folder| folder.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the public data `{name}` is absent");
        eprintln!("skipped: the public data `{name}` is absent");
    }
    found
}
