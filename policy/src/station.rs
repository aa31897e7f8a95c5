//! Stations: how the units that answer on a port do it, and how fast. What queueing theory calls a service station.

use crate::header::Transport;
use crate::selector::Selector;
use crate::source::Provenance;

/// What answers on a port of some units, each unit for itself. A lab file calls it a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    /// The name, unique in a design.
    pub name: String,
    /// The units.
    pub on: Selector,
    /// The protocol of the port.
    pub protocol: Transport,
    /// The port.
    pub port: u16,
    /// How many requests a unit works on at once, at least 1.
    pub servers: u32,
    /// How many further requests may wait at a unit; `None` for any number. What finds no place is refused.
    pub queue: Option<u32>,
    /// How long the work on a request takes, without what it waits for.
    pub takes: Takes,
    /// A server stays occupied while its request waits for others, instead of turning to the next one.
    pub blocking: bool,
    /// Where it is written.
    pub provenance: Provenance,
}

/// How long the work on one request takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Takes {
    /// Always the same.
    Exactly {
        /// The time. \[ns\]
        ns: u64,
    },
    /// Exponentially distributed.
    Exponential {
        /// The mean. \[ns\]
        mean_ns: u64,
    },
    /// Its logarithm is normally distributed.
    Lognormal {
        /// The median. \[ns\]
        median_ns: u64,
        /// The standard deviation of the logarithm, from 0 to 10.
        sigma: f64,
    },
    /// A tail that falls with a power of the time (Pareto): few requests are most of the work.
    Pareto {
        /// The least. \[ns\]
        least_ns: u64,
        /// The power, above 1: the time exceeds x with the probability (least / x)^tail.
        tail: f64,
    },
}
