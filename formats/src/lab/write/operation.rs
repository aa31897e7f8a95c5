//! How an enforcement point runs, as a lab file has it.

use super::{Map, number, scalar};
use crate::text::{write_duration, write_rate};
use seglab_policy::{Failures, Operation};

/// Adds what is not as usual to the mapping of a point.
pub(super) fn put(map: &mut Map, of: &Operation) {
    let shares = [("by-image", of.gaps_by_image), ("by-site", of.gaps_by_site)];
    let mut gaps = Map::default();
    for (key, share) in shares {
        gaps.put_if(share > 0.0, key, number(share));
    }
    let has_gaps = shares.iter().any(|(_, share)| *share > 0.0);
    map.put_if(of.coverage < 1.0 || has_gaps, "coverage", number(of.coverage)).put_if(has_gaps, "gaps", gaps.done());
    if let Some(Failures { mode, every_ns, repair_ns }) = of.failures {
        let mut fails = Map::default();
        fails.put("mode", mode.to_string());
        fails.put("every", scalar(&write_duration(every_ns))).put("repair", scalar(&write_duration(repair_ns)));
        map.put("fails", fails.done());
    }
    let delay = of.update_mean_ns;
    map.put_if(delay > 0, "update-delay", scalar(&write_duration(delay)));
    map.put_some("updates", of.updates_per_second.map(|rate| scalar(&write_rate(rate))));
}
