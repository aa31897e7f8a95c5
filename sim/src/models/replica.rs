//! What came of one replica: plain data, from which everything else is reduced.

use seglab_policy::{Assume, Connection, Privilege, UnitId};
use serde::{Deserialize, Serialize};

use crate::kernel::Time;
use crate::kernel::statistics::Fate;

use super::Passage;
use super::technique::{self, Technique};

/// The outcome of one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Its number.
    pub number: u32,
    /// The unit that the attacker started from; `None` without an attacker.
    pub foothold: Option<String>,
    /// Units taken and quarantined so far, after each instant at which a number changed; the first at time zero.
    pub course: Vec<Course>,
    /// What became of each critical unit, in the order of their names.
    pub critical: Vec<Settled>,
    /// The first alert: an event at its time, or censored at the horizon.
    pub detection: Settled,
    /// The attacker's attempts.
    pub attempts: Attempts,
    /// Alerts.
    pub alerts: Alerts,
    /// What those who look at alerts had to do; nothing where every alert is answered.
    #[serde(default, skip_serializing_if = "Cases::is_none")]
    pub triage: Cases,
    /// What became of what lies on each critical unit, in the order of `critical`: it has left, or not by the horizon; empty
    /// where the attacker does not care.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exfiltrated: Vec<Settled>,
    /// The strike of ransomware, if it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// The sampled flows of each need, in the order of the design.
    pub needs: Vec<Flows>,
    /// How long the delivered flows of each need took, in the order of the design; empty where nothing takes time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latencies: Vec<Latency>,
    /// What the servers of each station had to do, in the order of the design; empty unless every request is followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stations: Vec<StationUse>,
    /// What releases had to wait for, and their rules; `None` without releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delays: Option<Delays>,
    /// The number of events that attack and requests took.
    pub events: u64,
}

/// One step of the attack's course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// When.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// Units taken up to and including then; quarantine takes none away.
    pub compromised: u32,
    /// Units quarantined up to and including then.
    pub quarantined: u32,
}

/// What became of something, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// What. For a critical unit, the event is that it is taken; the competitor, that the last owned unit is quarantined.
    pub fate: Fate,
}

/// Attempts to open a connection, but for those that cannot have any effect: at units without a way in, while no denial
/// raises an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// All.
    pub made: u64,
    /// Those that an enforcement point stopped.
    pub denied: u64,
    /// Those whose fate depends on what is not modelled; the attacker makes nothing of them.
    pub unknown: u64,
    /// Those that met a weakness which the attacker can use.
    pub aimed: u64,
    /// Those that work in the end, if nothing comes between.
    pub successful: u64,
    /// Those that arrived only because policy was late: a point did not know yet where a unit is, or had a rule that no need is
    /// left for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stale: u64,
}

/// Alerts by what raised them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    /// Attempts that a point denied or, in alert mode, would have denied.
    pub denials: u64,
    /// Units that the sensor noticed.
    pub sensor: u64,
}

/// Cases that alerts make: one for all alerts about a unit that come before it is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cases {
    /// All.
    pub cases: u64,
    /// Those that were closed and about units that nobody owned.
    pub false_alarms: u64,
    /// Those about owned units that were taken for false alarms.
    pub missed: u64,
    /// The time until somebody looked at them, summed over those that had to wait. \[ns\]
    pub waited_ns: u64,
}

/// The strike of ransomware: the units that it had are of no use to anybody any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// When.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// How many units.
    pub units: u32,
}

/// How late policy was for releases, by the horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// The time from their dates until releases went ahead, summed over them. \[ns\]
    pub held_up_ns: u64,
    /// The time that rules were in force which no need was left for, summed over rules. \[ns\]
    pub outlived_ns: u64,
}

/// Sampled flows of one need. Each flow counts once: as delivered, or by what broke it first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// All.
    pub tried: u64,
    /// Those that arrived, and whose destination could answer.
    pub delivered: u64,
    /// Those of which one end was quarantined, or struck by ransomware.
    pub quarantined: u64,
    /// Those that policy denied, or whose reply it stopped.
    pub denied: u64,
    /// Those that were denied only because policy was late: a point did not know yet where a unit is, or did not have the rules
    /// of a release.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stale: u64,
    /// Those that arrived, but whose destination waited in vain for something that it needs.
    pub upstream: u64,
    /// Those that found no place in a queue, at their destination or further on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub queue_full: u64,
    /// Those that found no place in the table of an appliance on their way.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub table_full: u64,
    /// Those that were given up, for an answer took too long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub too_slow: u64,
    /// Those whose fate depends on what is not modelled.
    pub unknown: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How long the delivered flows of one need took, retries included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// All of them together. \[ns\]
    pub sum_ns: u64,
    /// What half of them do not exceed. \[ns\]
    pub p50_ns: u64,
    /// What 99 % of them do not exceed. \[ns\]
    pub p99_ns: u64,
}

/// What the servers of one station had to do until the horizon, all of its units together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationUse {
    /// Requests that arrived, those that were there at the start included.
    pub requests: u64,
    /// Those that found no place in the queue.
    pub refused: u64,
    /// The time that servers were occupied, summed over servers. \[ns\]
    pub busy_ns: u64,
    /// The time that requests waited for a server, summed over requests. \[ns\]
    pub waiting_ns: u64,
}

impl Latency {
    /// That of these times.
    pub(super) fn of(times_ns: Vec<u64>) -> Self {
        let times: crate::kernel::statistics::Samples = times_ns.into_iter().collect();
        let quantile = |share| times.quantile(share).unwrap_or_default();
        let sum_ns = times.values().iter().fold(0u64, |sum, ns| sum.saturating_add(*ns));
        Self { sum_ns, p50_ns: quantile(0.5), p99_ns: quantile(0.99) }
    }
}

impl Replica {
    /// Units taken by the horizon.
    pub fn compromised(&self) -> u64 {
        self.course.last().map_or(0, |step| u64::from(step.compromised))
    }

    /// Units taken by the time `at`.
    pub fn compromised_by(&self, at: Time) -> u64 {
        let after = self.course.partition_point(|step| step.at <= at);
        after.checked_sub(1).and_then(|last| self.course.get(last)).map_or(0, |step| u64::from(step.compromised))
    }

    /// The first critical unit that was taken; where none was, what all of them have in common. `None` if the design
    /// has no critical unit.
    pub fn first_critical(&self) -> Option<Settled> {
        self.critical.iter().copied().min_by_key(|settled| (settled.fate, settled.at))
    }
}

impl Attempts {
    /// Adds the attempts of another replica.
    pub(super) fn add(&mut self, other: &Self) {
        self.made += other.made;
        self.denied += other.denied;
        self.unknown += other.unknown;
        self.aimed += other.aimed;
        self.successful += other.successful;
        self.stale += other.stale;
    }
}

impl Alerts {
    /// All alerts.
    pub fn total(&self) -> u64 {
        self.denials + self.sensor
    }
}

impl Cases {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Flows {
    /// Adds the flows of another replica.
    pub(super) fn add(&mut self, other: &Self) {
        self.tried += other.tried;
        self.delivered += other.delivered;
        self.quarantined += other.quarantined;
        self.denied += other.denied;
        self.stale += other.stale;
        self.upstream += other.upstream;
        self.queue_full += other.queue_full;
        self.table_full += other.table_full;
        self.too_slow += other.too_slow;
        self.unknown += other.unknown;
    }

    /// Flows that did not work, for whatever known reason.
    pub fn broken(&self) -> u64 {
        let late = self.queue_full + self.table_full + self.too_slow;
        self.quarantined + self.denied + self.stale + self.upstream + late
    }
}

impl Default for Settled {
    fn default() -> Self {
        Self { at: Time::START, fate: Fate::Censored }
    }
}

/// One thing that happened in a replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceEntry {
    /// When.
    pub at: Time,
    /// What.
    pub action: TraceAction,
}

/// What can happen in a replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TraceAction {
    /// The attacker tries to open a connection.
    Attempt {
        /// The unit that does it; the destination of the connection where the attacker lies in wait for clients.
        by: UnitId,
        /// The connection.
        connection: Connection,
        /// The state of enforcement at this instant.
        assume: Assume,
        /// What becomes of it.
        passage: Passage,
        /// True if it works in the end, if nothing comes between.
        works: bool,
        /// What it is by MITRE ATT&CK: the way in that works, or else the first that is tried; a scan where there is none.
        technique: Technique,
    },
    /// The attacker takes a unit.
    Taken {
        /// The unit.
        unit: UnitId,
        /// From where; `None` for the foothold.
        by: Option<UnitId>,
        /// An account on it, or all of it.
        gives: Privilege,
    },
    /// The attacker finds the credentials that lie on a unit.
    FoundCredentials {
        /// The unit.
        unit: UnitId,
    },
    /// Of a unit on which the attacker had an account, it has all.
    Escalated {
        /// The unit.
        unit: UnitId,
    },
    /// The agent of an owned unit enforces nothing any more.
    Tampered {
        /// The unit.
        unit: UnitId,
    },
    /// The attacker gets in, by other means than people.
    Entered {
        /// The first unit.
        unit: UnitId,
        /// The connection from the internet, if there is one.
        connection: Option<Connection>,
        /// What it is by MITRE ATT&CK.
        technique: Technique,
    },
    /// The points whose policy a controller distributes enforce nothing any more.
    TookController {
        /// The unit that is the controller.
        unit: UnitId,
    },
    /// What lay on a critical unit has left it for the internet.
    Exfiltrated {
        /// The unit.
        unit: UnitId,
    },
    /// Ransomware makes a unit useless.
    Encrypted {
        /// The unit.
        unit: UnitId,
    },
    /// A unit raises an alert.
    Alert {
        /// The unit.
        unit: UnitId,
    },
    /// A unit is quarantined.
    Quarantined {
        /// The unit.
        unit: UnitId,
    },
}

impl TraceAction {
    /// What the attacker does by MITRE ATT&CK; `None` for what follows from it, or is done by others.
    pub fn technique(&self) -> Option<Technique> {
        match self {
            Self::Attempt { technique, .. } => Some(*technique),
            Self::FoundCredentials { .. } => Some(technique::FIND_CREDENTIALS),
            Self::Escalated { .. } => Some(technique::ESCALATE),
            Self::Tampered { .. } => Some(technique::TAMPER),
            Self::Encrypted { .. } => Some(technique::ENCRYPT),
            Self::Entered { technique, .. } => Some(*technique),
            Self::TookController { .. } => Some(technique::TAKE_CONTROLLER),
            Self::Exfiltrated { .. } => Some(technique::EXFILTRATE),
            Self::Taken { .. } | Self::Alert { .. } | Self::Quarantined { .. } => None,
        }
    }
}
