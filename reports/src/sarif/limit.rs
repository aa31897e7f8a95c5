//! Limits of code scanning services: 5,000 results are kept of a run, and a file may have 10 MB.

use serde_sarif::sarif::Result as Finding;

/// Results of a run.
const RESULTS_MAX: usize = 5_000;

/// What all results may take, written out; the rest of the file takes what is left of 10 MB. \[bytes\]
const BYTES_MAX: usize = 8_500_000;

/// The results that fit, the first ones, and how many do not.
pub(super) fn within_limits(mut results: Vec<Finding>) -> (Vec<Finding>, usize) {
    let all = results.len();
    let mut bytes = 0;
    let fits = |one: &Finding| {
        let text = serde_json::to_string_pretty(one).unwrap_or_default();
        // Inside the file every line is indented by eight more.
        bytes += text.len() + 8 * (text.lines().count() + 1);
        bytes <= BYTES_MAX
    };
    let kept = results.iter().take(RESULTS_MAX).map(fits).take_while(|fits| *fits).count();
    results.truncate(kept);
    (results, all - kept)
}
