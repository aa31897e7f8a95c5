//! Reference evaluator, rule engine, class reachability and Z3 give one verdict for one connection.
//!
//! The four share nothing but the model, so what they agree on is what the model means. Agreeing is hard: in the random
//! cases every verdict has its share and every feature of the model decides its share, which the policy crate's tests
//! measure (`policy/tests/it/shares.rs`); and here a judge that misreads any one feature is caught.
//!
//! A *fault* is one judge that is handed the design with one feature neutralised (each [`Feature`] says what a judge
//! does that has forgotten it), while the others see the design as it is.
//!
//! `PROPTEST_CASES=10000 cargo test -p seglab-benches --test judges` is the long run.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use seglab_engine::{Decision, Engine};
use seglab_policy::arbitrary::{Answer, Case, Feature, case, case_of, neutralised};
use seglab_policy::{Design, Family, Reply};
use seglab_verify::Verifier;
use seglab_verify::smt::{Encoding, Outcome, SmtVerdict};
use std::collections::{BTreeMap, BTreeSet};

/// Who judges, beside the reference evaluator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Judge {
    Engine,
    Classes,
    Z3,
}

impl Judge {
    const ALL: [Judge; 3] = [Judge::Engine, Judge::Classes, Judge::Z3];

    /// What the judge says of the case's connection in a design, which may be another than the case's.
    fn answer(self, design: &Design, case: &Case) -> Answer {
        match self {
            Judge::Engine => match Engine::compile(design).unwrap().decide(&case.connection, case.assume) {
                Decision::Allowed(reply) => Answer::Allowed(reply),
                Decision::Denied => Answer::Denied,
                Decision::Unknown => Answer::Unknown,
            },
            Judge::Classes => classes(design, case),
            Judge::Z3 => match Encoding::new(design, case.assume).connection(&case.connection) {
                SmtVerdict::Decided(Outcome::Allowed(reply)) => Answer::Allowed(reply),
                SmtVerdict::Decided(Outcome::Denied) => Answer::Denied,
                SmtVerdict::Decided(Outcome::Unknown) => Answer::Unknown,
                SmtVerdict::GaveUp(reason) => panic!("Z3 gave up on {case:?}: {reason}"),
            },
        }
    }
}

/// The verdict of class reachability, which answers for all headers at once, on one header.
fn classes(design: &Design, case: &Case) -> Answer {
    let (connection, header) = (&case.connection, case.connection.header);
    // Between endpoints of different families no set holds a header of either.
    let family = design.family_of(connection).unwrap_or(Family::V4);
    let direct = Verifier::new(design).direct(connection.source, connection.destination, case.assume);
    if direct.unknown.contains(family, header) {
        return Answer::Unknown;
    }
    if !direct.allowed.contains(family, header) {
        return Answer::Denied;
    }
    Answer::Allowed(if header.reply(family).is_none() {
        Reply::None
    } else if direct.reply_blocked.contains(family, header) {
        Reply::Blocked
    } else if direct.reply_unknown.contains(family, header) {
        Reply::Unknown
    } else {
        Reply::Passes
    })
}

/// The judges that do not say what the reference evaluator says, when `misled` sees another design than the rest.
fn dissent(case: &Case, misled: Option<(Judge, &Design)>) -> BTreeMap<Judge, Answer> {
    let expected = case.answer();
    Judge::ALL
        .into_iter()
        .map(|judge| {
            let seen = misled.filter(|(one, _)| *one == judge).map_or(&case.design, |(_, design)| design);
            (judge, judge.answer(seen, case))
        })
        .filter(|(_, answer)| *answer != expected)
        .collect()
}

proptest! {
    #[test]
    fn give_one_verdict(case in case()) {
        let dissent = dissent(&case, None);
        let expected = case.design.evaluate(&case.connection, case.assume);
        prop_assert!(
            dissent.is_empty(),
            "{dissent:?} against {expected:#?} for {} under {:?}",
            case.connection.display(&case.design),
            case.assume
        );
    }
}

/// Among how many cases, the first seeds, each fault has to be caught.
const SEEDS: u64 = 1000;

#[test]
fn a_judge_that_misreads_any_one_feature_is_caught() {
    let mut faults: BTreeSet<(Feature, Judge)> =
        Feature::ALL.iter().flat_map(|&feature| Judge::ALL.map(|judge| (feature, judge))).collect();
    assert!(faults.len() >= 40, "{} faults", faults.len());
    let mut cases = 0;
    for case in (0..SEEDS).map(case_of) {
        if faults.is_empty() {
            break;
        }
        cases += 1;
        faults.retain(|&(feature, judge)| {
            let Some(misread) = neutralised(&case.design, feature) else { return true };
            let dissent = dissent(&case, Some((judge, &misread)));
            assert!(dissent.keys().all(|one| *one == judge), "{feature} misread by {judge:?} only: {dissent:?}");
            dissent.is_empty()
        });
    }
    println!("the last fault was caught by case {cases}");
    assert!(faults.is_empty(), "not caught in {cases} cases: {faults:?}");
}
