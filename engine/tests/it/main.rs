//! Integration tests of the engine.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in helpers too")]

mod connections;
mod equivalence;
mod filter;
mod limits;
mod live;
mod matcher;
mod scan;
mod standing;
mod update;
mod update_script;
mod workload;
