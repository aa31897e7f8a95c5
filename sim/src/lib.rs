//! The simulator: how bad an attack would be, how likely, and how soon.
//!
//! - [`kernel`] is a discrete-event simulator that knows nothing of networks: a clock, an event queue, random draws
//!   that are addressed by what they decide, statistics that merge exactly, and replicas on threads.
//! - [`models`] run on it: units, enforcement points, an attacker, a monitor, the business' traffic.

pub mod kernel;
pub mod models;
