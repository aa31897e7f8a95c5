//! The graph of an attack after edits: steps worked out anew from wherever they may have changed.
//!
//! A class that has come, gone or changed is an item of every row: its bit is set or cleared row by row, by what arrives
//! at its endpoint classes from each other, and nothing else of a row is looked at. Rows from endpoint classes that edited
//! rules speak of are made anew. Whoever owns a host owns what runs on it, so that other guests are other steps of the
//! host, too.

use super::{Graph, LoginNode, Origin, Steps};
use crate::classes::ClassId;
use crate::direct::{Engine, Rehoused};
use crate::intern::HeaderId;
use crate::judge::Dirty;
use crate::rows::{Item, Rows};
use crate::shared_set::{Compact, SetId};
use fixedbitset::FixedBitSet;
use seglab_policy::Pivot;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An origin from which other steps can be taken than before. The steps of a host are also those to its guests, and from
/// them, where its guests are others than before; such a host is named even if all these together are what they were, for
/// without some of its guests they may not be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) origin: Origin,
    pub(crate) before: Steps,
    pub(crate) after: Steps,
    /// Steps to guests, and from them, are among these.
    pub(crate) with_guests: bool,
}

impl Graph {
    /// Works the steps out anew from wherever edited rules, or units that have come, gone or changed, may have changed
    /// them; `None`, and the graph is of no use any more, if there is no room for what has come.
    pub(crate) fn amend(
        &mut self,
        engine: &mut Engine<'_>,
        rows: &mut Rows,
        (dirty, rehoused): (&Dirty, &Rehoused),
    ) -> Option<Vec<Moved>> {
        let lords = self.lords(rehoused);
        let before: Vec<Steps> = lords.iter().map(|&host| self.with_guests(host)).collect();
        let mut touched = FixedBitSet::with_capacity(engine.classes.endpoints.len());
        if !rehoused.is_none() {
            self.rehouse(engine, rows, rehoused, &mut touched)?;
        }
        let endpoints = engine.classes.endpoints.len();
        let (sources, destinations) = (dirty.side(true, endpoints), dirty.side(false, endpoints));
        rows.forget(&sources, &destinations);
        touched.union_with(&sources);
        if self.attack.pivot == Pivot::EitherWay {
            touched.union_with(&destinations);
        }
        let origins = self.origins_at(engine, &touched, rehoused);
        origins.iter().for_each(|(_, from)| rows.forget_owner(from));
        let mut moved = Vec::new();
        for (origin, from) in origins {
            let hosted = matches!(origin, Origin::Unit(_, true));
            let (before, after) = (self.steps(origin), rows.row(engine, &mut self.pool, &from, hosted));
            if before != after {
                self.set_steps(origin, after);
                moved.push(Moved { origin, before, after, with_guests: false });
            }
        }
        self.guests_come_and_go(&mut moved, (&lords, &before), rehoused);
        self.is_doubtful = self.has_doubt();
        Some(moved)
    }

    /// Keeps the sets that are somebody's steps, and no others.
    pub(crate) fn compact(&mut self, rows: &mut Rows) {
        let mut compact = Compact::new(&self.pool);
        let mut take = |steps: &mut Steps| {
            *steps = Steps { certain: compact.take(steps.certain), possible: compact.take(steps.possible) };
        };
        let all = self.plain.iter_mut().chain(&mut self.hosted).chain(&mut self.outside);
        all.chain(self.sources.values_mut()).for_each(&mut take);
        rows.each(&mut take);
        self.pool = compact.finish();
    }

    /// Everybody who stands at one of these endpoint classes, or who has moved, with where they stand.
    fn origins_at(&self, engine: &Engine<'_>, touched: &FixedBitSet, rehoused: &Rehoused) -> Vec<(Origin, Rc<[u32]>)> {
        let is_touched = |from: &[u32]| from.iter().any(|&endpoint| touched.contains(endpoint as usize));
        let mut origins: Vec<(Origin, Rc<[u32]>)> = Vec::new();
        let mut guests = FixedBitSet::with_capacity(self.classes);
        guests.extend(self.guests.iter().flatten().map(|guest| guest.index()));
        for class in engine.classes.ids() {
            let from = engine.endpoints_of(class);
            if is_touched(&from) || rehoused.founded.contains(&class) {
                let is_guest = guests.contains(class.index());
                origins.extend(is_guest.then(|| (Origin::Unit(class, true), Rc::clone(&from))));
                origins.push((Origin::Unit(class, false), from));
            }
        }
        let externals = engine.classes.endpoints.externals().filter(|&external| is_touched(&[external]));
        origins.extend(externals.map(|external| (Origin::External(external), Rc::from([external]))));
        for source in engine.classes.endpoints.whole_sources() {
            let from: Rc<[u32]> = engine.classes.endpoints.of_source(source).into();
            if is_touched(&from) {
                origins.push((Origin::Source(source), from));
            }
        }
        origins
    }

    /// Follows a class from an endpoint class to another that was vacant and is alike in everything.
    pub(crate) fn split(&self, engine: &Engine<'_>, rows: &mut Rows, (class, from, to): (ClassId, u32, u32)) {
        let logins = self.logins.iter().enumerate().filter(|(_, login)| login.class == class);
        let logins: Vec<usize> = logins.map(|(at, _)| self.login_bit(at)).collect();
        let is_of = |bit: usize| bit == class.index() || logins.contains(&bit);
        rows.split((from, to), &engine.endpoints_of(class), is_of);
    }

    /// Takes units over that have come, gone or changed; marks the endpoint classes from which other steps are taken.
    fn rehouse(
        &mut self,
        engine: &mut Engine<'_>,
        rows: &mut Rows,
        rehoused: &Rehoused,
        touched: &mut FixedBitSet,
    ) -> Option<()> {
        self.sizes = engine.classes.numbers().map(|class| engine.classes.members(class).len()).collect();
        for guests in &mut self.guests {
            guests.retain(|guest| !rehoused.founded.contains(guest) && !rehoused.vacated.contains(guest));
        }
        for &(guest, host) in &rehoused.hosts {
            let guests = self.guests.get_mut(host.index())?;
            guests.insert(guests.partition_point(|known| *known < guest), guest);
        }
        rows.stand(&rehoused.made, &rehoused.deserted);
        let classes: BTreeSet<ClassId> = rehoused.founded.union(&rehoused.vacated).copied().collect();
        for &class in &classes {
            let (bit, endpoints) = (class.index(), engine.endpoints_of(class));
            let item = |counts| Item { bit, endpoints: Rc::clone(&endpoints), counts };
            let is_there = !endpoints.is_empty();
            let counts = if is_there { engine.taken_by(class, self.attack) } else { None };
            let target = (is_there && counts != Some(HeaderId::EMPTY)).then(|| item(counts));
            let client = is_there.then(|| item(None));
            rows.replace(engine, &mut self.pool, (bit, target, client), touched);
            if self.attack.pivot == Pivot::Exploitable {
                self.log_in_anew(engine, rows, class, touched)?;
            }
        }
        // Nobody is there any more: what they could do is nobody's.
        for &class in &classes {
            self.set_steps(Origin::Unit(class, true), Steps::default());
            if rehoused.vacated.contains(&class) {
                self.set_steps(Origin::Unit(class, false), Steps::default());
            }
        }
        Some(())
    }

    /// Takes over which credentials the units of a class hold, and which they take; `None` if there is no room.
    fn log_in_anew(
        &mut self,
        engine: &mut Engine<'_>,
        rows: &mut Rows,
        class: ClassId,
        touched: &mut FixedBitSet,
    ) -> Option<()> {
        let held = self.credentials_of(engine, class);
        *self.held.get_mut(class.index())? = held;
        let before = self.logins.iter().enumerate().filter(|(_, login)| login.class == class).map(|(at, _)| at);
        let before: Vec<usize> = before.collect();
        for &at in &before {
            let login = std::mem::replace(self.logins.get_mut(at)?, LoginNode::VACANT);
            self.taking.get_mut(login.credential as usize)?.retain(|known| *known != at);
        }
        self.vacant_logins.extend(before.iter().rev());
        let mut changed: BTreeSet<usize> = before.into_iter().collect();
        let logins = self.logins_of(engine, class);
        self.taking.resize(self.credentials.len(), Vec::new());
        for (credential, counts) in logins {
            let at = self.vacant_logins.pop()?;
            *self.logins.get_mut(at)? = LoginNode { class, credential, counts };
            let taking = self.taking.get_mut(credential as usize)?;
            taking.insert(taking.partition_point(|known| *known < at), at);
            changed.insert(at);
        }
        for at in changed {
            let LoginNode { class, counts, .. } = *self.logins.get(at)?;
            let bit = self.login_bit(at);
            let item = || Item { bit, endpoints: engine.endpoints_of(class), counts: Some(counts) };
            let item = (counts != HeaderId::EMPTY).then(item);
            rows.replace(engine, &mut self.pool, (bit, item, None), touched);
        }
        Some(())
    }

    /// The hosts of classes that have come, gone or changed, and the hosts of these, before and now; ascending.
    fn lords(&self, rehoused: &Rehoused) -> Vec<ClassId> {
        if rehoused.founded.is_empty() && rehoused.vacated.is_empty() {
            return Vec::new();
        }
        let mut hosts: BTreeMap<ClassId, ClassId> = BTreeMap::new();
        for (host, guests) in (0u32..).map(ClassId).zip(&self.guests) {
            hosts.extend(guests.iter().map(|&guest| (guest, host)));
        }
        let mut lords = BTreeSet::new();
        let classes = rehoused.founded.union(&rehoused.vacated);
        let now = rehoused.hosts.iter().map(|(_, host)| *host);
        let mut ahead: Vec<ClassId> = classes.filter_map(|class| hosts.get(class).copied()).chain(now).collect();
        while let Some(host) = ahead.pop() {
            if lords.insert(host) {
                ahead.extend(hosts.get(&host));
                ahead.extend(rehoused.hosts.iter().filter(|(guest, _)| *guest == host).map(|(_, host)| *host));
            }
        }
        lords.into_iter().collect()
    }

    /// The steps of whoever owns a unit of a class, those to its guests and from these among them.
    fn with_guests(&mut self, class: ClassId) -> Steps {
        let mut all = self.steps(Origin::Unit(class, false));
        let (mut hosts, mut owned) = (vec![class], BTreeSet::new());
        while let Some(host) = hosts.pop() {
            for guest in self.guests(host).to_vec() {
                if owned.insert(guest.0) {
                    let theirs = self.steps(Origin::Unit(guest, true));
                    all.certain = self.pool.union(all.certain, theirs.certain);
                    all.possible = self.pool.union(all.possible, theirs.possible);
                    hosts.push(guest);
                }
            }
        }
        let owned: Vec<(u32, bool)> = owned.into_iter().map(|guest| (guest, true)).collect();
        let mut with = |set: SetId| self.pool.changed(set, &owned);
        Steps { certain: with(all.certain), possible: with(all.possible) }
    }

    /// Counts guests that have come or gone among the steps of their hosts, whose steps were these, guests included.
    fn guests_come_and_go(
        &mut self,
        moved: &mut Vec<Moved>,
        (lords, before): (&[ClassId], &[Steps]),
        rehoused: &Rehoused,
    ) {
        let is_counted = |origin: &Origin| match origin {
            Origin::Unit(class, false) => lords.binary_search(class).is_ok(),
            Origin::Unit(class, true) => rehoused.founded.contains(class),
            Origin::External(_) | Origin::Source(_) => false,
        };
        moved.retain(|moved| !is_counted(&moved.origin));
        for (&host, &before) in lords.iter().zip(before).filter(|(host, _)| !rehoused.vacated.contains(host)) {
            let (origin, after) = (Origin::Unit(host, false), self.with_guests(host));
            moved.push(Moved { origin, before, after, with_guests: true });
        }
    }

    fn set_steps(&mut self, origin: Origin, steps: Steps) {
        let known = match origin {
            Origin::Unit(class, false) => self.plain.get_mut(class.index()),
            Origin::Unit(class, true) => self.hosted.get_mut(class.index()),
            Origin::External(external) => self.outside.get_mut((external - self.first_external) as usize),
            Origin::Source(source) => self.sources.get_mut(&source),
        };
        known.into_iter().for_each(|known| *known = steps);
    }

    /// True if some steps are possible and not certain.
    pub(super) fn has_doubt(&self) -> bool {
        let mut all = self.plain.iter().chain(&self.hosted).chain(&self.outside).chain(self.sources.values());
        all.any(|steps| steps.certain != steps.possible)
    }
}
