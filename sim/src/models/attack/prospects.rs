//! Which targets a unit could ever take: those to which a connection that enforcement lets through meets a weakness.
//!
//! Where enforcement stands as it does all the time, that does not change, and is found once for all replicas. All others are
//! *out of reach* of the unit, whatever happens: nothing can come of attempts at them but an alert. Assumed is what serves the
//! attacker most: every vulnerability is there, every point is void that trust lets be. What a credential opens comes to that
//! when the attacker first has it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use seglab_engine::EndpointClass;
use seglab_policy::{Assume, Connection, Design, Endpoint, Header, Pivot, Side, Strategy, UnitId};

use crate::kernel::{Agenda, ScheduleError, Time};

use super::super::Search;
use super::super::enforcement::Enforcement;
use super::super::network::{Reach, Target, accepts, weak_spots};
use super::super::scan::Visit;
use super::{Attack, Board, Event, Offence, Owned};

/// A unit is contained that could take no more targets than this, or than one in so many; and in any case no more than half of
/// them. From others there is little to thin.
const PROSPECTS_MAX: usize = 64;
const ONE_IN: usize = 32;

/// The prospects of all units, found when they are first asked for.
pub(in super::super) struct Prospects {
    /// Units of the same kind share them, but for what runs on them, or they on.
    kinds: Vec<Kind>,
    kind_of: Vec<u32>,
}

struct Kind {
    /// The first unit of the kind, which stands for all.
    first: UnitId,
    /// Positions in the reach of the units, ascending; `None` if they are too many.
    targets: OnceLock<Option<Box<[u32]>>>,
}

impl Prospects {
    /// Those of an attacker, on a design that never changes; `None` where a strategy depends on every single visit.
    pub(in super::super) fn new(design: &Design, enforcement: &Enforcement, offence: &Offence) -> Option<Self> {
        let steady = matches!(offence.strategy, Strategy::Worm | Strategy::Targeted | Strategy::Ransomware { .. });
        if !steady || offence.search != Search::OneService || offence.conduct.takes_controllers {
            return None;
        }
        let mut numbers: BTreeMap<Vec<[Option<EndpointClass>; 2]>, u32> = BTreeMap::new();
        let mut kinds = Vec::new();
        let kind_of = design.unit_ids().zip(design.units()).map(|(unit, held)| {
            let endpoints = (0u16..).zip(&held.interfaces).map(|(interface, _)| Endpoint::Unit { unit, interface });
            let classes = endpoints.map(|endpoint| enforcement.classes_of(endpoint)).collect();
            *numbers.entry(classes).or_insert_with(|| {
                kinds.push(Kind { first: unit, targets: OnceLock::new() });
                kinds.len() as u32 - 1
            })
        });
        let kind_of = kind_of.collect();
        Some(Self { kinds, kind_of })
    }

    /// The positions in the reach of a unit of the targets that it could take without any credential, ascending; `None` if they
    /// are many.
    fn of(&self, unit: UnitId, board: Board<'_>) -> Option<&[u32]> {
        let kind = self.kinds.get(*self.kind_of.get(unit.index())? as usize)?;
        kind.targets.get_or_init(|| Outlook { unit: kind.first, board }.free()).as_deref()
    }
}

/// What a unit could take.
struct Outlook<'a> {
    unit: UnitId,
    board: Board<'a>,
}

impl Outlook<'_> {
    /// Targets that need no credential, unless they are many.
    fn free(&self) -> Option<Box<[u32]>> {
        let Board { network, offence, .. } = self.board;
        let reach = network.reach(self.unit)?;
        let targets = self.board.probed_among(reach).len();
        let most = PROSPECTS_MAX.max(targets / ONE_IN).min(targets / 2);
        let candidates = if offence.pivot == Pivot::Exploitable { &reach.vulnerable } else { &reach.can_fall };
        let counts = |to: &Target| self.is_neighbour(to.unit) || self.could_take(*to, reach);
        let free = candidates.iter().copied().filter(|&at| reach.targets.get(at as usize).is_some_and(counts));
        let free: Vec<u32> = free.take(most + 1).collect();
        (free.len() <= most).then_some(free.into_boxed_slice())
    }

    /// True of a unit that runs on this one, or that this one runs on: what is decided between them is true of them alone.
    fn is_neighbour(&self, other: UnitId) -> bool {
        let design = self.board.network.design;
        design.host_of(self.unit) == Some(other) || design.host_of(other) == Some(self.unit)
    }

    /// The interfaces of such units.
    fn neighbours(&self) -> impl Iterator<Item = u32> {
        let network = self.board.network;
        let units = network.design.host_of(self.unit).into_iter().chain(network.guests(self.unit).iter().copied());
        let reach = network.reach(self.unit);
        let can_fall = move |position: &u32| reach.is_some_and(|reach| reach.can_fall.binary_search(position).is_ok());
        units.filter_map(move |unit| Some(reach?.of(unit))).flatten().map(|(position, _)| position).filter(can_fall)
    }

    /// Targets where a credential opens a service.
    fn with(&self, credential: u32) -> Vec<(u32, Target)> {
        let network = self.board.network;
        let Some(reach) = network.reach(self.unit) else { return Vec::new() };
        let takers = network.takers(credential).iter().flat_map(|&unit| reach.of(unit));
        let opens = |(_, target): &(u32, Target)| {
            let unit = network.design.unit(target.unit);
            let mut logins =
                unit.logins.iter().filter(|login| network.credential(&login.credential) == Some(credential));
            logins.any(|login| {
                let header = Header::to_port(login.protocol, login.port);
                accepts(unit, login) && self.connects(*target, header, false)
            })
        };
        takers.filter(opens).collect()
    }

    fn could_take(&self, target: Target, reach: &Reach) -> bool {
        let Board { network, offence, .. } = self.board;
        let unit = network.design.unit(target.unit);
        let connects = |header: &Header| self.connects(target, *header, false);
        match offence.pivot {
            Pivot::Any => reach.headers.iter().any(connects),
            Pivot::EitherWay => reach.headers.iter().any(|it| connects(it) || self.connects(target, *it, true)),
            Pivot::Service => reach.headers.iter().filter(|header| unit.listens_to(**header)).any(connects),
            Pivot::Exploitable => weak_spots(unit).any(|header| connects(&header)),
        }
    }

    /// True if a connection to a target gets through, or one from there if it is lured.
    fn connects(&self, target: Target, header: Header, lure: bool) -> bool {
        let Board { network, offence, enforcement, .. } = self.board;
        let side = if lure { Side::Destination } else { Side::Source };
        let assume = Assume { as_if_enforced: false, trust: offence.trust, owned: Some(side), host_owned: true };
        let there = Endpoint::Unit { unit: target.unit, interface: target.interface };
        network.interfaces_towards(self.unit, target).any(|interface| {
            let here = Endpoint::Unit { unit: self.unit, interface };
            let (source, destination) = if lure { (there, here) } else { (here, there) };
            let connection = Connection { source, destination, header };
            enforcement.at(Time::START).attempt(connection, assume).1.is_allowed()
        })
    }
}

impl Attack<'_> {
    /// The positions of targets that an owned unit could take without a credential; `None` where every visit is played.
    pub(super) fn free_prospects(&self, unit: UnitId) -> Option<&[u32]> {
        self.board.prospects.and_then(|prospects| prospects.of(unit, self.board))
    }

    /// True if a target was a prospect of an owned unit at an instant.
    pub(super) fn is_prospect(&self, owned: &Owned, position: u32, at: Time) -> bool {
        let is_free = self.free_prospects(owned.unit).is_none_or(|free| free.binary_search(&position).is_ok());
        is_free || owned.opened.get(&position).is_some_and(|since| *since <= at)
    }

    /// What a unit could take from the moment at which it is owned, beside what all units of its kind could.
    pub(super) fn look_around(&mut self, number: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let Some(owned) = self.owned.get(number as usize) else { return Ok(()) };
        if self.free_prospects(owned.unit).is_none() {
            return Ok(());
        }
        let outlook = Outlook { unit: owned.unit, board: self.board };
        let neighbours: Vec<u32> =
            outlook.neighbours().filter(|position| !self.is_prospect(owned, *position, agenda.now())).collect();
        if let Some(owned) = self.owned.get_mut(number as usize) {
            owned.opened.extend(neighbours.into_iter().map(|position| (position, agenda.now())));
        }
        let known = self.keys.known().to_vec();
        known.into_iter().try_for_each(|credential| self.open_to(number, credential, agenda))
    }

    /// A credential that the attacker did not have before opens services to owned units.
    pub(super) fn open_services(&mut self, credential: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        if self.board.prospects.is_some() {
            for number in 0..self.owned.len() as u32 {
                self.open_to(number, credential, agenda)?;
            }
        }
        Ok(())
    }

    /// The same for one of them.
    fn open_to(&mut self, number: u32, credential: u32, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        let (board, now) = (self.board, agenda.now());
        let owned = self.at_work(number).filter(|owned| self.free_prospects(owned.unit).is_some());
        let Some(owned) = owned else { return Ok(()) };
        let mut opened = Outlook { unit: owned.unit, board }.with(credential);
        opened.retain(|(position, _)| !self.is_prospect(owned, *position, now));
        if opened.is_empty() {
            return Ok(());
        }
        let scan = &board.offence.scan;
        let window = scan.window_at(owned.taken, now);
        // Of the window that is open already, the rest.
        let mut visits = Vec::new();
        if window < owned.windows || owned.is_idle {
            let times = (scan.opens(owned.taken, window), agenda.horizon());
            visits = scan.visits(board.draws, board.network.name(owned.unit), times, window, opened.iter().copied());
            visits.retain(|visit| visit.at > now);
        }
        let Some(owned) = self.owned.get_mut(number as usize) else { return Ok(()) };
        owned.opened.extend(opened.into_iter().map(|(position, _)| (position, now)));
        let was_idle = std::mem::take(&mut owned.is_idle);
        if was_idle {
            owned.windows = window + 1;
        }
        for Visit { at, target, number: visit } in visits {
            agenda.schedule_at(at, Event::LateVisit { owned: number, target, visit })?;
        }
        if was_idle { self.schedule_next(number, agenda) } else { Ok(()) }
    }
}
