//! What changes about a design in the course of a replica, and what enforcement points know of it: one timeline.
//!
//! [Units move](super::moves), and [releases](super::releases) bring rules and take others away. Whoever keeps the rules of a
//! point learns of either late, and until then the point judges by what it has: by an address that may be another unit's by
//! now, without the rules of an application that has changed, by rules that no need is left for. A cloud point at units starts
//! with each instance anew: a unit that has moved runs before its rules arrive.
//!
//! Between two changes, of the design or of what a point knows, the design is one design, and an engine is compiled for it:
//! every point by then with the rules that it has. What the same points would decide if policy were never late is asked of
//! another, to tell what is due to that.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

use seglab_policy::{Address, Design, Draft, Interface, PointId, RulebookId, UnitId};

use crate::kernel::{Draws, Duration, Time};

use super::CampaignError;
use super::distribution::Distribution;
use super::enforcement::Enforcement;
use super::moves::{Move, Movers, readdress};
use super::releases::{Releases, Rollout};
use super::replica::Delays;

/// The most changes that a replica expects: each may take an engine.
const CHANGES_MAX: f64 = 1_000.0;

/// What changes about a design, and the points that have to learn of it.
pub(super) struct Changes<'a> {
    design: &'a Design,
    movers: Movers<'a>,
    releases: Releases<'a>,
    distribution: Distribution,
    horizon: Time,
}

/// The changes of one replica.
pub(super) struct Timeline<'a> {
    of: &'a Changes<'a>,
    /// In the order of time.
    moves: Vec<Move>,
    /// The positions of each unit's moves, ascending.
    of_unit: BTreeMap<UnitId, Vec<usize>>,
    /// In the order of dates.
    rollouts: Vec<Rollout>,
    /// When the design changes, or what a point knows of it, ascending.
    times: Vec<Time>,
    /// The engines between changes, as far as they were asked for.
    epochs: RefCell<BTreeMap<usize, Rc<Epoch>>>,
    failed: RefCell<Option<CampaignError>>,
}

/// The design between two changes, compiled.
pub(super) struct Epoch {
    pub(super) design: Design,
    pub(super) now: Enforcement,
    /// The same if policy were never late; `None` if it is not.
    pub(super) in_time: Option<Enforcement>,
}

/// By what points judge.
#[derive(Clone, Copy)]
enum By {
    /// What each of them knows.
    Knowledge,
    /// What each would know if policy were never late.
    Right,
}

/// What has changed of one point's rules.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    /// The declared and the present address of each unit that has moved, as far as the rules are by address.
    moved: Vec<(IpAddr, IpAddr)>,
    /// Of the releases in the order of dates, those whose retired rules are out, and those whose own rules are in.
    released: Vec<(usize, bool, bool)>,
}

/// What happens next, while a timeline is drawn. Of what happens at one time moves come first, then releases in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A unit moves.
    Moved(usize),
    /// Rules that are written for a release are asked for, or the removal of those that go with it.
    Asked { release: usize, removal: bool },
    /// That is approved.
    Approved { release: usize, removal: bool },
}

impl<'a> Changes<'a> {
    /// Those of a design; `None` if nothing ever changes.
    pub(super) fn new(design: &'a Design, horizon: Duration) -> Result<Option<Self>, CampaignError> {
        let (movers, expected) = Movers::new(design, horizon)?;
        let releases = Releases::new(design)?;
        if expected + releases.changes() as f64 > CHANGES_MAX {
            return Err(CampaignError::Changes { design: design.name().to_owned(), most: CHANGES_MAX });
        }
        if movers.is_empty() && releases.is_empty() {
            return Ok(None);
        }
        let distribution = Distribution::new(design, horizon)?;
        Ok(Some(Self { design, movers, releases, distribution, horizon: horizon.after_start() }))
    }

    /// Those of the replica of these draws.
    pub(super) fn in_replica(&'a self, draws: Draws) -> Timeline<'a> {
        let mut moves = self.movers.in_replica(self.design, draws, self.horizon);
        let mut rollouts = self.releases.planned(self.horizon);
        let mut steps: BTreeSet<(Time, Step)> = BTreeSet::new();
        steps.extend(moves.iter().enumerate().map(|(at, one)| (one.at, Step::Moved(at))));
        for (release, rollout) in rollouts.iter().enumerate() {
            if self.releases.adds(release) {
                steps.insert((rollout.date, Step::Asked { release, removal: false }));
            }
            // Who is held up asks for the removal when nothing needs the old rules any more.
            if self.releases.retires(release) && rollout.live == rollout.date {
                steps.insert((rollout.live, Step::Asked { release, removal: true }));
            }
        }
        let mut channels = self.distribution.in_replica(draws);
        let mut reviewers = self.releases.reviewers();
        while let Some((now, step)) = steps.pop_first().filter(|(now, _)| *now <= self.horizon) {
            match step {
                Step::Moved(at) => {
                    let Some(one) = moves.get_mut(at) else { continue };
                    one.known = self.movers.known(one, now, &mut channels);
                }
                Step::Asked { release, removal } => {
                    let approved = self.releases.approved(release, removal, now, &mut reviewers, draws);
                    steps.insert((approved, Step::Approved { release, removal }));
                }
                Step::Approved { release, removal } => {
                    let Some(rollout) = rollouts.get_mut(release) else { continue };
                    let was_held_up = rollout.live == Time::MAX;
                    self.releases.bring(rollout, release, removal, now, &mut channels);
                    if was_held_up && self.releases.retires(release) {
                        steps.insert((rollout.live, Step::Asked { release, removal: true }));
                    }
                }
            }
        }
        Timeline::of(self, moves, rollouts)
    }
}

impl<'a> Timeline<'a> {
    fn of(changes: &'a Changes<'a>, moves: Vec<Move>, rollouts: Vec<Rollout>) -> Self {
        let mut of_unit: BTreeMap<UnitId, Vec<usize>> = BTreeMap::new();
        let mut times = Vec::new();
        for (position, one) in moves.iter().enumerate() {
            of_unit.entry(one.unit).or_default().push(position);
            times.push(one.at);
            times.extend(changes.movers.learned(one));
        }
        times.extend(rollouts.iter().flat_map(Rollout::times).filter(|at| *at <= changes.horizon));
        times.sort_unstable();
        times.dedup();
        Self { of: changes, moves, of_unit, rollouts, times, epochs: RefCell::default(), failed: RefCell::default() }
    }

    /// All moves, in the order of time.
    pub(super) fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// What became of each release, in the order of dates.
    pub(super) fn rollouts(&self) -> &[Rollout] {
        &self.rollouts
    }

    /// What releases had to wait for, and their rules; `None` without releases.
    pub(super) fn delays(&self) -> Option<Delays> {
        self.of.releases.delays(&self.rollouts, self.of.horizon)
    }

    /// True if the release at a position of the design has gone ahead.
    pub(super) fn is_live(&self, release: usize, at: Time) -> bool {
        self.rollouts.iter().any(|one| one.release == release && one.live <= at)
    }

    /// When units move to other hosts, or may have, ascending.
    pub(super) fn rehosted(&self) -> impl Iterator<Item = (Time, UnitId)> {
        self.moves.iter().filter(|_| self.changes_hosts()).map(|one| (one.at, one.unit))
    }

    /// True if units move to other hosts.
    pub(super) fn changes_hosts(&self) -> bool {
        self.of.movers.change_hosts()
    }

    /// What a unit runs on.
    pub(super) fn host_of(&self, unit: UnitId, at: Time) -> Option<UnitId> {
        self.last_move(unit, |one| one.at <= at).map_or(self.of.design.host_of(unit), |one| one.host)
    }

    /// True if a point has not started yet at a unit that has moved.
    pub(super) fn awaits(&self, point: PointId, unit: Option<UnitId>, at: Time) -> bool {
        if !self.of.movers.follows_instances(point) {
            return false;
        }
        let last = unit.and_then(|unit| self.last_move(unit, |one| one.at <= at));
        last.and_then(|one| one.known.get(point.0 as usize)).is_some_and(|known| at < *known)
    }

    /// The engines of an instant; `None` before anything has changed, or where one cannot be compiled.
    pub(super) fn epoch(&self, at: Time) -> Option<Rc<Epoch>> {
        let number = self.times.partition_point(|change| *change <= at);
        let since = *self.times.get(number.checked_sub(1)?)?;
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
        positions.iter().rev().filter_map(|&at| self.moves.get(at)).find(|one| is(one))
    }

    /// What has changed of a point's rules.
    fn known(&self, point: PointId, at: Time, by: By) -> Known {
        let has = |due: Time, known: &[Time]| match by {
            By::Knowledge => known.get(point.0 as usize).is_none_or(|known| *known <= at),
            By::Right => due <= at,
        };
        let mut known = Known::default();
        if self.of.movers.is_by_address(point) {
            known.moved.extend(self.of_unit.keys().filter_map(|&unit| {
                let last = self.last_move(unit, |one| has(one.at, &one.known))?;
                match (self.of.movers.declared(unit)?.address, last.interface.address) {
                    (Address::Known(from), Address::Known(to)) => Some((from, to)),
                    _ => None,
                }
            }));
        }
        for (position, rollout) in self.rollouts.iter().enumerate() {
            let changes = self.of.releases.of_book(position, self.of.design.point(point).rulebook);
            let out = changes.retired > 0 && has(rollout.live, &rollout.retired);
            let in_force = changes.added > 0 && has(rollout.due(), &rollout.added);
            if out || in_force {
                known.released.push((position, out, in_force));
            }
        }
        known
    }

    fn compile(&self, at: Time) -> Result<Epoch, CampaignError> {
        let design = self.of.design;
        let is_late =
            design.point_ids().any(|point| self.known(point, at, By::Knowledge) != self.known(point, at, By::Right));
        let (design, now) = self.enforcement(at, By::Knowledge)?;
        let in_time = if is_late { Some(self.enforcement(at, By::Right)?.1) } else { None };
        Ok(Epoch { design, now, in_time })
    }

    /// The enforcement of an instant.
    fn enforcement(&self, at: Time, by: By) -> Result<(Design, Enforcement), CampaignError> {
        let design = self.of.design;
        let mut draft = Draft {
            needs: Vec::new(),
            properties: Vec::new(),
            stations: Vec::new(),
            releases: Vec::new(),
            ..design.to_draft()
        };
        for &unit in self.of_unit.keys() {
            let now = self.last_move(unit, |one| one.at <= at);
            if let (Some(now), Some(unit)) = (now, draft.units.get_mut(unit.index())) {
                unit.interfaces = vec![now.interface.clone()];
                unit.host = now.host.map(|host| design.unit(host).name.clone());
            }
        }
        let mut copies: BTreeMap<(RulebookId, Known), RulebookId> = BTreeMap::new();
        for (id, point) in design.point_ids().zip(&mut draft.points) {
            let known = self.known(id, at, by);
            if known == Known::default() {
                continue;
            }
            let books = &mut draft.rulebooks;
            point.rulebook = *copies.entry((point.rulebook, known)).or_insert_with_key(|(original, known)| {
                let mut book = design.rulebook(*original).clone();
                book.name = format!("{} as {} has it", book.name, point.name);
                for &(position, out, in_force) in &known.released {
                    self.of.releases.apply(position, out, in_force, *original, &mut book);
                }
                readdress(&mut book, &known.moved);
                books.push(book);
                RulebookId(u32::try_from(books.len() - 1).unwrap_or(u32::MAX))
            });
        }
        // A design that holds together does so at other addresses that nobody else has, on other hosts, and with other rules.
        let refused = || CampaignError::Changed { design: design.name().to_owned() };
        let now = Design::new(draft).map_err(|_| refused())?;
        let name = || design.name().to_owned();
        let enforcement = Enforcement::new(&now).map_err(|error| CampaignError::Compile { design: name(), error })?;
        Ok((now, enforcement))
    }
}

/// The one interface of a unit that may move.
pub(super) fn only_interface(design: &Design, unit: UnitId) -> Option<&Interface> {
    match design.unit(unit).interfaces.as_slice() {
        [one @ Interface { address: Address::Known(_), shared: false, .. }] => Some(one),
        _ => None,
    }
}
