//! Integration tests of the scenarios.

mod generate;
