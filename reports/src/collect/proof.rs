//! What the verifier settled, as properties and needs of a report.

use super::{claims, compared, connection, ever, location, need, property};
use crate::model::{self, NeedStatus, Verdict};
use seglab_policy::{Claim, Design, Doubt, Peer, RuleId};
use seglab_verify::{
    Asking, Contradiction, Counterexample, Hop, Means, Outcome, Population, Settled, Uncertainty, Unsure,
};

/// How many taken units a counterexample of a blast radius lists, and how many rules a sentence.
const EXAMPLES: usize = 10;

/// Adds verdicts to what [`basis`](super::basis) says; `judges` names who gave them.
pub fn settle(of: &mut model::Verification, design: &Design, settled: &seglab_verify::Report, judges: &[&str]) {
    of.properties = design
        .properties()
        .iter()
        .zip(&settled.properties)
        .map(|(claim, outcome)| {
            let mut held = property(design, claim, population(&claim.claim, outcome.population));
            held.judges = match ever::is_about_newcomers(claim) {
                true => ever::judges(&outcome.verdict),
                false => judges.iter().map(|&judge| judge.to_owned()).collect(),
            };
            held.verdict = verdict(&outcome.verdict);
            held.vacuous =
                held.verdict == Verdict::Holds && speaks_of_nothing(design, &claim.claim, outcome.population);
            match &outcome.verdict {
                Settled::Holds => {}
                Settled::Violated(refuted) => held.counterexample = Some(counterexample(design, refuted)),
                Settled::Unknown(unsure) => held.doubt = Some(doubt(design, unsure)),
            }
            held
        })
        .collect();
    let nothing = of.properties.iter().filter(|one| one.vacuous).map(|one| model::Diagnostic {
        severity: model::Severity::Warning,
        code: "speaks-of-nothing".to_owned(),
        message: format!("`{}` holds because it speaks of nothing: no end of its claim is there", one.id),
        location: one.location.clone(),
        help: Some("correct its selectors, or remove it".to_owned()),
        among: None,
    });
    of.diagnostics.extend(nothing);
    of.needs =
        design.needs().iter().zip(&settled.needs).map(|(one, outcome)| settled_need(design, one, outcome)).collect();
    of.verdict = of.properties.iter().map(|one| one.verdict).max().unwrap_or_default();
}

/// True if no end, unit or rule is there that a claim could be false of.
fn speaks_of_nothing(design: &Design, claim: &Claim, of: Population) -> bool {
    let none = |peer: &Peer, units: usize| matches!(peer, Peer::Units(_)) && units == 0;
    match claim {
        Claim::Isolated { from: Peer::Units(from), to: Peer::Units(to), .. } => {
            of.from == 0 || of.to == 0 || design.select(to).all(|unit| from.matches(design.unit(unit)))
        }
        Claim::Isolated { from, to, .. } | Claim::OnlyThrough { from, to, .. } | Claim::Allowed { from, to, .. } => {
            none(from, of.from) || none(to, of.to)
        }
        Claim::Exposed { .. } => of.to == 0,
        // It speaks of units that do not exist yet.
        Claim::IsolatedEver { .. } => false,
        _ => of.from == 0,
    }
}

fn settled_need(design: &Design, of: &seglab_policy::Need, outcome: &Outcome) -> model::Need {
    let pairs = outcome.population.from.max(1) * outcome.population.to.max(1);
    let mut held = need(design, of, pairs as u64);
    held.status = status(&outcome.verdict);
    match &outcome.verdict {
        Settled::Holds => {}
        Settled::Violated(refuted) => held.witness = counterexample(design, refuted).hops.into_iter().next(),
        Settled::Unknown(unsure) => held.doubt = Some(doubt(design, unsure)),
    }
    held
}

/// The bare verdict on a property.
pub(super) fn verdict(of: &Settled) -> Verdict {
    match of {
        Settled::Holds => Verdict::Holds,
        Settled::Violated(_) => Verdict::Violated,
        Settled::Unknown(_) => Verdict::Unknown,
    }
}

/// The bare verdict on a need.
pub(super) fn status(of: &Settled) -> NeedStatus {
    match of {
        Settled::Holds => NeedStatus::Works,
        Settled::Violated(_) => NeedStatus::Broken,
        Settled::Unknown(_) => NeedStatus::Unknown,
    }
}

/// What a claim ranges over, in words.
fn population(claim: &Claim, of: Population) -> model::Population {
    if let Some(population) = claims::population(claim, of) {
        return population;
    }
    if matches!(claim, Claim::IsolatedEver { .. }) {
        return ever::population(of);
    }
    let (count, one, many) = match claim {
        Claim::BlastRadius { .. } => (of.from, "unit, as a start", "units, each as a start"),
        Claim::Exposed { .. } => (
            of.to,
            "unit, against every external address of the claim",
            "units, each against every external address of the claim",
        ),
        _ if of.from > 0 && of.to > 0 => (of.from * of.to, "ordered pair of units", "ordered pairs of units"),
        _ => (of.from.max(of.to), "unit against external addresses", "units against external addresses"),
    };
    model::Population { count: count as u64, of: if count == 1 { one } else { many }.to_owned() }
}

pub(super) fn counterexample(design: &Design, of: &Counterexample) -> model::Counterexample {
    let (summary, hops, reached) = match of {
        Counterexample::Reached(hops) => {
            let hops: Vec<model::Hop> = hops.iter().map(|hop| self::hop(design, hop)).collect();
            let summary = match (hops.first(), hops.last()) {
                (Some(first), Some(last)) if hops.len() == 1 => {
                    format!("{} reaches {} on {}", first.source, last.destination, last.service)
                }
                (Some(first), Some(last)) => {
                    format!("{} reaches {} in {} steps", first.source, last.destination, hops.len())
                }
                _ => "the start is itself what must not be reached".to_owned(),
            };
            (summary, hops, None)
        }
        Counterexample::Extended(extension) => return ever::counterexample(extension),
        Counterexample::TooMany { start, units, excess, left_out, hops } => {
            let mut summary = claims::excess(excess, &design.unit(*start).name, *units, design.units().len());
            if *left_out > 0 {
                summary += &format!("; {} steps are shown, and {left_out} of these units fall by others", hops.len());
            }
            let hops: Vec<model::Hop> = hops.iter().map(|hop| self::hop(design, hop)).collect();
            (summary, hops, Some(*units as u64))
        }
        Counterexample::ByDefault(hops) => {
            let hops: Vec<model::Hop> = hops.iter().map(|hop| self::hop(design, hop)).collect();
            let summary = hops.first().map_or_else(String::new, |hop| {
                let (from, to) = (&hop.source, &hop.destination);
                format!("without any allow rule {from} reaches {to} on {}: {}", hop.service, by_default(hop))
            });
            (summary, hops, None)
        }
        Counterexample::Rules(idle) => {
            let rules: Vec<String> = idle.iter().map(|rule| claims::idle(design, rule)).collect();
            let location = idle.first().and_then(|rule| rule_location(design, rule.rule));
            let mut told: Vec<String> = rules.iter().take(EXAMPLES).cloned().collect();
            if let Some(more) = rules.len().checked_sub(EXAMPLES).filter(|more| *more > 0) {
                told.push(format!("and {more} more"));
            }
            let summary = told.join("; ");
            return model::Counterexample { summary, rules, location, ..model::Counterexample::default() };
        }
        Counterexample::UndefinedOrder { rules: [first, second], hops } => {
            let (one, other) = (claims::ruled(design, *first), claims::ruled(design, *second));
            let summary = format!("{one} and {other} are of equal rank, and the verdict depends on which goes first");
            (summary, hops.iter().map(|hop| self::hop(design, hop)).collect(), None)
        }
        Counterexample::TooExposed { unit, entries, others, at_most, hops } => {
            let name = &design.unit(*unit).name;
            let summary = match entries {
                true => format!("{others} others can connect to {name}; {at_most} may"),
                false => format!("{name} can connect to {others} others; {at_most} are allowed"),
            };
            (summary, hops.iter().map(|hop| self::hop(design, hop)).collect(), None)
        }
        Counterexample::Differs(differs) => (compared::summary(design, differs), compared::hops(design, differs), None),
        Counterexample::Broken { connection, evaluation } => {
            let hop = connection::hop(design, connection, evaluation);
            (format!("{} cannot use {} at {}", hop.source, hop.service, hop.destination), vec![hop], None)
        }
        Counterexample::NoSuchPort { unit, name } => {
            (format!("{} has no port that is called `{name}`", design.unit(*unit).name), Vec::new(), None)
        }
        Counterexample::OtherFamily { source, destination } => {
            let (source, destination) = (design.endpoint_name(*source), design.endpoint_name(*destination));
            let summary = format!("{source} and {destination} have no address family in common that has the service");
            (summary, Vec::new(), None)
        }
        Counterexample::NoSuchAddress { unit } => {
            let name = &design.unit(*unit).name;
            (format!("no address of the claim is outside of the design and has a path to {name}"), Vec::new(), None)
        }
    };
    let mut reached_examples: Vec<String> = Vec::new();
    if reached.is_some() {
        reached_examples = hops.iter().map(|hop| hop.destination.clone()).take(EXAMPLES).collect();
    }
    model::Counterexample { summary, hops, reached, reached_examples, ..model::Counterexample::default() }
}

/// What may be possible, as an example of what is not known.
pub(super) fn perhaps(design: &Design, of: &Unsure) -> Option<model::Counterexample> {
    let summary = doubt(design, of).reason;
    let hops: Vec<model::Hop> = of.hops.iter().map(|hop| self::hop(design, hop)).collect();
    Some(model::Counterexample { summary, hops, ..model::Counterexample::default() })
}

fn rule_location(design: &Design, id: RuleId) -> Option<model::Location> {
    location(design, design.rule(id)?.1.provenance.span)
}

/// Whose default lets a connection through that no rule allows.
fn by_default(hop: &model::Hop) -> String {
    let standing = hop.deciders.iter().filter(|decider| decider.stands && !decider.reply);
    let defaults: Vec<String> =
        standing.map(|decider| format!("{} ({}) says {}", decider.point, decider.direction, decider.why)).collect();
    if defaults.is_empty() { "no point that enforces stands there".to_owned() } else { defaults.join("; ") }
}

/// A step of an attacker.
pub(super) fn hop(design: &Design, of: &Hop) -> model::Hop {
    match of {
        Hop::Host { host, guest } => connection::host_hop(design, *host, *guest),
        Hop::Connection { connection, evaluation, means, .. } => {
            let mut hop = connection::hop(design, connection, evaluation);
            hop.gain = match means {
                Means::Reach => None,
                Means::Client => Some("the client connects to an owned unit".to_owned()),
                Means::Vulnerability(name) => Some(format!("exploits {name}")),
                Means::Login { credential, held_by } => {
                    Some(format!("logs in with {credential}, found on {}", design.unit(*held_by).name))
                }
            };
            hop
        }
    }
}

fn doubt(design: &Design, of: &Unsure) -> model::Doubt {
    let hop = of.hops.first().map(|hop| self::hop(design, hop));
    let about = hop.map_or_else(String::new, |hop| format!(" ({} -> {} {})", hop.source, hop.destination, hop.service));
    match of.doubt {
        Uncertainty::Policy(Doubt::Unmodelled(position)) => {
            let what = design.unmodelled().get(position as usize);
            model::Doubt {
                reason: format!("something that may touch it is not modelled{about}"),
                construct: what.map(|one| one.what.clone()),
                location: what.and_then(|one| location(design, one.provenance.span)),
            }
        }
        Uncertainty::Policy(Doubt::Rule(id)) => {
            let rule = design.rule(id).map(|(_, rule)| rule);
            model::Doubt {
                reason: format!("whether a rule matches, or in which order, is unknown{about}"),
                construct: rule.map(|rule| connection::sentence(design, rule)),
                location: rule.and_then(|rule| location(design, rule.provenance.span)),
            }
        }
        Uncertainty::Reference => model::Doubt {
            reason: format!("what the other design allows is unknown{about}"),
            construct: None,
            location: None,
        },
        Uncertainty::Newcomers(unsettled) => ever::doubt(unsettled),
        Uncertainty::Membership => model::Doubt {
            reason: format!("whether an endpoint is meant by the claim is unknown{about}"),
            construct: None,
            location: None,
        },
    }
}

/// Says which claims forbid what others ask for.
pub fn contradictions(of: &mut model::Verification, found: &[Contradiction]) {
    for &Contradiction { forbids, asks } in found {
        let Some(forbids) = of.properties.get(forbids) else { continue };
        let asking = match asks {
            Asking::Need(at) => of.needs.get(at).map(|need| format!("the need {}", need.name())),
            Asking::Property(at) => of.properties.get(at).map(|property| format!("`{}`", property.id)),
        };
        let Some(asking) = asking else { continue };
        of.diagnostics.push(model::Diagnostic {
            severity: model::Severity::Warning,
            code: "contradictory-claims".to_owned(),
            message: format!(
                "`{}` forbids what {asking} asks for: one of the two is red, whatever the policy",
                forbids.id
            ),
            location: forbids.location.clone(),
            help: Some("narrow one of them, or remove it".to_owned()),
            among: None,
        });
    }
}
