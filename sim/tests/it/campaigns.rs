//! Campaigns: repeatable, paired, and right where the answer is known.

use std::num::{NonZeroU32, NonZeroUsize};

use seglab_policy::{
    Attacker, Defence, Design, Draft, Header, Interface, IntervalSet, Mode, Monitor, PointKind, Provenance, Selector,
    Service, Transport,
};
use seglab_sim::kernel::statistics::{Fate, Precision};
use seglab_sim::kernel::{Duration, Time};
use seglab_sim::models::{AttackerChoice, Campaign, CampaignError, Detection, Search, Settings, TraceAction};

use crate::company::{
    allow, bytes, company, everywhere, named, rulebook, run, sure_attacker, tcp, unit, vulnerability,
};

fn settings(replicas: u32) -> Settings {
    Settings { replicas, seed: 20_260_101, horizon: Duration::from_days(3), ..Settings::default() }
}

fn variant(design: &Design, change: impl FnOnce(&mut Draft)) -> Design {
    let mut draft = design.to_draft();
    change(&mut draft);
    Design::new(draft).unwrap()
}

#[test]
fn threads_do_not_change_a_byte() {
    let designs = [company(10, false), company(10, true)];
    let designs = [&designs[0], &designs[1]];
    let one = run(&designs, &settings(60));
    for threads in [2, 3] {
        let settings = Settings { threads: NonZeroUsize::new(threads).unwrap(), ..settings(60) };
        assert!(bytes(&run(&designs, &settings)) == bytes(&one), "seed {}, {threads} threads", settings.seed);
    }
    let other = run(&designs, &Settings { seed: 2, ..settings(60) });
    assert!(bytes(&other) != bytes(&one), "another seed is another experiment");
}

/// A campaign that stops by itself is the campaign of as many replicas, on any number of threads.
#[test]
fn a_campaign_stops_when_it_knows_enough() {
    let designs = [company(3, false), company(3, true)];
    let designs = [&designs[0], &designs[1]];
    let asked = Precision::new(0.06).unwrap();
    let stopping = Settings { precision: Some(asked), ..settings(5_000) };
    let mut result = run(&designs, &stopping);
    let reached = result.scope.precision.take().unwrap();
    assert_eq!((reached.met, reached.replicas_max), (true, 5_000));
    let replicas = result.scope.replicas;
    assert!((100..1_000).contains(&replicas), "{replicas}");
    assert!(bytes(&result) == bytes(&run(&designs, &settings(replicas))));
    for design in &result.designs {
        let chance = design.first_critical.curve().proportion_at(Duration::from_days(3).after_start()).unwrap();
        assert!(asked.is_met(&chance), "{chance:?}");
    }
    let threads = NonZeroUsize::new(3).unwrap();
    assert_eq!(run(&designs, &Settings { threads, ..stopping.clone() }).scope.replicas, replicas);
    // Where the most is not enough, it says so.
    let short = run(&designs, &Settings { replicas: 50, ..stopping.clone() }).scope;
    assert_eq!((short.replicas, short.precision.map(|reached| reached.met)), (50, Some(false)));
    let nobody = Settings { attacker: AttackerChoice::Nobody, ..stopping };
    assert_eq!(Campaign::prepare(&designs, &nobody).err(), Some(CampaignError::NothingToKnow));
}

#[test]
fn no_result_hangs_on_the_order_of_simultaneous_events() {
    let designs = [company(10, false), company(10, true)];
    let designs = [&designs[0], &designs[1]];
    let shuffled = Settings { shuffle_ties: true, ..settings(60) };
    assert!(bytes(&run(&designs, &shuffled)) == bytes(&run(&designs, &settings(60))));
}

/// Where a unit falls and its attacker is quarantined in one instant, it is the order that says whether it falls.
#[test]
fn shuffled_ties_show_what_hangs_on_their_order() {
    let at_once = variant(&company(1, true), |draft| {
        draft.attackers = vec![sure_attacker(Selector::label("tier", "web"))];
        let monitor = draft.monitor.as_mut().unwrap();
        (monitor.denied_alert_probability, monitor.response_mean_ns) = (1.0, 0);
    });
    let exhaustive = Settings { search: Search::EveryService, ..settings(60) };
    let shuffled = Settings { shuffle_ties: true, ..exhaustive.clone() };
    assert!(bytes(&run(&[&at_once], &shuffled)) != bytes(&run(&[&at_once], &exhaustive)));
}

#[test]
fn a_replica_replays_alone() {
    let design = company(10, true);
    let campaign = Campaign::prepare(&[&design], &settings(20)).unwrap();
    let results = campaign.results().unwrap();
    for number in [19, 0, 7] {
        let (replica, trace) = campaign.trace(0, number).unwrap();
        assert_eq!(replica, results.designs[0].replicas[number as usize]);
        let taken = trace.iter().filter(|entry| matches!(entry.action, TraceAction::Taken { .. })).count();
        assert_eq!(taken as u64, replica.compromised());
        let attempts = trace.iter().filter(|entry| matches!(entry.action, TraceAction::Attempt { .. })).count();
        assert_eq!(attempts as u64, replica.attempts.made);
    }
    assert!(matches!(campaign.trace(0, 20), Err(CampaignError::NoSuchReplica { .. })));
    assert!(matches!(campaign.trace(1, 0), Err(CampaignError::NoSuchReplica { .. })));
}

/// A unit that no path connects to the others, with everything that might disturb a draw: a name that sorts first, a
/// vulnerability, a credential that others take, a port that nobody else has, criticality.
fn hermit() -> seglab_policy::Unit {
    let mut hermit = unit("aaa-hermit", [10, 0, 0, 10], &[22, 443, 4444]);
    hermit.vulnerabilities.push(vulnerability(443));
    hermit.credentials.push("password-0".to_owned());
    hermit.interfaces =
        hermit.interfaces.into_iter().map(|own| Interface { space: "hermitage".to_owned(), ..own }).collect();
    hermit
}

#[test]
fn a_design_against_itself_and_against_itself_plus_an_unconnected_unit() {
    for segmented in [false, true] {
        let design = company(10, segmented);
        let and_hermit = variant(&design, |draft| draft.units.push(hermit()));
        let result = run(&[&design, &design, &and_hermit], &settings(200));
        assert_eq!(result.differences.len(), 2);
        for (difference, other) in result.differences.iter().zip(&result.designs[1..]) {
            assert!(difference.is_zero(), "seed {}: {difference:?}", settings(200).seed);
            assert_eq!(difference.compromised.pairs().len(), 200);
            // Not only do the numbers not differ: nothing that happened does.
            assert!(result.designs[0].replicas == other.replicas);
        }
        assert!(result.designs[0].compromised.quantile(1.0) > Some(1), "something happens at all");
        let alone = run(&[&and_hermit], &settings(200));
        assert!(alone.designs[0] == result.designs[2], "who else is compared is of no account");
    }
}

/// In one address space with the others, a unit that nobody may speak to is scanned and may raise alerts, as a trap
/// would. It still draws nothing for anybody else.
#[test]
fn a_unit_that_everything_is_denied_to_changes_no_other_units_fate() {
    let design = company(10, true);
    let and_trap = variant(&design, |draft| {
        let mut trap = unit("aaa-trap", [10, 99, 0, 1], &[22, 443]);
        trap.vulnerabilities.push(vulnerability(443));
        draft.units.push(trap);
    });
    let settings = Settings { detection: Detection::SensorOnly, ..settings(200) };
    let result = run(&[&design, &and_trap], &settings);
    assert!(result.differences[0].is_zero(), "seed {}", settings.seed);
    assert!(result.designs[1].attempts.denied > result.designs[0].attempts.denied, "the trap is scanned");
    let full = run(&[&design, &and_trap], &Settings { detection: Detection::Full, ..settings });
    assert!(!full.differences[0].is_zero(), "an alert is an effect");
}

#[test]
fn segmentation_shows_in_paired_differences() {
    let (flat, segmented) = (company(10, false), company(10, true));
    let result = run(&[&flat, &segmented], &settings(200));
    let pairs = result.differences[0].compromised.pairs();
    assert!(pairs.iter().all(|(flat, segmented)| segmented <= flat), "seed {}", settings(200).seed);
    assert!(pairs.iter().filter(|(flat, segmented)| segmented < flat).count() > 150);
    assert_eq!(result.designs[0].attempts.denied, 0);
    let attempts = result.designs[1].attempts;
    assert!(attempts.denied * 5 > attempts.made, "targets are not chosen by what policy allows");
    for point in result.designs.iter().flat_map(|design| &design.course) {
        assert!(point.q05 <= point.q50 && point.q50 <= point.q95 && point.mean >= 1.0);
    }
    let last = result.designs[0].course.last().unwrap();
    assert_eq!(Some(last.q50), result.designs[0].compromised.quantile(0.5));
}

#[test]
fn detection_is_three_questions() {
    let design = company(10, true);
    let alerts = |detection| {
        let result = run(&[&design], &Settings { detection, ..settings(200) });
        let replicas = &result.designs[0].replicas;
        let sum = |of: fn(&seglab_sim::models::Alerts) -> u64| replicas.iter().map(|r| of(&r.alerts)).sum::<u64>();
        let mean = replicas.iter().map(seglab_sim::models::Replica::compromised).sum::<u64>();
        (sum(|alerts| alerts.denials), sum(|alerts| alerts.sensor), mean)
    };
    let (off, sensor, full) = (alerts(Detection::Off), alerts(Detection::SensorOnly), alerts(Detection::Full));
    assert_eq!((off.0, off.1, sensor.0), (0, 0, 0));
    assert!(sensor.1 > 0 && full.0 > 0 && full.1 > 0);
    assert!(off.2 > sensor.2 && sensor.2 > full.2, "{off:?} {sensor:?} {full:?}");
    let unwatched = variant(&design, |draft| draft.monitor = None);
    let blind = run(&[&unwatched], &settings(50));
    assert!(!blind.designs[0].monitored && blind.designs[0].alerts.quantile(1.0) == Some(0));
}

#[test]
fn a_point_in_alert_mode_reports_and_lets_through() {
    let flat = company(5, false);
    let alerting = variant(&company(5, true), |draft| {
        // Host points, for an owned unit's own agent reports nothing any more.
        draft.points = vec![everywhere(PointKind::Host, Mode::Alert)];
    });
    let listening = variant(&alerting, |draft| draft.points[0].mode = Mode::Listen);
    let result = run(&[&flat, &alerting, &listening], &settings(100));
    let denials = |at: usize| result.designs[at].replicas.iter().map(|r| r.alerts.denials).sum::<u64>();
    assert_eq!((denials(0), denials(2)), (0, 0));
    assert!(denials(1) > 100);
    assert_eq!(result.designs[1].attempts.denied, 0, "it stops nothing");
    assert!(result.differences[1].is_zero(), "a point that only listens is as good as none");
}

/// Units `u0` to `u{h}`, of which each may only speak to the next, on one port, with weak services everywhere.
fn chain(hops: u8) -> Draft {
    let name = |at: u8| format!("u{at}");
    let units = (0..=hops).map(|at| {
        let mut held = unit(&name(at), [10, 0, 0, at + 1], &[80]);
        held.vulnerabilities.push(vulnerability(80));
        held.criticality = u32::from(at == hops);
        held
    });
    let rules = (0..hops).map(|at| allow(named(&name(at)), named(&name(at + 1)), tcp(80)));
    Draft {
        name: "chain".to_owned(),
        units: units.collect(),
        rulebooks: vec![rulebook(rules.collect())],
        points: vec![everywhere(PointKind::Host, Mode::Enforce)],
        attackers: vec![sure_attacker(Selector::Named("u0".to_owned()))],
        ..Draft::default()
    }
}

/// Asserts that a share is within four standard errors of the one expected.
fn assert_share(events: usize, trials: usize, expected: f64, what: &str) {
    let share = events as f64 / trials as f64;
    let error = (expected * (1.0 - expected) / trials as f64).sqrt();
    assert!((share - expected).abs() < 4.0 * error, "{what}: {share} of {expected} ± {error}");
}

const ADDRESSES: u32 = 1_000;

fn known(replicas: u32) -> Settings {
    Settings {
        scanned_addresses: NonZeroU32::new(ADDRESSES),
        horizon: Duration::from_days(30),
        flows_per_need: 0,
        ..settings(replicas)
    }
}

/// The time through a chain of h hops is Erlang: the sum of h exponential times of 1,000 s.
#[test]
fn a_chain_is_erlang() {
    let design = Design::new(chain(3)).unwrap();
    let result = run(&[&design], &known(8_000));
    let critical = &result.designs[0].critical[0];
    assert_eq!(critical.unit, "u3");
    for (seconds, means) in [(1_000, 1.0), (3_000, 3.0f64), (6_000, 6.0)] {
        let expected = 1.0 - libm::exp(-means) * (1.0 + means + means * means / 2.0);
        let taken = critical.incidence.curve().proportion_at(Duration::from_secs(seconds).after_start()).unwrap();
        assert_share(taken.events() as usize, taken.trials() as usize, expected, "Erlang");
    }
}

/// In a chain racing quarantine each hop is won with the probability λp / (λp + δ): here λ = 1/1000, p = 0.5 and
/// δ = 1/2000 to be noticed for sure, with no time to respond.
#[test]
fn a_chain_races_quarantine() {
    let mut draft = chain(2);
    draft.attackers[0].exploit_probability = 0.5;
    draft.monitor = Some(Monitor {
        denied_alert_probability: 0.0,
        sensor_probability: 1.0,
        sensor_mean_ns: 2_000_000_000_000,
        response_mean_ns: 0,
        defence: Defence::default(),
        provenance: Provenance::default(),
    });
    let design = Design::new(draft).unwrap();
    let result = run(&[&design], &known(8_000));
    let fates = result.designs[0].critical[0].incidence.fates();
    let count = |fate| fates.iter().filter(|(_, of)| *of == fate).count();
    assert_share(count(Fate::Event), fates.len(), 0.25, "taken");
    assert_share(count(Fate::Competitor), fates.len(), 0.75, "contained");
    assert_eq!(result.designs[0].detection.fates().iter().filter(|(_, fate)| *fate == Fate::Event).count(), 8_000);
}

/// On the complete graph the last unit falls after (2 A / r n) H(n-1) on average, each pair at the rate r / A.
#[test]
fn a_worm_on_the_complete_graph() {
    let n = 40u8;
    let units = (0..n).map(|at| {
        let mut held = unit(&format!("u{at}"), [10, 0, 0, at + 1], &[80]);
        held.vulnerabilities.push(vulnerability(80));
        held
    });
    let foothold = sure_attacker(Selector::Everything);
    let draft = Draft { units: units.collect(), attackers: vec![foothold], ..Draft::default() };
    let design = Design::new(draft).unwrap();
    let result = run(&[&design], &known(3_000));
    let times: Vec<f64> = result.designs[0]
        .replicas
        .iter()
        .map(|replica| {
            assert_eq!(replica.compromised(), u64::from(n));
            replica.course.last().unwrap().at.as_secs_f64()
        })
        .collect();
    let (n, trials) = (f64::from(n), times.len() as f64);
    let harmonic: f64 = (1..40).map(|k| 1.0 / f64::from(k)).sum();
    let expected = 2.0 * f64::from(ADDRESSES) / n * harmonic;
    let mean = times.iter().sum::<f64>() / trials;
    let variance = times.iter().map(|time| (time - mean) * (time - mean)).sum::<f64>() / (trials - 1.0);
    let error = (variance / trials).sqrt();
    assert!((mean - expected).abs() < 4.0 * error, "{mean} s of {expected} s ± {error} s");
    // Every unit is the foothold now and then.
    let footholds: std::collections::BTreeSet<_> =
        result.designs[0].replicas.iter().map(|replica| replica.foothold.clone()).collect();
    assert_eq!(footholds.len(), 40);
}

/// A host takes its guests with it, and a credential opens what no vulnerability does, once it is held.
#[test]
fn guests_and_credentials() {
    let mut draft = chain(1);
    let mut guest = unit("guest", [10, 0, 1, 1], &[]);
    guest.host = Some("u1".to_owned());
    guest.credentials.push("key".to_owned());
    let mut safe = unit("safe", [10, 0, 1, 2], &[22]);
    safe.logins.push(seglab_policy::Login { credential: "key".to_owned(), protocol: Transport::Tcp, port: 22 });
    draft.units.extend([guest, safe]);
    draft.rulebooks[0].tiers[0].rules.push(allow(named("u0"), named("safe"), tcp(22)));
    let with_key = Design::new(draft.clone()).unwrap();
    draft.units.iter_mut().for_each(|unit| unit.credentials.clear());
    let without_key = Design::new(draft).unwrap();
    let result = run(&[&with_key, &without_key], &known(50));
    assert_eq!(
        (result.designs[0].compromised.quantile(0.0), result.designs[1].compromised.quantile(1.0)),
        (Some(4), Some(3))
    );
    let (_, trace) = Campaign::prepare(&[&with_key], &known(50)).unwrap().trace(0, 3).unwrap();
    let taken = trace.iter().filter_map(|entry| match entry.action {
        TraceAction::Taken { unit, .. } => Some((with_key.unit(unit).name.as_str(), entry.at)),
        _ => None,
    });
    let taken: Vec<(&str, Time)> = taken.collect();
    assert_eq!(taken.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["u0", "u1", "guest", "safe"]);
    assert_eq!(taken[1].1, taken[2].1, "at the same instant");
}

/// A rule that looks at the source port stops nobody who may choose it.
#[test]
fn an_attacker_chooses_the_source_port() {
    let mut draft = chain(1);
    let from_dns = Service::Ports {
        protocol: Transport::Tcp,
        ports: IntervalSet::single(80),
        source_ports: IntervalSet::single(53),
    };
    draft.rulebooks[0].tiers[0].rules = vec![allow(named("u0"), named("u1"), from_dns)];
    let design = Design::new(draft).unwrap();
    let result = run(&[&design], &known(20));
    assert_eq!(result.designs[0].compromised.quantile(0.0), Some(2));
    let (_, trace) = Campaign::prepare(&[&design], &known(20)).unwrap().trace(0, 0).unwrap();
    let used = trace.iter().find_map(|entry| match entry.action {
        TraceAction::Attempt { connection, works: true, .. } => Some(connection.header),
        _ => None,
    });
    assert!(matches!(used, Some(Header::Transport { source_port: 53, destination_port: 80, .. })), "{used:?}");
}

#[test]
fn settings_that_ask_nothing_are_errors() {
    let design = company(2, true);
    let prepare = |settings: &Settings| Campaign::prepare(&[&design], settings).err();
    assert_eq!(Campaign::prepare(&[], &settings(1)).err(), Some(CampaignError::NoDesign));
    assert_eq!(prepare(&settings(0)), Some(CampaignError::NoReplicas));
    assert_eq!(prepare(&Settings { horizon: Duration::ZERO, ..settings(1) }), Some(CampaignError::NoHorizon));
    assert_eq!(prepare(&Settings { flows_per_need: 501, ..settings(1) }), Some(CampaignError::TooManyFlows(501)));
    let scanned_addresses = NonZeroU32::new(3);
    let narrow = prepare(&Settings { scanned_addresses, ..settings(1) }).unwrap();
    assert!(narrow.to_string().starts_with("the design `segmented` has 12 interfaces"), "{narrow}");
    let attacker = AttackerChoice::Named("nobody".to_owned());
    let unknown = prepare(&Settings { attacker, ..settings(1) }).unwrap();
    assert!(unknown.to_string().contains("declares no attacker `nobody`"), "{unknown}");
}

#[test]
fn attackers_that_cannot_be_simulated_are_errors() {
    let with = |change: fn(&mut Attacker)| {
        let design = variant(&company(2, true), |draft| change(&mut draft.attackers[0]));
        Campaign::prepare(&[&design], &settings(1)).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(with(|_| ()), "");
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 2e6] {
        let design = variant(&company(2, true), |draft| draft.attackers[0].scan_rate_per_second = rate);
        let error = Campaign::prepare(&[&design], &settings(1)).err();
        assert!(matches!(error, Some(CampaignError::ScanRate { .. })), "{rate}: {error:?}");
    }
    let probability = with(|attacker| attacker.exploit_probability = 1.5);
    assert!(probability.starts_with("the exploit of the attacker `sure`: `1.5` is no probability"), "{probability}");
    let foothold = with(|attacker| attacker.foothold = Selector::nothing());
    assert!(foothold.contains("no unit of the design `segmented` is the foothold"), "{foothold}");
    let none = variant(&company(2, true), |draft| draft.attackers.clear());
    let error = Campaign::prepare(&[&none], &settings(1)).err().unwrap();
    assert_eq!(error, CampaignError::NoAttacker { design: "segmented".to_owned() });
    let monitor = variant(&company(2, true), |draft| draft.monitor.as_mut().unwrap().sensor_probability = -0.1);
    let error = Campaign::prepare(&[&monitor], &settings(1)).err();
    assert!(matches!(error, Some(CampaignError::Probability { .. })), "{error:?}");
}

#[test]
fn a_budget_that_is_used_up_is_an_error() {
    let design = company(5, false);
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let error = Campaign::run(&[&design], &Settings { events_max: 40, threads, ..settings(20) }).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("replica 0 of the design `flat`: 40 events happened by"), "{message}");
    }
}
