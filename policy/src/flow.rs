//! Flows, and needs: the flows that the business cannot do without, how often they come, and how long they wait.

use crate::rule::Peer;
use crate::service::Service;
use crate::source::Provenance;

/// Connections from somebody to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Who opens them.
    pub from: Peer,
    /// To whom.
    pub to: Peer,
    /// On which services.
    pub services: Vec<Service>,
}

/// A flow that must work: from every unit of `from` to every unit of `to`, on every one of its services, from every
/// source port 1024–65535, replies included. Where a peer is of addresses, any address of it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// Who opens the connections.
    pub from: Peer,
    /// To whom.
    pub to: Peer,
    /// On which services.
    pub services: Vec<Service>,
    /// How often one source opens one of its own accord.
    pub arrivals: Arrivals,
    /// The source opens one for every request that it gets, and waits for the answer before it answers.
    pub synchronous: bool,
    /// The [station](crate::Station) whose requests make the source open one; `None` for any request that it gets.
    pub answering: Option<String>,
    /// How long the source waits, and how often it tries.
    pub patience: Patience,
    /// Where it is written.
    pub provenance: Provenance,
}

impl Need {
    /// Its name, as reports print it: `app=web -> app=db tcp/5432`.
    pub fn name(&self) -> String {
        let services: Vec<String> = self.services.iter().map(ToString::to_string).collect();
        format!("{} -> {} {}", self.from, self.to, services.join(" or "))
    }

    /// A need of connections that each source opens once a second and waits for as long as it takes, of its own accord.
    pub fn new(from: Peer, to: Peer, services: Vec<Service>) -> Self {
        Self {
            from,
            to,
            services,
            arrivals: Arrivals::Even { rate_per_second: 1.0 },
            synchronous: false,
            answering: None,
            patience: Patience::default(),
            provenance: Provenance::default(),
        }
    }
}

/// When one source opens connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// At any time as likely as at any other (Poisson).
    Even {
        /// The mean rate; zero for a source that opens none of its own accord. [connections per second]
        rate_per_second: f64,
    },
    /// At fixed times, all sources at once: a backup of the night, a job of the month.
    Periodic {
        /// From one to the next, above zero. \[ns\]
        every_ns: u64,
        /// When the first one is, after the start. \[ns\]
        first_ns: u64,
    },
    /// Evenly during bursts, and not at all between them; the lengths of both are exponentially distributed.
    Bursts {
        /// The rate during a burst. [connections per second]
        rate_per_second: f64,
        /// The mean length of a burst, above zero. \[ns\]
        length_ns: u64,
        /// The mean pause between two, above zero. \[ns\]
        pause_ns: u64,
    },
    /// At a rate that swings around its mean with a period of 24 hours, as a cosine.
    Daily {
        /// The mean rate. [connections per second]
        rate_per_second: f64,
        /// By which share of the mean the peak is above it, and the low below. [0 to 1]
        swing: f64,
        /// When the rate is highest, after the start of each day. \[ns\]
        peak_ns: u64,
    },
}

/// How long a source waits for an answer, and what it does when it has waited long enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// How long one attempt may take; `None` for one that is never given up. \[ns\]
    pub timeout_ns: Option<u64>,
    /// How many further attempts follow one that failed, at once.
    pub retries: u32,
}

impl Arrivals {
    /// None of its own accord.
    pub const NEVER: Self = Self::Even { rate_per_second: 0.0 };

    /// Connections that one source opens, on average over a long time. [connections per second]
    ///
    /// ```
    /// use seglab_policy::Arrivals;
    /// let bursts = Arrivals::Bursts { rate_per_second: 60.0, length_ns: 1_000_000_000, pause_ns: 5_000_000_000 };
    /// assert_eq!(bursts.mean_rate_per_second(), 10.0);
    /// ```
    pub fn mean_rate_per_second(&self) -> f64 {
        match *self {
            Self::Even { rate_per_second } | Self::Daily { rate_per_second, .. } => rate_per_second,
            Self::Periodic { every_ns, .. } => 1e9 / every_ns as f64,
            Self::Bursts { rate_per_second, length_ns, pause_ns } => {
                rate_per_second * length_ns as f64 / (length_ns as f64 + pause_ns as f64)
            }
        }
    }
}
