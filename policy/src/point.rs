//! Enforcement points: where, by what and in which mode a policy is enforced.

use crate::load::Load;
use crate::operation::Operation;
use crate::rule::Directions;
use crate::selector::Selector;
use crate::source::Provenance;
use crate::tier::RulebookId;
use crate::unit::Place;
use std::fmt;

/// The position of an enforcement point in [`Design::points`](crate::Design::points).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointId(pub u32);

/// What enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PointKind {
    /// Privileged software in the unit: void when the unit is owned.
    Agent,
    /// The hypervisor or the node's network plug-in: void only when the host is owned.
    Host,
    /// A device on a link between places: blind to what stays inside one.
    Appliance,
    /// The cloud's virtual interface.
    Cloud,
}

impl fmt::Display for PointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PointKind::Agent => "agent",
            PointKind::Host => "host",
            PointKind::Appliance => "appliance",
            PointKind::Cloud => "cloud",
        })
    }
}

/// What a point does with its judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nothing: it does not judge.
    Off,
    /// Learns what is normal, lets everything through.
    Listen,
    /// Judges, reports what it would stop, lets everything through.
    Alert,
    /// Judges, and stops what it denies.
    Enforce,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Off => "off",
            Mode::Listen => "listen",
            Mode::Alert => "alert",
            Mode::Enforce => "enforce",
        })
    }
}

/// How a point that enforces denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Without a word: whoever connects waits until it gives up.
    #[default]
    Drop,
    /// With an answer: whoever connects knows at once.
    Reject,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Drop => "drop",
            Refusal::Reject => "reject",
        })
    }
}

/// A level of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// [`Place::site`].
    Site,
    /// [`Place::zone`].
    Zone,
    /// [`Place::subnet`].
    Subnet,
}

impl Level {
    /// The name of `place` at this level; `None` where it has none.
    pub fn of(self, place: &Place) -> Option<&str> {
        match self {
            Level::Site => place.site.as_deref(),
            Level::Zone => place.zone.as_deref(),
            Level::Subnet => place.subnet.as_deref(),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Site => "site",
            Level::Zone => "zone",
            Level::Subnet => "subnet",
        })
    }
}

/// Where a point stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// One point at each selected unit: judges `egress` where the unit is the source and `ingress` where it is the
    /// destination.
    Units(Selector),
    /// On every link between two different places of a level: judges `forward` what goes from one to another. An
    /// external endpoint, and a unit that has no place at the level, are outside all places: two of them are not
    /// apart.
    Between(Level),
    /// On the edge of one place: judges what crosses it, `egress` on the way out, `ingress` on the way in, and
    /// `forward` both ways.
    Around(Level, String),
}

/// Something that enforces a rulebook at one place, or at each unit of many.
#[derive(Clone, Debug, PartialEq)]
pub struct EnforcementPoint {
    /// The name, unique in a design.
    pub name: String,
    /// What it is.
    pub kind: PointKind,
    /// Where it stands.
    pub placement: Placement,
    /// The directions that it judges, of those that its placement meets.
    pub directions: Directions,
    /// What it does with its judgement.
    pub mode: Mode,
    /// How it denies.
    pub refusal: Refusal,
    /// The rules it carries.
    pub rulebook: RulebookId,
    /// Whether connections between a unit and the host that it runs on go unjudged, as a Kubernetes node's do.
    pub exempts_host: bool,
    /// What distributes the policy to it, where anything does: void under
    /// [`Trust::ControllerVoid`](crate::Trust::ControllerVoid), and nothing is learned while that [controller](crate::Controller)
    /// is out.
    pub controller: Option<String>,
    /// Where it is in place, and how it fails.
    pub operation: Operation,
    /// What it takes, and how much it can do.
    pub load: Load,
    /// Where it is written.
    pub provenance: Provenance,
}

impl EnforcementPoint {
    /// The ideal point: at every unit, enforcing both ways, void only where the unit's host is owned.
    pub fn ideal(name: impl Into<String>, rulebook: RulebookId) -> Self {
        Self {
            name: name.into(),
            kind: PointKind::Host,
            placement: Placement::Units(Selector::Everything),
            directions: Directions::UNIT,
            mode: Mode::Enforce,
            refusal: Refusal::Drop,
            rulebook,
            exempts_host: false,
            controller: None,
            operation: Operation::default(),
            load: Load::default(),
            provenance: Provenance::default(),
        }
    }
}
