//! `seglab explain`: one connection, every point and tier on its path, and the rule that decided.

use super::otherwise::Otherwise;
use super::{Context, limits, to_json};
use crate::args::{self, TableFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::tool;
use crate::output;
use seglab_formats::text;
use seglab_policy::{
    Address, Assume, Connection, Denial, Design, Endpoint, Evaluation, ExternalSourceId, Header, IntervalSet, Service,
    Side, Trust, Unit, UnitId, Verdict,
};
use seglab_reports::{
    Cores, DecidingRule, Heading, Hop, Outcome, collect, cores_text, heading_text, hop_text, rules_text,
};
use seglab_verify::cores::{CoresError, cores};
use seglab_verify::smt::Limits;
use serde::Serialize;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The answer as JSON.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    trust: String,
    as_if_enforced: bool,
    #[serde(flatten)]
    hop: Hop,
    /// The fewest rules and defaults that the verdict rests on; absent where it rests on none, for lack of a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    cores: Option<Cores>,
    /// Why they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cores_open: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Otherwise<OtherVerdict>>,
}

/// The verdict that there would be.
#[derive(Serialize)]
struct OtherVerdict {
    outcome: Outcome,
    /// The rules that make the difference.
    deciding: Vec<DecidingRule>,
}

pub(crate) fn run(args: &args::Explain, context: &mut Context) -> Result<Exit, Failure> {
    let loaded = context.load(&args.design.path)?;
    let design = &loaded.design;
    let from = ends(design, &args.from, "--from")?;
    let to = ends(design, &args.to, "--to")?;
    let headers = headers(design, &args.port, &to)?;
    let assume = Assume {
        as_if_enforced: args.design.as_if_enforced,
        trust: Trust::from(args.trust),
        owned: Some(Side::Source),
        host_owned: false,
    };
    let Some((connection, evaluation)) = most_open(design, &from, &to, &headers, assume) else {
        return Err(Failure::usage("there is nothing to ask about", "name two ends with at least one interface each"));
    };
    let hop = collect::explained(design, &connection, &evaluation);
    let choices = Otherwise::of(design, |other| {
        let Some((theirs, judged)) = most_open(other, &from, &to, &headers, assume) else { return Vec::new() };
        let outcome = collect::hop(other, &theirs, &judged).outcome;
        if outcome == hop.outcome {
            return Vec::new();
        }
        // Of several interfaces it may be another that is the most open then.
        let decided = [connection, theirs].map(|asked| seglab_verify::choice::deciding(design, other, &asked, assume));
        let rules = decided.into_iter().find(|rules| !rules.is_empty()).unwrap_or_default();
        vec![OtherVerdict { outcome, deciding: collect::deciding_rules(design, &rules) }]
    });
    let (cores, cores_open) = rests_on(design, &connection, assume, limits(args.solver), context)?;
    let trust = assume.trust.to_string();
    let asked = cores.is_some() || cores_open.is_some();
    let heading = collect::heading(design, tool(asked), None);
    output::print(&match args.format {
        TableFormat::Text => {
            let modes = if assume.as_if_enforced { "every point as if it enforced" } else { "modes as declared" };
            let heading = heading_text(&[heading]);
            let open = cores_open.map(|why| format!("  what it rests on is not settled: {why}\n"));
            let cores = cores.as_ref().map(cores_text).or(open).unwrap_or_default();
            let answer = format!("{}{cores}{}", hop_text(&hop), choices_text(&choices));
            format!("{heading}asked: trust {trust}, {modes}\n\n{answer}")
        }
        TableFormat::Json => to_json(&Document {
            schema: "seglab/explain/v1",
            heading,
            trust,
            as_if_enforced: assume.as_if_enforced,
            hop,
            cores,
            cores_open,
            choices,
        }),
    })?;
    Ok(match evaluation.verdict {
        Verdict::Unknown(_) => Exit::Undecided,
        Verdict::Allowed(_) | Verdict::Denied(_) => Exit::Holds,
    })
}

/// The fewest rules and defaults that the verdict rests on, or why they are not known.
fn rests_on(
    design: &Design,
    connection: &Connection,
    assume: Assume,
    limits: Limits,
    context: &mut Context,
) -> Result<(Option<Cores>, Option<String>), Failure> {
    match context.timings.phase("solve", || cores(design, connection, assume, limits)) {
        Ok(found) => Ok((found.map(|found| collect::cores(design, &found)), None)),
        Err(CoresError::GaveUp(reason)) => Ok((None, Some(reason.to_string()))),
        Err(contradicted) => {
            let details = format!("{} under {assume:?}", connection.display(design));
            Err(context.disagreement(design, contradicted.to_string(), &details))
        }
    }
}

/// A line for each choice that another verdict comes of.
fn choices_text(choices: &[Otherwise<OtherVerdict>]) -> String {
    let lines = choices.iter().flat_map(|choice| {
        choice.differences().iter().map(|other| {
            let rules = rules_text(&other.deciding);
            format!("  {} if {}, decided by {rules}\n", other.outcome, choice.sentence())
        })
    });
    lines.collect()
}

/// The endpoints that a name stands for: a unit's interfaces (those of the first replica, if it is an owner's name),
/// an address, or an external source.
fn ends(design: &Design, name: &str, option: &str) -> Result<Vec<Endpoint>, Failure> {
    if let Ok(address) = name.parse::<IpAddr>() {
        let holders: Vec<Endpoint> = design
            .unit_ids()
            .flat_map(|unit| interfaces(design, unit))
            .filter(|&end| design.interface(end).is_some_and(|held| held.address == Address::Known(address)))
            .collect();
        return Ok(if holders.is_empty() { vec![Endpoint::External(address)] } else { holders });
    }
    if let Some(unit) = unit_named(design, name) {
        return Ok(interfaces(design, unit).collect());
    }
    if let Some((id, _)) = (0..).zip(design.external_sources()).find(|(_, source)| source.name == name) {
        return Ok(vec![Endpoint::Source(ExternalSourceId(id))]);
    }
    let known: BTreeSet<&str> = design.units().iter().map(Unit::display_name).collect();
    Err(Failure::usage(
        format!("`{option} {name}` is no unit, address or external source of the design"),
        text::suggestion(name, known).unwrap_or_else(|| "`seglab surface DESIGN` lists the units".to_owned()),
    ))
}

/// The unit of a name: its own, its owner's, or its owner's without the kind in brackets, which shells trip over, and
/// without the namespace, where no other has the same.
fn unit_named(design: &Design, name: &str) -> Option<UnitId> {
    let shown = |id: UnitId| design.unit(id).display_name();
    let only = |is_named: &dyn Fn(&str) -> bool| {
        let mut same =
            design.unit_ids().filter(|&id| shown(id).split_once('[').is_some_and(|(bare, _)| is_named(bare)));
        let first = same.next()?;
        same.all(|id| shown(id) == shown(first)).then_some(first)
    };
    let whole = design.unit_named(name).or_else(|| design.unit_ids().find(|&id| shown(id) == name));
    whole
        .or_else(|| only(&|bare| bare == name))
        .or_else(|| only(&|bare| bare.split_once('/').is_some_and(|(_, last)| last == name)))
}

fn interfaces(design: &Design, unit: UnitId) -> impl Iterator<Item = Endpoint> {
    (0..).zip(&design.unit(unit).interfaces).map(move |(interface, _)| Endpoint::Unit { unit, interface })
}

/// The headers that a service stands for: one port of one protocol, or one ICMP message.
fn headers(design: &Design, text: &str, to: &[Endpoint]) -> Result<Vec<Header>, Failure> {
    let wrong = |why: String| {
        Failure::usage(
            format!("`--port {text}`: {why}"),
            "write one service, such as tcp/443, udp/53, icmp/8/0, proto/50",
        )
    };
    let service = text::service(text).map_err(|error| wrong(error.to_string()))?;
    let single = |ports: &IntervalSet<u16>| match ports.ranges() {
        [(first, last)] if first == last => Some(*first),
        _ => None,
    };
    let headers = match service {
        Service::Ports { protocol, ports, source_ports } => single(&ports)
            .map(|destination_port| Header::Transport {
                protocol,
                source_port: source_ports.ranges().last().map_or(49152, |range| range.1.min(49152)),
                destination_port,
            })
            .into_iter()
            .collect(),
        Service::NamedPort { protocol, name } => {
            let units = to.iter().filter_map(|end| end.unit()).map(|unit| design.unit(unit));
            let mut found: Vec<Header> = units
                .flat_map(|unit| unit.named_ports(&name).collect::<Vec<_>>())
                .filter(|(used, _)| protocol.is_none_or(|wanted| wanted == *used))
                .map(|(used, port)| Header::to_port(used, port))
                .collect();
            found.sort();
            found.dedup();
            found
        }
        Service::Icmp { kind: Some(kind), code, .. } => vec![Header::Icmp { kind, code: code.unwrap_or(0) }],
        Service::Protocol(number) => vec![Header::Other(number)],
        Service::Any | Service::Icmp { kind: None, .. } => Vec::new(),
    };
    if headers.is_empty() { Err(wrong("it has to be a single port or message".to_owned())) } else { Ok(headers) }
}

/// Of all pairs of interfaces the one that lets most through: allowed before unknown before denied by a rule before
/// no path at all.
fn most_open(
    design: &Design,
    from: &[Endpoint],
    to: &[Endpoint],
    headers: &[Header],
    assume: Assume,
) -> Option<(Connection, Evaluation)> {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Allowed(_) => 0,
        Verdict::Unknown(_) => 1,
        Verdict::Denied(Denial::Point { .. }) => 2,
        Verdict::Denied(Denial::NoPath(_)) => 3,
    };
    let pairs = from.iter().flat_map(|&source| to.iter().map(move |&destination| (source, destination)));
    pairs
        .flat_map(|(source, destination)| headers.iter().map(move |&header| Connection { source, destination, header }))
        .map(|connection| (connection, design.evaluate(&connection, assume)))
        .min_by_key(|(_, evaluation)| rank(evaluation.verdict))
}
