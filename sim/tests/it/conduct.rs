//! How attackers get in, and what they do with what they have: controllers, and data that leaves.

use seglab_policy::{
    AddressSet, Conduct, Covers, Defence, Design, Draft, Exfiltration, Mode, Monitor, Peer, PointKind, Provenance,
    Selector, Transport, WayIn,
};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::Fate;
use seglab_sim::models::{Campaign, CampaignError, Replica, Settings, TraceAction};

use crate::company::{allow, everywhere, named, rulebook, run, sure_attacker, tcp, unit, vulnerability};

fn settings(replicas: u32) -> Settings {
    Settings { replicas, seed: 11, horizon: Duration::from_days(2), flows_per_need: 0, ..Settings::default() }
}

fn weak(name: &str, last: u8, image: &str) -> seglab_policy::Unit {
    let mut held = unit(name, [10, 0, 0, last], &[80]);
    held.vulnerabilities.push(vulnerability(80));
    held.image = Some(image.to_owned());
    held
}

fn design(draft: Draft) -> Design {
    Design::new(draft).unwrap()
}

fn replicas(design: &Design, replicas: u32) -> Vec<Replica> {
    run(&[design], &settings(replicas)).designs.remove(0).replicas
}

/// Two web servers, of which the internet reaches one, and a database behind.
fn site(conduct: Conduct) -> Draft {
    let mut db = weak("db", 3, "base-2");
    db.criticality = 1;
    let mut attacker = sure_attacker(Selector::Everything);
    attacker.conduct = conduct;
    Draft {
        name: "site".to_owned(),
        units: vec![weak("open", 1, "base-1"), weak("shut", 2, "base-1"), db],
        rulebooks: vec![rulebook(vec![
            allow(Peer::internet(), named("open"), tcp(80)),
            allow(named("open"), named("db"), tcp(80)),
        ])],
        points: vec![everywhere(PointKind::Agent, Mode::Enforce)],
        attackers: vec![attacker],
        ..Draft::default()
    }
}

fn footholds(design: &Design) -> Vec<Option<String>> {
    replicas(design, 40).into_iter().map(|replica| replica.foothold).collect()
}

#[test]
fn an_exposed_service_is_one_that_policy_opens_to_the_internet() {
    let exposed = Conduct { way_in: WayIn::ExposedService, ..Conduct::default() };
    assert!(footholds(&design(site(exposed))).iter().all(|foothold| foothold.as_deref() == Some("open")));
    let mut shut = site(exposed);
    shut.rulebooks[0].tiers[0].rules.remove(0);
    let without = replicas(&design(shut), 5);
    assert!(without.iter().all(|replica| replica.foothold.is_none() && replica.compromised() == 0));
    // By a mail it may be any of them.
    let any = footholds(&design(site(Conduct::default())));
    assert!(["open", "shut", "db"].iter().all(|name| any.iter().any(|one| one.as_deref() == Some(name))));
}

#[test]
fn an_update_takes_all_units_of_one_image() {
    let by_update = Conduct { way_in: WayIn::SupplyChain, ..Conduct::default() };
    let mut isolated = site(by_update);
    isolated.rulebooks[0].tiers[0].rules.clear();
    let isolated = design(isolated);
    let (mut ones, mut twos) = (0, 0);
    for replica in replicas(&isolated, 60) {
        match (replica.foothold.as_deref(), replica.compromised()) {
            (Some("open" | "shut"), 2) => twos += 1,
            (Some("db"), 1) => ones += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(ones > 5 && twos > 20, "{ones} {twos}");
}

/// What a controller distributes is void once all of it is taken, and nothing else is.
#[test]
fn whoever_takes_a_controller_takes_its_points() {
    let owned = |takes_controllers: bool, of_db: &str| {
        let mut draft = site(Conduct { takes_controllers, ..Conduct::default() });
        draft.attackers[0].foothold = Selector::Named("open".to_owned());
        draft.units.push(weak("controller", 4, "base-3"));
        draft.units.push(weak("other", 5, "base-3"));
        draft.rulebooks[0].tiers[0].rules = vec![allow(named("open"), named("controller"), tcp(80))];
        // Agents keep outsiders from the database, and everybody from everything else.
        draft.points[0].controller = Some("other".to_owned());
        draft.points[0].placement =
            seglab_policy::Placement::Units(Selector::Not(Box::new(Selector::Named("db".to_owned()))));
        let mut at_db = everywhere(PointKind::Host, Mode::Enforce);
        at_db.name = "at db".to_owned();
        at_db.placement = seglab_policy::Placement::Units(Selector::Named("db".to_owned()));
        at_db.controller = Some(of_db.to_owned());
        draft.points.push(at_db);
        replicas(&design(draft), 1)[0].critical[0].fate == Fate::Event
    };
    assert!(owned(true, "controller"));
    assert!(!owned(false, "controller"), "who does not use it gains nothing");
    assert!(!owned(true, "other"), "the other controller is not taken");
}

#[test]
fn a_controller_has_to_be_there_to_be_taken() {
    let draft = site(Conduct { takes_controllers: true, ..Conduct::default() });
    let design = design(draft);
    let error = Campaign::prepare(&[&design], &settings(1)).err();
    let expected =
        CampaignError::NoController { design: "site".to_owned(), attacker: design.attackers()[0].name.clone() };
    assert_eq!(error, Some(expected));
}

/// The database is taken from the open server, at one time in all designs that are asked.
fn leaks(change: impl FnOnce(&mut Draft), count: u32) -> Vec<Replica> {
    let sends = Exfiltration { protocol: Transport::Tcp, port: 443, mean_ns: 3_600_000_000_000 };
    let mut draft = site(Conduct { exfiltration: Some(sends), ..Conduct::default() });
    draft.attackers[0].foothold = Selector::Named("open".to_owned());
    change(&mut draft);
    replicas(&design(draft), count)
}

fn leaked(replicas: &[Replica]) -> usize {
    replicas.iter().filter(|replica| replica.exfiltrated[0].fate == Fate::Event).count()
}

#[test]
fn data_leaves_by_the_egress_that_policy_allows_and_by_no_other() {
    // An owner's own agent does not hold it, so it is a host point that does.
    let host = |draft: &mut Draft| draft.points[0].kind = PointKind::Host;
    let out = |from: &str, to: Peer| allow(named(from), to, tcp(443));
    assert_eq!(leaked(&leaks(host, 20)), 0, "nobody may send");
    for from in ["open", "db"] {
        let replicas = leaks(
            |draft| {
                host(draft);
                draft.rulebooks[0].tiers[0].rules.push(out(from, Peer::internet()));
            },
            400,
        );
        // Of exponential times since it was taken, the mean within four standard errors.
        let times = replicas.iter().filter(|replica| replica.critical[0].fate == Fate::Event).map(|replica| {
            assert_eq!(replica.exfiltrated[0].fate, Fate::Event);
            replica.exfiltrated[0].at.since(replica.critical[0].at).as_secs_f64()
        });
        let times: Vec<f64> = times.collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        assert!(times.len() > 300 && (mean / 3600.0 - 1.0).abs() < 4.0 / (times.len() as f64).sqrt(), "{mean}");
    }
    // To some place on the internet is enough, and a unit that is none of the way is not.
    let place = AddressSet::single("198.18.0.1".parse().unwrap());
    assert_eq!(
        leaked(&leaks(
            |draft| {
                host(draft);
                draft.rulebooks[0].tiers[0].rules.push(out("shut", Peer::internet()));
            },
            20,
        )),
        0
    );
    let one = AddressSet::single("93.184.215.14".parse().unwrap());
    for (set, some) in [(one, true), (place, false)] {
        let replicas = leaks(
            |draft| {
                host(draft);
                draft.rulebooks[0].tiers[0].rules.push(out("db", Peer::Addresses { set, covers: Covers::External }));
            },
            20,
        );
        assert_eq!(leaked(&replicas) > 15, some, "198.18.0.0/15 is not globally routable");
    }
}

#[test]
fn quarantine_on_the_way_keeps_data_in() {
    let hour = 3_600_000_000_000;
    let monitor = Monitor {
        denied_alert_probability: 0.0,
        sensor_probability: 1.0,
        sensor_mean_ns: 0,
        response_mean_ns: hour,
        defence: Defence::default(),
        provenance: Provenance::default(),
    };
    let replicas = leaks(
        |draft| {
            draft.points[0].kind = PointKind::Host;
            draft.rulebooks[0].tiers[0].rules.push(allow(named("open"), Peer::internet(), tcp(443)));
            draft.monitor = Some(monitor);
        },
        4_000,
    );
    // Where the database was taken, both units race the data, each at the rate at which it leaves: a third leaves.
    let taken: Vec<&Replica> = replicas.iter().filter(|replica| replica.critical[0].fate == Fate::Event).collect();
    let share =
        taken.iter().filter(|replica| replica.exfiltrated[0].fate == Fate::Event).count() as f64 / taken.len() as f64;
    let error = (2.0 / 9.0 / taken.len() as f64).sqrt();
    assert!(taken.len() > 500 && (share - 1.0 / 3.0).abs() < 4.0 * error, "{share} of {}", taken.len());
}

#[test]
fn what_leaves_is_traced_with_its_connection() {
    let sends = Exfiltration { protocol: Transport::Tcp, port: 443, mean_ns: 0 };
    let mut draft = site(Conduct { exfiltration: Some(sends), ..Conduct::default() });
    draft.attackers[0].foothold = Selector::Named("open".to_owned());
    draft.rulebooks[0].tiers[0].rules.push(allow(named("open"), Peer::internet(), tcp(443)));
    let design = design(draft);
    let (_, trace) = Campaign::prepare(&[&design], &settings(1)).unwrap().trace(0, 0).unwrap();
    let techniques: Vec<&str> = trace.iter().filter_map(|entry| entry.action.technique()).map(|one| one.id).collect();
    assert!(techniques.contains(&"T1041"), "{techniques:?}");
    let left = trace.iter().filter(|entry| matches!(entry.action, TraceAction::Exfiltrated { .. })).count();
    assert_eq!(left, 1);
}
