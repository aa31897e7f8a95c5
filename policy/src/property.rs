//! Properties: claims about a design, each with the question that it is asked under.

use crate::claim::Claim;
use crate::date::Date;
use crate::selector::Selector;
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

/// A claim, and the question that it is asked under. What of the question means nothing to the claim (see
/// [`Claim::asks`]) stays as [`Property::new`] has it.
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

impl Property {
    /// A claim under the question that is asked where nobody says otherwise.
    pub fn new(id: impl Into<String>, claim: Claim) -> Self {
        Self {
            id: id.into(),
            view: View::default(),
            pivot: Pivot::default(),
            trust: claim.default_trust(),
            hops_max: None,
            provenance: Provenance::default(),
            claim,
        }
    }
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

impl Trusted {
    /// True once its last day is over. A last day that is no date is over.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.as_ref().is_some_and(|last| last.parse().map_or(true, |last: Date| last < today))
    }
}
