//! `isolated` and `only-through`: is there a path of connections from here to there?

mod ground;

pub(crate) use ground::Ground;

use super::{Counterexample, Outcome, Population, Settled, last_step, unsure};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Goal, Replay, Target, VerifyError};
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::lateral::{Attack, Graph, Origin};
use crate::members::Members;
use crate::reach::Verifier;
use crate::shared_set::Hits;
use crate::spread::{By, Cause, Limits, Spread, Spreading};
use fixedbitset::FixedBitSet;
use seglab_policy::{AddressSet, Claim, Pivot, Property, Service, Side, UnitId};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A search for a path.
pub(super) struct Search<'p> {
    pub(super) attack: Attack,
    pub(super) starts: Vec<Origin>,
    /// Bits of classes and external addresses.
    pub(super) targets: FixedBitSet,
    pub(super) avoid: Option<FixedBitSet>,
    pub(super) services: &'p [Service],
    pub(super) hops_max: Option<u32>,
    pub(super) doubtful: bool,
}

/// Where a search starts and what it is to reach.
type Asked = (Vec<Origin>, FixedBitSet);

impl Verifier<'_> {
    /// `isolated` and `only-through`.
    pub(super) fn stays_apart(&mut self, property: &Property, attack: Attack) -> Result<Outcome, VerifyError> {
        let mut outcome = Outcome { verdict: Settled::Holds, population: Population::default() };
        let (mut asked, flaw) = (None, |flaw: Flaw| flaw.into_error(&property.id));
        let (from, to) = self.ends_of(property).ok_or(Flaw::NoPath).map_err(flaw)?;
        outcome.population = self.population(&from, &to);
        for doubtful in [false, true] {
            let search = self.search_between(property, attack, [&from, &to], doubtful);
            let search = search.ok_or(Flaw::NoPath).map_err(flaw)?;
            if !self.says_more(&search, &mut asked) {
                continue;
            }
            if let Some(settled) = self.search(&search).map_err(flaw)? {
                outcome.verdict = settled;
                break;
            }
        }
        Ok(outcome)
    }

    /// What `isolated` and `only-through` search for; `None` for other claims.
    pub(super) fn search_of<'p>(
        &mut self,
        property: &'p Property,
        attack: Attack,
        doubtful: bool,
    ) -> Option<Search<'p>> {
        let (from, to) = self.ends_of(property)?;
        self.search_between(property, attack, [&from, &to], doubtful)
    }

    /// Those whom the two sides of a claim about paths stand for; `None` for other claims.
    fn ends_of(&self, property: &Property) -> Option<(Members, Members)> {
        match &property.claim {
            Claim::Isolated { from, to, .. }
            | Claim::IsolatedEver { from, to, .. }
            | Claim::OnlyThrough { from, to, .. } => Some((self.members(from), self.members(to))),
            _ => None,
        }
    }

    /// As [`Verifier::search_of`], where it is known who stands on the two sides.
    fn search_between<'p>(
        &mut self,
        property: &'p Property,
        attack: Attack,
        [from, to]: [&Members; 2],
        doubtful: bool,
    ) -> Option<Search<'p>> {
        let graph = self.graph(attack);
        let (via, services) = match &property.claim {
            Claim::Isolated { services, .. } | Claim::IsolatedEver { services, .. } => (None, services),
            Claim::OnlyThrough { via, services, .. } => (Some(via), services),
            _ => return None,
        };
        let avoid = via.map(|via| {
            let mut avoid = FixedBitSet::with_capacity(graph.classes);
            self.selected(via).for_each(|class| avoid.insert(class.index()));
            avoid
        });
        let mut targets = FixedBitSet::with_capacity(graph.login_bit(graph.logins.len()));
        for &(class, _) in &to.classes {
            let meant = match (&avoid, doubtful) {
                (Some(avoid), _) if avoid.contains(class.index()) => false,
                (Some(_), true) => true,
                (Some(_), false) => to.certainly(class),
                (None, true) => !from.certainly(class),
                (None, false) => to.certainly(class) && !from.possibly(class),
            };
            targets.set(class.index(), meant);
        }
        for &(external, _) in &to.externals {
            let meant = match (&avoid, doubtful) {
                (Some(_), true) => true,
                (Some(_), false) => to.certainly_external(external),
                (None, true) => !from.certainly_external(external),
                (None, false) => to.certainly_external(external) && !from.possibly_external(external),
            };
            targets.set(graph.external_bit(external), meant);
        }
        let starts = self.starts(from, avoid.as_ref(), doubtful);
        Some(Search { attack, starts, targets, avoid, services, hops_max: property.hops_max, doubtful })
    }

    /// False if a search asks once more what was `asked`: where nothing is doubtful, and nobody is meant perhaps, the
    /// second reading says what the first did.
    pub(super) fn says_more(&mut self, search: &Search<'_>, asked: &mut Option<Asked>) -> bool {
        let last = Attack { pivot: last_step(search.attack.pivot), ..search.attack };
        let is_doubtful = [search.attack, last].into_iter().any(|attack| self.graph(attack).doubts().contains(&true));
        let asks = Some((search.starts.clone(), search.targets.clone()));
        let again = search.doubtful && !is_doubtful && *asked == asks;
        *asked = asks;
        !again
    }

    fn population(&self, from: &Members, to: &Members) -> Population {
        let count = |members: &Members| {
            let classes: BTreeSet<ClassId> = members.classes.iter().map(|(class, _)| *class).collect();
            self.count(classes)
        };
        Population { from: count(from), to: count(to) }
    }

    /// Where attacks from a peer start.
    fn starts(&self, from: &Members, avoid: Option<&FixedBitSet>, doubtful: bool) -> Vec<Origin> {
        let meant = |matched: crate::endpoint_class::Match| doubtful || matched == crate::endpoint_class::Match::Yes;
        let avoided = |class: ClassId| avoid.is_some_and(|avoid| avoid.contains(class.index()));
        let units = from.classes.iter().filter(|(class, matched)| meant(*matched) && !avoided(*class));
        let externals = from.externals.iter().filter(|(_, matched)| meant(*matched));
        let sources = from.sources.iter().filter(|(_, matched)| meant(*matched));
        units
            .map(|(class, _)| Origin::Unit(*class, false))
            .chain(externals.map(|(external, _)| Origin::External(*external)))
            .chain(sources.map(|(source, _)| Origin::Source(*source)))
            .collect()
    }

    /// Looks for a path; the verdict that it leads to, if there is one.
    fn search(&mut self, search: &Search<'_>) -> Result<Option<Settled>, Flaw> {
        if search.starts.is_empty() || search.targets.is_clear() {
            return Ok(None);
        }
        let graph = self.graph(search.attack);
        let last = self.graph(Attack { pivot: last_step(search.attack.pivot), ..search.attack });
        if self.is_out_of_reach(search, last.attack) {
            return Ok(None);
        }
        let limits =
            Limits { avoid: search.avoid.as_ref(), connections_max: search.hops_max, doubtful: search.doubtful };
        for run in self.runs(search, &graph) {
            let mut spreading = Spreading::new(&graph, run.starts, limits);
            let mut look = Look::new(&last, &run.targets);
            // What is reached by few connections is found before what takes many is looked at.
            loop {
                if let Some(goal) = self.goal(search, &mut look, &last, spreading.spread()) {
                    return self
                        .settled(search, &run.targets, &graph, spreading.spread(), goal, &Prefer::default())
                        .map(Some);
                }
                if !spreading.advance() {
                    break;
                }
            }
            if self.goal(search, &mut Look::new(&last, &run.alone), &last, spreading.spread()).is_none() {
                continue;
            }
            for bit in run.alone.ones() {
                let Run { starts, targets, .. } = run_alone(search, &graph, bit);
                let spread = Spread::new(&graph, starts, limits);
                if let Some(goal) = self.goal(search, &mut Look::new(&last, &targets), &last, &spread) {
                    return self.settled(search, &targets, &graph, &spread, goal, &Prefer::default()).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// True if no target is in the closure of any start, by `most`, an attack that gets no less far: on any number of
    /// connections, with nobody avoided and by every header.
    fn is_out_of_reach(&mut self, search: &Search<'_>, most: Attack) -> bool {
        let closures = self.closures(most, false, search.doubtful);
        let mut hits = closures.hits(&search.targets);
        search.starts.iter().all(|start| hits.find(closures.taken(*start), &mut |_| true).is_none())
    }

    /// The verdict that a target leads to, shown by units that are preferred where nothing else tells units apart.
    pub(super) fn settled(
        &mut self,
        search: &Search<'_>,
        targets: &FixedBitSet,
        graph: &Rc<Graph>,
        spread: &Spread,
        goal: Option<Goal>,
        prefer: &Prefer,
    ) -> Result<Settled, Flaw> {
        let design = self.engine.design;
        let mut replay = Replay::new(self, graph, spread, search.doubtful);
        replay = replay.between((prefer.start, None), (None, None)).preferring(&prefer.targets);
        match goal {
            Some(goal) => {
                let counts = |unit: Option<UnitId>| {
                    let listeners = unit.map_or(&[][..], |unit| &design.unit(unit).listeners);
                    HeaderSet::of_services(search.services, listeners)
                };
                replay.reach(goal, &counts)?;
            }
            None => {
                let guest = spread
                    .taken
                    .iter()
                    .find(|(taken, _, cause)| matches!(cause, Cause::Host(_)) && targets.contains(taken.class.index()));
                let (taken, _, _) = guest.ok_or(Flaw::NoPath)?;
                replay.own(By::Taken(*taken))?;
            }
        }
        let hops = replay.into_hops();
        Ok(if search.doubtful { unsure(hops) } else { Settled::Violated(Counterexample::Reached(hops)) })
    }

    /// The first target that is reached, fewest connections first: `Some(None)` if by its host being taken.
    pub(super) fn goal(
        &mut self,
        search: &Search<'_>,
        look: &mut Look<'_>,
        last: &Graph,
        spread: &Spread,
    ) -> Option<Option<Goal>> {
        let every = search.services.iter().any(|service| matches!(service, Service::Any));
        for (by, depth, cause) in spread.everybody().skip(look.seen) {
            look.seen += 1;
            if let (By::Taken(taken), Some(Cause::Host(_))) = (by, cause)
                && look.targets.contains(taken.class.index())
            {
                return Some(None);
            }
            if search.hops_max.is_some_and(|most| depth >= most) {
                continue;
            }
            let origin = spread.origin(by)?;
            let steps = last.steps(origin).get(search.doubtful);
            if !look.hits.may_have(steps) {
                continue;
            }
            let target = |bit: usize| {
                let bit = u32::try_from(bit).ok()?;
                let external = bit.checked_sub(u32::try_from(last.classes).ok()?);
                Some(external.map_or(Target::Class(ClassId(bit)), |at| Target::External(last.first_external + at)))
            };
            // Units of the same endpoint classes reach the same targets by the same headers, themselves aside.
            let key = match origin {
                Origin::Unit(class, hosted) if !every && search.attack.pivot != Pivot::EitherWay => {
                    Some((self.engine.endpoints_of(class), hosted))
                }
                Origin::Unit(..) | Origin::External(_) | Origin::Source(_) => None,
            };
            if key.as_ref().is_some_and(|(ends, hosted)| look.barren.contains(ends, *hosted)) {
                continue;
            }
            let mut met_itself = false;
            let found = look.hits.find(steps, &mut |bit| {
                let Some(target) = target(bit) else { return false };
                if let (Origin::Unit(from, _), Target::Class(to)) = (origin, target)
                    && from == to
                    && last.size(to) == 1
                {
                    met_itself = true;
                    return false;
                }
                every || self.counts(search, origin, target)
            });
            if let Some(target) = found.and_then(target) {
                return Some(Some(Goal { by, target }));
            }
            if let (false, Some((ends, hosted))) = (met_itself, key) {
                look.barren.insert(ends, hosted);
            }
        }
        None
    }

    /// Whether the last step can be taken by a header of the services.
    fn counts(&mut self, search: &Search<'_>, origin: Origin, target: Target) -> bool {
        let (from, host_owned, owner) = match origin {
            Origin::Unit(class, host_owned) => (self.engine.endpoints_of(class), host_owned, Some(class)),
            Origin::External(class) => (Rc::from([class]), false, None),
            Origin::Source(class) => (self.engine.classes.endpoints.of_source(class).into(), false, None),
        };
        let (to, class) = match target {
            Target::Class(class) => (self.engine.endpoints_of(class), Some(class)),
            Target::External(external) => (Rc::from([external]), None),
        };
        let outward = self.services_at(search, class, true);
        let matrix = self.engine.matrix(search.attack.assume(Side::Source, host_owned));
        let (certain, possible) = self.engine.opens(&from, &to, Some(outward), &matrix);
        if if search.doubtful { possible } else { certain } {
            return true;
        }
        if search.attack.pivot != Pivot::EitherWay {
            return false;
        }
        let inward = self.services_at(search, owner, false);
        let matrix = self.engine.matrix(search.attack.assume(Side::Destination, host_owned));
        let (certain, possible) = self.engine.opens(&to, &from, Some(inward), &matrix);
        if search.doubtful { possible } else { certain }
    }

    /// The headers of the services at a destination, in the view if it has to listen.
    pub(super) fn services_at(&mut self, search: &Search<'_>, class: Option<ClassId>, listens: bool) -> HeaderId {
        let Some(class) = class else { return self.engine.sets.intern(HeaderSet::of_services(search.services, &[])) };
        let unit = self.engine.design.unit(self.engine.classes.representative(class));
        let headers = HeaderSet::of_services(search.services, &unit.listeners);
        match listens {
            true => self.engine.seen(&headers, class, search.attack.view),
            false => self.engine.sets.intern(headers),
        }
    }
}

/// Units that stand for their classes where they are asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefer {
    pub(super) start: Option<UnitId>,
    pub(super) targets: Vec<UnitId>,
}

/// A look for targets among the last steps of everybody who is taken.
pub(super) struct Look<'l> {
    targets: &'l FixedBitSet,
    hits: Hits<'l>,
    barren: Barren,
    /// How many of everybody were looked at.
    seen: usize,
}

/// Endpoint classes of one owner, with the host owned or not, from which no target is reached by a header that counts.
#[derive(Default)]
struct Barren {
    /// Most owners have one, which is its position.
    alone: [FixedBitSet; 2],
    several: BTreeSet<(Rc<[u32]>, bool)>,
}

impl Barren {
    fn contains(&self, ends: &Rc<[u32]>, hosted: bool) -> bool {
        let [plain, owned] = &self.alone;
        match &ends[..] {
            [end] => if hosted { owned } else { plain }.contains(*end as usize),
            _ => self.several.contains(&(Rc::clone(ends), hosted)),
        }
    }

    fn insert(&mut self, ends: Rc<[u32]>, hosted: bool) {
        let [plain, owned] = &mut self.alone;
        match &ends[..] {
            [end] => if hosted { owned } else { plain }.grow_and_insert(*end as usize),
            _ => drop(self.several.insert((ends, hosted))),
        }
    }
}

impl<'l> Look<'l> {
    pub(super) fn new(last: &'l Graph, targets: &'l FixedBitSet) -> Self {
        Self { targets, hits: Hits::new(&last.pool, targets), barren: Barren::default(), seen: 0 }
    }
}

impl Verifier<'_> {
    fn runs(&self, search: &Search<'_>, graph: &Graph) -> Vec<Run> {
        let run = |starts: &[Origin]| {
            let mut alone = FixedBitSet::with_capacity(search.targets.len());
            let targets = starts.iter().filter_map(|start| Some((start, bit_of(*start, graph)?)));
            targets
                .filter(|&(start, bit)| search.targets.contains(bit) && self.is_alone(*start))
                .for_each(|(_, bit)| alone.insert(bit));
            let mut targets = search.targets.clone();
            targets.difference_with(&alone);
            Run { starts: starts.to_vec(), targets, alone }
        };
        match search.attack.pivot {
            // Attacks from different starts are not one attack where credentials count.
            Pivot::Exploitable => search.starts.chunks(1).map(run).collect(),
            Pivot::Any | Pivot::Service | Pivot::EitherWay => vec![run(&search.starts)],
        }
    }

    /// True if an attack that starts there and gets back there gets back to the very end that it started from: the
    /// only unit of its class, or the only address that is external to anybody.
    pub(crate) fn is_alone(&self, origin: Origin) -> bool {
        let engine = &self.engine;
        match origin {
            Origin::Unit(class, _) => engine.classes.members(class).len() == 1,
            Origin::External(external) => {
                let all = engine.classes.endpoints.addresses(external);
                let spaces: BTreeSet<&str> = engine
                    .design
                    .units()
                    .iter()
                    .flat_map(|unit| &unit.interfaces)
                    .map(|interface| interface.space.as_str())
                    .collect();
                let external_to_some = spaces
                    .into_iter()
                    .map(|space| {
                        engine.design.known_addresses(space).map_or_else(|| all.clone(), |its| all.difference(its))
                    })
                    .fold(AddressSet::empty(), |set, free| set.union(&free));
                let mut ranges = external_to_some.ranges();
                ranges.next().is_some_and(|(first, last)| first == last) && ranges.next().is_none()
            }
            // Never a target.
            Origin::Source(_) => false,
        }
    }
}

/// Starts that are one attack, with the targets that count for them.
struct Run {
    starts: Vec<Origin>,
    targets: FixedBitSet,
    /// Targets that are starts, too, and [alone](Verifier::is_alone): that an attack from there gets back there
    /// refutes nothing, so if any is reached at all it is asked about without itself among the starts.
    alone: FixedBitSet,
}

/// The bit of a start among targets.
fn bit_of(origin: Origin, graph: &Graph) -> Option<usize> {
    match origin {
        Origin::Unit(class, _) => Some(class.index()),
        Origin::External(external) => Some(graph.external_bit(external)),
        Origin::Source(_) => None,
    }
}

/// The run that asks about an end that is a start and a target, and alone.
fn run_alone(search: &Search<'_>, graph: &Graph, bit: usize) -> Run {
    let mut targets = FixedBitSet::with_capacity(search.targets.len());
    targets.insert(bit);
    let starts = match search.attack.pivot {
        Pivot::Exploitable => Vec::new(),
        _ => search.starts.iter().filter(|start| bit_of(**start, graph) != Some(bit)).copied().collect(),
    };
    Run { starts, alone: FixedBitSet::with_capacity(targets.len()), targets }
}
