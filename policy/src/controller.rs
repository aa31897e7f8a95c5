//! What distributes policy to enforcement points, and when it is out.
//!
//! No verdict rests on this: a proof takes every point to have the rules that are declared. So the normal form leaves it out.
//! Simulations draw it.

use crate::source::Provenance;

/// What the [points](crate::EnforcementPoint::controller) that name it learn from. While it is out they learn nothing, and
/// enforce what they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The name, unique in a design.
    pub name: String,
    /// The mean time from a repair to the next outage, exponentially distributed; above zero. \[ns\]
    pub fails_every_ns: u64,
    /// The mean time from an outage to its repair, exponentially distributed. \[ns\]
    pub repair_ns: u64,
    /// Where it is written.
    pub provenance: Provenance,
}
