//! Policy that is written rule by rule and approved, against policy by role: what waits, what breaks, and who gains by rules that
//! nobody needs any more.

use super::{DesignResult, design, mean};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::Confidence;
use seglab_sim::models::{Campaign, CampaignResult, DelaysResult, Settings};
use std::sync::LazyLock;

const DESIGNS: [&str; 4] = ["planned-fast", "planned-held", "planned-ahead", "by-role"];
const FAST: usize = 0;
const HELD: usize = 1;
const AHEAD: usize = 2;
const ROLE: usize = 3;

static RESULT: LazyLock<CampaignResult> = LazyLock::new(|| {
    let designs = DESIGNS.map(design);
    let settings = Settings { replicas: 400, horizon: Duration::from_days(49), ..Settings::default() };
    Campaign::run(&designs.each_ref(), &settings).unwrap()
});

fn of(design: usize) -> &'static DesignResult {
    &RESULT.designs[design]
}

fn delays(design: usize) -> DelaysResult {
    of(design).delays.unwrap()
}

#[test]
fn planned_policy_holds_up_releases_or_breaks_them_and_policy_by_role_does_neither() {
    println!("| design | releases held up | flows denied by late policy | rules that nobody needs | units owned |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (name, design) in DESIGNS.iter().zip(&RESULT.designs) {
        let days = |ns: f64| ns / 8.64e13;
        let delays = design.delays.unwrap();
        let owned = design.compromised.mean(Confidence::P95).unwrap();
        println!(
            "| {name} | {:.1} d | {:.1} % | {:.1} rule-days | {:.2} ({:.2} to {:.2}) |",
            days(delays.held_up_ns.value),
            100.0 * delays.denied_share.value,
            days(delays.outlived_ns.value),
            owned.value,
            owned.interval.low,
            owned.interval.high
        );
    }
    let day = 8.64e13;
    assert!(delays(HELD).held_up_ns.interval.low > 6.0 * 3.0 * day, "each of six waits longer than its own review");
    assert!(delays(HELD).denied_share.value == 0.0 && delays(AHEAD).held_up_ns.value == 0.0, "one or the other");
    assert!(delays(AHEAD).denied_share.interval.low > 0.1, "{:?}", delays(AHEAD));
    assert!(delays(FAST).held_up_ns.interval.high < day, "{:?}", delays(FAST));
    let role = delays(ROLE);
    assert_eq!((role.held_up_ns.value, role.denied_share.value, role.outlived_ns.value), (0.0, 0.0, 0.0));
}

#[test]
fn an_attacker_gains_by_rules_that_outlive_their_needs_and_more_by_wide_ones() {
    let [held, ahead, role] = [HELD, AHEAD, ROLE].map(|design| mean(&RESULT.differences[design - 1].compromised));
    assert!(held.interval.low > 0.0 && ahead.interval.low > 0.0, "against approval in an hour: {held:?} {ahead:?}");
    assert!(role.interval.low > held.interval.high, "what a rule does not tell apart is all open: {role:?} {held:?}");
    assert!(of(AHEAD).attempts.stale > 0 && of(ROLE).attempts.stale == 0);
    assert!(delays(HELD).outlived_ns.interval.low > delays(FAST).outlived_ns.interval.high);
}
