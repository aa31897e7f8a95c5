//! What heads every output.

use super::Verification;
use super::scope::{Assumption, Input, Tool, Unmodelled};
use serde::{Deserialize, Serialize};

/// What every output says before its result: what made it, from which bytes, and what it rests on. Machine formats
/// carry the fields, text has them as its first lines ([`heading_text`](crate::heading_text)).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heading {
    /// The name of the design.
    pub design: String,
    /// What made the output.
    pub tool: Tool,
    /// The seed of everything random; `None` where nothing is.
    pub seed: Option<u64>,
    /// The day on which last days were looked at; `None` where nothing has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<String>,
    /// The files that were read.
    pub inputs: Vec<Input>,
    /// What the results rest on and nobody has checked.
    pub assumptions: Vec<Assumption>,
    /// What was read and is not modelled.
    pub unmodelled: Vec<Unmodelled>,
}

impl From<&Verification> for Heading {
    fn from(of: &Verification) -> Self {
        Self {
            design: of.design.clone(),
            tool: of.tool.clone(),
            seed: of.seed,
            today: of.today.clone(),
            inputs: of.inputs.clone(),
            assumptions: of.assumptions.clone(),
            unmodelled: of.unmodelled.clone(),
        }
    }
}
