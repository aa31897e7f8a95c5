//! The built binary, as its users meet it: what it prints, what it ends with, what it leaves behind.

// Clippy knows test functions, but not the functions that they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it is skipped"
)]

mod another_design;
mod bad_input;
mod calibration;
mod campaigns;
mod certificates;
mod choices;
mod chunks;
mod commands;
mod conformance;
mod designs;
mod diff;
mod ever;
mod everywhere;
mod exit_codes;
mod five_minutes;
mod gate;
mod paths;
mod program;
mod readme;
mod repair;
mod watch;
