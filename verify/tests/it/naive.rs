//! The plainest verifier there could be: it asks the reference evaluator about every pair of endpoints and every
//! header that could matter, and follows attacks unit by unit. It shares nothing with the class engine.

mod claims;
mod rules;

use seglab_policy::{
    Address, AddressSet, Assume, Claim, Connection, Covers, Design, Endpoint, ExternalSourceId, Family, Header,
    Interface, Peer, Pivot, Property, Reply, Selector, Service, Side, Transport, Unit, UnitId, Verdict, View,
};
use seglab_verify::Attack;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

/// One end: a unit with all of its interfaces, an address, or a named source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Unit(UnitId),
    External(IpAddr),
    Source(ExternalSourceId),
}

/// A verdict without its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Holds,
    Violated,
    Unknown,
}

type Arriving = Rc<Vec<(Family, Connection, Verdict)>>;

pub(crate) struct Naive<'d> {
    design: &'d Design,
    headers: Vec<Header>,
    externals: Vec<IpAddr>,
    known: RefCell<BTreeMap<(End, End, Assume), Arriving>>,
}

/// Whether a unit's host is owned, and after how many connections it was taken; by unit.
type Owned = BTreeMap<UnitId, (bool, u32)>;

impl<'d> Naive<'d> {
    pub(crate) fn new(design: &'d Design) -> Self {
        Self { design, headers: headers(design), externals: addresses(design), known: RefCell::default() }
    }

    fn endpoints(&self, end: End) -> Vec<Endpoint> {
        match end {
            End::External(address) => vec![Endpoint::External(address)],
            End::Source(id) => vec![Endpoint::Source(id)],
            End::Unit(unit) => {
                let count = u16::try_from(self.design.unit(unit).interfaces.len()).unwrap();
                (0..count).map(|interface| Endpoint::Unit { unit, interface }).collect()
            }
        }
    }

    /// Every header that arrives or may arrive, by any interfaces.
    fn arriving(&self, from: End, to: End, assume: Assume) -> Arriving {
        if let Some(known) = self.known.borrow().get(&(from, to, assume)) {
            return Rc::clone(known);
        }
        let mut found = Vec::new();
        for source in self.endpoints(from) {
            for destination in self.endpoints(to) {
                for &header in &self.headers {
                    let connection = Connection { source, destination, header };
                    let verdict = self.design.evaluate(&connection, assume).verdict;
                    if let (Some(family), false) =
                        (self.design.family_of(&connection), matches!(verdict, Verdict::Denied(_)))
                    {
                        found.push((family, connection, verdict));
                    }
                }
            }
        }
        let found = Rc::new(found);
        self.known.borrow_mut().insert((from, to, assume), Rc::clone(&found));
        found
    }

    fn opens(
        &self,
        from: End,
        to: End,
        assume: Assume,
        doubtful: bool,
        counts: impl Fn(Family, Header) -> bool,
    ) -> bool {
        from != to
            && self.arriving(from, to, assume).iter().any(|&(family, connection, verdict)| {
                (doubtful || verdict.is_allowed()) && counts(family, connection.header)
            })
    }

    fn unit(&self, end: End) -> Option<&Unit> {
        match end {
            End::Unit(unit) => Some(self.design.unit(unit)),
            End::External(_) | End::Source(_) => None,
        }
    }

    fn seen(&self, view: View, to: End, header: Header) -> bool {
        view == View::Policy || self.unit(to).is_none_or(|unit| unit.listens_to(header))
    }

    fn takes(
        &self,
        attack: Attack,
        from: End,
        hosted: bool,
        target: UnitId,
        held: &BTreeSet<&str>,
        doubtful: bool,
    ) -> bool {
        let to = End::Unit(target);
        let unit = self.design.unit(target);
        let assume = attack.assume(Side::Source, hosted);
        let outward = self.opens(from, to, assume, doubtful, |_, header| {
            let port = |protocol: Transport, port: u16| {
                matches!(header, Header::Transport { protocol: used, destination_port, .. }
                    if used == protocol && destination_port == port)
            };
            self.seen(attack.view, to, header)
                && match attack.pivot {
                    Pivot::Any | Pivot::EitherWay => true,
                    Pivot::Service => unit.listens_to(header),
                    Pivot::Exploitable => {
                        unit.vulnerabilities.iter().any(|weak| port(weak.protocol, weak.port))
                            || unit.logins.iter().any(|login| {
                                held.contains(login.credential.as_str()) && port(login.protocol, login.port)
                            })
                    }
                }
        });
        let client = || self.opens(to, from, attack.assume(Side::Destination, hosted), doubtful, |_, _| true);
        outward || (attack.pivot == Pivot::EitherWay && client())
    }

    /// What an attack from one end owns: breadth first, a round for each connection strung together.
    pub(crate) fn spread(
        &self,
        attack: Attack,
        start: End,
        hops_max: Option<u32>,
        avoid: &[UnitId],
        doubtful: bool,
    ) -> Owned {
        let mut owned = Owned::new();
        if let End::Unit(unit) = start {
            owned.insert(unit, (false, 0));
        }
        self.take_guests(&mut owned, avoid, 0);
        for round in 1..=hops_max.unwrap_or(u32::MAX) {
            let before = owned.clone();
            let held: BTreeSet<&str> =
                before.keys().flat_map(|&unit| self.design.unit(unit).credentials.iter().map(String::as_str)).collect();
            let mut owners: Vec<(End, bool)> =
                before.iter().map(|(&unit, &(hosted, _))| (End::Unit(unit), hosted)).collect();
            if !matches!(start, End::Unit(_)) {
                owners.push((start, false));
            }
            for target in self.design.unit_ids().filter(|unit| !avoid.contains(unit)) {
                let taken =
                    owners.iter().any(|&(from, hosted)| self.takes(attack, from, hosted, target, &held, doubtful));
                if taken {
                    owned.entry(target).or_insert((false, round));
                }
            }
            self.take_guests(&mut owned, avoid, round);
            if owned == before {
                break;
            }
        }
        owned
    }

    fn take_guests(&self, owned: &mut Owned, avoid: &[UnitId], round: u32) {
        for _ in 0..self.design.units().len() {
            for unit in self.design.unit_ids().filter(|unit| !avoid.contains(unit)) {
                if self.design.host_of(unit).is_some_and(|host| owned.contains_key(&host)) {
                    owned.entry(unit).or_insert((true, round)).0 = true;
                }
            }
        }
    }

    fn ends(&self, peer: &Peer) -> BTreeMap<End, bool> {
        let sources = (0..u32::try_from(self.design.external_sources().len()).unwrap()).map(ExternalSourceId);
        let all = self
            .design
            .unit_ids()
            .map(End::Unit)
            .chain(self.externals.iter().copied().map(End::External))
            .chain(sources.map(End::Source));
        all.filter_map(|end| self.meant(peer, end).map(|certain| (end, certain))).collect()
    }

    fn meant(&self, peer: &Peer, end: End) -> Option<bool> {
        match (peer, end) {
            (Peer::Anyone, _) => Some(true),
            (Peer::Unmodelled(_), _) => Some(false),
            (Peer::Units(selector), End::Unit(unit)) => selector.matches(self.design.unit(unit)).then_some(true),
            (Peer::Units(selector), End::Source(id)) => {
                selector.matches_source(self.design.external_source(id).unwrap()).then_some(true)
            }
            (Peer::Units(_), End::External(_)) => None,
            (Peer::Addresses { set, .. }, End::External(address)) => set.contains(address).then_some(true),
            (Peer::Addresses { covers: Covers::External, .. }, _) => None,
            (Peer::Addresses { set, .. }, End::Source(_)) => {
                Family::ALL.into_iter().any(|family| set.covers_family(family)).then_some(true)
            }
            (Peer::Addresses { set, .. }, End::Unit(unit)) => {
                self.design.unit(unit).interfaces.iter().filter_map(|interface| inside(set, interface)).max()
            }
        }
    }

    pub(crate) fn answer(&self, property: &Property, as_if_enforced: bool) -> Answer {
        let attack = Attack { pivot: property.pivot, view: property.view, trust: property.trust, as_if_enforced };
        if matches!(
            property.claim,
            Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. }
        ) {
            return self.about_rules(property, as_if_enforced);
        }
        let violated = |doubtful: bool| match &property.claim {
            Claim::Isolated { from, to, services } => {
                let (from, to) = (self.ends(from), self.ends(to));
                let targets: BTreeSet<End> = match doubtful {
                    true => to.keys().copied().filter(|end| from.get(end) != Some(&true)).collect(),
                    false => to
                        .iter()
                        .filter(|(end, certain)| **certain && !from.contains_key(end))
                        .map(|(end, _)| *end)
                        .collect(),
                };
                self.reaches(attack, &from, &targets, &[], services, property.hops_max, doubtful)
            }
            Claim::OnlyThrough { from, to, via, services } => {
                let via: Vec<UnitId> = self.design.select(via).collect();
                let aside = |end: &End| matches!(end, End::Unit(unit) if via.contains(unit));
                let (mut from, to) = (self.ends(from), self.ends(to));
                from.retain(|end, _| !aside(end));
                let targets =
                    to.iter().filter(|(end, certain)| (**certain || doubtful) && !aside(end)).map(|(end, _)| *end);
                self.reaches(attack, &from, &targets.collect(), &via, services, property.hops_max, doubtful)
            }
            Claim::BlastRadius { from, at_most, of } => {
                self.too_many(attack, from, (*at_most, *of), property.hops_max, doubtful)
            }
            claim @ (Claim::EgressOnlyTo { .. } | Claim::Only { .. } | Claim::DefaultDeny { .. }) => {
                self.strays(attack, claim, doubtful)
            }
            Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. } => {
                unreachable!("answered above")
            }
            Claim::Surface { units, entries_max, exits_max } => {
                self.crowded(attack, units, (*entries_max, *exits_max), doubtful)
            }
            Claim::Exposed { external, inbound, only, services } => {
                self.exposed(attack, external, *inbound, only, services, doubtful)
            }
            Claim::Allowed { from, to, services } => {
                let assume = Assume { as_if_enforced, ..Assume::business() };
                self.broken(from, to, services, assume, doubtful)
            }
        };
        match (violated(false), violated(true)) {
            (true, _) => Answer::Violated,
            (false, true) => Answer::Unknown,
            (false, false) => Answer::Holds,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "it is a test's, and its callers are two")]
    fn reaches(
        &self,
        attack: Attack,
        from: &BTreeMap<End, bool>,
        targets: &BTreeSet<End>,
        avoid: &[UnitId],
        services: &[Service],
        hops_max: Option<u32>,
        doubtful: bool,
    ) -> bool {
        let starts = from.iter().filter(|(_, certain)| **certain || doubtful).map(|(end, _)| *end);
        starts.into_iter().any(|start| {
            let owned = self.spread(attack, start, hops_max, avoid, doubtful);
            let by_host = owned
                .iter()
                .any(|(&unit, &(hosted, _))| hosted && End::Unit(unit) != start && targets.contains(&End::Unit(unit)));
            let mut owners: Vec<(End, bool)> = owned
                .iter()
                .filter(|(_, (_, round))| hops_max.is_none_or(|most| *round < most))
                .map(|(&unit, &(hosted, _))| (End::Unit(unit), hosted))
                .collect();
            if !matches!(start, End::Unit(_)) && hops_max.is_none_or(|most| most > 0) {
                owners.push((start, false));
            }
            let of =
                |family, header, to: End| services.iter().any(|service| service.matches(family, header, self.unit(to)));
            by_host
                || targets.iter().filter(|to| **to != start && !matches!(to, End::Source(_))).any(|&to| {
                    owners.iter().any(|&(owner, hosted)| {
                        let outward =
                            self.opens(owner, to, attack.assume(Side::Source, hosted), doubtful, |family, header| {
                                of(family, header, to) && self.seen(attack.view, to, header)
                            });
                        outward
                            || (attack.pivot == Pivot::EitherWay
                                && self.opens(
                                    to,
                                    owner,
                                    attack.assume(Side::Destination, hosted),
                                    doubtful,
                                    |family, header| of(family, header, owner),
                                ))
                    })
                })
        })
    }

    fn exposed(
        &self,
        attack: Attack,
        external: &AddressSet,
        inbound: bool,
        only: &Selector,
        services: &[Service],
        doubtful: bool,
    ) -> bool {
        let assume = attack.assume(Side::Source, false);
        let addresses = self.externals.iter().copied().filter(|&address| external.contains(address)).map(End::External);
        let sources = (0..u32::try_from(self.design.external_sources().len()).unwrap())
            .map(|id| End::Source(ExternalSourceId(id)));
        let outside: Vec<End> = addresses.chain(sources.filter(|_| inbound)).collect();
        self.design.unit_ids().any(|unit| {
            let spared = only.matches(self.design.unit(unit));
            outside.iter().any(|&other| {
                let (from, to) = if inbound { (other, End::Unit(unit)) } else { (End::Unit(unit), other) };
                self.opens(from, to, assume, doubtful, |family, header| {
                    let anywhere = !matches!(other, End::Source(_)) || external.covers_family(family);
                    let of = services.iter().any(|service| service.matches(family, header, self.unit(to)));
                    anywhere && self.seen(attack.view, to, header) && !(spared && of)
                })
            })
        })
    }

    /// Whether some needed pair does not work; with doubt, whether it may not.
    fn broken(&self, from: &Peer, to: &Peer, services: &[Service], assume: Assume, doubtful: bool) -> bool {
        let asked = |peer: &Peer| -> (bool, Vec<(End, bool)>) {
            let one = matches!(peer, Peer::Addresses { .. });
            let ends = self.ends(peer).into_iter();
            (
                one,
                ends.filter(|(end, _)| matches!(end, End::Unit(_)) || (one && matches!(end, End::External(_))))
                    .collect(),
            )
        };
        let ((one_source, sources), (one_destination, destinations)) = (asked(from), asked(to));
        // Works despite doubt, or may work.
        let works = |from: End, to: End| self.pair_works(from, to, services, assume, doubtful);
        // Of ends that may not be meant: where one is enough success does not count if in doubt, where all count
        // failure does.
        let tally = |one: bool, results: Vec<(bool, bool)>| -> Option<bool> {
            let counted =
                |works: bool| move |(result, certain): &(bool, bool)| *result == works && (*certain || one != doubtful);
            match (results.is_empty(), one) {
                (true, _) => None,
                (false, true) => Some(results.iter().any(counted(true))),
                (false, false) => Some(!results.iter().any(|(result, certain)| !result && (*certain || doubtful))),
            }
        };
        let (outer, inner, outer_one, inner_one, swapped) = if !one_source || one_destination {
            (sources, destinations, one_source, one_destination, false)
        } else {
            (destinations, sources, one_destination, one_source, true)
        };
        let results = outer.into_iter().filter_map(|(end, certain)| {
            let pairs = inner.iter().filter_map(|&(other, certain)| {
                let result = if swapped { works(other, end) } else { works(end, other) };
                result.map(|result| (result, certain))
            });
            let nobody = (inner_one && !outer_one && matches!(end, End::Unit(_))).then_some(false);
            tally(inner_one, pairs.collect()).or(nobody).map(|result| (result, certain))
        });
        tally(outer_one, results.collect()) == Some(false)
    }

    /// Whether every needed header works between two ends, certainly if in `doubtful` mode; `None` without a pair.
    fn pair_works(&self, from: End, to: End, services: &[Service], assume: Assume, doubtful: bool) -> Option<bool> {
        if from == to {
            return None;
        }
        let pairs: Vec<(Endpoint, Endpoint)> = self
            .endpoints(from)
            .into_iter()
            .flat_map(|from| self.endpoints(to).into_iter().map(move |to| (from, to)))
            .filter(|&(from, to)| {
                let is_units = |address: IpAddr, end: Endpoint| {
                    let interface = self.design.interface(end);
                    let known = interface.and_then(|interface| self.design.known_addresses(&interface.space));
                    known.is_some_and(|known| known.contains(address))
                };
                match (from, to) {
                    (Endpoint::External(_), Endpoint::External(_)) => false,
                    (Endpoint::External(address), unit) | (unit, Endpoint::External(address)) => {
                        !is_units(address, unit)
                    }
                    _ => true,
                }
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let unit = self.unit(to);
        let missing_name = services.iter().any(|service| {
            matches!((service, unit), (Service::NamedPort { protocol, name }, Some(unit))
                if !unit.named_ports(name).any(|(used, _)| protocol.is_none_or(|protocol| protocol == used)))
        });
        if missing_name {
            return Some(false);
        }
        let families: Vec<Family> = pairs
            .iter()
            .filter_map(|&(source, destination)| {
                self.design.family_of(&Connection { source, destination, header: Header::Other(0) })
            })
            .collect();
        let in_family =
            |family: Family, header: Header| services.iter().any(|service| service.matches(family, header, unit));
        let ephemeral =
            |header: &Header| !matches!(header, Header::Transport { source_port, .. } if *source_port < 1024);
        let mut needed: BTreeSet<(Option<Family>, Header)> = BTreeSet::new();
        for &header in self.headers.iter().filter(|header| ephemeral(header)) {
            let own = |family| matches!(header, Header::Icmp { .. }).then_some(family);
            let wanted = families.iter().filter(|&&family| in_family(family, header));
            needed.extend(wanted.map(|&family| (own(family), header)));
        }
        if needed.is_empty() {
            let elsewhere = self
                .headers
                .iter()
                .filter(|header| ephemeral(header))
                .any(|&header| Family::ALL.into_iter().any(|family| in_family(family, header)));
            return Some(!elsewhere);
        }
        Some(needed.into_iter().all(|(of, header)| {
            self.arriving(from, to, assume).iter().any(|&(family, arriving, verdict)| {
                arriving.header == header
                    && of.is_none_or(|of| of == family)
                    && match verdict {
                        Verdict::Allowed(Reply::Blocked) | Verdict::Denied(_) => false,
                        Verdict::Allowed(Reply::Unknown) | Verdict::Unknown(_) => !doubtful,
                        Verdict::Allowed(Reply::None | Reply::Passes) => true,
                    }
            })
        }))
    }
}

fn inside(set: &AddressSet, interface: &Interface) -> Option<bool> {
    if set.covers_family(interface.family()) {
        return Some(true);
    }
    match interface.address {
        Address::Known(address) => set.contains(address).then_some(!interface.shared),
        Address::Within(net) => set.is_superset(&AddressSet::from_net(net)).then_some(true),
        Address::Unknown(_) => None,
    }
}

/// Headers on both sides of every cut that the design makes.
fn headers(design: &Design) -> Vec<Header> {
    let mut ports: BTreeSet<u16> = [0, 1023, 1024, 49152, u16::MAX].into_iter().collect();
    let mut source_ports = ports.clone();
    let mut kinds: BTreeSet<u8> = [0, 8, 13, 77, 128].into_iter().collect();
    let mut codes: BTreeSet<u8> = [0, 77].into_iter().collect();
    let mut numbers: BTreeSet<u8> = [0, 77].into_iter().collect();
    let services = services(design);
    for service in &services {
        match service {
            Service::Ports { ports: to, source_ports: from, .. } => {
                let around = |ranges: &[(u16, u16)]| -> Vec<u16> {
                    ranges.iter().flat_map(|&(a, b)| [a.saturating_sub(1), a, b, b.saturating_add(1)]).collect()
                };
                ports.extend(around(to.ranges()));
                source_ports.extend(around(from.ranges()));
            }
            Service::Icmp { kind, code, .. } => {
                kinds.extend(kind.iter());
                codes.extend(code.iter());
            }
            Service::Protocol(number) => {
                numbers.insert(*number);
            }
            Service::Any | Service::NamedPort { .. } => {}
        }
    }
    for unit in design.units() {
        for listener in &unit.listeners {
            ports.extend([
                listener.first.saturating_sub(1),
                listener.first,
                listener.last,
                listener.last.saturating_add(1),
            ]);
        }
        ports.extend(unit.vulnerabilities.iter().map(|weak| weak.port));
        ports.extend(unit.logins.iter().map(|login| login.port));
    }
    // A stateless point judges replies, whose ports are the other way round; needs ask about those.
    let swapped = ports.clone();
    ports.extend(source_ports.iter());
    source_ports.extend(swapped);
    let mut all: Vec<Header> =
        numbers.into_iter().filter(|number| ![1, 6, 17, 58, 132].contains(number)).map(Header::Other).collect();
    for &kind in &kinds {
        all.extend(codes.iter().map(|&code| Header::Icmp { kind, code }));
    }
    for protocol in Transport::ALL {
        for &source_port in &source_ports {
            all.extend(ports.iter().map(|&destination_port| Header::Transport {
                protocol,
                source_port,
                destination_port,
            }));
        }
    }
    // Of headers that nothing in the design tells apart, one is enough.
    let mut seen = BTreeSet::new();
    all.retain(|&header| {
        let [v4, v6] = Family::ALL.map(|family| (told_apart(design, &services, family, header), header.reply(family)));
        let reply = |family, reply: Option<Header>| reply.map(|reply| told_apart(design, &services, family, reply));
        let kind = std::mem::discriminant(&header);
        seen.insert((format!("{kind:?}"), reply(Family::V4, v4.1), reply(Family::V6, v6.1), v4.0, v6.0))
    });
    all
}

/// Everything that the design could say of a header.
fn told_apart(design: &Design, services: &[&Service], family: Family, header: Header) -> Vec<bool> {
    let mut told = Vec::new();
    if let Header::Transport { protocol, source_port, destination_port } = header {
        told.extend(Transport::ALL.map(|used| used == protocol));
        told.push(source_port < 1024);
        for unit in design.units() {
            told.push(unit.listens_to(header));
            told.extend(
                unit.vulnerabilities.iter().map(|weak| (weak.protocol, weak.port) == (protocol, destination_port)),
            );
            told.extend(unit.logins.iter().map(|login| (login.protocol, login.port) == (protocol, destination_port)));
        }
    }
    for service in services {
        match service {
            Service::NamedPort { .. } => {
                told.extend(design.units().iter().map(|unit| service.matches(family, header, Some(unit))));
            }
            service => told.push(service.matches(family, header, None)),
        }
    }
    told
}

/// Every service that the design names.
fn services(design: &Design) -> Vec<&Service> {
    let claims = design.properties().iter().flat_map(|property| property.claim.services());
    design
        .rules()
        .flat_map(|(_, rule)| &rule.services)
        .chain(design.needs().iter().flat_map(|need| &need.services))
        .chain(
            design.external_sources().iter().flat_map(|source| source.entries.iter().flat_map(|entry| &entry.services)),
        )
        .chain(claims)
        .collect()
}

/// External addresses on both sides of every cut that the design makes.
fn addresses(design: &Design) -> Vec<IpAddr> {
    let mut all: BTreeSet<IpAddr> = ["0.0.0.0", "8.8.8.8", "255.255.255.255", "::", "2600::1", "ffff::1"]
        .into_iter()
        .map(|address| address.parse().unwrap())
        .collect();
    let mut sets: Vec<AddressSet> = Vec::new();
    let mut peer = |peer: &Peer| {
        if let Peer::Addresses { set, .. } = peer {
            sets.push(set.clone());
        }
    };
    for (_, rule) in design.rules() {
        peer(&rule.from);
        peer(&rule.to);
    }
    for need in design.needs() {
        peer(&need.from);
        peer(&need.to);
    }
    for property in design.properties() {
        property.claim.peers().into_iter().for_each(&mut peer);
    }
    for property in design.properties() {
        if let Claim::Exposed { external, .. } = &property.claim {
            sets.push(external.clone());
        }
    }
    let known =
        design.units().iter().flat_map(|unit| &unit.interfaces).filter_map(|interface| match interface.address {
            Address::Known(address) => Some((address, address)),
            _ => None,
        });
    let ranges: Vec<(IpAddr, IpAddr)> = sets.iter().flat_map(|set| set.ranges()).chain(known).collect();
    for (first, last) in ranges {
        all.extend([first, last, step(first, -1), step(last, 1)]);
        // A range may begin with addresses of units.
        all.extend((1..4).flat_map(|by| [step(first, by), step(last, -by)]));
    }
    // Of addresses that nothing in the design tells apart, one is enough.
    let spaces: BTreeSet<&str> =
        design.units().iter().flat_map(|unit| &unit.interfaces).map(|interface| interface.space.as_str()).collect();
    let mut seen = BTreeSet::new();
    all.retain(|&address| {
        let inside: Vec<bool> = sets.iter().map(|set| set.contains(address)).collect();
        let known = |space: &&str| design.known_addresses(space).is_some_and(|known| known.contains(address));
        seen.insert((address.is_ipv4(), inside, spaces.iter().map(known).collect::<Vec<bool>>()))
    });
    all.into_iter().collect()
}

fn step(address: IpAddr, by: i32) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_bits().wrapping_add_signed(by).to_be_bytes().into(),
        IpAddr::V6(address) => address.to_bits().wrapping_add_signed(by.into()).to_be_bytes().into(),
    }
}
