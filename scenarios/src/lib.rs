//! Designs to start from: the loader that reads whatever a user names, the catalogue of designs whose results are
//! known, and generated designs of any size.

mod catalogue;
pub mod generate;
pub mod loader;

pub use catalogue::{Scenario, catalogue};
pub use loader::{LoadError, Loaded, load};
