//! Integration tests of the verifier, against the reference evaluator and nothing else.

// Clippy knows test functions, but not the functions that they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::type_complexity,
    clippy::too_many_arguments,
    reason = "a test fails by panicking"
)]

mod build;
mod choice;
mod classes;
mod confined;
mod cores;
mod cross_check;
mod difference;
mod direct;
mod ever;
mod findings;
mod lateral;
mod naive;
mod probes;
mod properties;
mod reach;
mod rules;
mod session;
mod smt_find;
mod smt_verdict;
mod smtlib;
