//! The loader: from a path, as a user names it, to a design.
//!
//! A file with a top-level key `seglab` is a lab file, and so is a folder that holds a `seglab.yaml`. Any other file
//! or folder is read as Kubernetes manifests, folders with everything below them in the order of their names; `-` is
//! standard input, either of the two. A single file that starts as a ClassBench rule set does is read as one, and so is one
//! with the keys of a NASim scenario. This is the only module of the crate that reads files; [`load_from`] reads them from
//! elsewhere.
//!
//! Paths in messages and in [`Design::sources`] are those that the user gave, with `/` between their parts.

mod disk;

pub use disk::{Files, Kind, OnDisk};

use disk::Disk;
use seglab_formats::lab::{self, PartKind};
use seglab_formats::{File, Reading, Rejected, classbench, kubernetes, nasim};
use seglab_policy::{Calibration, Design, DesignError, Diagnostic, Draft, Reference, Source, Span};
use std::collections::BTreeMap;

/// What to read beside the path, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The text of standard input, for the path `-`.
    pub standard_input: Option<Vec<u8>>,
    /// How to read manifests.
    pub kubernetes: kubernetes::Options,
    /// What stands where lab files say no number, and the file that it was read from: one of the design's sources then. The
    /// defaults where it is `None`.
    pub calibration: Option<(Calibration, Source)>,
}

/// A design and where it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The design.
    pub design: Design,
    /// Warnings and notes, in the order of files and lines; they are shown above every result.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of [`Design::sources`] by their paths, to show lines of them.
    pub texts: BTreeMap<String, String>,
}

/// Input that is not a design.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", first_error(diagnostics))]
pub struct LoadError {
    /// At least one error, and what else there is to say.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that the spans refer to.
    pub sources: Vec<Source>,
    /// Their texts by path.
    pub texts: BTreeMap<String, String>,
}

fn first_error(diagnostics: &[Diagnostic]) -> &str {
    diagnostics
        .iter()
        .find(|diagnostic| diagnostic.severity == seglab_policy::Severity::Error)
        .map_or("the input has errors", |diagnostic| diagnostic.message.as_str())
}

/// Loads a design.
///
/// ```
/// use seglab_scenarios::{load, loader::Options};
/// let text = "seglab: 1\nunits: [{name: web}, {name: db}]\npolicy: [{allow: {from: web, to: db}}]\n";
/// let options = Options { standard_input: Some(text.into()), ..Options::default() };
/// assert_eq!(load("-", &options)?.design.units().len(), 2);
/// assert!(load("no/such/file.yaml", &options).is_err());
/// # Ok::<(), seglab_scenarios::LoadError>(())
/// ```
///
/// # Errors
/// Everything that is wrong with the input, each with its place; nothing is half read.
pub fn load(path: &str, options: &Options) -> Result<Loaded, LoadError> {
    load_from(&OnDisk, path, options)
}

/// Loads a design from files that need not be on disk.
///
/// # Errors
/// As [`load`].
pub fn load_from(files: &dyn Files, path: &str, options: &Options) -> Result<Loaded, LoadError> {
    let disk = Disk::new(files);
    let mut loader = Loader { disk, options, open: Vec::new(), compared: BTreeMap::new(), with_claims: true };
    let read = loader.root(path).and_then(|mut reading| {
        reading.draft.sources.extend(options.calibration.iter().map(|(_, source)| source.clone()));
        let sources = reading.draft.sources.clone();
        match Design::new(reading.draft) {
            Ok(design) => Ok((design, reading.diagnostics)),
            Err(errors) => {
                let said = errors.iter().map(contradiction);
                Err(Rejected { diagnostics: said.chain(reading.diagnostics).collect(), sources })
            }
        }
    });
    let texts = loader.disk.texts;
    match read {
        Ok((design, diagnostics)) => Ok(Loaded { design, diagnostics, texts }),
        Err(Rejected { diagnostics, sources }) => Err(LoadError { diagnostics, sources, texts }),
    }
}

/// Gives manifests, which have no name of their own, that of the file or folder that they are in.
fn named(path: &str) -> impl FnOnce(Reading) -> Reading {
    let last = path.rsplit('/').find(|piece| !piece.is_empty() && !matches!(*piece, "." | ".."));
    let name = last.map(str::to_owned);
    move |mut reading| {
        if let Some(name) = name {
            reading.draft.name = name;
        }
        reading
    }
}

struct Loader<'a> {
    disk: Disk<'a>,
    options: &'a Options,
    /// The lab files that are being read, from the outermost on.
    open: Vec<String>,
    /// The designs that claims hold others against, by path.
    compared: BTreeMap<String, Draft>,
    /// Whether what lab files claim is read: of designs that others are held against it is not.
    with_claims: bool,
}

impl Loader<'_> {
    fn root(&mut self, path: &str) -> Result<Reading, Rejected> {
        if path == "-" {
            let bytes = self.options.standard_input.clone().unwrap_or_default();
            let file = self.disk.decode("-", bytes).map_err(placeless)?;
            if file.text.trim().is_empty() {
                let help = "pipe a lab file or manifests into it: `helm template . | seglab verify -`";
                return Err(placeless(
                    Diagnostic::error("empty-input", "standard input is empty", None).with_help(help),
                ));
            }
            return if is_lab(&file.text) { self.lab(&file, true) } else { self.unaccompanied(&[file]) };
        }
        let path = disk::with_slashes(path);
        if !self.disk.is_folder(&path) {
            let file = self.disk.read(&path).map_err(placeless)?;
            return if is_lab(&file.text) {
                self.lab(&file, true)
            } else {
                self.unaccompanied(&[file]).map(named(&path))
            };
        }
        let inside = disk::join(&path, lab::FILE_NAME);
        if self.disk.is_file(&inside) {
            let file = self.disk.read(&inside).map_err(placeless)?;
            return self.lab(&file, true);
        }
        let files = self.disk.read_folder(&path).map_err(placeless)?;
        if let Some(lab) = files.iter().find(|file| is_lab(&file.text) && !is_of_waivers(&file.text)) {
            let message =
                format!("the folder `{path}` holds lab files, and none of them is called `{}`", lab::FILE_NAME);
            let help = format!("name the one that you mean, such as `{}`", lab.path);
            return Err(placeless(Diagnostic::error("which-lab-file", message, None).with_help(help)));
        }
        self.unaccompanied(&files).map(named(&path))
    }

    /// Manifests that no lab file says anything about, or one rule set, or one scenario.
    fn unaccompanied(&self, files: &[File]) -> Result<Reading, Rejected> {
        if let [file] = files
            && classbench::is_rule_set(&file.text)
        {
            return classbench::read(file, classbench::Actions::default());
        }
        if let [file] = files
            && nasim::is_scenario(&file.text)
        {
            return nasim::read(file);
        }
        kubernetes::read(files, &self.options.kubernetes)
    }

    /// Reads a lab file and everything that it is made of.
    fn lab(&mut self, file: &File, whole: bool) -> Result<Reading, Rejected> {
        let mut read = lab::parse(file)?;
        if !self.with_claims {
            read = read.without_claims();
        }
        if let Some((calibration, _)) = &self.options.calibration {
            read.calibrate(calibration.clone());
        }
        self.open.push(file.path.clone());
        let folder = disk::folder_of(&file.path);
        let compared: BTreeMap<String, Span> = read.compared().map(|(path, span)| (path.to_owned(), span)).collect();
        for (path, span) in compared {
            let other = self.compared(&disk::join(folder, &path)).and_then(|draft| {
                let sources = draft.sources.clone();
                let reject = |errors: Vec<DesignError>| Rejected {
                    diagnostics: errors.iter().map(contradiction).collect(),
                    sources,
                };
                Reference::new(path, draft).map_err(reject)
            });
            // What cannot be found is wrong here; what is wrong in it is wrong there.
            read.compare(other.map_err(|rejected| match rejected.sources.as_slice() {
                [] => placed(rejected, read.source(), span),
                _ => rejected,
            })?);
        }
        let mut parts = Vec::new();
        // Folders of manifests are one cluster: the policies of one are about the pods of another, too.
        let (mut manifests, mut options) = (Vec::new(), self.options.kubernetes.clone());
        for part in read.sources() {
            let path = disk::join(folder, &part.path);
            let rejected = |diagnostic: Diagnostic| placed(placeless(diagnostic), read.source(), part.span);
            match part.kind {
                PartKind::Kubernetes => {
                    let mut files = self.disk.read_all(&path).map_err(rejected)?;
                    files.retain(|file| !is_lab(&file.text));
                    if files.is_empty() {
                        return Err(rejected(nothing_in(&path)));
                    }
                    options = part.kubernetes(&options);
                    manifests.extend(files);
                }
                PartKind::Lab => {
                    if self.open.contains(&path) {
                        let message = format!("the lab file `{path}` is made of itself");
                        let help = "remove it from `sources`";
                        return Err(rejected(Diagnostic::error("source-cycle", message, None).with_help(help)));
                    }
                    let inner = self.disk.read(&path).map_err(rejected)?;
                    parts.push(self.lab(&inner, false)?);
                }
                PartKind::Units => parts.push(lab::units_csv(&self.disk.read(&path).map_err(rejected)?)?),
            }
        }
        if !manifests.is_empty() {
            parts.insert(0, kubernetes::read(&manifests, &options)?);
        }
        self.open.pop();
        if whole { lab::merge(&read, parts) } else { lab::merge_part(&read, parts) }
    }

    /// Reads a design that a claim holds this one against.
    fn compared(&mut self, path: &str) -> Result<Draft, Rejected> {
        if let Some(known) = self.compared.get(path) {
            return Ok(known.clone());
        }
        if path == "-" {
            let help = "write it to a file, and name that";
            let message = "a design cannot be held against standard input";
            return Err(placeless(Diagnostic::error("which-design", message, None).with_help(help)));
        }
        let open = std::mem::take(&mut self.open);
        let with_claims = std::mem::replace(&mut self.with_claims, false);
        let read = self.root(path);
        (self.open, self.with_claims) = (open, with_claims);
        let draft = read?.draft;
        self.compared.insert(path.to_owned(), draft.clone());
        Ok(draft)
    }
}

/// True for the text of a lab file: it has a top-level key `seglab`.
fn is_lab(text: &str) -> bool {
    has_key(text, "seglab")
}

/// True for a file of waivers beside manifests, which describes no design. It is read as they are, for other documents
/// may stand in it.
fn is_of_waivers(text: &str) -> bool {
    has_key(text, "waivers") && !["units", "sources", "policy"].into_iter().any(|key| has_key(text, key))
}

fn has_key(text: &str, key: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
}

fn nothing_in(path: &str) -> Diagnostic {
    let message = format!("`{path}` holds no manifests");
    let help = "name a folder with files that end in `.yaml`, `.yml` or `.json`";
    Diagnostic::error("nothing-to-read", message, None).with_help(help)
}

/// An error before any file is open.
fn placeless(diagnostic: Diagnostic) -> Rejected {
    Rejected { diagnostics: vec![diagnostic], sources: Vec::new() }
}

/// Errors of what a file names, at the place where it names it.
fn placed(rejected: Rejected, file: &Source, span: Span) -> Rejected {
    let at = |diagnostic: Diagnostic| Diagnostic { span: diagnostic.span.or(Some(span)), ..diagnostic };
    Rejected { diagnostics: rejected.diagnostics.into_iter().map(at).collect(), sources: vec![file.clone()] }
}

/// What parts that contradict each other are to the user.
fn contradiction(error: &DesignError) -> Diagnostic {
    let code = match error {
        DesignError::DuplicateName { .. } => "duplicate-name",
        DesignError::DuplicateAddress { .. } => "duplicate-address",
        DesignError::NoInterface { .. } => "no-interface",
        DesignError::UnknownName { .. } => "unknown-name",
        DesignError::HostCycle { .. } => "host-cycle",
        DesignError::SeveralTiers { .. } => "several-tiers",
        DesignError::NotAnAllow { .. } => "not-an-allow",
    };
    Diagnostic::error(code, error.to_string(), error.span())
        .with_related("the first of the two", error.first())
        .with_help(error.help())
}
