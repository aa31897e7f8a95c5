//! What an evaluation assumes, and what it answers: verdicts with everything that led to them.

use crate::connection::Connection;
use crate::design::RuleId;
use crate::header::{Header, Transport};
use crate::point::{EnforcementPoint, Mode, PointId, PointKind};
use crate::property::Trust;
use crate::rule::{Action, Direction};
use crate::unit::UnitId;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Who opens it.
    Source,
    /// To whom.
    Destination,
}

/// What an evaluation assumes about the enforcement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assume {
    /// Every declared point enforces, whatever its mode.
    pub as_if_enforced: bool,
    /// What an attacker's ownership takes away.
    pub trust: Trust,
    /// The end that an attacker owns, if any.
    pub owned: Option<Side>,
    /// The attacker owns the host of that end, too.
    pub host_owned: bool,
}

impl Assume {
    /// Nobody is owned and points do what their modes say: the question of needs.
    pub const fn business() -> Self {
        Assume { as_if_enforced: false, trust: Trust::Intact, owned: None, host_owned: false }
    }

    /// An attacker owns the source: the question of reachability.
    pub const fn attack(trust: Trust) -> Self {
        Assume { as_if_enforced: false, trust, owned: Some(Side::Source), host_owned: false }
    }

    /// An attacker owns the destination and waits for clients.
    pub const fn attack_on_clients(trust: Trust) -> Self {
        Assume { as_if_enforced: false, trust, owned: Some(Side::Destination), host_owned: false }
    }

    /// True if `point` decides under these assumptions when it stands at `side` of a connection (`None`: in
    /// between): its mode enforces, and nothing that it depends on is void.
    pub fn stands(&self, point: &EnforcementPoint, side: Option<Side>) -> bool {
        let controller_void = self.trust >= Trust::ControllerVoid && point.controller.is_some();
        let at_owned = side.is_some() && side == self.owned;
        let void = match point.kind {
            PointKind::Agent => at_owned && (self.trust >= Trust::OwnAgentVoid || self.host_owned),
            PointKind::Host => at_owned && self.host_owned,
            PointKind::Appliance | PointKind::Cloud => false,
        };
        (self.as_if_enforced || point.mode == Mode::Enforce) && !controller_void && !void
    }
}

/// Whether the answer to an allowed connection comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// The protocol has none.
    None,
    /// It passes.
    Passes,
    /// A stateless point stops it: a TCP connection is *one-way*.
    Blocked,
    /// Whether it passes is unknown.
    Unknown,
}

/// Why no path that is modelled carries a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoPath {
    /// The two interfaces have addresses of different families.
    Family,
    /// They stand in address spaces without a route between them.
    Space,
    /// The interface has no path from, or to, external endpoints.
    External,
    /// The address is a unit's, or one end is not one that connections of this kind have.
    NotAnEndpoint,
    /// The external source has no path there.
    Source,
}

impl NoPath {
    /// True if something that is not modelled could open a path all the same: a peering or a route between address
    /// spaces, a gateway or a public address, a way in from an external source. Nothing makes an endpoint of what is
    /// none, and a connection has one family.
    pub fn may_be_opened(self) -> bool {
        match self {
            NoPath::Space | NoPath::External | NoPath::Source => true,
            NoPath::Family | NoPath::NotAnEndpoint => false,
        }
    }
}

/// What decided in a tier, or after the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// This rule.
    Rule(RuleId),
    /// No rule of this tier (by position): what it does otherwise.
    Otherwise(u32),
    /// No tier: the rulebook's default.
    Default,
}

/// An outcome that is possible, and what brings it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decision {
    /// The position of the tier; the number of tiers for the default.
    pub tier: u32,
    /// The outcome.
    pub action: Action,
    /// What decided.
    pub why: Why,
}

/// The outcomes of a judgement that are possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcomes {
    /// The point may let the connection through.
    pub allow: bool,
    /// The point may stop it.
    pub deny: bool,
}

/// What one point says of one direction of a connection, or of its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The point.
    pub point: PointId,
    /// The unit that the point stands at, where it stands at one.
    pub at: Option<UnitId>,
    /// The direction.
    pub direction: Direction,
    /// True if it is the reply that is judged.
    pub reply: bool,
    /// True if the point's judgement counts: it enforces and is not void.
    pub stands: bool,
    /// The outcomes that are possible.
    pub outcomes: Outcomes,
    /// What each tier decided, in their order, up to the last one that was asked; several of one tier where it is
    /// not known which of them holds. A tier out of whose scope the connection is says nothing.
    pub decisions: Vec<Decision>,
}

/// Why a connection is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Denial {
    /// No path carries it.
    NoPath(NoPath),
    /// A point stops it.
    Point {
        /// The point.
        point: PointId,
        /// The direction in which it judged.
        direction: Direction,
        /// What decided.
        why: Why,
    },
}

/// Why a verdict is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// Something that is not modelled touches the connection: its position in [`Design::unmodelled`](crate::Design::unmodelled).
    Unmodelled(u32),
    /// Whether this rule matches is unknown (its peer is not modelled, or it goes by an address that is shared), or
    /// its order among others is.
    Rule(RuleId),
}

/// Whether a connection may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Every standing point on its path lets it through.
    Allowed(Reply),
    /// It does not arrive.
    Denied(Denial),
    /// It depends on what is not known.
    Unknown(Doubt),
}

impl Verdict {
    /// True if the connection certainly arrives.
    pub fn is_allowed(self) -> bool {
        matches!(self, Verdict::Allowed(_))
    }
}

/// A verdict with everything that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The verdict.
    pub verdict: Verdict,
    /// What every point on the path said, in the order in which the connection meets them, replies last. Points in
    /// mode `off` are listed and judge as if they were not.
    pub judgements: Vec<Judgement>,
}

impl Judgement {
    /// The first rule of the first tier whose outcome is not certain: rules of tiers that surely passed are not what
    /// a doubt is about.
    pub(crate) fn uncertain_rule(&self) -> Option<RuleId> {
        let by_tier = self.decisions.chunk_by(|a, b| a.tier == b.tier);
        let uncertain = |tier: &&[Decision]| {
            tier.windows(2).any(|pair| pair.first().map(|d| d.action) != pair.last().map(|d| d.action))
        };
        by_tier.filter(uncertain).flatten().find_map(|decision| match decision.why {
            Why::Rule(id) => Some(id),
            Why::Otherwise(_) | Why::Default => None,
        })
    }
}

impl Evaluation {
    /// True if the connection is TCP, arrives, and its reply is stopped by a stateless point.
    pub fn is_one_way(&self, connection: &Connection) -> bool {
        let tcp = matches!(connection.header, Header::Transport { protocol: Transport::Tcp, .. });
        tcp && self.verdict == Verdict::Allowed(Reply::Blocked)
    }
}
