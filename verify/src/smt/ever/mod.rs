//! Parametric proofs: an attack in a world with any number of units that do not exist yet.
//!
//! The claim is that whoever owns a unit of one side never reaches the other side, whatever units are added to the design.
//! [What may be added](super::newcomer) is a formula; its units are told apart by *atoms*, the values of the labels that
//! selectors mention, their owner and their host. The proof is an inductive invariant over atoms, as in Bradley and Manna,
//! *Checking Safety by Inductive Generalization of Counterexamples to Induction* (2007), but computed forward:
//!
//! 1. The invariant begins with the atoms and units of the attacking side.
//! 2. Z3 looks for a connection that takes a unit outside of the invariant. Of a unit that exists, the invariant grows by
//!    that. Of one that does not, everything but its atom is held and Z3 says which parts of the atom the connection needs;
//!    all units with these parts, a *cube*, can be taken alike.
//! 3. Where nothing is left to take, the invariant is exact, and it is proved anew by a solver that has not seen any of
//!    this: three quantifier-free questions over bit-vectors, *initiation* (attacks start inside), *consecution* (nothing
//!    leads out) and *safety* (no target is reached from inside).
//!
//! What is not known for sure counts as possible in a proof. A target that is reached by sure steps gives a
//! [`Newcomer`] for every unit on the way that does not exist; whoever asked builds the design and replays it.

mod closure;
mod proof;
mod route;
mod world;

pub use route::{FRESH, Label, Newcomer, Trait};

use super::facts::Fact;
use super::{Encoding, GaveUp};
use closure::{Closure, Found};
use seglab_policy::{Peer, Pivot, Service, Trust, UnitId, View};
use std::collections::BTreeMap;
use world::World;
use z3::Config;

/// The claim that no attack leads from one side to the other, whatever units are added.
#[derive(Clone, Copy, Debug)]
pub struct EverQuestion<'q> {
    /// Units that an attacker starts from, or external addresses.
    pub from: &'q Peer,
    /// What must stay out of reach.
    pub to: &'q Peer,
    /// Services of the last hop that count.
    pub services: &'q [Service],
    /// What carries an attacker on.
    pub pivot: Pivot,
    /// Which ports count.
    pub view: View,
    /// What still enforces.
    pub trust: Trust,
    /// Every point enforces, whatever its mode.
    pub as_if_enforced: bool,
    /// The most connections that an attacker may string together.
    pub hops_max: Option<u32>,
}

/// What Z3 says of a claim about units that do not exist yet.
#[derive(Clone, Debug, PartialEq)]
pub enum EverAnswer {
    /// The claim is proved.
    Proved(Invariant),
    /// Sure steps lead to the other side; these units are on the way, in its order.
    Reached(Vec<Newcomer>),
    /// Steps that are not sure lead there, and no sure ones do.
    Doubtful,
    /// Z3 did not decide: never a pass.
    GaveUp(GaveUp),
}

/// An inductive invariant: everything that an attacker may come to own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invariant {
    /// Units that exist, by how many connections it takes to own them.
    pub units: BTreeMap<UnitId, u32>,
    /// Sets of units that do not exist yet, all that have something in common; by how many connections.
    pub newcomers: BTreeMap<Vec<Trait>, u32>,
    /// How many questions Z3 answered.
    pub questions: usize,
}

/// The parts of an atom that units have in common.
type Cube = BTreeMap<Fact, u128>;

/// A set of units.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Region {
    /// One that exists.
    Unit(UnitId),
    /// Those that do not exist yet and have these parts.
    Newcomers(Cube),
    /// Every external endpoint that attacks start from.
    Outside,
}

impl Encoding<'_> {
    /// Whether the claim is true of this design and of every design that it may become. What is assumed of the encoding is
    /// not looked at: the question says what is.
    pub fn ever(&self, question: &EverQuestion<'_>) -> EverAnswer {
        let found = |doubtful: bool| {
            z3::with_z3_config(&Config::new(), || {
                let asked = world::questions(question, self.design);
                let world = World::new(self.design, question, &asked);
                let mut closure = Closure::new(&world, self.limits, doubtful);
                let found = closure.run()?;
                if !doubtful {
                    return Ok(match found {
                        Found::Reached(route) => Some(EverAnswer::Reached(route)),
                        Found::Closed => None,
                    });
                }
                Ok(match found {
                    Found::Reached(_) => Some(EverAnswer::Doubtful),
                    Found::Closed => Some(EverAnswer::Proved(proof::proved(&world, &closure, self.limits)?)),
                })
            })
        };
        let settled = match found(false) {
            Ok(None) => found(true),
            settled => settled,
        };
        match settled {
            Ok(answer) => answer.unwrap_or(EverAnswer::Doubtful),
            Err(reason) => EverAnswer::GaveUp(reason),
        }
    }
}
