//! Closures and verdicts are those of a naive fixpoint over single units.

use crate::naive::{Answer, End, Naive};
use seglab_policy::arbitrary::design_of;
use seglab_policy::{Action, Design, Endpoint, Pivot, Trust, UnitId, View};
use seglab_verify::{Attack, Counterexample, Hop, Settings, Settled, Uncertainty, Verifier};
use std::collections::BTreeMap;

fn seeds(default: u64) -> u64 {
    std::env::var("SEGLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

#[test]
fn closures_are_those_of_a_naive_fixpoint() {
    let mut larger = 0;
    for seed in 0..seeds(60) {
        let design = design_of(seed);
        let naive = Naive::new(&design);
        let mut verifier = Verifier::new(&design);
        let pivot = Pivot::ALL[usize::try_from(seed % 4).unwrap()];
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][usize::try_from(seed / 4 % 3).unwrap()];
        let view = if seed % 5 == 0 { View::Service } else { View::Policy };
        let attack = Attack { pivot, view, trust, as_if_enforced: seed % 7 == 0 };
        for hops_max in [None, Some(1), Some(2)] {
            for unit in design.unit_ids() {
                let owned = verifier.owned(Endpoint::Unit { unit, interface: 0 }, attack, hops_max);
                for (doubtful, units) in [(false, &owned.certainly), (true, &owned.possibly)] {
                    let expected = naive.spread(attack, End::Unit(unit), hops_max, &[], doubtful);
                    let expected: Vec<UnitId> = expected.into_keys().collect();
                    assert_eq!(
                        *units, expected,
                        "seed {seed}, {attack:?}, from {unit:?}, {hops_max:?}, doubt {doubtful}"
                    );
                    larger += usize::from(expected.len() > 1 && expected.len() < design.units().len());
                }
            }
        }
        let radius = verifier.blast_radius(attack, false);
        let mut expected: Vec<usize> =
            design.unit_ids().map(|unit| naive.spread(attack, End::Unit(unit), None, &[], false).len()).collect();
        expected.sort_unstable();
        assert_eq!(radius.sorted, expected, "seed {seed}, {attack:?}");
        let trusted: Vec<UnitId> = design.trusted().iter().flat_map(|hub| design.select(&hub.units)).collect();
        let mut expected: Vec<usize> = design
            .unit_ids()
            .filter(|unit| !trusted.contains(unit))
            .map(|unit| naive.spread(attack, End::Unit(unit), None, &trusted, false).len())
            .collect();
        expected.sort_unstable();
        assert_eq!(verifier.blast_radius(attack, true).sorted, expected, "seed {seed}, {attack:?}, without trusted");
    }
    assert!(larger > 100, "only {larger} closures were neither a single unit nor all of them");
}

#[test]
fn verdicts_are_those_of_a_naive_verifier() {
    let mut seen: BTreeMap<(&str, Answer), usize> = BTreeMap::new();
    for seed in 0..seeds(150) {
        let design = design_of(seed);
        let naive = Naive::new(&design);
        let mut verifier = Verifier::new(&design);
        for property in design.properties() {
            let settings = Settings { as_if_enforced: seed % 5 == 0, ..Settings::default() };
            let settled = verifier.settle(property, &settings);
            let settled = settled.unwrap_or_else(|error| panic!("seed {seed}: {property:?}: {error}")).verdict;
            let answer = match &settled {
                Settled::Holds => Answer::Holds,
                Settled::Violated(counterexample) => {
                    check_counterexample(&design, counterexample);
                    Answer::Violated
                }
                Settled::Unknown(_) => Answer::Unknown,
            };
            let expected = naive.answer(property, settings.as_if_enforced);
            assert_eq!(answer, expected, "seed {seed}: {property:?}\n{settled:#?}");
            *seen.entry((property.claim.kind(), answer)).or_default() += 1;
        }
    }
    println!("{seen:#?}");
    for kind in [
        "isolated",
        "allowed",
        "only-through",
        "blast-radius",
        "exposed",
        "egress-only-to",
        "only",
        "default-deny",
        "surface",
        "no-shadowed-rules",
    ] {
        for answer in [Answer::Holds, Answer::Violated] {
            assert!(seen.contains_key(&(kind, answer)), "{kind} is never {answer:?}");
        }
    }
}

/// Every connection of a counterexample is what the reference evaluator says it is, and nobody acts before being owned.
pub(crate) fn check_counterexample(design: &Design, counterexample: &Counterexample) {
    let bare;
    let (hops, design, stringed) = match counterexample {
        Counterexample::Reached(hops) | Counterexample::TooMany { hops, .. } => (hops, design, true),
        Counterexample::TooExposed { hops, .. } => (hops, design, false),
        Counterexample::UndefinedOrder { hops, .. } => {
            let [Hop::Connection { connection, assume, evaluation, .. }] = hops.as_slice() else { panic!() };
            assert_eq!(design.evaluate(connection, *assume), *evaluation);
            assert!(matches!(evaluation.verdict, seglab_policy::Verdict::Unknown(_)));
            return;
        }
        Counterexample::ByDefault(hops) => {
            let mut draft = design.to_draft();
            for tier in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
                tier.rules
                    .iter_mut()
                    .filter(|rule| rule.action == Action::Allow)
                    .for_each(|rule| rule.services.clear());
            }
            bare = Design::new(draft).unwrap();
            (hops, &bare, true)
        }
        Counterexample::Broken { connection, evaluation } => {
            let assume = seglab_policy::Assume::business();
            let again = [false, true]
                .map(|as_if_enforced| design.evaluate(connection, seglab_policy::Assume { as_if_enforced, ..assume }));
            assert!(again.contains(evaluation));
            return;
        }
        _ => return,
    };
    let mut owned: Vec<UnitId> = Vec::new();
    for (at, hop) in hops.iter().enumerate() {
        match hop {
            Hop::Host { host, guest } => {
                assert!(owned.contains(host) || owned.is_empty(), "hop {at} of {hops:?}");
                assert_eq!(design.host_of(*guest), Some(*host));
                owned.extend([*host, *guest]);
            }
            Hop::Connection { connection, assume, evaluation, .. } => {
                assert_eq!(design.evaluate(connection, *assume), *evaluation);
                assert!(evaluation.verdict.is_allowed());
                let (actor, other) = match assume.owned {
                    Some(seglab_policy::Side::Destination) => (connection.destination, connection.source),
                    _ => (connection.source, connection.destination),
                };
                if let Some(actor) = actor.unit() {
                    assert!(!stringed || owned.contains(&actor) || owned.is_empty(), "hop {at} of {hops:?}");
                    owned.push(actor);
                }
                owned.extend(other.unit());
            }
        }
    }
}

#[test]
fn a_fall_that_is_shown_in_part_has_the_verdict_of_one_that_is_shown_in_full() {
    let (mut cut, mut unsure) = (0, 0);
    for seed in 0..1000 {
        let design = design_of(seed);
        let report = |steps_shown_max| {
            let settings = Settings { steps_shown_max, ..Settings::default() };
            Verifier::new(&design).settle_all(&settings).unwrap()
        };
        let (whole, part) = (report(usize::MAX), report(1));
        for ((property, whole), part) in design.properties().iter().zip(&whole.properties).zip(&part.properties) {
            let at = format!("seed {seed}: {}", property.id);
            match (&whole.verdict, &part.verdict) {
                (
                    Settled::Violated(Counterexample::TooMany { units, excess, hops, left_out: 0, .. }),
                    Settled::Violated(counterexample @ Counterexample::TooMany { left_out, hops: shown, .. }),
                ) => {
                    check_counterexample(&design, counterexample);
                    let Counterexample::TooMany { units: again, excess: same, .. } = counterexample else { panic!() };
                    assert_eq!((units, excess), (again, same), "{at}");
                    assert_eq!(hops.len() > shown.len(), *left_out > 0, "{at}: {hops:?} {shown:?}");
                    cut += usize::from(*left_out > 0);
                }
                // What is not known is shown, however few steps are.
                (Settled::Unknown(whole), Settled::Unknown(part)) => {
                    assert_eq!(
                        matches!(whole.doubt, Uncertainty::Policy(_)),
                        matches!(part.doubt, Uncertainty::Policy(_)),
                        "{at}: {whole:?} {part:?}"
                    );
                    unsure += usize::from(whole.hops != part.hops);
                }
                (whole, part) => assert_eq!(whole, part, "{at}"),
            }
        }
    }
    println!("{cut} falls and {unsure} doubts were cut");
    assert!(cut > 20 && unsure > 3, "{cut} falls and {unsure} doubts were cut");
}
