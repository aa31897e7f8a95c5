//! Building a table: classes of sources and destinations, the rules that match them, and the form that has room.

use crate::blueprint::{Blueprint, Interned, ScopeSide};
use crate::column::{Column, id, ids};
use crate::engine::Limits;
use crate::partition::{Partition, classes_of};
use crate::population::Matches;
use crate::profile::ProfileMaker;
use crate::rule_list::RuleLists;
use crate::table::{ClassMap, ClassRules, Form, Hashed, Listed, Table};
use crate::tier_plan::Matched;
use rustc_hash::FxHashMap;

/// One side of a table: the class of each identity, and the rules that match each class.
struct TableSide {
    class_of: Column<u32>,
    classes: usize,
}

impl Table {
    /// Builds the table of a blueprint; listed if `maker` is none, or if its profiles find no room. If even the lists
    /// would take more than the limits say, the error is how much. \[bytes\]
    pub(crate) fn build(
        blueprint: &Blueprint,
        interned: &Interned,
        names_of: &Column<u32>,
        maker: Option<&mut ProfileMaker>,
        limits: Limits,
    ) -> Result<Self, usize> {
        let mut destinations = cut(blueprint, interned, ScopeSide::Destination, names_of.len());
        // What names stand for matters only to rules that use any.
        let named = blueprint.rules.iter().any(|rule| interned.has_names(rule.services));
        if named {
            destinations.split_by(|identity| names_of[identity]);
        }
        let sources = TableSide::new(cut(blueprint, interned, ScopeSide::Source, names_of.len()));
        let destinations = TableSide::new(destinations);
        let from_classes = matched_classes(blueprint, interned, ScopeSide::Source, &sources, limits)?;
        let to_classes = matched_classes(blueprint, interned, ScopeSide::Destination, &destinations, limits)?;
        let mut to = class_rules(blueprint, interned, ScopeSide::Destination, &destinations, &to_classes);
        if named {
            for (class, &names) in destinations.class_of.iter().zip(names_of.iter()) {
                to[*class].names = names;
            }
        }
        let listed = Listed {
            plan: blueprint.plan.clone(),
            services: blueprint.rules.iter().map(|rule| rule.services).collect(),
            everywhere: rules_for_all(blueprint, interned),
            sources: class_rules(blueprint, interned, ScopeSide::Source, &sources, &from_classes),
            destinations: to,
        };
        let form = maker
            .and_then(|maker| Builder::new(blueprint, &listed, &to_classes, maker).build(limits))
            .unwrap_or_else(|| Form::Listed(Box::new(listed)));
        Ok(Table {
            sources: ClassMap::new(sources.class_of, sources.classes),
            destinations: ClassMap::new(destinations.class_of, destinations.classes),
            form,
        })
    }
}

impl TableSide {
    fn new(partition: Partition) -> Self {
        Self { classes: partition.len(), class_of: partition.into_classes() }
    }
}

/// Cuts the identities into classes that the rules tell apart on one side.
fn cut(blueprint: &Blueprint, interned: &Interned, side: ScopeSide, identities: usize) -> Partition {
    let mut partition = Partition::new(identities);
    let mut peers: Vec<u32> = blueprint.rules.iter().map(|rule| rule.peer(side)).collect();
    peers.sort_unstable();
    peers.dedup();
    for peer in peers {
        if let Matches::Some(members) = &interned.peers[peer] {
            partition.split(&members.certain);
            partition.split(&members.possible);
        }
    }
    for scope in blueprint.scopes.iter().flatten().filter(|scope| scope.side == side) {
        partition.split(&interned.scopes[scope.units]);
    }
    partition
}

/// Rules that match every pair.
fn rules_for_all(blueprint: &Blueprint, interned: &Interned) -> Vec<Matched> {
    let matching =
        |(rule, at): (u32, &crate::blueprint::RulePeers)| match (&interned.peers[at.from], &interned.peers[at.to]) {
            (Matches::Everything { certain: from }, Matches::Everything { certain: to }) => {
                Some(Matched { rule, certain: *from && *to })
            }
            _ => None,
        };
    (0u32..).zip(&blueprint.rules).filter_map(matching).collect()
}

/// For each peer of one side that does not match everything, the classes that it matches, ascending, each with its
/// certainty.
type MatchedClasses = FxHashMap<u32, Vec<(u32, bool)>>;

/// The classes that the rules match on one side, unless listing the rules of every class would take too much memory:
/// it is counted before it is taken.
fn matched_classes(
    blueprint: &Blueprint,
    interned: &Interned,
    side: ScopeSide,
    classes: &TableSide,
    limits: Limits,
) -> Result<MatchedClasses, usize> {
    let mut matched = MatchedClasses::default();
    let mut listed_bytes = 0usize;
    for peer in blueprint.rules.iter().map(|rule| rule.peer(side)) {
        let Matches::Some(members) = &interned.peers[peer] else { continue };
        let of_peer = matched.entry(peer).or_insert_with(|| {
            let certain = classes_of(&classes.class_of, &members.certain).into_iter().map(|class| (class, true));
            let possible = classes_of(&classes.class_of, &members.possible).into_iter().map(|class| (class, false));
            let mut of_peer: Vec<(u32, bool)> = certain.chain(possible).collect();
            of_peer.sort_unstable();
            of_peer
        });
        listed_bytes += of_peer.len() * size_of::<Matched>();
        if listed_bytes > limits.memory_bytes {
            return Err(listed_bytes);
        }
    }
    Ok(matched)
}

/// The rules that match each class of a side.
fn class_rules(
    blueprint: &Blueprint,
    interned: &Interned,
    side: ScopeSide,
    classes: &TableSide,
    matched: &MatchedClasses,
) -> Column<ClassRules> {
    let empty = ClassRules { scope: vec![true; blueprint.plan.tiers.len()], ..ClassRules::default() };
    let mut rules_of = Column::filled(empty, classes.classes);
    for (tier, scope) in blueprint.scopes.iter().enumerate() {
        let Some(scope) = scope.as_ref().filter(|scope| scope.side == side) else { continue };
        let inside = classes_of(&classes.class_of, &interned.scopes[scope.units]);
        for class in ids(classes.classes) {
            if let Some(holds) = rules_of[class].scope.get_mut(tier) {
                *holds = inside.binary_search(&class).is_ok();
            }
        }
    }
    for (rule, peers) in (0u32..).zip(&blueprint.rules) {
        for &(class, certain) in matched.get(&peers.peer(side)).into_iter().flatten() {
            match &interned.peers[peers.peer(side.other())] {
                Matches::Everything { certain: other } => {
                    rules_of[class].alone.push(Matched { rule, certain: certain && *other });
                }
                Matches::Some(_) => rules_of[class].paired.push(Matched { rule, certain }),
            }
        }
    }
    rules_of
}

/// Fills a dense or hashed table.
struct Builder<'a> {
    blueprint: &'a Blueprint,
    listed: &'a Listed,
    maker: &'a mut ProfileMaker,
    /// The classes of destinations that each peer matches.
    to_classes: &'a MatchedClasses,
    groups: [Groups; 2],
    lists: RuleLists<Matched>,
    profiles: FxHashMap<(u32, u32, u32), u32>,
}

/// Classes that no rule tells apart on its own: what tells them apart are pairs.
struct Groups {
    of_class: Column<u32>,
    /// A class of each group.
    first: Column<u32>,
}

impl Groups {
    fn new(classes: &Column<ClassRules>) -> Self {
        let mut known: FxHashMap<(&[Matched], &[bool], u32), u32> = FxHashMap::default();
        let mut groups = Groups { of_class: Column::default(), first: Column::default() };
        for (class, rules) in (0u32..).zip(classes.iter()) {
            let key = (rules.alone.as_slice(), rules.scope.as_slice(), rules.names);
            let group = *known.entry(key).or_insert_with(|| groups.first.push(class));
            groups.of_class.push(group);
        }
        groups
    }
}

impl<'a> Builder<'a> {
    fn new(
        blueprint: &'a Blueprint,
        listed: &'a Listed,
        to_classes: &'a MatchedClasses,
        maker: &'a mut ProfileMaker,
    ) -> Self {
        Self {
            blueprint,
            listed,
            maker,
            to_classes,
            groups: [Groups::new(&listed.sources), Groups::new(&listed.destinations)],
            lists: RuleLists::default(),
            profiles: FxHashMap::default(),
        }
    }

    /// The dense form, or the hashed one; `None` if neither has room.
    fn build(mut self, limits: Limits) -> Option<Form> {
        let width = self.listed.destinations.len();
        let pairs = self.listed.sources.len().saturating_mul(width);
        let singled_out = self.singled_out();
        if singled_out > limits.singled_out {
            return None;
        }
        if pairs <= limits.dense_pairs && pairs * size_of::<u32>() <= limits.memory_bytes {
            return self.dense(id(width));
        }
        let [sources, destinations] = &self.groups;
        let group_pairs = sources.first.len().saturating_mul(destinations.first.len());
        let bytes = (group_pairs + 4 * singled_out).saturating_mul(size_of::<u32>());
        (group_pairs <= limits.group_pairs && bytes <= limits.memory_bytes).then(|| self.hashed())?
    }

    /// How often rules single out pairs.
    fn singled_out(&self) -> usize {
        let of_class = |rules: &ClassRules| rules.paired.iter().map(|entry| self.to_classes_of(entry.rule).len()).sum();
        self.listed.sources.iter().map(of_class).fold(0usize, usize::saturating_add)
    }

    fn to_classes_of(&self, rule: u32) -> &[(u32, bool)] {
        let to = self.blueprint.rules.get(rule as usize).map(|peers| peers.to);
        to.and_then(|peer| self.to_classes.get(&peer)).map_or(&[], Vec::as_slice)
    }

    fn dense(&mut self, width: u32) -> Option<Form> {
        let mut profiles = Vec::with_capacity(self.listed.sources.len() * width as usize);
        let mut row = Row::new(width);
        for source in ids(self.listed.sources.len()) {
            self.fill(source, &mut row);
            for destination in 0..width {
                profiles.push(self.profile(source, destination, row.lists[destination])?);
            }
            row.clear();
        }
        Some(Form::Dense { width, profiles: profiles.into() })
    }

    fn hashed(&mut self) -> Option<Form> {
        let mut singled_out = FxHashMap::default();
        let mut row = Row::new(id(self.listed.destinations.len()));
        for source in ids(self.listed.sources.len()) {
            self.fill(source, &mut row);
            for &destination in &row.touched {
                let profile = self.profile(source, destination, row.lists[destination])?;
                if profile != self.profile(source, destination, 0)? {
                    singled_out.insert(Hashed::key(source, destination), profile);
                }
            }
            row.clear();
        }
        let [sources, destinations] = self.groups.each_ref().map(|groups| groups.first.clone());
        let mut usual = Vec::with_capacity(sources.len() * destinations.len());
        for &source in sources.iter() {
            for &destination in destinations.iter() {
                usual.push(self.profile(source, destination, 0)?);
            }
        }
        singled_out.shrink_to_fit();
        let [source_group, destination_group] = self.groups.each_ref().map(|groups| groups.of_class.clone());
        let width = id(destinations.len());
        let hashed = Hashed { singled_out, source_group, destination_group, width, usual: usual.into() };
        Some(Form::Hashed(Box::new(hashed)))
    }

    /// Adds up the rules that single out the pairs of a class of sources.
    fn fill(&mut self, source: u32, row: &mut Row) {
        let mut lists = std::mem::take(&mut self.lists);
        for ours in &self.listed.sources[source].paired {
            // Neighbours mostly extend the same list, so the last step is kept at hand.
            let mut last = None;
            for &(destination, certain) in self.to_classes_of(ours.rule) {
                let matched = Matched { rule: ours.rule, certain: ours.certain && certain };
                let list = row.lists[destination];
                if list == 0 {
                    row.touched.push(destination);
                }
                let extended = match last {
                    Some((from, by, to)) if (from, by) == (list, matched) => to,
                    _ => lists.extend(list, matched),
                };
                last = Some((list, matched, extended));
                row.lists[destination] = extended;
            }
        }
        self.lists = lists;
    }

    fn profile(&mut self, source: u32, destination: u32, list: u32) -> Option<u32> {
        let [sources, destinations] = &self.groups;
        let key = (sources.of_class[source], destinations.of_class[destination], list);
        if let Some(&known) = self.profiles.get(&key) {
            return Some(known);
        }
        let mut matched = self.listed.everywhere.clone();
        matched.extend(&self.listed.sources[source].alone);
        matched.extend(&self.listed.destinations[destination].alone);
        matched.extend(self.lists.entries(list));
        matched.sort_unstable();
        let in_scope = |tier| self.listed.in_scope(source, destination, tier);
        let services = |rule: u32| self.blueprint.rules.get(rule as usize).map_or(0, |peers| peers.services);
        let names = self.listed.destinations[destination].names;
        let profile = self.maker.profile(&self.blueprint.plan, &matched, in_scope, services, names)?;
        self.profiles.insert(key, profile);
        Some(profile)
    }
}

/// For one class of sources, the rules that single out its pairs, by class of destinations.
struct Row {
    lists: Column<u32>,
    touched: Vec<u32>,
}

impl Row {
    fn new(width: u32) -> Self {
        Self { lists: Column::filled(0, width as usize), touched: Vec::new() }
    }

    fn clear(&mut self) {
        for destination in self.touched.drain(..) {
            self.lists[destination] = 0;
        }
    }
}
