//! Designs to start from: generated ones of any size.

pub mod generate;
