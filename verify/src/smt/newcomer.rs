//! Units that do not exist yet: what may be true of one.
//!
//! - Each label that some selector mentions is absent, a mentioned value, or one fresh other. In a Kubernetes namespace
//!   that exists the labels of the namespace are what they are.
//! - It has no name that a selector mentions. Its owner is none that a selector mentions either, unless it is one more
//!   replica of units that exist, with the labels of one of them.
//! - It runs on a unit that is a host already, or on none; none runs on it.
//! - Each of its interfaces stands at any place, in any address space or in one of its own, with paths both ways to the
//!   outside, at any address that no unit of the space has, at one drawn within any prefix, or at one that is not known.
//! - It declares any port under any name, and offers anything to attackers there.
//!
//! Interfaces are chosen for every connection anew: a unit may have several.

use super::ends::End;
use super::facts::{Fact, KIND_UNIT, Vocabulary, interfaces};
use super::term::{all, any, constant, contains, literal};
use seglab_policy::{Address, AddressSet, NAMESPACE_KEY, NAMESPACE_PREFIX, Unit, UnitId};
use std::collections::{BTreeMap, BTreeSet};
use z3::ast::{BV, Bool};

impl End {
    /// It is a unit that does not exist yet.
    pub(super) fn is_newcomer(&self) -> Bool {
        self.is(&Fact::New, 1)
    }

    /// What has to be true of the end if it is a unit that does not exist yet.
    pub(super) fn may_come(&self, vocabulary: &Vocabulary<'_>) -> Bool {
        let mut parts = vec![
            self.is(&Fact::Kind, KIND_UNIT),
            self.is(&Fact::Row, vocabulary.newcomer_row()),
            self.is(&Fact::Interface, 0),
            self.is(&Fact::Interfaces, 1),
            self.is(&Fact::Shared, 0),
            self.is(&Fact::Inbound, 1),
            self.is(&Fact::Outbound, 1),
            self.is(&Fact::Name, 0),
        ];
        for (fact, _) in vocabulary.fields() {
            let most = match &fact {
                Fact::Declares(_) | Fact::Doors(_) => 0,
                Fact::Space => vocabulary.spaces.len() as u128,
                Fact::Place(level) => vocabulary.places.get(level).map_or(0, BTreeMap::len) as u128 + 1,
                Fact::Label(key) => vocabulary.labels.get(key.as_str()).map_or(0, BTreeMap::len) as u128 + 1,
                _ => continue,
            };
            parts.push(self.is_between(&fact, 0, most));
        }
        parts.extend([self.prefixed(), self.untaken(vocabulary), self.hosted(vocabulary)]);
        parts.extend([self.replicates(vocabulary), self.in_namespace(vocabulary)]);
        all(parts)
    }

    fn bits(&self, fact: &Fact) -> BV {
        self.variable(fact).cloned().unwrap_or_else(|| literal(0, 32))
    }

    /// The addresses that it may have are those of a prefix, one that is known the only one of its prefix.
    fn prefixed(&self) -> Bool {
        let (first_high, first_low) = (self.bits(&Fact::FirstHigh), self.bits(&Fact::FirstLow));
        let (last_high, last_low) = (self.bits(&Fact::LastHigh), self.bits(&Fact::LastLow));
        let prefix = |first: &BV, last: &BV| {
            let free = first.bvxor(last);
            let none = literal(0, first.get_size());
            let one = literal(1, first.get_size());
            all([free.bvand(free.bvadd(&one)).eq(&none), first.bvand(&free).eq(&none)])
        };
        let high = |term: &BV| term.eq(literal(0, 96));
        let v4 = all([high(&first_high), high(&last_high), prefix(&first_low, &last_low)]);
        let v6 = prefix(&first_high.concat(&first_low), &last_high.concat(&last_low));
        all([any([self.v6.clone(), v4]), any([self.v6.not(), v6])])
    }

    /// One of the addresses that it may have is that of no unit in its address space.
    fn untaken(&self, vocabulary: &Vocabulary<'_>) -> Bool {
        let (high, low) = (self.bits(&Fact::FreeHigh), self.bits(&Fact::FreeLow));
        let free = high.concat(&low);
        let whole = |high: &Fact, low: &Fact| self.bits(high).concat(self.bits(low));
        let (first, last) = (whole(&Fact::FirstHigh, &Fact::FirstLow), whole(&Fact::LastHigh, &Fact::LastLow));
        let between = all([free.bvuge(&first), free.bvule(&last)]);
        let untaken = all(vocabulary.spaces().map(|(space, number)| {
            let there = interfaces(vocabulary.design).filter(|(_, interface)| interface.space == space);
            let known = there.filter_map(|(_, interface)| match interface.address {
                Address::Known(address) => Some(address),
                Address::Within(_) | Address::Unknown(_) => None,
            });
            let taken: AddressSet = known.collect();
            let v4 = all([self.v6.not(), contains(&low, &taken.v4)]);
            let v6 = all([self.v6.clone(), contains(&free, &taken.v6)]);
            any([self.is(&Fact::Space, number).not(), any([v4, v6]).not()])
        }));
        all([between, untaken])
    }

    /// It runs on a unit that is a host already, or on none.
    fn hosted(&self, vocabulary: &Vocabulary<'_>) -> Bool {
        let hosts = hosts(vocabulary).into_iter().map(|host| u128::from(host.0));
        any(hosts.chain([vocabulary.no_unit()]).map(|host| self.is(&Fact::Host, host)))
    }

    /// Its owner is none that a selector mentions, or it is one more replica of that owner's.
    fn replicates(&self, vocabulary: &Vocabulary<'_>) -> Bool {
        let replicas = vocabulary.names.iter().map(|(name, &number)| {
            let is_one = |unit: &&Unit| unit.owner.as_deref() == Some(name);
            let labels = self.carries_labels_of_one(is_one, "", vocabulary).unwrap_or_else(|| constant(false));
            all([self.is(&Fact::Owner, number), labels])
        });
        any(replicas.chain([self.is(&Fact::Owner, 0)]))
    }

    /// In a namespace that exists it carries the namespace's labels.
    fn in_namespace(&self, vocabulary: &Vocabulary<'_>) -> Bool {
        let Some(names) = vocabulary.labels.get(NAMESPACE_KEY) else { return constant(true) };
        let fact = Fact::Label(NAMESPACE_KEY.to_owned());
        all(names.iter().map(|(name, &number)| {
            let inside = |unit: &&Unit| unit.labels.get(NAMESPACE_KEY).is_some_and(|of| of == name);
            let as_one_inside = self.carries_labels_of_one(inside, NAMESPACE_PREFIX, vocabulary);
            as_one_inside.map_or_else(|| constant(true), |labels| any([self.is(&fact, number).not(), labels]))
        }))
    }

    /// Every mentioned label whose key begins so has the value that it has at one of these units; `None` if there is no
    /// such unit.
    fn carries_labels_of_one(
        &self,
        is_one: impl Fn(&&Unit) -> bool,
        prefix: &str,
        vocabulary: &Vocabulary<'_>,
    ) -> Option<Bool> {
        let keys: Vec<&str> = vocabulary.labels.keys().copied().filter(|key| key.starts_with(prefix)).collect();
        let labels = |unit: &Unit| -> Vec<u128> {
            keys.iter().map(|key| unit.labels.get(*key).map_or(0, |value| vocabulary.label(key, value))).collect()
        };
        let distinct: BTreeSet<Vec<u128>> = vocabulary.design.units().iter().filter(is_one).map(labels).collect();
        let one = |values: &Vec<u128>| {
            all(keys.iter().zip(values).map(|(key, &value)| self.is(&Fact::Label((*key).to_owned()), value)))
        };
        (!distinct.is_empty()).then(|| any(distinct.iter().map(one)))
    }
}

/// The units that are hosts.
pub(super) fn hosts(vocabulary: &Vocabulary<'_>) -> BTreeSet<UnitId> {
    let design = vocabulary.design;
    design.unit_ids().filter_map(|unit| design.host_of(unit)).collect()
}
