//! What a comparison hangs on.

use super::company::{sure_attacker, unit, vulnerability};
use seglab_policy::{Attacker, Defence, Design, Draft, Login, Monitor, Provenance, Selector, Transport, Unit};
use seglab_sim::kernel::Duration;
use seglab_sim::models::sensitivity::{Change, Outcome, Parameter, Range, Sensitivity};
use seglab_sim::models::{CampaignError, Detection, Settings};

const SERVERS: u8 = 20;

/// A laptop with a key, and servers that it reaches.
fn design(name: &str, server: impl Fn(Unit) -> Unit, monitor: Option<Monitor>) -> Design {
    let mut units = vec![Unit { credentials: vec!["key".to_owned()], ..unit("laptop", [10, 0, 0, 1], &[]) }];
    units.extend((0..SERVERS).map(|at| server(unit(&format!("server-{at}"), [10, 0, 1, at], &[443]))));
    let attackers = vec![Attacker { exploit_probability: 0.5, ..sure_attacker(Selector::Named("laptop".to_owned())) }];
    Design::new(Draft { name: name.to_owned(), units, attackers, monitor, ..Draft::default() }).unwrap()
}

/// Servers that fall to an exploit.
fn weak(name: &str, monitor: Option<Monitor>) -> Design {
    design(name, |server| Unit { vulnerabilities: vec![vulnerability(443)], ..server }, monitor)
}

/// Servers that take the laptop's key.
fn shared_key() -> Design {
    let login = Login { credential: "key".to_owned(), protocol: Transport::Tcp, port: 443 };
    design("shared key", move |server| Unit { logins: vec![login.clone()], ..server }, None)
}

/// Long enough for a worm that always works to have a handful of servers, and too short for all.
fn settings() -> Settings {
    Settings { replicas: 200, horizon: Duration::from_secs(360), ..Settings::default() }
}

fn range(parameter: Parameter, low: f64, high: f64) -> Range {
    Range { parameter, ends: [low, high] }
}

fn change_of(outcome: &Outcome) -> (Option<Parameter>, Option<f64>) {
    match outcome.change {
        Change::Parameter { parameter, value } => (Some(parameter), Some(value)),
        Change::None | Change::Detection(_) => (None, None),
    }
}

#[test]
fn a_ranking_that_hangs_on_a_number_flips_with_it() {
    let (weak, shared) = (weak("weak", None), shared_key());
    let logins = [Parameter::LoginProbability, Parameter::ExploitProbability];
    let ranges = logins.map(|parameter| range(parameter, 0.05, 0.95));
    let result = Sensitivity::run(&[&weak, &shared], &settings(), &ranges).unwrap();
    let declared = &result.outcomes[0].designs[1];
    assert!(declared.difference.unwrap().interval.low > 0.0, "every login works, and one exploit in two: {declared:?}");
    let flips = result.outcomes.iter().filter(|outcome| outcome.designs[1].flips).map(change_of);
    let few_logins = (Some(Parameter::LoginProbability), Some(0.05));
    assert!(flips.clone().any(|change| change == few_logins), "{:?}", flips.collect::<Vec<_>>());
    assert!(
        result.outcomes.iter().all(|outcome| !outcome.designs[0].flips),
        "the first is never on its own other side"
    );
}

#[test]
fn the_range_that_moves_most_comes_first_and_one_that_moves_nothing_last() {
    let (weak, shared) = (weak("weak", None), shared_key());
    let ranges = [
        range(Parameter::LoginMean, 0.0, 1.0),
        range(Parameter::ExploitProbability, 0.4, 0.6),
        range(Parameter::LoginProbability, 0.01, 1.0),
    ];
    let result = Sensitivity::run(&[&weak, &shared], &settings(), &ranges).unwrap();
    let order: Vec<_> = result.outcomes.iter().filter_map(|outcome| change_of(outcome).0).collect();
    let [logins, exploits, mean] = [Parameter::LoginProbability, Parameter::ExploitProbability, Parameter::LoginMean];
    assert_eq!(order, [logins, logins, exploits, exploits, mean, mean]);
    let of = |outcome: &Outcome| outcome.designs.iter().map(|design| design.compromised).collect::<Vec<_>>();
    let (first, last) = (of(&result.outcomes[0]), of(result.outcomes.last().unwrap()));
    assert_eq!(first, last, "a nanosecond more for a login changes nothing");
}

#[test]
fn less_detection_is_told_apart() {
    let hour_ns = 3_600_000_000_000;
    let monitor = Monitor {
        denied_alert_probability: 1.0,
        sensor_probability: 1.0,
        sensor_mean_ns: hour_ns / 60,
        response_mean_ns: hour_ns / 60,
        defence: Defence::default(),
        provenance: Provenance::default(),
    };
    let (watched, blind) = (weak("watched", Some(monitor)), weak("blind", None));
    let result = Sensitivity::run(&[&blind, &watched], &settings(), &[]).unwrap();
    let changes: Vec<Change> = result.outcomes.iter().map(|outcome| outcome.change).collect();
    let less = [Detection::SensorOnly, Detection::Off].map(Change::Detection);
    assert_eq!(changes, [Change::None, less[0], less[1]]);
    let ratio = |at: usize| result.outcomes[at].designs[1].ratio;
    assert!(ratio(0) < 0.9, "{}", ratio(0));
    assert!((ratio(2) - 1.0).abs() < 1e-12, "without detection nobody watches: {}", ratio(2));
}

#[test]
fn what_cannot_be_varied_is_refused() {
    let design = weak("weak", None);
    let run = |settings: &Settings, ranges: &[Range]| Sensitivity::run(&[&design, &design], settings, ranges);
    let response = [range(Parameter::Response, 1.0, 2.0)];
    assert_eq!(run(&settings(), &response), Err(CampaignError::NothingToVary("response")));
    let one = Settings { replicas: 1, ..settings() };
    assert_eq!(run(&one, &[]), Err(CampaignError::OneReplica));
    let never = [range(Parameter::ScanRate, 0.0, 1.0)];
    assert!(matches!(run(&settings(), &never), Err(CampaignError::ScanRate { .. })));
}
