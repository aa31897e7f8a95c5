//! One file a command.

mod bench;
mod campaign;
mod certificates;
mod check;
mod compare;
mod diff;
mod explain;
mod gate;
mod generate;
mod init;
mod otherwise;
mod paths;
mod reach;
mod reduce;
mod repair;
mod report;
mod smtlib;
mod surface;
mod verify;
mod watch;

use crate::args::{self, Command, PivotArg, TrustArg, ViewArg};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output;
use crate::timings::Timings;
use seglab_formats::{File, Rejected, lab};
use seglab_policy::{Calibration, Pivot, Severity, Source, Trust, View};
use seglab_scenarios::loader::{self, Files, OnDisk, Options};
use seglab_scenarios::{LoadError, Loaded};
use seglab_verify::smt::Limits;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

/// What Z3 may spend on each question.
fn limits(of: args::Solver) -> Limits {
    Limits { resources: of.rlimit, ..Limits::default() }
}

/// Runs one command.
pub(crate) fn run(command: &Command, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::run(args, context),
        Command::Reach(args) => reach::run(args, context),
        Command::Surface(args) => surface::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Simulate(args) => campaign::run(args, context),
        Command::Paths(args) => paths::run(args, context),
        Command::Reduce(args) => reduce::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Compare(args) => compare::run(args, context),
        Command::Bench(args) => bench::run(args, context),
        Command::Repair(args) => repair::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Generate(args) => generate::run(args, context),
        Command::Schema => output::print(&seglab_formats::lab::schema()).map(|()| Exit::Holds),
    }
}

/// What every command has at hand.
pub(crate) struct Context {
    /// Where the time goes.
    pub(crate) timings: Timings,
    quiet: bool,
    /// What stands where designs say no number, and its file; the defaults where none is given.
    calibration: Option<(Calibration, Source)>,
}

impl Context {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { timings: Timings::new(), quiet, calibration: None }
    }

    /// Reads the calibration that every design is read with from now on; the defaults where none is given.
    pub(crate) fn calibrate(&mut self, path: Option<&Path>) -> Result<(), Failure> {
        let Some(path) = path else { return Ok(()) };
        let name = path.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read `{name}`: {error}"), "name a calibration file: see docs/calibration.md")
        })?;
        let file = File { path: name, text };
        let read = lab::calibration::read(&file).map_err(|rejected| unreadable(rejected, &file))?;
        self.calibration = Some((read, file.source()));
        Ok(())
    }

    /// The calibration that holds.
    pub(crate) fn calibration(&self) -> Result<Calibration, Failure> {
        match &self.calibration {
            Some((calibration, _)) => Ok(calibration.clone()),
            None => lab::calibration::defaults().map_err(|rejected| {
                unreadable(rejected, &File { path: "defaults.yaml".to_owned(), text: String::new() })
            }),
        }
    }

    /// Reads several designs, as [`load`](Context::load) does, and makes their names tell them apart.
    pub(crate) fn load_all(&mut self, paths: &[impl AsRef<str>]) -> Result<Vec<Loaded>, Failure> {
        let loaded: Result<Vec<Loaded>, Failure> = paths.iter().map(|path| self.load(path.as_ref())).collect();
        Ok(told_apart(loaded?, paths))
    }

    /// The same for a command whose own output shows what the readers have to say.
    pub(crate) fn load_all_silently(&mut self, paths: &[impl AsRef<str>]) -> Result<Vec<Loaded>, Failure> {
        let loaded: Result<Vec<Loaded>, Failure> = paths.iter().map(|path| self.load_silently(path.as_ref())).collect();
        Ok(told_apart(loaded?, paths))
    }

    /// Reads a design and shows on standard error what its readers have to say about it.
    pub(crate) fn load(&mut self, path: &str) -> Result<Loaded, Failure> {
        let loaded = self.load_silently(path)?;
        self.say(&loaded);
        Ok(loaded)
    }

    /// Reads a design from files that need not be on disk, as [`Context::load`] does.
    pub(crate) fn load_from(&mut self, files: &dyn Files, path: &str) -> Result<Loaded, Failure> {
        let loaded = self.read(files, path, &Options::default())?;
        self.say(&loaded);
        Ok(loaded)
    }

    /// The same for a command whose own output shows what the readers have to say.
    pub(crate) fn load_silently_from(&mut self, files: &dyn Files, path: &str) -> Result<Loaded, Failure> {
        self.read(files, path, &Options::default())
    }

    fn say(&self, loaded: &Loaded) {
        if !self.quiet {
            let said = failure::at_least(&loaded.diagnostics, Severity::Warning);
            let text = failure::render_folded(&said, loaded.design.sources(), &loaded.texts);
            // Nothing can be done about a standard error that is closed.
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// Reads a design for a command whose own output shows what the readers have to say.
    pub(crate) fn load_silently(&mut self, path: &str) -> Result<Loaded, Failure> {
        let options = self.input(path)?;
        self.read(&OnDisk, path, &options)
    }

    /// Reads a design as [`Context::load`] does, with what stands beside its path.
    pub(crate) fn load_with(&mut self, files: &dyn Files, path: &str, options: &Options) -> Result<Loaded, Failure> {
        let loaded = self.read(files, path, options)?;
        self.say(&loaded);
        Ok(loaded)
    }

    /// What is to be read beside a path: the calibration, and standard input, where the path is `-`.
    pub(crate) fn input(&self, path: &str) -> Result<Options, Failure> {
        let mut options = Options { calibration: self.calibration.clone(), ..Options::default() };
        if path == "-" {
            let mut bytes = Vec::new();
            // One byte more than a file may have, so that the reader sees that it is too long.
            let limit = seglab_formats::MAX_FILE_BYTES as u64 + 1;
            let read = std::io::stdin().lock().take(limit).read_to_end(&mut bytes);
            read.map_err(|error| {
                Failure::usage(format!("cannot read standard input: {error}"), "pipe a design into it")
            })?;
            options.standard_input = Some(bytes);
        }
        Ok(options)
    }

    fn read(&mut self, files: &dyn Files, path: &str, options: &Options) -> Result<Loaded, Failure> {
        let progress = crate::progress::spinner("reading the design");
        let loaded = self.timings.phase("parse", || loader::load_from(files, path, options));
        progress.finish_and_clear();
        let loaded = loaded.map_err(|LoadError { diagnostics, sources, texts }| {
            let diagnostics = if self.quiet { failure::at_least(&diagnostics, Severity::Error) } else { diagnostics };
            Failure::Input { diagnostics, sources, texts }
        })?;
        self.timings.count("units", loaded.design.units().len());
        self.timings.count("rules", loaded.design.rules().count());
        Ok(loaded)
    }
}

/// A file of which nothing is taken.
fn unreadable(rejected: Rejected, file: &File) -> Failure {
    let Rejected { diagnostics, sources } = rejected;
    Failure::Input { diagnostics, sources, texts: BTreeMap::from([(file.path.clone(), file.text.clone())]) }
}

/// Gives designs of one name their paths beside it, and those of one path their number.
pub(crate) fn told_apart(loaded: Vec<Loaded>, paths: &[impl AsRef<str>]) -> Vec<Loaded> {
    let names: Vec<String> = loaded.iter().map(|one| one.design.name().to_owned()).collect();
    let same = |all: &[String], name: &String| all.iter().filter(|other| *other == name).count() > 1;
    let with_path = |(name, path): (&String, &_)| match same(&names, name) {
        true => format!("{name} ({})", AsRef::as_ref(path)),
        false => name.clone(),
    };
    let with_paths: Vec<String> = names.iter().zip(paths).map(with_path).collect();
    let apart = with_paths.iter().enumerate().map(|(position, name)| match same(&with_paths, name) {
        true => format!("{name} no. {}", position + 1),
        false => name.clone(),
    });
    let rename = |(one, name): (Loaded, String)| Loaded { design: one.design.renamed(name), ..one };
    loaded.into_iter().zip(apart.collect::<Vec<_>>()).map(rename).collect()
}

/// A result as a JSON document.
fn to_json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

impl From<TrustArg> for Trust {
    fn from(arg: TrustArg) -> Self {
        match arg {
            TrustArg::Intact => Trust::Intact,
            TrustArg::OwnAgentVoid => Trust::OwnAgentVoid,
            TrustArg::ControllerVoid => Trust::ControllerVoid,
        }
    }
}

impl From<PivotArg> for Pivot {
    fn from(arg: PivotArg) -> Self {
        match arg {
            PivotArg::Any => Pivot::Any,
            PivotArg::Service => Pivot::Service,
            PivotArg::Exploitable => Pivot::Exploitable,
            PivotArg::EitherWay => Pivot::EitherWay,
        }
    }
}

impl From<ViewArg> for View {
    fn from(arg: ViewArg) -> Self {
        match arg {
            ViewArg::Policy => View::Policy,
            ViewArg::Service => View::Service,
        }
    }
}
