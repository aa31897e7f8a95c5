//! Tests of the Kubernetes reader.

mod accepted;
mod conformance;
pub(crate) mod data;
mod mutated;
mod reach;
mod refused;
mod shops;
mod surprising;
mod units;
