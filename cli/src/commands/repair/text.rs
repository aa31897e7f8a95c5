//! A repair as text.

use super::{Claim, Document, Shown, ShownEdit};
use seglab_policy::{count, number};
use seglab_reports::{Change, Location, heading_text};
use std::fmt::Write as _;
use std::path::Path;

/// The whole answer; `written` is where the patch was written to.
pub(super) fn text(document: &Document, written: Option<&Path>) -> String {
    let mut out = heading_text(std::slice::from_ref(&document.heading));
    out.push('\n');
    let _ = writeln!(out, "{}", headline(document));
    claims(&mut out, "not as it should be", &document.before);
    claims(&mut out, "not repaired: unknown whatever the rules say, or about the rules themselves", &document.aside);
    let why = match document.contradiction.len() {
        0 | 1 => "cannot hold whatever the rules say, where enforcement stands as it does",
        _ => "contradict each other; each can hold once another of them is given up",
    };
    claims(&mut out, why, &document.contradiction);
    if let Some(shown) = &document.repair {
        repair(&mut out, shown, written);
    }
    let spent = &document.spent;
    let _ = writeln!(
        out,
        "\n{} of edits verified, {} of counterexamples, {} weighed, {} of Z3's resource units",
        count(spent.rounds as u64, "choice", "choices"),
        count(spent.demands as u64, "demand", "demands"),
        count(spent.candidates as u64, "candidate edit", "candidate edits"),
        number(u64::from(spent.z3_resources)),
    );
    out
}

fn headline(document: &Document) -> String {
    let at_least = document.at_least.unwrap_or_default();
    match (document.finding, &document.repair) {
        ("nothing", _) if document.aside.is_empty() => {
            "nothing to repair: every property holds and every need works".to_owned()
        }
        ("nothing", _) => "nothing to repair among the claims about connections".to_owned(),
        ("contradiction", _) => "no repair: no choice of edits makes everything hold".to_owned(),
        (_, Some(shown)) => {
            let edits = count(shown.edits.len() as u64, "edit", "edits");
            match shown.least {
                true => format!("a repair of {edits}, the least among {}", space(document)),
                false => format!(
                    "a repair of {edits}: feasible, at least {at_least}\nundecided whether fewer do: {}",
                    document.stopped.as_deref().unwrap_or("a limit was reached")
                ),
            }
        }
        _ => format!(
            "undecided: no repair was found before a limit was reached; one has at least {}\n{}",
            count(at_least as u64, "edit", "edits"),
            document.stopped.as_deref().unwrap_or_default()
        ),
    }
}

/// The edits that were chosen from.
fn space(document: &Document) -> String {
    let candidates = count(document.spent.candidates as u64, "candidate edit", "candidate edits");
    format!("{candidates} that touch a counterexample")
}

fn claims(out: &mut String, title: &str, claims: &[Claim]) {
    if claims.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for one in claims {
        let _ = writeln!(out, "  {} {}: {}{}", one.kind, one.name, one.verdict, place(one.location.as_ref()));
    }
}

fn place(location: Option<&Location>) -> String {
    location.map_or_else(String::new, |at| format!(" ({}:{})", at.path, at.line))
}

fn repair(out: &mut String, shown: &Shown, written: Option<&Path>) {
    let _ = writeln!(out, "\nedits");
    for (at, edit) in shown.edits.iter().enumerate() {
        let _ = writeln!(out, "  {}. {}", at + 1, edit_text(edit));
    }
    let _ =
        writeln!(out, "\n{} changed{}", count(shown.connections_changed, "connection", "connections"), compared(shown));
    for counted in &shown.changes {
        let _ = writeln!(out, "  {}: {}", counted.kind, count(counted.pairs, "pair", "pairs"));
        if let Some(example) = shown.examples.iter().find(|change| change.kind == counted.kind) {
            let _ = writeln!(out, "    such as {}", change(example));
        }
    }
    match shown.after.is_empty() {
        true => {
            let _ = writeln!(out, "\nafter it every property holds and every need works");
        }
        false => claims(out, "after it everything holds but", &shown.after),
    }
    match (&shown.patch, &shown.no_patch, written) {
        (Some(_), _, Some(path)) => {
            let _ = writeln!(out, "\nthe patch, read back and verified, is {}", path.display());
        }
        (Some(patch), _, None) => {
            let _ = write!(out, "\npatch, read back and verified; apply it with `patch -p1`\n\n{patch}");
        }
        (None, Some(why), _) => {
            let _ = writeln!(out, "\nno patch: {why}");
        }
        (None, None, _) => {}
    }
}

fn compared(shown: &Shown) -> String {
    match (shown.compared, shown.exhausted) {
        (_, false) if !shown.least => String::new(),
        (1, true) => "; no other repair has as few edits".to_owned(),
        (1, false) => String::new(),
        (compared, true) => format!(", the fewest of all {compared} repairs with as many edits"),
        (compared, false) => format!(", the fewest of {compared} repairs with as many edits that were compared"),
    }
}

fn edit_text(edit: &ShownEdit) -> String {
    let object = edit.object.as_ref().map_or_else(String::new, |object| format!(" of {object}"));
    let at = place(edit.location.as_ref());
    let mut text = match (edit.kind, &edit.becomes) {
        ("narrow", Some(becomes)) => format!("narrow `{}`{object}{at}\n     to `{becomes}`", edit.what),
        ("remove", _) => format!("remove `{}`{object}{at}", edit.what),
        ("isolate", _) => format!("isolate `{}` in {}", edit.what, edit.tier),
        _ => format!("add `{}` to {}", edit.what, edit.tier),
    };
    if let Some(why) = &edit.no_patch {
        let _ = write!(text, "\n     not in a patch: {why}");
    }
    text
}

fn change(of: &Change) -> String {
    let connections = of.connections.as_ref().map_or_else(String::new, |connections| format!(" {connections}"));
    format!("{} -> {}{connections}", of.from.name, of.to.name)
}
