//! All connections that are meant, can be opened and are not listed, counted by groups of ends.
//!
//! Ends that belong to one unit, and external addresses of one group, are taken together: a pair of units counts once,
//! on whichever interfaces it connects. Whatever is alike is counted by multiplication; exceptions are counted one by
//! one, so that no pair is looked at that nothing tells apart from others.

use super::{Alike, Search};
use crate::classes::ClassId;
use crate::direct::Arrives;
use crate::groups::Groups;
use crate::intern::HeaderId;
use crate::properties::confined::End;
use crate::vocabulary::Interner;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The connections between two groups that are not listed.
#[derive(Clone, Debug)]
pub(in crate::properties) struct StrayPairs {
    /// Pairs of units; all external addresses of a group count as one.
    pub(in crate::properties) pairs: u64,
    /// What some pair can use.
    pub(in crate::properties) headers: HeaderId,
    /// The external endpoint classes that take part.
    pub(in crate::properties) externals: BTreeSet<u32>,
    /// Two ends that show it, with what they can use, and whether that certainly arrives.
    pub(in crate::properties) shown: (End, End, HeaderId, bool),
}

/// One unit of a class, or the external addresses of a group, or a named source: with all its ends.
struct Node {
    class: Option<ClassId>,
    ends: Vec<usize>,
    /// Its groups, with the number of its units in each.
    shares: Vec<(u32, u64)>,
}

/// What is not listed between two nodes.
#[derive(Clone, Debug, Default)]
struct Between {
    headers: HeaderId,
    externals: BTreeSet<u32>,
    shown: Option<(usize, usize, HeaderId, bool)>,
}

/// Nodes that are alike on one side.
struct Kinds {
    /// Of each node; `None` for one that is not meant.
    of: Vec<Option<u32>>,
    /// Of each kind, the ends of its first node.
    ends: Vec<Vec<usize>>,
    /// Of each kind and group, the nodes.
    members: BTreeMap<(u32, u32), Vec<u32>>,
    units: BTreeMap<(u32, u32), u64>,
}

/// From a kind in a group to a kind in a group.
type Block = (u32, u32, u32, u32);

impl Search<'_, '_, '_> {
    /// What is not listed, from group to group.
    pub(in crate::properties) fn pairs(mut self, groups: &Groups) -> BTreeMap<(u32, u32), StrayPairs> {
        let (nodes, node_of) = self.nodes(groups);
        let sources = self.kinds(&nodes, true);
        let destinations = self.kinds(&nodes, false);
        let mut usual: FxHashMap<(u32, u32), Rc<Between>> = FxHashMap::default();
        let mut left: BTreeMap<Block, u64> = BTreeMap::new();
        for (from, ends) in (0u32..).zip(&sources.ends) {
            for (to, others) in (0u32..).zip(&destinations.ends) {
                let between = self.between_nodes(ends, others, false);
                if between.headers == HeaderId::EMPTY {
                    continue;
                }
                usual.insert((from, to), Rc::new(between));
                for (&(_, s), &units) in sources.units.range((from, 0)..(from + 1, 0)) {
                    for (&(_, t), &others) in destinations.units.range((to, 0)..(to + 1, 0)) {
                        left.insert((from, s, to, t), units * others);
                    }
                }
            }
        }
        let mut found: BTreeMap<(u32, u32), StrayPairs> = BTreeMap::new();
        for (at, kind) in (0u32..).zip(&sources.of) {
            let (Some(kind), Some(node)) = (*kind, nodes.get(at as usize)) else { continue };
            for other in self.apart(at, node, &node_of) {
                let Some((to, others)) =
                    destinations.of.get(other as usize).copied().flatten().zip(nodes.get(other as usize))
                else {
                    continue;
                };
                let was_counted = usual.contains_key(&(kind, to));
                let between = self.between_nodes(&node.ends, &others.ends, true);
                for (s, t, counted, pairs) in products(node, others, at == other) {
                    if was_counted && let Some(left) = left.get_mut(&(kind, s, to, t)) {
                        *left -= counted;
                    }
                    if pairs > 0 && between.headers != HeaderId::EMPTY {
                        self.add(&mut found, (s, t), &between, pairs, None);
                    }
                }
            }
        }
        for (&(from, s, to, t), &pairs) in left.iter().filter(|(_, left)| **left > 0) {
            let Some(between) = usual.get(&(from, to)).map(Rc::clone) else { continue };
            let shown = match found.contains_key(&(s, t)) {
                true => None,
                false => self.shown_of(&nodes, &node_of, (&sources, from, s), (&destinations, to, t)),
            };
            self.add(&mut found, (s, t), &between, pairs, shown);
        }
        found
    }

    /// The nodes, and by end the number of its node.
    fn nodes(&self, groups: &Groups) -> (Vec<Node>, Vec<u32>) {
        let ends = &self.ends.every.ends;
        let endpoints = &self.verifier.engine.classes.endpoints;
        let mut nodes: Vec<Node> = Vec::new();
        let mut node_of = Vec::with_capacity(ends.len());
        let mut known: BTreeMap<(bool, u32), u32> = BTreeMap::new();
        let whole: BTreeMap<u32, u32> = endpoints
            .whole_sources()
            .flat_map(|whole| endpoints.of_source(whole).into_iter().map(move |class| (class, whole)))
            .collect();
        for (position, end) in ends.iter().enumerate() {
            let (key, class, shares) = match end.unit {
                Some((class, _)) => ((true, class.0), Some(class), groups.of(class).to_vec()),
                None => {
                    let group = match whole.get(&end.class) {
                        Some(&source) => groups.of_source(source),
                        None => self.verifier.group_of_external(groups, end.class),
                    };
                    ((false, group), None, vec![(group, 1)])
                }
            };
            let number = *known.entry(key).or_insert_with(|| {
                nodes.push(Node { class, ends: Vec::new(), shares });
                u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
            });
            node_of.push(number);
            if let Some(node) = nodes.get_mut(number as usize) {
                node.ends.push(position);
            }
        }
        (nodes, node_of)
    }

    fn kinds(&mut self, nodes: &[Node], as_source: bool) -> Kinds {
        let destinations = self.verifier.engine.classes.endpoints.destinations();
        let meant: BTreeSet<usize> = self.ends.meant(as_source, self.doubtful).into_iter().collect();
        let mut interned: Interner<Vec<Alike>> = Interner::new();
        let mut kinds = Kinds { of: Vec::new(), ends: Vec::new(), members: BTreeMap::new(), units: BTreeMap::new() };
        for (number, node) in (0u32..).zip(nodes) {
            let mut alike = Vec::new();
            let mut own = Vec::new();
            for &position in node.ends.iter().filter(|position| meant.contains(position)) {
                let Some(&end) = self.ends.every.ends.get(position) else { continue };
                if as_source || (end.class as usize) < destinations {
                    alike.push(self.alike(position, end, as_source));
                    own.push(position);
                }
            }
            if own.is_empty() {
                kinds.of.push(None);
                continue;
            }
            let kind = interned.intern(alike);
            kinds.of.push(Some(kind));
            if kind as usize == kinds.ends.len() {
                kinds.ends.push(own);
            }
            for &(group, units) in &node.shares {
                kinds.members.entry((kind, group)).or_default().push(number);
                *kinds.units.entry((kind, group)).or_default() += units;
            }
        }
        kinds
    }

    /// What is not listed between the ends of two nodes: by what is common to their kinds, or `exact`.
    fn between_nodes(&mut self, from: &[usize], to: &[usize], exact: bool) -> Between {
        let mut between = Between::default();
        let destinations = self.verifier.engine.classes.endpoints.destinations();
        let every = Rc::clone(&self.ends.every);
        for (&source, &destination) in from.iter().flat_map(|source| to.iter().map(move |to| (source, to))) {
            let (Some(a), Some(b)) = (every.ends.get(source), every.ends.get(destination)) else { continue };
            if b.class as usize >= destinations {
                continue;
            }
            let arrives = self.arriving(a.class, b.class, exact);
            let Some((headers, certain)) = self.not_listed((source, destination), arrives) else { continue };
            between.headers = self.verifier.engine.sets.union(between.headers, headers);
            let externals = self.verifier.engine.classes.endpoints.externals();
            between.externals.extend([a, b].into_iter().map(|end| end.class).filter(|class| externals.contains(class)));
            between.shown.get_or_insert((source, destination, headers, certain));
        }
        between
    }

    fn arriving(&mut self, from: u32, to: u32, exact: bool) -> Arrives {
        let matrix = Rc::clone(&self.matrix);
        match exact {
            true => self.verifier.engine.arrives(&matrix, from, to),
            false => self.verifier.engine.common(&matrix, matrix.sources.of(from), matrix.destinations.of(to)),
        }
    }

    /// The nodes to which something else may go from a node than its kind says: itself, and its exceptions.
    fn apart(&mut self, at: u32, node: &Node, node_of: &[u32]) -> BTreeSet<u32> {
        let (matrix, every) = (Rc::clone(&self.matrix), Rc::clone(&self.ends.every));
        let mut apart: BTreeSet<u32> = node.class.map(|_| at).into_iter().collect();
        for end in node.ends.iter().filter_map(|&position| every.ends.get(position)) {
            for &(class, _) in self.verifier.engine.exceptions_from(&matrix, end.class) {
                apart.extend(every.at(class).iter().filter_map(|&other| node_of.get(other)));
            }
        }
        apart
    }

    /// Two ends of two kinds, in these groups, for which no exception holds.
    fn shown_of(
        &mut self,
        nodes: &[Node],
        node_of: &[u32],
        (sources, from, s): (&Kinds, u32, u32),
        (destinations, to, t): (&Kinds, u32, u32),
    ) -> Option<(usize, usize, HeaderId, bool)> {
        let others = destinations.members.get(&(to, t))?;
        for &at in sources.members.get(&(from, s))? {
            let node = nodes.get(at as usize)?;
            let apart = self.apart(at, node, node_of);
            if let Some(other) = others.iter().find(|other| !apart.contains(other)) {
                let ends = &nodes.get(*other as usize)?.ends;
                return self.between_nodes(&node.ends, ends, true).shown;
            }
        }
        None
    }

    fn add(
        &mut self,
        found: &mut BTreeMap<(u32, u32), StrayPairs>,
        groups: (u32, u32),
        between: &Between,
        pairs: u64,
        shown: Option<(usize, usize, HeaderId, bool)>,
    ) {
        if let Some(known) = found.get_mut(&groups) {
            known.pairs += pairs;
            known.headers = self.verifier.engine.sets.union(known.headers, between.headers);
            known.externals.extend(&between.externals);
            return;
        }
        let ends = &self.ends.every.ends;
        let shown = shown.or(between.shown).and_then(|(source, destination, headers, certain)| {
            Some((*ends.get(source)?, *ends.get(destination)?, headers, certain))
        });
        if let Some(shown) = shown {
            let (headers, externals) = (between.headers, between.externals.clone());
            found.insert(groups, StrayPairs { pairs, headers, externals, shown });
        }
    }
}

/// For each two groups of two nodes: the product of their units, and how many pairs of different units that is.
fn products(from: &Node, to: &Node, same: bool) -> Vec<(u32, u32, u64, u64)> {
    let of_pair = |&(s, units): &(u32, u64), &(t, others): &(u32, u64)| {
        let itself = if same && s == t { units } else { 0 };
        (s, t, units * others, units * others - itself)
    };
    from.shares.iter().flat_map(|source| to.shares.iter().map(move |other| of_pair(source, other))).collect()
}
