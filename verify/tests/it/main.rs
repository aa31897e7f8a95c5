//! Integration tests of the verifier, against the reference evaluator and nothing else.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic as tests may")]

mod build;
mod classes;
mod direct;
mod lateral;
mod naive;
mod properties;
mod reach;
