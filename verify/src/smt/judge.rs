//! What rules, tiers, rulebooks and enforcement points say of a symbolic packet.

use super::Outcome;
use super::cores::{Part, Removed};
use super::facts::{Fact, Vocabulary};
use super::packet::Packet;
use super::path::Path;
use super::term::{Truth, all, any, constant};
use seglab_policy::{
    Action, Assume, Design, Direction, Directions, EnforcementPoint, Mode, Order, Placement, PointKind, Reply, Rule,
    RuleId, RulebookId, Scope, Side, Tier, TierId, Trust,
};
use std::collections::BTreeMap;
use z3::ast::Bool;

/// What becomes of a symbolic connection, as formulas of which exactly one holds.
///
/// Each formula has a name, so that a solver that has been told the [definitions](Verdict::definitions) once answers
/// every question about them.
#[derive(Debug)]
pub(super) struct Verdict {
    outcomes: BTreeMap<Outcome, (Bool, Bool)>,
}

impl Verdict {
    /// The verdict on whatever connection the packet's variables stand for, its formulas' names beginning with `name`.
    pub(super) fn new(
        design: &Design,
        assume: Assume,
        vocabulary: &Vocabulary<'_>,
        packet: &Packet<'_>,
        name: &str,
    ) -> Self {
        Self::without((design, assume), vocabulary, packet, name, &Removed::default())
    }

    /// As [`Verdict::new`], of a design some of whose rules and defaults may be taken away.
    pub(super) fn without(
        (design, assume): (&Design, Assume),
        vocabulary: &Vocabulary<'_>,
        packet: &Packet<'_>,
        name: &str,
        removed: &Removed,
    ) -> Self {
        let Packet { source, destination, .. } = *packet;
        let (answered, answer) = packet.answer();
        let reply = Packet { source: destination, destination: source, header: &answer, reply: true };
        let judge = Judge { design, assume, vocabulary, removed };
        let (forth, back) = (judge.stopped(packet), judge.stopped(&reply));
        let touched = judge.unmodelled(packet);
        let Path { are_endpoints, carried } = Path::new(packet, design, vocabulary);

        // What is not modelled opens paths that are missing, but makes no connection between what are no two ends of
        // one.
        let possible = all([packet.one_family(), are_endpoints, any([carried.clone(), touched.clone()])]);
        let stopped = all([forth.surely.clone(), touched.not()]);
        let doubtful = any([touched.clone(), all([forth.perhaps.clone(), forth.surely.not()])]);
        let allowed = all([carried, touched.not(), forth.perhaps.not()]);
        let replies = [
            (Reply::None, answered.not()),
            (Reply::Passes, all([answered.clone(), back.perhaps.not()])),
            (Reply::Blocked, all([answered.clone(), back.surely.clone()])),
            (Reply::Unknown, all([answered, back.perhaps, back.surely.not()])),
        ];
        let mut outcomes = BTreeMap::from([
            (Outcome::Denied, any([possible.not(), stopped])),
            (Outcome::Unknown, all([possible, doubtful])),
        ]);
        for (reply, holds) in replies {
            outcomes.insert(Outcome::Allowed(reply), all([allowed.clone(), holds]));
        }
        let named = |(outcome, holds)| (outcome, (Bool::new_const(format!("{name}{outcome:?}")), holds));
        Self { outcomes: outcomes.into_iter().map(named).collect() }
    }

    /// Each name means its formula.
    pub(super) fn definitions(&self) -> Bool {
        all(self.outcomes.values().map(|(name, holds)| name.iff(holds)))
    }

    /// The outcome is one of these.
    pub(super) fn is_one_of(&self, wanted: &[Outcome]) -> Bool {
        any(wanted.iter().filter_map(|outcome| self.outcomes.get(outcome)).map(|(name, _)| name.clone()))
    }

    /// Every outcome with its name.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (Outcome, &Bool)> {
        self.outcomes.iter().map(|(outcome, (name, _))| (*outcome, name))
    }
}

/// What may come of asking a tier or a rulebook; more than one where something is not known.
struct May {
    allow: Bool,
    deny: Bool,
    pass: Bool,
}

struct Judge<'a> {
    design: &'a Design,
    assume: Assume,
    vocabulary: &'a Vocabulary<'a>,
    removed: &'a Removed,
}

impl Judge<'_> {
    /// Some standing point stops the packet.
    fn stopped(&self, packet: &Packet<'_>) -> Truth {
        let mut judged: BTreeMap<(RulebookId, Direction), Truth> = BTreeMap::new();
        let (mut surely, mut perhaps) = (Vec::new(), Vec::new());
        for point in self.design.points() {
            let stateful = self.design.rulebook(point.rulebook).stateful;
            for direction in Direction::ALL {
                let asked = has(point.directions, direction) && !(packet.reply && stateful);
                if !asked || !self.stands(point, direction, packet) {
                    continue;
                }
                let denies = judged.entry((point.rulebook, direction)).or_insert_with(|| {
                    let may = self.asked(point.rulebook, direction, packet);
                    Truth { surely: all([may.deny.clone(), may.allow.not()]), perhaps: may.deny }
                });
                let met = self.met(point, direction, packet);
                surely.push(all([met.clone(), denies.surely.clone()]));
                perhaps.push(all([met, denies.perhaps.clone()]));
            }
        }
        Truth { surely: any(surely), perhaps: any(perhaps) }
    }

    /// The point decides: it enforces, and nothing that it depends on is in an attacker's hands.
    fn stands(&self, point: &EnforcementPoint, direction: Direction, packet: &Packet<'_>) -> bool {
        let assume = self.assume;
        let at = match (&point.placement, direction, packet.reply) {
            (Placement::Units(_), Direction::Egress, false) | (Placement::Units(_), Direction::Ingress, true) => {
                Some(Side::Source)
            }
            (Placement::Units(_), Direction::Ingress, false) | (Placement::Units(_), Direction::Egress, true) => {
                Some(Side::Destination)
            }
            _ => None,
        };
        let owned = at.is_some() && at == assume.owned;
        let agents_void = assume.trust != Trust::Intact || assume.host_owned;
        let taken = match point.kind {
            PointKind::Agent => owned && agents_void,
            PointKind::Host => owned && assume.host_owned,
            PointKind::Appliance | PointKind::Cloud => false,
        };
        let controlled = assume.trust == Trust::ControllerVoid && point.controller.is_some();
        (point.mode == Mode::Enforce || assume.as_if_enforced) && !taken && !controlled
    }

    /// The packet meets the point in this direction.
    fn met(&self, point: &EnforcementPoint, direction: Direction, packet: &Packet<'_>) -> Bool {
        let (source, destination) = (packet.source, packet.destination);
        let there = match (&point.placement, direction) {
            (Placement::Units(selector), Direction::Egress) => source.unit_selected(selector, self.vocabulary),
            (Placement::Units(selector), Direction::Ingress) => destination.unit_selected(selector, self.vocabulary),
            (Placement::Units(_), Direction::Forward) => constant(false),
            (Placement::Between(level), Direction::Forward) => source.same(destination, &Fact::Place(*level)).not(),
            (Placement::Between(_), Direction::Egress | Direction::Ingress) => constant(false),
            (Placement::Around(level, name), direction) => {
                let from = source.stands_at(*level, name, self.vocabulary);
                let to = destination.stands_at(*level, name, self.vocabulary);
                match direction {
                    Direction::Egress => all([from, to.not()]),
                    Direction::Ingress => all([from.not(), to]),
                    Direction::Forward => from.xor(&to),
                }
            }
        };
        let exempt = if point.exempts_host { packet.host_and_guest() } else { constant(false) };
        all([there, packet.stays_inside().not(), exempt.not()])
    }

    /// What may come of asking a rulebook: its tiers one after the other, then its default.
    fn asked(&self, rulebook: RulebookId, direction: Direction, packet: &Packet<'_>) -> May {
        let book = self.design.rulebook(rulebook);
        let (mut allow, mut deny) = (Vec::new(), Vec::new());
        let mut reached = constant(true);
        for (at, tier) in (0..).zip(&book.tiers) {
            let in_scope = self.in_scope(&tier.scope, direction, packet);
            let asked = all([reached.clone(), in_scope.clone()]);
            let may = self.decided(TierId { rulebook, tier: at }, tier, direction, packet);
            allow.push(all([asked.clone(), may.allow]));
            deny.push(all([asked, may.deny]));
            reached = all([reached, any([in_scope.not(), may.pass])]);
        }
        let turned = self.removed.is(Part::Default(rulebook));
        let allows = any([constant(book.default_allow), turned]);
        allow.push(all([reached.clone(), allows.clone()]));
        deny.push(all([reached, allows.not()]));
        May { allow: any(allow), deny: any(deny), pass: constant(false) }
    }

    /// The tier speaks of the packet.
    fn in_scope(&self, scope: &Scope, direction: Direction, packet: &Packet<'_>) -> Bool {
        let (selectors, subject) = match (scope, direction) {
            (Scope::Everything, _) => return constant(true),
            (Scope::Units { .. }, Direction::Forward) => return constant(false),
            (Scope::Units { egress, .. }, Direction::Egress) => (egress, packet.source),
            (Scope::Units { ingress, .. }, Direction::Ingress) => (ingress, packet.destination),
        };
        any(selectors.iter().map(|selector| subject.unit_selected(selector, self.vocabulary)))
    }

    /// What may come of asking a tier in its scope.
    fn decided(&self, id: TierId, tier: &Tier, direction: Direction, packet: &Packet<'_>) -> May {
        let TierId { rulebook, tier: of } = id;
        let asked = |(_, rule): &(u32, &Rule)| has(rule.directions, direction);
        let matched = |(at, rule)| {
            let kept = self.removed.is(Part::Rule(RuleId { rulebook, tier: of, rule: at })).not();
            (rule, Truth::known(kept).and(&matched(rule, packet, self.vocabulary)))
        };
        let rules: Matched<'_> = (0..).zip(&tier.rules).filter(asked).map(matched).collect();
        let (mut deciding, open) = match tier.order {
            Order::FirstMatch => in_turn(by_priority(rules)),
            Order::FirstMatchUndefinedTies => tied(by_priority(rules)),
            Order::DenyOverrides | Order::AllowUnion => by_strength(&rules),
        };
        let turned = self.removed.is(Part::Otherwise(id));
        deciding.push((tier.otherwise, all([open.clone(), turned.not()])));
        deciding.push((Action::Allow, all([open, turned])));
        let may = |action: Action| any(deciding.iter().filter(|(of, _)| *of == action).map(|(_, when)| when.clone()));
        May { allow: may(Action::Allow), deny: may(Action::Deny), pass: may(Action::Pass) }
    }

    /// Something that is not modelled touches the packet.
    fn unmodelled(&self, packet: &Packet<'_>) -> Bool {
        any(self.design.unmodelled().iter().flat_map(|what| {
            [packet.source, packet.destination].map(|end| end.unit_selected(&what.touches, self.vocabulary))
        }))
    }
}

/// The rule matches the packet.
pub(super) fn matched(rule: &Rule, packet: &Packet<'_>, vocabulary: &Vocabulary<'_>) -> Truth {
    let service = Truth::known(packet.is_of(&rule.services, vocabulary));
    let from = packet.source.is_peer(&rule.from, vocabulary);
    service.and(&from).and(&packet.destination.is_peer(&rule.to, vocabulary))
}

/// True if the set has the direction.
fn has(directions: Directions, direction: Direction) -> bool {
    match direction {
        Direction::Egress => directions.egress,
        Direction::Forward => directions.forward,
        Direction::Ingress => directions.ingress,
    }
}

/// Rules, and whether each matches.
type Matched<'a> = Vec<(&'a Rule, Truth)>;

/// Actions with the conditions under which they may be what happens, and the condition under which no rule may
/// decide.
type Deciding = (Vec<(Action, Bool)>, Bool);

/// Smaller priorities first, and rules of one priority as they are written.
fn by_priority(mut rules: Matched<'_>) -> Matched<'_> {
    rules.sort_by_key(|(rule, _)| rule.priority);
    rules
}

/// The first rule that matches decides: one may, if it may match and none before it surely does.
fn in_turn<'a>(rules: impl IntoIterator<Item = (&'a Rule, Truth)>) -> Deciding {
    let mut open = constant(true);
    let mut deciding = Vec::new();
    for (rule, matched) in rules {
        deciding.push((rule.action, all([open.clone(), matched.perhaps])));
        open = all([open, matched.surely.not()]);
    }
    (deciding, open)
}

/// As [`in_turn`] inside each object; of the objects with rules of one priority any may be the one that is asked.
fn tied(rules: Matched<'_>) -> Deciding {
    let mut levels: BTreeMap<i64, BTreeMap<Option<&str>, Matched<'_>>> = BTreeMap::new();
    for (rule, matched) in rules {
        let objects = levels.entry(rule.priority).or_default();
        objects.entry(rule.provenance.object.as_deref()).or_default().push((rule, matched));
    }
    let mut open = constant(true);
    let mut deciding = Vec::new();
    for objects in levels.into_values() {
        let mut open_after = vec![open.clone()];
        for of_object in objects.into_values() {
            let (of_object, object_open) = in_turn(of_object);
            deciding.extend(of_object.into_iter().map(|(action, when)| (action, all([open.clone(), when]))));
            open_after.push(object_open);
        }
        open = all(open_after);
    }
    (deciding, open)
}

/// A matching deny decides, else a matching allow, else a matching pass.
fn by_strength(rules: &[(&Rule, Truth)]) -> Deciding {
    let mut open = constant(true);
    let mut deciding = Vec::new();
    for action in [Action::Deny, Action::Allow, Action::Pass] {
        let of_action: Vec<&Truth> =
            rules.iter().filter(|(rule, _)| rule.action == action).map(|(_, matched)| matched).collect();
        let perhaps = any(of_action.iter().map(|matched| matched.perhaps.clone()));
        let surely = any(of_action.iter().map(|matched| matched.surely.clone()));
        deciding.push((action, all([open.clone(), perhaps])));
        open = all([open, surely.not()]);
    }
    (deciding, open)
}
