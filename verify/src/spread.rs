//! How far an attack gets, step by step, from where it starts: breadth first, so that paths are shortest.
//!
//! Under every pivot model but `exploitable` the spread from several starts is the union of the spreads from each.
//! Under `exploitable` it is not, for credentials found on the way from one start open doors on the way from another:
//! ask about one start at a time.

use crate::classes::ClassId;
use crate::lateral::{Graph, Origin};
use crate::shared_set::{SetId, Walk};
use fixedbitset::FixedBitSet;

/// Units of a class that have been taken: other units than a start, unless they are its host's guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Taken {
    pub(crate) class: ClassId,
    /// Their host has been taken too.
    pub(crate) hosted: bool,
}

/// From whom a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum By {
    /// The start at this position.
    Start(usize),
    /// Units that have been taken.
    Taken(Taken),
}

/// How units were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// By a connection that the pivot model counts.
    Connection(By),
    /// By a login, with a credential of somebody taken before.
    Login { by: By, login: usize, holder: By },
    /// By taking their host.
    Host(By),
}

/// What was taken, in the order in which it was.
#[derive(Debug)]
pub(crate) struct Spread {
    pub(crate) starts: Vec<Origin>,
    /// Taken units with the number of connections strung together and the cause.
    pub(crate) taken: Vec<(Taken, u32, Cause)>,
    /// Classes of which all units but the start are taken.
    pub(crate) classes: FixedBitSet,
    /// External classes that were reached, by position among them.
    pub(crate) outside: FixedBitSet,
    /// Where a class stands among what was taken, with its host left alone and with it owned; beyond the end if it
    /// does not.
    positions: [Vec<u32>; 2],
}

/// Limits of a spread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'l> {
    /// Classes that are never taken.
    pub(crate) avoid: Option<&'l FixedBitSet>,
    /// The most connections strung together.
    pub(crate) connections_max: Option<u32>,
    /// Steps that are merely possible count too.
    pub(crate) doubtful: bool,
}

impl Spread {
    /// How far an attack gets.
    pub(crate) fn new(graph: &Graph, starts: Vec<Origin>, limits: Limits<'_>) -> Self {
        let mut spreading = Spreading::new(graph, starts, limits);
        while spreading.advance() {}
        spreading.spread
    }

    /// Where a step starts.
    pub(crate) fn origin(&self, by: By) -> Option<Origin> {
        match by {
            By::Start(at) => self.starts.get(at).copied(),
            By::Taken(taken) => Some(Origin::Unit(taken.class, taken.hosted)),
        }
    }

    /// How units were taken; `None` for a start.
    pub(crate) fn cause(&self, by: By) -> Option<Cause> {
        let By::Taken(taken) = by else { return None };
        let [plain, hosted] = &self.positions;
        let position = if taken.hosted { hosted } else { plain }.get(taken.class.index())?;
        self.taken.get(*position as usize).map(|(_, _, cause)| *cause)
    }

    /// Everybody who can take a further step, with the connections strung together so far, fewest first, and how they
    /// were taken.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = (By, u32, Option<Cause>)> + '_ {
        let starts = (0..self.starts.len()).map(|at| (By::Start(at), 0, None));
        starts.chain(self.taken.iter().map(|(taken, depth, cause)| (By::Taken(*taken), *depth, Some(*cause))))
    }

    /// The number of units taken from a single start, the start included if it is a unit.
    pub(crate) fn units(&self, graph: &Graph) -> usize {
        let taken: usize = self.classes.ones().map(|class| graph.sizes.get(class).copied().unwrap_or(0)).sum();
        let apart = self
            .starts
            .iter()
            .any(|start| matches!(start, Origin::Unit(class, _) if !self.classes.contains(class.index())));
        taken + usize::from(apart)
    }
}

/// Whom an attack gets to in the end, in no order and without how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Classes that are taken by a step.
    pub(crate) plain: FixedBitSet,
    /// Classes that are taken because their host is.
    pub(crate) hosted: FixedBitSet,
    /// External classes, by position among them.
    pub(crate) outside: FixedBitSet,
}

impl Reached {
    /// Whom attacks from some starts get to without those in `avoid`.
    ///
    /// Not for graphs of the pivot model `exploitable`, whose credentials this does not follow.
    pub(crate) fn from(graph: &Graph, starts: &[Origin], avoid: Option<&FixedBitSet>, doubtful: bool) -> Self {
        let mut search = Searching::new(graph, avoid, doubtful);
        for &start in starts {
            search.ahead.push(graph.steps(start).get(doubtful));
            if let Origin::Unit(class, _) = start {
                search.take_guests(class);
            }
        }
        search.finish()
    }

    /// Whom attacks get to by these steps: one in the closure of a class, for example, whose steps they are.
    pub(crate) fn by(graph: &Graph, steps: SetId, avoid: Option<&FixedBitSet>, doubtful: bool) -> Self {
        let mut search = Searching::new(graph, avoid, doubtful);
        search.ahead.push(steps);
        search.finish()
    }
}

/// A search for whom an attack gets to.
struct Searching<'g> {
    graph: &'g Graph,
    avoid: Option<&'g FixedBitSet>,
    doubtful: bool,
    reached: Reached,
    /// Classes that are taken by a step, or never will be.
    closed: FixedBitSet,
    ahead: Vec<SetId>,
}

impl<'g> Searching<'g> {
    fn new(graph: &'g Graph, avoid: Option<&'g FixedBitSet>, doubtful: bool) -> Self {
        let none = FixedBitSet::with_capacity(graph.classes);
        let mut closed = avoid.cloned().unwrap_or_else(|| none.clone());
        closed.grow(graph.classes);
        let outside = FixedBitSet::with_capacity(graph.externals);
        let reached = Reached { plain: none.clone(), hosted: none, outside };
        Self { graph, avoid, doubtful, reached, closed, ahead: Vec::new() }
    }

    fn finish(mut self) -> Reached {
        let graph = self.graph;
        let mut walk = Walk::new(&graph.pool);
        let mut fresh = Vec::new();
        while let Some(steps) = self.ahead.pop() {
            let outside = &mut self.reached.outside;
            walk.numbers(steps, &self.closed, &mut |bit| {
                if bit < graph.classes {
                    fresh.push(bit);
                } else if bit < graph.login_bit(0) {
                    outside.insert(bit - graph.classes);
                }
            });
            for class in fresh.drain(..).filter_map(|class| u32::try_from(class).ok()).map(ClassId) {
                self.closed.insert(class.index());
                self.reached.plain.insert(class.index());
                self.ahead.push(graph.steps(Origin::Unit(class, false)).get(self.doubtful));
                self.take_guests(class);
            }
        }
        self.reached
    }

    /// Takes what runs on a unit, and what runs on that.
    fn take_guests(&mut self, class: ClassId) {
        let mut hosts = vec![class];
        while let Some(host) = hosts.pop() {
            for &guest in self.graph.guests(host) {
                let avoided = self.avoid.is_some_and(|avoid| avoid.contains(guest.index()));
                if !avoided && !self.reached.hosted.put(guest.index()) {
                    self.ahead.push(self.graph.steps(Origin::Unit(guest, true)).get(self.doubtful));
                    hosts.push(guest);
                }
            }
        }
    }
}

/// A spread under way.
pub(crate) struct Spreading<'g> {
    graph: &'g Graph,
    limits: Limits<'g>,
    spread: Spread,
    /// Who can take a further step, and after how many connections.
    frontier: Vec<By>,
    depth: u32,
    hosted: FixedBitSet,
    /// Classes that are taken or never will be.
    closed: FixedBitSet,
    /// For each credential, who held it first.
    holders: Vec<Option<By>>,
    /// For each login, who reached it first.
    reached: Vec<Option<By>>,
    /// The sets of steps that were taken.
    walk: Walk<'g>,
}

impl<'g> Spreading<'g> {
    /// An attack that has taken nothing but its starts and what runs on them.
    pub(crate) fn new(graph: &'g Graph, starts: Vec<Origin>, limits: Limits<'g>) -> Self {
        let none = FixedBitSet::with_capacity(graph.classes);
        let mut closed = limits.avoid.cloned().unwrap_or_else(|| none.clone());
        closed.grow(graph.classes);
        let outside = FixedBitSet::with_capacity(graph.externals);
        let positions = [vec![u32::MAX; graph.classes], vec![u32::MAX; graph.classes]];
        let mut spreading = Self {
            graph,
            limits,
            frontier: (0..starts.len()).map(By::Start).collect(),
            spread: Spread { starts, taken: Vec::new(), classes: none.clone(), outside, positions },
            depth: 0,
            hosted: none,
            closed,
            holders: vec![None; graph.credentials.len()],
            reached: vec![None; graph.logins.len()],
            walk: Walk::new(&graph.pool),
        };
        let mut frontier = std::mem::take(&mut spreading.frontier);
        for at in 0..spreading.spread.starts.len() {
            if let Some(Origin::Unit(class, _)) = spreading.spread.origin(By::Start(at)) {
                spreading.take_guests(class, By::Start(at), 0, &mut frontier);
            }
        }
        spreading.frontier = frontier;
        spreading
    }

    /// How far it has got.
    pub(crate) fn spread(&self) -> &Spread {
        &self.spread
    }

    /// Strings one more connection together; false if nobody can.
    pub(crate) fn advance(&mut self) -> bool {
        if self.frontier.is_empty() || self.limits.connections_max.is_some_and(|most| self.depth >= most) {
            return false;
        }
        self.depth += 1;
        let frontier = std::mem::take(&mut self.frontier);
        self.frontier = self.step(&frontier, self.depth);
        true
    }

    fn step(&mut self, frontier: &[By], depth: u32) -> Vec<By> {
        let graph = self.graph;
        let (mut next, mut logins) = (Vec::new(), Vec::new());
        for &by in frontier {
            let Some(Origin::Unit(class, _)) = self.spread.origin(by) else { continue };
            for &credential in graph.held.get(class.index()).into_iter().flatten() {
                if let Some(holder @ None) = self.holders.get_mut(credential as usize) {
                    *holder = Some(by);
                    logins.extend(graph.taking.get(credential as usize).into_iter().flatten());
                }
            }
        }
        for &by in frontier {
            let Some(origin) = self.spread.origin(by) else { continue };
            let mut fresh = Vec::new();
            let (reached, outside) = (&mut self.reached, &mut self.spread.outside);
            self.walk.numbers(graph.steps(origin).get(self.limits.doubtful), &self.closed, &mut |bit| {
                if bit < graph.classes {
                    fresh.push(bit);
                } else if bit < graph.login_bit(0) {
                    outside.insert(bit - graph.classes);
                } else if let Some(reached @ None) = reached.get_mut(bit - graph.login_bit(0)) {
                    *reached = Some(by);
                    logins.push(bit - graph.login_bit(0));
                }
            });
            for class in fresh.into_iter().filter_map(|class| u32::try_from(class).ok()) {
                self.take(ClassId(class), Cause::Connection(by), depth, &mut next);
            }
        }
        logins.sort_unstable();
        logins.dedup();
        for login in logins {
            let Some(node) = graph.logins.get(login) else { continue };
            let by = self.reached.get(login).copied().flatten();
            let holder = self.holders.get(node.credential as usize).copied().flatten();
            if let Some((by, holder)) = by.zip(holder)
                && !self.closed.contains(node.class.index())
            {
                self.take(node.class, Cause::Login { by, login, holder }, depth, &mut next);
            }
        }
        next
    }

    fn take(&mut self, class: ClassId, cause: Cause, depth: u32, next: &mut Vec<By>) {
        let taken = Taken { class, hosted: false };
        self.add(taken, cause, depth, next);
        self.take_guests(class, By::Taken(taken), depth, next);
    }

    fn add(&mut self, taken: Taken, cause: Cause, depth: u32, next: &mut Vec<By>) {
        self.closed.insert(taken.class.index());
        self.spread.classes.insert(taken.class.index());
        let [plain, hosted] = &mut self.spread.positions;
        if let Some(position) = if taken.hosted { hosted } else { plain }.get_mut(taken.class.index()) {
            *position = u32::try_from(self.spread.taken.len()).unwrap_or(u32::MAX);
        }
        self.spread.taken.push((taken, depth, cause));
        next.push(By::Taken(taken));
    }

    /// Takes what runs on a unit, and what runs on that.
    fn take_guests(&mut self, class: ClassId, by: By, depth: u32, next: &mut Vec<By>) {
        let (graph, avoid) = (self.graph, self.limits.avoid);
        if graph.guests(class).is_empty() {
            return;
        }
        let mut hosts = vec![(class, by)];
        while let Some((host, by)) = hosts.pop() {
            for &guest in graph.guests(host) {
                let avoided = avoid.is_some_and(|avoid| avoid.contains(guest.index()));
                if avoided || self.hosted.put(guest.index()) {
                    continue;
                }
                let taken = Taken { class: guest, hosted: true };
                self.add(taken, Cause::Host(by), depth, next);
                hosts.push((guest, By::Taken(taken)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lateral::Attack;
    use crate::reach::Verifier;
    use seglab_policy::arbitrary::design_of;
    use seglab_policy::{Pivot, Trust};

    #[test]
    fn whoever_is_reached_is_who_a_spread_takes() {
        let (mut taken, mut by_host) = (0, 0);
        for seed in 0..60 {
            let design = design_of(seed);
            let mut verifier = Verifier::new(&design);
            for pivot in [Pivot::Any, Pivot::Service, Pivot::EitherWay] {
                let attack = Attack { pivot, trust: Trust::OwnAgentVoid, ..Attack::default() };
                let graph = verifier.graph(attack);
                let mut avoid = FixedBitSet::with_capacity(graph.classes);
                avoid.extend((0..graph.classes).filter(|class| (class + seed as usize).is_multiple_of(5)));
                for class in verifier.engine.classes.ids() {
                    for (avoid, doubtful) in [(None, false), (None, true), (Some(&avoid), true)] {
                        let origin = Origin::Unit(class, false);
                        let limits = Limits { avoid, connections_max: None, doubtful };
                        let spread = Spread::new(&graph, vec![origin], limits);
                        let reached = Reached::from(&graph, &[origin], avoid, doubtful);
                        let mut all = reached.plain.clone();
                        all.union_with(&reached.hosted);
                        assert_eq!(all, spread.classes, "seed {seed}, {attack:?}");
                        assert_eq!(reached.outside, spread.outside, "seed {seed}, {attack:?}");
                        if graph.guests(class).is_empty() {
                            let steps = graph.steps(origin).get(doubtful);
                            assert_eq!(Reached::by(&graph, steps, avoid, doubtful), reached);
                        }
                        taken += all.count_ones(..);
                        by_host += reached.hosted.count_ones(..);
                    }
                }
            }
        }
        assert!(taken > 5000 && by_host > 200, "{taken} {by_host}");
    }
}
