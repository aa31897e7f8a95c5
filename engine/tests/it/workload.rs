//! Workloads repeat, and they ask what matters.

use seglab_engine::{Decision, Engine, Workload};
use seglab_policy::arbitrary::design_of;
use seglab_policy::{Assume, Design, Draft};

#[test]
fn the_same_seed_draws_the_same_connections() {
    let design = design_of(4);
    let workload = Workload::generate(&design, 9, 500);
    assert_eq!(workload.connections().len(), 500);
    assert_eq!(workload, Workload::generate(&design, 9, 500));
    assert_ne!(workload, Workload::generate(&design, 10, 500));
}

#[test]
fn a_design_without_units_has_no_connections() {
    let design = Design::new(Draft::default()).unwrap();
    assert!(Workload::generate(&design, 1, 10).connections().is_empty());
}

#[test]
fn connections_hit_and_miss() {
    let (mut allowed, mut denied, mut all) = (0, 0, 0);
    for seed in 0..40 {
        let design = design_of(seed);
        let engine = Engine::compile(&design).unwrap();
        for connection in Workload::generate(&design, seed, 200).connections() {
            all += 1;
            match engine.decide(connection, Assume { as_if_enforced: true, ..Assume::business() }) {
                Decision::Allowed(_) => allowed += 1,
                Decision::Denied => denied += 1,
                Decision::Unknown => {}
            }
        }
    }
    assert!(allowed * 10 > all && denied * 10 > all, "allowed {allowed}, denied {denied} of {all}");
}

#[test]
fn few_talk_most_under_zipfs_law() {
    let design = design_of(4);
    let share_of_the_busiest = |workload: Workload| {
        let mut counts = std::collections::BTreeMap::new();
        workload.connections().iter().for_each(|one| *counts.entry(one.source).or_insert(0) += 1);
        counts.into_values().max().unwrap() as f64 / workload.connections().len() as f64
    };
    let uniform = share_of_the_busiest(Workload::uniform(&design, 3, 20_000));
    let zipf = share_of_the_busiest(Workload::zipf(&design, 3, 20_000));
    assert!(zipf > 1.3 * uniform, "{zipf} {uniform}");
}
