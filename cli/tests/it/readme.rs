//! What the README says works as it stands there.

use crate::program::{body, folder, seglab, workspace};

fn readme() -> String {
    std::fs::read_to_string(workspace().join("README.md")).expect("the README")
}

/// A section of the README.
fn section<'t>(text: &'t str, title: &str) -> &'t str {
    let rest = text.split_once(&format!("\n## {title}\n")).expect("the section").1;
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The first block of a language.
fn block<'t>(section: &'t str, language: &str) -> &'t str {
    let rest = section.split_once(&format!("```{language}\n")).expect("a block").1;
    rest.split("```").next().unwrap_or(rest)
}

/// The commands of the gate run as they stand there, in their order, and the waiver counts until its day.
#[test]
fn the_gate_opens_and_closes() {
    let text = readme();
    let gate = section(&text, "As a CI gate");
    let lab = "seglab: 1
units:
  - {name: laptop, labels: {app: dev}}
  - {name: store, labels: {app: db}, listens: [tcp/5432]}
segments: {dev: app=dev, db: app=db}
policy:
  - allow: {from: dev, to: db, service: tcp/5432}
properties:
  - isolated: {id: db-apart, from: dev, to: db}
";
    let at = folder(&[("seglab.yaml", lab), ("waivers.yaml", block(gate, "yaml"))]);
    seglab(at.path(), &["verify", "."]).ends(1);
    let commands: Vec<&str> = block(gate, "sh").lines().collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split('#').next().expect("a command").split_whitespace().skip(1).collect();
        seglab(at.path(), &words).ends(0);
    }
    assert!(at.path().join("out.sarif").exists());
    for (day, code) in [("2027-01-31", 0), ("2027-02-01", 1)] {
        seglab(at.path(), &["verify", ".", "--waivers", "waivers.yaml", "--today", day]).ends(code);
    }
}

/// The ten lines of the lab file hold, and seglab can do with them what the README says.
#[test]
fn the_lab_file_holds() {
    let text = readme();
    let block = block(section(&text, "A lab file"), "yaml");
    assert!(block.lines().count() <= 12, "ten lines, give or take two:\n{block}");
    let at = folder(&[("seglab.yaml", block)]);
    let document = seglab(at.path(), &["verify", ".", "--format", "json"]).json(0);
    assert_eq!(document["verdict"], "holds");
    let path = ["explain", ".", "--from", "web", "--to", "mail-db", "--port", "tcp/5432"];
    assert!(body(&seglab(at.path(), &path).ends(0)).starts_with("web -> mail-db tcp/5432: allowed\n"));
}

/// Every command of the table is one, and every command is in the table.
#[test]
fn the_table_of_commands_is_whole() {
    let text = readme();
    let table: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("| `seglab ")?.split([' ', '`']).next()).collect();
    let help = seglab(folder(&[]).path(), &["--help"]).ends(0);
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("the commands");
    let commands = commands.lines().filter_map(|line| line.split_whitespace().next());
    let mut commands: Vec<&str> = commands.filter(|name| *name != "help").collect();
    commands.sort_unstable();
    let mut sorted = table;
    sorted.sort_unstable();
    // A command may have several rows.
    sorted.dedup();
    assert_eq!(sorted, commands);
}
