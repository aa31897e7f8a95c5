//! Manifests for tests: written in place, or public ones that stand beside the checkout.

use seglab_formats::kubernetes::{Options, read};
use seglab_formats::{File, Reading, Rejected};
use seglab_policy::{Design, Diagnostic, SourceId};
use std::path::{Path, PathBuf};

/// The folder of public data, `shared/data` beside the checkout or beside a folder that it is in; `None`, with a message,
/// where it is absent. In continuous integration that is a failure.
pub(crate) fn public(name: &str) -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data").join(name)).find(|folder| folder.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the public data `{name}` is absent");
        eprintln!("skipped: the public data `{name}` is absent");
    }
    found
}

/// The manifests below a folder, in the order of their paths.
pub(crate) fn folder(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known))
            {
                let text = std::fs::read_to_string(&path).expect("a text");
                let path = path.strip_prefix(root).expect("a path below").to_string_lossy().replace('\\', "/");
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// One file of text.
pub(crate) fn file(text: &str) -> Vec<File> {
    vec![File { path: "m.yaml".to_owned(), text: text.to_owned() }]
}

/// The reading of files that have no errors.
pub(crate) fn reading(files: &[File]) -> Reading {
    match read(files, &Options::default()) {
        Ok(reading) => reading,
        Err(rejected) => panic!("{}", print_rejected(&rejected)),
    }
}

/// The design of files that have no errors.
pub(crate) fn design(files: &[File]) -> Design {
    Design::new(reading(files).draft).expect("a whole design")
}

/// Diagnostics as lines `severity[code] file:line:column: message (help)`.
pub(crate) fn print(diagnostics: &[Diagnostic], path: impl Fn(SourceId) -> String) -> String {
    let mut lines = Vec::new();
    let place = |span: seglab_policy::Span| format!("{}:{}:{}", path(span.source), span.line, span.column);
    for Diagnostic { severity, code, message, span, related, help, among: _ } in diagnostics {
        let at = span.map_or_else(|| "-".to_owned(), place);
        let help = help.as_deref().expect("every diagnostic says what to do");
        let related: String = related.iter().map(|one| format!("  {}: {}\n", place(one.span), one.what)).collect();
        lines.push(format!("{severity}[{code}] {at}: {message}\n{related}  help: {help}"));
    }
    lines.join("\n")
}

/// The diagnostics of a reading.
pub(crate) fn print_reading(reading: &Reading) -> String {
    print(&reading.diagnostics, |source| reading.draft.sources[source.0 as usize].path.clone())
}

/// The diagnostics of refused input.
pub(crate) fn print_rejected(rejected: &Rejected) -> String {
    print(&rejected.diagnostics, |source| rejected.sources[source.0 as usize].path.clone())
}
