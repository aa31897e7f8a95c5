//! The semantic difference is that of a naive one, which asks the reference evaluator about every pair and header of
//! both designs and follows attacks unit by unit: both inclusions, counts, witnesses and paths.

mod by_hand;
mod claims;
mod mutation;
mod random;
