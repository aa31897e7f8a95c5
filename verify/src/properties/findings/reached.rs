//! Who reaches whom against `isolated` or `only-through`, by groups.
//!
//! What can be reached from a start is what it is one step away from, and what everybody is whom it can take. Both are
//! sets that share their equal parts, and the second is put together from the first part by part, so that no pair is
//! looked at. Under `exploitable`, where what can be taken is no union, each start is followed by itself.

use super::{Finding, On, READINGS};
use crate::classes::ClassId;
use crate::closure::Closures;
use crate::counterexample::{Flaw, Goal, Target};
use crate::groups::Groups;
use crate::intern::HeaderId;
use crate::lateral::{Attack, Graph, Origin};
use crate::properties::paths::{Look, Prefer, Search};
use crate::properties::{Settled, last_step};
use crate::reach::Verifier;
use crate::rows::{Item, Rows};
use crate::shared_set::{Image, Pool, SetId, Sums};
use crate::spread::{By, Cause, Limits, Spread};
use fixedbitset::FixedBitSet;
use seglab_policy::{Pivot, Property, Service};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What can be reached by one step: from a unit of each class, from one whose host is owned, and from outside.
struct Last {
    pool: Pool,
    plain: Vec<SetId>,
    hosted: Vec<SetId>,
    outside: BTreeMap<Origin, SetId>,
    /// False if it may be more than the services of the claim allow.
    exact: bool,
}

/// What can be reached from each start.
struct Reached {
    pool: Pool,
    from: Vec<(Origin, SetId)>,
    exact: bool,
}

/// Pairs between two groups, and a start that shows one.
type Counted = BTreeMap<(u32, u32), (u64, Origin)>;

impl Verifier<'_> {
    /// Who reaches whom, group by group.
    pub(super) fn reached(
        &mut self,
        property: &Property,
        attack: Attack,
        groups: &Groups,
    ) -> Result<Vec<Finding>, Flaw> {
        let graph = self.graph(attack);
        let last = self.graph(Attack { pivot: last_step(attack.pivot), ..attack });
        let (mut findings, mut known) = (Vec::new(), Counted::new());
        let mut before: Option<(Vec<Origin>, FixedBitSet)> = None;
        for doubtful in READINGS {
            let search = self.search_of(property, attack, doubtful).ok_or(Flaw::NoPath)?;
            let ends = (search.starts.clone(), search.targets.clone());
            let is_doubtful = [&graph, &last].into_iter().any(|graph| graph.doubts().contains(&true));
            if !is_doubtful && before.as_ref() == Some(&ends) {
                break;
            }
            before = Some(ends);
            let reached = self.reached_from(&search, &graph);
            let counted = self.counted(&search, reached.from, reached.pool, groups, &graph);
            for (&(from, to), &(count, origin)) in counted.iter().filter(|(pair, _)| !known.contains_key(pair)) {
                let starts = if reached.exact { vec![origin] } else { self.starts_in(&search, groups, from) };
                let shown = self.shown_reach(&search, starts, (from, to), groups, (&graph, &last))?;
                // Counted by all services, it may not be there on those of the claim.
                let Some(verdict) = shown else {
                    if reached.exact {
                        return Err(Flaw::NoPath);
                    }
                    continue;
                };
                let count = if reached.exact { count } else { 1 };
                let (source, target) = (groups.party(from), groups.party(to));
                let at_least = !reached.exact;
                findings.push(Finding { from: source, to: target, on: On::Anything, count, at_least, verdict });
            }
            known.extend(counted);
        }
        Ok(findings)
    }

    /// An attack from one of the starts into a group.
    fn shown_reach(
        &mut self,
        search: &Search<'_>,
        starts: Vec<Origin>,
        (from, to): (u32, u32),
        groups: &Groups,
        (graph, last): (&Rc<Graph>, &Graph),
    ) -> Result<Option<Settled>, Flaw> {
        let mut targets = self.targets_in(search, groups, to, graph);
        if let [start] = starts.as_slice()
            && self.is_alone(*start)
        {
            bit_of(*start, graph).into_iter().for_each(|bit| targets.set(bit, false));
        }
        let limits =
            Limits { avoid: search.avoid.as_ref(), connections_max: search.hops_max, doubtful: search.doubtful };
        let spread = Spread::new(graph, starts, limits);
        let Some(goal) = self.goal(search, &mut Look::new(last, &targets), last, &spread) else { return Ok(None) };
        let mut prefer = Prefer::default();
        if let [Origin::Unit(class, _)] = spread.starts.as_slice() {
            prefer.start = Some(self.unit_in(groups, from, *class));
        }
        let class = match goal {
            Some(Goal { target: Target::Class(class), .. }) => Some(class),
            Some(_) => None,
            None => spread.taken.iter().map(|(taken, _, _)| taken.class).find(|class| targets.contains(class.index())),
        };
        if let Some(class) = class {
            let members = self.engine.classes.members(class).iter().copied();
            let members = members.filter(|&unit| groups.holds(to, unit) && Some(unit) != prefer.start);
            prefer.targets = members.take(1).collect();
        }
        self.settled(search, &targets, graph, &spread, goal, &prefer).map(Some)
    }

    fn starts_in(&self, search: &Search<'_>, groups: &Groups, group: u32) -> Vec<Origin> {
        let inside = |origin: &&Origin| match **origin {
            Origin::Unit(class, _) => groups.share(class, group) > 0,
            Origin::External(external) => self.group_of_external(groups, external) == group,
            Origin::Source(source) => groups.of_source(source) == group,
        };
        search.starts.iter().filter(inside).copied().collect()
    }

    /// The targets of a search that are in a group.
    fn targets_in(&self, search: &Search<'_>, groups: &Groups, group: u32, graph: &Graph) -> FixedBitSet {
        let mut targets = FixedBitSet::with_capacity(search.targets.len());
        for bit in search.targets.ones() {
            let inside = match class_of(bit, graph) {
                Ok(class) => groups.share(class, group) > 0,
                Err(external) => self.group_of_external(groups, external) == group,
            };
            targets.set(bit, inside);
        }
        targets
    }

    /// How many pairs there are from group to group.
    fn counted(
        &self,
        search: &Search<'_>,
        from: Vec<(Origin, SetId)>,
        mut pool: Pool,
        groups: &Groups,
        graph: &Graph,
    ) -> Counted {
        let mut starts: Vec<(Origin, SetId)> = Vec::new();
        // External addresses of a group count as one: what any of them reaches.
        let mut outside: BTreeMap<u32, (SetId, Vec<(Origin, SetId)>)> = BTreeMap::new();
        for (origin, mut reached) in from {
            let group = match origin {
                Origin::Unit(..) => {
                    starts.push((origin, reached));
                    continue;
                }
                Origin::External(external) => self.group_of_external(groups, external),
                Origin::Source(source) => groups.of_source(source),
            };
            let back = |bit: &usize| search.targets.contains(*bit) && self.is_alone(origin);
            if let Some(bit) = bit_of(origin, graph).filter(back).and_then(|bit| u32::try_from(bit).ok()) {
                reached = pool.changed(reached, &[(bit, false)]);
            }
            let known = outside.entry(group).or_default();
            known.0 = pool.union(known.0, reached);
            known.1.push((origin, reached));
        }
        let mut counted = Counted::new();
        for to in 0..groups.len() {
            let targets = self.targets_in(search, groups, to, graph);
            if targets.is_clear() {
                continue;
            }
            let mut weights = vec![0; search.targets.len()];
            for bit in targets.ones() {
                let weight = class_of(bit, graph).map_or(1, |class| groups.share(class, to));
                weights.get_mut(bit).into_iter().for_each(|at| *at = usize::try_from(weight).unwrap_or(usize::MAX));
            }
            let mut sums = Sums::new(&pool, &weights);
            let mut others = |set: SetId| {
                let sum = sums.of(set) as u64;
                if groups.is_of_units(to) { sum } else { sum.min(1) }
            };
            let mut add = |group: u32, pairs: u64, origin: Origin| {
                if pairs > 0 {
                    counted.entry((group, to)).or_insert((0, origin)).0 += pairs;
                }
            };
            for &(origin, reached) in &starts {
                let Origin::Unit(class, _) = origin else { continue };
                let reaches = others(reached);
                let itself = targets.contains(class.index()) && pool.contains(reached, class.index());
                for &(group, units) in groups.of(class) {
                    add(group, units * (reaches - u64::from(itself && group == to)), origin);
                }
            }
            for (&group, (reached, starts)) in &outside {
                let pairs = others(*reached);
                // Whoever reaches something there shows it.
                if let Some((origin, _)) = starts.iter().find(|(_, reached)| others(*reached) > 0) {
                    add(group, pairs, *origin);
                }
            }
        }
        counted
    }

    /// What can be reached from each start.
    fn reached_from(&mut self, search: &Search<'_>, graph: &Rc<Graph>) -> Reached {
        let mut last = self.last(search, graph);
        let avoided = |class: usize| search.avoid.as_ref().is_some_and(|avoid| avoid.contains(class));
        let from = match (search.attack.pivot, search.hops_max) {
            (Pivot::Exploitable, _) => {
                search.starts.iter().map(|&start| (start, followed(search, graph, &mut last, start))).collect()
            }
            (_, None) => {
                let after = last.after(graph, &avoided, true);
                let closures = match &search.avoid {
                    Some(avoid) => Rc::new(Closures::new(graph, Some(avoid), search.doubtful)),
                    None => self.closures(search.attack, false, search.doubtful),
                };
                let each = |number: usize| taken_on(&after, &avoided, number);
                let mut image = Image::new(closures.pool());
                let mut reach = |start: Origin| {
                    let further = image.of(closures.taken(start), &mut last.pool, &each);
                    let first = last.first(start, &after);
                    last.pool.union(first, further)
                };
                search.starts.iter().map(|&start| (start, reach(start))).collect()
            }
            (_, Some(most)) => within(search, graph, &mut last, &avoided, most),
        };
        Reached { pool: last.pool, from, exact: last.exact }
    }

    /// What can be reached by one step, on the services of the claim.
    fn last(&mut self, search: &Search<'_>, graph: &Graph) -> Last {
        let attack = Attack { pivot: last_step(search.attack.pivot), ..search.attack };
        let every = search.services.iter().any(|service| matches!(service, Service::Any));
        let outside = || search.starts.iter().copied().filter(|start| !matches!(start, Origin::Unit(..)));
        let classes: Vec<ClassId> = self.engine.classes.numbers().collect();
        if every || attack.pivot == Pivot::EitherWay {
            let last = self.graph(attack);
            let steps = |origin: Origin| last.steps(origin).get(search.doubtful);
            return Last {
                pool: last.pool.clone(),
                plain: classes.iter().map(|&class| steps(Origin::Unit(class, false))).collect(),
                hosted: classes.iter().map(|&class| steps(Origin::Unit(class, true))).collect(),
                outside: outside().map(|origin| (origin, steps(origin))).collect(),
                exact: every,
            }
            .without_selves(graph);
        }
        let width = graph.login_bit(0);
        let mut items = Vec::new();
        for bit in search.targets.ones().filter(|bit| *bit < width) {
            let (endpoints, class) = match class_of(bit, graph) {
                Ok(class) => (self.engine.endpoints_of(class), Some(class)),
                Err(external) => (Rc::from([external]), None),
            };
            let counts = self.services_at(search, class, true);
            // What no header takes is never reached.
            if counts != HeaderId::EMPTY {
                items.push(Item { bit, endpoints, counts: Some(counts) });
            }
        }
        let mut pool = Pool::new(width);
        let mut rows = Rows::new(&mut self.engine, attack, items, Vec::new(), width);
        let mut row = |verifier: &mut Self, from: Rc<[u32]>, hosted: bool| {
            rows.row(&mut verifier.engine, &mut pool, &from, hosted).get(search.doubtful)
        };
        let mut plain = Vec::with_capacity(classes.len());
        let mut hosted = vec![SetId::EMPTY; classes.len()];
        for &class in &classes {
            let from = self.engine.endpoints_of(class);
            plain.push(row(self, from, false));
        }
        for &class in graph.guests.iter().flatten() {
            let from = self.engine.endpoints_of(class);
            let steps = row(self, from, true);
            hosted.get_mut(class.index()).into_iter().for_each(|known| *known = steps);
        }
        let mut from_outside = BTreeMap::new();
        for origin in outside() {
            let from: Rc<[u32]> = match origin {
                Origin::External(external) => Rc::from([external]),
                Origin::Source(source) => self.engine.classes.endpoints.of_source(source).into(),
                Origin::Unit(..) => continue,
            };
            from_outside.insert(origin, row(self, from, false));
        }
        Last { pool, plain, hosted, outside: from_outside, exact: true }.without_selves(graph)
    }
}

impl Last {
    /// Leaves out what a unit does to itself: who is taken has not been reached by that, unless it has a twin.
    fn without_selves(mut self, graph: &Graph) -> Self {
        for steps in [&mut self.plain, &mut self.hosted] {
            for (class, set) in (0u32..).zip(steps) {
                if graph.size(ClassId(class)) == 1 && self.pool.contains(*set, class as usize) {
                    *set = self.pool.changed(*set, &[(class, false)]);
                }
            }
        }
        self
    }

    fn of(&self, origin: Origin) -> SetId {
        let known = match origin {
            Origin::Unit(class, false) => self.plain.get(class.index()),
            Origin::Unit(class, true) => self.hosted.get(class.index()),
            Origin::External(_) | Origin::Source(_) => self.outside.get(&origin),
        };
        known.copied().unwrap_or_default()
    }

    /// What an owner of a unit of each class has: what runs on it, and, where a connection is left, what can be
    /// reached by one from there.
    fn after(&mut self, graph: &Graph, avoided: &dyn Fn(usize) -> bool, connects: bool) -> Vec<SetId> {
        let classes = (0u32..).take(graph.classes).map(ClassId);
        classes
            .map(|class| {
                let mut all = if connects { self.of(Origin::Unit(class, false)) } else { SetId::EMPTY };
                for guest in guests(graph, class, avoided) {
                    let taken = self.pool.changed(SetId::EMPTY, &[(guest.0, true)]);
                    all = self.pool.union(all, taken);
                    if connects {
                        all = self.pool.union(all, self.of(Origin::Unit(guest, true)));
                    }
                }
                all
            })
            .collect()
    }

    /// What a start has before it takes anybody.
    fn first(&self, start: Origin, after: &[SetId]) -> SetId {
        match start {
            Origin::Unit(class, _) => after.get(class.index()).copied().unwrap_or_default(),
            Origin::External(_) | Origin::Source(_) => self.of(start),
        }
    }
}

/// The classes of what runs on the unit of a class, and on that.
fn guests(graph: &Graph, class: ClassId, avoided: &dyn Fn(usize) -> bool) -> Vec<ClassId> {
    let (mut found, mut open) = (Vec::new(), vec![class]);
    while let Some(host) = open.pop() {
        for &guest in graph.guests(host).iter().filter(|guest| !avoided(guest.index())) {
            found.push(guest);
            open.push(guest);
        }
    }
    found
}

/// What comes with a number of a set of what was taken: with a class what follows from it, with others nothing.
fn taken_on(after: &[SetId], avoided: &dyn Fn(usize) -> bool, number: usize) -> SetId {
    if avoided(number) { SetId::EMPTY } else { after.get(number).copied().unwrap_or_default() }
}

/// What can be reached from each start by at most so many connections.
fn within(
    search: &Search<'_>,
    graph: &Graph,
    last: &mut Last,
    avoided: &dyn Fn(usize) -> bool,
    most: u32,
) -> Vec<(Origin, SetId)> {
    // Next steps from a unit of each class, those from what runs on it among them.
    let mut steps = graph.pool.clone();
    let whole: Vec<SetId> = (0u32..)
        .take(graph.classes)
        .map(|class| {
            let own = graph.steps(Origin::Unit(ClassId(class), false)).get(search.doubtful);
            guests(graph, ClassId(class), avoided)
                .into_iter()
                .fold(own, |all, guest| steps.union(all, graph.steps(Origin::Unit(guest, true)).get(search.doubtful)))
        })
        .collect();
    let first = last.after(graph, avoided, most > 0);
    // Before any connection there is what runs on the start; so there is on whom the last one takes.
    let mut before = last.after(graph, avoided, false);
    let mut reached = before.clone();
    for _ in 0..most {
        let mut image = Image::new(&steps);
        let each = |number: usize| taken_on(&reached, avoided, number);
        let mut next = Vec::with_capacity(first.len());
        for (&first, &steps) in first.iter().zip(&whole) {
            let further = image.of(steps, &mut last.pool, &each);
            next.push(last.pool.union(first, further));
        }
        let is_the_same = next == reached;
        before = std::mem::replace(&mut reached, next);
        if is_the_same {
            break;
        }
    }
    let mut image = Image::new(&graph.pool);
    let each = |number: usize| taken_on(&before, avoided, number);
    let mut found = Vec::with_capacity(search.starts.len());
    for &start in &search.starts {
        let set = match start {
            Origin::Unit(class, _) => reached.get(class.index()).copied().unwrap_or_default(),
            Origin::External(_) | Origin::Source(_) if most == 0 => SetId::EMPTY,
            Origin::External(_) | Origin::Source(_) => {
                let further = image.of(graph.steps(start).get(search.doubtful), &mut last.pool, &each);
                last.pool.union(last.of(start), further)
            }
        };
        found.push((start, set));
    }
    found
}

/// What can be reached from one start, followed step by step.
fn followed(search: &Search<'_>, graph: &Graph, last: &mut Last, start: Origin) -> SetId {
    let limits = Limits { avoid: search.avoid.as_ref(), connections_max: search.hops_max, doubtful: search.doubtful };
    let spread = Spread::new(graph, vec![start], limits);
    let mut all = SetId::EMPTY;
    for (by, depth, cause) in spread.everybody() {
        if let (By::Taken(taken), Some(Cause::Host(_))) = (by, cause) {
            let guest = last.pool.changed(SetId::EMPTY, &[(taken.class.0, true)]);
            all = last.pool.union(all, guest);
        }
        if search.hops_max.is_none_or(|most| depth < most)
            && let Some(origin) = spread.origin(by)
        {
            all = last.pool.union(all, last.of(origin));
        }
    }
    all
}

/// The class of a bit, or the endpoint class of external addresses.
fn class_of(bit: usize, graph: &Graph) -> Result<ClassId, u32> {
    let number = u32::try_from(bit).unwrap_or(u32::MAX);
    match bit.checked_sub(graph.classes) {
        None => Ok(ClassId(number)),
        Some(at) => Err(graph.first_external + u32::try_from(at).unwrap_or(u32::MAX)),
    }
}

/// The bit of a start among targets.
fn bit_of(origin: Origin, graph: &Graph) -> Option<usize> {
    match origin {
        Origin::Unit(class, _) => Some(class.index()),
        Origin::External(external) => Some(graph.external_bit(external)),
        Origin::Source(_) => None,
    }
}
