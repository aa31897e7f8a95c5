//! `seglab paths`: the attacker's best plans to each critical unit, and to all of them.

use super::{Context, to_json};
use crate::args::{self, DiffFormat, ObjectiveArg};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::tool;
use crate::output;
use seglab_formats::{lab, text};
use seglab_policy::{Covers, Design, Peer, UnitId};
use seglab_reports::{AttackPaths, collect, paths_markdown, paths_text};
use seglab_sim::models::AttackerChoice;
use seglab_sim::models::plan::{PlanError, Settings, Start, plans};
use serde::Serialize;

/// Plans as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    paths: &'a AttackPaths,
}

pub(crate) fn run(args: &args::Paths, context: &mut Context) -> Result<Exit, Failure> {
    let loaded = context.load(&args.design.path)?;
    let design = &loaded.design;
    let settings = settings(design, args)?;
    let plans = context.timings.phase("search", || {
        let spinner = crate::progress::spinner("searching plans");
        let plans = plans(design, &settings);
        spinner.finish_and_clear();
        plans
    });
    let plans = plans.map_err(|error: PlanError| Failure::usage(error.to_string(), "see `seglab paths --help`"))?;
    let paths = collect::paths(design, tool(false), &settings, &plans);
    let objective = objective(args.objective);
    output::print(&match args.format {
        DiffFormat::Text => paths_text(&paths, objective),
        DiffFormat::Markdown => paths_markdown(&paths, objective),
        DiffFormat::Json => to_json(&Document { schema: "seglab/paths/v1", paths: &paths }),
    })?;
    let settled = paths.goals.iter().all(|goal| goal.optimal);
    Ok(if settled { Exit::Holds } else { Exit::Undecided })
}

fn objective(arg: ObjectiveArg) -> &'static str {
    use seglab_sim::models::plan::Objective;
    collect::objective_name(match arg {
        ObjectiveArg::FewestActions => Objective::FewestActions,
        ObjectiveArg::LeastCost => Objective::LeastCost,
        ObjectiveArg::ExpectedCost => Objective::ExpectedCost,
        ObjectiveArg::ExpectedTime => Objective::ExpectedTime,
    })
}

fn settings(design: &Design, args: &args::Paths) -> Result<Settings, Failure> {
    let start = match args.from.as_deref().map(|from| (from, peer(design, from, "--from"))) {
        None => Start::AsDeclared,
        Some((_, Ok(Peer::Addresses { covers: Covers::External, .. }))) => Start::Outside,
        Some((from, Ok(peer))) => Start::Units(units(design, peer, from, "--from")?),
        Some((_, Err(failure))) => return Err(failure),
    };
    let goals = match &args.to {
        None => Vec::new(),
        Some(to) => units(design, peer(design, to, "--to")?, to, "--to")?,
    };
    Ok(Settings {
        attacker: args.attacker.clone().map_or(AttackerChoice::First, AttackerChoice::Named),
        start,
        goals,
        pivot: args.pivot.into(),
        trust: args.trust.into(),
        as_if_enforced: args.design.as_if_enforced,
        effort_max: args.effort,
        ..Settings::default()
    })
}

fn peer(design: &Design, text: &str, option: &str) -> Result<Peer, Failure> {
    text::peer(text, &lab::vocabulary(design)).map_err(|error| {
        let help = error.help.unwrap_or_else(|| "name a unit, segment or selector".to_owned());
        Failure::usage(format!("`{option} {text}`: {}", error.message), help)
    })
}

fn units(design: &Design, peer: Peer, text: &str, option: &str) -> Result<Vec<UnitId>, Failure> {
    let units: Vec<UnitId> = match peer {
        Peer::Anyone => design.unit_ids().collect(),
        Peer::Units(selector) => design.select(&selector).collect(),
        Peer::Addresses { .. } | Peer::Unmodelled(_) => Vec::new(),
    };
    if units.is_empty() {
        let help = "name units by a selector; `--from internet` is an attacker outside";
        return Err(Failure::usage(format!("`{option} {text}` selects no unit"), help));
    }
    Ok(units)
}
