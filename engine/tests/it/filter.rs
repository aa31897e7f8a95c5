//! Filters between addresses, in every form, decide as a list of lines read from the top does; the list shares no line with
//! the compiler and none with the reference evaluator.

use proptest::prelude::*;
use seglab_engine::{Decision, Limits, Matcher, Packet, PacketV4, PairForm};
use seglab_policy::{
    Action, AddressSet, Assume, Covers, Design, Direction, Directions, Draft, EnforcementPoint, Header, IntervalSet,
    Order, Peer, Provenance, Rule, Rulebook, RulebookId, Scope, Service, Tier, Transport,
};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// A rule, every field a range.
#[derive(Clone, Debug)]
struct Line {
    source: (u32, u32),
    destination: (u32, u32),
    /// Of all protocols where there is none.
    protocol: Option<Transport>,
    source_ports: (u16, u16),
    destination_ports: (u16, u16),
    action: Action,
}

/// Tiers with what they do otherwise, and what happens behind the last one.
#[derive(Clone, Debug)]
struct Filter {
    tiers: Vec<(Order, Action, Vec<Line>)>,
    default_allow: bool,
}

/// No pairs of groups, so that layers are all that is left, and no more pairs than those of one of them.
const LAYERED: Limits = Limits { dense_pairs: 1 << 10, ..JOINED };
const JOINED: Limits = Limits { group_pairs: 0, ..DEFAULT };
const LAYERED_AND_HASHED: Limits = Limits { dense_pairs: 0, ..LAYERED };
const HASHED: Limits = Limits { dense_pairs: 0, ..DEFAULT };
const DEFAULT: Limits =
    Limits { memory_bytes: 1 << 30, dense_pairs: 1 << 23, group_pairs: 1 << 22, singled_out: 1 << 26 };

impl Line {
    fn rule(&self, priority: i64) -> Rule {
        let peer = |(first, last): (u32, u32)| Peer::Addresses {
            set: AddressSet::from_range(Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into()),
            covers: Covers::All,
        };
        let ports = |protocol| Service::Ports {
            protocol,
            ports: IntervalSet::from_ranges([self.destination_ports]),
            source_ports: IntervalSet::from_ranges([self.source_ports]),
        };
        Rule {
            directions: Directions::ALL,
            from: peer(self.source),
            to: peer(self.destination),
            services: vec![self.protocol.map_or(Service::Any, ports)],
            action: self.action,
            priority,
            provenance: Provenance::default(),
        }
    }

    fn matches(&self, packet: &PacketV4) -> bool {
        let ports = |protocol: Transport| {
            protocol.number() == packet.protocol
                && (self.source_ports.0..=self.source_ports.1).contains(&packet.source_port)
                && (self.destination_ports.0..=self.destination_ports.1).contains(&packet.destination_port)
        };
        (self.source.0..=self.source.1).contains(&packet.source)
            && (self.destination.0..=self.destination.1).contains(&packet.destination)
            && self.protocol.is_none_or(ports)
    }
}

impl Filter {
    fn design(&self) -> Design {
        let tier = |(at, (order, otherwise, lines)): (usize, &(Order, Action, Vec<Line>))| Tier {
            name: format!("tier-{at}"),
            order: *order,
            scope: Scope::Everything,
            otherwise: *otherwise,
            rules: (0..).zip(lines).map(|(at, line)| line.rule(at)).collect(),
        };
        let rulebook = Rulebook {
            name: "filter".to_owned(),
            tiers: self.tiers.iter().enumerate().map(tier).collect(),
            default_allow: self.default_allow,
            stateful: true,
        };
        let points = vec![EnforcementPoint::ideal("filter", RulebookId(0))];
        Design::new(Draft { rulebooks: vec![rulebook], points, ..Draft::default() }).unwrap()
    }

    fn allows(&self, packet: &PacketV4) -> bool {
        for (order, otherwise, lines) in &self.tiers {
            let strength = |action: Action| match (order, action) {
                (Order::FirstMatch, _) | (_, Action::Deny) => 0,
                (_, Action::Allow) => 1,
                (_, Action::Pass) => 2,
            };
            let matching = lines.iter().filter(|line| line.matches(packet)).map(|line| line.action);
            // The first of the strongest ones.
            match matching.min_by_key(|&action| strength(action)).unwrap_or(*otherwise) {
                Action::Allow => return true,
                Action::Deny => return false,
                Action::Pass => {}
            }
        }
        self.default_allow
    }

    /// Both ends of every range and what is right beside them, in every combination of three drawn at a time.
    fn packets(&self) -> Vec<PacketV4> {
        let lines = || self.tiers.iter().flat_map(|(_, _, lines)| lines);
        let around = |ranges: &mut dyn Iterator<Item = (u32, u32)>| -> Vec<u32> {
            let mut edges: Vec<u32> =
                ranges.flat_map(|(a, b)| [a, b, a.wrapping_sub(1), b.wrapping_add(1), a / 2 + b / 2]).collect();
            edges.extend([0, u32::MAX]);
            edges.sort_unstable();
            edges.dedup();
            edges
        };
        let sources = around(&mut lines().map(|line| line.source));
        let destinations = around(&mut lines().map(|line| line.destination));
        let headers: Vec<Header> = Transport::ALL
            .into_iter()
            .flat_map(|protocol| [0u16, 1, 2, 3, 4, 5, 6, 9].map(|port| (protocol, port)))
            .flat_map(|(protocol, destination_port)| {
                [0u16, 3, 4, 9].map(|source_port| Header::Transport { protocol, source_port, destination_port })
            })
            .chain([Header::Other(50), Header::Icmp { kind: 8, code: 0 }])
            .collect();
        let pairs = sources.iter().flat_map(|&a| destinations.iter().map(move |&b| (a, b)));
        let packet = |(at, (a, b)): (usize, (u32, u32))| {
            // A few headers for each pair, others for each.
            let some = headers.iter().cycle().skip(at * 7 % headers.len()).step_by(11).take(9);
            some.map(move |&header| Packet::v4(a.into(), b.into(), header)).collect::<Vec<_>>()
        };
        pairs.enumerate().flat_map(packet).collect()
    }
}

fn range() -> impl Strategy<Value = (u32, u32)> {
    let net = |bits: u32, spread: u32| {
        (0..spread).prop_map(move |at| {
            let first = 0x0A00_0000 | at << (32 - bits);
            (first, first | u32::MAX.checked_shr(bits).unwrap_or(0))
        })
    };
    prop_oneof![
        2 => Just((0, u32::MAX)),
        1 => net(10, 3),
        2 => net(20, 5),
        4 => net(28, 40),
        4 => net(32, 200),
        1 => (0x0A00_0000u32..0x0A00_0200, 0u32..300).prop_map(|(first, len)| (first, first + len)),
    ]
}

fn filter(lines: usize) -> impl Strategy<Value = Filter> {
    let ports =
        || prop_oneof![2 => Just((0u16, u16::MAX)), 3 => (0u16..6, 0u16..6).prop_map(|(a, b)| (a.min(b), a.max(b)))];
    let action = || prop_oneof![6 => Just(Action::Allow), 4 => Just(Action::Deny), 1 => Just(Action::Pass)];
    let protocol = prop_oneof![1 => Just(None), 4 => prop::sample::select(&Transport::ALL).prop_map(Some)];
    let line = (range(), range(), protocol, ports(), ports(), action()).prop_map(
        |(source, destination, protocol, source_ports, destination_ports, action)| Line {
            source,
            destination,
            protocol,
            source_ports,
            destination_ports,
            action,
        },
    );
    let order =
        prop_oneof![4 => Just(Order::FirstMatch), 1 => Just(Order::DenyOverrides), 1 => Just(Order::AllowUnion)];
    let tier = (order, action(), prop::collection::vec(line, 0..lines)).prop_map(|(order, otherwise, mut lines)| {
        if order == Order::AllowUnion {
            lines.iter_mut().for_each(|line| line.action = Action::Allow);
        }
        (order, otherwise, lines)
    });
    (prop::collection::vec(tier, 1..3), any::<bool>())
        .prop_map(|(tiers, default_allow)| Filter { tiers, default_allow })
}

fn compile(design: &Design, limits: Limits) -> Matcher {
    Matcher::compile_rulebook(design, RulebookId(0), Direction::Forward, limits).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn filters_decide_as_their_lines_in_every_form(filter in filter(40)) {
        let (design, packets) = (filter.design(), filter.packets());
        for limits in [DEFAULT, HASHED, JOINED, LAYERED, LAYERED_AND_HASHED] {
            let matcher = compile(&design, limits);
            let space = matcher.space("default").unwrap();
            let mut decisions = vec![Decision::Unknown; packets.len()];
            matcher.decide_batch_v4(space, &packets, &mut decisions);
            for (at, (packet, decision)) in packets.iter().zip(&decisions).enumerate() {
                let wanted = filter.allows(packet);
                prop_assert_eq!(matches!(decision, Decision::Allowed(_)), wanted, "{:x?} {:?}", packet, decision);
                prop_assert!(at % 13 > 0 || matcher.decide_v4(space, packet) == *decision, "{:x?}", packet);
            }
        }
    }
}

/// The form of IPv4 packets.
fn form(matcher: &Matcher) -> Option<PairForm> {
    matcher.layouts().next().and_then(|layout| layout.form.ok())
}

fn line(source: (u32, u32), destination: (u32, u32), action: Action) -> Line {
    let all = (0, u16::MAX);
    Line { source, destination, protocol: None, source_ports: all, destination_ports: all, action }
}

/// Rules that are open on one side, each of them on another side than half of the others: all pairs of them are told
/// something of their own.
fn crossed(count: u32) -> Filter {
    let everybody = (0, u32::MAX);
    let net = |at: u32| (at << 8, at << 8 | 0xFF);
    let lines = (0..count).flat_map(|at| {
        let action = |bit: u32| if (at * 7 + bit).is_multiple_of(3) { Action::Deny } else { Action::Allow };
        [line(net(at), everybody, action(0)), line(everybody, net(at + 5000), action(1))]
    });
    Filter { tiers: vec![(Order::FirstMatch, Action::Deny, lines.collect())], default_allow: false }
}

#[test]
fn what_no_table_of_pairs_holds_is_layered() {
    let filter = crossed(3000);
    let design = filter.design();
    let matcher = compile(&design, Limits::default());
    assert!(matches!(form(&matcher), Some(PairForm::Layered(2..=4))), "{:?}", form(&matcher));
    assert!(matcher.memory_bytes() < 1 << 21, "{}", matcher.memory_bytes());
    let space = matcher.space("default").unwrap();
    for at in 0..20_000u32 {
        let (from, to) =
            ((at.wrapping_mul(0x9E37_79B9) % 3100) << 8, (at.wrapping_mul(0x85EB_CA77) % 3100 + 5000) << 8);
        let packet = Packet::v4(from.into(), to.into(), Header::to_port(Transport::Tcp, 443));
        assert_eq!(
            matches!(matcher.decide_v4(space, &packet), Decision::Allowed(_)),
            filter.allows(&packet),
            "{packet:x?}"
        );
    }
    // Where there is no room for layers either, an engine is asked; where there is none for that, it is an error.
    let tight = Matcher::compile_rulebook(
        &design,
        RulebookId(0),
        Direction::Forward,
        Limits { memory_bytes: 1 << 12, ..Limits::default() },
    );
    assert!(tight.unwrap_err().to_string().ends_with("allow more memory"));
}

/// Where every pair of classes can be asked beforehand, one table says what layers do, and classes that are told the same
/// are one.
#[test]
fn layers_of_few_classes_are_joined() {
    let filter = crossed(60);
    let design = filter.design();
    let (joined, layered) = (compile(&design, JOINED), compile(&design, LAYERED));
    assert_eq!(form(&joined), Some(PairForm::Dense));
    assert!(matches!(form(&layered), Some(PairForm::Layered(2..=4))), "{:?}", form(&layered));
    // One of each net, and one of none; every rule is for all headers.
    let ends = |first: u32| (first..first + 60).chain([9000]).map(|at| at << 8).collect::<Vec<_>>();
    let told =
        |from: u32, to: u32| filter.allows(&Packet::v4(from.into(), to.into(), Header::to_port(Transport::Tcp, 443)));
    let (sources, destinations) = (ends(0), ends(5000));
    let row = |&from: &u32| destinations.iter().map(|&to| told(from, to)).collect::<Vec<_>>();
    let column = |&to: &u32| sources.iter().map(|&from| told(from, to)).collect::<Vec<_>>();
    let rows: BTreeSet<Vec<bool>> = sources.iter().map(row).collect();
    let columns: BTreeSet<Vec<bool>> = destinations.iter().map(column).collect();
    let layout = joined.layouts().next().unwrap();
    assert_eq!((layout.source_classes, layout.destination_classes), (rows.len(), columns.len()));
    assert!(rows.len() < sources.len());
    let packets = filter.packets();
    for matcher in [&joined, &layered] {
        let space = matcher.space("default").unwrap();
        for packet in packets.iter().step_by(97) {
            let said = matches!(matcher.decide_v4(space, packet), Decision::Allowed(_));
            assert_eq!(said, filter.allows(packet), "{packet:x?}");
        }
    }
}

/// What a rule passes on is decided by the tier behind it, which no one order of rules says.
#[test]
fn tiers_that_pass_on_are_not_layered() {
    let mut filter = crossed(40);
    filter.tiers.insert(0, (Order::FirstMatch, Action::Deny, vec![line((0, 0xFFFF), (0, u32::MAX), Action::Pass)]));
    let matcher = compile(&filter.design(), LAYERED);
    assert_eq!(form(&matcher), None);
    assert!(Matcher::compile(&filter.design(), Assume::business(), LAYERED).is_ok());
}
