//! What campaigns say of the business' traffic, and of two designs under the same chance events.

use crate::model::{DesignDifference, MeasuredDifference, NeedTraffic, Traffic};
use seglab_sim::kernel::statistics::{Confidence, Estimate, Interval, PairedSamples};
use seglab_sim::models::{CampaignResult, DesignResult, Difference, NeedResult};

/// What became of the traffic of each design that has needs or releases.
pub fn traffic(of: &CampaignResult) -> Vec<Traffic> {
    of.designs.iter().filter(|one| !one.needs.is_empty() || one.delays.is_some()).map(traffic_of).collect()
}

/// What became of the traffic of one design.
pub fn traffic_of(of: &DesignResult) -> Traffic {
    Traffic {
        design: of.design.clone(),
        needs: of.needs.iter().map(need).collect(),
        services: of.services.clone(),
        delays: of.delays,
        struck: of.replicas.iter().any(|replica| replica.impact.is_some()),
    }
}

fn need(of: &NeedResult) -> NeedTraffic {
    let begins = of.release.as_ref().map_or_else(String::new, |release| format!(" (release {release})"));
    NeedTraffic {
        need: format!("{} -> {} {}{begins}", of.from, of.to, of.services.join(" ")),
        flows: of.flows,
        latency: of.latency,
    }
}

/// Every other design against the first, in what people measure in.
pub fn differences(of: &CampaignResult) -> Vec<DesignDifference> {
    of.differences.iter().map(difference).collect()
}

fn difference(of: &Difference) -> DesignDifference {
    const HOURS: f64 = 1.0 / 3.6e12;
    let measured = |what: &str, samples: &PairedSamples, scale: f64, unit: &str| {
        let Estimate { value, interval } = samples.mean_difference(Confidence::P95)?;
        let interval = Interval { low: interval.low * scale, high: interval.high * scale };
        let estimate = Estimate { value: value * scale, interval };
        Some(MeasuredDifference { what: what.to_owned(), unit: unit.to_owned(), estimate })
    };
    let measures = [
        measured("units owned", &of.compromised, 1.0, "units"),
        measured("loss", &of.loss, 1.0, "weight"),
        measured("time to first critical", &of.time_to_critical_ns, HOURS, "h"),
        measured("time to detection", &of.time_to_detection_ns, HOURS, "h"),
        measured("alerts", &of.alerts, 1.0, "alerts"),
        measured("broken flows", &of.broken_flows, 1.0, "flows"),
        measured("releases held up", &of.held_up_ns, HOURS, "h"),
        measured("rules that outlive needs", &of.outlived_ns, HOURS, "rule-h"),
    ];
    DesignDifference {
        first: of.first.clone(),
        second: of.second.clone(),
        measures: measures.into_iter().flatten().collect(),
    }
}
