//! Points that are missing at some units, or closed: the engine against the evaluator on the design of that instant.

use crate::equivalence::{every_assumption, every_form};
use seglab_engine::Decision;
use seglab_policy::arbitrary::{connection_of, design_of, instant};
use seglab_policy::{PointId, Standing, UnitId};

/// Some standing for every point and place, by a multiplication that mixes.
fn standing_of(seed: u64, point: PointId, unit: Option<UnitId>) -> Standing {
    let place = u64::from(point.0) << 32 | unit.map_or(u64::from(u32::MAX), |unit| u64::from(unit.0));
    let mixed = (place ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    match (mixed >> 40) % 5 {
        0..=2 => Standing::InPlace,
        3 => Standing::Missing,
        _ => Standing::Closed,
    }
}

#[test]
fn decisions_are_those_of_the_design_of_the_instant() {
    let designs = std::env::var("SEGLAB_DESIGNS").map_or(400, |count| count.parse().unwrap());
    let assumptions = every_assumption();
    let (mut opened, mut shut) = (0, 0);
    for seed in 0..designs {
        let design = design_of(seed);
        let engines = every_form(&design);
        let standing = |point, unit| standing_of(seed, point, unit);
        let now = instant(&design, standing).unwrap();
        for at in 0..24 {
            let connection = connection_of(&design, seed.wrapping_mul(1_000_003) + at);
            let assume = assumptions[(seed + at) as usize % assumptions.len()];
            let expected = Decision::from(now.evaluate(&connection, assume).verdict);
            for engine in &engines {
                let named = connection.display(&design);
                let decided = engine.decide_where(&connection, assume, standing);
                assert_eq!(decided, expected, "seed {seed}: {named} under {assume:?}");
                match (engine.decide(&connection, assume), decided) {
                    (Decision::Denied, Decision::Allowed(_)) => opened += 1,
                    (Decision::Allowed(_), Decision::Denied) => shut += 1,
                    _ => {}
                }
            }
        }
    }
    assert!(opened > designs / 5 && shut > designs / 5, "standing matters: {opened} opened, {shut} shut");
}
