//! What the business' traffic met while a design was simulated.

use seglab_sim::models::{DelaysResult, Flows, LatencyResult, ServiceResult};
use serde::{Deserialize, Serialize};

/// What became of the traffic of a design, over all replicas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// The design.
    pub design: String,
    /// Its needs, in the order of the design.
    pub needs: Vec<NeedTraffic>,
    /// Its services, in the order of the design.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceResult>,
    /// How late policy was for releases; `None` without releases, or for too few replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delays: Option<DelaysResult>,
    /// True if ransomware struck in some replica: what it struck is counted with what is in quarantine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub struck: bool,
}

/// What became of the requests of one need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NeedTraffic {
    /// The need: `web -> db tcp/5432`, with its release if it begins with one.
    pub need: String,
    /// Its flows, or where every request was played, its requests.
    pub flows: Flows,
    /// How long the served ones took; `None` where nothing takes time, or too few replicas had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyResult>,
}

impl Traffic {
    /// Needs of which policy denied flows.
    pub fn denied(&self) -> impl Iterator<Item = &NeedTraffic> {
        self.needs.iter().filter(|need| need.flows.denied > 0)
    }

    /// True if something takes time: a service, or an appliance on the way.
    pub fn takes_time(&self) -> bool {
        !self.services.is_empty() || self.needs.iter().any(|need| need.latency.is_some())
    }

    /// Needs of which there is more to say than that all is well: how long requests took, or that some were not served.
    pub fn remarkable(&self) -> impl Iterator<Item = &NeedTraffic> {
        self.needs.iter().filter(|need| need.flows.tried > 0 && (need.latency.is_some() || need.flows.broken() > 0))
    }
}

impl NeedTraffic {
    /// A number of its flows as a share of all. [0 to 1]
    pub fn share(&self, count: u64) -> f64 {
        count as f64 / self.flows.tried.max(1) as f64
    }

    /// What became of the flows that were not served: how many, and why.
    pub fn losses(&self) -> impl Iterator<Item = (u64, &'static str)> {
        let flows = &self.flows;
        [
            (flows.denied, "blocked"),
            (flows.stale, "blocked by late policy"),
            (flows.upstream, "blocked further on"),
            (flows.quarantined, "in quarantine"),
            (flows.queue_full, "queue full"),
            (flows.table_full, "table full"),
            (flows.too_slow, "too slow"),
            (flows.unknown, "unknown"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
    }
}
