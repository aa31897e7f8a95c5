//! What is known of requests that wait for reviewers.

use super::*;

/// Ten requests at once at three reviewers: while j of them are not approved the next one is at the rate min(j, 3)/m, and j
/// releases are held up.
fn approval() -> Case {
    Case {
        off: |draft, factor| {
            draft.approval.iter_mut().for_each(|one| one.review_mean_ns = (one.review_mean_ns as f64 * factor) as u64);
        },
        horizon: Duration::from_days(30),
        ..Case::of(
            "approval.yaml",
            |replica| replica.delays.unwrap().held_up_ns as f64 / 3.6e12,
            |factor| {
                let waits = (1..=10u32).map(|held_up| f64::from(held_up) * 4.0 * factor / f64::from(held_up.min(3)));
                sum_of(waits.map(|mean| 1.0 / mean))
            },
        )
    }
}

#[test]
fn releases_on_one_date_wait_for_their_reviewers() {
    check(&approval());
}
