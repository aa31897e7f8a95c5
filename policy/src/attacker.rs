//! What a simulated attacker does, and what a monitor does about it. Both are data; the simulator gives them life.

use crate::header::Transport;
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
    /// Credentials that it has before it begins: stolen ones, or those of an insider.
    pub credentials: Vec<String>,
    /// Whom it tries, in which order, from where.
    pub strategy: Strategy,
    /// How it gets in, and what it does beside taking units.
    pub conduct: Conduct,
    /// Where it is written.
    pub provenance: Provenance,
}

/// How an attacker gets in, and what it does beside taking units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    /// How it gets in.
    pub way_in: WayIn,
    /// Whoever has all of a unit of a controller's name makes void the points whose policy that controller distributes.
    pub takes_controllers: bool,
    /// What it does with what lies on critical units; nothing where it is absent.
    pub exfiltration: Option<Exfiltration>,
}

/// How an attacker gets in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WayIn {
    /// On one unit of its foothold: by a mail, by a password, or because it belongs there.
    #[default]
    Unit,
    /// On one unit of its foothold that the internet reaches at a service which lets attackers in.
    ExposedService,
    /// On all units of its foothold that run the image of the one that is drawn: with an update. A unit without an image
    /// is alone.
    SupplyChain,
}

/// Data that leaves a critical unit for the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exfiltration {
    /// By which protocol.
    pub protocol: Transport,
    /// To which port.
    pub port: u16,
    /// The mean time that it takes, exponentially distributed. \[ns\]
    pub mean_ns: u64,
}

/// Which targets an attacker tries, in which order, from which of its units. The rest (what it may address, what lets it
/// in, what an attempt takes) is the same for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Every owned unit tries every address, all of them at once.
    #[default]
    Worm,
    /// Only the unit that was taken last does; if it is lost, the one before.
    RandomWalk,
    /// As a worm, but all owned units together make as many attempts as one of them would.
    LowAndSlow,
    /// From every unit that it takes it first tries the critical units, every service of each; then it goes on as a worm
    /// does, until all critical units are taken.
    Targeted,
    /// Logs in and exploits nothing: it tries only units that take a credential which it has.
    Insider,
    /// A worm until it has enough; then it makes the units that it has useless, all at once, and is done.
    Ransomware {
        /// When it has so many units that are not quarantined.
        units: Option<u32>,
        /// When so much time has passed. \[ns\]
        after_ns: Option<u64>,
    },
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
    /// Who looks at alerts, and what else is done about attackers.
    pub defence: Defence,
    /// Where it is written.
    pub provenance: Provenance,
}

/// What is done about attackers besides watching.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Defence {
    /// The people who look at alerts first; `None` if every alert is answered without anybody looking at it.
    pub triage: Option<Triage>,
    /// Whether quarantine lets established connections go on.
    pub spares_established: bool,
    /// Whether and when vulnerabilities are patched.
    pub patching: Option<Patching>,
    /// The mean time between two changes of a credential, exponentially distributed. \[ns\]
    pub rotation_mean_ns: Option<u64>,
}

/// People who look at alerts, one case after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triage {
    /// How many there are; at least 1.
    pub analysts: u32,
    /// The mean time that a case takes one of them, exponentially distributed. \[ns\]
    pub mean_ns: u64,
    /// The chance that a case about an owned unit is taken for a false alarm. [0 to 1]
    pub missed_probability: f64,
    /// How often the sensor raises an alarm about a unit for nothing. [alarms per second and unit]
    pub false_alarms_per_second: f64,
}

/// How vulnerabilities disappear: each from all units of an image at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patching {
    /// The chance that a vulnerability of an image is ever patched. [0 to 1]
    pub probability: f64,
    /// The mean time until it is, from the start, exponentially distributed. \[ns\]
    pub mean_ns: u64,
}
