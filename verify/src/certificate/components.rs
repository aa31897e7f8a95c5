//! Blast radius by components: classes that reach each other are one, and each names those that it leads to.

use super::Ranges;
use super::attack::asked;
use crate::classes::ClassId;
use crate::lateral::{Graph, Origin};
use crate::properties::Settings;
use crate::reach::Verifier;
use fixedbitset::FixedBitSet;
use seglab_policy::{AtMost, Pivot, Property, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// A class, and whether the host of its units is owned.
type State = (ClassId, bool);

impl Verifier<'_> {
    pub(super) fn prove_blast_radius(
        &mut self,
        property: &Property,
        settings: &Settings,
        from: &Selector,
        at_most: AtMost,
    ) -> Vec<String> {
        let graph = self.graph(asked(property, settings));
        let avoid = settings.honour_trusted.then(|| self.trusted_classes());
        let avoided = |class: &ClassId| avoid.as_ref().is_some_and(|avoid| avoid.contains(class.index()));
        let starts: Vec<ClassId> = self.selected(from).filter(|class| !avoided(class)).collect();
        if let Some(together) = self.attack_within(&graph, &starts, avoid.as_ref(), property, at_most) {
            return together;
        }
        if property.pivot == Pivot::Exploitable || property.hops_max.is_some() {
            return self.attack_by_attack(&graph, &starts, avoid.as_ref(), property);
        }
        self.components(&Steps { graph: &graph, avoid: avoid.as_ref() }, &starts)
    }

    fn components(&self, steps: &Steps<'_>, starts: &[ClassId]) -> Vec<String> {
        let components = strong(starts.iter().map(|class| (*class, false)), |state| steps.next(state));
        let mut number: BTreeMap<State, usize> = BTreeMap::new();
        for (at, states) in components.iter().enumerate() {
            number.extend(states.iter().map(|state| (*state, at)));
        }
        // States with and without an owned host are two nodes of one component.
        let nodes: Vec<(usize, bool)> = (0..)
            .zip(&components)
            .flat_map(|(at, states)| {
                [false, true].map(|hosted| states.iter().any(|state| state.1 == hosted).then_some((at, hosted)))
            })
            .flatten()
            .collect();
        let position: BTreeMap<(usize, bool), u32> = nodes.iter().copied().zip(0..).collect();
        let line = |&(at, hosted): &(usize, bool)| {
            let states = components.get(at).map_or(&[][..], Vec::as_slice);
            let next: BTreeSet<(usize, bool)> = states
                .iter()
                .flat_map(|state| steps.next(*state))
                .filter_map(|next| Some((*number.get(&next)?, next.1)))
                .collect();
            let units = self.ranges_of(states.iter().filter(|state| state.1 == hosted).map(|state| state.0));
            let next = Ranges::of(next.iter().filter_map(|node| position.get(node).copied()));
            format!("node {} {units} {next}", if hosted { "hosted" } else { "plain" })
        };
        nodes.iter().map(line).collect()
    }
}

struct Steps<'g> {
    graph: &'g Graph,
    avoid: Option<&'g FixedBitSet>,
}

impl Steps<'_> {
    /// What one step may take from a state: by a connection, or with a host.
    fn next(&self, (class, hosted): State) -> Vec<State> {
        let avoided = |class: &ClassId| self.avoid.is_some_and(|avoid| avoid.contains(class.index()));
        let steps = self.graph.steps(Origin::Unit(class, hosted)).possible;
        let classes = self.graph.pool.numbers(steps).into_iter().take_while(|bit| *bit < self.graph.classes);
        let by_connection = classes.filter_map(|bit| u32::try_from(bit).ok()).map(|bit| (ClassId(bit), false));
        let by_host = self.graph.guests(class).iter().map(|guest| (*guest, true));
        by_connection.chain(by_host).filter(|(class, _)| !avoided(class)).collect()
    }
}

/// Strongly connected components of what can be reached, each after those that it leads to (Tarjan 1972), without
/// recursion.
fn strong(starts: impl Iterator<Item = State>, next: impl Fn(State) -> Vec<State>) -> Vec<Vec<State>> {
    let mut order: BTreeMap<State, usize> = BTreeMap::new();
    let mut low: BTreeMap<State, usize> = BTreeMap::new();
    let (mut open, mut closed): (Vec<State>, BTreeSet<State>) = (Vec::new(), BTreeSet::new());
    let mut components = Vec::new();
    for start in starts {
        let mut path: Vec<(State, Vec<State>)> = Vec::new();
        let mut entered = (!order.contains_key(&start)).then_some(start);
        loop {
            if let Some(state) = entered.take() {
                let seen = order.len();
                order.insert(state, seen);
                low.insert(state, seen);
                open.push(state);
                path.push((state, next(state)));
            }
            let Some((state, ahead)) = path.last_mut() else { break };
            let state = *state;
            let lower = |low: &mut BTreeMap<State, usize>, by: usize| {
                low.entry(state).and_modify(|least| *least = by.min(*least));
            };
            if let Some(to) = ahead.pop() {
                match order.get(&to) {
                    None => entered = Some(to),
                    Some(seen) if !closed.contains(&to) => lower(&mut low, *seen),
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            if low.get(&state) == order.get(&state) {
                let begin = open.iter().rposition(|other| *other == state).unwrap_or(0);
                let component = open.split_off(begin);
                closed.extend(component.iter().copied());
                components.push(component);
            }
            if let (Some((above, _)), Some(least)) = (path.last(), low.get(&state).copied()) {
                low.entry(*above).and_modify(|of_above| *of_above = least.min(*of_above));
            }
        }
    }
    components
}
