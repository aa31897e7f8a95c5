//! What a campaign says of its designs: plain data, reduced in the order of replicas.

use seglab_policy::Quantity;
use serde::{Deserialize, Serialize};

use crate::kernel::statistics::{Confidence, Estimate, Fate, Incidence, Interval, PairedSamples, Precision, Samples};
use crate::kernel::{Duration, Time};

use super::checks::{self, CheckResult};
use super::replica::{Attempts, Delays, Flows, Latency, Replica, StationUse};
use super::traffic::load::EnforcementLoad;
use super::{Detection, Probes, Search, TrafficMode};

/// The result of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignResult {
    /// What was asked.
    pub scope: CampaignScope,
    /// The designs, in the order in which they were given.
    pub designs: Vec<DesignResult>,
    /// Every other design against the first, replica by replica.
    pub differences: Vec<Difference>,
}

/// What was asked: everything but the designs that the result depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignScope {
    /// The number of replicas.
    pub replicas: u32,
    /// The precision that decided about their number, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub precision: Option<PrecisionReached>,
    /// The seed.
    pub seed: u64,
    /// How long each replica is watched \[ns\].
    #[serde(rename = "horizon_ns")]
    pub horizon: Duration,
    /// The pivot model, by its name.
    pub pivot: String,
    /// The trust, by its name.
    pub trust: String,
    /// What may raise alerts.
    pub detection: Detection,
    /// What an owned unit tries at one address.
    pub search: Search,
    /// How attempts are played of which nothing can come but an alert.
    #[serde(default)]
    pub probes: Probes,
    /// The number of addresses that each scan is spread over.
    pub scanned_addresses: u32,
    /// The expected number of sampled flows of a need.
    pub flows_per_need: u32,
    /// How traffic is played.
    pub traffic: TrafficMode,
    /// The numbers of the calibration that were used: inputs that the designs do not say themselves, and checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<Quantity>,
}

/// What became of the precision that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PrecisionReached {
    /// The half-width asked for.
    #[serde(rename = "half_width")]
    pub asked: Precision,
    /// True if every design's interval is as narrow as that.
    pub met: bool,
    /// The most replicas there were to be.
    pub replicas_max: u32,
}

/// What a campaign says of one design. What is read of one has its replicas, and nothing reduced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesignResult {
    /// The design's name.
    pub design: String,
    /// The number of its units.
    pub units: u32,
    /// The attacker, if there was one.
    pub attacker: Option<String>,
    /// True if the design declares a monitor; without one there is no detection.
    pub monitored: bool,
    /// Units taken by the horizon.
    #[serde(skip_deserializing)]
    pub compromised: Samples,
    /// Units taken by each of [`CurvePoint::COUNT`] times, evenly from the start to the horizon.
    #[serde(skip_deserializing)]
    pub course: Vec<CurvePoint>,
    /// Every critical unit: how likely it is taken, by when.
    pub critical: Vec<CriticalResult>,
    /// The first critical unit to be taken, whichever it is; the competitor is that the attack is over before.
    #[serde(skip_deserializing)]
    pub first_critical: Incidence,
    /// The sum of the criticality of taken units by the horizon \[weight\].
    #[serde(skip_deserializing)]
    pub loss: Samples,
    /// The first alert.
    #[serde(skip_deserializing)]
    pub detection: Incidence,
    /// Alerts of a replica.
    #[serde(skip_deserializing)]
    pub alerts: Samples,
    /// The attempts of all replicas together.
    #[serde(skip_deserializing)]
    pub attempts: Attempts,
    /// The events of all replicas together.
    #[serde(skip_deserializing)]
    pub events: u64,
    /// The needs, in the order of the design.
    pub needs: Vec<NeedResult>,
    /// What an attack took beside what was observed elsewhere.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckResult>,
    /// What enforcing takes by the rates of needs; `None` without agents and appliances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement_load: Option<EnforcementLoad>,
    /// The services, in the order of the design.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceResult>,
    /// How late policy was for releases; `None` without releases, or for too few replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delays: Option<DelaysResult>,
    /// Every replica.
    pub replicas: Vec<Replica>,
}

/// The number of taken units at one time, over all replicas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// When.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// The mean.
    pub mean: f64,
    /// The value that 5 % of replicas do not exceed.
    pub q05: u64,
    /// The median.
    pub q50: u64,
    /// The value that 95 % of replicas do not exceed.
    pub q95: u64,
}

/// How likely a critical unit is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalResult {
    /// The unit.
    pub unit: String,
    /// How much its loss costs \[weight\].
    pub criticality: u32,
    /// How likely what lies on it leaves for the internet; `None` where the attacker does not care.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub exfiltrated: Option<Incidence>,
    /// When it was taken, the end of the attack by quarantine being a competing risk.
    #[serde(skip_deserializing)]
    pub incidence: Incidence,
}

/// What became of a need's sampled flows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeedResult {
    /// The release that it begins with, if it is not there from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Who opens the flows.
    pub from: String,
    /// To whom.
    pub to: String,
    /// On which services.
    pub services: Vec<String>,
    /// How often one source opens one \[flows per second\].
    pub rate_per_second: f64,
    /// How many flows each sampled one stands for; at least 1.
    pub one_in: f64,
    /// The sampled flows of all replicas together.
    #[serde(skip_deserializing)]
    pub flows: Flows,
    /// How long delivered flows took; `None` where nothing takes time, or too few replicas had any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyResult>,
}

/// How long the delivered flows of a need took, as means over replicas, which are independent where flows are not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyResult {
    /// The mean of a replica. \[ns\]
    pub mean_ns: Estimate,
    /// What half of a replica's flows do not exceed. \[ns\]
    pub p50_ns: Estimate,
    /// What 99 % of a replica's flows do not exceed. \[ns\]
    pub p99_ns: Estimate,
}

/// How late policy was for releases, as means over replicas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DelaysResult {
    /// The time from their dates until releases went ahead, summed over them. \[ns\]
    pub held_up_ns: Estimate,
    /// The time that rules were in force which no need was left for, summed over rules. \[ns\]
    pub outlived_ns: Estimate,
    /// The share of sampled flows that were denied only because policy was late.
    pub denied_share: Estimate,
}

/// What the servers of a service had to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceResult {
    /// The service.
    pub service: String,
    /// How many units answer for it.
    pub units: u32,
    /// How many servers each of them has.
    pub servers: u32,
    /// The share of its time that a server of the busiest unit is asked to work, by the rates of needs; above 1 there is more
    /// to do than can be done.
    pub offered_load: f64,
    /// Where every request was followed, what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<ServiceObserved>,
}

/// What was seen of a service's servers, all replicas together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceObserved {
    /// Requests that arrived.
    pub requests: u64,
    /// Those that found no place in the queue.
    pub refused: u64,
    /// The share of their time that servers were occupied.
    pub utilisation: Estimate,
    /// The number of requests that waited at one unit, on average over time.
    pub waiting: Estimate,
}

/// One design against the first, replica by replica under the same chance. In each pair the first design comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The first design's name.
    pub first: String,
    /// The other design's name.
    pub second: String,
    /// Units taken by the horizon.
    pub compromised: PairedSamples,
    /// The sum of the criticality of taken units by the horizon \[weight\].
    pub loss: PairedSamples,
    /// The time until the first critical unit is taken, at most the horizon \[ns\]; the horizon where none is.
    pub time_to_critical_ns: PairedSamples,
    /// Alerts.
    pub alerts: PairedSamples,
    /// The time until the first alert, at most the horizon \[ns\].
    pub time_to_detection_ns: PairedSamples,
    /// Sampled flows that did not work.
    pub broken_flows: PairedSamples,
    /// The time that releases were held up, summed over them \[ns\]; nothing where neither design has releases.
    #[serde(skip_serializing_if = "is_empty")]
    pub held_up_ns: PairedSamples,
    /// The time that rules were in force which no need was left for, summed over rules \[ns\].
    #[serde(skip_serializing_if = "is_empty")]
    pub outlived_ns: PairedSamples,
}

fn is_empty(samples: &PairedSamples) -> bool {
    samples.pairs().is_empty()
}

impl CurvePoint {
    /// How many points a curve has.
    pub const COUNT: u32 = 101;
}

impl CampaignResult {
    /// The result of designs whose replicas are all recorded.
    pub(super) fn of(scope: CampaignScope, mut designs: Vec<DesignResult>) -> Self {
        designs.iter_mut().for_each(|design| design.finish(&scope));
        let horizon = scope.horizon.after_start();
        let differences = match designs.split_first() {
            Some((first, others)) => others.iter().map(|other| Difference::between(first, other, horizon)).collect(),
            None => Vec::new(),
        };
        Self { scope, designs, differences }
    }
}

impl DesignResult {
    /// The same without its replicas, which stay.
    pub(super) fn without_replicas(&mut self) -> Self {
        let replicas = std::mem::take(&mut self.replicas);
        let empty = self.clone();
        self.replicas = replicas;
        empty
    }

    /// Adds the next replica.
    pub(super) fn record(&mut self, replica: Replica) {
        self.compromised.record(replica.compromised());
        self.loss.record(self.loss_in(&replica));
        self.alerts.record(replica.alerts.total());
        self.detection.record(replica.detection.at, replica.detection.fate);
        for (critical, settled) in self.critical.iter_mut().zip(&replica.critical) {
            critical.incidence.record(settled.at, settled.fate);
        }
        for (critical, settled) in self.critical.iter_mut().zip(&replica.exfiltrated) {
            critical.exfiltrated.get_or_insert_default().record(settled.at, settled.fate);
        }
        if let Some(first) = replica.first_critical() {
            self.first_critical.record(first.at, first.fate);
        }
        for (need, flows) in self.needs.iter_mut().zip(&replica.needs) {
            need.flows.add(flows);
        }
        self.attempts.add(&replica.attempts);
        self.events += replica.events;
        self.replicas.push(replica);
    }

    /// Draws the curve through all replicas, and sums up how long things took.
    pub(super) fn finish(&mut self, scope: &CampaignScope) {
        let horizon = scope.horizon;
        self.checks = checks::checks(self, &scope.calibration);
        for at in 0..self.needs.len() {
            let latency = self.latency(at);
            if let Some(need) = self.needs.get_mut(at) {
                need.latency = latency;
            }
        }
        for at in 0..self.services.len() {
            let observed = self.observed(at, horizon);
            if let Some(service) = self.services.get_mut(at) {
                service.observed = observed;
            }
        }
        self.delays = self.delays();
        self.course = (0..CurvePoint::COUNT)
            .map(|step| {
                let ns = u128::from(horizon.as_nanos()) * u128::from(step) / u128::from(CurvePoint::COUNT - 1);
                let at = Time::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX));
                let taken: Samples = self.replicas.iter().map(|replica| replica.compromised_by(at)).collect();
                let quantile = |share| taken.quantile(share).unwrap_or_default();
                let mean = match taken.mean(Confidence::P95) {
                    Some(mean) => mean.value,
                    None => quantile(0.5) as f64,
                };
                CurvePoint { at, mean, q05: quantile(0.05), q50: quantile(0.5), q95: quantile(0.95) }
            })
            .collect();
    }

    /// How long the delivered flows of the need with this position took.
    fn latency(&self, need: usize) -> Option<LatencyResult> {
        let of_replica = |replica: &Replica| {
            let delivered = replica.needs.get(need)?.delivered;
            Some((*replica.latencies.get(need)?, delivered)).filter(|_| delivered > 0)
        };
        let seen: Vec<(Latency, u64)> = self.replicas.iter().filter_map(of_replica).collect();
        let mean = |of: fn(&(Latency, u64)) -> u64| seen.iter().map(of).collect::<Samples>().mean(Confidence::P95);
        Some(LatencyResult {
            mean_ns: mean(|(latency, delivered)| latency.sum_ns / delivered)?,
            p50_ns: mean(|(latency, _)| latency.p50_ns)?,
            p99_ns: mean(|(latency, _)| latency.p99_ns)?,
        })
    }

    /// How late policy was for releases.
    fn delays(&self) -> Option<DelaysResult> {
        let mean = |of: &dyn Fn(&Replica) -> Option<u64>| {
            let values = self.replicas.iter().map(of).collect::<Option<Vec<u64>>>()?;
            values.into_iter().collect::<Samples>().mean(Confidence::P95)
        };
        let delayed = |of: fn(&Delays) -> u64| mean(&|replica| replica.delays.as_ref().map(of));
        let sum = |replica: &Replica, of: fn(&Flows) -> u64| replica.needs.iter().map(of).sum::<u64>();
        let tried: u64 = self.replicas.iter().map(|replica| sum(replica, |flows| flows.tried)).sum();
        let per_replica = tried.max(1) as f64 / self.replicas.len().max(1) as f64;
        let denied = mean(&|replica| Some(sum(replica, |flows| flows.stale)))?;
        Some(DelaysResult {
            held_up_ns: delayed(|delays| delays.held_up_ns)?,
            outlived_ns: delayed(|delays| delays.outlived_ns)?,
            denied_share: per(denied, per_replica),
        })
    }

    /// What was seen of the service with this position.
    fn observed(&self, service: usize, horizon: Duration) -> Option<ServiceObserved> {
        let uses: Vec<StationUse> =
            self.replicas.iter().filter_map(|replica| replica.stations.get(service).copied()).collect();
        let result = self.services.get(service)?;
        let per = |samples: Samples, whole: f64| Some(per(samples.mean(Confidence::P95)?, whole));
        let unit_ns = f64::from(result.units.max(1)) * horizon.as_nanos() as f64;
        Some(ServiceObserved {
            requests: uses.iter().map(|one| one.requests).sum(),
            refused: uses.iter().map(|one| one.refused).sum(),
            utilisation: per(uses.iter().map(|one| one.busy_ns).collect(), unit_ns * f64::from(result.servers))?,
            waiting: per(uses.iter().map(|one| one.waiting_ns).collect(), unit_ns)?,
        })
    }

    /// The summed criticality of the critical units that were taken in one of its replicas \[weight\].
    pub fn loss_in(&self, replica: &Replica) -> u64 {
        let taken = self.critical.iter().zip(&replica.critical).filter(|(_, settled)| settled.fate == Fate::Event);
        taken.map(|(critical, _)| u64::from(critical.criticality)).sum()
    }
}

/// A mean in parts of a whole.
fn per(mean: Estimate, whole: f64) -> Estimate {
    let (low, high) = (mean.interval.low / whole, mean.interval.high / whole);
    Estimate { value: mean.value / whole, interval: Interval { low, high } }
}

impl Difference {
    /// The second design against the first.
    pub(super) fn between(first: &DesignResult, second: &DesignResult, horizon: Time) -> Self {
        let mut difference = Self { first: first.design.clone(), second: second.design.clone(), ..Self::default() };
        for (one, other) in first.replicas.iter().zip(&second.replicas) {
            let time_to_critical = |replica: &Replica| match replica.first_critical() {
                Some(settled) if settled.fate == Fate::Event => settled.at.as_nanos(),
                _ => horizon.as_nanos(),
            };
            let broken = |replica: &Replica| replica.needs.iter().map(Flows::broken).sum();
            difference.compromised.record(one.compromised(), other.compromised());
            difference.loss.record(first.loss_in(one), second.loss_in(other));
            difference.time_to_critical_ns.record(time_to_critical(one), time_to_critical(other));
            difference.alerts.record(one.alerts.total(), other.alerts.total());
            difference.time_to_detection_ns.record(one.detection.at.as_nanos(), other.detection.at.as_nanos());
            difference.broken_flows.record(broken(one), broken(other));
            if one.delays.is_some() || other.delays.is_some() {
                let (one, other) = (one.delays.unwrap_or_default(), other.delays.unwrap_or_default());
                difference.held_up_ns.record(one.held_up_ns, other.held_up_ns);
                difference.outlived_ns.record(one.outlived_ns, other.outlived_ns);
            }
        }
        difference
    }

    /// True if the designs gave the same in every replica.
    pub fn is_zero(&self) -> bool {
        let samples = [
            &self.compromised,
            &self.loss,
            &self.time_to_critical_ns,
            &self.alerts,
            &self.time_to_detection_ns,
            &self.broken_flows,
            &self.held_up_ns,
            &self.outlived_ns,
        ];
        samples.into_iter().flat_map(PairedSamples::pairs).all(|(first, second)| first == second)
    }
}
