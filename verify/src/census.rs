//! How much of a design is connected: every pair of interfaces at once, over every header.

use crate::direct::Arrives;
use crate::intern::HeaderId;
use crate::reach::Verifier;
use seglab_policy::Assume;
use std::collections::BTreeSet;

/// The ordered pairs of interfaces of different units, counted by what passes between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All pairs.
    pub pairs: u64,
    /// Pairs between which something certainly passes.
    pub connected: u64,
    /// Pairs between which it is not known whether more passes.
    pub uncertain: u64,
    /// Different sets of headers that certainly pass between two interfaces.
    pub header_sets: usize,
}

impl Verifier<'_> {
    /// Counts the pairs of interfaces of different units under an assumption, every header taken together.
    pub fn census(&mut self, assume: Assume) -> Census {
        let engine = &mut self.engine;
        let matrix = engine.matrix(assume);
        let mut interfaces = vec![0u64; engine.classes.endpoints.len()];
        let mut census = Census::default();
        let mut seen: BTreeSet<Arrives> = BTreeSet::new();
        for unit in engine.design.unit_ids() {
            for &class in engine.classes.endpoints.of_unit(unit) {
                interfaces.get_mut(class as usize).into_iter().for_each(|count| *count += 1);
            }
        }
        let all: u64 = interfaces.iter().sum();
        census.pairs = all * all;
        let of = |class: u32| interfaces.get(class as usize).copied().unwrap_or(0);
        let of_kind = |members: &Vec<u32>| members.iter().map(|&class| of(class)).sum::<u64>();
        let destinations: Vec<u64> = matrix.destinations.members.iter().map(of_kind).collect();
        for (kind, members) in (0u32..).zip(&matrix.sources.members) {
            let sources = of_kind(members);
            if sources == 0 {
                continue;
            }
            for (&arrives, &destinations) in engine.common_from(&matrix, kind).iter().zip(&destinations) {
                if destinations > 0 {
                    census.count(arrives, sources * destinations, u64::wrapping_add);
                    seen.insert(arrives);
                }
            }
            for &source in members {
                for &(destination, arrives) in engine.exceptions_from(&matrix, source) {
                    let pairs = of(source) * of(destination);
                    let common = engine.common(&matrix, kind, matrix.destinations.of(destination));
                    census.count(common, pairs, u64::wrapping_sub);
                    census.count(arrives, pairs, u64::wrapping_add);
                    seen.extend((pairs > 0).then_some(arrives));
                }
            }
        }
        // What a unit sends itself passes no point and is no pair.
        for unit in engine.design.unit_ids() {
            let classes = engine.classes.endpoints.of_unit(unit).to_vec();
            for (&from, &to) in classes.iter().flat_map(|from| classes.iter().map(move |to| (from, to))) {
                census.pairs -= 1;
                let arrives = engine.arrives(&matrix, from, to);
                census.count(arrives, 1, u64::wrapping_sub);
            }
        }
        census.header_sets = seen.iter().map(|arrives| arrives.certain).collect::<BTreeSet<HeaderId>>().len();
        census
    }
}

impl Census {
    fn count(&mut self, arrives: Arrives, pairs: u64, with: impl Fn(u64, u64) -> u64) {
        if arrives.certain != HeaderId::EMPTY {
            self.connected = with(self.connected, pairs);
        }
        if arrives.certain != arrives.possible {
            self.uncertain = with(self.uncertain, pairs);
        }
    }
}
