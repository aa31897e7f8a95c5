//! The catalogue's ticket shop, whose release does not wait for its rule: what exponential reviews give.

use seglab_scenarios::loader::Options;
use seglab_scenarios::{catalogue, load};
use seglab_sim::kernel::Duration;
use seglab_sim::models::{AttackerChoice, Campaign, Settings};

const REPLICAS: u32 = 2_000;
/// The mean of a review, and how long the new need is there. [days]
const REVIEW: f64 = 2.0;
const WATCHED: f64 = 57.0;

/// Both requests come on the release's date, and there is a reviewer for each: the old rule outlives its need by one review,
/// and the new need waits for another. What points take to learn of it is minutes of days.
#[test]
fn a_release_that_does_not_wait_is_broken_for_one_review() {
    let scenario = catalogue().iter().find(|one| one.name == "ticket-shop").unwrap();
    let design = load(scenario.file().to_str().unwrap(), &Options::default()).unwrap().design;
    let settings = Settings {
        replicas: REPLICAS,
        horizon: Duration::from_days(60),
        attacker: AttackerChoice::Nobody,
        ..Settings::default()
    };
    let result = Campaign::run(&[&design], &settings).unwrap().designs.remove(0);
    let delays = result.delays.unwrap();
    assert_eq!(delays.held_up_ns.value, 0.0, "nothing waits");
    let root = f64::from(REPLICAS).sqrt();
    let outlived = delays.outlived_ns.value / 8.64e13;
    assert!((outlived - REVIEW).abs() < 4.0 * REVIEW / root, "{outlived} days");

    let late: Vec<_> = result.needs.iter().filter(|need| need.flows.stale > 0).collect();
    let [need] = late[..] else { panic!("one need waits: {late:?}") };
    assert_eq!((need.release.as_deref(), need.flows.denied), (Some("dynamic-pricing"), 0));
    let share = need.flows.stale as f64 / need.flows.tried as f64;
    let known = REVIEW / WATCHED;
    // By how much the review differs from one replica to the next, and the flows that are looked at of each.
    let flows = need.flows.tried as f64 / f64::from(REPLICAS);
    let error = (known * known + known / flows).sqrt() / root;
    assert!((share - known).abs() < 4.0 * error, "{share} of {known} ± {error}");
    assert!(result.needs.iter().all(|need| need.flows.queue_full + need.flows.too_slow + need.flows.table_full == 0));
}
