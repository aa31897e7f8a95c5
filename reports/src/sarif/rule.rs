//! The rules that a SARIF run speaks of: one per kind of property, one for needs, one per code of diagnostic.

use crate::model::{Severity, Verification};
use serde_json::json;
use serde_sarif::sarif::{MultiformatMessageString, ReportingConfiguration, ReportingDescriptor};
use std::collections::BTreeMap;

/// The id of the rule for needed flows that do not work.
pub(super) const NEED: &str = "need-broken";

struct Known {
    id: &'static str,
    title: &'static str,
    help: &'static str,
    level: &'static str,
}

const KNOWN: [Known; 6] = [
    Known {
        id: "isolated",
        title: "Units that must stay apart can reach each other",
        help: "Follow the code flow hop by hop. Narrow or remove the rule that opens the last hop, or cover its ends \
               by an enforcement point that denies it; then verify again.",
        level: "error",
    },
    Known {
        id: "allowed",
        title: "A flow that must work does not",
        help: "The related location names the rule or default that stops the flow. Allow it there, in both \
               directions that are judged, and for replies if the point is stateless.",
        level: "error",
    },
    Known {
        id: "only-through",
        title: "A way leads around the waypoint",
        help: "Close the way in the code flow, so that the target can be reached through the waypoint only.",
        level: "error",
    },
    Known {
        id: "blast-radius",
        title: "One owned unit leads to more units than the bound admits",
        help: "The code flow shows one way out of the worst unit. Narrow the rules on it, starting with those that \
               name many units; trust a hub only where somebody answers for it.",
        level: "error",
    },
    Known {
        id: "exposed",
        title: "Units are exposed to external addresses that should not be",
        help: "Narrow the rule that lets the external address in (or out), or add the unit to those that may be exposed.",
        level: "error",
    },
    Known {
        id: NEED,
        title: "A needed flow is broken",
        help: "The location names the rule or default that stops the flow. Allow it, or remove the need.",
        level: "warning",
    },
];

/// The rules of one run, in the order of their index.
pub(super) struct Rules {
    descriptors: Vec<ReportingDescriptor>,
    index: BTreeMap<String, i64>,
}

impl Rules {
    pub(super) fn new(of: &Verification) -> Self {
        let mut rules = Rules { descriptors: Vec::new(), index: BTreeMap::new() };
        for known in &KNOWN {
            rules.add(known.id, known.title, known.help, known.level);
        }
        for property in &of.properties {
            let title = format!("A property of the kind {} does not hold", property.kind);
            rules.add(&property.kind, &title, "Follow the code flow hop by hop.", "error");
        }
        for group in of.diagnostic_groups() {
            let help = group.diagnostics.iter().find_map(|one| one.help.as_deref());
            let level = match group.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let title = group.code.replace('-', " ");
            rules.add(group.code, &title, help.unwrap_or("Look at the place that is named."), level);
        }
        rules
    }

    pub(super) fn index(&self, id: &str) -> Option<i64> {
        self.index.get(id).copied()
    }

    pub(super) fn descriptors(&self) -> Vec<ReportingDescriptor> {
        self.descriptors.clone()
    }

    fn add(&mut self, id: &str, title: &str, help: &str, level: &str) {
        if self.index.contains_key(id) {
            return;
        }
        self.index.insert(id.to_owned(), i64::try_from(self.descriptors.len()).unwrap_or(i64::MAX));
        let mut configuration = ReportingConfiguration::builder().build();
        configuration.level = Some(json!(level));
        let mut held = ReportingDescriptor::builder().id(id.to_owned()).build();
        held.short_description = Some(text(title));
        held.full_description = Some(text(title));
        held.help = Some(text(help));
        held.default_configuration = Some(configuration);
        self.descriptors.push(held);
    }
}

fn text(text: &str) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(text.to_owned()).build()
}
