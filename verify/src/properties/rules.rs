//! Claims about rules: `no-shadowed-rules`, `no-redundant-rules`, `no-undefined-order`.
//!
//! They are settled on every two endpoint classes between which a path carries connections: exactly for the units,
//! sources and addresses that the design has, and not for others that a rule could match.

use super::confined::End;
use super::{Counterexample, Idle, IdleRule, Outcome, Population, Settled, Uncertainty, Unsure, unsure};
use crate::counterexample::{Flaw, Hop, Means, VerifyError};
use crate::deciders::{Book, Hit};
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::lateral::Attack;
use crate::reach::Verifier;
use seglab_policy::{
    Assume, Connection, Direction, Doubt, Endpoint, Family, Header, Order, Peer, Placement, RuleId, RulebookId, Side,
};
use std::collections::{BTreeMap, BTreeSet};

type Asked = (RulebookId, Direction);

/// Two endpoint classes with endpoints that stand for them, and the headers that a path carries between them.
#[derive(Clone, Copy, Debug)]
struct Way {
    classes: (u32, u32),
    source: Endpoint,
    destination: Endpoint,
    carried: HeaderId,
}

/// A connection, or an answer, that shows what a rule does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleWitness {
    pub(crate) rule: RuleId,
    /// Where the rule is shown to decide: the direction in which it does.
    pub(crate) direction: Option<Direction>,
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) header: Header,
}

/// What is found about a rule.
enum Found<I> {
    /// It does something, which a connection shows; or there is nothing that it could do.
    Active(Option<RuleWitness>),
    /// It does nothing, and why.
    Idle(I),
    /// It depends on what is not known.
    Unsure(Doubt),
}

/// What has been worked out about a design for claims about rules.
struct Rules<'v, 'a> {
    verifier: &'v mut Verifier<'a>,
    books: BTreeMap<Asked, Book<'a>>,
    /// By endpoint class, ends of it: enough to find two of different units.
    ends: Vec<Vec<End>>,
    ways: BTreeMap<(u32, u32), Option<Way>>,
    assume: Assume,
}

impl<'a> Verifier<'a> {
    pub(super) fn no_shadowed_rules(&mut self, rulebook: Option<&str>) -> Outcome {
        let mut rules = Rules::new(self, Attack::default());
        let meant = rules.meant(rulebook);
        let population = rules.population(&meant);
        let (mut shadowed, mut doubt) = (Vec::new(), None);
        for rule in meant {
            match rules.shadow(rule) {
                Found::Idle(by) => shadowed.push(IdleRule { rule, why: Idle::Shadowed(by) }),
                Found::Unsure(unsure) => doubt = doubt.or(Some(unsure)),
                Found::Active(_) => {}
            }
        }
        Outcome { verdict: of_rules(shadowed, doubt), population }
    }

    pub(super) fn no_redundant_rules(&mut self, attack: Attack, rulebook: Option<&str>) -> Outcome {
        let mut rules = Rules::new(self, attack);
        let meant = rules.meant(rulebook);
        let population = rules.population(&meant);
        let (mut redundant, mut doubt) = (Vec::new(), None);
        for rule in meant {
            match rules.without(rule) {
                Found::Idle(why) => redundant.push(IdleRule { rule, why }),
                Found::Unsure(unsure) => doubt = doubt.or(Some(unsure)),
                Found::Active(_) => {}
            }
        }
        Outcome { verdict: of_rules(redundant, doubt), population }
    }

    /// Connections that show of each rule that it is not shadowed, or with `redundant` not redundant; none of rules that
    /// match nothing or are.
    pub(crate) fn rule_witnesses(
        &mut self,
        attack: Attack,
        rulebook: Option<&str>,
        redundant: bool,
    ) -> Vec<RuleWitness> {
        let mut rules = Rules::new(self, if redundant { attack } else { Attack::default() });
        let meant = rules.meant(rulebook);
        let of = |rule| match redundant {
            true => match rules.without(rule) {
                Found::Active(witness) => witness,
                Found::Idle(_) | Found::Unsure(_) => None,
            },
            false => match rules.shadow(rule) {
                Found::Active(witness) => witness,
                Found::Idle(_) | Found::Unsure(_) => None,
            },
        };
        meant.into_iter().filter_map(of).collect()
    }

    pub(super) fn no_undefined_order(
        &mut self,
        id: &str,
        attack: Attack,
        rulebook: Option<&str>,
    ) -> Result<Outcome, VerifyError> {
        let mut rules = Rules::new(self, attack);
        let meant = rules.meant(rulebook);
        let population = rules.population(&meant);
        let books: BTreeSet<RulebookId> = meant.iter().map(|rule| rule.rulebook).collect();
        let verdict = rules.undefined(&books).map_err(|flaw| flaw.into_error(id))?;
        Ok(Outcome { verdict, population })
    }
}

fn of_rules(idle: Vec<IdleRule>, doubt: Option<Doubt>) -> Settled {
    match (idle.is_empty(), doubt) {
        (false, _) => Settled::Violated(Counterexample::Rules(idle)),
        (true, Some(doubt)) => Settled::Unknown(Unsure { doubt: Uncertainty::Policy(doubt), hops: Vec::new() }),
        (true, None) => Settled::Holds,
    }
}

impl<'v, 'a> Rules<'v, 'a> {
    fn new(verifier: &'v mut Verifier<'a>, attack: Attack) -> Self {
        let design = verifier.engine.design;
        let mut asked: BTreeSet<Asked> = BTreeSet::new();
        for point in design.points() {
            let meets = |direction: &Direction| match point.placement {
                Placement::Units(_) => *direction != Direction::Forward,
                Placement::Between(_) => *direction == Direction::Forward,
                Placement::Around(..) => true,
            };
            asked.extend(point.directions.iter().filter(meets).map(|direction| (point.rulebook, direction)));
        }
        let classes = &verifier.engine.classes;
        let books = asked
            .into_iter()
            .map(|(id, direction)| ((id, direction), Book::new(classes, id, design.rulebook(id), direction)));
        let books = books.collect();
        let mut ends = vec![Vec::new(); classes.endpoints.len()];
        for &end in &verifier.every_end().ends {
            if let Some(of_class) = ends.get_mut(end.class as usize).filter(|of_class| of_class.len() < 2) {
                of_class.push(end);
            }
        }
        let assume = attack.assume(Side::Source, false);
        Self { verifier, books, ends, ways: BTreeMap::new(), assume }
    }

    /// The rules of a rulebook, or of all.
    fn meant(&self, rulebook: Option<&str>) -> Vec<RuleId> {
        let design = self.verifier.engine.design;
        let of = |id: RulebookId| rulebook.is_none_or(|name| design.rulebook(id).name == name);
        design.rules().map(|(id, _)| id).filter(|id| of(id.rulebook)).collect()
    }

    fn population(&self, rules: &[RuleId]) -> Population {
        Population { from: rules.len(), to: self.verifier.engine.design.units().len() }
    }

    /// The way from one endpoint class to another, if some path carries connections of two different units.
    fn way(&mut self, source: u32, destination: u32) -> Option<Way> {
        if let Some(&known) = self.ways.get(&(source, destination)) {
            return known;
        }
        // A named source is an endpoint class in either family, and goes by one name in both.
        let family = |class: u32| self.verifier.engine.classes.endpoints.get(class).family;
        if family(source) != family(destination) {
            return None;
        }
        let none = Vec::new();
        let from = self.ends.get(source as usize).unwrap_or(&none);
        let to = self.ends.get(destination as usize).unwrap_or(&none);
        let pairs = from.iter().flat_map(|&from| to.iter().map(move |&to| (from, to)));
        let found = pairs.into_iter().find_map(|(from, to)| self.verifier.concrete((from, None), (to, None)));
        let way = found.and_then(|(from, to)| {
            let carried = self.carried(from, to)?;
            Some(Way { classes: (source, destination), source: from, destination: to, carried })
        });
        self.ways.insert((source, destination), way);
        way
    }

    fn carried(&mut self, source: Endpoint, destination: Endpoint) -> Option<HeaderId> {
        let engine = &mut self.verifier.engine;
        let design = engine.design;
        let probe = Connection { source, destination, header: Header::Other(0) };
        let family = HeaderSet::of_family(design.family_of(&probe)?);
        let headers = match (source, destination.unit()) {
            (Endpoint::Source(id), Some(unit)) => {
                let unit = design.unit(unit);
                let entries = design.external_source(id)?.entries.iter().filter(|entry| entry.to.matches(unit));
                let services = entries.map(|entry| HeaderSet::of_services(&entry.services, &unit.listeners));
                services.fold(HeaderSet::empty(), |all, some| all.union(&some)).intersection(&family)
            }
            _ => design.missing_path(&probe).is_none().then_some(family)?,
        };
        Some(engine.sets.intern(headers)).filter(|headers| *headers != HeaderId::EMPTY)
    }

    fn hits(&mut self, asked: Asked, way: &Way) -> Vec<Hit> {
        let Verifier { engine, .. } = &mut *self.verifier;
        let listeners = way.destination.unit().map_or(&[][..], |unit| &engine.design.unit(unit).listeners);
        let Some(book) = self.books.get(&asked) else { return Vec::new() };
        book.hits(way.classes.0, way.classes.1, listeners, &mut engine.sets)
    }

    /// The endpoint classes that a peer of a rule matches.
    fn matched(&self, peer: &Peer) -> Vec<u32> {
        use crate::endpoint_class::PeerMatches;
        let classes = &self.verifier.engine.classes;
        match classes.endpoints.matched(peer, &classes.words, &classes.index) {
            PeerMatches::All(_) => (0..u32::try_from(classes.endpoints.len()).unwrap_or(u32::MAX)).collect(),
            PeerMatches::Some(some) => some.into_iter().map(|(class, _)| class).collect(),
        }
    }

    /// The directions in which some point asks a rule, and the ways between the classes that it matches. Of a
    /// stateless rulebook the answers to connections count, too.
    fn met(&mut self, id: RuleId) -> Vec<(Asked, Way)> {
        let design = self.verifier.engine.design;
        let Some((_, rule)) = design.rule(id) else { return Vec::new() };
        let asked = rule.directions.iter().map(|direction| (id.rulebook, direction));
        let asked: Vec<Asked> = asked.filter(|asked| self.books.contains_key(asked)).collect();
        let (from, to) = (self.matched(&rule.from), self.matched(&rule.to));
        let stateless = !design.rulebook(id.rulebook).stateful;
        let mut met = Vec::new();
        for (&source, &destination) in from.iter().flat_map(|source| to.iter().map(move |to| (source, to))) {
            let forth = self.way(source, destination);
            let back = if stateless { self.way(destination, source) } else { None };
            let answer = back.map(|back| Way {
                classes: (source, destination),
                source: back.destination,
                destination: back.source,
                carried: back.carried,
            });
            let way = match (forth, answer) {
                (_, Some(answer)) => {
                    let all = self.family_of(&answer).map_or_else(HeaderSet::empty, HeaderSet::of_family);
                    let carried = self.verifier.engine.sets.intern(all);
                    Way { carried, ..forth.unwrap_or(answer) }
                }
                (Some(forth), None) => forth,
                (None, None) => continue,
            };
            met.extend(asked.iter().map(|&asked| (asked, way)));
        }
        met
    }

    fn family_of(&self, way: &Way) -> Option<Family> {
        let (source, destination) = (way.source, way.destination);
        self.verifier.engine.design.family_of(&Connection { source, destination, header: Header::Other(0) })
    }

    /// A connection of a way that shows what a rule does.
    fn witness(&self, rule: RuleId, direction: Option<Direction>, way: &Way, headers: HeaderId) -> Option<RuleWitness> {
        let header = self.verifier.engine.sets.get(headers).witness(self.family_of(way)?)?;
        Some(RuleWitness { rule, direction, source: way.source, destination: way.destination, header })
    }

    /// The rules that hide a rule.
    fn shadow(&mut self, id: RuleId) -> Found<Vec<RuleId>> {
        let (mut matches, mut may_decide) = (false, false);
        let mut by: BTreeSet<RuleId> = BTreeSet::new();
        let mut may_match = false;
        for (asked, way) in self.met(id) {
            let hits = self.hits(asked, &way);
            let sets = &mut self.verifier.engine.sets;
            let Some(at) = hits.iter().position(|hit| hit.id == id) else { continue };
            let Some((own, book)) = hits.get(at).zip(self.books.get(&asked)) else { continue };
            let headers = sets.intersection(own.headers, way.carried);
            if headers == HeaderId::EMPTY {
                continue;
            }
            may_match = true;
            matches |= own.matched == crate::endpoint_class::Match::Yes;
            let decided = book.decide(way.classes.0, way.classes.1, &hits, sets);
            let (possibly, certainly) = decided.by.get(at).copied().unwrap_or_default();
            let shown = sets.intersection(certainly, way.carried);
            if shown != HeaderId::EMPTY {
                return Found::Active(self.witness(id, Some(asked.1), &way, shown));
            }
            may_decide |= sets.intersect(possibly, way.carried);
            for (hit, (others, _)) in hits.iter().zip(&decided.by) {
                if hit.id != id && sets.intersect(*others, headers) {
                    by.insert(hit.id);
                }
            }
        }
        match (may_match, matches && !may_decide) {
            (false, _) => Found::Active(None),
            (true, true) => Found::Idle(by.into_iter().collect()),
            (true, false) => Found::Unsure(Doubt::Rule(id)),
        }
    }

    /// Why a rule changes no verdict.
    fn without(&mut self, id: RuleId) -> Found<Idle> {
        let design = self.verifier.engine.design;
        let Some((_, rule)) = design.rule(id) else { return Found::Idle(Idle::NeverAsked) };
        if !rule.directions.iter().any(|direction| self.books.contains_key(&(id.rulebook, direction))) {
            return Found::Idle(Idle::NeverAsked);
        }
        let stateless = !design.rulebook(id.rulebook).stateful;
        let (from, to) = (self.matched(&rule.from), self.matched(&rule.to));
        let (mut matches, mut doubt) = (false, None);
        for (&source, &destination) in from.iter().flat_map(|source| to.iter().map(move |to| (source, to))) {
            let forth = self.way(source, destination);
            let back = if stateless { self.way(destination, source) } else { None };
            let mut changes: Option<(Way, HeaderId)> = None;
            if let Some(way) = forth {
                let (with, without) = (self.arrives(&way, None), self.arrives(&way, Some(id)));
                changes = self.unlike(with, without).map(|headers| (way, headers));
                matches = matches || self.matches(id, &way);
            }
            if let Some(way) = back {
                let (certain, _) = self.arrives(&way, None);
                let (with, without) = (self.answers(&way, certain, None), self.answers(&way, certain, Some(id)));
                changes = changes.or_else(|| self.unlike(with, without).map(|headers| (way, headers)));
                let full = self.verifier.engine.sets.intern(HeaderSet::full());
                let answer = Way {
                    classes: (source, destination),
                    source: way.destination,
                    destination: way.source,
                    carried: full,
                };
                matches = matches || self.matches(id, &answer);
            }
            if let Some((way, headers)) = changes {
                match self.touched(&way) {
                    None => return Found::Active(self.witness(id, None, &way, headers)),
                    touched => doubt = doubt.or(touched),
                }
            }
        }
        match doubt {
            Some(doubt) => Found::Unsure(doubt),
            None if matches => Found::Idle(Idle::ChangesNothing),
            None => Found::Idle(Idle::MatchesNothing),
        }
    }

    /// The headers that are in one of two pairs of sets only, if any are.
    fn unlike(&mut self, with: (HeaderId, HeaderId), without: (HeaderId, HeaderId)) -> Option<HeaderId> {
        let sets = &mut self.verifier.engine.sets;
        let pairs = [(with.0, without.0), (without.0, with.0), (with.1, without.1), (without.1, with.1)];
        pairs.into_iter().map(|(a, b)| sets.difference(a, b)).find(|headers| *headers != HeaderId::EMPTY)
    }

    fn matches(&mut self, id: RuleId, way: &Way) -> bool {
        let directions = Direction::ALL.map(|direction| (id.rulebook, direction));
        directions.into_iter().any(|asked| {
            let hits = self.hits(asked, way);
            let sets = &mut self.verifier.engine.sets;
            hits.iter().any(|hit| hit.id == id && sets.intersect(hit.headers, way.carried))
        })
    }

    /// What is not modelled and touches either end.
    fn touched(&self, way: &Way) -> Option<Doubt> {
        let design = self.verifier.engine.design;
        let units: Vec<_> = [way.source, way.destination].into_iter().filter_map(Endpoint::unit).collect();
        let touches =
            |what: &seglab_policy::Unmodelled| units.iter().any(|&unit| what.touches.matches(design.unit(unit)));
        (0..).zip(design.unmodelled()).find(|(_, what)| touches(what)).map(|(at, _)| Doubt::Unmodelled(at))
    }

    /// What judges a connection, or its answer from `way.source` to `way.destination`.
    fn standing(&self, way: &Way, reply: bool) -> BTreeSet<Asked> {
        let design = self.verifier.engine.design;
        let connection = Connection { source: way.source, destination: way.destination, header: Header::Other(0) };
        let mut standing = BTreeSet::new();
        for (point, direction, side) in design.crossings(&connection) {
            let point = design.point(point);
            // Ownership is of an end of the connection; its answer has the ends the other way round.
            let side = side.map(|side| match (reply, side) {
                (false, side) => side,
                (true, Side::Source) => Side::Destination,
                (true, Side::Destination) => Side::Source,
            });
            let counts = !reply || !design.rulebook(point.rulebook).stateful;
            if counts && self.assume.stands(point, side) {
                standing.insert((point.rulebook, direction));
            }
        }
        standing
    }

    /// The headers that certainly and possibly pass the points of a way, a rule left out.
    fn passing(&mut self, way: &Way, live: HeaderId, reply: bool, without: Option<RuleId>) -> (HeaderId, HeaderId) {
        let (mut certain, mut possible) = (live, live);
        for asked in self.standing(way, reply) {
            let mut hits = self.hits(asked, way);
            hits.retain(|hit| Some(hit.id) != without);
            let Some(book) = self.books.get(&asked) else { continue };
            let sets = &mut self.verifier.engine.sets;
            let decided = book.decide(way.classes.0, way.classes.1, &hits, sets);
            certain = sets.difference(certain, decided.may_deny);
            possible = sets.intersection(possible, decided.may_allow);
        }
        (certain, possible)
    }

    fn arrives(&mut self, way: &Way, without: Option<RuleId>) -> (HeaderId, HeaderId) {
        self.passing(way, way.carried, false, without)
    }

    /// Of headers that certainly arrive, those whose answers are stopped, and those of which nobody knows.
    fn answers(&mut self, way: &Way, certain: HeaderId, without: Option<RuleId>) -> (HeaderId, HeaderId) {
        let back = Way {
            classes: (way.classes.1, way.classes.0),
            source: way.destination,
            destination: way.source,
            carried: way.carried,
        };
        let full = self.verifier.engine.sets.intern(HeaderSet::full());
        let (certainly, possibly) = self.passing(&back, full, true, without);
        let sets = &mut self.verifier.engine.sets;
        let answered = sets.intern(HeaderSet::answered());
        let answered = sets.intersection(certain, answered);
        let [certainly, possibly] = [certainly, possibly].map(|replies| {
            let answered = sets.get(replies).whose_replies();
            sets.intern(answered)
        });
        (sets.difference(answered, possibly), sets.difference(answered, certainly))
    }

    fn undefined(&mut self, books: &BTreeSet<RulebookId>) -> Result<Settled, Flaw> {
        let design = self.verifier.engine.design;
        let ties = |id: &RulebookId| {
            design.rulebook(*id).tiers.iter().any(|tier| tier.order == Order::FirstMatchUndefinedTies)
        };
        let asked: Vec<Asked> =
            self.books.keys().copied().filter(|(id, _)| books.contains(id)).filter(|(id, _)| ties(id)).collect();
        let all = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        let mut doubtful = None;
        for (asked, source, destination) in
            asked.into_iter().flat_map(|asked| (0..all).flat_map(move |from| (0..all).map(move |to| (asked, from, to))))
        {
            let Some(way) = self.way(source, destination) else { continue };
            let hits = self.hits(asked, &way);
            if hits.len() < 2 {
                continue;
            }
            let Some(book) = self.books.get(&asked) else { continue };
            let decided = book.decide(source, destination, &hits, &mut self.verifier.engine.sets);
            if decided.disagree.is_empty() || !self.standing(&way, false).contains(&asked) {
                continue;
            }
            let (certain, possible) = self.arrives(&way, None);
            let sets = &mut self.verifier.engine.sets;
            let unknown = sets.difference(possible, certain);
            let either = sets.intersection(decided.may_allow, decided.may_deny);
            for pair in decided.disagree {
                let sets = &mut self.verifier.engine.sets;
                let surely = sets.intersection(pair.certainly, unknown);
                let perhaps = sets.intersection(pair.possibly, either);
                let perhaps = sets.intersection(perhaps, unknown);
                let touched = self.touched(&way).is_some();
                if surely != HeaderId::EMPTY && !touched {
                    let hops = vec![self.shown(&way, surely)?];
                    return Ok(Settled::Violated(Counterexample::UndefinedOrder { rules: pair.rules, hops }));
                }
                if doubtful.is_none() && (perhaps != HeaderId::EMPTY || surely != HeaderId::EMPTY) {
                    let shown = if perhaps == HeaderId::EMPTY { surely } else { perhaps };
                    doubtful = Some(self.shown(&way, shown)?);
                }
            }
        }
        Ok(doubtful.map_or(Settled::Holds, |hop| unsure(vec![hop])))
    }

    /// A connection whose verdict is in doubt, replayed.
    fn shown(&self, way: &Way, headers: HeaderId) -> Result<Hop, Flaw> {
        let Way { source, destination, .. } = *way;
        let probe = Connection { source, destination, header: Header::Other(0) };
        let family = self.verifier.engine.design.family_of(&probe).ok_or(Flaw::NoPath)?;
        let header = self.verifier.engine.sets.get(headers).witness(family).ok_or(Flaw::NoPath)?;
        let connection = Connection { source, destination, header };
        let evaluation = self.verifier.check(&connection, self.assume, true)?;
        Ok(Hop::Connection { connection, assume: self.assume, evaluation, means: Means::Reach })
    }
}
