//! Direct connections that differ, end by end.
//!
//! Each design's matrix is asked about the same two ends; what passes is put into one table for both designs, so that
//! equal cells have equal numbers and most pairs are dismissed by comparing two integers. Which pairs have to be
//! compared one by one is for [`kinds`](super::kinds) to say. Families are compared apart,
//! for a connection that is lost over IPv6 is lost, whatever IPv4 still carries; the interfaces of a unit are taken
//! together, for they have no names by which those of two designs could be matched.

use crate::difference::block::{Block, EndId, Rows};
use crate::difference::kinds;
use crate::difference::refinement::{Both, Refinement, Spaces, pick};
use crate::direct::{Answers, Arrives};
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use crate::matrix::Matrix;
use crate::reach::Verifier;
use crate::vocabulary::Interner;
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Connection, Evaluation, Family, Header, Reply, Transport, Verdict, View};
use std::rc::Rc;

/// What becomes of a connection in one design, worst for its sender first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It does not arrive, or one of its ends does not exist.
    #[default]
    Denied,
    /// Whether it arrives is unknown.
    Unknown,
    /// It is TCP and arrives, and its reply is stopped.
    OneWay,
    /// It is TCP and arrives, and whether its reply is stopped is unknown.
    ReplyUnknown,
    /// It arrives.
    Allowed,
}

impl State {
    /// Every state that is not [`State::Denied`].
    const PASSING: [State; 4] = [State::Unknown, State::OneWay, State::ReplyUnknown, State::Allowed];

    /// True if the connection certainly arrives.
    pub fn arrives(self) -> bool {
        self >= State::OneWay
    }

    /// True if it is not known, at least of the reply.
    fn is_unknown(self) -> bool {
        matches!(self, State::Unknown | State::ReplyUnknown)
    }

    /// What the reference evaluator says of a connection.
    pub fn of(connection: &Connection, evaluation: &Evaluation) -> Self {
        let tcp = matches!(connection.header, Header::Transport { protocol: Transport::Tcp, .. });
        match evaluation.verdict {
            Verdict::Denied(_) => State::Denied,
            Verdict::Unknown(_) => State::Unknown,
            Verdict::Allowed(Reply::Blocked) if tcp => State::OneWay,
            Verdict::Allowed(Reply::Unknown) if tcp => State::ReplyUnknown,
            Verdict::Allowed(_) => State::Allowed,
        }
    }
}

/// Connections that one design treats otherwise than the other, or of which neither knows enough to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectChange {
    /// What became of them in the old design.
    pub was: State,
    /// What becomes of them in the new one.
    pub is: State,
    /// Which connections.
    pub headers: HeaderSet,
    /// Over which address families; ICMP is among the headers of its own family only.
    pub families: Vec<Family>,
    /// Between whom.
    pub block: Block,
}

/// The headers that pass between two ends in one family: four sets without common members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Passing {
    unknown: HeaderId,
    one_way: HeaderId,
    reply_unknown: HeaderId,
    allowed: HeaderId,
}

impl Passing {
    fn of(&self, state: State) -> HeaderId {
        match state {
            State::Denied => HeaderId::EMPTY,
            State::Unknown => self.unknown,
            State::OneWay => self.one_way,
            State::ReplyUnknown => self.reply_unknown,
            State::Allowed => self.allowed,
        }
    }

    fn any(&self, sets: &mut HeaderSets) -> HeaderId {
        State::PASSING.into_iter().fold(HeaderId::EMPTY, |all, state| sets.union(all, self.of(state)))
    }

    /// What passes by either of two ways: of each header the better.
    fn join(self, other: Self, sets: &mut HeaderSets) -> Self {
        let mut joined = Passing::default();
        let mut better = HeaderId::EMPTY;
        for state in State::PASSING.into_iter().rev() {
            let either = sets.union(self.of(state), other.of(state));
            let rest = sets.difference(either, better);
            *match state {
                State::Denied | State::Unknown => &mut joined.unknown,
                State::OneWay => &mut joined.one_way,
                State::ReplyUnknown => &mut joined.reply_unknown,
                State::Allowed => &mut joined.allowed,
            } = rest;
            better = sets.union(better, either);
        }
        joined
    }
}

/// One way in which connections between two ends differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Transition {
    was: State,
    is: State,
    families: Both<bool>,
    headers: HeaderId,
}

/// What both designs let through between any two ends, under common numbers.
#[derive(Debug)]
pub(super) struct Table {
    sets: HeaderSets,
    cells: Interner<Both<Passing>>,
    transitions: Interner<Transition>,
    /// Lists of transitions, each by the numbers of these; the first is empty.
    lists: Interner<Vec<u32>>,
    between: FxHashMap<(u32, u32), u32>,
}

impl Table {
    fn new() -> Self {
        let (mut cells, mut lists) = (Interner::new(), Interner::new());
        cells.intern(<Both<Passing>>::default());
        lists.intern(Vec::new());
        Self { sets: HeaderSets::new(), cells, transitions: Interner::new(), lists, between: FxHashMap::default() }
    }

    /// The ways in which two cells differ whose list has a number.
    pub(super) fn ways(&self, list: u32) -> &[u32] {
        self.lists.values().get(list as usize).map_or(&[], Vec::as_slice)
    }

    /// The number of the list of ways in which the cells of two designs differ; 0 for none.
    pub(super) fn list(&mut self, [old, new]: Both<u32>) -> u32 {
        match (old, new) {
            (0, 0) => 0,
            (old, new) if old == new && !self.has_unknown(old) => 0,
            (old, new) => self.between(old, new),
        }
    }

    fn between(&mut self, old: u32, new: u32) -> u32 {
        if let Some(&known) = self.between.get(&(old, new)) {
            return known;
        }
        let cell =
            |cells: &Interner<Both<Passing>>, id: u32| cells.values().get(id as usize).copied().unwrap_or_default();
        let (before, after) = (cell(&self.cells, old), cell(&self.cells, new));
        let mut found = Vec::new();
        for (family, (before, after)) in Family::ALL.into_iter().zip(before.into_iter().zip(after)) {
            let families = Family::ALL.map(|known| known == family);
            for (was, is, headers) in self.in_family(before, after) {
                self.merge(&mut found, Transition { was, is, families, headers });
            }
        }
        found.sort_unstable();
        let found = found.into_iter().map(|one| self.transitions.intern(one)).collect();
        let list = self.lists.intern(found);
        self.between.insert((old, new), list);
        list
    }

    fn in_family(&mut self, before: Passing, after: Passing) -> Vec<(State, State, HeaderId)> {
        let sets = &mut self.sets;
        let (before_any, after_any) = (before.any(sets), after.any(sets));
        let mut found = Vec::new();
        for state in State::PASSING {
            found.push((State::Denied, state, sets.difference(after.of(state), before_any)));
            found.push((state, State::Denied, sets.difference(before.of(state), after_any)));
            for other in State::PASSING.into_iter().filter(|&other| other != state || state.is_unknown()) {
                found.push((state, other, sets.intersection(before.of(state), after.of(other))));
            }
        }
        found.retain(|(_, _, headers)| *headers != HeaderId::EMPTY);
        found
    }

    /// Adds what differs in a family; what differs alike in the other one but for ICMP, which is apart in header sets
    /// anyway, becomes one with it.
    fn merge(&mut self, found: &mut Vec<Transition>, one: Transition) {
        let plain = |sets: &HeaderSets, of: &Transition| sets.get(of.headers).without_icmp();
        let alike = found.iter_mut().find(|other| {
            (other.was, other.is) == (one.was, one.is) && plain(&self.sets, other) == plain(&self.sets, &one)
        });
        match alike {
            Some(other) => {
                let ([v4, v6], [other_v4, other_v6]) = (one.families, other.families);
                other.families = [v4 || other_v4, v6 || other_v6];
                other.headers = self.sets.union(other.headers, one.headers);
            }
            None => found.push(one),
        }
    }

    /// The cell of what passes by any of several ways.
    pub(super) fn join(&mut self, cells: &[u32]) -> u32 {
        let (mut both, mut all) = (<Both<Passing>>::default(), 0);
        for &one in cells {
            if one == 0 || one == all {
                continue;
            }
            let more = self.cells.values().get(one as usize).copied().unwrap_or_default();
            for (passing, more) in both.iter_mut().zip(more) {
                *passing = passing.join(more, &mut self.sets);
            }
            all = self.cells.intern(both);
        }
        all
    }

    fn has_unknown(&self, cell: u32) -> bool {
        let cell = self.cells.values().get(cell as usize).copied().unwrap_or_default();
        cell.iter().any(|passing| [passing.unknown, passing.reply_unknown] != [HeaderId::EMPTY; 2])
    }
}

/// One design's part in a comparison.
pub(super) struct Side<'r, 'a> {
    pub(super) verifier: &'r mut Verifier<'a>,
    pub(super) matrix: Rc<Matrix>,
    assume: Assume,
    spaces: &'r Spaces<'a>,
    /// The endpoint classes of every end; `None` for ends that the design lacks.
    pub(super) endpoints: Vec<Option<Rc<[u32]>>>,
    /// The headers that count at every end of units; `None` for all.
    pub(super) counts: Vec<Option<HeaderId>>,
    tcp: HeaderId,
    /// Cells by what arrives over one way, the headers that count, and the family.
    known: FxHashMap<(HeaderId, HeaderId, Option<HeaderId>, Family), u32>,
    /// Header sets of this design in the common table.
    translated: FxHashMap<HeaderId, HeaderId>,
}

impl<'r, 'a> Side<'r, 'a> {
    fn new(
        verifier: &'r mut Verifier<'a>,
        refinement: &'r Refinement<'a>,
        side: usize,
        assume: Assume,
        view: View,
    ) -> Self {
        let mut endpoints: Vec<Option<Rc<[u32]>>> = Vec::with_capacity(refinement.len());
        let mut counts = Vec::with_capacity(refinement.units.len());
        for end in &refinement.units {
            let class = end.class.get(side).copied().flatten();
            let (at, listened) = class.map(|class| verifier.engine.endpoints_of_listening(class, view)).unzip();
            endpoints.push(at);
            counts.push(listened.flatten());
        }
        endpoints.extend(refinement.addresses.iter().map(|end| end.class.get(side).map(|&class| Rc::from([class]))));
        endpoints.extend(refinement.sources.iter().map(|source| {
            let class = source.class.get(side).copied().flatten()?;
            Some(verifier.engine.classes.endpoints.of_source(class).into())
        }));
        let [old, new] = &refinement.spaces;
        let tcp = verifier.engine.sets.intern(HeaderSet::full().only_transport(Transport::Tcp));
        Self {
            matrix: verifier.engine.matrix(assume),
            assume,
            spaces: if side == 0 { old } else { new },
            endpoints,
            counts,
            tcp,
            known: FxHashMap::default(),
            translated: FxHashMap::default(),
            verifier,
        }
    }

    /// The cell of two ends.
    fn cell(&mut self, from: usize, to: usize, table: &mut Table) -> u32 {
        let ends = self.endpoints.get(from).zip(self.endpoints.get(to));
        let Some((Some(from), Some(onto))) = ends else { return 0 };
        let (from, onto) = (Rc::clone(from), Rc::clone(onto));
        self.cell_of(&from, &onto, self.counts.get(to).copied().flatten(), table)
    }

    fn cell_of(&mut self, from: &[u32], to: &[u32], counts: Option<HeaderId>, table: &mut Table) -> u32 {
        let mut cells = Vec::with_capacity(from.len() * to.len());
        for &source in from {
            for &destination in to {
                cells.push(self.one_way_cell(source, destination, counts, table));
            }
        }
        table.join(&cells)
    }

    /// The cell of two endpoint classes.
    fn one_way_cell(&mut self, source: u32, destination: u32, counts: Option<HeaderId>, table: &mut Table) -> u32 {
        let arrives = self.verifier.engine.arrives(&self.matrix, source, destination);
        let family = self.verifier.engine.classes.endpoints.get(source).family;
        if !self.verifier.engine.stateless {
            return self.unanswered(arrives, counts, family, table);
        }
        let answers = self.verifier.engine.answers(source, destination, arrives.certain, self.assume);
        self.passing(arrives, answers, (counts, family), table)
    }

    /// The cell of what arrives where nobody judges replies.
    pub(super) fn unanswered(
        &mut self,
        arrives: Arrives,
        counts: Option<HeaderId>,
        family: Family,
        table: &mut Table,
    ) -> u32 {
        let key = (arrives.certain, arrives.possible, counts, family);
        if arrives.possible == HeaderId::EMPTY {
            return 0;
        }
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let answers = Answers { blocked: HeaderId::EMPTY, unknown: HeaderId::EMPTY };
        let cell = self.passing(arrives, answers, (counts, family), table);
        self.known.insert(key, cell);
        cell
    }

    /// The cell of what arrives over one way, and of what becomes of the answers.
    fn passing(
        &mut self,
        arrives: Arrives,
        answers: Answers,
        (counts, family): (Option<HeaderId>, Family),
        table: &mut Table,
    ) -> u32 {
        let sets = &mut self.verifier.engine.sets;
        let counted = |set, sets: &mut HeaderSets| counts.map_or(set, |counts| sets.intersection(set, counts));
        let certain = counted(arrives.certain, sets);
        let possible = counted(arrives.possible, sets);
        let blocked = sets.intersection(answers.blocked, self.tcp);
        let unsure = sets.intersection(answers.unknown, self.tcp);
        let one_way = sets.intersection(certain, blocked);
        let reply_unknown = sets.intersection(certain, unsure);
        let stopped = sets.union(one_way, reply_unknown);
        let passing = Passing {
            unknown: sets.difference(possible, certain),
            one_way,
            reply_unknown,
            allowed: sets.difference(certain, stopped),
        };
        let [unknown, one_way, reply_unknown, allowed] =
            State::PASSING.map(|state| self.translate(passing.of(state), table));
        let passing = Passing { unknown, one_way, reply_unknown, allowed };
        let cell = Family::ALL.map(|known| if known == family { passing } else { Passing::default() });
        table.cells.intern(cell)
    }

    fn translate(&mut self, set: HeaderId, table: &mut Table) -> HeaderId {
        if set == HeaderId::EMPTY {
            return set;
        }
        let sets = &self.verifier.engine.sets;
        *self.translated.entry(set).or_insert_with(|| table.sets.intern(sets.get(set).clone()))
    }

    /// Those endpoint classes of an end of units as seen from which addresses are outside; `None` if it has some of
    /// the family and the addresses are units' to all of them.
    fn outside(&self, units: usize, held: &fixedbitset::FixedBitSet, family: Family) -> Option<Vec<u32>> {
        let endpoints = &self.verifier.engine.classes.endpoints;
        let all = self.endpoints.get(units).and_then(Option::as_deref).unwrap_or_default();
        let of_family = || all.iter().copied().filter(|&class| endpoints.get(class).family == family);
        let seeing: Vec<u32> = of_family().filter(|&class| !held.contains(self.spaces.of(class))).collect();
        (!seeing.is_empty() || of_family().next().is_none()).then_some(seeing)
    }
}

/// Everything that differs directly, in no particular order.
pub(super) fn changes<'a>(
    [old, new]: Both<&mut Verifier<'a>>,
    refinement: &Refinement<'a>,
    assume: Assume,
    view: View,
) -> Vec<DirectChange> {
    let (mut table, mut rows) = (Table::new(), Rows::new(refinement));
    let mut sides = [Side::new(old, refinement, 0, assume, view), Side::new(new, refinement, 1, assume, view)];
    kinds::fill(&mut sides, refinement, &mut table, &mut rows);
    let blocks = rows.blocks(refinement).into_iter().filter_map(|(way, block)| {
        let transition = table.transitions.values().get(way as usize)?;
        Some(DirectChange {
            was: transition.was,
            is: transition.is,
            headers: table.sets.get(transition.headers).clone(),
            families: Family::ALL.into_iter().filter(|&family| *pick(&transition.families, family)).collect(),
            block,
        })
    });
    blocks.collect()
}

/// The cells of two ends in both designs; `None` where an address is a unit's in a design that has the other end: that
/// is a change of the population, not of what may connect.
pub(super) fn cells(
    sides: &mut Both<Side<'_, '_>>,
    refinement: &Refinement<'_>,
    from: usize,
    to: usize,
    table: &mut Table,
) -> Option<Both<u32>> {
    let id = |end: usize| refinement.id(u32::try_from(end).unwrap_or(u32::MAX));
    let (units, addresses) = match (id(from), id(to)) {
        (EndId::Units(_), EndId::Addresses(at)) => (from, at),
        (EndId::Addresses(at), EndId::Units(_)) => (to, at),
        _ => {
            let [old, new] = sides;
            return Some([old.cell(from, to, table), new.cell(from, to, table)]);
        }
    };
    let end = refinement.addresses.get(addresses)?;
    let mut cells = [0, 0];
    for ((side, cell), (held, &class)) in sides.iter_mut().zip(&mut cells).zip(end.held.iter().zip(&end.class)) {
        if held.is_clear() {
            *cell = side.cell(from, to, table);
            continue;
        }
        let seeing = side.outside(units, held, end.family)?;
        *cell = if units == from {
            side.cell_of(&seeing, &[class], None, table)
        } else {
            let counts = side.counts.get(units).copied().flatten();
            side.cell_of(&[class], &seeing, counts, table)
        };
    }
    Some(cells)
}
