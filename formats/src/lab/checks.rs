//! Checks that need more than one part of a lab file.

use super::reader::Reader;
use seglab_policy::{Diagnostic, Need, Peer};
use std::collections::BTreeSet;

impl Reader<'_> {
    /// Refuses needs that wait for each other in a circle: no answer could ever come.
    ///
    /// Every unit of a need's `from` calls every unit of its `to`, so one need leads to another exactly where a unit
    /// that is called by the first makes the calls of the second.
    pub(super) fn check_synchronous(&mut self, needs: &[Need]) {
        let waiting: Vec<(&Need, Vec<usize>, Vec<usize>)> = needs
            .iter()
            .filter(|need| need.synchronous)
            .filter_map(|need| match (&need.from, &need.to) {
                (Peer::Units(from), Peer::Units(to)) => Some((need, self.index.select(from), self.index.select(to))),
                _ => None,
            })
            .collect();
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); self.index.units().len()];
        for (at, (_, from, _)) in waiting.iter().enumerate() {
            for &unit in from {
                if let Some(of_unit) = callers.get_mut(unit) {
                    of_unit.push(at);
                }
            }
        }
        let next: Vec<BTreeSet<usize>> = waiting
            .iter()
            .map(|(_, _, to)| to.iter().filter_map(|&unit| callers.get(unit)).flatten().copied().collect())
            .collect();
        let Some(cycle) = find_cycle(&next) else { return };
        let on_it: Vec<&Need> = cycle.iter().filter_map(|&at| waiting.get(at).map(|(need, ..)| *need)).collect();
        let names: Vec<String> = on_it.iter().map(|need| format!("`{}`", need.from)).collect();
        let first = names.first().cloned().unwrap_or_default();
        let message = format!("synchronous needs wait for each other: {} → {first}", names.join(" → "));
        let span = on_it.first().and_then(|need| need.provenance.span);
        let mut said = Diagnostic::error("synchronous-cycle", message, span)
            .with_help("remove `synchronous: true` where the caller does not wait for the answer");
        for need in on_it.iter().skip(1) {
            said = said.with_related(format!("the need of `{}`", need.from), need.provenance.span);
        }
        self.notes.diagnostics.push(said);
    }
}

/// The nodes of a cycle in their order; `None` if there is none.
fn find_cycle(next: &[BTreeSet<usize>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; next.len()];
    for start in 0..next.len() {
        // The path from `start`, each node with its neighbours that are still to be looked at.
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut enter = Some(start).filter(|&node| states.get(node) == Some(&State::New));
        loop {
            if let Some(node) = enter.take() {
                if let Some(state) = states.get_mut(node) {
                    *state = State::Open;
                }
                path.push((node, next.get(node).into_iter().flatten().copied().collect()));
            }
            let Some((node, left)) = path.last_mut() else { break };
            match left.pop() {
                Some(neighbour) => match states.get(neighbour) {
                    Some(State::New) => enter = Some(neighbour),
                    Some(State::Open) => {
                        let from = path.iter().position(|(node, _)| *node == neighbour).unwrap_or(0);
                        return Some(path.iter().skip(from).map(|(node, _)| *node).collect());
                    }
                    Some(State::Done) | None => {}
                },
                None => {
                    let node = *node;
                    if let Some(state) = states.get_mut(node) {
                        *state = State::Done;
                    }
                    path.pop();
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(usize, usize)], expected: Option<&[usize]>) {
        let mut next = vec![BTreeSet::new(); 5];
        for &(from, to) in edges {
            next[from].insert(to);
        }
        assert_eq!(find_cycle(&next).as_deref(), expected, "{edges:?}");
    }

    #[test]
    fn cycles_are_found_in_their_order() {
        check(&[], None);
        check(&[(0, 1), (1, 2), (0, 2), (2, 3)], None);
        check(&[(2, 2)], Some(&[2]));
        check(&[(0, 1), (1, 2), (2, 1)], Some(&[1, 2]));
        check(&[(3, 4), (4, 2), (2, 3)], Some(&[2, 3, 4]));
    }
}
