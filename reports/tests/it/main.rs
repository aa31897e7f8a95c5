//! Every format over one report: what it looks like, that it parses, that names stay names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints' exceptions for tests do not reach the helpers of an integration test"
)]

mod collect;
mod escaping;
mod fixture;
mod formats;
mod gate;
mod large;
mod order;
