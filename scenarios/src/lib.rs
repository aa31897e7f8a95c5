//! Designs from disk: the loader that reads whatever a user names, and the catalogue of designs whose results are
//! known.

mod catalogue;
pub mod loader;

pub use catalogue::{Scenario, catalogue};
pub use loader::{LoadError, Loaded, load};
