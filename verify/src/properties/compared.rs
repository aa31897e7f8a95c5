//! `within` and `equal`: this design held against another.
//!
//! What differs is what [`Difference`] finds between connections, the other design being the old one. Of that, `within`
//! looks at what is gained, and `equal` at everything. An end that only one design has can connect to nobody in the
//! other.

use super::{Counterexample, Outcome, Population, Settled, Uncertainty, Unsure};
use crate::counterexample::{Hop, Means, VerifyError, doubt_of};
use crate::difference::{Difference, DirectChange, Kind, State, Witness, may_be_gain};
use crate::lateral::Attack;
use crate::reach::Verifier;
use seglab_policy::{Assume, Design, Reference, Side};

/// A connection that fares otherwise in another design.
#[derive(Clone, Debug, PartialEq)]
pub struct Differs {
    /// The other design.
    pub other: Reference,
    /// What became of it since the other design.
    pub kind: Kind,
    /// The connection, judged in the other design (`before`) and in this one.
    pub witness: Witness,
    /// What is assumed of enforcement.
    pub assume: Assume,
    /// How many pairs of ends differ in this way.
    pub pairs: u64,
}

// INVARIANT: a reference has no needs, attackers or monitor, which alone hold numbers that may differ from themselves.
impl Eq for Differs {}

/// The changes since another design that refute a claim about it, or may.
pub(super) struct Changes<'a> {
    pub(super) difference: Difference<'a>,
    /// Those that certainly refute it, then those that possibly do; each the largest first.
    pub(super) found: Vec<(DirectChange, bool)>,
    other: &'a Reference,
    attack: Attack,
}

/// Whether a change refutes the claim: certainly, possibly (`false`), or not at all.
fn refutes(change: &DirectChange, equal: bool) -> Option<bool> {
    let DirectChange { was, is, .. } = *change;
    let known = |state| !matches!(state, State::Unknown | State::ReplyUnknown);
    // Whether a reply passes is nothing to a connection that is stopped in the other design.
    let stopped = [was, is].contains(&State::Denied) && ![was, is].contains(&State::Unknown);
    match equal {
        true => Some(stopped || (known(was) && known(is))),
        false => may_be_gain(was, is).then_some(was == State::Denied && is.arrives()),
    }
}

impl<'a> Changes<'a> {
    pub(super) fn new(design: &'a Design, other: &'a Reference, equal: bool, attack: Attack) -> Self {
        let mut difference = Difference::new(Verifier::new(&other.design), Verifier::new(design));
        let changes = difference.direct(attack.assume(Side::Source, false), attack.view);
        let mut found: Vec<(DirectChange, bool)> =
            changes.into_iter().filter_map(|change| refutes(&change, equal).map(|sure| (change, sure))).collect();
        found.sort_by_key(|(_, sure)| !sure);
        Self { difference, found, other, attack }
    }

    /// The verdict that a change leads to.
    pub(super) fn shown(&mut self, change: &DirectChange, certain: bool) -> Result<Settled, VerifyError> {
        let assume = self.attack.assume(Side::Source, false);
        let witness = self.difference.witness(change, assume, self.attack.view)?;
        if certain {
            let (kind, pairs) = (Kind::of(change.was, change.is), change.block.pairs);
            let differs = Differs { other: self.other.clone(), kind, witness, assume, pairs };
            return Ok(Settled::Violated(Counterexample::Differs(Box::new(differs))));
        }
        let hops: Vec<Hop> = witness
            .after
            .map(|judged| Hop::Connection {
                connection: judged.connection,
                assume,
                evaluation: judged.evaluation,
                means: Means::Reach,
            })
            .into_iter()
            .collect();
        let doubt = hops.iter().find_map(doubt_of).map_or(Uncertainty::Reference, Uncertainty::Policy);
        Ok(Settled::Unknown(Unsure { doubt, hops }))
    }
}

impl Verifier<'_> {
    /// Whether every connection that can be opened can be opened in another design; with `equal`, also the other way
    /// round.
    pub(super) fn compared(&mut self, attack: Attack, other: &Reference, equal: bool) -> Result<Outcome, VerifyError> {
        let mut changes = Changes::new(self.engine.design, other, equal, attack);
        let verdict = match changes.found.first().cloned() {
            Some((change, certain)) => changes.shown(&change, certain)?,
            None => Settled::Holds,
        };
        let population = Population { from: self.engine.design.units().len(), to: other.design.units().len() };
        Ok(Outcome { verdict, population })
    }
}
