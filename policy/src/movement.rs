//! Units that move while a design is at work: to other addresses, other places, and other hosts.
//!
//! No verdict rests on this: a proof is about the design as it stands. So the normal form leaves it out. Simulations draw it.

use crate::address::AddressSet;
use crate::selector::Selector;
use crate::source::Provenance;
use crate::unit::Place;

/// Units that move, each for itself. Labels go with them; addresses do not.
#[derive(Clone, Debug, PartialEq)]
pub struct Movement {
    /// The units; each has one interface, whose address is known.
    pub units: Selector,
    /// When each of them moves.
    pub times: MoveTimes,
    /// Where to: one of these, drawn evenly among those where its last move did not lead; at least one.
    pub to: Vec<Destination>,
    /// Where it is written.
    pub provenance: Provenance,
}

/// When a unit moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveTimes {
    /// At any time as likely as at any other: the mean time between two moves, above zero. \[ns\]
    Every(u64),
    /// At these times after the start. \[ns\]
    At(Vec<u64>),
}

/// Where a unit may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The addresses of which it takes one that is free, drawn evenly; in the address space that it is in. `None`: it keeps its
    /// own.
    pub addresses: Option<AddressSet>,
    /// The units on one of which it runs from then on, drawn evenly; `None`: it stays on the host that it is on.
    pub hosts: Option<Selector>,
    /// Site, zone and subnet there; what is absent stays as it is.
    pub place: Place,
}
