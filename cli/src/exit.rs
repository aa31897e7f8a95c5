//! Exit codes: what a pipeline learns without reading anything.

use std::process::ExitCode;

/// How a command ended. The order is the order of precedence: of two that apply the greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Every property holds.
    Holds,
    /// Undecided: the solver gave up, or something in scope is not modelled.
    Undecided,
    /// A property is violated.
    Violated,
    /// The command line or the input is wrong; there is no result.
    Input,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Holds => 0,
            Exit::Violated => 1,
            Exit::Input => 2,
            Exit::Undecided => 3,
        })
    }
}
