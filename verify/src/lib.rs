//! seglab verify

pub mod smt;
