//! Integration tests of the verifier, against the reference evaluator and nothing else.

mod direct;
mod lateral;
mod naive;
