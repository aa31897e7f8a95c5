//! The enforcement points of a design, at work: what becomes of a connection in the state of an instant.
//!
//! The [rule engine](seglab_engine) decides; this adds what attackers and monitors make of it. An attacker may choose
//! the source port and takes one that gets through. A point in alert mode lets through what it would deny and reports it;
//! that is found by asking a second engine, in which such points enforce.

use seglab_engine::{CompileError, Decision, Engine};
use seglab_policy::{Assume, Connection, Design, Header, Mode, Reply};
use serde::Serialize;

use super::network::source_ports;

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

    /// False if no point can have anything to report.
    pub(super) fn reports(&self) -> bool {
        self.reports
    }

    /// An attacker's attempt: the connection with the source port that serves best, and what becomes of it.
    pub(super) fn attempt(&self, wanted: Connection, assume: Assume) -> (Connection, Passage) {
        let Header::Transport { protocol, destination_port, .. } = wanted.header else {
            return (wanted, self.passage(&wanted, assume));
        };
        let mut best = (wanted, Passage::Denied);
        for &source_port in &self.source_ports {
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
    pub(super) fn flow(&self, connection: &Connection) -> Decision {
        match self.engine.decide(connection, Assume::business()) {
            // The reply is part of what is needed.
            Decision::Allowed(Reply::Blocked) => Decision::Denied,
            Decision::Allowed(Reply::Unknown) => Decision::Unknown,
            decision => decision,
        }
    }

    /// What becomes of just this connection.
    pub(super) fn passage(&self, connection: &Connection, assume: Assume) -> Passage {
        match self.engine.decide(connection, assume) {
            Decision::Denied => Passage::Denied,
            Decision::Unknown => Passage::Unknown,
            Decision::Allowed(_) => {
                let stopped = |engine: &Engine| engine.decide(connection, assume) == Decision::Denied;
                if self.reporting.as_ref().is_some_and(stopped) { Passage::Reported } else { Passage::Allowed }
            }
        }
    }
}
