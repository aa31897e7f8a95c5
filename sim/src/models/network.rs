//! A design as the simulator needs it: stable names, who can address whom, what listens, what fits.
//!
//! Everything here is compiled once and shared by all replicas. Nothing here consults the policy: whom an attacker may
//! *address* follows from address spaces and routes alone.

use std::collections::{BTreeMap, BTreeSet};

use seglab_policy::{
    Design, Endpoint, Family, Header, Interface, IntervalSet, Login, Pivot, Service, Transport, Unit, UnitId,
};

use crate::kernel::{Name, NameCollision};

/// A compiled design.
pub(super) struct Network<'a> {
    pub(super) design: &'a Design,
    /// Stable names of units.
    names: Vec<Name>,
    /// The units that run on each unit, directly.
    guests: Vec<Vec<UnitId>>,
    /// The credentials that each unit yields, by number.
    yields: Vec<Vec<u32>>,
    credentials: BTreeMap<&'a str, u32>,
    /// Stable names of credentials, by number.
    credential_names: Vec<Name>,
    /// The units that take each credential, by number.
    takers: Vec<Vec<UnitId>>,
    /// Units with the same attachments share one.
    reaches: Vec<Reach>,
    reach_of: Vec<u32>,
}

/// An interface that can be tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) unit: UnitId,
    pub(super) interface: u16,
    pub(super) name: Name,
    attachment: u32,
}

/// What units with certain attachments can address, and what an attacker who owns one of them tries there.
pub(super) struct Reach {
    /// The interfaces of other units and of the unit itself, by unit.
    pub(super) targets: Vec<Target>,
    /// The headers that the attacker knows, of which each attempt takes one.
    pub(super) headers: Vec<Header>,
    /// The positions of targets that have vulnerabilities, ascending.
    pub(super) vulnerable: Vec<u32>,
    /// Those of targets that can fall at all, ascending.
    pub(super) can_fall: Vec<u32>,
}

impl Reach {
    /// The interfaces of a unit, with their positions.
    pub(super) fn of(&self, unit: UnitId) -> impl Iterator<Item = (u32, Target)> {
        let first = self.targets.partition_point(|target| target.unit < unit);
        let own = self.targets.iter().skip(first).take_while(move |target| target.unit == unit);
        (first as u32..).zip(own.copied())
    }
}

/// An address space and a family: interfaces with the same attachment can address the same interfaces.
type Attachment<'a> = (&'a str, Family);

impl<'a> Network<'a> {
    /// Compiles a design for attackers who move on by `pivot`.
    pub(super) fn new(design: &'a Design, pivot: Pivot) -> Result<Self, NameCollision> {
        Self::for_holder_of(&[], design, pivot)
    }

    /// The same for attackers who have credentials before they begin.
    pub(super) fn for_holder_of(stolen: &'a [String], design: &'a Design, pivot: Pivot) -> Result<Self, NameCollision> {
        let names = Name::all_distinct(design.units().iter().map(|unit| unit.name.as_str()))?;
        let mut guests = vec![Vec::new(); design.units().len()];
        for unit in design.unit_ids() {
            if let Some(held) = design.host_of(unit).and_then(|host| guests.get_mut(host.index())) {
                held.push(unit);
            }
        }
        let mut credentials: BTreeMap<&str, u32> = BTreeMap::new();
        let mut yields = Vec::with_capacity(design.units().len());
        for unit in design.units() {
            let mut number = |name: &'a String| {
                let next = credentials.len() as u32;
                *credentials.entry(name).or_insert(next)
            };
            yields.push(unit.credentials.iter().map(&mut number).collect());
        }
        for name in stolen {
            let next = credentials.len() as u32;
            credentials.entry(name).or_insert(next);
        }
        let mut numbered: Vec<(u32, Name)> =
            credentials.iter().map(|(name, number)| (*number, Name::of_parts(["credential", name]))).collect();
        numbered.sort_unstable();
        let credential_names = numbered.into_iter().map(|(_, name)| name).collect();
        let (reaches, reach_of) = reaches(design, pivot);
        let takers = takers(design, &credentials);
        Ok(Self { design, names, guests, yields, credentials, credential_names, takers, reaches, reach_of })
    }

    /// The stable name of a unit.
    pub(super) fn name(&self, unit: UnitId) -> Name {
        self.names.get(unit.index()).copied().unwrap_or(Name::NONE)
    }

    /// The units that take a credential, ascending.
    pub(super) fn takers(&self, credential: u32) -> &[UnitId] {
        self.takers.get(credential as usize).map_or(&[], Vec::as_slice)
    }

    /// The units that run on `unit`, directly.
    pub(super) fn guests(&self, unit: UnitId) -> &[UnitId] {
        self.guests.get(unit.index()).map_or(&[], Vec::as_slice)
    }

    /// The numbers of the credentials that a unit yields.
    pub(super) fn yields(&self, unit: UnitId) -> &[u32] {
        self.yields.get(unit.index()).map_or(&[], Vec::as_slice)
    }

    /// How many credentials units yield.
    pub(super) fn credentials(&self) -> usize {
        self.credentials.len()
    }

    /// The number of a credential that some unit yields, or the attacker has before it begins.
    pub(super) fn credential(&self, name: &str) -> Option<u32> {
        self.credentials.get(name).copied()
    }

    /// The names of the credentials, by number.
    pub(super) fn credentials_by_number(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<(u32, &str)> = self.credentials.iter().map(|(name, number)| (*number, *name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name)
    }

    /// The stable name of a credential.
    pub(super) fn credential_name(&self, number: u32) -> Name {
        self.credential_names.get(number as usize).copied().unwrap_or(Name::NONE)
    }

    /// True if the unit has a service that takes a credential out of `held`.
    pub(super) fn takes_any(&self, unit: UnitId, held: &[bool]) -> bool {
        let holds = |name: &str| self.credential(name).and_then(|number| held.get(number as usize)).copied();
        self.design.unit(unit).logins.iter().any(|login| holds(&login.credential).unwrap_or_default())
    }

    /// What a unit can address.
    pub(super) fn reach(&self, unit: UnitId) -> Option<&Reach> {
        self.reaches.get(*self.reach_of.get(unit.index())? as usize)
    }

    /// The interfaces of `unit` that can address `target`, and those only.
    pub(super) fn interfaces_towards(&self, unit: UnitId, target: Target) -> impl Iterator<Item = u16> {
        let there = self.design.interface(Endpoint::Unit { unit: target.unit, interface: target.interface });
        (0..)
            .zip(&self.design.unit(unit).interfaces)
            .filter_map(move |(at, own)| there.is_some_and(|there| addresses(self.design, own, there)).then_some(at))
    }

    /// True if the unit has a service that the header reaches and that takes a credential out of `held`.
    pub(super) fn takes_login(&self, unit: &Unit, header: Header, held: &[bool]) -> bool {
        let Header::Transport { protocol, destination_port, .. } = header else { return false };
        let holds = |name: &str| {
            self.credentials.get(name).and_then(|&number| held.get(number as usize)).copied().unwrap_or_default()
        };
        unit.listens_to(header)
            && unit
                .logins
                .iter()
                .any(|login| login.protocol == protocol && login.port == destination_port && holds(&login.credential))
    }
}

/// False for a unit that no connection can take, whatever the policy and whatever credentials the attacker finds.
fn can_fall(unit: &Unit, pivot: Pivot) -> bool {
    match pivot {
        Pivot::Any | Pivot::EitherWay => true,
        Pivot::Service => !unit.listeners.is_empty(),
        Pivot::Exploitable => weak_spots(unit).next().is_some() || unit.logins.iter().any(|of| accepts(unit, of)),
    }
}

/// The services of a unit that have a vulnerability.
pub(super) fn weak_spots(unit: &Unit) -> impl Iterator<Item = Header> {
    let headers = unit.vulnerabilities.iter().map(|weak| Header::to_port(weak.protocol, weak.port));
    headers.filter(|header| unit.listens_to(*header))
}

/// True if the service that takes a credential is there.
pub(super) fn accepts(unit: &Unit, login: &Login) -> bool {
    unit.listens_to(Header::to_port(login.protocol, login.port))
}

/// The units that take each credential, by number, ascending.
fn takers(design: &Design, credentials: &BTreeMap<&str, u32>) -> Vec<Vec<UnitId>> {
    let mut takers = vec![Vec::new(); credentials.len()];
    for (id, unit) in design.unit_ids().zip(design.units()) {
        let taken = unit.logins.iter().filter(|login| accepts(unit, login));
        let taken: BTreeSet<u32> =
            taken.filter_map(|login| credentials.get(login.credential.as_str()).copied()).collect();
        for credential in taken {
            if let Some(takers) = takers.get_mut(credential as usize) {
                takers.push(id);
            }
        }
    }
    takers
}

/// True if the one interface can send to the other, whatever policy says.
fn addresses(design: &Design, from: &Interface, to: &Interface) -> bool {
    from.family() == to.family() && design.spaces_linked(&from.space, &to.space)
}

fn attachment(interface: &Interface) -> Attachment<'_> {
    (&interface.space, interface.family())
}

/// The reach of every combination of attachments that units have, and which one each unit has.
fn reaches(design: &Design, pivot: Pivot) -> (Vec<Reach>, Vec<u32>) {
    let mut numbers: BTreeMap<Attachment<'_>, u32> = BTreeMap::new();
    for interface in design.units().iter().flat_map(|unit| &unit.interfaces) {
        let next = numbers.len() as u32;
        numbers.entry(attachment(interface)).or_insert(next);
    }
    let targets: Vec<Target> = design
        .unit_ids()
        .zip(design.units())
        .flat_map(|(id, unit)| {
            let numbers = &numbers;
            (0u16..).zip(&unit.interfaces).map(move |(at, interface)| Target {
                unit: id,
                interface: at,
                name: Name::of_parts([unit.name.as_str(), "interface", &at.to_string()]),
                attachment: numbers.get(&attachment(interface)).copied().unwrap_or_default(),
            })
        })
        .collect();
    let mut known: BTreeMap<BTreeSet<Attachment<'_>>, u32> = BTreeMap::new();
    let mut reaches = Vec::new();
    let mut reach_of = Vec::with_capacity(design.units().len());
    for unit in design.units() {
        let own: BTreeSet<Attachment<'_>> = unit.interfaces.iter().map(attachment).collect();
        let number = *known.entry(own).or_insert_with_key(|own| {
            let linked: BTreeSet<u32> = numbers
                .iter()
                .filter(|((space, family), _)| {
                    own.iter().any(|(from, of)| of == family && design.spaces_linked(from, space))
                })
                .map(|(_, number)| *number)
                .collect();
            let targets: Vec<Target> =
                targets.iter().filter(|target| linked.contains(&target.attachment)).copied().collect();
            let headers = headers(design, pivot, &targets);
            let which = |is: &dyn Fn(&Unit) -> bool| -> Vec<u32> {
                let positions = (0u32..).zip(&targets).filter(|(_, target)| is(design.unit(target.unit)));
                positions.map(|(position, _)| position).collect()
            };
            let vulnerable = which(&|unit| weak_spots(unit).next().is_some());
            let can_fall = which(&|unit| can_fall(unit, pivot));
            reaches.push(Reach { targets, headers, vulnerable, can_fall });
            reaches.len() as u32 - 1
        });
        reach_of.push(number);
    }
    (reaches, reach_of)
}

/// The headers that an attacker tries at these targets: one for all those that nothing tells apart.
///
/// What is told apart comes from the services that rules name and from the targets' own listeners, vulnerabilities and
/// logins; units that are out of reach add nothing. Where only listening services help the attacker, only they are tried.
fn headers(design: &Design, pivot: Pivot, targets: &[Target]) -> Vec<Header> {
    let mut units: Vec<&Unit> = targets.iter().map(|target| design.unit(target.unit)).collect();
    units.dedup_by(|a, b| std::ptr::eq(*a, *b));
    let mut headers = Vec::new();
    for protocol in Transport::ALL {
        let listened = || {
            let listeners = units.iter().flat_map(|unit| &unit.listeners);
            IntervalSet::from_ranges(
                listeners.filter(|listener| listener.protocol == protocol).map(|open| (open.first, open.last)),
            )
        };
        let wanted = match pivot {
            Pivot::Service | Pivot::Exploitable => listened(),
            Pivot::Any | Pivot::EitherWay => IntervalSet::full(),
        };
        let cuts = port_cuts(design, protocol, &units);
        for &(first, last) in wanted.ranges() {
            let inside = cuts.range(first..=last).copied().filter(|cut| *cut > first);
            // Nobody tries port 0 where another one does as well.
            let lowest = if first == 0 && !cuts.contains(&1) && last > 0 { 1 } else { first };
            headers.extend(std::iter::once(lowest).chain(inside).map(|port| Header::to_port(protocol, port)));
        }
    }
    if matches!(pivot, Pivot::Any | Pivot::EitherWay) {
        headers.extend(other_headers(design));
    }
    headers
}

/// The services that rules name, those of releases too.
fn named_services(design: &Design) -> impl Iterator<Item = &Service> {
    let written = design.releases().iter().flat_map(|release| &release.adds).map(|addition| &addition.rule);
    design.rules().map(|(_, rule)| rule).chain(written).flat_map(|rule| &rule.services)
}

/// Ports at which something changes: a range that rules, listeners or weaknesses name begins, or has just ended.
fn port_cuts(design: &Design, protocol: Transport, units: &[&Unit]) -> BTreeSet<u16> {
    let mut cuts = BTreeSet::new();
    let mut cut = |first: u16, last: u16| {
        cuts.insert(first);
        cuts.extend(last.checked_add(1));
    };
    for service in named_services(design) {
        if let Service::Ports { protocol: of, ports, .. } = service
            && *of == protocol
        {
            ports.ranges().iter().for_each(|&(first, last)| cut(first, last));
        }
    }
    for unit in units {
        let listeners = unit.listeners.iter().map(|open| (open.protocol, open.first, open.last));
        let weaknesses = unit.vulnerabilities.iter().map(|weak| (weak.protocol, weak.port, weak.port));
        let logins = unit.logins.iter().map(|login| (login.protocol, login.port, login.port));
        for (of, first, last) in listeners.chain(weaknesses).chain(logins) {
            if of == protocol {
                cut(first, last);
            }
        }
    }
    cuts
}

/// Headers without ports: of each ICMP type, code and protocol number that some rule names, and one that none does.
fn other_headers(design: &Design) -> Vec<Header> {
    let (mut kinds, mut codes, mut numbers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for service in named_services(design) {
        match service {
            Service::Icmp { kind, code, .. } => {
                kinds.extend(*kind);
                codes.extend(*code);
            }
            Service::Protocol(number) => {
                numbers.insert(*number);
            }
            Service::Any | Service::Ports { .. } | Service::NamedPort { .. } => {}
        }
    }
    // The protocols that have forms of their own are never numbers.
    let own_forms = [1, 6, 17, 58, 132];
    let unnamed =
        |named: &BTreeSet<u8>| (0..=u8::MAX).find(|value| !named.contains(value) && !own_forms.contains(value));
    for values in [&mut kinds, &mut codes, &mut numbers] {
        values.extend(unnamed(values));
    }
    let icmp = kinds.iter().flat_map(|&kind| codes.iter().map(move |&code| Header::Icmp { kind, code }));
    icmp.chain(numbers.iter().map(|&number| Header::Other(number))).collect()
}

/// Source ports of which rules see each as different from the others; an ordinary one first.
pub(super) fn source_ports(design: &Design) -> Vec<u16> {
    const ORDINARY: u16 = 49152;
    let mut cuts: BTreeSet<u16> = BTreeSet::from([0]);
    for service in named_services(design) {
        if let Service::Ports { source_ports, .. } = service {
            for &(first, last) in source_ports.ranges() {
                cuts.insert(first);
                cuts.extend(last.checked_add(1));
            }
        }
    }
    let ordinary_cut = cuts.range(..=ORDINARY).next_back().copied();
    let others = cuts.into_iter().filter(|cut| Some(*cut) != ordinary_cut);
    std::iter::once(ORDINARY).chain(others).collect()
}
