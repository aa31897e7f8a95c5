//! The simulator's integration tests.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod draws;
mod queue;
mod queueing;
mod replicas;
mod statistics;
