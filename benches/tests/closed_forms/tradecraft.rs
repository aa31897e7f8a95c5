//! What is known of attacks by tradecraft and strategy.

use super::*;

/// Weak units of three images of six, three and one unit: each image falls whole, or not at all.
fn monoculture() -> Case {
    Case {
        off: |draft, factor| {
            draft.tradecraft.exploits.iter_mut().for_each(|exploit| exploit.present_probability *= factor);
        },
        // A weakness that is there is met 86 times on average in a day, and half of the attempts work.
        horizon: Duration::from_days(1),
        ..Case::of(
            "monoculture.yaml",
            |replica| replica.compromised() as f64,
            |factor| {
                let present = 0.3 * factor;
                Moments { mean: 1.0 + 10.0 * present, variance: 46.0 * present * (1.0 - present) }
            },
        )
    }
}

/// An exploit, an escalation, a login: the scan has to do with two of them.
fn escalation() -> Case {
    Case::of("escalation.yaml", time_to_crown, |factor| {
        sum_of([0.5 * factor * MEETINGS, 1.0 / 400.0, 0.8 * factor * MEETINGS].into_iter())
    })
}

/// All of twelve fall, one unit working at a time, or as many attempts as one makes.
fn one_at_a_time(file: &'static str) -> Case {
    let measured = |replica: &Replica| {
        assert_eq!(replica.compromised(), 12);
        time_to_last(replica)
    };
    Case::of(file, measured, |factor| sum_of((1..12).map(|left| f64::from(left) * 0.5 * factor * MEETINGS)))
}

/// The first five of ten.
fn ransomware() -> Case {
    let measured = |replica: &Replica| {
        let impact = replica.impact.unwrap();
        assert_eq!((impact.units, replica.compromised()), (6, 6));
        impact.at.as_secs_f64()
    };
    Case::of("ransomware.yaml", measured, |factor| {
        sum_of((6..=10).map(|left| f64::from(left) * 0.5 * factor * MEETINGS))
    })
}

#[test]
fn units_of_an_image_fall_together_or_not_at_all() {
    check(&monoculture());
}

/// The spread is what tells images from units: if each unit drew for itself it would be 10 p (1 - p).
#[test]
fn images_spread_wider_than_units() {
    let case = monoculture();
    let settings = Settings {
        replicas: 4_000,
        horizon: case.horizon,
        threads: NonZeroUsize::new(2).unwrap(),
        flows_per_need: 0,
        ..Settings::default()
    };
    let result = Campaign::run(&[&lab(case.file)], &settings).unwrap();
    let mut counts = [0u32; 12];
    for replica in &result.designs[0].replicas {
        counts[replica.compromised() as usize] += 1;
    }
    // Sums of none, some or all of 6, 3 and 1, and the hub: each with its own probability.
    let (there, not) = (0.3, 0.7);
    for (at, &count) in counts.iter().enumerate() {
        let expected: f64 = (0..8u32)
            .filter(|images| {
                [6, 3, 1].iter().enumerate().filter(|(bit, _)| images >> bit & 1 == 1).map(|(_, n)| n).sum::<usize>()
                    + 1
                    == at
            })
            .map(|images| power(there, images.count_ones()) * power(not, 3 - images.count_ones()))
            .sum();
        let (share, trials) = (f64::from(count) / 4_000.0, 4_000.0);
        let error = (expected * (1.0 - expected) / trials).sqrt();
        assert!((share - expected).abs() <= 4.0 * error, "{at} units: {share} of {expected} ± {error}");
    }
}

#[test]
fn what_needs_root_waits_for_it() {
    check(&escalation());
}

#[test]
fn who_works_from_one_unit_is_not_faster_for_having_many() {
    check(&one_at_a_time("random-walk.yaml"));
    check(&one_at_a_time("low-and-slow.yaml"));
}

#[test]
fn ransomware_strikes_when_it_has_enough() {
    check(&ransomware());
}
