//! Parts of a policy by themselves: fewer of its rules, and one point with those that concern it.

use super::traffic::Asked;
use super::{CHECK_BUDGET, Subject, measure, refused, timed};
use crate::commands::Context;
use crate::failure::Failure;
use measure::Rates;
use seglab_engine::{Limits, Workload};
use seglab_policy::{
    Address, Assume, Covers, Design, Endpoint, EnforcementPoint, Peer, Placement, Rule, Selector, Unit, UnitId,
};
use serde::Serialize;

/// The most points that are measured, and the most units of one that are looked at for the one with the most rules.
const POINTS_MAX: usize = 8;
const UNITS_LOOKED_AT: usize = 64;

/// What was measured with fewer rules.
#[derive(Serialize)]
pub(super) struct OfRules {
    pub(super) rules: usize,
    #[serde(flatten)]
    pub(super) built: Built,
}

/// What was measured at one point.
#[derive(Serialize)]
pub(super) struct AtPoint {
    pub(super) point: String,
    pub(super) kind: String,
    /// The unit that the point is at, with the most rules of those looked at; `None` of a point between places.
    pub(super) unit: Option<String>,
    /// The rules that concern the point.
    pub(super) rules: usize,
    #[serde(flatten)]
    pub(super) built: Built,
}

/// What a part of a policy takes, and what it decides of uniform traffic.
#[derive(Serialize)]
pub(super) struct Built {
    pub(super) build_ns: u64,
    pub(super) memory_bytes: usize,
    #[serde(flatten)]
    pub(super) rates: Rates,
    /// Decisions that the reference evaluator agreed with.
    pub(super) checked: usize,
}

/// The policy with 10, 100, 1,000 … of its rules, evenly from all over it, as long as there are more.
pub(super) fn by_rules(
    context: &mut Context,
    design: &Design,
    subject: Subject,
    limits: Limits,
    (name, workload): (&str, &Workload),
) -> Result<Vec<OfRules>, Failure> {
    let all = design.rules().count();
    let sizes = std::iter::successors(Some(10usize), |size| size.checked_mul(10)).take_while(|&size| size < all);
    sizes
        .map(|rules| {
            let fewer = with_rules(design, |at, _| at * rules / all != (at + 1) * rules / all)?;
            let asked = Asked { reference: &fewer, subject, budget: CHECK_BUDGET / 20 };
            let built = build(context, &fewer, asked, limits, (name, workload))?;
            Ok(OfRules { rules, built })
        })
        .collect()
}

/// Every point by itself: an agent or a host with the rules of one unit, an appliance with its rulebook and what crosses it.
pub(super) fn by_point(
    context: &mut Context,
    design: &Design,
    assume: Assume,
    limits: Limits,
    workload: &Workload,
) -> Result<Vec<AtPoint>, Failure> {
    let mut all = Vec::new();
    for point in design.points().iter().take(POINTS_MAX) {
        let unit = match &point.placement {
            Placement::Units(selector) => match busiest(design, point, selector) {
                Some(unit) => Some(unit),
                None => continue,
            },
            Placement::Between(_) | Placement::Around(..) => None,
        };
        let whole = alone(design, point, unit)?;
        let narrow = with_rules(&whole, |_, rule| unit.is_none_or(|unit| concerns(rule, design.unit(unit))))?;
        let crossing = match unit {
            Some(unit) => workload.clone().at(Endpoint::Unit { unit, interface: interface(design.unit(unit)) }),
            None => workload.clone().filtered(|one| !whole.crossings(one).is_empty()),
        };
        // The evaluator is asked about all rules of the point, also those that do not concern the unit.
        let asked = Asked { reference: &whole, subject: Subject::Points(assume), budget: CHECK_BUDGET / 20 };
        let built = build(context, &narrow, asked, limits, (&point.name, &crossing))?;
        all.push(AtPoint {
            point: point.name.clone(),
            kind: point.kind.to_string(),
            unit: unit.map(|unit| design.unit(unit).name.clone()),
            rules: narrow.rules().count(),
            built,
        });
    }
    Ok(all)
}

/// Compiles a design and measures it, on one core.
fn build(
    context: &mut Context,
    design: &Design,
    asked: Asked<'_>,
    limits: Limits,
    traffic: (&str, &Workload),
) -> Result<Built, Failure> {
    let (matcher, build_ns) = timed(|| asked.subject.compile(design, limits));
    let matcher = matcher.map_err(|error| refused(&error))?;
    let (traffic, _, checked) = asked.traffic(context, &matcher, traffic)?;
    let mut rates = Rates::default();
    context.timings.phase("measure", || measure::rates(&matcher, &traffic, 1, &mut rates));
    Ok(Built { build_ns, memory_bytes: matcher.memory_bytes(), rates, checked })
}

/// The design with the rules that are wanted, by their number and what they say.
fn with_rules(design: &Design, mut wanted: impl FnMut(usize, &Rule) -> bool) -> Result<Design, Failure> {
    let (mut books, mut number) = (design.rulebooks().to_vec(), 0);
    for tier in books.iter_mut().flat_map(|book| &mut book.tiers) {
        tier.rules.retain(|rule| {
            number += 1;
            wanted(number - 1, rule)
        });
    }
    design.with_rulebooks(books).map_err(|_| unsound())
}

/// The design with one point and no other, at one unit if one is named, and the rules of that point's rulebook.
fn alone(design: &Design, point: &EnforcementPoint, unit: Option<UnitId>) -> Result<Design, Failure> {
    let mut draft = design.to_draft();
    let mut point = point.clone();
    if let Some(unit) = unit {
        point.placement = Placement::Units(Selector::Named(design.unit(unit).name.clone()));
    }
    for (number, book) in (0u32..).zip(&mut draft.rulebooks) {
        if number != point.rulebook.0 {
            book.tiers.iter_mut().for_each(|tier| tier.rules.clear());
        }
    }
    draft.points = vec![point];
    (draft.properties, draft.needs, draft.waivers) = Default::default();
    Design::new(draft).map_err(|_| unsound())
}

fn unsound() -> Failure {
    Failure::usage("a part of the design does not hold together", "please report it: the whole does")
}

/// The unit with the most rules that a point is at, of some of those units.
fn busiest(design: &Design, point: &EnforcementPoint, selector: &Selector) -> Option<UnitId> {
    let units: Vec<UnitId> = design.select(selector).collect();
    let step = units.len().div_ceil(UNITS_LOOKED_AT).max(1);
    let book = design.rulebook(point.rulebook);
    let rules =
        |unit: &Unit| book.tiers.iter().flat_map(|tier| &tier.rules).filter(|rule| concerns(rule, unit)).count();
    // The first of those that are alike.
    units.into_iter().step_by(step).rev().max_by_key(|&unit| rules(design.unit(unit)))
}

/// Whether a rule may be about connections of a unit: true where that is not known.
fn concerns(rule: &Rule, unit: &Unit) -> bool {
    [&rule.from, &rule.to].into_iter().any(|peer| match peer {
        Peer::Anyone | Peer::Unmodelled(_) => true,
        Peer::Units(selector) => selector.matches(unit),
        Peer::Addresses { covers: Covers::External, .. } => false,
        Peer::Addresses { set, covers: Covers::All } => {
            unit.interfaces.iter().any(|interface| match interface.address {
                Address::Known(address) => set.contains(address),
                Address::Within(_) | Address::Unknown(_) => true,
            })
        }
    })
}

/// The first interface of a unit with a known IPv4 address, or its first.
fn interface(unit: &Unit) -> u16 {
    let known = |address: Address| matches!(address, Address::Known(address) if address.is_ipv4());
    let found = (0u16..).zip(&unit.interfaces).find(|(_, interface)| known(interface.address));
    found.map_or(0, |(at, _)| at)
}
