//! Integration tests of the scenarios.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking, in helpers too")]

mod generate;
