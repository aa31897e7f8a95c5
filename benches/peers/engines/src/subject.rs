//! A label policy and connections between units, taken apart for engines that know neither.

use seglab_engine::{Matcher, Packet, UnitPacket, Workload};
use seglab_policy::{
    Action, Address, AddressSet, Connection, Covers, Design, Endpoint, EnforcementPoint, Family, Header, IntervalSet,
    Peer, PointKind, Rule, RulebookId, Selector, Service, Unit,
};
use seglab_scenarios::generate::{Settings, generate};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Units of a generated company.
const UNITS: u32 = 40_000;

/// The rules that a company's agents enforce, at every unit, and connections between units.
pub(crate) struct Subject {
    design: Design,
    connections: Vec<Connection>,
    groups: Groups,
}

/// What a condition on a header compares with: a protocol by its name, and a destination port or an ICMP type.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// `None` for every protocol.
    pub(crate) protocol: Option<&'static str>,
    /// Ports, or types; empty for all of them.
    pub(crate) ranges: Vec<(u16, u16)>,
}

impl Subject {
    pub(crate) fn new(rules: u32, connections: usize) -> Self {
        let mut draft = generate(&Settings { units: UNITS, rules, seed: 1 }).expect("sizes are within bounds");
        let agents = draft.points.iter().find(|point| point.kind == PointKind::Agent).expect("a company has agents");
        let book = draft.rulebooks[agents.rulebook.0 as usize].clone();
        draft.rulebooks = vec![book];
        draft.points = vec![EnforcementPoint::ideal("hosts", RulebookId(0))];
        (draft.properties, draft.needs, draft.waivers) = Default::default();
        let design = Design::new(draft).expect("fewer rules hold together, too");
        // Uniform traffic, and traffic that rules are about, in turns; both ends are units with an IPv4 address.
        let uniform = Workload::uniform(&design, 1, connections);
        let about_rules = Workload::generate(&design, 1, 4 * connections);
        let between_units = |one: &&Connection| {
            let ends = [one.source, one.destination];
            one.source.unit() != one.destination.unit() && ends.iter().all(|&end| v4(&design, end).is_some())
        };
        let kept = |one: &Workload| one.connections().iter().filter(between_units).copied().collect();
        let [uniform, about_rules]: [Vec<Connection>; 2] = [kept(&uniform), kept(&about_rules)];
        let pairs = uniform.into_iter().zip(about_rules).flat_map(|(one, other)| [one, other]);
        let connections = pairs.take(connections).collect();
        let groups = Groups::new(&design);
        Self { design, connections, groups }
    }

    pub(crate) fn design(&self) -> &Design {
        &self.design
    }

    pub(crate) fn rules(&self) -> String {
        seglab_policy::number(self.design.rules().count() as u64)
    }

    pub(crate) fn connection(&self, at: usize) -> &Connection {
        &self.connections[at]
    }

    pub(crate) fn packets(&self, matcher: &Matcher) -> Vec<UnitPacket> {
        let id = |end: Endpoint| match end {
            Endpoint::Unit { unit, interface } => matcher.interface(unit, interface),
            _ => None,
        };
        let packet = |one: &Connection| Some(Packet::between(id(one.source)?, id(one.destination)?, one.header));
        self.connections.iter().map(|one| packet(one).expect("ends are units")).collect()
    }

    /// Source, destination, the protocol's name and the destination port or ICMP type of every connection.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (&Unit, &Unit, String, u16)> {
        let unit = |end: Endpoint| self.design.unit(end.unit().expect("ends are units"));
        self.connections.iter().map(move |one| {
            let (protocol, port) = match one.header {
                Header::Transport { protocol, destination_port, .. } => {
                    (name(protocol.number()).to_owned(), destination_port)
                }
                Header::Icmp { kind, .. } => ("icmp".to_owned(), u16::from(kind)),
                Header::Other(number) => (format!("ip-{number}"), 0),
            };
            (unit(one.source), unit(one.destination), protocol, port)
        })
    }

    /// The rules: whether they deny, and what each is about. Denials come before permissions, wherever they stand.
    pub(crate) fn rules_denials_first(&self) -> Vec<(bool, &Rule)> {
        let mut rules: Vec<(bool, &Rule)> =
            self.design.rules().map(|(_, rule)| (rule.action == Action::Deny, rule)).collect();
        rules.sort_by_key(|(denies, _)| !denies);
        rules
    }

    /// The group that a peer is, by its words.
    pub(crate) fn group(&self, peer: &Peer) -> &str {
        &self.groups.names[peer]
    }

    /// Every group.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.names.values().map(String::as_str)
    }

    /// Every unit with its groups.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&Unit, &[String])> {
        self.design.units().iter().zip(self.groups.of_units.iter().map(Vec::as_slice))
    }
}

/// The peers that rules speak of as groups of units, which whoever distributes a policy works out.
struct Groups {
    names: BTreeMap<Peer, String>,
    of_units: Vec<Vec<String>>,
}

impl Groups {
    fn new(design: &Design) -> Self {
        let mut names = BTreeMap::new();
        let mut of_units = vec![Vec::new(); design.units().len()];
        for peer in design.rules().flat_map(|(_, rule)| [&rule.from, &rule.to]) {
            if names.contains_key(peer) {
                continue;
            }
            let name = format!("{} {}", names.len(), words(peer));
            let matches = matching(peer);
            for (unit, groups) in design.units().iter().zip(&mut of_units) {
                if matches(unit) {
                    groups.push(name.clone());
                }
            }
            names.insert(peer.clone(), name);
        }
        Self { names, of_units }
    }
}

/// What a rule's services ask of headers.
pub(crate) fn traffic(rule: &Rule) -> Vec<Traffic> {
    let ranges = |ports: &IntervalSet<u16>| if ports.is_full() { Vec::new() } else { ports.ranges().to_vec() };
    rule.services
        .iter()
        .filter_map(|service| match service {
            Service::Any => Some(Traffic { protocol: None, ranges: Vec::new() }),
            Service::Ports { protocol, ports, source_ports } => {
                assert!(source_ports.is_full(), "a company looks at no source ports");
                Some(Traffic { protocol: Some(name(protocol.number())), ranges: ranges(ports) })
            }
            // Connections are of IPv4.
            Service::Icmp { family: Family::V6, .. } => None,
            Service::Icmp { kind, code, .. } => {
                assert!(code.is_none(), "a company looks at no codes");
                let ranges = kind.map(|kind| (u16::from(kind), u16::from(kind))).into_iter().collect();
                Some(Traffic { protocol: Some("icmp"), ranges })
            }
            Service::NamedPort { .. } | Service::Protocol(_) => unreachable!("a company has no such services"),
        })
        .collect()
}

fn name(protocol: u8) -> &'static str {
    match protocol {
        6 => "tcp",
        17 => "udp",
        _ => "sctp",
    }
}

fn v4(design: &Design, end: Endpoint) -> Option<Ipv4Addr> {
    match design.interface(end)?.address {
        Address::Known(IpAddr::V4(address)) => Some(address),
        _ => None,
    }
}

/// The IPv4 address of a unit.
pub(crate) fn address(unit: &Unit) -> Option<Ipv4Addr> {
    unit.interfaces.iter().find_map(|interface| match interface.address {
        Address::Known(IpAddr::V4(address)) => Some(address),
        _ => None,
    })
}

/// The IPv4 ranges of addresses; none of what covers no units.
pub(crate) fn ranges(set: &AddressSet, covers: Covers) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let v4 = |(first, last): (IpAddr, IpAddr)| match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) if covers == Covers::All => Some((first, last)),
        _ => None,
    };
    set.ranges().filter_map(v4).collect()
}

fn matching(peer: &Peer) -> Box<dyn Fn(&Unit) -> bool + '_> {
    match peer {
        Peer::Anyone => Box::new(|_| true),
        Peer::Units(selector) => Box::new(|unit| selector.matches(unit)),
        Peer::Addresses { set, covers } => {
            let ranges = ranges(set, *covers);
            let within =
                move |address: Ipv4Addr| ranges.iter().any(|&(first, last)| first <= address && address <= last);
            Box::new(move |unit| address(unit).is_some_and(&within))
        }
        Peer::Unmodelled(_) => unreachable!("a company has no such peers"),
    }
}

fn words(peer: &Peer) -> String {
    match peer {
        Peer::Units(Selector::Everything) | Peer::Anyone => "everyone".to_owned(),
        Peer::Units(selector) => selector.to_string(),
        _ => "addresses".to_owned(),
    }
}
