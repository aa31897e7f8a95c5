//! The business' own flows, and which of them a design or a quarantine breaks.
//!
//! Every source of a need opens connections as a Poisson process at the need's rate. Its flows go to a destination, a
//! service and a port that are drawn evenly from those of the need, from a source port between 1024 and 65535. External
//! addresses are one source together, and each flow draws one of them. `any` is the units and the internet, one as
//! often as the other.
//!
//! # A sample
//! A week of ten flows a second from sixty units is 360 million flows, which nobody has to watch one by one to learn
//! which share of them breaks. Thinning a Poisson process leaves a Poisson process: each flow is kept with one and the
//! same probability, such that a need has an expected number of sampled flows in a replica, or all of them where it has
//! fewer. So shares are unbiased, and [`NeedResult::one_in`](super::NeedResult::one_in) says how many flows each sampled
//! one stands for.
//!
//! Traffic does not influence the attack. It is therefore drawn after it, against the times at which units were
//! quarantined; given their number, the times of a Poisson process are even and independent.
//!
//! # Waiting
//! Where the destination has synchronous needs of its own, it opens one flow of each before it answers, and answers only
//! if all of them work. Those flows are part of the first one and count in no need of their own. How long anything takes
//! is not modelled.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use seglab_engine::Decision;
use seglab_policy::{
    Address, AddressSet, Connection, Covers, Design, Endpoint, Family, Header, Interface, IntervalSet, Need, Peer,
    Service, Transport, Unit, UnitId,
};

use crate::kernel::{Draw, Draws, Duration, Name, Technique, Time};

use super::enforcement::Enforcement;
use super::purpose::{FLOW, FLOW_COUNT};
use super::replica::Flows;
use super::{CampaignError, poisson};

/// The needs of a design, ready to be drawn from.
pub(super) struct Traffic<'a> {
    design: &'a Design,
    needs: Vec<Demand<'a>>,
    /// For each unit the synchronous needs that it opens flows of, by position.
    waits_for: Vec<Vec<u32>>,
}

/// One need.
pub(super) struct Demand<'a> {
    need: &'a Need,
    name: Name,
    from: Ends,
    to: Ends,
    /// The flows of a replica, in expectation.
    pub(super) flows: f64,
    /// Those of them that are sampled.
    pub(super) sampled: f64,
}

/// One side of a need.
struct Ends {
    units: Vec<UnitId>,
    /// External addresses.
    addresses: AddressSet,
    is_modelled: bool,
}

/// What became of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Quarantined,
    Denied,
    Upstream,
    Unknown,
}

/// The most flows that one flow may wait for.
const TREE_MAX: u32 = 1_000;
const EPHEMERAL: (u16, u16) = (1024, u16::MAX);

/// The flows of one replica, while they are drawn.
struct Run<'a> {
    traffic: &'a Traffic<'a>,
    enforcement: &'a Enforcement,
    quarantined: &'a BTreeMap<UnitId, Time>,
}

impl<'a> Traffic<'a> {
    /// The needs of a design, with this many sampled flows of each in expectation.
    pub(super) fn new(design: &'a Design, horizon: Duration, flows_per_need: u32) -> Result<Self, CampaignError> {
        let mut occurrences: BTreeMap<String, u32> = BTreeMap::new();
        let mut needs = Vec::new();
        for need in design.needs() {
            let rate = need.rate_per_second;
            let (from, to) = (need.from.to_string(), need.to.to_string());
            if !(rate.is_finite() && rate >= 0.0) {
                return Err(CampaignError::NeedRate { from, to, rate });
            }
            let services: Vec<String> = need.services.iter().map(Service::to_string).collect();
            let text = format!("{from} -> {to} {}", services.join(","));
            let before = occurrences.entry(text.clone()).or_default();
            let name = Name::of_parts([text.as_str(), &before.to_string()]);
            *before += 1;
            let (from, to) = (Ends::new(design, &need.from), Ends::new(design, &need.to));
            let sources = from.units.len() + usize::from(!from.addresses.is_empty());
            let flows = rate * sources as f64 * horizon.as_secs_f64();
            needs.push(Demand { need, name, from, to, flows, sampled: flows.min(f64::from(flows_per_need)) });
        }
        let mut waits_for = vec![Vec::new(); design.units().len()];
        for (number, demand) in (0..).zip(&needs).filter(|(_, demand)| demand.need.synchronous) {
            for unit in &demand.from.units {
                if let Some(waits) = waits_for.get_mut(unit.index()) {
                    waits.push(number);
                }
            }
        }
        let traffic = Self { design, needs, waits_for };
        match traffic.cycle() {
            Some(cycle) => Err(CampaignError::SynchronousCycle { design: design.name().to_owned(), cycle }),
            None => Ok(traffic),
        }
    }

    /// The needs, in the order of the design.
    pub(super) fn needs(&self) -> &[Demand<'a>] {
        &self.needs
    }

    /// Draws the flows of one replica, need by need.
    pub(super) fn run(
        &self,
        enforcement: &Enforcement,
        draws: Draws,
        horizon: Duration,
        quarantines: &[(UnitId, Time)],
    ) -> Result<Vec<Flows>, CampaignError> {
        let quarantined: BTreeMap<UnitId, Time> = quarantines.iter().copied().collect();
        let run = Run { traffic: self, enforcement, quarantined: &quarantined };
        let mut results = Vec::with_capacity(self.needs.len());
        for demand in &self.needs {
            let mut flows = Flows::default();
            let share = draws.at(FLOW_COUNT, demand.name, Name::NONE, Technique::NONE, 0).uniform();
            let count = poisson::count(share, demand.sampled, libm::exp(-demand.sampled), u32::MAX);
            for number in 0..count {
                let mut draw = draws.at(FLOW, demand.name, Name::NONE, Technique::NONE, number);
                let at = Duration::saturating_from_nanos_f64(draw.uniform() * horizon.as_nanos() as f64).after_start();
                let mut budget = TREE_MAX;
                let Some(outcome) = run.flow(demand, None, at, &mut draw, &mut budget) else {
                    let design = self.design.name().to_owned();
                    return Err(CampaignError::FlowTree { design, most: TREE_MAX });
                };
                flows.count(outcome);
            }
            results.push(flows);
        }
        Ok(results)
    }

    /// The units that a unit may have to wait for.
    fn waited_for(&self, unit: UnitId) -> impl Iterator<Item = UnitId> {
        let waits = self.waits_for.get(unit.index()).map_or(&[][..], Vec::as_slice);
        let needs = waits.iter().filter_map(|&number| self.needs.get(number as usize));
        // A unit's flow to itself is not a wait for another.
        needs.flat_map(|demand| &demand.to.units).copied().filter(move |other| *other != unit)
    }

    /// Units that wait for each other in a circle, by a depth-first search; `None` if there are none.
    fn cycle(&self) -> Option<Vec<String>> {
        let mut left = vec![false; self.design.units().len()];
        for start in self.design.unit_ids() {
            if left.get(start.index()).is_none_or(|left| *left) {
                continue;
            }
            let mut path = vec![(start, self.waited_for(start).collect::<Vec<_>>())];
            let mut entered = std::collections::BTreeSet::from([start]);
            while let Some((unit, next)) = path.last_mut() {
                let unit = *unit;
                let Some(other) = next.pop() else {
                    path.pop();
                    entered.remove(&unit);
                    if let Some(left) = left.get_mut(unit.index()) {
                        *left = true;
                    }
                    continue;
                };
                if entered.contains(&other) {
                    let circle = path.iter().map(|(unit, _)| *unit).skip_while(|unit| *unit != other);
                    return Some(circle.map(|unit| self.design.unit(unit).name.clone()).collect());
                }
                if !left.get(other.index()).is_none_or(|left| *left) {
                    entered.insert(other);
                    path.push((other, self.waited_for(other).collect()));
                }
            }
        }
        None
    }
}

impl Run<'_> {
    /// One flow of a need, from a unit or from any of the need's sources; `None` if it waits for too many others.
    fn flow(
        &self,
        demand: &Demand<'_>,
        from: Option<UnitId>,
        at: Time,
        draw: &mut Draw,
        budget: &mut u32,
    ) -> Option<Outcome> {
        *budget = budget.checked_sub(1)?;
        if !(demand.from.is_modelled && demand.to.is_modelled) {
            return Some(Outcome::Unknown);
        }
        let design = self.traffic.design;
        let source = match from {
            Some(unit) => End::Unit(unit),
            None => demand.from.draw(draw, None),
        };
        let destination = demand.to.draw(draw, source.unit());
        let Some((source, destination)) = attach(design, source, destination, draw) else {
            return Some(Outcome::Denied);
        };
        let is_quarantined = |end: Endpoint| {
            end.unit().and_then(|unit| self.quarantined.get(&unit)).is_some_and(|quarantined| *quarantined <= at)
        };
        let server = destination.unit();
        let header = header(design, &demand.need.services, destination, draw);
        if is_quarantined(source) || is_quarantined(destination) {
            return Some(Outcome::Quarantined);
        }
        // No header: the service has a name that the destination does not know.
        let Some(header) = header else { return Some(Outcome::Denied) };
        match self.enforcement.flow(&Connection { source, destination, header }) {
            Decision::Denied => return Some(Outcome::Denied),
            Decision::Unknown => return Some(Outcome::Unknown),
            Decision::Allowed(_) => {}
        }
        let Some(server) = server else { return Some(Outcome::Delivered) };
        for &number in self.traffic.waits_for.get(server.index()).map_or(&[][..], Vec::as_slice) {
            let Some(waited) = self.traffic.needs.get(number as usize) else { continue };
            match self.flow(waited, Some(server), at, draw, budget)? {
                Outcome::Delivered => {}
                Outcome::Unknown => return Some(Outcome::Unknown),
                Outcome::Quarantined | Outcome::Denied | Outcome::Upstream => return Some(Outcome::Upstream),
            }
        }
        Some(Outcome::Delivered)
    }
}

impl Flows {
    fn count(&mut self, outcome: Outcome) {
        self.tried += 1;
        *match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Quarantined => &mut self.quarantined,
            Outcome::Denied => &mut self.denied,
            Outcome::Upstream => &mut self.upstream,
            Outcome::Unknown => &mut self.unknown,
        } += 1;
    }
}

impl Demand<'_> {
    /// The need.
    pub(super) fn need(&self) -> &Need {
        self.need
    }
}

/// Who is at one end of a flow, before it is known by which address.
#[derive(Clone, Copy)]
enum End<'a> {
    Unit(UnitId),
    External(&'a AddressSet),
    Nobody,
}

impl End<'_> {
    fn unit(&self) -> Option<UnitId> {
        match self {
            End::Unit(unit) => Some(*unit),
            End::External(_) | End::Nobody => None,
        }
    }
}

impl Ends {
    /// The units of a peer and its external addresses. A peer by address that covers units means the units with known
    /// addresses in it, if there are any; addresses that are units' are never external.
    fn new(design: &Design, peer: &Peer) -> Self {
        let none = AddressSet::empty;
        let (units, addresses) = match peer {
            Peer::Anyone => (design.unit_ids().collect(), AddressSet::internet()),
            Peer::Units(selector) => (design.select(selector).collect(), none()),
            Peer::Addresses { set, covers: Covers::External } => (Vec::new(), set.clone()),
            Peer::Addresses { set, covers: Covers::All } => {
                let is_inside =
                    |interface: &Interface| matches!(interface.address, Address::Known(at) if set.contains(at));
                let inside = design.unit_ids().filter(|&unit| design.unit(unit).interfaces.iter().any(is_inside));
                let units: Vec<UnitId> = inside.collect();
                if units.is_empty() { (units, set.clone()) } else { (units, none()) }
            }
            Peer::Unmodelled(_) => (Vec::new(), none()),
        };
        let taken =
            design.units().iter().flat_map(|unit| &unit.interfaces).filter_map(|interface| {
                if let Address::Known(address) = interface.address { Some(address) } else { None }
            });
        let addresses = if addresses.is_empty() { addresses } else { addresses.difference(&set_of(taken)) };
        Self { units, addresses, is_modelled: !matches!(peer, Peer::Unmodelled(_)) }
    }

    /// One of the ends: a unit other than `apart_from` if there is one, or someone outside; either with even chance
    /// where the peer has both.
    fn draw<'a>(&'a self, draw: &mut Draw, apart_from: Option<UnitId>) -> End<'a> {
        let position =
            apart_from.and_then(|unit| self.units.binary_search(&unit).ok()).filter(|_| self.units.len() > 1);
        let others = self.units.len() - usize::from(position.is_some());
        let chosen = draw.choose(others);
        let unit = chosen.and_then(|at| self.units.get(at + usize::from(position.is_some_and(|own| own <= at))));
        match unit {
            Some(_) if !self.addresses.is_empty() && draw.choose(2) == Some(0) => End::External(&self.addresses),
            Some(unit) => End::Unit(*unit),
            None if self.addresses.is_empty() => End::Nobody,
            None => End::External(&self.addresses),
        }
    }
}

/// The endpoints by which two ends reach each other, drawn among those that some path connects; among any where none
/// does. `None` if one end is nobody.
fn attach(design: &Design, source: End<'_>, destination: End<'_>, draw: &mut Draw) -> Option<(Endpoint, Endpoint)> {
    let interfaces = |unit: UnitId| (0u16..).zip(&design.unit(unit).interfaces).map(move |(at, own)| (unit, at, own));
    let end = |(unit, interface, _): (UnitId, u16, &Interface)| Endpoint::Unit { unit, interface };
    let mut pairs: Vec<(Endpoint, Endpoint)> = Vec::new();
    match (source, destination) {
        (End::Unit(source), End::Unit(destination)) => {
            let carried =
                |a: &Interface, b: &Interface| a.family() == b.family() && design.spaces_linked(&a.space, &b.space);
            for from in interfaces(source) {
                pairs.extend(interfaces(destination).filter(|to| carried(from.2, to.2)).map(|to| (end(from), end(to))));
            }
            if pairs.is_empty() {
                pairs.extend(interfaces(source).next().map(end).zip(interfaces(destination).next().map(end)));
            }
        }
        (End::Unit(unit), End::External(set)) => {
            for from in interfaces(unit).filter(|(_, _, own)| own.outbound) {
                pairs.extend(address(set, from.2.family(), draw).map(|to| (end(from), Endpoint::External(to))));
            }
        }
        (End::External(set), End::Unit(unit)) => {
            for to in interfaces(unit).filter(|(_, _, own)| own.inbound) {
                pairs.extend(address(set, to.2.family(), draw).map(|from| (Endpoint::External(from), end(to))));
            }
        }
        _ => {}
    }
    draw.choose(pairs.len()).and_then(|at| pairs.get(at).copied())
}

/// A header of one of the services, towards this destination; `None` if the service does not exist there.
fn header(design: &Design, services: &[Service], destination: Endpoint, draw: &mut Draw) -> Option<Header> {
    let unit = destination.unit().map(|unit| design.unit(unit));
    let service = draw.choose(services.len()).and_then(|at| services.get(at))?;
    let ephemeral = IntervalSet::from_ranges([EPHEMERAL]);
    let to = |protocol, destination_port, draw: &mut Draw| {
        let source_port = member(&ephemeral, draw).unwrap_or(EPHEMERAL.1);
        Header::Transport { protocol, source_port, destination_port }
    };
    match service {
        Service::Any => {
            let listeners = unit.map_or(&[][..], |unit: &Unit| &unit.listeners);
            let listener = draw.choose(listeners.len()).and_then(|at| listeners.get(at));
            let (protocol, first, last) =
                listener.map_or((Transport::Tcp, 1, u16::MAX), |l| (l.protocol, l.first, l.last));
            let port = member(&IntervalSet::from_ranges([(first, last)]), draw)?;
            Some(to(protocol, port, draw))
        }
        Service::Ports { protocol, ports, source_ports } => {
            let port = member(ports, draw)?;
            let allowed = source_ports.intersection(&ephemeral);
            // A service that is only spoken from ports below 1024 is spoken from those.
            let source_port = member(if allowed.is_empty() { source_ports } else { &allowed }, draw)?;
            Some(Header::Transport { protocol: *protocol, source_port, destination_port: port })
        }
        Service::NamedPort { protocol, name } => {
            let named: Vec<(Transport, u16)> = unit
                .into_iter()
                .flat_map(|unit| unit.named_ports(name))
                .filter(|(declared, _)| protocol.is_none_or(|protocol| protocol == *declared))
                .collect();
            let (protocol, port) = draw.choose(named.len()).and_then(|at| named.get(at).copied())?;
            Some(to(protocol, port, draw))
        }
        Service::Icmp { family, kind, code } => {
            let echo = if *family == Family::V4 { 8 } else { 128 };
            Some(Header::Icmp { kind: kind.unwrap_or(echo), code: code.unwrap_or(0) })
        }
        Service::Protocol(number) => Some(Header::Other(*number)),
    }
}

/// One of the ports of a set, evenly.
fn member(set: &IntervalSet<u16>, draw: &mut Draw) -> Option<u16> {
    let size = |&(first, last): &(u16, u16)| usize::from(last - first) + 1;
    let mut rest = draw.choose(set.ranges().iter().map(size).sum())?;
    for range in set.ranges() {
        match rest.checked_sub(size(range)) {
            Some(beyond) => rest = beyond,
            None => return range.0.checked_add(u16::try_from(rest).ok()?),
        }
    }
    None
}

/// One of the addresses of a set and a family, evenly.
fn address(set: &AddressSet, family: Family, draw: &mut Draw) -> Option<IpAddr> {
    // The remainder favours small numbers by the share of the set in 2^128, which shows in no set that is drawn from.
    let random = u128::from(draw.word()) << 64 | u128::from(draw.word());
    match family {
        Family::V4 => {
            let size = |&(first, last): &(u32, u32)| u128::from(last - first) + 1;
            let total: u128 = set.v4.ranges().iter().map(size).sum();
            let mut rest = random.checked_rem(total)?;
            for range in set.v4.ranges() {
                match rest.checked_sub(size(range)) {
                    Some(beyond) => rest = beyond,
                    None => return Some(Ipv4Addr::from_bits(range.0.checked_add(u32::try_from(rest).ok()?)?).into()),
                }
            }
            None
        }
        Family::V6 => {
            // The whole of IPv6 has 2^128 addresses, one more than fit; its last one is never drawn.
            let size = |&(first, last): &(u128, u128)| (last - first).saturating_add(1);
            let total = set.v6.ranges().iter().map(size).fold(0u128, u128::saturating_add);
            let mut rest = random.checked_rem(total)?;
            for range in set.v6.ranges() {
                match rest.checked_sub(size(range)) {
                    Some(beyond) => rest = beyond,
                    None => return Some(Ipv6Addr::from_bits(range.0.checked_add(rest)?).into()),
                }
            }
            None
        }
    }
}

fn set_of(addresses: impl Iterator<Item = IpAddr>) -> AddressSet {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in addresses {
        match address {
            IpAddr::V4(address) => v4.push((address.to_bits(), address.to_bits())),
            IpAddr::V6(address) => v6.push((address.to_bits(), address.to_bits())),
        }
    }
    AddressSet { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) }
}
