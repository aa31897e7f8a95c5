//! Units that move: the section `moves`.

use super::at::{At, Text};
use super::reader::Reader;
use crate::text;
use schemars::JsonSchema;
use seglab_policy::{Address, Destination, MoveTimes, Movement, Place, Provenance, Selector};
use serde::Deserialize;

/// Units that move while the design is at work: exactly one of `every` and `at`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MovementDoc {
    /// The units: a selector.
    units: Text,
    /// The mean time between two moves of a unit, exponentially distributed.
    every: Option<Text>,
    /// When each of them moves, after the start: `[2h, 1d]`.
    at: Option<At<Vec<Text>>>,
    /// Where to: one of these.
    to: At<Vec<At<DestinationDoc>>>,
}

/// Where a unit may move; what is absent stays as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DestinationDoc {
    /// The addresses of which it takes one that is free: `10.1.0.0/24`; its own where it is absent and `host` is given.
    addresses: Option<Text>,
    /// What it runs on from then on: a unit, or a selector of those of which it is one.
    host: Option<Text>,
    /// The site.
    site: Option<String>,
    /// The zone.
    zone: Option<String>,
    /// The subnet.
    subnet: Option<String>,
}

impl Reader<'_> {
    pub(super) fn movement(&mut self, doc: &At<MovementDoc>) -> Option<Movement> {
        let given = &doc.value;
        let units = self.selector(&given.units);
        if let Some(selector) = &units {
            let selected = self.index.select(selector);
            let movable = |interfaces: &[seglab_policy::Interface]| matches!(interfaces, [one] if matches!(one.address, Address::Known(_)) && !one.shared);
            let mut found = selected.iter().filter_map(|&at| self.index.units().get(at));
            if let Some(unit) = found.find(|unit| !movable(&unit.interfaces)) {
                let message = format!("`{}` has not just one address, known and its own", unit.name);
                let help = format!("give it one, or leave it out: `units: ... and not {}`", unit.name);
                self.notes.error("invalid-value", &given.units, message, &help);
                return None;
            }
        }
        let times = match (&given.every, &given.at) {
            (Some(every), None) => match self.duration(every)? {
                0 => {
                    let help = "give the mean time between two moves, above zero: `7d`";
                    self.notes.error("invalid-value", every, "units move all the time", help);
                    return None;
                }
                mean => MoveTimes::Every(mean),
            },
            (None, Some(at)) => {
                MoveTimes::At(at.value.iter().map(|at| self.duration(at)).collect::<Option<Vec<u64>>>()?)
            }
            _ => {
                let help = "write `every: 7d`, or the times as `at: [2h, 1d]`";
                self.notes.error("invalid-value", doc, "units move either `every` so often or `at` some times", help);
                return None;
            }
        };
        if given.to.value.is_empty() {
            let help = "name addresses: `to: [{addresses: 10.1.0.0/24}]`";
            self.notes.error("invalid-value", &given.to, "there is nowhere to move", help);
            return None;
        }
        let to: Option<Vec<Destination>> = given.to.value.iter().map(|doc| self.destination(doc)).collect();
        self.assume(
            "units-stay",
            "proofs are about units where they are declared; what `moves` says is drawn by simulations",
        );
        Some(Movement { units: units?, times, to: to?, provenance: Provenance::at(self.notes.span(doc)) })
    }

    fn destination(&mut self, doc: &At<DestinationDoc>) -> Option<Destination> {
        let DestinationDoc { addresses, host, site, zone, subnet } = &doc.value;
        if addresses.is_none() && host.is_none() {
            let help = "write `addresses: 10.1.0.0/24`, `host: NAME` or both";
            self.notes.error("missing-key", doc, "it is not said where units move", help);
            return None;
        }
        let addresses = match addresses {
            Some(given) => Some(self.notes.parsed(given, text::address_set(&given.value))?),
            None => None,
        };
        let hosts = match host {
            Some(given) => Some(self.hosts(given)?),
            None => None,
        };
        let place = Place { site: site.clone(), zone: zone.clone(), subnet: subnet.clone() };
        Some(Destination { addresses, hosts, place })
    }

    fn hosts(&mut self, given: &Text) -> Option<Selector> {
        let selector = self.notes.parsed(given, text::selector(&given.value, &self.names))?;
        if self.index.select(&selector).is_empty() {
            let message = format!("the host `{}` selects no unit", given.value);
            self.notes.error("selects-nothing", given, message, "choose units that others may run on");
            return None;
        }
        Some(selector)
    }
}
