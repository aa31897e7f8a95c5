//! Rules: who may open which connection to whom.

use crate::address::AddressSet;
use crate::selector::Selector;
use crate::service::Service;
use crate::source::Provenance;
use std::fmt;

/// How an enforcement point meets a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// At the source, where it leaves.
    Egress,
    /// In between, on a link.
    Forward,
    /// At the destination, where it arrives.
    Ingress,
}

impl Direction {
    /// The three directions, in the order in which a connection meets them.
    pub const ALL: [Direction; 3] = [Direction::Egress, Direction::Forward, Direction::Ingress];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Egress => "egress",
            Direction::Forward => "forward",
            Direction::Ingress => "ingress",
        })
    }
}

/// A set of directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Directions {
    /// Contains [`Direction::Egress`].
    pub egress: bool,
    /// Contains [`Direction::Forward`].
    pub forward: bool,
    /// Contains [`Direction::Ingress`].
    pub ingress: bool,
}

impl Directions {
    /// All three.
    pub const ALL: Directions = Directions { egress: true, forward: true, ingress: true };

    /// Egress and ingress: what a point at a unit judges.
    pub const UNIT: Directions = Directions { egress: true, forward: false, ingress: true };

    /// The set of one direction.
    pub const fn only(direction: Direction) -> Self {
        Directions {
            egress: matches!(direction, Direction::Egress),
            forward: matches!(direction, Direction::Forward),
            ingress: matches!(direction, Direction::Ingress),
        }
    }

    /// True if `direction` is in the set.
    pub fn contains(self, direction: Direction) -> bool {
        match direction {
            Direction::Egress => self.egress,
            Direction::Forward => self.forward,
            Direction::Ingress => self.ingress,
        }
    }

    /// The directions in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Directions {
            egress: self.egress && other.egress,
            forward: self.forward && other.forward,
            ingress: self.ingress && other.ingress,
        }
    }

    /// The directions of the set, in the order in which a connection meets them.
    pub fn iter(self) -> impl Iterator<Item = Direction> {
        Direction::ALL.into_iter().filter(move |&direction| self.contains(direction))
    }
}

/// What an address peer speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Covers {
    /// Every endpoint with an address in the range, units included.
    All,
    /// External endpoints only: a unit is never matched, whatever its address.
    External,
}

/// One side of a rule, a need or a property.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// Every endpoint: unit, external address, named external source.
    Anyone,
    /// Units that the selector selects.
    Units(Selector),
    /// Endpoints by address.
    Addresses {
        /// The ranges, their exceptions taken out.
        set: AddressSet,
        /// Whether units count.
        covers: Covers,
    },
    /// A peer of a kind that is not modelled: whether it matches is unknown. Holds what it is.
    Unmodelled(String),
}

impl Peer {
    /// Every external address: what a lab file calls `external`.
    pub fn external() -> Self {
        Peer::Addresses { set: AddressSet::full(), covers: Covers::External }
    }

    /// Every globally routable external address: what a lab file calls `internet`.
    pub fn internet() -> Self {
        Peer::Addresses { set: AddressSet::internet(), covers: Covers::External }
    }
}

/// Writes the form that the lab file reads: `any`, `app=web`, `10.0.0.0-10.0.0.255,10.1.2.3`, `internet`,
/// `external 10.0.0.0-10.255.255.255`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Anyone => f.write_str("any"),
            Peer::Units(selector) => write!(f, "{selector}"),
            Peer::Addresses { set, covers: Covers::All } if set.is_empty() => f.write_str("no address"),
            Peer::Addresses { set, covers: Covers::External } if set.is_empty() => f.write_str("external no address"),
            Peer::Addresses { set, covers: Covers::All } => write!(f, "{set}"),
            peer if *peer == Peer::external() => f.write_str("external"),
            peer if *peer == Peer::internet() => f.write_str("internet"),
            Peer::Addresses { set, covers: Covers::External } => write!(f, "external {set}"),
            Peer::Unmodelled(what) => write!(f, "unmodelled {what:?}"),
        }
    }
}

/// What a rule says of the connections that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The point lets them through.
    Allow,
    /// The point stops them.
    Deny,
    /// The rule's tier leaves them to the next.
    Pass,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Allow => "allow",
            Action::Deny => "deny",
            Action::Pass => "pass",
        })
    }
}

/// A rule matches a connection that is judged in one of its directions, comes from `from`, goes to `to`, and is of
/// one of its services.
///
/// The *subject* of an ingress rule is `to` and that of an egress rule is `from`; the other side is its peer. A rule
/// for several directions says the same thing wherever it is asked, as `allow: {from, to}` of a lab file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where the rule is consulted.
    pub directions: Directions,
    /// The source side.
    pub from: Peer,
    /// The destination side.
    pub to: Peer,
    /// The services; a connection of any one of them is matched.
    pub services: Vec<Service>,
    /// What happens to a match.
    pub action: Action,
    /// In a first-match tier the smaller goes first; elsewhere without meaning.
    pub priority: i64,
    /// Where it is written.
    pub provenance: Provenance,
}
