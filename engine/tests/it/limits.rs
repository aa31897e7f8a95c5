//! What an engine does when something is too large.

use crate::equivalence::{HASHED, LISTED};
use seglab_engine::{CompileError, Decision, Engine, Limits, Workload};
use seglab_policy::{
    Action, Address, Assume, Design, Directions, Draft, EnforcementPoint, Interface, IntervalSet, Order, Peer,
    Provenance, Rule, Rulebook, RulebookId, Scope, Selector, Service, Tier, Transport, Unit,
};

fn unit(number: u8) -> Unit {
    Unit {
        name: format!("unit-{number}"),
        labels: [("app".to_owned(), format!("app-{}", number % 7))].into(),
        interfaces: vec![Interface::new(Address::Known([10, 0, 0, number].into()))],
        can_host_agent: true,
        ..Unit::default()
    }
}

fn rule(from: Peer, to: Peer, service: Service, action: Action) -> Rule {
    let (services, provenance) = (vec![service], Provenance::default());
    Rule { directions: Directions::UNIT, from, to, services, action, priority: 0, provenance }
}

fn design(rules: Vec<Rule>) -> Design {
    let tier = Tier {
        name: "all".to_owned(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules,
    };
    let rulebook = Rulebook { name: "native".to_owned(), tiers: vec![tier], default_allow: false, stateful: true };
    let point = EnforcementPoint::ideal("hosts", RulebookId(0));
    let units = (1..40).map(unit).collect();
    Design::new(Draft { units, rulebooks: vec![rulebook], points: vec![point], ..Draft::default() }).unwrap()
}

fn agrees(engine: &Engine, design: &Design) {
    let (mut allowed, mut denied) = (0, 0);
    for connection in Workload::generate(design, 5, 1500).connections() {
        let decision = engine.decide(connection, Assume::business());
        assert_eq!(decision, design.evaluate(connection, Assume::business()).verdict.into());
        match decision {
            Decision::Allowed(_) => allowed += 1,
            Decision::Denied => denied += 1,
            Decision::Unknown => {}
        }
    }
    assert!(allowed > 50 && denied > 50, "allowed {allowed}, denied {denied}");
}

fn app(number: u16) -> Peer {
    Peer::Units(Selector::label("app", format!("app-{}", number % 7)))
}

#[test]
fn tables_are_dense_then_hashed_then_listed() {
    let rules = (0..60).map(|at| rule(app(at), app(at / 7), Service::ports(Transport::Tcp, at, at + 9), Action::Allow));
    let design = design(rules.collect());
    let forms = |limits| {
        let engine = Engine::compile_within(&design, limits).unwrap();
        agrees(&engine, &design);
        let footprint = engine.footprint();
        (footprint.tables_dense, footprint.tables_hashed, footprint.tables_listed)
    };
    // Egress and ingress say the same, so they share one table.
    assert_eq!(forms(Limits::default()), (1, 0, 0));
    assert_eq!(forms(HASHED), (0, 1, 0));
    assert_eq!(forms(LISTED), (0, 0, 1));
    assert_eq!(forms(Limits { singled_out: 0, ..Limits::default() }), (0, 0, 1));
}

#[test]
fn headers_with_too_many_cells_are_matched_rule_by_rule() {
    let rules = (0..1100u16).map(|at| {
        let service = Service::Ports {
            protocol: Transport::Tcp,
            ports: IntervalSet::single(at),
            source_ports: IntervalSet::from_ranges([(1000 + at, 60000)]),
        };
        rule(app(at), app(at / 7), service, Action::Allow)
    });
    let design = design(rules.collect());
    let engine = Engine::compile(&design).unwrap();
    assert_eq!((engine.footprint().service_classes, engine.footprint().tables_listed), (0, 1));
    agrees(&engine, &design);
}

#[test]
fn profiles_without_room_leave_the_rules_listed() {
    let named = |number: u16| Peer::Units(Selector::Named(format!("unit-{}", 1 + number % 39)));
    let rules =
        (0..400).map(|at| rule(named(at), named(at / 39), Service::ports(Transport::Tcp, at, at), Action::Allow));
    let design = design(rules.collect());
    let roomy = Engine::compile(&design).unwrap().footprint();
    let limits = Limits { memory_bytes: 40_000, ..Limits::default() };
    let engine = Engine::compile_within(&design, limits).unwrap();
    assert_eq!((roomy.tables_dense, engine.footprint().tables_listed), (1, 1));
    agrees(&engine, &design);
}

#[test]
fn no_room_at_all_is_an_error() {
    let rules = (0..20).map(|at| rule(app(at), app(at / 7), Service::ports(Transport::Tcp, at, at), Action::Allow));
    let limits = Limits { memory_bytes: 8, ..Limits::default() };
    let error = Engine::compile_within(&design(rules.collect()), limits).unwrap_err();
    assert!(matches!(error, CompileError::OverBudget { budget_bytes: 8, .. }));
    assert!(error.to_string().ends_with("and 8 were allowed; allow more memory"), "{error}");
}

#[test]
fn lists_of_rules_are_counted_before_they_are_made() {
    // Every rule matches nearly every class on both sides, so each class would list nearly every rule.
    let wide = |number: u16| Peer::Units(Selector::Not(Box::new(Selector::Named(format!("unit-{}", 1 + number % 39)))));
    let rules =
        (0..2000).map(|at| rule(wide(at), wide(at / 39), Service::ports(Transport::Tcp, at, at), Action::Allow));
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let error = Engine::compile_within(&design(rules.collect()), limits).unwrap_err();
    // Half of the memory is the tables', the count stops right past it, and what is told is more than what was allowed.
    let CompileError::OverBudget { needed_bytes, .. } = error else { panic!("{error}") };
    assert!(((1 << 20) + 1..(1 << 20) + 2000).contains(&needed_bytes), "{needed_bytes}");
}

#[test]
fn an_empty_design_has_an_engine() {
    let engine = Engine::compile(&Design::new(Draft::default()).unwrap()).unwrap();
    assert_eq!(engine.footprint().identities, 0);
}

#[test]
fn a_hundred_units_of_one_kind_are_one_identity() {
    let rules = vec![rule(Peer::Anyone, Peer::Units(Selector::Everything), Service::Any, Action::Allow)];
    let engine = Engine::compile(&design(rules)).unwrap();
    // The units, and everything that is external.
    assert_eq!(engine.footprint().identities, 2);
}
