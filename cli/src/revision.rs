//! A revision of a git repository as files to read a design from. Git is asked for what it has stored; the working
//! tree, the index and the checked-out branch are never touched.

use crate::failure::Failure;
use seglab_scenarios::loader::{Files, Kind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// The two designs that `--rev` names.
pub(crate) enum Range {
    /// A revision, and what is in the folder now.
    ToNow(Revision),
    /// A revision and a later one.
    Between(Box<(Revision, Revision)>),
}

/// A place in a git repository.
pub(crate) struct Repository {
    /// A folder inside it that exists.
    folder: PathBuf,
    /// The place, from the top of the repository.
    place: String,
}

/// The files of one revision.
pub(crate) struct Revision {
    /// The name that the user gave it: the part before the colon of every path.
    name: String,
    /// The commit.
    pub(crate) commit: String,
    /// The path to load: `REV:place`.
    pub(crate) path: String,
    entries: BTreeMap<String, Entry>,
    folders: BTreeSet<String>,
    blobs: RefCell<Blobs>,
}

/// Something that a revision holds.
struct Entry {
    kind: EntryKind,
    object: String,
    size: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    File,
    Link,
    Submodule,
}

/// A git that answers with the contents of objects.
struct Blobs {
    child: Child,
    /// `None` once it has been told that no more questions come.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Repository {
    /// The repository that a path is in; the path itself need not exist any more.
    pub(crate) fn of(path: &str) -> Result<Self, Failure> {
        let mut folder = Path::new(path);
        let mut rest: Vec<&str> = Vec::new();
        while !folder.as_os_str().is_empty() && !folder.is_dir() {
            rest.extend(folder.file_name().and_then(|name| name.to_str()));
            folder = folder.parent().unwrap_or(Path::new(""));
        }
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.to_owned();
        let asked = git(&folder, &["rev-parse", "--show-prefix"])?;
        if !asked.status.success() {
            let said = String::from_utf8_lossy(&asked.stderr);
            if said.contains("not a git repository") {
                return Err(Failure::usage(
                    format!("`{path}` is in no git repository"),
                    "name two designs instead of `--rev`, or a folder of a checkout",
                ));
            }
            return Err(refused(&asked));
        }
        let mut place = String::from_utf8_lossy(&asked.stdout).trim_end_matches(['\n', '\r']).to_owned();
        for part in rest.iter().rev() {
            place = format!("{}/{part}", place.trim_end_matches('/'));
        }
        Ok(Self { folder, place: place.trim_matches('/').to_owned() })
    }

    /// What `A..B`, `A...B` or `A` names. An absent side is `HEAD`; three dots start from where the two parted.
    pub(crate) fn range(&self, range: &str) -> Result<Range, Failure> {
        let or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
        if let Some((from, to)) = range.split_once("...") {
            let (from, to) = (self.commit(&or_head(from))?, or_head(to));
            let asked = git(&self.folder, &["merge-base", &from, &self.commit(&to)?])?;
            let base = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
            if !asked.status.success() || base.is_empty() {
                return Err(Failure::usage(
                    format!("`--rev {range}`: the two revisions have no common ancestor"),
                    "name them with two dots; a shallow clone knows few ancestors: `git fetch --unshallow`",
                ));
            }
            let short = base.get(..12).unwrap_or(&base).to_owned();
            return Ok(Range::Between(Box::new((self.revision(&short)?, self.revision(&to)?))));
        }
        match range.split_once("..") {
            Some((from, to)) => {
                Ok(Range::Between(Box::new((self.revision(&or_head(from))?, self.revision(&or_head(to))?))))
            }
            None => Ok(Range::ToNow(self.revision(range)?)),
        }
    }

    /// The commit of a revision.
    fn commit(&self, name: &str) -> Result<String, Failure> {
        let unknown = || {
            Failure::usage(
                format!("`{name}` is no revision of the repository"),
                "`git log --all` lists them; a shallow clone, as pipelines make it, holds few: `git fetch --unshallow`",
            )
        };
        if name.starts_with('-') || name.contains(':') {
            return Err(unknown());
        }
        let asked = git(&self.folder, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])?;
        let commit = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        if asked.status.success() && !commit.is_empty() { Ok(commit) } else { Err(unknown()) }
    }

    fn revision(&self, name: &str) -> Result<Revision, Failure> {
        let commit = self.commit(name)?;
        let asked = git(&self.folder, &["ls-tree", "-r", "-l", "-z", "--full-tree", &commit])?;
        if !asked.status.success() {
            return Err(refused(&asked));
        }
        let listing = String::from_utf8_lossy(&asked.stdout);
        let entries: BTreeMap<String, Entry> = listing.split('\0').filter_map(entry).collect();
        let mut folders = BTreeSet::from([String::new()]);
        for path in entries.keys() {
            let ends = path.match_indices('/').map(|(at, _)| at);
            folders.extend(ends.filter_map(|at| path.get(..at)).map(str::to_owned));
        }
        let place = if self.place.is_empty() { "." } else { &self.place };
        Ok(Revision {
            name: name.to_owned(),
            path: format!("{name}:{place}"),
            commit,
            entries,
            folders,
            blobs: RefCell::new(Blobs::open(&self.folder)?),
        })
    }
}

/// One line of `git ls-tree -r -l -z`: mode, type, object, size, and after a tab the path.
fn entry(line: &str) -> Option<(String, Entry)> {
    let (about, path) = line.split_once('\t')?;
    let mut words = about.split_whitespace();
    let (mode, _, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let kind = match mode {
        "120000" => EntryKind::Link,
        "160000" => EntryKind::Submodule,
        _ => EntryKind::File,
    };
    Some((path.to_owned(), Entry { kind, object: object.to_owned(), size: size.parse().unwrap_or(0) }))
}

/// A git that asks nobody and waits for nobody.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).env("LC_ALL", "C");
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1");
    command
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    command(folder, arguments).stdin(Stdio::null()).output().map_err(|error| no_git(&error))
}

fn no_git(error: &io::Error) -> Failure {
    let help = "install git, or name two designs instead of `--rev`";
    match error.kind() {
        io::ErrorKind::NotFound => Failure::usage("`--rev` needs git, and there is none on the path", help),
        _ => Failure::usage(format!("git cannot be run: {error}"), help),
    }
}

/// Git said no, for a reason of its own.
fn refused(asked: &Output) -> Failure {
    let said = String::from_utf8_lossy(&asked.stderr);
    let reason = said.lines().next().unwrap_or("no reason given").trim_start_matches("fatal: ");
    Failure::usage(format!("git refuses: {reason}"), "try `git log` in that folder")
}

impl Blobs {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let mut command = command(folder, &["cat-file", "--batch"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| no_git(&error))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(questions), Some(answers)) => {
                Ok(Self { child, questions: Some(questions), answers: BufReader::new(answers) })
            }
            _ => Err(no_git(&io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// The contents of an object.
    fn read(&mut self, object: &str) -> io::Result<Vec<u8>> {
        let questions = self.questions.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(questions, "{object}")?;
        questions.flush()?;
        let mut header = String::new();
        self.answers.read_line(&mut header)?;
        // `OBJECT blob SIZE`, or `OBJECT missing` in a partial clone.
        let size: Option<usize> = header.split_whitespace().nth(2).and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| io::Error::other("git does not have its contents here"))?;
        let mut bytes = vec![0; size];
        self.answers.read_exact(&mut bytes)?;
        self.answers.read_exact(&mut [0])?;
        Ok(bytes)
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        // It ends when no more questions can come.
        self.questions = None;
        let _ = self.child.wait();
    }
}

/// How many links lead to a file at most; more are a circle.
const LINKS_MAX: usize = 40;

impl Revision {
    /// The path inside the repository that a path of the loader stands for, links followed; `None` if it leads out of
    /// the repository or nowhere.
    fn resolve(&self, path: &str) -> Option<String> {
        let inside = path.strip_prefix(self.name.as_str())?.strip_prefix(':')?;
        let mut open: Vec<String> = inside.split('/').rev().map(str::to_owned).collect();
        let mut at: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = open.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => drop(at.pop()?),
                _ => {
                    at.push(part);
                    let entry = self.entries.get(&at.join("/"));
                    if let Some(link) = entry.filter(|entry| entry.kind == EntryKind::Link) {
                        links += 1;
                        let target = self.blobs.borrow_mut().read(&link.object).ok()?;
                        let target = String::from_utf8(target).ok()?;
                        if links > LINKS_MAX || target.starts_with('/') {
                            return None;
                        }
                        at.pop();
                        open.extend(target.split('/').rev().map(str::to_owned));
                    }
                }
            }
        }
        Some(at.join("/"))
    }

    fn entry(&self, path: &str) -> io::Result<&Entry> {
        let found = self.resolve(path).and_then(|path| self.entries.get(&path));
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Files for Revision {
    fn kind(&self, path: &str) -> Option<Kind> {
        let path = self.resolve(path)?;
        match self.entries.get(&path).map(|entry| entry.kind) {
            Some(EntryKind::File | EntryKind::Link) => Some(Kind::File),
            // Its files are elsewhere: reading it says so, for nothing is half read.
            Some(EntryKind::Submodule) => Some(Kind::Folder),
            None => self.folders.contains(&path).then_some(Kind::Folder),
        }
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.entry(path).map(|entry| entry.size)
    }

    fn read(&self, path: &str, at_most: u64) -> io::Result<Vec<u8>> {
        // Finding it may read links, so it is found before the contents are asked for.
        let object = &self.entry(path)?.object;
        let mut bytes = self.blobs.borrow_mut().read(object)?;
        bytes.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn names(&self, folder: &str) -> io::Result<Vec<OsString>> {
        let folder = self.resolve(folder).ok_or(io::ErrorKind::NotFound)?;
        if self.entries.get(&folder).is_some_and(|entry| entry.kind == EntryKind::Submodule) {
            return Err(io::Error::other("it is a submodule, whose files the revision does not hold"));
        }
        let prefix = if folder.is_empty() { folder } else { folder + "/" };
        let below = self.entries.range(prefix.clone()..).map(|(path, _)| path);
        let below = below.map_while(|path| path.strip_prefix(&prefix));
        let mut names: Vec<OsString> = below.filter_map(|rest| rest.split('/').next()).map(OsString::from).collect();
        names.dedup();
        Ok(names)
    }

    fn identity(&self, folder: &str) -> io::Result<PathBuf> {
        Ok(self.resolve(folder).ok_or(io::ErrorKind::NotFound)?.into())
    }
}
