//! What enforcing takes by the rates of needs, the calibration that it rests on, and outcomes held against observed ones.

use seglab_policy::{
    Arrivals, Calibration, Check, Date, Design, Directions, Draft, FailureMode, Failures, Input, Level, Load, Mode,
    Need, Operation, Part, Peer, Placement, PointKind, Selector,
};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::Fate;
use seglab_sim::models::{
    AttackerChoice, Campaign, CampaignResult, Chunk, DesignResult, EnforcementLoad, Part as Piece, Settings,
    TrafficMode,
};

use crate::company::{allow, bytes, company, everywhere, named, need, rulebook, run, tcp, unit};

/// Round numbers for every part.
fn calibration() -> Calibration {
    let day = Date::new(2026, 11, 23).unwrap();
    let given = Part::all().map(|part| {
        let value = match part {
            Part::Input(Input::AgentCpu) => 0.5,
            Part::Input(Input::AgentConnectionCpu) => 0.01,
            Part::Input(Input::AgentMemory) => 1e6,
            Part::Input(Input::AgentConnectionMemory) => 100.0,
            Part::Input(Input::AgentRuleMemory) => 1000.0,
            Part::Input(Input::ConnectionLife) => 2.0,
            Part::Input(Input::ApplianceRate) => 40.0,
            Part::Input(Input::ApplianceTable) => 50.0,
            Part::Input(Input::ApplianceLatency) => 1e-3,
            Part::Check(Check::BreakoutTime) => 3600.0,
            _ => 1.0,
        };
        part.quantity(value, "a test", day).unwrap()
    });
    Calibration::new(given).unwrap()
}

fn settings() -> Settings {
    Settings {
        replicas: 1,
        attacker: AttackerChoice::Nobody,
        flows_per_need: 0,
        calibration: Some(calibration()),
        ..Settings::default()
    }
}

fn even(rate_per_second: f64, need: Need) -> Need {
    Need { arrivals: Arrivals::Even { rate_per_second }, ..need }
}

/// Two units in the zone `front` and one in `back`, agents everywhere, an appliance between zones.
fn zoned(needs: Vec<Need>) -> Draft {
    let mut units = vec![
        unit("db", [10, 0, 1, 1], &[80]),
        unit("web-1", [10, 0, 0, 1], &[80]),
        unit("web-2", [10, 0, 0, 2], &[80]),
    ];
    for (unit, zone) in units.iter_mut().zip(["back", "front", "front"]) {
        unit.interfaces[0].place.zone = Some(zone.to_owned());
        unit.labels.insert("app".to_owned(), unit.name[..2].to_owned());
    }
    let mut edge = everywhere(PointKind::Appliance, Mode::Enforce);
    (edge.placement, edge.directions) = (Placement::Between(Level::Zone), Directions::ALL);
    Draft {
        name: "zoned".to_owned(),
        units,
        rulebooks: vec![rulebook(vec![allow(
            Peer::Units(Selector::Everything),
            Peer::Units(Selector::Everything),
            tcp(80),
        )])],
        points: vec![everywhere(PointKind::Agent, Mode::Enforce), edge],
        needs,
        ..Draft::default()
    }
}

fn web() -> Peer {
    Peer::Units(Selector::label("app", "we"))
}

fn played(draft: Draft) -> (DesignResult, CampaignResult) {
    let result = run(&[&Design::new(draft).unwrap()], &settings());
    (result.designs[0].clone(), result)
}

fn load_of(draft: Draft) -> EnforcementLoad {
    played(draft).0.enforcement_load.unwrap()
}

fn close(found: f64, known: f64) {
    assert!((found - known).abs() <= 1e-9 * known.abs().max(1.0), "{found}, not {known}");
}

#[test]
fn loads_follow_from_rates() {
    let load = load_of(zoned(vec![even(10.0, need(web(), named("db"), tcp(80), false))]));
    let agents = load.agents.unwrap();
    assert_eq!((agents.units, agents.most_loaded.unit.as_str()), (3, "db"));
    // Each web server opens ten a second, which the database gets.
    close(agents.connections_per_second, 40.0);
    close(agents.cpu_cores, 3.0 * 0.5 + 40.0 * 0.01);
    close(agents.memory_bytes, 3.0 * (1e6 + 1000.0) + 40.0 * 2.0 * 100.0);
    close(agents.most_loaded.connections_per_second, 20.0);
    close(agents.most_loaded.cpu_cores, 0.7);
    close(agents.most_loaded.memory_bytes, 1e6 + 1000.0 + 4000.0);
    let [edge] = load.appliances.as_slice() else { panic!("one appliance") };
    close(edge.connections_per_second, 20.0);
    close(edge.utilisation, 0.5);
    close(edge.table_share, 40.0 / 50.0);
    // Erlang's recursion, place by place.
    let refused = (1..=50).fold(1.0, |b, place| 40.0 * b / (f64::from(place) + 40.0 * b));
    close(edge.refused_share, refused);
    // Half of the time nobody has to wait.
    close(edge.latency_ns_p50.unwrap(), 1e6);
    assert!(edge.latency_ns_p99.unwrap() > 1e6 + 25e6, "{edge:?}");
}

#[test]
fn nobody_connects_to_itself_and_calls_are_made_for_requests() {
    let everyone = || Peer::Units(Selector::Everything);
    let load = load_of(zoned(vec![even(1.0, need(everyone(), everyone(), tcp(80), false))]));
    // Each opens one a second and gets one; half of what a web server opens goes to the database, all of its own to them.
    close(load.agents.unwrap().connections_per_second, 6.0);
    close(load.appliances[0].connections_per_second, 2.0);
    let own = load_of(zoned(vec![even(1.0, need(named("db"), named("db"), tcp(80), false))]));
    close(own.agents.unwrap().connections_per_second, 0.0);
    close(own.appliances[0].connections_per_second, 0.0);
    // Outside opens five a second, and each of them makes one to the database; retried or denied is all the same.
    let calls = zoned(vec![
        even(5.0, need(Peer::internet(), web(), tcp(80), false)),
        Need { arrivals: Arrivals::NEVER, ..need(web(), named("db"), tcp(80), true) },
    ]);
    for denies in [false, true] {
        let mut draft = calls.clone();
        if denies {
            draft.rulebooks[0].tiers[0].rules.clear();
        }
        let load = load_of(draft);
        close(load.agents.unwrap().connections_per_second, 5.0 + 5.0 + 5.0);
        close(load.appliances[0].connections_per_second, 10.0);
    }
}

#[test]
fn designs_say_their_own_numbers() {
    let mut draft = zoned(vec![even(10.0, need(web(), named("db"), tcp(80), false))]);
    let given = [(Input::ApplianceRate, 10.0), (Input::ConnectionLife, 0.5)];
    draft.points[1].load = Load { given: given.into_iter().collect(), source: Some("data sheet".to_owned()) };
    draft.points[0].load = Load { given: [(Input::AgentCpu, 0.25)].into_iter().collect(), source: None };
    let (design, result) = played(draft);
    let load = design.enforcement_load.unwrap();
    let edge = &load.appliances[0];
    // Twenty a second are more than ten: the queue grows without end.
    close(edge.utilisation, 2.0);
    assert_eq!((edge.latency_ns_p50, edge.latency_ns_p99), (None, None));
    close(edge.table_share, 0.2);
    close(load.agents.unwrap().cpu_cores, 3.0 * 0.25 + 0.4);
    let said: Vec<_> = load
        .given
        .iter()
        .map(|one| (one.point.as_str(), one.name.as_str(), one.value, one.source.as_deref()))
        .collect();
    assert_eq!(
        said,
        [
            ("agent", "agent-cpu", 0.25, None),
            ("appliance", "appliance-rate", 10.0, Some("data sheet")),
            ("appliance", "connection-life", 0.5, Some("data sheet")),
        ]
    );
    // What the design says is not of the calibration; nobody attacks, so nothing is checked.
    let used: Vec<&str> = result.scope.calibration.iter().map(|one| one.part().name()).collect();
    assert_eq!(
        used,
        [
            "connection-life",
            "agent-connection-cpu",
            "agent-memory",
            "agent-connection-memory",
            "agent-rule-memory",
            "appliance-table",
            "appliance-latency",
        ]
    );
}

#[test]
fn what_is_not_there_takes_nothing() {
    let needs = || vec![even(10.0, need(web(), named("db"), tcp(80), false))];
    let mut off = zoned(needs());
    off.points.iter_mut().for_each(|point| point.mode = Mode::Off);
    let hosts = Draft { points: vec![everywhere(PointKind::Host, Mode::Enforce)], ..zoned(needs()) };
    for draft in [off, hosts, zoned(Vec::new())] {
        let (design, result) = played(draft);
        assert_eq!((design.enforcement_load, result.scope.calibration.len()), (None, 0));
    }
    // Without a calibration nothing is said.
    let plain = Settings { calibration: None, ..settings() };
    assert_eq!(run(&[&Design::new(zoned(needs())).unwrap()], &plain).designs[0].enforcement_load, None);
}

#[test]
fn outcomes_are_held_against_observed_ones_and_change_nothing() {
    let design = company(3, true);
    let settings = Settings { replicas: 60, horizon: Duration::from_days(2), ..settings() };
    let attacked = Settings { attacker: AttackerChoice::First, ..settings };
    let result = run(&[&design], &attacked);
    let [breakout, dwell, doubling] = result.designs[0].checks.as_slice() else { panic!("three checks") };
    let names = [breakout, dwell, doubling].map(|check| check.observed.part().name());
    assert_eq!(names, ["breakout-time", "dwell-time", "worm-doubling"]);
    let replicas = &result.designs[0].replicas;
    let mut second: Vec<u64> = replicas
        .iter()
        .filter_map(|replica| replica.course.iter().find(|step| step.compromised >= 2))
        .map(|step| step.at.as_nanos())
        .collect();
    second.sort_unstable();
    assert!(!second.is_empty() && second.len() < 60, "some of the attacks get on");
    close(breakout.share, second.len() as f64 / 60.0);
    let median = breakout.simulated_ns.unwrap();
    assert!(second.iter().filter(|ns| **ns <= median).count() * 2 >= second.len(), "{median} of {second:?}");
    assert!(second.iter().filter(|ns| **ns >= median).count() * 2 >= second.len(), "{median} of {second:?}");
    close(breakout.ratio.unwrap(), median as f64 / 3600e9);
    close(dwell.share, replicas.iter().filter(|one| one.detection.fate == Fate::Event).count() as f64 / 60.0);

    // Whatever was observed, and without a calibration, the same happens.
    let day = Date::new(2026, 11, 23).unwrap();
    let other = calibration().overridden(Check::ALL.map(|check| Part::Check(check).quantity(7.0, "b", day).unwrap()));
    for calibration in [Some(other), None] {
        let again = run(&[&design], &Settings { calibration, ..attacked.clone() });
        assert_eq!(again.designs[0].replicas, result.designs[0].replicas);
    }
    // Without a monitor nobody notices, and that is no dwell time.
    let unwatched = Design::new(Draft { monitor: None, ..design.to_draft() }).unwrap();
    let names: Vec<&str> =
        run(&[&unwatched], &attacked).designs[0].checks.iter().map(|check| check.observed.part().name()).collect();
    assert_eq!(names, ["breakout-time", "worm-doubling"]);
}

#[test]
fn chunks_give_the_checks_and_loads_of_one_machine() {
    let design = company(2, true);
    let settings = Settings { replicas: 7, attacker: AttackerChoice::First, flows_per_need: 5, ..settings() };
    let campaign = Campaign::prepare(&[&design], &settings).unwrap();
    let whole = campaign.results().unwrap();
    assert!(whole.designs[0].enforcement_load.is_some() && whole.designs[0].checks.len() == 3);
    let pieces = (1..=3).map(|index| {
        let written = serde_json::to_string(&campaign.part(Chunk::new(index, 3).unwrap()).unwrap()).unwrap();
        serde_json::from_str::<Piece>(&written).unwrap()
    });
    assert!(bytes(&Piece::reduce(pieces.collect()).unwrap()) == bytes(&whole));
}

/// An appliance with a load on the way from users to a server, for as long as its connections take.
fn limited(given: &[(Input, f64)], timeout_ns: Option<u64>) -> Design {
    let patience = seglab_policy::Patience { timeout_ns, retries: 0 };
    let needs = vec![Need { patience, ..even(10.0, need(named("web-1"), named("db"), tcp(80), false)) }];
    let mut draft = zoned(needs);
    draft.points[1].load = Load { given: given.iter().copied().collect(), source: None };
    Design::new(draft).unwrap()
}

#[test]
fn a_full_table_drops_and_both_modes_say_so() {
    let table = [(Input::ApplianceTable, 8.0), (Input::ConnectionLife, 0.7), (Input::ApplianceRate, 1e6)];
    let known = (1..=8).fold(1.0, |b, place| 7.0 * b / (f64::from(place) + 7.0 * b));
    for (traffic, horizon) in [(TrafficMode::EveryRequest, 100), (TrafficMode::Sampled, 100)] {
        let settings = Settings {
            replicas: 400,
            horizon: Duration::from_secs(horizon),
            flows_per_need: 50,
            traffic,
            ..settings()
        };
        let flows = run(&[&limited(&table, Some(1_000_000_000))], &settings).designs[0].needs[0].flows;
        assert_eq!(flows.delivered + flows.table_full, flows.tried, "{flows:?}");
        assert_eq!(flows.broken(), flows.table_full);
        let share = flows.table_full as f64 / flows.tried as f64;
        assert!((share / known - 1.0).abs() < 0.1, "{traffic:?}: {share} {known}");
        // Where the design says no load of it, an appliance is no queue.
        let free = run(&[&limited(&[], None)], &settings).designs[0].needs[0].flows;
        assert_eq!(free.delivered, free.tried, "{free:?}");
        // One that has failed open lets everything pass; a need that waits for the time-out is too slow for nobody.
        let mut open = limited(&table, None).to_draft();
        open.points[1].operation = Operation {
            failures: Some(Failures { mode: FailureMode::Open, every_ns: 1, repair_ns: 1_000_000_000_000_000 }),
            ..Operation::default()
        };
        let flows =
            run(&[&Design::new(open).unwrap()], &Settings { replicas: 3, ..settings }).designs[0].needs[0].flows;
        assert!(flows.table_full * 50 < flows.tried, "{flows:?}");
    }
}

#[test]
fn a_slow_appliance_makes_connections_wait_and_time_out() {
    let slow = [(Input::ApplianceRate, 1.0 / 0.07), (Input::ApplianceLatency, 0.07)];
    for traffic in [TrafficMode::EveryRequest, TrafficMode::Sampled] {
        let settings =
            Settings { replicas: 300, horizon: Duration::from_secs(100), flows_per_need: 50, traffic, ..settings() };
        // The table of the calibration has 50 places for two seconds each; here it has room for all.
        let given = [&slow[..], &[(Input::ApplianceTable, 1e4)]].concat();
        let result = run(&[&limited(&given, None)], &settings);
        let latency = result.designs[0].needs[0].latency.unwrap();
        let known = 0.07 + 0.7 * 0.07 / 0.6;
        assert!((latency.mean_ns.value / 1e9 / known - 1.0).abs() < 0.05, "{traffic:?}: {latency:?} {known}");
        let load = result.designs[0].enforcement_load.as_ref().unwrap();
        let p50 = load.appliances[0].latency_ns_p50.unwrap();
        assert!((latency.p50_ns.value / p50 - 1.0).abs() < 0.1, "{traffic:?}: {latency:?} {p50}");
        let flows = run(&[&limited(&given, Some(100_000_000))], &settings).designs[0].needs[0].flows;
        let (slow, tried) = (flows.too_slow as f64, flows.tried as f64);
        // What waits longer than 30 ms, by Crommelin's sum for short waits.
        let known = 1.0 - 0.3 * libm::exp(10.0 * 0.03);
        assert!((slow / tried / known - 1.0).abs() < 0.1, "{traffic:?}: {slow} of {tried}, {known}");
    }
}
