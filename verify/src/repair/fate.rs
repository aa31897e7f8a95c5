//! What becomes of one connection, as a formula over the candidate edits.
//!
//! One connection touches few rules, so that its fate under any choice of edits is a small formula. It follows the
//! definition of a policy as the reference evaluator does, tier by tier and point by point, with "matches" replaced by
//! "matches under the chosen edits"; a property test compares the two on random designs, connections and choices.

use super::candidates::{Candidates, Part};
use super::formula::Formula;
use seglab_policy::{
    Action, Assume, Connection, Design, Direction, Endpoint, Order, Peer, Restriction, Rule, RuleId, RulebookId, Side,
    Tier, TierId,
};
use std::collections::BTreeMap;

/// When a connection arrives.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    /// It may arrive: it is not certainly stopped.
    pub(super) perhaps: Formula,
    /// It certainly arrives, and so does its reply, if it has one.
    pub(super) works: Formula,
}

/// The outcomes of a judgement, each with when it is possible.
#[derive(Clone, Debug)]
struct Outcomes {
    allow: Formula,
    deny: Formula,
}

/// A rule that matches a connection unless edits take that away, or once they bring it in.
struct Active {
    action: Action,
    priority: i64,
    object: Option<String>,
    surely: Formula,
    perhaps: Formula,
}

/// What a tier may decide.
struct Decision {
    allow: Formula,
    deny: Formula,
    pass: Formula,
}

impl Decision {
    fn none() -> Self {
        let never = Formula::constant(false);
        Self { allow: never.clone(), deny: never.clone(), pass: never }
    }

    fn add(&mut self, action: Action, when: &Formula) {
        let slot = match action {
            Action::Allow => &mut self.allow,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        };
        *slot = slot.or(when);
    }
}

/// Works out the fates of connections, and remembers what rulebooks say.
#[derive(Default)]
pub(super) struct Fates {
    /// Allow rules match nothing: the question of default denials.
    bare: bool,
    judged: BTreeMap<(RulebookId, Direction, Connection), Outcomes>,
}

impl Fates {
    /// The same in designs in which no rule allows anything.
    pub(super) fn without_allows() -> Self {
        Self { bare: true, ..Self::default() }
    }

    /// What becomes of a connection under each choice of edits.
    pub(super) fn of(&mut self, candidates: &mut Candidates<'_>, connection: &Connection, assume: Assume) -> Fate {
        let design = candidates.design;
        let touched = is_touched(design, connection);
        let fixed = |surely: bool, perhaps: bool| Fate {
            perhaps: Formula::constant(perhaps),
            works: Formula::constant(surely),
        };
        if let Some(missing) = design.missing_path(connection) {
            return fixed(false, touched && missing.may_be_opened());
        }
        if touched {
            return fixed(false, true);
        }
        let (surely, perhaps) = self.passes(candidates, connection, assume, false);
        let header = design.family_of(connection).and_then(|family| connection.header.reply(family));
        let works = match header {
            None => surely,
            Some(header) => {
                let reply = Connection { source: connection.destination, destination: connection.source, header };
                surely.and(&self.passes(candidates, &reply, assume, true).0)
            }
        };
        Fate { perhaps, works }
    }

    /// When all points on the path certainly let a connection, or a reply, through, and when none certainly stops it.
    fn passes(
        &mut self,
        candidates: &mut Candidates<'_>,
        connection: &Connection,
        assume: Assume,
        reply: bool,
    ) -> (Formula, Formula) {
        let design = candidates.design;
        let (mut surely, mut perhaps) = (Formula::constant(true), Formula::constant(true));
        for (id, direction, side) in design.crossings(connection) {
            let point = design.point(id);
            let side = if reply { side.map(other_side) } else { side };
            if (reply && design.rulebook(point.rulebook).stateful) || !assume.stands(point, side) {
                continue;
            }
            let outcomes = self.judged(candidates, point.rulebook, direction, connection);
            surely = surely.and(&outcomes.deny.not());
            perhaps = perhaps.and(&outcomes.allow);
        }
        (surely, perhaps)
    }

    fn judged(
        &mut self,
        candidates: &mut Candidates<'_>,
        book: RulebookId,
        direction: Direction,
        connection: &Connection,
    ) -> Outcomes {
        let key = (book, direction, *connection);
        if let Some(known) = self.judged.get(&key) {
            return known.clone();
        }
        let outcomes = judge(candidates, book, direction, connection, self.bare);
        self.judged.insert(key, outcomes.clone());
        outcomes
    }
}

fn other_side(side: Side) -> Side {
    match side {
        Side::Source => Side::Destination,
        Side::Destination => Side::Source,
    }
}

/// True if something that is not modelled leaves the connection's fate open.
fn is_touched(design: &Design, connection: &Connection) -> bool {
    let ends = [connection.source, connection.destination];
    let mut units = ends.into_iter().filter_map(Endpoint::unit);
    units.any(|unit| design.unmodelled().iter().any(|what| what.touches.matches(design.unit(unit))))
}

/// What a rulebook may say: tier after tier, as long as the one before may pass.
fn judge(
    candidates: &mut Candidates<'_>,
    rulebook: RulebookId,
    direction: Direction,
    connection: &Connection,
    bare: bool,
) -> Outcomes {
    let design = candidates.design;
    let book = design.rulebook(rulebook);
    let mut reached = Formula::constant(true);
    let mut outcomes = Outcomes { allow: Formula::constant(false), deny: Formula::constant(false) };
    for (at, tier) in (0..).zip(&book.tiers) {
        let id = TierId { rulebook, tier: at };
        let in_scope = in_scope(candidates, id, tier, direction, connection);
        if in_scope.fixed() == Some(false) {
            continue;
        }
        let decision = judge_tier(candidates, (id, tier), direction, connection, bare);
        let asked = reached.and(&in_scope);
        outcomes.allow = outcomes.allow.or(&asked.and(&decision.allow));
        outcomes.deny = outcomes.deny.or(&asked.and(&decision.deny));
        reached = reached.and(&in_scope.not().or(&decision.pass));
        if reached.fixed() == Some(false) {
            return outcomes;
        }
    }
    let default = if book.default_allow { &mut outcomes.allow } else { &mut outcomes.deny };
    *default = default.or(&reached);
    outcomes
}

/// When the tier speaks of the connection: it does, or an edit takes its subject into scope.
fn in_scope(
    candidates: &mut Candidates<'_>,
    id: TierId,
    tier: &Tier,
    direction: Direction,
    connection: &Connection,
) -> Formula {
    let design = candidates.design;
    let Some(selectors) = tier.scope.selectors(direction) else { return Formula::constant(true) };
    let subject = match direction {
        Direction::Egress => connection.source,
        Direction::Forward | Direction::Ingress => connection.destination,
    };
    let Some(unit) = subject.unit().map(|unit| design.unit(unit)) else { return Formula::constant(false) };
    if selectors.iter().any(|selector| selector.matches(unit)) {
        return Formula::constant(true);
    }
    if !tier.isolates() || direction == Direction::Forward {
        return Formula::constant(false);
    }
    let mut taken_in = Vec::new();
    for &candidate in candidates.of_tier(id).iter() {
        let selector = match candidates.get(candidate).map(|candidate| &candidate.part) {
            Some(Part::Isolate(_, of, units)) if *of == direction => Some(units),
            Some(Part::Add(_, rule, _)) if rule.directions.contains(direction) => rule.subject(direction),
            _ => None,
        };
        if selector.is_some_and(|selector| selector.matches(unit)) {
            taken_in.push(Formula::chosen(candidate));
        }
    }
    Formula::any(taken_in)
}

fn judge_tier(
    candidates: &mut Candidates<'_>,
    (id, tier): (TierId, &Tier),
    direction: Direction,
    connection: &Connection,
    bare: bool,
) -> Decision {
    let [mut added, mut last] = added(candidates, id, tier, direction, connection);
    let mut active = held(candidates, id, tier, direction, connection);
    if bare {
        [&mut added, &mut last, &mut active]
            .into_iter()
            .for_each(|rules| rules.retain(|one| one.action != Action::Allow));
    }
    let (mut decision, open) = match tier.order {
        Order::FirstMatch => {
            added.append(&mut active);
            added.append(&mut last);
            first_match(added.iter())
        }
        Order::FirstMatchUndefinedTies => undefined_ties(&active),
        Order::DenyOverrides | Order::AllowUnion => {
            active.append(&mut added);
            strongest(&active)
        }
    };
    decision.add(tier.otherwise, &open);
    decision
}

/// The rules of the tier that match, each as long as no edit takes that away.
fn held(
    candidates: &mut Candidates<'_>,
    id: TierId,
    tier: &Tier,
    direction: Direction,
    connection: &Connection,
) -> Vec<Active> {
    let design = candidates.design;
    let mut active = Vec::new();
    for (position, rule) in (0..).zip(&tier.rules).filter(|(_, rule)| rule.directions.contains(direction)) {
        let matched = design.matches(rule, connection);
        if matched == Some(false) {
            continue;
        }
        let rule_id = RuleId { rulebook: id.rulebook, tier: id.tier, rule: position };
        // Whatever takes the match away, and whatever makes it doubtful.
        let (mut away, mut doubtful) = (Vec::new(), Vec::new());
        for &candidate in candidates.of_rule(rule_id).iter() {
            let left = match candidates.get(candidate).map(|candidate| &candidate.part) {
                Some(Part::Restrict(_, to)) => meets(design, to, connection),
                _ => Some(false),
            };
            match left {
                Some(true) => {}
                Some(false) => away.push(Formula::chosen(candidate)),
                None => doubtful.push(Formula::chosen(candidate)),
            }
        }
        let perhaps = Formula::any(away).not();
        let surely = match matched {
            Some(true) => perhaps.and(&Formula::any(doubtful).not()),
            _ => Formula::constant(false),
        };
        let (action, priority, object) = (rule.action, rule.priority, rule.provenance.object.clone());
        active.push(Active { action, priority, object, surely, perhaps });
    }
    active
}

/// The rules that edits may bring into the tier and that match, in their order: those that go before the rules of a
/// first-match tier, and those that go after them.
fn added(
    candidates: &mut Candidates<'_>,
    id: TierId,
    tier: &Tier,
    direction: Direction,
    connection: &Connection,
) -> [Vec<Active>; 2] {
    let design = candidates.design;
    let first = tier.rules.iter().map(|rule| rule.priority).min().unwrap_or(0);
    let mut active = [Vec::new(), Vec::new()];
    for &candidate in candidates.of_tier(id).iter() {
        let Some(Part::Add(_, rule, last)) = candidates.get(candidate).map(|candidate| &candidate.part) else {
            continue;
        };
        if !rule.directions.contains(direction) {
            continue;
        }
        let chosen = Formula::chosen(candidate);
        let surely = match design.matches(rule, connection) {
            Some(true) => chosen.clone(),
            None => Formula::constant(false),
            Some(false) => continue,
        };
        let one = Active { action: rule.action, priority: first, object: None, surely, perhaps: chosen };
        let [front, back] = &mut active;
        if *last && tier.order == Order::FirstMatch { back.push(one) } else { front.push(one) }
    }
    active
}

/// Whether a connection is within a restriction; `None` if that is unknown.
fn meets(design: &Design, restriction: &Restriction, connection: &Connection) -> Option<bool> {
    let everything = Rule {
        directions: seglab_policy::Directions::ALL,
        from: Peer::Anyone,
        to: Peer::Anyone,
        services: vec![seglab_policy::Service::Any],
        action: Action::Pass,
        priority: 0,
        provenance: seglab_policy::Provenance::default(),
    };
    let only = match restriction {
        Restriction::From(peer) => Rule { from: peer.clone(), ..everything },
        Restriction::To(peer) => Rule { to: peer.clone(), ..everything },
        Restriction::Services(services) => Rule { services: services.clone(), ..everything },
    };
    design.matches(&only, connection)
}

/// Rules in their order: a certain match ends the search.
fn first_match<'r>(rules: impl Iterator<Item = &'r Active>) -> (Decision, Formula) {
    let (mut decision, mut open) = (Decision::none(), Formula::constant(true));
    for rule in rules {
        decision.add(rule.action, &open.and(&rule.perhaps));
        open = open.and(&rule.surely.not());
    }
    (decision, open)
}

/// As [`first_match`], but inside a priority each object's rules are asked on their own and any object may win.
fn undefined_ties(rules: &[Active]) -> (Decision, Formula) {
    let (mut decision, mut reached) = (Decision::none(), Formula::constant(true));
    for level in rules.chunk_by(|a, b| a.priority == b.priority) {
        let mut objects: Vec<&Option<String>> = level.iter().map(|rule| &rule.object).collect();
        objects.sort();
        objects.dedup();
        let mut level_open = Formula::constant(true);
        for object in objects {
            let (of_object, open) = first_match(level.iter().filter(|rule| rule.object == *object));
            for (action, when) in
                [(Action::Allow, of_object.allow), (Action::Deny, of_object.deny), (Action::Pass, of_object.pass)]
            {
                decision.add(action, &reached.and(&when));
            }
            level_open = level_open.and(&open);
        }
        reached = reached.and(&level_open);
    }
    (decision, reached)
}

/// Deny before allow before pass.
fn strongest(rules: &[Active]) -> (Decision, Formula) {
    let (mut decision, mut open) = (Decision::none(), Formula::constant(true));
    for action in [Action::Deny, Action::Allow, Action::Pass] {
        let of_action = || rules.iter().filter(|rule| rule.action == action);
        let perhaps = Formula::any(of_action().map(|rule| rule.perhaps.clone()));
        let surely = Formula::any(of_action().map(|rule| rule.surely.clone()));
        decision.add(action, &open.and(&perhaps));
        open = open.and(&surely.not());
    }
    (decision, open)
}
