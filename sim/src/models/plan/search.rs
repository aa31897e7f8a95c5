//! The best plan: A\* (Hart, Nilsson and Raphael 1968) on the states of the attack.
//!
//! The bound is [LM-cut](super::bound). Two things are safe where nothing is ever lost (Gefen and Brafman, *Pruning
//! methods for optimal delete-free planning*, ICAPS 2012): an action that every plan has and that is possible is taken at
//! once, and of two possible actions of which one brings nothing that the other does not, and costs no less, the other
//! alone is tried. Where the effort is spent before the best plan is known, what is left is a plan and what any costs at
//! least.

use super::bits::Bits;
use super::bound::{Bounds, Weight};
use super::task::Task;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing leads to the goal.
    Nothing,
    /// A plan and what it weighs, and what the best weighs at least: the same if this is the best.
    Plan { actions: Vec<u32>, weight: Weight, least: Weight },
}

/// A state that was reached, and how.
struct Node {
    state: Bits,
    weight: Weight,
    came: Option<(u32, u32)>,
}

/// Searches the plan of least weight from a state to a goal.
pub(super) fn search(task: &Task, weights: &[Weight], start: &Bits, goal: &[u32], effort: &mut u64) -> Found {
    let mut bounds = Bounds::new(task, weights, goal);
    let Some(bound) = bounds.lower(start, effort) else { return Found::Nothing };
    let Some((mut best, mut actions)) = bounds.upper(start, effort) else { return Found::Nothing };
    let mut nodes = vec![Node { state: start.clone(), weight: 0, came: None }];
    let mut reached: BTreeMap<Bits, Weight> = BTreeMap::from([(start.clone(), 0)]);
    let mut forced = vec![bound.forced];
    let mut open = BinaryHeap::from([Reverse((bound.least, 0u32))]);
    while let Some(Reverse((least, at))) = open.pop() {
        if least >= best {
            break;
        }
        if *effort == 0 {
            return Found::Plan { actions, weight: best, least };
        }
        let Some((state, weight)) = nodes.get(at as usize).map(|node| (node.state.clone(), node.weight)) else {
            continue;
        };
        if reached.get(&state).is_some_and(|known| *known < weight) {
            continue;
        }
        let tried = match forced.get(at as usize).copied().flatten() {
            Some(only) => vec![only],
            None => undominated(task, weights, &state, effort),
        };
        for number in tried {
            let Some(operation) = task.operation(number) else { continue };
            let mut next = state.clone();
            task.establish(&mut next, operation.brings.iter().copied());
            let weight = weight.saturating_add(weights.get(number as usize).copied().unwrap_or_default());
            if reached.get(&next).is_some_and(|known| *known <= weight) {
                continue;
            }
            let Some(bound) = bounds.lower(&next, effort) else { continue };
            // A bound never falls along a plan.
            let total = weight.saturating_add(bound.least).max(least);
            if total >= best {
                continue;
            }
            let added = nodes.len() as u32;
            nodes.push(Node { state: next.clone(), weight, came: Some((at, number)) });
            forced.push(bound.forced);
            if let Some((rest, plan)) = bounds.upper(&next, effort)
                && weight.saturating_add(rest) < best
            {
                best = weight.saturating_add(rest);
                actions = path(&nodes, added).into_iter().chain(plan).collect();
            }
            reached.insert(next, weight);
            open.push(Reverse((total, added)));
        }
    }
    Found::Plan { actions, weight: best, least: best }
}

/// The actions that led to a node.
fn path(nodes: &[Node], mut at: u32) -> Vec<u32> {
    let mut actions = Vec::new();
    while let Some((before, action)) = nodes.get(at as usize).and_then(|node| node.came) {
        actions.push(action);
        at = before;
    }
    actions.reverse();
    actions
}

/// The possible actions that no other makes superfluous.
fn undominated(task: &Task, weights: &[Weight], state: &Bits, effort: &mut u64) -> Vec<u32> {
    let gains: Vec<(u32, Weight, Vec<u32>)> = task
        .applicable(state)
        .filter_map(|number| {
            let brings = task.operation(number)?.brings.iter().copied();
            let mut gain: Vec<u32> = brings.filter(|&fact| !state.has(fact)).collect();
            gain.sort_unstable();
            gain.dedup();
            Some((number, weights.get(number as usize).copied().unwrap_or_default(), gain))
        })
        .collect();
    *effort = effort.saturating_sub((gains.len() * gains.len()) as u64);
    let is_in = |few: &[u32], many: &[u32]| few.iter().all(|fact| many.binary_search(fact).is_ok());
    gains
        .iter()
        .filter(|(number, weight, gain)| {
            !gains.iter().any(|(other, least, more)| {
                let better = (least, Reverse(more.len()), other) < (weight, Reverse(gain.len()), number);
                other != number && better && least <= weight && is_in(gain, more)
            })
        })
        .map(|(number, ..)| *number)
        .collect()
}
