//! Symbolic endpoints: one variable for each fact, and what selectors, peers and the population say of them.

use super::facts::{Fact, Facts, KIND_EXTERNAL, KIND_SOURCE, KIND_UNIT, Vocabulary};
use super::solve::value_of;
use super::term::{Truth, all, any, constant, contains, literal, range_within};
use seglab_policy::{AddressSet, Covers, Family, Level, Peer, Selector, Transport};
use std::collections::BTreeMap;
use z3::Model;
use z3::ast::{BV, Bool};

/// One end of a symbolic connection.
#[derive(Debug)]
pub(super) struct End {
    variables: BTreeMap<Fact, BV>,
    is_unit: Bool,
    is_source: Bool,
    is_external: Bool,
    /// The address is of IPv6.
    pub(super) v6: Bool,
    known: Bool,
    shared: Bool,
    first_low: BV,
    last_low: BV,
    first: BV,
    last: BV,
}

impl End {
    /// An end whose variables are named after it.
    pub(super) fn new(name: &str, vocabulary: &Vocabulary<'_>) -> Self {
        let variables: BTreeMap<Fact, BV> = vocabulary
            .fields()
            .into_iter()
            .map(|(fact, width)| {
                let variable = BV::new_const(format!("{name}.{fact:?}"), width);
                (fact, variable)
            })
            .collect();
        let variable = |fact: Fact| variables.get(&fact).cloned().unwrap_or_else(|| literal(0, 1));
        let (first_low, last_low) = (variable(Fact::FirstLow), variable(Fact::LastLow));
        let kind = variable(Fact::Kind);
        let is = |fact: Fact| variable(fact).eq(literal(1, 1));
        Self {
            is_unit: kind.eq(literal(KIND_UNIT, 2)),
            is_source: kind.eq(literal(KIND_SOURCE, 2)),
            is_external: kind.eq(literal(KIND_EXTERNAL, 2)),
            v6: is(Fact::V6),
            known: is(Fact::Known),
            shared: is(Fact::Shared),
            first: variable(Fact::FirstHigh).concat(&first_low),
            last: variable(Fact::LastHigh).concat(&last_low),
            first_low,
            last_low,
            variables,
        }
    }

    /// The facts that a model gives the end.
    pub(super) fn facts_in(&self, model: &Model) -> Facts {
        self.variables.iter().filter_map(|(fact, variable)| Some((fact.clone(), value_of(model, variable)?))).collect()
    }

    /// It is an interface of a unit.
    pub(super) fn is_unit(&self) -> Bool {
        self.is_unit.clone()
    }

    /// It is a named external source.
    pub(super) fn is_source(&self) -> Bool {
        self.is_source.clone()
    }

    /// It is an external address.
    pub(super) fn is_external(&self) -> Bool {
        self.is_external.clone()
    }

    /// The variable of a fact; `None` where the vocabulary lacks it.
    pub(super) fn variable(&self, fact: &Fact) -> Option<&BV> {
        self.variables.get(fact)
    }

    /// The fact has this value; false where the vocabulary lacks it.
    pub(super) fn is(&self, fact: &Fact, value: u128) -> Bool {
        self.variables
            .get(fact)
            .map_or_else(|| constant(false), |variable| variable.eq(literal(value, variable.get_size())))
    }

    /// The fact's value is one of a range.
    pub(super) fn is_between(&self, fact: &Fact, first: u128, last: u128) -> Bool {
        self.variables
            .get(fact)
            .map_or_else(|| constant(false), |variable| range_within(variable, variable, first, last))
    }

    /// Both ends have the same value of a fact.
    pub(super) fn same(&self, other: &Self, fact: &Fact) -> Bool {
        self.linked(fact, other, fact)
    }

    /// A fact of this end has the value of another fact of the other end.
    pub(super) fn linked(&self, fact: &Fact, other: &Self, of_other: &Fact) -> Bool {
        match (self.variables.get(fact), other.variables.get(of_other)) {
            (Some(ours), Some(theirs)) => ours.eq(theirs),
            _ => constant(false),
        }
    }

    /// The end's address is of `family`.
    pub(super) fn of_family(&self, family: Family) -> Bool {
        match family {
            Family::V4 => self.v6.not(),
            Family::V6 => self.v6.clone(),
        }
    }

    /// The end is exactly the endpoint of these facts.
    pub(super) fn pinned(&self, facts: &Facts) -> Bool {
        all(facts.iter().map(|(fact, &value)| self.is(fact, value)))
    }

    /// The end is the interface at this position of the other end's unit, or the very same where that has none.
    pub(super) fn alternates(&self, other: &Self, at: u128) -> Bool {
        let present = other.is_between(&Fact::Interfaces, at + 1, u128::MAX);
        let sibling = all([self.is_unit(), self.same(other, &Fact::Unit), self.is(&Fact::Interface, at)]);
        let identical = all(self.variables.keys().map(|fact| self.same(other, fact)));
        present.ite(&sibling, &identical)
    }

    /// The end is one of a set of units, given by ascending positions.
    pub(super) fn one_of(&self, units: impl IntoIterator<Item = u128>) -> Bool {
        let mut runs: Vec<(u128, u128)> = Vec::new();
        for unit in units {
            match runs.last_mut() {
                Some(run) if run.1 + 1 == unit => run.1 = unit,
                _ => runs.push((unit, unit)),
            }
        }
        let among = any(runs.into_iter().map(|(first, last)| self.is_between(&Fact::Unit, first, last)));
        all([self.is_unit(), among])
    }

    /// What holds of every end, of whichever unit: an address that is known is a single one.
    pub(super) fn well_formed(&self) -> Bool {
        any([self.known.not(), self.first.eq(&self.last)])
    }

    /// The end is a unit or a named external source of the design, or an external address.
    ///
    /// Rows are numbered in the order of units, so that equal facts stand in runs, each of which is one implication.
    /// Wide facts are said byte by byte, for the upper bytes of neighbours' addresses are mostly equal.
    pub(super) fn population(&self, vocabulary: &Vocabulary<'_>) -> Bool {
        let rows = vocabulary.population();
        let mut parts = vec![any([self.is_external().not(), self.pinned(&vocabulary.external_facts())])];
        let last = (rows.len() as u128).checked_sub(1);
        let present = last.map_or_else(|| constant(false), |last| self.is_between(&Fact::Row, 0, last));
        parts.push(any([self.is_external(), present, self.is_newcomer()]));
        if vocabulary.knows_newcomers() {
            parts.push(any([self.is_newcomer().not(), self.may_come(vocabulary)]));
        }
        for (fact, variable) in self.variables.iter().filter(|(fact, _)| **fact != Fact::Row) {
            let values: Vec<Option<u128>> = rows.iter().map(|facts| facts.get(fact).copied()).collect();
            let width = variable.get_size();
            for low in (0..width).step_by(8) {
                let high = (low + 7).min(width - 1);
                self.tabulate(&variable.extract(high, low), low, &values, &mut parts);
            }
        }
        all(parts)
    }

    /// Says of some bits of a fact, those from `low` on, which value they have in each row.
    fn tabulate(&self, bits: &BV, low: u32, values: &[Option<u128>], parts: &mut Vec<Bool>) {
        let width = bits.get_size();
        let mut runs: Vec<(u128, u128, Option<u128>)> = Vec::new();
        for (row, value) in (0u128..).zip(values) {
            let value = value.map(|value| (value >> low) & ((1 << width) - 1));
            match runs.last_mut() {
                Some(run) if run.2 == value => run.1 = row,
                _ => runs.push((row, row, value)),
            }
        }
        for (first, last, value) in runs {
            if let Some(value) = value {
                parts.push(any([self.is_between(&Fact::Row, first, last).not(), bits.eq(literal(value, width))]));
            }
        }
    }

    /// The selector selects the end, which has to be a unit.
    pub(super) fn unit_selected(&self, selector: &Selector, vocabulary: &Vocabulary<'_>) -> Bool {
        all([self.is_unit(), self.labelled(selector, vocabulary)])
    }

    /// The predicate over labels and names holds of the end, whatever it is.
    pub(super) fn labelled(&self, selector: &Selector, vocabulary: &Vocabulary<'_>) -> Bool {
        let carries = |key: &String, values: &[String]| {
            let fact = Fact::Label(key.clone());
            any(values.iter().map(|value| self.is(&fact, vocabulary.label(key, value))))
        };
        let lacks = |key: &String| self.is(&Fact::Label(key.clone()), 0);
        let every =
            |parts: &[Selector]| -> Vec<Bool> { parts.iter().map(|part| self.labelled(part, vocabulary)).collect() };
        match selector {
            Selector::Everything => constant(true),
            Selector::Named(name) => {
                let number = vocabulary.name(name);
                any([self.is(&Fact::Name, number), self.is(&Fact::Owner, number)])
            }
            Selector::In { key, values } => carries(key, values),
            Selector::NotIn { key, values } => carries(key, values).not(),
            Selector::Exists(key) => lacks(key).not(),
            Selector::Absent(key) => lacks(key),
            Selector::All(parts) => all(every(parts)),
            Selector::AnyOf(parts) => any(every(parts)),
            Selector::Not(inner) => self.labelled(inner, vocabulary).not(),
        }
    }

    /// The peer speaks of the end. A named external source is to selectors the unit that it is somewhere else.
    pub(super) fn is_peer(&self, peer: &Peer, vocabulary: &Vocabulary<'_>) -> Truth {
        match peer {
            Peer::Anyone => Truth::known(constant(true)),
            Peer::Unmodelled(_) => Truth { surely: constant(false), perhaps: constant(true) },
            Peer::Units(selector) => Truth::known(all([self.is_external().not(), self.labelled(selector, vocabulary)])),
            Peer::Addresses { set, covers: Covers::External } => Truth::known(self.is_address(set)),
            Peer::Addresses { set, covers: Covers::All } => self.addressed(set),
        }
    }

    /// The end's address is in the set: for one that is not known, wherever it may be; for one that units share, it
    /// cannot be told which of them is meant unless the set is its family's every address.
    fn addressed(&self, set: &AddressSet) -> Truth {
        let inside = self.certain_address(set);
        let whole = any(Family::ALL.map(|family| all([constant(set.covers_family(family)), self.of_family(family)])));
        let told_apart = any([whole, self.shared.not(), self.known.not(), self.is_unit().not()]);
        Truth { surely: all([inside.clone(), told_apart]), perhaps: inside }
    }

    /// Every address that the end may have is in the set.
    fn certain_address(&self, set: &AddressSet) -> Bool {
        let v4 = set.v4.ranges().iter();
        let v4 = any(v4.map(|&(first, last)| range_within(&self.first_low, &self.last_low, first.into(), last.into())));
        let v6 = any(set.v6.ranges().iter().map(|&(first, last)| range_within(&self.first, &self.last, first, last)));
        any([all([self.of_family(Family::V4), v4]), all([self.of_family(Family::V6), v6])])
    }

    /// The external address is in the set.
    pub(super) fn is_address(&self, set: &AddressSet) -> Bool {
        let v4 = all([self.of_family(Family::V4), contains(&self.first_low, &set.v4)]);
        all([self.is_external(), any([v4, all([self.of_family(Family::V6), contains(&self.first, &set.v6)])])])
    }

    /// The end stands at a place of this name.
    pub(super) fn stands_at(&self, level: Level, name: &str, vocabulary: &Vocabulary<'_>) -> Bool {
        vocabulary.place(level, name).map_or_else(|| constant(false), |place| self.is(&Fact::Place(level), place))
    }

    /// The unit declares the port of this number under this name.
    pub(super) fn declares(&self, name: &str, protocol: Transport, port: &BV, of: &Vocabulary<'_>) -> Bool {
        let declared = of.named_ports.iter().filter(|declared| declared.name == name && declared.protocol == protocol);
        let ports = declared.map(|declared| {
            let here = port.eq(literal(u128::from(declared.port), port.get_size()));
            all([self.is(&Fact::Declares(declared.clone()), 1), here])
        });
        let here = self.is(&Fact::DeclaresHere(name.to_owned()), 1);
        all([self.is_unit(), any(ports.chain([here]))])
    }

    /// The port is one of the doors of the unit.
    pub(super) fn has_door(&self, doors: usize, protocol: &BV, port: &BV, vocabulary: &Vocabulary<'_>) -> Bool {
        let Some(sets) = vocabulary.door_sets.get(doors) else { return constant(false) };
        let through = (0u128..).zip(sets).map(|(at, ports)| {
            let open = ports.iter().map(|(transport, ports)| {
                let used = protocol.eq(literal(u128::from(transport.number()), protocol.get_size()));
                all([used, contains(port, ports)])
            });
            all([self.is(&Fact::Doors(doors), at), any(open)])
        });
        // A unit that does not exist yet may offer anything at any port.
        let transport = |of: Transport| protocol.eq(literal(u128::from(of.number()), protocol.get_size()));
        let new = all([self.is_newcomer(), any(Transport::ALL.map(transport))]);
        all([self.is_unit(), any(through.chain([new]))])
    }
}
