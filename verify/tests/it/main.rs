//! Integration tests of the verifier, against the reference evaluator and nothing else.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod cross_check;
mod direct;
mod lateral;
mod naive;
mod smt_find;
mod smt_verdict;
