//! Integration tests of the readers.

mod kubernetes;
