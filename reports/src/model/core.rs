//! What a verdict on one connection rests on.

use super::{DecidingRule, Outcome};
use serde::{Deserialize, Serialize};

/// The fewest rules and defaults that the verdict on a connection rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cores {
    /// The verdict.
    pub outcome: Outcome,
    /// With these it stays, whichever others are taken away.
    pub enough: Core,
    /// Without these it is the opposite; absent where nothing that can be taken away turns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Core>,
}

/// As few rules and defaults as do it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Core {
    /// Rules; to take one away is to delete it.
    pub rules: Vec<DecidingRule>,
    /// Defaults, in words; to take one away is to let it allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<String>,
    /// True if it is proved that no smaller set does it.
    pub least: bool,
    /// Every set that does it has at least so many parts; its own number where none is smaller.
    pub at_least: usize,
    /// Why no more is known, where it is not the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}
