//! One judged connection, with every point that judged it.

use super::{location, services, shown};
use crate::model::{self, Outcome};
use seglab_policy::{
    Connection, DEFAULT_SPACE, Decision, Denial, Design, Doubt, Evaluation, Interface, Judgement, NoPath, Provenance,
    Reply, Rule, UnitId, Verdict, Why,
};

/// What the reference evaluator said of a connection: the outcome, and the rule that decided at each point and direction.
///
/// Where several decisions of a point are possible, the first of the deciding tier is named.
pub fn hop(design: &Design, connection: &Connection, evaluation: &Evaluation) -> model::Hop {
    model::Hop {
        source: design.endpoint_name(connection.source),
        destination: design.endpoint_name(connection.destination),
        service: connection.header.to_string(),
        outcome: match evaluation.verdict {
            Verdict::Allowed(_) => Outcome::Allowed,
            Verdict::Denied(_) => Outcome::Denied,
            Verdict::Unknown(_) => Outcome::Unknown,
        },
        gain: None,
        deciders: evaluation.judgements.iter().map(|judgement| decider(design, judgement)).collect(),
        remark: remark(design, connection, evaluation),
    }
}

/// As [`hop`], with what every tier said, the rule that nearly decided otherwise, and who stops the connection.
pub fn explained(design: &Design, connection: &Connection, evaluation: &Evaluation) -> model::Hop {
    let mut explained = hop(design, connection, evaluation);
    let family = design.family_of(connection);
    let reply = family.and_then(|family| connection.header.reply(family)).map(|header| Connection {
        source: connection.destination,
        destination: connection.source,
        header,
    });
    for (decider, judgement) in explained.deciders.iter_mut().zip(&evaluation.judgements) {
        decider.earlier = earlier(design, judgement);
        let judged = if judgement.reply { reply.as_ref() } else { Some(connection) };
        decider.near_miss = judged.and_then(|judged| near_miss(design, judgement, judged));
    }
    let stopping = |decider: &&model::Decider| decider.stands && !decider.reply && decider.outcome == Outcome::Denied;
    let stopping = explained.deciders.iter().filter(stopping).count();
    if stopping > 1 {
        explained.remark = Some(format!("each of {stopping} points stops it alone: all of them would have to change"));
    }
    explained
}

fn earlier(design: &Design, judgement: &Judgement) -> Vec<model::Earlier> {
    let last = judgement.decisions.last().map(|decision| decision.tier);
    let tiers = &design.rulebook(design.point(judgement.point).rulebook).tiers;
    let before = judgement.decisions.iter().filter(|decision| Some(decision.tier) != last);
    before
        .map(|decision| {
            let rule = rule_of(design, decision.why);
            model::Earlier {
                tier: tiers.get(decision.tier as usize).map_or_else(String::new, |tier| tier.name.clone()),
                why: why(design, decision, rule),
                location: rule.and_then(|rule| location(design, rule.provenance.span)),
            }
        })
        .collect()
}

fn near_miss(design: &Design, judgement: &Judgement, connection: &Connection) -> Option<model::NearMiss> {
    let miss = design.near_miss(judgement, connection)?;
    let (_, rule) = design.rule(miss.rule)?;
    let parts = [("source", miss.source), ("destination", miss.destination), ("service", miss.service)];
    Some(model::NearMiss {
        rule: sentence(design, rule),
        unlike: parts.into_iter().filter(|(_, unlike)| *unlike).map(|(name, _)| name.to_owned()).collect(),
        location: location(design, rule.provenance.span),
    })
}

/// An interface in a few words: `10.0.0.1`, `10.0.0.1 in space vpc-2, zone dmz`.
pub(super) fn interface(of: &Interface) -> String {
    let place = [("site", &of.place.site), ("zone", &of.place.zone), ("subnet", &of.place.subnet)];
    let place = place.into_iter().filter_map(|(level, name)| Some(format!("{level} {}", name.as_ref()?)));
    let space = (of.space != DEFAULT_SPACE).then(|| format!("space {}", of.space));
    let stands: Vec<String> = space.into_iter().chain(place).collect();
    let stands = if stands.is_empty() { String::new() } else { format!(" in {}", stands.join(", ")) };
    format!("{}{stands}", of.address)
}

/// The step from an owned host to a unit that runs on it: no connection, and no point in between.
pub fn host_hop(design: &Design, host: UnitId, guest: UnitId) -> model::Hop {
    model::Hop {
        source: design.unit(host).name.clone(),
        destination: design.unit(guest).name.clone(),
        service: "host".to_owned(),
        outcome: Outcome::Allowed,
        gain: Some("runs on the owned host".to_owned()),
        deciders: Vec::new(),
        remark: None,
    }
}

fn remark(design: &Design, connection: &Connection, evaluation: &Evaluation) -> Option<String> {
    match evaluation.verdict {
        Verdict::Denied(Denial::NoPath(reason)) => Some(no_path(reason).to_owned()),
        Verdict::Unknown(Doubt::Unmodelled(position)) => {
            let what = design.unmodelled().get(position as usize).map_or("", |one| one.what.as_str());
            Some(match design.missing_path(connection) {
                Some(reason) => format!("{}; `{what}` is not modelled and may open one", no_path(reason)),
                None => format!("`{what}` is not modelled and may touch it"),
            })
        }
        Verdict::Unknown(Doubt::Rule(id)) => {
            let rule = design.rule(id).map_or_else(String::new, |(_, rule)| sentence(design, rule));
            Some(format!("whether the rule `{rule}` matches, or in which order, is unknown"))
        }
        Verdict::Allowed(Reply::Blocked) => Some("one-way: a stateless point stops the reply".to_owned()),
        Verdict::Allowed(Reply::Unknown) => Some("whether the reply passes is unknown".to_owned()),
        Verdict::Allowed(_) if !evaluation.judgements.iter().any(|one| one.stands) => {
            Some("no point that enforces stands on its path".to_owned())
        }
        Verdict::Allowed(_) | Verdict::Denied(Denial::Point { .. }) => None,
    }
}

fn no_path(reason: NoPath) -> &'static str {
    match reason {
        NoPath::Family => "no path: one end has an IPv4 address and the other an IPv6 address",
        NoPath::Space => "no path: no route leads from one address space to the other",
        NoPath::External => "no path: the interface has none from or to external addresses",
        NoPath::NotAnEndpoint => "no path: one end is not an endpoint of such a connection",
        NoPath::Source => "no path: the external source has none there",
    }
}

fn decider(design: &Design, judgement: &Judgement) -> model::Decider {
    let point = design.point(judgement.point);
    let last = judgement.decisions.last().map(|decision| decision.tier);
    let decision = judgement.decisions.iter().find(|decision| Some(decision.tier) == last);
    let book = design.rulebook(point.rulebook);
    let tier = decision.and_then(|decision| book.tiers.get(decision.tier as usize));
    let rule = decision.and_then(|decision| rule_of(design, decision.why));
    let why = decision.map_or_else(|| "it does not judge".to_owned(), |decision| why(design, decision, rule));
    // A default is written nowhere; whoever wants to change it starts at the point.
    let provenance: &Provenance = rule.map_or(&point.provenance, |rule| &rule.provenance);
    model::Decider {
        point: point.name.clone(),
        kind: point.kind.to_string(),
        mode: point.mode.to_string(),
        direction: judgement.direction.to_string(),
        at: judgement.at.map(|unit| design.unit(unit).name.clone()),
        reply: judgement.reply,
        stands: judgement.stands,
        outcome: match (judgement.outcomes.allow, judgement.outcomes.deny) {
            (true, false) => Outcome::Allowed,
            (false, true) => Outcome::Denied,
            (true, true) | (false, false) => Outcome::Unknown,
        },
        earlier: Vec::new(),
        near_miss: None,
        tier: tier.map(|tier| tier.name.clone()),
        why,
        location: location(design, provenance.span),
        object: provenance.object.clone(),
        reason: provenance.reason.clone(),
        owner: provenance.owner.clone(),
        ticket: provenance.ticket.clone(),
    }
}

fn rule_of(design: &Design, why: Why) -> Option<&Rule> {
    match why {
        Why::Rule(id) => design.rule(id).map(|(_, rule)| rule),
        Why::Otherwise(_) | Why::Default => None,
    }
}

fn why(design: &Design, decision: &Decision, rule: Option<&Rule>) -> String {
    match (rule, decision.why) {
        (Some(rule), _) => sentence(design, rule),
        (None, Why::Otherwise(_)) => format!("no rule of the tier matches: {}", decision.action),
        (None, Why::Default | Why::Rule(_)) => format!("no tier decides: default {}", decision.action),
    }
}

/// A rule as a lab file would say it: `allow app=web -> app=db tcp/5432`.
pub(super) fn sentence(design: &Design, rule: &Rule) -> String {
    shown(design, format_args!("{} {} -> {} {}", rule.action, rule.from, rule.to, services(&rule.services)))
}
