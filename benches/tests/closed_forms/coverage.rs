//! What is known of agents that are not everywhere.

use super::*;

/// The share of units of `coverage.yaml` and `coverage-by-image.yaml` without an agent.
const GAPS: f64 = 0.4;

fn gaps(draft: &mut Draft, factor: f64) {
    draft.points.iter_mut().for_each(|point| point.operation.coverage = 1.0 - GAPS * factor);
}

/// All who have no agent fall, beside the foothold, which may have one.
fn coverage() -> Case {
    Case {
        off: gaps,
        // Fifteen visits of each owned unit to each of the others: the foothold alone misses one with a probability of 3e-7.
        horizon: Duration::from_secs(15_000),
        ..Case::of(
            "coverage.yaml",
            |replica| replica.compromised() as f64,
            |factor| {
                let open = GAPS * factor;
                Moments { mean: 1.0 + open * 39.0, variance: open * (1.0 - open) * 39.0 }
            },
        )
    }
}

/// Two units of one image share a draw of the chance √a, so that both have the agent with the probability a²/√a.
fn coverage_by_image() -> Case {
    Case {
        file: "coverage-by-image.yaml",
        moments: |factor| {
            let covered = 1.0 - GAPS * factor;
            let shared = covered * covered / covered.sqrt() - covered * covered;
            // Of 39 others, nine are of the foothold's image.
            let pairs = 9.0 * 8.0 + 3.0 * 10.0 * 9.0;
            Moments { variance: covered * (1.0 - covered) * 39.0 + pairs * shared, ..(coverage().moments)(factor) }
        },
        ..coverage()
    }
}

#[test]
fn a_worm_takes_those_that_have_no_agent() {
    check_against(&coverage(), 0.02);
    check(&coverage_by_image());
}
