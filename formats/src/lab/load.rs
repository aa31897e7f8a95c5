//! What enforcement points take and can do: the key `load` of a point.

use super::at::{Amount, At, Text};
use super::reader::Reader;
use crate::text;
use schemars::JsonSchema;
use seglab_policy::{Input, Load, PointKind};
use serde::Deserialize;

/// What an agent or an appliance takes, and how much it can do: `{rate: 50000/s, table: 200k, source: data sheet}`. What is
/// absent the calibration says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LoadDoc {
    /// Of an agent: the processor cores that it takes whatever there is to do, `0.02`.
    cpu: Option<Amount>,
    /// Of an agent: the processor time that it takes for a new connection, `5us`.
    connection_cpu: Option<Amount>,
    /// Of an agent: the memory that it takes whatever there is to do, `120MB`.
    memory: Option<Amount>,
    /// Of an agent: the memory that it takes for a connection that it tracks, `304B`.
    connection_memory: Option<Amount>,
    /// Of an agent: the memory that it takes for a rule, `1kB`.
    rule_memory: Option<Amount>,
    /// Of an appliance: how many new connections it takes, `50000/s`.
    rate: Option<Amount>,
    /// Of an appliance: how many connections it tracks, `200k`.
    table: Option<Amount>,
    /// Of an appliance: how long a new connection takes through it while it has nothing else to do, `50us`.
    latency: Option<Amount>,
    /// How long a connection is tracked, from its opening to some time after its end: `2min`.
    connection_life: Option<Amount>,
    /// Who says so: `data sheet`, `our measurement`.
    source: Option<Text>,
}

/// What may be given of points of a kind, by the names of the keys.
pub(super) fn keys(kind: PointKind) -> &'static [(&'static str, Input)] {
    match kind {
        PointKind::Agent => &[
            ("cpu", Input::AgentCpu),
            ("connection-cpu", Input::AgentConnectionCpu),
            ("memory", Input::AgentMemory),
            ("connection-memory", Input::AgentConnectionMemory),
            ("rule-memory", Input::AgentRuleMemory),
            ("connection-life", Input::ConnectionLife),
        ],
        PointKind::Appliance => &[
            ("rate", Input::ApplianceRate),
            ("table", Input::ApplianceTable),
            ("latency", Input::ApplianceLatency),
            ("connection-life", Input::ConnectionLife),
        ],
        PointKind::Host | PointKind::Cloud => &[],
    }
}

impl LoadDoc {
    fn given(&self) -> impl Iterator<Item = (&'static str, &Text)> {
        [
            ("cpu", &self.cpu),
            ("connection-cpu", &self.connection_cpu),
            ("memory", &self.memory),
            ("connection-memory", &self.connection_memory),
            ("rule-memory", &self.rule_memory),
            ("rate", &self.rate),
            ("table", &self.table),
            ("latency", &self.latency),
            ("connection-life", &self.connection_life),
        ]
        .into_iter()
        .filter_map(|(key, amount)| Some((key, &amount.as_ref()?.0)))
    }
}

impl Reader<'_> {
    /// What a point of a kind is said to take and to be able to do.
    pub(super) fn load(&mut self, given: Option<&At<LoadDoc>>, kind: PointKind) -> Option<Load> {
        let Some(doc) = given else { return Some(Load::default()) };
        let known = keys(kind);
        if known.is_empty() {
            let message = format!("loads are those of agents and appliances, and this is a {kind} point");
            self.notes.error("means-nothing", doc, message, "remove `load`");
            return None;
        }
        let mut load = Load::default();
        let mut is_sound = true;
        for (key, amount) in doc.value.given() {
            let Some((_, input)) = known.iter().find(|(name, _)| *name == key) else {
                let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
                let message = format!("`{key}` means nothing to an {kind}");
                self.notes.error("means-nothing", amount, message, &format!("give {}", names.join(", ")));
                is_sound = false;
                continue;
            };
            match self.notes.parsed(amount, text::amount(&amount.value, input.measure())) {
                Some(value) => load.given.insert(*input, value),
                None => {
                    is_sound = false;
                    None
                }
            };
        }
        if let Some(source) = doc.value.source.as_ref().filter(|source| source.value.trim().is_empty()) {
            let help = "say who measured it, or leave it out: then it is yours";
            self.notes.error("invalid-value", source, "the source is empty", help);
            return None;
        }
        load.source = doc.value.source.as_ref().map(|source| source.value.clone());
        is_sound.then_some(load)
    }
}
