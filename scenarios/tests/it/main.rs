//! Integration tests of the loader and the catalogue.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bad_input;
mod catalogue;
mod loader;
mod measure;
