//! Integration tests of the engine.

mod equivalence;
mod limits;
mod workload;
