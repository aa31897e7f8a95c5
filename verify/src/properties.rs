//! Properties and needs, settled: each holds, is violated with a counterexample, or is unknown with its reason.
//!
//! What the claims mean, beyond what [`Claim`](seglab_policy::Claim) says of them:
//!
//! - The *view* decides which headers count, on every step of an attack; the *pivot* model decides what carries an
//!   attack on. The last step of `isolated` and `only-through` counts whatever it is good for: an attacker who can
//!   connect to a target has reached it, vulnerability or not.
//! - `isolated-ever` speaks of this design and of every one that comes of it by adding units; [`crate::smt`] says which.
//! - A guest is reached when its host is owned, whatever services a claim names.
//! - `only-through` speaks of two different ends: that a unit, or an external address, reaches itself refutes nothing.
//!   Attacks that start in `via` pass it by starting.
//! - `blast-radius` assumes that hubs declared `trusted` can be owned, unless [`Settings::honour_trusted`]. What is
//!   counted, units or their criticalities, and what of the counts is bounded, the largest, the mean or a percentile,
//!   is exact: no number is rounded. The mean and the percentile are over the units of `from`; over none it holds.
//! - `exposed`, `egress-only-to` and `only` are about single connections between different ends, and about where they
//!   may go at all: whoever opens a connection is taken to be owned. For what lies behind an exposed unit ask
//!   `isolated: {from: internet, …}`. Peers match single interfaces, as they do in rules: a listed flow to a range
//!   does not list a unit's other address. A named external source counts in `exposed` where the addresses cover its
//!   family's `/0`.
//! - `within` and `equal` hold the design against another, connection by connection between ends of the same name, as
//!   [`Difference`](crate::difference::Difference) matches them. `within` is violated by a connection that arrives here
//!   and certainly does not there; `equal` also by one that arrives there only, and by one whose reply fares otherwise.
//!   Who is not there can connect to nobody. An address that is a unit's in one design and outside in the other is not
//!   compared: that is a change of who is there.
//! - `default-deny` asks what passes if no rule allows anything; deny and pass rules stay. `ingress` is about what
//!   reaches the units, stopped wherever it is stopped: a default at the other end counts. A unit whose connections no
//!   point judges has no default.
//! - `surface` counts, for each unit, the other units that can connect to it, each named external source that can, and
//!   one more if any external address can; exits likewise.
//! - `no-shadowed-rules`, `no-redundant-rules` and `no-undefined-order` look at every connection that a path carries
//!   between the units, sources and addresses of the design. A rule is *shadowed* if it matches some of them and decides
//!   none, in any direction in which a point asks its rulebook, because rules that go before it decide: those above it
//!   where tiers are in order, those of a stronger action where they are not (there, rules of one action decide
//!   together), and those of earlier tiers. One that matches nothing is hidden by nobody. A rule is *redundant* if
//!   without it every connection has the verdict that it has, its reply included, under the trust that is asked about:
//!   also one that another point repeats, that matches nothing, or that nobody asks. Rules are taken away one by one: of
//!   two equal rules each is redundant. The *order is undefined* if a connection's verdict is in doubt and two rules of
//!   equal rank and different objects decide it differently.
//! - `within`, `equal`, `default-deny` and `surface` are about the policy before an attack: their trust is `intact` unless another is
//!   given, and then whoever opens a connection is owned.
//! - `allowed`, and every need, looks from units to units at every pair of different ones (`any` means every unit);
//!   where a side is of addresses, one address or unit among them that works in full is enough. A header works if it
//!   does between some interfaces of the two, with its reply. A service by the name of a port that the destination
//!   does not declare does not work.
//! - Doubt never passes: where an unmodelled construct, a shared address or an undefined order could change the
//!   verdict, it is unknown, unless the claim is violated whatever the doubt turns out to be.

mod blast_radius;
mod compared;
mod confined;
mod default_deny;
mod ever;
mod findings;
pub(crate) mod needs;
mod newcomers;
mod paths;
mod rules;
mod stray;
mod surface;

pub use compared::Differs;
pub use ever::{Extension, Unsettled};

pub(crate) use confined::EveryEnd;
pub(crate) use default_deny::without_allows;
pub use findings::{Finding, Findings, On};
pub(crate) use paths::Ground;
pub(crate) use rules::RuleWitness;
pub(crate) use surface::{Degrees, Face};

use crate::counterexample::{Hop, VerifyError, doubt_of};
use crate::lateral::Attack;
use crate::reach::Verifier;
use crate::smt::Limits;
use fixedbitset::FixedBitSet;
use seglab_policy::{
    AtMost, Claim, Connection, Design, Doubt, Endpoint, Evaluation, Pivot, Property, RuleId, Statistic, UnitId,
};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// Whoever gets lost in the steps of an attack that takes ten thousand units has seen enough before.
const STEPS_SHOWN_MAX: usize = 256;

/// How properties are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Take every declared point to enforce, whatever its mode.
    pub as_if_enforced: bool,
    /// Take units declared `trusted` to be out of attackers' reach. Whether the declarations have expired is the
    /// caller's to check.
    pub honour_trusted: bool,
    /// What Z3 may spend on each question about units that do not exist yet.
    pub limits: Limits,
    /// How many steps of an attack that takes too many units are shown at most. The verdict does not depend on it: what
    /// falls is counted by closures, and the steps that are shown are replayed one by one. \[steps\]
    pub steps_shown_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            as_if_enforced: false,
            honour_trusted: false,
            limits: Limits::default(),
            steps_shown_max: STEPS_SHOWN_MAX,
        }
    }
}

/// Everything that a design claims and needs, settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Units on the side where attacks or connections start; of `exposed`, units that may be; of `default-deny` and
    /// `surface`, the units that are asked about; of `within` and `equal`, all; of claims about rules, the rules.
    pub from: usize,
    /// Units on the other side; of `within` and `equal`, those of the other design; where the claim names none, all.
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
    /// An attack that becomes possible when units are added.
    Extended(Extension),
    /// An attack that takes too many units.
    TooMany {
        /// Where it starts.
        start: UnitId,
        /// How many units it takes, the first included.
        units: usize,
        /// By how much the bound is exceeded.
        excess: Excess,
        /// How many of them fall by steps that are not shown, for want of room: 0 if the steps shown take more than the
        /// bound, which they do unless there are more of them than [`Settings::steps_shown_max`].
        left_out: usize,
        /// Steps that take more than the bound, or the first of them: one into each class of units that nothing tells
        /// apart.
        hops: Vec<Hop>,
    },
    /// A connection that no rule allows and that passes where rules allow nothing, in the design without them.
    ByDefault(Vec<Hop>),
    /// A unit that too many connect to, or that connects to too many.
    TooExposed {
        /// The unit.
        unit: UnitId,
        /// True: they connect to it. False: it connects to them.
        entries: bool,
        /// How many: other units, named external sources, and one for all external addresses.
        others: usize,
        /// How many there may be.
        at_most: usize,
        /// One connection with each of one more than that.
        hops: Vec<Hop>,
    },
    /// Rules that do nothing, each with the reason.
    Rules(Vec<IdleRule>),
    /// Two rules of equal rank of which nobody knows which goes first, and a connection that depends on it.
    UndefinedOrder {
        /// The rules.
        rules: [RuleId; 2],
        /// The connection.
        hops: Vec<Hop>,
    },
    /// A connection that fares otherwise in the design that this one is held against.
    Differs(Box<Differs>),
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

/// A rule that does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleRule {
    /// The rule.
    pub rule: RuleId,
    /// Why it does nothing.
    pub why: Idle,
}

/// Why a rule does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle {
    /// These rules decide all that it matches.
    Shadowed(Vec<RuleId>),
    /// No point asks it.
    NeverAsked,
    /// It matches no connection of the design: a selector selects nothing, or a port has no such name.
    MatchesNothing,
    /// Every connection has the same verdict without it.
    ChangesNothing,
}

/// How a bound on blast radii is exceeded. The value is `sum / count`, unrounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// What of the blast radii is bounded.
    pub of: Statistic,
    /// The bound, and what is counted.
    pub at_most: AtMost,
    /// Of the mean, what all blast radii add up to; else the one that exceeds the bound. [units, or weight]
    pub sum: u64,
    /// Of the mean, how many units there are to start from; else 1.
    pub count: usize,
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
    /// What the design allows that this one is held against.
    Reference,
    /// What units that do not exist yet may do.
    Newcomers(Unsettled),
}

/// Settles every property and need of a design.
///
/// # Errors
/// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
pub fn verify(design: &Design, settings: &Settings) -> Result<Report, VerifyError> {
    Verifier::new(design).settle_all(settings)
}

/// The outcome of a property, by position, where it is known.
pub(crate) type Known<'k> = dyn Fn(&mut Verifier<'_>, usize, &Property) -> Result<Option<Outcome>, VerifyError> + 'k;

impl Verifier<'_> {
    /// Settles every property and need of the design.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
    pub fn settle_all(&mut self, settings: &Settings) -> Result<Report, VerifyError> {
        self.settle_all_but(settings, &|_, _, _| Ok(None))
    }

    /// Settles everything but properties, by position, of which the outcome is `known`.
    pub(crate) fn settle_all_but(&mut self, settings: &Settings, known: &Known<'_>) -> Result<Report, VerifyError> {
        let design = self.engine.design;
        // One design and its classes serve every claim of default deny.
        let bare = OnceCell::new();
        let mut of_bare: Option<Verifier<'_>> = None;
        let settled = design.properties().iter().enumerate().map(|(at, property)| match &property.claim {
            Claim::DefaultDeny { units, directions } => of_bare
                .get_or_insert_with(|| Verifier::new(bare.get_or_init(|| without_allows(design))))
                .default_deny(property, settings, units, *directions),
            _ => match known(self, at, property)? {
                Some(outcome) => Ok(outcome),
                None => self.settle(property, settings),
            },
        });
        let properties = settled.collect::<Result<_, _>>()?;
        let needs = design.needs().iter().map(|need| self.settle_need(need, settings)).collect::<Result<_, _>>()?;
        Ok(Report { properties, needs, classes: self.classes().len() })
    }

    /// Works out who can be taken from where by the attacks that the design's properties speak of, on two threads. What
    /// [`settle_all`](Self::settle_all) would do when it comes to it is done now, to be timed on its own.
    pub fn prepare(&mut self, settings: &Settings) {
        let mut attacks = BTreeSet::new();
        for property in self.engine.design.properties() {
            let pivot = match (&property.claim, property.pivot) {
                (Claim::BlastRadius { .. }, Pivot::Exploitable) => continue,
                (Claim::BlastRadius { .. }, pivot) => pivot,
                (Claim::Isolated { .. } | Claim::IsolatedEver { .. } | Claim::OnlyThrough { .. }, pivot) => {
                    last_step(pivot)
                }
                _ => continue,
            };
            let without_trusted = settings.honour_trusted && matches!(property.claim, Claim::BlastRadius { .. });
            attacks.insert((Attack { pivot, ..Attack::of(property, settings) }, without_trusted));
        }
        self.close(&attacks.into_iter().collect::<Vec<_>>());
    }

    /// Settles one property of the design.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
    pub fn settle(&mut self, property: &Property, settings: &Settings) -> Result<Outcome, VerifyError> {
        let attack = Attack::of(property, settings);
        match &property.claim {
            Claim::Exposed { .. } | Claim::EgressOnlyTo { .. } | Claim::Only { .. } => {
                self.settle_confined(&property.id, attack, &property.claim)
            }
            Claim::Isolated { .. } | Claim::OnlyThrough { .. } => self.stays_apart(property, attack),
            Claim::IsolatedEver { from, to, services } => self.isolated_ever(property, settings, from, to, services),
            Claim::Allowed { from, to, services } => {
                self.allowed(&property.id, from, to, services, settings.as_if_enforced)
            }
            Claim::BlastRadius { from, at_most, of } => {
                self.bounded_blast_radius(property, attack, from, (*at_most, *of), settings)
            }
            Claim::DefaultDeny { units, directions } => {
                let bare = without_allows(self.engine.design);
                Verifier::new(&bare).default_deny(property, settings, units, *directions)
            }
            Claim::Within { reference } => self.compared(attack, reference, false),
            Claim::Equal { reference } => self.compared(attack, reference, true),
            Claim::NoShadowedRules { rulebook } => Ok(self.no_shadowed_rules(rulebook.as_deref())),
            Claim::NoRedundantRules { rulebook } => Ok(self.no_redundant_rules(attack, rulebook.as_deref())),
            Claim::NoUndefinedOrder { rulebook } => self.no_undefined_order(&property.id, attack, rulebook.as_deref()),
            Claim::Surface { units, entries_max, exits_max } => {
                let bounds = surface::Bounds { entries_max: *entries_max, exits_max: *exits_max };
                self.bounded_surface(&property.id, attack, units, bounds)
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
        let mut trusted = FixedBitSet::with_capacity(self.engine.classes.numbers().len());
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

/// The pivot model by which targets are reached at last: to connect to one is to have reached it.
pub(crate) fn last_step(pivot: Pivot) -> Pivot {
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
