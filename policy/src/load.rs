//! What an enforcement point takes, and how much it can do, where a design says so.

use crate::calibration::{Calibration, Input};
use std::collections::BTreeMap;

/// What a design says of one point in place of the [calibration](Calibration). No verdict rests on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// The numbers that it gives, each in the unit of its measure.
    pub given: BTreeMap<Input, f64>,
    /// Who says so; `None` where the design does not say.
    pub source: Option<String>,
}

impl Load {
    /// The number that holds at the point.
    pub fn input(&self, of: Input, calibration: &Calibration) -> f64 {
        self.given.get(&of).copied().unwrap_or_else(|| calibration.input(of))
    }
}
