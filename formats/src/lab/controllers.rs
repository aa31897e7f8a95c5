//! What distributes policy: the section `controllers`.

use super::at::{At, Text};
use super::reader::Reader;
use schemars::JsonSchema;
use seglab_policy::{Controller, EnforcementPoint, Provenance};
use serde::Deserialize;

/// What points learn from, by the name that they give as `controller`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ControllerDoc {
    /// The name, unique in the design.
    name: Text,
    /// When it is out: points learn nothing meanwhile, and enforce what they have.
    fails: OutagesDoc,
}

/// How often something is out, and for how long: `{every: 90d, repair: 4h}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OutagesDoc {
    /// The mean time from a repair to the next outage.
    every: Text,
    /// The mean time from an outage to its repair.
    repair: Text,
}

impl Reader<'_> {
    pub(super) fn controller(&mut self, doc: &At<ControllerDoc>, points: &[EnforcementPoint]) -> Option<Controller> {
        let ControllerDoc { name, fails } = &doc.value;
        let (every, repair) = (self.time_above_zero(&fails.every), self.duration(&fails.repair));
        if !points.iter().any(|point| point.controller.as_ref() == Some(&name.value)) {
            let known = points.iter().filter_map(|point| point.controller.as_deref());
            let known: std::collections::BTreeSet<&str> = known.collect();
            let help = crate::text::suggestion(&name.value, known);
            let help = help.unwrap_or_else(|| format!("name it at a point: `controller: {}`", name.value));
            self.notes.warning("means-nothing", name, format!("no point learns from `{}`", name.value), &help);
        }
        self.assume(
            "points-informed",
            "proofs take every point to have the rules that are declared; when `controllers` are out is drawn by simulations",
        );
        let provenance = Provenance::at(self.notes.span(doc));
        Some(Controller { name: name.value.clone(), fails_every_ns: every?, repair_ns: repair?, provenance })
    }
}
