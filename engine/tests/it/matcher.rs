//! The matcher decides packets as the reference evaluator decides the connections that they open, in every form that
//! its tables can take.

use crate::equivalence::every_assumption;
use proptest::prelude::*;
use seglab_engine::{Decision, Explanation, Limits, Matcher, Packet, PairForm, Workload};
use seglab_policy::arbitrary::{case, connection_of, design, design_of};
use seglab_policy::{
    Address, Assume, Connection, Design, Direction, Endpoint, Family, Header, IntervalSet, Peer, RulebookId, Service,
    Transport,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Limits that leave only hashed tables of pairs, and only the engine.
const HASHED: Limits = Limits { memory_bytes: 1 << 30, dense_pairs: 0, group_pairs: 1 << 22, singled_out: 1 << 25 };
const UNTABLED: Limits = Limits { memory_bytes: 1 << 30, dense_pairs: 0, group_pairs: 0, singled_out: 1 << 25 };

fn every_form(design: &Design, assume: Assume) -> Vec<Matcher> {
    let forms = [Limits::default(), HASHED, UNTABLED];
    forms.map(|limits| Matcher::compile(design, assume, limits).unwrap()).into()
}

/// Who has an address in a space, by looking at every unit: units of the space, else of those with a route to it.
fn holders(design: &Design, space: &str, address: IpAddr) -> Vec<Endpoint> {
    let within = |near: bool| -> Vec<Endpoint> {
        let mut all = Vec::new();
        for unit in design.unit_ids() {
            for (at, interface) in (0u16..).zip(&design.unit(unit).interfaces) {
                let here = if near { interface.space == space } else { design.spaces_linked(space, &interface.space) };
                if here && interface.address == Address::Known(address) {
                    all.push(Endpoint::Unit { unit, interface: at });
                }
            }
        }
        all
    };
    let near = within(true);
    let all = if near.is_empty() { within(false) } else { near };
    if all.is_empty() { vec![Endpoint::External(address)] } else { all }
}

/// What the evaluator says of every connection that a packet may open; unknown if that differs.
fn expected(design: &Design, space: &str, ends: (IpAddr, IpAddr), header: Header, assume: Assume) -> Decision {
    let mut decisions = BTreeSet::new();
    for &source in &holders(design, space, ends.0) {
        for &destination in &holders(design, space, ends.1) {
            let connection = Connection { source, destination, header };
            decisions.insert(Decision::from(design.evaluate(&connection, assume).verdict));
        }
    }
    if decisions.len() == 1 { decisions.first().copied().unwrap() } else { Decision::Unknown }
}

fn decide(matcher: &Matcher, space: &str, ends: (IpAddr, IpAddr), header: Header) -> Decision {
    let space = matcher.space(space).unwrap();
    match ends {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let packet = Packet::v4(a, b, header);
            let single = matcher.decide_v4(space, &packet);
            // More than are decided together, and a rest.
            let mut batch = [Decision::Unknown; 19];
            matcher.decide_batch_v4(space, &[packet; 19], &mut batch);
            assert_eq!(batch, [single; 19]);
            single
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => matcher.decide_v6(space, &Packet::v6(a, b, header)),
        _ => unreachable!("packets have one family"),
    }
}

fn explained(
    matcher: &Matcher,
    design: &Design,
    space: &str,
    ends: (IpAddr, IpAddr),
    header: Header,
) -> Vec<Explanation> {
    let space = matcher.space(space).unwrap();
    match ends {
        (IpAddr::V4(a), IpAddr::V4(b)) => matcher.explain_v4(design, space, &Packet::v4(a, b, header)),
        (IpAddr::V6(a), IpAddr::V6(b)) => matcher.explain_v6(design, space, &Packet::v6(a, b, header)),
        _ => unreachable!("packets have one family"),
    }
}

fn agree(
    matcher: &Matcher,
    design: &Design,
    space: &str,
    ends: (IpAddr, IpAddr),
    header: Header,
    assume: Assume,
) -> Result<(), TestCaseError> {
    let (said, wanted) = (decide(matcher, space, ends, header), expected(design, space, ends, header, assume));
    let normal = || seglab_policy::normal_form::write(design);
    let explained = explained(matcher, design, space, ends, header);
    for one in &explained {
        let evaluation = design.evaluate(&one.connection, assume);
        prop_assert_eq!(&one.evaluation, &evaluation, "{}", one.connection.display(design));
    }
    let verdicts: BTreeSet<Decision> = explained.iter().map(|one| one.evaluation.verdict.into()).collect();
    let verdict = if verdicts.len() == 1 { verdicts.first().copied().unwrap() } else { Decision::Unknown };
    prop_assert!(explained.is_empty() || verdict == said, "{:?} {:?} {}", verdict, said, normal());
    prop_assert_eq!(said, wanted, "{:?} {} in `{}` under {:?}\n{}", ends, header, space, assume, normal());
    Ok(())
}

/// Holds matchers to the evaluator on one connection: by interface, and by address where it has addresses.
fn agree_on(
    matchers: &[Matcher],
    design: &Design,
    connection: &Connection,
    assume: Assume,
) -> Result<(), TestCaseError> {
    let Connection { source, destination, header } = *connection;
    let wanted = Decision::from(design.evaluate(connection, assume).verdict);
    for matcher in matchers {
        let id = |end: Endpoint| match end {
            Endpoint::Unit { unit, interface } => matcher.interface(unit, interface),
            _ => None,
        };
        if !matches!(source, Endpoint::Source(_)) {
            prop_assert_eq!(
                matcher.decide(connection),
                Some(wanted),
                "{} under {:?}",
                connection.display(design),
                assume
            );
        }
        if let (Some(from), Some(to)) = (id(source), id(destination)) {
            let packet = Packet::between(from, to, header);
            let said = matcher.decide_between(&packet);
            prop_assert_eq!(said, wanted, "{} under {:?}", connection.display(design), assume);
            let explained = matcher.explain_between(design, &packet);
            if let Some(explained) = explained {
                prop_assert_eq!(explained.connection, *connection);
                prop_assert_eq!(explained.evaluation, design.evaluate(connection, assume));
            }
            let mut batch = [Decision::Unknown; 19];
            matcher.decide_batch_between(&[packet; 19], &mut batch);
            assert_eq!(batch, [said; 19]);
        }
        let address = |end: Endpoint| match end {
            Endpoint::External(address) => Some(address),
            end => match design.interface(end)?.address {
                Address::Known(address) => Some(address),
                _ => None,
            },
        };
        let (Some(from), Some(to)) = (address(source), address(destination)) else { continue };
        if Family::of(from) == Family::of(to) {
            for space in spaces(design) {
                agree(matcher, design, space, (from, to), header, assume)?;
            }
        }
    }
    Ok(())
}

fn spaces(design: &Design) -> BTreeSet<&str> {
    design.units().iter().flat_map(|unit| &unit.interfaces).map(|interface| interface.space.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Designs and connections that many features decide.
    #[test]
    fn on_cases(case in case()) {
        for assume in [case.assume, Assume::business(), Assume { as_if_enforced: true, ..case.assume }] {
            agree_on(&every_form(&case.design, assume), &case.design, &case.connection, assume)?;
        }
    }

    /// Many connections of one design.
    #[test]
    fn on_connections_of_one_design(design in design(), seeds in prop::collection::vec(any::<u64>(), 60)) {
        let assumptions = every_assumption();
        let assume = assumptions[seeds[0] as usize % assumptions.len()];
        let matchers = every_form(&design, assume);
        for &seed in &seeds {
            agree_on(&matchers, &design, &connection_of(&design, seed), assume)?;
        }
        for connection in Workload::generate(&design, seeds[0], 60).connections() {
            agree_on(&matchers, &design, connection, assume)?;
        }
    }
}

/// Addresses of both families at which anything can change: an address inside and right outside every edge of every
/// range and of every unit.
fn elementary_addresses(design: &Design) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let (mut v4, mut v6) = (BTreeSet::from([0, u32::MAX]), BTreeSet::from([0, u128::MAX]));
    let mut range = |first: IpAddr, last: IpAddr| match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let (first, last) = (first.to_bits(), last.to_bits());
            v4.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            let (first, last) = (first.to_bits(), last.to_bits());
            v6.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
        }
        _ => {}
    };
    for (_, rule) in design.rules() {
        for peer in [&rule.from, &rule.to] {
            if let Peer::Addresses { set, .. } = peer {
                set.ranges().for_each(|(first, last)| range(first, last));
            }
        }
    }
    for interface in design.units().iter().flat_map(|unit| &unit.interfaces) {
        if let Address::Known(address) = interface.address {
            range(address, address);
        }
    }
    (v4.into_iter().map(Ipv4Addr::from).collect(), v6.into_iter().map(Ipv6Addr::from).collect())
}

/// A header of every elementary cell of protocol, ports and ICMP messages.
fn elementary_headers(design: &Design) -> Vec<Header> {
    let mut ports = Transport::ALL.map(|transport| (transport, BTreeSet::from([0u16]), BTreeSet::from([0u16])));
    let mut headers = vec![];
    let mut messages = (BTreeSet::from([8u8, 0, 77]), BTreeSet::from([0u8, 77]));
    let mut numbers = BTreeSet::from([50u8, 200]);
    let edges = |set: &IntervalSet<u16>| -> Vec<u16> {
        set.ranges().iter().flat_map(|&(first, last)| [Some(first), last.checked_add(1)]).flatten().collect()
    };
    let mut port = |wanted: Option<Transport>, to: Vec<u16>, from: Vec<u16>| {
        for (transport, destinations, sources) in &mut ports {
            if wanted.is_none_or(|wanted| wanted == *transport) {
                destinations.extend(&to);
                sources.extend(&from);
            }
        }
    };
    for service in design.rules().flat_map(|(_, rule)| &rule.services) {
        match service {
            Service::Ports { protocol, ports, source_ports } => {
                port(Some(*protocol), edges(ports), edges(source_ports));
            }
            Service::Icmp { kind, code, .. } => {
                messages.0.extend(kind);
                messages.1.extend(code);
            }
            Service::Protocol(number) => _ = numbers.insert(*number),
            Service::Any | Service::NamedPort { .. } => {}
        }
    }
    for listener in design.units().iter().flat_map(|unit| &unit.listeners).filter(|one| one.name.is_some()) {
        port(Some(listener.protocol), edges(&IntervalSet::single(listener.first)), Vec::new());
    }
    for (protocol, destinations, sources) in &ports {
        for &destination_port in destinations {
            for &source_port in sources {
                headers.push(Header::Transport { protocol: *protocol, source_port, destination_port });
            }
        }
    }
    headers.extend(messages.0.iter().flat_map(|&kind| messages.1.iter().map(move |&code| Header::Icmp { kind, code })));
    headers.extend(numbers.into_iter().map(Header::Other));
    headers
}

/// One packet for every cell of the grid that the design's own edges span: within a cell nothing can change, so this
/// is every packet that there is. Prints the seed that fails.
#[test]
fn on_every_cell_of_numbered_designs() {
    let designs = std::env::var("SEGLAB_GRIDS").map_or(12, |count| count.parse().unwrap());
    let assumptions = every_assumption();
    let mut cells = 0usize;
    for seed in 0..designs {
        let design = design_of(seed);
        let assume = assumptions[seed as usize * 5 % assumptions.len()];
        let matchers = [Limits::default(), HASHED].map(|limits| Matcher::compile(&design, assume, limits).unwrap());
        let (v4, v6) = elementary_addresses(&design);
        let headers = elementary_headers(&design);
        let v4 = v4.iter().flat_map(|&a| v4.iter().map(move |&b| (IpAddr::V4(a), IpAddr::V4(b))));
        let v6 = v6.iter().flat_map(|&a| v6.iter().map(move |&b| (IpAddr::V6(a), IpAddr::V6(b))));
        let ends: Vec<(IpAddr, IpAddr)> = v4.chain(v6).collect();
        for space in spaces(&design) {
            // Who has an address is found once; what is told of them is asked for every header.
            let holders = |ends: &(IpAddr, IpAddr)| (holders(&design, space, ends.0), holders(&design, space, ends.1));
            for (ends, (from, to)) in ends.iter().map(|ends| (*ends, holders(ends))) {
                for &header in &headers {
                    let pairs = from.iter().flat_map(|&a| to.iter().map(move |&b| (a, b)));
                    let verdicts = pairs.map(|(source, destination)| {
                        design.evaluate(&Connection { source, destination, header }, assume).verdict.into()
                    });
                    let decisions: BTreeSet<Decision> = verdicts.collect();
                    let wanted = if decisions.len() == 1 { decisions.first().copied() } else { None };
                    for matcher in &matchers {
                        let said = decide(matcher, space, ends, header);
                        let place = format!("seed {seed}: {ends:?} {header:?} in `{space}` under {assume:?}");
                        assert_eq!(said, wanted.unwrap_or(Decision::Unknown), "{place}");
                        cells += 1;
                    }
                }
            }
        }
    }
    assert!(cells > 100_000, "{cells}");
}

/// A rulebook by itself says of addresses what the evaluator says of external endpoints, in every form, with the engine
/// behind it where there are no tables.
#[test]
fn a_rulebook_by_itself_is_a_filter_between_addresses() {
    let (mut told, mut forms) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..80 {
        let design = design_of(seed);
        let workload = Workload::between_addresses(&design, seed, 60);
        for (book, _) in (0..).map(RulebookId).zip(design.rulebooks()) {
            for direction in Direction::ALL {
                for limits in [Limits::default(), HASHED, UNTABLED] {
                    let filter = Matcher::compile_rulebook(&design, book, direction, limits).unwrap();
                    forms.extend(filter.layouts().map(|layout| match layout.form.ok() {
                        Some(PairForm::Layered(_)) => Some(PairForm::Layered(0)),
                        form => form,
                    }));
                    let space = filter.space("default").unwrap();
                    for connection in workload.connections() {
                        let (outcomes, _) = design.judge_at(book, direction, connection);
                        let said = filter.decide(connection).unwrap();
                        let wanted = match (outcomes.allow, outcomes.deny) {
                            (true, false) => matches!(said, Decision::Allowed(_)),
                            (true, true) => said == Decision::Unknown,
                            (false, _) => said == Decision::Denied,
                        };
                        let place = format!("seed {seed} {book:?} {direction}: {}", connection.display(&design));
                        assert!(wanted, "{place} is told {said:?}, not {outcomes:?}");
                        told.insert(said);
                        if let (Endpoint::External(IpAddr::V4(a)), Endpoint::External(IpAddr::V4(b))) =
                            (connection.source, connection.destination)
                        {
                            assert_eq!(filter.decide_v4(space, &Packet::v4(a, b, connection.header)), said, "{place}");
                        }
                    }
                }
            }
        }
    }
    // Dense, hashed, layered and none.
    assert!(told.len() >= 3 && forms.len() == 4, "{told:?} {forms:?}");
    let nowhere = Matcher::compile_rulebook(&design_of(1), RulebookId(99), Direction::Egress, Limits::default());
    assert_eq!(nowhere.unwrap_err().to_string(), "the design has no rulebook 99; name one that it has");
}
