//! Properties: the claims about a design that verification settles.

use crate::address::AddressSet;
use crate::rule::Peer;
use crate::selector::Selector;
use crate::service::Service;
use crate::source::Provenance;
use std::fmt;

/// Which ports count as reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// Any port that policy lets through.
    #[default]
    Policy,
    /// Also: the destination listens there.
    Service,
}

/// What lets an attacker who owns one unit own the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pivot {
    /// Every allowed connection outward.
    #[default]
    Any,
    /// Allowed connections outward to services that listen.
    Service,
    /// Allowed connections outward to a service with a vulnerability, or that takes a credential already held.
    Exploitable,
    /// Every allowed connection, in either direction: clients that connect to an owned unit fall too.
    EitherWay,
}

impl Pivot {
    /// The four models, from the gate's default on.
    pub const ALL: [Pivot; 4] = [Pivot::Any, Pivot::Service, Pivot::Exploitable, Pivot::EitherWay];
}

/// Which enforcement still stands once an attacker owns a unit; each level gives up more than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Every point holds.
    Intact,
    /// An owned unit's own agent enforces nothing.
    #[default]
    OwnAgentVoid,
    /// Also: no point holds whose policy a controller distributes.
    ControllerVoid,
}

macro_rules! names {
    ($type:ty, $($variant:ident => $name:literal),*) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(<$type>::$variant => $name),* })
            }
        }
        impl $type {
            /// The value of this name, as it is written in a lab file and on the command line.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(<$type>::$variant),)* _ => None }
            }
        }
    };
}
names!(View, Policy => "policy", Service => "service");
names!(Pivot, Any => "any", Service => "service", Exploitable => "exploitable", EitherWay => "either-way");
names!(Trust, Intact => "intact", OwnAgentVoid => "own-agent-void", ControllerVoid => "controller-void");

/// A bound on a number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AtMost {
    /// This many.
    Units(u32),
    /// This share of all units. [parts per million]
    Share(u32),
}

impl AtMost {
    /// The largest number of units that the bound admits in a design of `population` units.
    pub fn units(self, population: usize) -> usize {
        match self {
            AtMost::Units(units) => units as usize,
            AtMost::Share(parts) => {
                usize::try_from(population as u64 * u64::from(parts) / 1_000_000).unwrap_or(population)
            }
        }
    }
}

impl fmt::Display for AtMost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtMost::Units(units) => write!(f, "{units}"),
            AtMost::Share(parts) => write!(f, "{}%", f64::from(*parts) / 10_000.0),
        }
    }
}

/// What a property claims.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Whoever owns a unit of `from` never reaches a unit or address of `to` that is not in `from` too.
    Isolated {
        /// Units that an attacker starts from, or external addresses.
        from: Peer,
        /// What must stay out of reach.
        to: Peer,
        /// Services of the last hop that count.
        services: Vec<Service>,
    },
    /// A need works: every pair, every service, every source port 1024–65535, replies included.
    Allowed {
        /// Who opens the connections.
        from: Peer,
        /// To whom.
        to: Peer,
        /// On which services.
        services: Vec<Service>,
    },
    /// Every path from `from` to `to` passes a unit of `via`: without the units of `via`, `to` is out of reach.
    OnlyThrough {
        /// Units that an attacker starts from, or external addresses.
        from: Peer,
        /// What may be reached through `via` only.
        to: Peer,
        /// The waypoint.
        via: Selector,
        /// Services of the last hop that count.
        services: Vec<Service>,
    },
    /// No unit of `from` has a blast radius above the bound.
    BlastRadius {
        /// The units whose blast radius is taken.
        from: Selector,
        /// The bound.
        at_most: AtMost,
    },
    /// Only units of `only`, on `services`, can be reached from external addresses (`inbound`), or can reach them.
    Exposed {
        /// The external addresses.
        external: AddressSet,
        /// True: from the addresses to units. False: from units to the addresses.
        inbound: bool,
        /// The units that may be exposed.
        only: Selector,
        /// The services on which they may.
        services: Vec<Service>,
    },
}

impl Claim {
    /// The name of the kind, as a lab file writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Claim::Isolated { .. } => "isolated",
            Claim::Allowed { .. } => "allowed",
            Claim::OnlyThrough { .. } => "only-through",
            Claim::BlastRadius { .. } => "blast-radius",
            Claim::Exposed { .. } => "exposed",
        }
    }
}

/// A claim, and the question that it is asked under.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The name, unique in a design.
    pub id: String,
    /// The claim.
    pub claim: Claim,
    /// Which ports count.
    pub view: View,
    /// What carries an attacker on.
    pub pivot: Pivot,
    /// What still enforces.
    pub trust: Trust,
    /// The most connections that an attacker may string together; `None` for any number, 1 for direct reach.
    pub hops_max: Option<u32>,
    /// Where it is written.
    pub provenance: Provenance,
}

/// Units that every attacker may be assumed unable to own: shared services such as directory or backup. Blast radius
/// is reported with and without them.
#[derive(Clone, Debug, PartialEq)]
pub struct Trusted {
    /// The units.
    pub units: Selector,
    /// Who answers for the assumption.
    pub owner: String,
    /// Why it is made.
    pub reason: String,
    /// The day after which it no longer holds, `YYYY-MM-DD`.
    pub expires: Option<String>,
    /// Where it is written.
    pub provenance: Provenance,
}
