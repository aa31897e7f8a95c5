//! `seglab bench`: how fast the matcher decides this policy on this machine, beside what the memory of the machine
//! could, every decision held to the others and those that are checked to the reference evaluator.

mod flows;
mod measure;
mod narrowed;
mod text;
mod traffic;

use super::{Context, to_json};
use crate::args::{self, TableFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::heading;
use crate::output;
use indicatif::ProgressBar;
use measure::{BatchTimes, ByCores, Rates, timed};
use narrowed::{AtPoint, OfRules};
use seglab_engine::{
    CompileError, Decision, Layout, Limits, LiveMatcher, LiveRule, Matcher, PairForm, Update, Workload,
};
use seglab_policy::{
    Address, Assume, Connection, DEFAULT_SPACE, Design, Direction, Rule, RuleId, RulebookId, TierId, number,
};
use seglab_reports::{Heading, Throughput, throughput_plot};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use traffic::Asked;

/// The reference evaluator looks at every rule: so many looks are spent on checking decisions. [rule evaluations]
const CHECK_BUDGET: usize = 100_000_000;

/// The time that updates may take. \[ns\]
const UPDATES_NS: u64 = 2_000_000_000;

/// The most rules that are taken away and put back.
const UPDATES_MAX: usize = 1000;

/// The traffic of which every second connection is about a rule.
const RULES: &str = "rules";

/// What the numbers are, and what they are not.
const MEANING: &str = "These rates are the bound of a good implementation on this machine: packets stand in memory, and \
                       nothing moves them. They are not what a product costs: its data sheet says that, or a \
                       measurement of one's own.";

#[derive(Serialize)]
struct Measured {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    meaning: &'static str,
    units: usize,
    rules: usize,
    connections: usize,
    build_ns: u64,
    memory_bytes: usize,
    families: Vec<FamilyTables>,
    /// Of uniform traffic.
    decisions_per_second: DecisionsPerSecond,
    /// What reading the tables alone would allow of uniform traffic on one core, by address; by unit where addresses are
    /// not known. None where there are no tables.
    roofline_decisions_per_second: Option<u64>,
    traffic: Vec<TrafficMeasured>,
    /// The same policy with fewer of its rules.
    by_rules: Vec<OfRules>,
    /// What single points take, each with the rules that concern it.
    placements: Vec<AtPoint>,
    batches: Vec<BatchTimes>,
    update_ns: Option<UpdateTimes>,
    #[serde(flatten)]
    checked: Checked,
}

/// How long it takes from one rule less, or one more, until that decides. Decisions go on meanwhile. The first update,
/// which copies what is written from then on, is left out.
#[derive(Serialize)]
struct UpdateTimes {
    updates: usize,
    /// How many of the updates were compiled anew, because they could not be made in small steps.
    recompiled: usize,
    p50: u64,
    p99: u64,
}

#[derive(Serialize)]
struct DecisionsPerSecond {
    by_address: ByCores,
    by_unit: ByCores,
}

/// How an address family is laid out.
#[derive(Serialize)]
struct FamilyTables {
    family: String,
    /// `dense` or `hashed`; none where there are no tables, and an engine is asked.
    form: Option<&'static str>,
    /// Why there are no tables.
    untabled: Option<String>,
    source_classes: usize,
    destination_classes: usize,
    exceptions: usize,
    service_classes: usize,
    memory_bytes: usize,
}

impl From<Layout> for FamilyTables {
    fn from(layout: Layout) -> Self {
        let form = |form: PairForm| match form {
            PairForm::Dense => "dense",
            PairForm::Hashed => "hashed",
            PairForm::Layered(_) => "layered",
        };
        Self {
            family: layout.family.to_string(),
            form: layout.form.ok().map(form),
            untabled: layout.form.err().map(|why| why.to_string()),
            source_classes: layout.source_classes,
            destination_classes: layout.destination_classes,
            exceptions: layout.exceptions,
            service_classes: layout.service_classes,
            memory_bytes: layout.memory_bytes,
        }
    }
}

/// One kind of traffic: how connections are drawn, and what was measured.
#[derive(Serialize)]
struct TrafficMeasured {
    name: &'static str,
    #[serde(flatten)]
    rates: Rates,
    /// The share of decisions by unit that allow.
    allowed: f64,
    /// Decisions that the reference evaluator agreed with.
    checked: usize,
}

pub(crate) fn run(args: &args::Bench, context: &mut Context) -> Result<Exit, Failure> {
    let loaded = context.load(&args.design.path)?;
    let design = &loaded.design;
    let progress = crate::progress::spinner("compiling the policy");
    let measured = measured(args, context, design, &progress);
    progress.finish_and_clear();
    let measured = measured?;
    if let Some(path) = &args.plot
        && let Some(plot) = throughput_plot(design.name(), &measured.bars())
    {
        output::write_file(path, plot.svg.as_bytes())?;
    }
    output::print(&match args.format {
        TableFormat::Text => text::text(&measured),
        TableFormat::Json => to_json(&measured),
    })?;
    Ok(Exit::Holds)
}

/// Measures everything, one thing after the other.
fn measured(
    args: &args::Bench,
    context: &mut Context,
    design: &Design,
    progress: &ProgressBar,
) -> Result<Measured, Failure> {
    let assume = Assume { as_if_enforced: args.design.as_if_enforced, ..Assume::business() };
    let subject = Subject::of(design, assume)?;
    let limits = Limits { memory_bytes: (args.memory as usize).saturating_mul(1_000_000), ..Limits::default() };
    let (built, build_ns) = timed(|| subject.compile(design, limits));
    let matcher = built.map_err(|error| refused(&error))?;
    let count = args.connections as usize;
    let mut workloads = context.timings.phase("workload", || subject.workloads(design, args.seed, count));
    if let Some(path) = &args.flows {
        workloads.push(("flows", flows::replayed(design, subject, path)?));
    }
    let mut traffic = Vec::new();
    let mut batches = Vec::new();
    for (name, workload) in &workloads {
        progress.set_message(format!("traffic: {name}"));
        let (measured, of_batches) = measure_traffic((name, workload), &matcher, context, design, subject)?;
        traffic.push(measured);
        if batches.is_empty() {
            batches = of_batches;
        }
    }
    let nothing = Workload::default();
    let asked = workloads.iter().find(|(name, _)| *name == RULES).map_or(&nothing, |(_, asked)| asked);
    let checked = check(asked, &matcher, context, design, subject)?;
    let first = workloads.first().map_or((RULES, &nothing), |(name, workload)| (*name, workload));
    progress.set_message("fewer rules");
    let by_rules = narrowed::by_rules(context, design, subject, limits, first)?;
    progress.set_message("single points");
    let placements = match subject {
        Subject::Points(assume) => narrowed::by_point(context, design, assume, limits, first.1)?,
        Subject::Filter => Vec::new(),
    };
    progress.set_message("updates");
    let update_ns = if subject == Subject::Filter { None } else { updates(context, design, assume, limits)? };
    let uniform = traffic.first().map(|one| &one.rates);
    let by_cores = |of: fn(&Rates) -> &ByCores| uniform.map(of).cloned().unwrap_or_default();
    let rooflines = [by_cores(|rates| &rates.roofline_by_address), by_cores(|rates| &rates.roofline_by_unit)];
    Ok(Measured {
        schema: "seglab/bench/v1",
        heading: heading(design, Some(args.seed)),
        meaning: MEANING,
        units: design.units().len(),
        rules: design.rules().count(),
        connections: asked.connections().len(),
        build_ns,
        memory_bytes: matcher.memory_bytes(),
        families: matcher.layouts().map(FamilyTables::from).collect(),
        decisions_per_second: DecisionsPerSecond {
            by_address: by_cores(|rates| &rates.by_address),
            by_unit: by_cores(|rates| &rates.by_unit),
        },
        roofline_decisions_per_second: rooflines.iter().find_map(|roofline| roofline.get(&1)).copied(),
        traffic,
        by_rules,
        placements,
        batches,
        update_ns,
        checked,
    })
}

/// What is asked about connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// The points on the way between units.
    Points(Assume),
    /// The first rulebook of a design without units: a filter between any two addresses.
    Filter,
}

impl Subject {
    fn of(design: &Design, assume: Assume) -> Result<Self, Failure> {
        match (design.units().is_empty(), design.rules().next()) {
            (false, _) => Ok(Self::Points(assume)),
            (true, Some(_)) => Ok(Self::Filter),
            (true, None) => Err(Failure::usage(
                "the design has no units to decide about",
                "bench a design with units, or a rule set",
            )),
        }
    }

    fn compile(self, design: &Design, limits: Limits) -> Result<Matcher, CompileError> {
        match self {
            Self::Points(assume) => Matcher::compile(design, assume, limits),
            Self::Filter => Matcher::compile_rulebook(design, RulebookId(0), Direction::Forward, limits),
        }
    }

    fn workloads(self, design: &Design, seed: u64, number: usize) -> Vec<(&'static str, Workload)> {
        match self {
            Self::Points(_) => vec![
                ("uniform", Workload::uniform(design, seed, number)),
                ("zipf", Workload::zipf(design, seed, number)),
                (RULES, Workload::generate(design, seed, number)),
                ("hits", Workload::about_rules(design, seed, number, 1.0)),
            ],
            Self::Filter => vec![(RULES, Workload::between_addresses(design, seed, number))],
        }
    }

    /// The address space that traffic by address is seen in.
    fn space(self, design: &Design) -> Option<&str> {
        match self {
            Self::Points(_) => main_space(design),
            Self::Filter => Some(DEFAULT_SPACE),
        }
    }

    /// What the reference evaluator decides.
    fn wanted(self, design: &Design, connection: &Connection) -> Decision {
        match self {
            Self::Points(assume) => design.evaluate(connection, assume).verdict.into(),
            Self::Filter => Decision::at_rulebook(design, RulebookId(0), Direction::Forward, connection),
        }
    }
}

/// A policy that cannot be compiled within the memory allowed.
fn refused(error: &impl std::fmt::Display) -> Failure {
    Failure::usage(error.to_string(), "allow more with `--memory`")
}

/// Measures one kind of traffic on every number of cores.
fn measure_traffic(
    (name, workload): (&'static str, &Workload),
    matcher: &Matcher,
    context: &mut Context,
    reference: &Design,
    subject: Subject,
) -> Result<(TrafficMeasured, Vec<BatchTimes>), Failure> {
    let asked = Asked { reference, subject, budget: CHECK_BUDGET / 4 };
    let (traffic, decisions, checked) = asked.traffic(context, matcher, (name, workload))?;
    let allowed = decisions.iter().filter(|decision| matches!(decision, Decision::Allowed(_))).count();
    let allowed = allowed as f64 / decisions.len().max(1) as f64;
    let mut rates = Rates::default();
    let batches = context.timings.phase("measure", || {
        measure::cores().into_iter().for_each(|cores| measure::rates(matcher, &traffic, cores, &mut rates));
        measure::batches(matcher, &traffic)
    });
    Ok((TrafficMeasured { name, rates, allowed, checked }, batches))
}

/// Takes one rule after another away and puts it back; `None` where there are no rules.
fn updates(
    context: &mut Context,
    design: &Design,
    assume: Assume,
    limits: Limits,
) -> Result<Option<UpdateTimes>, Failure> {
    let live = LiveMatcher::new(design, assume, limits).map_err(|error| refused(&error))?;
    // Where rules are asked one after the other, one that is put back stands behind those of its priority.
    let tier = |id: RuleId| TierId { rulebook: id.rulebook, tier: id.tier };
    let mut rules: Vec<(LiveRule, TierId, &Rule)> =
        live.rules().into_iter().zip(design.rules()).map(|(live, (id, rule))| (live, tier(id), rule)).collect();
    let (mut times, mut recompiled, mut spent_ns) = (Vec::new(), 0, 0u64);
    let mut apply = |update: Update| {
        let (applied, ns) = context.timings.phase("update", || timed(|| live.apply(&[update])));
        let applied = applied.map_err(|error| refused(&error))?;
        times.push(ns);
        recompiled += usize::from(applied.recompiled.is_some());
        spent_ns = spent_ns.saturating_add(ns);
        Ok::<_, Failure>((applied, spent_ns))
    };
    for turn in 0..UPDATES_MAX {
        // Rules all over the policy, one as often as another.
        let at = turn.wrapping_mul(0x9E37_79B1) % rules.len().max(1);
        let Some((live, tier, rule)) = rules.get_mut(at) else { break };
        apply(Update::Remove(*live))?;
        let (applied, spent_ns) = apply(Update::Add { tier: *tier, rule: Box::new(rule.clone()) })?;
        applied.added.first().into_iter().for_each(|&added| *live = added);
        if spent_ns > UPDATES_NS {
            break;
        }
    }
    // The first makes the copy that the others write to.
    times = times.split_off(times.len().min(1));
    if times.is_empty() {
        return Ok(None);
    }
    times.sort_unstable();
    Ok(Some(UpdateTimes {
        updates: times.len(),
        recompiled,
        p50: measure::quantile(&times, 0.5),
        p99: measure::quantile(&times, 0.99),
    }))
}

/// What decisions came to, and how many of them the reference evaluator was asked about. It agreed: a run in which it does
/// not fails.
#[derive(Serialize)]
struct Checked {
    allowed: usize,
    denied: usize,
    unknown: usize,
    checked: usize,
    mismatches: usize,
}

fn check(
    asked: &Workload,
    matcher: &Matcher,
    context: &mut Context,
    design: &Design,
    subject: Subject,
) -> Result<Checked, Failure> {
    let (decisions, checked) =
        Asked { reference: design, subject, budget: CHECK_BUDGET }.held(context, matcher, asked)?;
    context.timings.count("decisions", decisions.len());
    let count = |wanted: fn(&Decision) -> bool| decisions.iter().filter(|decision| wanted(decision)).count();
    Ok(Checked {
        allowed: count(|decision| matches!(decision, Decision::Allowed(_))),
        denied: count(|decision| *decision == Decision::Denied),
        unknown: count(|decision| *decision == Decision::Unknown),
        checked,
        mismatches: 0,
    })
}

impl Measured {
    /// The rates on one core, to draw.
    fn bars(&self) -> Vec<Throughput> {
        let bar = |name: String, rate: &ByCores, roofline: &ByCores| {
            let decisions_per_second = rate.get(&1).copied()?;
            Some(Throughput { name, decisions_per_second, roofline_per_second: roofline.get(&1).copied() })
        };
        let of_traffic = |one: &TrafficMeasured| {
            let rates = &one.rates;
            [
                bar(format!("{}, by address", one.name), &rates.by_address, &rates.roofline_by_address),
                bar(format!("{}, by unit", one.name), &rates.by_unit, &rates.roofline_by_unit),
            ]
        };
        let narrowed = |name: String, built: &narrowed::Built| {
            bar(name, &built.rates.by_address, &built.rates.roofline_by_address)
        };
        let of_rules = |one: &OfRules| narrowed(format!("{} rules", number(one.rules as u64)), &one.built);
        let of_point = |one: &AtPoint| narrowed(format!("{} by itself", one.point), &one.built);
        let traffic = self.traffic.iter().flat_map(of_traffic).flatten();
        let parts = self.by_rules.iter().filter_map(of_rules).chain(self.placements.iter().filter_map(of_point));
        traffic.chain(parts).collect()
    }
}

/// The address space with the most known IPv4 addresses: the traffic by address is seen there.
fn main_space(design: &Design) -> Option<&str> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for interface in design.units().iter().flat_map(|unit| &unit.interfaces) {
        if let Address::Known(IpAddr::V4(_)) = interface.address {
            *known.entry(interface.space.as_str()).or_default() += 1;
        }
    }
    known.into_iter().max_by_key(|&(_, count)| count).map(|(space, _)| space)
}

impl Context {
    /// Saves what two judges disagree about, to be sent with a report of the defect.
    pub(crate) fn disagreement(&self, design: &Design, message: String, question: &str) -> Failure {
        let reproduction = std::env::temp_dir().join(format!("seglab-disagreement-{}.txt", std::process::id()));
        let text = format!("# {message}\n# question: {question}\n{}", seglab_policy::normal_form::write(design));
        match output::write_file(&reproduction, text.as_bytes()) {
            Ok(()) => Failure::Disagreement { message, reproduction },
            Err(failure) => failure,
        }
    }
}
