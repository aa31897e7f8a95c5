//! A third judge: rules flattened to ranges of addresses and ports, as a packet filter of old holds them, and read from
//! the top for every packet. It shares no line with the compiler and none with the reference evaluator.

use proptest::prelude::*;
use seglab_engine::{Decision, Limits, Matcher, Packet, PacketV4};
use seglab_policy::{
    Action, Address, AddressSet, Assume, Covers, Design, Directions, Draft, EnforcementPoint, Header, Interface,
    IntervalSet, Order, Peer, Provenance, Rule, Rulebook, RulebookId, Scope, Selector, Service, Tier, Transport, Unit,
};
use std::net::Ipv4Addr;

/// A line of the filter: everything is a range.
#[derive(Clone, Debug)]
struct Line {
    source: (u32, u32),
    destination: (u32, u32),
    protocol: Option<u8>,
    ports: (u16, u16),
    action: Action,
}

impl Line {
    fn matches(&self, packet: &PacketV4) -> bool {
        (self.source.0..=self.source.1).contains(&packet.source)
            && (self.destination.0..=self.destination.1).contains(&packet.destination)
            && self.protocol.is_none_or(|protocol| protocol == packet.protocol)
            && (self.ports.0..=self.ports.1).contains(&packet.destination_port)
    }
}

/// What a script says, before it is a design or a list of lines.
#[derive(Clone, Debug)]
struct Script {
    /// The label of each unit, of `app=0` to `app=3`; unit n has the address 10.0.0.(2n).
    units: Vec<u8>,
    tiers: Vec<(Order, Action, Vec<Entry>)>,
    default_allow: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    from: Party,
    to: Party,
    service: Option<(Transport, u16, u16)>,
    action: Action,
}

#[derive(Clone, Debug)]
enum Party {
    Anyone,
    App(u8),
    NotApp(u8),
    Range(u8, u8),
}

fn address(unit: usize) -> u32 {
    0x0A00_0000 + 2 * unit as u32
}

impl Party {
    fn peer(&self) -> Peer {
        let app = |app: &u8| Selector::label("app", app.to_string());
        match self {
            Party::Anyone => Peer::Anyone,
            Party::App(one) => Peer::Units(app(one)),
            Party::NotApp(one) => Peer::Units(Selector::Not(Box::new(app(one)))),
            Party::Range(first, last) => {
                let ends = [first, last].map(|&at| Ipv4Addr::from(0x0A00_0000 + u32::from(at)));
                Peer::Addresses { set: AddressSet::from_range(ends[0].into(), ends[1].into()), covers: Covers::All }
            }
        }
    }

    fn ranges(&self, units: &[u8]) -> Vec<(u32, u32)> {
        let of = |wanted: &dyn Fn(u8) -> bool| -> Vec<(u32, u32)> {
            let chosen = units.iter().enumerate().filter(|(_, app)| wanted(**app));
            chosen.map(|(unit, _)| (address(unit), address(unit))).collect()
        };
        match self {
            Party::Anyone => vec![(0, u32::MAX)],
            Party::App(one) => of(&|app| app == *one),
            Party::NotApp(one) => of(&|app| app != *one),
            Party::Range(first, last) => vec![(0x0A00_0000 + u32::from(*first), 0x0A00_0000 + u32::from(*last))],
        }
    }
}

impl Script {
    fn design(&self) -> Design {
        let unit = |(number, app): (usize, &u8)| Unit {
            name: format!("unit-{number}"),
            labels: [("app".to_owned(), app.to_string())].into(),
            interfaces: vec![Interface::new(Address::Known(Ipv4Addr::from(address(number)).into()))],
            ..Unit::default()
        };
        let rule = |(at, entry): (usize, &Entry)| Rule {
            directions: Directions::UNIT,
            from: entry.from.peer(),
            to: entry.to.peer(),
            services: vec![entry.service.map_or(Service::Any, |(protocol, first, last)| Service::Ports {
                protocol,
                ports: IntervalSet::from_ranges([(first, last)]),
                source_ports: IntervalSet::full(),
            })],
            action: entry.action,
            priority: at as i64,
            provenance: Provenance::default(),
        };
        let tier = |(at, (order, otherwise, entries)): (usize, &(Order, Action, Vec<Entry>))| Tier {
            name: format!("tier-{at}"),
            order: *order,
            scope: Scope::Everything,
            otherwise: *otherwise,
            rules: entries.iter().enumerate().map(rule).collect(),
        };
        let rulebook = Rulebook {
            name: "all".to_owned(),
            tiers: self.tiers.iter().enumerate().map(tier).collect(),
            default_allow: self.default_allow,
            stateful: true,
        };
        let point = EnforcementPoint::ideal("hosts", RulebookId(0));
        let units = self.units.iter().enumerate().map(unit).collect();
        Design::new(Draft { units, rulebooks: vec![rulebook], points: vec![point], ..Draft::default() }).unwrap()
    }

    /// The tiers as lists of lines, each read from the top: denials before allowances where they override, and what
    /// the tier does otherwise last.
    fn lines(&self) -> Vec<Vec<Line>> {
        let whole = |action| Line {
            source: (0, u32::MAX),
            destination: (0, u32::MAX),
            protocol: None,
            ports: (0, u16::MAX),
            action,
        };
        let flatten = |entry: &Entry| -> Vec<Line> {
            let (from, to) = (entry.from.ranges(&self.units), entry.to.ranges(&self.units));
            let pairs = from.iter().flat_map(|&source| to.iter().map(move |&destination| (source, destination)));
            let line = |(source, destination)| Line {
                source,
                destination,
                protocol: entry.service.map(|(protocol, _, _)| protocol.number()),
                ports: entry.service.map_or((0, u16::MAX), |(_, first, last)| (first, last)),
                action: entry.action,
            };
            pairs.map(line).collect()
        };
        let tier = |(order, otherwise, entries): &(Order, Action, Vec<Entry>)| {
            let mut lines: Vec<Line> = entries.iter().flat_map(flatten).collect();
            if *order != Order::FirstMatch {
                lines.sort_by_key(|line| match line.action {
                    Action::Deny => 0,
                    Action::Allow => 1,
                    Action::Pass => 2,
                });
            }
            lines.push(whole(*otherwise));
            lines
        };
        self.tiers.iter().map(tier).collect()
    }

    /// Reads the lines; a unit always reaches itself, and two addresses that are no unit's have no path.
    fn scan(&self, lines: &[Vec<Line>], packet: &PacketV4) -> bool {
        let is_unit = |wanted: u32| (0..self.units.len()).any(|unit| address(unit) == wanted);
        match (is_unit(packet.source), is_unit(packet.destination)) {
            (false, false) => return false,
            (true, true) if packet.source == packet.destination => return true,
            _ => {}
        }
        for tier in lines {
            match tier.iter().find(|line| line.matches(packet)).map(|line| line.action) {
                Some(Action::Allow) => return true,
                Some(Action::Deny) => return false,
                Some(Action::Pass) | None => {}
            }
        }
        self.default_allow
    }
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![
        1 => Just(Party::Anyone),
        4 => (0u8..4).prop_map(Party::App),
        1 => (0u8..4).prop_map(Party::NotApp),
        3 => (0u8..24, 0u8..24).prop_map(|(a, b)| Party::Range(a.min(b), a.max(b))),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let service = prop_oneof![
        1 => Just(None),
        4 => (prop::sample::select(&Transport::ALL), 0u16..8, 0u16..8)
            .prop_map(|(protocol, a, b)| Some((protocol, a.min(b), a.max(b)))),
    ];
    let any_action = prop::sample::select(&[Action::Allow, Action::Deny, Action::Pass]);
    let order = prop::sample::select(&[Order::FirstMatch, Order::DenyOverrides, Order::AllowUnion]);
    let entry = (party(), party(), service, any_action.clone()).prop_map(|(from, to, service, action)| Entry {
        from,
        to,
        service,
        action,
    });
    let tier = (order, any_action, prop::collection::vec(entry, 0..10)).prop_map(|(order, otherwise, mut entries)| {
        if order == Order::AllowUnion {
            entries.iter_mut().for_each(|entry| entry.action = Action::Allow);
        }
        (order, otherwise, entries)
    });
    (prop::collection::vec(0u8..4, 1..9), prop::collection::vec(tier, 0..4), any::<bool>())
        .prop_map(|(units, tiers, default_allow)| Script { units, tiers, default_allow })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every address in and around the ranges, with every port in and around theirs: all that these rules can tell
    /// apart.
    #[test]
    fn scan_matcher_and_evaluator_agree_on_every_packet(script in script()) {
        let (design, lines) = (script.design(), script.lines());
        let assume = Assume::business();
        let hashed = Limits { dense_pairs: 0, ..Limits::default() };
        let matchers = [Limits::default(), hashed].map(|limits| Matcher::compile(&design, assume, limits).unwrap());
        let mut packets = Vec::new();
        for source in 0x09FF_FFFF..0x0A00_001Au32 {
            for destination in 0x09FF_FFFF..0x0A00_001Au32 {
                for protocol in Transport::ALL {
                    for port in [0u16, 1, 2, 3, 4, 5, 6, 7, 8, 600] {
                        let header = Header::to_port(protocol, port);
                        packets.push(Packet::v4(source.into(), destination.into(), header));
                    }
                }
                packets.push(Packet::v4(source.into(), destination.into(), Header::Other(50)));
            }
        }
        for matcher in &matchers {
            let mut decisions = vec![Decision::Unknown; packets.len()];
            matcher.decide_batch_v4(matcher.space("default").unwrap(), &packets, &mut decisions);
            for (packet, decision) in packets.iter().zip(&decisions) {
                let scanned = script.scan(&lines, packet);
                prop_assert_eq!(matches!(decision, Decision::Allowed(_)), scanned, "{:?} {:?}", packet, decision);
            }
        }
        // Flattened lines know of no unit; the evaluator does, and says the same of those.
        for unit in design.unit_ids() {
            let header = Header::to_port(Transport::Tcp, 3);
            for other in design.unit_ids() {
                let end = |unit| seglab_policy::Endpoint::Unit { unit, interface: 0 };
                let connection = seglab_policy::Connection { source: end(unit), destination: end(other), header };
                let ends = [unit, other].map(|one| Ipv4Addr::from(address(one.index())));
                let packet = Packet::v4(ends[0], ends[1], header);
                let evaluated = design.evaluate(&connection, assume).verdict.is_allowed();
                prop_assert_eq!(evaluated, script.scan(&lines, &packet), "{:?}", packet);
            }
        }
    }
}
