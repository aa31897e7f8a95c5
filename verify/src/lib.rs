//! seglab verify
mod address_atoms;
mod classes;
mod endpoint_class;
mod header_set;
mod intern;
mod pair_set;
mod partition;
mod selector_index;
mod vocabulary;
pub use classes::{ClassId, Classes};
pub use header_set::HeaderSet;
pub use pair_set::{PairSet, Span};
mod direct;
mod judge;
mod reach;
pub use reach::{Direct, End, Row, Verifier};

pub mod smt;
