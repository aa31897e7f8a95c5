//! The simulator's integration tests.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod campaigns;
mod company;
mod conduct;
mod contracts;
mod distribution;
mod draws;
mod loads;
mod moves;
mod operation;
mod plans;
mod probes;
mod queue;
mod queue_script;
mod queueing;
mod releases;
mod replicas;
mod requests;
mod sensitivity;
mod statistics;
mod tradecraft;
mod traffic;
