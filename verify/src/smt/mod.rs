//! Z3 as an independent second opinion on what a design lets through.
//!
//! The class engine decides a design by cutting it into classes of units that nothing tells apart. This module
//! decides the same questions without any of that: it writes the model's rules down as formulas over *symbolic*
//! endpoints (labels, addresses and places are variables) and a symbolic header (protocol, ports, ICMP type and code
//! are bit-vectors) and leaves the rest to Z3. It shares the types of `seglab-policy` with the rest and nothing
//! else: not the reference evaluator, not the matching functions of selectors and services, not the classes. Two
//! verdicts that agree are evidence only because of that.
//!
//! What is not known for sure is carried as two formulas, *surely* and *perhaps*. A connection is then the first of
//!
//! - denied if there can be no such connection;
//! - unknown if something unmodelled touches it, which may open a path for it as well as stop it;
//! - denied if no path carries it, or some standing point surely stops it;
//! - unknown if some standing point perhaps stops it;
//! - allowed otherwise, with a reply that passes, is blocked, is unknown, or does not exist.
//!
//! The endpoints are constrained to be units of the design by one formula of their own, the *population*; what is
//! proved without it holds for every unit that could ever be described in the design's vocabulary.
//!
//! # Determinism and bounds
//!
//! Every batch of questions runs in a Z3 context of its own, so answers do not depend on what was asked before or on
//! which thread. A question may spend [`Limits::resources`] of Z3's own deterministic unit of work; wall time
//! is a backstop only. Either way the answer is [`GaveUp`], which is never a pass.
//!
//! ```
//! use seglab_policy::{Assume, Design, Draft};
//! use seglab_verify::smt::{Encoding, Outcome, Question, SmtAnswer};
//!
//! let design = Design::new(Draft::default()).unwrap();
//! let encoding = Encoding::new(&design, Assume::business());
//! assert_eq!(encoding.find(&Question::any(Outcome::ALLOWED)), SmtAnswer::None);
//! ```

mod cores;
mod ends;
mod ever;
mod facts;
mod formulas;
mod judge;
mod newcomer;
mod packet;
mod path;
mod question;
mod solve;
mod term;

pub use cores::{Core, Cores, Part, Size};
pub use ever::{EverAnswer, EverQuestion, FRESH, Invariant, Label, Newcomer, Trait};
pub use question::{Apart, Doors, Ends, Listed, Question};
pub use solve::{GaveUp, Limits, Version, version};

use seglab_policy::{Assume, Connection, Design, Reply, Service};

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Every standing point on its path lets it through.
    Allowed(Reply),
    /// No path carries it, or a point stops it.
    Denied,
    /// It depends on what is not known.
    Unknown,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 6] = [
        Outcome::Allowed(Reply::None),
        Outcome::Allowed(Reply::Passes),
        Outcome::Allowed(Reply::Blocked),
        Outcome::Allowed(Reply::Unknown),
        Outcome::Denied,
        Outcome::Unknown,
    ];

    /// The connection certainly arrives, whatever becomes of its reply.
    pub const ALLOWED: [Outcome; 4] = [
        Outcome::Allowed(Reply::None),
        Outcome::Allowed(Reply::Passes),
        Outcome::Allowed(Reply::Blocked),
        Outcome::Allowed(Reply::Unknown),
    ];

    /// The connection may arrive.
    pub const NOT_DENIED: [Outcome; 5] = [
        Outcome::Allowed(Reply::None),
        Outcome::Allowed(Reply::Passes),
        Outcome::Allowed(Reply::Blocked),
        Outcome::Allowed(Reply::Unknown),
        Outcome::Unknown,
    ];

    /// The connection certainly does not work: it does not arrive, or its reply does not come back.
    pub const BROKEN: [Outcome; 2] = [Outcome::Denied, Outcome::Allowed(Reply::Blocked)];

    /// Whether the connection works is not known.
    pub const DOUBTFUL: [Outcome; 2] = [Outcome::Unknown, Outcome::Allowed(Reply::Unknown)];
}

/// Z3's verdict on one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtVerdict {
    /// What becomes of it.
    Decided(Outcome),
    /// Z3 did not decide.
    GaveUp(GaveUp),
}

/// Z3's answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtAnswer {
    /// There is no such connection.
    None,
    /// This is one.
    Found(Connection),
    /// Z3 did not decide: never a pass.
    GaveUp(GaveUp),
}

/// The formulas of one design under one set of assumptions.
///
/// Nothing is built before a question is asked, for questions decide which facts of units have to be told apart.
#[derive(Clone, Copy, Debug)]
pub struct Encoding<'a> {
    design: &'a Design,
    assume: Assume,
    limits: Limits,
}

impl<'a> Encoding<'a> {
    /// The encoding of `design`, with the default limits.
    pub fn new(design: &'a Design, assume: Assume) -> Self {
        Self { design, assume, limits: Limits::default() }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// What becomes of one connection.
    pub fn connection(&self, connection: &Connection) -> SmtVerdict {
        self.connections(std::slice::from_ref(connection)).pop().unwrap_or(SmtVerdict::GaveUp(GaveUp::NotAConnection))
    }

    /// What becomes of each connection; the formulas are built once for all of them.
    pub fn connections(&self, connections: &[Connection]) -> Vec<SmtVerdict> {
        solve::connections(self.design, self.assume, self.limits, connections)
    }

    /// A connection that the question describes.
    pub fn find(&self, question: &Question) -> SmtAnswer {
        self.find_all(std::slice::from_ref(question)).pop().unwrap_or(SmtAnswer::GaveUp(GaveUp::NotAConnection))
    }

    /// A connection of which something else becomes in another design, which differs from this one in the directions of
    /// its rules alone.
    pub fn differ(&self, other: &Design) -> SmtAnswer {
        let otherwise = |outcome: Outcome| Apart {
            services: vec![Service::Any],
            here: vec![outcome],
            there: Outcome::ALL.into_iter().filter(|other| *other != outcome).collect(),
        };
        self.apart(other, &Outcome::ALL.map(otherwise))
    }

    /// A connection that fares otherwise in another design, in one of these ways. Both have the same units and named
    /// sources; what a unit does not reach over one pair of interfaces it may over another, which is not looked at.
    pub fn apart(&self, other: &Design, apart: &[Apart]) -> SmtAnswer {
        solve::apart(self.design, other, self.assume, self.limits, apart)
    }

    /// A connection that each question describes; the formulas are built once for all of them.
    pub fn find_all(&self, questions: &[Question]) -> Vec<SmtAnswer> {
        solve::find(self.design, self.assume, self.limits, questions)
    }

    /// A connection that some of the questions describe: far cheaper than asking each, where there is none.
    pub fn find_any(&self, questions: &[Question]) -> SmtAnswer {
        solve::find_any(self.design, self.assume, self.limits, questions)
    }

    /// The formulas for a question in SMT-LIB 2, for other solvers to read.
    pub fn to_smtlib(&self, question: &Question) -> String {
        solve::smtlib(self.design, self.assume, question)
    }
}
