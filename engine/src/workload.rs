//! Workloads: connections to time an engine with and to hold it to the reference evaluator.
//!
//! Half of the connections are of endpoints drawn uniformly, which mostly no rule singles out; half start from a rule,
//! with endpoints that match its peers and a header of its services or right beside one, which rules decide. External
//! endpoints are drawn from the edges and the insides of the ranges that rules speak of.

use crate::label_index::LabelIndex;
use crate::matcher::{Matcher, Packet, PacketV4, UnitPacket};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use seglab_policy::{
    Address, AddressSet, Connection, Covers, Design, Endpoint, ExternalSourceId, Family, Header, ICMP_V4, ICMP_V6,
    Interface, IntervalSet, Peer, Rule, Selector, Service, Transport, Unit, UnitId,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most endpoints that stand for a selector; more would only cost memory.
const SAMPLE: usize = 32;

/// Connections of a design, the same for the same seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    connections: Vec<Connection>,
}

impl Workload {
    /// `count` connections of a design, drawn with xoshiro256++ from `seed`; none if the design has no units.
    pub fn generate(design: &Design, seed: u64, count: usize) -> Self {
        Self::about_rules(design, seed, count, 0.5)
    }

    /// As [`Workload::generate`], with another share of connections that start from a rule.
    pub fn about_rules(design: &Design, seed: u64, count: usize, share: f64) -> Self {
        let mut drawer = Drawer::new(design, seed);
        let there = if drawer.ends.is_empty() { 0 } else { count };
        Self { connections: (0..there).map(|_| drawer.draw(share)).collect() }
    }

    /// Connections between addresses, in their order: each end is the unit that has the address in a space, or
    /// external. In a design without units all are external.
    pub fn replayed(design: &Design, space: &str, seen: impl IntoIterator<Item = (IpAddr, IpAddr, Header)>) -> Self {
        let mut holders = BTreeMap::new();
        for end in design.unit_ids().flat_map(|unit| interfaces(design, unit)) {
            if let Some(Interface { address: Address::Known(address), space: of, .. }) = design.interface(end)
                && of == space
            {
                holders.entry(*address).or_insert(end);
            }
        }
        let end = |address: IpAddr| holders.get(&address).copied().unwrap_or(Endpoint::External(address));
        let connection =
            |(source, destination, header)| Connection { source: end(source), destination: end(destination), header };
        Self { connections: seen.into_iter().map(connection).collect() }
    }

    /// Those connections that are of interest.
    #[must_use]
    pub fn filtered(mut self, wanted: impl FnMut(&Connection) -> bool) -> Self {
        self.connections.retain(wanted);
        self
    }

    /// The same with one end of each connection a given one, the source and the destination in turns; connections with
    /// itself are left out.
    #[must_use]
    pub fn at(mut self, end: Endpoint) -> Self {
        for (position, connection) in self.connections.iter_mut().enumerate() {
            if position % 2 == 0 { connection.source = end } else { connection.destination = end }
        }
        self.filtered(|one| one.source.unit() != one.destination.unit() || one.source.unit().is_none())
    }

    /// `count` connections between interfaces, both drawn uniformly, on services of rules drawn uniformly; drawn with
    /// xoshiro256++ from `seed`. The interfaces are those with known IPv4 addresses, or all where there are none.
    pub fn uniform(design: &Design, seed: u64, count: usize) -> Self {
        Self::between_interfaces(design, seed, count, |_| 1.0)
    }

    /// As [`Workload::uniform`], but few interfaces talk most: the one at rank n, in a random order, is drawn in
    /// proportion to 1/n (Zipf's law).
    pub fn zipf(design: &Design, seed: u64, count: usize) -> Self {
        Self::between_interfaces(design, seed, count, |rank| 1.0 / rank as f64)
    }

    /// `count` connections between addresses, whoever has them, that start from the rules of a design: of every three two
    /// have both ends and the header from one rule, and the third each from a rule of its own. Drawn with xoshiro256++
    /// from `seed`; none if the design has no rules.
    pub fn between_addresses(design: &Design, seed: u64, count: usize) -> Self {
        let mut drawer = Drawer::new(design, seed);
        let everywhere = [(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into())];
        let mut draw = |_| {
            let mut rules = [(); 3].map(|()| pick(&mut drawer.random, &drawer.rules).copied());
            if drawer.random.random_range(0..3u8) > 0 {
                rules = [rules[0]; 3];
            }
            let [from, to, header] = rules;
            let mut end = |peer: Option<&Peer>| {
                let ranges: Vec<(IpAddr, IpAddr)> = match peer {
                    Some(Peer::Addresses { set, .. }) => set.ranges().filter(|(first, _)| first.is_ipv4()).collect(),
                    _ => everywhere.to_vec(),
                };
                drawer.address(&ranges).map(Endpoint::External)
            };
            let (source, destination) = (end(from.map(|rule| &rule.from))?, end(to.map(|rule| &rule.to))?);
            Some(Connection { source, destination, header: drawer.header(header, source, destination) })
        };
        Self { connections: (0..count).filter_map(&mut draw).collect() }
    }

    fn between_interfaces(design: &Design, seed: u64, count: usize, weight: impl Fn(usize) -> f64) -> Self {
        let mut drawer = Drawer::new(design, seed);
        let known = drawer.known.iter().filter(|(address, _)| address.is_ipv4()).map(|&(_, end)| end);
        let mut ends: Vec<Endpoint> = known.collect();
        if ends.is_empty() {
            ends.clone_from(&drawer.ends);
        }
        for last in (1..ends.len()).rev() {
            ends.swap(last, drawer.random.random_range(0..=last));
        }
        let mut sum = 0.0;
        let up_to: Vec<f64> = (1..=ends.len())
            .map(|rank| {
                sum += weight(rank);
                sum
            })
            .collect();
        let count = if ends.is_empty() { 0 } else { count };
        let draw = |_| {
            let mut end = || {
                let drawn = drawer.random.random::<f64>() * sum;
                let at = up_to.partition_point(|&up_to| up_to <= drawn).min(ends.len() - 1);
                ends.get(at).copied().unwrap_or(Endpoint::Unit { unit: UnitId(0), interface: 0 })
            };
            let (source, destination) = (end(), end());
            let rule = pick(&mut drawer.random, &drawer.rules).copied();
            Connection { source, destination, header: drawer.header(rule, source, destination) }
        };
        Self { connections: (0..count).map(draw).collect() }
    }

    /// The packet of each connection whose ends both have known IPv4 addresses that are seen in a space: those of its
    /// own units, and those that are no unit's.
    pub fn packets_v4(&self, design: &Design, space: &str) -> Vec<PacketV4> {
        let address = |end: Endpoint| match end {
            Endpoint::External(IpAddr::V4(address)) => Some(address),
            end => match design.interface(end).filter(|interface| interface.space == space)?.address {
                Address::Known(IpAddr::V4(address)) => Some(address),
                _ => None,
            },
        };
        let packet = |one: &Connection| Some(Packet::v4(address(one.source)?, address(one.destination)?, one.header));
        self.connections.iter().filter_map(packet).collect()
    }

    /// The packet of each connection whose ends both are interfaces of units that a matcher knows.
    pub fn packets_between(&self, matcher: &Matcher) -> Vec<UnitPacket> {
        let interface = |end: Endpoint| match end {
            Endpoint::Unit { unit, interface } => matcher.interface(unit, interface),
            Endpoint::External(_) | Endpoint::Source(_) => None,
        };
        let packet =
            |one: &Connection| Some(Packet::between(interface(one.source)?, interface(one.destination)?, one.header));
        self.connections.iter().filter_map(packet).collect()
    }

    /// The connections, in the order in which to ask them.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }
}

/// Draws connections.
struct Drawer<'a> {
    design: &'a Design,
    random: Xoshiro256PlusPlus,
    /// The interfaces of units.
    ends: Vec<Endpoint>,
    /// Those whose address is known, by address.
    known: Vec<(IpAddr, Endpoint)>,
    rules: Vec<&'a Rule>,
    /// Endpoints that stand for each selector that rules use.
    selected: BTreeMap<&'a Selector, Vec<Endpoint>>,
    ranges: Vec<(IpAddr, IpAddr)>,
}

impl<'a> Drawer<'a> {
    fn new(design: &'a Design, seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let labels = LabelIndex::new(design.units());
        let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
        let mut selected = BTreeMap::new();
        let mut ranges: Vec<(IpAddr, IpAddr)> = AddressSet::internet().ranges().collect();
        for peer in rules.iter().flat_map(|rule| [&rule.from, &rule.to]) {
            match peer {
                Peer::Units(selector) => {
                    selected.entry(selector).or_insert_with(|| sample(design, &labels, selector, &mut random));
                }
                Peer::Addresses { set, .. } => ranges.extend(set.ranges()),
                Peer::Anyone | Peer::Unmodelled(_) => {}
            }
        }
        let ends: Vec<Endpoint> = design.unit_ids().flat_map(|unit| interfaces(design, unit)).collect();
        let known = |&end: &Endpoint| match design.interface(end)?.address {
            Address::Known(address) => Some((address, end)),
            Address::Within(_) | Address::Unknown(_) => None,
        };
        let mut known: Vec<(IpAddr, Endpoint)> = ends.iter().filter_map(known).collect();
        known.sort_unstable();
        Self { design, random, ends, known, rules, selected, ranges }
    }

    /// A connection, in a share of draws about a rule.
    fn draw(&mut self, share: f64) -> Connection {
        let rule = if self.random.random_bool(1.0 - share.clamp(0.0, 1.0)) {
            None
        } else {
            pick(&mut self.random, &self.rules).copied()
        };
        let mut source = self.end(rule.map(|rule| &rule.from));
        let mut destination = self.end(rule.map(|rule| &rule.to));
        // Two external ends have no path: one of them becomes a unit's.
        if source.unit().is_none() && destination.unit().is_none() {
            let unit = self.any_interface();
            if matches!(source, Endpoint::Source(_)) || self.random.random() {
                destination = unit
            } else {
                source = unit
            }
        }
        if matches!(destination, Endpoint::Source(_)) {
            destination = self.any_interface();
        }
        let destination = self.of_family(self.design.interface(source).map(Interface::family), destination);
        let header = self.header(rule, source, destination);
        Connection { source, destination, header }
    }

    /// Another interface of the endpoint's unit, if that one is of the family and the endpoint is not.
    fn of_family(&self, family: Option<Family>, endpoint: Endpoint) -> Endpoint {
        let of_family = |&end: &Endpoint| self.design.interface(end).map(Interface::family) == family;
        let Some(unit) = endpoint.unit().filter(|_| family.is_some() && !of_family(&endpoint)) else { return endpoint };
        interfaces(self.design, unit).find(of_family).unwrap_or(endpoint)
    }

    /// An endpoint that a peer matches, mostly; any endpoint where none is given.
    fn end(&mut self, peer: Option<&Peer>) -> Endpoint {
        match peer {
            Some(Peer::Units(selector)) => {
                let sample = self.selected.get(selector).map_or(&[][..], Vec::as_slice);
                pick(&mut self.random, sample).copied().unwrap_or_else(|| self.any_interface())
            }
            Some(Peer::Addresses { set, covers }) => {
                let ranges: Vec<(IpAddr, IpAddr)> = set.ranges().collect();
                let unit = if *covers == Covers::All && self.random.random() { self.holder(&ranges) } else { None };
                let address = self.address(&ranges).map(Endpoint::External);
                unit.or(address).unwrap_or_else(|| self.any_interface())
            }
            Some(Peer::Anyone | Peer::Unmodelled(_)) | None => match self.random.random_range(0..16u8) {
                0 | 1 => {
                    let ranges = std::mem::take(&mut self.ranges);
                    let address = self.address(&ranges);
                    self.ranges = ranges;
                    address.map_or_else(|| self.any_interface(), Endpoint::External)
                }
                2 => {
                    let sources = self.design.external_sources();
                    let drawn = u32::try_from(sources.len()).ok().filter(|&len| len > 0);
                    let drawn = drawn.map(|len| Endpoint::Source(ExternalSourceId(self.random.random_range(0..len))));
                    drawn.unwrap_or_else(|| self.any_interface())
                }
                _ => self.any_interface(),
            },
        }
    }

    fn any_interface(&mut self) -> Endpoint {
        pick(&mut self.random, &self.ends).copied().unwrap_or(Endpoint::Unit { unit: UnitId(0), interface: 0 })
    }

    /// An interface with an address in one of the ranges.
    fn holder(&mut self, ranges: &[(IpAddr, IpAddr)]) -> Option<Endpoint> {
        let &(first, last) = pick(&mut self.random, ranges)?;
        let from = self.known.partition_point(|&(address, _)| address < first);
        let until = self.known.partition_point(|&(address, _)| address <= last);
        let holders = self.known.get(from..until)?;
        pick(&mut self.random, holders).map(|&(_, end)| end)
    }

    /// An address of one of the ranges: an end, right outside an end, or anywhere inside.
    fn address(&mut self, ranges: &[(IpAddr, IpAddr)]) -> Option<IpAddr> {
        let &(first, last) = pick(&mut self.random, ranges)?;
        Some(match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                Ipv4Addr::from_bits(match self.random.random_range(0..6u8) {
                    0 => first,
                    1 => last,
                    2 => first.saturating_sub(1),
                    3 => last.saturating_add(1),
                    _ => self.random.random_range(first..=last),
                })
                .into()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                Ipv6Addr::from_bits(match self.random.random_range(0..6u8) {
                    0 => first,
                    1 => last,
                    2 => first.saturating_sub(1),
                    3 => last.saturating_add(1),
                    _ => self.random.random_range(first..=last),
                })
                .into()
            }
            _ => return None,
        })
    }

    /// A header of one of the rule's services or beside it, of a service of the destination, or any.
    fn header(&mut self, rule: Option<&Rule>, source: Endpoint, destination: Endpoint) -> Header {
        let rule =
            rule.or_else(|| if self.random.random() { pick(&mut self.random, &self.rules).copied() } else { None });
        let listens = destination.unit().map(|unit| self.design.unit(unit));
        match rule.and_then(|rule| pick(&mut self.random, &rule.services)) {
            Some(Service::Ports { protocol, ports, source_ports }) => Header::Transport {
                protocol: *protocol,
                source_port: if source_ports.is_full() { self.ephemeral() } else { self.port(source_ports) },
                destination_port: self.port(ports),
            },
            Some(Service::NamedPort { name, .. }) => {
                let named: Vec<(Transport, u16)> =
                    listens.into_iter().flat_map(|unit| unit.named_ports(name)).collect();
                match pick(&mut self.random, &named) {
                    Some(&(protocol, port)) => self.transport(protocol, port),
                    None => self.service_of(listens),
                }
            }
            Some(Service::Icmp { kind, code, .. }) => {
                let request = if self.is_v6(source, destination) { 128 } else { 8 };
                Header::Icmp { kind: kind.unwrap_or(request), code: code.unwrap_or(0) }
            }
            Some(Service::Protocol(number)) => Header::Other(*number),
            Some(Service::Any) | None => match self.random.random_range(0..16u8) {
                0 => Header::Icmp { kind: if self.is_v6(source, destination) { 128 } else { 8 }, code: 0 },
                1 => Header::Other(self.other_protocol()),
                2..8 => self.service_of(listens),
                _ => {
                    let protocol = pick(&mut self.random, &Transport::ALL).copied().unwrap_or(Transport::Tcp);
                    let port = self.random.random();
                    self.transport(protocol, port)
                }
            },
        }
    }

    /// A service that a unit listens on; TCP to any port if there is none.
    fn service_of(&mut self, unit: Option<&Unit>) -> Header {
        let listener = unit.and_then(|unit| pick(&mut self.random, &unit.listeners));
        match listener {
            Some(listener) => {
                let port = self.random.random_range(listener.first..=listener.last.max(listener.first));
                self.transport(listener.protocol, port)
            }
            None => {
                let port = self.random.random();
                self.transport(Transport::Tcp, port)
            }
        }
    }

    fn transport(&mut self, protocol: Transport, destination_port: u16) -> Header {
        Header::Transport { protocol, source_port: self.ephemeral(), destination_port }
    }

    fn ephemeral(&mut self) -> u16 {
        self.random.random_range(1024..=u16::MAX)
    }

    /// A port of a set: an end of a range, right outside it, or inside.
    fn port(&mut self, ports: &IntervalSet<u16>) -> u16 {
        let Some(&(first, last)) = pick(&mut self.random, ports.ranges()) else { return self.random.random() };
        match self.random.random_range(0..8u8) {
            0 => first.saturating_sub(1),
            1 => last.saturating_add(1),
            2 => first,
            3 => last,
            _ => self.random.random_range(first..=last),
        }
    }

    /// A protocol number that has no form of its own.
    fn other_protocol(&mut self) -> u8 {
        let number: u8 = self.random.random();
        match number {
            ICMP_V4 | ICMP_V6 | 6 | 17 | 132 => 50,
            number => number,
        }
    }

    fn is_v6(&self, source: Endpoint, destination: Endpoint) -> bool {
        let connection = Connection { source, destination, header: Header::Other(0) };
        self.design.family_of(&connection) == Some(Family::V6)
    }
}

fn interfaces(design: &Design, unit: UnitId) -> impl Iterator<Item = Endpoint> {
    let interfaces = (0u16..).zip(&design.unit(unit).interfaces);
    interfaces.map(move |(interface, _)| Endpoint::Unit { unit, interface })
}

/// Some of the endpoints that a selector selects, evenly over the population from a random start.
fn sample(
    design: &Design,
    labels: &LabelIndex<'_>,
    selector: &Selector,
    random: &mut Xoshiro256PlusPlus,
) -> Vec<Endpoint> {
    let units = labels.select(selector);
    let step = units.len().div_ceil(SAMPLE).max(1);
    let start = random.random_range(0..step);
    let chosen = units.iter().copied().skip(start).step_by(step);
    chosen.flat_map(|unit| interfaces(design, UnitId(unit))).collect()
}

fn pick<'s, T>(random: &mut Xoshiro256PlusPlus, from: &'s [T]) -> Option<&'s T> {
    (!from.is_empty()).then(|| random.random_range(0..from.len())).and_then(|at| from.get(at))
}
