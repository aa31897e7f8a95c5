//! Properties, by what they claim.

use super::{addresses, directions, peer, provenance, read, selector, service};
use crate::claim::{AtMost, Claim, Reference, Statistic};
use crate::flow::Flow;
use crate::normal_form::line::{Line, Problem, Read};
use crate::property::{Pivot, Property, Trust, View};
use crate::selector::Selector;
use std::sync::Arc;

pub(super) fn property(line: &mut Line<'_>) -> Read<Property> {
    Ok(Property {
        id: line.string("the property's id")?,
        view: line.one_of("a view", [View::Policy, View::Service])?,
        pivot: line.one_of("a pivot model", Pivot::ALL)?,
        trust: line.one_of("a trust", [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid])?,
        hops_max: absent_or_number(line, "a number of hops or `-`")?,
        claim: claim(line)?,
        provenance: provenance(line)?,
    })
}

fn claim(line: &mut Line<'_>) -> Read<Claim> {
    let wanted = "a kind of claim";
    Ok(match line.word(wanted)? {
        "isolated" => Claim::Isolated { from: peer(line)?, to: peer(line)?, services: line.list(service)? },
        "isolated-ever" => Claim::IsolatedEver { from: peer(line)?, to: peer(line)?, services: line.list(service)? },
        "allowed" => Claim::Allowed { from: peer(line)?, to: peer(line)?, services: line.list(service)? },
        "only-through" => Claim::OnlyThrough {
            from: peer(line)?,
            to: peer(line)?,
            via: selector(line, 0)?,
            services: line.list(service)?,
        },
        "blast-radius" => Claim::BlastRadius {
            from: selector(line, 0)?,
            at_most: match at_most(line)? {
                AtMost::Criticality(_) => return line.refuse("`units` or `share`", "criticality"),
                common => common,
            },
            of: Statistic::Max,
        },
        "blast-radius-of" => {
            let (of, from, at_most) = (statistic(line)?, selector(line, 0)?, at_most(line)?);
            if of == Statistic::Max && !matches!(at_most, AtMost::Criticality(_)) {
                return Err(line.error(Problem::NotCanonical { what: "blast radii are" }));
            }
            Claim::BlastRadius { from, at_most, of }
        }
        "exposed" => Claim::Exposed {
            external: addresses(line)?,
            inbound: line.either("`inbound` or `outbound`", "inbound", "outbound")?,
            only: selector(line, 0)?,
            services: line.list(service)?,
        },
        "egress-only-to" => {
            Claim::EgressOnlyTo { from: selector(line, 0)?, to: peer(line)?, services: line.list(service)? }
        }
        "only" => Claim::Only { among: absent_or_selector(line)?, flows: line.list(flow)? },
        "within" => Claim::Within { reference: reference(line)? },
        "equal" => Claim::Equal { reference: reference(line)? },
        "default-deny" => Claim::DefaultDeny { units: selector(line, 0)?, directions: directions(line)? },
        "surface" => Claim::Surface {
            units: selector(line, 0)?,
            entries_max: absent_or_number(line, "the most entries or `-`")?,
            exits_max: absent_or_number(line, "the most exits or `-`")?,
        },
        "no-shadowed-rules" => Claim::NoShadowedRules { rulebook: rulebook(line)? },
        "no-redundant-rules" => Claim::NoRedundantRules { rulebook: rulebook(line)? },
        "no-undefined-order" => Claim::NoUndefinedOrder { rulebook: rulebook(line)? },
        other => return line.refuse(wanted, other),
    })
}

fn rulebook(line: &mut Line<'_>) -> Read<Option<String>> {
    line.optional("a rulebook's name or `-`")
}

fn flow(line: &mut Line<'_>) -> Read<Flow> {
    Ok(Flow { from: peer(line)?, to: peer(line)?, services: line.list(service)? })
}

/// A design within the design: it makes no claims of its own, so that texts are not nested deeper.
fn reference(line: &mut Line<'_>) -> Read<Reference> {
    let path = line.string("the path of another design")?;
    let text = line.string("the normal form of another design")?;
    let refuse = |problem| line.error(Problem::Reference(Box::new(problem)));
    let design = read(&text).map_err(refuse)?;
    if design.properties().is_empty() {
        return Ok(Reference { path, design: Arc::new(design) });
    }
    Err(line.error(Problem::Claims))
}

fn absent_or_number(line: &mut Line<'_>, wanted: &'static str) -> Read<Option<u32>> {
    if line.is_absent() { Ok(None) } else { line.number_of(wanted).map(Some) }
}

fn absent_or_selector(line: &mut Line<'_>) -> Read<Option<Selector>> {
    if line.is_absent() { Ok(None) } else { selector(line, 0).map(Some) }
}

fn at_most(line: &mut Line<'_>) -> Read<AtMost> {
    let wanted = "`units`, `share` or `criticality`";
    let bound: fn(u32) -> AtMost = match line.word(wanted)? {
        "units" => AtMost::Units,
        "share" => AtMost::Share,
        "criticality" => AtMost::Criticality,
        other => return line.refuse(wanted, other),
    };
    line.number_of("a bound").map(bound)
}

fn statistic(line: &mut Line<'_>) -> Read<Statistic> {
    let wanted = "`max`, `mean` or a percentile as `p95`";
    let word = line.word(wanted)?;
    match Statistic::from_name(word).filter(|statistic| statistic.to_string() == word) {
        Some(statistic) => Ok(statistic),
        None => line.refuse(wanted, word),
    }
}
