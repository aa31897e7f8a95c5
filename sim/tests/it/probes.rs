//! Thinned probes: what nothing can come of is not played, and nobody can tell.

use seglab_policy::{Design, Pivot, Trust};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::Fate;
use seglab_sim::models::{Campaign, Detection, Probes, Replica, Settings};

use crate::company::{company, run};
use crate::contracts::{OnPanic, armed, attacked, cases};

fn settings(seed: u64, replicas: u32, detection: Detection) -> Settings {
    Settings {
        seed,
        replicas,
        detection,
        horizon: Duration::from_hours(8),
        pivot: Pivot::ALL[(seed / 3 % 4) as usize],
        trust: [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][(seed % 3) as usize],
        ..Settings::default()
    }
}

/// The replicas of a campaign in both ways.
fn both(design: &Design, settings: &Settings) -> [Vec<Replica>; 2] {
    [Probes::Played, Probes::Thinned].map(|probes| {
        let mut result = Campaign::run(&[design], &Settings { probes, ..settings.clone() }).unwrap();
        result.designs.remove(0).replicas
    })
}

/// Where denials raise no alerts, the very same happens: what is taken for out of reach is.
#[test]
fn nothing_comes_of_what_is_not_played() {
    let (mut taken, mut saved) = (0, 0);
    for seed in 0..cases(150) {
        let _where = OnPanic(|| format!("seed {seed}"));
        for design in [attacked(seed), armed(seed)] {
            let [played, thinned] = both(&design, &settings(seed, 4, Detection::SensorOnly));
            for (played, thinned) in played.iter().zip(&thinned) {
                assert_eq!(played.course, thinned.course);
                assert_eq!(played.critical, thinned.critical);
                assert_eq!(played.exfiltrated, thinned.exfiltrated);
                assert_eq!((played.detection, played.alerts), (thinned.detection, thinned.alerts));
                assert_eq!((played.triage, played.impact), (thinned.triage, thinned.impact));
                assert_eq!(played.attempts.aimed, thinned.attempts.aimed);
                assert_eq!(played.attempts.successful, thinned.attempts.successful);
                taken += played.compromised();
                saved += played.events.saturating_sub(thinned.events);
            }
        }
    }
    assert!(taken > 3_000 && saved > 3_000, "the runs are worth comparing: {taken} {saved}");
}

/// What is measured of a replica that alerts for denials bear on.
fn measures(replica: &Replica) -> [f64; 7] {
    let attempts = replica.attempts;
    let detected = replica.detection.fate == Fate::Event;
    let quarantined = replica.course.last().map_or(0, |last| last.quarantined);
    [
        attempts.made as f64,
        attempts.denied as f64,
        attempts.unknown as f64,
        replica.alerts.denials as f64,
        replica.compromised() as f64,
        f64::from(u8::from(detected)),
        f64::from(quarantined),
    ]
}

/// Where they do, the distribution is the same.
#[test]
fn alerts_for_denials_are_as_many_and_as_soon() {
    let (mut compared, mut alerts) = (0, 0.0);
    let mut check = |design: &Design, settings: &Settings| {
        let [played, thinned] =
            both(design, settings).map(|replicas| replicas.iter().map(measures).collect::<Vec<_>>());
        for at in 0..7 {
            let differences: Vec<f64> = played.iter().zip(&thinned).map(|(one, other)| other[at] - one[at]).collect();
            let n = differences.len() as f64;
            let mean = differences.iter().sum::<f64>() / n;
            let variance = differences.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / (n - 1.0) / n;
            // A handful of differences is no normal distribution.
            let few = differences.iter().filter(|one| **one != 0.0).count() < 20;
            let sigma = variance.sqrt();
            assert!(few || mean.abs() < 4.5 * sigma, "seed {}: measure {at}: {mean} ± {sigma}", settings.seed);
            compared += usize::from(!few);
        }
        alerts += played.iter().map(|one| one[3]).sum::<f64>();
    };
    for seed in 0..cases(60) {
        let settings = settings(seed, 200, Detection::Full);
        check(&armed(seed), &settings);
        check(&attacked(seed), &Settings { horizon: Duration::from_hours(3), ..settings });
    }
    check(&company(10, true), &Settings { replicas: 600, ..Settings::default() });
    assert!(compared > 60 && alerts > 3_000.0, "the runs are worth comparing: {compared} {alerts}");
}

/// A unit that may reach next to nobody costs next to nothing.
#[test]
fn a_contained_attack_is_short() {
    let mut draft = company(100, true).to_draft();
    draft.monitor.as_mut().unwrap().denied_alert_probability = 0.01;
    let design = Design::new(draft).unwrap();
    let events = |probes| {
        let settings = Settings { probes, replicas: 40, ..Settings::default() };
        run(&[&design], &settings).designs[0].replicas.iter().map(|replica| replica.events).sum::<u64>()
    };
    let (played, thinned) = (events(Probes::Played), events(Probes::Thinned));
    assert!(played > 3 * thinned, "{played} {thinned}");
}
