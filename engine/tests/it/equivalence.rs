//! The engine decides what the reference evaluator decides, in every form that its tables can take.

use proptest::prelude::*;
use seglab_engine::{Decision, Engine, Limits, Workload};
use seglab_policy::arbitrary::{case, connection_of, design, design_of};
use seglab_policy::{Assume, Connection, Design, Side, Trust};

/// Limits that leave only hashed tables, and only listed ones.
pub(crate) const HASHED: Limits =
    Limits { memory_bytes: 1 << 30, dense_pairs: 0, group_pairs: 1 << 22, singled_out: 1 << 25 };
pub(crate) const LISTED: Limits =
    Limits { memory_bytes: 1 << 30, dense_pairs: 0, group_pairs: 0, singled_out: 1 << 25 };

pub(crate) fn every_form(design: &Design) -> [Engine; 3] {
    [Limits::default(), HASHED, LISTED].map(|limits| Engine::compile_within(design, limits).unwrap())
}

pub(crate) fn every_assumption() -> Vec<Assume> {
    let mut all = Vec::new();
    for as_if_enforced in [false, true] {
        for trust in [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid] {
            for owned in [None, Some(Side::Source), Some(Side::Destination)] {
                for host_owned in [false, true] {
                    all.push(Assume { as_if_enforced, trust, owned, host_owned });
                }
            }
        }
    }
    all
}

fn agree(engines: &[Engine], design: &Design, connection: &Connection, assume: Assume) -> Result<(), TestCaseError> {
    let evaluation = design.evaluate(connection, assume);
    for engine in engines {
        prop_assert_eq!(
            engine.decide(connection, assume),
            Decision::from(evaluation.verdict),
            "{} under {:?}: {:#?}",
            connection.display(design),
            assume,
            evaluation
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Designs and connections that many features decide.
    #[test]
    fn on_cases(case in case()) {
        let engines = every_form(&case.design);
        for assume in every_assumption() {
            agree(&engines, &case.design, &case.connection, assume)?;
        }
    }

    /// Many connections of one design, aimed at the edges of its rules and drawn as a benchmark draws them.
    #[test]
    fn on_connections_of_one_design(design in design(), seeds in prop::collection::vec(any::<u64>(), 60)) {
        let engines = every_form(&design);
        let assumptions = every_assumption();
        for (at, &seed) in seeds.iter().enumerate() {
            agree(&engines, &design, &connection_of(&design, seed), assumptions[at % assumptions.len()])?;
        }
        for (at, connection) in Workload::generate(&design, seeds[0], 60).connections().iter().enumerate() {
            agree(&engines, &design, connection, assumptions[at % assumptions.len()])?;
        }
    }
}

/// The long run: as many designs as the environment variable says, a thousand otherwise; prints the seed that fails.
#[test]
fn on_numbered_designs() {
    let designs = std::env::var("SEGLAB_DESIGNS").map_or(1000, |count| count.parse().unwrap());
    let assumptions = every_assumption();
    for seed in 0..designs {
        let design = design_of(seed);
        let engines = every_form(&design);
        for at in 0..12 {
            let connection = connection_of(&design, seed.wrapping_mul(1_000_003) + at);
            let assume = assumptions[(seed + at) as usize % assumptions.len()];
            let expected = Decision::from(design.evaluate(&connection, assume).verdict);
            for engine in &engines {
                let named = connection.display(&design);
                assert_eq!(engine.decide(&connection, assume), expected, "seed {seed}: {named} under {assume:?}");
            }
        }
    }
}

/// One engine, several threads, the same answers.
#[test]
fn from_several_threads() {
    let mut answers = Vec::new();
    for seed in 0..10 {
        let design = design_of(seed);
        let engine = Engine::compile(&design).unwrap();
        let workload = Workload::generate(&design, seed, 500);
        let ask = || -> Vec<Decision> {
            workload.connections().iter().map(|one| engine.decide(one, Assume::business())).collect()
        };
        let alone = ask();
        let together: Vec<Vec<Decision>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(together.iter().all(|answers| *answers == alone), "seed {seed}");
        answers.extend(alone);
    }
    assert!(answers.contains(&Decision::Denied) && answers.iter().any(|one| matches!(one, Decision::Allowed(_))));
}
