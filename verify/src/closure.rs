//! The closure of every class at once, for pivot models under which closures are unions.
//!
//! Strongly connected components share one closure, so there is one bit set per component, made from those of the
//! components that it leads to. Components are found by Gabow's path-based algorithm (2000), iteratively and word by
//! word: rows are dense, and every word is looked at once.

use crate::classes::ClassId;
use crate::lateral::{Graph, Origin};
use fixedbitset::FixedBitSet;

/// What can be taken from a unit of each class.
#[derive(Debug)]
pub(crate) struct Closures {
    component_of: Vec<u32>,
    /// Of each component, the classes that can be taken from it by at least one step.
    taken: Vec<FixedBitSet>,
    units: Vec<usize>,
}

impl Closures {
    /// The closures of a graph without the classes in `avoid`.
    ///
    /// Not for graphs of the pivot model `exploitable`, whose credentials this does not follow.
    pub(crate) fn new(graph: &Graph, avoid: Option<&FixedBitSet>, doubtful: bool) -> Self {
        let states = States::new(graph, avoid, doubtful);
        let mut search = Search::new(&states);
        for root in 0..states.count() {
            search.visit(root);
        }
        let units = search
            .taken
            .iter()
            .map(|taken| taken.ones().map(|class| graph.sizes.get(class).copied().unwrap_or(0)).sum())
            .collect();
        Self { component_of: search.component_of, taken: search.taken, units }
    }

    /// The strongly connected component of a unit of `class`: what follows from such units is the same for all of one.
    pub(crate) fn component(&self, class: ClassId) -> u32 {
        self.component_of.get(class.index()).copied().unwrap_or(u32::MAX)
    }

    /// The classes that can be taken from a component by at least one step.
    pub(crate) fn taken(&self, component: u32) -> Option<&FixedBitSet> {
        self.taken.get(component as usize)
    }

    /// The number of units in the closure of a unit of `class`, that unit included.
    pub(crate) fn units(&self, class: ClassId) -> usize {
        let component = self.component(class) as usize;
        let taken = self.units.get(component).copied().unwrap_or(0);
        let itself = self.taken.get(component).is_some_and(|taken| taken.contains(class.index()));
        taken + usize::from(!itself)
    }
}

/// Classes, and again those whose host may be owned too.
struct States<'g> {
    graph: &'g Graph,
    avoid: Option<&'g FixedBitSet>,
    doubtful: bool,
    hosted: Vec<ClassId>,
    hosted_of: Vec<Option<u32>>,
}

impl<'g> States<'g> {
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
        Self { graph, avoid, doubtful, hosted, hosted_of }
    }

    fn count(&self) -> usize {
        self.graph.classes + self.hosted.len()
    }

    fn class(&self, state: usize) -> ClassId {
        let plain = || ClassId(u32::try_from(state).unwrap_or(u32::MAX));
        state.checked_sub(self.graph.classes).and_then(|at| self.hosted.get(at)).copied().unwrap_or_else(plain)
    }

    fn avoided(&self, class: usize) -> bool {
        self.avoid.is_some_and(|avoid| avoid.contains(class))
    }

    /// The states that follow a state.
    fn next(&self, state: usize) -> FixedBitSet {
        let class = self.class(state);
        let hosted = state >= self.graph.classes;
        let steps = self.graph.steps(Origin::Unit(class, hosted)).get(self.doubtful);
        let mut next = FixedBitSet::with_capacity(self.count());
        // Beyond the classes a row speaks of external addresses.
        let bits = usize::BITS as usize;
        for (at, (word, steps)) in next.as_mut_slice().iter_mut().zip(steps.as_slice()).enumerate() {
            let left = self.graph.classes.saturating_sub(at * bits);
            *word = if left >= bits { *steps } else { steps & ((1 << left) - 1) };
        }
        if let Some(avoid) = self.avoid {
            next.difference_with(avoid);
        }
        for &guest in self.graph.guests(class).iter().filter(|guest| !self.avoided(guest.index())) {
            if let Some(at) = self.hosted_of.get(guest.index()).copied().flatten() {
                next.insert(at as usize);
                next.insert(guest.index());
            }
        }
        next
    }
}

/// A depth-first search that closes components as it leaves them.
struct Search<'s, 'g> {
    states: &'s States<'g>,
    unvisited: FixedBitSet,
    /// The order in which a state was visited.
    order: Vec<u32>,
    visited: u32,
    /// Visited states whose component is open.
    open: FixedBitSet,
    stack: Vec<usize>,
    /// The states at which components may begin.
    path: Vec<usize>,
    component_of: Vec<u32>,
    taken: Vec<FixedBitSet>,
}

struct Frame {
    state: usize,
    next: FixedBitSet,
    word: usize,
}

#[expect(clippy::indexing_slicing, reason = "states are numbered below the length of every table")]
impl<'s, 'g> Search<'s, 'g> {
    fn new(states: &'s States<'g>) -> Self {
        let count = states.count();
        let mut unvisited = FixedBitSet::with_capacity(count);
        unvisited.insert_range(..);
        Self {
            states,
            unvisited,
            order: vec![0; count],
            visited: 0,
            open: FixedBitSet::with_capacity(count),
            stack: Vec::new(),
            path: Vec::new(),
            component_of: vec![u32::MAX; count],
            taken: Vec::new(),
        }
    }

    fn visit(&mut self, root: usize) {
        if !self.unvisited.contains(root) {
            return;
        }
        let mut frames = vec![self.enter(root)];
        while let Some(frame) = frames.last_mut() {
            let unvisited = self.unvisited.as_slice();
            let words = frame.next.as_slice();
            while frame.word < words.len() && words[frame.word] & unvisited[frame.word] == 0 {
                frame.word += 1;
            }
            if frame.word < words.len() {
                let left = words[frame.word] & unvisited[frame.word];
                let next = frame.word * usize::BITS as usize + left.trailing_zeros() as usize;
                let frame = self.enter(next);
                frames.push(frame);
            } else if let Some(frame) = frames.pop() {
                self.leave(&frame);
            }
        }
    }

    fn enter(&mut self, state: usize) -> Frame {
        self.unvisited.remove(state);
        self.order[state] = self.visited;
        self.visited += 1;
        self.open.insert(state);
        self.stack.push(state);
        self.path.push(state);
        Frame { state, next: self.states.next(state), word: 0 }
    }

    fn leave(&mut self, frame: &Frame) {
        // Steps back to an open state join everything visited since then into one component.
        let back =
            frame.next.as_slice().iter().zip(self.open.as_slice()).enumerate().flat_map(|(word, (next, open))| {
                let mut left = next & open;
                std::iter::from_fn(move || {
                    let bit = (left != 0).then(|| word * usize::BITS as usize + left.trailing_zeros() as usize)?;
                    left &= left - 1;
                    Some(bit)
                })
            });
        if let Some(earliest) = back.map(|state| self.order[state]).min() {
            while self.path.last().is_some_and(|&top| self.order[top] > earliest) {
                self.path.pop();
            }
        }
        if self.path.last() == Some(&frame.state) {
            self.path.pop();
            self.close(frame.state);
        }
    }

    fn close(&mut self, first: usize) {
        let begin = self.stack.iter().rposition(|&state| state == first).unwrap_or(0);
        let members = self.stack.split_off(begin);
        let component = u32::try_from(self.taken.len()).unwrap_or(u32::MAX);
        let mut next = FixedBitSet::with_capacity(self.states.count());
        for &member in &members {
            self.component_of[member] = component;
            self.open.remove(member);
            next.union_with(&self.states.next(member));
        }
        let classes = self.states.graph.classes;
        let mut taken = FixedBitSet::with_capacity(classes);
        for state in next.ones() {
            let class = self.states.class(state).index();
            let reached = self.component_of[state];
            // What a state leads to is already there if another way led to its component; its class need not be.
            if reached != component && !(state < classes && taken.contains(class)) {
                taken.union_with(&self.taken[reached as usize]);
            }
            taken.insert(class);
        }
        self.taken.push(taken);
    }
}
