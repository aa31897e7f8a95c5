//! The facts of endpoints that rules can tell apart, numbered.
//!
//! A selector that asks whether `app` is `web` does not care which other value a unit has. So a label becomes a
//! number: 0 for a unit that lacks the key, one number for each value that some selector mentions, one more for all
//! others. Names, places and address spaces are numbered the same way.

use super::question::{Doors, Question};
use super::term::width_of;
use seglab_policy::{
    Address, Covers, Design, Endpoint, ExternalSourceId, Interface, IntervalSet, Level, Peer, Placement, Scope,
    Selector, Service, Transport, Unit, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// One fact about an endpoint; its value is a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// [`KIND_UNIT`], [`KIND_SOURCE`] or [`KIND_EXTERNAL`].
    Kind,
    /// Which unit and interface, or which named external source.
    Row,
    /// Which unit; the number of units for none.
    Unit,
    /// Which of the unit's interfaces; 0 for none.
    Interface,
    /// How many interfaces the unit has; 0 for none.
    Interfaces,
    /// Which unit it runs on; the number of units for none.
    Host,
    /// 1 for an IPv6 address.
    V6,
    /// The upper 96 bits of the lowest address that it may have.
    FirstHigh,
    /// The lower 32 bits of the lowest address that it may have.
    FirstLow,
    /// The upper 96 bits of the highest address that it may have.
    LastHigh,
    /// The lower 32 bits of the highest address that it may have.
    LastLow,
    /// 1 if the address is known exactly.
    Known,
    /// 1 if the address may be that of other units too.
    Shared,
    /// 1 if external endpoints have a path to it.
    Inbound,
    /// 1 if it has a path to external endpoints.
    Outbound,
    /// Address space; 0 for none.
    Space,
    /// The place at a level; 0 for none.
    Place(Level),
    /// The name, of those that selectors mention; 0 for another.
    Name,
    /// The owner's name, of those that selectors mention; 0 for another or none.
    Owner,
    /// The value of the label of this key.
    Label(String),
    /// 1 if this port is declared under this name.
    Declares(NamedPort),
    /// Which of the distinct sets of ports through which the question counts connections.
    Doors(usize),
    /// The upper 96 bits of an address that nobody has, of those that a unit that does not exist yet may have.
    FreeHigh,
    /// The lower 32 bits of it.
    FreeLow,
    /// 1 for a unit that does not exist yet; only where such units are asked about.
    New,
    /// 1 if a unit that does not exist yet declares the very port of the packet that comes to it under this name.
    DeclaresHere(String),
}

/// The value of [`Fact::Kind`] for an interface of a unit.
pub(super) const KIND_UNIT: u128 = 0;
/// The value of [`Fact::Kind`] for a named external source.
pub(super) const KIND_SOURCE: u128 = 1;
/// The value of [`Fact::Kind`] for an external address.
pub(super) const KIND_EXTERNAL: u128 = 2;

/// A port that a unit declares under a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamedPort {
    pub(super) name: String,
    pub(super) protocol: Transport,
    pub(super) port: u16,
}

/// Ports by protocol.
pub(super) type Ports = BTreeMap<Transport, IntervalSet<u16>>;

/// The facts of one endpoint.
pub(super) type Facts = BTreeMap<Fact, u128>;

/// The numbers that names of a design stand for.
pub(super) struct Vocabulary<'a> {
    pub(super) design: &'a Design,
    pub(super) labels: BTreeMap<&'a str, BTreeMap<&'a str, u128>>,
    pub(super) names: BTreeMap<&'a str, u128>,
    pub(super) spaces: BTreeMap<&'a str, u128>,
    pub(super) places: BTreeMap<Level, BTreeMap<&'a str, u128>>,
    units: BTreeMap<&'a str, UnitId>,
    /// The named ports that some unit declares and some service mentions.
    pub(super) named_ports: BTreeSet<NamedPort>,
    /// What questions count as a door, each once.
    doors: Vec<&'a Doors>,
    /// By `doors`, the distinct sets of ports; a unit's fact is its position.
    pub(super) door_sets: Vec<Vec<Ports>>,
    /// Some peer asks for the addresses of units.
    addresses_matter: bool,
    /// The names of ports that services mention, where units that do not exist yet are asked about.
    newcomers: Option<BTreeSet<&'a str>>,
}

impl<'a> Vocabulary<'a> {
    /// The vocabulary of a design and of questions about it.
    pub(super) fn new(design: &'a Design, questions: &'a [Question]) -> Self {
        Self::of(design, None, questions, false)
    }

    /// The same, with words for units that do not exist yet.
    pub(super) fn with_newcomers(design: &'a Design, questions: &'a [Question]) -> Self {
        Self::of(design, None, questions, true)
    }

    /// The vocabulary of a design and of another one with the same units and named sources.
    pub(super) fn of_both(design: &'a Design, other: &'a Design) -> Self {
        Self::of(design, Some(other), &[], false)
    }

    fn of(design: &'a Design, other: Option<&'a Design>, questions: &'a [Question], newcomers: bool) -> Self {
        let mut mentioned = Mentioned::default();
        mentioned.design(design);
        other.into_iter().for_each(|other| mentioned.design(other));
        for question in questions {
            question.from.peers().chain(question.to.peers()).for_each(|peer| mentioned.peer(peer));
            question.services.iter().for_each(|service| mentioned.service(service));
            for listed in &question.unless {
                listed.from.peers().chain(listed.to.peers()).for_each(|peer| mentioned.peer(peer));
                listed.services.iter().for_each(|service| mentioned.service(service));
            }
        }
        let mut vocabulary = Self {
            design,
            labels: mentioned.labels.into_iter().map(|(key, values)| (key, numbered(values))).collect(),
            names: numbered(mentioned.names),
            spaces: numbered(spaces(design)),
            places: BTreeMap::new(),
            units: (0..).map(UnitId).zip(design.units()).map(|(id, unit)| (unit.name.as_str(), id)).collect(),
            named_ports: named_ports(design, &mentioned.port_names),
            doors: Vec::new(),
            door_sets: Vec::new(),
            addresses_matter: mentioned.addresses || newcomers,
            newcomers: newcomers.then_some(mentioned.port_names),
        };
        for level in mentioned.levels {
            let stood_in = interfaces(design).filter_map(|(_, interface)| level.of(&interface.place));
            let guarded = design.points().iter().filter_map(|point| match &point.placement {
                Placement::Around(of, name) if *of == level => Some(name.as_str()),
                _ => None,
            });
            let names = stood_in.chain(guarded).collect();
            vocabulary.places.insert(level, numbered(names));
        }
        for question in questions {
            vocabulary.add_doors(&question.doors);
        }
        vocabulary
    }

    fn add_doors(&mut self, doors: &'a Doors) {
        if *doors == Doors::Any || self.doors.contains(&doors) {
            return;
        }
        let sets: BTreeSet<Vec<(Transport, IntervalSet<u16>)>> =
            self.design.units().iter().map(|unit| doors.of(unit).into_iter().collect()).collect();
        let empty = Ports::new();
        let sets = sets.into_iter().map(|set| set.into_iter().collect()).filter(|set| *set != empty);
        self.door_sets.push(std::iter::once(empty.clone()).chain(sets).collect());
        self.doors.push(doors);
    }

    /// The position of a question's doors; `None` if every port counts.
    pub(super) fn doors_at(&self, doors: &Doors) -> Option<usize> {
        self.doors.iter().position(|known| *known == doors)
    }

    /// The number that means no unit.
    pub(super) fn no_unit(&self) -> u128 {
        self.design.units().len() as u128
    }

    /// The most interfaces that a unit has.
    pub(super) fn interfaces_most(&self) -> usize {
        self.design.units().iter().map(|unit| unit.interfaces.len()).max().unwrap_or(0)
    }

    /// The row of a named external source.
    pub(super) fn source_row(&self, id: ExternalSourceId) -> u128 {
        interfaces(self.design).count() as u128 + u128::from(id.0)
    }

    /// The row of an endpoint; `None` for external addresses, and for endpoints that the design does not have.
    pub(super) fn row_of(&self, endpoint: Endpoint) -> Option<u128> {
        match endpoint {
            Endpoint::Unit { .. } => {
                interfaces(self.design).zip(0..).find(|((at, _), _)| *at == endpoint).map(|(_, row)| row)
            }
            Endpoint::Source(id) => Some(self.source_row(id)),
            Endpoint::External(_) => None,
        }
    }

    /// The number of a label's value.
    pub(super) fn label(&self, key: &str, value: &str) -> u128 {
        let Some(values) = self.labels.get(key) else { return 0 };
        values.get(value).copied().unwrap_or(values.len() as u128 + 1)
    }

    /// The number of a name.
    pub(super) fn name(&self, name: &str) -> u128 {
        self.names.get(name).copied().unwrap_or(0)
    }

    /// True if units that do not exist yet are asked about.
    pub(super) fn knows_newcomers(&self) -> bool {
        self.newcomers.is_some()
    }

    /// The row of a unit that does not exist yet.
    pub(super) fn newcomer_row(&self) -> u128 {
        row_count(self.design) as u128 + 1
    }

    /// The number of an address space.
    pub(super) fn space(&self, name: &str) -> Option<u128> {
        self.spaces.get(name).copied()
    }

    /// The address spaces that interfaces stand in.
    pub(super) fn spaces(&self) -> impl Iterator<Item = (&'a str, u128)> {
        self.spaces.iter().map(|(name, &number)| (*name, number))
    }

    /// The number of a place; `None` if no interface stands there.
    pub(super) fn place(&self, level: Level, name: &str) -> Option<u128> {
        self.places.get(&level)?.get(name).copied()
    }

    /// Every fact, with the number of bits that hold its values.
    pub(super) fn fields(&self) -> BTreeMap<Fact, u32> {
        let rows = row_count(self.design);
        let mut fields = BTreeMap::from([
            (Fact::Kind, 2),
            (Fact::Row, width_of(rows as u128 + 1)),
            (Fact::Unit, width_of(self.no_unit() + 2)),
            (Fact::Interface, width_of(self.interfaces_most() as u128)),
            (Fact::Interfaces, width_of(self.interfaces_most() as u128)),
            (Fact::Host, width_of(self.no_unit() + 2)),
            (Fact::V6, 1),
            (Fact::FirstHigh, 96),
            (Fact::FirstLow, 32),
            (Fact::LastHigh, 96),
            (Fact::LastLow, 32),
            (Fact::Known, 1),
            (Fact::Shared, 1),
            (Fact::Inbound, 1),
            (Fact::Outbound, 1),
            (Fact::Space, width_of(self.spaces.len() as u128)),
            (Fact::Name, width_of(self.names.len() as u128)),
            (Fact::Owner, width_of(self.names.len() as u128)),
        ]);
        fields
            .extend(self.places.iter().map(|(&level, names)| (Fact::Place(level), width_of(names.len() as u128 + 1))));
        let labels = self.labels.iter();
        fields.extend(labels.map(|(key, values)| (Fact::Label((*key).to_owned()), width_of(values.len() as u128 + 1))));
        fields.extend(self.named_ports.iter().map(|port| (Fact::Declares(port.clone()), 1)));
        let doors = self.door_sets.iter().enumerate();
        fields.extend(doors.map(|(at, sets)| (Fact::Doors(at), width_of(sets.len() as u128))));
        fields.extend(self.known_of_newcomers().into_iter().map(|fact| (fact, 1)));
        if self.newcomers.is_some() {
            fields.extend([(Fact::FreeHigh, 96), (Fact::FreeLow, 32)]);
        }
        fields
    }

    /// What is asked of units that do not exist yet only.
    fn known_of_newcomers(&self) -> Vec<Fact> {
        let names = self.newcomers.iter().flatten().map(|name| Fact::DeclaresHere((*name).to_owned()));
        names.chain(self.newcomers.is_some().then_some(Fact::New)).collect()
    }

    /// The facts of an endpoint; those that it leaves open are absent. `None` if the design has no such endpoint.
    pub(super) fn facts_of(&self, endpoint: Endpoint) -> Option<Facts> {
        match endpoint {
            Endpoint::Unit { unit, interface } => self.unit_facts(unit, interface),
            Endpoint::Source(id) => self.source_facts(id),
            Endpoint::External(address) => {
                let mut facts = self.external_facts();
                facts.extend(address_facts(address, address));
                Some(facts)
            }
        }
    }

    /// The facts of every unit's interfaces and of every named external source, in the order of [`Fact::Row`].
    pub(super) fn population(&self) -> Vec<Facts> {
        let sources = (0..).zip(self.design.external_sources()).map(|(id, _)| Endpoint::Source(ExternalSourceId(id)));
        let endpoints = interfaces(self.design).map(|(endpoint, _)| endpoint).chain(sources);
        endpoints
            .zip(0u128..)
            .filter_map(|(endpoint, row)| {
                let mut facts = self.facts_of(endpoint)?;
                facts.insert(Fact::Row, row);
                Some(facts)
            })
            .collect()
    }

    /// The facts of an external address, except for the address.
    pub(super) fn external_facts(&self) -> Facts {
        let mut facts = self.outsider(KIND_EXTERNAL);
        facts.insert(Fact::Row, row_count(self.design) as u128);
        facts.insert(Fact::Known, 1);
        facts
    }

    /// What is true of every endpoint that is not a unit: it has no labels, stands nowhere and declares nothing.
    fn outsider(&self, kind: u128) -> Facts {
        let open = [Fact::V6, Fact::FirstHigh, Fact::FirstLow, Fact::LastHigh, Fact::LastLow, Fact::Known, Fact::Row];
        let mut facts: Facts =
            self.fields().into_keys().filter(|fact| !open.contains(fact)).map(|fact| (fact, 0)).collect();
        facts.extend([(Fact::Kind, kind), (Fact::Unit, self.no_unit()), (Fact::Host, self.no_unit())]);
        facts
    }

    fn source_facts(&self, id: ExternalSourceId) -> Option<Facts> {
        let source = self.design.external_sources().get(id.0 as usize)?;
        let mut facts = self.outsider(KIND_SOURCE);
        facts.insert(Fact::Known, 0);
        facts.insert(Fact::Name, self.name(&source.name));
        facts.insert(Fact::Row, self.source_row(id));
        for (key, value) in &source.labels {
            if self.labels.contains_key(key.as_str()) {
                facts.insert(Fact::Label(key.clone()), self.label(key, value));
            }
        }
        // Its address is not known, and of whichever family the connection is.
        facts.extend([(Fact::FirstHigh, 0), (Fact::FirstLow, 0)]);
        facts.extend([(Fact::LastHigh, u128::MAX >> 32), (Fact::LastLow, u128::from(u32::MAX))]);
        Some(facts)
    }

    fn unit_facts(&self, id: UnitId, at: u16) -> Option<Facts> {
        let unit = self.design.units().get(id.index())?;
        let interface = unit.interfaces.get(usize::from(at))?;
        let number = |known: bool| u128::from(known);
        let mut facts = Facts::from([
            (Fact::Kind, KIND_UNIT),
            (Fact::Unit, u128::from(id.0)),
            (Fact::Interface, u128::from(at)),
            (Fact::Interfaces, unit.interfaces.len() as u128),
            (Fact::Host, self.host(unit)),
            (Fact::Known, number(matches!(interface.address, Address::Known(_)))),
            (Fact::Shared, number(interface.shared)),
            (Fact::Inbound, number(interface.inbound)),
            (Fact::Outbound, number(interface.outbound)),
            (Fact::Space, self.space(&interface.space).unwrap_or(0)),
            (Fact::Name, self.name(&unit.name)),
            (Fact::Owner, unit.owner.as_deref().map_or(0, |owner| self.name(owner))),
        ]);
        facts.extend(self.address(interface));
        for &level in self.places.keys() {
            let place = level.of(&interface.place).and_then(|name| self.place(level, name));
            facts.insert(Fact::Place(level), place.unwrap_or(0));
        }
        for &key in self.labels.keys() {
            let value = unit.labels.get(key).map_or(0, |value| self.label(key, value));
            facts.insert(Fact::Label(key.to_owned()), value);
        }
        for port in &self.named_ports {
            facts.insert(Fact::Declares(port.clone()), number(declares(unit, port)));
        }
        for (at, (doors, sets)) in self.doors.iter().zip(&self.door_sets).enumerate() {
            let of_unit = doors.of(unit);
            let position = sets.iter().position(|set| *set == of_unit).unwrap_or(0);
            facts.insert(Fact::Doors(at), position as u128);
        }
        facts.extend(self.known_of_newcomers().into_iter().map(|fact| (fact, 0)));
        Some(facts)
    }

    fn host(&self, unit: &Unit) -> u128 {
        let host = unit.host.as_deref().and_then(|name| self.units.get(name));
        host.map_or(self.no_unit(), |host| u128::from(host.0))
    }

    /// The range that the interface's address is known to be in; only its family where no rule asks for more.
    fn address(&self, interface: &Interface) -> Vec<(Fact, u128)> {
        let (first, last) = match interface.address {
            Address::Known(address) => (address, address),
            Address::Within(net) => (net.network(), net.broadcast()),
            Address::Unknown(family) => family_range(family),
        };
        let mut facts = address_facts(first, last);
        if !self.addresses_matter {
            facts.retain(|(fact, _)| *fact == Fact::V6);
        } else if first == last {
            // That both ends of the range are one is said once for all who are known.
            facts.retain(|(fact, _)| !matches!(fact, Fact::LastHigh | Fact::LastLow));
        }
        facts
    }
}

/// The endpoints of all units' interfaces, in the order of units and then of interfaces.
pub(super) fn interfaces(design: &Design) -> impl Iterator<Item = (Endpoint, &Interface)> {
    (0..).map(UnitId).zip(design.units()).flat_map(|(unit, facts)| {
        (0..).zip(&facts.interfaces).map(move |(at, interface)| (Endpoint::Unit { unit, interface: at }, interface))
    })
}

/// The endpoint of a row; `None` for the row of external addresses.
pub(super) fn endpoint_of_row(design: &Design, row: u128) -> Option<Endpoint> {
    let row = usize::try_from(row).ok()?;
    let (count, mut of_units) = (interfaces(design).count(), interfaces(design).map(|(endpoint, _)| endpoint));
    of_units.nth(row).or_else(|| {
        let source = row.checked_sub(count).filter(|&at| at < design.external_sources().len())?;
        Some(Endpoint::Source(ExternalSourceId(u32::try_from(source).ok()?)))
    })
}

/// The address spaces that interfaces stand in, and those that routes lead to.
fn spaces(design: &Design) -> BTreeSet<&str> {
    let routed = design.routes().iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]);
    interfaces(design).map(|(_, interface)| interface.space.as_str()).chain(routed).collect()
}

fn row_count(design: &Design) -> usize {
    interfaces(design).count() + design.external_sources().len()
}

fn family_range(family: seglab_policy::Family) -> (IpAddr, IpAddr) {
    match family {
        seglab_policy::Family::V4 => (IpAddr::from([0u8; 4]), IpAddr::from([u8::MAX; 4])),
        seglab_policy::Family::V6 => (IpAddr::from([0u8; 16]), IpAddr::from([u8::MAX; 16])),
    }
}

fn address_facts(first: IpAddr, last: IpAddr) -> Vec<(Fact, u128)> {
    let split = |address| match address {
        IpAddr::V4(address) => (0, u128::from(address.to_bits())),
        IpAddr::V6(address) => (address.to_bits() >> 32, address.to_bits() & u128::from(u32::MAX)),
    };
    let ((first_high, first_low), (last_high, last_low)) = (split(first), split(last));
    vec![
        (Fact::V6, u128::from(first.is_ipv6())),
        (Fact::FirstHigh, first_high),
        (Fact::FirstLow, first_low),
        (Fact::LastHigh, last_high),
        (Fact::LastLow, last_low),
    ]
}

fn declares(unit: &Unit, port: &NamedPort) -> bool {
    unit.listeners.iter().any(|listener| {
        listener.name.as_ref() == Some(&port.name) && listener.protocol == port.protocol && listener.first == port.port
    })
}

fn named_ports(design: &Design, mentioned: &BTreeSet<&str>) -> BTreeSet<NamedPort> {
    let listeners = design.units().iter().flat_map(|unit| &unit.listeners);
    listeners
        .filter_map(|listener| {
            let name = listener.name.as_deref().filter(|name| mentioned.contains(name))?;
            Some(NamedPort { name: name.to_owned(), protocol: listener.protocol, port: listener.first })
        })
        .collect()
}

fn numbered(names: BTreeSet<&str>) -> BTreeMap<&str, u128> {
    names.into_iter().zip(1..).collect()
}

/// What rules and questions ask of endpoints.
#[derive(Default)]
struct Mentioned<'a> {
    labels: BTreeMap<&'a str, BTreeSet<&'a str>>,
    names: BTreeSet<&'a str>,
    levels: BTreeSet<Level>,
    port_names: BTreeSet<&'a str>,
    addresses: bool,
}

impl<'a> Mentioned<'a> {
    fn design(&mut self, design: &'a Design) {
        for tier in design.rulebooks().iter().flat_map(|book| &book.tiers) {
            if let Scope::Units { egress, ingress } = &tier.scope {
                egress.iter().chain(ingress).for_each(|selector| self.selector(selector));
            }
            for rule in &tier.rules {
                self.peer(&rule.from);
                self.peer(&rule.to);
                rule.services.iter().for_each(|service| self.service(service));
            }
        }
        for point in design.points() {
            match &point.placement {
                Placement::Units(selector) => self.selector(selector),
                Placement::Between(level) | Placement::Around(level, _) => {
                    self.levels.insert(*level);
                }
            }
        }
        for entry in design.external_sources().iter().flat_map(|source| &source.entries) {
            self.selector(&entry.to);
            entry.services.iter().for_each(|service| self.service(service));
        }
        design.unmodelled().iter().for_each(|what| self.selector(&what.touches));
    }

    fn peer(&mut self, peer: &'a Peer) {
        match peer {
            Peer::Anyone | Peer::Unmodelled(_) => {}
            Peer::Units(selector) => self.selector(selector),
            Peer::Addresses { covers, .. } => self.addresses |= *covers == Covers::All,
        }
    }

    fn service(&mut self, service: &'a Service) {
        if let Service::NamedPort { name, .. } = service {
            self.port_names.insert(name);
        }
    }

    fn selector(&mut self, selector: &'a Selector) {
        match selector {
            Selector::Everything => {}
            Selector::Named(name) => {
                self.names.insert(name);
            }
            Selector::In { key, values } | Selector::NotIn { key, values } => {
                self.labels.entry(key).or_default().extend(values.iter().map(String::as_str));
            }
            Selector::Exists(key) | Selector::Absent(key) => {
                self.labels.entry(key).or_default();
            }
            Selector::All(parts) | Selector::AnyOf(parts) => parts.iter().for_each(|part| self.selector(part)),
            Selector::Not(inner) => self.selector(inner),
        }
    }
}
