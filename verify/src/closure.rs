//! The closure of every class at once, for pivot models under which closures are unions.
//!
//! Strongly connected components share one closure, made from those of the components that they lead to. Components
//! are found by Tarjan's algorithm (1972) on a graph that has a node for every class and for every shared part of the
//! next steps, so that a part is looked at once, however many classes have it. Closures are shared sets too:
//! most are that of some other component and a little more.

mod amend;
mod shrink;
mod stake;

use crate::classes::ClassId;
use crate::lateral::{Attack, Graph, Origin};
use crate::reach::Verifier;
use crate::shared_set::{Hits, Pool, SetId, Sums, Transfer};
use fixedbitset::FixedBitSet;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What can be taken from a unit of each class, and from outside.
#[derive(Debug)]
pub(crate) struct Closures {
    pool: Pool,
    classes: usize,
    /// Of each class, then of each external class: the classes that can be taken by at least one step, and the
    /// external ones that can be reached.
    taken: Vec<SetId>,
    /// Of named sources.
    sources: BTreeMap<u32, SetId>,
    first_external: u32,
    /// Of each class, the number of units in the closure of one of its units, that unit included.
    units: Vec<usize>,
    /// How much room the sets took at first. \[nodes\]
    nodes_first: usize,
}

impl Closures {
    /// The closures of a graph without the classes in `avoid`.
    ///
    /// Not for graphs of the pivot model `exploitable`, whose credentials this does not follow.
    pub(crate) fn new(graph: &Graph, avoid: Option<&FixedBitSet>, doubtful: bool) -> Self {
        let parts = Parts::new(graph, avoid, doubtful);
        let mut search = Search::new(&parts);
        for root in 0..parts.classes() {
            search.visit(Node { at: root, level: STATE });
        }
        let mut taken: Vec<SetId> = (0..parts.classes()).map(|class| search.closure_after(class)).collect();
        let externals = (0u32..).take(graph.externals).map(|at| Origin::External(graph.first_external + at));
        taken.extend(externals.map(|origin| search.closure_from(origin)));
        let sources = graph.sources().map(|source| (source, search.closure_from(Origin::Source(source)))).collect();
        let of_classes = taken.get(..graph.classes).unwrap_or(&taken);
        let mut sums = Sums::new(&search.pool, &graph.sizes);
        let units = of_classes.iter().copied().enumerate();
        let units = units.map(|taken| weight(&search.pool, &mut sums, taken, |_| 1)).collect();
        let (classes, first_external) = (graph.classes, graph.first_external);
        let nodes_first = search.pool.size();
        Self { pool: search.pool, classes, taken, sources, first_external, units, nodes_first }
    }

    /// The number of units in the closure of a unit of `class`, that unit included.
    pub(crate) fn units(&self, class: ClassId) -> usize {
        self.units.get(class.index()).copied().unwrap_or(0)
    }

    /// Of some classes, what the units in the closure of one of its units count for, that unit included: `each` says how
    /// much for a unit of each class.
    pub(crate) fn weigh(&self, graph: &Graph, from: &[ClassId], each: &[u64]) -> Vec<u64> {
        let each = |class: usize| each.get(class).map_or(0, |&weight| usize::try_from(weight).unwrap_or(usize::MAX));
        let whole: Vec<usize> = graph.sizes.iter().enumerate().map(|(class, size)| size * each(class)).collect();
        let mut sums = Sums::new(&self.pool, &whole);
        let of_class = |class: &ClassId| {
            let taken = self.taken.get(class.index()).copied().unwrap_or_default();
            weight(&self.pool, &mut sums, (class.index(), taken), each) as u64
        };
        from.iter().map(of_class).collect()
    }

    /// The classes that can be taken from an origin by at least one step, and the external ones that can be reached.
    ///
    /// Not for units whose host is owned.
    pub(crate) fn taken(&self, origin: Origin) -> SetId {
        let taken = match origin {
            Origin::Unit(class, _) => self.taken.get(class.index()),
            Origin::External(external) => self.taken.get(self.classes + (external - self.first_external) as usize),
            Origin::Source(source) => self.sources.get(&source),
        };
        taken.copied().unwrap_or_default()
    }

    /// The pool of the sets of what can be taken.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Takes what can be taken over into sets of other numbers, which each bit stands for.
    pub(crate) fn transfer<'c>(&'c self, onto: &'c [Vec<u32>]) -> Transfer<'c> {
        Transfer::new(&self.pool, onto)
    }

    /// Looks for classes and external ones in what can be taken.
    pub(crate) fn hits<'c>(&'c self, wanted: &'c FixedBitSet) -> Hits<'c> {
        Hits::new(&self.pool, wanted)
    }
}

/// What weighs what is taken from a class, with one of its own units where that is not among them: the sums say what all
/// units of a class weigh, `one` what one does.
fn weight(pool: &Pool, sums: &mut Sums<'_>, (class, taken): (usize, SetId), one: impl Fn(usize) -> usize) -> usize {
    sums.of(taken) + if pool.contains(taken, class) { 0 } else { one(class) }
}

impl Verifier<'_> {
    /// Works out who can be taken from where by several attacks, with the units declared trusted out of reach or not: the
    /// steps of each while those of the one before are closed on a thread of its own.
    ///
    /// Each attack is to be named once; none of the pivot model `exploitable`, whose credentials closures do not follow.
    pub fn close(&mut self, attacks: &[(Attack, bool)]) {
        let mut open: Option<(Rc<Graph>, bool)> = None;
        for &(attack, without_trusted) in attacks {
            if self.closures.contains_key(&(attack, without_trusted, false)) {
                continue;
            }
            let next = match open.take() {
                Some(last) => self.close_beside(&last, |verifier| verifier.graph(attack)),
                None => self.graph(attack),
            };
            open = Some((next, without_trusted));
        }
        if let Some((graph, without_trusted)) = open {
            self.closures(graph.attack, without_trusted, false);
        }
    }

    /// Closes a graph on a thread of its own while something else is worked out.
    fn close_beside<T>(
        &mut self,
        (graph, without_trusted): &(Rc<Graph>, bool),
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let trusted = without_trusted.then(|| self.trusted_classes());
        let graph: &Graph = graph;
        let (closures, worked) = std::thread::scope(|scope| {
            let beside = scope.spawn(|| Closures::new(graph, trusted.as_ref(), false));
            let worked = work(self);
            (beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), worked)
        });
        self.closures.insert((graph.attack, *without_trusted, false), Rc::new(closures));
        worked
    }

    /// The closures of an attack, made once; `without_trusted` takes the units declared trusted to be out of reach.
    pub(crate) fn closures(&mut self, attack: Attack, without_trusted: bool, doubtful: bool) -> Rc<Closures> {
        let graph = self.graph(attack);
        // Where nothing is doubtful the two readings are one.
        let key = (attack, without_trusted, doubtful && graph.doubts().contains(&true));
        if let Some(known) = self.closures.get(&key) {
            return Rc::clone(known);
        }
        let trusted = without_trusted.then(|| self.trusted_classes());
        let closures = Rc::new(Closures::new(&graph, trusted.as_ref(), doubtful));
        self.closures.insert(key, Rc::clone(&closures));
        closures
    }
}

/// A class (of level [`STATE`]), or a shared part of steps: a branch of its level, or a leaf of level zero.
#[derive(Clone, Copy, Debug)]
struct Node {
    at: u32,
    level: u32,
}

const STATE: u32 = u32::MAX;

/// Classes, and again those whose host may be owned too; then the parts of their steps.
struct Parts<'g> {
    graph: &'g Graph,
    avoid: Option<&'g FixedBitSet>,
    doubtful: bool,
    hosted: Vec<ClassId>,
    hosted_of: Vec<Option<u32>>,
    branches: usize,
    leaves: usize,
}

impl<'g> Parts<'g> {
    fn new(graph: &'g Graph, avoid: Option<&'g FixedBitSet>, doubtful: bool) -> Self {
        let mut hosted: Vec<ClassId> = graph.guests.iter().flatten().copied().collect();
        hosted.sort_unstable();
        hosted.dedup();
        let mut hosted_of = vec![None; graph.classes];
        for (at, class) in (0u32..).zip(&hosted) {
            if let Some(slot) = hosted_of.get_mut(class.index()) {
                *slot = u32::try_from(graph.classes + graph.externals).ok().map(|before| before + at);
            }
        }
        let (branches, leaves) = graph.pool.nodes();
        Self { graph, avoid, doubtful, hosted, hosted_of, branches, leaves }
    }

    fn classes(&self) -> u32 {
        u32::try_from(self.graph.classes).unwrap_or(u32::MAX)
    }

    fn states(&self) -> usize {
        self.bits() + self.hosted.len()
    }

    /// Classes and external classes, whose states have the numbers of their bits.
    fn bits(&self) -> usize {
        self.graph.classes + self.graph.externals
    }

    /// A number for each node, without gaps.
    fn number(&self, node: Node) -> usize {
        Pool::position(node.at)
            + match node.level {
                STATE => 0,
                0 => self.states() + self.branches,
                _ => self.states(),
            }
    }

    /// The class of a state, and whether its host is owned; `None` for external ones, where attacks end.
    fn class(&self, state: u32) -> Option<(ClassId, bool)> {
        match (state as usize).checked_sub(self.bits()) {
            Some(at) => self.hosted.get(at).map(|&class| (class, true)),
            None => (state < self.classes()).then_some((ClassId(state), false)),
        }
    }

    /// The bit of a state.
    fn bit(&self, state: u32) -> u32 {
        self.class(state).map_or(state, |(ClassId(class), _)| class)
    }

    fn avoided(&self, class: usize) -> bool {
        self.avoid.is_some_and(|avoid| avoid.contains(class))
    }

    /// The steps from an origin as a node; `None` if there are none.
    fn steps(&self, origin: Origin) -> Option<Node> {
        let SetId(root) = self.graph.steps(origin).get(self.doubtful);
        (root != 0).then(|| Node { at: root, level: self.graph.pool.height() })
    }

    /// What follows a node, from a position on, and the position after it.
    fn next(&self, node: Node, from: u32) -> Option<(Node, u32)> {
        match node.level {
            STATE => self.after_state(node.at, from),
            0 => {
                let mut from = from;
                loop {
                    let (bit, offset) = self.graph.pool.next_in_leaf(node.at, from)?;
                    from = offset + 1;
                    // Beyond them a set speaks of logins.
                    if bit >= self.bits() {
                        return None;
                    }
                    if !self.avoided(bit) {
                        return Some((Node { at: u32::try_from(bit).ok()?, level: STATE }, from));
                    }
                }
            }
            level => {
                let children = self.graph.pool.children(node.at);
                let mut left = children.iter().enumerate().skip(from as usize);
                let (at, &child) = left.find(|(_, child)| **child != 0)?;
                Some((Node { at: child, level: level - 1 }, u32::try_from(at).ok()? + 1))
            }
        }
    }

    fn after_state(&self, state: u32, from: u32) -> Option<(Node, u32)> {
        let (class, hosted) = self.class(state)?;
        if let (0, Some(steps)) = (from, self.steps(Origin::Unit(class, hosted))) {
            return Some((steps, 1));
        }
        let mut from = from.max(1);
        loop {
            let guest = self.graph.guests(class).get(from as usize - 1)?;
            from += 1;
            if let (false, Some(at)) = (self.avoided(guest.index()), self.hosted_of.get(guest.index())?) {
                return Some((Node { at: *at, level: STATE }, from));
            }
        }
    }
}

/// A depth-first search that closes components as it leaves them.
struct Search<'s, 'g> {
    parts: &'s Parts<'g>,
    pool: Pool,
    /// The order in which a node was visited, from one on; zero before.
    order: Vec<u32>,
    /// The earliest node on the stack that a node leads back to.
    low: Vec<u32>,
    visited: u32,
    stack: Vec<Node>,
    component_of: Vec<u32>,
    /// Of each component, the classes in it and those that it leads to.
    closures: Vec<SetId>,
}

const OPEN: u32 = u32::MAX;

struct Frame {
    node: Node,
    from: u32,
}

#[expect(clippy::indexing_slicing, reason = "nodes are numbered below the length of every table")]
impl<'s, 'g> Search<'s, 'g> {
    fn new(parts: &'s Parts<'g>) -> Self {
        let count = parts.states() + parts.branches + parts.leaves;
        Self {
            parts,
            pool: Pool::new(parts.bits()),
            order: vec![0; count],
            low: vec![0; count],
            visited: 0,
            stack: Vec::new(),
            component_of: vec![OPEN; count],
            closures: Vec::new(),
        }
    }

    fn visit(&mut self, root: Node) {
        if self.order[self.parts.number(root)] != 0 {
            return;
        }
        let mut frames = vec![self.enter(root)];
        while let Some(frame) = frames.last_mut() {
            let at = self.parts.number(frame.node);
            if let Some((next, from)) = self.parts.next(frame.node, frame.from) {
                frame.from = from;
                let to = self.parts.number(next);
                if self.order[to] == 0 {
                    let frame = self.enter(next);
                    frames.push(frame);
                } else if self.component_of[to] == OPEN {
                    self.low[at] = self.low[at].min(self.order[to]);
                }
            } else {
                let node = frame.node;
                frames.pop();
                if self.low[at] == self.order[at] {
                    self.close(node);
                }
                if let Some(before) = frames.last() {
                    let before = self.parts.number(before.node);
                    self.low[before] = self.low[before].min(self.low[at]);
                }
            }
        }
    }

    fn enter(&mut self, node: Node) -> Frame {
        let at = self.parts.number(node);
        self.visited += 1;
        self.order[at] = self.visited;
        self.low[at] = self.visited;
        self.stack.push(node);
        Frame { node, from: 0 }
    }

    fn close(&mut self, first: Node) {
        let component = u32::try_from(self.closures.len()).unwrap_or(u32::MAX);
        let first = self.parts.number(first);
        let begin = self.stack.iter().rposition(|&node| self.parts.number(node) == first).unwrap_or(0);
        let members = self.stack.split_off(begin);
        for &member in &members {
            self.component_of[self.parts.number(member)] = component;
        }
        let mut own: Vec<(u32, bool)> = Vec::new();
        let mut after: Vec<SetId> = Vec::new();
        for &member in &members {
            if member.level == STATE {
                own.push((self.parts.bit(member.at), true));
            }
            let mut from = 0;
            while let Some((next, position)) = self.parts.next(member, from) {
                from = position;
                let reached = self.component_of[self.parts.number(next)];
                if reached != component && after.last() != Some(&self.closures[reached as usize]) {
                    after.push(self.closures[reached as usize]);
                }
            }
        }
        after.sort_unstable();
        after.dedup();
        let led_to = after.into_iter().fold(SetId::EMPTY, |all, one| self.pool.union(all, one));
        own.sort_unstable();
        own.dedup();
        let closure = self.pool.changed(led_to, &own);
        self.closures.push(closure);
    }

    /// What can be taken from a unit of a class by at least one step.
    fn closure_after(&mut self, class: u32) -> SetId {
        let (state, mut from, mut taken) = (Node { at: class, level: STATE }, 0, SetId::EMPTY);
        while let Some((next, position)) = self.parts.next(state, from) {
            from = position;
            let component = self.component_of[self.parts.number(next)];
            taken = self.pool.union(taken, self.closures[component as usize]);
        }
        taken
    }

    /// What can be taken from outside.
    fn closure_from(&mut self, origin: Origin) -> SetId {
        let Some(steps) = self.parts.steps(origin) else { return SetId::EMPTY };
        self.visit(steps);
        self.closures[self.component_of[self.parts.number(steps)] as usize]
    }
}
