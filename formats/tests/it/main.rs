//! Integration tests of the readers.

// Clippy knows test functions, but not the functions that they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it is skipped"
)]

mod classbench;
mod flow_records;
mod kubernetes;
mod lab;
mod nasim;
mod patch;
