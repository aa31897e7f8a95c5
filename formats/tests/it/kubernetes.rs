//! Tests of the Kubernetes reader.

mod conformance;
mod data;
mod reach;
