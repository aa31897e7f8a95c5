//! Traffic: which needs a design breaks, by what, and how often.

use seglab_policy::{
    Arrivals, Defence, Design, Draft, Mode, Monitor, Need, Peer, PointKind, Provenance, Rule, Selector, Service,
    Transport,
};
use seglab_sim::kernel::Duration;
use seglab_sim::models::{AttackerChoice, Campaign, CampaignError, Flows, Settings};

use crate::company::{allow, company, everywhere, named, need, rulebook, run, sure_attacker, tcp, unit};

fn quiet(replicas: u32) -> Settings {
    Settings {
        replicas,
        seed: 7,
        attacker: AttackerChoice::Nobody,
        horizon: Duration::from_days(1),
        ..Settings::default()
    }
}

/// Units `a` to `d` that listen on 80, one of them under the name `http`, with these rules and needs.
fn design(rules: Vec<Rule>, needs: Vec<Need>) -> Draft {
    let mut units: Vec<_> =
        (1u8..).zip(["a", "b", "c", "d"]).map(|(at, name)| unit(name, [10, 0, 0, at], &[80])).collect();
    units[1].listeners[0].name = Some("http".to_owned());
    Draft {
        name: "small".to_owned(),
        units,
        rulebooks: vec![rulebook(rules)],
        points: vec![everywhere(PointKind::Host, Mode::Enforce)],
        needs,
        ..Draft::default()
    }
}

fn even(rate_per_second: f64) -> Arrivals {
    Arrivals::Even { rate_per_second }
}

/// The flows of every need, all replicas together.
fn flows(draft: Draft, settings: &Settings) -> Vec<Flows> {
    let design = Design::new(draft).unwrap();
    let result = run(&[&design], settings);
    result.designs[0].needs.iter().map(|need| need.flows).collect()
}

#[test]
fn what_policy_denies_is_broken() {
    let any = || Peer::Units(Selector::Everything);
    let rules = vec![allow(named("a"), any(), tcp(80)), allow(Peer::internet(), named("b"), tcp(80))];
    let needs = vec![
        need(named("a"), named("b"), tcp(80), false),
        need(named("b"), named("a"), tcp(80), false),
        need(named("a"), named("b"), tcp(81), false),
        need(Peer::internet(), named("b"), tcp(80), false),
        need(Peer::internet(), named("c"), tcp(80), false),
        need(named("a"), Peer::external(), tcp(80), false),
        need(named("a"), named("b"), Service::NamedPort { protocol: None, name: "http".to_owned() }, false),
        need(named("a"), named("c"), Service::NamedPort { protocol: None, name: "http".to_owned() }, false),
        need(named("a"), Peer::Unmodelled("a cloud".to_owned()), tcp(80), false),
        need(named("nobody"), named("b"), tcp(80), false),
    ];
    let flows = flows(design(rules, needs), &quiet(100));
    let whole = |at: usize, part: fn(&Flows) -> u64| {
        let flows = flows[at];
        assert!(flows.tried > 1_000, "{at}: {flows:?}");
        assert_eq!(part(&flows), flows.tried, "{at}: {flows:?}");
    };
    for (at, part) in [(|f: &Flows| f.delivered) as fn(&Flows) -> u64, |f| f.denied, |f| f.denied, |f| f.delivered]
        .into_iter()
        .enumerate()
    {
        whole(at, part);
    }
    for (at, part) in [
        (4, (|f: &Flows| f.denied) as fn(&Flows) -> u64),
        (5, |f| f.denied),
        (6, |f| f.delivered),
        (7, |f| f.denied),
        (8, |f| f.unknown),
    ] {
        whole(at, part);
    }
    assert_eq!(flows[9].tried, 0, "nobody opens a flow");
}

/// `a` may speak to `b` and `c` and not to `d`; its flows go to all three, one as often as the other, and never to `a`.
#[test]
fn shares_are_those_of_destinations() {
    let rules = vec![allow(named("a"), named("b"), tcp(80)), allow(named("a"), named("c"), tcp(80))];
    let needs = vec![need(named("a"), Peer::Units(Selector::Everything), tcp(80), false)];
    let flows = flows(design(rules, needs), &quiet(300))[0];
    let (share, error) = (flows.denied as f64 / flows.tried as f64, (2.0 / 9.0 / flows.tried as f64).sqrt());
    assert!((share - 1.0 / 3.0).abs() < 4.0 * error, "{share} ± {error}");
    assert_eq!(flows.denied + flows.delivered, flows.tried);
    // 20 expected in each of 300 replicas, Poisson.
    assert!((flows.tried as f64 - 6_000.0).abs() < 4.0 * 6_000f64.sqrt(), "{flows:?}");
}

#[test]
fn a_rare_need_is_watched_whole_and_a_frequent_one_in_part() {
    let rare = Need { arrivals: even(5.0 / 86_400.0), ..need(named("a"), named("b"), tcp(80), false) };
    let frequent = Need { arrivals: even(10.0), ..rare.clone() };
    let never = Need { arrivals: even(0.0), ..rare.clone() };
    let design = Design::new(design(Vec::new(), vec![rare, frequent, never])).unwrap();
    let result = run(&[&design], &quiet(400));
    let needs = &result.designs[0].needs;
    assert_eq!((needs[0].one_in, needs[1].one_in, needs[2].flows.tried), (1.0, 864_000.0 / 20.0, 0));
    assert!((needs[0].flows.tried as f64 - 2_000.0).abs() < 4.0 * 2_000f64.sqrt());
}

#[test]
fn a_unit_that_waits_in_vain_answers_nobody() {
    let all = |from: &str, to: &str| allow(named(from), named(to), tcp(80));
    let chain = |waits: bool| {
        vec![
            need(named("a"), named("b"), tcp(80), true),
            need(named("b"), named("c"), tcp(80), waits),
            need(named("c"), named("d"), tcp(80), true),
        ]
    };
    // The last hop is denied.
    let rules = || vec![all("a", "b"), all("b", "c")];
    let broken = flows(design(rules(), chain(true)), &quiet(50));
    assert!(broken[0].tried > 500 && broken[0].upstream == broken[0].tried, "{broken:?}");
    assert!(broken[1].upstream == broken[1].tried && broken[2].denied == broken[2].tried, "{broken:?}");
    let patient = flows(design(rules(), chain(false)), &quiet(50));
    assert!(patient[0].delivered == patient[0].tried, "b does not wait: {patient:?}");
    let mut open = rules();
    open.push(all("c", "d"));
    let whole = flows(design(open, chain(true)), &quiet(50));
    assert!(whole.iter().all(|flows| flows.delivered == flows.tried), "{whole:?}");
}

#[test]
fn a_cycle_of_synchronous_needs_is_an_error() {
    let circle = |synchronous| {
        vec![
            need(named("a"), named("b"), tcp(80), true),
            need(named("b"), named("c"), tcp(80), true),
            need(named("c"), named("b"), tcp(80), synchronous),
        ]
    };
    let prepare = |needs| Campaign::prepare(&[&Design::new(design(Vec::new(), needs)).unwrap()], &quiet(1)).err();
    let error = prepare(circle(true)).unwrap();
    let CampaignError::SynchronousCycle { cycle, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*cycle, ["b", "c"]);
    assert!(error.to_string().contains("b waits for c waits for itself"), "{error}");
    assert_eq!(prepare(circle(false)), None);
    let own = vec![need(named("a"), named("a"), tcp(80), true)];
    assert_eq!(prepare(own), None, "a unit that calls itself does not wait for another");
}

/// A tree of requests that doubles at every level has more leaves than anyone simulates.
#[test]
fn a_flow_that_sets_off_too_many_others_is_an_error() {
    let names: Vec<String> = (0..14).map(|at| format!("n{at:02}")).collect();
    let units = (1u8..).zip(&names).map(|(at, name)| unit(name, [10, 0, 0, at], &[80])).collect();
    let hops = names
        .windows(2)
        .flat_map(|pair| (0..2).map(|_| need(named(&pair[0]), named(&pair[1]), tcp(80), true)).collect::<Vec<_>>());
    let design = Design::new(Draft { units, needs: hops.collect(), ..Draft::default() }).unwrap();
    assert!(matches!(Campaign::run(&[&design], &quiet(3)), Err(CampaignError::FlowTree { most: 1_000, .. })));
}

#[test]
fn quarantine_breaks_flows_of_both_ends_from_then_on() {
    let needs = vec![
        need(named("a"), named("b"), tcp(80), false),
        need(named("b"), named("a"), tcp(80), false),
        need(named("b"), named("c"), tcp(80), false),
    ];
    let mut draft = design(Vec::new(), needs);
    draft.points.clear();
    draft.attackers.push(sure_attacker(Selector::Named("a".to_owned())));
    draft.monitor = Some(Monitor {
        denied_alert_probability: 0.0,
        sensor_probability: 1.0,
        sensor_mean_ns: 0,
        response_mean_ns: 43_200_000_000_000,
        defence: Defence::default(),
        provenance: Provenance::default(),
    });
    let settings = Settings { attacker: AttackerChoice::First, ..quiet(400) };
    let flows = flows(draft, &settings);
    // Half a day until quarantine on average, in a day: a share 1 - (1 - e^-2) / 2 of the time lies after it.
    let expected = 1.0 - (1.0 - libm::exp(-2.0)) / 2.0;
    for flows in &flows[..2] {
        let share = flows.quarantined as f64 / flows.tried as f64;
        // Flows of one replica share its quarantine, so the error is that of 400 times, not of 8,000 flows.
        assert!((share - expected).abs() < 4.0 * 0.35 / 20.0, "{share} of {expected}");
    }
    assert_eq!(flows[2].broken(), 0);
}

#[test]
fn traffic_and_attack_are_apart() {
    let design = company(5, true);
    let no_attacker = {
        let mut draft = design.to_draft();
        draft.attackers.clear();
        draft.monitor = None;
        Design::new(draft).unwrap()
    };
    let alone = run(&[&no_attacker], &quiet(30));
    assert_eq!(alone.designs[0].attacker, None);
    assert!(alone.designs[0].needs.iter().all(|need| need.flows.delivered == need.flows.tried));
    assert_eq!(alone.designs[0].compromised.quantile(1.0), Some(0));
    let attacked = Settings { attacker: AttackerChoice::First, ..quiet(30) };
    let both = run(&[&design], &attacked);
    let attack = run(&[&design], &Settings { flows_per_need: 0, ..attacked });
    let course = |result: &seglab_sim::models::CampaignResult| {
        result.designs[0].replicas.iter().map(|replica| replica.course.clone()).collect::<Vec<_>>()
    };
    assert_eq!(course(&both), course(&attack));
    assert!(attack.designs[0].needs.iter().all(|need| need.flows.tried == 0));
    let tried = |result: &seglab_sim::models::CampaignResult| {
        result.designs[0].needs.iter().map(|need| need.flows.tried).collect::<Vec<_>>()
    };
    assert_eq!(tried(&both), tried(&alone), "the same flows, whoever attacks");
}

#[test]
fn rates_that_are_none_are_errors() {
    for rate in [-1.0, f64::NAN, f64::INFINITY] {
        let bad = Need { arrivals: even(rate), ..need(named("a"), named("b"), tcp(80), false) };
        let design = Design::new(design(Vec::new(), vec![bad])).unwrap();
        assert!(matches!(Campaign::prepare(&[&design], &quiet(1)), Err(CampaignError::NeedRate { .. })), "{rate}");
    }
}

/// A service that goes from low source ports only is used from those; one that says nothing, from 1024 on.
#[test]
fn source_ports_are_ephemeral_unless_the_service_says_otherwise() {
    let from = |first, last| Service::Ports {
        protocol: Transport::Tcp,
        ports: seglab_policy::IntervalSet::single(80),
        source_ports: seglab_policy::IntervalSet::from_ranges([(first, last)]),
    };
    let rules = vec![allow(named("a"), named("b"), from(1024, u16::MAX)), allow(named("a"), named("c"), from(0, 1023))];
    let needs = vec![
        need(named("a"), named("b"), tcp(80), false),
        need(named("a"), named("c"), tcp(80), false),
        need(named("a"), named("c"), from(500, 600), false),
    ];
    let flows = flows(design(rules, needs), &quiet(50));
    assert!(flows.iter().all(|flows| flows.tried > 500));
    assert_eq!([flows[0].denied, flows[2].denied], [0, 0]);
    assert_eq!(flows[1].denied, flows[1].tried);
}
