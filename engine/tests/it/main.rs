//! Integration tests of the engine.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in helpers too")]

mod equivalence;
mod limits;
mod matcher;
mod scan;
mod workload;
