//! The attack as a planning task: facts, which once true stay so, and operations that need some and bring others.
//!
//! Nothing that an attacker has is ever lost, so no operation takes a fact away (the task is *delete-free*). What follows
//! by itself, such as the guests of an owned host, are operations of no weight that are never in a plan.

use super::bits::Bits;

/// An operation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// The facts that it needs; at least one.
    pub(super) needs: Vec<u32>,
    /// The facts that it brings.
    pub(super) brings: Vec<u32>,
    /// False for what follows by itself.
    pub(super) is_action: bool,
}

/// A planning task without its goal and without weights.
pub(super) struct Task {
    pub(super) facts: usize,
    pub(super) operations: Vec<Operation>,
    /// The operations that need each fact, and those that bring it.
    needing: Vec<Vec<u32>>,
    bringing: Vec<Vec<u32>>,
}

impl Task {
    pub(super) fn new(facts: usize, operations: Vec<Operation>) -> Self {
        let (mut needing, mut bringing) = (vec![Vec::new(); facts], vec![Vec::new(); facts]);
        for (number, operation) in (0u32..).zip(&operations) {
            for (facts, index) in [(&operation.needs, &mut needing), (&operation.brings, &mut bringing)] {
                facts.iter().for_each(|&fact| {
                    if let Some(held) = index.get_mut(fact as usize) {
                        held.push(number);
                    }
                });
            }
        }
        Self { facts, operations, needing, bringing }
    }

    /// The operations that need a fact.
    pub(super) fn needing(&self, fact: u32) -> &[u32] {
        self.needing.get(fact as usize).map_or(&[], Vec::as_slice)
    }

    /// The operations that bring a fact.
    pub(super) fn bringing(&self, fact: u32) -> &[u32] {
        self.bringing.get(fact as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn operation(&self, number: u32) -> Option<&Operation> {
        self.operations.get(number as usize)
    }

    /// Puts facts into a state, with all that follows by itself.
    pub(super) fn establish(&self, state: &mut Bits, facts: impl IntoIterator<Item = u32>) {
        let mut fresh: Vec<u32> = facts.into_iter().filter(|&fact| state.insert(fact)).collect();
        while let Some(fact) = fresh.pop() {
            for operation in self.needing(fact).iter().filter_map(|&number| self.operation(number)) {
                if !operation.is_action && operation.needs.iter().all(|&need| state.has(need)) {
                    fresh.extend(operation.brings.iter().filter(|&&brought| state.insert(brought)));
                }
            }
        }
    }

    /// The actions that are possible in a state and bring something new.
    pub(super) fn applicable<'a>(&'a self, state: &'a Bits) -> impl Iterator<Item = u32> + 'a {
        (0u32..).zip(&self.operations).filter(|(_, one)| one.is_possible(state)).map(|(number, _)| number)
    }
}

impl Operation {
    /// True for an action that is possible in a state and brings something new.
    pub(super) fn is_possible(&self, state: &Bits) -> bool {
        self.is_action
            && self.needs.iter().all(|&need| state.has(need))
            && self.brings.iter().any(|&brought| !state.has(brought))
    }
}
