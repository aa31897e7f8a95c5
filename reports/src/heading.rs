//! The first lines of every text: what made it, from which bytes, and what it rests on.

use crate::model::{Heading, Input};
use crate::words;
use seglab_policy::Hex;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// How many entries of a list are named.
const NAMED: usize = 5;

/// One line that names design, version, Z3, seed and the SHA-256 of what was read, then a line for each assumption and for
/// each thing that is not modelled. Of several designs, a line each.
///
/// ```
/// use seglab_reports::{Heading, Input, Tool, heading_text};
/// let tool = Tool { name: "seglab".into(), version: "1.0.0".into(), ..Tool::default() };
/// let inputs = vec![Input { path: "a.yaml".into(), sha256: "5feceb66".into() }];
/// let heading = Heading { design: "shop".into(), tool, inputs, ..Heading::default() };
/// assert_eq!(heading_text(&[heading]), "design shop · seglab 1.0.0 · no seed · a.yaml SHA-256 5feceb66\n");
/// ```
pub fn heading_text(of: &[Heading]) -> String {
    let mut out = match of {
        [] => String::new(),
        [one] => format!("{}\n", line(one)),
        [first, ..] => {
            let designs = of.iter().map(|one| format!("design {} · {}", one.design, digest(&one.inputs)));
            let lines = std::iter::once(made_by(first)).chain(designs);
            lines.flat_map(|line| [words::printable(&line), "\n".to_owned()]).collect()
        }
    };
    let assumptions = of.iter().flat_map(|one| &one.assumptions).map(|one| format!("{} ({})", one.text, one.id));
    list(&mut out, "assumed", assumptions);
    list(&mut out, "not modelled", of.iter().flat_map(|one| &one.unmodelled).map(words::unmodelled));
    out
}

/// The first line alone.
pub(crate) fn line(of: &Heading) -> String {
    words::printable(&format!("design {} · {} · {}", of.design, made_by(of), digest(&of.inputs)))
}

fn made_by(of: &Heading) -> String {
    let mut parts = vec![format!("{} {}", of.tool.name, of.tool.version)];
    parts.extend(words::z3(&of.tool));
    parts.push(words::seed(of.seed));
    parts.extend(of.today.as_ref().map(|today| format!("today {today}")));
    parts.join(" · ")
}

/// What several designs have in common is said once.
fn list(out: &mut String, label: &str, entries: impl Iterator<Item = String>) {
    let mut distinct: Vec<String> = Vec::new();
    for entry in entries {
        if !distinct.contains(&entry) {
            distinct.push(entry);
        }
    }
    for entry in distinct.iter().take(NAMED) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{label}: {}", words::printable(entry));
    }
    if distinct.len() > NAMED {
        let more = words::number((distinct.len() - NAMED) as u64);
        let _ = writeln!(out, "{label}: {more} more, which `seglab verify` lists");
    }
}

/// The hash of the only input, or of the list that `sha256sum` writes of several.
fn digest(inputs: &[Input]) -> String {
    match inputs {
        [] => "no input".to_owned(),
        [one] => format!("{} SHA-256 {}", one.path, one.sha256),
        several => {
            let list: String = several.iter().map(|one| format!("{}  {}\n", one.sha256, one.path)).collect();
            let hash: [u8; 32] = Sha256::digest(list).into();
            let inputs = words::count(several.len() as u64, "input", "inputs");
            format!("{inputs}, SHA-256 of their `sha256sum` list {}", Hex(&hash))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_inputs_have_the_hash_of_their_list() {
        let input = |path: &str, sha256: &str| Input { path: path.into(), sha256: sha256.repeat(32) };
        // printf '%s  %s\n' aa…aa a.yaml bb…bb b.yaml | sha256sum
        let expected = "7a0912917d2abf3054a06abb2d13ae6c5e43659b20cdcc4c4ce91927585f831b";
        let said = digest(&[input("a.yaml", "aa"), input("b.yaml", "bb")]);
        assert_eq!(said, format!("2 inputs, SHA-256 of their `sha256sum` list {expected}"));
    }
}
