//! Every request, event by event: what becomes of each, and that the cheaper mode says the same.

use seglab_policy::{
    Arrivals, Defence, Design, Draft, Mode, Monitor, Need, Patience, PointKind, Provenance, Refusal, Rule, Selector,
    Station, Takes, Transport,
};
use seglab_sim::kernel::Duration;
use seglab_sim::models::{AttackerChoice, Campaign, CampaignError, CampaignResult, Flows, Settings, TrafficMode};

use crate::company::{allow, bytes, company, everywhere, named, need, rulebook, run, sure_attacker, tcp, unit};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;

fn every_request(replicas: u32, horizon: Duration) -> Settings {
    Settings {
        replicas,
        seed: 3,
        attacker: AttackerChoice::Nobody,
        horizon,
        traffic: TrafficMode::EveryRequest,
        ..Settings::default()
    }
}

fn even(rate_per_second: f64) -> Arrivals {
    Arrivals::Even { rate_per_second }
}

fn station(name: &str, takes: Takes, servers: u32, queue: Option<u32>) -> Station {
    Station {
        name: name.to_owned(),
        on: Selector::Named(name.to_owned()),
        protocol: Transport::Tcp,
        port: 80,
        servers,
        queue,
        takes,
        blocking: false,
        provenance: Provenance::default(),
    }
}

fn exactly(ns: u64) -> Takes {
    Takes::Exactly { ns }
}

/// `a` calls `b`, which calls `c`; each of them with a station of its own, all of it allowed.
fn chain(rate: f64, stations: Vec<Station>, patience: [Patience; 2]) -> Draft {
    let hop = |from: &str, to: &str, arrivals, synchronous, patience| Need {
        arrivals,
        patience,
        ..need(named(from), named(to), tcp(80), synchronous)
    };
    Draft {
        name: "chain".to_owned(),
        units: (1u8..).zip(["a", "b", "c"]).map(|(at, name)| unit(name, [10, 0, 0, at], &[80])).collect(),
        rulebooks: vec![rulebook(vec![open("a", "b"), open("b", "c")])],
        points: vec![everywhere(PointKind::Host, Mode::Enforce)],
        needs: vec![hop("a", "b", even(rate), false, patience[0]), hop("b", "c", Arrivals::NEVER, true, patience[1])],
        stations,
        ..Draft::default()
    }
}

fn open(from: &str, to: &str) -> Rule {
    allow(named(from), named(to), tcp(80))
}

fn waits(timeout_ns: u64, retries: u32) -> Patience {
    Patience { timeout_ns: Some(timeout_ns), retries }
}

fn play(draft: Draft, settings: &Settings) -> CampaignResult {
    run(&[&Design::new(draft).unwrap()], settings)
}

fn flows(result: &CampaignResult) -> Flows {
    result.designs[0].needs[0].flows
}

const HOUR: Duration = Duration::from_hours(1);

/// No two requests meet: each takes exactly the work of both hops.
#[test]
fn alone_a_request_takes_its_work() {
    let stations =
        vec![station("b", exactly(20 * MILLISECOND), 1, None), station("c", exactly(5 * MILLISECOND), 1, None)];
    let mut draft = chain(1.0, stations, [Patience::default(); 2]);
    draft.needs[0].arrivals = Arrivals::Periodic { every_ns: SECOND, first_ns: SECOND / 2 };
    let result = play(draft, &every_request(3, HOUR));
    let flows = flows(&result);
    assert_eq!((flows.tried, flows.delivered), (3 * 3_600, 3 * 3_600));
    let latency = result.designs[0].needs[0].latency.unwrap();
    // What was under way at the start may hold up the first.
    assert!((latency.mean_ns.value / 25e6 - 1.0).abs() < 1e-4, "{latency:?}");
    assert!((latency.p50_ns.value / 25e6 - 1.0).abs() < 1e-3, "{latency:?}");
    let service = &result.designs[0].services[0];
    assert!((service.offered_load - 0.02).abs() < 1e-9);
    assert!((service.observed.unwrap().utilisation.value - 0.02).abs() < 1e-4);
}

/// What is dropped costs the time-out, as often as it is tried; what is rejected costs nothing.
#[test]
fn what_is_dropped_keeps_a_server_busy_and_what_is_rejected_does_not() {
    let refused = |refusal| {
        let mut stations = vec![station("b", exactly(0), 1_000, None), station("c", exactly(MILLISECOND), 1, None)];
        stations[0].blocking = true;
        let mut draft = chain(1.0, stations, [Patience::default(), waits(2 * SECOND, 2)]);
        draft.rulebooks[0].tiers[0].rules.pop();
        draft.points[0].refusal = refusal;
        play(draft, &every_request(20, HOUR))
    };
    let (dropped, rejected) = (refused(Refusal::Drop), refused(Refusal::Reject));
    for result in [&dropped, &rejected] {
        let flows = flows(result);
        assert!(flows.tried > 60_000 && flows.upstream == flows.tried, "{flows:?}");
        assert_eq!(result.designs[0].needs[0].latency, None, "nothing was served");
        assert_eq!(result.designs[0].services[1].observed.unwrap().requests, 0, "nothing ever arrives at c");
    }
    let occupied =
        |result: &CampaignResult| result.designs[0].services[0].observed.unwrap().utilisation.value * 1_000.0;
    // Little's law: one request a second, three attempts of two seconds each.
    assert!((occupied(&dropped) / 6.0 - 1.0).abs() < 0.02, "{}", occupied(&dropped));
    assert!(occupied(&rejected).abs() < 1e-9);
}

#[test]
fn who_waits_too_long_gives_up_and_the_work_is_done_all_the_same() {
    // Work of 50 ms at an answer within 40 ms, tried twice.
    let stations = vec![station("b", exactly(0), 1, None), station("c", exactly(50 * MILLISECOND), 1, None)];
    let result =
        play(chain(1.0, stations, [Patience::default(), waits(40 * MILLISECOND, 1)]), &every_request(20, HOUR));
    let flows = flows(&result);
    assert_eq!(flows.too_slow, flows.tried, "{flows:?}");
    let observed = result.designs[0].services[1].observed.unwrap();
    // Both attempts of each are worked on; a handful were there at the start.
    assert!(observed.requests >= 2 * flows.tried && observed.requests < 2 * flows.tried + 40, "{observed:?}");
    assert!((observed.utilisation.value / 0.1 - 1.0).abs() < 0.02, "{observed:?}");
}

#[test]
fn what_finds_no_place_is_refused_and_tried_again() {
    let stations = |queue| vec![station("b", exactly(0), 1, None), station("c", exactly(SECOND), 1, Some(queue))];
    let refused = play(chain(5.0, stations(0), [Patience::default(); 2]), &every_request(5, HOUR));
    let once = flows(&refused);
    assert_eq!(once.delivered + once.queue_full, once.tried, "{once:?}");
    // A second of work after each, then the next to come: one in 1.2 s is served of six that come.
    assert!((once.delivered as f64 / once.tried as f64 * 6.0 - 1.0).abs() < 0.03, "{once:?}");
    let again = [Patience { timeout_ns: None, retries: 3 }; 2];
    let result = play(chain(5.0, stations(0), again), &every_request(5, HOUR));
    assert_eq!(flows(&result).queue_full, flows(&result).tried - flows(&result).delivered);
    // What is refused is refused again in the same instant: four attempts by each of four.
    let observed = result.designs[0].services[1].observed.unwrap();
    assert!(observed.refused >= 15 * flows(&result).queue_full, "{observed:?}");
}

/// The quarantine of a server stops its requests from then on, in both modes alike.
#[test]
fn quarantine_stops_requests_from_then_on() {
    let mut draft = chain(1.0, Vec::new(), [waits(SECOND, 0); 2]);
    draft.points.clear();
    draft.attackers.push(sure_attacker(Selector::Named("c".to_owned())));
    draft.monitor = Some(Monitor {
        denied_alert_probability: 0.0,
        sensor_probability: 1.0,
        sensor_mean_ns: 0,
        response_mean_ns: 1_800 * SECOND,
        defence: Defence::default(),
        provenance: Provenance::default(),
    });
    let settings = Settings { attacker: AttackerChoice::First, ..every_request(300, HOUR) };
    let whole = flows(&play(draft.clone(), &settings));
    let part = flows(&play(draft, &Settings { traffic: TrafficMode::Sampled, ..settings }));
    // Half an hour until quarantine on average, in an hour.
    let expected = 1.0 - (1.0 - libm::exp(-2.0)) / 2.0;
    for flows in [whole, part] {
        let share = flows.upstream as f64 / flows.tried as f64;
        assert!((share - expected).abs() < 4.0 * 0.35 / 300f64.sqrt(), "{share} of {expected}");
        assert_eq!(flows.upstream + flows.delivered, flows.tried);
    }
}

/// A need that answers requests of one service is not opened for another of the same unit.
#[test]
fn a_need_of_a_service_is_that_of_no_other() {
    let mut draft = chain(1.0, vec![station("b", exactly(MILLISECOND), 1, None)], [Patience::default(); 2]);
    draft.needs[1].answering = Some("b".to_owned());
    draft.units[1].listeners.push(seglab_policy::Listener::port(Transport::Tcp, 22));
    draft.needs.push(need(named("a"), named("b"), tcp(22), false));
    let rules = &mut draft.rulebooks[0].tiers[0].rules;
    rules.pop();
    rules.push(allow(named("a"), named("b"), tcp(22)));
    for traffic in [TrafficMode::EveryRequest, TrafficMode::Sampled] {
        let result = play(draft.clone(), &Settings { traffic, ..every_request(5, HOUR) });
        let needs = &result.designs[0].needs;
        assert_eq!(needs[0].flows.upstream, needs[0].flows.tried, "c is out of reach");
        assert_eq!(needs[2].flows.delivered, needs[2].flows.tried, "nobody asks c on behalf of tcp/22");
    }
}

/// Requests, blocked ones and latencies do not depend on threads or on the order of simultaneous events.
#[test]
fn the_same_on_any_number_of_threads_and_in_any_order_of_ties() {
    let exponential = |ms| Takes::Exponential { mean_ns: ms * MILLISECOND };
    let stations = vec![station("b", exponential(20), 1, Some(9)), station("c", exponential(15), 2, None)];
    let design = Design::new(chain(30.0, stations, [waits(300 * MILLISECOND, 1); 2])).unwrap();
    let settings = every_request(8, HOUR);
    let one = bytes(&Campaign::run(&[&design], &settings).unwrap());
    let threads = std::num::NonZeroUsize::new(3).unwrap();
    assert!(one == bytes(&Campaign::run(&[&design], &Settings { threads, ..settings.clone() }).unwrap()));
    assert!(one == bytes(&Campaign::run(&[&design], &Settings { shuffle_ties: true, ..settings }).unwrap()));
}

#[test]
fn a_budget_of_events_ends_a_replica() {
    let settings = Settings { events_max: 100, ..every_request(1, HOUR) };
    let design = Design::new(chain(1.0, Vec::new(), [Patience::default(); 2])).unwrap();
    assert!(matches!(Campaign::run(&[&design], &settings), Err(CampaignError::Run { .. })));
}

#[test]
fn services_that_cannot_answer_are_errors() {
    for bad in [
        station("b", exactly(1), 0, None),
        station("b", Takes::Lognormal { median_ns: 1, sigma: -1.0 }, 1, None),
        station("b", Takes::Pareto { least_ns: 1, tail: 1.0 }, 1, None),
    ] {
        let design = Design::new(chain(1.0, vec![bad], [Patience::default(); 2])).unwrap();
        let error = Campaign::prepare(&[&design], &every_request(1, HOUR)).err();
        assert!(matches!(error, Some(CampaignError::Station { .. })), "{error:?}");
    }
    for arrivals in [
        Arrivals::Periodic { every_ns: 0, first_ns: 0 },
        Arrivals::Bursts { rate_per_second: 1.0, length_ns: 0, pause_ns: 1 },
        Arrivals::Daily { rate_per_second: 1.0, swing: 1.5, peak_ns: 0 },
    ] {
        let mut draft = chain(1.0, Vec::new(), [Patience::default(); 2]);
        draft.needs[0].arrivals = arrivals;
        let design = Design::new(draft).unwrap();
        let error = Campaign::prepare(&[&design], &every_request(1, HOUR)).err();
        assert!(matches!(error, Some(CampaignError::NeedRate { .. })), "{error:?}");
    }
}

/// A company of 204 units for 30 days, of which one application lost a rule and an attacker costs some units: both modes
/// say the same of every need.
#[test]
fn both_modes_agree_on_a_company_for_a_month() {
    const APPLICATIONS: u16 = 34;
    let mut draft = company(APPLICATIONS, true).to_draft();
    let minute = 60 * SECOND;
    for (at, need) in draft.needs.iter_mut().enumerate() {
        // A request of the internet every ten minutes, and some calls by the servers of their own accord.
        need.arrivals = match at % 3 {
            0 if at % 2 == 0 => even(1.0 / 600.0),
            0 => Arrivals::Daily { rate_per_second: 1.0 / 600.0, swing: 0.8, peak_ns: 14 * 60 * minute },
            1 => even(1.0 / 1_200.0),
            _ => Arrivals::Periodic { every_ns: 1_440 * minute, first_ns: 120 * minute },
        };
        need.patience = waits(30 * minute, 0);
    }
    // The third application's servers no longer reach their database.
    draft.rulebooks[0].tiers[0].rules.remove(8);
    for (label, servers, queue) in [("web", 1, Some(1)), ("app", 2, None), ("db", 1, None)] {
        for number in 0..APPLICATIONS {
            let port = match label {
                "web" => 443,
                "app" => 8080,
                _ => 5432,
            };
            let name = format!("{label}-{number:05}");
            let (on, takes) = (Selector::label("app", &name), Takes::Exponential { mean_ns: 2 * minute });
            draft.stations.push(Station { name, on, port, ..station("", takes, servers, queue) });
        }
    }
    let design = Design::new(draft).unwrap();
    let settings = Settings {
        attacker: AttackerChoice::First,
        threads: std::num::NonZeroUsize::new(2).unwrap(),
        flows_per_need: 500,
        ..every_request(8, Duration::from_days(30))
    };
    let whole = Campaign::run(&[&design], &settings).unwrap();
    let part = Campaign::run(&[&design], &Settings { traffic: TrafficMode::Sampled, ..settings }).unwrap();
    let (whole, part) = (&whole.designs[0], &part.designs[0]);
    assert!(whole.needs.iter().map(|need| need.flows.tried).sum::<u64>() > 2_000_000);
    for (at, (every, some)) in whole.needs.iter().zip(&part.needs).enumerate() {
        let tried = some.flows.tried as f64 * some.one_in;
        assert!(
            (every.flows.tried as f64 / tried - 1.0).abs() < 4.5 / (some.flows.tried as f64).sqrt() + 0.01,
            "{at}: {} {tried}",
            every.flows.tried
        );
        for (what, of) in [
            ("denied", (|flows| flows.denied) as fn(&Flows) -> u64),
            ("upstream", |flows| flows.upstream),
            ("quarantined", |flows| flows.quarantined),
            ("full", |flows| flows.queue_full),
            ("slow", |flows| flows.too_slow),
            ("delivered", |flows| flows.delivered),
        ] {
            let (one, other) =
                (of(&every.flows) as f64 / every.flows.tried as f64, of(&some.flows) as f64 / some.flows.tried as f64);
            // Flows of a replica share its quarantines, which are the same in both modes. The rest is of the sample.
            let error = (one * (1.0 - one) / some.flows.tried as f64).sqrt();
            assert!(
                (one - other).abs() < 4.5 * error + 0.005,
                "need {at}, {what}: {one} of all, {other} of the sample"
            );
        }
        // Jobs that start all at once queue up more than rates say, and so do requests at the height of the day.
        if at % 3 != 1 && at % 6 != 0 {
            continue;
        }
        assert_eq!(every.latency.is_some(), some.latency.is_some(), "need {at}");
        if let (Some(one), Some(other)) = (every.latency, some.latency) {
            let (one, other) = (one.mean_ns, other.mean_ns);
            let error = (other.interval.high - other.value) / 2.0;
            assert!((one.value - other.value).abs() < 4.5 * error + 0.02 * one.value, "need {at}: {one:?} {other:?}");
        }
    }
    let blocked = |result: &seglab_sim::models::DesignResult| {
        result.needs.iter().map(|need| need.flows.denied).filter(|denied| *denied > 0).count()
    };
    assert_eq!((blocked(whole), blocked(part)), (1, 1));
}
