//! Integration tests of the loader, the catalogue and the generator.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bad_input;
mod catalogue;
mod generate;
mod loader;
mod measure;
mod settled;
