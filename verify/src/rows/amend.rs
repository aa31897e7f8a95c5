//! Rows after edits: what is made anew, and what of a row changes in one place.

use super::{Half, Halves, Item, Rows};
use crate::direct::Engine;
use crate::lateral::Steps;
use crate::shared_set::{Pool, SetId};
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use std::rc::Rc;

impl Rows {
    /// Forgets the steps from endpoint classes whose rules were edited: these as sources, and those as destinations.
    /// Whoever is there has to be [forgotten](Rows::forget_owner), too.
    pub(crate) fn forget(&mut self, sources: &FixedBitSet, destinations: &FixedBitSet) {
        self.outward.forget(sources);
        if let Some(clients) = &mut self.clients {
            clients.forget(destinations);
        }
    }

    /// Forgets the steps of an owner of such endpoint classes.
    pub(crate) fn forget_owner(&mut self, from: &Rc<[u32]>) {
        for host_owned in [false, true] {
            self.known.remove(&(host_owned, Rc::clone(from)));
        }
    }

    /// Every set that is kept.
    pub(crate) fn each(&mut self, take: &mut impl FnMut(&mut Steps)) {
        // What was put together from others can be put together again.
        self.known.clear();
        for halves in [Some(&mut self.outward), self.clients.as_mut()].into_iter().flatten() {
            for half in [&mut halves.plain, &mut halves.hosted] {
                half.of_kinds.clear();
                half.rows.iter_mut().chain(&mut half.common).flatten().for_each(&mut *take);
            }
        }
    }

    /// Moves the items of these bits from an endpoint class to another that was vacant and is alike in everything; all
    /// endpoint classes of their owner are `ends` now.
    pub(crate) fn split(&mut self, (class, other): (u32, u32), ends: &Rc<[u32]>, is_of: impl Fn(usize) -> bool) {
        for halves in [Some(&mut self.outward), self.clients.as_mut()].into_iter().flatten() {
            halves.alike.set(other as usize, halves.alike.contains(class as usize));
            for half in [&mut halves.plain, &mut halves.hosted] {
                half.split((class, other), ends, &is_of);
            }
        }
    }

    /// Takes endpoint classes over that were made, each from another, and those that nobody is of any more.
    pub(crate) fn stand(&mut self, made: &[(u32, u32)], deserted: &[u32]) {
        for halves in [Some(&mut self.outward), self.clients.as_mut()].into_iter().flatten() {
            for &(end, template) in made {
                halves.alike.set(end as usize, halves.alike.contains(template as usize));
            }
            let ends = made.iter().map(|(end, _)| end).chain(deserted).map(|&end| end as usize);
            let mut changed = FixedBitSet::with_capacity(halves.alike.len());
            changed.extend(ends);
            halves.forget(&changed);
        }
    }

    /// Exchanges what a bit stands for: what may be taken or reached there, and who may fall as a client. Marks the
    /// endpoint classes whose rows change or are not known.
    pub(crate) fn replace(
        &mut self,
        engine: &mut Engine<'_>,
        pool: &mut Pool,
        (bit, item, client): (usize, Option<Item>, Option<Item>),
        touched: &mut FixedBitSet,
    ) {
        let halves = [(Some(&mut self.outward), item), (self.clients.as_mut(), client)];
        for (halves, item) in halves.into_iter().filter_map(|(halves, item)| Some((halves?, item))) {
            halves.plain.replace(engine, pool, (bit, item.as_ref()), touched);
            let mut of_hosted = FixedBitSet::with_capacity(touched.len());
            halves.hosted.replace(engine, pool, (bit, item.as_ref()), &mut of_hosted);
            // The others have no row of their own where the host is owned.
            of_hosted.difference_with(&halves.alike);
            touched.union_with(&of_hosted);
        }
    }
}

impl Halves {
    fn forget(&mut self, owned: &FixedBitSet) {
        for half in [&mut self.plain, &mut self.hosted] {
            owned.ones().for_each(|endpoint| half.rows.get_mut(endpoint).into_iter().for_each(|row| *row = None));
        }
    }
}

impl Half {
    fn split(&mut self, (class, other): (u32, u32), ends: &Rc<[u32]>, is_of: &impl Fn(usize) -> bool) {
        let Some(positions) = self.at.get_mut(class as usize) else { return };
        let bit = |position: u32| self.items.get(position as usize).map(|item| item.bit);
        let (moved, stay) = positions.iter().partition(|&&position| bit(position).is_some_and(is_of));
        *positions = stay;
        for &position in &moved {
            let item = Rc::make_mut(&mut self.items).get_mut(position as usize);
            item.into_iter().for_each(|item| item.endpoints = Rc::clone(ends));
        }
        self.at.get_mut(other as usize).into_iter().for_each(|at| at.clone_from(&moved));
        self.rows.get_mut(other as usize).into_iter().for_each(|row| *row = None);
    }

    fn replace(
        &mut self,
        engine: &mut Engine<'_>,
        pool: &mut Pool,
        (bit, item): (usize, Option<&Item>),
        touched: &mut FixedBitSet,
    ) {
        let matrix = engine.matrix(self.assume);
        self.take_out(bit);
        let kinds = if self.outward { &matrix.destinations } else { &matrix.sources };
        if let Some(item) = item {
            self.put_in(item, |end| kinds.of(end));
        }
        let mut put = Put { number: u32::try_from(bit).unwrap_or(u32::MAX), known: FxHashMap::default() };
        for own in 0..u32::try_from(self.common.len()).unwrap_or(u32::MAX) {
            let Some(steps) = self.common.get(own as usize).copied().flatten() else { continue };
            let mut open = (false, false);
            for &end in item.iter().flat_map(|item| item.endpoints.iter()) {
                let arrives = match self.outward {
                    true => engine.common(&matrix, own, kinds.of(end)),
                    false => engine.common(&matrix, kinds.of(end), own),
                };
                let (certain, possible) = engine.open(arrives, item.and_then(|item| item.counts));
                open = (open.0 || certain, open.1 || possible);
            }
            let steps = put.bit(pool, steps, open);
            self.common.get_mut(own as usize).into_iter().for_each(|known| *known = Some(steps));
        }
        for owned in 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX) {
            let Some(steps) = self.rows.get(owned as usize).copied().flatten() else {
                touched.insert(owned as usize);
                continue;
            };
            let open = match item {
                Some(item) if self.outward => engine.opens(&[owned], &item.endpoints, item.counts, &matrix),
                Some(item) => engine.opens(&item.endpoints, &[owned], item.counts, &matrix),
                None => (false, false),
            };
            let after = put.bit(pool, steps, open);
            if after != steps {
                touched.insert(owned as usize);
                self.rows.get_mut(owned as usize).into_iter().for_each(|known| *known = Some(after));
            }
        }
    }

    /// Takes out what a bit stands for.
    fn take_out(&mut self, bit: usize) {
        self.of_kinds.clear();
        self.by_kind.iter_mut().for_each(|(_, _, bits)| bits.retain(|known| *known != bit));
        let Some(position) = self.items.iter().position(|item| item.bit == bit) else { return };
        let Some(item) = Rc::make_mut(&mut self.items).get_mut(position) else { return };
        let ends = std::mem::replace(&mut item.endpoints, Rc::from([]));
        for &end in ends.iter() {
            let at = self.at.get_mut(end as usize);
            at.into_iter().for_each(|at| at.retain(|known| *known as usize != position));
        }
    }

    /// Puts in what a bit stands for that stood for nothing; endpoint classes are of these kinds.
    fn put_in(&mut self, item: &Item, kind: impl Fn(u32) -> u32) {
        let items = Rc::make_mut(&mut self.items);
        let position = items.iter().position(|known| known.bit == item.bit).unwrap_or(items.len());
        match items.get_mut(position) {
            Some(known) => known.clone_from(item),
            None => items.push(item.clone()),
        }
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        for &end in item.endpoints.iter() {
            self.at.get_mut(end as usize).into_iter().for_each(|at| at.push(position));
            let (kind, counts) = (kind(end), item.counts);
            match self.by_kind.iter_mut().find(|(known, theirs, _)| (*known, *theirs) == (kind, counts)) {
                Some((_, _, bits)) => bits.push(item.bit),
                None => self.by_kind.push((kind, counts, vec![item.bit])),
            }
        }
    }
}

/// Puts a bit into sets, or takes it out.
struct Put {
    number: u32,
    known: FxHashMap<(SetId, bool), SetId>,
}

impl Put {
    fn bit(&mut self, pool: &mut Pool, steps: Steps, (certain, possible): (bool, bool)) -> Steps {
        let bit = self.number;
        let mut put = |set: SetId, member: bool| {
            *self.known.entry((set, member)).or_insert_with(|| pool.changed(set, &[(bit, member)]))
        };
        Steps { certain: put(steps.certain, certain), possible: put(steps.possible, possible) }
    }
}
