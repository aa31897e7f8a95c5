//! `seglab diff`: what may connect, and what an attacker may own, in one design and not in the other.

use super::Context;
use crate::args::{self, DiffFormat, FailOn};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::revision::{Range, Repository, Revision};
use seglab_policy::{Pivot, Trust};
use seglab_reports::collect::Asked;
use seglab_reports::{ChangeKind, Colour, Difference, Tool, collect};
use seglab_scenarios::Loaded;
use seglab_verify::difference::Difference as Designs;
use seglab_verify::{Attack, Verifier};
use std::io::IsTerminal;

/// A design, and the commit that it was read from.
struct Side {
    loaded: Loaded,
    commit: Option<String>,
}

pub(crate) fn run(args: &args::Diff, context: &mut Context) -> Result<Exit, Failure> {
    let [old, new] = load(args, context)?;
    let asked = asked(args);
    let [before, after] = [&old, &new].map(|side| &side.loaded.design);
    let verifiers = context.timings.phase("classes", || [Verifier::new(before), Verifier::new(after)]);
    context.timings.count("classes", verifiers.iter().map(|verifier| verifier.classes().len()).sum());
    let [old_verifier, new_verifier] = verifiers;
    let mut designs = context.timings.phase("refinement", || Designs::new(old_verifier, new_verifier));
    context.timings.count("ends", designs.ends());
    let tool = Tool { name: "seglab".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), z3_version: None };
    let found = context.timings.phase("difference", || collect::difference(&mut designs, &asked, tool));
    let mut difference =
        found.map_err(|error| context.disagreement(after, error.to_string(), &format!("{error:?}")))?;
    difference.old.commit = old.commit;
    difference.new.commit = new.commit;
    difference.command = Some(command(args));
    let text = context.timings.phase("render", || match args.format {
        DiffFormat::Text => {
            let coloured = std::io::stdout().is_terminal();
            seglab_reports::difference_text(&difference, if coloured { Colour::Ansi } else { Colour::Never })
        }
        DiffFormat::Json => seglab_reports::difference_json(&difference),
        DiffFormat::Markdown => seglab_reports::difference_markdown(&difference),
    });
    output::print(&text)?;
    Ok(exit_of(&difference, args.fail_on))
}

/// The two designs: two paths, or one path in two revisions.
fn load(args: &args::Diff, context: &mut Context) -> Result<[Side; 2], Failure> {
    match (&args.rev, args.paths.as_slice()) {
        (None, [old, new]) => {
            let [old, new] = [context.load(old)?, context.load(new)?];
            Ok([old, new].map(|loaded| Side { loaded, commit: None }))
        }
        (None, _) => Err(Failure::usage(
            "`seglab diff` compares two designs, and one is named",
            "name the new one, too, or revisions of the folder: `--rev main..HEAD`",
        )),
        (Some(range), [path]) => {
            let repository = Repository::of(path)?;
            let range = repository.range(range)?;
            let mut at = |revision: &Revision| -> Result<Side, Failure> {
                let loaded = context.load_from(revision, &revision.path)?;
                Ok(Side { loaded, commit: Some(revision.commit.clone()) })
            };
            match range {
                Range::Between(both) => Ok([at(&both.0)?, at(&both.1)?]),
                Range::ToNow(old) => {
                    let old = at(&old)?;
                    Ok([old, Side { loaded: context.load(path)?, commit: None }])
                }
            }
        }
        (Some(_), _) => Err(Failure::usage(
            "`--rev` compares revisions of one folder, and two designs are named",
            "name one folder, or leave `--rev` out",
        )),
    }
}

fn asked(args: &args::Diff) -> Asked {
    let pivots: Vec<Pivot> = match args.pivot.as_slice() {
        [] if args.lateral => vec![Pivot::Any],
        pivots => pivots.iter().map(|&pivot| pivot.into()).collect(),
    };
    let attack = |pivot| Attack {
        pivot,
        view: args.view.into(),
        // What the gate asks by default: an owned unit's own agent enforces nothing.
        trust: args.trust.map_or(Trust::OwnAgentVoid, Trust::from),
        as_if_enforced: args.as_if_enforced,
    };
    Asked {
        view: args.view.into(),
        trust: args.trust.map_or(Trust::Intact, Trust::from),
        as_if_enforced: args.as_if_enforced,
        attacks: pivots.into_iter().map(attack).collect(),
        hops_max: args.hops,
        listed_max: args.limit as usize,
    }
}

fn command(args: &args::Diff) -> String {
    let rev = args.rev.as_ref().map_or_else(String::new, |rev| format!(" --rev {rev}"));
    format!("seglab diff {}{rev}", args.paths.join(" "))
}

/// 1 for a change that must not be, 3 where one may be.
fn exit_of(difference: &Difference, fail_on: Option<FailOn>) -> Exit {
    let count = |kinds: &[ChangeKind]| kinds.iter().map(|&kind| difference.count(kind)).sum::<u64>();
    let unknown = [ChangeKind::BecameUnknown, ChangeKind::NoLongerUnknown, ChangeKind::StillUnknown];
    let sections = || difference.sections.iter();
    let (failing, undecided) = match fail_on {
        None => (0, count(&unknown)),
        Some(FailOn::Any) => (count(&[ChangeKind::Gained, ChangeKind::Lost, ChangeKind::Reply]), count(&unknown)),
        Some(FailOn::Gained) => (count(&[ChangeKind::Gained]), sections().map(|section| section.undecided_gains).sum()),
        Some(FailOn::Lost) => (count(&[ChangeKind::Lost]), sections().map(|section| section.undecided_losses).sum()),
    };
    match (failing, undecided) {
        (0, 0) => Exit::Holds,
        (0, _) => Exit::Undecided,
        _ => Exit::Violated,
    }
}
