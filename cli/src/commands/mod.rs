//! One file a command.

mod explain;

use crate::args::{Command, PivotArg, TrustArg, ViewArg};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::timings::Timings;
use seglab_policy::{Pivot, Severity, Trust, View};
use seglab_scenarios::Loaded;
use serde::Serialize;
use std::io::{Read, Write};

/// Runs one command.
pub(crate) fn run(command: &Command, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        Command::Explain(args) => explain::run(args, context),
        _ => Ok(Exit::Holds),
    }
}

/// What every command has at hand.
pub(crate) struct Context {
    /// Where the time goes.
    pub(crate) timings: Timings,
    quiet: bool,
}

impl Context {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { timings: Timings::new(), quiet }
    }
}

/// A result as a JSON document.
fn to_json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

impl From<TrustArg> for Trust {
    fn from(arg: TrustArg) -> Self {
        match arg {
            TrustArg::Intact => Trust::Intact,
            TrustArg::OwnAgentVoid => Trust::OwnAgentVoid,
            TrustArg::ControllerVoid => Trust::ControllerVoid,
        }
    }
}

impl From<PivotArg> for Pivot {
    fn from(arg: PivotArg) -> Self {
        match arg {
            PivotArg::Any => Pivot::Any,
            PivotArg::Service => Pivot::Service,
            PivotArg::Exploitable => Pivot::Exploitable,
            PivotArg::EitherWay => Pivot::EitherWay,
        }
    }
}

impl From<ViewArg> for View {
    fn from(arg: ViewArg) -> Self {
        match arg {
            ViewArg::Policy => View::Policy,
            ViewArg::Service => View::Service,
        }
    }
}
