//! The built binary, as its users meet it: what it prints, what it ends with, what it leaves behind.

// Clippy knows test functions, but not the functions that they share; and a test may bound how long a refusal takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::type_complexity,
    clippy::disallowed_types,
    reason = "a test fails by panicking"
)]

mod bad_input;
mod campaigns;
mod commands;
mod conformance;
mod designs;
mod everywhere;
mod exit_codes;
mod five_minutes;
mod program;
mod readme;
