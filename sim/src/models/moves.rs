//! Units that move in the course of a replica.
//!
//! A unit that moves takes another address and perhaps another place. Rules by label go with it. A rule by address is about
//! the units that had its addresses when it was written: whoever keeps the rules of a point has to take the new address in
//! and the old one out. A unit may also move to another host: its points are void from then on when that one is owned, and
//! whoever owns that one owns the unit.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use seglab_policy::{
    Address, AddressSet, Covers, Design, Family, Interface, MoveTimes, Movement, Peer, Placement, PointId, PointKind,
    Rule, Rulebook, Selector, UnitId,
};

use crate::kernel::{Draws, Duration, Name, Technique, Time};

use super::CampaignError;
use super::changes::only_interface;
use super::distribution::{Channels, News};
use super::purpose::{DESTINATION, HOST, MOVE, UPDATE};

/// The units of a design that move, and the points whose rules hang on where they are.
pub(super) struct Movers<'a> {
    movers: BTreeMap<UnitId, Mover<'a>>,
    /// By point.
    points: Vec<Concern>,
}

struct Mover<'a> {
    name: Name,
    of: &'a Movement,
    declared: &'a Interface,
    /// The hosts of each destination that names some.
    hosts: Vec<Option<Vec<UnitId>>>,
}

/// What a point has to know of moves.
struct Concern {
    /// It carries a rule by addresses that units have.
    by_address: bool,
    /// The units, ascending, with each instance of which it starts anew.
    instances: Vec<UnitId>,
}

/// One unit has moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// When.
    pub at: Time,
    /// Who.
    pub unit: UnitId,
    /// Where it stands from then on.
    pub interface: Interface,
    /// What it runs on from then on.
    pub host: Option<UnitId>,
    /// For the how-manieth time.
    pub number: u32,
    /// When each point knows of it, in the order of the design; at once where it makes no difference to it.
    pub known: Vec<Time>,
}

impl<'a> Movers<'a> {
    /// Those of a design, and how many moves a replica expects.
    pub(super) fn new(design: &'a Design, horizon: Duration) -> Result<(Self, f64), CampaignError> {
        let mut movers: BTreeMap<UnitId, Mover<'a>> = BTreeMap::new();
        let mut expected = 0.0;
        for of in design.movements() {
            for unit in design.select(&of.units) {
                let held = design.unit(unit);
                let wrong = |problem: &'static str| CampaignError::Moves {
                    design: design.name().to_owned(),
                    unit: held.name.clone(),
                    problem,
                };
                let Some(declared) = only_interface(design, unit) else {
                    return Err(wrong("has not just one address, known and its own: leave it out of `moves`"));
                };
                expected += match &of.times {
                    MoveTimes::Every(0) => return Err(wrong("moves all the time: give a mean time above zero")),
                    MoveTimes::Every(mean) => horizon.as_nanos() as f64 / *mean as f64,
                    MoveTimes::At(times) => times.len() as f64,
                };
                let family = declared.family();
                let sets = || of.to.iter().filter_map(|to| to.addresses.as_ref());
                if of.to.is_empty() || sets().any(|set| room(set, family) <= design.units().len() as u64) {
                    return Err(wrong("moves to fewer addresses than there are units, or to those of another family"));
                }
                let selected = |hosts: &'a Selector| design.select(hosts).collect::<Vec<UnitId>>();
                let hosts: Vec<_> = of.to.iter().map(|to| to.hosts.as_ref().map(selected)).collect();
                if hosts.iter().flatten().any(Vec::is_empty) {
                    return Err(wrong("moves to a host that there is not: correct `host`"));
                }
                let mover = Mover { name: Name::new(&held.name), of, declared, hosts };
                if movers.insert(unit, mover).is_some() {
                    return Err(wrong("moves in two ways: name it in one of `moves`"));
                }
            }
        }
        // What hosts run on, themselves first, stays where it is: so no unit ever comes to run on itself.
        for mover in movers.values() {
            for &host in mover.hosts.iter().flatten().flatten() {
                let mut above = std::iter::successors(Some(host), |unit| design.host_of(*unit));
                if above.any(|unit| movers.contains_key(&unit)) {
                    let (design, unit) = (design.name().to_owned(), design.unit(host).name.clone());
                    let problem = "is moved to by others and moves, or runs on what moves: leave it out of `moves`";
                    return Err(CampaignError::Moves { design, unit, problem });
                }
            }
        }
        let points = design.points().iter().map(|point| {
            let written = design.releases().iter().flat_map(|release| &release.adds);
            let written = written.filter(|addition| addition.rulebook == point.rulebook).map(|addition| &addition.rule);
            Concern {
                by_address: rules(design.rulebook(point.rulebook)).chain(written).any(is_by_address),
                instances: match &point.placement {
                    Placement::Units(on) if point.kind == PointKind::Cloud => design.select(on).collect(),
                    _ => Vec::new(),
                },
            }
        });
        let points = points.collect();
        Ok((Self { movers, points }, expected))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.movers.is_empty()
    }

    /// True if units move to other hosts.
    pub(super) fn change_hosts(&self) -> bool {
        self.movers.values().any(|mover| mover.hosts.iter().any(Option::is_some))
    }

    /// True if a point carries a rule by addresses that units have.
    pub(super) fn is_by_address(&self, point: PointId) -> bool {
        self.points.get(point.0 as usize).is_some_and(|point| point.by_address)
    }

    /// True if a point starts with every instance anew.
    pub(super) fn follows_instances(&self, point: PointId) -> bool {
        self.points.get(point.0 as usize).is_some_and(|point| !point.instances.is_empty())
    }

    /// The declared interface of a unit that moves.
    pub(super) fn declared(&self, unit: UnitId) -> Option<&Interface> {
        self.movers.get(&unit).map(|mover| mover.declared)
    }

    /// The moves of one replica, in the order of time; that points know of them is to be added.
    pub(super) fn in_replica(&self, design: &Design, draws: Draws, horizon: Time) -> Vec<Move> {
        let mut due: Vec<(Time, UnitId, u32, &Mover<'a>)> = Vec::new();
        for (unit, mover) in &self.movers {
            due.extend((0u32..).zip(mover.times(draws, horizon)).map(|(number, at)| (at, *unit, number, mover)));
        }
        due.sort_by_key(|(at, unit, number, _)| (*at, *unit, *number));
        let mut held = BTreeSet::new();
        for interface in design.units().iter().flat_map(|unit| &unit.interfaces) {
            if let Address::Known(address) = interface.address {
                held.insert((interface.space.as_str(), address));
            }
        }
        let mut made: Vec<Move> = Vec::new();
        // Where each unit's last move led: the position of the destination, and that of the move.
        let mut last: BTreeMap<UnitId, (usize, usize)> = BTreeMap::new();
        for (at, unit, number, mover) in due {
            let before = last.get(&unit).copied();
            let stands = before.and_then(|(_, made_at)| made.get(made_at)).map_or(mover.declared, |one| &one.interface);
            let mut draw = draws.at(DESTINATION, mover.name, Name::NONE, Technique::NONE, number);
            let avoided = before.map(|(to, _)| to).filter(|_| mover.of.to.len() > 1);
            let others = || (0..mover.of.to.len()).filter(|to| Some(*to) != avoided);
            let Some(to) = draw.choose(others().count()).and_then(|at| others().nth(at)) else { continue };
            let Some(there) = mover.of.to.get(to) else { continue };
            let Address::Known(old) = stands.address else { continue };
            let space = mover.declared.space.as_str();
            let address = match &there.addresses {
                None => old,
                Some(set) => {
                    let (family, taken) = (Family::of(old), |address: &IpAddr| held.contains(&(space, *address)));
                    let all = usize::try_from(room(set, family)).unwrap_or(usize::MAX);
                    let Some(first) = draw.choose(all) else { continue };
                    let Some(address) = nth_free(set, family, first as u64, taken) else { continue };
                    address
                }
            };
            let ran_on = before.and_then(|(_, at)| made.get(at)).map_or(design.host_of(unit), |one| one.host);
            let host = match mover.hosts.get(to).and_then(Option::as_ref) {
                None => ran_on,
                Some(hosts) => {
                    let mut draw = draws.at(HOST, mover.name, Name::NONE, Technique::NONE, number);
                    draw.choose(hosts.len()).and_then(|at| hosts.get(at).copied())
                }
            };
            let mut interface = Interface { address: Address::Known(address), ..stands.clone() };
            held.remove(&(space, old));
            held.insert((space, address));
            last.insert(unit, (to, made.len()));
            let place = &mut interface.place;
            for (level, new) in [
                (&mut place.site, &there.place.site),
                (&mut place.zone, &there.place.zone),
                (&mut place.subnet, &there.place.subnet),
            ] {
                if new.is_some() {
                    level.clone_from(new);
                }
            }
            made.push(Move { at, unit, interface, host, number, known: Vec::new() });
        }
        made
    }

    /// When each point knows of a move that is made now.
    pub(super) fn known(&self, of: &Move, now: Time, channels: &mut Channels<'_>) -> Vec<Time> {
        let Some(mover) = self.movers.get(&of.unit) else { return Vec::new() };
        let news = News { purpose: UPDATE, about: mover.name, technique: Technique::NONE, number: of.number };
        let points = (0u32..).map(PointId).zip(&self.points);
        let known =
            points.map(|(id, point)| match point.by_address || point.instances.binary_search(&of.unit).is_ok() {
                true => channels.known(id, now, news),
                false => now,
            });
        known.collect()
    }

    /// When points learn what changes their rules.
    pub(super) fn learned(&self, of: &Move) -> impl Iterator<Item = Time> {
        of.known.iter().zip(&self.points).filter(|(_, point)| point.by_address).map(|(at, _)| *at)
    }
}

impl Mover<'_> {
    fn times(&self, draws: Draws, horizon: Time) -> Vec<Time> {
        match &self.of.times {
            MoveTimes::At(times) => {
                let mut times: Vec<Time> = times.iter().copied().map(Time::from_nanos).collect();
                times.sort_unstable();
                times.retain(|at| *at <= horizon);
                times
            }
            MoveTimes::Every(mean) => {
                let (mut times, mut now) = (Vec::new(), Time::START);
                for number in 0u32.. {
                    let mut draw = draws.at(MOVE, self.name, Name::NONE, Technique::NONE, number);
                    now = now.saturating_add(draw.exponential(Duration::from_nanos(*mean)));
                    if now > horizon {
                        break;
                    }
                    times.push(now);
                }
                times
            }
        }
    }
}

/// Takes the addresses that units have moved to into the rules that were about them, and out of all others, and the
/// addresses that they have left out of all.
pub(super) fn readdress(book: &mut Rulebook, moved: &[(IpAddr, IpAddr)]) {
    let left = AddressSet::from_ranges(moved.iter().flat_map(|&(from, to)| [(from, from), (to, to)]));
    for peer in book.tiers.iter_mut().flat_map(|tier| &mut tier.rules).flat_map(|rule| [&mut rule.from, &mut rule.to]) {
        let Peer::Addresses { set, covers: Covers::All } = peer else { continue };
        let meant = moved.iter().filter(|(from, _)| set.contains(*from)).map(|&(_, to)| (to, to));
        let meant = AddressSet::from_ranges(meant);
        let now = set.difference(&left).union(&meant);
        // The family's `/0` tells nobody apart.
        if !set.covers_family(Family::V4) {
            set.v4 = now.v4;
        }
        if !set.covers_family(Family::V6) {
            set.v6 = now.v6;
        }
    }
}

fn rules(book: &Rulebook) -> impl Iterator<Item = &Rule> {
    book.tiers.iter().flat_map(|tier| &tier.rules)
}

fn is_by_address(rule: &Rule) -> bool {
    [&rule.from, &rule.to].into_iter().any(|peer| matches!(peer, Peer::Addresses { covers: Covers::All, .. }))
}

/// How many addresses of a family a set has, as far as they can be counted.
fn room(set: &AddressSet, family: Family) -> u64 {
    ranges(set, family).fold(0, |sum: u64, (first, last)| {
        sum.saturating_add(u64::try_from(last - first).unwrap_or(u64::MAX).saturating_add(1))
    })
}

fn ranges(set: &AddressSet, family: Family) -> impl Iterator<Item = (u128, u128)> {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    set.ranges()
        .filter(move |(first, _)| Family::of(*first) == family)
        .map(move |(first, last)| (number(first), number(last)))
}

/// The address at a position of a set, or the next one after it, in circles, that nobody has.
fn nth_free(set: &AddressSet, family: Family, first: u64, taken: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let all = room(set, family);
    let at = |position: u64| {
        let mut left = u128::from(position);
        for (first, last) in ranges(set, family) {
            if left <= last - first {
                let number = first + left;
                return Some(match family {
                    Family::V4 => IpAddr::V4(u32::try_from(number).ok()?.into()),
                    Family::V6 => IpAddr::V6(number.into()),
                });
            }
            left -= last - first + 1;
        }
        None
    };
    (0..all).map(|step| (u128::from(first) + u128::from(step)) % u128::from(all)).find_map(|position| {
        let address = at(u64::try_from(position).ok()?)?;
        (!taken(&address)).then_some(address)
    })
}
