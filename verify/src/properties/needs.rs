//! `allowed`, and every need: the connections work that the business cannot do without.

mod pairs;

use super::{Counterexample, Outcome, Population, Settled, Uncertainty, Unsure};
use crate::classes::ClassId;
use crate::counterexample::{Flaw, Hop, Means, VerifyError};
use crate::endpoint_class::Match;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::members::Members;
use crate::reach::Verifier;
use seglab_policy::{
    Assume, Connection, Endpoint, Family, IntervalSet, Peer, Reply, Service, Transport, UnitId, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// First source port for which a need must work.
const FIRST_SOURCE_PORT: u16 = 1024;

/// One end of a needed connection: a unit, or external addresses of one endpoint class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Units(ClassId),
    External(u32),
}

/// How the needed connections between two ends turn out.
#[derive(Clone)]
enum Works {
    Yes,
    No(Evidence),
    Unknown(Evidence),
}

/// What will show it: the reference evaluator looks at every rule, and is asked only of what is shown.
#[derive(Clone)]
enum Evidence {
    /// A fact about the ends.
    Fact(Counterexample),
    /// Any of these headers, between any of these ends.
    Connections(Vec<(Endpoint, Endpoint)>, HeaderSet),
    /// An end may not be meant.
    Membership,
}

/// The ends that a peer asks for.
struct Asked {
    sides: Vec<(Side, Match)>,
    /// One of them is enough.
    one_is_enough: bool,
}

/// The headers that are needed at units of each class; `None` where a service goes by a port that they do not name.
type Needed = BTreeMap<ClassId, Option<HeaderId>>;

/// An end that is enough for the units of a class.
pub(crate) struct Chosen {
    pub(crate) end_is_source: bool,
    pub(crate) end: End,
    pub(crate) class: ClassId,
}

/// An end of which one is enough.
pub(crate) enum End {
    Units(ClassId),
    External(std::net::IpAddr),
}

impl Verifier<'_> {
    /// For the units of each class that need one end of several, one that works for certain; nothing where every end
    /// has to work.
    pub(crate) fn chosen(&mut self, from: &Peer, to: &Peer, services: &[Service], as_if_enforced: bool) -> Vec<Chosen> {
        let assume = Assume { as_if_enforced, ..Assume::business() };
        let (sources, destinations) = (self.asked(from), self.asked(to));
        let both = sources.one_is_enough && destinations.one_is_enough;
        let mut chosen = Vec::new();
        for end_is_source in [true, false] {
            let (inner, outer) = if end_is_source { (&sources, &destinations) } else { (&destinations, &sources) };
            if !inner.one_is_enough {
                continue;
            }
            let meant = |matched: Match| matched == Match::Yes || !outer.one_is_enough;
            for &(side, _) in outer.sides.iter().filter(|(_, matched)| meant(*matched)) {
                let Side::Units(class) = side else { continue };
                for &(end, _) in inner.sides.iter().filter(|(_, matched)| *matched == Match::Yes) {
                    let (from, to) = if end_is_source { (end, side) } else { (side, end) };
                    if let Some(Works::Yes) = self.works(from, to, services, assume) {
                        let end = match end {
                            Side::Units(class) => Some(End::Units(class)),
                            Side::External(external) => self.address_for(external, class).map(End::External),
                        };
                        chosen.extend(end.map(|end| Chosen { end_is_source, end, class }));
                        break;
                    }
                }
                if both && !chosen.is_empty() {
                    return chosen;
                }
            }
        }
        chosen
    }

    /// An address of an endpoint class that is external to every interface of a class's units, or to some.
    fn address_for(&self, external: u32, class: ClassId) -> Option<std::net::IpAddr> {
        let design = self.engine.design;
        let all = self.engine.classes.endpoints.addresses(external);
        let free = |from: &seglab_policy::AddressSet, space: &str| {
            design.known_addresses(space).map_or_else(|| from.clone(), |known| from.difference(known))
        };
        let interfaces = &design.unit(self.engine.classes.representative(class)).interfaces;
        let everywhere = interfaces.iter().fold(all.clone(), |left, interface| free(&left, &interface.space));
        let somewhere = interfaces.iter().map(|interface| free(all, &interface.space));
        std::iter::once(everywhere).chain(somewhere).find_map(|left| left.ranges().next().map(|(first, _)| first))
    }

    pub(super) fn allowed(
        &mut self,
        id: &str,
        from: &Peer,
        to: &Peer,
        services: &[Service],
        as_if_enforced: bool,
    ) -> Result<Outcome, VerifyError> {
        let assume = Assume { as_if_enforced, ..Assume::business() };
        let (sources, destinations) = (self.asked(from), self.asked(to));
        let population = Population { from: self.units_of(&sources), to: self.units_of(&destinations) };
        // Every one of the ends of which every one has to work is paired with what the other side needs.
        let outer_is_source = !sources.one_is_enough || destinations.one_is_enough;
        let (outer, inner) = match outer_is_source {
            true => (&sources, &destinations),
            false => (&destinations, &sources),
        };
        let mut all = Works::Yes;
        let mut best: Option<Works> = None;
        let mut needed = Needed::new();
        for &(side, matched) in &outer.sides {
            let pair = |other: Side| if outer_is_source { (side, other) } else { (other, side) };
            let works = self.with_inner(inner, &pair, services, &mut needed, assume);
            let Some(mut works) = works.or_else(|| self.nobody(side, outer, inner)) else { continue };
            if matched == Match::Maybe {
                works = in_doubt(works, outer.one_is_enough);
            }
            if outer.one_is_enough {
                best = Some(better(best, works));
            } else {
                all = worse(all, works);
                // The first that does not work is what is shown.
                if matches!(all, Works::No(_)) {
                    break;
                }
            }
        }
        let verdict = self.shown_works(best.unwrap_or(all), assume).map_err(|flaw| flaw.into_error(id))?;
        Ok(Outcome { verdict, population })
    }

    /// True if the connections of units of some classes certainly work that every one of two peers has to open to every
    /// other.
    pub(crate) fn still_works(
        &mut self,
        (from, to): (&Peer, &Peer),
        services: &[Service],
        as_if_enforced: bool,
        classes: &BTreeSet<ClassId>,
    ) -> bool {
        let assume = Assume { as_if_enforced, ..Assume::business() };
        let is_asked = |side: &Side| matches!(side, Side::Units(class) if classes.contains(class));
        let [sources, destinations] =
            [from, to].map(|peer| self.asked(peer).sides.into_iter().map(|(side, _)| side).collect::<Vec<Side>>());
        let few: Vec<Side> = destinations.iter().copied().filter(is_asked).collect();
        let mut needed = Needed::new();
        sources.iter().all(|&source| {
            let mut with = if is_asked(&source) { &destinations } else { &few }.iter();
            with.all(|&destination| {
                self.surely_works(source, destination, services, &mut needed, assume)
                    || matches!(self.works(source, destination, services, assume), None | Some(Works::Yes))
            })
        })
    }

    /// How many units two peers of what has to work stand for.
    pub(crate) fn population_of(&self, from: &Peer, to: &Peer) -> Population {
        Population { from: self.units_of(&self.asked(from)), to: self.units_of(&self.asked(to)) }
    }

    /// What it means that an end has nobody to connect with: a unit that needs some address and has none is broken.
    fn nobody(&self, side: Side, outer: &Asked, inner: &Asked) -> Option<Works> {
        match side {
            Side::Units(class) if inner.one_is_enough && !outer.one_is_enough => {
                let unit = self.engine.classes.representative(class);
                Some(Works::No(Evidence::Fact(Counterexample::NoSuchAddress { unit })))
            }
            Side::Units(_) | Side::External(_) => None,
        }
    }

    /// How an end fares with all, or one, of the other side; `None` if they form no pair of different ends.
    fn with_inner(
        &mut self,
        inner: &Asked,
        pair: &dyn Fn(Side) -> (Side, Side),
        services: &[Service],
        needed: &mut Needed,
        assume: Assume,
    ) -> Option<Works> {
        let mut all: Option<Works> = None;
        let mut best: Option<Works> = None;
        for &(side, matched) in &inner.sides {
            let (from, to) = pair(side);
            let works = match self.surely_works(from, to, services, needed, assume) {
                true => Some(Works::Yes),
                false => self.works(from, to, services, assume),
            };
            let Some(mut works) = works else { continue };
            if matched == Match::Maybe {
                works = in_doubt(works, inner.one_is_enough);
            }
            if inner.one_is_enough {
                best = Some(better(best, works));
                if matches!(best, Some(Works::Yes)) {
                    break;
                }
            } else {
                all = Some(match all.take() {
                    None => works,
                    Some(so_far) => worse(so_far, works),
                });
                if matches!(all, Some(Works::No(_))) {
                    break;
                }
            }
        }
        if inner.one_is_enough { best } else { all }
    }

    fn asked(&self, peer: &Peer) -> Asked {
        let Members { classes, externals, .. } = self.members(peer);
        let units = classes.into_iter().map(|(class, matched)| (Side::Units(class), matched));
        let addresses = externals.into_iter().map(|(external, matched)| (Side::External(external), matched));
        match peer {
            Peer::Anyone | Peer::Units(_) | Peer::Unmodelled(_) => {
                Asked { sides: units.collect(), one_is_enough: false }
            }
            Peer::Addresses { .. } => Asked { sides: addresses.chain(units).collect(), one_is_enough: true },
        }
    }

    fn units_of(&self, asked: &Asked) -> usize {
        self.count(asked.sides.iter().filter_map(|(side, _)| match side {
            Side::Units(class) => Some(*class),
            Side::External(_) => None,
        }))
    }

    /// True if every needed connection between different units of two classes certainly works: the usual case, and the
    /// same for every two classes of the same endpoint classes.
    fn surely_works(
        &mut self,
        from: Side,
        to: Side,
        services: &[Service],
        needed: &mut Needed,
        assume: Assume,
    ) -> bool {
        let (Side::Units(source), Side::Units(destination)) = (from, to) else { return false };
        if self.representatives(from, to).is_none() {
            return false;
        }
        let needed = *needed.entry(destination).or_insert_with(|| {
            let listeners = &self.engine.design.unit(self.engine.classes.representative(destination)).listeners;
            let missing = |service: &Service| {
                matches!(service, Service::NamedPort { .. })
                    && HeaderSet::of_services(std::slice::from_ref(service), listeners).is_empty()
            };
            let named = !services.iter().any(missing);
            named.then(|| self.engine.sets.intern(ephemeral(&HeaderSet::of_services(services, listeners))))
        });
        let Some(mut missing) = needed.filter(|&needed| needed != HeaderId::EMPTY) else { return false };
        let matrix = self.engine.matrix(assume);
        let (from, to) = (self.engine.endpoints_of(source), self.engine.endpoints_of(destination));
        for (&from, &to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
            let arrives = self.engine.arrives(&matrix, from, to);
            let answers = self.engine.answers(from, to, arrives.certain, assume);
            let sets = &mut self.engine.sets;
            let answered = sets.difference(arrives.certain, answers.blocked);
            let works = sets.difference(answered, answers.unknown);
            missing = sets.difference(missing, works);
        }
        missing == HeaderId::EMPTY
    }

    /// Whether every needed connection between two ends works; `None` if there is no such pair of different units.
    fn works(&mut self, from: Side, to: Side, services: &[Service], assume: Assume) -> Option<Works> {
        let (source, destination) = self.representatives(from, to)?;
        let design = self.engine.design;
        let listeners = destination.map_or(&[][..], |unit| &design.unit(unit).listeners);
        for service in services {
            if let (Service::NamedPort { name, .. }, Some(unit)) = (service, destination)
                && HeaderSet::of_services(std::slice::from_ref(service), listeners).is_empty()
            {
                return Some(Works::No(Evidence::Fact(Counterexample::NoSuchPort { unit, name: name.clone() })));
            }
        }
        let needed = ephemeral(&HeaderSet::of_services(services, listeners));
        let pairs = self.endpoint_pairs(from, to, source, destination);
        if pairs.is_empty() {
            return None;
        }
        let mut asked = HeaderSet::empty();
        let (mut works, mut may_work) = (HeaderSet::empty(), HeaderSet::empty());
        for &(from, to) in &pairs {
            let Some(family) = self.family(from, to) else { continue };
            asked = asked.union(&HeaderSet::of_family(family));
            let direct = self.direct(from, to, assume);
            let arrives = direct.allowed.difference(&direct.reply_blocked);
            works = works.union(&arrives.difference(&direct.reply_unknown));
            may_work = may_work.union(&arrives.union(&direct.unknown));
        }
        if !asked.is_empty() && !needed.is_empty() && asked.intersection(&needed).is_empty() {
            // ICMP of a family that the two do not share.
            let ends = pairs.first().map(|&(source, destination)| Counterexample::OtherFamily { source, destination });
            return ends.map(|ends| Works::No(Evidence::Fact(ends)));
        }
        let needed = if asked.is_empty() { needed } else { needed.intersection(&asked) };
        let missing = needed.difference(&may_work);
        if !missing.is_empty() {
            return Some(Works::No(Evidence::Connections(pairs, missing)));
        }
        let unsure = needed.difference(&works);
        if unsure.is_empty() {
            return Some(Works::Yes);
        }
        Some(Works::Unknown(Evidence::Connections(pairs, unsure)))
    }

    /// The verdict that this is, with what shows it.
    fn shown_works(&self, works: Works, assume: Assume) -> Result<Settled, Flaw> {
        match works {
            Works::Yes => Ok(Settled::Holds),
            Works::No(Evidence::Fact(fact)) => Ok(Settled::Violated(fact)),
            Works::No(Evidence::Connections(pairs, missing)) => self.broken(&pairs, &missing, assume),
            Works::Unknown(Evidence::Connections(pairs, unsure)) => self.unsure(&pairs, &unsure, assume),
            Works::No(Evidence::Membership) | Works::Unknown(Evidence::Membership | Evidence::Fact(_)) => {
                Ok(Settled::Unknown(Unsure { doubt: Uncertainty::Membership, hops: Vec::new() }))
            }
        }
    }

    /// Units that stand for the two ends, different ones.
    fn representatives(&self, from: Side, to: Side) -> Option<(Option<UnitId>, Option<UnitId>)> {
        let classes = &self.engine.classes;
        match (from, to) {
            (Side::Units(from), Side::Units(to)) => {
                let source = classes.representative(from);
                let destination = classes.members(to).iter().copied().find(|&unit| unit != source)?;
                Some((Some(source), Some(destination)))
            }
            (Side::Units(from), Side::External(_)) => Some((Some(classes.representative(from)), None)),
            (Side::External(_), Side::Units(to)) => Some((None, Some(classes.representative(to)))),
            (Side::External(_), Side::External(_)) => None,
        }
    }

    fn endpoint_pairs(
        &self,
        from: Side,
        to: Side,
        source: Option<UnitId>,
        destination: Option<UnitId>,
    ) -> Vec<(Endpoint, Endpoint)> {
        let design = self.engine.design;
        let of_unit = |unit: UnitId| -> Vec<Endpoint> {
            let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap_or(u16::MAX);
            (0..count).map(|interface| Endpoint::Unit { unit, interface }).collect()
        };
        let outside = |external: u32, unit: Endpoint| -> Option<Endpoint> {
            let space = &design.interface(unit)?.space;
            let all = self.engine.classes.endpoints.addresses(external);
            let free = design.known_addresses(space).map_or_else(|| all.clone(), |known| all.difference(known));
            free.ranges().next().map(|(first, _)| Endpoint::External(first))
        };
        match (from, to, source, destination) {
            (_, Side::External(external), Some(source), _) => {
                of_unit(source).into_iter().filter_map(|from| Some((from, outside(external, from)?))).collect()
            }
            (Side::External(external), _, _, Some(destination)) => {
                of_unit(destination).into_iter().filter_map(|to| Some((outside(external, to)?, to))).collect()
            }
            (_, _, Some(source), Some(destination)) => {
                let to = of_unit(destination);
                of_unit(source).into_iter().flat_map(|from| to.iter().map(move |&to| (from, to))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn family(&self, source: Endpoint, destination: Endpoint) -> Option<Family> {
        let header = seglab_policy::Header::Other(0);
        self.engine.design.family_of(&Connection { source, destination, header })
    }

    /// A needed connection that does not work, judged by the reference evaluator.
    fn broken(&self, pairs: &[(Endpoint, Endpoint)], missing: &HeaderSet, assume: Assume) -> Result<Settled, Flaw> {
        let (connection, evaluation) = self.witness(pairs, missing, assume).ok_or(Flaw::NoPath)?;
        match evaluation.verdict {
            Verdict::Denied(_) | Verdict::Allowed(Reply::Blocked) => {
                Ok(Settled::Violated(Counterexample::Broken { connection, evaluation }))
            }
            Verdict::Allowed(_) | Verdict::Unknown(_) => {
                Err(self.disagreement(&connection, assume, evaluation, "stopped"))
            }
        }
    }

    /// A needed connection of which it is not known whether it works.
    fn unsure(&self, pairs: &[(Endpoint, Endpoint)], unsure: &HeaderSet, assume: Assume) -> Result<Settled, Flaw> {
        let mut last = None;
        for &pair in pairs {
            let Some((connection, evaluation)) = self.witness(&[pair], unsure, assume) else { continue };
            let doubt = match evaluation.verdict {
                Verdict::Unknown(doubt) => Some(doubt),
                Verdict::Allowed(Reply::Unknown) => reply_doubt(&evaluation),
                Verdict::Allowed(_) | Verdict::Denied(_) => None,
            };
            if let Some(doubt) = doubt {
                let hops = vec![Hop::Connection { connection, assume, evaluation, means: Means::Reach }];
                return Ok(Settled::Unknown(Unsure { doubt: Uncertainty::Policy(doubt), hops }));
            }
            last = Some((connection, evaluation));
        }
        let (connection, evaluation) = last.ok_or(Flaw::NoPath)?;
        Err(self.disagreement(&connection, assume, evaluation, "undecided"))
    }

    fn witness(
        &self,
        pairs: &[(Endpoint, Endpoint)],
        headers: &HeaderSet,
        assume: Assume,
    ) -> Option<(Connection, seglab_policy::Evaluation)> {
        let fitting = pairs.iter().find_map(|&(source, destination)| {
            let family = self.family(source, destination)?;
            let header = headers.intersection(&HeaderSet::of_family(family)).witness(family)?;
            Some(Connection { source, destination, header })
        });
        // Between interfaces of different families nothing works, which any header shows.
        let any = || {
            let &(source, destination) = pairs.first()?;
            let header = Family::ALL.into_iter().find_map(|family| headers.witness(family))?;
            Some(Connection { source, destination, header })
        };
        let connection = fitting.or_else(any)?;
        Some((connection, self.evaluate(&connection, assume)))
    }
}

/// The transport headers from ephemeral source ports, and everything else.
fn ephemeral(headers: &HeaderSet) -> HeaderSet {
    let ports = IntervalSet::from_ranges([(FIRST_SOURCE_PORT, u16::MAX)]);
    let low = Transport::ALL.into_iter().fold(HeaderSet::empty(), |low, protocol| {
        low.union(&HeaderSet::of_ports(protocol, &IntervalSet::full(), &ports.complement()))
    });
    headers.difference(&low)
}

/// The rule that leaves the fate of a reply open.
fn reply_doubt(evaluation: &seglab_policy::Evaluation) -> Option<seglab_policy::Doubt> {
    let open = evaluation
        .judgements
        .iter()
        .filter(|judgement| judgement.reply && judgement.stands && judgement.outcomes.allow && judgement.outcomes.deny);
    open.flat_map(|judgement| &judgement.decisions).find_map(|decision| match decision.why {
        seglab_policy::Why::Rule(rule) => Some(seglab_policy::Doubt::Rule(rule)),
        seglab_policy::Why::Otherwise(_) | seglab_policy::Why::Default => None,
    })
}

/// What is left of a result if it is not known whether the end is meant: where every end counts failure becomes
/// doubtful, where one is enough success does.
fn in_doubt(works: Works, one_is_enough: bool) -> Works {
    match (works, one_is_enough) {
        (Works::No(_), false) | (Works::Yes, true) => Works::Unknown(Evidence::Membership),
        (works, _) => works,
    }
}

/// Both have to work: the first that does not, and doubt before success.
fn worse(a: Works, b: Works) -> Works {
    match (a, b) {
        (Works::No(broken), _) | (_, Works::No(broken)) => Works::No(broken),
        (Works::Unknown(unsure), _) | (_, Works::Unknown(unsure)) => Works::Unknown(unsure),
        (Works::Yes, Works::Yes) => Works::Yes,
    }
}

/// One has to work: the first that does, and doubt before failure.
fn better(a: Option<Works>, b: Works) -> Works {
    match (a, b) {
        (None, b) => b,
        (Some(Works::Yes), _) | (_, Works::Yes) => Works::Yes,
        (Some(Works::Unknown(unsure)), _) | (_, Works::Unknown(unsure)) => Works::Unknown(unsure),
        (Some(Works::No(broken)), Works::No(_)) => Works::No(broken),
    }
}
