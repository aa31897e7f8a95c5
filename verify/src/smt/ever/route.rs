//! The units that do not exist yet on the way to a target, read off the connections that were found.

use super::closure::{Cause, Closure, Witness};
use super::{Cube, Region};
use crate::smt::facts::{Fact, Facts, KIND_UNIT, Vocabulary};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use seglab_policy::{Address, Design, Family, Header, Interface, Level, Place, Transport, UnitId};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A unit that does not exist yet, as far as it matters what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newcomer {
    /// Its labels, of those that selectors mention; the others it lacks.
    pub labels: BTreeMap<String, Label>,
    /// The owner that it is one more replica of.
    pub owner: Option<String>,
    /// The unit that it runs on.
    pub host: Option<UnitId>,
    /// The interfaces at which it is met. Those in an address space or a place of their own are in [`FRESH`].
    pub interfaces: Vec<Interface>,
    /// The port at which it is met, and the names under which it declares that.
    pub listens: Option<(Transport, u16, Vec<String>)>,
    /// Attacks start from it.
    pub is_start: bool,
    /// It is what is reached.
    pub is_target: bool,
}

/// What units that do not exist yet may have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trait {
    /// The value of the label of this key, `None` if they lack it.
    Label(String, Option<Label>),
    /// The owner that they are more replicas of, `None` if that is nobody whom a selector mentions.
    Owner(Option<String>),
    /// The unit that they run on.
    Host(Option<UnitId>),
}

/// The value of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// One that a selector mentions.
    Value(String),
    /// Any that no selector mentions.
    Other,
}

/// The name of an address space, or a place, that does not exist yet: no name of a lab file has a line break.
pub const FRESH: &str = "\n";

impl Region {
    /// The end of these facts is in the region.
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        let is_unit = facts.get(&Fact::Kind) == Some(&KIND_UNIT);
        let is_newcomer = facts.get(&Fact::New) == Some(&1);
        match self {
            Region::Outside => !is_unit,
            Region::Unit(unit) => is_unit && !is_newcomer && facts.get(&Fact::Unit) == Some(&u128::from(unit.0)),
            Region::Newcomers(cube) => is_newcomer && cube.iter().all(|(fact, value)| facts.get(fact) == Some(value)),
        }
    }
}

/// The unit of these facts; `None` if it does not exist yet.
pub(super) fn existing(facts: &Facts) -> Option<UnitId> {
    if facts.get(&Fact::New) == Some(&1) {
        return None;
    }
    facts.get(&Fact::Unit).and_then(|&unit| u32::try_from(unit).ok()).map(UnitId)
}

/// The family of an end's address.
pub(super) fn family_of(facts: &Facts) -> Family {
    if facts.get(&Fact::V6) == Some(&1) { Family::V6 } else { Family::V4 }
}

/// The newcomers on the way to what a connection reaches.
pub(super) fn newcomers(closure: &Closure<'_, '_>, reached: &Witness) -> Vec<Newcomer> {
    let mut found = Vec::new();
    if is_newcomer(&reached.other) {
        let target = newcomer(closure, &reached.other, Some(reached), None);
        found.push(Newcomer { is_target: true, ..target });
    }
    back(closure, reached.by, &reached.owner, &mut found);
    found.reverse();
    found
}

/// The newcomers on the way to a target that fell with its host.
pub(super) fn fallen(closure: &Closure<'_, '_>, at: usize, target: &Facts) -> Vec<Newcomer> {
    let mut found = Vec::new();
    back(closure, at, target, &mut found);
    if let Some(last) = found.first_mut().filter(|_| is_newcomer(target)) {
        last.is_target = true;
    }
    found.reverse();
    found
}

/// Goes back from an owner, of this entry, to where the attack started.
fn back(closure: &Closure<'_, '_>, at: usize, owner: &Facts, found: &mut Vec<Newcomer>) {
    let (mut at, mut owner) = (at, owner);
    // Each step leads to an entry of an earlier position, or from a guest to its host.
    for _ in 0..=closure.entries.len() {
        let Some(entry) = closure.entries.get(at) else { return };
        let (met, next) = match &entry.cause {
            Cause::Start => (None, None),
            Cause::Step(witness) => (Some(&**witness), Some((witness.by, &witness.owner))),
            Cause::Host(_) => (None, None),
        };
        if is_newcomer(owner) {
            let one = newcomer(closure, owner, met, Some(owner));
            found.push(Newcomer { is_start: matches!(entry.cause, Cause::Start), ..one });
        }
        match (next, &entry.cause) {
            (Some((by, facts)), _) => (at, owner) = (by, facts),
            (None, Cause::Host(host)) => {
                let of_host = closure.entries.iter().position(|entry| entry.region == Region::Unit(*host));
                let Some(of_host) = of_host else { return };
                // Of a unit that exists it does not matter by which facts it is met.
                (at, owner) = (of_host, &EXISTING);
            }
            (None, _) => return,
        }
    }
}

static EXISTING: Facts = Facts::new();

fn is_newcomer(facts: &Facts) -> bool {
    facts.get(&Fact::New) == Some(&1)
}

/// The newcomer of this atom: met by one connection, and opening another from where `leaving` says.
fn newcomer(closure: &Closure<'_, '_>, atom: &Facts, met: Option<&Witness>, leaving: Option<&Facts>) -> Newcomer {
    let (design, vocabulary) = (closure.world.design, &closure.world.vocabulary);
    let facts = |fact: &Fact| atom.get(fact).copied().unwrap_or(0);
    let labels = vocabulary.labels.iter().filter_map(|(key, values)| {
        let value = label(values, facts(&Fact::Label((*key).to_owned())))?;
        Some(((*key).to_owned(), value))
    });
    let mut interfaces: Vec<Interface> = Vec::new();
    for met in met.map(|met| &met.other).into_iter().chain(leaving) {
        let interface = interface(met, vocabulary);
        if !interfaces.contains(&interface) {
            interfaces.push(interface);
        }
    }
    let host = u32::try_from(facts(&Fact::Host)).map(UnitId).ok();
    Newcomer {
        labels: labels.collect(),
        owner: named(&vocabulary.names, facts(&Fact::Owner)).map(str::to_owned),
        host: host.filter(|host| host.index() < design.units().len()),
        interfaces,
        listens: met.and_then(listens),
        is_start: false,
        is_target: false,
    }
}

/// The port at which a connection meets the unit that it is opened to.
fn listens(met: &Witness) -> Option<(Transport, u16, Vec<String>)> {
    let Header::Transport { protocol, destination_port, .. } = met.header else { return None };
    if met.owned == seglab_policy::Side::Destination {
        return None;
    }
    let names = met.other.iter().filter_map(|(fact, &value)| match fact {
        Fact::DeclaresHere(name) if value == 1 => Some(name.clone()),
        _ => None,
    });
    Some((protocol, destination_port, names.collect()))
}

fn interface(facts: &Facts, vocabulary: &Vocabulary<'_>) -> Interface {
    let place = |level: Level| {
        let names = vocabulary.places.get(&level)?;
        match facts.get(&Fact::Place(level)).copied().unwrap_or(0) {
            0 => None,
            number => Some(named(names, number).unwrap_or(FRESH).to_owned()),
        }
    };
    let space = facts.get(&Fact::Space).and_then(|&number| named(&vocabulary.spaces, number)).unwrap_or(FRESH);
    Interface {
        space: space.to_owned(),
        place: Place { site: place(Level::Site), zone: place(Level::Zone), subnet: place(Level::Subnet) },
        ..Interface::new(address(facts))
    }
}

fn address(facts: &Facts) -> Address {
    let number = |fact: &Fact| facts.get(fact).copied().unwrap_or(0);
    let part = |fact: &Fact| u32::try_from(number(fact)).unwrap_or(0);
    let net: Option<IpNet> = match family_of(facts) {
        Family::V4 => {
            let (first, last) = (part(&Fact::FirstLow), part(&Fact::LastLow));
            let length = u8::try_from((first ^ last).leading_zeros()).unwrap_or(32);
            Ipv4Net::new(Ipv4Addr::from_bits(first), length).ok().map(IpNet::V4)
        }
        Family::V6 => {
            let whole = |high: &Fact, low: &Fact| number(high) << 32 | number(low);
            let (first, last) = (whole(&Fact::FirstHigh, &Fact::FirstLow), whole(&Fact::LastHigh, &Fact::LastLow));
            let length = u8::try_from((first ^ last).leading_zeros()).unwrap_or(128);
            Ipv6Net::new(Ipv6Addr::from_bits(first), length).ok().map(IpNet::V6)
        }
    };
    match net {
        Some(net) if number(&Fact::Known) == 1 => Address::Known(net.addr()),
        Some(net) if net.prefix_len() > 0 => Address::Within(net),
        _ => Address::Unknown(family_of(facts)),
    }
}

/// The value that a number stands for; `None` if the label is absent.
fn label(values: &BTreeMap<&str, u128>, number: u128) -> Option<Label> {
    (number != 0).then(|| named(values, number).map_or(Label::Other, |value| Label::Value(value.to_owned())))
}

/// The name of a number.
fn named<'a>(names: &BTreeMap<&'a str, u128>, number: u128) -> Option<&'a str> {
    names.iter().find(|(_, known)| **known == number).map(|(name, _)| *name)
}

/// What the units of a cube have in common.
pub(super) fn traits(cube: &Cube, vocabulary: &Vocabulary<'_>, design: &Design) -> Vec<Trait> {
    let one = |(fact, &value): (&Fact, &u128)| match fact {
        Fact::Label(key) => Some(Trait::Label(key.clone(), label(vocabulary.labels.get(key.as_str())?, value))),
        Fact::Owner => Some(Trait::Owner(named(&vocabulary.names, value).map(str::to_owned))),
        Fact::Host => {
            let host = u32::try_from(value).ok().map(UnitId);
            Some(Trait::Host(host.filter(|host| host.index() < design.units().len())))
        }
        _ => None,
    };
    cube.iter().filter_map(one).collect()
}
