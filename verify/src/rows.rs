//! The rows of an attack's graph: whoever is taken or reached from some endpoint classes, as shared sets.
//!
//! What is common to the kinds of endpoint classes makes a set for each kind; the exceptions of an endpoint class
//! change it in a few places.

mod amend;

use crate::direct::{Arrives, Engine};
use crate::intern::HeaderId;
use crate::lateral::{Attack, Steps};
use crate::matrix::Matrix;
use crate::shared_set::Pool;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Pivot, Side};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What may be taken or reached, where, and by which headers (`None` for all).
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) bit: usize,
    pub(crate) endpoints: Rc<[u32]>,
    pub(crate) counts: Option<HeaderId>,
}

/// Makes rows, each once.
#[derive(Debug)]
pub(crate) struct Rows {
    outward: Halves,
    clients: Option<Halves>,
    known: FxHashMap<(bool, Rc<[u32]>), Steps>,
}

/// Connections in one direction, with the host left alone and with it owned.
#[derive(Debug)]
struct Halves {
    plain: Half,
    hosted: Half,
    /// The endpoint classes for which an owned host makes no difference.
    alike: FixedBitSet,
}

/// Connections in one direction under one assumption, as steps from the ends that are owned.
#[derive(Debug)]
struct Half {
    assume: Assume,
    /// True if connections are opened by whoever is owned.
    outward: bool,
    items: Rc<Vec<Item>>,
    /// The items at each endpoint class, by position.
    at: Vec<Vec<u32>>,
    /// The bits that stand at endpoint classes of a kind and are taken by the same headers.
    by_kind: Vec<(u32, Option<HeaderId>, Vec<usize>)>,
    /// The steps from each endpoint class, once they are known.
    rows: Vec<Option<Steps>>,
    /// The steps that are common to a kind of owned ends, and to whatever kinds are open, certainly and perhaps.
    common: Vec<Option<Steps>>,
    of_kinds: FxHashMap<(Vec<usize>, Vec<usize>), Steps>,
    width: usize,
}

impl Rows {
    /// Rows to the items, and for `either-way` to these clients; `width` is the number of bits.
    pub(crate) fn new(
        engine: &mut Engine<'_>,
        attack: Attack,
        items: Vec<Item>,
        clients: Vec<Item>,
        width: usize,
    ) -> Self {
        let outward = Halves::new(engine, attack, Side::Source, Rc::new(items), width);
        let clients = (attack.pivot == Pivot::EitherWay)
            .then(|| Halves::new(engine, attack, Side::Destination, Rc::new(clients), width));
        Self { outward, clients, known: FxHashMap::default() }
    }

    /// The steps from some endpoint classes of one owner.
    pub(crate) fn row(
        &mut self,
        engine: &mut Engine<'_>,
        pool: &mut Pool,
        from: &Rc<[u32]>,
        host_owned: bool,
    ) -> Steps {
        // Where one endpoint class makes the row there is nothing to remember besides that.
        if let ([endpoint], None) = (&from[..], &self.clients) {
            return self.outward.half(*endpoint, host_owned).row(engine, pool, *endpoint);
        }
        let key = (host_owned, Rc::clone(from));
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let mut steps = Steps::default();
        for halves in [Some(&mut self.outward), self.clients.as_mut()].into_iter().flatten() {
            for &endpoint in from.iter() {
                let more = halves.half(endpoint, host_owned).row(engine, pool, endpoint);
                steps = Steps {
                    certain: pool.union(steps.certain, more.certain),
                    possible: pool.union(steps.possible, more.possible),
                };
            }
        }
        self.known.insert(key, steps);
        steps
    }
}

impl Halves {
    /// The half that has the row from an endpoint class.
    fn half(&mut self, endpoint: u32, host_owned: bool) -> &mut Half {
        let differs = host_owned && !self.alike.contains(endpoint as usize);
        if differs { &mut self.hosted } else { &mut self.plain }
    }

    fn new(engine: &mut Engine<'_>, attack: Attack, owned: Side, items: Rc<Vec<Item>>, width: usize) -> Self {
        let outward = owned == Side::Source;
        let [plain, hosted] = [false, true].map(|host_owned| engine.matrix(attack.assume(owned, host_owned)));
        let alike = plain.crossing.alike(&hosted.crossing, outward);
        let [plain, hosted] = [(false, &plain), (true, &hosted)]
            .map(|(host_owned, matrix)| (attack.assume(owned, host_owned), matrix))
            .map(|(assume, matrix)| Half::new(engine, (assume, matrix), outward, Rc::clone(&items), width));
        Self { plain, hosted, alike }
    }
}

impl Half {
    fn new(
        engine: &Engine<'_>,
        (assume, matrix): (Assume, &Matrix),
        outward: bool,
        items: Rc<Vec<Item>>,
        width: usize,
    ) -> Self {
        let mut at: Vec<Vec<u32>> = vec![Vec::new(); engine.classes.endpoints.len()];
        let mut by_kind: BTreeMap<(u32, Option<HeaderId>), Vec<usize>> = BTreeMap::new();
        let kinds = if outward { &matrix.destinations } else { &matrix.sources };
        for (position, item) in (0u32..).zip(items.iter()) {
            for &endpoint in item.endpoints.iter() {
                at.get_mut(endpoint as usize).into_iter().for_each(|at| at.push(position));
                by_kind.entry((kinds.of(endpoint), item.counts)).or_default().push(item.bit);
            }
        }
        let own = if outward { &matrix.sources } else { &matrix.destinations };
        let common = vec![None; own.len()];
        let by_kind = by_kind.into_iter().map(|((kind, counts), bits)| (kind, counts, bits)).collect();
        let rows = vec![None; at.len()];
        Self { assume, outward, items, at, by_kind, rows, common, of_kinds: FxHashMap::default(), width }
    }

    /// The steps from one endpoint class.
    fn row(&mut self, engine: &mut Engine<'_>, pool: &mut Pool, owned: u32) -> Steps {
        if let Some(known) = self.rows.get(owned as usize).copied().flatten() {
            return known;
        }
        let matrix = engine.matrix(self.assume);
        let (kind, exceptions) = match self.outward {
            true => (matrix.sources.of(owned), engine.exceptions_from(&matrix, owned)),
            false if owned as usize >= engine.classes.endpoints.destinations() => return Steps::default(),
            false => (matrix.destinations.of(owned), engine.exceptions_to(&matrix, owned)),
        };
        let common = match self.common.get(kind as usize).copied().flatten() {
            Some(common) => common,
            None => self.fill(engine, pool, &matrix, kind),
        };
        let mut changes: Vec<(u32, (bool, bool))> = Vec::new();
        let items = Rc::clone(&self.items);
        for &(other, arrives) in exceptions {
            let usual = self.common(engine, &matrix, kind, other);
            for &position in self.at.get(other as usize).into_iter().flatten() {
                let Some(item) = items.get(position as usize) else { continue };
                let Ok(bit) = u32::try_from(item.bit) else { continue };
                let open = match &item.endpoints[..] {
                    [_] if engine.open(usual, item.counts) == engine.open(arrives, item.counts) => continue,
                    [_] => engine.open(arrives, item.counts),
                    others if self.outward => engine.opens(&[owned], others, item.counts, &matrix),
                    others => engine.opens(others, &[owned], item.counts, &matrix),
                };
                changes.push((bit, open));
            }
        }
        changes.sort_unstable();
        changes.dedup();
        let certain: Vec<(u32, bool)> = changes.iter().map(|&(bit, (certain, _))| (bit, certain)).collect();
        let certainly = pool.changed(common.certain, &certain);
        let is_doubtful = common.certain != common.possible || changes.iter().any(|(_, open)| open.0 != open.1);
        let possibly = match is_doubtful {
            true => {
                let possible: Vec<(u32, bool)> = changes.iter().map(|&(bit, (_, possible))| (bit, possible)).collect();
                pool.changed(common.possible, &possible)
            }
            false => certainly,
        };
        let steps = Steps { certain: certainly, possible: possibly };
        if let Some(row) = self.rows.get_mut(owned as usize) {
            *row = Some(steps);
        }
        steps
    }

    fn common(&self, engine: &mut Engine<'_>, matrix: &Matrix, owned: u32, other: u32) -> Arrives {
        match self.outward {
            true => engine.common(matrix, owned, matrix.destinations.of(other)),
            false => engine.common(matrix, matrix.sources.of(other), owned),
        }
    }

    /// The steps that are common to the endpoint classes of a kind.
    fn fill(&mut self, engine: &mut Engine<'_>, pool: &mut Pool, matrix: &Matrix, kind: u32) -> Steps {
        let (mut open, mut doubtful) = (Vec::new(), Vec::new());
        for (at, (other, counts, _)) in self.by_kind.iter().enumerate() {
            let (from, to) = if self.outward { (kind, *other) } else { (*other, kind) };
            let arrives = engine.common(matrix, from, to);
            match engine.open(arrives, *counts) {
                (true, _) => open.push(at),
                (false, true) => doubtful.push(at),
                (false, false) => {}
            }
        }
        // Kinds that rules of the same shape make have the same steps.
        let steps = match self.of_kinds.get(&(open.clone(), doubtful.clone())) {
            Some(&known) => known,
            None => {
                let steps = self.steps(pool, &open, &doubtful);
                self.of_kinds.insert((open, doubtful), steps);
                steps
            }
        };
        if let Some(known) = self.common.get_mut(kind as usize) {
            *known = Some(steps);
        }
        steps
    }

    /// The steps to everything at some kinds, by position, and to what is at others too, perhaps.
    fn steps(&self, pool: &mut Pool, open: &[usize], doubtful: &[usize]) -> Steps {
        let mut bits = FixedBitSet::with_capacity(self.width);
        let add = |at: &[usize], bits: &mut FixedBitSet| {
            let of_kinds = at.iter().filter_map(|&at| self.by_kind.get(at));
            of_kinds.flat_map(|(_, _, bits)| bits).for_each(|&bit| bits.insert(bit));
        };
        add(open, &mut bits);
        let certain = pool.of_bits(&bits);
        if doubtful.is_empty() {
            return Steps { certain, possible: certain };
        }
        add(doubtful, &mut bits);
        Steps { certain, possible: pool.of_bits(&bits) }
    }
}

impl Engine<'_> {
    /// Whether some header that counts certainly arrives, and whether one possibly does.
    pub(crate) fn open(&mut self, arrives: Arrives, counts: Option<HeaderId>) -> (bool, bool) {
        if arrives.possible == HeaderId::EMPTY {
            return (false, false);
        }
        let Some(counts) = counts else { return (arrives.certain != HeaderId::EMPTY, true) };
        let possible = self.sets.intersect(arrives.possible, counts);
        let certain = match arrives.certain == arrives.possible {
            true => possible,
            false => self.sets.intersect(arrives.certain, counts),
        };
        (certain, possible)
    }

    /// Whether some header that counts certainly passes between some of the endpoint classes, and whether one
    /// possibly does.
    pub(crate) fn opens(
        &mut self,
        from: &[u32],
        to: &[u32],
        counts: Option<HeaderId>,
        matrix: &Matrix,
    ) -> (bool, bool) {
        let mut opens = (false, false);
        for &source in from {
            for &destination in to {
                let arrives = self.arrives(matrix, source, destination);
                let (certain, possible) = self.open(arrives, counts);
                opens = (opens.0 || certain, opens.1 || possible);
                if opens.0 {
                    return (true, true);
                }
            }
        }
        opens
    }
}
