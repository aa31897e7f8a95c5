//! Asking Z3: contexts, limits, and the reading of models.

use super::ends::End;
use super::facts::{Fact, KIND_EXTERNAL, endpoint_of_row};
use super::formulas::Formulas;
use super::packet::{HeaderTerms, header_of};
use super::question::{Apart, Question};
use super::term::any;
use super::{Outcome, SmtAnswer, SmtVerdict};
use seglab_policy::{Assume, Connection, Design, Endpoint, Header};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use z3::ast::{BV, Bool};
use z3::{Config, Model, Params, SatResult, Solver, StatisticsValue};

/// How much one question may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Z3's own count of steps, the same on every machine. [rlimit units]
    pub resources: u32,
    /// The backstop for what that count does not see. \[ms\]
    pub wall_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { resources: 200_000_000, wall_ms: 120_000 }
    }
}

/// Why Z3 did not decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GaveUp {
    /// The limit of [`Limits::resources`] was reached.
    #[error("Z3 reached its limit of {0} resource units; raise it")]
    Resources(u32),
    /// The backstop of [`Limits::wall_ms`] was reached.
    #[error("Z3 reached the backstop of {0} ms before its limit of resource units; raise it")]
    WallTime(u32),
    /// The endpoints or the header are not such as the design can have.
    #[error("the connection's endpoints or header are not of this design")]
    NotAConnection,
    /// Z3's answer contradicts itself.
    #[error("Z3 found {0} outcomes for one connection")]
    Ambiguous(usize),
    /// Anything else that Z3 says.
    #[error("Z3 did not decide: {0}")]
    Other(String),
}

/// The version of the Z3 that is linked.
pub fn version() -> Version {
    Version(z3::full_version())
}

/// A version of Z3, to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(&'static str);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What becomes of each connection.
pub(super) fn connections(
    design: &Design,
    assume: Assume,
    limits: Limits,
    connections: &[Connection],
) -> Vec<SmtVerdict> {
    z3::with_z3_config(&Config::new(), || {
        let formulas = Formulas::new(design, assume, &[]);
        let solver = solver(limits);
        solver.assert(formulas.verdict.definitions());
        connections.iter().map(|connection| formulas.verdict(connection, &solver, limits)).collect()
    })
}

/// A connection for each question.
pub(super) fn find(design: &Design, assume: Assume, limits: Limits, questions: &[Question]) -> Vec<SmtAnswer> {
    z3::with_z3_config(&Config::new(), || {
        let formulas = Formulas::new(design, assume, questions);
        let solver = solver(limits);
        solver.assert(formulas.common());
        questions.iter().map(|question| formulas.answer(formulas.described(question), &solver, limits)).collect()
    })
}

/// A connection that fares in one of these ways, in two designs with the same units and named sources.
pub(super) fn apart(design: &Design, other: &Design, assume: Assume, limits: Limits, apart: &[Apart]) -> SmtAnswer {
    z3::with_z3_config(&Config::new(), || {
        let formulas = Formulas::beside(design, other, assume);
        let solver = solver(limits);
        solver.assert(formulas.common());
        formulas.answer(formulas.fares(other, assume, apart), &solver, limits)
    })
}

/// A connection for some of the questions.
pub(super) fn find_any(design: &Design, assume: Assume, limits: Limits, questions: &[Question]) -> SmtAnswer {
    z3::with_z3_config(&Config::new(), || {
        let formulas = Formulas::new(design, assume, questions);
        let solver = solver(limits);
        solver.assert(formulas.common());
        formulas.answer(any(questions.iter().map(|question| formulas.described(question))), &solver, limits)
    })
}

/// The formulas of a question in SMT-LIB 2.
pub(super) fn smtlib(design: &Design, assume: Assume, question: &Question) -> String {
    z3::with_z3_config(&Config::new(), || {
        let formulas = Formulas::new(design, assume, std::slice::from_ref(question));
        let solver = Solver::new();
        solver.assert(formulas.common());
        solver.assert(formulas.described(question));
        solver.to_smt2()
    })
}

impl Formulas<'_> {
    fn answer(&self, described: Bool, solver: &Solver, limits: Limits) -> SmtAnswer {
        solver.push();
        solver.assert(described);
        let settled = self.settled(solver, limits);
        solver.pop(1);
        match settled {
            Ok(None) => SmtAnswer::None,
            Ok(Some(connection)) => SmtAnswer::Found(connection),
            Err(reason) => SmtAnswer::GaveUp(reason),
        }
    }

    fn settled(&self, solver: &Solver, limits: Limits) -> Result<Option<Connection>, GaveUp> {
        let Some(model) = model_of(solver, limits)? else { return Ok(None) };
        self.read(&model).map(Some).ok_or_else(|| GaveUp::Other("its model is incomplete".to_owned()))
    }

    /// The connection that a model describes.
    fn read(&self, model: &Model) -> Option<Connection> {
        Some(Connection {
            source: self.read_end(model, &self.source)?,
            destination: self.read_end(model, &self.destination)?,
            header: self.header.in_model(model)?,
        })
    }

    fn read_end(&self, model: &Model, end: &End) -> Option<Endpoint> {
        let value = |fact: Fact| value_of(model, end.variable(&fact)?);
        if value(Fact::Kind)? != KIND_EXTERNAL {
            return endpoint_of_row(self.design, value(Fact::Row)?);
        }
        let low = u32::try_from(value(Fact::FirstLow)?).ok()?;
        let address = match value(Fact::V6)? {
            0 => Ipv4Addr::from(low).into(),
            _ => Ipv6Addr::from(value(Fact::FirstHigh)? << 32 | u128::from(low)).into(),
        };
        Some(Endpoint::External(address))
    }

    /// What becomes of one connection: read off a model in which its variables are pinned, then proved to be the only
    /// possibility.
    fn verdict(&self, connection: &Connection, solver: &Solver, limits: Limits) -> SmtVerdict {
        let Some(pinned) = self.pinned(connection) else { return SmtVerdict::GaveUp(GaveUp::NotAConnection) };
        solver.push();
        solver.assert(pinned);
        let outcome = self.only_outcome(solver, limits);
        solver.pop(1);
        outcome.map_or_else(SmtVerdict::GaveUp, SmtVerdict::Decided)
    }

    fn only_outcome(&self, solver: &Solver, limits: Limits) -> Result<Outcome, GaveUp> {
        let model = model_of(solver, limits)?.ok_or(GaveUp::Ambiguous(0))?;
        let true_in_model = |name: &Bool| model.eval(name, true).and_then(|value| value.as_bool()) == Some(true);
        let outcomes: Vec<Outcome> =
            self.verdict.outcomes().filter(|(_, name)| true_in_model(name)).map(|(outcome, _)| outcome).collect();
        let &[outcome] = outcomes.as_slice() else { return Err(GaveUp::Ambiguous(outcomes.len())) };
        solver.assert(self.verdict.is_one_of(&[outcome]).not());
        match model_of(solver, limits)? {
            None => Ok(outcome),
            Some(_) => Err(GaveUp::Ambiguous(2)),
        }
    }
}

impl HeaderTerms {
    /// The header that a model describes.
    pub(super) fn in_model(&self, model: &Model) -> Option<Header> {
        let byte = |term: &BV| u8::try_from(value_of(model, term)?).ok();
        let port = |term: &BV| u16::try_from(value_of(model, term)?).ok();
        Some(header_of(
            byte(&self.protocol)?,
            port(&self.source_port)?,
            port(&self.destination_port)?,
            byte(&self.kind)?,
            byte(&self.code)?,
        ))
    }
}

/// Z3's incremental solver for finite domains: it turns the formulas into clauses once, and every question of a batch
/// adds only its own. On a design of 5,000 units that is 1.5 s for all against as much for each.
pub(super) fn solver(limits: Limits) -> Solver {
    let solver = Solver::new_for_logic("QF_FD").unwrap_or_default();
    let mut params = Params::new();
    params.set_u32("rlimit", limits.resources);
    params.set_u32("timeout", limits.wall_ms);
    params.set_u32("random_seed", 0);
    solver.set_params(&params);
    solver
}

/// A model of what was asserted; `None` if there is none.
pub(super) fn model_of(solver: &Solver, limits: Limits) -> Result<Option<Model>, GaveUp> {
    model_under(solver, &[], limits)
}

/// As [`model_of`], where these names hold too.
pub(super) fn model_under(solver: &Solver, names: &[Bool], limits: Limits) -> Result<Option<Model>, GaveUp> {
    let before = spent(solver);
    let gave_up = |said: String| {
        // Z3 says the same for both limits; its own count tells which it was.
        if spent(solver).wrapping_sub(before).saturating_add(1) >= limits.resources {
            GaveUp::Resources(limits.resources)
        } else if said.contains("canceled") || said.contains("timeout") {
            GaveUp::WallTime(limits.wall_ms)
        } else {
            GaveUp::Other(said)
        }
    };
    match if names.is_empty() { solver.check() } else { solver.check_assumptions(names) } {
        SatResult::Unsat => Ok(None),
        SatResult::Unknown => Err(gave_up(solver.get_reason_unknown().unwrap_or_default())),
        SatResult::Sat => {
            solver.get_model().map(Some).ok_or_else(|| GaveUp::Other("it has no model to show".to_owned()))
        }
    }
}

/// The resource units that the context has spent so far; the count starts again at 2^32.
pub(super) fn spent(solver: &Solver) -> u32 {
    match solver.get_statistics().value("rlimit count") {
        Some(StatisticsValue::UInt(count)) => count,
        Some(StatisticsValue::Double(_)) | None => 0,
    }
}

/// The number that a term stands for in a model.
pub(super) fn value_of(model: &Model, term: &BV) -> Option<u128> {
    let width = term.get_size();
    if width <= 64 {
        return model.eval(term, true)?.as_u64().map(u128::from);
    }
    let part = |high, low| model.eval(&term.extract(high, low), true)?.as_u64().map(u128::from);
    Some(part(width - 1, 64)? << 64 | part(63, 0)?)
}
