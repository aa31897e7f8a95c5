//! Units that move in the course of a replica, and what enforcement points know of that.
//!
//! A unit that moves takes another address and perhaps another place. Rules by label go with it. A rule by address is about
//! the units that had its addresses when it was written: whoever keeps the rules of a point has to take the new address in
//! and the old one out, and until then the point judges by what it knows, which may be the address of another unit by
//! now. A cloud point at units starts with each instance anew: a unit that has moved runs before its rules arrive.
//!
//! Between two changes, of an address or of what a point knows, the design is one design, and an engine is compiled for it:
//! every point by then with the rules that it has. What the same points would decide if each knew everything is asked of
//! another, to tell what is due to staleness.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

use seglab_policy::{
    Address, AddressSet, Covers, Design, Draft, Family, Interface, MoveTimes, Movement, Peer, Placement, PointId,
    PointKind, Rulebook, RulebookId, UnitId,
};

use crate::kernel::{Draws, Duration, Name, Technique, Time};

use super::CampaignError;
use super::enforcement::Enforcement;
use super::purpose::{DESTINATION, MOVE, UPDATE};

/// The most moves that a replica expects: each may take an engine.
const MOVES_MAX: f64 = 1_000.0;

/// The units of a design that move, and the points that have to learn of it.
pub(super) struct Moves<'a> {
    design: &'a Design,
    movers: Vec<Mover<'a>>,
    /// By point.
    points: Vec<Learner>,
    horizon: Time,
}

struct Mover<'a> {
    unit: UnitId,
    name: Name,
    of: &'a Movement,
    declared: &'a Interface,
}

struct Learner {
    name: Name,
    delay: Duration,
    /// It carries a rule by addresses that units have.
    by_address: bool,
    /// It starts with every instance anew.
    follows_instances: bool,
}

/// The moves of one replica.
pub(super) struct Itinerary<'a> {
    moves: &'a Moves<'a>,
    /// In the order of time.
    made: Vec<Move>,
    /// The positions of each unit's moves, ascending.
    of_unit: BTreeMap<UnitId, Vec<usize>>,
    /// When the design changes, ascending.
    changes: Vec<Time>,
    /// The engines between changes, as far as they were asked for.
    epochs: RefCell<BTreeMap<usize, Rc<Epoch>>>,
    failed: RefCell<Option<CampaignError>>,
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
    /// When each point knows of it, in the order of the design.
    pub known: Vec<Time>,
}

/// The design between two changes, compiled.
pub(super) struct Epoch {
    pub(super) design: Design,
    pub(super) now: Enforcement,
    /// The same where every point knows of all moves; `None` if all do.
    pub(super) informed: Option<Enforcement>,
}

impl<'a> Moves<'a> {
    /// Those of a design; `None` if nothing ever moves.
    pub(super) fn new(design: &'a Design, horizon: Duration) -> Result<Option<Self>, CampaignError> {
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
                let [declared @ Interface { address: Address::Known(address), shared: false, .. }] =
                    held.interfaces.as_slice()
                else {
                    return Err(wrong("has not just one address, known and its own: leave it out of `moves`"));
                };
                expected += match &of.times {
                    MoveTimes::Every(0) => return Err(wrong("moves all the time: give a mean time above zero")),
                    MoveTimes::Every(mean) => horizon.as_nanos() as f64 / *mean as f64,
                    MoveTimes::At(times) => times.len() as f64,
                };
                let family = Family::of(*address);
                if of.to.is_empty() || of.to.iter().any(|to| room(&to.addresses, family) <= design.units().len() as u64)
                {
                    return Err(wrong("moves to fewer addresses than there are units, or to those of another family"));
                }
                let mover = Mover { unit, name: Name::new(&held.name), of, declared };
                if movers.insert(unit, mover).is_some() {
                    return Err(wrong("moves in two ways: name it in one of `moves`"));
                }
            }
        }
        if let Some(mover) = movers.values().next().filter(|_| expected > MOVES_MAX) {
            let unit = design.unit(mover.unit).name.clone();
            let problem = "and others move more often than is simulated: give longer times between moves";
            return Err(CampaignError::Moves { design: design.name().to_owned(), unit, problem });
        }
        if movers.is_empty() {
            return Ok(None);
        }
        let points = design.points().iter().map(|point| Learner {
            name: Name::new(&point.name),
            delay: Duration::from_nanos(point.operation.update_mean_ns),
            by_address: is_by_address(design.rulebook(point.rulebook)),
            follows_instances: point.kind == PointKind::Cloud && matches!(point.placement, Placement::Units(_)),
        });
        let points = points.collect();
        let movers = movers.into_values().collect();
        Ok(Some(Self { design, movers, points, horizon: horizon.after_start() }))
    }

    /// Those of the replica of these draws.
    pub(super) fn in_replica(&'a self, draws: Draws) -> Itinerary<'a> {
        let mut due: Vec<(Time, &Mover<'a>, u32)> = Vec::new();
        for mover in &self.movers {
            let times = self.times(mover, draws);
            due.extend((0u32..).zip(times).map(|(number, at)| (at, mover, number)));
        }
        due.sort_by_key(|(at, mover, number)| (*at, mover.unit, *number));
        let mut held = BTreeSet::new();
        for interface in self.design.units().iter().flat_map(|unit| &unit.interfaces) {
            if let Address::Known(address) = interface.address {
                held.insert((interface.space.as_str(), address));
            }
        }
        let mut made: Vec<Move> = Vec::new();
        let mut of_unit: BTreeMap<UnitId, Vec<usize>> = BTreeMap::new();
        let mut led: BTreeMap<UnitId, usize> = BTreeMap::new();
        for (at, mover, number) in due {
            let positions = of_unit.entry(mover.unit).or_default();
            let before =
                positions.last().and_then(|&last| made.get(last)).map_or(mover.declared, |last| &last.interface);
            let mut draw = draws.at(DESTINATION, mover.name, Name::NONE, Technique::NONE, number);
            let last = led.get(&mover.unit).filter(|_| mover.of.to.len() > 1).copied();
            let others = || (0..mover.of.to.len()).filter(|to| Some(*to) != last);
            let Some(to) = draw.choose(others().count()).and_then(|at| others().nth(at)) else { continue };
            let Some(there) = mover.of.to.get(to) else { continue };
            let Address::Known(old) = before.address else { continue };
            let space = mover.declared.space.as_str();
            let (family, taken) = (Family::of(old), |address: &IpAddr| held.contains(&(space, *address)));
            let all = usize::try_from(room(&there.addresses, family)).unwrap_or(usize::MAX);
            let Some(first) = draw.choose(all) else { continue };
            let Some(address) = nth_free(&there.addresses, family, first as u64, taken) else { continue };
            held.remove(&(space, old));
            held.insert((space, address));
            led.insert(mover.unit, to);
            let mut interface = Interface { address: Address::Known(address), ..before.clone() };
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
            let known = self.points.iter().map(|point| {
                let mut draw = draws.at(UPDATE, point.name, mover.name, Technique::NONE, number);
                at.saturating_add(draw.exponential(point.delay))
            });
            let known = known.collect();
            positions.push(made.len());
            made.push(Move { at, unit: mover.unit, interface, known });
        }
        let learned = made.iter().flat_map(|one| one.known.iter().zip(&self.points));
        let learned = learned.filter(|(_, point)| point.by_address).map(|(at, _)| *at);
        let mut changes: Vec<Time> = made.iter().map(|one| one.at).chain(learned).collect();
        changes.sort_unstable();
        changes.dedup();
        Itinerary { moves: self, made, of_unit, changes, epochs: RefCell::default(), failed: RefCell::default() }
    }

    fn times(&self, mover: &Mover<'_>, draws: Draws) -> Vec<Time> {
        match &mover.of.times {
            MoveTimes::At(times) => {
                let mut times: Vec<Time> = times.iter().copied().map(Time::from_nanos).collect();
                times.sort_unstable();
                times.retain(|at| *at <= self.horizon);
                times
            }
            MoveTimes::Every(mean) => {
                let (mut times, mut now) = (Vec::new(), Time::START);
                for number in 0u32.. {
                    let mut draw = draws.at(MOVE, mover.name, Name::NONE, Technique::NONE, number);
                    now = now.saturating_add(draw.exponential(Duration::from_nanos(*mean)));
                    if now > self.horizon {
                        break;
                    }
                    times.push(now);
                }
                times
            }
        }
    }
}

impl Itinerary<'_> {
    /// All moves, in the order of time.
    pub(super) fn made(&self) -> &[Move] {
        &self.made
    }

    /// True if a point has not started yet at a unit that has moved.
    pub(super) fn awaits(&self, point: PointId, unit: Option<UnitId>, at: Time) -> bool {
        let follows = self.moves.points.get(point.0 as usize).is_some_and(|point| point.follows_instances);
        if !follows {
            return false;
        }
        let last = unit.and_then(|unit| self.last_move(unit, |one| one.at <= at));
        last.and_then(|one| one.known.get(point.0 as usize)).is_some_and(|known| at < *known)
    }

    /// The engines of an instant; `None` before anything has moved, or where one cannot be compiled.
    pub(super) fn epoch(&self, at: Time) -> Option<Rc<Epoch>> {
        let number = self.changes.partition_point(|change| *change <= at);
        let since = *self.changes.get(number.checked_sub(1)?)?;
        if let Some(known) = self.epochs.borrow().get(&number) {
            return Some(Rc::clone(known));
        }
        match self.compile(since) {
            Ok(epoch) => {
                let epoch = Rc::new(epoch);
                self.epochs.borrow_mut().insert(number, Rc::clone(&epoch));
                Some(epoch)
            }
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    /// Why an engine could not be compiled, if one could not.
    pub(super) fn failure(&self) -> Option<CampaignError> {
        self.failed.borrow().clone()
    }

    fn last_move(&self, unit: UnitId, is: impl Fn(&Move) -> bool) -> Option<&Move> {
        let positions = self.of_unit.get(&unit)?;
        positions.iter().rev().filter_map(|&at| self.made.get(at)).find(|one| is(one))
    }

    fn compile(&self, at: Time) -> Result<Epoch, CampaignError> {
        let knows = |point: usize| move |one: &Move| one.known.get(point).is_none_or(|known| *known <= at);
        let is_stale = (self.moves.points.iter().enumerate()).filter(|(_, point)| point.by_address).any(|(id, _)| {
            self.of_unit.keys().any(|unit| {
                let (now, known) = (self.last_move(*unit, |one| one.at <= at), self.last_move(*unit, knows(id)));
                now.map(|one| one.at) != known.map(|one| one.at)
            })
        });
        let informed = |_: usize| move |one: &Move| one.at <= at;
        let (design, now) = self.enforcement(at, knows)?;
        let informed = if is_stale { Some(self.enforcement(at, informed)?.1) } else { None };
        Ok(Epoch { design, now, informed })
    }

    /// The enforcement of an instant, where points know of the moves that `knows` says.
    fn enforcement<K: Fn(&Move) -> bool>(
        &self,
        at: Time,
        knows: impl Fn(usize) -> K,
    ) -> Result<(Design, Enforcement), CampaignError> {
        let design = self.moves.design;
        let mut draft = Draft { needs: Vec::new(), properties: Vec::new(), stations: Vec::new(), ..design.to_draft() };
        for &unit in self.of_unit.keys() {
            let now = self.last_move(unit, |one| one.at <= at);
            if let (Some(now), Some(unit)) = (now, draft.units.get_mut(unit.index())) {
                unit.interfaces = vec![now.interface.clone()];
            }
        }
        let mut copies: BTreeMap<(RulebookId, Vec<(IpAddr, IpAddr)>), RulebookId> = BTreeMap::new();
        for (id, point) in draft.points.iter_mut().enumerate() {
            if !self.moves.points.get(id).is_some_and(|learner| learner.by_address) {
                continue;
            }
            let moved = self.moves.movers.iter().filter_map(|mover| {
                let known = self.last_move(mover.unit, knows(id))?;
                match (mover.declared.address, known.interface.address) {
                    (Address::Known(from), Address::Known(to)) => Some((from, to)),
                    _ => None,
                }
            });
            let moved: Vec<(IpAddr, IpAddr)> = moved.collect();
            if moved.is_empty() {
                continue;
            }
            let books = &mut draft.rulebooks;
            point.rulebook = *copies.entry((point.rulebook, moved)).or_insert_with_key(|(original, moved)| {
                let mut book = design.rulebook(*original).clone();
                book.name = format!("{} as {} has it", book.name, point.name);
                readdress(&mut book, moved);
                books.push(book);
                RulebookId(u32::try_from(books.len() - 1).unwrap_or(u32::MAX))
            });
        }
        // A design that holds together does so at other addresses that nobody else has.
        let now = Design::new(draft)
            .map_err(|_| self.refused("and others moved to where the design does not hold together"))?;
        let name = || design.name().to_owned();
        let enforcement = Enforcement::new(&now).map_err(|error| CampaignError::Compile { design: name(), error })?;
        Ok((now, enforcement))
    }

    fn refused(&self, problem: &'static str) -> CampaignError {
        let design = self.moves.design;
        let unit = self.made.first().map_or_else(String::new, |first| design.unit(first.unit).name.clone());
        CampaignError::Moves { design: design.name().to_owned(), unit, problem }
    }
}

/// Takes the addresses that units have moved to into the rules that were about them, and out of all others, and the
/// addresses that they have left out of all.
fn readdress(book: &mut Rulebook, moved: &[(IpAddr, IpAddr)]) {
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

fn is_by_address(book: &Rulebook) -> bool {
    let mut peers = book.tiers.iter().flat_map(|tier| &tier.rules).flat_map(|rule| [&rule.from, &rule.to]);
    peers.any(|peer| matches!(peer, Peer::Addresses { covers: Covers::All, .. }))
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
