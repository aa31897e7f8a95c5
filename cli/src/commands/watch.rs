//! `seglab verify --watch`: the gate, beside an editor.
//!
//! The files that a design was read from, and the folders that were looked into, are looked at again several times a
//! second. When one of them has changed and all have come to rest, the design is read anew and its session settles
//! what may have changed. Input that is not a design is told, and the last good design stays. Waivers and the baseline
//! are files among the others; all that violates the design is only looked for where something could let it pass.

use super::gate::Asked;
use super::verify::exit_of;
use super::{Context, limits};
use crate::args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::tool;
use crate::output;
use seglab_reports::{Colour, Verification, collect};
use seglab_scenarios::Loaded;
use seglab_scenarios::loader::{Files, Kind, OnDisk};
use seglab_verify::choice::Question;
use seglab_verify::{Changed, Session, Settings, VerifyError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
#[expect(
    clippy::disallowed_types,
    reason = "what a user waits for is told; when a file was written decides no verdict"
)]
use std::time::{Instant, SystemTime};

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &args::Verify, context: &mut Context) -> Result<Exit, Failure> {
    let of = &args.design;
    if of.path == "-" {
        let help = "name a file or a folder; standard input is read once";
        return Err(Failure::usage("`--watch` has nothing to watch", help));
    }
    let limits = limits(args.solver);
    let settings = Settings { as_if_enforced: of.as_if_enforced, limits, ..Settings::default() };
    let colour = if std::io::stdout().is_terminal() { Colour::Ansi } else { Colour::Never };
    let mut watched = Watched::default();
    let (loaded, asked) = read(&watched, args, context)?;
    let session = context.timings.phase("verify", || Session::new(loaded.design.clone(), settings));
    let mut session = session.map_err(|error| disagreement(context, &loaded.design, &error))?;
    let mut verification = collected(&mut session, &loaded, asked, of, context)?;
    output::print(&seglab_reports::text(&verification, colour))?;
    let end = end_of_input();
    while !end.load(Ordering::Relaxed) {
        std::thread::sleep(INTERVAL);
        if !watched.has_changed() {
            continue;
        }
        let start = now();
        watched = Watched::default();
        let (loaded, asked) = match read(&watched, args, context) {
            Ok(read) => read,
            Err(failure) => {
                say(&format!("{}the last design that could be read stays\n", failure.render()));
                continue;
            }
        };
        let read = start.elapsed();
        let changed = session.replace(loaded.design.clone());
        let changed = changed.map_err(|error| disagreement(context, &loaded.design, &error))?;
        verification = collected(&mut session, &loaded, asked, of, context)?;
        say(&told(&changed, read, start.elapsed() - read));
        let at = |wanted: fn(Question) -> Option<usize>| -> Vec<usize> {
            changed.verdicts.iter().filter_map(|change| wanted(change.question)).collect()
        };
        let properties = at(|question| if let Question::Property(at) = question { Some(at) } else { None });
        let needs = at(|question| if let Question::Need(at) = question { Some(at) } else { None });
        output::print(&seglab_reports::verdicts_text(&verification, &properties, &needs, colour))?;
    }
    Ok(exit_of(&verification))
}

/// The design, and what the gate is asked with.
fn read(watched: &Watched, args: &args::Verify, context: &mut Context) -> Result<(Loaded, Asked), Failure> {
    for file in args.gate.baseline.iter().chain(&args.gate.waivers) {
        watched.note(&file.display().to_string());
    }
    let loaded = context.load_silently_from(watched, &args.design.path)?;
    let asked = Asked::read(&loaded.design, &args.gate)?;
    Ok((loaded, asked))
}

fn collected(
    session: &mut Session,
    loaded: &Loaded,
    asked: Asked,
    of: &args::Design,
    context: &mut Context,
) -> Result<Verification, Failure> {
    let mut verification = collect::basis(session.design(), &loaded.diagnostics, tool(false), of.as_if_enforced);
    collect::settle(&mut verification, session.design(), session.report(), &["class reachability"]);
    collect::contradictions(&mut verification, &session.ask(|verifier| verifier.contradictions()));
    if asked.lets_pass() {
        let (settled, settings) = (session.report().clone(), *session.settings());
        session.ask(|verifier| asked.apply(&mut verification, verifier, &settings, &settled, context))?;
    }
    verification.command = Some(format!("seglab verify --watch {}", of.path));
    Ok(verification)
}

fn disagreement(context: &Context, design: &seglab_policy::Design, error: &VerifyError) -> Failure {
    context.disagreement(design, error.to_string(), &format!("{error:?}"))
}

/// How long it took, and how much there was to do.
fn told(changed: &Changed, read: Duration, settled: Duration) -> String {
    let done = match changed.touched {
        None => "everything started anew".to_owned(),
        Some(touched) => {
            let units = match touched.units {
                0 => String::new(),
                units => format!("{} came, went or changed, ", seglab_policy::count(units as u64, "unit", "units")),
            };
            format!(
                "{} came or went, {units}{} of endpoint classes judged anew",
                seglab_policy::count(touched.rules as u64, "rule", "rules"),
                seglab_policy::count(touched.pairs as u64, "pair", "pairs"),
            )
        }
    };
    let outcomes = seglab_policy::count(changed.settled as u64, "question", "questions");
    format!("read in {read:.1?}; {done}, {outcomes} settled anew in {settled:.1?}\n")
}

fn say(text: &str) {
    // Nothing can be done about a standard error that is closed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[expect(clippy::disallowed_types, reason = "what a user waits for is told; no verdict depends on it")]
fn now() -> Instant {
    Instant::now()
}

/// Becomes true when standard input ends, so that whoever started this can end it; never at a terminal.
fn end_of_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    if !io::stdin().is_terminal() {
        let ended = Arc::clone(&ended);
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            ended.store(true, Ordering::Relaxed);
        });
    }
    ended
}

/// When something was written, and how large it is; `None` where nothing is.
#[expect(
    clippy::disallowed_types,
    reason = "when a file was written says that it is to be read again, and nothing else"
)]
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &str) -> Stamp {
    let of = std::fs::metadata(if path.is_empty() { "." } else { path }).ok()?;
    of.modified().ok().map(|modified| (modified, of.len()))
}

/// The files of this machine, and what was asked of them with the state in which it was.
#[derive(Default)]
struct Watched {
    seen: RefCell<BTreeMap<String, Stamp>>,
}

impl Watched {
    /// Takes note of a path before it is looked at, so that no change goes unseen.
    fn note(&self, path: &str) {
        let mut seen = self.seen.borrow_mut();
        if !seen.contains_key(path) {
            seen.insert(path.to_owned(), stamp(path));
        }
    }

    /// True if something has changed; waits until whoever writes has come to rest.
    fn has_changed(&self) -> bool {
        let look = || -> Vec<Stamp> { self.seen.borrow().keys().map(|path| stamp(path)).collect() };
        let mut last = look();
        if self.seen.borrow().values().eq(&last) {
            return false;
        }
        loop {
            std::thread::sleep(INTERVAL / 2);
            let next = look();
            if next == last {
                return true;
            }
            last = next;
        }
    }
}

impl Files for Watched {
    fn kind(&self, path: &str) -> Option<Kind> {
        self.note(path);
        OnDisk.kind(path)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.note(path);
        OnDisk.size(path)
    }

    fn read(&self, path: &str, at_most: u64) -> io::Result<Vec<u8>> {
        self.note(path);
        OnDisk.read(path, at_most)
    }

    fn names(&self, folder: &str) -> io::Result<Vec<OsString>> {
        self.note(folder);
        OnDisk.names(folder)
    }

    fn identity(&self, folder: &str) -> io::Result<PathBuf> {
        OnDisk.identity(folder)
    }
}
