//! `seglab explain`: one connection, every point and tier on its path, and the rule that decided.

use super::Context;
use crate::args::{self, TableFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use seglab_formats::text;
use seglab_policy::{
    Action, Assume, Connection, Denial, Design, Doubt, Endpoint, Evaluation, ExternalSourceId, Header, IntervalSet,
    Judgement, NoPath, Reply, RuleId, Service, Side, UnitId, Verdict, Why,
};
use serde::Serialize;
use std::fmt::Write as _;
use std::net::IpAddr;

pub(crate) fn run(args: &args::Explain, context: &mut Context) -> Result<Exit, Failure> {
    let loaded = context.load(&args.design.path)?;
    let design = &loaded.design;
    let from = ends(design, &args.from, "--from")?;
    let to = ends(design, &args.to, "--to")?;
    let headers = headers(design, &args.port, &to)?;
    let assume = Assume {
        as_if_enforced: args.design.as_if_enforced,
        trust: args.trust.into(),
        owned: Some(Side::Source),
        host_owned: false,
    };
    let (connection, evaluation) = most_open(design, &from, &to, &headers, assume);
    let explained = Explained::new(design, &connection, &evaluation, args);
    match args.format {
        TableFormat::Text => output::print(&explained.to_text())?,
        TableFormat::Json => output::print(&super::to_json(&explained))?,
    }
    Ok(match evaluation.verdict {
        Verdict::Unknown(_) => Exit::Undecided,
        Verdict::Allowed(_) | Verdict::Denied(_) => Exit::Holds,
    })
}

/// The endpoints that a name stands for: a unit's interfaces (those of the first replica, if it is an owner's name),
/// an address, or an external source.
fn ends(design: &Design, name: &str, option: &str) -> Result<Vec<Endpoint>, Failure> {
    if let Ok(address) = name.parse::<IpAddr>() {
        let holders: Vec<Endpoint> = design
            .unit_ids()
            .flat_map(|unit| interfaces(design, unit))
            .filter(|&end| {
                design.interface(end).is_some_and(|held| held.address == seglab_policy::Address::Known(address))
            })
            .collect();
        return Ok(if holders.is_empty() { vec![Endpoint::External(address)] } else { holders });
    }
    let unit = design.unit_named(name).or_else(|| design.unit_ids().find(|&id| design.unit(id).display_name() == name));
    if let Some(unit) = unit {
        return Ok(interfaces(design, unit).collect());
    }
    if let Some((id, _)) = (0..).zip(design.external_sources()).find(|(_, source)| source.name == name) {
        return Ok(vec![Endpoint::Source(ExternalSourceId(id))]);
    }
    Err(Failure::usage(
        format!("`{option} {name}` is no unit, address or external source of the design"),
        super::did_you_mean(name, design.units().iter().flat_map(|unit| [unit.name.as_str(), unit.display_name()]))
            .unwrap_or_else(|| "`seglab surface DESIGN` lists the units".to_owned()),
    ))
}

fn interfaces(design: &Design, unit: UnitId) -> impl Iterator<Item = Endpoint> {
    (0..).zip(&design.unit(unit).interfaces).map(move |(interface, _)| Endpoint::Unit { unit, interface })
}

/// The headers that a service stands for: one port of one protocol, or one ICMP message.
fn headers(design: &Design, text: &str, to: &[Endpoint]) -> Result<Vec<Header>, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!("`--port {text}`: {why}"), "write one service, such as tcp/443, udp/53, icmp/8/0, proto/50")
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
) -> (Connection, Evaluation) {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Allowed(_) => 0,
        Verdict::Unknown(_) => 1,
        Verdict::Denied(Denial::Point { .. }) => 2,
        Verdict::Denied(Denial::NoPath(_)) => 3,
    };
    let pairs = from.iter().flat_map(|&source| to.iter().map(move |&destination| (source, destination)));
    pairs
        .flat_map(|(source, destination)| {
            headers.iter().map(move |&header| Connection { source, destination, header })
        })
        .map(|connection| (connection, design.evaluate(&connection, assume)))
        .min_by_key(|(_, evaluation)| rank(evaluation.verdict))
        .unwrap_or_else(|| {
            let nobody = Endpoint::External(IpAddr::from([0, 0, 0, 0]));
            let connection = Connection { source: nobody, destination: nobody, header: Header::Other(0) };
            (connection, design.evaluate(&connection, assume))
        })
}

/// The answer, as data.
#[derive(Serialize)]
struct Explained {
    schema: &'static str,
    source: String,
    destination: String,
    service: String,
    verdict: &'static str,
    reason: String,
    trust: String,
    as_if_enforced: bool,
    points: Vec<ExplainedPoint>,
}

#[derive(Serialize)]
struct ExplainedPoint {
    name: String,
    kind: String,
    mode: String,
    direction: String,
    unit: Option<String>,
    reply: bool,
    stands: bool,
    outcome: &'static str,
    decisions: Vec<ExplainedDecision>,
}

#[derive(Serialize)]
struct ExplainedDecision {
    tier: String,
    action: String,
    rule: Option<String>,
    location: Option<String>,
    reason: String,
}

impl Explained {
    fn new(design: &Design, connection: &Connection, evaluation: &Evaluation, args: &args::Explain) -> Self {
        let (verdict, reason) = tell(design, evaluation);
        Self {
            schema: "seglab/explain/v1",
            source: design.endpoint_name(connection.source),
            destination: design.endpoint_name(connection.destination),
            service: connection.header.to_string(),
            verdict,
            reason,
            trust: seglab_policy::Trust::from(args.trust).to_string(),
            as_if_enforced: args.design.as_if_enforced,
            points: evaluation.judgements.iter().map(|judgement| explain_point(design, judgement)).collect(),
        }
    }

    fn to_text(&self) -> String {
        let mut out = String::new();
        let modes = if self.as_if_enforced { "every point as if enforced" } else { "modes as declared" };
        let _ = writeln!(out, "{} -> {} {}: {}", self.source, self.destination, self.service, self.verdict);
        let _ = writeln!(out, "  {}\n  trust {}, {modes}", self.reason, self.trust);
        for point in &self.points {
            let at = point.unit.as_ref().map_or_else(String::new, |unit| format!(" at {unit}"));
            let reply = if point.reply { ", the reply" } else { "" };
            let void = if point.stands { "" } else { ", does not count" };
            let _ = writeln!(
                out,
                "\n  {}{at}: {} ({}, {}{void}){reply} -> {}",
                point.direction, point.name, point.kind, point.mode, point.outcome
            );
            for decision in &point.decisions {
                let place = decision.location.as_ref().map_or_else(String::new, |place| format!("  {place}"));
                let _ = writeln!(out, "    {:<5} in {}:{place}", decision.action, decision.tier);
                let what = decision.rule.as_ref().unwrap_or(&decision.reason);
                let _ = writeln!(out, "          {what}");
            }
        }
        if self.points.is_empty() {
            out.push_str("\n  no enforcement point on the path\n");
        }
        out
    }
}

/// The verdict in a word, and the sentence behind it.
fn tell(design: &Design, evaluation: &Evaluation) -> (&'static str, String) {
    match evaluation.verdict {
        Verdict::Allowed(Reply::Blocked) => ("allowed", "it arrives; a stateless point stops the reply".to_owned()),
        Verdict::Allowed(Reply::Unknown) => ("allowed", "it arrives; whether the reply passes is unknown".to_owned()),
        Verdict::Allowed(_) => ("allowed", "every standing point on the path lets it through".to_owned()),
        Verdict::Denied(Denial::NoPath(why)) => ("denied", no_path(why).to_owned()),
        Verdict::Denied(Denial::Point { point, direction, why }) => {
            let what = describe(design, why).0;
            ("denied", format!("{} denies it in {direction}: {what}", design.point(point).name))
        }
        Verdict::Unknown(Doubt::Unmodelled(at)) => {
            let what = design.unmodelled().get(at as usize).map_or("", |unmodelled| unmodelled.what.as_str());
            ("unknown", format!("{what} is not modelled and may touch it"))
        }
        Verdict::Unknown(Doubt::Rule(id)) => {
            ("unknown", format!("whether this rule decides is not known: {}", describe_rule(design, id).0))
        }
    }
}

fn no_path(why: NoPath) -> &'static str {
    match why {
        NoPath::Family => "no path: one end has IPv4 only, the other IPv6 only",
        NoPath::Space => "no path: the address spaces have no route between them",
        NoPath::External => "no path between the unit and external addresses",
        NoPath::NotAnEndpoint => "no path: connections run between units, or between a unit and an external address",
        NoPath::Source => "no path: the external source does not lead there",
    }
}

fn explain_point(design: &Design, judgement: &Judgement) -> ExplainedPoint {
    let point = design.point(judgement.point);
    let tiers = &design.rulebook(point.rulebook).tiers;
    let decisions = judgement.decisions.iter().map(|decision| {
        let (reason, location) = describe(design, decision.why);
        let rule = matches!(decision.why, Why::Rule(_)).then(|| reason.clone());
        let tier = tiers.get(decision.tier as usize).map_or("default", |tier| tier.name.as_str());
        ExplainedDecision { tier: tier.to_owned(), action: decision.action.to_string(), rule, location, reason }
    });
    ExplainedPoint {
        name: point.name.clone(),
        kind: point.kind.to_string(),
        mode: point.mode.to_string(),
        direction: judgement.direction.to_string(),
        unit: judgement.at.map(|unit| design.unit(unit).name.clone()),
        reply: judgement.reply,
        stands: judgement.stands,
        outcome: match (judgement.outcomes.allow, judgement.outcomes.deny) {
            (true, false) => "allow",
            (false, _) => "deny",
            (true, true) => "unknown",
        },
        decisions: decisions.collect(),
    }
}

/// What decided, in words, and where it is written.
fn describe(design: &Design, why: Why) -> (String, Option<String>) {
    match why {
        Why::Rule(id) => describe_rule(design, id),
        Why::Otherwise(_) => ("no rule of the tier matches; this is what it does otherwise".to_owned(), None),
        Why::Default => ("no tier decides; this is the default".to_owned(), None),
    }
}

fn describe_rule(design: &Design, id: RuleId) -> (String, Option<String>) {
    let Some((_, rule)) = design.rule(id) else { return (String::new(), None) };
    let services: Vec<String> = rule.services.iter().map(Service::to_string).collect();
    let action = match rule.action {
        Action::Allow => "allow",
        Action::Deny => "deny",
        Action::Pass => "pass",
    };
    let object = rule.provenance.object.as_ref().map_or_else(String::new, |object| format!(" ({object})"));
    let text = format!("{action} {} -> {} {}{object}", rule.from, rule.to, services.join(" "));
    (text, rule.provenance.span.map(|span| design.location(span)))
}
