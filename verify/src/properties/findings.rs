//! Findings: all that violates a property, from group to group, where a verdict shows a single counterexample.
//!
//! A gate has to know what is new among many violations, and people have to be able to read them. So pairs of units are
//! not listed: a [`Finding`] is what one group does to another, with the number of pairs, what they can use, and a
//! counterexample. Every group pair in which something violates the property has a finding; none is left out.
//!
//! How each kind of claim is divided:
//! - `isolated`, `only-through`: where attacks start, and what they reach;
//! - `exposed`, `egress-only-to`, `only`, `default-deny`: who connects to whom, with what they can use and the external
//!   addresses that take part;
//! - `within` and `equal`: whose connections to whom differ, with what and with which external addresses;
//! - `allowed` and needs: who should connect to whom;
//! - `blast-radius`, `surface`: the units that exceed the bound; a mean is one finding;
//! - claims about rules: each rule, or two whose order is undefined.
//!
//! What only possibly violates a property, beside what certainly does, is a finding of its own that is unknown: who
//! puts up with the one has not put up with the other.

mod bounds;
mod compared;
mod reached;

use super::confined::{Between, Confined};
use super::stray::{Ends, Search, StrayPairs};
use super::{Counterexample, Outcome, Report, Settings, Settled, unsure, without_allows};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Hop, VerifyError};
use crate::difference::Kind;
use crate::groups::{Groups, Party};
use crate::header_set::HeaderSet;
use crate::lateral::Attack;
use crate::reach::Verifier;
use crate::segments::Grouping;
use seglab_policy::{AddressSet, Claim, Design, Direction, Need, Property, RuleId, Selector, Side, Statistic, UnitId};
use std::collections::BTreeMap;

/// What violates a property between two groups, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it starts.
    pub from: Party,
    /// Where it ends.
    pub to: Party,
    /// What tells it from others between the same groups.
    pub on: On,
    /// How many pairs of units, units or rules violate the claim; all external addresses of a group are one.
    pub count: u64,
    /// True if there may be more than were counted.
    pub at_least: bool,
    /// What shows it, of an attack on more units than a bound its first steps: never [`Settled::Holds`].
    pub verdict: Settled,
}

/// What tells a finding from others between the same groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// Nothing: whoever reaches a group has reached it.
    Anything,
    /// What some pair can use, and the external addresses that take part.
    Headers(HeaderSet, AddressSet),
    /// What fares otherwise than in another design, between some pair, and the external addresses that take part.
    Changed(Kind, HeaderSet, AddressSet),
    /// A unit has too many entries (`true`) or exits.
    Surface(bool),
    /// These rules.
    Rules(Vec<RuleId>),
}

/// The findings of a design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// What units are grouped by.
    pub grouping: Grouping,
    /// One list for each of [`Design::properties`]; empty for what holds.
    pub properties: Vec<Vec<Finding>>,
    /// One list for each of [`Design::needs`].
    pub needs: Vec<Vec<Finding>>,
}

/// Whether what certainly violates a claim is looked for, or also what only possibly does.
const READINGS: [bool; 2] = [false, true];

impl<'a> Verifier<'a> {
    /// All that violates the design's properties and needs, or leaves them undecided: the units grouped as `grouping`
    /// says, or else by what suits the design.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
    pub fn findings(
        &mut self,
        settled: &Report,
        settings: &Settings,
        grouping: Option<Grouping>,
    ) -> Result<Findings, VerifyError> {
        let groups = self.groups(grouping);
        let design = self.engine.design;
        let of_properties = design.properties().iter().zip(&settled.properties);
        let properties = of_properties
            .map(|(property, outcome)| self.findings_of(property, outcome, settings, &groups))
            .collect::<Result<_, _>>()?;
        let of_needs = design.needs().iter().zip(&settled.needs);
        let needs = of_needs
            .map(|(need, outcome)| self.findings_of_need(need, outcome, settings, &groups))
            .collect::<Result<_, _>>()?;
        Ok(Findings { grouping: groups.grouping, properties, needs })
    }

    fn findings_of(
        &mut self,
        property: &Property,
        outcome: &Outcome,
        settings: &Settings,
        groups: &Groups,
    ) -> Result<Vec<Finding>, VerifyError> {
        let refuted = match &outcome.verdict {
            Settled::Holds => return Ok(Vec::new()),
            Settled::Unknown(_) => return Ok(vec![whole(&outcome.verdict)]),
            Settled::Violated(refuted) => refuted,
        };
        let attack = Attack::of(property, settings);
        if let Claim::Within { reference } | Claim::Equal { reference } = &property.claim {
            let equal = matches!(property.claim, Claim::Equal { .. });
            return self.changed(attack, (reference, equal), groups);
        }
        let found = match (&property.claim, refuted) {
            (Claim::Isolated { .. } | Claim::OnlyThrough { .. }, _)
            | (Claim::IsolatedEver { .. }, Counterexample::Reached(_)) => self.reached(property, attack, groups),
            (Claim::Allowed { from, to, services }, _) => {
                self.not_allowed((from, to, services), settings.as_if_enforced, groups)
            }
            (Claim::BlastRadius { of: Statistic::Mean, .. }, _) => return Ok(vec![whole(&outcome.verdict)]),
            (Claim::BlastRadius { .. }, _) => self.too_large(property, attack, settings.honour_trusted, groups),
            (Claim::Surface { .. }, _) => self.too_exposed(property, attack, groups),
            (Claim::DefaultDeny { units, directions }, _) => {
                let directions: Vec<Direction> = directions.iter().collect();
                by_default(self.engine.design, attack, groups.grouping, units, &directions)
            }
            (_, Counterexample::Rules(idle)) => Ok(idle
                .iter()
                .map(|rule| of_rules(vec![rule.rule], Counterexample::Rules(vec![rule.clone()])))
                .collect()),
            (_, Counterexample::UndefinedOrder { rules, .. }) => Ok(vec![of_rules(rules.to_vec(), refuted.clone())]),
            (claim, _) => match Confined::of(claim) {
                Some(confined) => self.strays(attack, &confined, groups, &Counterexample::Reached),
                None => Ok(vec![whole(&outcome.verdict)]),
            },
        };
        let found = found.map_err(|flaw| flaw.into_error(&property.id))?;
        // What refutes a claim is found again, or two ways of looking for it disagree.
        let violated = found.iter().any(|finding| matches!(finding.verdict, Settled::Violated(_)));
        if violated { Ok(found) } else { Err(Flaw::NoPath.into_error(&property.id)) }
    }

    fn findings_of_need(
        &mut self,
        need: &Need,
        outcome: &Outcome,
        settings: &Settings,
        groups: &Groups,
    ) -> Result<Vec<Finding>, VerifyError> {
        match &outcome.verdict {
            Settled::Holds => Ok(Vec::new()),
            Settled::Unknown(_) => Ok(vec![whole(&outcome.verdict)]),
            Settled::Violated(_) => {
                let flow = (&need.from, &need.to, &need.services[..]);
                self.not_allowed(flow, settings.as_if_enforced, groups).map_err(|flaw| flaw.into_error("need"))
            }
        }
    }

    /// Connections that are not listed, from group to group.
    fn strays(
        &mut self,
        attack: Attack,
        confined: &Confined<'_>,
        groups: &Groups,
        refute: &dyn Fn(Vec<Hop>) -> Counterexample,
    ) -> Result<Vec<Finding>, Flaw> {
        let mut ends = Ends::new(self, confined);
        let mut certainly: BTreeMap<(u32, u32), On> = BTreeMap::new();
        let mut findings = Vec::new();
        for doubtful in READINGS {
            let found = Search::new(self, &mut ends, attack, doubtful).pairs(groups);
            for ((from, to), stray) in found {
                let on = self.on(&stray);
                if doubtful && certainly.get(&(from, to)).is_some_and(|known| known.covers(&on)) {
                    continue;
                }
                let hop = self.shown_between(&stray, groups, (from, to), attack)?;
                let verdict = if doubtful { unsure(vec![hop]) } else { Settled::Violated(refute(vec![hop])) };
                let (source, destination) = (groups.party(from), groups.party(to));
                certainly.entry((from, to)).or_insert_with(|| on.clone());
                let count = stray.pairs;
                findings.push(Finding { from: source, to: destination, on, count, at_least: false, verdict });
            }
        }
        Ok(findings)
    }

    fn on(&self, stray: &StrayPairs) -> On {
        let endpoints = &self.engine.classes.endpoints;
        let of_classes = stray.externals.iter().map(|&class| endpoints.addresses(class));
        let addresses = of_classes.fold(AddressSet::empty(), |all, one| all.union(one));
        On::Headers(self.engine.sets.get(stray.headers).clone(), addresses)
    }

    /// A connection that is not listed, between units of these groups.
    fn shown_between(
        &self,
        stray: &StrayPairs,
        groups: &Groups,
        (from, to): (u32, u32),
        attack: Attack,
    ) -> Result<Hop, Flaw> {
        let (source, destination, headers, certain) = stray.shown;
        let in_group = |group: u32, class: ClassId, but: Option<UnitId>| {
            let members = self.engine.classes.members(class).iter().copied();
            members.filter(|unit| Some(*unit) != but).find(|&unit| groups.holds(group, unit))
        };
        let own = source.unit.and_then(|(class, _)| in_group(from, class, None));
        let other = destination.unit.and_then(|(class, _)| in_group(to, class, own));
        self.shown((source, own), (destination, other), headers, attack.assume(Side::Source, false), !certain)
    }
}

impl On {
    /// True if whoever puts up with this has put up with the other too.
    fn covers(&self, other: &On) -> bool {
        match (self, other) {
            (On::Headers(headers, addresses), On::Headers(others, further)) => {
                headers.is_superset(others) && addresses.is_superset(further)
            }
            _ => self == other,
        }
    }

    /// What is meant by either.
    fn joined(self, other: &On) -> On {
        match (self, other) {
            (On::Headers(headers, addresses), On::Headers(others, further)) => {
                On::Headers(headers.union(others), addresses.union(further))
            }
            (own, _) => own,
        }
    }
}

/// What passes by default, in the design without what its rules allow.
fn by_default(
    design: &Design,
    attack: Attack,
    grouping: Grouping,
    units: &Selector,
    directions: &[Direction],
) -> Result<Vec<Finding>, Flaw> {
    let bare = without_allows(design);
    let mut verifier = Verifier::new(&bare);
    let groups = verifier.groups(Some(grouping));
    let mut found: Vec<Finding> = Vec::new();
    for meant in directions.iter().filter_map(|direction| Between::in_direction(*direction, units)) {
        let confined = Confined { meant, listed: Vec::new() };
        let of_direction = verifier.strays(attack, &confined, &groups, &Counterexample::ByDefault)?;
        for finding in of_direction {
            // Between two units that are meant both ways mean the same connections.
            let same = |known: &&mut Finding| {
                (&known.from, &known.to) == (&finding.from, &finding.to)
                    && matches!(known.verdict, Settled::Violated(_)) == matches!(finding.verdict, Settled::Violated(_))
            };
            match found.iter_mut().find(same) {
                Some(known) => {
                    known.at_least |= known.count != finding.count;
                    known.count = known.count.max(finding.count);
                    known.on = known.on.clone().joined(&finding.on);
                }
                None => found.push(finding),
            }
        }
    }
    Ok(found)
}

fn of_rules(rules: Vec<RuleId>, refuted: Counterexample) -> Finding {
    let (from, to) = (Party::Everyone, Party::Everyone);
    let count = rules.len() as u64;
    Finding { from, to, on: On::Rules(rules), count, at_least: false, verdict: Settled::Violated(refuted) }
}

/// The one finding of a verdict that is about all that the claim speaks of.
fn whole(verdict: &Settled) -> Finding {
    let (from, to) = (Party::Everyone, Party::Everyone);
    Finding { from, to, on: On::Anything, count: 1, at_least: false, verdict: verdict.clone() }
}
