//! From a design to what a report says of it.

use crate::fixture::at;
use seglab_policy::{
    Action, Address, Assume, AtMost, Attacker, Claim, Connection, Design, Diagnostic, Directions, Draft, Endpoint,
    EnforcementPoint, Family, Flow, Header, Ignored, Interface, Level, Listener, Mode, Order, Peer, Pivot, Placement,
    PointKind, Property, Provenance, Rule, Rulebook, RulebookId, Scope, Selector, Service, Source, SourceId, Span,
    Statistic, Tier, Transport, Trust, Unit, Unmodelled, View, Vulnerability,
};
use seglab_reports::{Decider, Hop, Outcome, Population, Tool, Verdict, collect, compromise_plot};
use seglab_sim::kernel::Duration;
use seglab_sim::models::{AttackerChoice, Campaign, Settings};

fn span(line: u32) -> Option<Span> {
    Some(Span { source: SourceId(0), line, column: 5 })
}

fn unit(name: &str, zone: Option<&str>) -> Unit {
    let mut interface = Interface::new(Address::Unknown(Family::V4));
    interface.place.zone = zone.map(str::to_owned);
    Unit { name: name.into(), interfaces: vec![interface], ..Unit::default() }
}

fn point(name: &str, kind: PointKind, placement: Placement, mode: Mode) -> EnforcementPoint {
    EnforcementPoint {
        kind,
        placement,
        directions: Directions::ALL,
        mode,
        provenance: Provenance { span: span(30), ..Provenance::default() },
        ..EnforcementPoint::ideal(name, RulebookId(0))
    }
}

/// `web` may connect to `db` on tcp/5432; agents stand on both, an appliance in alert mode between zones, `lamp` has
/// nothing.
fn design() -> Design {
    let rule = Rule {
        directions: Directions::ALL,
        from: Peer::Units(Selector::Named("web".into())),
        to: Peer::Units(Selector::Named("db".into())),
        services: vec![Service::ports(Transport::Tcp, 5432, 5432)],
        action: Action::Allow,
        priority: 0,
        provenance: Provenance {
            span: span(12),
            object: Some("NetworkPolicy shop/db".into()),
            owner: Some("data team".into()),
            ..Provenance::default()
        },
    };
    let tier = Tier {
        name: "policy".into(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules: vec![rule],
    };
    let agents = Placement::Units(Selector::Not(Box::new(Selector::Named("lamp".into()))));
    Design::new(Draft {
        name: "shop".into(),
        sources: vec![Source { path: "shop.yaml".into(), sha256: [0xab; 32] }],
        units: vec![unit("web", Some("front")), unit("db", Some("back")), unit("lamp", None)],
        rulebooks: vec![Rulebook { name: "native".into(), tiers: vec![tier], default_allow: false, stateful: true }],
        points: vec![
            point("agents", PointKind::Agent, agents, Mode::Enforce),
            point("firewall", PointKind::Appliance, Placement::Between(Level::Zone), Mode::Alert),
        ],
        unmodelled: vec![Unmodelled {
            what: "Mesh lamp".into(),
            touches: Selector::Named("lamp".into()),
            provenance: Provenance { span: span(40), ..Provenance::default() },
        }],
        ignored: vec![Ignored {
            kind: "Widget".into(),
            count: 2,
            provenance: Provenance {
                reason: Some("no traffic".into()),
                owner: Some("ops".into()),
                ..Provenance::at(span(50).unwrap())
            },
        }],
        ..Draft::default()
    })
    .unwrap()
}

fn connection(design: &Design, from: &str, to: &str, port: u16) -> Connection {
    let end = |name| Endpoint::Unit { unit: design.unit_named(name).unwrap(), interface: 0 };
    Connection { source: end(from), destination: end(to), header: Header::to_port(Transport::Tcp, port) }
}

#[test]
fn scope_counts_what_enforces() {
    let design = design();
    let warning = Diagnostic::warning("odd", "odd `x`", span(3)).with_help("do y");
    let basis = collect::basis(&design, &[warning], Tool::default(), false);
    assert_eq!((basis.scope.units, basis.scope.uncovered_units, basis.scope.rules), (3, 1, 1));
    assert_eq!(basis.scope.uncovered_examples, ["lamp"]);
    let points: Vec<_> =
        basis.scope.points.iter().map(|one| (one.kind.as_str(), one.mode.as_str(), one.units)).collect();
    assert_eq!(points, [("agent", "enforce", 2), ("appliance", "alert", 2)]);
    assert_eq!(basis.scope.objects[0].kind, "NetworkPolicy");
    assert_eq!(basis.inputs[0].sha256, "ab".repeat(32));
    assert_eq!((basis.unmodelled[0].units, &basis.unmodelled[0].location), (1, &at("shop.yaml", 40, 5)));
    assert_eq!(basis.diagnostics[0].location, at("shop.yaml", 3, 5));
    assert!(!basis.not_covered.is_empty());
    let ignored = &basis.ignored[0];
    assert_eq!((ignored.kind.as_str(), ignored.count, ignored.reason.as_str()), ("Widget", 2, "no traffic"));
    assert_eq!((ignored.owner.as_deref(), &ignored.location), (Some("ops"), &at("shop.yaml", 50, 5)));
}

#[test]
fn a_hop_names_the_rule_that_lets_it_through() {
    let design = design();
    let connection = connection(&design, "web", "db", 5432);
    let hop = collect::hop(&design, &connection, &design.evaluate(&connection, Assume::business()));
    assert_eq!((hop.source.as_str(), hop.destination.as_str(), hop.service.as_str()), ("web", "db", "tcp/5432"));
    assert_eq!(hop.outcome, Outcome::Allowed);
    assert_eq!(hop.place(), at("shop.yaml", 12, 5).as_ref());
    let said: Vec<_> =
        hop.deciders.iter().map(|one| (one.direction.as_str(), one.kind.as_str(), one.stands, one.outcome)).collect();
    let expected = [
        ("egress", "agent", true, Outcome::Allowed),
        ("forward", "appliance", false, Outcome::Allowed),
        ("ingress", "agent", true, Outcome::Allowed),
    ];
    assert_eq!(said, expected);
    let decider = &hop.deciders[2];
    assert_eq!(decider.why, "allow web -> db tcp/5432");
    assert_eq!((decider.tier.as_deref(), decider.owner.as_deref()), (Some("policy"), Some("data team")));
}

#[test]
fn a_denied_hop_points_to_what_stops_it() {
    let design = design();
    let connection = connection(&design, "web", "db", 22);
    let hop = collect::hop(&design, &connection, &design.evaluate(&connection, Assume::business()));
    assert_eq!(hop.outcome, Outcome::Denied);
    assert_eq!(hop.deciders[0].why, "no rule of the tier matches: deny");
    // The default is written nowhere: the point is.
    assert_eq!(hop.place(), at("shop.yaml", 30, 5).as_ref());
}

#[test]
fn what_is_not_modelled_is_said_beside_the_hop() {
    let design = design();
    let connection = connection(&design, "web", "lamp", 22);
    let hop = collect::hop(&design, &connection, &design.evaluate(&connection, Assume::business()));
    assert_eq!(hop.outcome, Outcome::Unknown);
    assert_eq!(hop.remark.as_deref(), Some("`Mesh lamp` is not modelled and may touch it"));
}

#[test]
fn claims_read_as_sentences() {
    let web = || Peer::Units(Selector::label("app", "web"));
    let db = || Peer::Units(Selector::label("app", "db"));
    let services = || vec![Service::ports(Transport::Tcp, 443, 443)];
    let claims = [
        Claim::Isolated { from: web(), to: db(), services: vec![Service::Any] },
        Claim::Isolated { from: Peer::internet(), to: db(), services: services() },
        Claim::Allowed { from: web(), to: db(), services: services() },
        Claim::OnlyThrough {
            from: web(),
            to: db(),
            via: Selector::label("app", "proxy"),
            services: vec![Service::Any],
        },
        Claim::BlastRadius { from: Selector::Everything, at_most: AtMost::Share(250_000), of: Statistic::Max },
        Claim::Exposed {
            external: seglab_policy::AddressSet::internet(),
            inbound: true,
            only: Selector::label("app", "web"),
            services: services(),
        },
        Claim::EgressOnlyTo { from: Selector::label("app", "web"), to: db(), services: services() },
        Claim::Only {
            flows: vec![Flow { from: web(), to: db(), services: services() }],
            among: Some(Selector::label("env", "prod")),
        },
        Claim::Only { flows: Vec::new(), among: None },
        Claim::DefaultDeny { units: Selector::Everything, directions: Directions::UNIT },
        Claim::Surface { units: Selector::label("app", "db"), entries_max: Some(3), exits_max: Some(0) },
        Claim::BlastRadius {
            from: Selector::Everything,
            at_most: AtMost::Criticality(7),
            of: Statistic::Percentile(950),
        },
        Claim::NoShadowedRules { rulebook: Some("edge".into()) },
        Claim::NoRedundantRules { rulebook: None },
        Claim::NoUndefinedOrder { rulebook: None },
    ];
    let sentences: Vec<String> = claims.iter().map(collect::claim).collect();
    let expected = [
        "whoever owns a unit of app=web never reaches app=db",
        "internet never reaches app=db on tcp/443",
        "app=web can open tcp/443 to app=db, and the replies come back",
        "whoever owns a unit of app=web reaches app=db through app=proxy only",
        "whoever owns a unit of all gets at most 25% of all units",
        "internet reaches no unit but app=web on tcp/443",
        "units of app=web open connections to app=db on tcp/443 only",
        "no connection between units of env=prod is possible but app=web to app=db on tcp/443",
        "no connection is possible",
        "no connection reaches or leaves a unit of all unless a rule allows it",
        "at most 3 others can connect to a unit of app=db, and a unit of app=db can connect to at most 0 others",
        "whoever owns a unit of all gets units of a criticality of at most 7 together, for 95 % of those units",
        "no rule of edge is hidden by rules that go before it",
        "no rule can be taken away without a change to some verdict",
        "no verdict depends on an order of rules that is not defined",
    ];
    assert_eq!(sentences, expected);
}

#[test]
fn an_unsettled_property_is_unknown_and_says_what_it_leaves_open() {
    let asked = Property {
        id: "small".into(),
        claim: Claim::BlastRadius { from: Selector::Everything, at_most: AtMost::Units(2), of: Statistic::Max },
        view: View::Service,
        pivot: Pivot::Any,
        trust: Trust::OwnAgentVoid,
        hops_max: Some(1),
        provenance: Provenance { span: span(20), ..Provenance::default() },
    };
    let population = Population { count: 3, of: "starting units".into() };
    let property = collect::property(&design(), &asked, population);
    assert_eq!(property.verdict, Verdict::Unknown);
    assert_eq!(property.pivot.as_deref(), Some("any"));
    assert_eq!(property.location, at("shop.yaml", 20, 5));
    for left in
        ["pivot either-way", "trust controller-void", "nothing is declared to listen", "more than one connection"]
    {
        assert!(property.does_not_show.iter().any(|one| one.contains(left)), "{left}");
    }
}

#[test]
fn owning_a_host_is_a_hop_without_points() {
    let design = design();
    let unit = |name| design.unit_named(name).unwrap();
    let hop = collect::host_hop(&design, unit("web"), unit("lamp"));
    assert_eq!((hop.source.as_str(), hop.destination.as_str(), hop.outcome), ("web", "lamp", Outcome::Allowed));
    assert!(hop.deciders.is_empty() && hop.place().is_none());
}

/// A laptop that is phished, and a critical server with a hole.
fn attacked() -> Design {
    let unit = |name: &str, address: &str, criticality| Unit {
        interfaces: vec![Interface::new(Address::Known(address.parse().unwrap()))],
        listeners: vec![Listener::port(Transport::Tcp, 443)],
        vulnerabilities: vec![Vulnerability { name: "CVE-0".into(), protocol: Transport::Tcp, port: 443 }],
        criticality,
        ..unit(name, None)
    };
    let attacker = Attacker {
        name: "phish".into(),
        foothold: Selector::Named("laptop".into()),
        scan_rate_per_second: 1.0,
        exploit_probability: 0.5,
        exploit_mean_ns: 60_000_000_000,
        login_probability: 1.0,
        login_mean_ns: 0,
        credentials: Vec::new(),
        strategy: seglab_policy::Strategy::Worm,
        conduct: Default::default(),
        provenance: Provenance::default(),
    };
    let units = vec![unit("laptop", "10.0.0.1", 0), unit("server", "10.0.0.2", 1)];
    Design::new(Draft { name: "flat".into(), units, attackers: vec![attacker], ..Draft::default() }).unwrap()
}

#[test]
fn a_campaign_becomes_curves_and_incidences() {
    let design = attacked();
    let settings = Settings { replicas: 200, horizon: Duration::from_hours(2), ..Settings::default() };
    let simulations = collect::simulations(&Campaign::run(&[&design], &settings).unwrap());
    let [one] = simulations.as_slice() else { panic!("one design, one simulation") };
    assert_eq!((one.design.as_str(), one.attacker.as_str(), one.replicas, one.population), ("flat", "phish", 200, 2));
    assert!(!one.monitored && one.detection.happened == 0 && one.detection.p10_ns.is_none());
    assert_eq!(one.times_ns.last(), Some(&settings.horizon.as_nanos()));
    let server = one.critical.iter().find(|unit| unit.unit == "server").unwrap();
    // Without a monitor there is no quarantine; the simulator's own test bounds the chance.
    assert_eq!(server.quarantined_at_end(), 0.0);
    assert!((0.45..0.70).contains(&server.owned_at_end()), "{}", server.owned_at_end());
    assert!(server.owned.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!(one.median_at_end(), Some(if server.owned_at_end() >= 0.5 { 2.0 } else { 1.0 }));
    let (low, high) = one.band().unwrap();
    assert_eq!((low.quantile, high.quantile), (0.05, 0.95));
    assert!(compromise_plot(&simulations, "phish").unwrap().caption.contains("the middle 90%"));
}

#[test]
fn a_campaign_without_an_attacker_is_no_simulation_of_an_attack() {
    let settings = Settings { replicas: 1, attacker: AttackerChoice::Nobody, ..Settings::default() };
    assert_eq!(collect::simulations(&Campaign::run(&[&attacked()], &settings).unwrap()), []);
}

#[test]
fn the_place_to_look_at_is_what_stops_a_connection_else_the_last_rule_that_lets_it_through() {
    let said =
        |line, outcome, stands| Decider { outcome, stands, location: at("a.yaml", line, 1), ..Decider::default() };
    let place = |deciders: &[Decider]| {
        let hop = Hop { deciders: deciders.to_vec(), ..Hop::default() };
        hop.place().map(|place| place.line)
    };
    let (first, last) = (said(1, Outcome::Allowed, true), said(3, Outcome::Allowed, true));
    let void = said(4, Outcome::Denied, false);
    assert_eq!(place(&[first.clone(), said(2, Outcome::Denied, true), last.clone(), void.clone()]), Some(2));
    assert_eq!(place(&[first, last, void.clone()]), Some(3));
    assert_eq!(place(&[void]), None);
}
