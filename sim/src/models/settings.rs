//! What a campaign is asked, beyond the designs.

use std::num::{NonZeroU32, NonZeroUsize};

use seglab_policy::{Calibration, Pivot, Trust};
use serde::{Deserialize, Serialize};

use crate::kernel::Duration;
use crate::kernel::statistics::Precision;

/// The settings of a campaign. Everything but `threads` decides about the result.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many possible courses of events are simulated; at least 1. With a precision, the most.
    pub replicas: u32,
    /// Stops as soon as, in every design with an attacker and critical units, the chance that any of these is taken by the
    /// horizon is known so well; `None` for all replicas.
    pub precision: Option<Precision>,
    /// Which experiment: the same seed gives the same bytes.
    pub seed: u64,
    /// How long each replica is watched; above zero.
    pub horizon: Duration,
    /// How many threads simulate. The result does not depend on it.
    pub threads: NonZeroUsize,
    /// Who attacks.
    pub attacker: AttackerChoice,
    /// What it takes to own the next unit.
    pub pivot: Pivot,
    /// What still enforces at units that the attacker owns.
    pub trust: Trust,
    /// What may raise alerts.
    pub detection: Detection,
    /// What an owned unit tries at one address.
    pub search: Search,
    /// How attempts are played of which nothing can come but an alert.
    pub probes: Probes,
    /// The number of addresses that an owned unit's scan is spread over; `None` for
    /// [`Settings::SCANNED_ADDRESSES_MIN`], doubled until it holds the interfaces of the largest design.
    pub scanned_addresses: Option<NonZeroU32>,
    /// The expected number of flows that are sampled of each need in a replica; 0 for no traffic, at most 500.
    pub flows_per_need: u32,
    /// How traffic is played.
    pub traffic: TrafficMode,
    /// The world outside of designs, to say what enforcing takes and to hold outcomes against; neither is said without one.
    pub calibration: Option<Calibration>,
    /// The most events that one replica may take.
    pub events_max: u64,
    /// Simultaneous events happen in an order that is drawn, instead of that of their scheduling. A result that is not
    /// the same hangs on an accident.
    pub shuffle_ties: bool,
}

/// Which of the attackers that a design declares is simulated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackerChoice {
    /// None: only traffic.
    Nobody,
    /// The first one of each design.
    #[default]
    First,
    /// The one of this name.
    Named(String),
}

/// What may raise alerts. A design without a monitor has no detection, whatever is chosen.
///
/// Running a campaign in all three shows how much of a design's success is due to its denials giving the attacker away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detection {
    /// Nothing.
    Off,
    /// The sensor, which does not depend on policy.
    SensorOnly,
    /// The sensor, and attempts that enforcement points deny or report.
    #[default]
    Full,
}

/// What an owned unit tries when its scan comes to an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// One service of those that the attacker knows, from one of the unit's own interfaces.
    #[default]
    OneService,
    /// Every service that the attacker knows, from every own interface: what an exhaustive attacker does.
    EveryService,
}

/// How attempts are played that no state of the attack can make anything of: at targets to which no connection that is allowed
/// meets a weakness. Both have the same distribution in every respect, and a trace has all attempts in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probes {
    /// Those that raise an alert one by one, the others counted at the end: wherever enforcement stands as it does all the time.
    #[default]
    Thinned,
    /// One by one, like all others.
    Played,
}

/// How the business' traffic is played. Both say the same, where they say how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficMode {
    /// Some flows of each need, each at the time of its use; the load of servers follows from rates.
    #[default]
    Sampled,
    /// Every request, event by event.
    EveryRequest,
}

impl Settings {
    /// The smallest number of addresses that a scan is spread over where the settings give none.
    pub const SCANNED_ADDRESSES_MIN: u32 = 4096;
}

impl Default for Settings {
    /// 1,000 replicas of seven days on one thread, the first attacker, `exploitable`, `own-agent-void`, full detection.
    fn default() -> Self {
        Self {
            replicas: 1_000,
            precision: None,
            seed: 1,
            horizon: Duration::from_days(7),
            threads: NonZeroUsize::MIN,
            attacker: AttackerChoice::First,
            pivot: Pivot::Exploitable,
            trust: Trust::OwnAgentVoid,
            detection: Detection::Full,
            search: Search::OneService,
            probes: Probes::default(),
            scanned_addresses: None,
            flows_per_need: 20,
            traffic: TrafficMode::default(),
            calibration: None,
            events_max: 100_000_000,
            shuffle_ties: false,
        }
    }
}
