//! What hangs on a [choice](seglab_policy::Choice) that a reader made: the verdicts that the other way changes, each
//! with a connection that shows it and the rules that decide there.
//!
//! A design is settled twice, as it was decided and [otherwise](Design::otherwise), by the same verifier. Nothing less
//! is exact: a verdict over several connections may hang on a rule that no connection between its ends ever meets.
//!
//! With several choices each is turned on its own, and no verdict is missed that only two of them together change.
//! The tiers that choices are about hold allow rules only, and covering units too makes them match more: the wider of two
//! readings allows all that the other does. Every claim is either never mended or never broken by allowing more, so that
//! a verdict that no choice changes on its own lies between two that are alike.

use crate::counterexample::Hop;
use crate::properties::{Counterexample, Report, Settings, Settled};
use seglab_policy::{Assume, Choice, Connection, Design, Endpoint, RuleId, Why};
use std::collections::BTreeSet;

/// What was asked of a design: a property or a need, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// One of [`Design::properties`].
    Property(usize),
    /// One of [`Design::needs`].
    Need(usize),
}

/// A verdict that the other way of a choice changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What was asked.
    pub question: Question,
    /// The first connection on the way to the verdict, of the one design or the other, that fares differently in the
    /// two; `None` where none does, as with a need of which any one of several addresses will do.
    pub connection: Option<Connection>,
    /// The rules that make the difference there, ascending; where there is no such connection, all that the choice
    /// changes.
    pub deciding: Vec<RuleId>,
}

/// The verdicts that differ between a design and the same [`otherwise`](Design::otherwise), in the order in which they
/// are asked.
///
/// Each side is a design with its settled report; both were asked under `settings`.
pub fn changed(
    choice: &Choice,
    as_decided: (&Design, &Report),
    other: (&Design, &Report),
    settings: &Settings,
) -> Vec<Changed> {
    let (design, report) = as_decided;
    let properties = (0..).map(Question::Property).zip(report.properties.iter().zip(&other.1.properties));
    let needs = (0..).map(Question::Need).zip(report.needs.iter().zip(&other.1.needs));
    let differing = properties.chain(needs).filter(|(_, (one, two))| kind(&one.verdict) != kind(&two.verdict));
    differing
        .map(|(question, (one, two))| {
            let mut shown = evidence(design, &one.verdict, settings);
            shown.extend(evidence(design, &two.verdict, settings));
            let found = shown.into_iter().find_map(|(connection, assume)| {
                let deciding = deciding(design, other.0, &connection, assume);
                (!deciding.is_empty()).then_some((connection, deciding))
            });
            match found {
                Some((connection, deciding)) => Changed { question, connection: Some(connection), deciding },
                None => Changed { question, connection: None, deciding: design.rules_changed_by(choice) },
            }
        })
        .collect()
}

/// The rules that let a connection fare differently in two designs that differ by a choice, ascending; none if it fares
/// alike.
pub fn deciding(design: &Design, other: &Design, connection: &Connection, assume: Assume) -> Vec<RuleId> {
    let (one, two) = (design.evaluate(connection, assume), other.evaluate(connection, assume));
    // The points on a path are the same in both, and so is the order in which they judge.
    let pairs = one.judgements.iter().zip(&two.judgements);
    let apart = pairs.filter(|(one, two)| one.stands && one.outcomes != two.outcomes);
    let decisions = apart.flat_map(|(one, two)| one.decisions.iter().chain(&two.decisions));
    let rules: BTreeSet<RuleId> = decisions
        .filter_map(|decision| match decision.why {
            Why::Rule(id) => Some(id),
            Why::Otherwise(_) | Why::Default => None,
        })
        .filter(|&id| design.rule(id).map(|(_, rule)| rule) != other.rule(id).map(|(_, rule)| rule))
        .collect();
    rules.into_iter().collect()
}

fn kind(verdict: &Settled) -> u8 {
    match verdict {
        Settled::Holds => 0,
        Settled::Unknown(_) => 1,
        Settled::Violated(_) => 2,
    }
}

/// The connections that a verdict shows, each with what was assumed of enforcement.
fn evidence(design: &Design, verdict: &Settled, settings: &Settings) -> Vec<(Connection, Assume)> {
    let hops: &[Hop] = match verdict {
        Settled::Violated(
            Counterexample::Reached(hops)
            | Counterexample::TooMany { hops, .. }
            | Counterexample::TooExposed { hops, .. }
            | Counterexample::UndefinedOrder { hops, .. },
        ) => hops,
        Settled::Unknown(unsure) => &unsure.hops,
        Settled::Violated(Counterexample::Broken { connection, .. }) => {
            let assume = Assume { as_if_enforced: settings.as_if_enforced, ..Assume::business() };
            return between(design, connection).into_iter().map(|connection| (connection, assume)).collect();
        }
        Settled::Holds
        | Settled::Violated(
            // What passes by default, or with new units, does so in another design.
            Counterexample::ByDefault(_)
            | Counterexample::Extended(_)
            | Counterexample::Differs(_)
            | Counterexample::Rules(_)
            | Counterexample::NoSuchPort { .. }
            | Counterexample::OtherFamily { .. }
            | Counterexample::NoSuchAddress { .. },
        ) => &[],
    };
    let connections = hops.iter().filter_map(|hop| match hop {
        Hop::Connection { connection, assume, .. } => Some((*connection, *assume)),
        Hop::Host { .. } => None,
    });
    connections.collect()
}

/// A connection, and the same between the other interfaces of its units: of all those only one has to work.
fn between(design: &Design, shown: &Connection) -> Vec<Connection> {
    let interfaces = |endpoint: Endpoint| match endpoint {
        Endpoint::Unit { unit, .. } => {
            (0..).zip(&design.unit(unit).interfaces).map(|(interface, _)| Endpoint::Unit { unit, interface }).collect()
        }
        Endpoint::External(_) | Endpoint::Source(_) => vec![endpoint],
    };
    let destinations = interfaces(shown.destination);
    let pairs =
        interfaces(shown.source).into_iter().flat_map(|source| destinations.iter().map(move |&to| (source, to)));
    let others = pairs.map(|(source, destination)| Connection { source, destination, header: shown.header });
    std::iter::once(*shown).chain(others.filter(|other| other != shown)).collect()
}
