//! Choices: what they are about, and what they leave alone.

use crate::fixture::{all, external, guarded, tcp, unit, unit_at};
use seglab_policy::*;

/// `web` is reached from one range, by the tier that the choice is about, and by a rule of another tier from the same.
fn draft(covers: Covers, range: &str, units: Vec<Unit>) -> Draft {
    let peer = |covers| if covers == Covers::All { all(range) } else { external(range) };
    let rule = |from| Rule {
        directions: Directions::only(Direction::Ingress),
        from,
        to: Peer::Units(Selector::label("app", "web")),
        services: vec![tcp(80)],
        action: Action::Allow,
        priority: 0,
        provenance: Provenance::default(),
    };
    let tier = |name: &str, from| Tier {
        name: name.to_owned(),
        order: Order::AllowUnion,
        scope: Scope::Everything,
        otherwise: Action::Pass,
        rules: vec![rule(from)],
    };
    let tiers = vec![tier("fixed", peer(covers)), tier("open", peer(covers))];
    let book = Rulebook { name: "book".to_owned(), tiers, default_allow: false, stateful: true };
    let assumption = |text: &str| Assumption { id: "ranges".to_owned(), text: text.to_owned() };
    Draft {
        assumptions: vec![assumption("other"), assumption("this way")],
        choices: vec![Choice {
            assumption: assumption("this way"),
            otherwise: "that way".to_owned(),
            covers,
            tiers: vec![TierId { rulebook: RulebookId(0), tier: 1 }],
        }],
        ..guarded(units, book)
    }
}

#[test]
fn only_the_tiers_of_the_choice_and_its_words_change() {
    for (covers, other) in [(Covers::External, Covers::All), (Covers::All, Covers::External)] {
        let design = Design::new(draft(covers, "10.0.0.0/8", vec![unit("web", "10.0.0.1")])).unwrap();
        let turned = design.otherwise(&design.choices()[0]).expect("a unit is in the range");
        let covered = |design: &Design| -> Vec<Covers> {
            let peers = design.rules().map(|(_, rule)| rule.from.clone());
            peers
                .map(|peer| if let Peer::Addresses { covers, .. } = peer { covers } else { panic!("{peer}") })
                .collect()
        };
        assert_eq!((covered(&design), covered(&turned)), (vec![covers, covers], vec![covers, other]));
        let stated: Vec<&str> = turned.assumptions().iter().map(|one| one.text.as_str()).collect();
        assert_eq!(stated, ["other", "that way"]);
        assert_eq!(turned.otherwise(&turned.choices()[0]), Some(design), "there and back");
    }
}

#[test]
fn a_choice_is_about_ranges_that_hold_somebody() {
    let net = |text: &str| Address::Within(text.parse().unwrap());
    let cases = [
        ("10.0.0.0/8", Address::Known("10.1.2.3".parse().unwrap()), true),
        ("10.0.0.0/8", Address::Known("11.1.2.3".parse().unwrap()), false),
        ("10.0.0.0/8", net("10.1.0.0/16"), true),
        ("10.1.0.0/16", net("10.0.0.0/8"), false),
        ("10.0.0.0/8", Address::Unknown(Family::V4), false),
        ("0.0.0.0/0", Address::Unknown(Family::V4), true),
        ("::/0", Address::Unknown(Family::V4), false),
    ];
    for (range, address, expected) in cases {
        let design = Design::new(draft(Covers::External, range, vec![unit_at("web", address)])).unwrap();
        let choice = &design.choices()[0];
        let concerned = design.rules_changed_by(choice);
        let rule = RuleId { rulebook: RulebookId(0), tier: 1, rule: 0 };
        assert_eq!(concerned, if expected { vec![rule] } else { vec![] }, "{range} {address}");
        assert_eq!(design.otherwise(choice).is_some(), expected, "{range} {address}");
    }
}

/// Named sources have no address, and are meant by all addresses of a family.
#[test]
fn named_sources_are_meant_by_a_whole_family() {
    for (range, expected) in [("::/0", true), ("10.0.0.0/8", false)] {
        let mut draft = draft(Covers::External, range, vec![unit("web", "192.0.2.1")]);
        let source = |name: &str| ExternalSource { name: name.to_owned(), labels: Labels::new(), entries: vec![] };
        draft.external_sources = vec![source("ingress")];
        let design = Design::new(draft).unwrap();
        assert_eq!(design.otherwise(&design.choices()[0]).is_some(), expected, "{range}");
    }
}

#[test]
fn a_choice_about_a_tier_that_is_not_there_is_an_error() {
    let mut draft = draft(Covers::External, "10.0.0.0/8", vec![unit("web", "10.0.0.1")]);
    draft.choices[0].tiers.push(TierId { rulebook: RulebookId(0), tier: 2 });
    let errors = Design::new(draft).unwrap_err();
    assert_eq!(errors[0].to_string(), "no tier is called `#0/2`");
}
