//! Attacks by tradecraft and strategy, and what is done about them.

use std::collections::BTreeSet;

use seglab_policy::{
    Attacker, Defence, Design, Draft, Effort, Escalation, Exploit, Login, Mode, Monitor, NeedsRoot, Patching,
    PointKind, Privilege, Provenance, Selector, Strategy, Transport, Triage, UnitId,
};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::Fate;
use seglab_sim::models::plan::{self, Deed, Objective, Solution};
use seglab_sim::models::{Campaign, CampaignError, Detection, Replica, Settings, TraceAction, TraceEntry};

use crate::company::{
    allow, app, company, everywhere, named, need, rulebook, run, sure_attacker, tcp, unit, vulnerability,
};

fn settings(replicas: u32) -> Settings {
    Settings { replicas, seed: 7, horizon: Duration::from_days(2), flows_per_need: 0, ..Settings::default() }
}

fn exploit(port: u16, gives: Privilege, present: f64) -> Exploit {
    Exploit {
        vulnerability: format!("weak-{port}"),
        gives,
        present_probability: present,
        effort: Effort { mean_ns: Some(0), ..Effort::default() },
        provenance: Provenance::default(),
    }
}

fn escalation(on: Selector) -> Escalation {
    Escalation {
        name: "climb".to_owned(),
        on,
        present_probability: 1.0,
        effort: Effort { cost: 1.0, success_probability: 0.5, mean_ns: Some(60_000_000_000) },
        provenance: Provenance::default(),
    }
}

fn changed(design: &Design, change: impl FnOnce(&mut Draft)) -> Design {
    let mut draft = design.to_draft();
    change(&mut draft);
    Design::new(draft).unwrap()
}

fn monitor(defence: Defence) -> Monitor {
    Monitor {
        denied_alert_probability: 0.5,
        sensor_probability: 1.0,
        sensor_mean_ns: 3_600_000_000_000,
        response_mean_ns: 60_000_000_000,
        defence,
        provenance: Provenance::default(),
    }
}

/// A base that reaches a web server, which also stands in two networks behind it: with a vault, of which it holds the key, and
/// with a store, to which its own agent keeps it from speaking.
fn site() -> Draft {
    let behind = |space: &str, address| {
        let mut interface = unit("", address, &[]).interfaces.remove(0);
        interface.space = space.to_owned();
        interface
    };
    let mut web = unit("web", [10, 0, 0, 2], &[80]);
    web.interfaces.extend([behind("back", [10, 0, 1, 2]), behind("far", [10, 0, 2, 2])]);
    web.vulnerabilities.push(vulnerability(80));
    web.credentials.push("key".to_owned());
    let mut vault = unit("vault", [10, 0, 1, 3], &[22]);
    vault.interfaces = vec![behind("back", [10, 0, 1, 3])];
    vault.logins.push(Login { credential: "key".to_owned(), protocol: Transport::Tcp, port: 22 });
    vault.criticality = 1;
    let mut store = unit("store", [10, 0, 2, 4], &[80]);
    store.interfaces = vec![behind("far", [10, 0, 2, 4])];
    store.vulnerabilities.push(vulnerability(80));
    let mut agent = everywhere(PointKind::Agent, Mode::Enforce);
    agent.placement = seglab_policy::Placement::Units(Selector::Named("web".to_owned()));
    Draft {
        name: "site".to_owned(),
        units: vec![unit("base", [10, 0, 0, 1], &[]), web, vault, store],
        rulebooks: vec![rulebook(vec![
            allow(named("base"), named("web"), tcp(80)),
            allow(named("web"), named("vault"), tcp(22)),
        ])],
        points: vec![agent],
        attackers: vec![sure_attacker(Selector::Named("base".to_owned()))],
        ..Draft::default()
    }
}

fn taken(design: &Design, trace: &[TraceEntry]) -> BTreeSet<String> {
    let units = trace.iter().filter_map(|entry| match entry.action {
        TraceAction::Taken { unit, .. } => Some(design.unit(unit).name.clone()),
        _ => None,
    });
    units.collect()
}

fn trace(design: &Design, settings: &Settings) -> (Replica, Vec<TraceEntry>) {
    Campaign::prepare(&[design], settings).unwrap().trace(0, 0).unwrap()
}

#[test]
fn an_account_is_not_all_of_a_unit() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let outcome = |needs_root: NeedsRoot, escalations: Vec<Escalation>| {
        let mut draft = site();
        draft.tradecraft.exploits = vec![exploit(80, Privilege::User, 1.0)];
        draft.tradecraft.escalations = escalations;
        draft.tradecraft.needs_root = needs_root;
        let design = Design::new(draft).unwrap();
        let (replica, trace) = trace(&design, &settings(1));
        (taken(&design, &trace), replica.critical[0].fate, trace)
    };
    let all = names(&["base", "store", "vault", "web"]);
    let both = NeedsRoot { credentials: true, tampering: true };
    let everywhere = || vec![escalation(Selector::Everything)];
    let (owned, fate, _) = outcome(NeedsRoot::default(), Vec::new());
    assert_eq!((owned, fate), (all.clone(), Fate::Event), "an account is enough where nothing else is said");
    let (owned, fate, _) = outcome(both, Vec::new());
    assert_eq!((owned, fate), (names(&["base", "web"]), Fate::Censored));
    let (owned, ..) = outcome(NeedsRoot { credentials: true, tampering: false }, Vec::new());
    assert_eq!(owned, names(&["base", "store", "web"]));
    let (owned, ..) = outcome(NeedsRoot { credentials: false, tampering: true }, Vec::new());
    assert_eq!(owned, names(&["base", "vault", "web"]));
    let (owned, fate, trace) = outcome(both, everywhere());
    assert_eq!((owned, fate), (all, Fate::Event));
    let ids: Vec<&str> = trace.iter().filter_map(|entry| Some(entry.action.technique()?.id)).collect();
    let first = |id: &str| ids.iter().position(|one| *one == id).unwrap_or_else(|| panic!("{id} in {ids:?}"));
    // Exploited, escalated, tampered with, credentials found, used.
    let order = ["T1210", "T1068", "T1562.001", "T1552", "T1021.004"].map(first);
    assert!(order.is_sorted(), "{order:?} {ids:?}");
    assert!(trace.iter().all(|entry| match entry.action {
        TraceAction::Attempt { passage, works, technique, .. } => {
            !works && (passage.is_allowed() || technique.id == "T1046") || works && technique.id != "T1046"
        }
        _ => true,
    }));
}

/// The best plan asks for all of a unit where tradecraft does, and not otherwise.
#[test]
fn plans_escalate_where_they_have_to() {
    let best = |goal: &str, needs_root: NeedsRoot| {
        let mut draft = site();
        draft.tradecraft.exploits = vec![exploit(80, Privilege::User, 1.0)];
        draft.tradecraft.escalations = vec![escalation(Selector::Everything)];
        draft.tradecraft.needs_root = needs_root;
        let design = Design::new(draft).unwrap();
        let goals = vec![design.unit_named(goal).unwrap()];
        let plans = plan::plans(&design, &plan::Settings { goals, ..plan::Settings::default() }).unwrap();
        match &plans.goals[0].solutions[0] {
            (Objective::FewestActions, Solution::Found { plan, .. }) => {
                let climbs = plan.steps.iter().filter(|step| matches!(step.deed, Deed::Escalate { .. })).count();
                (plan.steps.len(), climbs)
            }
            other => panic!("{other:?}"),
        }
    };
    let credentials = NeedsRoot { credentials: true, tampering: false };
    let tampering = NeedsRoot { credentials: false, tampering: true };
    // Scan, exploit, find, log in.
    assert_eq!(best("vault", NeedsRoot::default()), (4, 0));
    assert_eq!(best("vault", tampering), (4, 0));
    assert_eq!(best("vault", credentials), (5, 1));
    // Scan, exploit, scan, exploit, and all of the store, which the exploit does not give.
    assert_eq!(best("store", NeedsRoot::default()), (5, 1));
    assert_eq!(best("store", credentials), (5, 1));
    assert_eq!(best("store", tampering), (6, 2));
}

/// A stolen credential is one that need not be found.
#[test]
fn plans_begin_with_what_is_stolen() {
    let mut draft = site();
    draft.attackers[0].credentials = vec!["key".to_owned()];
    let behind = draft.units[1].interfaces[1].clone();
    draft.units[0].interfaces.push(behind);
    draft.units[0].interfaces[1].address = unit("", [10, 0, 1, 9], &[]).interfaces[0].address;
    let design = Design::new(draft).unwrap();
    let plans = plan::plans(&design, &plan::Settings::default()).unwrap();
    let Solution::Found { plan, .. } = &plans.goals[0].solutions[0].1 else { panic!("{plans:?}") };
    assert!(matches!(plan.steps[..], [plan::Step { deed: Deed::Login { .. }, .. }]), "{plan:?}");
}

#[test]
fn an_exploit_that_gives_all_finishes_what_an_account_began() {
    let mut draft = site();
    draft.units[1].listeners.push(seglab_policy::Listener::port(Transport::Tcp, 81));
    draft.units[1].vulnerabilities.push(vulnerability(81));
    draft.units[1].criticality = 1;
    draft.rulebooks[0].tiers[0].rules.push(allow(named("base"), named("web"), tcp(81)));
    draft.tradecraft.exploits = vec![exploit(80, Privilege::User, 1.0)];
    let design = Design::new(draft).unwrap();
    let result = run(&[&design], &settings(30));
    let web = design
        .unit_ids()
        .filter(|unit| design.unit(*unit).criticality > 0)
        .position(|unit| design.unit(unit).name == "web");
    for replica in &result.designs[0].replicas {
        assert_eq!(replica.critical[web.unwrap()].fate, Fate::Event, "by the exploit of the other port");
    }
    let without = changed(&design, |draft| {
        draft.units.iter_mut().for_each(|unit| {
            unit.vulnerabilities.retain(|weak| weak.port == 80);
        })
    });
    let result = run(&[&without], &settings(30));
    for replica in &result.designs[0].replicas {
        assert_eq!(replica.critical[web.unwrap()].fate, Fate::Censored);
    }
}

/// A design whose tradecraft says what the attacker does anyway plays alike, but for the draws of its exploits.
#[test]
fn silence_changes_nothing() {
    let design = company(5, false);
    let silent = changed(&design, |draft| {
        draft.tradecraft.exploits = vec![exploit(9, Privilege::User, 0.5)];
        draft.tradecraft.needs_root = NeedsRoot { credentials: true, tampering: true };
        draft.monitor.as_mut().unwrap().defence =
            Defence { patching: Some(Patching { probability: 0.0, mean_ns: 1 }), ..Defence::default() };
    });
    let result = run(&[&design, &silent], &settings(100));
    assert!(result.designs[0].replicas == result.designs[1].replicas);
    assert!(result.designs[0].compromised.quantile(0.9) > Some(1));
}

fn with_strategy(design: &Design, strategy: Strategy) -> Design {
    changed(design, |draft| draft.attackers[0].strategy = strategy)
}

/// Without a defender, who aims at critical units takes the first one no later than a worm in any replica.
#[test]
fn who_aims_is_never_later() {
    let worm = changed(&company(10, true), |draft| {
        draft.monitor = None;
        draft.attackers[0].foothold = Selector::Everything;
    });
    let targeted = with_strategy(&worm, Strategy::Targeted);
    let settings = Settings { horizon: Duration::from_days(7), ..settings(150) };
    let result = run(&[&worm, &targeted], &settings);
    let at = |replica: &Replica| match replica.first_critical().unwrap() {
        first if first.fate == Fate::Event => first.at.as_nanos(),
        _ => u64::MAX,
    };
    let pairs = result.designs[0].replicas.iter().zip(&result.designs[1].replicas);
    let pairs: Vec<(u64, u64)> = pairs.map(|(worm, targeted)| (at(worm), at(targeted))).collect();
    assert!(pairs.iter().all(|(worm, targeted)| targeted <= worm), "{pairs:?}");
    assert!(pairs.iter().filter(|(worm, targeted)| targeted < worm).count() > 20);
    let none = changed(&targeted, |draft| draft.units.iter_mut().for_each(|unit| unit.criticality = 0));
    let error = Campaign::prepare(&[&none], &settings).err();
    assert!(matches!(error, Some(CampaignError::NoTarget { .. })), "{error:?}");
}

#[test]
fn who_has_what_it_wants_stops() {
    let flat = changed(&company(4, false), |draft| draft.monitor = None);
    let targeted = with_strategy(&flat, Strategy::Targeted);
    let settings = Settings { horizon: Duration::from_days(30), ..settings(20) };
    let result = run(&[&flat, &targeted], &settings);
    for (worm, targeted) in result.designs[0].replicas.iter().zip(&result.designs[1].replicas) {
        assert!(targeted.critical.iter().all(|one| one.fate == Fate::Event));
        let last = targeted.critical.iter().map(|one| one.at).max().unwrap();
        let exploits = Duration::from_hours(24);
        assert!(targeted.course.last().unwrap().at <= last.saturating_add(exploits), "what was under way at most");
        assert!(worm.compromised() >= targeted.compromised());
    }
}

#[test]
fn an_insider_only_logs_in() {
    let flat = changed(&company(4, false), |draft| {
        draft.monitor = None;
        draft.attackers[0].foothold = Selector::label("tier", "app");
        draft.attackers[0].credentials = vec!["password-3".to_owned()];
    });
    let insider = with_strategy(&flat, Strategy::Insider);
    let campaign_settings = Settings { horizon: Duration::from_days(30), ..settings(12) };
    let campaign = Campaign::prepare(&[&insider], &campaign_settings).unwrap();
    for number in 0..12 {
        let (replica, trace) = campaign.trace(0, number).unwrap();
        let own = replica.foothold.unwrap();
        let mut expected = BTreeSet::from([own.clone()]);
        // The databases of its own application and of the one whose password is stolen.
        for application in [&own["app-".len()..own.len() - 2], "00003"] {
            expected.extend((0..2).map(|copy| format!("db-{application}-{copy}")));
        }
        assert_eq!(taken(&insider, &trace), expected);
    }
}

#[test]
fn ransomware_strikes_in_time() {
    let flat = changed(&company(4, false), |draft| draft.monitor = None);
    let strategy = Strategy::Ransomware { units: Some(5), after_ns: Some(2 * 3_600_000_000_000) };
    let struck = with_strategy(&flat, strategy);
    let settings = Settings { flows_per_need: 20, ..settings(100) };
    let result = run(&[&flat, &struck], &settings);
    let late = Duration::from_hours(2).after_start();
    let (mut by_time, mut by_units) = (0, 0);
    for replica in &result.designs[1].replicas {
        let impact = replica.impact.unwrap();
        assert!(impact.at <= late && u64::from(impact.units) == replica.compromised());
        assert_eq!(impact.units >= 5, impact.at < late);
        by_time += u32::from(impact.at == late);
        by_units += u32::from(impact.at < late);
    }
    assert!(by_time > 5 && by_units > 5, "{by_time} {by_units}");
    let lost = |at: usize| result.designs[at].needs.iter().map(|need| need.flows.quarantined).sum::<u64>();
    assert!(lost(0) == 0 && lost(1) > 100, "what is struck answers nobody");
}

#[test]
fn a_slow_attacker_makes_few_attempts() {
    let worm = changed(&company(10, false), |draft| draft.monitor = None);
    let slow = with_strategy(&worm, Strategy::LowAndSlow);
    let walk = with_strategy(&worm, Strategy::RandomWalk);
    // While there is still something to take.
    let result = run(&[&worm, &slow, &walk], &Settings { horizon: Duration::from_hours(4), ..settings(60) });
    let made = |at: usize| result.designs[at].attempts.made as f64;
    assert!(made(1) < 0.5 * made(0) && made(2) < 0.5 * made(0), "{} {} {}", made(0), made(1), made(2));
    // Either makes one unit's worth.
    assert!((made(1) / made(2) - 1.0).abs() < 0.1, "{} {}", made(1), made(2));
}

fn triage(analysts: u32) -> Triage {
    Triage { analysts, mean_ns: 900_000_000_000, missed_probability: 0.0, false_alarms_per_second: 2e-5 }
}

fn watched(design: &Design, defence: Defence) -> Design {
    changed(design, |draft| draft.monitor = Some(monitor(defence)))
}

#[test]
fn detection_says_what_analysts_hear_of() {
    let design = changed(&company(10, true), |draft| {
        // What nobody allowed is needed all the same.
        draft.needs.push(need(app("web-00001"), app("db-00002"), tcp(5432), false));
    });
    let design = watched(&design, Defence { triage: Some(triage(3)), ..Defence::default() });
    let cases = |detection| {
        let result = run(&[&design], &Settings { detection, ..settings(40) });
        let replicas = &result.designs[0].replicas;
        let sum = |of: fn(&Replica) -> u64| replicas.iter().map(of).sum::<u64>();
        (sum(|replica| replica.triage.cases), sum(|replica| replica.triage.false_alarms))
    };
    let (off, sensor, full) = (cases(Detection::Off), cases(Detection::SensorOnly), cases(Detection::Full));
    assert_eq!(off, (0, 0));
    assert!(sensor.1 > 0 && sensor.0 > sensor.1, "{sensor:?}");
    // Two units whose need is denied are looked at over and over again.
    assert!(full.1 > 2 * sensor.1, "{sensor:?} {full:?}");
}

#[test]
fn busy_analysts_are_slow_ones() {
    let design = company(10, true);
    let none = watched(&design, Defence::default());
    let many = watched(&design, Defence { triage: Some(triage(50)), ..Defence::default() });
    let busy = Triage { false_alarms_per_second: 1e-3, ..triage(1) };
    let one = watched(&design, Defence { triage: Some(busy), ..Defence::default() });
    let blind = Triage { missed_probability: 1.0, ..triage(50) };
    let blind = watched(&design, Defence { triage: Some(blind), ..Defence::default() });
    let result = run(&[&none, &many, &one, &blind], &settings(60));
    let mean = |at: usize| {
        let replicas = &result.designs[at].replicas;
        replicas.iter().map(Replica::compromised).sum::<u64>()
    };
    assert!(mean(0) <= mean(1) && mean(1) < mean(2) && mean(2) < mean(3), "{:?}", [0, 1, 2, 3].map(mean));
    let sum = |at: usize, of: fn(&Replica) -> u64| result.designs[at].replicas.iter().map(of).sum::<u64>();
    assert_eq!(sum(1, |replica| replica.triage.waited_ns), 0, "nobody waits where there are more analysts than cases");
    assert!(sum(2, |replica| replica.triage.waited_ns) > 0);
    assert_eq!(sum(3, |replica| u64::from(replica.course.last().unwrap().quarantined)), 0);
    assert!(sum(3, |replica| replica.triage.missed) > 0 && sum(0, |replica| replica.triage.cases) == 0);
}

#[test]
fn quarantine_spares_what_it_is_told_to() {
    let design = changed(&company(10, false), |draft| draft.attackers[0].exploit_mean_ns = 3_600_000_000_000);
    let cut = watched(&design, Defence::default());
    let spare = watched(&design, Defence { spares_established: true, ..Defence::default() });
    let result = run(&[&cut, &spare], &settings(100));
    let pairs = result.differences[0].compromised.pairs();
    assert!(pairs.iter().all(|(cut, spare)| cut <= spare));
    assert!(pairs.iter().filter(|(cut, spare)| cut < spare).count() > 30);
    let campaign = Campaign::prepare(&[&spare], &settings(20)).unwrap();
    let mut after = 0;
    for number in 0..20 {
        let (_, trace) = campaign.trace(0, number).unwrap();
        let mut quarantined: BTreeSet<UnitId> = BTreeSet::new();
        for entry in &trace {
            match entry.action {
                TraceAction::Quarantined { unit } => {
                    quarantined.insert(unit);
                }
                TraceAction::Taken { by: Some(by), .. } => after += u32::from(quarantined.contains(&by)),
                TraceAction::Attempt { by, .. } => assert!(!quarantined.contains(&by), "nothing new is opened"),
                _ => {}
            }
        }
    }
    assert!(after > 5, "{after}");
}

#[test]
fn patches_and_changes_only_help() {
    let design = company(10, false);
    let plain = watched(&design, Defence::default());
    let patched = Patching { probability: 0.8, mean_ns: 6 * 3_600_000_000_000 };
    let patched = watched(&design, Defence { patching: Some(patched), ..Defence::default() });
    let changed = watched(&design, Defence { rotation_mean_ns: Some(60_000_000_000), ..Defence::default() });
    let result = run(&[&plain, &patched, &changed], &settings(150));
    for difference in &result.differences {
        let pairs = difference.compromised.pairs();
        assert!(pairs.iter().filter(|(plain, better)| better < plain).count() > 5, "{}", difference.second);
        let sum = |of: fn(&(u64, u64)) -> u64| pairs.iter().map(of).sum::<u64>();
        assert!(sum(|pair| pair.1) < sum(|pair| pair.0));
    }
}

#[test]
fn numbers_that_are_none_are_errors() {
    let refused = |change: fn(&mut Draft)| {
        let design = changed(&company(2, true), change);
        matches!(Campaign::prepare(&[&design], &settings(1)).err(), Some(CampaignError::Probability { .. }))
    };
    assert!(refused(|draft| draft.tradecraft.exploits = vec![exploit(443, Privilege::Root, 1.5)]));
    assert!(refused(|draft| {
        draft.tradecraft.escalations =
            vec![Escalation { present_probability: -1.0, ..escalation(Selector::Everything) }];
    }));
    assert!(refused(|draft| {
        let defence = &mut draft.monitor.as_mut().unwrap().defence;
        defence.triage = Some(Triage { missed_probability: 2.0, ..triage(1) });
    }));
    assert!(refused(|draft| {
        let defence = &mut draft.monitor.as_mut().unwrap().defence;
        defence.patching = Some(Patching { probability: f64::NAN, mean_ns: 1 });
    }));
    let whole = Attacker { credentials: vec!["no such".to_owned()], ..sure_attacker(Selector::Everything) };
    let design = changed(&company(2, true), |draft| draft.attackers = vec![whole]);
    assert!(Campaign::prepare(&[&design], &settings(1)).is_ok(), "a credential that opens nothing opens nothing");
}
