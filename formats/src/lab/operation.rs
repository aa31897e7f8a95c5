//! How enforcement points run: the keys `coverage`, `gaps`, `fails`, `update-delay` and `updates` of a point.

use super::at::{At, Text};
use super::document::PlacementDoc;
use super::reader::Reader;
use crate::text::rate_per_second;
use schemars::JsonSchema;
use seglab_policy::{FailureMode, Failures, Operation, Placement};
use serde::Deserialize;

/// Shares of the gaps in a point's coverage that strike many units at once: `{by-image: 0.3, by-site: 0.1}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GapsDoc {
    /// The share that strikes all units of an image, 0 to 1; none where it is absent.
    by_image: Option<At<f64>>,
    /// The share that strikes all units of a site, 0 to 1; none where it is absent.
    by_site: Option<At<f64>>,
}

/// How a point fails and is repaired: `{mode: closed, every: 90d, repair: 4h}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FailsDoc {
    /// What becomes of connections meanwhile: `open`, they pass unjudged, or `closed`, none passes.
    mode: Text,
    /// The mean time from a repair to the next failure.
    every: Text,
    /// The mean time from a failure to its repair.
    repair: Text,
}

impl Reader<'_> {
    /// Where a point is in place, and how it fails.
    pub(super) fn operation(&mut self, given: &PlacementDoc, placement: Option<&Placement>) -> Option<Operation> {
        let usual = Operation::default();
        if let (Some(Placement::Between(_) | Placement::Around(..)), Some(coverage)) = (placement, &given.coverage) {
            let help = "leave `coverage` out, or write `on: SELECTOR` for points at units";
            self.notes.error("invalid-value", coverage, "a point on links is there or not", help);
            return None;
        }
        if let (None, Some(gaps)) = (&given.coverage, &given.gaps) {
            let help = "say how large they are: `coverage: 0.95`";
            self.notes.error("invalid-value", gaps, "there are no gaps to have shares of", help);
            return None;
        }
        let shares = given.gaps.as_ref().map(|gaps| (gaps, &gaps.value.by_image, &gaps.value.by_site));
        let mut share = |of: Option<&At<f64>>, usual: f64| match of {
            Some(given) => self.probability(given),
            None => Some(usual),
        };
        let coverage = share(given.coverage.as_ref(), usual.coverage);
        let by_image = share(shares.and_then(|(_, image, _)| image.as_ref()), usual.gaps_by_image);
        let by_site = share(shares.and_then(|(_, _, site)| site.as_ref()), usual.gaps_by_site);
        let failures = match &given.fails {
            Some(fails) => Some(self.failures(fails)?),
            None => None,
        };
        let update_mean_ns = match &given.update_delay {
            Some(delay) => self.duration(delay)?,
            None => usual.update_mean_ns,
        };
        let updates_per_second = match &given.updates {
            Some(rate) => Some(self.notes.parsed(rate, rate_per_second(&rate.value))?),
            None => usual.updates_per_second,
        };
        let (coverage, gaps_by_image, gaps_by_site) = (coverage?, by_image?, by_site?);
        let operation =
            Operation { coverage, gaps_by_image, gaps_by_site, failures, update_mean_ns, updates_per_second };
        if let (false, Some((gaps, ..))) = (operation.is_sound(), shares) {
            let help = "give shares that are 1 together at most; what is left strikes units one by one";
            self.notes.error("invalid-value", gaps, "the shares of the gaps are more than all of them", help);
            return None;
        }
        if !operation.is_always_at_work() {
            self.assume(
                "points-at-work",
                "proofs take every point to be in place and at work wherever it is declared; what `coverage` and `fails` \
                 say is drawn by simulations",
            );
        }
        Some(operation)
    }

    fn failures(&mut self, doc: &At<FailsDoc>) -> Option<Failures> {
        let given = &doc.value;
        let modes = [FailureMode::Open, FailureMode::Closed].map(|mode| (mode.to_string(), mode));
        let mode = self.one_of(&given.mode, "a way to fail", &modes);
        let (every, repair) = (self.duration(&given.every), self.duration(&given.repair));
        if every == Some(0) {
            let help = "give the mean time between failures, above zero: `90d`";
            self.notes.error("invalid-value", &given.every, "the point fails all the time", help);
            return None;
        }
        Some(Failures { mode: mode?, every_ns: every?, repair_ns: repair? })
    }
}
