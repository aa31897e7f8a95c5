//! Properties and needs, settled: each holds, is violated with a counterexample, or is unknown with its reason.
//!
//! What the claims mean, beyond what [`Claim`](seglab_policy::Claim) says of them:
//!
//! - The *view* decides which headers count, on every step of an attack; the *pivot* model decides what carries an
//!   attack on. The last step of `isolated` and `only-through` counts whatever it is good for: an attacker who can
//!   connect to a target has reached it, vulnerability or not.
//! - A guest is reached when its host is owned, whatever services a claim names.
//! - `only-through` speaks of two different ends: that a unit, or an external address, reaches itself refutes nothing.
//!   Attacks that start in `via` pass it by starting.
//! - `blast-radius` assumes that hubs declared `trusted` can be owned, unless [`Settings::honour_trusted`].
//! - `exposed` is about single connections between units and external addresses, whatever the pivot model and the
//!   number of hops; for what lies behind an exposed unit ask `isolated: {from: internet, …}`. A named external source
//!   counts where the addresses cover its family's `/0`.
//! - `allowed`, and every need, looks from units to units at every pair of different ones (`any` means every unit);
//!   where a side is of addresses, one address or unit among them that works in full is enough. A header works if it
//!   does between some interfaces of the two, with its reply. A service by the name of a port that the destination
//!   does not declare does not work.
//! - Doubt never passes: where an unmodelled construct, a shared address or an undefined order could change the
//!   verdict, it is unknown, unless the claim is violated whatever the doubt turns out to be.

mod blast_radius;
mod exposed;
pub(crate) mod needs;
mod paths;

use crate::counterexample::{Hop, VerifyError, doubt_of};
use crate::lateral::Attack;
use crate::reach::Verifier;
use fixedbitset::FixedBitSet;
use seglab_policy::{Claim, Connection, Design, Doubt, Endpoint, Evaluation, Pivot, Property, UnitId};

/// How properties are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Take every declared point to enforce, whatever its mode.
    pub as_if_enforced: bool,
    /// Take units declared `trusted` to be out of attackers' reach. Whether the declarations have expired is the
    /// caller's to check.
    pub honour_trusted: bool,
}

/// Everything that a design claims and needs, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One for each of [`Design::properties`], in their order.
    pub properties: Vec<Outcome>,
    /// One for each of [`Design::needs`], in their order.
    pub needs: Vec<Outcome>,
    /// The number of classes that the units fell into.
    pub classes: usize,
}

impl Report {
    /// The needs that are broken, with their positions.
    pub fn broken_needs(&self) -> impl Iterator<Item = (usize, &Counterexample)> {
        self.needs.iter().enumerate().filter_map(|(at, outcome)| match &outcome.verdict {
            Settled::Violated(counterexample) => Some((at, counterexample)),
            Settled::Holds | Settled::Unknown(_) => None,
        })
    }
}

/// The verdict on one property or need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Settled,
    /// Of how many units it speaks.
    pub population: Population,
}

/// How many units a property speaks of. A claim about nothing holds, and should be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Units on the side where attacks or connections start; of `exposed`, units that may be.
    pub from: usize,
    /// Units on the other side; of `blast-radius`, all units.
    pub to: usize,
}

/// A verdict with what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The claim is true.
    Holds,
    /// The claim is false.
    Violated(Counterexample),
    /// Whether it is true depends on what is not known.
    Unknown(Unsure),
}

/// What refutes a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counterexample {
    /// The steps of an attack that reaches what it must not, in an order in which they can be taken.
    Reached(Vec<Hop>),
    /// An attack that takes too many units.
    TooMany {
        /// Where it starts.
        start: UnitId,
        /// How many units it takes, the first included.
        units: usize,
        /// How many it may.
        at_most: usize,
        /// Steps that take more than that: one into each class of units that nothing tells apart.
        hops: Vec<Hop>,
    },
    /// A connection that is needed and does not work.
    Broken {
        /// The connection.
        connection: Connection,
        /// What the reference evaluator says of it, its reply included.
        evaluation: Evaluation,
    },
    /// The destination declares no port of the name that the service goes by.
    NoSuchPort {
        /// The destination.
        unit: UnitId,
        /// The name.
        name: String,
    },
    /// The service exists in one address family, and the two ends have only the other in common.
    OtherFamily {
        /// Who would open the connection.
        source: Endpoint,
        /// To whom.
        destination: Endpoint,
    },
    /// The claim asks for connections to or from addresses, and none of them is outside of the design and reachable.
    NoSuchAddress {
        /// The unit at the other end.
        unit: UnitId,
    },
}

/// What a verdict depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsure {
    /// What is not known.
    pub doubt: Uncertainty,
    /// The steps of the attack, or the connection, that may or may not be possible.
    pub hops: Vec<Hop>,
}

/// What is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertainty {
    /// A rule or an unmodelled construct that a connection depends on.
    Policy(Doubt),
    /// Whether an endpoint is meant by a side of the claim: that goes by an address that is shared, or by something
    /// that is not modelled.
    Membership,
}

/// Settles every property and need of a design.
///
/// # Errors
/// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
pub fn verify(design: &Design, settings: &Settings) -> Result<Report, VerifyError> {
    Verifier::new(design).settle_all(settings)
}

impl Verifier<'_> {
    /// Settles every property and need of the design.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
    pub fn settle_all(&mut self, settings: &Settings) -> Result<Report, VerifyError> {
        let design = self.engine.design;
        let properties =
            design.properties().iter().map(|property| self.settle(property, settings)).collect::<Result<_, _>>()?;
        let needs = design.needs().iter().map(|need| self.settle_need(need, settings)).collect::<Result<_, _>>()?;
        Ok(Report { properties, needs, classes: self.classes().len() })
    }

    /// Works out who can be taken from where by the attacks that the design's properties speak of. What
    /// [`settle_all`](Self::settle_all) would do when it comes to it is done now, to be timed on its own.
    pub fn prepare(&mut self, settings: &Settings) {
        for property in self.engine.design.properties() {
            let pivot = match (&property.claim, property.pivot) {
                (Claim::Allowed { .. } | Claim::Exposed { .. }, _)
                | (Claim::BlastRadius { .. }, Pivot::Exploitable) => {
                    continue;
                }
                (Claim::BlastRadius { .. }, pivot) => pivot,
                (Claim::Isolated { .. } | Claim::OnlyThrough { .. }, pivot) => last_step(pivot),
            };
            let without_trusted = settings.honour_trusted && matches!(property.claim, Claim::BlastRadius { .. });
            self.closures(Attack { pivot, ..attack_of(property, settings) }, without_trusted, false);
        }
    }

    /// Settles one property of the design.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
    pub fn settle(&mut self, property: &Property, settings: &Settings) -> Result<Outcome, VerifyError> {
        let attack = attack_of(property, settings);
        match &property.claim {
            Claim::Isolated { from, to, services } => self.isolated(property, attack, from, to, services),
            Claim::Allowed { from, to, services } => {
                self.allowed(&property.id, from, to, services, settings.as_if_enforced)
            }
            Claim::OnlyThrough { from, to, via, services } => {
                self.only_through(property, attack, from, to, via, services)
            }
            Claim::BlastRadius { from, at_most } => {
                self.bounded_blast_radius(property, attack, from, *at_most, settings.honour_trusted)
            }
            Claim::Exposed { external, inbound, only, services } => {
                self.exposed(property, attack, external, *inbound, only, services)
            }
        }
    }

    /// Settles one need of the design: whether the connections work that the business cannot do without.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
    pub fn settle_need(&mut self, need: &seglab_policy::Need, settings: &Settings) -> Result<Outcome, VerifyError> {
        self.allowed("need", &need.from, &need.to, &need.services, settings.as_if_enforced)
    }

    /// The classes of the units declared trusted.
    pub(crate) fn trusted_classes(&self) -> FixedBitSet {
        let mut trusted = FixedBitSet::with_capacity(self.engine.classes.len());
        for hub in self.engine.design.trusted() {
            self.selected(&hub.units).for_each(|class| trusted.insert(class.index()));
        }
        trusted
    }

    /// The number of units of classes.
    pub(crate) fn count(&self, classes: impl IntoIterator<Item = crate::classes::ClassId>) -> usize {
        classes.into_iter().map(|class| self.engine.classes.members(class).len()).sum()
    }
}

/// The attack that a property speaks of.
fn attack_of(property: &Property, settings: &Settings) -> Attack {
    Attack {
        pivot: property.pivot,
        view: property.view,
        trust: property.trust,
        as_if_enforced: settings.as_if_enforced,
    }
}

/// The pivot model by which targets are reached at last: to connect to one is to have reached it.
fn last_step(pivot: Pivot) -> Pivot {
    match pivot {
        Pivot::EitherWay => Pivot::EitherWay,
        Pivot::Any | Pivot::Service | Pivot::Exploitable => Pivot::Any,
    }
}

/// The verdict that doubtful steps lead to: unknown, for the first doubt among them.
fn unsure(hops: Vec<Hop>) -> Settled {
    let doubt = hops.iter().find_map(doubt_of).map_or(Uncertainty::Membership, Uncertainty::Policy);
    Settled::Unknown(Unsure { doubt, hops })
}
