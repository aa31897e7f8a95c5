//! Reading files and folders, within limits.

use seglab_formats::{File, MAX_FILE_BYTES};
use seglab_policy::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The endings of files that may hold manifests.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// More files than this, or folders nested deeper, are not what somebody meant to name.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Disk {
    /// The texts by path.
    pub(super) texts: BTreeMap<String, String>,
}

impl Disk {
    /// Reads one file.
    pub(super) fn read(&mut self, path: &str) -> Result<File, Diagnostic> {
        if is_folder(path) {
            let message = format!("`{path}` is a folder");
            return Err(Diagnostic::error("unreadable", message, None).with_help("name a file in it"));
        }
        let failed = |error: std::io::Error| unreadable(path, &error);
        let open = std::fs::File::open(path).map_err(failed)?;
        // The size is asked first, so that a huge file is refused at once; pipes and devices have none.
        check_size(path, open.metadata().map_err(failed)?.len())?;
        let mut bytes = Vec::new();
        open.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        self.decode(path, bytes)
    }

    /// Reads a file, or everything in a folder that may hold manifests, in the order of the paths.
    pub(super) fn read_all(&mut self, path: &str) -> Result<Vec<File>, Diagnostic> {
        if is_folder(path) { self.read_folder(path) } else { Ok(vec![self.read(path)?]) }
    }

    /// Reads everything in a folder and below it that may hold manifests, in the order of the paths.
    pub(super) fn read_folder(&mut self, path: &str) -> Result<Vec<File>, Diagnostic> {
        let mut found = Vec::new();
        walk(path, &mut found, &mut BTreeSet::new(), 0)?;
        if found.is_empty() {
            let message = format!("the folder `{path}` holds no file that ends in `.yaml`, `.yml` or `.json`");
            let help = "name a folder or file with manifests, or a lab file";
            return Err(Diagnostic::error("empty-folder", message, None).with_help(help));
        }
        found.sort();
        found.iter().map(|path| self.read(path)).collect()
    }

    /// Takes bytes for text, and remembers it under its path.
    pub(super) fn decode(&mut self, path: &str, bytes: Vec<u8>) -> Result<File, Diagnostic> {
        check_size(path, bytes.len() as u64)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("`{path}` is not text in UTF-8: line {line} holds other bytes");
            Diagnostic::error("not-utf-8", message, None).with_help("save the file as UTF-8, or leave it out")
        })?;
        self.texts.insert(path.to_owned(), text.clone());
        Ok(File { path: path.to_owned(), text })
    }
}

/// A path with `/` between its parts and none at its end.
pub(super) fn with_slashes(path: &str) -> String {
    let path = if std::path::MAIN_SEPARATOR == '/' { path.to_owned() } else { path.replace('\\', "/") };
    match path.trim_end_matches('/') {
        "" if !path.is_empty() => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

/// A path relative to a folder; `""` and `"."` are the current one, which paths do not name.
pub(super) fn join(folder: &str, path: &str) -> String {
    let path = with_slashes(path);
    if Path::new(&path).is_absolute() {
        return path;
    }
    match path.as_str() {
        "." if folder.is_empty() => path.clone(),
        "." => folder.to_owned(),
        path if matches!(folder, "" | ".") => path.trim_start_matches("./").to_owned(),
        path => format!("{}/{}", folder.trim_end_matches('/'), path.trim_start_matches("./")),
    }
}

/// The folder that a file stands in; `""` for the current one.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder })
}

pub(super) fn is_folder(path: &str) -> bool {
    Path::new(if path.is_empty() { "." } else { path }).is_dir()
}

pub(super) fn is_file(path: &str) -> bool {
    Path::new(path).is_file()
}

/// Finds the files below a folder that may hold manifests. What begins with a dot is left out, as tools do that apply
/// folders; a link that leads back up is followed once.
fn walk(folder: &str, found: &mut Vec<String>, seen: &mut BTreeSet<PathBuf>, depth: usize) -> Result<(), Diagnostic> {
    let failed = |error: std::io::Error| unreadable(folder, &error);
    let on_disk = Path::new(if folder.is_empty() { "." } else { folder });
    if depth > DEPTH_MAX || !seen.insert(on_disk.canonicalize().map_err(failed)?) {
        return Ok(());
    }
    for entry in std::fs::read_dir(on_disk).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else {
            let message = format!("the folder `{folder}` holds a file whose name is not UTF-8");
            return Err(Diagnostic::error("not-utf-8", message, None).with_help("rename it"));
        };
        if name.starts_with('.') {
            continue;
        }
        let path = join(folder, name);
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        if is_folder(&path) {
            walk(&path, found, seen, depth + 1)?;
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            found.push(path);
        }
        if found.len() > FILES_MAX {
            let message = format!("the folder `{folder}` holds more than {FILES_MAX} manifests");
            return Err(Diagnostic::error("too-many-files", message, None).with_help("name a folder further down"));
        }
    }
    Ok(())
}

fn check_size(path: &str, bytes: u64) -> Result<(), Diagnostic> {
    if bytes <= MAX_FILE_BYTES as u64 {
        return Ok(());
    }
    let message = format!("`{path}` is too large: files of up to {} MiB are read", MAX_FILE_BYTES >> 20);
    Err(Diagnostic::error("file-too-large", message, None).with_help("split it, or leave out what is no policy"))
}

fn unreadable(path: &str, error: &std::io::Error) -> Diagnostic {
    let (code, message) = match error.kind() {
        ErrorKind::NotFound => ("not-found", format!("`{path}` does not exist")),
        ErrorKind::PermissionDenied => ("unreadable", format!("`{path}` cannot be read: permission denied")),
        _ => ("unreadable", format!("`{path}` cannot be read: {}", error.to_string().to_lowercase())),
    };
    Diagnostic::error(code, message, None).with_help("correct the path, or its permissions")
}
