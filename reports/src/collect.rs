//! From a design and the reference evaluator's judgements to the data of a report.
//!
//! What is computed elsewhere (verdicts, counterexamples, distributions, campaigns) is filled in by whoever computed it;
//! everything that a report says about the design itself, about a claim as such, and about one judged connection, is
//! said here.

mod calibration;
mod choice;
mod claims;
mod compared;
mod connection;
mod core;
mod coverage;
mod difference;
mod ever;
mod finding;
mod outside;
mod paths;
mod picture;
mod proof;
mod sensitivity;
mod simulation;
mod traffic;

pub use self::core::cores;
pub use calibration::{calibration, checks, loads};
pub use choice::{choice, deciding_rules};
pub use connection::{explained, hop, host_hop};
pub use difference::{Asked, difference};
pub use finding::{GROUPINGS, findings, grouping_name, grouping_named};
pub use outside::Outside;
pub use paths::{objective_name, paths};
pub use picture::{blast_radius, segment_matrix, surface};
pub use proof::{contradictions, settle};
pub use sensitivity::sensitivity;
pub use simulation::simulations;
pub(crate) use simulation::{precision, simulation};
pub use traffic::{differences, traffic, traffic_of};

use crate::model::{self, NeedStatus, Population, Verdict};
use seglab_policy::{
    Claim, Covers, Date, Design, NAMESPACE_KEY, Peer, Pivot, Property, Selector, Service, Severity, Span, Trust, View,
    count,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// What no model of this tool covers, whatever the design.
pub const NOT_COVERED: [&str; 4] = [
    "escape from a unit to the host or node that it runs on",
    "identity and management planes: whoever administers hosts, clusters, directories or the enforcement itself",
    "what travels inside an allowed connection, such as a tunnel through DNS",
    "changes after the inputs were read",
];

/// Everything that a report says before its results: scope, assumptions, trust, what was not modelled, findings. Properties and
/// needs are empty, the verdict is that of no property.
pub fn basis(
    design: &Design,
    diagnostics: &[seglab_policy::Diagnostic],
    tool: model::Tool,
    as_if_enforced: bool,
) -> model::Verification {
    let model::Heading { design: name, tool, seed, today, inputs, mut assumptions, unmodelled } =
        heading(design, tool, None);
    assumptions.extend(ever::assumptions(design));
    model::Verification {
        design: name,
        tool,
        command: None,
        seed,
        today,
        inputs,
        scope: scope(design, as_if_enforced),
        assumptions,
        trusted: design.trusted().iter().map(|one| trusted(design, one)).collect(),
        unmodelled,
        ignored: design.ignored().iter().map(|one| ignored(design, one)).collect(),
        not_covered: NOT_COVERED.map(str::to_owned).to_vec(),
        verdict: Verdict::Holds,
        properties: Vec::new(),
        needs: Vec::new(),
        gate: None,
        diagnostics: diagnostics.iter().map(|one| diagnostic(design, one)).collect(),
    }
}

/// Says which trusted units are trusted no longer, on this day; the day is printed where something has a last one.
pub fn as_of(of: &mut model::Verification, design: &Design, today: Date) {
    for (held, trusted) in of.trusted.iter_mut().zip(design.trusted()) {
        held.expired = trusted.is_expired(today);
        if held.expires.is_some() {
            of.today = Some(today.to_string());
        }
    }
}

/// What heads every output about a design.
pub fn heading(design: &Design, tool: model::Tool, seed: Option<u64>) -> model::Heading {
    model::Heading {
        design: design.name().to_owned(),
        tool,
        seed,
        today: None,
        inputs: inputs(design),
        assumptions: design
            .assumptions()
            .iter()
            .map(|one| model::Assumption { id: one.id.clone(), text: one.text.clone(), choice: None })
            .collect(),
        unmodelled: design
            .unmodelled()
            .iter()
            .map(|one| model::Unmodelled {
                what: one.what.clone(),
                touches: shown(design, &one.touches),
                units: design.select(&one.touches).count() as u64,
                location: location(design, one.provenance.span),
            })
            .collect(),
    }
}

/// The files that a design was read from, and those of the designs that its claims hold it against, with the hashes of
/// their bytes.
fn inputs(design: &Design) -> Vec<model::Input> {
    let mut inputs: Vec<model::Input> = design.sources().iter().map(input).collect();
    let others = design.properties().iter().filter_map(|property| property.claim.reference());
    for other in others.flat_map(|reference| reference.design.sources()).map(input) {
        if !inputs.contains(&other) {
            inputs.push(other);
        }
    }
    inputs
}

/// A place in an input; `None` for what no input says.
pub fn location(design: &Design, span: Option<Span>) -> Option<model::Location> {
    let span = span?;
    let path = design.source(span.source)?.path.clone();
    Some(model::Location { path, line: span.line, column: span.column })
}

/// A property as it is asked: its verdict is unknown until somebody settles it.
pub fn property(design: &Design, of: &Property, population: Population) -> model::Property {
    let asks = of.claim.asks();
    let needs_attacker = asks.pivot || of.claim.default_trust() != Trust::Intact;
    model::Property {
        id: of.id.clone(),
        kind: of.claim.kind().to_owned(),
        claim: shown(design, format_args!("{}{}", claim(&of.claim), within(of.hops_max))),
        verdict: Verdict::Unknown,
        view: of.view.to_string(),
        pivot: needs_attacker.then(|| of.pivot.to_string()),
        trust: of.trust.to_string(),
        hops_max: if needs_attacker && !asks.hops { Some(1) } else { of.hops_max },
        population,
        does_not_show: does_not_show(of),
        location: location(design, of.provenance.span),
        ..model::Property::default()
    }
}

/// A need as it is declared: its status is unknown until somebody settles it.
pub fn need(design: &Design, of: &seglab_policy::Need, pairs: u64) -> model::Need {
    model::Need {
        from: shown(design, &of.from),
        to: shown(design, &of.to),
        service: services(&of.services),
        status: NeedStatus::Unknown,
        pairs,
        location: location(design, of.provenance.span),
        ..model::Need::default()
    }
}

/// A claim as a sentence: lower case, no final period.
pub fn claim(of: &Claim) -> String {
    match of {
        Claim::Isolated { from, to, services } => {
            format!("{} never reaches {to}{}", whoever(from), on(services))
        }
        Claim::IsolatedEver { from, to, services } => {
            format!("{} never reaches {to}{}, whatever units are added", whoever(from), on(services))
        }
        Claim::Allowed { from, to, services } => {
            format!("{from} can open {} to {to}, and the replies come back", self::services(services))
        }
        Claim::OnlyThrough { from, to, via, services } => {
            format!("{} reaches {to}{} through {via} only", whoever(from), on(services))
        }
        Claim::BlastRadius { from, at_most, of } => {
            format!("whoever owns a unit of {from} gets {}", claims::bound(*at_most, *of))
        }
        Claim::Exposed { external, inbound, only, services } => {
            let external = Peer::Addresses { set: external.clone(), covers: Covers::External };
            let but = if *only == Selector::nothing() { String::new() } else { format!(" but {only}{}", on(services)) };
            if *inbound {
                format!("{external} reaches no unit{but}")
            } else {
                format!("no unit{but} reaches {external}")
            }
        }
        Claim::EgressOnlyTo { .. }
        | Claim::Only { .. }
        | Claim::Within { .. }
        | Claim::Equal { .. }
        | Claim::DefaultDeny { .. }
        | Claim::Surface { .. }
        | Claim::NoShadowedRules { .. }
        | Claim::NoRedundantRules { .. }
        | Claim::NoUndefinedOrder { .. } => claims::sentence(of),
    }
}

/// How far a claim goes, to end its sentence with: two claims that differ in nothing else must not read the same.
fn within(hops_max: Option<u32>) -> String {
    match hops_max {
        None => String::new(),
        Some(1) => " directly".to_owned(),
        Some(hops) => format!(" over at most {}", count(hops.into(), "connection", "connections")),
    }
}

fn whoever(from: &Peer) -> String {
    match from {
        Peer::Units(_) => format!("whoever owns a unit of {from}"),
        Peer::Anyone | Peer::Addresses { .. } | Peer::Unmodelled(_) => from.to_string(),
    }
}

fn on(services: &[Service]) -> String {
    let services = self::services(services);
    if services == "any" { String::new() } else { format!(" on {services}") }
}

fn services(services: &[Service]) -> String {
    let names: Vec<String> = services.iter().map(Service::to_string).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" or ") }
}

/// A text about a design in the words of its lab file, which reads `namespace=shop` where no unit has a label of that key.
fn shown(design: &Design, text: impl Display) -> String {
    let text = text.to_string();
    if design.namespace_is_label() { text } else { text.replace(NAMESPACE_KEY, "namespace") }
}

/// What a verdict of the property leaves open.
fn does_not_show(of: &Property) -> Vec<String> {
    let mut open = Vec::new();
    if matches!(of.claim, Claim::Allowed { .. }) {
        open.push("that the application answers, or how fast: only that the network lets it".to_owned());
        return open;
    }
    if !of.claim.asks().pivot {
        return claims::does_not_show(of);
    }
    match of.pivot {
        Pivot::Any => open.push("how likely or how fast an attack is".to_owned()),
        Pivot::Service => open.push("attacks on ports where nothing is declared to listen".to_owned()),
        Pivot::Exploitable => {
            open.push("attacks by weaknesses and credentials that the design does not declare".to_owned())
        }
        Pivot::EitherWay => {}
    }
    if of.pivot != Pivot::EitherWay {
        open.push("attacks on clients that connect to an owned unit (pivot either-way asks that)".to_owned());
    }
    if of.view == View::Service {
        open.push("ports that policy lets through and where nothing is declared to listen".to_owned());
    }
    match of.trust {
        Trust::Intact => open.push("what follows if the agent of an owned unit is switched off".to_owned()),
        Trust::OwnAgentVoid => {
            open.push("what follows if a controller falls (trust controller-void asks that)".to_owned())
        }
        Trust::ControllerVoid => {}
    }
    if let Some(hops) = of.hops_max {
        open.push(match hops {
            1 => "ways over more than one connection".to_owned(),
            hops => format!("ways over more than {hops} connections"),
        });
    }
    open
}

fn input(of: &seglab_policy::Source) -> model::Input {
    model::Input { path: of.path.clone(), sha256: seglab_policy::Hex(&of.sha256).to_string() }
}

fn diagnostic(design: &Design, of: &seglab_policy::Diagnostic) -> model::Diagnostic {
    model::Diagnostic {
        severity: match of.severity {
            Severity::Note => model::Severity::Note,
            Severity::Warning => model::Severity::Warning,
            Severity::Error => model::Severity::Error,
        },
        code: of.code.to_owned(),
        message: of.message.clone(),
        location: location(design, of.span),
        among: of.among.as_ref().map(|among| format!("{} {}", among.count, among.kind)),
        help: of.help.clone(),
    }
}

fn trusted(design: &Design, of: &seglab_policy::Trusted) -> model::Trusted {
    model::Trusted {
        units: shown(design, &of.units),
        count: design.select(&of.units).count() as u64,
        owner: of.owner.clone(),
        reason: of.reason.clone(),
        expires: of.expires.clone(),
        expired: false,
        location: location(design, of.provenance.span),
    }
}

fn ignored(design: &Design, of: &seglab_policy::Ignored) -> model::Ignored {
    model::Ignored {
        kind: of.kind.clone(),
        count: of.count,
        reason: of.provenance.reason.clone().unwrap_or_default(),
        owner: of.provenance.owner.clone(),
        location: location(design, of.provenance.span),
    }
}

/// How many names of uncovered units a report lists.
const EXAMPLES: usize = 5;

fn scope(design: &Design, as_if_enforced: bool) -> model::Scope {
    let uncovered = coverage::uncovered(design, as_if_enforced);
    let spaces: BTreeSet<&str> =
        design.units().iter().flat_map(|unit| &unit.interfaces).map(|one| one.space.as_str()).collect();
    let mut examples: Vec<String> = uncovered.iter().map(|&unit| design.unit(unit).display_name().to_owned()).collect();
    examples.dedup();
    examples.truncate(EXAMPLES);
    model::Scope {
        units: design.units().len() as u64,
        uncovered_units: uncovered.len() as u64,
        uncovered_examples: examples,
        external_sources: design.external_sources().iter().map(|one| one.name.clone()).collect(),
        points: coverage::points(design),
        rules: design.rules().count() as u64,
        address_spaces: spaces.into_iter().map(str::to_owned).collect(),
        objects: objects(design),
        as_if_enforced,
    }
}

/// The objects that rules are part of, by kind: `NetworkPolicy shop/web` is of the kind before the blank.
fn objects(design: &Design) -> Vec<model::ObjectCount> {
    let names: BTreeSet<&str> = design.rules().filter_map(|(_, rule)| rule.provenance.object.as_deref()).collect();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for name in names {
        *kinds.entry(name.split_once(' ').map_or(name, |(kind, _)| kind)).or_default() += 1;
    }
    kinds.into_iter().map(|(kind, count)| model::ObjectCount { kind: kind.to_owned(), count }).collect()
}
