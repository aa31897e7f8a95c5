//! Claims, verdicts, and what refutes them.

use super::diagnostic::Location;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What became of a claim. The order is from good to bad: a violation outweighs an open question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is proved.
    #[default]
    Holds,
    /// It could be neither proved nor refuted: never a pass.
    Unknown,
    /// There is a counterexample.
    Violated,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Holds => "holds",
            Verdict::Unknown => "unknown",
            Verdict::Violated => "violated",
        })
    }
}

/// What a claim ranges over: `1 122 ordered pairs of units`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// How many.
    pub count: u64,
    /// Of what, in the plural: `ordered pairs of units`.
    pub of: String,
}

/// Why a verdict is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The reason.
    pub reason: String,
    /// What was not modelled, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub construct: Option<String>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A claim about the design, the question that it was asked under, and the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// Its name.
    pub id: String,
    /// The kind of its claim: `isolated`, `blast-radius`, `exposed` and so on.
    pub kind: String,
    /// The claim, as a sentence.
    pub claim: String,
    /// The answer.
    pub verdict: Verdict,
    /// Why the verdict is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// `policy` or `service`.
    pub view: String,
    /// `any`, `service`, `exploitable`, `either-way`; `None` where no attacker moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pivot: Option<String>,
    /// `intact`, `own-agent-void`, `controller-void`.
    pub trust: String,
    /// The most connections in a row that were looked at; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u32>,
    /// What it ranges over.
    pub population: Population,
    /// What refutes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<Counterexample>,
    /// All that violates it, or leaves it undecided, by groups of units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<super::Finding>,
    /// True if it speaks of nothing, and holds because of that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vacuous: bool,
    /// What the verdict does not show, sentence by sentence.
    pub does_not_show: Vec<String>,
    /// Who judged: `class reachability`, `Z3`.
    pub judges: Vec<String>,
    /// The file that holds the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Where the claim is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// What refutes a property.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterexample {
    /// One sentence: who reaches whom.
    pub summary: String,
    /// The connections, one after the other. A single one for direct reach and for needs.
    pub hops: Vec<Hop>,
    /// For a blast radius: how many units fall in the end, the first one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<u64>,
    /// The first few units that fall.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reached_examples: Vec<String>,
    /// For claims about units that do not exist yet: those that have to be added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<AddedUnit>,
    /// For claims about rules: every rule that refutes it, with why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// For claims about rules: where the first of them is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A unit that does not exist and that an attack would need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedUnit {
    /// A name that nothing has.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The owner that it would be one more replica of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The unit that it would run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Address, address space and place of each interface.
    pub interfaces: Vec<String>,
    /// Ports that it would declare: `tcp/9100 as metrics`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<String>,
}

impl AddedUnit {
    /// The unit in one phrase: `new-unit-1 (app=web, env=dev, at 10.250.0.1, on metal)`.
    pub fn told(&self) -> String {
        let labels = self.labels.iter().map(|(key, value)| format!("{key}={value}"));
        let owner = self.owner.iter().map(|owner| format!("one more replica of {owner}"));
        let at = self.interfaces.iter().map(|interface| format!("at {interface}"));
        let host = self.host.iter().map(|host| format!("on {host}"));
        let listens = self.listens.iter().map(|listens| format!("listening on {listens}"));
        let facts: Vec<String> = labels.chain(owner).chain(at).chain(host).chain(listens).collect();
        format!("{} ({})", self.name, facts.join(", "))
    }
}

impl Counterexample {
    /// The place to look at first: the last rule on the way that lets the attack through (or stops the need), for that
    /// is the one that gives access to what the claim is about.
    pub fn place(&self) -> Option<&Location> {
        self.hops.iter().rev().find_map(Hop::place).or(self.location.as_ref())
    }
}

/// Whether a connection gets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It does.
    Allowed,
    /// It does not.
    Denied,
    /// It depends on what is not modelled.
    #[default]
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Allowed => "allowed",
            Outcome::Denied => "denied",
            Outcome::Unknown => "unknown",
        })
    }
}

/// A connection of a counterexample, and who decided about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Who opens it.
    pub source: String,
    /// To whom.
    pub destination: String,
    /// Protocol and port: `tcp/8080`.
    pub service: String,
    /// Whether it gets through.
    pub outcome: Outcome,
    /// How the attacker comes to own the destination: `pivot model any`, `logs in with db-password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<String>,
    /// What every point on the path said.
    pub deciders: Vec<Decider>,
    /// Why there is no decider, or what else to know: `no point judges it`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

impl Hop {
    /// The rule that explains the outcome: the first that stops the connection, else the last that lets it through.
    pub fn place(&self) -> Option<&Location> {
        let standing = || self.deciders.iter().filter(|decider| decider.stands);
        let stopping = standing()
            .filter(|decider| decider.outcome == Outcome::Denied)
            .find_map(|decider| decider.location.as_ref());
        stopping.or_else(|| standing().filter_map(|decider| decider.location.as_ref()).next_back())
    }
}

/// What a tier said before the one that decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The tier.
    pub tier: String,
    /// Why it passed, in words.
    pub why: String,
    /// Where its rule is written, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// The rule that would have made a point decide otherwise, if only it had matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// The rule.
    pub rule: String,
    /// What of it does not match: `source`, `destination`, `service`.
    pub unlike: Vec<String>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// What one enforcement point said, and by which rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decider {
    /// The point's name.
    pub point: String,
    /// `agent`, `host`, `appliance`, `cloud`.
    pub kind: String,
    /// `off`, `listen`, `alert`, `enforce`.
    pub mode: String,
    /// `egress`, `forward`, `ingress`.
    pub direction: String,
    /// The unit that it stands at, where it stands at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// True if it judged the reply.
    pub reply: bool,
    /// True if its judgement counts: it enforces, and the attacker has not made it void.
    pub stands: bool,
    /// Whether it lets the connection through.
    pub outcome: Outcome,
    /// What the tiers before it said; filled where a single connection is explained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    /// The rule that nearly decided otherwise; filled where a single connection is explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_miss: Option<NearMiss>,
    /// The tier that decided; `None` for the default after the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// What decided, in words: the rule, `no rule of the tier`, `default allow`.
    pub why: String,
    /// Where the rule is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The object that the rule is part of: `NetworkPolicy shop/web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Why the rule is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The change that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// Whether a needed flow works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeedStatus {
    /// For every pair of its ends.
    #[default]
    Works,
    /// It depends on what is not modelled.
    Unknown,
    /// Not for at least one pair.
    Broken,
}

impl fmt::Display for NeedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            NeedStatus::Works => "works",
            NeedStatus::Unknown => "unknown",
            NeedStatus::Broken => "broken",
        })
    }
}

/// A flow that the business needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Who opens the connections.
    pub from: String,
    /// To whom.
    pub to: String,
    /// On which services.
    pub service: String,
    /// Whether it works.
    pub status: NeedStatus,
    /// How many pairs of ends it has.
    pub pairs: u64,
    /// One that does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Hop>,
    /// Why its status is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// All that does not work, by groups of units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<super::Finding>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Need {
    /// Its name: `web -> db tcp/5432`.
    pub fn name(&self) -> String {
        format!("{} -> {} {}", self.from, self.to, self.service)
    }
}
