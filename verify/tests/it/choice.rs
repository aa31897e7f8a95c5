//! Choices: which verdicts hang on them, and that nothing else does.

use crate::build::{allow, app, design, draft, peer, rule, tcp, unit};
use seglab_policy::arbitrary::{connection_of, design_of};
use seglab_policy::{
    Action, AddressSet, Assume, Assumption, AtMost, Choice, Claim, Covers, Design, Draft, Need, Order, Outcomes, Peer,
    Pivot, Property, Provenance, RuleId, RulebookId, Statistic, TierId, Trust, Verdict, View,
};
use seglab_verify::choice::{Changed, Question, changed};
use seglab_verify::{Report, Settings, Settled, verify};

fn choice(covers: Covers, tiers: Vec<TierId>) -> Choice {
    let assumption = Assumption { id: "ranges".into(), text: format!("{covers:?} of {tiers:?}") };
    Choice { assumption, otherwise: "the other way".into(), covers, tiers }
}

fn settle(design: &Design) -> Report {
    verify(design, &Settings::default()).unwrap()
}

fn hanging(design: &Design, choice: &Choice) -> Option<Vec<Changed>> {
    let other = design.otherwise(choice)?;
    Some(changed(choice, (design, &settle(design)), (&other, &settle(&other)), &Settings::default()))
}

fn kinds(report: &Report) -> Vec<u8> {
    let outcomes = report.properties.iter().chain(&report.needs);
    outcomes
        .map(|outcome| match outcome.verdict {
            Settled::Holds => 0,
            Settled::Unknown(_) => 1,
            Settled::Violated(_) => 2,
        })
        .collect()
}

fn property(id: &str, claim: Claim) -> Property {
    Property {
        id: id.into(),
        claim,
        view: View::Policy,
        pivot: Pivot::Any,
        trust: Trust::OwnAgentVoid,
        hops_max: None,
        provenance: Provenance::default(),
    }
}

/// `a` may connect to `b`, `b` to a range that holds `c`; nothing else is allowed.
fn chain(covers: Covers, range: &str) -> Draft {
    let set = AddressSet::from_net(range.parse().unwrap());
    let out = rule(Action::Allow, peer("b"), Peer::Addresses { set, covers }, vec![tcp(1)]);
    let units = vec![unit("a", "10.0.0.1", &[]), unit("b", "10.0.0.2", &[]), unit("c", "10.0.1.3", &[])];
    let mut draft = draft(units, vec![allow("a", "b", 1), out]);
    draft.rulebooks[0].tiers[0].order = Order::AllowUnion;
    draft.choices = vec![choice(covers, vec![TierId { rulebook: RulebookId(0), tier: 0 }])];
    draft.properties = vec![
        property("far", Claim::Isolated { from: peer("a"), to: peer("c"), services: vec![tcp(1)] }),
        property("near", Claim::Isolated { from: peer("a"), to: peer("b"), services: vec![tcp(1)] }),
        property("radius", Claim::BlastRadius { from: app("a"), at_most: AtMost::Units(2), of: Statistic::Max }),
    ];
    draft.needs = vec![Need::new(peer("b"), peer("c"), vec![tcp(1)])];
    draft
}

#[test]
fn a_verdict_over_two_hops_hangs_on_the_range_in_the_second() {
    for covers in [Covers::External, Covers::All] {
        let design = design(chain(covers, "10.0.1.0/24"));
        let hanging = hanging(&design, &design.choices()[0]).expect("the range holds a unit");
        let questions: Vec<Question> = hanging.iter().map(|one| one.question).collect();
        assert_eq!(questions, [Question::Property(0), Question::Property(2), Question::Need(0)], "{covers:?}");
        for one in hanging {
            assert_eq!(one.deciding, [RuleId { rulebook: RulebookId(0), tier: 0, rule: 1 }], "{covers:?}");
            assert_eq!(one.connection.unwrap().display(&design).to_string(), "b -> c tcp/1", "{covers:?}");
        }
    }
}

#[test]
fn a_range_without_units_changes_nothing() {
    let design = design(chain(Covers::External, "10.0.2.0/24"));
    assert_eq!(design.otherwise(&design.choices()[0]), None);
}

/// Turns a choice by hand, whether it changes a rule or not.
fn turned(design: &Design, choice: &Choice) -> Design {
    let mut draft = design.to_draft();
    for at in &choice.tiers {
        let tier = &mut draft.rulebooks[at.rulebook.0 as usize].tiers[at.tier as usize];
        for peer in tier.rules.iter_mut().flat_map(|rule| [&mut rule.from, &mut rule.to]) {
            if let Peer::Addresses { covers, .. } = peer
                && *covers == choice.covers
            {
                *covers = if choice.covers == Covers::All { Covers::External } else { Covers::All };
            }
        }
    }
    Design::new(draft).unwrap()
}

/// A random design whose tiers are all of allow rules, with `covers` for the address peers of each; and the tiers.
fn drawn(seed: u64, covers: impl Fn(u32) -> Covers) -> (Draft, Vec<TierId>) {
    let mut draft = design_of(seed).to_draft();
    let mut tiers = Vec::new();
    for (rulebook, book) in (0..).map(RulebookId).zip(&mut draft.rulebooks) {
        for (at, tier) in (0..).zip(&mut book.tiers) {
            tier.order = Order::AllowUnion;
            tier.rules.retain(|rule| rule.action == Action::Allow);
            for peer in tier.rules.iter_mut().flat_map(|rule| [&mut rule.from, &mut rule.to]) {
                if let Peer::Addresses { covers: given, .. } = peer {
                    *given = covers(at);
                }
            }
            tiers.push(TierId { rulebook, tier: at });
        }
    }
    (draft, tiers)
}

fn outcomes(verdict: Verdict) -> Outcomes {
    match verdict {
        Verdict::Allowed(_) => Outcomes { allow: true, deny: false },
        Verdict::Denied(_) => Outcomes { allow: false, deny: true },
        Verdict::Unknown(_) => Outcomes { allow: true, deny: true },
    }
}

/// On random designs: what is said to change nothing changes nothing; the wider way allows no less; whatever changes is
/// shown by a connection and by rules of the choice.
#[test]
fn on_random_designs_the_other_way_is_exact() {
    let (mut without, mut with, mut changes) = (0, 0, 0);
    for seed in 0..400 {
        let (mut draft, tiers) = drawn(seed, |_| Covers::External);
        let choice = choice(Covers::External, tiers);
        draft.assumptions.push(choice.assumption.clone());
        draft.choices = vec![choice.clone()];
        let design = Design::new(draft).unwrap();
        let by_hand = turned(&design, &choice);
        let asked = (0..30).map(|at| connection_of(&design, at));
        for connection in asked {
            let [one, two] =
                [&design, &by_hand].map(|of| outcomes(of.evaluate(&connection, Assume::business()).verdict));
            assert!(!one.allow || two.allow, "{seed}: the wider way lost {connection:?}");
            assert!(one.deny || !two.deny, "{seed}: the wider way stops {connection:?}");
        }
        let Some(hanging) = hanging(&design, &choice) else {
            without += 1;
            assert_eq!(kinds(&settle(&design)), kinds(&settle(&by_hand)), "{seed}");
            continue;
        };
        with += 1;
        let other = design.otherwise(&choice).unwrap();
        assert_eq!(other.rulebooks(), by_hand.rulebooks(), "{seed}");
        assert_eq!(other.otherwise(&other.choices()[0]).as_ref(), Some(&design), "{seed}: there and back");
        let concerned = design.rules_changed_by(&choice);
        for one in hanging {
            changes += 1;
            // Where any one of several addresses does, what is broken does not tell which other one would do.
            let any_of = match one.question {
                Question::Need(at) => [&design.needs()[at].from, &design.needs()[at].to],
                Question::Property(at) => match &design.properties()[at].claim {
                    Claim::Allowed { from, to, .. } => [from, to],
                    _ => [&Peer::Anyone; 2],
                },
            };
            let by_address = any_of.iter().any(|peer| matches!(peer, Peer::Addresses { .. }));
            // Claims about rules are shown by rules, and what passes by default does so where rules allow nothing.
            let by_rules = match one.question {
                Question::Need(_) => false,
                Question::Property(at) => matches!(
                    design.properties()[at].claim,
                    Claim::NoShadowedRules { .. }
                        | Claim::NoRedundantRules { .. }
                        | Claim::NoUndefinedOrder { .. }
                        | Claim::DefaultDeny { .. }
                ),
            };
            assert!(by_address || by_rules || one.connection.is_some(), "{seed}: {one:?}");
            assert!(one.deciding.iter().all(|rule| concerned.contains(rule)), "{seed}: {one:?}");
        }
    }
    assert!(without > 20 && with > 20 && changes > 5, "{without} without, {with} with, {changes} verdicts");
}

/// What two choices change together, one of them changes alone.
#[test]
fn on_random_designs_choices_add_up() {
    let mut together = 0;
    for seed in 0..2000 {
        let of = |tier: u32| if tier == 0 { Covers::External } else { Covers::All };
        let (draft, tiers) = drawn(seed, of);
        let [one, two] = [Covers::External, Covers::All]
            .map(|covers| choice(covers, tiers.iter().copied().filter(|tier| of(tier.tier) == covers).collect()));
        let plain = Design::new(draft).unwrap();
        let here = kinds(&settle(&plain));
        let alone = [&one, &two].map(|choice| kinds(&settle(&turned(&plain, choice))));
        let both = kinds(&settle(&turned(&turned(&plain, &one), &two)));
        for (at, verdict) in here.iter().enumerate() {
            if both[at] != *verdict {
                together += 1;
                assert!(alone.iter().any(|kinds| kinds[at] != *verdict), "{seed}: claim {at}");
            }
        }
    }
    assert!(together > 5, "only {together} verdicts changed");
}
