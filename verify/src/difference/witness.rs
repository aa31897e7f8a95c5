//! One connection that differs, judged by the reference evaluator in both designs.

use crate::counterexample::VerifyError;
use crate::difference::State;
use crate::difference::refinement::Both;
use seglab_policy::{Assume, Connection, Design, Endpoint, Evaluation, ExternalSourceId, Family, Header, UnitId, View};
use std::net::IpAddr;

/// A connection with what the reference evaluator of one design says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The connection, between endpoints of that design.
    pub connection: Connection,
    /// Verdict and judgements.
    pub evaluation: Evaluation,
    /// In the service view, that nothing listens there: the connection does not count.
    pub unheard: bool,
}

impl Judged {
    /// What becomes of the connection, in the view that it was judged in.
    pub fn state(&self) -> State {
        if self.unheard { State::Denied } else { State::of(&self.connection, &self.evaluation) }
    }
}

/// A connection that differs. `None` where a design has no such connection, because an end or its address family is
/// not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// In the old design.
    pub before: Option<Judged>,
    /// In the new one.
    pub after: Option<Judged>,
}

/// One end of a connection, by what it is in each design.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Unit(Both<Option<UnitId>>),
    Address(IpAddr),
    Source(Both<Option<ExternalSourceId>>),
}

impl Place {
    fn endpoints(self, design: &Design, side: usize) -> Vec<Endpoint> {
        match self {
            Place::Unit(units) => {
                let Some(unit) = units.get(side).copied().flatten() else { return Vec::new() };
                let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap_or(u16::MAX);
                (0..count).map(|interface| Endpoint::Unit { unit, interface }).collect()
            }
            Place::Address(address) => vec![Endpoint::External(address)],
            Place::Source(sources) => sources.get(side).copied().flatten().map(Endpoint::Source).into_iter().collect(),
        }
    }
}

/// The pairs of endpoints between which connections of a family exist in a design.
pub(super) fn endpoints(
    design: &Design,
    side: usize,
    from: Place,
    to: Place,
    family: Option<Family>,
) -> Vec<(Endpoint, Endpoint)> {
    let destinations = to.endpoints(design, side);
    let pairs =
        from.endpoints(design, side).into_iter().flat_map(|from| destinations.iter().map(move |&to| (from, to)));
    let exists = |&(source, destination): &(Endpoint, Endpoint)| {
        let of = design.family_of(&Connection { source, destination, header: Header::Other(0) });
        of.is_some() && (family.is_none() || of == family)
    };
    pairs.filter(exists).collect()
}

/// What a design says of a header between two places, by the interfaces over which it gets furthest.
pub(super) fn judge(
    design: &Design,
    pairs: &[(Endpoint, Endpoint)],
    header: Header,
    assume: Assume,
    view: View,
) -> Option<Judged> {
    let judged = pairs.iter().map(|&(source, destination)| {
        let connection = Connection { source, destination, header };
        let evaluation = design.evaluate(&connection, assume);
        let listens = destination.unit().is_none_or(|unit| design.unit(unit).listens_to(header));
        Judged { connection, evaluation, unheard: view == View::Service && !listens }
    });
    // The first of the best, so that the result does not depend on how many more there are.
    judged.rev().max_by_key(Judged::state)
}

/// The error that the class engine expects another state than the reference evaluator finds.
pub(super) fn disagreement(design: &Design, judged: &Judged, assume: Assume, expected: State) -> VerifyError {
    VerifyError::Disagreement {
        shown: judged.connection.display(design).to_string(),
        expected: match expected {
            State::Denied => "denied",
            State::Unknown => "undecided",
            State::OneWay => "one-way",
            State::ReplyUnknown => "allowed with a reply that is undecided",
            State::Allowed => "allowed",
        },
        connection: Box::new(judged.connection),
        assume,
        evaluation: Box::new(judged.evaluation.clone()),
    }
}
