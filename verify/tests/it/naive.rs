//! The plainest verifier there could be: it asks the reference evaluator about every pair of endpoints and every
//! header that could matter, and follows attacks unit by unit. It shares nothing with the class engine.

mod claims;
mod rules;

use crate::probes::{addresses, headers};
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

/// Owned units, and of each whether its host is owned.
type Owned = BTreeMap<UnitId, bool>;

impl<'d> Naive<'d> {
    pub(crate) fn new(design: &'d Design) -> Self {
        Self::with(design, headers(&[design]), addresses(&[design]))
    }

    /// The same with headers and addresses to ask about that tell more designs apart than this one.
    pub(crate) fn with(design: &'d Design, headers: Vec<Header>, externals: Vec<IpAddr>) -> Self {
        Self { design, headers, externals, known: RefCell::default() }
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

    /// What an attack from one end owns: breadth first, one round for each connection strung together.
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
            owned.insert(unit, false);
        }
        self.take_guests(&mut owned, avoid);
        for _ in 0..hops_max.unwrap_or(u32::MAX) {
            let before = owned.clone();
            let held: BTreeSet<&str> =
                before.keys().flat_map(|&unit| self.design.unit(unit).credentials.iter().map(String::as_str)).collect();
            let mut owners: Vec<(End, bool)> =
                before.iter().map(|(&unit, &hosted)| (End::Unit(unit), hosted)).collect();
            if !matches!(start, End::Unit(_)) {
                owners.push((start, false));
            }
            for target in self.design.unit_ids().filter(|unit| !avoid.contains(unit)) {
                let taken =
                    owners.iter().any(|&(from, hosted)| self.takes(attack, from, hosted, target, &held, doubtful));
                if taken {
                    owned.entry(target).or_insert(false);
                }
            }
            self.take_guests(&mut owned, avoid);
            if owned == before {
                break;
            }
        }
        owned
    }

    fn take_guests(&self, owned: &mut Owned, avoid: &[UnitId]) {
        for _ in 0..self.design.units().len() {
            for unit in self.design.unit_ids().filter(|unit| !avoid.contains(unit)) {
                if self.design.host_of(unit).is_some_and(|host| owned.contains_key(&host)) {
                    owned.insert(unit, true);
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
        let violated = |doubtful: bool| self.violated(property, attack, doubtful);
        match (violated(false), violated(true)) {
            (None, _) | (_, None) => self.about_rules(property, as_if_enforced),
            (Some(true), _) => Answer::Violated,
            (Some(false), Some(true)) => Answer::Unknown,
            (Some(false), Some(false)) => Answer::Holds,
        }
    }

    /// Whether a claim about connections is violated; with doubt, whether it may be. `None` for claims about rules.
    fn violated(&self, property: &Property, attack: Attack, doubtful: bool) -> Option<bool> {
        Some(match &property.claim {
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
            Claim::IsolatedEver { .. } => panic!("random designs speak of units that exist"),
            Claim::Within { .. } | Claim::Equal { .. } => panic!("random designs are held against no others"),
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
            Claim::EgressOnlyTo { from, to, services } => self.goes_elsewhere(attack, from, to, services, doubtful),
            Claim::Only { flows, among } => self.is_unlisted(attack, flows, among.as_ref(), doubtful),
            Claim::DefaultDeny { units, directions } => self.opens_by_default(attack, units, *directions, doubtful),
            Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. } => {
                return None;
            }
            Claim::Surface { units, entries_max, exits_max } => {
                self.crowded(attack, units, (*entries_max, *exits_max), doubtful)
            }
            Claim::Exposed { external, inbound, only, services } => {
                self.exposed(attack, external, *inbound, only, services, doubtful)
            }
            Claim::Allowed { from, to, services } => {
                let assume = Assume { as_if_enforced: attack.as_if_enforced, ..Assume::business() };
                self.broken(from, to, services, assume, doubtful)
            }
        })
    }

    #[expect(clippy::too_many_arguments, reason = "it is a test's, and its callers are two")]
    pub(crate) fn reaches(
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
                .any(|(&unit, &hosted)| hosted && End::Unit(unit) != start && targets.contains(&End::Unit(unit)));
            // The last step is one connection, too: its owner, and the owner's host, fell with fewer.
            let before = match hops_max {
                None => owned.clone(),
                Some(0) => Owned::new(),
                Some(most) => self.spread(attack, start, Some(most - 1), avoid, doubtful),
            };
            let mut owners: Vec<(End, bool)> =
                before.iter().map(|(&unit, &hosted)| (End::Unit(unit), hosted)).collect();
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
