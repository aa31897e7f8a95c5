//! What holds in SMT-LIB 2, for any solver: the folder that `verify --smtlib` writes.
//!
//! A file a question, `property-0-0.smt2`, counted within the claim; each is `unsat` where the claim holds. What no
//! script says is listed in `not-in-the-scripts.txt`, so that nobody takes the scripts for more than they are.

use super::Context;
use super::certificates::file_name;
use crate::failure::Failure;
use crate::output;
use seglab_policy::Design;
use seglab_verify::cross_check::{Scripts, smtlib};
use seglab_verify::{Report, Settings};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The name of the file that lists what is not in the scripts.
const REST: &str = "not-in-the-scripts.txt";

/// Writes the scripts of everything that holds, and removes those of an earlier run that nothing stands behind now.
pub(crate) fn write(
    folder: &Path,
    design: &Design,
    settings: &Settings,
    settled: &Report,
    context: &mut Context,
) -> Result<(), Failure> {
    let scripts = context.timings.phase("smtlib", || smtlib(design, settings, settled));
    let (properties, needs) = scripts.map_err(|differs| {
        context.disagreement(design, differs.to_string(), &differs.reproduction(design).to_string())
    })?;
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut rest = String::new();
    let names = design.properties().iter().map(|property| property.id.clone()).collect::<Vec<_>>();
    for (section, of_section) in [("property", &properties), ("need", &needs)] {
        for (at, scripts) in of_section.iter().enumerate() {
            let Some(Scripts { scripts, open }) = scripts else { continue };
            let stem = file_name(section, at).replace(".certificate", "");
            for (number, script) in scripts.iter().enumerate() {
                files.push((folder.join(format!("{stem}-{number}.smt2")), script.text.clone()));
            }
            let name = names.get(at).filter(|_| section == "property").cloned().unwrap_or_else(|| at.to_string());
            for open in open {
                let _ = writeln!(rest, "{section} {name:?}: {open}");
            }
        }
    }
    context.timings.count("scripts", files.len());
    files.push((folder.join(REST), rest));
    let placed: Vec<(PathBuf, &[u8])> = files.iter().map(|(path, text)| (path.clone(), text.as_bytes())).collect();
    output::write_files(&placed)?;
    let there = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for stale in there.filter(|path| is_script(path) && !files.iter().any(|(written, _)| written == path)) {
        // A script that speaks of another design must not stay beside those of this one.
        std::fs::remove_file(&stale).map_err(|error| Failure::Write { path: stale, error })?;
    }
    Ok(())
}

/// True for a name that this command gives to files.
fn is_script(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".smt2"));
    let mut parts = name.into_iter().flat_map(|name| name.split('-'));
    let section = matches!(parts.next(), Some("property" | "need"));
    let numbers = parts.map(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    section && numbers.collect::<Vec<_>>() == [true, true]
}
