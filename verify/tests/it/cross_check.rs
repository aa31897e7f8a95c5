//! Z3 confirms the class engine's verdicts, and contradicts verdicts that are wrong.

use seglab_policy::Design;
use seglab_policy::arbitrary::{Feature, design_of, neutralised};
use seglab_verify::cross_check::{Effort, Open, cross_check};
use seglab_verify::{Report, Settings, Settled, verify};
use std::collections::BTreeMap;

/// `SEGLAB_SEEDS=10000` makes it the long run.
fn seeds(default: u64) -> u64 {
    std::env::var("SEGLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

fn settings(seed: u64) -> Settings {
    Settings { as_if_enforced: seed.is_multiple_of(5), honour_trusted: seed.is_multiple_of(3), ..Settings::default() }
}

fn verdict(settled: &Settled) -> &'static str {
    match settled {
        Settled::Holds => "holds",
        Settled::Violated(_) => "violated",
        Settled::Unknown(_) => "unknown",
    }
}

#[test]
fn verdicts_on_random_designs_are_confirmed() {
    let mut seen: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    let mut questions = 0;
    for seed in 0..seeds(150) {
        let design = design_of(seed);
        let report = verify(&design, &settings(seed)).unwrap();
        let opinion = match cross_check(&design, &settings(seed), &report, Effort::default()) {
            Ok(opinion) => opinion,
            Err(disagreement) => {
                panic!("seed {seed}: {disagreement} under {:?}: {:?}", disagreement.assume, disagreement.question)
            }
        };
        let properties = design.properties().iter().map(|property| property.claim.kind()).zip(&report.properties);
        let needs = design.needs().iter().map(|_| "need").zip(&report.needs);
        for ((kind, outcome), agreement) in properties.chain(needs).zip(opinion.properties.iter().chain(&opinion.needs))
        {
            let (complete, all) = seen.entry((kind, verdict(&outcome.verdict))).or_default();
            *complete += usize::from(agreement.is_complete() && agreement.confirmed > 0);
            *all += 1;
            questions += agreement.confirmed;
            let limited = |open: &Open| matches!(open, Open::GaveUp(_) | Open::MoreSets(_) | Open::MoreSteps(_));
            let limits = agreement.open.iter().any(limited);
            assert!(!limits, "seed {seed}: {:?}", agreement.open);
        }
    }
    println!("{questions} questions; fully confirmed, of all: {seen:#?}");
    for kind in [
        "isolated",
        "only-through",
        "blast-radius",
        "exposed",
        "egress-only-to",
        "only",
        "default-deny",
        "surface",
        "allowed",
        "need",
    ] {
        for verdict in ["holds", "violated"] {
            let (complete, _) = seen.get(&(kind, verdict)).copied().unwrap_or_default();
            assert!(complete > 0, "no {kind} that {verdict} was fully confirmed");
        }
    }
}

/// Positions of claims, properties before needs, that are violated; each with a report that says it holds.
fn whitewashed(report: &Report) -> Vec<(usize, Report)> {
    let wash = |at: usize| {
        let mut report = report.clone();
        report.properties.iter_mut().chain(&mut report.needs).nth(at).unwrap().verdict = Settled::Holds;
        (at, report)
    };
    let all = report.properties.iter().chain(&report.needs).enumerate();
    all.filter(|(_, outcome)| matches!(outcome.verdict, Settled::Violated(_))).map(|(at, _)| wash(at)).collect()
}

#[test]
fn a_violated_claim_that_is_said_to_hold_is_contradicted_or_left_open() {
    let (mut caught, mut open) = (0, 0);
    for seed in 0..seeds(150) {
        let design = design_of(seed);
        let report = verify(&design, &settings(seed)).unwrap();
        for (at, wrong) in whitewashed(&report) {
            match cross_check(&design, &settings(seed), &wrong, Effort::default()) {
                Err(_) => caught += 1,
                Ok(opinion) => {
                    let agreement = opinion.properties.iter().chain(&opinion.needs).nth(at).unwrap();
                    let claims = (design.properties(), design.needs());
                    assert!(!agreement.is_complete(), "seed {seed}: a wrong verdict on {at} is confirmed: {claims:#?}");
                    open += 1;
                }
            }
        }
    }
    println!("caught {caught}, left open {open}");
    assert!(caught > 100 && caught > 2 * open, "caught {caught}, left open {open}");
}

/// A report on the design as a verifier sees it that misreads a feature, where it is another.
fn misread(design: &Design, feature: Feature, settings: &Settings) -> Option<Report> {
    let misread = verify(&neutralised(design, feature)?, settings).ok()?;
    let report = verify(design, settings).ok()?;
    let verdicts = |report: &Report| -> Vec<&str> {
        report.properties.iter().chain(&report.needs).map(|outcome| verdict(&outcome.verdict)).collect()
    };
    (verdicts(&misread) != verdicts(&report)).then_some(misread)
}

#[test]
fn reports_of_a_verifier_that_misreads_a_feature_are_contradicted() {
    let mut caught: BTreeMap<Feature, usize> = BTreeMap::new();
    for seed in 0..seeds(200) {
        let design = design_of(seed);
        for &feature in Feature::ALL {
            let Some(report) = misread(&design, feature, &settings(seed)) else { continue };
            if cross_check(&design, &settings(seed), &report, Effort::default()).is_err() {
                *caught.entry(feature).or_default() += 1;
            }
        }
    }
    println!("{caught:#?}");
    assert!(caught.len() >= 30, "only {} features: {caught:?}", caught.len());
}
