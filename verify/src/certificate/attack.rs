//! What attacks may own, layer by layer.

use crate::classes::ClassId;
use crate::lateral::{Attack, Graph, Origin};
use crate::properties::Settings;
use crate::reach::Verifier;
use crate::spread::{Limits, Spread};
use fixedbitset::FixedBitSet;
use seglab_policy::{AtMost, Peer, Pivot, Property, Selector};
use std::collections::{BTreeMap, BTreeSet};

impl Verifier<'_> {
    /// Attacks from one side of a property, in as few sets as prove it.
    pub(super) fn prove_paths(
        &mut self,
        property: &Property,
        settings: &Settings,
        from: &Peer,
        to: &Peer,
        via: Option<&Selector>,
    ) -> Vec<String> {
        let graph = self.graph(asked(property, settings));
        let avoid = via.map(|via| {
            let mut avoid = FixedBitSet::with_capacity(graph.classes);
            self.selected(via).for_each(|class| avoid.insert(class.index()));
            avoid
        });
        let (from, to) = (self.members(from), self.members(to));
        let avoided = |class: ClassId| avoid.as_ref().is_some_and(|avoid| avoid.contains(class.index()));
        // A start that is also a target may be reached by its own attack, and by no other.
        let target = |class: ClassId| {
            let certain = from.certainly(class) && via.is_none();
            to.possibly(class) && !certain
        };
        let units = from.classes.iter().map(|(class, _)| *class).filter(|class| !avoided(*class));
        let (apart, mut together): (Vec<ClassId>, Vec<ClassId>) = units.partition(|class| target(*class));
        let mut starts: Vec<Vec<Origin>> = apart.iter().map(|class| vec![Origin::Unit(*class, false)]).collect();
        together.sort_unstable();
        let target = |external: u32| {
            let certain = from.certainly_external(external) && via.is_none();
            to.possibly_external(external) && !certain
        };
        let externals = from.externals.iter().map(|(external, _)| *external);
        let (apart, outside): (Vec<u32>, Vec<u32>) = externals.partition(|external| target(*external));
        starts.extend(apart.iter().map(|external| vec![Origin::External(*external)]));
        let others = together.iter().map(|class| Origin::Unit(*class, false));
        let others = others.chain(outside.iter().map(|external| Origin::External(*external)));
        let others: Vec<Origin> =
            others.chain(from.sources.iter().map(|(source, _)| Origin::Source(*source))).collect();
        match property.pivot {
            // What one attack finds opens no doors to another; where nothing that they find together does either,
            // they are one all the same.
            Pivot::Exploitable if self.find_more_together(&graph, &others, avoid.as_ref(), property) => {
                starts.extend(self.by_cell(others));
            }
            _ if !others.is_empty() => starts.push(others),
            _ => {}
        }
        starts.iter().flat_map(|starts| self.attack(&graph, starts, avoid.as_ref(), property)).collect()
    }

    /// Starts one by one, but for external addresses that only addresses of units set apart: to the checker, which cuts
    /// addresses where address sets do, they are one.
    fn by_cell(&self, starts: Vec<Origin>) -> Vec<Vec<Origin>> {
        let classes = self.classes();
        let mut cells: BTreeMap<Vec<bool>, Vec<Origin>> = BTreeMap::new();
        let mut apart = Vec::new();
        for start in starts {
            let first = match start {
                Origin::External(class) => classes.endpoints.addresses(class).ranges().next(),
                Origin::Unit(..) | Origin::Source(_) => None,
            };
            match first {
                Some((first, _)) => {
                    let sets = classes.words.address_sets.values().iter();
                    let within = sets.map(|set| set.contains(first)).chain([first.is_ipv4()]);
                    cells.entry(within.collect()).or_default().push(start);
                }
                None => apart.push(vec![start]),
            }
        }
        apart.into_iter().chain(cells.into_values()).collect()
    }

    /// Whether attacks from several starts take more if they share what they find.
    fn find_more_together(
        &self,
        graph: &Graph,
        starts: &[Origin],
        avoid: Option<&FixedBitSet>,
        property: &Property,
    ) -> bool {
        let limits = Limits { avoid, connections_max: property.hops_max, doubtful: true };
        let mut apart = FixedBitSet::with_capacity(graph.classes);
        for start in starts {
            apart.union_with(&Spread::new(graph, vec![*start], limits).classes);
        }
        // A bound on connections counts them for each attack.
        property.hops_max.is_some() || !Spread::new(graph, starts.to_vec(), limits).classes.is_subset(&apart)
    }

    /// One attack from all of some classes, if what it takes and any of them stay within a bound: then so do all
    /// numbers, and whatever is asked of them.
    pub(super) fn attack_within(
        &self,
        graph: &Graph,
        starts: &[ClassId],
        avoid: Option<&FixedBitSet>,
        property: &Property,
        at_most: AtMost,
    ) -> Option<Vec<String>> {
        let most = at_most.most(self.design().units().len());
        let weights = self.weights(at_most);
        let weight = |class: usize| weights.as_ref().map_or(1, |weights| weights.get(class).copied().unwrap_or(0));
        let origins: Vec<Origin> = starts.iter().map(|class| Origin::Unit(*class, false)).collect();
        let limits = Limits { avoid, connections_max: property.hops_max, doubtful: true };
        let taken = Spread::new(graph, origins.clone(), limits).classes;
        let all: u64 =
            taken.ones().map(|class| weight(class) * graph.sizes.get(class).copied().unwrap_or(0) as u64).sum();
        let itself = starts.iter().map(|class| class.index()).filter(|class| !taken.contains(*class)).map(weight).max();
        (all + itself.unwrap_or(0) <= most).then(|| self.attack(graph, &origins, avoid, property))
    }

    /// Attacks from each class of units.
    pub(super) fn attack_by_attack(
        &self,
        graph: &Graph,
        starts: &[ClassId],
        avoid: Option<&FixedBitSet>,
        property: &Property,
    ) -> Vec<String> {
        let each = starts.iter().map(|class| [Origin::Unit(*class, false)]);
        each.flat_map(|start| self.attack(graph, &start, avoid, property)).collect()
    }

    fn attack(
        &self,
        graph: &Graph,
        starts: &[Origin],
        avoid: Option<&FixedBitSet>,
        property: &Property,
    ) -> Vec<String> {
        let limits = Limits { avoid, connections_max: property.hops_max, doubtful: true };
        let spread = Spread::new(graph, starts.to_vec(), limits);
        let mut lines = vec![self.starts_line(starts)];
        let depths: BTreeSet<u32> = match property.hops_max {
            None => [u32::MAX].into(),
            Some(_) => spread.taken.iter().map(|(_, depth, _)| *depth).chain([0]).collect(),
        };
        // A set for each number of connections, until there is nothing more to take.
        let first = if property.hops_max.is_none() { u32::MAX } else { 0 };
        for most in first..=depths.last().copied().unwrap_or(first) {
            let taken = spread.taken.iter().filter(|(_, depth, _)| *depth <= most).map(|(taken, _, _)| taken.class);
            let taken: BTreeSet<ClassId> = taken.collect();
            let held = self.held(property.pivot, starts, &taken);
            let mut line = format!("layer {} {}", self.ranges_of(taken), held.len());
            held.iter().for_each(|credential| super::string(&mut line, credential));
            lines.push(line);
        }
        lines
    }

    /// The credentials that starts and taken units hold, where they count.
    fn held(&self, pivot: Pivot, starts: &[Origin], taken: &BTreeSet<ClassId>) -> BTreeSet<&str> {
        let of_starts = starts.iter().filter_map(|start| match start {
            Origin::Unit(class, _) => Some(*class),
            Origin::External(_) | Origin::Source(_) => None,
        });
        let owned = of_starts.chain(taken.iter().copied()).filter(|_| pivot == Pivot::Exploitable);
        let units = owned.map(|class| self.design().unit(self.classes().representative(class)));
        units.flat_map(|unit| unit.credentials.iter().map(String::as_str)).collect()
    }

    pub(super) fn starts_line(&self, starts: &[Origin]) -> String {
        let classes = starts.iter().filter_map(|start| match start {
            Origin::Unit(class, _) => Some(*class),
            Origin::External(_) | Origin::Source(_) => None,
        });
        let units = self.ranges_of(classes);
        let endpoints = &self.engine.classes.endpoints;
        let externals = starts.iter().filter_map(|start| match start {
            Origin::External(external) => Some(endpoints.addresses(*external)),
            Origin::Unit(..) | Origin::Source(_) => None,
        });
        let externals = externals.fold(seglab_policy::AddressSet::empty(), |all, addresses| all.union(addresses));
        let ranges: Vec<String> = externals.ranges().map(|(first, last)| format!(" {first}-{last}")).collect();
        let named: BTreeSet<u32> = starts
            .iter()
            .filter_map(|start| match start {
                Origin::Source(class) => self.engine.source_id(*class).map(|id| id.0),
                Origin::Unit(..) | Origin::External(_) => None,
            })
            .collect();
        let sources: String = named.iter().map(|source| format!(" {source}")).collect();
        format!("attack {units} {}{} {}{sources}", ranges.len(), ranges.concat(), named.len())
    }
}

/// The attack that a property asks about.
pub(super) fn asked(property: &Property, settings: &Settings) -> Attack {
    Attack {
        pivot: property.pivot,
        view: property.view,
        trust: property.trust,
        as_if_enforced: settings.as_if_enforced,
    }
}
