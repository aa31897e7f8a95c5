//! What a simulated attacker does, and what a monitor does about it. Both are data; the simulator gives them life.

use crate::selector::Selector;
use crate::source::Provenance;

/// An attacker with a foothold.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacker {
    /// The name, unique in a design.
    pub name: String,
    /// The units of which one, drawn anew in every replica, is owned at time zero.
    pub foothold: Selector,
    /// How often an owned unit tries another endpoint. [attempts per second]
    pub scan_rate_per_second: f64,
    /// The chance that one attempt to exploit a fitting vulnerability works. [0 to 1]
    pub exploit_probability: f64,
    /// The mean time that an exploit takes, exponentially distributed. \[ns\]
    pub exploit_mean_ns: u64,
    /// The chance that one attempt to log in with a fitting credential works. [0 to 1]
    pub login_probability: f64,
    /// The mean time that a login takes, exponentially distributed. \[ns\]
    pub login_mean_ns: u64,
    /// Where it is written.
    pub provenance: Provenance,
}

/// What watches the network, and what it does when it sees something.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    /// The chance that an attempt which an enforcement point denies (or, in alert mode, would deny) raises an
    /// alert. [0 to 1]
    pub denied_alert_probability: f64,
    /// The chance that a sensor, which does not depend on policy, notices a unit that has been taken. [0 to 1]
    pub sensor_probability: f64,
    /// The mean time from the taking to the sensor's alert, exponentially distributed. \[ns\]
    pub sensor_mean_ns: u64,
    /// The mean time from an alert to the quarantine of the unit that caused it, exponentially distributed. \[ns\]
    pub response_mean_ns: u64,
    /// Where it is written.
    pub provenance: Provenance,
}
