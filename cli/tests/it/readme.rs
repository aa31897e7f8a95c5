//! What the README says works as it stands there.

use crate::program::{body, folder, seglab, workspace};

fn readme() -> String {
    std::fs::read_to_string(workspace().join("README.md")).expect("the README")
}

/// The ten lines of the lab file hold, and seglab can do with them what the README says.
#[test]
fn the_lab_file_holds() {
    let text = readme();
    let block = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of YAML");
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
