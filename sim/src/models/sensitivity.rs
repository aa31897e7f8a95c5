//! What a comparison hangs on: the same designs with one number changed at a time, and with less detection.
//!
//! A range says that a number is not known, a confidence interval that replicas are finitely many; the two stand apart here.
//! Every outcome is of the same chance events, so that what differs between outcomes is due to the change.

use seglab_policy::{Design, Draft};
use serde::Serialize;

use crate::kernel::Duration;
use crate::kernel::statistics::{Confidence, Estimate};

use super::{Campaign, CampaignError, CampaignResult, Detection, Settings};

/// A number of the attackers or of the monitor, by its key in a lab file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parameter {
    /// How often an owned unit tries another endpoint. [attempts per second]
    ScanRate,
    /// The chance that an attempt to exploit a vulnerability works. [0 to 1]
    ExploitProbability,
    /// The mean time of an exploit. \[ns\]
    ExploitMean,
    /// The chance that an attempt to log in works. [0 to 1]
    LoginProbability,
    /// The mean time of a login. \[ns\]
    LoginMean,
    /// The chance that a denied attempt raises an alert. [0 to 1]
    DeniedAlerts,
    /// The chance that the sensor notices a unit that has been taken. [0 to 1]
    SensorProbability,
    /// The mean time until it does. \[ns\]
    SensorMean,
    /// The mean time from an alert to the quarantine. \[ns\]
    Response,
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// [per second]
    Rate,
    /// [0 to 1]
    Probability,
    /// \[ns\]
    Time,
}

/// The values that a parameter may have, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The parameter.
    pub parameter: Parameter,
    /// The lowest and the highest value, in the unit of the parameter.
    pub ends: [f64; 2],
}

/// How a comparison differs from the designs as they are declared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Not at all.
    None,
    /// Other things raise alerts.
    Detection(Detection),
    /// A parameter has another value, in all designs that have it.
    Parameter {
        /// Which one.
        parameter: Parameter,
        /// Its value, in its unit.
        value: f64,
    },
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// What was changed.
    pub change: Change,
    /// The designs, in the order in which they were named.
    pub designs: Vec<DesignOutcome>,
}

/// What befell one design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DesignOutcome {
    /// Its name.
    pub design: String,
    /// Units owned by the horizon, the mean over replicas.
    pub compromised: Estimate,
    /// The same as a share of what the first design loses.
    pub ratio: f64,
    /// The same less what the first design loses, replica by replica; `None` of the first.
    pub difference: Option<Estimate>,
    /// This design is worse than the first, where it is better as declared, or the other way round, and both by more than
    /// their intervals.
    pub flips: bool,
}

/// A comparison under one change after the other: as declared, with less detection, and with every range's ends, the range
/// first that moves the ratio of some design the most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// What each came to; the first is the designs as declared.
    pub outcomes: Vec<Outcome>,
}

impl Parameter {
    /// Every parameter.
    pub const ALL: [Self; 9] = [
        Self::ScanRate,
        Self::ExploitProbability,
        Self::ExploitMean,
        Self::LoginProbability,
        Self::LoginMean,
        Self::DeniedAlerts,
        Self::SensorProbability,
        Self::SensorMean,
        Self::Response,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScanRate => "scan-rate",
            Self::ExploitProbability => "exploit-probability",
            Self::ExploitMean => "exploit-mean",
            Self::LoginProbability => "login-probability",
            Self::LoginMean => "login-mean",
            Self::DeniedAlerts => "denied-alerts",
            Self::SensorProbability => "sensor-probability",
            Self::SensorMean => "sensor-mean",
            Self::Response => "response",
        }
    }

    /// What its values are.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::ScanRate => Quantity::Rate,
            Self::ExploitMean | Self::LoginMean | Self::SensorMean | Self::Response => Quantity::Time,
            Self::ExploitProbability | Self::LoginProbability | Self::DeniedAlerts | Self::SensorProbability => {
                Quantity::Probability
            }
        }
    }

    /// Puts a value; false if the design has nothing that it would be of.
    fn put(self, draft: &mut Draft, value: f64) -> bool {
        // Times are rounded to nanoseconds, and saturate.
        let ns = value.round() as u64;
        let attackers = draft.attackers.iter_mut();
        match (self, &mut draft.monitor) {
            (Self::ScanRate, _) => attackers.map(|one| one.scan_rate_per_second = value).count() > 0,
            (Self::ExploitProbability, _) => attackers.map(|one| one.exploit_probability = value).count() > 0,
            (Self::ExploitMean, _) => attackers.map(|one| one.exploit_mean_ns = ns).count() > 0,
            (Self::LoginProbability, _) => attackers.map(|one| one.login_probability = value).count() > 0,
            (Self::LoginMean, _) => attackers.map(|one| one.login_mean_ns = ns).count() > 0,
            (_, None) => false,
            (Self::DeniedAlerts, Some(monitor)) => {
                monitor.denied_alert_probability = value;
                true
            }
            (Self::SensorProbability, Some(monitor)) => {
                monitor.sensor_probability = value;
                true
            }
            (Self::SensorMean, Some(monitor)) => {
                monitor.sensor_mean_ns = ns;
                true
            }
            (Self::Response, Some(monitor)) => {
                monitor.response_mean_ns = ns;
                true
            }
        }
    }

    /// A value as people write it.
    pub fn display(self, value: f64) -> String {
        match self.quantity() {
            Quantity::Rate => format!("{value}/s"),
            Quantity::Probability => value.to_string(),
            Quantity::Time => Duration::from_nanos(value.round() as u64).to_string(),
        }
    }
}

impl Sensitivity {
    /// Plays the attack on the designs under every change; traffic is left out.
    ///
    /// # Errors
    /// As [`Campaign::run`], for every change; where no design has what a parameter is of; and a single replica, which has
    /// no interval.
    pub fn run(designs: &[&Design], settings: &Settings, ranges: &[Range]) -> Result<Self, CampaignError> {
        let settings = Settings { flows_per_need: 0, precision: None, calibration: None, ..settings.clone() };
        let declared = outcome(Change::None, &Campaign::run(designs, &settings)?)?;
        let mut outcomes = Vec::new();
        let is_watched = designs.iter().any(|design| design.monitor().is_some());
        for detection in [Detection::SensorOnly, Detection::Off] {
            if is_watched && detection < settings.detection {
                let settings = Settings { detection, ..settings.clone() };
                outcomes.push(outcome(Change::Detection(detection), &Campaign::run(designs, &settings)?)?);
            }
        }
        let mut varied = Vec::new();
        for &Range { parameter, ends } in ranges {
            let mut both = Vec::new();
            for value in ends {
                let changed = changed(designs, parameter, value)?;
                let changed: Vec<&Design> = changed.iter().collect();
                let change = Change::Parameter { parameter, value };
                both.push(outcome(change, &Campaign::run(&changed, &settings)?)?);
            }
            varied.push(both);
        }
        varied.sort_by(|one, other| swing(other).total_cmp(&swing(one)));
        outcomes.extend(varied.into_iter().flatten());
        outcomes.iter_mut().for_each(|outcome| outcome.mark_flips(&declared));
        outcomes.insert(0, declared);
        Ok(Self { outcomes })
    }
}

impl Outcome {
    fn mark_flips(&mut self, declared: &Self) {
        for (now, before) in self.designs.iter_mut().zip(&declared.designs) {
            now.flips = match (side(before), side(now)) {
                (Some(before), Some(now)) => before != now,
                _ => false,
            };
        }
    }
}

/// True if a design is worse than the first, false if it is better; `None` where replicas do not say.
fn side(design: &DesignOutcome) -> Option<bool> {
    let interval = design.difference?.interval;
    if interval.low > 0.0 {
        Some(true)
    } else if interval.high < 0.0 {
        Some(false)
    } else {
        None
    }
}

/// By which factor a range moves the ratio of some design at most, as a logarithm.
fn swing(ends: &[Outcome]) -> f64 {
    let [low, high] = ends else { return 0.0 };
    let of_design = |(low, high): (&DesignOutcome, &DesignOutcome)| libm::fabs(libm::log(high.ratio / low.ratio));
    low.designs.iter().zip(&high.designs).map(of_design).fold(0.0, f64::max)
}

/// The designs with another value of a parameter.
fn changed(designs: &[&Design], parameter: Parameter, value: f64) -> Result<Vec<Design>, CampaignError> {
    let mut has_some = false;
    let mut changed = Vec::with_capacity(designs.len());
    for design in designs {
        let mut draft = design.to_draft();
        has_some |= parameter.put(&mut draft, value);
        let refused = |_| CampaignError::Value { parameter: parameter.name(), value: parameter.display(value) };
        changed.push(Design::new(draft).map_err(refused)?);
    }
    if has_some { Ok(changed) } else { Err(CampaignError::NothingToVary(parameter.name())) }
}

fn outcome(change: Change, result: &CampaignResult) -> Result<Outcome, CampaignError> {
    let mut designs: Vec<DesignOutcome> = Vec::with_capacity(result.designs.len());
    for (at, design) in result.designs.iter().enumerate() {
        let compromised = design.compromised.mean(Confidence::P95).ok_or(CampaignError::OneReplica)?;
        let first = designs.first().map_or(compromised, |first| first.compromised);
        let difference = at.checked_sub(1).and_then(|at| result.differences.get(at));
        designs.push(DesignOutcome {
            design: design.design.clone(),
            compromised,
            ratio: compromised.value / first.value,
            difference: difference.and_then(|difference| difference.compromised.mean_difference(Confidence::P95)),
            flips: false,
        });
    }
    Ok(Outcome { change, designs })
}
