//! Claims about rules, each true and false.

use crate::build::{allow, peer, rule, tcp, unit};
use crate::naive::{Answer, Naive};
use crate::properties::{asking, chain, settle};
use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    Action, Claim, Design, Direction, Directions, Draft, Order, Peer, PointKind, Property, Rule, RuleId, RulebookId,
    Service, Trust, Unmodelled, Verdict,
};
use seglab_verify::{Counterexample, Hop, Idle, Settings, Settled, Verifier};
use std::collections::BTreeMap;

fn rule_id(rule: u32) -> RuleId {
    RuleId { rulebook: RulebookId(0), tier: 0, rule }
}

fn ask(draft: Draft, claim: Claim) -> Settled {
    let property = Property::new("claim", claim);
    settle(&asking(draft, &property), &property)
}

fn shadowed(draft: &Draft) -> Vec<(u32, Vec<u32>)> {
    match ask(draft.clone(), Claim::NoShadowedRules { rulebook: None }) {
        Settled::Holds => Vec::new(),
        Settled::Violated(Counterexample::Rules(idle)) => idle
            .into_iter()
            .map(|idle| match idle.why {
                Idle::Shadowed(by) => (idle.rule.rule, by.into_iter().map(|id| id.rule).collect()),
                other => panic!("{other:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn redundant(draft: &Draft) -> Vec<(u32, Idle)> {
    match ask(draft.clone(), Claim::NoRedundantRules { rulebook: None }) {
        Settled::Holds => Vec::new(),
        Settled::Violated(Counterexample::Rules(idle)) => {
            idle.into_iter().map(|idle| (idle.rule.rule, idle.why)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn ports(first: u16, last: u16) -> Vec<Service> {
    vec![Service::ports(seglab_policy::Transport::Tcp, first, last)]
}

/// The chain with these rules, first match.
fn ordered(rules: Vec<Rule>) -> Draft {
    let mut draft = chain();
    draft.rulebooks[0].tiers[0].order = Order::FirstMatch;
    draft.rulebooks[0].tiers[0].rules = rules;
    draft
}

#[test]
fn rules_above_that_decide_everything_hide_a_rule() {
    let deny = |first, last| rule(Action::Deny, peer("a"), peer("b"), ports(first, last));
    assert_eq!(shadowed(&chain()), []);
    assert_eq!(shadowed(&ordered(vec![allow("a", "b", 8080), deny(1, 65535)])), []);
    assert_eq!(shadowed(&ordered(vec![deny(1, 65535), allow("a", "b", 8080)])), [(1, vec![0])]);
    let halves = vec![deny(1, 8080), deny(8081, 9000), rule(Action::Allow, peer("a"), peer("b"), ports(8000, 8999))];
    assert_eq!(shadowed(&ordered(halves.clone())), [(2, vec![0, 1])]);
    // One port more, and it has something to decide.
    let mut wider = halves;
    wider[2].services = ports(8000, 9001);
    assert_eq!(shadowed(&ordered(wider)), []);
    // By address or by label, it is the units that there are which count.
    let by_address = Peer::Addresses {
        set: seglab_policy::AddressSet::from_net("10.0.0.0/30".parse().unwrap()),
        covers: seglab_policy::Covers::All,
    };
    let everybody = rule(Action::Deny, by_address.clone(), by_address, vec![Service::Any]);
    assert_eq!(shadowed(&ordered(vec![everybody, allow("a", "b", 8080)])), [(1, vec![0])]);
}

#[test]
fn stronger_actions_hide_weaker_ones_and_equals_do_not() {
    let mut draft = chain();
    draft.rulebooks[0].tiers[0].rules.push(allow("a", "b", 8080));
    assert_eq!(shadowed(&draft), [], "equal rules decide together");
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Deny, peer("a"), Peer::Anyone, vec![Service::Any]));
    assert_eq!(shadowed(&draft), [(0, vec![3]), (2, vec![3])]);
    // A rule that matches nobody is hidden by nobody.
    draft.rulebooks[0].tiers[0].rules = vec![allow("a", "nobody", 80)];
    assert_eq!(shadowed(&draft), []);
    let other = Claim::NoShadowedRules { rulebook: Some("another".to_owned()) };
    assert_eq!(ask(draft, other), Settled::Holds);
}

#[test]
fn a_rule_without_which_nothing_changes_is_redundant() {
    assert_eq!(redundant(&chain()), []);
    let mut draft = chain();
    let rules = &mut draft.rulebooks[0].tiers[0].rules;
    rules.push(allow("a", "b", 8080));
    rules.push(allow("a", "nobody", 80));
    rules.push(Rule { directions: Directions::only(Direction::Forward), ..allow("a", "c", 80) });
    rules.push(Rule { directions: Directions::only(Direction::Egress), ..allow("a", "c", 80) });
    assert_eq!(
        redundant(&draft),
        [
            (0, Idle::ChangesNothing),
            (2, Idle::ChangesNothing),
            (3, Idle::MatchesNothing),
            (4, Idle::NeverAsked),
            // The other end never lets it in.
            (5, Idle::ChangesNothing),
        ]
    );
    // Under another trust the egress rule is what holds an attacker back, or not.
    let claim = Claim::NoRedundantRules { rulebook: None };
    let mut outward = ordered(vec![rule(Action::Deny, peer("a"), peer("b"), ports(1, 65535))]);
    outward.rulebooks[0].tiers[0].otherwise = Action::Allow;
    outward.rulebooks[0].tiers[0].rules[0].directions = Directions::only(Direction::Egress);
    outward.points[0].kind = PointKind::Agent;
    assert_eq!(redundant(&outward), []);
    let owned = Property { trust: Trust::OwnAgentVoid, ..Property::new("claim", claim.clone()) };
    assert!(matches!(settle(&asking(outward.clone(), &owned), &owned), Settled::Violated(Counterexample::Rules(_))));
    // What is not modelled at `b` hides whether the rule matters.
    outward.unmodelled.push(Unmodelled {
        what: "a mesh".to_owned(),
        touches: crate::build::app("b"),
        provenance: seglab_policy::Provenance::default(),
    });
    assert!(matches!(ask(outward, claim), Settled::Unknown(_)));
}

#[test]
fn answers_count_at_stateless_points() {
    let mut draft = chain();
    draft.rulebooks[0].stateful = false;
    let back = Service::Ports {
        protocol: seglab_policy::Transport::Tcp,
        ports: seglab_policy::IntervalSet::full(),
        source_ports: seglab_policy::IntervalSet::from_ranges([(8080, 8080)]),
    };
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, peer("b"), peer("a"), vec![back]));
    assert_eq!(redundant(&draft), []);
    draft.units.iter_mut().for_each(|unit| unit.interfaces[0].inbound = false);
    assert_eq!(shadowed(&draft), []);
}

#[test]
fn order_matters_where_rules_of_equal_rank_disagree() {
    let object = |name: &str, rule: Rule| Rule {
        provenance: seglab_policy::Provenance { object: Some(name.to_owned()), ..rule.provenance.clone() },
        ..rule
    };
    let ties = |rules: Vec<Rule>| {
        let mut draft = ordered(rules);
        draft.rulebooks[0].tiers[0].order = Order::FirstMatchUndefinedTies;
        draft
    };
    let claim = || Claim::NoUndefinedOrder { rulebook: None };
    let deny = rule(Action::Deny, peer("a"), peer("b"), ports(8000, 8999));
    let tied = ties(vec![object("one", allow("a", "b", 8080)), object("two", deny.clone())]);
    let Settled::Violated(Counterexample::UndefinedOrder { rules, hops }) = ask(tied.clone(), claim()) else {
        panic!()
    };
    assert_eq!(rules, [rule_id(0), rule_id(1)]);
    let design = Design::new(tied.clone()).unwrap();
    let [hop @ Hop::Connection { evaluation, .. }] = hops.as_slice() else { panic!() };
    assert_eq!(hop.describe(&design), "a -> b tcp/8080");
    assert!(matches!(evaluation.verdict, Verdict::Unknown(_)));
    // One object has an order, another priority is one, and rules that agree or never meet need none.
    let defined = [
        ties(vec![object("one", allow("a", "b", 8080)), object("one", deny.clone())]),
        ties(vec![object("one", allow("a", "b", 8080)), Rule { priority: 1, ..object("two", deny.clone()) }]),
        ties(vec![object("one", allow("a", "b", 22)), object("two", deny.clone())]),
        ties(vec![object("one", deny.clone()), object("two", deny.clone())]),
    ];
    for draft in defined {
        assert_eq!(ask(draft, claim()), Settled::Holds);
    }
    // Where another rulebook on the way denies anyway, nothing depends on it.
    let mut denied = tied.clone();
    let mut closed = denied.rulebooks[0].clone();
    (closed.name, closed.tiers) = ("closed".to_owned(), Vec::new());
    denied.rulebooks.push(closed);
    denied.points.push(seglab_policy::EnforcementPoint::ideal("closed", RulebookId(1)));
    assert_eq!(ask(denied, claim()), Settled::Holds);
    let mut unsure = tied;
    unsure.rulebooks[0].tiers[0].rules[0].from = Peer::Unmodelled("a service account".to_owned());
    assert!(matches!(ask(unsure, claim()), Settled::Unknown(_)));
}

#[test]
fn a_rule_of_which_nobody_knows_whether_it_matches_leaves_doubt() {
    let unmodelled = || Peer::Unmodelled("a service account".to_owned());
    let deny = rule(Action::Deny, unmodelled(), Peer::Anyone, vec![Service::Any]);
    let draft = ordered(vec![deny, rule(Action::Allow, peer("a"), peer("b"), vec![tcp(8080)])]);
    assert!(matches!(ask(draft, Claim::NoShadowedRules { rulebook: None }), Settled::Unknown(_)));
    let units = vec![unit("a", "10.0.0.1", &[]), unit("b", "10.0.0.2", &[])];
    let mut certain = crate::build::draft(units, vec![allow("a", "b", 80)]);
    certain.rulebooks[0].tiers[0].order = Order::FirstMatch;
    assert_eq!(shadowed(&certain), []);
}

/// Every rule of random designs by itself, for whole designs seldom have none that is idle.
#[test]
fn rules_are_idle_that_a_naive_verifier_finds_idle() {
    let mut seen: BTreeMap<(&str, Answer), usize> = BTreeMap::new();
    let seeds = std::env::var("SEGLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40);
    for seed in 0..seeds {
        let design = design_of(seed);
        let naive = Naive::new(&design);
        let mut verifier = Verifier::new(&design);
        for claim in [
            Claim::NoShadowedRules { rulebook: None },
            Claim::NoRedundantRules { rulebook: None },
            Claim::NoUndefinedOrder { rulebook: None },
        ] {
            let usual = Property::new("claim", claim);
            let trust = if usual.claim.asks().trust && seed % 3 == 0 { Trust::OwnAgentVoid } else { usual.trust };
            let property = Property { trust, ..usual };
            let settings = Settings { as_if_enforced: seed % 2 == 0, ..Settings::default() };
            let verdict = verifier.settle(&property, &settings).unwrap().verdict;
            let kind = property.claim.kind();
            let answer = match &verdict {
                Settled::Holds => Answer::Holds,
                Settled::Violated(_) => Answer::Violated,
                Settled::Unknown(_) => Answer::Unknown,
            };
            if kind == "no-undefined-order" {
                let expected = naive.answer(&property, settings.as_if_enforced);
                assert_eq!(answer, expected, "seed {seed}: {property:?} {verdict:#?}");
                *seen.entry((kind, answer)).or_default() += 1;
                continue;
            }
            let expected = naive.rule_by_rule(&property, settings.as_if_enforced);
            let idle: Vec<RuleId> = match verdict {
                Settled::Violated(Counterexample::Rules(idle)) => idle.into_iter().map(|idle| idle.rule).collect(),
                _ => Vec::new(),
            };
            for (rule, answer) in expected {
                assert_eq!(idle.contains(&rule), answer == Answer::Violated, "seed {seed}: {kind} {rule:?}");
                *seen.entry((kind, answer)).or_default() += 1;
            }
        }
    }
    println!("{seen:#?}");
    for kind in ["no-shadowed-rules", "no-redundant-rules", "no-undefined-order"] {
        for answer in [Answer::Holds, Answer::Violated] {
            assert!(seen.contains_key(&(kind, answer)), "{kind} is never {answer:?}");
        }
    }
}
