//! What Z3 finds exists, and what it does not find does not exist.

use proptest::prelude::*;
use seglab_policy::arbitrary::{Answer, assume, design, design_of};
use seglab_policy::{
    Action, AddressSet, Assume, Connection, Design, Directions, Endpoint, EnforcementPoint, ExternalSourceId, Header,
    IntervalSet, Order, Rule, Rulebook, RulebookId, Scope, Service, Tier, Transport, UnitId,
};
use seglab_verify::smt::{Doors, Encoding, Ends, GaveUp, Limits, Listed, Outcome, Question, SmtAnswer};
use std::net::IpAddr;

/// Every endpoint of a small design, and external addresses inside and outside the ranges that random rules use.
fn endpoints(design: &Design) -> Vec<Endpoint> {
    let units = design.unit_ids().flat_map(|unit| {
        let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap();
        (0..count).map(move |interface| Endpoint::Unit { unit, interface })
    });
    let sources =
        (0..design.external_sources().len()).map(|at| Endpoint::Source(ExternalSourceId(u32::try_from(at).unwrap())));
    let addresses: Vec<IpAddr> = ["10.0.0.3", "10.0.0.7", "8.8.8.8", "192.168.0.1", "fd00::3", "2600::1"]
        .map(|text| text.parse().unwrap())
        .into();
    units.chain(sources).chain(addresses.into_iter().map(Endpoint::External)).collect()
}

fn headers() -> Vec<Header> {
    let mut headers = vec![Header::Icmp { kind: 8, code: 0 }, Header::Icmp { kind: 3, code: 1 }, Header::Other(50)];
    for protocol in Transport::ALL {
        for (source_port, destination_port) in [(1023, 80), (49152, 80), (80, 443), (49152, 8080), (1, 1)] {
            headers.push(Header::Transport { protocol, source_port, destination_port });
        }
    }
    headers
}

fn outcome(design: &Design, connection: &Connection, assume: Assume) -> Outcome {
    match Answer::from(design.evaluate(connection, assume).verdict) {
        Answer::Allowed(reply) => Outcome::Allowed(reply),
        Answer::Denied => Outcome::Denied,
        Answer::Unknown => Outcome::Unknown,
    }
}

/// The connections between endpoints that exist, as a question means them.
fn connections(design: &Design, strangers: bool) -> Vec<Connection> {
    let ends = endpoints(design);
    let mut all = Vec::new();
    for &source in &ends {
        for &destination in &ends {
            for header in headers() {
                let connection = Connection { source, destination, header };
                let is_source = |end| matches!(end, Endpoint::Source(_));
                let near = |unit: Endpoint, other: Endpoint| match (design.interface(unit), other) {
                    (Some(interface), Endpoint::External(address)) => {
                        design.known_addresses(&interface.space).is_some_and(|known| known.contains(address))
                    }
                    _ => false,
                };
                let exists = (source.unit().is_some() || destination.unit().is_some())
                    && !is_source(destination)
                    && !near(source, destination)
                    && !near(destination, source)
                    && (strangers || design.family_of(&connection).is_some());
                if exists {
                    all.push(connection);
                }
            }
        }
    }
    all
}

fn units(design: &Design, mask: u32) -> Ends {
    Ends::Units(design.unit_ids().filter(|unit| mask & (1 << unit.0) != 0).collect())
}

fn in_units(mask: u32, end: Endpoint) -> bool {
    end.unit().is_some_and(|unit| mask & (1 << unit.0) != 0)
}

/// Checks one answer against the evaluator: a connection that is found is as described, and where none is found the
/// evaluator knows none among many.
fn check(
    design: &Design,
    assume: Assume,
    question: &Question,
    described: impl Fn(&Connection) -> bool,
) -> Result<(), TestCaseError> {
    let wanted = |connection: &Connection| {
        described(connection) && question.wanted.contains(&outcome(design, connection, assume))
    };
    match Encoding::new(design, assume).find(question) {
        SmtAnswer::Found(found) => prop_assert!(wanted(&found), "found {:?}", found),
        SmtAnswer::None => {
            let missed = connections(design, question.everywhere).into_iter().find(wanted);
            prop_assert_eq!(missed, None);
        }
        SmtAnswer::GaveUp(reason) => prop_assert!(false, "gave up: {}", reason),
    }
    Ok(())
}

fn wanted() -> impl Strategy<Value = Vec<Outcome>> {
    prop_oneof![
        Just(Outcome::ALLOWED.to_vec()),
        Just(Outcome::NOT_DENIED.to_vec()),
        Just(Outcome::BROKEN.to_vec()),
        Just(Outcome::DOUBTFUL.to_vec()),
        Just(vec![Outcome::Denied]),
        Just(vec![Outcome::Unknown]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 2))]

    #[test]
    fn connections_between_sets_of_units(
        design in design(), assume in assume(), from: u8, to: u8, wanted in wanted(), leaves: bool
    ) {
        let (from, to) = (u32::from(from), u32::from(to));
        let question = Question { leaves, ..Question::any(wanted) }.between(units(&design, from), units(&design, to));
        check(&design, assume, &question, |connection| {
            in_units(from, connection.source)
                && in_units(to, connection.destination)
                && !(leaves && connection.source.unit() == connection.destination.unit())
        })?;
    }

    #[test]
    fn connections_from_and_to_external_addresses(
        design in design(), assume in assume(), mask: u8, wanted in wanted(), inward: bool, first in 0u32..8
    ) {
        let mask = u32::from(mask);
        let pool = AddressSet::from_range(
            IpAddr::V4((0x0a00_0000 + first).into()),
            "10.0.0.7".parse().unwrap(),
        );
        let outside = pool.union(&AddressSet::internet());
        let (from, to) = (Ends::External(outside.clone()), units(&design, mask));
        let (from, to) = if inward { (from, to) } else { (to, from) };
        let question = Question::any(wanted).between(from, to);
        let external = |end| matches!(end, Endpoint::External(address) if outside.contains(address));
        check(&design, assume, &question, |connection| {
            let (external_end, unit) = if inward {
                (connection.source, connection.destination)
            } else {
                (connection.destination, connection.source)
            };
            external(external_end) && in_units(mask, unit)
        })?;
    }

    #[test]
    fn connections_of_a_service_through_a_listener(
        design in design(), assume in assume(), wanted in wanted(), mask: u8, listening: bool
    ) {
        let mask = u32::from(mask);
        let service = Service::ports(Transport::Tcp, 80, 443);
        let question = Question {
            services: vec![service],
            source_ports: IntervalSet::from_ranges([(1024, u16::MAX)]),
            doors: if listening { Doors::Listening } else { Doors::Any },
            to: units(&design, mask),
            ..Question::any(wanted)
        };
        check(&design, assume, &question, |connection| {
            let Header::Transport { protocol: Transport::Tcp, source_port, destination_port } = connection.header else {
                return false;
            };
            let open = || connection.destination.unit().is_some_and(|unit| {
                design.unit(unit).listens_to(connection.header)
            });
            (80..=443).contains(&destination_port)
                && source_port >= 1024
                && in_units(mask, connection.destination)
                && (!listening || open())
        })?;
    }

    #[test]
    fn connections_to_what_a_held_credential_opens(
        design in design(), assume in assume(), password: bool, listening: bool
    ) {
        let held = if password { vec!["password".to_owned()] } else { Vec::new() };
        let doors = Doors::Exploitable { held: held.iter().cloned().collect(), listening };
        let question = Question { doors, leaves: true, ..Question::any(Outcome::ALLOWED) };
        check(&design, assume, &question, |connection| {
            let Header::Transport { protocol, destination_port, .. } = connection.header else { return false };
            let fits = |of, port| of == protocol && port == destination_port;
            connection.source.unit() != connection.destination.unit()
                && connection.destination.unit().is_some_and(|unit| {
                    let unit = design.unit(unit);
                    let weak = unit.vulnerabilities.iter().any(|weakness| fits(weakness.protocol, weakness.port))
                        || unit.logins.iter().any(|login| {
                            held.contains(&login.credential) && fits(login.protocol, login.port)
                        });
                    weak && (!listening || unit.listens_to(connection.header))
                })
        })?;
    }
}

/// The connections with the same header between the interfaces of the two units, where there can be one.
fn siblings(design: &Design, connection: &Connection) -> Vec<Connection> {
    let interfaces = |end: Endpoint| {
        let unit = end.unit().unwrap();
        let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap();
        (0..count).map(move |interface| Endpoint::Unit { unit, interface })
    };
    let is_icmp = matches!(connection.header, Header::Icmp { .. });
    let family = design.family_of(connection);
    interfaces(connection.source)
        .flat_map(|source| interfaces(connection.destination).map(move |destination| (source, destination)))
        .map(|(source, destination)| Connection { source, destination, ..*connection })
        .filter(|sibling| {
            let own = design.family_of(sibling);
            own.is_some() && (own == family || family.is_none() || !is_icmp)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 2))]

    #[test]
    fn connections_of_which_the_same_becomes_between_all_interfaces(
        design in design(), assume in assume(), wanted in wanted(), from: u8, to: u8
    ) {
        let (from, to) = (u32::from(from), u32::from(to));
        let question = Question { everywhere: true, leaves: true, ..Question::any(wanted.clone()) }
            .between(units(&design, from), units(&design, to));
        check(&design, assume, &question, |connection| {
            in_units(from, connection.source)
                && in_units(to, connection.destination)
                && connection.source.unit() != connection.destination.unit()
                && (design.family_of(connection).is_some() || siblings(&design, connection).is_empty())
                && siblings(&design, connection)
                    .iter()
                    .all(|sibling| wanted.contains(&outcome(&design, sibling, assume)))
        })?;
    }

    #[test]
    fn connections_between_peers_that_are_surely_or_only_perhaps_meant(
        design in design(), assume in assume(), peers in 0usize..64, other in 0usize..64, surely: bool
    ) {
        let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
        let rule = rules[peers % rules.len()];
        let unless = rules[other % rules.len()];
        let listed = |rule: &Rule| Listed {
            from: Ends::Peer(rule.from.clone()),
            to: Ends::Peer(rule.to.clone()),
            services: rule.services.clone(),
        };
        let question = Question { surely, unless: vec![listed(unless)], leaves: true, ..Question::any(Outcome::ALLOWED) }
            .between(Ends::Peer(rule.from.clone()), Ends::Peer(rule.to.clone()));
        // Whether the rule matches says whom its peers mean, so ask in a design that has only this rule.
        let (alone, unless_alone) = (only_rule(&design, rule), only_rule(&design, unless));
        check(&design, assume, &question, |connection| {
            let means = |alone: &Design, surely: bool| {
                let judged = alone.evaluate(connection, Assume::business());
                judged.judgements.iter().any(|judgement| {
                    !judgement.reply && if surely { !judgement.outcomes.allow } else { judgement.outcomes.deny }
                })
            };
            let family = design.family_of(connection).unwrap();
            let unit = connection.destination.unit().map(|unit| design.unit(unit));
            let of = unless.services.iter().any(|service| service.matches(family, connection.header, unit));
            means(&alone, surely) && !(of && means(&unless_alone, !surely))
        })?;
    }
}

/// The design with one point at every unit, whose only rule denies what goes between the peers of `rule`.
fn only_rule(design: &Design, rule: &Rule) -> Design {
    let mut draft = design.to_draft();
    let denying =
        Rule { directions: Directions::UNIT, services: vec![Service::Any], action: Action::Deny, ..rule.clone() };
    draft.rulebooks = vec![Rulebook {
        name: "one rule".to_owned(),
        tiers: vec![Tier {
            name: "one tier".to_owned(),
            order: Order::DenyOverrides,
            scope: Scope::Everything,
            otherwise: Action::Allow,
            rules: vec![denying],
        }],
        default_allow: true,
        stateful: true,
    }];
    draft.points = vec![EnforcementPoint::ideal("everywhere", RulebookId(0))];
    draft.unmodelled.clear();
    Design::new(draft).unwrap()
}

/// A design in which every unit reaches every other.
fn open_design() -> Design {
    (0..)
        .map(design_of)
        .find(|design| {
            let encoding = Encoding::new(design, Assume::business());
            matches!(encoding.find(&Question::any(Outcome::ALLOWED)), SmtAnswer::Found(_))
        })
        .unwrap()
}

#[test]
fn a_question_that_costs_more_than_it_may_is_given_up_and_not_passed() {
    let design = open_design();
    for resources in [1, 1000] {
        let limits = Limits { resources, ..Limits::default() };
        let encoding = Encoding::new(&design, Assume::business()).with_limits(limits);
        assert_eq!(encoding.find(&Question::any(Outcome::ALLOWED)), SmtAnswer::GaveUp(GaveUp::Resources(resources)));
    }
}

#[test]
fn an_answer_does_not_depend_on_what_was_asked_before() {
    let design = open_design();
    let encoding = Encoding::new(&design, Assume::business());
    let question = Question::any(Outcome::ALLOWED);
    let alone = encoding.find(&question);
    encoding.find(&Question::any(Outcome::BROKEN));
    assert_eq!(encoding.find(&question), alone);
    assert_eq!(encoding.to_smtlib(&question), encoding.to_smtlib(&question));
}

#[test]
fn one_question_for_many_finds_what_one_of_them_finds() {
    let design = open_design();
    let encoding = Encoding::new(&design, Assume::business());
    let nobody = Ends::Units([].into());
    let nothing = Question::any(Outcome::NOT_DENIED).between(nobody, Ends::Any);
    let something = Question::any(Outcome::ALLOWED);
    assert_eq!(encoding.find_any(&[nothing.clone(), nothing.clone()]), SmtAnswer::None);
    let SmtAnswer::Found(found) = encoding.find_any(&[nothing, something]) else { panic!("nothing is found") };
    assert!(Outcome::ALLOWED.contains(&outcome(&design, &found, Assume::business())));
    assert_eq!(encoding.find_any(&[]), SmtAnswer::None);
}

#[test]
fn nothing_is_found_in_sets_of_no_units() {
    let design = open_design();
    let nobody = Ends::Units([UnitId(0)].into()).except(Ends::Units([UnitId(0)].into()));
    let question = Question::any(Outcome::NOT_DENIED).between(nobody, Ends::Any);
    assert_eq!(Encoding::new(&design, Assume::business()).find(&question), SmtAnswer::None);
}
