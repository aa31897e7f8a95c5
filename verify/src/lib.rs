//! Verification: what a design certainly allows, certainly denies, and leaves open; directly and step by step.
//!
//! # How it works
//! Units that nothing tells apart are one [class](Classes), and interfaces, external addresses and named sources that
//! the policy treats alike are one endpoint class. Each rulebook is evaluated once per direction for every two
//! endpoint classes, over exact [sets of headers](HeaderSet) instead of single ones: the headers that it may let
//! through and those that it may stop. Points in series then leave the headers that certainly arrive and those that
//! possibly do. From there on everything is questions about a graph of classes: paths, closures, their sizes.
//!
//! No table has a cell for every two classes, for in a large design nearly every unit is a class of its own: its host,
//! its credentials and its vulnerabilities are. Most rules speak of few endpoint classes on both sides. The others
//! sort endpoint classes into few kinds; what arrives between two kinds is worked out once, and the rules about few
//! make exceptions. Next steps and closures are sets that share their equal parts, so that a class costs what makes it
//! differ. A design in which rules about many leave no two endpoint classes alike still costs a cell for every two.
//!
//! A [`Verifier`] holds the classes of one design and remembers what it worked out; [`verify`] settles all of a
//! design's properties and needs with one.
//!
//! # What to rely on
//! - Direct reachability is exact: every header, source ports, both families, replies at stateless points. Doubt is
//!   carried along as the reference evaluator carries it; property tests compare the two on random designs.
//! - Lateral reachability is exact for every [pivot model](seglab_policy::Pivot); a naive fixpoint that knows only the
//!   reference evaluator says the same.
//! - A violation comes with a [`Counterexample`] of concrete units, addresses and ports whose every connection the
//!   reference evaluator has been asked about. If it contradicts, the result is a [`VerifyError`], never a verdict.
//!
//! # Limits
//! Whoever is reached on a network is all this crate knows: it does not model escape from a container to its node,
//! identity planes or management planes.
//!
//! # Example
//! ```
//! use seglab_policy::arbitrary::design_of;
//! use seglab_verify::{Settings, Settled, verify};
//! let design = design_of(1);
//! let report = verify(&design, &Settings::default())?;
//! for (property, outcome) in design.properties().iter().zip(&report.properties) {
//!     match &outcome.verdict {
//!         Settled::Holds => println!("{} holds", property.id),
//!         Settled::Violated(counterexample) => println!("{} is violated: {counterexample:?}", property.id),
//!         Settled::Unknown(unsure) => println!("{} is unknown: {:?}", property.id, unsure.doubt),
//!     }
//! }
//! # Ok::<(), seglab_verify::VerifyError>(())
//! ```

mod header_set;
mod pair_set;
mod shared_set;

mod address_atoms;
mod classes;
mod endpoint_class;
mod partition;
mod selector_index;
mod side;
mod vocabulary;

mod census;
mod direct;
mod intern;
mod judge;
mod judgement;
mod listing;
mod matrix;
mod reach;
mod rows;

mod blast_radius;
mod certificate;
pub mod choice;
mod closure;
mod contradiction;
pub mod cores;
mod counterexample;
mod deciders;
mod groups;
mod lateral;
mod members;
mod properties;
mod segments;
mod session;
mod spread;
mod surface;

pub mod cross_check;
pub mod difference;
pub mod repair;
pub mod smt;

pub use blast_radius::{BlastRadius, Owned};
pub use census::Census;
pub use certificate::{Proof, Proofs, certify};
pub use classes::{ClassId, Classes};
pub use contradiction::{Asking, Contradiction};
pub use counterexample::{Deciding, Hop, Means, VerifyError, deciding};
pub use groups::Party;
pub use header_set::HeaderSet;
pub use lateral::Attack;
pub use pair_set::{PairSet, Span};
pub use properties::{
    Counterexample, Differs, Excess, Extension, Finding, Findings, Idle, IdleRule, On, Outcome, Population, Report,
    Settings, Settled, Uncertainty, Unsettled, Unsure, verify,
};
pub use reach::{Direct, End, Row, Verifier};
pub use segments::{Cell, Grouping, SegmentMatrix};
pub use session::{Changed, Session, Standing, Touched, VerdictChange};
pub use surface::{Exchange, Surface};
