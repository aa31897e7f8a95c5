//! `seglab repair`: the least edit of the rules that makes every property hold while every need works, as a patch.
//!
//! A patch is shown only after the patched texts have been read again and verified: what is shown is what was proven.

mod text;

use super::{Context, limits, to_json};
use crate::args::{self, TableFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::tool;
use crate::output;
use seglab_formats::patch;
use seglab_policy::{Design, Edit, Peer, Restriction, Rule, RuleId, Service, TierId};
use seglab_reports::collect::Asked;
use seglab_reports::{Change, ChangeKind, Heading, KindCount, Location, collect};
use seglab_scenarios::Loaded;
use seglab_scenarios::loader::{Files, Kind, OnDisk, Options};
use seglab_verify::difference::Difference;
use seglab_verify::repair::{Effort, Finding, Goal, Optimality, Repair, Repaired, repair};
use seglab_verify::{Outcome, Report, Settings, Settled, Verifier, VerifyError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// A repair as JSON.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    command: String,
    as_if_enforced: bool,
    /// `nothing`, `repaired`, `contradiction`, `not-found`.
    finding: &'static str,
    /// What is violated, broken or unknown as the design is.
    before: Vec<Claim>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aside: Vec<Claim>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contradiction: Vec<Claim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<Shown>,
    /// Every repair has at least so many edits.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<usize>,
    /// The limit that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    spent: Spent,
}

/// A property or a need, with its verdict.
#[derive(Clone, Serialize)]
struct Claim {
    /// `property` or `need`.
    kind: &'static str,
    name: String,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
}

/// A repair, with what it does.
#[derive(Serialize)]
struct Shown {
    edits: Vec<ShownEdit>,
    /// No repair has fewer edits.
    least: bool,
    /// Repairs of as many edits that were compared by the connections that they change.
    compared: usize,
    /// There are no others.
    exhausted: bool,
    /// Pairs of ends, times services that are told apart.
    connections_changed: u64,
    changes: Vec<KindCount>,
    /// The largest change of each kind.
    examples: Vec<Change>,
    /// What does not hold after it.
    after: Vec<Claim>,
    /// A unified diff of the sources, for `patch -p1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_patch: Option<String>,
}

/// An edit, in words.
#[derive(Serialize)]
struct ShownEdit {
    /// `remove`, `narrow`, `add`, `isolate`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    /// The rule, or what is taken into scope.
    what: String,
    /// What becomes of a narrowed rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    becomes: Option<String>,
    /// The rulebook and the tier.
    tier: String,
    /// Why it is in no patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_patch: Option<String>,
}

/// What the search took.
#[derive(Serialize)]
struct Spent {
    rounds: usize,
    demands: usize,
    candidates: usize,
    z3_resources: u32,
}

pub(crate) fn run(args: &args::Repair, context: &mut Context) -> Result<Exit, Failure> {
    let input = context.input(&args.design.path)?;
    let loaded = context.load_with(&OnDisk, &args.design.path, &input)?;
    let design = &loaded.design;
    let settings = Settings { as_if_enforced: args.design.as_if_enforced, ..Settings::default() };
    let limits = limits(args.solver);
    let effort = Effort { limits, ..Effort::default() };
    let found = context.timings.phase("repair", || repair(design, &settings, &effort));
    let found = found.map_err(|error| defect(context, design, &error))?;
    context.timings.count("rounds", found.spent.rounds);
    context.timings.count("candidates", found.spent.candidates);
    let (shown, exit) = match &found.finding {
        Finding::Repaired(repaired) => {
            let patched = patched(&loaded, repaired, &found, &settings, (&args.design.path, &input), context)?;
            let exit = match (&repaired.optimality, patched.is_refuted) {
                (Optimality::Least { .. }, false) => Exit::Violated,
                _ => Exit::Undecided,
            };
            (Some(shown(design, repaired, &found.aside, patched, &settings, context)?), exit)
        }
        Finding::Contradiction(_) => (None, Exit::Violated),
        Finding::NotFound { .. } => (None, Exit::Undecided),
        Finding::Nothing => (None, aside_exit(&found)),
    };
    let document = document(args, design, &found, shown);
    if let (Some(path), Some(patch)) = (&args.output, document.repair.as_ref().and_then(|one| one.patch.as_ref())) {
        output::write_file(path, patch.as_bytes())?;
    }
    output::print(&match args.format {
        TableFormat::Text => text::text(&document, args.output.as_deref()),
        TableFormat::Json => to_json(&document),
    })?;
    Ok(exit)
}

fn defect(context: &mut Context, design: &Design, error: &VerifyError) -> Failure {
    context.disagreement(design, error.to_string(), &format!("{error:?}"))
}

/// What is not repaired may still be violated, or unknown.
fn aside_exit(found: &Repair) -> Exit {
    let verdicts = found.aside.iter().filter_map(|goal| outcome(&found.before, *goal));
    let exits = verdicts.map(|outcome| match outcome.verdict {
        Settled::Holds => Exit::Holds,
        Settled::Unknown(_) => Exit::Undecided,
        Settled::Violated(_) => Exit::Violated,
    });
    exits.max().unwrap_or(Exit::Holds)
}

fn outcome(report: &Report, goal: Goal) -> Option<&Outcome> {
    match goal {
        Goal::Property(at) => report.properties.get(at),
        Goal::Need(at) => report.needs.get(at),
    }
}

/// A patch, or why there is none.
struct Patched {
    patch: Result<String, String>,
    left: BTreeMap<usize, String>,
    /// The patched texts say something else than the edits: there is no patch to trust.
    is_refuted: bool,
}

/// Writes the edits into the sources, reads them again, and verifies what they say.
fn patched(
    loaded: &Loaded,
    repaired: &Repaired,
    found: &Repair,
    settings: &Settings,
    (path, input): (&str, &Options),
    context: &mut Context,
) -> Result<Patched, Failure> {
    let patch = context.timings.phase("patch", || patch::patch(&loaded.design, &loaded.texts, &repaired.edits));
    let left: BTreeMap<usize, String> = patch.left.iter().map(|(at, why)| (*at, why.to_string())).collect();
    if !left.is_empty() {
        let why = "an edit is not written as a change of a text".to_owned();
        return Ok(Patched { patch: Err(why), left, is_refuted: false });
    }
    let overlay = Overlay { texts: &patch.texts };
    let mut options = input.clone();
    if let Some(text) = patch.texts.get("-") {
        options.standard_input = Some(text.clone().into_bytes());
    }
    let refuted = |why: String| Ok(Patched { patch: Err(why), left: BTreeMap::new(), is_refuted: true });
    let Ok(again) = seglab_scenarios::loader::load_from(&overlay, path, &options) else {
        return refuted("the patched sources cannot be read; apply the edits by hand".to_owned());
    };
    let report = context.timings.phase("verify", || Verifier::new(&again.design).settle_all(settings));
    let report = report.map_err(|error| defect(context, &again.design, &error))?;
    let same =
        report.properties.len() == found.before.properties.len() && report.needs.len() == found.before.needs.len();
    if !same || !open(&again.design, &report, &found.aside).is_empty() {
        return refuted("the patched sources do not say what the edits do; apply the edits by hand".to_owned());
    }
    let diffs = patch.texts.iter().filter_map(|(path, after)| Some(unified(path, loaded.texts.get(path)?, after)));
    Ok(Patched { patch: Ok(diffs.collect()), left, is_refuted: false })
}

/// A unified diff that `patch -p1` and `git apply` take.
fn unified(path: &str, before: &str, after: &str) -> String {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let diff = similar::TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}

/// What a report leaves open, but for what is set aside; that may be unknown, or about rules.
fn open(design: &Design, report: &Report, aside: &[Goal]) -> Vec<Claim> {
    let properties = (0..report.properties.len()).map(Goal::Property);
    let goals = properties.chain((0..report.needs.len()).map(Goal::Need));
    goals.filter(|goal| !aside.contains(goal)).filter_map(|goal| open_claim(design, report, goal)).collect()
}

/// A claim that does not hold.
fn open_claim(design: &Design, report: &Report, goal: Goal) -> Option<Claim> {
    outcome(report, goal).filter(|outcome| outcome.verdict != Settled::Holds)?;
    claim(design, report, goal)
}

fn claim(design: &Design, report: &Report, goal: Goal) -> Option<Claim> {
    let outcome = outcome(report, goal)?;
    let (kind, name, span) = match goal {
        Goal::Property(at) => {
            let property = design.properties().get(at)?;
            ("property", property.id.clone(), property.provenance.span)
        }
        Goal::Need(at) => {
            let need = design.needs().get(at)?;
            let name = format!("{} -> {} {}", need.from, need.to, services(&need.services));
            ("need", name, need.provenance.span)
        }
    };
    let verdict = match (&outcome.verdict, kind) {
        (Settled::Holds, "need") => "works",
        (Settled::Holds, _) => "holds",
        (Settled::Unknown(_), _) => "unknown",
        (Settled::Violated(_), "need") => "broken",
        (Settled::Violated(_), _) => "violated",
    };
    Some(Claim { kind, name, verdict, location: collect::location(design, span) })
}

fn shown(
    design: &Design,
    repaired: &Repaired,
    aside: &[Goal],
    patched: Patched,
    settings: &Settings,
    context: &mut Context,
) -> Result<Shown, Failure> {
    let mut designs = Difference::new(Verifier::new(design), Verifier::new(&repaired.design));
    let asked = Asked {
        view: seglab_policy::View::Policy,
        trust: seglab_policy::Trust::Intact,
        as_if_enforced: settings.as_if_enforced,
        attacks: Vec::new(),
        hops_max: None,
        listed_max: 1,
    };
    let difference = context.timings.phase("difference", || collect::difference(&mut designs, &asked, tool(true)));
    let difference = difference.map_err(|error| defect(context, design, &error))?;
    let known = |kind: ChangeKind| kind != ChangeKind::StillUnknown;
    let sections = || difference.sections.iter();
    let (compared, exhausted) = match repaired.optimality {
        Optimality::Least { compared, exhausted } => (compared, exhausted),
        Optimality::AtLeast { .. } => (1, false),
    };
    let edits = repaired.edits.iter().enumerate();
    let edits = edits.filter_map(|(at, edit)| shown_edit(design, edit, patched.left.get(&at).cloned())).collect();
    let (patch, no_patch) = match patched.patch {
        Ok(patch) => (Some(patch), None),
        Err(why) => (None, Some(why)),
    };
    let after = open(&repaired.design, &repaired.after, &[]);
    debug_assert!(after.len() <= aside.len(), "everything holds that is not set aside");
    Ok(Shown {
        edits,
        least: matches!(repaired.optimality, Optimality::Least { .. }),
        compared,
        exhausted,
        connections_changed: repaired.connections,
        changes: sections().flat_map(|one| one.counts.clone()).filter(|count| known(count.kind)).collect(),
        examples: sections().flat_map(|one| one.changes.clone()).filter(|change| known(change.kind)).collect(),
        after,
        patch,
        no_patch,
    })
}

fn document(args: &args::Repair, design: &Design, found: &Repair, shown: Option<Shown>) -> Document {
    let claims = |goals: &[Goal]| goals.iter().filter_map(|goal| claim(design, &found.before, *goal)).collect();
    let (finding, contradiction, at_least, stopped) = match &found.finding {
        Finding::Nothing => ("nothing", Vec::new(), None, None),
        Finding::Contradiction(core) => ("contradiction", claims(core), None, None),
        Finding::NotFound { at_least, stopped } => {
            ("not-found", Vec::new(), Some(*at_least), Some(stopped.to_string()))
        }
        Finding::Repaired(repaired) => match &repaired.optimality {
            Optimality::Least { .. } => ("repaired", Vec::new(), Some(repaired.edits.len()), None),
            Optimality::AtLeast { edits, stopped } => ("repaired", Vec::new(), Some(*edits), Some(stopped.to_string())),
        },
    };
    Document {
        schema: "seglab/repair/v1",
        heading: collect::heading(design, tool(true), None),
        command: format!("seglab repair {}", args.design.path),
        as_if_enforced: args.design.as_if_enforced,
        finding,
        before: open(design, &found.before, &[]),
        aside: claims(&found.aside),
        contradiction,
        repair: shown,
        at_least,
        stopped,
        spent: Spent {
            rounds: found.spent.rounds,
            demands: found.spent.demands,
            candidates: found.spent.candidates,
            z3_resources: found.spent.resources,
        },
    }
}

fn shown_edit(design: &Design, edit: &Edit, no_patch: Option<String>) -> Option<ShownEdit> {
    let of_rule = |id: RuleId| design.rule(id).map(|(_, rule)| rule);
    let tier = tier_name(design, edit.tier());
    let plain =
        |kind, what: String| ShownEdit { kind, location: None, object: None, what, becomes: None, tier, no_patch };
    Some(match edit {
        Edit::Remove(id) | Edit::Narrow { rule: id, .. } => {
            let rule = of_rule(*id)?;
            let (kind, becomes) = match edit {
                Edit::Narrow { to, .. } => ("narrow", Some(narrowing(rule, to)?)),
                _ => ("remove", None),
            };
            let location = collect::location(design, rule.provenance.span);
            ShownEdit { location, object: rule.provenance.object.clone(), becomes, ..plain(kind, rule_text(rule)) }
        }
        Edit::Add { rule, .. } => plain("add", rule_text(rule)),
        Edit::Isolate { direction, units, .. } => {
            plain("isolate", format!("{units}: no {direction} that no rule allows"))
        }
    })
}

fn tier_name(design: &Design, id: TierId) -> String {
    let book = design.rulebooks().get(id.rulebook.0 as usize);
    let tier = book.and_then(|book| Some((&book.name, &book.tiers.get(id.tier as usize)?.name)));
    tier.map_or_else(String::new, |(book, tier)| if book == tier { book.clone() } else { format!("{book}/{tier}") })
}

fn rule_text(rule: &Rule) -> String {
    let at: Vec<String> = rule.directions.iter().map(|direction| direction.to_string()).collect();
    let at = if at.len() == 1 { format!(" at {}", at.join(", ")) } else { String::new() };
    format!("{} from {} to {}, {}{at}", rule.action, rule.from, rule.to, services(&rule.services))
}

fn services(services: &[Service]) -> String {
    match services {
        [Service::Any] => "any service".to_owned(),
        [] => "no service".to_owned(),
        many => many.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
    }
}

/// What becomes of the sides of a narrowed rule that change.
fn narrowing(rule: &Rule, to: &[Restriction]) -> Option<String> {
    let left = rule.narrowed(to)?;
    let mut parts = Vec::new();
    let mut side = |name: &str, was: &Peer, is: &Peer| {
        if was != is {
            parts.push(format!("{name} {is}"));
        }
    };
    side("from", &rule.from, &left.from);
    side("to", &rule.to, &left.to);
    if rule.services != left.services {
        parts.push(services(&left.services));
    }
    Some(parts.join(", "))
}

/// The files of this machine, with some texts in the place of what they hold.
struct Overlay<'t> {
    texts: &'t BTreeMap<String, String>,
}

impl Files for Overlay<'_> {
    fn kind(&self, path: &str) -> Option<Kind> {
        OnDisk.kind(path)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.texts.get(path).map_or_else(|| OnDisk.size(path), |text| Ok(text.len() as u64))
    }

    fn read(&self, path: &str, at_most: u64) -> io::Result<Vec<u8>> {
        let held = |text: &String| text.bytes().take(usize::try_from(at_most).unwrap_or(usize::MAX)).collect();
        self.texts.get(path).map_or_else(|| OnDisk.read(path, at_most), |text| Ok(held(text)))
    }

    fn names(&self, folder: &str) -> io::Result<Vec<OsString>> {
        OnDisk.names(folder)
    }

    fn identity(&self, folder: &str) -> io::Result<PathBuf> {
        OnDisk.identity(folder)
    }
}
