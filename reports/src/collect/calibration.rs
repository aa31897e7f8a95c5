//! Calibration, checks and loads of campaigns.

use crate::model::{CalibratedValue, DesignLoad, OutcomeCheck};
use seglab_policy::Quantity;
use seglab_sim::models::{CampaignResult, CheckResult};

/// The numbers of the calibration that a campaign used.
pub fn calibration(of: &[Quantity]) -> Vec<CalibratedValue> {
    let value = |one: &Quantity| CalibratedValue {
        name: one.part().name().to_owned(),
        value: one.to_string(),
        role: one.part().role().to_owned(),
        source: one.source().to_owned(),
        date: one.date().to_string(),
    };
    of.iter().map(value).collect()
}

/// What an attack took beside what was observed elsewhere.
pub fn checks(of: &[CheckResult]) -> Vec<OutcomeCheck> {
    let check = |one: &CheckResult| OutcomeCheck {
        name: one.observed.part().name().to_owned(),
        observed: one.observed.to_string(),
        share: one.share,
        simulated_ns: one.simulated_ns,
        ratio: one.ratio,
    };
    of.iter().map(check).collect()
}

/// What enforcing takes, of each design that has agents or appliances.
pub fn loads(of: &CampaignResult) -> Vec<DesignLoad> {
    let loads = of.designs.iter().filter_map(|one| Some((one.design.clone(), one.enforcement_load.clone()?)));
    loads.map(|(design, load)| DesignLoad { design, load }).collect()
}
