//! Claims about rules, asked of every connection, in designs from which rules are taken away.

use super::{Answer, End, Naive};
use seglab_policy::{
    Action, Assume, Connection, Decision, Design, Direction, Directions, Draft, Endpoint, Order, Peer, Placement,
    Property, RuleId, RulebookId, Verdict, Why,
};
use std::collections::BTreeSet;

fn of_answers(answers: impl IntoIterator<Item = Answer>) -> Answer {
    let answers: Vec<Answer> = answers.into_iter().collect();
    *[Answer::Violated, Answer::Unknown].iter().find(|answer| answers.contains(answer)).unwrap_or(&Answer::Holds)
}

fn assume(property: &Property, as_if_enforced: bool) -> Assume {
    Assume { as_if_enforced, ..Assume::attack(property.trust) }
}

/// A design with its draft changed.
fn changed(design: &Design, change: impl FnOnce(&mut Draft)) -> Design {
    let mut draft = design.to_draft();
    change(&mut draft);
    Design::new(draft).unwrap()
}

impl Naive<'_> {
    pub(super) fn about_rules(&self, property: &Property, as_if_enforced: bool) -> Answer {
        match property.claim.kind() {
            "no-undefined-order" => {
                let books = self.rules_of(property).iter().map(|rule| rule.rulebook).collect();
                self.undefined(&books, assume(property, as_if_enforced))
            }
            _ => of_answers(self.rule_by_rule(property, as_if_enforced).into_iter().map(|(_, answer)| answer)),
        }
    }

    /// What a claim about rules comes to for each of them.
    pub(crate) fn rule_by_rule(&self, property: &Property, as_if_enforced: bool) -> Vec<(RuleId, Answer)> {
        let answer = |rule: RuleId| match property.claim.kind() {
            "no-shadowed-rules" => self.shadowed(rule),
            _ => self.redundant(rule, assume(property, as_if_enforced)),
        };
        self.rules_of(property).into_iter().map(|rule| (rule, answer(rule))).collect()
    }

    fn rules_of(&self, property: &Property) -> Vec<RuleId> {
        let meant =
            |id: &RuleId| property.claim.rulebook().is_none_or(|name| self.design.rulebook(id.rulebook).name == name);
        self.design.rules().map(|(id, _)| id).filter(meant).collect()
    }

    fn connections(&self) -> Vec<Connection> {
        let ends: Vec<End> = self.ends(&Peer::Anyone).into_keys().collect();
        let pairs =
            ends.iter().flat_map(|&from| ends.iter().map(move |&to| (from, to))).filter(|(from, to)| from != to);
        let mut all = Vec::new();
        for (from, to) in pairs {
            for source in self.endpoints(from) {
                for destination in self.endpoints(to) {
                    all.extend(self.headers.iter().map(|&header| Connection { source, destination, header }));
                }
            }
        }
        all
    }

    fn asked(&self, book: RulebookId, direction: Direction) -> bool {
        self.design.points().iter().any(|point| {
            point.rulebook == book
                && point.directions.contains(direction)
                && match point.placement {
                    Placement::Units(_) => direction != Direction::Forward,
                    Placement::Between(_) => direction == Direction::Forward,
                    Placement::Around(..) => true,
                }
        })
    }

    /// A path carries the connection, or where answers are judged one that it may answer.
    fn counts(&self, book: RulebookId, connection: &Connection, carried: &BTreeSet<(Endpoint, Endpoint)>) -> bool {
        let answers = !self.design.rulebook(book).stateful;
        self.design.family_of(connection).is_some()
            && (self.design.missing_path(connection).is_none()
                || (answers && carried.contains(&(connection.destination, connection.source))))
    }

    fn shadowed(&self, id: RuleId) -> Answer {
        // Alone in its book, so that it decides whatever it matches in the scope of its tier.
        let alone = changed(self.design, |draft| {
            for (at, tier) in draft.rulebooks[id.rulebook.0 as usize].tiers.iter_mut().enumerate() {
                tier.otherwise = Action::Pass;
                if at != id.tier as usize {
                    tier.rules.clear();
                    continue;
                }
                tier.order = Order::FirstMatch;
                for (at, rule) in tier.rules.iter_mut().enumerate() {
                    rule.priority = 0;
                    if at != id.rule as usize {
                        rule.directions = Directions::default();
                    }
                }
            }
        });
        // Without the rules that would only decide together with it.
        let apart = changed(self.design, |draft| {
            let tier = &mut draft.rulebooks[id.rulebook.0 as usize].tiers[id.tier as usize];
            let action = tier.rules[id.rule as usize].action;
            if matches!(tier.order, Order::DenyOverrides | Order::AllowUnion) {
                for (at, rule) in tier.rules.iter_mut().enumerate() {
                    if at != id.rule as usize && rule.action == action {
                        rule.directions = Directions::default();
                    }
                }
            }
        });
        let all = self.connections();
        let ways: BTreeSet<(Endpoint, Endpoint)> = all
            .iter()
            .filter(|connection| self.design.missing_path(connection).is_none())
            .map(|connection| (connection.source, connection.destination))
            .collect();
        let itself = |decision: &Decision| decision.why == Why::Rule(id);
        let (mut may_match, mut matches, mut may_decide) = (false, false, false);
        for direction in Direction::ALL.into_iter().filter(|&direction| self.asked(id.rulebook, direction)) {
            for connection in all.iter().filter(|connection| self.counts(id.rulebook, connection, &ways)) {
                let (_, decisions) = alone.judge_at(id.rulebook, direction, connection);
                let own: Vec<&Decision> = decisions.iter().filter(|decision| decision.tier == id.tier).collect();
                if !own.iter().any(|decision| itself(decision)) {
                    continue;
                }
                may_match = true;
                matches |= own.len() == 1;
                let (_, decisions) = apart.judge_at(id.rulebook, direction, connection);
                may_decide |= decisions.iter().any(itself);
                let before = decisions.iter().filter(|decision| decision.tier < id.tier);
                let own: Vec<&Decision> = decisions.iter().filter(|decision| decision.tier == id.tier).collect();
                if own.len() == 1 && itself(own[0]) && before.into_iter().all(|one| one.action == Action::Pass) {
                    return Answer::Holds;
                }
            }
        }
        match (may_match, matches && !may_decide) {
            (false, _) => Answer::Holds,
            (true, true) => Answer::Violated,
            (true, false) => Answer::Unknown,
        }
    }

    fn redundant(&self, id: RuleId, assume: Assume) -> Answer {
        let without = |draft: &mut Draft| {
            draft.rulebooks[id.rulebook.0 as usize].tiers[id.tier as usize].rules.remove(id.rule as usize);
        };
        let known = |draft: &mut Draft| draft.unmodelled.clear();
        let same = |a: &Design, b: &Design| {
            let verdict = |design: &Design, connection: &Connection| match design.evaluate(connection, assume).verdict {
                Verdict::Allowed(reply) => Some(Some(reply)),
                Verdict::Denied(_) => Some(None),
                Verdict::Unknown(_) => None,
            };
            self.connections().iter().all(|connection| verdict(a, connection) == verdict(b, connection))
        };
        if !same(self.design, &changed(self.design, without)) {
            return Answer::Holds;
        }
        let modelled = changed(self.design, known);
        if same(&modelled, &changed(&modelled, without)) { Answer::Violated } else { Answer::Unknown }
    }

    fn undefined(&self, books: &BTreeSet<RulebookId>, assume: Assume) -> Answer {
        let modelled = changed(self.design, |draft| draft.unmodelled.clear());
        let mut orders = Vec::new();
        for &book in books {
            for (tier, held) in self.design.rulebook(book).tiers.iter().enumerate() {
                if held.order == Order::FirstMatchUndefinedTies {
                    orders.push((book, tier, self.orders(&modelled, book, tier)));
                }
            }
        }
        if orders.is_empty() {
            return Answer::Holds;
        }
        let mut possible = false;
        for connection in self.connections() {
            let evaluation = modelled.evaluate(&connection, assume);
            if !matches!(evaluation.verdict, Verdict::Unknown(_)) {
                continue;
            }
            let touched = [connection.source, connection.destination]
                .into_iter()
                .filter_map(Endpoint::unit)
                .any(|unit| self.design.unmodelled().iter().any(|what| what.touches.matches(self.design.unit(unit))));
            for judgement in evaluation.judgements.iter().filter(|judgement| judgement.stands && !judgement.reply) {
                let book = self.design.point(judgement.point).rulebook;
                for (_, tier, designs) in orders.iter().filter(|(of, _, _)| *of == book) {
                    let outcomes: BTreeSet<bool> = designs
                        .iter()
                        .filter_map(|design| certain(design, book, *tier, judgement.direction, &connection))
                        .collect();
                    if outcomes.len() == 2 && !touched {
                        return Answer::Violated;
                    }
                    possible |= outcomes.len() == 2;
                    let rule = |decision: &Decision| match decision.why {
                        Why::Rule(id) if decision.tier as usize == *tier => self.design.rule(id).map(|(_, rule)| rule),
                        _ => None,
                    };
                    let rules: Vec<_> = judgement.decisions.iter().filter_map(rule).collect();
                    let disagree = rules.iter().any(|a| {
                        rules.iter().any(|b| {
                            a.priority == b.priority
                                && a.action != b.action
                                && a.provenance.object != b.provenance.object
                        })
                    });
                    possible |= disagree && judgement.outcomes.allow && judgement.outcomes.deny;
                }
            }
        }
        if possible { Answer::Unknown } else { Answer::Holds }
    }

    /// The design with a tier in each order that its objects could have.
    fn orders(&self, design: &Design, book: RulebookId, tier: usize) -> Vec<Design> {
        let objects: BTreeSet<Option<String>> =
            design.rulebook(book).tiers[tier].rules.iter().map(|rule| rule.provenance.object.clone()).collect();
        permutations(&objects.into_iter().collect::<Vec<_>>())
            .into_iter()
            .map(|order| {
                changed(design, |draft| {
                    let tier = &mut draft.rulebooks[book.0 as usize].tiers[tier];
                    tier.order = Order::FirstMatch;
                    tier.rules.sort_by_key(|rule| {
                        let at = order.iter().position(|object| *object == rule.provenance.object);
                        (rule.priority, at)
                    });
                })
            })
            .collect()
    }
}

/// What a rule of a tier certainly leads to, if one certainly decides there: let through, or not.
fn certain(design: &Design, book: RulebookId, tier: usize, direction: Direction, of: &Connection) -> Option<bool> {
    let (outcomes, decisions) = design.judge_at(book, direction, of);
    let own: Vec<&Decision> = decisions.iter().filter(|decision| decision.tier as usize == tier).collect();
    let before = decisions.iter().filter(|decision| (decision.tier as usize) < tier);
    let alone = own.len() == 1 && matches!(own[0].why, Why::Rule(_));
    let reached = before.into_iter().all(|decision| decision.action == Action::Pass);
    (alone && reached && outcomes.allow != outcomes.deny).then_some(outcomes.allow)
}

fn permutations<T: Clone>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..of.len() {
        let mut rest = of.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|mut rest| {
            rest.insert(0, first.clone());
            rest
        }));
    }
    all
}
