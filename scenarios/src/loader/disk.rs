//! Reading files and folders, within limits, from wherever they are.

use seglab_formats::{File, MAX_FILE_BYTES};
use seglab_policy::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The endings of files that may hold manifests.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// More files than this, or folders nested deeper, are not what somebody meant to name.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, or something else that can be read.
    File,
    /// A folder.
    Folder,
}

/// Where files are: [`OnDisk`], or anything else that has paths with `/` between their parts, such as a revision of a
/// repository.
pub trait Files {
    /// What a path leads to; `None` for nothing.
    fn kind(&self, path: &str) -> Option<Kind>;

    /// The size of a file, 0 where it is not known before it is read. \[bytes\]
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read.
    fn size(&self, path: &str) -> io::Result<u64>;

    /// The first `at_most` bytes of a file.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read.
    fn read(&self, path: &str, at_most: u64) -> io::Result<Vec<u8>>;

    /// The names in a folder, in any order.
    ///
    /// # Errors
    /// If there is no such folder, or it cannot be read.
    fn names(&self, folder: &str) -> io::Result<Vec<OsString>>;

    /// The folder itself, whatever links lead to it.
    ///
    /// # Errors
    /// If there is no such folder, or it cannot be read.
    fn identity(&self, folder: &str) -> io::Result<PathBuf>;
}

/// The files of this machine; the empty path is the current folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnDisk;

impl OnDisk {
    fn at(path: &str) -> &Path {
        Path::new(if path.is_empty() { "." } else { path })
    }
}

impl Files for OnDisk {
    fn kind(&self, path: &str) -> Option<Kind> {
        let of = std::fs::metadata(Self::at(path)).ok()?;
        Some(if of.is_dir() { Kind::Folder } else { Kind::File })
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        // Pipes and devices have none.
        std::fs::metadata(path).map(|of| of.len())
    }

    fn read(&self, path: &str, at_most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(at_most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn names(&self, folder: &str) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(Self::at(folder))?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn identity(&self, folder: &str) -> io::Result<PathBuf> {
        Self::at(folder).canonicalize()
    }
}

/// What has been read so far.
pub(super) struct Disk<'f> {
    files: &'f dyn Files,
    /// The texts by path.
    pub(super) texts: BTreeMap<String, String>,
}

impl<'f> Disk<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Self { files, texts: BTreeMap::new() }
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.files.kind(path) == Some(Kind::Folder)
    }

    pub(super) fn is_file(&self, path: &str) -> bool {
        self.files.kind(path) == Some(Kind::File)
    }

    /// Reads one file.
    pub(super) fn read(&mut self, path: &str) -> Result<File, Diagnostic> {
        if self.is_folder(path) {
            let message = format!("`{path}` is a folder");
            return Err(Diagnostic::error("unreadable", message, None).with_help("name a file in it"));
        }
        let failed = |error: io::Error| unreadable(path, &error);
        // The size is asked first, so that a huge file is refused at once.
        check_size(path, self.files.size(path).map_err(failed)?)?;
        let bytes = self.files.read(path, MAX_FILE_BYTES as u64 + 1).map_err(failed)?;
        self.decode(path, bytes)
    }

    /// Reads a file, or everything in a folder that may hold manifests, in the order of the paths.
    pub(super) fn read_all(&mut self, path: &str) -> Result<Vec<File>, Diagnostic> {
        if self.is_folder(path) { self.read_folder(path) } else { Ok(vec![self.read(path)?]) }
    }

    /// Reads everything in a folder and below it that may hold manifests, in the order of the paths.
    pub(super) fn read_folder(&mut self, path: &str) -> Result<Vec<File>, Diagnostic> {
        let mut found = Vec::new();
        self.walk(path, &mut found, &mut BTreeSet::new(), 0)?;
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

    /// Finds the files below a folder that may hold manifests. What begins with a dot is left out, as tools do that apply
    /// folders; a link that leads back up is followed once.
    fn walk(
        &self,
        folder: &str,
        found: &mut Vec<String>,
        seen: &mut BTreeSet<PathBuf>,
        depth: usize,
    ) -> Result<(), Diagnostic> {
        let failed = |error: io::Error| unreadable(folder, &error);
        if depth > DEPTH_MAX || !seen.insert(self.files.identity(folder).map_err(failed)?) {
            return Ok(());
        }
        for name in self.files.names(folder).map_err(failed)? {
            let Some(name) = name.to_str() else {
                let message = format!("the folder `{folder}` holds a file whose name is not UTF-8");
                return Err(Diagnostic::error("not-utf-8", message, None).with_help("rename it"));
            };
            if name.starts_with('.') {
                continue;
            }
            let path = join(folder, name);
            let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
            if self.is_folder(&path) {
                self.walk(&path, found, seen, depth + 1)?;
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

fn check_size(path: &str, bytes: u64) -> Result<(), Diagnostic> {
    if bytes <= MAX_FILE_BYTES as u64 {
        return Ok(());
    }
    let message = format!("`{path}` is too large: files of up to {} MiB are read", MAX_FILE_BYTES >> 20);
    Err(Diagnostic::error("file-too-large", message, None).with_help("split it, or leave out what is no policy"))
}

fn unreadable(path: &str, error: &io::Error) -> Diagnostic {
    let (code, message) = match error.kind() {
        ErrorKind::NotFound => ("not-found", format!("`{path}` does not exist")),
        ErrorKind::PermissionDenied => ("unreadable", format!("`{path}` cannot be read: permission denied")),
        _ => ("unreadable", format!("`{path}` cannot be read: {}", error.to_string().to_lowercase())),
    };
    Diagnostic::error(code, message, None).with_help("correct the path, or its permissions")
}
