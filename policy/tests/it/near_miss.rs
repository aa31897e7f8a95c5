//! The rule that would have decided otherwise, against a design in which it does match.

use seglab_policy::arbitrary::case_of;
use seglab_policy::{Action, Connection, Design, Direction, Outcomes, Peer, RuleId, RulebookId, Service};

/// What the rulebook says where the rule matches every connection.
fn judged_if_matched(design: &Design, id: RuleId, direction: Direction, connection: &Connection) -> Outcomes {
    let mut draft = design.to_draft();
    let rule = &mut draft.rulebooks[id.rulebook.0 as usize].tiers[id.tier as usize].rules[id.rule as usize];
    (rule.from, rule.to, rule.services) = (Peer::Anyone, Peer::Anyone, vec![Service::Any]);
    Design::new(draft).unwrap().judge_at(id.rulebook, direction, connection).0
}

fn every_rule(design: &Design, rulebook: RulebookId) -> impl Iterator<Item = RuleId> {
    let tiers = (0..).zip(&design.rulebook(rulebook).tiers);
    tiers.flat_map(move |(tier, of)| (0..of.rules.len() as u32).map(move |rule| RuleId { rulebook, tier, rule }))
}

#[test]
fn a_near_miss_would_have_turned_the_decision_and_without_one_nothing_would() {
    let (mut turned, mut denied, mut none) = (0, 0, 0);
    for seed in 0..400 {
        let case = case_of(seed);
        let (design, connection) = (&case.design, case.connection);
        for judgement in design.evaluate(&connection, case.assume).judgements.iter().filter(|one| !one.reply) {
            let Outcomes { allow, deny } = judgement.outcomes;
            let rulebook = design.point(judgement.point).rulebook;
            let judged = |id| judged_if_matched(design, id, judgement.direction, &connection);
            let opposite = Outcomes { allow: deny, deny: allow };
            match design.near_miss(judgement, &connection) {
                Some(miss) => {
                    assert_ne!(allow, deny, "seed {seed}");
                    assert_eq!(judged(miss.rule), opposite, "seed {seed}");
                    assert!((1..=3).contains(&miss.parts()), "seed {seed}");
                    let (_, rule) = design.rule(miss.rule).unwrap();
                    let destination = connection.destination.unit().map(|unit| design.unit(unit));
                    let family = design.family_of(&connection).unwrap();
                    let served = rule.services.iter().any(|one| one.matches(family, connection.header, destination));
                    assert_eq!(miss.service, !served, "seed {seed}");
                    turned += 1;
                    denied += usize::from(rule.action == Action::Deny);
                }
                None if allow != deny => {
                    let consulted = |id: &RuleId| {
                        design.rule(*id).is_some_and(|(_, rule)| rule.directions.contains(judgement.direction))
                    };
                    let missed = every_rule(design, rulebook).filter(consulted).find(|&id| judged(id) == opposite);
                    assert_eq!(missed, None, "seed {seed}");
                    none += 1;
                }
                None => {}
            }
        }
    }
    assert!(turned >= 100 && denied >= 20 && none >= 20, "{turned} {denied} {none}");
}
