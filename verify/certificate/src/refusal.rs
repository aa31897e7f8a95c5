//! Why a certificate is refused.

use std::fmt;

/// What a checker has to see before it accepts: each on its own is necessary, and a test takes each away in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obligation {
    /// The certificate speaks of this very design: the digest of its normal form.
    Design,
    /// It speaks of this very claim: the digest of its line.
    Claim,
    /// It answers the question that is asked.
    Question,
    /// Every start of an attack is in one of the sets that the certificate follows.
    Starts,
    /// What leads out of a set of owned units ends in the set that is to hold it.
    Closed,
    /// Whoever owns a host owns its guests.
    Guests,
    /// The credentials that owned units hold are among those that the certificate reckons with.
    Credentials,
    /// Sets of owned units grow from one connection to the next.
    Layers,
    /// What must not be reached is not reached by the last connection.
    Targets,
    /// What must not be reached does not run on an owned host.
    HostedTargets,
    /// No more is lost than the bound admits.
    Bound,
    /// Connections are those that may be.
    Confined,
    /// No unit has more entries or exits than it may.
    Surface,
    /// The connection that is named for a rule is one that some path carries, and the rule decides it.
    Decides,
    /// A rule for which no connection is named matches none.
    Idle,
    /// The connection that is named for a rule has another verdict without the rule.
    Changes,
    /// No verdict depends on an order that is not defined.
    Ordered,
    /// Connections that are needed arrive, and so do their answers.
    Works,
    /// Where one end is enough, the one that the certificate names is certainly meant, and is another.
    Choice,
    /// Every unit that needs one end of several has one.
    Chosen,
    /// What is possible in this design certainly is in the other.
    Gained,
    /// What is possible in the other design certainly is in this one.
    Lost,
    /// What may be answered in one of two designs certainly is in the other.
    Answered,
}

impl Obligation {
    /// All of them.
    pub const ALL: [Obligation; 23] = [
        Obligation::Design,
        Obligation::Claim,
        Obligation::Question,
        Obligation::Starts,
        Obligation::Closed,
        Obligation::Guests,
        Obligation::Credentials,
        Obligation::Layers,
        Obligation::Targets,
        Obligation::HostedTargets,
        Obligation::Bound,
        Obligation::Confined,
        Obligation::Surface,
        Obligation::Decides,
        Obligation::Idle,
        Obligation::Changes,
        Obligation::Ordered,
        Obligation::Works,
        Obligation::Choice,
        Obligation::Chosen,
        Obligation::Gained,
        Obligation::Lost,
        Obligation::Answered,
    ];

    fn sentence(self) -> &'static str {
        match self {
            Obligation::Design => "it is of another design",
            Obligation::Claim => "it is of another claim",
            Obligation::Question => "it answers another question: as declared or as if enforced, trusted units or not",
            Obligation::Starts => "a start of attacks is in none of its sets",
            Obligation::Closed => "a connection leads out of a set that is said to be closed",
            Obligation::Guests => "a unit whose host is owned is not among the owned",
            Obligation::Credentials => "a credential that an owned unit holds is not reckoned with",
            Obligation::Layers => "a set of owned units is not part of the next",
            Obligation::Targets => "what must not be reached can be",
            Obligation::HostedTargets => "what must not be reached runs on an owned host",
            Obligation::Bound => "more can be lost than the bound admits",
            Obligation::Confined => "a connection is possible that is not listed",
            Obligation::Surface => "a unit has more entries or exits than it may",
            Obligation::Decides => "the connection that is named for a rule is not one that it decides",
            Obligation::Idle => "a rule may match a connection, and none is named for it",
            Obligation::Changes => "no connection is named that has another verdict without a rule",
            Obligation::Ordered => "a verdict depends on which of two rules goes first",
            Obligation::Works => "a connection that is needed may not work",
            Obligation::Choice => "the end that it names is not certainly meant, or is no other end",
            Obligation::Chosen => "a unit has no end to connect with",
            Obligation::Gained => "a connection is possible that may not be in the other design",
            Obligation::Lost => "a connection is possible in the other design that may not be here",
            Obligation::Answered => "a connection may be answered in one design and not in the other",
        }
    }
}

/// Why a certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A text is not as its grammar has it.
    Unreadable {
        /// The line, from 1.
        line: usize,
        /// What should have stood there.
        wanted: &'static str,
    },
    /// The certificate names something that the design, or the certificate, does not have.
    NoSuch {
        /// What, in the singular.
        kind: &'static str,
    },
    /// An obligation is not met.
    Unmet {
        /// Which.
        obligation: Obligation,
        /// A connection, unit or digest that shows it, for people to read.
        shown_by: String,
    },
    /// Something that is not modelled is in scope.
    Unmodelled {
        /// What it is.
        what: String,
    },
    /// The check takes more steps than a check may.
    TooMuch,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unreadable { line, wanted } => write!(f, "line {line} is unreadable: expected {wanted}"),
            Refusal::NoSuch { kind } => write!(f, "it names a {kind} that there is not"),
            Refusal::Unmet { obligation, shown_by } => write!(f, "{}: {shown_by}", obligation.sentence()),
            Refusal::Unmodelled { what } => write!(f, "`{what}` is not modelled and in scope"),
            Refusal::TooMuch => f.write_str("checking it takes more steps than a check may"),
        }
    }
}

impl std::error::Error for Refusal {}
