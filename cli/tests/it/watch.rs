//! `verify --watch`: told once, then told what turns, until standard input ends.

use crate::program::command;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything here takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

const UNITS: &str = "seglab: 1
units:
  - {name: web, labels: {app: web}, addresses: [10.0.0.1], listens: [tcp/443]}
  - {name: db, labels: {app: db}, addresses: [10.0.0.2], listens: [tcp/5432]}
  - {name: ops, labels: {app: ops}, addresses: [10.0.0.3], listens: [tcp/22]}
";

fn lab(rules: &[&str], properties: &[&str]) -> String {
    let list = |of: &[&str]| of.iter().map(|one| format!("  - {one}\n")).collect::<String>();
    format!("{UNITS}policy:\n{}properties:\n{}", list(rules), list(properties))
}

const ISOLATED: &str = "isolated: {from: app=web, to: app=db}";

/// A run of the binary whose lines come one by one.
struct Watching {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Watching {
    fn new(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = command(folder, arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, out, err }
    }

    /// The lines up to the first that starts like this.
    #[track_caller]
    fn until(from: &Receiver<String>, start: &str) -> String {
        let mut all = String::new();
        loop {
            let line = from.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error}: no `{start}` in\n{all}"));
            all.push_str(&line);
            all.push('\n');
            if line.starts_with(start) {
                return all;
            }
        }
    }

    /// What it says until it ends because its standard input has, and with which code.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let code = self.child.wait().unwrap().code();
        (code, self.out.iter().collect::<Vec<_>>().join("\n"))
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

#[test]
fn what_turns_is_told_and_the_last_verdict_is_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seglab.yaml");
    let ops = "allow: {from: app=web, to: app=ops, service: tcp/22}";
    std::fs::write(&path, lab(&[ops], &[ISOLATED])).unwrap();
    let watching = Watching::new(folder.path(), &["verify", "seglab.yaml", "--watch"]);
    let first = Watching::until(&watching.out, "The only property holds.");
    assert!(first.contains("scope\n"), "{first}");

    // A rule comes, and with it a path over two hops.
    let onward = "allow: {from: app=ops, to: app=db, service: tcp/5432}";
    std::fs::write(&path, lab(&[ops, onward], &[ISOLATED])).unwrap();
    let violated = Watching::until(&watching.out, "The only property is violated");
    assert!(violated.contains("web -> ops tcp/22") && violated.contains("ops -> db tcp/5432"), "{violated}");
    assert!(!violated.contains("scope\n"), "{violated}");
    let told = Watching::until(&watching.err, "read in ");
    assert!(told.contains("1 rule came or went"), "{told}");

    // Half a file is no design, and is told where it breaks off.
    std::fs::write(&path, format!("{UNITS}policy: [\n")).unwrap();
    let broken = Watching::until(&watching.err, "the last design that could be read stays");
    assert!(broken.contains("seglab.yaml:"), "{broken}");

    std::fs::write(&path, lab(&[ops], &[ISOLATED])).unwrap();
    Watching::until(&watching.out, "The only property holds.");
    std::fs::write(&path, lab(&[onward], &[ISOLATED, "isolated: {from: app=ops, to: app=db}"])).unwrap();
    let violated = Watching::until(&watching.out, "1 of 2 properties");
    assert!(!violated.contains("web -> ops"), "what has not turned is not told again: {violated}");
    let (code, _) = watching.end();
    assert_eq!(code, Some(1));
}

#[test]
fn a_folder_is_watched_for_files_that_come() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("seglab.yaml", &format!("{UNITS}sources:\n  - lab: rules/more.yaml\nproperties:\n  - {ISOLATED}\n"));
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    write("rules/more.yaml", "seglab: 1\npolicy: []\n");
    let watching = Watching::new(folder.path(), &["verify", ".", "--watch"]);
    Watching::until(&watching.out, "The only property holds.");
    write("rules/more.yaml", "seglab: 1\npolicy:\n  - allow: {from: app=web, to: app=db, service: tcp/5432}\n");
    Watching::until(&watching.out, "The only property is violated");
    write("rules/more.yaml", "seglab: 1\npolicy: []\n");
    Watching::until(&watching.out, "The only property holds.");
    assert_eq!(watching.end().0, Some(0));
}

#[test]
fn waivers_and_baselines_count_while_watching() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let waiver = |until: &str| {
        format!("seglab: 1\nwaivers: [{{property: apart, owner: ann, reason: the move, expires: {until}}}]\n")
    };
    let apart = "isolated: {id: apart, from: app=web, to: app=db}";
    let direct = "allow: {from: app=web, to: app=db, service: tcp/5432}";
    write("seglab.yaml", &lab(&[direct], &[apart]));
    write("waivers.yaml", &waiver("2027-01-31"));
    let asked = ["verify", "seglab.yaml", "--today", "2026-11-22", "--watch", "--waivers", "waivers.yaml"];
    let watching = Watching::new(folder.path(), &asked);
    Watching::until(&watching.out, "The only property is violated; the gate is open, 1 waived.");
    write("waivers.yaml", &waiver("2026-11-21"));
    Watching::until(&watching.out, "The only property is violated; the gate is closed by 1 finding, 0 waived.");
    write("waivers.yaml", &waiver("soon"));
    let told = Watching::until(&watching.err, "the last design that could be read stays");
    assert!(told.contains("waivers.yaml:2:") && told.contains("`soon` is not a date"), "{told}");
    assert_eq!(watching.end().0, Some(1));

    let baseline = crate::program::seglab(folder.path(), &["verify", "seglab.yaml", "--write-baseline", "base.json"]);
    assert_eq!(baseline.code, Some(0), "{}", baseline.err);
    let watching = Watching::new(folder.path(), &["verify", "seglab.yaml", "--watch", "--baseline", "base.json"]);
    Watching::until(&watching.out, "The only property is violated; the gate is open, 1 known from the baseline.");
    write("seglab.yaml", &lab(&["allow: {from: app=web, to: app=ops, service: tcp/22}"], &[apart]));
    Watching::until(&watching.out, "The only property holds; the gate is open, 0 known from the baseline, 1 of");
    assert_eq!(watching.end().0, Some(0));

    let run = crate::program::seglab(folder.path(), &["verify", ".", "--watch", "--write-baseline", "base.json"]);
    assert!(run.code == Some(2) && run.err.contains("cannot be used with"), "{}", run.err);
}

#[test]
fn standard_input_cannot_be_watched() {
    let folder = tempfile::tempdir().unwrap();
    let run = crate::program::seglab(folder.path(), &["verify", "-", "--watch"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("`--watch` has nothing to watch"), "{}", run.err);
}
