//! The enforcement points of a design, at work: what becomes of a connection in the state of an instant.
//!
//! The [rule engine](seglab_engine) decides; this adds what attackers and monitors make of it. An attacker may choose
//! the source port and takes one that gets through. A point in alert mode lets through what it would deny and reports it;
//! that is found by asking a second engine, in which such points enforce.
//!
//! Where the design [changes](super::changes), the engines are those of the instant. A point that is not in place, or has failed,
//! judges nothing or denies everything, [unit by unit](super::operation): the engine asks for that at every point that a
//! connection meets.

use std::rc::Rc;

use seglab_engine::{CompileError, Decision, EndpointClass, Engine};
use seglab_policy::{
    Assume, Connection, Design, Endpoint, Evaluation, Header, Mode, Placement, PointId, Reply, Standing, UnitId,
};
use serde::Serialize;

use crate::kernel::Time;

use super::changes::{Epoch, Timeline};
use super::network::{Network, source_ports};
use super::operation::Running;

/// The engines of a design.
pub(super) struct Enforcement {
    engine: Engine,
    /// With the points in alert mode enforcing; `None` if the design has none.
    reporting: Option<Engine>,
    source_ports: Vec<u16>,
    reports: bool,
}

/// What becomes of an attacker's attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passage {
    /// It arrives.
    Allowed,
    /// It arrives, and a point in alert mode reports that it would have stopped it.
    Reported,
    /// A point stops it.
    Denied,
    /// Whether it arrives depends on what is not modelled; the attacker makes nothing of it.
    Unknown,
}

impl Passage {
    /// True if the connection arrives.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed | Self::Reported)
    }

    /// True if an enforcement point has something to report.
    pub fn is_reportable(self) -> bool {
        matches!(self, Self::Reported | Self::Denied)
    }
}

impl Enforcement {
    /// Compiles a design.
    pub(super) fn new(design: &Design) -> Result<Self, CompileError> {
        let reporting = match design.points().iter().any(|point| point.mode == Mode::Alert) {
            true => {
                let mut draft = design.to_draft();
                for point in draft.points.iter_mut().filter(|point| point.mode == Mode::Alert) {
                    point.mode = Mode::Enforce;
                }
                // A design that holds together does so in every mode of its points.
                Design::new(draft).ok().map(|enforcing| Engine::compile(&enforcing)).transpose()?
            }
            false => None,
        };
        let reports = design.points().iter().any(|point| matches!(point.mode, Mode::Alert | Mode::Enforce));
        Ok(Self { engine: Engine::compile(design)?, reporting, source_ports: source_ports(design), reports })
    }

    /// True if a rule tells source ports apart.
    pub(super) fn looks_at_source_ports(&self) -> bool {
        self.source_ports.len() > 1
    }

    /// The classes of a unit's endpoint in the engines: units whose endpoints share theirs meet the same decisions, but at units
    /// that run on one of them, or that one of them runs on.
    pub(super) fn classes_of(&self, endpoint: Endpoint) -> [Option<EndpointClass>; 2] {
        [Some(&self.engine), self.reporting.as_ref()].map(|engine| engine.and_then(|engine| engine.class_of(endpoint)))
    }

    /// Every point in place and at work.
    pub(super) fn declared(&self) -> Instant<'_> {
        self.in_force(None, None).at(Time::START)
    }

    /// The points as they run in a replica, and the design as it changes; all at work and as declared where nothing is said.
    pub(super) fn in_force<'a>(
        &'a self,
        running: Option<&'a Running<'a>>,
        timeline: Option<&'a Timeline<'a>>,
    ) -> InForce<'a> {
        InForce { enforcement: self, running, timeline }
    }
}

/// Enforcement in one replica.
#[derive(Clone, Copy)]
pub(super) struct InForce<'a> {
    enforcement: &'a Enforcement,
    running: Option<&'a Running<'a>>,
    timeline: Option<&'a Timeline<'a>>,
}

impl<'a> InForce<'a> {
    /// False if no point can have anything to report.
    pub(super) fn reports(self) -> bool {
        self.enforcement.reports
    }

    /// When units may have moved to other hosts, ascending.
    pub(super) fn rehosted(self) -> impl Iterator<Item = (Time, UnitId)> {
        self.timeline.into_iter().flat_map(Timeline::rehosted)
    }

    /// The state of an instant.
    pub(super) fn at(self, at: Time) -> Instant<'a> {
        Instant { of: self, at, void: &[] }
    }
}

/// Enforcement in the state of an instant.
#[derive(Clone, Copy)]
pub(super) struct Instant<'a> {
    of: InForce<'a>,
    at: Time,
    /// Points that an attacker has made void everywhere, ascending.
    void: &'a [PointId],
}

impl<'a> Instant<'a> {
    /// The same without some points, ascending.
    pub(super) fn without(self, void: &'a [PointId]) -> Self {
        Self { void, ..self }
    }

    /// True if every point is in place and at work, and nothing changes, now and always.
    pub(super) fn is_declared(self) -> bool {
        self.of.running.is_none() && self.of.timeline.is_none()
    }

    /// What the reference evaluator says of the business' connection in the design of now, all points at work.
    pub(super) fn evaluate(self, design: &Design, connection: &Connection) -> Evaluation {
        match self.epoch() {
            Some(epoch) => epoch.design.evaluate(connection, Assume::business()),
            None => design.evaluate(connection, Assume::business()),
        }
    }

    /// Whether a point does its work, at a unit or between places.
    pub(super) fn standing(self, point: PointId, unit: Option<UnitId>) -> Standing {
        let awaits = |timeline: &Timeline<'_>| timeline.awaits(point, unit, self.at);
        if self.void.binary_search(&point).is_ok() || self.of.timeline.is_some_and(awaits) {
            return Standing::Missing;
        }
        self.of.running.map_or(Standing::InPlace, |running| running.standing(point, unit, self.at))
    }

    /// The points that do not do their work, each where.
    pub(super) fn absences(self, design: &Design) -> Vec<(PointId, Option<UnitId>, Standing)> {
        let places = design.point_ids().flat_map(|id| {
            let units: Vec<Option<UnitId>> = match &design.point(id).placement {
                Placement::Units(on) => design.select(on).map(Some).collect(),
                Placement::Between(_) | Placement::Around(..) => vec![None],
            };
            units.into_iter().map(move |unit| (id, unit))
        });
        let standing = places.map(|(id, unit)| (id, unit, self.standing(id, unit)));
        standing.filter(|(_, _, standing)| *standing != Standing::InPlace).collect()
    }

    /// What a unit runs on.
    pub(super) fn host_of(self, design: &Design, unit: UnitId) -> Option<UnitId> {
        match self.of.timeline {
            Some(timeline) => timeline.host_of(unit, self.at),
            None => design.host_of(unit),
        }
    }

    /// The units that run on a unit, directly.
    pub(super) fn guests(self, network: &Network<'_>, unit: UnitId) -> Vec<UnitId> {
        match self.of.timeline.filter(|timeline| timeline.changes_hosts()) {
            Some(timeline) => {
                let all = network.design.unit_ids();
                all.filter(|&guest| timeline.host_of(guest, self.at) == Some(unit)).collect()
            }
            None => network.guests(unit).to_vec(),
        }
    }

    /// True if a release has gone ahead.
    pub(super) fn is_live(self, release: usize) -> bool {
        self.of.timeline.is_some_and(|timeline| timeline.is_live(release, self.at))
    }

    /// True if the points would decide otherwise if policy were never late.
    pub(super) fn is_by_staleness(self, connection: &Connection, assume: Assume) -> bool {
        let Some(epoch) = self.epoch() else { return false };
        let Some(in_time) = &epoch.in_time else { return false };
        let arrives = |enforcement: &Enforcement| match self.decide(&enforcement.engine, connection, assume) {
            Decision::Allowed(reply) => (true, reply == Reply::Blocked && assume == Assume::business()),
            Decision::Denied | Decision::Unknown => (false, false),
        };
        arrives(&epoch.now) != arrives(in_time)
    }

    /// An attacker's attempt: the connection with the source port that serves best, and what becomes of it.
    pub(super) fn attempt(self, wanted: Connection, assume: Assume) -> (Connection, Passage) {
        let Header::Transport { protocol, destination_port, .. } = wanted.header else {
            return (wanted, self.passage(&wanted, assume));
        };
        let mut best = (wanted, Passage::Denied);
        for &source_port in &self.of.enforcement.source_ports {
            let header = Header::Transport { protocol, source_port, destination_port };
            let connection = Connection { header, ..wanted };
            match self.passage(&connection, assume) {
                passage if passage.is_allowed() => return (connection, passage),
                Passage::Unknown => best = (connection, Passage::Unknown),
                _ => {}
            }
        }
        best
    }

    /// A flow of the business: what becomes of it and of its reply.
    pub(super) fn flow(self, connection: &Connection) -> Decision {
        match self.now(|enforcement| self.decide(&enforcement.engine, connection, Assume::business())) {
            // The reply is part of what is needed.
            Decision::Allowed(Reply::Blocked) => Decision::Denied,
            Decision::Allowed(Reply::Unknown) => Decision::Unknown,
            decision => decision,
        }
    }

    /// What becomes of just this connection.
    pub(super) fn passage(self, connection: &Connection, assume: Assume) -> Passage {
        self.now(|enforcement| match self.decide(&enforcement.engine, connection, assume) {
            Decision::Denied => Passage::Denied,
            Decision::Unknown => Passage::Unknown,
            Decision::Allowed(_) => {
                let stopped = |engine: &Engine| self.decide(engine, connection, assume) == Decision::Denied;
                if enforcement.reporting.as_ref().is_some_and(stopped) { Passage::Reported } else { Passage::Allowed }
            }
        })
    }

    /// Asks the engines of this instant.
    fn now<R>(self, ask: impl FnOnce(&Enforcement) -> R) -> R {
        match self.epoch() {
            Some(epoch) => ask(&epoch.now),
            None => ask(self.of.enforcement),
        }
    }

    /// What is compiled for this instant; `None` before anything has changed.
    fn epoch(self) -> Option<Rc<Epoch>> {
        self.of.timeline.and_then(|timeline| timeline.epoch(self.at))
    }

    fn decide(self, engine: &Engine, connection: &Connection, assume: Assume) -> Decision {
        match (self.of.running, self.of.timeline, self.void) {
            (None, None, []) => engine.decide(connection, assume),
            _ => engine.decide_where(connection, assume, |point, unit| self.standing(point, unit)),
        }
    }
}
