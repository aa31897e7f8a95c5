//! What is known of patching, rotation, quarantine that spares connections, and triage.

use super::*;

/// Eight units of an image until it is patched at an exponential time T: each has fallen by then with the probability
/// 1 - E[exp(-aT)] = a / (a + π), and pairs are independent given T.
fn patching() -> Case {
    Case {
        horizon: Duration::from_days(2),
        ..Case::of(
            "patching.yaml",
            |replica| replica.compromised() as f64,
            |factor| {
                let (fall, patch) = (0.5 * factor * MEETINGS, 1.0 / 2000.0);
                let spared = |units: f64| patch / (patch + units * fall);
                let one = 1.0 - spared(1.0);
                let both = 1.0 - 2.0 * spared(1.0) + spared(2.0);
                let mean = 8.0 * one;
                Moments { mean: 1.0 + mean, variance: mean + 56.0 * both - mean * mean }
            },
        )
    }
}

/// A login against the change of the credential.
fn rotation() -> Case {
    Case {
        horizon: Duration::from_days(2),
        ..Case::of("rotation.yaml", is_taken, |factor| {
            let login = 0.8 * factor * MEETINGS;
            bernoulli(login / (login + 1.0 / 1500.0))
        })
    }
}

/// As the chain that races quarantine, whatever an exploit takes.
fn spared() -> Case {
    Case::of("spared.yaml", is_taken, |factor| {
        let rate = 0.6 * factor * MEETINGS;
        bernoulli(power(rate / (rate + 1.0 / 2500.0), 3))
    })
}

/// How many cases twelve units make for some analysts in ten hours, from an empty desk: the birth and death of cases
/// (T. L. Saaty, Elements of Queueing Theory, 1961, section 14-6, has the stationary law of such machines), its equations
/// solved step by step.
fn cases(analysts: usize) -> f64 {
    const UNITS: usize = 12;
    const STEPS: u32 = 20_000;
    let (alarm, look) = (0.5, 4.0);
    let opened = |open: usize| (UNITS - open) as f64 * alarm;
    let closed = |open: usize| open.min(analysts) as f64 * look;
    let slope = |chance: &[f64; UNITS + 1]| {
        let mut slope = [0.0; UNITS + 1];
        for open in 0..=UNITS {
            slope[open] -= chance[open] * (opened(open) + closed(open));
            if open < UNITS {
                slope[open + 1] += chance[open] * opened(open);
            }
            if open > 0 {
                slope[open - 1] += chance[open] * closed(open);
            }
        }
        slope
    };
    let step = 10.0 / f64::from(STEPS);
    let mut chance = [0.0; UNITS + 1];
    chance[0] = 1.0;
    let mut cases = 0.0;
    for _ in 0..STEPS {
        // The midpoint rule: errors are of the square of the step.
        let half: [f64; UNITS + 1] = std::array::from_fn(|at| chance[at] + 0.5 * step * slope(&chance)[at]);
        let at_half = slope(&half);
        cases += step * half.iter().enumerate().map(|(open, share)| share * opened(open)).sum::<f64>();
        for at in 0..=UNITS {
            chance[at] += step * at_half[at];
        }
    }
    cases
}

fn triage() -> Queue {
    Queue {
        file: "triage.yaml",
        measured: |replica| {
            assert!(replica.triage.missed <= replica.triage.cases && replica.alerts.total() == 0);
            replica.triage.cases as f64
        },
        mean: cases(2),
        off: |draft, factor| {
            let triage = draft.monitor.as_mut().and_then(|monitor| monitor.defence.triage.as_mut());
            triage.unwrap().false_alarms_per_second *= factor;
        },
        settings: Settings { horizon: Duration::from_hours(10), ..Settings::default() },
    }
}

#[test]
fn a_patch_saves_whoever_has_not_fallen_yet() {
    check(&patching());
}

#[test]
fn a_stolen_credential_is_of_use_until_it_is_changed() {
    check(&rotation());
}

#[test]
fn what_is_under_way_goes_on_where_quarantine_spares_it() {
    check(&spared());
}

#[test]
fn false_alarms_are_machines_that_fail() {
    check_queue(&triage());
}

/// With analysts enough nobody waits: each unit for itself has a case open or not, and that chain of two states is known.
#[test]
fn equations_of_cases_have_the_limit_they_should() {
    let (alarm, look, hours): (f64, f64, f64) = (0.5, 4.0, 10.0);
    let both = alarm + look;
    let without_case = look / both * hours + alarm / (both * both) * (1.0 - libm::exp(-both * hours));
    let known = 12.0 * alarm * without_case;
    assert!((cases(12) / known - 1.0).abs() < 1e-6, "{} {known}", cases(12));
    assert!(cases(1) < cases(2) && cases(2) < cases(12));
}
