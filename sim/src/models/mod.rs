//! The models: units, enforcement, an attacker, a monitor, the business' traffic; and campaigns of many replicas.
//!
//! A [`Campaign`] plays an attack on one or several designs over and over, each replica being one possible course of
//! events, and says how bad, how likely and how soon it gets, and which flows that the business needs do not work. The
//! designs see the same chance: the same foothold, the same exploits that work, the same time of the same visit. What
//! differs between them in one replica is therefore due to the designs.
//!
//! - `network` compiles who can address whom; it knows nothing of policy.
//! - `enforcement` decides connections by the rule engine, in the state of the instant.
//! - `operation` is where enforcement points are in place, and when they fail; `outages` is what fails and is repaired in turn.
//! - `changes` is the timeline of what changes about a design, and the engines between two changes: `moves` of units to other
//!   addresses, `releases` of applications; `distribution` is when enforcement points learn of either.
//! - `scan` is how an owned unit finds targets, without asking the policy.
//! - `attack` is attacker and monitor, event by event; its head says what is modelled and what is not.
//! - `traffic` is what the business needs, sampled, and what enforcing takes by its rates.
//! - `queueing` is the theory of queues and tables that this takes.
//! - `checks` holds outcomes against those that were observed elsewhere.
//! - [`sensitivity`] changes one number at a time, to see what a comparison hangs on.
//! - [`plan`] is the best that an attacker can do, found by search in place of chance.
//!
//! Attack and traffic are apart: a design without an attacker still tells which needs it breaks
//! ([`AttackerChoice::Nobody`]), and `flows_per_need: 0` leaves traffic out.
//!
//! # Example
//! ```
//! use seglab_policy::{
//!     Address, Attacker, Design, Draft, Interface, Listener, Selector, Strategy, Transport, Unit, Vulnerability,
//! };
//! use seglab_sim::kernel::Duration;
//! use seglab_sim::models::{Campaign, Settings};
//!
//! let unit = |name: &str, address: &str| Unit {
//!     name: name.to_owned(),
//!     interfaces: vec![Interface::new(Address::Known(address.parse().expect("an address")))],
//!     listeners: vec![Listener::port(Transport::Tcp, 443)],
//!     vulnerabilities: vec![Vulnerability { name: "CVE-0".to_owned(), protocol: Transport::Tcp, port: 443 }],
//!     criticality: 1,
//!     ..Unit::default()
//! };
//! let attacker = Attacker {
//!     name: "phish".to_owned(),
//!     foothold: Selector::Named("laptop".to_owned()),
//!     scan_rate_per_second: 1.0,
//!     exploit_probability: 0.5,
//!     exploit_mean_ns: 60_000_000_000,
//!     login_probability: 1.0,
//!     login_mean_ns: 0,
//!     credentials: Vec::new(),
//!     strategy: Strategy::Worm,
//!     conduct: Default::default(),
//!     provenance: Default::default(),
//! };
//! let units = vec![unit("laptop", "10.0.0.1"), unit("server", "10.0.0.2")];
//! let draft = Draft { name: "flat".to_owned(), units, attackers: vec![attacker], ..Draft::default() };
//! let design = Design::new(draft).expect("it holds together");
//!
//! let settings = Settings { replicas: 200, horizon: Duration::from_hours(2), ..Settings::default() };
//! let result = Campaign::run(&[&design], &settings)?;
//! // One visit in 4096 s of which half work: 1 - exp(-0.5 * 7200 / 4096) = 0.58, a little less for the minute it takes.
//! let server = &result.designs[0].critical[1];
//! let taken = server.incidence.curve().at(settings.horizon.after_start());
//! assert!((0.45..0.70).contains(&taken), "{taken}");
//! # Ok::<(), seglab_sim::models::CampaignError>(())
//! ```

mod attack;
mod campaign;
mod changes;
mod checks;
mod chunk;
mod distribution;
mod enforcement;
mod error;
mod moves;
mod network;
mod operation;
mod outages;
pub mod plan;
mod poisson;
mod purpose;
mod queueing;
mod releases;
mod replica;
mod result;
mod scan;
pub mod sensitivity;
mod settings;
mod technique;
mod traffic;

pub use attack::{PathError, Step, follow};
pub use campaign::{Campaign, Rare, RareGoal, RareRatio, RareResult};
pub use checks::CheckResult;
pub use chunk::{Chunk, NoSuchChunk, Part, ReduceError};
pub use enforcement::Passage;
pub use error::CampaignError;
pub use moves::Move;
pub use releases::Rollout;
pub use replica::{
    Alerts, Attempts, Cases, Course, Delays, Flows, Impact, Latency, Replica, Settled, StationUse, TraceAction,
    TraceEntry,
};
pub use result::{
    CampaignResult, CampaignScope, CriticalResult, CurvePoint, DelaysResult, DesignResult, Difference, LatencyResult,
    NeedResult, PrecisionReached, ServiceObserved, ServiceResult,
};
pub use settings::{AttackerChoice, Detection, Probes, Search, Settings, TrafficMode};
pub use technique::Technique;
pub use traffic::load::{AgentsLoad, ApplianceLoad, EnforcementLoad, GivenLoad, UnitLoad};
