//! Where the time went: phases, peak memory and counts, for `--timings`.

use serde::Serialize;
use std::collections::BTreeMap;
#[expect(clippy::disallowed_types, reason = "measuring is what this file is for; no result depends on it")]
use std::time::Instant;

/// Phases in nanoseconds, and how much there was of what.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Timings {
    schema: &'static str,
    phases_ns: BTreeMap<&'static str, u64>,
    peak_memory_bytes: Option<u64>,
    counts: BTreeMap<&'static str, u64>,
}

impl Timings {
    /// Nothing measured so far.
    pub(crate) fn new() -> Self {
        Self { schema: "seglab/timings/v1", ..Self::default() }
    }

    /// Runs `work` and adds its duration to a phase.
    #[expect(clippy::disallowed_types, reason = "measuring is what this file is for; no result depends on it")]
    pub(crate) fn phase<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        *self.phases_ns.entry(name).or_default() += spent;
        result
    }

    /// Adds to a count.
    pub(crate) fn count(&mut self, name: &'static str, amount: usize) {
        *self.counts.entry(name).or_default() += amount as u64;
    }

    /// The JSON document, with the peak memory of the process so far.
    pub(crate) fn finish(&mut self) -> String {
        self.peak_memory_bytes = peak_memory_bytes();
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The largest resident set of this process, where the system tells.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}
