//! The closure of every class at once, for pivot models under which closures are unions.
//!
//! Strongly connected components share one closure, made from those of the components that they lead to. Components
//! are found by Tarjan's algorithm (1972) on a graph that has a node for every class and for every shared part of the
//! classes' next steps, so that a part is looked at once, however many classes have it. Closures are shared sets too:
//! most are that of some other component and a little more.

use crate::classes::ClassId;
use crate::lateral::{Graph, Origin};
use crate::shared_set::{Pool, SetId, Sums};
use fixedbitset::FixedBitSet;

/// What can be taken from a unit of each class.
#[derive(Debug)]
pub(crate) struct Closures {
    /// Of each class, the number of units in the closure of one of its units, that unit included.
    units: Vec<usize>,
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
        let taken: Vec<SetId> = (0..parts.classes()).map(|class| search.closure_after(class)).collect();
        let mut sums = Sums::new(&search.pool, &graph.sizes);
        let units = taken
            .iter()
            .enumerate()
            .map(|(class, &taken)| sums.of(taken) + usize::from(!search.pool.contains(taken, class)))
            .collect();
        Self { units }
    }

    /// The number of units in the closure of a unit of `class`, that unit included.
    pub(crate) fn units(&self, class: ClassId) -> usize {
        self.units.get(class.index()).copied().unwrap_or(0)
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
                *slot = u32::try_from(graph.classes).ok().map(|classes| classes + at);
            }
        }
        let (branches, leaves) = graph.pool.nodes();
        Self { graph, avoid, doubtful, hosted, hosted_of, branches, leaves }
    }

    fn classes(&self) -> u32 {
        u32::try_from(self.graph.classes).unwrap_or(u32::MAX)
    }

    fn states(&self) -> usize {
        self.graph.classes + self.hosted.len()
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

    fn class(&self, state: u32) -> (ClassId, bool) {
        let hosted = state.checked_sub(self.classes()).and_then(|at| self.hosted.get(at as usize));
        hosted.map_or((ClassId(state), false), |class| (*class, true))
    }

    fn avoided(&self, class: usize) -> bool {
        self.avoid.is_some_and(|avoid| avoid.contains(class))
    }

    /// The steps of a state as a set.
    fn steps(&self, state: u32) -> SetId {
        let (class, hosted) = self.class(state);
        self.graph.steps(Origin::Unit(class, hosted)).get(self.doubtful)
    }

    /// What follows a node, from a position on, and the position after it.
    fn next(&self, node: Node, from: u32) -> Option<(Node, u32)> {
        match node.level {
            STATE => self.after_state(node.at, from),
            0 => {
                let mut from = from;
                loop {
                    let (class, offset) = self.graph.pool.next_in_leaf(node.at, from)?;
                    from = offset + 1;
                    // Beyond the classes a set speaks of external addresses.
                    if class >= self.graph.classes {
                        return None;
                    }
                    if !self.avoided(class) {
                        return Some((Node { at: u32::try_from(class).ok()?, level: STATE }, from));
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
        let mut from = from;
        if from == 0 {
            let SetId(root) = self.steps(state);
            if root != 0 {
                return Some((Node { at: root, level: self.graph.pool.height() }, 1));
            }
            from = 1;
        }
        let (class, _) = self.class(state);
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
            pool: Pool::new(parts.graph.classes),
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
                let (ClassId(class), _) = self.parts.class(member.at);
                own.push((class, true));
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
}
