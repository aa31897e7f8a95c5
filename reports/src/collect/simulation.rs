//! Campaigns of the simulator.

use crate::model::{self, QuantileCurve, Quantiles, Times};
use seglab_sim::kernel::Time;
use seglab_sim::kernel::statistics::{Incidence, IncidenceCurve, Samples};
use seglab_sim::models::{CampaignResult, CampaignScope, CriticalResult, DesignResult};

/// What a campaign says of each of its designs. Designs that nobody attacks are left out.
pub fn simulations(of: &CampaignResult) -> Vec<model::Simulation> {
    of.designs.iter().filter_map(|design| simulation(&of.scope, design)).collect()
}

fn simulation(scope: &CampaignScope, of: &DesignResult) -> Option<model::Simulation> {
    let attacker = of.attacker.clone()?;
    let times: Vec<Time> = of.course.iter().map(|point| point.at).collect();
    let curve = |quantile, value: fn(&seglab_sim::models::CurvePoint) -> u64| QuantileCurve {
        quantile,
        values: of.course.iter().map(|point| value(point) as f64).collect(),
    };
    let attempts: Samples = of.replicas.iter().map(|replica| replica.attempts.made).collect();
    Some(model::Simulation {
        design: of.design.clone(),
        attacker,
        pivot: scope.pivot.clone(),
        trust: scope.trust.clone(),
        monitored: of.monitored,
        replicas: scope.replicas.into(),
        horizon_ns: scope.horizon.as_nanos(),
        population: of.units.into(),
        compromised: vec![
            curve(0.05, |point| point.q05),
            curve(0.5, |point| point.q50),
            curve(0.95, |point| point.q95),
        ],
        critical: of.critical.iter().map(|one| incidence(one, &times)).collect(),
        times_ns: times.into_iter().map(Time::as_nanos).collect(),
        detection: detection(&of.detection, scope),
        alerts: quantiles(&of.alerts),
        attempts: quantiles(&attempts),
        denied_share: of.attempts.denied as f64 / of.attempts.made.max(1) as f64,
        flows_broken_share: flows_broken(of),
        checks: super::calibration::checks(&of.checks),
    })
}

fn incidence(of: &CriticalResult, times: &[Time]) -> model::Incidence {
    let curve = of.incidence.curve();
    model::Incidence {
        unit: of.unit.clone(),
        owned: times.iter().map(|&at| curve.at(at)).collect(),
        quarantined: times.iter().map(|&at| competitor_at(&curve, at)).collect(),
    }
}

fn competitor_at(of: &IncidenceCurve, at: Time) -> f64 {
    let after = of.steps().partition_point(|step| step.at <= at);
    after.checked_sub(1).and_then(|last| of.steps().get(last)).map_or(0.0, |step| step.competitor_incidence)
}

fn detection(of: &Incidence, scope: &CampaignScope) -> Times {
    let curve = of.curve();
    let by = |share| curve.time_to(share).map(Time::as_nanos);
    let happened = curve.steps().iter().map(|step| step.events).sum();
    Times { happened, replicas: scope.replicas.into(), p10_ns: by(0.1), p50_ns: by(0.5), p90_ns: by(0.9) }
}

fn quantiles(of: &Samples) -> Quantiles {
    let at = |share| of.quantile(share).unwrap_or_default() as f64;
    Quantiles { p10: at(0.1), p50: at(0.5), p90: at(0.9) }
}

/// The share of needed flows that do not work, each sampled flow counting for those that it stands for.
fn flows_broken(of: &DesignResult) -> Option<f64> {
    let sum = |count: fn(&seglab_sim::models::Flows) -> u64| -> f64 {
        of.needs.iter().map(|need| need.one_in * count(&need.flows) as f64).sum()
    };
    let tried = sum(|flows| flows.tried);
    (tried > 0.0).then(|| sum(seglab_sim::models::Flows::broken) / tried)
}
