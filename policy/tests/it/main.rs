//! The model, seen from outside.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod choice;
mod fixture;
mod meaning;
mod near_miss;
mod normal_form;
mod shares;
