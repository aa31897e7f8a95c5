//! Integration tests of the verifier.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod smt_find;
mod smt_verdict;
