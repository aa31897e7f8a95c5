//! What rates say of an appliance, held to stations of the same designs that are played request by request.

use super::*;
use seglab_formats::lab::calibration;
use seglab_policy::{EnforcementPoint, Input, Level, Load, Placement, PointKind, RulebookId};
use seglab_sim::models::{ApplianceLoad, Latency};

/// What rates say of an appliance between users and server that can do so much.
fn appliance(file: &str, factor: f64, given: &[(Input, f64)]) -> ApplianceLoad {
    let mut draft = lab(file).to_draft();
    requests(&mut draft, factor);
    for unit in &mut draft.units {
        unit.interfaces[0].place.zone = Some(unit.name.clone());
    }
    draft.points.push(EnforcementPoint {
        kind: PointKind::Appliance,
        placement: Placement::Between(Level::Zone),
        directions: seglab_policy::Directions::ALL,
        load: Load { given: given.iter().copied().collect(), source: None },
        ..EnforcementPoint::ideal("edge", RulebookId(0))
    });
    let settings = Settings {
        replicas: 1,
        attacker: AttackerChoice::Nobody,
        flows_per_need: 0,
        calibration: Some(calibration::defaults().unwrap()),
        ..Settings::default()
    };
    let result = Campaign::run(&[&Design::new(draft).unwrap()], &settings).unwrap();
    result.designs[0].enforcement_load.as_ref().unwrap().appliances[0].clone()
}

/// Quantiles over the requests of long runs: of 10,000 requests each they are hardly biased.
#[test]
fn waits_of_an_appliance_are_those_of_a_station() {
    let queue = Queue::of("md1.yaml", sojourn, 0.0);
    let settings = Settings {
        replicas: 60,
        seed: 5,
        horizon: Duration::from_secs(1_000),
        threads: NonZeroUsize::new(2).unwrap(),
        ..queue.settings
    };
    let result = Campaign::run(&[&lab("md1.yaml")], &settings).unwrap();
    let replicas = &result.designs[0].replicas;
    // The desk takes 70 ms: an appliance as fast, which takes as long for one that comes alone.
    let given = [(Input::ApplianceRate, 1.0 / 0.07), (Input::ApplianceLatency, 0.07)];
    let (right, wrong) = (appliance("md1.yaml", 1.0, &given), appliance("md1.yaml", 1.1, &given));
    type Quantile = (&'static str, fn(&Latency) -> u64, fn(&ApplianceLoad) -> f64);
    let quantiles: [Quantile; 2] = [
        ("p50", |latency| latency.p50_ns, |load| load.latency_ns_p50.unwrap()),
        ("p99", |latency| latency.p99_ns, |load| load.latency_ns_p99.unwrap()),
    ];
    for (name, seen, said) in quantiles {
        let values: Vec<f64> = replicas.iter().map(|replica| seen(&replica.latencies[0]) as f64).collect();
        let mean = mean_of(&values);
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 59.0;
        // Histograms know three digits.
        let error = (variance / 60.0).sqrt() + 5e-4 * mean;
        let deviate = |load: &ApplianceLoad| (mean - said(load)) / error;
        println!(
            "| `md1.yaml` {name} | {mean:.0} ns | {:+.2} | {:+.2} at a rate 10 % off |",
            deviate(&right),
            deviate(&wrong)
        );
        assert!(deviate(&right).abs() < 4.0, "{name}: {mean}, said {}", said(&right));
        assert!(deviate(&wrong).abs() > 4.0, "{name}: a rate that is off goes unnoticed");
    }
}

/// Erlang's first formula by his recursion.
pub(crate) fn erlang_b(load: f64, lines: u32) -> f64 {
    (1..=lines).fold(1.0, |refused, line| load * refused / (f64::from(line) + load * refused))
}

/// The load of `erlang-b.yaml`: ten a second, each for the mean of a lognormal time.
pub(crate) fn erlangs() -> f64 {
    10.0 * 0.5 * libm::exp(0.32)
}

#[test]
fn refusals_of_an_appliance_are_those_of_a_station() {
    let given = [(Input::ApplianceTable, 8.0), (Input::ConnectionLife, erlangs() / 10.0)];
    let said = appliance("erlang-b.yaml", 1.0, &given).refused_share;
    assert!((said / erlang_b(erlangs(), 8) - 1.0).abs() < 1e-9, "{said}");
}
