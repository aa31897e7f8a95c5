//! Writing results: standard output, and files that are whole or absent.

use crate::failure::Failure;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a result to standard output. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Write { path: PathBuf::from("standard output"), error })
        }
        _ => Ok(()),
    }
}

/// Writes a file by way of a temporary one beside it, so that no reader ever sees half of it.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_files(&[(path.to_owned(), bytes)])
}

/// Writes several files: all of them are complete before the first takes its name. Devices and pipes (`/dev/null`, a
/// process substitution) are written to as they are, never replaced; a link stays, and the file behind it is written.
pub(crate) fn write_files(files: &[(PathBuf, &[u8])]) -> Result<(), Failure> {
    let (streams, files): (Vec<_>, Vec<_>) = files
        .iter()
        .map(|(path, bytes)| (fs::canonicalize(path).unwrap_or_else(|_| path.clone()), *bytes))
        .partition(|(path, _)| is_stream(path));
    let mut staged = Vec::with_capacity(files.len());
    let mut made = Vec::new();
    let result = stage(&files, &mut staged, &mut made).and_then(|()| {
        staged.iter().try_for_each(|(temporary, path)| {
            fs::rename(temporary, path).map_err(|error| Failure::Write { path: path.clone(), error })
        })
    });
    let result = result.and_then(|()| {
        streams.iter().try_for_each(|(path, bytes)| {
            let written = fs::OpenOptions::new().write(true).open(path).and_then(|mut stream| stream.write_all(bytes));
            written.map_err(|error| Failure::Write { path: path.clone(), error })
        })
    });
    if result.is_err() {
        for (temporary, _) in &staged {
            // What has already taken its name is gone from here; the rest is swept up.
            let _ = fs::remove_file(temporary);
        }
        for folder in made.iter().rev() {
            // Only if nothing is in it.
            let _ = fs::remove_dir(folder);
        }
    }
    result
}

/// True for what is there and is neither a file nor a folder.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Writes files beside their places, and says which files and folders it made.
fn stage(
    files: &[(PathBuf, &[u8])],
    staged: &mut Vec<(PathBuf, PathBuf)>,
    made: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    for (path, bytes) in files {
        let fail = |error| Failure::Write { path: path.clone(), error };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let missing: Vec<&Path> =
                folder.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.exists()).collect();
            made.extend(missing.into_iter().rev().map(Path::to_owned));
            fs::create_dir_all(folder).map_err(fail)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(name);
        staged.push((temporary.clone(), path.clone()));
        let mut file = fs::File::create(&temporary).map_err(fail)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
    }
    Ok(())
}
