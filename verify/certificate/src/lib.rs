//! The checker.
mod attack;
mod certificate;
mod check;
mod design;
mod fields;
mod judge;
mod refusal;
mod sets;
mod sha256;
mod works;
mod world;

pub use check::{Accepted, Judge, Question};
pub use design::Design;
pub use refusal::{Obligation, Refusal};
pub use sha256::sha256;
