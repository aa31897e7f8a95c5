//! The reference evaluator: whether one connection is allowed, and who decided.
//!
//! It follows the text of the design page sentence by sentence and looks at every rule, so that it can be read
//! against that page; it is not fast. What is not known for sure is carried along: a judgement holds the set of
//! outcomes that are possible, and a connection whose fate differs between them is [`Verdict::Unknown`].
//!
//! Points judge independently: where one uncertainty shows at two points, their combinations all count as possible.
//! That can only turn a verdict into unknown, never into a wrong one.

use crate::address::Family;
use crate::connection::{Connection, Endpoint};
use crate::design::{Design, RuleId};
use crate::point::{Placement, PointId};
use crate::rule::{Action, Covers, Direction, Peer, Rule};
use crate::service::Service;
use crate::tier::{Order, RulebookId, Scope, Tier};
use crate::unit::{Address, Interface};
use crate::verdict::{
    Assume, Decision, Denial, Doubt, Evaluation, Judgement, NoPath, Outcomes, Reply, Side, Verdict, Why,
};

/// A truth value: certain, or possible.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    #[default]
    No,
    Maybe,
    Yes,
}

impl From<bool> for Match {
    fn from(certain: bool) -> Self {
        if certain { Match::Yes } else { Match::No }
    }
}

/// Which parts of a rule match a connection.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parts {
    pub(crate) source: Match,
    pub(crate) destination: Match,
    pub(crate) service: Match,
}

impl Design {
    /// Judges one connection.
    ///
    /// A connection from a unit to itself never leaves it and passes no point.
    pub fn evaluate(&self, connection: &Connection, assume: Assume) -> Evaluation {
        if let Some(no_path) = self.missing_path(connection) {
            let doubt = if no_path.may_be_opened() { self.unmodelled_doubt(connection) } else { None };
            let verdict = doubt.map_or(Verdict::Denied(Denial::NoPath(no_path)), Verdict::Unknown);
            return Evaluation { verdict, judgements: Vec::new() };
        }
        let mut judgements = self.judge(connection, assume, false);
        let mut verdict = verdict_of(&judgements);
        if let Verdict::Allowed(_) = verdict {
            let replies = self.judge_reply(connection, assume);
            let reply = match (&replies, verdict_of(replies.as_deref().unwrap_or_default())) {
                (None, _) => Reply::None,
                (_, Verdict::Allowed(_)) => Reply::Passes,
                (_, Verdict::Denied(_)) => Reply::Blocked,
                (_, Verdict::Unknown(_)) => Reply::Unknown,
            };
            verdict = Verdict::Allowed(reply);
            judgements.extend(replies.into_iter().flatten());
        }
        if let Some(doubt) = self.unmodelled_doubt(connection) {
            verdict = Verdict::Unknown(doubt);
        }
        Evaluation { verdict, judgements }
    }

    /// The family of a connection's addresses; `None` between endpoints of different families.
    pub fn family_of(&self, connection: &Connection) -> Option<Family> {
        let family = |endpoint| match endpoint {
            Endpoint::External(address) => Some(Family::of(address)),
            endpoint => self.interface(endpoint).map(Interface::family),
        };
        match (family(connection.source), family(connection.destination)) {
            (Some(source), Some(destination)) if source != destination => None,
            (source, destination) => source.or(destination),
        }
    }

    /// Why no path that is modelled carries the connection; `None` if one does. What is not modelled may open one in
    /// spite of some of the [reasons](NoPath::may_be_opened).
    pub fn missing_path(&self, connection: &Connection) -> Option<NoPath> {
        let Some(family) = self.family_of(connection) else { return Some(NoPath::Family) };
        match (connection.source, connection.destination) {
            (source @ Endpoint::Unit { .. }, destination @ Endpoint::Unit { .. }) => {
                let spaces = self.interface(source).zip(self.interface(destination));
                match spaces {
                    None => Some(NoPath::NotAnEndpoint),
                    Some((a, b)) => (!self.spaces_linked(&a.space, &b.space)).then_some(NoPath::Space),
                }
            }
            (Endpoint::External(address), unit @ Endpoint::Unit { .. }) => {
                self.missing_external_path(unit, address, |interface| interface.inbound)
            }
            (unit @ Endpoint::Unit { .. }, Endpoint::External(address)) => {
                self.missing_external_path(unit, address, |interface| interface.outbound)
            }
            (Endpoint::Source(id), Endpoint::Unit { unit, .. }) => {
                let Some(source) = self.external_source(id) else { return Some(NoPath::NotAnEndpoint) };
                let destination = self.unit(unit);
                let carried = source.entries.iter().any(|entry| {
                    let serves = |service: &Service| service.matches(family, connection.header, Some(destination));
                    entry.to.matches(destination) && entry.services.iter().any(serves)
                });
                (!carried).then_some(NoPath::Source)
            }
            _ => Some(NoPath::NotAnEndpoint),
        }
    }

    fn missing_external_path(
        &self,
        unit: Endpoint,
        address: std::net::IpAddr,
        has_path: impl Fn(&Interface) -> bool,
    ) -> Option<NoPath> {
        let Some(interface) = self.interface(unit) else { return Some(NoPath::NotAnEndpoint) };
        if self.known_addresses(&interface.space).is_some_and(|known| known.contains(address)) {
            return Some(NoPath::NotAnEndpoint);
        }
        (!has_path(interface)).then_some(NoPath::External)
    }

    /// The unmodelled construct that touches the connection.
    fn unmodelled_doubt(&self, connection: &Connection) -> Option<Doubt> {
        let touched = |selector: &crate::Selector| {
            [connection.source, connection.destination]
                .into_iter()
                .filter_map(Endpoint::unit)
                .any(|unit| selector.matches(self.unit(unit)))
        };
        (0..).zip(self.unmodelled()).find(|(_, what)| touched(&what.touches)).map(|(at, _)| Doubt::Unmodelled(at))
    }

    /// The points on the path of a connection, each with the direction in which it judges and the side that it
    /// stands at, in the order in which the connection meets them.
    pub fn crossings(&self, connection: &Connection) -> Vec<(PointId, Direction, Option<Side>)> {
        let (source, destination) = (connection.source, connection.destination);
        if source.unit().is_some() && source.unit() == destination.unit() {
            return Vec::new();
        }
        let mut crossed = Vec::new();
        for direction in Direction::ALL {
            for id in self.point_ids() {
                let point = self.point(id);
                if !point.directions.contains(direction) || (point.exempts_host && self.host_and_guest(connection)) {
                    continue;
                }
                if let Some(side) = self.meets(&point.placement, direction, connection) {
                    crossed.push((id, direction, side));
                }
            }
        }
        crossed
    }

    fn host_and_guest(&self, connection: &Connection) -> bool {
        connection.source.unit().zip(connection.destination.unit()).is_some_and(|(source, destination)| {
            self.host_of(source) == Some(destination) || self.host_of(destination) == Some(source)
        })
    }

    /// Whether a point so placed meets the connection in `direction`, and at which side it then stands.
    fn meets(&self, placement: &Placement, direction: Direction, connection: &Connection) -> Option<Option<Side>> {
        let at_unit = |endpoint: Endpoint, selector: &crate::Selector| {
            endpoint.unit().is_some_and(|unit| selector.matches(self.unit(unit)))
        };
        let place =
            |endpoint, level: crate::Level| self.interface(endpoint).and_then(|interface| level.of(&interface.place));
        match placement {
            Placement::Units(selector) => match direction {
                Direction::Egress => at_unit(connection.source, selector).then_some(Some(Side::Source)),
                Direction::Forward => None,
                Direction::Ingress => at_unit(connection.destination, selector).then_some(Some(Side::Destination)),
            },
            Placement::Between(level) => {
                let apart = place(connection.source, *level) != place(connection.destination, *level);
                (direction == Direction::Forward && apart).then_some(None)
            }
            Placement::Around(level, name) => {
                let inside = |endpoint| place(endpoint, *level) == Some(name.as_str());
                let (from, to) = (inside(connection.source), inside(connection.destination));
                let met = match direction {
                    Direction::Egress => from && !to,
                    Direction::Forward => from != to,
                    Direction::Ingress => !from && to,
                };
                met.then_some(None)
            }
        }
    }

    fn judge(&self, connection: &Connection, assume: Assume, reply: bool) -> Vec<Judgement> {
        let mut judgements = Vec::new();
        for (id, direction, side) in self.crossings(connection) {
            let point = self.point(id);
            let rulebook = self.rulebook(point.rulebook);
            if reply && rulebook.stateful {
                continue;
            }
            // Ownership is of an end of the connection; its reply has the ends the other way round.
            let side = side.map(|side| match (reply, side) {
                (false, side) => side,
                (true, Side::Source) => Side::Destination,
                (true, Side::Destination) => Side::Source,
            });
            let at = match (side, reply) {
                (Some(Side::Source), false) | (Some(Side::Destination), true) => connection.source.unit(),
                (Some(Side::Destination), false) | (Some(Side::Source), true) => connection.destination.unit(),
                (None, _) => None,
            };
            let (outcomes, decisions) = self.judge_at(point.rulebook, direction, connection);
            let stands = assume.stands(point, side);
            judgements.push(Judgement { point: id, at, direction, reply, stands, outcomes, decisions });
        }
        judgements
    }

    /// What stateless points say of the reply; `None` if the protocol has none.
    fn judge_reply(&self, connection: &Connection, assume: Assume) -> Option<Vec<Judgement>> {
        let header = connection.header.reply(self.family_of(connection)?)?;
        let reply = Connection { source: connection.destination, destination: connection.source, header };
        Some(self.judge(&reply, assume, true))
    }

    /// What a rulebook says of a connection in one direction, wherever it is asked: the outcomes that are possible,
    /// and what each tier decided.
    pub fn judge_at(
        &self,
        rulebook: RulebookId,
        direction: Direction,
        connection: &Connection,
    ) -> (Outcomes, Vec<Decision>) {
        self.judge_as_if(rulebook, direction, connection, None)
    }

    /// As [`Design::judge_at`], if the rule `forced` matched the connection.
    pub(crate) fn judge_as_if(
        &self,
        rulebook: RulebookId,
        direction: Direction,
        connection: &Connection,
        forced: Option<RuleId>,
    ) -> (Outcomes, Vec<Decision>) {
        let book = self.rulebook(rulebook);
        let mut outcomes = Outcomes::default();
        let mut decisions = Vec::new();
        for (at, tier) in (0u32..).zip(&book.tiers) {
            if !self.in_scope(&tier.scope, direction, connection) {
                continue;
            }
            let mut passes = false;
            for decision in self.judge_tier((rulebook, at, tier), direction, connection, forced) {
                match decision.action {
                    Action::Allow => outcomes.allow = true,
                    Action::Deny => outcomes.deny = true,
                    Action::Pass => passes = true,
                }
                decisions.push(decision);
            }
            if !passes {
                return (outcomes, decisions);
            }
        }
        let action = if book.default_allow { Action::Allow } else { Action::Deny };
        outcomes.allow |= book.default_allow;
        outcomes.deny |= !book.default_allow;
        let tier = u32::try_from(book.tiers.len()).unwrap_or(u32::MAX);
        decisions.push(Decision { tier, action, why: Why::Default });
        (outcomes, decisions)
    }

    fn in_scope(&self, scope: &Scope, direction: Direction, connection: &Connection) -> bool {
        let Some(selectors) = scope.selectors(direction) else { return true };
        let subject = match direction {
            Direction::Egress => connection.source,
            Direction::Forward | Direction::Ingress => connection.destination,
        };
        subject.unit().is_some_and(|unit| selectors.iter().any(|selector| selector.matches(self.unit(unit))))
    }

    /// The decisions of a tier that are possible, each with its reason; exactly one where nothing is unknown.
    fn judge_tier(
        &self,
        (rulebook, at, tier): (RulebookId, u32, &Tier),
        direction: Direction,
        connection: &Connection,
        forced: Option<RuleId>,
    ) -> Vec<Decision> {
        let matches: Vec<(RuleId, &Rule, Match)> = (0u32..)
            .zip(&tier.rules)
            .filter(|(_, rule)| rule.directions.contains(direction))
            .map(|(position, rule)| (RuleId { rulebook, tier: at, rule: position }, rule))
            .map(|(id, rule)| {
                (id, rule, if forced == Some(id) { Match::Yes } else { self.rule_matches(rule, connection) })
            })
            .filter(|(_, _, matched)| *matched > Match::No)
            .collect();
        let (mut decided, open) = match tier.order {
            Order::FirstMatch => first_match(matches.iter().copied()),
            Order::FirstMatchUndefinedTies => undefined_ties(&matches),
            Order::DenyOverrides | Order::AllowUnion => strongest(&matches),
        };
        if open {
            decided.push((tier.otherwise, Why::Otherwise(at)));
        }
        decided.into_iter().map(|(action, why)| Decision { tier: at, action, why }).collect()
    }

    /// Whether a rule matches a connection, wherever it stands and whoever asks it; `None` if that is unknown.
    pub fn matches(&self, rule: &Rule, connection: &Connection) -> Option<bool> {
        match self.rule_matches(rule, connection) {
            Match::Yes => Some(true),
            Match::Maybe => None,
            Match::No => Some(false),
        }
    }

    /// One part that does not match is enough: the others are not looked at.
    fn rule_matches(&self, rule: &Rule, connection: &Connection) -> Match {
        let Some(family) = self.family_of(connection) else { return Match::No };
        if self.service_matches(rule, connection, family) == Match::No {
            return Match::No;
        }
        match self.peer_matches(&rule.from, connection.source, family) {
            Match::No => Match::No,
            source => source.min(self.peer_matches(&rule.to, connection.destination, family)),
        }
    }

    /// Whether each part of a rule matches the connection.
    pub(crate) fn parts_matched(&self, rule: &Rule, connection: &Connection) -> Parts {
        let Some(family) = self.family_of(connection) else { return Parts::default() };
        Parts {
            source: self.peer_matches(&rule.from, connection.source, family),
            destination: self.peer_matches(&rule.to, connection.destination, family),
            service: self.service_matches(rule, connection, family),
        }
    }

    fn service_matches(&self, rule: &Rule, connection: &Connection, family: Family) -> Match {
        let destination = connection.destination.unit().map(|unit| self.unit(unit));
        rule.services.iter().any(|service| service.matches(family, connection.header, destination)).into()
    }

    fn peer_matches(&self, peer: &Peer, endpoint: Endpoint, family: Family) -> Match {
        match (peer, endpoint) {
            (Peer::Anyone, _) => Match::Yes,
            (Peer::Unmodelled(_), _) => Match::Maybe,
            (Peer::Units(selector), Endpoint::Unit { unit, .. }) => selector.matches(self.unit(unit)).into(),
            (Peer::Units(selector), Endpoint::Source(id)) => {
                self.external_source(id).is_some_and(|source| selector.matches_source(source)).into()
            }
            (Peer::Units(_), Endpoint::External(_)) => Match::No,
            (Peer::Addresses { set, .. }, Endpoint::External(address)) => set.contains(address).into(),
            (Peer::Addresses { covers: Covers::External, .. }, _) => Match::No,
            (Peer::Addresses { set, covers: Covers::All }, Endpoint::Source(_)) => set.covers_family(family).into(),
            (Peer::Addresses { set, covers: Covers::All }, endpoint @ Endpoint::Unit { .. }) => {
                self.interface(endpoint).map_or(Match::No, |interface| address_matches(set, interface))
            }
        }
    }
}

/// Whether an interface's address is in a set: an unknown one is if the set is the family's `/0` or covers the range
/// declared for it; a shared one cannot be told from its sharers' unless the set is the family's `/0`.
fn address_matches(set: &crate::AddressSet, interface: &Interface) -> Match {
    if set.covers_family(interface.family()) {
        return Match::Yes;
    }
    match interface.address {
        Address::Known(address) if !set.contains(address) => Match::No,
        Address::Known(_) if interface.shared => Match::Maybe,
        Address::Known(_) => Match::Yes,
        Address::Within(net) => set.is_superset(&crate::AddressSet::from_net(net)).into(),
        Address::Unknown(_) => Match::No,
    }
}

/// Decisions that are possible, and whether it is possible that no rule decides.
type Decided = (Vec<(Action, Why)>, bool);

/// Rules in their order: the first certain match ends the search, possible ones before it stay possible.
fn first_match<'a>(matches: impl Iterator<Item = (RuleId, &'a Rule, Match)>) -> Decided {
    let mut decided = Vec::new();
    for (id, rule, matched) in matches {
        decided.push((rule.action, Why::Rule(id)));
        if matched == Match::Yes {
            return (decided, false);
        }
    }
    (decided, true)
}

/// As [`first_match`], but inside a priority each object's rules are asked on their own and any object may win.
fn undefined_ties(matches: &[(RuleId, &Rule, Match)]) -> Decided {
    let mut decided = Vec::new();
    for level in matches.chunk_by(|a, b| a.1.priority == b.1.priority) {
        let mut objects: Vec<&Option<String>> = level.iter().map(|(_, rule, _)| &rule.provenance.object).collect();
        objects.sort();
        objects.dedup();
        let mut open = true;
        for object in objects {
            let (of_object, object_open) =
                first_match(level.iter().copied().filter(|(_, rule, _)| &rule.provenance.object == object));
            decided.extend(of_object);
            open &= object_open;
        }
        if !open {
            return (decided, false);
        }
    }
    (decided, true)
}

/// Deny before allow before pass; the first rule of the strongest action is named.
fn strongest(matches: &[(RuleId, &Rule, Match)]) -> Decided {
    let mut decided = Vec::new();
    for action in [Action::Deny, Action::Allow, Action::Pass] {
        let of_action = || matches.iter().filter(|(_, rule, _)| rule.action == action);
        let certain = of_action().find(|(_, _, matched)| *matched == Match::Yes);
        if let Some((id, _, _)) = certain.or_else(|| of_action().next()) {
            decided.push((action, Why::Rule(*id)));
        }
        if certain.is_some() {
            return (decided, false);
        }
    }
    (decided, true)
}

/// The verdict that judgements in series add up to: a standing point that surely denies decides, else one that may.
fn verdict_of(judgements: &[Judgement]) -> Verdict {
    let mut doubt = None;
    for judgement in judgements.iter().filter(|judgement| judgement.stands && judgement.outcomes.deny) {
        let denying = judgement.decisions.iter().rfind(|decision| decision.action == Action::Deny);
        if !judgement.outcomes.allow
            && let Some(decision) = denying
        {
            let (point, direction) = (judgement.point, judgement.direction);
            return Verdict::Denied(Denial::Point { point, direction, why: decision.why });
        }
        let uncertain = judgement.uncertain_rule().map(Doubt::Rule);
        doubt = doubt.or(uncertain);
    }
    doubt.map_or(Verdict::Allowed(Reply::None), Verdict::Unknown)
}
