//! What random cases are made of.

use seglab_policy::arbitrary::{Answer, Feature, case, case_of};
use seglab_policy::{Denial, Verdict, Why};
use std::collections::BTreeMap;

#[test]
fn every_verdict_and_every_feature_has_its_share() {
    const CASES: u64 = 4000;
    let mut answers = [0_u64; 3];
    let mut opened = 0;
    let mut decided: BTreeMap<Feature, u64> = Feature::ALL.iter().map(|&feature| (feature, 0)).collect();
    for seed in 0..CASES {
        let case = case_of(seed);
        answers[match case.answer() {
            Answer::Allowed(_) => 0,
            Answer::Denied => 1,
            Answer::Unknown => 2,
        }] += 1;
        opened += u64::from(case.answer() == Answer::Unknown && case.design.missing_path(&case.connection).is_some());
        for (&feature, count) in &mut decided {
            *count += u64::from(case.is_decided_by(feature));
        }
    }
    println!("allowed, denied, unknown: {answers:?} of {CASES}");
    for (feature, count) in &decided {
        println!("{feature:22} {:5.1} %", *count as f64 * 100.0 / CASES as f64);
    }
    assert!(answers.iter().all(|&count| count * 5 >= CASES), "{answers:?}");
    println!("{:22} {:5.1} %", "unknown without a path", opened as f64 * 100.0 / CASES as f64);
    assert!(opened * 20 >= CASES, "a path is missing and in doubt in {opened} cases only");
    let rare: Vec<_> = decided.iter().filter(|(_, count)| **count * 20 < CASES).collect();
    assert!(rare.is_empty(), "{rare:?}");
}

#[test]
fn a_seed_is_one_case() {
    for seed in 0..50 {
        assert_eq!(case_of(seed), case_of(seed));
    }
}

#[test]
fn failures_shrink_to_what_they_need() {
    use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let result = runner.run(&case(), |case| match case.design.evaluate(&case.connection, case.assume).verdict {
        Verdict::Denied(Denial::Point { why: Why::Rule(_), .. }) => Err(TestCaseError::fail("denied by a rule")),
        _ => Ok(()),
    });
    let Err(TestError::Fail(_, shrunk)) = result else { panic!("some case is denied by a rule: {result:?}") };
    assert!(shrunk.design.units().len() <= 2, "{shrunk:#?}");
    assert_eq!(shrunk.design.points().len(), 1, "{shrunk:#?}");
    assert_eq!(shrunk.design.rules().count(), 1, "{shrunk:#?}");
    assert!(shrunk.design.properties().is_empty() && shrunk.design.needs().is_empty(), "{shrunk:#?}");
}
