//! Certificates of what holds: the folder that `verify --certificates` writes and `check` reads.
//!
//! The folder holds the normal form, a certificate for each verdict that holds, and a manifest with the digests of all
//! of these and of the sources. The manifest is written last and removed first, so what a stopped run leaves behind is
//! no folder of certificates.

use super::Context;
use crate::failure::Failure;
use crate::output;
use seglab_certificate::sha256;
use seglab_policy::{Hex, normal_form};
use seglab_reports::Verification;
use seglab_verify::{Proof, Report, Settings, Verifier};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The name of the manifest in its folder.
pub(crate) const MANIFEST: &str = "manifest.txt";
/// The name of the normal form in the folder.
pub(crate) const NORMAL_FORM: &str = "normal-form.txt";
/// The first line of a manifest.
pub(crate) const MANIFEST_HEADER: &str = "seglab-manifest 1";

/// Writes the certificates of everything that holds, and names them in the verification.
pub(crate) fn write(
    folder: &Path,
    verifier: &mut Verifier<'_>,
    settings: &Settings,
    settled: &Report,
    verification: &mut Verification,
    context: &mut Context,
) -> Result<(), Failure> {
    let design = verifier.design();
    let proofs = context.timings.phase("prove", || verifier.prove_all(settings, settled));
    let normal_form = normal_form::write(design);
    let digest = sha256(normal_form.as_bytes());
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut manifest = format!("{MANIFEST_HEADER}\nnormal-form {digest} {NORMAL_FORM}\n");
    for source in design.sources() {
        let _ = writeln!(manifest, "source {} {:?}", Hex(&source.sha256), source.path);
    }
    let sections = [("property", &proofs.properties), ("need", &proofs.needs)];
    for (section, proofs) in sections {
        let keyword = format!("{section} ");
        let lines = normal_form.lines().filter(|line| line.starts_with(&keyword));
        for (at, (line, proof)) in lines.zip(proofs).enumerate() {
            let Some(proof) = proof else { continue };
            let name = file_name(section, at);
            let text = text(proof, &digest, section, at, line);
            let _ = writeln!(manifest, "certificate {} {name}", sha256(text.as_bytes()));
            files.push((folder.join(&name), text));
            if let ("property", Some(property)) = (section, verification.properties.get_mut(at)) {
                property.certificate = Some(folder.join(&name).display().to_string());
            }
        }
    }
    let _ = writeln!(manifest, "end {}", manifest.lines().count());
    context.timings.count("certificates", files.len());
    files.push((folder.join(NORMAL_FORM), normal_form));
    files.push((folder.join(MANIFEST), manifest));
    let stale = names_in(folder);
    let manifest = folder.join(MANIFEST);
    if manifest.exists() {
        std::fs::remove_file(&manifest).map_err(|error| Failure::Write { path: manifest, error })?;
    }
    let placed: Vec<(PathBuf, &[u8])> = files.iter().map(|(path, text)| (path.clone(), text.as_bytes())).collect();
    output::write_files(&placed)?;
    for name in stale.iter().filter(|name| !files.iter().any(|(path, _)| *path == folder.join(name))) {
        // A certificate of an earlier run that nothing names any more harms nobody if it stays.
        let _ = std::fs::remove_file(folder.join(name));
    }
    Ok(())
}

/// The name of the file of a certificate.
pub(crate) fn file_name(section: &str, position: usize) -> String {
    format!("{section}-{position}.certificate")
}

fn text(proof: &Proof, design: &str, section: &str, position: usize, line: &str) -> String {
    proof.to_text(design, section, position, &sha256(line.as_bytes()))
}

/// The certificates that a folder's manifest names.
fn names_in(folder: &Path) -> Vec<String> {
    let manifest = std::fs::read_to_string(folder.join(MANIFEST)).unwrap_or_default();
    let certificates = manifest.lines().filter_map(|line| line.strip_prefix("certificate "));
    let names = certificates.filter_map(|line| line.split_once(' ')).map(|(_, name)| name);
    names.filter(|name| is_file_name(name)).map(str::to_owned).collect()
}

/// True for a name that a certificate may have, which leads out of no folder.
pub(crate) fn is_file_name(name: &str) -> bool {
    let parts = name.strip_suffix(".certificate").and_then(|name| name.split_once('-'));
    parts.is_some_and(|(section, position)| {
        matches!(section, "property" | "need") && position.parse::<usize>().is_ok_and(|at| at.to_string() == position)
    })
}
