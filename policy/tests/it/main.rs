//! The model, seen from outside.

mod shares;
