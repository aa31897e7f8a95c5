//! Campaigns of the simulator.

use crate::model::{self, PrecisionAsked, QuantileCurve, Quantiles, Strike, Times, Triage};
use seglab_sim::kernel::Time;
use seglab_sim::kernel::statistics::{Estimate, Incidence, IncidenceCurve, Proportion, Samples};
use seglab_sim::models::{CampaignResult, CampaignScope, Cases, CriticalResult, DesignResult, Impact};

/// What a campaign says of each of its designs. Designs that nobody attacks are left out.
pub fn simulations(of: &CampaignResult) -> Vec<model::Simulation> {
    of.designs.iter().filter_map(|design| simulation(&of.scope, design)).collect()
}

/// What a campaign says of a design; `None` where nobody attacks it.
pub(crate) fn simulation(scope: &CampaignScope, of: &DesignResult) -> Option<model::Simulation> {
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
        critical: of.critical.iter().map(|one| incidence(one, &times, scope)).collect(),
        times_ns: times.into_iter().map(Time::as_nanos).collect(),
        detection: detection(&of.detection, scope),
        alerts: quantiles(&of.alerts),
        attempts: quantiles(&attempts),
        denied_share: of.attempts.denied as f64 / of.attempts.made.max(1) as f64,
        flows_broken_share: flows_broken(of),
        attempts_by_late_policy: of.attempts.stale,
        strike: strike(of),
        triage: triage(of),
        precision: precision(scope),
        checks: super::calibration::checks(&of.checks),
    })
}

/// What became of the precision that was asked for, if one was.
pub(crate) fn precision(of: &CampaignScope) -> Option<PrecisionAsked> {
    let precision = of.precision?;
    Some(PrecisionAsked { half_width: precision.asked.half_width(), met: precision.met })
}

/// How often ransomware struck, and how much; `None` where it never did.
fn strike(of: &DesignResult) -> Option<Strike> {
    let struck: Vec<Impact> = of.replicas.iter().filter_map(|replica| replica.impact).collect();
    let chance = Proportion::new(struck.len() as u64, of.replicas.len() as u64).filter(|_| !struck.is_empty())?;
    let units: Samples = struck.iter().map(|impact| u64::from(impact.units)).collect();
    Some(Strike { chance: model::estimate(chance), units_median: units.quantile(0.5).unwrap_or_default() })
}

/// What those who look at alerts had to do; `None` where there was nothing.
fn triage(of: &DesignResult) -> Option<Triage> {
    let sum = |count: fn(&Cases) -> u64| of.replicas.iter().map(|replica| count(&replica.triage)).sum::<u64>();
    let all = sum(|cases| cases.cases);
    let waited_ns = sum(|cases| cases.waited_ns).checked_div(all)?;
    let cases: Samples = of.replicas.iter().map(|replica| replica.triage.cases).collect();
    let share = |count: u64| count as f64 / all as f64;
    Some(Triage {
        cases_median: cases.quantile(0.5).unwrap_or_default(),
        false_alarms_share: share(sum(|cases| cases.false_alarms)),
        missed_share: share(sum(|cases| cases.missed)),
        waited_ns,
    })
}

/// The share of replicas in which something happened by the horizon.
fn chance(of: &Incidence, scope: &CampaignScope) -> Option<Estimate> {
    of.curve().proportion_at(scope.horizon.after_start()).map(model::estimate)
}

fn incidence(of: &CriticalResult, times: &[Time], scope: &CampaignScope) -> model::Incidence {
    let curve = of.incidence.curve();
    let half_ns = |curve: &IncidenceCurve| curve.time_to(0.5).map(Time::as_nanos);
    model::Incidence {
        unit: of.unit.clone(),
        owned: times.iter().map(|&at| curve.at(at)).collect(),
        quarantined: times.iter().map(|&at| competitor_at(&curve, at)).collect(),
        half_ns: half_ns(&curve),
        chance: chance(&of.incidence, scope),
        exfiltrated_half_ns: of.exfiltrated.as_ref().and_then(|one| half_ns(&one.curve())),
        exfiltrated: of.exfiltrated.as_ref().and_then(|one| chance(one, scope)),
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
