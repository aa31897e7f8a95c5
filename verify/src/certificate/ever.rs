//! What attacks may own in every design that comes of this one by adding units.

use super::{Ranges, string};
use crate::lateral::Origin;
use crate::properties::Settings;
use crate::reach::Verifier;
use crate::smt::{EverAnswer, Invariant, Label, Trait};
use seglab_policy::{Peer, Pivot, Property, Service};
use std::collections::BTreeSet;
use std::fmt::Write;

impl Verifier<'_> {
    /// The invariant that Z3 found, as one attack from everybody who is meant.
    pub(super) fn prove_ever(
        &self,
        property: &Property,
        settings: &Settings,
        from: &Peer,
        to: &Peer,
        services: &[Service],
    ) -> Vec<String> {
        let EverAnswer::Proved(invariant) = self.ever(property, settings, from, to, services) else {
            return Vec::new();
        };
        let from = self.members(from);
        let units = from.classes.iter().map(|(class, _)| Origin::Unit(*class, false));
        let externals = from.externals.iter().map(|(external, _)| Origin::External(*external));
        let sources = from.sources.iter().map(|(source, _)| Origin::Source(*source));
        let mut lines = vec![self.starts_line(&units.chain(externals).chain(sources).collect::<Vec<_>>())];
        let Some(hops_max) = property.hops_max else {
            self.write_round(&invariant, u32::MAX, property.pivot, &mut lines);
            return lines;
        };
        let rounds = invariant.units.values().chain(invariant.newcomers.values());
        let last = rounds.copied().max().unwrap_or(0);
        for most in 0..=last {
            self.write_round(&invariant, most, property.pivot, &mut lines);
        }
        // Nobody is told whom the last connection takes, for it matters only to those who run on them.
        if last + 1 == hops_max && self.design().unit_ids().all(|unit| self.design().host_of(unit).is_none()) {
            lines.push(self.layer(self.design().unit_ids().map(|unit| unit.0), property.pivot));
            lines.push("newcomers 0".to_owned());
        }
        lines
    }

    /// What may be owned after so many connections.
    fn write_round(&self, invariant: &Invariant, most: u32, pivot: Pivot, lines: &mut Vec<String>) {
        let units = invariant.units.iter().filter(|(_, round)| **round <= most).map(|(unit, _)| unit.0);
        lines.push(self.layer(units, pivot));
        for (traits, _) in invariant.newcomers.iter().filter(|(_, round)| **round <= most) {
            let mut line = format!("newcomers {}", traits.len());
            traits.iter().for_each(|one| write_trait(&mut line, one));
            lines.push(line);
        }
    }

    /// Owned units, with every credential that there is: units that do not exist yet may hold any.
    fn layer(&self, units: impl Iterator<Item = u32>, pivot: Pivot) -> String {
        let units_of = || self.design().units().iter().filter(|_| pivot == Pivot::Exploitable);
        let taken = units_of().flat_map(|unit| &unit.logins).map(|login| &login.credential);
        let credentials: BTreeSet<&String> = taken.chain(units_of().flat_map(|unit| &unit.credentials)).collect();
        let mut line = format!("layer {} {}", Ranges::of(units), credentials.len());
        credentials.iter().for_each(|credential| string(&mut line, credential));
        line
    }
}

fn write_trait(line: &mut String, one: &Trait) {
    match one {
        Trait::Label(key, value) => {
            line.push_str(match value {
                None => " lacks",
                Some(Label::Other) => " other",
                Some(Label::Value(_)) => " is",
            });
            string(line, key);
            if let Some(Label::Value(value)) = value {
                string(line, value);
            }
        }
        Trait::Owner(owner) => {
            line.push_str(" owner");
            match owner {
                Some(owner) => string(line, owner),
                None => line.push_str(" -"),
            }
        }
        Trait::Host(host) => {
            line.push_str(" host");
            match host {
                Some(host) => drop(write!(line, " {}", host.0)),
                None => line.push_str(" -"),
            }
        }
    }
}
