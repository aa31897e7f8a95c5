//! What simulation says: compromise over time, incidence, detection, and designs side by side.

use super::calibration::OutcomeCheck;
use super::scope::Input;
use seglab_sim::kernel::statistics::{Confidence, Estimate, Interval, Proportion};
use serde::{Deserialize, Serialize};

/// A campaign of one attacker against one design. Times are since the foothold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// The design.
    pub design: String,
    /// The attacker.
    pub attacker: String,
    /// The pivot model that the attacker follows.
    pub pivot: String,
    /// What still enforces at units that it owns.
    pub trust: String,
    /// True if the design declares a monitor: without one nothing is ever detected.
    pub monitored: bool,
    /// Replicas.
    pub replicas: u64,
    /// Where each replica ends. \[ns\]
    pub horizon_ns: u64,
    /// Units in the design.
    pub population: u64,
    /// The instants at which the curves are given, ascending. \[ns\]
    pub times_ns: Vec<u64>,
    /// Units owned over time: quantiles over replicas, ascending by quantile.
    pub compromised: Vec<QuantileCurve>,
    /// What befell each critical unit.
    pub critical: Vec<Incidence>,
    /// The time to the first alert.
    pub detection: Times,
    /// Alerts per replica.
    pub alerts: Quantiles,
    /// Connections that the attacker tried, per replica.
    pub attempts: Quantiles,
    /// The share of them that was denied, over all replicas. [0 to 1]
    pub denied_share: f64,
    /// Needed flows that did not work, as a share of those that were opened, over all replicas. [0 to 1]; `None` where
    /// none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows_broken_share: Option<f64>,
    /// Attempts that policy let through because it was late, over all replicas.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_by_late_policy: u64,
    /// The strike of ransomware; `None` where it never struck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike: Option<Strike>,
    /// What those who look at alerts had to do; `None` where there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triage: Option<Triage>,
    /// What became of the precision that was asked for, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionAsked>,
    /// What the attack took beside what was observed elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<OutcomeCheck>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How often ransomware struck, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strike {
    /// The share of replicas in which it did. [0 to 1]
    pub chance: Estimate,
    /// The median over these of the units that it struck.
    pub units_median: u64,
}

/// What those who look at alerts had to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Triage {
    /// The median number of cases of a replica.
    pub cases_median: u64,
    /// The share of all cases that were false alarms. [0 to 1]
    pub false_alarms_share: f64,
    /// The share of them that were missed. [0 to 1]
    pub missed_share: f64,
    /// For how long a case waited on average until somebody looked at it. \[ns\]
    pub waited_ns: u64,
}

/// How well the chance that a critical unit is owned was to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PrecisionAsked {
    /// To each side. [0 to 1]
    pub half_width: f64,
    /// True if it is known as well as that in every design.
    pub met: bool,
}

impl Simulation {
    /// The curve of this quantile.
    pub fn curve(&self, quantile: f64) -> Option<&QuantileCurve> {
        self.compromised.iter().find(|curve| (curve.quantile - quantile).abs() < 1e-9)
    }

    /// The lowest and the highest quantile: the edges of the band that is drawn.
    pub fn band(&self) -> Option<(&QuantileCurve, &QuantileCurve)> {
        let by_quantile = |a: &&QuantileCurve, b: &&QuantileCurve| a.quantile.total_cmp(&b.quantile);
        self.compromised.iter().min_by(by_quantile).zip(self.compromised.iter().max_by(by_quantile))
    }

    /// The median number of units owned at the end.
    pub fn median_at_end(&self) -> Option<f64> {
        self.curve(0.5)?.values.last().copied()
    }
}

/// One quantile over replicas, as a function of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuantileCurve {
    /// The quantile. [0 to 1]
    pub quantile: f64,
    /// Its value at each instant.
    pub values: Vec<f64>,
}

/// The chance over time that a unit is owned, with quarantine as a competing risk (Aalen–Johansen): a replica in which
/// quarantine comes first will never see the unit owned, and still counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Incidence {
    /// The unit.
    pub unit: String,
    /// The share of replicas in which it was owned by each instant of the simulation. [0 to 1]
    pub owned: Vec<f64>,
    /// The share of replicas in which quarantine ended the attack on it first. [0 to 1]
    pub quarantined: Vec<f64>,
    /// The time by which it is owned in half of all replicas; `None` if it never is. \[ns\]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_ns: Option<u64>,
    /// The chance that it is owned by the end. [0 to 1, 95% interval; where it never is, up to the 95% bound]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Estimate>,
    /// The chance that what lies on it leaves by then, likewise; `None` where the attacker does not care.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exfiltrated: Option<Estimate>,
    /// The time by which it has left in half of all replicas; `None` if it never has. \[ns\]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exfiltrated_half_ns: Option<u64>,
}

impl Incidence {
    /// The share of replicas that end with the unit owned.
    pub fn owned_at_end(&self) -> f64 {
        self.owned.last().copied().unwrap_or_default()
    }

    /// The share of replicas in which quarantine came first.
    pub fn quarantined_at_end(&self) -> f64 {
        self.quarantined.last().copied().unwrap_or_default()
    }

    /// The time by which the unit is owned in half of all replicas; `None` if that never happens. Of a report that does not
    /// say it, the first of its instants.
    pub fn median_ns(&self, times_ns: &[u64]) -> Option<u64> {
        let by_then = || self.owned.iter().zip(times_ns).find(|&(&share, _)| share >= 0.5).map(|(_, &time)| time);
        self.half_ns.or_else(by_then)
    }
}

/// The time to something that need not happen: quantiles over all replicas, those in which it never happened counting as
/// later than the horizon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Replicas in which it happened.
    pub happened: u64,
    /// Replicas.
    pub replicas: u64,
    /// The time by which it had happened in a tenth of them; `None`: not by the horizon. \[ns\]
    pub p10_ns: Option<u64>,
    /// In half of them. \[ns\]
    pub p50_ns: Option<u64>,
    /// In nine tenths. \[ns\]
    pub p90_ns: Option<u64>,
}

impl Times {
    /// The share of replicas in which it happened. [0 to 1, 95% interval]
    pub fn chance(&self) -> Option<Estimate> {
        Proportion::new(self.happened, self.replicas).map(estimate)
    }
}

/// A share of replicas with its 95% interval, which ends at the 95% bound if there are none.
pub(crate) fn estimate(of: Proportion) -> Estimate {
    let interval = match of.events() {
        0 => Interval { low: 0.0, high: of.upper_bound(Confidence::P95) },
        _ => of.clopper_pearson(Confidence::P95),
    };
    Estimate { value: of.estimate().unwrap_or_default(), interval }
}

/// Three quantiles over replicas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The 10 % quantile.
    pub p10: f64,
    /// The median.
    pub p50: f64,
    /// The 90 % quantile.
    pub p90: f64,
}

/// Several designs side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The pivot model of the blast radii.
    pub pivot: String,
    /// Their view.
    pub view: String,
    /// Their trust.
    pub trust: String,
    /// The designs, in the order in which they were named.
    pub designs: Vec<DesignOutcome>,
}

/// One design of several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DesignOutcome {
    /// Its name, unlike that of any other.
    pub design: String,
    /// The files that it was read from.
    pub inputs: Vec<Input>,
    /// Units.
    pub units: u64,
    /// Rules.
    pub rules: u64,
    /// Enforcement points that enforce.
    pub points: u64,
    /// The median blast radius. \[units\]
    pub blast_radius_median: u64,
    /// The largest. \[units\]
    pub blast_radius_max: u64,
    /// Needs.
    pub needs: u64,
    /// Needs that it breaks.
    pub needs_broken: u64,
    /// Properties that hold.
    pub holds: u64,
    /// Properties that are violated.
    pub violated: u64,
    /// Properties that are undecided.
    pub unknown: u64,
    /// The median number of units that the simulated attacker owns at the end; `None` without an attacker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_median: Option<f64>,
}

impl DesignOutcome {
    /// A size as a share of all units. [0 to 1]
    pub fn share(&self, size: u64) -> f64 {
        size as f64 / self.units.max(1) as f64
    }
}

/// One design against another, replica by replica under the same chance events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DesignDifference {
    /// The design that the other is held against.
    pub first: String,
    /// The other.
    pub second: String,
    /// What differs.
    pub measures: Vec<MeasuredDifference>,
}

/// By how much two designs differ in one measure: the second less the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredDifference {
    /// What: `units owned`.
    pub what: String,
    /// In which unit.
    pub unit: String,
    /// The mean over replicas, with its 95% interval.
    pub estimate: Estimate,
}
