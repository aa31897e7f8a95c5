//! `seglab diff`: what may connect, and what an attacker may own, in one design and not in the other.

use super::{Context, told_apart};
use crate::args::{self, DiffFormat, FailOn};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::tool;
use crate::output;
use crate::revision::{Range, Repository};
use seglab_policy::{Pivot, Trust};
use seglab_reports::collect::Asked;
use seglab_reports::{ChangeKind, Colour, Difference, collect};
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
    let sides = load(args, context)?;
    let [old, new] = sides.as_slice() else { return Err(one_design()) };
    let asked = asked(args);
    let [before, after] = [old, new].map(|side| &side.loaded.design);
    let verifiers = context.timings.phase("classes", || [Verifier::new(before), Verifier::new(after)]);
    context.timings.count("classes", verifiers.iter().map(|verifier| verifier.classes().len()).sum());
    let [old_verifier, new_verifier] = verifiers;
    let mut designs = context.timings.phase("refinement", || Designs::new(old_verifier, new_verifier));
    context.timings.count("ends", designs.ends());
    let tool = tool(false);
    let found = context.timings.phase("difference", || collect::difference(&mut designs, &asked, tool));
    let mut difference =
        found.map_err(|error| context.disagreement(after, error.to_string(), &format!("{error:?}")))?;
    difference.old.commit.clone_from(&old.commit);
    difference.new.commit.clone_from(&new.commit);
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
fn load(args: &args::Diff, context: &mut Context) -> Result<Vec<Side>, Failure> {
    match (&args.rev, args.paths.as_slice()) {
        (None, [_, _]) => {
            let loaded = context.load_all(&args.paths)?;
            Ok(loaded.into_iter().map(|loaded| Side { loaded, commit: None }).collect())
        }
        (None, _) => Err(one_design()),
        (Some(range), [path]) => {
            let repository = Repository::of(path)?;
            let range = repository.range(range)?;
            let (revisions, paths) = match &range {
                Range::Between(both) => (vec![&both.0, &both.1], vec![&both.0.path, &both.1.path]),
                Range::ToNow(old) => (vec![old], vec![&old.path, path]),
            };
            let commits = revisions.iter().map(|revision| Some(revision.commit.clone())).chain([None]);
            let mut loaded = Vec::new();
            for revision in &revisions {
                loaded.push(context.load_from(*revision, &revision.path)?);
            }
            if loaded.len() < paths.len() {
                loaded.push(context.load(path)?);
            }
            let loaded = told_apart(loaded, &paths);
            Ok(loaded.into_iter().zip(commits).map(|(loaded, commit)| Side { loaded, commit }).collect())
        }
        (Some(_), _) => Err(Failure::usage(
            "`--rev` compares revisions of one folder, and two designs are named",
            "name one folder, or leave `--rev` out",
        )),
    }
}

fn one_design() -> Failure {
    Failure::usage(
        "`seglab diff` compares two designs, and one is named",
        "name the new one, too, or revisions of the folder: `--rev main..HEAD`",
    )
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
