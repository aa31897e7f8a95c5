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
        let rounds = invariant.units.values().chain(invariant.newcomers.values());
        let first = if property.hops_max.is_none() { u32::MAX } else { 0 };
        for most in first..=rounds.copied().max().unwrap_or(0).max(first) {
            self.write_round(&invariant, most, property.pivot, &mut lines);
        }
        lines
    }

    /// What may be owned after so many connections.
    fn write_round(&self, invariant: &Invariant, most: u32, pivot: Pivot, lines: &mut Vec<String>) {
        let units = invariant.units.iter().filter(|(_, round)| **round <= most).map(|(unit, _)| *unit);
        // Units that do not exist yet may hold any credential.
        let units_of = || self.design().units().iter().filter(|_| pivot == Pivot::Exploitable);
        let taken = units_of().flat_map(|unit| &unit.logins).map(|login| &login.credential);
        let credentials: BTreeSet<&String> = taken.chain(units_of().flat_map(|unit| &unit.credentials)).collect();
        let mut line = format!("layer {} {}", Ranges::of(units.map(|unit| unit.0)), credentials.len());
        credentials.iter().for_each(|credential| string(&mut line, credential));
        lines.push(line);
        for (traits, _) in invariant.newcomers.iter().filter(|(_, round)| **round <= most) {
            let mut line = format!("newcomers {}", traits.len());
            traits.iter().for_each(|one| write_trait(&mut line, one));
            lines.push(line);
        }
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
