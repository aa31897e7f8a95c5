//! What attacks take and what they give, beyond the connection that carries them: reliability, cost, time, privilege, and
//! how targets are found.
//!
//! A [`Vulnerability`](crate::Vulnerability) says *where* a unit is weak; an [`Exploit`] says what using it is like,
//! wherever it is. Who owns a unit need not be its administrator: an [`Escalation`] is the step from one to the other.
//! No verdict rests on any of this (closures take whatever can work as if it did), so the normal form leaves it out.

use crate::selector::Selector;
use crate::source::Provenance;

/// What an attacker holds on an owned unit; the later includes the earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// An ordinary account: enough to use the unit's connections and what lies around on it.
    User,
    /// All of it.
    #[default]
    Root,
}

/// What one attempt takes. An attempt that fails leaves everything as it was and may be made again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// What an attempt costs, in whatever unit the design counts. [from 0]
    pub cost: f64,
    /// The chance that an attempt works. [above 0, to 1]
    pub success_probability: f64,
    /// The mean time of an attempt, where it is known. \[ns\]
    pub mean_ns: Option<u64>,
}

impl Default for Effort {
    /// Costs 1, works, takes nobody knows how long.
    fn default() -> Self {
        Self { cost: 1.0, success_probability: 1.0, mean_ns: None }
    }
}

impl Effort {
    /// True for numbers that an effort can have.
    pub fn is_sound(&self) -> bool {
        let probability = self.success_probability;
        self.cost.is_finite() && self.cost >= 0.0 && probability > 0.0 && probability <= 1.0
    }
}

/// How a vulnerability is used, on whichever unit has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exploit {
    /// The name of the vulnerability, unique among exploits.
    pub vulnerability: String,
    /// What it gives on the unit.
    pub gives: Privilege,
    /// The chance that a software image which is said to have the vulnerability does: all of its units have it then, or
    /// none. [above 0, to 1]
    pub present_probability: f64,
    /// What an attempt takes.
    pub effort: Effort,
    /// Where it is written.
    pub provenance: Provenance,
}

/// How whoever has an account on a unit becomes its administrator, without any connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    /// Its name, unique among escalations: the software that it goes by.
    pub name: String,
    /// The units on which it works.
    pub on: Selector,
    /// The chance that a software image among those units has it: all of its units then, or none. [above 0, to 1]
    pub present_probability: f64,
    /// What an attempt takes.
    pub effort: Effort,
    /// Where it is written.
    pub provenance: Provenance,
}

/// For what an account on a unit is not enough, and all of it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeedsRoot {
    /// To find the credentials that lie on the unit.
    pub credentials: bool,
    /// To make the points void that an owned unit or host makes void: its own agent, the points of its guests.
    pub tampering: bool,
}

/// Whom a scan from an owned unit finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finds {
    /// Units that answer: enforcement lets some connection through that is of use to the attacker.
    #[default]
    Answering,
    /// Every unit that a path leads to, whatever enforcement says: a look at routes and name services.
    Routed,
}

/// What attackers can do, and what it takes. The same for all attackers of a design.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tradecraft {
    /// How vulnerabilities are used; of one that is not here attackers know what they themselves say.
    pub exploits: Vec<Exploit>,
    /// Ways from an account to all of a unit.
    pub escalations: Vec<Escalation>,
    /// Whom a scan finds.
    pub finds: Finds,
    /// What a scan takes, where it is not the attacker's rate that says it.
    pub scan: Option<Effort>,
    /// What takes all of a unit.
    pub needs_root: NeedsRoot,
}

impl Tradecraft {
    /// How the vulnerability of this name is used, if it is said.
    pub fn exploit(&self, vulnerability: &str) -> Option<&Exploit> {
        self.exploits.iter().find(|exploit| exploit.vulnerability == vulnerability)
    }

    /// Takes over what another part of a design says of it.
    pub fn merge(&mut self, other: Tradecraft) {
        self.exploits.extend(other.exploits);
        self.escalations.extend(other.escalations);
        self.finds = self.finds.max(other.finds);
        self.scan = self.scan.or(other.scan);
        self.needs_root.credentials |= other.needs_root.credentials;
        self.needs_root.tampering |= other.needs_root.tampering;
    }
}
