//! Z3's verdict on a connection is that of the reference evaluator.

use proptest::prelude::*;
use seglab_policy::arbitrary::{Answer, assume, case, connection, design};
use seglab_policy::{
    Action, Address, Assume, Connection, Design, Directions, Draft, Endpoint, EnforcementPoint, Family, Header,
    Interface, Order, Peer, Provenance, Rule, Rulebook, RulebookId, Scope, Selector, Service, Tier, Unit, UnitId,
};
use seglab_verify::smt::{Encoding, GaveUp, Outcome, SmtVerdict};

/// The verdict in the form in which judges are compared.
fn answer(verdict: SmtVerdict) -> Answer {
    match verdict {
        SmtVerdict::Decided(Outcome::Allowed(reply)) => Answer::Allowed(reply),
        SmtVerdict::Decided(Outcome::Denied) => Answer::Denied,
        SmtVerdict::Decided(Outcome::Unknown) => Answer::Unknown,
        SmtVerdict::GaveUp(reason) => panic!("Z3 gave up: {reason}"),
    }
}

fn expected(design: &Design, connection: &Connection, assume: Assume) -> Answer {
    design.evaluate(connection, assume).verdict.into()
}

proptest! {
    #[test]
    fn agrees_with_the_reference_evaluator_on_chosen_cases(case in case()) {
        let verdict = Encoding::new(&case.design, case.assume).connection(&case.connection);
        prop_assert_eq!(answer(verdict), case.answer());
    }

    #[test]
    fn agrees_with_the_reference_evaluator_on_many_connections_of_a_design(
        (design, connections, assume) in design().prop_flat_map(|design| {
            let connections = prop::collection::vec(connection(&design), 6);
            (Just(design), connections, assume())
        })
    ) {
        let verdicts = Encoding::new(&design, assume).connections(&connections);
        for (connection, verdict) in connections.iter().zip(verdicts) {
            prop_assert_eq!(answer(verdict), expected(&design, connection, assume), "{:?}", connection);
        }
    }
}

#[test]
fn a_connection_that_the_design_cannot_have_is_no_pass() {
    let design = seglab_policy::arbitrary::design_of(1);
    let encoding = Encoding::new(&design, Assume::business());
    let unit = Endpoint::Unit { unit: UnitId(0), interface: 0 };
    let nowhere = Endpoint::Unit { unit: UnitId(0), interface: 99 };
    let tcp_by_number = Connection { source: unit, destination: unit, header: Header::Other(6) };
    let from_nowhere = Connection { source: nowhere, destination: unit, header: Header::Other(50) };
    for connection in [tcp_by_number, from_nowhere] {
        assert_eq!(encoding.connection(&connection), SmtVerdict::GaveUp(GaveUp::NotAConnection));
    }
}

/// Two units of a family, and a stateless point at each that stops these types of ICMP on the way from `b` to `a`.
fn stopping_answers(family: Family, kinds: &[u8]) -> Design {
    let unit = |name: &str| Unit {
        name: name.to_owned(),
        interfaces: vec![Interface::new(Address::Unknown(family))],
        ..Unit::default()
    };
    let stopped = Rule {
        directions: Directions::UNIT,
        from: Peer::Units(Selector::Named("b".to_owned())),
        to: Peer::Units(Selector::Named("a".to_owned())),
        services: kinds.iter().map(|&kind| Service::Icmp { family, kind: Some(kind), code: None }).collect(),
        action: Action::Deny,
        priority: 0,
        provenance: Provenance::default(),
    };
    let tier = Tier {
        name: "answers".to_owned(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Pass,
        rules: vec![stopped],
    };
    let point = EnforcementPoint::ideal("filter", RulebookId(0));
    let book = Rulebook { name: "book".to_owned(), tiers: vec![tier], default_allow: true, stateful: false };
    Design::new(Draft {
        units: vec![unit("a"), unit("b")],
        rulebooks: vec![book],
        points: vec![point],
        ..Draft::default()
    })
    .unwrap()
}

#[test]
fn answers_to_every_icmp_type_are_known() {
    let (a, b) = (UnitId(0), UnitId(1));
    let end = |unit| Endpoint::Unit { unit, interface: 0 };
    let connections: Vec<Connection> = (0..=u8::MAX)
        .map(|kind| Connection { source: end(a), destination: end(b), header: Header::Icmp { kind, code: 0 } })
        .collect();
    // Types of answers that are neighbours in the list stand in different designs, so that none passes for another.
    for family in Family::ALL {
        for kinds in [[0, 16, 129], [14, 18, 128]] {
            let design = stopping_answers(family, &kinds);
            let verdicts = Encoding::new(&design, Assume::business()).connections(&connections);
            for (connection, verdict) in connections.iter().zip(verdicts) {
                let expected = expected(&design, connection, Assume::business());
                assert_eq!(answer(verdict), expected, "{family} {:?} {kinds:?}", connection.header);
            }
        }
    }
}
