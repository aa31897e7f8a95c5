//! What a goal costs at least, and a plan that reaches it.
//!
//! The lower bound is LM-cut (Helmert and Domshlak, *Landmarks, critical paths and abstractions: what's the difference
//! anyway?*, ICAPS 2009): sets of operations of which every plan has at least one, each paid for by its cheapest, until
//! nothing more has to be paid. The plan is the one that the cheapest supporters by the additive heuristic make; in a
//! delete-free task that is a plan, though not always the best.

use super::bits::Bits;
use super::task::Task;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The weight of an operation, or of a plan.
pub(super) type Weight = u128;

/// A fact that is out of reach.
const NEVER: Weight = Weight::MAX;

/// Sums count what several facts rest on several times, along long chains so often that no number holds it.
const SUMS_MAX: Weight = 1 << 120;

/// What several needs cost together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    /// What the dearest does: never too much.
    Dearest,
    /// What all do, what they share counted again: closer, and often too much.
    Sum,
}

/// What a goal costs at least from a state.
pub(super) struct Bound {
    pub(super) least: Weight,
    /// An operation that every plan has, and that is possible at once.
    pub(super) forced: Option<u32>,
}

/// Bounds for one task and one goal, with the memory that they take and what they may still spend.
pub(super) struct Bounds<'a> {
    task: &'a Task,
    weights: &'a [Weight],
    goal: &'a [u32],
    rest: Vec<Weight>,
    values: Vec<Weight>,
    /// The fact of each operation's needs that is dearest.
    supporters: Vec<Option<u32>>,
    unmet: Vec<u32>,
    zone: Bits,
    before: Bits,
}

impl<'a> Bounds<'a> {
    pub(super) fn new(task: &'a Task, weights: &'a [Weight], goal: &'a [u32]) -> Self {
        let operations = task.operations.len();
        Self {
            task,
            weights,
            goal,
            rest: Vec::new(),
            values: vec![NEVER; task.facts],
            supporters: vec![None; operations],
            unmet: vec![0; operations],
            zone: Bits::new(task.facts),
            before: Bits::new(task.facts),
        }
    }

    fn value(&self, fact: u32) -> Weight {
        self.values.get(fact as usize).copied().unwrap_or(NEVER)
    }

    /// The dearest fact of the goal, and what it costs.
    fn dearest(&self) -> Option<(Weight, u32)> {
        self.goal.iter().map(|&fact| (self.value(fact), fact)).max_by_key(|&(value, fact)| (value, Reverse(fact)))
    }

    /// Values every fact.
    fn explore(&mut self, state: &Bits, together: Together, effort: &mut u64) {
        self.values.fill(NEVER);
        for (unmet, operation) in self.unmet.iter_mut().zip(&self.task.operations) {
            *unmet = operation.needs.len() as u32;
        }
        self.supporters.fill(None);
        let mut queue: BinaryHeap<Reverse<(Weight, u32)>> = BinaryHeap::new();
        for fact in state.iter() {
            if let Some(value) = self.values.get_mut(fact as usize) {
                *value = 0;
                queue.push(Reverse((0, fact)));
            }
        }
        let weights = match together {
            Together::Dearest => self.rest.as_slice(),
            Together::Sum => self.weights,
        };
        while let Some(Reverse((value, fact))) = queue.pop() {
            if self.values.get(fact as usize) != Some(&value) {
                continue;
            }
            for &number in self.task.needing(fact) {
                *effort = effort.saturating_sub(1);
                let at = number as usize;
                let Some(unmet) = self.unmet.get_mut(at) else { continue };
                *unmet = unmet.saturating_sub(1);
                let Some(operation) = self.task.operation(number).filter(|_| *unmet == 0) else { continue };
                // The last need to be met is the dearest.
                if let Some(supporter) = self.supporters.get_mut(at) {
                    *supporter = Some(fact);
                }
                let base = match together {
                    Together::Dearest => value,
                    Together::Sum => operation.needs.iter().fold(0, |total: Weight, &need| {
                        total.saturating_add(self.values.get(need as usize).copied().unwrap_or(NEVER))
                    }),
                };
                let reached = base.saturating_add(weights.get(at).copied().unwrap_or_default());
                for &brought in &operation.brings {
                    *effort = effort.saturating_sub(1);
                    if let Some(held) = self.values.get_mut(brought as usize).filter(|held| reached < **held) {
                        *held = reached;
                        queue.push(Reverse((reached, brought)));
                    }
                }
            }
        }
    }

    /// What the goal costs at least; `None` if nothing leads there.
    pub(super) fn lower(&mut self, state: &Bits, effort: &mut u64) -> Option<Bound> {
        self.rest = self.weights.to_vec();
        let mut bound = Bound { least: 0, forced: None };
        loop {
            self.explore(state, Together::Dearest, effort);
            let (value, goal) = self.dearest()?;
            if value == NEVER {
                return None;
            }
            if value == 0 {
                return Some(bound);
            }
            let cut = self.cut(state, goal, effort);
            let paid = cut.iter().filter_map(|&number| self.rest.get(number as usize).copied()).min();
            // INVARIANT: what leads out of what is free costs something, or the goal were free.
            let Some(paid) = paid.filter(|paid| *paid > 0) else { return Some(bound) };
            for &number in &cut {
                if let Some(rest) = self.rest.get_mut(number as usize) {
                    *rest -= paid;
                }
            }
            bound.least = bound.least.saturating_add(paid);
            if let [only] = cut.as_slice()
                && bound.forced.is_none()
                && self.task.operation(*only).is_some_and(|one| one.is_possible(state))
            {
                bound.forced = Some(*only);
            }
        }
    }

    /// Operations of which every plan has one: those that lead from what costs nothing into what is free from there.
    fn cut(&mut self, state: &Bits, goal: u32, effort: &mut u64) -> Vec<u32> {
        self.zone.clear();
        self.zone.insert(goal);
        let mut queue = vec![goal];
        while let Some(fact) = queue.pop() {
            for &number in self.task.bringing(fact) {
                *effort = effort.saturating_sub(1);
                if self.rest.get(number as usize) != Some(&0) {
                    continue;
                }
                if let Some(supporter) = self.supporters.get(number as usize).copied().flatten()
                    && self.zone.insert(supporter)
                {
                    queue.push(supporter);
                }
            }
        }
        self.before.clear();
        let mut cut = Vec::new();
        queue.extend(state.iter());
        queue.iter().for_each(|&fact| {
            self.before.insert(fact);
        });
        while let Some(fact) = queue.pop() {
            for &number in self.task.needing(fact) {
                *effort = effort.saturating_sub(1);
                if self.supporters.get(number as usize) != Some(&Some(fact)) {
                    continue;
                }
                let Some(operation) = self.task.operation(number) else { continue };
                if operation.brings.iter().any(|&brought| self.zone.has(brought)) {
                    cut.push(number);
                } else {
                    queue.extend(operation.brings.iter().filter(|&&brought| self.before.insert(brought)));
                }
            }
        }
        cut.sort_unstable();
        cut
    }

    /// A plan from a state, without actions that it can do without; `None` if nothing leads there.
    pub(super) fn upper(&mut self, state: &Bits, effort: &mut u64) -> Option<(Weight, Vec<u32>)> {
        let mut together = Together::Sum;
        self.explore(state, together, effort);
        if self.values.iter().any(|value| (SUMS_MAX..NEVER).contains(value)) || self.dearest()?.0 == NEVER {
            together = Together::Dearest;
            self.rest = self.weights.to_vec();
            self.explore(state, together, effort);
        }
        if self.dearest()?.0 == NEVER {
            return None;
        }
        let mut wanted: Vec<u32> = self.goal.to_vec();
        let mut seen = Bits::new(self.task.facts);
        let mut chosen: Vec<u32> = Vec::new();
        while let Some(fact) = wanted.pop() {
            if state.has(fact) || !seen.insert(fact) {
                continue;
            }
            let reached = |number: &u32| {
                let operation = self.task.operation(*number)?;
                self.supporters.get(*number as usize).copied().flatten()?;
                let weight = self.weights.get(*number as usize).copied().unwrap_or(NEVER);
                let needs = operation.needs.iter().map(|&need| self.value(need));
                let base = match together {
                    Together::Dearest => needs.max().unwrap_or_default(),
                    Together::Sum => needs.fold(0, Weight::saturating_add),
                };
                Some((base.saturating_add(weight), *number))
            };
            let best = self.task.bringing(fact).iter().filter_map(reached).min()?;
            chosen.push(best.1);
            wanted.extend(self.task.operation(best.1).map(|one| one.needs.iter().copied()).into_iter().flatten());
        }
        chosen.retain(|&number| self.task.operation(number).is_some_and(|one| one.is_action));
        chosen.sort_unstable();
        chosen.dedup();
        // The dearest first: what costs most is most worth doing without.
        let mut by_weight = chosen.clone();
        by_weight.sort_by_key(|&number| Reverse((self.weights.get(number as usize).copied(), number)));
        let mut plan = self.ordered(state, &chosen)?;
        for number in by_weight {
            let without: Vec<u32> = plan.iter().copied().filter(|one| *one != number).collect();
            *effort = effort.saturating_sub(without.len() as u64);
            plan = self.ordered(state, &without).unwrap_or(plan);
        }
        let weigh = |sum: Weight, number: &u32| {
            sum.saturating_add(self.weights.get(*number as usize).copied().unwrap_or_default())
        };
        Some((plan.iter().fold(0, weigh), plan))
    }

    /// The actions in an order in which each is possible, as far as they are needed; `None` if they do not suffice.
    fn ordered(&self, state: &Bits, actions: &[u32]) -> Option<Vec<u32>> {
        let mut state = state.clone();
        let (mut left, mut plan) = (actions.to_vec(), Vec::new());
        while !self.goal.iter().all(|&fact| state.has(fact)) {
            let next = left
                .iter()
                .position(|&number| self.task.operation(number).is_some_and(|one| one.is_possible(&state)))?;
            let number = left.remove(next);
            self.task.establish(&mut state, self.task.operation(number)?.brings.iter().copied());
            plan.push(number);
        }
        Some(plan)
    }
}
