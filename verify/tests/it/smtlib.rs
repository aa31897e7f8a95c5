//! What holds in SMT-LIB 2: read back, every script of a true claim has no model, and some script of a false one has.

use seglab_policy::arbitrary::design_of;
use seglab_verify::cross_check::{Scripts, smtlib};
use seglab_verify::{Report, Settings, Settled, verify};
use z3::{SatResult, Solver};

fn seeds(default: u64) -> u64 {
    std::env::var("SEGLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

fn answers(scripts: &Scripts) -> Vec<SatResult> {
    let answer = |text: &str| {
        let solver = Solver::new();
        solver.from_string(text);
        solver.check()
    };
    scripts.scripts.iter().map(|script| answer(&script.text)).collect()
}

#[test]
fn what_holds_has_scripts_without_a_model() {
    let mut asked = 0;
    for seed in 0..seeds(40) {
        let (design, settings) = (design_of(seed), Settings::default());
        let report = verify(&design, &settings).unwrap();
        let (properties, needs) = smtlib(&design, &settings, &report).unwrap();
        let outcomes = report.properties.iter().chain(&report.needs);
        for (outcome, scripts) in outcomes.zip(properties.iter().chain(&needs)) {
            assert_eq!(scripts.is_some(), outcome.verdict == Settled::Holds);
            let Some(scripts) = scripts else { continue };
            for (script, answer) in scripts.scripts.iter().zip(answers(scripts)) {
                assert_eq!(answer, SatResult::Unsat, "seed {seed}: {}\n{}", script.about, script.text);
                assert!(script.text.contains("(set-logic QF_BV)") && script.text.ends_with("(check-sat)\n"));
                // Bits and truth values, and nothing else that another solver would have to know.
                for sort in ["Int)", "String", "Array", "declare-datatypes", "forall", "exists"] {
                    assert!(!script.text.contains(sort), "{sort} in\n{}", script.text);
                }
                asked += 1;
            }
        }
        assert_eq!(smtlib(&design, &settings, &report).unwrap(), (properties, needs));
    }
    assert!(asked > 40, "{asked}");
}

/// A report that says of a violated claim that it holds: a script has a model, or the sets of units already do not fit.
#[test]
fn what_does_not_hold_is_found_out() {
    let (mut models, mut contradicted) = (0, 0);
    for seed in 0..seeds(40) {
        let (design, settings) = (design_of(seed), Settings::default());
        let report = verify(&design, &settings).unwrap();
        for (at, property) in design.properties().iter().enumerate() {
            let kind = property.claim.kind();
            let about_rules = kind.ends_with("-rules") || kind.ends_with("-order");
            if !matches!(report.properties[at].verdict, Settled::Violated(_)) || about_rules || kind == "allowed" {
                continue;
            }
            let mut wrong: Report = report.clone();
            wrong.properties[at].verdict = Settled::Holds;
            match smtlib(&design, &settings, &wrong) {
                Err(_) => contradicted += 1,
                Ok((properties, _)) => {
                    let answers = answers(properties[at].as_ref().unwrap());
                    assert!(answers.contains(&SatResult::Sat), "seed {seed}: `{}`, {kind}", property.id);
                    models += 1;
                }
            }
        }
    }
    assert!(models > 5 && contradicted > 0, "{models} have a model, {contradicted} were contradicted");
}
