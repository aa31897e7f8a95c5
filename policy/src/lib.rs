//! The model of a segmentation design: what a policy means, and nothing else.
//!
//! A [`Design`] holds units with labels and interfaces, the enforcement points between them, the rulebooks that the
//! points carry, and what people ask of it all: needs, properties, attackers. Readers of other people's formats fill
//! a [`Draft`] and [`Design::new`] checks that its parts fit together.
//!
//! [`Design::evaluate`] is the *reference evaluator*: it says whether one connection is allowed and which rule
//! decided at every point, by the plainest code that can say so. The rule engine, the verifier and Z3 are each held
//! to it by property tests.
//!
//! The crate does no I/O and knows no vendor's schema.

mod address;
#[cfg(feature = "arbitrary")]
pub mod arbitrary;
mod attacker;
mod calibration;
mod claim;
mod connection;
mod controller;
mod count;
mod date;
mod design;
mod diagnostic;
mod edit;
mod evaluate;
mod flow;
mod header;
mod interval;
mod load;
mod movement;
mod near_miss;
pub mod normal_form;
mod operation;
mod point;
mod property;
mod release;
mod rule;
mod selector;
mod service;
mod source;
mod station;
mod tier;
mod tradecraft;
mod unit;
mod verdict;
mod waiver;

pub use address::{AddressSet, Family};
pub use attacker::{Attacker, Conduct, Defence, Exfiltration, Monitor, Patching, Strategy, Triage, WayIn};
pub use calibration::{Calibration, Check, Input, Measure, Part, Quantity};
pub use claim::{Asks, AtMost, Claim, Reference, Statistic};
pub use connection::{Connection, Endpoint, Entry, ExternalSource, ExternalSourceId};
pub use controller::Controller;
pub use count::{count, number};
pub use date::{Date, NoDate};
pub use design::{Assumption, Choice, Design, DesignError, Draft, Ignored, RuleId, TierId, Unmodelled};
pub use diagnostic::{Among, Diagnostic, Related, Severity};
pub use edit::{Edit, EditError, Restriction};
pub use flow::{Arrivals, Flow, Need, Patience};
pub use header::{Header, ICMP_V4, ICMP_V6, Transport, icmp_reply};
pub use interval::{Bounded, IntervalSet};
pub use load::Load;
pub use movement::{Destination, MoveTimes, Movement};
pub use near_miss::NearMiss;
pub use operation::{FailureMode, Failures, Operation, Standing};
pub use point::{EnforcementPoint, Level, Mode, Placement, PointId, PointKind, Refusal};
pub use property::{Pivot, Property, Trust, Trusted, View};
pub use release::{Addition, Approval, Release};
pub use rule::{Action, Covers, Direction, Directions, Peer, Rule};
pub use selector::{Labels, NAMESPACE_KEY, NAMESPACE_PREFIX, RESERVED_WORDS, Segment, Selector, looks_like_address};
pub use service::Service;
pub use source::{Hex, Provenance, Source, SourceId, Span};
pub use station::{Station, Takes};
pub use tier::{Order, Rulebook, RulebookId, Scope, Tier};
pub use tradecraft::{Effort, Escalation, Exploit, Finds, NeedsRoot, Privilege, Tradecraft};
pub use unit::{Address, DEFAULT_SPACE, Interface, Listener, Login, Place, Unit, UnitId, Vulnerability};
pub use verdict::{
    Assume, Decision, Denial, Doubt, Evaluation, Judgement, NoPath, Outcomes, Reply, Side, Verdict, Why,
};
pub use waiver::{Waived, Waiver};
