//! Repair: the least edit of the rules that makes every property hold while every need works.
//!
//! # What is least
//! A rule that is removed or narrowed counts one, however it is narrowed, and so does a rule, or a default denial, that
//! is added. The fewest edits are asked for; of repairs of equally many, the one that changes the fewest connections.
//! The edits to choose from are fixed by the design:
//! - any rule is removed;
//! - a rule is restricted, on its sides to units or addresses that a segment, a need or a property speaks of (or to all
//!   others), in its services to some of its own or to those that a need or a property names;
//! - what a need or an `allowed` property asks for is allowed;
//! - what a property forbids, or one side of it from or to what claims speak of, is denied, in tiers that have denials;
//! - in tiers that take units into scope one by one, as Kubernetes' NetworkPolicy does, further units are: a default
//!   denial for them.
//!
//! # How it works
//! An implicit hitting set. The class engine refutes what does not hold; each counterexample becomes a *demand*: one of
//! the steps of this attack is stopped, or this needed connection works. A step is one connection, which touches few
//! rules, so that its fate is a small formula over the edits. Z3 chooses the least edits that meet all demands so far;
//! they are applied, and everything is verified again. Since every demand is necessary, what Z3 chooses is never more
//! than any repair needs: as soon as everything holds, the repair is proven to be the least. Every round adds a demand
//! that the last choice did not meet, so that there are finitely many.
//!
//! # What to rely on
//! - A repair that is shown was verified by the class engine, all of it.
//! - [`Optimality::Least`] is a proof within the space above; when a limit is reached first, a repair that was found by
//!   descent is [`Optimality::AtLeast`], with what was proven.
//! - Contradictory claims are told apart from a limit: [`Finding::Contradiction`] names claims of which none can be left
//!   out.
//! - What is unknown because of something that is not modelled stays unknown under every edit of rules; such claims are
//!   set aside, and said to be.

mod additions;
mod candidates;
mod chooser;
mod demand;
mod fate;
mod formula;
mod search;
mod vocabulary;

#[cfg(test)]
mod tests;

use crate::counterexample::VerifyError;
use crate::difference::Difference;
use crate::header_set::HeaderSet;
use crate::properties::{Report, Settings};
use crate::reach::Verifier;
use crate::smt::{GaveUp, Limits};
use seglab_policy::{Assume, Design, Edit, Service, View};
use std::collections::BTreeSet;

/// A property or a need, by its position in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Goal {
    /// Of [`Design::properties`].
    Property(usize),
    /// Of [`Design::needs`].
    Need(usize),
}

/// How much a repair may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// What Z3 may spend on all choices together.
    pub limits: Limits,
    /// How many choices of edits are verified.
    pub rounds_max: usize,
    /// How many repairs of equally many edits are compared by the connections that they change.
    pub alternatives_max: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { limits: Limits::default(), rounds_max: 2_000, alternatives_max: 16 }
    }
}

/// What became of a design that is to be repaired.
#[derive(Clone, Debug)]
pub struct Repair {
    /// The verdicts on the design as it is.
    pub before: Report,
    /// What was found.
    pub finding: Finding,
    /// Claims that are not repaired: they are unknown whatever the rules say, or about the rules themselves.
    pub aside: Vec<Goal>,
    /// What it took.
    pub spent: Spent,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Finding {
    /// There is nothing to repair but what was set aside.
    Nothing,
    /// Edits after which everything holds that was not set aside.
    Repaired(Box<Repaired>),
    /// These claims cannot all hold under any choice of edits; each of them can once another is given up.
    Contradiction(Vec<Goal>),
    /// A limit was reached before there was a repair.
    NotFound {
        /// Every repair has at least so many edits.
        at_least: usize,
        /// The limit.
        stopped: Stopped,
    },
}

/// A repair.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// The edits.
    pub edits: Vec<Edit>,
    /// The design with them.
    pub design: Design,
    /// Its verdicts.
    pub after: Report,
    /// How many connections differ: pairs of ends, times the services of the design that are told apart.
    pub connections: u64,
    /// What is proven of the number of edits.
    pub optimality: Optimality,
}

/// What is proven of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Optimality {
    /// No repair has fewer edits.
    Least {
        /// So many repairs of as many edits were compared; this one changes the fewest connections.
        compared: usize,
        /// There are no others, but for those that add restrictions to rules that are edited anyway.
        exhausted: bool,
    },
    /// Every repair has at least so many edits.
    AtLeast {
        /// So many.
        edits: usize,
        /// Why there is no more to say.
        stopped: Stopped,
    },
}

/// The limit that was reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// One of Z3's.
    #[error("{0}")]
    Solver(GaveUp),
    /// That of [`Effort::rounds_max`].
    #[error("{0} choices of edits were verified; raise the limit")]
    Rounds(usize),
}

/// What a repair took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Choices of edits that were verified.
    pub rounds: usize,
    /// Demands that counterexamples led to.
    pub demands: usize,
    /// Candidate edits that touch a connection of some counterexample.
    pub candidates: usize,
    /// Z3's units of work.
    pub resources: u32,
}

/// Looks for the least repair of a design.
///
/// # Errors
/// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
pub fn repair(design: &Design, settings: &Settings, effort: &Effort) -> Result<Repair, VerifyError> {
    z3::with_z3_config(&z3::Config::new(), || search::Search::new(design, settings, effort).run())
}

/// How many connections one design allows and the other does not, or knows otherwise: pairs of ends (units, ranges of
/// external addresses, named sources), times the services of the first design that are told apart.
pub fn connections_changed(old: &Design, new: &Design, settings: &Settings) -> u64 {
    let atoms = service_atoms(old);
    let mut difference = Difference::new(Verifier::new(old), Verifier::new(new));
    let assume = Assume { as_if_enforced: settings.as_if_enforced, ..Assume::business() };
    let changes = difference.direct(assume, View::Policy);
    // What neither design knows is not changed.
    let changes = changes.iter().filter(|change| change.was != change.is);
    changes
        .map(|change| {
            let touched = atoms.iter().filter(|atom| !atom.intersection(&change.headers).is_empty()).count();
            change.block.pairs.saturating_mul(touched as u64)
        })
        .fold(0, u64::saturating_add)
}

/// The parts into which the services of a design cut all headers.
fn service_atoms(design: &Design) -> Vec<HeaderSet> {
    /// More parts would tell apart what nobody asks about.
    const ATOMS_MAX: usize = 256;
    let of_rules = design.rules().flat_map(|(_, rule)| &rule.services);
    let of_needs = design.needs().iter().flat_map(|need| &need.services);
    let of_claims = design.properties().iter().flat_map(|property| property.claim.services());
    let services: BTreeSet<&Service> = of_rules.chain(of_needs).chain(of_claims).collect();
    let mut sets: Vec<HeaderSet> = services.into_iter().map(HeaderSet::of_service).collect();
    sets.extend(design.units().iter().map(|unit| HeaderSet::of_listeners(&unit.listeners)));
    let mut atoms = vec![HeaderSet::full()];
    for set in sets {
        let cut = atoms.iter().flat_map(|atom| [atom.intersection(&set), atom.difference(&set)]);
        let cut: Vec<HeaderSet> = cut.filter(|atom| !atom.is_empty()).collect();
        if cut.len() > ATOMS_MAX {
            break;
        }
        atoms = cut;
    }
    atoms
}
